/*
 * query/ready.h - what stands behind the question in answers of blocked questions, made once
 * for a policy and its settings: the sinkhole's record of each view, the SOA of negative
 * answers, and OPT with the words of each list. An answer is then the question and two copies.
 * And OPT of those from the cache, which are copies of what is kept otherwise.
 *
 * It is made by the functions of wire/ that write such answers otherwise, from a question of
 * our own, so that nothing of their format stands here but what differs from question to
 * question: id and flags, the serial, DO, the code of the Extended DNS Error, and two pointers.
 * Whatever is not made here, or does not fit, is written the general way, octet for octet the
 * same.
 *
 * Bounded: a record for each view and an OPT for each list that there may be.
 */
#ifndef CORDON_QUERY_READY_H
#define CORDON_QUERY_READY_H

#include "policy/policy.h"
#include "query/settings.h"

#define QUERY_READY_RECORD_MAX (12u + 16u)                 /* owner, fixed part, an address */
#define QUERY_READY_SOA        57u                         /* owner, fixed part, rdata */
#define QUERY_READY_OPT_MAX    (11u + 6u + POLICY_EDE_MAX) /* fixed part, EDE */

struct query_ready_record {
    uint8_t octets[QUERY_READY_RECORD_MAX];
    uint8_t len; /* 0: the view has no such address */
};

struct query_ready_opt {
    uint8_t octets[QUERY_READY_OPT_MAX];
    uint8_t len;
    uint16_t code; /* of an answer that is not forged; where EDE is told */
    uint32_t serial;
};

#define QUERY_READY_PLAIN 11u /* octets of an OPT record without options */

struct query_ready {
    unsigned views, lists; /* so many are made */
    bool ede;
    bool has_plain; /* else answers from the cache are written the general way */
    uint8_t plain[QUERY_READY_PLAIN]; /* OPT of answers from the cache */
    struct query_ready_record a[POLICY_VIEWS_MAX], aaaa[POLICY_VIEWS_MAX];
    uint8_t soa[QUERY_READY_SOA];
    struct query_ready_opt opts[POLICY_LISTS_MAX];
};

/* For all answers by this policy and these settings. */
void query_ready_make(struct query_ready *ready, const struct policy *policy,
                      const struct query_settings *settings);

#endif
