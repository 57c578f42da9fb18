#include "trust/signed.h"

#include "base/error.h"
#include "base/file.h"

int signed_read(const char *path, size_t max, const char *what, struct report *report,
                uint8_t **data, size_t *len)
{
    const int rc = file_read(path, max, data, len);

    if (rc == CORDON_E_TOO_LARGE) {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "%s has more than the %zu octets that one can have: it is not read", what,
                   max);
    } else if (rc != 0) {
        report_add(report, REPORT_ERROR, path, 0, 0, "%s cannot be read: %s", what,
                   cordon_strerror(rc));
    }
    return rc;
}

int signed_verify(const struct trust_keyring *keyring, const char *path, const uint8_t *data,
                  size_t len, struct report *report, struct trust_verdict *verdict)
{
    const int rc = trust_verify_beside(keyring, path, data, len, NULL, verdict);

    return rc == 0 ? 0 : trust_verify_beside(keyring, path, data, len, report, verdict);
}
