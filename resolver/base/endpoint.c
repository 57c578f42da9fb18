#include "base/endpoint.h"

#include <stdio.h>
#include <string.h>

#define LABEL_MAX    63u
#define PIN_CODE_LEN 44u /* base64 of 32 octets, one "=" at its end */

static const char pin_prefix[] = "sha256/";
static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    return address_equal(&a->address, &b->address) && a->transport == b->transport &&
           strcmp(a->name, b->name) == 0 && a->pin_count == b->pin_count &&
           memcmp(a->pins, b->pins, (size_t)a->pin_count * ENDPOINT_PIN_OCTETS) == 0;
}

size_t endpoint_format(const struct endpoint *endpoint, char out[ENDPOINT_TEXT_MAX])
{
    char address[ADDRESS_TEXT_MAX];

    address_format(&endpoint->address, true, address);
    const bool tls = endpoint->transport == ENDPOINT_TLS;
    const int len =
        snprintf(out, ENDPOINT_TEXT_MAX, "%s%s%s%s", tls ? "tls://" : "", address,
                 tls && endpoint->name[0] != '\0' ? "#" : "", tls ? endpoint->name : "");
    return len > 0 ? (size_t)len : 0;
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Letters, digits and hyphens, the last of them not at either end (RFC 1123, 2.1). */
static const char *label_fault(const char *label, size_t len)
{
    if (len == 0) {
        return "has an empty part";
    }
    if (len > LABEL_MAX) {
        return "has a part of more than 63 characters";
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)label[i] >= 0x80) {
            return "has characters outside ASCII: write its xn-- form";
        }
        if (!is_letter_or_digit(label[i]) && label[i] != '-') {
            return "is no host name: letters, digits, hyphens and dots";
        }
    }
    return label[0] == '-' || label[len - 1] == '-' ? "has a hyphen at the end of a part"
                                                    : NULL;
}

const char *endpoint_name_read(const char *text, char out[ENDPOINT_NAME_MAX])
{
    struct address address;
    size_t len = strlen(text);

    if (address_parse(text, len, 0, &address) == 0) {
        return "is an address: write the name that stands in the server's certificate";
    }
    if (len > 1 && text[len - 1] == '.') {
        len--;
    }
    if (len == 0) {
        return "is empty";
    }
    if (len >= ENDPOINT_NAME_MAX) {
        return "is longer than 253 characters";
    }
    for (size_t at = 0; at <= len;) {
        const char *dot = memchr(text + at, '.', len - at);
        const size_t end = dot != NULL ? (size_t)(dot - text) : len;
        const char *fault = label_fault(text + at, end - at);
        if (fault != NULL) {
            return fault;
        }
        at = end + 1;
    }
    for (size_t i = 0; i < len; i++) {
        const bool capital = text[i] >= 'A' && text[i] <= 'Z';
        out[i] = capital ? (char)(text[i] - 'A' + 'a') : text[i];
    }
    memset(out + len, 0, ENDPOINT_NAME_MAX - len);
    return NULL;
}

/* The value of a character of base64; -1: it is none. */
static int base64_value(char c)
{
    const char *at = c != '\0' ? strchr(base64, c) : NULL;

    return at != NULL ? (int)(at - base64) : -1;
}

bool endpoint_pin_read(const char *text, uint8_t out[ENDPOINT_PIN_OCTETS])
{
    uint8_t octets[PIN_CODE_LEN / 4 * 3];
    const size_t prefix = sizeof(pin_prefix) - 1;

    if (strlen(text) != prefix + PIN_CODE_LEN || memcmp(text, pin_prefix, prefix) != 0 ||
        text[prefix + PIN_CODE_LEN - 1] != '=') {
        return false;
    }
    for (size_t i = 0; i < PIN_CODE_LEN; i += 4) {
        uint32_t bits = 0;
        for (size_t j = i; j < i + 4; j++) {
            const int value = j == PIN_CODE_LEN - 1 ? 0 : base64_value(text[prefix + j]);
            if (value < 0) {
                return false;
            }
            bits = bits << 6 | (uint32_t)value;
        }
        octets[i / 4 * 3] = (uint8_t)(bits >> 16);
        octets[i / 4 * 3 + 1] = (uint8_t)(bits >> 8);
        octets[i / 4 * 3 + 2] = (uint8_t)bits;
    }
    if (octets[ENDPOINT_PIN_OCTETS] != 0) {
        return false; /* bits that mean nothing: another text for the same pin */
    }
    memcpy(out, octets, ENDPOINT_PIN_OCTETS);
    return true;
}

void endpoint_pin_format(const uint8_t pin[ENDPOINT_PIN_OCTETS], char out[ENDPOINT_PIN_TEXT])
{
    size_t at = sizeof(pin_prefix) - 1;

    memcpy(out, pin_prefix, at);
    for (size_t i = 0; i < ENDPOINT_PIN_OCTETS; i += 3) {
        const uint32_t second = i + 1 < ENDPOINT_PIN_OCTETS ? pin[i + 1] : 0;
        const uint32_t third = i + 2 < ENDPOINT_PIN_OCTETS ? pin[i + 2] : 0;
        const uint32_t bits = (uint32_t)pin[i] << 16 | second << 8 | third;
        for (unsigned shift = 18; at < ENDPOINT_PIN_TEXT - 1; shift -= 6) {
            out[at++] = base64[bits >> shift & 63];
            if (shift == 0) {
                break;
            }
        }
    }
    out[ENDPOINT_PIN_TEXT - 2] = '=';
    out[ENDPOINT_PIN_TEXT - 1] = '\0';
}
