/* The journal against itself: at open from the last verified checkpoint on, and as a whole. */
#include "relay/journal_priv.h"
#include <stdio.h>

#define CHECK_ARENA ((size_t)8 * 1024 * 1024)

vs_rc vs_journal_read_note(const struct vs_journal *journal, struct vs_arena *arena,
                           struct vs_bytes note, struct vs_checkpoint *ret,
                           struct vs_error *err)
{
    bool ours = false;
    struct vs_error inner;
    if (!vs_ok(vs_checkpoint_read(arena, note, ret, &inner)) ||
        !vs_ok(vs_checkpoint_verify(note, journal->public_key, &ours, &inner)) || !ours ||
        strcmp(ret->origin, journal->origin) != 0)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a checkpoint that this journal never signed");
    return VS_OK;
}

vs_rc vs_journal_read_anchor(const struct vs_journal *journal, struct vs_arena *arena,
                             struct vs_bytes *ret, struct vs_error *err)
{
    *ret = VS_BYTES_NONE;
    if (journal->anchor == NULL)
        return VS_OK;
    vs_rc rc = vs_file_read(journal->options.files, journal->anchor, arena,
                            VS_CHECKPOINT_MAX_BYTES, ret, err);
    return rc.code == VS_E_NOT_FOUND ? VS_OK : rc;
}

/* -- walking the leaves ------------------------------------------------------------------- */

/* A tree that grows anew from its stored leaves, each node compared with what is stored. */
struct walk {
    const struct vs_journal *journal;
    struct vs_merkle_frontier frontier;
    struct vs_tile_reader leaves, others; /* two: leaves must not push the others out */
    vs_store_fault *fault;                /* NULL: the first one ends the walk */
    void *context;
    vs_rc rc;
    struct vs_error *err;
};

static void found(struct walk *w, const char *table, const char *key, const char *text)
{
    if (w->fault != NULL)
        w->fault(w->context, table, key, text);
    else if (vs_ok(w->rc))
        w->rc = vs_fail(w->err, VS_E_CORRUPT, NULL, "%s %s: %s", table, key, text);
}

/* vs_merkle_closed: leaves come from their tiles; the levels above are compared with theirs. */
static void compare_node(void *context, unsigned level, uint64_t index,
                         const struct vs_hash *hash)
{
    struct walk *w = context;
    if (level == 0 || level % 8 != 0 || !vs_ok(w->rc))
        return;
    struct vs_hash stored;
    struct vs_error err;
    char key[64];
    snprintf(key, sizeof key, "%u/%llu", level / 8,
             (unsigned long long)(index / VS_TILE_WIDTH));
    if (!vs_ok(vs_tile_fetch(&w->others, level, index, &stored, &err)))
        found(w, "tile", key, err.text);
    else if (!vs_hash_equal(&stored, hash))
        found(w, "tile", key, "a hash is not that of the entries below it");
}

static void forget_tiles(struct vs_tile_reader *reader)
{
    vs_arena_reset(reader->arena);
    memset(reader->kept, 0, sizeof reader->kept);
}

/* Up to `size`; ends early when a leaf is missing, since no later root can be known then. */
static vs_rc walk_to(struct walk *w, uint64_t size)
{
    while (vs_ok(w->rc) && w->frontier.size < size) {
        uint64_t index = w->frontier.size;
        struct vs_hash leaf;
        struct vs_error err;
        char key[64];
        if (index % VS_TILE_WIDTH == 0)
            forget_tiles(&w->leaves);
        if (index % (VS_TILE_WIDTH * VS_TILE_WIDTH) == 0)
            forget_tiles(&w->others);
        if (!vs_ok(vs_tile_fetch(&w->leaves, 0, index, &leaf, &err))) {
            snprintf(key, sizeof key, "0/%llu", (unsigned long long)(index / VS_TILE_WIDTH));
            found(w, "tile", key, err.text);
            return vs_ok(w->rc) ? (vs_rc){VS_E_CORRUPT} : w->rc;
        }
        vs_merkle_append(&w->frontier, &leaf, compare_node, w);
    }
    return w->rc;
}

/* -- at open ------------------------------------------------------------------------------ */

static vs_rc load_edge(struct vs_journal *journal, struct vs_tile_reader *reader, uint64_t size,
                       struct vs_error *err)
{
    VS_TRY(vs_merkle_frontier_at(size, vs_tile_fetch, reader, &journal->now.frontier, err));
    for (unsigned level = 0; level < VS_TILE_LEVELS; level++) {
        struct vs_tile *tile = &journal->now.tiles[level];
        uint64_t nodes = size >> (8 * level);
        struct vs_bytes hashes = VS_BYTES_NONE;
        tile->number = nodes / VS_TILE_WIDTH;
        tile->n = (size_t)(nodes % VS_TILE_WIDTH);
        if (tile->n == 0)
            continue;
        vs_rc rc = vs_tile_read(reader, level, tile->number, &hashes, err);
        if (rc.code == VS_E_NOT_FOUND || (vs_ok(rc) && hashes.len < tile->n * 32))
            return vs_fail(err, VS_E_CORRUPT, NULL, "tile %u/%llu lacks hashes", level,
                           (unsigned long long)tile->number);
        VS_TRY(rc);
        memcpy(tile->hashes, hashes.ptr, tile->n * 32);
    }
    return VS_OK;
}

static vs_rc root_at(struct vs_tile_reader *reader, uint64_t size, struct vs_hash *ret,
                     struct vs_error *err)
{
    struct vs_merkle_frontier frontier;
    VS_TRY(vs_merkle_frontier_at(size, vs_tile_fetch, reader, &frontier, err));
    *ret = vs_merkle_root(&frontier);
    return VS_OK;
}

/* The signed checkpoint of the size up to which an earlier start has checked: its root must be
 * the stored tree's, so that the walk begins on firm ground. */
static vs_rc check_verified(struct vs_journal *journal, struct vs_tile_reader *reader,
                            struct vs_error *err)
{
    struct vs_value key = vs_int((int64_t)journal->verified);
    const struct vs_row *row;
    struct vs_checkpoint checkpoint;
    struct vs_hash root;
    if (journal->verified == 0)
        return VS_OK;
    VS_TRY(
        vs_store_get(journal->options.store, reader->arena, VS_T_CHECKPOINT, &key, &row, err));
    if (row == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "the checkpoint of size %llu is missing",
                       (unsigned long long)journal->verified);
    VS_TRY(vs_journal_read_note(journal, reader->arena, row->values[VS_CHECKPOINT_NOTE].bytes,
                                &checkpoint, err));
    VS_TRY(root_at(reader, journal->verified, &root, err));
    if (checkpoint.size != journal->verified || !vs_hash_equal(&root, &checkpoint.root))
        return vs_fail(err, VS_E_CORRUPT, NULL, "the journal is not that of checkpoint %llu",
                       (unsigned long long)journal->verified);
    return VS_OK;
}

static vs_rc verify_tail(struct vs_journal *journal, uint64_t size, struct vs_error *err)
{
    VS_ARENA *first = vs_arena_new(CHECK_ARENA), *second = vs_arena_new(CHECK_ARENA);
    if (first == NULL || second == NULL)
        return vs_fail_memory(err);
    struct walk w = {.journal = journal,
                     .leaves = {.store = journal->options.store, .arena = first},
                     .others = {.store = journal->options.store, .arena = second},
                     .rc = VS_OK,
                     .err = err};
    VS_TRY(
        vs_merkle_frontier_at(journal->verified, vs_tile_fetch, &w.others, &w.frontier, err));
    VS_TRY(walk_to(&w, size));
    struct vs_hash root = vs_merkle_root(&w.frontier);
    struct vs_hash stored = vs_merkle_root(&journal->now.frontier);
    if (!vs_hash_equal(&root, &stored))
        return vs_fail(err, VS_E_CORRUPT, NULL, "the journal's entries do not make its root");
    return VS_OK;
}

/* Invariant 4 of reliability.md: what was given out stays a prefix. */
static vs_rc check_anchor(struct vs_journal *journal, struct vs_tile_reader *reader,
                          uint64_t size, struct vs_error *err)
{
    struct vs_bytes note;
    struct vs_checkpoint anchor;
    struct vs_hash root;
    VS_TRY(vs_journal_read_anchor(journal, reader->arena, &note, err));
    if (note.ptr == NULL)
        return VS_OK;
    if (!vs_ok(vs_journal_read_note(journal, reader->arena, note, &anchor, err)))
        return vs_fail(err, VS_E_STORE_OLDER, NULL,
                       "the anchor %s is not by this journal's key and origin",
                       journal->anchor);
    if (anchor.size > size)
        return vs_fail(err, VS_E_STORE_OLDER, NULL,
                       "the journal has %llu entries, the anchor %s knows %llu",
                       (unsigned long long)size, journal->anchor,
                       (unsigned long long)anchor.size);
    VS_TRY(root_at(reader, anchor.size, &root, err));
    if (!vs_hash_equal(&root, &anchor.root))
        return vs_fail(err, VS_E_STORE_OLDER, NULL,
                       "the journal is another one than the anchor %s knows", journal->anchor);
    journal->anchor_size = anchor.size;
    return VS_OK;
}

static vs_rc load_row(struct vs_journal *journal, struct vs_tile_reader *reader,
                      const struct vs_row *row, struct vs_error *err)
{
    struct vs_bytes note = row->values[VS_JOURNAL_NOTE].bytes;
    uint64_t size = (uint64_t)row->values[VS_JOURNAL_SIZE].integer;
    struct vs_checkpoint checkpoint;
    journal->note = vs_heap_new(note.len + 1);
    memcpy(journal->note, note.ptr, note.len);
    journal->note_len = note.len;
    journal->size = size;
    journal->version = row->version;
    journal->epoch = (uint64_t)row->values[VS_JOURNAL_EPOCH].integer;
    journal->verified = (uint64_t)row->values[VS_JOURNAL_VERIFIED].integer;
    VS_TRY(vs_journal_read_note(journal, reader->arena, note, &checkpoint, err));
    VS_TRY(load_edge(journal, reader, size, err));
    struct vs_hash root = vs_merkle_root(&journal->now.frontier);
    if (checkpoint.size != size || journal->verified > size ||
        !vs_hash_equal(&root, &checkpoint.root))
        return vs_fail(err, VS_E_CORRUPT, NULL, "the journal is not that of its checkpoint");
    VS_TRY(check_verified(journal, reader, err));
    VS_TRY(verify_tail(journal, size, err));
    /* Written with the next append. */
    journal->verified = size;
    return VS_OK;
}

vs_rc vs_journal_load(struct vs_journal *journal, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(CHECK_ARENA);
    struct vs_tile_reader reader = {.store = journal->options.store, .arena = arena};
    struct vs_value key = vs_int(VS_JOURNAL_ROW);
    const struct vs_row *row;
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_store_get(journal->options.store, arena, VS_T_JOURNAL, &key, &row, err));
    if (row != NULL)
        VS_TRY(load_row(journal, &reader, row, err));
    return check_anchor(journal, &reader, journal->size, err);
}

/* -- the whole ---------------------------------------------------------------------------- */

/* One page of checkpoints after `size`, in order. */
static vs_rc next_checkpoints(struct vs_journal *journal, struct vs_arena *arena, uint64_t size,
                              const struct vs_row **ret, size_t *ret_n, struct vs_error *err)
{
    struct vs_value after = vs_int((int64_t)size);
    struct vs_query query = {.table = VS_T_CHECKPOINT,
                             .after = &after,
                             .n_after = 1,
                             .tolerate = true,
                             .limit = 256};
    return vs_store_select(journal->options.store, arena, &query, ret, ret_n, err);
}

/* The walked tree has reached this checkpoint's size. */
static void compare_checkpoint(struct walk *w, struct vs_arena *arena, const struct vs_row *row)
{
    struct vs_checkpoint checkpoint;
    struct vs_error err;
    char key[32];
    struct vs_hash root = vs_merkle_root(&w->frontier);
    snprintf(key, sizeof key, "%llu", (unsigned long long)w->frontier.size);
    if (!vs_ok(vs_journal_read_note(w->journal, arena, row->values[VS_CHECKPOINT_NOTE].bytes,
                                    &checkpoint, &err)))
        found(w, "checkpoint", key, err.text);
    else if (checkpoint.size != w->frontier.size || !vs_hash_equal(&checkpoint.root, &root))
        found(w, "checkpoint", key, "its root is not that of the entries");
}

static vs_rc walk_checkpoints(struct vs_journal *journal, struct walk *w, uint64_t size,
                              struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(CHECK_ARENA);
    uint64_t last = 0;
    if (arena == NULL)
        return vs_fail_memory(err);
    for (;;) {
        const struct vs_row *rows;
        size_t n;
        vs_arena_reset(arena);
        VS_TRY(next_checkpoints(journal, arena, last, &rows, &n, err));
        for (size_t i = 0; i < n; i++) {
            uint64_t at = (uint64_t)rows[i].values[VS_CHECKPOINT_SIZE].integer;
            last = at;
            if (at > size || rows[i].corrupt)
                continue; /* newer than this check, or named by vs_store_check */
            if (!vs_ok(walk_to(w, at)))
                return VS_OK;
            compare_checkpoint(w, arena, &rows[i]);
        }
        if (n == 0)
            break;
    }
    (void)!vs_ok(walk_to(w, size));
    return VS_OK;
}

/* Against the state as it was when the check began. */
static vs_rc compare_state(struct vs_journal *journal, struct walk *w, uint64_t size,
                           struct vs_bytes note, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(CHECK_ARENA);
    struct vs_checkpoint checkpoint;
    struct vs_tile_reader reader = {.store = journal->options.store, .arena = arena};
    struct vs_error text;
    if (arena == NULL)
        return vs_fail_memory(err);
    struct vs_hash root = vs_merkle_root(&w->frontier);
    if (!vs_ok(vs_journal_read_note(journal, arena, note, &checkpoint, &text)))
        found(w, "journal", "1", text.text);
    else if (w->frontier.size == size &&
             (checkpoint.size != size || !vs_hash_equal(&checkpoint.root, &root)))
        found(w, "journal", "1", "its newest checkpoint is not that of the entries");
    struct vs_bytes anchor_note;
    struct vs_checkpoint anchor;
    VS_TRY(vs_journal_read_anchor(journal, arena, &anchor_note, err));
    if (anchor_note.ptr == NULL)
        return VS_OK;
    if (!vs_ok(vs_journal_read_note(journal, arena, anchor_note, &anchor, &text)))
        found(w, "anchor", journal->anchor, text.text);
    else if (anchor.size <= size && vs_ok(root_at(&reader, anchor.size, &root, &text)) &&
             !vs_hash_equal(&root, &anchor.root))
        found(w, "anchor", journal->anchor, "it knows another journal");
    return VS_OK;
}

vs_rc vs_journal_check(struct vs_journal *journal, vs_store_fault *fault, void *context,
                       struct vs_error *err)
{
    VS_ARENA *first = vs_arena_new(CHECK_ARENA), *second = vs_arena_new(CHECK_ARENA),
             *third = vs_arena_new(CHECK_ARENA);
    if (first == NULL || second == NULL || third == NULL)
        return vs_fail_memory(err);
    struct walk w = {.journal = journal,
                     .leaves = {.store = journal->options.store, .arena = first},
                     .others = {.store = journal->options.store, .arena = second},
                     .fault = fault,
                     .context = context,
                     .rc = VS_OK,
                     .err = err};
    struct vs_bytes note;
    if (journal->damaged)
        found(&w, "journal", "start", journal->damage.text);
    VS_TRY(vs_journal_checkpoint(journal, third, &note, err));
    struct vs_checkpoint newest;
    uint64_t size = vs_ok(vs_checkpoint_read(third, note, &newest, err))
                        ? newest.size
                        : vs_journal_size(journal);
    VS_TRY(walk_checkpoints(journal, &w, size, err));
    return compare_state(journal, &w, size, note, err);
}
