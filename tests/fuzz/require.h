/*
 * A promise that a fuzz target checks: aborts, so that the fuzzer keeps the input.
 */
#ifndef CORDON_TESTS_FUZZ_REQUIRE_H
#define CORDON_TESTS_FUZZ_REQUIRE_H

#include <stdio.h>
#include <stdlib.h>

#define require(condition)                                                          \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                \
        }                                                                           \
    } while (0)

#endif
