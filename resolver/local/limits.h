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

/* Zones written down whole; beyond that a name server of their own serves them better. */
#define LOCAL_ZONES_MAX 64u

/* Names in all zones, with those that only stand between others: four for each record, in
 * 16 MiB. A name of 127 labels would make as many. */
#define LOCAL_ZONE_NAMES_MAX (4u * LOCAL_RECORDS_MAX)

/* Records and names as octets: 100,000 records of 600 octets. */
#define LOCAL_ZONE_OCTETS_MAX (64u << 20)

/* Records of one name in a zone: 256 addresses are 4 KiB, far beyond what clients look at;
 * walking them costs microseconds. Their octets fit into a message of 64 KiB over TCP, with
 * 14 octets each for what stands before them, behind 12 aliases of 530 octets. */
#define LOCAL_ZONE_NAME_RECORDS_MAX 256u
#define LOCAL_ZONE_NAME_OCTETS_MAX  (48u << 10)

/* Aliases (CNAME) one behind the other inside of the zones: as many as of an answer from
 * elsewhere. */
#define LOCAL_ZONE_ALIASES_MAX 11u

/* A file of a zone, and a hosts file: 100,000 lines of the longest that people write. */
#define LOCAL_HOSTS_OCTETS_MAX (16u << 20)

#endif
