/*
 * cli/ask.h - the daemon's documents for the tool: asked for, decoded, read field by field.
 */
#ifndef CORDON_CLI_ASK_H
#define CORDON_CLI_ASK_H

#include "cli/options.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* base/text.c has a json_string() of its own, which the linker takes before the library's: here
 * strings are made by cli_add_string(), and this name does not compile. */
#define json_string json_string_is_not_for_the_tool

/* Asks with arguments (taken over; NULL: none) and decodes; asks again, for some seconds, while
 * one daemon takes another's place. NULL after a message, and *code says which kind of failure
 * it was; CLI_OK otherwise, also for a document that says no. */
json_t *cli_ask(const struct cli_daemon *daemon, const char *command, json_t *arguments,
                int *code);

/* Adds a string to an object; NULL: nothing. False if it is not UTF-8, or out of memory. */
bool cli_add_string(json_t *object, const char *key, const char *text);

/* Prints "cordon NAME: refused: WORDS" for a document that says no. CLI_OK or CLI_REFUSED. */
int cli_refusal(const char *name, const json_t *document);

void cli_print_document(const json_t *document);

/* The array "schedules" of a reply, if there are any. */
void cli_print_schedules(const json_t *schedules);

/* "" and 0 if it is absent or of another kind. */
const char *cli_string_of(const json_t *object, const char *key);
uint64_t cli_number_of(const json_t *object, const char *key);

#endif
