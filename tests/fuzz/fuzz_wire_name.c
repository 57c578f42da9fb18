/*
 * Reads a name at every start within arbitrary octets, and checks what the header promises of
 * it: where it ends, that reading it again changes nothing, that the three readers agree, that
 * its suffixes and its text are the same name.
 */
#include "require.h"

#include "wire/name.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_suffixes(const struct wire_name *name)
{
    struct wire_name suffix;
    struct wire_name joined;

    for (unsigned labels = 0; labels <= name->labels; labels++) {
        wire_name_suffix(name, labels, &suffix);
        require(suffix.labels == labels && wire_name_is_within(name, &suffix));
        require(wire_name_is_within(&suffix, name) == (labels == name->labels));
        require(wire_name_join(name, name->labels - labels, &suffix, &joined));
        require(wire_name_equal(&joined, name));
    }
}

static void check_text(const struct wire_name *name)
{
    char text[WIRE_NAME_TEXT_MAX];
    struct wire_name again;
    const size_t len = wire_name_to_text(name, text);

    require(len < sizeof(text) && strlen(text) == len);
    require(wire_name_from_text(text, len, &again) == WIRE_TEXT_OK);
    require(wire_name_equal(&again, name) && again.labels == name->labels);
    require(memcmp(again.at, name->at, name->labels + 1u) == 0);
}

static void check_cased(const uint8_t *data, size_t size, size_t start, size_t end,
                        const struct wire_name *name)
{
    struct wire_name cased;
    size_t pos = start;

    require(wire_name_read_cased(data, size, &pos, &cased) == WIRE_OK && pos == end);
    require(cased.len == name->len && cased.labels == name->labels);
    for (unsigned i = 0; i < cased.len; i++) {
        require(wire_lower(cased.octets[i]) == name->octets[i]);
    }
    pos = start;
    require(wire_name_skip(data, size, &pos) == WIRE_OK && pos == end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1024) {
        return -1; /* longer inputs find nothing new: keep the corpus small */
    }
    for (size_t start = 0; start <= size; start++) {
        struct wire_name name;
        struct wire_name again;
        size_t pos = start;
        size_t skipped = start;
        const enum wire_result result = wire_name_read(data, size, &pos, &name);

        if (result != WIRE_OK) {
            require(pos == start);
            require(wire_name_skip(data, size, &skipped) == result && skipped == start);
            continue;
        }
        require(pos > start && pos <= size);
        require(name.len >= 1 && name.octets[name.len - 1] == 0);
        require(name.at[name.labels] == name.len - 1);
        check_cased(data, size, start, pos, &name);
        check_suffixes(&name);
        check_text(&name);

        /* Reading what was read gives the same name, and uses all of it. */
        pos = 0;
        require(wire_name_read(name.octets, name.len, &pos, &again) == WIRE_OK);
        require(pos == name.len && again.len == name.len && again.labels == name.labels);
        require(memcmp(again.octets, name.octets, name.len) == 0);
    }
    return 0;
}
