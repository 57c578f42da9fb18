#include "setup/stages.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LINE "cordon-stages 1"

const struct setup_stages_of *setup_stages_find(const struct setup_stages *stages,
                                                const char *id)
{
    for (size_t i = 0; i < stages->count; i++) {
        if (strcmp(stages->at[i].id, id) == 0) {
            return &stages->at[i];
        }
    }
    return NULL;
}

bool setup_stages_equal(const struct setup_stages *a, const struct setup_stages *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        const struct setup_stages_of *left = &a->at[i];
        const struct setup_stages_of *right = &b->at[i];

        if (strcmp(left->id, right->id) != 0 || left->serial != right->serial ||
            memcmp(left->hash, right->hash, sizeof(left->hash)) != 0 ||
            left->newer != right->newer || left->stage != right->stage ||
            left->since_s != right->since_s) {
            return false;
        }
    }
    return a->count == b->count;
}

/* --- the file --- */

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hash(const char *word, uint8_t out[DIGEST_OCTETS])
{
    if (strlen(word) != 2 * DIGEST_OCTETS) {
        return false;
    }
    for (size_t i = 0; i < DIGEST_OCTETS; i++) {
        const int high = digit_of(word[2 * i]);
        const int low = digit_of(word[2 * i + 1]);

        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(16 * high + low);
    }
    return true;
}

static bool read_number(const char *word, uint64_t max, uint64_t *out)
{
    const size_t len = strlen(word);
    uint64_t value = 0;

    if (len < 1 || len > 12 || strspn(word, "0123456789") != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        value = 10 * value + (uint64_t)(word[i] - '0');
    }
    *out = value;
    return value <= max;
}

static bool read_id(const char *word, char out[POLICY_LIST_ID_MAX + 1])
{
    const size_t len = strlen(word);

    if (len < 1 || len > POLICY_LIST_ID_MAX || word[0] == '-' ||
        strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") != len) {
        return false; /* it becomes the name of a folder */
    }
    memcpy(out, word, len + 1);
    return true;
}

/* A line without its end, which is cut into words. */
static bool read_line(char *line, struct setup_stages_of *out)
{
    char *words[8];
    size_t count = 0;
    char *rest = NULL;
    uint64_t serial = 0, newer = 0, stage = 0;

    for (char *word = strtok_r(line, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        if (count == 8) {
            return false;
        }
        words[count++] = word;
    }
    *out = (struct setup_stages_of){.serial = 0};
    if ((count != 4 && count != 7) || strcmp(words[0], "list") != 0 ||
        !read_id(words[1], out->id) || !read_number(words[2], UINT32_MAX, &serial) ||
        !read_hash(words[3], out->hash)) {
        return false;
    }
    if (count == 7 && (!read_number(words[4], UINT32_MAX, &newer) || newer <= serial ||
                       !read_number(words[5], CONFIG_STAGES_MAX, &stage) ||
                       !read_number(words[6], UINT64_MAX, &out->since_s))) {
        return false;
    }
    out->serial = (uint32_t)serial;
    out->newer = (uint32_t)newer;
    out->stage = (unsigned)stage;
    return true;
}

void setup_stages_parse(const char *text, size_t len, const char *file, struct report *report,
                        struct setup_stages *stages)
{
    size_t number = 0;

    stages->count = 0;
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        const size_t octets = end != NULL ? (size_t)(end - text) - at : len - at;
        char line[SETUP_STAGES_LINE_MAX];
        bool good = octets < sizeof(line) && memchr(text + at, '\0', octets) == NULL;

        number++;
        if (good) {
            memcpy(line, text + at, octets);
            line[octets] = '\0';
            good = number == 1
                       ? strcmp(line, FIRST_LINE) == 0
                       : stages->count < POLICY_LISTS_MAX &&
                             read_line(line, &stages->at[stages->count]) &&
                             setup_stages_find(stages, stages->at[stages->count].id) == NULL;
        }
        if (!good) {
            report_add(report, REPORT_WARNING, file, number, 0,
                       "cannot be read: what it says of a list in force is not known, and its "
                       "next version comes without stages");
        }
        if (!good && number == 1) {
            return; /* of another kind */
        }
        stages->count += good && number > 1 ? 1 : 0;
        at += octets + 1;
    }
}

size_t setup_stages_print(const struct setup_stages *stages, char *out)
{
    char hex[2 * DIGEST_OCTETS + 1];
    struct text text;

    text_init(&text, out, SETUP_STAGES_OCTETS_MAX);
    text_add(&text, FIRST_LINE "\n");
    for (size_t i = 0; i < stages->count; i++) {
        const struct setup_stages_of *of = &stages->at[i];

        digest_hex(of->hash, DIGEST_OCTETS, hex);
        text_printf(&text, "list %s %" PRIu32 " %s", of->id, of->serial, hex);
        if (of->newer != 0) {
            text_printf(&text, " %" PRIu32 " %u %" PRIu64, of->newer, of->stage, of->since_s);
        }
        text_add(&text, "\n");
    }
    return text.len;
}

/* --- time --- */

/* UINT64_MAX: nothing is brought in. */
static uint64_t end_of(const struct setup_stages_of *of, const struct config *config)
{
    return of->newer == 0                     ? UINT64_MAX
           : of->stage >= config->stage_count ? 0
                                              : of->since_s + config->stages[of->stage].for_s;
}

bool setup_stages_is_over(const struct setup_stages_of *of, const struct config *config,
                          uint64_t now_s)
{
    return of->newer != 0 && now_s >= end_of(of, config);
}

uint64_t setup_stages_next(const struct setup_stages *stages, const struct config *config)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < stages->count; i++) {
        const uint64_t end = end_of(&stages->at[i], config);

        next = end < next ? end : next;
    }
    return next;
}

bool setup_stages_mend_time(struct setup_stages *stages, uint64_t now_s)
{
    bool any = false;

    for (size_t i = 0; i < stages->count; i++) {
        struct setup_stages_of *of = &stages->at[i];

        if (of->newer != 0 && of->since_s > now_s) {
            of->since_s = now_s;
            any = true;
        }
    }
    return any;
}

/* --- what has come into force --- */

/* The list in force, and what was known of it (NULL: nothing). True if that is a change. */
static bool take_one(const struct setup_snapshot *snapshot,
                     const struct policy_loaded_list *list, const struct setup_stages_of *known,
                     uint64_t now_s, struct setup_stages_of *after,
                     enum setup_stages_what *what)
{
    const struct setup_staged *staged = setup_staged_find(snapshot, list->id);
    const uint32_t was = known != NULL ? known->newer : 0;

    *after = (struct setup_stages_of){.serial = list->serial};
    snprintf(after->id, sizeof(after->id), "%s", list->id);
    memcpy(after->hash, list->hash, sizeof(after->hash));
    if (was != 0 && list->folder_broken && !list->held && list->serial == known->serial) {
        *after = *known; /* the newer one cannot be had for now: it goes on when it is back */
        return false;
    }
    if (staged == NULL) {
        *what = list->serial == was ? SETUP_STAGES_DONE : SETUP_STAGES_ENDED;
        return was != 0;
    }
    after->newer = staged->newer;
    after->stage = staged->stage;
    after->since_s = now_s;
    *what = SETUP_STAGES_BEGUN;
    if (known != NULL && was == staged->newer) {
        *what = SETUP_STAGES_ADVANCED;
        if (known->stage == staged->stage) {
            after->since_s = known->since_s;
            return false;
        }
    }
    return true;
}

size_t setup_stages_take(struct setup_stages *stages, const struct setup_snapshot *snapshot,
                         uint64_t now_s, struct setup_stages_change *changes)
{
    const struct setup_stages before = *stages;
    size_t count = 0;

    stages->count = 0;
    for (size_t i = 0; i < snapshot->list_count; i++) {
        const struct policy_loaded_list *list = &snapshot->lists[i];
        const struct setup_stages_of *known = setup_stages_find(&before, list->id);
        struct setup_stages_of *after = &stages->at[stages->count++];
        struct setup_stages_change *change = &changes[count];

        if (take_one(snapshot, list, known, now_s, after, &change->what)) {
            change->before = known != NULL ? *known : (struct setup_stages_of){.serial = 0};
            change->after = *after;
            count++;
        }
    }
    return count;
}
