/* relay.h - the service without its wires: opens store, segments, keys, centre and journal from
 * one settings struct, holds the queues, and offers its work as steps.
 *
 * relay makes no thread. The daemon's threads (and a test's only thread) call the steps:
 *   workers    vs_relay_work      takes one job: verify, decide, sign, seal, stage
 *   committer  vs_relay_commit    makes what is staged durable, sequences, answers
 *   marker     vs_relay_mark      asks the time-marking authority for batches (may block)
 *   delivery   vs_relay_deliver   requests to endpoints (deliver.h); its wait moves their bytes
 *   clockwork  vs_relay_clockwork due work (due.h), backlog, expiry of caches, once a second
 * Each returns whether it did something; the waits sleep until there may be something to do.
 * There may be many workers; exactly one each of the others.
 *
 * Invariants (tests cite them as "relay invariant N"):
 *  1 done() of a job that staged is called only after its transaction is durable.
 *  2 an item's bytes are synced in segments before the rows that name them are committed.
 *  3 a delivery is shown in the mailbox only once the sequencer gave it its number.
 *  4 a failed commit or sync poisons the relay: nothing is acknowledged any more, nothing is
 *    retried; the process must restart and recover (vs_relay_broken).
 *  5 whatever a crash leaves half done (not sequenced, not evidenced, not marked) is found from
 *    the batch rows at open and finished; finishing it twice changes nothing. */
#ifndef VS_RELAY_RELAY_H
#define VS_RELAY_RELAY_H
#include "relay/id.h"
#include "relay/job.h"
#include "relay/seams.h"

struct vs_relay;
struct vs_centre;
struct vs_journal;
struct vs_journal_restart;
struct vs_verification;
struct vs_due_kind;    /* relay/due.h */
struct vs_remote_kind; /* relay/deliver.h */

enum vs_mark_policy {
    VS_MARK_LATER, /* commit and answer first; the batch is marked while the next one forms */
    VS_MARK_WAIT,  /* no answer before a time mark */
};

/* Texts are borrowed and must outlive the relay. vs_relay_settings_default() fills the defaults
 * that stand here; vasite.yaml's rows name the same fields. */
struct vs_relay_settings {
    const char *data;   /* folder; made when missing (0700) */
    const char *anchor; /* file outside `data` that keeps the last checkpoint; NULL: none */
    const char *backup_folder; /* where backups go (backup.h); NULL: none */
    bool memory;               /* rows in memory only (tests); segments still need `data` */

    /* Who we are, in all evidence (Art. 31.2.3, EN 319 522-2). */
    const char *service_name;       /* "Vasite" */
    const char *service_identifier; /* of the intermediary, under a scheme: "voen:0000000000" */
    const char *service_country;    /* "AZ" */
    const char *service_url;        /* "https://127.0.0.1:8443" */
    const char *journal_origin;     /* C2SP origin line: "vasite.local/journal" */
    const char *public_url;         /* "http://127.0.0.1:8080": AIA, CRL, OCSP addresses */

    /* Keys and embedded centre (relay/seal/keys.h, relay/centre/). */
    /* The service's seal and evidence keys with certificates of an outside centre: PKCS#12 or
     * PEM. NULL: the embedded centre makes them. */
    const char *seal_file, *seal_passphrase_file;
    const char *evidence_file, *evidence_passphrase_file;
    const char *passphrase_file; /* NULL: `data`/keys/passphrase, made at first start */

    const char *const *tls_names; /* of the TLS certificate that the centre makes */
    size_t n_tls_names;           /* 0: localhost, 127.0.0.1 */

    /* Time marks. */
    enum vs_mark_policy mark_policy; /* later */
    int64_t mark_bound_ms;           /* 24 h: oldest unmarked batch before intake refuses */
    int64_t renewal_margin_ms;       /* 90 days: how long before its end a mark is renewed */
    /* Digest of renewed trees, where stronger than theirs; VS_DIGEST_NONE (0): by the table. */
    int renewal_digest;
    const char *const *tsa_urls; /* outside authorities in order; none: the embedded one */
    size_t n_tsa_urls;
    int64_t tsa_timeout_ms; /* 5 s */

    /* What is trusted besides the embedded centre's root: PEM files, PEM files of centres that
     * the operator says are accredited (Art. 3.2), trusted lists (TS 119 612). */
    const char *const *trust_anchors;
    size_t n_trust_anchors;
    const char *const *accredited_anchors;
    size_t n_accredited_anchors;
    const char *const *trust_lists;
    size_t n_trust_lists;

    /* Limits. */
    uint64_t document_max;      /* 2 GiB */
    size_t memory_max;          /* 1 MiB: above it a document is spooled to a file */
    unsigned queue_max;         /* 1024 jobs waiting */
    unsigned recipients_max;    /* 100 for one document */
    unsigned refusals_per_hour; /* 1000 signed refusals for one principal, then 429 */
    uint64_t disk_reserve;      /* 256 MiB: below it intake answers 507 */

    /* Commit. */
    int64_t gather_ms;  /* 20: how long a batch forms while others are in the pipeline */
    unsigned batch_max; /* 128 */

    bool inspect;       /* `vasite check`: a journal that does not hold is opened to be read */
    bool state_secrets; /* certified installation (Art. 32.2): false */
    bool batch_marks;   /* built-in agreement `law`: batched instead of per-document marks */
    /* restore.h alone sets it: the store is a backup's, a new log begins (journal.h). */
    struct vs_journal_restart *restart;
    int64_t utc_offset_ms; /* 4 h: local time where the service is, for registers' years */
    int64_t clock_back_ms; /* 2 s: a clock further behind the last record stops intake */

    /* Pushes, notices and webhooks to participants' endpoints (deliver.h). */
    int64_t push_first_ms;  /* 30 s: from the first attempt that failed to the second */
    unsigned push_factor;   /* 2: each further interval is so much longer */
    int64_t push_cap_ms;    /* 1 h: but no longer than this */
    int64_t push_term_ms;   /* 3 days: then it has failed (ContentHandoverFailure) */
    int64_t push_stall_ms;  /* 30 s: an endpoint that moves no byte for so long is given up */
    unsigned push_at_once;  /* 64 requests under way */
    unsigned push_per_host; /* 4 of them to one host */

    /* NULL: vs_due_kinds, vs_remote_kinds; tests bring their own. */
    const struct vs_due_kind *due_kinds;
    const struct vs_remote_kind *remote_kinds;
};
struct vs_relay_settings vs_relay_settings_default(void);

/* Open everything, recover what a crash left. VS_E_STORE_NEWER, VS_E_STORE_OLDER,
 * VS_E_CORRUPT (names what), VS_E_CONFIG, VS_E_KEY, VS_E_IO. `seams` is copied. */
VS_NODISCARD vs_rc vs_relay_open(const struct vs_relay_settings *settings,
                                 const struct vs_seams *seams, struct vs_relay **ret,
                                 struct vs_error *err);
/* No step may be running. Jobs still queued end with VS_E_STOPPING. NULL is fine. */
void vs_relay_close(struct vs_relay *relay);

/* The clock by which everything is decided (seams.now_ms). */
vs_time_ms vs_relay_now(const struct vs_relay *relay);
const struct vs_relay_settings *vs_relay_settings_of(const struct vs_relay *relay);
const struct vs_seams *vs_relay_seams(const struct vs_relay *relay);

/* Its parts, for who serves them over HTTP or reads them at the command line; borrowed. */
struct vs_centre *vs_relay_centre(const struct vs_relay *relay);
struct vs_journal *vs_relay_journal(const struct vs_relay *relay);
struct vs_verification *vs_relay_verification(const struct vs_relay *relay);

/* -- steps --------------------------------------------------------------------------------- */
bool vs_relay_work(struct vs_relay *relay, vs_time_ms now);
bool vs_relay_commit(struct vs_relay *relay, vs_time_ms now);
bool vs_relay_mark(struct vs_relay *relay, vs_time_ms now);
bool vs_relay_clockwork(struct vs_relay *relay, vs_time_ms now);
bool vs_relay_deliver(struct vs_relay *relay, vs_time_ms now);

/* Sleep until there may be work, at most `timeout_ms`. Return false once vs_relay_stop was
 * called and nothing is left for this kind of thread: then it ends. */
bool vs_relay_wait_work(struct vs_relay *relay, int64_t timeout_ms);
bool vs_relay_wait_commit(struct vs_relay *relay, int64_t timeout_ms);
bool vs_relay_wait_mark(struct vs_relay *relay, int64_t timeout_ms);
bool vs_relay_wait_deliver(struct vs_relay *relay, int64_t timeout_ms);

/* No new jobs from outside (VS_E_STOPPING); what is queued is finished. Wakes all waits and all
 * mailbox waiters. */
void vs_relay_stop(struct vs_relay *relay);

/* For tests and tools: run all steps on this thread until none does anything. */
void vs_relay_run_until_idle(struct vs_relay *relay);

/* -- how it is ----------------------------------------------------------------------------- */
/* After a failed commit: the reason, VS_OK otherwise. The daemon logs it and exits non-zero. */
VS_NODISCARD vs_rc vs_relay_broken(const struct vs_relay *relay, struct vs_error *err);

struct vs_relay_health {
    bool ready; /* intake open: all below are as they should be */
    bool broken, stopping;
    bool disk_short;    /* less than disk_reserve free */
    bool clock_wrong;   /* behind the newest record */
    bool marks_overdue; /* oldest unmarked batch beyond mark_bound_ms */
    uint64_t disk_free;
    uint64_t unmarked;          /* batches without a time mark */
    vs_time_ms oldest_unmarked; /* VS_TIME_NONE: none */
    uint64_t journal_size;
};
void vs_relay_health(struct vs_relay *relay, vs_time_ms now, struct vs_relay_health *ret);
/* Why intake is closed (VS_E_DISK_FULL, VS_E_CLOCK, VS_E_TSA_AWAY, VS_E_STOPPING, broken), or
 * VS_OK. Cheap; checked before a body is read and again when it is queued. */
VS_NODISCARD vs_rc vs_relay_intake(struct vs_relay *relay, vs_time_ms now,
                                   struct vs_error *err);

/* Counted since open; the bench multiplies unit costs by them (performance.md). Signatures,
 * verifications and hashed bytes of the process are in formats/crypto/counters.h. */
struct vs_relay_counters {
    uint64_t accepted, refused, replayed, held; /* submissions by outcome */
    uint64_t acknowledged, handed_over;
    uint64_t cycles, items, rows, conflicts; /* of the committer */
    uint64_t segment_syncs, store_commits, written_bytes;
    uint64_t largest_batch;
    uint64_t evidence, batches_marked, mark_failures;
    uint64_t queue_refusals;
    uint64_t due_taken, due_failed;        /* pieces of due work; a failed one comes again */
    uint64_t jobs_waiting, staged_waiting; /* now */
};
void vs_relay_counters(struct vs_relay *relay, struct vs_relay_counters *ret);
#endif
