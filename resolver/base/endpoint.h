/*
 * base/endpoint.h - where and how a server is reached: its address, in clear or over TLS, and
 * what then proves that it is the right one.
 */
#ifndef CORDON_BASE_ENDPOINT_H
#define CORDON_BASE_ENDPOINT_H

#include "base/address.h"

#define ENDPOINT_NAME_MAX   254u /* a host name in text, without a last dot, and a terminator */
#define ENDPOINT_PIN_OCTETS 32u  /* SHA-256 of a SubjectPublicKeyInfo (RFC 7858, 4.2) */
#define ENDPOINT_PINS_MAX   4u   /* two in use and two for the next change of keys */
#define ENDPOINT_PIN_TEXT   52u  /* "sha256/", 44 characters of base64 and a terminator */
#define ENDPOINT_TEXT_MAX   (ADDRESS_TEXT_MAX + 8u + ENDPOINT_NAME_MAX)

enum endpoint_transport {
    ENDPOINT_DO53, /* UDP and TCP in clear */
    ENDPOINT_TLS,  /* nothing but TLS (RFC 7858), strict (RFC 8310, 5): with a name or pins */
    ENDPOINT_TLS_STREAM /* the same for something else than DNS: no protocol is named (ALPN) */
};

/* Plain data: compare with endpoint_equal. */
struct endpoint {
    struct address address;
    uint8_t transport;            /* enum endpoint_transport */
    uint8_t pin_count;            /* of pins; one of them must match if there are any */
    char name[ENDPOINT_NAME_MAX]; /* in the certificate, lower case; "": not looked at */
    uint8_t pins[ENDPOINT_PINS_MAX][ENDPOINT_PIN_OCTETS];
};

/* The same server, reached the same way and proved by the same. */
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/* "192.0.2.53@53", "tls://192.0.2.53@853#dns.example", "tls://192.0.2.53@853". Returns the
 * length. */
size_t endpoint_format(const struct endpoint *endpoint, char out[ENDPOINT_TEXT_MAX]);

/* Reads a host name as certificates have it, lower case, without a last dot. NULL; or what is
 * wrong with it, in words that follow the name, and out is untouched. */
const char *endpoint_name_read(const char *text, char out[ENDPOINT_NAME_MAX]);

/* "sha256/" and base64. The reading is strict: one text for one pin. False if it is none. */
bool endpoint_pin_read(const char *text, uint8_t out[ENDPOINT_PIN_OCTETS]);
void endpoint_pin_format(const uint8_t pin[ENDPOINT_PIN_OCTETS], char out[ENDPOINT_PIN_TEXT]);

#endif
