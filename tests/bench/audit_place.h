/*
 * tests/bench/audit_place.h - what the benchmarks of the audit log share: a folder of their
 * own, a log in it, clocks. Whatever fails ends the program, with a message.
 */
#ifndef CORDON_BENCH_AUDIT_PLACE_H
#define CORDON_BENCH_AUDIT_PLACE_H

#include "audit/log.h"

#include <time.h>

void place_need(bool holds, const char *what);
double place_seconds(clockid_t clock);

/* A folder of its own below TMPDIR. */
#define PLACE_MAX 200
void place_make(char path[PLACE_MAX]);
/* 0 or 1: the exit status. */
int place_remove(const char *path);

/* Octets of the files of the log in the folder. */
uint64_t place_octets(const char *path);

/* A log of a key of its own, each write synced, for what the caller changes. secret is the
 * caller's as long as a log is open. */
void place_settings(struct trust_secret_key *secret, struct audit_log_settings *settings);

#endif
