#include "daemon/screen.h"

#include "daemon/recording.h"

#include "base/clock.h"
#include "base/error.h"
#include "config/defaults.h"
#include "daemon/loops.h"
#include "policy/list.h"
#include "setup/views.h"
#include "upstream/limits.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Lines of a list that are looked at for an example: the head and some hundred rules. */
#define EXAMPLE_LINES_MAX 5000u

#define DAY_S 86400u

/* The heading of a paragraph in the first column; "" goes on with the one before. */
static void heading(const struct screen *screen, FILE *out, const char *word)
{
    const char *bold = screen->colour && word[0] != '\0' ? "\x1b[1m" : "";
    const char *plain = screen->colour && word[0] != '\0' ? "\x1b[0m" : "";

    fprintf(out, "%s%-11s%s ", bold, word, plain);
}

/* A warning inside a line: words, and colour on a terminal. */
static void warn(const struct screen *screen, FILE *out, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void warn(const struct screen *screen, FILE *out, const char *format, ...)
{
    va_list arguments;

    fputs(screen->colour ? "\x1b[33m" : "", out);
    va_start(arguments, format);
    vfprintf(out, format, arguments);
    va_end(arguments);
    fputs(screen->colour ? "\x1b[0m" : "", out);
}

const char *screen_span(uint64_t seconds, char out[32])
{
    const uint64_t days = seconds / DAY_S;
    const uint64_t hours = seconds / 3600;
    const uint64_t minutes = seconds / 60;

    if (days > 1) {
        snprintf(out, 32, "%" PRIu64 " days", days);
    } else if (hours > 1) {
        snprintf(out, 32, "%" PRIu64 " hours", hours);
    } else if (minutes > 1) {
        snprintf(out, 32, "%" PRIu64 " minutes", minutes);
    } else {
        snprintf(out, 32, "%" PRIu64 " s", seconds);
    }
    return out;
}

static void print_listen(const struct screen *screen, FILE *out)
{
    char address[ADDRESS_TEXT_MAX];

    for (size_t i = 0; i < screen->listen_count; i++) {
        heading(screen, out, i == 0 ? "listens on" : "");
        address_format(&screen->listen[i], false, address);
        fprintf(out, "%s port %u, UDP and TCP\n", address, screen->listen[i].port);
    }
}

static void print_probe(const struct screen *screen, FILE *out,
                        const struct probe_result *probe)
{
    switch (probe->state) {
    case PROBE_NOT_DONE:
        break;
    case PROBE_ANSWERED:
        fprintf(out, "  answers (%u.%u ms)", probe->rtt_us / 1000, probe->rtt_us / 100 % 10);
        break;
    case PROBE_SILENT:
        warn(screen, out, "  does not answer");
        break;
    case PROBE_FAILED:
        warn(screen, out, "  unreachable: %s", cordon_strerror(probe->error));
        break;
    }
}

/* What a server over TLS must prove; it is not asked in clear to find out whether it is there.
 */
static void print_proof(FILE *out, const struct endpoint *server)
{
    if (server->transport == ENDPOINT_TLS) {
        fprintf(out, " over TLS, %s%s%s", server->name[0] != '\0' ? "as " : "by its key",
                server->name,
                server->name[0] != '\0' && server->pin_count > 0 ? " and by its key" : "");
    }
}

static void print_upstreams(const struct screen *screen, FILE *out)
{
    const struct upstream_settings *upstreams = &screen->snapshot->upstreams;
    char address[ADDRESS_TEXT_MAX];
    size_t answer = 0;

    if (upstreams->count == 0) {
        heading(screen, out, "upstreams");
        warn(screen, out, "none: %s names no resolver but this one.\n",
             screen->config->resolv_conf == NULL ? "the configuration"
                                                 : screen->config->resolv_conf);
        heading(screen, out, "");
        fprintf(out, "Blocked names are answered, all others get SERVFAIL. Name one with "
                     "upstreams.servers.\n");
        return;
    }
    for (size_t i = 0; i < upstreams->count; i++) {
        heading(screen, out, i == 0 ? "upstreams" : "");
        address_format(&upstreams->servers[i].address, false, address);
        fprintf(out, "%s port %u", address, upstreams->servers[i].address.port);
        print_proof(out, &upstreams->servers[i]);
        if (screen->probes != NULL) {
            print_probe(screen, out, &screen->probes[i]);
            answer += screen->probes[i].state == PROBE_ANSWERED ||
                              screen->probes[i].state == PROBE_NOT_DONE
                          ? 1
                          : 0;
        }
        if (screen->loops != NULL && loops_has(screen->loops, &upstreams->servers[i])) {
            warn(screen, out, "  asks this resolver itself: a loop; left out");
        }
        fputc('\n', out);
    }
    if (screen->probes != NULL && answer == 0) {
        heading(screen, out, "");
        warn(screen, out,
             "No upstream can be reached: blocked names are answered, others get "
             "SERVFAIL until one answers.\n");
    }
}

static void print_keys(FILE *out, const struct trust_verdict *verdict)
{
    char key[TRUST_KEY_ID_TEXT];

    for (size_t i = 0; i < verdict->count; i++) {
        trust_key_id_format(verdict->ids[i], key);
        fprintf(out, "%s%s", i == 0 ? "" : " ", key);
    }
}

static const char *list_mode(const struct setup_snapshot *snapshot, const char *id)
{
    const struct policy_image *image = policy_image_of(snapshot->policy);
    struct policy_image_list list;

    for (size_t i = 0; i < policy_image_lists(image); i++) {
        if (policy_image_list_at(image, i, &list) && strcmp(list.id, id) == 0) {
            const enum policy_mode mode = policy_list_mode(snapshot->policy, 0, i);

            return mode != POLICY_MODE_OFF ? policy_mode_name(mode) : "views"; /* of some */
        }
    }
    return "?";
}

static void print_list(const struct screen *screen, FILE *out,
                       const struct policy_loaded_list *list, int width)
{
    char age[32];
    char left[32];
    char rules[32];
    const uint64_t now_s = screen->now_s;

    snprintf(rules, sizeof(rules), "%zu %s", list->rules, list->rules == 1 ? "rule" : "rules");
    fprintf(out, "%-*s  %-7s  serial %-10" PRIu32 "  %-12s  ", width, list->id,
            list_mode(screen->snapshot, list->id), list->serial, rules);
    switch (policy_freshness_of(list, now_s)) {
    case POLICY_FRESH:
        fprintf(out, "%s old, expires in %s", screen_span(now_s - list->created_s, age),
                screen_span(list->due_s - now_s, left));
        break;
    case POLICY_STALE:
        warn(screen, out, "STALE: expired %s ago, still in force; get a newer one",
             screen_span(now_s - list->due_s, left));
        break;
    case POLICY_DEAD:
        warn(screen, out, "DEAD: expired %s ago, trust.dead says what holds; get a newer one",
             screen_span(now_s - list->due_s, left));
        break;
    case POLICY_CLOCK_UNTRUSTED:
        warn(screen, out, "%s: is this machine's clock right?",
             now_s < list->created_s ? "made in the future"
                                     : "looked at, or its catalogue made, in the future");
        break;
    }
    fputs(", signed by ", out);
    print_keys(out, &list->verdict);
    fputc('\n', out);
}

static void print_views(const struct screen *screen, FILE *out)
{
    const struct setup_snapshot *snapshot = screen->snapshot;

    for (size_t i = 0; i < snapshot->view_count; i++) {
        char line[2048];
        struct text text;

        text_init(&text, line, sizeof(line));
        setup_views_say(&text, snapshot, i);
        heading(screen, out, i == 0 ? "views" : "");
        fprintf(out, "%s\n", line);
    }
}

static void print_lists(const struct screen *screen, FILE *out)
{
    const struct setup_snapshot *snapshot = screen->snapshot;
    int width = 0;

    for (size_t i = 0; i < snapshot->list_count; i++) {
        const int len = (int)strlen(snapshot->lists[i].id);
        width = len > width ? len : width;
    }
    for (size_t i = 0; i < snapshot->list_count; i++) {
        heading(screen, out, i == 0 ? "lists" : "");
        print_list(screen, out, &snapshot->lists[i], width);
    }
    if (snapshot->list_count == 0) {
        heading(screen, out, "lists");
        warn(screen, out, "none: nothing is blocked\n");
    }
    if (setup_views_log_only(snapshot)) {
        heading(screen, out, "mode");
        warn(screen, out, "log: nothing is blocked, only recorded (policy.mode: log)\n");
    }
    if (setup_views_differ(snapshot) || snapshot->shown[0].deny) {
        print_views(screen, out);
    }
}

static void print_http(const struct screen *screen, FILE *out)
{
    const struct config *config = screen->config;
    char address[ADDRESS_TEXT_MAX];

    if (config->http_socket == NULL && config->http_address.family == ADDRESS_NONE) {
        return;
    }
    heading(screen, out, "http");
    if (config->http_socket != NULL) {
        fprintf(out, "unix:%s", config->http_socket);
    } else {
        const bool six = config->http_address.family == ADDRESS_V6;
        address_format(&config->http_address, false, address);
        fprintf(out, "http://%s%s%s:%u", six ? "[" : "", address, six ? "]" : "",
                config->http_address.port);
    }
    if (screen->http_detail == NULL) {
        fputs("  /metrics /healthz /readyz\n", out);
    } else {
        warn(screen, out, "  not there: %s\n", screen->http_detail);
    }
}

static void print_rest(const struct screen *screen, FILE *out)
{
    const struct config *config = screen->config;
    char folder[AUDIT_PATH_MAX];

    heading(screen, out, "events");
    const char *file = config_events_file(config);
    if (config_has_events(config)) {
        fprintf(out, "%s, one JSON line per decision\n",
                file == NULL ? "standard output" : file);
    } else {
        fputs("no lines, by events.to\n", out);
    }
    heading(screen, out, "audit");
    if (recording_folder(config, folder)) {
        fprintf(out, "%s%s%s%s\n", folder, config->audit_decisions ? ", decisions" : "",
                config->audit_queries ? ", queries" : "", ", changes");
        if (screen->audit_key != NULL) {
            heading(screen, out, "");
            fprintf(out, "key %s\n", screen->audit_key);
        }
    } else {
        fputs("off\n", out);
    }
    if (config->control_socket != NULL) {
        heading(screen, out, "control");
        fprintf(out, "%s (`cordon status", config->control_socket);
        if (strcmp(screen->config_path, CONFIG_FILE_DEFAULT) != 0) {
            fprintf(out, " -c %s", screen->config_path); /* the tool has to be told */
        }
        fputs("`)\n", out);
    }
}

/* The name of a line "block suffix NAME ...", or false. */
static bool suffix_of_line(const char *line, char *name, size_t size)
{
    static const char start[] = "block suffix ";

    if (strncmp(line, start, sizeof(start) - 1) != 0) {
        return false;
    }
    const char *at = line + sizeof(start) - 1;
    const size_t len = strcspn(at, " \n");
    if (len == 0 || len >= size) {
        return false;
    }
    memcpy(name, at, len);
    name[len] = '\0';
    return true;
}

/* A block that a reader of the screen sees counts for more than any familiar name. */
#define BLOCK_SEEN 4

/* -1: not blocked; BLOCK_SEEN, or 0 if the question is dropped, or passes over TCP. What a line
 * says is only a proposal: the policy, made from signed octets, has the word. */
static int block_of(const struct policy *policy, const char *text)
{
    struct wire_name name;
    struct policy_outcome outcome;

    if (wire_name_from_text(text, strlen(text), &name) != WIRE_TEXT_OK) {
        return -1;
    }
    policy_decide_name(policy, 0, POLICY_TRIGGER_QNAME, 0, &name, &outcome);
    if (!policy_outcome_blocks(&outcome)) {
        return -1;
    }
    return outcome.hit.action == POLICY_ACTION_DROP ||
                   outcome.hit.action == POLICY_ACTION_TRUNCATE
               ? 0
               : BLOCK_SEEN;
}

/* How well a reader may know a name: it begins with the list's id written as one word (3), or
 * has that (2) or the id's first word (1) in it. */
static int familiarity(const char *name, const char *id)
{
    char first[65];
    char whole[65];
    size_t len = 0;

    snprintf(first, sizeof(first), "%.*s", (int)strcspn(id, "-"), id);
    for (const char *at = id; *at != '\0' && len < sizeof(whole) - 1; at++) {
        if (*at != '-') {
            whole[len++] = *at;
        }
    }
    whole[len] = '\0';
    return strncmp(name, whole, len) == 0 ? 3
           : strstr(name, whole) != NULL  ? 2
           : strstr(name, first) != NULL  ? 1
                                          : 0;
}

/* A regular file alone: another may be in its place by now, and nobody waits for its writer. */
static FILE *open_list(const char *path)
{
    struct stat status;
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    FILE *file =
        fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? fdopen(fd, "r") : NULL;

    if (file == NULL && fd >= 0) {
        close(fd);
    }
    return file;
}

/* The first of those that are known best, if it is better than best; what it is worth is then
 * the result. What is longer than a line may be is looked at in pieces. */
static int blocked_name_in(const struct policy *policy, const char *path, const char *id,
                           int best, char *name, size_t size)
{
    FILE *file = open_list(path);
    char found[WIRE_NAME_TEXT_MAX];
    char line[POLICY_LIST_LINE_MAX + 2]; /* the end of the line, and of the string */

    if (file == NULL) {
        return best;
    }
    for (unsigned i = 0; i < EXAMPLE_LINES_MAX && fgets(line, sizeof(line), file) != NULL;
         i++) {
        if (!suffix_of_line(line, found, sizeof(found)) || strlen(found) >= size) {
            continue;
        }
        const int known = familiarity(found, id);
        const int block = known + BLOCK_SEEN > best ? block_of(policy, found) : -1;
        if (block >= 0 && known + block > best) {
            best = known + block;
            snprintf(name, size, "%s", found);
        }
    }
    fclose(file);
    return best;
}

bool screen_blocked_name(const struct setup_snapshot *snapshot, const char *list_directory,
                         char *name, size_t size, char list_id[65])
{
    char path[PATH_MAX];
    int best = -1;

    for (size_t i = 0; i < snapshot->list_count && best < BLOCK_SEEN; i++) {
        const char *id = snapshot->lists[i].id;
        const int len = snprintf(path, sizeof(path), "%s/%s.list", list_directory, id);
        if (len > 0 && (size_t)len < sizeof(path) &&
            strcmp(list_mode(snapshot, id), policy_mode_name(POLICY_MODE_ENFORCE)) == 0) {
            const int found = blocked_name_in(snapshot->policy, path, id, best, name, size);

            if (found > best) {
                best = found;
                snprintf(list_id, 65, "%s", id);
            }
        }
    }
    return best >= 0;
}

static bool any_enforced(const struct setup_snapshot *snapshot)
{
    bool any = false;

    for (size_t i = 0; i < snapshot->list_count; i++) {
        any = any || strcmp(list_mode(snapshot, snapshot->lists[i].id),
                            policy_mode_name(POLICY_MODE_ENFORCE)) == 0;
    }
    return any;
}

static void print_try(const struct screen *screen, FILE *out)
{
    char address[ADDRESS_TEXT_MAX];
    char name[WIRE_NAME_TEXT_MAX];
    char list[65];
    char command[ADDRESS_TEXT_MAX + 64];

    if (screen->listen_count == 0) {
        return;
    }
    struct address at = screen->listen[0];
    if (address_is_any(&at)) { /* a wildcard is no address to ask */
        memset(at.octets, 0, sizeof(at.octets));
        at.octets[at.family == ADDRESS_V4 ? 0 : 15] = at.family == ADDRESS_V4 ? 127 : 1;
        if (at.family == ADDRESS_V4) {
            at.octets[3] = 1;
        }
    }
    address_format(&at, false, address);
    snprintf(command, sizeof(command), "dig @%s -p %u", address, at.port);
    fputc('\n', out);
    heading(screen, out, "try");
    const bool blocked = screen_blocked_name(screen->snapshot, screen->config->list_directory,
                                             name, sizeof(name), list);
    if (blocked) {
        const int width = (int)strlen(name) < 11 ? 11 : (int)strlen(name);
        fprintf(out, "%s %-*s   # blocked by %s\n", command, width, name, list);
        heading(screen, out, "");
        fprintf(out, "%s %-*s   # not blocked\n", command, width, "example.com");
    } else {
        fprintf(out, "%s example.com   # %s\n", command,
                any_enforced(screen->snapshot)
                    ? "not blocked; the lists in force have no name that is as easily shown"
                    : "no list is enforced: nothing is blocked");
    }
}

void screen_print(const struct screen *screen, FILE *out)
{
    const char *workers = screen->workers == 1 ? "worker" : "workers";

    if (screen->only_check) {
        fprintf(out, "cordond %s would run %u %s:\n", CORDON_VERSION, screen->workers, workers);
    } else {
        fprintf(out, "cordond %s, process %ld, %u %s\n", CORDON_VERSION, (long)getpid(),
                screen->workers, workers);
    }
    heading(screen, out, "config");
    fprintf(out, "%s\n", screen->config_path);
    print_listen(screen, out);
    print_upstreams(screen, out);
    print_lists(screen, out);
    print_rest(screen, out);
    print_http(screen, out);
    print_try(screen, out);
    fflush(out);
}
