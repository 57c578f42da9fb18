/*
 * setup/zones.h - from upstreams.zones to the zones of questions and the groups of servers.
 */
#ifndef CORDON_SETUP_ZONES_H
#define CORDON_SETUP_ZONES_H

#include "config/config.h"
#include "query/settings.h"
#include "upstream/forward.h"

/*
 * Adds the zones' servers behind those of upstreams, as groups, and fills zones (room for
 * QUERY_ZONES_MAX). A zone's context follows from its name and servers, so that answers of
 * other servers are not taken for theirs after a reload. A server that is this machine is left
 * out and reported; a zone that is left without one is answered SERVFAIL. 0, or
 * CORDON_E_REFUSED with the fault in the report.
 */
int setup_zones(const struct config *config, struct report *report,
                struct upstream_settings *upstreams, struct query_zone *zones, size_t *count);

/* What an enum config_choose is to upstream/. */
enum upstream_choose setup_choose(enum config_choose choose);

#endif
