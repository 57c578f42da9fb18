#include "audit/search.h"

#include "audit/filter.h"
#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BIT(column) (UINT64_C(1) << (column))

/* Of a body, what is read before its filters have spoken. */
#define FIRST_OCTETS 65536u

/* A condition on the dictionaries of one column, or of two of which one is enough. */
struct condition {
    unsigned columns[2]; /* 0: none */
    bool (*matches)(const void *wanted, const struct audit_value *word);
    const void *wanted;
    uint8_t *marks[2]; /* for each word of the block: it matches */
    bool any[2];
};

#define CONDITIONS_MAX (AUDIT_SEARCH_WORDS_MAX + 5u)

struct search {
    const struct audit_query *query;
    struct audit_reader *reader;
    struct audit_block *block;
    struct condition conditions[CONDITIONS_MAX];
    unsigned count;
    uint64_t columns; /* that conditions need */
    audit_found *found;
    void *context;
    struct audit_search_stats stats;
    bool stopped;
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
    const struct audit_client *client = wanted;
    struct audit_client got;

    if (!audit_client_get(word->octets, word->number, &got)) {
        return false;
    }
    switch (client->kind) {
    case AUDIT_CLIENT_NONE:
        return got.kind == AUDIT_CLIENT_NONE;
    case AUDIT_CLIENT_ADDRESS:
        return got.kind == AUDIT_CLIENT_ADDRESS &&
               address_same_host(&client->address, &got.address);
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

static void add_condition(struct search *search, unsigned column, unsigned other,
                          bool (*matches)(const void *, const struct audit_value *),
                          const void *wanted)
{
    if (wanted != NULL) {
        search->conditions[search->count++] = (struct condition){
            .columns = {column, other}, .matches = matches, .wanted = wanted};
        search->columns |= BIT(column) | (other != 0 ? BIT(other) : 0);
    }
}

static bool prepare(struct search *search)
{
    const struct audit_query *query = search->query;

    add_condition(search, AUDIT_NAME, AUDIT_MATCHED, is_suffix, query->suffix);
    add_condition(search, AUDIT_NAME, 0, is_name, query->name);
    add_condition(search, AUDIT_CLIENT, 0, is_client, query->client);
    add_condition(search, AUDIT_BASIS, 0, is_provider, query->provider);
    add_condition(search, AUDIT_BASIS, 0, is_list, query->list);
    for (unsigned i = 0; i < query->word_count; i++) {
        add_condition(search, query->words[i].column, 0, is_word, query->words[i].word);
    }
    for (unsigned i = 0; i < query->number_count; i++) {
        search->columns |= BIT(query->numbers[i].column);
    }
    for (unsigned i = 0; i < search->count; i++) {
        for (unsigned j = 0; j < 2; j++) {
            if (search->conditions[i].columns[j] != 0) {
                search->conditions[i].marks[j] = malloc(AUDIT_BLOCK_EVENTS_MAX);
                if (search->conditions[i].marks[j] == NULL) {
                    return false;
                }
            }
        }
    }
    return true;
}

/* Whether filters leave it possible that the block has what is looked for. */
static bool may_have(const struct search *search)
{
    const struct audit_query *query = search->query;
    uint8_t octets[AUDIT_ADDRESS_MAX];
    uint64_t key = 0;

    if ((query->suffix != NULL && audit_filter_suffix(query->suffix, &key) &&
         !audit_block_may_have(search->block, AUDIT_SECTION_NAMES, key)) ||
        (query->name != NULL && audit_filter_suffix(query->name, &key) &&
         !audit_block_may_have(search->block, AUDIT_SECTION_NAMES, key))) {
        return false;
    }
    if (query->provider != NULL) {
        key = audit_filter_octets((const uint8_t *)query->provider, strlen(query->provider));
        if (!audit_block_may_have(search->block, AUDIT_SECTION_PROVIDERS, key)) {
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
    return audit_block_may_have(search->block, AUDIT_SECTION_CLIENTS, key);
}

/* Marks the words that match. False: none does, so no event. */
static bool mark(struct search *search)
{
    for (unsigned i = 0; i < search->count; i++) {
        struct condition *condition = &search->conditions[i];

        for (unsigned j = 0; j < 2; j++) {
            const unsigned column = condition->columns[j];
            const uint32_t words = column != 0 ? audit_block_words(search->block, column) : 0;

            condition->any[j] = false;
            if (column == 0 || (audit_block_columns(search->block) & BIT(column)) == 0) {
                continue;
            }
            for (uint32_t k = 0; k < words; k++) {
                const struct audit_value word = audit_block_word(search->block, column, k);

                condition->marks[j][k] = condition->matches(condition->wanted, &word);
                condition->any[j] = condition->any[j] || condition->marks[j][k] != 0;
            }
        }
        if (!condition->any[0] && !condition->any[1]) {
            return false;
        }
    }
    return true;
}

static bool holds(const struct search *search, uint32_t i)
{
    const struct audit_query *query = search->query;

    for (unsigned k = 0; k < search->count; k++) {
        const struct condition *condition = &search->conditions[k];
        bool good = false;

        for (unsigned j = 0; j < 2 && !good; j++) {
            if (condition->any[j]) {
                const uint64_t index =
                    audit_block_index(search->block, condition->columns[j], i);
                good = index != 0 && condition->marks[j][index - 1] != 0;
            }
        }
        if (!good) {
            return false;
        }
    }
    for (unsigned k = 0; k < query->number_count; k++) {
        const unsigned column = query->numbers[k].column;

        if ((audit_block_columns(search->block) & BIT(column)) == 0 ||
            audit_block_index(search->block, column, i) != query->numbers[k].number + 1) {
            return false;
        }
    }
    return true;
}

static void look_at_events(struct search *search, const struct audit_header *header, bool times)
{
    const struct audit_query *query = search->query;

    for (uint32_t i = 0; i < header->events && !search->stopped; i++) {
        if (!holds(search, i)) {
            continue;
        }
        if (times) {
            const uint64_t time = audit_block_index(search->block, AUDIT_TIME, i) - 1;

            if (time < query->from_us || (query->to_us != 0 && time > query->to_us)) {
                continue;
            }
        }
        search->stats.found++;
        search->stopped = !search->found(search->context, header, search->block, i);
    }
}

static int look(struct search *search, const struct audit_item *item)
{
    const struct audit_query *query = search->query;
    const struct audit_header *header = &item->header;
    const uint8_t *body = NULL;
    size_t have = header->body_len < FIRST_OCTETS ? header->body_len : FIRST_OCTETS;
    uint64_t columns = search->columns;

    search->stats.blocks++;
    int result = audit_reader_body(search->reader, item, have, &body);
    if (result == 0) {
        result = audit_block_open(search->block, header, body, have);
    }
    if (result == -EAGAIN) {
        have = header->body_len;
        result = audit_reader_body(search->reader, item, have, &body);
        if (result == 0) {
            result = audit_block_open(search->block, header, body, have);
        }
    }
    if (result != 0 || !may_have(search)) {
        return result;
    }
    search->stats.opened++;
    const bool times = header->first_us < query->from_us ||
                       (query->to_us != 0 && header->last_us > query->to_us);
    if (times) {
        columns |= BIT(AUDIT_TIME);
    }
    if (have < header->body_len) { /* whoever wants the event may want all of it */
        have = header->body_len;
        result = audit_reader_body(search->reader, item, have, &body);
        if (result == 0) {
            result = audit_block_open(search->block, header, body, have);
        }
    }
    if (result == 0) {
        result = audit_block_load(search->block, columns);
    }
    if (result == 0 && mark(search)) {
        look_at_events(search, header, times);
    }
    return result;
}

static bool is_wanted(const struct audit_query *query, const struct audit_header *header)
{
    return (query->streams == 0 || (query->streams >> header->stream & 1) != 0) &&
           header->last_us >= query->from_us &&
           (query->to_us == 0 || header->first_us <= query->to_us);
}

static int look_through(struct search *search)
{
    struct audit_item item = {.kind = AUDIT_ITEM_END};
    int result = 0;

    while (result == 0 && !search->stopped) {
        result = audit_reader_next(search->reader, &item);
        if (result != 0 || item.kind == AUDIT_ITEM_END) {
            break;
        }
        if (item.kind == AUDIT_ITEM_BAD || item.kind == AUDIT_ITEM_SHORT) {
            search->stats.damaged++;
        }
        if (item.kind == AUDIT_ITEM_BLOCK && is_wanted(search->query, &item.header)) {
            result = look(search, &item);
            if (result == CORDON_E_CORRUPT) {
                search->stats.damaged++;
                result = 0;
            }
        }
    }
    return result;
}

int audit_search(const struct audit_files *files, const struct audit_query *query,
                 audit_found *found, void *context, struct audit_search_stats *stats)
{
    struct search *search = calloc(1, sizeof(*search));
    int result = -ENOMEM;

    if (search == NULL) {
        return result;
    }
    *search = (struct search){.query = query, .found = found, .context = context};
    search->reader = audit_reader_create(files, 1);
    search->block = audit_block_create();
    if (search->reader != NULL && search->block != NULL && prepare(search)) {
        result = look_through(search);
    }
    *stats = search->stats;
    for (unsigned i = 0; i < search->count; i++) {
        free(search->conditions[i].marks[0]);
        free(search->conditions[i].marks[1]);
    }
    audit_block_destroy(search->block);
    audit_reader_destroy(search->reader);
    free(search);
    return result;
}
