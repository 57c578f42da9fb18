#include "cli/ask.h"

#include "admin/request.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A daemon that is about to be replaced takes no changes until the other one is ready, which is
 * as soon as it has read its lists. */
#define AGAIN_PATIENCE_MS 15000u
#define AGAIN_EVERY_MS    100u

/* Asks and decodes; the line is complete. */
static json_t *ask_line(const char *socket, const char *command, const char *line, int *code)
{
    char *reply = NULL;
    size_t len = 0;
    char fault[CLI_REPLY_FAULT_MAX];

    *code = cli_ask_daemon(socket, line, &reply, &len);
    if (*code != CLI_OK) {
        return NULL;
    }
    json_t *document = cli_reply(command, reply, len, fault);
    if (document == NULL) {
        fprintf(stderr, "cordon %s: the daemon's reply %s\n", command, fault);
        *code = CLI_UNREACHABLE;
    }
    free(reply);
    return document;
}

/* As long as the daemon says that somebody else will answer at once. */
static json_t *ask_again(const char *socket, const char *command, const char *line, int *code)
{
    const struct timespec pause = {.tv_nsec = AGAIN_EVERY_MS * 1000000l};
    const uint64_t until_us = clock_read().mono_us + AGAIN_PATIENCE_MS * 1000ull;
    json_t *reply = ask_line(socket, command, line, code);

    while (reply != NULL && json_is_true(json_object_get(reply, "again")) &&
           clock_read().mono_us < until_us) {
        json_decref(reply);
        nanosleep(&pause, NULL);
        reply = ask_line(socket, command, line, code);
    }
    return reply;
}

json_t *cli_ask(const struct cli_daemon *daemon, const char *command, json_t *arguments,
                int *code)
{
    char path[4096];
    char line[REQUEST_LINE_MAX];
    char *words = arguments == NULL ? NULL : json_dumps(arguments, JSON_COMPACT);
    const bool fits =
        (size_t)snprintf(line, sizeof(line), "%s%s%s", command, words == NULL ? "" : " ",
                         words == NULL ? "" : words) < sizeof(line) - sizeof("cordon/1 \n");

    free(words);
    json_decref(arguments);
    if (!fits) {
        fprintf(stderr, "cordon %s: that is more than the daemon takes: shorten it\n", command);
        *code = CLI_REFUSED;
        return NULL;
    }
    if (!cli_socket_path(daemon->socket, daemon->config, path, sizeof(path))) {
        *code = CLI_REFUSED;
        return NULL;
    }
    return ask_again(path, command, line, code);
}

bool cli_add_string(json_t *object, const char *key, const char *text)
{
    return text == NULL ||
           json_object_set_new(object, key, json_stringn(text, strlen(text))) == 0;
}

int cli_refusal(const char *name, const json_t *document)
{
    if (json_is_true(json_object_get(document, "ok"))) {
        return CLI_OK;
    }
    fprintf(stderr, "cordon %s: refused: %s\n", name, cli_string_of(document, "error"));
    return CLI_REFUSED;
}

void cli_print_document(const json_t *document)
{
    json_dumpf(document, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    printf("\n");
}

const char *cli_string_of(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value != NULL ? value : "";
}

uint64_t cli_number_of(const json_t *object, const char *key)
{
    const json_int_t value = json_integer_value(json_object_get(object, key));

    return value > 0 ? (uint64_t)value : 0;
}
