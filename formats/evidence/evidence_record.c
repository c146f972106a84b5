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

vs_rc vs_record_make(struct vs_arena *arena, const struct vs_record_group *groups, size_t n,
                     size_t index, struct vs_bytes token, struct vs_bytes *ret,
                     struct vs_error *err)
{
    VS_ASSERT(index < n);
    struct vs_record_leaf *leaves = vs_arena_make_n(arena, struct vs_record_leaf, n);
    if (leaves == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        struct vs_digest *digests = vs_arena_make_n(arena, struct vs_digest, groups[i].n);
        if (digests == NULL)
            return vs_fail_memory(err);
        for (size_t k = 0; k < groups[i].n; k++) {
            digests[k] = (struct vs_digest){.algorithm = VS_SHA256, .len = 32};
            memcpy(digests[k].bytes, groups[i].digests[k].bytes, 32);
        }
        leaves[i] = (struct vs_record_leaf){digests, groups[i].n};
    }
    struct vs_record_place place = {leaves, n, index};
    struct vs_bytes stamp;
    VS_TRY(vs_record_stamp_make(arena, VS_SHA256, &place, 1, token, &stamp, err));
    struct vs_record_link link = {VS_SHA256, &stamp, 1};
    return vs_record_join(arena, &link, 1, ret, err);
}
