/*
 * audit/frame.h - what a file of the log is made of: a head, then frames.
 *
 * A frame is "CRDK", its kind and the octets of its content (32 bits each), and the content.
 */
#ifndef CORDON_AUDIT_FRAME_H
#define CORDON_AUDIT_FRAME_H

#include "audit/block.h"
#include "audit/files.h"
#include "audit/tree.h"

#define AUDIT_FRAME_OCTETS 12u

enum audit_frame_kind {
    AUDIT_FRAME_BLOCK = 1,      /* header and body */
    AUDIT_FRAME_CHECKPOINT = 2, /* the signed note, and BLAKE2b-256 of it */
    AUDIT_FRAME_REMOVED = 3     /* the header of a block whose body was removed */
};

void audit_frame_put(enum audit_frame_kind kind, uint32_t len, uint8_t out[AUDIT_FRAME_OCTETS]);
/* False if it is none, or its length cannot be that of its kind. */
bool audit_frame_get(const uint8_t octets[AUDIT_FRAME_OCTETS], enum audit_frame_kind *kind,
                     uint32_t *len);

/* What the log has come to: all that is needed to go on with it. */
struct audit_state {
    struct audit_tree tree;             /* leaves: headers of blocks */
    uint8_t previous[DIGEST_OCTETS];    /* leaf of the newest; zero octets: none */
    uint64_t events[AUDIT_STREAMS + 1]; /* of each stream, by its number */
    uint64_t sealed_us;                 /* of the newest block */
};

/* Follows on with one block. Nothing is checked. */
void audit_state_add(struct audit_state *state, const struct audit_header *header,
                     const uint8_t octets[AUDIT_HEADER_OCTETS]);

/* The head of a file has the state before it, so that one file can be read, and gone on with,
 * without the others. */
#define AUDIT_FILE_HEAD_MAX (104u + AUDIT_TREE_LEVELS * DIGEST_OCTETS + DIGEST_OCTETS)
struct audit_file_head {
    uint32_t number;
    uint8_t log[AUDIT_LOG_ID_OCTETS];
    struct audit_state state;
};
/* Returns the length. */
size_t audit_file_head_put(const struct audit_file_head *head,
                           uint8_t out[AUDIT_FILE_HEAD_MAX]);
/* 0 and *used; CORDON_E_CORRUPT. */
int audit_file_head_get(const uint8_t *octets, size_t len, struct audit_file_head *out,
                        size_t *used);

/* Reads the files of a log in turn; constant memory. */
struct audit_reader; /* opaque */

enum audit_item_kind {
    AUDIT_ITEM_FILE,       /* a file begins: head */
    AUDIT_ITEM_BLOCK,      /* header, octets */
    AUDIT_ITEM_REMOVED,    /* the same of a block without its body */
    AUDIT_ITEM_CHECKPOINT, /* text; its digest has been looked at */
    AUDIT_ITEM_BAD,        /* octets that are none of these, up to the end of the file; at and
                            * end are 0: it is no file, but a link, a pipe or a folder */
    AUDIT_ITEM_SHORT,      /* the file ends inside of a frame */
    AUDIT_ITEM_MISSING,    /* there is no such file, but later ones */
    AUDIT_ITEM_END
};

struct audit_item {
    enum audit_item_kind kind;
    uint32_t file; /* number */
    uint64_t at;   /* where it begins in the file */
    uint64_t end;
    struct audit_file_head head;
    uint16_t version; /* of a BAD one that is a file of another version of the format, else 0 */
    struct audit_header header;
    uint8_t octets[AUDIT_HEADER_OCTETS];
    const char *text; /* borrowed until the next */
    size_t len;
};

/* files is borrowed. NULL: no memory. */
struct audit_reader *audit_reader_create(const struct audit_files *files, uint32_t first_file);
void audit_reader_destroy(struct audit_reader *reader); /* NULL is fine */

/* The next item; after BAD, SHORT and MISSING comes the next file. 0; -errno: it could not be
 * read, and asking again tries again. */
int audit_reader_next(struct audit_reader *reader, struct audit_item *item);

/* The first `want` octets of the body of the block that came last; borrowed until the next call
 * of this or the above. 0; -errno; CORDON_E_CORRUPT: the file has become shorter. */
int audit_reader_body(struct audit_reader *reader, const struct audit_item *item, size_t want,
                      const uint8_t **body);

/* Octets of the body from `from` to `to` into memory of the caller, for whoever reads several
 * bodies at a time. 0; -errno; CORDON_E_CORRUPT: the file has become shorter. */
int audit_reader_part(struct audit_reader *reader, const struct audit_item *item, size_t from,
                      size_t to, uint8_t *out);

/* Goes on at an item that was read before (its file and place), or behind one: the file is
 * looked at anew, so what has been added to it meanwhile is read, too. 0; -errno: -ENOENT if
 * there is no such file any more. */
int audit_reader_seek(struct audit_reader *reader, uint32_t file, uint64_t at);

/* After BAD: goes on with the next octets of that file, behind the item, that are a whole frame
 * of a block. False: there are none. Reads no more than the file. */
bool audit_reader_find(struct audit_reader *reader, const struct audit_item *bad);

#endif
