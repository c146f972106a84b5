/* One act of deletion: what goes, what stays of it, and the statement about it. */
#include "formats/crypto/digest.h"
#include "relay/archive/retention_priv.h"

#define ROWS_MAX   10000 /* of one document in one table */
#define BLOB_MAX   ((size_t)16 << 20)
#define TOMB_BYTES (1 + VS_ID_BYTES + 8 + 4 + 4)

/* Every table with rows about one document, found by an index (or key) that begins with its id;
 * the columns that are locations of bytes. A module that keeps such rows adds its line here. */
static const struct part {
    enum vs_table_id table;
    unsigned index;
    int locations[2]; /* -1: none */
} parts[] = {
    {VS_T_DELIVERY, VS_DELIVERY_BY_KEY, {VS_DELIVERY_REPLY, -1}},
    {VS_T_EVIDENCE, VS_EVIDENCE_BY_DOCUMENT, {VS_EVIDENCE_LOCATION, -1}},
    {VS_T_ACT, VS_ACT_BY_DOCUMENT, {-1, -1}},
    {VS_T_ACCESS, VS_ACCESS_BY_KEY, {-1, -1}},
};
#define PARTS (sizeof parts / sizeof *parts)

static const struct part own_parts[] = {
    {VS_T_DOCUMENT, 0, {VS_DOCUMENT_ORIGINAL, VS_DOCUMENT_SEAL}},
    {VS_T_REFUSAL, 0, {-1, -1}},
};

struct touched {
    struct vs_batch *batch;
    int64_t version;
};

struct vs_deletion {
    struct vs_relay *relay;
    struct vs_job *job;
    struct vs_stage *stage;
    struct vs_tombstone tombstones[VS_DELETION_MOST];
    size_t n;
    struct touched *batches;
    size_t n_batches, room;
    struct vs_buffer locations; /* encoded: data of the erasure */
    struct vs_deed act;
    uint8_t digest[32];
};

vs_rc vs_deletion_new(struct vs_relay *relay, struct vs_job *job, struct vs_stage *stage,
                      struct vs_deletion **ret, struct vs_error *err)
{
    struct vs_deletion *deletion = vs_arena_make(job->arena, struct vs_deletion);
    if (deletion == NULL)
        return vs_fail_memory(err);
    deletion->relay = relay;
    deletion->job = job;
    deletion->stage = stage;
    vs_buffer_init(&deletion->locations, BLOB_MAX);
    *ret = deletion;
    return VS_OK;
}

size_t vs_deletion_count(const struct vs_deletion *deletion)
{
    return deletion->n;
}

void vs_tombstones_digest(const struct vs_tombstone *tombstones, size_t n, uint8_t ret[32])
{
    VS_HASHER *hasher = vs_hasher_new(VS_SHA256);
    struct vs_digest digest;
    for (size_t i = 0; i < n; i++) {
        uint8_t line[TOMB_BYTES];
        line[0] = tombstones[i].refusal ? 2 : 1;
        memcpy(line + 1, tombstones[i].id.bytes, VS_ID_BYTES);
        vs_put_u64(line + 17, (uint64_t)tombstones[i].latest);
        vs_put_u32(line + 25, tombstones[i].months);
        vs_put_u32(line + 29, tombstones[i].leaves);
        vs_hasher_add(hasher, VS_BYTES(line, sizeof line));
    }
    vs_hasher_finish(hasher, &digest);
    memcpy(ret, digest.bytes, 32);
}

/* -- batches ------------------------------------------------------------------------------- */

static struct vs_batch *known_batch(const struct vs_deletion *deletion, int64_t number)
{
    for (size_t i = 0; i < deletion->n_batches; i++)
        if (deletion->batches[i].batch->number == number)
            return deletion->batches[i].batch;
    return NULL;
}

static vs_rc keep_batch(struct vs_deletion *deletion, struct vs_batch *batch, int64_t version,
                        struct vs_error *err)
{
    if (deletion->n_batches == deletion->room) {
        size_t room = deletion->room == 0 ? 32 : deletion->room * 2;
        struct touched *grown = vs_arena_make_n(deletion->job->arena, struct touched, room);
        if (grown == NULL)
            return vs_fail_memory(err);
        if (deletion->n_batches > 0)
            memcpy(grown, deletion->batches, deletion->n_batches * sizeof *grown);
        deletion->batches = grown;
        deletion->room = room;
    }
    deletion->batches[deletion->n_batches++] = (struct touched){batch, version};
    return VS_OK;
}

static vs_rc load_batch(struct vs_deletion *deletion, int64_t number, struct vs_batch **ret,
                        struct vs_error *err)
{
    struct vs_value key = vs_int(number);
    const struct vs_row *row;
    *ret = known_batch(deletion, number);
    if (*ret != NULL)
        return VS_OK;
    VS_TRY(vs_store_get(deletion->relay->store, deletion->job->arena, VS_T_BATCH, &key, &row,
                        err));
    if (row == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "the batch of a piece of evidence is gone");
    VS_TRY(vs_batch_from_row(deletion->job->arena, row, ret, err));
    return keep_batch(deletion, *ret, row->version, err);
}

/* All its evidence stands in its batches: else nothing of it is touched. */
static vs_rc load_batches(struct vs_deletion *deletion, const struct vs_candidate *candidate,
                          struct vs_error *err)
{
    for (size_t i = 0; i < candidate->n_evidence; i++) {
        const struct vs_value *v = candidate->evidence[i].values;
        struct vs_batch *batch;
        VS_TRY(load_batch(deletion, v[VS_EVIDENCE_BATCH].integer, &batch, err));
        if (vs_batch_find(batch, VS_LEAF_EVIDENCE, vs_value_id(&v[VS_EVIDENCE_ID])) == SIZE_MAX)
            return vs_fail(err, VS_E_CORRUPT, NULL, "a batch does not hold its evidence");
    }
    return VS_OK;
}

static vs_rc forget_leaves(struct vs_deletion *deletion, const struct vs_candidate *candidate,
                           struct vs_error *err)
{
    struct vs_id *ids =
        vs_arena_make_n(deletion->job->arena, struct vs_id, candidate->n_evidence + 1);
    if (ids == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < candidate->n_evidence; i++)
        ids[i] = vs_value_id(&candidate->evidence[i].values[VS_EVIDENCE_ID]);
    for (size_t i = 0; i < candidate->n_evidence; i++) {
        struct vs_batch *batch =
            known_batch(deletion, candidate->evidence[i].values[VS_EVIDENCE_BATCH].integer);
        (void)vs_batch_forget(batch, candidate->id, ids, candidate->n_evidence);
    }
    return VS_OK;
}

static vs_rc stage_batch(struct vs_deletion *deletion, const struct touched *touched,
                         struct vs_error *err)
{
    VS_BUFFER leaves, moves;
    struct vs_bytes leaves_copy, moves_copy;
    struct vs_value *row = vs_stage_row(deletion->stage, VS_T_BATCH);
    vs_buffer_init(&leaves, BLOB_MAX);
    vs_buffer_init(&moves, BLOB_MAX);
    vs_leaves_encode(&leaves, touched->batch->leaves, touched->batch->n_leaves);
    vs_moves_encode(&moves, touched->batch->moves, touched->batch->n_moves);
    if (row == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_buffer_copy(&leaves, deletion->job->arena, &leaves_copy, err));
    VS_TRY(vs_buffer_copy(&moves, deletion->job->arena, &moves_copy, err));
    row[VS_BATCH_NUMBER] = vs_int(touched->batch->number);
    row[VS_BATCH_LEAVES] = vs_blob(leaves_copy);
    row[VS_BATCH_MOVES] = vs_blob(moves_copy);
    return vs_stage_op(deletion->stage,
                       vs_op_update(VS_T_BATCH, row,
                                    VS_SET(VS_BATCH_LEAVES) | VS_SET(VS_BATCH_MOVES),
                                    touched->version),
                       err);
}

/* -- rows ---------------------------------------------------------------------------------- */

static vs_rc drop_row(struct vs_deletion *deletion, const struct part *part,
                      const struct vs_row *row, struct vs_error *err)
{
    struct vs_location location;
    for (size_t i = 0; i < 2 && part->locations[i] >= 0; i++) {
        struct vs_bytes blob = row->values[part->locations[i]].bytes;
        if (vs_location_decode(blob, &location) && location.segment != 0)
            vs_buffer_add(&deletion->locations, blob);
    }
    return vs_stage_op(deletion->stage, vs_op_delete(part->table, row->values, row->version),
                       err);
}

struct part_rows {
    const struct vs_row *rows;
    size_t n;
};

static vs_rc read_parts(struct vs_deletion *deletion, const struct vs_id *id,
                        struct part_rows ret[PARTS], struct vs_error *err)
{
    struct vs_value equal = vs_id_value(id);
    for (size_t i = 0; i < PARTS; i++) {
        struct vs_query query = {.table = parts[i].table,
                                 .index = parts[i].index,
                                 .equal = &equal,
                                 .n_equal = 1,
                                 .limit = ROWS_MAX};
        VS_TRY(vs_store_select(deletion->relay->store, deletion->job->arena, &query,
                               &ret[i].rows, &ret[i].n, err));
        if (ret[i].n == ROWS_MAX)
            return vs_fail(err, VS_E_CORRUPT, NULL, "there are too many rows about it");
    }
    return VS_OK;
}

static vs_rc drop_parts(struct vs_deletion *deletion, const struct part_rows found[PARTS],
                        struct vs_error *err)
{
    for (size_t i = 0; i < PARTS; i++)
        for (size_t j = 0; j < found[i].n; j++)
            VS_TRY(drop_row(deletion, &parts[i], &found[i].rows[j], err));
    return VS_OK;
}

/* A hold that is set in this very moment wins: the condition is in the same item. */
static vs_rc expect_no_hold(struct vs_deletion *deletion, const struct vs_id *id,
                            struct vs_error *err)
{
    struct vs_value *key = vs_stage_row(deletion->stage, VS_T_HOLD);
    if (key == NULL)
        return vs_fail_memory(err);
    key[VS_HOLD_DOCUMENT] = vs_id_value(id);
    return vs_stage_op(deletion->stage, vs_op_expect(VS_T_HOLD, key, VS_ABSENT), err);
}

vs_rc vs_deletion_add(struct vs_deletion *deletion, const struct vs_candidate *candidate,
                      struct vs_error *err)
{
    struct part_rows found[PARTS];
    VS_ASSERT(deletion->n < VS_DELETION_MOST && candidate->row != NULL);
    /* All is read before anything is staged: one that is damaged stays whole. */
    VS_TRY(load_batches(deletion, candidate, err));
    VS_TRY(read_parts(deletion, &candidate->id, found, err));
    struct vs_tombstone *tombstone = &deletion->tombstones[deletion->n++];
    *tombstone = (struct vs_tombstone){.id = candidate->id,
                                       .refusal = candidate->refusal,
                                       .latest = candidate->latest,
                                       .months = candidate->months,
                                       .leaves = (unsigned)candidate->n_evidence};
    VS_TRY(forget_leaves(deletion, candidate, err));
    VS_TRY(expect_no_hold(deletion, &tombstone->id, err));
    VS_TRY(drop_parts(deletion, found, err));
    return drop_row(deletion, &own_parts[candidate->refusal], candidate->row, err);
}

/* -- the end ------------------------------------------------------------------------------- */

static vs_rc stage_tombstone(struct vs_deletion *deletion, const struct vs_tombstone *tombstone,
                             struct vs_error *err)
{
    struct vs_value *row = vs_stage_row(deletion->stage, VS_T_TOMBSTONE);
    if (row == NULL)
        return vs_fail_memory(err);
    row[VS_TOMBSTONE_ID] = vs_id_value(&tombstone->id);
    row[VS_TOMBSTONE_KIND] = vs_text(tombstone->refusal ? "refusal" : "document");
    row[VS_TOMBSTONE_ACT] = vs_id_value(&deletion->act.id);
    row[VS_TOMBSTONE_LATEST] = vs_int(tombstone->latest);
    row[VS_TOMBSTONE_MONTHS] = vs_int(tombstone->months);
    row[VS_TOMBSTONE_LEAVES] = vs_int(tombstone->leaves);
    return vs_stage_op(deletion->stage, vs_op_insert(VS_T_TOMBSTONE, row), err);
}

static vs_rc stage_all(struct vs_deletion *deletion, vs_time_ms now, struct vs_error *err)
{
    struct vs_deed *act = &deletion->act;
    VS_TRY(vs_buffer_check(&deletion->locations, err));
    vs_tombstones_digest(deletion->tombstones, deletion->n, deletion->digest);
    *act = (struct vs_deed){.event = VS_EVENT_RETENTION_DELETION,
                            .reason = "the retention term has ended (Art. 31.3)",
                            .count = (int64_t)deletion->n,
                            .digest = deletion->digest};
    VS_TRY(vs_deed_stage(deletion->relay, deletion->job, deletion->stage, NULL, now, act, err));
    for (size_t i = 0; i < deletion->n; i++)
        VS_TRY(stage_tombstone(deletion, &deletion->tombstones[i], err));
    for (size_t i = 0; i < deletion->n_batches; i++)
        VS_TRY(stage_batch(deletion, &deletion->batches[i], err));
    return vs_due_stage(deletion->stage, VS_WORK_ERASURE, now, vs_id_bytes(&act->id),
                        vs_buffer_view(&deletion->locations), err);
}

vs_rc vs_deletion_end(struct vs_deletion *deletion, vs_time_ms now, struct vs_error *err)
{
    return deletion->n == 0 ? VS_OK : stage_all(deletion, now, err);
}

void vs_deletion_done(struct vs_deletion *deletion)
{
    vs_buffer_done(&deletion->locations);
}
