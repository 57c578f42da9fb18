/* trust/chain.c - from one root to the next: declared in trust/root.h. */
#include "base/error.h"
#include "trust/root.h"
#include "trust/signed.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int trust_root_pinned(const char *path, struct report *report, struct trust_root **root)
{
    struct trust_verdict verdict;
    struct trust_root *new = NULL;
    uint8_t *text = NULL;
    size_t len = 0;
    int rc = signed_read(path, TRUST_ROOT_OCTETS_MAX, "the root of trust", report, &text, &len);

    if (rc == 0) {
        rc = trust_root_parse((const char *)text, len, path, report, &new);
    }
    if (rc == 0) {
        rc = signed_verify(&new->root, path, text, len, report, &verdict);
    }
    free(text);
    if (rc != 0) {
        free(new);
        return rc;
    }
    *root = new;
    return 0;
}

/* Is it what old's keys wanted to name: the next of the same publisher? */
static int check_next(const struct trust_root *old, const struct trust_root *new,
                      const char *path, struct report *report)
{
    if (strcmp(old->publisher, new->publisher) != 0) {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "the root is of the publisher \"%s\", the one before of \"%s\"",
                   new->publisher, old->publisher);
        return CORDON_E_REFUSED;
    }
    if (old->version == UINT32_MAX || new->version != old->version + 1) {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "the root has version %" PRIu32 ", but %" PRIu32 " follows %" PRIu32
                   ": roots are followed one by one",
                   new->version, old->version + 1, old->version);
        return CORDON_E_REFUSED;
    }
    return 0;
}

int trust_root_successor(const struct trust_root *old, const char *path, struct report *report,
                         struct trust_root **root)
{
    struct trust_verdict verdict;
    struct trust_root *new = NULL;
    uint8_t *text = NULL;
    size_t len = 0;
    int rc = signed_read(path, TRUST_ROOT_OCTETS_MAX, "the root of trust", report, &text, &len);

    if (rc == 0) {
        rc = signed_verify(&old->root, path, text, len, report, &verdict);
    }
    if (rc == 0) {
        rc = trust_root_parse((const char *)text, len, path, report, &new);
    }
    if (rc == 0) {
        rc = check_next(old, new, path, report);
    }
    if (rc == 0) {
        rc = signed_verify(&new->root, path, text, len, report, &verdict);
    }
    free(text);
    if (rc != 0) {
        free(new);
        return rc;
    }
    *root = new;
    return 0;
}

int trust_root_newest(const char *pinned, const char *folder, struct report *report,
                      struct trust_root **root)
{
    struct trust_root *newest = NULL;
    int rc = trust_root_pinned(pinned, report, &newest);

    for (unsigned steps = 0; rc == 0; steps++) {
        char path[PATH_MAX];
        struct trust_root *next = NULL;

        if (newest->version == UINT32_MAX) {
            break;
        }
        if ((size_t)snprintf(path, sizeof(path), "%s/%" PRIu32 ".root", folder,
                             newest->version + 1) >= sizeof(path)) {
            report_add(report, REPORT_ERROR, folder, 0, 0, "the path is too long");
            rc = -ENAMETOOLONG;
            break;
        }
        if (access(path, F_OK) != 0 && errno == ENOENT) {
            break;
        }
        if (steps == TRUST_ROOTS_MAX) {
            report_add(report, REPORT_ERROR, path, 0, 0,
                       "%u roots were followed, and there are more: pin a newer one",
                       TRUST_ROOTS_MAX);
            rc = CORDON_E_LIMIT;
            break;
        }
        rc = trust_root_successor(newest, path, report, &next);
        if (rc == 0) {
            free(newest);
            newest = next;
        }
    }
    if (rc != 0) {
        free(newest);
        return rc;
    }
    *root = newest;
    return 0;
}
