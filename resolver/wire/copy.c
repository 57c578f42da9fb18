#include "wire/put.h"
#include "wire/rdata.h"

/* False if the rdata is malformed. An overflow is left to the writer. */
static bool copy_rdata(struct wire_writer *writer, const struct wire_message *message,
                       const struct wire_record *record)
{
    const size_t end = record->rdata + record->rdata_len;
    size_t at = record->rdata;

    for (const uint8_t *field = wire_rdata_fields(record->type); *field != WIRE_RDATA_END;
         field++) {
        const uint8_t *octets = message->octets + at;

        if (*field == WIRE_RDATA_NAME || *field == WIRE_RDATA_NAME_COMPRESSED) {
            struct wire_name name;

            if (wire_name_read_cased(message->octets, end, &at, &name) != WIRE_OK) {
                return false;
            }
            wire_put_name(writer, &name, *field == WIRE_RDATA_NAME_COMPRESSED);
            continue;
        }
        if (*field == WIRE_RDATA_REST) {
            wire_put_octets(writer, octets, end - at);
            return true;
        }
        const size_t len = wire_rdata_octets(*field, octets, end - at);

        if (len == 0) {
            return false;
        }
        wire_put_octets(writer, octets, len);
        at += len;
    }
    return at == end;
}

int wire_copy_record(struct wire_writer *writer, enum wire_section section,
                     const struct wire_message *message, const struct wire_record *record,
                     uint32_t ttl)
{
    struct wire_name owner;
    size_t at = record->owner;
    const bool had_room = !writer->overflow;

    if (record->class != WIRE_IN || record->type == WIRE_OPT ||
        wire_name_read_cased(message->octets, message->len, &at, &owner) != WIRE_OK) {
        return -1;
    }
    const struct wire_mark mark =
        wire_put_fixed(writer, section, &owner, record->type, WIRE_IN, ttl);
    const size_t rdata = writer->len;

    if (!copy_rdata(writer, message, record)) {
        wire_put_back(writer, mark);
        writer->overflow = !had_room;
        return -1;
    }
    wire_put_done(writer, section, mark, rdata);
    return 0;
}
