/*
 * cli/root.h - what the commands on roots of trust share.
 */
#ifndef CORDON_CLI_ROOT_H
#define CORDON_CLI_ROOT_H

#include "trust/publisher.h"

#include <limits.h>

int cli_root_rotate(int argc, char **argv); /* cli/root_rotate.c */
int cli_key_rotate(int argc, char **argv);

/* Reads a root, whoever signed it; the caller frees it. An exit code, after a message. */
int cli_root_read(const char *verb, const char *path, struct trust_root **root);

/* Writes FOLDER/N.root, unsigned, once it reads back; never over one that exists. */
int cli_root_write(const char *verb, const struct trust_root *root, const char *folder);

void cli_root_print(const struct trust_root *root, const char *path, const char *state,
                    bool json);

/* The folder that was named, or that in which the pinned root lies. */
void cli_root_folder(const char *pinned, const char *named, char out[PATH_MAX]);

#endif
