/*
 * cli/reply.h - what came from a control socket: is it a cordond's, and fit for a terminal?
 */
#ifndef CORDON_CLI_REPLY_H
#define CORDON_CLI_REPLY_H

#include <jansson.h>
#include <stddef.h>

#define CLI_REPLY_FAULT_MAX 256u

/*
 * Decodes the reply to a command. It is an object with `ok`; where that is false with `error`,
 * and where it is true with what docs/control.md promises of that command: a service that
 * answers {"ok":true} to everything is no cordond. In strings and keys, control characters and
 * those that nobody sees (base/utf8.h), which no cordond sends, become "\u001b" to read.
 * NULL, and why in words for "the daemon's reply ...".
 */
json_t *cli_reply(const char *command, const char *octets, size_t len,
                  char fault[CLI_REPLY_FAULT_MAX]);

#endif
