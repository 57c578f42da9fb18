/*
 * export/rpz_import.h - a response policy zone as the text of a list (blocklists/FORMAT.md).
 *
 * The zone is foreign text: it is bounded, read as master file format (RFC 1035, 5; no
 * $INCLUDE, no $GENERATE), each record by ldns. What a list cannot express is left out, told by
 * line, and let through where a wildcard would take its place. Wildcards mean what they mean in
 * a zone (RFC 4592): they do not cover names that exist in it, nor what is below those; where
 * that lets names through, a pass rule says so.
 */
#ifndef CORDON_EXPORT_RPZ_IMPORT_H
#define CORDON_EXPORT_RPZ_IMPORT_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What a rule of the zone came to, told by line. */
enum export_rpz_tell {
    EXPORT_RPZ_LEFT_OUT, /* no rule of a list says it */
    EXPORT_RPZ_PARTLY,   /* a rule says less */
    EXPORT_RPZ_IMPLIED,  /* a pass rule for what a wildcard does not cover */
    EXPORT_RPZ_IGNORED,  /* records that are no policy: DNSSEC, those of the zone itself */
    EXPORT_RPZ_TELLS
};

struct export_rpz_import {
    const char *file;     /* what messages call it */
    const char *origin;   /* of relative names before any $ORIGIN; NULL: "rpz.invalid" */
    const char *id;       /* the rest is for the list; id and provider are needed */
    const char *provider; /* "ID NAME" */
    const char *title;    /* NULL: made of the zone's name */
    const char *serial;   /* NULL: that of the SOA */
    const char *created, *expires;
    const char *category, *scope, *confidence;
    /* Told of each rule that is not expressed as it is. line is that of the file. */
    void (*tell)(void *arg, enum export_rpz_tell what, uint32_t line, const char *words);
    void *arg;

    size_t records, rules; /* out */
    size_t told[EXPORT_RPZ_TELLS];
};

/*
 * Reads len octets of a zone and writes the list to out. 0; CORDON_E_REFUSED with every fault
 * in the report, by line (a faulty zone is refused whole, and so are words for the list that
 * its format does not allow); CORDON_E_TOO_LARGE; -ENOMEM. After an error out is of no use.
 */
int export_rpz_import(struct export_rpz_import *import, const char *text, size_t len,
                      struct report *report, FILE *out);

#endif
