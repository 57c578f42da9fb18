#include "setup/stages.h"

#include "base/digest.h"
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
            left->since_s != right->since_s || left->spent_s != right->spent_s ||
            left->away != right->away) {
            return false;
        }
    }
    return a->count == b->count;
}

/* --- the file --- */

static bool read_hash(const char *word, uint8_t out[DIGEST_OCTETS])
{
    return strlen(word) == 2 * DIGEST_OCTETS && digest_unhex(word, DIGEST_OCTETS, out);
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

#define WORDS_MAX 8u

/* A newer one, behind the version that counts. */
static bool read_newer(char *const *words, size_t count, struct setup_stages_of *out)
{
    uint64_t newer = 0, stage = 0;

    if (!read_number(words[0], UINT32_MAX, &newer) || newer <= out->serial ||
        (count > 1 && (!read_number(words[1], CONFIG_STAGES_MAX, &stage) ||
                       !read_number(words[2], UINT64_MAX, &out->since_s))) ||
        (count > 3 && !read_number(words[3], UINT64_MAX, &out->spent_s))) {
        return false;
    }
    out->newer = (uint32_t)newer;
    out->stage = (unsigned)stage;
    return true;
}

/* A line without its end, which is cut into words. */
static bool read_line(char *line, struct setup_stages_of *out)
{
    char *words[WORDS_MAX];
    size_t count = 0;
    char *rest = NULL;
    uint64_t serial = 0;

    for (char *word = strtok_r(line, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        if (count == WORDS_MAX) {
            return false;
        }
        words[count++] = word;
    }
    *out = (struct setup_stages_of){.serial = 0};
    if (count < 4 || !read_id(words[1], out->id) ||
        !read_number(words[2], UINT32_MAX, &serial) || !read_hash(words[3], out->hash)) {
        return false;
    }
    out->serial = (uint32_t)serial;
    out->away = strcmp(words[0], "away") == 0;
    if (out->away) {
        return count == 5 && read_newer(&words[4], 1, out);
    }
    return strcmp(words[0], "list") == 0 &&
           (count == 4 || (count >= 7 && read_newer(&words[4], count - 4, out)));
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
                       : stages->count < SETUP_STAGES_LISTS_MAX &&
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
        text_printf(&text, "%s %s %" PRIu32 " %s", of->away ? "away" : "list", of->id,
                    of->serial, hex);
        if (of->newer != 0) {
            text_printf(&text, " %" PRIu32, of->newer);
        }
        if (of->newer != 0 && !of->away) {
            text_printf(&text, " %u %" PRIu64 " %" PRIu64, of->stage, of->since_s, of->spent_s);
        }
        text_add(&text, "\n");
    }
    return text.len;
}

/* --- time --- */

uint64_t setup_stages_left_s(const struct setup_stages_of *of, const struct config *config)
{
    if (of->newer == 0 || of->away) {
        return UINT64_MAX;
    }
    const uint64_t for_s =
        of->stage < config->stage_count ? config->stages[of->stage].for_s : 0;
    return of->spent_s < for_s ? for_s - of->spent_s : 0;
}

uint64_t setup_stages_next_s(const struct setup_stages *stages, const struct config *config)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < stages->count; i++) {
        const uint64_t left = setup_stages_left_s(&stages->at[i], config);

        next = left < next ? left : next;
    }
    return next;
}

bool setup_stages_spend(struct setup_stages *stages, const struct setup_snapshot *snapshot,
                        uint64_t passed_s)
{
    bool any = false;

    for (size_t i = 0; i < stages->count; i++) {
        struct setup_stages_of *of = &stages->at[i];
        const struct setup_staged *staged = setup_staged_find(snapshot, of->id);

        if (staged != NULL && staged->newer == of->newer && staged->stage == of->stage) {
            of->spent_s += passed_s;
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
    const uint32_t was = known != NULL && !known->away ? known->newer : 0;

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
    if (was != 0 && was == staged->newer) {
        *what = SETUP_STAGES_ADVANCED;
        if (known->stage == staged->stage) {
            after->since_s = known->since_s;
            after->spent_s = known->spent_s;
            return false;
        }
    }
    return true;
}

/* A list that is not in use now: while its newer version was brought in, that is to begin again
 * one day. True if it is remembered. */
static bool take_away(const struct setup_stages_of *known, struct setup_stages_of *after)
{
    *after = *known;
    after->away = true;
    after->stage = 0;
    after->since_s = 0;
    after->spent_s = 0;
    return known->newer != 0;
}

static bool is_in_use(const struct setup_snapshot *snapshot, const char *id)
{
    for (size_t i = 0; i < snapshot->list_count; i++) {
        if (strcmp(snapshot->lists[i].id, id) == 0) {
            return true;
        }
    }
    return false;
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
    for (size_t i = 0; i < before.count && stages->count < SETUP_STAGES_LISTS_MAX; i++) {
        const struct setup_stages_of *known = &before.at[i];
        struct setup_stages_of *after = &stages->at[stages->count];

        if (is_in_use(snapshot, known->id) || !take_away(known, after)) {
            continue;
        }
        stages->count++;
        if (!known->away) {
            changes[count++] = (struct setup_stages_change){
                .what = SETUP_STAGES_ENDED, .before = *known, .after = *after};
        }
    }
    return count;
}
