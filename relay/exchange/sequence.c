#include "relay/exchange/sequence.h"
#include "relay/deliver.h"
#include "relay/exchange/follow.h"
#include "relay/exchange/mailbox.h"
#include "relay/exchange/notify.h"
#include "relay/exchange/register.h"
#include "relay/exchange/transitions.h"
#include "relay/journal.h"
#include "relay/relay_priv.h"

#define PLACE_SHIFT  16 /* a place is milliseconds << 16 and a count */
#define SETTING_NAME "sequence"
#define BLOB_MAX     ((size_t)16 << 20)
#define OPEN_ARENA   ((size_t)256 << 20)

struct vs_sequencer {
    struct vs_pending_batch *first, *last; /* waiting, oldest first */
    int64_t next_batch;
    int64_t place;          /* the last one given out, durable */
    int64_t place_prepared; /* after the item in the making */
    bool preparing;
    bool journal_prepared;
    struct vs_registrar *registrar;
};

struct vs_pending_batch *vs_pending_batch_new(size_t n_leaves, size_t n_moves)
{
    struct vs_pending_batch *batch = vs_heap_new(sizeof *batch);
    batch->leaves = vs_heap_array(n_leaves + 1, sizeof *batch->leaves);
    batch->salts = vs_heap_array(n_leaves + 1, sizeof *batch->salts);
    batch->moves = vs_heap_array(n_moves + 1, sizeof *batch->moves);
    batch->n_leaves = n_leaves;
    batch->n_moves = n_moves;
    return batch;
}

void vs_pending_batch_free(struct vs_pending_batch *batch)
{
    if (batch == NULL)
        return;
    vs_heap_free(batch->leaves);
    vs_heap_free(batch->salts);
    vs_heap_free(batch->moves);
    vs_heap_free(batch);
}

int64_t vs_sequencer_number(struct vs_relay *relay)
{
    return relay->sequencer->next_batch;
}

static void append(struct vs_relay *relay, struct vs_pending_batch *batch)
{
    struct vs_sequencer *sequencer = relay->sequencer;
    batch->next = NULL;
    if (sequencer->last == NULL)
        sequencer->first = batch;
    else
        sequencer->last->next = batch;
    sequencer->last = batch;
    atomic_store(&relay->sequence_waiting, true);
}

void vs_sequencer_add(struct vs_relay *relay, struct vs_pending_batch *batch)
{
    relay->sequencer->next_batch = batch->number + 1;
    append(relay, batch);
}

/* What each move does to the row. */
const struct vs_move_row vs_move_rows[VS_MOVE_KINDS] = {
    [VS_MOVE_ENTER] = {true, true, VS_DELIVERY_AVAILABLE, VS_DELIVERY_RECEIVED_AT},
    [VS_MOVE_REACH] = {false, true, VS_DELIVERY_REACHED, VS_DELIVERY_REACHED_AT},
    [VS_MOVE_TELL] = {false, false, VS_DELIVERY_PENDING, 0},
    [VS_MOVE_ASK] = {true, true, VS_DELIVERY_ASKED, VS_DELIVERY_ASKED_AT},
    [VS_MOVE_WAIT] = {false, true, VS_DELIVERY_WAITING, 0},
    [VS_MOVE_BOTH] = {true, false, VS_DELIVERY_PENDING, 0},
    [VS_MOVE_PUSHED] = {true, false, VS_DELIVERY_PENDING, 0},
};

/* -- the item ------------------------------------------------------------------------------ */

static size_t evidence_leaves(const struct vs_pending_batch *batch)
{
    size_t n = 0;
    for (size_t i = 0; i < batch->n_leaves; i++)
        n += batch->leaves[i].kind == VS_LEAF_EVIDENCE;
    return n;
}

static vs_rc prepare_journal(struct vs_relay *relay, struct vs_arena *arena,
                             const struct vs_pending_batch *batch, size_t n, vs_time_ms now,
                             struct vs_journal_append *ret, struct vs_error *err)
{
    struct vs_hash *hashes = vs_arena_make_n(arena, struct vs_hash, n);
    if (hashes == NULL)
        return vs_fail_memory(err);
    n = 0;
    for (size_t i = 0; i < batch->n_leaves; i++)
        if (batch->leaves[i].kind == VS_LEAF_EVIDENCE)
            hashes[n++] =
                vs_merkle_salted_leaf(batch->salts[i], batch->leaves[i].digests[0].bytes);
    return vs_journal_prepare(relay->journal, arena, hashes, n, now, ret, err);
}

/* The final lists, the place in the journal; what must still follow. */
static vs_rc batch_op(struct vs_relay *relay, struct vs_arena *arena,
                      const struct vs_pending_batch *batch,
                      const struct vs_journal_append *journal, bool evidence, struct vs_op *ret,
                      struct vs_error *err)
{
    VS_BUFFER leaves, moves;
    vs_buffer_init(&leaves, BLOB_MAX);
    vs_buffer_init(&moves, BLOB_MAX);
    vs_leaves_encode(&leaves, batch->leaves, batch->n_leaves);
    vs_moves_encode(&moves, batch->moves, batch->n_moves);
    bool followed = false;
    for (size_t i = 0; i < batch->n_moves; i++)
        followed = followed || vs_move_is_followed(batch->moves[i].kind);
    struct vs_value *row = vs_arena_make_n(arena, struct vs_value, VS_BATCH_COLUMNS);
    struct vs_bytes leaves_copy, moves_copy;
    if (row == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_buffer_copy(&leaves, arena, &leaves_copy, err));
    VS_TRY(vs_buffer_copy(&moves, arena, &moves_copy, err));
    row[VS_BATCH_NUMBER] = vs_int(batch->number);
    row[VS_BATCH_LEAVES] = vs_blob(leaves_copy);
    row[VS_BATCH_MOVES] = vs_blob(moves_copy);
    if (followed)
        row[VS_BATCH_FOLLOW] = vs_int(1);
    uint64_t set = VS_SET(VS_BATCH_LEAVES) | VS_SET(VS_BATCH_MOVES) |
                   VS_SET(VS_BATCH_SEQUENCE) | VS_SET(VS_BATCH_FOLLOW);
    if (evidence) {
        row[VS_BATCH_MARK] = vs_int(batch->created);
        row[VS_BATCH_FIRST] = vs_int((int64_t)journal->first);
        row[VS_BATCH_CHECKPOINT] =
            vs_blob(vs_bytes_copy(arena, VS_BYTES(journal->checkpoint_digest.bytes,
                                                  sizeof journal->checkpoint_digest.bytes)));
        set |= VS_SET(VS_BATCH_MARK) | VS_SET(VS_BATCH_FIRST) | VS_SET(VS_BATCH_CHECKPOINT);
        if (vs_journal_epoch(relay->journal) > 1) {
            row[VS_BATCH_EPOCH] = vs_int((int64_t)vs_journal_epoch(relay->journal));
            set |= VS_SET(VS_BATCH_EPOCH);
        }
    }
    *ret = vs_op_update(VS_T_BATCH, row, set, VS_ANY_VERSION);
    return VS_OK;
}

static int64_t next_place(int64_t place, vs_time_ms now)
{
    int64_t least = now << PLACE_SHIFT;
    return least > place ? least : place + 1;
}

static vs_rc move_op(struct vs_arena *arena, const struct vs_move *move,
                     const struct vs_numbers *numbers, int64_t place, vs_time_ms now,
                     struct vs_op *ret, struct vs_error *err)
{
    struct vs_value *row = vs_arena_make_n(arena, struct vs_value, VS_DELIVERY_COLUMNS);
    if (row == NULL)
        return vs_fail_memory(err);
    row[VS_DELIVERY_DOCUMENT] = vs_id_value(&move->document);
    row[VS_DELIVERY_RECIPIENT] = vs_id_value(&move->recipient);
    const struct vs_move_row *does = &vs_move_rows[move->kind];
    row[VS_DELIVERY_EVENT] = vs_int(place);
    uint64_t set = VS_SET(VS_DELIVERY_EVENT);
    if (does->mailbox) {
        row[VS_DELIVERY_MAILBOX] = vs_int(place);
        set |= VS_SET(VS_DELIVERY_MAILBOX);
    }
    if (does->moves) {
        row[VS_DELIVERY_STATE] = vs_int(does->state);
        set |= VS_SET(VS_DELIVERY_STATE);
    }
    if (does->time_column != 0) {
        row[does->time_column] = vs_int(now);
        set |= VS_SET(does->time_column);
    }
    if (numbers->outgoing != 0) {
        row[VS_DELIVERY_OUTGOING] = vs_int(numbers->outgoing);
        set |= VS_SET(VS_DELIVERY_OUTGOING);
    }
    if (numbers->incoming != 0) {
        row[VS_DELIVERY_INCOMING] = vs_int(numbers->incoming);
        set |= VS_SET(VS_DELIVERY_INCOMING);
    }
    *ret = vs_op_update(VS_T_DELIVERY, row, set, VS_ANY_VERSION);
    return VS_OK;
}

static vs_rc place_op(struct vs_arena *arena, int64_t place, struct vs_op *ret,
                      struct vs_error *err)
{
    struct vs_value *row = vs_arena_make_n(arena, struct vs_value, VS_SETTING_COLUMNS);
    if (row == NULL)
        return vs_fail_memory(err);
    row[VS_SETTING_NAME] = vs_text(SETTING_NAME);
    row[VS_SETTING_NUMBER] = vs_int(place);
    *ret = vs_op_put(VS_T_SETTING, row);
    return VS_OK;
}

/* Nothing of the batch came to be: every item met a conflict. */
static vs_rc empty_item(struct vs_arena *arena, const struct vs_pending_batch *batch,
                        struct vs_item *ret, struct vs_error *err)
{
    struct vs_value *key = vs_arena_make_n(arena, struct vs_value, VS_BATCH_COLUMNS);
    struct vs_op *op = vs_arena_make(arena, struct vs_op);
    if (key == NULL || op == NULL)
        return vs_fail_memory(err);
    key[VS_BATCH_NUMBER] = vs_int(batch->number);
    *op = vs_op_delete(VS_T_BATCH, key, VS_ANY_VERSION);
    *ret = (struct vs_item){.ops = op, .n_ops = 1};
    return VS_OK;
}

static vs_rc full_item(struct vs_relay *relay, struct vs_arena *arena,
                       const struct vs_pending_batch *batch, vs_time_ms now,
                       struct vs_item *ret, struct vs_error *err)
{
    struct vs_sequencer *sequencer = relay->sequencer;
    struct vs_journal_append journal = {0};
    size_t evidence = evidence_leaves(batch), n = 0;
    if (evidence > 0) {
        VS_TRY(prepare_journal(relay, arena, batch, evidence, now, &journal, err));
        sequencer->journal_prepared = true;
    }
    struct vs_numbers *numbers = vs_arena_make_n(arena, struct vs_numbers, batch->n_moves + 1);
    const struct vs_op *counters;
    size_t n_counters;
    if (numbers == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_registrar_prepare(relay, sequencer->registrar, arena, batch->moves,
                                batch->n_moves, now, numbers, &counters, &n_counters, err));
    struct vs_op *ops =
        vs_arena_make_n(arena, struct vs_op, journal.n_ops + batch->n_moves + n_counters + 2);
    if (ops == NULL)
        return vs_fail_memory(err);
    if (journal.n_ops > 0)
        memcpy(ops, journal.ops, journal.n_ops * sizeof *ops);
    n = journal.n_ops;
    VS_TRY(batch_op(relay, arena, batch, &journal, evidence > 0, &ops[n++], err));
    for (size_t i = 0; i < batch->n_moves; i++) {
        sequencer->place_prepared = next_place(sequencer->place_prepared, now);
        VS_TRY(move_op(arena, &batch->moves[i], &numbers[i], sequencer->place_prepared, now,
                       &ops[n++], err));
    }
    for (size_t i = 0; i < n_counters; i++)
        ops[n++] = counters[i];
    if (batch->n_moves > 0)
        VS_TRY(place_op(arena, sequencer->place_prepared, &ops[n++], err));
    *ret = (struct vs_item){.ops = ops, .n_ops = n};
    return VS_OK;
}

vs_rc vs_sequencer_item(struct vs_relay *relay, struct vs_arena *arena, vs_time_ms now,
                        struct vs_item *ret, struct vs_error *err)
{
    struct vs_sequencer *sequencer = relay->sequencer;
    const struct vs_pending_batch *batch = sequencer->first;
    *ret = (struct vs_item){.n_ops = 0};
    if (batch == NULL)
        return VS_OK;
    VS_ASSERT(!sequencer->preparing);
    sequencer->preparing = true;
    sequencer->place_prepared = sequencer->place;
    vs_rc rc = batch->n_leaves + batch->n_moves == 0
                   ? empty_item(arena, batch, ret, err)
                   : full_item(relay, arena, batch, now, ret, err);
    if (!vs_ok(rc))
        vs_sequencer_undo(relay);
    return rc;
}

void vs_sequencer_undo(struct vs_relay *relay)
{
    struct vs_sequencer *sequencer = relay->sequencer;
    if (sequencer->journal_prepared)
        vs_journal_undo(relay->journal);
    vs_registrar_undo(sequencer->registrar);
    sequencer->preparing = sequencer->journal_prepared = false;
}

/* For its endpoint: due since it was accepted, and it may go now. */
static bool any_waits(const struct vs_pending_batch *batch)
{
    for (size_t i = 0; i < batch->n_moves; i++)
        if (batch->moves[i].kind == VS_MOVE_WAIT)
            return true;
    return false;
}

vs_rc vs_sequencer_done(struct vs_relay *relay, struct vs_error *err)
{
    struct vs_sequencer *sequencer = relay->sequencer;
    struct vs_pending_batch *batch = sequencer->first;
    bool journal = sequencer->journal_prepared;
    vs_registrar_done(sequencer->registrar);
    sequencer->first = batch->next;
    if (sequencer->first == NULL) {
        sequencer->last = NULL;
        atomic_store(&relay->sequence_waiting, false);
    }
    sequencer->place = sequencer->place_prepared;
    sequencer->preparing = sequencer->journal_prepared = false;
    if (batch->n_moves > 0) {
        atomic_store(&relay->last_sequence, sequencer->place);
        vs_mailbox_wake(relay, batch->moves, batch->n_moves);
        vs_events_poke(relay, batch->moves, batch->n_moves);
        vs_follow_batch(relay, batch->number, batch->moves, batch->n_moves);
        if (any_waits(batch))
            vs_relay_wake_delivery(relay);
    }
    if (journal) {
        atomic_fetch_add(&relay->unmarked, 1);
        int64_t none = VS_TIME_NONE;
        atomic_compare_exchange_strong(&relay->oldest_unmarked, &none, batch->created);
        atomic_store(&relay->mark_waiting, true);
        vs_relay_wake_marker(relay);
    }
    vs_pending_batch_free(batch);
    if (!journal)
        return VS_OK;
    vs_rc anchored = vs_journal_done(relay->journal, err);
    /* What is committed stays so though the anchor cannot follow: intake closes until it does.
     */
    atomic_store(&relay->anchor_behind, !vs_ok(anchored));
    /* But another copy of this store that is alive ends this one (reliability.md, 4). */
    return anchored.code == VS_E_STORE_OLDER ? anchored : VS_OK;
}

/* -- opening (relay invariant 5) ----------------------------------------------------------- */

/* Whether a leaf's item was committed, or met a conflict beside its batch; its salt. */
static vs_rc recover_leaf(struct vs_relay *relay, struct vs_arena *arena,
                          const struct vs_leaf *leaf, uint8_t salt[32], bool *ret,
                          struct vs_error *err)
{
    struct vs_value key = vs_id_value(&leaf->id);
    bool evidence = leaf->kind == VS_LEAF_EVIDENCE;
    const struct vs_row *row;
    VS_TRY(vs_store_get(relay->store, arena, evidence ? VS_T_EVIDENCE : VS_T_DOCUMENT, &key,
                        &row, err));
    *ret = row != NULL;
    if (row != NULL && evidence) {
        struct vs_bytes value = row->values[VS_EVIDENCE_SALT].bytes;
        if (value.len != 32)
            return vs_fail(err, VS_E_CORRUPT, NULL, "a salt has a wrong length");
        memcpy(salt, value.ptr, 32);
    }
    return VS_OK;
}

/* Whether what the move wants to do can have become durable with its stage. */
static bool may_move(const struct vs_value *v, enum vs_move_kind kind)
{
    enum vs_delivery_state state = (enum vs_delivery_state)v[VS_DELIVERY_STATE].integer;
    const struct vs_move_row *does = &vs_move_rows[kind];
    if (!does->moves)
        return true;
    /* A consent that was given is what lets an asked delivery go on. */
    return vs_transition_find(state, does->state) != NULL &&
           (state != VS_DELIVERY_ASKED || v[VS_DELIVERY_CONSENT_AT].type != VS_NULL);
}

static vs_rc recover_move(struct vs_relay *relay, struct vs_arena *arena,
                          const struct vs_move *move, bool *ret, struct vs_error *err)
{
    struct vs_value key[2] = {vs_id_value(&move->document), vs_id_value(&move->recipient)};
    const struct vs_row *row;
    VS_TRY(vs_store_get(relay->store, arena, VS_T_DELIVERY, key, &row, err));
    *ret = row != NULL && may_move(row->values, move->kind);
    return VS_OK;
}

static vs_rc recover_batch(struct vs_relay *relay, struct vs_arena *arena,
                           const struct vs_row *row, struct vs_error *err)
{
    struct vs_batch *from;
    VS_TRY(vs_batch_from_row(arena, row, &from, err));
    struct vs_pending_batch *to = vs_pending_batch_new(from->n_leaves, from->n_moves);
    to->number = from->number;
    to->created = from->created;
    to->n_leaves = to->n_moves = 0;
    append(relay, to);
    bool there;
    for (size_t i = 0; i < from->n_leaves; i++) {
        VS_TRY(
            recover_leaf(relay, arena, &from->leaves[i], to->salts[to->n_leaves], &there, err));
        if (there)
            to->leaves[to->n_leaves++] = from->leaves[i];
    }
    for (size_t i = 0; i < from->n_moves; i++) {
        VS_TRY(recover_move(relay, arena, &from->moves[i], &there, err));
        if (there)
            to->moves[to->n_moves++] = from->moves[i];
    }
    return VS_OK;
}

static vs_rc recover_batches(struct vs_relay *relay, struct vs_arena *arena,
                             struct vs_error *err)
{
    struct vs_value equal = vs_int(1);
    struct vs_query query = {
        .table = VS_T_BATCH, .index = VS_BATCH_BY_SEQUENCE, .equal = &equal, .n_equal = 1};
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    for (size_t i = 0; i < n; i++)
        VS_TRY(recover_batch(relay, arena, &rows[i], err));
    return VS_OK;
}

static vs_rc read_place(struct vs_relay *relay, struct vs_arena *arena, struct vs_error *err)
{
    struct vs_value key = vs_text(SETTING_NAME);
    const struct vs_row *row;
    VS_TRY(vs_store_get(relay->store, arena, VS_T_SETTING, &key, &row, err));
    relay->sequencer->place = row == NULL ? 0 : row->values[VS_SETTING_NUMBER].integer;
    atomic_store(&relay->last_sequence, relay->sequencer->place);
    atomic_store(&relay->last_event, relay->sequencer->place >> PLACE_SHIFT);
    return VS_OK;
}

static vs_rc read_number(struct vs_relay *relay, struct vs_arena *arena, struct vs_error *err)
{
    /* Damaged or not, its number is taken. */
    struct vs_query query = {
        .table = VS_T_BATCH, .descending = true, .tolerate = true, .limit = 1};
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    relay->sequencer->next_batch = n == 0 ? 1 : rows[0].values[VS_BATCH_NUMBER].integer + 1;
    return VS_OK;
}

vs_rc vs_sequencer_open(struct vs_relay *relay, struct vs_error *err)
{
    relay->sequencer = vs_heap_new(sizeof *relay->sequencer);
    relay->sequencer->registrar = vs_registrar_new();
    VS_ARENA *arena = vs_arena_new(OPEN_ARENA);
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(read_place(relay, arena, err));
    VS_TRY(read_number(relay, arena, err));
    VS_TRY(recover_batches(relay, arena, err));
    return vs_follow_recover(relay, err);
}

void vs_sequencer_close(struct vs_relay *relay)
{
    struct vs_sequencer *sequencer = relay->sequencer;
    if (sequencer == NULL)
        return;
    while (sequencer->first != NULL) {
        struct vs_pending_batch *next = sequencer->first->next;
        vs_pending_batch_free(sequencer->first);
        sequencer->first = next;
    }
    vs_registrar_free(sequencer->registrar);
    vs_heap_free(sequencer);
    relay->sequencer = NULL;
}
