/* What a rule is on: a name or a prefix, as a list writes it. */
#include "policy/list_parser.h"

#include <string.h>

/* Why an octet cannot be in a name, in words that say what to do. */
static const char *bad_octet(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return "names are written in lower case";
    }
    if ((unsigned char)c >= 0x80) {
        return "names are written as A-labels (xn--...)";
    }
    if (c == '*') {
        return "no wildcards: \"suffix\" matches a name and all below it, \"below\" all below";
    }
    return "a name has only a-z, 0-9, '-', '_' and dots";
}

bool list_name_read(struct list_parser *parser, size_t column, const char *text, size_t len,
                    uint8_t out[WIRE_NAME_MAX], uint8_t *out_len)
{
    size_t used = 1, label = 0, labels = 1; /* label: where its length octet stands */
    bool number = true;                     /* the label so far is digits alone */

    if (len + 2 > WIRE_NAME_MAX) {
        return list_fault(parser, column, "the name is over 253 octets");
    }
    for (size_t i = 0; i < len; i++) {
        const char c = text[i];

        if (c != '.') {
            if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_') {
                return list_fault(parser, column + i, "%s", bad_octet(c));
            }
            number = number && c >= '0' && c <= '9';
            out[used++] = (uint8_t)c;
        }
        if (used - label - 1 > WIRE_LABEL_MAX) {
            return list_fault(parser, column + i, "a label is over 63 octets");
        }
        if (c == '.') {
            if (used - label - 1 == 0) {
                return list_fault(parser, column + i, "an empty label: remove the dot");
            }
            if (i + 1 == len) {
                return list_fault(parser, column + i, "leave out the final dot");
            }
            out[label] = (uint8_t)(used - label - 1);
            label = used++;
            labels++;
            number = true;
        }
    }
    if (labels < 2) {
        return list_fault(parser, column,
                          "the name has fewer than two labels: a whole top-level domain is not "
                          "listed");
    }
    if (number) {
        return list_fault(parser, column,
                          "this is an address, not a name: write it as \"prefix\" with its "
                          "length");
    }
    out[label] = (uint8_t)(used - label - 1);
    out[used++] = 0;
    *out_len = (uint8_t)used;
    return true;
}

/* Says why a prefix is refused and what it should be. */
static bool bad_prefix(struct list_parser *parser, size_t column, const char *text, size_t len,
                       size_t slash)
{
    struct address address;
    struct address_prefix prefix = {.bits = 0};
    char better[ADDRESS_TEXT_MAX];
    unsigned bits = 0;
    size_t i = slash + 1;

    while (i < len && i < slash + 4 && text[i] >= '0' && text[i] <= '9') {
        bits = bits * 10 + (unsigned)(text[i++] - '0');
    }
    if (address_parse(text, slash, 0, &address) != 0 || address.port != 0 ||
        address.scope != 0) {
        return list_fault(parser, column,
                          "not an address: write 192.0.2.0/24 or 2001:db8::/32");
    }
    if (i != len || i == slash + 1 || bits > 8 * address_octets(&address)) {
        return list_fault(parser, column + slash + 1, "the length is a number up to %zu",
                          8 * address_octets(&address));
    }
    prefix.family = address.family;
    prefix.bits = (uint8_t)bits;
    for (size_t bit = 0; bit < bits; bit++) {
        const unsigned keep = address.octets[bit / 8] & (0x80u >> bit % 8);

        prefix.octets[bit / 8] = (uint8_t)(prefix.octets[bit / 8] | keep);
    }
    address_prefix_format(&prefix, better);
    return list_fault(parser, column, "host bits are set: write %s", better);
}

/* ::ffff:0:0/96 and inside: such an address in an answer is matched as the IPv4 one it is. */
static bool is_mapped(const struct address_prefix *prefix)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    return prefix->family == ADDRESS_V6 && prefix->bits >= 96 &&
           memcmp(prefix->octets, mapped, sizeof(mapped)) == 0;
}

bool list_prefix_read(struct list_parser *parser, size_t column, const char *text, size_t len,
                      struct address_prefix *out)
{
    const char *slash = memchr(text, '/', len);

    if (slash == NULL) {
        return list_fault(parser, column + len,
                          "a prefix has a length: for one address write /32 or /128 after it");
    }
    if (address_prefix_parse(text, len, out) != 0) {
        return bad_prefix(parser, column, text, len, (size_t)(slash - text));
    }
    if (is_mapped(out)) {
        return list_fault(parser, column, "an IPv4-mapped prefix: write it as an IPv4 prefix");
    }
    return true;
}
