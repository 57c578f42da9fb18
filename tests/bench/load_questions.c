#include "bench/load_questions.h"

#include "wire/name.h"
#include "wire/type.h"

#include <stdlib.h>
#include <string.h>

/* The root, OPT, 1,232 octets, no flags, no options. */
static const uint8_t opt[] = {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0};

/* Room for one more question. */
static bool grow(struct load_questions *questions)
{
    if (questions->room - questions->len < WIRE_NAME_MAX + 4 + sizeof(opt)) {
        const size_t room = questions->room * 2 + 65536;
        uint8_t *octets = realloc(questions->octets, room);
        if (octets == NULL) {
            return false;
        }
        questions->octets = octets;
        questions->room = room;
    }
    if (questions->starts_room < questions->count + 2) {
        const size_t room = questions->starts_room * 2 + 1024;
        size_t *starts = realloc(questions->starts, room * sizeof(*starts));
        if (starts == NULL) {
            return false;
        }
        questions->starts = starts;
        questions->starts_room = room;
        questions->starts[0] = 0;
    }
    return true;
}

bool load_questions_read(FILE *in, struct load_questions *questions)
{
    char line[1024];
    size_t number = 0;

    while (fgets(line, sizeof(line), in) != NULL) {
        const size_t name_len = strcspn(line, " \t\n");
        const char *word = line + name_len + strspn(line + name_len, " \t");
        struct wire_name name;
        uint16_t type;

        number++;
        if (wire_name_from_text(line, name_len, &name) != WIRE_TEXT_OK ||
            !wire_type_parse(word, strcspn(word, " \t\n"), &type)) {
            fprintf(stderr, "line %zu is not NAME TYPE\n", number);
            return false;
        }
        if (!grow(questions)) {
            fputs("out of memory\n", stderr);
            return false;
        }
        uint8_t *at = questions->octets + questions->len;
        memcpy(at, name.octets, name.len);
        wire_put16(at + name.len, type);
        wire_put16(at + name.len + 2, WIRE_IN);
        memcpy(at + name.len + 4, opt, sizeof(opt));
        questions->len += name.len + 4u + sizeof(opt);
        questions->starts[++questions->count] = questions->len;
    }
    if (questions->count == 0) {
        fputs("no questions\n", stderr);
    }
    return questions->count > 0;
}

void load_questions_free(struct load_questions *questions)
{
    free(questions->octets);
    free(questions->starts);
}

void load_questions_header(uint8_t *header, uint8_t high, uint8_t low)
{
    memcpy(header, (const uint8_t[]){high, low, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 1}, 12);
}
