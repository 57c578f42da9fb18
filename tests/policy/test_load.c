/* policy/load: from signed files to an image, by way of the kept one or not. */
#include "policy/make.h"

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "policy/load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CREATED 1767323045 /* 2026-01-02T03:04:05Z, as list_text writes it */
#define EXPIRES 1801883045

/* A folder with lists and their signatures, and one for kept images. */
struct place {
    char path[64], kept[96];
    struct trust_secret_key secrets[3];
    struct trust_keyring keyring; /* the first two keys, both needed */
    struct report report;
    struct policy_loaded loaded;
};

static int open_place(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    struct trust_public_key key;

    strcpy(place->path, "/tmp/cordon-load-XXXXXX");
    if (mkdtemp(place->path) == NULL) {
        return -1;
    }
    snprintf(place->kept, sizeof(place->kept), "%s/kept", place->path);
    for (size_t i = 0; i < 3; i++) {
        trust_key_generate(&place->secrets[i], &key);
        if (i < 2 && trust_keyring_add(&place->keyring, &key) != 0) {
            return -1;
        }
    }
    place->keyring.threshold = 2;
    report_init(&place->report);
    *state = place;
    return 0;
}

static void empty_folder(const char *path)
{
    DIR *dir = opendir(path);

    if (dir == NULL) {
        return;
    }
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    closedir(dir);
    rmdir(path);
}

static int close_place(void **state)
{
    struct place *place = *state;

    report_deinit(&place->report);
    policy_image_free(place->loaded.image);
    empty_folder(place->kept);
    empty_folder(place->path);
    free(place);
    return 0;
}

/* Writes text as ID.list, signed with the keys whose numbers are in signers ("01"). */
static void put_text(const struct place *place, const char *id, const char *text,
                     const char *signers)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/%s.list", place->path, id);
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0644), 0);
    for (size_t i = 0; i < 3; i++) {
        char file[TRUST_SIGNATURE_FILE_MAX];
        size_t len = 0;

        snprintf(path, sizeof(path), "%s/%s.list.K%zu.minisig", place->path, id, i);
        unlink(path);
        if (strchr(signers, (int)('0' + i)) == NULL) {
            continue;
        }
        assert_int_equal(trust_sign(&place->secrets[i], (const uint8_t *)text, strlen(text),
                                    "for tests", file, sizeof(file), &len),
                         0);
        assert_int_equal(file_write_atomic(path, file, len, 0644), 0);
    }
}

static void put(const struct place *place, const char *id, const char *rules)
{
    char *text = list_text(id, rules);

    put_text(place, id, text, "01");
    free(text);
}

static int load_at(struct place *place, const char *const *ids, size_t count, uint64_t now_s)
{
    const struct policy_load_request request = {.directory = place->path,
                                                .ids = ids,
                                                .id_count = count,
                                                .keyring = &place->keyring,
                                                .now_s = now_s,
                                                .cache_directory = place->kept};

    report_deinit(&place->report);
    report_init(&place->report);
    policy_image_free(place->loaded.image);
    memset(&place->loaded, 0, sizeof(place->loaded));
    return policy_load(&request, &place->report, &place->loaded);
}

static int load(struct place *place, const char *const *ids, size_t count)
{
    return load_at(place, ids, count, 0);
}

static bool says(const struct place *place, const char *words)
{
    for (size_t i = 0; i < place->report.count; i++) {
        if (strstr(place->report.entries[i].text, words) != NULL) {
            return true;
        }
    }
    return false;
}

static size_t kept_images(const struct place *place, char name[256])
{
    DIR *dir = opendir(place->kept);
    size_t count = 0;

    for (const struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL;
         entry = readdir(dir)) {
        const size_t len = strlen(entry->d_name);

        if (len > 6 && strcmp(entry->d_name + len - 6, ".image") == 0) {
            snprintf(name, 256, "%s", entry->d_name);
            count++;
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

static const char *const both[] = {"a", "b"};

static void put_both(const struct place *place)
{
    put(place, "a", "block suffix a.example");
    put(place, "b", "block suffix b.example;block prefix 192.0.2.0/24");
}

static void signed_lists_become_an_image(void **state)
{
    struct place *place = *state;
    const struct wire_name name = name_of("x.b.example");
    struct policy_matches matches;

    put_both(place);
    assert_int_equal(load(place, both, 2), 0);
    assert_int_equal(place->report.count, 0);
    assert_false(place->loaded.from_cache);
    assert_int_equal(place->loaded.list_count, 2);
    const struct policy_loaded_list *list = &place->loaded.lists[1];
    assert_string_equal(list->id, "b");
    assert_int_equal(list->serial, 7);
    assert_int_equal(list->rules, 2);
    assert_int_equal(list->created_s, CREATED);
    assert_int_equal(list->expires_s, EXPIRES);
    assert_int_equal(list->freshness, POLICY_FRESH);
    assert_int_equal(list->verdict.count, 2);
    policy_image_find_name(place->loaded.image, &name, &matches);
    assert_int_equal(matches.count, 1);
}

static void the_second_start_maps_what_the_first_kept(void **state)
{
    struct place *place = *state;
    size_t len = 0, kept_len = 0;
    char name[256];
    struct stat status;

    put_both(place);
    assert_int_equal(load(place, both, 2), 0);
    const uint8_t *octets = policy_image_octets(place->loaded.image, &len);
    uint8_t *copy = malloc(len);
    memcpy(copy, octets, len);
    assert_int_equal(kept_images(place, name), 1);
    assert_int_equal(strlen(name), 64 + 6);
    char path[512];
    snprintf(path, sizeof(path), "%s/image.key", place->kept);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(status.st_size, 32);

    assert_int_equal(load(place, both, 2), 0);
    assert_int_equal(place->report.count, 0);
    assert_true(place->loaded.from_cache);
    octets = policy_image_octets(place->loaded.image, &kept_len);
    assert_int_equal(len, kept_len);
    assert_memory_equal(copy, octets, len);
    assert_int_equal(place->loaded.lists[0].rules, 1);
    assert_int_equal(place->loaded.lists[1].rules, 2);
    assert_int_equal(place->loaded.lists[1].expires_s, EXPIRES);
    assert_int_equal(place->loaded.lists[1].verdict.count, 2);
    free(copy);
    /* The order in which lists are named does not matter. */
    const char *const turned[] = {"b", "a"};
    assert_int_equal(load(place, turned, 2), 0);
    assert_true(place->loaded.from_cache);
    assert_string_equal(place->loaded.lists[0].id, "b");
    assert_int_equal(place->loaded.lists[0].rules, 2);
}

/* What is wrong with a list, and that nothing is loaded then. */
static void bad_lists_are_refused_whole(void **state)
{
    struct place *place = *state;
    char *good = list_text("a", "block suffix a.example");
    char *other = list_text("c", "block suffix a.example");
    static const char *const one[] = {"a"};
    struct policy_loaded untouched;
    static const struct {
        const char *signers;
        int rc;
        const char *words;
    } cases[] = {
        {"", CORDON_E_THRESHOLD, "a.list"},   /* not signed */
        {"0", CORDON_E_THRESHOLD, "a.list"},  /* once where two are needed */
        {"02", CORDON_E_THRESHOLD, "a.list"}, /* the second by a key that is not trusted */
        {"012", 0, ""},                       /* one more does no harm */
    };

    for (size_t i = 0; i < ITEMS(cases); i++) {
        put_text(place, "a", good, cases[i].signers);
        assert_int_equal(load(place, one, 1), cases[i].rc);
        if (cases[i].rc != 0) {
            memset(&untouched, 0, sizeof(untouched));
            assert_memory_equal(&place->loaded, &untouched, sizeof(untouched));
            assert_true(place->report.errors > 0 && says(place, cases[i].words));
        }
    }
    /* Signed, then changed in one octet. */
    put_text(place, "a", good, "01");
    char path[160];
    snprintf(path, sizeof(path), "%s/a.list", place->path);
    strstr(good, "a.example")[0] = 'e';
    assert_int_equal(file_write_atomic(path, good, strlen(good), 0644), 0);
    assert_int_equal(load(place, one, 1), CORDON_E_THRESHOLD);
    /* Signed under another name. */
    put_text(place, "a", other, "01");
    assert_int_equal(load(place, one, 1), CORDON_E_REFUSED);
    assert_true(says(place, "its id line says \"c\""));
    /* Signed, and not in the form. */
    put_text(place, "a", "cordon-list 1\nid a\nrules\nblock\nend\n", "01");
    assert_int_equal(load(place, one, 1), CORDON_E_REFUSED);
    assert_true(says(place, "a.list:4:6:"));
    put_text(place, "a", "cordon-list 2\n", "01");
    assert_int_equal(load(place, one, 1), CORDON_E_VERSION);
    put_text(place, "a", "", "01");
    assert_int_equal(load(place, one, 1), CORDON_E_REFUSED);
    /* Not there. */
    unlink(path);
    assert_int_equal(load(place, one, 1), -ENOENT);
    assert_true(says(place, "cannot be read"));
    assert_true(says(place, "lists.use"));
    assert_null(place->loaded.image);
    free(good);
    free(other);
}

static void ids_that_are_no_file_names_are_refused(void **state)
{
    static const struct {
        const char *ids[2];
        int rc;
        const char *words;
    } cases[] = {
        {{"../a", "b"}, CORDON_E_REFUSED, "no id"},   {{"", "b"}, CORDON_E_REFUSED, "no id"},
        {{"-a", "b"}, CORDON_E_REFUSED, "no id"},     {{"A", "b"}, CORDON_E_REFUSED, "no id"},
        {{"a.list", "b"}, CORDON_E_REFUSED, "no id"}, {{"b", "b"}, -EEXIST, "twice"},
    };
    const char *many[POLICY_LISTS_MAX + 1];
    struct place *place = *state;

    put_both(place);
    for (size_t i = 0; i < ITEMS(cases); i++) {
        assert_int_equal(load(place, cases[i].ids, 2), cases[i].rc);
        assert_true(says(place, cases[i].words));
    }
    for (size_t i = 0; i < ITEMS(many); i++) {
        many[i] = "a";
    }
    assert_int_equal(load(place, many, ITEMS(many)), CORDON_E_LIMIT);
    assert_int_equal(load(place, NULL, 0), 0); /* no lists: nothing is matched */
    assert_int_equal(place->loaded.list_count, 0);
}

static void every_bad_list_is_reported(void **state)
{
    static const char *const ids[] = {"x", "a", "y"};
    struct place *place = *state;

    put_both(place);
    assert_int_equal(load(place, ids, 3), -ENOENT);
    assert_int_equal(place->report.errors, 2);
    assert_true(says(place, "x.list") && says(place, "y.list"));
}

static void a_damaged_kept_image_is_compiled_again(void **state)
{
    struct place *place = *state;
    char name[256], path[512];
    uint8_t *data = NULL;
    size_t len = 0;

    put_both(place);
    assert_int_equal(load(place, both, 2), 0);
    assert_int_equal(kept_images(place, name), 1);
    snprintf(path, sizeof(path), "%s/%s", place->kept, name);
    assert_int_equal(file_read(path, 1 << 20, &data, &len), 0);
    const size_t damage[] = {0, 8, 5000, len - 1};
    for (size_t i = 0; i < ITEMS(damage); i++) {
        data[damage[i]] ^= 0x40;
        assert_int_equal(file_write_atomic(path, data, len, 0600), 0);
        data[damage[i]] ^= 0x40;
        assert_int_equal(load(place, both, 2), 0);
        assert_false(place->loaded.from_cache);
        assert_int_equal(place->report.errors, 0);
        assert_int_equal(place->report.warnings, 1);
        assert_true(says(place, name));
        assert_int_equal(load(place, both, 2), 0);
        assert_true(place->loaded.from_cache); /* it was kept anew */
        assert_int_equal(place->report.count, 0);
    }
    /* Cut, empty, and a folder in its place: the last cannot be replaced either. */
    assert_int_equal(file_write_atomic(path, data, len / 2, 0600), 0);
    assert_int_equal(load(place, both, 2), 0);
    assert_int_equal(place->report.warnings, 1);
    assert_int_equal(file_write_atomic(path, data, 0, 0600), 0);
    assert_int_equal(load(place, both, 2), 0);
    assert_int_equal(place->report.warnings, 1);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(load(place, both, 2), 0);
    assert_false(place->loaded.from_cache);
    assert_int_equal(place->report.warnings, 2);
    rmdir(path);
    free(data);
}

static void an_image_of_another_key_is_not_used(void **state)
{
    struct place *place = *state;
    char path[512];

    put_both(place);
    assert_int_equal(load(place, both, 2), 0);
    snprintf(path, sizeof(path), "%s/image.key", place->kept);
    /* Anyone could have read it: no longer a secret. */
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(load(place, both, 2), 0);
    assert_false(place->loaded.from_cache);
    assert_true(says(place, "image.key"));
    assert_int_equal(load(place, both, 2), 0);
    assert_true(place->loaded.from_cache); /* with a new key */
    /* Another key of the right form. */
    assert_int_equal(file_write_atomic(path, "0123456789abcdef0123456789abcdef", 32, 0600), 0);
    assert_int_equal(load(place, both, 2), 0);
    assert_false(place->loaded.from_cache);
    assert_int_equal(place->report.warnings, 1);
    /* Too short. */
    assert_int_equal(file_write_atomic(path, "0123", 4, 0600), 0);
    assert_int_equal(load(place, both, 2), 0);
    assert_false(place->loaded.from_cache);
    /* Gone. */
    unlink(path);
    assert_int_equal(load(place, both, 2), 0);
    assert_false(place->loaded.from_cache);
    assert_int_equal(load(place, both, 2), 0);
    assert_true(place->loaded.from_cache);
}

static void at_most_two_images_are_kept(void **state)
{
    struct place *place = *state;
    char name[256], rules[64];

    put(place, "b", "block suffix b.example");
    for (unsigned i = 0; i < 5; i++) {
        snprintf(rules, sizeof(rules), "block suffix a%u.example", i);
        put(place, "a", rules);
        assert_int_equal(load(place, both, 2), 0);
        assert_false(place->loaded.from_cache);
        assert_int_equal(kept_images(place, name), i == 0 ? 1 : 2);
    }
    /* The one before is still there: a step back is quick. */
    put(place, "a", "block suffix a3.example");
    assert_int_equal(load(place, both, 2), 0);
    assert_true(place->loaded.from_cache);
}

/* A process that is killed while it writes leaves a file that nobody would ever remove; what
 * has another name is not ours (base/test_file: nor is what another process writes). */
static void what_a_killed_process_left_is_removed(void **state)
{
    static const char *const names[] = {".aB3xYz.new", ".0123456.new", ".aB3xY.new",
                                        "-aB3xYz.new", ".aB3xYz"};
    struct place *place = *state;
    char name[256], path[400], rules[64];

    put_both(place);
    assert_int_equal(load(place, both, 2), 0);
    assert_int_equal(kept_images(place, name), 1);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s%s", place->kept, name, names[i]);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fclose(file);
        snprintf(rules, sizeof(rules), "block suffix a%zu.example", i);
        put(place, "a", rules);
        assert_int_equal(load(place, both, 2), 0);
        assert_int_equal(access(path, F_OK), i == 0 ? -1 : 0);
        unlink(path);
    }
}

static void a_folder_that_cannot_be_used_is_a_warning(void **state)
{
    struct place *place = *state;

    put_both(place);
    snprintf(place->kept, sizeof(place->kept), "%s/a.list/kept", place->path);
    assert_int_equal(load(place, both, 2), 0);
    assert_int_equal(place->report.errors, 0);
    assert_int_equal(place->report.warnings, 1);
    assert_true(says(place, "not kept"));
}

static void age_is_a_warning_and_the_list_stays(void **state)
{
    static const struct {
        uint64_t now_s;
        enum policy_freshness freshness;
        const char *words;
    } cases[] = {
        {0, POLICY_FRESH, NULL}, /* the clock is not looked at */
        {CREATED, POLICY_FRESH, NULL},
        {EXPIRES - 1, POLICY_FRESH, NULL},
        {EXPIRES, POLICY_STALE, "expired on 2027-02-06T03:04:05Z"},
        {EXPIRES + UINT64_C(1000000000), POLICY_STALE, "expired"},
        {CREATED - 1, POLICY_CLOCK_UNTRUSTED, "set the clock"},
        {1, POLICY_CLOCK_UNTRUSTED, "created on 2026-01-02T03:04:05Z"},
    };
    struct place *place = *state;

    put_both(place);
    for (size_t i = 0; i < ITEMS(cases); i++) {
        assert_int_equal(load_at(place, both, 2, cases[i].now_s), 0);
        assert_int_equal(place->loaded.lists[0].freshness, cases[i].freshness);
        assert_int_equal(place->report.errors, 0);
        assert_int_equal(place->report.warnings, cases[i].words == NULL ? 0 : 2);
        assert_true(cases[i].words == NULL || says(place, cases[i].words));
    }
}

/* A list of so many octets, most of them in comments. */
static void put_large(const struct place *place, const char *id, size_t octets)
{
    char *small = list_text(id, "block suffix large.example");
    const size_t len = strlen(small);
    char *text = malloc(len + octets + 4096);
    char *end = strstr(small, "end\n");
    size_t used = (size_t)(end - small);

    assert_non_null(text);
    memcpy(text, small, used);
    while (used < octets) {
        memset(text + used, '#', 512);
        text[used + 511] = '\n';
        used += 512;
    }
    memcpy(text + used, "end\n", 5);
    put_text(place, id, text, "01");
    free(text);
    free(small);
}

/* Replaces a list when the first one is being read. */
static void replace_list(void *context, const char *stage, uint64_t done, uint64_t all)
{
    struct place *place = context;
    char path[160];

    (void)done;
    (void)all;
    if (strcmp(stage, "reading") == 0) {
        snprintf(path, sizeof(path), "%s/b.list", place->path);
        assert_int_equal(file_write_atomic(path, "cordon-list 1\n", 14, 0644), 0);
    }
}

static void texts_that_are_read_twice_are_the_same_or_refused(void **state)
{
    struct place *place = *state;
    const struct policy_load_request request = {
        .directory = place->path, .ids = both, .id_count = 2, .keyring = &place->keyring};

    /* Together more than what is kept until it is parsed. */
    put_large(place, "a", (size_t)40 << 20);
    put_large(place, "b", (size_t)40 << 20);
    assert_int_equal(load(place, both, 2), 0);
    assert_int_equal(place->loaded.lists[1].rules, 1);
    report_deinit(&place->report);
    report_init(&place->report);
    place->report.progress = replace_list;
    place->report.progress_context = place;
    struct policy_loaded loaded = {.image = NULL};
    assert_int_equal(policy_load(&request, &place->report, &loaded), CORDON_E_CORRUPT);
    assert_null(loaded.image);
    assert_true(says(place, "b.list: the list has changed since its signatures were verified"));
}

static void one_list_loads_alone(void **state)
{
    struct place *place = *state;
    struct trust_verdict verdict = {.count = 99};
    struct policy_list *list = NULL;
    char path[160];

    put_both(place);
    snprintf(path, sizeof(path), "%s/a.list", place->path);
    assert_int_equal(policy_load_list(path, &place->keyring, &place->report, &list, &verdict),
                     0);
    assert_string_equal(list->id, "a");
    assert_int_equal(verdict.count, 2);
    policy_list_free(list);
    list = NULL;
    verdict.count = 99;
    place->keyring.threshold = 3;
    assert_int_equal(policy_load_list(path, &place->keyring, &place->report, &list, &verdict),
                     CORDON_E_THRESHOLD);
    assert_null(list);
    assert_int_equal(verdict.count, 99);
}

/* Signatures cover the octets, not the name: a list that is shown under the name of another is
 * refused, whoever loads it. */
static void one_list_loads_under_its_own_name_alone(void **state)
{
    static const char *const names[] = {"u.list", "aa.list", "a.list.new",
                                        "a",      "A.list",  "list"};
    struct place *place = *state;
    struct trust_verdict verdict = {.count = 99};
    struct policy_list *list = NULL;
    char from[160], to[300], words[64];

    put_both(place);
    for (size_t i = 0; i < ITEMS(names); i++) {
        for (int k = -1; k < 2; k++) { /* the list, then its signatures */
            char signature[32] = "";

            if (k >= 0) {
                snprintf(signature, sizeof(signature), ".K%d.minisig", k);
            }
            snprintf(from, sizeof(from), "%s/a.list%s", place->path, signature);
            snprintf(to, sizeof(to), "%s/%s%s", place->path, names[i], signature);
            assert_int_equal(link(from, to), 0);
        }
        snprintf(to, sizeof(to), "%s/%s", place->path, names[i]);
        report_deinit(&place->report);
        report_init(&place->report);
        assert_int_equal(policy_load_list(to, &place->keyring, &place->report, &list, &verdict),
                         CORDON_E_REFUSED);
        assert_null(list);
        assert_int_equal(verdict.count, 99);
        snprintf(words, sizeof(words), "/%s: its id line says \"a\"", names[i]);
        assert_true(says(place, words));
    }
    /* By a path without a folder it is the same file. */
    assert_int_equal(chdir(place->path), 0);
    assert_int_equal(
        policy_load_list("a.list", &place->keyring, &place->report, &list, &verdict), 0);
    policy_list_free(list);
    assert_int_equal(chdir("/"), 0);
}

static int start(void **state)
{
    (void)state;
    return random_library_init();
}

#define PLACE_TEST(name) cmocka_unit_test_setup_teardown(name, open_place, close_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(signed_lists_become_an_image),
        PLACE_TEST(the_second_start_maps_what_the_first_kept),
        PLACE_TEST(bad_lists_are_refused_whole),
        PLACE_TEST(ids_that_are_no_file_names_are_refused),
        PLACE_TEST(every_bad_list_is_reported),
        PLACE_TEST(a_damaged_kept_image_is_compiled_again),
        PLACE_TEST(an_image_of_another_key_is_not_used),
        PLACE_TEST(at_most_two_images_are_kept),
        PLACE_TEST(what_a_killed_process_left_is_removed),
        PLACE_TEST(a_folder_that_cannot_be_used_is_a_warning),
        PLACE_TEST(age_is_a_warning_and_the_list_stays),
        PLACE_TEST(texts_that_are_read_twice_are_the_same_or_refused),
        PLACE_TEST(one_list_loads_alone),
        PLACE_TEST(one_list_loads_under_its_own_name_alone),
    };
    return cmocka_run_group_tests_name("policy/load", tests, start, NULL);
}
