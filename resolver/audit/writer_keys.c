/* audit/writer_keys.c - the end of keys of pseudonyms: recorded, safe, destroyed. */
#include "audit/writer_inside.h"

/* For the record: a disk that takes nothing must not keep a key alive for ever. */
#define PATIENCE_US UINT64_C(60000000)

static void destroy_keys(struct audit_writer *writer)
{
    const struct audit_writer_inputs *in = &writer->inputs;
    struct audit_days gone;
    int result = 0;

    if (!audit_privacy_forget(in->privacy, writer->keys_before, &result, &gone)) {
        return;
    }
    writer->keys_before = 0;
    if (in->recorder != NULL) {
        audit_recorder_keys_gone(in->recorder, gone.count, result);
    }
}

static void begin(struct audit_writer *writer, const struct audit_days *found, uint32_t before,
                  const struct audit_wish *wish)
{
    const struct audit_writer_inputs *in = &writer->inputs;

    writer->keys_before = before;
    writer->keys_number = 0;
    writer->keys_since_us = writer->now.mono_us;
    if (in->recorder != NULL && found->count > 0) {
        writer->keys_number = audit_recorder_keys(in->recorder, found, wish, writer->now);
    }
}

void writer_end_keys(struct audit_writer *writer)
{
    const struct audit_writer_inputs *in = &writer->inputs;
    struct audit_days found;
    uint32_t before = 0;

    if (in->privacy == NULL) {
        return;
    }
    if (writer->keys_before == 0) {
        writer->keys_wished = writer->keys_wished ||
                              (in->recorder != NULL &&
                               audit_recorder_wants_keys(in->recorder, &writer->keys_wish));
        if (!writer->keys_wished) {
            if (audit_privacy_tick(in->privacy, writer->now, &before, &found)) {
                begin(writer, &found, before, NULL);
            }
        } else if (audit_privacy_keys(in->privacy, writer->keys_wish.keys_before, &found)) {
            begin(writer, &found, writer->keys_wish.keys_before, &writer->keys_wish);
            writer->keys_wished = false;
        }
    }
    if (writer->keys_before != 0 &&
        (in->recorder == NULL || writer->keys_number == 0 ||
         audit_recorder_has(in->recorder, writer->keys_number) ||
         writer->now.mono_us - writer->keys_since_us >= PATIENCE_US)) {
        destroy_keys(writer);
    }
}
