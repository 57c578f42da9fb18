/* config/schema.c - the table of options. The order is that of the example file. */
#include "config/schema.h"

#include "config/defaults.h"
#include "wire/type.h"

#include <string.h>

#define KiB   UINT64_C(1024)
#define MiB   (KiB * 1024)
#define GiB   (MiB * 1024)
#define DAY_S UINT64_C(86400)

#define AT(member) offsetof(struct config, member)

static const struct config_word sandbox_words[] = {{"off", 0}, {"auto", 1}, {NULL, 0}};
static const struct config_word others_words[] = {{"refuse", 0}, {"drop", 1}, {NULL, 0}};
static const struct config_word case_words[] = {{"plain", 0}, {"random", 1}, {NULL, 0}};
const struct config_word config_choose_words[] = {{"fastest", CONFIG_CHOOSE_FASTEST},
                                                  {"ordered", CONFIG_CHOOSE_ORDERED},
                                                  {"hashed", CONFIG_CHOOSE_HASHED},
                                                  {NULL, 0}};
static const struct config_word switch_words[] = {{"off", 0}, {"on", 1}, {NULL, 0}};
static const struct config_word reach_words[] = {{"local", 0}, {"network", 1}, {NULL, 0}};
static const struct config_word missing_words[] = {
    {"stop", CONFIG_MISSING_STOP}, {"pass", CONFIG_MISSING_PASS}, {NULL, 0}};
static const struct config_word dead_words[] = {
    [CONFIG_DEAD_ENFORCE] = {"enforce", CONFIG_DEAD_ENFORCE},
    [CONFIG_DEAD_REFUSE] = {"refuse", CONFIG_DEAD_REFUSE},
    [CONFIG_DEAD_PASS] = {"pass", CONFIG_DEAD_PASS},
    {NULL, 0}};
static const struct config_word full_words[] = {{"drop", 0}, {"refuse", 1}, {NULL, 0}};
static const struct config_word publish_words[] = {{"none", CONFIG_PUBLISH_NONE},
                                                   {"events", CONFIG_PUBLISH_EVENTS},
                                                   {"syslog", CONFIG_PUBLISH_SYSLOG},
                                                   {"both", CONFIG_PUBLISH_BOTH},
                                                   {NULL, 0}};
static const struct config_word client_form_words[] = {{"full", CONFIG_AUDIT_FULL},
                                                       {"prefix", CONFIG_AUDIT_PREFIX},
                                                       {"pseudonym", CONFIG_AUDIT_PSEUDONYM},
                                                       {"absent", CONFIG_AUDIT_ABSENT},
                                                       {NULL, 0}};
static const struct config_word queries_client_words[] = {
    {"same", CONFIG_AUDIT_SAME},     {"full", CONFIG_AUDIT_FULL},
    {"prefix", CONFIG_AUDIT_PREFIX}, {"pseudonym", CONFIG_AUDIT_PSEUDONYM},
    {"absent", CONFIG_AUDIT_ABSENT}, {NULL, 0}};
static const struct config_word hash_words[] = {{"clear", false}, {"hashed", true}, {NULL, 0}};
static const struct config_word mode_words[] = {{"enforce", 0}, {"log", 1}, {NULL, 0}};
static const struct config_word signed_words[] = {
    {"optional", false}, {"required", true}, {NULL, 0}};
static const struct config_word clear_words[] = {{"off", CONFIG_CLEAR_OFF},
                                                 {"local", CONFIG_CLEAR_LOCAL},
                                                 {"any", CONFIG_CLEAR_ANY},
                                                 {NULL, 0}};
static const struct config_word which_words[] = {{"all", false}, {"used", true}, {NULL, 0}};
static const struct config_word default_words[] = {{"allow", 0}, {"deny", 1}, {NULL, 0}};
const struct config_word config_mode_words[] = {{"off", CONFIG_MODE_OFF},
                                                {"log", CONFIG_MODE_LOG},
                                                {"enforce", CONFIG_MODE_ENFORCE},
                                                {NULL, 0}};
const struct config_word config_client_words[] = {{"decide", CONFIG_CLIENT_DECIDE},
                                                  {"pass", CONFIG_CLIENT_PASS},
                                                  {"log", CONFIG_CLIENT_LOG},
                                                  {"block", CONFIG_CLIENT_BLOCK},
                                                  {NULL, 0}};
static const struct config_word ede_words[] = {
    {"auto", WIRE_EDE_NONE},
    {"off", WIRE_EDE_NONE - 1},
    {"blocked", WIRE_EDE_BLOCKED},
    {"filtered", WIRE_EDE_FILTERED},
    {"censored", WIRE_EDE_CENSORED},
    {"prohibited", WIRE_EDE_PROHIBITED},
    {NULL, 0},
};

const struct config_section config_sections[] = {
    {.name = "server", .manual = "Where and how questions are taken."},
    {.name = "access", .manual = "Who is answered."},
    {.name = "upstreams",
     .manual = "Who is asked for what is neither blocked nor in the cache."},
    {.name = "local",
     .manual =
         "Names of this place, which are answered here: before policy, and never asked for "
         "elsewhere."},
    {.name = "cache", .manual = "What is remembered, and for how long."},
    {.name = "policy",
     .manual = "What happens to a name that a list blocks, or that nothing allows."},
    {.name = "lists", .manual = "Which lists count."},
    {.name = "schedules",
     .manual = "Times with names, for policy.when and views.NAME.when: 1 to 24 of a-z 0-9 and "
               "-; at most 64. Hours are those that "
               "the clock on the wall of the zone shows: one that is skipped when clocks go "
               "forward does not come, one that is "
               "repeated when they go back comes twice.",
     .read = config_read_schedules,
     .print = config_print_schedules,
     .example = "\n  school-night:\n    zone: Europe/Berlin\n    days: [sun, mon-thu]\n"
                "    hours: [\"20:30-06:30\"]\n    except: [2026-12-23..2027-01-06]"},
    {.name = "views",
     .manual =
         "What some clients get instead, below a name for each group: 1 to 24 of a-z 0-9 and "
         "-. "
         "Of the views whose clients and listen both hold, the one with the longest client "
         "prefix counts, then one that names a listener, then the first; for all others there "
         "is what stands above, the view default. What a view does not say is as above. Views "
         "are chosen anew for each question, and at a reload for those that wait.",
     .read = config_read_views,
     .print = config_print_views,
     .example = "\n  children:\n    clients: [192.168.20.0/24]\n"
                "    use: {huawei-cloud: enforce, tencent-cloud: {mode: enforce, action: "
                "nxdomain}}\n"
                "  terminals:\n    listen: [192.168.1.2@53]\n    default: deny\n"
                "    allow: [corp.example, time.example.net]"},
    {.name = "trust", .manual = "Whose signatures a list needs."},
    {.name = "update",
     .manual =
         "What cordon-update(8) fetches, from where, and what it asks before it puts it in "
         "force. cordond does not look at it."},
    {.name = "update.gate",
     .manual = "What an update must stand before it is put in force (docs/updates.md, Gate). "
               "Signatures and ratchet are looked at whatever stands here."},
    {.name = "exceptions",
     .manual = "Files of what is let through for a while (docs/exceptions.md), and whose "
               "signatures they need."},
    {.name = "events", .manual = "Where decisions are recorded, one line of JSON each."},
    {.name = "audit",
     .manual = "The audit log: signed, and made so that nobody can change it unseen "
               "(docs/audit-log.md)."},
    {.name = "control", .manual = "How the tool cordon(1) reaches the daemon."},
    {.name = "http", .manual = "Counters and health for monitoring, over HTTP."},
    {.name = "state", .manual = "What the daemon keeps from one start to the next."},
};
const size_t config_section_count = sizeof(config_sections) / sizeof(config_sections[0]);

/* clang-format off */
const struct config_row config_rows[] = {
    {.name = "server.listen", .kind = &config_kind_listen,
     .standard = "[127.0.0.1@5300, \"[::1]@5300\"]",
     .manual = "The addresses and ports to answer on, over UDP and TCP. An IPv6 address is put "
               "in quotes. Without @PORT the port is 53. 0.0.0.0 and :: are all addresses of the "
               "machine."},
    {.name = "server.workers", .kind = &config_kind_count, .offset = AT(workers),
     .standard = "auto", .min = 1, .max = 256, .zero = "auto",
     .manual = "The number of threads that answer. auto: one for each processor."},
    {.name = "server.steer", .kind = &config_kind_choice, .offset = AT(steer),
     .standard = "off", .words = switch_words,
     .manual = "on: a question over UDP goes to the worker that has the number of the processor "
               "which received it, from 0, if there is one, and is answered with what that "
               "processor has at hand. Worth while where the network card, or local clients, "
               "use all processors: with a card of one queue one worker gets everything. off: "
               "each client port has its worker, by chance. Kernels before 6.2 may do nothing "
               "about it."},
    {.name = "server.user", .kind = &config_kind_user, .offset = AT(user),
     .example = "cordon",
     .manual = "The user to become once ports are open. Not set: the one who started it."},
    {.name = "server.sandbox", .kind = &config_kind_choice, .offset = AT(sandbox),
     .standard = "auto", .words = sandbox_words,
     .manual = "auto: once ports are open, all rights that are not needed any more are given up: "
               "capabilities, files (Landlock), system calls (seccomp), each as far as the kernel "
               "can; cordon status shows what is in force. off: the user alone is changed."},
    {.name = "server.udp-size", .kind = &config_kind_count16, .offset = AT(udp_size),
     .standard = "1232", .min = 512, .max = 4096, .reloadable = true,
     .manual = "The largest answer over UDP, in octets; larger ones are truncated and asked "
               "for again over TCP. 1232 passes everywhere without fragments."},
    {.name = "server.rotate", .kind = &config_kind_choice, .offset = AT(rotate),
     .standard = "off", .words = switch_words, .reloadable = true,
     .manual = "on: of an answer with several addresses (A or AAAA records of one name), chance "
               "says which of them comes first, anew each time; the others follow in the order "
               "that they have, and all else stands where it did. So clients that take the first "
               "address are shared among them, also while the answer comes from the cache "
               "(round-robin). off: the order is that of the upstream."},
    {.name = "server.operators", .kind = &config_kind_operators,
     .standard = "[loopback]", .reloadable = true,
     .manual = "The networks of those who run this resolver: they, and nobody else, may ask it over DNS "
               "for the fingerprint of its policy (TXT fingerprint.cordon in class CH; cordon compare), "
               "which shows what lists and views there are. Written as access.allow, which they must be "
               "in as well. loopback alone: this machine. []: nobody."},

    {.name = "access.allow", .kind = &config_kind_access,
     .standard = "[loopback, private]", .reloadable = true,
     .manual = "The clients that are answered: prefixes, and the words loopback (127.0.0.0/8, "
               "::1), private (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16, "
               "fe80::/10, fc00::/7) and shared (100.64.0.0/10, the space between a provider and "
               "its customers, where strangers may live: so it is not part of private)."},
    {.name = "access.others", .kind = &config_kind_choice, .offset = AT(refuse_silently),
     .standard = "refuse", .words = others_words, .reloadable = true,
     .manual = "What all others get. refuse: REFUSED with Extended DNS Error 18. drop: nothing."},

    {.name = "access.rate", .kind = &config_kind_count, .offset = AT(rate),
     .standard = "2000", .min = 1, .max = 1000000, .zero = "off", .reloadable = true,
     .manual = "The questions a second that one client may ask, over all workers; five seconds' "
               "worth may come at once. A client is an address; all of an IPv6 /64 together may "
               "ask four times as many. One that has proven its address, by TCP or a server "
               "cookie (RFC 7873), has an allowance of its own, four times as large, which nobody who "
               "forges its address can use up. Loopback is never limited. Questions above it "
               "are not answered over UDP, but see slip; over TCP they are REFUSED. The default is far above "
               "what an office behind one address asks. off: no limit."},
    {.name = "access.slip", .kind = &config_kind_count, .offset = AT(rate_slip),
     .standard = "2", .min = 1, .max = 100, .zero = "off", .reloadable = true,
     .manual = "Each so many-th question above access.rate over UDP gets a short answer which says how "
               "to go on: BADCOOKIE with a cookie, or TC=1 so that the client asks over TCP. So a "
               "client whose address is forged by others still gets through. off: none."},

    {.name = "upstreams.servers", .kind = &config_kind_upstreams,
     .standard = "[system]", .reloadable = true,
     .manual = "The servers to ask, as ADDRESS or ADDRESS@PORT, and the word system for those "
               "that resolv-conf names. None may be an address of listen. Over TLS: "
               "tls://ADDRESS#NAME, port 853 if none is said, where NAME stands in the server's "
               "certificate (see tls-ca); or {address: ADDRESS, pins: [sha256/BASE64, ...]} for a "
               "server that is known by its public key; or with tls: NAME beside pins, and both "
               "must hold. One of up to four pins suffices; beside a name a pin may also be an "
               "issuer's. A server that cannot prove who it is gets no question, and a server "
               "over TLS is never asked in clear."},
    {.name = "upstreams.zones", .kind = &config_kind_forward,
     .standard = "{}", .reloadable = true,
     .manual = "Zones with servers of their own, a line each: ZONE: [ADDRESS, ...], or ZONE: "
               "{servers: [ADDRESS, ...], choose: ordered, policy: exempt}. The longest zone that a name is in "
               "counts, and nobody else is asked about it, whatever fails. Names of special "
               "use in such a zone, as the reverse names of private addresses, are asked of it. "
               "policy: apply (the default): lists decide about its names and answers as about "
               "any other; exempt: they do not. choose: as upstreams.choose, which counts where "
               "the zone does not say. The servers count among the 32 that there may "
               "be in all."},
    {.name = "upstreams.choose", .kind = &config_kind_word, .offset = AT(choose),
     .standard = "fastest", .words = config_choose_words, .reloadable = true,
     .manual = "Which of several servers is asked first. fastest: the one that answers fastest "
               "as measured, with those that are about as fast; now and then another one, so "
               "that one that has become faster is found. ordered: the first of servers. hashed: "
               "by a hash of the name, so that each server sees, and remembers, its own part "
               "of the names. A server that is down comes last in each case, and only its own "
               "questions go to the next one."},
    {.name = "upstreams.hedge", .kind = &config_kind_percent, .offset = AT(hedge_percent),
     .standard = "5%", .min = 1, .max = 25, .zero = "off", .reloadable = true,
     .manual = "When an answer is late (later than nearly all of this server's), the question "
               "is also asked of another server, and the first useful answer counts: for at "
               "most this share of all questions, so that servers which are slow together "
               "get no more than that on top. off: another server is asked only after the "
               "time of the first is over."},
    {.name = "upstreams.tls-ca", .kind = &config_kind_path, .offset = AT(tls_ca),
     .reloadable = true, .example = "/etc/cordon/ca.pem",
     .manual = "A file of CA certificates (PEM) that are believed for servers over TLS, instead "
               "of those of the system. Each certificate in it is believed, so a server's own "
               "will do. It is read at the start and at a reload."},
    {.name = "upstreams.resolv-conf", .kind = &config_kind_path, .offset = AT(resolv_conf),
     .standard = "/etc/resolv.conf", .reloadable = true,
     .manual = "The file whose nameserver lines the word system stands for."},
    {.name = "upstreams.follow", .kind = &config_kind_choice, .offset = AT(follow),
     .standard = "on", .words = switch_words, .reloadable = true,
     .manual = "on: where the word system is used, a change of resolv-conf is taken within two "
               "seconds, as when a machine joins another network; nothing else is reloaded, and a "
               "file that names no server changes nothing. off: it is read at the start and at a "
               "reload."},
    {.name = "upstreams.letter-case", .kind = &config_kind_choice,
     .offset = AT(letter_case_random),
     .standard = "random", .words = case_words, .reloadable = true,
     .manual = "random: letters of a name are asked in random case, which a forger would have "
               "to guess; given up for a server that does not return it. plain: lower case."},
    {.name = "upstreams.deadline", .kind = &config_kind_milliseconds,
     .offset = AT(deadline_ms),
     .standard = "4s", .min = 500, .max = 30000, .reloadable = true,
     .manual = "How long a question may take, retries and other servers included. Clients "
               "commonly ask again after 5s."},

    {.name = "local.special", .kind = &config_kind_choice, .offset = AT(local_special),
     .standard = "on", .words = switch_words, .reloadable = true,
     .manual = "on: localhost and names below it are this machine's loopback addresses; "
               "invalid, onion and local do not exist; resolver.arpa is empty; home.arpa and "
               "the reverse zones of addresses that are private, loopback, link-local or for "
               "documentation have nothing but what is said here (RFC 6761, 6762, 7686, 8375, "
               "9462, 6303). Only their DS records are asked for, so that clients which "
               "validate find proof that they are not signed. off: all of these are forwarded "
               "like any other name."},

    {.name = "local.records", .kind = &config_kind_records,
     .standard = "{}", .reloadable = true,
     .manual = "The addresses of names, a line each: NAME: ADDRESS or NAME: [ADDRESS, ...]. "
               "The addresses lead back to the name (PTR). Other types of such a name are "
               "answered as absent; names below it are none of these."},
    {.name = "local.hosts", .kind = &config_kind_hosts,
     .standard = "[]", .reloadable = true,
     .manual = "Files in the format of hosts(5), read at the start and at each reload; what "
               "cannot be used in them is reported and left out. At most 100000 names in all; "
               "what is to be blocked belongs into a list."},
    {.name = "local.zones", .kind = &config_kind_zone_files,
     .standard = "[]", .reloadable = true,
     .manual = "Files of zones in the format of RFC 1035, one zone each, read at the start and at "
               "each reload. What a zone has is answered here, what it does not have does not "
               "exist, and nothing about its names is asked elsewhere, unless upstreams.zones "
               "has a zone inside of it. All types of records, wildcards (RFC 4592) and aliases "
               "into the zones named here. Its addresses lead back to their names (PTR), the "
               "first one that stands in zones, records or hosts, unless a reverse zone is named "
               "here, too. $ORIGIN and $TTL are understood; a TTL stands before its class. "
               "Delegations, DNAME, $INCLUDE and signed zones are refused, with their place; so is "
               "a name in local.records that is in a zone, and one in local.hosts is left out. "
               "Answers do not have the AA bit: this is a resolver. At most 64 zones and "
               "100000 records."},
    {.name = "local.ttl", .kind = &config_kind_seconds, .offset = AT(local_ttl_s),
     .standard = "1m", .min = 0, .max = 1 * DAY_S, .reloadable = true,
     .manual = "How long clients keep what records and hosts say."},

    {.name = "local.rebinding-protection", .kind = &config_kind_choice,
     .offset = AT(rebinding_protection),
     .standard = "off", .words = switch_words, .reloadable = true,
     .manual = "on: an answer from an upstream that shows an address of the inside (private, "
               "loopback, link-local, unspecified, shared; also inside IPv6 addresses and in "
               "HTTPS records) is replaced by an empty one with Extended DNS Error 15, so that "
               "no page of the web can turn its name into a machine of this network. Worth "
               "having in a house. Off by default, since it breaks names of an organisation "
               "that its own upstreams answer, and the lists that mail servers ask, until "
               "rebinding-allow names them."},
    {.name = "local.rebinding-allow", .kind = &config_kind_zones,
     .standard = "[]", .reloadable = true,
     .manual = "Zones whose names may have addresses of the inside all the same: "
               "[corp.example, zen.spamhaus.org]. The asked name counts, not its aliases."},

    {.name = "cache.size", .kind = &config_kind_size, .offset = AT(cache_octets),
     .standard = "64MiB", .min = 1 * MiB, .max = 64 * GiB,
     .manual = "The memory for answers, keys and bookkeeping included."},
    {.name = "cache.ttl-min", .kind = &config_kind_seconds, .offset = AT(ttl_min_s),
     .standard = "0s", .min = 0, .max = 3600, .reloadable = true,
     .manual = "The shortest time that an answer is kept. Above 0s it overrides what the owner "
               "of a name says."},
    {.name = "cache.ttl-max", .kind = &config_kind_seconds, .offset = AT(ttl_max_s),
     .standard = "1d", .min = 1, .max = 7 * DAY_S, .reloadable = true,
     .manual = "The longest time that an answer is kept."},
    {.name = "cache.negative-ttl-max", .kind = &config_kind_seconds,
     .offset = AT(negative_ttl_max_s),
     .standard = "1h", .min = 0, .max = 1 * DAY_S, .reloadable = true,
     .manual = "The longest time that the absence of a name or type is kept (RFC 2308)."},
    {.name = "cache.failure-ttl", .kind = &config_kind_seconds, .offset = AT(failure_ttl_s),
     .standard = "5s", .min = 1, .max = 30, .reloadable = true,
     .manual = "How long it is remembered that no usable answer came (RFC 9520)."},
    {.name = "cache.prefetch", .kind = &config_kind_choice, .offset = AT(prefetch),
     .standard = "on", .words = switch_words, .reloadable = true,
     .manual = "on: an answer that is asked for in the last tenth of its time, and was before, is "
               "fetched anew at once, so that nobody waits for names that many ask for. Once for "
               "each answer, and never for a name that policy blocks; upstreams are asked at most "
               "a ninth more often."},
    {.name = "cache.serve-stale", .kind = &config_kind_seconds, .offset = AT(stale_max_s),
     .standard = "0s", .min = 0, .max = 7 * DAY_S, .reloadable = true,
     .manual = "For so long past their time answers are told when no upstream gives a usable one "
               "(RFC 8767), so that names go on to work while upstreams or their way out fail. 1d "
               "to 3d are usual; 0s, the default: never, since the owner of a name says how long "
               "it holds. Policy is asked at the time of the answer, as always: what is blocked "
               "by now is blocked. Extended DNS Error 3 or 19 tells clients that know of it. What "
               "is kept for longer makes room first."},
    {.name = "cache.stale-wait", .kind = &config_kind_milliseconds, .offset = AT(stale_wait_ms),
     .standard = "1800ms", .min = 100, .max = 30000, .reloadable = true,
     .manual = "How long a client waits for an upstream before it is told what is past its time; "
               "the upstreams are asked on, and a failure tells it at once. Above "
               "upstreams.deadline it is that."},
    {.name = "cache.stale-ttl", .kind = &config_kind_seconds, .offset = AT(stale_ttl_s),
     .standard = "30s", .min = 1, .max = 300, .reloadable = true,
     .manual = "How long clients keep such an answer."},
    {.name = "cache.stale-retry", .kind = &config_kind_seconds, .offset = AT(stale_retry_s),
     .standard = "30s", .min = 1, .max = 300, .reloadable = true,
     .manual = "After a failure nobody is asked about the same for so long, and such an answer is "
               "told at once."},
    {.name = "cache.keep", .kind = &config_kind_choice, .offset = AT(cache_keep),
     .standard = "off", .words = switch_words, .reloadable = true,
     .manual = "on: at an orderly stop what the cache holds is written to the file cache in "
               "state.directory, and the next start takes it back, older by the time between, "
               "unless other upstreams are asked now. The file has the names that were asked "
               "for; only the daemon's user can read it, and it is removed when it is read. "
               "off: nothing is written, and a file that is there is removed."},

    {.name = "policy.mode", .kind = &config_kind_choice, .offset = AT(log_only),
     .standard = "enforce", .words = mode_words, .reloadable = true,
     .manual = "enforce: as each list says. log: nothing is blocked, and what would have been is "
               "recorded; but for views with a mode of their own."},
    {.name = "policy.action", .kind = &config_kind_action, .offset = AT(action),
     .standard = "sinkhole", .reloadable = true,
     .manual = "The answer to a blocked name, where neither the rule nor lists.use says "
               "otherwise: sinkhole (the addresses of the option sinkhole), nxdomain, nodata, "
               "refused, drop (no answer), truncate (ask again over TCP), redirect:NAME (a CNAME "
               "to NAME) or redirect:*.NAME (the same with the asked name put before it)."},
    {.name = "policy.default", .kind = &config_kind_choice, .offset = AT(deny),
     .standard = "allow", .words = default_words, .reloadable = true,
     .manual = "What becomes of a name that no rule of an enforced list speaks of. allow: it is "
               "resolved. deny: it is blocked by the action, recorded as default-deny, and no "
               "packet about it leaves, unless a rule lets it through (pass) or it is in allow. "
               "The asked name alone is meant: where its answer leads (CNAME, HTTPS, addresses) "
               "is for the rules of lists. Not meant are names that are answered here (local) "
               "and those of zones with policy: exempt. A client that validates DNSSEC itself cannot "
               "do so there: keys of the zones above its names are denied, too."},
    {.name = "policy.allow", .kind = &config_kind_allow,
     .standard = "[]", .reloadable = true,
     .manual = "Names that default: deny lets through, with all below them: [corp.example]. What "
               "a list blocks stays blocked."},
    {.name = "policy.client", .kind = &config_kind_word, .offset = AT(client),
     .standard = "decide", .words = config_client_words, .reloadable = true,
     .manual = "What becomes of a client's questions before their names are looked at. decide: the "
               "rules about clients that the lists have (trigger=client). pass: nothing, whatever "
               "those say. log: each question is recorded. block: each is blocked by the action, "
               "and recorded. Meant for a view, whose clients and listen say who it is. Names that "
               "are answered here (local) are answered all the same, and so are those of zones with "
               "policy: exempt."},
    {.name = "policy.targets", .kind = &config_kind_word, .offset = AT(targets),
     .standard = "log", .words = config_mode_words, .reloadable = true,
     .manual = "At most this is done about the targets of MX, SRV, NS and PTR records in answers, by "
               "rules about names. enforce: as about targets of CNAME and HTTPS records. log: it is "
               "recorded. off: they are not looked at."},
    {.name = "policy.name-servers", .kind = &config_kind_word, .offset = AT(name_servers),
     .standard = "enforce", .words = config_mode_words, .reloadable = true,
     .manual = "At most this is done by rules about the name servers of the zone that answered "
               "(trigger=nameserver in cordon-list(5)). off, or no such rule in any list that counts: "
               "nothing is asked about name servers. Else each zone costs the upstreams a question "
               "for its NS records, once for their TTL, and where a rule is about addresses up to "
               "eight for those of its first four servers; all together at most 100 a second for "
               "each worker, 200 at once, and 12 for one question of a client. log: no answer waits "
               "for it. What cannot be known is let through and counted (`cordon status`). The zone "
               "is taken to be that which the answer shows by an SOA or a signature, else the "
               "registrable domain."},
    {.name = "policy.name-server-wait", .kind = &config_kind_milliseconds,
     .offset = AT(name_server_wait_ms),
     .standard = "400ms", .min = 0, .max = 5000, .reloadable = true,
     .manual = "How long a question waits at most for the name servers of a zone that are not known "
               "yet, where a rule about them is enforced; then it is answered. 0ms: those that are "
               "known count, and nobody waits. The default is long enough for an upstream that must "
               "ask the world, and short enough that a client does not ask again."},
    {.name = "policy.categories", .kind = &config_kind_categories,
     .standard = "{}", .reloadable = true,
     .manual = "What rules of a category do at most, whatever the mode of their list: "
               "{package-mirror: log, public-dns: off}. log: their names are let through and "
               "recorded, also where a rule for a shorter name blocks; off: they say nothing, and "
               "others decide; enforce, or not named: as the list. The words are those of the lists "
               "(`cordon list stats`); at most 64. A rule that lets through (pass) keeps its word "
               "here and with scopes and confidence: they never block more than before."},
    {.name = "policy.scopes", .kind = &config_kind_scopes,
     .standard = "{}", .reloadable = true,
     .manual = "The same by scope: cloud, cdn, nameserver, corporate, consumer: "
               "{consumer: log}."},
    {.name = "policy.confidence", .kind = &config_kind_confidence,
     .standard = "{log: low, apply: low}", .reloadable = true,
     .manual = "The least confidence (low, medium, high) that a rule needs to be recorded, and to be "
               "applied: {log: low, apply: medium} only records what is known with low confidence. apply is not less "
               "than log; not named: as log."},
    {.name = "policy.when", .kind = &config_kind_when,
     .standard = "[]", .reloadable = true,
     .manual = "What is otherwise while a schedule holds; the first that does counts: [{schedule: school-night, mode: "
               "enforce, lists: {games: enforce}}, ...], at most 16. mode, action and default are as those of policy; lists "
               "gives lists another mode (or {mode: MODE, action: ACTION}), off included: those that are not named stay as "
               "they are, and those that are named nowhere else come last. It is in force within a second, without a "
               "reload."},
    {.name = "policy.block-ttl", .kind = &config_kind_seconds, .offset = AT(block_ttl_s),
     .standard = "10s", .min = 0, .max = 1 * DAY_S, .reloadable = true,
     .manual = "How long clients keep a blocked answer; so long an exception takes to be seen."},
    {.name = "policy.sinkhole", .kind = &config_kind_sinkhole,
     .standard = "[0.0.0.0, \"::\"]", .reloadable = true,
     .manual = "The addresses that the action sinkhole answers with, one IPv4 and one IPv6."},
    {.name = "policy.ede", .kind = &config_kind_ede,
     .standard = "auto", .words = ede_words, .reloadable = true,
     .manual = "The Extended DNS Error (RFC 8914) of blocked answers that hold no forged "
               "address: blocked (15), filtered (17), censored (16), prohibited (18); auto: "
               "censored where the list names a law that requires it, else blocked. off: none at "
               "all, also elsewhere."},
    {.name = "policy.contact", .kind = &config_kind_words, .offset = AT(contact),
     .reloadable = true,
     .example = "\"IT service desk, helpdesk@example.com, extension 4444\"",
     .manual = "Whom a person asks whose name is blocked: up to 256 octets in your own words, which "
               "`cordon why` shows."},

    {.name = "lists.directory", .kind = &config_kind_path, .offset = AT(list_directory),
     .standard = CONFIG_LIST_DIRECTORY, .reloadable = true,
     .manual = "The folder of the files ID.list and their signatures."},
    {.name = "lists.when-missing", .kind = &config_kind_word, .offset = AT(when_missing),
     .standard = "stop", .words = missing_words, .reloadable = true,
     .manual = "What a start does where lists of lists.directory cannot be loaded, and no version "
               "of them that was accepted before was kept in state.directory. stop: it fails, and "
               "says why. pass: it goes on without them, with an alarm: nothing of them is "
               "blocked. A reload keeps what is in force in any case."},
    {.name = "lists.use", .kind = &config_kind_use,
     .standard = "\n    huawei-cloud: enforce\n    alibaba-cloud: enforce\n"
                 "    tencent-cloud: enforce\n    baidu-cloud: enforce\n"
                 "    huawei-cloud-prefixes: log\n    alibaba-cloud-prefixes: log\n"
                 "    tencent-cloud-prefixes: log\n    baidu-cloud-prefixes: log",
     .reloadable = true,
     .manual = "Each list with its mode: enforce, log (record what would have been blocked) or "
               "off; or {mode: MODE, action: ACTION, stages: off}. The longest rule for a name decides; "
               "where two lists have one of the same length, pass comes before block, and then "
               "the earlier list here. Lists that are not named are off."},
    {.name = "lists.keep", .kind = &config_kind_count, .offset = AT(lists_keep),
     .standard = "5", .min = 0, .max = 100, .reloadable = true,
     .manual = "So many versions of each list that were in force are kept, with their "
               "signatures, in the folder lists of state.directory: cordon list rollback puts one "
               "back, cordon explain --at explains by them. The one in force is among them. 0: "
               "none are."},
    {.name = "lists.stages", .kind = &config_kind_stages, .standard = "none",
     .reloadable = true, .example = "[{for: 1d, mode: log}, {for: 1d, share: 10%}]",
     .manual = "How a newer version of a list is brought in beside the one in force, step by step: up to 8 stages, each with "
               "its time (for: 1m to 90d) and one of mode: log (what it would do otherwise is recorded), share: 10% (it counts "
               "for that share of the clients, by a keyed hash of their addresses) and views: [pilot] (for all clients of these "
               "views). log comes first, shares rise, and what has the newer version keeps it; after the last stage it counts for all. cordon list stages shows "
               "where each is, cordon list advance ends a stage early. none: at once for all."},

    {.name = "schedules.NAME.zone", .kind = &config_kind_schedule_zone, .reloadable = true,
     .manual = "The time zone, by its name in the database of the system (tzdata): Europe/Berlin, UTC. It must be set."},
    {.name = "schedules.NAME.days", .kind = &config_kind_schedule_days, .reloadable = true,
     .manual = "Days of the week on which the hours begin: mon, tue, wed, thu, fri, sat, sun, and ranges such as "
               "mon-fri. Not set: every day."},
    {.name = "schedules.NAME.hours", .kind = &config_kind_schedule_hours, .reloadable = true,
     .manual = "Hours of such a day, up to 8: [\"08:00-12:30\", \"22:00-06:00\"]. The second time is the first that is not meant any "
               "more, 24:00 at most; one that is before the first is on the next day. Not set: the whole day."},
    {.name = "schedules.NAME.dates", .kind = &config_kind_schedule_dates, .reloadable = true,
     .manual = "Dates on which the hours begin, up to 64: [2026-12-24, 2026-12-28..2027-01-03]; the days must be right, too. "
               "Not set: every date."},
    {.name = "schedules.NAME.except", .kind = &config_kind_schedule_except, .reloadable = true,
     .manual = "Dates on which no hours begin: public holidays."},

    {.name = "views.NAME.clients", .kind = &config_kind_view_clients, .reloadable = true,
     .manual = "The clients of the view: prefixes, and the words of access.allow, which still "
               "says who is answered at all. At most 64. Not set: whoever asks at listen."},
    {.name = "views.NAME.listen", .kind = &config_kind_view_listen, .reloadable = true,
     .manual = "The addresses asked, as server.listen has them, or addresses of this machine "
               "that a wildcard (0.0.0.0, ::) there covers. Both the address and the port count. "
               "At most 8. Not set: all."},
    {.name = "views.NAME.use", .kind = &config_kind_view_use, .reloadable = true,
     .manual = "As lists.use, instead of it: lists that are not named are off in this view."},
    {.name = "views.NAME.mode", .kind = &config_kind_view_mode, .words = mode_words,
     .reloadable = true, .manual = "As policy.mode."},
    {.name = "views.NAME.action", .kind = &config_kind_view_action, .reloadable = true,
     .manual = "As policy.action."},
    {.name = "views.NAME.sinkhole", .kind = &config_kind_view_sinkhole, .reloadable = true,
     .manual = "As policy.sinkhole."},
    {.name = "views.NAME.default", .kind = &config_kind_view_default, .words = default_words,
     .reloadable = true, .manual = "As policy.default."},
    {.name = "views.NAME.allow", .kind = &config_kind_view_allow, .reloadable = true,
     .manual = "As policy.allow, instead of it."},
    {.name = "views.NAME.client", .kind = &config_kind_view_word,
     .offset = offsetof(struct config_view, client), .words = config_client_words,
     .reloadable = true, .manual = "As policy.client."},
    {.name = "views.NAME.targets", .kind = &config_kind_view_word,
     .offset = offsetof(struct config_view, targets), .words = config_mode_words,
     .reloadable = true, .manual = "As policy.targets."},
    {.name = "views.NAME.name-servers", .kind = &config_kind_view_word,
     .offset = offsetof(struct config_view, name_servers), .words = config_mode_words,
     .reloadable = true, .manual = "As policy.name-servers."},
    {.name = "views.NAME.categories", .kind = &config_kind_categories, .reloadable = true,
     .manual = "As policy.categories, instead of it."},
    {.name = "views.NAME.scopes", .kind = &config_kind_scopes, .reloadable = true,
     .manual = "As policy.scopes, instead of it."},
    {.name = "views.NAME.confidence", .kind = &config_kind_confidence, .reloadable = true,
     .manual = "As policy.confidence, instead of it."},
    {.name = "views.NAME.when", .kind = &config_kind_when, .reloadable = true,
     .manual = "As policy.when, instead of it: []: the view is always the same."},

    {.name = "trust.keys", .kind = &config_kind_keys, .reloadable = true,
     .example = "\n    - " CONFIG_LIST_DIRECTORY "/keys/list-a.pub\n    - " CONFIG_LIST_DIRECTORY
                "/keys/list-b.pub\n    - " CONFIG_LIST_DIRECTORY "/keys/list-c.pub",
     .manual = "The public keys whose signatures count: files of minisign(1), or the line in "
               "one that begins with RW: the simple way for lists of one's own, without root, "
               "catalogue and ratchet. Not set: the root counts, trust.root; if there is none, "
               "list-a.pub, list-b.pub and list-c.pub in the folder keys of lists.directory."},
    {.name = "trust.threshold", .kind = &config_kind_count, .offset = AT(threshold),
     .standard = "2", .min = 1, .max = CONFIG_KEYS_MAX, .reloadable = true,
     .manual = "How many different keys of trust.keys must have signed a list. With a root, the "
               "root says it."},
    {.name = "trust.root", .kind = &config_kind_path, .offset = AT(root), .reloadable = true,
     .example = CONFIG_LIST_DIRECTORY "/1.root",
     .manual = "The root of trust that this installation pins, N.root (cordon-trust(5)): whose "
               "keys sign the lists of lists.directory and their catalogue. Newer roots are "
               "followed there. What is older than what was accepted once is refused "
               "(trust.ratchet in state.directory). Not set, and trust.keys neither: 1.root in "
               "lists.directory, if it is there."},
    {.name = "trust.publishers", .kind = &config_kind_publishers, .reloadable = true,
     .example = "\n    partner:\n      directory: /var/lib/partner-lists\n"
                "      root: /etc/cordon/partner.root\n      lists: [partner-cloud]\n"
                "      providers: [partner]\n      names: [partner.example]",
     .manual = "Publishers of lists beside that of lists.directory, each with a root that you "
               "pin, a folder for its catalogue, lists and later roots, the lists that come "
               "from there (lists.use says their modes), and its scope: the providers, and the "
               "names (with all below them) or address prefixes, of which they may speak. A "
               "list that speaks of anything else is refused as a whole. sources: where "
               "cordon-update(8) fetches its files from, as update.sources."},
    {.name = "trust.dead-after", .kind = &config_kind_seconds, .offset = AT(dead_after_s),
     .standard = "never", .min = 3600, .max = 3660 * DAY_S, .zero = "never", .reloadable = true,
     .manual = "A list that is past its expiry, or whose catalogue or root is, is stale: it "
               "stays in force, and status, metrics and log say so. Stale for so long it is "
               "dead."},
    {.name = "trust.dead", .kind = &config_kind_word, .offset = AT(dead),
     .standard = "enforce", .words = dead_words, .reloadable = true,
     .manual = "What becomes of a dead list: enforce: it stays in force all the same. refuse: "
               "the views that enforce it answer every question with REFUSED. pass: it only "
               "records, as in mode log."},

    {.name = "update.sources", .kind = &config_kind_sources, .reloadable = true,
     .example = "[https://lists.example/cordon, https://mirror.example/cordon]",
     .manual = "Where cordon-update(8) fetches what the publisher of lists.directory ships: folders of "
               "web servers (https://HOST/FOLDER), or of this machine. They are mirrors of each other: the first that answers counts, one "
               "that has failed comes last for a while. At most 8. None: nothing is fetched."},
    {.name = "update.directory", .kind = &config_kind_path, .offset = AT(update_directory),
     .standard = CONFIG_UPDATE_DIRECTORY, .reloadable = true,
     .manual = "The folder of cordon-update(8): PUBLISHER/current in it leads to the version in "
               "force, which lists.directory is to be set to. Only the updater's user may write there."},
    {.name = "update.keep", .kind = &config_kind_count, .offset = AT(update_keep),
     .standard = "5", .min = 2, .max = CONFIG_KEPT_MAX, .reloadable = true,
     .manual = "How many versions of each publisher are kept there; a file that has not changed takes its room once."},
    {.name = "update.every", .kind = &config_kind_seconds, .offset = AT(update_every_s),
     .standard = "6h", .min = 60, .max = 30 * DAY_S, .reloadable = true,
     .manual = "How often cordon-update --every looks, give or take a tenth; sooner after a failure. "
               "The timer of systemd has its own word."},
    {.name = "update.lists", .kind = &config_kind_choice, .offset = AT(update_used_only),
     .standard = "all", .words = which_words, .reloadable = true,
     .manual = "all: every list that a catalogue names, so that one can be turned on at once. used: those alone "
               "that lists.use or a view names."},
    {.name = "update.size", .kind = &config_kind_size, .offset = AT(update_octets),
     .standard = "256MiB", .min = 1 * MiB, .max = 64 * GiB, .reloadable = true,
     .manual = "The most that the lists of one publisher may have together; no file is read beyond the "
               "size that the catalogue names."},
    {.name = "update.ca", .kind = &config_kind_path, .offset = AT(update_ca),
     .reloadable = true, .example = "/etc/cordon/update-ca.pem",
     .manual = "A file of CA certificates (PEM) that alone are believed for https:// sources, instead of those of the "
               "system."},
    {.name = "update.http", .kind = &config_kind_word, .offset = AT(update_clear),
     .standard = "local", .words = clear_words, .reloadable = true,
     .manual = "Which http:// sources are asked, without TLS: local: those at loopback, private and link-local addresses; "
               "any; off: none. What comes from there is signed all the same, but others see what is fetched, and can keep it back."},
    {.name = "update.connect", .kind = &config_kind_milliseconds, .offset = AT(update_connect_ms),
     .standard = "10s", .min = 100, .max = 300000, .reloadable = true,
     .manual = "How long a connection to a source may take, TLS included."},
    {.name = "update.stalled", .kind = &config_kind_seconds, .offset = AT(update_stalled_s),
     .standard = "30s", .min = 1, .max = 3600, .reloadable = true,
     .manual = "A source that sends less than 1 KiB a second for so long is given up; another one goes on where it stopped."},
    {.name = "update.timeout", .kind = &config_kind_seconds, .offset = AT(update_timeout_s),
     .standard = "10m", .min = 1, .max = 1 * DAY_S, .reloadable = true,
     .manual = "The longest that one file may take. What has come by then is kept, and the next run goes on from there."},

    {.name = "update.gate.must-resolve", .kind = &config_kind_must_resolve,
     .standard = "[]", .reloadable = true,
     .manual = "Names that an update must not newly block, in any view and under any schedule: "
               "[mail.corp.example, time.corp.example]. At most 1000. The hosts of the sources "
               "above are among them anyhow. The names alone are meant: which others they lead "
               "to (CNAME) is not known when the gate looks."},
    {.name = "update.gate.growth", .kind = &config_kind_percent, .offset = AT(gate.growth_percent),
     .standard = "50%", .min = 1, .max = 100000, .zero = "any", .reloadable = true,
     .manual = "How many rules may come or change, in a list and in all together, by share of those that "
               "there were. Where a list is enforced nowhere, more is a warning."},
    {.name = "update.gate.shrink", .kind = &config_kind_percent, .offset = AT(gate.shrink_percent),
     .standard = "30%", .min = 1, .max = 100, .zero = "any", .reloadable = true,
     .manual = "How many rules may go or change, likewise."},
    {.name = "update.gate.drift", .kind = &config_kind_percent, .offset = AT(gate.drift_percent),
     .standard = "200%", .min = 1, .max = 100000, .zero = "any", .reloadable = true,
     .manual = "How many rules may have come or changed since the oldest version that is kept: what grows "
               "slowly is noticed, too."},
    {.name = "update.gate.small", .kind = &config_kind_count, .offset = AT(gate.small_rules),
     .standard = "50", .min = 0, .max = 1000000, .reloadable = true,
     .manual = "So many rules may come, go or change in any list, however small it is."},
    {.name = "update.gate.replay", .kind = &config_kind_seconds, .offset = AT(gate.replay_s),
     .standard = "7d", .min = 3600, .max = 3660 * DAY_S, .zero = "off", .reloadable = true,
     .manual = "How far back recorded questions are decided anew, by what is in force and by the update, "
               "where there is an audit log that may be read."},
    {.name = "update.gate.replay-names", .kind = &config_kind_count, .offset = AT(gate.replay_names),
     .standard = "20", .min = 1, .max = 1000000, .zero = "any", .reloadable = true,
     .manual = "How many of the names that were asked for may be newly blocked; fewer are a "
               "warning."},
    {.name = "update.gate.replay-clients", .kind = &config_kind_count,
     .offset = AT(gate.replay_clients), .standard = "20", .min = 1, .max = 1000000, .zero = "any",
     .reloadable = true,
     .manual = "How many clients may have asked for such a name; fewer are a warning."},

    {.name = "exceptions.files", .kind = &config_kind_exception_files,
     .standard = "[]", .reloadable = true,
     .manual = "Files of exceptions, read at the start and at each reload; at most 16, with 4096 "
               "exceptions in all. One that is damaged, over, or not signed as is needed is refused "
               "as a whole, with its place, in the log, in cordon status and as an event; what was "
               "in force from it goes on, each exception until its own end."},
    {.name = "exceptions.keys", .kind = &config_kind_exception_keys,
     .standard = "[]", .reloadable = true,
     .manual = "The public keys of those who approve exceptions, as trust.keys, and none of them: "
               "who signs lists does not sign exceptions from them."},
    {.name = "exceptions.threshold", .kind = &config_kind_count,
     .offset = AT(exception_threshold), .standard = "1", .min = 1, .max = CONFIG_KEYS_MAX,
     .reloadable = true,
     .manual = "How many different keys must have signed a file of exceptions."},
    {.name = "exceptions.signed", .kind = &config_kind_choice, .offset = AT(exceptions_signed),
     .standard = "optional", .words = signed_words, .reloadable = true,
     .manual = "required: only exceptions in signed files count; cordon exception add is refused, "
               "and what it added before has no effect. optional: a file without any signature "
               "counts, too, and one that has some must have enough of them, where keys are named."},
    {.name = "exceptions.warn", .kind = &config_kind_seconds, .offset = AT(exception_warn_s),
     .standard = "14d", .min = 3600, .max = 366 * DAY_S, .zero = "never", .reloadable = true,
     .manual = "So long before its end an exception is told of in the log and as an event, if it "
               "lasts for longer than that."},

    {.name = "events.to", .kind = &config_kind_output, .offset = AT(events_to),
     .standard = "stdout",
     .manual = "stdout, the file to append to, or none: then decisions are in the audit log and "
               "in its sinks alone, which costs less than writing them down twice."},
    {.name = "events.rotate", .kind = &config_kind_size, .offset = AT(events_rotate_octets),
     .standard = "64MiB", .min = 1 * MiB, .max = 1024 * GiB, .zero = "never",
     .manual = "The size at which the file becomes FILE.1 and a new one begins, or never."},
    {.name = "events.keep", .kind = &config_kind_count, .offset = AT(events_keep),
     .standard = "5", .min = 1, .max = 100,
     .manual = "How many of FILE.1, FILE.2 and so on are kept."},

    {.name = "audit.decisions", .kind = &config_kind_choice, .offset = AT(audit_decisions),
     .standard = "on", .words = switch_words,
     .manual = "on: each question that a rule matched is recorded, whether it was blocked or only "
               "would have been, and so is what people and the daemon itself change."},
    {.name = "audit.queries", .kind = &config_kind_choice, .offset = AT(audit_queries),
     .standard = "off", .words = switch_words,
     .manual = "on: every question is recorded, with its client; look first at what the law says "
               "about that where you are. Changes are recorded with it, too."},
    {.name = "audit.directory", .kind = &config_kind_path, .offset = AT(audit_directory),
     .example = "/var/lib/cordon/audit",
     .manual = "The folder of the log. Not set: audit in state.directory. The key that signs it "
               "lies in audit.key in state.directory, and its public half in audit.key.pub."},
    {.name = "audit.decisions-when-full", .kind = &config_kind_choice,
     .offset = AT(audit_decisions_refuse), .standard = "drop", .words = full_words,
     .manual = "What holds while a decision cannot be recorded, as the disk is full, fails or is "
               "too slow. drop: the answer goes on, and a gap in the log says how many are "
               "missing. refuse: SERVFAIL rather than an answer whose decision is not recorded."},
    {.name = "audit.queries-when-full", .kind = &config_kind_choice,
     .offset = AT(audit_queries_refuse), .standard = "drop", .words = full_words,
     .manual = "The same for questions, where audit.queries is on: refuse then means that nobody "
               "is answered while the disk is full."},
    {.name = "audit.octets", .kind = &config_kind_size, .offset = AT(audit_octets),
     .standard = "1GiB", .min = 8 * MiB, .max = 1024 * 1024 * GiB, .zero = "unlimited",
     .manual = "The size of all files at which the log takes nothing but changes any more, with an "
               "alarm, so that it never fills a disk; what then holds for decisions and questions is "
               "what holds when the disk is full. Old events are removed before "
               "(audit.decisions-octets, audit.queries-octets)."},
    {.name = "audit.decisions-octets", .kind = &config_kind_size,
     .offset = AT(audit_decisions_octets), .standard = "share", .min = 1 * MiB,
     .max = 1024 * 1024 * GiB, .zero = "share",
     .manual = "How much of the log the events of decisions may take; above it the oldest are "
               "removed, on the record. share: half of audit.octets, or five eighths without "
               "audit.queries. Neither stream ever takes the place of the other."},
    {.name = "audit.queries-octets", .kind = &config_kind_size, .offset = AT(audit_queries_octets),
     .standard = "share", .min = 1 * MiB, .max = 1024 * 1024 * GiB, .zero = "share",
     .manual = "The same of questions. share: a quarter of audit.octets. The rest is for changes, and "
               "for the headers and checkpoints that stay when events are removed."},
    {.name = "audit.decisions-keep", .kind = &config_kind_seconds,
     .offset = AT(audit_keep_decisions_s), .standard = "400d", .min = DAY_S, .max = 36600 * DAY_S,
     .zero = "forever",
     .manual = "So long decisions are kept; then they are removed, within a day, on the record."},
    {.name = "audit.queries-keep", .kind = &config_kind_seconds, .offset = AT(audit_keep_queries_s),
     .standard = "30d", .min = DAY_S, .max = 36600 * DAY_S, .zero = "forever",
     .manual = "The same of questions."},
    {.name = "audit.client", .kind = &config_kind_word, .offset = AT(audit_client),
     .standard = "full", .words = client_form_words,
     .manual = "How the client of a decision is told, in the log and wherever events go. full: its "
               "address. prefix: its network (audit.prefix-v4, audit.prefix-v6). pseudonym: sixteen octets "
               "made with a secret key of the day, by which it is the same client within a day, and nobody "
               "any more once the key is destroyed (audit.pseudonym-keys). absent: nothing. But for full its "
               "port is not told either."},
    {.name = "audit.queries-client", .kind = &config_kind_word, .offset = AT(audit_queries_client),
     .standard = "same", .words = queries_client_words,
     .manual = "The same for the stream of questions. same: as audit.client."},
    {.name = "audit.prefix-v4", .kind = &config_kind_count, .offset = AT(audit_prefix_v4),
     .standard = "24", .min = 1, .max = 32,
     .manual = "Bits that are left of an IPv4 address by prefix."},
    {.name = "audit.prefix-v6", .kind = &config_kind_count, .offset = AT(audit_prefix_v6),
     .standard = "48", .min = 1, .max = 128,
     .manual = "Bits that are left of an IPv6 address by prefix."},
    {.name = "audit.names", .kind = &config_kind_choice, .offset = AT(audit_names_hashed),
     .standard = "clear", .words = hash_words,
     .manual = "hashed: the stream of questions has names as hashes with the key of the day alone. What "
               "a rule matched is a decision, and its name is told there. What needs names (search by "
               "name, the gate's replay) finds no questions then."},
    {.name = "audit.pseudonym-keys", .kind = &config_kind_seconds,
     .offset = AT(audit_pseudonym_keys_s), .standard = "30d", .min = 3600, .max = 3660 * DAY_S,
     .manual = "So long after its day (UTC) the key of pseudonyms and hashes is kept, in audit-keys in "
               "state.directory. Then it is destroyed: records stay and verify, and nobody can say any "
               "more whose they are."},
    {.name = "audit.file", .kind = &config_kind_size, .offset = AT(audit_file_octets),
     .standard = "64MiB", .min = 1 * MiB, .max = 16 * GiB,
     .manual = "The size at which the next file of the log is begun."},
    {.name = "audit.block-time", .kind = &config_kind_seconds, .offset = AT(audit_block_s),
     .standard = "10s", .min = 1, .max = 3600,
     .manual = "So long an event waits for the block that it is written with, at the most: what "
               "an end without order (a kill, a power failure) can cost. Shorter ones make the "
               "log larger."},
    {.name = "audit.checkpoint-time", .kind = &config_kind_seconds,
     .offset = AT(audit_checkpoint_s), .standard = "1m", .min = 1, .max = DAY_S,
     .manual = "A signed checkpoint is made after so long, also if nothing happens."},
    {.name = "audit.checkpoint-events", .kind = &config_kind_count,
     .offset = AT(audit_checkpoint_events), .standard = "100000", .min = 1, .max = 1000000000,
     .manual = "And after blocks of so many events."},
    {.name = "audit.origin", .kind = &config_kind_origin, .offset = AT(audit_origin),
     .example = "resolver-1.example.net/audit",
     .manual = "The name of the log and of its key, which checkpoints begin with; no other log "
               "should have it. Not set: made of the name of this machine at the first start. "
               "Another one begins another log."},
    {.name = "audit.publish", .kind = &config_kind_word, .offset = AT(audit_publish),
     .standard = "none", .words = publish_words,
     .manual = "Where each checkpoint is told beside the log, so that somebody else has it and "
               "the log cannot be made anew: events: as a line where events.to says; syslog: to "
               "/dev/log; both."},
    {.name = "audit.sinks", .kind = &config_kind_sinks,
     .example = "\n    siem: {format: syslog, to: \"tls://192.0.2.30@6514#siem.example\"}\n"
                "    tap: {format: dnstap, to: \"unix:/run/tap/dnstap.sock\", streams: [decisions]}",
     .manual = "Where events are sent as they happen, beside the log, up to 8, each by a name of its "
               "own (docs/audit.md, Sending). format: json, ocsf, dnstap or syslog. to: file:PATH, unix:PATH, "
               "udp://ADDRESS@PORT (syslog alone), tcp://ADDRESS@PORT or tls://ADDRESS@PORT#NAME, with NAME "
               "in the certificate; pins: [sha256/...] instead of a name or beside it, ca: a file of the CA certificates that are believed "
               "instead of those of the system. streams: [decisions, changes] unless it says otherwise; "
               "dnstap and ocsf have no changes; queries is every question, whatever audit.queries says. queue: "
               "4MiB of memory for what waits (128KiB to 1GiB); what finds no room is lost and counted, and no "
               "answer waits. rotate: 64MiB (or never) and keep: 5, of a file; one of dnstap also "
               "begins anew at each start. facility: of syslog (authpriv); enterprise: the number in the name of its structured data (32473, which is nobody's). They show no more of "
               "a client than the log may."},

    {.name = "control.socket", .kind = &config_kind_socket, .offset = AT(control_socket),
     .standard = CONFIG_CONTROL_SOCKET,
     .manual = "The socket for status and reload; its folder belongs to it alone."},

    {.name = "http.listen", .kind = &config_kind_http,
     .standard = "off",
     .manual = "Where /metrics (for Prometheus), /healthz and /readyz are answered: ADDRESS@PORT, "
               "as 127.0.0.1@9153, or the absolute path of a unix socket (mode 0660, as the control "
               "socket). They hold counters, lists and upstreams; no names that were asked, no "
               "clients. Every user of this machine can read a port of the loopback."},
    {.name = "http.reach", .kind = &config_kind_choice, .offset = AT(http_network),
     .standard = "local", .words = reach_words,
     .manual = "local: http.listen must be an address of the loopback or a path, and a request "
               "whose Host is a name other than localhost is refused, so that no page of the web "
               "can have a browser read it. network: any address. There is no password: a "
               "firewall decides who reads the counters."},

    {.name = "state.directory", .kind = &config_kind_path, .offset = AT(state_directory),
     .standard = CONFIG_STATE_DIRECTORY,
     .manual = "The folder for pauses and exceptions (overrides.jsonl), and for what can be made "
               "again but saves time, such as compiled lists. Only the daemon's user may write "
               "there."},
};
/* clang-format on */
const size_t config_row_count = sizeof(config_rows) / sizeof(config_rows[0]);

bool config_row_is_in(const struct config_row *row, const char *section, const char **option)
{
    const size_t len = strlen(section);

    if (strncmp(row->name, section, len) != 0 || row->name[len] != '.') {
        return false;
    }
    *option = row->name + len + 1;
    /* Of a section inside of this one; but "NAME.option" is one that the operator names. */
    return strchr(*option, '.') == NULL || strncmp(*option, "NAME.", 5) == 0;
}

const char *config_dead_word(enum config_dead dead)
{
    return dead_words[dead].word;
}
