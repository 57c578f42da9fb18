/*
 * policy/limits.h - bounds of the policy engine, and why.
 */
#ifndef CORDON_POLICY_LIMITS_H
#define CORDON_POLICY_LIMITS_H

/* Lists in one image: every provider of the world would fit; list numbers take one octet. */
#define POLICY_LISTS_MAX 128u

/* Views in one policy, "default" included. Each has a table of verdicts, and is compiled at
 * each reload: an enterprise's groups of networks, not a view per client. */
#define POLICY_VIEWS_MAX 64u

/* Shares of clients at a time for which newer versions of lists count: one for each stage by
 * share that the operator has, and some lists are in. Each has a twin of every view. */
#define POLICY_SHARES_MAX 8u

/* Categories that a view has a mode for: lists have some 50 words, and a view few of them. */
#define POLICY_CATEGORIES_MAX 64u

/* Schedules of one view that change what it does: parts of a day and of a week. The modes of
 * all lists are kept for each. */
#define POLICY_VARIANTS_MAX 16u

/* Hits kept for one question: what was blocked and up to three would-have-been. */
#define POLICY_HITS_MAX 4u

/* Hops of a CNAME/DNAME chain that are followed; a longer chain is SERVFAIL. Unbound and BIND
 * stop at 11 to 17; real chains of CDNs are at most 6 long. */
#define POLICY_HOPS_MAX 11u

/* Exceptions at a time, of commands and again of files (and what goes on of files that were
 * refused): whoever needs more needs another list. A name of them has 4 labels or so, and each
 * label costs 80 octets. */
#define POLICY_EXCEPTIONS_MAX     4096u
#define POLICY_EXCEPTIONS_ALL_MAX (4 * POLICY_EXCEPTIONS_MAX)

/* Octets of what an exception names: a ticket or a licence (a number, or the address of a
 * page), who has approved it, its own short word, and the id of a list. */
#define POLICY_TICKET_MAX       128u
#define POLICY_APPROVER_MAX     128u
#define POLICY_EXCEPTION_ID_MAX 32u
#define POLICY_LIST_ID_MAX      64u

/* Octets of the reason that a file gives for an exception: a sentence or two. */
#define POLICY_REASON_MAX 512u

/* A file of exceptions: 4,096 of them with some 500 octets each. Its lines are as long as those
 * of a list may be. */
#define POLICY_EXCEPTION_FILE_OCTETS_MAX (4u << 20)

/* An exception lasts so long at most, from its beginning or from when its file was made: lists
 * and grounds change meanwhile. 366 days. */
#define POLICY_EXCEPTION_S_MAX 31622400u

/* Versions of one list that are kept at most: lists.keep goes to half of it, and those of a
 * process that is being replaced may be there as well. */
#define POLICY_VERSIONS_MAX 256u

#endif
