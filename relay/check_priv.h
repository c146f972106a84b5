/* check_priv.h - one run of vs_check, shared by check.c, check_evidence.c and check_exchange.c.
 */
#ifndef VS_RELAY_CHECK_PRIV_H
#define VS_RELAY_CHECK_PRIV_H
#include "formats/evidence/erds.h"
#include "relay/check.h"
#include "relay/relay_priv.h"

struct vs_batch;
struct vs_digest;
struct vs_leaf;

struct vs_check_run {
    struct vs_relay *relay;
    struct vs_arena *arena;   /* findings */
    struct vs_arena *scratch; /* of one row: reset before each */
    struct vs_check_finding *findings;
    struct vs_check_result result;
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *progress_context;
    uint64_t done, total;
    uint64_t epoch;          /* of the log whose batches are being looked at */
    uint64_t journal_leaves; /* of it, that batches account for */
    uint64_t gone_leaves;    /* of deleted evidence, in batches; as tombstones count them */
    /* The batch that was looked at last: evidence comes in the order of batches, nearly. */
    struct vs_arena *batch_arena;
    const struct vs_batch *batch;
};

void vs_check_found(struct vs_check_run *run, const char *what, const char *where,
                    const char *fmt, ...) VS_PRINTF(4, 5);
/* The id in `value`, in the scratch arena, for `where`. */
const char *vs_check_id(struct vs_check_run *run, const struct vs_value *value);
/* No more batches of run->epoch: do they account for all its leaves? */
void vs_check_log_ends(struct vs_check_run *run);

/* What went wrong while looking at one row: a finding, unless the check itself cannot go on. */
VS_NODISCARD vs_rc vs_check_tolerate(struct vs_check_run *run, vs_rc rc, const char *what,
                                     const char *where, struct vs_error *err);

/* Look at every row of a table that is not corrupt (vs_store_check names those that are), each
 * with a clean scratch arena; what a look fails with is a finding about `where`, the row's key.
 * `count` (may be NULL) goes up by one for each row. */
typedef vs_rc vs_check_look(struct vs_check_run *run, const char *where,
                            const struct vs_row *row, struct vs_error *err);
VS_NODISCARD vs_rc vs_check_rows(struct vs_check_run *run, enum vs_table_id table,
                                 vs_check_look *look, uint64_t *count, struct vs_error *err);

/* Every piece of evidence: its file, its signature, its row, its batch, its journal leaf. */
VS_NODISCARD vs_rc vs_check_evidence(struct vs_check_run *run, struct vs_error *err);
/* Every batch: its leaves are there, its time mark stands over them, its place in the journal.
 */
VS_NODISCARD vs_rc vs_check_token(struct vs_check_run *run, struct vs_bytes der,
                                  const struct vs_digest *imprint, vs_time_ms marked,
                                  struct vs_error *err);
/* The renewals of one batch: each over what it renews, in order of time; records that have a
 * hash-tree renewal against their evidence. */
VS_NODISCARD vs_rc vs_check_renewals(struct vs_check_run *run, const struct vs_batch *batch,
                                     struct vs_error *err);
VS_NODISCARD vs_rc vs_check_batches(struct vs_check_run *run, struct vs_error *err);
/* Every document, delivery and refusal against the evidence about it. */
VS_NODISCARD vs_rc vs_check_exchange(struct vs_check_run *run, struct vs_error *err);

/* Every idempotency key and repetition against what it names. */
VS_NODISCARD vs_rc vs_check_keys(struct vs_check_run *run, struct vs_error *err);

/* Every row of due work against what it is about. */
VS_NODISCARD vs_rc vs_check_work(struct vs_check_run *run, struct vs_error *err);

/* The recipient's answer that a delivery names (Art. 27.4). */
VS_NODISCARD vs_rc vs_check_answer(struct vs_check_run *run, const char *where,
                                   const struct vs_value *delivery, struct vs_error *err);

/* A leaf that says it was deleted: there is a tombstone of that id. */
VS_NODISCARD vs_rc vs_check_gone_leaf(struct vs_check_run *run, const struct vs_batch *batch,
                                      const struct vs_leaf *leaf, struct vs_error *err);
/* Evidence of an act: its row is there. */
VS_NODISCARD vs_rc vs_check_act_of(struct vs_check_run *run, const char *evidence,
                                   const struct vs_value *row, enum vs_event event,
                                   struct vs_error *err);
/* Every tombstone against the signed act that it names, every act against its evidence, holds
 * against the acts that set and lifted them. After vs_check_batches. */
VS_NODISCARD vs_rc vs_check_retention(struct vs_check_run *run, struct vs_error *err);

/* Registration numbers: each once, none missing that was not deleted. */
VS_NODISCARD vs_rc vs_check_register(struct vs_check_run *run, struct vs_error *err);

/* The moments of a delivery that evidence tells, the last one of each kind. */
enum vs_told_moment {
    VS_TOLD_RECEIVED,
    VS_TOLD_HANDED_OVER,
    VS_TOLD_ANSWERED,
    VS_TOLD_REACHED,
    VS_TOLD_ASKED,
    VS_TOLD_CONSENT,
    VS_TOLD_REMINDED,
    VS_TOLD_OVERDUE,
    VS_TOLD_NOTICE,
    VS_TOLD_FAILED,
    VS_TOLD_NOTIFIED,
    VS_TOLD
};
struct vs_told {
    vs_time_ms at[VS_TOLD]; /* VS_TIME_NONE: there is no such evidence */
    enum vs_event event[VS_TOLD];
    const struct vs_value *evidence[VS_TOLD]; /* its row */
    unsigned terminal; /* pieces of evidence that end the matter for this recipient */
};
/* What a delivery's columns say of consent, terms, notice and reasons, against the evidence
 * that states it. */
VS_NODISCARD vs_rc vs_check_terms(struct vs_check_run *run, const char *where,
                                  const struct vs_value *row, const struct vs_told *told,
                                  struct vs_error *err);

/* The evidence file of a row of table evidence, read and understood, in the scratch arena. */
VS_NODISCARD vs_rc vs_check_read_evidence(struct vs_check_run *run, const struct vs_value *row,
                                          struct vs_bytes *ret_xml, struct vs_erds *ret,
                                          struct vs_error *err);
#endif
