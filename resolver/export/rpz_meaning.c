#include "export/rpz_meaning.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX (WIRE_NAME_TEXT_MAX + 200)

static void tell(struct rpz_work *work, enum export_rpz_tell what,
                 const struct rpz_record *record, const char *words)
{
    char text[WORDS_MAX] = "";
    struct wire_name name;
    uint8_t wire[WIRE_NAME_MAX + 1];
    size_t pos = 0;

    work->import->told[what]++;
    if (work->import->tell == NULL) {
        return;
    }
    memcpy(wire, record->owner, record->owner_len);
    wire[record->owner_len] = 0;
    if (wire_name_read(wire, record->owner_len + 1u, &pos, &name) == WIRE_OK) {
        wire_name_to_text(&name, text);
    }
    snprintf(text + strlen(text), sizeof(text) - strlen(text), ": %s", words);
    work->import->tell(work->import->arg, what, record->line, text);
}

/* --- names --- */

static bool is_plain(const uint8_t *label)
{
    for (unsigned i = 1; i <= label[0]; i++) {
        const uint8_t c = label[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_') {
            return false;
        }
    }
    return true;
}

static bool is_label(const uint8_t *label, const char *text)
{
    return label[0] == strlen(text) && memcmp(label + 1, text, label[0]) == 0;
}

/* The octets of a name from its longest end on that has only labels that a list allows. */
static size_t plain_from(const uint8_t *octets, size_t len)
{
    size_t from = 0;

    for (size_t at = 0; at < len; at += 1u + octets[at]) {
        if (!is_plain(octets + at)) {
            from = at + 1u + octets[at];
        }
    }
    return from;
}

/* True if a list may have the name: two labels, and the last is no number. */
static bool is_listable(const uint8_t *octets, size_t len)
{
    unsigned labels = 0;
    bool number = true;
    size_t last = 0;

    for (size_t at = 0; at < len; at += 1u + octets[at]) {
        labels++;
        last = at;
    }
    if (labels < 2 || plain_from(octets, len) != 0) {
        return false;
    }
    for (unsigned i = 1; i <= octets[last]; i++) {
        number = number && octets[last + i] >= '0' && octets[last + i] <= '9';
    }
    return !number;
}

void rpz_write_name(FILE *out, const uint8_t *octets, size_t len)
{
    for (size_t at = 0; at < len && octets[at] != 0; at += 1u + octets[at]) {
        fprintf(out, "%s%.*s", at > 0 ? "." : "", octets[at], (const char *)octets + at + 1);
    }
}

/* --- what the records of one owner say --- */

/* A CNAME's meaning. NULL, or why a list cannot say it. */
static const char *read_cname(const struct rpz_record *record, bool is_name,
                              struct rpz_rule *rule)
{
    static const struct {
        const char *target;
        enum policy_action action;
    } special[] = {{"rpz-drop", POLICY_ACTION_DROP}, {"rpz-tcp-only", POLICY_ACTION_TRUNCATE}};
    const uint8_t *target = record->target;
    const uint8_t len = (uint8_t)(record->target_len - 1); /* without the root */

    rule->word = RPZ_WORD_RULE;
    rule->kind = POLICY_BLOCK;
    if (len == 0) {
        rule->action = POLICY_ACTION_NXDOMAIN;
        return NULL;
    }
    if (len == 2 && target[1] == '*') {
        rule->action = POLICY_ACTION_NODATA;
        return NULL;
    }
    /* A name that leads to itself is how zones said PASSTHRU before there was a word for it. */
    if ((is_label(target, "rpz-passthru") && len == target[0] + 1u) ||
        (is_name && len == record->owner_len && memcmp(target, record->owner, len) == 0)) {
        rule->kind = POLICY_PASS;
        return NULL;
    }
    for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
        if (is_label(target, special[i].target) && len == target[0] + 1u) {
            rule->action = special[i].action;
            return NULL;
        }
    }
    rule->prefixes = target[0] == 1 && target[1] == '*';
    if (!is_listable(target + (rule->prefixes ? 2 : 0), len - (rule->prefixes ? 2u : 0u))) {
        return "a redirect to a name that a list cannot have, or an unknown action";
    }
    rule->action = POLICY_ACTION_REDIRECT;
    rule->redirect = record;
    return NULL;
}

/* What count records of one owner say. NULL, or why a list cannot say it. */
static const char *read_owner(const struct rpz_record *records, size_t count, bool is_name,
                              struct rpz_rule *rule)
{
    size_t cnames = 0, same = 0, nulls = 0;

    *rule = (struct rpz_rule){.word = RPZ_WORD_LOST, .line = records->line};
    for (size_t i = 0; i < count; i++) {
        cnames += records[i].type == RPZ_CNAME;
        same += records[i].type == RPZ_CNAME && records->type == RPZ_CNAME &&
                records[i].target_len == records->target_len &&
                memcmp(records[i].target, records->target, records->target_len) == 0;
        nulls += records[i].is_null;
    }
    if (same == count) {
        const char *why = read_cname(records, is_name, rule);

        rule->word = why == NULL ? RPZ_WORD_RULE : RPZ_WORD_LOST;
        return why;
    }
    if (cnames > 0) {
        return cnames == count ? "more than one CNAME" : "a CNAME beside other data";
    }
    if (nulls == count) {
        rule->word = RPZ_WORD_RULE;
        rule->kind = POLICY_BLOCK;
        rule->action = POLICY_ACTION_SINKHOLE;
        return NULL;
    }
    return "local data: a list knows only addresses that lead nowhere (A 0.0.0.0, AAAA ::)";
}

/* --- addresses --- */

/* A number of one label. */
static bool read_number(const uint8_t *label, int base, unsigned most, unsigned *out)
{
    char text[8];
    char *end = NULL;

    if (label[0] == 0 || label[0] > 4 || label[1] == '-' || label[1] == '_') {
        return false;
    }
    memcpy(text, label + 1, label[0]);
    text[label[0]] = '\0';
    *out = (unsigned)strtoul(text, &end, base);
    return *end == '\0' && *out <= most && text[0] != '+' && text[0] != ' ';
}

/* BITS.W8...W1 with "zz" for a run of zeros, or BITS.D.C.B.A; len octets. */
static bool read_prefix(const uint8_t *octets, size_t len, struct address_prefix *prefix)
{
    struct address address = {.family = ADDRESS_NONE};
    unsigned words[8] = {0};
    unsigned bits = 0, count = 0;
    int gap = -1;
    const uint8_t *labels[10];

    for (size_t at = 0; at < len; at += 1u + octets[at]) {
        if (count == 10) {
            return false;
        }
        labels[count++] = octets + at;
    }
    if (count < 2 || !read_number(labels[0], 10, 128, &bits)) {
        return false;
    }
    bool v4 = count == 5;
    for (unsigned i = 1; i < count; i++) {
        v4 = v4 && read_number(labels[i], 10, 255, &words[i - 1]);
        if (is_label(labels[i], "zz")) {
            v4 = false;
        }
    }
    if (v4) {
        address.family = ADDRESS_V4;
        for (unsigned i = 0; i < 4; i++) {
            address.octets[3 - i] = (uint8_t)words[i];
        }
    } else {
        unsigned used = 0;

        memset(words, 0, sizeof(words));
        for (unsigned i = 1; i < count; i++) {
            if (is_label(labels[i], "zz") && gap < 0) {
                gap = (int)used;
                if (count - 2 > 7) {
                    return false;
                }
                used += 8 - (count - 2);
            } else if (used == 8 || !read_number(labels[i], 16, 0xffff, &words[used++])) {
                return false;
            }
        }
        if (used != 8) {
            return false;
        }
        address.family = ADDRESS_V6;
        for (unsigned i = 0; i < 8; i++) {
            address.octets[14 - 2 * i] = (uint8_t)(words[i] >> 8);
            address.octets[15 - 2 * i] = (uint8_t)words[i];
        }
    }
    if (bits > 8 * address_octets(&address)) {
        return false;
    }
    address_prefix_of(&address, bits, prefix);
    return memcmp(prefix->octets, address.octets, sizeof(address.octets)) == 0;
}

/* FORMAT.md: no shorter than this, and IPv4 as IPv4. */
static bool is_listable_prefix(const struct address_prefix *prefix, enum policy_subject subject)
{
    const unsigned least6 = subject == POLICY_SUBJECT_CLIENT ? 7 : 16;
    struct address address = {.family = prefix->family};

    memcpy(address.octets, prefix->octets, sizeof(address.octets));
    address_unmap(&address);
    return prefix->bits >= (prefix->family == ADDRESS_V4 ? 8 : least6) &&
           !(prefix->family == ADDRESS_V6 && prefix->bits >= 96 &&
             address.family == ADDRESS_V4);
}

static void add_prefix(struct rpz_work *work, const struct rpz_record *records, size_t count,
                       size_t len, enum policy_subject subject)
{
    struct rpz_item *item = &work->prefixes[work->prefix_count];
    const char *why = NULL;

    memset(item, 0, sizeof(*item));
    item->subject = subject;
    if (!read_prefix(records->owner, len, &item->prefix)) {
        tell(work, EXPORT_RPZ_LEFT_OUT, records, "no prefix of addresses");
        return;
    }
    if (!is_listable_prefix(&item->prefix, subject)) {
        tell(work, EXPORT_RPZ_LEFT_OUT, records,
             "a prefix that a list cannot have: shorter than /8 or /16 (a client's: /7), or "
             "IPv4 "
             "within IPv6");
        return;
    }
    why = read_owner(records, count, false, &item->rule);
    if (why != NULL) {
        tell(work, EXPORT_RPZ_LEFT_OUT, records, why);
    }
    work->prefix_count++;
}

/* --- owners --- */

/* len: of the owner without the label of its trigger. */
static void add_name(struct rpz_work *work, const struct rpz_record *records, size_t count,
                     size_t len, enum policy_subject subject)
{
    const uint8_t *octets = records->owner;
    struct rpz_item *item = &work->names[work->name_count];
    const char *why = NULL;

    memset(item, 0, sizeof(*item));
    item->subject = subject;
    item->below = octets[0] == 1 && octets[1] == '*';
    if (item->below) {
        octets += 2;
        len -= 2;
    }
    const size_t from = plain_from(octets, len);
    item->octets = octets + from;
    item->len = (uint8_t)(len - from);
    if (from > 0) {
        why = "a name with octets that a list cannot have";
        item->below = false; /* what is left exists: it is above a name that does */
        item->rule = (struct rpz_rule){.word = RPZ_WORD_NONE, .line = records->line};
    } else {
        why = read_owner(records, count, subject == POLICY_SUBJECT_ANSWER, &item->rule);
        if (why == NULL && !is_listable(octets, len)) {
            why = "a whole top-level domain, all names, or an address as a name";
            item->rule.word = RPZ_WORD_LOST;
        }
    }
    if (why != NULL) {
        tell(work, EXPORT_RPZ_LEFT_OUT, records, why);
    }
    work->name_count++;
}

/* The records of one owner, by its trigger. */
static void add_owner(struct rpz_work *work, const struct rpz_record *records, size_t count)
{
    static const struct {
        const char *label;
        bool is_prefix;
        enum policy_subject subject;
    } triggers[] = {
        {"rpz-ip", true, POLICY_SUBJECT_ANSWER},
        {"rpz-client-ip", true, POLICY_SUBJECT_CLIENT},
        {"rpz-nsip", true, POLICY_SUBJECT_NAMESERVER},
        {"rpz-nsdname", false, POLICY_SUBJECT_NAMESERVER},
    };
    const uint8_t *octets = records->owner;
    const size_t len = records->owner_len;
    size_t last = 0;

    if (len == 0) {
        tell(work, EXPORT_RPZ_IGNORED, records, "of the zone itself");
        return;
    }
    for (size_t at = 0; at < len; at += 1u + octets[at]) {
        last = at;
    }
    for (size_t i = 0; i < sizeof(triggers) / sizeof(triggers[0]); i++) {
        if (!is_label(octets + last, triggers[i].label)) {
            continue;
        }
        if (triggers[i].is_prefix) {
            add_prefix(work, records, count, last, triggers[i].subject);
        } else if (last == 0) {
            tell(work, EXPORT_RPZ_LEFT_OUT, records, "no name of a name server");
        } else {
            add_name(work, records, count, last, triggers[i].subject);
        }
        return;
    }
    add_name(work, records, count, len, POLICY_SUBJECT_ANSWER);
}

static int compare_records(const void *left, const void *right)
{
    const struct rpz_record *a = left, *b = right;
    const size_t len = a->owner_len < b->owner_len ? a->owner_len : b->owner_len;
    const int order = memcmp(a->owner, b->owner, len);

    if (order != 0) {
        return order;
    }
    if (a->owner_len != b->owner_len) {
        return a->owner_len < b->owner_len ? -1 : 1;
    }
    return (a->line > b->line) - (a->line < b->line);
}

static bool same_owner(const struct rpz_record *a, const struct rpz_record *b)
{
    return a->owner_len == b->owner_len && memcmp(a->owner, b->owner, a->owner_len) == 0;
}

int rpz_understand(struct rpz_work *work)
{
    struct rpz_record *records = work->zone.records;
    size_t count = 0;

    for (size_t i = 0; i < work->zone.count; i++) {
        if (records[i].type == RPZ_NOT_POLICY) {
            tell(work, EXPORT_RPZ_IGNORED, &records[i], "no policy");
            free(records[i].owner);
            free(records[i].target);
        } else {
            records[count++] = records[i];
        }
    }
    work->zone.count = count;
    if (count > 0) {
        qsort(records, count, sizeof(records[0]), compare_records);
    }
    work->names = calloc(count + 1, sizeof(work->names[0]));
    work->prefixes = calloc(count + 1, sizeof(work->prefixes[0]));
    if (work->names == NULL || work->prefixes == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count;) {
        size_t end = i + 1;

        while (end < count && same_owner(&records[i], &records[end])) {
            end++;
        }
        add_owner(work, records + i, end - i);
        i = end;
    }
    return 0;
}
