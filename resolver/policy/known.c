#include "policy/known.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void known_find(const struct policy_load_request *request, struct policy_kept_texts *texts)
{
    texts->count = 0;
    if (request->late_octets > 0 && request->cache_directory != NULL) {
        (void)policy_kept_texts_find(request->cache_directory, texts);
    }
}

static const struct policy_kept_text *find(const struct policy_kept_texts *texts,
                                           const char *id)
{
    for (size_t i = 0; i < texts->count; i++) {
        if (strcmp(texts->at[i].id, id) == 0) {
            return &texts->at[i];
        }
    }
    return NULL;
}

/* Does the catalogue, where there is one, name it as it was? */
static bool is_named(const struct trust_publisher *publisher,
                     const struct policy_kept_text *text)
{
    const struct trust_entry *entry =
        publisher == NULL ? NULL : trust_catalogue_find(publisher->catalogue, text->id);

    return publisher == NULL || (entry != NULL && entry->size == text->octets &&
                                 memcmp(entry->hash, text->hash, sizeof(text->hash)) == 0);
}

bool known_arrive(const struct policy_load_request *request,
                  const struct policy_kept_texts *texts, size_t number, struct report *report,
                  struct arrival *arrival, struct policy_loaded_list *loaded)
{
    const struct policy_load_source *source = &arrival->source;
    const char *id = request->ids[number];
    const struct policy_kept_text *text = find(texts, id);
    struct report faults;

    if (text == NULL || text->octets < request->late_octets ||
        (request->held != NULL && request->held[number] != NULL) ||
        !arrival_speaks_of_all(source) || !is_named(source->publisher, text) ||
        (size_t)snprintf(arrival->path, sizeof(arrival->path), "%s/%s.list", source->directory,
                         id) >= sizeof(arrival->path) ||
        !arrival_is_there(arrival->path, text->octets)) {
        return false;
    }
    report_init(&faults);
    const bool signed_for =
        trust_verify_beside_hashed(source->keyring, arrival->path, NULL, 0, text->hash, &faults,
                                   &loaded->verdict) == 0;
    if (signed_for) { /* else what is wrong is told when the text is read */
        report_take(report, &faults);
        snprintf(loaded->id, sizeof(loaded->id), "%s", id);
        memcpy(loaded->hash, text->digest, sizeof(loaded->hash));
        loaded->octets = text->octets;
        loaded->unread = true;
        if (source->publisher != NULL) {
            arrival_note_publisher(source->publisher, loaded);
        }
        arrival->stub.id = loaded->id;
        memcpy(arrival->stub.digest, text->digest, sizeof(arrival->stub.digest));
    }
    report_deinit(&faults);
    return signed_for;
}

void known_note(const struct policy_load_request *request, const struct policy_loaded *made)
{
    struct policy_kept_texts *texts = calloc(1, sizeof(*texts));

    for (size_t i = 0; texts != NULL && i < made->list_count; i++) {
        const struct policy_loaded_list *list = &made->lists[i];

        if (request->held == NULL || request->held[i] == NULL) {
            struct policy_kept_text *text = &texts->at[texts->count++];

            memcpy(text->id, list->id, sizeof(text->id));
            text->octets = list->octets;
            memcpy(text->hash, list->verdict.hash, sizeof(text->hash));
            memcpy(text->digest, list->hash, sizeof(text->digest));
        }
    }
    if (texts != NULL) {
        policy_kept_texts_note(request->cache_directory, texts);
    }
    free(texts);
}
