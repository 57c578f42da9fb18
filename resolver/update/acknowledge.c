#include "update/acknowledge.h"

#include "base/error.h"
#include "cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct doing {
    const struct update_options *options;
    const struct update_actor *actor;
    uint64_t now_s;
    struct update_store store;
    struct trust_ratchet *ratchet; /* the new one */
    struct update_publisher publishers[CONFIG_PUBLISHERS_MAX + 1];
    size_t count;
    uint32_t serials[CONFIG_PUBLISHERS_MAX + 1]; /* noted; 0: nothing was */
    struct report report;
};

/* What is in force of a publisher, if it verifies: no less than that was accepted. */
static int note(struct doing *doing, size_t at)
{
    const struct update_publisher *from = &doing->publishers[at];
    struct trust_publisher *publisher = NULL;
    struct update_place place;
    struct report said;

    if (!update_place_name(doing->store.directory, from->name, &place)) {
        return -ENAMETOOLONG;
    }
    const struct trust_publisher_request request = {.pinned = from->pinned,
                                                    .folder = place.current,
                                                    .name = from->name,
                                                    .now_s = doing->now_s,
                                                    .only_looks = true};
    report_init(&said);
    if (trust_publisher_open(&request, &said, &publisher) != 0) {
        report_add(&doing->report, REPORT_WARNING, place.current, 0, 0,
                   "nothing whole of %s is in force here: whatever verifies will be taken of "
                   "it, as on the first day",
                   from->name);
        report_deinit(&said);
        return 0;
    }
    report_deinit(&said);
    const int rc =
        trust_publisher_note(publisher, doing->now_s, doing->ratchet, &doing->report, NULL);
    doing->serials[at] = rc == 0 ? publisher->catalogue->serial : 0;
    trust_publisher_free(publisher);
    return rc;
}

/* 0; CORDON_E_REFUSED: nothing is lost. The store is open. */
static int begin_anew(struct doing *doing)
{
    struct trust_ratchet *whole = NULL;
    char path[PATH_MAX];

    if (!update_path(path, "%s/" TRUST_RATCHET_FILE, doing->store.directory)) {
        return -ENAMETOOLONG;
    }
    int rc = trust_ratchet_read(path, NULL, &whole);
    if (rc == 0 || rc == -ENOMEM) {
        trust_ratchet_free(rc == 0 ? whole : NULL);
        return rc == 0 ? CORDON_E_REFUSED : rc;
    }
    doing->ratchet = trust_ratchet_new();
    if (doing->ratchet == NULL) {
        return -ENOMEM;
    }
    doing->ratchet->anew = true;
    rc = 0;
    for (size_t i = 0; i < doing->count && rc == 0; i++) {
        rc = note(doing, i);
    }
    return rc == 0 ? trust_ratchet_write(doing->ratchet, path, &doing->report) : rc;
}

static void record(struct doing *doing)
{
    struct update_acknowledged what = {.time_s = doing->now_s,
                                       .reason = doing->options->reason,
                                       .publishers = doing->publishers,
                                       .serials = doing->serials,
                                       .count = doing->count,
                                       .report = &doing->report};
    const int rc = update_journal_acknowledge(doing->store.directory, doing->actor, &what);

    if (rc != 0) {
        report_add(&doing->report, REPORT_WARNING, doing->store.directory, 0, 0,
                   "the journal cannot be written: %s", cordon_strerror(rc));
    }
}

static int run(struct doing *doing)
{
    const char *directory = doing->options->config->update_directory;

    doing->count = update_publishers(doing->options, &doing->report, doing->publishers);
    if (doing->report.errors > 0 ||
        update_store_open(directory, &doing->report, &doing->store) != 0) {
        return CLI_REFUSED;
    }
    const int rc = begin_anew(doing);
    if (rc == 0) {
        record(doing);
        for (size_t i = 0; i < doing->count; i++) {
            if (doing->serials[i] != 0) {
                printf("%s: catalogue %" PRIu32 " is in force, and nothing older is taken\n",
                       doing->publishers[i].name, doing->serials[i]);
            }
        }
        printf("acknowledged: updates go on\n");
    } else if (rc == CORDON_E_REFUSED) {
        fprintf(stderr,
                "cordon update: what was accepted before is whole in %s: there is "
                "nothing to acknowledge\n",
                directory);
    } else {
        report_add(&doing->report, REPORT_ERROR, directory, 0, 0, "it cannot be begun anew: %s",
                   cordon_strerror(rc));
    }
    update_store_close(&doing->store);
    return rc == 0 ? CLI_OK : CLI_REFUSED;
}

int update_acknowledge(const struct update_options *options, const struct update_actor *actor,
                       uint64_t now_s)
{
    struct doing *doing = calloc(1, sizeof(*doing));

    if (doing == NULL) {
        return CLI_REFUSED;
    }
    doing->options = options;
    doing->actor = actor;
    doing->now_s = now_s;
    doing->store.lock = -1;
    report_init(&doing->report);
    const int code = run(doing);
    report_print(&doing->report, stderr);
    report_deinit(&doing->report);
    trust_ratchet_free(doing->ratchet);
    free(doing);
    return code;
}
