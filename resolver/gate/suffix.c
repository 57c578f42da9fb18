/* gate/suffix.c - no public suffix newly blocked: the names of everybody are below it. */
#include "gate/suffix.h"

#include "base/file.h"
#include "gate/inside.h"

#include <errno.h>
#include <inttypes.h>
#include <libpsl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where Debian has it, and others. */
#define SYSTEM_FILE "/usr/share/publicsuffix/public_suffix_list.dat"

#define IN_REGISTRY (PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE)
#define IN_PRIVATE  (PSL_TYPE_PRIVATE | PSL_TYPE_NO_STAR_RULE)

int gate_suffixes_add(struct gate_suffixes *suffixes, const char *text, size_t len,
                      bool registry)
{
    if (suffixes->count == GATE_SUFFIXES_MAX) {
        return 0;
    }
    if (suffixes->count == suffixes->room) {
        const size_t room = suffixes->room == 0 ? 256 : 2 * suffixes->room;
        void *larger = realloc(suffixes->at, room * sizeof(suffixes->at[0]));

        if (larger == NULL) {
            return -ENOMEM;
        }
        suffixes->at = larger;
        suffixes->room = room;
    }
    char *copy = strndup(text, len);
    if (copy == NULL) {
        return -ENOMEM;
    }
    for (char *at = copy; *at != '\0'; at++) {
        *at = (char)wire_lower((uint8_t)*at);
    }
    suffixes->at[suffixes->count++] = (struct gate_suffix){copy, registry};
    return 0;
}

/* By name; of two, that of a registry first. */
static int compare(const void *a, const void *b)
{
    const struct gate_suffix *left = a, *right = b;
    const int order = strcmp(left->text, right->text);

    return order != 0 ? order : (int)right->registry - (int)left->registry;
}

void gate_suffixes_sort(struct gate_suffixes *suffixes)
{
    size_t kept = 0;

    if (suffixes->count == 0) {
        return;
    }
    qsort(suffixes->at, suffixes->count, sizeof(suffixes->at[0]), compare);
    for (size_t i = 0; i < suffixes->count; i++) {
        if (kept > 0 && strcmp(suffixes->at[kept - 1].text, suffixes->at[i].text) == 0) {
            free(suffixes->at[i].text);
        } else {
            suffixes->at[kept++] = suffixes->at[i];
        }
    }
    suffixes->count = kept;
}

void gate_suffixes_free(struct gate_suffixes *suffixes)
{
    for (size_t i = 0; i < suffixes->count; i++) {
        free(suffixes->at[i].text);
    }
    free(suffixes->at);
    memset(suffixes, 0, sizeof(*suffixes));
}

static bool is_ascii(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

static bool has(const char *line, size_t len, const char *words)
{
    return memmem(line, len, words, strlen(words)) != NULL;
}

int gate_suffixes_parse(struct gate_suffixes *suffixes, const char *text, size_t len)
{
    bool registry = true;
    int rc = 0;

    while (len > 0 && rc == 0) {
        const char *end = memchr(text, '\n', len);
        const size_t line = end != NULL ? (size_t)(end - text) : len;
        size_t word = 0;

        while (word < line && text[word] != ' ' && text[word] != '\t' && text[word] != '\r') {
            word++;
        }
        if (line >= 2 && text[0] == '/' && text[1] == '/') {
            registry = has(text, line, "===BEGIN ICANN DOMAINS===") ||
                       (registry && !has(text, line, "===BEGIN PRIVATE DOMAINS==="));
        } else if (word > 0 && word <= WIRE_NAME_MAX && text[0] != '!' &&
                   is_ascii(text, word)) {
            rc = gate_suffixes_add(suffixes, text, word, registry);
        }
        text += end != NULL ? line + 1 : line;
        len -= end != NULL ? line + 1 : line;
    }
    return rc;
}

/* One name, if it is one by libpsl. */
static int note_one(struct gate_suffixes *suffixes, const psl_ctx_t *psl, const char *asked,
                    const char *text)
{
    const bool registry = psl_is_public_suffix2(psl, asked, IN_REGISTRY) != 0;

    return registry || psl_is_public_suffix2(psl, asked, IN_PRIVATE) != 0
               ? gate_suffixes_add(suffixes, text, strlen(text), registry)
               : 0;
}

int gate_suffixes_note(struct gate_suffixes *suffixes, const void *psl, const char *name)
{
    char below[WIRE_NAME_TEXT_MAX + 16], any[WIRE_NAME_TEXT_MAX + 2];

    snprintf(below, sizeof(below), "cordon-gate.%s", name); /* some label */
    snprintf(any, sizeof(any), "*.%s", name);
    const int rc = note_one(suffixes, psl, name, name);
    return rc == 0 ? note_one(suffixes, psl, below, any) : rc;
}

int gate_suffix_start(struct gate_job *job)
{
    const char *path = job->request->suffixes != NULL ? job->request->suffixes : SYSTEM_FILE;
    uint8_t *text = NULL;
    size_t len = 0;
    int rc = 0;

    job->psl = psl_latest(NULL);
    if (file_read(path, GATE_SUFFIX_OCTETS_MAX, &text, &len) == 0) {
        rc = gate_suffixes_parse(&job->suffixes, (const char *)text, len);
        job->suffix_file = true;
    }
    free(text);
    return rc;
}

void gate_suffix_end(struct gate_job *job)
{
    psl_free(job->psl);
    job->psl = NULL;
    gate_suffixes_free(&job->suffixes);
}

int gate_suffix_note(struct gate_job *job, const struct policy_list *list,
                     const struct policy_list_rule *rule)
{
    struct wire_name name;
    char text[WIRE_NAME_TEXT_MAX];
    size_t pos = 0;

    if (job->psl == NULL || rule->match == POLICY_MATCH_PREFIX ||
        wire_name_read(list->names + rule->name, rule->name_len, &pos, &name) != WIRE_OK) {
        return 0;
    }
    wire_name_to_text(&name, text);
    return gate_suffixes_note(&job->suffixes, job->psl, text);
}

/* A name, or some name below it, for people who ask or for zones that are served. */
static bool is_newly_blocked(const struct gate_sides *sides, const char *text,
                             struct wire_name *name, struct gate_question *question,
                             struct gate_change *change)
{
    static const enum policy_trigger triggers[] = {POLICY_TRIGGER_QNAME,
                                                   POLICY_TRIGGER_NAMESERVER};
    char any[WIRE_NAME_TEXT_MAX + 2];

    for (unsigned i = 0; i < 4; i++) {
        snprintf(any, sizeof(any), "%s%s", i % 2 == 0 || text[0] == '*' ? "" : "*.", text);
        if (wire_name_from_text(any, strlen(any), name) != WIRE_TEXT_OK) {
            continue;
        }
        *question = (struct gate_question){.trigger = triggers[i / 2], .name = name};
        if (gate_newly_blocked_anywhere(sides, question, change)) {
            return true;
        }
    }
    return false;
}

/* All of registries, or all others. */
static int look_at(struct gate_job *job, bool registry, struct gate_result *result)
{
    int rc = 0;

    for (size_t i = 0; i < job->suffixes.count && rc == 0; i++) {
        const struct gate_suffix *suffix = &job->suffixes.at[i];
        struct gate_question question;
        struct gate_change change;
        struct wire_name name;

        if (suffix->registry == registry &&
            is_newly_blocked(&job->sides, suffix->text, &name, &question, &change)) {
            rc = gate_find_change(&job->sides, result, registry ? GATE_REFUSE : GATE_WARN,
                                  suffix->text, &question, &change,
                                  registry
                                      ? "a registry's: the names of everybody are below it"
                                      : "a company's, below which it gives names to others");
        }
    }
    return rc;
}

int gate_check_public_suffix(struct gate_job *job)
{
    struct gate_result *result = &job->outcome->checks[GATE_PUBLIC_SUFFIX];
    int rc = 0;

    if (job->psl == NULL && !job->suffix_file) {
        return gate_skip(result, "there is no Public Suffix List on this machine");
    }
    gate_suffixes_sort(&job->suffixes);
    rc = look_at(job, true, result); /* what refuses is told first */
    rc = rc == 0 ? look_at(job, false, result) : rc;
    return rc == 0 ? gate_say(result, "%" PRIu64 " public suffixes are newly blocked%s",
                              result->found,
                              job->suffix_file
                                  ? ""
                                  : "; the list as text is not on this machine: those below a "
                                    "rule's name are not looked at, but for * ones")
                   : rc;
}
