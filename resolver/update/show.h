/*
 * update/show.h - what people are told.
 */
#ifndef CORDON_UPDATE_SHOW_H
#define CORDON_UPDATE_SHOW_H

#include "update/run.h"

#include <stdio.h>

/* What became of one publisher, on out; what was wrong on standard error. quiet: only that, and
 * what was put in force. */
void update_show_result(const struct update_options *options,
                        const struct update_result *result, bool quiet, FILE *out);

/* `cordon-update status` and `history`: exit codes. Nothing is changed, and no lock is needed.
 */
int update_show_status(const struct update_options *options, bool json);
int update_show_history(const struct update_options *options, unsigned count, bool json);

#endif
