#include "query/tops.h"

#include "base/copy.h"
#include "base/little.h"
#include "query/limits.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_US UINT64_C(60000000)

#define CLIENT_KEY_OCTETS 17 /* family, address */
#define NAME_KEY_OCTETS   (1 + WIRE_NAME_MAX)
/* Turns the hash of a name into that of the same one, blocked. */
#define BLOCKED UINT64_C(0x9e3779b97f4a7c15)

#define LISTS               256 /* numbers of lists are octets */
#define PROVIDER_KEY_OCTETS 63  /* with what was done in front, and without a terminator */

enum {
    WINDOW_PAST, /* all that are over and forgotten, added up */
    WINDOW_NOW,
    WINDOW_BEFORE,
    WINDOWS
};

/* Of a list. Providers are few, so that decisions are counted here by number, and together for
 * each window. */
struct list_count {
    uint64_t count[2]; /* recorded, blocked */
    char provider[PROVIDER_KEY_OCTETS];
};

struct query_tops {
    uint64_t window_us; /* when WINDOW_NOW began; 0: nothing was ever counted */
    bool before;        /* there is a window before */
    struct sketch *sketches[QUERY_TOPS][WINDOWS];
    unsigned lists_end; /* no list with this number or a higher one is known */
    struct list_count lists[LISTS];
};

static const struct {
    unsigned slots;
    size_t key_octets;
} shapes[QUERY_TOPS] = {
    [QUERY_TOP_CLIENTS] = {QUERY_TOP_CLIENT_SLOTS, CLIENT_KEY_OCTETS},
    [QUERY_TOP_CLIENTS_BLOCKED] = {QUERY_TOP_CLIENT_SLOTS, CLIENT_KEY_OCTETS},
    [QUERY_TOP_NAMES] = {QUERY_TOP_NAME_SLOTS, NAME_KEY_OCTETS},
    [QUERY_TOP_PROVIDERS] = {QUERY_TOP_PROVIDER_SLOTS, PROVIDER_KEY_OCTETS},
};

struct query_tops *query_tops_create(const uint8_t key[16])
{
    struct query_tops *tops = calloc(1, sizeof(*tops));
    bool whole = tops != NULL;

    for (size_t which = 0; whole && which < QUERY_TOPS; which++) {
        for (size_t window = 0; window < WINDOWS; window++) {
            tops->sketches[which][window] =
                sketch_create(shapes[which].slots, shapes[which].key_octets, key);
            whole = whole && tops->sketches[which][window] != NULL;
        }
    }
    if (!whole) {
        query_tops_destroy(tops);
        return NULL;
    }
    return tops;
}

void query_tops_destroy(struct query_tops *tops)
{
    for (size_t which = 0; tops != NULL && which < QUERY_TOPS; which++) {
        for (size_t window = 0; window < WINDOWS; window++) {
            sketch_destroy(tops->sketches[which][window]);
        }
    }
    free(tops);
}

/* What was now becomes what was before, and what was before joins the past. Once a minute: a
 * question is counted in one place, so that it costs little. */
static void turn_window(struct query_tops *tops)
{
    for (size_t which = 0; which < QUERY_TOPS; which++) {
        struct sketch *oldest = tops->sketches[which][WINDOW_BEFORE];

        sketch_merge(tops->sketches[which][WINDOW_PAST], oldest);
        tops->sketches[which][WINDOW_BEFORE] = tops->sketches[which][WINDOW_NOW];
        tops->sketches[which][WINDOW_NOW] = oldest;
        sketch_clear(oldest);
    }
}

/* hot */
static void add(struct query_tops *tops, enum query_top which, const void *key, size_t len,
                uint64_t hash, uint64_t times)
{
    sketch_add(tops->sketches[which][WINDOW_NOW], key, len, hash, times);
}

static void settle_list(struct query_tops *tops, struct list_count *list)
{
    const size_t len = strnlen(list->provider, PROVIDER_KEY_OCTETS - 1);
    uint8_t key[PROVIDER_KEY_OCTETS];

    memcpy(key + 1, list->provider, len);
    for (uint8_t blocked = 0; blocked < 2; blocked++) {
        key[0] = blocked;
        if (list->count[blocked] > 0) {
            const struct sketch *now = tops->sketches[QUERY_TOP_PROVIDERS][WINDOW_NOW];

            add(tops, QUERY_TOP_PROVIDERS, key, 1 + len, sketch_hash(now, key, 1 + len),
                list->count[blocked]);
            list->count[blocked] = 0;
        }
    }
}

void query_tops_settle(struct query_tops *tops)
{
    for (unsigned i = 0; i < tops->lists_end; i++) {
        settle_list(tops, &tops->lists[i]);
    }
}

static void turn_windows(struct query_tops *tops, uint64_t now_us)
{
    const uint64_t past = tops->window_us == 0 ? 0 : (now_us - tops->window_us) / WINDOW_US;

    if (tops->window_us == 0) {
        tops->window_us = now_us;
    }
    query_tops_settle(tops);
    if (past > 0) {
        turn_window(tops);
    }
    if (past > 1) { /* nothing came for longer than a window */
        turn_window(tops);
    }
    tops->before = tops->before || past > 0;
    tops->window_us += past * WINDOW_US;
}

/* hot */
bool query_tops_is_over(const struct query_tops *tops, uint64_t now_us)
{
    return tops->window_us == 0 || now_us - tops->window_us >= WINDOW_US;
}

/* hot: a comparison, but for once a minute */
static void keep_time(struct query_tops *tops, uint64_t now_us)
{
    if (query_tops_is_over(tops, now_us)) {
        turn_windows(tops, now_us);
    }
}

/* hot. Returns the length. Put together in registers: whoever reads at once what was written in
 * pieces waits for it. */
static size_t client_key(const struct address *client, uint8_t key[CLIENT_KEY_OCTETS])
{
    const uint64_t first = little_get64(client->octets);

    little_put64(key, first << 8 | client->family);
    if (client->family == ADDRESS_V4) {
        return 1 + 4;
    }
    const uint64_t second = little_get64(client->octets + 8);
    little_put64(key + 8, second << 8 | first >> 56);
    key[16] = (uint8_t)(second >> 56);
    return 1 + 16;
}

void query_tops_provider(struct query_tops *tops, uint8_t list, const char *provider)
{
    const size_t len = strnlen(provider, PROVIDER_KEY_OCTETS - 1);
    struct list_count *at = &tops->lists[list];

    settle_list(tops, at);
    memcpy(at->provider, provider, len);
    at->provider[len] = '\0';
    tops->lists_end = tops->lists_end > list ? tops->lists_end : list + 1u;
}

/* hot */
uint64_t query_tops_hash(const struct query_tops *tops, const struct address *client)
{
    uint8_t key[CLIENT_KEY_OCTETS];
    const size_t len = client_key(client, key);

    return sketch_hash(tops->sketches[QUERY_TOP_CLIENTS][WINDOW_NOW], key, len);
}

/* hot */
void query_tops_client(struct query_tops *tops, uint64_t now_us, const struct address *client,
                       uint64_t hash, uint64_t times, uint64_t blocked)
{
    uint8_t key[CLIENT_KEY_OCTETS];
    const size_t len = client_key(client, key);

    keep_time(tops, now_us);
    add(tops, QUERY_TOP_CLIENTS, key, len, hash, times);
    if (blocked > 0) {
        add(tops, QUERY_TOP_CLIENTS_BLOCKED, key, len, hash, blocked);
    }
}

/* hot */
void query_tops_name(struct query_tops *tops, uint64_t now_us, const struct wire_name *name,
                     uint64_t hash, bool blocked, uint64_t times)
{
    uint8_t key[NAME_KEY_OCTETS];

    keep_time(tops, now_us);
    key[0] = blocked ? 1 : 0;
    copy_octets(key + 1, name->octets, name->len);
    add(tops, QUERY_TOP_NAMES, key, 1 + (size_t)name->len, hash ^ (blocked ? BLOCKED : 0),
        times);
}

/* hot */
void query_tops_list(struct query_tops *tops, uint64_t now_us, uint8_t list, bool blocked)
{
    keep_time(tops, now_us);
    if (list < tops->lists_end) {
        tops->lists[list].count[blocked ? 1 : 0]++;
    }
}

void query_tops_copy(struct query_tops *to, struct query_tops *from, uint64_t now_us)
{
    query_tops_settle(from);
    if (now_us != 0) {
        keep_time(from, now_us);
    }
    to->window_us = from->window_us;
    to->before = from->before;
    for (size_t which = 0; which < QUERY_TOPS; which++) {
        for (size_t window = 0; window < WINDOWS; window++) {
            sketch_copy(to->sketches[which][window], from->sketches[which][window]);
        }
    }
}

/* Windows of workers begin at different times: the earliest is told. */
void query_tops_merge(struct query_tops *to, const struct query_tops *from)
{
    if (from->window_us != 0 && (to->window_us == 0 || from->window_us < to->window_us)) {
        to->window_us = from->window_us;
    }
    to->before = to->before || from->before;
    for (size_t which = 0; which < QUERY_TOPS; which++) {
        for (size_t window = 0; window < WINDOWS; window++) {
            sketch_merge(to->sketches[which][window], from->sketches[which][window]);
        }
    }
}

static bool read_name(const uint8_t *octets, size_t len, struct wire_name *name)
{
    size_t at = 0;

    return wire_name_read(octets, len, &at, name) == WIRE_OK;
}

static bool read_entry(enum query_top which, const struct sketch_entry *from,
                       struct query_top_entry *out)
{
    const uint8_t *key = from->key;
    const size_t len = from->len - 1;

    *out = (struct query_top_entry){.count = from->count, .error = from->error};
    switch (which) {
    case QUERY_TOP_CLIENTS:
    case QUERY_TOP_CLIENTS_BLOCKED:
        out->client.family = key[0];
        memcpy(out->client.octets, key + 1, len);
        return true;
    case QUERY_TOP_NAMES:
        out->blocked = key[0] != 0;
        return read_name(key + 1, len, &out->name);
    case QUERY_TOP_PROVIDERS:
        out->blocked = key[0] != 0;
        memcpy(out->provider, key + 1, len);
        return true;
    case QUERY_TOPS:
        break;
    }
    return false;
}

size_t query_tops_read(const struct query_tops *tops, enum query_top which, bool recent,
                       struct query_top_entry *out, size_t max)
{
    struct sketch *const *sketches = tops->sketches[which];
    struct sketch_entry entries[QUERY_TOP_READ_MAX];
    struct sketch *sum = sketch_clone(sketches[WINDOW_NOW]);
    size_t count = 0;

    if (sum == NULL) {
        return 0;
    }
    sketch_merge(sum, sketches[WINDOW_BEFORE]);
    if (!recent) {
        sketch_merge(sum, sketches[WINDOW_PAST]);
    }
    max = max < QUERY_TOP_READ_MAX ? max : QUERY_TOP_READ_MAX;
    const size_t found = sketch_top(sum, entries, max);
    for (size_t i = 0; i < found; i++) {
        count += read_entry(which, &entries[i], &out[count]) ? 1 : 0;
    }
    sketch_destroy(sum);
    return count;
}

uint64_t query_tops_recent_us(const struct query_tops *tops, uint64_t now_us)
{
    const uint64_t since_us = tops->window_us - (tops->before ? WINDOW_US : 0);

    return tops->window_us == 0 || now_us < since_us ? 0 : now_us - since_us;
}
