/* Upstreams that answer by a script, at their own time. */
#include "support/world.h"

#include "base/invariant.h"
#include "wire/writer.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DELAY_US 10000u

/* ---- what is served ---- */

static void serve_line(struct world_served *served, const char *line, unsigned section)
{
    uint8_t *wire = NULL;
    size_t len = 0;
    ldns_rr *rr = NULL;

    if (ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL) != LDNS_STATUS_OK) {
        fprintf(stderr, "not a record: %s\n", line);
        abort();
    }
    invariant(ldns_rr2wire(&wire, rr, (int)section, &len) == LDNS_STATUS_OK);
    invariant(served->len + len <= sizeof(served->octets));
    memcpy(served->octets + served->len, wire, len);
    served->len += len;
    served->counts[section - 1]++;
    ldns_rr_free(rr);
    free(wire);
}

static struct world_served *find_served(const struct world *world, const struct wire_name *name,
                                        uint16_t type)
{
    for (size_t i = 0; i < world->served_count; i++) {
        struct world_served *served = &world->served[i];

        if (served->type == type && wire_name_equal(&served->name, name)) {
            return served;
        }
    }
    return NULL;
}

void world_serve_rcode(struct world *world, const char *name, uint16_t type, unsigned rcode,
                       const char *records)
{
    unsigned section = LDNS_SECTION_ANSWER;
    struct wire_name parsed;

    invariant(wire_name_from_text(name, strlen(name), &parsed) == WIRE_TEXT_OK);
    struct world_served *served = find_served(world, &parsed, type);
    if (served == NULL) {
        invariant(world->served_count < WORLD_SERVED);
        served = &world->served[world->served_count++];
    }
    served->name = parsed;
    served->type = type;
    served->rcode = rcode;
    served->len = 0;
    memset(served->counts, 0, sizeof(served->counts));
    for (const char *at = records; *at != '\0';) {
        const size_t len = strcspn(at, "\n");
        char line[2048];

        invariant(len < sizeof(line));
        memcpy(line, at, len);
        line[len] = '\0';
        if (strcmp(line, "--") == 0) {
            section = LDNS_SECTION_AUTHORITY;
        } else if (strcmp(line, "++") == 0) {
            section = LDNS_SECTION_ADDITIONAL;
        } else if (len > 0) {
            serve_line(served, line, section);
        }
        at += len + (at[len] == '\n');
    }
}

void world_serve(struct world *world, const char *name, uint16_t type, const char *records)
{
    world_serve_rcode(world, name, type, WIRE_NOERROR, records);
}

/* ---- packets ---- */

static struct world_server *server_of(struct world *world, const struct upstream_try *t)
{
    for (unsigned i = 0; i < WORLD_SERVERS; i++) {
        if (address_equal(&world->servers[i].address, &t->server->address)) {
            return &world->servers[i];
        }
    }
    abort();
}

static void note_asked(struct world *world, const struct wire_name *name)
{
    if (world->asked_count % 1024 == 0) {
        world->asked =
            realloc(world->asked, (world->asked_count + 1024) * sizeof(*world->asked));
        invariant(world->asked != NULL);
    }
    world->asked[world->asked_count++] = *name;
}

size_t world_asked(const struct world *world, const char *name)
{
    struct wire_name parsed;
    size_t count = 0;

    invariant(wire_name_from_text(name, strlen(name), &parsed) == WIRE_TEXT_OK);
    for (size_t i = 0; i < world->asked_count; i++) {
        count += wire_name_equal(&world->asked[i], &parsed);
    }
    return count;
}

static void send_back(struct world *world, struct upstream_try *t, const uint8_t *octets,
                      size_t len, uint64_t delay_us)
{
    invariant(world->packet_count < WORLD_PACKETS);
    uint8_t *copy = malloc(len);
    invariant(copy != NULL);
    memcpy(copy, octets, len);
    world->packets[world->packet_count++] =
        (struct world_packet){t, world->now.mono_us + delay_us, copy, len};
}

/* The answer that the script has: its sections as they are, behind the question as asked. */
static size_t make_answer(const struct world *world, const struct world_server *server,
                          const struct upstream_try *t, const struct wire_message *question,
                          uint8_t *out)
{
    const struct world_served *served = find_served(world, &question->name, question->type);
    unsigned rcode = served != NULL ? served->rcode : WIRE_REFUSED;
    size_t len = question->body;
    uint16_t flags = WIRE_FLAG_QR | WIRE_FLAG_RA | WIRE_FLAG_RD;

    memcpy(out, t->octets, len);
    memset(out + 6, 0, 6);
    if ((server->manners & SERVER_SERVFAIL) != 0) {
        rcode = WIRE_SERVFAIL;
        served = NULL;
    } else if ((server->manners & SERVER_REFUSED) != 0) {
        rcode = WIRE_REFUSED;
        served = NULL;
    }
    if ((server->manners & SERVER_SETS_AD) != 0) {
        flags |= WIRE_FLAG_AD;
    }
    if (((server->manners & SERVER_TRUNCATES) != 0 && !t->tcp) ||
        (server->manners & SERVER_TC_ALWAYS) != 0) {
        rcode = (server->manners & SERVER_TC_ALWAYS) != 0 ? WIRE_NOERROR : rcode;
        flags |= WIRE_FLAG_TC;
        served = NULL;
    }
    wire_put16(out + 2, (uint16_t)(flags | (rcode & WIRE_RCODE_MASK)));
    if ((server->manners & SERVER_LOSES_CASE) != 0) {
        memcpy(out + question->name_at, question->name.octets, question->name.len);
    }
    if (served != NULL) {
        memcpy(out + len, served->octets, served->len);
        len += served->len;
        for (unsigned i = 0; i < 3; i++) {
            wire_put16(out + 6 + 2 * (size_t)i, served->counts[i]);
        }
    }
    if (rcode > WIRE_RCODE_MASK || served != NULL) { /* an OPT, as servers send it */
        static const uint8_t opt[11] = {0, 0, WIRE_OPT, 4, 208};

        memcpy(out + len, opt, sizeof(opt));
        out[len + 5] = (uint8_t)(rcode >> 4);
        len += sizeof(opt);
        wire_put16(out + 10, (uint16_t)(wire_get16(out + 10) + 1));
    }
    return len;
}

static void answer(struct world *world, struct world_server *server, struct upstream_try *t,
                   const struct wire_message *question)
{
    static uint8_t out[2 * WIRE_MESSAGE_MAX];
    const uint64_t delay = server->delay_us != 0 ? server->delay_us : DELAY_US;
    const size_t len = make_answer(world, server, t, question, out);

    if ((server->manners & (SERVER_WRONG_ID | SERVER_STRANGE_IDS)) != 0) {
        out[0] ^= 0x55;
        send_back(world, t, out, len, delay / 2);
        out[0] ^= 0x55;
    }
    for (unsigned i = 0; (server->manners & SERVER_FLOODS) != 0 && i < UPSTREAM_WRONG_MAX;
         i++) {
        out[0] ^= 0x55;
        send_back(world, t, out, len, delay / 2);
        out[0] ^= 0x55;
    }
    if ((server->manners & SERVER_WRONG_NAME) != 0 && question->name.labels > 0) {
        out[question->name_at + 1] ^= 0x01;
        send_back(world, t, out, len, delay / 2);
        out[question->name_at + 1] ^= 0x01;
    }
    if ((server->manners & (SERVER_STRANGE_IDS | SERVER_FLOODS)) == 0) {
        const size_t cut = (server->manners & SERVER_GARBAGE) != 0 ? 3 : 0;
        send_back(world, t, out, len - cut, delay);
    }
}

static bool has_do(const struct wire_message *question)
{
    struct wire_cursor cursor;
    struct wire_record record;

    wire_cursor_start(&cursor, question);
    while (wire_cursor_next(&cursor, &record) > 0) {
        if (record.type == WIRE_OPT) {
            return (wire_get32(question->octets + record.ttl_at) & WIRE_EDNS_DO) != 0;
        }
    }
    return false;
}

static bool is_silent_on(const struct world_server *server, const struct wire_name *name)
{
    static const uint8_t zone[] = "\6silent";

    return (server->manners & SERVER_SILENT_ON_SOME) != 0 && name->len >= sizeof(zone) &&
           memcmp(name->octets + name->len - sizeof(zone), zone, sizeof(zone)) == 0;
}

static int take_question(struct world *world, struct upstream_try *t)
{
    struct world_server *server = server_of(world, t);
    struct wire_message question;

    if ((server->manners & SERVER_UNREACHABLE) != 0) {
        return -ENETUNREACH;
    }
    invariant(wire_message_open(t->octets, t->len, &question) == WIRE_OK);
    invariant(question.counts[0] == 1 && question.type != WIRE_ANY);
    if (t->exchange == NULL) { /* a probe: of no client's name */
        invariant(question.name.labels == 0 && question.type == WIRE_NS);
        server->probes++;
    } else {
        note_asked(world, &question.name);
        server->asked++;
        server->asked_tcp += t->tcp;
        server->last_flags = question.flags;
        server->last_do = has_do(&question);
    }
    t->handle = server;
    if ((server->manners & SERVER_SILENT) == 0 && !is_silent_on(server, &question.name)) {
        answer(world, server, t, &question);
    }
    return 0;
}

static int fake_udp_send(void *context, struct upstream_try *t)
{
    return take_question(context, t);
}

static int fake_tcp_send(void *context, struct upstream_try *t)
{
    return take_question(context, t);
}

static void forget_packet(struct world *world, size_t index)
{
    free(world->packets[index].octets);
    world->packets[index] = world->packets[--world->packet_count];
}

static void fake_close(void *context, struct upstream_try *t)
{
    struct world *world = context;

    for (size_t i = world->packet_count; i > 0; i--) {
        if (world->packets[i - 1].t == t) {
            forget_packet(world, i - 1);
        }
    }
    t->handle = NULL;
}

const struct upstream_io world_upstream_io = {fake_udp_send, fake_tcp_send, fake_close};

static size_t earliest(const struct world *world)
{
    size_t best = 0;

    for (size_t i = 1; i < world->packet_count; i++) {
        if (world->packets[i].due_us < world->packets[best].due_us) {
            best = i;
        }
    }
    return best;
}

bool world_packet_due(const struct world *world, uint64_t *due_us)
{
    if (world->packet_count == 0) {
        return false;
    }
    *due_us = world->packets[earliest(world)].due_us;
    return true;
}

void world_deliver(struct world *world)
{
    const size_t index = earliest(world);
    const struct world_packet packet = world->packets[index];

    world->packets[index] = world->packets[--world->packet_count];
    upstream_received(world->upstream, packet.t, packet.octets, packet.len);
    free(packet.octets);
}
