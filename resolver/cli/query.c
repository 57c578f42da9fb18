/* cordon query: a small dig on our own view of messages, which says policy answers in words. */
#include "cli/query.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "cli/cli.h"
#include "cli/names.h"
#include "wire/question.h"
#include "wire/writer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char help[] =
    "usage: cordon query [@SERVER[@PORT]] NAME [TYPE] [OPTION...]\n"
    "\n"
    "Asks a resolver (default 127.0.0.1@5300) and shows the answer; if a policy made it, says "
    "so.\n"
    "  --tcp          ask over TCP\n"
    "  --no-edns      without EDNS, and so without Extended DNS Errors\n"
    "  --dnssec       with the DO bit\n"
    "  --timeout S    seconds to wait (default 5)\n"
    "  --json         one JSON document\n"
    "Exit status: 0 an answer came, whatever it says; 2 wrong usage; 3 none came.\n";

struct ask {
    struct address server;
    struct wire_name name;
    uint16_t type;
    bool tcp, edns, dnssec, json;
    unsigned timeout_ms;
};

static bool wait_for(int fd, short events, uint64_t until_us)
{
    for (;;) {
        const uint64_t now_us = clock_read().mono_us;
        struct pollfd at = {.fd = fd, .events = events};

        if (now_us >= until_us) {
            return false;
        }
        const int got = poll(&at, 1, (int)((until_us - now_us) / 1000 + 1));
        if (got > 0) {
            return true;
        }
        if (got < 0 && errno != EINTR) {
            return false;
        }
    }
}

static int transfer(int fd, uint8_t *octets, size_t len, bool out, uint64_t until_us)
{
    size_t done = 0;

    while (done < len) {
        if (!wait_for(fd, out ? POLLOUT : POLLIN, until_us)) {
            return -ETIMEDOUT;
        }
        const ssize_t moved = out ? send(fd, octets + done, len - done, MSG_NOSIGNAL)
                                  : recv(fd, octets + done, len - done, 0);
        if (moved == 0) {
            return -ECONNRESET;
        }
        if (moved < 0 && errno != EAGAIN && errno != EINTR) {
            return -errno;
        }
        done += moved > 0 ? (size_t)moved : 0;
    }
    return 0;
}

/* True if the message answers this question: id, QR, and the question itself. */
static bool answers(const uint8_t *octets, size_t len, uint16_t id, const struct ask *ask)
{
    struct wire_message message;

    if (wire_message_open(octets, len, &message) != WIRE_OK || message.id != id ||
        (message.flags & WIRE_FLAG_QR) == 0) {
        return false;
    }
    return message.counts[0] == 0 ||
           (message.type == ask->type && wire_name_equal(&message.name, &ask->name));
}

static int receive(int fd, const struct ask *ask, uint16_t id, uint8_t *octets, size_t *len,
                   uint64_t until_us)
{
    uint8_t prefix[2];

    if (ask->tcp) {
        int rc = transfer(fd, prefix, 2, false, until_us);
        if (rc == 0) {
            *len = wire_get16(prefix);
            rc = transfer(fd, octets, *len, false, until_us);
        }
        return rc != 0 ? rc : answers(octets, *len, id, ask) ? 0 : -EBADMSG;
    }
    while (wait_for(fd, POLLIN, until_us)) {
        const ssize_t got = recv(fd, octets, WIRE_MESSAGE_MAX, 0);

        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            return -errno;
        }
        if (got > 0 && answers(octets, (size_t)got, id, ask)) {
            *len = (size_t)got;
            return 0;
        }
    }
    return -ETIMEDOUT;
}

static int exchange(const struct ask *ask, uint8_t *octets, size_t *len)
{
    struct sockaddr_storage to;
    const socklen_t to_len = address_to_sockaddr(&ask->server, &to);
    const uint64_t until_us = clock_read().mono_us + (uint64_t)ask->timeout_ms * 1000;
    const int kind = (ask->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
    uint8_t question[2 + 512];
    uint16_t id;

    random_system(&id, sizeof(id));
    const size_t q_len = wire_question_write(
        question + 2, sizeof(question) - 2, id, WIRE_FLAG_RD, ask->name.octets, ask->name.len,
        ask->type, WIRE_IN, ask->edns ? 1232 : 0, ask->dnssec);
    if (q_len == 0) {
        return -EMSGSIZE;
    }
    wire_put16(question, (uint16_t)q_len);
    const int fd = socket(to.ss_family, kind, 0);
    if (fd < 0) {
        return -errno;
    }
    int rc = connect(fd, (const struct sockaddr *)&to, to_len) != 0 && errno != EINPROGRESS
                 ? -errno
                 : 0;
    if (rc == 0) {
        rc = ask->tcp ? transfer(fd, question, q_len + 2, true, until_us)
                      : transfer(fd, question + 2, q_len, true, until_us);
    }
    if (rc == 0) {
        rc = receive(fd, ask, id, octets, len, until_us);
    }
    close(fd);
    return rc;
}

static int parse_arguments(int argc, char **argv, struct ask *ask)
{
    bool have_name = false;

    for (int i = optind; i < argc; i++) {
        const char *word = argv[i];

        if (word[0] == '@') {
            if (address_parse(word + 1, strlen(word + 1), 53, &ask->server) != 0) {
                return cli_usage("query", "'%s' is no address: @192.0.2.1 or @192.0.2.1@5300",
                                 word);
            }
        } else if (!have_name) {
            const enum wire_text_result result = cli_name_read(word, &ask->name);
            if (result != WIRE_TEXT_OK) {
                return cli_usage("query", "'%s' is no name: %s", word,
                                 wire_text_result_words(result));
            }
            have_name = true;
        } else if (!wire_type_parse(word, strlen(word), &ask->type)) {
            return cli_usage("query", "'%s' is no record type", word);
        }
    }
    return have_name ? CLI_OK : cli_usage("query", "name what to ask for");
}

static int ask_and_print(struct ask *ask)
{
    uint8_t *octets = malloc(WIRE_MESSAGE_MAX);
    size_t len = 0;
    char server[ADDRESS_TEXT_MAX];

    if (octets == NULL) {
        return CLI_REFUSED;
    }
    const uint64_t from = clock_read().mono_us;
    int rc = exchange(ask, octets, &len);
    if (rc == 0 && !ask->tcp && (wire_get16(octets + 2) & WIRE_FLAG_TC) != 0) {
        if (!ask->json) {
            printf("The answer was truncated; asking again over TCP.\n");
        }
        ask->tcp = true;
        rc = exchange(ask, octets, &len);
    }
    const uint64_t took_us = clock_read().mono_us - from;
    address_format(&ask->server, true, server);
    if (rc != 0) {
        fprintf(stderr, "cordon query: no answer from %s: %s\n", server, cordon_strerror(rc));
        free(octets);
        return CLI_UNREACHABLE;
    }
    cli_print_answer(octets, len, server, ask->tcp, took_us, ask->json);
    free(octets);
    return CLI_OK;
}

int cli_query(int argc, char **argv)
{
    struct ask ask = {.type = WIRE_A, .edns = true, .timeout_ms = 5000};
    const char *timeout = NULL;
    bool no_edns = false;
    const struct cli_option options[] = {{"tcp", 0, NULL, &ask.tcp},
                                         {"no-edns", 0, NULL, &no_edns},
                                         {"dnssec", 0, NULL, &ask.dnssec},
                                         {"timeout", 0, &timeout, NULL},
                                         {"json", 0, NULL, &ask.json}};
    int code = cli_options(argc, argv, "query", help, options, CLI_COUNT(options));

    if (code != CLI_GO_ON) {
        return code;
    }
    if (timeout != NULL && !cli_number(timeout, 1, 600, &ask.timeout_ms)) {
        return cli_usage("query", "--timeout is from 1 to 600 seconds");
    }
    ask.timeout_ms *= timeout != NULL ? 1000 : 1;
    ask.edns = !no_edns;
    (void)address_parse("127.0.0.1@5300", 14, 0, &ask.server);
    code = parse_arguments(argc, argv, &ask);
    return code != CLI_OK ? code : ask_and_print(&ask);
}
