#include "gate/impact.h"

#include "audit/search.h"
#include "base/tally.h"
#include "policy/views.h"
#include "setup/schedules.h"
#include "setup/why.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Columns that are looked at, of questions and of matched rules. */
#define BIT(column) (UINT64_C(1) << (column))
#define COLUMNS_OF_QUESTIONS \
    (BIT(AUDIT_TIME) | BIT(AUDIT_CLIENT) | BIT(AUDIT_VIEW) | BIT(AUDIT_NAME))
#define COLUMNS_OF_MATCHES                                                               \
    (COLUMNS_OF_QUESTIONS | BIT(AUDIT_TRIGGER) | BIT(AUDIT_MATCHED) | BIT(AUDIT_CHAIN) | \
     BIT(AUDIT_MATCHED_ADDRESS))

/* Whoever waits is told after so many events. */
#define TOLD_EVERY 4096u

/* Counted apart, as a question may be in both streams. */
struct counts {
    uint64_t asked;   /* questions */
    uint64_t matched; /* events of matched rules, by the name asked */
    uint64_t led_to;  /* and by what the answer led to */
};

struct hit_name {
    struct gate_impact_name told;
    struct counts counts;
};

struct replay {
    const struct gate_impact_request *request;
    struct gate_impact *impact;
    struct tally *names, *clients, *pairs;
    struct hit_name **hits; /* by number of the name */
    struct counts counts;
    struct setup_moment moment;
    uint64_t block; /* number of the one whose columns are loaded; UINT64_MAX: none */
    bool bad;       /* it cannot be read */
    uint64_t events;
    bool no_memory;
};

/* One event, as far as it is of use. */
struct asked {
    struct wire_name name;
    struct audit_client client;
    const uint8_t *client_octets;
    size_t client_len;
    uint64_t time_us;
    unsigned view, variant;
};

static bool load(struct replay *replay, const struct audit_header *header,
                 struct audit_block *block)
{
    if (replay->block != header->number) {
        replay->block = header->number;
        replay->bad =
            audit_block_load(block, header->stream == AUDIT_QUERIES ? COLUMNS_OF_QUESTIONS
                                                                    : COLUMNS_OF_MATCHES) != 0;
        replay->impact->damaged += replay->bad;
    }
    return !replay->bad;
}

/* The view that it was asked in, by its name; where there is none of that name any more, the
 * one that the client would be in, whichever address it asked. */
static bool find_view(const struct replay *replay, const struct audit_value *word,
                      struct asked *asked)
{
    const struct setup_snapshot *snapshot = replay->request->sides->new.snapshot;
    static const struct address anywhere = {.family = ADDRESS_NONE};

    for (unsigned i = 0; word != NULL && i < snapshot->view_count; i++) {
        const char *name = snapshot->views[i].name;

        if (strlen(name) == word->number && memcmp(name, word->octets, word->number) == 0) {
            asked->view = i;
            return true;
        }
    }
    if (asked->client.kind != AUDIT_CLIENT_ADDRESS) {
        return false;
    }
    asked->view = policy_views_choose(snapshot->choice, &asked->client.address, &anywhere);
    return true;
}

/* By the schedules that held then. */
static void find_variant(struct replay *replay, struct asked *asked)
{
    const uint64_t at_s = asked->time_us / 1000000;

    if (at_s < replay->moment.from_s || at_s >= replay->moment.until_s) {
        setup_schedules_at(replay->request->sides->new.snapshot->schedules, at_s,
                           &replay->moment);
    }
    asked->variant = replay->moment.variants[asked->view];
}

static bool read_event(struct replay *replay, struct audit_block *block, uint32_t i,
                       struct asked *asked)
{
    struct audit_value name, client, view, time;

    if (!audit_block_value(block, AUDIT_NAME, i, &name) ||
        !audit_name_get(name.octets, name.number, &asked->name) ||
        !audit_block_value(block, AUDIT_TIME, i, &time)) {
        return false;
    }
    asked->client.kind = AUDIT_CLIENT_NONE;
    asked->client_len = 0;
    asked->time_us = time.number;
    if (audit_block_value(block, AUDIT_CLIENT, i, &client) &&
        audit_client_get(client.octets, client.number, &asked->client)) {
        asked->client_octets = client.octets;
        asked->client_len = client.number;
        replay->impact->pseudonyms |= asked->client.kind == AUDIT_CLIENT_PSEUDONYM;
    }
    if (!find_view(replay, audit_block_value(block, AUDIT_VIEW, i, &view) ? &view : NULL,
                   asked)) {
        return false;
    }
    find_variant(replay, asked);
    return true;
}

static struct gate_question question_of(const struct asked *asked)
{
    return (struct gate_question){
        .trigger = POLICY_TRIGGER_QNAME,
        .view = asked->view,
        .variant = asked->variant,
        .name = &asked->name,
        .client = asked->client.kind == AUDIT_CLIENT_ADDRESS ? &asked->client.address : NULL};
}

/* The entry of a name; NULL: it cannot be told apart any more. */
static struct hit_name *name_of(struct replay *replay, const struct asked *asked,
                                const struct gate_question *by)
{
    bool is_new = false;
    const size_t number = tally_add(replay->names, asked->name.octets, asked->name.len, &is_new,
                                    &replay->no_memory);

    if (number == TALLY_NONE) {
        return NULL;
    }
    if (is_new) {
        struct hit_name *hit = calloc(1, sizeof(*hit));

        if (hit == NULL) {
            replay->no_memory = true;
            return NULL;
        }
        hit->told = (struct gate_impact_name){.name = asked->name,
                                              .trigger = by->trigger,
                                              .view = asked->view,
                                              .variant = asked->variant,
                                              .first_us = asked->time_us,
                                              .last_us = asked->time_us};
        hit->told.via = *by->name;
        if (by->address != NULL) {
            hit->told.address = *by->address;
        }
        replay->hits[number] = hit;
    }
    return replay->hits[number];
}

/* Each client once, and once for each name. */
static void count_client(struct replay *replay, const struct asked *asked, struct hit_name *hit)
{
    uint8_t pair[sizeof(uint32_t) + AUDIT_TEXT_MAX];
    bool is_new = false;
    size_t len = 0;
    uint32_t number = 0;

    if (asked->client_len == 0 || asked->client_len > AUDIT_ADDRESS_MAX) {
        return;
    }
    (void)tally_add(replay->clients, asked->client_octets, asked->client_len, &is_new,
                    &replay->no_memory);
    if (hit == NULL) {
        return;
    }
    /* A number that the name has, and the client behind it. */
    const size_t name = tally_add(replay->names, asked->name.octets, asked->name.len, &is_new,
                                  &replay->no_memory);
    number = (uint32_t)name;
    memcpy(pair, &number, sizeof(number));
    memcpy(pair + sizeof(number), asked->client_octets, asked->client_len);
    len = sizeof(number) + asked->client_len;
    if (tally_add(replay->pairs, pair, len, &is_new, &replay->no_memory) != TALLY_NONE &&
        is_new) {
        hit->told.clients++;
    }
}

static void note(struct replay *replay, unsigned stream, const struct asked *asked,
                 const struct gate_question *by)
{
    struct hit_name *hit = name_of(replay, asked, by);
    const bool led_to = by->trigger != POLICY_TRIGGER_QNAME;

    replay->counts.asked += stream == AUDIT_QUERIES;
    replay->counts.matched += stream == AUDIT_DECISIONS && !led_to;
    replay->counts.led_to += stream == AUDIT_DECISIONS && led_to;
    if (hit != NULL) {
        hit->counts.asked += stream == AUDIT_QUERIES;
        hit->counts.matched += stream == AUDIT_DECISIONS && !led_to;
        hit->counts.led_to += stream == AUDIT_DECISIONS && led_to;
        hit->told.first_us =
            asked->time_us < hit->told.first_us ? asked->time_us : hit->told.first_us;
        hit->told.last_us =
            asked->time_us > hit->told.last_us ? asked->time_us : hit->told.last_us;
    }
    count_client(replay, asked, hit);
}

/* The names that the answer led to, of which the first was asked for. */
static bool leads_to_blocked(struct replay *replay, const struct audit_value *chain,
                             const struct asked *asked, struct gate_question *question,
                             struct wire_name *via)
{
    struct gate_change change;
    size_t pos = 0;

    while (pos < chain->number &&
           wire_name_read(chain->octets, chain->number, &pos, via) == WIRE_OK) {
        *question = question_of(asked);
        question->trigger = POLICY_TRIGGER_HOP;
        question->name = via;
        question->asked = &asked->name;
        if (!wire_name_equal(via, &asked->name) &&
            gate_newly_blocked(replay->request->sides, question, &change)) {
            return true;
        }
    }
    return false;
}

/* What the rule had matched, if not a name that was looked at already. */
static bool matched_is_blocked(struct replay *replay, struct audit_block *block, uint32_t i,
                               const struct asked *asked, struct gate_question *question,
                               struct wire_name *via, struct address *address)
{
    struct audit_value word, matched;
    struct gate_change change;
    unsigned trigger = 0;

    if (!audit_block_value(block, AUDIT_TRIGGER, i, &word)) {
        return false;
    }
    while (trigger < POLICY_TRIGGERS) {
        const char *name = policy_trigger_name((enum policy_trigger)trigger);

        if (strlen(name) == word.number && memcmp(name, word.octets, word.number) == 0) {
            break;
        }
        trigger++;
    }
    if (trigger == POLICY_TRIGGERS || trigger == POLICY_TRIGGER_CLIENT ||
        trigger == POLICY_TRIGGER_QNAME) {
        return false;
    }
    *question = question_of(asked);
    question->trigger = (enum policy_trigger)trigger;
    question->asked = &asked->name;
    *via = asked->name;
    if (audit_block_value(block, AUDIT_MATCHED, i, &matched) &&
        !audit_name_get(matched.octets, matched.number, via)) {
        return false;
    }
    question->name = via;
    if (policy_trigger_is_address((enum policy_trigger)trigger)) {
        if (!audit_block_value(block, AUDIT_MATCHED_ADDRESS, i, &matched) ||
            !audit_address_get(matched.octets, matched.number, address)) {
            return false;
        }
        question->address = address;
    }
    return gate_newly_blocked(replay->request->sides, question, &change);
}

static bool is_outside(const struct replay *replay, const struct asked *asked)
{
    uint16_t context;

    return setup_why_outside(replay->request->sides->new.snapshot, &asked->name, 1, &context);
}

static void decide(struct replay *replay, unsigned stream, struct audit_block *block,
                   uint32_t i, const struct asked *asked)
{
    struct gate_question question = question_of(asked);
    struct gate_change change;
    struct audit_value chain;
    struct wire_name via;
    struct address address;

    if (gate_newly_blocked(replay->request->sides, &question, &change)) {
        note(replay, stream, asked, &question);
    } else if (stream == AUDIT_DECISIONS && is_outside(replay, asked) &&
               ((audit_block_value(block, AUDIT_CHAIN, i, &chain) &&
                 leads_to_blocked(replay, &chain, asked, &question, &via)) ||
                matched_is_blocked(replay, block, i, asked, &question, &via, &address))) {
        note(replay, stream, asked, &question);
    }
}

static bool look_at(void *context, const struct audit_header *header, struct audit_block *block,
                    uint32_t i)
{
    struct replay *replay = context;
    struct gate_impact *impact = replay->impact;
    const struct gate_impact_request *request = replay->request;
    struct asked asked;

    if (replay->events++ % TOLD_EVERY == 0 && header->first_us >= request->from_us) {
        report_progress(request->report, "replaying",
                        (header->first_us - request->from_us) / 1000000,
                        (request->to_us - request->from_us) / 1000000);
    }
    if (!load(replay, header, block)) {
        return true;
    }
    if (!read_event(replay, block, i, &asked)) {
        impact->undecided++;
        return true;
    }
    impact->questions += header->stream == AUDIT_QUERIES;
    impact->matched += header->stream == AUDIT_DECISIONS;
    if (impact->first_us == 0 || asked.time_us < impact->first_us) {
        impact->first_us = asked.time_us;
    }
    impact->last_us = asked.time_us > impact->last_us ? asked.time_us : impact->last_us;
    decide(replay, header->stream, block, i, &asked);
    return !replay->no_memory;
}

/* A question that was recorded is not counted again where a rule matched it. */
static uint64_t sum(const struct gate_impact *impact, const struct counts *counts)
{
    return (impact->questions > 0 ? counts->asked : counts->matched) + counts->led_to;
}

/* The most asked first, then by name. */
static int compare(const void *a, const void *b)
{
    const struct gate_impact_name *left = a, *right = b;

    if (left->questions != right->questions) {
        return left->questions > right->questions ? -1 : 1;
    }
    if (left->name.len != right->name.len) {
        return (int)left->name.len - (int)right->name.len;
    }
    return memcmp(left->name.octets, right->name.octets, left->name.len);
}

static int tell(struct replay *replay)
{
    struct gate_impact *impact = replay->impact;
    const size_t count = tally_count(replay->names);

    impact->hit = sum(impact, &replay->counts);
    impact->names = count;
    impact->clients = tally_count(replay->clients);
    impact->names_more = tally_is_full(replay->names);
    impact->clients_more = tally_is_full(replay->clients);
    impact->top = calloc(count + 1, sizeof(impact->top[0]));
    if (impact->top == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        impact->top[i] = replay->hits[i]->told;
        impact->top[i].questions = sum(impact, &replay->hits[i]->counts);
    }
    qsort(impact->top, count, sizeof(impact->top[0]), compare);
    impact->top_count = count < GATE_FINDINGS_MAX ? count : GATE_FINDINGS_MAX;
    return 0;
}

int gate_impact_run(const struct gate_impact_request *request, struct gate_impact *impact)
{
    const struct audit_query query = {.streams = 1u << AUDIT_DECISIONS | 1u << AUDIT_QUERIES,
                                      .checked = true, /* damage must not look like clients */
                                      .from_us = request->from_us,
                                      .to_us = request->to_us};
    struct audit_search_stats stats = {.blocks = 0};
    struct replay replay = {.request = request,
                            .impact = impact,
                            .names = tally_create(GATE_REPLAY_NAMES_MAX),
                            .clients = tally_create(GATE_REPLAY_CLIENTS_MAX),
                            .pairs = tally_create(GATE_REPLAY_PAIRS_MAX),
                            .hits = calloc(GATE_REPLAY_NAMES_MAX, sizeof(replay.hits[0])),
                            .block = UINT64_MAX};
    int rc = replay.names == NULL || replay.clients == NULL || replay.pairs == NULL ||
                     replay.hits == NULL
                 ? -ENOMEM
                 : 0;

    memset(impact, 0, sizeof(*impact));
    if (rc == 0) {
        rc = audit_search(request->log, &query, look_at, &replay, &stats);
        rc = replay.no_memory ? -ENOMEM : rc;
    }
    impact->damaged += stats.damaged;
    rc = rc == 0 ? tell(&replay) : rc;
    for (size_t i = 0; replay.hits != NULL && i < GATE_REPLAY_NAMES_MAX; i++) {
        free(replay.hits[i]);
    }
    free(replay.hits);
    tally_destroy(replay.names);
    tally_destroy(replay.clients);
    tally_destroy(replay.pairs);
    if (rc != 0) {
        gate_impact_deinit(impact);
    }
    return rc;
}

void gate_impact_deinit(struct gate_impact *impact)
{
    free(impact->top);
    memset(impact, 0, sizeof(*impact));
}
