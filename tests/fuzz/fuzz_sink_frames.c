/* What the reader of a dnstap sends back: a control frame is taken whole or not at all, and
 * what is taken is never more than there is. */
#include "require.h"

#include "sink/frames.h"
#include "sink/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    while (size > 0) {
        enum frames_control control = FRAMES_READY;
        size_t used = 0;
        const enum frames_read read = frames_read_control(data, size, &control, &used);

        if (read == FRAMES_MORE) {
            require(size < SINK_CONTROL_MAX + 2 * FRAMES_HEAD);
            break;
        }
        if (read == FRAMES_REFUSED) {
            /* More octets make it no better. */
            break;
        }
        require(control == FRAMES_ACCEPT || control == FRAMES_FINISH);
        require(used >= 3 * FRAMES_HEAD && used <= size);
        /* No shorter part of it is taken. */
        for (size_t len = 0; len < used; len++) {
            enum frames_control other = FRAMES_READY;
            size_t part = 0;

            require(frames_read_control(data, len, &other, &part) == FRAMES_MORE);
        }
        data += used;
        size -= used;
    }
    return 0;
}
