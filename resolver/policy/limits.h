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

/* Hits kept for one question: what was blocked and up to three would-have-been. */
#define POLICY_HITS_MAX 4u

/* Hops of a CNAME/DNAME chain that are followed; a longer chain is SERVFAIL. Unbound and BIND
 * stop at 11 to 17; real chains of CDNs are at most 6 long. */
#define POLICY_HOPS_MAX 11u

/* Exceptions of people at a time, for weeks at most: whoever needs more needs another list. A
 * name of them has 4 labels or so, and each label costs 80 octets. */
#define POLICY_EXCEPTIONS_MAX 4096u

/* Octets of the ticket that an exception names: a number, or the address of a page. */
#define POLICY_TICKET_MAX 128u

#endif
