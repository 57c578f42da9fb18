/*
 * policy/exception_load.h - a file of exceptions from disk: verify, parse, and is it of today?
 *
 * For daemon and tool. A file is good as a whole or refused as a whole.
 */
#ifndef CORDON_POLICY_EXCEPTION_LOAD_H
#define CORDON_POLICY_EXCEPTION_LOAD_H

#include "policy/exception_file.h"
#include "trust/keyring.h"

struct policy_exception_loaded {
    struct policy_exception_file *file; /* the caller's; NULL: it was refused */
    struct trust_verdict verdict;       /* count 0: nobody has signed, or nobody looked */
    char fault[REPORT_TEXT_MAX];        /* the first error, with its place; "": none */
};

/*
 * keyring NULL: nobody's signatures are looked at. required: enough of the keyring's must have
 * signed; else a file beside which no signature lies will do, and one with some must have
 * enough of them. Signatures are verified before anything is parsed. now_s: wall clock; a file
 * that is over then is refused; 0: do not look. 0, or the first error's code with everything in
 * the report, and the first in out->fault.
 */
int policy_exception_load(const char *path, const struct trust_keyring *keyring, bool required,
                          uint64_t now_s, struct report *report,
                          struct policy_exception_loaded *out);

#endif
