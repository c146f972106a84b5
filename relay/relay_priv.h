/* relay_priv.h - what the files of relay/ share of struct vs_relay; nobody else includes it.
 *
 * Locks. `lock` guards the queues, the waiters and the flags below it. The committer's fields
 * belong to whoever calls vs_relay_commit (one thread); atomics are written by one thread and
 * read by any. */
#ifndef VS_RELAY_PRIV_H
#define VS_RELAY_PRIV_H
#include "relay/exchange/principals.h"
#include "formats/base/histogram.h"
#include "relay/health.h"
#include "relay/relay.h"
#include "storage/segments.h"
#include <pthread.h>
#include <stdatomic.h>

struct vs_authority;
struct vs_centre;
struct vs_journal;
struct vs_journal_restart;
struct vs_keys;
struct vs_sequencer;   /* exchange/sequence.h */
struct vs_sealer;      /* seal/seal.c */
struct vs_party_cache; /* exchange/cache.h */
struct vs_verification;
struct vs_access_notes; /* archive/access_record.h */
struct vs_waiter;
struct vs_delivering;  /* deliver.c */
struct vs_remote_kind; /* deliver.h */
struct vs_events_watched;
struct vs_backup;

struct vs_job_queue {
    struct vs_job *first, *last;
    unsigned n;
};

#define VS_QUOTA_SLOTS 1024
/* Signed refusals of one principal within one hour. */
struct vs_quota {
    struct vs_id principal;
    int64_t hour;
    unsigned used;
};

#define VS_CALLER_SLOTS 512
struct vs_caller_slot {
    bool used;
    enum vs_credential kind;
    uint8_t digest[32];
    vs_time_ms expires;
    struct vs_caller caller;
};

struct vs_relay_atomics {
    _Atomic uint64_t accepted, refused, replayed, held, acknowledged, handed_over;
    _Atomic uint64_t cycles, items, rows, conflicts, segment_syncs, largest_batch,
        written_bytes;
    _Atomic uint64_t evidence, batches_marked, mark_failures, queue_refusals;
    _Atomic uint64_t due_taken, due_failed;
};

struct vs_relay {
    struct vs_relay_settings settings;
    struct vs_seams seams;
    struct vs_store *store;
    struct vs_segments *segments;
    struct vs_keys *keys;
    struct vs_authority *authority;
    struct vs_centre *centre;
    struct vs_journal *journal;
    struct vs_verification *verification;
    struct vs_sequencer *sequencer;
    struct vs_sealer *sealer;
    struct vs_party_cache *parties;

    pthread_mutex_t lock;
    pthread_cond_t work_cond, commit_cond, mark_cond, deliver_cond;
    struct vs_job_queue jobs, background, staged;
    unsigned running;     /* jobs inside vs_relay_work */
    unsigned staged_own;  /* those of `staged` that are not relay's follow-up work */
    int64_t staged_since; /* monotonic; of the oldest staged job, at the earliest the last */
    int64_t own_since;    /* cycle's end; of those that are not follow-up work */
    int64_t cycle_ended;  /* monotonic */
    unsigned expected;    /* jobs that were under way when the last cycle began; 0: one alone */
    int64_t clockwork_at; /* monotonic; the clockwork's own */
    bool due_again;       /* the last step took something: look again, do not wait */
    int64_t centre_at;
    const struct vs_due_kind *due_kinds;
    char node[VS_ID_TEXT];          /* of this run: who holds leases */
    _Atomic uint64_t due_under_way; /* pieces of due work that are queued or run */
    const struct vs_remote_kind *remote_kinds;
    struct vs_delivering *delivering;
    _Atomic uint64_t delivering_now; /* slots in use: they need workers and committer yet */
    bool deliver_woken;
    struct vs_events_watched *watched; /* exchange/events.c */
    int64_t commit_backoff;            /* monotonic; no cycle before, after a full disk */
    bool marking; /* the marker is at work: what it stages needs workers and committer yet */
    bool stopping;
    bool broken;
    struct vs_error broken_error;
    struct vs_waiter *waiters[256]; /* by participant */
    struct vs_quota quotas[VS_QUOTA_SLOTS];
    struct vs_caller_slot callers[VS_CALLER_SLOTS]; /* by digest; cleared by every change */
    uint64_t callers_changes;

    _Atomic unsigned receiving;      /* submissions whose bytes are arriving, in memory yet */
    _Atomic int64_t last_sequence;   /* of mailboxes and events */
    _Atomic int64_t oldest_unmarked; /* VS_TIME_NONE: none */
    _Atomic uint64_t unmarked;
    _Atomic int64_t last_event; /* newest moment that was recorded */
    _Atomic uint64_t disk_free;
    _Atomic bool anchor_behind;    /* it could not be written: intake is closed (507) */
    _Atomic bool sequence_waiting; /* a committed batch is not yet sequenced */
    _Atomic bool mark_waiting;
    struct vs_marker *marker; /* seal/mark.c */
    struct vs_backup *backup; /* backup.c; has a lock of its own */
    struct vs_histogram cycle_ms, cycle_jobs;
    struct vs_backlog backlogs[VS_BACKLOGS]; /* under `lock`, as the number */
    size_t n_backlogs;
    int64_t health_at;           /* monotonic; the clockwork's own */
    _Atomic uint64_t following;  /* follow-up jobs under way */
    _Atomic bool follow_failed;  /* some of them must be made again (clockwork) */
    _Atomic int64_t first_month; /* oldest one with idempotency or repetition rows */
    struct vs_access_notes *accesses;
    _Atomic int64_t witnessed; /* archive/retention.h: what terms are measured by */
    _Atomic bool clock_doubted;
    int64_t witness_at;   /* monotonic; the clockwork's own */
    int64_t witness_kept; /* as the store has it */
    struct vs_relay_atomics counters;
};

#define vs_relay_count(relay, counter, n)                                                      \
    atomic_fetch_add_explicit(&(relay)->counters.counter, (n), memory_order_relaxed)

/* queue.c */
void vs_queue_push(struct vs_job_queue *queue, struct vs_job *job);
struct vs_job *vs_queue_pop(struct vs_job_queue *queue);
/* Relay's own follow-up work: never refused but while stopping with nothing running. */
void vs_relay_submit_background(struct vs_relay *relay, struct vs_job *job);
/* The committer's, with the lock held: the oldest staged job, or NULL; a cycle begins. */
struct vs_job *vs_relay_unstage(struct vs_relay *relay);
void vs_relay_cycle_begins(struct vs_relay *relay);
void vs_relay_cycle_ended(struct vs_relay *relay); /* takes the lock */
/* Back to the workers after a conflict. */
void vs_relay_retry_job(struct vs_relay *relay, struct vs_job *job);
/* With the lock held, until a moment of the monotonic clock; false when it has passed. */
bool vs_relay_wait_on(struct vs_relay *relay, pthread_cond_t *cond, int64_t until_ms);
/* Behind the newest record: nothing is decided by it. */
bool vs_relay_clock_wrong(struct vs_relay *relay, vs_time_ms now);
void vs_relay_wake_committer(struct vs_relay *relay);
void vs_relay_wake_marker(struct vs_relay *relay);
/* exchange/mailbox.c: what was sequenced, to whoever waits for it. */
struct vs_move;
void vs_mailbox_wake(struct vs_relay *relay, const struct vs_move *moves, size_t n);
/* After an unknown commit (relay invariant 4). */
void vs_relay_break(struct vs_relay *relay, const struct vs_error *err);

/* Principals or participants changed: authenticate from rows again. */
void vs_callers_forget(struct vs_relay *relay);

/* seal/mark.c: batches without a time mark, as left by the last run. */
VS_NODISCARD vs_rc vs_marker_open(struct vs_relay *relay, struct vs_error *err);
void vs_marker_close(struct vs_relay *relay);
/* Ask the authority again, after it was away. */
void vs_marker_retry(struct vs_relay *relay);

/* health.c */
void vs_health_open(struct vs_relay *relay);
/* The clockwork's: `moment` is monotonic. */
void vs_health_look(struct vs_relay *relay, vs_time_ms now, int64_t moment);

/* backup.c */
struct vs_backup *vs_backup_new(void);
void vs_backup_close(struct vs_relay *relay); /* ends what runs */
void vs_backup_wake(struct vs_relay *relay);

/* restart.c: the first entry of a restored store's new log, before anything else is done. */
VS_NODISCARD vs_rc vs_relay_restart_log(struct vs_relay *relay,
                                        const struct vs_journal_restart *restart,
                                        struct vs_error *err);
/* Lies in the data folder while a restore has not committed that. */
#define VS_RESTORE_MARKER "RESTORING"

/* Months of a retention class: "minimum" (6), "months-N", "permanent"; 0: there is no such. */
unsigned vs_retention_months(const char *class);
#define VS_RETENTION_MINIMUM   6
#define VS_RETENTION_PERMANENT 12000

static inline struct vs_value vs_id_value(const struct vs_id *id)
{
    return vs_blob(vs_id_bytes(id));
}
/* VS_TIME_NONE is no value. */
static inline struct vs_value vs_time_value(vs_time_ms t)
{
    return t == VS_TIME_NONE ? vs_null() : vs_int(t);
}
static inline vs_time_ms vs_value_time(const struct vs_value *value)
{
    return value->type == VS_INT ? value->integer : VS_TIME_NONE;
}
/* Text of a row with a NUL behind it, in the arena; NULL for VS_NULL. */
char *vs_value_text_new(struct vs_arena *arena, const struct vs_value *value);
/* The id in a row; VS_ID_NONE for VS_NULL. */
struct vs_id vs_value_id(const struct vs_value *value);
#endif
