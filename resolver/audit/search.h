/*
 * audit/search.h - looking for events in the files of a log, in constant memory.
 *
 * Blocks are left out by their times, then by their filters, then by their dictionaries; only
 * of what remains are events looked at. Digests are not checked: that is verify's work.
 */
#ifndef CORDON_AUDIT_SEARCH_H
#define CORDON_AUDIT_SEARCH_H

#include "audit/frame.h"

#define AUDIT_SEARCH_WORDS_MAX 12u

/* All that is set must hold. Borrowed for the call. */
struct audit_query {
    unsigned streams;                  /* bit n: stream n; 0: all */
    uint64_t from_us, to_us;           /* to_us 0: no end; both included */
    const struct wire_name *suffix;    /* the name asked, or what matched, is it or below it */
    const struct wire_name *name;      /* the name asked */
    const struct audit_client *client; /* an address, a pseudonym, or a prefix that has it */
    const char *provider, *list;       /* of the basis */
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
};

struct audit_search_stats {
    uint64_t blocks;  /* of these streams and times */
    uint64_t opened;  /* not left out by a filter */
    uint64_t found;   /* events */
    uint64_t damaged; /* blocks, or ends of files, that could not be read as such */
};

/* Event i of the block; audit_block_load what is wanted of it. False ends the search. */
typedef bool audit_found(void *context, const struct audit_header *header,
                         struct audit_block *block, uint32_t i);

/* In the order of the log. 0, -errno. Damage is counted and passed over. */
int audit_search(const struct audit_files *files, const struct audit_query *query,
                 audit_found *found, void *context, struct audit_search_stats *stats);

#endif
