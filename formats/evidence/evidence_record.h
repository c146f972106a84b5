/* evidence_record.h - RFC 4998 evidence records: make those of a batch, read and check any.
 *
 * A batch's tree (design.md, "The batch's time mark"): leaf = SHA-256 of a file, or for several
 * files of one consignment the group's hash, SHA-256 of their digests in ascending binary
 * order; node = SHA-256 of its two children in ascending binary order; a lone hash goes up
 * unhashed. One time mark over the root serves all: the records of a batch differ in their hash
 * tree only.
 *
 * Checking says which archive time-stamp covers what (imprints and hash trees), NOT that a time
 * mark is genuine: formats/validation judges each token, the earlier at the time of the later.
 *
 * NOT DONE: RFC 4998, 6 (encryption info): a record that has it is refused. */
#ifndef VS_FORMATS_EVIDENCE_EVIDENCE_RECORD_H
#define VS_FORMATS_EVIDENCE_EVIDENCE_RECORD_H
#include "formats/crypto/digest.h"
#include "formats/evidence/merkle.h"

#define VS_RECORD_MAX_BYTES ((size_t)8 * 1024 * 1024)

/* -- making -------------------------------------------------------------------------------- */

/* One leaf of a batch: the SHA-256 digests of the files that stand together. */
struct vs_record_group {
    const struct vs_hash *digests;
    size_t n; /* at least 1 */
};

/* What the batch's token must have as imprint (SHA-256). n >= 1. */
struct vs_hash vs_record_root(const struct vs_record_group *groups, size_t n);

/* The record of groups[index]: DER of EvidenceRecord. `token` is the token's ContentInfo. */
VS_NODISCARD vs_rc vs_record_make(struct vs_arena *arena, const struct vs_record_group *groups,
                                  size_t n, size_t index, struct vs_bytes token,
                                  struct vs_bytes *ret, struct vs_error *err);

/* -- renewal (RFC 4998, 5.2) --------------------------------------------------------------- */

/* A leaf of a tree by any one algorithm: digests of what stands together; n >= 1. */
struct vs_record_leaf {
    const struct vs_digest *digests;
    size_t n;
};
/* The value that goes up: the root of `leaves`, as vs_record_root says. n >= 1. */
void vs_record_tree(enum vs_digest_algorithm algorithm, const struct vs_record_leaf *leaves,
                    size_t n, struct vs_digest *ret);

/* Where a leaf stands; trees may stand on each other: leaves[index] of the second and later
 * places is the root of the tree before. */
struct vs_record_place {
    const struct vs_record_leaf *leaves;
    size_t n, index;
};
/* DER of the ArchiveTimeStamp of places[0].leaves[places[0].index], whose `token` stands over
 * the root of the last place's tree. */
VS_NODISCARD vs_rc vs_record_stamp_make(struct vs_arena *arena,
                                        enum vs_digest_algorithm algorithm,
                                        const struct vs_record_place *places, size_t n_places,
                                        struct vs_bytes token, struct vs_bytes *ret,
                                        struct vs_error *err);

/* A chain to be: its stamps' DER, oldest first, all by one algorithm. */
struct vs_record_link {
    enum vs_digest_algorithm algorithm;
    const struct vs_bytes *stamps;
    size_t n;
};
/* DER of the ArchiveTimeStampSequence: what a hash-tree renewal hashes with each document. */
VS_NODISCARD vs_rc vs_record_sequence(struct vs_arena *arena,
                                      const struct vs_record_link *links, size_t n,
                                      struct vs_bytes *ret, struct vs_error *err);
/* DER of the EvidenceRecord. */
VS_NODISCARD vs_rc vs_record_join(struct vs_arena *arena, const struct vs_record_link *links,
                                  size_t n, struct vs_bytes *ret, struct vs_error *err);
/* What a hash-tree renewal's tree holds of a document: H(H(document) || H(sequence)), unsorted.
 */
void vs_record_renewed(enum vs_digest_algorithm algorithm, const struct vs_digest *document,
                       struct vs_bytes sequence, struct vs_digest *ret);

/* -- reading ------------------------------------------------------------------------------- */

struct vs_record_values {
    const struct vs_bytes *values;
    size_t n;
};

struct vs_record_stamp {                /* ArchiveTimeStamp */
    enum vs_digest_algorithm algorithm; /* its own, or the token imprint's where it has none */
    const struct vs_record_values *lists; /* reducedHashtree; NULL where it has none */
    size_t n_lists;
    struct vs_bytes token; /* ContentInfo, DER, a view of the record */
    struct vs_bytes der;   /* of the whole ArchiveTimeStamp */
};

struct vs_record_chain {
    const struct vs_record_stamp *stamps;
    size_t n;
    struct vs_bytes der; /* of the ArchiveTimeStampChain */
};

/* Immutable; its views point into the bytes that it was read from. */
struct vs_record {
    const struct vs_record_chain *chains; /* oldest first */
    size_t n_chains;
};

/* `der` must outlive the record. VS_E_EVIDENCE_RECORD, VS_E_ALGORITHM, VS_E_LIMIT. */
VS_NODISCARD vs_rc vs_record_decode(struct vs_arena *arena, struct vs_bytes der,
                                    const struct vs_record **ret, struct vs_error *err);

/* -- checking ------------------------------------------------------------------------------ */

/* Gives the digest of data object `object` (0 .. n_objects - 1) by `algorithm`. */
typedef vs_rc (*vs_record_digest)(void *context, size_t object,
                                  enum vs_digest_algorithm algorithm, struct vs_digest *ret,
                                  struct vs_error *err);

enum vs_record_fault {
    VS_RECORD_COVERED,    /* every imprint follows from the data objects */
    VS_RECORD_NOT_FOUND,  /* a data object's digest is not in the first hash list */
    VS_RECORD_IMPRINT,    /* the hash tree does not lead to the token's imprint */
    VS_RECORD_ALGORITHM,  /* the token's imprint is by another algorithm than the hash tree */
    VS_RECORD_TIME_ORDER, /* a later archive time-stamp has an earlier time */
};

struct vs_record_result {
    enum vs_record_fault fault;
    size_t chain, stamp; /* where the fault was found */
    size_t orphans; /* digests in first lists that belong to none of the data objects: other
                     * members of the group, or a record that some validators do not follow */
};

/* RFC 4998, 5.3 over data objects that one record protects together. Verdict in `*ret`. */
VS_NODISCARD vs_rc vs_record_check(const struct vs_record *record, size_t n_objects,
                                   vs_record_digest digest, void *context,
                                   struct vs_arena *arena, struct vs_record_result *ret,
                                   struct vs_error *err);
const char *vs_record_fault_text(enum vs_record_fault fault);
#endif
