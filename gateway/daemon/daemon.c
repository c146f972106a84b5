#include "gateway/daemon/daemon_priv.h"
#include "formats/crypto/digest.h"
#include "formats/certificate/certificate.h"
#include "formats/formats.h"
#include "gateway/daemon/process.h"
#include "gateway/metrics.h"
#include "gateway/rest/rest.h"
#include "gateway/routes.h"
#include "gateway/soap/soap.h"
#include "relay/centre/centre.h"
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { TLS_BYTES = 4 << 20, CHANGES_BYTES = 16 << 10, EXIT_CONFIG = 78, EXIT_BROKEN = 70 };

/* In the order of the setting's choices. */
static int renewal_digest(int64_t choice)
{
    static const enum vs_digest_algorithm digests[] = {VS_DIGEST_NONE, VS_SHA384, VS_SHA512,
                                                       VS_SHA3_384, VS_SHA3_512};
    VS_ASSERT(choice >= 0 && (size_t)choice < sizeof digests / sizeof *digests);
    return (int)digests[choice];
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
    to.renewal_margin_ms = s->renewal_margin_ms;
    to.renewal_digest = renewal_digest(s->renewal_digest);
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
    to.utc_offset_ms = s->utc_offset_ms;
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
        .uploads_at_once = (unsigned)s->uploads_at_once,
        .volume_per_day = (uint64_t)s->volume_per_day,
        .refusals_per_second = (unsigned)s->refusals_per_second,
        .idle_s = (unsigned)(s->idle_ms / 1000),
        .header_s = (unsigned)(s->header_ms / 1000),
        .body_grace_s = (unsigned)(s->body_grace_ms / 1000),
        .minimum_bytes_per_second = (unsigned)s->minimum_rate,
    };
}

/* ---- the server ------------------------------------------------------------------------- */

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

/* /readyz says how long it is in force. */
static void watch_tls(struct daemon *self, struct vs_bytes chain)
{
    VS_CERTIFICATE *leaf = NULL;
    struct vs_error ignored; /* GnuTLS took it; what we cannot read we say nothing about */
    bool read = vs_ok(vs_certificate_get_pem(chain, &leaf, &ignored));
    atomic_store(&self->gateway.tls_until, read ? leaf->not_after : VS_TIME_NONE);
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
        .ended = vs_daemon_request_ended,
    };
    vs_rc rc = vs_server_start(&options, &self->gateway.server, err);
    vs_wipe((void *)(uintptr_t)key.ptr, key.len);
    if (vs_ok(rc))
        watch_tls(self, chain);
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
    VS_TRY(vs_snapshot_load(self->path, &self->first, err));
    self->current = vs_snapshot_ref(self->first);
    self->settings = self->first->settings;
    VS_TRY(vs_process_become(self->settings, err));
    VS_TRY(vs_daemon_observe_by(self, self->settings, err));
    VS_TRY(vs_process_harden(self->settings->connections, err));
    VS_TRY(vs_formats_init(err));
    VS_TRY(open_outgoing(self, err));
    struct vs_relay_settings relay = vs_daemon_relay_settings(self->settings);
    VS_TRY(vs_relay_open(&relay, &self->seams, &self->gateway.relay, err));
    self->gateway.daemon = self;
    self->gateway.metrics = vs_metrics_new(vs_routes, vs_n_routes);
    self->gateway.log_lost = vs_log_lost;
    self->gateway.started = now_of(self);
    vs_daemon_start_threads(self);
    return start_server(self, err);
}

/* All or nothing: what may be wrong with it is found before anything changes. */
static vs_rc take_snapshot(struct daemon *self, const struct vs_settings *fresh,
                           struct vs_arena *arena, struct vs_error *err)
{
    struct vs_bytes key = VS_BYTES_NONE, chain = VS_BYTES_NONE;
    VS_TRY(read_tls(self, fresh, arena, &key, &chain, err));
    vs_rc rc = vs_server_reload_tls(self->gateway.server, chain, key, err);
    vs_wipe((void *)(uintptr_t)key.ptr, key.len);
    VS_TRY(rc);
    watch_tls(self, chain);
    VS_TRY(vs_daemon_observe_by(self, fresh, err));
    struct vs_server_limits limits = limits_of(fresh);
    limits.document_bytes = (uint64_t)self->settings->document_max; /* restart */
    vs_server_reload_limits(self->gateway.server, &limits);
    return VS_OK;
}

static void tell_changes(const struct daemon *self, const struct vs_settings *old,
                         const struct vs_settings *fresh)
{
    VS_BUFFER taken, waiting;
    vs_buffer_init(&taken, CHANGES_BYTES);
    vs_buffer_init(&waiting, CHANGES_BYTES);
    (void)vs_settings_changed(old, fresh, true, &taken);
    size_t n = vs_settings_changed(self->settings, fresh, false, &waiting);
    vs_buffer_byte(&taken, '\0');
    vs_buffer_byte(&waiting, '\0');
    if (taken.failed || waiting.failed)
        return;
    VS_LOG(VS_LOG_RELOADED, now_of(self), {"file", self->path, 0},
           {"changed", (const char *)taken.ptr, 0});
    if (n > 0)
        VS_LOG(VS_LOG_NEEDS_RESTART, now_of(self), {"settings", (const char *)waiting.ptr, 0});
}

static void reload(struct daemon *self)
{
    VS_ARENA *arena = vs_arena_new(TLS_BYTES);
    struct vs_snapshot *fresh = NULL;
    struct vs_error err = {.code = VS_E_NOMEM, .text = "out of memory"};
    vs_process_notify("RELOADING=1");
    if (arena != NULL && vs_ok(vs_snapshot_load(self->path, &fresh, &err)) &&
        vs_ok(take_snapshot(self, fresh->settings, arena, &err))) {
        tell_changes(self, self->current->settings, fresh->settings);
        vs_snapshot_unref(self->current);
        self->current = fresh;
        vs_daemon_resolve_overrides(self, true);
    } else {
        vs_log_error(now_of(self), VS_LOG_RELOAD_REFUSED, &err);
        vs_snapshot_unref(fresh);
    }
    vs_process_notify("READY=1");
}

static void reopen_log(struct daemon *self)
{
    const struct vs_settings *s = self->current->settings;
    struct vs_error err;
    if (vs_ok(vs_log_open(s->log_file, (enum vs_log_level)s->log_level, &err)))
        VS_LOG(VS_LOG_LOG_REOPENED, now_of(self), {"file", s->log_file, 0});
    else
        vs_log_error(now_of(self), VS_LOG_RELOAD_REFUSED, &err);
}

/* New work is refused, what is under way finishes, what was promised is durable: then all ends.
 */
static void stop(struct daemon *self)
{
    vs_process_notify("STOPPING=1");
    if (self->gateway.server != NULL)
        vs_server_stop(self->gateway.server, (uint64_t)self->current->settings->stop_grace_ms);
    atomic_store(&self->stopping, true);
    if (self->gateway.relay != NULL)
        vs_relay_stop(self->gateway.relay);
    vs_daemon_join_threads(self);
    vs_relay_close(self->gateway.relay);
    vs_outgoing_many_free(self->many);
    vs_outgoing_free(self->outgoing);
    vs_metrics_free(self->gateway.metrics);
}

static sigset_t signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
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
            reload(self);
        if (got == SIGUSR1)
            reopen_log(self);
        vs_daemon_watch_health(self);
        vs_daemon_resolve_overrides(self, false);
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
    atomic_store(&self.gateway.tls_until, VS_TIME_NONE);
    int status = 1;
    if (vs_ok(start(&self, &err))) {
        VS_LOG(VS_LOG_STARTED, now_of(&self), {"config", path, 0},
               {"tls-port", NULL, vs_server_tls_port(self.gateway.server)},
               {"plain-port", NULL, vs_server_plain_port(self.gateway.server)});
        vs_daemon_resolve_overrides(&self, true);
        vs_process_notify("READY=1");
        serve(&self);
        status = 0;
    } else {
        vs_log_error(now_of(&self), VS_LOG_START_REFUSED, &err);
        status = err.code == VS_E_CONFIG ? EXIT_CONFIG : 1;
    }
    stop(&self);
    VS_LOG(VS_LOG_STOPPED, now_of(&self), {"status", NULL, status});
    vs_snapshot_unref(self.first);
    vs_snapshot_unref(self.current);
    return status;
}
