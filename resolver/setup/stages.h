/*
 * setup/stages.h - which version of each list counts for all, and how far the newer one has
 * come that is brought in beside it (lists.stages). Pure: time is an argument, and nobody here
 * opens a file.
 *
 * Happy path: a newer version comes -> the first stage -> its time is over -> the next one ->
 * ...
 * -> it counts for all. A still newer one, meanwhile, begins with the first stage again, beside
 * the version that counts for all. One that is gone again, or a rollback, ends the stages. A
 * list that was not in force before has none: there is nothing to go on with meanwhile.
 *
 * The file (STATE/stages) has a line for each list: "list ID SERIAL HASH", and behind it, while
 * a newer one is brought in, "NEWER STAGE SINCE". A line that cannot be read costs its own list
 * alone: its next version comes without stages.
 */
#ifndef CORDON_SETUP_STAGES_H
#define CORDON_SETUP_STAGES_H

#include "setup/setup.h"

#define SETUP_STAGES_FILE       "stages"
#define SETUP_STAGES_LINE_MAX   256u /* octets: an id, a hash, four numbers */
#define SETUP_STAGES_OCTETS_MAX ((POLICY_LISTS_MAX + 2) * SETUP_STAGES_LINE_MAX)

struct setup_stages_of {
    char id[POLICY_LIST_ID_MAX + 1];
    uint32_t serial; /* that counts for all */
    uint8_t hash[DIGEST_OCTETS];
    uint32_t newer;   /* that is brought in; 0: none is */
    unsigned stage;   /* number in lists.stages, from 0 */
    uint64_t since_s; /* wall clock: when that began */
};

struct setup_stages {
    struct setup_stages_of at[POLICY_LISTS_MAX];
    size_t count;
};

/* NULL: nothing is known of the list. */
const struct setup_stages_of *setup_stages_find(const struct setup_stages *stages,
                                                const char *id);

/* True if both would be the same file. */
bool setup_stages_equal(const struct setup_stages *a, const struct setup_stages *b);

/* Reads a file's octets; what is wrong is a warning by line. */
void setup_stages_parse(const char *text, size_t len, const char *file, struct report *report,
                        struct setup_stages *stages);
/* The text of the file, into room for SETUP_STAGES_OCTETS_MAX octets. Returns its length. */
size_t setup_stages_print(const struct setup_stages *stages, char *out);

/* True if the time of the list's stage is over. Before its beginning, by a clock that was set
 * back, it is not (setup_stages_mend_time). A stage that the configuration does not have any
 * more is over. */
bool setup_stages_is_over(const struct setup_stages_of *of, const struct config *config,
                          uint64_t now_s);
/* When the next one of all is over; UINT64_MAX: none will be. */
uint64_t setup_stages_next(const struct setup_stages *stages, const struct config *config);

/* A stage that began later than now began by a clock that was wrong: it begins now, and lasts
 * for its time. True if there was one. */
bool setup_stages_mend_time(struct setup_stages *stages, uint64_t now_s);

enum setup_stages_what {
    SETUP_STAGES_BEGUN,    /* the first stage of a newer version */
    SETUP_STAGES_ADVANCED, /* to another one */
    SETUP_STAGES_DONE,     /* it counts for all */
    SETUP_STAGES_ENDED /* it is not brought in any more: it is gone, or an older one is held */
};

struct setup_stages_change {
    enum setup_stages_what what;
    struct setup_stages_of before, after;
};

/* A snapshot has come into force: the stages are as it has them. Returns how many changes there
 * were, which are in room for POLICY_LISTS_MAX. */
size_t setup_stages_take(struct setup_stages *stages, const struct setup_snapshot *snapshot,
                         uint64_t now_s, struct setup_stages_change *changes);

#endif
