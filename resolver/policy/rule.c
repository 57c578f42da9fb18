#include "policy/rule.h"

#include <string.h>

#define ITEMS(array) (sizeof(array) / sizeof((array)[0]))

static const char *const kinds[] = {
    [POLICY_BLOCK] = "block",
    [POLICY_PASS] = "pass",
};
static const char *const matches[] = {
    [POLICY_MATCH_SUFFIX] = "suffix",
    [POLICY_MATCH_EXACT] = "exact",
    [POLICY_MATCH_BELOW] = "below",
    [POLICY_MATCH_PREFIX] = "prefix",
};
static const char *const scopes[] = {
    [POLICY_SCOPE_CLOUD] = "cloud",           [POLICY_SCOPE_CDN] = "cdn",
    [POLICY_SCOPE_NAMESERVER] = "nameserver", [POLICY_SCOPE_CORPORATE] = "corporate",
    [POLICY_SCOPE_CONSUMER] = "consumer",
};
static const char *const confidences[] = {
    [POLICY_CONFIDENCE_LOW] = "low",
    [POLICY_CONFIDENCE_MEDIUM] = "medium",
    [POLICY_CONFIDENCE_HIGH] = "high",
};
static const char *const actions[] = {
    [POLICY_ACTION_DEFAULT] = "default",   [POLICY_ACTION_SINKHOLE] = "sinkhole",
    [POLICY_ACTION_NXDOMAIN] = "nxdomain", [POLICY_ACTION_NODATA] = "nodata",
    [POLICY_ACTION_REFUSED] = "refused",   [POLICY_ACTION_DROP] = "drop",
    [POLICY_ACTION_TRUNCATE] = "truncate", [POLICY_ACTION_REDIRECT] = "redirect",
    [POLICY_ACTION_PASS] = "pass",         [POLICY_ACTION_LOG] = "log",
};
static const char *const modes[] = {
    [POLICY_MODE_OFF] = "off",
    [POLICY_MODE_LOG] = "log",
    [POLICY_MODE_ENFORCE] = "enforce",
};
static const char *const triggers[] = {
    [POLICY_TRIGGER_CLIENT] = "client",
    [POLICY_TRIGGER_QNAME] = "qname",
    [POLICY_TRIGGER_HOP] = "hop",
    [POLICY_TRIGGER_SVCB] = "svcb",
    [POLICY_TRIGGER_TARGET] = "target",
    [POLICY_TRIGGER_ADDRESS] = "address",
    [POLICY_TRIGGER_NAMESERVER] = "nameserver",
    [POLICY_TRIGGER_NAMESERVER_ADDRESS] = "nameserver-address",
};
static const char *const clients[] = {
    [POLICY_CLIENT_DECIDE] = "decide",
    [POLICY_CLIENT_PASS] = "pass",
    [POLICY_CLIENT_LOG] = "log",
    [POLICY_CLIENT_BLOCK] = "block",
};
static const char *const subjects[] = {
    [POLICY_SUBJECT_ANSWER] = "answer",
    [POLICY_SUBJECT_CLIENT] = "client",
    [POLICY_SUBJECT_NAMESERVER] = "nameserver",
};

enum policy_subject policy_subject_of(enum policy_trigger trigger)
{
    switch (trigger) {
    case POLICY_TRIGGER_CLIENT:
        return POLICY_SUBJECT_CLIENT;
    case POLICY_TRIGGER_NAMESERVER:
    case POLICY_TRIGGER_NAMESERVER_ADDRESS:
        return POLICY_SUBJECT_NAMESERVER;
    case POLICY_TRIGGER_QNAME:
    case POLICY_TRIGGER_HOP:
    case POLICY_TRIGGER_SVCB:
    case POLICY_TRIGGER_TARGET:
    case POLICY_TRIGGER_ADDRESS:
        break;
    }
    return POLICY_SUBJECT_ANSWER;
}

bool policy_trigger_is_address(enum policy_trigger trigger)
{
    return trigger == POLICY_TRIGGER_CLIENT || trigger == POLICY_TRIGGER_ADDRESS ||
           trigger == POLICY_TRIGGER_NAMESERVER_ADDRESS;
}

static const char *name_of(const char *const *names, size_t count, unsigned value)
{
    return value < count ? names[value] : NULL;
}

/* The index of the word at or after first, or count. */
static size_t find(const char *const *names, size_t first, size_t count, const char *word,
                   size_t len)
{
    size_t i = first;

    while (i < count && (strlen(names[i]) != len || memcmp(names[i], word, len) != 0)) {
        i++;
    }
    return i;
}

const char *policy_kind_name(enum policy_kind kind)
{
    return name_of(kinds, ITEMS(kinds), (unsigned)kind);
}

const char *policy_match_name(enum policy_match match)
{
    return name_of(matches, ITEMS(matches), (unsigned)match);
}

const char *policy_scope_name(enum policy_scope scope)
{
    return name_of(scopes, ITEMS(scopes), (unsigned)scope);
}

const char *policy_confidence_name(enum policy_confidence confidence)
{
    return name_of(confidences, ITEMS(confidences), (unsigned)confidence);
}

const char *policy_action_name(enum policy_action action)
{
    return name_of(actions, ITEMS(actions), (unsigned)action);
}

const char *policy_mode_name(enum policy_mode mode)
{
    return name_of(modes, ITEMS(modes), (unsigned)mode);
}

const char *policy_trigger_name(enum policy_trigger trigger)
{
    return name_of(triggers, ITEMS(triggers), (unsigned)trigger);
}

const char *policy_client_name(enum policy_client client)
{
    return name_of(clients, ITEMS(clients), (unsigned)client);
}

const char *policy_subject_name(enum policy_subject subject)
{
    return subject == POLICY_SUBJECT_ANSWER
               ? NULL
               : name_of(subjects, ITEMS(subjects), (unsigned)subject);
}

bool policy_kind_parse(const char *word, size_t len, enum policy_kind *out)
{
    const size_t i = find(kinds, 0, ITEMS(kinds), word, len);

    if (i == ITEMS(kinds)) {
        return false;
    }
    *out = (enum policy_kind)i;
    return true;
}

bool policy_match_parse(const char *word, size_t len, enum policy_match *out)
{
    const size_t i = find(matches, 0, ITEMS(matches), word, len);

    if (i == ITEMS(matches)) {
        return false;
    }
    *out = (enum policy_match)i;
    return true;
}

bool policy_scope_parse(const char *word, size_t len, enum policy_scope *out)
{
    const size_t i = find(scopes, 0, ITEMS(scopes), word, len);

    if (i == ITEMS(scopes)) {
        return false;
    }
    *out = (enum policy_scope)i;
    return true;
}

bool policy_confidence_parse(const char *word, size_t len, enum policy_confidence *out)
{
    const size_t i = find(confidences, 0, ITEMS(confidences), word, len);

    if (i == ITEMS(confidences)) {
        return false;
    }
    *out = (enum policy_confidence)i;
    return true;
}

bool policy_action_parse(const char *word, size_t len, enum policy_action *out)
{
    const size_t i = find(actions, POLICY_ACTION_DEFAULT + 1, ITEMS(actions), word, len);

    if (i == ITEMS(actions)) {
        return false;
    }
    *out = (enum policy_action)i;
    return true;
}

bool policy_mode_parse(const char *word, size_t len, enum policy_mode *out)
{
    const size_t i = find(modes, 0, ITEMS(modes), word, len);

    if (i == ITEMS(modes)) {
        return false;
    }
    *out = (enum policy_mode)i;
    return true;
}

bool policy_client_parse(const char *word, size_t len, enum policy_client *out)
{
    const size_t i = find(clients, 0, ITEMS(clients), word, len);

    if (i == ITEMS(clients)) {
        return false;
    }
    *out = (enum policy_client)i;
    return true;
}

bool policy_subject_parse(const char *word, size_t len, enum policy_subject *out)
{
    const size_t i = find(subjects, POLICY_SUBJECT_ANSWER + 1, ITEMS(subjects), word, len);

    if (i == ITEMS(subjects)) {
        return false;
    }
    *out = (enum policy_subject)i;
    return true;
}
