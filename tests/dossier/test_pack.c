/* dossier: evidence packs are the same twice, checked by the real minisign, and never hide what
 * is wrong with a log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dossier/clip.h"
#include "dossier/office.h"
#include "dossier/pack.h"
#include "trust/workshop.h"

static struct office office, small;
static struct office *whose = &office;
static const char *where = "log"; /* the log that is looked at */
static struct trust_secret_key signer;

static int setup_all(void **state)
{
    struct trust_public_key public_key;
    char text[1024];

    if (random_library_init() != 0 || workshop_open(state) != 0) {
        return -1;
    }
    office_weeks(&office, "log", 600, NULL);
    trust_key_generate(&signer, &public_key);
    workshop_write("auditor.pub", text,
                   trust_public_key_format(&public_key, text, sizeof(text)));
    return 0;
}

static int teardown_all(void **state)
{
    return workshop_close(state);
}

struct looked {
    struct audit_folder folder;
    struct audit_files files;
    struct dossier_clip clip;
    struct dossier_source source;
    struct audit_verdict verdict;
};

static void look(struct looked *looked, uint64_t to_us)
{
    const struct audit_verify_options options = {.key = &whose->maker.key, .deep = true};

    assert_int_equal(audit_folder_open(where, &looked->folder, &looked->files), 0);
    assert_int_equal(dossier_clip_init(&looked->clip, &looked->files, to_us), 0);
    looked->source = (struct dossier_source){&looked->clip.files, whose->maker.key};
    assert_int_equal(dossier_clip_verify(&looked->clip, &options, &looked->verdict), 0);
}

static void make(struct dossier_pack *pack, uint64_t from_us, uint64_t to_us)
{
    struct looked looked;

    look(&looked, to_us);
    const struct dossier_request request = {.sources = &looked.source,
                                            .source_count = 1,
                                            .from_us = from_us,
                                            .to_us = to_us != 0 ? to_us : looked.clip.time_us};
    const struct dossier_pack_request asked = {.request = &request,
                                               .verdicts = &looked.verdict,
                                               .transcript = "it holds\n",
                                               .secret = &signer};
    assert_int_equal(dossier_pack_make(&asked, pack), 0);
    audit_folder_close(&looked.folder);
}

static const struct dossier_file *file_of(const struct dossier_pack *pack, const char *name)
{
    for (size_t i = 0; i < pack->count; i++) {
        if (strcmp(pack->files[i].name, name) == 0) {
            return &pack->files[i];
        }
    }
    fail_msg("there is no %s", name);
    return NULL;
}

static void same(const struct dossier_pack *a, const struct dossier_pack *b)
{
    char *tars[2] = {NULL, NULL};
    size_t lens[2] = {0, 0};

    assert_int_equal(dossier_pack_tar(a, "evidence", &tars[0], &lens[0]), 0);
    assert_int_equal(dossier_pack_tar(b, "evidence", &tars[1], &lens[1]), 0);
    assert_int_equal(lens[0], lens[1]);
    assert_memory_equal(tars[0], tars[1], lens[0]);
    assert_int_equal(lens[0] % 512, 0);
    free(tars[0]);
    free(tars[1]);
}

static void a_pack_is_the_same_twice(void **state)
{
    struct dossier_pack one, two;

    (void)state;
    make(&one, 0, 0);
    make(&two, 0, 0);
    same(&one, &two);
    for (size_t i = 1; i < one.count; i++) {
        assert_true(strcmp(one.files[i - 1].name, one.files[i].name) < 0);
    }
    dossier_pack_deinit(&one);
    dossier_pack_deinit(&two);
}

static void minisign_and_sha256sum_check_it(void **state)
{
    const char *const verify[] = {"minisign",        "-V", "-q", "-p", "auditor.pub", "-m",
                                  "manifest.sha256", NULL};
    struct dossier_pack pack;

    (void)state;
    make(&pack, 0, 0);
    assert_int_equal(mkdir("tables", 0700), 0);
    for (size_t i = 0; i < pack.count; i++) {
        workshop_write(pack.files[i].name, pack.files[i].data, pack.files[i].len);
    }
    assert_int_equal(workshop_minisign("", verify), 0);
    assert_int_equal(system("sha256sum --quiet -c manifest.sha256"), 0);
    /* All of them are in the list, but itself and its signature. */
    const struct dossier_file *manifest = file_of(&pack, "manifest.sha256");
    size_t lines = 0;
    for (size_t i = 0; i < manifest->len; i++) {
        lines += manifest->data[i] == '\n';
    }
    assert_int_equal(lines, pack.count - 2);
    workshop_write("report.html", "another", 7);
    assert_int_not_equal(system("sha256sum --quiet -c manifest.sha256 2>/dev/null >&2"), 0);
    workshop_write("manifest.sha256", manifest->data, manifest->len - 1);
    assert_int_not_equal(workshop_minisign("", verify), 0);
    dossier_pack_deinit(&pack);
}

/* Time that has not come when the pack is made again changes nothing of it. */
static void a_log_that_has_grown_gives_the_same_pack(void **state)
{
    struct dossier_pack before, after, newest;
    const uint64_t to_us = OFFICE_T0 + 12 * OFFICE_DAY;
    const uint64_t now_us = OFFICE_T0 + 40 * OFFICE_DAY;

    (void)state;
    make(&before, OFFICE_T0 + OFFICE_DAY, to_us);
    make(&newest, 0, 0);
    office_open(&office, "log", now_us, 104);
    office_start(&office, now_us, 2026112204);
    office_denied(&office, now_us + 1, 1);
    office_close(&office, now_us + 2);
    make(&after, OFFICE_T0 + OFFICE_DAY, to_us);
    same(&before, &after);
    dossier_pack_deinit(&after);
    make(&after, 0, 0);
    assert_true(newest.time_us < after.time_us);
    dossier_pack_deinit(&before);
    dossier_pack_deinit(&after);
    dossier_pack_deinit(&newest);
}

static void an_end_is_a_checkpoint_and_reads_as_one(void **state)
{
    struct looked looked;
    struct audit_verdict whole;

    (void)state;
    look(&looked, OFFICE_T0 + 12 * OFFICE_DAY);
    assert_true(looked.clip.clipped && looked.clip.later);
    assert_true(looked.clip.time_us >= OFFICE_T0 + 12 * OFFICE_DAY);
    assert_int_equal(looked.verdict.integrity.fault, AUDIT_SOUND);
    assert_int_equal(looked.verdict.completeness.fault, AUDIT_SOUND);
    assert_int_equal(looked.verdict.signed_blocks, looked.verdict.blocks);
    assert_int_equal(looked.clip.files.write_head(looked.clip.files.context, "", 0), -EROFS);
    assert_int_equal(looked.clip.files.lock(looked.clip.files.context), -EROFS);
    audit_folder_close(&looked.folder);
    whole = looked.verdict;
    look(&looked, 0);
    assert_true(looked.verdict.blocks > whole.blocks);
    audit_folder_close(&looked.folder);
}

/* An event waits for its block, and a checkpoint is signed meanwhile: it is no end of what was
 * before it. */
static void what_waits_for_its_block_is_in_the_pack(void **state)
{
    static struct disk disk;
    static struct maker maker;
    struct audit_files files = disk_files(&disk);
    struct audit_log_opened opened;
    struct audit_log *log = NULL;
    struct dossier_clip clip;
    struct reading reading;

    (void)state;
    maker_init(&maker, LOG_NAME);
    maker.settings.checkpoint_us = 1000000;
    maker.settings.seal_us[AUDIT_DECISIONS] = 5000000;
    assert_int_equal(audit_log_open(&files, &maker.settings, T0, 1, &log, &opened), 0);
    for (unsigned s = 0; s < 20; s++) {
        const uint64_t now_us = T0 + s * 1000000ull;

        if (s % 10 == 1) {
            assert_int_equal(add_numbered(log, AUDIT_DECISIONS, s / 10, now_us), 0);
        }
        assert_int_equal(audit_log_tick(log, NULL, now_us), 0);
    }
    assert_int_equal(audit_log_close(log, NULL, T0 + 20000000), 0);
    static const struct {
        unsigned to_s, events, end_s;
    } cases[] = {{0, 0, 1},   {1, 1, 6},   {3, 1, 6},  {8, 1, 8},
                 {10, 1, 10}, {11, 2, 16}, {17, 2, 17}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(dossier_clip_init(&clip, &files, T0 + cases[i].to_s * 1000000ull), 0);
        assert_true(clip.clipped && clip.later);
        assert_int_equal((clip.time_us - T0) / 1000000, cases[i].end_s);
        read_log(&clip.files, &reading);
        assert_false(reading.wrong);
        assert_int_equal(reading.events[AUDIT_DECISIONS], cases[i].events);
    }
    disk_free(&disk);
}

static const char *verdicts(uint64_t to_us)
{
    struct looked looked;

    look(&looked, to_us);
    audit_folder_close(&looked.folder);
    return looked.verdict.integrity.fault != AUDIT_SOUND
               ? audit_fault_word(looked.verdict.integrity.fault)
               : audit_fault_word(looked.verdict.completeness.fault);
}

/* What is behind the newest checkpoint is not cut away because it is damaged; nor is a log that
 * has lost its end taken for a shorter one. */
static void damage_is_never_cut_away(void **state)
{
    static const char path[] = "log/0000000001.cordon";
    uint8_t *octets = NULL;
    size_t len = 0;

    (void)state;
    assert_int_equal(file_read(path, 64u << 20, &octets, &len), 0);
    assert_string_equal(verdicts(0), "sound");
    uint8_t *more = malloc(len + 100);
    assert_non_null(more);
    memcpy(more, octets, len);
    memset(more + len, 'x', 100);
    workshop_write(path, more, len + 100);
    assert_string_not_equal(verdicts(0), "sound");
    workshop_write(path, octets, len - 700);
    assert_string_not_equal(verdicts(0), "sound");
    /* What was before is as it was; that the end is gone is said all the same. */
    assert_string_equal(verdicts(OFFICE_T0 + 12 * OFFICE_DAY), "unfinished");
    more[len / 4] ^= 1;
    workshop_write(path, more, len);
    assert_string_not_equal(verdicts(OFFICE_T0 + 12 * OFFICE_DAY), "sound");
    workshop_write(path, octets, len);
    assert_string_equal(verdicts(0), "sound");
    free(more);
    free(octets);
}

/* Wherever an octet of the log's files is another, before, at or behind the end of the pack:
 * the last octets closely, of the rest one here and there. */
static void no_octet_can_be_changed_without_a_word(void **state)
{
    static const char *const paths[] = {"small/0000000001.cordon", "small/head"};
    static const uint64_t ends[] = {0, OFFICE_T0 + 12 * OFFICE_DAY};
    uint8_t *octets = NULL;
    size_t len = 0;

    (void)state;
    office_weeks(&small, "small", 30, NULL);
    whose = &small;
    where = "small";
    for (size_t p = 0; p < sizeof(paths) / sizeof(paths[0]); p++) {
        assert_int_equal(file_read(paths[p], 64u << 20, &octets, &len), 0);
        const size_t step = len / 20 + 1;

        for (size_t at = 0; at < len; at += at + 120 < len ? step : 7) {
            octets[at] ^= 0x10;
            workshop_write(paths[p], octets, len);
            for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]); e++) {
                if (strcmp(verdicts(ends[e]), "sound") == 0) {
                    fail_msg("%s: octet %zu of %zu was changed, and the pack holds", paths[p],
                             at, len);
                }
            }
            octets[at] ^= 0x10;
        }
        workshop_write(paths[p], octets, len);
        free(octets);
    }
    assert_string_equal(verdicts(0), "sound");
    whose = &office;
    where = "log";
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pack_is_the_same_twice),
        cmocka_unit_test(minisign_and_sha256sum_check_it),
        cmocka_unit_test(an_end_is_a_checkpoint_and_reads_as_one),
        cmocka_unit_test(what_waits_for_its_block_is_in_the_pack),
        cmocka_unit_test(damage_is_never_cut_away),
        cmocka_unit_test(no_octet_can_be_changed_without_a_word),
        cmocka_unit_test(a_log_that_has_grown_gives_the_same_pack),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
