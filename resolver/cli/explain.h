/* cli/explain.h - what cordon explain found out, and how it is shown. */
#ifndef CORDON_CLI_EXPLAIN_H
#define CORDON_CLI_EXPLAIN_H

#include "local/local.h"
#include "policy/policy.h"
#include "setup/setup.h"

struct explain {
    struct setup_snapshot *snapshot;
    unsigned view;
    bool is_address;
    struct wire_name name;
    struct address address;
    char subject[WIRE_NAME_TEXT_MAX];
    uint16_t type;
    struct local_answer local;     /* what the place says of the name */
    const struct query_zone *zone; /* with upstreams of its own; NULL: none */
    struct policy_matches matches;
    struct policy_outcome outcome;
};

/* client: as it was named, or NULL; client_allowed: whether access.allow has it. */
void explain_print_words(const struct explain *ex, const char *client, bool client_allowed);
void explain_print_json(const struct explain *ex, const char *client, bool client_allowed);

#endif
