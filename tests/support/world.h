/*
 * The whole driver without a system: query engine, forwarder, cache and policy on a virtual
 * clock, clients that are arrays, and upstreams that follow a script.
 *
 * A scenario serves names, adopts lists, asks, lets time pass, and compares words:
 *
 *     struct world *world = world_create();
 *     world_serve(world, "www.example.com", WIRE_A, "www.example.com. 300 IN A 192.0.2.1\n");
 *     world_adopt(world, 1, (struct world_list){.id = "l", .rules = "block suffix
 * bad.example"}); assert_string_equal(world_words(world_ask(world, "www.example.com", WIRE_A)),
 * "...");
 *
 * Everything that is wrong with the test itself aborts.
 */
#ifndef CORDON_TESTS_SUPPORT_WORLD_H
#define CORDON_TESTS_SUPPORT_WORLD_H

#include "audit/event.h"
#include "policy/views.h"
#include "query/query.h"
#include "upstream/forward.h"

#define WORLD_REPLIES  256u
#define WORLD_SERVED   256u
#define WORLD_PACKETS  512u
#define WORLD_SERVERS  4u
#define WORLD_EVENTS   256u
#define WORLD_WORDS    4096u
#define WORLD_LISTS    8u
#define WORLD_START_US UINT64_C(1000000000000)

/* ---- clients ---- */

/* How a client asks. Zero is: over UDP, from 127.0.0.1, RD=1, EDNS with 1232 octets. */
struct world_manner {
    bool tcp;
    bool no_edns;
    bool no_recursion;
    bool dnssec_ok;
    bool checking_disabled;
    bool keepalive;
    uint16_t udp_size;     /* 0: 1232 */
    const char *from;      /* NULL: 127.0.0.1 */
    const char *local;     /* asked; NULL: 127.0.0.53@53 */
    const uint8_t *cookie; /* NULL: none */
    size_t cookie_len;
};

/* What became of one question. Its place is used anew after WORLD_REPLIES questions. */
struct world_reply {
    bool in_use;     /* the engine has not let go of it */
    unsigned sent;   /* answers: 0 or 1, or something is wrong */
    struct query *q; /* while in_use */
    uint8_t octets[WIRE_MESSAGE_MAX];
    size_t len;
    size_t size; /* that net would reserve */
    uint64_t sent_us;
    char words[WORLD_WORDS];
};

/* ---- upstreams ---- */

enum world_manners {
    SERVER_PLAIN = 0,
    SERVER_SILENT = 1,     /* never answers */
    SERVER_LOSES_CASE = 2, /* answers in lower case */
    SERVER_WRONG_ID = 4,   /* sends a wrong id before the right one */
    SERVER_WRONG_NAME = 8, /* sends an answer to another name before the right one */
    SERVER_TRUNCATES = 16, /* TC=1 over UDP */
    SERVER_SERVFAIL = 32,
    SERVER_REFUSED = 64,
    SERVER_UNREACHABLE = 128, /* -ENETUNREACH when sent to */
    SERVER_SETS_AD = 256,
    SERVER_STRANGE_IDS = 512,    /* only wrong ids: no right answer ever */
    SERVER_FLOODS = 1024,        /* as many of them as a socket bears */
    SERVER_GARBAGE = 2048,       /* the last octets are missing */
    SERVER_TC_ALWAYS = 4096,     /* TC=1, over TCP too */
    SERVER_SILENT_ON_SOME = 8192 /* never answers for names below `silent` */
};

struct world_server {
    struct address address;
    unsigned manners;
    uint64_t delay_us;         /* 0: 10 ms */
    unsigned asked, asked_tcp; /* for clients */
    unsigned probes;           /* `. NS`, while it is down or in doubt */
    uint16_t last_flags;       /* of the question that came last */
    bool last_do;
};

struct world_served {
    struct wire_name name;
    uint16_t type;
    unsigned rcode;
    uint8_t octets[WIRE_MESSAGE_MAX]; /* sections, without header and question */
    size_t len;
    uint16_t counts[3];
};

struct world_packet { /* on its way back */
    struct upstream_try *t;
    uint64_t due_us;
    uint8_t *octets;
    size_t len;
};

struct world_list {
    const char *id;
    const char *rules;         /* lines "block suffix a.example action=drop trigger=nameserver
                                  ends=chain"; other         fields are made up */
    enum policy_mode mode;     /* OFF (0) stands for ENFORCE */
    enum policy_action action; /* DEFAULT: sinkhole */
    const char *legal;         /* the legal requirement, or NULL */
    unsigned serial;           /* 0: 7 */
    bool off;
};

/* A view; the first one given is view 0, and its conditions do not count. */
struct world_view {
    const char *name;
    const char *clients; /* a prefix; NULL: all */
    const char *listen;  /* ADDRESS@PORT; NULL: all */
    const char *use;     /* the lists that count, "a b=log c=nxdomain"; NULL: all as they say */
    const char *allow;   /* names, with blanks between; NULL: none */
    const char *sinkhole; /* IPv4; NULL: 0.0.0.0 */
    enum policy_action action;
    bool log_only, deny;
    const char *targets, *name_servers, *client; /* words; NULL: log, enforce, decide */
    const struct policy_view_variant *variants;
    size_t variant_count;
};
#define WORLD_VIEWS 8u

struct world {
    struct clock_now now;
    struct timers *timers;
    struct random random;
    struct cache *cache;
    struct ring *events;
    _Atomic uint64_t events_lost;
    /* Of one that records every question, and refuses what it cannot record. */
    struct ring *questions;
    _Atomic uint64_t events_refused, questions_lost, questions_refused;
    struct query_rate *rate; /* in force if settings.rate_per_s is set */
    struct query_engine *engine;
    struct upstream *upstream;
    struct policy *policy; /* in force */
    struct policy *base;   /* of the lists; another one only after world_change() */
    struct policy_views *choice;
    struct query_view views[WORLD_VIEWS];
    struct upstream_conditions *conditions;
    uint64_t generation;
    struct query_settings settings;
    struct upstream_settings upstream_settings;
    struct world_server servers[WORLD_SERVERS];
    struct world_served *served;
    size_t served_count;
    struct world_packet packets[WORLD_PACKETS];
    size_t packet_count;
    struct wire_name *asked; /* the name of every packet ever sent upstream */
    size_t asked_count;
    struct world_reply replies[WORLD_REPLIES];
    size_t reply_next;
    uint16_t id;
    bool no_room; /* reserve gives NULL */
    char event_words[WORLD_WORDS];
    unsigned event_count;
    struct audit_event last_event;
};

/* servers: 1 to WORLD_SERVERS, at 192.0.2.1 and on. */
struct world *world_create(void);
struct world *world_create_with(unsigned servers, unsigned slots);
/* Records every question, too, and refuses those that cannot be recorded. */
struct world *world_create_recording(void);
void world_destroy(struct world *world);

/* Lets us microseconds pass; what is due on the way happens at its time. */
void world_pass(struct world *world, uint64_t us);
#define SECONDS(n)      ((uint64_t)(n)*1000000u)
#define MILLISECONDS(n) ((uint64_t)(n)*1000u)

/* Asks and does not wait. */
struct world_reply *world_send(struct world *world, const char *name, uint16_t type,
                               struct world_manner manner);
struct world_reply *world_send_octets(struct world *world, const uint8_t *octets, size_t len,
                                      struct world_manner manner);
/* Asks and waits until it ended (at most ten seconds). */
struct world_reply *world_ask_with(struct world *world, const char *name, uint16_t type,
                                   struct world_manner manner);
struct world_reply *world_ask(struct world *world, const char *name, uint16_t type);

/*
 * The answer in words, e.g. "NOERROR rd ra | www.example.com 300 A 192.0.2.1 | EDE 4 x l 7";
 * authority records have "~" before them; "nothing" if there was no answer, "waiting" if the
 * question is still there.
 */
const char *world_words(struct world_reply *reply);
/* The records alone, without flags and EDE. */
const char *world_records(struct world_reply *reply);

/* ---- upstreams (fake_upstream.c) ---- */

extern const struct upstream_io world_upstream_io;

/* Serves an answer in presentation format, a record a line; "--" begins the authority section,
 * "++" the additional one. An earlier answer to this question is replaced. */
void world_serve(struct world *world, const char *name, uint16_t type, const char *records);
void world_serve_rcode(struct world *world, const char *name, uint16_t type, unsigned rcode,
                       const char *records);
/* Packets ever sent upstream about this name, and about any. */
size_t world_asked(const struct world *world, const char *name);
/* The earliest packet on its way back; false: none. */
bool world_packet_due(const struct world *world, uint64_t *due_us);
void world_deliver(struct world *world);

/* ---- policy (lists.c) ---- */

/* Builds a policy of these lists, in this order, and lets the engine adopt it. */
void world_adopt_lists(struct world *world, size_t count, const struct world_list *lists);
#define world_adopt(world, ...)                                                               \
    world_adopt_lists((world),                                                                \
                      sizeof((struct world_list[]){__VA_ARGS__}) / sizeof(struct world_list), \
                      (struct world_list[]){__VA_ARGS__})
/* The policy of the lists with what people have changed for a while. */
void world_change(struct world *world, const struct policy_changes *changes);
/* The same for several views. */
void world_adopt_views(struct world *world, size_t count, const struct world_list *lists,
                       size_t view_count, const struct world_view *views);
struct policy *world_policy(size_t count, const struct world_list *lists, uint64_t generation);

/* ---- events ---- */

/* Takes what has been recorded since the last call, one after another, e.g.
 * "applied enforce sinkhole qname bad.example; logged log sinkhole hop1 x.example". */
const char *world_events(struct world *world);

#endif
