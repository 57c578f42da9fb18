/*
 * setup/names.h - from what the configuration says of names to the table of local names.
 */
#ifndef CORDON_SETUP_NAMES_H
#define CORDON_SETUP_NAMES_H

#include "config/config.h"
#include "local/names.h"

/* Reads the zones and the hosts files. *names is NULL if nothing is said. 0, or the first code
 * with everything in the report: a record that cannot be, a file that cannot be read or, of a
 * zone, has a fault, too many names. An address leads back to the first name that has it: in
 * zones, then in records, then in hosts files. */
int setup_names(const struct config *config, struct report *report, struct local_names **names);

#endif
