/*
 * export/formats.h - the formats in which other programs take a policy.
 *
 * Each writer never blocks what cordon would let through; what it cannot express it blocks less
 * or answers otherwise, and tells so by export_lose(). The same lists give the same octets.
 */
#ifndef CORDON_EXPORT_FORMATS_H
#define CORDON_EXPORT_FORMATS_H

#include "export/job.h"

struct export_format {
    const char *name;
    /* Writes job->out. 0 or a negative code; faults of the stream are the caller's to see. Not
     * to be called but by export_format_write(). */
    int (*write)(struct export_job *job);
    bool is_octets; /* not text */
    const char *help;
};

/*
 * Writes the format. CORDON_E_REFUSED, after telling the rules, if a list lets clients through
 * with all that they ask: no format knows clients, so each would block more than the lists.
 */
int export_format_write(const struct export_format *format, struct export_job *job);

/* By name; NULL if there is none. "rpz" is none of them: it is a folder (export/rpz.h). */
const struct export_format *export_format_find(const char *name);
/* By index; NULL at the end. */
const struct export_format *export_format_at(size_t index);

int export_hosts(struct export_job *job);   /* flat.c */
int export_domains(struct export_job *job); /* flat.c */
int export_dnsmasq(struct export_job *job);
int export_unbound(struct export_job *job);
int export_adguard(struct export_job *job);
int export_cdb(struct export_job *job);

#endif
