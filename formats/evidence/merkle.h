/* merkle.h - Merkle tree hashing of RFC 9162, 2: append, prove, verify.
 *
 * Pure: the caller stores the nodes. A node (level l, index i) is the hash of the complete
 * subtree over the leaves [i * 2^l, (i+1) * 2^l); a leaf hash is a node of level 0. SHA-256.
 *
 * The tree proves that what was appended stays, in its order. It proves no time; checkpoint.h
 * says who vouches for a size and root. */
#ifndef VS_FORMATS_EVIDENCE_MERKLE_H
#define VS_FORMATS_EVIDENCE_MERKLE_H
#include "formats/base/base.h"

#define VS_MERKLE_LEVELS 64 /* a tree of 2^63 leaves at most */

struct vs_hash {
    uint8_t bytes[32];
};
bool vs_hash_equal(const struct vs_hash *a, const struct vs_hash *b);

/* SHA-256(0x00 || data): RFC 9162, 2.1.1. */
struct vs_hash vs_merkle_leaf(struct vs_bytes data);
/* SHA-256(0x01 || left || right). */
struct vs_hash vs_merkle_node(const struct vs_hash *left, const struct vs_hash *right);
/* Root of the empty tree: SHA-256 of nothing. */
struct vs_hash vs_merkle_empty(void);

/* What Vasite's journal holds of one piece of evidence (design.md, Journal): leaf data =
 * version 1 || 32-byte salt || SHA-256 of the signed evidence file; the result is
 * SHA-256(0x00 || leaf data). */
struct vs_hash vs_merkle_salted_leaf(const uint8_t salt[32], const uint8_t sha256[32]);

/* The right edge of a tree: the roots of its complete subtrees, one for each set bit of size,
 * by level. All that is needed to append and to know the root. */
struct vs_merkle_frontier {
    uint64_t size;
    struct vs_hash nodes[VS_MERKLE_LEVELS]; /* nodes[l] is in use when bit l of size is set */
};

/* A complete node that an append has closed, so that the caller can store it. */
typedef void (*vs_merkle_closed)(void *context, unsigned level, uint64_t index,
                                 const struct vs_hash *hash);
/* Append one leaf hash; `closed` (may be NULL) is called for the leaf and every node that it
 * completes, by rising level. */
void vs_merkle_append(struct vs_merkle_frontier *frontier, const struct vs_hash *leaf,
                      vs_merkle_closed closed, void *context);
struct vs_hash vs_merkle_root(const struct vs_merkle_frontier *frontier);

/* Fetches a stored complete node; what it fails with is passed on. */
typedef vs_rc (*vs_merkle_fetch)(void *context, unsigned level, uint64_t index,
                                 struct vs_hash *ret, struct vs_error *err);

struct vs_merkle_proof {
    size_t n;
    struct vs_hash nodes[VS_MERKLE_LEVELS * 2];
};

/* The frontier (and so the root) of the first `size` leaves of a stored tree. */
VS_NODISCARD vs_rc vs_merkle_frontier_at(uint64_t size, vs_merkle_fetch fetch, void *context,
                                         struct vs_merkle_frontier *ret, struct vs_error *err);

/* RFC 9162, 2.1.3.1. VS_E_PARAMETER unless index < size. */
VS_NODISCARD vs_rc vs_merkle_inclusion(uint64_t index, uint64_t size, vs_merkle_fetch fetch,
                                       void *context, struct vs_merkle_proof *ret,
                                       struct vs_error *err);
/* RFC 9162, 2.1.4.1; an empty proof for from == to or from == 0. VS_E_PARAMETER unless
 * from <= to. */
VS_NODISCARD vs_rc vs_merkle_consistency(uint64_t from, uint64_t to, vs_merkle_fetch fetch,
                                         void *context, struct vs_merkle_proof *ret,
                                         struct vs_error *err);

/* RFC 9162, 2.1.3.2 and 2.1.4.2. Verdicts: false is an answer, not a failure. */
bool vs_merkle_inclusion_holds(const struct vs_hash *leaf, uint64_t index, uint64_t size,
                               const struct vs_hash *proof, size_t n,
                               const struct vs_hash *root);
bool vs_merkle_consistency_holds(uint64_t from, const struct vs_hash *from_root, uint64_t to,
                                 const struct vs_hash *to_root, const struct vs_hash *proof,
                                 size_t n);
#endif
