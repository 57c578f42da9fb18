/*
 * Reads arbitrary octets as an answer: every record lies within the message; each that can be
 * copied is copied, once with and once without compression, into a message that reads as the
 * same; at a smaller size the copy is whole or is nothing.
 */
#include "require.h"

#include "wire/limits.h"
#include "wire/writer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct copy {
    uint8_t octets[WIRE_MESSAGE_MAX];
    size_t len;
    struct wire_message message;
};

static void check_svcb(const struct wire_message *message, const struct wire_record *record)
{
    const uint8_t *start = message->octets + record->rdata;
    const uint8_t *end = start + record->rdata_len;
    struct wire_svcb svcb;

    if (!wire_record_svcb(message, record, &svcb)) {
        return;
    }
    require(record->type == WIRE_SVCB || record->type == WIRE_HTTPS);
    require(svcb.priority == wire_get16(start) && svcb.target.len > 0);
    require(svcb.hints4_count == 0 ||
            (svcb.hints4 > start && svcb.hints4 + 4 * svcb.hints4_count <= end));
    require(svcb.hints6_count == 0 ||
            (svcb.hints6 > start && svcb.hints6 + 16 * svcb.hints6_count <= end));
    require(svcb.priority != 0 || svcb.hints4_count + svcb.hints6_count == 0);
}

static void check_record(const struct wire_message *message, const struct wire_record *record)
{
    struct wire_name name;
    struct address address;

    require(record->owner < record->ttl_at && record->ttl_at + 6 == record->rdata);
    require(record->rdata + record->rdata_len <= message->len);
    require(record->ttl <= 0x7fffffff);
    require(wire_record_owner(message, record, &name) == WIRE_OK);
    (void)wire_record_name(message, record, 0, &name);
    (void)wire_record_name(message, record, record->rdata_len, &name);
    if (wire_record_address(message, record, &address)) {
        require(address_octets(&address) == record->rdata_len);
    }
    check_svcb(message, record);
}

/* Copies all that can be copied; returns the number of records. A full table of targets that
 * match nothing keeps the writer from compressing. */
static unsigned copy_all(const struct wire_message *message, struct copy *out, size_t size,
                         bool compress)
{
    struct wire_writer writer;
    struct wire_cursor cursor;
    struct wire_record record;
    unsigned count = 0;

    wire_writer_begin(&writer, out->octets, size, message->octets + message->name_at,
                      message->counts[0] == 1 ? message->body - message->name_at : 0);
    if (!compress) {
        writer.target_count = WIRE_TARGETS_MAX;
        memset(writer.target_octets, 0, sizeof(writer.target_octets));
        memset(writer.targets, 0, sizeof(writer.targets));
    }
    wire_cursor_start(&cursor, message);
    while (wire_cursor_next(&cursor, &record) == 1 && !writer.overflow) {
        const size_t before = writer.len;
        const int rc = wire_copy_record(&writer, record.section, message, &record, record.ttl);

        require(writer.len <= size);
        require(writer.len > before || rc == -1 || writer.overflow);
        require(writer.len == before || (rc == 0 && !writer.overflow));
        count += rc == 0;
    }
    out->len = wire_writer_end(&writer, message->id, message->flags);
    require((out->len == 0) == writer.overflow);
    return count;
}

static void require_same_names(const struct wire_message *a, const struct wire_record *in_a,
                               const struct wire_message *b, const struct wire_record *in_b)
{
    struct wire_name one;
    struct wire_name other;

    require(wire_record_owner(a, in_a, &one) == WIRE_OK);
    require(wire_record_owner(b, in_b, &other) == WIRE_OK);
    require(wire_name_equal(&one, &other));
    switch (in_a->type) {
    case WIRE_NS:
    case WIRE_CNAME:
    case WIRE_PTR:
    case WIRE_SOA:
    case WIRE_DNAME:
    case WIRE_NSEC:
        require(wire_record_name(a, in_a, 0, &one) == WIRE_OK);
        require(wire_record_name(b, in_b, 0, &other) == WIRE_OK);
        break;
    case WIRE_MX:
    case WIRE_SVCB:
    case WIRE_HTTPS:
        require(wire_record_name(a, in_a, 2, &one) == WIRE_OK);
        require(wire_record_name(b, in_b, 2, &other) == WIRE_OK);
        break;
    default:
        return;
    }
    require(wire_name_equal(&one, &other));
}

/* The copies hold the records in the order of the original, less those that were refused. */
static void require_same(const struct wire_message *original, const struct copy *copy,
                         unsigned count)
{
    struct wire_cursor cursor;
    struct wire_cursor copied;
    struct wire_record record;
    struct wire_record mine;

    require(copy->message.id == original->id && copy->message.flags == original->flags);
    require(wire_name_equal(&copy->message.name, &original->name));
    wire_cursor_start(&cursor, original);
    wire_cursor_start(&copied, &copy->message);
    for (; count > 0; count--) {
        static uint8_t scratch[WIRE_MESSAGE_MAX];
        struct wire_writer probe;

        do {
            require(wire_cursor_next(&cursor, &record) == 1);
            wire_writer_begin(&probe, scratch, sizeof(scratch), NULL, 0);
        } while (wire_copy_record(&probe, record.section, original, &record, 0) != 0);
        require(wire_cursor_next(&copied, &mine) == 1);
        require(mine.section == record.section && mine.type == record.type);
        require(mine.class == record.class && mine.ttl == record.ttl);
        require_same_names(original, &record, &copy->message, &mine);
    }
    require(wire_cursor_next(&copied, &mine) == 0);
}

static void check_copies(const struct wire_message *message)
{
    static struct copy packed;
    static struct copy whole;
    static struct copy small;
    const unsigned count = copy_all(message, &packed, sizeof(packed.octets), true);
    const unsigned whole_count = copy_all(message, &whole, sizeof(whole.octets), false);

    if (packed.len == 0) {
        require(whole.len == 0); /* compression only makes it smaller */
        return;
    }
    require(wire_message_open(packed.octets, packed.len, &packed.message) == WIRE_OK);
    require_same(message, &packed, count);
    if (whole.len > 0) {
        require(count == whole_count && whole.len >= packed.len);
        require(wire_message_open(whole.octets, whole.len, &whole.message) == WIRE_OK);
        require_same(message, &whole, count);
        /* Packing the whole one gives the packed one again: nothing was lost on either way. */
        require(copy_all(&whole.message, &small, sizeof(small.octets), true) == count);
        require(small.len == packed.len && memcmp(small.octets, packed.octets, small.len) == 0);
    }
    copy_all(message, &small, packed.len - 1, true);
    require(small.len == 0);
    copy_all(message, &small, packed.len / 2, true);
    require(small.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_message message;
    struct wire_cursor cursor;
    struct wire_record record;
    unsigned count = 0;
    int ede = -2;
    int more;

    if (size > WIRE_MESSAGE_MAX || wire_message_open(data, size, &message) != WIRE_OK) {
        return 0;
    }
    wire_cursor_start(&cursor, &message);
    while ((more = wire_cursor_next(&cursor, &record)) == 1) {
        check_record(&message, &record);
        require(++count <= WIRE_RECORDS_MAX);
    }
    require(more != 0 || cursor.at == size);
    require(more != 0 ||
            count == (unsigned)message.counts[1] + message.counts[2] + message.counts[3]);

    const int rcode = wire_message_rcode(&message, &ede);

    require(more == 0 || rcode == -1);
    require(rcode <= 4095 && (rcode == -1) == (ede == -2));
    require(rcode == -1 || rcode % 16 == message.flags % 16);
    check_copies(&message);
    return 0;
}
