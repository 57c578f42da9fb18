/* trust/scope.c - of what a publisher may speak: declared in trust/root.h. */
#include "trust/root.h"

#include <string.h>

bool trust_scope_has_provider(const struct trust_scope *scope, const char *provider)
{
    for (size_t i = 0; !scope->all_providers && i < scope->provider_count; i++) {
        if (strcmp(scope->providers[i], provider) == 0) {
            return true;
        }
    }
    return scope->all_providers;
}

/* Is name the space itself, or below it? On label borders only. */
static bool is_within(const char *name, size_t len, const char *space)
{
    const size_t space_len = strlen(space);

    if (len < space_len || memcmp(name + len - space_len, space, space_len) != 0) {
        return false;
    }
    return len == space_len || name[len - space_len - 1] == '.';
}

bool trust_scope_has_name(const struct trust_scope *scope, const char *name)
{
    const size_t len = strlen(name);

    for (size_t i = 0; !scope->all_names && i < scope->name_count; i++) {
        if (is_within(name, len, scope->names[i])) {
            return true;
        }
    }
    return scope->all_names;
}

bool trust_scope_has_prefix(const struct trust_scope *scope,
                            const struct address_prefix *prefix)
{
    struct address first = {.family = prefix->family};

    memcpy(first.octets, prefix->octets, sizeof(first.octets));
    for (size_t i = 0; !scope->all_prefixes && i < scope->prefix_count; i++) {
        const struct address_prefix *within = &scope->prefixes[i];

        if (within->family == prefix->family && within->bits <= prefix->bits &&
            address_prefix_covers(within, &first)) {
            return true;
        }
    }
    return scope->all_prefixes;
}

bool trust_scope_is_all(const struct trust_scope *scope)
{
    return scope->all_providers && scope->all_names && scope->all_prefixes;
}
