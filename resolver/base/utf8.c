#include "base/utf8.h"

size_t utf8_point(const uint8_t *at, size_t len, uint32_t *point)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t first = at[0];
    size_t need;

    if (first < 0x80) {
        *point = first;
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        need = 2;
        *point = first & 0x1fu;
    } else if (first >= 0xe0 && first <= 0xef) {
        need = 3;
        *point = first & 0x0fu;
    } else if (first >= 0xf0 && first <= 0xf4) {
        need = 4;
        *point = first & 0x07u;
    } else {
        return 0;
    }
    if (len < need) {
        return 0;
    }
    for (size_t i = 1; i < need; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        *point = *point << 6 | (at[i] & 0x3fu);
    }
    if (*point < smallest[need] || *point > 0x10ffff ||
        (*point >= 0xd800 && *point <= 0xdfff)) {
        return 0;
    }
    return need;
}

bool utf8_is_hidden(uint32_t point)
{
    static const struct {
        uint32_t first, last;
    } hidden[] = {
        {0xad, 0xad},     {0x61c, 0x61c},   {0x180e, 0x180e},
        {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
        {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff},
    };

    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        if (point >= hidden[i].first && point <= hidden[i].last) {
            return true;
        }
    }
    return false;
}
