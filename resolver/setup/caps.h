/*
 * setup/caps.h - categories, scopes and confidence of views: from the configuration, to people.
 */
#ifndef CORDON_SETUP_CAPS_H
#define CORDON_SETUP_CAPS_H

#include "base/text.h"
#include "config/config.h"
#include "policy/caps.h"
#include "setup/setup.h"

/* Each of the three may stand in another place: in the view, or above it. */
void setup_caps_fill(const struct config_caps *categories, const struct config_caps *scopes,
                     const struct config_caps *confidence, struct policy_caps *out);

/* Warns of categories with a mode that no rule of the lists has, and says which there are. */
void setup_caps_check(const struct config *config, const struct policy_image *image,
                      struct report *report);

/* False: every rule does what its list says. */
bool setup_caps_any(const struct policy_caps *caps);

/* "categories":{...},"scopes":{...},"confidence":{...} (docs/control.md); and in words, with
 * "; " before them: nothing if there are none. */
void setup_caps_show(struct text *out, const struct policy_caps *caps);
void setup_caps_say(struct text *out, const struct policy_caps *caps);

#endif
