#include "base/clock.h"
#include "base/error.h"
#include "cli/audit.h"
#include "cli/audit_cosign.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cli_witness_key(const char *command, const char *named, struct trust_note_key *out)
{
    int rc = trust_note_key_parse(named, strlen(named), out);

    if (rc == 0 && out->kind != TRUST_NOTE_COSIGNATURE) {
        rc = CORDON_E_FORMAT;
    } else if (rc != 0) {
        rc = audit_witness_key_read(named, out);
    }
    if (rc != 0) {
        fprintf(stderr,
                "cordon %s: %s: %s; give what `cordon audit witness key` shows, or a file "
                "with it\n",
                command, named, cordon_strerror(rc));
        return CLI_REFUSED;
    }
    return CLI_GO_ON;
}

static bool has_key(const struct cli_witnesses *witnesses, const struct trust_note_key *key)
{
    for (size_t i = 0; i < witnesses->count; i++) {
        if (memcmp(witnesses->at[i].key.key, key->key, sizeof(key->key)) == 0) {
            return true;
        }
    }
    return false;
}

static int take_word(const char *command, const char *word, const struct trust_note_key *log,
                     struct cli_witnesses *out)
{
    struct trust_note_key key;
    const int code = cli_witness_key(command, word, &key);

    if (code != CLI_GO_ON) {
        return code;
    }
    if (out->count == AUDIT_WITNESSES_MAX) {
        return cli_usage(command, "--witness: at most %u keys", AUDIT_WITNESSES_MAX);
    }
    if (has_key(out, &key)) {
        return cli_usage(command, "--witness: %s is named twice", key.name);
    }
    if (memcmp(key.key, log->key, sizeof(key.key)) == 0) {
        return cli_usage(command, "--witness: %s is the log's own key", key.name);
    }
    out->at[out->count++] = (struct audit_cosigner){.key = key};
    return CLI_GO_ON;
}

int cli_witnesses(const char *command, const char *named, const char *quorum,
                  const struct trust_note_key *log, struct cli_witnesses *out)
{
    unsigned number = 0;
    char *rest = NULL;
    int code = CLI_GO_ON;

    out->count = 0;
    out->quorum = 0;
    if (named == NULL) {
        return quorum == NULL ? CLI_GO_ON : cli_usage(command, "--quorum is for --witness");
    }
    char *words = strdup(named);
    if (words == NULL) {
        return CLI_REFUSED;
    }
    for (char *word = strtok_r(words, ",", &rest); word != NULL && code == CLI_GO_ON;
         word = strtok_r(NULL, ",", &rest)) {
        code = take_word(command, word, log, out);
    }
    free(words);
    if (code == CLI_GO_ON && out->count == 0) {
        code = cli_usage(command, "--witness: name a key");
    }
    if (code == CLI_GO_ON && quorum != NULL &&
        !cli_number(quorum, 1, (unsigned)out->count, &number)) {
        code =
            cli_usage(command, "--quorum %s: give a number from 1 to %zu", quorum, out->count);
    }
    out->quorum = number > 0 ? number : out->count;
    return code;
}

bool cli_witnesses_hold(const struct cli_witnesses *witnesses)
{
    for (size_t i = 0; i < witnesses->count; i++) {
        if (witnesses->at[i].bad) {
            return false;
        }
    }
    return witnesses->count == 0 ||
           audit_cosigners_blocks(witnesses->at, witnesses->count, witnesses->quorum) > 0;
}

void cli_witnesses_print(const struct cli_witnesses *witnesses, uint64_t blocks)
{
    char time[CLOCK_TEXT_MAX];

    for (size_t i = 0; i < witnesses->count; i++) {
        const struct audit_cosigner *at = &witnesses->at[i];

        if (at->bad) {
            printf("  witness %s: A SIGNATURE OF IT DOES NOT VERIFY\n", at->key.name);
        } else if (at->size == 0) {
            printf("  witness %s: has signed nothing that is here\n", at->key.name);
        } else {
            clock_format_s(at->time_s, time);
            printf("  witness %s: has signed %" PRIu64 " blocks, at %s\n", at->key.name,
                   at->size, time);
        }
    }
    if (witnesses->count > 0) {
        printf("  %s of %zu witnesses (of %zu): %" PRIu64 " of %" PRIu64 " blocks\n",
               cli_witnesses_hold(witnesses) ? "seen by a quorum" : "NOT SEEN by a quorum",
               witnesses->quorum, witnesses->count,
               audit_cosigners_blocks(witnesses->at, witnesses->count, witnesses->quorum),
               blocks);
    }
}

void cli_witnesses_json(const struct cli_witnesses *witnesses, struct text *out)
{
    char time[CLOCK_TEXT_MAX];

    if (witnesses->count == 0) {
        return;
    }
    json_array_begin(out, "witnesses");
    for (size_t i = 0; i < witnesses->count; i++) {
        const struct audit_cosigner *at = &witnesses->at[i];

        json_object_begin(out, NULL);
        json_string(out, "name", at->key.name);
        json_bool(out, "bad", at->bad);
        json_uint(out, "blocks", at->size);
        if (at->size > 0) {
            clock_format_s(at->time_s, time);
        }
        json_string(out, "time", at->size > 0 ? time : NULL);
        json_object_end(out);
    }
    json_array_end(out);
    json_uint(out, "quorum", witnesses->quorum);
    json_bool(out, "witnessed", cli_witnesses_hold(witnesses));
    json_uint(out, "witnessed_blocks",
              audit_cosigners_blocks(witnesses->at, witnesses->count, witnesses->quorum));
}
