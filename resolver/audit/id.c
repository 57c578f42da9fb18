#include "audit/id.h"

#include "base/invariant.h"

#include <inttypes.h>
#include <stdio.h>

static const char letters[AUDIT_STREAMS + 1] = {
    [AUDIT_DECISIONS] = 'd', [AUDIT_QUERIES] = 'q', [AUDIT_CHANGES] = 'c'};

/* The number of decimal digits from *at on, in its only spelling. */
static bool read_number(const char *text, size_t len, size_t *at, uint64_t most, uint64_t *out)
{
    const size_t first = *at;
    uint64_t number = 0;

    while (*at < len && text[*at] >= '0' && text[*at] <= '9') {
        const uint64_t digit = (uint64_t)(text[*at] - '0');

        if (number > (most - digit) / 10) {
            return false;
        }
        number = 10 * number + digit;
        (*at)++;
    }
    *out = number;
    return *at > first && (text[first] != '0' || *at == first + 1);
}

bool audit_id_parse(const char *text, size_t len, struct audit_id *out)
{
    uint64_t log = 1;
    uint64_t event = 0;
    size_t at = 0;
    unsigned stream = 1;

    if (len > 0 && text[0] >= '0' && text[0] <= '9') {
        if (!read_number(text, len, &at, AUDIT_LOGS_MAX, &log) || log < 2 || at == len ||
            text[at] != '-') {
            return false;
        }
        at++;
    }
    while (at < len && stream <= AUDIT_STREAMS && letters[stream] != text[at]) {
        stream++;
    }
    if (at == len || stream > AUDIT_STREAMS) {
        return false;
    }
    at++;
    if (!read_number(text, len, &at, (UINT64_C(1) << 63) - 1, &event) || at != len) {
        return false;
    }
    *out = (struct audit_id){(unsigned)log, (enum audit_stream)stream, event};
    return true;
}

size_t audit_id_format(const struct audit_id *id, char out[AUDIT_ID_TEXT_MAX])
{
    int len = 0;

    invariant(id->stream >= 1 && id->stream <= AUDIT_STREAMS);
    if (id->log > 1) {
        len = snprintf(out, AUDIT_ID_TEXT_MAX, "%u-%c%" PRIu64, id->log, letters[id->stream],
                       id->event);
    } else {
        len = snprintf(out, AUDIT_ID_TEXT_MAX, "%c%" PRIu64, letters[id->stream], id->event);
    }
    invariant(len > 0 && len < AUDIT_ID_TEXT_MAX);
    return (size_t)len;
}
