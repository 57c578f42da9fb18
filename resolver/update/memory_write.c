/* update/memory_write.c - the writing half of update/memory.h: jansson, which reads, has
 * functions of the same names as base/text.h, which writes. */
#include "base/file.h"
#include "base/text.h"
#include "update/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int update_memory_write(const char *path, const struct config_sources *sources,
                        const struct update_memory *memory)
{
    char *buffer = malloc(UPDATE_MEMORY_OCTETS_MAX);
    struct text out;

    if (buffer == NULL) {
        return -ENOMEM;
    }
    text_init(&out, buffer, UPDATE_MEMORY_OCTETS_MAX);
    json_array_begin(&out, NULL);
    for (size_t i = 0; i < sources->count; i++) {
        const struct update_known *known = &memory->at[i];

        json_object_begin(&out, NULL);
        json_string_n(&out, "source", sources->at[i], strlen(sources->at[i]));
        json_uint(&out, "tried", known->tried_s);
        json_uint(&out, "answered", known->answered_s);
        json_uint(&out, "failures", known->failures);
        json_uint(&out, "last_until", known->last_until_s);
        json_string_n(&out, "why", known->why, strlen(known->why));
        json_string_n(&out, "etag", known->etag, strlen(known->etag));
        json_string_n(&out, "modified", known->modified, strlen(known->modified));
        json_octets(&out, "catalogue", known->hash, sizeof(known->hash));
        json_object_end(&out);
    }
    json_array_end(&out);
    text_add(&out, "\n");
    const int rc = out.overflow ? -ENOSPC : file_write_atomic(path, out.at, out.len, 0644);
    free(buffer);
    return rc;
}
