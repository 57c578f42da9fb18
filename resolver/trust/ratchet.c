#include "trust/ratchet.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void trust_ratchet_free(struct trust_ratchet *ratchet)
{
    if (ratchet != NULL) {
        for (size_t i = 0; ratchet->marks != NULL && i < ratchet->count; i++) {
            free(ratchet->marks[i].lists);
        }
        free(ratchet->marks);
        free(ratchet->files);
        free(ratchet);
    }
}

struct trust_ratchet *trust_ratchet_new(void)
{
    struct trust_ratchet *ratchet = calloc(1, sizeof(*ratchet));

    if (ratchet != NULL) {
        ratchet->marks = calloc(TRUST_PUBLISHERS_MAX, sizeof(ratchet->marks[0]));
        ratchet->files = calloc(TRUST_FILES_MAX, sizeof(ratchet->files[0]));
    }
    if (ratchet == NULL || ratchet->marks == NULL || ratchet->files == NULL) {
        trust_ratchet_free(ratchet);
        return NULL;
    }
    return ratchet;
}

const struct trust_mark *trust_ratchet_find(const struct trust_ratchet *ratchet,
                                            const char *publisher)
{
    for (size_t i = 0; i < ratchet->count; i++) {
        if (strcmp(ratchet->marks[i].publisher, publisher) == 0) {
            return &ratchet->marks[i];
        }
    }
    return NULL;
}

/* The place of an id, which is there or would have to be put there. */
static size_t place_in(const struct trust_mark_list *lists, size_t count, const char *id)
{
    size_t from = 0;
    size_t to = count;

    while (from < to) {
        const size_t middle = from + (to - from) / 2;

        if (strcmp(lists[middle].id, id) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static const struct trust_mark_list *find_in(const struct trust_mark_list *lists, size_t count,
                                             const char *id)
{
    const size_t at = place_in(lists, count, id);

    return at < count && strcmp(lists[at].id, id) == 0 ? &lists[at] : NULL;
}

const struct trust_mark_list *trust_mark_find(const struct trust_mark *mark, const char *id)
{
    return find_in(mark->lists, mark->count, id);
}

const struct trust_mark_list *trust_ratchet_find_file(const struct trust_ratchet *ratchet,
                                                      const char *id)
{
    return find_in(ratchet->files, ratchet->file_count, id);
}

int trust_ratchet_note_file(struct trust_ratchet *ratchet, const char *id, uint32_t serial,
                            const uint8_t hash[TRUST_HASH_OCTETS])
{
    const size_t at = place_in(ratchet->files, ratchet->file_count, id);
    struct trust_mark_list *mark = &ratchet->files[at];

    if (trust_ratchet_find_file(ratchet, id) == NULL) {
        if (ratchet->file_count == TRUST_FILES_MAX || strlen(id) > TRUST_ID_MAX) {
            return CORDON_E_LIMIT;
        }
        memmove(mark + 1, mark, (ratchet->file_count - at) * sizeof(*mark));
        memset(mark, 0, sizeof(*mark));
        memcpy(mark->id, id, strlen(id) + 1);
        ratchet->file_count++;
    }
    mark->serial = serial;
    memcpy(mark->hash, hash, sizeof(mark->hash));
    return 0;
}

/* The lists of a catalogue, and with them those that are known and not in it. Both ascend. */
static int merge(const struct trust_mark *mark, const struct trust_catalogue *catalogue,
                 bool anew, struct trust_mark_list *out, size_t *count)
{
    const size_t known = anew || mark == NULL ? 0 : mark->count;
    size_t old = 0;
    size_t new = 0;

    *count = 0;
    while (old < known || new < catalogue->count) {
        int order = old == known ? 1 : new == catalogue->count ? -1 : 0;

        if (order == 0) {
            order = strcmp(mark->lists[old].id, catalogue->entries[new].id);
        }
        if (*count == TRUST_MARKS_MAX) {
            return CORDON_E_LIMIT;
        }
        struct trust_mark_list *list = &out[(*count)++];
        if (order < 0) {
            *list = mark->lists[old++];
            continue;
        }
        const struct trust_entry *entry = &catalogue->entries[new ++];
        memcpy(list->id, entry->id, sizeof(list->id));
        memcpy(list->hash, entry->hash, sizeof(list->hash));
        list->serial = entry->serial;
        old += order == 0 ? 1 : 0;
    }
    return 0;
}

/* The place of a publisher, made if there is none. NULL: no room. */
static struct trust_mark *place_of(struct trust_ratchet *ratchet, const char *publisher)
{
    size_t at = 0;

    while (at < ratchet->count && strcmp(ratchet->marks[at].publisher, publisher) < 0) {
        at++;
    }
    if (at < ratchet->count && strcmp(ratchet->marks[at].publisher, publisher) == 0) {
        return &ratchet->marks[at];
    }
    if (ratchet->count == TRUST_PUBLISHERS_MAX) {
        return NULL;
    }
    memmove(&ratchet->marks[at + 1], &ratchet->marks[at],
            (ratchet->count - at) * sizeof(ratchet->marks[0]));
    memset(&ratchet->marks[at], 0, sizeof(ratchet->marks[at]));
    ratchet->count++;
    return &ratchet->marks[at];
}

int trust_ratchet_note(struct trust_ratchet *ratchet, const struct trust_root *root,
                       const struct trust_catalogue *catalogue, bool anew)
{
    struct trust_mark_list *lists = calloc(TRUST_MARKS_MAX, sizeof(lists[0]));
    size_t count = 0;

    if (lists == NULL) {
        return -ENOMEM;
    }
    const int rc =
        merge(trust_ratchet_find(ratchet, root->publisher), catalogue, anew, lists, &count);
    struct trust_mark *mark = rc == 0 ? place_of(ratchet, root->publisher) : NULL;
    if (mark == NULL) {
        free(lists);
        return CORDON_E_LIMIT;
    }
    memcpy(mark->publisher, root->publisher, sizeof(mark->publisher));
    mark->root_version = root->version;
    memcpy(mark->root_hash, root->hash, sizeof(mark->root_hash));
    if (anew || mark->serial == 0 ||
        memcmp(mark->hash, catalogue->hash, sizeof(mark->hash)) != 0) {
        mark->serial = catalogue->serial;
        memcpy(mark->hash, catalogue->hash, sizeof(mark->hash));
        mark->keys = root->list;
        mark->keys.threshold = 1;
    } /* else those who could set the mark are those of then */
    free(mark->lists);
    mark->lists = lists;
    mark->count = count;
    return 0;
}
