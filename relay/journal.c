#include "relay/journal_priv.h"
#include "relay/seal/keys.h"

#define ANCHOR_EVERY_MS VS_SECOND_MS
#define PROOF_ARENA     ((size_t)4 * 1024 * 1024)

/* -- open --------------------------------------------------------------------------------- */

vs_rc vs_journal_sign(struct vs_journal *journal, struct vs_arena *arena,
                      const struct vs_merkle_frontier *frontier, struct vs_bytes *ret,
                      struct vs_error *err)
{
    struct vs_checkpoint checkpoint = {.origin = journal->origin, .size = frontier->size};
    struct vs_bytes body;
    checkpoint.root = vs_merkle_root(frontier);
    VS_TRY(vs_checkpoint_body(arena, &checkpoint, &body, err));
    struct vs_signing job = {
        .purpose = VS_PURPOSE_CHECKPOINT, .form = VS_SIGNATURE_RAW, .message = body};
    VS_TRY(vs_keys_sign(journal->options.keys, &job, 1, err));
    VS_ASSERT(job.value.len == 64);
    return vs_checkpoint_note(arena, journal->origin, body, journal->public_key,
                              job.value.bytes, ret, err);
}

static void set_note(struct vs_journal *journal, struct vs_bytes note, uint64_t size)
{
    char *copy = vs_heap_new(note.len + 1);
    memcpy(copy, note.ptr, note.len);
    pthread_mutex_lock(&journal->lock);
    vs_heap_free(journal->note);
    journal->note = copy;
    journal->note_len = note.len;
    journal->size = size;
    pthread_mutex_unlock(&journal->lock);
}

/* An empty log has a checkpoint too, though no row yet. */
static vs_rc set_first_note(struct vs_journal *journal, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(256 * 1024);
    struct vs_bytes note;
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_journal_sign(journal, arena, &journal->now.frontier, &note, err));
    set_note(journal, note, 0);
    return VS_OK;
}

static vs_rc open_loaded(struct vs_journal *journal, struct vs_error *err)
{
    struct vs_public_key *key = vs_keys_public(journal->options.keys, VS_PURPOSE_CHECKPOINT);
    if (key == NULL || !vs_public_key_ed25519(key, journal->public_key))
        return vs_fail(err, VS_E_KEY, NULL, "there is no Ed25519 key for checkpoints");
    if (!journal->options.inspect)
        VS_TRY(vs_journal_lock_anchor(journal, err));
    VS_TRY(vs_journal_load(journal, err));
    /* A new log has no checkpoint to give out before its record is committed. */
    if (journal->options.restart != NULL)
        return set_first_note(journal, err);
    if (journal->version == 0)
        VS_TRY(set_first_note(journal, err));
    return vs_journal_flush(journal, err);
}

vs_rc vs_journal_open(const struct vs_journal_options *options, struct vs_journal **ret,
                      struct vs_error *err)
{
    struct vs_journal *journal = vs_heap_new(sizeof *journal);
    journal->options = *options;
    if (journal->options.files == NULL)
        journal->options.files = &vs_fileops_real;
    journal->base = vs_heap_strdup(options->origin);
    journal->origin = vs_heap_strdup(options->origin);
    journal->anchor = options->anchor == NULL ? NULL : vs_heap_strdup(options->anchor);
    vs_buffer_init(&journal->taken, VS_CHECKPOINT_MAX_BYTES);
    vs_buffer_init(&journal->anchor_note, VS_CHECKPOINT_MAX_BYTES);
    journal->options.origin = journal->base;
    journal->options.anchor = journal->anchor;
    journal->epoch = 1;
    journal->anchor_time = VS_TIME_NONE;
    pthread_mutex_init(&journal->lock, NULL);
    vs_rc rc = open_loaded(journal, err);
    if (vs_ok(rc)) {
        *ret = journal;
        return rc;
    }
    /* A store that was refused must not leave its mark on the anchor. */
    journal->anchor_size = UINT64_MAX;
    if (options->inspect && (rc.code == VS_E_CORRUPT || rc.code == VS_E_STORE_OLDER)) {
        journal->damaged = true;
        journal->damage = *err;
        if (journal->note == NULL)
            set_note(journal, VS_BYTES_LITERAL("none"), 0);
        *ret = journal;
        return VS_OK;
    }
    vs_journal_close(journal);
    return rc;
}

void vs_journal_close(struct vs_journal *journal)
{
    if (journal == NULL)
        return;
    struct vs_error ignored;
    /* The next open brings the anchor forward again. */
    (void)!vs_ok(vs_journal_flush(journal, &ignored));
    vs_journal_unlock_anchor(journal);
    pthread_mutex_destroy(&journal->lock);
    vs_heap_free(journal->note);
    vs_heap_free(journal->next_note);
    vs_heap_free(journal->base);
    vs_heap_free(journal->origin);
    vs_heap_free(journal->anchor);
    vs_buffer_done(&journal->taken);
    vs_buffer_done(&journal->anchor_note);
    vs_journal_logs_free(journal);
    vs_heap_free(journal);
}

uint64_t vs_journal_size(const struct vs_journal *journal)
{
    pthread_mutex_lock((pthread_mutex_t *)&journal->lock);
    uint64_t size = journal->size;
    pthread_mutex_unlock((pthread_mutex_t *)&journal->lock);
    return size;
}

/* -- appending ---------------------------------------------------------------------------- */

struct appending {
    struct vs_journal *journal;
    struct vs_arena *arena;
    struct vs_op *ops;
    size_t n_ops, room;
    bool touched[VS_TILE_LEVELS];
    bool full; /* the arena */
};

static void put_tile(struct appending *a, unsigned level)
{
    const struct vs_tile *tile = &a->journal->next.tiles[level];
    struct vs_value *row = vs_arena_make_n(a->arena, struct vs_value, VS_TILE_COLUMNS);
    struct vs_bytes hashes =
        vs_bytes_copy(a->arena, VS_BYTES(tile->hashes, tile->n * sizeof(struct vs_hash)));
    if (row == NULL || hashes.ptr == NULL || a->n_ops == a->room) {
        a->full = true;
        return;
    }
    row[VS_TILE_LEVEL] = vs_int(vs_log_level(a->journal->epoch) + level);
    row[VS_TILE_NUMBER] = vs_int((int64_t)tile->number);
    row[VS_TILE_HASHES] = vs_blob(hashes);
    a->ops[a->n_ops++] = vs_op_put(VS_T_TILE, row);
    a->touched[level] = false;
}

/* vs_merkle_closed: only every eighth level is stored, the rest follows from it. */
static void keep_node(void *context, unsigned level, uint64_t index, const struct vs_hash *hash)
{
    struct appending *a = context;
    if (level % 8 != 0)
        return;
    struct vs_tile *tile = &a->journal->next.tiles[level / 8];
    VS_ASSERT(tile->number * VS_TILE_WIDTH + tile->n == index);
    tile->hashes[tile->n++] = *hash;
    a->touched[level / 8] = true;
    if (tile->n < VS_TILE_WIDTH)
        return;
    put_tile(a, level / 8);
    tile->number++;
    tile->n = 0;
}

/* What a later log's row says for ever. */
static void put_beginning(const struct vs_journal *journal, struct vs_value *row)
{
    row[VS_JOURNAL_LOG] = vs_text(journal->origin + strlen(journal->base) + 1);
    if (journal->taken.len > 0)
        row[VS_JOURNAL_TAKEN] = vs_blob(vs_buffer_view(&journal->taken));
    if (journal->has_record)
        row[VS_JOURNAL_RECORD] = vs_blob(VS_BYTES(journal->record, sizeof journal->record));
}

/* The state row: inserted by the first append, changed by compare-and-swap on its version ever
 * after, which every change of (size, epoch) moves. */
static vs_rc put_state(struct appending *a, struct vs_bytes note, vs_time_ms now,
                       struct vs_error *err)
{
    struct vs_journal *journal = a->journal;
    struct vs_value *row = vs_arena_make_n(a->arena, struct vs_value, VS_JOURNAL_COLUMNS);
    struct vs_value *point = vs_arena_make_n(a->arena, struct vs_value, VS_CHECKPOINT_COLUMNS);
    if (row == NULL || point == NULL)
        return vs_fail_memory(err);
    int64_t size = (int64_t)journal->next.frontier.size;
    row[VS_JOURNAL_ID] = vs_int((int64_t)journal->epoch);
    row[VS_JOURNAL_SIZE] = vs_int(size);
    row[VS_JOURNAL_EPOCH] = vs_int((int64_t)journal->epoch);
    row[VS_JOURNAL_NOTE] = vs_blob(note);
    row[VS_JOURNAL_VERIFIED] = vs_int((int64_t)journal->verified);
    if (journal->version == 0 && journal->epoch > 1)
        put_beginning(journal, row);
    uint64_t set = VS_SET(VS_JOURNAL_SIZE) | VS_SET(VS_JOURNAL_EPOCH) |
                   VS_SET(VS_JOURNAL_NOTE) | VS_SET(VS_JOURNAL_VERIFIED);
    a->ops[a->n_ops++] = journal->version == 0
                             ? vs_op_insert(VS_T_JOURNAL, row)
                             : vs_op_update(VS_T_JOURNAL, row, set, journal->version);
    point[VS_CHECKPOINT_SIZE] = vs_int(vs_log_size_key(journal->epoch, (uint64_t)size));
    point[VS_CHECKPOINT_NOTE] = vs_blob(note);
    point[VS_CHECKPOINT_TIME] = vs_int(now);
    a->ops[a->n_ops++] = vs_op_insert(VS_T_CHECKPOINT, point);
    return VS_OK;
}

static vs_rc append_all(struct appending *a, const struct vs_hash *leaves, size_t n,
                        struct vs_error *err)
{
    struct vs_journal *journal = a->journal;
    /* Full tiles of all levels (there is less than one above for each below), the edges, the
     * state and the checkpoint. */
    a->room = 2 * (n / VS_TILE_WIDTH + 1) + 2 * VS_TILE_LEVELS;
    a->ops = vs_arena_make_n(a->arena, struct vs_op, a->room + 2);
    if (a->ops == NULL)
        return vs_fail_memory(err);
    journal->next = journal->now;
    for (size_t i = 0; i < n; i++)
        vs_merkle_append(&journal->next.frontier, &leaves[i], keep_node, a);
    for (unsigned level = 0; level < VS_TILE_LEVELS; level++)
        if (a->touched[level])
            put_tile(a, level);
    return a->full ? vs_fail_memory(err) : VS_OK;
}

static void keep_next_note(struct vs_journal *journal, struct vs_bytes note)
{
    vs_heap_free(journal->next_note);
    journal->next_note = vs_heap_new(note.len + 1);
    memcpy(journal->next_note, note.ptr, note.len);
    journal->next_note_len = note.len;
}

vs_rc vs_journal_prepare(struct vs_journal *journal, struct vs_arena *arena,
                         const struct vs_hash *leaves, size_t n, vs_time_ms now,
                         struct vs_journal_append *ret, struct vs_error *err)
{
    VS_ASSERT(!journal->preparing && n > 0);
    if (journal->damaged)
        return vs_fail(err, VS_E_CORRUPT, NULL, "%s", journal->damage.text);
    struct appending a = {.journal = journal, .arena = arena};
    struct vs_bytes note;
    VS_TRY(append_all(&a, leaves, n, err));
    VS_TRY(vs_journal_sign(journal, arena, &journal->next.frontier, &note, err));
    VS_TRY(put_state(&a, note, now, err));
    keep_next_note(journal, note);
    journal->next_time = now;
    journal->preparing = true;
    *ret = (struct vs_journal_append){.first = journal->now.frontier.size,
                                      .ops = a.ops,
                                      .n_ops = a.n_ops,
                                      .checkpoint = note};
    vs_sha256(note, ret->checkpoint_digest.bytes);
    return VS_OK;
}

void vs_journal_undo(struct vs_journal *journal)
{
    journal->preparing = false;
}

vs_rc vs_journal_done(struct vs_journal *journal, struct vs_error *err)
{
    VS_ASSERT(journal->preparing);
    journal->preparing = false;
    journal->now = journal->next;
    journal->version++;
    set_note(journal, VS_BYTES(journal->next_note, journal->next_note_len),
             journal->now.frontier.size);
    vs_time_ms last = journal->anchor_time, now = journal->next_time;
    /* A clock that went back is no reason to wait. */
    bool recent = last != VS_TIME_NONE && now >= last && now - last < ANCHOR_EVERY_MS;
    if (recent)
        return VS_OK;
    VS_TRY(vs_journal_flush(journal, err));
    journal->anchor_time = journal->next_time;
    return VS_OK;
}

vs_rc vs_journal_flush(struct vs_journal *journal, struct vs_error *err)
{
    uint64_t size = journal->now.frontier.size;
    /* version 0: a log whose first entry is not durable is none yet. */
    bool nothing = journal->version == 0 && journal->epoch > 1;
    if (journal->anchor == NULL || journal->anchor_size >= size || nothing)
        return VS_OK;
    VS_TRY(vs_journal_write_anchor(journal, err));
    journal->anchor_size = size;
    return VS_OK;
}

/* -- reading ------------------------------------------------------------------------------ */

vs_rc vs_tile_read(struct vs_tile_reader *reader, unsigned level, uint64_t number,
                   struct vs_bytes *ret, struct vs_error *err)
{
    VS_ASSERT(level < VS_TILE_LEVELS);
    if (reader->kept[level].is_set && reader->kept[level].number == number) {
        *ret = reader->kept[level].hashes;
        return VS_OK;
    }
    struct vs_value key[] = {vs_int(reader->first_level + level), vs_int((int64_t)number)};
    const struct vs_row *row;
    VS_TRY(vs_store_get(reader->store, reader->arena, VS_T_TILE, key, &row, err));
    if (row == NULL)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "there is no tile %u/%llu", level,
                       (unsigned long long)number);
    *ret = row->values[VS_TILE_HASHES].bytes;
    reader->kept[level].is_set = true;
    reader->kept[level].number = number;
    reader->kept[level].hashes = *ret;
    return VS_OK;
}

vs_rc vs_tile_fetch(void *context, unsigned level, uint64_t index, struct vs_hash *ret,
                    struct vs_error *err)
{
    struct vs_tile_reader *reader = context;
    unsigned inner = level % 8; /* levels above the tile's own */
    size_t n = (size_t)1 << inner;
    uint64_t first = index << inner, number = first / VS_TILE_WIDTH;
    size_t from = (size_t)(first % VS_TILE_WIDTH);
    struct vs_bytes tile;
    vs_rc rc = vs_tile_read(reader, level / 8, number, &tile, err);
    if (rc.code == VS_E_NOT_FOUND || (vs_ok(rc) && tile.len < (from + n) * 32))
        return vs_fail(err, VS_E_CORRUPT, NULL, "tile %u/%llu lacks hashes", level / 8,
                       (unsigned long long)number);
    VS_TRY(rc);
    struct vs_hash nodes[VS_TILE_WIDTH];
    memcpy(nodes, tile.ptr + from * 32, n * 32);
    for (; n > 1; n /= 2)
        for (size_t i = 0; i < n / 2; i++)
            nodes[i] = vs_merkle_node(&nodes[2 * i], &nodes[2 * i + 1]);
    *ret = nodes[0];
    return VS_OK;
}

vs_rc vs_journal_checkpoint(struct vs_journal *journal, struct vs_arena *arena,
                            struct vs_bytes *ret, struct vs_error *err)
{
    pthread_mutex_lock(&journal->lock);
    char *copy = vs_arena_strndup(arena, journal->note, journal->note_len);
    size_t len = journal->note_len;
    pthread_mutex_unlock(&journal->lock);
    if (copy == NULL)
        return vs_fail_memory(err);
    *ret = VS_BYTES(copy, len);
    return VS_OK;
}

char *vs_journal_verifier_key(struct vs_journal *journal, struct vs_arena *arena)
{
    return vs_checkpoint_verifier_key(arena, journal->origin, journal->public_key);
}
