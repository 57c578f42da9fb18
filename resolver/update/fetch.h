/*
 * update/fetch.h - one file from a source into a file of ours: by HTTPS, HTTP or from a folder.
 *
 * Nothing here believes what it fetches: it is bounded in octets and in time, and looked at by
 * others. No user, password, cookie or .netrc is sent anywhere; redirects lead to https://
 * alone, and a few times; bodies are taken as they are (no content coding), so that no small
 * one becomes a large one.
 */
#ifndef CORDON_UPDATE_FETCH_H
#define CORDON_UPDATE_FETCH_H

#include "config/config.h"
#include "update/headers.h"

#include <stdbool.h>
#include <stdint.h>

/* How patient, and whom to believe. Borrowed until the fetcher is closed. */
struct update_patience {
    uint32_t connect_ms, stalled_s, timeout_s;
    const char *ca;          /* CA certificates; NULL: those of the system */
    enum config_clear clear; /* of http:// sources */
};

struct update_wanted {
    const char *source;            /* as in the configuration */
    const char *name;              /* of the file in it: letters, digits, ".", "-" */
    int fd;                        /* open for reading and writing, at octet `from` */
    uint64_t from;                 /* so many octets are there already */
    uint64_t max;                  /* the file has at most so many */
    const char *if_range;          /* the tag of what is there; "": unknown */
    const char *if_none_match;     /* the tag of what is known; "": unknown */
    const char *if_modified_since; /* its date; "": unknown */
};

enum update_got {
    UPDATE_GOT,         /* the file is in fd, whole as far as the source says */
    UPDATE_GOT_NOTHING, /* it is what is known already (304) */
    UPDATE_ABSENT,      /* the source has no such file */
    UPDATE_GOT_PART,    /* the connection ended: what came is in fd */
    UPDATE_UNREACHABLE, /* no answer, or none that helps; why says it */
    UPDATE_TOO_LARGE,   /* it is larger than it may be */
    UPDATE_UNWRITABLE   /* our own disk; rc says it */
};

struct update_gotten {
    uint64_t octets; /* in fd now */
    bool resumed;    /* they begin with those that were there */
    char etag[UPDATE_VALIDATOR_MAX], modified[UPDATE_VALIDATOR_MAX]; /* "": none */
    uint64_t retry_after_s;                                          /* 0: not said */
    int rc;
    char why[UPDATE_WHY_MAX];
};

struct update_fetcher;

/* Once in a process, before a thread is made: 0 or -EIO. */
int update_fetch_library(void);

/* 0 or -ENOMEM. Keeps connections from one file to the next. */
int update_fetcher_open(const struct update_patience *patience,
                        struct update_fetcher **fetcher);
void update_fetcher_close(struct update_fetcher *fetcher); /* NULL is fine */

/* Blocks for at most timeout_s and what connecting takes. *gotten is filled in any case. */
enum update_got update_fetch(struct update_fetcher *fetcher, const struct update_wanted *wanted,
                             struct update_gotten *gotten);

#endif
