/*
 * A constant database (D. J. Bernstein's cdb) for dnsdist's key-value look-up by suffix, which
 * asks for the whole name, then for each shorter one, in wire format and lower case, and takes
 * the first value that there is. So each name of a rule has one value, which says what becomes
 * of the name itself and of what is below it:
 *
 *   LABELS AT BELOW AT-BASIS|BELOW-BASIS
 *
 * LABELS of the key tell the reader which of the two counts. AT and BELOW are actions, "pass",
 * "log" or "none". The bases are words for people. The first record is the head of the export;
 * its key "#cordon" is no name.
 */
#include "export/formats.h"

#include "base/error.h"
#include "export/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TABLES 256u
#define HEADER (TABLES * 8u)

struct slot {
    uint32_t hash, at; /* at 0: free */
};

struct writer {
    FILE *records; /* what follows the header */
    char *octets;
    size_t len;
    struct slot *slots; /* of all records, in their order */
    size_t count;
    uint64_t at; /* octets so far, the header included */
};

static void put32(uint8_t *out, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint32_t hash_of(const uint8_t *key, size_t len)
{
    uint32_t hash = 5381;

    for (size_t i = 0; i < len; i++) {
        hash = ((hash << 5) + hash) ^ key[i];
    }
    return hash;
}

static void add(struct writer *writer, const uint8_t *key, size_t key_len, const char *value,
                size_t len)
{
    uint8_t lengths[8];

    put32(lengths, (uint32_t)key_len);
    put32(lengths + 4, (uint32_t)len);
    fwrite(lengths, sizeof(lengths), 1, writer->records);
    fwrite(key, key_len, 1, writer->records);
    fwrite(value, len, 1, writer->records);
    writer->slots[writer->count++] = (struct slot){hash_of(key, key_len), (uint32_t)writer->at};
    writer->at += sizeof(lengths) + key_len + len;
}

/* The name in wire format. */
static size_t wire_of(const uint8_t *key, size_t len, uint8_t out[WIRE_NAME_MAX])
{
    size_t used = 0;
    size_t end = len;

    while (end > 0) {
        size_t start = end - 1;

        while (start > 0 && key[start - 1] != 0) {
            start--;
        }
        out[used++] = (uint8_t)(end - 1 - start);
        memcpy(out + used, key + start, end - 1 - start);
        used += end - 1 - start;
        end = start;
    }
    out[used++] = 0;
    return used;
}

/* "nxdomain", "redirect:*.walled.example", "pass". */
static void write_word(FILE *out, const struct export_set *set, const struct export_word *word,
                       bool lets_through_below)
{
    enum policy_action action;

    switch (export_word_verdict(word)) {
    case EXPORT_NONE:
        fputs("none", out);
        return;
    case EXPORT_PASS:
        fputs("pass", out);
        return;
    case EXPORT_LOG:
        fputs("log", out);
        return;
    case EXPORT_BLOCK:
        break;
    }
    action = export_word_action(set, word);
    if (action == POLICY_ACTION_NXDOMAIN && lets_through_below) {
        action = POLICY_ACTION_NODATA;
    }
    fputs(policy_action_name(action), out);
    if (action == POLICY_ACTION_REDIRECT) {
        fprintf(out, ":%s%s", word->rule->redirect_prefixes ? "*." : "", word->rule->redirect);
    }
}

static int add_node(struct writer *writer, const struct export_set *set, size_t index)
{
    const struct export_node *node = &set->nodes[index];
    uint8_t wire[WIRE_NAME_MAX];
    char basis[768];
    char *value = NULL;
    size_t len = 0;
    /* A name without a rule is said by the one above it, unless NXDOMAIN would deny what is
     * let through below. */
    if (!node->own_at && !node->own_below &&
        !export_lets_through_below(set, index, node->key, node->key_len)) {
        return 0;
    }
    FILE *out = open_memstream(&value, &len);
    if (out == NULL) {
        return -ENOMEM;
    }
    fprintf(out, "%u ", export_key_labels(node->key, node->key_len));
    write_word(out, set, &node->at,
               export_lets_through_below(set, index, node->key, node->key_len));
    fputc(' ', out);
    write_word(out, set, &node->below, false);
    fputc(' ', out);
    for (int i = 0; i < 2; i++) {
        const struct export_word *word = i == 0 ? &node->at : &node->below;

        basis[0] = '\0';
        if (word->rule != NULL) {
            export_basis(set->sources[word->list].list, basis, sizeof(basis));
        }
        for (char *c = basis; *c != '\0'; c++) {
            *c = *c == '|' ? '/' : *c;
        }
        fprintf(out, "%s%s", i == 0 ? "" : "|", basis);
    }
    if (fclose(out) != 0) {
        free(value);
        return -ENOMEM;
    }
    add(writer, wire, wire_of(node->key, node->key_len, wire), value, len);
    free(value);
    return writer->at > EXPORT_CDB_OCTETS_MAX ? CORDON_E_TOO_LARGE : 0;
}

static int add_head(struct writer *writer, const struct export_set *set)
{
    static const uint8_t key[] = {'#', 'c', 'o', 'r', 'd', 'o', 'n'};
    char *value = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&value, &len);

    if (out == NULL) {
        return -ENOMEM;
    }
    export_head(out, set, NULL, "#", "database for dnsdist's key-value look-up by suffix");
    if (fclose(out) != 0) {
        free(value);
        return -ENOMEM;
    }
    add(writer, key, sizeof(key), value, len);
    free(value);
    return 0;
}

/* The slots of one table: twice as many as records, found from a place that the hash says. */
static int write_table(FILE *out, const struct slot *slots, size_t count)
{
    const size_t size = 2 * count;
    struct slot *table = calloc(size + 1, sizeof(table[0]));
    uint8_t octets[8];

    if (table == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = (slots[i].hash >> 8) % size;

        while (table[at].at != 0) {
            at = at + 1 == size ? 0 : at + 1;
        }
        table[at] = slots[i];
    }
    for (size_t i = 0; i < size; i++) {
        put32(octets, table[i].hash);
        put32(octets + 4, table[i].at);
        fwrite(octets, sizeof(octets), 1, out);
    }
    free(table);
    return 0;
}

/* Header, records, tables. */
static int write_all(const struct writer *writer, FILE *out)
{
    struct slot *sorted = calloc(writer->count + 1, sizeof(sorted[0]));
    size_t starts[TABLES + 1] = {0};
    uint8_t header[HEADER];
    uint64_t at = writer->at;
    int rc = 0;

    if (sorted == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < writer->count; i++) {
        starts[writer->slots[i].hash % TABLES + 1]++;
    }
    for (unsigned t = 0; t < TABLES; t++) {
        const size_t count = starts[t + 1];

        starts[t + 1] += starts[t];
        put32(header + 8 * t, (uint32_t)at);
        put32(header + 8 * t + 4, (uint32_t)(2 * count));
        at += 16 * count;
    }
    if (at > EXPORT_CDB_OCTETS_MAX) {
        free(sorted);
        return CORDON_E_TOO_LARGE;
    }
    size_t next[TABLES];
    memcpy(next, starts, sizeof(next));
    for (size_t i = 0; i < writer->count; i++) {
        sorted[next[writer->slots[i].hash % TABLES]++] = writer->slots[i];
    }
    fwrite(header, sizeof(header), 1, out);
    fwrite(writer->octets, writer->len, 1, out);
    for (unsigned t = 0; rc == 0 && t < TABLES; t++) {
        rc = write_table(out, sorted + starts[t], starts[t + 1] - starts[t]);
    }
    free(sorted);
    return rc;
}

int export_cdb(struct export_job *job)
{
    const struct export_set *set = job->set;
    struct writer writer = {.at = HEADER};
    int rc = -ENOMEM;

    writer.slots = calloc(set->node_count + 1, sizeof(writer.slots[0]));
    writer.records = open_memstream(&writer.octets, &writer.len);
    if (writer.slots != NULL && writer.records != NULL) {
        rc = add_head(&writer, set);
        for (size_t i = 0; rc == 0 && i < set->node_count; i++) {
            rc = add_node(&writer, set, i);
        }
    }
    if (writer.records != NULL && fclose(writer.records) != 0) {
        rc = rc == 0 ? -ENOMEM : rc;
    }
    rc = rc == 0 ? write_all(&writer, job->out) : rc;
    free(writer.octets);
    free(writer.slots);
    export_lose_prefixes(job);
    return rc;
}
