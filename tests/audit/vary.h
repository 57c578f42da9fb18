/* Events of all kinds for the tests of lines and rows, by way of the real engine. */
#ifndef CORDON_TESTS_AUDIT_VARY_H
#define CORDON_TESTS_AUDIT_VARY_H

#include "audit/make.h"

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

#define RULE_END " category=object-storage scope=cloud confidence=high"
#define EVIDENCE " evidence=\"vendor document\"\n"

static const char rules[] =
    "block suffix cloud.example" RULE_END EVIDENCE "block below edge.example" RULE_END
    " action=nxdomain" EVIDENCE "block exact go.example" RULE_END
    " action=redirect:*.blocked.test" EVIDENCE "block prefix 203.0.112.0/23" RULE_END EVIDENCE
    "block prefix 2001:db8:8000::/33" RULE_END EVIDENCE
    "pass exact ok.cloud.example" RULE_END EVIDENCE;

static inline struct audit_event event_on(const char *name, const struct policy_hit *hit)
{
    return (struct audit_event){
        .wall_us = 1795339800123456,
        .generation = 1,
        .latency_us = 345,
        .client = make_address("192.0.2.77@40001"),
        .who = {.kind = AUDIT_CLIENT_ADDRESS, .address = make_address("192.0.2.77")},
        .name = make_name(name),
        .type = 1,
        .transport = AUDIT_UDP,
        .applied = true,
        .hit = *hit,
    };
}

/* Another event at each call, of all that a stencil fills in and of what it has none for. */
static inline void vary(struct audit_event *event, const struct policy *policy, unsigned i)
{
    static const char *const names[] = {
        "oss.cloud.example",
        "cloud.example",
        "a.very.long.name-of_a.host.that.is.below.cloud.example",
        "x.edge.example",
        "go.example",
        "a\\.b.cloud.example",
        "b.c.d.edge.example",
        "0-_.cloud.example"};
    static const char *const clients[] = {"192.0.2.77@40001", "2001:db8::7@1",
                                          "255.255.255.255@65535", "fe80::1%1@53"};
    static const uint16_t types[] = {1, 28, 65, 255, 4711};
    const char *const name = names[i % ITEMS(names)];
    const bool hop = i % 7 == 3;
    struct policy_hit hit = make_hit(policy, name, (uint8_t)(hop ? 1 + i % 5 : 0),
                                     hop ? POLICY_TRIGGER_HOP : POLICY_TRIGGER_QNAME);

    hit.trial = i % 11 == 0 ? POLICY_TRIAL_NEWER : POLICY_TRIAL_NONE;
    *event = event_on(hop ? "www.shop.example" : name, &hit);
    event->wall_us += (uint64_t)i * 333333;
    event->wall_us = i % 97 == 0 ? UINT64_MAX : event->wall_us;
    event->latency_us = i % 3 == 0 ? UINT32_MAX : i;
    event->client = make_address(clients[i % ITEMS(clients)]);
    event->who = (struct audit_client){.kind = AUDIT_CLIENT_ADDRESS, .address = event->client};
    event->who.address.port = 0;
    if (i % 13 == 5) {
        memset(&event->client, 0, sizeof(event->client));
        event->who = (struct audit_client){
            .kind = i % 2 == 0 ? AUDIT_CLIENT_NONE : AUDIT_CLIENT_PSEUDONYM, .day = 20000 + i};
    }
    event->type = types[i % ITEMS(types)];
    event->transport = i % 4 == 0 ? AUDIT_TCP : AUDIT_UDP;
    event->rcode = (uint8_t)(i % 6);
    event->applied = i % 2 == 0;
    event->cached = (uint8_t)(i % 5 % 3);
    event->upstream =
        i % 6 == 1 ? make_address("192.0.2.53@53") : (struct address){.family = 0};
    event->chain.count = hop ? 2 : 0;
    event->chain.names[0] = event->name;
    event->chain.names[1] = make_name(i % 2 == 0 ? "b.shop.example" : "c\\\".shop.example");
}

#endif
