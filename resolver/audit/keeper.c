#include "audit/keeper.h"

#include "base/error.h"
#include "base/log.h"
#include "base/thread.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define FIRST_US UINT64_C(5000000)  /* after the opening, when there is other work */
#define LOOK_US  UINT64_C(10000000) /* between two looks, unless somebody asks */
#define RETRY_US UINT64_C(60000000) /* after a failure */
#define END_US   UINT64_C(2000000)  /* for a job when the process ends */
#define DAY_US   UINT64_C(86400000000)
#define JOB_NICE 19

/* A clock that goes ahead by more than this against the monotonic one has leapt; by less, it is
 * set right. Then nothing is old until it has gone on for so long: time for whoever sets it. */
#define LEAP_US   DAY_US
#define STEADY_US UINT64_C(3600000000)

enum state {
    IDLE,
    SEALING, /* for a wish: what was recorded up to now is to be safe */
    LOOKING,
    RECORDING, /* the rows are added, and not safe yet */
    REMOVING
};

/* What the thread has. Whoever lets it go last frees it. */
struct job {
    atomic_uint owners;
    atomic_bool stop, done;
    pthread_mutex_t gate; /* held while a file takes another's place; not once it is stopped */
    bool removes;         /* else it looks */
    char *folder;
    dev_t device; /* of the folder */
    ino_t inode;
    const struct audit_files *files;
    struct audit_bound bounds[AUDIT_STREAMS + 1];
    struct audit_limit limit;
    uint32_t last_file;
    struct audit_plan plan;
    uint64_t freed;
    int result;
};

struct audit_keeper {
    struct audit_keeper_settings settings;
    char *folder;
    enum state state;
    struct job *job;
    pthread_t thread;
    bool threaded;

    bool has_offset;
    int64_t offset_us;     /* wall above monotonic clock, when it was right last */
    uint64_t steady_at_us; /* monotonic: nothing goes by age before */

    struct audit_plan plan;                  /* of the newest look */
    uint64_t bodies_then[AUDIT_STREAMS + 1]; /* that the log had written by then */
    uint64_t oldest_us[AUDIT_STREAMS + 1];
    bool looked;
    uint32_t last_file;  /* that the plan is about */
    uint64_t look_at_us; /* monotonic: not before */
    bool again;          /* there may be more to remove */

    uint64_t wanted[AUDIT_STREAMS + 1]; /* events that are to be safe first */
    uint64_t since_us;                  /* monotonic: waiting for that */

    struct audit_wish wish;
    bool has_wish;
    bool for_wish; /* what is being done now */
    struct audit_keeper_stats stats;
};

void audit_wish_actor(const struct audit_wish *wish, struct audit_actor *out)
{
    *out = (struct audit_actor){.by = "control",
                                .uid = wish->uid,
                                .user = wish->user[0] != '\0' ? wish->user : NULL,
                                .pid = wish->pid,
                                .reason = wish->reason};
}

/* --- the job --- */

static void let_go(struct job *job)
{
    if (atomic_fetch_sub_explicit(&job->owners, 1, memory_order_acq_rel) == 1) {
        pthread_mutex_destroy(&job->gate);
        free(job->folder);
        free(job);
    }
}

static bool enter_gate(void *context)
{
    struct job *job = context;

    pthread_mutex_lock(&job->gate);
    if (atomic_load_explicit(&job->stop, memory_order_acquire)) {
        pthread_mutex_unlock(&job->gate);
        return false;
    }
    return true;
}

static void leave_gate(void *context)
{
    struct job *job = context;

    pthread_mutex_unlock(&job->gate);
}

static void do_job(struct job *job, const struct audit_files *files)
{
    const struct audit_removal_hooks hooks = {
        .context = job, .commit = enter_gate, .committed = leave_gate, .stop = &job->stop};

    if (job->removes) {
        job->result = audit_removal_apply(files, job->last_file, job->plan.runs + 1,
                                          AUDIT_STREAMS, &hooks, &job->freed);
    } else {
        job->result =
            audit_removal_plan(files, &job->limit, job->bounds, &job->stop, &job->plan);
    }
}

/* On Linux both are of the thread alone. What the system does not let us do leaves it at the
 * usual priority. */
static void step_back(void)
{
    const struct sched_param none = {0};

    (void)sched_setscheduler(0, SCHED_BATCH, &none);
    (void)setpriority(PRIO_PROCESS, 0, JOB_NICE);
}

static void *run(void *context)
{
    struct job *job = context;
    struct audit_folder folder;
    struct audit_files files;

    step_back();
    job->result = audit_folder_open(job->folder, &folder, &files);
    if (job->result == 0) {
        /* Where the folder was moved, what stands at its path is somebody else's. */
        if (folder.device == job->device && folder.inode == job->inode) {
            do_job(job, &files);
        } else {
            job->result = CORDON_E_MOVED;
        }
        audit_folder_close(&folder);
    }
    atomic_store_explicit(&job->done, true, memory_order_release);
    let_go(job);
    return NULL;
}

static int start_job(struct audit_keeper *keeper, const struct job *what)
{
    struct job *job = malloc(sizeof(*job));

    if (job == NULL) {
        return -ENOMEM;
    }
    *job = *what;
    job->files = keeper->settings.files;
    job->folder = strdup(keeper->folder);
    job->device = keeper->settings.device;
    job->inode = keeper->settings.inode;
    atomic_init(&job->owners, 1);
    atomic_init(&job->stop, false);
    atomic_init(&job->done, false);
    pthread_mutex_init(&job->gate, NULL);
    if (job->folder == NULL) {
        let_go(job);
        return -ENOMEM;
    }
    keeper->job = job;
    keeper->threaded = job->files == NULL;
    if (!keeper->threaded) {
        do_job(job, job->files);
        atomic_store_explicit(&job->done, true, memory_order_release);
        return 0;
    }
    atomic_store_explicit(&job->owners, 2, memory_order_release);
    const int rc = thread_start(&keeper->thread, "keeper", run, job);
    if (rc != 0) {
        atomic_store_explicit(&job->owners, 1, memory_order_release);
        let_go(job);
        keeper->job = NULL;
        return rc;
    }
    return 0;
}

/* The job if it has come to its end; the caller lets it go. */
static struct job *ended_job(struct audit_keeper *keeper)
{
    struct job *job = keeper->job;

    if (job == NULL || !atomic_load_explicit(&job->done, memory_order_acquire)) {
        return NULL;
    }
    if (keeper->threaded) {
        pthread_join(keeper->thread, NULL);
    }
    keeper->job = NULL;
    return job;
}

/* A job that is stuck in a call of the disk is left alone with it: it can replace nothing. */
static void leave_job(struct audit_keeper *keeper)
{
    struct job *job = keeper->job;
    const uint64_t until_us = clock_read().mono_us + END_US;

    if (job == NULL) {
        return;
    }
    atomic_store_explicit(&job->stop, true, memory_order_release);
    if (thread_lock_until(&job->gate, until_us)) { /* else the disk hangs in one */
        pthread_mutex_unlock(&job->gate);
    }
    if (keeper->threaded && !thread_join_until(keeper->thread, until_us)) {
        pthread_detach(keeper->thread);
    }
    let_go(job);
    keeper->job = NULL;
}

/* --- life --- */

struct audit_keeper *audit_keeper_create(const struct audit_keeper_settings *settings)
{
    struct audit_keeper *keeper = calloc(1, sizeof(*keeper));

    if (keeper == NULL) {
        return NULL;
    }
    keeper->settings = *settings;
    keeper->folder = strdup(settings->folder);
    if (keeper->folder == NULL) {
        free(keeper);
        return NULL;
    }
    return keeper;
}

void audit_keeper_destroy(struct audit_keeper *keeper)
{
    if (keeper != NULL) {
        leave_job(keeper);
        free(keeper->folder);
        free(keeper);
    }
}

void audit_keeper_wish(struct audit_keeper *keeper, const struct audit_wish *wish)
{
    keeper->wish = *wish;
    keeper->has_wish = true;
    keeper->stats.wish_done = false;
    keeper->stats.wish_error = 0;
    memset(keeper->stats.wish_events, 0, sizeof(keeper->stats.wish_events));
}

void audit_keeper_stats(const struct audit_keeper *keeper, struct audit_keeper_stats *out)
{
    *out = keeper->stats;
    out->working = keeper->state != IDLE;
}

/* --- what is due --- */

/* What a wrong clock makes old is gone for ever. Where the process began, the newest block says
 * what time it was. */
static void watch_clock(struct audit_keeper *keeper, struct clock_now now)
{
    const int64_t offset_us = (int64_t)now.wall_us - (int64_t)now.mono_us;
    const uint64_t newest_us = keeper->settings.newest_us;
    const bool leapt = keeper->has_offset ? offset_us - keeper->offset_us > (int64_t)LEAP_US
                                          : newest_us != 0 && now.wall_us > newest_us + LEAP_US;

    if (leapt) {
        keeper->steady_at_us = now.mono_us + STEADY_US;
        log_write(LOG_LEVEL_INFO,
                  "audit: the clock has gone ahead by more than a day since the newest record: "
                  "for an hour nothing is removed from %s by age",
                  keeper->folder);
    }
    if (leapt || !keeper->has_offset || offset_us < keeper->offset_us) {
        keeper->offset_us = offset_us;
        keeper->has_offset = true;
    }
}

/* Whole days (UTC), so that a file is not written anew for every hour of it. 0: nothing is. */
static uint64_t over_before(const struct audit_keeper *keeper, unsigned stream,
                            struct clock_now now)
{
    const uint64_t keep_us = keeper->settings.keep_us[stream];
    const bool can_be = keep_us != 0 && now.wall_us > keep_us;
    const uint64_t before_us =
        can_be && now.mono_us >= keeper->steady_at_us ? now.wall_us - keep_us : 0;

    return before_us - before_us % DAY_US;
}

static bool is_due(const struct audit_keeper *keeper, const struct audit_log *log,
                   struct clock_now now)
{
    struct audit_log_stats stats;
    bool due = !keeper->looked || keeper->again;

    audit_log_stats(log, &stats);
    for (unsigned stream = 1; stream < AUDIT_CHANGES && !due; stream++) {
        const uint64_t octets = keeper->plan.holdings[stream].octets + stats.bodies[stream] -
                                keeper->bodies_then[stream];
        const uint64_t most = keeper->settings.octets[stream];

        due = (most != 0 && octets > most) ||
              keeper->oldest_us[stream] < over_before(keeper, stream, now);
    }
    return due;
}

static void set_bounds(const struct audit_keeper *keeper, struct clock_now now,
                       struct audit_bound bounds[AUDIT_STREAMS + 1])
{
    for (unsigned stream = 1; stream < AUDIT_CHANGES; stream++) {
        const uint64_t most = keeper->settings.octets[stream];

        bounds[stream] = (struct audit_bound){.before_us = over_before(keeper, stream, now),
                                              .octets = most,
                                              .target = most - most / 8};
        if (keeper->for_wish) {
            bounds[stream] = (struct audit_bound){
                .before_us =
                    (keeper->wish.streams >> stream & 1) != 0 ? keeper->wish.before_us : 0,
                .forget = true};
        }
    }
}

static void end_wish(struct audit_keeper *keeper, int error)
{
    keeper->has_wish = false;
    keeper->for_wish = false;
    keeper->stats.wish_error = error;
    keeper->stats.wish_done = true;
}

static void fail(struct audit_keeper *keeper, int error, struct clock_now now)
{
    keeper->state = IDLE;
    keeper->again = true;
    keeper->look_at_us = now.mono_us + RETRY_US;
    if (error != keeper->stats.error) {
        log_write(LOG_LEVEL_WARNING,
                  "audit: old events of the log in %s cannot be removed: %s; it is tried again",
                  keeper->folder, cordon_strerror(error));
    }
    keeper->stats.error = error;
    if (keeper->for_wish) {
        end_wish(keeper, error);
    }
}

/* What the log has up to now, to be safe before it goes on. */
static void want_all(struct audit_keeper *keeper, const struct audit_log *log,
                     struct clock_now now)
{
    struct audit_log_stats stats;

    audit_log_stats(log, &stats);
    memcpy(keeper->wanted, stats.taken, sizeof(keeper->wanted));
    keeper->since_us = now.mono_us;
}

static bool is_safe(const struct audit_keeper *keeper, const struct audit_log *log)
{
    struct audit_log_stats stats;
    bool safe = true;

    audit_log_stats(log, &stats);
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        safe = safe && stats.safe[stream] >= keeper->wanted[stream];
    }
    return safe;
}

static void look(struct audit_keeper *keeper, const struct audit_log *log, struct clock_now now)
{
    struct job job = {.removes = false};
    struct audit_log_stats stats;

    set_bounds(keeper, now, job.bounds);
    audit_log_end(log, &job.limit.file, &job.limit.at);
    audit_log_stats(log, &stats);
    memcpy(keeper->bodies_then, stats.bodies, sizeof(keeper->bodies_then));
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        keeper->oldest_us[stream] = now.wall_us;
    }
    keeper->look_at_us = now.mono_us + LOOK_US;
    const int result = start_job(keeper, &job);
    if (result != 0) {
        fail(keeper, result, now);
        return;
    }
    keeper->state = LOOKING;
}

/* What somebody wants is about all that is recorded by now: it is sealed first. */
static void begin(struct audit_keeper *keeper, struct audit_log *log,
                  const struct audit_in_force *in_force, struct clock_now now)
{
    keeper->for_wish = keeper->has_wish;
    if (!keeper->for_wish) {
        look(keeper, log, now);
        return;
    }
    want_all(keeper, log, now);
    (void)audit_log_flush(log, in_force, now.wall_us); /* or begins to */
    keeper->state = SEALING;
}

static void wait_sealed(struct audit_keeper *keeper, const struct audit_log *log,
                        struct clock_now now)
{
    if (is_safe(keeper, log)) {
        look(keeper, log, now);
    } else if (now.mono_us - keeper->since_us >= RETRY_US) {
        fail(keeper, -ETIMEDOUT, now);
    }
}

/* On the record first: the rows are the log's once it has taken them. */
static int add_rows(struct audit_keeper *keeper, struct audit_log *log, struct clock_now now)
{
    struct audit_actor actor = {.by = "cordond"};
    int result = 0;

    if (keeper->for_wish) {
        audit_wish_actor(&keeper->wish, &actor);
    }
    for (unsigned stream = 1; stream < AUDIT_CHANGES && result == 0; stream++) {
        struct audit_row row;

        if (keeper->plan.runs[stream].blocks > 0) {
            audit_removal_row(&keeper->plan.runs[stream], &actor, now.wall_us, &row);
            result = audit_log_add(log, AUDIT_CHANGES, &row, now.wall_us);
        }
    }
    return result;
}

static void looked(struct audit_keeper *keeper, struct audit_log *log,
                   const struct audit_in_force *in_force, struct clock_now now)
{
    struct job *job = ended_job(keeper);

    if (job == NULL) {
        return;
    }
    const int result = job->result;
    keeper->plan = job->plan;
    let_go(job);
    if (result != 0) {
        fail(keeper, result, now);
        return;
    }
    uint64_t blocks = 0;
    uint32_t last = 0;
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        const struct audit_run *one = &keeper->plan.runs[stream];

        last = one->blocks > 0 && one->last_file > last ? one->last_file : last;
        blocks += keeper->plan.runs[stream].blocks;
        if (keeper->plan.holdings[stream].oldest_us < keeper->oldest_us[stream]) {
            keeper->oldest_us[stream] = keeper->plan.holdings[stream].oldest_us;
        }
    }
    keeper->looked = true;
    keeper->again = false;
    keeper->state = IDLE;
    if (blocks == 0) {
        keeper->stats.error = 0;
        if (keeper->for_wish) {
            end_wish(keeper, keeper->plan.damaged > 0 ? CORDON_E_CORRUPT : 0);
        }
        return;
    }
    /* The file that is written to cannot be replaced: the record begins the next one. */
    if (last >= audit_log_at_file(log)) {
        audit_log_end_file(log);
    }
    if (add_rows(keeper, log, now) != 0) {
        fail(keeper, -ENOBUFS, now);
        return;
    }
    want_all(keeper, log, now);
    keeper->last_file = last;
    (void)audit_log_flush(log, in_force, now.wall_us); /* or begins to */
    keeper->state = RECORDING;
}

/* Nobody else can have made the record, says the checkpoint: without one it would be no word
 * for what is gone. */
static bool is_signed(const struct audit_keeper *keeper, const struct audit_log *log)
{
    struct audit_log_stats stats;

    audit_log_stats(log, &stats);
    return stats.signed_[AUDIT_CHANGES] >= keeper->wanted[AUDIT_CHANGES];
}

/* The disk may take its time: the rows wait in memory with all else. */
static void record(struct audit_keeper *keeper, const struct audit_log *log,
                   struct clock_now now)
{
    struct job job = {.removes = true, .plan = keeper->plan, .last_file = keeper->last_file};

    if (!is_safe(keeper, log) || !is_signed(keeper, log) ||
        audit_log_at_file(log) <= keeper->last_file) {
        return;
    }
    const int started = start_job(keeper, &job);
    if (started != 0) {
        fail(keeper, started, now);
        return;
    }
    keeper->state = REMOVING;
}

static void removed(struct audit_keeper *keeper, struct clock_now now)
{
    struct job *job = ended_job(keeper);

    if (job == NULL) {
        return;
    }
    const int result = job->result;
    keeper->stats.octets += job->freed;
    let_go(job);
    if (result != 0) {
        fail(keeper, result, now);
        return;
    }
    for (unsigned stream = 1; stream < AUDIT_CHANGES; stream++) {
        const struct audit_run *one = &keeper->plan.runs[stream];

        keeper->stats.events[stream] += one->events;
        keeper->stats.wish_events[stream] += keeper->for_wish ? one->events : 0;
        if (one->blocks > 0) {
            log_write(LOG_LEVEL_INFO, "audit: %llu %s were removed from %s (%s)",
                      (unsigned long long)one->events, audit_stream_word(stream),
                      keeper->folder, audit_removal_word(one->cause));
        }
    }
    keeper->state = IDLE;
    keeper->again = true;
    keeper->look_at_us = now.mono_us;
}

void audit_keeper_tick(struct audit_keeper *keeper, struct audit_log *log,
                       const struct audit_in_force *in_force, struct clock_now now)
{
    watch_clock(keeper, now);
    if (keeper->look_at_us == 0) {
        keeper->look_at_us = now.mono_us + FIRST_US;
    }
    switch (keeper->state) {
    case IDLE:
        if (keeper->has_wish ||
            (now.mono_us >= keeper->look_at_us && is_due(keeper, log, now))) {
            begin(keeper, log, in_force, now);
        }
        break;
    case SEALING:
        wait_sealed(keeper, log, now);
        break;
    case LOOKING:
        looked(keeper, log, in_force, now);
        break;
    case RECORDING:
        record(keeper, log, now);
        break;
    case REMOVING:
        removed(keeper, now);
        break;
    }
}
