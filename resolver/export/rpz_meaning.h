/*
 * export/rpz_meaning.h - what the owners of a response policy zone say. Internal to the room.
 */
#ifndef CORDON_EXPORT_RPZ_MEANING_H
#define CORDON_EXPORT_RPZ_MEANING_H

#include "base/address.h"
#include "export/rpz_import.h"
#include "export/rpz_zone.h"
#include "policy/rule.h"

enum rpz_word {
    RPZ_WORD_NONE, /* the name exists, and that is all */
    RPZ_WORD_LOST, /* something that a list cannot say */
    RPZ_WORD_RULE
};

struct rpz_rule {
    enum rpz_word word;
    enum policy_kind kind;
    enum policy_action action;
    const struct rpz_record *redirect; /* its target */
    bool prefixes;
    uint32_t line;
};

/* A name, or a prefix. */
struct rpz_item {
    const uint8_t *octets; /* of the name: wire format, the root's octet follows */
    uint8_t len;           /* without it */
    bool below;            /* it was "*." and this name */
    enum policy_subject subject;
    struct address_prefix prefix;
    struct rpz_rule rule;
};

struct rpz_work {
    struct export_rpz_import *import;
    struct rpz_zone zone;
    struct rpz_item *names, *prefixes;
    size_t name_count, prefix_count;
    FILE *out;
};

/* Fills names and prefixes from the zone, and tells what a list cannot say. 0 or -ENOMEM. */
int rpz_understand(struct rpz_work *work);

/* The name without the root, in presentation format: it has only a-z, 0-9, '-' and '_'. */
void rpz_write_name(FILE *out, const uint8_t *octets, size_t len);

#endif
