/*
 * cli/why.h - `cordon why`: what it is asked (why.c), and the screen that it shows
 * (why_print.c).
 */
#ifndef CORDON_CLI_WHY_H
#define CORDON_CLI_WHY_H

#include "admin/limits.h"
#include "base/address.h"
#include "cli/options.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stdint.h>

struct why_request {
    struct cli_daemon daemon;
    const char *client, *view;
    struct address client_address;
    bool json;
    struct wire_name name;
    uint16_t type;
    const char *type_words;
};

#define WHY_LOOK_UP (-1) /* the daemon has no answer at hand: let it look the name up */

/* What became of the name when it was looked up. An answer that may not be kept is not at hand
 * afterwards: then this alone says whether it leads to something that is blocked. */
enum why_look_up {
    WHY_NOT_LOOKED_UP,
    WHY_LET_THROUGH,
    WHY_BLOCKED
};

/* Asks the daemon and shows what it says. The exit code, or WHY_LOOK_UP with the name of the
 * view that is meant, unless it was looked up already. */
int why_ask(const struct why_request *request, enum why_look_up looked_up,
            char view[OVERRIDES_ID_MAX + 1]);

/* Has the daemon look the name up as if that client, or one of that view, had asked: nothing is
 * counted, and no event is written. */
enum why_look_up why_let_look_up(const struct why_request *request, const char *view);

/* Shows a document that was made without a daemon. The exit code. */
int why_show_offline(const struct why_request *request, const char *document);

#endif
