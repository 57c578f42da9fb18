#include "setup/names.h"

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "config/zone_text.h"
#include "local/zones.h"
#include "wire/type.h"

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
            why = local_record_fault(builder, &name, &record->address);
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

/* Zones, and the addresses that lead back to their names. */

struct zone_making {
    const struct config *config;
    struct local_zones_builder *zones;
    struct local_builder *names;
    enum {
        ZONE_NONE,
        ZONE_BEGUN,
        ZONE_REFUSED /* what follows is in no zone: said once */
    } of_file;
};

static const char *add_way_back(const struct zone_making *making,
                                const struct config_zone_record *record)
{
    const bool is_v4 = record->type == WIRE_A;
    struct address address = {.family = is_v4 ? ADDRESS_V4 : ADDRESS_V6};

    if (record->rdata_len != address_octets(&address)) {
        return "an address of another length";
    }
    if (record->name.octets[0] == 1 && record->name.octets[1] == '*') {
        return NULL; /* that is many names */
    }
    memcpy(address.octets, record->rdata, record->rdata_len);
    const int rc = local_builder_add_way_back(making->names, &record->name, &address);
    return rc == 0 ? NULL : cordon_strerror(rc);
}

static const char *begin_zone(struct zone_making *making,
                              const struct local_zone_record *record)
{
    making->of_file = ZONE_REFUSED;
    if (record->type != WIRE_SOA) {
        return "the first record of a zone is its SOA";
    }
    for (size_t i = 0; i < making->config->forward_count; i++) {
        if (wire_name_equal(&making->config->forward[i].name, record->name)) {
            return "upstreams.zones has this zone, too: it can be in one place only";
        }
    }
    const char *why = local_zones_begin(making->zones, record);
    making->of_file = why == NULL ? ZONE_BEGUN : ZONE_REFUSED;
    return why;
}

static const char *take_record(void *context, const struct config_zone_record *from)
{
    struct zone_making *making = context;
    const struct local_zone_record record = {.name = &from->name,
                                             .type = from->type,
                                             .ttl_s = from->ttl_s,
                                             .rdata = from->rdata,
                                             .rdata_len = from->rdata_len};

    if (making->of_file != ZONE_BEGUN) {
        return making->of_file == ZONE_NONE ? begin_zone(making, &record) : NULL;
    }
    const char *why = local_zones_add(making->zones, &record);
    if (why == NULL && (from->type == WIRE_A || from->type == WIRE_AAAA)) {
        why = add_way_back(making, from);
    }
    return why;
}

static int add_zone(const char *path, struct zone_making *making, struct report *report)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int rc = file_read(path, LOCAL_HOSTS_OCTETS_MAX, &text, &len);

    if (rc != 0) {
        report_add(report, REPORT_ERROR, path, 0, 0, "local.zones: cannot be read: %s",
                   cordon_strerror(rc));
        return rc;
    }
    making->of_file = ZONE_NONE;
    rc = config_zone_read((const char *)text, len, path, report, take_record, making);
    free(text);
    if (rc == 0 && making->of_file == ZONE_NONE) {
        report_add(report, REPORT_ERROR, path, 0, 0, "local.zones: there is no record in it");
        rc = CORDON_E_REFUSED;
    }
    return rc;
}

/* A zone with upstreams of its own that is inside of one here. */
static bool is_forwarded(const void *context, const struct wire_name *name, uint8_t apex)
{
    const struct config *config = context;

    for (size_t i = 0; i < config->forward_count; i++) {
        if (config->forward[i].name.labels > apex &&
            wire_name_is_within(name, &config->forward[i].name)) {
            return true;
        }
    }
    return false;
}

static int add_zones(const struct config *config, struct local_builder *names,
                     struct report *report, struct local_zones_builder *zones)
{
    struct zone_making making = {.config = config, .zones = zones, .names = names};
    const struct local_zones_elsewhere elsewhere = {.is = is_forwarded, .context = config};
    char name[WIRE_NAME_TEXT_MAX];
    const char *why = NULL;
    int rc = 0;

    for (size_t i = 0; i < config->zone_file_count; i++) {
        const int file_rc = add_zone(config->zone_files[i], &making, report);
        rc = rc == 0 ? file_rc : rc;
    }
    if (rc == 0 && !local_zones_check(zones, &elsewhere, name, &why)) {
        report_add(report, REPORT_ERROR, "local.zones", 0, 0, "%s: %s", name, why);
        rc = CORDON_E_REFUSED;
    }
    local_builder_keep_out(names, zones);
    return rc;
}

/* Takes over zones. */
static int build(const struct config *config, const struct local_builder *builder,
                 struct local_zones_builder *zones, struct report *report,
                 struct local_names **names)
{
    uint8_t key[SIPHASH_KEY_OCTETS];

    random_system(key, sizeof(key));
    struct local_zones *built = zones != NULL ? local_zones_build(zones, key) : NULL;
    if (zones != NULL && built == NULL) {
        return -ENOMEM;
    }
    const int rc = local_names_build(builder, config->local_ttl_s, key, report, names);
    if (rc != 0) {
        local_zones_free(built);
        return rc;
    }
    local_names_take_zones(*names, built);
    return 0;
}

int setup_names(const struct config *config, struct report *report, struct local_names **names)
{
    struct local_zones_builder *zones = NULL;
    int rc = 0;

    *names = NULL;
    if (config->record_count == 0 && config->hosts_count == 0 && config->zone_file_count == 0) {
        return 0;
    }
    struct local_builder *builder = local_builder_create();
    if (builder == NULL) {
        return -ENOMEM;
    }
    if (config->zone_file_count > 0) {
        zones = local_zones_builder_create();
        rc = zones == NULL ? -ENOMEM : add_zones(config, builder, report, zones);
    }
    if (rc == 0) {
        rc = add_records(config, builder, report);
    }
    for (size_t i = 0; i < config->hosts_count && rc == 0; i++) {
        rc = add_hosts(config->hosts[i], builder, report);
    }
    if (rc == 0) {
        rc = build(config, builder, zones, report, names);
    } else {
        local_zones_builder_free(zones);
    }
    local_builder_free(builder);
    return rc;
}
