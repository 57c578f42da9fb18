#include "cli/reply.h"

#include "base/utf8.h"
#include "cli/safe.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What tells a reply that says yes from any other service's. */
static const struct {
    const char *command, *key;
    json_type type;
} promised[] = {
    {"cache-flush", "removed", JSON_INTEGER},
    {"cache-show", "entries", JSON_ARRAY},
    {"changes", "pauses", JSON_ARRAY},
    {"changes", "exceptions", JSON_ARRAY},
    {"clients", "recent", JSON_OBJECT},
    {"clients", "all", JSON_OBJECT},
    {"exception-add", "exceptions", JSON_ARRAY},
    {"exception-remove", "exceptions", JSON_ARRAY},
    {"explain", "verdict", JSON_STRING},
    {"explain", "triggers", JSON_ARRAY},
    {"explain", "lists", JSON_ARRAY},
    {"fingerprint", "fingerprint", JSON_OBJECT},
    {"list-advance", "lists", JSON_ARRAY},
    {"list-history", "lines", JSON_ARRAY},
    {"list-release", "released", JSON_OBJECT},
    {"list-rollback", "held", JSON_OBJECT},
    {"list-stages", "stages", JSON_ARRAY},
    {"lists", "lists", JSON_ARRAY},
    {"lists", "generation", JSON_INTEGER},
    {"pause", "pauses", JSON_ARRAY},
    {"pause-end", "pauses", JSON_ARRAY},
    {"reload", "generation", JSON_INTEGER},
    {"status", "version", JSON_STRING},
    {"status", "lists", JSON_ARRAY},
    {"status", "questions", JSON_OBJECT},
    {"top", "questions", JSON_OBJECT},
    {"top", "latency", JSON_OBJECT},
    {"trace", "lines", JSON_ARRAY},
    {"trust-acknowledge", "trust", JSON_OBJECT},
    {"upstreams", "upstreams", JSON_ARRAY},
    {"why", "verdict", JSON_STRING},
    {"why", "view", JSON_STRING},
};

/* What is missing, or NULL. */
static const char *find_lack(const char *command, const json_t *document)
{
    const json_t *ok = json_object_get(document, "ok");

    if (!json_is_boolean(ok)) {
        return "ok";
    }
    if (json_is_false(ok)) {
        return json_is_string(json_object_get(document, "error")) ? NULL : "error";
    }
    for (size_t i = 0; i < sizeof(promised) / sizeof(promised[0]); i++) {
        const json_t *value = json_object_get(document, promised[i].key);

        if (strcmp(promised[i].command, command) == 0 &&
            (value == NULL || json_typeof(value) != promised[i].type)) {
            return promised[i].key;
        }
    }
    return NULL;
}

static bool drives_terminals(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || utf8_is_hidden(point);
}

/* The text, in memory that the caller frees. NULL: out of memory. */
static char *safe_text(const char *text)
{
    const size_t len = strlen(text);
    char *out = malloc(6 * len + 1); /* "\u001b" for one octet */
    size_t used = 0;

    for (size_t at = 0, step; out != NULL && at < len; at += step) {
        uint32_t point = 0;

        step = utf8_point((const uint8_t *)text + at, len - at, &point);
        if (step == 0 || drives_terminals(point)) { /* 0: the decoder has refused that */
            step = step > 0 ? step : 1;
            used += (size_t)snprintf(out + used, 6 * len + 1 - used, "\\u%04" PRIx32, point);
        } else {
            memcpy(out + used, text + at, step);
            used += step;
        }
    }
    if (out != NULL) {
        out[used] = '\0';
    }
    return out;
}

/* A copy in which every text is safe. NULL: out of memory. As deep as the decoder goes. */
static json_t *safe_copy(const json_t *value)
{
    json_t *copy = json_is_object(value)  ? json_object()
                   : json_is_array(value) ? json_array()
                                          : NULL;
    bool whole = copy != NULL;

    if (json_is_string(value)) {
        char *text = safe_text(json_string_value(value));

        copy = text == NULL ? NULL : json_stringn(text, strlen(text));
        free(text);
        return copy;
    }
    if (!json_is_object(value) && !json_is_array(value)) {
        return json_deep_copy(value);
    }
    for (size_t i = 0; whole && i < json_array_size(value); i++) {
        whole = json_array_append_new(copy, safe_copy(json_array_get(value, i))) == 0;
    }
    for (void *at = json_object_iter((json_t *)value); whole && at != NULL;
         at = json_object_iter_next((json_t *)value, at)) {
        char *key = safe_text(json_object_iter_key(at));

        whole = key != NULL &&
                json_object_set_new(copy, key, safe_copy(json_object_iter_value(at))) == 0;
        free(key);
    }
    if (!whole) {
        json_decref(copy);
    }
    return whole ? copy : NULL;
}

json_t *cli_reply(const char *command, const char *octets, size_t len,
                  char fault[CLI_REPLY_FAULT_MAX])
{
    char words[CLI_REPLY_FAULT_MAX - 64];
    json_error_t error;
    json_t *document = json_loadb(octets, len, JSON_REJECT_DUPLICATES, &error);
    json_t *safe = NULL;

    if (document == NULL) {
        snprintf(fault, CLI_REPLY_FAULT_MAX, "is no JSON: %s",
                 cli_safe(error.text, words, sizeof(words)));
        return NULL;
    }
    const char *lack = find_lack(command, document);
    if (lack != NULL) {
        snprintf(fault, CLI_REPLY_FAULT_MAX, "is not a cordond's: it lacks \"%s\"", lack);
    } else {
        safe = safe_copy(document);
        if (safe == NULL) {
            snprintf(fault, CLI_REPLY_FAULT_MAX, "is too large: out of memory");
        }
    }
    json_decref(document);
    return safe;
}
