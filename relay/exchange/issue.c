#include "relay/exchange/issue.h"
#include "formats/validation/indication.h"
#include "relay/relay_priv.h"
#include "relay/seal/seal.h"

#define RECIPIENTS_MAX 1000
#define DIGEST_URI     "http://www.w3.org/2001/04/xmlenc#sha256"

/* -- facts --------------------------------------------------------------------------------- */

vs_rc vs_user_of(struct vs_arena *arena, const char *identifier, const char *name,
                 struct vs_erds_user *ret, struct vs_error *err)
{
    const char *colon = strchr(identifier, ':');
    *ret = (struct vs_erds_user){.name = name};
    ret->scheme = colon == NULL
                      ? "other"
                      : vs_arena_strndup(arena, identifier, (size_t)(colon - identifier));
    ret->identifier = vs_arena_strdup(arena, colon == NULL ? identifier : colon + 1);
    if (ret->scheme == NULL || ret->identifier == NULL)
        return vs_fail_memory(err);
    return VS_OK;
}

static vs_rc load_user(struct vs_relay *relay, struct vs_arena *arena, struct vs_id id,
                       struct vs_erds_user *ret, struct vs_error *err)
{
    const struct vs_participant *participant;
    VS_TRY(vs_participant_get(relay, arena, id, &participant, err));
    if (participant == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a party of a document is not here");
    return vs_user_of(arena, participant->identifiers[0], participant->name, ret, err);
}

static vs_rc load_recipients(struct vs_relay *relay, struct vs_arena *arena,
                             struct vs_facts *facts, struct vs_error *err)
{
    struct vs_value equal = vs_id_value(&facts->document);
    struct vs_query query = {
        .table = VS_T_DELIVERY, .equal = &equal, .n_equal = 1, .limit = RECIPIENTS_MAX};
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    struct vs_erds_user *users = vs_arena_make_n(arena, struct vs_erds_user, n + 1);
    struct vs_id *ids = vs_arena_make_n(arena, struct vs_id, n + 1);
    if (users == NULL || ids == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        ids[i] = vs_value_id(&rows[i].values[VS_DELIVERY_RECIPIENT]);
        VS_TRY(load_user(relay, arena, ids[i], &users[i], err));
    }
    facts->deliveries = rows;
    facts->recipients = users;
    facts->recipient_ids = ids;
    facts->n_recipients = n;
    return VS_OK;
}

vs_rc vs_facts_load(struct vs_relay *relay, struct vs_arena *arena, struct vs_id document,
                    struct vs_facts *ret, bool *ret_found, struct vs_error *err)
{
    struct vs_value key = vs_id_value(&document);
    const struct vs_row *row;
    VS_TRY(vs_store_get(relay->store, arena, VS_T_DOCUMENT, &key, &row, err));
    *ret_found = row != NULL;
    if (row == NULL)
        return VS_OK;
    const struct vs_value *v = row->values;
    struct vs_facts facts = {
        .document = document,
        .sender_id = vs_value_id(&v[VS_DOCUMENT_SENDER]),
        .sent = v[VS_DOCUMENT_SENT].integer,
        .name = vs_value_text_new(arena, &v[VS_DOCUMENT_NAME]),
        .media_type = vs_value_text_new(arena, &v[VS_DOCUMENT_MEDIA_TYPE]),
        .retention = (unsigned)v[VS_DOCUMENT_RETENTION].integer,
        .accepted = true,
        .not_confirmed =
            vs_bytes_is(v[VS_DOCUMENT_INDICATION].bytes, vs_indication_text(VS_INDETERMINATE)),
    };
    if (v[VS_DOCUMENT_DIGEST].bytes.len != sizeof facts.digest)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a document's digest has a wrong length");
    memcpy(facts.digest, v[VS_DOCUMENT_DIGEST].bytes.ptr, sizeof facts.digest);
    VS_TRY(load_user(relay, arena, facts.sender_id, &facts.sender, err));
    VS_TRY(load_recipients(relay, arena, &facts, err));
    *ret = facts;
    return VS_OK;
}

/* -- making -------------------------------------------------------------------------------- */

void vs_issue_extend(struct vs_issue *issue, const char *name, const char *value)
{
    if (value == NULL)
        return;
    VS_ASSERT(issue->n_extensions < VS_ISSUE_EXTENSIONS);
    issue->extensions[issue->n_extensions++] = (struct vs_erds_extension){name, value};
}

static size_t place_of(const struct vs_facts *facts, struct vs_id recipient)
{
    if (vs_id_is_none(recipient))
        return 0;
    size_t i = 0;
    while (i < facts->n_recipients && !vs_id_equal(facts->recipient_ids[i], recipient))
        i++;
    VS_ASSERT(i < facts->n_recipients);
    return i + 1;
}

/* Art. 27.1: what a person authorised by the sender, or its automatic system, did is the
 * sender's; who it was is recorded. */
static void name_actor(const struct vs_caller *actor, struct vs_issue *issue)
{
    if (actor == NULL)
        return;
    vs_issue_extend(issue, VS_ERDS_EXT_PRINCIPAL, actor->name);
}

static vs_rc make_xml(struct vs_relay *relay, struct vs_arena *arena,
                      const struct vs_facts *facts, const struct vs_issue *issue,
                      const char *id, struct vs_bytes *ret, struct vs_error *err)
{
    static const char *const policies[] = {VS_ISSUER_POLICY};
    struct vs_erds_part part = {.identifier = facts->name,
                                .content_type = facts->media_type,
                                .digest_uri = DIGEST_URI,
                                .digest = VS_BYTES(facts->digest, sizeof facts->digest)};
    struct vs_issue extended = *issue;
    name_actor(issue->actor, &extended);
    struct vs_erds erds = {.id = id,
                           .event = issue->event,
                           .reasons = &issue->reason,
                           .n_reasons = issue->reason.uri != NULL,
                           .event_time = issue->event_time,
                           .policies = policies,
                           .n_policies = 1,
                           .issuer_certificate = vs_sealer_evidence_certificate(relay),
                           .sender = facts->sender,
                           .recipients = facts->recipients,
                           .n_recipients = facts->n_recipients,
                           .submission_time = facts->sent,
                           .refers_to = place_of(facts, issue->recipient),
                           .message_id = vs_id_text_new(arena, facts->document),
                           .parts = &part,
                           .n_parts = 1,
                           .extensions = extended.extensions,
                           .n_extensions = extended.n_extensions};
    if (erds.message_id == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_user_of(arena, relay->settings.service_identifier, relay->settings.service_name,
                      &erds.issuer, err));
    return vs_erds_make(arena, &erds, ret, err);
}

vs_rc vs_issue_make(struct vs_relay *relay, struct vs_arena *arena,
                    const struct vs_facts *facts, const struct vs_issue *issue, vs_time_ms now,
                    struct vs_evidence_file *ret, struct vs_error *err)
{
    struct vs_evidence_file issued = {.id = vs_id_new(&relay->seams, now)};
    char id[VS_ID_TEXT];
    struct vs_bytes xml;
    vs_id_text(issued.id, id);
    VS_TRY(make_xml(relay, arena, facts, issue, id, &xml, err));
    VS_TRY(vs_seal_evidence(relay, arena, xml, now, &issued.xml, err));
    vs_sha256(issued.xml, issued.digest);
    relay->seams.random(relay->seams.context, issued.salt, sizeof issued.salt);
    *ret = issued;
    return VS_OK;
}

static vs_rc keep_actor(struct vs_stage *stage, const char *name, struct vs_value *row,
                        struct vs_error *err)
{
    size_t size = strlen(name) + 1;
    char *copy = vs_stage_memory(stage, size);
    if (copy == NULL)
        return vs_fail_memory(err);
    memcpy(copy, name, size);
    row[VS_EVIDENCE_ACTOR] = vs_text(copy);
    return VS_OK;
}

vs_rc vs_issue_stage(struct vs_stage *stage, const struct vs_facts *facts,
                     const struct vs_issue *issue, const struct vs_evidence_file *issued,
                     struct vs_error *err)
{
    const uint8_t *location;
    VS_TRY(vs_stage_bytes(stage, facts->retention, issued->xml, &location, err));
    struct vs_value *row = vs_stage_row(stage, VS_T_EVIDENCE);
    struct vs_id *ids = vs_stage_memory(stage, 3 * sizeof *ids);
    if (row == NULL || ids == NULL)
        return vs_fail_memory(err);
    ids[0] = issued->id;
    ids[1] = facts->document;
    ids[2] = issue->recipient;
    row[VS_EVIDENCE_ID] = vs_id_value(&ids[0]);
    row[VS_EVIDENCE_DOCUMENT] = vs_id_value(&ids[1]);
    row[VS_EVIDENCE_EVENT] = vs_text(vs_event_info(issue->event)->name);
    row[VS_EVIDENCE_TIME] = vs_int(issue->event_time);
    row[VS_EVIDENCE_DIGEST] = vs_blob(VS_BYTES(issued->digest, sizeof issued->digest));
    row[VS_EVIDENCE_SALT] = vs_blob(VS_BYTES(issued->salt, sizeof issued->salt));
    row[VS_EVIDENCE_LOCATION] = vs_blob(VS_BYTES(location, VS_LOCATION_BYTES));
    if (!vs_id_is_none(issue->recipient))
        row[VS_EVIDENCE_RECIPIENT] = vs_id_value(&ids[2]);
    if (issue->actor != NULL)
        VS_TRY(keep_actor(stage, issue->actor->name, row, err));
    VS_TRY(vs_stage_op(stage, vs_op_insert(VS_T_EVIDENCE, row), err));
    struct vs_leaf leaf = {.kind = VS_LEAF_EVIDENCE, .id = issued->id};
    memcpy(leaf.digests[0].bytes, issued->digest, sizeof issued->digest);
    return vs_stage_leaf(stage, &leaf, issued->salt, &row[VS_EVIDENCE_BATCH], err);
}
