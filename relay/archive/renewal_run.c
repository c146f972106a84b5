/* The work of kind "renewal": one row that never goes. Each slice either brings column `renew`
 * of some batches up to date (survey), or renews some batches that are due, or looks when the
 * next one will be. */
#include "formats/crypto/algorithms.h"
#include "relay/archive/renewal_priv.h"
#include "relay/due.h"
#include "relay/evidence.h"
#include "relay/exchange/commit.h"
#include "relay/seal/authority.h"

#define SUBJECT       "marks"
#define SURVEY_NAME   "renewal-survey"
#define SURVEY_PAGE   200
#define BATCHES_MAX   128
#define SLICE_BYTES   (UINT64_C(256) << 20)
#define SCRATCH_ARENA ((size_t)128 << 20)
#define SEAL_MAX      ((size_t)16 << 20)
#define LEAST_WAIT_MS VS_HOUR_MS
#define MOST_WAIT_MS  VS_DAY_MS

/* -- the standing row ---------------------------------------------------------------------- */

vs_rc vs_renewal_open(struct vs_relay *relay, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new((size_t)64 << 10);
    struct vs_job job = {.arena = arena};
    struct vs_stage *stage;
    const struct vs_due *there;
    if (arena == NULL)
        return vs_fail_memory(err);
    struct vs_bytes subject = vs_bytes_text(SUBJECT);
    VS_TRY(vs_due_get(relay, arena, VS_DUE_RENEWAL, subject, &there, err));
    if (there != NULL || relay->settings.inspect)
        return VS_OK;
    VS_TRY(vs_stage_new(&job, &stage, err));
    VS_TRY(
        vs_due_stage(stage, VS_DUE_RENEWAL, vs_relay_now(relay), subject, VS_BYTES_NONE, err));
    struct vs_item item = vs_stage_item(stage);
    return vs_store_commit(relay->store, &item, 1, err);
}

struct run {
    struct vs_relay *relay;
    struct vs_job *job;
    struct vs_arena *arena; /* the job's */
    const struct vs_due *work;
    struct vs_stage *stage;
    vs_time_ms now;
};

static vs_rc again(struct run *r, vs_time_ms due, struct vs_error *err)
{
    return vs_due_move_stage(r->stage, r->work, due, VS_BYTES_NONE, err);
}

/* -- survey: batches marked before there was such a column, or by another table ------------ */

/* What the column was filled by: the table's date and what the operator asks for. */
static const char *survey_key(const struct vs_relay *relay, struct vs_arena *arena)
{
    return vs_arena_printf(arena, "%lld %d %lld", (long long)vs_algorithms_written(),
                           relay->settings.renewal_digest,
                           (long long)relay->settings.renewal_margin_ms);
}

/* *ret: the last batch looked at, -1 once all were; 0 where none was by this key. */
static vs_rc survey_state(const struct vs_relay *relay, struct vs_arena *arena, int64_t *ret,
                          struct vs_error *err)
{
    struct vs_value name = vs_text(SURVEY_NAME);
    const struct vs_row *state;
    const char *key = survey_key(relay, arena);
    if (key == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_store_get(relay->store, arena, VS_T_SETTING, &name, &state, err));
    bool same = state != NULL && vs_bytes_is(state->values[VS_SETTING_BYTES].bytes, key);
    *ret = same ? state->values[VS_SETTING_NUMBER].integer : 0;
    return VS_OK;
}

vs_rc vs_renewal_surveyed(const struct vs_relay *relay, struct vs_arena *arena, bool *ret,
                          struct vs_error *err)
{
    int64_t last;
    VS_TRY(survey_state(relay, arena, &last, err));
    *ret = last < 0;
    return VS_OK;
}

static vs_rc stage_end(struct run *r, const struct vs_row *batch, vs_time_ms end,
                       struct vs_error *err)
{
    struct vs_value *row = vs_stage_row(r->stage, VS_T_BATCH);
    if (row == NULL)
        return vs_fail_memory(err);
    row[VS_BATCH_NUMBER] = batch->values[VS_BATCH_NUMBER];
    row[VS_BATCH_RENEW] = vs_int(end);
    return vs_stage_op(
        r->stage, vs_op_update(VS_T_BATCH, row, VS_SET(VS_BATCH_RENEW), batch->version), err);
}

static vs_rc survey_batch(struct run *r, const struct vs_row *row, struct vs_error *err)
{
    struct vs_batch *batch;
    struct vs_history history;
    const struct vs_value *renew = &row->values[VS_BATCH_RENEW];
    if (row->corrupt || row->values[VS_BATCH_TOKEN].type == VS_NULL)
        return VS_OK;
    VS_TRY(vs_batch_from_row(r->arena, row, &batch, err));
    VS_TRY(vs_history_load(r->relay, r->arena, batch, &history, err));
    vs_time_ms end = vs_renewal_end(r->relay, r->arena, vs_history_token(&history),
                                    vs_history_algorithm(&history));
    if (renew->type == VS_INT && renew->integer == end)
        return VS_OK;
    return stage_end(r, row, end, err);
}

static vs_rc stage_survey(struct run *r, int64_t after, const char *key, struct vs_error *err)
{
    struct vs_value *row = vs_stage_row(r->stage, VS_T_SETTING);
    if (row == NULL)
        return vs_fail_memory(err);
    row[VS_SETTING_NAME] = vs_text(SURVEY_NAME);
    row[VS_SETTING_NUMBER] = vs_int(after);
    row[VS_SETTING_BYTES] = vs_blob(vs_bytes_text(key));
    return vs_stage_op(r->stage, vs_op_put(VS_T_SETTING, row), err);
}

/* *ret false: it is done already. */
static vs_rc survey(struct run *r, bool *ret, struct vs_error *err)
{
    const struct vs_row *rows;
    size_t n;
    int64_t last;
    const char *key = survey_key(r->relay, r->arena);
    if (key == NULL)
        return vs_fail_memory(err);
    VS_TRY(survey_state(r->relay, r->arena, &last, err));
    *ret = last >= 0;
    if (!*ret)
        return VS_OK;
    struct vs_value after = vs_int(last);
    struct vs_query query = {.table = VS_T_BATCH,
                             .after = &after,
                             .n_after = 1,
                             .tolerate = true,
                             .limit = SURVEY_PAGE};
    VS_TRY(vs_store_select(r->relay->store, r->arena, &query, &rows, &n, err));
    for (size_t i = 0; i < n; i++) {
        VS_TRY(survey_batch(r, &rows[i], err));
        last = rows[i].values[VS_BATCH_NUMBER].integer;
    }
    VS_TRY(stage_survey(r, n < SURVEY_PAGE ? -1 : last, key, err));
    return again(r, r->now, err);
}

/* -- what stands for each leaf in a hash-tree renewal -------------------------------------- */

struct hashing {
    struct run *run;
    enum vs_digest_algorithm algorithm;
    struct vs_arena *arena; /* scratch */
    uint64_t read;          /* octets */
};

/* A document's digest by the new algorithm, its old one compared on the way: what no longer is
 * what was marked gets no new mark. */
static vs_rc digest_bytes(struct hashing *h, struct vs_bytes bytes, const struct vs_hash *old,
                          struct vs_digest *ret, bool *ret_good, struct vs_error *err)
{
    uint8_t sha256[32];
    (void)err;
    vs_sha256(bytes, sha256);
    *ret_good = memcmp(sha256, old->bytes, 32) == 0;
    vs_digest_of(h->algorithm, bytes, ret);
    h->read += bytes.len;
    return VS_OK;
}

static vs_rc digest_source(struct hashing *h, const struct vs_source *source,
                           const struct vs_hash *old, struct vs_digest *ret, bool *ret_good,
                           struct vs_error *err)
{
    struct vs_digest sha256;
    VS_TRY(vs_digest_source(VS_SHA256, source, &sha256, err));
    VS_TRY(vs_digest_source(h->algorithm, source, ret, err));
    *ret_good = memcmp(sha256.bytes, old->bytes, 32) == 0;
    h->read += source->size;
    return VS_OK;
}

static vs_rc digest_evidence(struct hashing *h, struct vs_id id, const struct vs_hash *old,
                             struct vs_digest *ret, bool *ret_good, struct vs_error *err)
{
    const struct vs_evidence *evidence;
    struct vs_bytes xml;
    VS_TRY(vs_evidence_load(h->run->relay, h->arena, id, &evidence, err));
    VS_TRY(vs_evidence_xml(h->run->relay, h->arena, evidence, &xml, err));
    return digest_bytes(h, xml, old, ret, ret_good, err);
}

/* Seal, original and acceptance of one document: all three or none. */
static vs_rc digest_consignment(struct hashing *h, const struct vs_leaf *leaf,
                                struct vs_digest ret[3], bool *ret_good, struct vs_error *err)
{
    struct vs_relay *relay = h->run->relay;
    struct vs_value key = vs_id_value(&leaf->id);
    const struct vs_row *row;
    struct vs_location seal, original;
    struct vs_bytes xml;
    bool good[3] = {false};
    *ret_good = false;
    VS_TRY(vs_store_get(relay->store, h->arena, VS_T_DOCUMENT, &key, &row, err));
    if (row == NULL || !vs_location_decode(row->values[VS_DOCUMENT_SEAL].bytes, &seal) ||
        !vs_location_decode(row->values[VS_DOCUMENT_ORIGINAL].bytes, &original))
        return VS_OK;
    VS_TRY(vs_segments_read(relay->segments, seal, h->arena, SEAL_MAX, &xml, err));
    VS_TRY(digest_bytes(h, xml, &leaf->digests[0], &ret[0], &good[0], err));
    struct vs_segment_source source;
    VS_TRY(vs_segments_source(relay->segments, original, &source, err));
    vs_rc rc = digest_source(h, &source.source, &leaf->digests[1], &ret[1], &good[1], err);
    vs_segment_source_done(&source);
    VS_TRY(rc);
    VS_TRY(digest_evidence(h, vs_value_id(&row->values[VS_DOCUMENT_EVIDENCE]),
                           &leaf->digests[2], &ret[2], &good[2], err));
    *ret_good = good[0] && good[1] && good[2];
    return VS_OK;
}

static vs_rc digests_of_leaf(struct hashing *h, const struct vs_leaf *leaf,
                             struct vs_digest ret[3], size_t *ret_n, struct vs_error *err)
{
    bool good = false;
    vs_rc rc = VS_OK;
    *ret_n = leaf->kind == VS_LEAF_CONSIGNMENT ? 3 : 1;
    if (leaf->kind == VS_LEAF_EVIDENCE)
        rc = digest_evidence(h, leaf->id, &leaf->digests[0], &ret[0], &good, err);
    else if (leaf->kind == VS_LEAF_CONSIGNMENT)
        rc = digest_consignment(h, leaf, ret, &good, err);
    if (!good)
        *ret_n = 0;
    /* Gone or damaged: left out (`vasite check` names it), the others go on. */
    return rc.code == VS_E_CORRUPT || rc.code == VS_E_NOT_FOUND ? VS_OK : rc;
}

static vs_rc value_of_leaf(struct hashing *h, const struct vs_history *history, size_t leaf,
                           struct vs_record_leaf *ret, struct vs_error *err)
{
    struct vs_digest plain[3], *values;
    const struct vs_record_link *links;
    size_t n_links, n;
    bool whole;
    struct vs_bytes sequence;
    *ret = (struct vs_record_leaf){NULL, 0};
    vs_arena_reset(h->arena);
    VS_TRY(vs_history_links(h->arena, history, leaf, &links, &n_links, &whole, err));
    if (!whole)
        return VS_OK;
    VS_TRY(digests_of_leaf(h, &history->batch->leaves[leaf], plain, &n, err));
    if (n == 0)
        return VS_OK;
    VS_TRY(vs_record_sequence(h->arena, links, n_links, &sequence, err));
    values = vs_arena_make_n(h->run->arena, struct vs_digest, n);
    if (values == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        vs_record_renewed(h->algorithm, &plain[i], sequence, &values[i]);
    *ret = (struct vs_record_leaf){values, n};
    return VS_OK;
}

/* -- one renewal --------------------------------------------------------------------------- */

struct due_batch {
    const struct vs_row *row;
    struct vs_batch *batch;
    struct vs_history history;
    struct vs_record_leaf *values; /* of a hash tree */
    struct vs_digest leaf;
};

struct renewing {
    struct run *run;
    enum vs_renewal_kind kind;
    enum vs_digest_algorithm algorithm;
    struct due_batch *batches;
    size_t n;
    vs_time_ms earliest; /* end of the batches that are renewed */
};

static enum vs_renewal_kind kind_of(const struct run *r, const struct vs_history *history,
                                    enum vs_digest_algorithm *ret)
{
    enum vs_digest_algorithm own = vs_history_algorithm(history);
    enum vs_digest_algorithm target = vs_renewal_target(r->relay, own);
    bool asked = target != own && (int)target == r->relay->settings.renewal_digest;
    bool due = target != own && (asked || vs_digest_good_until(own) <=
                                              r->now + r->relay->settings.renewal_margin_ms);
    *ret = due ? target : own;
    return due ? VS_RENEWAL_HASH_TREE : VS_RENEWAL_TIME_MARK;
}

/* *ret false: no leaf of it can be renewed. */
static vs_rc fill_leaf(struct renewing *w, struct hashing *h, struct due_batch *d, bool *ret,
                       struct vs_error *err)
{
    struct vs_record_leaf *own;
    size_t n;
    *ret = true;
    if (w->kind == VS_RENEWAL_TIME_MARK) {
        vs_digest_of(w->algorithm, vs_history_token(&d->history), &d->leaf);
        return VS_OK;
    }
    d->values = vs_arena_make_n(w->run->arena, struct vs_record_leaf, d->batch->n_leaves + 1);
    if (d->values == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < d->batch->n_leaves; i++)
        VS_TRY(value_of_leaf(h, &d->history, i, &d->values[i], err));
    VS_TRY(vs_renewal_values_tree(w->run->arena, d->values, d->batch->n_leaves, &own, &n, err));
    *ret = n > 0;
    if (*ret)
        vs_record_tree(w->algorithm, own, n, &d->leaf);
    return VS_OK;
}

static vs_rc take_batch(struct renewing *w, struct hashing *h, const struct vs_row *row,
                        struct vs_error *err)
{
    struct run *r = w->run;
    struct due_batch d = {.row = row};
    enum vs_digest_algorithm algorithm;
    bool any;
    VS_TRY(vs_batch_from_row(r->arena, row, &d.batch, err));
    VS_TRY(vs_history_load(r->relay, r->arena, d.batch, &d.history, err));
    enum vs_renewal_kind kind = kind_of(r, &d.history, &algorithm);
    if (w->n == 0) {
        w->kind = kind;
        w->algorithm = h->algorithm = algorithm;
    } else if (kind != w->kind || algorithm != w->algorithm) {
        return VS_OK; /* of another tree: the next slice's */
    }
    VS_TRY(fill_leaf(w, h, &d, &any, err));
    if (!any || d.history.n == VS_RENEWALS_MAX) /* nothing is left to be renewed */
        return stage_end(r, row, INT64_MAX, err);
    w->earliest = w->n == 0 || row->values[VS_BATCH_RENEW].integer < w->earliest
                      ? row->values[VS_BATCH_RENEW].integer
                      : w->earliest;
    w->batches[w->n++] = d;
    return VS_OK;
}

static vs_rc stage_place(struct renewing *w, const struct vs_id *renewal, size_t i,
                         struct vs_error *err)
{
    const struct due_batch *d = &w->batches[i];
    struct vs_value *row = vs_stage_row(w->run->stage, VS_T_BATCH_RENEWAL);
    VS_BUFFER values;
    vs_buffer_init(&values, (size_t)16 << 20);
    if (row == NULL)
        return vs_fail_memory(err);
    row[VS_BATCH_RENEWAL_BATCH] = vs_int(d->batch->number);
    row[VS_BATCH_RENEWAL_NUMBER] = vs_int((int64_t)d->history.n + 1);
    row[VS_BATCH_RENEWAL_RENEWAL] = vs_id_value(renewal);
    row[VS_BATCH_RENEWAL_PLACE] = vs_int((int64_t)i);
    if (d->values != NULL) {
        struct vs_bytes copy;
        vs_renewal_values_encode(&values, d->values, d->batch->n_leaves);
        VS_TRY(vs_buffer_copy(&values, w->run->arena, &copy, err));
        row[VS_BATCH_RENEWAL_VALUES] = vs_blob(copy);
    }
    return vs_stage_op(w->run->stage, vs_op_insert(VS_T_BATCH_RENEWAL, row), err);
}

static vs_rc stage_renewal(struct renewing *w, const struct vs_mark *mark, vs_time_ms end,
                           struct vs_error *err)
{
    struct run *r = w->run;
    struct vs_id *id = vs_arena_make(r->arena, struct vs_id);
    struct vs_value *row = vs_stage_row(r->stage, VS_T_RENEWAL);
    size_t len = vs_digest_length(w->algorithm);
    uint8_t *leaves = vs_arena_alloc(r->arena, w->n * len);
    if (id == NULL || row == NULL || leaves == NULL)
        return vs_fail_memory(err);
    *id = vs_id_new(&r->relay->seams, r->now);
    for (size_t i = 0; i < w->n; i++)
        memcpy(leaves + i * len, w->batches[i].leaf.bytes, len);
    row[VS_RENEWAL_ID] = vs_id_value(id);
    row[VS_RENEWAL_KIND] = vs_int(w->kind);
    row[VS_RENEWAL_ALGORITHM] = vs_int(w->algorithm);
    row[VS_RENEWAL_LEAVES] = vs_blob(VS_BYTES(leaves, w->n * len));
    row[VS_RENEWAL_TOKEN] = vs_blob(mark->token);
    row[VS_RENEWAL_MARKED] = vs_int(mark->time_ms);
    VS_TRY(vs_stage_op(r->stage, vs_op_insert(VS_T_RENEWAL, row), err));
    for (size_t i = 0; i < w->n; i++) {
        VS_TRY(stage_place(w, id, i, err));
        VS_TRY(stage_end(r, w->batches[i].row, end, err));
    }
    return VS_OK;
}

/* Sooner and sooner as the end draws near. */
static vs_time_ms try_later(const struct run *r, vs_time_ms end)
{
    int64_t wait = (end - r->now) / 16;
    wait = wait < LEAST_WAIT_MS ? LEAST_WAIT_MS : wait > MOST_WAIT_MS ? MOST_WAIT_MS : wait;
    return r->now + wait;
}

static vs_rc mark_tree(struct renewing *w, struct vs_error *err)
{
    struct run *r = w->run;
    struct vs_record_leaf *leaves = vs_arena_make_n(r->arena, struct vs_record_leaf, w->n);
    struct vs_digest root;
    struct vs_mark mark;
    if (leaves == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < w->n; i++)
        leaves[i] = (struct vs_record_leaf){&w->batches[i].leaf, 1};
    vs_record_tree(w->algorithm, leaves, w->n, &root);
    vs_rc rc = vs_authority_mark(r->relay->authority, &root, r->arena, &mark, err);
    if (rc.code == VS_E_TSA_AWAY)
        return again(r, try_later(r, w->earliest), err);
    VS_TRY(rc);
    vs_time_ms end = vs_renewal_end(r->relay, r->arena, mark.token, w->algorithm);
    /* The authority's own certificate is the one that ends: it must have a new one first. */
    bool longer = end > w->earliest && end > r->now;
    if (!longer && w->kind == VS_RENEWAL_TIME_MARK)
        return again(r, try_later(r, w->earliest), err);
    VS_TRY(stage_renewal(w, &mark, end, err));
    return again(r, r->now, err);
}

static vs_rc look_ahead(struct run *r, struct vs_error *err)
{
    struct vs_value low = vs_int(0);
    struct vs_query query = {
        .table = VS_T_BATCH, .index = VS_BATCH_BY_RENEW, .low = &low, .limit = 1};
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(r->relay->store, r->arena, &query, &rows, &n, err));
    vs_time_ms next = r->now + MOST_WAIT_MS;
    if (n > 0 &&
        rows[0].values[VS_BATCH_RENEW].integer - r->relay->settings.renewal_margin_ms < next)
        next = rows[0].values[VS_BATCH_RENEW].integer - r->relay->settings.renewal_margin_ms;
    return again(r, next < r->now + LEAST_WAIT_MS ? r->now + LEAST_WAIT_MS : next, err);
}

static vs_rc renew(struct run *r, struct vs_error *err)
{
    struct renewing w = {.run = r};
    VS_ARENA *scratch = vs_arena_new(SCRATCH_ARENA);
    struct hashing h = {.run = r, .arena = scratch};
    struct vs_value low = vs_int(0),
                    high = vs_int(r->now + r->relay->settings.renewal_margin_ms);
    struct vs_query query = {.table = VS_T_BATCH,
                             .index = VS_BATCH_BY_RENEW,
                             .low = &low,
                             .high = &high,
                             .tolerate = true, /* a damaged row stops no other's renewal */
                             .limit = BATCHES_MAX};
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(r->relay->store, r->arena, &query, &rows, &n, err));
    if (n == 0)
        return look_ahead(r, err);
    w.batches = vs_arena_make_n(r->arena, struct due_batch, n);
    if (w.batches == NULL || scratch == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n && h.read < SLICE_BYTES; i++)
        if (!rows[i].corrupt)
            VS_TRY(take_batch(&w, &h, &rows[i], err));
    return w.n == 0 ? again(r, r->now, err) : mark_tree(&w, err);
}

vs_rc vs_renewal_run(struct vs_relay *relay, struct vs_job *job, const struct vs_due *work,
                     vs_time_ms now, struct vs_error *err)
{
    struct run r = {.relay = relay, .job = job, .arena = job->arena, .work = work, .now = now};
    bool busy;
    VS_TRY(vs_stage_new(job, &r.stage, err));
    VS_TRY(survey(&r, &busy, err));
    return busy ? VS_OK : renew(&r, err);
}
