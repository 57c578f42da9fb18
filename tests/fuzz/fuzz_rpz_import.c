/*
 * Reads arbitrary octets as a response policy zone. What is accepted is a list in the format of
 * lists, which has as many rules as was said; what is refused says where, and gives nothing.
 * The same octets come to the same list.
 */
#include "require.h"

#include "export/rpz_import.h"
#include "policy/list.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ldns forgets some octets of a record that it refuses; the tool that reads a zone ends soon.
 * That we free what is ours is seen by tests/export/test_rpz_import.c, which suppresses
 * nothing. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libldns\n";
}

static int import_once(const uint8_t *data, size_t size, struct export_rpz_import *import,
                       struct report *report, char **list, size_t *len)
{
    FILE *out = open_memstream(list, len);

    require(out != NULL);
    *import = (struct export_rpz_import){
        .file = "zone",
        .id = "imp",
        .provider = "imp The Importer",
        .created = "2026-01-02T03:04:05Z",
        .expires = "2027-02-06T03:04:05Z",
        .category = "imported",
        .scope = "cloud",
        .confidence = "medium",
    };
    const int rc = export_rpz_import(import, (const char *)data, size, report, out);
    require(fclose(out) == 0);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct export_rpz_import import;
    struct report report;
    char *first = NULL, *second = NULL;
    size_t first_len = 0, second_len = 0;

    if (size > 65536) {
        return -1;
    }
    report_init(&report);
    const int rc = import_once(data, size, &import, &report, &first, &first_len);
    require((rc == 0) == (report.errors == 0));
    require((rc == 0) == (first_len > 0));
    if (rc == 0) {
        struct policy_list *list = NULL;

        require(policy_list_parse(first, first_len, "list", &report, &list) == 0);
        require(list->rule_count == import.rules);
        policy_list_free(list);
        require(import_once(data, size, &import, &report, &second, &second_len) == 0);
        require(first_len == second_len && memcmp(first, second, first_len) == 0);
    }
    report_deinit(&report);
    free(first);
    free(second);
    return 0;
}
