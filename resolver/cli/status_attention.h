/*
 * cli/status_attention.h - the end of `cordon status`: what somebody has to look at.
 */
#ifndef CORDON_CLI_STATUS_ATTENTION_H
#define CORDON_CLI_STATUS_ATTENTION_H

#include <jansson.h>

#include <stddef.h>
#include <stdint.h>

/* Prints what an operator should look at, of the document of `status`. Returns how many things
 * there are: with none, nothing is printed. */
unsigned cli_status_attention(const json_t *status);

/* A server of the document, as upstreams.servers has it. */
void cli_status_upstream(const json_t *server, char *out, size_t size);

/* Events that a sink of the status document has lost. */
uint64_t cli_status_sink_lost(const json_t *sink);

#endif
