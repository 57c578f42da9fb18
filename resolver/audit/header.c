/*
 * audit/header.c - the fixed part of a block.
 */
#include "audit/block.h"

#include "base/little.h"

#include <string.h>

#define MAGIC "CRDB"

enum {
    AT_MAGIC = 0,
    AT_FORMAT = 4,
    AT_STREAM = 6,
    AT_FLAGS = 7,
    AT_NUMBER = 8,
    AT_FIRST_EVENT = 16,
    AT_EVENTS = 24,
    AT_ZERO = 28,
    AT_FIRST = 32,
    AT_LAST = 40,
    AT_SEALED = 48,
    AT_SESSION = 56,
    AT_FILE = 64,
    AT_BODY_LEN = 68,
    AT_ZERO_THEN = 72,
    AT_PREVIOUS = 96,
    AT_BODY = 128,
    AT_TREE = 160,
    AT_LOG = 192,
    AT_ZERO_TOO = 208
};

void audit_header_put(const struct audit_header *header, uint8_t out[AUDIT_HEADER_OCTETS])
{
    memset(out, 0, AUDIT_HEADER_OCTETS);
    memcpy(out + AT_MAGIC, MAGIC, 4);
    little_put16(out + AT_FORMAT, AUDIT_FORMAT);
    out[AT_STREAM] = header->stream;
    out[AT_FLAGS] = header->flags;
    little_put64(out + AT_NUMBER, header->number);
    little_put64(out + AT_FIRST_EVENT, header->first_event);
    little_put32(out + AT_EVENTS, header->events);
    little_put64(out + AT_FIRST, header->first_us);
    little_put64(out + AT_LAST, header->last_us);
    little_put64(out + AT_SEALED, header->sealed_us);
    little_put64(out + AT_SESSION, header->session);
    little_put32(out + AT_FILE, header->file);
    little_put32(out + AT_BODY_LEN, header->body_len);
    memcpy(out + AT_PREVIOUS, header->previous, DIGEST_OCTETS);
    memcpy(out + AT_BODY, header->body, DIGEST_OCTETS);
    memcpy(out + AT_TREE, header->tree, DIGEST_OCTETS);
    memcpy(out + AT_LOG, header->log, AUDIT_LOG_ID_OCTETS);
}

static bool is_zero(const uint8_t *at, size_t len)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < len; i++) {
        sum |= at[i];
    }
    return sum == 0;
}

bool audit_header_get(const uint8_t octets[AUDIT_HEADER_OCTETS], struct audit_header *out)
{
    struct audit_header header = {
        .stream = octets[AT_STREAM],
        .flags = octets[AT_FLAGS],
        .number = little_get64(octets + AT_NUMBER),
        .first_event = little_get64(octets + AT_FIRST_EVENT),
        .events = little_get32(octets + AT_EVENTS),
        .first_us = little_get64(octets + AT_FIRST),
        .last_us = little_get64(octets + AT_LAST),
        .sealed_us = little_get64(octets + AT_SEALED),
        .session = little_get64(octets + AT_SESSION),
        .file = little_get32(octets + AT_FILE),
        .body_len = little_get32(octets + AT_BODY_LEN),
    };

    if (memcmp(octets + AT_MAGIC, MAGIC, 4) != 0 ||
        little_get16(octets + AT_FORMAT) != AUDIT_FORMAT || header.stream == 0 ||
        header.stream > AUDIT_STREAMS || (header.flags & ~AUDIT_BLOCK_CLOCK_BACK) != 0 ||
        header.number >> 62 != 0 || header.first_event >> 62 != 0 || header.events == 0 ||
        header.events > AUDIT_BLOCK_EVENTS_MAX || header.first_us > header.last_us ||
        header.file == 0 || header.body_len > AUDIT_BODY_MAX ||
        !is_zero(octets + AT_ZERO, AT_FIRST - AT_ZERO) ||
        !is_zero(octets + AT_ZERO_THEN, AT_PREVIOUS - AT_ZERO_THEN) ||
        !is_zero(octets + AT_ZERO_TOO, AUDIT_HEADER_OCTETS - AT_ZERO_TOO)) {
        return false;
    }
    memcpy(header.previous, octets + AT_PREVIOUS, DIGEST_OCTETS);
    memcpy(header.body, octets + AT_BODY, DIGEST_OCTETS);
    memcpy(header.tree, octets + AT_TREE, DIGEST_OCTETS);
    memcpy(header.log, octets + AT_LOG, AUDIT_LOG_ID_OCTETS);
    *out = header;
    return true;
}

void audit_log_id(const char *origin, uint8_t out[AUDIT_LOG_ID_OCTETS])
{
    uint8_t digest[DIGEST_OCTETS];

    digest_sha256(origin, strlen(origin), digest);
    memcpy(out, digest, AUDIT_LOG_ID_OCTETS);
}

bool audit_body_is(const struct audit_header *header, const uint8_t *body)
{
    uint8_t digest[DIGEST_OCTETS];

    digest_of(body, header->body_len, NULL, digest);
    return digest_equal(digest, header->body);
}
