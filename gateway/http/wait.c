#include "gateway/http/http_priv.h"

static _Atomic uint64_t *wake_count(struct vs_server *server, const char *topic)
{
    return &server->wakes[vs_crc32c(0, vs_bytes_text(topic)) % WAKE_BUCKETS];
}

uint64_t vs_server_wakes(struct vs_server *server, const char *topic)
{
    return atomic_load(wake_count(server, topic));
}

bool vs_request_woken(const struct vs_request *request)
{
    return request->woken;
}

static void unlink_waiter(struct vs_server *server, struct waiter *waiter)
{
    if (waiter->previous != NULL)
        waiter->previous->next = waiter->next;
    else
        server->waiters = waiter->next;
    if (waiter->next != NULL)
        waiter->next->previous = waiter->previous;
    server->n_waiters--;
}

/* The end of a wait: its work runs as a job; a full queue is answered as busy. */
static void finish(struct waiter *waiter, bool woken)
{
    struct vs_request *request = waiter->request;
    struct vs_error err;
    request->woken = woken;
    if (!vs_ok(vs_request_job(request, waiter->work, &err)))
        vs_respond_problem(request, &err);
    vs_request_release(request);
    vs_heap_free(waiter->topic);
    vs_heap_free(waiter);
}

/* Takes those that `over` says out of the list first: their work may not run under the lock. */
static void finish_some(struct vs_server *server, const char *topic, int64_t now_ms, bool all)
{
    struct waiter *ended = NULL;
    pthread_mutex_lock(&server->lock);
    for (struct waiter *at = server->waiters, *next; at != NULL; at = next) {
        next = at->next;
        bool woken = topic != NULL && strcmp(at->topic, topic) == 0;
        if (!woken && !all && (topic != NULL || at->until_ms > now_ms))
            continue;
        unlink_waiter(server, at);
        at->next = ended;
        ended = at;
    }
    pthread_mutex_unlock(&server->lock);
    while (ended != NULL) {
        struct waiter *next = ended->next;
        finish(ended, topic != NULL);
        ended = next;
    }
}

void vs_server_wake(struct vs_server *server, const char *topic)
{
    atomic_fetch_add(wake_count(server, topic), 1);
    finish_some(server, topic, 0, false);
}

void vs_http_waits_step(struct vs_server *server, bool all)
{
    finish_some(server, NULL, vs_http_monotonic_ms(), all);
}

vs_rc vs_request_wait(struct vs_request *request, const char *topic, uint64_t seen,
                      uint64_t wait_ms, vs_handler *work, struct vs_error *err)
{
    struct vs_server *server = request->server;
    struct waiter *waiter = vs_heap_new(sizeof *waiter);
    *waiter = (struct waiter){.request = request,
                              .work = work,
                              .topic = vs_heap_strdup(topic),
                              .until_ms = vs_http_monotonic_ms() + (int64_t)wait_ms};
    vs_request_hold(request);
    pthread_mutex_lock(&server->lock);
    bool full = server->n_waiters >= server->options.limits.waiting;
    /* A wake since the caller's look, or a stop: do not wait at all. */
    bool late = vs_server_wakes(server, topic) != seen || atomic_load(&server->stopping);
    if (!full && !late) {
        waiter->next = server->waiters;
        if (waiter->next != NULL)
            waiter->next->previous = waiter;
        server->waiters = waiter;
        server->n_waiters++;
    }
    pthread_mutex_unlock(&server->lock);
    if (late) {
        finish(waiter, true);
    } else if (full) {
        vs_heap_free(waiter->topic);
        vs_heap_free(waiter);
        vs_rc rc = vs_fail(err, VS_E_BUSY, NULL, "too many callers wait");
        vs_request_release(request);
        return rc;
    }
    return VS_OK;
}
