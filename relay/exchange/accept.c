/* A worker's part of a submission: replay, refuse, or accept; then the stage.
 *
 * Budget of rows of one accepted document to one recipient (performance.md; random keys only in
 * the tables that are partitioned by month):
 *   in its own item     document 1 (1 index), delivery 1 (2 indexes), evidence 1 (1 index),
 *                       repetition 1, idempotency 1 when a key came; the file's segment row
 * when it was spooled by the sequencer    delivery updated 1 afterwards          evidence of
 * ContentConsignment 1 (1 index) shared by the batch batch row 1 + 2 updates + 1 for its mark,
 * place 1, segments' mark 1, journal tiles and checkpoint Evidence rows are never updated:
 * batch, place in the journal and time mark follow from the batch's row. */
#include "relay/evidence.h"
#include "relay/exchange/dispatch.h"
#include "relay/exchange/submit_priv.h"
#include "relay/seal/seal.h"

#define REFUSED_RETENTION VS_RETENTION_MINIMUM
#define QUOTA_PROBES      8
#define REASON_URI        "urn:vasite:problem:%s"

/* -- replay -------------------------------------------------------------------------------- */

static vs_rc replay_document(struct vs_relay *relay, struct vs_submission *submission,
                             struct vs_id id, struct vs_error *err)
{
    struct vs_receipt *receipt = &submission->receipt;
    struct vs_value key = vs_id_value(&id);
    const struct vs_row *row;
    VS_TRY(vs_store_get(relay->store, submission->arena, VS_T_DOCUMENT, &key, &row, err));
    if (row == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a key's document is not there");
    const struct vs_value *v = row->values;
    receipt->accepted = true;
    receipt->evidence = vs_value_id(&v[VS_DOCUMENT_EVIDENCE]);
    receipt->repeats = vs_value_id(&v[VS_DOCUMENT_REPEATS]);
    receipt->sent = v[VS_DOCUMENT_SENT].integer;
    struct vs_query query = {
        .table = VS_T_DELIVERY, .equal = &key, .n_equal = 1, .limit = 1000};
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(relay->store, submission->arena, &query, &rows, &n, err));
    for (size_t i = 0; i < n; i++)
        if (rows[i].values[VS_DELIVERY_STATE].integer == VS_DELIVERY_HELD)
            receipt->held = true;
    return VS_OK;
}

static vs_rc replay_refusal(struct vs_relay *relay, struct vs_submission *submission,
                            struct vs_id id, struct vs_error *err)
{
    struct vs_receipt *receipt = &submission->receipt;
    struct vs_value key = vs_id_value(&id);
    const struct vs_row *row;
    VS_TRY(vs_store_get(relay->store, submission->arena, VS_T_REFUSAL, &key, &row, err));
    if (row == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a key's refusal is not there");
    const struct vs_value *v = row->values;
    const char *code = vs_value_text_new(submission->arena, &v[VS_REFUSAL_CODE]);
    const char *text = vs_value_text_new(submission->arena, &v[VS_REFUSAL_TEXT]);
    if (code == NULL || text == NULL)
        return vs_fail_memory(err);
    receipt->evidence = vs_value_id(&v[VS_REFUSAL_EVIDENCE]);
    receipt->sent = v[VS_REFUSAL_SENT].integer;
    (void)!vs_ok(vs_fail(&receipt->refusal, vs_code_by_name(code), NULL, "%s", text));
    receipt->refusal.clause = vs_value_text_new(submission->arena, &v[VS_REFUSAL_CLAUSE]);
    return VS_OK;
}

/* Same key and bytes: the same receipt; other bytes: a conflict. */
static vs_rc replay(struct vs_relay *relay, struct vs_submission *submission,
                    const uint8_t hash[32], vs_time_ms now, bool *ret_done,
                    struct vs_error *err)
{
    struct vs_seen seen;
    VS_TRY(vs_idempotency_find(relay, submission->arena, hash, now, &seen, err));
    *ret_done = seen.found;
    if (!seen.found)
        return VS_OK;
    VS_REFUSE_IF(memcmp(seen.digest, submission->digest, sizeof seen.digest) != 0, err,
                 VS_E_IDEMPOTENCY, NULL, "the key was used with other bytes");
    const struct vs_evidence *evidence;
    struct vs_receipt *receipt = &submission->receipt;
    *receipt = (struct vs_receipt){.replayed = true, .id = seen.id};
    VS_TRY(seen.accepted ? replay_document(relay, submission, seen.id, err)
                         : replay_refusal(relay, submission, seen.id, err));
    VS_TRY(vs_evidence_load(relay, submission->arena, receipt->evidence, &evidence, err));
    return vs_evidence_xml(relay, submission->arena, evidence, &receipt->evidence_xml, err);
}

/* -- what evidence says -------------------------------------------------------------------- */

static vs_rc facts_of(const struct vs_submission *submission, const struct vs_examined *found,
                      struct vs_id id, bool accepted, unsigned retention, struct vs_facts *ret,
                      struct vs_error *err)
{
    struct vs_arena *arena = submission->arena;
    struct vs_erds_user *users = vs_arena_make_n(arena, struct vs_erds_user, found->n_targets);
    struct vs_id *ids = vs_arena_make_n(arena, struct vs_id, found->n_targets);
    if (users == NULL || ids == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < found->n_targets; i++) {
        const struct vs_participant *p = found->targets[i].participant;
        VS_TRY(vs_user_of(arena, p == NULL ? found->targets[i].identifier : p->identifiers[0],
                          p == NULL ? NULL : p->name, &users[i], err));
        if (p != NULL)
            ids[i] = p->id;
    }
    *ret = (struct vs_facts){.document = id,
                             .sender_id = found->sender->id,
                             .recipients = users,
                             .recipient_ids = ids,
                             .n_recipients = found->n_targets,
                             .sent = submission->sent,
                             .name = found->name,
                             .media_type = found->media_type,
                             .retention = retention,
                             .accepted = accepted};
    memcpy(ret->digest, submission->digest, sizeof ret->digest);
    return vs_user_of(arena, found->sender->identifiers[0], found->sender->name, &ret->sender,
                      err);
}

/* What the row and the evidence say of the verdict; the same in both, or the check would find
 * it. Forms that are not verified say so. */
static const char *indication_of(const struct vs_offer *offer)
{
    return offer->report == NULL ? "NOT-VERIFIED"
                                 : vs_indication_text(offer->report->verdict.indication);
}

static const char *class_of(const struct vs_offer *offer)
{
    return offer->report == NULL ? "none" : vs_legal_class_text(vs_offer_class(offer));
}

static void describe_verdict(const struct vs_offer *offer, struct vs_issue *issue)
{
    vs_issue_extend(issue, VS_ERDS_EXT_VERDICT, indication_of(offer));
    vs_issue_extend(issue, VS_ERDS_EXT_LEGAL_CLASS, class_of(offer));
}

static vs_rc bind_key(struct vs_relay *relay, const struct vs_submission *submission,
                      struct vs_stage *stage, const uint8_t *hash, bool accepted,
                      struct vs_error *err)
{
    if (submission->parameters.idempotency_key == NULL)
        return VS_OK;
    struct vs_seen seen = {.id = submission->receipt.id, .accepted = accepted};
    memcpy(seen.digest, submission->digest, sizeof seen.digest);
    return vs_idempotency_stage(relay, stage, hash, submission->sent, &seen, err);
}

/* -- refusing ------------------------------------------------------------------------------ */

/* Its own slot, else one that is of an earlier hour; where all near ones are taken, a shared
 * one: then the bound is reached too early rather than never. With the lock held. */
static struct vs_quota *quota_of(struct vs_relay *relay, struct vs_id principal, int64_t hour)
{
    size_t first = vs_get_u32(principal.bytes + 12) % VS_QUOTA_SLOTS;
    struct vs_quota *old = NULL;
    for (size_t i = 0; i < QUOTA_PROBES; i++) {
        struct vs_quota *slot = &relay->quotas[(first + i) % VS_QUOTA_SLOTS];
        if (slot->hour == hour && vs_id_equal(slot->principal, principal))
            return slot;
        if (slot->hour != hour && old == NULL)
            old = slot;
    }
    if (old == NULL)
        return &relay->quotas[first];
    *old = (struct vs_quota){.principal = principal, .hour = hour};
    return old;
}

/* Signed refusals are bounded for each principal: a flood of them costs signatures and rows. */
static vs_rc use_quota(struct vs_relay *relay, struct vs_id principal, vs_time_ms now,
                       struct vs_error *err)
{
    pthread_mutex_lock(&relay->lock);
    struct vs_quota *slot = quota_of(relay, principal, now / VS_HOUR_MS);
    bool over = slot->used >= relay->settings.refusals_per_hour;
    slot->used += !over;
    pthread_mutex_unlock(&relay->lock);
    VS_REFUSE_IF(over, err, VS_E_RATE, NULL, "%u refusals within an hour: mend the cause first",
                 relay->settings.refusals_per_hour);
    return VS_OK;
}

static vs_rc stage_refusal(struct vs_submission *submission, struct vs_stage *stage,
                           const struct vs_error *why, struct vs_error *err)
{
    const struct vs_receipt *receipt = &submission->receipt;
    struct vs_value *row = vs_stage_row(stage, VS_T_REFUSAL);
    char *text = vs_arena_strdup(submission->arena, why->text);

    if (row == NULL || text == NULL)
        return vs_fail_memory(err);
    row[VS_REFUSAL_ID] = vs_id_value(&receipt->id);
    row[VS_REFUSAL_SENDER] = vs_id_value(&submission->caller.participant);
    row[VS_REFUSAL_PRINCIPAL] = vs_id_value(&submission->caller.principal);
    row[VS_REFUSAL_SENT] = vs_int(submission->sent);
    row[VS_REFUSAL_SIZE] = vs_int((int64_t)submission->size);
    row[VS_REFUSAL_DIGEST] = vs_blob(VS_BYTES(submission->digest, sizeof submission->digest));
    row[VS_REFUSAL_EVIDENCE] = vs_id_value(&receipt->evidence);
    row[VS_REFUSAL_CODE] = vs_text(vs_code_info(why->code)->name);
    row[VS_REFUSAL_TEXT] = vs_text(text);
    row[VS_REFUSAL_CLAUSE] = vs_text(why->clause);
    return vs_stage_op(stage, vs_op_insert(VS_T_REFUSAL, row), err);
}

static void count_refused(struct vs_relay *relay, void *context)
{
    (void)context;
    vs_relay_count(relay, refused, 1);
    vs_relay_count(relay, evidence, 1);
}

/* A refusal by verdict is an outcome: evidence with digests only, bound to its key. */
static vs_rc refuse(struct vs_relay *relay, struct vs_submission *submission,
                    const struct vs_examined *found, const struct vs_error *why,
                    const uint8_t *hash, vs_time_ms now, struct vs_error *err)
{
    struct vs_arena *arena = submission->arena;
    struct vs_facts *facts = vs_arena_make(arena, struct vs_facts);
    struct vs_evidence_file *file = vs_arena_make(arena, struct vs_evidence_file);
    if (facts == NULL || file == NULL)
        return vs_fail_memory(err);
    if (submission->job.attempt == 0)
        VS_TRY(use_quota(relay, submission->caller.principal, now, err));
    struct vs_receipt *receipt = &submission->receipt;
    *receipt = (struct vs_receipt){
        .id = vs_id_new(&relay->seams, now), .sent = submission->sent, .refusal = *why};
    VS_TRY(facts_of(submission, found, receipt->id, false, REFUSED_RETENTION, facts, err));
    struct vs_issue issue = {.event = VS_EVENT_SUBMISSION_REJECTION,
                             .event_time = now,
                             .actor = &submission->caller};
    issue.reason.uri = vs_arena_printf(arena, REASON_URI, vs_code_info(why->code)->name);
    issue.reason.details = why->text;
    describe_verdict(&found->offer, &issue);
    VS_TRY(vs_issue_make(relay, arena, facts, &issue, now, file, err));
    receipt->evidence = file->id;
    receipt->evidence_xml = file->xml;
    struct vs_stage *stage;
    VS_TRY(vs_stage_new(&submission->job, &stage, err));
    VS_TRY(stage_refusal(submission, stage, why, err));
    VS_TRY(vs_issue_stage(stage, facts, &issue, file, err));
    vs_stage_after(stage, count_refused, NULL);
    return bind_key(relay, submission, stage, hash, false, err);
}

/* -- accepting ----------------------------------------------------------------------------- */

/* RepetitionNotice, to the sender and to the one recipient that it concerns. */
struct notice {
    struct vs_issue issue;
    struct vs_evidence_file file;
};
struct accepted {
    struct vs_facts facts;
    struct vs_evidence_file file;
    struct vs_sealed sealed;
    struct vs_issue issue;
    struct notice *notices; /* one for each target that is held */
    size_t n_notices;
    struct vs_id repeats, agreement;
    unsigned retention;
    bool held, own_mark, acknowledgement;
};

/* Art. 27.3.3: same bytes, sender and recipient. Without a key or the sender's word it is an
 * automatic repetition, held until the sender confirms. */
static vs_rc find_repetitions(struct vs_relay *relay, const struct vs_submission *submission,
                              struct vs_examined *found, vs_time_ms now,
                              struct accepted *accepted, struct vs_error *err)
{
    bool meant = found->intended_repeat || submission->parameters.idempotency_key != NULL;
    for (size_t i = 0; i < found->n_targets; i++) {
        struct vs_target *target = &found->targets[i];
        vs_repetition_hash(submission->digest, found->sender->id, target->participant->id,
                           target->repetition);
        VS_TRY(vs_repetition_find(relay, submission->arena, target->repetition, now,
                                  &target->seen, err));
        if (!target->seen.found)
            continue;
        accepted->repeats = target->seen.id;
        target->held = !meant;
        accepted->held = accepted->held || target->held;
    }
    return VS_OK;
}

/* What the parties' agreements make of it: the longest term, the strictest mark. */
static void gather_terms(const struct vs_examined *found, struct accepted *accepted)
{
    unsigned months = vs_retention_months("minimum");
    for (size_t i = 0; i < found->n_targets; i++) {
        const struct vs_agreement *agreement = found->targets[i].agreement;
        const struct vs_participant *recipient = found->targets[i].participant;
        const char *classes[] = {found->retention, found->sender->retention,
                                 recipient->retention};
        if ((unsigned)agreement->terms.retention_months > months)
            months = (unsigned)agreement->terms.retention_months;
        for (size_t j = 0; j < sizeof classes / sizeof *classes; j++)
            if (classes[j] != NULL && vs_retention_months(classes[j]) > months)
                months = vs_retention_months(classes[j]);
        accepted->own_mark = accepted->own_mark || agreement->terms.marks == VS_MARKS_DOCUMENT;
        accepted->acknowledgement =
            accepted->acknowledgement || agreement->terms.acknowledgement != 0;
    }
    accepted->retention = months;
    accepted->agreement = found->targets[0].agreement->id;
}

static vs_rc make_notices(struct vs_relay *relay, struct vs_arena *arena,
                          const struct vs_examined *found, vs_time_ms now,
                          struct accepted *accepted, struct vs_error *err)
{
    accepted->notices = vs_arena_make_n(arena, struct notice, found->n_targets);
    if (accepted->notices == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < found->n_targets; i++) {
        const struct vs_target *target = &found->targets[i];
        if (!target->held)
            continue;
        struct notice *notice = &accepted->notices[accepted->n_notices++];
        notice->issue = (struct vs_issue){.event = VS_EVENT_REPETITION_NOTICE,
                                          .event_time = now,
                                          .recipient = target->participant->id};
        vs_issue_extend(&notice->issue, VS_ERDS_EXT_REPEATS,
                        vs_id_text_new(arena, target->seen.id));
        vs_issue_extend(&notice->issue, VS_ERDS_EXT_COUNTS_AS, "not-sent");
        VS_TRY(vs_issue_make(relay, arena, &accepted->facts, &notice->issue, now, &notice->file,
                             err));
    }
    return VS_OK;
}

static vs_rc make_evidence(struct vs_relay *relay, struct vs_submission *submission,
                           const struct vs_examined *found, vs_time_ms now,
                           struct accepted *accepted, struct vs_error *err)
{
    struct vs_arena *arena = submission->arena;
    struct vs_issue *issue = &accepted->issue;
    bool law = vs_id_is_none(accepted->agreement);
    *issue = (struct vs_issue){.event = VS_EVENT_SUBMISSION_ACCEPTANCE,
                               .event_time = now,
                               .actor = &submission->caller};
    vs_issue_extend(issue, VS_ERDS_EXT_AGREEMENT,
                    law ? "law" : vs_id_text_new(arena, accepted->agreement));
    describe_verdict(&found->offer, issue);
    vs_issue_extend(issue, VS_ERDS_EXT_TIME_MARK,
                    relay->settings.mark_policy == VS_MARK_WAIT ? "wait" : "later");
    vs_issue_extend(issue, VS_ERDS_EXT_COUNTS_AS, "not-received");
    if (!vs_id_is_none(accepted->repeats))
        vs_issue_extend(issue, VS_ERDS_EXT_REPEATS, vs_id_text_new(arena, accepted->repeats));
    VS_TRY(vs_issue_make(relay, arena, &accepted->facts, issue, now, &accepted->file, err));
    return accepted->held ? make_notices(relay, arena, found, now, accepted, err) : VS_OK;
}

static vs_rc make_seal(struct vs_relay *relay, struct vs_submission *submission,
                       const struct vs_examined *found, vs_time_ms now,
                       struct accepted *accepted, struct vs_error *err)
{
    struct vs_seal_input input = {.name = found->name,
                                  .media_type = found->media_type,
                                  .original = submission->digest,
                                  .evidence = accepted->file.digest,
                                  .own_mark = accepted->own_mark};
    return vs_seal_make(relay, submission->arena, &input, now, &accepted->sealed, err);
}

/* -- its rows ------------------------------------------------------------------------------ */

/* The original's bytes: with the batch, or as a segment of its own by rename (once: a rerun
 * after a conflict finds it adopted). */
static vs_rc stage_original(struct vs_submission *submission, struct vs_stage *stage,
                            unsigned retention, const uint8_t **ret_location,
                            struct vs_error *err)
{
    if (submission->spool == NULL)
        return vs_stage_bytes(stage, retention, submission->memory_source.bytes, ret_location,
                              err);
    if (!submission->adopted)
        VS_TRY(vs_spool_adopt(submission->spool, retention, &submission->location, err));
    submission->adopted = true;
    uint8_t *location = vs_stage_memory(stage, VS_LOCATION_BYTES);
    if (location == NULL)
        return vs_fail_memory(err);
    vs_location_encode(submission->location, location);
    *ret_location = location;
    return vs_stage_op(stage, vs_segments_adopted_op(submission->spool), err);
}

static void fill_requisites(const struct vs_examined *found, struct vs_value *row)
{
    row[VS_DOCUMENT_NAME] = vs_text(found->name);
    row[VS_DOCUMENT_MEDIA_TYPE] = vs_text(found->media_type);
    row[VS_DOCUMENT_LEGAL_CLASS] = vs_text(class_of(&found->offer));
    row[VS_DOCUMENT_INDICATION] = vs_text(indication_of(&found->offer));
    row[VS_DOCUMENT_SUBJECT] = vs_text(found->offer.requisites.subject);
    row[VS_DOCUMENT_REFERENCE] = vs_text(found->offer.requisites.number);
    row[VS_DOCUMENT_DATE] = vs_text(found->offer.requisites.date);
}

static vs_rc stage_document(struct vs_submission *submission, struct vs_stage *stage,
                            const struct vs_examined *found, const struct accepted *accepted,
                            struct vs_error *err)
{
    struct vs_value *row = vs_stage_row(stage, VS_T_DOCUMENT);
    const uint8_t *original, *seal;
    if (row == NULL)
        return vs_fail_memory(err);
    VS_TRY(stage_original(submission, stage, accepted->retention, &original, err));
    VS_TRY(vs_stage_bytes(stage, accepted->retention, accepted->sealed.xml, &seal, err));
    row[VS_DOCUMENT_ID] = vs_id_value(&submission->receipt.id);
    row[VS_DOCUMENT_SENDER] = vs_id_value(&submission->caller.participant);
    row[VS_DOCUMENT_PRINCIPAL] = vs_id_value(&submission->caller.principal);
    row[VS_DOCUMENT_SENT] = vs_int(submission->sent);
    row[VS_DOCUMENT_SIZE] = vs_int((int64_t)submission->size);
    row[VS_DOCUMENT_DIGEST] = vs_blob(VS_BYTES(submission->digest, sizeof submission->digest));
    row[VS_DOCUMENT_CRC32] = vs_int(submission->crc32);
    row[VS_DOCUMENT_ORIGINAL] = vs_blob(VS_BYTES(original, VS_LOCATION_BYTES));
    row[VS_DOCUMENT_SEAL] = vs_blob(VS_BYTES(seal, VS_LOCATION_BYTES));
    row[VS_DOCUMENT_SEAL_DIGEST] =
        vs_blob(VS_BYTES(accepted->sealed.digest, sizeof accepted->sealed.digest));
    row[VS_DOCUMENT_EVIDENCE] = vs_id_value(&accepted->file.id);
    row[VS_DOCUMENT_MARKS] = vs_int(accepted->sealed.mark);
    row[VS_DOCUMENT_RETENTION] = vs_int(accepted->retention);
    if (!vs_id_is_none(accepted->agreement))
        row[VS_DOCUMENT_AGREEMENT] = vs_id_value(&accepted->agreement);
    if (!vs_id_is_none(accepted->repeats))
        row[VS_DOCUMENT_REPEATS] = vs_id_value(&accepted->repeats);
    fill_requisites(found, row);
    return vs_stage_op(stage, vs_op_insert(VS_T_DOCUMENT, row), err);
}

/* 27.5: the sender's deadline, else the agreement's term from the sending time. */
static vs_time_ms deadline_of(const struct vs_submission *submission,
                              const struct vs_examined *found, const struct vs_terms *terms)
{
    if (found->deadline != VS_TIME_NONE)
        return found->deadline;
    return terms->acknowledgement_term_ms > 0
               ? submission->sent + terms->acknowledgement_term_ms
               : VS_TIME_NONE;
}

static vs_rc stage_delivery(struct vs_relay *relay, struct vs_submission *submission,
                            struct vs_stage *stage, const struct vs_examined *found,
                            const struct vs_target *target, struct vs_error *err)
{
    const struct vs_terms *terms = &target->agreement->terms;
    struct vs_value *row = vs_stage_row(stage, VS_T_DELIVERY);
    if (row == NULL)
        return vs_fail_memory(err);
    row[VS_DELIVERY_DOCUMENT] = vs_id_value(&submission->receipt.id);
    row[VS_DELIVERY_RECIPIENT] = vs_id_value(&target->participant->id);
    row[VS_DELIVERY_SENDER] = vs_id_value(&submission->caller.participant);
    row[VS_DELIVERY_STATE] = vs_int(target->held ? VS_DELIVERY_HELD : VS_DELIVERY_PENDING);
    row[VS_DELIVERY_ACKNOWLEDGEMENT] = vs_int(terms->acknowledgement != 0);
    row[VS_DELIVERY_DEADLINE] = vs_time_value(deadline_of(submission, found, terms));
    vs_dispatch_terms(terms, target->participant, row);
    VS_TRY(vs_stage_op(stage, vs_op_insert(VS_T_DELIVERY, row), err));
    if (!target->seen.found) {
        struct vs_seen first = {.id = submission->receipt.id};
        VS_TRY(vs_repetition_stage(relay, stage, target->repetition, submission->sent, &first,
                                   err));
    }
    if (!target->held)
        return vs_dispatch_stage(stage, row, err);
    /* Both sides learn of it; the recipient gets it once its sender confirms it. */
    struct vs_move move = {.kind = VS_MOVE_BOTH,
                           .document = submission->receipt.id,
                           .recipient = target->participant->id,
                           .sender = submission->caller.participant};
    return vs_stage_move(stage, &move, err);
}

/* A seal without a mark of its own gets the batch's, in a group that hides the original. */
static vs_rc stage_consignment(const struct vs_submission *submission, struct vs_stage *stage,
                               const struct accepted *accepted, struct vs_error *err)
{
    if (accepted->sealed.mark != VS_SEAL_BATCH)
        return VS_OK;
    struct vs_leaf leaf = {.kind = VS_LEAF_CONSIGNMENT, .id = submission->receipt.id};
    memcpy(leaf.digests[0].bytes, accepted->sealed.digest, 32);
    memcpy(leaf.digests[1].bytes, submission->digest, 32);
    memcpy(leaf.digests[2].bytes, accepted->file.digest, 32);
    return vs_stage_leaf(stage, &leaf, NULL, NULL, err);
}

static void count_accepted(struct vs_relay *relay, void *context)
{
    struct vs_submission *submission = context;
    submission->committed = true;
    vs_relay_count(relay, accepted, 1);
    vs_relay_count(relay, held, submission->receipt.held);
    vs_relay_count(relay, evidence, 1u + submission->notices);
}

static vs_rc stage_accepted(struct vs_relay *relay, struct vs_submission *submission,
                            const struct vs_examined *found, const struct accepted *accepted,
                            const uint8_t *hash, struct vs_error *err)
{
    struct vs_stage *stage;
    VS_TRY(vs_stage_new(&submission->job, &stage, err));
    VS_TRY(stage_document(submission, stage, found, accepted, err));
    for (size_t i = 0; i < found->n_targets; i++)
        VS_TRY(stage_delivery(relay, submission, stage, found, &found->targets[i], err));
    VS_TRY(vs_issue_stage(stage, &accepted->facts, &accepted->issue, &accepted->file, err));
    for (size_t i = 0; i < accepted->n_notices; i++)
        VS_TRY(vs_issue_stage(stage, &accepted->facts, &accepted->notices[i].issue,
                              &accepted->notices[i].file, err));
    VS_TRY(stage_consignment(submission, stage, accepted, err));
    VS_TRY(bind_key(relay, submission, stage, hash, true, err));
    submission->notices = (unsigned)accepted->n_notices;
    vs_stage_after(stage, count_accepted, submission);
    return VS_OK;
}

static vs_rc accept_document(struct vs_relay *relay, struct vs_submission *submission,
                             struct vs_examined *found, const uint8_t *hash, vs_time_ms now,
                             struct vs_error *err)
{
    struct accepted *accepted = vs_arena_make(submission->arena, struct accepted);
    if (accepted == NULL)
        return vs_fail_memory(err);
    struct vs_receipt *receipt = &submission->receipt;
    gather_terms(found, accepted);
    VS_TRY(find_repetitions(relay, submission, found, now, accepted, err));
    *receipt = (struct vs_receipt){.accepted = true,
                                   .id = vs_id_new(&relay->seams, now),
                                   .sent = submission->sent,
                                   .held = accepted->held,
                                   .repeats = accepted->repeats};
    VS_TRY(facts_of(submission, found, receipt->id, true, accepted->retention, &accepted->facts,
                    err));
    VS_TRY(make_evidence(relay, submission, found, now, accepted, err));
    VS_TRY(make_seal(relay, submission, found, now, accepted, err));
    receipt->evidence = accepted->file.id;
    receipt->evidence_xml = accepted->file.xml;
    return stage_accepted(relay, submission, found, accepted, hash, err);
}

/* -- the worker's run ---------------------------------------------------------------------- */

static vs_rc find_sender(struct vs_relay *relay, const struct vs_submission *submission,
                         vs_time_ms now, struct vs_examined *found, struct vs_error *err)
{
    VS_TRY(vs_participant_get(relay, submission->arena, submission->caller.participant,
                              &found->sender, err));
    if (found->sender == NULL)
        return vs_fail(err, VS_E_UNAUTHENTICATED, NULL, "the caller's participant is not here");
    VS_REFUSE_IF(!vs_participant_has_contract(found->sender, now), err, VS_E_NO_CONTRACT,
                 "Art. 31.5", "the sender has no service contract in force");
    found->offer.sender = found->sender;
    return VS_OK;
}

static vs_rc check_key(const char *key, struct vs_error *err)
{
    struct vs_bytes text = vs_bytes_text(key);
    if (text.len == 0 || text.len > VS_KEY_MAX || vs_text_has_controls(text))
        return vs_fail(err, VS_E_PARAMETER, NULL,
                       "Idempotency-Key: 1 to %d bytes without control characters", VS_KEY_MAX);
    return VS_OK;
}

vs_rc vs_submission_run(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                        struct vs_error *err)
{
    struct vs_submission *submission = job->context;
    struct vs_examined *found = vs_arena_make(submission->arena, struct vs_examined);
    const char *key = submission->parameters.idempotency_key;
    uint8_t hash[32];
    bool done = false;
    if (found == NULL)
        return vs_fail_memory(err);
    VS_TRY(find_sender(relay, submission, now, found, err));
    if (key != NULL) {
        VS_TRY(check_key(key, err));
        vs_idempotency_hash(submission->caller.participant, key, hash);
        VS_TRY(replay(relay, submission, hash, now, &done, err));
    }
    if (done)
        return VS_OK;
    vs_rc rc = vs_submission_examine(relay, submission, now, found, err);
    if (vs_ok(rc))
        return accept_document(relay, submission, found, hash, now, err);
    /* Evidence names a recipient: without one there was no exchange to refuse. */
    if (vs_code_info(rc.code)->class != VS_CLASS_REFUSED || found->n_targets == 0)
        return rc;
    struct vs_error why = *err;
    return refuse(relay, submission, found, &why, hash, now, err);
}
