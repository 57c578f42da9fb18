/*
 * update/limits.h - bounds of what a source may do to the updater, and why.
 */
#ifndef CORDON_UPDATE_LIMITS_H
#define CORDON_UPDATE_LIMITS_H

/* Redirects followed for one file: a move, a language and a mirror, and two to spare. */
#define UPDATE_REDIRECTS_MAX 5u

/* Octets of all header lines for one file, redirects included: real ones have less than 4 KiB.
 */
#define UPDATE_HEADER_OCTETS_MAX 65536u

/* Octets of an entity tag or a date that is remembered; a longer one is not. */
#define UPDATE_VALIDATOR_MAX 256u

/* A source sends at least so many octets a second over update.stalled, or is given up. */
#define UPDATE_SLOWEST_PER_S 1024u

/* Seconds that all files of one source may take together, and the last of them: a source that
 * is just fast enough for each must not hold up the others for a day. Or update.timeout, where
 * that is longer. What has come is kept. */
#define UPDATE_SOURCE_S 1200u

/* Waits between the rounds of one run: the first, and the longest. */
#define UPDATE_ROUND_WAIT_MS      1000u
#define UPDATE_ROUND_WAIT_MOST_MS 30000u

/* Rounds over all sources in one run, unless --attempts says otherwise. */
#define UPDATE_ROUNDS_STANDARD 3u
#define UPDATE_ROUNDS_MAX      10u

/* A source that has failed comes last for so long: after the first failure, and at most, unless
 * it asks for more by itself (Retry-After), which is heard up to a day. */
#define UPDATE_LAST_S            60u
#define UPDATE_LAST_MOST_S       21600u
#define UPDATE_RETRY_AFTER_MAX_S 86400u

/* After a run without success --every comes back sooner: after so long, doubled each time. */
#define UPDATE_SOON_S 60u

/* Times a file is begun anew because what had come before did not fit. */
#define UPDATE_ANEW_MAX 1u

/* Octets of the journal before it becomes journal.1, which replaces the one before: years of
 * runs that find something, months of verdicts at their longest. */
#define UPDATE_JOURNAL_OCTETS_MAX (4u << 20)

#define UPDATE_JOURNAL_FILE "journal"

/* Octets of one line of it; what a verdict has more is cut to its summary. */
#define UPDATE_LINE_MAX (256u << 10)

/* Octets of what is remembered of the sources of a publisher. */
#define UPDATE_MEMORY_OCTETS_MAX 65536u

/* Octets of a message about a source. */
#define UPDATE_WHY_MAX 512u

#endif
