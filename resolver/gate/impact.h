/*
 * gate/impact.h - whom a change would hit: the questions that were recorded, decided anew by
 * what is in force and by what may follow.
 *
 * What is recorded of a question is its name, its client and its view; and, where a rule
 * matched, what its answer led to. Where other answers lead to is not known. Memory is bounded;
 * the log is read once, and whatever it holds is taken for a stranger's.
 */
#ifndef CORDON_GATE_IMPACT_H
#define CORDON_GATE_IMPACT_H

#include "audit/files.h"
#include "gate/sides.h"

struct gate_impact_request {
    const struct gate_sides *sides;
    const struct audit_files *log;
    uint64_t from_us, to_us;     /* wall clock; both included */
    const struct report *report; /* told how far it is; NULL: nobody is */
};

/* A name that was asked for, and is newly blocked. */
struct gate_impact_name {
    struct wire_name name;
    struct wire_name via;        /* what is blocked, where it is not the name itself */
    struct address address;      /* the same, of an address; family 0: none */
    enum policy_trigger trigger; /* QNAME, or what via or address are */
    unsigned view, variant;      /* where it was asked first */
    uint64_t questions, clients; /* clients: those that are told apart */
    uint64_t first_us, last_us;
};

struct gate_impact {
    uint64_t questions; /* recorded, that could be decided */
    uint64_t matched;   /* events of matched rules, that could be decided */
    uint64_t undecided; /* events that could not: no name, or an unknown view and client */
    uint64_t damaged;   /* blocks, or ends of files, that could not be read */
    uint64_t first_us, last_us; /* of what was decided */
    uint64_t hit;            /* questions newly blocked; of matched, where none is recorded */
    uint64_t names, clients; /* with such questions; */
    bool names_more, clients_more; /* or more, since no more are told apart */
    bool pseudonyms;               /* a client is another one each day */
    struct gate_impact_name *top;  /* the most asked first */
    size_t top_count;
};

/* 0 and *impact, freed by gate_impact_deinit; -errno of the log; -ENOMEM. */
int gate_impact_run(const struct gate_impact_request *request, struct gate_impact *impact);
void gate_impact_deinit(struct gate_impact *impact);

#endif
