#include "gateway/rest/views.h"
#include "relay/archive/deed.h"

void vs_view_participant(struct vs_json *json, const char *name, const struct vs_participant *p)
{
    vs_json_object(json, name);
    vs_json_id(json, "id", p->id);
    vs_json_array(json, "identifiers");
    for (size_t i = 0; i < p->n_identifiers; i++)
        vs_json_string(json, NULL, p->identifiers[i]);
    vs_json_end_array(json);
    vs_json_string(json, "name", p->name);
    vs_json_yes_no(json, "public_body", p->public_body);
    vs_json_yes_no(json, "agreed_senders_only", p->agreed_senders_only);
    vs_json_string(json, "endpoint", p->endpoint);
    vs_json_string(json, "endpoint_takes",
                   p->endpoint_consignment ? "consignment" : "original");
    vs_json_string(json, "events_endpoint", p->events_endpoint);
    vs_json_string(json, "contract", p->contract);
    vs_json_time(json, "contract_from", p->contract_from);
    vs_json_time(json, "contract_until", p->contract_until);
    vs_json_string(json, "retention", p->retention);
    vs_json_time(json, "created", p->created);
    vs_json_number(json, "version", p->version);
    vs_json_end_object(json);
}

void vs_view_principal(struct vs_json *json, const char *name, const struct vs_principal *p)
{
    vs_json_object(json, name);
    vs_json_id(json, "id", p->id);
    vs_json_id(json, "participant", p->participant);
    vs_json_string(json, "name", p->name);
    vs_json_array(json, "roles");
    for (unsigned bit = 1; bit <= VS_ROLES_ALL; bit <<= 1)
        if ((p->roles & bit) != 0)
            vs_json_string(json, NULL, vs_role_name((enum vs_role)bit));
    vs_json_end_array(json);
    vs_json_yes_no(json, "automatic", p->automatic);
    vs_json_string(json, "credential",
                   p->credential == VS_CREDENTIAL_TOKEN ? "token" : "certificate");
    vs_json_hex(json, "sha256", VS_BYTES(p->digest, sizeof p->digest));
    vs_json_time(json, "expires", p->expires);
    vs_json_time(json, "revoked", p->revoked);
    vs_json_time(json, "created", p->created);
    vs_json_number(json, "version", p->version);
    vs_json_end_object(json);
}

static void terms(struct vs_json *json, const struct vs_terms *of)
{
    vs_json_object(json, "terms");
    for (size_t i = 0; i < vs_term_fields_n; i++) {
        VS_BUFFER text;
        vs_buffer_init(&text, 4096);
        vs_term_text(of, &vs_term_fields[i], &text);
        vs_json_string(json, vs_term_fields[i].name, text.len == 0 ? "" : (char *)text.ptr);
    }
    vs_json_end_object(json);
}

void vs_view_agreement(struct vs_json *json, const char *name, const struct vs_agreement *a)
{
    vs_json_object(json, name);
    if (vs_id_is_none(a->id))
        vs_json_string(json, "id", "law");
    else
        vs_json_id(json, "id", a->id);
    vs_json_array(json, "parties");
    for (size_t i = 0; i < 2 && !vs_id_is_none(a->parties[i]); i++)
        vs_json_id(json, NULL, a->parties[i]);
    vs_json_end_array(json);
    vs_json_string(json, "reference", a->reference);
    vs_json_time(json, "from", a->from);
    vs_json_time(json, "until", a->until);
    vs_json_time(json, "created", a->created);
    terms(json, &a->terms);
    vs_json_number(json, "version", a->version);
    vs_json_end_object(json);
}

static void document_members(struct vs_json *json, const struct vs_delivery *d)
{
    vs_json_string(json, "subject", d->subject);
    vs_json_string(json, "number", d->number);
    vs_json_string(json, "date", d->date);
    vs_json_string(json, "name", d->name);
    vs_json_string(json, "media_type", d->media_type);
    vs_json_number(json, "size", (int64_t)d->size);
    vs_json_hex(json, "sha256", VS_BYTES(d->digest, sizeof d->digest));
    vs_json_id(json, "repeats", d->repeats);
}

/* What the recipient must, and the sender may, take it for (Art. 27.3, 27.4). */
static const char *counts_as(const struct vs_delivery *d)
{
    return d->counts_as_not_sent   ? "not-sent"
           : d->counts_as_received ? "received"
                                   : "not-received";
}

/* Why it counts as not sent, and what is known of its authenticity (Art. 27.2, 27.3). */
static void standing(struct vs_json *json, const struct vs_delivery *d)
{
    static const struct {
        unsigned bit;
        const char *clause;
    } reasons[] = {{VS_NOT_SENT_NOTICE, "27.3.1"},
                   {VS_NOT_SENT_NOT_CONFIRMED, "27.3.2"},
                   {VS_NOT_SENT_REPETITION, "27.3.3"}};
    vs_json_string(json, "counts_as", counts_as(d));
    vs_json_array(json, "not_sent_by");
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if ((d->not_sent & reasons[i].bit) != 0)
            vs_json_string(json, NULL, reasons[i].clause);
    vs_json_end_array(json);
    vs_json_string(json, "authenticity", d->authenticity);
}

/* The term that runs, or has passed without an answer. */
static void term(struct vs_json *json, const struct vs_delivery *d)
{
    if (d->term == VS_TERM_OF_NONE) {
        vs_json_null(json, "term");
    } else {
        vs_json_object(json, "term");
        vs_json_string(json, "kind", vs_running_term_name(d->term));
        vs_json_time(json, "until", d->term_until);
        vs_json_end_object(json);
    }
    vs_json_time(json, "deadline", d->deadline);
    vs_json_time(json, "further", d->further);
    vs_json_yes_no(json, "late", d->late);
}

void vs_view_delivery(struct vs_json *json, const char *name, const struct vs_delivery *d)
{
    vs_json_object(json, name);
    vs_json_id(json, "document", d->document);
    vs_json_string(json, "state", vs_delivery_state_name(d->state));
    vs_json_string(json, "sender", d->sender_identifier);
    vs_json_string(json, "sender_name", d->sender_name);
    vs_json_string(json, "recipient", d->recipient_identifier);
    vs_json_string(json, "recipient_name", d->recipient_name);
    document_members(json, d);
    vs_json_yes_no(json, "acknowledgement_required", d->acknowledgement_required);
    standing(json, d);
    vs_json_time(json, "sent", d->sent);
    vs_json_time(json, "asked", d->asked);
    vs_json_time(json, "consent", d->consent);
    vs_json_time(json, "received", d->received);
    vs_json_time(json, "handed_over", d->handed_over);
    vs_json_time(json, "acknowledged", d->acknowledged);
    vs_json_time(json, "reached", d->reached);
    vs_json_time(json, "failed", d->failed);
    term(json, d);
    vs_json_time(json, "reminded", d->reminded);
    vs_json_time(json, "overdue", d->overdue);
    vs_json_time(json, "notice", d->notice);
    vs_json_string(json, "notice_reason", d->notice_reason);
    vs_json_string(json, "refusal_reason", d->refusal_reason);
    vs_json_end_object(json);
}

/* How the endpoint's delivery stands. */
static void push(struct vs_json *json, const struct vs_push_view *p)
{
    vs_json_object(json, "push");
    vs_json_number(json, "attempts", p->attempts);
    vs_json_time(json, "next", p->next);
    vs_json_time(json, "until", p->until);
    vs_json_string(json, "error", p->error);
    vs_json_end_object(json);
}

/* The moment by our clock, and the mark that proves "not later than" (Art. 28.3). */
static void legal_time(struct vs_json *json, const char *name, const struct vs_legal_time *t)
{
    if (t->time == VS_TIME_NONE) {
        vs_json_null(json, name);
        return;
    }
    vs_json_object(json, name);
    vs_json_time(json, "time", t->time);
    vs_json_id(json, "evidence", t->evidence);
    vs_json_time(json, "mark", t->marked ? t->mark : VS_TIME_NONE);
    vs_json_yes_no(json, "mark_in_law", t->marked && t->mark_in_law);
    vs_json_string(json, "actor", t->actor);
    vs_json_end_object(json);
}

void vs_view_deed(struct vs_json *json, const char *name, const struct vs_deed *deed)
{
    vs_json_object(json, name);
    vs_json_id(json, "id", deed->id);
    vs_json_string(json, "event", vs_event_info(deed->event)->name);
    vs_json_time(json, "time", deed->time);
    vs_json_id(json, "document", deed->document);
    vs_json_id(json, "principal", deed->principal);
    vs_json_string(json, "name", deed->name);
    vs_json_string(json, "reason", deed->reason);
    if (deed->digest != NULL) {
        vs_json_number(json, "count", deed->count);
        vs_json_hex(json, "sha256", VS_BYTES(deed->digest, 32));
    }
    vs_json_id(json, "evidence", deed->evidence);
    vs_json_end_object(json);
}

void vs_view_evidence(struct vs_json *json, const char *name, const struct vs_evidence *e)
{
    vs_json_object(json, name);
    vs_json_id(json, "id", e->id);
    vs_json_id(json, "document", e->document);
    vs_json_id(json, "recipient", e->recipient);
    vs_json_string(json, "event", e->event);
    vs_json_string(json, "event_uri", e->event_uri);
    vs_json_string(json, "actor", e->actor);
    vs_json_time(json, "time", e->event_time);
    vs_json_hex(json, "sha256", VS_BYTES(e->digest, sizeof e->digest));
    if (e->sequenced)
        vs_json_number(json, "journal_index", (int64_t)e->journal_index);
    else
        vs_json_null(json, "journal_index");
    vs_json_time(json, "mark", e->marked ? e->mark : VS_TIME_NONE);
    vs_json_end_object(json);
}

static void refusal(struct vs_json *json, const struct vs_error *err)
{
    const struct vs_code_info *info = vs_code_info(err->code);
    vs_json_object(json, "refusal");
    vs_json_string(json, "code", info->name);
    vs_json_string(json, "detail", err->text);
    vs_json_string(json, "clause", err->clause != NULL ? err->clause : info->clause);
    vs_json_end_object(json);
}

static void recipient(struct vs_json *json, const struct vs_recipient_status *r)
{
    const struct vs_delivery *d = r->delivery;
    vs_json_object(json, NULL);
    vs_json_string(json, "identifier", d->recipient_identifier);
    vs_json_string(json, "name", d->recipient_name);
    vs_json_string(json, "state", vs_delivery_state_name(d->state));
    vs_json_yes_no(json, "acknowledgement_required", d->acknowledgement_required);
    standing(json, d);
    legal_time(json, "asked", &r->asked);
    legal_time(json, "consent", &r->consent);
    legal_time(json, "received", &r->received);
    legal_time(json, "handed_over", &r->handed_over);
    legal_time(json, "acknowledged", &r->acknowledged);
    legal_time(json, "reached", &r->reached);
    legal_time(json, "failed", &r->failed);
    term(json, d);
    legal_time(json, "reminded", &r->reminded);
    legal_time(json, "overdue", &r->overdue);
    legal_time(json, "notice", &r->notice);
    vs_json_string(json, "notice_reason", d->notice_reason);
    vs_json_string(json, "refusal_reason", d->refusal_reason);
    if (r->pushing)
        push(json, &r->push);
    vs_json_end_object(json);
}

void vs_view_status(struct vs_json *json, const char *name, const struct vs_status *s)
{
    vs_json_object(json, name);
    vs_json_id(json, "id", s->id);
    vs_json_string(json, "status", !s->accepted ? "refused" : s->held ? "held" : "accepted");
    if (!s->accepted)
        refusal(json, &s->refusal);
    legal_time(json, "sent", &s->sent);
    vs_json_string(json, "agreement", s->agreement);
    vs_json_string(json, "legal_class", s->legal_class);
    vs_json_string(json, "indication", s->indication);
    if (s->document != NULL) {
        vs_json_string(json, "sender", s->document->sender_identifier);
        vs_json_string(json, "sender_name", s->document->sender_name);
        document_members(json, s->document);
    }
    vs_json_array(json, "recipients");
    for (size_t i = 0; i < s->n_recipients; i++)
        recipient(json, &s->recipients[i]);
    vs_json_end_array(json);
    vs_json_array(json, "evidence");
    for (size_t i = 0; i < s->n_evidence; i++)
        vs_view_evidence(json, NULL, s->evidence[i]);
    vs_json_end_array(json);
    vs_json_end_object(json);
}

void vs_view_receipt(struct vs_json *json, const struct vs_receipt *r)
{
    vs_json_id(json, "id", r->id);
    vs_json_yes_no(json, "accepted", r->accepted);
    vs_json_yes_no(json, "replayed", r->replayed);
    vs_json_yes_no(json, "held", r->held);
    vs_json_id(json, "repeats", r->repeats);
    vs_json_time(json, "sent", r->sent);
    vs_json_id(json, "evidence", r->evidence);
    vs_json_text_of(json, "evidence_xml", r->evidence_xml);
}

void vs_view_page(struct vs_json *json, const struct vs_page *page)
{
    vs_json_object(json, NULL);
    vs_json_array(json, "entries");
    for (size_t i = 0; i < page->n; i++)
        vs_view_delivery(json, NULL, page->entries[i]);
    vs_json_end_array(json);
    vs_json_string(json, "cursor", page->cursor);
    vs_json_yes_no(json, "more", page->more);
    vs_json_end_object(json);
}
