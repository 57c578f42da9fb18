/*
 * config/octets.h - what may stand in a configuration file before anybody asks what it means.
 */
#ifndef CORDON_CONFIG_OCTETS_H
#define CORDON_CONFIG_OCTETS_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * UTF-8 without control characters; lines end with LF or CR LF. Reports what else there is. A
 * tab is reported and made a space in place, so that the rest can still be checked; true then.
 * False: the octets cannot be read any further.
 */
bool config_check_octets(char *text, size_t len, const char *file, struct report *report);

/* True if the text, of one value, is UTF-8 and has nothing in it that a file may not have, and
 * no newline or tab: escapes in double quotes can make such. */
bool config_text_is_clean(const char *text, size_t len);

#endif
