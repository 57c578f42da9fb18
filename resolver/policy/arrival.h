/*
 * policy/arrival.h - lists on their way in: their texts, read and verified before anything else
 * looks at them. For policy_load() and its parts (attested.h, reread.h) alone.
 */
#ifndef CORDON_POLICY_ARRIVAL_H
#define CORDON_POLICY_ARRIVAL_H

#include "policy/load.h"

#include <limits.h>

struct arrival_text {
    uint8_t *at; /* NULL: not here */
    size_t len;
    uint8_t digest[DIGEST_OCTETS];
};

struct arrival {
    char path[PATH_MAX];
    struct arrival_text text; /* not here: read again when it is parsed */
    struct policy_list stub;  /* id and digest alone: enough to name the inputs */
    struct policy_list *list;
    struct policy_load_source source;
    bool held;
};

/* Reads a list file, hashes it once, and verifies its signatures. The text is the caller's. */
int arrival_read(const char *path, const struct trust_keyring *keyring, struct report *report,
                 struct arrival_text *text, struct trust_verdict *verdict);

/* Reads and verifies all that are asked for, and what comes beside: 2 * request->id_count have
 * room. Texts and lists are the caller's, whatever is returned. */
int arrivals_read(const struct policy_load_request *request, struct report *report,
                  struct arrival *arrivals, struct policy_loaded *made);

/* Those that have arrived `unread` (policy/known.h) are read and verified after all. */
int arrivals_read_rest(const struct policy_load_request *request, struct report *report,
                       struct arrival *arrivals, struct policy_loaded *made);

/* Is there a text of that size? */
bool arrival_is_there(const char *path, uint64_t octets);
/* May the list speak of everything? A scope is held against rules, as the text has them. */
bool arrival_speaks_of_all(const struct policy_load_source *source);

/* The verified text, or a file with the very same octets. */
int arrival_need_text(struct arrival *arrival, struct report *report);

/* By whose word it counts. */
void arrival_note_publisher(const struct trust_publisher *publisher,
                            struct policy_loaded_list *loaded);

/* Where the list number i of the request comes from. */
struct policy_load_source arrival_source(const struct policy_load_request *request, size_t i);

#endif
