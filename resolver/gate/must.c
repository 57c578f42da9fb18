/* gate/must.c - names that nobody here can do without. */
#include "gate/inside.h"

#include <inttypes.h>
#include <string.h>

static int look_at(const struct gate_sides *sides, const struct wire_name *name,
                   const char *words, struct gate_result *result)
{
    struct gate_question question = {.trigger = POLICY_TRIGGER_QNAME, .name = name};
    struct gate_change change;
    char text[WIRE_NAME_TEXT_MAX];

    if (!gate_newly_blocked_anywhere(sides, &question, &change)) {
        return 0;
    }
    wire_name_to_text(name, text);
    return gate_find_change(sides, result, GATE_REFUSE, text, &question, &change, words);
}

/* The host of a URL; false if it has none, or an address. */
static bool host_of(const char *source, struct wire_name *name)
{
    const char *at = strstr(source, "://");
    struct address address;

    if (config_source_kind(source) == CONFIG_SOURCE_FOLDER || at == NULL) {
        return false;
    }
    at += 3;
    const size_t len = strcspn(at, ":/");
    return at[0] != '[' && address_parse(at, len, 0, &address) != 0 &&
           wire_name_from_text(at, len, name) == WIRE_TEXT_OK;
}

/* Where the way out of a bad update leads is not to be closed by it. */
static int look_at_sources(const struct gate_sides *sides, const struct config_sources *sources,
                           struct gate_result *result, uint64_t *count)
{
    struct wire_name name;
    int rc = 0;

    for (size_t i = 0; i < sources->count && rc == 0; i++) {
        if (host_of(sources->at[i], &name)) {
            rc = look_at(sides, &name, "lists are fetched from there", result);
            ++*count;
        }
    }
    return rc;
}

int gate_check_must_resolve(struct gate_job *job)
{
    struct gate_result *result = &job->outcome->checks[GATE_MUST_RESOLVE];
    const struct config *config = job->config;
    uint64_t count = config->gate.must_resolve.count;
    int rc = look_at_sources(&job->sides, &config->update_sources, result, &count);

    for (size_t i = 0; i < config->publisher_count && rc == 0; i++) {
        rc = look_at_sources(&job->sides, &config->publishers[i].sources, result, &count);
    }
    for (size_t i = 0; i < config->gate.must_resolve.count && rc == 0; i++) {
        rc = look_at(&job->sides, &config->gate.must_resolve.at[i], "", result);
    }
    if (rc == 0 && count == 0) {
        return gate_skip(result, "update.gate.must-resolve names nothing");
    }
    return rc == 0 ? gate_say(result,
                              "%" PRIu64 " of %" PRIu64
                              " names are newly blocked; where they lead to is not known here",
                              result->found, count)
                   : rc;
}
