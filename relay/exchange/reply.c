#include "relay/exchange/reply.h"
#include "formats/container/asic.h"
#include "formats/crypto/digest.h"
#include "formats/document/acknowledgement.h"
#include "relay/exchange/access.h"
#include "relay/exchange/decide.h"
#include "relay/relay_priv.h"
#include "relay/verification.h"
#include "storage/segments.h"

#define JUDGE_ARENA    ((size_t)128 << 20)
#define RECIPIENTS_MAX 1000

/* -- judging ------------------------------------------------------------------------------- */

/* Whether a signature that passed covers the statement. */
static bool is_stated(const struct vs_report *report)
{
    for (size_t i = 0; i < report->n_signatures; i++) {
        const struct vs_signature_report *s = &report->signatures[i];
        for (size_t j = 0; j < s->n_signed_names && s->verdict.indication == VS_PASSED; j++)
            if (strcmp(s->signed_names[j], VS_STATEMENT_NAME) == 0)
                return true;
    }
    return false;
}

/* As a document of the recipient's to the sender, under what they agreed; requisites are of
 * documents, and a statement is an ASiC whatever documents may be. */
static vs_rc decide(struct vs_relay *relay, struct vs_arena *arena,
                    const struct vs_row *delivery, enum vs_document_form form,
                    const struct vs_report *report, vs_time_ms now, struct vs_error *err)
{
    struct vs_id sender = vs_value_id(&delivery->values[VS_DELIVERY_SENDER]);
    struct vs_id recipient = vs_value_id(&delivery->values[VS_DELIVERY_RECIPIENT]);
    const struct vs_participant *to;
    const struct vs_agreement *agreement;
    struct vs_offer offer = {.form = form, .report = report};
    VS_TRY(vs_participant_get(relay, arena, sender, &to, err));
    VS_TRY(vs_participant_get(relay, arena, recipient, &offer.sender, err));
    if (to == NULL || offer.sender == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a party of a delivery is not there");
    VS_TRY(vs_agreement_between(relay, arena, sender, recipient, now, &agreement, err));
    struct vs_terms terms = agreement->terms;
    terms.forms |= VS_TAKES_ASIC_E | VS_TAKES_ASIC_S;
    terms.requisites = terms.signed_requisites = 0;
    VS_TRY(vs_decide(&offer, to, &terms, arena, err));
    VS_REFUSE_IF(!is_stated(report), err, VS_E_SIGNATURE_UNDETERMINED, "Art. 27.2",
                 "no signature that passed covers " VS_STATEMENT_NAME);
    return VS_OK;
}

static vs_rc read_statement(struct vs_arena *arena, const struct vs_asic *asic,
                            struct vs_statement *ret, struct vs_error *err)
{
    const struct vs_asic_entry *entry = vs_asic_find(asic, VS_STATEMENT_NAME);
    struct vs_bytes xml;
    VS_REFUSE_IF(entry == NULL || entry->role != VS_ASIC_DATA, err, VS_E_REQUISITES,
                 "Art. 27.4", "the reply has no " VS_STATEMENT_NAME);
    if (entry == NULL)
        return vs_fail(err, VS_E_REQUISITES, "Art. 27.4", "no " VS_STATEMENT_NAME);
    VS_TRY(vs_zip_read_all(asic->zip, entry->zip, arena, VS_STATEMENT_MAX_BYTES, &xml, err));
    return vs_statement_read(arena, xml, ret, err);
}

/* A statement about another document, or other bytes, must not be counted for this one. */
static vs_rc check_subject(struct vs_relay *relay, struct vs_arena *arena,
                           const struct vs_row *delivery, const struct vs_statement *statement,
                           struct vs_error *err)
{
    const struct vs_value *id = &delivery->values[VS_DELIVERY_DOCUMENT];
    const struct vs_row *document;
    char text[VS_ID_TEXT];
    VS_TRY(vs_store_get(relay->store, arena, VS_T_DOCUMENT, id, &document, err));
    if (document == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a delivery's document is not there");
    vs_id_text(vs_value_id(id), text);
    struct vs_bytes digest = VS_BYTES(statement->sha256, sizeof statement->sha256);
    VS_REFUSE_IF(strcmp(statement->document, text) != 0, err, VS_E_REQUISITES_CONFLICT,
                 "Art. 27.4", VS_STATEMENT_NAME " is about document %s", statement->document);
    VS_REFUSE_IF(!vs_bytes_equal(digest, document->values[VS_DOCUMENT_DIGEST].bytes), err,
                 VS_E_REQUISITES_CONFLICT, "Art. 27.4",
                 VS_STATEMENT_NAME " is about other bytes than this document's");
    return VS_OK;
}

static vs_rc judge(struct vs_relay *relay, struct vs_arena *arena,
                   const struct vs_row *delivery, struct vs_bytes bytes, vs_time_ms now,
                   struct vs_statement *ret, struct vs_error *err)
{
    struct vs_bytes_source source;
    enum vs_document_form form;
    const struct vs_asic *asic;
    const struct vs_report *report;
    vs_bytes_source_init(&source, bytes);
    VS_TRY(vs_document_form_of(&source.source, &form, err));
    VS_REFUSE_IF(form != VS_FORM_ASIC_E && form != VS_FORM_ASIC_S, err, VS_E_FORM_NOT_AGREED,
                 "Art. 27.4", "the reply is %s, not an ASiC container",
                 vs_document_form_text(form));
    VS_TRY(vs_asic_open(arena, &source.source, NULL, &asic, err));
    VS_TRY(read_statement(arena, asic, ret, err));
    struct vs_validation_input input = {
        .document = &source.source, .name = "reply", .asic = asic, .at = now};
    VS_TRY(vs_verify(relay, arena, &input, &report, err));
    VS_TRY(decide(relay, arena, delivery, form, report, now, err));
    return check_subject(relay, arena, delivery, ret, err);
}

vs_rc vs_reply_judge(struct vs_relay *relay, struct vs_arena *arena,
                     const struct vs_row *delivery, struct vs_bytes bytes, vs_time_ms now,
                     struct vs_acknowledgement *ret_answer, struct vs_error *err)
{
    VS_ARENA *scratch = vs_arena_new(JUDGE_ARENA);
    struct vs_statement statement;
    if (scratch == NULL)
        return vs_fail_memory(err);
    if (bytes.len > VS_REPLY_MAX_BYTES)
        return vs_fail(err, VS_E_TOO_LARGE, NULL, "a reply of %zu bytes", bytes.len);
    VS_TRY(judge(relay, scratch, delivery, bytes, now, &statement, err));
    const char *reason = statement.reason;
    if (reason == NULL && !statement.conforms)
        reason = "the reply does not state conformity";
    char *copy = reason == NULL ? NULL : vs_arena_strdup(arena, reason);
    if (reason != NULL && copy == NULL)
        return vs_fail_memory(err);
    *ret_answer = (struct vs_acknowledgement){
        .conforms = statement.conforms, .reason = copy, .reply = bytes};
    return VS_OK;
}

/* -- given out ----------------------------------------------------------------------------- */

static vs_rc find_delivery(struct vs_relay *relay, struct vs_arena *arena,
                           const struct vs_access *access, struct vs_id document,
                           struct vs_id recipient, const struct vs_row **ret,
                           struct vs_error *err)
{
    if (access->party == VS_PARTY_RECIPIENT) {
        *ret = access->delivery;
        return VS_OK;
    }
    struct vs_value key[2] = {vs_id_value(&document), vs_id_value(&recipient)};
    struct vs_query query = {.table = VS_T_DELIVERY,
                             .equal = key,
                             .n_equal = vs_id_is_none(recipient) ? 1 : 2,
                             .limit = RECIPIENTS_MAX};
    size_t n;
    VS_TRY(vs_store_select(relay->store, arena, &query, ret, &n, err));
    if (n > 1)
        return vs_fail(err, VS_E_PARAMETER, NULL, "recipient: it has %zu, say which", n);
    return n == 1 ? VS_OK : vs_fail(err, VS_E_NOT_FOUND, NULL, "it has no such recipient");
}

vs_rc vs_reply_get(struct vs_relay *relay, struct vs_arena *arena,
                   const struct vs_caller *caller, struct vs_id document,
                   struct vs_id recipient, struct vs_reply_view *ret, struct vs_error *err)
{
    struct vs_access access;
    const struct vs_row *delivery;
    struct vs_location location;
    struct vs_reply_view view = {.media_type = VS_ASIC_E_TYPE};
    VS_TRY(vs_access_find(relay, arena, caller, document, &access, err));
    /* Content of a party's: for supervision only by an act of its own. */
    if (access.document == NULL || access.party == VS_PARTY_AUDITOR)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "there is no such reply");
    VS_TRY(find_delivery(relay, arena, &access, document, recipient, &delivery, err));
    const struct vs_value *v = delivery->values;
    if (v[VS_DELIVERY_REPLY].type == VS_NULL)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "the answer was no signed document");
    if (!vs_location_decode(v[VS_DELIVERY_REPLY].bytes, &location))
        return vs_fail(err, VS_E_CORRUPT, NULL, "a reply's location cannot be read");
    VS_TRY(vs_segments_read(relay->segments, location, arena, VS_REPLY_MAX_BYTES, &view.bytes,
                            err));
    vs_sha256(view.bytes, view.sha256);
    if (!vs_bytes_equal(VS_BYTES(view.sha256, sizeof view.sha256),
                        v[VS_DELIVERY_REPLY_DIGEST].bytes))
        return vs_fail(err, VS_E_CORRUPT, NULL, "a reply differs from its digest");
    *ret = view;
    return VS_OK;
}
