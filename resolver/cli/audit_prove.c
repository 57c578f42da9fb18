/* cordon audit prove and check: that one event is in the log, for somebody who has the public
 * key and nothing else. */
#include "audit/proof.h"

#include "audit/id.h"
#include "audit/shown.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/audit.h"
#include "cli/audit_cosign.h"
#include "cli/audit_open.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/safe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prove_help[] =
    "usage: cordon audit prove [--output FILE] [--log DIR] [--key KEY] [-c CONFIG] ID\n"
    "\n"
    "Writes a proof that an event is in the audit log: one small text that `cordon audit "
    "check`, or\n"
    "any reader of c2sp.org/tlog-proof, verifies with the public key alone. Where witnesses "
    "have\n"
    "signed a checkpoint that covers the event, their signatures are in it.\n"
    "  ID                 of the event, as `cordon audit search` shows it: d17, q17, c17, "
    "2-d17\n"
    "  --output FILE      write it there (FILE.tlog-proof is the usual name)\n"
    "  --log DIR          the folder of the log; not said: that of the configuration\n"
    "  --key KEY          of the log; not said: that of this machine\n"
    "  -c, --config FILE  the configuration\n"
    "Exit status: 0 proven; 1 it cannot be: there is no such event, its block was removed, no\n"
    "checkpoint covers it yet, or the log is damaged.\n";

static const char check_help[] =
    "usage: cordon audit check --key KEY [--witness KEY[,KEY...] [--quorum N]] [--json] "
    "[FILE]\n"
    "\n"
    "Verifies a proof that `cordon audit prove` has made, and shows the event. It needs the "
    "proof\n"
    "and the public key, nothing else: no log, no network, no word of whoever sent it.\n"
    "  FILE           the proof; not said, or \"-\": standard input\n"
    "  --key KEY      of the log: what `cordon audit key` shows there, or a file with it\n"
    "  --witness KEY  of witnesses that have to have signed its checkpoint as well\n"
    "  --quorum N     so many of them; not said: all\n"
    "  --json         as a JSON document\n"
    "Exit status: 0 the event is in that log; 1 this proves nothing.\n";

/* --- prove --- */

struct newest {
    const struct trust_note_key *key;
    char *note;
    size_t len;
};

static bool take_newest(void *context, const char *note, size_t len)
{
    struct newest *newest = context;
    struct trust_note parsed;

    if (trust_note_parse(note, len, &parsed) != 0 ||
        trust_note_verify(&parsed, newest->key, NULL) != 0) {
        return true; /* not one of this log */
    }
    newest->note = malloc(len);
    if (newest->note != NULL) {
        memcpy(newest->note, note, len);
        newest->len = len;
    }
    return false;
}

static int refuse(const char *command, const char *id, int rc)
{
    const char *words = cordon_strerror(rc);

    if (rc == -ENOENT) {
        words = "there is no such event";
    } else if (rc == -ENODATA) {
        words = "its block was removed; `cordon audit verify` says whether that is recorded";
    } else if (rc == -EAGAIN) {
        words =
            "no checkpoint in the log covers it: try again after audit.checkpoint-time, or "
            "when cordond has ended; where it has, `cordon audit verify` says what is missing";
    } else if (rc == CORDON_E_CORRUPT) {
        words = "the log is damaged, and proves nothing; `cordon audit verify` says where";
    }
    fprintf(stderr, "cordon %s: %s: %s\n", command, id, words);
    return CLI_REFUSED;
}

static int prove(const char *command, const struct cli_audit_place *place,
                 const struct audit_id *id, const char *named, char **text, size_t *len)
{
    struct trust_note_key key;
    struct newest newest = {.key = &key};
    struct cli_audit_log log;
    int rc = audit_key_of_log(&place->key, id->log, &key);

    rc = rc != 0 ? rc : cli_audit_open(place->folder, id->log, &log);
    if (rc != 0) {
        return id->log > 1 ? refuse(command, named, rc)
                           : cli_audit_failed(command, place->folder, rc);
    }
    (void)audit_cosigned_each(log.folder, take_newest, &newest);
    rc = audit_prove(&log.files, &key, id->stream, id->event, newest.note, newest.len, text,
                     len);
    cli_audit_close(&log);
    free(newest.note);
    return rc == 0 ? CLI_GO_ON : refuse(command, named, rc);
}

int cli_audit_prove(int argc, char **argv)
{
    static const char command[] = "audit prove";
    const char *config = NULL;
    const char *key = NULL;
    const char *folder = NULL;
    const char *output = NULL;
    const char *named = NULL;
    struct audit_id id = {.log = 0};
    struct cli_audit_place place;
    char *text = NULL;
    size_t len = 0;
    const struct cli_option options[] = {{"config", 'c', &config, NULL},
                                         {"key", 0, &key, NULL},
                                         {"log", 0, &folder, NULL},
                                         {"output", 0, &output, NULL}};
    int code = cli_options(argc, argv, command, prove_help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, command, &named, 1);
    }
    if (code == CLI_GO_ON && (named == NULL || !audit_id_parse(named, strlen(named), &id))) {
        code = cli_usage(command, "give the id of an event, such as d17");
    }
    if (code == CLI_GO_ON) {
        code = cli_audit_place(command, config, folder, key, &place);
    }
    if (code == CLI_GO_ON) {
        code = prove(command, &place, &id, named, &text, &len);
    }
    if (code == CLI_GO_ON && output != NULL) {
        code = cli_output(command, output, text, len);
    } else if (code == CLI_GO_ON) {
        fwrite(text, 1, len, stdout);
        code = CLI_OK;
    }
    free(text);
    return code;
}

/* --- check --- */

/* A column of the event in a line of its own. */
static void print_column(const struct audit_row *row, unsigned column)
{
    char octets[4 * AUDIT_TEXT_MAX];
    char safe[4 * sizeof(octets)];
    struct text text;

    text_init(&text, octets, sizeof(octets));
    audit_row_show(row, (enum audit_column)column, &text);
    if (text.len > 0) {
        printf("  %-16s %s\n", audit_column_word(column), cli_safe(octets, safe, sizeof(safe)));
    }
}

static void print_basis(const struct audit_row *row)
{
    static const char *const words[AUDIT_BASIS_TEXTS] = {"list",
                                                         "provider",
                                                         "provider_name",
                                                         "parent_name",
                                                         "status_class",
                                                         "status_entity",
                                                         "status_authority",
                                                         "status_citation",
                                                         "status_effective",
                                                         "status_state",
                                                         "status_checked"};
    struct audit_basis_view basis;
    char octets[AUDIT_TEXT_MAX + 1];
    char safe[4 * sizeof(octets)];

    if (!audit_row_basis(row, &basis)) {
        return;
    }
    for (unsigned i = 0; i < AUDIT_BASIS_TEXTS; i++) {
        const struct audit_value *word = &basis.word[i];

        if (word->octets != NULL && word->number <= AUDIT_TEXT_MAX) {
            memcpy(octets, word->octets, word->number);
            octets[word->number] = '\0';
            printf("  %-16s %s\n", words[i], cli_safe(octets, safe, sizeof(safe)));
        }
    }
    printf("  %-16s %" PRIu64 "\n", "serial", basis.serial);
}

static void print_proven(const struct audit_proven *proven, const char *id,
                         const struct cli_witnesses *witnesses, bool holds)
{
    char time[CLOCK_TEXT_MAX];
    char origin[4 * TRUST_NOTE_NAME_MAX];
    char hex[2 * DIGEST_OCTETS + 1];

    clock_format(proven->checkpoint.time_us, time);
    printf(
        holds ? "PROVEN: event %s is in the log %s\n"
              : "NOT PROVEN as asked: that event %s is in the log %s, its own key alone says\n",
        id, cli_safe(proven->key.name, origin, sizeof(origin)));
    printf("  event %" PRIu64 " of %s, in block %" PRIu64 " of the %" PRIu64
           " of the checkpoint signed at %s\n",
           proven->event, audit_stream_word(proven->header.stream), proven->header.number,
           proven->checkpoint.size, time);
    if (proven->checkpoint.has_config) {
        digest_hex(proven->checkpoint.config, DIGEST_OCTETS, hex);
        printf("  under the configuration %s\n", hex);
    }
    cli_witnesses_print(witnesses, proven->checkpoint.size);
    printf("\n");
    for (unsigned column = 0; column <= AUDIT_COLUMN_LAST; column++) {
        if (column == AUDIT_BASIS) {
            print_basis(&proven->row);
        } else if (audit_row_has(&proven->row, column)) {
            print_column(&proven->row, column);
        }
    }
}

static int print_json(const struct audit_proven *proven, const char *name,
                      const struct audit_id *id, const struct cli_witnesses *witnesses,
                      bool holds)
{
    const size_t size = AUDIT_JSON_MAX + 65536;
    char time[CLOCK_TEXT_MAX];
    char *buffer = malloc(size);
    struct text out;

    if (buffer == NULL) {
        return CLI_REFUSED;
    }
    text_init(&out, buffer, size);
    json_object_begin(&out, NULL);
    json_bool(&out, "proven", holds);
    json_string(&out, "id", name);
    json_string(&out, "origin", proven->key.name);
    json_uint(&out, "block", proven->header.number);
    json_uint(&out, "blocks", proven->checkpoint.size);
    json_string_n(&out, "checkpoint_time", time,
                  clock_format(proven->checkpoint.time_us, time));
    cli_witnesses_json(witnesses, &out);
    text_add(&out, ",\"shown\":");
    audit_row_json(&proven->row, id, &out);
    json_object_end(&out);
    if (!out.overflow) {
        printf("%s\n", buffer);
    }
    free(buffer);
    return out.overflow ? CLI_REFUSED : CLI_OK;
}

static int check(const char *command, const char *file, const struct trust_note_key *key,
                 struct cli_witnesses *witnesses, bool json)
{
    struct audit_proven *proven = calloc(1, sizeof(*proven));
    char name[AUDIT_ID_TEXT_MAX];
    uint8_t *text = NULL;
    size_t len = 0;
    int code =
        proven == NULL ? CLI_REFUSED : cli_input(command, file, AUDIT_PROOF_MAX, &text, &len);
    int rc = -ENOMEM;

    if (code == CLI_OK) {
        rc = audit_proof_verify((const char *)text, len, key, proven);
    }
    if (code == CLI_OK && rc != 0) {
        fprintf(stderr, "cordon %s: NOT PROVEN: %s\n", command,
                rc == CORDON_E_UNTRUSTED   ? "its checkpoint is not signed by this key"
                : rc == CORDON_E_SIGNATURE ? "the signature of its checkpoint does not verify"
                : rc == CORDON_E_FORMAT    ? "this is no proof"
                : rc == CORDON_E_CORRUPT   ? "the event is not what the checkpoint has signed"
                                           : cordon_strerror(rc));
        code = CLI_REFUSED;
    } else if (code == CLI_OK) {
        const struct audit_id id = {.log = proven->log,
                                    .stream = (enum audit_stream)proven->header.stream,
                                    .event = proven->event};

        audit_id_format(&id, name);
        audit_cosigners_look(witnesses->at, witnesses->count, &proven->key, proven->note,
                             proven->note_len);
        const bool holds = cli_witnesses_hold(witnesses);
        if (json) {
            code = print_json(proven, name, &id, witnesses, holds);
        } else {
            print_proven(proven, name, witnesses, holds);
        }
        if (!holds) {
            fprintf(stderr,
                    "cordon %s: too few of these witnesses have signed its checkpoint\n",
                    command);
            code = CLI_REFUSED;
        }
    }
    if (rc == 0) {
        audit_proven_free(proven);
    }
    free(proven);
    free(text);
    return code;
}

int cli_audit_check(int argc, char **argv)
{
    static const char command[] = "audit check";
    const char *key = NULL;
    const char *witness = NULL;
    const char *quorum = NULL;
    const char *file = NULL;
    bool json = false;
    struct cli_audit_place place;
    struct cli_witnesses witnesses;
    const struct cli_option options[] = {{"key", 0, &key, NULL},
                                         {"witness", 0, &witness, NULL},
                                         {"quorum", 0, &quorum, NULL},
                                         {"json", 0, NULL, &json}};
    int code = cli_options(argc, argv, command, check_help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, command, &file, 1);
    }
    if (code == CLI_GO_ON && key == NULL) {
        code = cli_usage(command, "name the public key of the log with --key");
    }
    if (code == CLI_GO_ON) {
        code = cli_audit_place(command, NULL, ".", key, &place);
    }
    if (code == CLI_GO_ON) {
        code = cli_witnesses(command, witness, quorum, &place.key, &witnesses);
    }
    return code == CLI_GO_ON ? check(command, file, &place.key, &witnesses, json) : code;
}
