/*
 * daemon/state.h - struct daemon: what the main thread holds, and who of daemon/ uses it.
 *
 * Everything here is the main thread's. The exceptions are the prepared half of a reload, which
 * the builder fills while it runs, and what worker.h and slot.h share.
 */
#ifndef CORDON_DAEMON_STATE_H
#define CORDON_DAEMON_STATE_H

#include "admin/control.h"
#include "audit/writer.h"
#include "base/clock.h"
#include "base/digest.h"
#include "daemon/builder.h"
#include "daemon/changes.h"
#include "daemon/claim.h"
#include "daemon/descriptors.h"
#include "daemon/folders.h"
#include "daemon/follow.h"
#include "daemon/gateway.h"
#include "daemon/holding.h"
#include "daemon/limits.h"
#include "daemon/look.h"
#include "daemon/loops.h"
#include "daemon/memory.h"
#include "daemon/monitor.h"
#include "daemon/probe.h"
#include "daemon/recording.h"
#include "daemon/sandbox.h"
#include "daemon/scheduling.h"
#include "daemon/sending.h"
#include "daemon/staging.h"
#include "daemon/takeover.h"
#include "daemon/totals.h"
#include "daemon/worker.h"
#include "setup/setup.h"

#include <uv.h>

#define DAEMON_MAGIC 0x64616d6eu

/* Why a reload began: the loudest reason wins. */
enum reload_cause {
    RELOAD_NONE,
    RELOAD_RETRY,   /* again, after one that files began has failed */
    RELOAD_FILES,   /* a list file changed */
    RELOAD_STAGES,  /* the time of a stage is over, or it is ended by a command */
    RELOAD_HOLDING, /* a list is to be rolled back or released */
    RELOAD_ASKED    /* SIGHUP or the control socket */
};

enum reload_phase {
    RELOAD_IDLE,
    RELOAD_PREPARING,  /* by the builder */
    RELOAD_PUBLISHING, /* the slot still holds the snapshot before the current one */
    RELOAD_ADOPTING,   /* published; not all workers have taken it */
    RELOAD_LATE        /* in force; its texts are read and kept by the builder (late.c) */
};

struct reload {
    enum reload_phase phase;
    struct builder builder;
    uv_timer_t step;  /* publishing and adopting */
    uv_timer_t later; /* the debounce of files, and the retry */
    uv_timer_t sweep; /* frees the replaced snapshot when the last reader has left it */
    uv_fs_event_t files;
    bool watching;
    char *watched;          /* folder */
    uint64_t later_most_us; /* not to be put off beyond this; 0: nothing is pending */
    enum reload_cause later_cause;
    enum reload_cause next; /* begins after the one that runs */
    enum reload_cause cause;
    uint64_t began_us;
    uint64_t ready_us; /* prepared: readers are waited for from here on */
    uint64_t number;   /* in the slot: that the workers must adopt */

    /* Prepared by the builder. */
    struct report report;
    struct setup_snapshot *snapshot;
    struct config *config;
    const struct setup_held_set *held; /* daemon->holding's */
    uint64_t generation;
    struct setup_memory memory;          /* as it was at the beginning */
    const struct setup_snapshot *before; /* and the root of what was in force */
    int rc;

    /* Clients of the control socket: those of the reload that runs, and of the next. */
    struct control_client *waiting[DAEMON_WAITING_MAX];
    size_t waiting_count;
    struct control_client *queued[DAEMON_WAITING_MAX];
    size_t queued_count;

    /* late.c: what is done once lists are in force. */
    struct setup_late *late; /* NULL: nothing */
    _Atomic bool late_gives_up;
    bool strict;   /* all texts are read before: one was not what was signed */
    bool distrust; /* and so until a restart: an image was of another text */

    char *last; /* document of the last reload; NULL: there was none */
    size_t last_len;
};

/* saved.c */
struct saved {
    bool ready, loading;
    bool known;
    uint8_t meaning[DIGEST_OCTETS]; /* if known: of whom answers come now; */
    uint64_t since_us;              /* so long, by the monotonic clock; 0: since the start */
};

struct daemon {
    uint32_t magic;
    const char *config_path;
    struct clock_now started_at;
    struct config *config;  /* in force, as far as a reload can change it */
    struct config *started; /* at the start: what needs a restart is compared with it */

    uv_loop_t loop;
    uv_signal_t hup, term, interrupt;
    uv_async_t reported;
    uv_timer_t report_patience;
    uv_timer_t freshness;
    struct look look;
    uv_timer_t limited; /* tells of clients that ask too often */
    uv_timer_t watchdog;
    bool watchdog_said; /* that a worker does not turn */
    bool stopping;

    struct address listen[CONFIG_LISTEN_MAX]; /* that were opened */
    size_t listen_count;
    int *sockets; /* that the workers listen on, which own them; until they are stopped */
    size_t socket_count;
    bool sockets_kept;   /* by the socket unit of a service manager */
    bool sockets_forget; /* the manager stores some that are not used any more */
    int *connections;    /* of clients, that a life before has left; until the workers run */
    size_t connection_count;
    struct takeover takeover;
    struct successor successor;
    unsigned worker_count;
    struct descriptors descriptors;
    struct worker *workers[DAEMON_WORKERS_MAX];
    struct upstream_conditions *conditions;
    struct memory memory;
    struct claim claim; /* on the state directory */
    struct cache *cache;
    struct saved saved;
    struct query_rate *rate; /* of clients */
    struct policy_slot *slot;
    struct recording recording;
    struct sending sending;
    struct audit_writer *writer;
    /* The writer's inputs, as long as it runs. */
    struct ring *rings[DAEMON_WORKERS_MAX], *questions[DAEMON_WORKERS_MAX];
    _Atomic uint64_t *lost[DAEMON_WORKERS_MAX], *questions_lost[DAEMON_WORKERS_MAX],
        *refused[DAEMON_WORKERS_MAX], *questions_refused[DAEMON_WORKERS_MAX];
    struct control *control;
    enum policy_freshness freshness_said[POLICY_LISTS_MAX];
    struct sandbox sandbox;
    struct setup_memory accepted; /* as of the snapshot in force, less what was acknowledged */
    struct setup_broken broken[SETUP_BROKEN_MAX]; /* of the snapshot in force, told already */
    size_t broken_count;
    struct probe_result probes[UPSTREAM_SERVERS_MAX]; /* at the start */

    struct tracing *tracing[DAEMON_TRACES_MAX]; /* trace.c's own */
    unsigned trace_next;                        /* the worker that traces next */
    uv_timer_t trace_patience;
    uint8_t tops_key[16];                                           /* of the workers' tops */
    struct totals_waiter totals_waiting[DAEMON_TOTALS_WAITING_MAX]; /* oldest first */
    size_t totals_waiting_count;
    struct monitor monitor;
    struct gateway gateway;
    struct follow follow;
    struct folders folders;
    struct loops loops;
    struct reload reload;
    struct changes changes;
    struct holding holding;
    struct staging staging;
    struct scheduling scheduling;
};

/* The name of a view of a snapshot; NULL: there is none of that number. */
const char *daemon_view_name(const void *snapshot, unsigned view);

/* The snapshot in force. Main thread; until the next publish. */
const struct setup_snapshot *daemon_snapshot(const struct daemon *daemon);

/* control_socket.c: opens it, and says what is wrong with it. 0, also if that may pass by
 * itself: look.c tries again; or -errno. */
int control_socket_open(struct daemon *daemon);
/* The same without a word. 0 or -errno. */
int control_socket_try(struct daemon *daemon);

struct start_sockets;

/* threads.c: the workers, and the writer of events. */
/* A worker per row of the sockets, which it takes over. 0, or a code, after a message. */
int threads_make_workers(struct daemon *daemon, struct start_sockets *sockets);
/* 0, or a code. */
int threads_start(struct daemon *daemon);
/* Workers first, then the writer, which takes what they have left, then what both used. */
void threads_stop(struct daemon *daemon);

/* keep.c: sockets that outlive this process. */
/* Before the workers take them over. The connections of sockets are taken. 0 or -ENOMEM. */
int keep_note(struct daemon *daemon, struct start_sockets *sockets);
/* The workers run: they get the connections, the manager what it is to store. */
void keep_started(struct daemon *daemon);
/* How the workers are to end: false, as without anybody after us. */
bool keep_leave(struct daemon *daemon, struct worker_leave *leave);
void keep_deinit(struct daemon *daemon);

/* freshness.c: looks at the lists now, and from time to time. */
void freshness_start(struct daemon *daemon);
/* Looks now: the clock was set. */
void freshness_look(struct daemon *daemon);

/* alarm.c: the snapshot that came in force tells about the memory of what was accepted. */
void alarm_take(struct daemon *daemon);
/* The object "trust" of the status document. */
void alarm_write(struct text *out, const struct daemon *daemon);
bool alarm_acknowledge_command(struct daemon *daemon, struct request *request,
                               struct control_client *client, struct text *out);

/* reload.c */
int reload_init(struct daemon *daemon);
/* client NULL: nobody waits for the result. False: too many wait already. */
bool reload_request(struct daemon *daemon, enum reload_cause cause,
                    struct control_client *client);
/* True if a file of this name in a folder of lists may be worth a reload. */
bool reload_is_of_interest(const char *name);
/* Files of lists have changed: a reload, once they have been left alone for so long. */
void reload_look_again(struct daemon *daemon, unsigned wait_ms);
/* Frees the replaced snapshot when the last reader has left it. */
void reload_sweep(struct daemon *daemon);
/* Tells the service manager that we are ready, and with what. */
void reload_notify(const struct daemon *daemon);
/* Lets one that runs come to its end, and closes the handles. */
void reload_close(struct daemon *daemon);
/* After the loop has ended. */
void reload_deinit(struct daemon *daemon);

/* The phase is idle: begins what has come meanwhile, if anything. */
void reload_begin_next(struct daemon *daemon);

/* late.c: what the snapshot in force has left to be done, as a phase of its own; reloads wait
 * for it. False: there is nothing, or no more than was done at once. */
bool late_begin(struct daemon *daemon);
/* What a request has as late_octets. */
uint64_t late_octets(const struct daemon *daemon);
/* The process ends: what runs ends soon. */
void late_give_up(struct daemon *daemon);

/* commands.c: the handler of the control socket. */
bool commands_run(void *context, struct request *request, struct control_client *client,
                  struct text *out);
/* A refusal after which whoever asks is to ask again. True. */
bool commands_refuse_for_now(struct text *out, const char *words);

/* status.c: commands of it. */
bool status_command(struct daemon *daemon, struct request *request,
                    struct control_client *client, struct text *out);
bool status_upstreams_command(struct daemon *daemon, struct request *request,
                              struct control_client *client, struct text *out);
bool status_fingerprint_command(struct daemon *daemon, struct request *request,
                                struct control_client *client, struct text *out);
bool status_lists_command(struct daemon *daemon, struct request *request,
                          struct control_client *client, struct text *out);
/* Objects of these documents. */
void status_write_upstreams(struct text *out, const struct totals *totals);
void status_write_questions(struct text *out, const struct query_counters *query);
void status_write_net(struct text *out, const struct net_counters *net);
void status_write_cache(struct text *out, const struct cache_stats *stats);
void status_write_events(struct text *out, const struct daemon *daemon,
                         const struct audit_writer_stats *stats);
/* Sends a document to a client that has waited. */
void status_reply(struct control_client *client, struct daemon *daemon,
                  const struct totals *totals,
                  void (*write)(struct daemon *daemon, const struct totals *totals,
                                struct text *out));
/* False, or a refusal in out if nobody was asked. */
bool status_later(bool asked, struct text *out);

/* trace.c: a command; what a worker has given back; and after the workers have ended. */
bool trace_command(struct daemon *daemon, struct request *request,
                   struct control_client *client, struct text *out);
void trace_on_reported(struct daemon *daemon);
void trace_deinit(struct daemon *daemon);

/* cached.c: commands. */
bool cached_show_command(struct daemon *daemon, struct request *request,
                         struct control_client *client, struct text *out);
bool cached_flush_command(struct daemon *daemon, struct request *request,
                          struct control_client *client, struct text *out);

/* saved.c: the cache in the state directory (cache.keep). */
/* The workers run: takes what a life before has left, or removes it. Also when a predecessor
 * has ended. */
void saved_load(struct daemon *daemon);
/* The workers have ended: writes it down. */
void saved_save(struct daemon *daemon);
/* Another snapshot is in force: answers of upstreams that are not asked any more are not kept.
 */
void saved_published(struct daemon *daemon);

/* why.c: commands. */
bool why_command(struct daemon *daemon, struct request *request, struct control_client *client,
                 struct text *out);
bool explain_command(struct daemon *daemon, struct request *request,
                     struct control_client *client, struct text *out);

/* why_servers.c: what the cache knows of the name servers behind the answer of why, into places
 * for SETUP_WHY_SERVERS_MAX, which why borrows. */
struct setup_why;
struct setup_why_server;
void why_find_servers(struct daemon *daemon, struct setup_why *why,
                      struct setup_why_server *servers);
/* Whether the cache has an answer for the key; stale: also one past its time. */
bool why_find(struct daemon *daemon, const struct cache_key *key, uint64_t now_us, bool stale,
              uint8_t octets[WIRE_MESSAGE_MAX], struct cache_entry *entry);

/* top.c: commands. */
bool top_command(struct daemon *daemon, struct request *request, struct control_client *client,
                 struct text *out);
bool top_clients_command(struct daemon *daemon, struct request *request,
                         struct control_client *client, struct text *out);
/* The array "lists" of status and reload documents; dead: what is done with a dead one. */
void status_lists(struct text *out, const struct setup_snapshot *snapshot,
                  enum config_dead dead, uint64_t now_s);

#endif
