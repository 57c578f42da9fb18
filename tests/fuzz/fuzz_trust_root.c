/*
 * Feeds arbitrary octets to the reader of roots of trust. What is accepted must be, octet by
 * octet, what would be written, must hold the promises that the rest of the program relies on,
 * and nothing may be appended to it.
 */
#include "base/random.h"
#include "require.h"
#include "trust/root.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct trust_root *root)
{
    require(root->version >= 1 && root->publisher[0] != '\0' && root->publisher[0] != '-');
    require(root->created_s < root->expires_s);
    require(root->root.threshold >= 1 && root->root.threshold <= root->root.count);
    require(root->list.threshold >= 1 && root->list.threshold <= root->list.count);
    require(trust_keys_shared(&root->root, &root->list) == 0);
    require(root->scope.all_providers || root->scope.provider_count > 0);
    for (size_t i = 0; i < root->scope.name_count; i++) {
        require(strchr(root->scope.names[i], '.') != NULL);
        require(trust_scope_has_name(&root->scope, root->scope.names[i]));
    }
    for (size_t i = 0; i < root->scope.prefix_count; i++) {
        require(trust_scope_has_prefix(&root->scope, &root->scope.prefixes[i]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trust_root *root = NULL;
    struct trust_root *longer = NULL;
    struct report report;
    char *text = NULL;
    size_t len = 0;

    require(random_library_init() == 0);
    report_init(&report);
    if (trust_root_parse((const char *)data, size, "input", &report, &root) != 0) {
        require(root == NULL && report.errors == 1);
        report_deinit(&report);
        return 0;
    }
    require(report.count == 0);
    check(root);
    require(trust_root_format(root, &text, &len) == 0);
    require(len == size && memcmp(text, data, size) == 0);
    char *more = malloc(size + 1);
    require(more != NULL);
    memcpy(more, data, size);
    more[size] = '\n';
    require(trust_root_parse(more, size + 1, "input", NULL, &longer) != 0);
    require(trust_root_parse(more, size - 1, "input", NULL, &longer) != 0);
    free(more);
    free(text);
    free(root);
    report_deinit(&report);
    return 0;
}
