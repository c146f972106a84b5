#include "gateway/http/http_priv.h"

static void unlist(struct vs_server *server, struct waiter *waiter)
{
    if (waiter->previous != NULL)
        waiter->previous->next = waiter->next;
    else
        server->waiters = waiter->next;
    if (waiter->next != NULL)
        waiter->next->previous = waiter->previous;
    waiter->listed = false;
    server->n_waiters--;
}

/* One at a time: `over` may not run under the lock, and once it did the waiter is gone. */
void vs_http_waits_step(struct vs_server *server, bool all)
{
    int64_t now_ms = vs_http_monotonic_ms();
    for (;;) {
        pthread_mutex_lock(&server->lock);
        struct waiter *at = server->waiters;
        while (at != NULL && !all && at->until_ms > now_ms)
            at = at->next;
        if (at != NULL)
            unlist(server, at);
        pthread_mutex_unlock(&server->lock);
        if (at == NULL)
            return;
        at->over(at->request);
    }
}

vs_rc vs_request_wait(struct vs_request *request, uint64_t wait_ms,
                      void (*over)(struct vs_request *), struct vs_error *err)
{
    struct vs_server *server = request->server;
    struct waiter *waiter = &request->waiter;
    VS_ASSERT(!waiter->listed);
    pthread_mutex_lock(&server->lock);
    bool full = server->n_waiters >= server->options.limits.waiting;
    bool stopping = atomic_load(&server->stopping);
    if (!full && !stopping) {
        *waiter = (struct waiter){.request = request,
                                  .over = over,
                                  .until_ms = vs_http_monotonic_ms() + (int64_t)wait_ms,
                                  .next = server->waiters,
                                  .listed = true};
        if (waiter->next != NULL)
            waiter->next->previous = waiter;
        server->waiters = waiter;
        server->n_waiters++;
    }
    pthread_mutex_unlock(&server->lock);
    VS_REFUSE_IF(stopping, err, VS_E_STOPPING, NULL, "the service is stopping");
    VS_REFUSE_IF(full, err, VS_E_BUSY, NULL, "too many callers wait");
    return VS_OK;
}

bool vs_request_wait_end(struct vs_request *request)
{
    struct vs_server *server = request->server;
    pthread_mutex_lock(&server->lock);
    bool listed = request->waiter.listed;
    if (listed)
        unlist(server, &request->waiter);
    pthread_mutex_unlock(&server->lock);
    return listed;
}
