/* Pauses and exceptions as they are told: by a command, and by a line of the file. */
#include "admin/overrides.h"

#include "admin/kept.h"
#include "base/address.h"
#include "base/error.h"

#include <inttypes.h>
#include <string.h>

#define TIME_MAX 32u /* octets of a time */

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

bool override_read_pause(struct request *request, struct clock_now now, struct override *out)
{
    uint64_t for_s = 0;

    *out = (struct override){.kind = OVERRIDE_PAUSE};
    request_copy(request, "list", out->list, sizeof(out->list), true);
    request_copy(request, "reason", out->reason, sizeof(out->reason), true);
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

/* A name, or a rule. */
static void read_subject(struct request *request, bool is_new, struct policy_exception *out)
{
    const char *name = request_text(request, "name", WIRE_NAME_TEXT_MAX - 1, false);
    const char *rule = request_text(request, "rule", POLICY_SUBJECT_MAX - 1, false);
    const bool exact = second_word(request, "match", "suffix", "exact");

    if (rule != NULL && (name != NULL || exact)) {
        request_refuse(request, "rule",
                       "a rule has its name and its match: leave out the others");
    } else if (rule != NULL) {
        const char *fault = policy_exception_read_rule(rule, strlen(rule), out);
        if (fault != NULL) {
            request_refuse(request, "rule", "%s", fault);
        }
    } else if (name == NULL) {
        request_refuse(request, "name", "this field is required, or else \"rule\"");
    } else if (is_new) {
        read_new_name(request, name, &out->name);
    } else {
        (void)override_read_name(request, name, &out->name);
    }
    out->exact = exact;
}

/* What a command and a line of the file have in common. */
static void read_exception(struct request *request, bool is_new, struct override *out)
{
    struct policy_exception *exception = &out->exception;

    *out = (struct override){.kind = OVERRIDE_EXCEPTION};
    read_subject(request, is_new, exception);
    exception->chain = second_word(request, "scope", "own", "chain");
    request_copy(request, "view", out->view, sizeof(out->view), false);
    request_copy(request, "ticket", exception->ticket, sizeof(exception->ticket), false);
    request_copy(request, "licence", exception->licence, sizeof(exception->licence), false);
    request_copy(request, "approver", exception->approver, sizeof(exception->approver), false);
    const char *id = request_text(request, "id", POLICY_EXCEPTION_ID_MAX, false);
    if (id != NULL && !policy_exception_id_is_good(id, strlen(id))) {
        request_refuse(request, "id", "at most %u of a-z, 0-9 and '-', the first no '-'",
                       POLICY_EXCEPTION_ID_MAX);
    } else {
        request_copy(request, "id", exception->id, sizeof(exception->id), false);
    }
    if (exception->ticket[0] == '\0' && exception->licence[0] == '\0') {
        request_refuse(request, "ticket", "this field is required, or else \"licence\"");
    }
    request_copy(request, "reason", out->reason, sizeof(out->reason), true);
}

/* A time that may be absent: then false. */
static bool read_given_time(struct request *request, const char *field, uint64_t *time_s)
{
    const char *text = request_text(request, field, TIME_MAX, false);

    if (text != NULL && clock_parse(text, strlen(text), time_s) != 0) {
        request_refuse(request, field, "expected YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ");
        return false;
    }
    return text != NULL;
}

bool override_read_exception(struct request *request, struct clock_now now,
                             struct override *out)
{
    const uint64_t now_s = now.wall_us / 1000000;
    uint64_t for_s = 0, until_s = 0, from_s = 0;

    read_exception(request, true, out);
    /* One that has begun already begins now. */
    (void)read_given_time(request, "from", &from_s);
    out->from_s = from_s > now_s ? from_s : 0;
    const char *until = request_text(request, "until", TIME_MAX, false);
    const bool has_for = request_number(request, "for_s", 1, UINT32_MAX, &for_s);
    if (until != NULL && clock_parse(until, strlen(until), &until_s) != 0) {
        request_refuse(request, "until", "expected YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ");
    } else if (until != NULL && until_s <= now_s) {
        request_refuse(request, "until", "this time is over already");
    } else if ((until != NULL) == has_for) {
        request_refuse(request, "until", "say until when, or for how long");
    } else if (until != NULL && until_s <= out->from_s) {
        request_refuse(request, "until", "this is not after the beginning");
    } else {
        const uint64_t wait_s = has_for && out->from_s != 0 ? out->from_s - now_s : 0;

        begin(request, now, has_for ? wait_s + for_s : until_s - now_s,
              OVERRIDES_EXCEPTION_S_MAX, out);
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

    out->since_s = read_time(request, "since");
    out->until_s = read_time(request, "until");
    if (out->until_s <= out->since_s || out->until_s - out->since_s > most_s) {
        request_refuse(request, "until", "not after since, or longer than allowed");
        out->until_s = out->since_s;
    }
    if (out->kind == OVERRIDE_EXCEPTION && read_given_time(request, "from", &out->from_s) &&
        out->from_s >= out->until_s) {
        request_refuse(request, "from", "not before until");
    }
    kept_read_who(request, &out->uid, &out->pid, out->user, sizeof(out->user));
    override_set_last(out, now);
}

/* Reads one line. True if out is an override; false also for the head, without a fault. */
static bool read_line(struct request *request, struct clock_now now, struct override *out)
{
    bool is_head = false;
    const char *kind = kept_read_kind(request, "overrides", OVERRIDES_FILE_VERSION, &is_head);

    if (kind == NULL || is_head) {
        return false;
    }
    if (strcmp(kind, "pause") == 0) {
        *out = (struct override){.kind = OVERRIDE_PAUSE};
        request_copy(request, "list", out->list, sizeof(out->list), true);
        request_copy(request, "reason", out->reason, sizeof(out->reason), true);
    } else if (strcmp(kind, "exception") == 0) {
        read_exception(request, false, out);
    } else {
        request_refuse(request, "kind", "expected pause or exception");
        return false;
    }
    read_rest(request, now, out);
    return request_end(request);
}

struct reading {
    const char *file;
    struct clock_now now;
    struct report *report;
    struct overrides *set;
};

/* 0, -ENOMEM. */
static int take_line(void *context, const char *line, size_t len, size_t number)
{
    const struct reading *reading = context;
    struct report *report = reading->report;
    struct overrides *set = reading->set;
    const char *file = reading->file;
    char fault[REQUEST_FAULT_MAX] = "";
    struct override override;
    int rc = 0;

    struct request *request = request_read_object(line, len, fault);
    if (request == NULL) {
        report_add(report, REPORT_ERROR, file, number, 0, "%s: this line is left out", fault);
        return 0;
    }
    const bool is_one = read_line(request, reading->now, &override);
    if (request_fault(request)[0] != '\0') {
        report_add(report, REPORT_ERROR, file, number, 0, "%s: this line is left out",
                   request_fault(request));
    } else if (is_one && overrides_find(set, &override) < set->count) {
        report_add(report, REPORT_ERROR, file, number, 0,
                   "an earlier line is about the same: this line is left out");
    } else if (is_one && override.kind == OVERRIDE_EXCEPTION &&
               override.exception.id[0] != '\0' &&
               overrides_find_id(set, override.exception.id) < set->count) {
        report_add(report, REPORT_ERROR, file, number, 0,
                   "an earlier line has the id %s: this line is left out",
                   override.exception.id);
    } else if (is_one) {
        if (override.kind == OVERRIDE_EXCEPTION) {
            overrides_name(set, &override); /* there was a time when they had none */
        }
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
    struct reading reading = {.file = file, .now = now, .report = report, .set = set};
    const int rc = kept_each(text, len, take_line, &reading);

    if (rc != 0) {
        overrides_deinit(set);
    }
    return rc;
}
