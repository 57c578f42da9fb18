/*
 * Feeds arbitrary octets to config_zone_read() as a zone file, and what it gives to the zones
 * of local/. What is refused must say why; each record that is given must be one that our own
 * reader takes; in what is accepted every name is found, and every alias leads to an end.
 */
#include "require.h"

#include "base/error.h"
#include "config/zone_text.h"
#include "local/zones.h"
#include "wire/type.h"
#include "wire/writer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ldns forgets some octets of a record that it refuses (IPSECKEY and EUI48 are some): a few for
 * each file that a reload refuses, which is not worth another parser. That we free what is ours
 * is seen by tests/config/test_zone_text.c, which suppresses nothing. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libldns\n";
}

#define NAMES_MAX 64u

struct taken {
    struct local_zones_builder *zones;
    bool begun;
    struct wire_name names[NAMES_MAX];
    uint16_t types[NAMES_MAX];
    size_t count;
};

/* A message of this one record is one that we would take from a stranger. */
static void check_record(const struct config_zone_record *record)
{
    static uint8_t octets[WIRE_MESSAGE_MAX];
    static uint8_t again[WIRE_MESSAGE_MAX];
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record found;
    struct wire_writer writer;

    wire_writer_begin(&writer, octets, sizeof(octets), NULL, 0);
    wire_write_record(&writer, WIRE_ANSWER, &record->name, record->type, record->ttl_s,
                      record->rdata, record->rdata_len);
    const size_t len = wire_writer_end(&writer, 1, WIRE_FLAG_QR);
    if (len == 0) {
        return; /* it fits into no message */
    }
    require(wire_message_open(octets, len, &message) == WIRE_OK);
    wire_cursor_start(&cursor, &message);
    require(wire_cursor_next(&cursor, &found) == 1 && found.type == record->type);
    wire_writer_begin(&writer, again, sizeof(again), NULL, 0);
    require(wire_copy_record(&writer, WIRE_ANSWER, &message, &found, found.ttl) == 0);
    require(wire_cursor_next(&cursor, &found) == 0);
}

static const char *take(void *context, const struct config_zone_record *from)
{
    struct taken *taken = context;
    const struct local_zone_record record = {&from->name, from->type, from->ttl_s, from->rdata,
                                             from->rdata_len};
    const char *why = NULL;

    require(from->rdata_len <= 65535 && from->ttl_s <= INT32_MAX);
    check_record(from);
    if (taken->begun) {
        why = local_zones_add(taken->zones, &record);
    } else if (from->type == WIRE_SOA) {
        why = local_zones_begin(taken->zones, &record);
        taken->begun = why == NULL;
    } else {
        return "no SOA";
    }
    if (why == NULL && taken->count < NAMES_MAX) {
        taken->types[taken->count] = from->type;
        taken->names[taken->count++] = from->name;
    }
    return why;
}

static void follow(const struct local_zones *zones, struct wire_name name)
{
    struct local_zones_answer found;

    for (unsigned hop = 0; hop <= LOCAL_ZONE_ALIASES_MAX; hop++) {
        const uint8_t *rdata = NULL;
        size_t len = 0;
        size_t at = 0;
        size_t pos = 0;

        local_zones_find(zones, &name, WIRE_AAAA, &found);
        require(found.kind != LOCAL_ZONES_NOT);
        if (found.kind != LOCAL_ZONES_ALIAS) {
            return;
        }
        require(local_zones_next(zones, &found, &at, &rdata, &len));
        require(wire_name_read(rdata, len, &pos, &name) == WIRE_OK);
    }
    require(false); /* an alias without an end */
}

static void check_zones(const struct local_zones *zones, const struct taken *taken)
{
    struct local_zones_answer found;
    struct wire_name owner;
    const uint8_t *rdata = NULL;
    size_t len = 0;
    uint32_t ttl_s = 0;

    for (size_t i = 0; i < taken->count; i++) {
        size_t at = 0;

        local_zones_find(zones, &taken->names[i], taken->types[i], &found);
        require(found.kind == LOCAL_ZONES_DATA && found.type == taken->types[i]);
        require(local_zones_next(zones, &found, &at, &rdata, &len));
        local_zones_soa(zones, found.zone, &owner, &rdata, &len, &ttl_s);
        require(owner.labels == found.apex && wire_name_is_within(&taken->names[i], &owner));
        follow(zones, taken->names[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[SIPHASH_KEY_OCTETS] = {7};
    static const struct local_zones_elsewhere nowhere;
    struct taken taken = {.zones = local_zones_builder_create()};
    char name[WIRE_NAME_TEXT_MAX];
    struct report report;
    const char *why = NULL;

    if (size > 4096) {
        local_zones_builder_free(taken.zones);
        return -1;
    }
    report_init(&report);
    require(taken.zones != NULL);
    const int rc = config_zone_read((const char *)data, size, "fuzz", &report, take, &taken);
    require(rc == 0 || rc == CORDON_E_REFUSED);
    require((rc == 0) == (report.errors == 0));
    if (rc == 0 && local_zones_check(taken.zones, &nowhere, name, &why)) {
        struct local_zones *zones = local_zones_build(taken.zones, key);

        require(zones != NULL);
        check_zones(zones, &taken);
        local_zones_free(zones);
    } else {
        require(rc != 0 || (why != NULL && name[0] != '\0'));
        local_zones_builder_free(taken.zones);
    }
    report_deinit(&report);
    return 0;
}
