/*
 * Feeds arbitrary octets to overrides_parse(). What is accepted keeps its bounds, and prints as
 * a file that reads back to the same, without a fault.
 */
#include "admin/overrides.h"

#include "require.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct override *override, struct clock_now now)
{
    const uint64_t most_s =
        override->kind == OVERRIDE_PAUSE ? OVERRIDES_PAUSE_S_MAX : OVERRIDES_EXCEPTION_S_MAX;

    require(override->until_s > override->since_s);
    require(override->until_s - override->since_s <= most_s);
    require(override->last_us >= now.mono_us);
    require(override->last_us - now.mono_us <= most_s * 1000000);
    require(override->reason[0] != '\0');
    if (override->kind == OVERRIDE_PAUSE) {
        require(override->list[0] != '\0');
    } else {
        require(override->exception.name.labels >= OVERRIDES_LABELS_MIN);
        require(override->exception.ticket[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct clock_now now = {.mono_us = 1000000, .wall_us = UINT64_C(1795339800000000)};
    struct overrides set = {0}, again = {0};
    struct report report;
    size_t len = 0, second_len = 0;

    if (size > 8192) {
        return -1;
    }
    report_init(&report);
    require(overrides_parse((const char *)data, size, "f", now, &report, &set) == 0);
    report_deinit(&report);
    for (size_t i = 0; i < set.count; i++) {
        check(set.at[i], now);
        for (size_t j = 0; j < i; j++) {
            require(!override_is_same(set.at[i], set.at[j]));
        }
    }
    char *text = overrides_print(&set, &len);
    require(text != NULL);
    report_init(&report);
    require(overrides_parse(text, len, "f", now, &report, &again) == 0);
    require(report.errors == 0 && again.count == set.count);
    report_deinit(&report);
    char *second = overrides_print(&again, &second_len);
    require(second != NULL && len == second_len && memcmp(text, second, len) == 0);
    free(text);
    free(second);
    overrides_deinit(&set);
    overrides_deinit(&again);
    return 0;
}
