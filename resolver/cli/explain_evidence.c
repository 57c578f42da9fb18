/* cordon explain: what a list gives as evidence of a rule. It stands in the list's text alone,
 * which is looked at if it is, octet for octet, the one that has decided. */
#include "base/digest.h"
#include "base/file.h"
#include "cli/explain.h"
#include "policy/list_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text_of_list {
    uint8_t *octets;
    size_t len;
};

/* The text of this file if it has this digest. */
static bool read_if_same(const char *path, const char *digest, struct text_of_list *out)
{
    uint8_t found[DIGEST_OCTETS];
    char hex[2 * DIGEST_OCTETS + 1];

    if (file_read(path, POLICY_LIST_OCTETS_MAX, &out->octets, &out->len) != 0) {
        return false;
    }
    digest_of(out->octets, out->len, NULL, found);
    digest_hex(found, sizeof(found), hex);
    if (strcmp(hex, digest) != 0) {
        free(out->octets);
        out->octets = NULL;
    }
    return out->octets != NULL;
}

/* The text of the list with this id that has decided. */
static bool find_text(const json_t *document, const char *id,
                      const struct explain_request *request, const char *folder,
                      struct text_of_list *out)
{
    const json_t *lists = json_object_get(document, "lists");
    const char *digest = "";
    char path[4096];

    for (size_t i = 0; i < json_array_size(lists); i++) {
        const json_t *list = json_array_get(lists, i);

        if (strcmp(cli_string_of(list, "list"), id) == 0) {
            digest = cli_string_of(list, "blake2b256");
        }
    }
    for (size_t i = 0; i < request->list_count; i++) {
        if (read_if_same(request->lists[i], digest, out)) {
            return true;
        }
    }
    return folder != NULL && strchr(id, '/') == NULL &&
           (size_t)snprintf(path, sizeof(path), "%s/%s.list", folder, id) < sizeof(path) &&
           read_if_same(path, digest, out);
}

static void add_to_rule(json_t *rule, const struct text_of_list *text)
{
    struct policy_list *part = NULL;

    if (text->octets == NULL || policy_list_rule((const char *)text->octets, text->len,
                                                 cli_string_of(rule, "rule"), &part) != 0) {
        return;
    }
    if (part->rule_count == 1) {
        json_object_set_new(rule, "line", json_integer((json_int_t)part->rules[0].line));
        cli_add_string(rule, "evidence", part->rules[0].evidence);
        if (part->rules[0].note[0] != '\0') {
            cli_add_string(rule, "note", part->rules[0].note);
        }
    }
    policy_list_free(part);
}

/* True for one that decides, is recorded, or would but for an exception. */
static bool is_wanted(const json_t *rule)
{
    static const char *const fates[] = {"wins", "recorded", "exception", "excepted"};
    const char *fate = cli_string_of(rule, "fate");

    for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++) {
        if (strcmp(fate, fates[i]) == 0) {
            return true;
        }
    }
    return false;
}

void explain_add_evidence(json_t *document, const struct explain_request *request,
                          const char *folder)
{
    const json_t *triggers = json_object_get(document, "triggers");
    struct text_of_list text = {NULL, 0};
    char id[POLICY_LIST_ID_MAX + 1] = ""; /* of the text */

    for (size_t i = 0; i < json_array_size(triggers); i++) {
        const json_t *rules = json_object_get(json_array_get(triggers, i), "rules");

        for (size_t k = 0; k < json_array_size(rules); k++) {
            json_t *rule = json_array_get(rules, k);
            const char *list = cli_string_of(rule, "list");

            if (!is_wanted(rule) || strlen(list) > POLICY_LIST_ID_MAX) {
                continue;
            }
            if (strcmp(list, id) != 0) {
                free(text.octets);
                text.octets = NULL;
                snprintf(id, sizeof(id), "%s", list);
                (void)find_text(document, list, request, folder, &text);
            }
            add_to_rule(rule, &text);
        }
    }
    free(text.octets);
}
