/* tls/verify.c - is this the server that was meant? By name and issuer, by pins, or by both. */
#include "tls/inside.h"

#include "base/digest.h"
#include "base/invariant.h"
#include "base/text.h"

#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

bool tls_is_expired(const X509 *certificate, uint64_t now_s)
{
    time_t now = (time_t)now_s;

    return X509_cmp_time(X509_get0_notAfter(certificate), &now) <= 0;
}

/* ---- words ---- */

static void add_date(struct text *text, const ASN1_TIME *time)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(time, &tm) == 1) {
        text_printf(text, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
    } else {
        text_add(text, "a date that cannot be read");
    }
}

/* A subject or an issuer, cut if it is long. */
static void add_name(struct text *text, const X509_NAME *name)
{
    const size_t longest = 80;
    BIO *bio = BIO_new(BIO_s_mem());
    char *octets = NULL;

    if (bio != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
        const long len = BIO_get_mem_data(bio, &octets);
        text_add(text, "\"");
        text_add_printable(text, octets,
                           len > 0 && (size_t)len < longest ? (size_t)len
                           : len > 0                        ? longest
                                                            : 0);
        text_add(text, "\"");
    }
    BIO_free(bio);
}

/* The names that a certificate is for. */
static void add_hosts(struct text *text, const X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    unsigned told = 0;
    unsigned more = 0;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS) {
            continue;
        }
        if (told == TLS_NAMES_TOLD_MAX) {
            more++;
            continue;
        }
        const int len = ASN1_STRING_length(name->d.dNSName);
        text_add(text, told++ > 0 ? ", " : "");
        text_add_printable(text, (const char *)ASN1_STRING_get0_data(name->d.dNSName),
                           len < 64 ? (size_t)len : 64);
    }
    if (told == 0) {
        text_add(text, "no host name at all");
    } else if (more > 0) {
        text_printf(text, " and %u more", more);
    }
    GENERAL_NAMES_free(names);
}

static void say_what_is_wrong(struct tls_session *session, X509_STORE_CTX *chain)
{
    const int error = X509_STORE_CTX_get_error(chain);
    const X509 *certificate = X509_STORE_CTX_get_current_cert(chain);
    const bool issuer = X509_STORE_CTX_get_error_depth(chain) > 0;
    struct text text;

    text_init(&text, session->error, sizeof(session->error));
    if (certificate == NULL) {
        certificate = X509_STORE_CTX_get0_cert(chain);
    }
    if (certificate == NULL) {
        text_add(&text, "it has no certificate");
        return;
    }
    text_add(&text, issuer ? "the issuer's certificate " : "its certificate ");
    add_name(&text, X509_get_subject_name(certificate));
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        text_add(&text, " has expired on ");
        add_date(&text, X509_get0_notAfter(certificate));
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        text_add(&text, " is not valid before ");
        add_date(&text, X509_get0_notBefore(certificate));
        text_add(&text, ": is this machine's clock right?");
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
        text_add(&text, " is for ");
        add_hosts(&text, certificate);
        text_printf(&text, ", not for %s", session->server->name);
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        text_add(&text, " is signed by itself alone and not among the CA certificates here");
        break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        text_add(&text, " has an issuer that is not among the CA certificates here: ");
        add_name(&text, X509_get_issuer_name(certificate));
        break;
    default:
        text_printf(&text, " is not good: %s", X509_verify_cert_error_string(error));
        break;
    }
}

/* ---- pins ---- */

/* SHA-256 of the SubjectPublicKeyInfo, as RFC 7858, 4.2 has it. */
static bool pin_of(const X509 *certificate, uint8_t pin[ENDPOINT_PIN_OCTETS])
{
    unsigned char *der = NULL;
    unsigned int len = 0;
    const int der_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    const bool made = der_len > 0 &&
                      EVP_Digest(der, (size_t)der_len, pin, &len, EVP_sha256(), NULL) == 1 &&
                      len == ENDPOINT_PIN_OCTETS;

    OPENSSL_free(der);
    return made;
}

static bool has_pin(const struct endpoint *server, const X509 *certificate)
{
    uint8_t pin[ENDPOINT_PIN_OCTETS];

    if (certificate == NULL || !pin_of(certificate, pin)) {
        return false;
    }
    for (size_t i = 0; i < server->pin_count; i++) {
        if (digest_equal(pin, server->pins[i])) {
            return true;
        }
    }
    return false;
}

/* The server's own key; in a chain that was verified also that of an issuer. In one that was
 * not, anybody could have put an issuer's certificate. */
static bool is_pinned(const struct tls_session *session, X509_STORE_CTX *chain, bool verified)
{
    STACK_OF(X509) *certificates = verified ? X509_STORE_CTX_get0_chain(chain) : NULL;

    if (has_pin(session->server, X509_STORE_CTX_get0_cert(chain))) {
        return true;
    }
    for (int i = 0; i < sk_X509_num(certificates); i++) {
        if (has_pin(session->server, sk_X509_value(certificates, i))) {
            return true;
        }
    }
    return false;
}

static void say_which_pin(struct tls_session *session, const X509 *certificate)
{
    uint8_t pin[ENDPOINT_PIN_OCTETS];
    char pin_text[ENDPOINT_PIN_TEXT];
    struct text text;

    text_init(&text, session->error, sizeof(session->error));
    text_add(&text, "its public key is none of those pinned");
    if (certificate != NULL && pin_of(certificate, pin)) {
        endpoint_pin_format(pin, pin_text);
        text_printf(&text, ": it has %s", pin_text);
    }
}

int tls_verify(X509_STORE_CTX *chain, void *context)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_session *session = SSL_get_app_data(ssl);
    const bool by_name = session->server->name[0] != '\0';
    const bool by_pin = session->server->pin_count > 0;

    (void)context;
    invariant(session->magic == TLS_SESSION_MAGIC);
    if (by_name && X509_verify_cert(chain) != 1) {
        say_what_is_wrong(session, chain);
        return 0;
    }
    if (by_pin && !is_pinned(session, chain, by_name)) {
        say_which_pin(session, X509_STORE_CTX_get0_cert(chain));
        X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    if (!by_name && !by_pin) { /* no configuration has such a server */
        X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    X509_STORE_CTX_set_error(chain, X509_V_OK);
    return 1;
}
