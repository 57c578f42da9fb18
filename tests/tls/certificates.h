/*
 * Keys and certificates made for a test and gone with it, and the server's side of TLS over
 * memory buffers.
 */
#ifndef CORDON_TESTS_TLS_CERTIFICATES_H
#define CORDON_TESTS_TLS_CERTIFICATES_H

#include "base/endpoint.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S 86400

/* A key with its certificate. */
struct holder {
    EVP_PKEY *key;
    X509 *certificate;
};

struct order {
    const char *common_name;
    const char *names;           /* "DNS:a.test,DNS:b.test"; NULL: no such extension */
    const struct holder *issuer; /* NULL: by itself */
    bool is_ca;
    long from_s, to_s; /* seconds from now; both 0: yesterday to in ten days */
    EVP_PKEY *key;     /* of another holder, for a new certificate; NULL: a new one */
};

static inline void need(int ok)
{
    if (ok != 1) {
        ERR_print_errors_fp(stderr);
        abort();
    }
}

static inline void add_extension(X509 *certificate, X509 *issuer, int kind, const char *value)
{
    X509V3_CTX context;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    need(extension != NULL);
    need(X509_add_ext(certificate, extension, -1));
    X509_EXTENSION_free(extension);
}

static inline struct holder make_holder(struct order order)
{
    static long serial = 1000;
    struct holder made = {.certificate = X509_new()};
    X509_NAME *name = X509_NAME_new();

    if (order.from_s == 0 && order.to_s == 0) {
        order.from_s = -DAY_S;
        order.to_s = 10 * DAY_S;
    }
    if (order.key != NULL) {
        EVP_PKEY_up_ref(order.key);
        made.key = order.key;
    } else {
        made.key = EVP_EC_gen("P-256");
    }
    need(made.key != NULL && made.certificate != NULL);
    need(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    (const unsigned char *)order.common_name, -1, -1, 0));
    need(X509_set_version(made.certificate, 2));
    need(ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), serial++));
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), order.from_s);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), order.to_s);
    need(X509_set_subject_name(made.certificate, name));
    X509 *issuer = order.issuer != NULL ? order.issuer->certificate : made.certificate;
    need(X509_set_issuer_name(made.certificate, X509_get_subject_name(issuer)));
    need(X509_set_pubkey(made.certificate, made.key));
    add_extension(made.certificate, issuer, NID_basic_constraints,
                  order.is_ca ? "critical,CA:TRUE" : "CA:FALSE");
    if (order.names != NULL) {
        add_extension(made.certificate, issuer, NID_subject_alt_name, order.names);
    }
    need(X509_sign(made.certificate, order.issuer != NULL ? order.issuer->key : made.key,
                   EVP_sha256()) > 0);
    X509_NAME_free(name);
    return made;
}

static inline void free_holder(struct holder *holder)
{
    X509_free(holder->certificate);
    EVP_PKEY_free(holder->key);
}

/* As a file has it; the caller frees. */
static inline char *certificate_pem(const struct holder *holder)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *at = NULL;

    need(PEM_write_bio_X509(bio, holder->certificate));
    const long len = BIO_get_mem_data(bio, &at);
    char *copy = calloc(1, (size_t)len + 1);
    memcpy(copy, at, (size_t)len);
    BIO_free(bio);
    return copy;
}

static inline void pin_of_holder(const struct holder *holder, uint8_t pin[ENDPOINT_PIN_OCTETS])
{
    unsigned char *der = NULL;
    unsigned int len = 0;
    const int der_len = i2d_PUBKEY(holder->key, &der);

    need(EVP_Digest(der, (size_t)der_len, pin, &len, EVP_sha256(), NULL));
    OPENSSL_free(der);
}

static inline int select_dot(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                             const unsigned char *in, unsigned int in_len, void *context)
{
    (void)ssl;
    (void)context;
    return SSL_select_next_proto((unsigned char **)out, out_len, (const unsigned char *)"\3dot",
                                 4, in, in_len) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* What a server needs; chain: one certificate between its own and the root, or NULL. */
static inline SSL_CTX *server_context(const struct holder *holder, const struct holder *chain)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    need(context != NULL);
    need(SSL_CTX_use_certificate(context, holder->certificate));
    need(SSL_CTX_use_PrivateKey(context, holder->key));
    if (chain != NULL) {
        need((int)SSL_CTX_add1_chain_cert(context, chain->certificate));
    }
    SSL_CTX_set_alpn_select_cb(context, select_dot, NULL);
    return context;
}

/* One connection of a server. */
struct peer {
    SSL *ssl;
    BIO *in, *out;
};

static inline void peer_init(struct peer *peer, SSL_CTX *context)
{
    peer->ssl = SSL_new(context);
    peer->in = BIO_new(BIO_s_mem());
    peer->out = BIO_new(BIO_s_mem());
    need(peer->ssl != NULL && peer->in != NULL && peer->out != NULL);
    BIO_set_mem_eof_return(peer->in, -1);
    SSL_set_bio(peer->ssl, peer->in, peer->out);
    SSL_set_accept_state(peer->ssl);
}

static inline void peer_deinit(struct peer *peer)
{
    SSL_free(peer->ssl);
}

#endif
