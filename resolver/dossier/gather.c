#include "dossier/gather.h"

#include "audit/checkpoint.h"
#include "audit/search.h"
#include "base/clock.h"
#include "base/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US UINT64_C(1000000)
#define HOUR_US   UINT64_C(3600000000)
#define DAY_US    (24 * HOUR_US)

/* Whoever waits is told after so many events. */
#define TOLD_EVERY 65536u

const char *dossier_moment(uint64_t time_us, char out[DOSSIER_MOMENT_MAX])
{
    _Static_assert(DOSSIER_MOMENT_MAX >= CLOCK_TEXT_MAX, "a time does not fit");
    clock_format_s(time_us / 1000000, out);
    return out;
}

/* --- the outline --- */

/* The run of this session, from the newest back: sessions hardly ever come again. NULL: no
 * memory, or too many, which is counted. */
static struct dossier_run *run_of(struct dossier_outline *outline, uint64_t session,
                                  bool *no_memory)
{
    for (size_t i = outline->run_count; i > 0 && i + 2 > outline->run_count; i--) {
        if (outline->runs[i - 1].session == session) {
            return &outline->runs[i - 1];
        }
    }
    if (outline->run_count == DOSSIER_HISTORY_MAX) {
        outline->runs_left_out++;
        return NULL;
    }
    if (outline->run_count == outline->run_room) {
        const size_t room = outline->run_room == 0 ? 64 : 2 * outline->run_room;
        struct dossier_run *runs = realloc(outline->runs, room * sizeof(runs[0]));

        if (runs == NULL) {
            *no_memory = true;
            return NULL;
        }
        outline->runs = runs;
        outline->run_room = room;
    }
    struct dossier_run *run = &outline->runs[outline->run_count++];
    *run = (struct dossier_run){.session = session, .first_us = UINT64_MAX};
    return run;
}

static void spread(uint64_t from_us, uint64_t to_us, uint64_t *first_us, uint64_t *last_us)
{
    if (*first_us == 0 || from_us < *first_us) {
        *first_us = from_us;
    }
    if (to_us > *last_us) {
        *last_us = to_us;
    }
}

/* False: no memory. */
static bool look_at_block(struct dossier_outline *outline, const struct audit_item *item)
{
    const struct audit_header *header = &item->header;
    bool no_memory = false;
    struct dossier_run *run = run_of(outline, header->session, &no_memory);

    if (outline->blocks++ == 0) {
        uint8_t digest[DIGEST_OCTETS];

        digest_of(item->octets, sizeof(item->octets), NULL, digest);
        memcpy(outline->seed, digest, sizeof(outline->seed));
    }
    spread(header->first_us, header->last_us, &outline->first_us, &outline->last_us);
    if (header->stream == AUDIT_DECISIONS) {
        spread(header->first_us, header->last_us, &outline->decisions_first_us,
               &outline->decisions_last_us);
    }
    if (run != NULL) {
        run->first_us = header->first_us < run->first_us ? header->first_us : run->first_us;
        run->last_us = header->sealed_us > run->last_us ? header->sealed_us : run->last_us;
    }
    return !no_memory;
}

static void look_at_checkpoint(struct dossier_outline *outline, const struct audit_item *item)
{
    struct audit_checkpoint checkpoint;
    struct trust_note note;

    if (trust_note_parse(item->text, item->len, &note) != 0 ||
        audit_checkpoint_parse(&note, &checkpoint) != 0) {
        outline->damaged++;
        return;
    }
    if (checkpoint.time_us > outline->checkpoint_us) {
        outline->checkpoint_us = checkpoint.time_us;
    }
    if (outline->run_count > 0) {
        struct dossier_run *run = &outline->runs[outline->run_count - 1];

        run->last_us = checkpoint.time_us > run->last_us ? checkpoint.time_us : run->last_us;
    }
}

static int outline_one(const struct audit_files *files, struct dossier_outline *outline)
{
    struct audit_reader *reader = audit_reader_create(files, 1);
    struct audit_item item = {.kind = AUDIT_ITEM_MISSING};
    int rc = reader == NULL ? -ENOMEM : 0;

    while (rc == 0) {
        rc = audit_reader_next(reader, &item);
        if (rc != 0 || item.kind == AUDIT_ITEM_END) {
            break;
        }
        switch (item.kind) {
        case AUDIT_ITEM_BLOCK:
            rc = look_at_block(outline, &item) ? 0 : -ENOMEM;
            break;
        case AUDIT_ITEM_REMOVED:
            outline->removed++;
            rc = look_at_block(outline, &item) ? 0 : -ENOMEM;
            break;
        case AUDIT_ITEM_CHECKPOINT:
            look_at_checkpoint(outline, &item);
            break;
        case AUDIT_ITEM_BAD:
            outline->damaged++;
            break;
        case AUDIT_ITEM_MISSING:
            outline->missing_files++;
            break;
        case AUDIT_ITEM_SHORT: /* the search says whether that is damage */
        case AUDIT_ITEM_FILE:
        case AUDIT_ITEM_END:
            break;
        }
    }
    audit_reader_destroy(reader);
    return rc;
}

int dossier_outline_read(const struct dossier_request *request, struct dossier_outline *outline)
{
    int rc = 0;

    memset(outline, 0, sizeof(*outline));
    for (size_t i = 0; i < request->source_count && rc == 0; i++) {
        report_progress(request->report, "looking", i, request->source_count);
        rc = outline_one(request->sources[i].files, outline);
    }
    if (rc != 0) {
        dossier_outline_deinit(outline);
    }
    return rc;
}

void dossier_outline_deinit(struct dossier_outline *outline)
{
    free(outline->runs);
    memset(outline, 0, sizeof(*outline));
}

void dossier_outline_range(const struct dossier_request *request,
                           const struct dossier_outline *outline, uint64_t *from_us,
                           uint64_t *to_us)
{
    const uint64_t end =
        outline->last_us > outline->checkpoint_us ? outline->last_us : outline->checkpoint_us;

    /* A whole second, as it is printed: who asks for that gets the same. */
    *from_us =
        request->from_us != 0 ? request->from_us : outline->first_us / SECOND_US * SECOND_US;
    *to_us = request->to_us != 0 ? request->to_us : end;
    if (*to_us < *from_us) {
        *to_us = *from_us;
    }
}

uint64_t dossier_step(uint64_t from_us, uint64_t to_us)
{
    static const uint64_t steps[] = {HOUR_US, 6 * HOUR_US, DAY_US, 7 * DAY_US, 30 * DAY_US};
    const uint64_t span = to_us > from_us ? to_us - from_us : 0;
    size_t i = 0;

    while (i + 1 < sizeof(steps) / sizeof(steps[0]) &&
           span / steps[i] + 2 > DOSSIER_BUCKETS_MAX) {
        i++;
    }
    /* One that is broad enough whatever the clock of a log says. */
    const uint64_t least = span / (DOSSIER_BUCKETS_MAX - 2) + 1;
    return steps[i] > least ? steps[i] : (least / DAY_US + 1) * DAY_US;
}

/* --- decisions --- */

struct gathering {
    const struct dossier_request *request;
    struct dossier_group *const *groups;
    size_t count;
    struct dossier_counts *counts;
    uint64_t from_us, to_us;
    const struct audit_block *block; /* whose columns are loaded */
    uint64_t number;
    bool bad, no_memory;
};

static void count_client(struct dossier_counts *counts, const struct audit_value *client)
{
    const uint8_t form = client->octets != NULL && client->number > 0 ? client->octets[0] : 0;

    counts->nameless += form == 0;
    counts->pseudonyms += form == 'k';
    counts->prefixes += form == 'p';
}

static bool look_at(void *context, const struct audit_header *header, struct audit_block *block,
                    uint32_t i)
{
    struct gathering *all = context;
    struct dossier_event event;

    if (all->block != block || all->number != header->number) {
        all->block = block;
        all->number = header->number;
        all->bad = audit_block_load(block, dossier_event_columns()) != 0;
        all->counts->damaged += all->bad;
    }
    if (all->bad || !dossier_event_read(block, i, &event)) {
        return true;
    }
    if (all->counts->decisions++ % TOLD_EVERY == 0 && event.time_us >= all->from_us) {
        report_progress(all->request->report, "counting",
                        (event.time_us - all->from_us) / 1000000,
                        (all->to_us - all->from_us) / 1000000);
    }
    count_client(all->counts, &event.client);
    for (size_t k = 0; k < all->count && !all->no_memory; k++) {
        all->no_memory = !dossier_group_add(all->groups[k], &event);
    }
    return !all->no_memory;
}

int dossier_gather(const struct dossier_request *request, uint64_t from_us, uint64_t to_us,
                   struct dossier_group *const *groups, size_t count,
                   struct dossier_counts *counts)
{
    /* A daemon may be writing it. */
    const struct audit_search_way way = {.growing = true};
    const struct audit_query query = {.streams = 1u << AUDIT_DECISIONS,
                                      .way = &way,
                                      .from_us = from_us,
                                      .to_us = to_us,
                                      .provider = request->provider};
    int rc = 0;

    memset(counts, 0, sizeof(*counts));
    for (size_t i = 0; i < request->source_count && rc == 0; i++) {
        struct gathering all = {.request = request,
                                .groups = groups,
                                .count = count,
                                .counts = counts,
                                .from_us = from_us,
                                .to_us = to_us,
                                .number = UINT64_MAX};
        struct audit_search_stats stats = {.blocks = 0};

        rc = audit_search(request->sources[i].files, &query, look_at, &all, &stats);
        rc = all.no_memory ? -ENOMEM : rc;
        counts->damaged += stats.damaged;
    }
    return rc;
}
