/*
 * query/told.h - what operators are told over DNS, in class CH, about what is in force here
 * (docs/updates.md, Fleet).
 *
 * Prepared when a snapshot is made, as the RDATA of TXT records: a question costs a look-up and
 * a copy. `fingerprint.cordon.` is the first page, `PART.fingerprint.cordon.` a part of it, and
 * `2.PART.fingerprint.cordon.` a part's second page. Nothing of it is ever asked elsewhere.
 */
#ifndef CORDON_QUERY_TOLD_H
#define CORDON_QUERY_TOLD_H

#include "query/limits.h"
#include "wire/name.h"

#include <stddef.h>
#include <stdint.h>

/* Character strings (RFC 1035, 3.3), one behind the other. */
struct query_told_page {
    const uint8_t *rdata;
    uint16_t len; /* up to QUERY_TOLD_PAGE_MAX */
};

struct query_told_part {
    const char *name; /* one label of a-z */
    const struct query_told_page *pages;
    size_t count;
};

/* Borrowed like the settings that it hangs off. */
struct query_told {
    struct query_told_page first;
    struct query_told_part parts[QUERY_TOLD_PARTS_MAX];
    size_t count;
};

enum query_told_result {
    QUERY_TOLD_NOT,  /* the name is none of these */
    QUERY_TOLD_NONE, /* it would be, but there is no such part or page */
    QUERY_TOLD_PAGE
};

/* hot. name is lower case. */
enum query_told_result query_told_find(const struct query_told *told,
                                       const struct wire_name *name,
                                       const struct query_told_page **page);

#endif
