#include "cli/query.h"

#include "base/text.h"
#include "wire/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RDATA_TEXT_MAX 8192u

/* Extended DNS Errors of one answer; more than these are not shown. */
#define EDE_MAX 4u

struct ede {
    int code;
    const char *text; /* within the message, not terminated */
    size_t text_len;
};

struct answer {
    struct wire_message message;
    struct ede ede[EDE_MAX];
    size_t ede_count;
    int rcode;
    bool malformed;
};

static void read_options(struct answer *answer, const struct wire_record *record)
{
    const uint8_t *at = answer->message.octets + record->rdata;
    size_t left = record->rdata_len;

    while (left >= 4) {
        const uint16_t code = wire_get16(at);
        const uint16_t len = wire_get16(at + 2);

        if (len > left - 4) {
            return;
        }
        if (code == WIRE_OPTION_EDE && len >= 2 && answer->ede_count < EDE_MAX) {
            answer->ede[answer->ede_count++] =
                (struct ede){wire_get16(at + 4), (const char *)at + 6, len - 2u};
        }
        at += 4u + len;
        left -= 4u + len;
    }
}

static void add_octets_escaped(struct text *out, const uint8_t *octets, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (octets[i] == '"' || octets[i] == '\\') {
            text_printf(out, "\\%c", octets[i]);
        } else if (octets[i] >= 0x20 && octets[i] < 0x7f) {
            text_printf(out, "%c", octets[i]);
        } else {
            text_printf(out, "\\%03u", octets[i]);
        }
    }
}

/* Adds the names that begin at skip octets into the rdata; false if one is malformed. */
static bool add_name(struct text *out, const struct wire_message *message,
                     const struct wire_record *record, size_t skip)
{
    struct wire_name name;
    char text[WIRE_NAME_TEXT_MAX];

    if (wire_record_name(message, record, skip, &name) != WIRE_OK) {
        return false;
    }
    wire_name_to_text(&name, text);
    text_printf(out, name.labels == 0 ? "%s" : "%s.", text);
    return true;
}

static void add_strings(struct text *out, const uint8_t *at, size_t left)
{
    while (left > 0 && (size_t)at[0] + 1 <= left) {
        text_add(out, "\"");
        add_octets_escaped(out, at + 1, at[0]);
        text_add(out, "\" ");
        left -= (size_t)at[0] + 1;
        at += (size_t)at[0] + 1;
    }
}

static bool add_soa(struct text *out, const struct wire_message *message,
                    const struct wire_record *record)
{
    struct wire_name name;
    size_t at = record->rdata;

    if (!add_name(out, message, record, 0) ||
        wire_name_read(message->octets, message->len, &at, &name) != WIRE_OK) {
        return false;
    }
    text_add(out, " ");
    if (!add_name(out, message, record, at - record->rdata) ||
        wire_name_read(message->octets, message->len, &at, &name) != WIRE_OK ||
        at + 20 > record->rdata + record->rdata_len) {
        return false;
    }
    for (size_t i = 0; i < 5; i++) {
        text_printf(out, " %" PRIu32, wire_get32(message->octets + at + 4 * i));
    }
    return true;
}

static bool add_svcb(struct text *out, const struct wire_message *message,
                     const struct wire_record *record)
{
    struct wire_svcb svcb;
    char text[WIRE_NAME_TEXT_MAX];

    if (!wire_record_svcb(message, record, &svcb)) {
        return false;
    }
    wire_name_to_text(&svcb.target, text);
    text_printf(out, "%u %s%s", svcb.priority, text, svcb.target.labels == 0 ? "" : ".");
    for (size_t i = 0; i < svcb.hints4_count + svcb.hints6_count; i++) {
        const bool v4 = i < svcb.hints4_count;
        struct address hint = {.family = v4 ? ADDRESS_V4 : ADDRESS_V6};
        const uint8_t *from =
            v4 ? svcb.hints4 + 4 * i : svcb.hints6 + 16 * (i - svcb.hints4_count);

        memcpy(hint.octets, from, v4 ? 4 : 16);
        address_format(&hint, false, text);
        text_printf(out, " hint=%s", text);
    }
    return true;
}

static void add_rdata(struct text *out, const struct wire_message *message,
                      const struct wire_record *record)
{
    const uint8_t *rdata = message->octets + record->rdata;
    struct address address;
    char text[ADDRESS_TEXT_MAX];
    const size_t before = out->len;
    bool done = false;

    switch (record->type) {
    case WIRE_A:
    case WIRE_AAAA:
        done = wire_record_address(message, record, &address);
        if (done) {
            address_format(&address, false, text);
            text_add(out, text);
        }
        break;
    case WIRE_CNAME:
    case WIRE_DNAME:
    case WIRE_NS:
    case WIRE_PTR:
        done = add_name(out, message, record, 0);
        break;
    case WIRE_MX:
        text_printf(out, "%u ", record->rdata_len >= 2 ? wire_get16(rdata) : 0);
        done = record->rdata_len >= 3 && add_name(out, message, record, 2);
        break;
    case WIRE_SOA:
        done = add_soa(out, message, record);
        break;
    case WIRE_TXT:
    case WIRE_HINFO:
        add_strings(out, rdata, record->rdata_len);
        done = true;
        break;
    case WIRE_SVCB:
    case WIRE_HTTPS:
        done = add_svcb(out, message, record);
        break;
    default:
        break;
    }
    if (!done) { /* RFC 3597, 5 */
        out->len = before;
        text_printf(out, "\\# %u ", record->rdata_len);
        for (size_t i = 0; i < record->rdata_len; i++) {
            text_printf(out, "%02x", rdata[i]);
        }
    }
}

static void read_answer(struct answer *answer, const uint8_t *octets, size_t len)
{
    struct wire_cursor cursor;
    struct wire_record record;
    int next;

    memset(answer, 0, sizeof(*answer));
    if (wire_message_open(octets, len, &answer->message) != WIRE_OK) {
        answer->malformed = true;
        return;
    }
    answer->rcode = answer->message.flags & WIRE_RCODE_MASK;
    wire_cursor_start(&cursor, &answer->message);
    while ((next = wire_cursor_next(&cursor, &record)) == 1) {
        if (record.type == WIRE_OPT) {
            answer->rcode |= (int)(wire_get32(octets + record.ttl_at) >> 24 << 4);
            read_options(answer, &record);
        }
    }
    answer->malformed = next < 0;
}

/* What an EDE code of a cordon (or of another filtering resolver) means to its reader. */
static const char *policy_words(int code)
{
    switch (code) {
    case WIRE_EDE_FORGED:
        return "A policy answered with an address of its own (a sinkhole).";
    case WIRE_EDE_BLOCKED:
        return "A policy of this resolver's operator blocks the name.";
    case WIRE_EDE_CENSORED:
        return "A policy blocks the name, and its list states a legal requirement.";
    case WIRE_EDE_FILTERED:
        return "The name is blocked by a filter that you or your network asked for.";
    case WIRE_EDE_PROHIBITED:
        return "You are in no network that this resolver answers.";
    case WIRE_EDE_NO_REACHABLE:
    case WIRE_EDE_NETWORK_ERROR:
        return "The resolver cannot reach its upstreams: this is an outage, not a policy.";
    default:
        return NULL;
    }
}

static void print_ede(const struct answer *answer)
{
    for (size_t i = 0; i < answer->ede_count; i++) {
        char buffer[1024];
        struct text text;
        const char *words = policy_words(answer->ede[i].code);

        text_init(&text, buffer, sizeof(buffer));
        add_octets_escaped(&text, (const uint8_t *)answer->ede[i].text,
                           answer->ede[i].text_len);
        printf("extended error %d (%s)%s%s\n", answer->ede[i].code,
               wire_ede_name(answer->ede[i].code), text.len > 0 ? ": " : "", buffer);
        if (words != NULL) {
            printf("  %s\n", words);
        }
        if (words != NULL && text.len > 0 && answer->ede[i].code != WIRE_EDE_PROHIBITED &&
            answer->ede[i].code < WIRE_EDE_NO_REACHABLE) {
            printf("  `cordon explain NAME` on the resolver's host tells the whole reason; the "
                   "words "
                   "after\n  the colon are provider, list and serial.\n");
        }
    }
}

static void print_words(const struct answer *answer)
{
    static const char *const sections[] = {"", "answer", "authority", "additional"};
    struct wire_cursor cursor;
    struct wire_record record;
    unsigned section = 0;

    wire_cursor_start(&cursor, &answer->message);
    while (wire_cursor_next(&cursor, &record) == 1) {
        char rdata[RDATA_TEXT_MAX];
        char type[WIRE_TYPE_TEXT_MAX];
        char owner_text[WIRE_NAME_TEXT_MAX];
        struct wire_name owner;
        struct text text;

        if (record.type == WIRE_OPT ||
            wire_record_owner(&answer->message, &record, &owner) != WIRE_OK) {
            continue;
        }
        if (record.section != section) {
            section = record.section;
            printf("%s\n", sections[section]);
        }
        text_init(&text, rdata, sizeof(rdata));
        add_rdata(&text, &answer->message, &record);
        wire_type_format(record.type, type);
        wire_name_to_text(&owner, owner_text);
        printf("  %s%s %" PRIu32 " %s %s\n", owner_text, owner.labels == 0 ? "" : ".",
               record.ttl, type, rdata);
    }
}

static void print_json(const struct answer *answer, const char *server, bool tcp,
                       uint64_t took_us, const char *rcode)
{
    const size_t size = 1u << 20;
    char *buffer = malloc(size);
    struct text out;
    struct wire_cursor cursor;
    struct wire_record record;

    if (buffer == NULL) {
        return;
    }
    text_init(&out, buffer, size);
    json_object_begin(&out, NULL);
    json_string(&out, "server", server);
    json_string(&out, "transport", tcp ? "tcp" : "udp");
    json_uint(&out, "microseconds", took_us);
    json_string(&out, "rcode", rcode);
    json_bool(&out, "malformed", answer->malformed);
    json_bool(&out, "ad", (answer->message.flags & WIRE_FLAG_AD) != 0);
    json_array_begin(&out, "ede");
    for (size_t i = 0; i < answer->ede_count; i++) {
        json_object_begin(&out, NULL);
        json_int(&out, "code", answer->ede[i].code);
        json_string(&out, "name", wire_ede_name(answer->ede[i].code));
        json_string_n(&out, "text", answer->ede[i].text, answer->ede[i].text_len);
        json_object_end(&out);
    }
    json_array_end(&out);
    json_array_begin(&out, "records");
    wire_cursor_start(&cursor, &answer->message);
    while (wire_cursor_next(&cursor, &record) == 1) {
        char rdata[RDATA_TEXT_MAX];
        char text[WIRE_NAME_TEXT_MAX];
        struct wire_name owner;
        struct text rdata_text;

        if (record.type == WIRE_OPT ||
            wire_record_owner(&answer->message, &record, &owner) != WIRE_OK) {
            continue;
        }
        json_object_begin(&out, NULL);
        wire_name_to_text(&owner, text);
        json_string(&out, "name", text);
        json_uint(&out, "section", record.section);
        json_uint(&out, "ttl", record.ttl);
        wire_type_format(record.type, text);
        json_string(&out, "type", text);
        text_init(&rdata_text, rdata, sizeof(rdata));
        add_rdata(&rdata_text, &answer->message, &record);
        json_string(&out, "rdata", rdata);
        json_object_end(&out);
    }
    json_array_end(&out);
    json_object_end(&out);
    printf("%s\n", buffer);
    free(buffer);
}

void cli_print_answer(const uint8_t *octets, size_t len, const char *server, bool tcp,
                      uint64_t took_us, bool json)
{
    struct answer answer;
    char rcode[WIRE_TYPE_TEXT_MAX];

    read_answer(&answer, octets, len);
    wire_rcode_format((unsigned)answer.rcode, rcode);
    if (json) {
        print_json(&answer, server, tcp, took_us, rcode);
        return;
    }
    printf("%s from %s over %s in %" PRIu64 ".%03" PRIu64 " ms%s%s\n", rcode, server,
           tcp ? "TCP" : "UDP", took_us / 1000, took_us % 1000,
           (answer.message.flags & WIRE_FLAG_AD) != 0 ? ", AD" : "",
           (answer.message.flags & WIRE_FLAG_TC) != 0 ? ", truncated" : "");
    if (answer.malformed) {
        printf("The message is malformed; what could be read of it:\n");
    }
    print_words(&answer);
    print_ede(&answer);
}

void cli_print_message(const uint8_t *octets, size_t len)
{
    struct answer answer;

    read_answer(&answer, octets, len);
    if (answer.malformed) {
        printf("The message is malformed; what could be read of it:\n");
    }
    print_words(&answer);
    print_ede(&answer);
}
