#include "relay/exchange/delivery.h"
#include "formats/validation/indication.h"
#include "relay/exchange/deadline.h"
#include "relay/exchange/transitions.h"
#include "relay/relay_priv.h"

static vs_rc document_of(struct vs_delivery_loader *loader, const struct vs_value *id,
                         struct vs_error *err)
{
    if (loader->document != NULL &&
        vs_value_compare(&loader->document->values[VS_DOCUMENT_ID], id) == 0)
        return VS_OK;
    VS_TRY(vs_store_get(loader->relay->store, loader->arena, VS_T_DOCUMENT, id,
                        &loader->document, err));
    if (loader->document == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a delivery's document is not there");
    return VS_OK;
}

static vs_rc party_of(struct vs_delivery_loader *loader, const struct vs_value *id,
                      const struct vs_participant **ret, struct vs_error *err)
{
    size_t n = sizeof loader->parties / sizeof *loader->parties;
    struct vs_id wanted = vs_value_id(id);
    for (size_t i = 0; i < n; i++)
        if (loader->parties[i] != NULL && vs_id_equal(loader->parties[i]->id, wanted)) {
            *ret = loader->parties[i];
            return VS_OK;
        }
    VS_TRY(vs_participant_get(loader->relay, loader->arena, wanted, ret, err));
    if (*ret == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a party of a delivery is not there");
    loader->parties[loader->next_party++ % n] = *ret;
    return VS_OK;
}

static void fill_document(struct vs_arena *arena, const struct vs_value *v,
                          struct vs_delivery *d)
{
    d->subject = vs_value_text_new(arena, &v[VS_DOCUMENT_SUBJECT]);
    d->number = vs_value_text_new(arena, &v[VS_DOCUMENT_REFERENCE]);
    d->date = vs_value_text_new(arena, &v[VS_DOCUMENT_DATE]);
    d->name = vs_value_text_new(arena, &v[VS_DOCUMENT_NAME]);
    d->media_type = vs_value_text_new(arena, &v[VS_DOCUMENT_MEDIA_TYPE]);
    d->size = (uint64_t)v[VS_DOCUMENT_SIZE].integer;
    d->sent = v[VS_DOCUMENT_SENT].integer;
    d->repeats = vs_value_id(&v[VS_DOCUMENT_REPEATS]);
    if (v[VS_DOCUMENT_DIGEST].bytes.len == sizeof d->digest)
        memcpy(d->digest, v[VS_DOCUMENT_DIGEST].bytes.ptr, sizeof d->digest);
}

static void fill_delivery(struct vs_arena *arena, const struct vs_row *row, unsigned place,
                          struct vs_delivery *d)
{
    const struct vs_value *v = row->values;
    d->document = vs_value_id(&v[VS_DELIVERY_DOCUMENT]);
    d->sender = vs_value_id(&v[VS_DELIVERY_SENDER]);
    d->recipient = vs_value_id(&v[VS_DELIVERY_RECIPIENT]);
    d->state = (enum vs_delivery_state)v[VS_DELIVERY_STATE].integer;
    d->acknowledgement_required = v[VS_DELIVERY_ACKNOWLEDGEMENT].integer != 0;
    d->received = vs_value_time(&v[VS_DELIVERY_RECEIVED_AT]);
    d->handed_over = vs_value_time(&v[VS_DELIVERY_HANDED_OVER_AT]);
    d->acknowledged = vs_value_time(&v[VS_DELIVERY_ACKNOWLEDGED_AT]);
    d->reached = vs_value_time(&v[VS_DELIVERY_REACHED_AT]);
    d->deadline = vs_value_time(&v[VS_DELIVERY_DEADLINE]);
    d->further = vs_value_time(&v[VS_DELIVERY_FURTHER]);
    d->reminded = vs_value_time(&v[VS_DELIVERY_REMINDED_AT]);
    d->overdue = vs_value_time(&v[VS_DELIVERY_OVERDUE_AT]);
    d->asked = vs_value_time(&v[VS_DELIVERY_ASKED_AT]);
    d->consent_until = vs_value_time(&v[VS_DELIVERY_CONSENT_UNTIL]);
    d->consent = vs_value_time(&v[VS_DELIVERY_CONSENT_AT]);
    d->notice = vs_value_time(&v[VS_DELIVERY_NOTICE_AT]);
    d->failed = vs_value_time(&v[VS_DELIVERY_FAILED_AT]);
    d->notice_reason = vs_value_text_new(arena, &v[VS_DELIVERY_NOTICE]);
    d->mode = v[VS_DELIVERY_MODE].type == VS_INT ? (unsigned)v[VS_DELIVERY_MODE].integer : 0;
    d->refusal_reason = vs_value_text_new(arena, &v[VS_DELIVERY_REASON]);
    d->sequence = v[place].type == VS_INT ? v[place].integer : 0;
    d->version = row->version;
    /* Art. 27.4: not received until the acknowledgement reached the sender, unless waived. */
    d->counts_as_received = d->acknowledgement_required ? d->state == VS_DELIVERY_REACHED
                                                        : vs_delivery_state_open(d->state) &&
                                                              d->state != VS_DELIVERY_REFUSED;
}

/* Art. 27.3: not sent, once its sender says so, as long as its authenticity was judged and not
 * confirmed, or it is a repetition that the sender has not confirmed. */
static void fill_authenticity(const struct vs_value *document, struct vs_delivery *d)
{
    struct vs_bytes indication = document[VS_DOCUMENT_INDICATION].bytes;
    bool open = vs_bytes_is(indication, vs_indication_text(VS_INDETERMINATE));
    bool passed = vs_bytes_is(indication, vs_indication_text(VS_PASSED));
    d->authenticity = passed ? "confirmed" : open ? "not-confirmed" : "not-verified";
    d->not_sent = (d->notice != VS_TIME_NONE ? VS_NOT_SENT_NOTICE : 0u) |
                  (open ? VS_NOT_SENT_NOT_CONFIRMED : 0u) |
                  (d->state == VS_DELIVERY_HELD ? VS_NOT_SENT_REPETITION : 0u);
    d->counts_as_not_sent = d->not_sent != 0;
}

static void fill_term(const struct vs_row *row, struct vs_delivery *d)
{
    vs_time_ms deadline = vs_deadline_of(row);
    d->term_until = VS_TIME_NONE;
    d->late = d->acknowledged != VS_TIME_NONE && deadline != VS_TIME_NONE &&
              d->acknowledgement_required && d->acknowledged > deadline;
    if (d->state == VS_DELIVERY_ASKED && d->consent == VS_TIME_NONE) {
        d->term = VS_TERM_OF_CONSENT;
        d->term_until = d->consent_until;
    } else if (deadline != VS_TIME_NONE && vs_deadline_matters(row)) {
        d->term = d->further != VS_TIME_NONE ? VS_TERM_OF_FURTHER : VS_TERM_OF_ACKNOWLEDGEMENT;
        d->term_until = deadline;
    }
}

const char *vs_running_term_name(enum vs_running_term term)
{
    static const char *const names[VS_RUNNING_TERMS] = {NULL, "consent", "acknowledgement",
                                                        "further"};
    VS_ASSERT((unsigned)term < VS_RUNNING_TERMS);
    return names[term];
}

vs_rc vs_delivery_load(struct vs_delivery_loader *loader, const struct vs_row *row,
                       unsigned place, const struct vs_delivery **ret, struct vs_error *err)
{
    struct vs_delivery *d = vs_arena_make(loader->arena, struct vs_delivery);
    const struct vs_participant *sender, *recipient;
    if (d == NULL)
        return vs_fail_memory(err);
    VS_TRY(document_of(loader, &row->values[VS_DELIVERY_DOCUMENT], err));
    VS_TRY(party_of(loader, &row->values[VS_DELIVERY_SENDER], &sender, err));
    VS_TRY(party_of(loader, &row->values[VS_DELIVERY_RECIPIENT], &recipient, err));
    fill_delivery(loader->arena, row, place, d);
    fill_document(loader->arena, loader->document->values, d);
    d->sender_identifier = sender->identifiers[0];
    d->sender_name = sender->name;
    d->recipient_identifier = recipient->identifiers[0];
    d->recipient_name = recipient->name;
    fill_authenticity(loader->document->values, d);
    fill_term(row, d);
    *ret = d;
    return VS_OK;
}

bool vs_delivery_seen(const struct vs_row *row)
{
    return row->values[VS_DELIVERY_ASKED_AT].type != VS_NULL ||
           vs_delivery_state_visible(
               (enum vs_delivery_state)row->values[VS_DELIVERY_STATE].integer);
}
