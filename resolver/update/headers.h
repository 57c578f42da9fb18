/*
 * update/headers.h - what a web server says about a file: the few header fields that count.
 *
 * Lines are a stranger's. Pure; any thread.
 */
#ifndef CORDON_UPDATE_HEADERS_H
#define CORDON_UPDATE_HEADERS_H

#include "update/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct update_headers {
    unsigned status;                     /* of the last status line; 0: none */
    char etag[UPDATE_VALIDATOR_MAX];     /* RFC 9110, 8.8.3; "": none that can be used */
    char modified[UPDATE_VALIDATOR_MAX]; /* 8.8.2, as it was sent; "" */
    bool has_length;
    uint64_t length; /* 8.6, of this message */
    bool has_range;  /* 14.4, "bytes FROM-TO/ALL" */
    uint64_t range_from, range_to, range_all;
    uint64_t
        retry_after_s; /* 10.2.3, in seconds; 0: not said; at most UPDATE_RETRY_AFTER_MAX_S */
    size_t octets;     /* of all lines so far */
};

void update_headers_init(struct update_headers *headers);

/*
 * One line with its end. A status line ("HTTP/...") forgets the fields of the answer before (a
 * redirect, or 100). What is not understood is ignored: a field that is damaged is as one that
 * was not sent. False if there are more octets than a server may send.
 */
bool update_headers_add(struct update_headers *headers, const char *line, size_t len);

/* Is the tag one that may be used to resume (RFC 9110, 13.1.5)? */
bool update_tag_is_strong(const char *etag);

#endif
