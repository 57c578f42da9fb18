#include "wire/name.h"

#include "base/same.h"
#include "wire/limits.h"

#include <string.h>

enum keep {
    KEEP_NOTHING, /* check only */
    KEEP_CASE,
    KEEP_LOWER
};

#define EACH(octet) (UINT64_C(0x0101010101010101) * (octet))

/* wire_lower() of eight octets at once. */
static inline uint64_t lower_eight(uint64_t octets)
{
    const uint64_t low = octets & EACH(0x7f);
    const uint64_t from_a = low + EACH(0x80 - 'A');      /* the top bit: 'A' or above */
    const uint64_t above_z = low + EACH(0x80 - 'Z' - 1); /* above 'Z' */
    const uint64_t upper = from_a & ~above_z & ~octets & EACH(0x80);

    return octets | upper >> 2; /* 0x80 becomes 0x20 */
}

#define SIXTEEN 16u

/* wire_lower() of sixteen at once. */
static inline void lower_sixteen(uint8_t *to, const uint8_t *from)
{
    typedef uint8_t vector __attribute__((vector_size(SIXTEEN)));
    vector octets;

    memcpy(&octets, from, SIXTEEN);
    octets |= (vector)(octets - 'A' < 26) & 0x20;
    memcpy(to, &octets, SIXTEEN);
}

/* Labels that stand one behind the other, their length octets among them: these are below 'A'
 * and stay what they are. */
static inline void keep_run(uint8_t *to, const uint8_t *from, size_t len, enum keep keep)
{
    uint64_t eight;

    if (keep == KEEP_CASE) {
        memcpy(to, from, len);
        return;
    }
    if (len < sizeof(eight)) {
        for (size_t i = 0; i < len; i++) {
            to[i] = wire_lower(from[i]);
        }
        return;
    }
    if (len >= SIXTEEN) {
        for (size_t i = 0; i < len; i += SIXTEEN) {
            const size_t at = i + SIXTEEN <= len ? i : len - SIXTEEN;

            lower_sixteen(to + at, from + at);
        }
        return;
    }
    /* The last eight are perhaps written twice, with the same octets. */
    for (size_t i = 0; i < len; i += sizeof(eight)) {
        const size_t at = i + sizeof(eight) <= len ? i : len - sizeof(eight);

        memcpy(&eight, from + at, sizeof(eight));
        eight = lower_eight(eight);
        memcpy(to + at, &eight, sizeof(eight));
    }
}

/* One body for all three readers; keep is a constant in each, so the compiler makes three. */
static inline enum wire_result read_name(const uint8_t *msg, size_t msg_len, size_t *pos,
                                         struct wire_name *name, enum keep keep)
{
    size_t in = *pos;
    size_t out = 0;
    size_t run = in;   /* where the labels begin that are not copied yet */
    size_t below = in; /* where a pointer must aim; each one lowers it */
    size_t end = 0;    /* where the caller continues; known at the first pointer */
    unsigned labels = 0;
    unsigned pointers = 0;

    for (;;) {
        if (in >= msg_len) {
            return WIRE_SHORT;
        }
        const uint8_t len = msg[in];

        if ((len & 0xc0) == 0xc0) {
            if (in + 1 >= msg_len) {
                return WIRE_SHORT;
            }
            const size_t target = (size_t)(len & 0x3f) << 8 | msg[in + 1];
            if (target >= below || ++pointers > WIRE_POINTERS_MAX) {
                return WIRE_BAD_POINTER;
            }
            if (pointers == 1) {
                end = in + 2;
            }
            if (keep != KEEP_NOTHING) {
                keep_run(name->octets + out - (in - run), msg + run, in - run, keep);
            }
            in = below = run = target;
            continue;
        }
        if (len > WIRE_LABEL_MAX) {
            return WIRE_BAD_LABEL;
        }
        if (len >= msg_len - in) {
            return WIRE_SHORT;
        }
        if (out + 1u + len > WIRE_NAME_MAX) {
            return WIRE_TOO_LONG;
        }
        if (keep != KEEP_NOTHING) {
            name->at[labels] = (uint8_t)out;
        }
        out += 1u + len;
        in += 1u + len;
        if (len == 0) {
            break;
        }
        labels++;
    }
    if (keep != KEEP_NOTHING) {
        keep_run(name->octets + out - (in - run), msg + run, in - run, keep);
        name->labels = (uint8_t)labels;
        name->len = (uint8_t)out;
    }
    *pos = pointers > 0 ? end : in;
    return WIRE_OK;
}

enum wire_result wire_name_read(const uint8_t *msg, size_t msg_len, size_t *pos,
                                struct wire_name *name)
{
    return read_name(msg, msg_len, pos, name, KEEP_LOWER);
}

enum wire_result wire_name_read_cased(const uint8_t *msg, size_t msg_len, size_t *pos,
                                      struct wire_name *name)
{
    return read_name(msg, msg_len, pos, name, KEEP_CASE);
}

/* hot. No pointer may stand in it, so one look at each length does. */
bool wire_name_read_plain(const uint8_t *msg, size_t msg_len, size_t *pos,
                          struct wire_name *name)
{
    const uint8_t *const from = msg + *pos;
    const size_t rest = *pos < msg_len ? msg_len - *pos : 0;
    const size_t most = rest < WIRE_NAME_MAX ? rest : WIRE_NAME_MAX;
    unsigned labels = 0;
    size_t at = 0;

    for (; at < most && from[at] != 0; at += 1u + from[at]) {
        if (from[at] > WIRE_LABEL_MAX) {
            return false;
        }
        name->at[labels++] = (uint8_t)at; /* a label has two octets: 127 at most */
    }
    if (at >= most) {
        return false;
    }
    name->at[labels] = (uint8_t)at;
    name->labels = (uint8_t)labels;
    name->len = (uint8_t)(at + 1);
    keep_run(name->octets, from, at + 1, KEEP_LOWER);
    *pos += at + 1;
    return true;
}

enum wire_result wire_name_skip(const uint8_t *msg, size_t msg_len, size_t *pos)
{
    return read_name(msg, msg_len, pos, NULL, KEEP_NOTHING);
}

static uint64_t load_eight(const uint8_t *at)
{
    uint64_t eight;

    memcpy(&eight, at, sizeof(eight));
    return eight;
}

bool wire_octets_same(const uint8_t *a, const uint8_t *b, size_t len)
{
    uint64_t differ = 0;

    if (len < sizeof(differ)) {
        for (size_t i = 0; i < len; i++) {
            differ |= (uint64_t)(wire_lower(a[i]) ^ wire_lower(b[i]));
        }
        return differ == 0;
    }
    /* The last eight are perhaps looked at twice. */
    for (size_t i = 0; i < len && differ == 0; i += sizeof(differ)) {
        const size_t at = i + sizeof(differ) <= len ? i : len - sizeof(differ);

        differ = lower_eight(load_eight(a + at)) ^ lower_eight(load_eight(b + at));
    }
    return differ == 0;
}

bool wire_name_equal(const struct wire_name *a, const struct wire_name *b)
{
    return a->len == b->len && same_octets(a->octets, b->octets, a->len);
}

bool wire_name_is_within(const struct wire_name *name, const struct wire_name *suffix)
{
    if (suffix->labels > name->labels) {
        return false;
    }
    const size_t start = name->at[name->labels - suffix->labels];

    return name->len - start == suffix->len &&
           memcmp(name->octets + start, suffix->octets, suffix->len) == 0;
}

void wire_name_suffix(const struct wire_name *name, unsigned labels, struct wire_name *suffix)
{
    const unsigned first = name->labels - labels;
    const uint8_t start = name->at[first];
    struct wire_name out; /* so that suffix may be name itself */

    out.labels = (uint8_t)labels;
    out.len = (uint8_t)(name->len - start);
    memcpy(out.octets, name->octets + start, out.len);
    for (unsigned i = 0; i <= labels; i++) {
        out.at[i] = (uint8_t)(name->at[first + i] - start);
    }
    *suffix = out;
}

bool wire_name_join(const struct wire_name *name, unsigned count,
                    const struct wire_name *target, struct wire_name *out)
{
    const size_t head = name->at[count];
    struct wire_name joined; /* so that out may be name or target */

    /* Both fit in 127 labels if the octets fit: a label takes two at least. */
    if (head + target->len > WIRE_NAME_MAX) {
        return false;
    }
    memcpy(joined.octets, name->octets, head);
    memcpy(joined.octets + head, target->octets, target->len);
    memcpy(joined.at, name->at, count);
    for (unsigned i = 0; i <= target->labels; i++) {
        joined.at[count + i] = (uint8_t)(head + target->at[i]);
    }
    joined.len = (uint8_t)(head + target->len);
    joined.labels = (uint8_t)(count + target->labels);
    *out = joined;
    return true;
}
