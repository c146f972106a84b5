/* journal_priv.h - what journal*.c share. */
#ifndef VS_RELAY_JOURNAL_PRIV_H
#define VS_RELAY_JOURNAL_PRIV_H
#include "relay/journal.h"
#include "formats/evidence/checkpoint.h"
#include <pthread.h>

enum {
    VS_TILE_WIDTH = 256,
    VS_TILE_LEVELS = 8, /* of 8 tree levels each: 2^63 leaves */
    VS_LOG_LEVELS = 64, /* how far the logs lie apart in table tile */
    VS_LOG_SHIFT = 48,  /* and in table checkpoint */
    VS_LOGS_MAX = 1000,
    VS_LOG_RECORD = 16, /* octets of an id */
};

/* A log that does not grow any more; and what all logs have. */
struct vs_past_log {
    uint64_t epoch, size;
    char *origin;
    struct vs_buffer note;
    uint8_t record[VS_LOG_RECORD];
    bool has_record;
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
    char *base;            /* the first log's origin, as the settings have it */
    char *origin, *anchor; /* origin: of the newest log */
    uint8_t public_key[32];
    struct vs_past_log *past; /* the earlier logs */
    size_t n_past;
    uint8_t record[VS_LOG_RECORD]; /* of the newest one */
    bool has_record;
    struct vs_buffer taken;       /* the anchor's note when the newest log began */
    struct vs_buffer anchor_note; /* what the anchor holds, as far as we know */
    struct vs_file *anchor_lock;

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
    unsigned first_level; /* VS_LOG_LEVELS * (epoch - 1) */
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

static inline unsigned vs_log_level(uint64_t epoch)
{
    return (unsigned)(epoch - 1) * VS_LOG_LEVELS;
}
static inline int64_t vs_log_size_key(uint64_t epoch, uint64_t size)
{
    return (int64_t)(((epoch - 1) << VS_LOG_SHIFT) | size);
}

/* A note that our key signed, of whatever origin; then of this one. VS_E_CORRUPT. */
VS_NODISCARD vs_rc vs_journal_read_signed(const struct vs_journal *journal,
                                          struct vs_arena *arena, struct vs_bytes note,
                                          struct vs_checkpoint *ret, struct vs_error *err);
VS_NODISCARD vs_rc vs_journal_read_note(const struct vs_journal *journal, const char *origin,
                                        struct vs_arena *arena, struct vs_bytes note,
                                        struct vs_checkpoint *ret, struct vs_error *err);
/* journal_log.c: the rows of all logs into journal->past, the last one's to `ret` (NULL: there
 * is none yet) with the newest log's epoch, origin and record taken over. */
VS_NODISCARD vs_rc vs_journal_load_logs(struct vs_journal *journal, struct vs_arena *arena,
                                        const struct vs_row **ret, struct vs_error *err);
/* The loaded newest log becomes a past one, an empty one of a new origin follows. */
VS_NODISCARD vs_rc vs_journal_restart_log(struct vs_journal *journal, struct vs_error *err);
void vs_journal_logs_free(struct vs_journal *journal);

/* journal_anchor.c: nobody else may write it while we do. VS_E_STORE_IN_USE. */
VS_NODISCARD vs_rc vs_journal_lock_anchor(struct vs_journal *journal, struct vs_error *err);
void vs_journal_unlock_anchor(struct vs_journal *journal);
/* Against the loaded newest log (reliability.md, invariant 4). VS_E_STORE_OLDER. */
VS_NODISCARD vs_rc vs_journal_check_anchor(struct vs_journal *journal,
                                           struct vs_tile_reader *reader, struct vs_error *err);
/* Replace its note, unless somebody else did. VS_E_STORE_OLDER, VS_E_IO. */
VS_NODISCARD vs_rc vs_journal_write_anchor(struct vs_journal *journal, struct vs_error *err);
/* The root of the first `size` leaves of the reader's log. */
VS_NODISCARD vs_rc vs_journal_root_at(struct vs_tile_reader *reader, uint64_t size,
                                      struct vs_hash *ret, struct vs_error *err);
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
