/*
 * Names in presentation format (RFC 1035, 5.1; RFC 4343, 2.1).
 */
#include "wire/name.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_printable(uint8_t octet)
{
    return octet > 0x20 && octet < 0x7f;
}

/* Those that zone files give a meaning of their own. */
static bool is_special(uint8_t octet)
{
    switch (octet) {
    case '"':
    case '$':
    case '(':
    case ')':
    case '.':
    case ';':
    case '@':
    case '\\':
        return true;
    default:
        return false;
    }
}

/* Reads the escape after the backslash at text[*at]; moves *at past it. */
static bool read_escape(const char *text, size_t len, size_t *at, uint8_t *octet)
{
    const char *rest = text + *at + 1;
    const size_t left = len - *at - 1;

    if (left >= 1 && !is_digit(rest[0])) {
        *octet = (uint8_t)rest[0];
        *at += 2;
        return is_printable(*octet);
    }
    if (left < 3 || !is_digit(rest[1]) || !is_digit(rest[2])) {
        return false;
    }
    const int value = (rest[0] - '0') * 100 + (rest[1] - '0') * 10 + (rest[2] - '0');

    *octet = (uint8_t)value;
    *at += 4;
    return value <= 255;
}

/* Ends the label that starts at name->at[labels] with its length. */
static enum wire_text_result end_label(struct wire_name *name, size_t end)
{
    const size_t start = name->at[name->labels];
    const size_t octets = end - start - 1;

    if (octets == 0) {
        return WIRE_TEXT_EMPTY_LABEL;
    }
    name->octets[start] = (uint8_t)octets;
    name->labels++;
    name->at[name->labels] = (uint8_t)end;
    return WIRE_TEXT_OK;
}

enum wire_text_result wire_name_from_text(const char *text, size_t len, struct wire_name *name)
{
    struct wire_name out = {.labels = 0};
    size_t used = 1; /* the length octet of the first label */
    size_t at = len == 1 && text[0] == '.' ? 1 : 0;
    bool open = at == 0; /* a label is being read */

    while (at < len) {
        uint8_t octet = (uint8_t)text[at];

        if (octet == '.') {
            const enum wire_text_result result = end_label(&out, used);
            if (result != WIRE_TEXT_OK) {
                return result;
            }
            at++;
            open = at < len;
            used++;
            continue;
        }
        if (octet == '\\') {
            if (!read_escape(text, len, &at, &octet)) {
                return WIRE_TEXT_BAD_ESCAPE;
            }
        } else if (!is_printable(octet)) {
            return WIRE_TEXT_BAD_OCTET;
        } else {
            at++;
        }
        if (used - out.at[out.labels] > WIRE_LABEL_MAX) {
            return WIRE_TEXT_LONG_LABEL;
        }
        if (used >= WIRE_NAME_MAX - 1) {
            return WIRE_TEXT_LONG_NAME; /* the root's octet must still fit */
        }
        out.octets[used++] = wire_lower(octet);
    }
    if (open) {
        const enum wire_text_result result = end_label(&out, used);
        if (result != WIRE_TEXT_OK) {
            return result;
        }
        used++;
    }
    /* After each label used stands one past the octet that became the root's zero. */
    out.octets[used - 1] = 0;
    out.len = (uint8_t)used;
    *name = out;
    return WIRE_TEXT_OK;
}

const char *wire_text_result_words(enum wire_text_result result)
{
    switch (result) {
    case WIRE_TEXT_OK:
        return "a valid name";
    case WIRE_TEXT_EMPTY_LABEL:
        return "an empty label (a leading dot, two dots in a row, or no name at all)";
    case WIRE_TEXT_LONG_LABEL:
        return "a label of more than 63 octets";
    case WIRE_TEXT_LONG_NAME:
        return "a name of more than 255 octets";
    case WIRE_TEXT_BAD_ESCAPE:
        return "a backslash that is followed neither by a character nor by three digits up to "
               "255";
    case WIRE_TEXT_BAD_OCTET:
        return "a character outside printable ASCII (write international names as xn-- labels)";
    }
    return "an unknown fault";
}

/* What most names are made of, told with few questions. */
static bool is_plain(uint8_t octet)
{
    static const bool plain[256] = {
        ['-'] = true, ['_'] = true, ['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true,
        ['4'] = true, ['5'] = true, ['6'] = true, ['7'] = true, ['8'] = true, ['9'] = true,
        ['a'] = true, ['b'] = true, ['c'] = true, ['d'] = true, ['e'] = true, ['f'] = true,
        ['g'] = true, ['h'] = true, ['i'] = true, ['j'] = true, ['k'] = true, ['l'] = true,
        ['m'] = true, ['n'] = true, ['o'] = true, ['p'] = true, ['q'] = true, ['r'] = true,
        ['s'] = true, ['t'] = true, ['u'] = true, ['v'] = true, ['w'] = true, ['x'] = true,
        ['y'] = true, ['z'] = true};

    return plain[octet];
}

/* Octets that a short name is copied with, whatever its length: faster than asking for it. */
#define SHORT_NAME 32u

/* How many of the first `count` octets are not. Without a table and without an end before the
 * last: the compiler looks at sixteen at once. */
static unsigned count_others(const uint8_t octets[SHORT_NAME], unsigned count)
{
    uint8_t others = 0;

    for (unsigned i = 0; i < SHORT_NAME; i++) {
        const uint8_t octet = octets[i];
        const bool plain = ((uint8_t)(octet - 'a') < 26) | ((uint8_t)(octet - '0') < 10) |
                           (octet == '-') | (octet == '_');

        others = (uint8_t)(others + (!plain & (i < count)));
    }
    return others;
}

bool wire_name_is_plain(const struct wire_name *name)
{
    bool plain = name->labels > 0;

    if (name->len <= SHORT_NAME) {
        unsigned lengths = 0; /* of labels, that are none of these octets */

        for (unsigned label = 0; label < name->labels; label++) {
            lengths += is_plain(name->octets[name->at[label]]) ? 0 : 1;
        }
        return plain && count_others(name->octets, name->len - 1u) == lengths;
    }
    for (unsigned label = 0; label < name->labels; label++) {
        const uint8_t *octets = name->octets + name->at[label];

        for (unsigned i = 1; i <= octets[0]; i++) {
            plain &= is_plain(octets[i]);
        }
    }
    return plain;
}

size_t wire_name_plain_text(const struct wire_name *name, unsigned labels,
                            char out[WIRE_NAME_MAX])
{
    const unsigned first = name->labels - labels;
    const unsigned start = name->at[first] + 1u;
    const size_t len = name->len - start - 1u;

    if (len <= SHORT_NAME && start + SHORT_NAME <= sizeof(name->octets)) {
        memcpy(out, name->octets + start, SHORT_NAME);
    } else {
        memcpy(out, name->octets + start, len);
    }
    for (unsigned i = first + 1; i < name->labels; i++) {
        out[name->at[i] - start] = '.'; /* where a length stood */
    }
    return len;
}

size_t wire_name_to_text(const struct wire_name *name, char out[WIRE_NAME_TEXT_MAX])
{
    size_t len = 0;

    if (wire_name_is_plain(name)) {
        len = wire_name_plain_text(name, name->labels, out);
        out[len] = '\0';
        return len;
    }
    if (name->labels == 0) {
        out[len++] = '.';
    }
    for (unsigned label = 0; label < name->labels; label++) {
        const uint8_t *octets = name->octets + name->at[label];

        if (label > 0) {
            out[len++] = '.';
        }
        for (unsigned i = 1; i <= octets[0]; i++) {
            const uint8_t octet = octets[i];

            if (is_plain(octet)) {
                out[len++] = (char)octet;
                continue;
            }
            if (!is_printable(octet)) {
                out[len++] = '\\';
                out[len++] = (char)('0' + octet / 100);
                out[len++] = (char)('0' + octet / 10 % 10);
                out[len++] = (char)('0' + octet % 10);
                continue;
            }
            if (is_special(octet)) {
                out[len++] = '\\';
            }
            out[len++] = (char)octet;
        }
    }
    out[len] = '\0';
    return len;
}
