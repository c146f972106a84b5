#include "relay/health.h"
#include "formats/certificate/certificate.h"
#include "relay/deliver.h"
#include "relay/due.h"
#include "relay/journal.h"
#include "relay/relay_priv.h"
#include "relay/seal/keys.h"
#include "relay/verification.h"
#include <stdarg.h>
#include <stdio.h>

enum { LOOK_MS = 10000, LOOK_ARENA = 1 << 20 };

const char *vs_check_state_text(enum vs_check_state state)
{
    static const char *const texts[] = {"ok", "warn", "fail"};
    return texts[state];
}

/* -- checks ------------------------------------------------------------------------------- */

struct checking {
    struct vs_health_check *list;
    size_t n;
};

static struct vs_health_check *add(struct checking *c, const char *name)
{
    VS_ASSERT(c->n < VS_HEALTH_CHECKS);
    struct vs_health_check *check = &c->list[c->n++];
    *check = (struct vs_health_check){.name = name, .unit = ""};
    return check;
}

static void value(struct vs_health_check *check, int64_t number, const char *unit)
{
    check->has_value = true;
    check->value = number;
    check->unit = unit;
}

static void say(struct vs_health_check *check, enum vs_check_state state, enum vs_code code,
                const char *fmt, ...) VS_PRINTF(4, 5);
static void say(struct vs_health_check *check, enum vs_check_state state, enum vs_code code,
                const char *fmt, ...)
{
    va_list args;
    check->state = state;
    check->code = state == VS_CHECK_FAIL ? code : VS_E_NONE;
    va_start(args, fmt);
    vsnprintf(check->text, sizeof check->text, fmt, args);
    va_end(args);
}

void vs_health_certificate(const char *name, vs_time_ms not_after, vs_time_ms now,
                           const struct vs_health_bounds *bounds, struct vs_health_check *ret)
{
    int64_t left = not_after - now;
    *ret = (struct vs_health_check){.name = name};
    value(ret, left, "ms");
    if (left < 0)
        say(ret, VS_CHECK_FAIL, VS_E_KEY, "the certificate's term has ended");
    else if (left < bounds->certificate_fail_ms)
        say(ret, VS_CHECK_FAIL, VS_E_KEY, "the certificate ends in %lld hours",
            (long long)(left / VS_HOUR_MS));
    else if (left < bounds->certificate_warn_ms)
        say(ret, VS_CHECK_WARN, VS_E_NONE, "the certificate ends in %lld days",
            (long long)(left / VS_DAY_MS));
}

static void check_store(struct checking *c, const struct vs_relay_health *h)
{
    struct vs_health_check *store = add(c, "store");
    if (h->broken)
        say(store, VS_CHECK_FAIL, VS_E_IO, "a commit failed and its outcome is unknown");
    struct vs_health_check *stopping = add(c, "stopping");
    if (h->stopping)
        say(stopping, VS_CHECK_FAIL, VS_E_STOPPING, "the service is stopping");
}

static void check_disk(struct checking *c, const struct vs_relay *relay,
                       const struct vs_relay_health *h, uint64_t warn)
{
    struct vs_health_check *disk = add(c, "disk");
    uint64_t mib = h->disk_free >> 20;
    value(disk, h->disk_free > INT64_MAX ? INT64_MAX : (int64_t)h->disk_free, "bytes");
    if (h->disk_short)
        say(disk, VS_CHECK_FAIL, VS_E_DISK_FULL, "%llu MiB are free, %llu are the reserve",
            (unsigned long long)mib, (unsigned long long)(relay->settings.disk_reserve >> 20));
    else if (h->disk_free < warn)
        say(disk, VS_CHECK_WARN, VS_E_NONE, "%llu MiB are free", (unsigned long long)mib);
    struct vs_health_check *anchor = add(c, "anchor");
    if (atomic_load(&relay->anchor_behind))
        say(anchor, VS_CHECK_FAIL, VS_E_DISK_FULL, "the journal's anchor cannot be written");
    else if (relay->settings.anchor == NULL)
        say(anchor, VS_CHECK_WARN, VS_E_NONE, "no journal.anchor: an old store is not noticed");
}

static void check_moments(struct checking *c, const struct vs_relay *relay,
                          const struct vs_relay_health *h, vs_time_ms now, int64_t warn)
{
    struct vs_health_check *clock = add(c, "clock");
    if (h->clock_wrong)
        say(clock, VS_CHECK_FAIL, VS_E_CLOCK, "the clock is behind the newest record");
    struct vs_health_check *marks = add(c, "marks");
    int64_t age = h->oldest_unmarked == VS_TIME_NONE ? 0 : now - h->oldest_unmarked;
    value(marks, age, "ms");
    if (h->marks_overdue)
        say(marks, VS_CHECK_FAIL, VS_E_TSA_AWAY,
            "%llu batches wait for a time mark, the oldest for %lld minutes",
            (unsigned long long)h->unmarked, (long long)(age / VS_MINUTE_MS));
    else if (age > warn && relay->settings.mark_bound_ms > warn)
        say(marks, VS_CHECK_WARN, VS_E_NONE,
            "%llu batches wait for a time mark, the oldest for %lld minutes",
            (unsigned long long)h->unmarked, (long long)(age / VS_MINUTE_MS));
}

static void check_queue(struct checking *c, struct vs_relay *relay)
{
    struct vs_relay_counters counters;
    struct vs_health_check *queue = add(c, "queue");
    vs_relay_counters(relay, &counters);
    value(queue, (int64_t)counters.jobs_waiting, "jobs");
    if (counters.jobs_waiting * 10 >= (uint64_t)relay->settings.queue_max * 9)
        say(queue, VS_CHECK_WARN, VS_E_NONE, "%llu jobs wait, %u at most",
            (unsigned long long)counters.jobs_waiting, relay->settings.queue_max);
}

static void check_lists(struct checking *c, const struct vs_relay *relay, vs_time_ms now,
                        int64_t warn)
{
    vs_time_ms until = vs_verification_lists_until(relay->verification);
    if (until == VS_TIME_NONE)
        return;
    struct vs_health_check *lists = add(c, "trust-lists");
    value(lists, until - now, "ms");
    /* A list that was not followed in time is doubtful, but what it granted stays granted
     * (TS 119 612, 5.3.15): the operator decides. */
    if (until < now)
        say(lists, VS_CHECK_WARN, VS_E_NONE, "a trusted list is %lld hours overdue",
            (long long)((now - until) / VS_HOUR_MS));
    else if (until - now < warn)
        say(lists, VS_CHECK_WARN, VS_E_NONE, "a trusted list must be renewed in %lld hours",
            (long long)((until - now) / VS_HOUR_MS));
}

size_t vs_relay_terms(struct vs_relay *relay, struct vs_term ret[VS_TERMS])
{
    size_t n = 0;
    for (int p = 0; p < VS_PURPOSES; p++) {
        struct vs_certificate *const *chain;
        if (vs_keys_chain(relay->keys, (enum vs_purpose)p, &chain) > 0)
            ret[n++] =
                (struct vs_term){vs_purpose_name((enum vs_purpose)p), chain[0]->not_after};
    }
    return n;
}

static void check_certificates(struct checking *c, struct vs_relay *relay, vs_time_ms now,
                               const struct vs_health_bounds *bounds)
{
    static const struct {
        const char *purpose, *name;
    } names[] = {{"seal", "certificate-seal"}, {"evidence", "certificate-evidence"},
                 {"tsa", "certificate-tsa"},   {"ocsp", "certificate-ocsp"},
                 {"ca", "certificate-ca"},     {"root", "certificate-root"}};
    struct vs_term terms[VS_TERMS];
    size_t n = vs_relay_terms(relay, terms);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < sizeof names / sizeof *names; j++)
            if (vs_text_equal(terms[i].purpose, names[j].purpose))
                vs_health_certificate(names[j].name, terms[i].not_after, now, bounds,
                                      add(c, names[j].name));
}

size_t vs_relay_checks(struct vs_relay *relay, vs_time_ms now,
                       const struct vs_health_bounds *bounds, struct vs_health_check *ret)
{
    struct checking c = {.list = ret};
    struct vs_relay_health health;
    vs_relay_health(relay, now, &health);
    check_store(&c, &health);
    check_disk(&c, relay, &health, bounds->disk_warn);
    check_moments(&c, relay, &health, now, bounds->marks_warn_ms);
    check_queue(&c, relay);
    check_lists(&c, relay, now, bounds->list_warn_ms);
    check_certificates(&c, relay, now, bounds);
    return c.n;
}

/* -- backlogs ----------------------------------------------------------------------------- */

static vs_rc look_at_kind(struct vs_relay *relay, const char *kind, vs_time_ms now,
                          struct vs_backlog *ret, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(LOOK_ARENA);
    struct vs_value equal = vs_text(kind), high = vs_int(now);
    struct vs_query query = {.table = VS_T_WORK,
                             .index = VS_WORK_BY_DUE,
                             .equal = &equal,
                             .n_equal = 1,
                             .high = &high,
                             .tolerate = true,
                             .limit = 1};
    const struct vs_row *rows;
    size_t n;
    if (arena == NULL)
        return vs_fail_memory(err);
    *ret = (struct vs_backlog){.kind = kind, .oldest = VS_TIME_NONE};
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    if (n == 0)
        return VS_OK;
    ret->oldest = rows[0].values[VS_WORK_DUE].integer;
    query.limit = VS_BACKLOG_MOST;
    return vs_store_count(relay->store, &query, &ret->due, err);
}

void vs_health_look(struct vs_relay *relay, vs_time_ms now, int64_t moment)
{
    if (moment < relay->health_at)
        return;
    relay->health_at = moment + LOOK_MS;
    struct vs_backlog found[VS_BACKLOGS];
    struct vs_error ignored; /* what cannot be read keeps its last value */
    size_t n = 0;
    bool whole = true;
    for (const struct vs_due_kind *k = relay->due_kinds; k->name != NULL && n < VS_BACKLOGS;
         k++)
        whole = vs_ok(look_at_kind(relay, k->name, now, &found[n++], &ignored)) && whole;
    for (const struct vs_remote_kind *k = relay->remote_kinds;
         k->name != NULL && n < VS_BACKLOGS; k++)
        whole = vs_ok(look_at_kind(relay, k->name, now, &found[n++], &ignored)) && whole;
    if (!whole)
        return;
    pthread_mutex_lock(&relay->lock);
    memcpy(relay->backlogs, found, n * sizeof *found);
    relay->n_backlogs = n;
    pthread_mutex_unlock(&relay->lock);
}

size_t vs_relay_backlogs(struct vs_relay *relay, struct vs_backlog ret[VS_BACKLOGS])
{
    pthread_mutex_lock(&relay->lock);
    size_t n = relay->n_backlogs;
    memcpy(ret, relay->backlogs, n * sizeof *ret);
    pthread_mutex_unlock(&relay->lock);
    return n;
}

/* -- cycles ------------------------------------------------------------------------------- */

static const uint64_t cycle_ms_bounds[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000};
static const uint64_t cycle_jobs_bounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};

void vs_health_open(struct vs_relay *relay)
{
    relay->cycle_ms.bounds = cycle_ms_bounds;
    relay->cycle_ms.n = sizeof cycle_ms_bounds / sizeof *cycle_ms_bounds;
    relay->cycle_jobs.bounds = cycle_jobs_bounds;
    relay->cycle_jobs.n = sizeof cycle_jobs_bounds / sizeof *cycle_jobs_bounds;
}

const struct vs_histogram *vs_relay_cycle_ms(const struct vs_relay *relay)
{
    return &relay->cycle_ms;
}

const struct vs_histogram *vs_relay_cycle_jobs(const struct vs_relay *relay)
{
    return &relay->cycle_jobs;
}
