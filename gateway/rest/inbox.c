#include "gateway/call.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/views.h"
#include <stdatomic.h>

/* A page of the mailbox (or of the sender's events); an empty one may be waited for.
 *
 * A waiting request has two holds: the server's timer owns one, relay's watch the other.
 * Whoever ends the wait takes the other's hold too if it could call it off; each hold is so
 * released once, however timer and watch meet. */

enum { MAX_WAIT_S = 60 };

struct inbox {
    struct vs_waiter watch;
    struct vs_request *request;
    struct vs_relay *relay;
    bool events, waited;
    atomic_bool woken;
    uint64_t limit, wait_s;
};

static vs_rc list(struct vs_request *request, struct vs_error *err);

/* On the committer's thread. */
static void watch_woke(struct vs_waiter *watch)
{
    struct inbox *self = watch->context;
    struct vs_request *request = self->request;
    atomic_store(&self->woken, true);
    if (vs_request_wait_end(request))
        vs_request_release(request);
    vs_request_release(request);
}

static void timer_over(struct vs_request *request)
{
    struct inbox *self = vs_request_state(request);
    if (vs_mailbox_unwatch(self->relay, &self->watch))
        vs_request_release(request);
    vs_request_release(request);
}

static vs_rc wait_for_more(struct inbox *self, int64_t seen, struct vs_error *err)
{
    struct vs_request *request = self->request;
    self->waited = true;
    self->watch = (struct vs_waiter){.participant = vs_caller_of(request)->participant,
                                     .events = self->events,
                                     .seen = seen,
                                     .wake = watch_woke,
                                     .context = self};
    vs_request_then(request, list);
    vs_request_hold(request); /* the timer's */
    vs_request_hold(request); /* the watch's */
    if (!vs_mailbox_watch(self->relay, &self->watch)) {
        vs_request_release(request);
        vs_request_release(request);
        return VS_OK;
    }
    vs_rc rc = vs_request_wait(request, self->wait_s * 1000, timer_over, err);
    if (!vs_ok(rc)) {
        timer_over(request);
        return rc;
    }
    /* Woken before the timer stood in its list: then nobody has called it off. */
    if (atomic_load(&self->woken) && vs_request_wait_end(request))
        vs_request_release(request);
    return VS_OK;
}

static vs_rc run_list(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                      vs_time_ms now, struct vs_error *err)
{
    (void)now;
    struct inbox *self = vs_request_state(request);
    const char *cursor = vs_request_query(request, "cursor");
    struct vs_page page;
    VS_TRY((self->events ? vs_events_list : vs_mailbox_list)(
        relay, job->arena, vs_caller_of(request), cursor == NULL ? "" : cursor,
        (size_t)self->limit, &page, err));
    if (page.n == 0 && self->wait_s > 0 && !self->waited)
        return wait_for_more(self, page.seen, err);
    VS_JSON json;
    vs_json_init(&json);
    vs_view_page(&json, &page);
    return vs_respond_json(request, 200, &json, err);
}

static vs_rc list(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_list, NULL, err);
}

static vs_rc begin(struct vs_request *request, bool events, struct vs_error *err)
{
    if (strcmp(vs_request_accept(request, "application/json text/event-stream"),
               "text/event-stream") == 0)
        return vs_rest_stream(request, events, err);
    struct inbox *self = vs_arena_make(vs_request_arena(request), struct inbox);
    if (self == NULL)
        return vs_fail_memory(err);
    self->request = request;
    self->relay = vs_relay_of(request);
    self->events = events;
    VS_TRY(vs_request_query_only(request, "cursor limit wait", err));
    VS_TRY(vs_request_query_number(request, "limit", 1, 500, 100, &self->limit, err));
    VS_TRY(vs_request_query_number(request, "wait", 0, MAX_WAIT_S, 0, &self->wait_s, err));
    vs_request_set_state(request, self, NULL);
    return list(request, err);
}

vs_rc vs_rest_inbox(struct vs_request *request, struct vs_error *err)
{
    return begin(request, false, err);
}

vs_rc vs_rest_events(struct vs_request *request, struct vs_error *err)
{
    return begin(request, true, err);
}
