/* config/config: what is accepted and understood, and that it reads back the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/refusal.h"
#include "wire/type.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void assert_address(const struct address *address, const char *text)
{
    char have[ADDRESS_TEXT_MAX];

    address_format(address, address->port != 0, have);
    assert_string_equal(have, text);
}

static void no_file_gives_all_defaults(void **state)
{
    struct config *config = NULL;

    (void)state;
    assert_int_equal(config_read(NULL, NULL, &config), 0);
    assert_int_equal(config->listen_count, 2);
    assert_address(&config->listen[0], "127.0.0.1@5300");
    assert_address(&config->listen[1], "::1@5300");
    assert_int_equal(config->workers, 0);
    assert_null(config->user);
    assert_int_equal(config->udp_size, 1232);
    assert_int_equal(config->access_count, 8);
    assert_false(config->refuse_silently);
    assert_true(config->upstreams_from_system);
    assert_int_equal(config->upstream_count, 0);
    assert_string_equal(config->resolv_conf, "/etc/resolv.conf");
    assert_true(config->letter_case_random);
    assert_int_equal(config->deadline_ms, 4000);
    assert_true(config->cache_octets == 64u << 20);
    assert_int_equal(config->ttl_min_s, 0);
    assert_int_equal(config->ttl_max_s, 86400);
    assert_int_equal(config->negative_ttl_max_s, 3600);
    assert_int_equal(config->failure_ttl_s, 5);
    assert_false(config->log_only);
    assert_string_equal(config->action, "sinkhole");
    assert_int_equal(config->block_ttl_s, 10);
    assert_address(&config->sinkhole4, "0.0.0.0");
    assert_address(&config->sinkhole6, "::");
    assert_true(config->ede);
    assert_int_equal(config->block_ede, WIRE_EDE_NONE);
    assert_string_equal(config->list_directory, "/usr/share/cordon/blocklists");
    assert_int_equal(config->list_count, 8);
    assert_string_equal(config->lists[0].id, "huawei-cloud");
    assert_string_equal(config->lists[1].id, "alibaba-cloud");
    assert_string_equal(config->lists[2].id, "tencent-cloud");
    assert_string_equal(config->lists[3].id, "baidu-cloud");
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(config->lists[i].mode, CONFIG_MODE_ENFORCE);
        assert_string_equal(config->lists[i].action, "");
        assert_int_equal(config->lists[4 + i].mode, CONFIG_MODE_LOG);
        assert_non_null(strstr(config->lists[4 + i].id, "-prefixes"));
    }
    assert_int_equal(config->key_count, 3);
    assert_string_equal(config->keys[0], "/usr/share/cordon/blocklists/keys/list-a.pub");
    assert_string_equal(config->keys[2], "/usr/share/cordon/blocklists/keys/list-c.pub");
    assert_int_equal(config->threshold, 2);
    assert_string_equal(config->events_to, "stdout");
    assert_true(config->events_rotate_octets == 64u << 20);
    assert_int_equal(config->events_keep, 5);
    assert_string_equal(config->control_socket, "/run/cordon/control.sock");
    assert_string_equal(config->state_directory, "/var/lib/cordon");
    assert_null(config->http_socket);
    assert_int_equal(config->http_address.family, ADDRESS_NONE);
    assert_false(config->http_network);
    config_free(config);
}

static void the_http_socket_is_an_address_or_a_path(void **state)
{
    static const struct {
        const char *text;
        const char *printed; /* by config_print, a line of it */
    } rows[] = {
        {"http: {listen: 127.0.0.1@9153}", "  listen: 127.0.0.1@9153\n"},
        {"http: {listen: '[::1]@9153'}", "  listen: \"::1@9153\"\n"},
        {"http: {listen: /run/cordon/http}", "  listen: /run/cordon/http\n"},
        {"http: {listen: off}", "  listen: off\n"},
        {"http: {listen: 0.0.0.0@9153, reach: network}", "  listen: 0.0.0.0@9153\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct config *config = NULL;
        struct report report;
        char *printed = NULL;
        size_t len = 0;

        report_init(&report);
        assert_int_equal(
            config_parse(rows[i].text, strlen(rows[i].text), "f", "/etc", &report, &config), 0);
        FILE *out = open_memstream(&printed, &len);
        assert_non_null(out);
        config_print(config, out);
        fclose(out);
        const char *section = strstr(printed, "\nhttp:\n");
        assert_non_null(section);
        assert_non_null(strstr(section, rows[i].printed));
        free(printed);
        config_free(config);
        report_deinit(&report);
    }
}

static void every_option_is_read(void **state)
{
    static const char text[] =
        "---\n"
        "server:\n"
        "  listen: [192.0.2.1, '[2001:db8::1]@5353', \"::@53\"]\r\n"
        "  workers: 3\n"
        "  user: _cordon\n"
        "  udp-size: 4096\n"
        "access:\n"
        "  allow:\n"
        "  - 10.0.0.0/8\n"
        "  - private  # holds the one above, which counts once\n"
        "  - shared\n"
        "  others: drop\n"
        "upstreams: {servers: [192.0.2.53@5353, system, \"2001:db8::53\"],\n"
        "            resolv-conf: resolv.conf, letter-case: plain, deadline: 1500ms,\n"
        "            choose: hashed, hedge: off}\n"
        "cache:\n"
        "  size: 2GiB\n"
        "  ttl-min: 1m\n"
        "  ttl-max: 7d\n"
        "  negative-ttl-max: 0\n"
        "  failure-ttl: 30s\n"
        "policy:\n"
        "  mode: log\n"
        "  action: redirect:*.Blocked.example.\n"
        "  block-ttl: 0s\n"
        "  sinkhole: [\"2001:db8::bad\", 127.0.0.9]\n"
        "  ede: filtered\n"
        "  contact: 'IT desk: help@example.com, \"4444\" \u00e4'\n"
        "lists:\n"
        "  directory: /srv/lists/\n"
        "  use:\n"
        "    b: off\n"
        "    a: {mode: log, action: nxdomain}\n"
        "    c: {mode: enforce}\n"
        "trust:\n"
        "  keys: [keys/a.pub, /k/b.pub, "
        "RWQ42xd+hvO8WiCwfJGkvZPQGBNW4OaMLCUgwNKwBfhhQEB3SDw7JURW]\n"
        "  threshold: 3\n"
        "update: {sources: [https://a.example:8443/x/, 'http://[2001:db8::1]', mirror/],\n"
        "         directory: /srv/update, keep: 2, ca: ca.pem, http: any, lists: used,\n"
        "         every: 1h, connect: 2s, stalled: 5s, timeout: 1m, size: 1GiB,\n"
        "         gate: {must-resolve: [Mail.Example, x.example.], growth: 10%, shrink: any,\n"
        "                drift: 1000%, small: 0, replay: 30d, replay-names: any,\n"
        "                replay-clients: 3}}\n"
        "events: {to: /var/log/cordon/events, rotate: never, keep: 100}\n"
        "control: {socket: run/c.sock}\n"
        "state: {directory: /srv/state}\n"
        "...\n";
    struct config *config = read_config(text, 0);

    (void)state;
    assert_int_equal(config->listen_count, 3);
    assert_address(&config->listen[0], "192.0.2.1@53");
    assert_address(&config->listen[1], "2001:db8::1@5353");
    assert_address(&config->listen[2], "::@53");
    assert_int_equal(config->workers, 3);
    assert_string_equal(config->user, "_cordon");
    assert_string_equal(config->contact, "IT desk: help@example.com, \"4444\" \u00e4");
    assert_int_equal(config->udp_size, 4096);
    assert_int_equal(config->access_count, 7);
    assert_int_equal(config->access[6].bits, 10);
    assert_true(config->refuse_silently);
    assert_true(config->upstreams_from_system);
    assert_int_equal(config->upstream_count, 2);
    assert_address(&config->upstreams[0].address, "192.0.2.53@5353");
    assert_address(&config->upstreams[1].address, "2001:db8::53@53");
    assert_string_equal(config->resolv_conf, "/etc/cordon/resolv.conf");
    assert_false(config->letter_case_random);
    assert_int_equal(config->deadline_ms, 1500);
    assert_int_equal(config->choose, CONFIG_CHOOSE_HASHED);
    assert_int_equal(config->hedge_percent, 0);
    assert_true(config->cache_octets == UINT64_C(2) << 30);
    assert_int_equal(config->ttl_min_s, 60);
    assert_int_equal(config->ttl_max_s, 7 * 86400);
    assert_int_equal(config->negative_ttl_max_s, 0);
    assert_int_equal(config->failure_ttl_s, 30);
    assert_true(config->log_only);
    assert_string_equal(config->action, "redirect:*.Blocked.example.");
    assert_int_equal(config->block_ttl_s, 0);
    assert_address(&config->sinkhole4, "127.0.0.9");
    assert_address(&config->sinkhole6, "2001:db8::bad");
    assert_true(config->ede);
    assert_int_equal(config->block_ede, WIRE_EDE_FILTERED);
    assert_int_equal(config->update_sources.count, 3);
    assert_string_equal(config->update_sources.at[0], "https://a.example:8443/x");
    assert_string_equal(config->update_sources.at[1], "http://[2001:db8::1]");
    assert_string_equal(config->update_sources.at[2], "/etc/cordon/mirror");
    assert_string_equal(config->update_directory, "/srv/update");
    assert_string_equal(config->update_ca, "/etc/cordon/ca.pem");
    assert_int_equal(config->update_keep, 2);
    assert_int_equal(config->update_clear, CONFIG_CLEAR_ANY);
    assert_true(config->update_used_only);
    assert_int_equal(config->update_every_s, 3600);
    assert_int_equal(config->update_connect_ms, 2000);
    assert_int_equal(config->update_stalled_s, 5);
    assert_int_equal(config->update_timeout_s, 60);
    assert_true(config->update_octets == UINT64_C(1) << 30);
    assert_int_equal(config->gate.must_resolve.count, 2);
    assert_int_equal(config->gate.must_resolve.at[0].labels, 2);
    assert_int_equal(config->gate.growth_percent, 10);
    assert_int_equal(config->gate.shrink_percent, 0);
    assert_int_equal(config->gate.drift_percent, 1000);
    assert_int_equal(config->gate.small_rules, 0);
    assert_int_equal(config->gate.replay_s, 30 * 86400);
    assert_int_equal(config->gate.replay_names, 0);
    assert_int_equal(config->gate.replay_clients, 3);
    assert_string_equal(config->list_directory, "/srv/lists/");
    assert_int_equal(config->list_count, 3);
    assert_string_equal(config->lists[0].id, "b"); /* in the order of the file */
    assert_int_equal(config->lists[0].mode, CONFIG_MODE_OFF);
    assert_string_equal(config->lists[1].id, "a");
    assert_int_equal(config->lists[1].mode, CONFIG_MODE_LOG);
    assert_string_equal(config->lists[1].action, "nxdomain");
    assert_int_equal(config->lists[2].mode, CONFIG_MODE_ENFORCE);
    assert_int_equal(config->key_count, 3);
    assert_string_equal(config->keys[0], "/etc/cordon/keys/a.pub");
    assert_string_equal(config->keys[1], "/k/b.pub");
    assert_string_equal(config->keys[2],
                        "RWQ42xd+hvO8WiCwfJGkvZPQGBNW4OaMLCUgwNKwBfhhQEB3SDw7JURW");
    assert_int_equal(config->threshold, 3);
    assert_string_equal(config->events_to, "/var/log/cordon/events");
    assert_true(config->events_rotate_octets == 0);
    assert_int_equal(config->events_keep, 100);
    assert_string_equal(config->control_socket, "/etc/cordon/run/c.sock");
    assert_string_equal(config->state_directory, "/srv/state");
    config_free(config);
}

/* The audit log may have decisions alone, and somebody else instead of it: who has neither is
 * told. */
static void lines_of_events_may_go_nowhere(void **state)
{
    static const struct {
        const char *text;
        size_t warnings;
    } cases[] = {
        {"events: {to: none}", 0},
        {"events: {to: none}\naudit: {publish: syslog}", 0},
        {"events: {to: none}\naudit: {decisions: off, sinks: {a: {to: 'file:/tmp/a'}}}", 0},
        {"events: {to: none}\naudit: {decisions: off}", 1},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct config *config = read_config(cases[i].text, cases[i].warnings);

        assert_false(config_has_events(config));
        assert_null(config_events_file(config));
        config_free(config);
    }
    struct config *config = read_config("events: {to: ./none}", 0);
    assert_true(config_has_events(config));
    assert_string_equal(config_events_file(config), "/etc/cordon/./none");
    config_free(config);
}

/* Each says the same as the defaults. */
static void empty_files_and_sections_are_defaults(void **state)
{
    static const char *const texts[] = {
        "",
        "\n\n# only a comment\n",
        "---\n",
        "---\n...\n",
        "server:\n",
        "server: {}\npolicy:\n",
        "server:\n# nothing yet\nlists:\n\n",
        "{}",
        "policy: {mode: enforce}\n",
        "\"policy\": {'mode': \"enforce\"}\n",
    };
    struct config *config = read_config("", 0);
    char *standard = print_config(config);

    (void)state;
    config_free(config);
    for (size_t i = 0; i < ITEMS(texts); i++) {
        config = read_config(texts[i], ANY_WARNINGS);
        char *text = print_config(config);
        assert_string_equal(text, standard);
        free(text);
        config_free(config);
    }
    free(standard);
}

static void the_words_of_ede_are_codes(void **state)
{
    static const struct {
        const char *text;
        bool ede;
        int code;
    } cases[] = {
        {"policy: {ede: auto}", true, WIRE_EDE_NONE},
        {"policy: {ede: off}", false, WIRE_EDE_NONE},
        {"policy: {ede: blocked}", true, 15},
        {"policy: {ede: censored}", true, 16},
        {"policy: {ede: filtered}", true, 17},
        {"policy: {ede: prohibited}", true, 18},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct config *config = read_config(cases[i].text, 0);
        assert_int_equal(config->ede, cases[i].ede);
        assert_int_equal(config->block_ede, cases[i].code);
        config_free(config);
    }
}

static void a_folder_of_lists_brings_its_keys(void **state)
{
    struct config *config = read_config("lists: {directory: blocklists}\n", 0);

    (void)state;
    assert_string_equal(config->list_directory, "/etc/cordon/blocklists");
    assert_string_equal(config->keys[1], "/etc/cordon/blocklists/keys/list-b.pub");
    config_free(config);
}

static void one_sinkhole_address_leaves_the_other_unspecified(void **state)
{
    struct config *config = read_config("policy: {sinkhole: [\"2001:db8::1\"]}\n", 0);

    (void)state;
    assert_address(&config->sinkhole4, "0.0.0.0");
    assert_address(&config->sinkhole6, "2001:db8::1");
    config_free(config);
}

/* Clients are told apart by their IPv4 addresses, whichever way the operator writes those. */
static void prefixes_of_mapped_addresses_are_those_of_ipv4(void **state)
{
    static const char text[] = "access: {allow: ['::ffff:192.0.2.0/120', 192.0.2.0/24, "
                               "'::ffff:0:0/96', '::fffe:0:0/95'"
                               ", '::ffff:192.0.2.1']}";
    static const char *const wanted[] = {"192.0.2.0/24", "0.0.0.0/0", "::fffe:0:0/95",
                                         "192.0.2.1/32"};
    struct config *config = read_config(text, ANY_WARNINGS);
    char prefix[ADDRESS_TEXT_MAX];

    (void)state;
    assert_int_equal(config->access_count, ITEMS(wanted));
    for (size_t i = 0; i < ITEMS(wanted); i++) {
        address_prefix_format(&config->access[i], prefix);
        assert_string_equal(prefix, wanted[i]);
    }
    config_free(config);
}

static void what_is_printed_reads_back_the_same(void **state)
{
    static const char *const texts[] = {
        "",
        "server: {listen: [\"::@53\", 0.0.0.0@53], workers: 7, user: cordon}",
        ("lists: {directory: \"/a b/\\\"c\\\\ # d\", use: {a: {mode: log, action: "
         "\"redirect:x.y\"}, b: off}}"),
        "lists: {use: {}}",
        "access: {allow: []}",
        "access: {allow: [0.0.0.0/0, \"::/0\"]}",
        "upstreams: {servers: [192.0.2.1, 192.0.2.1@54]}",
        "policy: {ede: off, mode: log, sinkhole: [192.0.2.9]}",
        "cache: {size: 1025KiB, ttl-max: 90061s, ttl-min: 59m, negative-ttl-max: 0s}",
        "upstreams: {deadline: 29999ms}",
        "events: {rotate: never, to: '/tmp/ü: {}[]!&*'}",
        "trust: {threshold: 1, keys: ['-', '/k/@', \" x \"]}",
        "audit: {sinks: {a: {to: 'file:/tmp/a b', rotate: 1MiB, keep: 7}, b: {format: syslog, "
        "to: "
        "'tls://[2001:db8::1]@6514#siem.example', ca: /ca.pem, facility: local3, enterprise: "
        "4294967295, pins: "
        "[sha256/q1MKE+RZFJgrefm34+uplM/R8/si9xzqGvvwK0YMbR0=]}, c: {format: dnstap, to: "
        "'unix:/run/tap', streams: [queries], queue: 1GiB}, d: {format: ocsf, to: "
        "'tcp://192.0.2.1@1'}, e: {to: 'file:/tmp/e', rotate: never}}}",
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(texts); i++) {
        struct config *config = read_config(texts[i], ANY_WARNINGS);
        char *first = print_config(config);
        config_free(config);
        config = read_config(first, ANY_WARNINGS);
        char *second = print_config(config);
        config_free(config);
        assert_string_equal(first, second);
        free(first);
        free(second);
    }
}

static void the_example_file_is_what_the_table_says(void **state)
{
    char *want = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&want, &len);
    char have[65536];

    (void)state;
    assert_non_null(out);
    config_print_example(out);
    assert_int_equal(fclose(out), 0);
    FILE *in = fopen(CORDON_TEST_ROOT "/deploy/cordon.yaml", "r");
    assert_non_null(in);
    have[fread(have, 1, sizeof(have) - 1, in)] = '\0';
    fclose(in);
    assert_string_equal(have, want);
    free(want);

    struct config *config = read_config(have, 0);
    char *example = print_config(config);
    config_free(config);
    config = read_config("", 0);
    char *standard = print_config(config);
    config_free(config);
    assert_string_equal(example, standard);
    free(example);
    free(standard);
}

/* The options that have no default stand behind "# ". */
static void what_the_example_shows_in_comments_is_valid(void **state)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    char *at;

    (void)state;
    assert_non_null(out);
    config_print_example(out);
    assert_int_equal(fclose(out), 0);
    at = strstr(text, "# user: cordon\n");
    assert_non_null(at);
    memmove(at, at + 2, strlen(at + 2) + 1);
    at = strstr(text, "# keys:\n");
    assert_non_null(at);
    memmove(at, at + 2, strlen(at + 2) + 1);
    for (unsigned i = 0; i < 3; i++) {
        at = strstr(at, "\n  #    - ");
        assert_non_null(at);
        at += 3;
        *at = ' ';
    }
    struct config *config = read_config(text, 0);
    assert_string_equal(config->user, "cordon");
    assert_int_equal(config->key_count, 3);
    config_free(config);
    free(text);
}

static void the_manual_names_every_option(void **state)
{
    static const char *const parts[] = {
        "*server\\.listen* (addresses)\n\t",
        "*cache\\.size* (size)\n\t",
        "From 1MiB to 64GiB.",
        "*policy\\.ede* (auto, off, blocked, filtered, censored, prohibited)",
        "*server\\.workers* (number)",
        "From 1 to 256, or auto.",
        "*upstreams\\.deadline* (time)",
        "From 500ms to 30s. Default: 4s",
        "Default: huawei-cloud: enforce, alibaba-cloud: enforce, tencent-cloud: enforce,",
        "baidu-cloud: enforce, huawei-cloud-prefixes: log,",
        "baidu-cloud-prefixes: log\\.",
        "*state\\.directory* (path)",
    };
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    assert_non_null(out);
    config_print_manual(out);
    assert_int_equal(fclose(out), 0);
    for (size_t i = 0; i < ITEMS(parts); i++) {
        if (strstr(text, parts[i]) == NULL) {
            fail_msg("the manual lacks: %s", parts[i]);
        }
    }
    free(text);
}

static void only_options_that_need_a_restart_are_named(void **state)
{
    struct config *old = read_config("", 0);
    struct config *new = read_config("server: {listen: [127.0.0.1@5301], user: cordon}\n"
                                     "cache: {size: 1GiB, ttl-max: 2d}\n"
                                     "policy: {mode: log}\n"
                                     "events: {to: /x}\n",
                                     0);
    struct report report;

    (void)state;
    report_init(&report);
    config_report_restart(old, new, "t", &report);
    assert_int_equal(report.errors, 0);
    assert_int_equal(report.warnings, 4);
    assert_string_equal(report.entries[0].text,
                        "t: server.listen: changed, but only a restart makes it so: still "
                        "[127.0.0.1@5300, \"::1@5300\"]");
    assert_string_equal(report.entries[1].text, "t: server.user: changed, but only a restart "
                                                "makes it so: still not set");
    assert_non_null(strstr(report.entries[2].text, "cache.size"));
    assert_non_null(strstr(report.entries[3].text, "events.to"));
    report_deinit(&report);
    /* What takes lines of its own is not told. */
    struct config *one = read_config("audit: {sinks: {a: {format: json, to: 'file:/a'}}}\n", 0);
    report_init(&report);
    config_report_restart(one, old, "t", &report);
    assert_int_equal(report.count, 1);
    assert_string_equal(
        report.entries[0].text,
        "t: audit.sinks: changed, but only a restart makes it so: still as it was");
    report_deinit(&report);
    config_free(one);
    report_init(&report);
    config_report_restart(old, old, "t", &report);
    assert_int_equal(report.count, 0);
    report_deinit(&report);
    config_free(old);
    config_free(new);
}

static void a_file_is_read_with_its_own_folder(void **state)
{
    char folder[] = "/tmp/cordon-config-XXXXXX";
    char path[64];
    char want[128];
    struct config *config = NULL;
    struct report report;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/c.yaml", folder);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs("lists: {directory: my/lists}\n", out);
    fclose(out);
    assert_int_equal(config_read(path, NULL, &config), 0);
    snprintf(want, sizeof(want), "%s/my/lists", folder);
    assert_string_equal(config->list_directory, want);
    config_free(config);
    unlink(path);

    report_init(&report);
    config = NULL;
    assert_int_equal(config_read(path, &report, &config), -ENOENT);
    assert_int_equal(report.errors, 1);
    assert_int_equal(config_read(folder, &report, &config), -EISDIR);
    assert_int_equal(report.errors, 2);
    assert_null(config);
    report_deinit(&report);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_file_gives_all_defaults),
        cmocka_unit_test(every_option_is_read),
        cmocka_unit_test(the_http_socket_is_an_address_or_a_path),
        cmocka_unit_test(lines_of_events_may_go_nowhere),
        cmocka_unit_test(empty_files_and_sections_are_defaults),
        cmocka_unit_test(the_words_of_ede_are_codes),
        cmocka_unit_test(a_folder_of_lists_brings_its_keys),
        cmocka_unit_test(one_sinkhole_address_leaves_the_other_unspecified),
        cmocka_unit_test(prefixes_of_mapped_addresses_are_those_of_ipv4),
        cmocka_unit_test(what_is_printed_reads_back_the_same),
        cmocka_unit_test(the_example_file_is_what_the_table_says),
        cmocka_unit_test(what_the_example_shows_in_comments_is_valid),
        cmocka_unit_test(the_manual_names_every_option),
        cmocka_unit_test(only_options_that_need_a_restart_are_named),
        cmocka_unit_test(a_file_is_read_with_its_own_folder),
    };
    return cmocka_run_group_tests_name("config/config", tests, NULL, NULL);
}
