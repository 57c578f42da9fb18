/*
 * Reads arbitrary octets as a name in presentation format: what is accepted is a name that the
 * wire reader accepts, and its text reads as the same name; what is refused leaves no trace.
 */
#include "require.h"

#include "wire/name.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_name name;
    struct wire_name before;
    struct wire_name again;
    char text[WIRE_NAME_TEXT_MAX];
    size_t pos = 0;

    memset(&name, 0x5a, sizeof(name));
    before = name;
    const enum wire_text_result result = wire_name_from_text((const char *)data, size, &name);

    require(wire_text_result_words(result) != NULL);
    if (result != WIRE_TEXT_OK) {
        require(memcmp(&name, &before, sizeof(name)) == 0);
        return 0;
    }
    for (size_t i = 0; i < size; i++) {
        require(data[i] > 0x20 && data[i] < 0x7f);
    }
    require(wire_name_read(name.octets, name.len, &pos, &again) == WIRE_OK);
    require(pos == name.len && wire_name_equal(&again, &name));
    require(again.labels == name.labels && memcmp(again.at, name.at, name.labels + 1u) == 0);

    const size_t len = wire_name_to_text(&name, text);

    require(len < sizeof(text) && strlen(text) == len);
    require(wire_name_from_text(text, len, &again) == WIRE_TEXT_OK);
    require(wire_name_equal(&again, &name));
    return 0;
}
