/* What is impossible once rights are given up, and what still works: each in a child, as it is
 * for good. */
#include "daemon/sandbox.h"

#include "base/file.h"
#include "base/report.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A place: WORK/{etc/cordon.yaml,lists/a.list,state,run,events,outside/secret}. */
struct place {
    char work[64];
    struct config config;
    char texts[6][128];
};

static void put(const char *path, const char *text)
{
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0644), 0);
}

static const char *at(struct place *place, unsigned i, const char *name)
{
    snprintf(place->texts[i], sizeof(place->texts[i]), "%s/%s", place->work, name);
    return place->texts[i];
}

static int setup(void **state)
{
    static const char *const folders[] = {"etc", "data",   "data/lists", "state",
                                          "run", "events", "outside"};
    struct place *place = calloc(1, sizeof(*place));
    char path[160];

    assert_non_null(place);
    snprintf(place->work, sizeof(place->work), "/tmp/cordon-sandbox.XXXXXX");
    assert_non_null(mkdtemp(place->work));
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", place->work, folders[i]);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    put(at(place, 0, "etc/cordon.yaml"), "c");
    put(at(place, 1, "data/lists/a.list"), "l");
    put(at(place, 2, "outside/secret"), "s");
    place->config.sandbox = true;
    place->config.list_directory = (char *)at(place, 1, "data/lists");
    place->config.state_directory = (char *)at(place, 2, "state");
    place->config.control_socket = (char *)at(place, 3, "run/control.sock");
    place->config.events_to = (char *)at(place, 4, "events/events.jsonl");
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", place->work);
    assert_int_equal(system(command), 0);
    free(place);
    return 0;
}

/* 0, or the number of the first wish that was not granted or refused as it should be. */
static int in_child(struct place *place, int (*test)(struct place *, const struct sandbox *))
{
    int status = 0;

    fflush(NULL);
    const pid_t process = fork();
    assert_true(process >= 0);
    if (process == 0) {
        struct sandbox sandbox = {0};
        sandbox_bound(&place->config);
        sandbox_enter(&sandbox, &place->config, place->texts[0]);
        const int rc = test(place, &sandbox);
        sandbox_deinit(&sandbox);
        _exit(rc);
    }
    assert_int_equal(waitpid(process, &status, 0), process);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int can_open(const struct place *place, const char *name, int flags)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", name[0] == '/' ? "" : place->work, name);
    const int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -errno;
    }
    close(fd);
    return 0;
}

static int move(const struct place *place, const char *from, const char *to)
{
    char paths[2][256];

    snprintf(paths[0], sizeof(paths[0]), "%s/%s", place->work, from);
    snprintf(paths[1], sizeof(paths[1]), "%s/%s", place->work, to);
    return rename(paths[0], paths[1]) == 0 ? 0 : -errno;
}

static int files(struct place *place, const struct sandbox *sandbox)
{
    char path[256];

    if (sandbox->steps[SANDBOX_LANDLOCK].state == SANDBOX_MISSING) {
        return 200;
    }
    /* What a reload reads. */
    if (can_open(place, "etc/cordon.yaml", O_RDONLY) != 0) {
        return 1;
    }
    if (can_open(place, "data/lists/a.list", O_RDONLY) != 0 ||
        can_open(place, "data/lists", O_RDONLY | O_DIRECTORY) != 0) {
        return 2;
    }
    if (can_open(place, "/etc/passwd", O_RDONLY) != 0) {
        return 3;
    }
    /* What it must not touch. */
    if (can_open(place, "etc/cordon.yaml", O_RDWR) != -EACCES ||
        can_open(place, "data/lists/a.list", O_WRONLY | O_TRUNC) != -EACCES ||
        can_open(place, "data/lists/new", O_WRONLY | O_CREAT) != -EACCES) {
        return 4;
    }
    if (can_open(place, "outside/secret", O_RDONLY) != -EACCES ||
        can_open(place, "/root", O_RDONLY | O_DIRECTORY) != -EACCES ||
        can_open(place, "/tmp/cordon-test-new", O_WRONLY | O_CREAT) != -EACCES) {
        return 5;
    }
    /* What it writes: atomically, rotated, replaced. */
    snprintf(path, sizeof(path), "%s/state/image", place->work);
    if (file_write_atomic(path, "i", 1, 0600) != 0 ||
        file_write_atomic(path, "j", 1, 0600) != 0) {
        return 6;
    }
    if (can_open(place, "events/events.jsonl", O_WRONLY | O_CREAT | O_APPEND) != 0 ||
        move(place, "events/events.jsonl", "events/events.jsonl.1") != 0) {
        return 7;
    }
    /* Not out of its folder. */
    if (move(place, "state/image", "outside/image") == 0) {
        return 8;
    }
    return 0;
}

static void files_are_those_of_a_reload(void **state)
{
    const int rc = in_child(*state, files);

    if (rc == 200) {
        skip(); /* a kernel without Landlock: said in the log, shown by the next test */
    }
    assert_int_equal(rc, 0);
}

static void *nothing(void *argument)
{
    return argument;
}

static int calls(struct place *place, const struct sandbox *sandbox)
{
    pthread_t thread;
    void *result = NULL;

    if (sandbox->steps[SANDBOX_SECCOMP].state == SANDBOX_MISSING) {
        return 200;
    }
    /* Threads and sockets go on. */
    if (pthread_create(&thread, NULL, nothing, place) != 0 ||
        pthread_join(thread, &result) != 0 || result != place) {
        return 1;
    }
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0) {
        return 2;
    }
    close(fd);
    /* Other families, programs, and rights do not. */
    if (socket(AF_PACKET, SOCK_RAW, 0) >= 0 || errno != EPERM) {
        return 3;
    }
    if (execl("/bin/true", "true", (char *)NULL) == 0 || errno == ENOENT) {
        return 4;
    }
    if (chroot("/") == 0 || errno != EPERM) {
        return 5;
    }
    if (setuid(getuid()) == 0 || errno != EPERM) {
        return 6;
    }
    if (sandbox_is_instrumented()) {
        return 0; /* the rest is left open there, and the state says "partly" */
    }
    if (sandbox->steps[SANDBOX_SECCOMP].state != SANDBOX_ON) {
        return 7;
    }
    if (fork() >= 0 || errno != EPERM) {
        return 8;
    }
    if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
        MAP_FAILED) {
        return 9;
    }
    if (kill(getppid(), 0) == 0) {
        return 10;
    }
    return 0;
}

static void system_calls_are_those_of_a_server(void **state)
{
    const int rc = in_child(*state, calls);

    if (rc == 200) {
        skip();
    }
    assert_int_equal(rc, 0);
}

static int port(struct place *place, const struct sandbox *sandbox)
{
    const struct sockaddr_storage any = {.ss_family = AF_INET};

    (void)place;
    if (sandbox->steps[SANDBOX_LANDLOCK].state != SANDBOX_ON ||
        strstr(sandbox->steps[SANDBOX_LANDLOCK].detail, "files only") != NULL) {
        return 200;
    }
    const int tcp = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(tcp, (const struct sockaddr *)&any, 16) == 0 || errno != EACCES) {
        return 1;
    }
    close(tcp);
    const int udp = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(udp, (const struct sockaddr *)&any, 16) != 0) {
        return 2; /* questions to upstreams leave from a port of chance */
    }
    close(udp);
    return 0;
}

static void no_tcp_port_is_opened_afterwards(void **state)
{
    const int rc = in_child(*state, port);

    if (rc == 200) {
        skip();
    }
    assert_int_equal(rc, 0);
}

static int dies(struct place *place, const struct sandbox *sandbox)
{
    (void)place;
    (void)sandbox;
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void a_broken_rule_still_aborts(void **state)
{
    struct place *place = *state;
    int status = 0;

    const pid_t process = fork();
    assert_true(process >= 0);
    if (process == 0) {
        struct sandbox sandbox = {0};
        sandbox_enter(&sandbox, &place->config, place->texts[0]);
        _exit(dies(place, &sandbox));
    }
    assert_int_equal(waitpid(process, &status, 0), process);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static int rights(struct place *place, const struct sandbox *sandbox)
{
    char line[256];
    char memory[2048];
    struct text out;
    bool bounded = false;
    bool none_new = false;

    (void)place;
    FILE *status = fopen("/etc/passwd", "r"); /* reading works: the next is hidden if release */
    if (status == NULL) {
        return 1;
    }
    fclose(status);
    text_init(&out, memory, sizeof(memory));
    json_object_begin(&out, NULL);
    sandbox_write(sandbox, &out);
    json_object_end(&out);
    if (out.overflow || strstr(memory, "\"rights\":{\"user\":\"") == NULL ||
        strstr(memory, "\"no_new_privs\":{\"state\":\"on\"") == NULL) {
        return 2;
    }
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0) {
        return 3;
    }
    if (!sandbox_is_instrumented()) {
        return 0;
    }
    status = fopen("/proc/self/status", "r");
    if (status == NULL) {
        return 4;
    }
    while (fgets(line, sizeof(line), status) != NULL) {
        bounded = bounded || strcmp(line, "CapBnd:\t0000000000000000\n") == 0;
        none_new = none_new || strcmp(line, "NoNewPrivs:\t1\n") == 0;
        /* root keeps dac_override (bit 1), anybody else nothing. */
        if (strncmp(line, "CapPrm:\t", 8) == 0 && strtoull(line + 8, NULL, 16) > 2) {
            return 5;
        }
    }
    fclose(status);
    return none_new && (bounded || getuid() != 0) ? 0 : 6;
}

static void capabilities_are_gone_and_the_status_says_so(void **state)
{
    assert_int_equal(in_child(*state, rights), 0);
}

static int switched_off(struct place *place, const struct sandbox *sandbox)
{
    if (sandbox->steps[SANDBOX_LANDLOCK].state != SANDBOX_OFF ||
        sandbox->steps[SANDBOX_SECCOMP].state != SANDBOX_OFF ||
        sandbox->steps[SANDBOX_CAPABILITIES].state != SANDBOX_OFF ||
        sandbox->steps[SANDBOX_NO_NEW_PRIVS].state != SANDBOX_ON) {
        return 1;
    }
    return can_open(place, "outside/secret", O_RDONLY) == 0 ? 0 : 2;
}

static void off_leaves_everything_but_new_rights(void **state)
{
    struct place *place = *state;

    place->config.sandbox = false;
    assert_int_equal(in_child(place, switched_off), 0);
}

static int hidden(struct place *place, const struct sandbox *sandbox)
{
    struct report report;
    struct config next = place->config;
    char outside[160];
    char beside[160];

    if (sandbox->steps[SANDBOX_LANDLOCK].state != SANDBOX_ON) {
        return 200;
    }
    report_init(&report);
    sandbox_report_hidden(sandbox, &next, "f", &report);
    if (report.warnings != 0) {
        return 1;
    }
    snprintf(outside, sizeof(outside), "%s/outside", place->work);
    next.list_directory = outside;
    sandbox_report_hidden(sandbox, &next, "f", &report);
    if (report.warnings != 1 || strstr(report.entries[0].text, "lists.directory") == NULL ||
        strstr(report.entries[0].text, "restart") == NULL) {
        return 2;
    }
    /* Another folder beside the first one is in view, a missing one is no matter of rights. */
    snprintf(beside, sizeof(beside), "%s/data", place->work);
    next.list_directory = beside;
    sandbox_report_hidden(sandbox, &next, "f", &report);
    snprintf(beside, sizeof(beside), "%s/none", place->work);
    sandbox_report_hidden(sandbox, &next, "f", &report);
    const int rc = report.warnings == 1 ? 0 : 3;
    report_deinit(&report);
    return rc;
}

static void a_reload_that_looks_elsewhere_is_told_to_restart(void **state)
{
    const int rc = in_child(*state, hidden);

    if (rc == 200) {
        skip();
    }
    assert_int_equal(rc, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_are_those_of_a_reload, setup, teardown),
        cmocka_unit_test_setup_teardown(system_calls_are_those_of_a_server, setup, teardown),
        cmocka_unit_test_setup_teardown(no_tcp_port_is_opened_afterwards, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broken_rule_still_aborts, setup, teardown),
        cmocka_unit_test_setup_teardown(capabilities_are_gone_and_the_status_says_so, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(off_leaves_everything_but_new_rights, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reload_that_looks_elsewhere_is_told_to_restart, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
