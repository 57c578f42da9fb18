#include "export/rpz_zone.h"

#include "base/error.h"
#include "export/limits.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TTL_DEFAULT 3600u

struct reader {
    struct rpz_text text;
    struct rpz_zone *zone;
    ldns_rdf *origin, *before; /* of relative names; owner of the record before */
    uint32_t ttl;
    size_t faults;
    bool has_soa;
};

static void fault(struct reader *reader, const char *words, const char *more)
{
    reader->faults++;
    report_add(reader->text.report, REPORT_ERROR, reader->text.file, reader->text.from_line, 0,
               "%s%s", words, more);
}

/* A name of ldns in lower case. Names that it makes are whole and at most 255 octets. */
static bool name_of(const ldns_rdf *rdf, struct wire_name *name)
{
    size_t pos = 0;

    return rdf != NULL &&
           wire_name_read(ldns_rdf_data(rdf), ldns_rdf_size(rdf), &pos, name) == WIRE_OK;
}

static uint8_t *copy(const uint8_t *octets, size_t len)
{
    uint8_t *to = malloc(len + 1);

    if (to != NULL) {
        memcpy(to, octets, len);
        to[len] = 0;
    }
    return to;
}

static enum rpz_type type_of(ldns_rr_type type)
{
    switch (type) {
    case LDNS_RR_TYPE_CNAME:
        return RPZ_CNAME;
    case LDNS_RR_TYPE_A:
        return RPZ_A;
    case LDNS_RR_TYPE_AAAA:
        return RPZ_AAAA;
    case LDNS_RR_TYPE_RRSIG:
    case LDNS_RR_TYPE_NSEC:
    case LDNS_RR_TYPE_NSEC3:
    case LDNS_RR_TYPE_NSEC3PARAM:
    case LDNS_RR_TYPE_DNSKEY:
    case LDNS_RR_TYPE_CDS:
    case LDNS_RR_TYPE_CDNSKEY:
    case LDNS_RR_TYPE_SOA:
    case LDNS_RR_TYPE_NS:
        return RPZ_NOT_POLICY;
    default:
        /* ZONEMD, which this version of ldns does not know by name. */
        return type == 63 ? RPZ_NOT_POLICY : RPZ_OTHER;
    }
}

/* True if the address is 0.0.0.0 or ::. */
static bool is_null(const ldns_rr *rr)
{
    const ldns_rdf *rdf = ldns_rr_rdf(rr, 0);

    for (size_t i = 0; rdf != NULL && i < ldns_rdf_size(rdf); i++) {
        if (ldns_rdf_data(rdf)[i] != 0) {
            return false;
        }
    }
    return rdf != NULL;
}

static void add_soa(struct reader *reader, const ldns_rr *rr, const struct wire_name *owner)
{
    const ldns_rdf *serial = ldns_rr_rdf(rr, 2);

    if (reader->has_soa) {
        fault(reader, "a second SOA", "");
        return;
    }
    if (serial == NULL || ldns_rdf_get_type(serial) != LDNS_RDF_TYPE_INT32) {
        fault(reader, "an SOA without a serial", "");
        return;
    }
    reader->has_soa = true;
    reader->zone->origin = *owner;
    wire_name_to_text(owner, reader->zone->origin_text);
    reader->zone->serial = ldns_rdf2native_int32(serial);
}

/* Keeps what matters of a record. 0 or -ENOMEM. */
static int add(struct reader *reader, const ldns_rr *rr)
{
    struct rpz_zone *zone = reader->zone;
    struct wire_name owner, target;

    if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN || !name_of(ldns_rr_owner(rr), &owner)) {
        fault(reader, "only class IN", "");
        return 0;
    }
    if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_SOA) {
        add_soa(reader, rr, &owner);
        return 0;
    }
    if (!reader->has_soa) {
        fault(reader, "the first record of a zone is its SOA", "");
        return 0;
    }
    if (!wire_name_is_within(&owner, &zone->origin)) {
        fault(reader, "the owner is not within the zone ", zone->origin_text);
        return 0;
    }
    const enum rpz_type type = type_of(ldns_rr_get_type(rr));
    if (type == RPZ_CNAME && !name_of(ldns_rr_rdf(rr, 0), &target)) {
        fault(reader, "a CNAME without a target", "");
        return 0;
    }
    if (zone->count == zone->room) {
        const size_t room = 2 * zone->room + 256;
        struct rpz_record *more = realloc(zone->records, room * sizeof(more[0]));

        if (more == NULL) {
            return -ENOMEM;
        }
        zone->records = more;
        zone->room = room;
    }
    struct rpz_record *record = &zone->records[zone->count];
    *record = (struct rpz_record){.type = (uint8_t)type, .line = reader->text.from_line};
    record->owner_len = (uint8_t)(owner.len - zone->origin.len);
    record->owner = copy(owner.octets, record->owner_len);
    if (type == RPZ_CNAME) {
        record->target_len = target.len;
        record->target = copy(target.octets, target.len);
    }
    record->is_null = (type == RPZ_A || type == RPZ_AAAA) && is_null(rr);
    zone->count++;
    return record->owner == NULL || (type == RPZ_CNAME && record->target == NULL) ? -ENOMEM : 0;
}

/* "$ORIGIN NAME", "$TTL N". */
static void read_directive(struct reader *reader)
{
    char word[16] = "", value[1100] = "", rest[2] = "";
    const int count =
        sscanf(reader->text.record, "%15s %1099s %1s", word, value, rest); /* NOLINT */

    if (count == 2 && strcasecmp(word, "$ORIGIN") == 0) {
        ldns_rdf *origin = ldns_dname_new_frm_str(value);

        if (origin == NULL || value[strlen(value) - 1] != '.') {
            ldns_rdf_deep_free(origin);
            fault(reader, "$ORIGIN takes a whole name with a final dot", "");
            return;
        }
        ldns_rdf_deep_free(reader->origin);
        reader->origin = origin;
    } else if (count == 2 && strcasecmp(word, "$TTL") == 0) {
        const char *end = NULL;

        reader->ttl = ldns_str2period(value, &end);
    } else {
        fault(reader, "only $ORIGIN NAME and $TTL N are read: ", word);
    }
}

static int read_record(struct reader *reader)
{
    ldns_rr *rr = NULL;
    /* ldns takes the owner of the record before where a line begins with a blank. */
    const ldns_status status = ldns_rr_new_frm_str(&rr, reader->text.record, reader->ttl,
                                                   reader->origin, &reader->before);
    int rc = 0;

    if (status != LDNS_STATUS_OK) {
        fault(reader, "the record cannot be read: ", ldns_get_errorstr_by_id(status));
    } else {
        rc = add(reader, rr);
        ldns_rr_free(rr);
    }
    return rc;
}

static int read_all(struct reader *reader)
{
    for (size_t records = 0;; records++) {
        const enum rpz_text_result result = rpz_text_next(&reader->text);
        int rc = 0;

        if (result == RPZ_TEXT_END) {
            break;
        }
        if (records == EXPORT_RPZ_RECORDS_MAX) {
            fault(reader, "too many records", "");
            return CORDON_E_TOO_LARGE;
        }
        if (result == RPZ_TEXT_FAULT) {
            reader->faults++;
        } else if (reader->text.record[0] == '$') {
            read_directive(reader);
        } else {
            rc = read_record(reader);
        }
        if (rc != 0) {
            return rc;
        }
        if (reader->faults >= EXPORT_RPZ_FAULTS_MAX) {
            break;
        }
    }
    if (!reader->has_soa && reader->faults == 0) {
        fault(reader, "there is no SOA: this is no zone", "");
    }
    return reader->faults == 0 ? 0 : CORDON_E_REFUSED;
}

int rpz_zone_read(const char *text, size_t len, const char *file, const char *origin,
                  struct report *report, struct rpz_zone *zone)
{
    struct reader reader = {.zone = zone, .ttl = TTL_DEFAULT};

    memset(zone, 0, sizeof(*zone));
    if (len > EXPORT_RPZ_OCTETS_MAX) {
        return CORDON_E_TOO_LARGE;
    }
    int rc = rpz_text_init(&reader.text, text, len, file, report);
    if (rc == 0) {
        reader.origin = ldns_dname_new_frm_str(origin != NULL ? origin : "rpz.invalid.");
        reader.before = reader.origin != NULL ? ldns_rdf_clone(reader.origin) : NULL;
        if (reader.origin == NULL) {
            report_add(report, REPORT_ERROR, file, 0, 0, "the origin is no name");
            rc = CORDON_E_REFUSED;
        } else if (reader.before == NULL) {
            rc = -ENOMEM;
        }
    }
    rc = rc == 0 ? read_all(&reader) : rc;
    rpz_text_deinit(&reader.text);
    ldns_rdf_deep_free(reader.origin);
    ldns_rdf_deep_free(reader.before);
    if (rc != 0) {
        rpz_zone_deinit(zone);
    }
    return rc;
}

void rpz_zone_deinit(struct rpz_zone *zone)
{
    for (size_t i = 0; i < zone->count; i++) {
        free(zone->records[i].owner);
        free(zone->records[i].target);
    }
    free(zone->records);
    memset(zone, 0, sizeof(*zone));
}
