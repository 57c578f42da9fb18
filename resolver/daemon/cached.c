/*
 * daemon/cached.c - `cache-show` and `cache-flush`: what is kept, and forgetting it.
 *
 * Happy path: the arguments are read -> the cache is walked on a thread of libuv's pool, as it
 * may be large -> the document is written. Workers go on: the walk holds a lock only for
 * moments (cache.h). At the end of the daemon a walk comes to its end and answers nobody.
 */
#include "base/invariant.h"
#include "base/log.h"
#include "daemon/state.h"

#include <stdlib.h>
#include <string.h>

struct cached_entry {
    struct cache_seen seen;
    bool cut; /* the message is too long to be shown */
    uint8_t octets[DAEMON_CACHED_OCTETS_MAX];
};

struct cached_work {
    uv_work_t work;
    struct daemon *daemon;
    struct control_client *client;
    uid_t uid; /* of who asks */
    struct wire_name name;
    struct cache_filter filter;
    bool flush, all;
    uint64_t now_us;
    uint64_t removed;
    bool more; /* entries than are shown */
    size_t count;
    struct cached_entry entries[];
};

static bool keep(void *context, const struct cache_seen *seen)
{
    struct cached_work *work = context;
    struct cached_entry *entry = &work->entries[work->count];

    if (work->count == DAEMON_CACHED_SHOWN_MAX) {
        work->more = true;
        return false;
    }
    entry->seen = *seen;
    entry->cut = seen->entry.len > sizeof(entry->octets);
    entry->seen.octets = entry->octets;
    memcpy(entry->octets, seen->octets, entry->cut ? 0 : seen->entry.len);
    work->count++;
    return true;
}

/* On a thread of the pool. */
static void walk(uv_work_t *handle)
{
    struct cached_work *work = handle->data;
    struct cache *cache = work->daemon->cache;

    if (!work->flush) {
        cache_show(cache, &work->filter, work->now_us, keep, work);
    } else if (work->all) {
        work->removed = cache_flush(cache);
    } else {
        work->removed = cache_forget(cache, &work->filter, work->now_us);
    }
}

/* A message has answers, or why it has none. */
static const char *kind_of(const struct cached_entry *entry, struct wire_message *message)
{
    struct wire_cursor cursor;
    struct wire_record record;

    if (entry->seen.entry.kind == CACHE_FAILURE) {
        return "failure";
    }
    if (entry->cut ||
        wire_message_open(entry->octets, entry->seen.entry.len, message) != WIRE_OK) {
        return "answer";
    }
    if ((message->flags & WIRE_RCODE_MASK) == WIRE_NXDOMAIN) {
        return "nxdomain";
    }
    wire_cursor_start(&cursor, message);
    while (wire_cursor_next(&cursor, &record) > 0) {
        if (record.section == WIRE_ANSWER && record.type == entry->seen.type) {
            return "answer";
        }
    }
    return "nodata";
}

static void write_zone(struct text *out, const struct daemon *daemon, uint16_t context)
{
    const struct setup_snapshot *snapshot = daemon_snapshot(daemon);
    char text[WIRE_NAME_TEXT_MAX];
    bool found = false;

    for (size_t i = 0; i < snapshot->zone_count && !found && context != 0; i++) {
        if (snapshot->zones[i].context == context) {
            wire_name_to_text(&snapshot->zones[i].name, text);
            found = true;
        }
    }
    if (context == QUERY_CONTEXT_LEARNED) {
        json_bool(out, "policy_only", true);
    } else if (context != 0) { /* of a zone that a reload has taken away: nobody asks for it */
        json_string(out, "zone", found ? text : NULL);
    }
}

static void write_entry(struct text *out, const struct daemon *daemon,
                        const struct cached_entry *entry)
{
    const struct cache_seen *seen = &entry->seen;
    struct wire_message message = {0};
    char text[WIRE_NAME_TEXT_MAX];
    const char *kind = kind_of(entry, &message);

    json_object_begin(out, NULL);
    wire_name_to_text(&seen->name, text);
    json_string(out, "name", text);
    wire_type_format(seen->type, text);
    json_string(out, "type", text);
    json_string(out, "kind", kind);
    json_bool(out, "dnssec_ok", seen->dnssec_ok);
    json_bool(out, "checking_disabled", seen->checking_disabled);
    write_zone(out, daemon, seen->context);
    json_uint(out, "ttl_s", seen->entry.ttl_s);
    if (seen->entry.stale) {
        json_bool(out, "stale", true);
    }
    json_uint(out, "age_s", seen->entry.age_s);
    if (seen->entry.kind == CACHE_FAILURE) {
        json_int(out, "ede", seen->entry.ede);
        json_string(out, "why", wire_ede_name(seen->entry.ede));
    } else {
        json_uint(out, "octets", seen->entry.len);
        if (!entry->cut) {
            json_octets(out, "message", entry->octets, seen->entry.len);
        }
    }
    json_object_end(out);
}

static void write_document(struct daemon *daemon, const struct cached_work *work,
                           struct text *out)
{
    json_object_begin(out, NULL);
    json_bool(out, "ok", true);
    if (work->flush) {
        json_uint(out, "removed", work->removed);
    } else {
        json_array_begin(out, "entries");
        for (size_t i = 0; i < work->count; i++) {
            write_entry(out, daemon, &work->entries[i]);
        }
        json_array_end(out);
        json_bool(out, "more", work->more);
    }
    json_object_end(out);
}

static void tell_log(const struct cached_work *work)
{
    char name[WIRE_NAME_TEXT_MAX];

    wire_name_to_text(&work->name, name);
    log_write(LOG_LEVEL_INFO, "cache: user %u had %llu entries forgotten: %s%s",
              (unsigned)work->uid, (unsigned long long)work->removed, work->all ? "all" : name,
              work->filter.below && !work->all ? " and below" : "");
}

static void on_walked(uv_work_t *handle, int status)
{
    static const char failed[] = "{\"ok\":false,\"error\":\"out of memory\"}";
    struct cached_work *work = handle->data;
    struct daemon *daemon = work->daemon;
    char *memory = malloc(CONTROL_REPLY_MAX);
    struct text out;

    invariant(daemon->magic == DAEMON_MAGIC && status == 0);
    if (work->flush) {
        tell_log(work);
    }
    if (daemon->stopping) { /* the client is gone with the socket */
        free(memory);
        free(work);
        return;
    }
    if (memory == NULL) {
        control_reply(work->client, failed, sizeof(failed) - 1);
    } else {
        text_init(&out, memory, CONTROL_REPLY_MAX);
        write_document(daemon, work, &out);
        invariant(!out.overflow);
        control_reply(work->client, out.at, out.len);
    }
    free(memory);
    free(work);
}

/* Every entry at its longest: names and messages escaped or in hexadecimal digits. */
_Static_assert(DAEMON_CACHED_SHOWN_MAX *(4 * WIRE_NAME_TEXT_MAX + 2 * DAEMON_CACHED_OCTETS_MAX +
                                         1024) < CONTROL_REPLY_MAX,
               "what is shown fits into a reply");

static struct cached_work *work_create(bool flush)
{
    const size_t shown = flush ? 0 : DAEMON_CACHED_SHOWN_MAX;

    return calloc(1, sizeof(struct cached_work) + shown * sizeof(struct cached_entry));
}

static void read_name(struct request *request, struct cached_work *work, bool required)
{
    const char *text = request_text(request, "name", WIRE_NAME_TEXT_MAX - 1, required);

    work->filter.name = &work->name;
    if (text != NULL) {
        const enum wire_text_result result =
            wire_name_from_text(text, strlen(text), &work->name);

        if (result != WIRE_TEXT_OK) {
            request_refuse(request, "name", "%s", wire_text_result_words(result));
        }
    }
}

static void read_type(struct request *request, struct cached_work *work)
{
    const char *text = request_text(request, "type", WIRE_TYPE_TEXT_MAX - 1, false);

    work->filter.any_type = text == NULL;
    if (text != NULL && !wire_type_parse(text, strlen(text), &work->filter.type)) {
        request_refuse(request, "type", "'%s' is no type of records", text);
    }
}

static bool start(struct daemon *daemon, struct request *request, struct cached_work *work,
                  struct control_client *client, struct text *out)
{
    if (!request_end(request)) {
        free(work);
        return control_refuse(out, request_fault(request));
    }
    work->daemon = daemon;
    work->client = client;
    work->uid = control_peer(client)->uid;
    work->now_us = clock_read().mono_us;
    work->work.data = work;
    const int rc = uv_queue_work(&daemon->loop, &work->work, walk, on_walked);
    invariant(rc == 0); /* it only fails without a function */
    return false;
}

bool cached_show_command(struct daemon *daemon, struct request *request,
                         struct control_client *client, struct text *out)
{
    struct cached_work *work = work_create(false);

    if (work == NULL) {
        return control_refuse(out, "out of memory");
    }
    read_name(request, work, true);
    read_type(request, work);
    work->filter.below = request_flag(request, "under");
    return start(daemon, request, work, client, out);
}

bool cached_flush_command(struct daemon *daemon, struct request *request,
                          struct control_client *client, struct text *out)
{
    struct cached_work *work = work_create(true);

    if (work == NULL) {
        return control_refuse(out, "out of memory");
    }
    work->flush = true;
    work->all = request_flag(request, "all");
    read_name(request, work, !work->all);
    read_type(request, work);
    work->filter.below = request_flag(request, "under");
    if (work->all && (work->name.len > 0 || !work->filter.any_type || work->filter.below)) {
        request_refuse(request, "all", "stands alone: everything is forgotten");
    }
    return start(daemon, request, work, client, out);
}
