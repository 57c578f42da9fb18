/*
 * cli/list.h - the verbs of `cordon list` that have a file of their own.
 */
#ifndef CORDON_CLI_LIST_H
#define CORDON_CLI_LIST_H

#include "policy/list.h"

int cli_list_build(int argc, char **argv); /* cli/list_build.c */
int cli_list_show(int argc, char **argv);  /* cli/list_show.c */

/* The legal facts in words, indented, on standard output; legal persons of whom the same is
 * said stand together. */
void cli_print_facts(const struct policy_list *list);

/* What a rule is about: its name, or its prefix, as text. */
void cli_rule_what(const struct policy_list *list, const struct policy_list_rule *rule,
                   char out[WIRE_NAME_TEXT_MAX]);

#endif
