/*
 * cli/list.h - the verbs of `cordon list` that have a file of their own.
 */
#ifndef CORDON_CLI_LIST_H
#define CORDON_CLI_LIST_H

#include "policy/list.h"

int cli_list_build(int argc, char **argv); /* cli/list_build.c */
int cli_list_show(int argc, char **argv);  /* cli/list_show.c */
int cli_list_diff(int argc, char **argv);  /* cli/list_diff.c */
int cli_list_stats(int argc, char **argv); /* cli/list_stats.c */

/* Reads and parses the text of a list, whoever signed it; the caller frees it. NULL after a
 * message on standard error that names the verb. */
struct policy_list *cli_list_read(const char *verb, const char *path);

/* The legal facts in words, indented, on standard output; legal persons of whom the same is
 * said stand together. */
void cli_print_facts(const struct policy_list *list);

/* What a rule is about: its name, or its prefix, as text. */
void cli_rule_what(const struct policy_list *list, const struct policy_list_rule *rule,
                   char out[WIRE_NAME_TEXT_MAX]);

#endif
