/*
 * Feeds arbitrary octets to holds_parse(). What is accepted keeps its bounds, is about one list
 * each, and prints as a file that reads back to the same, without a fault.
 */
#include "admin/holds.h"

#include "require.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct holds *set = calloc(2, sizeof(*set));
    struct report report;
    size_t len = 0, second_len = 0;

    if (size > 8192 || set == NULL) {
        free(set);
        return -1;
    }
    report_init(&report);
    holds_parse((const char *)data, size, "f", &report, &set[0]);
    report_deinit(&report);
    for (size_t i = 0; i < set[0].count; i++) {
        const struct hold *hold = &set[0].at[i];

        require(hold->list[0] != '\0' && hold->list[0] != '-' && hold->reason[0] != '\0');
        require(strchr(hold->list, '/') == NULL && strchr(hold->list, '.') == NULL);
        require(holds_find(&set[0], hold->list) == i);
    }
    char *text = holds_print(&set[0], &len);
    require(text != NULL);
    report_init(&report);
    holds_parse(text, len, "f", &report, &set[1]);
    require(report.errors == 0 && set[1].count == set[0].count);
    report_deinit(&report);
    char *second = holds_print(&set[1], &second_len);
    require(second != NULL && len == second_len && memcmp(text, second, len) == 0);
    free(text);
    free(second);
    free(set);
    return 0;
}
