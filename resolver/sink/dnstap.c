/*
 * sink/dnstap.c - an event as a Dnstap message (dnstap.proto), with the policy that was
 * applied.
 *
 * One message for a question and its answer: a CLIENT_QUERY whose question is known and whose
 * header is not (the log does not keep it: it is zero), with the time of the answer. What the
 * answer held is not known here, so no response_message is made up; its code, and the words of
 * the list, are in `extra`: the line of docs/events.md. What dnstap.proto has no word for
 * (REFUSED, a match of a CNAME's target) is left out rather than called something else.
 */
#include "sink/event.h"

#include "audit/shown.h"
#include "sink/limits.h"
#include "wire/name.h"

#include <string.h>

/* Protocol Buffers: a tag is the field's number and how its value is stored. */
enum wire_type {
    VARINT = 0,
    LENGTH = 2,
    FIXED32 = 5
};

enum dnstap_field {
    DNSTAP_IDENTITY = 1,
    DNSTAP_VERSION = 2,
    DNSTAP_EXTRA = 3,
    DNSTAP_MESSAGE = 14,
    DNSTAP_TYPE = 15
};

enum message_field {
    MESSAGE_TYPE = 1,
    MESSAGE_FAMILY = 2,
    MESSAGE_PROTOCOL = 3,
    MESSAGE_QUERY_ADDRESS = 4,
    MESSAGE_QUERY_PORT = 6,
    MESSAGE_QUERY_TIME_SEC = 8,
    MESSAGE_QUERY_TIME_NSEC = 9,
    MESSAGE_QUERY = 10,
    MESSAGE_RESPONSE_TIME_SEC = 12,
    MESSAGE_RESPONSE_TIME_NSEC = 13,
    MESSAGE_POLICY = 15
};

enum policy_field {
    POLICY_FIELD_TYPE = 1,
    POLICY_FIELD_RULE = 2,
    POLICY_FIELD_ACTION = 3,
    POLICY_FIELD_MATCH = 4,
    POLICY_FIELD_VALUE = 5
};

#define TYPE_MESSAGE 1u
#define CLIENT_QUERY 5u
#define QUESTION_MAX (12u + WIRE_NAME_MAX + 4u)
#define POLICY_MAX   2048u
#define MESSAGE_MAX  (QUESTION_MAX + POLICY_MAX + 256u)
#define NONE         0u

/* Octets that grow from the front. Once something does not fit, nothing more is added. */
struct buffer {
    uint8_t *at;
    size_t len, size;
    bool overflow;
};

static void put_octets(struct buffer *buffer, const void *octets, size_t len)
{
    if (buffer->overflow || buffer->size - buffer->len < len) {
        buffer->overflow = true;
        return;
    }
    if (len > 0) {
        memcpy(buffer->at + buffer->len, octets, len);
    }
    buffer->len += len;
}

static void put_varint(struct buffer *buffer, uint64_t value)
{
    uint8_t octets[10];
    size_t len = 0;

    while (value >= 0x80) {
        octets[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    octets[len++] = (uint8_t)value;
    put_octets(buffer, octets, len);
}

static void put_tag(struct buffer *buffer, unsigned field, enum wire_type type)
{
    put_varint(buffer, (uint64_t)field << 3 | type);
}

static void put_number(struct buffer *buffer, unsigned field, uint64_t value)
{
    put_tag(buffer, field, VARINT);
    put_varint(buffer, value);
}

static void put_fixed32(struct buffer *buffer, unsigned field, uint32_t value)
{
    const uint8_t octets[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                               (uint8_t)(value >> 24)};

    put_tag(buffer, field, FIXED32);
    put_octets(buffer, octets, sizeof(octets));
}

static void put_field(struct buffer *buffer, unsigned field, const void *octets, size_t len)
{
    put_tag(buffer, field, LENGTH);
    put_varint(buffer, len);
    put_octets(buffer, octets, len);
}

static void put_text(struct buffer *buffer, unsigned field, const char *text)
{
    put_field(buffer, field, text, strlen(text));
}

static void put_inner(struct buffer *buffer, unsigned field, const struct buffer *inner)
{
    put_field(buffer, field, inner->at, inner->len);
    buffer->overflow = buffer->overflow || inner->overflow;
}

/* --- what was asked --- */

static void put_time(struct buffer *buffer, unsigned seconds_field, uint64_t wall_us)
{
    put_number(buffer, seconds_field, wall_us / 1000000);
    put_fixed32(buffer, seconds_field + 1, (uint32_t)(wall_us % 1000000) * 1000);
}

/* An address that the log shortens or hides is none: no octets stand for it. */
static void put_client(struct buffer *buffer, const struct audit_row *row)
{
    struct audit_client client;

    if (!audit_row_has(row, AUDIT_CLIENT) ||
        !audit_client_get(row->at[AUDIT_CLIENT].octets, row->at[AUDIT_CLIENT].number,
                          &client) ||
        client.kind != AUDIT_CLIENT_ADDRESS) {
        return;
    }
    put_number(buffer, MESSAGE_FAMILY, client.address.family == ADDRESS_V4 ? 1 : 2);
    put_field(buffer, MESSAGE_QUERY_ADDRESS, client.address.octets,
              address_octets(&client.address));
    if (audit_row_has(row, AUDIT_CLIENT_PORT)) {
        put_number(buffer, MESSAGE_QUERY_PORT, row->at[AUDIT_CLIENT_PORT].number);
    }
}

/* A question alone, with a header of zeros but for its count. */
static void put_question(struct buffer *buffer, const struct audit_row *row)
{
    static const uint8_t header[12] = {[5] = 1};
    uint8_t octets[QUESTION_MAX];
    struct buffer question = {.at = octets, .size = sizeof(octets)};
    struct wire_name name;
    const uint64_t type = audit_row_get(row, AUDIT_TYPE);
    const uint8_t tail[4] = {(uint8_t)(type >> 8), (uint8_t)type, 0, 1};

    if (!audit_row_has(row, AUDIT_NAME) ||
        !audit_name_get(row->at[AUDIT_NAME].octets, row->at[AUDIT_NAME].number, &name)) {
        return; /* the log does not say which name */
    }
    put_octets(&question, header, sizeof(header));
    put_octets(&question, name.octets, name.len);
    put_octets(&question, tail, sizeof(tail));
    put_inner(buffer, MESSAGE_QUERY, &question);
}

/* --- the policy --- */

struct pair {
    const char *word;
    uint32_t number;
};

static const struct pair actions[] = {{"nxdomain", 1}, {"nodata", 2},   {"pass", 3},
                                      {"log", 3},      {"drop", 4},     {"truncate", 5},
                                      {"sinkhole", 6}, {"redirect", 6}, {NULL, NONE}};
static const struct pair matches[] = {
    {"qname", 1}, {"client", 2}, {"address", 3}, {"nameserver", 4}, {"nameserver-address", 5},
    {NULL, NONE}};

#define PASS 3u /* the answer was not altered */

static uint32_t find(const struct pair *pairs, const struct audit_row *row,
                     enum audit_column column)
{
    while (pairs->word != NULL && !audit_row_says(row, column, pairs->word)) {
        pairs++;
    }
    return pairs->number;
}

/* The rule, as the operator's exceptions name it: "LIST: block suffix NAME". */
static void put_rule(struct buffer *buffer, const struct audit_row *row)
{
    struct audit_basis_view basis;
    uint8_t octets[1024];
    struct buffer rule = {.at = octets, .size = sizeof(octets)};

    if (!audit_row_has(row, AUDIT_RULE)) {
        return;
    }
    if (audit_row_basis(row, &basis) && basis.word[AUDIT_BASIS_LIST].octets != NULL) {
        put_octets(&rule, basis.word[AUDIT_BASIS_LIST].octets,
                   basis.word[AUDIT_BASIS_LIST].number);
        put_octets(&rule, ": ", 2);
    }
    put_octets(&rule, row->at[AUDIT_RULE].octets, row->at[AUDIT_RULE].number);
    if (!rule.overflow) {
        put_inner(buffer, POLICY_FIELD_RULE, &rule);
    }
}

static void put_value(struct buffer *buffer, const struct audit_row *row)
{
    struct address address;

    if (audit_row_has(row, AUDIT_MATCHED_ADDRESS) &&
        audit_address_get(row->at[AUDIT_MATCHED_ADDRESS].octets,
                          row->at[AUDIT_MATCHED_ADDRESS].number, &address)) {
        put_field(buffer, POLICY_FIELD_VALUE, address.octets, address_octets(&address));
    } else if (audit_row_has(row, AUDIT_MATCHED)) {
        put_field(buffer, POLICY_FIELD_VALUE, row->at[AUDIT_MATCHED].octets,
                  row->at[AUDIT_MATCHED].number);
    }
}

static void put_policy(struct buffer *buffer, const struct audit_row *row)
{
    uint8_t octets[POLICY_MAX];
    struct buffer policy = {.at = octets, .size = sizeof(octets)};
    const uint32_t action =
        audit_row_get(row, AUDIT_APPLIED) != 0 ? find(actions, row, AUDIT_ACTION) : PASS;
    const uint32_t match = find(matches, row, AUDIT_TRIGGER);

    put_field(&policy, POLICY_FIELD_TYPE, row->at[AUDIT_EVENT].octets,
              row->at[AUDIT_EVENT].number);
    put_rule(&policy, row);
    if (action != NONE) {
        put_number(&policy, POLICY_FIELD_ACTION, action);
    }
    if (match != NONE) {
        put_number(&policy, POLICY_FIELD_MATCH, match);
    }
    put_value(&policy, row);
    put_inner(buffer, MESSAGE_POLICY, &policy);
}

/* --- the whole --- */

static void put_message(struct buffer *buffer, const struct sink_event *event)
{
    const struct audit_row *row = event->row;
    uint8_t octets[MESSAGE_MAX];
    struct buffer message = {.at = octets, .size = sizeof(octets)};
    const uint64_t time_us = audit_row_get(row, AUDIT_TIME);

    put_number(&message, MESSAGE_TYPE, CLIENT_QUERY);
    if (audit_row_has(row, AUDIT_TRANSPORT)) {
        put_number(&message, MESSAGE_PROTOCOL,
                   audit_row_says(row, AUDIT_TRANSPORT, "tcp") ? 2 : 1);
    }
    put_client(&message, row);
    put_time(&message, MESSAGE_QUERY_TIME_SEC, time_us);
    put_question(&message, row);
    if (audit_row_has(row, AUDIT_LATENCY)) {
        put_time(&message, MESSAGE_RESPONSE_TIME_SEC,
                 time_us + audit_row_get(row, AUDIT_LATENCY));
    }
    if (event->stream == AUDIT_DECISIONS && audit_row_has(row, AUDIT_EVENT)) {
        put_policy(&message, row);
    }
    put_inner(buffer, DNSTAP_MESSAGE, &message);
}

size_t sink_dnstap(const struct sink_event *event, const struct sink_self *self, char *out,
                   size_t size)
{
    struct buffer buffer = {.at = (uint8_t *)out, .size = size};
    char line[SINK_MESSAGE_MAX];

    if (event->stream == AUDIT_CHANGES) {
        return 0;
    }
    put_text(&buffer, DNSTAP_IDENTITY, self->host);
    put_text(&buffer, DNSTAP_VERSION, "cordon " CORDON_VERSION);
    const size_t len = sink_json(event, self, line, sizeof(line));
    if (len > 0) {
        put_field(&buffer, DNSTAP_EXTRA, line, len - 1);
    }
    put_message(&buffer, event);
    put_number(&buffer, DNSTAP_TYPE, TYPE_MESSAGE);
    return buffer.overflow ? 0 : buffer.len;
}
