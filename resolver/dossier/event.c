#include "dossier/event.h"

#include "audit/shown.h"
#include "base/digest.h"

#include <string.h>

#define BIT(column) (UINT64_C(1) << (column))

_Static_assert(2u * AUDIT_TEXT_MAX + 16u <= DOSSIER_WORDS_MAX, "a text in hexadecimal");
_Static_assert(AUDIT_TEXT_MAX * 4u <= DOSSIER_WORDS_MAX, "a chain, each octet as \\DDD");

uint64_t dossier_event_columns(void)
{
    return BIT(AUDIT_TIME) | BIT(AUDIT_EVENT) | BIT(AUDIT_CLIENT) | BIT(AUDIT_VIEW) |
           BIT(AUDIT_NAME) | BIT(AUDIT_ACTION) | BIT(AUDIT_MODE) | BIT(AUDIT_APPLIED) |
           BIT(AUDIT_PAUSED) | BIT(AUDIT_EXCEPTION) | BIT(AUDIT_SUBJECT) | BIT(AUDIT_ID) |
           BIT(AUDIT_TICKET) | BIT(AUDIT_LICENCE) | BIT(AUDIT_APPROVER) | BIT(AUDIT_BASIS) |
           BIT(AUDIT_RULE) | BIT(AUDIT_CATEGORY) | BIT(AUDIT_TRIGGER) | BIT(AUDIT_MATCHED) |
           BIT(AUDIT_MATCHED_ADDRESS) | BIT(AUDIT_CHAIN) | BIT(AUDIT_STATE);
}

bool dossier_is(const struct audit_value *text, const char *word)
{
    return text->octets != NULL && text->number == strlen(word) &&
           memcmp(text->octets, word, text->number) == 0;
}

static struct audit_value text_of(const struct audit_block *block, unsigned column, uint32_t i)
{
    struct audit_value value;

    return audit_block_value(block, column, i, &value) ? value : (struct audit_value){NULL, 0};
}

static bool flag_of(const struct audit_block *block, unsigned column, uint32_t i)
{
    struct audit_value value;

    return audit_block_value(block, column, i, &value) && value.number != 0;
}

static enum dossier_effect effect_of(const struct audit_block *block, uint32_t i,
                                     const struct dossier_event *event)
{
    const struct audit_value mode = text_of(block, AUDIT_MODE, i);
    const struct audit_value stage = text_of(block, AUDIT_STATE, i);

    if (stage.octets != NULL && stage.number > 6 && memcmp(stage.octets, "trial-", 6) == 0) {
        return DOSSIER_TRIAL;
    }
    if (event->exception.octets != NULL || event->id.octets != NULL) {
        return DOSSIER_EXCEPTED;
    }
    if (dossier_is(&event->action, "log") || dossier_is(&event->action, "pass")) {
        return DOSSIER_RECORDED;
    }
    if (flag_of(block, AUDIT_PAUSED, i)) {
        return DOSSIER_PAUSED;
    }
    if (flag_of(block, AUDIT_APPLIED, i)) {
        return DOSSIER_BLOCKED;
    }
    return dossier_is(&mode, "log") ? DOSSIER_WOULD : DOSSIER_OTHER;
}

bool dossier_event_read(const struct audit_block *block, uint32_t i, struct dossier_event *out)
{
    struct audit_value time;

    memset(out, 0, sizeof(*out));
    out->ground = text_of(block, AUDIT_EVENT, i);
    if (!audit_block_value(block, AUDIT_TIME, i, &time) ||
        (!dossier_is(&out->ground, "decision") && !dossier_is(&out->ground, "default-deny") &&
         !dossier_is(&out->ground, "client-deny"))) {
        return false;
    }
    out->time_us = time.number;
    out->client = text_of(block, AUDIT_CLIENT, i);
    out->view = text_of(block, AUDIT_VIEW, i);
    out->name = text_of(block, AUDIT_NAME, i);
    out->action = text_of(block, AUDIT_ACTION, i);
    out->rule = text_of(block, AUDIT_RULE, i);
    out->category = text_of(block, AUDIT_CATEGORY, i);
    out->trigger = text_of(block, AUDIT_TRIGGER, i);
    out->matched = text_of(block, AUDIT_MATCHED, i);
    out->address = text_of(block, AUDIT_MATCHED_ADDRESS, i);
    out->chain = text_of(block, AUDIT_CHAIN, i);
    out->exception = text_of(block, AUDIT_EXCEPTION, i);
    out->subject = text_of(block, AUDIT_SUBJECT, i);
    out->id = text_of(block, AUDIT_ID, i);
    out->ticket = text_of(block, AUDIT_TICKET, i);
    out->licence = text_of(block, AUDIT_LICENCE, i);
    out->approver = text_of(block, AUDIT_APPROVER, i);
    out->basis_octets = text_of(block, AUDIT_BASIS, i);
    out->has_basis =
        out->basis_octets.octets != NULL &&
        audit_basis_get(out->basis_octets.octets, out->basis_octets.number, &out->basis);
    out->legal = dossier_legal_of(out->has_basis ? &out->basis : NULL);
    if (!out->has_basis && dossier_is(&out->ground, "decision")) {
        out->legal = DOSSIER_UNSTATED; /* a list has spoken; what it said cannot be read */
    }
    out->direct = out->trigger.octets == NULL || dossier_is(&out->trigger, "qname") ||
                  dossier_is(&out->trigger, "client");
    out->effect = effect_of(block, i, out);
    return true;
}

static size_t hex_words(const struct audit_value *octets, char out[DOSSIER_WORDS_MAX])
{
    const size_t len =
        octets->number < AUDIT_TEXT_MAX ? (size_t)octets->number : AUDIT_TEXT_MAX;

    memcpy(out, "octets:", 7);
    digest_hex(octets->octets, len, out + 7);
    return 7 + 2 * len;
}

size_t dossier_name_words(const struct audit_value *name, char out[DOSSIER_WORDS_MAX])
{
    struct wire_name read;

    if (name->octets == NULL) {
        return 0;
    }
    return audit_name_get(name->octets, name->number, &read) ? wire_name_to_text(&read, out)
                                                             : hex_words(name, out);
}

size_t dossier_client_words(const struct audit_value *client, char out[DOSSIER_WORDS_MAX])
{
    _Static_assert(AUDIT_CLIENT_TEXT_MAX <= DOSSIER_WORDS_MAX, "a client does not fit");
    return client->octets == NULL ? 0 : audit_client_format(client, out);
}

size_t dossier_chain_words(const struct audit_value *chain, char out[DOSSIER_WORDS_MAX])
{
    struct wire_name name;
    size_t pos = 0;
    size_t len = 0;

    while (chain->octets != NULL && pos < chain->number) {
        if (wire_name_read(chain->octets, chain->number, &pos, &name) != WIRE_OK ||
            len + WIRE_NAME_TEXT_MAX + 3 > DOSSIER_WORDS_MAX) {
            return hex_words(chain, out);
        }
        if (len > 0) {
            memcpy(out + len, " > ", 3);
            len += 3;
        }
        len += wire_name_to_text(&name, out + len);
    }
    return len;
}

size_t dossier_address_words(const struct audit_value *address, char out[DOSSIER_WORDS_MAX])
{
    struct address read;

    if (address->octets == NULL) {
        return 0;
    }
    return audit_address_get(address->octets, address->number, &read)
               ? address_format(&read, false, out)
               : hex_words(address, out);
}
