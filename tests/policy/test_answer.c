/* policy/answer: chains in any order of records, and every trigger of an answer. */
#include "policy/make.h"

#include "policy/answer.h"
#include "wire/writer.h"

/* --- messages from text --- */

/* An SvcParam: ipv4hint=4 or ipv6hint=6, then addresses. */
static size_t put_hints(uint8_t *out, const char *text)
{
    const bool v4 = strchr(text, ':') == NULL;
    size_t used = 4;

    while (*text != '\0') {
        char one[64];
        const size_t len = strcspn(text, ",");

        snprintf(one, sizeof(one), "%.*s", (int)len, text);
        const struct address address = address_of(one);
        memcpy(out + used, address.octets, v4 ? 4 : 16);
        used += v4 ? 4 : 16;
        text += len + (text[len] == ',');
    }
    wire_put16(out, v4 ? 4 : 6);
    wire_put16(out + 2, (uint16_t)(used - 4));
    return used;
}

/* The rdata of "TYPE VALUE...". */
static size_t put_rdata(const char *type, char *value, uint8_t *out, uint16_t *number)
{
    assert_true(wire_type_parse(type, strlen(type), number));
    if (*number == WIRE_A || *number == WIRE_AAAA) {
        const struct address address = address_of(value);

        memcpy(out, address.octets, 16);
        return *number == WIRE_A ? 4 : 16;
    }
    if (*number == WIRE_SVCB || *number == WIRE_HTTPS) {
        /* PRIORITY TARGET [HINTS[;HINTS]] */
        char *hints = strchr(strchr(value, ' ') + 1, ' ');
        if (hints != NULL) {
            *hints++ = '\0';
        }
        const struct wire_name target =
            name_of(strcmp(strchr(value, ' ') + 1, ".") == 0 ? "" : strchr(value, ' ') + 1);
        size_t used = 2u + target.len;

        wire_put16(out, (uint16_t)atoi(value));
        memcpy(out + 2, target.octets, target.len);
        for (char *part = hints == NULL ? NULL : strtok(hints, ";"); part != NULL;
             part = strtok(NULL, ";")) {
            used += put_hints(out + used, part);
        }
        return used;
    }
    const struct wire_name target = name_of(value);
    memcpy(out, target.octets, target.len);
    return target.len;
}

struct message {
    uint8_t octets[8192];
    struct wire_message view;
};

/*
 * "NAME TYPE | OWNER TYPE VALUE | ..." makes a question and answer records; "+" before an owner
 * puts it into the additional section, "-" into the authority section.
 */
static void message_of(const char *text, struct message *out)
{
    static const enum wire_section sections[] = {WIRE_ANSWER, WIRE_AUTHORITY, WIRE_ADDITIONAL};
    struct wire_writer writer;
    uint8_t question[WIRE_NAME_MAX + 4], rdata[512];
    char copy[4096], *parts[64];
    size_t count = 0;
    uint16_t type = 0;

    assert_true(strlen(text) < sizeof(copy));
    strcpy(copy, text);
    for (char *at = copy; at != NULL; count++) {
        char *bar = strstr(at, " | ");

        assert_true(count < ITEMS(parts));
        parts[count] = at;
        at = bar == NULL ? NULL : bar + 3;
        if (bar != NULL) {
            *bar = '\0';
        }
    }
    char *space = strchr(parts[0], ' ');
    *space = '\0';
    const struct wire_name asked = name_of(parts[0]);
    assert_true(wire_type_parse(space + 1, strlen(space + 1), &type));
    memcpy(question, asked.octets, asked.len);
    wire_put16(question + asked.len, type);
    wire_put16(question + asked.len + 2, WIRE_IN);
    wire_writer_begin(&writer, out->octets, sizeof(out->octets), question, asked.len + 4u);
    for (size_t s = 0; s < ITEMS(sections); s++) {
        for (size_t i = 1; i < count; i++) {
            static const char marks[] = {'\0', '-', '+'};
            char record[512], *fields[3];
            const char mark = parts[i][0] == '+' || parts[i][0] == '-' ? parts[i][0] : '\0';

            if (mark != marks[s]) {
                continue;
            }
            snprintf(record, sizeof(record), "%s", parts[i] + (mark != '\0'));
            fields[0] = record;
            fields[1] = strchr(fields[0], ' ');
            *fields[1]++ = '\0';
            fields[2] = strchr(fields[1], ' ');
            *fields[2]++ = '\0';
            const struct wire_name owner = name_of(fields[0]);
            const size_t len = put_rdata(fields[1], fields[2], rdata, &type);
            wire_write_record(&writer, sections[s], &owner, type, 60, rdata, len);
        }
    }
    const size_t len = wire_writer_end(&writer, 1, WIRE_FLAG_QR);
    assert_true(len > 0);
    assert_int_equal(wire_message_open(out->octets, len, &out->view), WIRE_OK);
}

/* --- chains --- */

static void chains_are_followed_in_any_order(void **state)
{
    static const struct {
        const char *message;
        enum policy_chain_result result;
        const char *names; /* of the chain, separated by spaces */
    } cases[] = {
        /* no alias */
        {"a.test A | a.test A 192.0.2.1", POLICY_CHAIN_OK, "a.test"},
        {"a.test A", POLICY_CHAIN_OK, "a.test"},
        /* one and two hops, in order */
        {"a.test A | a.test CNAME b.test | b.test A 192.0.2.1", POLICY_CHAIN_OK,
         "a.test b.test"},
        {"a.test A | a.test CNAME b.test | b.test CNAME c.test", POLICY_CHAIN_OK,
         "a.test b.test c.test"},
        /* backwards */
        {"a.test A | c.test A 192.0.2.1 | b.test CNAME c.test | a.test CNAME b.test",
         POLICY_CHAIN_OK, "a.test b.test c.test"},
        /* an alias of something else */
        {"a.test A | x.test CNAME y.test | a.test A 192.0.2.1", POLICY_CHAIN_OK, "a.test"},
        /* aliases in other sections are none */
        {"a.test A | -a.test CNAME b.test | +a.test CNAME b.test", POLICY_CHAIN_OK, "a.test"},
        /* DNAME, with the CNAME that it implies and without */
        {"x.a.test A | a.test DNAME b.test | x.a.test CNAME x.b.test", POLICY_CHAIN_OK,
         "x.a.test x.b.test"},
        {"x.a.test A | a.test DNAME b.test", POLICY_CHAIN_OK, "x.a.test x.b.test"},
        {"x.y.a.test A | a.test DNAME b.test | b.test DNAME c.test", POLICY_CHAIN_OK,
         "x.y.a.test x.y.b.test x.y.c.test"},
        /* a DNAME does not apply to its own name */
        {"a.test A | a.test DNAME b.test | a.test A 192.0.2.1", POLICY_CHAIN_OK, "a.test"},
        /* to the root */
        {"x.a.test A | a.test DNAME .", POLICY_CHAIN_OK, "x.a.test x"},
        /* an alias that was asked for is one hop */
        {"a.test CNAME | a.test CNAME b.test | b.test CNAME c.test", POLICY_CHAIN_OK,
         "a.test b.test"},
        {"a.test DNAME | a.test DNAME b.test", POLICY_CHAIN_OK, "a.test b.test"},
        /* a DNAME that was asked for ends the chain; aliases on the way to it do not */
        {"a.test DNAME | a.test DNAME b.test | b.test CNAME c.test", POLICY_CHAIN_OK,
         "a.test b.test"},
        {"a.test DNAME | a.test CNAME b.test | b.test CNAME c.test | c.test CNAME d.test",
         POLICY_CHAIN_OK, "a.test b.test c.test d.test"},
        {"a.test DNAME | a.test CNAME b.test | b.test DNAME c.test | c.test CNAME d.test",
         POLICY_CHAIN_OK, "a.test b.test c.test"},
        {"x.a.test DNAME | a.test DNAME b.test | x.b.test DNAME c.test | c.test CNAME d.test",
         POLICY_CHAIN_OK, "x.a.test x.b.test c.test"},
        {"a.test DNAME | a.test CNAME b.test | b.test CNAME a.test", POLICY_CHAIN_TOO_LONG, ""},
        {"a.test ANY | a.test CNAME b.test | b.test CNAME c.test", POLICY_CHAIN_OK,
         "a.test b.test"},
        /* beside other data, where it must not stand, it is followed all the same */
        {"a.test A | a.test A 192.0.2.1 | a.test CNAME b.test", POLICY_CHAIN_OK,
         "a.test b.test"},
        /* the same twice is the same */
        {"a.test A | a.test CNAME b.test | a.test CNAME b.test", POLICY_CHAIN_OK,
         "a.test b.test"},
        /* two targets */
        {"a.test A | a.test CNAME b.test | a.test CNAME c.test", POLICY_CHAIN_MALFORMED, ""},
        {"x.a.test A | a.test DNAME b.test | x.a.test CNAME x.c.test", POLICY_CHAIN_MALFORMED,
         ""},
        {"x.a.test A | a.test DNAME b.test | test DNAME c", POLICY_CHAIN_MALFORMED, ""},
        /* loops */
        {"a.test A | a.test CNAME a.test", POLICY_CHAIN_TOO_LONG, ""},
        {"a.test A | a.test CNAME b.test | b.test CNAME a.test", POLICY_CHAIN_TOO_LONG, ""},
        {"a.test A | a.test CNAME b.test | b.test CNAME c.test | c.test CNAME b.test",
         POLICY_CHAIN_TOO_LONG, ""},
        /* a DNAME that grows the name until it is too long, or the chain is */
        {"x.a.test A | a.test DNAME b.a.test", POLICY_CHAIN_TOO_LONG, ""},
    };
    static struct policy_chain chain;
    static struct message message;

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        char names[4096] = "";

        message_of(cases[i].message, &message);
        const enum policy_chain_result result = policy_chain_follow(&message.view, &chain);
        for (unsigned k = 0; result == POLICY_CHAIN_OK && k < chain.count; k++) {
            char text[WIRE_NAME_TEXT_MAX];

            wire_name_to_text(&chain.names[k], text);
            strcat(names, k > 0 ? " " : "");
            strcat(names, text);
            assert_true(policy_chain_has(&chain, &chain.names[k]));
        }
        if (result != cases[i].result || strcmp(names, cases[i].names) != 0) {
            fail_msg("case %zu: %d \"%s\" from \"%s\"", i, result, names, cases[i].message);
        }
    }
    const struct wire_name other = name_of("other.test");
    message_of("a.test A", &message);
    assert_int_equal(policy_chain_follow(&message.view, &chain), POLICY_CHAIN_OK);
    assert_false(policy_chain_has(&chain, &other));
}

static void a_chain_has_at_most_11_hops(void **state)
{
    static struct policy_chain chain;
    static struct message message;

    (void)state;
    for (unsigned hops = POLICY_HOPS_MAX; hops <= POLICY_HOPS_MAX + 1; hops++) {
        char text[2048] = "n0.test A";

        for (unsigned i = 0; i < hops; i++) {
            sprintf(text + strlen(text), " | n%u.test CNAME n%u.test", i, i + 1);
        }
        message_of(text, &message);
        const enum policy_chain_result result = policy_chain_follow(&message.view, &chain);
        assert_int_equal(result,
                         hops <= POLICY_HOPS_MAX ? POLICY_CHAIN_OK : POLICY_CHAIN_TOO_LONG);
        assert_int_equal(chain.count, POLICY_HOPS_MAX + 1);
    }
}

static void a_dname_that_makes_a_name_too_long_is_malformed(void **state)
{
    static struct policy_chain chain;
    static struct message message;
    char text[2048] = "", target[512] = "";

    (void)state;
    for (int i = 0; i < 60; i++) {
        strcat(text, "x.");
        strcat(target, "y.");
    }
    for (int i = 0; i < 40; i++) {
        strcat(target, "y.");
    }
    strcat(text, "a.test A | a.test DNAME ");
    strcat(text, target);
    strcat(text, "b.test");
    message_of(text, &message);
    assert_int_equal(policy_chain_follow(&message.view, &chain), POLICY_CHAIN_MALFORMED);
}

static void a_message_that_is_cut_is_malformed(void **state)
{
    static struct policy_chain chain;
    static struct message message;

    (void)state;
    message_of("a.test A | a.test CNAME b.test | b.test A 192.0.2.1 | -test NS ns.test",
               &message);
    const size_t len = message.view.len;
    for (size_t cut = 12 + 12; cut < len; cut++) {
        uint8_t *copy = malloc(cut);
        struct wire_message view;

        assert_non_null(copy);
        memcpy(copy, message.octets, cut);
        if (wire_message_open(copy, cut, &view) == WIRE_OK) {
            assert_int_equal(policy_chain_follow(&view, &chain), POLICY_CHAIN_MALFORMED);
        }
        free(copy);
    }
    /* No question: nothing to follow from. */
    uint8_t header[12] = {0};
    struct wire_message view;
    assert_int_equal(wire_message_open(header, sizeof(header), &view), WIRE_OK);
    assert_int_equal(policy_chain_follow(&view, &chain), POLICY_CHAIN_MALFORMED);
}

/* --- decisions --- */

static struct policy *policy_of(const char *enforced, const char *logged)
{
    struct policy_list *lists[] = {list_of("on", enforced), list_of("quiet", logged)};
    const struct policy_list_setting settings[] = {
        {"on", POLICY_MODE_ENFORCE, POLICY_ACTION_DEFAULT},
        {"quiet", POLICY_MODE_LOG, POLICY_ACTION_DEFAULT},
    };
    const struct policy_view_setting view = {
        .name = "default", .lists = settings, .list_count = ITEMS(settings)};
    struct policy *policy = NULL;

    struct policy_image *image = image_of((const struct policy_list *const *)lists, 2);
    assert_int_equal(policy_create(image, &view, 1, 1, NULL, &policy), 0);
    policy_list_free(lists[0]);
    policy_list_free(lists[1]);
    return policy;
}

/* "TRIGGER HOP NAME[ ADDRESS] ACTION" of each hit, separated by "; ", "!" before the block. */
static void words_of(const struct policy_hits *hits, bool blocked, uint8_t block,
                     char out[2048])
{
    out[0] = '\0';
    for (uint8_t i = 0; i < hits->count; i++) {
        const struct policy_hit *hit = &hits->at[i];
        char name[WIRE_NAME_TEXT_MAX], address[1 + ADDRESS_TEXT_MAX] = "";

        wire_name_to_text(&hit->name, name);
        if (hit->address.family != ADDRESS_NONE) {
            address[0] = ' ';
            address_format(&hit->address, false, address + 1);
        }
        sprintf(out + strlen(out), "%s%s%s %u %.100s%s %s", i > 0 ? "; " : "",
                blocked && i == block ? "!" : "",
                policy_trigger_name((enum policy_trigger)hit->trigger), hit->hop, name, address,
                policy_action_name((enum policy_action)hit->action));
    }
    if (hits->more) {
        strcat(out, "; more");
    }
}

#define ON                                                            \
    "block suffix bad.test;pass suffix good.bad.test;"                \
    "block suffix watched.test action=log;block prefix 192.0.2.0/24;" \
    "block prefix 2001:db8:bad::/48"
#define QUIET                                                                              \
    "block suffix quiet.test;block suffix silent.test;block prefix 198.51.100.0/24;block " \
    "prefix 198.18.0.0/24;pass suffix bad.test"

static void every_trigger_of_an_answer_is_decided_in_order(void **state)
{
    static const struct {
        const char *message, *wanted;
    } cases[] = {
        /* the name itself is decided elsewhere */
        {"bad.test A | bad.test A 203.0.113.1", ""},
        {"a.test A | a.test A 203.0.113.1", ""},
        /* hops, with their numbers */
        {"a.test A | a.test CNAME bad.test", "!hop 1 bad.test sinkhole"},
        {"a.test A | b.test CNAME x.bad.test | a.test CNAME b.test",
         "!hop 2 x.bad.test sinkhole"},
        {"x.a.test A | a.test DNAME bad.test", "!hop 1 x.bad.test sinkhole"},
        {"a.test CNAME | a.test CNAME bad.test", "!hop 1 bad.test sinkhole"},
        /* a passed hop lets through, and the hop behind it is decided by itself */
        {"a.test A | a.test CNAME good.bad.test", ""},
        {"a.test A | a.test CNAME good.bad.test | good.bad.test CNAME bad.test",
         "!hop 2 bad.test sinkhole"},
        /* the first block ends the walk */
        {"a.test A | a.test CNAME bad.test | bad.test CNAME y.bad.test",
         "!hop 1 bad.test sinkhole"},
        /* log, then block */
        {"a.test A | a.test CNAME quiet.test | quiet.test CNAME bad.test",
         "hop 1 quiet.test sinkhole; !hop 2 bad.test sinkhole"},
        {"a.test A | a.test CNAME watched.test", "hop 1 watched.test log"},
        /* the same rule twice is one hit */
        {"a.test A | a.test CNAME quiet.test | quiet.test CNAME x.quiet.test",
         "hop 1 quiet.test sinkhole"},
        /* rules that say the same are two all the same */
        {"a.test A | a.test CNAME quiet.test | quiet.test CNAME silent.test",
         "hop 1 quiet.test sinkhole; hop 2 silent.test sinkhole"},
        {"a.test A | a.test A 198.51.100.1 | a.test A 198.18.0.1 | a.test A 198.51.100.2",
         "address 0 a.test 198.51.100.1 sinkhole; address 0 a.test 198.18.0.1 sinkhole"},
        /* names that are off the chain do not count */
        {"a.test A | a.test A 203.0.113.1 | other.test CNAME bad.test", ""},

        /* SVCB and HTTPS: alias and service mode */
        {"a.test HTTPS | a.test HTTPS 0 bad.test", "!svcb 0 bad.test sinkhole"},
        {"a.test HTTPS | a.test HTTPS 1 x.bad.test", "!svcb 0 x.bad.test sinkhole"},
        {"a.test SVCB | a.test SVCB 1 .", ""}, /* the owner, which is decided */
        {"a.test SVCB | a.test SVCB 0 .", ""}, /* says: no service */
        {"a.test HTTPS | a.test CNAME b.test | b.test HTTPS 1 bad.test",
         "!svcb 1 bad.test sinkhole"},
        {"a.test HTTPS | other.test HTTPS 1 bad.test", ""}, /* off the chain */
        {"a.test HTTPS | a.test HTTPS 1 b.test | a.test HTTPS 2 bad.test",
         "!svcb 0 bad.test sinkhole"}, /* the second record */
        {"a.test A | a.test HTTPS 1 bad.test", "!svcb 0 bad.test sinkhole"}, /* unasked */
        /* a hop comes before a target, whatever the order of records */
        {"a.test HTTPS | b.test HTTPS 1 bad.test | b.test CNAME bad.test | a.test CNAME b.test",
         "!hop 2 bad.test sinkhole"},

        /* addresses */
        {"a.test A | a.test A 192.0.2.7", "!address 0 a.test 192.0.2.7 sinkhole"},
        {"a.test AAAA | a.test AAAA 2001:db8:bad::1",
         "!address 0 a.test 2001:db8:bad::1 sinkhole"},
        {"a.test AAAA | a.test AAAA ::ffff:192.0.2.7",
         "!address 0 a.test ::ffff:192.0.2.7 sinkhole"},
        {"a.test A | a.test CNAME b.test | b.test A 192.0.2.7",
         "!address 1 b.test 192.0.2.7 sinkhole"},
        {"a.test A | a.test A 203.0.113.1 | a.test A 192.0.2.7",
         "!address 0 a.test 192.0.2.7 sinkhole"},
        {"a.test A | a.test A 198.51.100.1 | a.test A 192.0.2.7",
         "address 0 a.test 198.51.100.1 sinkhole; !address 0 a.test 192.0.2.7 sinkhole"},
        {"a.test A | other.test A 192.0.2.7", ""},
        /* of name servers and of the additional section at large */
        {"a.test A | a.test A 203.0.113.1 | -test NS ns.test | +ns.test A 192.0.2.7", ""},
        /* but of the chain there, too */
        {"a.test MX | +a.test A 192.0.2.7", "!address 0 a.test 192.0.2.7 sinkhole"},

        /* hints */
        {"a.test HTTPS | a.test HTTPS 1 . 203.0.113.1,192.0.2.7",
         "!address 0 a.test 192.0.2.7 sinkhole"},
        {"a.test HTTPS | a.test HTTPS 1 . 203.0.113.1;2001:db8::1,2001:db8:bad::2",
         "!address 0 a.test 2001:db8:bad::2 sinkhole"},
        /* a target comes before a hint */
        {"a.test HTTPS | a.test HTTPS 1 . 192.0.2.7 | a.test HTTPS 2 bad.test",
         "!svcb 0 bad.test sinkhole"},
        /* addresses of targets in the additional section */
        {"a.test HTTPS | a.test HTTPS 1 t.test | +t.test A 192.0.2.7",
         "!address 0 t.test 192.0.2.7 sinkhole"},
        {"a.test HTTPS | a.test HTTPS 1 t.test | +other.test A 192.0.2.7", ""},
        /* and what an alias leads to there */
        {"a.test HTTPS | a.test HTTPS 0 t.test | +t.test HTTPS 1 bad.test",
         "!svcb 0 bad.test sinkhole"},
        {"a.test HTTPS | a.test HTTPS 0 t.test | +u.test HTTPS 1 . 192.0.2.7 | "
         "+t.test HTTPS 0 u.test",
         "!address 0 u.test 192.0.2.7 sinkhole"},
        {"a.test HTTPS | a.test HTTPS 1 b.test | +t.test HTTPS 1 bad.test", ""},
        /* backwards: found in a second round */
        {"a.test HTTPS | a.test HTTPS 0 t.test | +u.test HTTPS 1 bad.test | "
         "+t.test HTTPS 0 u.test",
         "!svcb 0 bad.test sinkhole"},
        /* the authority section holds no answers */
        {"a.test A | a.test A 203.0.113.1 | -a.test A 192.0.2.7", ""},
    };
    struct policy *policy = policy_of(ON, QUIET);
    static struct policy_chain chain;
    static struct message message;

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        struct policy_hits hits = {.count = 0};
        uint8_t block = 0xff;
        char words[2048];

        message_of(cases[i].message, &message);
        assert_int_equal(policy_chain_follow(&message.view, &chain), POLICY_CHAIN_OK);
        const bool blocked =
            policy_decide_answer(policy, 0, &message.view, &chain, &hits, &block);
        assert_true(!blocked || block == hits.count - 1);
        words_of(&hits, blocked, block, words);
        if (strcmp(words, cases[i].wanted) != 0) {
            fail_msg("case %zu \"%s\": \"%s\"", i, cases[i].message, words);
        }
    }
    policy_destroy(policy);
}

static void more_targets_than_are_remembered_do_not_hide_an_address(void **state)
{
    struct policy *policy = policy_of(ON, QUIET);
    struct policy_hits hits = {.count = 0};
    static struct policy_chain chain;
    static struct message message;
    char text[2048] = "a.test HTTPS";
    uint8_t block = 0;

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        sprintf(text + strlen(text), " | a.test HTTPS %u t%u.test", i + 1, i);
    }
    strcat(text, " | +t19.test A 192.0.2.1");
    message_of(text, &message);
    assert_int_equal(policy_chain_follow(&message.view, &chain), POLICY_CHAIN_OK);
    assert_true(policy_decide_answer(policy, 0, &message.view, &chain, &hits, &block));
    assert_int_equal(hits.at[block].trigger, POLICY_TRIGGER_ADDRESS);
    policy_destroy(policy);
}

static void a_target_counts_where_the_rest_of_its_record_is_malformed(void **state)
{
    struct policy *policy = policy_of(ON, QUIET);
    struct policy_hits hits = {.count = 0};
    static struct policy_chain chain;
    static struct message message;
    uint8_t block = 0;

    (void)state;
    message_of("a.test HTTPS | a.test HTTPS 1 bad.test 203.0.113.1", &message);
    /* The length of the hint list, which is the record's last six octets. */
    message.octets[message.view.len - 5] = 99;
    assert_int_equal(policy_chain_follow(&message.view, &chain), POLICY_CHAIN_OK);
    assert_true(policy_decide_answer(policy, 0, &message.view, &chain, &hits, &block));
    assert_int_equal(hits.at[block].trigger, POLICY_TRIGGER_SVCB);
    policy_destroy(policy);
}

static void a_block_finds_its_place_among_many_hits(void **state)
{
    struct policy *policy =
        policy_of("block suffix bad.test",
                  "block suffix l1.test;block suffix l2.test;block suffix l3.test;"
                  "block suffix l4.test;block suffix l5.test");
    struct policy_hits hits = {.count = 0};
    static struct policy_chain chain;
    static struct message message;
    uint8_t block = 0;

    (void)state;
    message_of(
        "a.test A | a.test CNAME l1.test | l1.test CNAME l2.test | l2.test CNAME l3.test | "
        "l3.test CNAME l4.test | l4.test CNAME l5.test | l5.test CNAME bad.test",
        &message);
    assert_int_equal(policy_chain_follow(&message.view, &chain), POLICY_CHAIN_OK);
    assert_true(policy_decide_answer(policy, 0, &message.view, &chain, &hits, &block));
    assert_int_equal(hits.count, POLICY_HITS_MAX);
    assert_int_equal(block, POLICY_HITS_MAX - 1);
    assert_int_equal(hits.at[block].hop, 6);
    assert_int_equal(hits.at[0].hop, 1);
    assert_true(hits.more);
    /* Without a block its place stays free. */
    struct policy_hits logs = {.count = 0};
    chain.count--;
    assert_false(policy_decide_answer(policy, 0, &message.view, &chain, &logs, &block));
    assert_int_equal(logs.count, POLICY_HITS_MAX - 1);
    assert_true(logs.more);
    policy_destroy(policy);
}

static void what_stands_behind_a_truncate_is_seen_over_tcp(void **state)
{
    static const char *const messages[] = {
        "a.test A | a.test CNAME tc.test | tc.test CNAME bad.test", /* a hop behind a hop */
        "a.test HTTPS | a.test HTTPS 1 tc.test | a.test HTTPS 2 bad.test", /* a target */
        "a.test A | a.test CNAME tc.test | tc.test A 192.0.2.1",           /* an address */
    };
    struct policy *policy = policy_of(
        "block suffix bad.test;block suffix tc.test action=truncate;block prefix 192.0.2.0/24",
        QUIET);
    static struct policy_chain chain;
    static struct message message;

    (void)state;
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        struct policy_hits over_udp = {.count = 0};
        struct policy_hits over_tcp = {.truncate_passes = true};
        uint8_t block = 0;

        message_of(messages[i], &message);
        assert_int_equal(policy_chain_follow(&message.view, &chain), POLICY_CHAIN_OK);
        assert_true(policy_decide_answer(policy, 0, &message.view, &chain, &over_udp, &block));
        assert_int_equal(over_udp.at[block].action, POLICY_ACTION_TRUNCATE);
        assert_true(policy_decide_answer(policy, 0, &message.view, &chain, &over_tcp, &block));
        assert_int_equal(over_tcp.at[block].action, POLICY_ACTION_SINKHOLE);
        assert_int_equal(over_tcp.count, 2); /* the truncate gives an event all the same */
    }
    policy_destroy(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_are_followed_in_any_order),
        cmocka_unit_test(a_chain_has_at_most_11_hops),
        cmocka_unit_test(a_dname_that_makes_a_name_too_long_is_malformed),
        cmocka_unit_test(a_message_that_is_cut_is_malformed),
        cmocka_unit_test(every_trigger_of_an_answer_is_decided_in_order),
        cmocka_unit_test(more_targets_than_are_remembered_do_not_hide_an_address),
        cmocka_unit_test(a_target_counts_where_the_rest_of_its_record_is_malformed),
        cmocka_unit_test(a_block_finds_its_place_among_many_hits),
        cmocka_unit_test(what_stands_behind_a_truncate_is_seen_over_tcp),
    };
    return cmocka_run_group_tests_name("policy/answer", tests, NULL, NULL);
}
