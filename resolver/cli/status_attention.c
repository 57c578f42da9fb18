/* cli/status_attention.c - what asks for somebody, in the document of `status`. */
#include "cli/status_attention.h"

#include "cli/ask.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void cli_status_upstream(const json_t *server, char *out, size_t size)
{
    const bool tls = strcmp(cli_string_of(server, "transport"), "tls") == 0;
    const json_t *name = json_object_get(server, "tls_name");

    snprintf(out, size, "%s%s%s%s", tls ? "tls://" : "", cli_string_of(server, "address"),
             json_is_string(name) ? "#" : "",
             json_is_string(name) ? json_string_value(name) : "");
}

static unsigned attention(unsigned *count, bool wrong, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static unsigned attention(unsigned *count, bool wrong, const char *format, ...)
{
    va_list arguments;

    if (wrong) {
        printf(*count == 0 ? "\nneeds attention\n  " : "  ");
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        printf("\n");
        ++*count;
    }
    return *count;
}

/* Pauses, and what is wrong with the file that keeps them. */
static void changes_attention(unsigned *count, const json_t *changes)
{
    const json_t *damage = json_object_get(changes, "damage");

    attention(count, cli_number_of(changes, "pauses") > 0,
              "lists are paused (%" PRIu64 "), so less is blocked: `cordon pause list`",
              cli_number_of(changes, "pauses"));
    for (size_t i = 0; i < json_array_size(damage); i++) {
        attention(count, true, "%s", json_string_value(json_array_get(damage, i)));
    }
    const json_t *files = json_object_get(changes, "exception_files");
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i);
        const bool refused = json_is_string(json_object_get(file, "refused"));

        attention(count, refused, "a file of exceptions was refused, and %s: %s",
                  json_is_string(json_object_get(file, "id"))
                      ? "what was in force from it goes on"
                      : "nothing is in force from it",
                  cli_string_of(file, "refused"));
        attention(count, !refused && json_is_true(json_object_get(file, "over")),
                  "%s is over since %s: have a new one made and signed, or nothing of it is in "
                  "force after a restart",
                  cli_string_of(file, "file"), cli_string_of(file, "expires"));
    }
    attention(count, cli_number_of(changes, "exceptions_rule_gone") > 0,
              "%" PRIu64 " exceptions are for rules that no list has: `cordon exception list`",
              cli_number_of(changes, "exceptions_rule_gone"));
    attention(count, cli_number_of(changes, "exceptions_without_effect") > 0,
              "%" PRIu64
              " exceptions are without effect, for want of their view or of a signature: "
              "`cordon exception list`",
              cli_number_of(changes, "exceptions_without_effect"));
    attention(count, json_is_true(json_object_get(changes, "unsaved")),
              "%s cannot be written: what has ended may be back after a restart",
              cli_string_of(changes, "file"));
}

/* The memory of what was accepted. */
static void trust_attention(unsigned *count, const json_t *trust)
{
    const char *lost = cli_string_of(trust, "memory_lost");
    const char *unwritten = cli_string_of(trust, "memory_unwritten_since");
    const bool still = json_is_true(json_object_get(trust, "memory_unwritten"));
    const json_t *broken = json_object_get(trust, "broken");

    for (size_t i = 0; i < json_array_size(broken); i++) {
        const json_t *one = json_array_get(broken, i);
        const char *publisher = cli_string_of(one, "publisher");

        attention(count, true, "the folder of %s is broken, and its lists are %s: %s",
                  publisher[0] != '\0' ? publisher : "lists.directory",
                  json_is_true(json_object_get(one, "left_out"))
                      ? "left out, at least some"
                      : "those that were accepted before",
                  cli_string_of(one, "fault"));
    }

    attention(count, lost[0] != '\0',
              "what was accepted before was lost on %s, so older lists would not have been "
              "noticed: compare their serials, then `cordon trust acknowledge --reason TEXT`",
              lost);
    attention(count, still,
              "what is in force cannot be remembered (since %s): mend state.directory, then "
              "`cordon reload`",
              unwritten);
    attention(count, !still && unwritten[0] != '\0',
              "what was in force on %s could not be remembered: `cordon trust acknowledge "
              "--reason TEXT` once that is understood",
              unwritten);
}

/* One that fails while it is up is asked less, and heals or goes down; a question that had no
 * answer may be the question's fault. */
static void upstream_attention(unsigned *count, const json_t *server, const char *name)
{
    const bool tls = json_is_string(json_object_get(server, "tls_error"));
    const char *failure = cli_string_of(server, "last_failure");
    const bool untried = strcmp(cli_string_of(server, "health"), "untried") == 0;

    attention(count, tls, "upstream %s: %s", name, cli_string_of(server, "tls_error"));
    attention(count, !tls && untried && failure[0] != '\0' && strcmp(failure, "silent") != 0,
              "upstream %s has never answered (%s): %s", name, failure,
              cli_string_of(server, "advice"));
}

/* Lists that somebody has rolled back, or that are brought in by stages. Both are decisions,
 * and go on by themselves; what asks for somebody is one that cannot be kept to, and a version
 * that nobody could look at when it was decided. */
static void held_attention(unsigned *count, const json_t *status)
{
    const json_t *held = json_object_get(status, "held");
    const json_t *damage = json_object_get(status, "held_damage");

    for (size_t i = 0; i < json_array_size(held); i++) {
        const json_t *hold = json_array_get(held, i);
        const char *list = cli_string_of(hold, "list");
        const char *state = cli_string_of(hold, "state");
        const uint64_t from = cli_number_of(hold, "from");
        const uint64_t known = cli_number_of(hold, "newest");
        const uint64_t newer = cli_number_of(hold, "newer");

        attention(count, strcmp(state, "held") == 0 && newer > (known > 0 ? known : from),
                  "list %s is held at serial %" PRIu64 " since %s, and serial %" PRIu64
                  " has come since then: if that is better, `cordon list release %s`",
                  list, cli_number_of(hold, "serial"), cli_string_of(hold, "since"), newer,
                  list);
        attention(count, strcmp(state, "lost") == 0,
                  "list %s is to be held at serial %" PRIu64 ", which cannot be had: serial "
                  "%" PRIu64 " is in force; see the warnings of the last reload",
                  list, cli_number_of(hold, "serial"), cli_number_of(hold, "in_force"));
    }
    for (size_t i = 0; i < json_array_size(damage); i++) {
        attention(count, true, "%s", json_string_value(json_array_get(damage, i)));
    }
    attention(count, json_is_true(json_object_get(status, "stages_unsaved")),
              "the stages of lists cannot be written down: mend state.directory, or they are "
              "longer, or begin again, after a restart");
}

static void print_audit_attention(unsigned *count, const json_t *audit)
{
    const char *state = cli_string_of(audit, "state");
    const char *error = cli_string_of(audit, "error");
    uint64_t lost = 0;

    for (const char *const *stream =
             (const char *const[]){"decisions", "queries", "changes", NULL};
         *stream != NULL; stream++) {
        lost += cli_number_of(json_object_get(audit, *stream), "lost");
    }
    attention(count, strcmp(state, "off") == 0 && error[0] != '\0',
              "nothing is recorded in an audit log: %s", error);
    attention(count, strcmp(state, "waiting") == 0,
              cli_string_of(audit, "key")[0] == '\0'
                  ? "the audit log in %s cannot be opened without its key: %s"
                  : "the audit log in %s cannot be opened: %s",
              cli_string_of(audit, "directory"), error);
    attention(count, strcmp(state, "failing") == 0, "the audit log in %s cannot be written: %s",
              cli_string_of(audit, "directory"), error);
    attention(count, strcmp(state, "bound") == 0,
              "the audit log in %s is as large as audit.octets: only changes are recorded",
              cli_string_of(audit, "directory"));
    attention(count, json_is_true(json_object_get(audit, "another_left")),
              "the audit log that was there could not be gone on with; another was begun in %s",
              cli_string_of(audit, "directory"));
    attention(count, lost > 0, "%" PRIu64 " events are missing in the audit log", lost);
}

uint64_t cli_status_sink_lost(const json_t *sink)
{
    const json_t *lost = json_object_get(sink, "lost");

    return cli_number_of(lost, "decisions") + cli_number_of(lost, "queries") +
           cli_number_of(lost, "changes");
}

static void sink_attention(unsigned *count, const json_t *sinks)
{
    for (size_t i = 0; i < json_array_size(sinks); i++) {
        const json_t *sink = json_array_get(sinks, i);
        const char *name = cli_string_of(sink, "name");
        const char *error = cli_string_of(sink, "error");

        attention(count, error[0] != '\0', "sink %s does not work: %s: %s", name,
                  cli_string_of(sink, "to"), error);
        attention(count, strcmp(cli_string_of(sink, "state"), "stalled") == 0,
                  "sink %s takes nothing: %s", name, cli_string_of(sink, "to"));
        attention(count, cli_status_sink_lost(sink) > 0, "sink %s has lost %" PRIu64 " events",
                  name, cli_status_sink_lost(sink));
    }
}

/* What comes of a list that is not fresh. */
static const char *list_outcome(const json_t *list, const char *state)
{
    const char *dead = cli_string_of(list, "dead");

    if (strcmp(state, "clock-untrusted") == 0) {
        return "this machine's clock is before what it has seen: no list is seen to expire; "
               "set "
               "the clock";
    }
    if (strcmp(dead, "refuse") == 0) {
        return "where it is enforced every question is refused (trust.dead: refuse); get a "
               "newer "
               "one, or check the clock";
    }
    if (strcmp(dead, "pass") == 0) {
        return "it blocks nothing, it only records (trust.dead: pass); get a newer one, or "
               "check "
               "the clock";
    }
    return "it stays in force; get a newer one, or check the clock";
}

static void list_attention(unsigned *count, const json_t *lists)
{
    for (size_t i = 0; i < json_array_size(lists); i++) {
        const json_t *list = json_array_get(lists, i);
        const char *state = cli_string_of(list, "freshness");

        attention(count, strcmp(state, "fresh") != 0, "list %s is %s: %s",
                  cli_string_of(list, "id"), state, list_outcome(list, state));
    }
}

/* Each of them; how many are down. */
static size_t each_upstream_attention(unsigned *count, const json_t *upstreams)
{
    size_t down = 0;

    for (size_t i = 0; i < json_array_size(upstreams); i++) {
        const json_t *server = json_array_get(upstreams, i);
        const bool is_down = strcmp(cli_string_of(server, "health"), "down") == 0;
        char name[512];

        cli_status_upstream(server, name, sizeof(name));
        down += is_down;
        attention(count, is_down, "upstream %s is down since %s: %s", name,
                  cli_string_of(server, "down_since"), cli_string_of(server, "advice"));
        upstream_attention(count, server, name);
    }
    return down;
}

/* All of them together, and the ways to them. */
static void way_attention(unsigned *count, const json_t *status, size_t down)
{
    const size_t upstreams = json_array_size(json_object_get(status, "upstreams"));
    const json_t *loops = json_object_get(status, "loops");

    attention(count, upstreams == 0, "there is no upstream: only listed names are answered");
    attention(count, down > 0 && down == upstreams,
              "all upstreams are down; the one that was heard last is asked all the same");
    for (size_t i = 0; i < json_array_size(loops); i++) {
        attention(
            count, true,
            "upstream %s asks this resolver itself, a loop: it is left out; let one of the "
            "two ask somebody else",
            json_string_value(json_array_get(loops, i)));
    }
    attention(count, json_is_object(json_object_get(status, "gateway")),
              "all questions come from %s, the gateway: it hides the real clients; see "
              "docs/deploy.md, Container",
              cli_string_of(json_object_get(status, "gateway"), "client"));
}

/* Where events go: the log, sinks, and the output as text. */
static void event_attention(unsigned *count, const json_t *status)
{
    const json_t *events = json_object_get(status, "events");
    const char *error = cli_string_of(events, "last_error"); /* none: it is blocked */
    const uint64_t ring = cli_number_of(events, "lost_ring");
    const uint64_t output = cli_number_of(events, "lost_output");

    attention(count, ring + output > 0,
              "%" PRIu64 " events were lost (%" PRIu64 " in the rings, %" PRIu64
              " at the output)",
              ring + output, ring, output);
    print_audit_attention(count, json_object_get(status, "audit"));
    sink_attention(count, json_object_get(status, "sinks"));
    attention(count, json_is_true(json_object_get(events, "stalled")),
              "the event output %s accepts nothing: %s", cli_string_of(events, "to"),
              error[0] != '\0' ? error : "its reader does not read");
}

/* What the machine lacks: memory, time, descriptors. */
static void machine_attention(unsigned *count, const json_t *status)
{
    const json_t *cache = json_object_get(status, "cache");
    const json_t *descriptors = json_object_get(status, "descriptors");
    const uint64_t limit = cli_number_of(cache, "limit");
    const uint64_t drops = cli_number_of(json_object_get(status, "net"), "udp_kernel_drops");
    const uint64_t lacked = cli_number_of(descriptors, "lacked");
    const uint64_t wanted = cli_number_of(descriptors, "wanted");

    attention(count, limit < cli_number_of(cache, "size"),
              "memory is short: the cache may hold %" PRIu64 " of %" PRIu64
              " MiB. Give cordond more (MemoryMax= of the unit, --memory of the container), or "
              "set cache.size lower",
              limit >> 20, cli_number_of(cache, "size") >> 20);
    attention(count, drops > 0,
              "the kernel dropped %" PRIu64 " datagrams: the machine is too "
              "busy, or net.core.rmem_max too small",
              drops);
    attention(count, lacked > 0,
              "%" PRIu64 " sockets to upstreams found no file descriptor (of %" PRIu64
              "): set LimitNOFILE=%" PRIu64 " in the unit, or ulimit -n %" PRIu64,
              lacked, cli_number_of(descriptors, "limit"), wanted, wanted);
}

/* Who asks more than can be answered. */
static void load_attention(unsigned *count, const json_t *status)
{
    const json_t *limited = json_object_get(status, "limited");
    const json_t *questions = json_object_get(status, "questions");

    attention(count, cli_number_of(limited, "clients") > 0,
              "%" PRIu64 " clients ask too often and are limited, the worst is %s: if that is "
              "right for it, raise access.rate",
              cli_number_of(limited, "clients"),
              json_is_string(json_object_get(limited, "worst"))
                  ? cli_string_of(limited, "worst")
                  : "in the log");
    attention(count, cli_number_of(questions, "no_slot") > 0,
              "%" PRIu64 " questions found no slot: the upstreams are too slow for this load",
              cli_number_of(questions, "no_slot"));
}

unsigned cli_status_attention(const json_t *status)
{
    const json_t *http = json_object_get(status, "http");
    const json_t *reload = json_object_get(status, "reload");
    unsigned count = 0;

    list_attention(&count, json_object_get(status, "lists"));
    const size_t down = each_upstream_attention(&count, json_object_get(status, "upstreams"));
    changes_attention(&count, json_object_get(status, "changes"));
    trust_attention(&count, json_object_get(status, "trust"));
    held_attention(&count, status);
    way_attention(&count, status, down);
    attention(&count, strcmp(cli_string_of(http, "state"), "failed") == 0,
              "nothing answers on http.listen: %s", cli_string_of(http, "detail"));
    event_attention(&count, status);
    machine_attention(&count, status);
    load_attention(&count, status);
    attention(&count, json_is_object(reload) && !json_is_true(json_object_get(reload, "ok")),
              "the last reload (%s) was refused: %s", cli_string_of(reload, "time"),
              cli_string_of(reload, "error"));
    return count;
}
