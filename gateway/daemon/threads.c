#include "gateway/daemon/daemon_priv.h"
#include "relay/backup.h"
#include "relay/decay.h"
#include <time.h>

enum {
    WAIT_MS = 1000,
    DECAY_STEPS = 64, /* rows or records between two rests */
    DECAY_REST_MS = 2,
};

/* ---- threads: each repeats a step of relay until there is nothing left to do ------------ */

static void *work(void *context)
{
    struct daemon *self = context;
    struct vs_relay *relay = self->gateway.relay;
    do
        while (vs_relay_work(relay, now_of(self)))
            ;
    while (vs_relay_wait_work(relay, WAIT_MS));
    return NULL;
}

static void *commit(void *context)
{
    struct daemon *self = context;
    struct vs_relay *relay = self->gateway.relay;
    /* Never twice without the wait: it is what lets a batch form. */
    do
        (void)vs_relay_commit(relay, now_of(self));
    while (vs_relay_wait_commit(relay, WAIT_MS));
    return NULL;
}

static void *mark(void *context)
{
    struct daemon *self = context;
    struct vs_relay *relay = self->gateway.relay;
    do
        while (vs_relay_mark(relay, now_of(self)))
            ;
    while (vs_relay_wait_mark(relay, WAIT_MS));
    return NULL;
}

static void *deliver(void *context)
{
    struct daemon *self = context;
    struct vs_relay *relay = self->gateway.relay;
    do
        while (vs_relay_deliver(relay, now_of(self)))
            ;
    while (vs_relay_wait_deliver(relay, WAIT_MS));
    return NULL;
}

static void tell_backup(const struct daemon *self)
{
    struct vs_backup_progress p;
    vs_backup_progress(self->gateway.relay, &p);
    if (p.state == VS_BACKUP_FAILED)
        VS_LOG(VS_LOG_BACKUP_FAILED, now_of(self), {"id", p.id, 0},
               {"code", vs_code_info(p.error.code)->name, 0}, {"text", p.error.text, 0});
    else if (p.state == VS_BACKUP_DONE)
        VS_LOG(VS_LOG_BACKUP_MADE, now_of(self), {"id", p.id, 0},
               {"files", NULL, (int64_t)p.files}, {"linked", NULL, (int64_t)p.linked},
               {"bytes", NULL, (int64_t)p.bytes}, {"ms", NULL, p.ended - p.began});
}

static void *backup(void *context)
{
    struct daemon *self = context;
    struct vs_relay *relay = self->gateway.relay;
    do {
        bool any = false;
        while (vs_backup_step(relay, now_of(self)))
            any = true;
        if (any)
            tell_backup(self);
    } while (vs_backup_wait(relay, WAIT_MS));
    return NULL;
}

static void *clockwork(void *context)
{
    struct daemon *self = context;
    while (!atomic_load(&self->stopping)) {
        while (vs_relay_clockwork(self->gateway.relay, now_of(self)) &&
               !atomic_load(&self->stopping))
            ;
        for (int i = 0; i < 1000 / STEP_MS && !atomic_load(&self->stopping); i++)
            nanosleep(&(struct timespec){.tv_nsec = STEP_MS * 1000000L}, NULL);
    }
    return NULL;
}

/* ---- a look for decay after the start ---------------- */

static void log_decay(void *context, const char *table, const char *key, const char *text)
{
    VS_LOG(VS_LOG_DAMAGED, now_of(context), {"what", table, 0}, {"where", key, 0},
           {"text", text, 0});
}

/* Slow enough to leave disk and processor to the service. */
static bool pace_decay(void *context)
{
    struct daemon *self = context;
    if (++self->decay_steps % DECAY_STEPS == 0)
        nanosleep(&(struct timespec){.tv_nsec = DECAY_REST_MS * 1000000L}, NULL);
    return !atomic_load(&self->stopping);
}

static void *look_for_decay(void *context)
{
    struct daemon *self = context;
    struct vs_decay decay = {.fault = log_decay, .go_on = pace_decay, .context = self};
    struct vs_error err;
    if (!vs_ok(vs_decay_look(self->gateway.relay, &decay, &err)))
        vs_log_error(now_of(self), VS_LOG_DECAY_STOPPED, &err);
    VS_LOG_AT(VS_LOG_LOOKED_FOR_DECAY, decay.faults == 0 ? VS_LOG_INFO : VS_LOG_ERROR,
              now_of(self), {"rows", NULL, (int64_t)decay.rows},
              {"records", NULL, (int64_t)decay.records},
              {"damaged", NULL, (int64_t)decay.faults});
    return NULL;
}

static void start_thread(pthread_t *thread, void *(*run)(void *), struct daemon *self)
{
    VS_ASSERT(pthread_create(thread, NULL, run, self) == 0);
}

void vs_daemon_start_threads(struct daemon *self)
{
    self->n_workers = (size_t)self->settings->workers;
    for (size_t i = 0; i < self->n_workers; i++)
        start_thread(&self->workers[i], work, self);
    start_thread(&self->committer, commit, self);
    start_thread(&self->marker, mark, self);
    start_thread(&self->delivery, deliver, self);
    start_thread(&self->clockwork, clockwork, self);
    start_thread(&self->decay, look_for_decay, self);
    start_thread(&self->backup, backup, self);
    self->have_threads = true;
}

void vs_daemon_join_threads(struct daemon *self)
{
    if (!self->have_threads)
        return;
    for (size_t i = 0; i < self->n_workers; i++)
        pthread_join(self->workers[i], NULL);
    pthread_join(self->committer, NULL);
    pthread_join(self->marker, NULL);
    pthread_join(self->delivery, NULL);
    pthread_join(self->clockwork, NULL);
    pthread_join(self->decay, NULL);
    pthread_join(self->backup, NULL);
}
