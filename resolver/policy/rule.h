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

/* What a rule is about: it speaks at the triggers of this subject and at no other. */
enum policy_subject {
    POLICY_SUBJECT_ANSWER,    /* names asked for and led to, and addresses in answers */
    POLICY_SUBJECT_CLIENT,    /* who asks: `trigger=client`, prefixes alone */
    POLICY_SUBJECT_NAMESERVER /* who serves the zone that answered: `trigger=nameserver` */
} POLICY_SMALL;
#define POLICY_SUBJECTS 3u

/* What made a rule apply; the order is the order of precedence. */
enum policy_trigger {
    POLICY_TRIGGER_CLIENT, /* address of who asks */
    POLICY_TRIGGER_QNAME,
    POLICY_TRIGGER_HOP,               /* target of a CNAME or DNAME in the answer */
    POLICY_TRIGGER_SVCB,              /* TargetName of an SVCB or HTTPS record */
    POLICY_TRIGGER_TARGET,            /* of an MX, SRV, NS or PTR record in the answer */
    POLICY_TRIGGER_ADDRESS,           /* A, AAAA, or an address hint of SVCB or HTTPS */
    POLICY_TRIGGER_NAMESERVER,        /* name of a name server of the zone that answered */
    POLICY_TRIGGER_NAMESERVER_ADDRESS /* and its address */
};
#define POLICY_TRIGGERS 8u

enum policy_subject policy_subject_of(enum policy_trigger trigger);
/* True if what such a trigger looks at is an address: its rules are prefixes. */
bool policy_trigger_is_address(enum policy_trigger trigger);

/* What the operator says of the clients of a view. */
enum policy_client {
    POLICY_CLIENT_DECIDE, /* the lists' client rules decide */
    POLICY_CLIENT_PASS,   /* nothing does: the client trigger passes */
    POLICY_CLIENT_LOG,    /* each of their questions is recorded */
    POLICY_CLIENT_BLOCK   /* each of their questions is blocked */
};

/* The word, or NULL for a value outside the enum. */
const char *policy_kind_name(enum policy_kind kind);
const char *policy_match_name(enum policy_match match);
const char *policy_scope_name(enum policy_scope scope);
const char *policy_confidence_name(enum policy_confidence confidence);
const char *policy_action_name(enum policy_action action);
const char *policy_mode_name(enum policy_mode mode);
const char *policy_trigger_name(enum policy_trigger trigger);
const char *policy_client_name(enum policy_client client);
/* The word of `trigger=`; NULL for ANSWER, which needs none. */
const char *policy_subject_name(enum policy_subject subject);

/* The value of a word of len octets; false and *out untouched if it is none. "default" is no
 * action word. "redirect" alone is: its name comes apart. */
bool policy_kind_parse(const char *word, size_t len, enum policy_kind *out);
bool policy_match_parse(const char *word, size_t len, enum policy_match *out);
bool policy_scope_parse(const char *word, size_t len, enum policy_scope *out);
bool policy_confidence_parse(const char *word, size_t len, enum policy_confidence *out);
bool policy_action_parse(const char *word, size_t len, enum policy_action *out);
bool policy_mode_parse(const char *word, size_t len, enum policy_mode *out);
bool policy_client_parse(const char *word, size_t len, enum policy_client *out);
bool policy_subject_parse(const char *word, size_t len, enum policy_subject *out);

#endif
