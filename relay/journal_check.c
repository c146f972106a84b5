/* The journal against itself: at open from the last verified checkpoint on, and as a whole. */
#include "relay/journal_priv.h"
#include <stdio.h>

#define CHECK_ARENA ((size_t)8 * 1024 * 1024)

vs_rc vs_journal_read_signed(const struct vs_journal *journal, struct vs_arena *arena,
                             struct vs_bytes note, struct vs_checkpoint *ret,
                             struct vs_error *err)
{
    bool ours = false;
    struct vs_error inner;
    if (!vs_ok(vs_checkpoint_read(arena, note, ret, &inner)) ||
        !vs_ok(vs_checkpoint_verify(note, journal->public_key, &ours, &inner)) || !ours)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a checkpoint that this journal never signed");
    return VS_OK;
}

vs_rc vs_journal_read_note(const struct vs_journal *journal, const char *origin,
                           struct vs_arena *arena, struct vs_bytes note,
                           struct vs_checkpoint *ret, struct vs_error *err)
{
    VS_TRY(vs_journal_read_signed(journal, arena, note, ret, err));
    if (strcmp(ret->origin, origin) != 0)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a checkpoint that this journal never signed");
    return VS_OK;
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

vs_rc vs_journal_root_at(struct vs_tile_reader *reader, uint64_t size, struct vs_hash *ret,
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
    struct vs_value key = vs_int(vs_log_size_key(journal->epoch, journal->verified));
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
    VS_TRY(vs_journal_read_note(journal, journal->origin, reader->arena,
                                row->values[VS_CHECKPOINT_NOTE].bytes, &checkpoint, err));
    VS_TRY(vs_journal_root_at(reader, journal->verified, &root, err));
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
    unsigned level = vs_log_level(journal->epoch);
    struct walk w = {.journal = journal,
                     .leaves = {journal->options.store, first, .first_level = level},
                     .others = {journal->options.store, second, .first_level = level},
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
    journal->verified = (uint64_t)row->values[VS_JOURNAL_VERIFIED].integer;
    VS_TRY(
        vs_journal_read_note(journal, journal->origin, reader->arena, note, &checkpoint, err));
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
    const struct vs_row *row;
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_journal_load_logs(journal, arena, &row, err));
    reader.first_level = vs_log_level(journal->epoch);
    if (row != NULL)
        VS_TRY(load_row(journal, &reader, row, err));
    VS_TRY(vs_journal_check_anchor(journal, &reader, err));
    return journal->options.restart == NULL ? VS_OK : vs_journal_restart_log(journal, err);
}

/* -- the whole ---------------------------------------------------------------------------- */

/* One log as it was when the check began. */
struct log_view {
    uint64_t epoch, size;
    const char *origin;
    struct vs_bytes note;
};

/* One page of the log's checkpoints after `size`, in order. */
static vs_rc next_checkpoints(struct vs_journal *journal, struct vs_arena *arena,
                              const struct log_view *log, uint64_t size,
                              const struct vs_row **ret, size_t *ret_n, struct vs_error *err)
{
    struct vs_value after = vs_int(vs_log_size_key(log->epoch, size));
    struct vs_value high = vs_int(vs_log_size_key(log->epoch + 1, 0) - 1);
    struct vs_query query = {.table = VS_T_CHECKPOINT,
                             .high = &high,
                             .after = &after,
                             .n_after = 1,
                             .tolerate = true,
                             .limit = 256};
    return vs_store_select(journal->options.store, arena, &query, ret, ret_n, err);
}

/* The walked tree has reached this checkpoint's size. */
static void compare_checkpoint(struct walk *w, struct vs_arena *arena,
                               const struct log_view *log, const struct vs_row *row)
{
    struct vs_checkpoint checkpoint;
    struct vs_error err;
    char key[32];
    struct vs_hash root = vs_merkle_root(&w->frontier);
    snprintf(key, sizeof key, "%llu", (unsigned long long)w->frontier.size);
    if (!vs_ok(vs_journal_read_note(w->journal, log->origin, arena,
                                    row->values[VS_CHECKPOINT_NOTE].bytes, &checkpoint, &err)))
        found(w, "checkpoint", key, err.text);
    else if (checkpoint.size != w->frontier.size || !vs_hash_equal(&checkpoint.root, &root))
        found(w, "checkpoint", key, "its root is not that of the entries");
}

static vs_rc walk_checkpoints(struct vs_journal *journal, struct walk *w,
                              const struct log_view *log, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(CHECK_ARENA);
    uint64_t last = 0;
    if (arena == NULL)
        return vs_fail_memory(err);
    for (;;) {
        const struct vs_row *rows;
        size_t n;
        vs_arena_reset(arena);
        VS_TRY(next_checkpoints(journal, arena, log, last, &rows, &n, err));
        for (size_t i = 0; i < n; i++) {
            uint64_t at = (uint64_t)(rows[i].values[VS_CHECKPOINT_SIZE].integer -
                                     vs_log_size_key(log->epoch, 0));
            last = at;
            if (at > log->size || rows[i].corrupt)
                continue; /* newer than this check, or named by vs_store_check */
            if (!vs_ok(walk_to(w, at)))
                return VS_OK;
            compare_checkpoint(w, arena, log, &rows[i]);
        }
        if (n == 0)
            break;
    }
    (void)!vs_ok(walk_to(w, log->size));
    return VS_OK;
}

/* Its newest checkpoint, against the state as it was when the check began. */
static vs_rc compare_state(struct vs_journal *journal, struct walk *w,
                           const struct log_view *log, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(CHECK_ARENA);
    struct vs_checkpoint checkpoint;
    struct vs_error text;
    char key[32];
    if (arena == NULL)
        return vs_fail_memory(err);
    snprintf(key, sizeof key, "%llu", (unsigned long long)log->epoch);
    struct vs_hash root = vs_merkle_root(&w->frontier);
    if (!vs_ok(
            vs_journal_read_note(journal, log->origin, arena, log->note, &checkpoint, &text)))
        found(w, "journal", key, text.text);
    else if (w->frontier.size == log->size &&
             (checkpoint.size != log->size || !vs_hash_equal(&checkpoint.root, &root)))
        found(w, "journal", key, "its newest checkpoint is not that of the entries");
    return VS_OK;
}

static vs_rc compare_anchor(struct vs_journal *journal, struct walk *w,
                            const struct log_view *log, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(CHECK_ARENA);
    struct vs_tile_reader reader = {journal->options.store, arena,
                                    .first_level = vs_log_level(log->epoch)};
    struct vs_bytes note;
    struct vs_checkpoint anchor;
    struct vs_hash root;
    struct vs_error text;
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_journal_read_anchor(journal, arena, &note, err));
    if (note.ptr == NULL || vs_bytes_equal(note, vs_buffer_view(&journal->taken)))
        return VS_OK;
    if (!vs_ok(vs_journal_read_note(journal, log->origin, arena, note, &anchor, &text)))
        found(w, "anchor", journal->anchor, text.text);
    else if (anchor.size <= log->size &&
             vs_ok(vs_journal_root_at(&reader, anchor.size, &root, &text)) &&
             !vs_hash_equal(&root, &anchor.root))
        found(w, "anchor", journal->anchor, "it knows another journal");
    return VS_OK;
}

static vs_rc check_log(struct vs_journal *journal, const struct log_view *log,
                       vs_store_fault *fault, void *context, struct vs_error *err)
{
    VS_ARENA *first = vs_arena_new(CHECK_ARENA), *second = vs_arena_new(CHECK_ARENA);
    unsigned level = vs_log_level(log->epoch);
    if (first == NULL || second == NULL)
        return vs_fail_memory(err);
    struct walk w = {.journal = journal,
                     .leaves = {journal->options.store, first, .first_level = level},
                     .others = {journal->options.store, second, .first_level = level},
                     .fault = fault,
                     .context = context,
                     .rc = VS_OK,
                     .err = err};
    VS_TRY(walk_checkpoints(journal, &w, log, err));
    VS_TRY(compare_state(journal, &w, log, err));
    return log->epoch == journal->epoch ? compare_anchor(journal, &w, log, err) : VS_OK;
}

vs_rc vs_journal_check(struct vs_journal *journal, vs_store_fault *fault, void *context,
                       struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(CHECK_ARENA);
    struct log_view log = {.epoch = journal->epoch, .origin = journal->origin};
    struct vs_checkpoint newest;
    if (arena == NULL)
        return vs_fail_memory(err);
    if (journal->damaged)
        fault(context, "journal", "start", journal->damage.text);
    for (size_t i = 0; i < journal->n_past; i++) {
        const struct vs_past_log *past = &journal->past[i];
        struct log_view view = {past->epoch, past->size, past->origin,
                                vs_buffer_view(&past->note)};
        VS_TRY(check_log(journal, &view, fault, context, err));
    }
    VS_TRY(vs_journal_checkpoint(journal, arena, &log.note, err));
    log.size = vs_ok(vs_checkpoint_read(arena, log.note, &newest, err))
                   ? newest.size
                   : vs_journal_size(journal);
    return check_log(journal, &log, fault, context, err);
}
