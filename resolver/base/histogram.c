#include "base/histogram.h"

#define SUB_BITS 3u /* eight buckets for each doubling */
#define SUB      (1u << SUB_BITS)

/* hot */
size_t histogram_bucket(uint64_t value)
{
    if (value < SUB) {
        return (size_t)value;
    }
    if (value > HISTOGRAM_VALUE_MAX) {
        value = HISTOGRAM_VALUE_MAX;
    }
    /* The leading bit says which doubling; the SUB_BITS behind it, which part of it. */
    const unsigned shift = 63u - (unsigned)__builtin_clzll(value) - SUB_BITS;
    return (size_t)(SUB * shift + (value >> shift));
}

uint64_t histogram_upper(size_t bucket)
{
    if (bucket < 2 * SUB) {
        return bucket;
    }
    const unsigned shift = (unsigned)(bucket / SUB) - 1;
    return ((uint64_t)(bucket % SUB + SUB + 1) << shift) - 1;
}

_Static_assert(HISTOGRAM_VALUE_MAX >> 23 == 2 * SUB - 1 &&
                   HISTOGRAM_BUCKETS == SUB * 23 + 2 * SUB,
               "the largest value is that of the last bucket");

/* hot */
void histogram_add(struct histogram *histogram, uint64_t value, uint64_t times)
{
    histogram->count[histogram_bucket(value)] += times;
    histogram->sum += value * times;
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        to->count[i] += from->count[i];
    }
    to->sum += from->sum;
}

uint64_t histogram_total(const struct histogram *histogram)
{
    uint64_t total = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        total += histogram->count[i];
    }
    return total;
}

uint64_t histogram_at_most(const struct histogram *histogram, uint64_t value)
{
    uint64_t total = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS && histogram_upper(i) <= value; i++) {
        total += histogram->count[i];
    }
    return total;
}

uint64_t histogram_quantile(const struct histogram *histogram, unsigned per_mille)
{
    const uint64_t total = histogram_total(histogram);
    uint64_t rank = total / 1000 * per_mille + (total % 1000 * per_mille + 999) / 1000;
    size_t bucket = 0;

    if (total == 0) {
        return 0;
    }
    if (rank == 0) {
        rank = 1;
    }
    while (bucket + 1 < HISTOGRAM_BUCKETS && rank > histogram->count[bucket]) {
        rank -= histogram->count[bucket++];
    }
    return histogram_upper(bucket);
}
