/*
 * cli/list.h - the verbs of `cordon list` that have a file of their own.
 */
#ifndef CORDON_CLI_LIST_H
#define CORDON_CLI_LIST_H

struct policy_fact;

int cli_list_build(int argc, char **argv); /* cli/list_build.c */
int cli_list_show(int argc, char **argv);  /* cli/list_show.c */

/* One legal fact in words, indented, on standard output. */
void cli_print_fact(const struct policy_fact *fact);

#endif
