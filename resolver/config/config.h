/*
 * config/config.h - the configuration: one file, checked whole, all faults reported.
 *
 * A strict subset of YAML (libyaml does the tokens): mappings and sequences of plain or quoted
 * scalars; no anchors, aliases, tags, duplicate or unknown keys, no second document. What an
 * option is - its name, type, default, range, whether a reload may change it, its text for the
 * manual - is one row of config/schema.c.
 */
#ifndef CORDON_CONFIG_CONFIG_H
#define CORDON_CONFIG_CONFIG_H

#include "base/endpoint.h"
#include "base/report.h"
#include "base/schedule.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONFIG_OCTETS_MAX       (1u << 20)
#define CONFIG_LISTEN_MAX       32u
#define CONFIG_UPSTREAM_MAX     32u
#define CONFIG_ACCESS_MAX       256u
#define CONFIG_OPERATORS_MAX    64u
#define CONFIG_LISTS_MAX        128u
#define CONFIG_KEYS_MAX         32u
#define CONFIG_EXCEPTIONS_MAX   16u   /* files of exceptions: more are one larger file */
#define CONFIG_RECORDS_MAX      8192u /* of local.records; more belong into hosts files */
#define CONFIG_HOSTS_MAX        16u
#define CONFIG_ZONE_FILES_MAX   64u
#define CONFIG_ZONES_MAX        256u
#define CONFIG_FORWARD_MAX      64u /* zones with upstreams of their own */
#define CONFIG_ZONE_SERVERS_MAX 8u
#define CONFIG_ORIGIN_MAX       200u  /* a number can follow it in the name of a key */
#define CONFIG_CONTACT_MAX      256u  /* octets: it is one line of a screen */
#define CONFIG_TEXT_MAX         4096u /* octets of one scalar */
#define CONFIG_ACTION_MAX       320u  /* "redirect:*." and a name, as text */

#define CONFIG_VIEWS_MAX        63u /* and the one that is called default */
#define CONFIG_VIEW_NAME_MAX    24u /* is told whole in the text of Extended DNS Errors */
#define CONFIG_VIEW_CLIENTS_MAX 64u /* prefixes of one view: more belong into larger ones */
#define CONFIG_VIEW_LISTEN_MAX  8u  /* addresses of one view */
#define CONFIG_STAGES_MAX       8u  /* of bringing in a newer list: more would take weeks */
#define CONFIG_SCHEDULES_MAX    64u /* each has its zone in memory */
#define CONFIG_WHEN_MAX         16u /* of one view: parts of a day and of a week */
#define CONFIG_CATEGORIES_MAX   64u /* words with a mode: the lists have some 50 */
#define CONFIG_CATEGORY_MAX     32u /* octets of such a word, as in lists */
#define CONFIG_SCOPES           5u
#define CONFIG_ALLOW_MAX        1000u /* names that a view allows; more belong into a list */

/* Words are numbers with a fixed meaning; the daemon maps them to the rooms' own enums. */
enum config_mode {
    CONFIG_MODE_OFF,
    CONFIG_MODE_LOG,
    CONFIG_MODE_ENFORCE
};

/* How one server of several is chosen. */
enum config_choose {
    CONFIG_CHOOSE_FASTEST,
    CONFIG_CHOOSE_ORDERED,
    CONFIG_CHOOSE_HASHED
};

/* Where something stands in the file, for faults that are found later; line 0: it is a
 * default. */
struct config_place {
    size_t line, column;
};

struct config_list {
    char id[65];
    enum config_mode mode;
    char action[CONFIG_ACTION_MAX]; /* "" : the default; else a word of
                                       blocklists/FORMAT.md */
    bool no_stages;                 /* stages: off */
    struct config_place place;      /* of the id */
};

struct config_names {
    struct wire_name *at;
    size_t count;
};

struct config_category {
    char word[CONFIG_CATEGORY_MAX + 1];
    enum config_mode mode;
};

/* At most this is done by rules of a category, a scope, a confidence. What is not said (has_...
 * false) is as above; above it is always said. */
struct config_caps {
    bool has_categories, has_scopes, has_confidence;
    struct config_category categories[CONFIG_CATEGORIES_MAX];
    size_t category_count;
    uint8_t scopes[CONFIG_SCOPES]; /* enum config_mode; in the order of config_scope_words */
    uint8_t log, apply; /* the least confidence: 0 low, 1 medium, 2 high; apply is not less */
};

extern const char *const config_scope_words[CONFIG_SCOPES];

/* What the operator says of all clients of a view. */
enum config_client {
    CONFIG_CLIENT_DECIDE,
    CONFIG_CLIENT_PASS,
    CONFIG_CLIENT_LOG,
    CONFIG_CLIENT_BLOCK
};

/* A word that a view may leave to what stands above. */
struct config_view_word {
    bool has;
    unsigned value;
};

/* Times by the clock of a place. */
struct config_schedule {
    char name[CONFIG_VIEW_NAME_MAX + 1];
    struct config_place place; /* of the name */
    char zone[ZONE_NAME_MAX + 1];
    struct config_place zone_place;
    struct schedule times;
};

/* What is said instead while a schedule holds. What is not said is as without it. */
struct config_when {
    char schedule[CONFIG_VIEW_NAME_MAX + 1];
    struct config_place place; /* of the schedule's name */
    bool has_mode, has_action, has_default;
    bool log_only;
    char action[CONFIG_ACTION_MAX];
    bool deny;
    struct config_list *lists; /* these alone are otherwise; those that are new come last */
    size_t list_count;
};

struct config_whens {
    struct config_when *at; /* the first whose schedule holds counts */
    size_t count;
};

/* What some clients get instead of what policy: and lists: say. What is not said here (has_...
 * false) is as there. */
struct config_view {
    char name[CONFIG_VIEW_NAME_MAX + 1];
    struct config_place place; /* of the name */
    bool bad;                  /* a fault was reported inside */
    struct address_prefix clients[CONFIG_VIEW_CLIENTS_MAX];
    size_t client_count; /* 0: all */
    struct config_place clients_place;
    struct address listen[CONFIG_VIEW_LISTEN_MAX];
    struct config_place listen_places[CONFIG_VIEW_LISTEN_MAX];
    size_t listen_count; /* 0: all */
    bool has_use, has_mode, has_action, has_sinkhole, has_default, has_allow;
    struct config_list *lists;
    size_t list_count;
    bool log_only;
    char action[CONFIG_ACTION_MAX];
    struct address sinkhole4, sinkhole6;
    bool deny;
    struct config_names allow;
    struct config_caps caps;
    struct config_view_word targets, name_servers, client;
    bool has_when;
    struct config_whens when;
};

/* Where an updater fetches from: mirrors of each other, tried in their order. */
#define CONFIG_SOURCES_MAX       8u
#define CONFIG_SOURCE_OCTETS_MAX 1000u

enum config_source_kind {
    CONFIG_SOURCE_NONE, /* no source */
    CONFIG_SOURCE_HTTPS,
    CONFIG_SOURCE_HTTP,
    CONFIG_SOURCE_FOLDER
};

#define CONFIG_KEPT_MAX 100u /* versions of a publisher in the updater's folder */

struct config_sources {
    char *at[CONFIG_SOURCES_MAX]; /* URLs and paths, without a slash at the end */
    size_t count;
};

/* Which http:// sources may be asked. */
enum config_clear {
    CONFIG_CLEAR_OFF,
    CONFIG_CLEAR_LOCAL, /* loopback, private and link-local addresses */
    CONFIG_CLEAR_ANY
};

/* What the gate before an update asks for. */
#define CONFIG_MUST_RESOLVE_MAX 1000u

struct config_gate {
    struct config_names must_resolve;
    unsigned growth_percent, shrink_percent; /* of rules; 0: any */
    unsigned drift_percent;                  /* growth since the oldest kept version; 0: any */
    unsigned small_rules;                    /* as few may change in any list */
    uint32_t replay_s;                       /* how far back; 0: not at all */
    unsigned replay_names, replay_clients;   /* newly hit, at most; 0: any */
};

/* Publishers beside that of lists.directory, lists of each, and lines of each kind of scope:
 * the ratchet remembers 16 publishers. */
#define CONFIG_PUBLISHERS_MAX      15u
#define CONFIG_PUBLISHER_LISTS_MAX 64u
#define CONFIG_PUBLISHER_SCOPE_MAX 64u

/* A publisher of lists with a root and a folder of its own, and of what its lists may speak. */
struct config_publisher {
    char name[65];
    char *directory, *root;
    char lists[CONFIG_PUBLISHER_LISTS_MAX][65];
    size_t list_count;
    char providers[CONFIG_PUBLISHER_SCOPE_MAX][65];
    size_t provider_count;
    struct config_names names; /* each with all below it */
    struct address_prefix prefixes[CONFIG_PUBLISHER_SCOPE_MAX];
    size_t prefix_count;
    struct config_sources sources; /* none: cordon-update leaves it alone */
};

/* What a start does without lists of lists.directory. */
enum config_missing {
    CONFIG_MISSING_STOP, /* it fails */
    CONFIG_MISSING_PASS  /* it goes on without them */
};

/* What is done with a list that has been stale for too long. */
enum config_dead {
    CONFIG_DEAD_ENFORCE, /* what it says */
    CONFIG_DEAD_REFUSE,  /* every question of the views that enforce it is refused */
    CONFIG_DEAD_PASS     /* it only records */
};
const char *config_dead_word(enum config_dead dead); /* as trust.dead has it */

/* One step of bringing in the newer version of a list. Neither share nor views: it is recorded
 * what it would do. */
struct config_stage {
    uint32_t for_s;
    uint16_t share; /* of the clients, per mille; 0: none */
    char (*views)[CONFIG_VIEW_NAME_MAX + 1];
    size_t view_count;
    struct config_place place;
};

/* A zone with upstreams of its own. */
struct config_zone {
    struct wire_name name;
    struct endpoint servers[CONFIG_ZONE_SERVERS_MAX];
    size_t count;
    bool exempt;     /* policy: exempt */
    bool has_choose; /* else upstreams.choose counts */
    enum config_choose choose;
    size_t line, column; /* of the zone's name */
};

/* An address of a local name. */
struct config_record {
    char *name; /* as it was written */
    struct address address;
};

/* How clients are recorded. */
enum config_audit_client {
    CONFIG_AUDIT_FULL,
    CONFIG_AUDIT_PREFIX,
    CONFIG_AUDIT_PSEUDONYM,
    CONFIG_AUDIT_ABSENT,
    CONFIG_AUDIT_SAME /* of questions: as of decisions */
};

/* Words of events.to that are no paths. */
#define CONFIG_EVENTS_STDOUT "stdout"
#define CONFIG_EVENTS_NONE   "none"

/* Where checkpoints of the audit log are told, beside the log. */
enum config_publish {
    CONFIG_PUBLISH_NONE,
    CONFIG_PUBLISH_EVENTS, /* a line among the events */
    CONFIG_PUBLISH_SYSLOG,
    CONFIG_PUBLISH_BOTH
};

/* Where events are sent, beside the log. Each has a thread and a queue of its own. */
#define CONFIG_SINKS_MAX     8u
#define CONFIG_SINK_NAME_MAX 24u

enum config_sink_format {
    CONFIG_SINK_JSON,
    CONFIG_SINK_OCSF,
    CONFIG_SINK_DNSTAP,
    CONFIG_SINK_SYSLOG
};

enum config_sink_place {
    CONFIG_SINK_NOWHERE,
    CONFIG_SINK_FILE,
    CONFIG_SINK_UNIX,
    CONFIG_SINK_UDP,
    CONFIG_SINK_TCP,
    CONFIG_SINK_TLS
};

struct config_sink {
    char name[CONFIG_SINK_NAME_MAX + 1];
    unsigned format;        /* enum config_sink_format */
    unsigned place;         /* enum config_sink_place */
    char *path;             /* of a file or unix socket; else NULL */
    struct endpoint server; /* of the others; its transport means nothing */
    char *ca;               /* of TLS: path of CA certificates; NULL: those of the system */
    bool has_streams, decisions, queries, changes;
    bool of_files, of_syslog; /* an option was said that others have no use for */
    uint64_t queue_octets;
    uint64_t rotate_octets; /* of a file; 0: never */
    unsigned keep;          /* rotated files */
    unsigned facility;      /* of syslog */
    unsigned enterprise;    /* of syslog: the private enterprise number in its data's name */
};

struct config {
    /* server: */
    struct address listen[CONFIG_LISTEN_MAX];
    size_t listen_count;
    unsigned workers; /* 0: one per core */
    bool steer;       /* questions go to the worker of the processor that received them */
    char *user;       /* NULL: stay who we are */
    bool sandbox;     /* give up rights, as far as can be */
    struct address_prefix operators[CONFIG_OPERATORS_MAX];
    size_t operator_count;
    /* access: */
    struct address_prefix access[CONFIG_ACCESS_MAX];
    size_t access_count;
    bool refuse_silently;
    unsigned rate;      /* questions a second of one client; 0: any number */
    unsigned rate_slip; /* 0: none */
    /* upstreams: */
    struct endpoint upstreams[CONFIG_UPSTREAM_MAX];
    size_t upstream_count;
    bool upstreams_from_system; /* the word "system": what /etc/resolv.conf names */
    struct config_zone *forward;
    size_t forward_count;
    unsigned choose;         /* enum config_choose */
    unsigned hedge_percent;  /* of questions; 0: off */
    bool follow;             /* changes of resolv_conf, where it counts */
    char *resolv_conf;       /* its path */
    char *tls_ca;            /* path of CA certificates; NULL: those of the system */
    bool letter_case_random; /* 0x20 */
    uint32_t deadline_ms;
    uint32_t name_server_wait_ms; /* of policy: */
    /* local: */
    bool local_special;
    uint32_t local_ttl_s;
    struct config_record *records; /* those of a name stand together */
    size_t record_count;
    char *hosts[CONFIG_HOSTS_MAX]; /* paths */
    size_t hosts_count;
    char *zone_files[CONFIG_ZONE_FILES_MAX]; /* paths */
    size_t zone_file_count;
    bool rebinding_protection;
    struct config_names rebinding_allow;
    /* cache: */
    uint64_t cache_octets;
    uint32_t ttl_min_s, ttl_max_s, negative_ttl_max_s, failure_ttl_s;
    uint32_t stale_max_s, stale_wait_ms, stale_ttl_s, stale_retry_s; /* serve_stale, ... */
    bool prefetch;
    bool cache_keep;
    /* policy: */
    bool log_only; /* mode: log */
    char action[CONFIG_ACTION_MAX];
    bool deny;                      /* default: deny */
    unsigned targets, name_servers; /* enum config_mode */
    unsigned client;                /* enum config_client */
    struct config_names allow;
    struct config_caps caps;
    struct config_whens when;
    uint32_t block_ttl_s;
    struct address sinkhole4, sinkhole6;
    bool ede;
    int block_ede; /* -1: as the list says */
    char *contact; /* whom a person asks whose name is blocked; NULL: not said */
    /* lists: */
    char *list_directory;
    unsigned when_missing; /* enum config_missing */
    struct config_list lists[CONFIG_LISTS_MAX];
    struct config_stage stages[CONFIG_STAGES_MAX]; /* in their order */
    size_t stage_count;
    size_t list_count;
    /* schedules: */
    struct config_schedule *schedules;
    size_t schedule_count;
    /* views: */
    struct config_view *views;
    size_t view_count;
    /* trust: */
    char *keys[CONFIG_KEYS_MAX]; /* paths of .pub files, or their base64 line */
    size_t key_count;
    unsigned threshold;
    bool keys_given;       /* else they are the standard ones */
    char *root;            /* path of the root of trust that is pinned; NULL: not said */
    unsigned dead;         /* enum config_dead */
    uint32_t dead_after_s; /* 0: never */
    uint32_t lists_keep;   /* versions of each that were in force; 0: none */
    struct config_publisher *publishers;
    size_t publisher_count;
    /* update: */
    struct config_sources update_sources; /* of the publisher of lists.directory */
    char *update_directory;
    char *update_ca;       /* path of CA certificates; NULL: those of the system */
    unsigned update_clear; /* enum config_clear */
    unsigned update_keep;
    uint32_t update_every_s;
    uint32_t update_connect_ms, update_stalled_s, update_timeout_s;
    uint64_t update_octets; /* of all files of one publisher */
    bool update_used_only;  /* lists: used */
    struct config_gate gate;
    /* exceptions: */
    char *exception_files[CONFIG_EXCEPTIONS_MAX]; /* paths */
    size_t exception_file_count;
    char *exception_keys[CONFIG_KEYS_MAX]; /* as keys */
    size_t exception_key_count;
    unsigned exception_threshold;
    bool exceptions_signed;    /* signed: required */
    uint32_t exception_warn_s; /* before an exception ends; 0: never */
    /* events: */
    char *events_to; /* CONFIG_EVENTS_STDOUT, CONFIG_EVENTS_NONE, or a path */
    uint64_t events_rotate_octets;
    unsigned events_keep;
    /* audit: */
    bool audit_decisions, audit_queries;
    char *audit_directory; /* NULL: "audit" in the state directory */
    bool audit_decisions_refuse, audit_queries_refuse; /* when-full */
    uint64_t audit_octets;                             /* of the whole log; 0: no bound */
    uint64_t audit_file_octets;
    uint32_t audit_block_s;
    uint32_t audit_checkpoint_s;
    unsigned audit_checkpoint_events;
    unsigned audit_client, audit_queries_client;           /* enum config_audit_client */
    unsigned audit_prefix_v4, audit_prefix_v6;             /* bits */
    bool audit_names_hashed;                               /* of questions */
    uint32_t audit_pseudonym_keys_s;                       /* after the day */
    uint32_t audit_keep_decisions_s, audit_keep_queries_s; /* 0: for ever */
    uint64_t audit_decisions_octets, audit_queries_octets; /* 0: a share of audit_octets */
    char *audit_origin;     /* NULL: made of the name of this machine */
    unsigned audit_publish; /* enum config_publish */
    struct config_sink *sinks;
    size_t sink_count;
    /* the rest */
    uint16_t udp_size;
    bool rotate;
    char *state_directory;
    char *control_socket;
    /* http: one of the two, or neither */
    char *http_socket;           /* path */
    struct address http_address; /* family 0: none */
    bool http_network;           /* it may be reached from elsewhere */
};

/*
 * Reads and checks the file. Relative paths in it are taken from the file's own folder.
 * 0; CORDON_E_REFUSED with everything found in the report as file:line:column; -errno,
 * CORDON_E_TOO_LARGE. path NULL: all defaults. The result is freed by config_free.
 */
int config_read(const char *path, struct report *report, struct config **config);

/* The same for octets in memory; folder: for relative paths. */
int config_parse(const char *text, size_t len, const char *file, const char *folder,
                 struct report *report, struct config **config);
void config_free(struct config *config); /* NULL is fine */

/* The file that lines of decisions go to; NULL: standard output, or none. */
const char *config_events_file(const struct config *config);
bool config_has_events(const struct config *config); /* false: events.to is none */

/* What a source is, by its text; NULL, or what is wrong with it. */
enum config_source_kind config_source_kind(const char *source);
const char *config_source_fault(const char *source);

/* What was understood, as a file that reads back the same. */
void config_print(const struct config *config, FILE *out);

/* Names the options that differ and that only a restart changes, as warnings. */
void config_report_restart(const struct config *old, const struct config *new, const char *file,
                           struct report *report);

/* The table of options for the manual, in scdoc syntax; and the example file. */
void config_print_manual(FILE *out);
void config_print_example(FILE *out);

/*
 * Reads "nameserver" lines of a resolv.conf (port 53). Addresses that are also in listen are
 * left out and reported (a resolver must not ask itself). Number found, or -errno.
 */
int config_read_resolv_conf(const char *path, const struct address *listen, size_t listen_count,
                            struct address *out, size_t max, struct report *report);

#endif
