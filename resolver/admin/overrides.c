#include "admin/overrides.h"

#include "base/address.h"
#include "base/error.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FILE_VERSION 1
#define TIME_MAX     32u /* octets of a time */

static const char file_head[] =
    "# What people changed for a while (cordon pause, cordon exception). cordond writes this\n"
    "# file anew at each change: edit it only while it does not run.\n";

void overrides_deinit(struct overrides *set)
{
    for (size_t i = 0; i < set->count; i++) {
        free(set->at[i]);
    }
    free(set->at);
    *set = (struct overrides){0};
}

bool override_is_same(const struct override *a, const struct override *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    if (a->kind == OVERRIDE_PAUSE) {
        return strcmp(a->list, b->list) == 0;
    }
    return a->exception.exact == b->exception.exact && strcmp(a->view, b->view) == 0 &&
           wire_name_equal(&a->exception.name, &b->exception.name);
}

size_t overrides_find(const struct overrides *set, const struct override *wanted)
{
    size_t at = 0;

    while (at < set->count && !override_is_same(set->at[at], wanted)) {
        at++;
    }
    return at;
}

void overrides_remove(struct overrides *set, size_t at)
{
    free(set->at[at]);
    memmove(&set->at[at], &set->at[at + 1], (set->count - at - 1) * sizeof(set->at[0]));
    set->count--;
}

static size_t count_of(const struct overrides *set, enum override_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < set->count; i++) {
        count += set->at[i]->kind == kind ? 1 : 0;
    }
    return count;
}

static int grow(struct overrides *set)
{
    if (set->count < set->room) {
        return 0;
    }
    const size_t room = set->room == 0 ? 16 : 2 * set->room;
    struct override **larger = realloc(set->at, room * sizeof(larger[0]));
    if (larger == NULL) {
        return -ENOMEM;
    }
    set->at = larger;
    set->room = room;
    return 0;
}

int overrides_put(struct overrides *set, const struct override *override)
{
    const size_t most =
        override->kind == OVERRIDE_PAUSE ? OVERRIDES_PAUSES_MAX : POLICY_EXCEPTIONS_MAX;
    const size_t at = overrides_find(set, override);

    if (at == set->count && count_of(set, override->kind) >= most) {
        return CORDON_E_LIMIT;
    }
    struct override *copy = malloc(sizeof(*copy));
    if (copy == NULL || grow(set) != 0) {
        free(copy);
        return -ENOMEM;
    }
    *copy = *override;
    if (at < set->count) {
        overrides_remove(set, at);
    }
    set->at[set->count++] = copy;
    return 0;
}

int overrides_copy(const struct overrides *set, struct overrides *out)
{
    *out = (struct overrides){0};
    for (size_t i = 0; i < set->count; i++) {
        struct override *copy = malloc(sizeof(*copy));

        if (copy == NULL || grow(out) != 0) {
            free(copy);
            overrides_deinit(out);
            return -ENOMEM;
        }
        *copy = *set->at[i];
        out->at[out->count++] = copy;
    }
    return 0;
}

bool override_is_over(const struct override *override, struct clock_now now)
{
    return now.wall_us / 1000000 >= override->until_s || now.mono_us >= override->last_us;
}

/* The end by the clock that cannot be set. A wall clock before the beginning was set back: then
 * the whole time begins again, and no more than that. */
static void set_last(struct override *override, struct clock_now now)
{
    const uint64_t now_s = now.wall_us / 1000000;
    const uint64_t whole_s = override->until_s - override->since_s;
    uint64_t left_s = override->until_s > now_s ? override->until_s - now_s : 0;

    left_s = left_s < whole_s ? left_s : whole_s;
    override->last_us = now.mono_us + left_s * 1000000;
}

/* --- commands --- */

/* The length of an override that begins now. */
static void begin(struct request *request, struct clock_now now, uint64_t for_s,
                  uint64_t most_s, struct override *out)
{
    out->since_s = now.wall_us / 1000000;
    out->until_s = out->since_s + for_s;
    out->last_us = now.mono_us + for_s * 1000000;
    if (for_s > most_s) {
        const bool days = most_s > 86400;

        request_refuse(request, NULL,
                       "that is longer than the limit of %" PRIu64 " %s: for more, change "
                       "the configuration or the list",
                       most_s / (days ? 86400 : 3600), days ? "days" : "hours");
    }
}

static void copy_text(char *to, size_t size, const char *from)
{
    const size_t len = from == NULL ? 0 : strlen(from);

    memcpy(to, from == NULL ? "" : from, len < size ? len + 1 : 0);
}

bool override_read_pause(struct request *request, struct clock_now now, struct override *out)
{
    uint64_t for_s = 0;

    *out = (struct override){.kind = OVERRIDE_PAUSE};
    copy_text(out->list, sizeof(out->list),
              request_text(request, "list", OVERRIDES_ID_MAX, true));
    copy_text(out->reason, sizeof(out->reason),
              request_text(request, "reason", OVERRIDES_REASON_MAX, true));
    if (request_number(request, "for_s", 1, UINT32_MAX, &for_s)) {
        begin(request, now, for_s, OVERRIDES_PAUSE_S_MAX, out);
    } else {
        request_refuse(request, "for_s", "say how long");
    }
    out->until_restart = request_flag(request, "until_restart");
    return request_end(request);
}

bool override_read_name(struct request *request, const char *text, struct wire_name *out)
{
    if (text == NULL) {
        return false; /* already a fault */
    }
    const enum wire_text_result result = wire_name_from_text(text, strlen(text), out);
    if (result != WIRE_TEXT_OK) {
        request_refuse(request, "name", "no domain name: %s", wire_text_result_words(result));
        return false;
    }
    if (out->labels < OVERRIDES_LABELS_MIN) {
        request_refuse(request, "name",
                       "too much would be let through: name at least two labels, or pause a "
                       "list");
        return false;
    }
    return true;
}

/* The name of a new exception. What is asked for is never an address, and hardly ever begins
 * with a label "*": such an exception would let nothing through. */
static void read_new_name(struct request *request, const char *text, struct wire_name *out)
{
    const size_t len = strlen(text);
    const size_t plain = len > 0 && text[len - 1] == '.' ? len - 1 : len;
    struct address_prefix prefix;
    struct address address;

    if (address_parse(text, plain, 0, &address) == 0 ||
        address_prefix_parse(text, plain, &prefix) == 0) {
        request_refuse(request, "name",
                       "an address is no name: let the names through that are asked for, with "
                       "scope chain where their addresses are blocked");
    } else if (override_read_name(request, text, out) && out->octets[0] == 1 &&
               out->octets[1] == '*') {
        request_refuse(request, "name",
                       "leave the \"*.\" away: a name alone means all below it, too");
    }
}

/* One of two words; the first if it is absent. False after a fault, too. */
static bool second_word(struct request *request, const char *field, const char *first,
                        const char *second)
{
    const char *word = request_text(request, field, 16, false);

    if (word != NULL && strcmp(word, first) != 0 && strcmp(word, second) != 0) {
        request_refuse(request, field, "expected %s or %s", first, second);
    }
    return word != NULL && strcmp(word, second) == 0;
}

/* What a command and a line of the file have in common. */
static void read_exception(struct request *request, bool is_new, struct override *out)
{
    const char *name = request_text(request, "name", WIRE_NAME_TEXT_MAX - 1, true);

    *out = (struct override){.kind = OVERRIDE_EXCEPTION};
    if (is_new && name != NULL) {
        read_new_name(request, name, &out->exception.name);
    } else {
        (void)override_read_name(request, name, &out->exception.name);
    }
    out->exception.exact = second_word(request, "match", "suffix", "exact");
    out->exception.chain = second_word(request, "scope", "own", "chain");
    copy_text(out->view, sizeof(out->view),
              request_text(request, "view", OVERRIDES_ID_MAX, false));
    copy_text(out->exception.ticket, sizeof(out->exception.ticket),
              request_text(request, "ticket", POLICY_TICKET_MAX, true));
    copy_text(out->reason, sizeof(out->reason),
              request_text(request, "reason", OVERRIDES_REASON_MAX, true));
}

bool override_read_exception(struct request *request, struct clock_now now,
                             struct override *out)
{
    const uint64_t now_s = now.wall_us / 1000000;
    uint64_t for_s = 0, until_s = 0;

    read_exception(request, true, out);
    const char *until = request_text(request, "until", TIME_MAX, false);
    const bool has_for = request_number(request, "for_s", 1, UINT32_MAX, &for_s);
    if (until != NULL && clock_parse(until, strlen(until), &until_s) != 0) {
        request_refuse(request, "until", "expected YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ");
    } else if (until != NULL && until_s <= now_s) {
        request_refuse(request, "until", "this time is over already");
    } else if ((until != NULL) == has_for) {
        request_refuse(request, "until", "say until when, or for how long");
    } else {
        begin(request, now, has_for ? for_s : until_s - now_s, OVERRIDES_EXCEPTION_S_MAX, out);
    }
    out->until_restart = request_flag(request, "until_restart");
    return request_end(request);
}

/* --- the file --- */

static uint64_t read_time(struct request *request, const char *field)
{
    const char *text = request_text(request, field, TIME_MAX, true);
    uint64_t time_s = 0;

    if (text != NULL && clock_parse(text, strlen(text), &time_s) != 0) {
        request_refuse(request, field, "expected YYYY-MM-DDTHH:MM:SSZ");
    }
    return time_s;
}

static void read_rest(struct request *request, struct clock_now now, struct override *out)
{
    const uint64_t most_s =
        out->kind == OVERRIDE_PAUSE ? OVERRIDES_PAUSE_S_MAX : OVERRIDES_EXCEPTION_S_MAX;
    uint64_t uid = 0, pid = 0;

    out->since_s = read_time(request, "since");
    out->until_s = read_time(request, "until");
    if (out->until_s <= out->since_s || out->until_s - out->since_s > most_s) {
        request_refuse(request, "until", "not after since, or longer than allowed");
        out->until_s = out->since_s;
    }
    (void)request_number(request, "uid", 0, UINT32_MAX, &uid);
    (void)request_number(request, "pid", 0, INT32_MAX, &pid);
    out->uid = (uint32_t)uid;
    out->pid = (int32_t)pid;
    copy_text(out->user, sizeof(out->user),
              request_text(request, "user", OVERRIDES_ID_MAX, false));
    set_last(out, now);
}

/* Reads one line. True if out is an override; false also for the head, without a fault. */
static bool read_line(struct request *request, struct clock_now now, struct override *out)
{
    const char *kind = request_text(request, "kind", 16, true);
    uint64_t version = 0;

    if (kind == NULL) {
        return false;
    }
    if (strcmp(kind, "overrides") == 0) {
        if (!request_number(request, "version", FILE_VERSION, FILE_VERSION, &version)) {
            request_refuse(request, "version", "expected 1");
        }
        (void)request_end(request);
        return false;
    }
    if (strcmp(kind, "pause") == 0) {
        *out = (struct override){.kind = OVERRIDE_PAUSE};
        copy_text(out->list, sizeof(out->list),
                  request_text(request, "list", OVERRIDES_ID_MAX, true));
        copy_text(out->reason, sizeof(out->reason),
                  request_text(request, "reason", OVERRIDES_REASON_MAX, true));
    } else if (strcmp(kind, "exception") == 0) {
        read_exception(request, false, out);
    } else {
        request_refuse(request, "kind", "expected pause or exception");
        return false;
    }
    read_rest(request, now, out);
    return request_end(request);
}

/* 0, -ENOMEM. */
static int take_line(const char *line, size_t len, const char *file, size_t number,
                     struct clock_now now, struct report *report, struct overrides *set)
{
    char fault[REQUEST_FAULT_MAX] = "";
    struct override override;
    int rc = 0;

    struct request *request = request_read_object(line, len, fault);
    if (request == NULL) {
        report_add(report, REPORT_ERROR, file, number, 0, "%s: this line is left out", fault);
        return 0;
    }
    const bool is_one = read_line(request, now, &override);
    if (request_fault(request)[0] != '\0') {
        report_add(report, REPORT_ERROR, file, number, 0, "%s: this line is left out",
                   request_fault(request));
    } else if (is_one && overrides_find(set, &override) < set->count) {
        report_add(report, REPORT_ERROR, file, number, 0,
                   "an earlier line is about the same: this line is left out");
    } else if (is_one) {
        rc = overrides_put(set, &override);
    }
    request_free(request);
    if (rc == CORDON_E_LIMIT) {
        report_add(report, REPORT_ERROR, file, number, 0,
                   "more than there may be at a time: this line is left out");
        return 0;
    }
    return rc;
}

int overrides_parse(const char *text, size_t len, const char *file, struct clock_now now,
                    struct report *report, struct overrides *set)
{
    size_t number = 0;
    int rc = 0;

    for (const char *at = text, *const end = text + len; at < end && rc == 0;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const size_t line = (size_t)((newline == NULL ? end : newline) - at);

        number++;
        if (line > 0 && at[0] != '#') {
            rc = take_line(at, line, file, number, now, report, set);
        }
        at += line + 1;
    }
    if (rc != 0) {
        overrides_deinit(set);
    }
    return rc;
}

/* --- writing --- */

static void write_what(struct text *out, const struct override *override)
{
    char words[WIRE_NAME_TEXT_MAX];

    if (override->kind == OVERRIDE_PAUSE) {
        json_string(out, "list", override->list);
        return;
    }
    const struct policy_exception *exception = &override->exception;
    json_string_n(out, "name", words, wire_name_to_text(&exception->name, words));
    json_string(out, "match", exception->exact ? "exact" : "suffix");
    json_string(out, "scope", exception->chain ? "chain" : "own");
    if (override->view[0] != '\0') {
        json_string(out, "view", override->view);
    }
    json_string(out, "ticket", exception->ticket);
}

static void write_rest(struct text *out, const struct override *override)
{
    char when[CLOCK_TEXT_MAX];

    json_string(out, "reason", override->reason);
    clock_format_s(override->since_s, when);
    json_string(out, "since", when);
    clock_format_s(override->until_s, when);
    json_string(out, "until", when);
    json_uint(out, "uid", override->uid);
    if (override->user[0] != '\0') {
        json_string(out, "user", override->user);
    }
    json_int(out, "pid", override->pid);
}

char *overrides_print(const struct overrides *set, size_t *len)
{
    /* Each line is one that request_read_object() takes, hence no longer than that. */
    const size_t size = sizeof(file_head) + (set->count + 1) * REQUEST_LINE_MAX;
    char *memory = malloc(size);
    struct text out;

    if (memory == NULL) {
        return NULL;
    }
    text_init(&out, memory, size);
    text_add(&out, file_head);
    json_object_begin(&out, NULL);
    json_string(&out, "kind", "overrides");
    json_uint(&out, "version", FILE_VERSION);
    json_object_end(&out);
    text_add(&out, "\n");
    for (size_t i = 0; i < set->count; i++) {
        const struct override *override = set->at[i];

        if (!override->until_restart) {
            json_object_begin(&out, NULL);
            json_string(&out, "kind", override->kind == OVERRIDE_PAUSE ? "pause" : "exception");
            write_what(&out, override);
            write_rest(&out, override);
            json_object_end(&out);
            text_add(&out, "\n");
        }
    }
    if (out.overflow) {
        free(memory);
        return NULL;
    }
    *len = out.len;
    return memory;
}

void override_write(struct text *out, const struct override *override, struct clock_now now)
{
    const uint64_t now_s = now.wall_us / 1000000;
    const uint64_t wall_s = override->until_s > now_s ? override->until_s - now_s : 0;
    const uint64_t mono_s =
        override->last_us > now.mono_us ? (override->last_us - now.mono_us) / 1000000 : 0;

    json_object_begin(out, NULL);
    write_what(out, override);
    write_rest(out, override);
    json_uint(out, "left_s", wall_s < mono_s ? wall_s : mono_s);
    json_bool(out, "kept", !override->until_restart);
    json_object_end(out);
}
