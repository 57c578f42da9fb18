/* policy/list: what is accepted, and what is refused with which words at which place. */
#include "policy/make.h"

#include "base/error.h"
#include "base/file.h"

#include <dirent.h>

static const char full[] =
    "cordon-list 1\n"
    "# a comment, then an empty line\n"
    "\n"
    "id some-cloud\n"
    "title Names of Some Cloud\n"
    "provider some-cloud Some Cloud\n"
    "parent some-group Some Group Holding \xc3\xa9\n"
    "serial 2026112201\n"
    "created 2026-11-22T00:00:00Z\n"
    "expires 2027-12-27T00:00:00Z\n"
    "legal-requirement Some Act, section 7\n"
    "fact named-urged\n"
    "entity Some Cloud\n"
    "authority A committee\n"
    "state request\n"
    "checked 2026-08-22\n"
    "fact parent-designated\n"
    "entity Some Group Holding\n"
    "authority A ministry\n"
    "instrument A list\n"
    "citation 1 FR 2\n"
    "effective 2026-06-08\n"
    "published 2026-06-10\n"
    "state in-force\n"
    "checked 2026-08-22\n"
    "effect Names the company\n"
    "note One line\n"
    "rules\n"
    "block suffix cloud.example category=api scope=cloud confidence=high evidence=\"seen\"\n"
    "pass exact www.cloud.example category=web scope=corporate confidence=low "
    "evidence=\"say \\\"hi\\\" \\\\ \" note=\"a note\"\n"
    "block below cdn.example category=cdn scope=cdn confidence=medium "
    "action=redirect:*.walled.example evidence=\"seen\"\n"
    "\n"
    "# a comment between rules\n"
    "block exact _srv.x--y.example category=api scope=nameserver confidence=high action=log "
    "evidence=\"seen\"\n"
    "block prefix 192.0.2.0/24 category=net scope=consumer confidence=high "
    "action=redirect:walled.example evidence=\"seen\"\n"
    "block prefix 2001:db8::/32 category=net scope=cloud confidence=high evidence=\"seen\"\n"
    "end\n";

static int parse(const char *text, size_t len, struct report *report, struct policy_list **list)
{
    /* Exactly as long as the text: the sanitizer sees one octet too many. */
    char *exact = malloc(len > 0 ? len : 1);

    assert_non_null(exact);
    memcpy(exact, text, len);
    const int rc = policy_list_parse(exact, len, "l", report, list);
    free(exact);
    return rc;
}

static void all_that_a_list_says_is_read(void **state)
{
    struct policy_list *list = NULL;
    struct report report;

    (void)state;
    report_init(&report);
    assert_int_equal(parse(full, sizeof(full) - 1, &report, &list), 0);
    assert_int_equal(report.count, 0);
    report_deinit(&report);
    assert_string_equal(list->id, "some-cloud");
    assert_string_equal(list->title, "Names of Some Cloud");
    assert_string_equal(list->provider, "some-cloud");
    assert_string_equal(list->provider_name, "Some Cloud");
    assert_string_equal(list->parent, "some-group");
    assert_string_equal(list->parent_name, "Some Group Holding \xc3\xa9");
    assert_string_equal(list->legal_requirement, "Some Act, section 7");
    assert_int_equal(list->serial, 2026112201u);
    assert_int_equal(list->created_s, 1795305600);
    assert_int_equal(list->expires_s, 1829865600);
    assert_int_equal(list->fact_count, 2);
    assert_string_equal(list->facts[0].citation, "");
    assert_string_equal(list->facts[1].instrument, "A list");
    assert_string_equal(list->facts[1].effective, "2026-06-08");
    assert_string_equal(list->facts[1].note, "One line");
    assert_int_equal(policy_list_status(list)->class, POLICY_CLASS_PARENT_DESIGNATED);

    assert_int_equal(list->rule_count, 6);
    const struct policy_list_rule *rule = &list->rules[0];
    assert_int_equal(rule->kind, POLICY_BLOCK);
    assert_int_equal(rule->match, POLICY_MATCH_SUFFIX);
    assert_int_equal(rule->action, POLICY_ACTION_DEFAULT);
    assert_int_equal(rule->line, 29);
    assert_string_equal(rule->category, "api");
    assert_string_equal(rule->evidence, "seen");
    assert_string_equal(rule->note, "");
    assert_null(rule->redirect);
    assert_int_equal(rule->name_len, 15);
    assert_memory_equal(list->names + rule->name,
                        "\x05"
                        "cloud"
                        "\x07"
                        "example",
                        15);
    rule = &list->rules[1];
    assert_int_equal(rule->kind, POLICY_PASS);
    assert_int_equal(rule->scope, POLICY_SCOPE_CORPORATE);
    assert_int_equal(rule->confidence, POLICY_CONFIDENCE_LOW);
    assert_string_equal(rule->evidence, "say \"hi\" \\ ");
    assert_string_equal(rule->note, "a note");
    rule = &list->rules[2];
    assert_int_equal(rule->action, POLICY_ACTION_REDIRECT);
    assert_true(rule->redirect_prefixes);
    assert_string_equal(rule->redirect, "walled.example");
    assert_int_equal(list->rules[3].action, POLICY_ACTION_LOG);
    assert_int_equal(list->rules[3].line, 34);
    assert_int_equal(list->prefixes[list->rules[4].name].bits, 24);
    assert_int_equal(list->rules[4].name_len, 0);
    assert_false(list->rules[4].redirect_prefixes);
    assert_int_equal(list->prefixes[list->rules[5].name].family, ADDRESS_V6);
    policy_list_free(list);
    policy_list_free(NULL);
}

static void any_cut_of_a_list_is_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof(full) - 1; len++) {
        struct policy_list *list = NULL;

        if (parse(full, len, NULL, &list) != CORDON_E_REFUSED || list != NULL) {
            fail_msg("cut to %zu octets", len);
        }
    }
}

#define HEAD                                                 \
    "cordon-list 1\nid a\ntitle T\nprovider p P\nserial 1\n" \
    "created 2026-01-01T00:00:00Z\nexpires 2027-01-01T00:00:00Z\n" /* 7 lines */
#define FACT       "fact designated\nentity E\nauthority A\nstate in-force\nchecked 2026-01-01\n"
#define WORDS      " category=c scope=cloud confidence=high "
#define SEEN       "evidence=\"e\"\n"
#define RULE(rule) HEAD "rules\n" rule "end\n" /* the rule is in line 9 */
#define S50        "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcd"
#define S100       S50 S50
#define S500       S100 S100 S100 S100 S100

struct refusal {
    const char *text;
    const char *place; /* "LINE:COLUMN:" or "LINE:" as the first message has it */
    const char *words; /* of the message */
};

static const struct refusal file_refusals[] = {
    /* --- the file --- */
    {"", "1: ", "end"},
    {"\n", "1:1:", "cordon-list 1"},
    {"id a\n", "1:1:", "cordon-list 1"},
    {"\xef\xbb\xbf"
     "cordon-list 1\n",
     "1:1:", "cordon-list 1"}, /* a byte order mark */
    {"cordon-list 0\n", "1:1:", "cordon-list 1"},
    {"cordon-list 1 \n", "1:13:", "newer"}, /* "1 " is not the version 1 */
    {"cordon-list\n", "1:1:", "cordon-list 1"},
    {HEAD "rules\n", "9: ", "cut"},
    {HEAD "rules\nend", "9:4:", "LF"},
    {HEAD "end\n", "8:1:", "\"end\" without \"rules\""},
    {HEAD "rules\nend\n\n", "10:1:", "follows"},
    {HEAD "rules\nend\nend\n", "10:1:", "follows"},
    {HEAD "rules\nend\n# bye", "10:1:", "follows"},
    /* --- octets --- */
    {"cordon-list 1\r\nid a\r\n", "1:14:", "CR LF: lists use LF"},
    {"cordon-list 2\r\n", "1:14:", "CR LF: lists use LF"},
    {HEAD "rules\r\nend\n", "8:6:", "carriage return"},
    {HEAD "legal-requirement\tx\nrules\nend\n", "8:18:", "tab"},
    {HEAD "rules\n# \x01\nend\n", "9:3:", "control character 0x01"}, /* also in comments */
    {HEAD "rules\n# \x7f\nend\n", "9:3:", "control character 0x7f"},
    {HEAD "rules\n# \xc2\x85\nend\n", "9:3:", "control character 0x85"}, /* C1 */
    {HEAD "rules\n# \xff\nend\n", "9:3:", "UTF-8"},
    {HEAD "rules\n# \xc3\nend\n", "9:3:", "UTF-8"},             /* cut by the end of the line */
    {HEAD "rules\n# \xc0\xaf\nend\n", "9:3:", "UTF-8"},         /* overlong */
    {HEAD "rules\n# \xe0\x80\xaf\nend\n", "9:3:", "UTF-8"},     /* overlong */
    {HEAD "rules\n# \xed\xa0\x80\nend\n", "9:3:", "UTF-8"},     /* a surrogate */
    {HEAD "rules\n# \xf4\x90\x80\x80\nend\n", "9:3:", "UTF-8"}, /* above U+10FFFF */
    {HEAD "rules\n# \xe2\x82\x41\nend\n", "9:3:", "UTF-8"},     /* third octet is none */
    {HEAD "rules\n# caf\xe9\nend\n", "9:6:", "UTF-8"},          /* Latin-1 */
    {HEAD "legal-requirement \xff\nrules\nend\n", "8:19:", "UTF-8"},
    {HEAD FACT "note \xed\xa0\x80\nrules\nend\n", "13:6:", "UTF-8"},
    {RULE("block suffix a.example" WORDS "evidence=\"\x80\"\n"), "9:73:", "UTF-8"},
    /* --- what cannot be seen, or moves what can: in any text, and around each range --- */
    {"cordon-list 1\nid a\ntitle T\xe2\x80\xae\n", "3:8:", "U+202E"},
    {HEAD "parent p P\xe2\x80\x8b\nrules\nend\n", "8:11:", "U+200B"},
    {HEAD FACT "note a\xe2\x81\xa6z\nrules\nend\n", "13:7:", "U+2066"},
    {RULE("block suffix a.example" WORDS "evidence=\"e\xe2\x80\x8f\"\n"), "9:74:", "U+200F"},
    {RULE("block suffix a.example" WORDS "evidence=\"e\" note=\"\xe2\x80\xa8\"\n"),
     "9:82:", "U+2028"},
    {RULE("block suffix a\xc2\xad.example" WORDS SEEN), "9:15:", "U+00AD"},
    {HEAD "rules\n# \xc2\xad\nend\n", "9:3:", "U+00AD"}, /* soft hyphen */
    {HEAD "rules\n# \xd8\x9c\nend\n", "9:3:", "U+061C"}, /* Arabic letter mark */
    {HEAD "rules\n# \xe1\xa0\x8e\nend\n", "9:3:", "U+180E"},
    {HEAD "rules\n# \xe2\x80\x8b\nend\n", "9:3:", "U+200B"},
    {HEAD "rules\n# \xe2\x80\xa9\nend\n", "9:3:", "U+2029"},
    {HEAD "rules\n# \xe2\x80\xaa\nend\n", "9:3:", "U+202A"},
    {HEAD "rules\n# \xe2\x81\xa0\nend\n", "9:3:", "U+2060"},
    {HEAD "rules\n# \xe2\x81\xaf\nend\n", "9:3:", "U+206F"},
    {HEAD "rules\n# \xef\xbb\xbf\nend\n", "9:3:", "U+FEFF"}, /* byte order mark */
    {HEAD "rules\n# \xef\xbf\xb9\nend\n", "9:3:", "U+FFF9"},
    {HEAD "rules\n# \xf3\xa0\x80\xa0\nend\n", "9:3:", "U+E0020"}, /* tags */
    /* --- header --- */
    {HEAD "colour red\nrules\nend\n", "8:1:", "no header line"},
    {HEAD "id b\nrules\nend\n", "8:1:", "stands in line 2"},
    {HEAD " id b\nrules\nend\n", "8:1:", "begin with a space"},
    {HEAD "parent\nrules\nend\n", "8:7:", "no value"},
    {HEAD "parent \nrules\nend\n", "8:8:", "no value"},
    {HEAD "parent  p P\nrules\nend\n", "8:8:", "one space"},
    {HEAD "legal-requirement x \nrules\nend\n", "8:20:", "end of the line"},
    {HEAD "legal-requirement " S100 S100 "x\nrules\nend\n", "8:219:", "201 octets"},
    {HEAD "parent p\nrules\nend\n", "8:9:", "name in words"},
    {HEAD "parent P Q\nrules\nend\n", "8:8:", "a-z"},
    {HEAD "parent -p Q\nrules\nend\n", "8:8:", "a-z"},
    {"cordon-list 1\nid -a\n", "2:4:", "does not begin"},
    {"cordon-list 1\nid A\n", "2:4:", "a-z"},
    {"cordon-list 1\nid ../a\n", "2:4:", "a-z"},
    {"cordon-list 1\nid " S50 "0123456789abcde\n", "2:4:", "1 to 64"},
    {"cordon-list 1\nserial 0\n", "2:8:", "from 1"},
    {"cordon-list 1\nserial 4294967296\n", "2:8:", "4294967295"},
    {"cordon-list 1\nserial 99999999999\n", "2:18:", "4294967295"},
    {"cordon-list 1\nserial 007\n", "2:8:", "leading zeros"},
    {"cordon-list 1\nserial +7\n", "2:8:", "decimal"},
    {"cordon-list 1\nserial 7x\n", "2:9:", "decimal"},
    {"cordon-list 1\ncreated 2026-01-01\n", "2:9:", "YYYY-MM-DDTHH:MM:SSZ"},
    {"cordon-list 1\ncreated 2026-02-30T00:00:00Z\n", "2:9:", "not a time"},
    {"cordon-list 1\nexpires 2026-01-01T00:00:00+0\n", "2:9:", "not a time"},
    {"cordon-list 1\nrules\nend\n", "2: ", "\"id NAME\" is missing"},
    {"cordon-list 1\nid a\ntitle T\nprovider p P\nserial 1\ncreated 2026-01-01T00:00:00Z\n"
     "expires 2026-01-01T00:00:00Z\nrules\nend\n",
     "7: ", "not later"},
    /* --- facts --- */
    {HEAD "fact rumour\nentity E\nauthority A\nstate request\nchecked 2026-01-01\nrules\nend\n",
     "8:6:", "no class"},
    {HEAD "fact\nrules\nend\n", "8:5:", "no value"},
    {HEAD FACT "serial 2\nrules\nend\n", "13:1:", "above the first fact"},
    {HEAD FACT "entity F\nrules\nend\n", "13:1:", "stands in line 9"},
    {HEAD FACT "effective 2026\nrules\nend\n", "13:11:", "YYYY-MM-DD"},
    {HEAD FACT "published 2026-13-01\nrules\nend\n", "13:11:", "not a date"},
    {HEAD FACT "effective 2026-01-01T00:00:00Z\nrules\nend\n", "13:11:", "not a date"},
    {HEAD FACT "note " S500 "x\nrules\nend\n", "13:506:", "501 octets"},
    {HEAD FACT "fact designated\nentity E\nauthority A\nchecked 2026-01-01\nrules\nend\n",
     "13: ", "no \"state\""},
    {HEAD "fact designated\nentity E\nstate in-force\nchecked 2026-01-01\n" FACT "rules\nend\n",
     "8: ", "no \"authority\""},
    {HEAD
     "fact designated\nentity E\nauthority A\nstate maybe\nchecked 2026-01-01\nrules\nend\n",
     "11:7:", "no state"},
};

static const struct refusal rule_refusals[] = {
    /* --- kind, match, what --- */
    {RULE("deny suffix a.example" WORDS SEEN), "9:1:", "\"block\" or \"pass\""},
    {RULE("fact designated\n"), "9:1:", "\"block\" or \"pass\""},
    {RULE("block\n"), "9:6:", "\"suffix\""},
    {RULE("block \n"), "9:6:", "end of the line"},
    {RULE("block  suffix a.example" WORDS SEEN), "9:7:", "more than one space"},
    {RULE("block regex a.example" WORDS SEEN), "9:7:", "\"suffix\""},
    {RULE("block suffix\n"), "9:13:", "fewer than two labels"},
    {RULE("block suffix example" WORDS SEEN), "9:14:", "top-level"},
    {RULE("block suffix A.example" WORDS SEEN), "9:14:", "lower case"},
    {RULE("block suffix a.example." WORDS SEEN), "9:23:", "final dot"},
    {RULE("block suffix .example" WORDS SEEN), "9:14:", "empty label"},
    {RULE("block suffix a..example" WORDS SEEN), "9:16:", "empty label"},
    {RULE("block suffix *.a.example" WORDS SEEN), "9:14:", "no wildcards"},
    {RULE("block suffix \xc3\xa4.example" WORDS SEEN), "9:14:", "A-labels"},
    {RULE("block suffix a\\046b.example" WORDS SEEN), "9:15:", "only a-z"},
    {RULE("block suffix a/b.example" WORDS SEEN), "9:15:", "only a-z"},
    {RULE("block suffix " S50 "0123456789abcd.example" WORDS SEEN), "9:77:", "63 octets"},
    {RULE("block suffix " S50 "." S50 "." S50 "." S50 "." S50 WORDS SEEN),
     "9:14:", "253 octets"},
    {RULE("block suffix 192.0.2.1" WORDS SEEN), "9:14:", "an address"},
    {RULE("block prefix 192.0.2.1" WORDS SEEN), "9:23:", "has a length"},
    {RULE("block prefix 192.0.2.1/24" WORDS SEEN), "9:14:", "write 192.0.2.0/24"},
    {RULE("block prefix 192.0.2.0/33" WORDS SEEN), "9:24:", "up to 32"},
    {RULE("block prefix 192.0.2.0/" WORDS SEEN), "9:24:", "up to 32"},
    {RULE("block prefix 192.0.2.0/2x" WORDS SEEN), "9:24:", "up to 32"},
    {RULE("block prefix 2001:db8::/129" WORDS SEEN), "9:25:", "up to 128"},
    {RULE("block prefix a.example/24" WORDS SEEN), "9:14:", "not an address"},
    {RULE("block prefix fe80::%1/64" WORDS SEEN), "9:14:", "an address"},
    {RULE("block prefix 10.0.0.0/7" WORDS SEEN), "9:14:", "shorter than /8"},
    {RULE("block prefix 10.0.0.0/6" WORDS SEEN), "9:14:", "write 8.0.0.0/6"},
    {RULE("block prefix 0.0.0.0/0" WORDS SEEN), "9:14:", "too much"},
    {RULE("block prefix 2000::/15" WORDS SEEN), "9:14:", "shorter than /16"},
    {RULE("block prefix ::ffff:192.0.2.0/120" WORDS SEEN), "9:14:", "IPv4 prefix"},
    /* --- whole public suffixes --- */
    {RULE("block exact a.example category=c scope=cloud confidence=high evidence=\"e\" "
          "public-suffix=\"why\"\n"),
     "9:75:", "only a suffix or below rule"},
    {RULE("block prefix 192.0.2.0/24 category=c scope=cloud confidence=high evidence=\"e\" "
          "public-suffix=\"why\"\n"),
     "9:79:", "only a suffix or below rule"},
    {RULE("block suffix a.example category=c scope=cloud confidence=high evidence=\"e\" "
          "public-suffix=\"\"\n"),
     "9:91:", "say something"},
    {RULE("block suffix a.example category=c scope=cloud confidence=high evidence=\"e\" "
          "public-suffix=\"why\" note=\"n\"\n"),
     "9:96:", "in this order, once"},
    {RULE("block suffix a.example category=c scope=cloud confidence=high "
          "public-suffix=\"why\" evidence=\"e\"\n"),
     "9:63:", "evidence="},
    /* --- words --- */
    {RULE("block suffix a.example\n"), "9:23:", "category="},
    {RULE("block suffix a.example scope=cloud confidence=high " SEEN), "9:24:", "category="},
    {RULE("block suffix a.example category= scope=cloud confidence=high " SEEN),
     "9:33:", "1 to 32"},
    {RULE("block suffix a.example category=C scope=cloud confidence=high " SEEN),
     "9:33:", "a-z"},
    {RULE("block suffix a.example category=0123456789abcdef0123456789abcdef0 scope=cloud "
          "confidence=high " SEEN),
     "9:33:", "1 to 32"},
    {RULE("block suffix a.example category=c scope=all confidence=high " SEEN),
     "9:41:", "nameserver"},
    {RULE("block suffix a.example category=c confidence=high scope=cloud " SEEN),
     "9:35:", "scope="},
    {RULE("block suffix a.example category=c scope=cloud confidence=sure " SEEN),
     "9:58:", "medium"},
    {RULE("block suffix a.example category=c scope=cloud " SEEN), "9:47:", "confidence="},
    /* --- action --- */
    {RULE("block suffix a.example" WORDS "action=explode " SEEN), "9:70:", "sinkhole"},
    {RULE("block suffix a.example" WORDS "action=default " SEEN), "9:70:", "sinkhole"},
    {RULE("block suffix a.example" WORDS "action=redirect " SEEN), "9:70:", "redirect:NAME"},
    {RULE("block suffix a.example" WORDS "action=redirect: " SEEN), "9:79:", "two labels"},
    {RULE("block suffix a.example" WORDS "action=redirect:*. " SEEN), "9:81:", "two labels"},
    {RULE("block suffix a.example" WORDS "action=redirect:B.example " SEEN),
     "9:79:", "lower case"},
    {RULE("pass suffix a.example" WORDS "action=log " SEEN), "9:62:", "no action"},
    {RULE("block suffix a.example" WORDS "action=log action=log " SEEN), "9:74:", "evidence="},
    /* --- what it is about, and what a pass ends --- */
    {RULE("block suffix a.example" WORDS "trigger=client " SEEN), "9:63:", "prefix rule"},
    {RULE("block exact a.example" WORDS "trigger=client " SEEN), "9:62:", "prefix rule"},
    {RULE("block suffix a.example" WORDS "trigger=qname " SEEN),
     "9:71:", "client or nameserver"},
    {RULE("block suffix a.example" WORDS "trigger=answer " SEEN), "9:71:", "no such field"},
    {RULE("block suffix a.example" WORDS "trigger= " SEEN), "9:71:", "client or nameserver"},
    {RULE("block suffix a.example" WORDS "trigger=nameservers " SEEN),
     "9:71:", "no such field"},
    {RULE("block suffix a.example" WORDS "trigger=nameserver trigger=nameserver " SEEN),
     "9:82:", "evidence="},
    {RULE("block suffix a.example" WORDS "trigger=nameserver action=drop " SEEN),
     "9:82:", "trigger, ends"},
    {RULE("block prefix 10.0.0.0/7" WORDS "trigger=client " SEEN), "9:14:", "shorter than /8"},
    {RULE("block prefix fc00::/6" WORDS "trigger=client " SEEN), "9:14:", "shorter than /7"},
    {RULE("block prefix fc00::/7" WORDS "trigger=nameserver " SEEN), "9:14:", "than /16"},
    {RULE("block suffix a.example" WORDS "ends=chain " SEEN), "9:63:", "only a pass rule"},
    {RULE("block suffix a.example" WORDS "action=pass ends=chain " SEEN),
     "9:75:", "only a pass rule"},
    {RULE("pass suffix a.example" WORDS "ends=trigger " SEEN), "9:67:", "the value is chain"},
    {RULE("pass suffix a.example" WORDS "ends=chains " SEEN), "9:67:", "the value is chain"},
    {RULE("pass suffix a.example" WORDS "ends=chain trigger=nameserver " SEEN),
     "9:73:", "evidence="},
    /* --- texts --- */
    {RULE("block suffix a.example category=c scope=cloud confidence=high\n"),
     "9:62:", "evidence="},
    {RULE("block suffix a.example" WORDS "evidence=e\n"), "9:63:", "evidence="},
    {RULE("block suffix a.example" WORDS "evidence=\"\"\n"), "9:73:", "empty"},
    {RULE("block suffix a.example" WORDS "evidence=\"e\n"), "9:74:", "closing quote"},
    {RULE("block suffix a.example" WORDS "evidence=\"e\\\"\n"), "9:76:", "closing quote"},
    {RULE("block suffix a.example" WORDS "evidence=\"\\n\"\n"), "9:74:", "only escapes"},
    {RULE("block suffix a.example" WORDS "evidence=\"\\\n"), "9:74:", "only escapes"},
    {RULE("block suffix a.example" WORDS "evidence=\"e\"x\n"), "9:75:", "one space"},
    {RULE("block suffix a.example" WORDS "evidence=\"e\" \n"), "9:75:", "end of the line"},
    {RULE("block suffix a.example" WORDS "evidence=\"" S500 "x\"\n"), "9:573:", "500 octets"},
    {RULE("block suffix a.example" WORDS "evidence=\"e\" note=n\n"), "9:76:", "note="},
    {RULE("block suffix a.example" WORDS "evidence=\"e\" note=\"n\" note=\"n\"\n"),
     "9:85:", "once"},
    {RULE("block suffix a.example" WORDS "note=\"n\" evidence=\"e\"\n"), "9:63:", "evidence="},
    /* --- the same twice --- */
    {RULE("block suffix a.example" WORDS SEEN "block suffix a.example" WORDS
          "action=log evidence=\"other\"\n"),
     "10:1:", "stands in line 9"},
    {RULE("block suffix a.example" WORDS SEEN "pass suffix a.example" WORDS SEEN),
     "10:1:", "line 9 says \"block\" and this line \"pass\""},
    {RULE("pass prefix 192.0.2.0/24" WORDS SEEN "block prefix 192.0.2.0/24" WORDS SEEN),
     "10:1:", "line 9 says \"pass\""},
    {RULE("pass prefix 2001:db8::/32" WORDS SEEN "pass prefix 2001:DB8:0::/32" WORDS SEEN),
     "10:1:", "stands in line 9"},
    {RULE("block suffix a.example" WORDS "trigger=nameserver " SEEN
          "block suffix a.example" WORDS "trigger=nameserver " SEEN),
     "10:1:", "stands in line 9"},
    {RULE("pass prefix 192.0.2.0/24" WORDS "trigger=client " SEEN
          "block prefix 192.0.2.0/24" WORDS "trigger=client " SEEN),
     "10:1:", "line 9 says \"pass\""},
    {RULE("pass suffix a.example" WORDS "ends=chain " SEEN "pass suffix a.example" WORDS SEEN),
     "10:1:", "stands in line 9"},
};

static void refuse(const struct refusal *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct policy_list *list = NULL;
        struct report report;

        report_init(&report);
        const int rc = parse(cases[i].text, strlen(cases[i].text), &report, &list);
        const bool version = strstr(cases[i].words, "newer") != NULL;
        if (rc != (version ? CORDON_E_VERSION : CORDON_E_REFUSED) || list != NULL ||
            report.errors == 0) {
            fail_msg("case %zu: %d\n%s", i, rc, cases[i].text);
        }
        const char *text = report.entries[0].text;
        if (strncmp(text, "l:", 2) != 0 ||
            strncmp(text + 2, cases[i].place, strlen(cases[i].place)) != 0 ||
            strstr(text, cases[i].words) == NULL) {
            fail_msg("case %zu: wanted \"%s ... %s\", have \"%s\"", i, cases[i].place,
                     cases[i].words, text);
        }
        report_deinit(&report);
    }
}

static void files_headers_and_facts_that_are_wrong_are_refused(void **state)
{
    (void)state;
    refuse(file_refusals, ITEMS(file_refusals));
}

static void rules_that_are_wrong_are_refused(void **state)
{
    (void)state;
    refuse(rule_refusals, ITEMS(rule_refusals));
}

/* One name may be in a list once for each subject. */
static void what_a_rule_is_about_is_part_of_its_identity(void **state)
{
    static const char text[] =
        RULE("block prefix 192.0.2.0/24" WORDS SEEN "pass prefix 192.0.2.0/24" WORDS
             "trigger=client ends=chain " SEEN "block prefix 192.0.2.0/24" WORDS
             "action=drop trigger=nameserver " SEEN "pass suffix a.example" WORDS
             "ends=chain " SEEN "block suffix a.example" WORDS "trigger=nameserver " SEEN
             "block prefix fc00::/7" WORDS "trigger=client " SEEN);
    static const struct {
        enum policy_subject subject;
        bool ends;
    } wanted[] = {
        {POLICY_SUBJECT_ANSWER, false},     {POLICY_SUBJECT_CLIENT, true},
        {POLICY_SUBJECT_NAMESERVER, false}, {POLICY_SUBJECT_ANSWER, true},
        {POLICY_SUBJECT_NAMESERVER, false}, {POLICY_SUBJECT_CLIENT, false},
    };
    struct policy_list *list = NULL;
    struct report report;

    (void)state;
    report_init(&report);
    assert_int_equal(policy_list_parse(text, strlen(text), "f", &report, &list), 0);
    report_deinit(&report);
    assert_int_equal(list->rule_count, ITEMS(wanted));
    for (size_t i = 0; i < ITEMS(wanted); i++) {
        assert_int_equal(list->rules[i].subject, wanted[i].subject);
        assert_int_equal(list->rules[i].ends_chain, wanted[i].ends);
    }
    assert_int_equal(list->rules[2].action, POLICY_ACTION_DROP);
    policy_list_free(list);
}

static void every_fault_is_reported(void **state)
{
    static const char text[] = "cordon-list 1\nid A\nserial x\nfact rumour\nrules\n"
                               "block\npass exact\nblock suffix a.example" WORDS SEEN "end\n";
    struct policy_list *list = NULL;
    struct report report;

    (void)state;
    report_init(&report);
    assert_int_equal(parse(text, sizeof(text) - 1, &report, &list), CORDON_E_REFUSED);
    /* id, serial; title, provider, created, expires missing; the class; four lines of the fact
     * missing; two rules. */
    assert_int_equal(report.errors, 2 + 4 + 1 + 4 + 2);
    report_deinit(&report);
}

static void a_newer_format_is_told_apart(void **state)
{
    static const char text[] = "cordon-list 2\nwhatever comes now\n";
    struct policy_list *list = NULL;
    struct report report;

    (void)state;
    report_init(&report);
    assert_int_equal(parse(text, sizeof(text) - 1, &report, &list), CORDON_E_VERSION);
    assert_non_null(strstr(report.entries[0].text, "l:1:13: list format version 2 is newer"));
    report_deinit(&report);
}

/* Letters of any script, and the neighbours of what is refused. */
static void texts_may_be_in_any_script(void **state)
{
    static const char text[] = HEAD "rules\n"
                                    "# \xc2\xa0 \xc2\xae \xd8\xa7\xd9\x84 \xe2\x80\x8a "
                                    "\xe2\x80\x90 \xe2\x80\xa7 \xe2\x80\xaf "
                                    "\xe2\x81\xb0 \xef\xbb\xbc \xef\xbf\xbc "
                                    "\xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x98\x80\n"
                                    "end\n";
    struct policy_list *list = NULL;

    (void)state;
    assert_int_equal(parse(text, sizeof(text) - 1, NULL, &list), 0);
    policy_list_free(list);
}

static void lines_and_texts_may_be_as_long_as_the_format_says(void **state)
{
    char text[8192], comment[POLICY_LIST_LINE_MAX + 2];
    struct policy_list *list = NULL;
    struct report report;

    (void)state;
    memset(comment, '#', sizeof(comment));
    snprintf(text, sizeof(text), HEAD "rules\n%.*s\nend\n", (int)POLICY_LIST_LINE_MAX, comment);
    assert_int_equal(parse(text, strlen(text), NULL, &list), 0);
    policy_list_free(list);
    list = NULL;
    snprintf(text, sizeof(text), HEAD "rules\n%.*s\nend\n", (int)POLICY_LIST_LINE_MAX + 1,
             comment);
    report_init(&report);
    assert_int_equal(parse(text, strlen(text), &report, &list), CORDON_E_REFUSED);
    assert_non_null(strstr(report.entries[0].text, "l:9: the line has 4097 octets"));
    report_deinit(&report);

    /* 500 octets of text, all of them escapes. */
    snprintf(text, sizeof(text), HEAD "rules\nblock suffix a.example" WORDS "evidence=\"");
    for (int i = 0; i < 500; i++) {
        strcat(text, "\\\\");
    }
    strcat(text, "\" note=\"" S500 "\"\nend\n");
    assert_int_equal(parse(text, strlen(text), NULL, &list), 0);
    assert_int_equal(strlen(list->rules[0].evidence), 500);
    policy_list_free(list);
}

static void there_are_at_most_64_facts(void **state)
{
    char text[16384] = HEAD;
    struct policy_list *list = NULL;
    struct report report;

    (void)state;
    for (unsigned i = 0; i < POLICY_LIST_FACTS_MAX; i++) {
        strcat(text, FACT);
    }
    const size_t full_len = strlen(text);
    strcat(text, "rules\nend\n");
    assert_int_equal(parse(text, strlen(text), NULL, &list), 0);
    policy_list_free(list);
    list = NULL;
    text[full_len] = '\0';
    strcat(text, FACT "rules\nend\n");
    report_init(&report);
    assert_int_equal(parse(text, strlen(text), &report, &list), CORDON_E_REFUSED);
    assert_non_null(strstr(report.entries[0].text, "more than 64 facts"));
    report_deinit(&report);
}

static void a_file_over_the_limit_is_not_looked_at(void **state)
{
    struct policy_list *list = NULL;
    struct report report;

    (void)state;
    report_init(&report);
    assert_int_equal(
        policy_list_parse("", (size_t)POLICY_LIST_OCTETS_MAX + 1, "l", &report, &list),
        CORDON_E_TOO_LARGE);
    assert_int_equal(report.errors, 1);
    report_deinit(&report);
}

static void the_status_is_the_strongest_fact_that_holds(void **state)
{
    static const struct {
        const char *facts[3][2]; /* class, state */
        int wanted;              /* index, -1: none */
    } cases[] = {
        {{{NULL, NULL}}, -1},
        {{{"designated", "in-force"}}, 0},
        {{{"named-urged", "request"}, {"parent-designated", "in-force"}}, 1},
        {{{"named-urged", "request"}, {"designated", "removed"}}, 0}, /* it held once */
        {{{"named-urged", "request"}, {"designated", "suspended"}}, 0},
        {{{"designated", "suspended"}}, -1},
        {{{"designated", "contested"}}, 0}, /* contested, but in force */
        {{{"removed", "removed"}}, 0},      /* says itself that it ended */
        {{{"changed", "removed"}, {"named-urged", "request"}}, 1},
        {{{"designated", "unverified"}, {"named-urged", "request"}},
         1}, /* what is known first */
        {{{"none-found", "unverified"}, {"named-no-designation-found", "unverified"}}, 1},
        {{{"designated", "in-force"}, {"designated", "in-force"}}, 0}, /* the first of equals */
    };

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        char text[2048] = HEAD;
        struct policy_list *list = NULL;

        for (size_t k = 0; k < 3 && cases[i].facts[k][0] != NULL; k++) {
            sprintf(text + strlen(text),
                    "fact %s\nentity E%zu\nauthority A\nstate %s\nchecked 2026-01-01\n",
                    cases[i].facts[k][0], k, cases[i].facts[k][1]);
        }
        strcat(text, "rules\nend\n");
        assert_int_equal(parse(text, strlen(text), NULL, &list), 0);
        const struct policy_fact *fact = policy_list_status(list);
        const int found = fact == NULL ? -1 : (int)(fact - list->facts);
        if (found != cases[i].wanted) {
            fail_msg("case %zu: %d", i, found);
        }
        policy_list_free(list);
    }
    assert_string_equal(policy_class_name(POLICY_CLASS_PARENT_DESIGNATED), "parent-designated");
    assert_null(policy_class_name((enum policy_class)8));
}

static void reasons_for_whole_public_suffixes_are_kept(void **state)
{
    static const char text[] =
        HEAD "rules\n"
             "block suffix com.cn category=c scope=cloud confidence=high evidence=\"e\" "
             "public-suffix=\"first\"\n"
             "block suffix a.example category=c scope=cloud confidence=high evidence=\"e\"\n"
             "pass below co.uk category=c scope=cloud confidence=high evidence=\"e\" "
             "note=\"n\" public-suffix=\"say \\\"why\\\"\"\nend\n";
    struct policy_list *list = NULL;

    (void)state;
    assert_int_equal(parse(text, sizeof(text) - 1, NULL, &list), 0);
    assert_int_equal(list->rule_count, 3);
    assert_int_equal(list->forced_count, 2);
    assert_true(list->rules[0].public_suffix && !list->rules[1].public_suffix);
    assert_int_equal(list->forced[0].rule, 0);
    assert_string_equal(list->forced[0].reason, "first");
    assert_int_equal(list->forced[1].rule, 2);
    assert_string_equal(list->forced[1].reason, "say \"why\"");
    policy_list_free(list);
}

/* No octet but a to z, 0 to 9, '-', '_' and the dot is in a name, a zero octet least of all. */
static void no_other_octet_is_in_a_name(void **state)
{
    (void)state;
    for (unsigned octet = 0; octet < 256; octet++) {
        char text[512];
        struct policy_list *list = NULL;
        const int used = snprintf(text, sizeof(text), "%s",
                                  HEAD "rules\nblock suffix ab?cd.example" WORDS SEEN "end\n");

        *strchr(text, '?') = (char)octet;
        const bool good =
            octet != 0 && strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", (int)octet) != NULL;
        assert_int_equal(parse(text, (size_t)used, NULL, &list), good ? 0 : CORDON_E_REFUSED);
        policy_list_free(list);
    }
}

static void many_rules_are_told_apart(void **state)
{
    enum {
        COUNT = 5000
    };
    char *text = malloc(COUNT * 100 + 1000);
    struct policy_list *list = NULL;
    size_t used = (size_t)sprintf(text, HEAD "rules\n");

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        used += (size_t)sprintf(text + used, "block %s n%d.example" WORDS SEEN,
                                i % 2 == 0 ? "suffix" : "exact", i / 2);
    }
    const size_t before = used;
    used += (size_t)sprintf(text + used, "end\n");
    assert_int_equal(parse(text, used, NULL, &list), 0);
    assert_int_equal(list->rule_count, COUNT);
    assert_ptr_equal(list->rules[0].category, list->rules[COUNT - 1].category);
    policy_list_free(list);
    list = NULL;
    used =
        before + (size_t)sprintf(text + before, "pass exact n777.example" WORDS SEEN "end\n");
    assert_int_equal(parse(text, used, NULL, &list), CORDON_E_REFUSED);
    free(text);
}

static void every_shipped_list_is_accepted(void **state)
{
    const char *folder = CORDON_TEST_ROOT "/blocklists";
    DIR *dir = opendir(folder);
    unsigned count = 0;

    (void)state;
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        const size_t len = strlen(entry->d_name);
        char path[4096];
        uint8_t *data = NULL;
        size_t data_len = 0;
        struct policy_list *list = NULL;
        struct report report;

        if (len < 6 || strcmp(entry->d_name + len - 5, ".list") != 0) {
            continue;
        }
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        assert_int_equal(file_read(path, POLICY_LIST_OCTETS_MAX, &data, &data_len), 0);
        report_init(&report);
        const int rc = policy_list_parse((const char *)data, data_len, path, &report, &list);
        report_print(&report, stderr);
        report_deinit(&report);
        assert_int_equal(rc, 0);
        assert_memory_equal(list->id, entry->d_name, len - 5);
        policy_list_free(list);
        free(data);
        count++;
    }
    closedir(dir);
    assert_true(count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_a_list_says_is_read),
        cmocka_unit_test(any_cut_of_a_list_is_refused),
        cmocka_unit_test(files_headers_and_facts_that_are_wrong_are_refused),
        cmocka_unit_test(rules_that_are_wrong_are_refused),
        cmocka_unit_test(what_a_rule_is_about_is_part_of_its_identity),
        cmocka_unit_test(every_fault_is_reported),
        cmocka_unit_test(a_newer_format_is_told_apart),
        cmocka_unit_test(texts_may_be_in_any_script),
        cmocka_unit_test(lines_and_texts_may_be_as_long_as_the_format_says),
        cmocka_unit_test(there_are_at_most_64_facts),
        cmocka_unit_test(a_file_over_the_limit_is_not_looked_at),
        cmocka_unit_test(the_status_is_the_strongest_fact_that_holds),
        cmocka_unit_test(reasons_for_whole_public_suffixes_are_kept),
        cmocka_unit_test(no_other_octet_is_in_a_name),
        cmocka_unit_test(many_rules_are_told_apart),
        cmocka_unit_test(every_shipped_list_is_accepted),
    };
    return cmocka_run_group_tests_name("policy/list", tests, NULL, NULL);
}
