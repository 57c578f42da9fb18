#include "upstream/watch.h"

#include "base/error.h"

/* The server, and how it is talked to. */
static const char *name_of(const struct upstream_slot *slot, char out[ENDPOINT_TEXT_MAX])
{
    endpoint_format(slot->t.server, out);
    return out;
}

static const char *way_of(const struct upstream_slot *slot)
{
    return slot->t.server->transport == ENDPOINT_TLS ? "TLS" : slot->t.tcp ? "TCP" : "UDP";
}

void upstream_watch_sent(const struct upstream_exchange *exchange,
                         const struct upstream_slot *slot, uint64_t wait_us, int rc)
{
    char name[ENDPOINT_TEXT_MAX];

    if (!exchange->fetch->traced) {
        return;
    }
    if (rc == 0) {
        query_fetch_note(exchange->fetch, "asks %.120s over %s, and waits %u ms for it%s",
                         name_of(slot, name), way_of(slot), (unsigned)(wait_us / 1000),
                         slot->edns ? "" : " (without EDNS)");
    } else {
        query_fetch_note(exchange->fetch, "cannot ask %.120s over %s: %s", name_of(slot, name),
                         way_of(slot), cordon_strerror(rc));
    }
}

static const char *verdict_words(enum upstream_verdict verdict)
{
    switch (verdict) {
    case UPSTREAM_WRONG:
        return "not an answer to this question: waited past";
    case UPSTREAM_WRONG_CASE:
        return "the letter case of the question is not kept";
    case UPSTREAM_TRUNCATED:
        return "truncated: asked again over TCP";
    case UPSTREAM_USEFUL:
        return "taken";
    case UPSTREAM_NO_EDNS:
        return "it knows no EDNS: asked again without";
    case UPSTREAM_REJECTED:
        return "of no help";
    case UPSTREAM_GARBAGE:
        return "malformed";
    }
    return "";
}

void upstream_watch_verdict(const struct upstream_exchange *exchange,
                            const struct upstream_slot *slot, enum upstream_verdict verdict,
                            const uint8_t *octets, size_t len)
{
    const uint64_t now_us = exchange->upstream->now.mono_us;
    char name[ENDPOINT_TEXT_MAX];
    char rcode[WIRE_TYPE_TEXT_MAX] = "";

    if (!exchange->fetch->traced) {
        return;
    }
    if (len >= WIRE_HEADER_OCTETS && verdict != UPSTREAM_WRONG) {
        wire_rcode_format(octets[3] & WIRE_RCODE_MASK, rcode);
    }
    query_fetch_note(
        exchange->fetch, "%.120s answers after %llu us: %s%s%zu octets, %s",
        name_of(slot, name),
        (unsigned long long)(now_us > slot->t.sent_us ? now_us - slot->t.sent_us : 0), rcode,
        rcode[0] != '\0' ? ", " : "", len, verdict_words(verdict));
}

void upstream_watch_failed(const struct upstream_exchange *exchange,
                           const struct upstream_slot *slot, int error)
{
    char name[ENDPOINT_TEXT_MAX];

    if (exchange->fetch->traced) {
        query_fetch_note(exchange->fetch, "%.120s over %s: %s", name_of(slot, name),
                         way_of(slot), cordon_strerror(error));
    }
}

void upstream_watch_overdue(const struct upstream_exchange *exchange,
                            const struct upstream_slot *slot)
{
    char name[ENDPOINT_TEXT_MAX];

    if (exchange->fetch->traced) {
        query_fetch_note(exchange->fetch, "%.120s has not answered in time",
                         name_of(slot, name));
    }
}
