/*
 * sink/inside.h - what hub.c and run.c share: a sink. Private to the room.
 */
#ifndef CORDON_SINK_INSIDE_H
#define CORDON_SINK_INSIDE_H

#include "base/random.h"
#include "base/ring.h"
#include "sink/event.h"
#include "sink/frames.h"
#include "sink/outbox.h"
#include "sink/place.h"

#include <pthread.h>
#include <stdatomic.h>

#define SINK_RUN_MAX 20u /* "r" and 16 hexadecimal digits */

/* Before the octets of the row in a queue. */
struct sink_record {
    uint64_t number;
    uint32_t log; /* 0: the number is the hub's own */
    uint32_t stream;
};

enum sink_phase {
    SINK_DOWN,     /* until next_try_us */
    SINK_OPENING,  /* the connection is under way */
    SINK_GREETING, /* READY was sent */
    SINK_UP,
    SINK_FAREWELL, /* STOP was sent */
    SINK_OVER
};

struct sink_hub;

struct sink {
    struct sink_hub *hub;
    struct sink_settings settings; /* its texts are ours */
    sink_formatter *format;
    struct sink_self self;
    struct ring *ring;
    pthread_t thread;
    bool runs;
    int wake, ended; /* eventfds */
    atomic_bool stop;
    _Atomic uint64_t dropped[AUDIT_STREAMS + 1];
    _Atomic uint64_t first_us, last_us; /* times of what was dropped and not told; 0: nothing */

    /* The writer's own. */
    bool was_given;

    /* The thread's own from here on. */
    struct sink_place place;
    struct sink_outbox box;
    struct random random;
    enum sink_phase phase;
    unsigned failures; /* in a row */
    uint64_t next_try_us, deadline_us, progress_us, next_gap_us, up_us;
    bool proven;                      /* the connection has lasted for a while */
    bool more;                        /* there is more to do than was done in a turn */
    uint64_t told[AUDIT_STREAMS + 1]; /* of dropped, by gaps */
    uint64_t gaps;                    /* that were told */
    bool failure_logged, stall_logged;
    uint8_t heard[SINK_CONTROL_MAX + 2 * FRAMES_HEAD]; /* of a control frame */
    size_t heard_len;
    char message[SINK_MESSAGE_MAX]; /* scratch */

    pthread_mutex_t mutex; /* of stats alone */
    struct sink_stats stats;
};

struct sink_hub {
    struct sink *sinks[SINK_MAX];
    size_t count;
    bool streams[AUDIT_STREAMS + 1]; /* that any wants */
    char run[SINK_RUN_MAX];          /* of ids that no log gives */
    uint64_t numbers[AUDIT_STREAMS + 1];
    char origin[SINK_ORIGIN_MAX]; /* written once, by the writer's thread, before its first
                                     record */
    atomic_bool has_origin;
    uint8_t scratch[sizeof(struct sink_record) + AUDIT_EVENT_MAX];
};

/* Any thread. */
static inline void sink_drop(struct sink *sink, unsigned stream, uint64_t wall_us)
{
    uint64_t none = 0;

    atomic_fetch_add_explicit(&sink->dropped[stream], 1, memory_order_relaxed);
    (void)atomic_compare_exchange_strong(&sink->first_us, &none, wall_us);
    atomic_store(&sink->last_us, wall_us);
}

/* hub.c: the id of an event. */
void sink_record_id(const struct sink_hub *hub, const struct sink_record *record,
                    char out[SINK_ID_MAX]);

/* run.c: the thread of a sink, which is its argument. */
void *sink_run(void *sink);
/* What is still in the queue and the outbox is lost. Returns how many events. */
uint64_t sink_lose_rest(struct sink *sink);

#endif
