/* policy/image: where an image lies. Compiled or loaded, it is a sealed memory file. */
#include "policy/make.h"

#include "base/error.h"
#include "base/pages.h"
#include "base/random.h"
#include "policy/image_format.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct policy_image *compile(const char *rules)
{
    struct policy_list *list = list_of("m", rules);
    const struct policy_list *const lists[] = {list};
    struct policy_image *image = NULL;

    assert_int_equal(policy_image_build(lists, 1, &image), 0);
    policy_list_free(list);
    return image;
}

/* What the kernel says of the mapping that begins there: "r--s", and its name. */
static void mapping_of(const void *at, char rights[8], char name[128])
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    bool found = false;

    assert_non_null(maps);
    while (!found && fgets(line, sizeof(line), maps) != NULL) {
        unsigned long from = 0;

        name[0] = '\0';
        found = sscanf(line, "%lx-%*x %7s %*s %*s %*s %127[^\n]", &from, rights, name) >= 2 &&
                from == (unsigned long)(uintptr_t)at;
    }
    fclose(maps);
    assert_true(found);
}

static void check_sealed(const struct policy_image *image)
{
    char rights[8], name[128];
    size_t len = 0;
    const uint8_t *octets = policy_image_octets(image, &len);

    mapping_of(octets, rights, name);
    assert_string_equal(rights, "r--s");
    assert_non_null(strstr(name, "memfd:cordon-policy"));
    /* Not even whoever is in this process can write to it. */
    assert_int_equal(mprotect((void *)(uintptr_t)octets, len, PROT_READ | PROT_WRITE), -1);
    assert_int_equal(errno, EACCES);
}

static void a_compiled_image_is_sealed(void **state)
{
    struct policy_image *image = compile("block suffix a.example;block prefix 192.0.2.0/24");

    (void)state;
    check_sealed(image);
    policy_image_free(image);
}

static void a_loaded_image_is_sealed(void **state)
{
    char path[] = "/tmp/cordon-image-XXXXXX";
    struct policy_image *image = compile("block suffix a.example"), *loaded = NULL;
    const uint8_t key[32] = {1};
    size_t len = 0;

    (void)state;
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(policy_image_save(image, path, key), 0);
    assert_int_equal(policy_image_load(path, key,
                                       policy_image_octets(image, &len) + IMAGE_AT_INPUTS,
                                       &loaded),
                     0);
    unlink(path);
    check_sealed(loaded);
    policy_image_free(loaded);
    policy_image_free(image);
}

/* The file behind a mapping of this process. */
static ino_t file_behind(const void *at)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    unsigned long inode = 0;

    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps) != NULL) {
        unsigned long from = 0, number = 0;

        if (sscanf(line, "%lx-%*x %*s %*s %*s %lu", &from, &number) == 2 &&
            from == (unsigned long)(uintptr_t)at) {
            inode = number;
        }
    }
    fclose(maps);
    return inode;
}

static void a_forked_process_reads_the_same_pages(void **state)
{
    struct policy_image *image = compile("block suffix a.example");
    const struct wire_name name = name_of("x.a.example");
    size_t len = 0;
    const uint8_t *octets = policy_image_octets(image, &len);
    const ino_t ours = file_behind(octets);
    int status = 0;

    (void)state;
    assert_true(ours != 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct policy_matches matches;

        policy_image_find_name(image, &name, &matches);
        _exit(matches.count == 1 && file_behind(octets) == ours ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    policy_image_free(image);
}

/* KiB of the mapping that begins there which are mapped by large pages. */
static unsigned long large_kib(const void *at)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[512];
    unsigned long kib = 0;
    bool inside = false;

    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps) != NULL) {
        unsigned long from = 0;
        char rights[8];

        if (sscanf(line, "%lx-%*x %7s", &from, rights) == 2) {
            inside = from == (unsigned long)(uintptr_t)at;
        } else if (inside && sscanf(line, "ShmemPmdMapped: %lu", &kib) == 1) {
            break;
        }
    }
    fclose(maps);
    return kib;
}

/* Whether this system makes large pages of a memory file at all, now. */
static bool gives_large_pages(void)
{
    const int file = memfd_create("probe", MFD_CLOEXEC);
    uint8_t *around =
        mmap(NULL, 2 * PAGES_LARGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(file >= 0 && around != MAP_FAILED);
    assert_int_equal(ftruncate(file, (off_t)PAGES_LARGE), 0);
    const size_t before = (PAGES_LARGE - (uintptr_t)around % PAGES_LARGE) % PAGES_LARGE;
    uint8_t *at = mmap(around + before, PAGES_LARGE, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_FIXED, file, 0);
    assert_true(at != MAP_FAILED);
    pages_make_large(at, PAGES_LARGE);
    const bool given = large_kib(at) > 0;
    munmap(around, 2 * PAGES_LARGE);
    close(file);
    return given;
}

#define MANY 250000 /* an image of some 3 MB */

static struct policy_image *compile_many(void)
{
    char *rules = malloc((size_t)MANY * 40), *at = rules;

    assert_non_null(rules);
    for (unsigned i = 0; i < MANY; i++) {
        at += sprintf(at, "block suffix n%u.example;", i);
    }
    at[-1] = '\0';
    struct policy_image *image = compile(rules);
    free(rules);
    return image;
}

/* Sealed like any other, and where large pages can be mapped. Whether they are. */
static bool is_large(const struct policy_image *image)
{
    size_t len = 0;
    const uint8_t *octets = policy_image_octets(image, &len);

    check_sealed(image);
    assert_true(len > PAGES_LARGE);
    assert_int_equal((uintptr_t)octets % PAGES_LARGE, 0);
    return large_kib(octets) == (len - len % PAGES_LARGE) / 1024;
}

/* A look-up in a large image of small pages waits for the tables of pages. One attempt may find
 * no memory in one piece, as others take it meanwhile. */
static void a_large_image_lies_in_large_pages(void **state)
{
    char path[] = "/tmp/cordon-image-XXXXXX";
    const uint8_t key[32] = {1};
    struct policy_image *image = NULL, *loaded = NULL;
    bool compiled_is = false, loaded_is = false;
    size_t len = 0, loaded_len = 0;

    (void)state;
    if (!gives_large_pages()) {
        skip(); /* an old system, or too little memory in one piece */
    }
    for (unsigned i = 0; i < 3 && !compiled_is; i++) {
        policy_image_free(image);
        image = compile_many();
        compiled_is = is_large(image);
    }
    const uint8_t *octets = policy_image_octets(image, &len);
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(policy_image_save(image, path, key), 0);
    for (unsigned i = 0; i < 10 && !loaded_is; i++) {
        policy_image_free(loaded);
        assert_int_equal(policy_image_load(path, key, octets + IMAGE_AT_INPUTS, &loaded), 0);
        loaded_is = is_large(loaded);
    }
    unlink(path);
    assert_true(compiled_is && loaded_is);
    assert_memory_equal(policy_image_octets(loaded, &loaded_len), octets, len);
    assert_int_equal(loaded_len, len);
    policy_image_free(loaded);
    policy_image_free(image);
}

static void count_progress(void *context, const char *stage, uint64_t done, uint64_t all)
{
    unsigned *calls = context;

    assert_string_equal(stage, "compiling");
    assert_true(done <= all && all == 10);
    (*calls)++;
}

static void whoever_waits_for_a_build_is_told(void **state)
{
    struct policy_list *list = list_of("m", "block suffix a.example;block suffix b.example");
    const struct policy_list *const lists[] = {list};
    struct policy_image *image = NULL;
    struct report report;
    unsigned calls = 0;

    (void)state;
    report_init(&report);
    report.progress = count_progress;
    report.progress_context = &calls;
    assert_int_equal(policy_image_build_told(lists, 1, &report, &image), 0);
    assert_true(calls >= 4);
    report_deinit(&report);
    policy_image_free(image);
    policy_list_free(list);
}

static int start(void **state)
{
    (void)state;
    return random_library_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_compiled_image_is_sealed),
        cmocka_unit_test(a_loaded_image_is_sealed),
        cmocka_unit_test(a_forked_process_reads_the_same_pages),
        cmocka_unit_test(a_large_image_lies_in_large_pages),
        cmocka_unit_test(whoever_waits_for_a_build_is_told),
    };
    return cmocka_run_group_tests_name("policy/image_memory", tests, start, NULL);
}
