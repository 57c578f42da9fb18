/* Look-ups in an image. The proof that no octets lead a reader out of it stands beside each
 * access: lines by construction of the index, records by one comparison and the pad. */
#include "policy/image_lanes.h"

#include "base/invariant.h"
#include "base/same.h"

struct node {
    uint32_t id;
    uint32_t class;
    bool interior;
};

/* The index is below line_count, and IMAGE_LINE_PAD lines follow the last. */
static inline void aim_at(const struct policy_image *image, const struct siphash *state,
                          struct policy_image_step *step)
{
    step->hash = siphash_read(state);
    step->line =
        image->lines + image_line_of(step->hash, image->line_count) * IMAGE_LINE_OCTETS;
    __builtin_prefetch(step->line);
}

static bool goes_on(const uint8_t *line)
{
    return (little_get32(line) & IMAGE_CHAIN_BIT) != 0;
}

static size_t record_offset(const uint8_t *line, unsigned lane)
{
    return (little_get32(line) & ~IMAGE_CHAIN_BIT) + image_octets_before(line, lane);
}

/* True if the record at offset, of a slot with this length code, is the child of parent with
 * this label. */
static bool record_is(const struct policy_image *image, size_t offset, unsigned code,
                      uint32_t parent, const uint8_t *label, struct node *out)
{
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
    return at < end && (size_t)(end - at) == label[0] && same_octets(at, label + 1, label[0]) &&
           out->class < image->class_count;
}

static unsigned code_of(const uint8_t *line, unsigned lane)
{
    return little_get16(line + (size_t)2 * lane) & IMAGE_CODE_LONG;
}

/* Finds the first line of the chain that has the fingerprint, or none, and has the record there
 * come. At most IMAGE_CHAIN_MAX lines are read, and as many follow the last. */
static inline void look(const struct policy_image *image, struct policy_image_step *step)
{
    for (step->chain = 0;; step->line += IMAGE_LINE_OCTETS) {
        step->lanes = image_lanes(step->line, step->hash);
        if (step->lanes != 0) {
            break;
        }
        if (!goes_on(step->line) || ++step->chain == IMAGE_CHAIN_MAX) {
            return;
        }
    }
    step->record = record_offset(step->line, (unsigned)__builtin_ctz(step->lanes));
    if (step->record < image->records_len) {
        __builtin_prefetch(image->records + step->record);
    }
}

/* Finds the child of parent with this label: in the lanes of the step's line first, which are
 * known, then further along the chain. */
static bool find_node(const struct policy_image *image, struct policy_image_step *step,
                      uint32_t parent, const uint8_t *label, struct node *out)
{
    for (;;) {
        while (step->lanes != 0) {
            const unsigned lane = (unsigned)__builtin_ctz(step->lanes);

            if (record_is(image, step->record, code_of(step->line, lane), parent, label, out)) {
                return true;
            }
            step->lanes &= step->lanes - 1;
            if (step->lanes != 0) {
                step->record = record_offset(step->line, (unsigned)__builtin_ctz(step->lanes));
            }
        }
        if (!goes_on(step->line) || ++step->chain == IMAGE_CHAIN_MAX) {
            return false;
        }
        step->line += IMAGE_LINE_OCTETS;
        step->lanes = image_lanes(step->line, step->hash);
        if (step->lanes != 0) {
            step->record = record_offset(step->line, (unsigned)__builtin_ctz(step->lanes));
        }
    }
}

static uint32_t class_set(const struct policy_image *image, uint32_t class, unsigned which)
{
    const uint8_t *at = image->parts[IMAGE_CLASSES].at + (size_t) class * IMAGE_CLASS_OCTETS;
    const uint32_t set = little_get32(at + (size_t)4 * which);

    return set < image->set_count ? set : 0;
}

/* The label that has so many to its right. */
static const uint8_t *label_at(const struct wire_name *name, unsigned right)
{
    return name->octets + name->at[name->labels - 1 - right];
}

/* hot. Goes down from the top-level domain as long as names are listed. aim->first: the hash of
 * that; the steps of two labels and of three, as far as there are so many, are the aim's.
 * Further down the next line is asked for when it is known that there is something below: of
 * most names there is not. */
static __attribute__((noinline)) void descend(const struct policy_image *image,
                                              const struct wire_name *name, unsigned depth,
                                              struct policy_image_aim *aim,
                                              struct policy_matches *out)
{
    struct node node = {.id = 0};
    struct policy_image_step other;
    struct policy_image_step *step = &other;

    aim_at(image, &aim->first, step);
    look(image, step);
    for (unsigned i = 1;
         step->lanes != 0 && find_node(image, step, node.id, label_at(name, i - 1), &node);
         i++) {
        const bool whole = i == name->labels;
        const uint32_t set = class_set(image, node.class, whole ? 0 : 1);

        if (set != 0) {
            out->at[out->count++] =
                (struct policy_match_entry){.set = set, .labels = (uint8_t)i};
        }
        if (whole) {
            out->pass_below = class_set(image, node.class, 2);
        }
        if (!node.interior || i == depth) {
            return;
        }
        if (i == 1) {
            step = &aim->second;
        } else if (i == 2) {
            policy_image_go_near(image, name, aim); /* unless somebody has */
            step = &aim->third;
        } else {
            step = &other;
            siphash_add_label(&aim->state, label_at(name, i));
            aim_at(image, &aim->state, step);
            look(image, step);
        }
    }
}

/* hot */
void policy_image_take_aim(const struct policy_image *image, const struct wire_name *name,
                           struct policy_image_aim *aim)
{
    aim->stage = POLICY_IMAGE_NO_AIM;
    if (name->labels < 2 || image->max_depth < 2) {
        return;
    }
    aim->stage = POLICY_IMAGE_AIMED;
    aim->first = image->start;
    siphash_add_label(&aim->first, label_at(name, 0));
    aim->state = aim->first;
    siphash_add_label(&aim->state, label_at(name, 1));
    aim_at(image, &aim->state, &aim->second);
}

/* hot */
void policy_image_go_near(const struct policy_image *image, const struct wire_name *name,
                          struct policy_image_aim *aim)
{
    if (aim->stage == POLICY_IMAGE_NEAR) {
        look(image, &aim->third);
        aim->stage = POLICY_IMAGE_NEARER;
    } else if (aim->stage == POLICY_IMAGE_AIMED) {
        look(image, &aim->second);
        aim->stage = POLICY_IMAGE_NEARER;
        if (aim->second.lanes != 0 && name->labels > 2 && image->max_depth > 2) {
            siphash_add_label(&aim->state, label_at(name, 2));
            aim_at(image, &aim->state, &aim->third);
            aim->stage = POLICY_IMAGE_NEAR;
        }
    }
}

/* hot */
void policy_image_find_aimed(const struct policy_image *image, const struct wire_name *name,
                             struct policy_image_aim *aim, struct policy_matches *out)
{
    const unsigned depth = name->labels < image->max_depth ? name->labels : image->max_depth;

    out->count = 0;
    out->pass_below = 0;
    if (name->labels == 0) {
        const uint32_t set = little_get32(image->octets + IMAGE_AT_ROOT_BELOW);
        out->pass_below = set < image->set_count ? set : 0;
        return;
    }
    if (depth == 0 || (name->labels >= 2 && depth < 2)) {
        return;
    }
    if (depth < 2) { /* a top-level domain, which has no aim */
        aim->first = image->start;
        siphash_add_label(&aim->first, label_at(name, 0));
        descend(image, name, depth, aim, out);
        return;
    }
    /* A rule has two labels at least: for most names that are not listed, this one line is the
     * whole look-up. */
    invariant(aim->stage != POLICY_IMAGE_NO_AIM); /* as such a name has an aim */
    if (aim->stage == POLICY_IMAGE_AIMED) {
        policy_image_go_near(image, name, aim);
    }
    if (aim->second.lanes != 0) {
        descend(image, name, depth, aim, out);
    }
}

/* hot */
void policy_image_find_name(const struct policy_image *image, const struct wire_name *name,
                            struct policy_matches *out)
{
    struct policy_image_aim aim;

    policy_image_take_aim(image, name, &aim);
    policy_image_find_aimed(image, name, &aim, out);
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
    unsigned width;   /* octets of an address */
    unsigned subject; /* the bit of the subject that is looked for */
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
        const uint32_t set = little_get32(at + table->width + 4);
        const uint32_t above = little_get32(at + table->width + 8);

        if ((at[table->width + 1] & table->subject) != 0 && bits <= 8 * table->width &&
            set != 0 && set < image->set_count && same_bits(at, octets, bits)) {
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
void policy_image_find_address(const struct policy_image *image, enum policy_subject subject,
                               const struct address *address, struct policy_matches *out)
{
    const unsigned bit = 1u << (unsigned)subject;
    const struct prefixes table4 = {image->parts[IMAGE_PREFIXES4].at, image->prefix4_count,
                                    IMAGE_PREFIX4_OCTETS, 4, bit};
    const struct prefixes table6 = {image->parts[IMAGE_PREFIXES6].at, image->prefix6_count,
                                    IMAGE_PREFIX6_OCTETS, 16, bit};
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
    if (out->count == 0 && subject != POLICY_SUBJECT_CLIENT &&
        address_embedded_v4(address, &v4)) {
        out->family = ADDRESS_V4;
        find_prefixes(image, &table4, v4.octets, out);
    }
}

uint32_t policy_image_line(const struct policy_image *image, uint8_t list,
                           const struct wire_name *name, enum policy_match match,
                           enum policy_kind kind, enum policy_subject subject)
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

        if (little_get64(origins + (size_t)middle * IMAGE_ORIGIN_OCTETS) < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < image->origin_count; low++) {
        const uint8_t *at = origins + (size_t)low * IMAGE_ORIGIN_OCTETS;

        if (little_get64(at) != hash) {
            break;
        }
        if (at[12] == list && at[13] == (uint8_t)match && at[14] == (uint8_t)kind &&
            at[15] == (uint8_t)subject) {
            return little_get32(at + 8);
        }
    }
    return 0;
}
