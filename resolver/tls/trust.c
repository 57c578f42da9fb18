#include "tls/trust.h"

#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/invariant.h"
#include "tls/inside.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tls_trust {
    _Atomic unsigned holders;
    SSL_CTX *context;
    bool ours;
    uint8_t digest[DIGEST_OCTETS]; /* of the certificates' text */
};

const char *tls_system_roots(void)
{
    static const char *const places[] = {
        "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Arch, Gentoo */
        "/etc/pki/tls/certs/ca-bundle.crt",                  /* Fedora */
        "/etc/ssl/ca-bundle.pem",                            /* openSUSE */
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* RHEL */
        "/etc/ssl/cert.pem",                                 /* Alpine */
    };

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (access(places[i], R_OK) == 0) {
            return places[i];
        }
    }
    return NULL;
}

/* A file that asks for a password is none of certificates. */
static int no_password(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

/* The number of certificates, or a code with the fault in the report. */
static int add_roots(X509_STORE *store, const uint8_t *pem, size_t len, const char *file,
                     struct report *report)
{
    BIO *bio = BIO_new_mem_buf(len > 0 ? (const void *)pem : "", (int)len);
    int count = 0;
    int rc = bio == NULL ? -ENOMEM : 0;

    while (rc == 0) {
        X509 *root = PEM_read_bio_X509(bio, NULL, no_password, NULL);
        if (root == NULL) {
            const unsigned long error = ERR_peek_last_error();
            if (ERR_GET_LIB(error) != ERR_LIB_PEM ||
                ERR_GET_REASON(error) != PEM_R_NO_START_LINE) {
                report_add(report, REPORT_ERROR, file, 0, 0,
                           "certificate %d cannot be read: %s", count + 1,
                           ERR_reason_error_string(error));
                rc = CORDON_E_REFUSED;
            }
            break;
        }
        if ((unsigned)++count > TLS_ROOTS_MAX) {
            report_add(report, REPORT_ERROR, file, 0, 0, "more than %u certificates",
                       TLS_ROOTS_MAX);
            rc = CORDON_E_TOO_LARGE;
        } else if (X509_STORE_add_cert(store, root) != 1) {
            rc = -ENOMEM;
        }
        X509_free(root);
    }
    ERR_clear_error();
    BIO_free(bio);
    return rc != 0 ? rc : count;
}

/* What of TLS is spoken. False if out of memory. */
static bool set_manners(SSL_CTX *context, bool ours)
{
    static const unsigned char protocols[] = {3, 'd', 'o', 't'}; /* RFC 7858; IANA's registry */
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context);

    SSL_CTX_set_security_level(context, 2);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_max_cert_list(context, TLS_CHAIN_OCTETS_MAX);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context, tls_verify, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, tls_tickets_on_new);
    X509_VERIFY_PARAM_set_depth(param, TLS_CHAIN_DEPTH_MAX);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (ours) {
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    }
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
           SSL_CTX_set_alpn_protos(context, protocols, sizeof(protocols)) == 0;
}

int tls_trust_build(const uint8_t *pem, size_t len, bool ours, const char *file,
                    struct report *report, struct tls_trust **trust)
{
    struct tls_trust *new = NULL;
    int rc = 0;

    /* Whatever the machine's openssl.cnf says: the same everywhere, and no file read later. */
    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1) {
        return -ENOMEM;
    }
    new = calloc(1, sizeof(*new));
    if (new != NULL) {
        new->context = SSL_CTX_new(TLS_client_method());
    }
    if (new == NULL || new->context == NULL || !set_manners(new->context, ours)) {
        rc = -ENOMEM;
    }
    if (rc == 0) {
        rc = add_roots(SSL_CTX_get_cert_store(new->context), pem, len, file, report);
    }
    if (rc == 0) {
        report_add(report, ours ? REPORT_ERROR : REPORT_WARNING, file, 0, 0,
                   "there is no certificate in it");
        rc = ours ? CORDON_E_REFUSED : 0;
    }
    if (rc >= 0) {
        new->holders = 1;
        new->ours = ours;
        digest_of(pem, len, NULL, new->digest);
        *trust = new;
        return 0;
    }
    if (new != NULL) {
        SSL_CTX_free(new->context);
    }
    free(new);
    return rc;
}

int tls_trust_load(const char *file, struct report *report, struct tls_trust **trust)
{
    const bool ours = file != NULL;
    uint8_t *pem = NULL;
    size_t len = 0;

    if (!ours) {
        file = tls_system_roots();
    }
    int rc = file != NULL ? file_read(file, TLS_ROOTS_OCTETS_MAX, &pem, &len) : -ENOENT;
    if (rc != 0 && ours) {
        report_add(report, REPORT_ERROR, file, 0, 0, "cannot be read: %s", cordon_strerror(rc));
        return CORDON_E_REFUSED;
    }
    if (rc != 0) {
        report_add(report, REPORT_WARNING, "upstreams.tls-ca", 0, 0,
                   "this system has no CA certificates (%s): no server over TLS can prove its "
                   "name; install ca-certificates, or name a file",
                   cordon_strerror(rc));
    }
    if (rc == 0 || len == 0) {
        rc = tls_trust_build(pem, len, ours, file != NULL ? file : "upstreams.tls-ca",
                             rc == 0 ? report : NULL, trust);
    }
    free(pem);
    return rc;
}

bool tls_trust_equal(const struct tls_trust *a, const struct tls_trust *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return a->ours == b->ours && digest_equal(a->digest, b->digest);
}

struct tls_trust *tls_trust_hold(struct tls_trust *trust)
{
    atomic_fetch_add_explicit(&trust->holders, 1, memory_order_relaxed);
    return trust;
}

void tls_trust_release(struct tls_trust *trust)
{
    if (trust == NULL) {
        return;
    }
    const unsigned before = atomic_fetch_sub_explicit(&trust->holders, 1, memory_order_acq_rel);
    invariant(before > 0);
    if (before == 1) {
        SSL_CTX_free(trust->context);
        free(trust);
    }
}

SSL_CTX *tls_trust_context(const struct tls_trust *trust)
{
    return trust->context;
}
