/* What `cordon audit verify` says of events that were removed: how many, why, and by whose
 * wish. */
#include "base/clock.h"
#include "cli/audit.h"
#include "cli/safe.h"

#include <inttypes.h>
#include <stdio.h>

static const char *why(unsigned cause)
{
    static const char *const words[AUDIT_REMOVED_CAUSES] = {
        [AUDIT_REMOVED_AGE] = "they were older than they are to be kept",
        [AUDIT_REMOVED_OCTETS] = "their stream was above its bound in octets",
        [AUDIT_REMOVED_FORGET] = "somebody asked for it"};

    return words[cause];
}

static void print_told(FILE *out, unsigned stream, unsigned cause,
                       const struct audit_told_removal *told)
{
    char at[CLOCK_TEXT_MAX];
    char until[CLOCK_TEXT_MAX];

    clock_format_s(told->time_us / 1000000, at);
    clock_format_s(told->until_s, until);
    fprintf(out,
            "  removed: %s %" PRIu64 ", in %" PRIu64
            " act%s: %s; the newest act at %s, of events up to %s\n",
            audit_stream_word(stream), told->events, told->acts, told->acts == 1 ? "" : "s",
            why(cause), at, until);
}

static void print_act(FILE *out, const struct audit_act *act)
{
    char words[4 * sizeof(act->reason)];
    char at[CLOCK_TEXT_MAX];

    clock_format_s(act->time_us / 1000000, at);
    fprintf(out, "    %s: %" PRIu64 " %s, by %s", at, act->count,
            act->stream == 0 ? "keys of pseudonyms" : audit_stream_word(act->stream),
            act->user[0] != '\0' ? cli_safe(act->user, words, sizeof(words))
                                 : "a user without a name");
    fprintf(out, ": %s\n", cli_safe(act->reason, words, sizeof(words)));
}

void cli_audit_print_removed(FILE *out, const struct audit_verdict *verdict)
{
    const uint64_t shown =
        verdict->act_count < AUDIT_ACTS_MAX ? verdict->act_count : AUDIT_ACTS_MAX;

    if (verdict->removed > 0) {
        fprintf(out, "  headers alone are there of %" PRIu64 " block%s%s\n", verdict->removed,
                verdict->removed == 1 ? "" : "s",
                verdict->completeness.fault == AUDIT_FAULT_REMOVED
                    ? ""
                    : "; each removal is on the record:");
    }
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        for (unsigned cause = 0; cause < AUDIT_REMOVED_CAUSES; cause++) {
            if (verdict->told[stream][cause].acts > 0) {
                print_told(out, stream, cause, &verdict->told[stream][cause]);
            }
        }
    }
    if (verdict->keys_destroyed > 0) {
        fprintf(out, "  destroyed: keys of pseudonyms %" PRIu64 "\n", verdict->keys_destroyed);
    }
    if (shown > 0) {
        fprintf(out, "  asked for by people%s\n",
                shown < verdict->act_count ? ", the newest" : "");
    }
    for (uint64_t i = verdict->act_count - shown; i < verdict->act_count; i++) {
        print_act(out, &verdict->acts[i % AUDIT_ACTS_MAX]);
    }
}

void cli_audit_write_removed(struct text *out, const struct audit_verdict *verdict)
{
    const uint64_t shown =
        verdict->act_count < AUDIT_ACTS_MAX ? verdict->act_count : AUDIT_ACTS_MAX;

    json_array_begin(out, "removals");
    for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
        for (unsigned cause = 0; cause < AUDIT_REMOVED_CAUSES; cause++) {
            const struct audit_told_removal *told = &verdict->told[stream][cause];

            if (told->acts == 0) {
                continue;
            }
            json_object_begin(out, NULL);
            json_string(out, "stream", audit_stream_word(stream));
            json_string(out, "cause", audit_removal_word((enum audit_removal_cause)cause));
            json_uint(out, "acts", told->acts);
            json_uint(out, "events", told->events);
            json_uint(out, "newest_s", told->time_us / 1000000);
            json_uint(out, "until_s", told->until_s);
            json_object_end(out);
        }
    }
    json_array_end(out);
    json_uint(out, "keys_destroyed", verdict->keys_destroyed);
    json_array_begin(out, "forgotten");
    for (uint64_t i = verdict->act_count - shown; i < verdict->act_count; i++) {
        const struct audit_act *act = &verdict->acts[i % AUDIT_ACTS_MAX];

        json_object_begin(out, NULL);
        json_string(out, "what", act->stream == 0 ? "keys" : audit_stream_word(act->stream));
        json_uint(out, "count", act->count);
        json_uint(out, "time_s", act->time_us / 1000000);
        json_string(out, "user", act->user);
        json_string(out, "reason", act->reason);
        json_object_end(out);
    }
    json_array_end(out);
}
