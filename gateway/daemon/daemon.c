#include "gateway/daemon/daemon.h"
#include "formats/formats.h"
#include "gateway/call.h"
#include "gateway/daemon/log.h"
#include "gateway/daemon/process.h"
#include "gateway/rest/rest.h"
#include "gateway/routes.h"
#include "gateway/soap/soap.h"
#include "relay/backup.h"
#include "relay/centre/centre.h"
#include "relay/decay.h"
#include "relay/outgoing.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_WORKERS = 256,
    STEP_MS = 250, /* of the server's deadlines; four make a clockwork step */
    WAIT_MS = 1000,
    DECAY_STEPS = 64, /* rows or records between two rests */
    DECAY_REST_MS = 2,
    SETTINGS_BYTES = 1 << 20,
    TLS_BYTES = 4 << 20,
    EXIT_CONFIG = 78,
    EXIT_BROKEN = 70,
};

struct daemon {
    const char *path;
    struct vs_arena *arena; /* of the settings at start, which relay borrows */
    const struct vs_settings *settings;
    struct vs_seams seams;
    struct vs_outgoing *outgoing;
    struct vs_outgoing_many *many; /* of the delivery thread */
    struct vs_gateway gateway;
    pthread_t workers[MAX_WORKERS], committer, marker, delivery, clockwork, decay, backup;
    uint64_t decay_steps; /* of that thread */
    size_t n_workers;
    bool have_threads;
    _Atomic int64_t log_requests;
    atomic_bool stopping;
};

static vs_time_ms now_of(const struct daemon *self)
{
    return self->seams.now_ms(self->seams.context);
}

struct vs_relay_settings vs_daemon_relay_settings(const struct vs_settings *s)
{
    struct vs_relay_settings to = vs_relay_settings_default();
    to.data = s->data;
    to.backup_folder = s->backup_folder[0] != '\0' ? s->backup_folder : NULL;
    to.anchor = s->anchor[0] != '\0' ? s->anchor : NULL;
    to.service_name = s->service_name;
    to.service_identifier = s->service_identifier;
    to.service_country = s->service_country;
    to.service_url = s->service_url;
    to.public_url = s->public_url;
    to.journal_origin = s->journal_origin;
    to.seal_file = s->seal_file[0] != '\0' ? s->seal_file : NULL;
    to.seal_passphrase_file =
        s->seal_passphrase_file[0] != '\0' ? s->seal_passphrase_file : NULL;
    to.evidence_file = s->evidence_file[0] != '\0' ? s->evidence_file : NULL;
    to.evidence_passphrase_file =
        s->evidence_passphrase_file[0] != '\0' ? s->evidence_passphrase_file : NULL;
    to.passphrase_file = s->passphrase_file[0] != '\0' ? s->passphrase_file : NULL;
    to.mark_policy = s->mark_policy == 0 ? VS_MARK_LATER : VS_MARK_WAIT;
    to.mark_bound_ms = s->mark_bound_ms;
    to.tsa_urls = s->tsa_urls.items;
    to.n_tsa_urls = s->tsa_urls.n;
    to.tsa_timeout_ms = s->tsa_timeout_ms;
    to.tls_names = s->tls_names.items;
    to.n_tls_names = s->tls_names.n;
    to.trust_anchors = s->trust_anchors.items;
    to.n_trust_anchors = s->trust_anchors.n;
    to.accredited_anchors = s->accredited_anchors.items;
    to.n_accredited_anchors = s->accredited_anchors.n;
    to.trust_lists = s->trust_lists.items;
    to.n_trust_lists = s->trust_lists.n;
    to.document_max = (uint64_t)s->document_max;
    to.memory_max = (size_t)s->memory_max;
    to.queue_max = (unsigned)s->queue_max;
    to.recipients_max = (unsigned)s->recipients_max;
    to.refusals_per_hour = (unsigned)s->refusals_per_hour;
    to.disk_reserve = (uint64_t)s->disk_reserve;
    to.gather_ms = s->gather_ms;
    to.batch_max = (unsigned)s->batch_max;
    to.state_secrets = s->state_secrets;
    to.batch_marks = s->batch_marks;
    to.clock_back_ms = s->clock_back_ms;
    to.push_first_ms = s->push_first_ms;
    to.push_factor = (unsigned)s->push_factor;
    to.push_cap_ms = s->push_cap_ms;
    to.push_term_ms = s->push_term_ms;
    to.push_stall_ms = s->push_stall_ms;
    to.push_at_once = (unsigned)s->push_at_once;
    to.push_per_host = (unsigned)s->push_per_host;
    return to;
}

static struct vs_server_limits limits_of(const struct vs_settings *s)
{
    return (struct vs_server_limits){
        .document_bytes = (uint64_t)s->document_max,
        .connections = (unsigned)s->connections,
        .connections_per_address = (unsigned)s->connections_per_address,
        .waiting = (unsigned)s->waiting,
        .requests_at_once = (unsigned)s->requests_at_once,
        .requests_per_second = (unsigned)s->requests_per_second,
        .refusals_per_second = (unsigned)s->refusals_per_second,
        .idle_s = (unsigned)(s->idle_ms / 1000),
        .header_s = (unsigned)(s->header_ms / 1000),
        .body_grace_s = (unsigned)(s->body_grace_ms / 1000),
        .minimum_bytes_per_second = (unsigned)s->minimum_rate,
    };
}

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
    VS_LOG_AT(VS_LOG_LOOKED_FOR_DECAY, decay.faults == 0 ? VS_LOG_INFO : VS_LOG_ERROR, now_of(self),
           {"rows", NULL, (int64_t)decay.rows}, {"records", NULL, (int64_t)decay.records},
           {"damaged", NULL, (int64_t)decay.faults});
    return NULL;
}

static void start_thread(pthread_t *thread, void *(*run)(void *), struct daemon *self)
{
    VS_ASSERT(pthread_create(thread, NULL, run, self) == 0);
}

static void start_threads(struct daemon *self)
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

static void join_threads(struct daemon *self)
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

/* ---- the server ------------------------------------------------------------------------- */

/* The log names the route, not the path: ids of documents stand in the store, not in every log.
 */
static void request_ended(void *context, const struct vs_request *request, int status,
                          uint64_t received, bool complete)
{
    struct vs_gateway *gateway = context;
    struct daemon *self = gateway->daemon;
    int64_t wanted = atomic_load_explicit(&self->log_requests, memory_order_relaxed);
    if (wanted < (status >= 500 ? 0 : status >= 400 ? 1 : 2))
        return;
    const struct vs_route *route = vs_request_route(request);
    enum vs_code code = vs_request_failure(request);
    vs_time_ms now = now_of(self);
    VS_LOG(status >= 500 ? VS_LOG_ERROR : VS_LOG_INFO, now, "request",
           {"id", vs_request_id(request), 0}, {"method", vs_request_method(request), 0},
           {"route", route == NULL ? "" : route->path, 0}, {"status", NULL, status},
           {"code", vs_code_info(code)->name, 0}, {"text", vs_request_failure_text(request), 0},
           {"participant", vs_request_scope(request), 0}, {"received", NULL, (int64_t)received},
           {"complete", NULL, complete}, {"ms", NULL, now - vs_request_begun_ms(request)});
}

static vs_time_ms server_now(void *context)
{
    return vs_relay_now(((struct vs_gateway *)context)->relay);
}

static void server_random(void *context, uint8_t *to, size_t len)
{
    const struct vs_seams *seams = vs_relay_seams(((struct vs_gateway *)context)->relay);
    seams->random(seams->context, to, len);
}

/* From the files that the settings name, else as the embedded centre issues it. */
static vs_rc read_tls(struct daemon *self, const struct vs_settings *settings,
                      struct vs_arena *arena, struct vs_bytes *key, struct vs_bytes *chain,
                      struct vs_error *err)
{
    bool named = settings->tls_certificate[0] != '\0';
    VS_REFUSE_IF(named != (settings->tls_key[0] != '\0'), err, VS_E_CONFIG, NULL,
                 "%s: tls.certificate and tls.key go together", self->path);
    if (!named)
        return vs_centre_tls(vs_relay_centre(self->gateway.relay), arena, key, chain, err);
    VS_TRY(vs_process_read(settings->tls_certificate, arena, chain, err));
    return vs_process_read(settings->tls_key, arena, key, err);
}

static vs_rc start_server(struct daemon *self, struct vs_error *err)
{
    const struct vs_settings *s = self->settings;
    VS_ARENA *arena = vs_arena_new(TLS_BYTES);
    struct vs_bytes key = VS_BYTES_NONE, chain = VS_BYTES_NONE;
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(read_tls(self, s, arena, &key, &chain, err));
    VS_BUFFER anchors;
    vs_buffer_init(&anchors, TLS_BYTES);
    vs_certificate_encode_pem(vs_centre_root(vs_relay_centre(self->gateway.relay)), &anchors);
    vs_certificate_encode_pem(vs_centre_authority(vs_relay_centre(self->gateway.relay)),
                              &anchors);
    struct vs_server_options options = {
        .routes = vs_routes,
        .n_routes = vs_n_routes,
        .context = &self->gateway,
        .tls_address = s->tls_address,
        .tls_port = (uint16_t)s->tls_port,
        .plain_address = s->plain_address[0] != '\0' ? s->plain_address : NULL,
        .plain_port = (uint16_t)s->plain_port,
        .threads = (unsigned)s->http_threads,
        .certificate_pem = chain,
        .key_pem = key,
        .client_anchors_pem = vs_buffer_view(&anchors),
        .limits = limits_of(s),
        .authenticate = vs_rest_authenticate,
        .translate = vs_soap_translate,
        .now_ms = server_now,
        .random = server_random,
        .ended = request_ended,
    };
    vs_rc rc = vs_server_start(&options, &self->gateway.server, err);
    vs_wipe((void *)(uintptr_t)key.ptr, key.len);
    return rc;
}

/* ---- start, reload, stop ---------------------------------------------------------------- */

static vs_rc send_out(void *context, struct vs_arena *arena,
                      const struct vs_outgoing_request *request, struct vs_outgoing_answer *ret,
                      struct vs_error *err)
{
    struct daemon *self = context;
    return vs_outgoing_send(self->outgoing, arena, request, ret, err);
}

static void begin_call(void *context, struct vs_outgoing_call *call)
{
    vs_outgoing_many_begin(((struct daemon *)context)->many, call);
}

static void wait_calls(void *context, int64_t wait_ms)
{
    vs_outgoing_many_wait(((struct daemon *)context)->many, wait_ms);
}

static void wake_calls(void *context)
{
    vs_outgoing_many_wake(((struct daemon *)context)->many);
}

static void cancel_call(void *context, struct vs_outgoing_call *call)
{
    vs_outgoing_many_cancel(((struct daemon *)context)->many, call);
}

static const struct vs_seams_many calls = {begin_call, wait_calls, wake_calls, cancel_call};

static vs_rc open_outgoing(struct daemon *self, struct vs_error *err)
{
    struct vs_outgoing_policy policy = {.allowed_ranges = self->settings->outgoing_ranges.items,
                                        .http = self->settings->outgoing_http,
                                        .failed_host_ms = 30 * VS_SECOND_MS,
                                        .user_agent = "vasited"};
    if (self->settings->outgoing_ca_file[0] != '\0')
        policy.ca_file = self->settings->outgoing_ca_file;
    VS_TRY(vs_outgoing_new(&policy, &self->outgoing, err));
    self->seams = vs_seams_real();
    self->seams.context = self;
    self->seams.outgoing = send_out;
    VS_TRY(vs_outgoing_many_new(self->outgoing, &self->many, err));
    self->seams.many = &calls;
    return VS_OK;
}

static vs_rc start(struct daemon *self, struct vs_error *err)
{
    VS_TRY(vs_settings_load(self->path, self->arena, &self->settings, err));
    atomic_store(&self->log_requests, self->settings->log_requests);
    VS_TRY(vs_process_become(self->settings, err));
    VS_TRY(vs_process_harden(self->settings->connections, err));
    VS_TRY(vs_formats_init(err));
    VS_TRY(open_outgoing(self, err));
    struct vs_relay_settings relay = vs_daemon_relay_settings(self->settings);
    VS_TRY(vs_relay_open(&relay, &self->seams, &self->gateway.relay, err));
    self->gateway.daemon = self;
    self->gateway.started = now_of(self);
    start_threads(self);
    return start_server(self, err);
}

static vs_rc reload(struct daemon *self, struct vs_arena *arena, struct vs_error *err)
{
    const struct vs_settings *fresh = NULL;
    VS_TRY(vs_settings_load(self->path, arena, &fresh, err));
    const char *restart = vs_settings_need_restart(self->settings, fresh);
    if (restart != NULL)
        VS_LOG(VS_LOG_NEEDS_RESTART, now_of(self), {"setting", restart, 0});
    struct vs_bytes key = VS_BYTES_NONE, chain = VS_BYTES_NONE;
    VS_TRY(read_tls(self, fresh, arena, &key, &chain, err));
    vs_rc rc = vs_server_reload_tls(self->gateway.server, chain, key, err);
    vs_wipe((void *)(uintptr_t)key.ptr, key.len);
    VS_TRY(rc);
    struct vs_server_limits limits = limits_of(fresh);
    limits.document_bytes = (uint64_t)self->settings->document_max; /* restart */
    vs_server_reload_limits(self->gateway.server, &limits);
    atomic_store(&self->log_requests, fresh->log_requests);
    return VS_OK;
}

static void reload_and_tell(struct daemon *self)
{
    VS_ARENA *arena = vs_arena_new(SETTINGS_BYTES + TLS_BYTES);
    struct vs_error err;
    vs_process_notify("RELOADING=1");
    if (arena != NULL && vs_ok(reload(self, arena, &err)))
        VS_LOG(VS_LOG_RELOADED, now_of(self), {"file", self->path, 0});
    else if (arena != NULL)
        vs_log_error(now_of(self), VS_LOG_RELOAD_REFUSED, &err);
    vs_process_notify("READY=1");
}

/* New work is refused, what is under way finishes, what was promised is durable: then all ends.
 */
static void stop(struct daemon *self)
{
    vs_process_notify("STOPPING=1");
    if (self->gateway.server != NULL)
        vs_server_stop(self->gateway.server, (uint64_t)self->settings->stop_grace_ms);
    atomic_store(&self->stopping, true);
    if (self->gateway.relay != NULL)
        vs_relay_stop(self->gateway.relay);
    join_threads(self);
    vs_relay_close(self->gateway.relay);
    vs_outgoing_many_free(self->many);
    vs_outgoing_free(self->outgoing);
}

static sigset_t signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

/* Until a signal says so (0), or the relay broke (EXIT_BROKEN): then nothing more may be
 * promised, and only a new start finds out what is true. */
static void serve(struct daemon *self)
{
    sigset_t set = signals();
    for (;;) {
        int got = sigtimedwait(&set, NULL, &(struct timespec){.tv_nsec = STEP_MS * 1000000L});
        struct vs_error err;
        if (got == SIGTERM || got == SIGINT)
            return;
        if (got == SIGHUP)
            reload_and_tell(self);
        vs_server_step(self->gateway.server);
        if (!vs_ok(vs_relay_broken(self->gateway.relay, &err))) {
            vs_log_error(now_of(self), VS_LOG_BROKEN, &err);
            /* Not in order: what waits for the committer will never be answered, and must not
             * be. */
            _exit(EXIT_BROKEN);
        }
    }
}

int vs_daemon_run(const char *path)
{
    struct daemon self = {.path = path, .seams = vs_seams_real()};
    struct vs_error err;
    sigset_t set = signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    self.arena = vs_arena_new(SETTINGS_BYTES);
    int status = 1;
    if (self.arena != NULL && vs_ok(start(&self, &err))) {
        VS_LOG(VS_LOG_STARTED, now_of(&self), {"config", path, 0},
               {"tls-port", NULL, vs_server_tls_port(self.gateway.server)},
               {"plain-port", NULL, vs_server_plain_port(self.gateway.server)});
        vs_process_notify("READY=1");
        serve(&self);
        status = 0;
    } else if (self.arena != NULL) {
        vs_log_error(now_of(&self), VS_LOG_START_REFUSED, &err);
        status = err.code == VS_E_CONFIG ? EXIT_CONFIG : 1;
    }
    stop(&self);
    VS_LOG(VS_LOG_STOPPED, now_of(&self), {"status", NULL, status});
    vs_arena_free(self.arena);
    return status;
}
