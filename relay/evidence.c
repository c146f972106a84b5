#include "relay/evidence.h"
#include "formats/evidence/erds.h"
#include "relay/archive/access_record.h"
#include "relay/archive/deed.h"
#include "relay/archive/renewal.h"
#include "relay/exchange/access.h"
#include "relay/relay_priv.h"
#include "relay/seal/batch.h"
#include "relay/seal/seal.h"

#define EVIDENCE_MAX    ((size_t)16 << 20)
#define OF_ONE_DOCUMENT 10000

static vs_rc fill_batch(struct vs_evidence *evidence, const struct vs_batch *batch,
                        struct vs_error *err)
{
    size_t leaf = vs_batch_find(batch, VS_LEAF_EVIDENCE, evidence->id);
    if (leaf == SIZE_MAX)
        return vs_fail(err, VS_E_CORRUPT, NULL, "batch %lld does not hold its evidence",
                       (long long)batch->number);
    evidence->sequenced = batch->sequenced;
    evidence->journal_epoch = batch->epoch;
    if (batch->sequenced)
        evidence->journal_index = vs_batch_journal_index(batch, leaf);
    evidence->marked = batch->token.len > 0;
    evidence->mark = batch->marked;
    return VS_OK;
}

/* `*batch` keeps the last one: the evidence of one commit mostly comes together. */
static vs_rc from_row(struct vs_relay *relay, struct vs_arena *arena, const struct vs_row *row,
                      const struct vs_batch **batch, const struct vs_evidence **ret,
                      struct vs_error *err)
{
    const struct vs_value *v = row->values;
    struct vs_evidence *e = vs_arena_make(arena, struct vs_evidence);
    if (e == NULL)
        return vs_fail_memory(err);
    e->id = vs_value_id(&v[VS_EVIDENCE_ID]);
    e->document = vs_value_id(&v[VS_EVIDENCE_DOCUMENT]);
    e->recipient = vs_value_id(&v[VS_EVIDENCE_RECIPIENT]);
    e->event = vs_value_text_new(arena, &v[VS_EVIDENCE_EVENT]);
    e->event_time = v[VS_EVIDENCE_TIME].integer;
    e->batch = v[VS_EVIDENCE_BATCH].integer;
    e->mark = VS_TIME_NONE;
    e->actor = vs_value_text_new(arena, &v[VS_EVIDENCE_ACTOR]);
    if (e->event == NULL)
        return vs_fail_memory(err);
    enum vs_event event = vs_event_by_name(e->event);
    struct vs_bytes digest = v[VS_EVIDENCE_DIGEST].bytes, salt = v[VS_EVIDENCE_SALT].bytes;
    if (event == VS_EVENT_UNKNOWN || digest.len != sizeof e->digest ||
        salt.len != sizeof e->salt ||
        !vs_location_decode(v[VS_EVIDENCE_LOCATION].bytes, &e->location))
        return vs_fail(err, VS_E_CORRUPT, NULL, "a row of evidence cannot be read");
    e->event_uri = vs_event_info(event)->uri;
    memcpy(e->digest, digest.ptr, sizeof e->digest);
    memcpy(e->salt, salt.ptr, sizeof e->salt);
    if (*batch == NULL || (*batch)->number != e->batch)
        VS_TRY(vs_batch_get(relay, arena, e->batch, batch, err));
    VS_TRY(fill_batch(e, *batch, err));
    *ret = e;
    return VS_OK;
}

/* What concerns one recipient is for the sender and that recipient; what supervision did is not
 * for parties. */
static bool may_see(const struct vs_access *access, const struct vs_caller *caller,
                    const struct vs_value *row)
{
    struct vs_id recipient = vs_value_id(&row[VS_EVIDENCE_RECIPIENT]);
    if (access->party != VS_PARTY_AUDITOR && vs_deed_is_hidden(row[VS_EVIDENCE_EVENT].bytes))
        return false;
    return access->party != VS_PARTY_RECIPIENT || vs_id_is_none(recipient) ||
           vs_id_equal(recipient, caller->participant);
}

/* Whether it is nobody's or somebody else's cannot be told apart (Art. 35). */
static vs_rc unknown(struct vs_error *err)
{
    return vs_fail(err, VS_E_NOT_FOUND, "Art. 35", "there is no such evidence");
}

vs_rc vs_evidence_get(struct vs_relay *relay, struct vs_arena *arena,
                      const struct vs_caller *caller, struct vs_id id,
                      const struct vs_evidence **ret, struct vs_error *err)
{
    struct vs_value key = vs_id_value(&id);
    const struct vs_row *row;
    const struct vs_batch *batch = NULL;
    struct vs_access access;
    VS_TRY(vs_store_get(relay->store, arena, VS_T_EVIDENCE, &key, &row, err));
    if (row == NULL)
        return unknown(err);
    /* What a later log begins with is the service's word to all: it names no party. */
    if (vs_id_is_none(vs_value_id(&row->values[VS_EVIDENCE_DOCUMENT])))
        return from_row(relay, arena, row, &batch, ret, err);
    vs_rc rc = vs_access_find(relay, arena, caller,
                              vs_value_id(&row->values[VS_EVIDENCE_DOCUMENT]), &access, err);
    /* Of an act about no document: for operators and the supervising authority. */
    if (rc.code == VS_E_NOT_FOUND &&
        vs_caller_may(caller, VS_ROLE_OPERATOR | VS_ROLE_AUDITOR) &&
        vs_deed_is_the_services(row->values[VS_EVIDENCE_EVENT].bytes))
        return from_row(relay, arena, row, &batch, ret, err);
    if (rc.code == VS_E_NOT_FOUND)
        return unknown(err);
    VS_TRY(rc);
    VS_REFUSE_IF(!may_see(&access, caller, row->values), err, VS_E_NOT_FOUND, "Art. 35",
                 "there is no such evidence");
    vs_access_note(relay, caller, vs_value_id(&row->values[VS_EVIDENCE_DOCUMENT]),
                   VS_ACCESS_EVIDENCE);
    return from_row(relay, arena, row, &batch, ret, err);
}

vs_rc vs_evidence_list(struct vs_relay *relay, struct vs_arena *arena,
                       const struct vs_caller *caller, struct vs_id document,
                       const struct vs_evidence ***ret, size_t *ret_n, struct vs_error *err)
{
    struct vs_access access;
    VS_TRY(vs_access_find(relay, arena, caller, document, &access, err));
    struct vs_value equal = vs_id_value(&document);
    struct vs_query query = {.table = VS_T_EVIDENCE,
                             .index = VS_EVIDENCE_BY_DOCUMENT,
                             .equal = &equal,
                             .n_equal = 1,
                             .limit = OF_ONE_DOCUMENT};
    const struct vs_row *rows;
    size_t n, used = 0;
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    const struct vs_evidence **list = vs_arena_make_n(arena, const struct vs_evidence *, n + 1);
    const struct vs_batch *batch = NULL;
    if (list == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        if (!may_see(&access, caller, rows[i].values))
            continue;
        VS_TRY(from_row(relay, arena, &rows[i], &batch, &list[used++], err));
    }
    *ret = list;
    *ret_n = used;
    return VS_OK;
}

vs_rc vs_evidence_load(struct vs_relay *relay, struct vs_arena *arena, struct vs_id id,
                       const struct vs_evidence **ret, struct vs_error *err)
{
    struct vs_value key = vs_id_value(&id);
    const struct vs_row *row;
    const struct vs_batch *batch = NULL;
    VS_TRY(vs_store_get(relay->store, arena, VS_T_EVIDENCE, &key, &row, err));
    if (row == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "the evidence of a document is not there");
    return from_row(relay, arena, row, &batch, ret, err);
}

vs_rc vs_evidence_of(struct vs_relay *relay, struct vs_arena *arena,
                     const struct vs_row *delivery, enum vs_event event,
                     const struct vs_evidence **ret, struct vs_error *err)
{
    struct vs_query query = {.table = VS_T_EVIDENCE,
                             .index = VS_EVIDENCE_BY_DOCUMENT,
                             .equal = &delivery->values[VS_DELIVERY_DOCUMENT],
                             .n_equal = 1,
                             .descending = true,
                             .limit = OF_ONE_DOCUMENT};
    struct vs_id recipient = vs_value_id(&delivery->values[VS_DELIVERY_RECIPIENT]);
    const struct vs_row *rows;
    const struct vs_batch *batch = NULL;
    size_t n;
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    for (size_t i = 0; i < n; i++) {
        const struct vs_value *v = rows[i].values;
        struct vs_id of = vs_value_id(&v[VS_EVIDENCE_RECIPIENT]);
        if (vs_bytes_is(v[VS_EVIDENCE_EVENT].bytes, vs_event_info(event)->name) &&
            (vs_id_is_none(of) || vs_id_equal(of, recipient)))
            return from_row(relay, arena, &rows[i], &batch, ret, err);
    }
    return vs_fail(err, VS_E_CORRUPT, NULL, "the evidence of a delivery is not there");
}

/* -- views --------------------------------------------------------------------------------- */

vs_rc vs_evidence_xml(struct vs_relay *relay, struct vs_arena *arena,
                      const struct vs_evidence *evidence, struct vs_bytes *ret,
                      struct vs_error *err)
{
    struct vs_bytes xml;
    uint8_t digest[32];
    VS_TRY(
        vs_segments_read(relay->segments, evidence->location, arena, EVIDENCE_MAX, &xml, err));
    /* The checksum finds decay; only the digest finds a forger. */
    vs_sha256(xml, digest);
    if (memcmp(digest, evidence->digest, sizeof digest) != 0)
        return vs_fail(err, VS_E_CORRUPT, NULL, "evidence differs from its digest");
    *ret = xml;
    return VS_OK;
}

vs_rc vs_evidence_record(struct vs_relay *relay, struct vs_arena *arena,
                         const struct vs_evidence *evidence, struct vs_bytes *ret,
                         struct vs_error *err)
{
    const struct vs_batch *batch;
    VS_TRY(vs_batch_get(relay, arena, evidence->batch, &batch, err));
    size_t leaf = vs_batch_find(batch, VS_LEAF_EVIDENCE, evidence->id);
    if (leaf == SIZE_MAX)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a batch does not hold its evidence");
    return vs_renewal_record(relay, arena, batch, leaf, ret, err);
}

vs_rc vs_evidence_asic(struct vs_relay *relay, struct vs_arena *arena,
                       const struct vs_evidence *evidence, struct vs_bytes *ret,
                       struct vs_error *err)
{
    struct vs_bytes record, xml;
    const struct vs_source *source;
    VS_TRY(vs_evidence_record(relay, arena, evidence, &record, err));
    VS_TRY(vs_evidence_xml(relay, arena, evidence, &xml, err));
    VS_TRY(vs_evidence_layout(arena, xml, record, &source, err));
    return vs_source_all(source, arena, 2 * EVIDENCE_MAX, ret, err);
}

void vs_evidence_leaf(const struct vs_evidence *evidence, uint8_t ret_leaf[32])
{
    struct vs_hash leaf = vs_merkle_salted_leaf(evidence->salt, evidence->digest);
    memcpy(ret_leaf, leaf.bytes, sizeof leaf.bytes);
}
