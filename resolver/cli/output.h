/*
 * cli/output.h - where results go: files that people name, and standard output.
 */
#ifndef CORDON_CLI_OUTPUT_H
#define CORDON_CLI_OUTPUT_H

#include <stddef.h>

/*
 * Writes what a person named with --output. A file, also where links lead to one, and what is
 * not there yet: at once or not at all (base/file.h), mode 0644. A FIFO or a character device
 * is written into, and stays what it is. Anything else, and a link to nothing, is refused.
 * CLI_OK, or CLI_REFUSED after "cordon COMMAND: PATH: words".
 */
int cli_output(const char *command, const char *path, const void *data, size_t len);

#endif
