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
 * (VS_E_STORE_OLDER), and everything from the last verified checkpoint on is checked. The
 * anchor is locked while the journal is open, and an anchor that somebody else wrote meanwhile
 * is never replaced: two copies of one store cannot run beside each other.
 *
 * Logs. A store that is restored from a backup has lost entries that were given out: it never
 * goes on with that tree but starts a new log (options.restart). Logs are numbered by epochs,
 * from 1; each has a tree, checkpoints and an origin of its own: the first log's is the setting
 * `journal.origin`, a later one's adds "/EPOCH-" and 16 random hex digits, so that two restores
 * of one backup never sign under one name. Earlier logs stay readable: their proofs hold
 * against their own last checkpoint. Functions without an epoch mean the newest log. */
#ifndef VS_RELAY_JOURNAL_H
#define VS_RELAY_JOURNAL_H
#include "formats/evidence/merkle.h"
#include "storage/store.h"

struct vs_journal;
struct vs_keys;

#define VS_LOG_UNIQUE 8

/* How a restored store begins its new log; filled by vs_journal_open. Texts live as long as the
 * journal. */
struct vs_journal_restart {
    uint8_t unique[VS_LOG_UNIQUE]; /* random, for the new origin */
    /* The log that the anchor names where it is not the store's own (the store was restored
     * before, and that log is given up): its origin. NULL: such an anchor is refused. */
    const char *supersede;
    bool anchor_lost; /* go on though there is no anchor */

    const char *old_origin;    /* of the store's last log */
    uint64_t old_size;         /* entries it has; what it gave out from there on is lost */
    struct vs_bytes old_note;  /* its checkpoint */
    struct vs_bytes anchor;    /* the anchor's note; none where there is no anchor */
    const char *anchor_origin; /* NULL: none */
    uint64_t anchor_size;
};

struct vs_journal_options {
    struct vs_store *store;
    struct vs_keys *keys;           /* VS_PURPOSE_CHECKPOINT signs */
    const char *origin;             /* also the name in signed notes */
    const char *anchor;             /* file; NULL: none is kept */
    const struct vs_fileops *files; /* NULL: vs_fileops_real */
    /* For `vasite check`: a journal that does not hold is opened all the same, as far as it can
     * be read; nothing is appended or anchored, and vs_journal_check says what is wrong. */
    bool inspect;
    /* A restored store: a new log, whose first append also commits its state. NULL: go on. */
    struct vs_journal_restart *restart;
};
/* The options' texts are copied. VS_E_STORE_OLDER (the anchor knows another log, or more),
 * VS_E_STORE_IN_USE (another process has the anchor), VS_E_CORRUPT (names the tile or index).
 */
VS_NODISCARD vs_rc vs_journal_open(const struct vs_journal_options *options,
                                   struct vs_journal **ret, struct vs_error *err);
void vs_journal_close(struct vs_journal *journal); /* NULL is fine */
uint64_t vs_journal_size(const struct vs_journal *journal);

/* -- logs ---------------------------------------------------------------------------------- */
struct vs_journal_log {
    uint64_t epoch;
    const char *origin;
    uint64_t size;
    struct vs_bytes checkpoint; /* the newest signed note */
    const char *key;            /* as vs_journal_verifier_key */
    struct vs_bytes record;     /* id of the evidence that it began with; none: the first log */
};
uint64_t vs_journal_epoch(const struct vs_journal *journal);
/* All logs, oldest first; everything in `arena`. */
VS_NODISCARD vs_rc vs_journal_logs(struct vs_journal *journal, struct vs_arena *arena,
                                   const struct vs_journal_log **ret, size_t *ret_n,
                                   struct vs_error *err);
/* One of them; VS_E_NOT_FOUND. */
VS_NODISCARD vs_rc vs_journal_log(struct vs_journal *journal, struct vs_arena *arena,
                                  uint64_t epoch, struct vs_journal_log *ret,
                                  struct vs_error *err);
/* As the functions of the same name below, for the log of `epoch`. VS_E_NOT_FOUND: no log. */
VS_NODISCARD vs_rc vs_journal_inclusion_of(struct vs_journal *journal, uint64_t epoch,
                                           uint64_t index, uint64_t size,
                                           struct vs_merkle_proof *ret, struct vs_error *err);
VS_NODISCARD vs_rc vs_journal_consistency_of(struct vs_journal *journal, uint64_t epoch,
                                             uint64_t from, uint64_t to,
                                             struct vs_merkle_proof *ret, struct vs_error *err);
VS_NODISCARD vs_rc vs_journal_leaf_of(struct vs_journal *journal, uint64_t epoch,
                                      uint64_t index, struct vs_hash *ret,
                                      struct vs_error *err);
VS_NODISCARD vs_rc vs_journal_tile_of(struct vs_journal *journal, uint64_t epoch,
                                      unsigned level, uint64_t index, unsigned width,
                                      struct vs_arena *arena, struct vs_bytes *ret,
                                      struct vs_error *err);
/* The first append of a new log goes with this record: its id, 16 octets, copied. */
void vs_journal_begin_with(struct vs_journal *journal, struct vs_bytes record);

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
 * at close). VS_E_IO where the anchor cannot be written;
 * VS_E_STORE_OLDER: somebody else has written it, nothing more may be given out. */
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
