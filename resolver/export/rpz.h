/*
 * export/rpz.h - response policy zones: one for each list, so that its name, its serial and the
 * Extended DNS Error that a resolver ties to it say on which basis it stands.
 *
 * What is said within one zone never contradicts the others: names that another list's rule
 * decides stand in it where they lie below one of its own, so the order of zones does not
 * matter. A wildcard does not cover names that exist in a zone, nor those above them (RFC
 * 4592), and some engines see it otherwise: so all of them stand there.
 */
#ifndef CORDON_EXPORT_RPZ_H
#define CORDON_EXPORT_RPZ_H

#include "export/job.h"

#define EXPORT_RPZ_ORIGIN "rpz.cordon.internal"

/*
 * The name of the list's zone, without the final dot: its id, the authority of its legal
 * status, the origin: "huawei-cloud.bureau-of-industry-and-security-us.rpz.cordon.internal".
 * CORDON_E_TOO_LARGE if origin leaves no room for it.
 */
int export_rpz_name(const struct policy_list *list, const char *origin,
                    char out[WIRE_NAME_TEXT_MAX]);

/* Writes the zone of list index to job->out. 0; -ENOMEM; CORDON_E_TOO_LARGE if the zone's name
 * leaves no room for a name that is let through, which a wildcard would block. *serial is that
 * of its SOA: the list's, or a higher one of a list that has a word in the zone. */
int export_rpz_zone(struct export_job *job, size_t index, const char *zone, uint32_t *serial);

/* What remains to be told once for all zones: log rules, and what no zone has. */
void export_rpz_lose(struct export_job *job);

/* What one zone is for the files that name all of them. */
struct export_rpz_entry {
    const struct policy_list *list;
    char zone[WIRE_NAME_TEXT_MAX];
    char path[4096];
};

/* How a program is told of the zones. */
struct export_rpz_setup {
    const char *file; /* "unbound.conf" */
    void (*write)(FILE *out, const struct export_set *set,
                  const struct export_rpz_entry *entries, size_t count);
};
/* By index; NULL at the end. */
const struct export_rpz_setup *export_rpz_setup_at(size_t index);

#endif
