#include "update/run.h"

#include "base/error.h"
#include "base/file.h"
#include "update/backoff.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The root that counts for lists.directory, as the daemon finds it. */
static bool find_root(const struct config *config, char path[PATH_MAX])
{
    return config->root != NULL ? update_path(path, "%s", config->root)
                                : update_path(path, "%s/1.root", config->list_directory);
}

static bool add_own(const struct update_options *options, struct report *report,
                    struct update_publisher *out)
{
    const struct config *config = options->config;
    struct trust_root *root = NULL;

    memset(out, 0, sizeof(*out));
    if (config->root == NULL && config->keys_given) {
        report_add(
            report, REPORT_ERROR, "trust.keys", 0, 0,
            "lists under keys alone have no catalogue, and cannot be fetched: name a root "
            "(trust.root)");
        return false;
    }
    if (!find_root(config, out->pinned) || trust_root_pinned(out->pinned, report, &root) != 0) {
        return false;
    }
    memcpy(out->name, root->publisher, sizeof(out->name));
    free(root);
    out->sources = &config->update_sources;
    out->directory = config->list_directory;
    return true;
}

static bool is_meant(const struct update_options *options,
                     const struct update_publisher *publisher)
{
    return options->publisher == NULL || strcmp(options->publisher, publisher->name) == 0;
}

size_t update_publishers(const struct update_options *options, struct report *report,
                         struct update_publisher *out)
{
    const struct config *config = options->config;
    size_t count = 0;

    /* Sources that were named are of one publisher: that of lists.directory, if no other. */
    if ((options->sources != NULL || config->update_sources.count > 0) &&
        add_own(options, report, &out[count]) && is_meant(options, &out[count])) {
        count++;
    }
    for (size_t i = 0; i < config->publisher_count; i++) {
        const struct config_publisher *from = &config->publishers[i];
        struct update_publisher *next = &out[count];

        memset(next, 0, sizeof(*next));
        snprintf(next->name, sizeof(next->name), "%s", from->name);
        next->sources = &from->sources;
        next->directory = from->directory;
        next->foreign = from;
        const bool asked =
            options->sources != NULL ? options->publisher != NULL : from->sources.count > 0;
        if (asked && is_meant(options, next) && update_path(next->pinned, "%s", from->root)) {
            count++;
        }
    }
    for (size_t i = 0; options->sources != NULL && i < count; i++) {
        out[i].sources = options->sources;
    }
    return count;
}

/* A run for one publisher. */
struct running {
    const struct update_options *options;
    const struct update_world *world;
    const struct update_store *store;
    const struct update_publisher *publisher;
    struct update_result *result;
    struct update_place place;
    struct update_memory memory;
    struct trust_ratchet *ratchet;
    char ratchet_path[PATH_MAX];
    bool has_set; /* there is a set in force */
    bool told;    /* the result is about a version that was judged: the next has its own */
    enum update_outcome outcome; /* of what the result is about, so far */
    /* Catalogues that the gate has refused in this run. */
    uint8_t refused[CONFIG_SOURCES_MAX][TRUST_HASH_OCTETS];
    size_t refused_count;
};

/* Which lists an operator uses anywhere. */
static bool uses(const struct config_list *lists, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (lists[i].mode != CONFIG_MODE_OFF && strcmp(lists[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

static bool uses_when(const struct config_whens *whens, const char *id)
{
    for (size_t i = 0; i < whens->count; i++) {
        if (uses(whens->at[i].lists, whens->at[i].list_count, id)) {
            return true;
        }
    }
    return false;
}

static bool wants_used(const void *context, const char *id)
{
    const struct config *config = context;
    bool used = uses(config->lists, config->list_count, id) || uses_when(&config->when, id);

    for (size_t i = 0; !used && i < config->view_count; i++) {
        used = uses(config->views[i].lists, config->views[i].list_count, id) ||
               uses_when(&config->views[i].when, id);
    }
    return used;
}

/* The catalogue of a folder, as far as it is one: it was verified when it came. */
static struct trust_catalogue *catalogue_of(const char *folder)
{
    struct trust_catalogue *catalogue = NULL;
    char path[PATH_MAX];
    uint8_t *text = NULL;
    size_t len = 0;

    if (update_path(path, "%s/catalogue", folder) &&
        file_read(path, TRUST_CATALOGUE_OCTETS_MAX, &text, &len) == 0) {
        (void)trust_catalogue_parse((const char *)text, len, path, NULL, &catalogue);
        free(text);
    }
    return catalogue;
}

static void add_change(struct update_result *result, const char *id, uint32_t from, uint32_t to)
{
    if (result->changes != NULL && result->change_count < 2 * UPDATE_CHANGES_MAX) {
        struct update_change *change = &result->changes[result->change_count++];

        snprintf(change->id, sizeof(change->id), "%s", id);
        change->from = from;
        change->to = to;
    }
}

/* Before another version is judged in this run, or something else goes wrong: what the result
 * says so far is kept as it is. What was said of the source that is asked now is the new one's.
 * 0 or -ENOMEM. */
static int begin_another(struct running *running, uint64_t now_s)
{
    struct update_result *result = running->result;
    struct update_result *earlier = NULL;

    if (!running->told) {
        return 0;
    }
    earlier = malloc(sizeof(*earlier));
    if (earlier == NULL) {
        return -ENOMEM;
    }
    *earlier = *result;
    earlier->outcome = running->outcome;
    earlier->ended_s = now_s;
    memset(result, 0, sizeof(*result));
    report_init(&result->report);
    memcpy(result->publisher, earlier->publisher, sizeof(result->publisher));
    result->earlier = earlier;
    result->began_s = now_s;
    result->expires_s = earlier->expires_s;
    if (running->outcome == UPDATE_ACTIVATED) {
        memcpy(result->from, earlier->to, sizeof(result->from));
        result->from_serial = earlier->to_serial;
        result->from_root = earlier->to_root;
    } else {
        memcpy(result->from, earlier->from, sizeof(result->from));
        result->from_serial = earlier->from_serial;
        result->from_root = earlier->from_root;
    }
    running->told = false;
    running->outcome = UPDATE_NO_SOURCE;
    return 0;
}

/* What the candidate has that the set in force has not, list by list. */
static void compare(const struct trust_catalogue *old, const struct trust_catalogue *new,
                    struct update_result *result)
{
    free(result->changes);
    result->changes = calloc(2 * UPDATE_CHANGES_MAX, sizeof(result->changes[0]));
    result->change_count = 0;
    for (size_t i = 0; i < new->count; i++) {
        const struct trust_entry *entry = &new->entries[i];
        const struct trust_entry *before =
            old == NULL ? NULL : trust_catalogue_find(old, entry->id);

        if (before == NULL || memcmp(before->hash, entry->hash, sizeof(entry->hash)) != 0) {
            add_change(result, entry->id, before == NULL ? 0 : before->serial, entry->serial);
        }
    }
    for (size_t i = 0; old != NULL && i < old->count; i++) {
        if (trust_catalogue_find(new, old->entries[i].id) == NULL) {
            add_change(result, old->entries[i].id, old->entries[i].serial, 0);
        }
    }
}

static void note_set(struct running *running)
{
    struct update_result *result = running->result;
    struct trust_catalogue *catalogue = catalogue_of(running->place.current);
    const struct trust_mark *mark =
        running->ratchet == NULL
            ? NULL
            : trust_ratchet_find(running->ratchet, running->publisher->name);

    running->has_set = catalogue != NULL;
    update_place_in_force(&running->place, result->from);
    if (catalogue != NULL) {
        result->from_serial = catalogue->serial;
        result->from_root = mark == NULL ? 0 : mark->root_version;
        result->expires_s = catalogue->expires_s;
    }
    trust_catalogue_free(catalogue);
}

/* cordond reads elsewhere: what is fetched changes nothing. */
static void warn_of_elsewhere(struct running *running)
{
    char here[PATH_MAX], there[PATH_MAX];
    const struct update_publisher *publisher = running->publisher;

    if (strcmp(publisher->directory, running->place.current) == 0 ||
        (realpath(publisher->directory, there) != NULL &&
         realpath(running->place.current, here) != NULL && strcmp(here, there) == 0)) {
        return;
    }
    report_add(
        &running->result->report, REPORT_WARNING, publisher->directory, 0, 0,
        "cordond reads the lists of %s here, and what is fetched comes to %s: set %s to that",
        publisher->name, running->place.current,
        publisher->foreign == NULL ? "lists.directory" : "the publisher's directory");
}

/* From a candidate that is verified to the set in force. */
static enum update_outcome settle(struct running *running, struct update_offer *offer,
                                  uint64_t now_s)
{
    struct update_result *result = running->result;
    const struct trust_publisher *publisher = offer->publisher;
    struct trust_catalogue *old = catalogue_of(running->place.current);
    bool changed = false;

    running->told = true;
    compare(old, publisher->catalogue, result);
    trust_catalogue_free(old);
    result->to_serial = publisher->catalogue->serial;
    result->to_root = publisher->root->version;
    const enum update_judgement judgement =
        running->world->judge(running->options, running->publisher, &running->place,
                              running->has_set, running->store, now_s, result);
    if (judgement != UPDATE_JUDGED_GOOD) {
        return judgement == UPDATE_JUDGED_BAD ? UPDATE_REFUSED : UPDATE_FAULT;
    }
    if (running->options->dry_run) {
        return UPDATE_WOULD;
    }
    /* Remembered before it is in force: a process that is killed in between has accepted it,
     * and finds it again. */
    if (trust_publisher_note(publisher, now_s, running->ratchet, &result->report, &changed) !=
            0 ||
        (changed &&
         trust_ratchet_write(running->ratchet, running->ratchet_path, &result->report) != 0)) {
        return UPDATE_FAULT;
    }
    if (update_place_keep(&running->place, publisher->catalogue->serial, &result->report,
                          result->to) != 0 ||
        update_place_switch(&running->place, result->to, &result->report) != 0) {
        return UPDATE_FAULT;
    }
    running->has_set = true;
    result->expires_s = publisher->catalogue->expires_s;
    update_place_prune(&running->place, running->options->config->update_keep);
    return UPDATE_ACTIVATED;
}

static void remember(struct update_known *known, const struct update_offer *offer)
{
    memcpy(known->etag, offer->etag, sizeof(known->etag));
    memcpy(known->modified, offer->modified, sizeof(known->modified));
    memcpy(known->hash, offer->hash, sizeof(known->hash));
}

static bool was_refused(const struct running *running, const struct update_offer *offer)
{
    for (size_t i = 0; i < running->refused_count; i++) {
        if (memcmp(running->refused[i], offer->hash, sizeof(offer->hash)) == 0) {
            return true;
        }
    }
    return false;
}

/* A source has what is new. What the gate refuses settles nothing: another source may have a
 * still newer version, in which it is mended. */
static enum update_outcome take_new(struct running *running, const char *source,
                                    struct update_offer *offer, uint64_t now_s, bool *settled)
{
    struct update_result *result = running->result;

    snprintf(result->source, sizeof(result->source), "%s", source);
    const enum update_outcome outcome = settle(running, offer, now_s);
    if (outcome == UPDATE_REFUSED && running->refused_count < CONFIG_SOURCES_MAX) {
        memcpy(running->refused[running->refused_count++], offer->hash, sizeof(offer->hash));
    }
    /* Who is past its day may have been left behind: another one may have more. */
    *settled =
        outcome != UPDATE_REFUSED && (outcome != UPDATE_ACTIVATED || result->expires_s > now_s);
    return outcome;
}

enum step {
    STEP_PENDING, /* not asked, or not reached: it may be asked again */
    STEP_DONE
};

/* What was said of a source goes to the result that is about it: another one, if it is about a
 * version that is not judged yet, or a fault. */
static int tell(struct running *running, enum update_answer answer,
                const struct update_offer *offer, const struct report *said, uint64_t now_s)
{
    const bool anew = answer == UPDATE_ANSWER_FAULT ||
                      (answer == UPDATE_ANSWER_NEW && !was_refused(running, offer));
    const int rc = anew ? begin_another(running, now_s) : 0;

    report_take(&running->result->report, said);
    running->result->requests += offer->requests;
    running->result->octets += offer->octets;
    return rc;
}

/* What the source of that number is asked. */
static struct update_request request_of(struct running *running, size_t at, uint64_t now_s)
{
    const struct config *config = running->options->config;
    const struct update_publisher *publisher = running->publisher;

    return (struct update_request){
        .source = publisher->sources->at[at],
        .pinned = publisher->pinned,
        .publisher = publisher->name,
        .place = &running->place,
        .in_force = running->has_set ? running->place.current : NULL,
        .ratchet = running->ratchet,
        .now_s = now_s,
        .octets_max = config->update_octets,
        .wants = config->update_used_only ? wants_used : NULL,
        .wants_context = config,
        .known = &running->memory.at[at],
        .get = running->world->get,
        .get_context = running->world->context,
        .mono_s = running->world->mono_s,
        .source_s = config->update_timeout_s > UPDATE_SOURCE_S ? config->update_timeout_s
                                                               : UPDATE_SOURCE_S,
    };
}

/* Asks one source. *settled: no other need be asked. */
static enum update_outcome ask_source(struct running *running, size_t at, bool again,
                                      enum step *step, bool *settled)
{
    struct update_result *result = running->result;
    struct update_known *known = &running->memory.at[at];
    const uint64_t now_s = running->world->now_s(running->world->context);
    const struct update_request request = request_of(running, at, now_s);
    struct update_offer offer;
    struct report said;

    report_init(&said);
    const enum update_answer answer = update_candidate(&request, &said, &offer);
    const int rc = tell(running, answer, &offer, &said, now_s);
    enum update_outcome outcome = UPDATE_NO_SOURCE;

    report_deinit(&said);
    *step = STEP_DONE;
    switch (answer) {
    case UPDATE_ANSWER_NEW:
        outcome = rc != 0 ? UPDATE_FAULT
                  : was_refused(running, &offer)
                      ? UPDATE_REFUSED
                      : take_new(running, request.source, &offer, now_s, settled);
        update_known_answered(known, now_s);
        if (outcome == UPDATE_ACTIVATED) {
            remember(known, &offer);
        }
        break;
    case UPDATE_ANSWER_SAME:
        update_known_answered(known, now_s);
        outcome = UPDATE_SAME;
        if (!running->told) {
            snprintf(result->source, sizeof(result->source), "%s", request.source);
        }
        remember(known, &offer);
        *settled = result->expires_s > now_s;
        break;
    case UPDATE_ANSWER_UNREACHABLE:
        *step = offer.slow ? STEP_DONE : STEP_PENDING;
        report_add(&result->report, REPORT_WARNING, request.source, 0, 0, "%s", offer.why);
        if (!again) {
            update_known_failed(known, now_s, offer.retry_after_s, offer.why,
                                running->world->random);
        }
        break;
    case UPDATE_ANSWER_BAD:
        outcome = UPDATE_REFUSED;
        update_known_failed(known, now_s, 0, "what it has is refused", running->world->random);
        break;
    case UPDATE_ANSWER_FAULT:
        outcome = UPDATE_FAULT;
        *settled = true;
        break;
    }
    trust_publisher_free(offer.publisher);
    return outcome;
}

/* The better of what two sources led to, in the order of the words but for what was refused,
 * which says more than that another one is not there. */
static enum update_outcome better(enum update_outcome a, enum update_outcome b)
{
    return a < b ? a : b;
}

/* All sources, in order and in rounds, until one of them will do. */
static enum update_outcome ask_all(struct running *running)
{
    const struct config_sources *sources = running->publisher->sources;
    const struct update_world *world = running->world;
    enum step steps[CONFIG_SOURCES_MAX] = {STEP_PENDING};
    size_t order[CONFIG_SOURCES_MAX];
    bool settled = false;

    running->outcome = UPDATE_NO_SOURCE;
    update_memory_order(&running->memory, sources->count, world->now_s(world->context), order);
    for (unsigned round = 0; round < running->options->rounds && !settled; round++) {
        size_t pending = 0;

        if (round > 0) {
            world->wait_ms(world->context,
                           update_backoff(round, UPDATE_ROUND_WAIT_MS,
                                          UPDATE_ROUND_WAIT_MOST_MS, world->random));
        }
        for (size_t i = 0; i < sources->count && !settled; i++) {
            if (steps[order[i]] == STEP_PENDING) {
                const enum update_outcome one =
                    ask_source(running, order[i], round > 0, &steps[order[i]], &settled);

                running->outcome = one == UPDATE_FAULT ? one : better(running->outcome, one);
                pending += steps[order[i]] == STEP_PENDING;
            }
        }
        /* Who was reached is not asked again, and who was not need not be if another one was.
         */
        if (pending == 0 || running->outcome <= UPDATE_WOULD) {
            break;
        }
    }
    /* That the gate has refused something says more than that another source has nothing new.
     */
    return running->outcome == UPDATE_SAME && running->refused_count > 0 ? UPDATE_REFUSED
                                                                         : running->outcome;
}

static enum update_outcome run(struct running *running)
{
    struct update_result *result = running->result;
    const struct update_publisher *publisher = running->publisher;
    char memory_path[PATH_MAX];
    int rc = 0;

    if (update_place_open(running->store, publisher->name, &result->report, &running->place) !=
            0 ||
        !update_path(memory_path, "%s/sources.json", running->place.base) ||
        !update_path(running->ratchet_path, "%s/%s", running->store->directory,
                     TRUST_RATCHET_FILE)) {
        return UPDATE_FAULT;
    }
    rc = trust_ratchet_read(running->ratchet_path, &result->report, &running->ratchet);
    if (rc != 0) {
        if (rc != -ENOMEM) {
            report_add(&result->report, REPORT_ERROR, running->ratchet_path, 0, 0,
                       "nothing new is taken until then. If there is no copy: compare what is "
                       "in force with what the publishers say by another way, then go on from "
                       "that by `cordon update acknowledge --reason TEXT`");
        }
        return UPDATE_FAULT;
    }
    note_set(running);
    update_memory_read(memory_path, publisher->sources, &running->memory);
    const enum update_outcome outcome = ask_all(running);
    warn_of_elsewhere(running);
    if (!running->options->dry_run && running->options->sources == NULL) {
        rc = update_memory_write(memory_path, publisher->sources, &running->memory);
        if (rc != 0 && outcome != UPDATE_FAULT) {
            report_add(&result->report, REPORT_WARNING, memory_path, 0, 0,
                       "what is known of the sources cannot be kept: %s", cordon_strerror(rc));
        }
    }
    return outcome;
}

void update_run(const struct update_options *options, const struct update_world *world,
                const struct update_store *store, const struct update_publisher *publisher,
                struct update_result *result)
{
    struct running *running = calloc(1, sizeof(*running));

    memset(result, 0, sizeof(*result));
    report_init(&result->report);
    snprintf(result->publisher, sizeof(result->publisher), "%s", publisher->name);
    result->began_s = world->now_s(world->context);
    if (running == NULL) {
        result->outcome = UPDATE_FAULT;
        report_add(&result->report, REPORT_ERROR, publisher->name, 0, 0, "%s",
                   cordon_strerror(-ENOMEM));
    } else {
        running->options = options;
        running->world = world;
        running->store = store;
        running->publisher = publisher;
        running->result = result;
        result->outcome = run(running);
        trust_ratchet_free(running->ratchet);
        free(running);
    }
    result->ended_s = world->now_s(world->context);
}
