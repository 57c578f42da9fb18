#include "export/job.h"

#include "base/clock.h"
#include "base/digest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[EXPORT_LOSSES] = {
    [EXPORT_LOSS_ADDRESS] = "left out: the format knows names, not addresses",
    [EXPORT_LOSS_BELOW] = "left out: the format cannot block what is below a name without it",
    [EXPORT_LOSS_EXACT] = "left out: the format may block what is below a name with it",
    [EXPORT_LOSS_HOLE] =
        "left out: another rule lets something below through, which the format cannot say",
    [EXPORT_LOSS_DEPTH] = "left out: too many exceptions within exceptions for the format",
    [EXPORT_LOSS_NAME] = "left out: the format has no room for the name",
    [EXPORT_LOSS_NARROW] = "blocks the name alone: the format cannot block what is below",
    [EXPORT_LOSS_WIDE] =
        "lets more through than it says: the format cannot tell a name from what is below",
    [EXPORT_LOSS_ACTION] = "blocks with another answer: the format does not know the action",
    [EXPORT_LOSS_LOG] = "lets through, but the format records nothing",
    [EXPORT_LOSS_TRIGGER] =
        "left out: the format knows the names that are asked for, no clients and name servers",
    [EXPORT_LOSS_CHAIN] = "lets more through than it says: the format ends all by it",
    [EXPORT_LOSS_CLIENT] =
        "lets these clients ask for everything, and the format would block for all",
    [EXPORT_LOSS_BASIS] = "is below a rule of another list, and answered from its zone too",
};

const char *export_loss_words(enum export_loss loss)
{
    return loss < EXPORT_LOSSES ? words[loss] : NULL;
}

void export_lose(struct export_job *job, enum export_loss loss, const struct export_word *word)
{
    if (job->last[loss] == word->rule) { /* of two names that it covers */
        return;
    }
    job->last[loss] = word->rule;
    job->losses[loss]++;
    if (job->lose != NULL) {
        job->lose(job->arg, loss, word);
    }
}

static void lose_subjects(struct export_job *job)
{
    for (uint32_t l = 0; l < job->set->source_count; l++) {
        const struct policy_list *list = job->set->sources[l].list;

        for (size_t i = 0; i < list->rule_count; i++) {
            const struct export_word word = {&list->rules[i], l};

            if (word.rule->subject == POLICY_SUBJECT_ANSWER) {
                continue;
            }
            switch (export_word_verdict(&word)) {
            case EXPORT_BLOCK:
                export_lose(job, EXPORT_LOSS_TRIGGER, &word);
                break;
            case EXPORT_LOG:
                export_lose(job, EXPORT_LOSS_LOG, &word);
                break;
            case EXPORT_NONE:
            case EXPORT_PASS:
                break;
            }
        }
    }
}

void export_lose_prefixes(struct export_job *job)
{
    lose_subjects(job);
    for (size_t i = 0; i < job->set->prefix_count; i++) {
        const struct export_word *word = &job->set->prefixes[i].word;

        switch (export_word_verdict(word)) {
        case EXPORT_BLOCK:
            export_lose(job, EXPORT_LOSS_ADDRESS, word);
            break;
        case EXPORT_LOG:
            export_lose(job, EXPORT_LOSS_LOG, word);
            break;
        case EXPORT_NONE:
        case EXPORT_PASS:
            break;
        }
    }
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, TRUST_KEY_ID_OCTETS);
}

static void write_signers(FILE *out, const struct export_source *source, const char *comment)
{
    uint8_t ids[TRUST_KEYS_MAX][TRUST_KEY_ID_OCTETS];
    const size_t count = source->verdict->count;
    const char *id = source->list->id;
    char text[TRUST_KEY_ID_TEXT];

    memcpy(ids, source->verdict->ids, sizeof(ids));
    if (count > 0) {
        qsort(ids, count, sizeof(ids[0]), compare_ids);
    }
    fprintf(out, "%s   signed by", comment);
    for (size_t i = 0; i < count; i++) {
        trust_key_id_format(ids[i], text);
        fprintf(out, " %s", text);
    }
    fprintf(
        out,
        "\n%s   verify the original: cordon list verify --keys KEYS --threshold %zu %s.list\n",
        comment, count, id);
    for (size_t i = 0; i < count; i++) {
        trust_key_id_format(ids[i], text);
        fprintf(out, "%s     minisign -V -p %s.pub -x %s.list.%s.minisig -m %s.list\n", comment,
                text, id, text, id);
    }
}

static void write_status(FILE *out, const struct policy_list *list, const char *comment)
{
    const struct policy_fact *fact = policy_list_status(list);

    if (fact == NULL) {
        fprintf(out, "%s   legal status: nothing is stated\n", comment);
        return;
    }
    fprintf(out, "%s   legal status: %s: %s\n%s     %s", comment,
            policy_class_name(fact->class), fact->entity, comment, fact->authority);
    if (fact->instrument[0] != '\0') {
        fprintf(out, "; %s", fact->instrument);
    }
    if (fact->citation[0] != '\0') {
        fprintf(out, "; %s", fact->citation);
    }
    fprintf(out, "; %s, checked %s\n", fact->state, fact->checked);
    if (list->legal_requirement[0] != '\0') {
        fprintf(out, "%s   required by law: %s\n", comment, list->legal_requirement);
    }
}

static void write_list(FILE *out, const struct export_source *source, const char *comment)
{
    const struct policy_list *list = source->list;
    char created[CLOCK_TEXT_MAX], expires[CLOCK_TEXT_MAX];
    char hex[2 * DIGEST_OCTETS + 1];

    clock_format_s(list->created_s, created);
    clock_format_s(list->expires_s, expires);
    digest_hex(list->digest, DIGEST_OCTETS, hex);
    fprintf(out, "%s\n%s %s serial %" PRIu32 ": %s\n", comment, comment, list->id, list->serial,
            list->title);
    fprintf(out, "%s   provider %s%s%s; created %s, expires %s\n", comment, list->provider_name,
            list->parent_name[0] != '\0' ? ", owned by " : "", list->parent_name, created,
            expires);
    write_status(out, list, comment);
    fprintf(out, "%s   source %s.list, BLAKE2b-256 (b2sum -l 256) %s\n", comment, list->id,
            hex);
    write_signers(out, source, comment);
}

void export_head(FILE *out, const struct export_set *set, const bool *in_use,
                 const char *comment, const char *about)
{
    fprintf(out, "%s cordon list export: %s\n", comment, about);
    fprintf(out, "%s Made from signed lists; this file is not signed itself.\n", comment);
    for (size_t i = 0; i < set->source_count; i++) {
        if (in_use == NULL || in_use[i]) {
            write_list(out, &set->sources[i], comment);
        }
    }
    fprintf(out, "%s\n", comment);
}

void export_basis(const struct policy_list *list, char *out, size_t size)
{
    const struct policy_fact *fact = policy_list_status(list);

    if (fact != NULL) {
        snprintf(out, size, "%s serial %" PRIu32 ", %s: %s (%s)", list->id, list->serial,
                 policy_class_name(fact->class), fact->entity, fact->authority);
    } else {
        snprintf(out, size, "%s serial %" PRIu32, list->id, list->serial);
    }
    /* Not in the middle of a character of UTF-8. */
    size_t len = strlen(out);
    if (len + 1 == size) {
        while (len > 0 && ((unsigned char)out[len - 1] & 0xc0) == 0x80) {
            len--;
        }
        if (len > 0 && (unsigned char)out[len - 1] >= 0xc0) {
            len--;
        }
        out[len] = '\0';
    }
}
