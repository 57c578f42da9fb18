/*
 * audit/verify.h - whether a log is as it was written, and whether all of it is there.
 *
 * Needs its files and the public key, nothing else. Two verdicts: integrity (what is there is
 * what was written, in its order) and completeness (nothing is missing). Of each the first
 * fault.
 */
#ifndef CORDON_AUDIT_VERIFY_H
#define CORDON_AUDIT_VERIFY_H

#include "audit/checkpoint.h"
#include "audit/frame.h"
#include "audit/removal.h"

enum audit_fault {
    AUDIT_SOUND,
    /* Integrity. */
    AUDIT_FAULT_DAMAGED, /* octets that are nothing that a log has */
    AUDIT_FAULT_VERSION, /* a file of another version of the format */
    AUDIT_FAULT_BODY,    /* the events of a block were changed */
    AUDIT_FAULT_TREE,    /* they are not those of the header's tree */
    AUDIT_FAULT_CHAIN,   /* a block does not follow from the one before: either was changed */
    AUDIT_FAULT_ORDER,   /* a block comes again, or in another place */
    AUDIT_FAULT_TWO_WRITERS, /* of a number that another writer has given, too */
    AUDIT_FAULT_OTHER_LOG,   /* of another log */
    AUDIT_FAULT_OTHER_FILE,  /* written to another file, or an old file that was put back */
    AUDIT_FAULT_CLOCK,       /* time runs backwards, and the writer does not say so */
    AUDIT_FAULT_KEY,         /* a checkpoint that another key has signed */
    AUDIT_FAULT_SIGNATURE,   /* a checkpoint whose signature does not verify */
    AUDIT_FAULT_ROOT,        /* the blocks are not those that a checkpoint speaks of */
    AUDIT_FAULT_UNSIGNED,    /* blocks, and no checkpoint */
    /* Completeness. */
    AUDIT_FAULT_MISSING_FILE,
    AUDIT_FAULT_MISSING_BLOCKS,
    AUDIT_FAULT_MISSING_EVENTS,
    AUDIT_FAULT_CUT,        /* a checkpoint speaks of blocks behind the end */
    AUDIT_FAULT_UNFINISHED, /* the last frame is not whole */
    AUDIT_FAULT_REMOVED,    /* bodies were removed, and no signed record says so */
    AUDIT_FAULT_STALE /* the newest checkpoint is too old for a log that was not stopped */
};

/* "two-writers" */
const char *audit_fault_word(enum audit_fault fault);

struct audit_finding {
    enum audit_fault fault; /* AUDIT_SOUND: none */
    uint32_t file;
    uint64_t at;       /* in the file */
    uint64_t from, to; /* blocks */
    char text[256];    /* a sentence */
};

/* A checkpoint that somebody else has kept. */
struct audit_outside {
    const char *text;
    size_t len;
};

struct audit_verify_options {
    const struct trust_note_key *key;
    bool deep;        /* unpack each block and make its tree anew */
    unsigned threads; /* that verify bodies beside the caller; 0: none. Same verdicts. */
    /* Checkpoints from elsewhere: a witness, a syslog server. Those that the key has not signed
     * are a fault. */
    const struct audit_outside *outside;
    size_t outside_count;
    uint64_t now_us, age_us; /* age_us not 0: how old the newest checkpoint may be */
    void (*progress)(void *context, uint32_t file, uint64_t at); /* NULL: none */
    void *context;
};

/* Removals of one stream and cause, as the log says. */
struct audit_told_removal {
    uint64_t acts, events;
    uint64_t time_us, until_s; /* of the newest; its newest event */
};

/* One that somebody asked for. */
#define AUDIT_ACTS_MAX 16u
struct audit_act {
    uint64_t time_us, count;
    uint64_t until_s; /* the newest event that was removed */
    uint8_t stream;   /* 0: not events, but keys of pseudonyms */
    char user[33], reason[161];
};

struct audit_verdict {
    struct audit_finding integrity, completeness;
    uint64_t files, blocks, checkpoints;
    uint64_t signed_blocks; /* that a checkpoint covers; those behind it are not proven */
    uint64_t events[AUDIT_STREAMS + 1];
    uint64_t gap_events;    /* that the log itself says are missing */
    uint64_t gaps, removed; /* records of gaps; blocks whose bodies are gone, as recorded */
    uint64_t first_us, last_us;
    uint64_t checkpoint_us; /* of the newest checkpoint */
    bool stopped;           /* the last change is a stop, and a checkpoint covers it */
    uint64_t unended;       /* runs after which another one began without a stop */
    struct audit_told_removal told[AUDIT_STREAMS + 1][AUDIT_REMOVED_CAUSES];
    uint64_t keys_destroyed;
    uint64_t
        act_count; /* of which the newest AUDIT_ACTS_MAX are in acts, number n at n mod that */
    struct audit_act acts[AUDIT_ACTS_MAX];
};

/* 0, or -errno if it could not be read: then there is no verdict. */
int audit_verify(const struct audit_files *files, const struct audit_verify_options *options,
                 struct audit_verdict *verdict);

#endif
