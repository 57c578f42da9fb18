#include "admin/holds.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

static const char file_head[] =
    "# Written by cordond: lists that are held at an older version (`cordon list rollback`).\n";

size_t holds_find(const struct holds *holds, const char *list)
{
    size_t at = 0;

    while (at < holds->count && strcmp(holds->at[at].list, list) != 0) {
        at++;
    }
    return at;
}

int holds_put(struct holds *holds, const struct hold *hold)
{
    const size_t at = holds_find(holds, hold->list);

    if (at == POLICY_LISTS_MAX) {
        return CORDON_E_LIMIT;
    }
    holds->at[at] = *hold;
    holds->count += at == holds->count ? 1 : 0;
    return 0;
}

void holds_remove(struct holds *holds, size_t at)
{
    holds->count--;
    memmove(&holds->at[at], &holds->at[at + 1], (holds->count - at) * sizeof(holds->at[0]));
}

/* --- reading --- */

static void copy_text(char *to, size_t size, const char *from)
{
    const size_t len = from == NULL ? 0 : strlen(from);

    memcpy(to, from == NULL ? "" : from, len < size ? len + 1 : 0);
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void read_hash(struct request *request, uint8_t hash[DIGEST_OCTETS])
{
    const char *text = request_text(request, "hash", 2 * (size_t)DIGEST_OCTETS, true);
    bool good = text != NULL && strlen(text) == 2 * (size_t)DIGEST_OCTETS;

    for (size_t i = 0; good && i < DIGEST_OCTETS; i++) {
        const int high = digit(text[2 * i]);
        const int low = digit(text[2 * i + 1]);

        good = high >= 0 && low >= 0;
        hash[i] = good ? (uint8_t)(16 * high + low) : 0;
    }
    if (!good && text != NULL) {
        request_refuse(request, "hash", "expected %u digits of 0-9a-f", 2 * DIGEST_OCTETS);
    }
}

/* Ids become names of files. */
static void read_list(struct request *request, char list[OVERRIDES_ID_MAX + 1])
{
    const char *text = request_text(request, "list", OVERRIDES_ID_MAX, true);

    if (text != NULL && (text[0] == '-' ||
                         text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')) {
        request_refuse(request, "list", "no id of a list: a-z, 0-9 and '-'");
        return;
    }
    copy_text(list, OVERRIDES_ID_MAX + 1, text);
}

static void read_hold(struct request *request, struct hold *hold)
{
    uint64_t serial = 0;
    uint64_t from = 0;
    uint64_t newest = 0;
    uint64_t uid = 0;
    uint64_t pid = 0;

    *hold = (struct hold){.serial = 0};
    read_list(request, hold->list);
    read_hash(request, hold->hash);
    if (!request_number(request, "serial", 0, UINT32_MAX, &serial)) {
        request_refuse(request, "serial", "is missing");
    }
    (void)request_number(request, "from", 0, UINT32_MAX, &from);
    newest = from;
    (void)request_number(request, "newest", 0, UINT32_MAX, &newest);
    (void)request_number(request, "uid", 0, UINT32_MAX, &uid);
    (void)request_number(request, "pid", 0, INT32_MAX, &pid);
    const char *since = request_text(request, "since", CLOCK_TEXT_MAX, true);
    if (since != NULL && clock_parse(since, strlen(since), &hold->since_s) != 0) {
        request_refuse(request, "since", "no time: YYYY-MM-DDTHH:MM:SSZ");
    }
    copy_text(hold->user, sizeof(hold->user),
              request_text(request, "user", OVERRIDES_ID_MAX, false));
    copy_text(hold->reason, sizeof(hold->reason),
              request_text(request, "reason", OVERRIDES_REASON_MAX, true));
    hold->serial = (uint32_t)serial;
    hold->from = (uint32_t)from;
    hold->newest = (uint32_t)newest;
    hold->uid = (uint32_t)uid;
    hold->pid = (int32_t)pid;
}

/* False for the line that says what the file is, and after a fault. */
static bool read_line(struct request *request, struct hold *hold)
{
    const char *kind = request_text(request, "kind", 16, true);
    uint64_t version = 0;

    if (kind == NULL) {
        return false;
    }
    if (strcmp(kind, "holds") == 0) {
        (void)request_number(request, "version", 0, UINT32_MAX, &version);
        if (version != HOLDS_FILE_VERSION) {
            request_refuse(request, "version", "this cordond knows version %d",
                           HOLDS_FILE_VERSION);
        }
        (void)request_end(request);
        return false;
    }
    if (strcmp(kind, "rollback") != 0) {
        request_refuse(request, "kind", "expected rollback");
        return false;
    }
    read_hold(request, hold);
    return request_end(request);
}

static void take_line(const char *line, size_t len, const char *file, size_t number,
                      struct report *report, struct holds *holds)
{
    char fault[REQUEST_FAULT_MAX] = "";
    const char *words = fault;
    struct hold hold;
    struct request *request = request_read_object(line, len, fault);

    if (request != NULL) {
        const bool is_one = read_line(request, &hold);

        words = request_fault(request);
        if (is_one && holds_find(holds, hold.list) < holds->count) {
            words = "an earlier line is about the same list";
        } else if (is_one && holds_put(holds, &hold) != 0) {
            words = "more than there may be";
        }
    }
    if (words[0] != '\0') {
        report_add(report, REPORT_ERROR, file, number, 0, "%s: this line is left out", words);
    }
    request_free(request);
}

void holds_parse(const char *text, size_t len, const char *file, struct report *report,
                 struct holds *holds)
{
    size_t number = 0;

    for (const char *at = text, *const end = text + len; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const size_t line = (size_t)((newline == NULL ? end : newline) - at);

        number++;
        if (line > 0 && at[0] != '#') {
            take_line(at, line, file, number, report, holds);
        }
        at += line + 1;
    }
}

/* --- writing --- */

void hold_write(struct text *out, const struct hold *hold)
{
    char since[CLOCK_TEXT_MAX];

    clock_format_s(hold->since_s, since);
    json_string(out, "list", hold->list);
    json_uint(out, "serial", hold->serial);
    json_octets(out, "hash", hold->hash, sizeof(hold->hash));
    json_uint(out, "from", hold->from);
    if (hold->newest != hold->from) { /* an older cordond reads all others */
        json_uint(out, "newest", hold->newest);
    }
    json_string(out, "since", since);
    json_uint(out, "uid", hold->uid);
    if (hold->user[0] != '\0') {
        json_string(out, "user", hold->user);
    }
    json_int(out, "pid", hold->pid);
    json_string(out, "reason", hold->reason);
}

char *holds_print(const struct holds *holds, size_t *len)
{
    const size_t size = sizeof(file_head) + (holds->count + 1) * REQUEST_LINE_MAX;
    char *memory = malloc(size);
    struct text out;

    if (memory == NULL) {
        return NULL;
    }
    text_init(&out, memory, size);
    text_add(&out, file_head);
    json_object_begin(&out, NULL);
    json_string(&out, "kind", "holds");
    json_uint(&out, "version", HOLDS_FILE_VERSION);
    json_object_end(&out);
    text_add(&out, "\n");
    for (size_t i = 0; i < holds->count; i++) {
        json_object_begin(&out, NULL);
        json_string(&out, "kind", "rollback");
        hold_write(&out, &holds->at[i]);
        json_object_end(&out);
        text_add(&out, "\n");
    }
    if (out.overflow) {
        free(memory);
        return NULL;
    }
    *len = out.len;
    return memory;
}
