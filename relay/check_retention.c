/* check_retention.c - what was deleted was deleted by an act, and by the rule (Art. 31.3).
 *
 * A forger can take rows away, mark the leaves as gone and write tombstones; what it cannot
 * make is the act's signed evidence with the digest of those tombstones, which the journal
 * holds. */
#include "relay/archive/deed.h"
#include "relay/archive/retention.h"
#include "relay/archive/tombstone.h"
#include "relay/check_priv.h"
#include "relay/seal/batch.h"
#include <stdio.h>

#define TOMBSTONES_MAX 1000

static vs_rc get(struct vs_check_run *run, enum vs_table_id table, const struct vs_value *key,
                 const struct vs_value **ret, struct vs_error *err)
{
    const struct vs_row *row;
    VS_TRY(vs_store_get(run->relay->store, run->scratch, table, key, &row, err));
    *ret = row == NULL ? NULL : row->values;
    return VS_OK;
}

vs_rc vs_check_gone_leaf(struct vs_check_run *run, const struct vs_batch *batch,
                         const struct vs_leaf *leaf, struct vs_error *err)
{
    struct vs_value key = vs_id_value(&leaf->id);
    const struct vs_value *tombstone;
    run->gone_leaves += leaf->kind == VS_LEAF_EVIDENCE_GONE;
    VS_TRY(get(run, VS_T_TOMBSTONE, &key, &tombstone, err));
    if (tombstone == NULL)
        vs_check_found(run, "tombstone", vs_check_id(run, &key),
                       "batch %lld says that it was deleted, but nothing else does",
                       (long long)batch->number);
    return VS_OK;
}

/* -- tombstones ---------------------------------------------------------------------------- */

static vs_rc look_at_tombstone(struct vs_check_run *run, const char *id,
                               const struct vs_row *found, struct vs_error *err)
{
    const struct vs_value *row = found->values;
    const struct vs_value *act, *still;
    bool refusal = vs_bytes_is(row[VS_TOMBSTONE_KIND].bytes, "refusal");
    run->gone_leaves -= (uint64_t)row[VS_TOMBSTONE_LEAVES].integer;
    if (!refusal && !vs_bytes_is(row[VS_TOMBSTONE_KIND].bytes, "document"))
        vs_check_found(run, "tombstone", id, "column kind is neither document nor refusal");
    VS_TRY(
        get(run, refusal ? VS_T_REFUSAL : VS_T_DOCUMENT, &row[VS_TOMBSTONE_ID], &still, err));
    if (still != NULL)
        vs_check_found(run, "tombstone", id, "what it says was deleted is there");
    VS_TRY(get(run, VS_T_ACT, &row[VS_TOMBSTONE_ACT], &act, err));
    if (act == NULL ||
        !vs_bytes_is(act[VS_ACT_EVENT].bytes, vs_event_info(VS_EVENT_RETENTION_DELETION)->name))
        return vs_fail(err, VS_E_CORRUPT, NULL, "no act of deletion covers it");
    vs_time_ms end = vs_retention_end(row[VS_TOMBSTONE_LATEST].integer,
                                      (unsigned)row[VS_TOMBSTONE_MONTHS].integer);
    if (end == VS_TIME_NONE || end > act[VS_ACT_TIME].integer)
        vs_check_found(run, "tombstone", id, "it was deleted before its term had ended");
    return VS_OK;
}

/* -- acts ---------------------------------------------------------------------------------- */

static vs_rc check_tombstones_of(struct vs_check_run *run, const char *id,
                                 const struct vs_value *act, struct vs_error *err)
{
    struct vs_query query = {.table = VS_T_TOMBSTONE,
                             .index = VS_TOMBSTONE_BY_ACT,
                             .equal = &act[VS_ACT_ID],
                             .n_equal = 1,
                             .limit = TOMBSTONES_MAX};
    const struct vs_row *rows;
    size_t n;
    uint8_t digest[32];
    VS_TRY(vs_store_select(run->relay->store, run->scratch, &query, &rows, &n, err));
    struct vs_tombstone *tombstones = vs_arena_make_n(run->scratch, struct vs_tombstone, n + 1);
    if (tombstones == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        const struct vs_value *v = rows[i].values;
        tombstones[i] =
            (struct vs_tombstone){.id = vs_value_id(&v[VS_TOMBSTONE_ID]),
                                  .refusal = vs_bytes_is(v[VS_TOMBSTONE_KIND].bytes, "refusal"),
                                  .latest = v[VS_TOMBSTONE_LATEST].integer,
                                  .months = (unsigned)v[VS_TOMBSTONE_MONTHS].integer,
                                  .leaves = (unsigned)v[VS_TOMBSTONE_LEAVES].integer};
    }
    vs_tombstones_digest(tombstones, n, digest);
    if (!vs_bytes_equal(act[VS_ACT_DIGEST].bytes, VS_BYTES(digest, sizeof digest)) ||
        act[VS_ACT_COUNT].integer != (int64_t)n)
        vs_check_found(run, "act", id, "its tombstones are not those that it stated");
    return VS_OK;
}

static void compare_text(struct vs_check_run *run, const char *id, const char *column,
                         const struct vs_value *value, const char *stated)
{
    bool same = stated == NULL ? value->type == VS_NULL
                               : value->type == VS_TEXT && vs_bytes_is(value->bytes, stated);
    if (!same)
        vs_check_found(run, "act", id, "column %s is not what its evidence states", column);
}

static void compare_act(struct vs_check_run *run, const char *id, const struct vs_value *row,
                        const struct vs_erds *erds)
{
    bool about = row[VS_ACT_DOCUMENT].type == VS_BLOB;
    const char *subject = vs_check_id(run, &row[about ? VS_ACT_DOCUMENT : VS_ACT_ID]);
    const char *count = vs_erds_extension(erds, VS_ERDS_EXT_COUNT);
    const char *event = erds->event == VS_EVENT_UNKNOWN ? "" : vs_event_info(erds->event)->name;
    if (!vs_bytes_is(row[VS_ACT_EVENT].bytes, event) ||
        !vs_text_equal(erds->message_id, subject))
        vs_check_found(run, "act", id, "column evidence names evidence of something else");
    if (row[VS_ACT_TIME].integer != erds->event_time)
        vs_check_found(run, "act", id, "column time is not the EventTime");
    compare_text(run, id, "reason", &row[VS_ACT_REASON],
                 vs_erds_extension(erds, VS_ERDS_EXT_GROUND));
    compare_text(run, id, "name", &row[VS_ACT_NAME],
                 vs_erds_extension(erds, VS_ERDS_EXT_PRINCIPAL));
    if (row[VS_ACT_DIGEST].type == VS_NULL)
        return;
    if (erds->n_parts == 0 || !vs_bytes_equal(erds->parts[0].digest, row[VS_ACT_DIGEST].bytes))
        vs_check_found(run, "act", id, "column digest is not what its evidence states");
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)row[VS_ACT_COUNT].integer);
    if (!vs_text_equal(count, text))
        vs_check_found(run, "act", id, "column count is not what its evidence states");
}

static vs_rc look_at_act(struct vs_check_run *run, const char *id, const struct vs_row *found,
                         struct vs_error *err)
{
    const struct vs_value *row = found->values;
    const struct vs_value *evidence;
    struct vs_bytes xml;
    struct vs_erds erds;
    VS_TRY(get(run, VS_T_EVIDENCE, &row[VS_ACT_EVIDENCE], &evidence, err));
    if (evidence == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "its evidence is gone");
    VS_TRY(vs_check_read_evidence(run, evidence, &xml, &erds, err));
    compare_act(run, id, row, &erds);
    if (erds.event == VS_EVENT_RETENTION_DELETION)
        return check_tombstones_of(run, id, row, err);
    return VS_OK;
}

/* Every act has one piece of evidence, and every such evidence its act: whoever takes the row
 * away does not take the evidence out of the journal. */
vs_rc vs_check_act_of(struct vs_check_run *run, const char *evidence,
                      const struct vs_value *row, enum vs_event event, struct vs_error *err)
{
    const struct vs_value *act;
    const struct vs_row *rows;
    size_t n;
    bool found = false;
    if (!vs_event_is_act(event))
        return VS_OK;
    VS_TRY(get(run, VS_T_ACT, &row[VS_EVIDENCE_DOCUMENT], &act, err));
    struct vs_query query = {.table = VS_T_ACT,
                             .index = VS_ACT_BY_DOCUMENT,
                             .equal = &row[VS_EVIDENCE_DOCUMENT],
                             .n_equal = 1};
    VS_TRY(vs_store_select(run->relay->store, run->scratch, &query, &rows, &n, err));
    if (act != NULL)
        found = vs_value_compare(&act[VS_ACT_EVIDENCE], &row[VS_EVIDENCE_ID]) == 0;
    for (size_t i = 0; i < n && !found; i++)
        found = vs_value_compare(&rows[i].values[VS_ACT_EVIDENCE], &row[VS_EVIDENCE_ID]) == 0;
    if (!found)
        vs_check_found(run, "evidence", evidence, "the act that it states is gone");
    return VS_OK;
}

/* -- holds --------------------------------------------------------------------------------- */

/* The newest act on a document's hold: set or lifted. Each is visited with the newest alone, so
 * that a document is looked at once. */
static vs_rc newest_hold_act(struct vs_check_run *run, const struct vs_value *document,
                             const struct vs_value **ret, struct vs_error *err)
{
    struct vs_query query = {.table = VS_T_ACT,
                             .index = VS_ACT_BY_DOCUMENT,
                             .equal = document,
                             .n_equal = 1,
                             .descending = true,
                             .limit = TOMBSTONES_MAX};
    const struct vs_row *rows;
    size_t n;
    *ret = NULL;
    VS_TRY(vs_store_select(run->relay->store, run->scratch, &query, &rows, &n, err));
    for (size_t i = 0; i < n && *ret == NULL; i++) {
        struct vs_bytes event = rows[i].values[VS_ACT_EVENT].bytes;
        if (vs_bytes_is(event, vs_event_info(VS_EVENT_LEGAL_HOLD)->name) ||
            vs_bytes_is(event, vs_event_info(VS_EVENT_LEGAL_HOLD_LIFTED)->name))
            *ret = rows[i].values;
    }
    return VS_OK;
}

static bool sets_hold(const struct vs_value *act)
{
    return vs_bytes_is(act[VS_ACT_EVENT].bytes, vs_event_info(VS_EVENT_LEGAL_HOLD)->name);
}

/* Of evidence of a hold, which no forger of rows can make: whether the row is as it says. */
static vs_rc look_at_hold_act(struct vs_check_run *run, const char *where,
                              const struct vs_row *found, struct vs_error *err)
{
    const struct vs_value *row = found->values;
    const struct vs_value *newest, *hold;
    (void)where;
    if (row[VS_ACT_DOCUMENT].type == VS_NULL)
        return VS_OK;
    const char *id = vs_check_id(run, &row[VS_ACT_DOCUMENT]);
    VS_TRY(newest_hold_act(run, &row[VS_ACT_DOCUMENT], &newest, err));
    if (newest == NULL || vs_value_compare(&newest[VS_ACT_ID], &row[VS_ACT_ID]) != 0)
        return VS_OK;
    VS_TRY(get(run, VS_T_HOLD, &row[VS_ACT_DOCUMENT], &hold, err));
    if (sets_hold(newest) && hold == NULL)
        vs_check_found(run, "hold", id, "it was set, and taken away by no act");
    else if (!sets_hold(newest) && hold != NULL)
        vs_check_found(run, "hold", id, "it was lifted, and is there");
    return VS_OK;
}

static vs_rc look_at_hold(struct vs_check_run *run, const char *id, const struct vs_row *found,
                          struct vs_error *err)
{
    const struct vs_value *row = found->values;
    const struct vs_value *act;
    VS_TRY(get(run, VS_T_ACT, &row[VS_HOLD_ACT], &act, err));
    if (act == NULL || !sets_hold(act) ||
        vs_value_compare(&act[VS_ACT_DOCUMENT], &row[VS_HOLD_DOCUMENT]) != 0)
        vs_check_found(run, "hold", id, "column act names no act that set it");
    return VS_OK;
}

vs_rc vs_check_retention(struct vs_check_run *run, struct vs_error *err)
{
    VS_TRY(vs_check_rows(run, VS_T_TOMBSTONE, look_at_tombstone, NULL, err));
    if (run->gone_leaves != 0)
        vs_check_found(run, "tombstone", "count",
                       "tombstones account for another number of deleted evidence than the "
                       "batches have");
    VS_TRY(vs_check_rows(run, VS_T_ACT, look_at_act, NULL, err));
    VS_TRY(vs_check_rows(run, VS_T_ACT, look_at_hold_act, NULL, err));
    return vs_check_rows(run, VS_T_HOLD, look_at_hold, NULL, err);
}
