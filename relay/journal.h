/* journal.h - the append-only Merkle log of all evidence: C2SP tlog-tiles in rows, signed
 * checkpoints, proofs, and the anchor outside the data folder.
 *
 * A leaf is vs_merkle_salted_leaf(salt, SHA-256 of the evidence file). The journal itself never
 * commits: it gives the sequencer (exchange/sequence.c) operations for its item, so that
 * indices, tiles and checkpoint become durable together with what they order. One append at a
 * time: prepare, then done or undo, on the committer's thread; reads from any thread.
 *
 * The state row is changed by compare-and-swap on its version, which every change of (size,
 * epoch) moves: two sequencers, or an old copy of the store, meet a conflict instead of making
 * a fork. After each append the newest
 * checkpoint goes to `anchor`; at open a store older than the anchor is refused
 * (VS_E_STORE_OLDER), and everything from the last verified checkpoint on is checked. */
#ifndef VS_RELAY_JOURNAL_H
#define VS_RELAY_JOURNAL_H
#include "formats/evidence/merkle.h"
#include "storage/store.h"

struct vs_journal;
struct vs_keys;

struct vs_journal_options {
    struct vs_store *store;
    struct vs_keys *keys;           /* VS_PURPOSE_CHECKPOINT signs */
    const char *origin;             /* also the name in signed notes */
    const char *anchor;             /* file; NULL: none is kept */
    const struct vs_fileops *files; /* NULL: vs_fileops_real */
    /* For `vasite check`: a journal that does not hold is opened all the same, as far as it can
     * be read; nothing is appended or anchored, and vs_journal_check says what is wrong. */
    bool inspect;
};
/* The options' texts are copied. VS_E_STORE_OLDER, VS_E_CORRUPT (names the tile or index). */
VS_NODISCARD vs_rc vs_journal_open(const struct vs_journal_options *options,
                                   struct vs_journal **ret, struct vs_error *err);
void vs_journal_close(struct vs_journal *journal); /* NULL is fine */
uint64_t vs_journal_size(const struct vs_journal *journal);

/* -- appending ----------------------------------------------------------------------------- */
struct vs_journal_append {
    uint64_t first;          /* index of the first leaf */
    const struct vs_op *ops; /* tiles, frontier, checkpoint: for the sequencer's item */
    size_t n_ops;
    struct vs_bytes checkpoint;       /* the signed note for the size after it */
    struct vs_hash checkpoint_digest; /* SHA-256 of the note: a leaf of the batch's time mark */
};
/* `n` >= 1 leaf hashes. Everything returned lives in `arena`. */
VS_NODISCARD vs_rc vs_journal_prepare(struct vs_journal *journal, struct vs_arena *arena,
                                      const struct vs_hash *leaves, size_t n, vs_time_ms now,
                                      struct vs_journal_append *ret, struct vs_error *err);
/* The item is durable: the journal has its new size. Writes the anchor, at most once a second
 * when called often (what was left out is written with the next append, by vs_journal_flush or
 * at close). VS_E_IO where the anchor cannot be written. */
VS_NODISCARD vs_rc vs_journal_done(struct vs_journal *journal, struct vs_error *err);
void vs_journal_undo(struct vs_journal *journal);
/* Write the anchor now if it is behind. */
VS_NODISCARD vs_rc vs_journal_flush(struct vs_journal *journal, struct vs_error *err);

/* -- reading ------------------------------------------------------------------------------- */
/* The newest signed note. */
VS_NODISCARD vs_rc vs_journal_checkpoint(struct vs_journal *journal, struct vs_arena *arena,
                                         struct vs_bytes *ret, struct vs_error *err);
/* "NAME+KEYID+KEY": what tools need to check notes. In `arena`; NULL: it is full. */
char *vs_journal_verifier_key(struct vs_journal *journal, struct vs_arena *arena);
/* Inclusion of leaf `index` in the tree of `size` leaves; consistency of two sizes.
 * VS_E_PARAMETER: not 0 <= index < size <= the journal's size (from <= to <= size). */
VS_NODISCARD vs_rc vs_journal_inclusion(struct vs_journal *journal, uint64_t index,
                                        uint64_t size, struct vs_merkle_proof *ret,
                                        struct vs_error *err);
VS_NODISCARD vs_rc vs_journal_consistency(struct vs_journal *journal, uint64_t from,
                                          uint64_t to, struct vs_merkle_proof *ret,
                                          struct vs_error *err);
/* A tile as C2SP tlog-tiles serves it: level, index, width 1..256 (256: whole).
 * VS_E_NOT_FOUND. */
VS_NODISCARD vs_rc vs_journal_tile(struct vs_journal *journal, unsigned level, uint64_t index,
                                   unsigned width, struct vs_arena *arena, struct vs_bytes *ret,
                                   struct vs_error *err);
/* The leaf hash at `index`. */
VS_NODISCARD vs_rc vs_journal_leaf(struct vs_journal *journal, uint64_t index,
                                   struct vs_hash *ret, struct vs_error *err);

/* -- care ---------------------------------------------------------------------------------- */
/* The whole tree anew from its leaves: tiles, frontier, checkpoint, its signature, the anchor.
 * `fault` is called for each thing wrong; OK when it could be done, whatever it found. */
VS_NODISCARD vs_rc vs_journal_check(struct vs_journal *journal, vs_store_fault *fault,
                                    void *context, struct vs_error *err);
#endif
