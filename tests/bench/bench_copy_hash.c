/*
 * tests/bench/bench_copy_hash.c - what reading a file into memory and hashing it costs: the
 * unit in which tests/bench/start gives the time from a start to the first answer.
 *
 * It opens the file, reads it into memory that was never touched, and takes the BLAKE2b-512 of
 * that; each time anew. Whoever starts from an image that was signed for cannot do less.
 *
 * Usage: bench_copy_hash FILE [TIMES]     prints the milliseconds of each time, a line each.
 * Exit status 1: the file cannot be read; 2: wrong usage.
 */
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>

#define OCTETS_MAX ((size_t)4 << 30)

static int copy_and_hash(const char *path)
{
    uint8_t hash[DIGEST_WIDE_OCTETS];
    struct digest digest;
    uint8_t *octets = NULL;
    size_t len = 0;
    const uint64_t began_us = clock_read().mono_us;
    const int rc = file_read(path, OCTETS_MAX, &octets, &len);

    if (rc != 0) {
        fprintf(stderr, "bench_copy_hash: %s: %s\n", path, cordon_strerror(rc));
        return 1;
    }
    digest_init(&digest, NULL, sizeof(hash));
    digest_add(&digest, octets, len);
    digest_end(&digest, hash, sizeof(hash));
    printf("%.3f\n", (double)(clock_read().mono_us - began_us) / 1000);
    free(octets);
    return 0;
}

int main(int argc, char **argv)
{
    const long times = argc > 2 ? strtol(argv[2], NULL, 10) : 1;
    int rc = 0;

    if (argc < 2 || argc > 3 || times < 1) {
        fputs("usage: bench_copy_hash FILE [TIMES]\n", stderr);
        return 2;
    }
    for (long i = 0; rc == 0 && i < times; i++) {
        rc = copy_and_hash(argv[1]);
    }
    return rc;
}
