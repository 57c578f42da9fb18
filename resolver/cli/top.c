/* cordon top: a live view of the daemon. */
#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/reply.h"
#include "cli/terminal.h"
#include "cli/top_view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A daemon that says nothing for this long is told to be silent; the screen goes on. */
#define TOP_PATIENCE_MS 3000u

/* A screen of 500 lines of 500 characters: more is empty. */
#define SCREEN_OCTETS (256u << 10)
#define ROWS_ONCE     40u
#define COLUMNS_ONCE  100u

static const char help[] =
    "usage: cordon top [--interval SECONDS] [--once] [-c CONFIG | --socket PATH] [--json]\n"
    "\n"
    "Shows the running daemon live: rates, hit ratio, latency, upstreams, events, and over "
    "the\n"
    "last minute or two the names, providers and clients that come most often. q, ^C or ^D\n"
    "ends, ^Z stops, any other key draws at once. --interval: how long rates are taken over\n"
    "(2 seconds; 0.1 to 3600). --once: prints once, after one interval; so it does where\n"
    "standard output is no terminal, and with --json, whose document has the figures of the\n"
    "interval and all counters.\n"
    "Exit status: 0 done, 2 wrong usage, 3 no daemon answers.\n";

struct top {
    struct cli_daemon daemon;
    bool once, json;
    uint64_t interval_us;
    char path[4096];
};

static bool read_interval(const char *text, uint64_t *out)
{
    char *end = NULL;

    if (text[0] < '0' || text[0] > '9' || strspn(text, "0123456789.") != strlen(text)) {
        return false;
    }
    const double seconds = strtod(text, &end);
    if (*end != '\0' || !(seconds >= 0.1 && seconds <= 3600)) {
        return false;
    }
    *out = (uint64_t)(seconds * 1e6);
    return true;
}

/* -1: go on; otherwise the exit code. */
static int parse(int argc, char **argv, struct top *top)
{
    const char *interval = NULL;
    const struct cli_option options[] = {{"interval", 0, &interval, NULL},
                                         {"once", 0, NULL, &top->once},
                                         {"json", 0, NULL, &top->json},
                                         CLI_DAEMON_OPTIONS(&top->daemon)};
    const int code = cli_options(argc, argv, "top", help, options, CLI_COUNT(options));

    if (code != CLI_GO_ON) {
        return code;
    }
    if (interval != NULL && !read_interval(interval, &top->interval_us)) {
        return cli_usage("top", "--interval takes seconds, from 0.1 to 3600");
    }
    return cli_words(argc, argv, "top", NULL, 0);
}

/* NULL, and why in words. */
static json_t *ask(const struct top *top, char why[256])
{
    char *reply = NULL;
    size_t len = 0;
    json_t *document = NULL;
    char fault[CLI_REPLY_FAULT_MAX];
    const int rc = cli_ask_within(top->path, "top", TOP_PATIENCE_MS, &reply, &len);

    if (rc != 0) {
        snprintf(why, 256, "the daemon does not answer: %s", cordon_strerror(rc));
        return NULL;
    }
    document = cli_reply("top", reply, len, fault);
    free(reply);
    if (document == NULL) {
        snprintf(why, 256, "the daemon's reply %.200s", fault);
        return NULL;
    }
    if (!json_is_true(json_object_get(document, "ok"))) {
        snprintf(why, 256, "the daemon refuses: %.200s", cli_string_of(document, "error"));
        json_decref(document);
        return NULL;
    }
    return document;
}

/* Two documents, an interval apart, printed. */
static int print_once(const struct top *top)
{
    const struct timespec interval = {.tv_sec = (time_t)(top->interval_us / 1000000),
                                      .tv_nsec = (long)(top->interval_us % 1000000) * 1000};
    struct top_model model;
    char why[256];
    json_t *before = ask(top, why);
    json_t *now = NULL;
    int code = CLI_UNREACHABLE;

    if (before != NULL) {
        (void)nanosleep(&interval, NULL);
        now = ask(top, why);
    }
    if (now == NULL) {
        fprintf(stderr, "cordon top: %s\n", why);
        json_decref(before);
        return code;
    }
    top_compare(before, now, &model);
    char *screen = malloc(SCREEN_OCTETS);
    json_t *figures = top->json ? top_figures(&model, now) : NULL;
    if (figures != NULL) {
        cli_print_document(figures);
        code = CLI_OK;
    } else if (!top->json && screen != NULL) {
        top_render(&model, before, now, NULL, COLUMNS_ONCE, ROWS_ONCE, screen, SCREEN_OCTETS);
        fputs(screen, stdout);
        code = CLI_OK;
    }
    json_decref(figures);
    json_decref(before);
    json_decref(now);
    free(screen);
    return code;
}

/* One screen of what there is. False: the terminal is gone. */
static bool draw(const json_t *before, const json_t *now, const char *trouble, char *screen)
{
    struct top_model model;
    unsigned columns;
    unsigned rows;

    terminal_size(&columns, &rows);
    top_compare(before, now, &model);
    top_render(&model, before, now, trouble, columns, rows, screen, SCREEN_OCTETS);
    return terminal_draw(screen);
}

static void live(const struct top *top, struct terminal *terminal, char *screen)
{
    json_t *before = NULL;
    json_t *now = NULL;
    enum terminal_event event = TERMINAL_TIME;
    uint64_t next_us = clock_read().mono_us;
    char why[256];
    const char *trouble = NULL;

    while (event != TERMINAL_QUIT) {
        if (event == TERMINAL_TIME) {
            json_t *new = ask(top, why);

            trouble = new == NULL ? why : NULL;
            if (new != NULL) {
                json_decref(before);
                before = now;
                now = new;
            }
            next_us = clock_read().mono_us + top->interval_us;
        }
        if (!draw(before, now, trouble, screen)) {
            break;
        }
        event = terminal_wait(terminal, next_us);
    }
    json_decref(before);
    json_decref(now);
}

int cli_top(int argc, char **argv)
{
    struct top top = {.interval_us = 2000000};
    struct terminal terminal;
    const int code = parse(argc, argv, &top);

    if (code >= 0) {
        return code;
    }
    if (!cli_socket_path(top.daemon.socket, top.daemon.config, top.path, sizeof(top.path))) {
        return CLI_REFUSED;
    }
    if (top.once || top.json || !isatty(STDOUT_FILENO)) {
        return print_once(&top);
    }
    char why[256];
    json_t *first = ask(&top, why); /* before the screen is taken: who is not there is told */
    if (first == NULL) {
        fprintf(stderr, "cordon top: %s\n", why);
        return CLI_UNREACHABLE;
    }
    json_decref(first);
    char *screen = malloc(SCREEN_OCTETS);
    const int rc = screen == NULL ? -ENOMEM : terminal_open(&terminal);
    if (rc != 0) {
        fprintf(stderr, "cordon top: %s\n", cordon_strerror(rc));
        free(screen);
        return CLI_REFUSED;
    }
    live(&top, &terminal, screen);
    terminal_close(&terminal);
    free(screen);
    return CLI_OK;
}
