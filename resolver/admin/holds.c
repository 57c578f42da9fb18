#include "admin/holds.h"

#include "admin/kept.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"

#include <string.h>

static const char file_comment[] =
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

static void read_hash(struct request *request, uint8_t hash[DIGEST_OCTETS])
{
    const char *text = request_text(request, "hash", 2 * (size_t)DIGEST_OCTETS, true);

    if (text != NULL && (strlen(text) != 2 * (size_t)DIGEST_OCTETS ||
                         !digest_unhex(text, DIGEST_OCTETS, hash))) {
        request_refuse(request, "hash", "expected %u digits of 0-9a-f", 2 * DIGEST_OCTETS);
    }
}

/* Ids become names of files. */
static void read_list(struct request *request, char list[OVERRIDES_ID_MAX + 1])
{
    request_copy(request, "list", list, OVERRIDES_ID_MAX + 1, true);
    if (list[0] == '-' || list[strspn(list, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0') {
        request_refuse(request, "list", "no id of a list: a-z, 0-9 and '-'");
    }
}

static void read_hold(struct request *request, struct hold *hold)
{
    uint64_t serial = 0;
    uint64_t from = 0;
    uint64_t newest = 0;

    *hold = (struct hold){.serial = 0};
    read_list(request, hold->list);
    read_hash(request, hold->hash);
    if (!request_number(request, "serial", 0, UINT32_MAX, &serial)) {
        request_refuse(request, "serial", "is missing");
    }
    (void)request_number(request, "from", 0, UINT32_MAX, &from);
    newest = from;
    (void)request_number(request, "newest", 0, UINT32_MAX, &newest);
    kept_read_who(request, &hold->uid, &hold->pid, hold->user, sizeof(hold->user));
    const char *since = request_text(request, "since", CLOCK_TEXT_MAX, true);
    if (since != NULL && clock_parse(since, strlen(since), &hold->since_s) != 0) {
        request_refuse(request, "since", "no time: YYYY-MM-DDTHH:MM:SSZ");
    }
    request_copy(request, "reason", hold->reason, sizeof(hold->reason), true);
    hold->serial = (uint32_t)serial;
    hold->from = (uint32_t)from;
    hold->newest = (uint32_t)newest;
}

/* False for the line that says what the file is, and after a fault. */
static bool read_line(struct request *request, struct hold *hold)
{
    bool is_head = false;
    const char *kind = kept_read_kind(request, "holds", HOLDS_FILE_VERSION, &is_head);

    if (kind == NULL || is_head) {
        return false;
    }
    if (strcmp(kind, "rollback") != 0) {
        request_refuse(request, "kind", "expected rollback");
        return false;
    }
    read_hold(request, hold);
    return request_end(request);
}

struct reading {
    const char *file;
    struct report *report;
    struct holds *holds;
};

static int take_line(void *context, const char *line, size_t len, size_t number)
{
    const struct reading *reading = context;
    struct holds *holds = reading->holds;
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
        report_add(reading->report, REPORT_ERROR, reading->file, number, 0,
                   "%s: this line is left out", words);
    }
    request_free(request);
    return 0;
}

void holds_parse(const char *text, size_t len, const char *file, struct report *report,
                 struct holds *holds)
{
    struct reading reading = {.file = file, .report = report, .holds = holds};

    (void)kept_each(text, len, take_line, &reading);
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
    kept_write_who(out, hold->uid, hold->pid, hold->user);
    json_string(out, "reason", hold->reason);
}

char *holds_print(const struct holds *holds, size_t *len)
{
    struct text out;

    if (!kept_begin(&out, file_comment, "holds", HOLDS_FILE_VERSION, holds->count)) {
        return NULL;
    }
    for (size_t i = 0; i < holds->count; i++) {
        kept_begin_one(&out, "rollback");
        hold_write(&out, &holds->at[i]);
        kept_end_one(&out);
    }
    return kept_end(&out, len);
}
