/* audit/privacy, audit/pseudonym: what is not to be told is in no row and no line, pseudonyms
 * are the same within a day and gone with its key, and whatever the disk does, no address gets
 * out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/limits.h"
#include "audit/make.h"
#include "audit/privacy.h"
#include "audit/shown.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY0 UINT64_C(20779) /* 2026-11-22 */
#define NOON (DAY0 * AUDIT_DAY_US + AUDIT_DAY_US / 2)
#define KEEP (2 * AUDIT_DAY_US)

static char folder[64];
static char keys[80];

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/cordon-privacy-XXXXXX");
    if (random_library_init() != 0 || mkdtemp(folder) == NULL) {
        return -1;
    }
    return audit_day_keys_folder(folder, keys, sizeof(keys)) ? 0 : -1;
}

static int teardown(void **state)
{
    char command[192];

    (void)state;
    snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", folder, folder);
    return system(command);
}

#define SOON_MS 30000u /* for what is done aside */

static struct audit_privacy *make_privacy_on(enum audit_client_form form, bool hash,
                                             const struct audit_keyring_disk *disk)
{
    const struct audit_privacy_settings settings = {
        .client = {AUDIT_FORM_FULL, form, form, AUDIT_FORM_FULL},
        .prefix_v4 = 24,
        .prefix_v6 = 48,
        .hash_names = hash,
        .folder = keys,
        .keep_us = KEEP,
        .disk = disk};
    struct audit_privacy *privacy = audit_privacy_create(&settings);

    assert_non_null(privacy);
    return privacy;
}

static struct audit_privacy *make_privacy(enum audit_client_form form, bool hash)
{
    return make_privacy_on(form, hash, NULL);
}

/* Until the disk has said what there is. */
static bool tick(struct audit_privacy *privacy, struct clock_now now, uint32_t *before,
                 struct audit_days *found)
{
    for (unsigned i = 0; i < 2; i++) { /* a key that is tried again goes first */
        if (audit_privacy_tick(privacy, now, before, found)) {
            return true;
        }
        assert_true(audit_privacy_wait(privacy, SOON_MS));
    }
    return audit_privacy_tick(privacy, now, before, found);
}

static int forget(struct audit_privacy *privacy, uint32_t before, struct audit_days *gone)
{
    int result = 0;

    while (!audit_privacy_forget(privacy, before, &result, gone)) {
        assert_true(audit_privacy_wait(privacy, SOON_MS));
    }
    return result;
}

static void key_path(uint64_t day, char out[128])
{
    char date[CLOCK_TEXT_MAX];

    clock_format_s(day * 86400, date);
    snprintf(out, 128, "%s/%.10s.key", keys, date);
}

static bool has_key(uint64_t day)
{
    char path[128];

    key_path(day, path);
    return access(path, F_OK) == 0;
}

static struct audit_client client_at(struct audit_privacy *privacy, const char *text,
                                     uint64_t wall_us)
{
    const struct address from = make_address(text);
    struct audit_client out;

    audit_privacy_client(privacy, AUDIT_DECISIONS, &from, wall_us, &out);
    return out;
}

static void a_client_is_told_as_the_operator_says(void **state)
{
    static const struct {
        enum audit_client_form form;
        const char *from, *told;
    } rows[] = {
        {AUDIT_FORM_FULL, "192.0.2.77@4000", "192.0.2.77"},
        {AUDIT_FORM_PREFIX, "192.0.2.77@4000", "192.0.2.0/24"},
        {AUDIT_FORM_PREFIX, "2001:db8:1:2:3::4", "2001:db8:1::/48"},
        {AUDIT_FORM_ABSENT, "192.0.2.77@4000", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct audit_privacy *privacy = make_privacy(rows[i].form, false);
        const struct audit_client who = client_at(privacy, rows[i].from, NOON);
        char text[AUDIT_CLIENT_TEXT_MAX];

        uint8_t octets[AUDIT_ADDRESS_MAX];
        const struct audit_value value = {octets, audit_client_put(&who, octets)};
        audit_client_format(&value, text);
        assert_string_equal(text, rows[i].told);
        audit_privacy_destroy(privacy);
    }
    assert_false(has_key(DAY0)); /* none is made where none is used */
    const struct audit_client who = client_at(NULL, "192.0.2.77@4000", NOON);
    assert_int_equal(who.kind, AUDIT_CLIENT_ADDRESS);
    assert_int_equal(who.address.port, 0);
}

static bool same(const struct audit_client *a, const struct audit_client *b)
{
    return a->day == b->day && memcmp(a->pseudonym, b->pseudonym, sizeof(a->pseudonym)) == 0;
}

static void a_pseudonym_is_of_one_client_and_one_day(void **state)
{
    struct audit_privacy *privacy = make_privacy(AUDIT_FORM_PSEUDONYM, false);
    const struct audit_client first = client_at(privacy, "192.0.2.77", NOON);
    const struct audit_client other = client_at(privacy, "192.0.2.78", NOON);
    const struct audit_client six = client_at(privacy, "2001:db8::7", NOON);
    const struct audit_client next = client_at(privacy, "192.0.2.77", NOON + AUDIT_DAY_US);
    struct audit_client again = client_at(privacy, "192.0.2.77@5353", NOON + 1000);
    char path[128];
    struct stat status;

    (void)state;
    assert_int_equal(first.kind, AUDIT_CLIENT_PSEUDONYM);
    assert_int_equal(first.day, DAY0);
    assert_true(same(&first, &again));
    assert_false(same(&first, &other));
    assert_false(same(&first, &six));
    assert_memory_not_equal(first.pseudonym, next.pseudonym, sizeof(first.pseudonym));
    audit_privacy_destroy(privacy);
    /* Another run, the same day. */
    privacy = make_privacy(AUDIT_FORM_PSEUDONYM, false);
    again = client_at(privacy, "192.0.2.77", NOON);
    assert_true(same(&first, &again));
    audit_privacy_destroy(privacy);
    key_path(DAY0, path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(stat(keys, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
}

static void around_midnight_both_keys_are_at_hand(void **state)
{
    struct audit_privacy *privacy = make_privacy(AUDIT_FORM_PSEUDONYM, false);
    const uint64_t midnight = (DAY0 + 1) * AUDIT_DAY_US;
    const struct audit_client late = client_at(privacy, "192.0.2.77", midnight - 1);
    const struct audit_client early = client_at(privacy, "192.0.2.77", midnight);

    (void)state;
    assert_int_equal(late.day, DAY0);
    assert_int_equal(early.day, DAY0 + 1);
    for (unsigned i = 0; i < 20; i++) { /* more days than are at hand: their files are read */
        (void)client_at(privacy, "192.0.2.77", midnight + i * AUDIT_DAY_US);
    }
    const struct audit_client again = client_at(privacy, "192.0.2.77", midnight - 1);
    assert_true(same(&late, &again));
    audit_privacy_destroy(privacy);
}

static void a_search_finds_a_client_while_the_keys_are_there(void **state)
{
    struct audit_privacy *privacy = make_privacy(AUDIT_FORM_PSEUDONYM, false);
    const struct address address = make_address("192.0.2.77");
    struct audit_client told[3];
    struct audit_pseudonyms *found = NULL;
    struct audit_days gone;

    (void)state;
    assert_int_equal(audit_pseudonyms_create(keys, &address, &found), 0);
    assert_int_equal(audit_pseudonyms_count(found), 0); /* no folder yet */
    audit_pseudonyms_destroy(found);
    for (unsigned i = 0; i < 3; i++) {
        told[i] = client_at(privacy, "192.0.2.77", NOON + i * AUDIT_DAY_US);
    }
    assert_int_equal(audit_pseudonyms_create(keys, &address, &found), 0);
    assert_int_equal(audit_pseudonyms_count(found), 3);
    for (unsigned i = 0; i < 3; i++) {
        struct audit_client at;

        assert_true(audit_pseudonyms_has(found, &told[i]));
        audit_pseudonyms_at(found, i, &at);
        assert_int_equal(at.day, DAY0 + i);
        at.pseudonym[3] ^= 1;
        assert_false(audit_pseudonyms_has(found, &at));
    }
    audit_pseudonyms_destroy(found);
    assert_int_equal(forget(privacy, DAY0 + 2, &gone), 0);
    assert_int_equal(gone.count, 2);
    assert_int_equal(gone.first, DAY0);
    assert_int_equal(gone.last, DAY0 + 1);
    assert_int_equal(audit_pseudonyms_create(keys, &address, &found), 0);
    assert_int_equal(audit_pseudonyms_count(found), 1);
    assert_false(audit_pseudonyms_has(found, &told[0]));
    assert_true(audit_pseudonyms_has(found, &told[2]));
    audit_pseudonyms_destroy(found);
    /* The same day again has another key: nothing leads back. */
    const struct audit_client again = client_at(privacy, "192.0.2.77", NOON);
    assert_false(same(&again, &told[0]));
    audit_privacy_destroy(privacy);
}

static void a_key_is_destroyed_when_its_time_is_over(void **state)
{
    struct audit_privacy *privacy = make_privacy(AUDIT_FORM_PSEUDONYM, false);
    struct clock_now now = {.mono_us = 1, .wall_us = NOON};
    struct audit_days found;
    uint32_t before = 0;
    char path[128];

    (void)state;
    (void)client_at(privacy, "192.0.2.77", NOON);
    (void)client_at(privacy, "192.0.2.77", NOON + AUDIT_DAY_US);
    assert_false(tick(privacy, now, &before, &found));
    /* Its day, and two more, less a moment. */
    now.wall_us = (DAY0 + 1) * AUDIT_DAY_US + KEEP - 1;
    now.mono_us += UINT64_C(3600000000);
    assert_false(tick(privacy, now, &before, &found));
    /* What a process left that ended before it could rename: a key, too. */
    key_path(DAY0, path);
    strcat(path, ".0123456789abcdef");
    const int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    now.wall_us++;
    now.mono_us += UINT64_C(3600000000);
    assert_true(tick(privacy, now, &before, &found));
    assert_int_equal(found.count, 1);
    assert_int_equal(before, DAY0 + 1);
    assert_true(has_key(DAY0)); /* it is recorded first */
    assert_int_equal(forget(privacy, before, &found), 0);
    assert_int_equal(found.count, 1);
    assert_false(has_key(DAY0));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_true(has_key(DAY0 + 1));
    assert_false(tick(privacy, now, &before, &found)); /* not before its time */
    audit_privacy_destroy(privacy);
}

/* Who has the file under another name, as a snapshot would, has nothing. */
static void a_key_that_is_destroyed_is_overwritten(void **state)
{
    struct audit_privacy *privacy = make_privacy(AUDIT_FORM_PSEUDONYM, false);
    struct audit_days gone;
    char text[80] = "";
    char path[128];
    char other[160];

    (void)state;
    (void)client_at(privacy, "192.0.2.77", NOON);
    key_path(DAY0, path);
    snprintf(other, sizeof(other), "%s/other", keys);
    assert_int_equal(link(path, other), 0);
    assert_int_equal(forget(privacy, DAY0 + 1, &gone), 0);
    assert_int_equal(gone.count, 1);
    assert_int_equal(access(path, F_OK), -1);
    FILE *file = fopen(other, "r");
    assert_non_null(file);
    const size_t len = fread(text, 1, sizeof(text), file);
    fclose(file);
    assert_int_equal(len, 2 * DIGEST_KEY_OCTETS + 1);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(text[i], 0);
    }
    assert_int_equal(unlink(other), 0);
    audit_privacy_destroy(privacy);
}

static void a_key_that_was_being_destroyed_is_none(void **state)
{
    struct audit_privacy *privacy = make_privacy(AUDIT_FORM_PSEUDONYM, false);
    const struct audit_client before = client_at(privacy, "192.0.2.77", NOON);
    static const char *const contents[] = {"", "0", "zz\n"};
    const struct address address = make_address("192.0.2.77");
    uint8_t key[DIGEST_KEY_OCTETS];
    char path[128];

    (void)state;
    audit_privacy_destroy(privacy);
    key_path(DAY0, path);
    for (unsigned i = 0; i < 4; i++) {
        struct audit_pseudonyms *found = NULL;
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        if (i < 3) {
            fputs(contents[i], file);
        } else {
            for (unsigned j = 0; j < 65; j++) {
                fputc(0, file); /* overwritten, and the power went */
            }
        }
        fclose(file);
        assert_int_equal(audit_day_key_read(keys, DAY0, key), CORDON_E_FORMAT);
        assert_int_equal(audit_pseudonyms_create(keys, &address, &found), 0);
        assert_int_equal(audit_pseudonyms_count(found), 0);
        audit_pseudonyms_destroy(found);
        privacy = make_privacy(AUDIT_FORM_PSEUDONYM, false);
        const struct audit_client after = client_at(privacy, "192.0.2.77", NOON);
        assert_false(same(&before, &after));
        audit_privacy_destroy(privacy);
        assert_int_equal(audit_day_key_read(keys, DAY0, key), 0);
    }
}

static void without_a_disk_it_is_still_a_pseudonym(void **state)
{
    char path[128];
    struct clock_now now = {.mono_us = 1, .wall_us = NOON};
    struct audit_days found;
    uint32_t before = 0;

    (void)state;
    /* A file where the folder should be. */
    FILE *file = fopen(keys, "w");
    assert_non_null(file);
    fclose(file);
    struct audit_privacy *privacy = make_privacy(AUDIT_FORM_PSEUDONYM, false);
    const struct audit_client first = client_at(privacy, "192.0.2.77", NOON);
    assert_int_equal(first.kind, AUDIT_CLIENT_PSEUDONYM);
    const struct audit_client again = client_at(privacy, "192.0.2.77", NOON);
    assert_true(same(&first, &again));
    /* The disk works again: the key in memory is kept. */
    assert_int_equal(unlink(keys), 0);
    (void)tick(privacy, now, &before, &found);
    key_path(DAY0, path);
    assert_int_equal(access(path, F_OK), 0);
    audit_privacy_destroy(privacy);
    privacy = make_privacy(AUDIT_FORM_PSEUDONYM, false);
    const struct audit_client later = client_at(privacy, "192.0.2.77", NOON);
    assert_true(same(&first, &later));
    audit_privacy_destroy(privacy);
}

/* A disk that hangs until it is let go. */
static int gate[2];

static void pass_gate(void)
{
    char token;
    const ssize_t got = read(gate[0], &token, 1);

    (void)got;
}

static int slow_read(const char *path, uint32_t day, uint8_t key[DIGEST_KEY_OCTETS])
{
    pass_gate();
    return audit_day_key_read(path, day, key);
}

static const struct audit_keyring_disk slow = {.read = slow_read,
                                               .keep = audit_day_key_keep,
                                               .find = audit_day_keys_find,
                                               .destroy = audit_day_keys_destroy};

static void a_disk_that_hangs_holds_up_nobody(void **state)
{
    struct audit_privacy *privacy = make_privacy_on(AUDIT_FORM_PSEUDONYM, false, &slow);
    const struct clock_now now = {.mono_us = 1, .wall_us = NOON};
    struct audit_days found;
    uint32_t before = 0;
    int result = 0;

    (void)state;
    assert_int_equal(pipe(gate), 0);
    const struct audit_client first = client_at(privacy, "192.0.2.77", NOON);
    const struct audit_client next = client_at(privacy, "192.0.2.77", NOON + AUDIT_DAY_US);
    assert_int_equal(first.kind, AUDIT_CLIENT_PSEUDONYM);
    assert_false(same(&first, &next));
    assert_false(audit_privacy_tick(privacy, now, &before, &found));
    assert_false(audit_privacy_keys(privacy, DAY0, &found));
    assert_false(audit_privacy_wait(privacy, 1));
    assert_false(has_key(DAY0));
    /* It goes on: both keys are kept, and they are those of the pseudonyms. */
    close(gate[1]);
    assert_true(audit_privacy_wait(privacy, SOON_MS));
    assert_false(tick(privacy, now, &before, &found));
    assert_true(has_key(DAY0) && has_key(DAY0 + 1));
    const struct audit_client again = client_at(privacy, "192.0.2.77", NOON);
    assert_true(same(&first, &again));
    /* What is to be forgotten is so in memory at once. */
    (void)audit_privacy_forget(privacy, DAY0 + 1, &result, &found);
    assert_int_equal(forget(privacy, DAY0 + 1, &found), 0);
    assert_false(has_key(DAY0));
    assert_true(has_key(DAY0 + 1));
    audit_privacy_destroy(privacy);
    close(gate[0]);
}

/* Events of many days, as of a clock that is set to and fro, in one hang. */
static void a_disk_that_hangs_is_waited_for_once(void **state)
{
    struct audit_privacy *privacy = make_privacy_on(AUDIT_FORM_PSEUDONYM, false, &slow);
    const unsigned days = 40;

    (void)state;
    assert_int_equal(pipe(gate), 0);
    const uint64_t began_us = clock_read().mono_us;
    for (unsigned i = 0; i < days; i++) {
        const struct audit_client one =
            client_at(privacy, "192.0.2.77", NOON + i * AUDIT_DAY_US);
        assert_int_equal(one.kind, AUDIT_CLIENT_PSEUDONYM);
    }
    assert_true(clock_read().mono_us - began_us < days * AUDIT_KEYS_WAIT_MS * 1000ull / 2);
    close(gate[1]);
    assert_true(audit_privacy_wait(privacy, SOON_MS));
    audit_privacy_destroy(privacy);
    close(gate[0]);
}

static void a_key_that_is_found_late_counts_from_then_on(void **state)
{
    struct audit_privacy *earlier = make_privacy(AUDIT_FORM_PSEUDONYM, false);
    const struct audit_client before = client_at(earlier, "192.0.2.77", NOON);
    struct audit_privacy *privacy = make_privacy_on(AUDIT_FORM_PSEUDONYM, false, &slow);

    (void)state;
    assert_int_equal(pipe(gate), 0);
    struct audit_client told = client_at(privacy, "192.0.2.77", NOON);
    assert_false(same(&before, &told)); /* of chance: no address gets out */
    close(gate[1]);
    assert_true(audit_privacy_wait(privacy, SOON_MS));
    told = client_at(privacy, "192.0.2.77", NOON);
    assert_true(same(&before, &told));
    audit_privacy_destroy(privacy);
    audit_privacy_destroy(earlier);
    close(gate[0]);
}

static void two_processes_have_one_key(void **state)
{
    struct audit_privacy *one = make_privacy(AUDIT_FORM_PSEUDONYM, false);
    uint8_t mine[DIGEST_KEY_OCTETS] = {1};
    uint8_t theirs[DIGEST_KEY_OCTETS];

    (void)state;
    (void)client_at(one, "192.0.2.77", NOON);
    assert_int_equal(audit_day_key_read(keys, DAY0, theirs), 0);
    assert_int_equal(audit_day_key_keep(keys, DAY0, mine), 0);
    assert_memory_equal(mine, theirs, sizeof(mine));
    audit_privacy_destroy(one);
}

/* A name whose rule is of a kind that needs the client's address to be matched. */
static void nothing_of_the_client_is_left_in_an_event(void **state)
{
    struct audit_privacy *privacy = make_privacy(AUDIT_FORM_ABSENT, false);
    struct audit_event event;

    (void)state;
    memset(&event, 0, sizeof(event));
    event.client = make_address("192.0.2.77@4711");
    event.who.kind = AUDIT_CLIENT_ADDRESS;
    event.who.address = make_address("192.0.2.77");
    event.wall_us = NOON;
    event.hit.trigger = POLICY_TRIGGER_CLIENT;
    event.hit.address = make_address("192.0.2.77");
    event.hit.family = ADDRESS_V4;
    event.hit.labels = 28; /* bits: the rule is about 192.0.2.64/28 */
    audit_privacy_event(privacy, &event);
    assert_int_equal(event.client.family, ADDRESS_NONE);
    assert_int_equal(event.client.port, 0);
    assert_int_equal(event.who.kind, AUDIT_CLIENT_NONE);
    const struct address network = make_address("192.0.2.64");
    assert_true(address_equal(&event.hit.address, &network));
    audit_privacy_destroy(privacy);
}

static void a_question_has_neither_address_nor_name(void **state)
{
    struct audit_privacy *privacy = make_privacy(AUDIT_FORM_PSEUDONYM, true);
    struct ring *ring = ring_create(65536);
    const struct wire_name name = make_name("secret.person.example");
    const struct address client = make_address("192.0.2.77@4711");
    const struct address upstream = {.family = ADDRESS_NONE};
    const struct audit_question question = {.generation = 1,
                                            .wall_us = NOON,
                                            .client = &client,
                                            .upstream = &upstream,
                                            .name = &name,
                                            .type = 1};
    struct audit_event_words words;
    struct audit_client who;
    struct audit_row row;
    struct wire_name got;
    uint8_t encoded[AUDIT_EVENT_MAX];
    uint8_t hash[AUDIT_PSEUDONYM_OCTETS];
    char text[AUDIT_CLIENT_TEXT_MAX];
    struct text out;
    uint32_t day = 0;
    size_t len = 0;

    (void)state;
    assert_non_null(ring);
    assert_true(audit_question_put(ring, &question));
    const void *record = ring_peek(ring, &len);
    assert_non_null(record);
    assert_true(audit_question_row(record, len, "default", &words, &row));
    audit_privacy_question(privacy, &words, &row);
    const size_t size = audit_row_encode(&row, encoded);
    assert_null(memmem(encoded, size, client.octets, 4));
    assert_null(memmem(encoded, size, "person", 6));
    const struct audit_value *value = &row.at[AUDIT_CLIENT];
    assert_true(audit_client_get(value->octets, value->number, &who));
    assert_int_equal(who.kind, AUDIT_CLIENT_PSEUDONYM);
    value = &row.at[AUDIT_NAME];
    assert_false(audit_name_get(value->octets, value->number, &got)); /* not taken for a name */
    assert_true(audit_hashed_get(value->octets, value->number, &day, hash));
    assert_int_equal(day, DAY0);
    text_init(&out, text, sizeof(text));
    audit_row_show(&row, AUDIT_NAME, &out);
    assert_memory_equal(text, ".hashed:2026-11-22:", 19);
    assert_int_equal(out.len, 19 + 32);
    assert_int_not_equal(wire_name_from_text(text, strlen(text), &got), WIRE_TEXT_OK);
    /* A name is no address, with the same key. */
    assert_memory_not_equal(hash, who.pseudonym, sizeof(hash));
    assert_true(audit_row_is_writable(&row));
    ring_release(ring);
    ring_destroy(ring);
    audit_privacy_destroy(privacy);
}

static void no_name_is_taken_for_a_hash(void **state)
{
    static const char *const names[] = {"", "k.example", "kkkk.kkkkkkkkkkkkkkkkkkkk", "a.b"};
    uint8_t hash[AUDIT_PSEUDONYM_OCTETS];
    uint32_t day = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct wire_name name = make_name(i == 0 ? "." : names[i]);

        assert_false(audit_hashed_get(name.octets, name.len, &day, hash));
    }
    assert_false(audit_hashed_get((const uint8_t *)"k", 1, &day, hash));
    assert_false(audit_hashed_get((const uint8_t *)"", 0, &day, hash));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_client_is_told_as_the_operator_says),
        TEST(a_pseudonym_is_of_one_client_and_one_day),
        TEST(around_midnight_both_keys_are_at_hand),
        TEST(a_search_finds_a_client_while_the_keys_are_there),
        TEST(a_key_is_destroyed_when_its_time_is_over),
        TEST(a_key_that_is_destroyed_is_overwritten),
        TEST(a_key_that_was_being_destroyed_is_none),
        TEST(without_a_disk_it_is_still_a_pseudonym),
        TEST(a_disk_that_hangs_holds_up_nobody),
        TEST(a_disk_that_hangs_is_waited_for_once),
        TEST(a_key_that_is_found_late_counts_from_then_on),
        TEST(two_processes_have_one_key),
        TEST(nothing_of_the_client_is_left_in_an_event),
        TEST(a_question_has_neither_address_nor_name),
        TEST(no_name_is_taken_for_a_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
