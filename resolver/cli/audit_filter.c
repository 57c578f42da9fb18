#include "cli/audit_filter.h"

#include "audit/recorder.h"
#include "audit/shown.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/names.h"
#include "policy/list.h"
#include "policy/rule.h"
#include "wire/type.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SECOND_US UINT64_C(1000000)
#define DAY_US    (86400 * SECOND_US)

/* Takes the fraction of a second out of a time, as events show it. False if it is none. */
static bool take_fraction(const char *text, char out[48], uint64_t *fraction_us)
{
    const char *dot = strchr(text, '.');
    uint64_t unit = SECOND_US;
    uint64_t sum = 0;

    *fraction_us = 0;
    if (strlen(text) >= 48) {
        return false;
    }
    if (dot == NULL) {
        memcpy(out, text, strlen(text) + 1);
        return true;
    }
    const char *at = dot + 1;
    while (*at >= '0' && *at <= '9' && unit > 1) {
        unit /= 10;
        sum += unit * (uint64_t)(*at - '0');
        at++;
    }
    if (at == dot + 1 || *at == '\0') {
        return false;
    }
    snprintf(out, 48, "%.*s%s", (int)(dot - text), text, at);
    *fraction_us = sum;
    return true;
}

bool cli_audit_moment(const char *text, uint64_t now_us, bool is_end, uint64_t *out)
{
    char whole[48];
    uint64_t fraction = 0;
    uint64_t seconds = 0;

    if (cli_duration(text, &seconds)) {
        *out = seconds <= now_us / SECOND_US ? now_us - seconds * SECOND_US : 0;
        return true;
    }
    if (!take_fraction(text, whole, &fraction) || !cli_time(whole, &seconds) ||
        seconds > INT64_MAX / SECOND_US - 86400) {
        return false;
    }
    *out = seconds * SECOND_US + fraction;
    if (is_end) {
        *out += strchr(text, 'T') == NULL ? DAY_US : 0;
        *out -= *out > 0 ? 1 : 0;
    }
    return true;
}

int cli_audit_time(const char *command, const char *option, const char *text, bool is_end,
                   uint64_t now_us, uint64_t *out)
{
    if (text == NULL || cli_audit_moment(text, now_us, is_end, out)) {
        return CLI_GO_ON;
    }
    return cli_usage(command,
                     "--%s '%s' is no time: YYYY-MM-DD, YYYY-MM-DDTHH:MM:SSZ, "
                     "or so long ago: 1h",
                     option, text);
}

int cli_audit_times(const char *command, const char *since, const char *until, uint64_t now_us,
                    uint64_t *from_us, uint64_t *to_us)
{
    int code = cli_audit_time(command, "since", since, false, now_us, from_us);

    code =
        code == CLI_GO_ON ? cli_audit_time(command, "until", until, true, now_us, to_us) : code;
    if (code == CLI_GO_ON && *to_us != 0 && *to_us < *from_us) {
        code = cli_usage(command, "--until is before --since: nothing lies between");
    }
    return code;
}

static int read_name(const char *command, const char *option, const char *given,
                     struct wire_name *name, const struct wire_name **out)
{
    if (given == NULL) {
        return CLI_GO_ON;
    }
    const enum wire_text_result result = cli_name_read(given, name);
    if (result != WIRE_TEXT_OK) {
        return cli_usage(command, "--%s '%s': %s", option, given,
                         wire_text_result_words(result));
    }
    *out = name;
    return CLI_GO_ON;
}

/* Where the keys of pseudonyms lie. */
static bool find_keys(const struct cli_audit_filter *filter, char out[AUDIT_PATH_MAX])
{
    char beside[AUDIT_PATH_MAX];

    if (filter->log != NULL) {
        return (size_t)snprintf(beside, sizeof(beside), "%s/..", filter->log) <
                   sizeof(beside) &&
               audit_day_keys_folder(beside, out, AUDIT_PATH_MAX);
    }
    struct config *config = cli_config(filter->config);
    if (config == NULL) {
        return false;
    }
    const char *folder =
        config->state_directory != NULL ? config->state_directory : config->audit_directory;
    const bool found = folder != NULL && audit_day_keys_folder(folder, out, AUDIT_PATH_MAX);
    config_free(config);
    return found;
}

/* Without the keys what was recorded in another form is found all the same. */
static void read_pseudonyms(const char *command, struct cli_audit_filter *filter)
{
    char folder[AUDIT_PATH_MAX];

    if (filter->client_read.kind != AUDIT_CLIENT_ADDRESS || !find_keys(filter, folder)) {
        return;
    }
    const int rc =
        audit_pseudonyms_create(folder, &filter->client_read.address, &filter->pseudonyms);
    if (rc != 0) {
        fprintf(stderr, "cordon %s: %s: %s; where clients are pseudonyms, none is found\n",
                command, folder, cordon_strerror(rc));
    }
    filter->query.pseudonyms = filter->pseudonyms;
}

void cli_audit_filter_free(struct cli_audit_filter *filter)
{
    audit_pseudonyms_destroy(filter->pseudonyms);
}

static int read_who_and_what(const char *command, struct cli_audit_filter *filter)
{
    struct audit_query *query = &filter->query;

    if (filter->client != NULL) {
        if (!audit_client_parse(filter->client, strlen(filter->client), &filter->client_read)) {
            return cli_usage(command,
                             "--client '%s' is no address, no network whose host bits are "
                             "zero, and no pseudonym",
                             filter->client);
        }
        query->client = &filter->client_read;
        read_pseudonyms(command, filter);
    }
    const int code = read_name(command, "name", filter->name, &filter->name_read, &query->name);
    return code != CLI_GO_ON ? code
                             : read_name(command, "suffix", filter->suffix,
                                         &filter->suffix_read, &query->suffix);
}

static void add_word(struct audit_query *query, enum audit_column column, const char *word)
{
    if (word != NULL) {
        query->words[query->word_count].column = column;
        query->words[query->word_count++].word = word;
    }
}

static void add_number(struct audit_query *query, enum audit_column column, uint64_t number)
{
    query->numbers[query->number_count].column = column;
    query->numbers[query->number_count++].number = number;
}

static bool find_rcode(const char *text, unsigned *rcode)
{
    char word[WIRE_TYPE_TEXT_MAX];

    for (*rcode = 0; *rcode < 4096; (*rcode)++) {
        wire_rcode_format(*rcode, word);
        if (strcasecmp(word, text) == 0) {
            return true;
        }
    }
    return false;
}

static int read_numbers(const char *command, struct cli_audit_filter *filter)
{
    uint16_t type = 0;
    unsigned rcode = 0;

    if (filter->type != NULL) {
        if (!wire_type_parse(filter->type, strlen(filter->type), &type)) {
            return cli_usage(command, "--type '%s' is no record type", filter->type);
        }
        add_number(&filter->query, AUDIT_TYPE, type);
    }
    if (filter->rcode != NULL) {
        if (!find_rcode(filter->rcode, &rcode)) {
            return cli_usage(command,
                             "--rcode '%s' is no response code: NOERROR, NXDOMAIN, ...",
                             filter->rcode);
        }
        add_number(&filter->query, AUDIT_RCODE, rcode);
    }
    return CLI_GO_ON;
}

static bool is_action(const char *word)
{
    enum policy_action action;

    return policy_action_parse(word, strlen(word), &action);
}

static bool is_mode(const char *word) /* of an event: what is off leaves none */
{
    return strcmp(word, "enforce") == 0 || strcmp(word, "log") == 0;
}

static bool is_trigger(const char *word)
{
    for (unsigned i = 0; i < POLICY_TRIGGERS; i++) {
        if (strcmp(policy_trigger_name((enum policy_trigger)i), word) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_class(const char *word)
{
    const char *one = NULL;

    for (unsigned i = 0; (one = policy_class_name((enum policy_class)i)) != NULL; i++) {
        if (strcmp(one, word) == 0) {
            return true;
        }
    }
    return false;
}

/* Words of which the program knows all: one that is none would find nothing, silently. */
static int read_known_words(const char *command, struct cli_audit_filter *filter)
{
    const struct {
        const char *option, *word;
        bool (*is_one)(const char *word);
        const char *some;
    } rows[] = {
        {"action", filter->action, is_action, "sinkhole, nxdomain, pass, ..."},
        {"mode", filter->mode, is_mode, "enforce or log"},
        {"trigger", filter->trigger, is_trigger, "qname, hop, svcb, address, client, ..."},
        {"class", filter->class, is_class, "designated, parent-designated, named-urged, ..."},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].word != NULL && !rows[i].is_one(rows[i].word)) {
            return cli_usage(command, "--%s '%s' is none: %s", rows[i].option, rows[i].word,
                             rows[i].some);
        }
    }
    filter->query.status_class = filter->class;
    add_word(&filter->query, AUDIT_ACTION, filter->action);
    add_word(&filter->query, AUDIT_MODE, filter->mode);
    add_word(&filter->query, AUDIT_TRIGGER, filter->trigger);
    return CLI_GO_ON;
}

static int read_words(const char *command, struct cli_audit_filter *filter)
{
    const struct {
        const char *option, *word;
    } rows[] = {
        {"view", filter->view},           {"provider", filter->provider},
        {"authority", filter->authority}, {"list", filter->list},
        {"rule", filter->rule},           {"exception", filter->exception},
        {"what", filter->what},           {"user", filter->user},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].word != NULL && rows[i].word[0] == '\0') {
            return cli_usage(command, "--%s is empty", rows[i].option);
        }
    }
    filter->query.provider = filter->provider;
    filter->query.authority = filter->authority;
    filter->query.list = filter->list;
    filter->query.rule = filter->rule;
    add_word(&filter->query, AUDIT_VIEW, filter->view);
    add_word(&filter->query, AUDIT_ID, filter->exception);
    add_word(&filter->query, AUDIT_WHAT, filter->what);
    add_word(&filter->query, AUDIT_USER, filter->user);
    return read_known_words(command, filter);
}

static int read_streams(const char *command, struct cli_audit_filter *filter)
{
    const char *at = filter->stream;

    if (at == NULL) {
        filter->query.streams =
            1u << (filter->what != NULL || filter->user != NULL ? AUDIT_CHANGES
                                                                : AUDIT_DECISIONS);
        return CLI_GO_ON;
    }
    if (strcmp(at, "all") == 0) {
        filter->query.streams = 0;
        return CLI_GO_ON;
    }
    do {
        const size_t len = strcspn(at, ",");
        unsigned stream = 1;

        while (stream <= AUDIT_STREAMS && (strlen(audit_stream_word(stream)) != len ||
                                           memcmp(audit_stream_word(stream), at, len) != 0)) {
            stream++;
        }
        if (stream > AUDIT_STREAMS) {
            return cli_usage(command,
                             "--stream '%s' is none: decisions, queries, changes, several "
                             "with commas, or all",
                             filter->stream);
        }
        filter->query.streams |= 1u << stream;
        at += len;
    } while (*at++ == ',');
    return CLI_GO_ON;
}

int cli_audit_filter_read(const char *command, struct cli_audit_filter *filter, uint64_t now_us)
{
    int code = cli_audit_times(command, filter->since, filter->until, now_us,
                               &filter->query.from_us, &filter->query.to_us);

    if (code == CLI_GO_ON) {
        code = read_who_and_what(command, filter);
    }
    if (code == CLI_GO_ON) {
        code = read_numbers(command, filter);
    }
    if (code == CLI_GO_ON) {
        code = read_words(command, filter);
    }
    return code == CLI_GO_ON ? read_streams(command, filter) : code;
}
