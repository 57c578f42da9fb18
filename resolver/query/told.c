#include "query/told.h"

#include <string.h>

/* The label, from the left, as octets. */
static const uint8_t *label(const struct wire_name *name, unsigned at, size_t *len)
{
    const uint8_t *octets = name->octets + name->at[at];

    *len = octets[0];
    return octets + 1;
}

static bool label_is(const struct wire_name *name, unsigned at, const char *word)
{
    size_t len;
    const uint8_t *octets = label(name, at, &len);

    return len == strlen(word) && memcmp(octets, word, len) == 0;
}

/* The number of a page, from 1; 0: it is none. */
static size_t page_number(const struct wire_name *name, unsigned at)
{
    size_t len;
    const uint8_t *octets = label(name, at, &len);
    size_t number = 0;

    if (len == 0 || len > 3 || octets[0] == '0') {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        if (octets[i] < '0' || octets[i] > '9') {
            return 0;
        }
        number = 10 * number + (size_t)(octets[i] - '0');
    }
    return number;
}

/* hot */
enum query_told_result query_told_find(const struct query_told *told,
                                       const struct wire_name *name,
                                       const struct query_told_page **page)
{
    const unsigned labels = name->labels;

    if (labels < 2 || !label_is(name, labels - 1, "cordon") ||
        !label_is(name, labels - 2, "fingerprint")) {
        return QUERY_TOLD_NOT;
    }
    if (labels == 2) {
        *page = &told->first;
        return QUERY_TOLD_PAGE;
    }
    const size_t number = labels == 3 ? 1 : page_number(name, 0);

    for (size_t i = 0; labels <= 4 && i < told->count; i++) {
        const struct query_told_part *part = &told->parts[i];

        if (label_is(name, labels - 3, part->name) && number >= 1 && number <= part->count) {
            *page = &part->pages[number - 1];
            return QUERY_TOLD_PAGE;
        }
    }
    return QUERY_TOLD_NONE;
}
