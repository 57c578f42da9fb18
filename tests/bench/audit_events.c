#include "bench/audit_events.h"

#include "base/random.h"
#include "base/text.h"
#include "policy/answer.h"
#include "policy/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef AUDIT_EVENTS_PATH
#define AUDIT_EVENTS_PATH "tests/bench/audit_names.txt"
#endif

#define DOMAINS_MAX 1000u
#define LINE_OCTETS 300u
#define HOSTS       100u /* of each provider, that is asked for */
#define LISTED      (AUDIT_EVENTS_PROVIDERS * HOSTS)

static const struct provider {
    const char *word, *name, *suffix, *host, *domain; /* a host: "host number domain" */
} providers[AUDIT_EVENTS_PROVIDERS] = {
    {"cloud-one", "Cloud One", "cloud-one.example", "bucket",
     ".oss.region-4.cloud-one.example"},
    {"cloud-two", "Cloud Two", "cdn.cloud-two.example", "d", ".cdn.cloud-two.example"},
    {"cloud-three", "Cloud Three", "cloud-three.example", "api", ".eu.cloud-three.example"},
    {"cloud-four", "Cloud Four", "cloud-four.example", "img-", ".storage.cloud-four.example"},
};

/* A host of a provider, and a name that leads to it. */
struct listed {
    struct wire_name name;
    struct policy_hit hit;
    struct policy_chain chain; /* from a name of its own to `name` */
    struct policy_hit alias_hit;
};

struct audit_events {
    struct wire_name *names;
    double *shares; /* of the names up to this one */
    struct listed *listed;
    struct policy *policy;
    struct audit_list_words *lists;
    struct ring *ring; /* of rows under way */
    struct random random;
    uint64_t now_us;
};

static bool complain(const char *what)
{
    fprintf(stderr, "audit_events: %s\n", what);
    return false;
}

/* --- names --- */

/* Host number i of a domain, as such hosts are called. */
static bool host_of(char out[LINE_OCTETS], unsigned i, const char *domain)
{
    static const char *const hosts[] = {
        "www",   "api",   "cdn",   "static", "img",    "mail", "login",     "app",    "m",
        "media", "edge",  "s3",    "assets", "push",   "ads",  "telemetry", "video",  "dl",
        "auth",  "store", "graph", "events", "update", "time", "config",    "beacon", "js"};
    const unsigned words = sizeof(hosts) / sizeof(hosts[0]);
    struct text text;
    const uint32_t mixed = (i + 1) * 2654435761u;

    text_init(&text, out, LINE_OCTETS);
    if (i == 0) {
        text_printf(&text, "%s", domain);
    } else if (i <= words) {
        text_printf(&text, "%s.%s", hosts[i - 1], domain);
    } else if (mixed % 4 == 0) {
        text_printf(&text, "%s-%u.%s", hosts[mixed / 4 % words], i, domain);
    } else if (mixed % 4 == 1) {
        text_printf(&text, "e%u.dsc%c.%s", i, (char)('a' + mixed % 26), domain);
    } else if (mixed % 4 == 2) {
        text_printf(&text, "r%u---sn-%08x.%s", i % 20, (unsigned)mixed, domain);
    } else {
        text_printf(&text, "%s.eu-west-%u.%s", hosts[mixed / 4 % words], i, domain);
    }
    return !text.overflow;
}

/* The names: round by round over the domains, those asked most have the most hosts. */
static bool make_names(struct audit_events *events, const char *path)
{
    static char domains[DOMAINS_MAX][LINE_OCTETS];
    FILE *file = fopen(path != NULL ? path : AUDIT_EVENTS_PATH, "r");
    char text[LINE_OCTETS];
    unsigned count = 0;
    unsigned made = 0;
    double sum = 0;

    if (file == NULL) {
        return complain("the file of names cannot be opened");
    }
    while (count < DOMAINS_MAX && fgets(domains[count], LINE_OCTETS, file) != NULL) {
        domains[count][strcspn(domains[count], "\n")] = '\0';
        count += domains[count][0] != '\0' ? 1 : 0;
    }
    fclose(file);
    for (unsigned round = 0; made < AUDIT_EVENTS_NAMES && count > 0; round++) {
        for (unsigned d = 0; d < count && made < AUDIT_EVENTS_NAMES; d++) {
            if (d > 0 && round % (1 + d / 20) != 0) {
                continue;
            }
            if (!host_of(text, round, domains[d]) ||
                wire_name_from_text(text, strlen(text), &events->names[made]) != WIRE_TEXT_OK) {
                return complain(text);
            }
            made++;
            sum += 1.0 / (double)made;
            events->shares[made - 1] = sum;
        }
    }
    return made == AUDIT_EVENTS_NAMES ? true : complain("the file of names is empty");
}

static unsigned pick_name(struct audit_events *events)
{
    const double at = (double)(random_u64(&events->random) >> 11) * 0x1p-53 *
                      events->shares[AUDIT_EVENTS_NAMES - 1];
    unsigned low = 0;
    unsigned high = AUDIT_EVENTS_NAMES - 1;

    while (low < high) {
        const unsigned middle = (low + high) / 2;

        if (events->shares[middle] < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* --- what is listed --- */

static bool make_list(const struct provider *provider, struct policy_list **list)
{
    char text[2048];
    struct report report;

    const int len = snprintf(
        text, sizeof(text),
        "cordon-list 1\nid %s\ntitle %s\nprovider %s %s\n"
        "parent example-group Example Group\nserial 2026112201\n"
        "created 2026-11-22T00:00:00Z\nexpires 2027-12-27T00:00:00Z\n"
        "fact parent-designated\nentity Example Group Co., Ltd.\n"
        "authority Authority of Examples\ninstrument List of Examples\n"
        "citation 1 Ex. Reg. 23\neffective 2025-01-07\nstate in-force\n"
        "checked 2026-11-01\nrules\n"
        "block suffix %s category=object-storage scope=cloud confidence=high "
        "evidence=\"x\"\nend\n",
        provider->word, provider->name, provider->word, provider->name, provider->suffix);
    report_init(&report);
    const bool good = policy_list_parse(text, (size_t)len, "bench", &report, list) == 0;
    if (!good) {
        report_print(&report, stderr);
    }
    report_deinit(&report);
    return good;
}

static bool make_policy(struct audit_events *events)
{
    struct policy_list *lists[AUDIT_EVENTS_PROVIDERS] = {NULL};
    struct policy_list_setting settings[AUDIT_EVENTS_PROVIDERS];
    const struct policy_view_setting view = {.name = "default",
                                             .action = POLICY_ACTION_SINKHOLE,
                                             .lists = settings,
                                             .list_count = AUDIT_EVENTS_PROVIDERS};
    struct policy_image *image = NULL;
    struct report report;
    bool good = true;

    report_init(&report);
    for (unsigned i = 0; i < AUDIT_EVENTS_PROVIDERS; i++) {
        settings[i] =
            (struct policy_list_setting){.id = providers[i].word, .mode = POLICY_MODE_ENFORCE};
        good = good && make_list(&providers[i], &lists[i]);
    }
    good = good &&
           policy_image_build((const struct policy_list *const *)lists, AUDIT_EVENTS_PROVIDERS,
                              &image) == 0 &&
           policy_create(image, &view, 1, 1, &report, &events->policy) == 0;
    for (unsigned i = 0; i < AUDIT_EVENTS_PROVIDERS; i++) {
        policy_list_free(lists[i]);
    }
    report_deinit(&report);
    return good ? true : complain("no policy");
}

static bool make_hit(const struct audit_events *events, const struct wire_name *name,
                     uint8_t hop, struct policy_hit *hit)
{
    struct policy_outcome outcome;

    policy_decide_name(events->policy, 0, hop == 0 ? POLICY_TRIGGER_QNAME : POLICY_TRIGGER_HOP,
                       hop, name, &outcome);
    *hit = outcome.hit;
    return outcome.enforced;
}

static bool make_listed(struct audit_events *events)
{
    char text[LINE_OCTETS];

    for (unsigned i = 0; i < LISTED; i++) {
        struct listed *listed = &events->listed[i];
        const struct provider *provider = &providers[i % AUDIT_EVENTS_PROVIDERS];

        snprintf(text, sizeof(text), "%s%u%s", provider->host, 1000 + i, provider->domain);
        if (wire_name_from_text(text, strlen(text), &listed->name) != WIRE_TEXT_OK) {
            return complain(text);
        }
        listed->chain.count = 2;
        listed->chain.names[0] = events->names[300 + 7 * i];
        listed->chain.names[1] = listed->name;
        if (!make_hit(events, &listed->name, 0, &listed->hit) ||
            !make_hit(events, &listed->name, 1, &listed->alias_hit)) {
            return complain("a host is not listed");
        }
    }
    return true;
}

/* --- questions --- */

struct audit_events *audit_events_create(const char *path, uint8_t seed, uint64_t begin_us)
{
    struct audit_events *events = calloc(1, sizeof(*events));
    const uint8_t octets[RANDOM_SEED_OCTETS] = {seed};

    if (events == NULL || random_library_init() != 0) {
        free(events);
        return NULL;
    }
    events->names = calloc(AUDIT_EVENTS_NAMES, sizeof(*events->names));
    events->shares = calloc(AUDIT_EVENTS_NAMES, sizeof(*events->shares));
    events->listed = calloc(LISTED, sizeof(*events->listed));
    events->lists = audit_list_words_create();
    events->ring = ring_create(AUDIT_RING_MIN);
    events->now_us = begin_us;
    random_init_seed(&events->random, octets);
    if (events->names == NULL || events->shares == NULL || events->listed == NULL ||
        events->lists == NULL || events->ring == NULL || !make_names(events, path) ||
        !make_policy(events) || !make_listed(events)) {
        audit_events_destroy(events);
        return NULL;
    }
    return events;
}

void audit_events_destroy(struct audit_events *events)
{
    if (events == NULL) {
        return;
    }
    free(events->names);
    free(events->shares);
    free(events->listed);
    audit_list_words_destroy(events->lists);
    ring_destroy(events->ring);
    policy_destroy(events->policy);
    free(events);
}

const struct policy *audit_events_policy(const struct audit_events *events)
{
    return events->policy;
}

const struct wire_name *audit_events_name(const struct audit_events *events, unsigned rank)
{
    return &events->names[rank];
}

struct address audit_events_client(unsigned rank)
{
    struct address address = {.family = ADDRESS_V4, .octets = {10, 0}};
    const uint8_t low[2] = {(uint8_t)(rank >> 8), (uint8_t)rank};

    if (rank % 8 == 7) {
        address = (struct address){.family = ADDRESS_V6, .octets = {0x20, 0x01, 0x0d, 0xb8}};
    }
    memcpy(address.octets + (address.family == ADDRESS_V4 ? 2 : 14), low, sizeof(low));
    return address;
}

const char *audit_events_provider(unsigned i)
{
    return providers[i].word;
}

void audit_events_next(struct audit_events *events, struct audit_made *made)
{
    static const struct address none = {.family = ADDRESS_NONE};
    static const struct address upstream = {
        .family = ADDRESS_V4, .octets = {192, 0, 2, 53}, .port = 53};
    struct random *random = &events->random;
    const uint32_t kind = random_below(random, 100);
    const bool hit = random_below(random, 100) < 85;
    const bool alias = random_below(random, 10) < 4;
    const struct listed *listed = &events->listed[random_below(random, LISTED)];
    struct audit_question *question = &made->question;

    made->client = audit_events_client(
        random_below(random, random_below(random, AUDIT_EVENTS_CLIENTS) + 1));
    made->client.port = (uint16_t)(1024 + random_below(random, 60000));
    events->now_us += random_below(random, 100);
    made->decided = random_below(random, 100) == 0;
    *question = (struct audit_question){
        .wall_us = events->now_us,
        .generation = policy_generation(events->policy),
        .client = &made->client,
        .upstream = &made->upstream,
        .name = &events->names[pick_name(events)],
        .type = kind < 60   ? 1
                : kind < 85 ? 28
                            : 65,
        .transport = random_below(random, 100) != 0 ? AUDIT_UDP : AUDIT_TCP,
        .rcode = random_below(random, 100) < 8 ? 3 : 0,
        .cached = hit,
        .latency_us = hit ? 20 + random_below(random, 30) : 5000 + random_below(random, 30000),
    };
    if (made->decided) {
        question->name = alias ? &listed->chain.names[0] : &listed->name;
        question->rcode = 0;
        question->cached = hit && alias;
        question->latency_us = hit || !alias ? 20 : question->latency_us;
    }
    made->upstream = !hit && (!made->decided || alias) ? upstream : none;
    made->decision = (struct audit_decision){
        .wall_us = question->wall_us,
        .latency_us = question->latency_us,
        .known = alias ? 0 : (uint16_t)(1 + (listed - events->listed)),
        .generation = question->generation,
        .client = made->client,
        .name = question->name,
        .type = question->type,
        .transport = question->transport,
        .rcode = question->rcode,
        .applied = true,
        .cached = question->cached,
        .upstream = made->upstream,
        .hit = alias ? &listed->alias_hit : &listed->hit,
        .chain = alias ? &listed->chain : NULL,
    };
}

static void give_up(void)
{
    (void)complain("a record that is none");
    abort();
}

void audit_events_rows(struct audit_events *events, const struct audit_made *made,
                       struct audit_made_rows *rows)
{
    const void *record;
    size_t len = 0;

    if (!audit_question_put(events->ring, &made->question)) {
        give_up();
    }
    record = ring_peek(events->ring, &len);
    memcpy(rows->record, record, len); /* the row borrows from it */
    ring_release(events->ring);
    if (!audit_question_row(rows->record, len, "default", &rows->words, &rows->question)) {
        give_up();
    }
    if (!made->decided) {
        return;
    }
    if (!audit_event_put(events->ring, &made->decision)) {
        give_up();
    }
    record = ring_peek(events->ring, &len);
    const bool good = audit_event_get(record, len, &rows->event);
    ring_release(events->ring);
    if (!good || !audit_event_row(&rows->event, events->policy, "default", events->lists,
                                  &rows->decision_words, &rows->decision)) {
        give_up();
    }
}
