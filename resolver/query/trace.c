#include "query/trace.h"

#include "base/text.h"
#include "query/engine.h"

#include <stdio.h>
#include <string.h>

static uint64_t since_us(const struct query_trace *trace)
{
    const uint64_t now_us = trace->clock_us(trace->context);

    return now_us > trace->began_us ? now_us - trace->began_us : 0;
}

/* NULL if there is no room: then that is noted. */
static struct query_trace_line *add_line(struct query_trace *trace, enum query_state state,
                                         bool step)
{
    if (trace->count == QUERY_TRACE_LINES) {
        trace->cut = true;
        return NULL;
    }
    struct query_trace_line *line = &trace->lines[trace->count++];

    *line = (struct query_trace_line){
        .at_us = since_us(trace), .state = (uint8_t)state, .step = step};
    return line;
}

static void note_words(struct query *q, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void note_words(struct query *q, const char *format, va_list arguments)
{
    struct query_trace_line *line = add_line(q->trace, q->state, false);

    if (line != NULL) {
        (void)vsnprintf(line->words, sizeof(line->words), format, arguments);
    }
}

void query_note(struct query *q, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    note_words(q, format, arguments);
    va_end(arguments);
}

void query_fetch_note(const struct query_fetch *fetch, const char *format, ...)
{
    for (struct query *q = fetch->waiting; q != NULL; q = q->wait_next) {
        if (q->trace != NULL) {
            va_list arguments;

            va_start(arguments, format);
            note_words(q, format, arguments);
            va_end(arguments);
        }
    }
    for (struct query_learning *l = fetch->learners; l != NULL; l = l->next) {
        if (l->q != NULL && l->q->trace != NULL) {
            va_list arguments;

            va_start(arguments, format);
            note_words(l->q, format, arguments);
            va_end(arguments);
        }
    }
}

static const char *verb_of(const struct query *q, size_t index)
{
    const struct policy_hit *hit = &q->hits.at[index];

    if (q->blocked && index == q->block) {
        return "blocks";
    }
    if (hit->exception != 0) {
        return "would block, but for an exception";
    }
    if (hit->mode == POLICY_MODE_LOG) {
        return hit->ground != POLICY_GROUND_RULE || hit->trigger == POLICY_TRIGGER_TARGET
                   ? "would block, but is only recorded"
                   : "would block, but its list only records";
    }
    return "lets through, and records";
}

static void note_hit(const struct query_engine *engine, struct query *q, size_t index)
{
    const struct policy_hit *hit = &q->hits.at[index];
    const char *action = policy_action_name((enum policy_action)hit->action);
    char rule[POLICY_RULE_TEXT_MAX] = "a rule";
    struct policy_image_list list;
    struct policy_row row;

    if (hit->ground == POLICY_GROUND_DEFAULT) {
        query_note(
            q, "%s: nothing allows the name in this view, whose default is deny (action %s)",
            verb_of(q, index), action);
    } else if (hit->ground == POLICY_GROUND_CLIENT) {
        query_note(q, "%s: the view says so of all its clients (action %s)", verb_of(q, index),
                   action);
    } else if (policy_hit_row(engine->policy, hit, &row) &&
               policy_image_list_at(policy_image_of(engine->policy), row.list, &list)) {
        (void)policy_hit_rule(hit, &row, rule, sizeof(rule));
        query_note(q, "%s: %.100s (list %.24s of %.24s, serial %u, action %s, by %s%s)",
                   verb_of(q, index), rule, list.id, list.provider, list.serial, action,
                   policy_trigger_name((enum policy_trigger)hit->trigger),
                   hit->hop > 0 ? " behind an alias" : "");
    }
}

static void note_hits(const struct query_engine *engine, struct query *q, size_t from)
{
    for (size_t i = from; i < q->hits.count; i++) {
        note_hit(engine, q, i);
    }
}

static void say_question(const struct query *q, struct text *out)
{
    char text[WIRE_NAME_TEXT_MAX];

    if (q->parsed != WIRE_QUESTION_OK) {
        text_add(out, q->parsed == WIRE_QUESTION_DROP ? "not answered: it is no question"
                                                      : "no question that can be looked up");
        return;
    }
    wire_name_to_text(&q->question.name, text);
    text_printf(out, "%.120s ", text);
    wire_type_format(q->question.type, text);
    text_printf(out, "%s%s%s%s", text, q->question.has_edns ? ", EDNS" : "",
                q->question.dnssec_ok ? ", DO" : "",
                (q->question.flags & WIRE_FLAG_CD) != 0 ? ", CD" : "");
}

static void say_lookup(const struct query_engine *engine, enum query_state next,
                       struct text *out)
{
    if (next == QUERY_RECHECK) {
        text_printf(out, "in the cache: %s",
                    engine->answer.kind == CACHE_FAILURE ? "a failure"
                    : engine->answer.stale               ? "an answer past its time"
                                                         : "an answer");
        if (engine->answer.kind != CACHE_FAILURE) {
            text_printf(out, " of %zu octets", engine->answer.len);
        }
    } else if (next == QUERY_WAIT) {
        text_add(out, "its question to the upstreams goes on");
    } else {
        text_add(out, next == QUERY_JOIN ? "not in the cache"
                                         : "not in the cache, and nobody is to be asked");
    }
}

static void say_accept(const struct query_engine *engine, struct text *out)
{
    const struct query_answer *answer = &engine->accepted;

    if (answer->kind == CACHE_FAILURE) {
        text_printf(out, "no usable answer: %s", answer->why != NULL ? answer->why : "");
    } else {
        text_printf(out, "%zu octets of %zu belong to the answer", answer->len,
                    engine->result != NULL ? engine->result->len : 0);
    }
}

static void say_store(const struct query_engine *engine, struct text *out)
{
    if (engine->kept_s == 0) {
        text_add(out, "not kept");
    } else {
        text_printf(out, "kept for %u s", engine->kept_s);
    }
}

static void say_recheck(const struct query_engine *engine, const struct query *q,
                        enum query_state next, struct text *out)
{
    if (engine->answer.kind == CACHE_FAILURE) {
        text_add(out, "a failure: nothing to check");
    } else if (q->blocked && q->redirect == NULL) {
        text_add(out, "the answer is replaced");
    } else if (next == QUERY_LOOKUP) {
        text_add(out, "the answer is replaced by that of another name");
    } else {
        text_printf(out, "the answer may be shown (%u %s on its way)", engine->chain.count,
                    engine->chain.count == 1 ? "name" : "names");
    }
}

static void say_servers(const struct query *q, enum query_state next, struct text *out)
{
    if (next == QUERY_WAIT) {
        text_add(out, "waits for what is not known of the zone's name servers");
    } else if (q->blocked) {
        text_add(out, "the answer is replaced");
    } else {
        text_add(out, q->servers_unknown
                          ? "the zone's name servers are not known: the answer may be shown"
                          : "nothing is said against the zone's name servers");
    }
}

static const char *view_of(const struct query_engine *engine, const struct query *q)
{
    const struct query_settings *settings = engine->settings;

    return q->view < settings->view_count ? settings->views[q->view].name : "default";
}

/* What a state did, in words. q is there: this is not FREE. */
static void say(const struct query_engine *engine, const struct query *q,
                enum query_state state, enum query_state next, struct text *out)
{
    char rcode[WIRE_TYPE_TEXT_MAX];
    const bool ended = next == QUERY_SEND || next == QUERY_RECORD || next == QUERY_FREE;

    wire_rcode_format(q->rcode, rcode);
    switch (state) {
    case QUERY_PARSE:
        say_question(q, out);
        break;
    case QUERY_CLIENT:
        if (ended) {
            text_printf(out, "not let in: %s", rcode);
        } else {
            text_printf(out, "let in, view %.40s", view_of(engine, q));
        }
        break;
    case QUERY_LOCAL:
        text_add(out, ended ? "known here: " : "not known here");
        text_add(out, ended ? rcode : "");
        text_add(out, q->context != 0 ? ", in a zone with upstreams of its own" : "");
        break;
    case QUERY_DECIDE:
        text_add(out, q->blocked          ? "blocked"
                      : q->hits.count > 0 ? "let through, with an event"
                                          : "nothing is said against it");
        break;
    case QUERY_LOOKUP:
        say_lookup(engine, next, out);
        break;
    case QUERY_JOIN:
        text_add(out, next == QUERY_WAIT  ? "waits with others that ask the same"
                      : next == QUERY_ASK ? "nobody asks the same at this moment"
                                          : "no time is left");
        break;
    case QUERY_ASK:
        text_add(out,
                 next == QUERY_WAIT ? "waits for an upstream" : "no upstream can be asked");
        break;
    case QUERY_ACCEPT:
        say_accept(engine, out);
        break;
    case QUERY_STORE:
        say_store(engine, out);
        break;
    case QUERY_RECHECK:
        say_recheck(engine, q, next, out);
        break;
    case QUERY_SERVERS:
        say_servers(q, next, out);
        break;
    case QUERY_SEND:
        text_printf(out, "%s, %zu octets, to the trace alone", rcode, q->out_len);
        break;
    case QUERY_RECORD:
        text_add(out, "in no event: it was nobody's question");
        break;
    case QUERY_FREE:
    case QUERY_STATES:
        break;
    }
}

static void note_end(const struct query_engine *engine, const struct query *q,
                     struct query_trace *trace)
{
    trace->took_us = since_us(trace);
    trace->generation = policy_generation(engine->policy);
    trace->view_used = q->view;
    trace->rcode = q->rcode;
    trace->blocked = q->blocked;
    trace->cached = q->cached != AUDIT_CACHED_NOT;
    trace->upstream = q->upstream;
    trace->q = NULL;
}

enum query_state
query_trace_step(struct query_engine *engine, struct query *q, enum query_state state,
                 enum query_state (*run)(struct query_engine *engine, struct query *q))
{
    struct query_trace *trace = q->trace;
    struct query_trace_line *line = add_line(trace, state, true);
    const size_t hits = state == QUERY_RECHECK || state == QUERY_SERVERS ? q->hits.count : 0;
    struct text words;

    if (state == QUERY_FREE) { /* the trace is given back within */
        note_end(engine, q, trace);
        return run(engine, q);
    }
    const enum query_state next = run(engine, q);
    if (line != NULL) {
        line->took_us = (uint32_t)(since_us(trace) - line->at_us);
        text_init(&words, line->words, sizeof(line->words));
        say(engine, q, state, next, &words);
    }
    if (state == QUERY_DECIDE || state == QUERY_RECHECK || state == QUERY_SERVERS) {
        note_hits(engine, q, hits);
    }
    return next;
}

void query_trace_run(struct query_engine *engine, struct query *q, struct query_trace *trace,
                     const uint8_t *msg, size_t len)
{
    trace->began_us = trace->clock_us(trace->context);
    trace->q = q;
    trace->count = 0;
    trace->cut = false;
    trace->answered = false;
    trace->answer_len = 0;
    q->trace = trace;
    query_run(engine, q, msg, len);
}
