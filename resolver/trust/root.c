#include "trust/root.h"

#include "base/error.h"
#include "trust/lines.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The words of the two roles. */
#define ROLE_ROOT "root"
#define ROLE_LIST "list"

_Static_assert(LINES_ID_MAX == TRUST_ID_MAX && LINES_NAME_MAX == TRUST_NAME_MAX,
               "ids and names have one bound");

size_t trust_keys_shared(const struct trust_keyring *a, const struct trust_keyring *b)
{
    size_t shared = 0;

    for (size_t i = 0; i < a->count; i++) {
        for (size_t k = 0; k < b->count; k++) {
            if (memcmp(a->keys[i].key, b->keys[k].key, sizeof(a->keys[i].key)) == 0) {
                shared++;
                break;
            }
        }
    }
    return shared;
}

/* "role WORD THRESHOLD" and its keys. */
static bool read_role(struct lines *lines, const char *word, struct trust_keyring *keyring)
{
    char value[64];
    uint64_t threshold = 0;
    const struct lines at_role = *lines;
    const size_t word_len = strlen(word);

    if (!lines_value(lines, "role", value, sizeof(value))) {
        return false;
    }
    if (strncmp(value, word, word_len) != 0 || value[word_len] != ' ' ||
        !lines_parse_number(value + word_len + 1, strlen(value) - word_len - 1, TRUST_KEYS_MAX,
                            &threshold)) {
        *lines = at_role;
        return lines_fault(lines, "the line is \"role %s THRESHOLD\", from 1 to %d", word,
                           TRUST_KEYS_MAX);
    }
    while (lines_is(lines, "key")) {
        struct trust_public_key key;
        const struct lines at_key = *lines;

        if (!lines_key(lines, "key", &key)) {
            return false;
        }
        const int rc = trust_keyring_add(keyring, &key);
        if (rc != 0) {
            *lines = at_key;
            return lines_fault(lines, rc == -EEXIST
                                          ? "this key, or its id, is in the role already: a "
                                            "key counts once"
                                          : "these are more keys than a role can have");
        }
    }
    if (lines->rc != 0) {
        return false;
    }
    keyring->threshold = (unsigned)threshold;
    if (threshold > keyring->count) {
        *lines = at_role;
        return lines_fault(lines, "%u keys must sign and the role has %zu", keyring->threshold,
                           keyring->count);
    }
    return true;
}

/* No key, and no id, serves two roles. */
static bool check_disjoint(struct lines *lines, const struct trust_root *root)
{
    for (size_t i = 0; i < root->list.count; i++) {
        for (size_t k = 0; k < root->root.count; k++) {
            const struct trust_public_key *list = &root->list.keys[i];
            const struct trust_public_key *other = &root->root.keys[k];
            char id[TRUST_KEY_ID_TEXT];

            if (memcmp(list->id, other->id, sizeof(list->id)) == 0 ||
                memcmp(list->key, other->key, sizeof(list->key)) == 0) {
                trust_key_id_format(list->id, id);
                return lines_fault(lines,
                                   "the key %s, or its id, has both roles: the keys that sign "
                                   "lists never sign roots",
                                   id);
            }
        }
    }
    return true;
}

/* Lines of one kind of scope: "KEY *" alone, or values that ascend. add: false if the value is
 * none of the kind. */
static bool read_scope(struct lines *lines, const char *key, const char *what, size_t max,
                       bool (*add)(struct trust_scope *scope, const char *value),
                       struct trust_scope *scope, size_t *count, bool *all)
{
    char value[TRUST_LINE_MAX];
    char before[TRUST_LINE_MAX] = "";

    while (!*all && lines_is(lines, key)) {
        const struct lines at = *lines;

        if (!lines_value(lines, key, value, sizeof(value))) {
            return false;
        }
        if (strcmp(value, "*") == 0 && *count == 0) {
            *all = true;
            continue;
        }
        const char *fault = NULL;
        if (strcmp(value, before) <= 0) {
            fault = "they stand in ascending order, each once, and \"*\" stands alone";
        } else if (*count == max) {
            fault = "there are too many of them: a scope that large is \"*\"";
        } else if (!add(scope, value)) {
            fault = what;
        }
        if (fault != NULL) {
            *lines = at;
            return lines_fault(lines, "%s: %s", key, fault);
        }
        memcpy(before, value, strlen(value) + 1);
    }
    return lines->rc == 0;
}

static bool add_provider(struct trust_scope *scope, const char *value)
{
    const size_t len = strlen(value);

    if (!lines_is_id(value, len)) {
        return false;
    }
    memcpy(scope->providers[scope->provider_count++], value, len + 1);
    return true;
}

static bool add_name(struct trust_scope *scope, const char *value)
{
    const size_t len = strlen(value);

    if (!lines_is_name(value, len)) {
        return false;
    }
    memcpy(scope->names[scope->name_count++], value, len + 1);
    return true;
}

static bool add_prefix(struct trust_scope *scope, const char *value)
{
    struct address_prefix prefix;
    char again[ADDRESS_TEXT_MAX];

    if (address_prefix_parse(value, strlen(value), &prefix) != 0) {
        return false;
    }
    address_prefix_format(&prefix, again);
    if (strcmp(again, value) != 0) {
        return false;
    }
    scope->prefixes[scope->prefix_count++] = prefix;
    return true;
}

static bool read_scopes(struct lines *lines, struct trust_scope *scope)
{
    if (!read_scope(lines, "provider", "an id is 1 to 64 of a-z, 0-9 and '-'",
                    TRUST_SCOPE_PROVIDERS_MAX, add_provider, scope, &scope->provider_count,
                    &scope->all_providers) ||
        !read_scope(lines, "name", "a name is in lower case, of two labels at least",
                    TRUST_SCOPE_NAMES_MAX, add_name, scope, &scope->name_count,
                    &scope->all_names) ||
        !read_scope(lines, "prefix", "a prefix is like 192.0.2.0/24, its host bits zero",
                    TRUST_SCOPE_PREFIXES_MAX, add_prefix, scope, &scope->prefix_count,
                    &scope->all_prefixes)) {
        return false;
    }
    if (!scope->all_providers && scope->provider_count == 0) {
        return lines_fault(lines, "the scope names no provider: \"provider *\" means all");
    }
    return true;
}

static bool read_root(struct lines *lines, struct trust_root *root)
{
    if (!lines_first(lines, "cordon-root") || !lines_id(lines, "publisher", root->publisher) ||
        !lines_value(lines, "title", root->title, sizeof(root->title)) ||
        !lines_number(lines, "version", &root->version) ||
        !lines_time(lines, "created", &root->created_s) ||
        !lines_time(lines, "expires", &root->expires_s)) {
        return false;
    }
    if (root->expires_s <= root->created_s) {
        return lines_fault(lines, "it expires before it is created");
    }
    return read_role(lines, ROLE_ROOT, &root->root) &&
           read_role(lines, ROLE_LIST, &root->list) && check_disjoint(lines, root) &&
           read_scopes(lines, &root->scope) && lines_end(lines);
}

int trust_root_parse(const char *text, size_t len, const char *file, struct report *report,
                     struct trust_root **root)
{
    struct lines lines;

    if (len > TRUST_ROOT_OCTETS_MAX) {
        report_add(report, REPORT_ERROR, file, 0, 0, "a root has at most %u octets",
                   TRUST_ROOT_OCTETS_MAX);
        return CORDON_E_TOO_LARGE;
    }
    struct trust_root *new = calloc(1, sizeof(*new));
    if (new == NULL) {
        return -ENOMEM;
    }
    lines_open(&lines, text, len, file, report);
    if (!read_root(&lines, new)) {
        free(new);
        return lines.rc;
    }
    trust_hash(text, len, new->hash);
    *root = new;
    return 0;
}

static void put_role(struct text *text, const char *word, const struct trust_keyring *keyring)
{
    text_printf(text, "role %s %u\n", word, keyring->threshold);
    for (size_t i = 0; i < keyring->count; i++) {
        lines_put_key(text, "key", &keyring->keys[i]);
    }
}

static void put_scope(struct text *text, const struct trust_scope *scope)
{
    if (scope->all_providers) {
        text_add(text, "provider *\n");
    }
    for (size_t i = 0; i < scope->provider_count; i++) {
        text_printf(text, "provider %s\n", scope->providers[i]);
    }
    if (scope->all_names) {
        text_add(text, "name *\n");
    }
    for (size_t i = 0; i < scope->name_count; i++) {
        text_printf(text, "name %s\n", scope->names[i]);
    }
    if (scope->all_prefixes) {
        text_add(text, "prefix *\n");
    }
    for (size_t i = 0; i < scope->prefix_count; i++) {
        char prefix[ADDRESS_TEXT_MAX];

        address_prefix_format(&scope->prefixes[i], prefix);
        text_printf(text, "prefix %s\n", prefix);
    }
}

int trust_root_format(const struct trust_root *root, char **text, size_t *len)
{
    char *buffer = malloc(TRUST_ROOT_OCTETS_MAX);
    struct text out;

    if (buffer == NULL) {
        return -ENOMEM;
    }
    text_init(&out, buffer, TRUST_ROOT_OCTETS_MAX);
    text_printf(&out, "cordon-root 1\npublisher %s\ntitle %s\nversion %" PRIu32 "\n",
                root->publisher, root->title, root->version);
    lines_put_time(&out, "created", root->created_s);
    lines_put_time(&out, "expires", root->expires_s);
    put_role(&out, ROLE_ROOT, &root->root);
    put_role(&out, ROLE_LIST, &root->list);
    put_scope(&out, &root->scope);
    text_add(&out, "end\n");
    if (out.overflow) {
        free(buffer);
        return -ENOMEM;
    }
    *text = buffer;
    *len = out.len;
    return 0;
}
