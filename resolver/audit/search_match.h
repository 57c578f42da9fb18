/*
 * audit/search_match.h - which events of one block a query wants: conditions on dictionaries,
 * then on events. One matcher for each block that is looked at at a time.
 */
#ifndef CORDON_AUDIT_SEARCH_MATCH_H
#define CORDON_AUDIT_SEARCH_MATCH_H

#include "audit/search.h"

struct audit_matcher; /* opaque */

/* query is borrowed until it is destroyed. NULL: no memory. */
struct audit_matcher *audit_matcher_create(const struct audit_query *query);
void audit_matcher_destroy(struct audit_matcher *matcher); /* NULL is fine */

/* False: by its header no event of the block is wanted. */
bool audit_query_wants(const struct audit_query *query, const struct audit_header *header);
/* False: by its filters no event of the block is wanted. */
bool audit_query_may_have(const struct audit_query *query, const struct audit_block *block);

/* Loads what it needs and puts the numbers of the events into hits, which has a place for each.
 * 0 and *count; the codes of audit_block_load. */
int audit_matcher_find(struct audit_matcher *matcher, const struct audit_header *header,
                       struct audit_block *block, uint32_t *hits, uint32_t *count);

#endif
