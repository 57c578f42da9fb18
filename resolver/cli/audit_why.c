/* cordon audit why: one event explained as it was then, from the audit log. */
#include "cli/audit_why.h"

#include "audit/shown.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/audit.h"
#include "cli/audit_open.h"
#include "cli/safe.h"
#include "policy/list_part.h"
#include "policy/versions.h"
#include "policy/words.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cordon audit why [--lists DIR] [--json] [--log DIR | -c CONFIG] ID\n"
    "\n"
    "Explains one event of the audit log as it was then: what was asked and decided, by which "
    "rule\n"
    "of which version of which list, on which legal basis by that list, through which names, "
    "and\n"
    "what people had changed for a while; which configuration was in force; which signed\n"
    "checkpoint covers it. ID is what `cordon audit search` shows: d17, q17, c17.\n"
    "  --lists DIR  kept versions of lists, for the rule's line and evidence; not said: those "
    "in\n"
    "               the state directory of the configuration, unless --log is given alone\n"
    "  --log DIR    the folder of the log; not said: that of the configuration\n"
    "  --json       as a JSON document\n"
    "Exit status: 0 it is explained; 1 there is no such event, or it is damaged or was "
    "removed;\n"
    "2 wrong usage.\n";

struct job {
    char folder[AUDIT_PATH_MAX], lists[PATH_MAX]; /* lists: "": not known */
    struct audit_id id;
    char id_text[AUDIT_ID_TEXT_MAX];
    struct why_found found;
    struct policy_list *part; /* the rule in the kept text; NULL: not at hand */
    const char *no_part;      /* why not */
    bool json;
};

/*
 * The rule in the text of the list that was in force.
 */

static void copy_word(const struct audit_value *value, char *out, size_t size)
{
    const size_t len = value->octets == NULL      ? 0
                       : value->number < size - 1 ? value->number
                                                  : size - 1;

    if (len > 0) {
        memcpy(out, value->octets, len);
    }
    out[len] = '\0';
}

/* The path of the text that was noted as in force, with that very digest. */
static bool find_text(const struct job *job, const struct audit_basis_view *basis, char *path)
{
    const struct why_row *list = &job->found.then[WHY_LIST];
    char id[POLICY_LIST_ID_MAX + 1];

    copy_word(&basis->word[AUDIT_BASIS_LIST], id, sizeof(id));
    if (!list->is_there || !audit_row_has(&list->row, AUDIT_DIGEST) ||
        list->row.at[AUDIT_DIGEST].octets == NULL ||
        list->row.at[AUDIT_DIGEST].number != DIGEST_OCTETS ||
        !audit_row_has(&list->row, AUDIT_SERIAL) ||
        list->row.at[AUDIT_SERIAL].number != basis->serial || basis->serial > UINT32_MAX ||
        strchr(id, '/') != NULL || id[0] == '\0' || id[0] == '.') {
        return false;
    }
    const struct policy_version_of what = {.folder = job->lists,
                                           .id = id,
                                           .serial = (uint32_t)basis->serial,
                                           .hash = list->row.at[AUDIT_DIGEST].octets};
    return policy_version_path(&what, path, PATH_MAX);
}

static void find_rule(struct job *job)
{
    const struct audit_row *row = &job->found.event.row;
    struct audit_basis_view basis;
    uint8_t digest[DIGEST_OCTETS];
    char path[PATH_MAX];
    char rule[AUDIT_TEXT_MAX + 1];
    uint8_t *text = NULL;
    size_t len = 0;

    if (!audit_row_basis(row, &basis) || !audit_row_has(row, AUDIT_RULE)) {
        return;
    }
    copy_word(&row->at[AUDIT_RULE], rule, sizeof(rule));
    if (job->lists[0] == '\0') {
        job->no_part = "no folder of kept versions is known: --lists";
    } else if (!find_text(job, &basis, path)) {
        job->no_part = "this version is not noted as in force before the event";
    } else if (file_read(path, POLICY_LIST_OCTETS_MAX, &text, &len) != 0) {
        job->no_part = "its text is not kept any more";
    } else {
        digest_of(text, len, NULL, digest);
        if (!digest_equal(digest, job->found.then[WHY_LIST].row.at[AUDIT_DIGEST].octets)) {
            job->no_part = "the kept text is not the one that was in force";
        } else if (policy_list_rule((const char *)text, len, rule, &job->part) != 0) {
            job->no_part = "its text has no such rule";
        }
    }
    free(text);
}

/*
 * In words.
 */

static void say(const char *head, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A line "  head      words"; what is a stranger's is made harmless. */
static void say(const char *head, const char *format, ...)
{
    char raw[2 * AUDIT_TEXT_MAX];
    char safe[6 * AUDIT_TEXT_MAX];
    va_list arguments;
    struct text text;
    struct text words;

    text_init(&text, raw, sizeof(raw));
    text_init(&words, safe, sizeof(safe));
    va_start(arguments, format);
    text_vprintf(&text, format, arguments);
    va_end(arguments);
    cli_safe_words(&words, raw, text.len);
    printf("  %-14s%s\n", head, safe);
}

/* The text of a column; "" where it is absent. */
static const char *show(const struct audit_row *row, enum audit_column column, char *out,
                        size_t size)
{
    struct text text;

    text_init(&text, out, size);
    audit_row_show(row, column, &text);
    return out;
}
#define SHOW(row, column) show(row, column, (char[AUDIT_TEXT_MAX]){""}, AUDIT_TEXT_MAX)

static const char *word_of(const struct audit_basis_view *basis, enum audit_basis_word word,
                           char out[512])
{
    copy_word(&basis->word[word], out, 512);
    return out;
}
#define WORD(basis, word) word_of(basis, word, (char[512]){""})

static const char *cached_words(const struct audit_row *row)
{
    if (audit_row_get(row, AUDIT_CACHED) == 0) {
        return "";
    }
    return audit_row_get(row, AUDIT_STALE) != 0 ? ", from the cache, past its time"
                                                : ", from the cache";
}

static void say_question(const struct audit_row *row)
{
    char deed[64];
    struct text text;

    text_init(&text, deed, sizeof(deed));
    audit_row_show_deed(row, &text);
    say("asked", "%s %s, by %s over %s, view %s", SHOW(row, AUDIT_NAME), SHOW(row, AUDIT_TYPE),
        audit_row_has(row, AUDIT_CLIENT) ? SHOW(row, AUDIT_CLIENT) : "a client not recorded",
        SHOW(row, AUDIT_TRANSPORT), SHOW(row, AUDIT_VIEW));
    if (!audit_row_has(row, AUDIT_ACTION)) {
        say("answer", "%s after %s us%s", SHOW(row, AUDIT_RCODE), SHOW(row, AUDIT_LATENCY),
            cached_words(row));
        say("decision",
            "this is the question alone: if a rule spoke of it, that is an event of "
            "the stream of decisions");
        return;
    }
    say("decision", "%s; the rule says %s, its mode was %s, and it %s", deed,
        SHOW(row, AUDIT_ACTION), SHOW(row, AUDIT_MODE),
        audit_row_get(row, AUDIT_APPLIED) != 0 ? "made the answer" : "did not make the answer");
    say("answer", "%s after %s us%s%s%s", SHOW(row, AUDIT_RCODE), SHOW(row, AUDIT_LATENCY),
        audit_row_has(row, AUDIT_UPSTREAM) ? ", from " : "", SHOW(row, AUDIT_UPSTREAM),
        cached_words(row));
}

static void say_basis(const struct audit_basis_view *basis)
{
    char class[64];

    copy_word(&basis->word[AUDIT_BASIS_STATUS_CLASS], class, sizeof(class));
    say("provider", "%s (%s)%s%s", WORD(basis, AUDIT_BASIS_PROVIDER_NAME),
        WORD(basis, AUDIT_BASIS_PROVIDER),
        basis->word[AUDIT_BASIS_PARENT_NAME].octets != NULL ? ", owned by " : "",
        WORD(basis, AUDIT_BASIS_PARENT_NAME));
    if (class[0] == '\0') {
        say("legal status", "the list stated none");
        return;
    }
    say("legal status", "%s: %s", class, policy_words_class(class));
    say("", "about %s; %s, %s", WORD(basis, AUDIT_BASIS_STATUS_ENTITY),
        WORD(basis, AUDIT_BASIS_STATUS_AUTHORITY), WORD(basis, AUDIT_BASIS_STATUS_CITATION));
    say("", "%s, effective %s, as its authors found on %s",
        WORD(basis, AUDIT_BASIS_STATUS_STATE), WORD(basis, AUDIT_BASIS_STATUS_EFFECTIVE),
        WORD(basis, AUDIT_BASIS_STATUS_CHECKED));
}

static void say_rule(const struct job *job, const struct audit_row *row)
{
    struct audit_basis_view basis;

    if (!audit_row_basis(row, &basis)) {
        say("ground", "%s: the operator's word; no list says anything about it",
            SHOW(row, AUDIT_EVENT));
        return;
    }
    say("rule", "%s (%s, %s, confidence %s)", SHOW(row, AUDIT_RULE), SHOW(row, AUDIT_CATEGORY),
        SHOW(row, AUDIT_SCOPE), SHOW(row, AUDIT_CONFIDENCE));
    say("of list", "%s, serial %" PRIu64 "%s%s", WORD(&basis, AUDIT_BASIS_LIST), basis.serial,
        audit_row_has(row, AUDIT_STATE) ? ", stage " : "", SHOW(row, AUDIT_STATE));
    if (job->part != NULL) {
        const struct policy_list_rule *rule = &job->part->rules[0];

        say("", "line %" PRIu32 " of its text: %s%s%s", rule->line,
            rule->evidence[0] != '\0' ? rule->evidence : "no evidence",
            rule->note[0] != '\0' ? "; " : "", rule->note);
    } else if (job->no_part != NULL) {
        say("", "its line is not at hand: %s", job->no_part);
    }
    say("matched", "%s %s%s%s", SHOW(row, AUDIT_TRIGGER),
        audit_row_has(row, AUDIT_MATCHED_ADDRESS) ? SHOW(row, AUDIT_MATCHED_ADDRESS)
                                                  : SHOW(row, AUDIT_MATCHED),
        audit_row_get(row, AUDIT_HOP) > 0 ? ", hop " : "",
        audit_row_get(row, AUDIT_HOP) > 0 ? SHOW(row, AUDIT_HOP) : "");
    if (audit_row_has(row, AUDIT_CHAIN)) {
        say("through", "%s", SHOW(row, AUDIT_CHAIN));
    }
    say_basis(&basis);
}

/* An exception that let it through, as the event itself has it. */
static void say_exception(const struct audit_row *row)
{
    if (audit_row_has(row, AUDIT_ID) || audit_row_has(row, AUDIT_EXCEPTION) ||
        audit_row_has(row, AUDIT_SUBJECT)) {
        say("exception", "%s for %s%s%s%s%s%s%s", SHOW(row, AUDIT_ID),
            audit_row_has(row, AUDIT_SUBJECT) ? SHOW(row, AUDIT_SUBJECT)
                                              : SHOW(row, AUDIT_EXCEPTION),
            audit_row_has(row, AUDIT_TICKET) ? ", ticket " : "", SHOW(row, AUDIT_TICKET),
            audit_row_has(row, AUDIT_LICENCE) ? ", licence " : "", SHOW(row, AUDIT_LICENCE),
            audit_row_has(row, AUDIT_APPROVER) ? ", approved by " : "",
            SHOW(row, AUDIT_APPROVER));
    }
}

static void say_change(const struct audit_row *row)
{
    for (unsigned column = AUDIT_EVENT; column <= AUDIT_COLUMN_LAST; column++) {
        if (audit_row_has(row, column) && audit_column_word(column) != NULL) {
            say(audit_column_word(column), "%s", SHOW(row, (enum audit_column)column));
        }
    }
}

static void say_one_then(enum why_then then, const struct why_row *at)
{
    const struct audit_row *row = &at->row;
    char id[AUDIT_ID_TEXT_MAX];

    audit_id_format(&at->id, id);
    switch (then) {
    case WHY_START:
        say("daemon", "cordond %s, running since %s (%s)", SHOW(row, AUDIT_VERSION),
            SHOW(row, AUDIT_TIME), id);
        break;
    case WHY_CONFIGURATION:
        say("configuration", "%s since %s (%s)", SHOW(row, AUDIT_DIGEST), SHOW(row, AUDIT_TIME),
            id);
        break;
    case WHY_LIST:
        say("list then", "%s serial %s in force since %s (%s)", SHOW(row, AUDIT_LIST),
            SHOW(row, AUDIT_SERIAL), SHOW(row, AUDIT_TIME), id);
        say("", "text %s, signed by %s", SHOW(row, AUDIT_DIGEST),
            audit_row_has(row, AUDIT_SUBJECT) ? SHOW(row, AUDIT_SUBJECT) : "nobody named");
        break;
    case WHY_LIST_STATE:
        say("", "%s since %s (%s)", SHOW(row, AUDIT_STATE), SHOW(row, AUDIT_TIME), id);
        break;
    case WHY_HOLD:
        say("", "held at serial %s by %s: %s (%s)", SHOW(row, AUDIT_SERIAL),
            SHOW(row, AUDIT_USER), SHOW(row, AUDIT_REASON), id);
        break;
    case WHY_STAGE:
        say("", "serial %s by stages: %s, since %s (%s)", SHOW(row, AUDIT_SERIAL),
            SHOW(row, AUDIT_STATE), SHOW(row, AUDIT_TIME), id);
        break;
    case WHY_PAUSE_ALL:
    case WHY_PAUSE_LIST:
        say("paused", "%s until %s, by %s: %s (%s)", SHOW(row, AUDIT_LIST),
            SHOW(row, AUDIT_UNTIL), SHOW(row, AUDIT_USER), SHOW(row, AUDIT_REASON), id);
        break;
    case WHY_SCHEDULE:
        say("schedule", "%s for view %s: mode %s, default %s (%s)", SHOW(row, AUDIT_SUBJECT),
            SHOW(row, AUDIT_VIEW), SHOW(row, AUDIT_MODE), SHOW(row, AUDIT_STATE), id);
        break;
    case WHY_EXCEPTION:
        say("exception", "begun %s by %s: %s (%s)", SHOW(row, AUDIT_TIME),
            audit_row_has(row, AUDIT_USER) ? SHOW(row, AUDIT_USER) : SHOW(row, AUDIT_BY),
            SHOW(row, AUDIT_REASON), id);
        break;
    case WHY_GAP:
        say("missing", "%s events of %s, %s to %s, cause %s (%s)", SHOW(row, AUDIT_COUNT),
            SHOW(row, AUDIT_STREAM), SHOW(row, AUDIT_FROM), SHOW(row, AUDIT_TO),
            SHOW(row, AUDIT_CAUSE), id);
        break;
    case WHY_THENS:
        break;
    }
}

static void say_proof(const struct job *job)
{
    const struct why_found *found = &job->found;
    char time[CLOCK_TEXT_MAX];

    if (found->checkpoint.size == 0) {
        say("checkpoint", "none covers it yet");
    } else {
        clock_format(found->checkpoint.time_us, time);
        say("checkpoint",
            "of %" PRIu64 " blocks, %s, in file %" PRIu32 ": it covers block %" PRIu64
            ", which has the event",
            found->checkpoint.size, time, found->file, found->header.number);
    }
    say("verify", "nothing of this is proven here: cordon audit prove %s", job->id_text);
}

static void print_words(const struct job *job)
{
    const struct audit_row *row = &job->found.event.row;
    const bool is_question = audit_row_has(row, AUDIT_NAME);

    printf("%s  %s\n", job->id_text, SHOW(row, AUDIT_TIME));
    if (!is_question) {
        say_change(row);
    } else {
        say_question(row);
        if (audit_row_has(row, AUDIT_ACTION)) {
            say_rule(job, row);
            say_exception(row);
        }
    }
    for (unsigned i = 0; i < WHY_THENS; i++) {
        if (job->found.then[i].is_there) {
            say_one_then((enum why_then)i, &job->found.then[i]);
        }
    }
    say_proof(job);
}

/*
 * JSON.
 */

static int print_event(const struct why_row *at, char *buffer)
{
    struct text text;

    if (!at->is_there) {
        printf("null");
        return 0;
    }
    text_init(&text, buffer, AUDIT_JSON_MAX);
    audit_row_json(&at->row, &at->id, &text);
    printf("%s", buffer);
    return text.overflow ? CORDON_E_TOO_LARGE : 0;
}

static int print_json(const struct job *job)
{
    const struct why_found *found = &job->found;
    char *buffer = malloc(AUDIT_JSON_MAX);
    struct text text;
    int rc = buffer == NULL ? -ENOMEM : 0;

    if (rc != 0) {
        return rc;
    }
    printf("{\"id\":\"%s\",\"event\":", job->id_text);
    rc = print_event(&found->event, buffer);
    for (unsigned i = 0; i < WHY_THENS && rc == 0; i++) {
        printf(",\"%s\":", why_then_word((enum why_then)i));
        rc = print_event(&found->then[i], buffer);
    }
    text_init(&text, buffer, AUDIT_JSON_MAX);
    json_object_begin(&text, NULL);
    json_bool(&text, "at_hand", job->part != NULL);
    json_string(&text, "why_not", job->part != NULL ? NULL : job->no_part);
    if (job->part != NULL) {
        json_uint(&text, "line", job->part->rules[0].line);
        json_string(&text, "evidence", job->part->rules[0].evidence);
        json_string(&text, "note", job->part->rules[0].note);
    }
    json_object_end(&text);
    printf(",\"rule_text\":%s,\"checkpoint\":", buffer);
    if (found->checkpoint.size == 0) {
        printf("null");
    } else {
        char time[CLOCK_TEXT_MAX];

        clock_format(found->checkpoint.time_us, time);
        text_init(&text, buffer, AUDIT_JSON_MAX);
        json_object_begin(&text, NULL);
        json_string(&text, "origin", found->checkpoint.origin);
        json_uint(&text, "size", found->checkpoint.size);
        json_octets(&text, "root", found->checkpoint.root, DIGEST_OCTETS);
        json_string(&text, "time", time);
        json_uint(&text, "file", found->file);
        json_bool(&text, "verified", false);
        json_object_end(&text);
        printf("%s", buffer);
    }
    printf(",\"block\":%" PRIu64 ",\"damaged\":%s}\n", found->header.number,
           found->damaged || !found->body_is_good ? "true" : "false");
    free(buffer);
    return rc;
}

/*
 * The command.
 */

static int explain(struct job *job)
{
    struct cli_audit_log log;
    int rc = cli_audit_open(job->folder, job->id.log, &log);

    if (rc != 0 && (rc != -ENOENT || job->id.log == 1)) {
        return cli_audit_failed("audit why", job->folder, rc);
    }
    if (rc == 0) {
        rc = why_find(&log.files, &job->id, &job->found);
        cli_audit_close(&log);
    }
    if (rc == -ENOENT) {
        fprintf(stderr, "cordon audit why: %s: there is no event %s\n", job->folder,
                job->id_text);
        return CLI_REFUSED;
    }
    if (rc == CORDON_E_CORRUPT) {
        fprintf(
            stderr,
            job->found.removed
                ? "cordon audit why: %s: the events of the block of %s were removed; `cordon "
                  "audit verify` says whether that is recorded\n"
                : "cordon audit why: %s: the block of event %s is damaged: cordon audit "
                  "verify\n",
            job->folder, job->id_text);
        return CLI_REFUSED;
    }
    if (rc != 0) {
        return cli_audit_failed("audit why", job->folder, rc);
    }
    find_rule(job);
    if (job->json) {
        rc = print_json(job);
    } else {
        print_words(job);
    }
    policy_list_free(job->part);
    if (rc != 0) {
        return cli_audit_failed("audit why", job->folder, rc);
    }
    if (job->found.damaged || !job->found.body_is_good) {
        fprintf(stderr, "cordon audit why: %s: %s: cordon audit verify\n", job->folder,
                job->found.body_is_good ? "a part of the log is damaged, and was passed over"
                                        : "the block of this event is not what was written");
        return CLI_REFUSED;
    }
    return CLI_OK;
}

/* Where the log lies, and the kept lists. */
static int find_places(struct job *job, const char *config_path, const char *log,
                       const char *lists)
{
    struct config *config = NULL;
    int code = CLI_GO_ON;
    int len = 0;

    if (log == NULL || config_path != NULL) {
        config = cli_config(config_path);
        if (config == NULL) {
            return CLI_REFUSED;
        }
    }
    code = log == NULL ? cli_audit_folder_of("audit why", config, job->folder)
                       : cli_audit_folder("audit why", NULL, log, job->folder);
    if (lists != NULL) {
        len = snprintf(job->lists, sizeof(job->lists), "%s", lists);
    } else if (config != NULL && config->state_directory != NULL) {
        len = snprintf(job->lists, sizeof(job->lists), "%s/" POLICY_VERSIONS_FOLDER,
                       config->state_directory);
    }
    config_free(config);
    if (code == CLI_GO_ON && (len < 0 || (size_t)len >= sizeof(job->lists))) {
        code = cli_usage("audit why", "the path of the kept lists is too long");
    }
    return code;
}

int cli_audit_why(int argc, char **argv)
{
    const char *config = NULL;
    const char *log = NULL;
    const char *lists = NULL;
    const char *id = NULL;
    struct job *job = calloc(1, sizeof(*job));

    if (job == NULL) {
        return cli_audit_failed("audit why", "audit log", -ENOMEM);
    }
    const struct cli_option options[] = {{"config", 'c', &config, NULL},
                                         {"log", 0, &log, NULL},
                                         {"lists", 0, &lists, NULL},
                                         {"json", 0, NULL, &job->json}};
    int code = cli_options(argc, argv, "audit why", help, options, CLI_COUNT(options));

    if (code == CLI_GO_ON) {
        code = cli_words(argc, argv, "audit why", &id, 1);
    }
    if (code == CLI_GO_ON) {
        if (id == NULL) {
            code = cli_usage("audit why", "name an event: d17");
        } else if (!audit_id_parse(id, strlen(id), &job->id)) {
            code = cli_usage("audit why", "'%s' is no id of an event: d17", id);
        }
    }
    if (code == CLI_GO_ON) {
        audit_id_format(&job->id, job->id_text);
        code = find_places(job, config, log, lists);
    }
    if (code == CLI_GO_ON) {
        code = explain(job);
        why_free(&job->found);
    }
    free(job);
    return code;
}
