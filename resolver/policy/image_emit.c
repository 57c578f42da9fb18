/* Last part of the compiler: the sections, laid out and written. */
#include "policy/image_build.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Nodes, their labels and parents are far apart in memory: they are asked for so many nodes
 * before they are needed. */
#define AHEAD 16u

/* Where each section goes, and what is known before any of it is written. */
struct layout {
    struct build *build;
    struct build_numbers
        strings; /* each with its zero octet, so that the pool is the section */
    struct {
        uint64_t offset, len;
    } parts[IMAGE_SECTION_TYPES];
    uint8_t *image; /* the octets */
    uint64_t octets;
    uint32_t (*lists)[IMAGE_LIST_STRINGS];
    uint32_t *rows; /* category and redirect of each */
};

static int keep(struct layout *layout, const char *string, size_t len, uint32_t *offset)
{
    const uint32_t number = build_numbers_of(&layout->strings, string, len);

    if (number == BUILD_NONE) {
        return -ENOMEM;
    }
    const size_t start = layout->strings.starts[number];
    if (start + len > UINT32_MAX) {
        return CORDON_E_LIMIT;
    }
    *offset = (uint32_t)start;
    return 0;
}

static int keep_string(struct layout *layout, const char *string, uint32_t *offset)
{
    return keep(layout, string, strlen(string) + 1, offset);
}

static int list_strings(struct layout *layout, size_t index)
{
    const struct policy_list *list = layout->build->lists[index];
    const struct policy_fact *fact = policy_list_status(list);
    const char *const strings[IMAGE_LIST_STRINGS] = {
        [IMAGE_LIST_ID] = list->id,
        [IMAGE_LIST_TITLE] = list->title,
        [IMAGE_LIST_PROVIDER] = list->provider,
        [IMAGE_LIST_PROVIDER_NAME] = list->provider_name,
        [IMAGE_LIST_PARENT_NAME] = list->parent_name,
        [IMAGE_LIST_LEGAL] = list->legal_requirement,
        [IMAGE_LIST_CLASS] = fact == NULL ? "" : policy_class_name(fact->class),
        [IMAGE_LIST_ENTITY] = fact == NULL ? "" : fact->entity,
        [IMAGE_LIST_AUTHORITY] = fact == NULL ? "" : fact->authority,
        [IMAGE_LIST_CITATION] = fact == NULL ? "" : fact->citation,
        [IMAGE_LIST_EFFECTIVE] = fact == NULL ? "" : fact->effective,
        [IMAGE_LIST_CHECKED] = fact == NULL ? "" : fact->checked,
        [IMAGE_LIST_STATE] = fact == NULL ? "" : fact->state,
    };

    for (size_t i = 0; i < IMAGE_LIST_STRINGS; i++) {
        const int rc = keep_string(layout, strings[i], &layout->lists[index][i]);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int row_strings(struct layout *layout, uint32_t index)
{
    const struct build_row row = build_row_at(layout->build, layout->build->row_order[index]);
    struct wire_name redirect;
    int rc = keep_string(layout, row.category, &layout->rows[2 * index]);

    layout->rows[2 * index + 1] = 0;
    if (rc == 0 && row.redirect != NULL) {
        if (wire_name_from_text(row.redirect, strlen(row.redirect), &redirect) !=
            WIRE_TEXT_OK) {
            return CORDON_E_FORMAT;
        }
        rc = keep(layout, (const char *)redirect.octets, redirect.len,
                  &layout->rows[2 * index + 1]);
    }
    return rc;
}

static int keep_strings(struct layout *layout)
{
    const struct build *build = layout->build;
    uint32_t empty = 0;

    if (build_numbers_init(&layout->strings, build->seed) != 0) {
        return -ENOMEM;
    }
    layout->lists = calloc(build->list_count + 1, sizeof(layout->lists[0]));
    layout->rows = calloc(2 * (size_t)build->row_written + 1, sizeof(layout->rows[0]));
    if (layout->lists == NULL || layout->rows == NULL) {
        return -ENOMEM;
    }
    int rc = keep_string(layout, "", &empty);
    for (size_t i = 0; rc == 0 && i < build->list_count; i++) {
        rc = list_strings(layout, i);
    }
    for (uint32_t i = 0; rc == 0 && i < build->row_written; i++) {
        rc = row_strings(layout, i);
    }
    return rc;
}

static void place(struct layout *layout, enum image_section type, uint64_t len)
{
    layout->parts[type].offset = layout->octets;
    layout->parts[type].len = len;
    layout->octets =
        (layout->octets + len + IMAGE_ALIGNMENT - 1) & ~(uint64_t)(IMAGE_ALIGNMENT - 1);
}

static int lay_out(struct layout *layout)
{
    const struct build *build = layout->build;
    uint64_t records = 0, prefixes4 = 0;

    if (build->classes.count > IMAGE_VARINT_MAX / 2) {
        return CORDON_E_LIMIT;
    }
    for (uint32_t i = 1; i < build->node_count; i++) {
        unsigned code = 0;

        if (build->node_count - i > AHEAD) {
            __builtin_prefetch(&build->nodes[build->nodes[i + AHEAD].parent]);
        }
        records += build_record_octets(build, &build->nodes[i], &code);
    }
    if (records >= IMAGE_CHAIN_BIT) {
        return CORDON_E_LIMIT;
    }
    for (size_t i = 0; i < build->prefix_count; i++) {
        prefixes4 += build->prefixes[i].prefix.family == ADDRESS_V4;
    }
    layout->octets = IMAGE_HEADER_OCTETS;
    place(layout, IMAGE_LISTS, build->list_count * IMAGE_LIST_OCTETS);
    place(layout, IMAGE_STRINGS, layout->strings.pool_len);
    place(layout, IMAGE_ROWS, (uint64_t)build->row_written * IMAGE_ROW_OCTETS);
    place(layout, IMAGE_SETS, 4 * ((uint64_t)build->sets.count + 1));
    place(layout, IMAGE_MEMBERS, build->sets.pool_len);
    place(layout, IMAGE_CLASSES, (uint64_t)build->classes.count * IMAGE_CLASS_OCTETS);
    place(layout, IMAGE_PREFIXES4, prefixes4 * IMAGE_PREFIX4_OCTETS);
    place(layout, IMAGE_PREFIXES6, (build->prefix_count - prefixes4) * IMAGE_PREFIX6_OCTETS);
    place(layout, IMAGE_LINES, (build->line_count + IMAGE_LINE_PAD) * IMAGE_LINE_OCTETS);
    place(layout, IMAGE_RECORDS, records + IMAGE_RECORD_PAD);
    if (build->origins != NULL) {
        place(layout, IMAGE_ORIGINS, build->origin_count * IMAGE_ORIGIN_OCTETS);
    }
    return layout->octets > IMAGE_OCTETS_MAX ? CORDON_E_LIMIT : 0;
}

static uint8_t *part(const struct layout *layout, enum image_section type)
{
    return layout->image + layout->parts[type].offset;
}

static void write_header(const struct layout *layout)
{
    const struct build *build = layout->build;
    uint8_t *header = layout->image;
    uint32_t count = 0, below = 0;
    size_t len = 0;

    memcpy(header + IMAGE_AT_MAGIC, IMAGE_MAGIC, 8);
    little_put16(header + IMAGE_AT_MAJOR, IMAGE_MAJOR);
    little_put16(header + IMAGE_AT_MINOR, IMAGE_MINOR);
    little_put32(header + IMAGE_AT_HEADER_OCTETS, IMAGE_HEADER_OCTETS);
    little_put32(header + IMAGE_AT_ENDIAN, IMAGE_ENDIAN);
    little_put64(header + IMAGE_AT_OCTETS, layout->octets);
    memcpy(header + IMAGE_AT_SEED, build->seed, sizeof(build->seed));
    memcpy(header + IMAGE_AT_INPUTS, build->inputs, sizeof(build->inputs));
    little_put64(header + IMAGE_AT_RULES, build->rule_count);
    little_put64(header + IMAGE_AT_NODES, build->node_count - 1);
    little_put64(header + IMAGE_AT_INTERIOR, build->interior_count);
    little_put32(header + IMAGE_AT_MAX_DEPTH, build->max_depth);
    little_put32(header + IMAGE_AT_ATTEMPT, build->attempt);
    for (unsigned i = 0; i < IMAGE_TAGS; i++) {
        little_put32(header + IMAGE_AT_TAGS + (size_t)4 * i, build->tags[i]);
    }
    memcpy(&below,
           build_numbers_at(&build->classes, build->nodes[0].class, &len) + 2 * sizeof(below),
           sizeof(below));
    little_put32(header + IMAGE_AT_ROOT_BELOW, build->set_final[below]);
    for (uint32_t type = 1; type < IMAGE_SECTION_TYPES; type++) {
        uint8_t *entry = header + IMAGE_AT_TABLE + count * IMAGE_ENTRY;

        if (layout->parts[type].offset != 0) {
            little_put32(entry, type);
            little_put32(entry + 4, type == IMAGE_ORIGINS ? 0 : IMAGE_REQUIRED);
            little_put64(entry + 8, layout->parts[type].offset);
            little_put64(entry + 16, layout->parts[type].len);
            count++;
        }
    }
    little_put32(header + IMAGE_AT_SECTIONS, count);
}

static void write_lists(const struct layout *layout)
{
    const struct build *build = layout->build;

    for (size_t i = 0; i < build->list_count; i++) {
        const struct policy_list *list = build->lists[i];
        uint8_t *at = part(layout, IMAGE_LISTS) + i * IMAGE_LIST_OCTETS;

        for (size_t k = 0; k < IMAGE_LIST_STRINGS; k++) {
            little_put32(at + 4 * k, layout->lists[i][k]);
        }
        little_put32(at + IMAGE_LIST_AT_SERIAL, list->serial);
        little_put32(at + IMAGE_LIST_AT_RULES, (uint32_t)list->rule_count);
        little_put64(at + IMAGE_LIST_AT_CREATED, list->created_s);
        little_put64(at + IMAGE_LIST_AT_EXPIRES, list->expires_s);
        memcpy(at + IMAGE_LIST_AT_DIGEST, list->digest, sizeof(list->digest));
    }
}

static void write_rows(const struct layout *layout)
{
    const struct build *build = layout->build;

    for (uint32_t i = 0; i < build->row_written; i++) {
        const struct build_row row = build_row_at(build, build->row_order[i]);
        uint8_t *at = part(layout, IMAGE_ROWS) + (size_t)i * IMAGE_ROW_OCTETS;
        const uint8_t words[] = {row.list,       row.kind,   row.match, row.scope,
                                 row.confidence, row.action, row.flags};

        memcpy(at, words, sizeof(words));
        little_put32(at + 8, layout->rows[2 * i]);
        little_put32(at + 12, layout->rows[2 * i + 1]);
        if (row.redirect != NULL) {
            struct wire_name name;

            /* Read once already, by row_strings. */
            wire_name_from_text(row.redirect, strlen(row.redirect), &name);
            at[7] = name.len;
        }
    }
}

static void write_sets(const struct layout *layout)
{
    const struct build *build = layout->build;
    uint8_t *starts = part(layout, IMAGE_SETS);
    uint8_t *members = part(layout, IMAGE_MEMBERS);
    uint32_t written = 0;

    for (uint32_t i = 0; i < build->sets.count; i++) {
        size_t len = 0;
        const uint8_t *rows = build_numbers_at(&build->sets, build->set_order[i], &len);

        little_put32(starts + (size_t)4 * i, written);
        for (size_t k = 0; k < len; k += sizeof(uint32_t)) {
            uint32_t row;

            memcpy(&row, rows + k, sizeof(row));
            little_put32(members + (size_t)4 * written++, row);
        }
    }
    little_put32(starts + (size_t)4 * build->sets.count, written);
    for (uint32_t i = 0; i < build->classes.count; i++) {
        uint8_t *at = part(layout, IMAGE_CLASSES) + (size_t)i * IMAGE_CLASS_OCTETS;
        uint32_t sets[3];
        size_t len = 0;

        memcpy(sets, build_numbers_at(&build->classes, build->class_order[i], &len),
               sizeof(sets));
        for (unsigned k = 0; k < 3; k++) {
            little_put32(at + (size_t)4 * k, build->set_final[sets[k]]);
        }
    }
}

static void write_prefixes(const struct layout *layout)
{
    const struct build *build = layout->build;
    uint8_t *at4 = part(layout, IMAGE_PREFIXES4);
    uint8_t *at6 = part(layout, IMAGE_PREFIXES6);
    uint32_t before = 0; /* prefixes of IPv4: those of IPv6 count from there */

    for (size_t i = 0; i < build->prefix_count; i++) {
        const struct build_prefix *prefix = &build->prefixes[i];
        const bool v4 = prefix->prefix.family == ADDRESS_V4;
        const unsigned width = v4 ? 4 : 16;
        uint8_t **at = v4 ? &at4 : &at6;

        before += v4;
        memcpy(*at, prefix->prefix.octets, width);
        (*at)[width] = prefix->prefix.bits;
        (*at)[width + 1] = prefix->subjects;
        little_put32(*at + width + 4, build->set_final[prefix->set]);
        little_put32(*at + width + 8,
                     prefix->above == 0 ? 0 : prefix->above - (v4 ? 0 : before));
        *at += v4 ? IMAGE_PREFIX4_OCTETS : IMAGE_PREFIX6_OCTETS;
    }
}

/* Writes one record and returns its stored length. */
static size_t write_record(const struct build *build, const struct build_node *node,
                           uint8_t *at, unsigned *code)
{
    const size_t stored = build_record_octets(build, node, code);
    unsigned which = 0;
    const uint32_t tag = build_tag(build, node, &which);
    uint8_t *to = *code == IMAGE_CODE_LONG ? at + 1 : at;
    uint8_t *const start = to;

    to = image_put_varint(to, build->nodes[node->parent].id << IMAGE_TAG_BITS | which);
    if (which == IMAGE_TAGS) {
        to = image_put_varint(to, tag);
    }
    if (node->children > 0) {
        to = image_put_varint(to, node->id);
    }
    memcpy(to, node->label + 1, node->label[0]);
    to += node->label[0];
    if (*code == IMAGE_CODE_LONG) {
        at[0] = (uint8_t)(to - start);
    }
    return stored;
}

/* What the nodes behind the i-th need. */
static void fetch_ahead(const struct build *build, uint32_t i)
{
    const uint32_t count = build->node_count - 1;

    if (count - i > 2 * AHEAD) {
        __builtin_prefetch(&build->nodes[build->order[i + 2 * AHEAD].node]);
    }
    if (count - i > AHEAD) {
        const struct build_node *node = &build->nodes[build->order[i + AHEAD].node];

        __builtin_prefetch(node->label);
        __builtin_prefetch(&build->nodes[node->parent]);
    }
}

/* The same walk as build_places, which has seen that no chain is too long. */
static void write_nodes(const struct layout *layout)
{
    const struct build *build = layout->build;
    uint8_t *lines = part(layout, IMAGE_LINES);
    uint8_t *records = part(layout, IMAGE_RECORDS);
    uint32_t offset = 0;
    uint64_t line = 0;
    unsigned used = 0;

    for (uint32_t i = 0; i + 1 < build->node_count; i++) {
        const struct build_node *node = &build->nodes[build->order[i].node];
        const uint64_t home = image_line_of(node->hash, build->line_count);
        unsigned code = 0;

        fetch_ahead(build, i);
        if (line < home) {
            line = home;
            used = 0;
        }
        if (used == IMAGE_LINE_SLOTS) {
            line++;
            used = 0;
        }
        uint8_t *at = lines + line * IMAGE_LINE_OCTETS;
        if (used == 0) {
            little_put32(at, offset);
        }
        if (line > home) {
            uint8_t *before = at - IMAGE_LINE_OCTETS;
            little_put32(before, little_get32(before) | IMAGE_CHAIN_BIT);
        }
        offset += (uint32_t)write_record(build, node, records + offset, &code);
        little_put16(at + 4 + (size_t)2 * used,
                     (uint16_t)(image_fingerprint(node->hash) | code));
        used++;
    }
}

static int compare_origins(const void *a, const void *b)
{
    const struct build_origin *left = a;
    const struct build_origin *right = b;
    const uint8_t x[] = {left->list, left->match, left->kind, left->subject};
    const uint8_t y[] = {right->list, right->match, right->kind, right->subject};

    if (left->hash != right->hash) {
        return left->hash < right->hash ? -1 : 1;
    }
    return memcmp(x, y, sizeof(x));
}

static void write_origins(const struct layout *layout)
{
    const struct build *build = layout->build;

    if (build->origins == NULL) {
        return;
    }
    qsort(build->origins, build->origin_count, sizeof(build->origins[0]), compare_origins);
    for (size_t i = 0; i < build->origin_count; i++) {
        uint8_t *at = part(layout, IMAGE_ORIGINS) + i * IMAGE_ORIGIN_OCTETS;

        little_put64(at, build->origins[i].hash);
        little_put32(at + 8, build->origins[i].line);
        at[12] = build->origins[i].list;
        at[13] = build->origins[i].match;
        at[14] = build->origins[i].kind;
        at[15] = build->origins[i].subject;
    }
}

/* Into a memory file that is sealed when it is complete: nobody can write to it afterwards, and
 * whoever is forked, or is handed the descriptor, reads the same pages. */
static int write_image(struct layout *layout, struct policy_image **image)
{
    int file = -1;
    int rc = image_memory_open(layout->octets, &layout->image, &file);

    if (rc != 0) {
        return rc;
    }
    write_header(layout);
    write_lists(layout);
    memcpy(part(layout, IMAGE_STRINGS), layout->strings.pool, layout->strings.pool_len);
    write_rows(layout);
    write_sets(layout);
    write_prefixes(layout);
    write_nodes(layout);
    write_origins(layout);
    return image_memory_seal(layout->image, file, layout->octets, image);
}

int build_emit(struct build *build, struct policy_image **image)
{
    struct layout layout = {.build = build};
    int rc = keep_strings(&layout);

    if (rc == 0) {
        rc = lay_out(&layout);
    }
    if (rc == 0) {
        rc = write_image(&layout, image);
    }
    build_numbers_deinit(&layout.strings);
    free(layout.lists);
    free(layout.rows);
    return rc;
}
