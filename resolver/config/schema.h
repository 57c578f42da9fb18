/*
 * config/schema.h - one row per option, and the kinds of values that rows have.
 *
 * Reading, defaults, ranges, printing, the manual and the example file all follow from the row.
 */
#ifndef CORDON_CONFIG_SCHEMA_H
#define CORDON_CONFIG_SCHEMA_H

#include "config/config.h"
#include "config/tree.h"

struct config_row;

/* What is known while a file is read. */
struct config_reader {
    struct config *config;
    struct report *report;
    const char *file;
    const char *folder; /* for relative paths */
    struct config_place listen[CONFIG_LISTEN_MAX];
    struct config_place upstreams[CONFIG_UPSTREAM_MAX];
    struct config_view *view; /* the one that is read now */
    struct config_schedule *schedule;
    struct config_place http;
    bool stages_bad;
};

enum config_read_result {
    CONFIG_READ_OK,
    CONFIG_READ_REFUSED, /* reported */
    CONFIG_READ_NO_MEMORY
};

static inline enum config_read_result config_worse(enum config_read_result a,
                                                   enum config_read_result b)
{
    return a > b ? a : b;
}

struct config_kind {
    const char *title; /* for the manual: "size" */
    /* Reads the value into the row's place in the config. */
    enum config_read_result (*read)(struct config_reader *reader, const struct config_row *row,
                                    const struct config_node *node);
    /* Writes the value as YAML behind "name:", from the space on; nothing if it is not set. */
    void (*print)(const struct config *config, const struct config_row *row, FILE *out);
};

struct config_word {
    const char *word; /* NULL ends an array */
    int value;
};

struct config_row {
    const char *name; /* "cache.size" */
    const struct config_kind *kind;
    size_t offset;        /* of the value in struct config, where one member holds it */
    const char *standard; /* the default as YAML; NULL: none, or as the manual says */
    uint64_t min, max;
    const char *zero; /* the word for 0, which then is allowed below min; or NULL */
    const struct config_word *words;
    bool reloadable;
    const char *example; /* what the example file shows where there is no default */
    const char *manual;
};

struct config_section {
    const char *name;
    const char *manual;
    /* For a section of things that the operator names, whose rows are "SECTION.NAME.option":
     * reads its mapping (0 or -ENOMEM), prints it whole, what the example file shows. NULL for
     * all others. */
    int (*read)(struct config_reader *reader, const struct config_node *node);
    void (*print)(const struct config *config, FILE *out);
    const char *example;
};

extern const struct config_row config_rows[];
extern const size_t config_row_count;
extern const struct config_section config_sections[];
extern const size_t config_section_count;

/* True if the row's name is "SECTION.option"; *option is then the part behind the dot. A
 * section may be inside of another ("update.gate") and then follows it in the table: its rows
 * are not the outer one's. */
bool config_row_is_in(const struct config_row *row, const char *section, const char **option);

/* amounts.c, values.c: one scalar. */
extern const struct config_kind config_kind_count;        /* unsigned */
extern const struct config_kind config_kind_count16;      /* uint16_t */
extern const struct config_kind config_kind_percent;      /* unsigned */
extern const struct config_kind config_kind_size;         /* uint64_t, octets */
extern const struct config_kind config_kind_seconds;      /* uint32_t */
extern const struct config_kind config_kind_milliseconds; /* uint32_t */
extern const struct config_kind config_kind_choice;       /* bool: value of the word */
extern const struct config_kind config_kind_word;         /* unsigned: value of the word */
extern const struct config_kind config_kind_ede;   /* ede and block_ede: EDE code of the word */
extern const struct config_kind config_kind_user;  /* char *, NULL if not set */
extern const struct config_kind config_kind_words; /* char *, NULL if not set */
extern const struct config_kind config_kind_origin; /* char *, NULL if not set */
extern const struct config_kind config_kind_path;   /* char * */
extern const struct config_kind config_kind_socket; /* char *, short enough for sun_path */
extern const struct config_kind config_kind_output; /* char *, "stdout" or a path */
extern const struct config_kind config_kind_action; /* char[320] */

/* places.c: addresses and prefixes. */
extern const struct config_kind config_kind_listen;
extern const struct config_kind config_kind_access;
extern const struct config_kind config_kind_operators;
extern const struct config_kind config_kind_upstreams;
extern const struct config_kind config_kind_sinkhole;

/* zones.c: zones with upstreams of their own. */
extern const struct config_kind config_kind_forward;

/* stages.c: how newer versions of lists are brought in. */
extern const struct config_kind config_kind_stages;
void config_free_stages(struct config *config);
void config_check_stages(struct config_reader *reader);
/* amounts.c: a time within these bounds, and how it is printed. */
enum config_read_result config_read_time(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node, uint64_t min_s,
                                         uint64_t max_s, uint32_t *out);
void config_print_time(uint32_t seconds, FILE *out);

/* local.c: names of the place. */
extern const struct config_kind config_kind_records;
extern const struct config_kind config_kind_hosts;
extern const struct config_kind config_kind_zone_files;
extern const struct config_kind config_kind_zones; /* rebinding_allow */

/* views.c: what some clients get. Those of VIEWS read into the view that the reader is at. */
extern const struct config_kind config_kind_allow;
extern const struct config_kind config_kind_view_clients;
extern const struct config_kind config_kind_view_listen;
extern const struct config_kind config_kind_view_use;
extern const struct config_kind config_kind_view_mode;
extern const struct config_kind config_kind_view_action;
extern const struct config_kind config_kind_view_sinkhole;
extern const struct config_kind config_kind_view_default;
/* offset: of a struct config_view_word in struct config_view. */
extern const struct config_kind config_kind_view_word;
extern const struct config_kind config_kind_view_allow;
/* caps.c: categories, scopes, confidence; of the view that the reader is at, else of policy. */
extern const struct config_kind config_kind_categories;
extern const struct config_kind config_kind_scopes;
extern const struct config_kind config_kind_confidence;
void config_print_categories(const struct config_caps *caps, FILE *out);
void config_print_scopes(const struct config_caps *caps, FILE *out);
void config_print_confidence(const struct config_caps *caps, FILE *out);

/* schedules.c: times with names. */
extern const struct config_kind config_kind_schedule_zone;
extern const struct config_kind config_kind_schedule_days;
extern const struct config_kind config_kind_schedule_hours;
extern const struct config_kind config_kind_schedule_dates;
extern const struct config_kind config_kind_schedule_except;
int config_read_schedules(struct config_reader *reader, const struct config_node *node);
void config_print_schedules(const struct config *config, FILE *out);

/* when.c: what is otherwise while they hold; of the view that the reader is at, else of policy.
 */
extern const struct config_kind config_kind_when;
void config_print_when(const struct config_whens *when, unsigned indent, FILE *out);
void config_free_when(struct config_whens *when);
/* True if any of them denies. */
bool config_when_denies(const struct config_whens *when);
/* Names of schedules, once all are read. */
void config_check_when(struct config_reader *reader);

int config_read_views(struct config_reader *reader, const struct config_node *node);
void config_print_views(const struct config *config, FILE *out);
void config_free_views(struct config *config);
/* What only shows beside server.listen and access.allow. allow, deny: the places of
 * policy.allow and policy.default. */
void config_check_views(struct config_reader *reader, struct config_place allow,
                        struct config_place deny);

/* redirects.c: a view redirects to one name. action: the place of policy.action. */
void config_check_redirects(struct config_reader *reader, struct config_place action);

/* http.c: http_socket or http_address. */
extern const struct config_kind config_kind_http;
/* Is it an address that may be listened on? Once all options are read. */
void config_check_http(struct config_reader *reader);

/* lists.c: lists and keys. */
extern const struct config_kind config_kind_use;
extern const struct config_kind config_kind_keys;
enum config_read_result config_read_keys(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node, char **keys,
                                         size_t *count); /* room for CONFIG_KEYS_MAX */
void config_print_keys(char *const *keys, size_t count, FILE *out);

/* exceptions.c: files of exceptions, and whose signatures they need. */
extern const struct config_kind config_kind_exception_files;
extern const struct config_kind config_kind_exception_keys;
/* Files, keys and threshold go together; place: of the option signed. bad: a fault of one of
 * them was reported. */
void config_check_exceptions(struct config_reader *reader, struct config_place place, bool bad);
void config_free_exceptions(struct config *config);

/* local.c: paths of files, made absolute. */
enum config_read_result config_read_files(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node, const char *what,
                                          size_t max, char **files, size_t *count);
void config_print_files(char *const *files, size_t count, FILE *out);

/* publishers.c */
extern const struct config_kind config_kind_publishers;
void config_free_publishers(struct config *config);

/* sinks.c: where events are sent. */
extern const struct config_kind config_kind_sinks;
void config_free_sinks(struct config *config);
/* Lines of decisions that nobody gets, or that share their file with a sink's, by the places of
 * audit.publish and events.to. */
void config_check_events(struct config_reader *reader, struct config_place publish,
                         struct config_place to);

/* gate.c: names that an update must not block. */
extern const struct config_kind config_kind_must_resolve;

/* sources.c */
extern const struct config_kind config_kind_sources; /* update_sources */
enum config_read_result config_read_sources(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node,
                                            struct config_sources *sources);
void config_print_sources(const struct config_sources *sources, FILE *out);
void config_free_sources(struct config_sources *sources);

/* For kinds. Each reports and returns CONFIG_READ_REFUSED, or is true if the node will do. */
enum config_read_result config_fault(struct config_reader *reader, const struct config_row *row,
                                     const struct config_node *node, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for what a section says as a whole. */
void config_fault_at(const struct config_reader *reader, const char *section,
                     struct config_place place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool config_want_scalar(struct config_reader *reader, const struct config_row *row,
                        const struct config_node *node, const char *what);
bool config_want_items(struct config_reader *reader, const struct config_row *row,
                       const struct config_node *node, size_t max, const char *what);
struct config_place config_place_of(const struct config_node *node);

/* Each item below a node by a reader; what is worst of it. Items that were reported already, or
 * whose key was, are left out. */
typedef enum config_read_result config_read_item(struct config_reader *reader,
                                                 const struct config_row *row,
                                                 const struct config_node *item, void *context);
enum config_read_result config_read_each(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node, config_read_item *read,
                                         void *context);

/* A name that the operator gives: 1 to max of a-z 0-9 and -, not - first. */
bool config_is_name(const char *text, size_t max);

/* The path that is the node's value; one that the caller has found in it. It replaces *out. */
enum config_read_result config_read_path(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node, char **out);
enum config_read_result config_take_path(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node, const char *text,
                                         char **out);

/* schema.c: enum config_choose. */
extern const struct config_word config_mode_words[], config_client_words[];
extern const struct config_word config_choose_words[];

/* Where a row's value is. */
static inline void *config_member(struct config *config, const struct config_row *row)
{
    return (char *)config + row->offset;
}

static inline const void *config_member_of(const struct config *config,
                                           const struct config_row *row)
{
    return (const char *)config + row->offset;
}

/* amounts.c: an octet count with its unit within these bounds, or the word for zero (NULL:
 * there is none), and how it is printed. */
enum config_read_result config_read_octets(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node, uint64_t min,
                                           uint64_t max, const char *zero, uint64_t *out);
void config_print_octets(uint64_t octets, FILE *out);
/* The same for a whole number. */
enum config_read_result config_read_number(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node, uint64_t min,
                                           uint64_t max, unsigned *out);

/* values.c: the value of one of these words. */
enum config_read_result config_read_word(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node,
                                         const struct config_word *words, int *value);

/* endpoints.c: one server, ADDRESS[@PORT], tls://ADDRESS[@PORT]#NAME or {address: ..., tls:
 * NAME, pins: [...]}; and its text as a file has it. */
enum config_read_result config_read_endpoint(struct config_reader *reader,
                                             const struct config_row *row,
                                             const struct config_node *node,
                                             struct endpoint *out);
void config_print_endpoint(const struct endpoint *endpoint, FILE *out);
/* The same: its pins alone. */
enum config_read_result config_read_pins(struct config_reader *reader,
                                         const struct config_row *row,
                                         const struct config_node *node, struct endpoint *out);
void config_print_pins(const struct endpoint *endpoint, FILE *out);
/* One server is named once, in whichever way it is reached. */
bool config_has_server(const struct endpoint *servers, size_t count,
                       const struct endpoint *endpoint);
enum config_read_result config_server_twice(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node,
                                            const struct endpoint *endpoint);

/* places.c: the address of one server, port 53 if it has none; an address, with_port false:
 * "@PORT" is refused. */
enum config_read_result config_read_server(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node, struct address *out);
enum config_read_result config_read_address(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node, bool with_port,
                                            struct address *out);

/* What options of the top and of views have in common; each puts what it read where it is
 * told. */
enum config_read_result config_read_action(struct config_reader *reader,
                                           const struct config_row *row,
                                           const struct config_node *node,
                                           char out[CONFIG_ACTION_MAX]);
/* An address of one link alone, and nothing says which; "..." is its text. */
bool config_lacks_interface(const struct address *address);
#define CONFIG_LACKS_INTERFACE \
    "\"%.200s\" is link-local: say on which interface, as fe80::1%%eth0"
/* False for all, for many, and for those that nobody has. */
bool config_is_one_server(const struct address *address);
enum config_read_result config_read_clients(struct config_reader *reader,
                                            const struct config_row *row,
                                            const struct config_node *node,
                                            struct address_prefix *out, size_t max,
                                            size_t *count);
enum config_read_result config_read_sinkhole(struct config_reader *reader,
                                             const struct config_row *row,
                                             const struct config_node *node, struct address *v4,
                                             struct address *v6);
/* lists: room for CONFIG_LISTS_MAX. */
enum config_read_result config_read_lists(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node,
                                          struct config_list *lists, size_t *count);
/* The same without a warning if all of them are off; room for as many as the node has. */
enum config_read_result config_read_modes(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node,
                                          struct config_list *lists, size_t *count);
/* root: what to do instead of naming the root. */
enum config_read_result config_read_names(struct config_reader *reader,
                                          const struct config_row *row,
                                          const struct config_node *node, size_t max,
                                          const char *root, struct config_names *names);
void config_print_clients(const struct address_prefix *prefixes, size_t count, FILE *out);
void config_print_sinkhole(const struct address *v4, const struct address *v6, FILE *out);
void config_print_lists(const struct config_list *lists, size_t count, unsigned indent,
                        FILE *out);
void config_print_names(const struct config_names *names, FILE *out);

/* config.c: the row of an option, config_row_count if there is none; what to say then. */
size_t config_find_row(const char *section, const char *name);
void config_unknown_option(struct config_reader *reader, const char *section,
                           const struct config_node *key);

/* The path, made absolute by way of the reader's folder; NULL if out of memory. */
char *config_join_path(const struct config_reader *reader, const char *path);
/* NULL if the text can be a path. */
const char *config_path_fault(const char *text);

/* NULL, or what is wrong with an action word. */
const char *config_action_fault(const char *text, char *note, size_t note_size);

/* Writes a scalar, in quotes if it would not read back as it is. */
void config_print_scalar(const char *text, FILE *out);

/* The candidate nearest to word, or NULL if none is near. */
const char *config_nearest(const char *word, const char *const *candidates, size_t count);

#endif
