/*
 * daemon/late.c - what waits until lists are in force: large texts whose images count already
 * are read and verified, and kept (setup/late.h).
 *
 * Happy path: lists are in force -> the builder reads -> who has signed is noted. Failure: a
 * text is not what was signed, or the image was made of another: an alarm, and a reload that
 * reads all texts first, as every one does from then on until one succeeds. It decides: what is
 * wrong with the folder alone refuses it, and what is in force stays, which a threshold of keys
 * has signed for; an image of another text is replaced by what the text is compiled to. A kill
 * -9 in between leaves a start that does the same again.
 */
#include "setup/late.h"
#include "base/error.h"
#include "base/invariant.h"
#include "base/log.h"
#include "daemon/state.h"
#include "policy/slot.h"
#include "policy/versions.h"

#include <stdlib.h>

uint64_t late_octets(const struct daemon *daemon)
{
    return daemon->reload.strict || daemon->reload.distrust ? 0 : DAEMON_LATE_OCTETS;
}

static void run(void *context)
{
    struct daemon *daemon = context;

    setup_late_run(daemon->reload.late, &daemon->reload.late_gives_up);
}

static void settle(struct daemon *daemon)
{
    const struct setup_late *late = daemon->reload.late;

    for (size_t i = 0; late->folder[0] != '\0' && i < late->count; i++) {
        const struct policy_version_of version = {.folder = late->folder,
                                                  .id = late->at[i].id,
                                                  .serial = late->at[i].serial,
                                                  .hash = late->at[i].digest};

        if (daemon->config->lists_keep > 0 && late->at[i].rc == 0) {
            policy_version_settle(&version, daemon->config->lists_keep);
        }
    }
}

static void say(const struct report *report)
{
    static const enum log_level levels[] = {[REPORT_ERROR] = LOG_LEVEL_ERROR,
                                            [REPORT_WARNING] = LOG_LEVEL_WARNING,
                                            [REPORT_NOTE] = LOG_LEVEL_INFO};

    for (size_t i = 0; i < report->count; i++) {
        log_write(levels[report->entries[i].kind], "%s", report->entries[i].text);
    }
}

static void on_done(void *context)
{
    struct daemon *daemon = context;
    struct reload *reload = &daemon->reload;

    invariant(daemon->magic == DAEMON_MAGIC && reload->phase == RELOAD_LATE);
    reload->phase = RELOAD_IDLE;
    if (!daemon->stopping) {
        struct setup_snapshot *current = policy_slot_current(daemon->slot);
        struct setup_snapshot *root = current->root != NULL ? current->root : current;
        const int rc = setup_late_tell(reload->late, root, current);

        settle(daemon);
        say(&reload->late->report);
        if (rc != 0) {
            log_write(LOG_LEVEL_ERROR,
                      "a list that is in force, by its image and the signatures, has a file "
                      "that is not what was signed (%s): all texts are read anew",
                      cordon_strerror(rc));
            reload->strict = true;
            reload->distrust |= rc == CORDON_E_CORRUPT;
            alarm_take(daemon);
            (void)reload_request(daemon, RELOAD_FILES, NULL);
        }
    }
    setup_late_free(reload->late);
    reload->late = NULL;
    if (reload->phase == RELOAD_IDLE && !daemon->stopping) {
        reload_begin_next(daemon);
    }
}

bool late_begin(struct daemon *daemon)
{
    struct reload *reload = &daemon->reload;
    struct setup_snapshot *current = policy_slot_current(daemon->slot);
    struct setup_snapshot *root = current->root != NULL ? current->root : current;

    invariant(reload->phase == RELOAD_IDLE && reload->late == NULL);
    if (root->late == NULL || daemon->stopping) {
        return false;
    }
    reload->late = root->late;
    root->late = NULL;
    reload->phase = RELOAD_LATE;
    if (builder_run(&reload->builder, run, on_done, daemon) != 0) {
        run(daemon); /* workers answer meanwhile */
        on_done(daemon);
        return reload->phase != RELOAD_IDLE;
    }
    return true;
}

void late_give_up(struct daemon *daemon)
{
    atomic_store(&daemon->reload.late_gives_up, true);
}
