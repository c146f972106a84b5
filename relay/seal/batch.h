/* batch.h - the evidence of one commit: leaves in journal order, and the time mark over all.
 *
 * Each commit that made evidence has one row in table `batch`. Its leaves say which evidence
 * files it made (in the order in which the journal takes them) and which consignments want a
 * record of their own; one RFC 3161 token over their RFC 4998 tree serves all (design.md, "The
 * batch's time mark"). The last leaf of that tree is the digest of the newest checkpoint.
 *
 * When a document's term ends (archive/retention.h) its leaves stay, since the trees of the
 * others are built with them, but say only by which deleted document they were: the digest of
 * an evidence file, which nobody can guess, and of a consignment the group's hash instead of
 * the original's digest. Moves about it go.
 *
 * Encodings begin with a version and are ours alone:
 *   leaves  1, then each: kind u8, id 16, digest 32 (kind 2: three of them)
 *   moves   1, then each: kind u8 (bit 7: numbered), document 16, recipient 16, sender 16 */
#ifndef VS_RELAY_BATCH_H
#define VS_RELAY_BATCH_H
#include "formats/evidence/merkle.h"
#include "relay/relay.h"

enum vs_leaf_kind {
    VS_LEAF_EVIDENCE = 1,      /* an evidence file; goes into the journal too */
    VS_LEAF_CONSIGNMENT = 2,   /* seal, original and evidence of one document, as one group */
    VS_LEAF_EVIDENCE_GONE = 3, /* as 1, but deleted: id of the document or refusal */
    VS_LEAF_CONSIGNMENT_GONE = 4, /* as 2, but deleted: the group's hash alone */
};
/* Whether the leaf has a place in the journal. */
static inline bool vs_leaf_in_journal(unsigned kind)
{
    return kind == VS_LEAF_EVIDENCE || kind == VS_LEAF_EVIDENCE_GONE;
}
struct vs_leaf {
    enum vs_leaf_kind kind;
    struct vs_id id; /* of the evidence, or of the document */
    struct vs_hash digests[3];
};

/* What the sequencer does to a delivery. */
enum vs_move_kind {
    VS_MOVE_ENTER = 1,  /* -> available: into the mailbox, receipt time (28.2) */
    VS_MOVE_REACH = 2,  /* acknowledged -> reached: into the sender's events (27.4) */
    VS_MOVE_TELL = 3,   /* the sender's events only */
    VS_MOVE_ASK = 4,    /* pending -> asked: into the mailbox, metadata only (26) */
    VS_MOVE_WAIT = 5,   /* -> waiting: to be pushed; the sender's events */
    VS_MOVE_BOTH = 6,   /* the mailbox (again, at its end) and the sender's events */
    VS_MOVE_PUSHED = 7, /* the same; an agreed automatic acknowledgement follows (27.2) */
    VS_MOVE_KINDS
};
struct vs_move {
    enum vs_move_kind kind;
    bool numbered; /* the document has its outgoing registration number (register.h) */
    struct vs_id document, recipient, sender;
};

void vs_leaves_encode(struct vs_buffer *to, const struct vs_leaf *leaves, size_t n);
VS_NODISCARD vs_rc vs_leaves_decode(struct vs_arena *arena, struct vs_bytes from,
                                    struct vs_leaf **ret, size_t *ret_n, struct vs_error *err);
void vs_moves_encode(struct vs_buffer *to, const struct vs_move *moves, size_t n);
VS_NODISCARD vs_rc vs_moves_decode(struct vs_arena *arena, struct vs_bytes from,
                                   struct vs_move **ret, size_t *ret_n, struct vs_error *err);

struct vs_batch {
    int64_t number, version;
    vs_time_ms created;
    struct vs_leaf *leaves;
    size_t n_leaves;
    struct vs_move *moves;
    size_t n_moves;
    bool sequenced;
    uint64_t first; /* journal index of the first evidence leaf, once sequenced */
    uint64_t epoch; /* of the log that it counts in */
    struct vs_hash checkpoint;
    struct vs_bytes token; /* none: not marked yet */
    vs_time_ms marked;     /* genTime; VS_TIME_NONE */
};
struct vs_row;
VS_NODISCARD vs_rc vs_batch_from_row(struct vs_arena *arena, const struct vs_row *row,
                                     struct vs_batch **ret, struct vs_error *err);
/* VS_E_CORRUPT where there is no such batch: evidence names one that must be there. */
VS_NODISCARD vs_rc vs_batch_get(struct vs_relay *relay, struct vs_arena *arena, int64_t number,
                                const struct vs_batch **ret, struct vs_error *err);
/* Place of the leaf, or SIZE_MAX. */
size_t vs_batch_find(const struct vs_batch *batch, enum vs_leaf_kind kind, struct vs_id id);
/* Its index in the journal: `leaf` is of kind VS_LEAF_EVIDENCE, the batch sequenced. */
uint64_t vs_batch_journal_index(const struct vs_batch *batch, size_t leaf);
/* Retention: every leaf of `document`, and of its evidence `evidence`, becomes one that is
 * gone, moves about it are taken out. How many leaves of evidence that were. */
size_t vs_batch_forget(struct vs_batch *batch, struct vs_id document,
                       const struct vs_id *evidence, size_t n_evidence);
/* What its token stands over. */
VS_NODISCARD vs_rc vs_batch_root(struct vs_arena *arena, const struct vs_batch *batch,
                                 struct vs_hash *ret, struct vs_error *err);
/* The RFC 4998 record of one leaf; VS_E_STATE while the batch has no token. */
VS_NODISCARD vs_rc vs_batch_record(struct vs_arena *arena, const struct vs_batch *batch,
                                   size_t leaf, struct vs_bytes *ret, struct vs_error *err);
#endif
