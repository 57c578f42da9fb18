/*
 * cli/input.h - what people hand in: a file that they name, or standard input.
 */
#ifndef CORDON_CLI_INPUT_H
#define CORDON_CLI_INPUT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Reads at most max octets into memory that the caller frees. path NULL or "-": standard input,
 * up to its end. CLI_OK, or CLI_REFUSED after "cordon COMMAND: PATH: words".
 */
int cli_input(const char *command, const char *path, size_t max, uint8_t **data, size_t *len);

#endif
