/*
 * cordon/list.h - what is known about a block list that was loaded.
 *
 * The words of a status are to be repeated as they are: `designated` says that the provider's
 * own legal person is on a list, `parent-designated` that its owner is (status_entity is then
 * the owner), `named-urged` that a document asks for action and nothing follows from it.
 * docs/events.md has all.
 */
#ifndef CORDON_LIST_H
#define CORDON_LIST_H

#include <cordon/error.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Values never change. */
enum cordon_freshness {
    CORDON_FRESH = 0,
    CORDON_STALE = 1,           /* past its expiry date: still in force */
    CORDON_CLOCK_UNTRUSTED = 2, /* the clock is before what surely was: nothing expires */
    CORDON_DEAD = 3 /* stale for longer than dead_after_s of the options: still in force, and
                       for the program to do about it what its operator wants */
};

enum cordon_mode {
    CORDON_MODE_OFF = 0,
    CORDON_MODE_LOG = 1, /* matches are told, and change no decision */
    CORDON_MODE_ENFORCE = 2
};

/* Strings are UTF-8, never NULL ("" where the list says nothing), and live as long as the
 * policy. */
struct cordon_list_info {
    size_t size; /* in: sizeof(struct cordon_list_info) */
    const char *id, *title;
    const char *provider, *provider_name; /* id, and name in words */
    const char *parent_name;              /* the company that owns it */
    const char *legal_requirement; /* the law that requires blocks, if the list names one */
    const char *status_class;      /* of the strongest fact that the list states */
    const char *status_entity;     /* the legal person that it is about */
    const char *status_authority, *status_citation, *status_effective, *status_state,
        *status_checked;
    uint32_t serial;
    uint32_t rules;
    uint64_t created_s, expires_s; /* seconds since 1970 */
    int freshness;                 /* enum cordon_freshness, when the list was loaded */
    int mode;                      /* enum cordon_mode */
    uint32_t keys;                 /* distinct trusted keys whose signatures verified */
    uint64_t due_s;                /* when it is stale: the earliest expiry of the list, and of
                                      the publisher's catalogue and root */
};

#ifdef __cplusplus
}
#endif

#endif
