#include "export/rpz.h"

#include "base/digest.h"
#include "base/error.h"
#include "export/limits.h"
#include "policy/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TTL 60 /* seconds; resolvers keep a rewritten answer that long */

struct zone {
    struct export_job *job;
    const struct export_set *part; /* of the job's set: what the triggers at hand are about */
    const char *name;
    size_t list;
    uint32_t serial;
    FILE *records;
    int rc;
};

/* a-z, 0-9 and single '-' between them. */
static void slug(const char *text, size_t max, char *out)
{
    size_t used = 0;
    bool cut = false;

    for (; *text != '\0' && !cut; text++) {
        const char c = (char)(*text >= 'A' && *text <= 'Z' ? *text + 32 : *text);

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            out[used++] = c;
        } else if (used > 0 && out[used - 1] != '-') {
            out[used++] = '-';
        }
        cut = used == max;
    }
    /* Only whole words. */
    if (cut && *text != '\0') {
        size_t end = used;

        while (end > 0 && out[end - 1] != '-') {
            end--;
        }
        used = end > 1 ? end : used;
    }
    while (used > 0 && out[used - 1] == '-') {
        used--;
    }
    out[used] = '\0';
}

/* Whose word the status of the list is. */
static void authority_label(const struct policy_list *list, char *out)
{
    static const char none[] = "no-listing-found"; /* which is not "not listed" */
    const struct policy_fact *fact = policy_list_status(list);

    out[0] = '\0';
    if (fact != NULL && fact->class != POLICY_CLASS_NONE_FOUND &&
        fact->class != POLICY_CLASS_NAMED_NO_DESIGNATION_FOUND) {
        slug(fact->authority, EXPORT_AUTHORITY_LABEL_MAX, out);
    }
    if (out[0] == '\0') {
        memcpy(out, none, sizeof(none));
    }
}

int export_rpz_name(const struct policy_list *list, const char *origin,
                    char out[WIRE_NAME_TEXT_MAX])
{
    char authority[EXPORT_AUTHORITY_LABEL_MAX + 16];
    char id[WIRE_LABEL_MAX + 1];
    struct wire_name name;

    authority_label(list, authority);
    if (strlen(list->id) <= WIRE_LABEL_MAX) {
        memcpy(id, list->id, strlen(list->id) + 1);
    } else {
        /* An id may have an octet more than a label. */
        uint8_t digest[DIGEST_OCTETS];
        char hex[9];

        digest_of(list->id, strlen(list->id), NULL, digest);
        digest_hex(digest, 4, hex);
        snprintf(id, sizeof(id), "%.54s-%s", list->id, hex);
    }
    const int len = snprintf(out, WIRE_NAME_TEXT_MAX, "%s.%s.%s", id, authority, origin);
    if (len >= WIRE_NAME_TEXT_MAX ||
        wire_name_from_text(out, (size_t)len, &name) != WIRE_TEXT_OK) {
        return CORDON_E_TOO_LARGE;
    }
    return 0;
}

static void use_serial(struct zone *zone, const struct export_word *word)
{
    const uint32_t serial = zone->job->set->sources[word->list].list->serial;

    zone->serial = serial > zone->serial ? serial : zone->serial;
}

/* How RPZ writes what a rule is about, after the name and after the prefix. */
static const struct {
    const char *name, *prefix;
} labels[POLICY_SUBJECTS] = {
    [POLICY_SUBJECT_ANSWER] = {"", "rpz-ip"},
    [POLICY_SUBJECT_CLIENT] = {"", "rpz-client-ip"},
    [POLICY_SUBJECT_NAMESERVER] = {".rpz-nsdname", "rpz-nsip"},
};

/* The records of an owner, given without the zone's name. */
static void write_word(struct zone *zone, const char *owner, const struct export_word *word,
                       bool lets_through_below)
{
    FILE *out = zone->records;
    const struct policy_list_rule *rule = word->rule;

    use_serial(zone, word);
    if (export_word_verdict(word) != EXPORT_BLOCK) {
        fprintf(out, "%s CNAME rpz-passthru.\n", owner);
        return;
    }
    switch (export_word_action(zone->job->set, word)) {
    case POLICY_ACTION_SINKHOLE:
        fprintf(out, "%s A 0.0.0.0\n%s AAAA ::\n", owner, owner);
        return;
    case POLICY_ACTION_NXDOMAIN:
        fprintf(out, "%s CNAME %s\n", owner, lets_through_below ? "*." : ".");
        return;
    case POLICY_ACTION_DROP:
        fprintf(out, "%s CNAME rpz-drop.\n", owner);
        return;
    case POLICY_ACTION_TRUNCATE:
        fprintf(out, "%s CNAME rpz-tcp-only.\n", owner);
        return;
    case POLICY_ACTION_REDIRECT:
        fprintf(out, "%s CNAME %s%s.\n", owner, rule->redirect_prefixes ? "*." : "",
                rule->redirect);
        return;
    case POLICY_ACTION_REFUSED: /* told in export_rpz_lose() */
    case POLICY_ACTION_NODATA:
    case POLICY_ACTION_DEFAULT:
    case POLICY_ACTION_PASS:
    case POLICY_ACTION_LOG:
        fprintf(out, "%s CNAME *.\n", owner);
        return;
    }
}

/* True if the name fits before the zone's (with a wildcard's label) and is no other trigger. */
static bool has_room(const struct zone *zone, const struct export_node *node)
{
    static const char *const triggers[] = {"rpz-ip", "rpz-client-ip", "rpz-nsip",
                                           "rpz-nsdname"};

    for (size_t i = 0; i < sizeof(triggers) / sizeof(triggers[0]); i++) {
        /* The key begins with the last label. */
        if (node->key_len > strlen(triggers[i]) &&
            strcmp((const char *)node->key, triggers[i]) == 0) {
            return false;
        }
    }
    return node->key_len + 2u + strlen(labels[zone->part->subject].name) + strlen(zone->name) +
               2u <=
           WIRE_NAME_MAX;
}

/* The list's own rules, and whatever is decided below them; and of whatever list, what lets
 * through all that comes after it: a later trigger of this zone would block it else. Gives
 * whether the zone covers what is below the node. */
static bool write_node(struct zone *zone, size_t index, bool is_covered)
{
    const struct export_node *node = &zone->part->nodes[index];
    const bool is_answer = zone->part->subject == POLICY_SUBJECT_ANSWER;
    const bool at = export_word_verdict(&node->at) == EXPORT_BLOCK && node->own_at &&
                    node->at.list == zone->list;
    const bool below = export_word_verdict(&node->below) == EXPORT_BLOCK && node->own_below &&
                       node->below.list == zone->list;
    const bool chain_at = node->own_at && export_word_ends_chain(&node->at);
    const bool chain_below = node->own_below && export_word_ends_chain(&node->below);
    char name[WIRE_NAME_TEXT_MAX + 16];
    char wildcard[WIRE_NAME_TEXT_MAX + 18];

    if (!at && !below && !chain_at && !chain_below && !is_covered) {
        return false;
    }
    if (!has_room(zone, node)) {
        if (at || below) {
            export_lose(zone->job, EXPORT_LOSS_NAME, at ? &node->at : &node->below);
        }
        /* A wildcard above, or a later trigger, would block what is let through. */
        if (chain_at || chain_below ||
            (is_covered && (export_word_verdict(&node->at) != EXPORT_BLOCK ||
                            export_word_verdict(&node->below) != EXPORT_BLOCK))) {
            zone->rc = CORDON_E_TOO_LARGE;
        }
        return is_covered;
    }
    export_key_text(node->key, node->key_len, name);
    const size_t used = strlen(name);
    snprintf(name + used, sizeof(name) - used, "%s", labels[zone->part->subject].name);
    if (at || chain_at || is_covered) {
        write_word(zone, name, &node->at,
                   is_answer &&
                       export_lets_through_below(zone->part, index, node->key, node->key_len));
        if (!at && node->own_at && export_word_verdict(&node->at) == EXPORT_BLOCK) {
            export_lose(zone->job, EXPORT_LOSS_BASIS, &node->at);
        }
    }
    if (below || chain_below || is_covered) {
        snprintf(wildcard, sizeof(wildcard), "*.%s", name);
        write_word(zone, wildcard, &node->below, false);
        return true;
    }
    return false;
}

/* "24.0.2.0.192.rpz-ip", "48.zz.1.db8.2001.rpz-ip": the longest run of zeros is written "zz".
 */
static void prefix_owner(const struct address_prefix *prefix, const char *label, char out[128])
{
    const uint8_t *o = prefix->octets;
    unsigned words[8];
    int best = -1, best_len = 1;

    if (prefix->family == ADDRESS_V4) {
        snprintf(out, 128, "%u.%u.%u.%u.%u.%s", prefix->bits, o[3], o[2], o[1], o[0], label);
        return;
    }
    for (int i = 0; i < 8; i++) {
        words[i] = (unsigned)o[14 - 2 * i] << 8 | o[15 - 2 * i]; /* from the right */
    }
    for (int i = 0; i < 8; i++) {
        int len = 0;

        while (i + len < 8 && words[i + len] == 0) {
            len++;
        }
        if (len > best_len) {
            best = i;
            best_len = len;
        }
    }
    size_t used = (size_t)snprintf(out, 128, "%u", prefix->bits);
    for (int i = 0; i < 8; i++) {
        if (i == best) {
            used += (size_t)snprintf(out + used, 128 - used, ".zz");
            i += best_len - 1;
        } else {
            used += (size_t)snprintf(out + used, 128 - used, ".%x", words[i]);
        }
    }
    snprintf(out + used, 128 - used, ".%s", label);
}

static bool prefix_within(const struct address_prefix *above, const struct address_prefix *one)
{
    struct address address = {.family = one->family};

    memcpy(address.octets, one->octets, sizeof(address.octets));
    return above->family == one->family && above->bits < one->bits &&
           address_prefix_covers(above, &address);
}

static void write_prefixes(struct zone *zone)
{
    const struct export_set *set = zone->part;
    const struct address_prefix *above[129]; /* one within the other; lengths grow */
    bool covers[129];
    unsigned depth = 0;
    char owner[128];

    for (size_t i = 0; i < set->prefix_count; i++) {
        const struct export_prefix *prefix = &set->prefixes[i];
        const bool blocks = export_word_verdict(&prefix->word) == EXPORT_BLOCK;

        while (depth > 0 && !prefix_within(above[depth - 1], &prefix->prefix)) {
            depth--;
        }
        const bool is_covered = depth > 0 && covers[depth - 1];
        const bool own = blocks && prefix->word.list == zone->list;
        const bool chain = export_word_ends_chain(&prefix->word);
        if (own || chain || is_covered) {
            prefix_owner(&prefix->prefix, labels[set->subject].prefix, owner);
            write_word(zone, owner, &prefix->word, false);
            if (!own && blocks) {
                export_lose(zone->job, EXPORT_LOSS_BASIS, &prefix->word);
            }
        }
        above[depth] = &prefix->prefix;
        covers[depth] = own || chain || is_covered;
        depth++;
    }
}

/* The rules of one part: those about answers, clients or name servers. */
static void write_part(struct zone *zone, const struct export_set *part)
{
    struct export_above above = {.count = 0};

    zone->part = part;
    for (size_t i = 0; i < part->node_count; i++) {
        const bool is_covered = export_above_of(&above, &part->nodes[i], 0) != 0;

        export_above_enter(&above, &part->nodes[i], write_node(zone, i, is_covered));
    }
    write_prefixes(zone);
}

int export_rpz_zone(struct export_job *job, size_t index, const char *name, uint32_t *serial)
{
    const struct export_set *set = job->set;
    struct zone zone = {job, set, name, index, set->sources[index].list->serial, NULL, 0};
    bool in_use[POLICY_LISTS_MAX] = {false};
    char *records = NULL;
    size_t len = 0;

    zone.records = open_memstream(&records, &len);
    if (zone.records == NULL) {
        return -ENOMEM;
    }
    write_part(&zone, set);
    for (unsigned i = 0; i < POLICY_SUBJECTS; i++) {
        if (set->parts[i] != NULL) {
            write_part(&zone, set->parts[i]);
        }
    }
    if (fclose(zone.records) != 0) {
        zone.rc = -ENOMEM;
    }
    if (zone.rc != 0) {
        free(records);
        return zone.rc;
    }
    in_use[index] = true;
    export_head(job->out, set, in_use, ";", "response policy zone of one list");
    fprintf(job->out,
            "$ORIGIN %s.\n$TTL %d\n@ SOA localhost. hostmaster.localhost. %" PRIu32
            " 3600 600 604800 %d\n@ NS localhost.\n",
            name, TTL, zone.serial, TTL);
    fwrite(records, len, 1, job->out);
    free(records);
    *serial = zone.serial;
    return 0;
}

static void lose_word(struct export_job *job, const struct export_word *word, bool is_covered)
{
    const struct policy_list_rule *rule = word->rule;

    if (is_covered && rule != NULL && rule->subject != POLICY_SUBJECT_ANSWER &&
        !rule->ends_chain && export_word_verdict(word) != EXPORT_BLOCK) {
        export_lose(job, EXPORT_LOSS_CHAIN, word);
    }
    switch (export_word_verdict(word)) {
    case EXPORT_LOG:
        if (!is_covered) { /* where it is, the engine records a PASSTHRU */
            export_lose(job, EXPORT_LOSS_LOG, word);
        }
        break;
    case EXPORT_BLOCK:
        if (export_word_action(job->set, word) == POLICY_ACTION_REFUSED) {
            export_lose(job, EXPORT_LOSS_ACTION, word);
        }
        break;
    case EXPORT_NONE:
    case EXPORT_PASS:
        break;
    }
}

static void lose_part(struct export_job *job, const struct export_set *set)
{
    struct export_above above = {.count = 0};
    struct {
        const struct address_prefix *prefix;
        bool covers;
    } around[129];
    unsigned depth = 0;

    for (size_t i = 0; i < set->node_count; i++) {
        const struct export_node *node = &set->nodes[i];
        const bool is_covered = export_above_of(&above, node, 0) != 0;

        if (node->own_below) {
            lose_word(job, &node->below, is_covered);
        }
        if (node->own_at && !(node->own_below && node->at.rule == node->below.rule)) {
            lose_word(job, &node->at, is_covered);
        }
        export_above_enter(&above, node,
                           export_word_verdict(&node->below) == EXPORT_BLOCK ||
                               export_word_ends_chain(&node->below));
    }
    for (size_t i = 0; i < set->prefix_count; i++) {
        const struct export_prefix *prefix = &set->prefixes[i];

        while (depth > 0 && !prefix_within(around[depth - 1].prefix, &prefix->prefix)) {
            depth--;
        }
        const bool is_covered = depth > 0 && around[depth - 1].covers;
        lose_word(job, &prefix->word, is_covered);
        around[depth].prefix = &prefix->prefix;
        around[depth].covers = export_word_verdict(&prefix->word) == EXPORT_BLOCK ||
                               export_word_ends_chain(&prefix->word);
        depth++;
    }
}

void export_rpz_lose(struct export_job *job)
{
    lose_part(job, job->set);
    for (unsigned i = 0; i < POLICY_SUBJECTS; i++) {
        if (job->set->parts[i] != NULL) {
            lose_part(job, job->set->parts[i]);
        }
    }
}
