#include "relay/archive/renewal_priv.h"
#include "relay/check_priv.h"
#include "relay/evidence.h"

static vs_rc wrong(struct vs_error *err, size_t number, const char *what)
{
    return vs_fail(err, VS_E_CORRUPT, "RFC 4998, 5.2", "renewal %zu %s", number + 1, what);
}

/* What the batch has among the renewal's leaves: its last token's digest, or its values' root.
 */
static vs_rc check_leaf(struct vs_check_run *run, const struct vs_history *history, size_t i,
                        struct vs_error *err)
{
    const struct vs_renewed *r = &history->renewals[i];
    struct vs_history before = {history->batch, history->renewals, i};
    struct vs_record_leaf *own;
    struct vs_digest wanted;
    size_t n;
    if (r->kind == VS_RENEWAL_TIME_MARK) {
        if (r->algorithm != vs_history_algorithm(&before))
            return wrong(err, i, "is by another algorithm than the tree that it renews");
        vs_digest_of(r->algorithm, vs_history_token(&before), &wanted);
    } else {
        VS_TRY(vs_renewal_values_tree(run->scratch, r->values, history->batch->n_leaves, &own,
                                      &n, err));
        if (n == 0)
            return wrong(err, i, "stands over no leaf");
        vs_record_tree(r->algorithm, own, n, &wanted);
    }
    if (!vs_digest_equal(&wanted, &r->leaves[r->place].digests[0]))
        return wrong(err, i, "is not over this batch");
    return VS_OK;
}

static vs_rc check_one(struct vs_check_run *run, const struct vs_history *history, size_t i,
                       struct vs_error *err)
{
    const struct vs_renewed *r = &history->renewals[i];
    vs_time_ms last = i == 0 ? history->batch->marked : history->renewals[i - 1].marked;
    struct vs_digest root;
    VS_TRY(check_leaf(run, history, i, err));
    vs_record_tree(r->algorithm, r->leaves, r->n_leaves, &root);
    if (r->marked < last)
        return wrong(err, i, "is older than what it renews");
    return vs_check_token(run, r->token, &root, r->marked, err);
}

/* -- records against evidence -------------------------------------------------------------- */

static vs_rc digest_of(void *context, size_t object, enum vs_digest_algorithm algorithm,
                       struct vs_digest *ret, struct vs_error *err)
{
    const struct vs_bytes *xml = context;
    (void)object;
    (void)err;
    vs_digest_of(algorithm, *xml, ret);
    return VS_OK;
}

static vs_rc check_record(struct vs_check_run *run, const struct vs_history *history,
                          size_t leaf, struct vs_error *err)
{
    const struct vs_evidence *evidence;
    const struct vs_record *record;
    const struct vs_record_link *links;
    struct vs_record_result result;
    struct vs_bytes der, xml;
    size_t n;
    bool whole;
    struct vs_relay *relay = run->relay;
    VS_TRY(vs_history_links(run->scratch, history, leaf, &links, &n, &whole, err));
    VS_TRY(vs_record_join(run->scratch, links, n, &der, err));
    VS_TRY(vs_record_decode(run->scratch, der, &record, err));
    VS_TRY(
        vs_evidence_load(relay, run->scratch, history->batch->leaves[leaf].id, &evidence, err));
    VS_TRY(vs_evidence_xml(relay, run->scratch, evidence, &xml, err));
    VS_TRY(vs_record_check(record, 1, digest_of, &xml, run->scratch, &result, err));
    if (result.fault != VS_RECORD_COVERED)
        return vs_fail(err, VS_E_CORRUPT, "RFC 4998, 5.3", "the record of leaf %zu: %s", leaf,
                       vs_record_fault_text(result.fault));
    return VS_OK;
}

/* A later moment in column RENEW would let a mark grow weak unnoticed. */
static vs_rc check_end(struct vs_check_run *run, const struct vs_history *history,
                       struct vs_error *err)
{
    struct vs_value key = vs_int(history->batch->number);
    const struct vs_row *row;
    bool surveyed;
    VS_TRY(vs_renewal_surveyed(run->relay, run->scratch, &surveyed, err));
    VS_TRY(vs_store_get(run->relay->store, run->scratch, VS_T_BATCH, &key, &row, err));
    if (!surveyed || row == NULL)
        return VS_OK;
    const struct vs_value *renew = &row->values[VS_BATCH_RENEW];
    vs_time_ms end = vs_renewal_end(run->relay, run->scratch, vs_history_token(history),
                                    vs_history_algorithm(history));
    if (renew->type != VS_INT || renew->integer != end)
        return vs_fail(err, VS_E_CORRUPT, "RFC 4998, 5.1",
                       "column renew is not when its time mark must be renewed");
    return VS_OK;
}

vs_rc vs_check_renewals(struct vs_check_run *run, const struct vs_batch *batch,
                        struct vs_error *err)
{
    struct vs_history history;
    bool trees = false;
    VS_TRY(vs_history_load(run->relay, run->scratch, batch, &history, err));
    VS_TRY(check_end(run, &history, err));
    for (size_t i = 0; i < history.n; i++) {
        VS_TRY(check_one(run, &history, i, err));
        trees |= history.renewals[i].kind == VS_RENEWAL_HASH_TREE;
    }
    for (size_t i = 0; trees && i < batch->n_leaves; i++)
        if (batch->leaves[i].kind == VS_LEAF_EVIDENCE)
            VS_TRY(check_record(run, &history, i, err));
    return VS_OK;
}
