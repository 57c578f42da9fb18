/*
 * dossier/event.h - one recorded decision, as far as reports ask about it.
 */
#ifndef CORDON_DOSSIER_EVENT_H
#define CORDON_DOSSIER_EVENT_H

#include "audit/block.h"
#include "dossier/legal.h"

/* Texts borrow from the block; octets NULL: the event does not have it. */
struct dossier_event {
    uint64_t time_us;
    struct audit_value ground; /* "decision", "default-deny", "client-deny" */
    struct audit_value client, view, name, action, rule, category, trigger, matched, address,
        chain;
    struct audit_value exception, subject, id, ticket, licence, approver; /* of an exception */
    struct audit_value basis_octets;
    struct audit_basis_view basis;
    bool has_basis; /* a list spoke */
    bool direct;    /* the name asked is the provider's, or the client, or no list spoke */
    enum dossier_legal legal;
    enum dossier_effect effect;
};

/* The columns that are read. */
uint64_t dossier_event_columns(void);

/* Event i of a block whose columns are loaded. False if it is no decision. */
bool dossier_event_read(const struct audit_block *block, uint32_t i, struct dossier_event *out);

/* Is the text this word? False where it is absent. */
bool dossier_is(const struct audit_value *text, const char *word);

/*
 * Words for people, without a zero octet; return the length. A name in presentation format; a
 * client as audit/shown.h has it; names of a chain with " > " between;
 * what was matched: an address, else a name. Octets that are none of it are shown in
 * hexadecimal.
 */
#define DOSSIER_WORDS_MAX 16384u
size_t dossier_name_words(const struct audit_value *name, char out[DOSSIER_WORDS_MAX]);
size_t dossier_client_words(const struct audit_value *client, char out[DOSSIER_WORDS_MAX]);
size_t dossier_chain_words(const struct audit_value *chain, char out[DOSSIER_WORDS_MAX]);
size_t dossier_address_words(const struct audit_value *address, char out[DOSSIER_WORDS_MAX]);

#endif
