/*
 * export/limits.h - bounds of what is written in other formats and read from them, and why.
 */
#ifndef CORDON_EXPORT_LIMITS_H
#define CORDON_EXPORT_LIMITS_H

/* Octets of an authority's name in the name of a zone: the names of rules need the room. */
#define EXPORT_AUTHORITY_LABEL_MAX 40u

/* Octets of a database of the cdb format: its pointers have 32 bits. */
#define EXPORT_CDB_OCTETS_MAX 0xffffffffull

/* Octets of a response policy zone that is read: as many as a list may have. */
#define EXPORT_RPZ_OCTETS_MAX (256u << 20)

/* Octets of one record, its lines joined: a TXT record of 64 KiB is no policy. */
#define EXPORT_RPZ_RECORD_MAX 16384u

/* Records of a zone that is read: as many as a list may have rules. */
#define EXPORT_RPZ_RECORDS_MAX 20000000u

/* Faults of a zone that are told one by one before the reading ends. */
#define EXPORT_RPZ_FAULTS_MAX 1000u

#endif
