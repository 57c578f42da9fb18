/* What happens before the first question: who holds a port, folders, sockets, probes. */
#include "base/random.h"
#include "daemon/gateway.h"
#include "daemon/holder.h"
#include "daemon/notify.h"
#include "daemon/probe.h"
#include "daemon/start.h"
#include "wire/type.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static struct address address_of(const char *text)
{
    struct address address;

    assert_int_equal(address_parse(text, strlen(text), 0, &address), 0);
    return address;
}

#define TAIL      " 07 00000000:00000000 00:00000000 00000000   101        0 4711 2 0 0"
#define LISTENS   " 0A 00000000:00000000 00:00000000 00000000   101        0 4711 2 0 0"
#define CONNECTED " 01 00000000:00000000 00:00000000 00000000   101        0 4711 2 0 0"
#define V6_ANY    "00000000000000000000000000000000:0035"
#define V6_LOOP   "00000000000000000000000001000000:0035"

static void finds_the_socket_that_collides(void **state)
{
    static const struct {
        const char *wanted;
        const char *line;
        bool tcp;
        bool collides;
    } rows[] = {
        /* the address itself */
        {"127.0.0.53@53", "  1: 3500007F:0035 00000000:0000" TAIL, false, true},
        /* a wildcard has every address */
        {"127.0.0.1@53", "  1: 00000000:0035 00000000:0000" TAIL, false, true},
        /* and a wildcard that we want meets every address */
        {"0.0.0.0@53", "  1: 3500007F:0035 00000000:0000" TAIL, false, true},
        /* a listener */
        {"127.0.0.53@53", "  1: 3500007F:0035 00000000:0000" LISTENS, true, true},
        /* IPv6 */
        {"::1@53", "  1: " V6_LOOP " " V6_ANY TAIL, false, true},
        {"::1@53", "  1: " V6_ANY " " V6_ANY TAIL, false, true},
        /* an IPv6 wildcard may take IPv4 as well */
        {"127.0.0.1@53", "  1: " V6_ANY " " V6_ANY TAIL, false, true},
        /* another address */
        {"127.0.0.1@53", "  1: 3500007F:0035 00000000:0000" TAIL, false, false},
        /* another port */
        {"127.0.0.53@54", "  1: 3500007F:0035 00000000:0000" TAIL, false, false},
        /* a TCP connection does not hold the port, its listener does */
        {"127.0.0.53@53", "  1: 3500007F:0035 00000000:0000" CONNECTED, true, false},
        /* one address of the other family */
        {"127.0.0.1@53", "  1: " V6_LOOP " " V6_ANY TAIL, false, false},
        /* the head of the table, an empty line, a cut one, digits that are none */
        {"127.0.0.1@53", "  sl  local_address rem_address   st tx_queue rx_queue", false,
         false},
        {"127.0.0.1@53", "", false, false},
        {"127.0.0.1@53", "  1: 00000000:0035 00000000:0000 07", false, false},
        {"127.0.0.1@53", "  1: 0000000:0035 00000000:0000" TAIL, false, false},
        {"127.0.0.1@53", "  1: 00000000 00000000:0000" TAIL, false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct address wanted = address_of(rows[i].wanted);
        struct holder holder = {0};
        const bool found = holder_line(rows[i].line, rows[i].tcp, &wanted, &holder);
        if (found != rows[i].collides) {
            fail_msg("row %zu: %s against %s", i, rows[i].wanted, rows[i].line);
        }
        if (found) {
            assert_int_equal(holder.inode, 4711);
            assert_int_equal(holder.uid, 101);
        }
    }
}

/* A socket of this process on a free port. */
static int hold_port(struct address *address)
{
    struct sockaddr_storage bound;
    socklen_t len = address_to_sockaddr(address, &bound);
    const int fd = socket(bound.ss_family, SOCK_DGRAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&bound, len), 0);
    len = sizeof(bound);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &len), 0);
    assert_true(address_from_sockaddr((const struct sockaddr *)&bound, address));
    return fd;
}

static void names_the_process_that_holds_a_port(void **state)
{
    struct address address = address_of("127.0.0.1");
    struct holder holder;
    const int fd = hold_port(&address);

    (void)state;
    assert_true(holder_find(&address, &holder));
    assert_int_equal(holder.pid, getpid());
    assert_int_equal(holder.uid, geteuid());
    assert_non_null(strstr(program_invocation_short_name, holder.name)); /* comm is cut at 15 */
    close(fd);
    assert_false(holder_find(&address, &holder));
}

static char *explained(const struct address *address, int error)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    start_explain_port(out, address, error);
    fclose(out);
    return text;
}

static void explains_what_to_do_about_a_port(void **state)
{
    static const struct {
        int error;
        const char *expected;
    } rows[] = {
        {-EACCES, "ip_unprivileged_port_start=53"},
        {-EACCES, "setcap"},
        {-EACCES, "AmbientCapabilities=CAP_NET_BIND_SERVICE"},
        {-EPERM, "server.listen"},
        {-EADDRNOTAVAIL, "no such address"},
        {-EAFNOSUPPORT, "no such address"},
        {-EMFILE, "cannot be opened"},
    };
    const struct address low = address_of("127.0.0.1@53");

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = explained(&low, rows[i].error);
        assert_non_null(strstr(text, rows[i].expected));
        assert_non_null(strstr(text, "port 53 of 127.0.0.1"));
        free(text);
    }
    const struct address everybody = address_of("127.255.255.255@53");
    char *text = explained(&everybody, -EADDRNOTAVAIL);
    assert_non_null(strstr(text, "port 53 of 127.255.255.255"));
    assert_non_null(strstr(text, "is a broadcast address"));
    free(text);
}

static void explains_who_holds_a_port(void **state)
{
    struct address address = address_of("127.0.0.1");
    char expected[64];
    const int fd = hold_port(&address);

    (void)state;
    snprintf(expected, sizeof(expected), "(process %ld)", (long)getpid());
    char *text = explained(&address, -EADDRINUSE);
    assert_non_null(strstr(text, expected));
    free(text);
    close(fd);
}

static void config_of(struct config *config, const char *const *listen, size_t count)
{
    memset(config, 0, sizeof(*config));
    for (size_t i = 0; i < count; i++) {
        config->listen[i] = address_of(listen[i]);
    }
    config->listen_count = count;
}

static void opens_a_pair_for_each_worker_and_address(void **state)
{
    static const char *const listen[] = {"127.0.0.1", "127.0.0.2"};
    struct config config;
    struct activation passed = {0};
    struct start_sockets sockets;

    (void)state;
    config_of(&config, listen, 2);
    assert_int_equal(start_sockets_open(&config, 3, &passed, &sockets), 0);
    assert_int_equal(sockets.count, 2);
    for (size_t i = 0; i < 6; i++) {
        assert_true(sockets.pairs[i].udp >= 0);
        assert_true(sockets.pairs[i].tcp >= 0);
    }
    assert_true(sockets.listen[0].port != 0);
    start_sockets_close(&sockets, 0);
    assert_null(sockets.pairs);
}

static void opens_nothing_if_one_port_is_taken(void **state)
{
    struct config config = {.listen_count = 2};
    struct activation passed = {0};
    struct start_sockets sockets;
    struct address taken = address_of("127.0.0.1");
    const int fd = hold_port(&taken);

    (void)state;
    config.listen[0] = address_of("127.0.0.2");
    config.listen[1] = taken;
    assert_int_equal(start_sockets_open(&config, 2, &passed, &sockets), -EADDRINUSE);
    assert_null(sockets.pairs);
    close(fd);
}

static void opens_nothing_on_an_address_of_nobody(void **state)
{
    static const char *const listen[] = {"127.0.0.1", "192.0.2.1"};
    struct config config;
    struct activation passed = {0};
    struct start_sockets sockets;

    (void)state;
    config_of(&config, listen, 2);
    assert_int_equal(start_sockets_open(&config, 1, &passed, &sockets), -EADDRNOTAVAIL);
    assert_null(sockets.pairs);
}

static void makes_the_folders_that_are_missing(void **state)
{
    char folder[] = "/tmp/cordon-start-XXXXXX";
    char control[96];
    char made[64];
    char directory[64];
    struct stat status;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(directory, sizeof(directory), "%s/state", folder);
    snprintf(control, sizeof(control), "%s/run/control.sock", folder);
    snprintf(made, sizeof(made), "%s/run", folder);
    struct config config = {.state_directory = directory, .control_socket = control};
    assert_int_equal(start_folders(&config), 0);
    assert_int_equal(start_folders(&config), 0); /* there already */
    assert_int_equal(stat(directory, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0750);
    assert_int_equal(stat(made, &status), 0);
    assert_int_equal(rmdir(made), 0);
    assert_int_equal(rmdir(directory), 0);

    FILE *file = fopen(directory, "w"); /* a file is in the way */
    assert_non_null(file);
    fclose(file);
    assert_int_equal(start_folders(&config), -ENOTDIR);
    assert_int_equal(unlink(directory), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void refuses_a_user_that_does_not_exist(void **state)
{
    (void)state;
    assert_int_equal(start_drop_rights(NULL), 0);
    assert_true(start_drop_rights("no-such-user-here") < 0);
}

static void takes_one_worker_per_processor_unless_told(void **state)
{
    (void)state;
    assert_true(start_worker_count(0) >= 1);
    assert_int_equal(start_worker_count(3), 3);
    assert_true(start_worker_count(100000) <= 256);
}

/* An upstream that sends a wrong answer before the right one, to one question. */
static void *answer_once(void *context)
{
    const int fd = *(const int *)context;
    uint8_t octets[512];
    struct sockaddr_storage from;
    socklen_t from_len = sizeof(from);
    const ssize_t len =
        recvfrom(fd, octets, sizeof(octets), 0, (struct sockaddr *)&from, &from_len);

    if (len > 12) {
        octets[0] ^= 0xff; /* another id */
        octets[2] |= 0x80;
        octets[3] = WIRE_SERVFAIL;
        sendto(fd, octets, (size_t)len, 0, (const struct sockaddr *)&from, from_len);
        octets[0] ^= 0xff;
        octets[3] = WIRE_REFUSED;
        sendto(fd, octets, (size_t)len, 0, (const struct sockaddr *)&from, from_len);
    }
    return NULL;
}

static void finds_out_which_upstreams_answer(void **state)
{
    struct endpoint servers[5] = {
        {.address = address_of("127.0.0.1")},
        {.address = address_of("127.0.0.1")},
        {.address = address_of("127.0.0.1")},
        {.address = address_of("255.255.255.255@53")},
        {.address = address_of("127.0.0.1@853"), .transport = ENDPOINT_TLS},
    };
    struct probe_result results[5];
    struct random random;
    pthread_t thread;
    int fd = hold_port(&servers[0].address);           /* answers */
    const int silent = hold_port(&servers[1].address); /* takes the question and says nothing */

    (void)state;
    close(hold_port(&servers[2].address)); /* nobody there: the kernel says so */
    random_init(&random);
    assert_int_equal(pthread_create(&thread, NULL, answer_once, &fd), 0);
    probe_upstreams(servers, 5, 300, &random, results);
    pthread_join(thread, NULL);
    assert_int_equal(results[0].state, PROBE_ANSWERED);
    assert_int_equal(results[0].rcode, WIRE_REFUSED);
    assert_int_equal(results[1].state, PROBE_SILENT);
    assert_int_equal(results[2].state, PROBE_FAILED);
    assert_int_equal(results[2].error, -ECONNREFUSED);
    assert_int_equal(results[3].state, PROBE_FAILED);   /* broadcast: not permitted */
    assert_int_equal(results[4].state, PROBE_NOT_DONE); /* never in clear */
    close(fd);
    close(silent);
}

static void tells_the_service_manager(void **state)
{
    char path[] = "/tmp/cordon-notify-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char got[32] = {0};

    (void)state;
    close(mkstemp(path));
    unlink(path);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    unsetenv("NOTIFY_SOCKET");
    notify_manager("NOT=1"); /* nobody listens */
    setenv("NOTIFY_SOCKET", "relative", 1);
    notify_manager("NOT=2"); /* no path */
    setenv("NOTIFY_SOCKET", path, 1);
    notify_manager("READY=1");
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT), 7);
    assert_string_equal(got, "READY=1");
    close(fd);
    unlink(path);
}

static void reads_default_routes(void **state)
{
    static const struct {
        const char *line;
        bool v6;
        const char *gateway; /* NULL: none */
    } rows[] = {
        {"eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n", false, "172.17.0.1"},
        {"eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n", false, NULL},
        {"tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n", false, NULL},
        {"eth0\t0000000A\t010011AC\t0003\t0\t0\t0\t000000FF\t0\t0\t0\n", false, NULL},
        {"eth0\t00000000\t010011AC\t0002\t0\t0\t0\t00000000\t0\t0\t0\n", false,
         NULL}, /* down */
        {"Iface\tDestination\tGateway\tFlags\tRefCnt\n", false, NULL},
        {"", false, NULL},
        {"00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
         "fd000000000000000000000000000001 00000400 00000001 00000000 00000003 eth0\n",
         true, "fd00::1"},
        {"00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
         "00000000000000000000000000000000 ffffffff 00000001 00000000 00200200 lo\n",
         true, NULL},
        {"fd000000000000000000000000000000 40 00000000000000000000000000000000 00 "
         "fd000000000000000000000000000001 00000100 00000001 00000000 00000003 eth0\n",
         true, NULL},
        {"0 00 0 00 zz 0 0 0 3", true, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address gateway;
        const bool found = gateway_line(rows[i].line, rows[i].v6, &gateway);
        if (found != (rows[i].gateway != NULL)) {
            fail_msg("row %zu", i);
        }
        if (found) {
            char text[ADDRESS_TEXT_MAX];
            address_format(&gateway, false, text);
            assert_string_equal(text, rows[i].gateway);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_socket_that_collides),
        cmocka_unit_test(names_the_process_that_holds_a_port),
        cmocka_unit_test(explains_what_to_do_about_a_port),
        cmocka_unit_test(explains_who_holds_a_port),
        cmocka_unit_test(opens_a_pair_for_each_worker_and_address),
        cmocka_unit_test(opens_nothing_if_one_port_is_taken),
        cmocka_unit_test(opens_nothing_on_an_address_of_nobody),
        cmocka_unit_test(makes_the_folders_that_are_missing),
        cmocka_unit_test(refuses_a_user_that_does_not_exist),
        cmocka_unit_test(takes_one_worker_per_processor_unless_told),
        cmocka_unit_test(finds_out_which_upstreams_answer),
        cmocka_unit_test(tells_the_service_manager),
        cmocka_unit_test(reads_default_routes),
    };

    if (random_library_init() != 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
