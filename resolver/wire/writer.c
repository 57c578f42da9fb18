#include "wire/writer.h"

#include "base/invariant.h"
#include "wire/put.h"

#include <string.h>

#define OPT_OCTETS  11u     /* root, type, class, TTL, RDLENGTH */
#define POINTER_MAX 0x3fffu /* the farthest octet that a pointer reaches */

/* The SOA of a negative answer is never transferred: only MINIMUM means something to a reader.
 */
#define SOA_REFRESH_S 3600
#define SOA_RETRY_S   600
#define SOA_EXPIRE_S  86400

static bool room(struct wire_writer *writer, size_t octets)
{
    if (writer->overflow || octets > writer->size - writer->len) {
        writer->overflow = true;
        return false;
    }
    return true;
}

void wire_put_octets(struct wire_writer *writer, const uint8_t *octets, size_t len)
{
    if (room(writer, len) && len > 0) {
        memcpy(writer->octets + writer->len, octets, len);
        writer->len += len;
    }
}

static void put16(struct wire_writer *writer, uint16_t value)
{
    if (room(writer, 2)) {
        wire_put16(writer->octets + writer->len, value);
        writer->len += 2;
    }
}

static void put32(struct wire_writer *writer, uint32_t value)
{
    if (room(writer, 4)) {
        wire_put32(writer->octets + writer->len, value);
        writer->len += 4;
    }
}

static void remember(struct wire_writer *writer, size_t offset, size_t octets)
{
    if (writer->target_count < WIRE_TARGETS_MAX && offset <= POINTER_MAX) {
        writer->targets[writer->target_count] = (uint16_t)offset;
        writer->target_octets[writer->target_count] = (uint8_t)octets;
        writer->target_count++;
    }
}

/* Whether the name that we wrote at offset equals the uncompressed one, in any case. Pointers
 * there are our own: they lead backwards. */
static bool is_same(const uint8_t *written, size_t offset, const uint8_t *name)
{
    for (;;) {
        const uint8_t len = written[offset];

        if ((len & 0xc0) == 0xc0) {
            offset = wire_get16(written + offset) & POINTER_MAX;
            continue;
        }
        if (len != name[0]) {
            return false;
        }
        if (len == 0) {
            return true;
        }
        for (unsigned i = 1; i <= len; i++) {
            if (wire_lower(written[offset + i]) != wire_lower(name[i])) {
                return false;
            }
        }
        offset += 1u + len;
        name += 1u + len;
    }
}

/* Where the suffix of name that begins with a label stands already; 0: nowhere. Only targets of
 * the same length are compared: that keeps it short even for names made to be alike. */
static size_t find_target(const struct wire_writer *writer, const struct wire_name *name,
                          unsigned label)
{
    const uint8_t start = name->at[label];
    const uint8_t octets = (uint8_t)(name->len - start);

    for (unsigned i = 0; i < writer->target_count; i++) {
        const uint16_t target = writer->targets[i];

        /* Most have no pointer in them, and stand there as they are. */
        if (writer->target_octets[i] == octets &&
            ((octets <= writer->len - target &&
              wire_octets_same(writer->octets + target, name->octets + start, octets)) ||
             is_same(writer->octets, target, name->octets + start))) {
            return target;
        }
    }
    return 0;
}

void wire_put_name(struct wire_writer *writer, const struct wire_name *name, bool compress)
{
    const size_t at = writer->len;
    unsigned whole = name->labels; /* labels that are written out */
    size_t target = 0;

    if (!compress) {
        wire_put_octets(writer, name->octets, name->len);
        return;
    }
    for (unsigned label = 0; label < name->labels; label++) {
        target = find_target(writer, name, label);
        if (target != 0) {
            whole = label;
            break;
        }
    }
    const size_t head = name->at[whole];

    if (!room(writer, head + (target != 0 ? 2 : 1))) {
        return;
    }
    memcpy(writer->octets + at, name->octets, head);
    for (unsigned label = 0; label < whole; label++) {
        remember(writer, at + name->at[label], (size_t)name->len - name->at[label]);
    }
    if (target != 0) {
        wire_put16(writer->octets + at + head, (uint16_t)(0xc000u | target));
        writer->len += head + 2;
    } else {
        writer->octets[at + head] = 0;
        writer->len += head + 1;
    }
}

struct wire_mark wire_put_fixed(struct wire_writer *writer, enum wire_section section,
                                const struct wire_name *owner, uint16_t type, uint16_t class,
                                uint32_t ttl)
{
    const struct wire_mark mark = {writer->len, writer->target_count};

    for (unsigned later = (unsigned)section + 1; later <= WIRE_ADDITIONAL; later++) {
        invariant(writer->counts[later] == 0);
    }
    wire_put_name(writer, owner, true);
    put16(writer, type);
    put16(writer, class);
    put32(writer, ttl);
    put16(writer, 0); /* RDLENGTH, once it is known */
    return mark;
}

void wire_put_back(struct wire_writer *writer, struct wire_mark mark)
{
    writer->len = mark.len;
    writer->target_count = mark.target_count;
}

void wire_put_done(struct wire_writer *writer, enum wire_section section, struct wire_mark mark,
                   size_t rdata)
{
    if (writer->overflow || writer->counts[section] == UINT16_MAX) {
        writer->overflow = true;
        wire_put_back(writer, mark);
        return;
    }
    wire_put16(writer->octets + rdata - 2, (uint16_t)(writer->len - rdata));
    writer->counts[section]++;
}

void wire_writer_begin(struct wire_writer *writer, uint8_t *octets, size_t size,
                       const uint8_t *raw_question, size_t raw_len)
{
    writer->octets = octets;
    writer->size = size < WIRE_MESSAGE_MAX ? size : WIRE_MESSAGE_MAX;
    writer->len = 0;
    writer->overflow = false;
    writer->target_count = 0;
    memset(writer->counts, 0, sizeof(writer->counts));
    if (!room(writer, WIRE_HEADER_OCTETS + raw_len)) {
        return;
    }
    writer->len = WIRE_HEADER_OCTETS;
    if (raw_len == 0) {
        return;
    }
    invariant(raw_len > 4 && raw_len <= WIRE_NAME_MAX + 4);
    const size_t name_len = raw_len - 4;
    size_t at = 0;

    for (; at < name_len && raw_question[at] != 0; at += 1u + raw_question[at]) {
        invariant(raw_question[at] <= WIRE_LABEL_MAX);
        remember(writer, WIRE_HEADER_OCTETS + at, name_len - at);
    }
    invariant(at == name_len - 1);
    wire_put_octets(writer, raw_question, raw_len);
    writer->counts[0] = 1;
}

static void write_record(struct wire_writer *writer, enum wire_section section,
                         struct wire_mark mark, const uint8_t *rdata, size_t rdata_len)
{
    const size_t start = writer->len;

    wire_put_octets(writer, rdata, rdata_len);
    wire_put_done(writer, section, mark, start);
}

void wire_write_record(struct wire_writer *writer, enum wire_section section,
                       const struct wire_name *owner, uint16_t type, uint32_t ttl,
                       const uint8_t *rdata, size_t rdata_len)
{
    const struct wire_mark mark = wire_put_fixed(writer, section, owner, type, WIRE_IN, ttl);

    write_record(writer, section, mark, rdata, rdata_len);
}

void wire_write_chaos(struct wire_writer *writer, const struct wire_name *owner,
                      const uint8_t *rdata, size_t rdata_len)
{
    const struct wire_mark mark =
        wire_put_fixed(writer, WIRE_ANSWER, owner, WIRE_TXT, WIRE_CH, 0);

    write_record(writer, WIRE_ANSWER, mark, rdata, rdata_len);
}

void wire_write_cname(struct wire_writer *writer, const struct wire_name *owner,
                      const struct wire_name *target, uint32_t ttl)
{
    const struct wire_mark mark =
        wire_put_fixed(writer, WIRE_ANSWER, owner, WIRE_CNAME, WIRE_IN, ttl);
    const size_t start = writer->len;

    wire_put_name(writer, target, true);
    wire_put_done(writer, WIRE_ANSWER, mark, start);
}

void wire_write_soa(struct wire_writer *writer, enum wire_section section,
                    const struct wire_name *owner, const struct wire_name *mname,
                    const struct wire_name *rname, uint32_t serial, uint32_t minimum_s)
{
    const struct wire_mark mark =
        wire_put_fixed(writer, section, owner, WIRE_SOA, WIRE_IN, minimum_s);
    const size_t start = writer->len;

    wire_put_name(writer, mname, true);
    wire_put_name(writer, rname, true);
    put32(writer, serial);
    put32(writer, SOA_REFRESH_S);
    put32(writer, SOA_RETRY_S);
    put32(writer, SOA_EXPIRE_S);
    put32(writer, minimum_s);
    wire_put_done(writer, section, mark, start);
}

/* Octets of the text that are sent: cut before a UTF-8 sequence that would not fit whole. */
static size_t ede_text_octets(const char *text)
{
    const size_t len = text != NULL ? strnlen(text, WIRE_EDE_TEXT_MAX + 1) : 0;
    size_t cut = WIRE_EDE_TEXT_MAX;

    if (len <= WIRE_EDE_TEXT_MAX) {
        return len;
    }
    while (cut > 0 && ((uint8_t)text[cut] & 0xc0) == 0x80) {
        cut--;
    }
    return cut;
}

/* Octets of the options. */
static size_t options_octets(const struct wire_opt *opt, size_t ede_text)
{
    return (opt->ede >= 0 ? 6 + ede_text : 0) + (opt->keepalive_100ms >= 0 ? 6u : 0) +
           (opt->cookie != NULL ? 4 + opt->cookie_len : 0);
}

size_t wire_opt_octets(const struct wire_opt *opt)
{
    return OPT_OCTETS + options_octets(opt, opt->ede >= 0 ? ede_text_octets(opt->ede_text) : 0);
}

static uint8_t *put_option(uint8_t *at, uint16_t code, size_t len)
{
    wire_put16(at, code);
    wire_put16(at + 2, (uint16_t)len);
    return at + 4;
}

/* hot: room is asked for once */
void wire_write_opt(struct wire_writer *writer, const struct wire_opt *opt)
{
    const size_t text_len = opt->ede >= 0 ? ede_text_octets(opt->ede_text) : 0;
    const size_t options = options_octets(opt, text_len);

    if (writer->counts[WIRE_ADDITIONAL] == UINT16_MAX || !room(writer, OPT_OCTETS + options)) {
        writer->overflow = true;
        return;
    }
    uint8_t *at = writer->octets + writer->len;
    at[0] = 0; /* the root */
    wire_put16(at + 1, WIRE_OPT);
    wire_put16(at + 3, opt->udp_size);
    wire_put32(at + 5,
               (uint32_t)(opt->rcode >> 4 & 0xff) << 24 | (opt->dnssec_ok ? WIRE_EDNS_DO : 0));
    wire_put16(at + 9, (uint16_t)options);
    at += OPT_OCTETS;
    if (opt->ede >= 0) {
        at = put_option(at, WIRE_OPTION_EDE, 2 + text_len);
        wire_put16(at, (uint16_t)opt->ede);
        if (text_len > 0) {
            memcpy(at + 2, opt->ede_text, text_len);
        }
        at += 2 + text_len;
    }
    if (opt->keepalive_100ms >= 0) {
        at = put_option(at, WIRE_OPTION_KEEPALIVE, 2);
        wire_put16(at, (uint16_t)(opt->keepalive_100ms < UINT16_MAX ? opt->keepalive_100ms
                                                                    : UINT16_MAX));
        at += 2;
    }
    if (opt->cookie != NULL) {
        invariant(opt->cookie_len <= WIRE_COOKIE_MAX);
        at = put_option(at, WIRE_OPTION_COOKIE, opt->cookie_len);
        memcpy(at, opt->cookie, opt->cookie_len);
    }
    writer->len += OPT_OCTETS + options;
    writer->counts[WIRE_ADDITIONAL]++;
}

size_t wire_writer_end(struct wire_writer *writer, uint16_t id, uint16_t flags)
{
    if (writer->overflow) {
        return 0;
    }
    wire_put16(writer->octets, id);
    wire_put16(writer->octets + 2, flags);
    for (size_t i = 0; i < 4; i++) {
        wire_put16(writer->octets + 4 + 2 * i, writer->counts[i]);
    }
    return writer->len;
}
