/* The first entry of a new log: signed evidence that a restored store begins it, what log it
 * leaves, and which entries of that one are lost. Committed as one transaction with the new
 * log's state, before the store does anything else. */
#include "formats/evidence/erds.h"
#include "relay/exchange/issue.h"
#include "relay/exchange/sequence.h"
#include "relay/journal.h"
#include "relay/relay_priv.h"
#include "relay/seal/seal.h"
#include <stdio.h>

#define RESTART_ARENA ((size_t)16 << 20)
#define BLOB_MAX      ((size_t)1 << 16)
#define PLACE_SHIFT   16 /* exchange/sequence.c */
#define MORE_OPS      4

struct restarting {
    struct vs_relay *relay;
    struct vs_arena *arena;
    vs_time_ms now;
    struct vs_id id;
    struct vs_bytes xml;
    struct vs_leaf leaf;
    uint8_t salt[32], location[VS_LOCATION_BYTES];
};

/* -- the evidence ------------------------------------------------------------------------- */

static const char *number_text(struct vs_arena *arena, uint64_t n)
{
    return vs_arena_printf(arena, "%llu", (unsigned long long)n);
}

static void add(struct vs_erds_extension *list, size_t *n, const char *name, const char *value)
{
    if (value != NULL)
        list[(*n)++] = (struct vs_erds_extension){name, value};
}

/* What was given out: entries of the old log from old_size on, up to what the anchor knows; of
 * a log that an earlier restore had begun, all of it. */
static size_t extensions_of(struct restarting *r, const struct vs_journal_restart *restart,
                            struct vs_erds_extension *list)
{
    size_t n = 0;
    bool own = restart->anchor_origin != NULL &&
               strcmp(restart->anchor_origin, restart->old_origin) == 0;
    bool other = restart->anchor_origin != NULL && !own;
    struct vs_bytes old = restart->old_note, anchor = restart->anchor;
    add(list, &n, VS_ERDS_EXT_LOG, restart->old_origin);
    add(list, &n, VS_ERDS_EXT_LOG_CHECKPOINT,
        vs_arena_strndup(r->arena, (const char *)old.ptr, old.len));
    add(list, &n, VS_ERDS_EXT_LOST_FROM, number_text(r->arena, restart->old_size));
    uint64_t until =
        restart->anchor_size > restart->old_size ? restart->anchor_size : restart->old_size;
    add(list, &n, VS_ERDS_EXT_LOST_UNTIL, own ? number_text(r->arena, until) : "unknown");
    if (restart->anchor_origin != NULL)
        add(list, &n, VS_ERDS_EXT_ANCHOR_CHECKPOINT,
            vs_arena_strndup(r->arena, (const char *)anchor.ptr, anchor.len));
    if (other)
        add(list, &n, VS_ERDS_EXT_LOG_GIVEN_UP, restart->anchor_origin);
    return n;
}

static vs_rc make_evidence(struct restarting *r, const struct vs_journal_restart *restart,
                           struct vs_error *err)
{
    static const char *const policies[] = {VS_ISSUER_POLICY};
    struct vs_relay *relay = r->relay;
    struct vs_erds_extension extensions[8];
    char id[VS_ID_TEXT];
    struct vs_erds_user service;
    struct vs_bytes xml;
    vs_id_text(r->id, id);
    VS_TRY(vs_user_of(r->arena, relay->settings.service_identifier,
                      relay->settings.service_name, &service, err));
    struct vs_erds erds = {.id = id,
                           .event = VS_EVENT_JOURNAL_RESTARTED,
                           .event_time = r->now,
                           .policies = policies,
                           .n_policies = 1,
                           .issuer = service,
                           .issuer_certificate = vs_sealer_evidence_certificate(relay),
                           .sender = service,
                           .recipients = &service,
                           .n_recipients = 1,
                           .submission_time = VS_TIME_NONE,
                           .extensions = extensions,
                           .n_extensions = extensions_of(r, restart, extensions)};
    VS_TRY(vs_erds_make(r->arena, &erds, &xml, err));
    VS_TRY(vs_seal_evidence(relay, r->arena, xml, r->now, &r->xml, err));
    vs_sha256(r->xml, r->leaf.digests[0].bytes);
    r->leaf.kind = VS_LEAF_EVIDENCE;
    r->leaf.id = r->id;
    relay->seams.random(relay->seams.context, r->salt, sizeof r->salt);
    return VS_OK;
}

static vs_rc write_evidence(struct restarting *r, struct vs_error *err)
{
    struct vs_segment_record record = {
        .class = VS_RETENTION_PERMANENT, .parts = &r->xml, .n_parts = 1};
    VS_TRY(vs_segments_append(r->relay->segments, &record, 1, err));
    VS_TRY(vs_segments_sync(r->relay->segments, err));
    vs_location_encode(record.location, r->location);
    return VS_OK;
}

/* -- rows --------------------------------------------------------------------------------- */

static vs_rc evidence_op(struct restarting *r, int64_t batch, struct vs_op *ret,
                         struct vs_error *err)
{
    struct vs_value *row = vs_arena_make_n(r->arena, struct vs_value, VS_EVIDENCE_COLUMNS);
    struct vs_id *none = vs_arena_make(r->arena, struct vs_id);
    if (row == NULL || none == NULL)
        return vs_fail_memory(err);
    row[VS_EVIDENCE_ID] = vs_id_value(&r->id);
    row[VS_EVIDENCE_DOCUMENT] = vs_id_value(none);
    row[VS_EVIDENCE_EVENT] = vs_text(vs_event_info(VS_EVENT_JOURNAL_RESTARTED)->name);
    row[VS_EVIDENCE_TIME] = vs_int(r->now);
    row[VS_EVIDENCE_DIGEST] = vs_blob(VS_BYTES(r->leaf.digests[0].bytes, 32));
    row[VS_EVIDENCE_SALT] = vs_blob(VS_BYTES(r->salt, sizeof r->salt));
    row[VS_EVIDENCE_LOCATION] = vs_blob(VS_BYTES(r->location, sizeof r->location));
    row[VS_EVIDENCE_BATCH] = vs_int(batch);
    *ret = vs_op_insert(VS_T_EVIDENCE, row);
    return VS_OK;
}

static vs_rc batch_op(struct restarting *r, int64_t number,
                      const struct vs_journal_append *append, struct vs_op *ret,
                      struct vs_error *err)
{
    VS_BUFFER leaves, moves;
    struct vs_bytes leaves_copy, moves_copy;
    struct vs_value *row = vs_arena_make_n(r->arena, struct vs_value, VS_BATCH_COLUMNS);
    struct vs_bytes checkpoint =
        vs_bytes_copy(r->arena, VS_BYTES(append->checkpoint_digest.bytes, 32));
    vs_buffer_init(&leaves, BLOB_MAX);
    vs_buffer_init(&moves, BLOB_MAX);
    vs_leaves_encode(&leaves, NULL, 0);
    vs_leaves_encode(&leaves, &r->leaf, 1);
    vs_moves_encode(&moves, NULL, 0);
    if (row == NULL || checkpoint.ptr == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_buffer_copy(&leaves, r->arena, &leaves_copy, err));
    VS_TRY(vs_buffer_copy(&moves, r->arena, &moves_copy, err));
    row[VS_BATCH_NUMBER] = vs_int(number);
    row[VS_BATCH_CREATED] = vs_int(r->now);
    row[VS_BATCH_LEAVES] = vs_blob(leaves_copy);
    row[VS_BATCH_MOVES] = vs_blob(moves_copy);
    row[VS_BATCH_MARK] = vs_int(r->now);
    row[VS_BATCH_FIRST] = vs_int((int64_t)append->first);
    row[VS_BATCH_CHECKPOINT] = vs_blob(checkpoint);
    row[VS_BATCH_EPOCH] = vs_int((int64_t)vs_journal_epoch(r->relay->journal));
    *ret = vs_op_insert(VS_T_BATCH, row);
    return VS_OK;
}

/* Places in mailboxes go on behind everything that the lost store may have given out. */
static vs_rc place_op(struct restarting *r, struct vs_op *ret, struct vs_error *err)
{
    struct vs_value *row = vs_arena_make_n(r->arena, struct vs_value, VS_SETTING_COLUMNS);
    int64_t place = r->now << PLACE_SHIFT, last = atomic_load(&r->relay->last_sequence);
    if (row == NULL)
        return vs_fail_memory(err);
    row[VS_SETTING_NAME] = vs_text("sequence");
    row[VS_SETTING_NUMBER] = vs_int(place > last ? place : last);
    *ret = vs_op_put(VS_T_SETTING, row);
    return VS_OK;
}

static vs_rc commit(struct restarting *r, const struct vs_journal_append *append,
                    struct vs_error *err)
{
    struct vs_relay *relay = r->relay;
    struct vs_op *ops = vs_arena_make_n(r->arena, struct vs_op, append->n_ops + MORE_OPS);
    int64_t number = vs_sequencer_number(relay);
    size_t n = append->n_ops;
    if (ops == NULL)
        return vs_fail_memory(err);
    memcpy(ops, append->ops, n * sizeof *ops);
    VS_TRY(evidence_op(r, number, &ops[n++], err));
    VS_TRY(batch_op(r, number, append, &ops[n++], err));
    VS_TRY(place_op(r, &ops[n++], err));
    struct vs_item items[2] = {{.ops = ops, .n_ops = n}, vs_segments_mark(relay->segments)};
    VS_TRY(vs_store_commit(relay->store, items, 2, err));
    if (items[0].outcome != VS_ITEM_DONE || items[1].outcome != VS_ITEM_DONE)
        return vs_fail(err, VS_E_CORRUPT, NULL, "the new log met a conflict");
    vs_segments_marked(relay->segments);
    return VS_OK;
}

/* From here on the store is one: a start may find it, though the anchor is still the old one.
 */
static vs_rc remove_marker(const struct vs_relay *relay, struct vs_arena *arena,
                           struct vs_error *err)
{
    const struct vs_fileops *files = &vs_fileops_real;
    const char *data = relay->settings.data;
    const char *path = vs_arena_printf(arena, "%s/" VS_RESTORE_MARKER, data);
    if (path == NULL)
        return vs_fail_memory(err);
    int error = files->remove(files->context, path);
    if (error == 0)
        error = files->sync_folder(files->context, data);
    return error == 0 ? VS_OK : vs_fail_file(err, error, "remove", path);
}

vs_rc vs_relay_restart_log(struct vs_relay *relay, const struct vs_journal_restart *restart,
                           struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(RESTART_ARENA);
    struct restarting r = {.relay = relay, .arena = arena, .now = vs_relay_now(relay)};
    struct vs_journal_append append;
    if (arena == NULL)
        return vs_fail_memory(err);
    if (r.now < atomic_load(&relay->last_event))
        return vs_fail(err, VS_E_CLOCK, NULL, "the clock is behind the backup's newest record");
    r.id = vs_id_new(&relay->seams, r.now);
    VS_TRY(make_evidence(&r, restart, err));
    VS_TRY(write_evidence(&r, err));
    struct vs_hash leaf = vs_merkle_salted_leaf(r.salt, r.leaf.digests[0].bytes);
    vs_journal_begin_with(relay->journal, vs_id_bytes(&r.id));
    VS_TRY(vs_journal_prepare(relay->journal, arena, &leaf, 1, r.now, &append, err));
    vs_rc rc = commit(&r, &append, err);
    if (!vs_ok(rc)) {
        vs_journal_undo(relay->journal);
        return rc;
    }
    VS_TRY(remove_marker(relay, arena, err));
    return vs_journal_done(relay->journal, err);
}
