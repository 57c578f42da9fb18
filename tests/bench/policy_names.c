#include "bench/policy_names.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_OCTETS_MAX ((size_t)4 << 30)

uint64_t names_mix(uint64_t i)
{
    i += UINT64_C(0x9e3779b97f4a7c15);
    i = (i ^ i >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    i = (i ^ i >> 27) * UINT64_C(0x94d049bb133111eb);
    return i ^ i >> 31;
}

/* Room for what a variation adds. */
#define LABEL_MAX     58u
#define NAME_LINE_MAX 240u

static bool is_usable(const uint8_t *line, size_t len)
{
    size_t label = 0, dots = 0;

    for (size_t i = 0; i < len; i++) {
        label = line[i] == '.' ? 0 : label + 1;
        dots += line[i] == '.';
        if (label > LABEL_MAX || (line[i] == '.' && (i == 0 || line[i - 1] == '.'))) {
            return false;
        }
    }
    return len >= 3 && len <= NAME_LINE_MAX && dots > 0 && label > 0 && line[0] != '#';
}

bool names_open(struct names_source *source, const char *path)
{
    size_t len = 0;

    *source = (struct names_source){.text = NULL};
    if (path == NULL) {
        return true;
    }
    if (file_read(path, FILE_OCTETS_MAX, &source->text, &len) != 0) {
        return false;
    }
    source->lines = malloc((len / 4 + 1) * sizeof(source->lines[0]));
    for (size_t at = 0; source->lines != NULL && at < len;) {
        uint8_t *lf = memchr(source->text + at, '\n', len - at);

        if (lf == NULL) {
            break;
        }
        *lf = '\0';
        if (is_usable(source->text + at, (size_t)(lf - source->text) - at)) {
            source->lines[source->count++] = at;
        }
        at = (size_t)(lf - source->text) + 1;
    }
    return source->count > 0;
}

void names_close(struct names_source *source)
{
    free(source->text);
    free(source->lines);
}

/* Syllables of two letters: whatever is read from them can be read in one way only, so that
 * different numbers give different labels. */
static size_t put_syllables(uint32_t number, char *out)
{
    static const char onsets[] = "bcdfghjklmnpqrstvwxz";
    static const char vowels[] = "aeiouy";
    size_t len = 0;

    do {
        const uint32_t syllable = number % 120;

        number /= 120;
        out[len++] = onsets[syllable / 6];
        out[len++] = vowels[syllable % 6];
    } while (number > 0 || len < 6);
    return len;
}

/* Few top-level domains hold most names; a third has a www or the like before it. */
static size_t make_up(uint64_t i, char out[NAME_TEXT_MAX])
{
    static const char *const ends[] = {"com", "com",    "com",   "com", "com",  "com", "com",
                                       "net", "org",    "cn",    "cn",  "de",   "ru",  "io",
                                       "uk",  "com.cn", "co.uk", "top", "info", "fr"};
    static const char *const heads[] = {"www.", "",     "", "", "cdn.", "", "www.", "",
                                        "api.", "img.", "", "", "",     "", "www.", ""};
    const uint64_t chance = names_mix(i);
    const char *head = heads[chance >> 20 & 15], *end = ends[(chance >> 32) % 20];
    /* An odd factor: different numbers stay different. */
    const uint32_t scattered = (uint32_t)i * UINT32_C(2654435761);
    size_t len = strlen(head);

    memcpy(out, head, len);
    len += put_syllables(scattered, out + len);
    out[len++] = '.';
    memcpy(out + len, end, strlen(end) + 1);
    return len + strlen(end);
}

size_t names_at(const struct names_source *source, uint64_t i, char out[NAME_TEXT_MAX])
{
    if (source->text == NULL) {
        return make_up(i, out);
    }
    const char *text = (const char *)source->text + source->lines[i % source->count];
    const uint64_t variation = i / source->count;
    size_t len = strlen(text);

    memcpy(out, text, len + 1);
    if (variation == 0) {
        return len;
    }
    /* "shop.example.co.uk" -> "shop.example-q7.co.uk": in the label that somebody registered,
     * as far as its length tells. */
    const char *dot = strrchr(text, '.');
    const char *before = memrchr(text, '.', (size_t)(dot - text));
    if (before != NULL && dot - before <= 4) {
        dot = before;
    }
    len = (size_t)(dot - text);
    len += (size_t)snprintf(out + len, NAME_TEXT_MAX - len, "-q%u%s", (unsigned)variation, dot);
    return len;
}
