/* What a submission is: its parts, its requisites, its recipients, the verdict on it.
 * Everything here may be refused with evidence; the bytes are read once, the container opened
 * once. */
#include "formats/container/asic.h"
#include "relay/exchange/submit_priv.h"
#include "relay/verification.h"

/* -- recipients ---------------------------------------------------------------------------- */

static vs_rc set_targets(struct vs_relay *relay, struct vs_arena *arena,
                         const char *const *identifiers, size_t n, struct vs_examined *found,
                         struct vs_error *err)
{
    if (n > relay->settings.recipients_max)
        return vs_fail(err, VS_E_PARAMETER, NULL, "recipients: at most %u",
                       relay->settings.recipients_max);
    found->targets = vs_arena_make_n(arena, struct vs_target, n + 1);
    if (found->targets == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        const char *identifier;
        VS_TRY(vs_identifier_check(arena, identifiers[i], &identifier, err));
        size_t j = 0;
        while (j < found->n_targets && strcmp(found->targets[j].identifier, identifier) != 0)
            j++;
        if (j == found->n_targets) /* named twice is named once */
            found->targets[found->n_targets++].identifier = identifier;
    }
    return VS_OK;
}

static vs_rc resolve(struct vs_relay *relay, struct vs_arena *arena, vs_time_ms now,
                     const struct vs_examined *found, struct vs_target *target,
                     struct vs_error *err)
{
    const struct vs_participant *sender = found->sender;
    VS_TRY(vs_participant_find(relay, arena, target->identifier, &target->participant, err));
    const struct vs_participant *recipient = target->participant;
    if (recipient == NULL)
        return vs_fail(err, VS_E_RECIPIENT, NULL, "no participant has the identifier %s",
                       target->identifier);
    VS_REFUSE_IF(vs_id_equal(recipient->id, sender->id), err, VS_E_SELF, "Art. 26",
                 "%s is the sender itself", target->identifier);
    VS_REFUSE_IF(!vs_participant_has_contract(recipient, now), err, VS_E_NO_CONTRACT,
                 "Art. 31.5", "%s has no service contract in force", target->identifier);
    VS_TRY(vs_agreement_between(relay, arena, sender->id, recipient->id, now,
                                &target->agreement, err));
    VS_REFUSE_IF(recipient->agreed_senders_only && vs_id_is_none(target->agreement->id), err,
                 VS_E_SENDER_NOT_AGREED, "Art. 26", "%s accepts agreed senders only",
                 target->identifier);
    return VS_OK;
}

/* Two identifiers may be one participant's. */
static vs_rc resolve_all(struct vs_relay *relay, struct vs_arena *arena, vs_time_ms now,
                         struct vs_examined *found, struct vs_error *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < found->n_targets; i++)
        VS_TRY(resolve(relay, arena, now, found, &found->targets[i], err));
    for (size_t i = 0; i < found->n_targets; i++) {
        size_t j = 0;
        while (j < kept && !vs_id_equal(found->targets[j].participant->id,
                                        found->targets[i].participant->id))
            j++;
        if (j == kept)
            found->targets[kept++] = found->targets[i];
    }
    found->n_targets = kept;
    return VS_OK;
}

/* -- requisites ---------------------------------------------------------------------------- */

/* Both may say it; then both must say the same (Art. 22). */
static vs_rc merge_text(const char *name, const char *called, const char **signed_,
                        struct vs_error *err)
{
    VS_REFUSE_IF(called != NULL && *signed_ != NULL && strcmp(called, *signed_) != 0, err,
                 VS_E_REQUISITES_CONFLICT, "Art. 22",
                 "'%s' of the call differs from that of " VS_REQUISITES_NAME, name);
    if (called != NULL)
        *signed_ = called;
    return VS_OK;
}

static vs_rc same_recipients(struct vs_arena *arena, const struct vs_requisites *requisites,
                             const struct vs_examined *found, struct vs_error *err)
{
    size_t matched = 0;
    for (size_t i = 0; i < requisites->n_recipients; i++) {
        const char *identifier;
        bool named = false;
        VS_TRY(
            vs_identifier_check(arena, requisites->recipients[i].identifier, &identifier, err));
        for (size_t j = 0; j < found->n_targets && !named; j++)
            named = strcmp(found->targets[j].identifier, identifier) == 0;
        VS_REFUSE_IF(!named, err, VS_E_REQUISITES_CONFLICT, "Art. 22",
                     VS_REQUISITES_NAME " names %s, the call does not", identifier);
        matched++;
    }
    VS_REFUSE_IF(matched < found->n_targets, err, VS_E_REQUISITES_CONFLICT, "Art. 22",
                 "the call names a recipient that " VS_REQUISITES_NAME " does not");
    return VS_OK;
}

static vs_rc take_recipients(struct vs_relay *relay, struct vs_arena *arena,
                             const struct vs_requisites *requisites, struct vs_examined *found,
                             struct vs_error *err)
{
    if (requisites->n_recipients == 0)
        return VS_OK;
    if (found->n_targets > 0)
        return same_recipients(arena, requisites, found, err);
    const char **list = vs_arena_make_n(arena, const char *, requisites->n_recipients);
    if (list == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < requisites->n_recipients; i++)
        list[i] = requisites->recipients[i].identifier;
    return set_targets(relay, arena, list, requisites->n_recipients, found, err);
}

/* The sender named in the document is the authenticated one, or it is somebody else's. */
static vs_rc check_sender(const struct vs_requisites *requisites,
                          const struct vs_participant *sender, struct vs_error *err)
{
    if (!requisites->has_sender || requisites->sender.identifier == NULL)
        return VS_OK;
    bool own = false;
    for (size_t i = 0; i < sender->n_identifiers && !own; i++)
        own = strcmp(sender->identifiers[i], requisites->sender.identifier) == 0;
    VS_REFUSE_IF(!own, err, VS_E_REQUISITES_CONFLICT, "Art. 27.1",
                 VS_REQUISITES_NAME " names another sender");
    return VS_OK;
}

static vs_rc read_requisites(struct vs_relay *relay, struct vs_arena *arena,
                             const struct vs_asic *asic, struct vs_examined *found,
                             struct vs_error *err)
{
    const struct vs_asic_entry *entry = vs_asic_find(asic, VS_REQUISITES_NAME);
    struct vs_bytes xml;
    if (entry == NULL || entry->role != VS_ASIC_DATA)
        return VS_OK;
    VS_TRY(vs_zip_read_all(asic->zip, entry->zip, arena, VS_REQUISITES_MAX_BYTES, &xml, err));
    VS_TRY(vs_requisites_read(arena, xml, &found->offer.requisites, err));
    VS_REFUSE_IF(found->offer.requisites.marking == VS_MARKING_STATE_SECRET &&
                     !relay->settings.state_secrets,
                 err, VS_E_STATE_SECRET, "Art. 32.2",
                 VS_REQUISITES_NAME " marks it as a state secret");
    VS_TRY(check_sender(&found->offer.requisites, found->sender, err));
    VS_TRY(take_recipients(relay, arena, &found->offer.requisites, found, err));
    found->offer.signed_requisites = true; /* held to it by check_signed below */
    return VS_OK;
}

static vs_rc merge_call(const struct vs_submit_parameters *call, struct vs_examined *found,
                        struct vs_error *err)
{
    struct vs_requisites *r = &found->offer.requisites;
    VS_TRY(merge_text("subject", call->subject, &r->subject, err));
    VS_TRY(merge_text("number", call->number, &r->number, err));
    VS_TRY(merge_text("date", call->date, &r->date, err));
    VS_TRY(merge_text("retention", call->retention, &r->retention_class, err));
    bool has = found->offer.signed_requisites && r->deadline != VS_TIME_NONE;
    VS_REFUSE_IF(has && call->deadline != VS_TIME_NONE && call->deadline != r->deadline, err,
                 VS_E_REQUISITES_CONFLICT, "Art. 22",
                 "'deadline' of the call differs from that of " VS_REQUISITES_NAME);
    found->deadline = has ? r->deadline : call->deadline;
    found->retention = r->retention_class;
    found->intended_repeat = call->intended_repeat || r->repeats != NULL;
    if (found->retention != NULL && vs_retention_months(found->retention) == 0)
        return vs_fail(err, VS_E_PARAMETER, "Art. 29.1.4",
                       "retention: there is no class of that name");
    return VS_OK;
}

/* Requisites count only when a signature that holds covers them. */
static vs_rc check_signed(const struct vs_offer *offer, struct vs_error *err)
{
    const struct vs_report *report = offer->report;
    bool covered = false;
    for (size_t i = 0; report != NULL && i < report->n_signatures && !covered; i++)
        for (size_t j = 0; j < report->signatures[i].n_signed_names && !covered; j++)
            covered = strcmp(report->signatures[i].signed_names[j], VS_REQUISITES_NAME) == 0;
    VS_REFUSE_IF(offer->signed_requisites && !covered, err, VS_E_ASIC_UNSIGNED_FILE, "Art. 22",
                 VS_REQUISITES_NAME " is covered by no signature");
    return VS_OK;
}

/* -- the verdict --------------------------------------------------------------------------- */

static bool all_take(const struct vs_examined *found, int64_t bits)
{
    for (size_t i = 0; i < found->n_targets; i++)
        if ((found->targets[i].agreement->terms.forms & bits) == 0)
            return false;
    return true;
}

static vs_rc judge(struct vs_relay *relay, const struct vs_submission *submission,
                   struct vs_arena *arena, const struct vs_asic *asic, vs_time_ms now,
                   struct vs_examined *found, struct vs_error *err)
{
    struct vs_validation_input input = {
        .document = submission->source, .name = found->name, .asic = asic, .at = now};
    vs_rc rc = vs_verify(relay, arena, &input, &found->offer.report, err);
    /* A form that this build does not judge is taken as it is where that is agreed. */
    if (rc.code == VS_E_SIGNATURE_FORM && all_take(found, VS_TAKES_ANY))
        return VS_OK;
    VS_REFUSE_IF(rc.code == VS_E_SIGNATURE_FORM &&
                     !all_take(found, VS_TAKES_ANY | vs_takes_of(found->offer.form)),
                 err, VS_E_FORM_NOT_AGREED, "Art. 26", "the document is %s",
                 vs_document_form_text(found->offer.form));
    return rc;
}

/* A form without signatures: taken as it is, or named as what it is not. */
static vs_rc check_unsigned(const struct vs_submission *submission, struct vs_arena *arena,
                            const struct vs_examined *found, struct vs_error *err)
{
    const struct vs_asic *asic;
    if (found->offer.form != VS_FORM_UNSIGNED || all_take(found, VS_TAKES_ANY) ||
        !all_take(found, VS_TAKES_ASIC_E | VS_TAKES_ASIC_S))
        return VS_OK;
    return vs_asic_open(arena, submission->source, NULL, &asic, err);
}

static const char *default_name(enum vs_document_form form)
{
    switch (form) {
    case VS_FORM_ASIC_E:
        return "document.asice";
    case VS_FORM_ASIC_S:
        return "document.asics";
    case VS_FORM_PDF:
        return "document.pdf";
    case VS_FORM_XML:
        return "document.xml";
    case VS_FORM_CMS:
        return "document.p7m";
    case VS_FORM_UNSIGNED:
    case VS_FORM_TIMESTAMP:
    case VS_FORM_EVIDENCE_RECORD:
        break;
    }
    return "document.bin";
}

static void name_original(const struct vs_submit_parameters *call, const struct vs_asic *asic,
                          struct vs_examined *found)
{
    found->name = call->name != NULL ? call->name : default_name(found->offer.form);
    found->media_type = call->media_type;
    if (asic != NULL)
        found->media_type = asic->kind == VS_ASIC_E ? VS_ASIC_E_TYPE : VS_ASIC_S_TYPE;
    if (found->media_type == NULL)
        found->media_type = "application/octet-stream";
}

static vs_rc check_texts(const struct vs_submit_parameters *call, struct vs_error *err)
{
    const struct {
        const char *name, *text;
        size_t most;
    } texts[] = {{"subject", call->subject, 1000},
                 {"number", call->number, 200},
                 {"date", call->date, 40},
                 {"name", call->name, 255},
                 {"type", call->media_type, 200}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct vs_bytes text = vs_bytes_text(texts[i].text);
        if (texts[i].text != NULL &&
            (text.len == 0 || text.len > texts[i].most || vs_text_has_controls(text)))
            return vs_fail(err, VS_E_PARAMETER, NULL,
                           "%s: 1 to %zu bytes of UTF-8 without control characters",
                           texts[i].name, texts[i].most);
    }
    return VS_OK;
}

vs_rc vs_submission_examine(struct vs_relay *relay, const struct vs_submission *submission,
                            vs_time_ms now, struct vs_examined *found, struct vs_error *err)
{
    struct vs_arena *arena = submission->arena;
    const struct vs_submit_parameters *call = &submission->parameters;
    const struct vs_asic *asic = NULL;
    found->offer.requisites.deadline = found->deadline = VS_TIME_NONE;
    found->name = default_name(VS_FORM_UNSIGNED);
    found->media_type = "application/octet-stream";
    VS_TRY(check_texts(call, err));
    VS_TRY(set_targets(relay, arena, call->recipients, call->n_recipients, found, err));
    VS_TRY(vs_document_form_of(submission->source, &found->offer.form, err));
    if (found->offer.form == VS_FORM_ASIC_E || found->offer.form == VS_FORM_ASIC_S) {
        VS_TRY(vs_asic_open(arena, submission->source, NULL, &asic, err));
        VS_TRY(read_requisites(relay, arena, asic, found, err));
    }
    name_original(call, asic, found);
    VS_TRY(merge_call(call, found, err));
    if (found->n_targets == 0)
        return vs_fail(err, VS_E_PARAMETER, NULL,
                       "recipients: none, neither in the call nor in " VS_REQUISITES_NAME);
    VS_TRY(resolve_all(relay, arena, now, found, err));
    VS_TRY(check_unsigned(submission, arena, found, err));
    if (found->offer.form != VS_FORM_UNSIGNED)
        VS_TRY(judge(relay, submission, arena, asic, now, found, err));
    VS_TRY(check_signed(&found->offer, err));
    for (size_t i = 0; i < found->n_targets; i++)
        VS_TRY(vs_decide(&found->offer, found->targets[i].participant,
                         &found->targets[i].agreement->terms, arena, err));
    return VS_OK;
}
