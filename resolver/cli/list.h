/*
 * cli/list.h - the verbs of `cordon list` that have a file of their own.
 */
#ifndef CORDON_CLI_LIST_H
#define CORDON_CLI_LIST_H

#include "policy/list.h"
#include "trust/keyring.h"

int cli_list_build(int argc, char **argv); /* cli/list_build.c */
int cli_list_show(int argc, char **argv);  /* cli/list_show.c */
int cli_list_diff(int argc, char **argv);  /* cli/list_diff.c */
int cli_list_gate(int argc, char **argv);
int cli_list_stats(int argc, char **argv); /* cli/list_stats.c */
int cli_list_export(int argc, char **argv);
int cli_list_import(int argc, char **argv);
int cli_list_rollback(int argc, char **argv); /* cli/list_hold.c */
int cli_list_release(int argc, char **argv);
int cli_list_history(int argc, char **argv); /* cli/list_history.c */
int cli_list_stages(int argc, char **argv);  /* cli/list_stages.c */
int cli_list_advance(int argc, char **argv);

/* The keys of --keys, and how many must have signed. */
struct cli_list_keys {
    const char *at[TRUST_KEYS_MAX];
    char *owned[TRUST_KEYS_MAX]; /* of at, those that we made */
    size_t count;
    unsigned threshold;
};
/* A file, a base64 line, or a folder with list*.pub. named is borrowed. */
void cli_list_keys_add(struct cli_list_keys *keys, const char *named);
/* CLI_OK, or CLI_REFUSED after a report on standard error. */
int cli_list_keys_load(const struct cli_list_keys *keys, struct trust_keyring *keyring);
void cli_list_keys_free(struct cli_list_keys *keys);

/* Reads and parses the text of a list, whoever signed it; the caller frees it. NULL after a
 * message on standard error that names the verb. */
struct policy_list *cli_list_read(const char *verb, const char *path);

/* The legal facts in words, indented, on standard output; legal persons of whom the same is
 * said stand together. */
void cli_print_facts(const struct policy_list *list);

/* What a rule is on: its name, or its prefix, as text; and what it is about, if that is no
 * answer: "ns.example trigger=nameserver". */
void cli_rule_what(const struct policy_list *list, const struct policy_list_rule *rule,
                   char out[WIRE_NAME_TEXT_MAX]);

#endif
