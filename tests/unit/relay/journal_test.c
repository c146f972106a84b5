#include "tests/unit/unit.h"
#include "formats/evidence/checkpoint.h"
#include "relay/journal.h"
#include "relay/seal/keys.h"
#include <stdlib.h>
#include <unistd.h>

/* A journal over rows in memory, with an anchor file in a folder of its own. */
struct bench {
    struct vs_store *store;
    struct vs_journal *journal;
    struct vs_arena *arena;
    char folder[40], anchor[60];
    struct vs_journal_restart *restart;
};

static struct vs_keys *keys;
static uint8_t public_key[32];

static struct vs_hash leaf_of(uint64_t i)
{
    uint8_t data[8];
    vs_put_u64(data, i);
    return vs_merkle_leaf(VS_BYTES(data, 8));
}

static vs_rc open_journal(struct bench *b, struct vs_error *err)
{
    struct vs_journal_options options = {.store = b->store,
                                         .keys = keys,
                                         .origin = "test.local/journal",
                                         .anchor = b->anchor[0] != '\0' ? b->anchor : NULL,
                                         .restart = b->restart};
    return vs_journal_open(&options, &b->journal, err);
}

static void begin(struct bench *b)
{
    struct vs_error err;
    *b = (struct bench){.arena = vs_arena_new(64 << 20)};
    snprintf(b->folder, sizeof b->folder, "/tmp/vasite-journal-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    snprintf(b->anchor, sizeof b->anchor, "%s/journal.anchor", b->folder);
    assert_ok(vs_store_open_memory(NULL, &b->store, &err));
    assert_ok(open_journal(b, &err));
}

static void end(struct bench *b)
{
    vs_journal_close(b->journal);
    vs_store_close(b->store);
    vs_arena_free(b->arena);
    unlink(b->anchor);
    char lock[sizeof b->anchor + 8];
    snprintf(lock, sizeof lock, "%s.lock", b->anchor);
    unlink(lock);
    rmdir(b->folder);
}

static void reopen(struct bench *b)
{
    struct vs_error err;
    vs_journal_close(b->journal);
    b->journal = NULL;
    assert_ok(open_journal(b, &err));
}

static enum vs_outcome commit(struct bench *b, const struct vs_op *ops, size_t n)
{
    struct vs_error err;
    struct vs_item item = {.ops = ops, .n_ops = n};
    assert_ok(vs_store_commit(b->store, &item, 1, &err));
    return item.outcome;
}

/* `n` leaves whose content counts on from `seed` + the journal's size. */
static void append(struct bench *b, size_t n, uint64_t seed, vs_time_ms now)
{
    struct vs_error err;
    struct vs_journal_append a;
    uint64_t size = vs_journal_size(b->journal);
    struct vs_hash *leaves = vs_arena_make_n(b->arena, struct vs_hash, n);
    for (size_t i = 0; i < n; i++)
        leaves[i] = leaf_of(seed + size + i);
    assert_ok(vs_journal_prepare(b->journal, b->arena, leaves, n, now, &a, &err));
    assert_int_equal(a.first, size);
    assert_int_equal(commit(b, a.ops, a.n_ops), VS_ITEM_DONE);
    assert_ok(vs_journal_done(b->journal, &err));
    assert_int_equal(vs_journal_size(b->journal), size + n);
}

static struct vs_hash root_of(uint64_t size)
{
    struct vs_merkle_frontier frontier = {0};
    for (uint64_t i = 0; i < size; i++) {
        struct vs_hash leaf = leaf_of(i);
        vs_merkle_append(&frontier, &leaf, NULL, NULL);
    }
    return vs_merkle_root(&frontier);
}

static struct vs_checkpoint newest(struct bench *b)
{
    struct vs_error err;
    struct vs_bytes note;
    struct vs_checkpoint checkpoint;
    bool good;
    assert_ok(vs_journal_checkpoint(b->journal, b->arena, &note, &err));
    assert_ok(vs_checkpoint_verify(note, public_key, &good, &err));
    assert_true(good);
    assert_ok(vs_checkpoint_read(b->arena, note, &checkpoint, &err));
    return checkpoint;
}

static unsigned faults;
static char last_fault[300];
static void count_fault(void *context, const char *table, const char *key, const char *text)
{
    (void)context;
    faults++;
    snprintf(last_fault, sizeof last_fault, "%s %s: %s", table, key, text);
}

static unsigned check(struct bench *b)
{
    struct vs_error err;
    faults = 0;
    assert_ok(vs_journal_check(b->journal, count_fault, NULL, &err));
    return faults;
}

static void journal__signs_a_checkpoint_of_the_empty_tree(void **state)
{
    (void)state;
    struct bench b;
    begin(&b);
    struct vs_checkpoint checkpoint = newest(&b);
    struct vs_hash empty = vs_merkle_empty();
    assert_int_equal(checkpoint.size, 0);
    assert_true(vs_hash_equal(&checkpoint.root, &empty));
    assert_string_equal(checkpoint.origin, "test.local/journal");
    assert_int_equal(check(&b), 0);
    end(&b);
}

static void journal__has_the_same_tree_however_it_grew_and_after_each_start(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 1, 2, 128, 123, 1, 1, 255, 257, 768, 64000, 500};
    struct bench b;
    begin(&b);
    uint64_t size = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        append(&b, steps[i], 0, (vs_time_ms)i * 10000);
        size += steps[i];
        struct vs_hash wanted = root_of(size);
        for (int round = 0; round < 2; round++, reopen(&b)) {
            struct vs_checkpoint checkpoint = newest(&b);
            assert_int_equal(checkpoint.size, size);
            assert_true(vs_hash_equal(&checkpoint.root, &wanted));
        }
    }
    assert_int_equal(check(&b), 0);
    end(&b);
}

static void journal__proves_inclusion_and_consistency_from_tiles(void **state)
{
    (void)state;
    struct bench b;
    struct vs_error err;
    struct vs_merkle_proof proof;
    begin(&b);
    append(&b, 300, 0, 0);
    append(&b, 66000, 0, 1);
    append(&b, 7, 0, 2);
    static const uint64_t sizes[] = {1, 2, 255, 256, 257, 300, 512, 65536, 65537, 66300, 66307};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint64_t size = sizes[i];
        struct vs_hash root = root_of(size), newest_root = root_of(66307);
        for (uint64_t index = 0; index < size; index += size / 5 + 1) {
            struct vs_hash leaf = leaf_of(index), stored;
            assert_ok(vs_journal_leaf(b.journal, index, &stored, &err));
            assert_true(vs_hash_equal(&leaf, &stored));
            assert_ok(vs_journal_inclusion(b.journal, index, size, &proof, &err));
            assert_true(
                vs_merkle_inclusion_holds(&leaf, index, size, proof.nodes, proof.n, &root));
        }
        assert_ok(vs_journal_consistency(b.journal, size, 66307, &proof, &err));
        assert_true(vs_merkle_consistency_holds(size, &root, 66307, &newest_root, proof.nodes,
                                                proof.n));
    }
    assert_fails(VS_E_PARAMETER, vs_journal_inclusion(b.journal, 0, 66308, &proof, &err));
    assert_fails(VS_E_PARAMETER, vs_journal_inclusion(b.journal, 5, 5, &proof, &err));
    assert_fails(VS_E_PARAMETER, vs_journal_consistency(b.journal, 5, 66308, &proof, &err));
    struct vs_hash leaf;
    assert_fails(VS_E_PARAMETER, vs_journal_leaf(b.journal, 66307, &leaf, &err));
    end(&b);
}

static void journal__serves_tiles_as_c2sp_asks(void **state)
{
    (void)state;
    struct bench b;
    struct vs_error err;
    struct vs_bytes tile;
    begin(&b);
    append(&b, 600, 0, 0);
    assert_ok(vs_journal_tile(b.journal, 0, 0, 256, b.arena, &tile, &err));
    assert_int_equal(tile.len, 256 * 32);
    struct vs_hash leaf = leaf_of(255);
    assert_memory_equal(tile.ptr + 255 * 32, leaf.bytes, 32);
    assert_ok(vs_journal_tile(b.journal, 0, 2, 88, b.arena, &tile, &err));
    assert_int_equal(tile.len, 88 * 32);
    assert_ok(vs_journal_tile(b.journal, 0, 2, 1, b.arena, &tile, &err));
    assert_ok(vs_journal_tile(b.journal, 1, 0, 2, b.arena, &tile, &err));
    struct vs_hash root = root_of(256);
    assert_memory_equal(tile.ptr, root.bytes, 32);
    assert_fails(VS_E_NOT_FOUND, vs_journal_tile(b.journal, 0, 2, 89, b.arena, &tile, &err));
    assert_fails(VS_E_NOT_FOUND, vs_journal_tile(b.journal, 1, 0, 3, b.arena, &tile, &err));
    assert_fails(VS_E_NOT_FOUND, vs_journal_tile(b.journal, 2, 0, 1, b.arena, &tile, &err));
    assert_fails(VS_E_NOT_FOUND, vs_journal_tile(b.journal, 9, 0, 1, b.arena, &tile, &err));
    assert_fails(VS_E_NOT_FOUND, vs_journal_tile(b.journal, 0, 0, 0, b.arena, &tile, &err));
    assert_fails(VS_E_NOT_FOUND,
                 vs_journal_tile(b.journal, 0, UINT64_MAX, 256, b.arena, &tile, &err));
    end(&b);
}

static void journal__forgets_an_append_that_was_undone(void **state)
{
    (void)state;
    struct bench b;
    struct vs_error err;
    struct vs_journal_append a;
    struct vs_hash other = leaf_of(999999);
    begin(&b);
    append(&b, 255, 0, 0);
    assert_ok(vs_journal_prepare(b.journal, b.arena, &other, 1, 1, &a, &err));
    vs_journal_undo(b.journal);
    assert_int_equal(newest(&b).size, 255);
    append(&b, 2, 0, 2);
    struct vs_checkpoint checkpoint = newest(&b);
    struct vs_hash wanted = root_of(257);
    assert_true(vs_hash_equal(&checkpoint.root, &wanted));
    reopen(&b);
    end(&b);
}

/* Invariant 4: two sequencers on one store never make a fork. */
static void journal__meets_a_conflict_when_somebody_else_appended(void **state)
{
    (void)state;
    struct bench b;
    struct vs_error err;
    struct vs_journal_append a;
    struct vs_hash leaf = leaf_of(7);
    for (size_t before = 0; before < 2; before++) {
        begin(&b);
        if (before > 0)
            append(&b, before, 0, 0);
        struct bench second = b;
        assert_fails(VS_E_STORE_IN_USE, open_journal(&second, &err));
        second.anchor[0] = '\0'; /* it would hold the other one off */
        assert_ok(open_journal(&second, &err));
        append(&b, 1, 0, 1);
        assert_ok(vs_journal_prepare(second.journal, b.arena, &leaf, 1, 1, &a, &err));
        assert_int_equal(commit(&b, a.ops, a.n_ops), VS_ITEM_CONFLICT);
        vs_journal_undo(second.journal);
        vs_journal_close(second.journal);
        assert_int_equal(check(&b), 0);
        end(&b);
    }
}

static void journal__refuses_a_store_older_than_its_anchor(void **state)
{
    (void)state;
    struct bench b;
    struct vs_error err;
    begin(&b);
    append(&b, 10, 0, 0);
    /* The same journal, restored from a copy made at size 7: here one that grew as far. */
    struct vs_store *newer = b.store;
    vs_journal_close(b.journal);
    b.journal = NULL;
    assert_ok(vs_store_open_memory(NULL, &b.store, &err));
    assert_fails(VS_E_STORE_OLDER, open_journal(&b, &err)); /* an empty one */
    char aside[80];
    snprintf(aside, sizeof aside, "%s.aside", b.anchor);
    assert_int_equal(rename(b.anchor, aside), 0);
    assert_ok(open_journal(&b, &err));
    append(&b, 7, 0, 0);
    vs_journal_close(b.journal);
    b.journal = NULL;
    assert_int_equal(rename(aside, b.anchor), 0);
    assert_fails(VS_E_STORE_OLDER, open_journal(&b, &err));
    vs_store_close(b.store);
    /* The refusals left the anchor alone; the newer store still fits it. */
    b.store = newer;
    assert_ok(open_journal(&b, &err));
    assert_int_equal(newest(&b).size, 10);
    end(&b);
}

static void journal__refuses_a_store_with_another_history_than_its_anchor(void **state)
{
    (void)state;
    struct bench b;
    struct vs_error err;
    begin(&b);
    append(&b, 10, 0, 0);
    vs_journal_close(b.journal);
    vs_store_close(b.store);
    b.journal = NULL;
    char aside[80];
    snprintf(aside, sizeof aside, "%s.aside", b.anchor);
    assert_int_equal(rename(b.anchor, aside), 0);
    assert_ok(vs_store_open_memory(NULL, &b.store, &err));
    assert_ok(open_journal(&b, &err));
    append(&b, 12, 500, 0); /* longer, other entries */
    vs_journal_close(b.journal);
    b.journal = NULL;
    assert_int_equal(rename(aside, b.anchor), 0);
    assert_fails(VS_E_STORE_OLDER, open_journal(&b, &err));
    end(&b);
}

static void journal__keeps_its_anchor_at_most_a_second_behind(void **state)
{
    (void)state;
    struct bench b;
    struct vs_error err;
    struct vs_bytes note;
    struct vs_checkpoint anchor;
    static const struct {
        vs_time_ms now;
        uint64_t anchored;
    } steps[] = {{10000, 1}, {10500, 1}, {10999, 1}, {11000, 4}, {9000, 5}};
    begin(&b);
    for (size_t i = 0; i < 5; i++) {
        append(&b, 1, 0, steps[i].now);
        assert_ok(vs_file_read(&vs_fileops_real, b.anchor, b.arena, 10000, &note, &err));
        assert_ok(vs_checkpoint_read(b.arena, note, &anchor, &err));
        assert_int_equal(anchor.size, steps[i].anchored);
    }
    append(&b, 1, 0, 9001);
    assert_ok(vs_journal_flush(b.journal, &err));
    assert_ok(vs_file_read(&vs_fileops_real, b.anchor, b.arena, 10000, &note, &err));
    assert_ok(vs_checkpoint_read(b.arena, note, &anchor, &err));
    assert_int_equal(anchor.size, 6);
    end(&b);
}

/* Flip a bit of one hash of a tile, as a forger would who can write rows. */
static void tamper(struct bench *b, unsigned level, uint64_t number, size_t hash)
{
    struct vs_error err;
    struct vs_value key[] = {vs_int(level), vs_int((int64_t)number)};
    const struct vs_row *row;
    assert_ok(vs_store_get(b->store, b->arena, VS_T_TILE, key, &row, &err));
    assert_non_null(row);
    struct vs_bytes old = row->values[VS_TILE_HASHES].bytes;
    uint8_t *changed = (uint8_t *)(uintptr_t)vs_bytes_copy(b->arena, old).ptr;
    changed[hash * 32] ^= 1;
    struct vs_value values[] = {key[0], key[1], vs_blob(VS_BYTES(changed, old.len))};
    struct vs_op op = vs_op_put(VS_T_TILE, values);
    assert_int_equal(commit(b, &op, 1), VS_ITEM_DONE);
}

static void journal__finds_every_tampered_hash_at_start_and_by_check(void **state)
{
    (void)state;
    static const struct {
        unsigned level;
        uint64_t number;
        size_t hash;
    } places[] = {{0, 0, 0}, {0, 1, 255}, {0, 2, 3}, {1, 0, 0}, {1, 0, 1}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct bench b;
        struct vs_error err;
        begin(&b);
        append(&b, 530, 0, 0);
        assert_int_equal(check(&b), 0);
        tamper(&b, places[i].level, places[i].number, places[i].hash);
        assert_true(check(&b) > 0);
        vs_journal_close(b.journal);
        b.journal = NULL;
        assert_fails(VS_E_CORRUPT, open_journal(&b, &err));
        tamper(&b, places[i].level, places[i].number, places[i].hash);
        assert_ok(open_journal(&b, &err));
        assert_int_equal(check(&b), 0);
        end(&b);
    }
}

/* `vasite check` must be able to look at what no start takes. */
static void journal__is_opened_for_inspection_though_it_does_not_hold(void **state)
{
    (void)state;
    struct bench b;
    struct vs_error err;
    struct vs_journal_append a;
    struct vs_hash leaf = leaf_of(1);
    begin(&b);
    append(&b, 530, 0, 0);
    tamper(&b, 0, 1, 7);
    vs_journal_close(b.journal);
    b.journal = NULL;
    struct vs_journal_options options = {.store = b.store,
                                         .keys = keys,
                                         .origin = "test.local/journal",
                                         .anchor = b.anchor,
                                         .inspect = true};
    assert_ok(vs_journal_open(&options, &b.journal, &err));
    assert_true(check(&b) > 1);
    assert_int_equal(vs_journal_size(b.journal), 530);
    assert_ok(vs_journal_leaf(b.journal, 3, &leaf, &err));
    assert_fails(VS_E_CORRUPT, vs_journal_prepare(b.journal, b.arena, &leaf, 1, 1, &a, &err));
    vs_journal_close(b.journal);
    /* One that holds is opened as ever. */
    tamper(&b, 0, 1, 7);
    assert_ok(vs_journal_open(&options, &b.journal, &err));
    assert_int_equal(check(&b), 0);
    append(&b, 1, 0, 5);
    /* One without its state. */
    vs_journal_close(b.journal);
    struct vs_value key = vs_int(1);
    struct vs_op op = vs_op_delete(VS_T_JOURNAL, &key, VS_ANY_VERSION);
    assert_int_equal(commit(&b, &op, 1), VS_ITEM_DONE);
    assert_ok(vs_journal_open(&options, &b.journal, &err));
    assert_true(check(&b) > 0);
    end(&b);
}

static void journal__checks_at_start_only_what_no_start_has_checked(void **state)
{
    (void)state;
    struct bench b;
    struct vs_error err;
    begin(&b);
    append(&b, 600, 0, 0);
    reopen(&b);
    append(&b, 300, 0, 1); /* now 600 are marked as checked */
    tamper(&b, 0, 0, 5);   /* below: only the whole check reads it */
    reopen(&b);
    assert_true(check(&b) > 0);
    tamper(&b, 0, 0, 5);
    assert_int_equal(check(&b), 0);
    tamper(&b, 0, 2, 250); /* entry 762, above */
    vs_journal_close(b.journal);
    b.journal = NULL;
    assert_fails(VS_E_CORRUPT, open_journal(&b, &err));
    end(&b);
}

static void journal__finds_a_changed_or_foreign_checkpoint(void **state)
{
    (void)state;
    struct bench b;
    struct vs_error err;
    begin(&b);
    append(&b, 3, 0, 0);
    append(&b, 3, 0, 1);
    struct vs_value key = vs_int(3);
    const struct vs_row *row, *other;
    assert_ok(vs_store_get(b.store, b.arena, VS_T_CHECKPOINT, &key, &row, &err));
    key = vs_int(6);
    assert_ok(vs_store_get(b.store, b.arena, VS_T_CHECKPOINT, &key, &other, &err));
    /* A true note in the wrong place. */
    struct vs_value values[] = {vs_int(3), other->values[VS_CHECKPOINT_NOTE], vs_int(0)};
    struct vs_op op = vs_op_put(VS_T_CHECKPOINT, values);
    assert_int_equal(commit(&b, &op, 1), VS_ITEM_DONE);
    assert_int_equal(check(&b), 1);
    assert_non_null(strstr(last_fault, "checkpoint 3"));
    values[1] = vs_blob(VS_BYTES_LITERAL("forged"));
    assert_int_equal(commit(&b, &op, 1), VS_ITEM_DONE);
    assert_int_equal(check(&b), 1);
    end(&b);
}

static int make_keys(void **state)
{
    (void)state;
    struct vs_error err;
    VS_KEY *key = NULL;
    keys = vs_keys_new();
    assert_ok(vs_key_generate(VS_GENERATE_ED25519, &key, &err));
    assert_true(vs_public_key_ed25519(vs_key_public(key), public_key));
    assert_ok(vs_keys_set(keys, VS_PURPOSE_CHECKPOINT, key, NULL, 0, &err));
    return 0;
}

static int drop_keys(void **state)
{
    (void)state;
    vs_keys_free(keys);
    return 0;
}

/* -- a restored store ---------------------------------------------------------------------- */

static void restart(struct bench *b, struct vs_journal_restart *how, enum vs_code wanted)
{
    struct vs_error err;
    b->restart = how;
    if (wanted == VS_E_NONE)
        assert_ok(open_journal(b, &err));
    else
        assert_fails(wanted, open_journal(b, &err));
    b->restart = NULL;
}

static void close_it(struct bench *b)
{
    vs_journal_close(b->journal);
    b->journal = NULL;
}

static void assert_log(struct bench *b, uint64_t epoch, const char *origin, uint64_t size)
{
    struct vs_error err;
    struct vs_journal_log log;
    struct vs_checkpoint checkpoint;
    assert_ok(vs_journal_log(b->journal, b->arena, epoch, &log, &err));
    assert_string_equal(log.origin, origin);
    assert_int_equal(log.size, size);
    assert_ok(vs_checkpoint_read(b->arena, log.checkpoint, &checkpoint, &err));
    assert_string_equal(checkpoint.origin, origin);
    assert_int_equal(checkpoint.size, size);
}

#define OLD   "test.local/journal"
#define FRESH "test.local/journal/2-0101010101010101"

static void journal__of_a_restored_store_is_a_new_log_beside_the_old_one(void **state)
{
    (void)state;
    struct bench b;
    struct vs_error err;
    struct vs_journal_restart how;
    struct vs_merkle_proof proof;
    struct vs_hash leaf = leaf_of(3), root = root_of(300);
    begin(&b);
    append(&b, 300, 0, 0);
    close_it(&b);
    memset(&how, 0, sizeof how);
    memset(how.unique, 1, sizeof how.unique);
    restart(&b, &how, VS_E_NONE);
    assert_string_equal(how.old_origin, OLD);
    assert_int_equal(how.old_size, 300);
    assert_string_equal(how.anchor_origin, OLD);
    assert_int_equal(how.anchor_size, 300);
    append(&b, 1, 7000, 0);
    append(&b, 600, 7000, 1);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(vs_journal_epoch(b.journal), 2);
        assert_log(&b, 1, OLD, 300);
        assert_log(&b, 2, FRESH, 601);
        assert_ok(vs_journal_inclusion_of(b.journal, 1, 3, 300, &proof, &err));
        assert_true(vs_merkle_inclusion_holds(&leaf, 3, 300, proof.nodes, proof.n, &root));
        assert_fails(VS_E_PARAMETER,
                     vs_journal_inclusion_of(b.journal, 1, 3, 301, &proof, &err));
        assert_fails(VS_E_NOT_FOUND, vs_journal_inclusion_of(b.journal, 3, 0, 1, &proof, &err));
        assert_int_equal(check(&b), 0);
        reopen(&b);
    }
    end(&b);
}

/* With a checksum that fits: only the signed origin gives it away. */
static void journal__whose_epoch_was_edited_is_refused(void **state)
{
    (void)state;
    struct bench b;
    struct vs_error err;
    struct vs_journal_restart how = {.anchor_lost = true};
    begin(&b);
    append(&b, 10, 0, 0);
    close_it(&b);
    restart(&b, &how, VS_E_NONE);
    append(&b, 2, 0, 0);
    close_it(&b);
    unlink(b.anchor); /* the rows alone must do */
    struct vs_value key = vs_int(2), values[VS_JOURNAL_COLUMNS];
    const struct vs_row *row;
    assert_ok(vs_store_get(b.store, b.arena, VS_T_JOURNAL, &key, &row, &err));
    memcpy(values, row->values, sizeof values);
    values[VS_JOURNAL_EPOCH] = vs_int(3);
    struct vs_op op = vs_op_put(VS_T_JOURNAL, values);
    assert_int_equal(commit(&b, &op, 1), VS_ITEM_DONE);
    assert_fails(VS_E_CORRUPT, open_journal(&b, &err));
    /* The id and the name along with it: the note still says which log it is. */
    struct vs_op removed = vs_op_delete(VS_T_JOURNAL, &key, VS_ANY_VERSION);
    assert_int_equal(commit(&b, &removed, 1), VS_ITEM_DONE);
    values[VS_JOURNAL_ID] = vs_int(3);
    values[VS_JOURNAL_LOG] = vs_text("3-0000000000000000");
    op = vs_op_put(VS_T_JOURNAL, values);
    assert_int_equal(commit(&b, &op, 1), VS_ITEM_DONE);
    assert_fails(VS_E_CORRUPT, open_journal(&b, &err));
    end(&b);
}

static void journal__restarts_only_beside_the_anchor_that_it_is_told_of(void **state)
{
    (void)state;
    struct bench b, first;
    struct vs_error err;
    struct vs_journal_restart how = {.anchor_lost = false}, again = {.anchor_lost = false};
    begin(&b);
    append(&b, 10, 0, 0);
    close_it(&b);
    /* The anchor is gone: it must be said. */
    char aside[80];
    snprintf(aside, sizeof aside, "%s.aside", b.anchor);
    assert_int_equal(rename(b.anchor, aside), 0);
    restart(&b, &how, VS_E_STORE_OLDER);
    assert_int_equal(rename(aside, b.anchor), 0);
    /* One restore begins a log; of a second one from the same rows that log must be named. */
    first = b;
    assert_ok(vs_store_open_memory(NULL, &first.store, &err));
    memset(how.unique, 1, sizeof how.unique);
    struct bench other = first;
    first.anchor[0] = '\0';
    assert_ok(open_journal(&first, &err));
    append(&first, 4, 0, 0); /* the rows of an older backup */
    close_it(&first);
    snprintf(first.anchor, sizeof first.anchor, "%s", other.anchor);
    restart(&first, &how, VS_E_NONE);
    append(&first, 1, 500, 0);
    close_it(&first);
    restart(&b, &again, VS_E_STORE_OLDER);
    assert_fails(VS_E_STORE_OLDER, open_journal(&b, &err));
    again = (struct vs_journal_restart){.supersede = FRESH};
    memset(again.unique, 2, sizeof again.unique);
    restart(&b, &again, VS_E_NONE);
    append(&b, 1, 900, 0);
    assert_int_equal(vs_journal_epoch(b.journal), 3); /* after both */
    close_it(&b);
    assert_fails(VS_E_STORE_OLDER, open_journal(&first, &err));
    vs_store_close(first.store);
    assert_ok(open_journal(&b, &err));
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(journal__signs_a_checkpoint_of_the_empty_tree),
        cmocka_unit_test(journal__has_the_same_tree_however_it_grew_and_after_each_start),
        cmocka_unit_test(journal__proves_inclusion_and_consistency_from_tiles),
        cmocka_unit_test(journal__serves_tiles_as_c2sp_asks),
        cmocka_unit_test(journal__forgets_an_append_that_was_undone),
        cmocka_unit_test(journal__meets_a_conflict_when_somebody_else_appended),
        cmocka_unit_test(journal__refuses_a_store_older_than_its_anchor),
        cmocka_unit_test(journal__refuses_a_store_with_another_history_than_its_anchor),
        cmocka_unit_test(journal__keeps_its_anchor_at_most_a_second_behind),
        cmocka_unit_test(journal__finds_every_tampered_hash_at_start_and_by_check),
        cmocka_unit_test(journal__is_opened_for_inspection_though_it_does_not_hold),
        cmocka_unit_test(journal__checks_at_start_only_what_no_start_has_checked),
        cmocka_unit_test(journal__finds_a_changed_or_foreign_checkpoint),
        cmocka_unit_test(journal__of_a_restored_store_is_a_new_log_beside_the_old_one),
        cmocka_unit_test(journal__whose_epoch_was_edited_is_refused),
        cmocka_unit_test(journal__restarts_only_beside_the_anchor_that_it_is_told_of),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
