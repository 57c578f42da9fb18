/*
 * trust/publisher.h - all that is signed by one publisher, brought together: the newest root,
 * its catalogue, and whether both may follow what was accepted before.
 *
 * Nothing is remembered here: whoever puts the lists in force calls trust_ratchet_note() and
 * trust_ratchet_write() first, once for all publishers, when every check has passed.
 */
#ifndef CORDON_TRUST_PUBLISHER_H
#define CORDON_TRUST_PUBLISHER_H

#include "trust/ratchet.h"

struct trust_publisher_request {
    const char *pinned;                  /* the root that the installation has */
    const char *folder;                  /* of catalogue, lists and later roots */
    const char *name;                    /* whose it must be; NULL: whoever's it is */
    const struct trust_ratchet *ratchet; /* NULL: nothing was accepted before */
    uint64_t now_s;                      /* wall clock; 0: time is not looked at */
    /* Nothing is put in force, and what was accepted before is not known: an expired root is a
     * warning. */
    bool only_looks;
};

struct trust_publisher {
    struct trust_root *root;
    struct trust_catalogue *catalogue;
    bool anew;        /* the serials that were accepted before no longer count */
    bool clock_ok;    /* false: now is before what was seen or made; nothing expires */
    uint64_t floor_s; /* the latest time that surely was: seen before, or signed */
};

/*
 * 0 and *publisher, freed by trust_publisher_free; or a code with everything reported:
 * CORDON_E_REFUSED (rollback: an older root or catalogue, a catalogue that names an older list,
 * or another text under a serial that was accepted; an expired root with anything but what was
 * accepted already), the codes of trust_root_newest and trust_catalogue_read.
 *
 * A mark stops to count when the root no longer has enough of the keys that could set it
 * (fewer than its threshold): none of what was signed by then can be played back, and a
 * fast-forward by stolen keys ends with their removal.
 */
int trust_publisher_open(const struct trust_publisher_request *request, struct report *report,
                         struct trust_publisher **publisher);
void trust_publisher_free(struct trust_publisher *publisher); /* NULL is fine */

/* Notes the publisher, and the time, in the ratchet. As trust_ratchet_note, reported. changed
 * is set, if it is not NULL, where it has to be written. */
int trust_publisher_note(const struct trust_publisher *publisher, uint64_t now_s,
                         struct trust_ratchet *ratchet, struct report *report, bool *changed);

/* From this time on (wall clock) a clock is so far past the end of what the publisher signed
 * that it says nothing about the time, and is not remembered: one wrong second of it would make
 * every clock look untrusted for years. Of several publishers the earliest counts: call
 * trust_publisher_note with now_s 0, and then trust_ratchet_see. */
uint64_t trust_publisher_until_s(const struct trust_publisher *publisher);
void trust_ratchet_see(struct trust_ratchet *ratchet, uint64_t now_s, uint64_t until_s);

/* How a text stands in time. */
enum trust_state {
    TRUST_FRESH,
    TRUST_STALE, /* past `expires`: still in force, with an alarm */
    TRUST_DEAD,  /* stale for longer than the operator bears: trust.dead says what then */
    TRUST_CLOCK_UNTRUSTED /* the clock is behind what surely was: nothing expires */
};

/* expires_s: the earliest that counts. dead_after_s: seconds from then on, UINT64_MAX: never.
 * floor_s: as in struct trust_publisher. now_s 0: fresh. */
enum trust_state trust_state_at(uint64_t expires_s, uint64_t dead_after_s, uint64_t floor_s,
                                uint64_t now_s);
const char *trust_state_word(enum trust_state state); /* "fresh", "clock untrusted" ... */

#endif
