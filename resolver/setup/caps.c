#include "setup/caps.h"

#include "base/invariant.h"

#include <stdio.h>
#include <string.h>

_Static_assert(CONFIG_CATEGORIES_MAX <= POLICY_CATEGORIES_MAX &&
                   CONFIG_CATEGORY_MAX == POLICY_CATEGORY_MAX && CONFIG_SCOPES == POLICY_SCOPES,
               "what is read has a place in the policy");

#define SAID_MAX  4u   /* categories: the rest is in the file */
#define KNOWN_MAX 256u /* categories of the lists that are told: more would be no answer */

void setup_caps_fill(const struct config_caps *categories, const struct config_caps *scopes,
                     const struct config_caps *confidence, struct policy_caps *out)
{
    static const enum policy_mode modes[] = {[CONFIG_MODE_OFF] = POLICY_MODE_OFF,
                                             [CONFIG_MODE_LOG] = POLICY_MODE_LOG,
                                             [CONFIG_MODE_ENFORCE] = POLICY_MODE_ENFORCE};

    policy_caps_init(out);
    for (size_t i = 0; i < categories->category_count; i++) {
        struct policy_category_cap *to = &out->categories[out->category_count++];

        memcpy(to->word, categories->categories[i].word, sizeof(to->word));
        to->mode = modes[categories->categories[i].mode];
    }
    for (size_t i = 0; i < CONFIG_SCOPES; i++) {
        const char *word = config_scope_words[i];
        enum policy_scope scope = POLICY_SCOPE_CLOUD;

        invariant(policy_scope_parse(word, strlen(word), &scope));
        out->scopes[scope] = modes[scopes->scopes[i]];
    }
    out->log = (enum policy_confidence)confidence->log;
    out->apply = (enum policy_confidence)confidence->apply;
}

/* The categories of the rules. */
struct known {
    const char *words[KNOWN_MAX]; /* borrowed from the image */
    size_t count;
    bool more;
};

static bool is_known(const struct known *known, const char *word)
{
    for (size_t i = 0; i < known->count; i++) {
        if (strcmp(known->words[i], word) == 0) {
            return true;
        }
    }
    return false;
}

static void collect(const struct policy_image *image, struct known *known)
{
    const size_t sets = policy_image_sets(image);
    struct policy_row row;

    known->count = 0;
    known->more = false;
    for (uint32_t set = 0; set < sets; set++) {
        const size_t size = policy_image_set_size(image, set);

        for (size_t i = 0; i < size; i++) {
            /* Rows that only say that something is below have no category. */
            if (!policy_image_row(image, set, i, &row) || row.category == NULL ||
                row.category[0] == '\0' || is_known(known, row.category)) {
                continue;
            }
            if (known->count == KNOWN_MAX) {
                known->more = true;
                return;
            }
            known->words[known->count++] = row.category;
        }
    }
}

static void check(const struct config_caps *caps, const char *place, const struct known *known,
                  struct report *report)
{
    char all[700] = "";
    size_t used = 0;

    for (size_t i = 0; i < known->count && used < sizeof(all); i++) {
        const int len = snprintf(all + used, sizeof(all) - used, "%s%s", i > 0 ? ", " : "",
                                 known->words[i]);
        used += len > 0 ? (size_t)len : 0;
    }
    for (size_t i = 0; i < caps->category_count; i++) {
        const char *word = caps->categories[i].word;

        if (!is_known(known, word) && !known->more) {
            report_add(report, REPORT_WARNING, place, 0, 0,
                       "no rule of the lists in use has the category %s%s%s%s", word,
                       known->count > 0 ? "; there are " : "", all,
                       used >= sizeof(all) ? " ..." : "");
        }
    }
}

void setup_caps_check(const struct config *config, const struct policy_image *image,
                      struct report *report)
{
    struct known known;
    bool any = config->caps.category_count > 0;

    for (size_t i = 0; i < config->view_count; i++) {
        any = any || config->views[i].caps.category_count > 0;
    }
    if (!any) {
        return;
    }
    collect(image, &known);
    check(&config->caps, "policy.categories", &known, report);
    for (size_t i = 0; i < config->view_count; i++) {
        char place[CONFIG_VIEW_NAME_MAX + 32];

        snprintf(place, sizeof(place), "views.%s.categories", config->views[i].name);
        check(&config->views[i].caps, place, &known, report);
    }
}

bool setup_caps_any(const struct policy_caps *caps)
{
    bool any = caps->category_count > 0 || caps->apply != POLICY_CONFIDENCE_LOW;

    for (size_t i = 0; i < POLICY_SCOPES; i++) {
        any = any || caps->scopes[i] != POLICY_MODE_ENFORCE;
    }
    return any;
}

void setup_caps_show(struct text *out, const struct policy_caps *caps)
{
    json_object_begin(out, "categories");
    for (size_t i = 0; i < caps->category_count; i++) {
        json_string(out, caps->categories[i].word, policy_mode_name(caps->categories[i].mode));
    }
    json_object_end(out);
    json_object_begin(out, "scopes");
    for (size_t i = 0; i < POLICY_SCOPES; i++) {
        if (caps->scopes[i] != POLICY_MODE_ENFORCE) {
            json_string(out, policy_scope_name((enum policy_scope)i),
                        policy_mode_name(caps->scopes[i]));
        }
    }
    json_object_end(out);
    json_object_begin(out, "confidence");
    json_string(out, "log", policy_confidence_name(caps->log));
    json_string(out, "apply", policy_confidence_name(caps->apply));
    json_object_end(out);
}

void setup_caps_say(struct text *out, const struct policy_caps *caps)
{
    const char *before = "; at most: ";

    for (size_t i = 0; i < caps->category_count && i < SAID_MAX; i++) {
        text_printf(out, "%scategory %s %s", before, caps->categories[i].word,
                    policy_mode_name(caps->categories[i].mode));
        before = ", ";
    }
    if (caps->category_count > SAID_MAX) {
        text_printf(out, " and %zu more", caps->category_count - SAID_MAX);
    }
    for (size_t i = 0; i < POLICY_SCOPES; i++) {
        if (caps->scopes[i] != POLICY_MODE_ENFORCE) {
            text_printf(out, "%sscope %s %s", before, policy_scope_name((enum policy_scope)i),
                        policy_mode_name(caps->scopes[i]));
            before = ", ";
        }
    }
    if (caps->log != POLICY_CONFIDENCE_LOW) {
        text_printf(out, "%sconfidence below %s off", before,
                    policy_confidence_name(caps->log));
        before = ", ";
    }
    if (caps->apply != caps->log) {
        text_printf(out, "%sconfidence below %s log", before,
                    policy_confidence_name(caps->apply));
    }
}
