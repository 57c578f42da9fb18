/*
 * wire/ against ldns: where both accept a message, both see the same records.
 *
 * Each message of the fuzz corpus and thousands of mutations of them are read by us and, in a
 * child process, by ldns. The child writes what it saw as text through a pipe; ldns aborts and
 * leaks on crafted messages, so a child that ends before its line has no opinion. Beside the
 * original, ldns reads our compressed copy of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/rdata.h"
#include "wire/writer.h"

#include <dirent.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MESSAGE_MAX  8192
#define VIEW_MAX     (MESSAGE_MAX * 8)
#define SEEDS_MAX    128
#define MUTATIONS    20000
#define COMPARED_MIN 5000 /* fewer would mean that the test compares nothing any more */

struct seed {
    uint8_t octets[MESSAGE_MAX];
    size_t len;
};

/* What a reader saw, as text: a line per record. */
struct view {
    size_t len;
    char text[VIEW_MAX];
};

static void view_text(struct view *view, const char *text)
{
    const size_t len = strlen(text);

    if (len >= sizeof(view->text) - view->len) {
        abort();
    }
    memcpy(view->text + view->len, text, len + 1);
    view->len += len;
}

static void view_number(struct view *view, unsigned long value)
{
    char text[24];

    snprintf(text, sizeof(text), "%lu ", value);
    view_text(view, text);
}

static void view_octets(struct view *view, const uint8_t *octets, size_t len, bool fold)
{
    for (size_t i = 0; i < len; i++) {
        char text[3];

        snprintf(text, sizeof(text), "%02x", fold ? wire_lower(octets[i]) : octets[i]);
        view_text(view, text);
    }
}

static void view_record(struct view *view, unsigned type, uint32_t ttl)
{
    view_text(view, " ");
    view_number(view, type);
    view_number(view, ttl <= 0x7fffffff ? ttl : 0);
}

/* Whether ldns may see something else in the rdata of this line of ours: where we pass on
 * octets that we do not interpret, it drops those behind the fields that it knows, and unpacks
 * names that nobody may pack (RFC 3597, 4). */
static bool is_uninterpreted(const char *ours)
{
    unsigned type = 0;

    return sscanf(ours, "%*u %*s %u", &type) == 1 &&
           wire_rdata_fields((uint16_t)type)[0] == WIRE_RDATA_REST;
}

/* Shows the first line that differs. is_crafted: the message is no real one. */
static bool is_same(const char *ours, const char *theirs, bool is_crafted)
{
    while (*ours != '\0' && *theirs != '\0') {
        const size_t our_len = strcspn(ours, "\n");
        const size_t their_len = strcspn(theirs, "\n");

        if (our_len != their_len || memcmp(ours, theirs, our_len) != 0) {
            /* ldns goes on reading where it stopped, so what follows is no opinion either. */
            if (is_crafted && is_uninterpreted(ours)) {
                return true;
            }
            break;
        }
        ours += our_len + 1;
        theirs += their_len + 1;
    }
    if (*ours != '\0' || *theirs != '\0') {
        print_error("ours: %.500s\nldns: %.500s\n", ours, theirs);
        return false;
    }
    return true;
}

/* --- ldns ----------------------------------------------------------------------------------
 */

static void ldns_view_list(struct view *view, const ldns_rr_list *list,
                           enum wire_section section, bool fold)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(list, i);
        const ldns_rdf *owner = ldns_rr_owner(rr);

        if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_OPT) {
            continue;
        }
        view_number(view, section);
        view_octets(view, ldns_rdf_data(owner), ldns_rdf_size(owner), true);
        view_record(view, ldns_rr_get_type(rr), ldns_rr_ttl(rr));
        for (size_t j = 0; j < ldns_rr_rd_count(rr); j++) {
            const ldns_rdf *rdf = ldns_rr_rdf(rr, j);
            if (rdf != NULL) {
                view_octets(view, ldns_rdf_data(rdf), ldns_rdf_size(rdf), fold);
            }
        }
        view_text(view, "\n");
    }
}

/* Leaves the view empty if ldns refuses the message. fold: rdata in lower case. */
static void ldns_view(const uint8_t *octets, size_t len, bool fold, struct view *view)
{
    ldns_pkt *packet = NULL;

    view->len = 0;
    view->text[0] = '\0';
    if (ldns_wire2pkt(&packet, octets, len) != LDNS_STATUS_OK) {
        return;
    }
    const ldns_rr_list *question = ldns_pkt_question(packet);

    view_number(view, ldns_pkt_id(packet));
    if (ldns_rr_list_rr_count(question) == 1) {
        const ldns_rr *asked = ldns_rr_list_rr(question, 0);
        view_octets(view, ldns_rdf_data(ldns_rr_owner(asked)),
                    ldns_rdf_size(ldns_rr_owner(asked)), true);
        view_record(view, ldns_rr_get_type(asked), ldns_rr_get_class(asked));
    }
    view_text(view, "\n");
    ldns_view_list(view, ldns_pkt_answer(packet), WIRE_ANSWER, fold);
    ldns_view_list(view, ldns_pkt_authority(packet), WIRE_AUTHORITY, fold);
    ldns_view_list(view, ldns_pkt_additional(packet), WIRE_ADDITIONAL, fold);
    ldns_pkt_free(packet);
}

static bool read_whole(int fd, void *into, size_t len)
{
    while (len > 0) {
        const ssize_t got = read(fd, into, len);
        if (got <= 0) {
            return false;
        }
        into = (uint8_t *)into + got;
        len -= (size_t)got;
    }
    return true;
}

/* ldns, in a process of its own, which is started again when it has died. */
struct oracle {
    pid_t pid; /* 0: none is running */
    int to, from;
    unsigned deaths;
};

_Noreturn static void oracle_serve(int in, int out)
{
    static uint8_t octets[MESSAGE_MAX];
    static struct view view;
    uint32_t head[2]; /* length, fold */

    while (read_whole(in, head, sizeof(head)) && read_whole(in, octets, head[0])) {
        uint8_t *exact = malloc(head[0] > 0 ? head[0] : 1);

        if (exact == NULL) {
            break;
        }
        memcpy(exact, octets, head[0]);
        ldns_view(exact, head[0], head[1] != 0, &view);
        free(exact);
        if (write(out, &view.len, sizeof(view.len)) < 0 ||
            write(out, view.text, view.len) < 0) {
            break;
        }
    }
    _exit(0); /* without a leak check: the leaks are ldns' */
}

static void oracle_start(struct oracle *oracle)
{
    int there[2];
    int back[2];

    assert_int_equal(pipe(there), 0);
    assert_int_equal(pipe(back), 0);
    oracle->pid = fork();
    assert_true(oracle->pid >= 0);
    if (oracle->pid == 0) {
        close(there[1]);
        close(back[0]);
        if (freopen("/dev/null", "w", stderr) == NULL) {
            _exit(1);
        }
        alarm(250); /* never outlives the test */
        signal(SIGABRT, SIG_DFL);
        signal(SIGSEGV, SIG_DFL);
        oracle_serve(there[0], back[1]);
    }
    close(there[0]);
    close(back[1]);
    oracle->to = there[1];
    oracle->from = back[0];
}

static void oracle_stop(struct oracle *oracle)
{
    if (oracle->pid != 0) {
        close(oracle->to);
        close(oracle->from);
        waitpid(oracle->pid, NULL, 0);
        oracle->pid = 0;
    }
}

/* False if ldns refuses the message or dies of it. */
static bool oracle_ask(struct oracle *oracle, const uint8_t *octets, size_t len, bool fold,
                       struct view *view)
{
    const uint32_t head[2] = {(uint32_t)len, fold};

    if (oracle->pid == 0) {
        oracle_start(oracle);
    }
    if (write(oracle->to, head, sizeof(head)) != (ssize_t)sizeof(head) ||
        write(oracle->to, octets, len) != (ssize_t)len ||
        !read_whole(oracle->from, &view->len, sizeof(view->len)) || view->len >= VIEW_MAX ||
        !read_whole(oracle->from, view->text, view->len)) {
        oracle_stop(oracle);
        oracle->deaths++;
        return false;
    }
    view->text[view->len] = '\0';
    return view->len > 0;
}

/* --- ours ----------------------------------------------------------------------------------
 */

/* Copies the records into octets. compress false: a full table of targets that
 * match nothing keeps names whole. Returns 0 if we refuse the message or one of its records. */
static size_t copy(const struct wire_message *message, bool compress, uint8_t *octets)
{
    struct wire_writer writer;
    struct wire_cursor cursor;
    struct wire_record record;
    int more;

    wire_writer_begin(&writer, octets, WIRE_MESSAGE_MAX, message->octets + message->name_at,
                      message->counts[0] == 1 ? message->body - message->name_at : 0);
    if (!compress) {
        writer.target_count = WIRE_TARGETS_MAX;
        memset(writer.target_octets, 0, sizeof(writer.target_octets));
    }
    wire_cursor_start(&cursor, message);
    while ((more = wire_cursor_next(&cursor, &record)) == 1) {
        if (record.type == WIRE_OPT) {
            continue; /* ldns keeps it apart */
        }
        if (record.class != WIRE_IN || record.type == WIRE_TSIG) {
            return 0; /* these are not copied, and some make ldns lose its place */
        }
        if (wire_copy_record(&writer, record.section, message, &record, record.ttl) != 0) {
            return 0;
        }
    }
    const size_t len = wire_writer_end(&writer, message->id, message->flags);

    return more == 0 && len <= MESSAGE_MAX ? len : 0;
}

static void our_view(const uint8_t *octets, size_t len, bool fold, struct view *view)
{
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;
    struct wire_name owner;

    view->len = 0;
    assert_int_equal(wire_message_open(octets, len, &message), WIRE_OK);
    view_number(view, message.id);
    if (message.counts[0] == 1) {
        view_octets(view, message.name.octets, message.name.len, true);
        view_record(view, message.type, message.class);
    }
    view_text(view, "\n");
    wire_cursor_start(&cursor, &message);
    while (wire_cursor_next(&cursor, &record) == 1) {
        assert_int_equal(wire_record_owner(&message, &record, &owner), WIRE_OK);
        view_number(view, record.section);
        view_octets(view, owner.octets, owner.len, true);
        view_record(view, record.type, record.ttl);
        view_octets(view, octets + record.rdata, record.rdata_len, fold);
        view_text(view, "\n");
    }
}

/* True if both had an opinion. */
static bool compare(struct oracle *oracle, const uint8_t *octets, size_t len, bool is_crafted,
                    const char *what)
{
    static uint8_t whole[WIRE_MESSAGE_MAX];
    static uint8_t packed[WIRE_MESSAGE_MAX];
    static struct view ours;
    static struct view theirs;
    struct wire_message message;
    uint8_t *exact = malloc(len > 0 ? len : 1);

    assert_non_null(exact);
    memcpy(exact, octets, len);
    const bool opened = wire_message_open(exact, len, &message) == WIRE_OK;
    const size_t whole_len = opened ? copy(&message, false, whole) : 0;
    const size_t packed_len = opened ? copy(&message, true, packed) : 0;

    free(exact);
    if (whole_len == 0 || packed_len == 0 || !oracle_ask(oracle, octets, len, false, &theirs)) {
        return false;
    }
    our_view(whole, whole_len, false, &ours);
    if (!is_same(ours.text, theirs.text, is_crafted)) {
        fail_msg("%s", what);
    }
    /* What ldns takes, it takes from our copy as well; the case may be that of a target. */
    our_view(whole, whole_len, true, &ours);
    if (!oracle_ask(oracle, packed, packed_len, true, &theirs) ||
        !is_same(ours.text, theirs.text, is_crafted)) {
        fail_msg("%s: its compressed copy", what);
    }
    return true;
}

/* --- the corpus and its mutations ----------------------------------------------------------
 */

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* In the order of names, so that the mutations are the same everywhere. */
static size_t load(const char *folder, struct seed *seeds, size_t count)
{
    struct dirent **entries = NULL;
    const int found = scandir(folder, &entries, is_visible, alphasort);

    assert_true(found > 0);
    for (int i = 0; i < found; i++) {
        char path[1024];

        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        free(entries[i]);
        FILE *file = count < SEEDS_MAX ? fopen(path, "rb") : NULL;

        if (file != NULL) {
            seeds[count].len = fread(seeds[count].octets, 1, MESSAGE_MAX, file);
            fclose(file);
            count++;
        }
    }
    free(entries);
    return count;
}

/* A generator of the test's own: the same messages in every run. */
static uint32_t next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void mutate(struct seed *seed, uint32_t *state)
{
    static const uint8_t telling[] = {0x00, 0x01, 0x3f, 0x40, 0x80, 0xc0, 0xff, 0x0c, 'A', 41};

    for (uint32_t changes = 1 + next(state) % 3; changes > 0 && seed->len > 0; changes--) {
        const size_t at = next(state) % seed->len;

        switch (next(state) % 6) {
        case 0:
            seed->octets[at] ^= (uint8_t)(1u << next(state) % 8);
            break;
        case 1:
            seed->octets[at] = telling[next(state) % sizeof(telling)];
            break;
        case 2:
            seed->octets[at] = (uint8_t)next(state);
            break;
        case 3: /* a pointer to somewhere before */
            if (at + 1 < seed->len && at < 0x3fff) {
                wire_put16(seed->octets + at, (uint16_t)(0xc000u | next(state) % (at + 1)));
            }
            break;
        case 4: /* another type, often */
            if (at + 1 < seed->len) {
                wire_put16(seed->octets + at, (uint16_t)(next(state) % 70));
            }
            break;
        default:
            seed->len = next(state) % 8 == 0 ? at : seed->len;
            break;
        }
    }
}

static void sees_what_ldns_sees(void **state)
{
    static struct seed seeds[SEEDS_MAX];
    static struct seed mutated;
    struct oracle oracle = {.pid = 0};
    size_t count = load(CORDON_TEST_ROOT "/tests/fuzz/corpus/fuzz_wire_message", seeds, 0);
    unsigned compared = 0;
    uint32_t chance = 0x5eed1234;
    char what[80];

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    count = load(CORDON_TEST_ROOT "/tests/fuzz/corpus/fuzz_wire_question", seeds, count);
    assert_true(count >= 40);
    for (size_t i = 0; i < count; i++) {
        snprintf(what, sizeof(what), "seed %zu of the corpus", i);
        compared += compare(&oracle, seeds[i].octets, seeds[i].len, false, what);
    }
    assert_true(compared >= count / 2);
    for (unsigned i = 0; i < MUTATIONS; i++) {
        const size_t from = next(&chance) % count;

        mutated = seeds[from];
        mutate(&mutated, &chance);
        snprintf(what, sizeof(what), "mutation %u, of seed %zu", i, from);
        compared += compare(&oracle, mutated.octets, mutated.len, true, what);
    }
    oracle_stop(&oracle);
    print_message("%u of %zu messages compared; ldns died of %u\n", compared, count + MUTATIONS,
                  oracle.deaths);
    assert_true(compared >= COMPARED_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sees_what_ldns_sees),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
