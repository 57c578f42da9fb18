/* The thread that does what takes long: its priority, its end, and one job after the other. */
#include "daemon/builder.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

struct scene {
    uv_loop_t loop;
    struct builder builder;
    unsigned jobs, done;
    int nice, policy;
    pid_t thread;
    bool again;
};

static void job(void *context)
{
    struct scene *scene = context;

    scene->jobs++;
    scene->thread = gettid();
    scene->policy = sched_getscheduler(0);
    errno = 0;
    scene->nice = getpriority(PRIO_PROCESS, 0);
}

static void on_done(void *context)
{
    struct scene *scene = context;

    scene->done++;
    if (scene->again) {
        scene->again = false;
        assert_int_equal(builder_run(&scene->builder, job, on_done, scene), 0);
    } else if (!scene->builder.closing) {
        uv_stop(&scene->loop);
    }
}

static void start(struct scene *scene)
{
    memset(scene, 0, sizeof(*scene));
    assert_int_equal(uv_loop_init(&scene->loop), 0);
    assert_int_equal(builder_init(&scene->builder, &scene->loop), 0);
}

static void end(struct scene *scene)
{
    builder_close(&scene->builder);
    assert_int_equal(uv_run(&scene->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&scene->loop), 0);
}

static void a_job_runs_low_and_nothing_else_does(void **state)
{
    struct scene scene;
    const int before = getpriority(PRIO_PROCESS, 0);

    (void)state;
    start(&scene);
    assert_int_equal(builder_run(&scene.builder, job, on_done, &scene), 0);
    (void)uv_run(&scene.loop, UV_RUN_DEFAULT);
    assert_int_equal(scene.done, 1);
    assert_int_equal(scene.nice, BUILDER_NICE);
    assert_int_equal(scene.policy, SCHED_BATCH);
    assert_int_not_equal(scene.thread, gettid());
    assert_int_equal(getpriority(PRIO_PROCESS, 0), before);
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
    end(&scene);
}

static void the_next_may_begin_when_one_is_done(void **state)
{
    struct scene scene;

    (void)state;
    start(&scene);
    scene.again = true;
    assert_int_equal(builder_run(&scene.builder, job, on_done, &scene), 0);
    (void)uv_run(&scene.loop, UV_RUN_DEFAULT);
    assert_int_equal(scene.jobs, 2);
    assert_int_equal(scene.done, 2);
    end(&scene);
}

static void closed_while_a_job_runs_it_comes_to_its_end(void **state)
{
    struct scene scene;

    (void)state;
    start(&scene);
    assert_int_equal(builder_run(&scene.builder, job, on_done, &scene), 0);
    end(&scene);
    assert_int_equal(scene.jobs, 1);
    assert_int_equal(scene.done, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_runs_low_and_nothing_else_does),
        cmocka_unit_test(the_next_may_begin_when_one_is_done),
        cmocka_unit_test(closed_while_a_job_runs_it_comes_to_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
