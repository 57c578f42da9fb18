#include "cli/progress.h"

#include "base/clock.h"

#include <stdio.h>
#include <unistd.h>

/* A line is written anew so often at most: more cannot be read, and a terminal may be far. */
#define DRAW_EVERY_US 100000u

void cli_progress_start(struct cli_progress *progress, bool quiet)
{
    *progress = (struct cli_progress){.on = !quiet && isatty(STDERR_FILENO) == 1};
}

const char *cli_progress_line(const char *stage, uint64_t done, uint64_t all, char *out,
                              size_t size)
{
    const uint64_t part = all == 0      ? 100
                          : done >= all ? 100
                                        : (uint64_t)(100.0 * (double)done / (double)all);

    snprintf(out, size, "%-12s %3u %%", stage, (unsigned)part);
    return out;
}

static void tell(void *context, const char *stage, uint64_t done, uint64_t all)
{
    struct cli_progress *progress = context;
    const uint64_t now_us = clock_read().mono_us;
    char line[64];

    if (progress->on && now_us >= progress->next_us) {
        fprintf(stderr, "\r%s", cli_progress_line(stage, done, all, line, sizeof(line)));
        fflush(stderr);
        progress->drawn = true;
        progress->next_us = now_us + DRAW_EVERY_US;
    }
}

void cli_progress_watch(struct cli_progress *progress, struct report *report)
{
    report->progress = tell;
    report->progress_context = progress;
}

void cli_progress_end(struct cli_progress *progress)
{
    if (progress->drawn) {
        /* ECMA-48: from the beginning of the line, erase to its end. */
        fputs("\r\033[K", stderr);
        fflush(stderr);
        progress->drawn = false;
    }
    progress->on = false;
}
