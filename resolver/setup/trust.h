/*
 * setup/trust.h - by whose word lists count: a publisher's root, catalogue and ratchet, or keys
 * that the operator names.
 */
#ifndef CORDON_SETUP_TRUST_H
#define CORDON_SETUP_TRUST_H

#include "config/config.h"
#include "policy/load.h"
#include "setup/setup.h"

#include <limits.h>

struct setup_trust {
    struct trust_keyring keys;          /* of trust.keys, where there is no root */
    struct trust_publisher *publisher;  /* of lists.directory; NULL: keys alone */
    struct trust_ratchet *ratchet;      /* NULL: nothing is remembered */
    struct policy_load_source standard; /* of lists.directory */
    char folder[PATH_MAX];              /* lists.directory, as it was when it was opened */
    /* Those of trust.publishers, in their order. */
    struct setup_foreign {
        struct trust_publisher *publisher;
        struct trust_scope scope; /* the operator's word */
        struct policy_load_source source;
        char folder[PATH_MAX]; /* its directory, likewise */
        bool broken;           /* what lies in its folder does not count */
    } * foreign;
    bool broken;                 /* so it is with that of lists.directory */
    struct trust_keyring nobody; /* whose lists count then */
    const struct config *config; /* borrowed */
    size_t foreign_count;
    struct setup_broken told[SETUP_BROKEN_MAX];
    size_t told_count;
    bool is_lost; /* what was accepted before cannot be read, and is begun anew */
};

/*
 * From here on a folder is the one that its path led to now: where a link is turned to newer
 * lists meanwhile, all that is read is still of one version.
 *
 * Reads keys, or root, catalogue and ratchet, and compares them with what was accepted. 0, or
 * the first code with everything in the report. To be followed by setup_trust_close, whatever
 * it returns.
 */
int setup_trust_open(const struct config *config, const struct setup_request *request,
                     struct report *report, struct setup_trust *trust);

/*
 * Remembers what is about to be put in force, once every other check has passed. 0 and *memory;
 * a code of trust_ratchet_write where something was remembered before and cannot be now, which
 * is reported, and no failure of a start or where it could not be before either.
 */
int setup_trust_keep(struct setup_trust *trust, const struct config *config,
                     const struct setup_request *request,
                     const struct setup_exceptions *exceptions, struct report *report,
                     struct setup_memory *memory);
void setup_trust_close(struct setup_trust *trust);

/* Whose list this is: a number of trust->foreign, or SETUP_TRUST_OWN. */
#define SETUP_TRUST_OWN SIZE_MAX
size_t setup_trust_whose(const struct setup_trust *trust, const char *id);

/* What lies in that publisher's folder does not count, nor is it remembered. Once for each. */
void setup_trust_break(struct setup_trust *trust, size_t number, const struct report *faults);

/* The sources of these lists, in their order: for policy_load_request. Borrows. */
void setup_trust_sources(const struct setup_trust *trust, const char *const *ids, size_t count,
                         const struct policy_load_source **sources);

#endif
