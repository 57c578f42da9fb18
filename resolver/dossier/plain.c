/* dossier/plain.c - cells as words, the same for every form. */
#include "dossier/render.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <string.h>

/* 1234567 as "1 234 567": a comma means other things elsewhere. */
static size_t grouped(uint64_t number, char out[DOSSIER_PLAIN_MAX])
{
    char digits[24];
    const size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, number);
    size_t at = 0;

    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            out[at++] = ' ';
        }
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return at;
}

static size_t span(uint64_t us, char out[DOSSIER_PLAIN_MAX])
{
    const uint64_t seconds = us / 1000000;
    const uint64_t days = seconds / 86400;
    const unsigned hours = (unsigned)(seconds / 3600 % 24);
    const unsigned minutes = (unsigned)(seconds / 60 % 60);
    const unsigned rest = (unsigned)(seconds % 60);
    int len = 0;

    if (days > 0) {
        len =
            snprintf(out, DOSSIER_PLAIN_MAX, "%" PRIu64 " d %u h %u min", days, hours, minutes);
    } else if (hours > 0) {
        len = snprintf(out, DOSSIER_PLAIN_MAX, "%u h %u min", hours, minutes);
    } else if (minutes > 0) {
        len = snprintf(out, DOSSIER_PLAIN_MAX, "%u min %u s", minutes, rest);
    } else {
        len = snprintf(out, DOSSIER_PLAIN_MAX, us == 0 ? "0" : "%u.%03u s", rest,
                       (unsigned)(us / 1000 % 1000));
    }
    return (size_t)len;
}

/* Microseconds are for machines; people see the minute. */
static size_t moment(uint64_t us, bool people, char out[DOSSIER_PLAIN_MAX])
{
    char text[CLOCK_TEXT_MAX];
    const size_t len = clock_format(us, text);

    if (!people || len < 17) {
        memcpy(out, text, len + 1);
        return len;
    }
    return (size_t)snprintf(out, DOSSIER_PLAIN_MAX, "%.10s %.5s", text, text + 11);
}

size_t dossier_plain(const struct dossier_column *column, const struct dossier_cell *cell,
                     bool people, char out[DOSSIER_PLAIN_MAX])
{
    switch (column->kind) {
    case DOSSIER_NUMBER:
        if (people) {
            const size_t len = grouped(cell->number, out);

            if (cell->more) {
                out[len] = '+';
                out[len + 1] = '\0';
            }
            return len + cell->more;
        }
        break;
    case DOSSIER_TIME:
        return moment(cell->number, people, out);
    case DOSSIER_SPAN:
        if (people) {
            return span(cell->number, out);
        }
        /* Seconds with six decimals. */
        return (size_t)snprintf(out, DOSSIER_PLAIN_MAX, "%" PRIu64 ".%06u",
                                cell->number / 1000000, (unsigned)(cell->number % 1000000));
    case DOSSIER_STATUS:
        return (size_t)snprintf(out, DOSSIER_PLAIN_MAX, "%s",
                                people ? dossier_legal_title((enum dossier_legal)cell->number)
                                       : dossier_legal_key((enum dossier_legal)cell->number));
    case DOSSIER_SERIAL:
    case DOSSIER_TEXT:
        break;
    }
    return (size_t)snprintf(out, DOSSIER_PLAIN_MAX, "%" PRIu64, cell->number);
}

void dossier_characters(const char *text, size_t len,
                        void (*put)(void *context, const char *character, size_t octets,
                                    uint32_t point, uint8_t octet),
                        void *context)
{
    size_t at = 0;

    while (at < len) {
        uint32_t point = 0;
        const uint8_t *here = (const uint8_t *)text + at;
        const size_t octets = utf8_point(here, len - at, &point);
        const bool shown = octets > 0 && point >= 0x20 && point != 0x7f &&
                           !(point >= 0x80 && point < 0xa0) && !utf8_is_hidden(point);

        if (shown) {
            put(context, text + at, octets, point, 0);
            at += octets;
            continue;
        }
        for (size_t i = 0; i < (octets > 0 ? octets : 1); i++) {
            put(context, NULL, 0, 0, here[i]);
        }
        at += octets > 0 ? octets : 1;
    }
}
