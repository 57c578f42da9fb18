#include "cli/top_view.h"

#include "cli/cli.h"
#include "cli/safe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX 512u

static const char *const path_names[TOP_PATHS] = {[TOP_ALL] = "all",
                                                  [TOP_HIT] = "hit",
                                                  [TOP_MISS] = "miss",
                                                  [TOP_BLOCKED] = "blocked",
                                                  [TOP_OTHER] = "other"};

/* ---- comparing ---- */

static bool same_process(const json_t *before, const json_t *now)
{
    return before != NULL && cli_number_of(before, "pid") == cli_number_of(now, "pid") &&
           cli_number_of(before, "uptime_ms") < cli_number_of(now, "uptime_ms");
}

static uint64_t grown(const json_t *before, const json_t *now, const char *key)
{
    const uint64_t old = before != NULL ? cli_number_of(before, key) : 0;
    const uint64_t new = cli_number_of(now, key);

    return new > old ? new - old : 0;
}

/* Adds a document's buckets; or takes them away, but never below nothing. */
static void add_buckets(struct histogram *histogram, const json_t *path, bool away)
{
    const json_t *buckets = json_object_get(path, "buckets");
    const uint64_t sum = cli_number_of(path, "sum_us");

    for (size_t i = 0; i < json_array_size(buckets); i++) {
        const json_t *pair = json_array_get(buckets, i);
        const json_int_t upper = json_integer_value(json_array_get(pair, 0));
        const json_int_t count = json_integer_value(json_array_get(pair, 1));

        if (upper >= 0 && count > 0) {
            uint64_t *to = &histogram->count[histogram_bucket((uint64_t)upper)];
            const uint64_t times = (uint64_t)count;

            *to = !away ? *to + times : *to > times ? *to - times : 0;
        }
    }
    histogram->sum =
        !away ? histogram->sum + sum : (histogram->sum > sum ? histogram->sum - sum : 0);
}

void top_compare(const json_t *before, const json_t *now, struct top_model *out)
{
    const json_t *old = same_process(before, now) ? before : NULL;
    const json_t *old_questions = json_object_get(old, "questions");
    const json_t *questions = json_object_get(now, "questions");
    const json_t *old_latency = json_object_get(old, "latency");
    const json_t *latency = json_object_get(now, "latency");

    memset(out, 0, sizeof(*out));
    out->since_start = old == NULL;
    out->seconds = (double)grown(old, now, "uptime_ms") / 1e3;
    out->questions = grown(old_questions, questions, "taken");
    out->blocked = grown(old_questions, questions, "blocked");
    out->logged = grown(old_questions, questions, "logged");
    out->hits = grown(old_questions, questions, "cache_hits");
    out->misses = grown(old_questions, questions, "cache_misses");
    for (size_t i = 0; i < TOP_PATHS; i++) {
        add_buckets(&out->latency[i], json_object_get(latency, path_names[i]), false);
        add_buckets(&out->latency[i], json_object_get(old_latency, path_names[i]), true);
    }
}

static double per_second(const struct top_model *model, uint64_t count)
{
    return model->seconds > 0 ? (double)count / model->seconds : 0;
}

static bool set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

static bool set_number(json_t *object, const char *key, uint64_t value)
{
    return set(object, key, json_integer((json_int_t)value));
}

static json_t *latency_figures(const struct top_model *model)
{
    json_t *latency = json_object();
    bool whole = latency != NULL;

    for (size_t i = 0; i < TOP_PATHS && whole; i++) {
        const struct histogram *histogram = &model->latency[i];
        json_t *path = json_object();

        whole = path != NULL && set_number(path, "count", histogram_total(histogram)) &&
                set_number(path, "p50_us", histogram_quantile(histogram, 500)) &&
                set_number(path, "p95_us", histogram_quantile(histogram, 950)) &&
                set_number(path, "p99_us", histogram_quantile(histogram, 990));
        whole = set(latency, path_names[i], path) && whole;
    }
    if (!whole) {
        json_decref(latency);
    }
    return whole ? latency : NULL;
}

json_t *top_figures(const struct top_model *model, json_t *now)
{
    const uint64_t looked = model->hits + model->misses;
    json_t *figures = json_object();

    if (figures != NULL && set(figures, "ok", json_true()) &&
        set(figures, "since_start", json_boolean(model->since_start)) &&
        set(figures, "seconds", json_real(model->seconds)) &&
        set_number(figures, "questions", model->questions) &&
        set_number(figures, "blocked", model->blocked) &&
        set_number(figures, "logged", model->logged) &&
        set_number(figures, "cache_hits", model->hits) &&
        set_number(figures, "cache_misses", model->misses) &&
        set(figures, "questions_per_s", json_real(per_second(model, model->questions))) &&
        set(figures, "blocked_per_s", json_real(per_second(model, model->blocked))) &&
        set(figures, "hit_ratio",
            looked > 0 ? json_real((double)model->hits / (double)looked) : json_null()) &&
        set(figures, "latency", latency_figures(model)) &&
        set(figures, "now", json_incref(now))) {
        return figures;
    }
    json_decref(figures);
    return NULL;
}

/* ---- the screen ---- */

struct screen {
    char *out;
    size_t size, len; /* octets */
    unsigned columns, rows, used;
};

/* One line, made safe and cut to the width. */
static void put(struct screen *screen, const char *line)
{
    char safe[LINE_MAX];
    const size_t width =
        screen->columns < sizeof(safe) - 1 ? screen->columns : sizeof(safe) - 1;

    const size_t len = strlen(cli_safe(line, safe, width + 1));

    if (screen->used < screen->rows && screen->size - screen->len > len + 1) {
        memcpy(screen->out + screen->len, safe, len);
        screen->len += len;
        screen->out[screen->len++] = '\n';
        screen->out[screen->len] = '\0';
        screen->used++;
    }
}

static void putf(struct screen *screen, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void putf(struct screen *screen, const char *format, ...)
{
    char line[LINE_MAX];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    put(screen, line);
}

static void put_head(struct screen *screen, const json_t *now, const char *trouble)
{
    const uint64_t workers = cli_number_of(now, "workers");
    const uint64_t reported = cli_number_of(now, "workers_reported");
    char up[32];

    if (trouble != NULL) {
        putf(screen, "cordon top: %s", trouble);
        return;
    }
    putf(screen,
         "cordond %.20s, process %" PRIu64 ", up %s, %" PRIu64 " of %" PRIu64 " workers report",
         cli_string_of(now, "version"), cli_number_of(now, "pid"),
         cli_span(cli_number_of(now, "uptime_ms") / 1000, up), reported, workers);
}

static unsigned percent(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (unsigned)(100.0 * (double)part / (double)whole + 0.5) : 0;
}

static void put_rates(struct screen *screen, const struct top_model *model, const json_t *now)
{
    const json_t *cache = json_object_get(now, "cache");
    const json_t *events = json_object_get(now, "events");
    const uint64_t lost =
        cli_number_of(events, "lost_ring") + cli_number_of(events, "lost_output");

    putf(screen, "questions %9.1f/s  blocked %9.1f/s (%u %%)  in flight %" PRIu64 "%s",
         per_second(model, model->questions), per_second(model, model->blocked),
         percent(model->blocked, model->questions), cli_number_of(now, "in_flight"),
         model->since_start ? "  (since the start)" : "");
    putf(screen, "cache     %9u %% hits, %" PRIu64 " entries, %" PRIu64 " of %" PRIu64 " KiB",
         percent(model->hits, model->hits + model->misses), cli_number_of(cache, "entries"),
         cli_number_of(cache, "octets") / 1024, cli_number_of(cache, "size") / 1024);
    putf(screen, "events    %9" PRIu64 " written, %" PRIu64 " lost%s",
         cli_number_of(events, "written"), lost,
         json_is_true(json_object_get(events, "stalled")) ? "; THE OUTPUT ACCEPTS NOTHING"
                                                          : "");
}

static void put_latency(struct screen *screen, const struct top_model *model)
{
    static const char *const words[TOP_PATHS] = {[TOP_ALL] = "all",
                                                 [TOP_HIT] = "from the cache",
                                                 [TOP_MISS] = "upstream asked",
                                                 [TOP_BLOCKED] = "blocked"};

    putf(screen, "%-16s %9s %9s %9s %9s", "latency", "answers", "p50", "p95", "p99");
    for (size_t i = 0; i < TOP_OTHER; i++) {
        const struct histogram *histogram = &model->latency[i];
        char quantile[3][24];

        putf(screen, "  %-14s %9" PRIu64 " %9s %9s %9s", words[i], histogram_total(histogram),
             cli_micros(histogram_quantile(histogram, 500), quantile[0]),
             cli_micros(histogram_quantile(histogram, 950), quantile[1]),
             cli_micros(histogram_quantile(histogram, 990), quantile[2]));
    }
}

/* The same server in an earlier document. */
static const json_t *server_before(const json_t *before, const json_t *server)
{
    const json_t *servers = json_object_get(before, "upstreams");

    for (size_t i = 0; i < json_array_size(servers); i++) {
        const json_t *other = json_array_get(servers, i);

        if (strcmp(cli_string_of(other, "address"), cli_string_of(server, "address")) == 0 &&
            strcmp(cli_string_of(other, "tls_name"), cli_string_of(server, "tls_name")) == 0) {
            return other;
        }
    }
    return NULL;
}

static void put_upstreams(struct screen *screen, const struct top_model *model,
                          const json_t *before, const json_t *now, unsigned most)
{
    const json_t *servers = json_object_get(now, "upstreams");
    const size_t count = json_array_size(servers);

    for (size_t i = 0; i < count && i < most; i++) {
        const json_t *server = json_array_get(servers, i);
        const json_t *old = model->since_start ? NULL : server_before(before, server);
        char time[24];

        if (i + 1 == most && count > most) {
            putf(screen, "upstream  and %zu more", count - i);
            return;
        }
        putf(screen,
             "upstream  %-24.40s %-7.10s %8s %8.1f/s  %" PRIu64 " timed out, %" PRIu64
             " failed",
             cli_string_of(server, "address"), cli_string_of(server, "health"),
             cli_micros(cli_number_of(server, "rtt_us"), time),
             per_second(model, grown(old, server, "questions")), grown(old, server, "timeouts"),
             grown(old, server, "failures"));
    }
    if (count == 0) {
        put(screen, "upstream  none");
    }
}

/* One entry of a list, or nothing, for one half of a line. */
static const char *half(const json_t *entries, size_t index, char out[LINE_MAX / 2])
{
    const json_t *entry = json_array_get(entries, index);
    const json_t *blocked = json_object_get(entry, "blocked");
    const char *key = cli_string_of(entry, "name");

    out[0] = '\0';
    if (entry != NULL) {
        key = key[0] != '\0' ? key : cli_string_of(entry, "provider");
        key = key[0] != '\0' ? key : cli_string_of(entry, "address");
        snprintf(out, LINE_MAX / 2, "%8" PRIu64 " %s%s", cli_number_of(entry, "count"),
                 json_is_false(blocked) ? "(recorded) " : "", key);
    }
    return out;
}

/* Two lists side by side, in so many lines. */
static void put_pair(struct screen *screen, const json_t *window, const char *const heads[2],
                     const char *const keys[2], unsigned lines)
{
    const unsigned wide = screen->columns > 4 ? (screen->columns - 2) / 2 : 1;
    const int width = (int)(wide < LINE_MAX / 2 - 2 ? wide : LINE_MAX / 2 - 2);
    char span[32];
    char left[LINE_MAX / 2];
    char right[LINE_MAX / 2];
    char safe[LINE_MAX / 2];

    if (lines < 2) {
        return;
    }
    snprintf(left, sizeof(left), "%s, last %s", heads[0],
             cli_span(cli_number_of(window, "seconds"), span));
    putf(screen, "%-*.*s  %s", width, width, left, heads[1]);
    for (size_t i = 0; i + 1 < lines; i++) {
        half(json_object_get(window, keys[0]), i, left);
        half(json_object_get(window, keys[1]), i, right);
        if (left[0] == '\0' && right[0] == '\0') {
            return;
        }
        putf(screen, "%-*.*s  %s", width, width, cli_safe(left, safe, (size_t)width + 1),
             right);
    }
}

void top_render(const struct top_model *model, const json_t *before, const json_t *now,
                const char *trouble, unsigned columns, unsigned rows, char *out, size_t size)
{
    static const char *const what[2] = {"BLOCKED NAMES", "CLIENTS"};
    static const char *const what_keys[2] = {"names", "clients"};
    static const char *const who[2] = {"PROVIDERS", "BLOCKED CLIENTS"};
    static const char *const who_keys[2] = {"providers", "clients_blocked"};
    const json_t *recent = json_object_get(now, "recent");
    struct screen screen = {.out = out, .size = size, .columns = columns, .rows = rows};

    out[0] = '\0';
    put_head(&screen, now, trouble);
    if (now == NULL) {
        return;
    }
    put_rates(&screen, model, now);
    put_latency(&screen, model);
    put_upstreams(&screen, model, before, now, rows >= 30 ? 8 : 3);
    put(&screen, "");
    const unsigned left = rows > screen.used ? rows - screen.used : 0;
    put_pair(&screen, recent, what, what_keys, left - left * 2 / 5);
    put_pair(&screen, recent, who, who_keys, left * 2 / 5);
}
