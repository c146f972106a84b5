/* Rows about documents, deliveries and refusals against the signed evidence of each: the
 * columns are a convenience, the evidence is what counts. */
#include "formats/container/zip.h"
#include "formats/crypto/digest.h"
#include "formats/signature/xades.h"
#include "relay/check_priv.h"
#include "relay/exchange/mailbox.h"
#include "relay/exchange/participants.h"

/* -- what the evidence of one document says ----------------------------------------------- */

static vs_rc read_named_evidence(struct vs_check_run *run, const struct vs_value *id,
                                 struct vs_erds *ret, const struct vs_value **ret_row,
                                 struct vs_error *err)
{
    const struct vs_row *row;
    struct vs_bytes xml;
    VS_TRY(vs_store_get(run->relay->store, run->scratch, VS_T_EVIDENCE, id, &row, err));
    if (row == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "its evidence %s is gone",
                       vs_check_id(run, id));
    if (ret_row != NULL)
        *ret_row = row->values;
    return vs_check_read_evidence(run, row->values, &xml, ret, err);
}

/* Whether `user` of the evidence is the participant in `column`. */
static vs_rc check_party(struct vs_check_run *run, const char *what, const char *where,
                         const char *column, const struct vs_value *value,
                         const struct vs_erds_user *user, struct vs_error *err)
{
    const struct vs_participant *participant;
    const char *identifier =
        vs_arena_printf(run->scratch, "%s:%s", user->scheme == NULL ? "" : user->scheme,
                        user->identifier == NULL ? "" : user->identifier);
    if (identifier == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_participant_find(run->relay, run->scratch, identifier, &participant, err));
    if (participant == NULL || !vs_id_equal(participant->id, vs_value_id(value)))
        vs_check_found(run, what, where, "column %s is not the participant of its evidence",
                       column);
    return VS_OK;
}

static void check_text(struct vs_check_run *run, const char *where, const char *column,
                       const struct vs_value *value, const char *stated)
{
    bool same = stated == NULL ? value->type != VS_TEXT
                               : value->type == VS_TEXT && vs_bytes_is(value->bytes, stated);
    if (!same)
        vs_check_found(run, "document", where, "column %s is not what its evidence states",
                       column);
}

/* -- the original ------------------------------------------------------------------------- */

static vs_rc read_through(const struct vs_source *source, struct vs_digest *ret,
                          uint32_t *ret_crc32, struct vs_error *err)
{
    static const size_t piece = 256 * 1024;
    VS_HASHER *hasher = vs_hasher_new(VS_SHA256);
    VS_ARENA *arena = vs_arena_new(piece + 64);
    uint8_t *buffer = vs_arena_alloc(arena, piece);
    if (buffer == NULL)
        return vs_fail_memory(err);
    *ret_crc32 = 0;
    for (uint64_t at = 0; at < source->size;) {
        size_t len = source->size - at < piece ? (size_t)(source->size - at) : piece;
        VS_TRY(vs_source_read(source, at, buffer, len, err));
        vs_hasher_add(hasher, VS_BYTES(buffer, len));
        *ret_crc32 = vs_zip_crc32(*ret_crc32, VS_BYTES(buffer, len));
        at += len;
    }
    vs_hasher_finish(hasher, ret);
    return VS_OK;
}

static vs_rc check_original(struct vs_check_run *run, const char *id,
                            const struct vs_value *row, struct vs_error *err)
{
    struct vs_location location;
    struct vs_segment_source source;
    struct vs_digest digest = {0};
    uint32_t crc = 0;
    if (!vs_location_decode(row[VS_DOCUMENT_ORIGINAL].bytes, &location))
        return vs_fail(err, VS_E_CORRUPT, NULL, "the original's location cannot be read");
    VS_TRY(vs_segments_source(run->relay->segments, location, &source, err));
    vs_rc rc = read_through(&source.source, &digest, &crc, err);
    vs_segment_source_done(&source);
    VS_TRY(rc);
    run->result.bytes += location.length;
    if (location.length != (uint64_t)row[VS_DOCUMENT_SIZE].integer)
        vs_check_found(run, "document", id, "column size is not the original's");
    if (crc != (uint32_t)row[VS_DOCUMENT_CRC32].integer)
        vs_check_found(run, "document", id, "column crc32 is not the original's");
    if (!vs_bytes_equal(vs_digest_bytes(&digest), row[VS_DOCUMENT_DIGEST].bytes))
        vs_check_found(run, "document", id, "the original is not the one of its digest");
    return VS_OK;
}

/* -- the seal ----------------------------------------------------------------------------- */

static bool covers(const struct vs_xades *seal, struct vs_bytes digest)
{
    for (size_t i = 0; i < seal->dsig.n_references; i++)
        if (vs_bytes_equal(vs_digest_bytes(&seal->dsig.references[i].digest), digest))
            return true;
    return false;
}

static vs_rc check_seal(struct vs_check_run *run, const struct vs_value *row,
                        struct vs_bytes evidence_digest, struct vs_error *err)
{
    struct vs_location location;
    struct vs_bytes xml;
    uint8_t digest[32];
    if (!vs_location_decode(row[VS_DOCUMENT_SEAL].bytes, &location))
        return vs_fail(err, VS_E_CORRUPT, NULL, "the seal's location cannot be read");
    VS_TRY(vs_segments_read(run->relay->segments, location, run->scratch, VS_ERDS_MAX_BYTES,
                            &xml, err));
    vs_sha256(xml, digest);
    if (!vs_bytes_equal(VS_BYTES(digest, sizeof digest), row[VS_DOCUMENT_SEAL_DIGEST].bytes))
        return vs_fail(err, VS_E_CORRUPT, NULL, "the seal is not the one of its digest");
    VS_XADES *file = NULL;
    VS_TRY(vs_xades_read(xml, NULL, &file, err));
    if (file->n_signatures != 1 || file->signatures[0].refusal.code != VS_E_NONE ||
        !covers(&file->signatures[0], row[VS_DOCUMENT_DIGEST].bytes) ||
        !covers(&file->signatures[0], evidence_digest))
        return vs_fail(err, VS_E_CORRUPT, NULL, "the seal is over something else");
    return VS_OK;
}

/* -- documents ---------------------------------------------------------------------------- */

static void compare_acceptance(struct vs_check_run *run, const char *id,
                               const struct vs_value *row, const struct vs_erds *erds)
{
    if (erds->event != VS_EVENT_SUBMISSION_ACCEPTANCE || !vs_text_equal(erds->message_id, id))
        vs_check_found(run, "document", id, "column evidence names evidence of something else");
    if (row[VS_DOCUMENT_SENT].integer != erds->submission_time)
        vs_check_found(run, "document", id, "column sent is not the SubmissionTime");
    if (erds->n_parts == 0 ||
        !vs_bytes_equal(erds->parts[0].digest, row[VS_DOCUMENT_DIGEST].bytes)) {
        vs_check_found(run, "document", id, "column digest is not what its evidence states");
        return;
    }
    check_text(run, id, "name", &row[VS_DOCUMENT_NAME], erds->parts[0].identifier);
    check_text(run, id, "media_type", &row[VS_DOCUMENT_MEDIA_TYPE],
               erds->parts[0].content_type);
    check_text(run, id, "legal_class", &row[VS_DOCUMENT_LEGAL_CLASS],
               vs_erds_extension(erds, VS_ERDS_EXT_LEGAL_CLASS));
    check_text(run, id, "indication", &row[VS_DOCUMENT_INDICATION],
               vs_erds_extension(erds, VS_ERDS_EXT_VERDICT));
}

static vs_rc check_deliveries_are_there(struct vs_check_run *run, const char *id,
                                        const struct vs_value *row, const struct vs_erds *erds,
                                        struct vs_error *err)
{
    struct vs_query query = {
        .table = VS_T_DELIVERY, .equal = &row[VS_DOCUMENT_ID], .n_equal = 1};
    uint64_t n;
    VS_TRY(vs_store_count(run->relay->store, &query, &n, err));
    if (n != erds->n_recipients)
        vs_check_found(run, "document", id, "%llu deliveries for %zu recipients",
                       (unsigned long long)n, erds->n_recipients);
    return VS_OK;
}

static vs_rc look_at_document(struct vs_check_run *run, const char *id,
                              const struct vs_row *found, struct vs_error *err)
{
    const struct vs_value *row = found->values;
    struct vs_erds erds;
    const struct vs_value *evidence;
    vs_rc rc = check_original(run, id, row, err);
    VS_TRY(vs_check_tolerate(run, rc, "document", id, err));
    VS_TRY(read_named_evidence(run, &row[VS_DOCUMENT_EVIDENCE], &erds, &evidence, err));
    compare_acceptance(run, id, row, &erds);
    VS_TRY(check_party(run, "document", id, "sender", &row[VS_DOCUMENT_SENDER], &erds.sender,
                       err));
    VS_TRY(check_deliveries_are_there(run, id, row, &erds, err));
    return check_seal(run, row, evidence[VS_EVIDENCE_DIGEST].bytes, err);
}

/* -- deliveries --------------------------------------------------------------------------- */

/* Which column of a delivery says when which event was: one of the events named. */
static const struct {
    int column;
    const char *name;
    enum vs_event events[3];
} moments[VS_TOLD] = {
    [VS_TOLD_RECEIVED] = {VS_DELIVERY_RECEIVED_AT,
                          "received_at",
                          {VS_EVENT_CONTENT_CONSIGNMENT}},
    [VS_TOLD_HANDED_OVER] = {VS_DELIVERY_HANDED_OVER_AT,
                             "handed_over_at",
                             {VS_EVENT_CONTENT_HANDOVER}},
    [VS_TOLD_ANSWERED] = {VS_DELIVERY_ACKNOWLEDGED_AT,
                          "acknowledged_at",
                          {VS_EVENT_ACKNOWLEDGEMENT, VS_EVENT_ACKNOWLEDGEMENT_REFUSAL}},
    [VS_TOLD_REACHED] = {VS_DELIVERY_REACHED_AT,
                         "reached_at",
                         {VS_EVENT_ACKNOWLEDGEMENT_REACHED_SENDER}},
    [VS_TOLD_ASKED] = {VS_DELIVERY_ASKED_AT,
                       "asked_at",
                       {VS_EVENT_NOTIFICATION_FOR_ACCEPTANCE}},
    [VS_TOLD_CONSENT] = {VS_DELIVERY_CONSENT_AT,
                         "consent_at",
                         {VS_EVENT_CONSIGNMENT_ACCEPTANCE, VS_EVENT_CONSIGNMENT_REJECTION,
                          VS_EVENT_ACCEPTANCE_REJECTION_EXPIRY}},
    [VS_TOLD_REMINDED] = {VS_DELIVERY_REMINDED_AT,
                          "reminded_at",
                          {VS_EVENT_ACKNOWLEDGEMENT_REMINDER}},
    [VS_TOLD_OVERDUE] = {VS_DELIVERY_OVERDUE_AT,
                         "overdue_at",
                         {VS_EVENT_ACKNOWLEDGEMENT_OVERDUE}},
    [VS_TOLD_NOTICE] = {VS_DELIVERY_NOTICE_AT, "notice_at", {VS_EVENT_NON_SENDING_NOTICE}},
    [VS_TOLD_FAILED] = {VS_DELIVERY_FAILED_AT,
                        "failed_at",
                        {VS_EVENT_CONTENT_HANDOVER_FAILURE,
                         VS_EVENT_CONTENT_CONSIGNMENT_FAILURE}},
    [VS_TOLD_NOTIFIED] = {VS_DELIVERY_NOTIFIED_AT,
                          "notified_at",
                          {VS_EVENT_CONSIGNMENT_NOTIFICATION}},
};

static void tell(struct vs_told *told, enum vs_event event, const struct vs_value *v)
{
    if (vs_event_info(event)->terminal == VS_EVENT_TERMINAL_YES)
        told->terminal++;
    for (size_t m = 0; m < VS_TOLD; m++)
        for (size_t e = 0; e < sizeof moments[m].events / sizeof *moments[m].events; e++)
            if (moments[m].events[e] == event) {
                told->at[m] = v[VS_EVIDENCE_TIME].integer;
                told->event[m] = event;
                told->evidence[m] = v;
            }
}

/* The EventTimes of the evidence about one delivery, the last one of each kind. */
static vs_rc find_moments(struct vs_check_run *run, const struct vs_value *row,
                          struct vs_told *ret, struct vs_error *err)
{
    struct vs_query query = {.table = VS_T_EVIDENCE,
                             .index = VS_EVIDENCE_BY_DOCUMENT,
                             .equal = &row[VS_DELIVERY_DOCUMENT],
                             .n_equal = 1};
    const struct vs_row *rows;
    size_t n;
    *ret = (struct vs_told){.terminal = 0};
    for (size_t m = 0; m < VS_TOLD; m++)
        ret->at[m] = VS_TIME_NONE;
    VS_TRY(vs_store_select(run->relay->store, run->scratch, &query, &rows, &n, err));
    for (size_t i = 0; i < n; i++) {
        const struct vs_value *v = rows[i].values;
        const char *name = vs_value_text_new(run->scratch, &v[VS_EVIDENCE_EVENT]);
        enum vs_event event = name == NULL ? VS_EVENT_UNKNOWN : vs_event_by_name(name);
        /* What concerns no recipient concerns all. */
        if (event != VS_EVENT_UNKNOWN &&
            (v[VS_EVIDENCE_RECIPIENT].type == VS_NULL ||
             vs_value_compare(&v[VS_EVIDENCE_RECIPIENT], &row[VS_DELIVERY_RECIPIENT]) == 0))
            tell(ret, event, v);
    }
    return VS_OK;
}

/* The latest moment that is evidenced tells the state. Evidence of what the sequencer did
 * follows it: it may still be missing. */
static bool state_fits(enum vs_delivery_state state, const struct vs_told *told)
{
    const vs_time_ms *at = told->at;
    bool answered = at[VS_TOLD_ANSWERED] != VS_TIME_NONE,
         handed = at[VS_TOLD_HANDED_OVER] != VS_TIME_NONE;
    switch (state) {
    case VS_DELIVERY_PENDING:
    case VS_DELIVERY_HELD:
        return at[VS_TOLD_RECEIVED] == VS_TIME_NONE && at[VS_TOLD_CONSENT] == VS_TIME_NONE &&
               !answered;
    case VS_DELIVERY_ASKED:
        return at[VS_TOLD_RECEIVED] == VS_TIME_NONE && !handed && !answered &&
               (at[VS_TOLD_CONSENT] == VS_TIME_NONE ||
                told->event[VS_TOLD_CONSENT] == VS_EVENT_CONSIGNMENT_ACCEPTANCE);
    case VS_DELIVERY_WAITING:
        return !handed && !answered;
    case VS_DELIVERY_AVAILABLE:
        return !handed && !answered;
    case VS_DELIVERY_HANDED_OVER:
        return handed && !answered;
    case VS_DELIVERY_ACKNOWLEDGED:
        return told->event[VS_TOLD_ANSWERED] == VS_EVENT_ACKNOWLEDGEMENT &&
               at[VS_TOLD_REACHED] == VS_TIME_NONE;
    case VS_DELIVERY_REACHED:
        return told->event[VS_TOLD_ANSWERED] == VS_EVENT_ACKNOWLEDGEMENT;
    case VS_DELIVERY_REFUSED:
        return told->event[VS_TOLD_ANSWERED] == VS_EVENT_ACKNOWLEDGEMENT_REFUSAL;
    case VS_DELIVERY_REJECTED:
        return told->event[VS_TOLD_CONSENT] == VS_EVENT_CONSIGNMENT_REJECTION && !answered;
    case VS_DELIVERY_EXPIRED:
        return told->event[VS_TOLD_CONSENT] == VS_EVENT_ACCEPTANCE_REJECTION_EXPIRY &&
               !answered;
    case VS_DELIVERY_FAILED:
        return at[VS_TOLD_FAILED] != VS_TIME_NONE && !handed && !answered;
    default:
        return false;
    }
}

/* At the recipient's endpoint the hand-over is the receipt (28.2). */
static void settle_receipt(const struct vs_value *row, struct vs_told *told)
{
    bool endpoint = row[VS_DELIVERY_MODE].type == VS_INT &&
                    (row[VS_DELIVERY_MODE].integer & VS_MODE_ENDPOINT) != 0;
    if (endpoint && told->at[VS_TOLD_RECEIVED] == VS_TIME_NONE)
        told->at[VS_TOLD_RECEIVED] = told->at[VS_TOLD_HANDED_OVER];
}

static vs_rc check_moments(struct vs_check_run *run, const char *where,
                           const struct vs_value *row, struct vs_error *err)
{
    struct vs_told told;
    const struct vs_row *document;
    VS_TRY(find_moments(run, row, &told, err));
    settle_receipt(row, &told);
    for (size_t m = 0; m < VS_TOLD; m++)
        if (vs_value_time(&row[moments[m].column]) != told.at[m])
            vs_check_found(run, "delivery", where, "column %s is not the EventTime of its %s",
                           moments[m].name, vs_event_info(moments[m].events[0])->name);
    if (!state_fits((enum vs_delivery_state)row[VS_DELIVERY_STATE].integer, &told))
        vs_check_found(run, "delivery", where, "column state does not fit the evidence");
    if (told.terminal > 1)
        vs_check_found(run, "delivery", where, "%u pieces of evidence end it, not one",
                       told.terminal);
    VS_TRY(vs_check_terms(run, where, row, &told, err));
    VS_TRY(vs_store_get(run->relay->store, run->scratch, VS_T_DOCUMENT,
                        &row[VS_DELIVERY_DOCUMENT], &document, err));
    if (document == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "its document is gone");
    if (vs_value_compare(&document->values[VS_DOCUMENT_SENDER], &row[VS_DELIVERY_SENDER]) != 0)
        vs_check_found(run, "delivery", where, "column sender is not the document's");
    return VS_OK;
}

/* Whether the recipient stands in the evidence of submission. */
static vs_rc check_recipient(struct vs_check_run *run, const struct vs_value *row,
                             struct vs_error *err)
{
    const struct vs_row *document;
    struct vs_erds erds;
    VS_TRY(vs_store_get(run->relay->store, run->scratch, VS_T_DOCUMENT,
                        &row[VS_DELIVERY_DOCUMENT], &document, err));
    if (document == NULL)
        return VS_OK;
    VS_TRY(read_named_evidence(run, &document->values[VS_DOCUMENT_EVIDENCE], &erds, NULL, err));
    for (size_t i = 0; i < erds.n_recipients; i++) {
        const struct vs_participant *participant;
        const char *identifier = vs_arena_printf(
            run->scratch, "%s:%s", erds.recipients[i].scheme, erds.recipients[i].identifier);
        if (identifier == NULL)
            return vs_fail_memory(err);
        VS_TRY(vs_participant_find(run->relay, run->scratch, identifier, &participant, err));
        if (participant != NULL &&
            vs_id_equal(participant->id, vs_value_id(&row[VS_DELIVERY_RECIPIENT])))
            return VS_OK;
    }
    return vs_fail(err, VS_E_CORRUPT, NULL, "its recipient is not one of the evidence");
}

static vs_rc look_at_delivery(struct vs_check_run *run, const char *where,
                              const struct vs_row *found, struct vs_error *err)
{
    const struct vs_value *row = found->values;
    vs_rc rc = check_moments(run, where, row, err);
    VS_TRY(vs_check_tolerate(run, rc, "delivery", where, err));
    rc = check_recipient(run, row, err);
    VS_TRY(vs_check_tolerate(run, rc, "delivery", where, err));
    return vs_check_answer(run, where, row, err);
}

/* -- refusals ----------------------------------------------------------------------------- */

static vs_rc look_at_refusal(struct vs_check_run *run, const char *id,
                             const struct vs_row *found, struct vs_error *err)
{
    const struct vs_value *row = found->values;
    struct vs_erds erds;
    VS_TRY(read_named_evidence(run, &row[VS_REFUSAL_EVIDENCE], &erds, NULL, err));
    if (erds.event != VS_EVENT_SUBMISSION_REJECTION || !vs_text_equal(erds.message_id, id))
        vs_check_found(run, "refusal", id, "column evidence names evidence of something else");
    if (row[VS_REFUSAL_SENT].integer != erds.submission_time)
        vs_check_found(run, "refusal", id, "column sent is not the SubmissionTime");
    if (erds.n_parts == 0 ||
        !vs_bytes_equal(erds.parts[0].digest, row[VS_REFUSAL_DIGEST].bytes))
        vs_check_found(run, "refusal", id, "column digest is not what its evidence states");
    return check_party(run, "refusal", id, "sender", &row[VS_REFUSAL_SENDER], &erds.sender,
                       err);
}

vs_rc vs_check_exchange(struct vs_check_run *run, struct vs_error *err)
{
    struct vs_check_result *counted = &run->result;
    VS_TRY(vs_check_rows(run, VS_T_DOCUMENT, look_at_document, &counted->documents, err));
    VS_TRY(vs_check_rows(run, VS_T_DELIVERY, look_at_delivery, &counted->deliveries, err));
    return vs_check_rows(run, VS_T_REFUSAL, look_at_refusal, NULL, err);
}
