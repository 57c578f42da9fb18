/*
 * trust/ratchet.h - the highest versions and serials that were ever accepted, in a file that
 * outlives the process: what is older is refused from then on.
 *
 * The file is a text like a root, and ends with a check over itself. There are two of it, PATH
 * and PATH.copy, written one after the other, each replaced as a whole (temporary file, fsync,
 * rename, fsync of the folder) before what they remember is put in force: a process that is
 * killed at any instant leaves the old state or the new one, and one file that is damaged is no
 * loss. Where both are, nothing is begun anew by itself, since that would be the rollback that
 * they are there to stop: whoever cannot do without says so (`anew`), and the new one remembers
 * that there was a loss until an operator has seen to it.
 */
#ifndef CORDON_TRUST_RATCHET_H
#define CORDON_TRUST_RATCHET_H

#include "trust/catalogue.h"

#define TRUST_RATCHET_FILE "trust.ratchet" /* in the state directory */
#define TRUST_RATCHET_COPY ".copy"         /* behind the path: the second one */

/* What was accepted of one list, or of one file of exceptions. */
struct trust_mark_list {
    char id[TRUST_ID_MAX + 1];
    uint32_t serial;
    uint8_t hash[TRUST_HASH_OCTETS];
};

/* What was accepted of one publisher. */
struct trust_mark {
    char publisher[TRUST_ID_MAX + 1];
    uint32_t root_version;
    uint8_t root_hash[TRUST_HASH_OCTETS];
    uint32_t serial; /* of the catalogue */
    uint8_t hash[TRUST_HASH_OCTETS];
    struct trust_keyring keys;     /* the list keys of the root under which that was */
    struct trust_mark_list *lists; /* by id, ascending */
    size_t count;
};

/* What happened to the memory itself, until an operator has acknowledged it: wall clock, 0: it
 * did not. */
struct trust_alarm {
    uint64_t lost_s;      /* all that was known then could not be read, and was begun anew */
    uint64_t unwritten_s; /* lists came in force then, and could not be remembered */
};

struct trust_ratchet {
    uint32_t written; /* how often it was: tells the newer of two files */
    uint64_t seen_s;  /* the highest time ever seen; 0: none */
    struct trust_alarm alarm;
    struct trust_mark_list *files; /* of exceptions, by id; TRUST_FILES_MAX have room */
    size_t file_count;
    struct trust_mark *marks; /* by publisher, ascending; TRUST_PUBLISHERS_MAX have room */
    size_t count;
    uint8_t was[TRUST_HASH_OCTETS]; /* of the text that was read; zeros: there was no file */
    bool uneven;                    /* the two files are not the same: to be written again */
    bool anew; /* begun since neither file could be read: the write keeps these beside */
};

struct trust_ratchet *trust_ratchet_new(void); /* an empty one; NULL: no memory */

/* The ratchet at path, the newer of its two files that are whole (a damaged one beside it is a
 * warning); an empty one if there is none. Freed by trust_ratchet_free. 0; CORDON_E_CORRUPT,
 * CORDON_E_VERSION, CORDON_E_TOO_LARGE, -errno: reported with what to do. */
int trust_ratchet_read(const char *path, struct report *report, struct trust_ratchet **ratchet);
void trust_ratchet_free(struct trust_ratchet *ratchet); /* NULL is fine */

/*
 * Replaces both files; one that fails is a warning. -EAGAIN if it is no longer the one that was
 * read (another process was faster: read it again and look again at what you accept); -errno;
 * both reported. 0 once the new one will outlast a power failure. One that is begun anew takes
 * the place of files that cannot be read: these become PATH.damaged, PATH.damaged.1 and so on,
 * one only when the other is written, so that no instant leaves a folder that looks like the
 * first day's. -EAGAIN there: one can be read again.
 */
int trust_ratchet_write(struct trust_ratchet *ratchet, const char *path, struct report *report);

/* For fuzzing and tests: the text alone. */
int trust_ratchet_parse(const char *text, size_t len, const char *file, struct report *report,
                        struct trust_ratchet **ratchet);
int trust_ratchet_format(const struct trust_ratchet *ratchet, char **text, size_t *len);

/* NULL if nothing was accepted of that publisher, or of that list, so far. */
const struct trust_mark *trust_ratchet_find(const struct trust_ratchet *ratchet,
                                            const char *publisher);
const struct trust_mark_list *trust_mark_find(const struct trust_mark *mark, const char *id);

/* The same of a file of exceptions. */
const struct trust_mark_list *trust_ratchet_find_file(const struct trust_ratchet *ratchet,
                                                      const char *id);
/* Notes that this file was accepted. As trust_ratchet_note. */
int trust_ratchet_note_file(struct trust_ratchet *ratchet, const char *id, uint32_t serial,
                            const uint8_t hash[TRUST_HASH_OCTETS]);

/*
 * Notes that this root and this catalogue were accepted; anew: what was known of the
 * publisher's serials no longer counts. Nothing is written. 0; CORDON_E_LIMIT (more publishers
 * or lists than are remembered); -ENOMEM. On failure the ratchet is as it was.
 */
int trust_ratchet_note(struct trust_ratchet *ratchet, const struct trust_root *root,
                       const struct trust_catalogue *catalogue, bool anew);

#endif
