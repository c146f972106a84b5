#include "relay/exchange/status.h"
#include "relay/archive/access_record.h"
#include "formats/evidence/erds.h"
#include "relay/exchange/access.h"
#include "relay/exchange/delivery.h"
#include "relay/relay_priv.h"
#include <stdio.h>

#define RECIPIENTS_MAX 1000
#define PAGE_MAX       500

#define ANY_OF 3 /* events that may have been at one moment */

/* The moment as our clock saw it, and what proves that it was not later (28.3). The last
 * evidence of these events counts. What concerns no recipient concerns all. */
static struct vs_legal_time legal_time(const struct vs_status *status,
                                       const enum vs_event events[ANY_OF],
                                       struct vs_id recipient, vs_time_ms time)
{
    struct vs_legal_time legal = {.time = time, .mark = VS_TIME_NONE};
    for (size_t i = 0; i < status->n_evidence && time != VS_TIME_NONE; i++) {
        const struct vs_evidence *e = status->evidence[i];
        bool fits = false;
        for (size_t j = 0; j < ANY_OF && events[j] != VS_EVENT_UNKNOWN && !fits; j++)
            fits = strcmp(e->event, vs_event_info(events[j])->name) == 0;
        if (!fits || (!vs_id_is_none(e->recipient) && !vs_id_equal(e->recipient, recipient)))
            continue;
        legal.evidence = e->id;
        legal.marked = e->marked;
        legal.mark = e->mark;
        legal.actor = e->actor;
    }
    return legal;
}

static struct vs_legal_time sent_time(const struct vs_status *status, enum vs_event event,
                                      vs_time_ms time)
{
    const enum vs_event events[ANY_OF] = {event};
    return legal_time(status, events, VS_ID_NONE, time);
}

static vs_rc fill_refused(struct vs_arena *arena, const struct vs_row *refusal,
                          struct vs_status *status, struct vs_error *err)
{
    const struct vs_value *v = refusal->values;
    const char *code = vs_value_text_new(arena, &v[VS_REFUSAL_CODE]);
    const char *text = vs_value_text_new(arena, &v[VS_REFUSAL_TEXT]);
    if (code == NULL || text == NULL)
        return vs_fail_memory(err);
    status->refusal.code = vs_code_by_name(code);
    status->refusal.clause = vs_value_text_new(arena, &v[VS_REFUSAL_CLAUSE]);
    snprintf(status->refusal.text, sizeof status->refusal.text, "%s", text);
    status->sent = sent_time(status, VS_EVENT_SUBMISSION_REJECTION, v[VS_REFUSAL_SENT].integer);
    return VS_OK;
}

/* Which event each legal time of a recipient has its evidence from. */
static const struct {
    size_t to, from; /* offsets in vs_recipient_status and vs_delivery */
    enum vs_event events[ANY_OF];
} times[] = {
#define TIME(to, from, ...)                                                                    \
    {                                                                                          \
        offsetof(struct vs_recipient_status, to), offsetof(struct vs_delivery, from),          \
        {                                                                                      \
            __VA_ARGS__                                                                        \
        }                                                                                      \
    }
    TIME(asked, asked, VS_EVENT_NOTIFICATION_FOR_ACCEPTANCE),
    TIME(consent, consent, VS_EVENT_CONSIGNMENT_ACCEPTANCE, VS_EVENT_CONSIGNMENT_REJECTION,
         VS_EVENT_ACCEPTANCE_REJECTION_EXPIRY),
    TIME(received, received, VS_EVENT_CONTENT_CONSIGNMENT),
    TIME(handed_over, handed_over, VS_EVENT_CONTENT_HANDOVER),
    TIME(acknowledged, acknowledged, VS_EVENT_ACKNOWLEDGEMENT,
         VS_EVENT_ACKNOWLEDGEMENT_REFUSAL),
    TIME(reached, reached, VS_EVENT_ACKNOWLEDGEMENT_REACHED_SENDER),
    TIME(failed, failed, VS_EVENT_CONTENT_HANDOVER_FAILURE,
         VS_EVENT_CONTENT_CONSIGNMENT_FAILURE),
    TIME(reminded, reminded, VS_EVENT_ACKNOWLEDGEMENT_REMINDER),
    TIME(overdue, overdue, VS_EVENT_ACKNOWLEDGEMENT_OVERDUE),
    TIME(notice, notice, VS_EVENT_NON_SENDING_NOTICE),
#undef TIME
};

static void fill_recipient(const struct vs_status *status, const struct vs_delivery *delivery,
                           struct vs_recipient_status *ret)
{
    static const enum vs_event pushed[ANY_OF] = {VS_EVENT_CONTENT_HANDOVER};
    ret->delivery = delivery;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        const vs_time_ms *time = (const void *)((const char *)delivery + times[i].from);
        struct vs_legal_time *to = (void *)((char *)ret + times[i].to);
        *to = legal_time(status, times[i].events, delivery->recipient, *time);
    }
    /* At the recipient's endpoint the hand-over is the receipt (28.2). */
    if ((delivery->mode & VS_MODE_ENDPOINT) != 0 && vs_id_is_none(ret->received.evidence))
        ret->received = legal_time(status, pushed, delivery->recipient, delivery->received);
}

/* For a recipient: its own row; for the others: all rows. */
static vs_rc delivery_rows(struct vs_relay *relay, struct vs_arena *arena,
                           const struct vs_access *access, const struct vs_row **ret,
                           size_t *ret_n, struct vs_error *err)
{
    if (access->party == VS_PARTY_RECIPIENT) {
        *ret = access->delivery;
        *ret_n = 1;
        return VS_OK;
    }
    struct vs_query query = {.table = VS_T_DELIVERY,
                             .equal = &access->document->values[VS_DOCUMENT_ID],
                             .n_equal = 1,
                             .limit = RECIPIENTS_MAX};
    return vs_store_select(relay->store, arena, &query, ret, ret_n, err);
}

static vs_rc fill_accepted(struct vs_relay *relay, struct vs_arena *arena,
                           const struct vs_access *access, struct vs_status *status,
                           struct vs_error *err)
{
    const struct vs_value *v = access->document->values;
    const struct vs_row *rows;
    size_t n;
    status->repeats = vs_value_id(&v[VS_DOCUMENT_REPEATS]);
    status->legal_class = vs_value_text_new(arena, &v[VS_DOCUMENT_LEGAL_CLASS]);
    status->indication = vs_value_text_new(arena, &v[VS_DOCUMENT_INDICATION]);
    status->agreement = v[VS_DOCUMENT_AGREEMENT].type == VS_NULL
                            ? "law"
                            : vs_id_text_new(arena, vs_value_id(&v[VS_DOCUMENT_AGREEMENT]));
    status->sent =
        sent_time(status, VS_EVENT_SUBMISSION_ACCEPTANCE, v[VS_DOCUMENT_SENT].integer);
    VS_TRY(delivery_rows(relay, arena, access, &rows, &n, err));
    struct vs_recipient_status *recipients =
        vs_arena_make_n(arena, struct vs_recipient_status, n + 1);
    struct vs_delivery_loader loader = {.relay = relay, .arena = arena};
    if (recipients == NULL || status->agreement == NULL || status->legal_class == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        const struct vs_delivery *delivery;
        VS_TRY(vs_delivery_load(&loader, &rows[i], VS_DELIVERY_EVENT, &delivery, err));
        fill_recipient(status, delivery, &recipients[i]);
        if (delivery->state == VS_DELIVERY_WAITING)
            VS_TRY(vs_push_view(relay, arena, delivery->document, delivery->recipient,
                                &recipients[i].push, &recipients[i].pushing, err));
        status->held = status->held || delivery->state == VS_DELIVERY_HELD;
        status->document = delivery;
    }
    status->recipients = recipients;
    status->n_recipients = n;
    return VS_OK;
}

vs_rc vs_status_get(struct vs_relay *relay, struct vs_arena *arena,
                    const struct vs_caller *caller, struct vs_id id, struct vs_status *ret,
                    struct vs_error *err)
{
    struct vs_access access;
    struct vs_status status = {.id = id};
    VS_TRY(vs_access_find(relay, arena, caller, id, &access, err));
    VS_TRY(
        vs_evidence_list(relay, arena, caller, id, &status.evidence, &status.n_evidence, err));
    status.accepted = access.document != NULL;
    if (status.accepted)
        VS_TRY(fill_accepted(relay, arena, &access, &status, err));
    else
        VS_TRY(fill_refused(arena, access.refusal, &status, err));
    vs_access_note(relay, caller, id, VS_ACCESS_STATUS);
    *ret = status;
    return VS_OK;
}

vs_rc vs_sent_list(struct vs_relay *relay, struct vs_arena *arena,
                   const struct vs_caller *caller, struct vs_id before, size_t limit,
                   struct vs_page *ret, struct vs_error *err)
{
    if (limit < 1 || limit > PAGE_MAX)
        return vs_fail(err, VS_E_PARAMETER, NULL, "limit: 1 to %d", PAGE_MAX);
    struct vs_value equal = vs_id_value(&caller->participant), after = vs_id_value(&before);
    struct vs_query query = {.table = VS_T_DOCUMENT,
                             .index = VS_DOCUMENT_BY_SENDER,
                             .equal = &equal,
                             .n_equal = 1,
                             .descending = true,
                             .limit = limit + 1};
    if (!vs_id_is_none(before)) {
        query.after = &after;
        query.n_after = 1;
    }
    const struct vs_row *rows, *deliveries;
    size_t n, n_deliveries;
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    struct vs_page page = {.more = n > limit, .n = n > limit ? limit : n};
    page.entries = vs_arena_make_n(arena, const struct vs_delivery *, page.n + 1);
    struct vs_delivery_loader loader = {.relay = relay, .arena = arena};
    if (page.entries == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < page.n; i++) {
        struct vs_query first = {.table = VS_T_DELIVERY,
                                 .equal = &rows[i].values[VS_DOCUMENT_ID],
                                 .n_equal = 1,
                                 .limit = 1};
        VS_TRY(vs_store_select(relay->store, arena, &first, &deliveries, &n_deliveries, err));
        if (n_deliveries == 0)
            return vs_fail(err, VS_E_CORRUPT, NULL, "a document has no delivery");
        loader.document = &rows[i];
        VS_TRY(vs_delivery_load(&loader, deliveries, VS_DELIVERY_EVENT, &page.entries[i], err));
    }
    page.cursor = page.n == 0 ? "" : vs_id_text_new(arena, page.entries[page.n - 1]->document);
    if (page.cursor == NULL)
        return vs_fail_memory(err);
    *ret = page;
    return VS_OK;
}
