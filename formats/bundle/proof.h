/* proof.h - a piece of evidence's place in the journal, as the JSON file beside it: leaf, salt
 * and path of inclusion (RFC 9162, 2.1.3) in the tree of a checkpoint.
 *
 * There is one writing of it (members in this order, one hash a line), so that a shell finds
 * its way in it; reading takes nothing else.
 *
 *     {
 *      "evidence": "32 hex digits",
 *      "index": 5,
 *      "log": 1,                 only of an earlier log: it leads to data/checkpoint-001.txt
 *      "size": 9,
 *      "salt": "64 hex digits",
 *      "digest": "64: SHA-256 of the evidence file",
 *      "leaf": "64: SHA-256 of 00 01 salt digest",
 *      "hashes": [
 *       "64 hex digits",
 *       …
 *      ]
 *     }
 */
#ifndef VS_FORMATS_BUNDLE_PROOF_H
#define VS_FORMATS_BUNDLE_PROOF_H
#include "formats/evidence/merkle.h"

struct vs_bundle_proof {
    uint8_t evidence[16]; /* EvidenceIdentifier */
    uint64_t index, size;
    uint64_t log; /* number of an earlier log; 0: the bundle's newest */
    uint8_t salt[32];
    uint8_t digest[32];
    struct vs_merkle_proof path;
};
void vs_bundle_proof_write(struct vs_buffer *to, const struct vs_bundle_proof *proof);
/* False where the text is not exactly one that is written so (a leaf that does not follow from
 * salt and digest included). */
bool vs_bundle_proof_read(struct vs_bytes text, struct vs_bundle_proof *ret);
/* Whether the leaf is in the tree of that size and root. */
bool vs_bundle_proof_holds(const struct vs_bundle_proof *proof, const struct vs_hash *root);
#endif
