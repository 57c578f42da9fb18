/*
 * local/limits.h - bounds of what the operator says about names, and why.
 */
#ifndef CORDON_LOCAL_LIMITS_H
#define CORDON_LOCAL_LIMITS_H

/* Pairs of a name and an address, over configuration and hosts files: a large site's machines.
 * A list of names to block is larger, but belongs into a signed list. */
#define LOCAL_RECORDS_MAX 100000u

/* Addresses of one name and family: 32 of IPv6 fill three quarters of a datagram. */
#define LOCAL_ADDRESSES_MAX 32u

/* A hosts file: 100,000 lines of the longest that people write. */
#define LOCAL_HOSTS_OCTETS_MAX (16u << 20)

#endif
