#include "audit/search_match.h"

#include "audit/filter.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BIT(column) (UINT64_C(1) << (column))

/* A condition on the dictionaries of one column, or of two of which one is enough. */
struct condition {
    unsigned columns[2]; /* 0: none */
    bool (*matches[2])(const void *wanted, const struct audit_value *word);
    const void *wanted;
    /* For each word of the block, behind a first for "absent": it matches. */
    uint8_t *marks[2];
    bool any[2];
};

#define CONDITIONS_MAX (AUDIT_SEARCH_WORDS_MAX + 8u)

struct audit_matcher {
    const struct audit_query *query;
    struct condition conditions[CONDITIONS_MAX];
    unsigned count;
    uint64_t columns; /* that conditions need */
};

static bool is_suffix(const void *wanted, const struct audit_value *word)
{
    const struct wire_name *suffix = wanted;

    /* The octets first: they agree in few words. Then the border of labels. */
    if (word->number < suffix->len ||
        memcmp(word->octets + word->number - suffix->len, suffix->octets, suffix->len) != 0) {
        return false;
    }
    size_t at = 0;
    const size_t border = word->number - suffix->len;
    while (at < border) {
        at += 1u + word->octets[at];
    }
    return at == border;
}

static bool is_name(const void *wanted, const struct audit_value *word)
{
    const struct wire_name *name = wanted;

    return word->number == name->len && memcmp(word->octets, name->octets, name->len) == 0;
}

static bool is_word(const void *wanted, const struct audit_value *word)
{
    return word->number == strlen(wanted) && memcmp(word->octets, wanted, word->number) == 0;
}

static bool is_client(const void *wanted, const struct audit_value *word)
{
    const struct audit_query *query = wanted;
    const struct audit_client *client = query->client;
    struct audit_client got;

    if (!audit_client_get(word->octets, word->number, &got)) {
        return false;
    }
    switch (client->kind) {
    case AUDIT_CLIENT_NONE:
        return got.kind == AUDIT_CLIENT_NONE;
    case AUDIT_CLIENT_ADDRESS:
        return (got.kind == AUDIT_CLIENT_ADDRESS &&
                address_same_host(&client->address, &got.address)) ||
               (query->pseudonyms != NULL && audit_pseudonyms_has(query->pseudonyms, &got));
    case AUDIT_CLIENT_PREFIX:
        if (got.kind == AUDIT_CLIENT_PREFIX) {
            struct address address = {.family = got.prefix.family};

            memcpy(address.octets, got.prefix.octets, sizeof(address.octets));
            return got.prefix.bits >= client->prefix.bits &&
                   address_prefix_covers(&client->prefix, &address);
        }
        return got.kind == AUDIT_CLIENT_ADDRESS &&
               address_prefix_covers(&client->prefix, &got.address);
    case AUDIT_CLIENT_PSEUDONYM:
        return got.kind == AUDIT_CLIENT_PSEUDONYM && got.day == client->day &&
               memcmp(got.pseudonym, client->pseudonym, AUDIT_PSEUDONYM_OCTETS) == 0;
    }
    return false;
}

static bool basis_word_is(const struct audit_value *word, unsigned place, const char *wanted)
{
    struct audit_basis_view basis;

    return audit_basis_get(word->octets, word->number, &basis) &&
           basis.word[place].octets != NULL && is_word(wanted, &basis.word[place]);
}

static bool is_provider(const void *wanted, const struct audit_value *word)
{
    return basis_word_is(word, AUDIT_BASIS_PROVIDER, wanted);
}

static bool is_list(const void *wanted, const struct audit_value *word)
{
    return basis_word_is(word, 0, wanted);
}

static bool is_class(const void *wanted, const struct audit_value *word)
{
    return basis_word_is(word, AUDIT_BASIS_STATUS_CLASS, wanted);
}

static bool has_authority(const void *wanted, const struct audit_value *word)
{
    const size_t len = strlen(wanted);
    struct audit_basis_view basis;

    if (!audit_basis_get(word->octets, word->number, &basis)) {
        return false;
    }
    const struct audit_value *authority = &basis.word[AUDIT_BASIS_STATUS_AUTHORITY];
    for (size_t at = 0; at + len <= authority->number; at++) {
        if (strncasecmp((const char *)authority->octets + at, wanted, len) == 0) {
            return true;
        }
    }
    return false;
}

/* "block suffix x" by the whole, or by its third word. */
static bool is_rule(const void *wanted, const struct audit_value *word)
{
    const uint8_t *at = word->octets;
    size_t left = word->number;

    if (is_word(wanted, word)) {
        return true;
    }
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t *space = left > 0 ? memchr(at, ' ', left) : NULL;

        if (space == NULL) {
            return false;
        }
        left -= (size_t)(space + 1 - at);
        at = space + 1;
    }
    const uint8_t *end = left > 0 ? memchr(at, ' ', left) : NULL;
    const struct audit_value what = {at, end != NULL ? (uint64_t)(end - at) : left};
    return is_word(wanted, &what);
}

typedef bool matches_word(const void *wanted, const struct audit_value *word);

static void add(struct audit_matcher *matcher, unsigned column, matches_word *matches,
                unsigned other, matches_word *other_matches, const void *wanted)
{
    if (wanted != NULL) {
        matcher->conditions[matcher->count++] = (struct condition){
            .columns = {column, other}, .matches = {matches, other_matches}, .wanted = wanted};
        matcher->columns |= BIT(column) | (other != 0 ? BIT(other) : 0);
    }
}

struct audit_matcher *audit_matcher_create(const struct audit_query *query)
{
    struct audit_matcher *matcher = calloc(1, sizeof(*matcher));
    bool good = matcher != NULL;

    if (!good) {
        return NULL;
    }
    matcher->query = query;
    add(matcher, AUDIT_NAME, is_suffix, AUDIT_MATCHED, is_suffix, query->suffix);
    add(matcher, AUDIT_NAME, is_name, 0, NULL, query->name);
    add(matcher, AUDIT_CLIENT, is_client, 0, NULL, query->client != NULL ? query : NULL);
    add(matcher, AUDIT_BASIS, is_provider, 0, NULL, query->provider);
    add(matcher, AUDIT_BASIS, is_list, AUDIT_LIST, is_word, query->list);
    add(matcher, AUDIT_BASIS, is_class, 0, NULL, query->status_class);
    add(matcher, AUDIT_BASIS, has_authority, 0, NULL, query->authority);
    add(matcher, AUDIT_RULE, is_rule, 0, NULL, query->rule);
    for (unsigned i = 0; i < query->word_count; i++) {
        add(matcher, query->words[i].column, is_word, 0, NULL, query->words[i].word);
    }
    for (unsigned i = 0; i < query->number_count; i++) {
        matcher->columns |= BIT(query->numbers[i].column);
    }
    for (unsigned i = 0; i < matcher->count; i++) {
        for (unsigned j = 0; j < 2; j++) {
            if (matcher->conditions[i].columns[j] != 0) {
                matcher->conditions[i].marks[j] = malloc(AUDIT_BLOCK_EVENTS_MAX + 1u);
                good = good && matcher->conditions[i].marks[j] != NULL;
            }
        }
    }
    if (!good) {
        audit_matcher_destroy(matcher);
        return NULL;
    }
    return matcher;
}

void audit_matcher_destroy(struct audit_matcher *matcher)
{
    if (matcher != NULL) {
        for (unsigned i = 0; i < matcher->count; i++) {
            free(matcher->conditions[i].marks[0]);
            free(matcher->conditions[i].marks[1]);
        }
        free(matcher);
    }
}

bool audit_query_wants(const struct audit_query *query, const struct audit_header *header)
{
    return (query->streams == 0 || (query->streams >> header->stream & 1) != 0) &&
           header->last_us >= query->from_us &&
           (query->to_us == 0 || header->first_us <= query->to_us);
}

/* One of the pseudonyms of a client that is looked for by its address. */
static bool may_have_pseudonym(const struct audit_query *query, const struct audit_block *block)
{
    const size_t count =
        query->pseudonyms != NULL ? audit_pseudonyms_count(query->pseudonyms) : 0;

    for (size_t i = 0; i < count; i++) {
        uint8_t octets[AUDIT_ADDRESS_MAX];
        struct audit_client client;

        audit_pseudonyms_at(query->pseudonyms, i, &client);
        if (audit_block_may_have(
                block, AUDIT_SECTION_CLIENTS,
                audit_filter_octets(octets, audit_client_put(&client, octets)))) {
            return true;
        }
    }
    return false;
}

bool audit_query_may_have(const struct audit_query *query, const struct audit_block *block)
{
    uint8_t octets[AUDIT_ADDRESS_MAX];
    uint64_t key = 0;

    if ((query->suffix != NULL && audit_filter_suffix(query->suffix, &key) &&
         !audit_block_may_have(block, AUDIT_SECTION_NAMES, key)) ||
        (query->name != NULL && audit_filter_suffix(query->name, &key) &&
         !audit_block_may_have(block, AUDIT_SECTION_NAMES, key))) {
        return false;
    }
    if (query->provider != NULL) {
        key = audit_filter_octets((const uint8_t *)query->provider, strlen(query->provider));
        if (!audit_block_may_have(block, AUDIT_SECTION_PROVIDERS, key)) {
            return false;
        }
    }
    if (query->client == NULL || query->client->kind == AUDIT_CLIENT_NONE) {
        return true;
    }
    if (query->client->kind == AUDIT_CLIENT_PREFIX) {
        /* A network that was recorded as such is not in the filter by what it lies in. */
        return true;
    }
    key = audit_filter_octets(octets, audit_client_put(query->client, octets));
    return audit_block_may_have(block, AUDIT_SECTION_CLIENTS, key) ||
           may_have_pseudonym(query, block);
}

/* Marks the words that match. False: none does, so no event. */
static bool mark(struct audit_matcher *matcher, const struct audit_block *block)
{
    for (unsigned i = 0; i < matcher->count; i++) {
        struct condition *condition = &matcher->conditions[i];

        for (unsigned j = 0; j < 2; j++) {
            const unsigned column = condition->columns[j];
            const uint32_t words = column != 0 ? audit_block_words(block, column) : 0;

            condition->any[j] = false;
            if (column != 0) {
                condition->marks[j][0] = 0;
            }
            if (column == 0 || (audit_block_columns(block) & BIT(column)) == 0) {
                continue;
            }
            for (uint32_t k = 0; k < words; k++) {
                const struct audit_value word = audit_block_word(block, column, k);

                condition->marks[j][k + 1] = condition->matches[j](condition->wanted, &word);
                condition->any[j] = condition->any[j] || condition->marks[j][k + 1] != 0;
            }
        }
        if (!condition->any[0] && !condition->any[1]) {
            return false;
        }
    }
    return true;
}

/* Keeps of the events in hits those of which a word is marked. */
static uint32_t keep_marked(const struct condition *condition, const struct audit_block *block,
                            uint32_t *hits, uint32_t count)
{
    const unsigned one = condition->any[0] ? 0 : 1;
    const uint8_t *const marks = condition->marks[one];
    const uint64_t *const at = audit_block_indexes(block, condition->columns[one]);
    const bool both = condition->any[0] && condition->any[1];
    uint32_t kept = 0;

    if (!both && at != NULL) {
        for (uint32_t k = 0; k < count; k++) { /* without a branch that is hard to foresee */
            const uint32_t i = hits[k];

            hits[kept] = i;
            kept += marks[at[i]] != 0;
        }
        return kept;
    }
    for (uint32_t k = 0; k < count; k++) {
        const uint32_t i = hits[k];
        bool good = marks[audit_block_index(block, condition->columns[one], i)] != 0;

        if (both && !good) {
            good = condition->marks[1][audit_block_index(block, condition->columns[1], i)] != 0;
        }
        hits[kept] = i;
        kept += good;
    }
    return kept;
}

static uint32_t keep_numbers(const struct audit_query *query, const struct audit_block *block,
                             uint32_t *hits, uint32_t count)
{
    for (unsigned n = 0; n < query->number_count && count > 0; n++) {
        const unsigned column = query->numbers[n].column;
        const uint64_t wanted = query->numbers[n].number + 1;
        uint32_t kept = 0;

        for (uint32_t k = 0; k < count; k++) { /* of a column that is not there: 0 */
            const uint32_t i = hits[k];

            hits[kept] = i;
            kept += audit_block_index(block, column, i) == wanted;
        }
        count = kept;
    }
    return count;
}

static uint32_t keep_times(const struct audit_query *query, const struct audit_block *block,
                           uint32_t *hits, uint32_t count)
{
    uint32_t kept = 0;

    for (uint32_t k = 0; k < count; k++) {
        const uint32_t i = hits[k];
        const uint64_t time = audit_block_index(block, AUDIT_TIME, i) - 1;

        hits[kept] = i;
        kept += time >= query->from_us && (query->to_us == 0 || time <= query->to_us);
    }
    return kept;
}

int audit_matcher_find(struct audit_matcher *matcher, const struct audit_header *header,
                       struct audit_block *block, uint32_t *hits, uint32_t *count)
{
    const struct audit_query *query = matcher->query;
    const bool times = header->first_us < query->from_us ||
                       (query->to_us != 0 && header->last_us > query->to_us);
    const int result =
        audit_block_load(block, matcher->columns | (times ? BIT(AUDIT_TIME) : 0));
    uint32_t left = header->events;

    *count = 0;
    if (result != 0 || !mark(matcher, block)) {
        return result;
    }
    for (uint32_t i = 0; i < left; i++) {
        hits[i] = i;
    }
    for (unsigned k = 0; k < matcher->count && left > 0; k++) {
        left = keep_marked(&matcher->conditions[k], block, hits, left);
    }
    left = keep_numbers(query, block, hits, left);
    *count = times ? keep_times(query, block, hits, left) : left;
    return 0;
}
