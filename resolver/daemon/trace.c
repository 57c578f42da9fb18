/*
 * daemon/trace.c - `trace`: one question through every state, as if a client had asked it.
 *
 * Happy path: the arguments become a question -> a worker, each in its turn, runs it as a real
 * one (tracer.h) -> its lines and its answer become a document. A worker that does not give it
 * back in time is told of; the job stays its own until it does, or has ended.
 */
#include "base/invariant.h"
#include "daemon/state.h"
#include "daemon/tracer.h"
#include "setup/why.h"
#include "wire/writer.h"

#include <stdlib.h>
#include <string.h>

/* How often patience is looked at while something is traced. */
#define LOOK_MS 100u

struct tracing {
    struct control_client *client; /* NULL: it has been told that nothing comes */
    unsigned worker;
    uint64_t until_us;
    struct tracer_job job;
};

static void write_lines(struct text *out, const struct query_trace *trace)
{
    json_array_begin(out, "lines");
    for (size_t i = 0; i < trace->count; i++) {
        const struct query_trace_line *line = &trace->lines[i];

        json_object_begin(out, NULL);
        json_uint(out, "at_us", line->at_us);
        json_string(out, "state", query_state_name(line->state));
        if (line->step) {
            json_uint(out, "took_us", line->took_us);
        }
        json_string(out, "words", line->words);
        json_object_end(out);
    }
    json_array_end(out);
    json_bool(out, "cut", trace->cut);
}

static void write_outcome(struct text *out, const struct daemon *daemon,
                          const struct query_trace *trace)
{
    const struct query_settings *settings = &daemon_snapshot(daemon)->settings;
    char text[ADDRESS_TEXT_MAX];

    json_uint(out, "generation", trace->generation);
    json_string(out, "view",
                trace->view_used < settings->view_count ? settings->views[trace->view_used].name
                                                        : "default");
    json_uint(out, "microseconds", trace->took_us);
    json_bool(out, "answered", trace->answered);
    wire_rcode_format(trace->rcode, text);
    json_string(out, "rcode", trace->answered ? text : NULL);
    json_bool(out, "blocked", trace->blocked);
    json_bool(out, "cached", trace->cached);
    address_format(&trace->upstream, true, text);
    json_string(out, "upstream", trace->upstream.family != ADDRESS_NONE ? text : NULL);
    json_octets(out, "message", trace->answer, trace->answer_len);
}

static void write_document(struct text *out, const struct daemon *daemon,
                           const struct tracing *tracing)
{
    const struct tracer_job *job = &tracing->job;
    char text[ADDRESS_TEXT_MAX];

    if (job->refused) {
        control_refuse(out, "the worker has no place for a question: ask again");
        return;
    }
    json_object_begin(out, NULL);
    json_bool(out, "ok", true);
    address_format(&job->client.from, false, text);
    json_string(out, "client", text);
    json_string(out, "transport", job->client.transport == QUERY_TCP ? "tcp" : "udp");
    json_uint(out, "worker", tracing->worker);
    write_outcome(out, daemon, &job->trace);
    write_lines(out, &job->trace);
    json_object_end(out);
}

static void reply(struct daemon *daemon, struct tracing *tracing, const char *refusal)
{
    static const char failed[] = "{\"ok\":false,\"error\":\"out of memory\"}";
    char *memory = malloc(CONTROL_REPLY_MAX);
    struct text out;

    if (memory == NULL) {
        control_reply(tracing->client, failed, sizeof(failed) - 1);
    } else {
        text_init(&out, memory, CONTROL_REPLY_MAX);
        if (refusal != NULL) {
            control_refuse(&out, refusal);
        } else {
            write_document(&out, daemon, tracing);
        }
        invariant(!out.overflow);
        control_reply(tracing->client, out.at, out.len);
    }
    tracing->client = NULL;
    free(memory);
}

/* Every line and the answer at their longest, escaped or in hexadecimal digits. */
_Static_assert(QUERY_TRACE_LINES *(6 * QUERY_TRACE_WORDS + 128) + 2 * WIRE_MESSAGE_MAX + 4096 <
                   CONTROL_REPLY_MAX,
               "a trace fits into a reply");

void trace_on_reported(struct daemon *daemon)
{
    for (unsigned i = 0; i < DAEMON_TRACES_MAX; i++) {
        struct tracing *tracing = daemon->tracing[i];

        if (tracing != NULL && atomic_load(&tracing->job.over)) {
            daemon->tracing[i] = NULL;
            if (tracing->client != NULL) {
                reply(daemon, tracing, NULL);
            }
            free(tracing);
        }
    }
}

static void on_patience(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    const uint64_t now_us = clock_read().mono_us;
    bool any = false;

    invariant(daemon->magic == DAEMON_MAGIC);
    for (unsigned i = 0; i < DAEMON_TRACES_MAX && !daemon->stopping; i++) {
        struct tracing *tracing = daemon->tracing[i];

        if (tracing != NULL && tracing->client != NULL && now_us >= tracing->until_us) {
            reply(daemon, tracing, "the worker does not answer: see `cordon status`");
        }
        any = any || (tracing != NULL && tracing->client != NULL);
    }
    if (!any) {
        uv_timer_stop(timer);
    }
}

void trace_deinit(struct daemon *daemon)
{
    for (unsigned i = 0; i < DAEMON_TRACES_MAX; i++) {
        free(daemon->tracing[i]);
        daemon->tracing[i] = NULL;
    }
}

/* True if one was named. */
static bool read_client(struct request *request, const struct daemon *daemon,
                        struct query_client *client)
{
    const char *text = request_text(request, "client", ADDRESS_TEXT_MAX - 1, false);
    const bool is_named = text != NULL;

    client->keepalive_100ms = -1;
    client->transport = request_flag(request, "tcp") ? QUERY_TCP : QUERY_UDP;
    text = text != NULL ? text : "127.0.0.1";
    if (address_parse_client(text, strlen(text), &client->from) != 0) {
        request_refuse(request, "client", "'%s' is no address", text);
    }
    /* As if asked at the first address that is listened on of this family. */
    client->local = (struct address){.family = client->from.family, .port = 53};
    for (size_t i = daemon->listen_count; i-- > 0;) {
        if (daemon->listen[i].family == client->from.family) {
            client->local = daemon->listen[i];
        }
    }
    return is_named;
}

/* The view as those have it who are in no share, or as this client has it (NULL: nobody was
 * named). */
static void read_view(struct request *request, const struct daemon *daemon,
                      const struct query_client *client, int *view)
{
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);
    const char *text = request_text(request, "view", 64, false);
    const unsigned own = (unsigned)snapshot->view_count;
    unsigned number = 0;

    *view = -1;
    if (text == NULL) {
        return;
    }
    if (!setup_why_view_named(snapshot, text, &number)) {
        request_refuse(request, "view", "there is no view '%s'", text);
        return;
    }
    if (client != NULL) {
        number += setup_why_view(snapshot, &client->from, &client->local) / own * own;
    }
    *view = (int)number;
}

static void read_question(struct request *request, struct tracer_job *job)
{
    const char *name_text = request_text(request, "name", WIRE_NAME_TEXT_MAX - 1, true);
    const char *type_text = request_text(request, "type", WIRE_TYPE_TEXT_MAX - 1, false);
    const bool dnssec_ok = request_flag(request, "dnssec");
    struct wire_name name;
    uint16_t type = WIRE_A;

    if (type_text != NULL && !wire_type_parse(type_text, strlen(type_text), &type)) {
        request_refuse(request, "type", "'%s' is no type of records", type_text);
    }
    if (name_text != NULL) {
        const enum wire_text_result result =
            wire_name_from_text(name_text, strlen(name_text), &name);

        if (result != WIRE_TEXT_OK) {
            request_refuse(request, "name", "%s", wire_text_result_words(result));
            return;
        }
        job->question_len =
            wire_question_write(job->question, sizeof(job->question), 0, WIRE_FLAG_RD,
                                name.octets, name.len, type, WIRE_IN, 1232, dnssec_ok);
        invariant(job->question_len > 0);
    }
}

/* Gives the job to the next worker. False: it has not begun the one before. */
static bool hand_over(struct daemon *daemon, struct tracing *tracing)
{
    tracing->worker = daemon->trace_next++ % daemon->worker_count;
    tracing->until_us =
        clock_read().mono_us +
        (daemon_snapshot(daemon)->settings.deadline_ms + DAEMON_REPORT_MS) * 1000ull;
    return worker_trace(daemon->workers[tracing->worker], &tracing->job);
}

bool trace_command(struct daemon *daemon, struct request *request,
                   struct control_client *client, struct text *out)
{
    struct tracing *tracing = calloc(1, sizeof(*tracing));
    unsigned place = 0;

    if (tracing == NULL) {
        return control_refuse(out, "out of memory");
    }
    read_question(request, &tracing->job);
    const struct query_client *named =
        read_client(request, daemon, &tracing->job.client) ? &tracing->job.client : NULL;
    read_view(request, daemon, named, &tracing->job.trace.view);
    while (place < DAEMON_TRACES_MAX && daemon->tracing[place] != NULL) {
        place++;
    }
    if (!request_end(request)) {
        free(tracing);
        return control_refuse(out, request_fault(request));
    }
    if (place == DAEMON_TRACES_MAX || !hand_over(daemon, tracing)) {
        free(tracing);
        return control_refuse(out, "others are tracing: ask again");
    }
    tracing->client = client;
    daemon->tracing[place] = tracing;
    uv_timer_start(&daemon->trace_patience, on_patience, LOOK_MS, LOOK_MS);
    return false;
}
