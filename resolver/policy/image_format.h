/*
 * policy/image_format.h - the octets of an image: docs/policy-image.md in numbers. Internal to
 * the room (and its benchmark): everybody else reads through policy/image.h.
 *
 * All numbers are little-endian and read octet-wise, so that an image may lie anywhere.
 */
#ifndef CORDON_POLICY_IMAGE_FORMAT_H
#define CORDON_POLICY_IMAGE_FORMAT_H

#include "base/little.h"
#include "base/siphash.h"
#include "policy/image.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define IMAGE_MAGIC         "cordonPI"
#define IMAGE_MAJOR         2u
#define IMAGE_MINOR         0u
#define IMAGE_ENDIAN        0x01020304u
#define IMAGE_HEADER_OCTETS 4096u
#define IMAGE_ALIGNMENT     64u
#define IMAGE_TRAILER       32u /* keyed BLAKE2b-256 after the image, in files only */

/* Above what 128 lists of real names come to; a file that claims more is not read. */
#define IMAGE_OCTETS_MAX (UINT64_C(4) << 30)

/* Offsets in the header. */
enum image_header {
    IMAGE_AT_MAGIC = 0,          /* 8 octets */
    IMAGE_AT_MAJOR = 8,          /* u16 */
    IMAGE_AT_MINOR = 10,         /* u16 */
    IMAGE_AT_HEADER_OCTETS = 12, /* u32 */
    IMAGE_AT_ENDIAN = 16,        /* u32 */
    IMAGE_AT_SECTIONS = 20,      /* u32: entries of the section table */
    IMAGE_AT_OCTETS = 24,        /* u64: of the image, trailer not counted */
    IMAGE_AT_SEED = 32,          /* 16 octets: key of the name hashes */
    IMAGE_AT_INPUTS = 48,        /* 32 octets */
    IMAGE_AT_RULES = 80,         /* u64 */
    IMAGE_AT_NODES = 88,         /* u64 */
    IMAGE_AT_INTERIOR = 96,      /* u64 */
    IMAGE_AT_MAX_DEPTH = 104,    /* u32: labels of the longest listed name */
    IMAGE_AT_ATTEMPT = 108,      /* u32: which seed it was */
    IMAGE_AT_ROOT_BELOW = 112,   /* u32: set of what is below the root */
    IMAGE_AT_TAGS = 116,         /* IMAGE_TAGS u32: the tags that most nodes have */
    IMAGE_AT_TABLE = 128         /* section table: entries of IMAGE_ENTRY octets */
};

#define IMAGE_ENTRY        32u /* u32 type, u32 flags, u64 offset, u64 length, 8 octets zero */
#define IMAGE_SECTIONS_MAX ((IMAGE_HEADER_OCTETS - IMAGE_AT_TABLE) / IMAGE_ENTRY)
#define IMAGE_REQUIRED     1u /* flag: a reader that does not know the type refuses the image */

enum image_section {
    IMAGE_LISTS = 1,
    IMAGE_STRINGS,
    IMAGE_ROWS,
    IMAGE_SETS,    /* u32: where in the members each set starts, and the end of the last */
    IMAGE_MEMBERS, /* u32 row numbers */
    IMAGE_CLASSES,
    IMAGE_PREFIXES4,
    IMAGE_PREFIXES6,
    IMAGE_LINES,
    IMAGE_RECORDS,
    IMAGE_ORIGINS, /* optional: lines of rules in the texts */
    IMAGE_SECTION_TYPES
};

/* A list: 16 string offsets (u32), then numbers. */
enum image_list {
    IMAGE_LIST_ID,
    IMAGE_LIST_TITLE,
    IMAGE_LIST_PROVIDER,
    IMAGE_LIST_PROVIDER_NAME,
    IMAGE_LIST_PARENT_NAME,
    IMAGE_LIST_LEGAL,
    IMAGE_LIST_CLASS,
    IMAGE_LIST_ENTITY,
    IMAGE_LIST_AUTHORITY,
    IMAGE_LIST_CITATION,
    IMAGE_LIST_EFFECTIVE,
    IMAGE_LIST_CHECKED,
    IMAGE_LIST_STATE,
    IMAGE_LIST_STRINGS
};
#define IMAGE_LIST_AT_SERIAL  64u /* u32 */
#define IMAGE_LIST_AT_RULES   68u /* u32 */
#define IMAGE_LIST_AT_CREATED 72u /* u64 */
#define IMAGE_LIST_AT_EXPIRES 80u /* u64 */
#define IMAGE_LIST_AT_DIGEST  88u /* 32 octets */
#define IMAGE_LIST_OCTETS     128u

/* A row: list, kind, match, scope, confidence, action, flags, redirect length (u8 each), then
 * string offsets of category and redirect (u32 each). */
#define IMAGE_ROW_OCTETS   16u
#define IMAGE_ROW_PREFIXES 1u /* flag: redirect:*.NAME */
#define IMAGE_ROW_ENDS     2u /* flag: ends=chain */
#define IMAGE_ROW_SUBJECT  2u /* the flags above these bits: enum policy_subject */

/* Rows in one set: 128 lists with two rules each for a name (suffix and exact, or suffix and
 * below), about what is asked for and about name servers. */
#define IMAGE_SET_MAX 512u

#define IMAGE_CLASS_OCTETS 12u /* u32 sets: the name itself, below it, what is listed below */

/* Prefix: octets, bits (u8), subjects (u8: a bit for each that its set has rules about), 2
 * zero, set (u32), number of the covering prefix + 1 (u32). */
#define IMAGE_PREFIX4_OCTETS 16u
#define IMAGE_PREFIX6_OCTETS 28u

#define IMAGE_LINE_OCTETS 64u
#define IMAGE_LINE_SLOTS  30u
#define IMAGE_LINE_FILL   23u /* nodes a line, on average: few lines overflow */
#define IMAGE_CHAIN_MAX   4u  /* lines that a look-up reads at most; the build sees to it */
#define IMAGE_LINE_PAD    4u  /* empty lines after the last */
#define IMAGE_CHAIN_BIT   0x80000000u

/* A slot: ten bits of fingerprint (never 0), six of length code. */
#define IMAGE_CODE_BITS   6u
#define IMAGE_CODE_LONG   63u
#define IMAGE_RECORD_MIN  2u  /* code 0 */
#define IMAGE_RECORD_LONG 80u /* code 63: a length octet, the record, zero octets */
#define IMAGE_RECORD_PAD  1024u

#define IMAGE_VARINT_MAX 0x0fffffffu /* 28 bits in four octets */

/* A record begins with parent * 4 + which: a tag of the header, or (3) one that follows. */
#define IMAGE_TAGS     3u
#define IMAGE_TAG_BITS 2u
#define IMAGE_TAG_NONE UINT32_MAX /* in the header: no such tag; no class is so large */

/* Origin: u64 hash of the name, u32 line, list, match, kind, subject (u8 each). */
#define IMAGE_ORIGIN_OCTETS 16u

/* Images of more rules have no origins: lists that large are made by machines, and their line
 * numbers tell a person nothing. */
#define IMAGE_ORIGINS_MAX 65536u

struct image_part {
    const uint8_t *at;
    size_t len;
};

enum image_memory {
    IMAGE_BORROWED,
    IMAGE_MAPPED
};

struct policy_image {
    const uint8_t *octets;
    size_t len;
    enum image_memory memory;
    struct siphash start; /* keyed, before any label */
    uint64_t line_count;
    const uint8_t *lines, *records;
    size_t records_len; /* without the pad */
    uint32_t class_count, set_count, row_count, member_count, list_count;
    uint32_t prefix4_count, prefix6_count, origin_count;
    uint32_t max_depth;
    uint32_t tags[IMAGE_TAGS];
    struct image_part parts[IMAGE_SECTION_TYPES];
};

/* The line of a hash: its upper bits spread over the lines. */
static inline uint64_t image_line_of(uint64_t hash, uint64_t line_count)
{
    return (uint64_t)(((__extension__(unsigned __int128) hash) * line_count) >> 64);
}

/* The fingerprint of a hash: its lower bits, 1 to 1023, as the upper bits of a slot. */
static inline uint16_t image_fingerprint(uint64_t hash)
{
    const uint64_t low = hash & UINT64_C(0xffffffff);

    return (uint16_t)((1 + (low * 1023 >> 32)) << IMAGE_CODE_BITS);
}

/* Numbers of 7, 14, 21 or 28 bits in 1 to 4 octets; the first octet's top bits say how many. */
static inline size_t image_varint_octets(uint32_t value)
{
    return value < 1u << 7 ? 1 : value < 1u << 14 ? 2 : value < 1u << 21 ? 3 : 4;
}

static inline uint8_t *image_put_varint(uint8_t *at, uint32_t value)
{
    static const uint8_t marks[] = {0x00, 0x80, 0xc0, 0xe0};
    const size_t octets = image_varint_octets(value);

    for (size_t i = octets; i > 0; i--) {
        at[i - 1] = (uint8_t)value;
        value >>= 8;
    }
    at[0] |= marks[octets - 1];
    return at + octets;
}

/* Reads at most four octets, whatever they are. */
static inline const uint8_t *image_get_varint(const uint8_t *at, uint32_t *value)
{
    const uint32_t first = at[0];

    if (first < 0x80) {
        *value = first;
        return at + 1;
    }
    if (first < 0xc0) {
        *value = (first & 0x3f) << 8 | at[1];
        return at + 2;
    }
    if (first < 0xe0) {
        *value = (first & 0x1f) << 16 | (uint32_t)at[1] << 8 | at[2];
        return at + 3;
    }
    *value = (first & 0x0f) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    return at + 4;
}

/* Memory for an image: a memory file of len octets, in large pages where the system gives them,
 * and a mapping to write it. 0 or -errno. */
int image_memory_open(size_t len, uint8_t **memory, int *file);
/* Seals a complete memory file, and gives the image that is mapped from it. The file is closed
 * and what could be written to unmapped, on failure too. 0, -errno, or the codes of
 * policy_image_attach. */
int image_memory_seal(uint8_t *memory, int file, size_t len, struct policy_image **image);

/* Reads the header and finds the sections, in constant time. memory says who frees octets;
 * on failure they stay the caller's. 0, CORDON_E_CORRUPT, CORDON_E_VERSION, -ENOMEM. */
int policy_image_attach(const uint8_t *octets, size_t len, enum image_memory memory,
                        struct policy_image **image);

#endif
