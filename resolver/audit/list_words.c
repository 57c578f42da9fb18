#include "audit/list_words.h"

#include "audit/event.h"
#include "audit/row.h"
#include "base/text.h"
#include "policy/words.h"

#include <stdlib.h>
#include <string.h>

#define LISTS 256u /* a hit names its list by one octet */

struct audit_list_words {
    uint64_t generation; /* of the policy whose words these are */
    struct audit_list_said *lists[LISTS];
};

static const char *or_null(const char *words)
{
    return words == NULL || words[0] == '\0' ? NULL : words;
}

size_t audit_list_basis(const struct policy_image_list *list, uint8_t out[AUDIT_TEXT_MAX])
{
    const struct audit_basis basis = {
        .serial = list->serial,
        .list = or_null(list->id),
        .provider = or_null(list->provider),
        .provider_name = or_null(list->provider_name),
        .parent_name = or_null(list->parent_name),
        .status_class = or_null(list->status_class),
        .status_entity = or_null(list->status_entity),
        .status_authority = or_null(list->status_authority),
        .status_citation = or_null(list->status_citation),
        .status_effective = or_null(list->status_effective),
        .status_state = or_null(list->status_state),
        .status_checked = or_null(list->status_checked),
    };
    size_t len = audit_basis_put(&basis, out, AUDIT_TEXT_MAX);

    if (len == 0) {
        const struct audit_basis least = {
            .serial = list->serial, .list = basis.list, .provider = basis.provider};

        len = audit_basis_put(&least, out, AUDIT_TEXT_MAX);
    }
    return len;
}

static void forget(struct audit_list_words *words)
{
    for (unsigned i = 0; i < LISTS; i++) {
        free(words->lists[i]);
        words->lists[i] = NULL;
    }
}

struct audit_list_words *audit_list_words_create(void)
{
    return calloc(1, sizeof(struct audit_list_words));
}

void audit_list_words_destroy(struct audit_list_words *words)
{
    if (words != NULL) {
        forget(words);
        free(words);
    }
}

/* One piece of memory: what points, then what it points to. NULL: it does not fit, or there is
 * no memory. */
static struct audit_list_said *put_together(const struct policy_image_list *list)
{
    uint8_t basis[AUDIT_TEXT_MAX];
    struct audit_list_said *said = NULL;
    char *const fields = malloc(AUDIT_LINE_MAX); /* longer ones are in no line */
    struct text text;

    if (fields == NULL) {
        return NULL;
    }
    text_init(&text, fields, AUDIT_LINE_MAX);
    policy_words_write_basis(&text, list);
    policy_words_write_list(&text, list);
    const size_t basis_len = audit_list_basis(list, basis);
    if (!text.overflow) {
        said = malloc(sizeof(*said) + basis_len + text.len);
    }
    if (said != NULL) {
        uint8_t *const octets = (uint8_t *)(said + 1);

        memcpy(octets, basis, basis_len);
        memcpy(octets + basis_len, fields, text.len);
        *said = (struct audit_list_said){.basis = octets,
                                         .basis_len = basis_len,
                                         .fields = (const char *)octets + basis_len,
                                         .fields_len = text.len};
    }
    free(fields);
    return said;
}

const struct audit_list_said *audit_list_words_of(struct audit_list_words *words,
                                                  const struct policy *policy, size_t index)
{
    struct policy_image_list list;

    if (words == NULL || index >= LISTS) {
        return NULL;
    }
    if (words->generation != policy_generation(policy)) {
        forget(words);
        words->generation = policy_generation(policy);
    }
    if (words->lists[index] == NULL &&
        policy_image_list_at(policy_image_of(policy), index, &list)) {
        words->lists[index] = put_together(&list);
    }
    return words->lists[index];
}
