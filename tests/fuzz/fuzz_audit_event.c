/*
 * Feeds arbitrary octets to audit_event_get() as if they were a record. What is taken for one
 * must have names that are names and numbers that have words; packed anew it must come out the
 * same; and as a line of JSON, where a policy explains it, it must be one line of bounded
 * length.
 */
#include "audit/event.h"
#include "audit/stencil.h"

#include <stdlib.h>
#include <string.h>

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const struct wire_name *name)
{
    struct wire_name again;
    size_t pos = 0;

    require(wire_name_read(name->octets, name->len, &pos, &again) == WIRE_OK);
    require(pos == name->len && again.labels == name->labels);
    require(memcmp(again.at, name->at, name->labels + 1u) == 0);
}

static void check_same(const struct wire_name *a, const struct wire_name *b)
{
    require(a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0);
}

/* A small policy with a rule of each kind of match; made once, and reachable to the end. */
static struct policy *make_policy(void)
{
    static const char text[] =
        "cordon-list 1\nid fuzz\ntitle Fuzz\nprovider fuzz Fuzz\nserial 1\n"
        "created 2026-01-01T00:00:00Z\nexpires 2027-01-01T00:00:00Z\n"
        "fact designated\nentity E\nauthority A\nstate in-force\nchecked 2026-01-01\nrules\n"
        "block suffix a.b category=c scope=cloud confidence=high evidence=\"x\"\n"
        "block below c.d category=c scope=cdn confidence=low action=redirect:*.x.y "
        "evidence=\"x\"\n"
        "pass exact e.a.b category=c scope=cloud confidence=high evidence=\"x\"\n"
        "block prefix 192.0.0.0/8 category=c scope=cloud confidence=high evidence=\"x\"\n"
        "end\n";
    static const struct policy_list_setting setting = {"fuzz", POLICY_MODE_ENFORCE,
                                                       POLICY_ACTION_DEFAULT};
    const struct policy_view_setting view = {
        .name = "v", .action = POLICY_ACTION_SINKHOLE, .lists = &setting, .list_count = 1};
    struct policy_list *list = NULL;
    struct policy_image *image = NULL;
    struct policy *policy = NULL;

    require(policy_list_parse(text, sizeof(text) - 1, "fuzz", NULL, &list) == 0);
    require(policy_image_build((const struct policy_list *const *)&list, 1, &image) == 0);
    require(policy_create(image, &view, 1, 1, NULL, &policy) == 0);
    policy_list_free(list);
    return policy;
}

/* By a stencil it is the same line: when that is made, and when it is filled in. */
static void check_stencil(const struct audit_event *event, const struct policy *policy,
                          const char *line, size_t len)
{
    struct audit_stencils *stencils = audit_stencils_create();
    char *again = malloc(AUDIT_LINE_MAX);

    require(stencils != NULL && again != NULL);
    for (unsigned i = 0; i < 2; i++) {
        require(audit_stencils_line(stencils, event, policy, event->view == 0 ? "v" : NULL,
                                    NULL, 1, again, AUDIT_LINE_MAX) == len);
        require(memcmp(line, again, len) == 0);
    }
    free(again);
    audit_stencils_destroy(stencils);
}

static void check_line(const struct audit_event *event)
{
    struct policy *policy = make_policy();
    char *line = malloc(AUDIT_LINE_MAX);

    require(line != NULL);
    const size_t len = audit_event_json(event, policy, event->view == 0 ? "v" : NULL, NULL, 1,
                                        line, AUDIT_LINE_MAX);
    require(len < AUDIT_LINE_MAX);
    if (len > 0) {
        require(line[0] == '{' && line[len - 2] == '}' && line[len - 1] == '\n');
        require(memchr(line, '\n', len) == line + len - 1 && memchr(line, '\0', len) == NULL);
    }
    check_stencil(event, policy, line, len);
    free(line);
    policy_destroy(policy);
}

static void check_round_trip(const struct audit_event *event)
{
    const struct audit_decision decision = {
        .wall_us = event->wall_us,
        .latency_us = event->latency_us,
        .generation = event->generation,
        .client = event->client,
        .name = &event->name,
        .type = event->type,
        .transport = event->transport,
        .view = event->view,
        .rcode = event->rcode,
        .applied = event->applied,
        .cached = event->cached,
        .upstream = event->upstream,
        .hit = &event->hit,
        .chain = event->chain.count > 0 ? &event->chain : NULL,
    };
    struct ring *ring = ring_create(AUDIT_RING_MIN);
    struct audit_event again;
    size_t len = 0;

    require(ring != NULL && audit_event_put(ring, &decision));
    const void *record = ring_peek(ring, &len);
    require(len <= AUDIT_RECORD_MAX &&
            audit_event_generation(record, len) == event->generation);
    require(audit_event_get(record, len, &again));
    check_same(&again.name, &event->name);
    check_same(&again.hit.name, &event->hit.name);
    require(address_equal(&again.client, &event->client));
    require(address_equal(&again.hit.address, &event->hit.address));
    require(again.hit.set == event->hit.set && again.hit.labels == event->hit.labels);
    require(again.type == event->type && again.applied == event->applied);
    /* Of a chain, the names to the hit's hop are kept. */
    require(again.chain.count <= event->chain.count);
    for (uint8_t i = 0; i < again.chain.count; i++) {
        check_same(&again.chain.names[i], &event->chain.names[i]);
    }
    ring_destroy(ring);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct audit_event event;

    if (size > AUDIT_RECORD_MAX) {
        return -1;
    }
    audit_event_generation(data, size);
    if (!audit_event_get(data, size, &event)) {
        return 0;
    }
    check_name(&event.name);
    check_name(&event.hit.name);
    require(event.chain.count <= POLICY_HOPS_MAX + 1);
    for (uint8_t i = 0; i < event.chain.count; i++) {
        check_name(&event.chain.names[i]);
    }
    check_round_trip(&event);
    check_line(&event);
    return 0;
}
