/* gate/own.c - address prefixes that cover what is the operator's own. */
#include "gate/inside.h"

#include "setup/own.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A network of fewer bits is the world's, not somebody's own. */
#define OWN_BITS_V4 8u
#define OWN_BITS_V6 20u

static unsigned bits_of(uint8_t family)
{
    return family == ADDRESS_V4 ? 32 : 128;
}

static int guard(struct gate_points *points, const struct address_prefix *prefix,
                 const char *words)
{
    if (prefix->family == ADDRESS_NONE || points->guard_count == GATE_GUARDS_MAX) {
        return 0;
    }
    for (size_t i = 0; i < points->guard_count; i++) {
        const struct address_prefix *other = &points->guards[i].prefix;

        if (other->family == prefix->family && other->bits == prefix->bits &&
            memcmp(other->octets, prefix->octets, sizeof(other->octets)) == 0) {
            return 0;
        }
    }
    if (points->guards == NULL) {
        points->guards = calloc(GATE_GUARDS_MAX, sizeof(points->guards[0]));
    }
    if (points->guards == NULL) {
        return -ENOMEM;
    }
    points->guards[points->guard_count++] = (struct gate_guard){*prefix, words};
    return 0;
}

static int guard_one(struct gate_points *points, const struct address *address,
                     const char *words)
{
    struct address_prefix prefix;

    if (address->family == ADDRESS_NONE || address_is_any(address)) {
        return 0;
    }
    address_prefix_of(address, bits_of(address->family), &prefix);
    return guard(points, &prefix, words);
}

static int guard_networks(struct gate_points *points, const struct address_prefix *at,
                          size_t count, const char *words)
{
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        if (at[i].bits >= (at[i].family == ADDRESS_V4 ? OWN_BITS_V4 : OWN_BITS_V6)) {
            rc = guard(points, &at[i], words);
        }
    }
    return rc;
}

static int guard_private(struct gate_points *points)
{
    static const char *const ranges[] = {"127.0.0.0/8",   "::1/128",        "10.0.0.0/8",
                                         "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
                                         "100.64.0.0/10", "fc00::/7",       "fe80::/10"};
    int rc = 0;

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]) && rc == 0; i++) {
        struct address_prefix prefix;

        if (address_prefix_parse(ranges[i], strlen(ranges[i]), &prefix) == 0) {
            rc = guard(points, &prefix, "a private range");
        }
    }
    return rc;
}

static int guard_machine(struct gate_points *points)
{
    struct address *own = calloc(SETUP_OWN_MAX, sizeof(own[0]));
    int rc = own == NULL ? -ENOMEM : 0;
    const size_t count = rc == 0 ? setup_own_addresses(own, SETUP_OWN_MAX) : 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = guard_one(points, &own[i], "an address of this machine");
    }
    points->no_machine = count == 0;
    free(own);
    return rc;
}

int gate_own_start(struct gate_job *job)
{
    const struct config *config = job->config;
    const struct upstream_settings *upstreams = &job->sides.new.snapshot->named;
    struct gate_points *points = &job->points;
    int rc = 0;

    for (size_t i = 0; i < config->listen_count && rc == 0; i++) {
        rc = guard_one(points, &config->listen[i], "cordond listens there");
    }
    for (size_t i = 0; i < upstreams->count && rc == 0; i++) { /* those of zones, too */
        rc = guard_one(points, &upstreams->servers[i].address, "an upstream");
    }
    rc = rc == 0 ? guard_machine(points) : rc;
    rc = rc == 0 ? guard_private(points) : rc;
    rc = rc == 0 ? guard_networks(points, config->access, config->access_count,
                                  "clients of access.allow")
                 : rc;
    for (size_t i = 0; i < config->view_count && rc == 0; i++) {
        rc = guard_networks(points, config->views[i].clients, config->views[i].client_count,
                            "clients of a view");
    }
    return rc;
}

void gate_own_end(struct gate_job *job)
{
    free(job->points.guards);
    free(job->points.at);
    memset(&job->points, 0, sizeof(job->points));
}

/* The address behind the last one of a prefix; false: there is none. */
static bool behind(const struct address_prefix *prefix, struct address *out)
{
    const unsigned whole = prefix->bits / 8;

    memset(out, 0, sizeof(*out));
    out->family = prefix->family;
    memcpy(out->octets, prefix->octets, sizeof(out->octets));
    if (prefix->bits == 0) {
        return false;
    }
    unsigned add = prefix->bits % 8 != 0 ? 1u << (8 - prefix->bits % 8) : 1u;
    for (unsigned at = prefix->bits % 8 != 0 ? whole + 1 : whole; at-- > 0;) {
        const unsigned sum = out->octets[at] + add;

        out->octets[at] = (uint8_t)sum;
        if (sum < 256) {
            return true;
        }
        add = 1;
    }
    return false;
}

static bool overlap(const struct address_prefix *a, const struct address_prefix *b)
{
    const struct address_prefix *wide = a->bits <= b->bits ? a : b;
    const struct address_prefix *narrow = wide == a ? b : a;
    struct address first = {.family = narrow->family};

    memcpy(first.octets, narrow->octets, sizeof(first.octets));
    return a->family == b->family && address_prefix_covers(wide, &first);
}

static int add_point(struct gate_points *points, const struct address *address,
                     enum policy_subject subject)
{
    if (points->count == GATE_POINTS_MAX) {
        points->more = true;
        return 0;
    }
    if (points->count == points->room) {
        const size_t room = points->room == 0 ? 64 : 2 * points->room;
        void *larger = realloc(points->at, room * sizeof(points->at[0]));

        if (larger == NULL) {
            return -ENOMEM;
        }
        points->at = larger;
        points->room = room;
    }
    points->at[points->count++] = (struct gate_point){*address, subject};
    return 0;
}

int gate_own_note(struct gate_job *job, const struct policy_list *list,
                  const struct policy_list_rule *rule)
{
    struct gate_points *points = &job->points;

    if (rule->match != POLICY_MATCH_PREFIX) {
        return 0;
    }
    const struct address_prefix *prefix = &list->prefixes[rule->name];
    for (size_t i = 0; i < points->guard_count; i++) {
        const struct gate_guard *guarded = &points->guards[i];
        struct address address = {.family = prefix->family};

        if (!overlap(prefix, &guarded->prefix)) {
            continue;
        }
        /* What decides changes where a rule begins or ends, and nowhere else. */
        points->subjects |= 1u << (unsigned)rule->subject;
        memcpy(address.octets, prefix->octets, sizeof(address.octets));
        int rc = add_point(points, &address, rule->subject);
        if (rc == 0 && behind(prefix, &address)) {
            rc = add_point(points, &address, rule->subject);
        }
        return rc;
    }
    return 0;
}

static bool is_newly_blocked(const struct gate_sides *sides, const struct address *address,
                             enum policy_subject subject, struct gate_question *question,
                             struct gate_change *change)
{
    static const struct wire_name root = {.octets = {0}, .at = {0}, .len = 1, .labels = 0};
    static const enum policy_trigger triggers[POLICY_SUBJECTS] = {
        [POLICY_SUBJECT_ANSWER] = POLICY_TRIGGER_ADDRESS,
        [POLICY_SUBJECT_CLIENT] = POLICY_TRIGGER_CLIENT,
        [POLICY_SUBJECT_NAMESERVER] = POLICY_TRIGGER_NAMESERVER_ADDRESS};

    *question =
        (struct gate_question){.trigger = triggers[subject], .name = &root, .address = address};
    return gate_newly_blocked_anywhere(sides, question, change);
}

/* The first address of the range that is newly blocked, where one is. */
static int look_at(struct gate_job *job, const struct gate_guard *guarded,
                   enum policy_subject subject, struct gate_result *result)
{
    const struct gate_points *points = &job->points;
    struct gate_question question;
    struct gate_change change;
    struct address address = {.family = guarded->prefix.family};
    bool found = false;

    memcpy(address.octets, guarded->prefix.octets, sizeof(address.octets));
    found = is_newly_blocked(&job->sides, &address, subject, &question, &change);
    for (size_t i = 0; i < points->count && !found; i++) {
        if (points->at[i].subject == subject &&
            address_prefix_covers(&guarded->prefix, &points->at[i].address)) {
            address = points->at[i].address;
            found = is_newly_blocked(&job->sides, &address, subject, &question, &change);
        }
    }
    if (!found) {
        return 0;
    }
    char what[ADDRESS_TEXT_MAX], range[ADDRESS_TEXT_MAX], words[256];

    address_format(&address, false, what);
    address_prefix_format(&guarded->prefix, range);
    snprintf(words, sizeof(words), "%s, %s", range, guarded->words);
    return gate_find_change(&job->sides, result, GATE_REFUSE, what, &question, &change, words);
}

int gate_check_own_addresses(struct gate_job *job)
{
    struct gate_result *result = &job->outcome->checks[GATE_OWN_ADDRESSES];
    const struct gate_points *points = &job->points;
    int rc = 0;

    for (size_t i = 0; i < points->guard_count; i++) {
        for (unsigned subject = 0; subject < POLICY_SUBJECTS && rc == 0; subject++) {
            if ((points->subjects >> subject & 1) != 0) {
                rc = look_at(job, &points->guards[i], (enum policy_subject)subject, result);
            }
        }
    }
    if (rc == 0 && points->more) {
        const struct gate_found found = {
            .verdict = GATE_REFUSE,
            .words = "more rules are about own addresses than are looked at: see each list's "
                     "prefixes"};

        rc = gate_find(result, &found);
    }
    rc = rc == 0 ? gate_say(result,
                            "of %zu own addresses and networks %" PRIu64
                            " are newly blocked in part",
                            points->guard_count, result->found)
                 : rc;
    if (rc == 0 && points->no_machine) {
        const struct gate_found found = {
            .verdict = GATE_WARN,
            .words =
                "the addresses of this machine cannot be asked for, and are not looked at: "
                "the service that runs this needs AF_NETLINK"};

        return gate_find(result, &found);
    }
    return rc;
}
