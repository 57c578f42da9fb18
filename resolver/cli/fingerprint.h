/*
 * cli/fingerprint.h - a policy's fingerprint as somebody else tells it (docs/updates.md,
 * Fleet): a resolver over DNS, or a saved document.
 *
 * What comes from there is bounded, printable ASCII alone, and consistent: a total that is not
 * that of its parts, or a part whose lines are not those of its hash, is refused.
 */
#ifndef CORDON_CLI_FINGERPRINT_H
#define CORDON_CLI_FINGERPRINT_H

#include "base/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FINGERPRINT_HEX       (2 * DIGEST_OCTETS + 1)
#define FINGERPRINT_PARTS_MAX 12u      /* format 1 has 8 */
#define FINGERPRINT_NAME_MAX  15u      /* octets of a part's name */
#define FINGERPRINT_PAGES_MAX 128u     /* of one part; cordond has as many at most */
#define FINGERPRINT_PAGE_MAX  4096u    /* octets; those of cordond have 1,024 */
#define FINGERPRINT_LINES_MAX 1000000u /* that a part may say to have */
#define FINGERPRINT_FAULT_MAX 256u

struct fingerprint_part {
    char name[FINGERPRINT_NAME_MAX + 1];
    char hash[FINGERPRINT_HEX];
    char *lines; /* those that were told, each with its newline; NULL: none were */
    size_t octets, told;
    size_t count; /* of all lines; 0 if none were told */
    unsigned pages;
};

struct fingerprint {
    char total[FINGERPRINT_HEX];
    struct fingerprint_part parts[FINGERPRINT_PARTS_MAX];
    size_t count;
};

/* All return false after words in fault. An answer is the RDATA of its TXT record. */

/* The first page, into one that is zero. */
bool fingerprint_read_first(const uint8_t *rdata, size_t len, struct fingerprint *out,
                            char fault[FINGERPRINT_FAULT_MAX]);
/* A page of a part, from 1 on, in their order: its lines come behind those that it has. */
bool fingerprint_read_page(const uint8_t *rdata, size_t len, unsigned page,
                           struct fingerprint_part *part, char fault[FINGERPRINT_FAULT_MAX]);
/* Once all pages of a part are there. */
bool fingerprint_check_part(const struct fingerprint_part *part,
                            char fault[FINGERPRINT_FAULT_MAX]);
/* A document with "fingerprint", as `cordon status --json` prints it. */
bool fingerprint_read_json(const char *text, size_t len, struct fingerprint *out,
                           char fault[FINGERPRINT_FAULT_MAX]);

void fingerprint_deinit(struct fingerprint *fingerprint); /* one that is zero is fine */

/* NULL: it has no such part. */
const struct fingerprint_part *fingerprint_find(const struct fingerprint *fingerprint,
                                                const char *name);

#endif
