/*
 * cli/audit_filter.h - which events of the audit log a command is about: options that all
 * commands which look for events share.
 */
#ifndef CORDON_CLI_AUDIT_FILTER_H
#define CORDON_CLI_AUDIT_FILTER_H

#include "audit/search.h"
#include "cli/options.h"

/* As they were given; NULL: not. */
struct cli_audit_filter {
    const char *config, *log;
    const char *since, *until, *client, *name, *suffix, *type, *rcode, *view, *provider, *class,
        *authority, *list, *rule, *action, *mode, *trigger, *exception, *what, *user, *stream;
    /* What comes of them; borrows from this struct, which stays where it is. */
    struct audit_query query;
    struct wire_name name_read, suffix_read;
    struct audit_client client_read;
    struct audit_pseudonyms *pseudonyms; /* NULL: none */
};

#define CLI_AUDIT_FILTER_OPTIONS(filter)                                                  \
    {"config", 'c', &(filter)->config, NULL}, {"log", 0, &(filter)->log, NULL},           \
        {"since", 0, &(filter)->since, NULL}, {"until", 0, &(filter)->until, NULL},       \
        {"client", 0, &(filter)->client, NULL}, {"name", 0, &(filter)->name, NULL},       \
        {"suffix", 0, &(filter)->suffix, NULL}, {"type", 0, &(filter)->type, NULL},       \
        {"rcode", 0, &(filter)->rcode, NULL}, {"view", 0, &(filter)->view, NULL},         \
        {"provider", 0, &(filter)->provider, NULL}, {"class", 0, &(filter)->class, NULL}, \
        {"authority", 0, &(filter)->authority, NULL}, {"list", 0, &(filter)->list, NULL}, \
        {"rule", 0, &(filter)->rule, NULL}, {"action", 0, &(filter)->action, NULL},       \
        {"mode", 0, &(filter)->mode, NULL}, {"trigger", 0, &(filter)->trigger, NULL},     \
        {"exception", 0, &(filter)->exception, NULL}, {"what", 0, &(filter)->what, NULL}, \
        {"user", 0, &(filter)->user, NULL},                                               \
    {                                                                                     \
        "stream", 0, &(filter)->stream, NULL                                              \
    }

/* What the help of such a command says of them. */
#define CLI_AUDIT_TIMES_HELP                                                               \
    "  --since, --until TIME  a date, a time (2026-11-22T09:30:00Z) or so long ago (1h, "  \
    "7d);\n"                                                                               \
    "                     a date after --until is the end of that day; what happened at\n" \
    "                     --until itself is outside\n"
#define CLI_AUDIT_FILTER_HELP                                                              \
    CLI_AUDIT_TIMES_HELP                                                                   \
    "  --client CLIENT    an address, a network (192.0.2.0/24) or a pseudonym (k:...)\n"   \
    "  --name NAME        this very name was asked\n"                                      \
    "  --suffix NAME      the name that was asked, or that matched, is this or below it\n" \
    "  --type TYPE, --rcode RCODE, --view VIEW\n"                                          \
    "  --provider ID      by the list that decided\n"                                      \
    "  --class CLASS      legal status by that list: designated, parent-designated, ...\n" \
    "  --authority TEXT   whose word that status is: a part of the name\n"                 \
    "  --list ID          that decided, or that was changed\n"                             \
    "  --rule RULE        'block suffix NAME', or NAME alone\n"                            \
    "  --action ACTION, --mode enforce|log, --trigger TRIGGER\n"                           \
    "  --exception ID     by this exception\n"                                             \
    "  --what WHAT        a change of this kind: list-in-force, pause-begun, gap, ...\n"   \
    "  --user NAME        a change that this user made\n"                                  \
    "  --stream STREAM    decisions, queries, changes, several with commas, or all; not\n" \
    "                     said: decisions, with --what or --user changes\n"                \
    "  --log DIR          the folder of the log; not said: that of the configuration\n"

/* Reads them. CLI_GO_ON, else the exit code after a message. Where the client is an address,
 * its pseudonyms are looked for, too, as far as the keys of their days are there and may be
 * read: beside the log that was named, or in the state directory. */
int cli_audit_filter_read(const char *command, struct cli_audit_filter *filter,
                          uint64_t now_us);
/* In any case, afterwards. */
void cli_audit_filter_free(struct cli_audit_filter *filter);

/* Reads the times of such a command: --since and --until, NULL where they were not given, into
 * what is 0 then. CLI_GO_ON, else the exit code after a message. */
int cli_audit_times(const char *command, const char *since, const char *until, uint64_t now_us,
                    uint64_t *from_us, uint64_t *to_us);
/* The same of one option: its name for the message, and is_end as below. */
int cli_audit_time(const char *command, const char *option, const char *text, bool is_end,
                   uint64_t now_us, uint64_t *out);

/* A moment as --since and --until take it, in microseconds since 1970. is_end: a date is the
 * last moment of its day, and a time the last before it. False: it is none. */
bool cli_audit_moment(const char *text, uint64_t now_us, bool is_end, uint64_t *out);

#endif
