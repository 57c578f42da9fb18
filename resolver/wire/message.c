#include "wire/message.h"

#include "wire/option.h"

#include <string.h>

#define RECORD_FIXED 10 /* type, class, TTL and RDLENGTH */
#define TTL_MAX      0x7fffffffu

void wire_message_header(const uint8_t *octets, size_t len, struct wire_message *out)
{
    out->octets = octets;
    out->len = len;
    out->id = wire_get16(octets);
    out->flags = wire_get16(octets + 2);
    for (unsigned i = 0; i < 4; i++) {
        out->counts[i] = wire_get16(octets + 4 + 2 * (size_t)i);
    }
    out->name_at = WIRE_HEADER_OCTETS;
    out->body = WIRE_HEADER_OCTETS;
    out->name.len = 0;
    out->name.labels = 0;
    out->type = 0;
    out->class = 0;
}

enum wire_result wire_message_open(const uint8_t *octets, size_t len, struct wire_message *out)
{
    size_t at = WIRE_HEADER_OCTETS;

    if (len < WIRE_HEADER_OCTETS) {
        return WIRE_SHORT;
    }
    wire_message_header(octets, len, out);
    if (out->counts[0] > 1) {
        return WIRE_BAD_COUNT;
    }
    if (out->counts[0] == 0) {
        return WIRE_OK;
    }
    if (!wire_name_read_plain(octets, len, &at, &out->name)) {
        const enum wire_result result = wire_name_read(octets, len, &at, &out->name);

        if (result != WIRE_OK) {
            return result;
        }
    }
    if (at - out->name_at != out->name.len) {
        return WIRE_BAD_POINTER; /* nothing but the header stands before it */
    }
    if (len - at < 4) {
        return WIRE_SHORT;
    }
    out->type = wire_get16(octets + at);
    out->class = wire_get16(octets + at + 2);
    out->body = at + 4;
    return WIRE_OK;
}

void wire_cursor_start(struct wire_cursor *cursor, const struct wire_message *message)
{
    cursor->message = message;
    cursor->at = message->body;
    cursor->section = WIRE_ANSWER;
    cursor->left = message->counts[WIRE_ANSWER];
}

/* hot. A pointer to the question's name, which has been read: most owners are one. */
static bool is_of_question(const struct wire_message *message, size_t at)
{
    return message->name.len > 0 && message->len - at >= 2 && message->octets[at] == 0xc0 &&
           message->octets[at + 1] == WIRE_HEADER_OCTETS;
}

/* hot. at is at most the length. */
static bool skip_owner(const struct wire_message *message, size_t *at)
{
    if (is_of_question(message, *at)) {
        *at += 2;
        return true;
    }
    return wire_name_skip(message->octets, message->len, at) == WIRE_OK;
}

int wire_cursor_next(struct wire_cursor *cursor, struct wire_record *out)
{
    const struct wire_message *message = cursor->message;
    size_t at = cursor->at;

    while (cursor->left == 0 && cursor->section < WIRE_ADDITIONAL) {
        cursor->section++;
        cursor->left = message->counts[cursor->section];
    }
    if (cursor->left == 0) {
        return at == message->len ? 0 : -1;
    }
    if (!skip_owner(message, &at) || message->len - at < RECORD_FIXED) {
        return -1;
    }
    const uint8_t *fixed = message->octets + at;
    const uint16_t rdata_len = wire_get16(fixed + 8);
    const uint32_t ttl = wire_get32(fixed + 4);

    if (rdata_len > message->len - at - RECORD_FIXED) {
        return -1;
    }
    out->owner = cursor->at;
    out->ttl_at = at + 4;
    out->rdata = at + RECORD_FIXED;
    out->ttl = ttl <= TTL_MAX ? ttl : 0;
    out->type = wire_get16(fixed);
    out->class = wire_get16(fixed + 2);
    out->rdata_len = rdata_len;
    out->section = (enum wire_section)cursor->section;
    cursor->at = out->rdata + rdata_len;
    cursor->left--;
    return 1;
}

enum wire_result wire_record_owner(const struct wire_message *message,
                                   const struct wire_record *record, struct wire_name *out)
{
    size_t at = record->owner;

    if (is_of_question(message, at)) {
        wire_name_copy(out, &message->name);
        return WIRE_OK;
    }
    return wire_name_read(message->octets, message->len, &at, out);
}

enum wire_result wire_record_name(const struct wire_message *message,
                                  const struct wire_record *record, size_t skip,
                                  struct wire_name *out)
{
    size_t at = record->rdata + skip;

    /* Pointers lead backwards only, so the record's end may stand for the message's. */
    return wire_name_read(message->octets, record->rdata + record->rdata_len, &at, out);
}

bool wire_record_address(const struct wire_message *message, const struct wire_record *record,
                         struct address *out)
{
    const bool v4 = record->type == WIRE_A && record->rdata_len == 4;
    const bool v6 = record->type == WIRE_AAAA && record->rdata_len == 16;

    if (record->class != WIRE_IN || (!v4 && !v6)) {
        return false;
    }
    *out = (struct address){.family = v4 ? ADDRESS_V4 : ADDRESS_V6};
    memcpy(out->octets, message->octets + record->rdata, record->rdata_len);
    return true;
}

/* The code of the first EDE option; WIRE_EDE_NONE if there is none; -2 if malformed. */
static int read_ede(const uint8_t *rdata, size_t rdata_len)
{
    struct wire_options options = {rdata, rdata_len, 0};
    struct wire_option option;
    int ede = WIRE_EDE_NONE;
    int more;

    while ((more = wire_option_next(&options, &option)) == 1) {
        if (option.code != WIRE_OPTION_EDE) {
            continue;
        }
        if (option.len < 2) {
            return -2;
        }
        if (ede == WIRE_EDE_NONE) {
            ede = wire_get16(option.data);
        }
    }
    return more == 0 ? ede : -2;
}

int wire_message_rcode(const struct wire_message *message, int *ede)
{
    struct wire_cursor cursor;
    struct wire_record record;
    int rcode = message->flags & WIRE_RCODE_MASK;
    int found = WIRE_EDE_NONE;
    bool has_opt = false;
    int more;

    wire_cursor_start(&cursor, message);
    while ((more = wire_cursor_next(&cursor, &record)) == 1) {
        if (record.type != WIRE_OPT) {
            continue;
        }
        if (has_opt || record.section != WIRE_ADDITIONAL ||
            message->octets[record.owner] != 0) {
            return -1;
        }
        has_opt = true;
        rcode |= message->octets[record.ttl_at] << 4;
        found = read_ede(message->octets + record.rdata, record.rdata_len);
        if (found == -2) {
            return -1;
        }
    }
    if (more != 0) {
        return -1;
    }
    if (ede != NULL) {
        *ede = found;
    }
    return rcode;
}
