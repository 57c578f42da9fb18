/*
 * cli/explain.h - `cordon explain`: what it is asked (explain.c), lists without a configuration
 * (explain_lists.c), the rules' evidence (explain_evidence.c), and what it prints
 * (explain_print.c).
 */
#ifndef CORDON_CLI_EXPLAIN_H
#define CORDON_CLI_EXPLAIN_H

#include "base/address.h"
#include "cli/ask.h"
#include "cli/list.h"
#include "policy/limits.h"
#include "setup/setup.h"
#include "wire/name.h"
#include "wire/type.h"

#include <stdbool.h>
#include <stdint.h>

struct explain_request {
    struct cli_daemon daemon;
    const char *client, *listener, *view, *at, *answer;
    struct address client_address, listener_address;
    bool live, json;
    /* Files of lists, in the order in which they count; names are ours. */
    char *lists[POLICY_LISTS_MAX];
    size_t list_count;
    struct cli_list_keys keys; /* none: nothing is verified */
    uint64_t time_s;           /* --at, or now */
    /* What it is about. */
    bool is_address;
    struct wire_name name;
    struct address address;
    uint16_t type;
    char subject[WIRE_NAME_TEXT_MAX], type_words[WIRE_TYPE_TEXT_MAX];
};

/* A snapshot of the lists that were named: texts, or one image. NULL after a message. memory:
 * what it borrows; the caller frees that after it, whatever was returned. */
struct setup_snapshot *explain_lists(const struct explain_request *request, uint8_t **memory);

/*
 * Adds to each rule of the document that wins or is recorded what its list gives as "evidence"
 * and "note", by the text of the list as long as that is the one that has decided. folder:
 * where ID.list lies; NULL: the files of the request.
 */
void explain_add_evidence(json_t *document, const struct explain_request *request,
                          const char *folder);

/*
 * Which versions were in force at a time that is over, by the state directory of the
 * configuration: the lists of which none is known are switched off in it. NULL: out of memory.
 */
struct explain_then *explain_then_open(uint64_t wall_s, struct config *config);
/* For the snapshot; NULL: it is not known, and the lists count as they lie there now. */
const struct setup_held_set *explain_then_set(const struct explain_then *then);
/* "then" of the document. */
void explain_then_add(struct explain_then *then, const struct setup_snapshot *snapshot,
                      json_t *document);
void explain_then_close(struct explain_then *then); /* NULL is fine */

/* The document in words. */
void explain_print(const json_t *document);

#endif
