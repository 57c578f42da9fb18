/*
 * Feeds arbitrary octets to gate_suffixes_parse(). What is taken for a suffix is of printable
 * ASCII in lower case, each once, and no more than there is room for.
 */
#include "gate/suffix.h"

#include "require.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gate_suffixes suffixes = {.at = NULL};

    require(gate_suffixes_parse(&suffixes, (const char *)data, size) == 0);
    gate_suffixes_sort(&suffixes);
    require(suffixes.count <= GATE_SUFFIXES_MAX);
    for (size_t i = 0; i < suffixes.count; i++) {
        const char *text = suffixes.at[i].text;

        require(text[0] != '\0' && strlen(text) <= 255);
        for (const char *at = text; *at != '\0'; at++) {
            require(*at > ' ' && *at < 0x7f && !(*at >= 'A' && *at <= 'Z'));
        }
        require(i == 0 || strcmp(suffixes.at[i - 1].text, text) < 0);
    }
    gate_suffixes_free(&suffixes);
    return 0;
}
