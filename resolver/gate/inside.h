/*
 * gate/inside.h - what the checks share: for the files of this room, and for nobody else.
 */
#ifndef CORDON_GATE_INSIDE_H
#define CORDON_GATE_INSIDE_H

#include "config/config.h"
#include "gate/gate.h"
#include "gate/sides.h"
#include "gate/suffix.h"
#include "policy/list.h"

#include <limits.h>

/* Where rules about addresses begin and end, among the operator's own. */
struct gate_points {
    struct gate_guard {
        struct address_prefix prefix;
        const char *words;
    } * guards;
    size_t guard_count;
    struct gate_point {
        struct address address;
        enum policy_subject subject;
    } * at;
    size_t count, room;
    unsigned subjects; /* a bit for each that has a rule there */
    bool more;         /* than could be kept */
    bool no_machine;   /* the machine does not say what its addresses are */
};

/* The run. */
struct gate_job {
    const struct gate_request *request;
    struct gate_outcome *outcome;
    struct report *report;    /* of whoever asks */
    struct config *config;    /* as it is */
    struct config *candidate; /* with the candidate's folder; taken over by the snapshot */
    struct config *in_force;  /* with the folder in force; the same */
    char folder[PATH_MAX];    /* in force */
    const char *ids[POLICY_LISTS_MAX]; /* in use, borrowed from config */
    size_t id_count;
    struct gate_sides sides; /* new.snapshot NULL: it does not load */
    struct gate_suffixes suffixes;
    void *psl;        /* NULL: there is none */
    bool suffix_file; /* the list as text was read */
    struct gate_points points;
};

/* --- findings --- */

/* One more; it makes the verdict as bad as it is itself. All may be NULL but words. 0 or
 * -ENOMEM. */
struct gate_found {
    enum gate_verdict verdict;
    const char *what, *list, *rule, *view, *schedule, *words;
    uint64_t questions, clients;
};
int gate_find(struct gate_result *result, const struct gate_found *found);

/* What a check says in a line; the first word on it counts. 0 or -ENOMEM. */
int gate_say(struct gate_result *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int gate_skip(struct gate_result *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Errors of a report as such a verdict; warnings that are about a path as warnings. */
int gate_find_report(struct gate_result *result, const struct report *report,
                     enum gate_verdict errors, const char *warnings_about);

/* Whose publisher's folder is broken: the candidate's? */
bool gate_is_broken(const struct gate_request *request, const struct setup_broken *broken,
                    size_t count);

/* What is newly blocked, by which rule of which list, where, and what let it through. what
 * NULL: the name or address of the question. */
int gate_find_change(const struct gate_sides *sides, struct gate_result *result,
                     enum gate_verdict verdict, const char *what,
                     const struct gate_question *question, const struct gate_change *change,
                     const char *words);

/* --- configuration --- */

/* The folder of a list under this configuration. */
const char *gate_folder_of(const struct config *config, const char *id);
/* Has no view and no schedule use the list. */
void gate_config_without(struct config *config, const char *id);
/* Whose folder it is that changes; its place in config. */
char **gate_folder(struct config *config, const char *publisher);

/* --- lists --- */

/* The text of a list, parsed, without a look at who signed it: a snapshot has. NULL list: it
 * is not there. 0; the codes of file_read and policy_list_parse. */
int gate_list_read(const char *folder, const char *id, struct policy_list **list);

/* Reads the texts of all lists, one after the other, and keeps what the checks need of them. */
int gate_read_lists(struct gate_job *job);

/* What checks keep while texts are read: of each rule that comes, goes or changes; of each rule
 * of both. 0 or -ENOMEM. */
int gate_suffix_start(struct gate_job *job);
int gate_suffix_note(struct gate_job *job, const struct policy_list *list,
                     const struct policy_list_rule *rule);
void gate_suffix_end(struct gate_job *job);
int gate_own_start(struct gate_job *job);
int gate_own_note(struct gate_job *job, const struct policy_list *list,
                  const struct policy_list_rule *rule);
void gate_own_end(struct gate_job *job);

/* --- checks: 0 or -ENOMEM --- */

int gate_check_trust(struct gate_job *job);
int gate_check_withdrawn(struct gate_job *job);
int gate_check_loads(struct gate_job *job);
int gate_check_size(struct gate_job *job);
int gate_check_public_suffix(struct gate_job *job);
int gate_check_must_resolve(struct gate_job *job);
int gate_check_own_addresses(struct gate_job *job);
int gate_check_replay(struct gate_job *job);

#endif
