#include "support/world.h"

#include "base/invariant.h"
#include "wire/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *world_reserve(void *context, struct query *q, size_t *size)
{
    const struct world *world = context;
    struct world_reply *reply = query_client_of(q)->owner;

    invariant(reply->in_use && reply->sent == 0);
    if (world->no_room) {
        return NULL;
    }
    *size = reply->size;
    return reply->octets;
}

static void world_sent(void *context, struct query *q, size_t len)
{
    const struct world *world = context;
    struct world_reply *reply = query_client_of(q)->owner;

    invariant(reply->in_use && len >= WIRE_HEADER_OCTETS && len <= reply->size);
    reply->sent++;
    reply->len = len;
    reply->sent_us = world->now.mono_us;
}

static void world_release(void *context, struct query *q)
{
    struct world_reply *reply = query_client_of(q)->owner;

    (void)context;
    invariant(reply->in_use);
    reply->in_use = false;
    reply->q = NULL;
}

static int world_io_ask(void *context, struct query_fetch *fetch)
{
    struct world *world = context;

    return upstream_ask(world->upstream, fetch);
}

static void world_io_cancel(void *context, struct query_fetch *fetch)
{
    struct world *world = context;

    upstream_cancel(world->upstream, fetch);
}

static const struct query_io world_io = {world_reserve, world_sent, world_release, world_io_ask,
                                         world_io_cancel};

static void tell_time(struct world *world)
{
    query_engine_time(world->engine, world->now);
    upstream_time(world->upstream, world->now);
}

static void default_settings(struct query_settings *settings)
{
    *settings = (struct query_settings){
        .deadline_ms = 4000,
        .name_server_wait_ms = 400,
        .block_ttl_s = 10,
        .sinkhole4 = {.family = ADDRESS_V4},
        .sinkhole6 = {.family = ADDRESS_V6},
        .ede = true,
        .block_ede = WIRE_EDE_NONE,
        .udp_size = 1232,
        .ttl_max_s = 86400,
        .negative_ttl_max_s = 3600,
        .failure_ttl_s = 5,
        .have_upstreams = true,
        .local_special = true,
    };
    settings->access_count = 2;
    invariant(address_prefix_parse("127.0.0.0/8", 11, &settings->access[0]) == 0);
    invariant(address_prefix_parse("::1", 3, &settings->access[1]) == 0);
}

static struct world *create(unsigned servers, unsigned slots, bool records)
{
    static const uint8_t seed[RANDOM_SEED_OCTETS] = "the same world each time";
    struct world *world = calloc(1, sizeof(*world));

    invariant(world != NULL && servers <= WORLD_SERVERS && random_library_init() == 0);
    random_init_seed(&world->random, seed);
    world->now = (struct clock_now){WORLD_START_US, WORLD_START_US * 1000};
    world->timers = timers_create(4 * slots + 16);
    world->cache = cache_create(CACHE_SIZE_MIN * 8, seed);
    world->events = ring_create(1u << 20);
    world->questions = records ? ring_create(1u << 16) : NULL;
    world->served = calloc(WORLD_SERVED, sizeof(*world->served));
    default_settings(&world->settings);
    world->rate = query_rate_create(seed);
    const struct query_engine_setup setup = {
        .io = &world_io,
        .io_context = world,
        .cache = world->cache,
        .events = world->events,
        .events_lost = &world->events_lost,
        .events_refused = records ? &world->events_refused : NULL,
        .questions = world->questions,
        .questions_lost = &world->questions_lost,
        .questions_refused = records ? &world->questions_refused : NULL,
        .timers = world->timers,
        .random = &world->random,
        .rate = world->rate,
        .slots = slots};
    world->engine = query_engine_create(&setup);
    invariant(world->engine != NULL);
    world->conditions = upstream_conditions_create();
    world->upstream = upstream_create(&world_upstream_io, world, world->engine, world->timers,
                                      &world->random, world->conditions, slots);
    invariant(world->upstream != NULL);
    world->upstream_settings = (struct upstream_settings){.count = servers,
                                                          .choose = UPSTREAM_ORDERED,
                                                          .letter_case = UPSTREAM_CASE_RANDOM,
                                                          .udp_size = 1232};
    for (unsigned i = 0; i < servers; i++) {
        world->servers[i].address = (struct address){
            .octets = {192, 0, 2, (uint8_t)(i + 1)}, .port = 53, .family = ADDRESS_V4};
        world->upstream_settings.servers[i].address = world->servers[i].address;
    }
    tell_time(world);
    upstream_configure(world->upstream, &world->upstream_settings);
    world_adopt_lists(world, 0, NULL);
    return world;
}

struct world *world_create_with(unsigned servers, unsigned slots)
{
    return create(servers, slots, false);
}

struct world *world_create_recording(void)
{
    return create(1, 64, true);
}

struct world *world_create(void)
{
    return world_create_with(1, WORLD_REPLIES);
}

void world_destroy(struct world *world)
{
    /* Whatever waits ends by its deadline; nothing may be left behind. */
    world_pass(world, SECONDS(30));
    invariant(query_engine_in_use(world->engine) == 0);
    invariant(world->packet_count == 0);
    upstream_destroy(world->upstream);
    upstream_conditions_destroy(world->conditions);
    query_engine_destroy(world->engine);
    query_rate_destroy(world->rate);
    timers_destroy(world->timers);
    cache_destroy(world->cache);
    ring_destroy(world->events);
    ring_destroy(world->questions);
    if (world->policy != world->base) {
        policy_destroy(world->policy);
    }
    policy_destroy(world->base);
    policy_views_free(world->choice);
    free(world->served);
    free(world->asked);
    free(world);
}

void world_pass(struct world *world, uint64_t us)
{
    const uint64_t end = world->now.mono_us + us;

    for (;;) {
        uint64_t timer = UINT64_MAX;
        uint64_t packet = UINT64_MAX;

        timers_next(world->timers, &timer);
        world_packet_due(world, &packet);
        const uint64_t next = timer < packet ? timer : packet;
        if (next > end) {
            break;
        }
        if (next > world->now.mono_us) {
            world->now.wall_us += next - world->now.mono_us;
            world->now.mono_us = next;
        }
        tell_time(world);
        if (timer <= packet) {
            timers_run(world->timers, world->now.mono_us);
        } else {
            world_deliver(world);
        }
    }
    world->now.wall_us += end - world->now.mono_us;
    world->now.mono_us = end;
    tell_time(world);
}

static struct world_reply *take_reply(struct world *world)
{
    struct world_reply *reply = &world->replies[world->reply_next++ % WORLD_REPLIES];

    invariant(!reply->in_use);
    reply->in_use = true;
    reply->sent = 0;
    reply->len = 0;
    reply->q = NULL;
    return reply;
}

struct world_reply *world_send_octets(struct world *world, const uint8_t *octets, size_t len,
                                      struct world_manner manner)
{
    const char *from = manner.from != NULL ? manner.from : "127.0.0.1";
    const char *local = manner.local != NULL ? manner.local : "127.0.0.53@53";
    struct world_reply *reply = take_reply(world);
    struct query *q = query_take(world->engine);

    invariant(q != NULL);
    struct query_client *client = query_client_of(q);
    client->owner = reply;
    client->transport = manner.tcp ? QUERY_TCP : QUERY_UDP;
    client->keepalive_100ms = manner.tcp ? 100 : -1;
    invariant(address_parse(from, strlen(from), 40000, &client->from) == 0);
    invariant(address_parse(local, strlen(local), 53, &client->local) == 0);
    reply->q = q;
    reply->size = manner.tcp ? sizeof(reply->octets) : 4096;
    /* A heap copy that ends with the question: nothing may be read after the call. */
    uint8_t *copy = malloc(len > 0 ? len : 1);
    invariant(copy != NULL);
    memcpy(copy, octets, len);
    query_run(world->engine, q, copy, len);
    free(copy);
    return reply;
}

struct world_reply *world_send(struct world *world, const char *name, uint16_t type,
                               struct world_manner manner)
{
    uint8_t octets[512];
    uint8_t raw[WIRE_NAME_MAX + 4];
    struct wire_writer writer;
    struct wire_name parsed;
    const uint16_t flags = (uint16_t)((manner.no_recursion ? 0 : WIRE_FLAG_RD) |
                                      (manner.checking_disabled ? WIRE_FLAG_CD : 0));

    invariant(wire_name_from_text(name, strlen(name), &parsed) == WIRE_TEXT_OK);
    memcpy(raw, parsed.octets, parsed.len);
    wire_put16(raw + parsed.len, type);
    wire_put16(raw + parsed.len + 2, WIRE_IN);
    /* Letter case of the client: every second letter is large. */
    for (unsigned i = 0; i < parsed.len; i += 2) {
        if (raw[i] >= 'a' && raw[i] <= 'z') {
            raw[i] = (uint8_t)(raw[i] - 'a' + 'A');
        }
    }
    wire_writer_begin(&writer, octets, sizeof(octets), raw, parsed.len + 4u);
    if (!manner.no_edns) {
        const struct wire_opt opt = {.udp_size = manner.udp_size ? manner.udp_size : 1232,
                                     .dnssec_ok = manner.dnssec_ok,
                                     .ede = WIRE_EDE_NONE,
                                     .keepalive_100ms = manner.keepalive ? 0 : -1,
                                     .cookie = manner.cookie,
                                     .cookie_len = manner.cookie_len};
        wire_write_opt(&writer, &opt);
    }
    const size_t len = wire_writer_end(&writer, ++world->id, flags);
    invariant(len > 0);
    if (manner.keepalive) {
        /* A client's option is empty (RFC 7828, 3.1): cut the two octets of time. */
        wire_put16(octets + len - 8, 4);
        wire_put16(octets + len - 4, 0);
        struct world_reply *reply = world_send_octets(world, octets, len - 2, manner);
        return reply;
    }
    return world_send_octets(world, octets, len, manner);
}

struct world_reply *world_ask_with(struct world *world, const char *name, uint16_t type,
                                   struct world_manner manner)
{
    struct world_reply *reply = world_send(world, name, type, manner);

    for (unsigned i = 0; i < 10000 && reply->in_use; i++) {
        world_pass(world, MILLISECONDS(1));
    }
    invariant(!reply->in_use && reply->sent <= 1);
    return reply;
}

struct world_reply *world_ask(struct world *world, const char *name, uint16_t type)
{
    return world_ask_with(world, name, type, (struct world_manner){0});
}

static void add_event(struct world *world, const struct audit_event *event)
{
    const size_t used = strlen(world->event_words);
    char name[WIRE_NAME_TEXT_MAX];
    char hop[16] = "";
    char ticket[POLICY_TICKET_MAX + 8] = "";

    wire_name_to_text(&event->hit.name, name);
    if (event->hit.hop > 0) {
        snprintf(hop, sizeof(hop), "%u", event->hit.hop);
        invariant(event->chain.count == event->hit.hop + 1);
        invariant(wire_name_equal(&event->chain.names[0], &event->name));
    }
    if (event->hit.exception > 0) {
        const struct policy_exception *exception =
            policy_hit_exception(world->policy, &event->hit);

        invariant(exception != NULL && event->generation == world->generation);
        snprintf(ticket, sizeof(ticket), " by %s", exception->ticket);
    }
    static const char *const words[] = {
        [POLICY_GROUND_DEFAULT] = "default", [POLICY_GROUND_CLIENT] = "clients"};
    const bool by_rule = event->hit.ground == POLICY_GROUND_RULE;
    snprintf(world->event_words + used, WORLD_WORDS - used, "%s%s%s%s %s %s %s%s %s%s",
             used > 0 ? "; " : "", event->view > 0 ? world->views[event->view].name : "",
             event->view > 0 ? " " : "", event->applied ? "applied" : "logged",
             policy_mode_name((enum policy_mode)event->hit.mode),
             policy_action_name((enum policy_action)event->hit.action),
             by_rule ? policy_trigger_name((enum policy_trigger)event->hit.trigger)
                     : words[event->hit.ground],
             hop, name, ticket);
    world->event_count++;
    world->last_event = *event;
}

const char *world_events(struct world *world)
{
    const void *record;
    size_t len;

    world->event_words[0] = '\0';
    while ((record = ring_peek(world->events, &len)) != NULL) {
        struct audit_event event;

        invariant(audit_event_get(record, len, &event));
        invariant(event.generation <= world->generation);
        add_event(world, &event);
        ring_release(world->events);
    }
    return world->event_words;
}
