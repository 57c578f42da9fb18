#include "update/headers.h"

#include <string.h>
#include <strings.h>

void update_headers_init(struct update_headers *headers)
{
    memset(headers, 0, sizeof(*headers));
}

bool update_tag_is_strong(const char *etag)
{
    return etag[0] == '"';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits at the front of the text, which moves behind them. False: none, or more than fit. */
static bool take_number(const char **at, const char *end, uint64_t *out)
{
    uint64_t value = 0;
    const char *from = *at;

    while (*at < end && is_digit(**at)) {
        const uint64_t digit = (uint64_t)(**at - '0');

        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = 10 * value + digit;
        (*at)++;
    }
    *out = value;
    return *at > from;
}

static bool take_char(const char **at, const char *end, char wanted)
{
    if (*at < end && **at == wanted) {
        (*at)++;
        return true;
    }
    return false;
}

/* The whole text is one number. */
static bool read_number(const char *at, const char *end, uint64_t *out)
{
    return take_number(&at, end, out) && at == end;
}

/* "HTTP/2 206", "HTTP/1.1 206 Partial Content". */
static void read_status(struct update_headers *headers, const char *at, const char *end)
{
    const size_t octets = headers->octets;
    uint64_t status = 0;

    update_headers_init(headers);
    headers->octets = octets;
    while (at < end && *at != ' ') {
        at++;
    }
    if (take_char(&at, end, ' ') && take_number(&at, end, &status) && status >= 100 &&
        status <= 599) {
        headers->status = (unsigned)status;
    }
}

/* Kept if it fits and could be sent back as it is. */
static void keep(const char *at, const char *end, char out[UPDATE_VALIDATOR_MAX])
{
    const size_t len = (size_t)(end - at);

    if (len >= UPDATE_VALIDATOR_MAX) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (at[i] < ' ' || at[i] > '~') {
            return;
        }
    }
    memcpy(out, at, len);
    out[len] = '\0';
}

/* [W/]"...", with no quote inside. */
static void read_tag(const char *at, const char *end, char out[UPDATE_VALIDATOR_MAX])
{
    const char *from = at;

    if (end - at >= 2 && at[0] == 'W' && at[1] == '/') {
        from += 2;
    }
    if (end - from >= 2 && from[0] == '"' && end[-1] == '"' &&
        memchr(from + 1, '"', (size_t)(end - from) - 2) == NULL) {
        keep(at, end, out);
    }
}

static void read_range(struct update_headers *headers, const char *at, const char *end)
{
    static const char unit[] = "bytes ";
    const size_t unit_len = sizeof(unit) - 1;
    uint64_t from = 0;
    uint64_t to = 0;
    uint64_t all = 0;

    if ((size_t)(end - at) < unit_len || strncasecmp(at, unit, unit_len) != 0) {
        return;
    }
    at += unit_len;
    if (take_number(&at, end, &from) && take_char(&at, end, '-') &&
        take_number(&at, end, &to) && take_char(&at, end, '/') && take_number(&at, end, &all) &&
        at == end && from <= to && to < all) {
        headers->has_range = true;
        headers->range_from = from;
        headers->range_to = to;
        headers->range_all = all;
    }
}

static bool is_field(const char *line, const char *colon, const char *name)
{
    return (size_t)(colon - line) == strlen(name) && strncasecmp(line, name, strlen(name)) == 0;
}

static void read_field(struct update_headers *headers, const char *line, const char *end)
{
    const char *colon = memchr(line, ':', (size_t)(end - line));
    uint64_t number = 0;

    if (colon == NULL) {
        return;
    }
    const char *at = colon + 1;
    while (at < end && (*at == ' ' || *at == '\t')) {
        at++;
    }
    if (is_field(line, colon, "etag")) {
        read_tag(at, end, headers->etag);
    } else if (is_field(line, colon, "last-modified")) {
        keep(at, end, headers->modified);
    } else if (is_field(line, colon, "content-range")) {
        read_range(headers, at, end);
    } else if (is_field(line, colon, "content-length") && read_number(at, end, &number)) {
        headers->has_length = true;
        headers->length = number;
    } else if (is_field(line, colon, "retry-after") && read_number(at, end, &number)) {
        headers->retry_after_s =
            number < UPDATE_RETRY_AFTER_MAX_S ? number : UPDATE_RETRY_AFTER_MAX_S;
    }
}

bool update_headers_add(struct update_headers *headers, const char *line, size_t len)
{
    const char *end = line + len;

    if (len > UPDATE_HEADER_OCTETS_MAX || headers->octets + len > UPDATE_HEADER_OCTETS_MAX) {
        return false;
    }
    headers->octets += len;
    while (end > line &&
           (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    if (end - line >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        read_status(headers, line, end);
    } else {
        read_field(headers, line, end);
    }
    return true;
}
