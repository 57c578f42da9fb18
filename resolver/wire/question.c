#include "wire/question.h"

#include "wire/limits.h"
#include "wire/option.h"

#include <string.h>

#define RECORD_FIXED 10 /* type, class, TTL and RDLENGTH */

/* The question at octet 12. Moves *pos past it. */
static bool read_question(const uint8_t *msg, size_t len, size_t *pos,
                          struct wire_question *out)
{
    size_t at = *pos;

    /* A pointer could only lead into the header. */
    if (!wire_name_read_plain(msg, len, &at, &out->name) || len - at < 4) {
        out->name.octets[0] = 0;
        out->name.at[0] = 0;
        out->name.len = 0;
        out->name.labels = 0;
        return false;
    }
    out->type = wire_get16(msg + at);
    out->class = wire_get16(msg + at + 2);
    at += 4;
    out->raw_len = (uint16_t)(at - *pos);
    memcpy(out->raw, msg + *pos, out->raw_len);
    out->has_question = true;
    *pos = at;
    return true;
}

static bool read_cookie(const struct wire_option *option, struct wire_question *out)
{
    if (out->cookie_len != 0) {
        return true; /* only the first counts (RFC 7873, 5.2) */
    }
    if (option->len != 8 && (option->len < 16 || option->len > WIRE_COOKIE_MAX)) {
        return false; /* RFC 7873, 5.2.2 */
    }
    out->cookie_len = (uint8_t)option->len;
    memcpy(out->cookie, option->data, option->len);
    return true;
}

static bool read_options(const uint8_t *rdata, size_t rdata_len, struct wire_question *out)
{
    struct wire_options options = {rdata, rdata_len, 0};
    struct wire_option option;
    int more;

    while ((more = wire_option_next(&options, &option)) == 1) {
        switch (option.code) {
        case WIRE_OPTION_COOKIE:
            if (!read_cookie(&option, out)) {
                return false;
            }
            break;
        case WIRE_OPTION_KEEPALIVE:
            if (option.len != 0 && option.len != 2) { /* RFC 7828, 3.1 */
                return false;
            }
            out->has_keepalive = true;
            break;
        case WIRE_OPTION_PADDING:
            out->has_padding = true;
            break;
        default:
            break; /* RFC 6891, 6.1.2: unknown options are ignored */
        }
    }
    return more == 0;
}

/* fixed: the record from its type on; the rdata of rdata_len octets follows. */
static enum wire_question_result read_opt(const uint8_t *fixed, size_t rdata_len,
                                          struct wire_question *out)
{
    const uint16_t size = wire_get16(fixed + 2);
    const uint8_t version = fixed[5];

    out->has_edns = true;
    out->udp_size = size > WIRE_UDP_CLASSIC ? size : WIRE_UDP_CLASSIC;
    out->dnssec_ok = (wire_get16(fixed + 6) & WIRE_EDNS_DO) != 0;
    if (version != 0) {
        return WIRE_QUESTION_BADVERS; /* what the options of that version look like is unknown
                                       */
    }
    return read_options(fixed + RECORD_FIXED, rdata_len, out) ? WIRE_QUESTION_OK
                                                              : WIRE_QUESTION_FORMERR;
}

/* Everything behind the question. A record takes 11 octets, so len bounds the loop. */
static enum wire_question_result read_additional(const uint8_t *msg, size_t len, size_t at,
                                                 unsigned count, struct wire_question *out)
{
    enum wire_question_result result = WIRE_QUESTION_OK;

    for (; count > 0; count--) {
        const bool at_root = at < len && msg[at] == 0;

        if (at_root) {
            at++;
        } else if (wire_name_skip(msg, len, &at) != WIRE_OK) {
            return WIRE_QUESTION_FORMERR;
        }
        if (len - at < RECORD_FIXED) {
            return WIRE_QUESTION_FORMERR;
        }
        const uint8_t *fixed = msg + at;
        const size_t rdata_len = wire_get16(fixed + 8);

        at += RECORD_FIXED;
        if (rdata_len > len - at) {
            return WIRE_QUESTION_FORMERR;
        }
        at += rdata_len;
        if (wire_get16(fixed) != WIRE_OPT) {
            continue;
        }
        if (!at_root || out->has_edns) {
            return WIRE_QUESTION_FORMERR;
        }
        result = read_opt(fixed, rdata_len, out);
        if (result == WIRE_QUESTION_FORMERR) {
            return result;
        }
    }
    return at == len ? result : WIRE_QUESTION_FORMERR;
}

#define OPT_AT_TYPE    1
#define OPT_AT_SIZE    3
#define OPT_AT_VERSION 6
#define OPT_AT_FLAGS   7
#define OPT_AT_LEN     9

/* Most questions end so: one OPT record of version 0 without options, and nothing else. */
static bool read_plain_opt(const uint8_t *msg, size_t len, size_t at, unsigned count,
                           struct wire_question *out)
{
    const uint8_t *opt = msg + at;

    if (count != 1 || len - at != 1 + RECORD_FIXED || opt[0] != 0 ||
        wire_get16(opt + OPT_AT_TYPE) != WIRE_OPT || opt[OPT_AT_VERSION] != 0 ||
        wire_get16(opt + OPT_AT_LEN) != 0) {
        return false;
    }
    const uint16_t size = wire_get16(opt + OPT_AT_SIZE);

    out->has_edns = true;
    out->udp_size = size > WIRE_UDP_CLASSIC ? size : WIRE_UDP_CLASSIC;
    out->dnssec_ok = (wire_get16(opt + OPT_AT_FLAGS) & WIRE_EDNS_DO) != 0;
    return true;
}

/* A well-formed question that we do not answer. */
static enum wire_question_result judge(uint16_t type, uint16_t class)
{
    switch (type) {
    case WIRE_MAILA:
    case WIRE_MAILB:
        return WIRE_QUESTION_NOTIMP;
    case WIRE_AXFR:
    case WIRE_IXFR:
    case WIRE_OPT:
    case WIRE_TKEY:
    case WIRE_TSIG:
        return WIRE_QUESTION_REFUSED;
    default:
        return class == WIRE_IN   ? WIRE_QUESTION_OK
               : class == WIRE_CH ? WIRE_QUESTION_CHAOS
                                  : WIRE_QUESTION_REFUSED;
    }
}

enum wire_question_result wire_question_read(const uint8_t *msg, size_t len,
                                             struct wire_question *out)
{
    size_t at = WIRE_HEADER_OCTETS;

    memset(&out->id, 0,
           offsetof(struct wire_question, cookie) - offsetof(struct wire_question, id));
    out->name.octets[0] = 0;
    out->name.at[0] = 0;
    out->name.len = 0;
    out->name.labels = 0;
    out->udp_size = WIRE_UDP_CLASSIC;
    if (len < WIRE_HEADER_OCTETS) {
        return WIRE_QUESTION_DROP;
    }
    out->id = wire_get16(msg);
    out->flags = wire_get16(msg + 2);
    if ((out->flags & WIRE_FLAG_QR) != 0) {
        return WIRE_QUESTION_DROP;
    }
    const uint16_t questions = wire_get16(msg + 4);
    const bool whole = questions == 1 && read_question(msg, len, &at, out);

    if ((out->flags & WIRE_OPCODE_MASK) != 0) {
        return WIRE_QUESTION_NOTIMP; /* its sections mean something else */
    }
    if (!whole && questions != 0) {
        return WIRE_QUESTION_FORMERR;
    }
    if (wire_get32(msg + 6) != 0) { /* ANCOUNT and NSCOUNT */
        /* IXFR carries the client's SOA in the authority section (RFC 1995, 3). */
        return out->type == WIRE_IXFR ? WIRE_QUESTION_REFUSED : WIRE_QUESTION_FORMERR;
    }
    const unsigned more = wire_get16(msg + 10);

    if (whole && read_plain_opt(msg, len, at, more, out)) {
        return judge(out->type, out->class);
    }
    const enum wire_question_result result = read_additional(msg, len, at, more, out);

    if (result != WIRE_QUESTION_OK) {
        return result;
    }
    if (!whole) {
        return out->cookie_len > 0 ? WIRE_QUESTION_COOKIE : WIRE_QUESTION_FORMERR;
    }
    return judge(out->type, out->class);
}
