/*
 * audit/limits.h - bounds of the audit log, and why. A file is read as if a stranger had made
 * it.
 */
#ifndef CORDON_AUDIT_LIMITS_H
#define CORDON_AUDIT_LIMITS_H

/* Events in a block: of few names that are asked for over and over its dictionaries are most of
 * what it takes, on the disk and in time (docs/performance.md). A thread that unpacks a full
 * one has 30 MiB of it. */
#define AUDIT_BLOCK_EVENTS_MAX 262144u

/* Octets of texts in a block's dictionaries before it is sealed: bounds the memory of the
 * writer, and what a reader unpacks. A dictionary is at most this and one event more. */
#define AUDIT_BLOCK_TEXT_MAX (8u << 20)

/* Octets of a section once unpacked: eight for each event, or a dictionary; and of all
 * dictionaries of a block together, with a length in front of each text: those of short texts
 * take half as much again as AUDIT_BLOCK_TEXT_MAX. */
#define AUDIT_SECTION_MAX (16u << 20)

/* Texts of all dictionaries of a block together: each takes eight octets beside it. No text is
 * twice in a dictionary of ours, so of texts of one octet there are 256, of two 65,536: 62
 * dictionaries of those and the rest of AUDIT_BLOCK_TEXT_MAX in longer ones are 4,166,718. */
#define AUDIT_WORDS_MAX (4u << 20)

/* Octets that a reader keeps for columns from one block to the next: twice what a full one
 * takes. */
#define AUDIT_KEPT_MAX (64u << 20)

/* Sections of a block: two for each column that a body can have, and filters. */
#define AUDIT_SECTIONS_MAX 160u

/* Octets of a block's body: real ones have half a million. */
#define AUDIT_BODY_MAX (64u << 20)

/* Octets of one text of an event: a chain of 12 names has 3,060. */
#define AUDIT_TEXT_MAX 4096u

/* Milliseconds that the writer waits for the key of a day that begins: its ring takes what
 * comes meanwhile. And at the end for what is being done to keys. */
#define AUDIT_KEYS_WAIT_MS 250u
#define AUDIT_KEYS_END_MS  2000u

/* Times, of a hundredth of a second each, that a reader waits for the end of a log to become
 * whole: one write is under way for no longer, on any machine that does what else it is for. */
#define AUDIT_READER_WAITS 25u

/* Octets of one event in its canonical form. */
#define AUDIT_EVENT_MAX 16384u

/* Octets of a checkpoint with its signatures: sixteen are 2,000, lists and witnesses more. */
#define AUDIT_CHECKPOINT_MAX 16384u

/* Extension lines of a checkpoint: one for each list that can be in force, and some. */
#define AUDIT_CHECKPOINT_LINES_MAX 160u

/* Octets of a stand-alone proof: the checkpoint, 64 digests, 75 of the block, and an event:
 * 45,840. */
#define AUDIT_PROOF_MAX 65536u

/* Digests of a consistency proof, as c2sp.org/tlog-witness bounds them. */
#define AUDIT_REQUEST_PROOF_MAX 63u

/* Octets of what a log asks of a witness: its first line, 63 digests, a checkpoint. */
#define AUDIT_REQUEST_MAX 20480u

/* Octets of what a witness answers: a signature line of each of its keys. */
#define AUDIT_ANSWER_MAX 8192u

/* Logs that one witness knows: each is a file that is read where all are shown. */
#define AUDIT_WITNESS_LOGS_MAX 10000u

/* Checkpoints with signatures of witnesses that are kept beside a log: one each hour for seven
 * years. Of more, the newest are looked at. */
#define AUDIT_COSIGNED_MAX 65536u

/* Of these, the newest that are looked at for a signature of each witness: one that has not
 * signed any of so many has lost touch. */
#define AUDIT_COSIGNED_LOOK_MAX 512u

/* Threads that verify bodies of blocks: each has one at hand and another in memory. */
#define AUDIT_VERIFY_THREADS_MAX 8u

/* Octets of a body that is handed to one of them: bodies of cordond have half a million. Longer
 * ones are verified where they are read, one at a time, so that a file that was made to
 * need memory needs no more of it. */
#define AUDIT_VERIFY_BODY_MAX (4u << 20)

/* Witnesses that are counted at once. */
#define AUDIT_WITNESSES_MAX 32u

/* Octets that are sealed and not yet safe on the disk. Above, events are counted as lost. */
#define AUDIT_PENDING_MAX (32u << 20)

/* Octets of events that wait for a log that is not open: a predecessor has it for some seconds,
 * in which two workers record some 100,000 questions. */
#define AUDIT_BACKLOG_MAX (32u << 20)

/* Logs below one folder: another is begun only where one is damaged. */
#define AUDIT_LOGS_MAX 1000u

/* Threads that unpack blocks for one search: each has some tens of megabytes, and the one that
 * reads and shows keeps no more of them busy. */
#define AUDIT_SEARCH_THREADS_MAX 8u

/* Blocks of one file whose places a search from the newest on keeps: 8 octets each. A file of
 * 64 MiB with blocks of one event has 100,000. */
#define AUDIT_SEARCH_PLACES_MAX (1u << 22)

/* Milliseconds that the end of the process waits for a disk that hangs: below what systemd
 * waits (TimeoutStopSec), with room for what comes before. */
#define AUDIT_END_MS 5000u

/* Records that are remembered beside what followed from them (repeat.h), and octets of each:
 * 4 MiB. Ten thousand names are asked for over and over by an office; a name and the text of
 * its rule with more than some 120 octets together are not among them. */
#define AUDIT_REPEATS       16384u
#define AUDIT_REPEAT_OCTETS 256u

#endif
