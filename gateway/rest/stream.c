/* The mailbox and the sender's events as an event stream (HTML, 9.2: server-sent events).
 *
 * Each entry is one event, its id the cursor after it: a client that lost the connection sends
 * it back as Last-Event-ID and misses nothing. What changes again meanwhile is told as it is
 * then. Between events the connection is suspended; a comment every HEARTBEAT_MS keeps proxies
 * and clients sure of it. The credential is looked at again now and then: a stream ends with
 * the right to it. It ends after an hour in any case; clients come again by themselves. */
#include "gateway/call.h"
#include "gateway/rest/json.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/views.h"
#include "relay/exchange/mailbox.h"
#include <stdatomic.h>
#include <stdio.h>

enum {
    HEARTBEAT_MS = 15000,
    LOOK_AGAIN_MS = 10000,
    LIFE_MS = 3600000,
    PAGE = 50,
    PART_MAX = 1 << 20,
    CURSOR_MAX = 64,
    ROUND_ARENA = 8 << 20,
};
#define TYPE "text/event-stream"

struct stream {
    struct vs_job job; /* the round under way; its arena lives until the next one */
    struct vs_waiter watch;
    struct vs_request *request;
    struct vs_relay *relay;
    bool events;
    atomic_bool woken;
    char cursor[CURSOR_MAX];
    vs_time_ms begun, looked;
};

static void free_stream(void *state)
{
    struct stream *self = state;
    vs_arena_free(self->job.arena);
    vs_heap_free(self);
}

/* -- waiting: the two holds of inbox.c ----------------------------------------------------- */

static void watch_woke(struct vs_waiter *watch)
{
    struct stream *self = watch->context;
    struct vs_request *request = self->request;
    atomic_store(&self->woken, true);
    if (vs_request_wait_end(request))
        vs_request_release(request);
    vs_request_release(request);
}

static void timer_over(struct vs_request *request)
{
    struct stream *self = vs_request_state(request);
    if (vs_mailbox_unwatch(self->relay, &self->watch)) {
        vs_respond_part(request, VS_BYTES_LITERAL(":\n\n"));
        vs_request_release(request);
    }
    vs_request_release(request);
}

static vs_rc wait_for_more(struct stream *self, int64_t seen, struct vs_error *err)
{
    struct vs_request *request = self->request;
    atomic_store(&self->woken, false);
    self->watch = (struct vs_waiter){.participant = vs_caller_of(request)->participant,
                                     .events = self->events,
                                     .seen = seen,
                                     .wake = watch_woke,
                                     .context = self};
    vs_request_hold(request); /* the timer's */
    vs_request_hold(request); /* the watch's */
    if (!vs_mailbox_watch(self->relay, &self->watch)) {
        vs_request_release(request);
        vs_request_release(request);
        return VS_OK;
    }
    vs_rc rc = vs_request_wait(request, HEARTBEAT_MS, timer_over, err);
    if (!vs_ok(rc)) {
        if (vs_mailbox_unwatch(self->relay, &self->watch))
            vs_request_release(request);
        vs_request_release(request);
        return rc;
    }
    /* Woken before the timer stood in its list: then nobody has called it off. */
    if (atomic_load(&self->woken) && vs_request_wait_end(request))
        vs_request_release(request);
    return VS_OK;
}

/* -- one round ----------------------------------------------------------------------------- */

static vs_rc put_entry(struct vs_buffer *part, struct vs_arena *arena,
                       const struct vs_delivery *entry, struct vs_error *err)
{
    const char *cursor = vs_cursor_new(arena, entry->sequence);
    if (cursor == NULL)
        return vs_fail_memory(err);
    VS_JSON json;
    vs_json_init(&json);
    vs_view_delivery(&json, NULL, entry);
    vs_buffer_text(part, "id: ");
    vs_buffer_text(part, cursor);
    vs_buffer_text(part, "\nevent: delivery\ndata: ");
    vs_buffer_add(part, vs_buffer_view(&json.buffer));
    vs_buffer_text(part, "\n\n");
    return VS_OK;
}

static vs_rc put_page(struct stream *self, const struct vs_page *page, struct vs_error *err)
{
    VS_BUFFER part;
    vs_buffer_init(&part, PART_MAX);
    for (size_t i = 0; i < page->n; i++)
        VS_TRY(put_entry(&part, self->job.arena, page->entries[i], err));
    VS_TRY(vs_buffer_check(&part, err));
    vs_respond_part(self->request, vs_buffer_view(&part));
    snprintf(self->cursor, sizeof self->cursor, "%s", page->cursor);
    return VS_OK;
}

static vs_rc run_round(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                       struct vs_error *err)
{
    struct stream *self = job->context;
    struct vs_page page;
    (void)now;
    VS_TRY((self->events ? vs_events_list : vs_mailbox_list)(
        relay, job->arena, vs_caller_of(self->request), self->cursor, PAGE, &page, err));
    return page.n == 0 ? wait_for_more(self, page.seen, err) : put_page(self, &page, err);
}

static void round_done(struct vs_job *job)
{
    struct stream *self = job->context;
    if (!vs_ok(job->rc))
        vs_respond_end(self->request);
    vs_request_release(self->request);
}

/* On the HTTP thread, when all was sent. */
static vs_rc more(struct vs_request *request, struct vs_error *err)
{
    struct stream *self = vs_request_state(request);
    vs_time_ms now = vs_relay_now(self->relay);
    if (now - self->begun > LIFE_MS || now < self->begun) {
        vs_respond_end(request);
        return VS_OK;
    }
    if (now - self->looked > LOOK_AGAIN_MS || now < self->looked) {
        VS_TRY(vs_rest_authenticate(request, err));
        VS_TRY(vs_request_may(request, vs_request_route(request), err));
        self->looked = now;
    }
    vs_arena_free(self->job.arena);
    self->job = (struct vs_job){.arena = vs_arena_new(ROUND_ARENA),
                                .run = run_round,
                                .done = round_done,
                                .context = self};
    if (self->job.arena == NULL)
        return vs_fail_memory(err);
    vs_request_hold(request);
    vs_rc rc = vs_relay_submit_job(self->relay, &self->job, err);
    if (!vs_ok(rc))
        vs_request_release(request);
    return rc;
}

vs_rc vs_rest_stream(struct vs_request *request, bool events, struct vs_error *err)
{
    const char *last = vs_request_header(request, "Last-Event-ID");
    const char *cursor = last != NULL ? last : vs_request_query(request, "cursor");
    VS_TRY(vs_request_query_only(request, "cursor", err));
    if (cursor == NULL)
        cursor = "";
    VS_TRY(vs_cursor_check(cursor, err));
    struct stream *self = vs_heap_new(sizeof *self);
    self->request = request;
    self->relay = vs_relay_of(request);
    self->events = events;
    self->begun = self->looked = vs_relay_now(self->relay);
    snprintf(self->cursor, sizeof self->cursor, "%s", cursor);
    vs_request_set_state(request, self, free_stream);
    vs_respond_parts(request, TYPE, more);
    vs_respond_part(request, VS_BYTES_LITERAL("retry: 2000\n\n"));
    return VS_OK;
}
