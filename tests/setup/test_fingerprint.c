/* setup/fingerprint: what decides is in it, in its own part; what does not is in none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/schema.h"
#include "setup/fingerprint.h"
#include "setup/limits.h"
#include "setup/setup.h"
#include "setup/views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t text_a[DIGEST_OCTETS] = {0xaa, 1};
static const uint8_t text_b[DIGEST_OCTETS] = {0xbb, 2};

static const struct setup_fingerprint_list two_lists[] = {
    {"cloud-a", "acme", 7, text_a, false, NULL, NULL},
    {"cloud-b", "", 12, text_b, false, NULL, NULL}};

static struct config *read_config(const char *text)
{
    struct config *config = NULL;
    struct report report;

    report_init(&report);
    const int rc = config_parse(text, strlen(text), "t", "/", &report, &config);
    if (rc != 0) {
        report_print(&report, stderr);
        print_error("%s\n", text);
    }
    report_deinit(&report);
    assert_int_equal(rc, 0);
    return config;
}

static struct setup_fingerprint *
of_config(const struct config *config, const struct setup_fingerprint_list *lists, size_t count)
{
    struct setup_fingerprint *made = NULL;
    struct setup_views views;

    assert_int_equal(setup_views_init(config, NULL, &views), 0);
    const struct setup_fingerprint_source source = {
        .config = config, .views = &views, .lists = lists, .list_count = count};
    assert_int_equal(setup_fingerprint_make(&source, &made), 0);
    setup_views_deinit(&views);
    return made;
}

static struct setup_fingerprint *of(const char *text)
{
    struct config *config = read_config(text);
    struct setup_fingerprint *made = of_config(config, two_lists, 2);

    config_free(config);
    return made;
}

#define BIT(part) (1u << SETUP_FINGERPRINT_##part)

/* A bit for each part that differs; and so must the totals. */
static unsigned difference(const struct setup_fingerprint *a, const struct setup_fingerprint *b)
{
    unsigned parts = 0;

    for (unsigned i = 0; i < SETUP_FINGERPRINT_PARTS; i++) {
        const bool same = digest_equal(a->parts[i]->hash, b->parts[i]->hash);

        assert_int_equal(same, strcmp(a->parts[i]->lines, b->parts[i]->lines) == 0);
        parts |= same ? 0 : 1u << i;
    }
    assert_int_equal(digest_equal(a->total, b->total), parts == 0);
    return parts;
}

static unsigned between(const char *a, const char *b)
{
    struct setup_fingerprint *one = of(a);
    struct setup_fingerprint *two = of(b);
    const unsigned parts = difference(one, two);

    setup_fingerprint_free(one);
    setup_fingerprint_free(two);
    return parts;
}

static void wants(const char *what, unsigned found, unsigned wanted)
{
    if (found != wanted) {
        for (unsigned i = 0; i < SETUP_FINGERPRINT_PARTS; i++) {
            if (((found ^ wanted) & 1u << i) != 0) {
                print_error("%s: the part %s %s\n", what,
                            setup_fingerprint_name((enum setup_fingerprint_number)i),
                            (found & 1u << i) != 0 ? "differs" : "is the same");
            }
        }
        fail();
    }
}

/* --- every option of the table --- */

#define VIEW  "views: {v: {clients: [10.0.0.0/8], "
#define NIGHT "schedules: {night: {zone: UTC, hours: [\"22:00-06:00\"]}}\n"
#define WHEN  "\npolicy: {when: [{schedule: night, mode: log}]}\n"
#define KEY_A "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"

/*
 * One row for each option of config/schema.c: the part that it changes, and two configurations
 * that differ in this option alone. A new option needs a row here, and its owner's answer to
 * one question: could two resolvers that differ in it alone decide differently about a
 * question? Then it belongs into a part (setup/fingerprint_parts.c, docs/updates.md). What is
 * said of a place (addresses, paths, sizes, who may ask, whom it asks, its own names) does not.
 */
static const struct option {
    const char *name;
    unsigned parts;
    const char *a, *b;
} options[] = {
    /* of a place, or of a machine */
    {"server.listen", 0, "", "server: {listen: [192.0.2.1@53]}"},
    {"server.workers", 0, "", "server: {workers: 3}"},
    {"server.steer", 0, "", "server: {steer: on}"},
    {"server.user", 0, "", "server: {user: nobody}"},
    {"server.sandbox", 0, "", "server: {sandbox: off}"},
    {"server.operators", 0, "", "server: {operators: [private]}"},
    {"server.rotate", 0, "", "server: {rotate: on}"},
    {"server.udp-size", 0, "", "server: {udp-size: 1400}"},
    {"access.allow", 0, "", "access: {allow: [192.0.2.0/24]}"},
    {"access.others", 0, "", "access: {others: drop}"},
    {"access.rate", 0, "", "access: {rate: 10}"},
    {"access.slip", 0, "", "access: {slip: off}"},
    {"upstreams.servers", 0, "", "upstreams: {servers: [192.0.2.53]}"},
    {"upstreams.zones", BIT(EXEMPT),
     "upstreams: {zones: {a.example: {servers: [192.0.2.5]}, b.example: {servers: [192.0.2.5], "
     "policy: exempt}}}",
     "upstreams: {zones: {a.example: {servers: [192.0.2.5], policy: exempt}, b.example: "
     "{servers: [192.0.2.5], policy: exempt}}}"},
    {"upstreams.choose", 0, "", "upstreams: {choose: ordered}"},
    {"upstreams.hedge", 0, "", "upstreams: {hedge: off}"},
    {"upstreams.tls-ca", 0, "", "upstreams: {tls-ca: /tmp/ca.pem}"},
    {"upstreams.resolv-conf", 0, "", "upstreams: {resolv-conf: /tmp/resolv.conf}"},
    {"upstreams.follow", 0, "", "upstreams: {follow: off}"},
    {"upstreams.letter-case", 0, "", "upstreams: {letter-case: plain}"},
    {"upstreams.deadline", 0, "", "upstreams: {deadline: 5s}"},
    {"local.special", 0, "", "local: {special: off}"},
    {"local.records", 0, "", "local: {records: {a.example: 192.0.2.1}}"},
    {"local.hosts", 0, "", "local: {hosts: [/tmp/hosts]}"},
    {"local.zones", 0, "", "local: {zones: [/tmp/zone]}"},
    {"local.ttl", 0, "", "local: {ttl: 5m}"},
    {"local.rebinding-protection", BIT(ANSWERS), "", "local: {rebinding-protection: on}"},
    {"local.rebinding-allow", BIT(ANSWERS), "local: {rebinding-protection: on}",
     "local: {rebinding-protection: on, rebinding-allow: [corp.example]}"},
    {"cache.size", 0, "", "cache: {size: 128MiB}"},
    {"cache.ttl-min", 0, "", "cache: {ttl-min: 1m}"},
    {"cache.keep", 0, "", "cache: {keep: on}"},
    {"cache.ttl-max", 0, "", "cache: {ttl-max: 1h}"},
    {"cache.negative-ttl-max", 0, "", "cache: {negative-ttl-max: 1m}"},
    {"cache.failure-ttl", 0, "", "cache: {failure-ttl: 1s}"},
    {"cache.prefetch", 0, "", "cache: {prefetch: off}"},
    {"cache.serve-stale", 0, "", "cache: {serve-stale: 1d}"},
    {"cache.stale-wait", 0, "cache: {serve-stale: 1d}",
     "cache: {serve-stale: 1d, stale-wait: 1s}"},
    {"cache.stale-ttl", 0, "cache: {serve-stale: 1d}",
     "cache: {serve-stale: 1d, stale-ttl: 1s}"},
    {"cache.stale-retry", 0, "cache: {serve-stale: 1d}",
     "cache: {serve-stale: 1d, stale-retry: 1s}"},
    /* what decides */
    {"policy.mode", BIT(VIEWS), "", "policy: {mode: log}"},
    {"policy.action", BIT(VIEWS), "", "policy: {action: nxdomain}"},
    {"policy.default", BIT(VIEWS), "", "policy: {default: deny}"},
    {"policy.allow", BIT(VIEWS), "policy: {default: deny, allow: [a.example]}",
     "policy: {default: deny, allow: [a.example, b.example]}"},
    {"policy.client", BIT(VIEWS), "", "policy: {client: log}"},
    {"policy.targets", BIT(VIEWS), "", "policy: {targets: enforce}"},
    {"policy.name-servers", BIT(VIEWS), "", "policy: {name-servers: off}"},
    {"policy.name-server-wait", BIT(ANSWERS), "", "policy: {name-server-wait: 0ms}"},
    {"policy.categories", BIT(VIEWS), "", "policy: {categories: {mail: log}}"},
    {"policy.scopes", BIT(VIEWS), "", "policy: {scopes: {consumer: log}}"},
    {"policy.confidence", BIT(VIEWS), "", "policy: {confidence: {apply: high}}"},
    {"policy.when", BIT(SCHEDULES), NIGHT "policy: {when: [{schedule: night, mode: log}]}",
     NIGHT "policy: {when: [{schedule: night, mode: enforce}]}"},
    {"policy.block-ttl", BIT(ANSWERS), "", "policy: {block-ttl: 30s}"},
    {"policy.sinkhole", BIT(ANSWERS), "", "policy: {sinkhole: [192.0.2.1, \"2001:db8::1\"]}"},
    {"policy.ede", BIT(ANSWERS), "", "policy: {ede: filtered}"},
    {"policy.contact", 0, "", "policy: {contact: the desk}"},
    {"lists.directory", 0, "", "lists: {directory: /tmp/lists}"},
    {"lists.when-missing", 0, "", "lists: {when-missing: pass}"}, /* the lists themselves do */
    {"lists.stages", 0, "", "lists: {stages: [{for: 1d, mode: log}]}"},
    {"lists.use", BIT(LISTS), "lists: {use: {cloud-a: enforce, cloud-b: log}}",
     "lists: {use: {cloud-a: enforce, cloud-b: enforce}}"},
    {"schedules.NAME.zone", BIT(SCHEDULES), NIGHT WHEN,
     "schedules: {night: {zone: Europe/Berlin, hours: [\"22:00-06:00\"]}}" WHEN},
    {"schedules.NAME.days", BIT(SCHEDULES), NIGHT WHEN,
     "schedules: {night: {zone: UTC, hours: [\"22:00-06:00\"], days: [mon]}}" WHEN},
    {"schedules.NAME.hours", BIT(SCHEDULES), NIGHT WHEN,
     "schedules: {night: {zone: UTC, hours: [\"22:00-06:01\"]}}" WHEN},
    {"schedules.NAME.dates", BIT(SCHEDULES), NIGHT WHEN,
     "schedules: {night: {zone: UTC, hours: [\"22:00-06:00\"], dates: [2026-12-24]}}" WHEN},
    {"schedules.NAME.except", BIT(SCHEDULES), NIGHT WHEN,
     "schedules: {night: {zone: UTC, hours: [\"22:00-06:00\"], except: [2026-12-24]}}" WHEN},
    {"views.NAME.clients", BIT(VIEWS), VIEW "mode: log}}",
     "views: {v: {clients: [10.0.0.0/9], mode: log}}"},
    {"views.NAME.listen", BIT(VIEWS), "server: {listen: [192.0.2.1@53]}\n" VIEW "mode: log}}",
     "server: {listen: [192.0.2.1@53]}\n" VIEW "mode: log, listen: [192.0.2.1@53]}}"},
    {"views.NAME.use", BIT(LISTS),
     "lists: {use: {cloud-a: enforce}}\n" VIEW "use: {cloud-a: log}}}",
     "lists: {use: {cloud-a: enforce}}\n" VIEW "use: {cloud-a: {mode: log, action: drop}}}}"},
    {"views.NAME.mode", BIT(VIEWS), VIEW "}}", VIEW "mode: log}}"},
    {"views.NAME.action", BIT(VIEWS), VIEW "}}", VIEW "action: \"redirect:*.w.example\"}}"},
    {"views.NAME.sinkhole", BIT(ANSWERS), VIEW "}}", VIEW "sinkhole: [192.0.2.2]}}"},
    {"views.NAME.default", BIT(VIEWS), VIEW "}}", VIEW "default: deny}}"},
    {"views.NAME.allow", BIT(VIEWS), VIEW "default: deny}}",
     VIEW "default: deny, allow: [a.example]}}"},
    {"views.NAME.client", BIT(VIEWS), VIEW "}}", VIEW "client: block}}"},
    {"views.NAME.targets", BIT(VIEWS), VIEW "}}", VIEW "targets: off}}"},
    {"views.NAME.name-servers", BIT(VIEWS), VIEW "}}", VIEW "name-servers: log}}"},
    {"views.NAME.categories", BIT(VIEWS), VIEW "}}", VIEW "categories: {mail: off}}}"},
    {"views.NAME.scopes", BIT(VIEWS), VIEW "}}", VIEW "scopes: {cdn: off}}}"},
    {"views.NAME.confidence", BIT(VIEWS), VIEW "}}", VIEW "confidence: {log: medium}}}"},
    {"views.NAME.when", BIT(SCHEDULES), NIGHT WHEN VIEW "}}", NIGHT WHEN VIEW "when: []}}"},
    /* by whose word texts count: which ones do is in `lists` and `exceptions` */
    {"trust.keys", 0, "", "trust: {keys: [" KEY_A "], threshold: 1}"},
    {"trust.threshold", 0, "", "trust: {threshold: 3}"},
    {"trust.root", 0, "", "trust: {root: /tmp/1.root}"},
    {"trust.publishers", 0, "",
     "trust: {publishers: {partner: {directory: /tmp/p, root: /tmp/p/1.root, lists: [other], "
     "providers: [partner], names: [partner.example]}}}"},
    {"trust.dead-after", BIT(LISTS), "trust: {dead: refuse}",
     "trust: {dead: refuse, dead-after: 1d}"},
    {"trust.dead", BIT(LISTS), "trust: {dead-after: 1d}",
     "trust: {dead-after: 1d, dead: pass}"},
    {"exceptions.files", 0, "", "exceptions: {files: [/tmp/e.exceptions]}"},
    {"exceptions.keys", 0, "", "exceptions: {files: [/tmp/e], keys: [" KEY_A "]}"},
    {"exceptions.threshold", 0, "", "exceptions: {threshold: 1}"},
    {"exceptions.signed", 0, "",
     "exceptions: {files: [/tmp/e], keys: [" KEY_A "], signed: required}"},
    {"exceptions.warn", 0, "", "exceptions: {warn: 2d}"},
    /* what comes next is not in force */
    {"update.sources", 0, "", "update: {sources: [\"https://lists.example/\"]}"},
    {"update.directory", 0, "", "update: {directory: /tmp/update}"},
    {"lists.keep", 0, "", "lists: {keep: 9}"},
    {"update.keep", 0, "", "update: {keep: 9}"},
    {"update.every", 0, "", "update: {every: 2h}"},
    {"update.lists", 0, "", "update: {lists: used}"},
    {"update.size", 0, "", "update: {size: 9MiB}"},
    {"update.ca", 0, "", "update: {ca: /tmp/ca.pem}"},
    {"update.http", 0, "", "update: {http: any}"},
    {"update.connect", 0, "", "update: {connect: 7s}"},
    {"update.stalled", 0, "", "update: {stalled: 77s}"},
    {"update.timeout", 0, "", "update: {timeout: 77s}"},
    {"update.gate.must-resolve", 0, "", "update: {gate: {must-resolve: [a.example]}}"},
    {"update.gate.growth", 0, "", "update: {gate: {growth: 7%}}"},
    {"update.gate.shrink", 0, "", "update: {gate: {shrink: 7%}}"},
    {"update.gate.drift", 0, "", "update: {gate: {drift: 7%}}"},
    {"update.gate.small", 0, "", "update: {gate: {small: 7}}"},
    {"update.gate.replay", 0, "", "update: {gate: {replay: 5d}}"},
    {"update.gate.replay-names", 0, "", "update: {gate: {replay-names: 7}}"},
    {"update.gate.replay-clients", 0, "", "update: {gate: {replay-clients: 7}}"},
    /* what is told, and where */
    {"events.to", 0, "", "events: {to: /tmp/events}"},
    {"events.rotate", 0, "", "events: {rotate: 1MiB}"},
    {"events.keep", 0, "", "events: {keep: 9}"},
    /* what cannot be recorded may stop an answer, and turns none into another */
    {"audit.decisions", 0, "", "audit: {decisions: off}"},
    {"audit.queries", 0, "", "audit: {queries: on}"},
    {"audit.directory", 0, "", "audit: {directory: /tmp/audit}"},
    {"audit.decisions-when-full", 0, "", "audit: {decisions-when-full: refuse}"},
    {"audit.queries-when-full", 0, "", "audit: {queries-when-full: refuse}"},
    {"audit.octets", 0, "", "audit: {octets: 2GiB}"},
    {"audit.decisions-octets", 0, "", "audit: {decisions-octets: 7MiB}"},
    {"audit.queries-octets", 0, "", "audit: {queries-octets: 7MiB}"},
    {"audit.decisions-keep", 0, "", "audit: {decisions-keep: 77d}"},
    {"audit.queries-keep", 0, "", "audit: {queries-keep: 7d}"},
    {"audit.client", 0, "", "audit: {client: prefix}"},
    {"audit.queries-client", 0, "", "audit: {queries-client: pseudonym}"},
    {"audit.prefix-v4", 0, "", "audit: {prefix-v4: 16}"},
    {"audit.prefix-v6", 0, "", "audit: {prefix-v6: 56}"},
    {"audit.names", 0, "", "audit: {names: hashed}"},
    {"audit.pseudonym-keys", 0, "", "audit: {pseudonym-keys: 7d}"},
    {"audit.file", 0, "", "audit: {file: 32MiB}"},
    {"audit.block-time", 0, "", "audit: {block-time: 7s}"},
    {"audit.checkpoint-time", 0, "", "audit: {checkpoint-time: 7m}"},
    {"audit.checkpoint-events", 0, "", "audit: {checkpoint-events: 77}"},
    {"audit.origin", 0, "", "audit: {origin: r7.example/audit}"},
    {"audit.publish", 0, "", "audit: {publish: events}"},
    {"audit.sinks", 0, "", "audit: {sinks: {siem: {to: \"file:/tmp/siem\"}}}"},
    {"control.socket", 0, "", "control: {socket: /tmp/c/s}"},
    {"http.listen", 0, "", "http: {listen: 127.0.0.1@9153}"},
    {"http.reach", 0, "", "http: {reach: network, listen: 192.0.2.1@9153}"},
    {"state.directory", 0, "", "state: {directory: /tmp/state}"},
};

static const struct option *find_option(const char *name)
{
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (strcmp(options[i].name, name) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

/* The two are two configurations, and the second says the option. */
static void check_row(const struct option *option)
{
    char *texts[2] = {NULL, NULL};
    const char *sources[] = {option->a, option->b};
    const char *last = strrchr(option->name, '.') + 1;

    for (size_t i = 0; i < 2; i++) {
        struct config *config = read_config(sources[i]);
        size_t len = 0;
        FILE *out = open_memstream(&texts[i], &len);

        config_print(config, out);
        assert_int_equal(fclose(out), 0);
        config_free(config);
    }
    if (strstr(option->b, last) == NULL ||
        (strcmp(texts[0], texts[1]) == 0 &&
         strcmp(option->name, "exceptions.threshold") != 0)) {
        print_error("%s: its row changes nothing\n", option->name);
        fail();
    }
    free(texts[0]);
    free(texts[1]);
}

static void every_option_that_decides_changes_its_part_and_no_other_any(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_row_count; i++) {
        const struct option *option = find_option(config_rows[i].name);

        if (option == NULL) {
            print_error("%s is in no row of tests/setup/test_fingerprint.c: say there whether "
                        "it decides, and in which part of the fingerprint it is\n",
                        config_rows[i].name);
            fail();
        }
        check_row(option);
        wants(option->name, between(option->a, option->b), option->parts);
    }
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        size_t row = 0;

        while (row < config_row_count && strcmp(config_rows[row].name, options[i].name) != 0) {
            row++;
        }
        assert_true(row < config_row_count); /* it is there still */
    }
}

/* --- what the table does not say --- */

static void parts_of_an_option_that_decide_apart(void **state)
{
    static const struct {
        const char *what;
        unsigned parts;
        const char *a, *b;
    } rows[] = {
        {"the order of lists", BIT(LISTS), "lists: {use: {cloud-a: log, cloud-b: log}}",
         "lists: {use: {cloud-b: log, cloud-a: log}}"},
        {"an action of a list", BIT(LISTS), "lists: {use: {cloud-a: enforce}}",
         "lists: {use: {cloud-a: {mode: enforce, action: drop}}}"},
        {"a target of a list", BIT(LISTS),
         "lists: {use: {cloud-a: {mode: log, action: \"redirect:a.example\"}}}",
         "lists: {use: {cloud-a: {mode: log, action: \"redirect:b.example\"}}}"},
        {"a target with the name before it", BIT(VIEWS),
         "policy: {action: \"redirect:a.example\"}",
         "policy: {action: \"redirect:*.a.example\"}"},
        {"a list that is off is not named", 0, "lists: {use: {cloud-a: log, cloud-b: off}}",
         "lists: {use: {cloud-a: log}}"},
        {"a category at its full mode is not named", 0, "",
         "policy: {categories: {mail: enforce}, scopes: {cdn: enforce}}"},
        {"death that changes nothing", 0, "", "trust: {dead: refuse}"},
        {"death that changes nothing", 0, "", "trust: {dead-after: 1d}"},
        {"an unused schedule", 0, "", NIGHT},
        {"the name of a view", BIT(VIEWS) | BIT(ANSWERS) | BIT(LISTS),
         "lists: {use: {cloud-a: log}}\nviews: {a: {clients: [10.0.0.0/8]}}",
         "lists: {use: {cloud-a: log}}\nviews: {b: {clients: [10.0.0.0/8]}}"},
        {"what no view denies needs no leave", BIT(VIEWS), "",
         "policy: {allow: [a.example], default: deny}"},
        {"rebinding-allow without protection", 0, "", "local: {rebinding-allow: [a.example]}"},
        {"the action of a schedule", BIT(SCHEDULES), NIGHT WHEN,
         NIGHT "policy: {when: [{schedule: night, mode: log, action: drop}]}"},
        {"the default of a schedule", BIT(SCHEDULES), NIGHT WHEN,
         NIGHT "policy: {when: [{schedule: night, mode: log, default: deny}]}"},
        {"a list of a schedule", BIT(SCHEDULES), NIGHT WHEN,
         NIGHT "policy: {when: [{schedule: night, mode: log, lists: {cloud-a: enforce}}]}"},
        {"the order of new lists of a schedule", BIT(SCHEDULES),
         NIGHT
         "lists: {use: {cloud-a: log}}\npolicy: {when: [{schedule: night, lists: {x: log, "
         "y: log}}]}",
         NIGHT
         "lists: {use: {cloud-a: log}}\npolicy: {when: [{schedule: night, lists: {y: log, "
         "x: log}}]}"},
        {"the order of schedules", BIT(SCHEDULES),
         "schedules: {a: {zone: UTC}, b: {zone: UTC, days: [mon]}}\npolicy: {when: [{schedule: "
         "a, mode: log}, {schedule: b, action: drop}]}",
         "schedules: {a: {zone: UTC}, b: {zone: UTC, days: [mon]}}\npolicy: {when: [{schedule: "
         "b, action: drop}, {schedule: a, mode: log}]}"},
        {"no EDE at all", BIT(ANSWERS), "", "policy: {ede: off}"},
        {"who comes first where two views may be meant", BIT(VIEWS),
         "server: {listen: [0.0.0.0@53]}\nviews: {a: {listen: [192.0.2.1@53]}, b: {listen: "
         "[0.0.0.0@53], mode: log}}",
         "server: {listen: [0.0.0.0@53]}\nviews: {b: {listen: [0.0.0.0@53], mode: log}, a: "
         "{listen: [192.0.2.1@53]}}"},
        {"the same of some clients", BIT(VIEWS),
         "server: {listen: [0.0.0.0@53]}\nviews: {a: {clients: [10.0.0.0/8], listen: "
         "[192.0.2.1@53]}, b: {clients: [10.0.0.0/8, 10.0.0.0/9], listen: [0.0.0.0@53]}}",
         "server: {listen: [0.0.0.0@53]}\nviews: {b: {clients: [10.0.0.0/8, 10.0.0.0/9], "
         "listen: [0.0.0.0@53]}, a: {clients: [10.0.0.0/8], listen: [192.0.2.1@53]}}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wants(rows[i].what, between(rows[i].a, rows[i].b), rows[i].parts);
    }
}

/* The longest zone counts: one inside of an exempt one may be decided about all the same. */
static void zones_inside_of_exempt_ones(void **state)
{
    static const char outer[] =
        "upstreams: {zones: {example: {servers: [192.0.2.5], policy: exempt}}}";
    static const char apply[] =
        "upstreams: {zones: {example: {servers: [192.0.2.5], policy: exempt}, a.example: "
        "[192.0.2.5]}}";
    static const char exempt[] =
        "upstreams: {zones: {example: {servers: [192.0.2.5], policy: exempt}, a.example: "
        "{servers: [192.0.2.6], policy: exempt}}}";
    static const char deep[] =
        "upstreams: {zones: {example: {servers: [192.0.2.5], policy: exempt}, a.example: "
        "[192.0.2.5], b.a.example: {servers: [192.0.2.6], policy: exempt}}}";
    static const char elsewhere[] =
        "upstreams: {zones: {example: {servers: [192.0.2.5], policy: exempt}, a.test: "
        "[192.0.2.5]}}";

    (void)state;
    wants("apply inside of exempt", between(outer, apply), BIT(EXEMPT));
    wants("exempt inside of exempt", between(outer, exempt), 0);
    wants("exempt inside of apply", between(apply, deep), BIT(EXEMPT));
    wants("apply elsewhere", between(outer, elsewhere), 0);
}

static void an_order_that_says_nothing_changes_nothing(void **state)
{
    (void)state;
    wants(
        "order",
        between("policy: {default: deny, allow: [a.example, b.example], categories: {mail: "
                "log, cdn: off}, scopes: {cdn: log, cloud: off}, mode: log}\n"
                "upstreams: {zones: {a.example: {servers: [192.0.2.5], policy: exempt}, "
                "b.example: {servers: [192.0.2.6], policy: exempt}}}\n"
                "schedules: {a: {zone: UTC, hours: [\"01:00-02:00\", \"03:00-04:00\"], dates: "
                "[2026-01-01, 2026-02-02], except: [2026-03-03, 2026-04-04]}, b: {zone: "
                "UTC}}\n"
                "lists: {use: {cloud-a: log, cloud-b: log}}\n"
                "views: {x: {clients: [10.0.0.0/8, 192.168.0.0/16], when: [{schedule: a, "
                "lists: {cloud-a: enforce, cloud-b: off}}, {schedule: b, mode: log}]}, y: "
                "{clients: [172.16.0.0/12]}}\n",
                "views: {y: {clients: [172.16.0.0/12]}, x: {when: [{lists: {cloud-b: off, "
                "cloud-a: enforce}, schedule: a}, {mode: log, schedule: b}], clients: "
                "[192.168.0.0/16, 10.0.0.0/8]}}\n"
                "lists: {use: {cloud-a: log, cloud-b: log}}\n"
                "schedules: {b: {zone: UTC}, a: {except: [2026-04-04, 2026-03-03], dates: "
                "[2026-02-02, 2026-01-01], hours: [\"03:00-04:00\", \"01:00-02:00\"], zone: "
                "UTC}}\n"
                "upstreams: {zones: {b.example: {policy: exempt, servers: [192.0.2.6]}, "
                "a.example: {servers: [192.0.2.5], policy: exempt}}}\n"
                "policy: {mode: log, scopes: {cloud: off, cdn: log}, categories: {cdn: off, "
                "mail: log}, allow: [b.example, a.example], default: deny}\n"),
        0);
}

static void of_a_list_everything_decides(void **state)
{
    static const struct {
        const char *what;
        struct setup_fingerprint_list list;
        unsigned parts;
    } rows[] = {
        {"the same", {"cloud-a", "acme", 7, text_a, false, NULL, NULL}, 0},
        {"its serial", {"cloud-a", "acme", 8, text_a, false, NULL, NULL}, BIT(LISTS)},
        {"its text", {"cloud-a", "acme", 7, text_b, false, NULL, NULL}, BIT(LISTS)},
        {"its publisher", {"cloud-a", "", 7, text_a, false, NULL, NULL}, BIT(LISTS)},
        {"its id", {"cloud-c", "acme", 7, text_a, false, NULL, NULL}, BIT(LISTS)},
        {"its death", {"cloud-a", "acme", 7, text_a, true, NULL, NULL}, BIT(LISTS)},
    };
    struct config *config = read_config("trust: {dead: pass, dead-after: 1d}");
    struct config *enforces = read_config("trust: {dead-after: 1d}");
    const struct setup_fingerprint_list here = rows[0].list;
    struct setup_fingerprint *base = of_config(config, &here, 1);
    struct setup_fingerprint *none = of_config(config, NULL, 0);
    struct setup_fingerprint *turned;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct setup_fingerprint *other = of_config(config, &rows[i].list, 1);

        wants(rows[i].what, difference(base, other), rows[i].parts);
        setup_fingerprint_free(other);
    }
    wants("none", difference(base, none), BIT(LISTS));
    setup_fingerprint_free(base);
    setup_fingerprint_free(none);
    /* a dead list that is enforced all the same is like any other */
    base = of_config(enforces, &here, 1);
    none = of_config(enforces, &rows[5].list, 1);
    wants("dead and enforced", difference(base, none), 0);
    setup_fingerprint_free(base);
    setup_fingerprint_free(none);
    /* in whatever order they were loaded */
    const struct setup_fingerprint_list reversed[] = {two_lists[1], two_lists[0]};
    base = of_config(config, two_lists, 2);
    turned = of_config(config, reversed, 2);
    wants("order of loading", difference(base, turned), 0);
    setup_fingerprint_free(base);
    setup_fingerprint_free(turned);
    config_free(config);
    config_free(enforces);
}

static void a_list_that_is_held_is_told_with_those_who_have_the_newer_one(void **state)
{
    static const struct setup_held held = {.id = "cloud-a", .version = {.serial = 7}};
    static const struct {
        bool is_staged;
        struct setup_staged staged;
        const char *line;
    } rows[] = {
        {false, {.share = 0}, "held cloud-a 7 waits -\n"},
        {true, {.share = 0}, "held cloud-a 7 recorded -\n"},
        {true, {.share = 100}, "held cloud-a 7 share 100/1000\n"},
        {true, {.views = 6}, "held cloud-a 7 views desk,pilot\n"},
        {true, {.views = 3, .share = 5}, "held cloud-a 7 views 5/1000,default,pilot\n"},
    };
    struct config *config = read_config(
        "views: {pilot: {clients: [10.0.0.0/8]}, desk: {clients: [172.16.0.0/12]}}\n");
    struct setup_fingerprint *base = of_config(config, two_lists, 1);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct setup_fingerprint_list list = two_lists[0];

        list.held = &held;
        list.staged = rows[i].is_staged ? &rows[i].staged : NULL;
        struct setup_fingerprint *other = of_config(config, &list, 1);
        wants(rows[i].line, difference(base, other), BIT(HELD));
        assert_string_equal(other->parts[SETUP_FINGERPRINT_HELD]->lines, rows[i].line);
        setup_fingerprint_free(other);
    }
    setup_fingerprint_free(base);
    config_free(config);
}

/* --- what people change --- */

#define NIGHT_S 1700000000u /* 2023-11-14, 22:13:20 UTC */

static struct setup_snapshot *snapshot_at(const char *text, uint64_t now_s)
{
    struct setup_snapshot *snapshot = NULL;
    struct config *config = read_config(text);
    struct report report;

    report_init(&report);
    const int rc = setup_snapshot_make(config, 1, now_s, &report, &snapshot);
    if (rc != 0) {
        report_print(&report, stderr);
    }
    report_deinit(&report);
    assert_int_equal(rc, 0);
    return snapshot;
}

static struct setup_snapshot *snapshot_of(const char *text)
{
    return snapshot_at(text, NIGHT_S);
}

#define BARE                                                                                   \
    "upstreams: {servers: [192.0.2.53]}\nlists: {use: {}}\nstate: {directory: /nonexistent}\n" \
    "trust: {keys: [" KEY_A "], threshold: 1}\n"

/* The same snapshot with these changes, beside that without any. */
static unsigned changed(struct setup_snapshot *root,
                        const struct setup_fingerprint_changes *changes)
{
    static const struct policy_changes nothing = {.exceptions = NULL};
    struct setup_snapshot *derived = NULL;

    assert_int_equal(setup_snapshot_derive(root, &nothing, NIGHT_S, 2, &derived), 0);
    assert_ptr_equal(derived->fingerprint, root->fingerprint);
    assert_int_equal(setup_fingerprint_change(derived, changes), 0);
    assert_ptr_not_equal(derived->fingerprint, root->fingerprint);
    assert_ptr_equal(derived->settings.told, &derived->fingerprint->told);
    const unsigned parts = difference(root->fingerprint, derived->fingerprint);
    setup_snapshot_free(derived);
    return parts;
}

static struct policy_exception exception(const char *name)
{
    struct policy_exception made = {.view = POLICY_ANY_VIEW};

    assert_int_equal(wire_name_from_text(name, strlen(name), &made.name), 0);
    return made;
}

static void exceptions_and_pauses_are_in_their_parts(void **state)
{
    struct setup_snapshot *root = snapshot_of(BARE "views: {v: {clients: [10.0.0.0/8]}}");
    const char *const paused[] = {"cloud-a", "not-loaded"};
    const struct setup_fingerprint_file file = {"leave", 3, text_a};
    struct policy_exception one = exception("a.example");
    struct setup_fingerprint_changes changes = {.files = NULL};

    (void)state;
    snprintf(root->lists[0].id, sizeof(root->lists[0].id),
             "cloud-a"); /* as if it were loaded */
    root->list_count = 1;
    wants("nothing", changed(root, &changes), 0);
    changes.paused = paused;
    changes.paused_count = 2;
    wants("a pause", changed(root, &changes), BIT(PAUSES));
    changes.paused = paused + 1;
    changes.paused_count = 1;
    wants("a pause of what is not there", changed(root, &changes), 0);
    changes.pause_all = true;
    wants("a pause of all", changed(root, &changes), BIT(PAUSES));
    changes = (struct setup_fingerprint_changes){.files = &file, .file_count = 1};
    wants("a file", changed(root, &changes), BIT(EXCEPTIONS));
    changes = (struct setup_fingerprint_changes){.exceptions = &one, .exception_count = 1};
    wants("an exception", changed(root, &changes), BIT(EXCEPTIONS));
    setup_snapshot_free(root);
}

/* The lines of one exception. */
static char *exception_lines(struct setup_snapshot *root, const struct policy_exception *one)
{
    static const struct policy_changes nothing = {.exceptions = NULL};
    const struct setup_fingerprint_changes changes = {.exceptions = one, .exception_count = 1};
    struct setup_snapshot *derived = NULL;

    assert_int_equal(setup_snapshot_derive(root, &nothing, NIGHT_S, 2, &derived), 0);
    assert_int_equal(setup_fingerprint_change(derived, &changes), 0);
    char *lines = strdup(derived->fingerprint->parts[SETUP_FINGERPRINT_EXCEPTIONS]->lines);
    setup_snapshot_free(derived);
    return lines;
}

static void assert_exception(struct setup_snapshot *root, const struct policy_exception *one,
                             const char *wanted)
{
    char *lines = exception_lines(root, one);

    assert_string_equal(lines, wanted);
    free(lines);
}

static void what_an_exception_decides_is_told_and_not_who_asked_for_it(void **state)
{
    struct setup_snapshot *root = snapshot_of(BARE "views: {v: {clients: [10.0.0.0/8]}}");
    struct policy_exception one = exception("a.example");

    (void)state;
    assert_exception(root, &one, "exception * suffix own a.example\n");
    snprintf(one.ticket, sizeof(one.ticket), "T-1");
    snprintf(one.id, sizeof(one.id), "abc");
    snprintf(one.approver, sizeof(one.approver), "somebody");
    assert_exception(root, &one, "exception * suffix own a.example\n");
    one.exact = true;
    assert_exception(root, &one, "exception * exact own a.example\n");
    one.chain = true;
    assert_exception(root, &one, "exception * exact chain a.example\n");
    one.view = 1;
    assert_exception(root, &one, "exception v exact chain a.example\n");
    assert_null(policy_exception_read_rule("l: block suffix a.example", 25, &one));
    assert_exception(root, &one, "exception v rule chain l: block suffix a.example\n");
    /* A long name is told by the hash of its line, by b2sum -l 256. */
    one = exception("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
                    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example");
    assert_exception(root, &one,
                     "exception * suffix own "
                     "1:6ea59e7fbdb9b384aec49e35b5c50061b9b7224fc1706c2149975746342c2ce1\n");
    setup_snapshot_free(root);
}

static void a_schedule_that_begins_or_ends_changes_nothing(void **state)
{
    static const struct policy_changes nothing = {.exceptions = NULL};
    static const struct setup_fingerprint_changes none = {.files = NULL};
    const char *text = BARE "schedules: {night: {zone: UTC, hours: [\"22:00-06:00\"]}}\n"
                            "policy: {when: [{schedule: night, mode: log}]}";
    struct setup_snapshot *night = snapshot_at(text, NIGHT_S);
    struct setup_snapshot *day = snapshot_at(text, NIGHT_S + 43200);
    struct setup_snapshot *later = NULL;

    (void)state;
    assert_int_equal(night->moment.variants[0], 1);
    assert_int_equal(day->moment.variants[0], 0);
    wants("at the start", difference(night->fingerprint, day->fingerprint), 0);
    assert_int_equal(setup_snapshot_derive(night, &nothing, NIGHT_S + 43200, 2, &later), 0);
    assert_int_equal(setup_fingerprint_change(later, &none), 0);
    assert_int_equal(later->moment.variants[0], 0);
    wants("later", difference(night->fingerprint, later->fingerprint), 0);
    setup_snapshot_free(later);
    setup_snapshot_free(night);
    setup_snapshot_free(day);
}

/* --- the text itself --- */

/* Another text for the same policy would be another format: SETUP_FINGERPRINT_FORMAT. The
 * hashes are those of b2sum(1): printf 'cordon-fingerprint 1 exempt\nexempt corp.example\n' |
 * b2sum -l 256. */
static const struct {
    const char *lines, *hash;
} golden[SETUP_FINGERPRINT_PARTS] = {
    [SETUP_FINGERPRINT_LISTS] =
        {"dead refuse 86400\n"
         "list cloud-a 7 aa01000000000000000000000000000000000000000000000000000000000000 "
         "enforce acme\n"
         "list cloud-b 12 bb02000000000000000000000000000000000000000000000000000000000000 off "
         "-\n"
         "use default 001 cloud-a enforce -\n"
         "use guests 001 cloud-b log redirect:*.wall.example\n"
         "use others 001 cloud-a enforce -\n",
         "4499410e44c23c8d0b4a66d14b09dcbbcafb527346addefc7b9a04153f61180c"},
    [SETUP_FINGERPRINT_VIEWS] =
        {"before guests others\n"
         "view default action sinkhole\n"
         "view default allow -\n"
         "view default categories -\n"
         "view default client decide\n"
         "view default clients -\n"
         "view default confidence log=low,apply=low\n"
         "view default default allow\n"
         "view default listen -\n"
         "view default mode enforce\n"
         "view default name-servers enforce\n"
         "view default scopes -\n"
         "view default targets log\n"
         "view guests action nxdomain\n"
         "view guests allow b.example,corp.example\n"
         "view guests categories cdn=off,mail=log\n"
         "view guests client log\n"
         "view guests clients 10.0.0.0/8,2001:db8::/32\n"
         "view guests confidence log=low,apply=high\n"
         "view guests default deny\n"
         "view guests listen 192.0.2.1@53\n"
         "view guests mode log\n"
         "view guests name-servers off\n"
         "view guests scopes consumer=log\n"
         "view guests targets enforce\n"
         "view others action sinkhole\n"
         "view others allow -\n"
         "view others categories -\n"
         "view others client decide\n"
         "view others clients 10.0.0.0/8\n"
         "view others confidence log=low,apply=low\n"
         "view others default allow\n"
         "view others listen 0.0.0.0@53\n"
         "view others mode enforce\n"
         "view others name-servers enforce\n"
         "view others scopes -\n"
         "view others targets log\n",
         "96d6bdd7f9ad39efbcf6e498ef5a5754327f2a63a3ba039e8cd9d3199a97c593"},
    [SETUP_FINGERPRINT_SCHEDULES] =
        {"schedule night dates 2026-12-24..2027-01-03\n"
         "schedule night days mon,tue,fri\n"
         "schedule night except 2026-12-31..2026-12-31\n"
         "schedule night hours 12:00-12:30,22:00-06:00\n"
         "schedule night zone Europe/Berlin\n"
         "when guests 01 night list - cloud-b off -\n"
         "when guests 01 night list 001 cloud-a enforce drop\n"
         "when guests 01 night mode enforce action drop default allow\n",
         "b483dd1214c76b0fef2b3a28994792d1211ada4f49804dab70061ef9629ba5bd"},
    [SETUP_FINGERPRINT_ANSWERS] =
        {"answer block-ttl 10\n"
         "answer ede auto\n"
         "answer name-server-wait 400\n"
         "answer rebinding-allow corp.example\n"
         "answer rebinding-protection on\n"
         "answer sinkhole default 0.0.0.0 ::\n"
         "answer sinkhole guests 192.0.2.9 ::\n"
         "answer sinkhole others 0.0.0.0 ::\n",
         "86fae884ea713e9b6fb10e4c8d1d89a65c16d47ad5ce3cea460e37f1810f64ef"},
    [SETUP_FINGERPRINT_EXEMPT] =
        {"exempt corp.example\n",
         "22fa8b8f13ae4e9fb51c078b693a498b8a5a590f0784ade8dff260559622b336"},
    [SETUP_FINGERPRINT_EXCEPTIONS] =
        {"file leave 3 aa01000000000000000000000000000000000000000000000000000000000000\n",
         "f148b40126b9395b4e6dc7d690547359f88357a06ffe0e6c8efa5c6522360470"},
    [SETUP_FINGERPRINT_PAUSES] =
        {"", "38aa14edde41cc177fa997f53a9d47f40ee71b4035b733d5a38031ca6e1302d8"},
    [SETUP_FINGERPRINT_HELD] =
        {"held cloud-a 7 recorded -\n"
         "newer cloud-a 8 bb02000000000000000000000000000000000000000000000000000000000000\n",
         "cf11cb391502b8f08c7cf444cde851af9143c0e7668248c4316190ecdad41e82"},
};
static const char golden_total[] =
    "c5c88d11a96b769ee7139b242366934b685d2c67d2cad02e8facca4b009a759a";

#define GOLDEN                                                                             \
    "server: {listen: [0.0.0.0@53]}\n"                                                     \
    "trust: {dead: refuse, dead-after: 1d}\n"                                              \
    "local: {rebinding-protection: on, rebinding-allow: [corp.example]}\n"                 \
    "upstreams: {zones: {corp.example: {servers: [192.0.2.5], policy: exempt}}}\n"         \
    "lists: {use: {cloud-a: enforce}}\n"                                                   \
    "schedules: {night: {zone: Europe/Berlin, days: [mon, tue, fri], hours: "              \
    "[\"22:00-06:00\", \"12:00-12:30\"], dates: [2026-12-24..2027-01-03], except: "        \
    "[2026-12-31]}}\n"                                                                     \
    "views: {guests: {clients: [\"2001:db8::/32\", 10.0.0.0/8], listen: [192.0.2.1@53], "  \
    "use: {cloud-b: {mode: log, action: \"redirect:*.Wall.Example\"}}, action: nxdomain, " \
    "default: deny, mode: log, allow: [corp.example, b.example], client: log, targets: "   \
    "enforce, name-servers: off, categories: {mail: log, cdn: off}, scopes: {consumer: "   \
    "log}, confidence: {log: low, apply: high}, sinkhole: [192.0.2.9, \"::\"], when: "     \
    "[{schedule: night, mode: enforce, action: drop, default: allow, lists: {cloud-a: "    \
    "{mode: enforce, action: drop}, cloud-b: off, unknown: off}}]}, "                      \
    "others: {clients: [10.0.0.0/8], listen: [0.0.0.0@53]}}\n"

static void the_text_is_always_this(void **state)
{
    static const struct setup_fingerprint_file file = {"leave", 3, text_a};
    const struct setup_held held = {
        .id = "cloud-a", .version = {.serial = 7}, .newer = SETUP_NEWER_STAGED};
    const struct setup_staged staged = {.id = "cloud-a", .held = 7, .newer = 8};
    const struct setup_fingerprint_list newer = {"cloud-a", "acme", 8,   text_b,
                                                 false,     NULL,   NULL};
    const struct setup_fingerprint_list lists[] = {
        {"cloud-a", "acme", 7, text_a, false, &held, &staged}, two_lists[1]};
    struct config *config = read_config(GOLDEN);
    struct setup_fingerprint *made = NULL;
    struct setup_views views;
    char hex[SETUP_FINGERPRINT_TEXT];

    (void)state;
    assert_int_equal(setup_views_init(config, NULL, &views), 0);
    const struct setup_fingerprint_source source = {.config = config,
                                                    .views = &views,
                                                    .lists = lists,
                                                    .list_count = 2,
                                                    .newer = &newer,
                                                    .newer_count = 1,
                                                    .files = &file,
                                                    .file_count = 1};
    assert_int_equal(setup_fingerprint_make(&source, &made), 0);
    for (unsigned i = 0; i < SETUP_FINGERPRINT_PARTS; i++) {
        const struct setup_fingerprint_part *part = made->parts[i];

        assert_string_equal(part->lines, golden[i].lines);
        assert_int_equal(part->shown_octets, strlen(golden[i].lines));
        assert_int_equal(part->shown, part->count);
        digest_hex(part->hash, sizeof(part->hash), hex);
        assert_string_equal(hex, golden[i].hash);
    }
    digest_hex(made->total, sizeof(made->total), hex);
    assert_string_equal(hex, golden_total);
    setup_fingerprint_free(made);
    setup_views_deinit(&views);
    config_free(config);
}

/* --- what is told --- */

/* Puts the strings of a page behind text, each with a newline; returns their number. */
static size_t unfold(const struct query_told_page *page, char *text, size_t size)
{
    size_t count = 0;
    size_t used = strlen(text);

    assert_true(page->len <= QUERY_TOLD_PAGE_MAX);
    for (size_t at = 0; at < page->len; at += 1 + (size_t)page->rdata[at]) {
        const size_t len = page->rdata[at];

        assert_true(at + 1 + len <= page->len && used + len + 2 <= size);
        memcpy(text + used, page->rdata + at + 1, len);
        used += len;
        text[used++] = '\n';
        text[used] = '\0';
        count++;
    }
    return count;
}

/* All pages of a part, but for their heads, are its lines. */
static void assert_told(const struct setup_fingerprint *made, unsigned number)
{
    const struct query_told_part *told = &made->told.parts[number];
    const struct setup_fingerprint_part *part = made->parts[number];
    const size_t room = part->shown_octets + 65536;
    char *text = calloc(1, room);
    size_t used = 0;

    assert_non_null(text);
    assert_string_equal(told->name,
                        setup_fingerprint_name((enum setup_fingerprint_number)number));
    assert_true(told->count >= 1 && told->count <= QUERY_TOLD_PAGES_MAX);
    for (size_t i = 0; i < told->count; i++) {
        char head[256];
        char hex[SETUP_FINGERPRINT_TEXT];
        char page[2048] = "";

        assert_true(unfold(&told->pages[i], page, sizeof(page)) >= 1);
        digest_hex(part->hash, sizeof(part->hash), hex);
        snprintf(head, sizeof(head), "cordon-fingerprint 1 %s %s %zu/%zu %zu\n", told->name,
                 hex, i + 1, told->count, part->count);
        assert_int_equal(strncmp(page, head, strlen(head)), 0);
        assert_true(told->count == 1 || page[strlen(head)] != '\0');
        used += (size_t)snprintf(text + used, room - used, "%s", page + strlen(head));
    }
    assert_string_equal(text, part->lines);
    free(text);
}

static void assert_all_told(const struct setup_fingerprint *made)
{
    char text[QUERY_TOLD_PAGE_MAX + 1] = "";
    char wanted[QUERY_TOLD_PAGE_MAX + 1];
    char hex[SETUP_FINGERPRINT_TEXT];
    size_t used;

    assert_int_equal(made->told.count, SETUP_FINGERPRINT_PARTS);
    assert_int_equal(unfold(&made->told.first, text, sizeof(text)),
                     SETUP_FINGERPRINT_PARTS + 1);
    digest_hex(made->total, sizeof(made->total), hex);
    used = (size_t)snprintf(wanted, sizeof(wanted), "cordon-fingerprint 1 %s\n", hex);
    for (unsigned i = 0; i < SETUP_FINGERPRINT_PARTS; i++) {
        digest_hex(made->parts[i]->hash, sizeof(made->parts[i]->hash), hex);
        used += (size_t)snprintf(wanted + used, sizeof(wanted) - used, "%s %s\n",
                                 setup_fingerprint_name((enum setup_fingerprint_number)i), hex);
        assert_told(made, i);
    }
    assert_string_equal(text, wanted);
}

static void pages_hold_all_lines_and_each_fits_a_datagram(void **state)
{
    struct setup_fingerprint *made = of(GOLDEN);
    size_t len = 0;
    char *text = NULL;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    assert_all_told(made);
    setup_fingerprint_free(made);
    /* as many views as there may be, each with long values */
    fprintf(out, "views:\n");
    for (unsigned i = 0; i < CONFIG_VIEWS_MAX; i++) {
        fprintf(
            out,
            "  view-with-a-long-name-%02u: {clients: [10.%u.0.0/16], default: deny, allow: [",
            i, i);
        for (unsigned k = 0; k <= i; k++) {
            fprintf(out, "%sname-%u.of-the-place.example", k > 0 ? ", " : "", k);
        }
        fprintf(out, "]}\n");
    }
    assert_int_equal(fclose(out), 0);
    made = of(text);
    assert_all_told(made);
    assert_true(made->told.parts[SETUP_FINGERPRINT_VIEWS].count > 40);
    assert_int_equal(made->parts[SETUP_FINGERPRINT_VIEWS]->count, 64 * 12);
    setup_fingerprint_free(made);
    free(text);
}

/* What is not shown decides all the same. */
static void more_lines_than_are_shown_count(void **state)
{
    static const struct policy_changes nothing = {.exceptions = NULL};
    enum {
        MANY = 4096
    };
    struct setup_snapshot *root = snapshot_of(BARE);
    struct policy_exception *many = calloc(MANY, sizeof(many[0]));
    struct setup_snapshot *derived[2];

    (void)state;
    assert_non_null(many);
    for (unsigned last = 0; last < 2; last++) {
        for (unsigned i = 0; i < MANY; i++) {
            char name[64];

            snprintf(name, sizeof(name), "name-%06u.somewhere.example",
                     i == MANY - 1 ? 900000 + last : i);
            many[i] = exception(name);
        }
        const struct setup_fingerprint_changes changes = {.exceptions = many,
                                                          .exception_count = MANY};
        assert_int_equal(setup_snapshot_derive(root, &nothing, NIGHT_S, 2, &derived[last]), 0);
        assert_int_equal(setup_fingerprint_change(derived[last], &changes), 0);
        assert_all_told(derived[last]->fingerprint);
    }
    const struct setup_fingerprint_part *one =
        derived[0]->fingerprint->parts[SETUP_FINGERPRINT_EXCEPTIONS];
    const struct setup_fingerprint_part *two =
        derived[1]->fingerprint->parts[SETUP_FINGERPRINT_EXCEPTIONS];
    assert_int_equal(one->count, MANY);
    assert_true(one->shown < MANY && one->shown_octets <= SETUP_FINGERPRINT_SHOWN_MAX);
    assert_string_equal(one->lines, two->lines);
    assert_false(digest_equal(one->hash, two->hash));
    setup_snapshot_free(derived[0]);
    setup_snapshot_free(derived[1]);
    setup_snapshot_free(root);
    free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_that_decides_changes_its_part_and_no_other_any),
        cmocka_unit_test(parts_of_an_option_that_decide_apart),
        cmocka_unit_test(zones_inside_of_exempt_ones),
        cmocka_unit_test(an_order_that_says_nothing_changes_nothing),
        cmocka_unit_test(of_a_list_everything_decides),
        cmocka_unit_test(a_list_that_is_held_is_told_with_those_who_have_the_newer_one),
        cmocka_unit_test(exceptions_and_pauses_are_in_their_parts),
        cmocka_unit_test(what_an_exception_decides_is_told_and_not_who_asked_for_it),
        cmocka_unit_test(a_schedule_that_begins_or_ends_changes_nothing),
        cmocka_unit_test(the_text_is_always_this),
        cmocka_unit_test(pages_hold_all_lines_and_each_fits_a_datagram),
        cmocka_unit_test(more_lines_than_are_shown_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
