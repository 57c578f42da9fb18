/* cordon audit top: what comes most often in the audit log, in bounded memory. */
#include "audit/shown.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/sketch.h"
#include "cli/audit.h"
#include "cli/audit_filter.h"
#include "cli/audit_open.h"
#include "cli/audit_scan.h"
#include "cli/audit_table.h"
#include "cli/safe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cordon audit top [clients | names | zones | providers | lists | rules | classes |\n"
    "                         authorities | views | types | rcodes | actions | modes |\n"
    "                         triggers | categories | exceptions | users | whats]...\n"
    "                        [FILTER]... [--count N] [--json] [--quiet] [--log DIR | -c "
    "CONFIG]\n"
    "\n"
    "Counts the events of the audit log for which all that is named holds, by each of these; "
    "not\n"
    "said: clients, names and providers. Providers, lists and rules are counted apart for "
    "each\n"
    "legal status that the list of then gave. Memory is bounded: with very many different ones "
    "a\n"
    "count may be too high, and then says by how much at most.\n" CLI_AUDIT_FILTER_HELP
    "  --count N          so many of each, 1 to 1000; not said: 10\n"
    "  --json             as a JSON document\n"
    "  --quiet            no progress\n"
    "Exit status: 0 something was found; 1 nothing was, or a part of the log is damaged or\n"
    "missing, and was passed over; 2 wrong usage.\n";

/* Different ones that are counted: half a million pairs of a client and what it asked are
 * seldom reached, and each costs its longest key and 22 octets. */
#define SLOTS_OF_NAMES 65536u
#define SLOTS          16384u
#define KEY_MAX        512u

/* Places of a block's column: what a dictionary has at most, and most numbers. */
#define PLACES (AUDIT_BLOCK_EVENTS_MAX + 1u)

#define KINDS_MAX     6u
#define COUNT_DEFAULT 10u
#define COUNT_MAX     1000u

struct kind {
    const char *word;
    enum audit_column column; /* whose texts or numbers are counted */
    enum audit_column other;  /* 0: none; its column is counted where that is absent */
    unsigned slots;
    const char *parts[2]; /* what the key has behind its first part, in JSON */
};

static const struct kind kinds[] = {
    {"clients", AUDIT_CLIENT, 0, SLOTS_OF_NAMES, {NULL, NULL}},
    {"names", AUDIT_NAME, 0, SLOTS_OF_NAMES, {NULL, NULL}},
    {"zones", AUDIT_NAME, 0, SLOTS_OF_NAMES, {NULL, NULL}},
    {"providers", AUDIT_BASIS, 0, SLOTS, {"status_class", NULL}},
    {"lists", AUDIT_BASIS, AUDIT_LIST, SLOTS, {"status_class", NULL}},
    {"rules", AUDIT_RULE, AUDIT_BASIS, SLOTS, {"list", "status_class"}},
    {"classes", AUDIT_BASIS, 0, SLOTS, {NULL, NULL}},
    {"authorities", AUDIT_BASIS, 0, SLOTS, {"status_class", NULL}},
    {"views", AUDIT_VIEW, 0, SLOTS, {NULL, NULL}},
    {"types", AUDIT_TYPE, 0, SLOTS, {NULL, NULL}},
    {"rcodes", AUDIT_RCODE, 0, SLOTS, {NULL, NULL}},
    {"actions", AUDIT_ACTION, 0, SLOTS, {NULL, NULL}},
    {"modes", AUDIT_MODE, 0, SLOTS, {NULL, NULL}},
    {"triggers", AUDIT_TRIGGER, 0, SLOTS, {NULL, NULL}},
    {"categories", AUDIT_CATEGORY, 0, SLOTS, {NULL, NULL}},
    {"exceptions", AUDIT_ID, 0, SLOTS, {NULL, NULL}},
    {"users", AUDIT_USER, 0, SLOTS, {NULL, NULL}},
    {"whats", AUDIT_WHAT, 0, SLOTS, {NULL, NULL}},
};

struct counter {
    const struct kind *kind;
    struct sketch *sketch;
    /* Of the block at hand, by what a column has there (audit_block_index): one that comes
     * often in a block is put into words once. NULL: it hangs on two columns. */
    uint32_t *here;
    uint32_t *used; /* places of it that are not 0 */
    uint32_t used_count;
};

/* Between the parts of a key: no text that is shown has it. */
#define PART "\x1f"

struct job {
    struct cli_audit_filter filter;
    struct cli_audit_scan scan;
    struct counter counters[KINDS_MAX];
    unsigned kind_count;
    unsigned count;
    uint64_t columns; /* that are counted */
    bool json, quiet;
};

/* The words of a basis, with a space between; "-" where the list says nothing. */
static void add_basis(const struct audit_row *row, const enum audit_basis_word *words,
                      size_t count, struct text *out)
{
    struct audit_basis_view basis;

    if (!audit_row_basis(row, &basis)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct audit_value *word = &basis.word[words[i]];

        text_add(out, out->len > 0 ? PART : "");
        if (word->octets != NULL) {
            text_add_octets(out, (const char *)word->octets, word->number);
        } else {
            text_add(out, "-");
        }
    }
}

/* The last two labels of the name: what is asked for together, more or less. */
static void add_zone(const struct audit_row *row, struct text *out)
{
    const struct audit_value *value = &row->at[AUDIT_NAME];
    char words[WIRE_NAME_TEXT_MAX];
    struct wire_name name;
    struct wire_name zone;

    if (value->octets != NULL && audit_name_get(value->octets, value->number, &name)) {
        wire_name_suffix(&name, name.labels < 2 ? name.labels : 2, &zone);
        text_add_octets(out, words, wire_name_to_text(&zone, words));
    }
}

/* What the event counts for; nothing: for nothing. */
static void key_of(const struct kind *kind, const struct audit_row *row, struct text *out)
{
    static const enum audit_basis_word of_provider[] = {AUDIT_BASIS_PROVIDER,
                                                        AUDIT_BASIS_STATUS_CLASS};
    static const enum audit_basis_word of_list[] = {AUDIT_BASIS_LIST, AUDIT_BASIS_STATUS_CLASS};
    static const enum audit_basis_word of_class[] = {AUDIT_BASIS_STATUS_CLASS};
    static const enum audit_basis_word of_authority[] = {AUDIT_BASIS_STATUS_AUTHORITY,
                                                         AUDIT_BASIS_STATUS_CLASS};

    if (strcmp(kind->word, "zones") == 0) {
        if (audit_row_has(row, AUDIT_NAME)) {
            add_zone(row, out);
        }
    } else if (strcmp(kind->word, "providers") == 0) {
        add_basis(row, of_provider, 2, out);
    } else if (strcmp(kind->word, "classes") == 0) {
        add_basis(row, of_class, 1, out);
    } else if (strcmp(kind->word, "authorities") == 0) {
        add_basis(row, of_authority, 2, out);
    } else if (strcmp(kind->word, "lists") == 0) {
        add_basis(row, of_list, 2, out);
        if (out->len == 0) {
            audit_row_show(row, AUDIT_LIST, out);
        }
    } else if (strcmp(kind->word, "rules") == 0) {
        audit_row_show(row, AUDIT_RULE, out);
        if (out->len > 0) {
            add_basis(row, of_list, 2, out);
        }
    } else {
        audit_row_show(row, kind->column, out);
    }
}

static void add(struct counter *counter, const struct audit_row *row, uint64_t times)
{
    char key[AUDIT_TEXT_MAX];
    struct text text;

    text_init(&text, key, sizeof(key));
    key_of(counter->kind, row, &text);
    if (text.len > 0) {
        const size_t len = text.len < KEY_MAX ? text.len : KEY_MAX;

        sketch_add(counter->sketch, key, len, sketch_hash(counter->sketch, key, len), times);
    }
}

static void put_value(struct audit_row *row, const struct audit_block *block, unsigned column,
                      uint32_t i)
{
    if (audit_block_value(block, column, i, &row->at[column])) {
        row->present |= UINT64_C(1) << column;
    }
}

static bool on_found(void *context, unsigned log, const struct audit_header *header,
                     struct audit_block *block, uint32_t i)
{
    struct job *job = context;
    struct audit_row row;

    (void)log;
    (void)header;
    if (audit_block_load(block, job->columns) != 0) {
        job->scan.count--;
        job->scan.spoilt++;
        return true;
    }
    for (unsigned k = 0; k < job->kind_count; k++) {
        struct counter *counter = &job->counters[k];
        const unsigned column = counter->kind->column;
        const uint64_t index = audit_block_index(block, column, i);

        if (counter->here != NULL && index < PLACES) {
            if (index != 0 && counter->here[index]++ == 0) {
                counter->used[counter->used_count++] = (uint32_t)index;
            }
            continue;
        }
        row.present = 0;
        put_value(&row, block, column, i);
        if (counter->kind->other != 0) {
            put_value(&row, block, counter->kind->other, i);
        }
        add(counter, &row, 1);
    }
    return true;
}

/* What was counted in one block, in words. */
static void on_shown(void *context, struct audit_block *block)
{
    struct job *job = context;
    struct audit_row row;

    for (unsigned k = 0; k < job->kind_count; k++) {
        struct counter *counter = &job->counters[k];
        const unsigned column = counter->kind->column;
        const bool is_text = audit_column_kind(column) == AUDIT_OCTETS;

        for (uint32_t n = 0; n < counter->used_count; n++) {
            const uint32_t index = counter->used[n];

            row.present = UINT64_C(1) << column;
            row.at[column] = is_text ? audit_block_word(block, column, index - 1)
                                     : (struct audit_value){NULL, index - 1};
            add(counter, &row, counter->here[index]);
            counter->here[index] = 0;
        }
        counter->used_count = 0;
    }
}

/* Most often first; those that came as often by their words, so that one log gives one answer.
 */
static int compare(const void *left, const void *right)
{
    const struct sketch_entry *a = left;
    const struct sketch_entry *b = right;
    const size_t len = a->len < b->len ? a->len : b->len;

    if (a->count != b->count) {
        return a->count > b->count ? -1 : 1;
    }
    const int words = memcmp(a->key, b->key, len);
    return words != 0 ? words : a->len < b->len ? -1 : 1;
}

static void print_table(const struct counter *counter, const struct sketch_entry *entries,
                        size_t count, unsigned width)
{
    char line[12 * KEY_MAX];
    struct text text;

    printf("%s\n", counter->kind->word);
    for (size_t i = 0; i < count; i++) {
        const char *at = entries[i].key;
        size_t left = entries[i].len;

        text_init(&text, line, sizeof(line));
        if (counter->kind->parts[0] !=
            NULL) { /* the legal status: no narrow terminal cuts it */
            const char *class = memrchr(at, PART[0], left);

            if (class != NULL) {
                const size_t len = left - (size_t)(class + 1 - at);

                cli_safe_words(&text, class + 1, len);
                left -= len + 1;
            }
        }
        while (at != NULL) {
            const char *part = memchr(at, PART[0], left);
            const size_t len = part != NULL ? (size_t)(part - at) : left;

            text_add(&text, text.len > 0 ? "  " : "");
            cli_safe_words(&text, at, len);
            at = part != NULL ? part + 1 : NULL;
            left -= part != NULL ? len + 1 : len;
        }
        printf("%12" PRIu64 "  ", entries[i].count);
        if (width > 34 && text.len > width - 34) { /* room for the end of the line */
            printf("%.*s~", (int)(width - 35), line);
        } else {
            printf("%s", line);
        }
        if (entries[i].error > 0) {
            printf("  (at least %" PRIu64 ")", entries[i].count - entries[i].error);
        }
        printf("\n");
    }
    if (count == 0) {
        printf("%12s  none\n", "-");
    }
}

static void print_json(const struct counter *counter, const struct sketch_entry *entries,
                       size_t count, bool first)
{
    char buffer[8 * KEY_MAX];
    struct text text;

    printf("%s\"%s\":[", first ? "" : ",", counter->kind->word);
    for (size_t i = 0; i < count; i++) {
        const char *at = entries[i].key;
        size_t left = entries[i].len;

        text_init(&text, buffer, sizeof(buffer));
        json_object_begin(&text, NULL);
        for (unsigned n = 0; n < 3 && (n == 0 || counter->kind->parts[n - 1] != NULL); n++) {
            const char *name = n == 0 ? "key" : counter->kind->parts[n - 1];
            const char *part = at != NULL ? memchr(at, PART[0], left) : NULL;
            const size_t len = part != NULL ? (size_t)(part - at) : left;

            if (at == NULL || (n > 0 && len == 1 && *at == '-')) {
                json_string(&text, name, NULL); /* the list says nothing */
            } else {
                json_string_n(&text, name, at, len);
            }
            at = part != NULL ? part + 1 : NULL;
            left -= part != NULL ? len + 1 : len;
        }
        json_uint(&text, "count", entries[i].count);
        json_uint(&text, "error", entries[i].error);
        json_object_end(&text);
        printf("%s%s", i > 0 ? "," : "", buffer);
    }
    printf("]");
}

/* 0 or -ENOMEM. */
static int print_all(const struct job *job)
{
    struct cli_audit_table table;
    struct sketch_entry *entries = calloc(SLOTS_OF_NAMES, sizeof(*entries));

    if (entries == NULL) {
        return -ENOMEM;
    }
    cli_audit_table_init(&table);
    if (job->json) {
        printf("{\"events\":%" PRIu64 ",\"damaged\":%" PRIu64 ",\"top\":{", job->scan.count,
               job->scan.damaged);
    }
    for (unsigned k = 0; k < job->kind_count; k++) {
        const struct counter *counter = &job->counters[k];
        size_t count = sketch_entries(counter->sketch, entries, SLOTS_OF_NAMES);

        qsort(entries, count, sizeof(*entries), compare);
        count = count < job->count ? count : job->count;
        if (job->json) {
            print_json(counter, entries, count, k == 0);
        } else {
            print_table(counter, entries, count, table.width);
        }
    }
    if (job->json) {
        printf("}}\n");
    } else {
        printf("%12" PRIu64 "  events\n", job->scan.count);
    }
    free(entries);
    return 0;
}

static int run(struct job *job)
{
    char folder[AUDIT_PATH_MAX];
    uint8_t hash_key[16];
    int code = cli_audit_folder("audit top", job->filter.config, job->filter.log, folder);
    bool good = true;

    if (code != CLI_GO_ON) {
        return code;
    }
    /* Whoever asks must not know which names would share a place. */
    random_system(hash_key, sizeof(hash_key));
    for (unsigned k = 0; k < job->kind_count; k++) {
        struct counter *counter = &job->counters[k];

        counter->sketch = sketch_create(counter->kind->slots, KEY_MAX, hash_key);
        good = good && counter->sketch != NULL;
        if (counter->kind->other == 0) {
            counter->here = calloc(PLACES, sizeof(*counter->here));
            counter->used = calloc(PLACES, sizeof(*counter->used));
            good = good && counter->here != NULL && counter->used != NULL;
        }
        job->columns |= UINT64_C(1) << counter->kind->column;
        if (counter->kind->other != 0) {
            job->columns |= UINT64_C(1) << counter->kind->other;
        }
    }
    if (good) {
        job->scan.command = "audit top";
        job->scan.folder = folder;
        job->scan.query = &job->filter.query;
        job->scan.found = on_found;
        job->scan.shown = on_shown;
        job->scan.context = job;
        cli_audit_scan_begin(&job->scan, job->quiet);
        code = cli_audit_scan(&job->scan);
        good = job->scan.ended || print_all(job) == 0;
        fflush(stdout);
        cli_audit_scan_end(&job->scan);
    }
    for (unsigned k = 0; k < job->kind_count; k++) {
        sketch_destroy(job->counters[k].sketch);
        free(job->counters[k].here);
        free(job->counters[k].used);
    }
    return good ? code : cli_audit_failed("audit top", folder, -ENOMEM);
}

static int add_kind(struct job *job, const char *word)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].word, word) != 0) {
            continue;
        }
        for (unsigned k = 0; k < job->kind_count; k++) {
            if (job->counters[k].kind == &kinds[i]) {
                return cli_usage("audit top", "'%s' is named twice", word);
            }
        }
        job->counters[job->kind_count++].kind = &kinds[i];
        return CLI_GO_ON;
    }
    return cli_usage("audit top", "'%s' is nothing that is counted", word);
}

static int read_kinds(struct job *job, int argc, char **argv)
{
    const char *words[KINDS_MAX] = {NULL};
    int code = cli_words(argc, argv, "audit top", words, KINDS_MAX);

    for (unsigned i = 0; i < KINDS_MAX && code == CLI_GO_ON && words[i] != NULL; i++) {
        code = add_kind(job, words[i]);
    }
    if (code == CLI_GO_ON && job->kind_count == 0) {
        (void)add_kind(job, "clients");
        (void)add_kind(job, "names");
        (void)add_kind(job, "providers");
    }
    return code;
}

int cli_audit_top(int argc, char **argv)
{
    const char *count = NULL;
    struct job *job = calloc(1, sizeof(*job));

    if (job == NULL) {
        return cli_audit_failed("audit top", "audit log", -ENOMEM);
    }
    job->count = COUNT_DEFAULT;
    const struct cli_option options[] = {
        CLI_AUDIT_FILTER_OPTIONS(&job->filter),
        {"count", 'n', &count, NULL},
        {"json", 0, NULL, &job->json},
        {"quiet", 'q', NULL, &job->quiet},
    };
    int code = cli_options(argc, argv, "audit top", help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = read_kinds(job, argc, argv);
    }
    if (code == CLI_GO_ON && count != NULL && !cli_number(count, 1, COUNT_MAX, &job->count)) {
        code = cli_usage("audit top", "--count %s: 1 to %u", count, COUNT_MAX);
    }
    if (code == CLI_GO_ON) {
        code = cli_audit_filter_read("audit top", &job->filter, clock_read().wall_us);
    }
    if (code == CLI_GO_ON) {
        code = run(job);
    }
    cli_audit_filter_free(&job->filter);
    free(job);
    return code;
}
