/*
 * What an upstream sends over TCP or TLS, cut into messages. Input: one octet that says how the
 * stream is cut into pieces, then the stream.
 *
 * Promises: nothing outside the octets is read; messages are within them, in order, each with a
 * header; however the octets come in pieces, the messages are the same, and so is where it
 * breaks; a buffer of the connection's size always has room for the next piece; how long a
 * server keeps a connection is bounded.
 */
#include "upstream/limits.h"
#include "upstream/sockets.h"
#include "upstream/stream.h"

#include "require.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGES_MAX 4096u

struct found {
    size_t count;
    size_t at[MESSAGES_MAX], len[MESSAGES_MAX]; /* in the stream */
    bool broken;
};

static void note(struct found *found, size_t at, size_t len)
{
    require(len >= WIRE_HEADER_OCTETS && len <= WIRE_MESSAGE_MAX);
    if (found->count < MESSAGES_MAX) {
        found->at[found->count] = at;
        found->len[found->count++] = len;
    }
}

static void whole(const uint8_t *stream, size_t size, struct found *found)
{
    size_t at = 0;
    size_t message;
    size_t len;
    enum upstream_frame frame;

    while ((frame = upstream_frame_next(stream, size, &at, &message, &len)) ==
           UPSTREAM_FRAME_WHOLE) {
        require(message + len == at && at <= size);
        note(found, message, len);
        uint8_t *exact = malloc(len); /* so that one octet too many is found out */
        require(exact != NULL);
        memcpy(exact, stream + message, len);
        const int ms = upstream_keepalive_ms(exact, len);
        require(ms >= -1 && ms <= (int)UPSTREAM_TLS_IDLE_MAX_MS);
        free(exact);
    }
    found->broken = frame == UPSTREAM_FRAME_BROKEN;
}

/* As a connection does it: what is left moves to the front. */
static void in_pieces(const uint8_t *stream, size_t size, size_t piece, struct found *found)
{
    static struct upstream_connection connection;
    size_t used = 0;
    size_t gone = 0; /* octets of the stream before the buffer */
    size_t fed = 0;

    while (fed < size && !found->broken) {
        const size_t room = sizeof(connection.in) - used;
        size_t more = piece < size - fed ? piece : size - fed;
        size_t at = 0;
        size_t message;
        size_t len;
        enum upstream_frame frame;

        require(room > 0);
        more = more < room ? more : room;
        memcpy(connection.in + used, stream + fed, more);
        used += more;
        fed += more;
        while ((frame = upstream_frame_next(connection.in, used, &at, &message, &len)) ==
               UPSTREAM_FRAME_WHOLE) {
            note(found, gone + message, len);
        }
        found->broken = frame == UPSTREAM_FRAME_BROKEN;
        memmove(connection.in, connection.in + at, used - at);
        used -= at;
        gone += at;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct found once, pieces;

    if (size == 0) {
        return 0;
    }
    memset(&once, 0, sizeof(once));
    memset(&pieces, 0, sizeof(pieces));
    const size_t piece = data[0] < 0x80 ? data[0] + 1u : (size_t)(data[0] - 0x7f) * 977;
    uint8_t *stream = malloc(size > 1 ? size - 1 : 1);
    require(stream != NULL);
    memcpy(stream, data + 1, size - 1);
    whole(stream, size - 1, &once);
    in_pieces(stream, size - 1, piece, &pieces);
    require(once.count == pieces.count && once.broken == pieces.broken);
    require(memcmp(once.at, pieces.at, once.count * sizeof(once.at[0])) == 0);
    require(memcmp(once.len, pieces.len, once.count * sizeof(once.len[0])) == 0);
    free(stream);
    return 0;
}
