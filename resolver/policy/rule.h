/*
 * policy/rule.h - the words of a rule, and their names in lists, events and configuration.
 */
#ifndef CORDON_POLICY_RULE_H
#define CORDON_POLICY_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One octet each: a list of millions of rules has five of them in each rule. */
#define POLICY_SMALL __attribute__((packed))

enum policy_kind {
    POLICY_BLOCK,
    POLICY_PASS
} POLICY_SMALL;

enum policy_match {
    POLICY_MATCH_SUFFIX, /* the name and all below it */
    POLICY_MATCH_EXACT,  /* the name alone */
    POLICY_MATCH_BELOW,  /* all below it, not the name */
    POLICY_MATCH_PREFIX  /* an address prefix */
} POLICY_SMALL;

enum policy_scope {
    POLICY_SCOPE_CLOUD,
    POLICY_SCOPE_CDN,
    POLICY_SCOPE_NAMESERVER,
    POLICY_SCOPE_CORPORATE,
    POLICY_SCOPE_CONSUMER
} POLICY_SMALL;

enum policy_confidence {
    POLICY_CONFIDENCE_LOW,
    POLICY_CONFIDENCE_MEDIUM,
    POLICY_CONFIDENCE_HIGH
} POLICY_SMALL;

enum policy_action {
    POLICY_ACTION_DEFAULT, /* what the operator configured for the list, else for all */
    POLICY_ACTION_SINKHOLE,
    POLICY_ACTION_NXDOMAIN,
    POLICY_ACTION_NODATA,
    POLICY_ACTION_REFUSED,
    POLICY_ACTION_DROP,
    POLICY_ACTION_TRUNCATE,
    POLICY_ACTION_REDIRECT,
    POLICY_ACTION_PASS,
    POLICY_ACTION_LOG
} POLICY_SMALL;

enum policy_mode {
    POLICY_MODE_OFF,
    POLICY_MODE_LOG,
    POLICY_MODE_ENFORCE
};

/* What made a rule apply; the order is the order of precedence. */
enum policy_trigger {
    POLICY_TRIGGER_CLIENT,
    POLICY_TRIGGER_QNAME,
    POLICY_TRIGGER_HOP,    /* target of a CNAME or DNAME in the answer */
    POLICY_TRIGGER_SVCB,   /* TargetName of an SVCB or HTTPS record */
    POLICY_TRIGGER_ADDRESS /* A, AAAA, or an address hint of SVCB or HTTPS */
};

/* The word, or NULL for a value outside the enum. */
const char *policy_kind_name(enum policy_kind kind);
const char *policy_match_name(enum policy_match match);
const char *policy_scope_name(enum policy_scope scope);
const char *policy_confidence_name(enum policy_confidence confidence);
const char *policy_action_name(enum policy_action action);
const char *policy_mode_name(enum policy_mode mode);
const char *policy_trigger_name(enum policy_trigger trigger);

/* The value of a word of len octets; false and *out untouched if it is none. "default" is no
 * action word. "redirect" alone is: its name comes apart. */
bool policy_kind_parse(const char *word, size_t len, enum policy_kind *out);
bool policy_match_parse(const char *word, size_t len, enum policy_match *out);
bool policy_scope_parse(const char *word, size_t len, enum policy_scope *out);
bool policy_confidence_parse(const char *word, size_t len, enum policy_confidence *out);
bool policy_action_parse(const char *word, size_t len, enum policy_action *out);
bool policy_mode_parse(const char *word, size_t len, enum policy_mode *out);

#endif
