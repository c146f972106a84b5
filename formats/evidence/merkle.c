#include "formats/evidence/merkle.h"
#include "formats/crypto/digest.h"

bool vs_hash_equal(const struct vs_hash *a, const struct vs_hash *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static struct vs_hash sha256(const struct vs_bytes *parts, size_t n)
{
    struct vs_digest digest;
    struct vs_hash hash;
    vs_digest_of_parts(VS_SHA256, parts, n, &digest);
    memcpy(hash.bytes, digest.bytes, sizeof hash.bytes);
    return hash;
}

struct vs_hash vs_merkle_leaf(struct vs_bytes data)
{
    struct vs_bytes parts[] = {VS_BYTES_LITERAL("\0"), data};
    return sha256(parts, 2);
}

struct vs_hash vs_merkle_node(const struct vs_hash *left, const struct vs_hash *right)
{
    uint8_t joined[65] = {1};
    struct vs_hash hash;
    memcpy(joined + 1, left->bytes, 32);
    memcpy(joined + 33, right->bytes, 32);
    vs_sha256(VS_BYTES(joined, sizeof joined), hash.bytes);
    return hash;
}

struct vs_hash vs_merkle_empty(void)
{
    struct vs_hash hash;
    vs_sha256(VS_BYTES_NONE, hash.bytes);
    return hash;
}

struct vs_hash vs_merkle_salted_leaf(const uint8_t salt[32], const uint8_t digest[32])
{
    uint8_t data[1 + 1 + 32 + 32] = {0, 1};
    struct vs_hash hash;
    memcpy(data + 2, salt, 32);
    memcpy(data + 34, digest, 32);
    vs_sha256(VS_BYTES(data, sizeof data), hash.bytes);
    return hash;
}

void vs_merkle_append(struct vs_merkle_frontier *frontier, const struct vs_hash *leaf,
                      vs_merkle_closed closed, void *context)
{
    VS_ASSERT(frontier->size < UINT64_MAX / 2);
    struct vs_hash hash = *leaf;
    uint64_t index = frontier->size;
    unsigned level = 0;
    for (;; level++, index >>= 1) {
        if (closed != NULL)
            closed(context, level, index, &hash);
        if ((index & 1) == 0)
            break;
        hash = vs_merkle_node(&frontier->nodes[level], &hash);
    }
    frontier->nodes[level] = hash;
    frontier->size++;
}

struct vs_hash vs_merkle_root(const struct vs_merkle_frontier *frontier)
{
    struct vs_hash root = vs_merkle_empty();
    bool any = false;
    for (unsigned level = 0; level < VS_MERKLE_LEVELS; level++) {
        if ((frontier->size >> level & 1) == 0)
            continue;
        root = any ? vs_merkle_node(&frontier->nodes[level], &root) : frontier->nodes[level];
        any = true;
    }
    return root;
}

vs_rc vs_merkle_frontier_at(uint64_t size, vs_merkle_fetch fetch, void *context,
                            struct vs_merkle_frontier *ret, struct vs_error *err)
{
    struct vs_merkle_frontier frontier = {.size = size};
    for (unsigned level = 0; level < VS_MERKLE_LEVELS; level++)
        if ((size >> level & 1) != 0)
            VS_TRY(fetch(context, level, (size >> level) - 1, &frontier.nodes[level], err));
    *ret = frontier;
    return VS_OK;
}

/* The hash of leaves [begin, end), of which `begin` is a multiple of a power of two not below
 * the range's length: MTH of RFC 9162, 2.1.1, from complete nodes. */
static vs_rc range_hash(uint64_t begin, uint64_t end, vs_merkle_fetch fetch, void *context,
                        struct vs_hash *ret, struct vs_error *err)
{
    uint64_t len = end - begin;
    struct vs_hash hash = {{0}};
    bool any = false;
    for (unsigned level = 0; level < VS_MERKLE_LEVELS; level++) {
        if ((len >> level & 1) == 0)
            continue;
        struct vs_hash left;
        /* The lower bits of the length lie to the right of this node. */
        uint64_t first = begin + (len & ~((UINT64_C(2) << level) - 1));
        VS_TRY(fetch(context, level, first >> level, &left, err));
        hash = any ? vs_merkle_node(&left, &hash) : left;
        any = true;
    }
    *ret = hash;
    return VS_OK;
}

/* The largest power of two below n (n > 1). */
static uint64_t split_of(uint64_t n)
{
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

/* Both proofs walk down from the root; the hashes beside the path come out topmost first. */
struct walk {
    vs_merkle_fetch fetch;
    void *context;
    struct vs_merkle_proof proof;
    struct vs_error *err;
};

static vs_rc beside(struct walk *w, uint64_t begin, uint64_t end)
{
    VS_ASSERT(w->proof.n < sizeof w->proof.nodes / sizeof *w->proof.nodes);
    return range_hash(begin, end, w->fetch, w->context, &w->proof.nodes[w->proof.n++], w->err);
}

static void turn_round(const struct vs_merkle_proof *from, struct vs_merkle_proof *ret)
{
    ret->n = from->n;
    for (size_t i = 0; i < from->n; i++)
        ret->nodes[i] = from->nodes[from->n - 1 - i];
}

vs_rc vs_merkle_inclusion(uint64_t index, uint64_t size, vs_merkle_fetch fetch, void *context,
                          struct vs_merkle_proof *ret, struct vs_error *err)
{
    if (index >= size)
        return vs_fail(err, VS_E_PARAMETER, "RFC 9162, 2.1.3.1",
                       "no entry %llu in a tree of %llu", (unsigned long long)index,
                       (unsigned long long)size);
    struct walk w = {.fetch = fetch, .context = context, .err = err};
    uint64_t begin = 0, end = size;
    while (end - begin > 1) {
        uint64_t middle = begin + split_of(end - begin);
        if (index < middle) {
            VS_TRY(beside(&w, middle, end));
            end = middle;
        } else {
            VS_TRY(beside(&w, begin, middle));
            begin = middle;
        }
    }
    turn_round(&w.proof, ret);
    return VS_OK;
}

vs_rc vs_merkle_consistency(uint64_t from, uint64_t to, vs_merkle_fetch fetch, void *context,
                            struct vs_merkle_proof *ret, struct vs_error *err)
{
    if (from > to)
        return vs_fail(err, VS_E_PARAMETER, "RFC 9162, 2.1.4.1", "from %llu to %llu goes back",
                       (unsigned long long)from, (unsigned long long)to);
    struct walk w = {.fetch = fetch, .context = context, .err = err};
    ret->n = 0;
    if (from == 0 || from == to)
        return VS_OK;
    uint64_t begin = 0, end = to;
    bool whole = true; /* the old tree is the subtree walked to: its root is known already */
    while (from != end) {
        uint64_t middle = begin + split_of(end - begin);
        if (from <= middle) {
            VS_TRY(beside(&w, middle, end));
            end = middle;
        } else {
            VS_TRY(beside(&w, begin, middle));
            begin = middle;
            whole = false;
        }
    }
    if (!whole)
        VS_TRY(beside(&w, begin, end));
    turn_round(&w.proof, ret);
    return VS_OK;
}

bool vs_merkle_inclusion_holds(const struct vs_hash *leaf, uint64_t index, uint64_t size,
                               const struct vs_hash *proof, size_t n,
                               const struct vs_hash *root)
{
    if (index >= size)
        return false;
    uint64_t fn = index, sn = size - 1;
    struct vs_hash r = *leaf;
    for (size_t i = 0; i < n; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) != 0 || fn == sn) {
            r = vs_merkle_node(&proof[i], &r);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            r = vs_merkle_node(&r, &proof[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && vs_hash_equal(&r, root);
}

/* RFC 9162, 2.1.4.2, steps 2 to 6, the first hash already taken. */
static bool climb(uint64_t fn, uint64_t sn, const struct vs_hash *first,
                  const struct vs_hash *proof, size_t n, struct vs_hash *fr, struct vs_hash *sr)
{
    *fr = *sr = *first;
    for (size_t i = 0; i < n; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) != 0 || fn == sn) {
            *fr = vs_merkle_node(&proof[i], fr);
            *sr = vs_merkle_node(&proof[i], sr);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            *sr = vs_merkle_node(sr, &proof[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0;
}

bool vs_merkle_consistency_holds(uint64_t from, const struct vs_hash *from_root, uint64_t to,
                                 const struct vs_hash *to_root, const struct vs_hash *proof,
                                 size_t n)
{
    if (from > to)
        return false;
    if (from == to)
        return n == 0 && vs_hash_equal(from_root, to_root);
    struct vs_hash empty = vs_merkle_empty();
    if (from == 0)
        return n == 0 && vs_hash_equal(from_root, &empty);
    /* A power of two: the old root is the first hash, and left out of the proof. */
    bool power = (from & (from - 1)) == 0;
    if (!power && n == 0)
        return false;
    uint64_t fn = from - 1, sn = to - 1;
    while ((fn & 1) != 0) {
        fn >>= 1;
        sn >>= 1;
    }
    struct vs_hash fr, sr;
    const struct vs_hash *first = power ? from_root : &proof[0];
    size_t skip = power ? 0 : 1;
    return climb(fn, sn, first, proof + skip, n - skip, &fr, &sr) &&
           vs_hash_equal(&fr, from_root) && vs_hash_equal(&sr, to_root);
}
