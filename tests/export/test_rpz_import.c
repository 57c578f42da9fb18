/*
 * export/rpz_import: what a response policy zone comes to as a list; what is refused, with its
 * line; and that a zone which we wrote comes back as the policy that it was made of.
 */
#include "../policy/make.h"

#include "base/error.h"
#include "export/formats.h"
#include "export/limits.h"
#include "export/rpz.h"
#include "export/rpz_import.h"

#define SOA "$TTL 60\n@ SOA localhost. root.localhost. 42 3600 600 86400 60\n"

struct told {
    char text[8192];
    size_t used;
};

static void tell(void *arg, enum export_rpz_tell what, uint32_t line, const char *words)
{
    struct told *told = arg;

    told->used += (size_t)snprintf(told->text + told->used, sizeof(told->text) - told->used,
                                   "%d:%u: %s\n", (int)what, line, words);
    assert_true(told->used < sizeof(told->text));
}

static struct export_rpz_import import_of(struct told *told)
{
    memset(told, 0, sizeof(*told));
    return (struct export_rpz_import){
        .file = "zone",
        .id = "imp",
        .provider = "imp The Importer",
        .created = "2026-01-02T03:04:05Z",
        .expires = "2027-02-06T03:04:05Z",
        .category = "imported",
        .scope = "cloud",
        .confidence = "medium",
        .tell = tell,
        .arg = told,
    };
}

static int run(struct export_rpz_import *import, const char *zone, size_t len,
               struct report *report, char **list)
{
    size_t list_len = 0;
    FILE *out = open_memstream(list, &list_len);

    assert_non_null(out);
    const int rc = export_rpz_import(import, zone, len, report, out);
    fclose(out);
    return rc;
}

/* Records after the SOA; what the list must and must not have (whole beginnings of rules), and
 * what must be told. */
struct row {
    const char *zone;
    const char *has[4];
    size_t rules;
    const char *told;
};

static const struct row table[] = {
    /* --- the six actions --- */
    {"nx.example CNAME .", {"block exact nx.example ... action=nxdomain"}, 1, NULL},
    {"nx.example CNAME *.", {"block exact nx.example ... action=nodata"}, 1, NULL},
    {"p.example CNAME rpz-passthru.", {"pass exact p.example ... ends=chain"}, 1, NULL},
    {"d.example CNAME rpz-drop.", {"block exact d.example ... action=drop"}, 1, NULL},
    {"t.example CNAME rpz-tcp-only.", {"block exact t.example ... action=truncate"}, 1, NULL},
    {"s.example A 0.0.0.0", {"block exact s.example ... action=sinkhole"}, 1, NULL},
    {"s.example A 0.0.0.0\ns.example AAAA ::",
     {"block exact s.example ... action=sinkhole"},
     1,
     NULL},
    {"r.example CNAME walled.example.",
     {"block exact r.example ... action=redirect:walled.example "},
     1,
     NULL},
    {"*.r.example CNAME *.walled.example.",
     {"block below r.example ... action=redirect:*.walled.example "},
     1,
     NULL},
    /* PASSTHRU as it was said before there was a word for it */
    {"p.example CNAME p.example.", {"pass exact p.example ... ends=chain"}, 1, NULL},
    /* letter case does not matter */
    {"NX.Example CNAME RPZ-Drop.", {"block exact nx.example ... action=drop"}, 1, NULL},

    /* --- names and wildcards --- */
    {"n.example CNAME .\n*.n.example CNAME .",
     {"block suffix n.example ... action=nxdomain"},
     1,
     NULL},
    {"n.example CNAME .\n*.n.example CNAME *.",
     {"block exact n.example ... action=nxdomain", "block below n.example ... action=nodata"},
     2,
     NULL},
    /* a name that exists is not covered, nor what is below it (RFC 4592) */
    {"*.n.example CNAME .\nx.n.example CNAME *.",
     {"block below n.example ", "block exact x.n.example ", "pass below x.n.example "},
     3,
     "2:4: pass below x.n.example"},
    {"*.n.example CNAME .\na.b.n.example CNAME *.",
     {"block below n.example ", "pass suffix b.n.example ", "block exact a.b.n.example "},
     3,
     "2:4: pass suffix b.n.example"},
    {"*.n.example CNAME .\n*.x.n.example CNAME *.",
     {"block below n.example ", "pass exact x.n.example ", "block below x.n.example "},
     3,
     NULL},
    /* what is left out below a wildcard is let through, not blocked */
    {"*.n.example CNAME .\nx.n.example A 10.0.0.1",
     {"block below n.example ", "pass suffix x.n.example "},
     2,
     "0:4: x.n.example: local data"},
    {"*.n.example CNAME .\n\\001.x.n.example CNAME .",
     {"block below n.example ", "pass suffix x.n.example "},
     2,
     "octets"},
    {"*.n.example CNAME .\n*.x.n.example TXT no",
     {"pass suffix x.n.example "},
     2,
     "local data"},
    /* a wildcard that lets through covers nothing that is blocked */
    {"*.n.example CNAME rpz-passthru.\nx.n.example CNAME .",
     {"pass below n.example ", "block exact x.n.example "},
     2,
     NULL},

    /* --- the other triggers --- */
    {"24.0.2.0.192.rpz-ip CNAME .", {"block prefix 192.0.2.0/24 ... action=nxdomain"}, 1, NULL},
    {"128.1.zz.db8.2001.rpz-ip CNAME *.", {"block prefix 2001:db8::1/128 "}, 1, NULL},
    {"48.0.0.0.0.0.2.db8.2001.rpz-ip CNAME *.", {"block prefix 2001:db8:2::/48 "}, 1, NULL},
    {"32.1.2.0.192.rpz-ip CNAME rpz-passthru.",
     {"pass prefix 192.0.2.1/32 ... ends=chain"},
     1,
     NULL},
    {"24.0.2.0.192.rpz-ip CNAME .\n32.1.2.0.192.rpz-ip A 10.0.0.1",
     {"block prefix 192.0.2.0/24 ", "pass prefix 192.0.2.1/32 "},
     2,
     "0:4: 32.1.2.0.192.rpz-ip"},
    {"32.1.0.0.10.rpz-client-ip CNAME rpz-drop.",
     {"block prefix 10.0.0.1/32 ... action=drop trigger=client "},
     1,
     NULL},
    {"32.1.0.0.10.rpz-client-ip CNAME rpz-passthru.",
     {"pass prefix 10.0.0.1/32 ... trigger=client ends=chain "},
     1,
     NULL},
    {"7.zz.fc00.rpz-client-ip CNAME rpz-tcp-only.",
     {"block prefix fc00::/7 ... action=truncate trigger=client "},
     1,
     NULL},
    {"7.zz.fc00.rpz-nsip CNAME .", {NULL}, 0, "a prefix that a list cannot have"},
    {"4.0.0.0.16.rpz-client-ip CNAME .", {NULL}, 0, "shorter than /8"},
    {"ns.example.rpz-nsdname CNAME .",
     {"block exact ns.example ... action=nxdomain trigger=nameserver "},
     1,
     NULL},
    {"ns.example.rpz-nsdname CNAME .\n*.ns.example.rpz-nsdname CNAME .",
     {"block suffix ns.example ... action=nxdomain trigger=nameserver "},
     1,
     NULL},
    /* what leads to itself is no PASSTHRU here: it is another name */
    {"ns.example.rpz-nsdname CNAME ns.example.",
     {"block exact ns.example ... action=redirect:ns.example trigger=nameserver "},
     1,
     NULL},
    {"rpz-nsdname CNAME .", {NULL}, 0, "no name of a name server"},
    {"com.rpz-nsdname CNAME .", {NULL}, 0, "a whole top-level domain"},
    {"24.0.2.0.192.rpz-nsip CNAME *.",
     {"block prefix 192.0.2.0/24 ... action=nodata trigger=nameserver "},
     1,
     NULL},
    /* one name or prefix in each of them: none covers the other */
    {"*.n.example CNAME .\nx.n.example.rpz-nsdname CNAME *.",
     {"block below n.example ", "block exact x.n.example ... trigger=nameserver "},
     2,
     NULL},
    {"24.0.2.0.192.rpz-ip CNAME .\n32.1.2.0.192.rpz-nsip CNAME *.\n"
     "16.0.0.0.192.rpz-client-ip CNAME .",
     {"block prefix 192.0.2.0/24 ... action=nxdomain evidence",
      "block prefix 192.0.2.1/32 ... trigger=nameserver ",
      "block prefix 192.0.0.0/16 ... trigger=client "},
     3,
     NULL},
    /* within one, what a wildcard does not cover is let through by it, and ends no chain */
    {"*.ns.example.rpz-nsdname CNAME .\na.b.ns.example.rpz-nsdname CNAME *.",
     {"block below ns.example ", "pass suffix b.ns.example ... trigger=nameserver evidence",
      "block exact a.b.ns.example "},
     3,
     "2:4: pass suffix b.ns.example trigger=nameserver"},

    /* --- what a list cannot say, by line --- */
    {"com CNAME .", {NULL}, 0, "0:3: com: a whole top-level domain"},
    {"*.com CNAME .", {NULL}, 0, "0:3: *.com: a whole top-level domain"},
    {"* CNAME .", {NULL}, 0, "0:3: *: a whole top-level domain, all names"},
    {"1.2.3.4 CNAME .", {NULL}, 0, "an address as a name"},
    {"n.example A 10.0.0.1", {NULL}, 0, "0:3: n.example: local data"},
    {"n.example AAAA 2001:db8::1", {NULL}, 0, "local data"},
    {"n.example TXT blocked", {NULL}, 0, "local data"},
    {"n.example A 0.0.0.0\nn.example TXT why", {NULL}, 0, "local data"},
    {"n.example A 0.0.0.0\nn.example A 10.0.0.1", {NULL}, 0, "local data"},
    {"n.example CNAME rpz-unknown.", {NULL}, 0, "an unknown action"},
    {"n.example CNAME localhost.", {NULL}, 0, "a name that a list cannot have"},
    {"n.example CNAME b\\@d.example.", {NULL}, 0, "a name that a list cannot have"},
    {"n.example CNAME .\nn.example CNAME *.", {NULL}, 0, "more than one CNAME"},
    {"n.example CNAME .\nn.example A 10.0.0.1", {NULL}, 0, "a CNAME beside other data"},
    {"n\\000.example CNAME .", {NULL}, 0, "octets that a list cannot have"},
    {"a.*.example CNAME .", {NULL}, 0, "octets that a list cannot have"},
    {"24.1.2.0.192.rpz-ip CNAME .", {NULL}, 0, "no prefix of addresses"}, /* host bits */
    {"33.1.2.0.192.rpz-ip CNAME .", {NULL}, 0, "no prefix of addresses"},
    {"24.256.2.0.192.rpz-ip CNAME .", {NULL}, 0, "no prefix of addresses"},
    {"24.2.0.192.rpz-ip CNAME .", {NULL}, 0, "no prefix of addresses"},
    {"x.0.2.0.192.rpz-ip CNAME .", {NULL}, 0, "no prefix of addresses"},
    {"-1.0.2.0.192.rpz-ip CNAME .", {NULL}, 0, "no prefix of addresses"},
    {"rpz-ip CNAME .", {NULL}, 0, "no prefix of addresses"},
    {"24.rpz-ip CNAME .", {NULL}, 0, "no prefix of addresses"},
    {"32.zz.1.zz.2001.rpz-ip CNAME .", {NULL}, 0, "no prefix of addresses"},
    {"128.zz.1.2.3.4.5.6.7.2001.rpz-ip CNAME .", {NULL}, 0, "no prefix of addresses"},
    {"32.10000.zz.2001.rpz-ip CNAME .", {NULL}, 0, "no prefix of addresses"},
    {"129.1.zz.2001.rpz-ip CNAME .", {NULL}, 0, "no prefix of addresses"},
    {"7.0.0.0.2.rpz-ip CNAME .", {NULL}, 0, "shorter than /8"},
    {"0.0.0.0.0.rpz-ip CNAME .", {NULL}, 0, "shorter than /8"},
    {"15.zz.2000.rpz-ip CNAME .", {NULL}, 0, "shorter than /8 or /16"},
    {"128.1.0.ffff.zz.rpz-ip CNAME .", {NULL}, 0, "IPv4 within IPv6"},
    {"24.0.2.0.192.rpz-ip A 10.0.0.1", {NULL}, 0, "local data"},

    /* --- what is no policy --- */
    {"@ NS localhost.\n@ TXT \"a zone; of ours\"", {NULL}, 0, "3:4: "},
    {"n.example CNAME .\nn.example CNAME .", {"block exact n.example "}, 1, NULL},
    {"$ORIGIN sub.rpz.invalid.\nn CNAME .", {"block exact n.sub "}, 1, NULL},
    {"n.example ( CNAME ; a comment ) \n . )", {"block exact n.example "}, 1, NULL},
    {"n.example CNAME .\n CNAME .", {"block exact n.example "}, 1, NULL},
    {"n.example 300 IN CNAME .\r\nm.example IN CNAME .\r", {"block exact m.example "}, 2, NULL},
};

/* "BEGINNING ... WORD": a line begins with the one and has the other. */
static bool has_rule(const char *list, const char *rule)
{
    const char *dots = strstr(rule, " ... ");
    const size_t begin = dots == NULL ? strlen(rule) : (size_t)(dots - rule) + 1;

    for (const char *line = list; line != NULL && *line != '\0';
         line = strchr(line, '\n') == NULL ? NULL : strchr(line, '\n') + 1) {
        const size_t len = strcspn(line, "\n");

        if (strncmp(line, rule, begin) == 0 &&
            (dots == NULL || memmem(line, len, dots + 5, strlen(dots + 5)) != NULL)) {
            return true;
        }
    }
    return false;
}

static void each_record_comes_to_what_it_means(void **state)
{
    (void)state;
    for (size_t i = 0; i < ITEMS(table); i++) {
        static struct told told;
        struct export_rpz_import import = import_of(&told);
        struct report report;
        char zone[1024];
        char *list = NULL;
        const int len = snprintf(zone, sizeof(zone), "%s%s\n", SOA, table[i].zone);

        report_init(&report);
        const int rc = run(&import, zone, (size_t)len, &report, &list);
        if (rc != 0) {
            report_print(&report, stderr);
            fail_msg("row %zu (%s) is refused", i, table[i].zone);
        }
        for (size_t k = 0; k < ITEMS(table[i].has) && table[i].has[k] != NULL; k++) {
            if (!has_rule(list, table[i].has[k])) {
                fail_msg("row %zu (%s) lacks %s:\n%s", i, table[i].zone, table[i].has[k], list);
            }
        }
        if (import.rules != table[i].rules) {
            fail_msg("row %zu (%s) comes to %zu rules:\n%s", i, table[i].zone, import.rules,
                     list);
        }
        if (table[i].told != NULL && strstr(told.text, table[i].told) == NULL) {
            fail_msg("row %zu (%s) does not tell %s but %s", i, table[i].zone, table[i].told,
                     told.text);
        }
        if (table[i].told == NULL &&
            import.told[EXPORT_RPZ_LEFT_OUT] + import.told[EXPORT_RPZ_PARTLY] != 0) {
            fail_msg("row %zu (%s) tells %s", i, table[i].zone, told.text);
        }
        report_deinit(&report);
        free(list);
    }
}

/* Zones that are refused whole; words and line of the first fault. */
static const struct {
    const char *zone, *fault;
} refusals[] = {
    {"", "there is no SOA"},
    {"; nothing\n", "there is no SOA"},
    {"n.example CNAME .\n", "zone:1: the first record of a zone is its SOA"},
    {"$INCLUDE /etc/passwd\n", "zone:1: only $ORIGIN NAME and $TTL N are read"},
    {"$GENERATE 1-9 a$ CNAME .\n", "zone:1: only $ORIGIN"},
    {SOA "$ORIGIN relative\n", "zone:3: $ORIGIN takes a whole name"},
    {SOA "$ORIGIN\n", "zone:3: only $ORIGIN"},
    {SOA "$TTL 1 2\n", "zone:3: only $ORIGIN"},
    {SOA SOA, "zone:4: a second SOA"},
    {SOA "n.example CNAME\n", "zone:3: the record cannot be read"},
    {SOA "n.example NOTATYPE .\n", "zone:3: the record cannot be read"},
    {SOA "n.example A 1.2.3\n", "zone:3: the record cannot be read"},
    {SOA "n..example CNAME .\n", "zone:3: the record cannot be read"},
    {SOA "n.example. CNAME .\n", "zone:3: the owner is not within the zone rpz.invalid"},
    {SOA "n.example CH CNAME .\n", "zone:3: "},
    {SOA "n.example CNAME ( .\n", "the text ends within a record"},
    {SOA "n.example CNAME ( ( . ) )\n", "zone:3: parentheses within"},
    {SOA "n.example CNAME . )\n", "zone:3: a parenthesis is closed"},
    {SOA "n.example TXT \"open\n", "zone:3: a quoted string does not end"},
    {SOA "n.example TXT \"open", "the text ends within a record"},
    {SOA "n\x01.example CNAME .\n", "zone:3: an octet that is not printable"},
    {SOA "n\xc3\xa9.example CNAME .\n", "zone:3: an octet that is not printable"},
    {SOA "n.example CNAME .\\", "zone:3: nothing follows the backslash"},
    {SOA "n.example CNAME \\\n", "zone:3: nothing follows the backslash"},
    {SOA "\n; x\n\nn.example CNAME\n", "zone:6: the record cannot be read"},
    {"@ SOA localhost. root.localhost. 0 1 1 1 1\nn.example CNAME .\n", "serial"},
};

static void faulty_zones_are_refused_by_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < ITEMS(refusals); i++) {
        static struct told told;
        struct export_rpz_import import = import_of(&told);
        struct report report;
        char *list = NULL;

        report_init(&report);
        const int rc = run(&import, refusals[i].zone, strlen(refusals[i].zone), &report, &list);
        if (rc != CORDON_E_REFUSED || report.count == 0) {
            fail_msg("row %zu is not refused: %d", i, rc);
        }
        if (strstr(report.entries[0].text, refusals[i].fault) == NULL) {
            fail_msg("row %zu says %s, not %s", i, report.entries[0].text, refusals[i].fault);
        }
        assert_int_equal(strlen(list), 0);
        report_deinit(&report);
        free(list);
    }
}

static void words_for_the_list_are_held_to_its_format(void **state)
{
    static struct told told;
    struct report report;
    const char *zone = SOA "n.example CNAME .\n";

    (void)state;
    for (int i = 0; i < 6; i++) {
        struct export_rpz_import import = import_of(&told);
        char *list = NULL;

        switch (i) {
        case 0:
            import.id = "No Id";
            break;
        case 1:
            import.provider = "nameless";
            break;
        case 2:
            import.title = "a\nlegal-requirement smuggled";
            break;
        case 3:
            import.scope = "everything";
            break;
        case 4:
            import.expires = import.created;
            break;
        default:
            import.serial = "4294967296";
            break;
        }
        report_init(&report);
        assert_int_equal(run(&import, zone, strlen(zone), &report, &list), CORDON_E_REFUSED);
        assert_true(report.errors > 0);
        report_deinit(&report);
        free(list);
    }
}

static void what_is_too_long_is_refused(void **state)
{
    static struct told told;
    struct export_rpz_import import = import_of(&told);
    const size_t len = EXPORT_RPZ_RECORD_MAX + 100;
    char *zone = malloc(len + sizeof(SOA));
    char *list = NULL;
    struct report report;

    (void)state;
    assert_non_null(zone);
    memcpy(zone, SOA, sizeof(SOA) - 1);
    memset(zone + sizeof(SOA) - 1, 'a', len);
    report_init(&report);
    assert_int_equal(run(&import, zone, len + sizeof(SOA) - 1, &report, &list),
                     CORDON_E_REFUSED);
    assert_non_null(strstr(report.entries[0].text, "zone:3: the record is too long"));
    report_deinit(&report);
    free(list);
    list = NULL;
    report_init(&report);
    assert_int_equal(run(&import, zone, (size_t)EXPORT_RPZ_OCTETS_MAX + 1, &report, &list),
                     CORDON_E_TOO_LARGE);
    report_deinit(&report);
    free(list);
    free(zone);
}

static void the_telling_of_faults_ends(void **state)
{
    static struct told told;
    struct export_rpz_import import = import_of(&told);
    struct report report;
    char *list = NULL, *zone = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&zone, &len);

    (void)state;
    fputs(SOA, out);
    for (unsigned i = 0; i < EXPORT_RPZ_FAULTS_MAX + 10; i++) {
        fputs("n.example CNAME\n", out);
    }
    fclose(out);
    report_init(&report);
    assert_int_equal(run(&import, zone, len, &report, &list), CORDON_E_REFUSED);
    assert_int_equal(report.errors, EXPORT_RPZ_FAULTS_MAX);
    report_deinit(&report);
    free(list);
    free(zone);
}

/* --- there and back --- */

static struct policy *policy_of(struct policy_list *const *lists, size_t count)
{
    static const char *const ids[] = {"a", "b", "imp"};
    const struct policy_list *at[2] = {lists[0], count > 1 ? lists[1] : NULL};
    struct policy_list_setting settings[2];
    struct policy_view_setting view = {
        .name = "default", .action = POLICY_ACTION_SINKHOLE, .lists = settings};
    struct policy *policy = NULL;

    view.list_count = count;
    for (size_t i = 0; i < count; i++) {
        settings[i] =
            (struct policy_list_setting){strcmp(lists[i]->id, "imp") == 0 ? ids[2] : ids[i],
                                         POLICY_MODE_ENFORCE, POLICY_ACTION_DEFAULT};
    }
    assert_int_equal(policy_create(image_of(at, count), &view, 1, 1, NULL, &policy), 0);
    return policy;
}

static void decide(const struct policy *policy, const char *text, char out[64])
{
    const struct wire_name name = name_of(text);
    struct policy_outcome outcome;

    policy_decide_question(policy, 0, &name, &outcome);
    if (!policy_outcome_blocks(&outcome)) {
        snprintf(out, 64, "-");
        return;
    }
    enum policy_action action = (enum policy_action)outcome.hit.action;
    if (action == POLICY_ACTION_REFUSED ||
        (action == POLICY_ACTION_NXDOMAIN && policy_passes_below(policy, 0, &name))) {
        action = POLICY_ACTION_NODATA;
    }
    snprintf(out, 64, "%s", policy_action_name(action));
}

static void random_name(uint64_t *random, char *out, size_t size, size_t labels_max)
{
    static const char *const labels[] = {"p", "q", "not-p"};
    const size_t count = 1 + random_under(random, labels_max);
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(out + used, size - used, "%s.",
                                 labels[random_under(random, ITEMS(labels))]);
    }
    snprintf(out + used, size - used, "x");
}

/* Rules for different names, so that none stands twice. */
static void random_rules(uint64_t *random, char *out, size_t size)
{
    static const char *const words[][2] = {
        {"block suffix", ""},
        {"block suffix", " action=nxdomain"},
        {"block exact", " action=nodata"},
        {"block below", " action=drop"},
        {"block suffix", " action=redirect:led.test"},
        {"block exact", " action=truncate"},
        {"pass suffix", ""},
        {"pass exact", ""},
        {"pass below", ""},
        {"block suffix", " action=log"},
        {"block suffix", " action=refused"},
    };
    char names[10][100];
    const size_t count = random_under(random, ITEMS(names));
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        bool again = false;

        random_name(random, names[i], sizeof(names[i]), 4);
        for (size_t k = 0; k < i; k++) {
            again = again || strcmp(names[k], names[i]) == 0;
        }
        if (!again) {
            const size_t word = random_under(random, ITEMS(words));

            used += (size_t)snprintf(out + used, size - used, "%s%s %s%s", used > 0 ? ";" : "",
                                     words[word][0], names[i], words[word][1]);
        }
    }
}

static struct policy_list *import_zone(const char *zone, size_t len)
{
    static struct told told;
    struct export_rpz_import import = import_of(&told);
    struct policy_list *list = NULL;
    struct report report;
    char *text = NULL;

    import.tell = NULL;
    report_init(&report);
    assert_int_equal(run(&import, zone, len, &report, &text), 0);
    assert_int_equal(policy_list_parse(text, strlen(text), "imp", &report, &list), 0);
    report_deinit(&report);
    free(text);
    return list;
}

static void a_zone_of_ours_comes_back_as_the_policy_that_it_was(void **state)
{
    uint64_t random = 42;

    (void)state;
    for (int turn = 0; turn < 300; turn++) {
        char rules[2][2048];
        struct policy_list *lists[2];
        struct trust_verdict verdicts[2] = {{.count = 0}};
        struct export_source sources[2];
        struct export_set *set = NULL;
        struct export_job job = {.out = NULL};
        char name[200];
        char *zone = NULL;
        size_t len = 0;
        uint32_t serial = 0;

        for (size_t i = 0; i < 2; i++) {
            random_rules(&random, rules[i], sizeof(rules[i]));
            lists[i] = list_of(i == 0 ? "a" : "b", rules[i]);
            sources[i] = (struct export_source){lists[i], &verdicts[i]};
        }
        /* One list: its zone is all of it. */
        assert_int_equal(export_set_create(sources, 1, POLICY_ACTION_SINKHOLE, &set), 0);
        job.set = set;
        job.out = open_memstream(&zone, &len);
        assert_int_equal(export_rpz_zone(&job, 0, "a.rpz.test", &serial), 0);
        fclose(job.out);
        struct policy_list *back = import_zone(zone, len);
        struct policy *before = policy_of(lists, 1), *after = policy_of(&back, 1);
        for (int n = 0; n < 60; n++) {
            char was[64], is[64];

            random_name(&random, name, sizeof(name), 6);
            decide(before, name, was);
            decide(after, name, is);
            if (strcmp(was, is) != 0) {
                fail_msg("%s was %s and is %s: %s\n%s", name, was, is, rules[0], zone);
            }
        }
        policy_destroy(before);
        policy_destroy(after);
        policy_list_free(back);
        export_set_destroy(set);
        free(zone);
        policy_list_free(lists[0]);
        policy_list_free(lists[1]);
    }
}

/* Rules about clients and name servers stand in the zone as such, and come back; formats that
 * know names alone leave them out, and say so. */
static void rules_about_clients_and_name_servers_come_back(void **state)
{
    static const char rules[] =
        "block suffix a.example;block prefix 10.0.0.0/8 action=drop trigger=client;"
        "pass prefix 10.1.0.0/16 trigger=client ends=chain;pass prefix 10.2.0.0/16 "
        "trigger=client;"
        "block suffix ns.example trigger=nameserver;"
        "pass exact ok.ns.example trigger=nameserver ends=chain;"
        "block prefix 2001:db8::/32 action=nodata trigger=nameserver;"
        "pass prefix 192.0.2.0/24 trigger=nameserver";
    static const char *const has[] = {
        "\na.example A 0.0.0.0",
        "\n8.0.0.0.10.rpz-client-ip CNAME rpz-drop.",
        "\n16.0.0.1.10.rpz-client-ip CNAME rpz-passthru.",
        "\nns.example.rpz-nsdname A 0.0.0.0",
        "\n*.ns.example.rpz-nsdname A 0.0.0.0",
        "\nok.ns.example.rpz-nsdname CNAME rpz-passthru.",
        "\n32.zz.db8.2001.rpz-nsip CNAME *.",
    };
    static const char *const wanted[] = {
        "block suffix a.example",
        "block suffix ns.example trigger=nameserver",
        "pass exact ok.ns.example trigger=nameserver ends",
        "block prefix 10.0.0.0/8 trigger=client",
        "pass prefix 10.1.0.0/16 trigger=client ends",
        "block prefix 2001:db8::/32 trigger=nameserver",
    };
    struct trust_verdict verdict = {.count = 0};
    struct policy_list *list = list_of("a", rules);
    const struct export_source source = {list, &verdict};
    struct export_job job = {.out = NULL}, flat = {.out = NULL};
    struct export_set *set = NULL;
    char *zone = NULL, *hosts = NULL;
    size_t len = 0;
    uint32_t serial = 0;

    (void)state;
    assert_int_equal(export_set_create(&source, 1, POLICY_ACTION_SINKHOLE, &set), 0);
    job.set = flat.set = set;
    job.out = open_memstream(&zone, &len);
    assert_int_equal(export_rpz_zone(&job, 0, "a.rpz.test", &serial), 0);
    export_rpz_lose(&job);
    fclose(job.out);
    for (size_t i = 0; i < ITEMS(has); i++) {
        if (strstr(zone, has[i]) == NULL) {
            fail_msg("lacks%s in %s", has[i], zone);
        }
    }
    assert_int_equal(job.losses[EXPORT_LOSS_CHAIN],
                     1); /* PASSTHRU says more than 10.2.0.0/16 */
    struct policy_list *back = import_zone(zone, len);
    for (size_t i = 0; i < ITEMS(wanted); i++) {
        bool found = false;

        for (size_t k = 0; k < back->rule_count; k++) {
            const struct policy_list_rule *rule = &back->rules[k];
            const char *subject = policy_subject_name(rule->subject);
            char what[WIRE_NAME_TEXT_MAX], words[WIRE_NAME_TEXT_MAX + 64];

            if (rule->match == POLICY_MATCH_PREFIX) {
                address_prefix_format(&back->prefixes[rule->name], what);
            } else {
                struct wire_name name;
                size_t pos = rule->name;

                assert_int_equal(wire_name_read(back->names, back->names_len, &pos, &name),
                                 WIRE_OK);
                wire_name_to_text(&name, what);
            }
            snprintf(words, sizeof(words), "%s %s %s%s%s%s", policy_kind_name(rule->kind),
                     policy_match_name(rule->match), what, subject != NULL ? " trigger=" : "",
                     subject != NULL ? subject : "", rule->ends_chain ? " ends" : "");
            found = found || strcmp(words, wanted[i]) == 0;
        }
        if (!found) {
            fail_msg("lacks %s", wanted[i]);
        }
    }
    flat.out = open_memstream(&hosts, &len);
    assert_int_equal(export_hosts(&flat), 0);
    fclose(flat.out);
    assert_non_null(strstr(hosts, "a.example"));
    assert_null(strstr(hosts, "ns.example"));
    assert_int_equal(flat.losses[EXPORT_LOSS_TRIGGER], 3);
    assert_int_equal(flat.losses[EXPORT_LOSS_ADDRESS], 0);
    policy_list_free(back);
    policy_list_free(list);
    export_set_destroy(set);
    free(zone);
    free(hosts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_record_comes_to_what_it_means),
        cmocka_unit_test(faulty_zones_are_refused_by_line),
        cmocka_unit_test(words_for_the_list_are_held_to_its_format),
        cmocka_unit_test(what_is_too_long_is_refused),
        cmocka_unit_test(the_telling_of_faults_ends),
        cmocka_unit_test(a_zone_of_ours_comes_back_as_the_policy_that_it_was),
        cmocka_unit_test(rules_about_clients_and_name_servers_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
