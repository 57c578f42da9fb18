/*
 * base/histogram.h - how often which value came: fixed buckets, log-linear.
 *
 * Values below 16 have a bucket each; above, every doubling has eight, so a bucket is at most
 * an eighth as wide as its values are large. Adding costs a count of leading zeros and two
 * additions. Plain data of one thread: others work on copies.
 */
#ifndef CORDON_BASE_HISTOGRAM_H
#define CORDON_BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

/* Up to 2^27 - 1: in microseconds two minutes, many times a question's patience. */
#define HISTOGRAM_VALUE_MAX ((1u << 27) - 1)
#define HISTOGRAM_BUCKETS   200u

struct histogram {
    uint64_t count[HISTOGRAM_BUCKETS];
    uint64_t sum; /* of the values, none of them cut */
};

/* hot. Adds a value so many times; above HISTOGRAM_VALUE_MAX it goes into the last bucket. */
void histogram_add(struct histogram *histogram, uint64_t value, uint64_t times);

/* Adds all that is in from. */
void histogram_merge(struct histogram *to, const struct histogram *from);

/* The bucket of a value, and the largest value of a bucket (its smallest is one above that of
 * the bucket before). */
size_t histogram_bucket(uint64_t value);
uint64_t histogram_upper(size_t bucket);

/* How many values there are, and how many of them are in buckets whose largest value is at most
 * this one: exact for the largest value of a bucket, else a little low. */
uint64_t histogram_total(const struct histogram *histogram);
uint64_t histogram_at_most(const struct histogram *histogram, uint64_t value);

/*
 * The value that per_mille of 1000 do not exceed (500: the median), by nearest rank, rounded up
 * to the largest value of its bucket: never too low, at most an eighth too high. 0 if empty.
 */
uint64_t histogram_quantile(const struct histogram *histogram, unsigned per_mille);

#endif
