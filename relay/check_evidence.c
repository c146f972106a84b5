/* Evidence against the journal: what a forger of rows cannot make is the signature in the file,
 * and what a forger of both cannot make is the leaf in a checkpoint that was given out. */
#include "formats/certificate/certificate.h"
#include "formats/signature/xades.h"
#include "formats/timestamp/timestamp.h"
#include "relay/check_priv.h"
#include "relay/journal.h"
#include "relay/seal/batch.h"
#include "relay/seal/keys.h"

/* -- the file ------------------------------------------------------------------------------ */

vs_rc vs_check_read_evidence(struct vs_check_run *run, const struct vs_value *row,
                             struct vs_bytes *ret_xml, struct vs_erds *ret,
                             struct vs_error *err)
{
    struct vs_location location;
    uint8_t digest[32];
    if (!vs_location_decode(row[VS_EVIDENCE_LOCATION].bytes, &location))
        return vs_fail(err, VS_E_CORRUPT, NULL, "its location cannot be read");
    VS_TRY(vs_segments_read(run->relay->segments, location, run->scratch, VS_ERDS_MAX_BYTES,
                            ret_xml, err));
    vs_sha256(*ret_xml, digest);
    if (!vs_bytes_equal(VS_BYTES(digest, sizeof digest), row[VS_EVIDENCE_DIGEST].bytes))
        return vs_fail(err, VS_E_CORRUPT, NULL, "the file is not the one of its digest");
    return vs_erds_read(run->scratch, *ret_xml, ret, err);
}

/* Evidence is signed by a certificate of ours: the present one, or an earlier one of the same
 * subject that the same authority issued. */
static vs_rc check_signer(struct vs_relay *relay, const struct vs_certificate *signer,
                          struct vs_error *err)
{
    struct vs_certificate *const *chain;
    enum vs_signature_verdict verdict = VS_SIGNATURE_INVALID;
    size_t n = vs_keys_chain(relay->keys, VS_PURPOSE_EVIDENCE, &chain);
    if (n > 0 && vs_certificate_same(signer, chain[0]))
        return VS_OK;
    if (n > 1 && vs_name_equal(signer->subject, chain[0]->subject))
        VS_TRY(vs_certificate_verify_signed_by(signer, chain[1], &verdict, err));
    if (verdict != VS_SIGNATURE_VALID)
        return vs_fail(err, VS_E_CORRUPT, NULL, "it is signed by somebody else");
    return VS_OK;
}

static vs_rc check_references(const struct vs_xades *signature, struct vs_error *err)
{
    for (size_t i = 0; i < signature->dsig.n_references; i++) {
        enum vs_dsig_state state;
        VS_TRY(vs_dsig_check_reference(&signature->dsig, i, NULL, &state, err));
        if (state != VS_DSIG_INTACT)
            return vs_fail(err, VS_E_CORRUPT, "EN 319 102-1, 5.2.7",
                           "the signed content was altered");
    }
    return VS_OK;
}

static vs_rc check_signature(struct vs_check_run *run, struct vs_bytes xml,
                             struct vs_error *err)
{
    VS_XADES *file = NULL;
    enum vs_signature_verdict verdict;
    VS_TRY(vs_xades_read(xml, NULL, &file, err));
    if (file->n_signatures != 1 || !file->signatures[0].covers_document)
        return vs_fail(err, VS_E_CORRUPT, NULL, "it is not signed as a whole");
    const struct vs_xades *signature = &file->signatures[0];
    if (signature->refusal.code != VS_E_NONE || signature->dsig.n_certificates == 0)
        return vs_fail(err, VS_E_CORRUPT, NULL, "its signature is refused: %s",
                       signature->refusal.text);
    VS_CERTIFICATE *signer = NULL;
    VS_TRY(vs_certificate_get(signature->dsig.certificates[0], &signer, err));
    VS_TRY(check_signer(run->relay, signer, err));
    VS_TRY(vs_dsig_check_value(&signature->dsig, signer->key, &verdict, err));
    if (verdict != VS_SIGNATURE_VALID)
        return vs_fail(err, VS_E_CORRUPT, NULL, "its signature value does not hold");
    return check_references(signature, err);
}

/* -- the row ------------------------------------------------------------------------------- */

static void compare_row(struct vs_check_run *run, const char *id, const struct vs_value *row,
                        const struct vs_erds *erds)
{
    const char *document = vs_check_id(run, &row[VS_EVIDENCE_DOCUMENT]);
    const char *event = erds->event == VS_EVENT_UNKNOWN ? "" : vs_event_info(erds->event)->name;
    if (!vs_text_equal(erds->id, id))
        vs_check_found(run, "evidence", id, "the file is evidence %s", erds->id);
    if (!vs_bytes_is(row[VS_EVIDENCE_EVENT].bytes, event))
        vs_check_found(run, "evidence", id, "column event is not the file's %s", event);
    if (row[VS_EVIDENCE_TIME].integer != erds->event_time)
        vs_check_found(run, "evidence", id, "column time is not the file's EventTime");
    bool of_document = erds->event != VS_EVENT_JOURNAL_RESTARTED;
    if (of_document && !vs_text_equal(erds->message_id, document))
        vs_check_found(run, "evidence", id, "column document is not the file's %s",
                       erds->message_id == NULL ? "(none)" : erds->message_id);
    const char *actor = vs_erds_extension(erds, VS_ERDS_EXT_PRINCIPAL);
    if (row[VS_EVIDENCE_ACTOR].type == VS_TEXT &&
        !vs_bytes_is(row[VS_EVIDENCE_ACTOR].bytes, actor == NULL ? "" : actor))
        vs_check_found(run, "evidence", id, "column actor is not the file's PrincipalName");
    if ((row[VS_EVIDENCE_RECIPIENT].type == VS_BLOB) != (erds->refers_to != 0))
        vs_check_found(run, "evidence", id, "column recipient is not as the file has it");
}

/* The leaf that the journal must hold: made from the salt and digest in the row. */
static vs_rc compare_leaf(struct vs_check_run *run, const char *id, const struct vs_value *row,
                          const struct vs_batch *batch, size_t place, struct vs_error *err)
{
    struct vs_hash held;
    struct vs_bytes salt = row[VS_EVIDENCE_SALT].bytes;
    if (!batch->sequenced)
        return VS_OK;
    uint64_t index = vs_batch_journal_index(batch, place);
    VS_TRY(vs_journal_leaf_of(run->relay->journal, batch->epoch, index, &held, err));
    struct vs_hash wanted = {{0}};
    if (salt.len == 32)
        wanted = vs_merkle_salted_leaf(salt.ptr, row[VS_EVIDENCE_DIGEST].bytes.ptr);
    if (!vs_hash_equal(&held, &wanted))
        vs_check_found(run, "evidence", id, "journal entry %llu is another one's",
                       (unsigned long long)index);
    return VS_OK;
}

static vs_rc find_batch(struct vs_check_run *run, int64_t number, struct vs_error *err)
{
    if (run->batch != NULL && run->batch->number == number)
        return VS_OK;
    run->batch = NULL;
    vs_arena_reset(run->batch_arena);
    return vs_batch_get(run->relay, run->batch_arena, number, &run->batch, err);
}

static vs_rc check_place(struct vs_check_run *run, const char *id, const struct vs_value *row,
                         struct vs_error *err)
{
    VS_TRY(find_batch(run, row[VS_EVIDENCE_BATCH].integer, err));
    size_t place =
        vs_batch_find(run->batch, VS_LEAF_EVIDENCE, vs_value_id(&row[VS_EVIDENCE_ID]));
    if (place == SIZE_MAX)
        return vs_fail(err, VS_E_CORRUPT, NULL, "batch %lld does not list it",
                       (long long)row[VS_EVIDENCE_BATCH].integer);
    if (!vs_bytes_equal(VS_BYTES(run->batch->leaves[place].digests[0].bytes, 32),
                        row[VS_EVIDENCE_DIGEST].bytes))
        return vs_fail(err, VS_E_CORRUPT, NULL, "batch %lld lists it with another digest",
                       (long long)row[VS_EVIDENCE_BATCH].integer);
    return compare_leaf(run, id, row, run->batch, place, err);
}

static vs_rc look_at_evidence(struct vs_check_run *run, const char *id,
                              const struct vs_row *found, struct vs_error *err)
{
    const struct vs_value *row = found->values;
    struct vs_bytes xml;
    struct vs_erds erds;
    VS_TRY(vs_check_read_evidence(run, row, &xml, &erds, err));
    compare_row(run, id, row, &erds);
    VS_TRY(vs_check_act_of(run, id, row, erds.event, err));
    run->result.bytes += xml.len;
    VS_TRY(check_signature(run, xml, err));
    return check_place(run, id, row, err);
}

vs_rc vs_check_evidence(struct vs_check_run *run, struct vs_error *err)
{
    return vs_check_rows(run, VS_T_EVIDENCE, look_at_evidence, &run->result.evidence, err);
}

/* -- batches ------------------------------------------------------------------------------- */

/* A time mark by itself: the authority's chain is judged when a document is (validation). */
vs_rc vs_check_token(struct vs_check_run *run, struct vs_bytes der,
                     const struct vs_digest *imprint, vs_time_ms marked, struct vs_error *err)
{
    const struct vs_timestamp *token;
    enum vs_timestamp_verdict verdict;
    const char *why = NULL;
    VS_TRY(vs_timestamp_decode(run->scratch, der, &token, err));
    if (!vs_timestamp_covers(token, imprint))
        return vs_fail(err, VS_E_CORRUPT, "RFC 4998, 5.3",
                       "its time mark is over something else");
    if (token->gen_time != marked)
        return vs_fail(err, VS_E_CORRUPT, NULL, "column marked is not the token's genTime");
    VS_CERTIFICATE *signer = NULL;
    VS_TRY(vs_timestamp_signer(token, NULL, 0, &signer, err));
    if (signer == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "its time mark does not hold its signer");
    VS_TRY(vs_timestamp_verify(token, signer, &verdict, &why, err));
    if (verdict != VS_TIMESTAMP_OK)
        return vs_fail(err, VS_E_CORRUPT, "RFC 3161, 2.4.2", "its time mark does not hold: %s",
                       why == NULL ? "" : why);
    return VS_OK;
}

static vs_rc check_mark(struct vs_check_run *run, const struct vs_batch *batch,
                        struct vs_error *err)
{
    struct vs_digest imprint = {.algorithm = VS_SHA256, .len = 32};
    struct vs_hash root;
    VS_TRY(vs_batch_root(run->scratch, batch, &root, err));
    memcpy(imprint.bytes, root.bytes, sizeof root.bytes);
    VS_TRY(vs_check_token(run, batch->token, &imprint, batch->marked, err));
    return vs_check_renewals(run, batch, err);
}

/* A leaf whose row is gone or names another batch: something was taken away. */
static vs_rc check_leaf_is_there(struct vs_check_run *run, const struct vs_batch *batch,
                                 const struct vs_leaf *leaf, struct vs_error *err)
{
    bool evidence = leaf->kind == VS_LEAF_EVIDENCE;
    if (leaf->kind == VS_LEAF_EVIDENCE_GONE || leaf->kind == VS_LEAF_CONSIGNMENT_GONE)
        return vs_check_gone_leaf(run, batch, leaf, err);
    struct vs_value key = vs_id_value(&leaf->id);
    const struct vs_row *row;
    const char *what = evidence ? "evidence" : "document";
    VS_TRY(vs_store_get(run->relay->store, run->scratch,
                        evidence ? VS_T_EVIDENCE : VS_T_DOCUMENT, &key, &row, err));
    const char *id = vs_check_id(run, &key);
    if (row == NULL)
        vs_check_found(run, what, id, "it is in batch %lld, but its row is gone",
                       (long long)batch->number);
    else if (evidence && row->values[VS_EVIDENCE_BATCH].integer != batch->number)
        vs_check_found(run, what, id, "it is in batch %lld, but its row says %lld",
                       (long long)batch->number,
                       (long long)row->values[VS_EVIDENCE_BATCH].integer);
    return VS_OK;
}

/* Batches follow each other in their log as they do by number. Only the record that a later log
 * begins with is of a batch made after some that wait for their order. */
static void count_leaves(struct vs_check_run *run, const struct vs_batch *batch, uint64_t n,
                         const char *where)
{
    if (batch->epoch < run->epoch || batch->epoch == 0) {
        vs_check_found(run, "batch", where, "it is in log %llu, after one in log %llu",
                       (unsigned long long)batch->epoch, (unsigned long long)run->epoch);
        return;
    }
    if (batch->epoch > run->epoch) {
        vs_check_log_ends(run);
        run->epoch = batch->epoch;
        run->journal_leaves = 1; /* the record's */
    }
    if (batch->epoch > 1 && batch->first == 0 && n == 1)
        return;
    if (batch->first != run->journal_leaves)
        vs_check_found(run, "batch", where, "begins at journal entry %llu, not at %llu",
                       (unsigned long long)batch->first,
                       (unsigned long long)run->journal_leaves);
    run->journal_leaves += n;
}

static vs_rc look_at_batch(struct vs_check_run *run, const char *where,
                           const struct vs_row *row, struct vs_error *err)
{
    struct vs_batch *batch;
    VS_TRY(vs_batch_from_row(run->scratch, row, &batch, err));
    uint64_t n_evidence = 0;
    for (size_t i = 0; i < batch->n_leaves; i++) {
        n_evidence += vs_leaf_in_journal(batch->leaves[i].kind);
        vs_rc rc = check_leaf_is_there(run, batch, &batch->leaves[i], err);
        VS_TRY(vs_check_tolerate(run, rc, "batch", where, err));
    }
    if (batch->sequenced && n_evidence > 0)
        count_leaves(run, batch, n_evidence, where);
    return batch->token.len > 0 ? check_mark(run, batch, err) : VS_OK;
}

vs_rc vs_check_batches(struct vs_check_run *run, struct vs_error *err)
{
    return vs_check_rows(run, VS_T_BATCH, look_at_batch, &run->result.batches, err);
}
