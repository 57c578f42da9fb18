#include "policy/image_format.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/* What each section is made of. */
static const struct {
    bool required;
    uint32_t unit; /* its length is a multiple of this */
    uint32_t least;
} section_rules[IMAGE_SECTION_TYPES] = {
    [IMAGE_LISTS] = {true, IMAGE_LIST_OCTETS, 0},
    [IMAGE_STRINGS] = {true, 1, 1},
    [IMAGE_ROWS] = {true, IMAGE_ROW_OCTETS, 0},
    [IMAGE_SETS] = {true, 4, 8},
    [IMAGE_MEMBERS] = {true, 4, 0},
    [IMAGE_CLASSES] = {true, IMAGE_CLASS_OCTETS, IMAGE_CLASS_OCTETS},
    [IMAGE_PREFIXES4] = {true, IMAGE_PREFIX4_OCTETS, 0},
    [IMAGE_PREFIXES6] = {true, IMAGE_PREFIX6_OCTETS, 0},
    [IMAGE_LINES] = {true, IMAGE_LINE_OCTETS, (1 + IMAGE_LINE_PAD) * IMAGE_LINE_OCTETS},
    [IMAGE_RECORDS] = {true, 1, IMAGE_RECORD_PAD},
    [IMAGE_ORIGINS] = {false, IMAGE_ORIGIN_OCTETS, 0},
};

/* Enters one row of the section table. False if it is wrong. */
static bool read_section(struct policy_image *image, const uint8_t *entry)
{
    const uint32_t type = little_get32(entry);
    const uint32_t flags = little_get32(entry + 4);
    const uint64_t offset = little_get64(entry + 8);
    const uint64_t len = little_get64(entry + 16);

    if (offset < IMAGE_HEADER_OCTETS || offset % IMAGE_ALIGNMENT != 0 || offset > image->len ||
        len > image->len - offset) {
        return false;
    }
    if (type == 0 || type >= IMAGE_SECTION_TYPES) {
        return (flags & IMAGE_REQUIRED) == 0; /* of a later minor version: skipped */
    }
    if (image->parts[type].at != NULL || len % section_rules[type].unit != 0 ||
        len < section_rules[type].least || len / section_rules[type].unit > UINT32_MAX - 1) {
        return false;
    }
    image->parts[type] = (struct image_part){image->octets + offset, (size_t)len};
    return true;
}

static uint32_t count_of(const struct policy_image *image, enum image_section type)
{
    return (uint32_t)(image->parts[type].len / section_rules[type].unit);
}

static bool read_sections(struct policy_image *image)
{
    const uint32_t count = little_get32(image->octets + IMAGE_AT_SECTIONS);

    if (count > IMAGE_SECTIONS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!read_section(image, image->octets + IMAGE_AT_TABLE + i * IMAGE_ENTRY)) {
            return false;
        }
    }
    for (unsigned type = 1; type < IMAGE_SECTION_TYPES; type++) {
        if (section_rules[type].required && image->parts[type].at == NULL) {
            return false;
        }
    }
    const struct image_part *strings = &image->parts[IMAGE_STRINGS];
    if (strings->at[strings->len - 1] != 0) {
        return false; /* every string ends inside the section */
    }
    image->list_count = count_of(image, IMAGE_LISTS);
    image->row_count = count_of(image, IMAGE_ROWS);
    image->set_count = count_of(image, IMAGE_SETS) - 1;
    image->member_count = count_of(image, IMAGE_MEMBERS);
    image->class_count = count_of(image, IMAGE_CLASSES);
    image->prefix4_count = count_of(image, IMAGE_PREFIXES4);
    image->prefix6_count = count_of(image, IMAGE_PREFIXES6);
    image->origin_count = count_of(image, IMAGE_ORIGINS);
    image->lines = image->parts[IMAGE_LINES].at;
    image->line_count = count_of(image, IMAGE_LINES) - IMAGE_LINE_PAD;
    image->records = image->parts[IMAGE_RECORDS].at;
    image->records_len = image->parts[IMAGE_RECORDS].len - IMAGE_RECORD_PAD;
    return image->list_count <= 256;
}

int policy_image_attach(const uint8_t *octets, size_t len, enum image_memory memory,
                        struct policy_image **image)
{
    if (len < IMAGE_HEADER_OCTETS || memcmp(octets, IMAGE_MAGIC, 8) != 0) {
        return CORDON_E_CORRUPT;
    }
    if (little_get16(octets + IMAGE_AT_MAJOR) != IMAGE_MAJOR) {
        return CORDON_E_VERSION;
    }
    if (little_get32(octets + IMAGE_AT_HEADER_OCTETS) != IMAGE_HEADER_OCTETS ||
        little_get32(octets + IMAGE_AT_ENDIAN) != IMAGE_ENDIAN ||
        little_get64(octets + IMAGE_AT_OCTETS) != len) {
        return CORDON_E_CORRUPT;
    }
    struct policy_image *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    made->octets = octets;
    made->len = len;
    made->memory = memory;
    if (!read_sections(made)) {
        free(made);
        return CORDON_E_CORRUPT;
    }
    made->max_depth = little_get32(octets + IMAGE_AT_MAX_DEPTH);
    for (unsigned i = 0; i < IMAGE_TAGS; i++) {
        made->tags[i] = little_get32(octets + IMAGE_AT_TAGS + (size_t)4 * i);
    }
    siphash_init(&made->start, octets + IMAGE_AT_SEED);
    *image = made;
    return 0;
}

int policy_image_open(const uint8_t *octets, size_t len, struct policy_image **image)
{
    return policy_image_attach(octets, len, IMAGE_BORROWED, image);
}

void policy_image_free(struct policy_image *image)
{
    if (image == NULL) {
        return;
    }
    if (image->memory == IMAGE_MAPPED) {
        munmap((void *)(uintptr_t)image->octets, image->len);
    }
    free(image);
}

const uint8_t *policy_image_octets(const struct policy_image *image, size_t *len)
{
    *len = image->len;
    return image->octets;
}

size_t policy_image_lists(const struct policy_image *image)
{
    return image->list_count;
}

/* A string that ends inside the section; "" for an offset outside it. */
static const char *string_at(const struct policy_image *image, uint32_t offset)
{
    const struct image_part *strings = &image->parts[IMAGE_STRINGS];

    return offset < strings->len ? (const char *)strings->at + offset : "";
}

bool policy_image_list_at(const struct policy_image *image, size_t index,
                          struct policy_image_list *out)
{
    const char *strings[IMAGE_LIST_STRINGS];

    if (index >= image->list_count) {
        return false;
    }
    const uint8_t *at = image->parts[IMAGE_LISTS].at + index * IMAGE_LIST_OCTETS;
    for (size_t i = 0; i < IMAGE_LIST_STRINGS; i++) {
        const uint32_t offset = little_get32(at + 4 * i);

        if (offset >= image->parts[IMAGE_STRINGS].len) {
            return false;
        }
        strings[i] = string_at(image, offset);
    }
    *out = (struct policy_image_list){
        .id = strings[IMAGE_LIST_ID],
        .title = strings[IMAGE_LIST_TITLE],
        .provider = strings[IMAGE_LIST_PROVIDER],
        .provider_name = strings[IMAGE_LIST_PROVIDER_NAME],
        .parent_name = strings[IMAGE_LIST_PARENT_NAME],
        .legal_requirement = strings[IMAGE_LIST_LEGAL],
        .status_class = strings[IMAGE_LIST_CLASS],
        .status_entity = strings[IMAGE_LIST_ENTITY],
        .status_authority = strings[IMAGE_LIST_AUTHORITY],
        .status_citation = strings[IMAGE_LIST_CITATION],
        .status_effective = strings[IMAGE_LIST_EFFECTIVE],
        .status_checked = strings[IMAGE_LIST_CHECKED],
        .status_state = strings[IMAGE_LIST_STATE],
        .serial = little_get32(at + IMAGE_LIST_AT_SERIAL),
        .created_s = little_get64(at + IMAGE_LIST_AT_CREATED),
        .expires_s = little_get64(at + IMAGE_LIST_AT_EXPIRES),
        .rules = little_get32(at + IMAGE_LIST_AT_RULES),
    };
    memcpy(out->digest, at + IMAGE_LIST_AT_DIGEST, sizeof(out->digest));
    return true;
}

size_t policy_image_sets(const struct policy_image *image)
{
    return image->set_count;
}

/* Where a set's members are. A damaged table gives an empty set or a wrong one, inside. */
static uint32_t set_span(const struct policy_image *image, uint32_t set, uint32_t *first)
{
    if (set >= image->set_count) {
        return 0;
    }
    const uint8_t *at = image->parts[IMAGE_SETS].at + (size_t)4 * set;
    const uint32_t start = little_get32(at);
    const uint32_t end = little_get32(at + 4);
    if (start > end || end > image->member_count) {
        return 0;
    }
    *first = start;
    return end - start < IMAGE_SET_MAX ? end - start : IMAGE_SET_MAX;
}

size_t policy_image_set_size(const struct policy_image *image, uint32_t set)
{
    uint32_t first = 0;

    return set_span(image, set, &first);
}

bool policy_image_row(const struct policy_image *image, uint32_t set, size_t index,
                      struct policy_row *out)
{
    uint32_t first = 0;

    if (index >= set_span(image, set, &first)) {
        return false;
    }
    const uint32_t number =
        little_get32(image->parts[IMAGE_MEMBERS].at + 4 * ((size_t)first + index));
    if (number >= image->row_count) {
        return false;
    }
    const uint8_t *at = image->parts[IMAGE_ROWS].at + (size_t)number * IMAGE_ROW_OCTETS;
    const uint32_t redirect = little_get32(at + 12);
    const struct image_part *strings = &image->parts[IMAGE_STRINGS];
    if (at[0] >= image->list_count || at[1] > POLICY_PASS || at[2] > POLICY_MATCH_PREFIX ||
        at[3] > POLICY_SCOPE_CONSUMER || at[4] > POLICY_CONFIDENCE_HIGH ||
        at[5] > POLICY_ACTION_LOG || at[6] >> IMAGE_ROW_SUBJECT >= POLICY_SUBJECTS ||
        redirect > strings->len || at[7] > strings->len - redirect) {
        return false;
    }
    *out = (struct policy_row){
        .list = at[0],
        .kind = (enum policy_kind)at[1],
        .match = (enum policy_match)at[2],
        .scope = (enum policy_scope)at[3],
        .confidence = (enum policy_confidence)at[4],
        .action = (enum policy_action)at[5],
        .subject = (enum policy_subject)(at[6] >> IMAGE_ROW_SUBJECT),
        .redirect_prefixes = (at[6] & IMAGE_ROW_PREFIXES) != 0,
        .ends_chain = (at[6] & IMAGE_ROW_ENDS) != 0,
        .category = string_at(image, little_get32(at + 8)),
        .redirect = at[7] > 0 ? strings->at + redirect : NULL,
        .redirect_len = at[7],
    };
    return true;
}

void policy_image_stats(const struct policy_image *image, struct policy_image_stats *out)
{
    static const char *const names[IMAGE_SECTION_TYPES] = {
        "header",  "lists",     "strings",   "rows",  "sets",    "members",
        "classes", "prefixes4", "prefixes6", "lines", "records", "origins"};

    _Static_assert((unsigned)IMAGE_SECTION_TYPES == POLICY_IMAGE_PARTS, "each part is named");
    *out = (struct policy_image_stats){
        .rules = little_get64(image->octets + IMAGE_AT_RULES),
        .nodes = little_get64(image->octets + IMAGE_AT_NODES),
        .interior = little_get64(image->octets + IMAGE_AT_INTERIOR),
        .sets = image->set_count,
        .rows = image->row_count,
        .classes = image->class_count,
        .octets = image->len,
        .prefixes = (uint64_t)image->prefix4_count + image->prefix6_count,
        .max_depth = image->max_depth,
        .attempt = little_get32(image->octets + IMAGE_AT_ATTEMPT),
    };
    for (unsigned i = 0; i < POLICY_IMAGE_PARTS; i++) {
        const uint64_t len = i == 0 ? IMAGE_HEADER_OCTETS : image->parts[i].len;

        out->parts[i].name = names[i];
        out->parts[i].octets = (len + IMAGE_ALIGNMENT - 1) & ~(uint64_t)(IMAGE_ALIGNMENT - 1);
    }
}

void policy_image_chains(const struct policy_image *image, uint64_t chains[POLICY_IMAGE_CHAINS])
{
    unsigned after = 0; /* lines that a look-up goes on to, seen from the last backwards */

    _Static_assert(POLICY_IMAGE_CHAINS == IMAGE_CHAIN_MAX, "a look-up reads no more");
    memset(chains, 0, POLICY_IMAGE_CHAINS * sizeof(chains[0]));
    for (uint64_t i = image->line_count; i > 0; i--) {
        const uint8_t *line = image->lines + (i - 1) * IMAGE_LINE_OCTETS;

        after = (little_get32(line) & IMAGE_CHAIN_BIT) == 0 ? 0 : after + 1;
        if (after > IMAGE_CHAIN_MAX - 1) {
            after = IMAGE_CHAIN_MAX - 1;
        }
        chains[after]++;
    }
}
