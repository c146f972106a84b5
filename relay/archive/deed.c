#include "relay/archive/deed.h"
#include "formats/crypto/digest.h"
#include "relay/relay_priv.h"
#include <stdio.h>

#define PERMANENT VS_RETENTION_PERMANENT

bool vs_event_is_supervision(enum vs_event event)
{
    return event == VS_EVENT_LEGAL_HOLD || event == VS_EVENT_LEGAL_HOLD_LIFTED ||
           event == VS_EVENT_INSPECTION;
}

bool vs_event_is_act(enum vs_event event)
{
    return vs_event_is_supervision(event) || event == VS_EVENT_RETENTION_DELETION ||
           event == VS_EVENT_CLOCK_CONFIRMATION || event == VS_EVENT_SUPERVISION_REPORT;
}

static bool is_one_of(struct vs_bytes name, const enum vs_event *events, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (vs_bytes_is(name, vs_event_info(events[i])->name))
            return true;
    return false;
}

bool vs_deed_is_hidden(struct vs_bytes event)
{
    static const enum vs_event hidden[] = {VS_EVENT_LEGAL_HOLD, VS_EVENT_LEGAL_HOLD_LIFTED,
                                           VS_EVENT_INSPECTION};
    return is_one_of(event, hidden, sizeof hidden / sizeof *hidden);
}

bool vs_deed_is_the_services(struct vs_bytes event)
{
    static const enum vs_event own[] = {
        VS_EVENT_RETENTION_DELETION, VS_EVENT_CLOCK_CONFIRMATION, VS_EVENT_SUPERVISION_REPORT};
    return is_one_of(event, own, sizeof own / sizeof *own);
}

vs_rc vs_ground_check(const char *reason, struct vs_error *err)
{
    struct vs_bytes text = vs_bytes_text(reason == NULL ? "" : reason);
    VS_REFUSE_IF(text.len == 0 || text.len > VS_GROUND_MAX || vs_text_has_controls(text) ||
                     !vs_utf8_valid(text),
                 err, VS_E_PARAMETER, "Art. 31.4",
                 "reason: 1 to %d bytes without control characters", VS_GROUND_MAX);
    return VS_OK;
}

/* -- whom and what the evidence names ------------------------------------------------------ */

/* About no document: the service states it to itself, in the form that all evidence has. */
static vs_rc service_facts(struct vs_relay *relay, struct vs_arena *arena,
                           const struct vs_deed *act, struct vs_facts *ret,
                           struct vs_error *err)
{
    struct vs_erds_user *service = vs_arena_make(arena, struct vs_erds_user);
    struct vs_id *none = vs_arena_make(arena, struct vs_id);
    if (service == NULL || none == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_user_of(arena, relay->settings.service_identifier, relay->settings.service_name,
                      service, err));
    *ret = (struct vs_facts){.document = act->id,
                             .sender = *service,
                             .recipients = service,
                             .recipient_ids = none,
                             .n_recipients = 1,
                             .sent = act->time,
                             .name = act->digest != NULL ? "list" : "ground",
                             .media_type = "application/octet-stream",
                             .retention = PERMANENT};
    if (act->digest != NULL)
        memcpy(ret->digest, act->digest, sizeof ret->digest);
    else
        vs_sha256(vs_bytes_text(act->reason == NULL ? "" : act->reason), ret->digest);
    return VS_OK;
}

/* A refused submission: what its own evidence said of it. */
static vs_rc refusal_facts(struct vs_relay *relay, struct vs_arena *arena,
                           const struct vs_row *refusal, struct vs_facts *ret,
                           struct vs_error *err)
{
    const struct vs_value *v = refusal->values;
    const struct vs_participant *sender;
    struct vs_erds_user *user = vs_arena_make(arena, struct vs_erds_user);
    struct vs_id *none = vs_arena_make(arena, struct vs_id);
    if (user == NULL || none == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_participant_get(relay, arena, vs_value_id(&v[VS_REFUSAL_SENDER]), &sender, err));
    if (sender == NULL || v[VS_REFUSAL_DIGEST].bytes.len != sizeof ret->digest)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a refusal cannot be read");
    VS_TRY(vs_user_of(arena, relay->settings.service_identifier, relay->settings.service_name,
                      user, err));
    *ret = (struct vs_facts){.document = vs_value_id(&v[VS_REFUSAL_ID]),
                             .sender_id = sender->id,
                             .recipients = user,
                             .recipient_ids = none,
                             .n_recipients = 1,
                             .sent = v[VS_REFUSAL_SENT].integer,
                             .name = "refused",
                             .media_type = "application/octet-stream",
                             .retention = VS_RETENTION_MINIMUM};
    memcpy(ret->digest, v[VS_REFUSAL_DIGEST].bytes.ptr, sizeof ret->digest);
    return vs_user_of(arena, sender->identifiers[0], sender->name, &ret->sender, err);
}

/* Its row gets a new version: a deletion that has read it already meets a conflict, and with a
 * deletion before this one, this one does. */
static vs_rc touch(struct vs_stage *stage, enum vs_table_id table, const struct vs_row *row,
                   unsigned column, struct vs_error *err)
{
    return vs_stage_op(stage, vs_op_update(table, row->values, VS_SET(column), row->version),
                       err);
}

static vs_rc document_facts(struct vs_relay *relay, struct vs_job *job, struct vs_stage *stage,
                            struct vs_id id, struct vs_facts *ret, struct vs_error *err)
{
    struct vs_value key = vs_id_value(&id);
    const struct vs_row *document, *refusal;
    bool found;
    VS_TRY(vs_store_get(relay->store, job->arena, VS_T_DOCUMENT, &key, &document, err));
    if (document != NULL) {
        VS_TRY(touch(stage, VS_T_DOCUMENT, document, VS_DOCUMENT_RETENTION, err));
        return vs_facts_load(relay, job->arena, id, ret, &found, err);
    }
    VS_TRY(vs_store_get(relay->store, job->arena, VS_T_REFUSAL, &key, &refusal, err));
    if (refusal == NULL)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "there is no such document");
    VS_TRY(touch(stage, VS_T_REFUSAL, refusal, VS_REFUSAL_SENT, err));
    return refusal_facts(relay, job->arena, refusal, ret, err);
}

/* -- making -------------------------------------------------------------------------------- */

static vs_rc stage_row(struct vs_stage *stage, const struct vs_caller *caller,
                       const struct vs_deed *act, struct vs_error *err)
{
    struct vs_value *row = vs_stage_row(stage, VS_T_ACT);
    struct vs_deed *copy = vs_stage_memory(stage, sizeof *copy);
    if (row == NULL || copy == NULL)
        return vs_fail_memory(err);
    *copy = *act;
    row[VS_ACT_ID] = vs_id_value(&copy->id);
    row[VS_ACT_EVENT] = vs_text(vs_event_info(act->event)->name);
    row[VS_ACT_TIME] = vs_int(act->time);
    row[VS_ACT_EVIDENCE] = vs_id_value(&copy->evidence);
    if (!vs_id_is_none(act->document))
        row[VS_ACT_DOCUMENT] = vs_id_value(&copy->document);
    if (caller != NULL)
        row[VS_ACT_PRINCIPAL] = vs_id_value(&copy->principal);
    row[VS_ACT_NAME] = vs_text(act->name);
    row[VS_ACT_REASON] = vs_text(act->reason);
    if (act->digest != NULL) {
        row[VS_ACT_COUNT] = vs_int(act->count);
        row[VS_ACT_DIGEST] = vs_blob(VS_BYTES(act->digest, 32));
    }
    return vs_stage_op(stage, vs_op_insert(VS_T_ACT, row), err);
}

vs_rc vs_deed_stage(struct vs_relay *relay, struct vs_job *job, struct vs_stage *stage,
                    const struct vs_caller *caller, vs_time_ms now, struct vs_deed *act,
                    struct vs_error *err)
{
    struct vs_facts *facts = vs_arena_make(job->arena, struct vs_facts);
    struct vs_evidence_file *issued = vs_arena_make(job->arena, struct vs_evidence_file);
    if (facts == NULL || issued == NULL)
        return vs_fail_memory(err);
    act->id = vs_id_new(&relay->seams, now);
    act->time = now;
    if (caller != NULL) {
        act->principal = caller->principal;
        act->name = vs_arena_strdup(job->arena, caller->name);
        if (act->name == NULL)
            return vs_fail_memory(err);
    }
    VS_TRY(vs_id_is_none(act->document)
               ? service_facts(relay, job->arena, act, facts, err)
               : document_facts(relay, job, stage, act->document, facts, err));
    struct vs_issue issue = {.event = act->event, .event_time = now, .actor = caller};
    vs_issue_extend(&issue, VS_ERDS_EXT_GROUND, act->reason);
    if (act->digest != NULL)
        vs_issue_extend(&issue, VS_ERDS_EXT_COUNT,
                        vs_arena_printf(job->arena, "%lld", (long long)act->count));
    VS_TRY(vs_issue_make(relay, job->arena, facts, &issue, now, issued, err));
    act->evidence = issued->id;
    act->file = issued;
    VS_TRY(stage_row(stage, caller, act, err));
    return vs_issue_stage(stage, facts, &issue, issued, err);
}

/* -- reading ------------------------------------------------------------------------------- */

vs_rc vs_deed_from_row(struct vs_arena *arena, const struct vs_row *row, struct vs_deed *ret,
                       struct vs_error *err)
{
    const struct vs_value *v = row->values;
    const char *event = vs_value_text_new(arena, &v[VS_ACT_EVENT]);
    *ret = (struct vs_deed){.id = vs_value_id(&v[VS_ACT_ID]),
                            .evidence = vs_value_id(&v[VS_ACT_EVIDENCE]),
                            .time = v[VS_ACT_TIME].integer,
                            .document = vs_value_id(&v[VS_ACT_DOCUMENT]),
                            .principal = vs_value_id(&v[VS_ACT_PRINCIPAL]),
                            .name = vs_value_text_new(arena, &v[VS_ACT_NAME]),
                            .reason = vs_value_text_new(arena, &v[VS_ACT_REASON])};
    if (event == NULL)
        return vs_fail_memory(err);
    ret->event = vs_event_by_name(event);
    if (v[VS_ACT_COUNT].type == VS_INT)
        ret->count = v[VS_ACT_COUNT].integer;
    if (v[VS_ACT_DIGEST].bytes.len == 32)
        ret->digest = v[VS_ACT_DIGEST].bytes.ptr;
    if (ret->event == VS_EVENT_UNKNOWN)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a row of acts cannot be read");
    return VS_OK;
}

vs_rc vs_deed_list(struct vs_relay *relay, struct vs_arena *arena, vs_time_ms from,
                   vs_time_ms to, struct vs_id after, size_t limit, const struct vs_deed **ret,
                   size_t *ret_n, struct vs_error *err)
{
    struct vs_id low = from == VS_TIME_NONE ? VS_ID_NONE : vs_id_at(from, 0);
    struct vs_id high = to == VS_TIME_NONE ? vs_id_at(INT64_MAX, 0xff) : vs_id_at(to, 0xff);
    struct vs_value low_value = vs_id_value(&low), high_value = vs_id_value(&high),
                    after_value = vs_id_value(&after);
    struct vs_query query = {
        .table = VS_T_ACT, .low = &low_value, .high = &high_value, .limit = limit};
    if (!vs_id_is_none(after)) {
        query.after = &after_value;
        query.n_after = 1;
    }
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    struct vs_deed *acts = vs_arena_make_n(arena, struct vs_deed, n + 1);
    if (acts == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        VS_TRY(vs_deed_from_row(arena, &rows[i], &acts[i], err));
    *ret = acts;
    *ret_n = n;
    return VS_OK;
}
