#include "admin/request.h"

#include "base/invariant.h"
#include "base/random.h"
#include "base/utf8.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
    char command[REQUEST_COMMAND_MAX + 1];
    json_t *object;                        /* NULL: no arguments */
    const char *asked[REQUEST_FIELDS_MAX]; /* fields that getters know */
    size_t asked_count;
    char fault[REQUEST_FAULT_MAX];
};

void request_seed(void)
{
    size_t seed = 0;

    while (seed == 0) { /* 0 would let the library choose */
        random_system(&seed, sizeof(seed));
    }
    json_object_seed(seed);
}

/* Messages quote strangers: what is not printable becomes a question mark, and what is too
 * long is cut. (base/text.h cannot be had here: its json_string() is another one.) */
static const char *printable(const char *from, char *out, size_t size)
{
    size_t len = 0;

    for (; from[len] != '\0' && len + 1 < size; len++) {
        out[len] = from[len];
        if (from[len] < 0x20 || from[len] > 0x7e) {
            out[len] = '?';
        }
    }
    out[len] = '\0';
    return out;
}

__attribute__((format(printf, 2, 3))) static void say(char fault[REQUEST_FAULT_MAX],
                                                      const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(fault, REQUEST_FAULT_MAX, format, arguments); /* rather cut than empty */
    va_end(arguments);
}

/* The length of the command's word at the start of the line; 0: it is none. */
static size_t command_len(const char *line, size_t len)
{
    size_t used = 0;

    while (used < len &&
           ((line[used] >= 'a' && line[used] <= 'z') ||
            (used > 0 && (line[used] == '-' || (line[used] >= '0' && line[used] <= '9'))))) {
        used++;
    }
    return used <= REQUEST_COMMAND_MAX ? used : 0;
}

/* what: of whose octets it is said that they are none. */
static json_t *read_object(const char *what, const char *text, size_t len,
                           char fault[REQUEST_FAULT_MAX])
{
    json_error_t error;

    if (len == 0 || text[0] != '{') {
        say(fault, "%s no JSON object: {\"FIELD\": VALUE, ...}", what);
        return NULL;
    }
    json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL) {
        char words[JSON_ERROR_TEXT_LENGTH];

        say(fault, "%s no JSON object: column %d: %s", what,
            error.column > 0 ? error.column : 1, printable(error.text, words, sizeof(words)));
    }
    return object;
}

static struct request *create(const char *command, size_t command_octets, const char *what,
                              const char *text, size_t len, char fault[REQUEST_FAULT_MAX])
{
    struct request *request = calloc(1, sizeof(*request));

    if (request == NULL) {
        say(fault, "out of memory");
        return NULL;
    }
    memcpy(request->command, command, command_octets);
    if (text != NULL) {
        request->object = read_object(what, text, len, fault);
        if (request->object == NULL) {
            free(request);
            return NULL;
        }
    }
    return request;
}

struct request *request_read(const char *line, size_t len, char fault[REQUEST_FAULT_MAX])
{
    const size_t word = command_len(line, len);

    if (len > REQUEST_LINE_MAX) {
        say(fault, "the line is longer than %u octets", REQUEST_LINE_MAX);
        return NULL;
    }
    if (word == 0 || (word < len && line[word] != ' ')) {
        say(fault, "expected COMMAND or COMMAND {\"FIELD\": VALUE, ...}");
        return NULL;
    }
    if (word == len) {
        return create(line, word, NULL, NULL, 0, fault);
    }
    return create(line, word, "the arguments are", line + word + 1, len - word - 1, fault);
}

struct request *request_read_object(const char *text, size_t len, char fault[REQUEST_FAULT_MAX])
{
    if (len > REQUEST_LINE_MAX) {
        say(fault, "the line is longer than %u octets", REQUEST_LINE_MAX);
        return NULL;
    }
    return create("", 0, "it is", text, len, fault);
}

void request_free(struct request *request)
{
    if (request != NULL) {
        json_decref(request->object);
        free(request);
    }
}

const char *request_command(const struct request *request)
{
    return request->command;
}

void request_refuse(struct request *request, const char *field, const char *format, ...)
{
    va_list arguments;
    size_t used = 0;

    if (request->fault[0] != '\0') {
        return;
    }
    if (field != NULL) {
        used = (size_t)snprintf(request->fault, sizeof(request->fault), "%.40s: ", field);
    }
    va_start(arguments, format);
    vsnprintf(request->fault + used, sizeof(request->fault) - used, format, arguments);
    va_end(arguments);
}

static const json_t *ask(struct request *request, const char *field)
{
    invariant(request->asked_count < REQUEST_FIELDS_MAX);
    request->asked[request->asked_count++] = field;
    return json_object_get(request->object, field);
}

/* What is wrong with its characters, or NULL. C0, DEL and C1, and what cannot be seen or turns
 * text around: none has a place in a name, a reason or a log. */
static const char *characters_fault(const char *text, size_t len)
{
    size_t used;

    for (size_t at = 0; at < len; at += used) {
        uint32_t point = 0;

        used = utf8_point((const uint8_t *)text + at, len - at, &point);
        if (used == 0) {
            return "text is written in UTF-8";
        }
        if (point < 0x20 || (point >= 0x7f && point < 0xa0)) {
            return "control characters are not allowed";
        }
        if (utf8_is_hidden(point)) {
            return "characters that are invisible or change the direction of text are not "
                   "allowed";
        }
    }
    return NULL;
}

const char *request_text(struct request *request, const char *field, size_t max, bool required)
{
    const json_t *value = ask(request, field);

    if (value == NULL) {
        if (required) {
            request_refuse(request, field, "this field is required");
        }
        return NULL;
    }
    if (!json_is_string(value)) {
        request_refuse(request, field, "expected a string");
        return NULL;
    }
    const size_t len = json_string_length(value);
    if (len == 0 || len > max) {
        request_refuse(request, field, "expected 1 to %zu octets, not %zu", max, len);
        return NULL;
    }
    const char *fault = characters_fault(json_string_value(value), len);
    if (fault != NULL) {
        request_refuse(request, field, "%s", fault);
        return NULL;
    }
    return json_string_value(value);
}

void request_copy(struct request *request, const char *field, char *to, size_t size,
                  bool required)
{
    const char *text = request_text(request, field, size - 1, required);

    memcpy(to, text != NULL ? text : "", text != NULL ? strlen(text) + 1 : 1);
}

bool request_number(struct request *request, const char *field, uint64_t min, uint64_t max,
                    uint64_t *value)
{
    const json_t *found = ask(request, field);

    if (found == NULL) {
        return false;
    }
    const json_int_t number = json_integer_value(found);
    if (!json_is_integer(found) || number < 0 || (uint64_t)number < min ||
        (uint64_t)number > max) {
        request_refuse(request, field, "expected a whole number from %llu to %llu",
                       (unsigned long long)min, (unsigned long long)max);
        return false;
    }
    *value = (uint64_t)number;
    return true;
}

bool request_flag(struct request *request, const char *field)
{
    const json_t *found = ask(request, field);

    if (found != NULL && !json_is_boolean(found)) {
        request_refuse(request, field, "expected true or false");
    }
    return json_is_true(found);
}

static bool is_asked(const struct request *request, const char *field)
{
    for (size_t i = 0; i < request->asked_count; i++) {
        if (strcmp(request->asked[i], field) == 0) {
            return true;
        }
    }
    return false;
}

bool request_end(struct request *request)
{
    for (void *at = json_object_iter(request->object); at != NULL;
         at = json_object_iter_next(request->object, at)) {
        const char *field = json_object_iter_key(at);
        char words[64];

        if (!is_asked(request, field)) {
            request_refuse(request, NULL, "there is no field \"%s\" here",
                           printable(field, words, sizeof(words)));
        }
    }
    return request->fault[0] == '\0';
}

const char *request_fault(const struct request *request)
{
    return request->fault;
}
