/* histogram.h - how often a quantity fell into which range, counted from any thread.
 *
 * Buckets have upper bounds, inclusive, ascending; what is above all of them falls into the
 * last one, which has none. Counts only grow. A reader sees each number by itself: a sum may be
 * ahead of the counts by what is just being added. */
#ifndef VS_FORMATS_BASE_HISTOGRAM_H
#define VS_FORMATS_BASE_HISTOGRAM_H
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define VS_HISTOGRAM_BOUNDS 15

struct vs_histogram {
    const uint64_t *bounds;                           /* n of them; static memory */
    size_t n;                                         /* at most VS_HISTOGRAM_BOUNDS */
    _Atomic uint64_t counts[VS_HISTOGRAM_BOUNDS + 1]; /* of each bucket by itself */
    _Atomic uint64_t sum;
};

static inline void vs_histogram_add(struct vs_histogram *h, uint64_t value)
{
    size_t i = 0;
    while (i < h->n && value > h->bounds[i])
        i++;
    atomic_fetch_add_explicit(&h->counts[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum, value, memory_order_relaxed);
}
#endif
