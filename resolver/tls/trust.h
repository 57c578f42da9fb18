/*
 * tls/trust.h - what sessions have in common: the CA certificates that are believed, and what
 * of TLS is spoken at all: 1.2 and 1.3, authenticated encryption with fresh keys (RFC 9325), no
 * renegotiation, no compression, no early data.
 *
 * Immutable once made; shared by threads, each of which holds it.
 */
#ifndef CORDON_TLS_TRUST_H
#define CORDON_TLS_TRUST_H

#include "base/report.h"
#include "tls/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_trust; /* opaque */

/* Where this system has its CA certificates, in one file; NULL: nowhere known. */
const char *tls_system_roots(void);

/*
 * Reads CA certificates from a file of ours (each of them is believed, also one that is no
 * root), or with NULL from the system's: that there are none is a warning, as servers that are
 * known by pins need none. 0; CORDON_E_REFUSED, with the fault in the report; -errno. The
 * caller holds it.
 */
int tls_trust_load(const char *file, struct report *report, struct tls_trust **trust);

/* The same from memory; file: for the report. */
int tls_trust_build(const uint8_t *pem, size_t len, bool ours, const char *file,
                    struct report *report, struct tls_trust **trust);

/* The same certificates are believed. Either may be NULL. */
bool tls_trust_equal(const struct tls_trust *a, const struct tls_trust *b);

struct tls_trust *tls_trust_hold(struct tls_trust *trust); /* returns it */
void tls_trust_release(struct tls_trust *trust);           /* NULL is fine */

#endif
