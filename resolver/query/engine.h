/*
 * query/engine.h - inside the room: the question's struct, the engine, and the steps.
 *
 * A step is a function of a state: it does one thing and names the next state, or QUERY_WAIT.
 * The table that connects them is in run.c.
 */
#ifndef CORDON_QUERY_ENGINE_H
#define CORDON_QUERY_ENGINE_H

#include "base/pool.h"
#include "base/siphash.h"
#include "local/local.h"
#include "query/clients.h"
#include "query/learn.h"
#include "query/memo.h"
#include "query/query.h"
#include "query/ready.h"
#include "query/share.h"
#include "query/trace.h"
#include "wire/limits.h"
#include "wire/writer.h"

/* What is known for a question before policy: a message in our own form (accept.c), or that
 * there is none. Lives in the engine's scratch during one run. */
struct query_answer {
    enum cache_kind kind;
    const uint8_t *octets;
    size_t len;
    uint32_t ttl_s;  /* to keep it; 0: not at all */
    int ede;         /* of a failure */
    const char *why; /* of a failure, in words; static */
    bool cached;
    bool stale;      /* past its time */
    bool without_cd; /* it came without CD, which the question has */
    uint64_t stamp;  /* of the cache's entry: see step_recheck */
    uint32_t version;
};

/* For whom a fetch goes on although no question waits. */
enum query_holder {
    QUERY_HELD_LESSON,   /* the policy (learn.h) */
    QUERY_HELD_STALE,    /* the cache: who waited has a stale answer */
    QUERY_HELD_PREFETCH, /* the cache: its answer is nearly over */
    QUERY_HOLDERS
};

/* What a question needs beyond its slot while a redirect's target is looked for. */
struct query_redirect {
    struct wire_name target;
    uint16_t context;          /* of the target */
    struct policy_chain chain; /* of the answer that was replaced: for the event */
};

/* What the policy had found at some point, to go back to. */
struct query_mark {
    uint8_t count;
    bool more, passed;
};

struct query {
    struct query_client client;
    struct query_engine *engine;
    struct query_trace *trace; /* NULL: nobody watches */
    enum query_state state;
    enum wire_question_result parsed;
    uint8_t steps;                       /* moves since something came from outside */
    uint8_t fetches;                     /* asked for this question */
    bool admitted;                       /* its client may ask that often */
    uint8_t cookie_verdict;              /* enum query_cookie_verdict */
    uint8_t cookie[QUERY_COOKIE_OCTETS]; /* for the answer, unless the verdict is NONE */
    uint32_t packets; /* sent to upstreams for it, less those of its fetch at the beginning */
    uint8_t view;
    uint16_t context; /* of the zone that the name is in; 0: none */
    uint16_t known;   /* where the memo has it, plus one; 0: it was decided */
    uint8_t block;    /* the hit that replaces the answer, if blocked */
    bool blocked;
    bool unrecorded;  /* refused, as it could not be recorded: counted, nothing more */
    uint8_t cached;   /* enum audit_cached: whether the answer came from the cache */
    bool waited;      /* for an upstream */
    bool stale;       /* there is an answer, mostly past its time, which it may be told */
    bool stale_due;   /* and is, unless there is a better one at hand */
    bool prefetch;    /* what it found in the cache is to be fetched anew */
    uint32_t version; /* of that */
    bool counted;     /* among its client's questions */
    bool abandoned;   /* the client is gone */
    uint8_t rcode;    /* of the answer sent */
    uint64_t received_us, wall_us;
    bool aimed;            /* aim is of the name and the policy in force */
    bool remembered;       /* it may be that the memo knows what is decided of the name, */
    bool likely;           /* or that the cache has the answer */
    uint16_t hash_context; /* hash is that of the question's key in this context */
    uint64_t hash;         /* 0: none yet */
    uint64_t name_hash;    /* of cache_name_hash(); client_hash: of query_tops_hash() */
    uint64_t client_hash;
    uint8_t *out; /* reserved for the answer */
    size_t out_size, out_len;
    struct timer deadline;
    struct query_fetch *fetch; /* waited for, or NULL */
    struct query_held held;    /* while it waits */
    struct query *wait_next, *wait_prev;
    struct query *redo_next;
    struct query_redirect *redirect; /* NULL unless a target is looked for */
    struct query_learning *learning; /* NULL unless name servers were or are to be waited for */
    uint64_t servers_until_us;       /* so long it waits for them; 0: not yet said */
    bool servers_unknown;            /* they could not be judged */
    uint8_t lessons;                 /* questions about name servers that it gave rise to */
    struct query_mark asked;         /* before anything of an answer was looked at */
    struct address upstream;
    struct policy_hits hits;
    struct policy_image_aim aim; /* if aimed */
    struct wire_question question;
};

struct query_engine {
    const struct query_io *io;
    void *io_context;
    struct cache *cache;
    struct ring *events;
    _Atomic uint64_t *events_lost, *events_refused;
    struct ring *questions;
    _Atomic uint64_t *questions_lost, *questions_refused;
    struct timers *timers;
    const struct policy *policy;
    const struct query_settings *settings;
    struct query_ready ready; /* for this policy and these settings */
    struct clock_now now;
    struct query_counters counters;
    struct query_latency latency;
    uint32_t untimed[QUERY_PATHS]; /* answers since the time was told */
    struct query_tops *tops;
    struct query_memo *memo;      /* for this policy and these settings */
    struct query_clients clients; /* of these settings */
    struct query_loop *loop;
    struct query_rate *rate; /* shared with the other workers; NULL: none is limited */
    struct query_cookies cookies;
    struct query_shares *shares;
    unsigned waiting; /* questions */
    unsigned places;  /* of which so many may have a socket to an upstream at a time */
    struct pool *queries, *fetches, *redirects, *learnings;
    /* Fetches in flight: by question, and all of them. */
    struct query_fetch **table;
    uint32_t table_mask;
    uint8_t table_key[SIPHASH_KEY_OCTETS];
    struct query_fetch *all;
    bool adopting; /* fetches that nobody waits for stay until every question is decided */
    /* Name servers (learn.h). */
    bool learns; /* some view has rules about them */
    struct query_learning *all_learnings;
    unsigned late;                /* of these, events of answers that are sent */
    unsigned held[QUERY_HOLDERS]; /* fetches */
    struct query_budget budget;
    struct random *random; /* the setup's */
    /* During query_fetch_done. */
    const struct query_fetch *done;
    const struct query_fetch_result *result;
    struct query_answer accepted; /* of the fetch, for all that wait */
    uint32_t kept_s;              /* as cache_put() says of it */
    /* During one run. */
    struct query_answer answer;
    struct policy_chain chain;      /* of the answer */
    struct policy_chain chain_rest; /* of it behind a hop */
    uint8_t place[WIRE_RECORDS_MAX];
    uint8_t accepted_octets[QUERY_SCRATCH_OCTETS];
    uint8_t cached_octets[QUERY_SCRATCH_OCTETS];
    struct query_origins origins;
    struct query_lack lacks[QUERY_LESSONS_PER_QUERY_MAX];
    unsigned lack_count;
    struct wire_name hosts[QUERY_HOSTS_MAX];
    unsigned host_count;
    struct policy_hits spare_hits;
    uint8_t learned_octets[QUERY_SCRATCH_OCTETS];
};

/* run.c: moves q on from a state until it waits or is gone. */
void query_drive(struct query_engine *engine, struct query *q, enum query_state state);

/* trace.c: a step of a question that is watched. */
enum query_state
query_trace_step(struct query_engine *engine, struct query *q, enum query_state state,
                 enum query_state (*run)(struct query_engine *engine, struct query *q));
/* Something that happened beside the steps; q->trace is not NULL. */
void query_note(struct query *q, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The steps. */
/* decide.c */
struct query_mark query_mark_hits(const struct query *q);
void query_reset_hits(struct query *q, const struct query_mark *mark);

enum query_state step_parse(struct query_engine *engine, struct query *q);
enum query_state step_client(struct query_engine *engine, struct query *q);
enum query_state step_local(struct query_engine *engine, struct query *q);
enum query_state step_decide(struct query_engine *engine, struct query *q);
enum query_state step_lookup(struct query_engine *engine, struct query *q);
enum query_state step_join(struct query_engine *engine, struct query *q);
enum query_state step_ask(struct query_engine *engine, struct query *q);
enum query_state step_accept(struct query_engine *engine, struct query *q);
enum query_state step_store(struct query_engine *engine, struct query *q);
enum query_state step_recheck(struct query_engine *engine, struct query *q);
enum query_state step_servers(struct query_engine *engine, struct query *q);
enum query_state step_send(struct query_engine *engine, struct query *q);
enum query_state step_record(struct query_engine *engine, struct query *q);
enum query_state step_free(struct query_engine *engine, struct query *q);

/* accept.c: what a finished fetch is worth. The message is put into accepted_octets: only
 * records on the chain from the question (and proofs for DO), TTLs bounded, AD cleared. */
void query_accept(struct query_engine *engine, const struct query_fetch *fetch,
                  const struct query_fetch_result *result, struct query_answer *out);

/* local.c: what this place says of a name, and its records. A zone with upstreams of its own
 * comes before what is special about a name. Returns the zone's context, or 0. */
uint16_t query_find_local(const struct query_engine *engine, const struct wire_name *name,
                          uint16_t type, struct local_answer *answer);
/* Writes them as the records of owner (lower case). Returns the response code. */
unsigned query_write_local(struct wire_writer *writer, const struct wire_name *owner,
                           uint16_t type, const struct local_answer *answer);

/* admit.c: QUERY_CLIENT if the question is to be looked at; else the answer is written, or
 * there is none. */
enum query_state query_admit(struct query_engine *engine, struct query *q);

/* told.c: the answer to a question of class CH. */
enum query_state query_tell(struct query_engine *engine, struct query *q);

/* block.c: in the SOA of our own negative answers: names nobody (RFC 6303, 3). */
extern const struct wire_name query_soa_rname;

/* True if an answer from outside leads inside, and may not. */
bool query_is_rebinding(const struct query_engine *engine, const struct query *q,
                        const struct wire_message *message);
enum query_state respond_rebinding(struct query_engine *engine, struct query *q);

/* lookup.c */
void query_key_of(const struct query *q, struct cache_key *key);
struct cache_key query_key_of_fetch(const struct query_fetch *fetch);
/* hot. Puts the answer that the cache has under this stamp into engine->answer; false: it has
 * none, and nothing has happened. */
bool query_find_stamped(struct query_engine *engine, struct query *q,
                        const struct cache_key *key, uint64_t stamp);
/* Puts an answer past its time into engine->answer, if q may be told one: to be checked as any
 * other is. */
bool query_find_stale(struct query_engine *engine, struct query *q);
/* For how long nobody is asked for that key after a failure. */
uint32_t query_failure_ttl_s(struct query_engine *engine, const struct cache_key *key);

/* hold.c */
/* False: as many fetches are held so as may be. */
bool query_may_hold(const struct query_engine *engine, enum query_holder holder);
/* Has a fetch go on until then, whoever waits. One that is held goes on as it would have, and
 * more packets may leave. False: it cannot. */
bool query_hold(struct query_engine *engine, struct query_fetch *fetch,
                enum query_holder holder, uint64_t until_us);
void query_let_go(struct query_engine *engine, struct query_fetch *fetch);
/* Asks for what q has found in the cache, so that those who come later need not wait. */
void query_prefetch(struct query_engine *engine, const struct query *q);

/* join.c */
/* In flight; NULL: it is not. */
struct query_fetch *query_find_fetch(const struct query_engine *engine,
                                     const struct cache_key *key);
/* A new one, not asked yet; NULL: too many are in flight. Dropped before it is asked, or when
 * that has failed. */
struct query_fetch *query_add_fetch(struct query_engine *engine, const struct cache_key *key);
void query_drop_fetch(struct query_engine *engine, struct query_fetch *fetch);
/* Its time is over: a failure. */
void query_keep_timeout(struct query_engine *engine, const struct query_fetch *fetch);
void query_cancel_if_idle(struct query_engine *engine, struct query_fetch *fetch);
/* A place to wait in, beside the slot; false: there is none, or its client has its share. */
bool query_take_place(struct query_engine *engine, struct query *q);
void query_give_back_place(struct query_engine *engine, struct query *q);
/* q no longer waits. A fetch that nobody waits for is cancelled. */
void query_leave_fetch(struct query_engine *engine, struct query *q);
void query_cancel_idle_fetches(struct query_engine *engine);

/* respond.c: each writes an answer into what io->reserve gives and names the next state
 * (QUERY_SEND; QUERY_RECORD if there is nowhere to write). */
enum query_state respond_message(struct query_engine *engine, struct query *q,
                                 const struct wire_message *message);
enum query_state respond_empty(struct query_engine *engine, struct query *q, unsigned rcode,
                               uint16_t flags, int ede, const char *ede_text);
/* One record of the asked name and type, and nothing else. */
enum query_state respond_record(struct query_engine *engine, struct query *q, uint32_t ttl_s,
                                const uint8_t *rdata, size_t rdata_len, int ede,
                                const char *ede_text);
enum query_state respond_any(struct query_engine *engine, struct query *q);
/* SERVFAIL; for a blocked question whose redirect led nowhere, the sinkhole. */
enum query_state respond_failure(struct query_engine *engine, struct query *q, int ede,
                                 const char *words);
/* The same where it may be that no more packets could be sent for this question. */
enum query_state respond_fetch_failure(struct query_engine *engine, struct query *q, int ede,
                                       const char *words);
/* For those that write records: begins a message with the question; false: nowhere to. Then
 * ends it with OPT, or TC=1 if it is too large. */
bool respond_begin(struct query_engine *engine, struct query *q, struct wire_writer *writer);
enum query_state respond_end(struct query_engine *engine, struct query *q,
                             struct wire_writer *writer, unsigned rcode, int ede,
                             const char *ede_text);

/* Room for the answer, once; q->out_size is then how large it may be. False: there is nowhere
 * to write. And the header's flags. */
bool respond_reserve(struct query_engine *engine, struct query *q);
uint16_t respond_flags(const struct query *q, unsigned rcode);

/* rotate.c: has chance say which of an answer's addresses comes first, where the operator wants
 * that. What was written so far are the question and the answer's records. */
void query_rotate(struct query_engine *engine, const struct query *q,
                  const struct wire_writer *writer);

/* ready.c: hot. The answer of a blocked question by what is ready for it; rcode: NOERROR for
 * NODATA, or NXDOMAIN. False: it is to be written the general way. */
bool query_ready_forged(struct query_engine *engine, struct query *q);
bool query_ready_negative(struct query_engine *engine, struct query *q, unsigned rcode);
/* hot. The same of engine->answer, which is as it was put into the cache, and of whose octets
 * nobody has to know more than that they begin with this very question. */
bool query_ready_cached(struct query_engine *engine, struct query *q);

/* block.c */
/* Answers by the action of hit q->block. May go on to QUERY_LOOKUP for a redirect. */
enum query_state query_block(struct query_engine *engine, struct query *q);
enum query_state block_sinkhole(struct query_engine *engine, struct query *q);
#define BLOCK_TEXT_SIZE (WIRE_EDE_TEXT_MAX + 1)
/* "provider list serial", and the code for an answer that is forged or not. */
int block_ede(const struct query_engine *engine, const struct query *q, bool forged,
              char text[BLOCK_TEXT_SIZE]);
/* The code for an answer that is not forged; said: NULL for another ground than RULE. */
int block_code(const struct query_settings *settings, const struct policy_said *said);
/* The SOA of a negative answer. */
void block_write_soa(struct wire_writer *writer, const struct wire_name *owner, uint32_t serial,
                     uint32_t ttl_s);

/* servers.c: true if this answer, which all other triggers let through, is to be judged by its
 * name servers. */
bool query_wants_servers(const struct query_engine *engine, const struct query *q);

/* respond.c: what an event says of a question, but for the rule; and an event for each hit, of
 * which `applied` (below 0: none) has replaced the answer. */
void query_decision_of(const struct query_engine *engine, const struct query *q,
                       struct audit_decision *out);
void query_put_events(struct query_engine *engine, const struct policy_hits *hits, int applied,
                      struct audit_decision *decision, const struct policy_chain *chain);
/* For the lists of what is blocked most, beside the client: the first rule, which had this hit,
 * stands for all of them. */
void query_count_list(struct query_engine *engine, const struct policy_hit *hit, bool blocked);
void query_count_name(struct query_engine *engine, const struct wire_name *name,
                      uint64_t name_hash, bool blocked, uint64_t times);

/* redirect.c */
enum query_state redirect_start(struct query_engine *engine, struct query *q);
enum query_state redirect_finish(struct query_engine *engine, struct query *q,
                                 const struct wire_message *message);
void redirect_forget(struct query_engine *engine, struct query *q);

#endif
