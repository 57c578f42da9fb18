/*
 * policy/list.h - the text of a block list, parsed. The format is in blocklists/FORMAT.md.
 *
 * The caller has verified the signatures of these octets first (trust/, policy/load.h): the
 * parser is bounded and refuses with line and column all the same.
 */
#ifndef CORDON_POLICY_LIST_H
#define CORDON_POLICY_LIST_H

#include "base/address.h"
#include "base/report.h"
#include "policy/rule.h"
#include "wire/name.h"

#include <stddef.h>
#include <stdint.h>

enum policy_class {
    POLICY_CLASS_DESIGNATED,
    POLICY_CLASS_PARENT_DESIGNATED,
    POLICY_CLASS_LIST_MENTION,
    POLICY_CLASS_NAMED_URGED,
    POLICY_CLASS_NAMED_NO_DESIGNATION_FOUND,
    POLICY_CLASS_CHANGED,
    POLICY_CLASS_REMOVED,
    POLICY_CLASS_NONE_FOUND
};

/* Strings are never NULL ("" where the list says nothing); they live as long as the list. */
struct policy_fact {
    enum policy_class class;
    const char *entity, *authority, *instrument, *citation, *effective, *published, *state,
        *checked, *effect, *note;
};

/* A rule on a whole public suffix, and why its author means it. */
struct policy_list_forced {
    uint32_t rule; /* its number in the list */
    const char *reason;
};

/* There may be 20 million of them: no octet too many (checked in list_rule.c). */
struct policy_list_rule {
    enum policy_kind kind;
    enum policy_match match;
    enum policy_scope scope;
    enum policy_confidence confidence;
    enum policy_action action;   /* POLICY_ACTION_DEFAULT if the rule names none */
    enum policy_subject subject; /* trigger= */
    bool redirect_prefixes : 1;  /* redirect:*.NAME */
    bool ends_chain : 1;         /* ends=chain: a pass for the rest of the chain, too */
    bool public_suffix : 1;      /* it says why it is on a whole public suffix: list->forced */
    uint8_t name_len;            /* octets of the name; 0 for a prefix rule */
    uint32_t line;               /* in the text, from 1 */
    uint32_t name;               /* offset of the wire-format name in list->names, or number
                                  * of the prefix in list->prefixes */
    const char *category;        /* interned per list */
    const char *redirect;        /* presentation format, NULL unless a redirect */
    const char *evidence, *note; /* "" if none */
};

struct policy_list {
    char *id, *title, *provider, *provider_name, *parent, *parent_name, *legal_requirement;
    uint32_t serial;
    uint64_t created_s, expires_s; /* seconds since 1970 */
    struct policy_fact *facts;
    size_t fact_count;
    struct policy_list_rule *rules; /* in the order of the text */
    size_t rule_count;
    struct policy_list_forced *forced; /* in the order of the rules */
    size_t forced_count;
    uint8_t *names; /* wire format, lower case */
    size_t names_len;
    struct address_prefix *prefixes;
    size_t prefix_count;
    uint8_t digest[32]; /* BLAKE2b-256 of the text */
    void *storage;      /* the strings; internal */
};

/* Limits of blocklists/FORMAT.md. */
#define POLICY_LIST_OCTETS_MAX (2u << 30) /* 20 million rules of 100 octets */
#define POLICY_LIST_RULES_MAX  20000000u
#define POLICY_LIST_LINE_MAX   4096u
#define POLICY_LIST_FACTS_MAX  64u

/*
 * Parses len octets of text. file is what messages call it. 0 and *list is the caller's, or
 * CORDON_E_REFUSED (the report has every fault found), CORDON_E_VERSION, CORDON_E_TOO_LARGE,
 * -ENOMEM.
 */
int policy_list_parse(const char *text, size_t len, const char *file, struct report *report,
                      struct policy_list **list);
void policy_list_free(struct policy_list *list); /* NULL is fine */

/* The strongest fact that holds, or NULL if the list has none. */
const struct policy_fact *policy_list_status(const struct policy_list *list);

/* The words of the format: "parent-designated". */
const char *policy_class_name(enum policy_class class);

#endif
