/*
 * admin/request.h - a command of the control socket and its arguments, checked field by field.
 *
 * "COMMAND" or "COMMAND {JSON object}" (RFC 8259), at most 4,096 octets. A handler reads each
 * field that it knows through a getter of its kind, then calls request_end(): the first fault
 * counts and names its field, and a field that no getter asked for is one. So nothing that was
 * sent is ever ignored. Duplicate fields, nested values and zero octets are refused.
 */
#ifndef CORDON_ADMIN_REQUEST_H
#define CORDON_ADMIN_REQUEST_H

#include "admin/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request; /* opaque */

/* Once, before the first request: the library's hash tables get a seed of chance. */
void request_seed(void);

/* NULL with the reason in fault: a line that is no request, or out of memory. */
struct request *request_read(const char *line, size_t len, char fault[REQUEST_FAULT_MAX]);
/* The same for an object alone, as a line of a file: its command is "". */
struct request *request_read_object(const char *text, size_t len,
                                    char fault[REQUEST_FAULT_MAX]);
void request_free(struct request *request); /* NULL is fine */

const char *request_command(const struct request *request);

/* Text of 1 to max octets of UTF-8 without control characters and what is not seen, borrowed
 * from the request; NULL if it is absent (a fault if required) or faulty. */
const char *request_text(struct request *request, const char *field, size_t max, bool required);
/* The same, copied into a buffer for size - 1 octets; "" if it is absent or faulty. */
void request_copy(struct request *request, const char *field, char *to, size_t size,
                  bool required);
/* True and *value for a whole number in the bounds; false and *value untouched if it is absent
 * or faulty. */
bool request_number(struct request *request, const char *field, uint64_t min, uint64_t max,
                    uint64_t *value);
/* The value of true or false; false if it is absent or faulty. */
bool request_flag(struct request *request, const char *field);

/* A fault that the handler finds: "FIELD: words". Only the first is kept. field NULL: the
 * words alone. */
void request_refuse(struct request *request, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* After the last getter: true if there was no fault and no field is left over. */
bool request_end(struct request *request);
const char *request_fault(const struct request *request); /* "" : none */

#endif
