#include "export/rpz_import.h"

#include "base/error.h"
#include "base/invariant.h"
#include "export/rpz_meaning.h"
#include "export/set.h"
#include "policy/list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- one rule --- */

static void write_quoted(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
}

static const char uncovered[] = "the zone's wildcard does not cover it (RFC 4592)";

static void write_what(FILE *out, const struct rpz_item *item)
{
    char text[ADDRESS_TEXT_MAX];

    if (item->prefix.family != ADDRESS_NONE) {
        address_prefix_format(&item->prefix, text);
        fputs(text, out);
    } else {
        rpz_write_name(out, item->octets, item->len);
    }
}

static void write_subject(FILE *out, const struct rpz_item *item)
{
    const char *subject = policy_subject_name(item->subject);

    if (subject != NULL) {
        fprintf(out, " trigger=%s", subject);
    }
}

static void tell_implied(struct rpz_work *work, const char *match, const struct rpz_item *item)
{
    struct export_rpz_import *import = work->import;
    char *text = NULL;
    size_t len = 0;
    FILE *out;

    import->told[EXPORT_RPZ_IMPLIED]++;
    if (import->tell == NULL || (out = open_memstream(&text, &len)) == NULL) {
        return;
    }
    fprintf(out, "pass %s ", match);
    write_what(out, item);
    write_subject(out, item);
    fprintf(out, ": %s", uncovered);
    if (fclose(out) == 0) {
        import->tell(import->arg, EXPORT_RPZ_IMPLIED, item->rule.line, text);
    }
    free(text);
}

/* implied: a pass rule that the zone has no record of; else what the item's record says. */
static void write_rule(struct rpz_work *work, const char *match, const struct rpz_item *item,
                       bool implied)
{
    const struct export_rpz_import *import = work->import;
    const struct rpz_rule *rule = &item->rule;
    const bool pass = implied || rule->kind == POLICY_PASS;
    FILE *out = work->out;

    fprintf(out, "%s %s ", pass ? "pass" : "block", match);
    write_what(out, item);
    fprintf(out, " category=%s scope=%s confidence=%s", import->category, import->scope,
            import->confidence);
    if (!pass) {
        fprintf(out, " action=%s", policy_action_name(rule->action));
    }
    if (!pass && rule->action == POLICY_ACTION_REDIRECT) {
        const size_t skip = rule->prefixes ? 2 : 0; /* the label '*' */

        fputs(rule->prefixes ? ":*." : ":", out);
        rpz_write_name(out, rule->redirect->target + skip,
                       rule->redirect->target_len - 1 - skip);
    }
    write_subject(out, item);
    /* PASSTHRU leaves the whole answer as it is. What a wildcard does not cover is only not
     * blocked by it. */
    fputs(pass && !implied ? " ends=chain" : "", out);
    fputs(" evidence=\"response policy zone ", out);
    write_quoted(out, work->zone.origin_text);
    fprintf(out, ", serial %" PRIu32 ", line %" PRIu32 "\"", work->zone.serial, rule->line);
    if (implied) {
        fprintf(out, " note=\"%s\"", uncovered);
        tell_implied(work, match, item);
    }
    fputc('\n', out);
    work->import->rules++;
}

static bool says_the_same(const struct rpz_rule *a, const struct rpz_rule *b)
{
    if (a->kind != b->kind || a->action != b->action || a->prefixes != b->prefixes) {
        return false;
    }
    return a->action != POLICY_ACTION_REDIRECT ||
           (a->redirect->target_len == b->redirect->target_len &&
            memcmp(a->redirect->target, b->redirect->target, a->redirect->target_len) == 0);
}

/* --- names --- */

/* A name with its key. */
struct place {
    const uint8_t *key;
    uint8_t key_len;
    const struct rpz_item *item;
};

static int compare_places(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    const int order = export_key_compare(a->key, a->key_len, b->key, b->key_len);

    if (order != 0) {
        return order;
    }
    if (a->item->below != b->item->below) {
        return a->item->below ? 1 : -1;
    }
    /* What says something before what only exists. */
    return (int)b->item->rule.word - (int)a->item->rule.word;
}

/* The names above the one at hand, and whether a wildcard that blocks covers what is below. */
struct cover {
    struct {
        const uint8_t *key;
        uint8_t key_len;
        bool blocks;
    } at[WIRE_LABELS_MAX + 1];
    unsigned count;
};

static void enter(struct cover *cover, const uint8_t *key, uint8_t key_len, bool blocks)
{
    cover->at[cover->count].key = key;
    cover->at[cover->count].key_len = key_len;
    cover->at[cover->count].blocks = blocks;
    cover->count++;
}

/* A name between a wildcard that covers and the name at hand exists: the wildcard covers
 * neither it nor what is below. */
static void write_between(struct rpz_work *work, struct cover *cover, const struct place *place)
{
    const size_t from = cover->at[cover->count - 1].key_len;
    size_t end = from + 1;

    while (end < place->key_len && place->key[end - 1] != 0) {
        end++;
    }
    if (end >= place->key_len) {
        return; /* it is the next one */
    }
    struct rpz_item between = *place->item;
    between.octets = place->item->octets + place->item->len - end;
    between.len = (uint8_t)end;
    write_rule(work, "suffix", &between, true);
    enter(cover, place->key, (uint8_t)end, false);
}

/* The name itself, and what is below it; one of them may be NULL. */
static void write_place(struct rpz_work *work, struct cover *cover, const struct place *at,
                        const struct place *below)
{
    const struct place *place = at != NULL ? at : below;
    bool covered;

    invariant(place != NULL);
    const struct rpz_item *item = place->item;

    while (cover->count > 0 && !export_key_covers(cover->at[cover->count - 1].key,
                                                  cover->at[cover->count - 1].key_len,
                                                  place->key, place->key_len)) {
        cover->count--;
    }
    if (cover->count > 0 && cover->at[cover->count - 1].blocks) {
        write_between(work, cover, place);
    }
    covered = cover->count > 0 && cover->at[cover->count - 1].blocks;
    const bool says_at = at != NULL && at->item->rule.word == RPZ_WORD_RULE;
    const bool says_below = below != NULL && below->item->rule.word == RPZ_WORD_RULE;
    if (says_at && says_below && says_the_same(&at->item->rule, &below->item->rule)) {
        write_rule(work, "suffix", at->item, false);
    } else if (!says_at && !says_below && covered) {
        write_rule(work, "suffix", item, true);
    } else {
        if (says_at || covered) {
            write_rule(work, "exact", says_at ? at->item : item, !says_at);
        }
        if (says_below || covered) {
            write_rule(work, "below", says_below ? below->item : item, !says_below);
        }
    }
    enter(cover, place->key, place->key_len,
          says_below && below->item->rule.kind == POLICY_BLOCK);
}

/* The key of the name alone: of a name server's, another label follows where it stands. */
static uint8_t key_of(const struct rpz_item *item, uint8_t key[WIRE_NAME_MAX])
{
    uint8_t wire[WIRE_NAME_MAX + 1];

    memcpy(wire, item->octets, item->len);
    wire[item->len] = 0;
    return export_key_of(wire, key);
}

/* The names of one subject, which know nothing of the others. */
static int write_names(struct rpz_work *work, enum policy_subject subject)
{
    size_t count = 0;
    struct place *places = calloc(work->name_count + 1, sizeof(places[0]));
    struct cover cover = {.count = 0};
    size_t octets = WIRE_NAME_MAX;

    for (size_t i = 0; i < work->name_count; i++) {
        octets += work->names[i].len;
    }
    uint8_t *keys = malloc(octets);
    if (places == NULL || keys == NULL) {
        free(places);
        free(keys);
        return -ENOMEM;
    }
    octets = 0;
    for (size_t i = 0; i < work->name_count; i++) {
        if (work->names[i].subject == subject) {
            places[count].item = &work->names[i];
            places[count].key = keys + octets;
            places[count].key_len = key_of(&work->names[i], keys + octets);
            octets += places[count++].key_len;
        }
    }
    if (count > 0) {
        qsort(places, count, sizeof(places[0]), compare_places);
    }
    for (size_t i = 0; i < count;) {
        const struct place *at = NULL, *below = NULL;
        size_t end = i;

        for (; end < count && export_key_compare(places[i].key, places[i].key_len,
                                                 places[end].key, places[end].key_len) == 0;
             end++) {
            const struct place **which = places[end].item->below ? &below : &at;

            *which = *which == NULL ? &places[end] : *which;
        }
        if (places[i].key_len > 0) { /* all names are no rule of a list */
            write_place(work, &cover, at, below);
        }
        i = end;
    }
    free(places);
    free(keys);
    return 0;
}

/* --- addresses --- */

static int compare_prefixes(const void *left, const void *right)
{
    const struct rpz_item *one = left, *other = right;
    const struct address_prefix *a = &one->prefix, *b = &other->prefix;

    if (one->subject != other->subject) {
        return one->subject < other->subject ? -1 : 1;
    }

    if (a->family != b->family) {
        return a->family < b->family ? -1 : 1;
    }
    const int order = memcmp(a->octets, b->octets, sizeof(a->octets));
    return order != 0 ? order : (a->bits > b->bits) - (a->bits < b->bits);
}

static bool within(const struct address_prefix *above, const struct address_prefix *one)
{
    struct address address = {.family = one->family};

    memcpy(address.octets, one->octets, sizeof(address.octets));
    return above->family == one->family && above->bits < one->bits &&
           address_prefix_covers(above, &address);
}

/* What is left out within a prefix that is blocked is let through. */
static void write_prefixes(struct rpz_work *work)
{
    const struct rpz_item *above[129];
    bool blocks[129];
    unsigned depth = 0;

    if (work->prefix_count > 0) {
        qsort(work->prefixes, work->prefix_count, sizeof(work->prefixes[0]), compare_prefixes);
    }
    for (size_t i = 0; i < work->prefix_count; i++) {
        const struct rpz_item *item = &work->prefixes[i];

        if (i > 0 && compare_prefixes(item, item - 1) == 0) {
            work->import->told[EXPORT_RPZ_LEFT_OUT]++;
            if (work->import->tell != NULL) {
                work->import->tell(work->import->arg, EXPORT_RPZ_LEFT_OUT, item->rule.line,
                                   "a second spelling of a prefix that the zone has");
            }
            continue;
        }
        while (depth > 0 && (above[depth - 1]->subject != item->subject ||
                             !within(&above[depth - 1]->prefix, &item->prefix))) {
            depth--;
        }
        const bool says = item->rule.word == RPZ_WORD_RULE;
        const bool covered = depth > 0 && blocks[depth - 1];
        if (says || covered) {
            write_rule(work, "prefix", item, !says);
        }
        above[depth] = item;
        blocks[depth] = says && item->rule.kind == POLICY_BLOCK;
        depth++;
    }
}

/* --- the list --- */

static bool is_printable(const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

static int check_words(const struct export_rpz_import *import, struct report *report)
{
    const char *const words[] = {import->id,       import->provider, import->title,
                                 import->serial,   import->created,  import->expires,
                                 import->category, import->scope,    import->confidence};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!is_printable(words[i])) {
            report_add(report, REPORT_ERROR, import->file, 0, 0,
                       "words for the list have a control character");
            return CORDON_E_REFUSED;
        }
    }
    return 0;
}

static void write_head(struct rpz_work *work)
{
    const struct export_rpz_import *import = work->import;
    FILE *out = work->out;

    fprintf(out,
            "cordon-list 1\n# Imported from the response policy zone %s, serial %" PRIu32
            ".\nid %s\n",
            work->zone.origin_text, work->zone.serial, import->id);
    if (import->title != NULL) {
        fprintf(out, "title %s\n", import->title);
    } else {
        fprintf(out, "title Response policy zone %.150s\n", work->zone.origin_text);
    }
    fprintf(out, "provider %s\nserial ", import->provider);
    if (import->serial != NULL) {
        fprintf(out, "%s\n", import->serial);
    } else {
        fprintf(out, "%" PRIu32 "\n", work->zone.serial);
    }
    fprintf(out, "created %s\nexpires %s\n\nrules\n", import->created, import->expires);
}

/* Whatever the zone had: what comes out is a list, or it does not come out. */
static int check_list(const char *text, size_t len, const char *file, struct report *report)
{
    struct policy_list *list = NULL;
    char name[300];

    snprintf(name, sizeof(name), "list made of %.200s", file);
    const int rc = policy_list_parse(text, len, name, report, &list);
    policy_list_free(list);
    return rc;
}

int export_rpz_import(struct export_rpz_import *import, const char *text, size_t len,
                      struct report *report, FILE *out)
{
    struct rpz_work work = {.import = import};
    char *list = NULL;
    size_t list_len = 0;
    int rc = check_words(import, report);

    if (rc != 0) {
        return rc;
    }
    rc = rpz_zone_read(text, len, import->file, import->origin, report, &work.zone);
    if (rc != 0) {
        return rc;
    }
    work.out = open_memstream(&list, &list_len);
    rc = work.out == NULL ? -ENOMEM : rpz_understand(&work);
    if (rc == 0) {
        import->records = work.zone.count;
        write_head(&work);
        rc = write_names(&work, POLICY_SUBJECT_ANSWER);
        rc = rc == 0 ? write_names(&work, POLICY_SUBJECT_NAMESERVER) : rc;
        write_prefixes(&work);
        fputs("end\n", work.out);
    }
    if (work.out != NULL && fclose(work.out) != 0 && rc == 0) {
        rc = -ENOMEM;
    }
    rc = rc == 0 ? check_list(list, list_len, import->file, report) : rc;
    if (rc == 0) {
        fwrite(list, list_len, 1, out);
    }
    free(list);
    free(work.names);
    free(work.prefixes);
    rpz_zone_deinit(&work.zone);
    return rc;
}
