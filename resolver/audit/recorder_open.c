/* audit/recorder_open.c - the key, and the log that is gone on with or begun. */
#include "audit/recorder_inside.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"

#include <errno.h>
#include <string.h>

#define RETRY_US          UINT64_C(1000000)
#define SIGN_US           UINT64_C(2000000) /* from the opening to the first checkpoint */
#define CHANGE_US         UINT64_C(1000000) /* a change waits no longer for its block */
#define LEVEL             1                 /* of zstd: three gain 2 % and cost as much again */
#define CHECKPOINT_BLOCKS 1024u             /* events and time are what counts */

static void log_settings(struct audit_recorder *recorder, const struct trust_note_key *key,
                         struct audit_log_settings *out)
{
    const struct audit_recorder_settings *settings = &recorder->settings;

    *out = (struct audit_log_settings){
        .key = *key,
        .secret = &recorder->secret,
        .file_octets = settings->file_octets,
        .seal_us = {0, settings->block_us, settings->block_us, CHANGE_US},
        .checkpoint_blocks = CHECKPOINT_BLOCKS,
        .checkpoint_us = settings->checkpoint_us,
        .checkpoint_events = settings->checkpoint_events,
        .retry_us = RETRY_US,
        .added = recorder_on_added,
        .added_context = (void *)recorder,
        .level = LEVEL,
        .sync = true,
        .runner = {recorder, recorder_begin_job, recorder_is_idle},
    };
}

/* Octets of the files that are there. */
static uint64_t count_octets(const struct audit_files *files)
{
    uint64_t sum = 0;
    uint32_t number = 0;

    for (uint32_t from = 1; files->next(files->context, from, &number) == 0 && number != 0;
         from = number + 1) {
        uint64_t size = 0;
        const int file = files->open(files->context, number, false, &size);

        if (file >= 0) {
            files->close(files->context, file);
            sum += size;
        }
        if (number == UINT32_MAX) {
            break;
        }
    }
    return sum;
}

/* Octets of the logs before, which could not be gone on with: the bound is for all together. */
static uint64_t count_logs(const struct audit_recorder *recorder, unsigned before)
{
    char path[AUDIT_PATH_MAX];
    uint64_t sum = 0;

    for (unsigned number = 1; number < before; number++) {
        struct audit_folder at;
        struct audit_files files;

        if (audit_log_folder(recorder->folder, number, path) &&
            audit_folder_open(path, &at, &files) == 0) {
            sum += count_octets(&files);
            audit_folder_close(&at);
        }
    }
    return sum;
}

static int open_number(struct opening *opening, unsigned number)
{
    struct audit_recorder *recorder = opening->recorder;
    char path[AUDIT_PATH_MAX];
    struct audit_log_settings settings;
    struct trust_note_key key;
    uint64_t session = 0;

    if (!audit_log_folder(recorder->folder, number, path)) {
        return -ENAMETOOLONG;
    }
    int result = audit_key_of_log(&recorder->key, number, &key);
    if (result == 0) {
        result = file_make_folder(path, 0750);
    }
    if (result == 0) {
        result = audit_folder_open(path, &recorder->at, &recorder->files);
    }
    if (result != 0) {
        return result;
    }
    if (recorder->settings.watch_files != NULL) {
        recorder->settings.watch_files(recorder->settings.watch_context, &recorder->files);
    }
    random_system((uint8_t *)&session, sizeof(session));
    recorder->number = number; /* opening may add events */
    log_settings(recorder, &key, &settings);
    result = audit_log_open(&recorder->files, &settings, opening->now.wall_us, session,
                            &opening->log, &opening->opened);
    if (result != 0) {
        audit_folder_close(&recorder->at); /* the lock with it */
        return result;
    }
    recorder->octets_before = count_logs(recorder, number) + count_octets(&recorder->files);
    pthread_mutex_lock(&recorder->mutex);
    memcpy(recorder->stats.folder, path, sizeof(path));
    pthread_mutex_unlock(&recorder->mutex);
    return 0;
}

static void add_words(struct audit_row *row, enum audit_column column, const char *words)
{
    audit_row_octets(row, column, words, strnlen(words, AUDIT_TEXT_MAX));
}

static void say_opened(struct audit_recorder *recorder, const struct audit_log_opened *opened,
                       int refused, struct clock_now now)
{
    const char *folder = recorder->stats.folder; /* written by this thread alone */
    struct audit_row row;

    if (refused != 0) {
        recorder->refused_log = true;
        log_write(LOG_LEVEL_ERROR,
                  "audit: the log that was in %s cannot be gone on with (%s): it is left as it "
                  "is, and another is begun in %s. Look with `cordon audit verify`, and keep "
                  "both",
                  recorder->folder, cordon_strerror(refused), folder);
        recorder_begin_change(&row, "log-begun", now.wall_us);
        add_words(&row, AUDIT_FILE, recorder->folder);
        audit_row_text(&row, AUDIT_REASON, cordon_strerror(refused));
        (void)audit_log_add(recorder->log, AUDIT_CHANGES, &row, now.wall_us);
    } else if (recorder->said_waiting) {
        log_write(LOG_LEVEL_INFO, "audit: records are written to %s", folder);
    }
    if (opened->cut_octets > 0) {
        log_write(LOG_LEVEL_WARNING,
                  "audit: the run before did not end in order: %llu octets of an unfinished "
                  "end of the log in %s were cut; a gap says so",
                  (unsigned long long)opened->cut_octets, folder);
    }
    recorder->said_waiting = false;
}

static int open_key(struct audit_recorder *recorder)
{
    bool made = false;
    int result = 0;

    if (recorder->has_key) {
        return 0;
    }
    result = audit_key_open(recorder->key_file, recorder->origin, &recorder->secret,
                            &recorder->key, &made);
    recorder->has_key = result == 0;
    if (result == 0) {
        char text[TRUST_NOTE_KEY_TEXT_MAX];

        (void)trust_note_key_format(&recorder->key, text);
        pthread_mutex_lock(&recorder->mutex);
        memcpy(recorder->stats.key, text, sizeof(text));
        pthread_mutex_unlock(&recorder->mutex);
        if (made) {
            log_write(LOG_LEVEL_INFO,
                      "audit: a key was made that signs the log: keep its public half in "
                      "another place: %s",
                      text);
        }
    }
    return result;
}

/* argument: the opening. On the thread aside, but for the first time. */
static void open_log(void *argument)
{
    struct opening *opening = argument;
    struct audit_recorder *recorder = opening->recorder;
    int result = open_key(recorder);

    if (result == 0) {
        /* Later ones are begun where one could not be gone on with. */
        const unsigned number = audit_log_newest(recorder->folder);

        result = open_number(opening, number);
        if ((result == CORDON_E_CORRUPT || result == CORDON_E_UNTRUSTED ||
             result == CORDON_E_VERSION || result == CORDON_E_NO_FILE) &&
            number < AUDIT_LOGS_MAX) {
            opening->refused = result;
            result = open_number(opening, number + 1);
        }
    }
    opening->result = result;
}

const char *audit_recorder_fault(int error)
{
    return error == -EBUSY ? "another process writes to this log" : cordon_strerror(error);
}

static void say_waiting(struct audit_recorder *recorder, struct clock_now now)
{
    /* A predecessor has the log until it has ended: that is no news. */
    if (recorder->said_waiting || (recorder->error == -EBUSY &&
                                   now.mono_us - recorder->since_us < RECORDER_PATIENCE_US)) {
        return;
    }
    recorder->said_waiting = true;
    log_write(
        LOG_LEVEL_ERROR,
        "audit: the log in %s cannot be opened: %s%s%s%s. Answers go on as audit: says for "
        "a full disk; it is tried again all the time",
        recorder->folder, recorder->has_key ? "" : "its key ",
        recorder->has_key ? "" : recorder->key_file, recorder->has_key ? "" : ": ",
        audit_recorder_fault(recorder->error));
}

/* What the log that was given up had, and what was found of it has not. Of another log than
 * that nothing was expected: there it is what was not safe yet. */
static void count_given(struct audit_recorder *recorder, bool is_another, struct clock_now now)
{
    struct audit_log_stats found;

    audit_log_stats(recorder->log, &found);
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        const uint64_t had = recorder->given.taken[stream];
        const uint64_t kept = is_another ? recorder->given.safe[stream] : found.safe[stream];

        audit_recorder_lost(recorder, (enum audit_stream)stream, had > kept ? had - kept : 0,
                            "gone", now);
        recorder->losses[stream][CAUSE_GONE].count += recorder->given.untold[stream];
    }
    recorder->gave_up_log = false;
}

static void take_opened(struct audit_recorder *recorder, struct clock_now now)
{
    const struct opening *opening = &recorder->opening;

    recorder->is_opening = false;
    recorder->error = opening->result;
    if (opening->result == 0) {
        recorder->log = opening->log;
        recorder_begin_keeping(recorder, recorder->stats.folder); /* this thread's to write */
        recorder->sign_at_us = now.mono_us + SIGN_US;
        const int refused =
            recorder->gave_up_log && opening->opened.is_new && opening->refused == 0
                ? CORDON_E_GONE
                : opening->refused;
        say_opened(recorder, &opening->opened, refused, now);
        if (recorder->gave_up_log) {
            count_given(recorder, refused != 0, now);
        }
        return;
    }
    /* The lock is tried for often: a predecessor is about to give it back. */
    recorder->next_try_us =
        now.mono_us + (recorder->error == -EBUSY ? RETRY_US / 20 : RETRY_US);
    say_waiting(recorder, now);
}

void recorder_try_open(struct audit_recorder *recorder, struct clock_now now)
{
    if (recorder->log != NULL) {
        return;
    }
    if (!recorder->is_opening) {
        if (now.mono_us < recorder->next_try_us) {
            return;
        }
        recorder->opening = (struct opening){.recorder = recorder, .now = now};
        recorder->is_opening = true;
        recorder_begin_job(recorder, open_log, &recorder->opening);
    }
    if (recorder_is_idle(recorder)) {
        take_opened(recorder, now);
    }
}

void recorder_open_now(struct audit_recorder *recorder, struct clock_now now)
{
    recorder->opening = (struct opening){.recorder = recorder, .now = now};
    open_log(&recorder->opening);
    take_opened(recorder, now);
}

void recorder_open_until(struct audit_recorder *recorder, struct clock_now now,
                         uint64_t until_us)
{
    if (recorder->is_opening && recorder_wait(recorder, until_us)) {
        take_opened(recorder, now);
    }
    recorder->next_try_us = 0;
    recorder_try_open(recorder, now);
    if (recorder->is_opening && recorder_wait(recorder, until_us)) {
        take_opened(recorder, now);
    }
}

static void give_up_log(struct audit_recorder *recorder, struct clock_now now)
{
    log_write(LOG_LEVEL_ERROR,
              "audit: what was written to the log in %s was removed, replaced or cut: what "
              "is left is opened anew",
              recorder->stats.folder);
    recorder_end_keeping(recorder);
    audit_log_stats(recorder->log, &recorder->given);
    audit_log_abandon(recorder->log);
    recorder->log = NULL;
    audit_folder_close(&recorder->at);
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        recorder->lost[stream] += recorder->given.lost[stream];
    }
    pthread_mutex_lock(&recorder->mutex);
    recorder->stats.log = (struct audit_log_stats){.blocks = 0};
    pthread_mutex_unlock(&recorder->mutex);
    recorder->error = CORDON_E_GONE;
    recorder->gave_up_log = true;
    recorder->gone_us = 0;
    recorder->said_failing = false;
    recorder->said_waiting = true; /* this was it */
    recorder->since_us = now.mono_us;
    recorder->next_try_us = 0;
}

void recorder_watch_file(struct audit_recorder *recorder, int error, struct clock_now now)
{
    if (error != CORDON_E_GONE) {
        recorder->gone_us = error == 0 ? 0 : recorder->gone_us;
    } else if (recorder->gone_us == 0) {
        recorder->gone_us = now.mono_us;
    } else if (now.mono_us - recorder->gone_us >= RECORDER_PATIENCE_US &&
               !audit_log_is_writing(recorder->log)) {
        give_up_log(recorder, now);
    }
}
