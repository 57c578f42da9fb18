#include "audit/removal.h"

#include "audit/pseudonym.h"
#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of a file that is written anew, what is gathered before it is written. */
#define GATHERED (256u << 10)

const char *audit_removal_word(enum audit_removal_cause cause)
{
    static const char *const words[AUDIT_REMOVED_CAUSES] = {[AUDIT_REMOVED_AGE] = "age",
                                                            [AUDIT_REMOVED_OCTETS] = "octets",
                                                            [AUDIT_REMOVED_FORGET] = "forget"};

    return words[cause];
}

static bool is_stopped(const atomic_bool *stop)
{
    return stop != NULL && atomic_load_explicit(stop, memory_order_acquire);
}

/* Where the log is not damaged, and behind that. */
struct walk {
    struct audit_reader *reader;
    const struct audit_limit *limit; /* NULL: none */
    bool after_damage;
    uint64_t next; /* number of the block to come */
    uint64_t damaged;
};

static bool is_behind(const struct audit_limit *limit, uint32_t file, uint64_t at)
{
    return limit != NULL && (file > limit->file || (file == limit->file && at > limit->at));
}

/* False for octets in a damaged body that look like a block. */
static bool is_next(struct walk *walk, const struct audit_item *item)
{
    if (item->kind != AUDIT_ITEM_BLOCK && item->kind != AUDIT_ITEM_REMOVED) {
        return true;
    }
    if (walk->after_damage && item->header.number < walk->next) {
        return false;
    }
    walk->after_damage = false;
    walk->next = item->header.number + 1;
    return true;
}

/* The next item that is whole; AUDIT_ITEM_END at the limit, too. */
static int next_whole(struct walk *walk, struct audit_item *item)
{
    for (;;) {
        const int result = audit_reader_next(walk->reader, item);
        const bool bad = item->kind == AUDIT_ITEM_BAD || item->kind == AUDIT_ITEM_SHORT;

        if (result != 0) {
            return result;
        }
        if (is_behind(walk->limit, item->file, bad ? item->at + 1 : item->end)) {
            item->kind = AUDIT_ITEM_END;
            return 0;
        }
        if (bad) {
            walk->damaged++;
            walk->after_damage = audit_reader_find(walk->reader, item);
        } else if (is_next(walk, item)) {
            return 0;
        }
    }
}

/* --- the plan --- */

struct look {
    const struct audit_bound *bounds;
    struct audit_plan *plan;
    uint64_t next[AUDIT_STREAMS + 1];   /* after the newest block of the stream */
    bool closed[AUDIT_STREAMS + 1];     /* the run has its end */
    uint64_t excess[AUDIT_STREAMS + 1]; /* octets that are to go; second pass alone */
    bool by_octets;
};

static bool is_over(const struct look *look, const struct audit_header *header)
{
    const struct audit_bound *bound = &look->bounds[header->stream];

    if (look->by_octets) {
        return look->plan->runs[header->stream].octets < look->excess[header->stream];
    }
    return header->last_us < bound->before_us;
}

static void add_to_run(struct look *look, const struct audit_item *item)
{
    const struct audit_header *header = &item->header;
    const struct audit_bound *bound = &look->bounds[header->stream];
    struct audit_run *run = &look->plan->runs[header->stream];

    if (run->blocks == 0) {
        run->stream = (enum audit_stream)header->stream;
        run->cause = look->by_octets ? AUDIT_REMOVED_OCTETS
                     : bound->forget ? AUDIT_REMOVED_FORGET
                                     : AUDIT_REMOVED_AGE;
        run->from = look->next[header->stream];
        run->first_us = header->first_us;
        run->last_us = header->last_us;
    }
    run->to = header->number;
    run->last_file = item->file;
    run->blocks++;
    run->events += header->events;
    run->octets += header->body_len;
    run->first_us = header->first_us < run->first_us ? header->first_us : run->first_us;
    run->last_us = header->last_us > run->last_us ? header->last_us : run->last_us;
}

static void count(struct audit_holding *holding, const struct audit_header *header)
{
    holding->blocks++;
    holding->events += header->events;
    holding->octets += header->body_len;
    if (header->last_us < holding->oldest_us) {
        holding->oldest_us = header->last_us;
    }
}

static void look_at(struct look *look, const struct audit_item *item)
{
    const unsigned stream = item->header.stream;
    struct audit_run *run = &look->plan->runs[stream];

    if (item->kind == AUDIT_ITEM_BLOCK) {
        if (!look->by_octets) {
            count(&look->plan->holdings[stream], &item->header);
        }
        if (stream != AUDIT_CHANGES && !look->closed[stream]) {
            if (is_over(look, &item->header)) {
                add_to_run(look, item);
            } else {
                look->closed[stream] = run->blocks > 0;
            }
        }
    }
    look->next[stream] = item->header.number + 1;
}

/* Headers alone, in turn. */
static int look_through(const struct audit_files *files, const struct audit_limit *limit,
                        const atomic_bool *stop, struct look *look)
{
    struct walk walk = {.reader = audit_reader_create(files, 1), .limit = limit};
    struct audit_item item = {.kind = AUDIT_ITEM_MISSING};
    int result = walk.reader == NULL ? -ENOMEM : 0;

    while (result == 0) {
        result = is_stopped(stop) ? -ECANCELED : next_whole(&walk, &item);
        if (result != 0 || item.kind == AUDIT_ITEM_END) {
            break;
        }
        if (item.kind == AUDIT_ITEM_BLOCK || item.kind == AUDIT_ITEM_REMOVED) {
            look_at(look, &item);
        }
    }
    look->plan->damaged = walk.damaged;
    audit_reader_destroy(walk.reader);
    return result;
}

int audit_removal_plan(const struct audit_files *files, const struct audit_limit *limit,
                       const struct audit_bound bounds[AUDIT_STREAMS + 1],
                       const atomic_bool *stop, struct audit_plan *out)
{
    struct look look = {.bounds = bounds, .plan = out};
    bool any = false;

    memset(out, 0, sizeof(*out));
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        out->holdings[stream].oldest_us = UINT64_MAX;
    }
    int result = look_through(files, limit, stop, &look);
    /* Age first: what is over by that is not above a bound any more. */
    struct look again = {.bounds = bounds, .plan = out, .by_octets = true};
    for (unsigned stream = 1; stream < AUDIT_CHANGES; stream++) {
        const struct audit_bound *bound = &bounds[stream];
        const uint64_t octets = out->holdings[stream].octets;

        again.closed[stream] = out->runs[stream].blocks > 0 || bound->octets == 0 ||
                               octets <= bound->octets || bound->target >= octets;
        again.excess[stream] = again.closed[stream] ? 0 : octets - bound->target;
        any = any || !again.closed[stream];
    }
    return result == 0 && any ? look_through(files, limit, stop, &again) : result;
}

static void begin_row(struct audit_row *row, const char *what, enum audit_removal_cause cause,
                      const struct audit_actor *actor, uint64_t now_us)
{
    row->present = 0;
    audit_row_number(row, AUDIT_TIME, now_us);
    audit_row_text(row, AUDIT_EVENT, "change");
    audit_row_text(row, AUDIT_WHAT, what);
    audit_row_text(row, AUDIT_BY, actor->by);
    if (strcmp(actor->by, "cordond") != 0) {
        audit_row_number(row, AUDIT_UID, actor->uid);
        audit_row_text(row, AUDIT_USER, actor->user);
        audit_row_number(row, AUDIT_PID, (uint64_t)actor->pid);
    }
    audit_row_text(row, AUDIT_REASON, actor->reason);
    audit_row_text(row, AUDIT_CAUSE, audit_removal_word(cause));
}

void audit_removal_row(const struct audit_run *run, const struct audit_actor *actor,
                       uint64_t now_us, struct audit_row *row)
{
    begin_row(row, "removed", run->cause, actor, now_us);
    audit_row_number(row, AUDIT_STREAM, run->stream);
    audit_row_number(row, AUDIT_COUNT, run->events);
    audit_row_number(row, AUDIT_FROM, run->from);
    audit_row_number(row, AUDIT_TO, run->to);
    audit_row_number(row, AUDIT_UNTIL, run->last_us / 1000000);
}

void audit_removal_keys_row(const struct audit_days *days, enum audit_removal_cause cause,
                            const struct audit_actor *actor, uint64_t now_us,
                            struct audit_row *row)
{
    begin_row(row, AUDIT_KEYS_DESTROYED, cause, actor, now_us);
    audit_row_number(row, AUDIT_COUNT, days->count);
    audit_row_number(row, AUDIT_FROM, days->first * AUDIT_DAY_US);
    audit_row_number(row, AUDIT_TO, days->last * AUDIT_DAY_US);
}

/* --- a file anew --- */

struct anew {
    const struct audit_files *files;
    const struct audit_run *runs;
    unsigned count;
    const struct audit_removal_hooks *hooks;
    int from, to; /* handles */
    uint64_t at;  /* that was written */
    uint8_t *gathered;
    size_t len;
};

static bool is_removed(const struct anew *anew, const struct audit_item *item)
{
    for (unsigned i = 0; i < anew->count; i++) {
        const struct audit_run *run = &anew->runs[i];

        if (run->blocks > 0 && item->kind == AUDIT_ITEM_BLOCK &&
            item->header.stream == run->stream && item->header.number >= run->from &&
            item->header.number <= run->to) {
            return true;
        }
    }
    return false;
}

static int write_gathered(struct anew *anew)
{
    const uint8_t *data = anew->gathered;

    while (anew->len > 0) {
        size_t done = 0;
        const int result = anew->files->write(anew->files->context, anew->to, anew->at, data,
                                              anew->len, &done);

        if (result == -EINTR) {
            continue;
        }
        if (result != 0 || done == 0) {
            return result != 0 ? result : -EIO;
        }
        anew->at += done;
        anew->len -= done;
        data += done;
    }
    return is_stopped(anew->hooks->stop) ? -ECANCELED : 0;
}

static int add(struct anew *anew, const uint8_t *data, size_t len)
{
    int result = anew->len + len > GATHERED ? write_gathered(anew) : 0;

    if (result == 0) {
        memcpy(anew->gathered + anew->len, data, len);
        anew->len += len;
    }
    return result;
}

/* Octets of the old file as they are. */
static int copy(struct anew *anew, uint64_t from, uint64_t end)
{
    while (from < end) {
        size_t got = 0;
        int result = anew->len == GATHERED ? write_gathered(anew) : 0;

        if (result != 0) {
            return result;
        }
        const size_t room = GATHERED - anew->len;
        const size_t want = end - from < room ? (size_t)(end - from) : room;
        result = anew->files->read(anew->files->context, anew->from, from,
                                   anew->gathered + anew->len, want, &got);
        if (result != 0 || got != want) {
            return result != 0 ? result : CORDON_E_CORRUPT;
        }
        anew->len += got;
        from += got;
    }
    return 0;
}

static int copy_item(struct anew *anew, const struct audit_item *item)
{
    uint8_t frame[AUDIT_FRAME_OCTETS];

    if (!is_removed(anew, item)) {
        return copy(anew, item->at, item->end);
    }
    audit_frame_put(AUDIT_FRAME_REMOVED, AUDIT_HEADER_OCTETS, frame);
    const int result = add(anew, frame, sizeof(frame));
    return result != 0 ? result : add(anew, item->octets, AUDIT_HEADER_OCTETS);
}

/* Whether the file has a body that is to be removed. */
static int look_for(struct anew *anew, uint32_t number, bool *found)
{
    struct walk walk = {.reader = audit_reader_create(anew->files, number)};
    struct audit_item item = {.kind = AUDIT_ITEM_MISSING};
    int result = walk.reader == NULL ? -ENOMEM : 0;

    *found = false;
    while (result == 0 && !*found) {
        result = next_whole(&walk, &item);
        if (result != 0 || item.kind == AUDIT_ITEM_END || item.file != number ||
            item.kind == AUDIT_ITEM_MISSING) {
            break;
        }
        *found = is_removed(anew, &item);
    }
    audit_reader_destroy(walk.reader);
    return result;
}

/* What is damaged is left as it is, where it is. */
static int write_anew(struct anew *anew, uint32_t number, uint64_t size)
{
    struct walk walk = {.reader = audit_reader_create(anew->files, number)};
    struct audit_item item = {.kind = AUDIT_ITEM_MISSING};
    int result = walk.reader == NULL ? -ENOMEM : 0;
    uint64_t done = 0;

    while (result == 0) {
        result = next_whole(&walk, &item);
        if (result != 0 || item.kind == AUDIT_ITEM_END || item.file != number) {
            break;
        }
        if (item.kind == AUDIT_ITEM_MISSING) {
            result = -ENOENT;
            break;
        }
        result = copy(anew, done, item.at);
        result = result != 0 ? result : copy_item(anew, &item);
        done = item.end;
    }
    audit_reader_destroy(walk.reader);
    result = result != 0 ? result : copy(anew, done, size);
    result = result != 0 ? result : write_gathered(anew);
    return result != 0 ? result : anew->files->sync(anew->files->context, anew->to);
}

static int replace(struct anew *anew, uint32_t number)
{
    const struct audit_removal_hooks *hooks = anew->hooks;

    if (hooks->commit != NULL && !hooks->commit(hooks->context)) {
        return -ECANCELED;
    }
    const int result = anew->files->replace(anew->files->context, number);
    if (hooks->committed != NULL) {
        hooks->committed(hooks->context);
    }
    return result;
}

static int do_file(struct anew *anew, uint32_t number, uint64_t *freed)
{
    uint64_t size = 0;

    anew->from = anew->files->open(anew->files->context, number, false, &size);
    if (anew->from < 0) {
        return anew->from;
    }
    anew->to = anew->files->open_beside(anew->files->context, number);
    int result = anew->to < 0 ? anew->to : 0;
    anew->at = 0;
    anew->len = 0;
    if (result == 0) {
        result = write_anew(anew, number, size);
        anew->files->close(anew->files->context, anew->to);
    }
    anew->files->close(anew->files->context, anew->from);
    if (result == 0) {
        result = replace(anew, number);
    }
    if (result == 0) {
        *freed += size > anew->at ? size - anew->at : 0;
    }
    return result;
}

int audit_removal_apply(const struct audit_files *files, uint32_t last_file,
                        const struct audit_run *runs, unsigned count,
                        const struct audit_removal_hooks *hooks, uint64_t *freed)
{
    static const struct audit_removal_hooks none = {.context = NULL};
    struct anew anew = {.files = files,
                        .runs = runs,
                        .count = count,
                        .hooks = hooks != NULL ? hooks : &none,
                        .gathered = malloc(GATHERED)};
    uint32_t number = 0;
    int result = anew.gathered == NULL ? -ENOMEM : files->clean(files->context);

    *freed = 0;
    for (uint32_t from = 1; result == 0 && from != 0; from = number + 1) {
        bool found = false;

        result = files->next(files->context, from, &number);
        if (result != 0 || number == 0 || number > last_file) {
            break;
        }
        result = look_for(&anew, number, &found);
        if (result == 0 && found) {
            result = do_file(&anew, number, freed);
        }
    }
    if (result != 0 && result != -ECANCELED) {
        (void)files->clean(files->context); /* it may be a full disk */
    }
    free(anew.gathered);
    return result;
}
