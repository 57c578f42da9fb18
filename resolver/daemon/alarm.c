/*
 * daemon/alarm.c - alarms about the memory of what was accepted (docs/trust.md): told when they
 * come, shown until an operator says that he has seen to it.
 *
 * They are remembered in the memory itself, so they outlast restarts. Main thread.
 */
#include "base/error.h"
#include "base/log.h"
#include "daemon/state.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define REASON_MAX 512u /* octets, as of a pause */

static bool path_of(const struct daemon *daemon, char *out, size_t size)
{
    return daemon->config->state_directory != NULL &&
           (size_t)snprintf(out, size, "%s/" TRUST_RATCHET_FILE,
                            daemon->config->state_directory) < size;
}

static void record(struct daemon *daemon, const struct audit_trust *event)
{
    if (!audit_trust_put(daemon->changes.ring, event)) {
        atomic_fetch_add_explicit(&daemon->changes.lost, 1, memory_order_relaxed);
    }
    if (daemon->writer != NULL) {
        audit_writer_wake(daemon->writer);
    }
}

/* The daemon's own word about its memory. */
static void tell(struct daemon *daemon, const char *what, uint64_t since_s)
{
    char path[PATH_MAX];

    record(daemon, &(struct audit_trust){
                       .wall_us = clock_read().wall_us,
                       .what = what,
                       .detail = path_of(daemon, path, sizeof(path)) ? path : NULL,
                       .since_s = since_s,
                       .by_daemon = true,
                   });
}

/* The one of this publisher; NULL: it is not broken. */
static const struct setup_broken *find_broken(const struct setup_broken *all, size_t count,
                                              const char *publisher)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(all[i].publisher, publisher) == 0) {
            return &all[i];
        }
    }
    return NULL;
}

/* An event when a publisher's folder breaks, and when it is mended; why is in the log. */
static void take_broken(struct daemon *daemon, const struct setup_snapshot *now)
{
    struct audit_trust event = {.wall_us = clock_read().wall_us, .by_daemon = true};

    for (size_t i = 0; i < now->broken_count; i++) {
        const struct setup_broken *broken = &now->broken[i];
        const struct setup_broken *was =
            find_broken(daemon->broken, daemon->broken_count, broken->publisher);

        if (was == NULL || was->left_out != broken->left_out ||
            strcmp(was->fault, broken->fault) != 0) {
            log_write(LOG_LEVEL_ERROR,
                      "alarm: the folder of %s is broken, and its lists are %s",
                      broken->publisher[0] != '\0' ? broken->publisher : "lists.directory",
                      broken->left_out ? "left out, at least some"
                                       : "those that were accepted before");
            event.what = broken->left_out ? "publisher-left-out" : "publisher-as-before";
            event.publisher = broken->publisher[0] != '\0' ? broken->publisher : NULL;
            event.detail = broken->fault;
            record(daemon, &event);
        }
    }
    for (size_t i = 0; i < daemon->broken_count; i++) {
        const struct setup_broken *was = &daemon->broken[i];

        if (find_broken(now->broken, now->broken_count, was->publisher) == NULL) {
            event.what = "publisher-mended";
            event.publisher = was->publisher[0] != '\0' ? was->publisher : NULL;
            event.detail = NULL;
            record(daemon, &event);
        }
    }
    memcpy(daemon->broken, now->broken, sizeof(daemon->broken));
    daemon->broken_count = now->broken_count;
}

void alarm_take(struct daemon *daemon)
{
    const struct setup_memory *now = &daemon_snapshot(daemon)->memory;
    const struct setup_memory before = daemon->accepted;
    char when[CLOCK_TEXT_MAX];

    take_broken(daemon, daemon_snapshot(daemon));
    daemon->accepted = *now;
    if (now->alarm.lost_s != 0 && before.alarm.lost_s != now->alarm.lost_s) {
        clock_format_s(now->alarm.lost_s, when);
        log_write(LOG_LEVEL_ERROR,
                  "alarm: what was accepted before was lost on %s: lists that are older than "
                  "those of then would not have been noticed. Compare their serials, then "
                  "`cordon trust acknowledge --reason TEXT`",
                  when);
        tell(daemon, "memory-lost", now->alarm.lost_s);
    }
    if (now->unwritten && !before.unwritten) {
        log_write(LOG_LEVEL_ERROR, "alarm: what is in force cannot be remembered: after a "
                                   "restart, older lists would not be noticed. Mend "
                                   "state.directory, then `cordon reload`");
        tell(daemon, "memory-unwritten", now->alarm.unwritten_s);
    } else if (!now->unwritten && before.unwritten) {
        log_write(LOG_LEVEL_INFO, "what is in force is remembered again");
        tell(daemon, "memory-written", 0);
    } else if (now->alarm.unwritten_s != 0 &&
               before.alarm.unwritten_s != now->alarm.unwritten_s) {
        clock_format_s(now->alarm.unwritten_s, when);
        log_write(LOG_LEVEL_WARNING,
                  "alarm: what was in force on %s could not be remembered: `cordon trust "
                  "acknowledge --reason TEXT` once that is understood",
                  when);
    }
}

static void write_time(struct text *out, const char *key, uint64_t at_s)
{
    char when[CLOCK_TEXT_MAX];

    clock_format_s(at_s, when);
    json_string(out, key, at_s != 0 ? when : NULL);
}

void alarm_write(struct text *out, const struct daemon *daemon)
{
    const struct setup_memory *memory = &daemon->accepted;
    char path[PATH_MAX];

    json_object_begin(out, "trust");
    json_string(out, "memory",
                memory->kept && path_of(daemon, path, sizeof(path)) ? path : NULL);
    write_time(out, "memory_lost", memory->alarm.lost_s);
    json_bool(out, "memory_unwritten", memory->unwritten);
    write_time(out, "memory_unwritten_since", memory->alarm.unwritten_s);
    json_array_begin(out, "broken");
    for (size_t i = 0; i < daemon->broken_count; i++) {
        const struct setup_broken *broken = &daemon->broken[i];

        json_object_begin(out, NULL);
        json_string(out, "publisher", broken->publisher[0] != '\0' ? broken->publisher : NULL);
        json_bool(out, "left_out", broken->left_out);
        json_string(out, "fault", broken->fault);
        json_object_end(out);
    }
    json_array_end(out);
    json_object_end(out);
}

/* Takes the alarms out of the file. 0, or what is wrong with it. */
static int clear(struct daemon *daemon, struct report *report)
{
    struct trust_ratchet *ratchet = NULL;
    char path[PATH_MAX];
    int rc = path_of(daemon, path, sizeof(path)) ? trust_ratchet_read(path, report, &ratchet)
                                                 : -ENAMETOOLONG;

    if (rc == 0) {
        ratchet->alarm = (struct trust_alarm){0};
        rc = trust_ratchet_write(ratchet, path, report);
        trust_ratchet_free(ratchet);
    }
    return rc;
}

static bool refuse_report(struct text *out, const struct report *report, int rc)
{
    return control_refuse(out, report->count > 0 ? report->entries[report->count - 1].text
                                                 : cordon_strerror(rc));
}

bool alarm_acknowledge_command(struct daemon *daemon, struct request *request,
                               struct control_client *client, struct text *out)
{
    const char *reason = request_text(request, "reason", REASON_MAX, true);
    struct override by = {0};
    struct report report;

    if (!request_end(request)) {
        return control_refuse(out, request_fault(request));
    }
    if (daemon->accepted.alarm.lost_s == 0 && daemon->accepted.alarm.unwritten_s == 0) {
        return control_refuse(out, "there is no alarm about what was accepted");
    }
    if (daemon->accepted.unwritten) {
        return control_refuse(out, "what is in force still cannot be remembered: mend "
                                   "state.directory, then `cordon reload`");
    }
    if (daemon->reload.phase != RELOAD_IDLE) {
        return commands_refuse_for_now(out, "a reload is under way: try again");
    }
    report_init(&report);
    const int rc = clear(daemon, &report);
    if (rc != 0) {
        (void)refuse_report(out, &report, rc);
        report_deinit(&report);
        return true;
    }
    report_deinit(&report);
    changes_identify(client, &by);
    log_write(LOG_LEVEL_WARNING,
              "alarm about what was accepted: acknowledged by %s (uid %u, process %d): %s",
              by.user[0] != '\0' ? by.user : "a user without a name", by.uid, by.pid, reason);
    record(
        daemon,
        &(struct audit_trust){
            .wall_us = clock_read().wall_us,
            .what = "acknowledged",
            .detail = daemon->accepted.alarm.lost_s != 0 ? "memory-lost" : "memory-unwritten",
            .since_s = daemon->accepted.alarm.lost_s != 0 ? daemon->accepted.alarm.lost_s
                                                          : daemon->accepted.alarm.unwritten_s,
            .uid = by.uid,
            .user = by.user[0] != '\0' ? by.user : NULL,
            .pid = by.pid,
            .reason = reason,
        });
    daemon->accepted.alarm = (struct trust_alarm){0};
    json_object_begin(out, NULL);
    json_bool(out, "ok", true);
    alarm_write(out, daemon);
    json_object_end(out);
    return true;
}
