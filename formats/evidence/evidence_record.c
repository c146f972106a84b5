#include "formats/evidence/evidence_record.h"
#include "formats/crypto/algorithms.h"
#include "formats/crypto/der.h"
#include <stdlib.h>

/* -- the tree of a batch ------------------------------------------------------------------- */

static int compare_hash(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct vs_hash));
}

static struct vs_hash hash_pair(const struct vs_hash *a, const struct vs_hash *b)
{
    bool ordered = compare_hash(a, b) <= 0;
    uint8_t joined[64];
    struct vs_hash hash;
    memcpy(joined, ordered ? a : b, 32);
    memcpy(joined + 32, ordered ? b : a, 32);
    vs_sha256(VS_BYTES(joined, sizeof joined), hash.bytes);
    return hash;
}

/* RFC 4998, 4.2, step 3: a group's hashes sorted, joined, hashed; one alone stays as it is. */
static struct vs_hash group_hash(const struct vs_record_group *group)
{
    VS_ASSERT(group->n > 0);
    if (group->n == 1)
        return group->digests[0];
    if (group->n == 2)
        return hash_pair(&group->digests[0], &group->digests[1]);
    struct vs_hash *sorted = vs_heap_array(group->n, sizeof *sorted), hash;
    memcpy(sorted, group->digests, group->n * sizeof *sorted);
    qsort(sorted, group->n, sizeof *sorted, compare_hash);
    vs_sha256(VS_BYTES(sorted, group->n * sizeof *sorted), hash.bytes);
    vs_heap_free(sorted);
    return hash;
}

/* One level of the tree above `nodes`, in place; a lone hash goes up as it is. */
static size_t climb(struct vs_hash *nodes, size_t n)
{
    for (size_t i = 0; i < n / 2; i++)
        nodes[i] = hash_pair(&nodes[2 * i], &nodes[2 * i + 1]);
    if (n % 2 == 1)
        nodes[n / 2] = nodes[n - 1];
    return n / 2 + n % 2;
}

static struct vs_hash *leaves_of(const struct vs_record_group *groups, size_t n)
{
    VS_ASSERT(n > 0);
    struct vs_hash *nodes = vs_heap_array(n, sizeof *nodes);
    for (size_t i = 0; i < n; i++)
        nodes[i] = group_hash(&groups[i]);
    return nodes;
}

struct vs_hash vs_record_root(const struct vs_record_group *groups, size_t n)
{
    struct vs_hash *nodes = leaves_of(groups, n);
    while (n > 1)
        n = climb(nodes, n);
    struct vs_hash root = nodes[0];
    vs_heap_free(nodes);
    return root;
}

static void put_list(struct vs_buffer *to, const struct vs_hash *hashes, size_t n)
{
    size_t at = vs_der_begin(to);
    for (size_t i = 0; i < n; i++)
        vs_der_put(to, VS_DER_OCTET_STRING, VS_BYTES(hashes[i].bytes, 32));
    vs_der_end(to, at, VS_DER_SEQUENCE);
}

static void put_path(struct vs_buffer *to, const struct vs_record_group *groups, size_t n,
                     size_t index)
{
    struct vs_hash *nodes = leaves_of(groups, n);
    put_list(to, groups[index].digests, groups[index].n);
    for (; n > 1; index /= 2) {
        /* A level without a sibling is left out. */
        if ((index ^ 1) < n)
            put_list(to, &nodes[index ^ 1], 1);
        n = climb(nodes, n);
    }
    vs_heap_free(nodes);
}

vs_rc vs_record_make(struct vs_arena *arena, const struct vs_record_group *groups, size_t n,
                     size_t index, struct vs_bytes token, struct vs_bytes *ret,
                     struct vs_error *err)
{
    VS_ASSERT(index < n);
    struct vs_bytes sha256 = vs_digest_der(VS_SHA256);
    VS_BUFFER to;
    vs_buffer_init(&to, VS_RECORD_MAX_BYTES);
    size_t record = vs_der_begin(&to);
    vs_der_put_small(&to, 1);
    vs_der_put(&to, VS_DER_SEQUENCE, sha256);
    size_t sequence = vs_der_begin(&to), chain = vs_der_begin(&to), stamp = vs_der_begin(&to);
    /* digestAlgorithm [0] IMPLICIT: the content of the AlgorithmIdentifier. */
    struct vs_der reader = vs_der_reader(sha256);
    vs_der_put(&to, VS_DER_CONTEXT_CONSTRUCTED(0), vs_der_take(&reader, VS_DER_SEQUENCE));
    size_t tree = vs_der_begin(&to);
    put_path(&to, groups, n, index);
    vs_der_end(&to, tree, VS_DER_CONTEXT_CONSTRUCTED(2));
    vs_buffer_add(&to, token);
    vs_der_end(&to, stamp, VS_DER_SEQUENCE);
    vs_der_end(&to, chain, VS_DER_SEQUENCE);
    vs_der_end(&to, sequence, VS_DER_SEQUENCE);
    vs_der_end(&to, record, VS_DER_SEQUENCE);
    return vs_buffer_copy(&to, arena, ret, err);
}
