/* Lists of which an older version counts, by what the daemon has written down: for commands
 * that look at the versions in the folders, and would else let it seem that these decide. */
#include "admin/holds.h"
#include "base/file.h"
#include "cli/cli.h"
#include "setup/stages.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* The octets of a file of the state directory; false if they cannot be had, which is said
 * elsewhere or by the daemon. */
static bool read_state(const char *state, const char *name, size_t max, uint8_t **text,
                       size_t *len)
{
    char path[PATH_MAX];

    return (size_t)snprintf(path, sizeof(path), "%s/%s", state, name) < sizeof(path) &&
           file_read(path, max, text, len) == 0;
}

static void tell_held(const char *state, const struct setup_snapshot *snapshot,
                      struct report *report)
{
    struct holds *holds = calloc(1, sizeof(*holds));
    struct report faults;
    uint8_t *text = NULL;
    size_t len = 0;

    report_init(&faults);
    if (holds != NULL && read_state(state, HOLDS_FILE, HOLDS_FILE_MAX, &text, &len)) {
        holds_parse((const char *)text, len, HOLDS_FILE, &faults, holds);
    }
    for (size_t i = 0; i < snapshot->list_count; i++) {
        const struct policy_loaded_list *list = &snapshot->lists[i];
        const size_t at = holds != NULL ? holds_find(holds, list->id) : 0;

        if (holds != NULL && at < holds->count && holds->at[at].serial != list->serial) {
            report_add(report, REPORT_WARNING, list->id, 0, 0,
                       "cordond holds this list at serial %" PRIu32
                       " (`cordon list release`), and here serial %" PRIu32
                       " of its folder is looked at",
                       holds->at[at].serial, list->serial);
        }
    }
    report_deinit(&faults);
    free(holds);
    free(text);
}

static void tell_staged(const char *state, const struct setup_snapshot *snapshot,
                        struct report *report)
{
    struct setup_stages *stages = calloc(1, sizeof(*stages));
    struct report faults;
    uint8_t *text = NULL;
    size_t len = 0;

    report_init(&faults);
    if (stages != NULL &&
        read_state(state, SETUP_STAGES_FILE, SETUP_STAGES_OCTETS_MAX, &text, &len)) {
        setup_stages_parse((const char *)text, len, SETUP_STAGES_FILE, &faults, stages);
    }
    for (size_t i = 0; i < snapshot->list_count; i++) {
        const struct policy_loaded_list *list = &snapshot->lists[i];
        const struct setup_stages_of *of =
            stages != NULL ? setup_stages_find(stages, list->id) : NULL;

        if (of != NULL && of->newer != 0 && !of->away && of->serial != list->serial) {
            report_add(report, REPORT_WARNING, list->id, 0, 0,
                       "cordond brings in serial %" PRIu32
                       " of this list by stages (`cordon list stages`), and until then serial "
                       "%" PRIu32 " counts for others; here serial %" PRIu32
                       " of its folder is looked at",
                       of->newer, of->serial, list->serial);
        }
    }
    report_deinit(&faults);
    free(stages);
    free(text);
}

void cli_tell_older(const char *state, const struct setup_snapshot *snapshot,
                    struct report *report)
{
    if (state != NULL) {
        tell_held(state, snapshot, report);
        tell_staged(state, snapshot, report);
    }
}
