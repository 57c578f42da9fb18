#include "audit/keyring.h"

#include "audit/aside.h"
#include "audit/limits.h"
#include "base/error.h"
#include "base/log.h"
#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Days at hand: today, yesterday around midnight, and what a clock that is set leads to. */
#define DAYS_AT_HAND 4u
#define RETRY_US     UINT64_C(10000000) /* to write a key that could not be written */

struct day {
    bool used, kept; /* kept: its file is there */
    uint32_t day;
    uint8_t key[DIGEST_KEY_OCTETS];
};

enum task {
    TASK_NONE,
    TASK_KEEP,
    TASK_FIND,
    TASK_DESTROY
};

/* One at a time. While it is under way it is the thread's. */
struct job {
    const struct audit_keyring_disk *disk;
    char *folder;
    enum task task;
    uint32_t day; /* to keep; or of those before it */
    uint8_t key[DIGEST_KEY_OCTETS];
    struct audit_days days;
    int result;
};

struct audit_keyring {
    struct audit_aside *aside; /* NULL: no folder */
    struct job job;
    bool busy; /* the job was begun, and nobody has looked at what came of it */
    struct day days[DAYS_AT_HAND];
    unsigned next_day; /* the slot that is given up next */
    uint64_t version;
    uint64_t retry_at_us; /* monotonic */
    bool said;            /* that a key cannot be written */
    bool hangs;           /* the job did not end in the time that it was waited for */
};

static const struct audit_keyring_disk files = {.read = audit_day_key_read,
                                                .keep = audit_day_key_keep,
                                                .find = audit_day_keys_find,
                                                .destroy = audit_day_keys_destroy};

struct audit_keyring *audit_keyring_create(const char *folder,
                                           const struct audit_keyring_disk *disk)
{
    struct audit_keyring *ring = calloc(1, sizeof(*ring));

    if (ring == NULL || folder == NULL) {
        return ring;
    }
    ring->job.disk = disk != NULL ? disk : &files;
    ring->job.folder = strdup(folder);
    if (ring->job.folder == NULL || audit_aside_start(&ring->aside, "audit-keys") != 0) {
        free(ring->job.folder);
        free(ring);
        return NULL;
    }
    return ring;
}

void audit_keyring_destroy(struct audit_keyring *ring)
{
    if (ring == NULL) {
        return;
    }
    explicit_bzero(ring->days, sizeof(ring->days));
    if (ring->aside != NULL && !audit_aside_stop(ring->aside, AUDIT_KEYS_END_MS)) {
        return; /* a call that hangs uses the job until the process ends */
    }
    explicit_bzero(&ring->job.key, sizeof(ring->job.key));
    free(ring->job.folder);
    free(ring);
}

/* --- aside --- */

/* If another process was first, its key counts. */
static void keep(struct job *job)
{
    uint8_t key[DIGEST_KEY_OCTETS];

    job->result = job->disk->read(job->folder, job->day, key);
    if (job->result == 0) {
        memcpy(job->key, key, sizeof(key));
    } else {
        job->result = job->disk->keep(job->folder, job->day, job->key);
    }
    explicit_bzero(key, sizeof(key));
}

static void run(void *context)
{
    struct job *job = context;

    job->days = (struct audit_days){.count = 0};
    switch (job->task) {
    case TASK_NONE:
        break;
    case TASK_KEEP:
        keep(job);
        break;
    case TASK_FIND:
        job->result = job->disk->find(job->folder, job->day, &job->days, NULL, 0);
        break;
    case TASK_DESTROY:
        job->result = job->disk->destroy(job->folder, job->day, &job->days);
        break;
    }
}

/* --- the owner's side --- */

static void say(struct audit_keyring *ring, int result)
{
    if (result != 0 && !ring->said) {
        log_write(
            LOG_LEVEL_WARNING,
            "audit: the key of today's pseudonyms cannot be written to %s: %s. Records go "
            "on; unless it can be written before the end, nobody can find a client in them",
            ring->job.folder, cordon_strerror(result));
    }
    ring->said = result != 0;
}

/* A day that has been forgotten meanwhile has no place any more. */
static void take_key(struct audit_keyring *ring, const struct job *job)
{
    for (unsigned i = 0; i < DAYS_AT_HAND; i++) {
        struct day *day = &ring->days[i];

        if (!day->used || day->day != job->day) {
            continue;
        }
        day->kept = job->result == 0;
        if (day->kept && memcmp(day->key, job->key, sizeof(day->key)) != 0) {
            memcpy(day->key, job->key, sizeof(day->key));
            ring->version++;
        }
    }
    say(ring, job->result);
}

/* Nothing is under way. What was found or destroyed stays in the job for whoever has asked. */
static bool is_idle(struct audit_keyring *ring)
{
    if (ring->busy && audit_aside_is_done(ring->aside)) {
        ring->busy = false;
        ring->hangs = false;
        if (ring->job.task == TASK_KEEP) {
            take_key(ring, &ring->job);
            explicit_bzero(ring->job.key, sizeof(ring->job.key));
            ring->job.task = TASK_NONE;
        }
    }
    return !ring->busy;
}

static void begin(struct audit_keyring *ring, enum task task, uint32_t day)
{
    ring->job.task = task;
    ring->job.day = day;
    ring->busy = true;
    audit_aside_begin(ring->aside, run, &ring->job);
}

static void begin_keep(struct audit_keyring *ring, const struct day *day)
{
    memcpy(ring->job.key, day->key, sizeof(day->key));
    begin(ring, TASK_KEEP, day->day);
}

/* The answer to a question, asked here if it was not; the one to another is thrown away. */
static bool is_answered(struct audit_keyring *ring, enum task task, uint32_t day)
{
    if (!is_idle(ring)) {
        return false;
    }
    if (ring->job.task != task || ring->job.day != day) {
        begin(ring, task, day);
        return false;
    }
    ring->job.task = TASK_NONE;
    return true;
}

/* Once in a hang: whoever asks again does not wait again. */
static void wait_soon(struct audit_keyring *ring)
{
    if (ring->busy && !ring->hangs) {
        ring->hangs = !audit_aside_wait(ring->aside, AUDIT_KEYS_WAIT_MS);
    }
}

/* A day begins: what its file says, if the disk says it soon. */
static void begin_day(struct audit_keyring *ring, struct day *day, uint32_t number)
{
    explicit_bzero(day, sizeof(*day));
    day->used = true;
    day->day = number;
    random_system(day->key, sizeof(day->key));
    if (ring->aside == NULL) {
        return;
    }
    wait_soon(ring);
    if (is_idle(ring)) {
        begin_keep(ring, day);
        wait_soon(ring);
    }
    if (!is_idle(ring)) {
        say(ring, -ETIMEDOUT);
    }
}

const uint8_t *audit_keyring_key(struct audit_keyring *ring, uint32_t number)
{
    for (unsigned i = 0; i < DAYS_AT_HAND; i++) {
        if (ring->days[i].used && ring->days[i].day == number) {
            return ring->days[i].key;
        }
    }
    struct day *day = &ring->days[ring->next_day];
    ring->next_day = (ring->next_day + 1) % DAYS_AT_HAND;
    begin_day(ring, day, number);
    return day->key;
}

uint64_t audit_keyring_version(const struct audit_keyring *ring)
{
    return ring->version;
}

/* One of them each time: while it is being written there is no other. */
void audit_keyring_tick(struct audit_keyring *ring, uint64_t mono_us)
{
    if (ring->aside == NULL || !is_idle(ring) || mono_us < ring->retry_at_us) {
        return;
    }
    for (unsigned i = 0; i < DAYS_AT_HAND; i++) {
        if (ring->days[i].used && !ring->days[i].kept) {
            ring->retry_at_us = mono_us + RETRY_US;
            begin_keep(ring, &ring->days[i]);
            return;
        }
    }
}

bool audit_keyring_wait(struct audit_keyring *ring, unsigned ms)
{
    return is_idle(ring) || (audit_aside_wait(ring->aside, ms) && is_idle(ring));
}

bool audit_keyring_find(struct audit_keyring *ring, uint32_t before, struct audit_days *found)
{
    *found = (struct audit_days){.count = 0};
    if (ring->aside == NULL) {
        return true;
    }
    if (!is_answered(ring, TASK_FIND, before)) {
        return false;
    }
    if (ring->job.result == 0) {
        *found = ring->job.days;
    }
    return true;
}

bool audit_keyring_forget(struct audit_keyring *ring, uint32_t before, int *result,
                          struct audit_days *gone)
{
    for (unsigned i = 0; i < DAYS_AT_HAND; i++) {
        if (ring->days[i].used && ring->days[i].day < before) {
            explicit_bzero(&ring->days[i], sizeof(ring->days[i]));
            ring->version++;
        }
    }
    *result = 0;
    *gone = (struct audit_days){.count = 0};
    if (ring->aside == NULL) {
        return true;
    }
    if (!is_answered(ring, TASK_DESTROY, before)) {
        return false;
    }
    *result = ring->job.result;
    *gone = ring->job.days;
    if (*result != 0) {
        log_write(LOG_LEVEL_ERROR,
                  "audit: keys of pseudonyms in %s are over and cannot be destroyed: %s",
                  ring->job.folder, cordon_strerror(*result));
    }
    return true;
}
