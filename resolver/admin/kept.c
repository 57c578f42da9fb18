#include "admin/kept.h"

#include <stdlib.h>
#include <string.h>

int kept_each(const char *text, size_t len, kept_take *take, void *context)
{
    size_t number = 0;
    int rc = 0;

    for (const char *at = text, *const end = text + len; at < end && rc == 0;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const size_t line = (size_t)((newline == NULL ? end : newline) - at);

        number++;
        if (line > 0 && at[0] != '#') {
            rc = take(context, at, line, number);
        }
        at += line + 1;
    }
    return rc;
}

const char *kept_read_kind(struct request *request, const char *head, unsigned version,
                           bool *is_head)
{
    const char *kind = request_text(request, "kind", 16, true);
    uint64_t found = 0;

    *is_head = kind != NULL && strcmp(kind, head) == 0;
    if (*is_head) {
        (void)request_number(request, "version", 0, UINT32_MAX, &found);
        if (found != version) {
            request_refuse(request, "version", "this cordond knows version %u", version);
        }
        (void)request_end(request);
    }
    return kind;
}

void kept_read_who(struct request *request, uint32_t *uid, int32_t *pid, char *user,
                   size_t size)
{
    uint64_t whose = 0;
    uint64_t process = 0;

    (void)request_number(request, "uid", 0, UINT32_MAX, &whose);
    (void)request_number(request, "pid", 0, INT32_MAX, &process);
    request_copy(request, "user", user, size, false);
    *uid = (uint32_t)whose;
    *pid = (int32_t)process;
}

void kept_write_who(struct text *out, uint32_t uid, int32_t pid, const char *user)
{
    json_uint(out, "uid", uid);
    if (user[0] != '\0') {
        json_string(out, "user", user);
    }
    json_int(out, "pid", pid);
}

bool kept_begin(struct text *out, const char *comment, const char *head, unsigned version,
                size_t count)
{
    /* Each line is one that request_read_object() takes, hence no longer than that. */
    const size_t size = strlen(comment) + 1 + (count + 1) * REQUEST_LINE_MAX;
    char *memory = malloc(size);

    if (memory == NULL) {
        return false;
    }
    text_init(out, memory, size);
    text_add(out, comment);
    kept_begin_one(out, head);
    json_uint(out, "version", version);
    kept_end_one(out);
    return true;
}

void kept_begin_one(struct text *out, const char *kind)
{
    json_object_begin(out, NULL);
    json_string(out, "kind", kind);
}

void kept_end_one(struct text *out)
{
    json_object_end(out);
    text_add(out, "\n");
}

char *kept_end(struct text *out, size_t *len)
{
    if (out->overflow) {
        free(out->at);
        return NULL;
    }
    *len = out->len;
    return out->at;
}
