/* audit/shown.c - the text of a column, and of a client. */
#include "audit/shown_inside.h"

#include "audit/event.h"
#include "audit/pseudonym.h"
#include "audit/removal.h"
#include "base/calendar.h"
#include "base/clock.h"
#include "base/digest.h"
#include "wire/type.h"

#include <string.h>

static const char digits[16] = "0123456789abcdef";

static void add_hex(struct text *out, const uint8_t *octets, size_t len)
{
    for (size_t i = 0; i < len && !out->overflow; i++) {
        text_add_octets(out, (const char[]){digits[octets[i] >> 4], digits[octets[i] & 15]}, 2);
    }
}

/* What was made with the key of a day. */
static void add_keyed(struct text *out, const char *word, uint32_t day,
                      const uint8_t octets[AUDIT_PSEUDONYM_OCTETS])
{
    char date[CLOCK_TEXT_MAX];

    clock_format_s((uint64_t)day * CALENDAR_DAY_S, date);
    text_add(out, word);
    text_add_octets(out, date, 10);
    text_add(out, ":");
    add_hex(out, octets, AUDIT_PSEUDONYM_OCTETS);
}

static void add_client(struct text *out, const struct audit_value *value)
{
    struct audit_client client;
    char words[ADDRESS_TEXT_MAX];

    if (!audit_client_get(value->octets, value->number, &client)) {
        text_add(out, "?");
        add_hex(out, value->octets, value->number > 32 ? 32 : value->number);
        return;
    }
    switch (client.kind) {
    case AUDIT_CLIENT_NONE:
        break;
    case AUDIT_CLIENT_ADDRESS:
        text_add_octets(out, words, address_format(&client.address, false, words));
        break;
    case AUDIT_CLIENT_PREFIX:
        text_add_octets(out, words, address_prefix_format(&client.prefix, words));
        break;
    case AUDIT_CLIENT_PSEUDONYM:
        add_keyed(out, "k:", client.day, client.pseudonym);
        break;
    }
}

size_t audit_client_format(const struct audit_value *value, char out[AUDIT_CLIENT_TEXT_MAX])
{
    struct text text;

    text_init(&text, out, AUDIT_CLIENT_TEXT_MAX);
    add_client(&text, value);
    return text.len;
}

/* "2026-11-22:" and hexadecimal digits. */
static bool parse_pseudonym(const char *text, size_t len, struct audit_client *out)
{
    struct audit_client client = {.kind = AUDIT_CLIENT_PSEUDONYM};
    uint64_t wall_s = 0;

    if (len != 11 + 2 * AUDIT_PSEUDONYM_OCTETS || text[10] != ':' ||
        clock_parse(text, 10, &wall_s) != 0 ||
        !digest_unhex(text + 11, AUDIT_PSEUDONYM_OCTETS, client.pseudonym)) {
        return false;
    }
    client.day = (uint32_t)(wall_s / CALENDAR_DAY_S);
    *out = client;
    return true;
}

bool audit_client_parse(const char *text, size_t len, struct audit_client *out)
{
    struct audit_client client = {.kind = AUDIT_CLIENT_PREFIX};

    if (len > 2 && memcmp(text, "k:", 2) == 0) {
        return parse_pseudonym(text + 2, len - 2, out);
    }
    if (memchr(text, '/', len) != NULL) {
        if (address_prefix_parse(text, len, &client.prefix) != 0) {
            return false;
        }
    } else {
        client.kind = AUDIT_CLIENT_ADDRESS;
        if (address_parse_client(text, len, &client.address) != 0) {
            return false;
        }
    }
    *out = client;
    return true;
}

void shown_add_name(struct text *out, const uint8_t *octets, size_t len)
{
    char words[WIRE_NAME_TEXT_MAX];
    uint8_t hash[AUDIT_PSEUDONYM_OCTETS];
    struct wire_name name;
    uint32_t day = 0;

    if (audit_name_get(octets, len, &name)) {
        text_add_octets(out, words, wire_name_to_text(&name, words));
    } else if (audit_hashed_get(octets, len, &day, hash)) {
        add_keyed(out, ".hashed:", day, hash);
    } else {
        text_add(out, "?");
        add_hex(out, octets, len > WIRE_NAME_MAX ? WIRE_NAME_MAX : len);
    }
}

size_t shown_first_name(const struct audit_value *chain, size_t from)
{
    struct wire_name name;
    size_t at = from;

    return from < chain->number &&
                   wire_name_read(chain->octets, chain->number, &at, &name) == WIRE_OK &&
                   name.len == at - from
               ? name.len
               : 0;
}

static void add_chain(struct text *out, const struct audit_value *chain)
{
    size_t len = 0;

    for (size_t at = 0; (len = shown_first_name(chain, at)) > 0; at += len) {
        text_add(out, at > 0 ? " " : "");
        shown_add_name(out, chain->octets + at, len);
    }
}

static void add_address(struct text *out, const struct audit_value *value, bool with_port)
{
    char words[ADDRESS_TEXT_MAX];
    struct address address;

    if (audit_address_get(value->octets, value->number, &address)) {
        text_add_octets(out, words, address_format(&address, with_port, words));
    } else {
        text_add(out, "?");
        add_hex(out, value->octets, value->number > 32 ? 32 : value->number);
    }
}

/* Of these columns what they count depends on what the event is. */
static bool is_micros(const struct audit_row *row)
{
    return audit_row_says(row, AUDIT_WHAT, "gap") ||
           audit_row_says(row, AUDIT_WHAT, "clock-set") ||
           audit_row_says(row, AUDIT_WHAT, AUDIT_KEYS_DESTROYED);
}

static bool is_number_of_a_block(const struct audit_row *row)
{
    return audit_row_says(row, AUDIT_WHAT, "removed");
}

static void show_number(const struct audit_row *row, enum audit_column column, struct text *out)
{
    const uint64_t number = row->at[column].number;
    char words[CLOCK_TEXT_MAX > WIRE_TYPE_TEXT_MAX ? CLOCK_TEXT_MAX : WIRE_TYPE_TEXT_MAX];
    size_t len = 0;

    switch (column) {
    case AUDIT_TIME:
        len = clock_format(number, words);
        break;
    case AUDIT_TYPE:
        len = number <= UINT16_MAX ? wire_type_format((uint16_t)number, words) : 0;
        break;
    case AUDIT_RCODE:
        len = wire_rcode_format((unsigned)number, words);
        break;
    case AUDIT_CACHED:
    case AUDIT_STALE:
    case AUDIT_APPLIED:
    case AUDIT_PAUSED:
    case AUDIT_KEPT:
        text_add(out, number != 0 ? "true" : "false");
        return;
    case AUDIT_UNTIL:
    case AUDIT_DUE:
        len = clock_format_s(number, words);
        break;
    case AUDIT_STREAM:
        text_add(out, number >= 1 && number <= AUDIT_STREAMS
                          ? audit_stream_word((unsigned)number)
                          : "?");
        return;
    case AUDIT_FROM:
    case AUDIT_TO:
        if (is_number_of_a_block(row)) {
            text_add_uint(out, number);
            return;
        }
        len = is_micros(row) ? clock_format(number, words) : clock_format_s(number, words);
        break;
    default:
        text_add_uint(out, number);
        return;
    }
    text_add_octets(out, words, len);
}

void audit_row_show(const struct audit_row *row, enum audit_column column, struct text *out)
{
    const struct audit_value *value = &row->at[column];

    if (!audit_row_has(row, column) || column == AUDIT_BASIS) {
        return;
    }
    if (value->octets == NULL) {
        show_number(row, column, out);
        return;
    }
    switch (column) {
    case AUDIT_CLIENT:
        add_client(out, value);
        break;
    case AUDIT_NAME:
    case AUDIT_REDIRECT:
    case AUDIT_EXCEPTION:
    case AUDIT_MATCHED:
        shown_add_name(out, value->octets, value->number);
        break;
    case AUDIT_CHAIN:
        add_chain(out, value);
        break;
    case AUDIT_UPSTREAM:
        add_address(out, value, true);
        break;
    case AUDIT_MATCHED_ADDRESS:
        add_address(out, value, false);
        break;
    case AUDIT_DIGEST:
        add_hex(out, value->octets, value->number);
        break;
    default:
        text_add_octets(out, (const char *)value->octets, value->number);
        break;
    }
}

size_t audit_row_words(const struct audit_row *row, enum audit_column column,
                       char out[AUDIT_TEXT_MAX + 1])
{
    struct text text;

    text_init(&text, out, AUDIT_TEXT_MAX + 1);
    audit_row_show(row, column, &text);
    return text.len;
}

bool audit_row_basis(const struct audit_row *row, struct audit_basis_view *out)
{
    const struct audit_value *basis = &row->at[AUDIT_BASIS];

    return audit_row_has(row, AUDIT_BASIS) && basis->octets != NULL &&
           audit_basis_get(basis->octets, basis->number, out);
}

/* By whose exception: its id, its ticket or licence, its name or its rule. */
static bool has_exception(const struct audit_row *row)
{
    return audit_row_has(row, AUDIT_EXCEPTION) || audit_row_has(row, AUDIT_SUBJECT) ||
           audit_row_has(row, AUDIT_ID);
}

void audit_row_show_deed(const struct audit_row *row, struct text *out)
{
    if (!audit_row_has(row, AUDIT_ACTION) || audit_row_has(row, AUDIT_WHAT)) {
        audit_row_show(row, audit_row_has(row, AUDIT_WHAT) ? AUDIT_WHAT : AUDIT_RCODE, out);
    } else if (has_exception(row)) {
        text_add(out, "exception");
    } else if (audit_row_get(row, AUDIT_APPLIED) != 0) {
        audit_row_show(row, AUDIT_ACTION, out);
    } else if (audit_row_get(row, AUDIT_PAUSED) != 0) {
        text_add(out, "paused");
    } else if (audit_row_has(row, AUDIT_STATE) && row->at[AUDIT_STATE].number > 6 &&
               row->at[AUDIT_STATE].octets != NULL &&
               memcmp(row->at[AUDIT_STATE].octets, "trial-", 6) == 0) {
        text_add(out, "trial");
    } else if (audit_row_says(row, AUDIT_MODE, "log") ||
               audit_row_says(row, AUDIT_ACTION, "log")) {
        text_add(out, "log");
    } else {
        text_add(out, audit_row_says(row, AUDIT_ACTION, "pass") ? "pass" : "not-applied");
    }
}
