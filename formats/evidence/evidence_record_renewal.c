/* Records of any length and algorithm: trees, archive time-stamps, chains, sequences. */
#include "formats/crypto/algorithms.h"
#include "formats/crypto/der.h"
#include "formats/evidence/evidence_record.h"
#include <stdlib.h>

/* -- trees --------------------------------------------------------------------------------- */

static int compare_views(const void *a, const void *b)
{
    return vs_bytes_compare(*(const struct vs_bytes *)a, *(const struct vs_bytes *)b);
}

/* Sorted, joined, hashed; one alone stays as it is (RFC 4998, 4.2, step 3). */
static void join_digests(enum vs_digest_algorithm algorithm, const struct vs_digest *digests,
                         size_t n, struct vs_digest *ret)
{
    VS_ASSERT(n > 0);
    if (n == 1) {
        *ret = digests[0];
        return;
    }
    struct vs_bytes *views = vs_heap_array(n, sizeof *views);
    for (size_t i = 0; i < n; i++)
        views[i] = vs_digest_bytes(&digests[i]);
    qsort(views, n, sizeof *views, compare_views);
    struct vs_digest joined;
    vs_digest_of_parts(algorithm, views, n, &joined);
    vs_heap_free(views);
    *ret = joined;
}

/* One level up, in place; a lone hash goes up as it is. */
static size_t climb(enum vs_digest_algorithm algorithm, struct vs_digest *nodes, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct vs_digest pair[2] = {nodes[2 * i], nodes[2 * i + 1]};
        join_digests(algorithm, pair, 2, &nodes[i]);
    }
    if (n % 2 == 1)
        nodes[n / 2] = nodes[n - 1];
    return n / 2 + n % 2;
}

static struct vs_digest *nodes_of(enum vs_digest_algorithm algorithm,
                                  const struct vs_record_leaf *leaves, size_t n)
{
    VS_ASSERT(n > 0);
    struct vs_digest *nodes = vs_heap_array(n, sizeof *nodes);
    for (size_t i = 0; i < n; i++)
        join_digests(algorithm, leaves[i].digests, leaves[i].n, &nodes[i]);
    return nodes;
}

void vs_record_tree(enum vs_digest_algorithm algorithm, const struct vs_record_leaf *leaves,
                    size_t n, struct vs_digest *ret)
{
    struct vs_digest *nodes = nodes_of(algorithm, leaves, n);
    while (n > 1)
        n = climb(algorithm, nodes, n);
    *ret = nodes[0];
    vs_heap_free(nodes);
}

void vs_record_renewed(enum vs_digest_algorithm algorithm, const struct vs_digest *document,
                       struct vs_bytes sequence, struct vs_digest *ret)
{
    struct vs_digest earlier, own = *document;
    vs_digest_of(algorithm, sequence, &earlier);
    struct vs_bytes parts[] = {vs_digest_bytes(&own), vs_digest_bytes(&earlier)};
    vs_digest_of_parts(algorithm, parts, 2, ret);
}

/* -- DER ----------------------------------------------------------------------------------- */

static void put_list(struct vs_buffer *to, const struct vs_digest *digests, size_t n)
{
    size_t at = vs_der_begin(to);
    for (size_t i = 0; i < n; i++)
        vs_der_put(to, VS_DER_OCTET_STRING, vs_digest_bytes(&digests[i]));
    vs_der_end(to, at, VS_DER_SEQUENCE);
}

/* The siblings on the way up; a level without one is left out. */
static void put_path(struct vs_buffer *to, enum vs_digest_algorithm algorithm,
                     const struct vs_record_place *place)
{
    size_t n = place->n, index = place->index;
    struct vs_digest *nodes = nodes_of(algorithm, place->leaves, n);
    for (; n > 1; index /= 2) {
        if ((index ^ 1) < n)
            put_list(to, &nodes[index ^ 1], 1);
        n = climb(algorithm, nodes, n);
    }
    vs_heap_free(nodes);
}

vs_rc vs_record_stamp_make(struct vs_arena *arena, enum vs_digest_algorithm algorithm,
                           const struct vs_record_place *places, size_t n_places,
                           struct vs_bytes token, struct vs_bytes *ret, struct vs_error *err)
{
    VS_BUFFER to;
    vs_buffer_init(&to, VS_RECORD_MAX_BYTES);
    VS_ASSERT(n_places > 0 && places[0].index < places[0].n);
    size_t stamp = vs_der_begin(&to);
    /* digestAlgorithm [0] IMPLICIT: the content of the AlgorithmIdentifier. */
    struct vs_der reader = vs_der_reader(vs_digest_der(algorithm));
    vs_der_put(&to, VS_DER_CONTEXT_CONSTRUCTED(0), vs_der_take(&reader, VS_DER_SEQUENCE));
    size_t tree = vs_der_begin(&to);
    const struct vs_record_leaf *first = &places[0].leaves[places[0].index];
    put_list(&to, first->digests, first->n);
    for (size_t i = 0; i < n_places; i++)
        put_path(&to, algorithm, &places[i]);
    vs_der_end(&to, tree, VS_DER_CONTEXT_CONSTRUCTED(2));
    vs_buffer_add(&to, token);
    vs_der_end(&to, stamp, VS_DER_SEQUENCE);
    return vs_buffer_copy(&to, arena, ret, err);
}

static void put_sequence(struct vs_buffer *to, const struct vs_record_link *links, size_t n)
{
    size_t sequence = vs_der_begin(to);
    for (size_t i = 0; i < n; i++) {
        size_t chain = vs_der_begin(to);
        for (size_t k = 0; k < links[i].n; k++)
            vs_buffer_add(to, links[i].stamps[k]);
        vs_der_end(to, chain, VS_DER_SEQUENCE);
    }
    vs_der_end(to, sequence, VS_DER_SEQUENCE);
}

vs_rc vs_record_sequence(struct vs_arena *arena, const struct vs_record_link *links, size_t n,
                         struct vs_bytes *ret, struct vs_error *err)
{
    VS_BUFFER to;
    vs_buffer_init(&to, VS_RECORD_MAX_BYTES);
    put_sequence(&to, links, n);
    return vs_buffer_copy(&to, arena, ret, err);
}

/* Each algorithm once (RFC 4998, 3.1: digestAlgorithms). */
static void put_algorithms(struct vs_buffer *to, const struct vs_record_link *links, size_t n)
{
    size_t at = vs_der_begin(to);
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (links[k].algorithm != links[i].algorithm)
            k++;
        if (k == i)
            vs_buffer_add(to, vs_digest_der(links[i].algorithm));
    }
    vs_der_end(to, at, VS_DER_SEQUENCE);
}

vs_rc vs_record_join(struct vs_arena *arena, const struct vs_record_link *links, size_t n,
                     struct vs_bytes *ret, struct vs_error *err)
{
    VS_BUFFER to;
    vs_buffer_init(&to, VS_RECORD_MAX_BYTES);
    size_t record = vs_der_begin(&to);
    vs_der_put_small(&to, 1);
    put_algorithms(&to, links, n);
    put_sequence(&to, links, n);
    vs_der_end(&to, record, VS_DER_SEQUENCE);
    return vs_buffer_copy(&to, arena, ret, err);
}
