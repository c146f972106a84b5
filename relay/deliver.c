#include "relay/deliver.h"
#include "relay/exchange/notify.h"
#include "relay/relay_priv.h"
#include <stdio.h>

#define SLOT_ARENA  ((size_t)16 << 20)
#define SCAN_ARENA  ((size_t)32 << 20)
#define SCAN_PAGE   256
#define SCAN_PAGES  8
#define LEASE_MS    (70 * VS_MINUTE_MS) /* longer than any exchange may take */
#define SETTLE_MS   1000
#define RESCAN_MS   250
#define POSTPONE_MS (30 * VS_SECOND_MS)
#define STOP_MS     (5 * VS_SECOND_MS)
#define HOST_MAX    264

enum state { FREE, PREPARING, READY, UNDER_WAY, ENDED, SETTLING, SETTLED };

struct slot {
    _Atomic int state; /* PREPARING and SETTLING belong to the job, others to the thread */
    struct vs_job job;
    struct vs_relay *relay;
    const struct vs_remote_kind *kind;
    struct vs_remote remote;
    struct vs_outgoing_call call;
    char host[HOST_MAX];
    int64_t settle_at; /* monotonic: not before, after a failure */
};

struct vs_delivering {
    struct slot *slots;
    unsigned n;
    unsigned first_kind; /* kinds take turns in being served first */
    int64_t scan_at;     /* monotonic: all that is due is for hosts that are busy */
    bool crowded;        /* the last scan was long: not one for each wake */
    int64_t stopping_at; /* monotonic; 0: not yet */
};

static int64_t monotonic(const struct vs_relay *relay)
{
    return relay->seams.monotonic_ms(relay->seams.context);
}

/* -- when again ---------------------------------------------------------------------------- */

vs_time_ms vs_remote_again(struct vs_relay *relay, int64_t attempts, uint32_t retry_after_s,
                           vs_time_ms now, vs_time_ms end)
{
    const struct vs_relay_settings *s = &relay->settings;
    int64_t wait = s->push_first_ms;
    for (int64_t i = 1; i < attempts && wait < s->push_cap_ms; i++)
        wait *= s->push_factor;
    if (wait > s->push_cap_ms)
        wait = s->push_cap_ms;
    uint8_t random[4];
    relay->seams.random(relay->seams.context, random, sizeof random);
    wait = wait / 2 + (int64_t)(vs_get_u32(random) % (uint64_t)(wait - wait / 2 + 1));
    int64_t asked = (int64_t)retry_after_s * VS_SECOND_MS;
    if (asked > s->push_cap_ms)
        asked = s->push_cap_ms;
    if (wait < asked)
        wait = asked;
    return now + wait > end && now < end ? end : now + wait;
}

bool vs_remote_in_vain(int status)
{
    return status == 410 || status == 413 || status == 415 || status == 422 || status == 451;
}

/* -- one slot ------------------------------------------------------------------------------ */

static void set_state(struct slot *slot, enum state state)
{
    atomic_store(&slot->state, (int)state);
}

static void free_slot(struct slot *slot)
{
    if (slot->remote.release != NULL)
        slot->remote.release(slot->remote.state);
    vs_arena_free(slot->remote.arena);
    slot->remote = (struct vs_remote){.work = NULL};
    slot->call = (struct vs_outgoing_call){.done = false};
    atomic_fetch_sub(&slot->relay->delivering_now, 1);
    set_state(slot, FREE);
}

static vs_rc run_prepare(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                         struct vs_error *err)
{
    struct slot *slot = job->context;
    return slot->kind->prepare(relay, &slot->remote, now, err);
}

static void prepare_done(struct vs_job *job)
{
    struct slot *slot = job->context;
    struct vs_remote *remote = &slot->remote;
    remote->rc = job->rc;
    if (!vs_ok(job->rc)) {
        remote->error = job->error;
        remote->send = false;
    }
    set_state(slot, READY);
    vs_relay_wake_delivery(slot->relay);
}

static vs_rc run_settle(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                        struct vs_error *err)
{
    struct slot *slot = job->context;
    bool held;
    VS_TRY(vs_due_held(relay, job->arena, slot->remote.work, &held, err));
    return held ? slot->kind->settle(relay, job, &slot->remote, now, err) : VS_OK;
}

/* A result that could not be kept for the moment is kept here (3). */
static void settle_done(struct vs_job *job)
{
    struct slot *slot = job->context;
    const struct vs_error *why = &job->error;
    bool again = !vs_ok(job->rc) && (vs_code_info(job->rc.code)->class == VS_CLASS_TEMPORARY ||
                                     why->code == VS_E_DISK_FULL || why->code == VS_E_NOMEM);
    if (!vs_ok(job->rc))
        vs_relay_count(slot->relay, due_failed, 1);
    slot->settle_at = monotonic(slot->relay) + SETTLE_MS;
    set_state(slot, again && job->rc.code != VS_E_STOPPING ? ENDED : SETTLED);
    vs_relay_wake_delivery(slot->relay);
}

static void submit(struct slot *slot, enum state state,
                   vs_rc (*run)(struct vs_relay *, struct vs_job *, vs_time_ms,
                                struct vs_error *),
                   void (*done)(struct vs_job *))
{
    slot->job =
        (struct vs_job){.arena = slot->remote.arena, .run = run, .done = done, .context = slot};
    set_state(slot, state);
    vs_relay_submit_background(slot->relay, &slot->job);
}

static void end_exchange(struct slot *slot)
{
    struct vs_remote *remote = &slot->remote;
    remote->rc = slot->call.rc;
    remote->answer = slot->call.answer;
    remote->error = slot->call.error;
    remote->ended = vs_relay_now(slot->relay);
    set_state(slot, ENDED);
}

static void begin_exchange(struct slot *slot)
{
    const struct vs_seams *seams = &slot->relay->seams;
    struct vs_outgoing_call *call = &slot->call;
    slot->remote.ended = vs_relay_now(slot->relay);
    if (!slot->remote.send) {
        set_state(slot, ENDED);
        return;
    }
    *call =
        (struct vs_outgoing_call){.request = slot->remote.request, .arena = slot->remote.arena};
    set_state(slot, UNDER_WAY);
    if (seams->many != NULL) {
        seams->many->begin(seams->context, call);
    } else {
        call->rc = seams->outgoing == NULL
                       ? vs_fail(&call->error, VS_E_NETWORK, NULL, "nothing goes out")
                       : seams->outgoing(seams->context, call->arena, &call->request,
                                         &call->answer, &call->error);
        call->done = true;
    }
    if (call->done)
        end_exchange(slot);
}

/* As far as it can go now; whether it went. */
static bool move_slot(struct slot *slot)
{
    switch ((enum state)atomic_load(&slot->state)) {
    case READY:
        begin_exchange(slot);
        return true;
    case UNDER_WAY:
        if (slot->call.done)
            end_exchange(slot);
        return slot->call.done;
    case ENDED:
        if (monotonic(slot->relay) < slot->settle_at)
            return false;
        submit(slot, SETTLING, run_settle, settle_done);
        return true;
    case SETTLED:
        free_slot(slot);
        slot->relay->delivering->scan_at = 0;
        return true;
    case FREE:
    case PREPARING:
    case SETTLING:
        break;
    }
    return false;
}

/* -- taking -------------------------------------------------------------------------------- */

struct scan {
    struct vs_relay *relay;
    const struct vs_remote_kind *kind;
    struct vs_arena *arena;
    vs_time_ms now;
    struct vs_row *chosen; /* room for `free` */
    const char **hosts;    /* of each */
    size_t n_chosen, free;
    struct vs_row *busy; /* whose host has enough */
    size_t n_busy;
    bool whole; /* the scan saw all that is due */
};

static bool host_is_busy(const struct scan *scan, const char *host)
{
    const struct vs_delivering *d = scan->relay->delivering;
    unsigned n = 0, most = scan->relay->settings.push_per_host;
    for (unsigned i = 0; i < d->n; i++)
        n += atomic_load(&d->slots[i].state) != FREE && strcmp(d->slots[i].host, host) == 0;
    for (size_t i = 0; i < scan->n_chosen; i++)
        n += strcmp(scan->hosts[i], host) == 0;
    return n >= most;
}

static vs_rc look_at_row(struct scan *scan, const struct vs_row *row, struct vs_error *err)
{
    const struct vs_due *work;
    const char *host = "";
    if (row->corrupt)
        return VS_OK;
    VS_TRY(vs_due_from_row(scan->arena, row, &work, err));
    if (!vs_ok(scan->kind->host(scan->relay, scan->arena, work, &host, err)))
        host = ""; /* prepare meets the same failure and settles it */
    if (strlen(host) >= HOST_MAX)
        host = "";
    if (host[0] != '\0' && host_is_busy(scan, host)) {
        scan->busy[scan->n_busy++] = *row;
        return VS_OK;
    }
    scan->chosen[scan->n_chosen] = *row;
    scan->hosts[scan->n_chosen++] = host;
    return VS_OK;
}

static vs_rc scan_rows(struct scan *scan, struct vs_error *err)
{
    struct vs_value equal = vs_text(scan->kind->name), high = vs_int(scan->now);
    struct vs_value after[2];
    for (unsigned page = 0; page < SCAN_PAGES && !scan->whole; page++) {
        struct vs_query query = {.table = VS_T_WORK,
                                 .index = VS_WORK_BY_DUE,
                                 .equal = &equal,
                                 .n_equal = 1,
                                 .high = &high,
                                 .after = page == 0 ? NULL : after,
                                 .n_after = page == 0 ? 0 : 2,
                                 .tolerate = true,
                                 .limit = SCAN_PAGE};
        const struct vs_row *rows;
        size_t n;
        VS_TRY(vs_store_select(scan->relay->store, scan->arena, &query, &rows, &n, err));
        for (size_t i = 0; i < n; i++) {
            if (scan->n_chosen == scan->free)
                return VS_OK;
            VS_TRY(look_at_row(scan, &rows[i], err));
        }
        scan->whole = n < SCAN_PAGE;
        if (n > 0) {
            after[0] = rows[n - 1].values[VS_WORK_DUE];
            after[1] = rows[n - 1].values[VS_WORK_ID];
        }
    }
    return VS_OK;
}

/* More is due to busy hosts than a scan sees: it steps aside, so that the rest is seen. */
static vs_rc step_aside(struct scan *scan, struct vs_error *err)
{
    struct vs_item *items = vs_arena_make_n(scan->arena, struct vs_item, scan->n_busy);
    struct vs_op *ops = vs_arena_make_n(scan->arena, struct vs_op, scan->n_busy);
    struct vs_value *values =
        vs_arena_make_n(scan->arena, struct vs_value, scan->n_busy * VS_WORK_COLUMNS);
    if (items == NULL || ops == NULL || values == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < scan->n_busy; i++) {
        struct vs_value *row = values + i * VS_WORK_COLUMNS;
        row[VS_WORK_ID] = scan->busy[i].values[VS_WORK_ID];
        row[VS_WORK_DUE] = vs_int(scan->now + POSTPONE_MS);
        ops[i] = vs_op_update(VS_T_WORK, row, VS_SET(VS_WORK_DUE), scan->busy[i].version);
        items[i] = (struct vs_item){.ops = &ops[i], .n_ops = 1};
    }
    return vs_store_commit(scan->relay->store, items, scan->n_busy, err);
}

static struct slot *free_slot_of(struct vs_delivering *d)
{
    for (unsigned i = 0; i < d->n; i++)
        if (atomic_load(&d->slots[i].state) == FREE)
            return &d->slots[i];
    vs_bug(__FILE__, __LINE__, "a slot is free for each row that was chosen");
}

static vs_rc fill_slot(struct vs_relay *relay, const struct vs_remote_kind *kind,
                       const struct vs_row *row, const char *host, struct vs_error *err)
{
    struct slot *slot = free_slot_of(relay->delivering);
    struct vs_arena *arena = vs_arena_new(SLOT_ARENA);
    if (arena == NULL)
        return vs_fail_memory(err);
    slot->remote = (struct vs_remote){.arena = arena};
    vs_rc rc = vs_due_from_row(arena, row, &slot->remote.work, err);
    if (!vs_ok(rc)) {
        vs_arena_free(arena);
        return rc;
    }
    slot->relay = relay;
    slot->kind = kind;
    slot->settle_at = 0;
    snprintf(slot->host, sizeof slot->host, "%s", host);
    atomic_fetch_add(&relay->delivering_now, 1);
    vs_relay_count(relay, due_taken, 1);
    submit(slot, PREPARING, run_prepare, prepare_done);
    return VS_OK;
}

/* The host of a leased row: leasing leaves out what changed meanwhile. */
static const char *host_of(const struct scan *scan, const struct vs_row *row)
{
    size_t i = 0;
    while (i + 1 < scan->n_chosen &&
           vs_value_compare(&scan->chosen[i].values[VS_WORK_ID], &row->values[VS_WORK_ID]) != 0)
        i++;
    return scan->hosts[i];
}

static vs_rc take_chosen(struct scan *scan, size_t *ret, struct vs_error *err)
{
    struct vs_relay *relay = scan->relay;
    struct vs_lease lease = {.kind = scan->kind->name,
                             .node = relay->node,
                             .now = scan->now,
                             .until = scan->now + LEASE_MS};
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_lease_rows(relay->store, scan->arena, &lease, scan->chosen, scan->n_chosen,
                               &rows, &n, err));
    for (size_t i = 0; i < n; i++)
        VS_TRY(fill_slot(relay, scan->kind, &rows[i], host_of(scan, &rows[i]), err));
    *ret = n;
    return VS_OK;
}

static vs_rc take_kind(struct vs_relay *relay, const struct vs_remote_kind *kind,
                       vs_time_ms now, size_t most, size_t *ret, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(SCAN_ARENA);
    struct scan scan = {.relay = relay, .kind = kind, .arena = arena, .now = now, .free = most};
    *ret = 0;
    if (arena == NULL)
        return vs_fail_memory(err);
    scan.chosen = vs_arena_make_n(arena, struct vs_row, most);
    scan.hosts = vs_arena_make_n(arena, const char *, most);
    scan.busy = vs_arena_make_n(arena, struct vs_row, (size_t)SCAN_PAGE * SCAN_PAGES);
    if (scan.chosen == NULL || scan.hosts == NULL || scan.busy == NULL)
        return vs_fail_memory(err);
    VS_TRY(scan_rows(&scan, err));
    relay->delivering->crowded |= scan.n_busy > SCAN_PAGE;
    if (scan.n_chosen > 0)
        VS_TRY(take_chosen(&scan, ret, err));
    if (!scan.whole && scan.n_chosen < scan.free && scan.n_busy > 0)
        VS_TRY(step_aside(&scan, err));
    return VS_OK;
}

static bool may_take(struct vs_relay *relay, vs_time_ms now)
{
    pthread_mutex_lock(&relay->lock);
    bool may = !relay->broken && !relay->stopping;
    pthread_mutex_unlock(&relay->lock);
    return may && !vs_relay_clock_wrong(relay, now);
}

/* No kind takes all: a quarter stays for the others, as far as they want it. */
static bool take(struct vs_relay *relay, vs_time_ms now)
{
    struct vs_delivering *d = relay->delivering;
    unsigned kinds = 0;
    size_t n = 0, any = 0;
    struct vs_error err;
    if (monotonic(relay) < d->scan_at || !may_take(relay, now))
        return false;
    d->crowded = false;
    while (relay->remote_kinds[kinds].name != NULL)
        kinds++;
    for (unsigned k = 0; k < kinds; k++) {
        size_t left = d->n - (size_t)atomic_load(&relay->delivering_now);
        size_t kept = k + 1 < kinds ? left / 4 : 0;
        if (left - kept == 0)
            continue;
        const struct vs_remote_kind *kind = &relay->remote_kinds[(d->first_kind + k) % kinds];
        if (!vs_ok(take_kind(relay, kind, now, left - kept, &n, &err))) {
            vs_relay_count(relay, due_failed, 1);
            if (vs_store_poisoned(relay->store))
                vs_relay_break(relay, &err);
        }
        any += n;
    }
    d->first_kind = kinds == 0 ? 0 : (d->first_kind + 1) % kinds;
    if (any == 0)
        d->scan_at = monotonic(relay) + RESCAN_MS;
    return any > 0;
}

/* -- the step ------------------------------------------------------------------------------ */

bool vs_relay_deliver(struct vs_relay *relay, vs_time_ms now)
{
    struct vs_delivering *d = relay->delivering;
    const struct vs_seams *seams = &relay->seams;
    bool any = false;
    if (seams->many != NULL && atomic_load(&relay->delivering_now) > 0)
        seams->many->wait(seams->context, 0);
    for (unsigned i = 0; i < d->n; i++)
        any |= move_slot(&d->slots[i]);
    if (may_take(relay, now) && vs_events_step(relay, now))
        d->scan_at = 0;
    if ((size_t)atomic_load(&relay->delivering_now) < d->n)
        any |= take(relay, now);
    return any;
}

void vs_relay_wake_delivery(struct vs_relay *relay)
{
    const struct vs_seams *seams = &relay->seams;
    pthread_mutex_lock(&relay->lock);
    relay->deliver_woken = true;
    pthread_cond_signal(&relay->deliver_cond);
    pthread_mutex_unlock(&relay->lock);
    if (seams->many != NULL)
        seams->many->wake(seams->context);
}

/* While stopping, what is under way has a moment to end; the rest is repeated after the next
 * start, with the same delivery id (1). */
static bool may_go_on(struct vs_relay *relay)
{
    struct vs_delivering *d = relay->delivering;
    pthread_mutex_lock(&relay->lock);
    bool stopping = relay->stopping;
    pthread_mutex_unlock(&relay->lock);
    if (!stopping)
        return true;
    if (d->stopping_at == 0)
        d->stopping_at = monotonic(relay);
    return atomic_load(&relay->delivering_now) > 0 &&
           monotonic(relay) - d->stopping_at < STOP_MS;
}

static void give_up(struct vs_relay *relay)
{
    struct vs_delivering *d = relay->delivering;
    const struct vs_seams *seams = &relay->seams;
    for (unsigned i = 0; i < d->n; i++) {
        struct slot *slot = &d->slots[i];
        int state = atomic_load(&slot->state);
        if (state == UNDER_WAY && seams->many != NULL)
            seams->many->cancel(seams->context, &slot->call);
        if (state == UNDER_WAY || state == READY || state == ENDED || state == SETTLED)
            free_slot(slot);
    }
}

bool vs_relay_wait_deliver(struct vs_relay *relay, int64_t timeout_ms)
{
    const struct vs_seams *seams = &relay->seams;
    struct vs_delivering *d = relay->delivering;
    bool under_way = false;
    for (unsigned i = 0; i < d->n; i++)
        under_way |= atomic_load(&d->slots[i].state) == UNDER_WAY;
    pthread_mutex_lock(&relay->lock);
    if (!relay->deliver_woken && !(under_way && seams->many != NULL))
        (void)vs_relay_wait_on(relay, &relay->deliver_cond, monotonic(relay) + timeout_ms);
    bool woken = relay->deliver_woken;
    relay->deliver_woken = false;
    pthread_mutex_unlock(&relay->lock);
    if (woken && !d->crowded)
        d->scan_at = 0;
    if (woken)
        timeout_ms = 0;
    if (under_way && seams->many != NULL)
        seams->many->wait(seams->context, timeout_ms);
    if (may_go_on(relay))
        return true;
    give_up(relay);
    /* What a worker still prepares or settles comes back; the workers wait for it to. */
    return atomic_load(&relay->delivering_now) > 0;
}

/* -- life ---------------------------------------------------------------------------------- */

vs_rc vs_deliver_open(struct vs_relay *relay, struct vs_error *err)
{
    struct vs_delivering *d = vs_heap_new(sizeof *d);
    relay->delivering = d;
    d->n = relay->settings.push_at_once;
    d->slots = vs_heap_new(d->n * sizeof *d->slots);
    for (unsigned i = 0; i < d->n; i++)
        d->slots[i].relay = relay;
    VS_TRY(vs_events_open(relay, err));
    if (relay->settings.inspect)
        return VS_OK;
    vs_time_ms now = vs_relay_now(relay);
    for (const struct vs_remote_kind *kind = relay->remote_kinds; kind->name != NULL; kind++)
        VS_TRY(vs_due_release(relay, kind->name, LEASE_MS, now, err));
    return VS_OK;
}

void vs_deliver_close(struct vs_relay *relay)
{
    struct vs_delivering *d = relay->delivering;
    vs_events_close(relay);
    if (d == NULL)
        return;
    give_up(relay);
    vs_heap_free(d->slots);
    vs_heap_free(d);
    relay->delivering = NULL;
}
