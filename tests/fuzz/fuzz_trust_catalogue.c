/*
 * Feeds arbitrary octets to the reader of catalogues. What is accepted must be, octet by octet,
 * what would be written, every list in it must be found, and nothing may be appended to it.
 */
#include "base/random.h"
#include "require.h"
#include "trust/catalogue.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct trust_catalogue *catalogue)
{
    require(catalogue->serial >= 1 && catalogue->created_s < catalogue->expires_s);
    require(catalogue->count <= TRUST_CATALOGUE_LISTS_MAX);
    for (size_t i = 0; i < catalogue->count; i++) {
        const struct trust_entry *entry = &catalogue->entries[i];

        require(trust_catalogue_find(catalogue, entry->id) == entry);
        require(strchr(entry->id, '/') == NULL && strchr(entry->id, '.') == NULL);
        require(entry->serial >= 1 && entry->size >= 1 && entry->size <= TRUST_LIST_OCTETS_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trust_catalogue *catalogue = NULL;
    struct trust_catalogue *longer = NULL;
    struct report report;
    char *text = NULL;
    size_t len = 0;

    require(random_library_init() == 0);
    report_init(&report);
    if (trust_catalogue_parse((const char *)data, size, "input", &report, &catalogue) != 0) {
        require(catalogue == NULL && report.errors == 1);
        report_deinit(&report);
        return 0;
    }
    require(report.count == 0);
    check(catalogue);
    require(trust_catalogue_format(catalogue, &text, &len) == 0);
    require(len == size && memcmp(text, data, size) == 0);
    char *more = malloc(size + 1);
    require(more != NULL);
    memcpy(more, data, size);
    more[size] = '\n';
    require(trust_catalogue_parse(more, size + 1, "input", NULL, &longer) != 0);
    require(trust_catalogue_parse(more, size - 1, "input", NULL, &longer) != 0);
    free(more);
    free(text);
    trust_catalogue_free(catalogue);
    report_deinit(&report);
    return 0;
}
