/*
 * update/acknowledge.h - going on after a loss: neither file of the updater's ratchet can be
 * read, so that every run is refused until somebody has seen to it.
 */
#ifndef CORDON_UPDATE_ACKNOWLEDGE_H
#define CORDON_UPDATE_ACKNOWLEDGE_H

#include "update/journal.h"

/*
 * Begins the ratchet anew, with what is in force of each publisher, so far as it is whole:
 * nothing older than that is taken from here on. What cannot be read is kept beside it. Writes
 * down who did it, and options->reason, in the journal; prints what it did. The exit code: 0;
 * 1 where nothing is lost, another run is at work, or it cannot be written.
 */
int update_acknowledge(const struct update_options *options, const struct update_actor *actor,
                       uint64_t now_s);

#endif
