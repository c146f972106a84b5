#include "relay/seal/batch.h"
#include "formats/evidence/evidence_record.h"
#include "relay/relay_priv.h"

#define LEAVES_VERSION 1
#define MOVES_VERSION  1
#define NUMBERED       0x80u
#define MOVE_BYTES     (1 + 3 * VS_ID_BYTES)

static size_t digests_of(unsigned kind)
{
    switch (kind) {
    case VS_LEAF_CONSIGNMENT:
        return 3;
    case VS_LEAF_EVIDENCE:
    case VS_LEAF_EVIDENCE_GONE:
    case VS_LEAF_CONSIGNMENT_GONE:
        return 1;
    default:
        return 0;
    }
}

static size_t leaf_bytes(unsigned kind)
{
    return 1 + VS_ID_BYTES + digests_of(kind) * sizeof(struct vs_hash);
}

void vs_leaves_encode(struct vs_buffer *to, const struct vs_leaf *leaves, size_t n)
{
    if (to->len == 0)
        vs_buffer_byte(to, LEAVES_VERSION);
    for (size_t i = 0; i < n; i++) {
        vs_buffer_byte(to, (uint8_t)leaves[i].kind);
        vs_buffer_add(to, vs_id_bytes(&leaves[i].id));
        vs_buffer_add(to, VS_BYTES(leaves[i].digests,
                                   digests_of(leaves[i].kind) * sizeof *leaves[i].digests));
    }
}

static vs_rc damaged(struct vs_error *err, const char *what)
{
    return vs_fail(err, VS_E_CORRUPT, NULL, "a batch's %s cannot be read", what);
}

vs_rc vs_leaves_decode(struct vs_arena *arena, struct vs_bytes from, struct vs_leaf **ret,
                       size_t *ret_n, struct vs_error *err)
{
    if (from.len < 1 || from.ptr[0] != LEAVES_VERSION)
        return damaged(err, "leaves");
    size_t most = from.len / leaf_bytes(VS_LEAF_EVIDENCE) + 1, n = 0;
    struct vs_leaf *leaves = vs_arena_make_n(arena, struct vs_leaf, most);
    if (leaves == NULL)
        return vs_fail_memory(err);
    for (size_t at = 1; at < from.len; n++) {
        unsigned kind = from.ptr[at];
        if (digests_of(kind) == 0 || from.len - at < leaf_bytes(kind))
            return damaged(err, "leaves");
        leaves[n].kind = (enum vs_leaf_kind)kind;
        memcpy(leaves[n].id.bytes, from.ptr + at + 1, VS_ID_BYTES);
        memcpy(leaves[n].digests, from.ptr + at + 1 + VS_ID_BYTES,
               digests_of(kind) * sizeof *leaves[n].digests);
        at += leaf_bytes(kind);
    }
    *ret = leaves;
    *ret_n = n;
    return VS_OK;
}

void vs_moves_encode(struct vs_buffer *to, const struct vs_move *moves, size_t n)
{
    if (to->len == 0)
        vs_buffer_byte(to, MOVES_VERSION);
    for (size_t i = 0; i < n; i++) {
        vs_buffer_byte(to, (uint8_t)(moves[i].kind | (moves[i].numbered ? NUMBERED : 0)));
        vs_buffer_add(to, vs_id_bytes(&moves[i].document));
        vs_buffer_add(to, vs_id_bytes(&moves[i].recipient));
        vs_buffer_add(to, vs_id_bytes(&moves[i].sender));
    }
}

vs_rc vs_moves_decode(struct vs_arena *arena, struct vs_bytes from, struct vs_move **ret,
                      size_t *ret_n, struct vs_error *err)
{
    if (from.len < 1 || from.ptr[0] != MOVES_VERSION || (from.len - 1) % MOVE_BYTES != 0)
        return damaged(err, "moves");
    size_t n = (from.len - 1) / MOVE_BYTES;
    struct vs_move *moves = vs_arena_make_n(arena, struct vs_move, n + 1);
    if (moves == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *at = from.ptr + 1 + i * MOVE_BYTES;
        unsigned kind = at[0] & ~NUMBERED;
        if (kind < VS_MOVE_ENTER || kind >= VS_MOVE_KINDS)
            return damaged(err, "moves");
        moves[i].kind = (enum vs_move_kind)kind;
        moves[i].numbered = (at[0] & NUMBERED) != 0;
        memcpy(moves[i].document.bytes, at + 1, VS_ID_BYTES);
        memcpy(moves[i].recipient.bytes, at + 1 + VS_ID_BYTES, VS_ID_BYTES);
        memcpy(moves[i].sender.bytes, at + 1 + 2 * VS_ID_BYTES, VS_ID_BYTES);
    }
    *ret = moves;
    *ret_n = n;
    return VS_OK;
}

vs_rc vs_batch_from_row(struct vs_arena *arena, const struct vs_row *row, struct vs_batch **ret,
                        struct vs_error *err)
{
    const struct vs_value *v = row->values;
    struct vs_batch *batch = vs_arena_make(arena, struct vs_batch);
    if (batch == NULL)
        return vs_fail_memory(err);
    batch->number = v[VS_BATCH_NUMBER].integer;
    batch->version = row->version;
    batch->created = v[VS_BATCH_CREATED].integer;
    VS_TRY(vs_leaves_decode(arena, v[VS_BATCH_LEAVES].bytes, &batch->leaves, &batch->n_leaves,
                            err));
    VS_TRY(
        vs_moves_decode(arena, v[VS_BATCH_MOVES].bytes, &batch->moves, &batch->n_moves, err));
    batch->sequenced = v[VS_BATCH_SEQUENCE].type == VS_NULL;
    if (v[VS_BATCH_FIRST].type == VS_INT)
        batch->first = (uint64_t)v[VS_BATCH_FIRST].integer;
    batch->epoch = v[VS_BATCH_EPOCH].type == VS_INT ? (uint64_t)v[VS_BATCH_EPOCH].integer : 1;
    struct vs_bytes checkpoint = v[VS_BATCH_CHECKPOINT].bytes;
    if (checkpoint.len == sizeof batch->checkpoint)
        memcpy(batch->checkpoint.bytes, checkpoint.ptr, checkpoint.len);
    batch->token = v[VS_BATCH_TOKEN].bytes;
    batch->marked = vs_value_time(&v[VS_BATCH_MARKED]);
    *ret = batch;
    return VS_OK;
}

vs_rc vs_batch_get(struct vs_relay *relay, struct vs_arena *arena, int64_t number,
                   const struct vs_batch **ret, struct vs_error *err)
{
    struct vs_value key = vs_int(number);
    const struct vs_row *row;
    VS_TRY(vs_store_get(relay->store, arena, VS_T_BATCH, &key, &row, err));
    if (row == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "there is no batch %lld", (long long)number);
    struct vs_batch *batch;
    VS_TRY(vs_batch_from_row(arena, row, &batch, err));
    *ret = batch;
    return VS_OK;
}

size_t vs_batch_find(const struct vs_batch *batch, enum vs_leaf_kind kind, struct vs_id id)
{
    for (size_t i = 0; i < batch->n_leaves; i++)
        if (batch->leaves[i].kind == kind && vs_id_equal(batch->leaves[i].id, id))
            return i;
    return SIZE_MAX;
}

uint64_t vs_batch_journal_index(const struct vs_batch *batch, size_t leaf)
{
    uint64_t index = batch->first;
    for (size_t i = 0; i < leaf; i++)
        index += vs_leaf_in_journal(batch->leaves[i].kind);
    return index;
}

static bool among(const struct vs_id *ids, size_t n, struct vs_id id)
{
    for (size_t i = 0; i < n; i++)
        if (vs_id_equal(ids[i], id))
            return true;
    return false;
}

size_t vs_batch_forget(struct vs_batch *batch, struct vs_id document,
                       const struct vs_id *evidence, size_t n_evidence)
{
    size_t gone = 0, kept = 0;
    for (size_t i = 0; i < batch->n_leaves; i++) {
        struct vs_leaf *leaf = &batch->leaves[i];
        if (leaf->kind == VS_LEAF_EVIDENCE && among(evidence, n_evidence, leaf->id)) {
            leaf->kind = VS_LEAF_EVIDENCE_GONE;
            leaf->id = document;
            gone++;
        } else if (leaf->kind == VS_LEAF_CONSIGNMENT && vs_id_equal(leaf->id, document)) {
            struct vs_record_group group = {leaf->digests, digests_of(leaf->kind)};
            struct vs_hash hash = vs_record_root(&group, 1);
            *leaf = (struct vs_leaf){.kind = VS_LEAF_CONSIGNMENT_GONE, .id = document};
            leaf->digests[0] = hash;
        }
    }
    for (size_t i = 0; i < batch->n_moves; i++)
        if (!vs_id_equal(batch->moves[i].document, document))
            batch->moves[kept++] = batch->moves[i];
    batch->n_moves = kept;
    return gone;
}

/* Every leaf a group of its own; the newest checkpoint's digest comes last. */
static vs_rc groups_of(struct vs_arena *arena, const struct vs_batch *batch,
                       struct vs_record_group **ret, size_t *ret_n, struct vs_error *err)
{
    size_t n = batch->n_leaves + 1;
    struct vs_record_group *groups = vs_arena_make_n(arena, struct vs_record_group, n);
    if (groups == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < batch->n_leaves; i++)
        groups[i] = (struct vs_record_group){batch->leaves[i].digests,
                                             digests_of(batch->leaves[i].kind)};
    groups[n - 1] = (struct vs_record_group){&batch->checkpoint, 1};
    *ret = groups;
    *ret_n = n;
    return VS_OK;
}

vs_rc vs_batch_root(struct vs_arena *arena, const struct vs_batch *batch, struct vs_hash *ret,
                    struct vs_error *err)
{
    struct vs_record_group *groups;
    size_t n;
    VS_TRY(groups_of(arena, batch, &groups, &n, err));
    *ret = vs_record_root(groups, n);
    return VS_OK;
}

vs_rc vs_batch_record(struct vs_arena *arena, const struct vs_batch *batch, size_t leaf,
                      struct vs_bytes *ret, struct vs_error *err)
{
    if (batch->token.len == 0)
        return vs_fail(err, VS_E_STATE, NULL, "the batch's time mark is not there yet");
    VS_ASSERT(leaf < batch->n_leaves);
    struct vs_record_group *groups;
    size_t n;
    VS_TRY(groups_of(arena, batch, &groups, &n, err));
    return vs_record_make(arena, groups, n, leaf, batch->token, ret, err);
}
