/* upstream/forward: what is sent where and when, and which octets end a fetch, by a script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "upstream/script.h"
#include "wire/writer.h"

#include <errno.h>
#include <stdio.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

/* ---- answers, made from the question that was sent ---- */

static const uint8_t a_record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 99};
static const uint8_t opt_record[] = {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0};

enum trick {
    HONEST,
    OTHER_ID,
    OTHER_NAME,
    OTHER_TYPE,
    OTHER_CLASS,
    OTHER_CASE,
    NO_QR,
    OTHER_OPCODE,
    NO_QUESTION,
    CUT_QUESTION, /* the message ends within the question */
    TWO_QUESTIONS,
    TRUNCATED,
    TORN,   /* a record that promises more octets than there are */
    TAILED, /* octets after the last record */
    LONG,   /* over UPSTREAM_REJECTED_MAX octets */
    SHORT   /* less than a header */
};

static const struct kind {
    const char *word;
    unsigned rcode;
    enum trick trick;
    bool opt;
} kinds[] = {
    {"ok", WIRE_NOERROR, HONEST, true},
    {"plain", WIRE_NOERROR, HONEST, false},
    {"nxdomain", WIRE_NXDOMAIN, HONEST, true},
    {"servfail", WIRE_SERVFAIL, HONEST, true},
    {"refused", WIRE_REFUSED, HONEST, true},
    {"formerr", WIRE_FORMERR, HONEST, false},
    {"formerr-opt", WIRE_FORMERR, HONEST, true},
    {"formerr-bare", WIRE_FORMERR, NO_QUESTION, false},
    {"notimp", WIRE_NOTIMP, HONEST, false},
    {"badvers", 16, HONEST, true},
    {"yxdomain", 6, HONEST, true},
    {"bare", WIRE_NOERROR, NO_QUESTION, false},
    {"nxdomain-bare", WIRE_NXDOMAIN, NO_QUESTION, false},
    {"id", WIRE_NOERROR, OTHER_ID, true},
    {"name", WIRE_NOERROR, OTHER_NAME, true},
    {"type", WIRE_NOERROR, OTHER_TYPE, true},
    {"class", WIRE_NOERROR, OTHER_CLASS, true},
    {"case", WIRE_NOERROR, OTHER_CASE, true},
    {"servfail-case", WIRE_SERVFAIL, OTHER_CASE, true},
    {"question", WIRE_NOERROR, NO_QR, true},
    {"opcode", WIRE_NOERROR, OTHER_OPCODE, true},
    {"cut", WIRE_NOERROR, CUT_QUESTION, false},
    {"two", WIRE_NOERROR, TWO_QUESTIONS, true},
    {"tc", WIRE_NOERROR, TRUNCATED, true},
    {"tc-servfail", WIRE_SERVFAIL, TRUNCATED, true},
    {"torn", WIRE_NOERROR, TORN, false},
    {"tailed", WIRE_NOERROR, TAILED, true},
    {"servfail-long", WIRE_SERVFAIL, LONG, false},
    {"short", WIRE_NOERROR, SHORT, false},
};

static size_t question_end(const struct script_packet *packet)
{
    struct wire_message message;

    assert_int_equal(wire_message_open(packet->octets, packet->len, &message), WIRE_OK);
    return message.body;
}

static uint8_t *add(uint8_t *at, const void *octets, size_t len)
{
    memcpy(at, octets, len);
    return at + len;
}

static void flip_first_letter(uint8_t *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((uint8_t)((name[i] | 0x20) - 'a') < 26) {
            name[i] ^= 0x20;
            return;
        }
    }
}

static size_t make_answer(const struct script_packet *packet, const struct kind *kind,
                          uint8_t out[1024])
{
    const size_t end = question_end(packet);
    uint8_t *at = out;
    unsigned flags = WIRE_FLAG_QR | WIRE_FLAG_RD | WIRE_FLAG_RA | (kind->rcode & 15);
    unsigned answers = kind->rcode == WIRE_NOERROR ? 1 : 0;

    if (kind->trick == SHORT) {
        memcpy(out, packet->octets, 11);
        return 11;
    }
    at = add(at, packet->octets, kind->trick == NO_QUESTION ? 12 : end);
    wire_put16(out + 4, kind->trick == NO_QUESTION ? 0 : kind->trick == TWO_QUESTIONS ? 2 : 1);
    wire_put16(out + 8, 0);
    wire_put16(out + 10, 0);
    if (kind->trick == TWO_QUESTIONS) {
        at = add(at, packet->octets + 12, end - 12);
    }
    if (kind->trick == NO_QUESTION) {
        answers = 0;
    }
    flags ^= kind->trick == NO_QR ? WIRE_FLAG_QR : 0;
    flags |= kind->trick == OTHER_OPCODE ? 0x2000u : 0;
    flags |= kind->trick == TRUNCATED ? WIRE_FLAG_TC : 0;
    out[1] ^= kind->trick == OTHER_ID;
    if (kind->trick == OTHER_NAME) {
        out[13] = out[13] == 'q' ? 'r' : 'q';
    }
    out[end - 3] ^= kind->trick == OTHER_TYPE;
    out[end - 1] ^= kind->trick == OTHER_CLASS ? 2 : 0;
    if (kind->trick == OTHER_CASE) {
        flip_first_letter(out + 12, end - 16);
    }
    wire_put16(out + 2, (uint16_t)flags);
    for (unsigned i = 0; i < answers; i++) {
        at = add(at, a_record, sizeof(a_record));
    }
    if (kind->trick == LONG) {
        for (answers = 0; answers < 40; answers++) {
            at = add(at, a_record, sizeof(a_record));
        }
    }
    wire_put16(out + 6, (uint16_t)answers);
    if (kind->opt) {
        at = add(at, opt_record, sizeof(opt_record));
        at[-6] = (uint8_t)(kind->rcode >> 4);
        wire_put16(out + 10, 1);
    }
    if (kind->trick == CUT_QUESTION || kind->trick == TORN) {
        return kind->trick == TORN ? (size_t)(at - out) - 2 : end - 2;
    }
    return (size_t)(at - out) + (kind->trick == TAILED);
}

static const struct kind *kind_of(const char *word)
{
    for (size_t i = 0; i < ITEMS(kinds); i++) {
        if (strcmp(kinds[i].word, word) == 0) {
            return &kinds[i];
        }
    }
    fail_msg("no kind of answer is called \"%s\"", word);
    return NULL;
}

static void give(struct script *script, size_t number, const char *word)
{
    struct script_packet *packet = &script->packets[number];
    uint8_t octets[1024];

    assert_true(number < script->sent);
    assert_non_null(packet->t);
    const size_t len = make_answer(packet, kind_of(word), octets);
    uint8_t *exact = malloc(len); /* so that reading beyond the end is seen */
    memcpy(exact, octets, len);
    upstream_received(script->upstream, packet->t, exact, len);
    free(exact);
}

/* ---- the language of the table ----
 *
 * ">1"      a message has gone to server 1 over UDP    ">>1"  over TCP
 * "+150"    150 ms pass                                 "#2=ok"  message 2 gets this answer
 * "#2x16=id" message 2 gets it sixteen times
 * "#2!111"  message 2's socket fails with errno 111     "."  nothing more has been sent
 * "~2"      message 2 is no longer waited for           "u1!111"  server 1: sendto fails so
 * "t1!111"  server 1: connect fails so                  "no"  the policy forbids it
 * "=answer" the fetch has ended so; before the last word it must not have
 */
struct row {
    const char *what;
    unsigned servers;
    const char *steps;
};

static const char *status_word(enum query_fetch_status status)
{
    static const char *const words[] = {"answer",   "timeout",   "unreachable",  "rejected",
                                        "unproved", "unmatched", "no-descriptor"};

    return words[status];
}

static void run_step(struct script *script, const char *word, size_t *seen)
{
    unsigned a = 0;
    int b = 0;
    char text[32] = "";

    if (sscanf(word, ">>%u", &a) == 1 || sscanf(word, ">%u", &a) == 1) {
        assert_true(*seen < script->sent);
        assert_int_equal(script->packets[*seen].server, a);
        assert_int_equal(script->packets[*seen].tcp, word[1] == '>');
        (*seen)++;
    } else if (sscanf(word, "+%u", &a) == 1) {
        script_pass(script, a * UINT64_C(1000));
    } else if (sscanf(word, "#%ux%d=%31s", &a, &b, text) == 3) {
        for (int i = 0; i < b; i++) {
            give(script, a, text);
        }
    } else if (sscanf(word, "#%u=%31s", &a, text) == 2) {
        give(script, a, text);
    } else if (sscanf(word, "#%u!%d", &a, &b) == 2) {
        assert_non_null(script->packets[a].t);
        upstream_failed(script->upstream, script->packets[a].t, -b);
    } else if (sscanf(word, "~%u", &a) == 1) {
        assert_null(script->packets[a].t);
    } else if (sscanf(word, "u%u!%d", &a, &b) == 2) {
        script->udp_error[a] = -b;
    } else if (sscanf(word, "t%u!%d", &a, &b) == 2) {
        script->tcp_error[a] = -b;
    } else if (strcmp(word, "no") == 0) {
        script->may_not_ask = true;
    } else if (strcmp(word, ".") == 0) {
        assert_int_equal(*seen, script->sent);
    } else if (sscanf(word, "=%31s", text) == 1) {
        assert_int_equal(script->done, 1);
        assert_string_equal(status_word(script->result.status), text);
    } else {
        fail_msg("no such step: %s", word);
    }
}

static void run_row(const struct row *row)
{
    struct script script;
    char steps[512];
    char *rest = NULL;
    size_t seen = 0;

    print_message("  %s: %s\n", row->what, row->steps);
    script_init(&script, row->servers, 1);
    script_order_servers(&script);
    script.no_probes = true;
    struct query_fetch fetch = script_fetch(&script, "www.example.test", WIRE_A);
    /* What is programmed before the first message must be known before it. */
    snprintf(steps, sizeof(steps), "%s", row->steps);
    bool asked = false;
    for (char *word = strtok_r(steps, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        if (!asked && word[0] != 'u' && word[0] != 't') {
            assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
            asked = true;
            assert_int_equal(script.done, 0); /* never from within ask */
        }
        if (word[0] != '=') {
            assert_true(script.done == 0 || word[0] == '.' || word[0] == '~' || word[0] == '>');
        }
        run_step(&script, word, &seen);
    }
    assert_int_equal(script.done, 1);
    assert_int_equal(seen, script.sent);
    upstream_cancel(script.upstream, &fetch); /* has ended: nothing happens */
    script_pass(&script, UINT64_C(1000) * UPSTREAM_TRY_MAX_MS);
    assert_int_equal(script.open, 0); /* what was watched has ended too */
    script_deinit(&script);
}

static void run_table(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        run_row(&rows[i]);
    }
}

static void takes_the_answer_of_the_best_server(void **state)
{
    static const struct row rows[] = {
        {"an answer", 1, ">0 . #0=ok =answer"},
        {"no such name is an answer", 1, ">0 #0=nxdomain =answer"},
        {"an answer without OPT is one", 1, ">0 #0=plain =answer"},
        {"the fastest of three is asked, and it alone", 3, ">0 . +149 . #0=ok =answer"},
        {"a late answer, after the next server was asked", 2, ">0 +150 >1 +10 #0=ok =answer"},
        {"the second server's answer, while the first is silent", 2,
         ">0 +150 >1 #1=ok =answer"},
        {"an answer in the last millisecond", 1, ">0 +3999 >0 >0 #0=ok =answer"},
    };

    (void)state;
    run_table(rows, ITEMS(rows));
}

static void waits_past_what_is_no_answer_to_the_question(void **state)
{
    static const struct row rows[] = {
        {"another id", 1, ">0 #0=id . #0=ok =answer"},
        {"another name", 1, ">0 #0=name . #0=ok =answer"},
        {"another type", 1, ">0 #0=type . #0=ok =answer"},
        {"another class", 1, ">0 #0=class . #0=ok =answer"},
        {"a question, not an answer", 1, ">0 #0=question . #0=ok =answer"},
        {"another opcode", 1, ">0 #0=opcode . #0=ok =answer"},
        {"shorter than a header", 1, ">0 #0=short . #0=ok =answer"},
        {"ends within the question", 1, ">0 #0=cut . #0=ok =answer"},
        {"two questions", 1, ">0 #0=two . #0=ok =answer"},
        {"no question, but no error either", 1, ">0 #0=bare . #0=ok =answer"},
        {"no question and NXDOMAIN: could be about anything", 1,
         ">0 #0=nxdomain-bare . #0=ok =answer"},
        {"wrong ones only, to the end", 1,
         ">0 #0=id #0=name +150 >0 #1=id +600 >0 +3250 =timeout"},
        {"sixteen wrong ones: another socket, and the old one is closed", 1,
         ">0 #0=id #0=id #0=id #0=id #0=id #0=id #0=id #0=id #0=id #0=id #0=id #0=id #0=id "
         "#0=id #0=id . #0=id >0 ~0 #1=ok =answer"},
        {"sixteen wrong ones on every socket: nobody was late", 1,
         ">0 #0x16=id >0 #1x16=name >0 #2x16=id >0 #3x16=id >0 #4x16=id >0 #5x16=id "
         ">0 #6x16=id >0 #7x16=id >0 #8x16=id =unmatched"},
        {"on one socket only, and the rest is silence", 1,
         ">0 #0x16=id >0 +150 >0 +3850 =timeout"},
        {"on every socket of one server, while the other is silent", 2,
         ">0 +150 >1 #1x16=id >1 #2x16=id >1 #3x16=id >1 #4x16=id >1 #5x16=id >1 #6x16=id "
         ">1 #7x16=id >1 #8x16=id >1 #9x16=id >0 +656 >0 +3400 =timeout"},
    };

    (void)state;
    run_table(rows, ITEMS(rows));
}

static void asks_over_tcp_what_was_truncated(void **state)
{
    static const struct row rows[] = {
        {"TC, then TCP at the same server", 2, ">0 #0=tc ~0 >>0 . #1=ok =answer"},
        {"TCP is refused: the next server", 2, "t0!111 >0 #0=tc >1 #1=ok =answer"},
        {"TCP is refused and there is no other", 1, "t0!111 >0 #0=tc =timeout"},
        {"all connections to it are in use: the next server", 2,
         "t0!16 >0 #0=tc >1 #1=ok =answer"},
        {"and there is no other: once one is free", 1,
         "t0!16 >0 #0=tc . +149 . t0!0 +1 >0 #1=tc >>0 #2=ok =answer"},
        {"a handshake that is cut is begun once more, and only once", 2,
         ">0 #0=tc >>0 #1!103 >>0 #2!103 >1 #3=ok =answer"},
        {"connect takes too long: the next server", 2, ">0 #0=tc >>0 #1!110 >1 #2=ok =answer"},
        {"nothing over TCP in its time: the next server, and a late answer counts", 2,
         ">0 #0=tc >>0 +1499 . +1 >1 +10 #1=ok =answer"},
        {"TC over TCP is nonsense", 1, ">0 #0=tc >>0 #1=tc =rejected"},
        {"wrong answers over TCP are waited past too", 1,
         ">0 #0=tc >>0 #1=id #1=name . #1=ok =answer"},
        {"a connection that is reset is opened once more", 1,
         ">0 #0=tc >>0 #1!104 >>0 #2=ok =answer"},
        {"but only once", 2, ">0 #0=tc >>0 #1!104 >>0 #2!104 >1 #3=ok =answer"},
        {"an error that is cut is an error all the same", 1, ">0 #0=tc-servfail =rejected"},
    };

    (void)state;
    run_table(rows, ITEMS(rows));
}

static void goes_to_the_next_server_after_a_useless_answer(void **state)
{
    static const struct row rows[] = {
        {"SERVFAIL", 2, ">0 #0=servfail ~0 >1 #1=ok =answer"},
        {"REFUSED", 2, ">0 #0=refused >1 #1=ok =answer"},
        {"FORMERR of a server that knows EDNS", 2, ">0 #0=formerr-opt >1 #1=ok =answer"},
        {"BADVERS", 2, ">0 #0=badvers >1 #1=ok =answer"},
        {"YXDOMAIN", 2, ">0 #0=yxdomain >1 #1=ok =answer"},
        {"a record is torn off", 2, ">0 #0=torn >1 #1=ok =answer"},
        {"octets after the last record", 2, ">0 #0=tailed >1 #1=ok =answer"},
        {"all of them: the last one stands", 3,
         ">0 #0=servfail >1 #1=refused >2 #2=servfail =rejected"},
        {"garbage from all", 2, ">0 #0=torn >1 #1=torn =rejected"},
        {"SERVFAIL, then silence", 2, ">0 #0=servfail >1 +164 >1 +656 >1 +3180 =rejected"},
        {"SERVFAIL from one while another is still in time: no third is asked", 3,
         ">0 +150 >1 #0=servfail . #1=ok =answer"},
    };

    (void)state;
    run_table(rows, ITEMS(rows));
}

static void asks_without_edns_a_server_that_does_not_know_it(void **state)
{
    static const struct row rows[] = {
        {"FORMERR without OPT: once more without", 2, ">0 #0=formerr ~0 >0 . #1=plain =answer"},
        {"NOTIMP likewise", 2, ">0 #0=notimp >0 #1=plain =answer"},
        {"FORMERR without a question section", 2, ">0 #0=formerr-bare >0 #1=plain =answer"},
        {"FORMERR without EDNS too: the next server", 2,
         ">0 #0=formerr >0 #1=formerr >1 #2=ok =answer"},
        {"over TCP as well", 1, ">0 #0=tc >>0 #1=formerr >>0 #2=plain =answer"},
    };

    (void)state;
    run_table(rows, ITEMS(rows));
}

static void tells_socket_errors_from_silence(void **state)
{
    static const struct row rows[] = {
        {"ICMP port unreachable: the next at once", 2, ">0 #0!111 ~0 >1 #1=ok =answer"},
        {"no route to the first: the next at once", 2, "u0!101 >1 #0=ok =answer"},
        {"no route to any, told by the timer", 2, "u0!101 u1!101 . +0 =unreachable"},
        {"all refused by ICMP", 2, ">0 #0!111 >1 #1!111 =unreachable"},
        {"one silent, then one refused: the first once more", 2,
         ">0 +150 >1 #1!111 >0 . #0=ok =answer"},
        {"one silent to the end: that is no socket error", 2,
         "u1!101 >0 +150 >0 +600 >0 +3250 =timeout"},
        {"no socket left: a little later again", 2,
         "u0!24 u1!24 . +149 . u0!0 u1!0 +1 >0 "
         "#0=ok =answer"},
        {"no descriptor left until the end: told before the time is over", 1,
         "u0!24 . +3700 . +150 =no-descriptor"},
        {"nor in the whole system", 2, "u0!23 u1!23 . +3700 . +150 =no-descriptor"},
        {"no other socket left until the end", 1, "u0!105 . +3999 . +1 =timeout"},
        {"one was late, and for more there is no descriptor", 1,
         ">0 u0!24 +150 . +3849 . +1 =no-descriptor"},
        {"an answer that is no help says more than that", 2,
         "u1!24 >0 #0=servfail +3850 =rejected"},
        {"no socket for a repetition: the try that is still in time is waited for", 1,
         ">0 +150 >0 u0!24 #1=case . +150 . +449 . u0!0 +1 >0 #2=ok =answer"},
        {"firewalled", 1, "u0!1 . +0 =unreachable"},
    };

    (void)state;
    run_table(rows, ITEMS(rows));
}

/* RFC 9520, 3.1: no more than three questions to one server over one transport. */
static void asks_one_server_three_times_at_most(void **state)
{
    static const struct row rows[] = {
        {"silent: three, and the late answer of the first counts", 1,
         ">0 +149 . +1 >0 +599 . +1 >0 . +3249 . #0=ok =answer"},
        {"silent: three, and a late answer of the last counts", 1,
         ">0 +150 >0 +600 >0 +3249 #2=ok =answer"},
        {"two servers: three each", 2,
         ">0 +150 >1 +164 >0 +600 >1 +656 >0 +2000 >1 +430 =timeout"},
        {"three and then TC: TCP is another transport", 1,
         ">0 +150 >0 +600 >0 +100 #2=tc >>0 #3=ok =answer"},
        {"with TCP before it there are not three over UDP", 1,
         ">0 #0=tc >>0 +1500 >0 +2500 =timeout"},
    };

    (void)state;
    run_table(rows, ITEMS(rows));
}

static void notices_an_upstream_that_loses_letter_case(void **state)
{
    static const struct row rows[] = {
        {"one may be forged: asked anew, the first still counts", 1,
         ">0 #0=case >0 . #0=ok =answer"},
        {"the same forger again on the same socket changes nothing", 1,
         ">0 #0=case >0 #0=case #0=case . #1=ok =answer"},
        {"two sockets: it is the server's way, and it is asked plainly", 1,
         ">0 #0=case >0 #1=case ~0 ~1 >0 . #2=ok =answer"},
        {"an error in the wrong case is no better", 1, ">0 #0=servfail-case >0 #1=ok =answer"},
        {"each server for itself", 2, ">0 #0=case >0 +150 >1 #2=case >1 . #3=ok =answer"},
        {"over TCP nobody forges: once is enough", 1, ">0 #0=tc >>0 #1=case >>0 #2=ok =answer"},
    };

    (void)state;
    run_table(rows, ITEMS(rows));
}

static void sends_nothing_that_the_policy_forbids(void **state)
{
    static const struct row rows[] = {
        {"no next server", 2, ">0 no +150 . +3850 =timeout"},
        {"no TCP", 1, ">0 no #0=tc =timeout"},
        {"no second socket after a wrong case", 1, ">0 no #0=case . #0=ok =answer"},
        {"no other server after SERVFAIL", 2, ">0 no #0=servfail =rejected"},
        {"no question without EDNS", 1, ">0 no #0=formerr =rejected"},
    };
    struct script script;

    (void)state;
    run_table(rows, ITEMS(rows));

    script_init(&script, 1, 1);
    struct query_fetch fetch = script_fetch(&script, "blocked.test", WIRE_A);
    script.may_not_ask = true;
    assert_int_equal(upstream_ask(script.upstream, &fetch), -EPERM);
    assert_null(fetch.upstream);
    script_pass(&script, 5000000);
    assert_int_equal(script.sent + script.done, 0);
    script_deinit(&script);
}

static bool is_plain(const struct script_packet *packet)
{
    for (size_t i = 12; i < question_end(packet) - 4; i++) {
        if (packet->octets[i] >= 'A' && packet->octets[i] <= 'Z') {
            return false;
        }
    }
    return true;
}

static void asks_in_lower_case_for_an_hour_then_tries_again(void **state)
{
    struct script script;
    struct upstream_server_status status[UPSTREAM_SERVERS_MAX];

    (void)state;
    script_init(&script, 1, 3);
    struct query_fetch fetch =
        script_fetch(&script, "a-long-name-in-which-some-letter-becomes-capital.test", WIRE_A);
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    assert_false(is_plain(&script.packets[0]));
    give(&script, 0, "case");
    upstream_status(script.upstream, status);
    assert_false(status[0].case_lost);
    give(&script, 1, "case");
    upstream_status(script.upstream, status);
    assert_true(status[0].case_lost);
    assert_int_equal(status[0].wrong, 2);
    assert_true(is_plain(&script.packets[2]));
    give(&script, 2, "ok");
    assert_int_equal(script.done, 1);

    /* The next questions are plain at once; a server that shouts is believed now. */
    fetch.deadline_us = script.now.mono_us + 4000000;
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    assert_true(is_plain(&script.packets[3]));
    give(&script, 3, "case");
    assert_int_equal(script.done, 2);
    assert_int_equal(script.result.status, QUERY_FETCH_ANSWER);

    /* After an hour one question is random again; as it fails, it is repeated plainly. */
    script_pass(&script, UINT64_C(3600) * 1000000);
    fetch.deadline_us = script.now.mono_us + 4000000;
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    assert_false(is_plain(&script.packets[4]));
    struct query_fetch other = fetch;
    assert_int_equal(upstream_ask(script.upstream, &other), 0);
    assert_true(is_plain(&script.packets[5]));
    give(&script, 4, "case");
    assert_true(is_plain(&script.packets[6]));
    give(&script, 6, "ok");
    give(&script, 5, "ok");
    assert_int_equal(script.done, 4);

    /* Another hour, and the server has been mended. */
    script_pass(&script, UINT64_C(3601) * 1000000);
    fetch.deadline_us = script.now.mono_us + 4000000;
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    give(&script, 7, "ok");
    upstream_status(script.upstream, status);
    assert_false(status[0].case_lost);
    fetch.deadline_us = script.now.mono_us + 4000000;
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    assert_false(is_plain(&script.packets[8]));
    script_deinit(&script); /* with a question in flight */
    assert_int_equal(script.open, 0);
}

static uint16_t edns_size(const struct script_packet *packet)
{
    struct wire_question question;

    assert_int_equal(wire_question_read(packet->octets, packet->len, &question),
                     WIRE_QUESTION_OK);
    return question.has_edns ? question.udp_size : 0;
}

static void remembers_for_an_hour_who_does_not_know_edns(void **state)
{
    struct script script;

    (void)state;
    script_init(&script, 1, 4);
    struct query_fetch fetch = script_fetch(&script, "example.test", WIRE_AAAA);
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    assert_int_equal(edns_size(&script.packets[0]), 1232);
    give(&script, 0, "formerr");
    assert_int_equal(edns_size(&script.packets[1]), 0);
    give(&script, 1, "plain");

    fetch.deadline_us = script.now.mono_us + 4000000;
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    assert_int_equal(edns_size(&script.packets[2]), 0);
    give(&script, 2, "plain");

    script_pass(&script, UINT64_C(3600) * 1000000);
    fetch.deadline_us = script.now.mono_us + 4000000;
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    assert_int_equal(edns_size(&script.packets[3]), 1232);
    give(&script, 3, "ok");
    fetch.deadline_us = script.now.mono_us + 4000000;
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    assert_int_equal(edns_size(&script.packets[4]), 1232);
    give(&script, 4, "ok");
    assert_int_equal(script.done, 4);
    script_deinit(&script);
}

static void a_question_says_what_the_fetch_wants(void **state)
{
    static const struct {
        bool dnssec_ok, checking_disabled;
        enum upstream_case letter_case;
        uint16_t udp_size;
    } cases[] = {
        {false, false, UPSTREAM_CASE_RANDOM, 1232},
        {true, false, UPSTREAM_CASE_RANDOM, 1232},
        {false, true, UPSTREAM_CASE_PLAIN, 4096},
        {true, true, UPSTREAM_CASE_PLAIN, 512},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct upstream_settings settings = script_settings(1);
        struct wire_question question;
        struct script script;

        script_init(&script, 1, 5);
        settings.letter_case = cases[i].letter_case;
        settings.udp_size = cases[i].udp_size;
        upstream_configure(script.upstream, &settings);
        struct query_fetch fetch = script_fetch(&script, "some.longer.name.example", WIRE_MX);
        fetch.dnssec_ok = cases[i].dnssec_ok;
        fetch.checking_disabled = cases[i].checking_disabled;
        assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
        const struct script_packet *packet = &script.packets[0];
        assert_int_equal(wire_question_read(packet->octets, packet->len, &question),
                         WIRE_QUESTION_OK);
        assert_int_equal(question.flags,
                         WIRE_FLAG_RD | (cases[i].checking_disabled ? WIRE_FLAG_CD : 0));
        assert_int_equal(question.dnssec_ok, cases[i].dnssec_ok);
        assert_int_equal(question.udp_size, cases[i].udp_size);
        assert_int_equal(question.type, WIRE_MX);
        assert_int_equal(question.class, WIRE_IN);
        assert_true(wire_name_equal(&question.name, &fetch.name));
        assert_int_equal(question.cookie_len, 0);
        assert_false(question.has_keepalive || question.has_padding);
        assert_int_equal(is_plain(packet), cases[i].letter_case == UPSTREAM_CASE_PLAIN);
        script_deinit(&script);
    }
}

static void passes_on_the_last_useless_answer(void **state)
{
    struct wire_message message;
    struct script script;

    (void)state;
    script_init(&script, 2, 6);
    script_order_servers(&script);
    struct query_fetch fetch = script_fetch(&script, "example.test", WIRE_A);
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    give(&script, 0, "refused");
    give(&script, 1, "servfail");
    assert_int_equal(script.result.status, QUERY_FETCH_REJECTED);
    assert_int_equal(script.result.upstream.octets[3], 2);
    assert_int_equal(wire_message_open(script.result_octets, script.result.len, &message),
                     WIRE_OK);
    assert_int_equal(wire_message_rcode(&message, NULL), WIRE_SERVFAIL);
    assert_int_equal(message.counts[3], 1);

    /* Of a long one header and question are left, which is a whole message too. */
    fetch.deadline_us = script.now.mono_us + 4000000;
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    give(&script, 2, "servfail-long");
    give(&script, 3, "torn"); /* garbage does not replace it */
    assert_int_equal(script.result.status, QUERY_FETCH_REJECTED);
    assert_int_equal(wire_message_open(script.result_octets, script.result.len, &message),
                     WIRE_OK);
    assert_int_equal(wire_message_rcode(&message, NULL), WIRE_SERVFAIL);
    assert_true(wire_name_equal(&message.name, &fetch.name));
    script_deinit(&script);
}

static void assert_probe(const struct script_packet *packet, unsigned server, const char *name,
                         uint16_t type)
{
    struct wire_message message;
    struct wire_name want;

    assert_int_equal(packet->server, server);
    assert_int_equal(wire_name_from_text(name, strlen(name), &want), WIRE_TEXT_OK);
    assert_int_equal(wire_message_open(packet->octets, packet->len, &message), WIRE_OK);
    assert_true(wire_name_equal(&message.name, &want));
    assert_int_equal(message.type, type);
}

static void a_down_server_is_asked_last_and_looked_after(void **state)
{
    struct upstream_server_status status[UPSTREAM_SERVERS_MAX];
    struct script script;

    (void)state;
    script_init(&script, 2, 7);
    script_order_servers(&script);
    struct query_fetch fetch = script_fetch(&script, "example.test", WIRE_A);
    for (size_t i = 0; i < UPSTREAM_DOWN_AFTER; i++) {
        fetch.deadline_us = script.now.mono_us + 4000000;
        assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
        assert_int_equal(script.packets[2 * i].server, 0);
        script_pass(&script, 150000);
        assert_int_equal(script.packets[2 * i + 1].server, 1);
        give(&script, 2 * i + 1, "ok");
    }
    upstream_status(script.upstream, status);
    assert_int_equal(status[0].health, UPSTREAM_UNTRIED);
    assert_int_equal(status[0].timeouts, UPSTREAM_DOWN_AFTER);
    assert_int_equal(status[1].health, UPSTREAM_UP);

    /* A probe at once decides. */
    script_pass(&script, 0);
    assert_int_equal(script.sent, 7);
    assert_probe(&script.packets[6], 0, ".", WIRE_NS);
    script_pass(&script, 150000);
    upstream_status(script.upstream, status);
    assert_int_equal(status[0].health, UPSTREAM_DOWN);

    /* Now the other is first; */
    fetch.deadline_us = script.now.mono_us + 4000000;
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    assert_int_equal(script.packets[7].server, 1);
    give(&script, 7, "ok");

    /* and after a second it is asked a question of our own, for which nobody waits. */
    const size_t before = script.sent;
    script_pass(&script, 1000000);
    assert_int_equal(script.sent, before + 1);
    assert_int_equal(script.packets[before].server, 0);
    assert_probe(&script.packets[before], 0, ".", WIRE_NS);
    script_pass(&script, 1000000 + 2 * 1000000 - 1); /* in vain: the pause doubles */
    assert_int_equal(script.sent, before + 1);
    script_pass(&script, 1);
    assert_int_equal(script.sent, before + 2);
    give(&script, before + 1, "name"); /* no answer to it */
    give(&script, before + 1, "ok");
    upstream_status(script.upstream, status);
    assert_int_equal(status[0].health, UPSTREAM_DOWN);
    for (unsigned i = 1; i < UPSTREAM_UP_AFTER; i++) {
        script_pass(&script, UINT64_C(1000) * UPSTREAM_PROBE_AGAIN_MS);
        assert_int_equal(script.sent, before + 2 + i);
        give(&script, before + 1 + i, "refused"); /* it is there, more is not asked of it */
    }
    upstream_status(script.upstream, status);
    assert_int_equal(status[0].health, UPSTREAM_UP);
    assert_int_equal(status[0].probes, UPSTREAM_UP_AFTER + 2);
    assert_int_equal(status[0].probes_good, UPSTREAM_UP_AFTER);
    assert_int_equal(script.open, 0);
    script_deinit(&script);
}

/* A server that fails to help is not up again because it answers. */
static void a_probe_must_be_answered_as_a_client_would_want(void **state)
{
    static const struct {
        const char *failing; /* what the clients got */
        const char *answer;  /* to a probe */
        bool good;
    } cases[] = {
        {"refused", "ok", true},        {"refused", "nxdomain", true},
        {"refused", "refused", false},  {"servfail", "servfail", false},
        {"servfail", "formerr", false}, {"torn", "ok", true},
        {"torn", "torn", false},        {"torn", "tailed", false},
        {"torn", "refused", true},      {"torn", "servfail", false},
        {"torn", "formerr", true},      {"torn", "tc", false}, /* over TCP too */
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct upstream_server_status status[UPSTREAM_SERVERS_MAX];
        struct script script;

        script_init(&script, 2, 30);
        do {
            struct query_fetch fetch = script_fetch(&script, "example.test", WIRE_A);
            const size_t at = script.sent;
            assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
            give(&script, at, cases[i].failing);
            give(&script, at + 1, "ok");
            upstream_status(script.upstream, status);
        } while (status[0].health != UPSTREAM_DOWN);
        for (unsigned round = 0; round < UPSTREAM_UP_AFTER; round++) {
            const size_t at = script.sent;
            while (script.sent == at) {
                script_pass(&script, 100000);
            }
            assert_probe(&script.packets[at % SCRIPT_PACKETS_MAX], 0, ".", WIRE_NS);
            give(&script, at, cases[i].answer);
            if (strcmp(cases[i].answer, "tc") == 0) {
                assert_true(script.packets[at + 1].tcp);
                assert_probe(&script.packets[at + 1], 0, ".", WIRE_NS);
                give(&script, at + 1, "tc");
            }
        }
        upstream_status(script.upstream, status);
        if ((status[0].health == UPSTREAM_UP) != cases[i].good) {
            fail_msg("%s, then %s", cases[i].failing, cases[i].answer);
        }
        script_deinit(&script);
    }
}

/* It truncates, and TCP does not work: down, and looked at over TCP. */
static void a_server_that_truncates_for_ever_is_down(void **state)
{
    static const char *const then[] = {"refused connection", "tc", "silent"};

    (void)state;
    for (size_t i = 0; i < ITEMS(then); i++) {
        struct upstream_server_status status[UPSTREAM_SERVERS_MAX];
        struct script script;

        script_init(&script, 2, 31);
        script_order_servers(&script);
        for (unsigned round = 0; round < 3; round++) {
            struct query_fetch fetch = script_fetch(&script, "example.test", WIRE_A);
            const size_t at = script.sent;

            assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
            script.tcp_error[0] = i == 0 ? -ECONNREFUSED : 0;
            give(&script, at, "tc");
            if (i == 1) {
                give(&script, at + 1, "tc");
            } else if (i == 2) {
                script_pass(&script, UINT64_C(1000) * UPSTREAM_TCP_CONNECT_MS);
            }
            give(&script, script.sent - 1, "ok");
            assert_int_equal(script.result.status, QUERY_FETCH_ANSWER);
        }
        upstream_status(script.upstream, status);
        if (status[0].health != UPSTREAM_DOWN ||
            status[0].reason != UPSTREAM_REASON_TRUNCATED) {
            fail_msg("%s: health %u, reason %u", then[i], status[0].health, status[0].reason);
        }
        script.tcp_error[0] = 0;
        const size_t at = script.sent;
        script_pass(&script, UINT64_C(1000) * UPSTREAM_PAUSE_MIN_MS);
        assert_int_equal(script.sent, at + 1);
        assert_true(script.packets[at].tcp);
        give(&script, at, "ok");
        script_deinit(&script);
    }
}

/* An answer that nobody can use is held against a server only where another one has a better.
 */
static void a_name_that_fails_everywhere_is_nobodys_fault(void **state)
{
    struct upstream_server_status status[UPSTREAM_SERVERS_MAX];
    struct script script;

    (void)state;
    script_init(&script, 2, 32);
    for (unsigned i = 0; i < 3 * UPSTREAM_BLAME_MAX; i++) {
        struct query_fetch fetch = script_fetch(&script, "example.test", WIRE_A);
        const size_t at = script.sent;
        assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
        give(&script, at, i % 2 == 0 ? "servfail" : "torn");
        give(&script, at + 1, "servfail");
        assert_int_equal(script.result.status, QUERY_FETCH_REJECTED);
    }
    upstream_status(script.upstream, status);
    assert_int_equal(status[0].health, UPSTREAM_UP);
    assert_int_equal(status[1].health, UPSTREAM_UP);
    script_deinit(&script);
}

/* A flood of wrong answers, three times. */
static void a_server_that_floods_is_down_for_that(void **state)
{
    struct upstream_server_status status[UPSTREAM_SERVERS_MAX];
    struct script script;

    (void)state;
    script_init(&script, 2, 33);
    struct query_fetch fetch = script_fetch(&script, "example.test", WIRE_A);
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(script.packets[i].server, 0);
        for (unsigned j = 0; j < UPSTREAM_WRONG_MAX; j++) {
            give(&script, i, "id");
        }
    }
    upstream_status(script.upstream, status);
    assert_int_equal(status[0].health, UPSTREAM_DOWN);
    assert_int_equal(status[0].reason, UPSTREAM_REASON_WRONG);
    upstream_cancel(script.upstream, &fetch);
    script_deinit(&script);
}

/* Servers of a zone are asked about that zone, and not about the root, which is not theirs. */
static void a_zones_server_is_probed_with_its_zone(void **state)
{
    struct upstream_settings settings = script_settings(3);
    struct script script;

    (void)state;
    script_init(&script, 3, 34);
    settings.apart = 4;
    settings.group_count = 1;
    settings.groups[0] = (struct upstream_group){
        .context = 9, .choose = UPSTREAM_ORDERED, .servers = 6, .place = {0, 1, 0}};
    assert_int_equal(wire_name_from_text("corp.test", 9, &settings.groups[0].zone),
                     WIRE_TEXT_OK);
    upstream_configure(script.upstream, &settings);
    for (unsigned i = 0; i < UPSTREAM_DOWN_AFTER; i++) {
        struct query_fetch fetch = script_fetch(&script, "x.corp.test", WIRE_A);
        fetch.context = 9;
        assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
        if (i == 0) {
            assert_int_equal(script.packets[0].server, 2); /* in the zone's order */
        }
        script_pass(&script, 4000000);
    }
    size_t to[3] = {0};
    for (size_t i = 0; i < script.sent && i < SCRIPT_PACKETS_MAX; i++) {
        struct wire_message message;
        assert_int_equal(
            wire_message_open(script.packets[i].octets, script.packets[i].len, &message),
            WIRE_OK);
        if (message.type == WIRE_SOA) {
            assert_probe(&script.packets[i], 2, "corp.test", WIRE_SOA);
        } else if (message.type == WIRE_NS) { /* it is everybody's too */
            assert_probe(&script.packets[i], 1, ".", WIRE_NS);
        }
        to[script.packets[i].server] += message.type != WIRE_A;
    }
    assert_int_equal(to[0], 0);
    assert_true(to[1] > 0 && to[2] > 0);
    script_deinit(&script);
}

static void a_server_that_helps_nobody_is_asked_last(void **state)
{
    struct upstream_server_status status[UPSTREAM_SERVERS_MAX];
    struct script script;

    (void)state;
    script_init(&script, 2, 8);
    script_order_servers(&script);
    struct query_fetch fetch = script_fetch(&script, "example.test", WIRE_A);
    for (size_t i = 0; i < UPSTREAM_BLAME_MAX; i++) {
        fetch.deadline_us = script.now.mono_us + 4000000;
        assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
        assert_int_equal(script.packets[2 * i].server, 0);
        give(&script, 2 * i, "refused");
        give(&script, 2 * i + 1, "ok");
    }
    upstream_status(script.upstream, status);
    assert_int_equal(status[0].health, UPSTREAM_DOWN);
    assert_int_equal(status[0].failures, UPSTREAM_BLAME_MAX);
    fetch.deadline_us = script.now.mono_us + 4000000;
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    assert_int_equal(script.packets[2 * UPSTREAM_BLAME_MAX].server, 1);
    script_deinit(&script);
}

static void when_all_are_down_all_are_asked(void **state)
{
    struct script script;

    (void)state;
    script_init(&script, 3, 9);
    for (unsigned round = 0; round < 8; round++) {
        struct query_fetch fetch = script_fetch(&script, "example.test", WIRE_A);
        const size_t before = script.sent;
        unsigned asked = 0;

        assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
        script_pass(&script, 4000000);
        assert_int_equal(script.done, round + 1);
        assert_int_equal(script.result.status, QUERY_FETCH_TIMEOUT);
        for (size_t i = before; i < script.sent; i++) {
            asked |= 1u << script.packets[i % SCRIPT_PACKETS_MAX].server;
        }
        assert_int_equal(asked, 7);
    }
    script_deinit(&script);
}

static void unmeasured_servers_are_given_the_full_time(void **state)
{
    struct script script;

    (void)state;
    script_init(&script, 2, 10);
    struct query_fetch fetch = script_fetch(&script, "example.test", WIRE_A);
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    script_pass(&script, 799000);
    assert_int_equal(script.sent, 1);
    script_pass(&script, 1000);
    assert_int_equal(script.sent, 2);
    assert_int_not_equal(script.packets[0].server, script.packets[1].server);
    script_deinit(&script);
}

static void servers_that_are_equally_fast_share_the_questions(void **state)
{
    struct script script;
    unsigned count[3] = {0, 0, 0};

    (void)state;
    struct upstream_settings settings = script_settings(3);

    script_init(&script, 3, 11);
    settings.choose = UPSTREAM_FASTEST;
    upstream_configure(script.upstream, &settings);
    script_order_servers(&script);
    upstream_condition_set_rtt(script.upstream->servers[1].condition, 21000, 1000,
                               script.now.mono_us); /* near the first; the third is far */
    for (unsigned i = 0; i < 1000; i++) {
        struct query_fetch fetch = script_fetch(&script, "example.test", WIRE_A);
        assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
        count[script.upstream->first->slots[0].t.server_index]++;
        upstream_cancel(script.upstream, &fetch);
    }
    assert_true(count[0] > 400 && count[1] > 400);
    assert_int_equal(count[2], 0);

    script_deinit(&script);
}

static void set_fastest(struct script *script, unsigned servers, unsigned hedge_percent)
{
    struct upstream_settings settings = script_settings(servers);

    settings.choose = UPSTREAM_FASTEST;
    settings.hedge_percent = hedge_percent;
    upstream_configure(script->upstream, &settings);
}

/* A server that has become faster, or was never measured, is found, and no client waits. */
static void fastest_also_asks_others_now_and_then(void **state)
{
    struct upstream_server_status status[UPSTREAM_SERVERS_MAX];
    unsigned count[3] = {0};
    struct script script;

    (void)state;
    script_init(&script, 3, 35);
    set_fastest(&script, 3, 0);
    upstream_condition_set_rtt(script.upstream->servers[0].condition, 20000, 100,
                               script.now.mono_us);
    upstream_condition_set_rtt(script.upstream->servers[1].condition, 90000, 100,
                               script.now.mono_us);
    for (unsigned i = 0; i < 5000; i++) { /* the third takes 10 ms, the second 90 */
        struct query_fetch fetch = script_fetch(&script, "example.test", WIRE_A);
        const size_t at = script.sent;

        assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
        const size_t sent = script.sent - at;
        assert_in_range(sent, 1, 2);
        for (unsigned ms = 0; ms < 100; ms++) {
            for (size_t j = 0; j < sent; j++) {
                const struct script_packet *packet =
                    &script.packets[(at + j) % SCRIPT_PACKETS_MAX];
                if (packet->t != NULL && ms == (packet->server == 0   ? 20
                                                : packet->server == 1 ? 90
                                                                      : 10)) {
                    count[packet->server]++;
                    give(&script, (at + j) % SCRIPT_PACKETS_MAX, "ok");
                }
            }
            script_pass(&script, 1000);
        }
        assert_int_equal(script.done, i + 1);
        assert_int_equal(script.open, 0); /* what is watched ends too */
    }
    /* The third has nearly all; the others their share of one in 64. */
    assert_true(count[2] > 4800);
    assert_in_range(count[0] + count[1], 5000 / 64 / 2, 5000 / 64 * 2);
    assert_true(count[0] > 10 && count[1] > 10);
    upstream_status(script.upstream, status);
    assert_in_range(status[0].rtt_us, 19000, 21000); /* watched to the end */
    assert_in_range(status[1].rtt_us, 89000, 91000);
    assert_true(upstream_counters(script.upstream)->explored ==
                status[0].seconds + status[1].seconds + status[2].seconds);
    script_deinit(&script);
}

static void set_hedge(struct script *script, unsigned servers, unsigned percent)
{
    struct upstream_settings settings = script_settings(servers);

    settings.hedge_percent = percent;
    upstream_configure(script->upstream, &settings);
    script_order_servers(script);
}

/* Gives credit for second questions: what is answered in time adds to it. */
static void earn(struct script *script, unsigned questions)
{
    for (unsigned i = 0; i < questions; i++) {
        struct query_fetch fetch = script_fetch(script, "earns.test", WIRE_A);
        const size_t at = script->sent;

        assert_int_equal(upstream_ask(script->upstream, &fetch), 0);
        script_pass(script, 20000);
        give(script, at % SCRIPT_PACKETS_MAX, "ok");
    }
}

static struct script_packet *packet_at(struct script *script, size_t number)
{
    assert_true(number < script->sent);
    return &script->packets[number % SCRIPT_PACKETS_MAX];
}

static void a_late_answer_makes_a_second_question_go_elsewhere(void **state)
{
    static const struct {
        const char *first; /* who answers, and how the other's fate is known */
        unsigned winner;
        unsigned loser_answers_ms; /* 0: never */
        uint64_t timeouts, won;
    } cases[] = {
        {"the second", 1, 60, 0, 1},
        {"the second, and the first never", 1, 0, 1, 1},
        {"the first, late", 0, 50, 0, 0},
        {"the first, late, and the second never", 0, 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct upstream_server_status status[UPSTREAM_SERVERS_MAX];
        struct script script;

        script_init(&script, 3, 40);
        set_hedge(&script, 3, 5);
        earn(&script, 20);
        struct query_fetch fetch = script_fetch(&script, "example.test", WIRE_A);
        const size_t at = script.sent;
        assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
        const uint64_t late_us =
            upstream_server_late_us(&script.upstream->servers[0], script.now.mono_us);
        assert_in_range(late_us, 20000, 30000);
        script_pass(&script, late_us - 1);
        assert_int_equal(script.sent, at + 1);
        script_pass(&script, 1);
        assert_int_equal(script.sent, at + 2);
        assert_int_equal(packet_at(&script, at)->server, 0);
        assert_int_equal(packet_at(&script, at + 1)->server, 1);
        assert_memory_not_equal(packet_at(&script, at)->octets,
                                packet_at(&script, at + 1)->octets, 2); /* an id of its own */
        script_pass(&script, 5000);
        assert_int_equal(script.sent, at + 2); /* there is no third */
        const size_t done = script.done;
        give(&script, at + cases[i].winner, "ok");
        assert_int_equal(script.done, done + 1);
        assert_int_equal(script.open, 1); /* the other one is watched, for its server's sake */
        if (cases[i].loser_answers_ms > 0) {
            script_pass(&script, cases[i].loser_answers_ms * UINT64_C(1000));
            give(&script, at + 1 - cases[i].winner, "ok");
            assert_int_equal(script.open, 0);
        }
        script_pass(&script, 200000);
        assert_int_equal(script.open, 0);
        assert_int_equal(script.done, done + 1);
        upstream_status(script.upstream, status);
        assert_int_equal(status[0].late, 1);
        assert_int_equal(status[1].seconds, 1);
        assert_int_equal(status[0].timeouts, cases[i].timeouts);
        assert_true(upstream_counters(script.upstream)->hedges == 1);
        assert_true(upstream_counters(script.upstream)->hedges_won == cases[i].won);
        script_deinit(&script);
    }
}

static void second_questions_are_a_bounded_share(void **state)
{
    static const unsigned percents[] = {0, 1, 5, 25};

    (void)state;
    for (size_t i = 0; i < ITEMS(percents); i++) {
        struct script script;

        script_init(&script, 2, 41);
        set_hedge(&script, 2, percents[i]);
        for (unsigned n = 0; n < 2000; n++) { /* every answer is late */
            struct query_fetch fetch = script_fetch(&script, "example.test", WIRE_A);
            const size_t at = script.sent;

            assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
            script_pass(&script, 30000);
            give(&script, at % SCRIPT_PACKETS_MAX, "ok");
            if (script.sent == at + 2) {
                give(&script, (at + 1) % SCRIPT_PACKETS_MAX, "ok");
            }
            script_order_servers(&script); /* nobody gets used to it */
        }
        const uint64_t hedges = upstream_counters(script.upstream)->hedges;
        assert_in_range(hedges, 20 * percents[i], 20 * percents[i] + UPSTREAM_HEDGE_BURST);
        assert_true(percents[i] == 0 ||
                    hedges + upstream_counters(script.upstream)->hedges_denied == 2000);
        script_deinit(&script);
    }
}

/* A server that is down or suspect is no help, and there is nobody else. */
static void no_second_question_goes_to_a_server_that_is_not_well(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 3; how++) {
        struct script script;

        script_init(&script, how < 2 ? 2 : 1, 42);
        set_hedge(&script, how < 2 ? 2 : 1, 5);
        earn(&script, 20);
        if (how == 0) {
            atomic_store(&script.upstream->servers[1].condition->down, true);
        } else if (how == 1) {
            atomic_store(&script.upstream->servers[1].condition->suspect_us, UINT64_MAX);
        }
        struct query_fetch fetch = script_fetch(&script, "example.test", WIRE_A);
        const size_t at = script.sent;
        assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
        script_pass(&script, 149000);
        assert_int_equal(script.sent, at + 1);
        upstream_cancel(script.upstream, &fetch);
        script_deinit(&script);
    }
}

/* Every one of its questions is answered by another server: it is found out all the same. */
static void a_dead_server_is_found_out_behind_second_questions(void **state)
{
    struct upstream_server_status status[UPSTREAM_SERVERS_MAX];
    struct script script;

    (void)state;
    script_init(&script, 2, 43);
    set_hedge(&script, 2, 25);
    earn(&script, 40);
    for (unsigned i = 0; i < UPSTREAM_DOWN_AFTER; i++) {
        struct query_fetch fetch = script_fetch(&script, "example.test", WIRE_A);
        const size_t at = script.sent;

        assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
        assert_int_equal(packet_at(&script, at)->server, 0);
        script_pass(&script, 40000);
        assert_int_equal(packet_at(&script, at + 1)->server, 1);
        give(&script, at + 1, "ok");
        script_pass(&script, 400000);
    }
    upstream_status(script.upstream, status);
    assert_int_equal(status[0].health, UPSTREAM_DOWN);
    assert_int_equal(status[0].reason, UPSTREAM_REASON_SILENT);
    assert_int_equal(upstream_counters(script.upstream)->hedges_won, UPSTREAM_DOWN_AFTER);
    script_deinit(&script);
}

/* What is watched has bounds, ends with new settings, and believes no stranger. */
static void what_is_watched_is_bounded(void **state)
{
    const struct upstream_settings settings = script_settings(2);
    struct upstream_server_status status[UPSTREAM_SERVERS_MAX];
    struct script script;

    (void)state;
    script_init(&script, 2, 44);
    set_hedge(&script, 2, 25);
    for (unsigned round = 0; round < 5;
         round++) { /* sixteen at a time, each answered elsewhere */
        struct query_fetch fetches[16];
        const size_t at = script.sent;

        for (size_t i = 0; i < 16; i++) {
            fetches[i] = script_fetch(&script, "example.test", WIRE_A);
            assert_int_equal(upstream_ask(script.upstream, &fetches[i]), 0);
        }
        script.upstream->hedge_credit = 16000;
        script_pass(&script, 24000);
        assert_int_equal(script.sent, at + 32);
        for (size_t i = 0; i < 16; i++) {
            give(&script, at + 16 + i, "ok");
        }
        atomic_store(&script.upstream->servers[0].condition->lates, 0);
        atomic_store(&script.upstream->servers[0].condition->suspect_us, 0);
    }
    assert_int_equal(script.open, UPSTREAM_WATCHED_MAX);
    assert_int_equal(script.upstream->watched, UPSTREAM_WATCHED_MAX);
    give(&script, 0, "id");
    assert_int_equal(script.open, UPSTREAM_WATCHED_MAX);
    give(&script, 0, "servfail"); /* it lives */
    assert_int_equal(script.open, UPSTREAM_WATCHED_MAX - 1);
    upstream_status(script.upstream, status);
    assert_int_equal(status[0].wrong, 1);
    assert_int_equal(status[0].answers, 1);
    upstream_configure(script.upstream, &settings);
    assert_int_equal(script.open, 0);
    script_deinit(&script);
}

static void a_cancelled_fetch_leaves_nothing_behind(void **state)
{
    struct script script;
    uint64_t at;

    (void)state;
    script_init(&script, 2, 12);
    struct query_fetch fetch = script_fetch(&script, "example.test", WIRE_A);
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    script_pass(&script, 1000000);
    assert_int_equal(script.open, 2);
    upstream_cancel(script.upstream, &fetch);
    assert_int_equal(script.open, 0);
    assert_null(fetch.upstream);
    assert_false(timers_next(script.timers, &at));
    script_pass(&script, 5000000);
    assert_int_equal(script.done, 0);
    script_deinit(&script);
}

static void a_later_deadline_is_kept_too(void **state)
{
    struct script script;

    (void)state;
    script_init(&script, 1, 13);
    struct query_fetch fetch = script_fetch(&script, "example.test", WIRE_A);
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    script_pass(&script, 3000000);
    fetch.deadline_us += 3000000; /* somebody has joined */
    script_pass(&script, 3900000);
    assert_int_equal(script.done, 0);
    script_pass(&script, 100000);
    assert_int_equal(script.done, 1);
    assert_int_equal(script.result.status, QUERY_FETCH_TIMEOUT);

    /* One that is over before it starts. */
    fetch.deadline_us = script.now.mono_us;
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    script_pass(&script, 0);
    assert_int_equal(script.done, 2);
    assert_int_equal(script.result.status, QUERY_FETCH_TIMEOUT);
    script_deinit(&script);
}

static void the_engine_may_ask_again_when_told(void **state)
{
    struct script script;

    (void)state;
    script_init(&script, 1, 14);
    struct query_fetch fetch = script_fetch(&script, "one.test", WIRE_A);
    struct query_fetch next = script_fetch(&script, "two.test", WIRE_A);
    script.ask_next = &next;
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    give(&script, 0, "ok");
    assert_int_equal(script.done, 1);
    assert_int_equal(script.open, 1);
    give(&script, 1, "nxdomain");
    assert_int_equal(script.done, 2);

    /* The same for a useless answer, whose octets must outlive the exchange. */
    fetch.deadline_us = next.deadline_us = script.now.mono_us + 4000000;
    script.ask_next = &next;
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    give(&script, 2, "servfail");
    assert_int_equal(script.done, 3);
    assert_int_equal(script.open, 1);
    script_deinit(&script);
}

static void refuses_what_it_has_no_room_for(void **state)
{
    struct query_fetch fetches[17];
    struct script script;

    (void)state;
    script_init(&script, 1, 15);
    for (size_t i = 0; i < 16; i++) {
        fetches[i] = script_fetch(&script, "example.test", WIRE_A);
        assert_int_equal(upstream_ask(script.upstream, &fetches[i]), 0);
    }
    fetches[16] = script_fetch(&script, "example.test", WIRE_A);
    assert_int_equal(upstream_ask(script.upstream, &fetches[16]), -ENOBUFS);
    assert_null(fetches[16].upstream);
    upstream_cancel(script.upstream, &fetches[3]);
    assert_int_equal(upstream_ask(script.upstream, &fetches[16]), 0);
    script_deinit(&script);

    /* No timer left; no server. */
    struct upstream_settings none = script_settings(0);
    struct timer taken[128] = {0};
    script_init(&script, 1, 15);
    for (size_t i = 0; i < ITEMS(taken); i++) {
        assert_int_equal(timers_arm(script.timers, &taken[i], UINT64_MAX), 0);
    }
    assert_int_equal(upstream_ask(script.upstream, &fetches[0]), -ENOSPC);
    assert_int_equal(script.sent, 0);
    upstream_configure(script.upstream, &none);
    assert_int_equal(upstream_ask(script.upstream, &fetches[0]), -ENETUNREACH);
    script_deinit(&script);
}

static void new_settings_move_what_is_in_flight(void **state)
{
    struct upstream_server_status status[UPSTREAM_SERVERS_MAX];
    struct upstream_settings settings = script_settings(3);
    struct script script;

    (void)state;
    script_init(&script, 2, 16);
    script_order_servers(&script);
    struct query_fetch fetch = script_fetch(&script, "example.test", WIRE_A);
    struct query_fetch other = script_fetch(&script, "other.test", WIRE_A);
    assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
    script_pass(&script, 150000);
    assert_int_equal(script.sent, 2);
    assert_int_equal(upstream_ask(script.upstream, &other), 0);
    give(&script, 2, "servfail"); /* the first server: excluded for this one */
    assert_int_equal(script.packets[3].server, 1);

    /* The first server goes, a third one comes before the second. */
    settings.count = 2;
    settings.servers[0] = settings.servers[2];
    upstream_configure(script.upstream, &settings);
    assert_null(script.packets[0].t);
    assert_int_equal(script.sent, 4); /* nothing leaves from within */
    assert_non_null(script.packets[1].t);
    assert_int_equal(script.packets[1].t->server_index, 1);
    assert_int_equal(script.packets[1].t->server->address.octets[3], 2);
    upstream_status(script.upstream, status);
    assert_int_equal(status[0].health, UPSTREAM_UNTRIED);
    assert_int_equal(status[1].rtt_us, 40000);

    give(&script, 1, "ok");
    assert_int_equal(script.done, 1);
    assert_int_equal(script.result.upstream.octets[3], 2);

    /* The other one waits for the second server, which now goes too: the third is asked. */
    settings.count = 1;
    upstream_configure(script.upstream, &settings);
    script_pass(&script, 0);
    assert_int_equal(script.sent, 5);
    assert_int_equal(script.packets[4].server, 2);

    /* All go: the fetch ends, with what it has. */
    settings.count = 0;
    upstream_configure(script.upstream, &settings);
    assert_int_equal(script.done, 1);
    script_pass(&script, 0);
    assert_int_equal(script.done, 2);
    assert_int_equal(script.result.status, QUERY_FETCH_REJECTED);
    script_deinit(&script);
}

/* Chi-square over equal classes: the statistic has mean n and variance 2n, and for that many
 * degrees of freedom it is close to normal; six deviations are never reached by chance. */
static void assert_uniform(const unsigned *count, size_t classes, size_t samples)
{
    const double expected = (double)samples / (double)classes;
    const double freedom = (double)classes - 1;
    double square = 0;

    for (size_t i = 0; i < classes; i++) {
        square += ((double)count[i] - expected) * ((double)count[i] - expected) / expected;
    }
    const double off = square - freedom;
    print_message("  chi-square %.0f for %.0f degrees of freedom\n", square, freedom);
    assert_true(off * off < 36 * 2 * freedom);
}

static void ids_and_letter_case_of_100000_questions_are_random(void **state)
{
    enum {
        QUESTIONS = 100000,
        LETTERS = 16
    };
    static unsigned ids[65536];
    unsigned capitals[2 * LETTERS] = {0};
    unsigned repeated = 0;
    uint16_t last = 0;
    struct script script;

    (void)state;
    script_init(&script, 1, 17);
    for (size_t i = 0; i < QUESTIONS; i++) {
        struct query_fetch fetch = script_fetch(&script, "abcdefghijklmnop", WIRE_A);
        assert_int_equal(upstream_ask(script.upstream, &fetch), 0);
        const struct script_packet *packet =
            &script.packets[(script.sent - 1) % SCRIPT_PACKETS_MAX];
        const uint16_t id = wire_get16(packet->octets);
        ids[id]++;
        repeated += i > 0 && id == last;
        last = id;
        for (size_t j = 0; j < LETTERS; j++) {
            capitals[2 * j + (packet->octets[13 + j] & 0x20 ? 0 : 1)]++;
        }
        upstream_cancel(script.upstream, &fetch);
    }
    assert_uniform(ids, 65536, QUESTIONS);
    for (size_t j = 0; j < LETTERS; j++) {
        /* Half of them: six deviations of a fair coin are 949. */
        assert_true(capitals[2 * j] > QUESTIONS / 2 - 949);
        assert_true(capitals[2 * j + 1] > QUESTIONS / 2 - 949);
    }
    assert_true(repeated < 20);
    script_deinit(&script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_answer_of_the_best_server),
        cmocka_unit_test(waits_past_what_is_no_answer_to_the_question),
        cmocka_unit_test(asks_over_tcp_what_was_truncated),
        cmocka_unit_test(goes_to_the_next_server_after_a_useless_answer),
        cmocka_unit_test(asks_without_edns_a_server_that_does_not_know_it),
        cmocka_unit_test(tells_socket_errors_from_silence),
        cmocka_unit_test(asks_one_server_three_times_at_most),
        cmocka_unit_test(notices_an_upstream_that_loses_letter_case),
        cmocka_unit_test(sends_nothing_that_the_policy_forbids),
        cmocka_unit_test(asks_in_lower_case_for_an_hour_then_tries_again),
        cmocka_unit_test(remembers_for_an_hour_who_does_not_know_edns),
        cmocka_unit_test(a_question_says_what_the_fetch_wants),
        cmocka_unit_test(passes_on_the_last_useless_answer),
        cmocka_unit_test(a_down_server_is_asked_last_and_looked_after),
        cmocka_unit_test(a_probe_must_be_answered_as_a_client_would_want),
        cmocka_unit_test(a_server_that_truncates_for_ever_is_down),
        cmocka_unit_test(a_name_that_fails_everywhere_is_nobodys_fault),
        cmocka_unit_test(a_server_that_floods_is_down_for_that),
        cmocka_unit_test(a_zones_server_is_probed_with_its_zone),
        cmocka_unit_test(fastest_also_asks_others_now_and_then),
        cmocka_unit_test(a_server_that_helps_nobody_is_asked_last),
        cmocka_unit_test(when_all_are_down_all_are_asked),
        cmocka_unit_test(unmeasured_servers_are_given_the_full_time),
        cmocka_unit_test(servers_that_are_equally_fast_share_the_questions),
        cmocka_unit_test(a_late_answer_makes_a_second_question_go_elsewhere),
        cmocka_unit_test(second_questions_are_a_bounded_share),
        cmocka_unit_test(no_second_question_goes_to_a_server_that_is_not_well),
        cmocka_unit_test(a_dead_server_is_found_out_behind_second_questions),
        cmocka_unit_test(what_is_watched_is_bounded),
        cmocka_unit_test(a_cancelled_fetch_leaves_nothing_behind),
        cmocka_unit_test(a_later_deadline_is_kept_too),
        cmocka_unit_test(the_engine_may_ask_again_when_told),
        cmocka_unit_test(refuses_what_it_has_no_room_for),
        cmocka_unit_test(new_settings_move_what_is_in_flight),
        cmocka_unit_test(ids_and_letter_case_of_100000_questions_are_random),
    };
    return cmocka_run_group_tests_name("upstream/forward", tests, NULL, NULL);
}
