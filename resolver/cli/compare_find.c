/*
 * cli/compare_find.c - where two fingerprints differ.
 *
 * A line is a subject and what is said of it: "view default action" and "nxdomain". Lines whose
 * kind is not known are subjects as a whole, so that nothing is passed over.
 */
#include "cli/compare_find.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX   2048
#define SUBJECT_MAX 256
#define FIELDS_MAX  16u

/* A line, cut into a subject and a value. */
struct fact {
    const char *line; /* borrowed */
    size_t len;
    char subject[SUBJECT_MAX];
    char value[SUBJECT_MAX]; /* "": it is there, and that is all */
    unsigned place;          /* of `use`: in the order of lists */
    bool seen;               /* the other side has it, too */
};

struct facts {
    struct fact *at;
    size_t count;
};

struct finding {
    const struct compare_side *a, *b;
    const char *part;
    compare_tell *tell;
    void *context;
    int count;
    int silent; /* differences that go without saying */
};

static void say(struct finding *finding, const char *subject, const char *a, const char *b,
                const char *words)
{
    finding->count++;
    finding->tell(finding->context, finding->part, subject, a, b, words);
}

/* --- lines --- */

/* How many words of a line are its subject; 0: all of them. */
static unsigned subject_words(const char *line)
{
    static const struct {
        const char *begin;
        unsigned words;
    } kinds[] = {{"list ", 2},   {"view ", 3}, {"schedule ", 3}, {"answer sinkhole ", 3},
                 {"answer ", 2}, {"file ", 2}, {"held ", 2},     {"newer ", 2},
                 {"dead ", 1}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strncmp(line, kinds[i].begin, strlen(kinds[i].begin)) == 0) {
            return kinds[i].words;
        }
    }
    return 0;
}

/* "use VIEW 001 ID MODE ACTION" is about the list in the view. */
static bool cut_use(struct fact *fact)
{
    char view[64];
    char id[80];
    char mode[16];
    char action[160];

    if (sscanf(fact->line, "use %63[!-~] %3u %79[!-~] %15[!-~] %159[!-~]", view, &fact->place,
               id, mode, action) != 5) {
        return false;
    }
    snprintf(fact->subject, sizeof(fact->subject), "list %s in view %s", id, view);
    snprintf(fact->value, sizeof(fact->value), "%s%s%s", mode,
             strcmp(action, "-") != 0 ? " with action " : "",
             strcmp(action, "-") != 0 ? action : "");
    return true;
}

static void cut(struct fact *fact)
{
    unsigned words = subject_words(fact->line);
    size_t at = 0;

    if (strncmp(fact->line, "use ", 4) == 0 && cut_use(fact)) {
        return;
    }
    while (words > 0 && at < fact->len) {
        at += fact->line[at] == ' ' ? 0 : strcspn(fact->line + at, " \n");
        words--;
        if (words > 0 && fact->line[at] == ' ') {
            at++;
        }
    }
    if (at == 0 || at >= fact->len) {
        at = fact->len;
    }
    snprintf(fact->subject, sizeof(fact->subject), "%.*s", (int)at, fact->line);
    snprintf(fact->value, sizeof(fact->value), "%.*s",
             at < fact->len ? (int)(fact->len - at - 1) : 0,
             at < fact->len ? fact->line + at + 1 : "");
}

static int collect(const struct fingerprint_part *part, struct facts *facts)
{
    *facts = (struct facts){NULL, 0};
    if (part == NULL || part->lines == NULL) {
        return 0;
    }
    facts->at = calloc(part->told + 1, sizeof(facts->at[0]));
    if (facts->at == NULL) {
        return -ENOMEM;
    }
    for (const char *line = part->lines; *line != '\0' && facts->count < part->told;) {
        struct fact *fact = &facts->at[facts->count++];

        fact->line = line;
        fact->len = strcspn(line, "\n");
        cut(fact);
        line += fact->len + (line[fact->len] == '\n');
    }
    return 0;
}

static int compare_facts(const void *a, const void *b)
{
    return strcmp(((const struct fact *)a)->subject, ((const struct fact *)b)->subject);
}

static struct fact *find(const struct facts *facts, const char *subject)
{
    struct fact wanted;

    snprintf(wanted.subject, sizeof(wanted.subject), "%s", subject);
    return facts->count == 0
               ? NULL
               : bsearch(&wanted, facts->at, facts->count, sizeof(facts->at[0]), compare_facts);
}

/* --- words --- */

/* "list ID" is "SERIAL HASH MODE PUBLISHER", "file ID" is "SERIAL HASH". */
static bool read_text(const struct fact *fact, unsigned *serial, char hash[80], char rest[160])
{
    rest[0] = '\0';
    return sscanf(fact->value, "%10u %79[!-~] %159[ -~]", serial, hash, rest) >= 2;
}

/* The mode in the view default, which `use` says as well, is not what is meant. */
static const char *publisher_of(const char *rest)
{
    const char *blank = strchr(rest, ' ');

    return blank != NULL ? blank + 1 : rest;
}

/* Two texts of one list or file. False: nothing to be said. */
static bool tell_texts(struct finding *finding, const struct fact *one, const struct fact *two)
{
    char words[WORDS_MAX];
    char hashes[2][80];
    char rests[2][160];
    unsigned serials[2] = {0, 0};
    const char *a = finding->a->name;
    const char *b = finding->b->name;

    if (!read_text(one, &serials[0], hashes[0], rests[0]) ||
        !read_text(two, &serials[1], hashes[1], rests[1])) {
        return false;
    }
    if (serials[0] != serials[1]) {
        snprintf(words, sizeof(words),
                 "%s: serial %u on %.200s, %u on %.200s: %.200s has the older one",
                 one->subject, serials[0], a, serials[1], b, serials[0] < serials[1] ? a : b);
    } else if (strcmp(hashes[0], hashes[1]) != 0) {
        snprintf(words, sizeof(words), "%s: both have serial %u, and it is not the same text",
                 one->subject, serials[0]);
    } else if (strcmp(publisher_of(rests[0]), publisher_of(rests[1])) != 0) {
        snprintf(words, sizeof(words),
                 "%s: the same text, by the root of %s on %.200s, of %s on %.200s",
                 one->subject, publisher_of(rests[0]), a, publisher_of(rests[1]), b);
    } else {
        return true; /* its mode: `use` tells of it */
    }
    say(finding, one->subject, one->value, two->value, words);
    return true;
}

static void tell_both(struct finding *finding, const struct fact *one, const struct fact *two)
{
    char words[WORDS_MAX];

    if ((strncmp(one->line, "list ", 5) == 0 || strncmp(one->line, "file ", 5) == 0) &&
        tell_texts(finding, one, two)) {
        return;
    }
    snprintf(words, sizeof(words), "%s: %s on %.200s, %s on %.200s", one->subject, one->value,
             finding->a->name, two->value, finding->b->name);
    say(finding, one->subject, one->value, two->value, words);
}

static void tell_one(struct finding *finding, const struct fact *fact, bool is_a)
{
    const char *here = is_a ? finding->a->name : finding->b->name;
    const char *there = is_a ? finding->b->name : finding->a->name;
    const char *value = fact->value[0] != '\0' ? fact->value : "yes";
    char words[WORDS_MAX];

    snprintf(words, sizeof(words), "%s%s%s: on %.200s, not on %.200s", fact->subject,
             fact->value[0] != '\0' ? " " : "", fact->value, here, there);
    say(finding, fact->subject, is_a ? value : NULL, is_a ? NULL : value, words);
}

/* The view of "view NAME WORD" and the like; "": none. */
static void view_of(const struct fact *fact, char out[64])
{
    out[0] = '\0';
    if (sscanf(fact->line, "view %63[!-~]", out) != 1 &&
        sscanf(fact->line, "use %63[!-~]", out) != 1 &&
        sscanf(fact->line, "answer sinkhole %63[!-~]", out) != 1) {
        out[0] = '\0';
    }
}

static bool has_view(const struct fingerprint *fingerprint, const char *view)
{
    const struct fingerprint_part *part = fingerprint_find(fingerprint, "views");
    char line[96];

    snprintf(line, sizeof(line), "view %s mode ", view);
    return part == NULL || part->lines == NULL || part->told < part->count ||
           strstr(part->lines, line) != NULL;
}

/* A view that one side does not have is told once, with its mode. */
static bool goes_without_saying(struct finding *finding, const struct fact *fact, bool is_a)
{
    const struct fingerprint *other = is_a ? finding->b->fingerprint : finding->a->fingerprint;
    char view[64];
    char mode[96];

    view_of(fact, view);
    if (view[0] == '\0' || has_view(other, view)) {
        return false;
    }
    snprintf(mode, sizeof(mode), "view %s mode", view);
    finding->silent += strcmp(fact->subject, mode) != 0;
    return strcmp(fact->subject, mode) != 0;
}

static void tell_view(struct finding *finding, const struct fact *fact, bool is_a)
{
    char view[64];
    char subject[80];
    char words[WORDS_MAX];

    view_of(fact, view);
    if (strncmp(fact->line, "view ", 5) != 0 ||
        has_view(is_a ? finding->b->fingerprint : finding->a->fingerprint, view)) {
        tell_one(finding, fact, is_a);
        return;
    }
    snprintf(subject, sizeof(subject), "view %s", view);
    snprintf(words, sizeof(words), "view %s: on %.200s alone", view,
             is_a ? finding->a->name : finding->b->name);
    say(finding, subject, is_a ? "yes" : NULL, is_a ? NULL : "yes", words);
}

/* --- the order of lists --- */

static bool same_view(const struct fact *one, const struct fact *two)
{
    char first[64];
    char second[64];

    view_of(one, first);
    view_of(two, second);
    return first[0] != '\0' && strcmp(first, second) == 0;
}

/* Of lists that both have in a view: one is before the other here, and behind it there. */
static void tell_order(struct finding *finding, const struct facts *a, const struct facts *b)
{
    char told[64] = "";

    for (size_t i = 0; i < a->count; i++) {
        const struct fact *one = &a->at[i];
        const struct fact *other = one->place > 0 ? find(b, one->subject) : NULL;
        char view[64];

        view_of(one, view);
        for (size_t k = i + 1; other != NULL && k < a->count; k++) {
            const struct fact *next = &a->at[k];
            const struct fact *there =
                next->place > 0 && same_view(one, next) ? find(b, next->subject) : NULL;

            if (there != NULL && strcmp(told, view) != 0 &&
                (one->place < next->place) != (other->place < there->place)) {
                char subject[96];
                char words[WORDS_MAX];

                snprintf(told, sizeof(told), "%s", view);
                snprintf(subject, sizeof(subject), "order of lists in view %s", view);
                snprintf(words, sizeof(words),
                         "view %s: its lists are in another order on %.200s than on %.200s",
                         view, finding->a->name, finding->b->name);
                say(finding, subject, one->place < next->place ? one->subject : next->subject,
                    other->place < there->place ? one->subject : next->subject, words);
            }
        }
    }
}

/* --- the whole --- */

static void compare_parts(struct finding *finding, struct facts *a, struct facts *b)
{
    qsort(a->at, a->count, sizeof(a->at[0]), compare_facts);
    qsort(b->at, b->count, sizeof(b->at[0]), compare_facts);
    for (size_t i = 0; i < a->count; i++) {
        struct fact *other = find(b, a->at[i].subject);

        if (other == NULL && !goes_without_saying(finding, &a->at[i], true)) {
            tell_view(finding, &a->at[i], true);
        } else if (other != NULL) {
            other->seen = true;
            if (strcmp(a->at[i].value, other->value) != 0) {
                tell_both(finding, &a->at[i], other);
            }
        }
    }
    for (size_t i = 0; i < b->count; i++) {
        if (!b->at[i].seen && !goes_without_saying(finding, &b->at[i], false)) {
            tell_view(finding, &b->at[i], false);
        }
    }
    tell_order(finding, a, b);
}

static bool is_whole(const struct fingerprint_part *part)
{
    return part != NULL && part->lines != NULL && part->told == part->count;
}

static int compare_part(struct finding *finding, const struct fingerprint_part *one,
                        const struct fingerprint_part *two)
{
    const int before = finding->count + finding->silent;
    struct facts a = {NULL, 0};
    struct facts b = {NULL, 0};
    int rc = collect(one, &a);

    rc = rc == 0 ? collect(two, &b) : rc;
    if (rc == 0 && one != NULL && two != NULL && one->lines != NULL && two->lines != NULL) {
        compare_parts(finding, &a, &b);
    }
    if (rc == 0 &&
        (!is_whole(one) || !is_whole(two) || finding->count + finding->silent == before)) {
        char words[WORDS_MAX];

        snprintf(words, sizeof(words), "%s: they differ%s", finding->part,
                 one == NULL || two == NULL                  ? ": one of them has no such part"
                 : finding->count + finding->silent > before ? " also in what is not told"
                                                             : " in what is not told");
        say(finding, finding->part, one != NULL ? one->hash : NULL,
            two != NULL ? two->hash : NULL, words);
    }
    free(a.at);
    free(b.at);
    return rc;
}

int compare_find(const struct compare_side *a, const struct compare_side *b, compare_tell *tell,
                 void *context)
{
    struct finding finding = {.a = a, .b = b, .tell = tell, .context = context};
    int rc = 0;

    if (strcmp(a->fingerprint->total, b->fingerprint->total) == 0) {
        return 0;
    }
    for (size_t i = 0; i < a->fingerprint->count && rc == 0; i++) {
        const struct fingerprint_part *one = &a->fingerprint->parts[i];
        const struct fingerprint_part *two = fingerprint_find(b->fingerprint, one->name);

        finding.part = one->name;
        if (two == NULL || strcmp(one->hash, two->hash) != 0) {
            rc = compare_part(&finding, one, two);
        }
    }
    for (size_t i = 0; i < b->fingerprint->count && rc == 0; i++) {
        const struct fingerprint_part *two = &b->fingerprint->parts[i];

        finding.part = two->name;
        if (fingerprint_find(a->fingerprint, two->name) == NULL) {
            rc = compare_part(&finding, NULL, two);
        }
    }
    return rc != 0 ? rc : finding.count;
}
