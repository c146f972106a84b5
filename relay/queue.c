/* The queues between HTTP threads, workers and the committer, and the waits. */
#include "relay/exchange/commit.h"
#include "relay/deliver.h"
#include "relay/exchange/mailbox.h"
#include "relay/relay_priv.h"

enum { SATURATED_GATHER = 8 };

static bool cycle_ready(const struct vs_relay *relay, int64_t now);

static int64_t monotonic(const struct vs_relay *relay)
{
    return relay->seams.monotonic_ms(relay->seams.context);
}

void vs_queue_push(struct vs_job_queue *queue, struct vs_job *job)
{
    job->next = NULL;
    if (queue->last == NULL)
        queue->first = job;
    else
        queue->last->next = job;
    queue->last = job;
    queue->n++;
}

struct vs_job *vs_queue_pop(struct vs_job_queue *queue)
{
    struct vs_job *job = queue->first;
    if (job == NULL)
        return NULL;
    queue->first = job->next;
    if (queue->first == NULL)
        queue->last = NULL;
    queue->n--;
    job->next = NULL;
    return job;
}

vs_rc vs_relay_submit_job(struct vs_relay *relay, struct vs_job *job, struct vs_error *err)
{
    pthread_mutex_lock(&relay->lock);
    vs_rc rc = VS_OK;
    /* Follow-up work counts too: evidence of what was accepted must keep pace with intake. */
    unsigned waiting = relay->jobs.n + relay->background.n;
    if (relay->stopping)
        rc = vs_fail(err, VS_E_STOPPING, NULL, "the service is stopping");
    else if (waiting >= relay->settings.queue_max)
        rc = vs_fail(err, VS_E_BUSY, NULL, "%u jobs are waiting", waiting);
    if (vs_ok(rc)) {
        job->attempt = 0;
        job->background = false;
        vs_queue_push(&relay->jobs, job);
        pthread_cond_signal(&relay->work_cond);
    } else if (rc.code == VS_E_BUSY) {
        vs_relay_count(relay, queue_refusals, 1);
    }
    pthread_mutex_unlock(&relay->lock);
    return rc;
}

void vs_relay_submit_background(struct vs_relay *relay, struct vs_job *job)
{
    pthread_mutex_lock(&relay->lock);
    job->attempt = 0;
    job->background = true;
    vs_queue_push(&relay->background, job);
    pthread_cond_signal(&relay->work_cond);
    pthread_mutex_unlock(&relay->lock);
}

void vs_relay_retry_job(struct vs_relay *relay, struct vs_job *job)
{
    pthread_mutex_lock(&relay->lock);
    job->attempt++;
    vs_queue_push(job->background ? &relay->background : &relay->jobs, job);
    pthread_cond_signal(&relay->work_cond);
    pthread_mutex_unlock(&relay->lock);
}

void vs_relay_break(struct vs_relay *relay, const struct vs_error *err)
{
    pthread_mutex_lock(&relay->lock);
    if (!relay->broken) {
        relay->broken = true;
        relay->broken_error = *err;
    }
    pthread_mutex_unlock(&relay->lock);
}

/* Follow-up work first: it is short, and what it evidences has happened already. */
static struct vs_job *take_job(struct vs_relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    struct vs_job *job = vs_queue_pop(&relay->background);
    if (job == NULL)
        job = vs_queue_pop(&relay->jobs);
    if (job != NULL)
        relay->running++;
    pthread_mutex_unlock(&relay->lock);
    return job;
}

/* Called with the lock held. */
static void stage(struct vs_relay *relay, struct vs_job *job)
{
    if (relay->staged.n == 0)
        relay->staged_since = monotonic(relay);
    if (!job->background && relay->staged_own++ == 0)
        relay->own_since = monotonic(relay);
    vs_queue_push(&relay->staged, job);
}

/* Called with the lock held: the committer need not look at every job, only when a batch begins
 * (its timer starts then) and when one may be ready. */
static void tell_committer(struct vs_relay *relay)
{
    if (relay->staged.n == 1 || relay->staged_own == 1 || relay->stopping ||
        cycle_ready(relay, monotonic(relay)))
        pthread_cond_signal(&relay->commit_cond);
}

void vs_relay_stage_job(struct vs_relay *relay, struct vs_job *job)
{
    VS_ASSERT(job->stage != NULL);
    pthread_mutex_lock(&relay->lock);
    job->background = true;
    stage(relay, job);
    tell_committer(relay);
    pthread_mutex_unlock(&relay->lock);
}

struct vs_job *vs_relay_unstage(struct vs_relay *relay)
{
    struct vs_job *job = vs_queue_pop(&relay->staged);
    relay->staged_own -= job != NULL && !job->background;
    return job;
}

bool vs_relay_work(struct vs_relay *relay, vs_time_ms now)
{
    struct vs_job *job = take_job(relay);
    if (job == NULL)
        return false;
    job->stage = NULL;
    job->error = (struct vs_error){.code = VS_E_NONE};
    job->rc = job->run(relay, job, now, &job->error);
    bool staged = vs_ok(job->rc) && job->stage != NULL;

    pthread_mutex_lock(&relay->lock);
    relay->running--;
    if (staged)
        stage(relay, job);
    /* Also when nothing was staged: the pipeline may have run empty (wait_commit). */
    tell_committer(relay);
    pthread_mutex_unlock(&relay->lock);
    if (!staged)
        job->done(job);
    return true;
}

/* -- waits --------------------------------------------------------------------------------- */

bool vs_relay_wait_on(struct vs_relay *relay, pthread_cond_t *cond, int64_t until_ms)
{
    if (relay->seams.monotonic_ms(relay->seams.context) >= until_ms)
        return false;
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                             .tv_nsec = (long)(until_ms % 1000) * 1000000};
    return pthread_cond_timedwait(cond, &relay->lock, &until) == 0;
}

static bool pipeline_empty(const struct vs_relay *relay)
{
    return relay->jobs.n == 0 && relay->background.n == 0 && relay->running == 0;
}

static bool all_done(const struct vs_relay *relay)
{
    return relay->stopping && !relay->marking && atomic_load(&relay->delivering_now) == 0 &&
           pipeline_empty(relay) && relay->staged.n == 0 &&
           (relay->broken || !atomic_load(&relay->sequence_waiting));
}

bool vs_relay_wait_work(struct vs_relay *relay, int64_t timeout_ms)
{
    int64_t until = relay->seams.monotonic_ms(relay->seams.context) + timeout_ms;
    pthread_mutex_lock(&relay->lock);
    bool go_on = true;
    while (relay->jobs.n == 0 && relay->background.n == 0) {
        go_on = !all_done(relay);
        if (!go_on || !vs_relay_wait_on(relay, &relay->work_cond, until))
            break;
    }
    pthread_mutex_unlock(&relay->lock);
    return go_on;
}

/* -- when a cycle begins ------------------------------------------------------------------- */

/* A lone document commits at once. Others that are on their way are waited for, up to
 * commit.gather: those that are known (bodies arriving, jobs queued or running) and those that
 * may be expected. Clients that were just answered come again, their next request may lie in a
 * socket yet; so, shortly after a cycle, as many are expected as that cycle saw. Follow-up work
 * and sequencing are waited with in the same way: they ride along with the documents. */

/* Jobs from outside that are not staged yet, as far as they are known. */
static unsigned arriving(const struct vs_relay *relay)
{
    return relay->jobs.n + relay->running + atomic_load(&relay->receiving);
}

static int64_t batch_since(const struct vs_relay *relay)
{
    if (relay->staged_own > 0)
        return relay->own_since;
    return relay->staged.n > 0 ? relay->staged_since : relay->cycle_ended;
}

static unsigned expected(const struct vs_relay *relay)
{
    bool stale = batch_since(relay) > relay->cycle_ended + relay->settings.gather_ms;
    return stale || relay->stopping ? 0 : relay->expected;
}

/* Until when the batch may form. Under saturation answers wait for the workers anyway: a longer
 * batch costs nobody time and saves syncs. */
static int64_t gather_end(const struct vs_relay *relay)
{
    unsigned known = relay->staged_own + arriving(relay), more = expected(relay);
    bool saturated =
        relay->staged_own > 0 && (known > more ? known : more) >= relay->settings.batch_max / 4;
    return batch_since(relay) + relay->settings.gather_ms * (saturated ? SATURATED_GATHER : 1);
}

/* Called with the lock held: a full batch; or nobody else is on the way; or it has waited long
 * enough. */
static bool cycle_ready(const struct vs_relay *relay, int64_t now)
{
    bool sequence = atomic_load(&relay->sequence_waiting) && !relay->broken;
    if ((relay->staged.n == 0 && !sequence) || now < relay->commit_backoff)
        return false;
    bool alone = pipeline_empty(relay) && (relay->stopping || arriving(relay) == 0) &&
                 relay->staged_own >= expected(relay);
    return relay->staged_own >= relay->settings.batch_max || alone || now >= gather_end(relay);
}

void vs_relay_cycle_begins(struct vs_relay *relay)
{
    unsigned known = relay->staged_own + arriving(relay);
    relay->expected = known > 1 ? known : 0;
}

void vs_relay_cycle_ended(struct vs_relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    int64_t now = monotonic(relay);
    relay->cycle_ended = now;
    /* What was staged meanwhile begins its batch now. */
    relay->staged_since = relay->own_since = now;
    pthread_mutex_unlock(&relay->lock);
}

bool vs_relay_wait_commit(struct vs_relay *relay, int64_t timeout_ms)
{
    int64_t now = relay->seams.monotonic_ms(relay->seams.context);
    int64_t until = now + timeout_ms;
    pthread_mutex_lock(&relay->lock);
    bool go_on = true;
    for (;;) {
        if (cycle_ready(relay, now))
            break;
        go_on = !all_done(relay);
        bool waits = relay->staged.n > 0 || atomic_load(&relay->sequence_waiting);
        int64_t end = gather_end(relay);
        if (end < relay->commit_backoff)
            end = relay->commit_backoff;
        if (!waits || end > until)
            end = until;
        if (!go_on || (!vs_relay_wait_on(relay, &relay->commit_cond, end) && end == until))
            break;
        now = relay->seams.monotonic_ms(relay->seams.context);
    }
    pthread_mutex_unlock(&relay->lock);
    if (!go_on) /* the others may end too */
        vs_relay_stop(relay);
    return go_on;
}

bool vs_relay_wait_mark(struct vs_relay *relay, int64_t timeout_ms)
{
    int64_t until = relay->seams.monotonic_ms(relay->seams.context) + timeout_ms;
    pthread_mutex_lock(&relay->lock);
    relay->marking = false;
    bool go_on = !all_done(relay);
    while (go_on && !atomic_load(&relay->mark_waiting)) {
        if (!vs_relay_wait_on(relay, &relay->mark_cond, until))
            break;
        go_on = !all_done(relay);
    }
    /* Until it comes back here: it may ask an authority for seconds and stage the mark then. */
    relay->marking = go_on;
    pthread_mutex_unlock(&relay->lock);
    if (!go_on) /* what the others waited for: else each sleeps its time-out through */
        vs_relay_stop(relay);
    return go_on;
}

void vs_relay_wake_committer(struct vs_relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    pthread_cond_signal(&relay->commit_cond);
    pthread_mutex_unlock(&relay->lock);
}

void vs_relay_wake_marker(struct vs_relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    pthread_cond_signal(&relay->mark_cond);
    pthread_mutex_unlock(&relay->lock);
}

void vs_relay_stop(struct vs_relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    relay->stopping = true;
    pthread_cond_broadcast(&relay->work_cond);
    pthread_cond_broadcast(&relay->commit_cond);
    pthread_cond_broadcast(&relay->mark_cond);
    pthread_mutex_unlock(&relay->lock);
    vs_relay_wake_delivery(relay);
    vs_backup_wake(relay);
    vs_mailbox_wake_all(relay);
}

void vs_relay_run_until_idle(struct vs_relay *relay)
{
    for (bool any = true; any;) {
        vs_time_ms now = vs_relay_now(relay);
        any = vs_relay_work(relay, now);
        if (!any)
            any = vs_relay_commit(relay, now);
        if (!any)
            any = vs_relay_mark(relay, now);
        if (!any)
            any = vs_relay_deliver(relay, now);
        if (!any)
            any = vs_relay_clockwork(relay, now);
    }
}
