#include "config/octets.h"

#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

/* NULL if the character is welcome. U+0085, U+2028 and U+2029 end lines in YAML 1.1 but not on
 * screens, so that a comment could hide an option. */
static const char *point_fault(uint32_t point, bool before_newline)
{
    if (point == '\n' || (point == '\r' && before_newline)) {
        return NULL;
    }
    if (point == 0) {
        return "a NUL octet: this is not a text file, or it is damaged";
    }
    if (point == '\r') {
        return "a carriage return inside a line: end lines with LF";
    }
    if (point < 0x20 || (point >= 0x7f && point < 0xa0)) {
        return "a control character: remove it";
    }
    if (point == 0x2028 || point == 0x2029) {
        return "a Unicode line separator: end lines with LF";
    }
    if (point == 0xfeff) {
        return "a byte order mark: save the file as UTF-8 without it";
    }
    if (point >= 0xfffe && (point & 0xfffe) == 0xfffe) {
        return "a code point that is no character: remove it";
    }
    return NULL;
}

bool config_check_octets(char *text, size_t len, const char *file, struct report *report)
{
    size_t line = 1;
    size_t column = 1;
    size_t tab_line = 0;
    size_t used;

    for (size_t at = 0; at < len; at += used) {
        uint32_t point = 0;

        used = utf8_point((const uint8_t *)text + at, len - at, &point);
        if (used == 0) {
            report_add(report, REPORT_ERROR, file, line, column,
                       "an octet that is not UTF-8: save the file as UTF-8");
            return false;
        }
        if (point == '\t') {
            if (tab_line != line) {
                report_add(report, REPORT_ERROR, file, line, column,
                           "a tab: use spaces, since tabs are of any width");
            }
            tab_line = line;
            text[at] = ' ';
        } else {
            const char *words = point_fault(point, at + 1 < len && text[at + 1] == '\n');
            if (words != NULL) {
                report_add(report, REPORT_ERROR, file, line, column, "%s", words);
                return false;
            }
        }
        column = point == '\n' ? 1 : column + 1;
        line += point == '\n' ? 1 : 0;
    }
    return true;
}

bool config_text_is_clean(const char *text, size_t len)
{
    size_t used;

    for (size_t at = 0; at < len; at += used) {
        uint32_t point = 0;

        used = utf8_point((const uint8_t *)text + at, len - at, &point);
        if (used == 0 || point == '\n' || point_fault(point, false) != NULL) {
            return false;
        }
    }
    return true;
}
