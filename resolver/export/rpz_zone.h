/*
 * export/rpz_zone.h - the records of a response policy zone, read but not yet understood.
 * Internal to the room: rpz_text.c (lines), rpz_zone.c (records), rpz_import.c (meaning).
 */
#ifndef CORDON_EXPORT_RPZ_ZONE_H
#define CORDON_EXPORT_RPZ_ZONE_H

#include "base/report.h"
#include "wire/name.h"

/* --- rpz_text.c --- */

/* Text of a zone, record by record. */
struct rpz_text {
    const char *at, *end;
    const char *file;
    struct report *report;
    uint32_t line;      /* of at, from 1 */
    uint32_t from_line; /* where the record began */
    char *record;       /* joined to one line without comments and parentheses */
    size_t len;
};

/* file and report are borrowed. -ENOMEM. */
int rpz_text_init(struct rpz_text *text, const char *octets, size_t len, const char *file,
                  struct report *report);
void rpz_text_deinit(struct rpz_text *text);

enum rpz_text_result {
    RPZ_TEXT_RECORD, /* text->record, terminated, not blank */
    RPZ_TEXT_END,
    RPZ_TEXT_FAULT /* reported; the rest of the line is left behind */
};
enum rpz_text_result rpz_text_next(struct rpz_text *text);

/* --- rpz_zone.c, which has ldns for itself --- */

/* Types that are told apart. */
enum rpz_type {
    RPZ_CNAME,
    RPZ_A,
    RPZ_AAAA,
    RPZ_NOT_POLICY, /* SOA, NS, DNSSEC and what describes the zone */
    RPZ_OTHER
};

struct rpz_record {
    uint8_t *owner;  /* wire format, lower case, without the zone's name; a root
                      * follows, which owner_len leaves out */
    uint8_t *target; /* of a CNAME: a whole name in wire format, lower case */
    uint8_t owner_len, target_len;
    uint8_t type; /* enum rpz_type */
    bool is_null; /* an address that leads nowhere */
    uint32_t line;
};

struct rpz_zone {
    struct rpz_record *records;
    size_t count, room;
    struct wire_name origin; /* owner of the SOA */
    char origin_text[WIRE_NAME_TEXT_MAX];
    uint32_t serial;
};

/* 0 and *zone; CORDON_E_REFUSED, CORDON_E_TOO_LARGE, -ENOMEM, and nothing to free. */
int rpz_zone_read(const char *text, size_t len, const char *file, const char *origin,
                  struct report *report, struct rpz_zone *zone);
void rpz_zone_deinit(struct rpz_zone *zone);

#endif
