/*
 * policy: the truth table of docs/precedence.md as a plain program, and the engine compared
 * with it over random policies and questions.
 *
 * CORDON_TEST_SEED=N repeats a run that failed, CORDON_TEST_ROUNDS=N makes a longer one.
 */
#include "policy/make.h"
#include "policy/model.h"

#include "policy/answer.h"
#include "wire/writer.h"

#include <inttypes.h>

/* ---- random policies and questions ---- */

static const char *const names[] = {
    "a.x",     "b.x", "a.a.x", "b.a.x", "a.b.x", "a.a.a.x", "b.a.a.x",
    "a.b.a.x", "a.y", "b.y",   "a.a.y", "b.a.y", "a.b.y",   "b.b.b.y",
};
static const char *const addresses[] = {
    "10.1.1.1",         "10.1.1.2",       "10.1.2.1", "10.200.0.1", "11.0.0.1",
    "64:ff9b::a01:101", "64:ff9b::b00:1", "fd00::1",  "fd00:1::1",  "fd01::1",
};
static const char *const prefixes[] = {
    "10.0.0.0/8",           "10.1.0.0/16", "10.1.1.0/24", "10.1.1.1/32", "64:ff9b::/96",
    "64:ff9b::a01:101/128", "fd00::/16",   "fd00::/32",   "fd00:1::/32",
};
static const char *const categories[MODEL_CATEGORIES] = {"one", "two", "three"};
static const char *const ids[MODEL_LISTS] = {"a", "b", "c", "d"};

static bool one_in(uint64_t *state, size_t count)
{
    return random_under(state, count) == 0;
}

static enum policy_mode random_cap(uint64_t *state)
{
    return one_in(state, 4) ? (enum policy_mode)random_under(state, 3) : POLICY_MODE_ENFORCE;
}

static const enum policy_action actions[] = {
    POLICY_ACTION_DEFAULT,  POLICY_ACTION_DEFAULT, POLICY_ACTION_DEFAULT,
    POLICY_ACTION_SINKHOLE, POLICY_ACTION_NODATA,  POLICY_ACTION_TRUNCATE,
    POLICY_ACTION_PASS,     POLICY_ACTION_LOG,
};

static bool is_twice(const struct model_list *list, const struct model_rule *rule)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct model_rule *other = &list->rules[i];

        if (other->match == rule->match && other->subject == rule->subject &&
            (rule->match == POLICY_MATCH_PREFIX
                 ? memcmp(&other->prefix, &rule->prefix, sizeof(rule->prefix)) == 0
                 : strcmp(other->name, rule->name) == 0)) {
            return true;
        }
    }
    return false;
}

static void random_rule(uint64_t *state, struct model_rule *rule)
{
    const char *prefix = prefixes[random_under(state, ITEMS(prefixes))];

    *rule = (struct model_rule){
        .kind = one_in(state, 3) ? POLICY_PASS : POLICY_BLOCK,
        .match = (enum policy_match)random_under(state, 4),
        .scope = (enum policy_scope)random_under(state, 2),
        .confidence = (enum policy_confidence)random_under(state, 3),
        .category = (unsigned)random_under(state, MODEL_CATEGORIES),
        .name = names[random_under(state, ITEMS(names))],
    };
    rule->subject =
        (enum policy_subject)random_under(state, rule->match == POLICY_MATCH_PREFIX ? 3 : 2);
    if (rule->match != POLICY_MATCH_PREFIX && rule->subject == POLICY_SUBJECT_CLIENT) {
        rule->subject = POLICY_SUBJECT_NAMESERVER;
    }
    if (rule->kind == POLICY_PASS) {
        rule->ends_chain = one_in(state, 3);
    } else {
        rule->action = actions[random_under(state, ITEMS(actions))];
    }
    assert_int_equal(address_prefix_parse(prefix, strlen(prefix), &rule->prefix), 0);
}

static void random_view(uint64_t *state, size_t list_count, struct model_view *view)
{
    *view = (struct model_view){
        .log_only = one_in(state, 6),
        .deny = one_in(state, 4),
        .action = one_in(state, 2) ? POLICY_ACTION_REFUSED : POLICY_ACTION_SINKHOLE,
        .allow = one_in(state, 2) ? names[random_under(state, ITEMS(names))] : NULL,
        .targets = (enum policy_mode)random_under(state, 3),
        .name_servers = (enum policy_mode)random_under(state, 3),
        .client = one_in(state, 4) ? (enum policy_client)random_under(state, 4)
                                   : POLICY_CLIENT_DECIDE,
        .scopes = {random_cap(state), random_cap(state)},
    };
    for (unsigned i = 0; i < MODEL_CATEGORIES; i++) {
        view->categories[i] = random_cap(state);
    }
    if (one_in(state, 4)) {
        view->log = (enum policy_confidence)random_under(state, 3);
        view->apply = (enum policy_confidence)(view->log + random_under(state, 3u - view->log));
    }
    for (unsigned i = 0; i < list_count; i++) {
        view->lists[i] = (struct model_use){
            .mode = one_in(state, 4) ? (enum policy_mode)random_under(state, 3)
                                     : POLICY_MODE_ENFORCE,
            .action = one_in(state, 4) ? actions[3 + random_under(state, ITEMS(actions) - 3)]
                                       : POLICY_ACTION_DEFAULT,
            .rank = i,
        };
    }
    for (unsigned i = 0; i < list_count; i++) {
        const size_t other = random_under(state, list_count);
        const unsigned rank = view->lists[i].rank;

        view->lists[i].rank = view->lists[other].rank;
        view->lists[other].rank = rank;
    }
}

static void random_policy(uint64_t *state, struct model_policy *out)
{
    *out = (struct model_policy){.list_count = 1 + random_under(state, MODEL_LISTS)};
    for (size_t i = 0; i < out->list_count; i++) {
        struct model_list *list = &out->lists[i];
        const size_t wanted = random_under(state, MODEL_RULES + 1);

        list->paused = one_in(state, 8);
        for (size_t k = 0; k < wanted; k++) {
            random_rule(state, &list->rules[list->count]);
            list->count += !is_twice(list, &list->rules[list->count]);
        }
    }
    random_view(state, out->list_count, &out->views[0]);
    random_view(state, out->list_count, &out->views[1]);
    out->pause_all = one_in(state, 12);
    out->exception_count = one_in(state, 2) ? random_under(state, MODEL_EXCEPTIONS + 1) : 0;
    for (size_t i = 0; i < out->exception_count; i++) {
        struct model_exception *exception = &out->exceptions[i];

        *exception = (struct model_exception){.name = names[random_under(state, ITEMS(names))],
                                              .exact = one_in(state, 3),
                                              .chain = one_in(state, 2),
                                              .view = (int)random_under(state, 3) - 1};
        exception->list = (unsigned)random_under(state, out->list_count);
        const struct model_list *list = &out->lists[exception->list];
        if (i > 0 && one_in(state, 6)) { /* a second one for the same rule */
            exception->rule = out->exceptions[i - 1].rule;
            exception->list = out->exceptions[i - 1].list;
        } else if (!one_in(state, 3) && list->count > 0) {
            const struct model_rule *rule = &list->rules[random_under(state, list->count)];

            exception->rule = rule->kind == POLICY_BLOCK ? rule : NULL;
        }
    }
}

static struct policy_list *list_from(const struct model_list *from, const char *id)
{
    char text[8192], prefix[ADDRESS_TEXT_MAX];
    struct policy_list *list = NULL;
    struct report report;
    size_t used = (size_t)snprintf(text, sizeof(text),
                                   "cordon-list 1\nid %s\ntitle T\nprovider p P\nserial 1\n"
                                   "created 2026-01-02T03:04:05Z\nexpires "
                                   "2027-02-06T03:04:05Z\nrules\n",
                                   id);

    for (size_t i = 0; i < from->count; i++) {
        const struct model_rule *rule = &from->rules[i];
        const char *subject = policy_subject_name(rule->subject);

        address_prefix_format(&rule->prefix, prefix);
        used += (size_t)snprintf(
            text + used, sizeof(text) - used,
            "%s %s %s category=%s scope=%s confidence=%s%s%s%s%s%s evidence=\"e\"\n",
            policy_kind_name(rule->kind), policy_match_name(rule->match),
            rule->match == POLICY_MATCH_PREFIX ? prefix : rule->name,
            categories[rule->category], policy_scope_name(rule->scope),
            policy_confidence_name(rule->confidence),
            rule->action != POLICY_ACTION_DEFAULT ? " action=" : "",
            rule->action != POLICY_ACTION_DEFAULT ? policy_action_name(rule->action) : "",
            subject != NULL ? " trigger=" : "", subject != NULL ? subject : "",
            rule->ends_chain ? " ends=chain" : "");
        assert_true(used < sizeof(text) - 8);
    }
    used += (size_t)snprintf(text + used, sizeof(text) - used, "end\n");
    report_init(&report);
    const int rc = policy_list_parse(text, used, id, &report, &list);
    report_print(&report, stderr);
    report_deinit(&report);
    assert_int_equal(rc, 0);
    return list;
}

static void fill_caps(const struct model_view *view, struct policy_caps *caps)
{
    policy_caps_init(caps);
    for (unsigned i = 0; i < MODEL_CATEGORIES; i++) {
        struct policy_category_cap *cap = &caps->categories[caps->category_count++];

        snprintf(cap->word, sizeof(cap->word), "%s", categories[i]);
        cap->mode = view->categories[i];
    }
    caps->scopes[0] = view->scopes[0];
    caps->scopes[1] = view->scopes[1];
    caps->log = view->log;
    caps->apply = view->apply;
}

/* The engine's policy and, on top of it, what people have changed, while these variants of the
 * views are in force. */
struct engine {
    struct policy *base, *policy;
    uint8_t variants[2];
};

static void say_rule(const struct model_rule *rule, char *out, size_t size)
{
    const char *subject = policy_subject_name(rule->subject);
    char prefix[ADDRESS_TEXT_MAX];

    address_prefix_format(&rule->prefix, prefix);
    snprintf(out, size, "%s %s %s%s%s", policy_kind_name(rule->kind),
             policy_match_name(rule->match),
             rule->match == POLICY_MATCH_PREFIX ? prefix : rule->name,
             subject != NULL ? " trigger=" : "", subject != NULL ? subject : "");
}

static void make_changes(const struct model_policy *model, struct engine *engine)
{
    struct policy_exception exceptions[MODEL_EXCEPTIONS];
    const char *paused[MODEL_LISTS];
    struct policy_changes changes = {.pause_all = model->pause_all,
                                     .paused = paused,
                                     .exceptions = exceptions,
                                     .exception_count = model->exception_count,
                                     .variants = engine->variants};

    for (size_t i = 0; i < model->list_count; i++) {
        if (model->lists[i].paused) {
            paused[changes.paused_count++] = ids[i];
        }
    }
    memset(exceptions, 0, sizeof(exceptions));
    for (size_t i = 0; i < model->exception_count; i++) {
        const struct model_exception *from = &model->exceptions[i];

        if (from->rule != NULL) {
            char rule[128], text[160];

            say_rule(from->rule, rule, sizeof(rule));
            snprintf(text, sizeof(text), "%s: %s", ids[from->list], rule);
            assert_null(policy_exception_read_rule(text, strlen(text), &exceptions[i]));
        } else {
            exceptions[i].name = name_of(from->name);
        }
        exceptions[i].exact = from->exact;
        exceptions[i].chain = from->chain;
        exceptions[i].view = from->view < 0 ? POLICY_ANY_VIEW : (uint8_t)from->view;
        strcpy(exceptions[i].ticket, "T-1");
    }
    assert_int_equal(policy_derive(engine->base, &changes, 2, &engine->policy), 0);
}

#define VARIANTS 3

/* What a view says at all times: at one of them what the model has, at others something else.
 */
struct times {
    struct policy_list_setting used[VARIANTS + 1][MODEL_LISTS];
    struct policy_view_variant at[VARIANTS];
};

static void fill_used(const struct model_view *from, size_t count,
                      struct policy_list_setting *used)
{
    for (size_t i = 0; i < count; i++) {
        used[from->lists[i].rank] =
            (struct policy_list_setting){ids[i], from->lists[i].mode, from->lists[i].action};
    }
}

/* Puts words of other times around those of the setting; returns the variant that has them. */
static uint8_t random_times(uint64_t *state, size_t list_count, struct times *times,
                            struct policy_view_setting *setting)
{
    const struct policy_view_setting right = *setting;
    const size_t count = one_in(state, 2) ? 0 : 1 + random_under(state, VARIANTS);
    const size_t which = random_under(state, count + 1); /* 0: without a schedule */

    for (size_t i = 0; i <= count; i++) {
        struct model_view other;

        random_view(state, list_count, &other);
        fill_used(&other, list_count, times->used[i]);
        struct policy_view_variant words = {other.log_only, other.action, times->used[i],
                                            list_count, other.deny};
        if (i == which) {
            words = (struct policy_view_variant){right.log_only, right.action, right.lists,
                                                 right.list_count, right.deny};
        }
        if (i > 0) {
            times->at[i - 1] = words;
        } else {
            setting->log_only = words.log_only;
            setting->action = words.action;
            setting->lists = words.lists;
            setting->deny = words.deny;
        }
    }
    setting->variants = times->at;
    setting->variant_count = count;
    setting->variant = (unsigned)random_under(state, count + 1);
    return (uint8_t)which;
}

static void make_engine(uint64_t *state, const struct model_policy *model,
                        struct engine *engine)
{
    struct policy_view_setting views[2];
    struct policy_list_setting used[2][MODEL_LISTS];
    struct times times[2];
    struct policy_caps caps[2];
    struct wire_name allow[2];
    struct policy_list *lists[MODEL_LISTS];

    for (size_t i = 0; i < model->list_count; i++) {
        lists[i] = list_from(&model->lists[i], ids[i]);
    }
    struct policy_image *image =
        image_of((const struct policy_list *const *)lists, model->list_count);
    for (size_t v = 0; v < 2; v++) {
        const struct model_view *from = &model->views[v];

        fill_used(from, model->list_count, used[v]);
        if (from->allow != NULL) {
            allow[v] = name_of(from->allow);
        }
        fill_caps(from, &caps[v]);
        views[v] = (struct policy_view_setting){.name = v == 0 ? "default" : "other",
                                                .log_only = from->log_only,
                                                .action = from->action,
                                                .lists = used[v],
                                                .list_count = model->list_count,
                                                .deny = from->deny,
                                                .allow = &allow[v],
                                                .allow_count = from->allow != NULL ? 1 : 0,
                                                .caps = &caps[v],
                                                .targets = from->targets,
                                                .name_servers = from->name_servers,
                                                .client = from->client};
        engine->variants[v] = random_times(state, model->list_count, &times[v], &views[v]);
    }
    assert_int_equal(policy_create(image, views, 2, 1, NULL, &engine->base), 0);
    for (size_t i = 0; i < model->list_count; i++) {
        policy_list_free(lists[i]);
    }
    make_changes(model, engine);
}

/* ---- questions ---- */

static const char *random_name(uint64_t *state)
{
    return names[random_under(state, ITEMS(names))];
}

static struct address random_address(uint64_t *state)
{
    return address_of(addresses[random_under(state, ITEMS(addresses))]);
}

static void see(struct model_question *q, enum policy_trigger trigger, const char *name,
                struct address address)
{
    const bool server = policy_subject_of(trigger) == POLICY_SUBJECT_NAMESERVER;

    q->seen[q->seen_count++] =
        (struct model_seen){trigger, server ? 0 : (unsigned)q->hops - 1, name, address};
}

/* Types that a question asks for, and what records of them lead to. */
static const struct {
    uint16_t type;
    enum policy_trigger trigger;
} types[] = {
    {WIRE_A, POLICY_TRIGGER_ADDRESS},  {WIRE_HTTPS, POLICY_TRIGGER_SVCB},
    {WIRE_MX, POLICY_TRIGGER_TARGET},  {WIRE_SRV, POLICY_TRIGGER_TARGET},
    {WIRE_NS, POLICY_TRIGGER_TARGET},  {WIRE_PTR, POLICY_TRIGGER_TARGET},
    {WIRE_TXT, POLICY_TRIGGER_CLIENT}, /* leads nowhere */
};

static unsigned random_question(uint64_t *state, struct model_question *q)
{
    const struct address none = {.family = ADDRESS_NONE};
    const unsigned type = (unsigned)random_under(state, ITEMS(types));
    const size_t hops = one_in(state, 2) ? 1 : 1 + random_under(state, MODEL_CHAIN);

    *q = (struct model_question){.view = (unsigned)random_under(state, 2),
                                 .tcp = one_in(state, 4),
                                 .client = random_address(state)};
    while (q->hops < hops) {
        const char *name = random_name(state);
        bool there = false;

        for (size_t i = 0; i < q->hops; i++) {
            there = there || strcmp(q->chain[i], name) == 0;
        }
        if (!there) {
            q->chain[q->hops++] = name;
        }
    }
    for (size_t count = random_under(state, 4); count > 0; count--) {
        if (types[type].trigger == POLICY_TRIGGER_ADDRESS) {
            see(q, POLICY_TRIGGER_ADDRESS, q->chain[hops - 1], random_address(state));
        } else if (types[type].trigger != POLICY_TRIGGER_CLIENT) {
            see(q, types[type].trigger, random_name(state), none);
        }
    }
    for (size_t count = random_under(state, 3); count > 0; count--) {
        see(q, POLICY_TRIGGER_NAMESERVER, random_name(state), none);
    }
    for (size_t count = random_under(state, 3); count > 0; count--) {
        see(q, POLICY_TRIGGER_NAMESERVER_ADDRESS, "ns.z", random_address(state));
    }
    return type;
}

static void write_seen(struct wire_writer *writer, const struct wire_name *owner,
                       const struct model_seen *seen, uint16_t type)
{
    uint8_t rdata[6 + WIRE_NAME_MAX] = {0};
    const struct wire_name target = name_of(seen->name);
    const size_t before = type == WIRE_HTTPS || type == WIRE_MX ? 2 : type == WIRE_SRV ? 6 : 0;

    if (seen->trigger == POLICY_TRIGGER_ADDRESS) {
        const bool v4 = seen->address.family == ADDRESS_V4;

        wire_write_record(writer, WIRE_ANSWER, owner, v4 ? WIRE_A : WIRE_AAAA, 60,
                          seen->address.octets, v4 ? 4 : 16);
        return;
    }
    rdata[1] = 1; /* a priority or preference: not 0, which is an alias or "none" elsewhere */
    memcpy(rdata + before, target.octets, target.len);
    if (before == 0) {
        memcpy(rdata, target.octets, target.len);
    }
    wire_write_record(writer, WIRE_ANSWER, owner, type, 60, rdata, before + target.len);
}

/* The answer as a message, with a record in between that belongs to nothing. */
static void write_answer(const struct model_question *q, uint16_t type,
                         uint8_t octets[WIRE_MESSAGE_MAX], struct wire_message *message)
{
    static const uint8_t off[] = {10, 1, 1, 1};
    const struct wire_name asked = name_of(q->chain[0]);
    const struct wire_name stray = name_of("stray.z");
    uint8_t question[WIRE_NAME_MAX + 4];
    struct wire_writer writer;

    memcpy(question, asked.octets, asked.len);
    wire_put16(question + asked.len, type);
    wire_put16(question + asked.len + 2, WIRE_IN);
    wire_writer_begin(&writer, octets, WIRE_MESSAGE_MAX, question, asked.len + 4u);
    for (size_t i = 0; i + 1 < q->hops; i++) {
        const struct wire_name owner = name_of(q->chain[i]), target = name_of(q->chain[i + 1]);

        wire_write_cname(&writer, &owner, &target, 60);
    }
    wire_write_record(&writer, WIRE_ANSWER, &stray, WIRE_A, 60, off, sizeof(off));
    const struct wire_name last = name_of(q->chain[q->hops - 1]);
    for (size_t i = 0; i < q->seen_count; i++) {
        if (policy_subject_of(q->seen[i].trigger) == POLICY_SUBJECT_ANSWER) {
            write_seen(&writer, &last, &q->seen[i], type);
        }
    }
    const size_t len = wire_writer_end(&writer, 1, WIRE_FLAG_QR);
    assert_true(len > 0);
    assert_int_equal(wire_message_open(octets, len, message), WIRE_OK);
}

/* Without having gone ahead, or so far as this. */
static bool decide_asked(const struct policy *policy, const struct model_question *q,
                         const struct wire_name *asked, unsigned stages,
                         struct policy_hits *hits, uint8_t *block)
{
    struct policy_image_aim aim;

    if (stages == 0) {
        return policy_decide_asked(policy, q->view, &q->client, asked, NULL, hits, block);
    }
    memset(&aim, 0xaa, sizeof(aim));
    policy_image_take_aim(policy_image_of(policy), asked, &aim);
    for (unsigned i = 1; i < stages; i++) {
        policy_image_go_near(policy_image_of(policy), asked, &aim);
    }
    return policy_decide_asked(policy, q->view, &q->client, asked, &aim, hits, block);
}

/* As the resolver asks: before the question leaves, on the answer, on its name servers. */
static bool ask_engine(const struct policy *policy, const struct model_question *q,
                       uint16_t type, struct policy_hits *hits, uint8_t *block)
{
    static uint8_t octets[WIRE_MESSAGE_MAX];
    static unsigned turn;
    const struct wire_name asked = name_of(q->chain[0]);
    struct wire_message message;
    struct policy_chain chain;
    bool blocked;

    policy_hits_start(hits, q->tcp);
    blocked = decide_asked(policy, q, &asked, turn++ % 4, hits, block);
    if (!blocked) {
        write_answer(q, type, octets, &message);
        assert_int_equal(policy_chain_follow(&message, &chain), POLICY_CHAIN_OK);
        assert_int_equal(chain.count, q->hops);
        blocked = policy_decide_answer(policy, q->view, &message, &chain, hits, block);
    }
    for (size_t i = 0; i < q->seen_count && !blocked; i++) {
        const struct model_seen *seen = &q->seen[i];
        const struct wire_name name = name_of(seen->name);
        struct policy_outcome outcome;

        if (policy_subject_of(seen->trigger) != POLICY_SUBJECT_NAMESERVER) {
            continue;
        }
        if (seen->trigger == POLICY_TRIGGER_NAMESERVER) {
            policy_decide_name(policy, q->view, seen->trigger, 0, &name, &outcome);
        } else {
            policy_decide_address(policy, q->view, seen->trigger, 0, &name, &seen->address,
                                  &outcome);
        }
        policy_except_chain(policy, q->view, &asked, &outcome);
        blocked = policy_hits_add(hits, &outcome, block);
    }
    return blocked;
}

/* ---- the comparison ---- */

static void say_event(const struct model_event *event, char *out, size_t size)
{
    char rule[128] = "operator";

    if (event->rule != NULL) {
        say_rule(event->rule, rule, sizeof(rule));
    }
    snprintf(out, size, "%s %s %s %s: %s hop %u%s", policy_trigger_name(event->trigger),
             policy_mode_name(event->mode), policy_action_name(event->action),
             event->rule != NULL ? ids[event->list] : "-", rule, event->hop,
             event->exception ? " excepted" : "");
}

static void say_hit(const struct policy *policy, const struct policy_hit *hit, char *out,
                    size_t size)
{
    char rule[POLICY_RULE_TEXT_MAX] = "operator";
    struct policy_row row;

    if (policy_hit_row(policy, hit, &row)) {
        assert_true(policy_hit_rule(hit, &row, rule, sizeof(rule)) > 0);
    }
    snprintf(out, size, "%s %s %s %s: %.100s hop %u%s",
             policy_trigger_name((enum policy_trigger)hit->trigger),
             policy_mode_name((enum policy_mode)hit->mode),
             policy_action_name((enum policy_action)hit->action),
             hit->ground == POLICY_GROUND_RULE ? ids[hit->list] : "-", rule, hit->hop,
             hit->exception != 0 ? " excepted" : "");
}

/* What the engine keeps of the events: as many as find a place, and the block. */
static void compare(const struct policy *policy, const struct policy_hits *hits, bool blocked,
                    const struct model_answer *model, const char *where)
{
    const size_t others = model->blocked ? model->count - 1 : model->count;
    const size_t kept = others < POLICY_HITS_MAX - 1 ? others : POLICY_HITS_MAX - 1;
    char want[256], got[256];

    if (blocked != model->blocked || hits->count != kept + model->blocked ||
        hits->more != (others > kept)) {
        fail_msg("%s: blocked %d, %u hits%s; the model: blocked %d, %zu events", where, blocked,
                 hits->count, hits->more ? " and more" : "", model->blocked, model->count);
    }
    for (size_t i = 0; i < hits->count; i++) {
        say_event(&model->events[i < kept ? i : model->count - 1], want, sizeof(want));
        say_hit(policy, &hits->at[i], got, sizeof(got));
        if (strcmp(want, got) != 0) {
            fail_msg("%s, hit %zu: \"%s\"; the model: \"%s\"", where, i, got, want);
        }
    }
}

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);

    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void the_engine_decides_as_the_table_says(void **state)
{
    const uint64_t seed = number_from("CORDON_TEST_SEED", 20261122);
    const uint64_t rounds = number_from("CORDON_TEST_ROUNDS", 1500);
    size_t blocked_count = 0, events = 0, excepted = 0, rules = 0,
           triggers[POLICY_TRIGGERS] = {0};
    static struct model_policy model;
    static struct model_answer answer;

    (void)state;
    for (uint64_t round = 0; round < rounds; round++) {
        uint64_t random = (seed + round) * UINT64_C(0x9e3779b97f4a7c15) | 1;
        struct engine engine;

        random_policy(&random, &model);
        make_engine(&random, &model, &engine);
        for (unsigned i = 0; i < 12; i++) {
            struct model_question q;
            struct policy_hits hits;
            uint8_t block = 0;
            char where[96];

            const unsigned type = random_question(&random, &q);
            model_decide(&model, &q, &answer);
            const bool blocked = ask_engine(engine.policy, &q, types[type].type, &hits, &block);
            snprintf(where, sizeof(where), "CORDON_TEST_SEED=%" PRIu64 ", question %u",
                     seed + round, i);
            compare(engine.policy, &hits, blocked, &answer, where);
            blocked_count += blocked;
            for (size_t k = 0; k < answer.count; k++) {
                events++;
                excepted += answer.events[k].exception;
                rules += answer.events[k].exception && q.view < 2 &&
                         answer.events[k].rule != NULL &&
                         model_is_excepted(&model, q.view, answer.events[k].list,
                                           answer.events[k].rule, false);
                triggers[answer.events[k].trigger] += answer.blocked && k + 1 == answer.count;
            }
        }
        policy_destroy(engine.policy);
        policy_destroy(engine.base);
    }
    print_message("%zu questions blocked, %zu events, %zu excepted, %zu by rule\n",
                  blocked_count, events, excepted, rules);
    for (unsigned i = 0; i < POLICY_TRIGGERS && rounds >= 1000; i++) {
        assert_true(triggers[i] > 0); /* each trigger has decided something */
    }
    assert_true(rounds < 1000 || (excepted > 0 && rules > 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_engine_decides_as_the_table_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
