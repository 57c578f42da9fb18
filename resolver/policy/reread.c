#include "policy/reread.h"

#include "base/error.h"
#include "policy/arrival.h"
#include "policy/list_part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Is it the text whose hash was signed for? */
static int check_hash(const struct policy_reread *reread, const struct arrival_text *text,
                      const struct trust_verdict *verdict, struct report *report)
{
    struct trust_entry entry = {.size = reread->size};

    memcpy(entry.hash, reread->hash, sizeof(entry.hash));
    if (reread->named) {
        return trust_entry_check_hash(&entry, reread->path, verdict->hash, text->len, report);
    }
    if (memcmp(verdict->hash, reread->hash, sizeof(reread->hash)) != 0) {
        report_add(report, REPORT_ERROR, reread->path, 0, 0,
                   "it is signed, but another text than the one that is in force: it was "
                   "changed while it was loaded");
        return CORDON_E_REFUSED;
    }
    return 0;
}

/* Is it the text that the signatures and the image speak of? */
static int compare(const struct policy_reread *reread, const struct arrival_text *text,
                   const struct trust_verdict *verdict, struct report *report)
{
    const int rc = check_hash(reread, text, verdict, report);

    if (rc != 0 || digest_equal(text->digest, reread->digest)) {
        return rc;
    }
    report_add(report, REPORT_ERROR, reread->path, 0, 0,
               reread->shipped
                   ? "the publisher's image was made of another text than this, which its "
                     "catalogue names: the list is compiled; tell the publisher"
                   : "what the state directory says about this text is wrong: the lists are "
                     "compiled again");
    return CORDON_E_CORRUPT;
}

static int keep(const struct policy_reread *reread, const struct arrival_text *text,
                struct report *report)
{
    return reread->keep == NULL
               ? 0
               : policy_version_bring(reread->keep, reread->path,
                                      text != NULL ? text->at : NULL,
                                      text != NULL ? text->len : 0, reread->check, report);
}

int policy_reread(const struct policy_reread *reread, struct report *report,
                  struct trust_verdict *verdict, struct policy_list **head)
{
    struct arrival_text text = {0};
    struct trust_verdict found;
    struct policy_list *made = NULL;

    if (reread->keyring == NULL) {
        (void)keep(reread, NULL, report);
        return 0;
    }
    int rc = arrival_read(reread->path, reread->keyring, report, &text, &found);
    if (rc == 0) {
        rc = compare(reread, &text, &found, report);
    }
    if (rc == 0) {
        rc = policy_list_head((const char *)text.at, text.len, &made) == -ENOMEM ? -ENOMEM : 0;
    }
    if (rc == 0) {
        if (made != NULL) {
            memcpy(made->digest, text.digest, sizeof(made->digest));
        }
        *verdict = found;
        *head = made;
        (void)keep(reread, &text, report);
    }
    free(text.at);
    return rc;
}
