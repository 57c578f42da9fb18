/* An answer in words, so that a table can say what is expected. */
#include "support/world.h"

#include "base/invariant.h"
#include "base/text.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

static void add_rdata_name(struct text *text, const struct wire_message *message,
                           const struct wire_record *record, size_t skip)
{
    char words[WIRE_NAME_TEXT_MAX];
    struct wire_name name;

    invariant(wire_record_name(message, record, skip, &name) == WIRE_OK);
    wire_name_to_text(&name, words);
    text_printf(text, " %s", words);
}

static void add_rdata(struct text *text, const struct wire_message *message,
                      const struct wire_record *record)
{
    const uint8_t *rdata = message->octets + record->rdata;
    char words[ADDRESS_TEXT_MAX];
    struct address address;

    switch (record->type) {
    case WIRE_A:
    case WIRE_AAAA:
        invariant(wire_record_address(message, record, &address));
        address_format(&address, false, words);
        text_printf(text, " %s", words);
        break;
    case WIRE_CNAME:
    case WIRE_DNAME:
    case WIRE_NS:
    case WIRE_PTR:
        add_rdata_name(text, message, record, 0);
        break;
    case WIRE_SOA:
        text_printf(text, " minimum %u", wire_get32(rdata + record->rdata_len - 4));
        break;
    case WIRE_SVCB:
    case WIRE_HTTPS:
        text_printf(text, " %u", wire_get16(rdata));
        add_rdata_name(text, message, record, 2);
        break;
    case WIRE_RRSIG:
        wire_type_format(wire_get16(rdata), words);
        text_printf(text, " %s", words);
        break;
    case WIRE_HINFO:
        text_add(text, " ");
        text_add_printable(text, (const char *)rdata + 1, rdata[0]);
        break;
    default:
        break;
    }
}

static void add_record(struct text *text, const struct wire_message *message,
                       const struct wire_record *record)
{
    char name[WIRE_NAME_TEXT_MAX];
    char type[WIRE_TYPE_TEXT_MAX];
    struct wire_name owner;

    invariant(wire_record_owner(message, record, &owner) == WIRE_OK);
    wire_name_to_text(&owner, name);
    wire_type_format(record->type, type);
    text_printf(text, "%s%s%s %u %s", text->len > 0 ? " | " : "",
                record->section == WIRE_ANSWER      ? ""
                : record->section == WIRE_AUTHORITY ? "~"
                                                    : "+",
                name, record->ttl, type);
    add_rdata(text, message, record);
}

static void add_opt(struct text *text, const struct wire_message *message,
                    const struct wire_record *record)
{
    const uint8_t *rdata = message->octets + record->rdata;
    size_t at = 0;

    if ((wire_get32(message->octets + record->ttl_at) & WIRE_EDNS_DO) != 0) {
        text_add(text, " | do");
    }
    while (at + 4 <= record->rdata_len) {
        const uint16_t code = wire_get16(rdata + at);
        const uint16_t len = wire_get16(rdata + at + 2);

        invariant(at + 4 + len <= record->rdata_len);
        if (code == WIRE_OPTION_EDE) {
            invariant(len >= 2 && len <= 2 + WIRE_EDE_TEXT_MAX);
            text_printf(text, " | EDE %u ", wire_get16(rdata + at + 4));
            text_add_printable(text, (const char *)rdata + at + 6, len - 2u);
        } else if (code == WIRE_OPTION_COOKIE) {
            invariant(len == QUERY_COOKIE_OCTETS);
            text_printf(text, " | cookie");
        } else if (code == WIRE_OPTION_KEEPALIVE) {
            text_printf(text, " | keepalive %u", wire_get16(rdata + at + 4));
        } else {
            text_printf(text, " | option %u", code);
        }
        at += 4u + len;
    }
    invariant(at == record->rdata_len);
}

static void add_flags(struct text *text, uint16_t flags)
{
    static const struct {
        uint16_t bit;
        const char *word;
    } known[] = {{WIRE_FLAG_AA, " aa"}, {WIRE_FLAG_TC, " tc"}, {WIRE_FLAG_RD, " rd"},
                 {WIRE_FLAG_RA, " ra"}, {WIRE_FLAG_AD, " ad"}, {WIRE_FLAG_CD, " cd"}};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if ((flags & known[i].bit) != 0) {
            text_add(text, known[i].word);
        }
    }
}

/* Another reader of DNS must understand it too. */
static void check_with_ldns(const struct world_reply *reply)
{
    ldns_pkt *packet = NULL;
    const ldns_status status = ldns_wire2pkt(&packet, reply->octets, reply->len);

    invariant(status == LDNS_STATUS_OK);
    ldns_pkt_free(packet);
}

static const char *describe(struct world_reply *reply, bool all)
{
    char rcode[WIRE_TYPE_TEXT_MAX];
    char opt_words[512];
    struct text text, opt;
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;
    int more;

    text_init(&text, reply->words, sizeof(reply->words));
    text_init(&opt, opt_words, sizeof(opt_words));
    if (reply->in_use || reply->sent == 0) {
        return reply->in_use ? "waiting" : "nothing";
    }
    check_with_ldns(reply);
    invariant(wire_message_open(reply->octets, reply->len, &message) == WIRE_OK);
    const int code = wire_message_rcode(&message, NULL);
    invariant(code >= 0 && (message.flags & WIRE_FLAG_QR) != 0);
    if (all) {
        wire_rcode_format((unsigned)code, rcode);
        text_add(&text, rcode);
        add_flags(&text, message.flags);
    }
    wire_cursor_start(&cursor, &message);
    while ((more = wire_cursor_next(&cursor, &record)) > 0) {
        if (record.type == WIRE_OPT) {
            add_opt(&opt, &message, &record);
        } else {
            add_record(&text, &message, &record);
        }
    }
    invariant(more == 0);
    if (all) {
        text_add(&text, opt.at);
    }
    invariant(!text.overflow && !opt.overflow);
    return text.at;
}

const char *world_words(struct world_reply *reply)
{
    return describe(reply, true);
}

const char *world_records(struct world_reply *reply)
{
    return describe(reply, false);
}
