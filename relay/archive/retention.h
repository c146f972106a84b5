/* retention.h - how long what is served is kept, and how it goes (Art. 29.1, 31.2.3, 31.3).
 *
 * The rule. A document, with all that is recorded about it, is kept for the months of its class
 * from its latest recorded event: the EventTime of its newest evidence. Months are calendar
 * months (31 August + 6 = 28 or 29 February). The class is the longest that sender, recipients
 * and agreements ask for and never under the law's six months; what was refused is recorded for
 * six. `permanent` never goes. A legal hold (hold.h) stops everything, whatever the term.
 *
 * There is no call that deletes: deletion is due work of the service alone.
 *
 * The clock. A clock that is wrong must delete nothing early, so terms are not measured by it
 * but by *witnessed time* (vs_retention_time):
 *   - it goes on with the monotonic clock while the service runs, and never past the clock;
 *   - a gap of at most VS_WITNESS_GAP_MS between it and the clock, as a stop or a suspended
 *     machine leaves, is taken over at once;
 *   - a longer one is a jump: it is *doubted*, and witnessed time goes on from where it was,
 *     until an outside time-marking authority's mark shows the later time, an operator
 *     confirms the clock with a reason (evidence), or the clock goes back;
 *   - while it is doubted, or the clock is behind the newest record, nothing is deleted at all;
 *   - the term's end is exceeded by VS_RETENTION_MARGIN_MS, more than a gap that was taken over
 *     wrongly can be.
 * So no jump of any size deletes early; a service that was stopped for long deletes later,
 * never sooner. Witnessed time is kept in the store once an hour.
 *
 * How it goes. Due work (kind `retention`) walks documents and refusals in the order of their
 * ids, which is that of their submission, each once, when the shortest term has passed: what
 * may go goes, what may not gets a row of due work of its own for its day. Nothing is added to
 * the path of acceptance. One act (deed.h, RetentionDeletion) covers at most VS_DELETION_MOST
 * of them: in one item go their rows, with the condition that no hold came meanwhile; each
 * leaves a tombstone without parties, names or digests, and the act's signed evidence has the
 * digest of all its tombstones. Leaves in batches keep only what the trees need (seal/batch.h);
 * salts go with the evidence, so that the journal's leaves say nothing any more and the journal
 * still verifies. Then due work of kind `erasure` overwrites the bytes in the segments (a
 * segment in which one document is held keeps that one and loses the others), removes segments
 * that hold nothing any more, and folds the store's log, so that no copy of the rows stays
 * there.
 *
 * Idempotency keys and repetitions are promised for VS_KEY_MONTHS months after the month of the
 * submission and go by months, before the first document of that month may. */
#ifndef VS_RELAY_ARCHIVE_RETENTION_H
#define VS_RELAY_ARCHIVE_RETENTION_H
#include "relay/due.h"
#include "relay/exchange/principals.h"

#define VS_WITNESS_GAP_MS      (3 * VS_DAY_MS)
#define VS_RETENTION_MARGIN_MS (4 * VS_DAY_MS)
#define VS_DELETION_MOST       32
#define VS_KEY_MONTHS          5

/* The moment from which what has this latest event may go, by the rule above, margin included;
 * VS_TIME_NONE: never (permanent). */
vs_time_ms vs_retention_end(vs_time_ms latest, unsigned months);

/* -- witnessed time ------------------------------------------------------------------------ */
/* What the term is measured by; never more than `now`. */
vs_time_ms vs_retention_time(struct vs_relay *relay, vs_time_ms now);
/* An outside authority's mark, verified: the time is at least this. Any thread. */
void vs_retention_witness(struct vs_relay *relay, vs_time_ms at_least);

struct vs_retention_clock {
    vs_time_ms now, witnessed;
    bool doubted; /* the gap is a jump */
};
struct vs_retention_clock vs_retention_clock_view(struct vs_relay *relay, vs_time_ms now);
/* An operator says that the clock is right (act ClockConfirmation). VS_E_PARAMETER: no reason;
 * VS_E_FORBIDDEN; VS_E_CLOCK: it is behind the newest record. */
VS_NODISCARD vs_rc vs_retention_confirm_stage(struct vs_relay *relay, struct vs_job *job,
                                              const struct vs_caller *caller,
                                              const char *reason, vs_time_ms now,
                                              struct vs_error *err);

/* -- how one stands ------------------------------------------------------------------------ */
struct vs_retention {
    unsigned months;
    vs_time_ms latest; /* recorded event */
    vs_time_ms end;    /* may go from then on; VS_TIME_NONE: never */
    bool held;
};
/* For whoever may see the document. */
VS_NODISCARD vs_rc vs_retention_get(struct vs_relay *relay, struct vs_arena *arena,
                                    const struct vs_caller *caller, struct vs_id id,
                                    struct vs_retention *ret, struct vs_error *err);

/* -- relay's own --------------------------------------------------------------------------- */
VS_NODISCARD vs_rc vs_retention_open(struct vs_relay *relay, struct vs_error *err);
/* With each clockwork step. */
void vs_retention_step(struct vs_relay *relay, vs_time_ms now);
/* Kinds `retention` and `erasure` of due work. */
VS_NODISCARD vs_rc vs_retention_run(struct vs_relay *relay, struct vs_job *job,
                                    const struct vs_due *work, vs_time_ms now,
                                    struct vs_error *err);
VS_NODISCARD vs_rc vs_erasure_run(struct vs_relay *relay, struct vs_job *job,
                                  const struct vs_due *work, vs_time_ms now,
                                  struct vs_error *err);
#endif
