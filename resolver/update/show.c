#include "update/show.h"

#include "base/error.h"

#include <inttypes.h>
#include <string.h>

static void print_changes(const struct update_result *result, FILE *out)
{
    for (size_t i = 0; i < result->change_count; i++) {
        const struct update_change *change = &result->changes[i];

        if (change->from == 0) {
            fprintf(out, "  %s: new, serial %" PRIu32 "\n", change->id, change->to);
        } else if (change->to == 0) {
            fprintf(out, "  %s: gone, was %" PRIu32 "\n", change->id, change->from);
        } else {
            fprintf(out, "  %s: %" PRIu32 " -> %" PRIu32 "\n", change->id, change->from,
                    change->to);
        }
    }
}

static void print_outcome(const struct update_result *result, bool quiet, FILE *out)
{
    const char *name = result->publisher;

    switch (result->outcome) {
    case UPDATE_ACTIVATED:
        if (result->from_serial != 0) {
            fprintf(out, "%s: catalogue %" PRIu32 " is in force, was %" PRIu32 " (%s)\n", name,
                    result->to_serial, result->from_serial, result->source);
        } else {
            fprintf(out,
                    "%s: catalogue %" PRIu32 " is in force, the first, of %zu lists (%s)\n",
                    name, result->to_serial, result->change_count, result->source);
            break;
        }
        print_changes(result, out);
        break;
    case UPDATE_SAME:
        if (!quiet) {
            fprintf(out, "%s: nothing new, catalogue %" PRIu32 " stays in force (%s)\n", name,
                    result->from_serial, result->source);
        }
        break;
    case UPDATE_WOULD:
        fprintf(out, "%s: catalogue %" PRIu32 " would come into force (%s)\n", name,
                result->to_serial, result->source);
        print_changes(result, out);
        break;
    case UPDATE_REFUSED:
        fprintf(stderr, "%s: refused%s\n", name,
                result->from_serial != 0 ? ": what is in force stays" : "");
        break;
    case UPDATE_NO_SOURCE:
        fprintf(stderr, "%s: no source could be reached%s\n", name,
                result->from_serial != 0 ? ": what is in force stays" : "");
        break;
    case UPDATE_FAULT:
        fprintf(stderr, "%s: not done%s\n", name,
                result->from_serial != 0 ? ": what is in force stays" : "");
        break;
    }
}

void update_show_result(const struct update_options *options,
                        const struct update_result *result, bool quiet, FILE *out)
{
    const bool good = result->outcome <= UPDATE_WOULD;

    if (result->verdict_text != NULL && (!quiet || !good || options->dry_run)) {
        fputs(result->verdict_text, good ? out : stderr);
    }
    fflush(out);
    report_print(&result->report, stderr);
    print_outcome(result, quiet, out);
}
