/*
 * update/store.h - the folder of the updater: versions of what publishers ship, and which is in
 * force.
 *
 *   DIRECTORY/lock                        held while somebody changes anything below
 *   DIRECTORY/trust.ratchet, journal
 *   DIRECTORY/PUBLISHER/current           a link to the version in force: versions/SERIAL-HASH
 *   DIRECTORY/PUBLISHER/versions/         whole folders, never changed; same files are hard
 * links DIRECTORY/PUBLISHER/candidate/        what is put together, or was and has been refused
 *   DIRECTORY/PUBLISHER/incoming/         parts of files
 *   DIRECTORY/PUBLISHER/sources.json      what is known of the sources (update/memory.h)
 *
 * One rename makes a candidate a version, one rename puts it in force: whoever is killed at any
 * instant leaves the version before or the next one in force, whole, and the next run goes on.
 */
#ifndef CORDON_UPDATE_STORE_H
#define CORDON_UPDATE_STORE_H

#include "base/report.h"
#include "trust/catalogue.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* "4294967295-0123456789abcdef" and a zero. */
#define UPDATE_VERSION_MAX 32u

struct update_store {
    char directory[PATH_MAX];
    int lock; /* descriptor */
};

/* The folders of one publisher. */
struct update_place {
    char base[PATH_MAX], current[PATH_MAX], versions[PATH_MAX];
    char candidate[PATH_MAX], incoming[PATH_MAX];
};

/* Writes a path. False if it is longer than one may be. */
bool update_path(char out[PATH_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Makes the folder if there is none, and takes the lock. 0; -EBUSY if another process has it;
 * -errno; reported.
 */
int update_store_open(const char *directory, struct report *report, struct update_store *store);
void update_store_close(struct update_store *store);

/* Paths alone. False if they would be too long. */
bool update_place_name(const char *directory, const char *publisher,
                       struct update_place *place);
/* The same, and makes what is missing; removes what a run that was killed has left. 0 or
 * -errno, reported. */
int update_place_open(const struct update_store *store, const char *publisher,
                      struct report *report, struct update_place *place);

/* The name of the version that `current` leads to; "" if it leads elsewhere, or is not there.
 */
void update_place_in_force(const struct update_place *place, char version[UPDATE_VERSION_MAX]);

/*
 * Makes the candidate outlast a power failure, and a version of that serial; one that is there
 * already, octet by octet, is taken instead. 0 or -errno, reported; then the candidate is as
 * it was.
 */
int update_place_keep(const struct update_place *place, uint32_t serial, struct report *report,
                      char version[UPDATE_VERSION_MAX]);

/* Puts a version in force. 0 or -errno, reported; then the one before is. */
int update_place_switch(const struct update_place *place, const char *version,
                        struct report *report);

/* Removes all versions but the one in force and the newest of the others, keep in all; and
 * parts of files. */
void update_place_prune(const struct update_place *place, unsigned keep);

/* Versions, the newest first: at most max names; how many there are. */
size_t update_place_list(const struct update_place *place, char (*names)[UPDATE_VERSION_MAX],
                         size_t max);

/* A file as it is, in another folder: a hard link, or a copy where that cannot be. Replaces
 * what is there. 0 or -errno. */
int update_store_copy(const char *from, const char *to);

/* Removes the files of a folder for which unwanted says so (NULL: all). */
void update_store_clear(const char *folder, bool (*unwanted)(const char *name, void *context),
                        void *context);

#endif
