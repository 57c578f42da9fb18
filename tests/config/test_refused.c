/* config/config: what is refused, with which place and words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/refusal.h"

#include <stdlib.h>

static void names_that_are_not_known_are_refused(void **state)
{
    static const struct refusal cases[] = {
        /* A slip in a section's name. */
        {"polcy: {mode: log}", "1:1: unknown section \"polcy\": did you mean policy?"},
        /* A name like none of ours. */
        {"zebra: {mode: log}", "1:1: unknown section \"zebra\": see cordon.yaml(5)"},
        /* An option one level too high. */
        {"\nlisten: [127.0.0.1]",
         "2:1: \"listen\" stands outside its section: write it below server:"},
        /* A slip in an option's name. */
        {"cache:\n  sise: 1GiB", "2:3: cache: unknown option \"sise\": did you mean size?"},
        {"server:\n  udp_size: 512",
         "2:3: server: unknown option \"udp_size\": did you mean udp-size?"},
        /* Names of options are in lower case. */
        {"policy: {Mode: log}", "1:10: policy: unknown option \"Mode\": did you mean mode?"},
        /* An option of another section; a list that stands outside of use. */
        {"lists:\n  huawei-cloud: enforce",
         "2:3: lists: unknown option \"huawei-cloud\"; "
         "there are directory, when-missing, use, keep, stages"},
        {"events: {threshold: 1}", "1:10: events: unknown option \"threshold\"; there are to, "
                                   "rotate, keep"},
        /* No name at all. */
        {"\"\": {mode: log}", "1:1: unknown section \"\": see cordon.yaml(5)"},
        /* What is printed is escaped. */
        {"\"\xc3\xbc\": 1", "1:1: unknown section \"\\xc3\\xbc\": see cordon.yaml(5)"},
        /* A contact is one line of text. */
        {"policy: {contact: [a, b]}",
         "1:19: policy.contact: expected a line of text, but found a sequence [...]; an IPv6 "
         "address in brackets needs quotes"},
        {"policy: {contact: \"\"}",
         "1:19: policy.contact: expected 1 to 256 octets of text, not 0"},
        {"policy: {contact: \"a\\nb\"}",
         "1:19: the value has a control character in it, which no option takes"},
        /* An option of a list. */
        {"lists: {use: {a: {mode: log, acton: drop}}}",
         "1:30: lists.use: \"acton\" is not known of a list, only mode, action and stages: did "
         "you "
         "mean "
         "action?"},
    };

    (void)state;
    check(cases, ITEMS(cases));
}

static void the_same_twice_is_refused(void **state)
{
    static const struct refusal cases[] = {
        {"policy: {mode: log}\npolicy: {ede: off}",
         "2:1: \"policy\" stands here twice, first on line 1: keep one of them"},
        {"cache:\n  size: 1GiB\n  size: 1GiB",
         "3:3: \"size\" stands here twice, first on line 2: keep one of them"},
        {"cache:\n  size: 1GiB\n  \"size\": 2GiB",
         "3:3: \"size\" stands here twice, first on line 2: keep one of them"},
        {"lists:\n  use:\n    a: log\n    b: log\n    a: enforce",
         "5:5: \"a\" stands here twice, first on line 3: keep one of them"},
        {"lists: {use: {a: {mode: log, mode: log}}}",
         "1:30: \"mode\" stands here twice, first on line 1: keep one of them"},
        {"server: {listen: [127.0.0.1, 127.0.0.1@53]}",
         "1:30: server.listen: \"127.0.0.1@53\" stands here twice: remove one"},
        /* The same address, written as mapped. */
        {"server: {listen: [127.0.0.1@53, \"::ffff:127.0.0.1\"]}",
         "1:33: server.listen: \"::ffff:127.0.0.1\" stands here twice: remove one"},
        {"upstreams: {servers: [192.0.2.1, \"192.0.2.1@53\"]}",
         "1:34: upstreams.servers: \"192.0.2.1@53\" stands here twice: remove one"},
        {"upstreams: {servers: [system, system]}",
         "1:31: upstreams.servers: \"system\" stands here twice: remove one"},
        {"trust: {keys: [a.pub, b.pub, /etc/cordon/a.pub]}",
         "1:30: trust.keys: \"/etc/cordon/a.pub\" stands here twice: a key counts once"},
        {"policy: {sinkhole: [192.0.2.1, 192.0.2.2]}",
         "1:32: policy.sinkhole: two addresses of one family: answers have one IPv4 and one "
         "IPv6 "
         "address"},
    };

    (void)state;
    check(cases, ITEMS(cases));
}

static void values_of_another_kind_are_refused(void **state)
{
    static const struct refusal cases[] = {
        {"[server]", "1:1: expected sections, a line each: server:, access:, lists: and so on"},
        {"server", "1:1: expected sections, a line each: server:, access:, lists: and so on"},
        {"server: 4", "1:9: server: expected options below it, a line each: NAME: VALUE"},
        {"server: [workers]",
         "1:9: server: expected options below it, a line each: NAME: VALUE"},
        {"server: {workers: [1]}",
         "1:19: server.workers: expected a whole number, but found a sequence [...]; an IPv6 "
         "address in brackets needs quotes"},
        {"server: {workers: {auto: 1}}", "1:19: server.workers: expected a whole number, but "
                                         "found NAME: VALUE below it"},
        {"server:\n  workers:\n", "2:11: server.workers: expected a whole number, but there is "
                                  "nothing: leave the line out for the default"},
        {"server: {workers: four}",
         "1:19: server.workers: \"four\" is not a whole number or auto"},
        {"server: {workers: 4.0}",
         "1:19: server.workers: \"4.0\" is not a whole number or auto"},
        {"server: {workers: -1}", "1:19: server.workers: \"-1\" is not a whole number or auto"},
        {"server: {listen: 127.0.0.1}",
         "1:18: server.listen: expected addresses: [127.0.0.1@53, \"[::1]@53\"]"},
        {"cache: {size: 64}", "1:15: cache.size: \"64\" is not a size with its unit (64MiB: B "
                              "KiB MiB GiB)"},
        {"cache: {size: 64MB}",
         "1:15: cache.size: \"64MB\" is not a size with its unit (64MiB: "
         "B KiB MiB GiB)"},
        {"cache: {size: 1.5GiB}", "1:15: cache.size: \"1.5GiB\" is not a size with its unit "
                                  "(64MiB: B KiB MiB GiB)"},
        {"cache: {size: 64 MiB}", "1:15: cache.size: \"64 MiB\" is not a size with its unit "
                                  "(64MiB: B KiB MiB GiB)"},
        {"cache: {size: 99999999999999999999B}", "1:15: cache.size: \"99999999999999999999B\" "
                                                 "is not a size with its unit (64MiB: B KiB "
                                                 "MiB GiB)"},
        {"cache: {size: 18446744073709551615TiB}",
         "1:15: cache.size: \"18446744073709551615TiB\" is not a size with its unit (64MiB: B "
         "KiB MiB GiB)"},
        {"cache: {ttl-max: 60}",
         "1:18: cache.ttl-max: \"60\" is not a time with its unit (10s: "
         "ms s m h d)"},
        {"cache: {ttl-max: 1w}",
         "1:18: cache.ttl-max: \"1w\" is not a time with its unit (10s: "
         "ms s m h d)"},
        {"cache: {ttl-max: 1500ms}",
         "1:18: cache.ttl-max: 1500ms is not a whole number of seconds"},
        {"policy: {mode: off}", "1:16: policy.mode: \"off\" is not one of enforce, log"},
        {"policy: {mode: enforced}",
         "1:16: policy.mode: \"enforced\" is not one of enforce, log: did you mean enforce?"},
        {"policy: {mode: LOG}", "1:16: policy.mode: \"LOG\" is not one of enforce, log"},
        {"policy: {ede: 15}", "1:15: policy.ede: \"15\" is not one of auto, off, blocked, "
                              "filtered, censored, prohibited"},
        {"server: {user: root:root}",
         "1:16: server.user: \"root:root\" is not a user's name: letters, digits, . _ - and no "
         "more than 32 of them, a letter or _ first"},
        {"server: {user: \"\"}",
         "1:16: server.user: \"\" is not a user's name: letters, digits, "
         ". _ - and no more than 32 of them, a letter or _ first"},
        {"server: {user: 1000}",
         "1:16: server.user: \"1000\" is not a user's name: letters, "
         "digits, . _ - and no more than 32 of them, a letter or _ first"},
        {"lists: {directory: ~/lists}",
         "1:20: lists.directory: \"~/lists\" begins with ~, which "
         "only a shell knows: write the whole path"},
        {"lists: {directory: ''}", "1:20: lists.directory: \"\" is no path"},
        {"control: {socket: "
         "/0123456789012345678901234567890123456789012345678901234567890123456"
         "7890123456789012345678901234567890123456}",
         "1:19: control.socket: the path of a socket has at most 107 octets, this one 108"},
        {"http: {listen: 127.0.0.1}",
         "1:16: http.listen: \"127.0.0.1\": write the port behind @: 127.0.0.1@9153"},
        {"http: {listen: on}", "1:16: http.listen: \"on\" is neither an IPv4 nor an IPv6 "
                               "address, with @PORT or without: names are not looked up here"},
        {"http: {listen: localhost@9153}",
         "1:16: http.listen: \"localhost@9153\" is neither an IPv4 nor an IPv6 address, with "
         "@PORT or without: names are not looked up here"},
        {"http: {listen: run/http}",
         "1:16: http.listen: \"run/http\": the path of a socket begins with /"},
        {"http: {listen: 127.0.0.1:9153}",
         "1:16: http.listen: \"127.0.0.1:9153\": write the port behind @: 127.0.0.1@9153"},
        {"http: {listen: 127.0.0.1@0}",
         "1:16: http.listen: \"127.0.0.1@0\": the port \"0\" is not from 1 to 65535"},
        {"http: {listen: [127.0.0.1@9153]}",
         "1:16: http.listen: expected off, ADDRESS@PORT or the path of a socket, but found a "
         "sequence [...]; an IPv6 address in brackets needs quotes"},
        {"http: {listen: "
         "/012345678901234567890123456789012345678901234567890123456789012345678901234567890123"
         "456789012345678901234567}",
         "1:16: http.listen: the path of a socket has at most 107 octets, this one 109"},
        {"http: {listen: 192.0.2.1@9153}",
         "1:16: http.listen: 192.0.2.1@9153 is not an address of the loopback, and whoever "
         "reaches it can read the counters: write http.reach: network if that is meant"},
        {"http: {listen: '[::]@9153'}",
         "1:16: http.listen: ::@9153 is not an address of the loopback, and whoever reaches it "
         "can read the counters: write http.reach: network if that is meant"},
        {"http: {reach: network, listen: 127.0.0.1@5300}",
         "1:32: http.listen: questions are taken on 127.0.0.1@5300 (server.listen): use "
         "another port"},
        {"http: {reach: network, listen: 0.0.0.0@5300}",
         "1:32: http.listen: questions are taken on 0.0.0.0@5300 (server.listen): use another "
         "port"},
        {"http: {reach: everyone}",
         "1:15: http.reach: \"everyone\" is not one of local, network"},
    };

    (void)state;
    check(cases, ITEMS(cases));
}

static void values_out_of_range_are_refused(void **state)
{
    static const struct refusal cases[] = {
        {"server: {workers: 0}",
         "1:19: server.workers: 0 is out of range: from 1 to 256, or auto"},
        {"server: {workers: 257}",
         "1:19: server.workers: 257 is out of range: from 1 to 256, or auto"},
        {"server: {udp-size: 511}", "1:20: server.udp-size: 511 is out of range: from 512 to "
                                    "4096"},
        {"server: {udp-size: 66048}", "1:20: server.udp-size: 66048 is out of range: from 512 "
                                      "to 4096"},
        {"cache: {size: 1023KiB}", "1:15: cache.size: 1023KiB is out of range: from 1MiB to "
                                   "64GiB"},
        {"cache: {size: 0}", "1:15: cache.size: 0 is out of range: from 1MiB to 64GiB"},
        {"cache: {size: 1TiB}", "1:15: cache.size: 1TiB is out of range: from 1MiB to 64GiB"},
        {"cache: {failure-ttl: 0s}", "1:22: cache.failure-ttl: 0s is out of range: from 1s to "
                                     "30s"},
        {"cache: {failure-ttl: 31s}",
         "1:22: cache.failure-ttl: 31s is out of range: from 1s to "
         "30s"},
        {"cache: {failure-ttl: 1ms}",
         "1:22: cache.failure-ttl: 1ms is out of range: from 1s to "
         "30s"},
        {"cache: {ttl-min: 61m}", "1:18: cache.ttl-min: 61m is out of range: from 0ms to 1h"},
        {"cache: {ttl-max: 8d}", "1:18: cache.ttl-max: 8d is out of range: from 1s to 7d"},
        {"upstreams: {hedge: 26%}",
         "1:20: upstreams.hedge: 26% is out of range: from 1% to 25%, or off"},
        {"upstreams: {hedge: 0%}",
         "1:20: upstreams.hedge: 0% is out of range: from 1% to 25%, or off"},
        {"upstreams: {hedge: 5}", "1:20: upstreams.hedge: \"5\" is not a share (5%) or off"},
        {"upstreams: {choose: random}",
         "1:21: upstreams.choose: \"random\" is not one of fastest, ordered, hashed"},
        {"upstreams: {deadline: 0s}",
         "1:23: upstreams.deadline: 0s is out of range: from 500ms "
         "to 30s"},
        {"upstreams: {deadline: 31s}", "1:23: upstreams.deadline: 31s is out of range: from "
                                       "500ms to 30s"},
        {"events: {rotate: 4KiB}", "1:18: events.rotate: 4KiB is out of range: from 1MiB to "
                                   "1TiB, or never"},
        {"events: {keep: 0}", "1:16: events.keep: 0 is out of range: from 1 to 100"},
        {"events: {keep: 101}", "1:16: events.keep: 101 is out of range: from 1 to 100"},
        {"trust: {threshold: 0}", "1:20: trust.threshold: 0 is out of range: from 1 to 32"},
        {"trust: {threshold: 4294967298}",
         "1:20: trust.threshold: 4294967298 is out of range: from 1 to 32"},
    };

    (void)state;
    check(cases, ITEMS(cases));
}

static void addresses_that_are_none_are_refused(void **state)
{
    static const struct refusal cases[] = {
        {"server: {listen: []}", "1:18: server.listen: no address: nobody could ask; leave the "
                                 "line out for the default"},
        {"server: {listen: [localhost]}", "1:19: server.listen: \"localhost\" is neither an "
                                          "IPv4 nor an IPv6 address, with @PORT "
                                          "or without: names are not looked up here"},
        {"server: {listen: [ipv4:127.0.0.1]}",
         "1:19: server.listen: \"ipv4:127.0.0.1\" is neither an IPv4 nor an IPv6 address, with "
         "@PORT or without: names are not looked up here"},
        {"server: {listen: [unix:/run/dns]}",
         "1:19: server.listen: \"unix:/run/dns\" is a prefix: an address alone belongs here"},
        {"server: {listen: [127.0.0.1@0]}",
         "1:19: server.listen: \"127.0.0.1@0\": the port \"0\" is not from 1 to 65535"},
        {"server: {listen: [127.0.0.1@65536]}",
         "1:19: server.listen: \"127.0.0.1@65536\": the port \"65536\" is not from 1 to 65535"},
        {"server: {listen: [127.0.0.1@]}",
         "1:19: server.listen: \"127.0.0.1@\": the port \"\" is not from 1 to 65535"},
        {"server: {listen: [\"::1@53x\"]}",
         "1:19: server.listen: \"::1@53x\": the port \"53x\" is not from 1 to 65535"},
        {"server: {listen: [127.0.0.1:53]}",
         "1:19: server.listen: \"127.0.0.1:53\": write the port behind @: 127.0.0.1@53"},
        {"server: {listen: [127.0.0.0/8]}",
         "1:19: server.listen: \"127.0.0.0/8\" is a prefix: an address alone belongs here"},
        {"server: {listen: [127.1]}",
         "1:19: server.listen: \"127.1\" is neither an IPv4 nor an IPv6 address, with @PORT or "
         "without: names are not looked up here"},
        {"server: {listen: [\"2001:db8::1%lo\"]}",
         "1:19: server.listen: \"2001:db8::1%lo\": a zone (%NAME) is an interface of this "
         "machine and goes with fe80:: addresses only"},
        {"server: {listen: [224.0.0.251@5353]}",
         "1:19: server.listen: \"224.0.0.251@5353\" is a multicast address"},
        {"server: {listen: [\"fe80::1\"]}",
         "1:19: server.listen: \"fe80::1\" is link-local: say on which interface, as "
         "fe80::1%eth0"},
        {"upstreams: {servers: [\"fe80::1@5353\"]}",
         "1:23: upstreams.servers: \"fe80::1@5353\" is link-local: say on which interface, as "
         "fe80::1%eth0"},
        {"server: {listen: [255.255.255.255]}",
         "1:19: server.listen: \"255.255.255.255\" is the broadcast address"},
        {"server: {listen: [[::1]@53]}",
         "1:24: not well-formed YAML: while scanning for the next token, found character that "
         "cannot start any token: look at the indentation, brackets and quotes here and on the "
         "line before"},
        {"server: {listen: [[127.0.0.1]]}", "1:19: server.listen: expected an address, but "
                                            "found a sequence [...]; an IPv6 address "
                                            "in brackets needs quotes"},
        {"upstreams: {servers: []}",
         "1:22: upstreams.servers: no server: write [system] for those of the machine"},
        {"upstreams: {servers: [dns.example]}",
         "1:23: upstreams.servers: \"dns.example\" is neither an IPv4 nor an IPv6 address, "
         "with "
         "@PORT or without: names are not looked up here"},
        {"upstreams: {servers: [0.0.0.0]}",
         "1:23: upstreams.servers: \"0.0.0.0\" is not the address of one server"},
        {"upstreams: {servers: [\"::\"]}",
         "1:23: upstreams.servers: \"::\" is not the address of one server"},
        {"upstreams: {servers: [\"ff02::1\"]}",
         "1:23: upstreams.servers: \"ff02::1\" is not the address of one server"},
        {"upstreams: {servers: [255.255.255.255]}",
         "1:23: upstreams.servers: \"255.255.255.255\" is not the address of one server"},
        {"policy: {sinkhole: []}",
         "1:20: policy.sinkhole: no address: leave the line out for 0.0.0.0 and ::"},
        {"policy: {sinkhole: [0.0.0.0@53]}",
         "1:21: policy.sinkhole: \"0.0.0.0@53\": no port belongs here"},
        {"policy: {sinkhole: [0.0.0.0, \"::\", \"::1\"]}",
         "1:20: policy.sinkhole: 3 entries: 2 are the most"},
        {"access: {allow: [10.0.0.0/33]}",
         "1:18: access.allow: \"10.0.0.0/33\" is no prefix (192.0.2.0/24, 2001:db8::/32; the "
         "bits behind the length are zero) and none of loopback, private, shared"},
        {"access: {allow: [10.1.2.3/8]}",
         "1:18: access.allow: \"10.1.2.3/8\" is no prefix (192.0.2.0/24, 2001:db8::/32; the "
         "bits behind the length are zero) and none of loopback, private, shared"},
        {"access: {allow: [everyone]}",
         "1:18: access.allow: \"everyone\" is no prefix (192.0.2.0/24, 2001:db8::/32; the "
         "bits behind the length are zero) and none of loopback, private, shared"},
    };

    (void)state;
    check(cases, ITEMS(cases));
}

static void a_question_to_itself_is_refused(void **state)
{
    static const struct refusal cases[] = {
        {"server: {listen: [127.0.0.1@53]}\nupstreams: {servers: [192.0.2.1, 127.0.0.1]}",
         "2:34: upstreams.servers: 127.0.0.1@53 is this resolver itself (server.listen has "
         "127.0.0.1@53): name another server, or listen elsewhere"},
        /* A default listen address. */
        {"upstreams: {servers: [\"[::1]@5300\"]}",
         "1:23: upstreams.servers: ::1@5300 is this resolver itself (server.listen has "
         "::1@5300): name another server, or listen elsewhere"},
        /* A wildcard takes what comes to any loopback address. */
        {"server: {listen: [0.0.0.0]}\nupstreams: {servers: [127.0.0.53]}",
         "2:23: upstreams.servers: 127.0.0.53@53 is this resolver itself (server.listen has "
         "0.0.0.0@53): name another server, or listen elsewhere"},
        {"server: {listen: [\"::\"]}\nupstreams: {servers: [\"::1\"]}",
         "2:23: upstreams.servers: ::1@53 is this resolver itself (server.listen has ::@53): "
         "name another server, or listen elsewhere"},
        /* Written as mapped. */
        {"server: {listen: [192.0.2.1]}\nupstreams: {servers: [\"::ffff:192.0.2.1\"]}",
         "2:23: upstreams.servers: 192.0.2.1@53 is this resolver itself (server.listen has "
         "192.0.2.1@53): name another server, or listen elsewhere"},
    };
    struct config *config = NULL;
    static const char other_port[] = "server: {listen: [0.0.0.0@5300, 127.0.0.1@54]}\n"
                                     "upstreams: {servers: [127.0.0.1@53, 127.0.0.53]}";

    (void)state;
    check(cases, ITEMS(cases));
    assert_int_equal(config_parse(other_port, strlen(other_port), "t", "/", NULL, &config), 0);
    config_free(config);
}

static void lists_keys_and_actions_that_cannot_be_are_refused(void **state)
{
    static const struct refusal cases[] = {
        {"lists: {use: [huawei-cloud]}", "1:14: lists.use: expected lists with their modes, a "
                                         "line each: huawei-cloud: enforce"},
        {"lists: {use: huawei-cloud}",
         "1:14: lists.use: expected lists with their modes, a line "
         "each: huawei-cloud: enforce"},
        {"lists: {use: {a: block}}",
         "1:18: lists.use: \"block\" is not one of enforce, log, off"},
        {"lists: {use: {a: enfroce}}",
         "1:18: lists.use: \"enfroce\" is not one of enforce, log, off: did you mean enforce?"},
        {"lists: {use: {a: }}", "1:18: lists.use: expected a mode, but there is nothing: leave "
                                "the line out for the default"},
        {"lists: {use: {a: [log]}}", "1:18: lists.use: expected a mode, but found a sequence "
                                     "[...]; an IPv6 address in brackets needs quotes"},
        {"lists: {use: {a: {action: drop}}}",
         "1:18: lists.use: a has no mode: add mode: enforce, log or off"},
        {"lists: {use: {A: log}}", "1:15: lists.use: \"A\" is not the id of a list: 1 to 64 of "
                                   "a-z 0-9 and -, not - first; "
                                   "the file ID.list without its ending"},
        {"lists: {use: {../a: log}}",
         "1:15: lists.use: \"../a\" is not the id of a list: 1 to 64 of a-z 0-9 and -, not - "
         "first; the file ID.list without its ending"},
        {"lists: {use: {a.list: log}}",
         "1:15: lists.use: \"a.list\" is not the id of a list: 1 to 64 of a-z 0-9 and -, not - "
         "first; the file ID.list without its ending"},
        {"lists: {use: {\"-a\": log}}",
         "1:15: lists.use: \"-a\" is not the id of a list: 1 to 64 of a-z 0-9 and -, not - "
         "first; the file ID.list without its ending"},
        {"lists: {use: {a0123456789012345678901234567890123456789012345678901234567890123: "
         "log}}",
         "1:15: lists.use: "
         "\"a0123456789012345678901234567890123456789012345678901234567890123\" "
         "is not the id of a list: 1 to 64 of a-z 0-9 and -, not - first; the file ID.list "
         "without its ending"},
        {"lists: {use: {a: {mode: log, action: sinkhol}}}",
         "1:38: lists.use: \"sinkhol\" is not an action: sinkhole, nxdomain, nodata, refused, "
         "drop, truncate or redirect:NAME; did you mean sinkhole?"},
        {"policy: {action: block}", "1:18: policy.action: \"block\" is not an action: "
                                    "sinkhole, nxdomain, nodata, refused, "
                                    "drop, truncate or redirect:NAME"},
        {"policy: {action: log}", "1:18: policy.action: \"log\" is not for here: to record and "
                                  "let through, write mode: log"},
        {"policy: {action: pass}", "1:18: policy.action: \"pass\" is not for here: to let a "
                                   "list's names through, write mode: off for it"},
        {"policy: {action: redirect}", "1:18: policy.action: \"redirect\" needs its target: "
                                       "redirect:NAME, or redirect:*.NAME "
                                       "to put the asked name before it"},
        {"policy: {action: \"redirect:.\"}",
         "1:18: policy.action: \"redirect:.\" redirects to no usable name (the root)"},
        {"trust: {keys: []}", "1:15: trust.keys: no key: no list could be trusted; leave the "
                              "line out for the shipped keys"},
        {"trust: {keys: a.pub}",
         "1:15: trust.keys: expected keys: [PATH.pub, or the RW... line of one]"},
        {"trust: {threshold: 4}", "1:20: trust.threshold: 4 signatures are asked for, but "
                                  "there are 3 keys: no list could "
                                  "ever be accepted; add keys or lower it"},
        {"trust: {keys: [a.pub]}",
         "1:15: trust.threshold: 2 signatures are asked for, but there is 1 key: no list could "
         "ever be accepted; add keys or lower it"},
        {"cache: {ttl-min: 1h, ttl-max: 59m}",
         "1:18: cache.ttl-min: 3600s is more than cache.ttl-max, 3540s"},
    };

    (void)state;
    check(cases, ITEMS(cases));
}

static void targets_of_redirects_are_names(void **state)
{
    static const char *const texts[] = {
        "policy: {action: 'redirect:'}",
        "policy: {action: 'redirect:a..b'}",
        "policy: {action: 'redirect:*.'}",
        "policy: {action: 'redirect:.a'}",
        "policy: {action: 'redirect:a\\300'}",
        ("policy: {action: 'redirect:"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example'}"),
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(texts); i++) {
        struct config *config = NULL;
        struct report report;

        report_init(&report);
        assert_int_equal(config_parse(texts[i], strlen(texts[i]), "t", "/", &report, &config),
                         CORDON_E_REFUSED);
        assert_int_equal(report.errors, 1);
        assert_non_null(strstr(report.entries[0].text, "redirects to no usable name"));
        report_deinit(&report);
    }
}

static void every_fault_of_a_file_is_told_at_once(void **state)
{
    static const char text[] = "server:\n"
                               "  listen: [127.0.0.1@0, nowhere]\n"
                               "  worker: 3\n"
                               "  udp-size:\t3\n"
                               "polcy: {mode: log}\n"
                               "cache: {size: 3, ttl-max: *x, ttl-min: 2h}\n"
                               "lists: {use: {a: on, B: log}}\n"
                               "trust: {keys: [a], threshold: 2}\n"
                               "events: {to: \"stdout}\n";
    static const char *const faults[] = {
        "t:4:12: a tab",
        "t:6:27: aliases",
        "t:10:1: not well-formed YAML",
        "t:2:12: server.listen: \"127.0.0.1@0\"",
        "t:2:25: server.listen: \"nowhere\"",
        "t:3:3: server: unknown option \"worker\": did you mean workers?",
        "t:4:13: server.udp-size: 3 is out of range",
        "t:5:1: unknown section \"polcy\"",
        "t:6:15: cache.size: \"3\" is not a size",
        "t:6:40: cache.ttl-min: 2h is out of range",
        "t:7:18: lists.use: \"on\" is not one of",
        "t:7:22: lists.use: \"B\" is not the id",
        "t:8:31: trust.threshold: 2 signatures",
    };
    struct config *config = NULL;
    struct report report;
    size_t at = 0;

    (void)state;
    report_init(&report);
    assert_int_equal(config_parse(text, strlen(text), "t", "/", &report, &config),
                     CORDON_E_REFUSED);
    for (; at < ITEMS(faults) && at < report.count; at++) {
        if (strncmp(report.entries[at].text, faults[at], strlen(faults[at])) != 0) {
            report_print(&report, stderr);
            fail_msg("expected: %s", faults[at]);
        }
    }
    assert_int_equal(at, ITEMS(faults));
    assert_int_equal(report.errors, ITEMS(faults));
    report_deinit(&report);
}

/* count times "ITEM, ITEM" between head and tail, each with its number in place of %u. */
static void refuse_many(const char *head, const char *item, const char *tail, unsigned count,
                        const char *fault)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct config *config = NULL;
    struct report report;

    assert_non_null(out);
    fputs(head, out);
    for (unsigned i = 0; i < count; i++) {
        fprintf(out, "%s%s%u", i > 0 ? ", " : "", item, i);
        fputs(strchr(head, '{') != NULL && strchr(item, ':') == NULL && tail[0] == '}' ? ": log"
                                                                                       : "",
              out);
    }
    fputs(tail, out);
    fclose(out);
    report_init(&report);
    assert_int_equal(config_parse(text, len, "t", "/", &report, &config), CORDON_E_REFUSED);
    if (strstr(report.entries[0].text, fault) == NULL) {
        fail_msg("%s", report.entries[0].text);
    }
    report_deinit(&report);
    free(text);
}

static void a_section_inside_of_a_section_is_checked_as_one(void **state)
{
    static const struct refusal cases[] = {
        {"update: {gate: {grow: 5%}}",
         "1:17: update.gate: unknown option \"grow\": did you mean growth?"},
        {"update: {gate: {growth: 0%}}",
         "1:25: update.gate.growth: 0% is out of range: from 1% to 100000%, or any"},
        {"update: {gate: {shrink: 101%}}",
         "1:25: update.gate.shrink: 101% is out of range: from 1% to 100%, or any"},
        {"update: {gate: {must-resolve: [.]}}",
         "1:32: update.gate.must-resolve: the root is every name: name those that you cannot "
         "do without"},
        {"update: {gate: {must-resolve: [a..b]}}",
         "1:32: update.gate.must-resolve: \"a..b\" is no name: an empty label (a leading dot, "
         "two dots in a row, or no name at all)"},
        {"update: {gate: [growth]}",
         "1:16: update.gate: expected options below it, a line each: NAME: VALUE"},
        {"update: {gate: {gate: {growth: 5%}}}",
         "1:17: update.gate: unknown option \"gate\"; there are must-resolve, growth, shrink, "
         "drift, small, replay, replay-names, replay-clients"},
        {"update.gate: {growth: 5%}",
         "1:1: unknown section \"update.gate\": see cordon.yaml(5)"},
        {"gate: {growth: 5%}", "1:1: unknown section \"gate\": did you mean state?"},
        {"update: {gate.growth: 5%}",
         "1:10: update: unknown option \"gate.growth\"; there are sources, directory, keep, "
         "every, lists, size, ca, http, connect, stalled, timeout"},
    };

    (void)state;
    check(cases, ITEMS(cases));
}

static void what_is_no_sink_is_refused(void **state)
{
    static const struct refusal cases[] = {
        {"events: {to: none}\naudit: {publish: both}",
         "2:18: audit.publish: events.to is none, so that no checkpoint can be told there: "
         "name a file, "
         "or publish to syslog alone"},
        {"audit: {sinks: [a]}",
         "1:16: audit.sinks: expected at most 8 sinks, a line each: NAME: "
         "{format: json, to: PLACE}"},
        {"audit: {sinks: {Siem: {to: 'file:/tmp/a'}}}",
         "1:17: audit.sinks: expected a name (1 to 24 of a-z 0-9 and -, not - first), and "
         "behind "
         "it {format: json, to: PLACE}"},
        {"audit: {sinks: {a: 'file:/tmp/a'}}", "1:17: audit.sinks: expected a name (1 to 24 of "
                                               "a-z 0-9 and -, not - first), and behind "
                                               "it {format: json, to: PLACE}"},
        {"audit: {sinks: {a: {format: json}}}",
         "1:17: audit.sinks: a needs to: file:PATH, unix:PATH, udp://ADDRESS@PORT, "
         "tcp://ADDRESS@PORT or tls://ADDRESS@PORT#NAME"},
        {"audit: {sinks: {a: {to: /tmp/a}}}",
         "1:25: audit.sinks: \"/tmp/a\" is no place: expected file:PATH, unix:PATH, "
         "udp://ADDRESS@PORT, tcp://ADDRESS@PORT or tls://ADDRESS@PORT#NAME"},
        {"audit: {sinks: {a: {to: 'file:'}}}", "1:25: audit.sinks: \"\" is no path"},
        {"audit: {sinks: {a: {to: 'tcp://siem.example@514'}}}",
         "1:25: audit.sinks: \"siem.example@514\" is no ADDRESS@PORT: names are not looked up, "
         "since this is what looks up names"},
        {"audit: {sinks: {a: {to: 'tcp://192.0.2.1'}}}",
         "1:25: audit.sinks: \"192.0.2.1\" is no ADDRESS@PORT: names are not looked up, since "
         "this is what looks up names"},
        {"audit: {sinks: {a: {to: 'tls://192.0.2.1@6514'}}}",
         "1:17: audit.sinks: a: nothing says which server is the right one: add #NAME behind "
         "the "
         "port, or pins: [sha256/...]"},
        {"audit: {sinks: {a: {to: 'tls://192.0.2.1@6514#-'}}}",
         "1:25: audit.sinks: the server's name \"-\" has a hyphen at the end of a part"},
        {"audit: {sinks: {a: {to: 'udp://192.0.2.1@514'}}}",
         "1:17: audit.sinks: a: only syslog goes over UDP, where nobody knows what arrives"},
        {"audit: {sinks: {a: {to: 'tcp://192.0.2.1@514', ca: /tmp/ca.pem}}}",
         "1:17: audit.sinks: a: ca and pins are for tls:// alone"},
        {"audit: {sinks: {a: {to: 'file:/tmp/a', format: dnstap, streams: [changes]}}}",
         "1:17: audit.sinks: a: dnstap and ocsf tell of questions alone: changes need json or "
         "syslog"},
        {"audit: {sinks: {a: {to: 'file:/tmp/a', streams: [decisions, decisions]}}}",
         "1:61: audit.sinks: decisions stands here twice"},
        {"audit: {sinks: {a: {to: 'file:/tmp/a', streams: [answers]}}}",
         "1:50: audit.sinks: \"answers\" is no stream: decisions, queries or changes"},
        {"audit: {sinks: {a: {to: 'file:/tmp/a', streams: []}}}",
         "1:49: audit.sinks: no stream: name one, or leave the sink out"},
        {"audit: {sinks: {a: {to: 'file:/tmp/a', queue: 64KiB}}}",
         "1:47: audit.sinks: 64KiB is out of range: from 128KiB to 1GiB"},
        {"audit: {sinks: {a: {to: 'file:/tmp/a', rotate: nevermore}}}",
         "1:48: audit.sinks: \"nevermore\" is not a size with its unit (64MiB: B KiB MiB GiB) "
         "or "
         "never"},
        {"audit: {sinks: {a: {to: 'tcp://192.0.2.1@514', rotate: never}}}",
         "1:17: audit.sinks: a: rotate and keep are for file: alone"},
        {"audit: {sinks: {a: {to: 'file:/tmp/a', keep: 0}}}",
         "1:46: audit.sinks: 0 is out of range: from 1 to 100"},
        {"audit: {sinks: {a: {to: 'file:/tmp/a', colour: red}}}",
         "1:40: audit.sinks: \"colour\" is not known of a sink, only format, to, streams, "
         "queue, "
         "pins, ca, rotate, keep, facility and enterprise"},
        {"audit: {sinks: {a: {to: 'file:/tmp/a'}, b: {to: 'file:/tmp/a', format: ocsf}}}",
         "1:41: audit.sinks: b: a writes to this file already: each needs one of its own"},
        {"events: {to: /tmp/a}\naudit: {sinks: {a: {to: 'file:/tmp/a'}}}",
         "1:14: events.to: the sink a writes to this file as well: each needs one of its own"},
        {"audit: {sinks: {a: {to: 'unix:/tmp/a', keep: 3}}}",
         "1:17: audit.sinks: a: rotate and keep are for file: alone"},
        {"audit: {sinks: {a: {to: 'tcp://192.0.2.1@514', rotate: 1MiB}}}",
         "1:17: audit.sinks: a: rotate and keep are for file: alone"},
        {"audit: {sinks: {a: {to: 'file:/tmp/a', facility: auth}}}",
         "1:17: audit.sinks: a: facility and enterprise are for format: syslog alone"},
        {"audit: {sinks: {a: {to: 'tcp://0.0.0.0@514'}}}",
         "1:25: audit.sinks: \"0.0.0.0@514\" is not the address of one server"},
        {"audit: {sinks: {a: {to: 'tls://[ff02::1]@6514#a.example'}}}",
         "1:25: audit.sinks: \"[ff02::1]@6514#a.example\" is not the address of one server"},
        {"audit: {sinks: {a: {to: 'tcp://[fe80::1]@514'}}}",
         "1:25: audit.sinks: \"[fe80::1]@514\" is link-local: say on which interface, as "
         "fe80::1%eth0"},
        {"audit: {sinks: {a: {to: 'file:/tmp/a', enterprise: 0}}}",
         "1:52: audit.sinks: 0 is out of range: from 1 to 4294967295"},
        {"audit: {sinks: {a: {to: 'file:/tmp/a', enterprise: 4294967296}}}",
         "1:52: audit.sinks: 4294967296 is out of range: from 1 to 4294967295"},
    };

    (void)state;
    check(cases, ITEMS(cases));
}

static void what_is_no_source_is_refused(void **state)
{
    static const struct refusal cases[] = {
        {"update: {sources: https://a.example}",
         "1:19: update.sources: expected sources: [https://lists.example/cordon]"},
        {"update: {sources: [ftp://a.example]}",
         "1:20: update.sources: \"ftp://a.example\" is no source: expected "
         "https://HOST/FOLDER, http://HOST/FOLDER or the path of a folder"},
        {"update: {sources: [file:///srv]}",
         "1:20: update.sources: \"file:///srv\" is no source: expected https://HOST/FOLDER, "
         "http://HOST/FOLDER or the path of a folder"},
        {"update: {sources: [HTTPS://a.example]}",
         "1:20: update.sources: \"HTTPS://a.example\" is no source: expected "
         "https://HOST/FOLDER, http://HOST/FOLDER or the path of a folder"},
        /* A password would be written down, and sent wherever the host leads. */
        {"update: {sources: ['https://me:secret@a.example/']}",
         "1:20: update.sources: \"https://me:secret@a.example/\" names a user: nothing that is "
         "fetched needs one; remove what stands before the @"},
        {"update: {sources: ['https://me@a.example/']}",
         "1:20: update.sources: \"https://me@a.example/\" names a user: nothing that is "
         "fetched needs one; remove what stands before the @"},
        {"update: {sources: ['https:///lists']}",
         "1:20: update.sources: \"https:///lists\" has no host: write https://HOST/FOLDER"},
        {"update: {sources: ['https://[::1/lists']}",
         "1:20: update.sources: \"https://[::1/lists\" has no host: write https://HOST/FOLDER"},
        {"update: {sources: ['https://a.example:0/']}",
         "1:20: update.sources: \"https://a.example:0/\" has no port behind the colon that "
         "there is: 1 to 65535"},
        {"update: {sources: ['https://a.example:65536/']}",
         "1:20: update.sources: \"https://a.example:65536/\" has no port behind the colon that "
         "there is: 1 to 65535"},
        {"update: {sources: ['https://a.example:443x/']}",
         "1:20: update.sources: \"https://a.example:443x/\" has something behind its host that "
         "is no folder: write https://HOST/FOLDER"},
        {"update: {sources: ['https://a.example/?x']}",
         "1:20: update.sources: \"https://a.example/?x\" is the address of a folder: without "
         "blanks, ? and #, other characters as %XX"},
        {"update: {sources: ['https://a.example/#x']}",
         "1:20: update.sources: \"https://a.example/#x\" is the address of a folder: without "
         "blanks, ? and #, other characters as %XX"},
        {"update: {sources: ['https://a.example/a b']}",
         "1:20: update.sources: \"https://a.example/a b\" is the address of a folder: without "
         "blanks, ? and #, other characters as %XX"},
        {"update: {sources: ['https://a.example/\u00e4']}",
         "1:20: update.sources: \"https://a.example/\\xc3\\xa4\" is the address of a folder: "
         "without blanks, ? and #, other characters as %XX"},
        {"update: {sources: ['https://a.example', 'https://a.example/']}",
         "1:41: update.sources: \"https://a.example/\" stands here twice: remove one"},
        {"update: {sources: ['']}", "1:20: update.sources: \"\" is no path"},
        {"update: {sources: [a, b, c, d, e, f, g, h, i]}",
         "1:19: update.sources: 9 entries: 8 are the most"},
        {"update: {keep: 1}", "1:16: update.keep: 1 is out of range: from 2 to 100"},
        {"trust: {publishers: {p: {sources: ['ftp://x']}}}",
         "1:36: trust.publishers: \"ftp://x\" is no source: expected https://HOST/FOLDER, "
         "http://HOST/FOLDER or the path of a folder"},
    };

    (void)state;
    check(cases, ITEMS(cases));
}

static void too_many_and_too_much_are_refused(void **state)
{
    struct config *config = NULL;
    struct report report;
    char *text = malloc(CONFIG_OCTETS_MAX + 2);

    (void)state;
    refuse_many("server: {listen: [", "127.0.0.1@1", "]}", 33, "33 entries: 32 are the most");
    refuse_many("access: {allow: [", "2001:db8::", "]}", 257, "257 entries: 256 are the most");
    refuse_many("upstreams: {servers: [", "192.0.2.", "]}", 33, "33 entries: 32 are the most");
    refuse_many("trust: {keys: [", "k", "]}", 33, "33 entries: 32 are the most");
    refuse_many("lists: {use: {", "l", "}}", 129, "lists.use: 129 lists: 128 are the most");
    refuse_many("trust: {keys: [", "k", "]}", 1100, "too many entries");

    assert_non_null(text);
    memset(text, '#', CONFIG_OCTETS_MAX + 1);
    report_init(&report);
    assert_int_equal(config_parse(text, CONFIG_OCTETS_MAX + 1, "t", "/", &report, &config),
                     CORDON_E_TOO_LARGE);
    assert_string_equal(report.entries[0].text, "t: larger than 1 MiB: this is no "
                                                "configuration");
    assert_int_equal(config_parse(text, CONFIG_OCTETS_MAX, "t", "/", &report, &config), 0);
    config_free(config);
    config = NULL;

    /* One octet over the longest value, and exactly it. */
    memset(text, 'a', 5000);
    memcpy(text, "policy: {action: ", 17);
    memcpy(text + 17 + CONFIG_TEXT_MAX + 1, "}", 2);
    assert_int_equal(config_parse(text, strlen(text), "t", "/", &report, &config),
                     CORDON_E_REFUSED);
    assert_non_null(
        strstr(report.entries[1].text, "1:18: the value is longer than 4096 octets"));
    memcpy(text + 17 + CONFIG_TEXT_MAX, "}", 2);
    assert_int_equal(config_parse(text, strlen(text), "t", "/", &report, &config),
                     CORDON_E_REFUSED);
    assert_non_null(strstr(report.entries[2].text, "is too long for an action"));
    report_deinit(&report);
    free(text);
}

static void what_is_odd_but_allowed_is_a_warning(void **state)
{
    static const struct refusal cases[] = {
        {"access: {allow: ['::ffff:0:0/96']}", "1:18: access.allow: ::ffff:0:0/96 answers the "
                                               "whole Internet, which is used to attack "
                                               "others: name your own networks"},
        {"access: {allow: [0.0.0.0/0]}",
         "1:18: access.allow: 0.0.0.0/0 answers the whole Internet, which is used to attack "
         "others: name your own networks"},
        {"access: {allow: []}", "1:17: access.allow: empty: no client will be answered"},
        {"lists: {use: {}}",
         "1:14: lists.use: every list is off: no list will block or record anything"},
        {"lists: {use: {a: off}}",
         "1:14: lists.use: every list is off: no list will block or record anything"},
        {"trust: {threshold: 1}",
         "1:20: trust.threshold: 1: whoever steals one key can change the lists"},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct config *config = NULL;
        struct report report;

        report_init(&report);
        assert_int_equal(
            config_parse(cases[i].text, strlen(cases[i].text), "t", "/", &report, &config), 0);
        assert_int_equal(report.warnings, 1);
        assert_int_equal(report.count, 1);
        assert_string_equal(report.entries[0].text + 2, cases[i].fault);
        report_deinit(&report);
        config_free(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_are_not_known_are_refused),
        cmocka_unit_test(the_same_twice_is_refused),
        cmocka_unit_test(values_of_another_kind_are_refused),
        cmocka_unit_test(values_out_of_range_are_refused),
        cmocka_unit_test(addresses_that_are_none_are_refused),
        cmocka_unit_test(a_question_to_itself_is_refused),
        cmocka_unit_test(lists_keys_and_actions_that_cannot_be_are_refused),
        cmocka_unit_test(targets_of_redirects_are_names),
        cmocka_unit_test(every_fault_of_a_file_is_told_at_once),
        cmocka_unit_test(a_section_inside_of_a_section_is_checked_as_one),
        cmocka_unit_test(what_is_no_sink_is_refused),
        cmocka_unit_test(what_is_no_source_is_refused),
        cmocka_unit_test(too_many_and_too_much_are_refused),
        cmocka_unit_test(what_is_odd_but_allowed_is_a_warning),
    };
    return cmocka_run_group_tests_name("config/refused", tests, NULL, NULL);
}
