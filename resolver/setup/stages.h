/*
 * setup/stages.h - which version of each list counts for all, and how far the newer one has
 * come that is brought in beside it (lists.stages). Pure: time is an argument, and nobody here
 * opens a file.
 *
 * A stage needs its time *in force*: seconds of a clock that nobody sets, counted while a
 * daemon decides by it. So neither a wrong wall clock nor time without a daemon ends a stage,
 * and none is passed over without having had effect.
 *
 * Happy path: a newer version comes -> the first stage -> its time is over -> the next one ->
 * ...
 * -> it counts for all. A still newer one, meanwhile, begins with the first stage again, beside
 * the version that counts for all. One that is gone again, or a rollback, ends the stages. A
 * list that was not in force before has none: there is nothing to go on with meanwhile. One
 * that is taken out of use during its stages, or left out, begins with the first when it is
 * back.
 *
 * The file (STATE/stages) has a line for each list: "list ID SERIAL HASH", and behind it, while
 * a newer one is brought in, "NEWER STAGE SINCE SPENT" (without SPENT: 0); and "away ID SERIAL
 * HASH NEWER" for one that is to begin again. A line that cannot be read costs its own list
 * alone: its next version comes without stages.
 */
#ifndef CORDON_SETUP_STAGES_H
#define CORDON_SETUP_STAGES_H

#include "setup/setup.h"

#define SETUP_STAGES_FILE "stages"
/* Those in use, and as many that are away: nobody takes more lists than that out of use while
 * their newer versions are brought in. */
#define SETUP_STAGES_LISTS_MAX  (2 * POLICY_LISTS_MAX)
#define SETUP_STAGES_LINE_MAX   256u /* octets: an id, a hash, five numbers */
#define SETUP_STAGES_OCTETS_MAX ((SETUP_STAGES_LISTS_MAX + 2) * SETUP_STAGES_LINE_MAX)

struct setup_stages_of {
    char id[POLICY_LIST_ID_MAX + 1];
    uint32_t serial; /* that counts for all */
    uint8_t hash[DIGEST_OCTETS];
    uint32_t newer;   /* that is brought in; 0: none is */
    unsigned stage;   /* number in lists.stages, from 0 */
    uint64_t since_s; /* wall clock, for people: when that began */
    uint64_t spent_s; /* for so long it has been in force */
    bool away;        /* the list is not in use, and was while a newer one was brought in */
};

/* Those in use first; those away as far as there is room. */
struct setup_stages {
    struct setup_stages_of at[SETUP_STAGES_LISTS_MAX];
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

/* Seconds that the list's stage has to be in force still: 0: it is over, as is one that the
 * configuration does not have any more; UINT64_MAX: nothing is brought in. */
uint64_t setup_stages_left_s(const struct setup_stages_of *of, const struct config *config);
/* The least of all. */
uint64_t setup_stages_next_s(const struct setup_stages *stages, const struct config *config);

/* So many seconds have passed while the snapshot was in force: they count for the stages that
 * it has. True if there is one. */
bool setup_stages_spend(struct setup_stages *stages, const struct setup_snapshot *snapshot,
                        uint64_t passed_s);

enum setup_stages_what {
    SETUP_STAGES_BEGUN,    /* the first stage of a newer version */
    SETUP_STAGES_ADVANCED, /* to another one */
    SETUP_STAGES_DONE,     /* it counts for all */
    SETUP_STAGES_ENDED /* it is not brought in any more: it is gone, or an older one is held, or
                          the list is not in use */
};

struct setup_stages_change {
    enum setup_stages_what what;
    struct setup_stages_of before, after;
};

/* A snapshot has come into force: the stages are as it has them. Returns how many changes there
 * were, which are in room for SETUP_STAGES_LISTS_MAX. */
size_t setup_stages_take(struct setup_stages *stages, const struct setup_snapshot *snapshot,
                         uint64_t now_s, struct setup_stages_change *changes);

#endif
