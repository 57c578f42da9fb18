/*
 * Reads arbitrary octets as the text of a list. What is accepted keeps what the format
 * promises: bounded strings, names of two labels at least, prefixes without host bits, no rule
 * twice in a row; and it compiles into an image that finds each of its rules. What is refused
 * says where.
 */
#include "require.h"

#include "policy/image.h"
#include "policy/list_part.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const struct policy_list *list, const struct policy_list_rule *rule,
                       const struct policy_image *image)
{
    struct policy_matches matches;
    struct wire_name name;
    size_t pos = rule->name;

    require(rule->name + rule->name_len <= list->names_len);
    require(wire_name_read(list->names, list->names_len, &pos, &name) == WIRE_OK);
    require(pos == rule->name + rule->name_len && name.labels >= 2);
    require(memcmp(name.octets, list->names + rule->name, name.len) == 0); /* lower case */
    policy_image_find_name(image, &name, &matches);
    require(rule->subject != POLICY_SUBJECT_CLIENT);
    require(rule->match == POLICY_MATCH_BELOW ||
            (matches.count > 0 && matches.at[matches.count - 1].labels == name.labels));
    require(rule->match != POLICY_MATCH_BELOW || matches.pass_below != 0 ||
            rule->subject != POLICY_SUBJECT_ANSWER || rule->action != POLICY_ACTION_DEFAULT);
    require(policy_image_line(image, 0, &name, rule->match, rule->kind, rule->subject) ==
            rule->line);
}

static void check_prefix(const struct address_prefix *prefix, enum policy_subject subject,
                         const struct policy_image *image)
{
    struct address address = {.family = prefix->family};
    struct address_prefix again;
    char text[ADDRESS_TEXT_MAX];
    struct policy_matches matches;

    require(prefix->bits >= (prefix->family == ADDRESS_V4 ? 8 : 16));
    const size_t len = address_prefix_format(prefix, text);
    require(address_prefix_parse(text, len, &again) == 0); /* no host bits */
    memcpy(address.octets, prefix->octets, sizeof(address.octets));
    policy_image_find_address(image, subject, &address, &matches);
    require(matches.count > 0 && matches.at[matches.count - 1].labels >= prefix->bits);
}

static void check(const struct policy_list *list)
{
    struct policy_image *image = NULL;
    size_t forced = 0;

    require(strlen(list->id) >= 1 && strlen(list->id) <= 64);
    require(list->serial > 0 && list->expires_s > list->created_s);
    require(list->fact_count <= POLICY_LIST_FACTS_MAX);
    for (size_t i = 0; i < list->fact_count; i++) {
        require(policy_class_name(list->facts[i].class) != NULL);
        require(list->facts[i].entity[0] != '\0' && list->facts[i].state[0] != '\0');
        require(strlen(list->facts[i].checked) == 10 && strlen(list->facts[i].note) <= 500);
    }
    require(policy_image_build(&list, 1, &image) == 0);
    for (size_t i = 0; i < list->rule_count; i++) {
        const struct policy_list_rule *rule = &list->rules[i];

        require(i == 0 || rule->line > list->rules[i - 1].line);
        require(strlen(rule->category) >= 1 && strlen(rule->category) <= 32);
        require(strlen(rule->evidence) >= 1 && strlen(rule->evidence) <= 500);
        require(strlen(rule->note) <= 500);
        if (rule->public_suffix) {
            require(rule->match == POLICY_MATCH_SUFFIX || rule->match == POLICY_MATCH_BELOW);
            require(forced < list->forced_count && list->forced[forced].rule == i);
            require(list->forced[forced].reason[0] != '\0');
            forced++;
        }
        require((rule->action == POLICY_ACTION_REDIRECT) == (rule->redirect != NULL));
        require(rule->kind == POLICY_BLOCK || rule->action == POLICY_ACTION_DEFAULT);
        if (rule->match == POLICY_MATCH_PREFIX) {
            check_prefix(&list->prefixes[rule->name], rule->subject, image);
        } else {
            check_name(list, rule, image);
        }
    }
    require(forced == list->forced_count);
    policy_image_free(image);
}

/* Parts that are read alone say what the whole text says, and nothing is found in what is none.
 */
static void check_parts(const char *text, size_t len, const struct policy_list *list)
{
    struct policy_list *part = NULL;
    const int rc = policy_list_head(text, len, &part);

    require((rc == 0) == (part != NULL) && (list == NULL || rc == 0));
    if (part != NULL) {
        require(part->rule_count == 0);
        require(list == NULL ||
                (strcmp(part->id, list->id) == 0 && part->fact_count == list->fact_count));
        policy_list_free(part);
        part = NULL;
    }
    if (policy_list_rule(text, len, "block suffix cloud.example", &part) == 0) {
        require(part->rule_count <= 1);
        policy_list_free(part);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy_list *list = NULL;
    struct report report;

    if (size > 65536) {
        return -1;
    }
    report_init(&report);
    const int rc = policy_list_parse((const char *)data, size, "list", &report, &list);
    require((rc == 0) == (list != NULL) && (rc == 0) == (report.errors == 0));
    for (size_t i = 0; i < report.count; i++) {
        require(strncmp(report.entries[i].text, "list:", 5) == 0);
    }
    if (list != NULL) {
        check(list);
    }
    check_parts((const char *)data, size, list);
    policy_list_free(list);
    report_deinit(&report);
    return 0;
}
