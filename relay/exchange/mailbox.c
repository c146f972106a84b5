#include "relay/archive/renewal.h"
#include "relay/exchange/mailbox.h"
#include "relay/archive/access_record.h"
#include "relay/archive/inspection.h"
#include "relay/evidence.h"
#include "relay/exchange/access.h"
#include "relay/exchange/delivery.h"
#include "relay/exchange/issue.h"
#include "relay/exchange/sequence.h"
#include "relay/exchange/transitions.h"
#include "relay/relay_priv.h"
#include "relay/seal/seal.h"

#define CURSOR_MARK  "c1-" /* version of the cursor's form */
#define PAGE_MAX     500
#define SEAL_MAX     ((size_t)1 << 20)
#define WAITER_LISTS (sizeof((struct vs_relay *)0)->waiters / sizeof(struct vs_waiter *))

/* -- lists --------------------------------------------------------------------------------- */

static vs_rc cursor_decode(const char *cursor, int64_t *ret, struct vs_error *err)
{
    uint8_t place[8];
    *ret = 0;
    if (cursor == NULL || cursor[0] == '\0')
        return VS_OK;
    if (!vs_text_starts(cursor, CURSOR_MARK) ||
        !vs_hex_decode(cursor + strlen(CURSOR_MARK), place, sizeof place) ||
        vs_get_u64(place) > INT64_MAX - 1)
        return vs_fail(err, VS_E_PARAMETER, NULL, "cursor: give back one that a page had");
    *ret = (int64_t)vs_get_u64(place);
    return VS_OK;
}

vs_rc vs_cursor_check(const char *cursor, struct vs_error *err)
{
    int64_t ignored;
    return cursor_decode(cursor, &ignored, err);
}

char *vs_cursor_new(struct vs_arena *arena, int64_t place)
{
    return place == 0 ? vs_arena_strdup(arena, "")
                      : vs_arena_printf(arena, CURSOR_MARK "%016llx", (long long)place);
}

/* Of the caller's participant by `index`, whose second column is `place`. */
static vs_rc list(struct vs_relay *relay, struct vs_arena *arena,
                  const struct vs_caller *caller, unsigned index, unsigned place,
                  const char *cursor, size_t limit, struct vs_page *ret, struct vs_error *err)
{
    int64_t after;
    VS_TRY(cursor_decode(cursor, &after, err));
    if (limit < 1 || limit > PAGE_MAX)
        return vs_fail(err, VS_E_PARAMETER, NULL, "limit: 1 to %d", PAGE_MAX);
    /* Before the rows: what is sequenced meanwhile must wake a waiter. */
    struct vs_page page = {.seen = atomic_load(&relay->last_sequence)};
    struct vs_value equal = vs_id_value(&caller->participant), low = vs_int(after + 1);
    struct vs_query query = {.table = VS_T_DELIVERY,
                             .index = index,
                             .equal = &equal,
                             .n_equal = 1,
                             .low = &low,
                             .limit = limit + 1};
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    page.more = n > limit;
    page.n = page.more ? limit : n;
    page.entries = vs_arena_make_n(arena, const struct vs_delivery *, page.n + 1);
    struct vs_delivery_loader loader = {.relay = relay, .arena = arena};
    if (page.entries == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < page.n; i++)
        VS_TRY(vs_delivery_load(&loader, &rows[i], place, &page.entries[i], err));
    page.cursor =
        vs_cursor_new(arena, page.n == 0 ? after : page.entries[page.n - 1]->sequence);
    if (page.cursor == NULL)
        return vs_fail_memory(err);
    *ret = page;
    return VS_OK;
}

vs_rc vs_mailbox_list(struct vs_relay *relay, struct vs_arena *arena,
                      const struct vs_caller *caller, const char *cursor, size_t limit,
                      struct vs_page *ret, struct vs_error *err)
{
    return list(relay, arena, caller, VS_DELIVERY_BY_MAILBOX, VS_DELIVERY_MAILBOX, cursor,
                limit, ret, err);
}

vs_rc vs_events_list(struct vs_relay *relay, struct vs_arena *arena,
                     const struct vs_caller *caller, const char *cursor, size_t limit,
                     struct vs_page *ret, struct vs_error *err)
{
    return list(relay, arena, caller, VS_DELIVERY_BY_EVENT, VS_DELIVERY_EVENT, cursor, limit,
                ret, err);
}

/* -- long poll ----------------------------------------------------------------------------- */

static struct vs_waiter **waiters_of(struct vs_relay *relay, struct vs_id participant)
{
    /* The random part of an id spreads. */
    return &relay->waiters[vs_get_u32(participant.bytes + 12) % WAITER_LISTS];
}

static void unlink_waiter(struct vs_relay *relay, struct vs_waiter *waiter)
{
    if (waiter->previous != NULL)
        waiter->previous->next = waiter->next;
    else
        *waiters_of(relay, waiter->participant) = waiter->next;
    if (waiter->next != NULL)
        waiter->next->previous = waiter->previous;
    waiter->next = waiter->previous = NULL;
    waiter->waiting = false;
}

bool vs_mailbox_watch(struct vs_relay *relay, struct vs_waiter *waiter)
{
    pthread_mutex_lock(&relay->lock);
    bool wait = !relay->stopping && atomic_load(&relay->last_sequence) == waiter->seen;
    if (wait) {
        struct vs_waiter **head = waiters_of(relay, waiter->participant);
        waiter->previous = NULL;
        waiter->next = *head;
        if (*head != NULL)
            (*head)->previous = waiter;
        *head = waiter;
        waiter->waiting = true;
    }
    pthread_mutex_unlock(&relay->lock);
    return wait;
}

bool vs_mailbox_unwatch(struct vs_relay *relay, struct vs_waiter *waiter)
{
    pthread_mutex_lock(&relay->lock);
    bool was = waiter->waiting;
    if (was)
        unlink_waiter(relay, waiter);
    pthread_mutex_unlock(&relay->lock);
    return was;
}

/* Takes those that `move` concerns (NULL: all of the list) out of the list, into *woken. */
static void take_waiters(struct vs_relay *relay, struct vs_waiter **head,
                         struct vs_id participant, bool events, bool all,
                         struct vs_waiter **woken)
{
    for (struct vs_waiter *w = *head, *next; w != NULL; w = next) {
        next = w->next;
        if (!all && (w->events != events || !vs_id_equal(w->participant, participant)))
            continue;
        unlink_waiter(relay, w);
        w->next = *woken;
        *woken = w;
    }
}

static void call_waiters(struct vs_waiter *woken)
{
    while (woken != NULL) {
        struct vs_waiter *next = woken->next;
        woken->next = NULL;
        woken->wake(woken); /* may free it */
        woken = next;
    }
}

void vs_mailbox_wake(struct vs_relay *relay, const struct vs_move *moves, size_t n)
{
    struct vs_waiter *woken = NULL;
    pthread_mutex_lock(&relay->lock);
    for (size_t i = 0; i < n; i++) {
        if (vs_move_rows[moves[i].kind].mailbox)
            take_waiters(relay, waiters_of(relay, moves[i].recipient), moves[i].recipient,
                         false, false, &woken);
        take_waiters(relay, waiters_of(relay, moves[i].sender), moves[i].sender, true, false,
                     &woken);
    }
    pthread_mutex_unlock(&relay->lock);
    call_waiters(woken);
}

void vs_mailbox_wake_all(struct vs_relay *relay)
{
    struct vs_waiter *woken = NULL;
    pthread_mutex_lock(&relay->lock);
    for (size_t i = 0; i < WAITER_LISTS; i++)
        take_waiters(relay, &relay->waiters[i], VS_ID_NONE, false, true, &woken);
    pthread_mutex_unlock(&relay->lock);
    call_waiters(woken);
}

/* -- contents ------------------------------------------------------------------------------ */

static vs_rc open_segment(struct vs_relay *relay, struct vs_arena *arena,
                          const struct vs_value *where, struct vs_segment_source **ret,
                          struct vs_error *err)
{
    struct vs_location location;
    if (!vs_location_decode(where->bytes, &location))
        return vs_fail(err, VS_E_CORRUPT, NULL, "a document's location cannot be read");
    struct vs_segment_source *source = vs_arena_make(arena, struct vs_segment_source);
    if (source == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_segments_source(relay->segments, location, source, err));
    *ret = source;
    return VS_OK;
}

void vs_content_close(struct vs_content_view *view)
{
    if (view->segment != NULL)
        vs_segment_source_done(view->segment);
    view->segment = NULL;
}

/* The consignment's parts besides the original. */
static vs_rc load_parts(struct vs_relay *relay, struct vs_arena *arena, struct vs_id id,
                        const struct vs_value *v, struct vs_consignment *parts,
                        struct vs_error *err)
{
    const struct vs_evidence *evidence;
    const struct vs_batch *batch;
    struct vs_location seal;
    VS_TRY(
        vs_evidence_load(relay, arena, vs_value_id(&v[VS_DOCUMENT_EVIDENCE]), &evidence, err));
    VS_TRY(vs_evidence_xml(relay, arena, evidence, &parts->evidence, err));
    if (!vs_location_decode(v[VS_DOCUMENT_SEAL].bytes, &seal) ||
        v[VS_DOCUMENT_SEAL_DIGEST].bytes.len != 32 || v[VS_DOCUMENT_DIGEST].bytes.len != 32)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a document's seal cannot be read");
    VS_TRY(vs_segments_read(relay->segments, seal, arena, SEAL_MAX, &parts->seal, err));
    parts->evidence_digest = evidence->digest;
    parts->original_digest = v[VS_DOCUMENT_DIGEST].bytes.ptr;
    parts->seal_digest = v[VS_DOCUMENT_SEAL_DIGEST].bytes.ptr;
    if (v[VS_DOCUMENT_MARKS].integer != VS_SEAL_BATCH || !evidence->marked)
        return VS_OK;
    VS_TRY(vs_batch_get(relay, arena, evidence->batch, &batch, err));
    size_t leaf = vs_batch_find(batch, VS_LEAF_CONSIGNMENT, id);
    if (leaf == SIZE_MAX)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a batch does not hold its consignment");
    return vs_renewal_record(relay, arena, batch, leaf, &parts->record, err);
}

static vs_rc open_consignment(struct vs_relay *relay, struct vs_arena *arena, struct vs_id id,
                              const struct vs_value *v, struct vs_content_view *view,
                              struct vs_error *err)
{
    struct vs_consignment parts = {.name = view->name,
                                   .media_type = view->media_type,
                                   .original = &view->segment->source,
                                   .original_crc32 = (uint32_t)v[VS_DOCUMENT_CRC32].integer};
    char text[VS_ID_TEXT];
    vs_id_text(id, text);
    VS_TRY(load_parts(relay, arena, id, v, &parts, err));
    VS_TRY(vs_consignment_layout(arena, &parts, &view->source, err));
    view->name = vs_arena_printf(arena, "%s.asice", text);
    view->media_type = "application/vnd.etsi.asic-e+zip";
    return view->name == NULL ? vs_fail_memory(err) : VS_OK;
}

/* Before the recipient agreed to take it, it sees that there is something, not what. */
static vs_rc check_open(const struct vs_access *access, struct vs_error *err)
{
    if (access->party != VS_PARTY_RECIPIENT)
        return VS_OK;
    enum vs_delivery_state state =
        (enum vs_delivery_state)access->delivery->values[VS_DELIVERY_STATE].integer;
    VS_REFUSE_IF(!vs_delivery_state_open(state), err, VS_E_STATE, "Art. 26",
                 "its content is not handed over: the delivery is %s",
                 vs_delivery_state_name(state));
    return VS_OK;
}

vs_rc vs_content_of(struct vs_relay *relay, struct vs_arena *arena,
                    const struct vs_row *document, enum vs_content_kind what,
                    struct vs_content_view *ret, struct vs_error *err)
{
    const struct vs_value *v = document->values;
    struct vs_content_view view = {.name = vs_value_text_new(arena, &v[VS_DOCUMENT_NAME]),
                                   .media_type =
                                       vs_value_text_new(arena, &v[VS_DOCUMENT_MEDIA_TYPE])};
    if (view.name == NULL || view.media_type == NULL)
        return vs_fail_memory(err);
    VS_TRY(open_segment(relay, arena, &v[VS_DOCUMENT_ORIGINAL], &view.segment, err));
    vs_rc rc = VS_OK;
    if (what == VS_CONTENT_CONSIGNMENT) {
        rc = open_consignment(relay, arena, vs_value_id(&v[VS_DOCUMENT_ID]), v, &view, err);
    } else {
        view.source = &view.segment->source;
        view.have_digest = v[VS_DOCUMENT_DIGEST].bytes.len == sizeof view.digest;
        if (view.have_digest)
            memcpy(view.digest, v[VS_DOCUMENT_DIGEST].bytes.ptr, sizeof view.digest);
    }
    if (!vs_ok(rc)) {
        vs_content_close(&view);
        return rc;
    }
    *ret = view;
    return VS_OK;
}

vs_rc vs_content_open(struct vs_relay *relay, struct vs_arena *arena,
                      const struct vs_caller *caller, struct vs_id document,
                      enum vs_content_kind what, struct vs_content_view *ret,
                      struct vs_error *err)
{
    struct vs_access access;
    VS_TRY(vs_access_find(relay, arena, caller, document, &access, err));
    if (access.document == NULL)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "a refused document is not kept");
    VS_TRY(check_open(&access, err));
    if (access.party == VS_PARTY_AUDITOR)
        VS_TRY(vs_inspection_check(relay, arena, caller, document, err));
    VS_TRY(vs_content_of(relay, arena, access.document, what, ret, err));
    vs_access_note(relay, caller, document,
                   what == VS_CONTENT_ORIGINAL ? VS_ACCESS_ORIGINAL : VS_ACCESS_CONSIGNMENT);
    ret->complete_is_handover = access.party == VS_PARTY_RECIPIENT;
    return VS_OK;
}

/* -- hand-over ----------------------------------------------------------------------------- */

static vs_rc stage_handover(struct vs_relay *relay, struct vs_job *job,
                            const struct vs_caller *caller, const struct vs_row *delivery,
                            vs_time_ms now, struct vs_error *err)
{
    struct vs_facts *facts = vs_arena_make(job->arena, struct vs_facts);
    struct vs_evidence_file *issued = vs_arena_make(job->arena, struct vs_evidence_file);
    bool found;
    if (facts == NULL || issued == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_facts_load(relay, job->arena,
                         vs_value_id(&delivery->values[VS_DELIVERY_DOCUMENT]), facts, &found,
                         err));
    if (!found)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a delivery's document is not there");
    struct vs_issue issue = {.event = VS_EVENT_CONTENT_HANDOVER,
                             .event_time = now,
                             .recipient = caller->participant,
                             .actor = caller};
    VS_TRY(vs_issue_make(relay, job->arena, facts, &issue, now, issued, err));
    struct vs_stage *stage;
    VS_TRY(vs_stage_new(job, &stage, err));
    VS_TRY(vs_issue_stage(stage, facts, &issue, issued, err));
    struct vs_value *row = vs_stage_row(stage, VS_T_DELIVERY);
    if (row == NULL)
        return vs_fail_memory(err);
    const struct vs_value *old = delivery->values;
    enum vs_delivery_state state = (enum vs_delivery_state)old[VS_DELIVERY_STATE].integer;
    uint64_t set = VS_SET(VS_DELIVERY_HANDED_OVER_AT);
    row[VS_DELIVERY_DOCUMENT] = old[VS_DELIVERY_DOCUMENT];
    row[VS_DELIVERY_RECIPIENT] = old[VS_DELIVERY_RECIPIENT];
    row[VS_DELIVERY_HANDED_OVER_AT] = vs_int(now);
    /* A download after the answer is evidenced but moves nothing. */
    if (vs_transition_find(state, VS_DELIVERY_HANDED_OVER) != NULL) {
        row[VS_DELIVERY_STATE] = vs_int(VS_DELIVERY_HANDED_OVER);
        set |= VS_SET(VS_DELIVERY_STATE);
    }
    VS_TRY(vs_stage_op(stage, vs_op_update(VS_T_DELIVERY, row, set, delivery->version), err));
    struct vs_move move = {.kind = VS_MOVE_TELL,
                           .document = facts->document,
                           .recipient = caller->participant,
                           .sender = facts->sender_id};
    return vs_stage_move(stage, &move, err);
}

static void count_handover(struct vs_relay *relay, void *context)
{
    (void)context;
    vs_relay_count(relay, handed_over, 1);
    vs_relay_count(relay, evidence, 1);
}

vs_rc vs_handover_stage(struct vs_relay *relay, struct vs_job *job,
                        const struct vs_caller *caller, struct vs_id document, vs_time_ms now,
                        struct vs_error *err)
{
    struct vs_access access;
    VS_TRY(vs_access_find(relay, job->arena, caller, document, &access, err));
    if (access.party != VS_PARTY_RECIPIENT)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "the caller is not a recipient of it");
    VS_TRY(check_open(&access, err));
    if (access.delivery->values[VS_DELIVERY_HANDED_OVER_AT].type != VS_NULL)
        return VS_OK; /* the first download is the event */
    VS_TRY(stage_handover(relay, job, caller, access.delivery, now, err));
    vs_stage_after(job->stage, count_handover, NULL);
    return VS_OK;
}
