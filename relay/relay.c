#include "relay/archive/access_record.h"
#include "relay/archive/renewal.h"
#include "relay/archive/retention.h"
#include "relay/centre/centre.h"
#include "relay/deliver.h"
#include "relay/exchange/cache.h"
#include "relay/exchange/follow.h"
#include "relay/exchange/sequence.h"
#include "relay/journal.h"
#include "relay/relay_priv.h"
#include "relay/seal/authority.h"
#include "relay/seal/key_files.h"
#include "relay/seal/keys.h"
#include "relay/trust/anchors.h"
#include "relay/seal/seal.h"
#include "relay/verification.h"
#include <errno.h>

#define PASSPHRASE_BYTES 32
#define PASSPHRASE_MAX   4096
#define OPEN_ARENA       ((size_t)1 << 20)
#define CLOCKWORK_MS     1000
#define CENTRE_MS        60000

struct vs_relay_settings vs_relay_settings_default(void)
{
    return (struct vs_relay_settings){
        .service_name = "Vasite",
        .service_identifier = "voen:0000000000",
        .service_country = "AZ",
        .service_url = "https://127.0.0.1:8443",
        .journal_origin = "vasite.local/journal",
        .public_url = "http://127.0.0.1:8080",
        .mark_policy = VS_MARK_LATER,
        .mark_bound_ms = 24 * VS_HOUR_MS,
        .renewal_margin_ms = 90 * VS_DAY_MS,
        .tsa_timeout_ms = 5 * VS_SECOND_MS,
        .document_max = UINT64_C(2) << 30,
        .memory_max = (size_t)1 << 20,
        .queue_max = 1024,
        .recipients_max = 100,
        .refusals_per_hour = 1000,
        .disk_reserve = UINT64_C(256) << 20,
        .gather_ms = 20,
        .batch_max = 128,
        .utc_offset_ms = 4 * VS_HOUR_MS,
        .clock_back_ms = 2 * VS_SECOND_MS,
        .push_first_ms = 30 * VS_SECOND_MS,
        .push_factor = 2,
        .push_cap_ms = VS_HOUR_MS,
        .push_term_ms = 3 * VS_DAY_MS,
        .push_stall_ms = 30 * VS_SECOND_MS,
        .push_at_once = 64,
        .push_per_host = 4,
    };
}

vs_time_ms vs_relay_now(const struct vs_relay *relay)
{
    return relay->seams.now_ms(relay->seams.context);
}

const struct vs_relay_settings *vs_relay_settings_of(const struct vs_relay *relay)
{
    return &relay->settings;
}

const struct vs_seams *vs_relay_seams(const struct vs_relay *relay)
{
    return &relay->seams;
}

/* -- open ---------------------------------------------------------------------------------- */

static void init_lock(struct vs_relay *relay)
{
    pthread_condattr_t monotonic;
    pthread_mutex_init(&relay->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&relay->work_cond, &monotonic);
    pthread_cond_init(&relay->commit_cond, &monotonic);
    pthread_cond_init(&relay->mark_cond, &monotonic);
    pthread_cond_init(&relay->deliver_cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static vs_rc make_folder(const char *path, struct vs_error *err)
{
    int failed = vs_fileops_real.make_folder(vs_fileops_real.context, path);
    return failed != 0 && failed != EEXIST ? vs_fail_file(err, failed, "make", path) : VS_OK;
}

/* A store that a restore has not finished is no store. */
static vs_rc check_restored(struct vs_relay *relay, struct vs_arena *arena,
                            struct vs_error *err)
{
    const char *path = vs_arena_printf(arena, "%s/" VS_RESTORE_MARKER, relay->settings.data);
    bool there;
    if (path == NULL)
        return vs_fail_memory(err);
    int failed = vs_fileops_real.exists(vs_fileops_real.context, path, &there);
    if (failed != 0)
        return vs_fail_file(err, failed, "look for", path);
    if (there && relay->settings.restart == NULL)
        return vs_fail(err, VS_E_RESTORE, NULL, "%s is there", path);
    return VS_OK;
}

static vs_rc open_storage(struct vs_relay *relay, struct vs_arena *arena, struct vs_error *err)
{
    const char *data = relay->settings.data;
    struct vs_store_options options = {.path = vs_arena_printf(arena, "%s/vasite.db", data)};
    struct vs_segments_options segments = {.folder = data};
    if (options.path == NULL)
        return vs_fail_memory(err);
    VS_TRY(make_folder(data, err));
    VS_TRY(check_restored(relay, arena, err));
    if (relay->settings.memory)
        VS_TRY(vs_store_open_memory(NULL, &relay->store, err));
    else
        VS_TRY(vs_store_open(&options, &relay->store, err));
    segments.store = relay->store;
    return vs_segments_open(&segments, &relay->segments, err);
}

/* Made at the first start where the operator names none: random, readable by us alone. */
static vs_rc own_passphrase(struct vs_relay *relay, struct vs_arena *arena,
                            struct vs_bytes *ret, struct vs_error *err)
{
    const char *folder = vs_arena_printf(arena, "%s/keys", relay->settings.data);
    const char *path = vs_arena_printf(arena, "%s/keys/passphrase", relay->settings.data);
    uint8_t secret[PASSPHRASE_BYTES];
    if (folder == NULL || path == NULL)
        return vs_fail_memory(err);
    VS_TRY(make_folder(folder, err));
    vs_rc rc = vs_file_read(&vs_fileops_real, path, arena, PASSPHRASE_MAX, ret, err);
    if (rc.code != VS_E_NOT_FOUND)
        return rc;
    relay->seams.random(relay->seams.context, secret, sizeof secret);
    char *hex = vs_hex_new(arena, VS_BYTES(secret, sizeof secret));
    vs_wipe(secret, sizeof secret);
    if (hex == NULL)
        return vs_fail_memory(err);
    *ret = vs_bytes_text(hex);
    return vs_file_replace(&vs_fileops_real, path, *ret, err);
}

static vs_rc read_passphrase_file(const char *path, struct vs_arena *arena,
                                  struct vs_bytes *ret, struct vs_error *err)
{
    VS_TRY(vs_file_read(&vs_fileops_real, path, arena, PASSPHRASE_MAX, ret, err));
    while (ret->len > 0 && (ret->ptr[ret->len - 1] == '\n' || ret->ptr[ret->len - 1] == '\r'))
        ret->len--;
    if (ret->len == 0)
        return vs_fail(err, VS_E_KEY, NULL, "the passphrase file is empty");
    return VS_OK;
}

/* A client certificate that the centre suspends or revokes is refused from then on. */
static void register_changed(void *context)
{
    vs_callers_forget(context);
}

static vs_rc read_passphrase(struct vs_relay *relay, struct vs_arena *arena,
                             struct vs_bytes *ret, struct vs_error *err)
{
    const char *path = relay->settings.passphrase_file;
    return path == NULL ? own_passphrase(relay, arena, ret, err)
                        : read_passphrase_file(path, arena, ret, err);
}

static vs_rc load_outside_key(struct vs_relay *relay, enum vs_purpose purpose, const char *path,
                              const char *passphrase_path, struct vs_arena *arena,
                              struct vs_error *err)
{
    struct vs_bytes passphrase = VS_BYTES_NONE;
    if (path == NULL)
        return VS_OK;
    if (passphrase_path != NULL)
        VS_TRY(read_passphrase_file(passphrase_path, arena, &passphrase, err));
    vs_rc rc = vs_keys_load(relay->keys, purpose, path, passphrase, vs_relay_now(relay), err);
    if (passphrase.len > 0)
        vs_wipe((void *)(uintptr_t)passphrase.ptr, passphrase.len);
    return rc;
}

/* What the settings name is there before the centre, which makes only what is missing. */
static vs_rc open_keys(struct vs_relay *relay, struct vs_arena *arena, struct vs_error *err)
{
    const struct vs_relay_settings *s = &relay->settings;
    relay->keys = vs_keys_new();
    VS_TRY(load_outside_key(relay, VS_PURPOSE_SEAL, s->seal_file, s->seal_passphrase_file,
                            arena, err));
    return load_outside_key(relay, VS_PURPOSE_EVIDENCE, s->evidence_file,
                            s->evidence_passphrase_file, arena, err);
}

static vs_rc open_centre(struct vs_relay *relay, struct vs_arena *arena, struct vs_error *err)
{
    static const char *const local[] = {"localhost", "127.0.0.1"};
    const struct vs_relay_settings *s = &relay->settings;
    struct vs_centre_settings settings = {
        .folder = vs_arena_printf(arena, "%s/centre", s->data),
        .public_url = s->public_url,
        .name = s->service_name,
        .identifier = s->service_identifier,
        .country = s->service_country,
        .tls_names = s->n_tls_names > 0 ? s->tls_names : local,
        .n_tls_names = s->n_tls_names > 0 ? s->n_tls_names : 2,
        .key_kind = VS_GENERATE_P256,
        .changed = register_changed,
        .changed_context = relay};
    if (settings.folder == NULL)
        return vs_fail_memory(err);
    VS_TRY(read_passphrase(relay, arena, &settings.passphrase, err));
    vs_rc rc = vs_centre_open(&settings, &relay->seams, relay->store, relay->keys,
                              &relay->centre, err);
    vs_wipe((void *)(uintptr_t)settings.passphrase.ptr, settings.passphrase.len);
    return rc;
}

static vs_rc open_authority(struct vs_relay *relay, struct vs_error *err)
{
    const struct vs_relay_settings *s = &relay->settings;
    struct vs_authority_settings settings = {.urls = s->tsa_urls,
                                             .n_urls = s->n_tsa_urls,
                                             .timeout_ms = (int)s->tsa_timeout_ms,
                                             .seams = &relay->seams};
    VS_TRUST *trust = vs_trust_new();
    if (s->n_tsa_urls == 0) {
        settings.embedded = vs_centre_tsa_embedded;
        settings.embedded_context = relay->centre;
    } else {
        VS_TRY(vs_trust_load(trust, s, err));
        VS_REFUSE_IF(vs_trust_count(trust) == 0, err, VS_E_CONFIG, NULL,
                     "time_marks.authorities: what their certificates chain to must be trusted "
                     "(trust.anchors)");
        settings.trust = trust;
    }
    relay->authority = vs_authority_new(&settings);
    return relay->authority == NULL ? vs_fail_memory(err) : VS_OK;
}

/* The journal comes before the sweep: with an old copy of the rows the anchor stops the start,
 * before anything newer is swept away. */
static vs_rc open_order(struct vs_relay *relay, struct vs_error *err)
{
    struct vs_journal_options options = {.store = relay->store,
                                         .keys = relay->keys,
                                         .origin = relay->settings.journal_origin,
                                         .anchor = relay->settings.anchor,
                                         .inspect = relay->settings.inspect,
                                         .restart = relay->settings.restart};
    VS_TRY(vs_journal_open(&options, &relay->journal, err));
    /* An inspected store may be an old copy of the rows beside newer bytes: nothing is swept.
     */
    if (!relay->settings.inspect)
        VS_TRY(vs_segments_sweep(relay->segments, err));
    VS_TRY(vs_sequencer_open(relay, err));
    if (relay->settings.restart != NULL)
        VS_TRY(vs_relay_restart_log(relay, relay->settings.restart, err));
    return vs_marker_open(relay, err);
}

/* Idempotency and repetition look back to the first month that has rows. */
static vs_rc find_first_month(struct vs_relay *relay, struct vs_arena *arena,
                              struct vs_error *err)
{
    static const enum vs_table_id tables[] = {VS_T_IDEMPOTENCY, VS_T_REPETITION};
    atomic_store(&relay->first_month, INT64_MAX);
    for (size_t i = 0; i < 2; i++) {
        /* A damaged row stops nobody else's work; its key column still says a month. */
        struct vs_query query = {.table = tables[i], .tolerate = true, .limit = 1};
        const struct vs_row *rows;
        size_t n;
        VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
        if (n > 0 && rows[0].values[0].integer < atomic_load(&relay->first_month))
            atomic_store(&relay->first_month, rows[0].values[0].integer);
    }
    return VS_OK;
}

static void look_at_disk(struct vs_relay *relay)
{
    uint64_t free_bytes;
    int failed =
        vs_fileops_real.free_bytes(vs_fileops_real.context, relay->settings.data, &free_bytes);
    if (failed == 0)
        atomic_store(&relay->disk_free, free_bytes);
}

static vs_rc open_all(struct vs_relay *relay, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(OPEN_ARENA);
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(open_storage(relay, arena, err));
    VS_TRY(open_keys(relay, arena, err));
    VS_TRY(open_centre(relay, arena, err));
    VS_TRY(open_authority(relay, err));
    VS_TRY(vs_sealer_open(relay, err));
    VS_TRY(find_first_month(relay, arena, err));
    VS_TRY(open_order(relay, err));
    VS_TRY(vs_retention_open(relay, err));
    VS_TRY(vs_renewal_open(relay, err));
    VS_TRY(vs_due_open(relay, err));
    VS_TRY(vs_deliver_open(relay, err));
    VS_TRY(vs_verification_open(relay, &relay->verification, err));
    look_at_disk(relay);
    return VS_OK;
}

vs_rc vs_relay_open(const struct vs_relay_settings *settings, const struct vs_seams *seams,
                    struct vs_relay **ret, struct vs_error *err)
{
    struct vs_relay *relay = vs_heap_new(sizeof *relay);
    relay->settings = *settings;
    relay->seams = *seams;
    relay->due_kinds = settings->due_kinds == NULL ? vs_due_kinds : settings->due_kinds;
    relay->remote_kinds =
        settings->remote_kinds == NULL ? vs_remote_kinds : settings->remote_kinds;
    atomic_store(&relay->oldest_unmarked, VS_TIME_NONE);
    atomic_store(&relay->disk_free, UINT64_MAX);
    init_lock(relay);
    relay->parties = vs_party_cache_new();
    relay->accesses = vs_access_notes_new();
    relay->backup = vs_backup_new();
    vs_health_open(relay);
    vs_rc rc = open_all(relay, err);
    if (!vs_ok(rc)) {
        vs_relay_close(relay);
        return rc;
    }
    *ret = relay;
    return VS_OK;
}

/* -- close --------------------------------------------------------------------------------- */

static void end_queue(struct vs_job_queue *queue)
{
    for (struct vs_job *job; (job = vs_queue_pop(queue)) != NULL;) {
        job->rc = vs_fail(&job->error, VS_E_STOPPING, NULL, "the service has stopped");
        job->done(job);
    }
}

void vs_relay_close(struct vs_relay *relay)
{
    if (relay == NULL)
        return;
    relay->stopping = true;
    end_queue(&relay->jobs);
    end_queue(&relay->staged);
    relay->staged_own = 0;
    end_queue(&relay->background);
    if (relay->store != NULL && !relay->broken && !relay->settings.inspect)
        vs_access_flush(relay);
    vs_deliver_close(relay);
    vs_backup_close(relay);
    vs_verification_close(relay->verification);
    vs_marker_close(relay);
    vs_sequencer_close(relay);
    vs_journal_close(relay->journal);
    vs_sealer_close(relay);
    vs_authority_free(relay->authority);
    vs_centre_close(relay->centre);
    vs_keys_free(relay->keys);
    vs_segments_close(relay->segments);
    vs_store_close(relay->store);
    vs_party_cache_free(relay->parties);
    vs_access_notes_free(relay->accesses);
    pthread_cond_destroy(&relay->work_cond);
    pthread_cond_destroy(&relay->commit_cond);
    pthread_cond_destroy(&relay->mark_cond);
    pthread_cond_destroy(&relay->deliver_cond);
    pthread_mutex_destroy(&relay->lock);
    vs_heap_free(relay);
}

/* -- clockwork ----------------------------------------------------------------------------- */

bool vs_relay_clock_wrong(struct vs_relay *relay, vs_time_ms now)
{
    return now + relay->settings.clock_back_ms < atomic_load(&relay->last_event);
}

/* What is due, more of it at once while there is more. */
static bool take_due(struct vs_relay *relay, vs_time_ms now)
{
    relay->due_again = !vs_relay_clock_wrong(relay, now) && vs_due_step(relay, now);
    return relay->due_again;
}

bool vs_relay_clockwork(struct vs_relay *relay, vs_time_ms now)
{
    int64_t moment = relay->seams.monotonic_ms(relay->seams.context);
    if (moment < relay->clockwork_at)
        return relay->due_again && take_due(relay, now);
    relay->clockwork_at = moment + CLOCKWORK_MS;
    look_at_disk(relay);
    vs_retention_step(relay, now);
    /* A record of a doubted time would outlast the clock's error: what was noted waits. */
    if (!vs_retention_clock_view(relay, now).doubted)
        vs_access_step(relay);
    vs_health_look(relay, now, moment);
    struct vs_error err;
    bool did = take_due(relay, now);
    if (atomic_load(&relay->follow_failed) && atomic_load(&relay->following) == 0)
        did |= vs_ok(vs_follow_recover(relay, &err)) && atomic_load(&relay->following) > 0;
    if (atomic_load(&relay->unmarked) > 0)
        vs_marker_retry(relay);
    vs_centre_tsa_stop(relay->centre, vs_relay_clock_wrong(relay, now));
    if (moment >= relay->centre_at) {
        relay->centre_at = moment + CENTRE_MS;
        /* A failure here shows in what the centre answers; it is tried again in a minute. */
        if (!vs_ok(vs_centre_step(relay->centre, now, &err)))
            relay->centre_at = moment + CLOCKWORK_MS;
    }
    return did;
}

/* -- how it is ----------------------------------------------------------------------------- */

vs_rc vs_relay_broken(const struct vs_relay *relay, struct vs_error *err)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&relay->lock;
    pthread_mutex_lock(lock);
    vs_rc rc = VS_OK;
    if (relay->broken)
        rc = vs_fail(err, relay->broken_error.code, NULL, "%s", relay->broken_error.text);
    pthread_mutex_unlock(lock);
    return rc;
}

static bool marks_overdue(struct vs_relay *relay, vs_time_ms now)
{
    vs_time_ms oldest = atomic_load(&relay->oldest_unmarked);
    return oldest != VS_TIME_NONE && now - oldest > relay->settings.mark_bound_ms;
}

static bool disk_short(struct vs_relay *relay)
{
    return atomic_load(&relay->disk_free) < relay->settings.disk_reserve;
}

void vs_relay_health(struct vs_relay *relay, vs_time_ms now, struct vs_relay_health *ret)
{
    struct vs_relay_health health = {.disk_short = disk_short(relay),
                                     .clock_wrong = vs_relay_clock_wrong(relay, now),
                                     .marks_overdue = marks_overdue(relay, now),
                                     .disk_free = atomic_load(&relay->disk_free),
                                     .unmarked = atomic_load(&relay->unmarked),
                                     .oldest_unmarked = atomic_load(&relay->oldest_unmarked),
                                     .journal_size = vs_journal_size(relay->journal)};
    pthread_mutex_lock(&relay->lock);
    health.broken = relay->broken;
    health.stopping = relay->stopping;
    pthread_mutex_unlock(&relay->lock);
    health.ready = !health.broken && !health.stopping && !health.disk_short &&
                   !atomic_load(&relay->anchor_behind) && !health.clock_wrong &&
                   !health.marks_overdue;
    *ret = health;
}

vs_rc vs_relay_intake(struct vs_relay *relay, vs_time_ms now, struct vs_error *err)
{
    struct vs_error why;
    struct vs_relay_health health;
    vs_relay_health(relay, now, &health);
    if (health.broken && !vs_ok(vs_relay_broken(relay, &why)))
        return vs_fail(err, why.code, NULL, "%s", why.text);
    if (health.stopping)
        return vs_fail(err, VS_E_STOPPING, NULL, "the service is stopping");
    if (health.disk_short)
        return vs_fail(err, VS_E_DISK_FULL, NULL, "less than the reserve of %llu MiB is free",
                       (unsigned long long)(relay->settings.disk_reserve >> 20));
    if (atomic_load(&relay->anchor_behind))
        return vs_fail(err, VS_E_DISK_FULL, NULL, "the journal's anchor cannot be written");
    VS_REFUSE_IF(health.clock_wrong, err, VS_E_CLOCK, "Art. 28.1",
                 "the clock is behind the newest record");
    VS_REFUSE_IF(health.marks_overdue, err, VS_E_TSA_AWAY, "Art. 28.1",
                 "evidence waits for its time mark beyond the bound");
    return VS_OK;
}

void vs_relay_counters(struct vs_relay *relay, struct vs_relay_counters *ret)
{
    struct vs_relay_atomics *from = &relay->counters;
    *ret = (struct vs_relay_counters){.accepted = atomic_load(&from->accepted),
                                      .refused = atomic_load(&from->refused),
                                      .replayed = atomic_load(&from->replayed),
                                      .held = atomic_load(&from->held),
                                      .acknowledged = atomic_load(&from->acknowledged),
                                      .handed_over = atomic_load(&from->handed_over),
                                      .cycles = atomic_load(&from->cycles),
                                      .items = atomic_load(&from->items),
                                      .rows = atomic_load(&from->rows),
                                      .conflicts = atomic_load(&from->conflicts),
                                      .segment_syncs = atomic_load(&from->segment_syncs),
                                      .store_commits = vs_store_counters(relay->store).commits,
                                      .written_bytes = atomic_load(&from->written_bytes),
                                      .largest_batch = atomic_load(&from->largest_batch),
                                      .evidence = atomic_load(&from->evidence),
                                      .batches_marked = atomic_load(&from->batches_marked),
                                      .mark_failures = atomic_load(&from->mark_failures),
                                      .queue_refusals = atomic_load(&from->queue_refusals),
                                      .due_taken = atomic_load(&from->due_taken),
                                      .due_failed = atomic_load(&from->due_failed)};
    pthread_mutex_lock(&relay->lock);
    ret->jobs_waiting = relay->jobs.n + relay->background.n;
    ret->staged_waiting = relay->staged.n;
    pthread_mutex_unlock(&relay->lock);
}
