/*
 * policy/exception_file.h - the text of a file of exceptions, parsed. docs/exceptions.md has
 * the format.
 *
 * Who loads one for use has verified its signatures first (policy/exception_load.h): the parser
 * is bounded and refuses with line and column all the same, and a file is good as a whole or
 * not at all. What the time makes of a file and of its exceptions is not judged here.
 */
#ifndef CORDON_POLICY_EXCEPTION_FILE_H
#define CORDON_POLICY_EXCEPTION_FILE_H

#include "base/report.h"
#include "policy/exceptions.h"

#define POLICY_VIEW_NAME_MAX                                         \
    64u /* octets of the name of a view, as the configuration has it \
         */

struct policy_exception_entry {
    struct policy_exception exception;   /* its view is POLICY_ANY_VIEW: `view` says which */
    char view[POLICY_VIEW_NAME_MAX + 1]; /* "": every view */
    char reason[POLICY_REASON_MAX + 1];
    uint64_t from_s; /* not in force before; 0: from the first */
    uint64_t until_s;
    bool public_suffix; /* it says why it is for a whole one */
    uint32_t line;      /* where it begins */
    uint32_t name_line; /* of its name or rule */
};

struct policy_exception_file {
    char id[POLICY_LIST_ID_MAX + 1];
    uint32_t serial;
    uint64_t created_s,
        expires_s; /* seconds since 1970; not to be taken any more from then on */
    struct policy_exception_entry *entries; /* in the order of the text */
    size_t count;
    uint8_t digest[32]; /* BLAKE2b-256 of the text */
};

/*
 * Parses len octets of text. file is what messages call it. 0 and *out is the caller's, or
 * CORDON_E_REFUSED (the report has every fault found), CORDON_E_VERSION, CORDON_E_TOO_LARGE,
 * -ENOMEM.
 */
int policy_exception_file_parse(const char *text, size_t len, const char *file,
                                struct report *report, struct policy_exception_file **out);
void policy_exception_file_free(struct policy_exception_file *file); /* NULL is fine */

#endif
