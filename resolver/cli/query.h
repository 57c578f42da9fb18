/*
 * cli/query.h - an answer as people (or programs) read it: cli/query_print.c.
 */
#ifndef CORDON_CLI_QUERY_H
#define CORDON_CLI_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Prints the message on standard output. A malformed one is said to be so, with what was read.
 */
void cli_print_answer(const uint8_t *octets, size_t len, const char *server, bool tcp,
                      uint64_t took_us, bool json);

/* The records and Extended DNS Errors of a message alone, in words. */
void cli_print_message(const uint8_t *octets, size_t len);

#endif
