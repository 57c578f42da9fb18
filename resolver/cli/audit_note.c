/* Checkpoints in lines: what audit.publish has told, as a syslog server or a file has it. */
#include "cli/audit_note.h"

#include <jansson.h>
#include <string.h>

size_t cli_audit_note_of_lines(uint8_t *text, size_t len)
{
    static const char event[] = "{\"v\":1,\"event\":\"checkpoint\"";
    const uint8_t *end = text + len;
    const uint8_t *last = NULL;

    for (const uint8_t *next = text;
         (next = memmem(next, (size_t)(end - next), event, sizeof(event) - 1)) != NULL;
         next++) {
        last = next;
    }
    json_t *line = last == NULL ? NULL
                                : json_loadb((const char *)last, (size_t)(end - last),
                                             JSON_DISABLE_EOF_CHECK, NULL);
    const json_t *note = json_object_get(line, "note");
    size_t octets = json_string_length(note); /* of what is no string: none */

    octets = octets <= len ? octets : 0; /* never: there it is escaped */
    if (octets > 0) {
        memcpy(text, json_string_value(note), octets);
    }
    json_decref(line);
    return octets;
}
