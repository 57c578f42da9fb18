/* Header lines of a web server: what is kept could be sent back, and numbers agree with each
 * other. */
#include "require.h"

#include "update/headers.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_kept(const char *text)
{
    require(strlen(text) < UPDATE_VALIDATOR_MAX);
    for (const char *at = text; *at != '\0'; at++) {
        require(*at >= ' ' && *at <= '~');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data;
    const char *end = at + size;
    struct update_headers headers;
    size_t octets = 0;

    update_headers_init(&headers);
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const size_t len = (size_t)((stop == NULL ? end : stop + 1) - at);
        const bool taken = update_headers_add(&headers, at, len);

        require(taken == (octets + len <= UPDATE_HEADER_OCTETS_MAX));
        if (!taken) {
            break;
        }
        octets += len;
        at += len;
        require(headers.octets == octets);
        require(headers.status == 0 || (headers.status >= 100 && headers.status <= 599));
        require(!headers.has_range || (headers.range_from <= headers.range_to &&
                                       headers.range_to < headers.range_all));
        require(headers.retry_after_s <= UPDATE_RETRY_AFTER_MAX_S);
        check_kept(headers.etag);
        check_kept(headers.modified);
        require(headers.etag[0] == '\0' || headers.etag[strlen(headers.etag) - 1] == '"');
    }
    return 0;
}
