/*
 * audit/search.h - looking for events in the files of a log, in constant memory.
 *
 * Blocks are left out by their times, then by their filters, then by their dictionaries; only
 * of what remains are events looked at. Digests are checked if that is asked for: it is
 * verify's work. What is damaged is counted and passed over: behind it the next whole block of
 * the file is looked for.
 */
#ifndef CORDON_AUDIT_SEARCH_H
#define CORDON_AUDIT_SEARCH_H

#include "audit/frame.h"
#include "audit/pseudonym.h"

#define AUDIT_SEARCH_WORDS_MAX 12u

/* Where a search is in a log: to go on from there with what is written later. */
struct audit_search_place {
    uint32_t file; /* 0: the beginning */
    uint64_t at;
    uint64_t blocks; /* of the log before it */
};

/* How it is gone about. */
struct audit_search_way {
    unsigned threads; /* that unpack blocks beside the caller's; 0: none */
    bool newest_first;
    /* Nothing up to this event of its stream, in the order of the search. */
    bool has_after;
    enum audit_stream after_stream;
    uint64_t after;
    /* The log is being written: an end that is not whole is no damage. Not newest first. */
    bool growing;
    struct audit_search_place from;
    /* Asked of each block of these streams and times, in the order of the search and before it
     * is read; removed: its events were taken out. False: it is passed over, and counted
     * nowhere. With threads that is some blocks before its events are shown. NULL: all. */
    bool (*wants)(void *context, const struct audit_header *header, bool removed);
    /* All events of the block that were found have been shown. NULL: nothing. */
    void (*shown)(void *context, const struct audit_header *header, struct audit_block *block);
    /* Told now and then how many octets of how many are behind it; false ends the search. The
     * caller's thread. NULL: none. */
    bool (*progress)(void *context, uint64_t done, uint64_t all);
    void *context; /* of these three */
};

/* All that is set must hold. Borrowed for the call. */
struct audit_query {
    unsigned streams;                  /* bit n: stream n; 0: all */
    uint64_t from_us, to_us;           /* to_us 0: no end; both included */
    const struct wire_name *suffix;    /* the name asked, or what matched, is it or below it */
    const struct wire_name *name;      /* the name asked */
    const struct audit_client *client; /* an address, a pseudonym, or a prefix that has it */
    const struct audit_pseudonyms *pseudonyms; /* of the client, an address: these are it, too;
                                                  NULL: none (pseudonym.h) */
    const char *provider, *list; /* of the basis; list: or that a change is about */
    const char *status_class;    /* of the basis */
    const char *authority;       /* of the basis: a part of it, in whatever case */
    const char *rule;            /* "block suffix x", or what that is about: "x" */
    struct {
        enum audit_column column; /* of texts */
        const char *word;
    } words[AUDIT_SEARCH_WORDS_MAX];
    unsigned word_count;
    struct {
        enum audit_column column; /* of numbers */
        uint64_t number;
    } numbers[AUDIT_SEARCH_WORDS_MAX];
    unsigned number_count;
    bool checked; /* of what is opened: a body that is not that of its header is damage, too */
    const struct audit_search_way *way; /* NULL: from the beginning, without threads */
};

struct audit_search_stats {
    uint64_t blocks;  /* of these streams and times */
    uint64_t opened;  /* not left out by a filter */
    uint64_t found;   /* events */
    uint64_t damaged; /* blocks, or parts of files, that could not be read as such */
    uint64_t removed; /* blocks of these streams and times whose events were taken out */
    uint16_t version; /* of a file that is of another version of the format; 0: of none */
    bool passed;      /* the event of `after` was there */
    struct audit_search_place end; /* of a search from the beginning */
};

/* Event i of the block; audit_block_load what is wanted of it. False ends the search. */
typedef bool audit_found(void *context, const struct audit_header *header,
                         struct audit_block *block, uint32_t i);

/* In the order of the log, on the caller's thread. 0, -errno. Damage is counted and passed
 * over. */
int audit_search(const struct audit_files *files, const struct audit_query *query,
                 audit_found *found, void *context, struct audit_search_stats *stats);

#endif
