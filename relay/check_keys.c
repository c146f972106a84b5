/* check_keys.c - what idempotency keys and repetitions point to, and the answers of deliveries.
 */
#include "relay/check_priv.h"
#include "formats/crypto/digest.h"
#include "relay/exchange/keys.h"
#include "relay/exchange/reply.h"

static vs_rc row_of(struct vs_check_run *run, enum vs_table_id table, const struct vs_value *id,
                    const struct vs_value **ret, struct vs_error *err)
{
    const struct vs_row *row;
    VS_TRY(vs_store_get(run->relay->store, run->scratch, table, id, &row, err));
    if (row == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "what it names is not there");
    *ret = row->values;
    return VS_OK;
}

/* Rows are kept by the month of the submission, or, at its turn, the one beside it. */
static bool month_fits(int64_t month, vs_time_ms sent)
{
    struct vs_civil civil = vs_time_civil(sent);
    int64_t wanted = (int64_t)(civil.year - 1970) * 12 + civil.month - 1;
    return month >= wanted - 1 && month <= wanted + 1;
}

/* -- keys of submissions ------------------------------------------------------------------- */

static vs_rc look_at_key(struct vs_check_run *run, const char *where,
                         const struct vs_row *found, struct vs_error *err)
{
    const struct vs_value *row = found->values;
    const struct vs_value *named;
    bool accepted = row[VS_IDEMPOTENCY_ACCEPTED].integer == 1;
    if (!accepted && row[VS_IDEMPOTENCY_ACCEPTED].integer != 0)
        return vs_fail(err, VS_E_CORRUPT, NULL, "column accepted is neither yes nor no");
    VS_TRY(row_of(run, accepted ? VS_T_DOCUMENT : VS_T_REFUSAL, &row[VS_IDEMPOTENCY_OUTCOME],
                  &named, err));
    const struct vs_value *digest =
        &named[accepted ? (int)VS_DOCUMENT_DIGEST : (int)VS_REFUSAL_DIGEST];
    if (vs_value_compare(digest, &row[VS_IDEMPOTENCY_DIGEST]) != 0)
        vs_check_found(run, "idempotency", where, "column digest is not its outcome's");
    vs_time_ms sent = named[accepted ? (int)VS_DOCUMENT_SENT : (int)VS_REFUSAL_SENT].integer;
    if (!month_fits(row[VS_IDEMPOTENCY_MONTH].integer, sent))
        vs_check_found(run, "idempotency", where, "column month is not its outcome's");
    return VS_OK;
}

/* -- repetitions (Art. 27.3.3) ------------------------------------------------------------- */

static bool is_hash_of(const struct vs_value *key, const struct vs_value *document,
                       const struct vs_value *delivery)
{
    uint8_t hash[32];
    if (document[VS_DOCUMENT_DIGEST].bytes.len != 32)
        return false;
    vs_repetition_hash(document[VS_DOCUMENT_DIGEST].bytes.ptr,
                       vs_value_id(&document[VS_DOCUMENT_SENDER]),
                       vs_value_id(&delivery[VS_DELIVERY_RECIPIENT]), hash);
    return vs_bytes_equal(key->bytes, VS_BYTES(hash, sizeof hash));
}

static vs_rc look_at_repetition(struct vs_check_run *run, const char *where,
                                const struct vs_row *repetition, struct vs_error *err)
{
    const struct vs_value *row = repetition->values;
    const struct vs_value *document;
    const struct vs_row *deliveries;
    size_t n;
    bool found = false;
    VS_TRY(row_of(run, VS_T_DOCUMENT, &row[VS_REPETITION_DOCUMENT], &document, err));
    struct vs_query query = {
        .table = VS_T_DELIVERY, .equal = &row[VS_REPETITION_DOCUMENT], .n_equal = 1};
    VS_TRY(vs_store_select(run->relay->store, run->scratch, &query, &deliveries, &n, err));
    for (size_t i = 0; i < n; i++)
        found |= is_hash_of(&row[VS_REPETITION_KEY], document, deliveries[i].values);
    if (!found)
        vs_check_found(run, "repetition", where, "column key is not of its document");
    if (!month_fits(row[VS_REPETITION_MONTH].integer, document[VS_DOCUMENT_SENT].integer))
        vs_check_found(run, "repetition", where, "column month is not its document's");
    return VS_OK;
}

/* -- answers of recipients (Art. 27.4) ----------------------------------------------------- */

/* A signed answer: its bytes, its digest, and the digest in the evidence are the same. */
static vs_rc look_at_reply(struct vs_check_run *run, const char *where,
                           const struct vs_value *row, const struct vs_value *evidence,
                           struct vs_error *err)
{
    struct vs_location location;
    struct vs_bytes xml, bytes;
    struct vs_erds erds;
    uint8_t digest[32];
    VS_TRY(vs_check_read_evidence(run, evidence, &xml, &erds, err));
    const char *stated = vs_erds_extension(&erds, VS_ERDS_EXT_REPLY);
    if ((stated != NULL) != (row[VS_DELIVERY_REPLY].type == VS_BLOB)) {
        vs_check_found(run, "delivery", where, "column reply is not as its evidence has it");
        return VS_OK;
    }
    if (stated == NULL)
        return VS_OK;
    if (!vs_location_decode(row[VS_DELIVERY_REPLY].bytes, &location))
        return vs_fail(err, VS_E_CORRUPT, NULL, "its reply's location cannot be read");
    VS_TRY(vs_segments_read(run->relay->segments, location, run->scratch, VS_REPLY_MAX_BYTES,
                            &bytes, err));
    vs_sha256(bytes, digest);
    const char *hex = vs_hex_new(run->scratch, VS_BYTES(digest, sizeof digest));
    if (!vs_bytes_equal(VS_BYTES(digest, sizeof digest), row[VS_DELIVERY_REPLY_DIGEST].bytes) ||
        !vs_text_equal(stated, hex))
        vs_check_found(run, "delivery", where, "the reply is not the one of its evidence");
    return VS_OK;
}

vs_rc vs_check_answer(struct vs_check_run *run, const char *where, const struct vs_value *row,
                      struct vs_error *err)
{
    const struct vs_value *evidence;
    if ((row[VS_DELIVERY_ANSWER].type == VS_NULL) !=
        (row[VS_DELIVERY_ACKNOWLEDGED_AT].type == VS_NULL))
        vs_check_found(run, "delivery", where, "column answer does not fit acknowledged_at");
    if (row[VS_DELIVERY_ANSWER].type == VS_NULL)
        return VS_OK;
    VS_TRY(row_of(run, VS_T_EVIDENCE, &row[VS_DELIVERY_ANSWER], &evidence, err));
    VS_TRY(look_at_reply(run, where, row, evidence, err));
    struct vs_bytes event = evidence[VS_EVIDENCE_EVENT].bytes;
    bool answers = vs_bytes_is(event, vs_event_info(VS_EVENT_ACKNOWLEDGEMENT)->name) ||
                   vs_bytes_is(event, vs_event_info(VS_EVENT_ACKNOWLEDGEMENT_REFUSAL)->name);
    if (!answers ||
        vs_value_compare(&evidence[VS_EVIDENCE_DOCUMENT], &row[VS_DELIVERY_DOCUMENT]) != 0)
        vs_check_found(run, "delivery", where,
                       "column answer names evidence of something else");
    return VS_OK;
}

vs_rc vs_check_keys(struct vs_check_run *run, struct vs_error *err)
{
    VS_TRY(vs_check_rows(run, VS_T_IDEMPOTENCY, look_at_key, NULL, err));
    return vs_check_rows(run, VS_T_REPETITION, look_at_repetition, NULL, err);
}
