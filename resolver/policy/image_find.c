/* Look-ups in an image. The proof that no octets lead a reader out of it stands beside each
 * access: lines by construction of the index, records by one comparison and the pad. */
#include "policy/image_format.h"

#define LANES      UINT64_C(0x0001000100010001) /* four 16-bit lanes in a word */
#define WORDS      8u                           /* words in a line */
#define FIRST_LANE 2u                           /* lanes 0 and 1 of word 0 hold the base */

struct node {
    uint32_t id;
    uint32_t class;
    bool interior;
};

static uint64_t line_word(const uint8_t *line, unsigned word)
{
    const uint64_t value = image_get64(line + (size_t)8 * word);

    return word == 0 ? value & ~UINT64_C(0xffffffff) : value;
}

/* The top bit of each lane whose fingerprint is that of pattern (repeated in all lanes). Free
 * slots are zero and no fingerprint is, so the cleared base lanes and they never match. */
static uint64_t equal_lanes(uint64_t word, uint64_t pattern)
{
    const uint64_t low = UINT64_C(0x7fff) * LANES;
    const uint64_t differ = (word ^ pattern) & UINT64_C(0xffc0) * LANES;

    return ~(((differ & low) + low) | differ) & UINT64_C(0x8000) * LANES;
}

/* True if a line of the hash's chain has its fingerprint. */
static bool maybe_listed(const struct policy_image *image, uint64_t hash)
{
    const uint64_t pattern = image_fingerprint(hash) * LANES;
    const uint8_t *line =
        image->lines + image_line_of(hash, image->line_count) * IMAGE_LINE_OCTETS;

    for (unsigned chain = 0; chain < IMAGE_CHAIN_MAX; chain++, line += IMAGE_LINE_OCTETS) {
        uint64_t found = 0;

        for (unsigned word = 0; word < WORDS; word++) {
            found |= equal_lanes(line_word(line, word), pattern);
        }
        if (found != 0) {
            return true;
        }
        if ((image_get32(line) & IMAGE_CHAIN_BIT) == 0) {
            return false;
        }
    }
    return false;
}

/* Octets of the records before that of a lane of the line. */
static size_t octets_before(const uint8_t *line, unsigned lane)
{
    uint64_t codes = 0, longs = 0;

    for (unsigned word = 0; word <= lane / 4; word++) {
        uint64_t value = line_word(line, word);

        if (word == lane / 4) {
            value &= (UINT64_C(1) << 16 * (lane % 4)) - 1;
        }
        value &= IMAGE_CODE_LONG * LANES;
        codes += value; /* at most 8 * 63 in a lane */
        longs += (value + LANES) >> IMAGE_CODE_BITS & LANES;
    }
    const size_t code_sum = (codes * LANES) >> 48;
    const size_t long_count = (longs * LANES) >> 48;
    return code_sum + IMAGE_RECORD_MIN * (lane - FIRST_LANE) +
           long_count * (IMAGE_RECORD_LONG - IMAGE_RECORD_MIN - IMAGE_CODE_LONG);
}

/* True if the record of a lane is the child of parent with this label. */
static bool record_is(const struct policy_image *image, const uint8_t *line, unsigned lane,
                      uint32_t parent, const uint8_t *label, struct node *out)
{
    const unsigned code = image_get16(line + (size_t)2 * lane) & IMAGE_CODE_LONG;
    const size_t offset = (image_get32(line) & ~IMAGE_CHAIN_BIT) + octets_before(line, lane);
    uint32_t head = 0, tag = 0;

    /* At most 80 octets are read from here, and the pad has 1,024. */
    if (offset >= image->records_len) {
        return false;
    }
    const uint8_t *at = image->records + offset;
    size_t len = code + IMAGE_RECORD_MIN;
    if (code == IMAGE_CODE_LONG) {
        len = *at++;
    }
    const uint8_t *const end = at + len;
    at = image_get_varint(at, &head);
    if (head >> IMAGE_TAG_BITS != parent) {
        return false;
    }
    const unsigned which = head & IMAGE_TAGS;
    if (which < IMAGE_TAGS) {
        tag = image->tags[which];
    } else {
        at = image_get_varint(at, &tag);
    }
    out->interior = (tag & 1) != 0;
    out->class = tag >> 1;
    out->id = UINT32_MAX;
    if (out->interior) {
        at = image_get_varint(at, &out->id);
    }
    /* label[0] <= 63, so that at most 63 octets are compared, whatever end is. */
    return at < end && (size_t)(end - at) == label[0] && memcmp(at, label + 1, label[0]) == 0 &&
           out->class < image->class_count;
}

/* Finds the child of parent with this label. */
static bool find_node(const struct policy_image *image, uint64_t hash, uint32_t parent,
                      const uint8_t *label, struct node *out)
{
    const uint64_t pattern = image_fingerprint(hash) * LANES;
    const uint8_t *line =
        image->lines + image_line_of(hash, image->line_count) * IMAGE_LINE_OCTETS;

    /* The index is below line_count, and IMAGE_LINE_PAD lines follow the last. */
    for (unsigned chain = 0; chain < IMAGE_CHAIN_MAX; chain++, line += IMAGE_LINE_OCTETS) {
        for (unsigned word = 0; word < WORDS; word++) {
            uint64_t lanes = equal_lanes(line_word(line, word), pattern);

            for (; lanes != 0; lanes &= lanes - 1) {
                const unsigned lane = 4 * word + (unsigned)__builtin_ctzll(lanes) / 16;

                if (record_is(image, line, lane, parent, label, out)) {
                    return true;
                }
            }
        }
        if ((image_get32(line) & IMAGE_CHAIN_BIT) == 0) {
            return false;
        }
    }
    return false;
}

static uint32_t class_set(const struct policy_image *image, uint32_t class, unsigned which)
{
    const uint8_t *at = image->parts[IMAGE_CLASSES].at + (size_t) class * IMAGE_CLASS_OCTETS;
    const uint32_t set = image_get32(at + (size_t)4 * which);

    return set < image->set_count ? set : 0;
}

/* hot */
void policy_image_find_name(const struct policy_image *image, const struct wire_name *name,
                            struct policy_matches *out)
{
    const unsigned depth = name->labels < image->max_depth ? name->labels : image->max_depth;
    struct siphash state = image->start;
    struct node node = {.id = 0};
    uint64_t hashes[2]; /* of the first and second suffix */

    out->count = 0;
    out->pass_below = 0;
    if (name->labels == 0) {
        const uint32_t set = image_get32(image->octets + IMAGE_AT_ROOT_BELOW);
        out->pass_below = set < image->set_count ? set : 0;
        return;
    }
    for (unsigned i = 1; i <= 2 && i <= depth; i++) {
        siphash_add_label(&state, name->octets + name->at[name->labels - i]);
        hashes[i - 1] = siphash_read(&state);
    }
    /* A rule has two labels at least: for most names that are not listed, this one line is the
     * whole look-up. */
    if (name->labels >= 2 && (depth < 2 || !maybe_listed(image, hashes[1]))) {
        return;
    }
    for (unsigned i = 1; i <= depth; i++) {
        const uint8_t *label = name->octets + name->at[name->labels - i];

        if (i > 2) {
            siphash_add_label(&state, label);
        }
        const uint64_t hash = i <= 2 ? hashes[i - 1] : siphash_read(&state);
        if (!find_node(image, hash, node.id, label, &node)) {
            return;
        }
        const bool whole = i == name->labels;
        const uint32_t set = class_set(image, node.class, whole ? 0 : 1);
        if (set != 0) {
            out->at[out->count++] =
                (struct policy_match_entry){.set = set, .labels = (uint8_t)i};
        }
        if (whole) {
            out->pass_below = class_set(image, node.class, 2);
        }
        if (!node.interior) {
            return;
        }
    }
}

/* True if the first bits of a and b are equal. */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    const unsigned whole = bits / 8;

    if (memcmp(a, b, whole) != 0) {
        return false;
    }
    return bits % 8 == 0 || ((a[whole] ^ b[whole]) & 0xff00 >> bits % 8 & 0xff) == 0;
}

/* One of the two tables of prefixes. */
struct prefixes {
    const uint8_t *at;
    uint32_t count;
    uint32_t unit;
    unsigned width; /* octets of an address */
};

/*
 * Prefixes are sorted by their octets, shorter ones first, and each names the one that covers
 * it. All that cover an address then lie on the path upwards from the last that is not greater
 * than it.
 */
static void find_prefixes(const struct policy_image *image, const struct prefixes *table,
                          const uint8_t *octets, struct policy_matches *out)
{
    struct policy_match_entry found[128];
    unsigned count = 0;
    uint32_t low = 0, high = table->count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (memcmp(table->at + (size_t)middle * table->unit, octets, table->width) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    /* low is the number + 1 of the last that is not greater; each step must lower it. */
    for (uint32_t number = low; number != 0 && count < 128;) {
        const uint8_t *at = table->at + (size_t)(number - 1) * table->unit;
        const unsigned bits = at[table->width];
        const uint32_t set = image_get32(at + table->width + 4);
        const uint32_t above = image_get32(at + table->width + 8);

        if (bits <= 8 * table->width && set != 0 && set < image->set_count &&
            same_bits(at, octets, bits)) {
            found[count++] = (struct policy_match_entry){.set = set, .labels = (uint8_t)bits};
        }
        if (above >= number) {
            break;
        }
        number = above;
    }
    while (count > 0) {
        out->at[out->count++] = found[--count];
    }
}

/* hot */
void policy_image_find_address(const struct policy_image *image, const struct address *address,
                               struct policy_matches *out)
{
    const struct prefixes table4 = {image->parts[IMAGE_PREFIXES4].at, image->prefix4_count,
                                    IMAGE_PREFIX4_OCTETS, 4};
    const struct prefixes table6 = {image->parts[IMAGE_PREFIXES6].at, image->prefix6_count,
                                    IMAGE_PREFIX6_OCTETS, 16};
    struct address v4;

    out->count = 0;
    out->pass_below = 0;
    out->family = address->family;
    if (address->family == ADDRESS_V4) {
        find_prefixes(image, &table4, address->octets, out);
        return;
    }
    if (address->family == ADDRESS_V6) {
        find_prefixes(image, &table6, address->octets, out);
    }
    /* A client that is given 64:ff9b::192.0.2.1 or ::ffff:192.0.2.1 ends up at 192.0.2.1. What
     * a list says of the IPv6 address itself comes first. */
    if (out->count == 0 && address_embedded_v4(address, &v4)) {
        out->family = ADDRESS_V4;
        find_prefixes(image, &table4, v4.octets, out);
    }
}

uint32_t policy_image_line(const struct policy_image *image, uint8_t list,
                           const struct wire_name *name, enum policy_match match,
                           enum policy_kind kind)
{
    struct siphash state = image->start;
    const uint8_t *origins = image->parts[IMAGE_ORIGINS].at;
    uint32_t low = 0, high = image->origin_count;

    for (unsigned i = name->labels; i > 0; i--) {
        siphash_add_label(&state, name->octets + name->at[i - 1]);
    }
    const uint64_t hash = siphash_read(&state);
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (image_get64(origins + (size_t)middle * IMAGE_ORIGIN_OCTETS) < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < image->origin_count; low++) {
        const uint8_t *at = origins + (size_t)low * IMAGE_ORIGIN_OCTETS;

        if (image_get64(at) != hash) {
            break;
        }
        if (at[12] == list && at[13] == (uint8_t)match && at[14] == (uint8_t)kind) {
            return image_get32(at + 8);
        }
    }
    return 0;
}
