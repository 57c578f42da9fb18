/* policy/freshness.c - how old lists are, and what is said of it. */
#include "base/clock.h"
#include "policy/load.h"

#include <inttypes.h>

enum policy_freshness policy_freshness_at(uint64_t created_s, uint64_t expires_s,
                                          uint64_t now_s)
{
    if (now_s == 0) {
        return POLICY_FRESH;
    }
    if (now_s < created_s) {
        return POLICY_CLOCK_UNTRUSTED;
    }
    return now_s >= expires_s ? POLICY_STALE : POLICY_FRESH;
}

enum policy_freshness policy_freshness_of(const struct policy_loaded_list *list, uint64_t now_s)
{
    const uint64_t dead_after_s = list->dead_after_s != 0 ? list->dead_after_s : UINT64_MAX;

    switch (trust_state_at(list->due_s, dead_after_s, list->floor_s, now_s)) {
    case TRUST_FRESH:
        return POLICY_FRESH;
    case TRUST_STALE:
        return POLICY_STALE;
    case TRUST_DEAD:
        return POLICY_DEAD;
    case TRUST_CLOCK_UNTRUSTED:
        break;
    }
    return POLICY_CLOCK_UNTRUSTED;
}

const char *policy_freshness_word(enum policy_freshness freshness)
{
    static const char *const words[] = {[POLICY_FRESH] = "fresh",
                                        [POLICY_STALE] = "stale",
                                        [POLICY_CLOCK_UNTRUSTED] = "clock-untrusted",
                                        [POLICY_DEAD] = "dead"};

    return words[freshness];
}

void policy_freshness_warn_at(const struct policy_loaded_list *loaded, uint64_t asked_s,
                              const char *path, struct report *report)
{
    char text[CLOCK_TEXT_MAX];

    if (asked_s < loaded->created_s) {
        clock_format_s(loaded->created_s, text);
        report_add(report, REPORT_WARNING, path, 0, 0,
                   "serial %" PRIu32
                   " of the list was made on %s, after the time that is asked "
                   "about: it was not in force then",
                   loaded->serial, text);
        return;
    }
    policy_freshness_warn(loaded, path, report);
}

void policy_freshness_warn(const struct policy_loaded_list *loaded, const char *path,
                           struct report *report)
{
    char text[CLOCK_TEXT_MAX];

    switch (loaded->freshness) {
    case POLICY_FRESH:
        break;
    case POLICY_STALE:
        clock_format_s(loaded->due_s, text);
        report_add(report, REPORT_WARNING, path, 0, 0,
                   "%s expired on %s: it stays in force; fetch a newer one",
                   loaded->due_s < loaded->expires_s ? "the list's catalogue, or its root,"
                                                     : "the list",
                   text);
        break;
    case POLICY_DEAD:
        clock_format_s(loaded->due_s, text);
        report_add(report, REPORT_WARNING, path, 0, 0,
                   "the list expired on %s and is dead: trust.dead says what holds; fetch a "
                   "newer one",
                   text);
        break;
    case POLICY_CLOCK_UNTRUSTED:
        clock_format_s(loaded->floor_s, text);
        report_add(
            report, REPORT_WARNING, path, 0, 0,
            "%s %s, which is still to come by this machine's clock: set the clock; until "
            "then no list counts as expired",
            loaded->floor_s == loaded->created_s
                ? "the list was created on"
                : "when lists were last looked at, or their catalogue made, it was",
            text);
        break;
    }
}
