/* journal_priv.h - what journal*.c share. */
#ifndef VS_RELAY_JOURNAL_PRIV_H
#define VS_RELAY_JOURNAL_PRIV_H
#include "relay/journal.h"
#include "formats/evidence/checkpoint.h"
#include <pthread.h>

enum {
    VS_TILE_WIDTH = 256,
    VS_TILE_LEVELS = 8, /* of 8 tree levels each: 2^63 leaves */
    VS_JOURNAL_ROW = 1,
};

/* The tile at the right edge of a level. */
struct vs_tile {
    uint64_t number;
    size_t n;
    struct vs_hash hashes[VS_TILE_WIDTH];
};

/* All that an append needs: known in memory, so that it reads nothing. */
struct vs_journal_edge {
    struct vs_merkle_frontier frontier;
    struct vs_tile tiles[VS_TILE_LEVELS];
};

struct vs_journal {
    struct vs_journal_options options;
    char *origin, *anchor;
    uint8_t public_key[32];

    /* Opened for inspection though it does not hold: why. */
    bool damaged;
    struct vs_error damage;

    /* The committer's. */
    struct vs_journal_edge now, next; /* next: between prepare and done */
    bool preparing;
    int64_t version; /* of the journal row; 0: there is none yet */
    uint64_t epoch, verified;
    vs_time_ms next_time, anchor_time;
    uint64_t anchor_size; /* what the anchor holds */

    pthread_mutex_t lock; /* guards what follows: read by any thread */
    uint64_t size;
    char *note;
    size_t note_len;
    char *next_note; /* the committer's */
    size_t next_note_len;
};

/* Reads nodes from stored tiles, with the last tile of each level kept. One thread, one use. */
struct vs_tile_reader {
    struct vs_store *store;
    struct vs_arena *arena;
    struct {
        bool is_set;
        uint64_t number;
        struct vs_bytes hashes;
    } kept[VS_TILE_LEVELS];
};
/* A vs_merkle_fetch; its context is a struct vs_tile_reader. VS_E_CORRUPT names the tile. */
VS_NODISCARD vs_rc vs_tile_fetch(void *context, unsigned level, uint64_t index,
                                 struct vs_hash *ret, struct vs_error *err);
/* The hashes of one tile; VS_E_NOT_FOUND. They live in the reader's arena. */
VS_NODISCARD vs_rc vs_tile_read(struct vs_tile_reader *reader, unsigned level, uint64_t number,
                                struct vs_bytes *ret, struct vs_error *err);

/* A note that must be ours: its signature, its origin. VS_E_CORRUPT. */
VS_NODISCARD vs_rc vs_journal_read_note(const struct vs_journal *journal,
                                        struct vs_arena *arena, struct vs_bytes note,
                                        struct vs_checkpoint *ret, struct vs_error *err);
/* Load what the store holds, compare it with the anchor, verify from the last verified
 * checkpoint on. */
VS_NODISCARD vs_rc vs_journal_load(struct vs_journal *journal, struct vs_error *err);
/* Sign a note of this size and root. */
VS_NODISCARD vs_rc vs_journal_sign(struct vs_journal *journal, struct vs_arena *arena,
                                   const struct vs_merkle_frontier *frontier,
                                   struct vs_bytes *ret, struct vs_error *err);
/* The anchor's note, in `arena`; .ptr == NULL: there is none. */
VS_NODISCARD vs_rc vs_journal_read_anchor(const struct vs_journal *journal,
                                          struct vs_arena *arena, struct vs_bytes *ret,
                                          struct vs_error *err);
#endif
