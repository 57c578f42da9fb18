#include "setup/names.h"

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int add_records(const struct config *config, struct local_builder *builder,
                       struct report *report)
{
    int rc = 0;

    for (size_t i = 0; i < config->record_count; i++) {
        const struct config_record *record = &config->records[i];
        struct wire_name name;
        const char *why = "not a name";

        if (wire_name_from_text(record->name, strlen(record->name), &name) == WIRE_TEXT_OK) {
            why = local_record_fault(&name, &record->address);
        }
        if (why != NULL) {
            report_add(report, REPORT_ERROR, "local.records", 0, 0, "%.200s: %s", record->name,
                       why);
            rc = CORDON_E_REFUSED;
        } else if (rc == 0) {
            rc = local_builder_add(builder, &name, &record->address);
        }
    }
    return rc;
}

static int add_hosts(const char *path, struct local_builder *builder, struct report *report)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int rc = file_read(path, LOCAL_HOSTS_OCTETS_MAX, &text, &len);

    if (rc != 0) {
        report_add(report, REPORT_ERROR, path, 0, 0, "local.hosts: cannot be read: %s",
                   cordon_strerror(rc));
        return rc;
    }
    rc = local_hosts_read((const char *)text, len, path, builder, report);
    free(text);
    return rc;
}

int setup_names(const struct config *config, struct report *report, struct local_names **names)
{
    uint8_t key[SIPHASH_KEY_OCTETS];

    *names = NULL;
    if (config->record_count == 0 && config->hosts_count == 0) {
        return 0;
    }
    struct local_builder *builder = local_builder_create();
    if (builder == NULL) {
        return -ENOMEM;
    }
    int rc = add_records(config, builder, report);
    for (size_t i = 0; i < config->hosts_count && rc == 0; i++) {
        rc = add_hosts(config->hosts[i], builder, report);
    }
    if (rc == 0) {
        random_system(key, sizeof(key));
        rc = local_names_build(builder, config->local_ttl_s, key, report, names);
    }
    local_builder_free(builder);
    return rc;
}
