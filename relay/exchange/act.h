/* act.h - one event of one delivery: its evidence, its row, its place in the lists, its due
 * work, in one stage (exchange invariant: no evidence without its event, no event without its
 * evidence).
 *
 *     struct vs_act act;
 *     VS_TRY(vs_act_begin(&act, relay, job, delivery, VS_EVENT_..., caller, now, err));
 *     VS_TRY(vs_act_to(&act, VS_DELIVERY_REFUSED, err));
 *     vs_act_set(&act, VS_DELIVERY_REASON, vs_text(reason));
 *     VS_TRY(vs_act_end(&act, VS_MOVE_TELL, err));
 *
 * The row is changed only if nobody has changed it since `delivery` was read: of two events
 * that exclude each other one meets a conflict, and its job runs again. */
#ifndef VS_RELAY_ACT_H
#define VS_RELAY_ACT_H
#include "relay/due.h"
#include "relay/exchange/issue.h"
#include "relay/exchange/mailbox.h"

struct vs_act {
    struct vs_relay *relay;
    struct vs_job *job;
    struct vs_stage *stage;
    const struct vs_row *delivery; /* as read */
    struct vs_facts *facts;
    struct vs_issue *issue;
    struct vs_evidence_file *issued; /* filled by vs_act_end; lives in the job's arena */
    vs_time_ms now;
    struct vs_value *row;
    uint64_t set;
};

/* `delivery` lives in the job's arena; `actor` NULL: the service. Evidence refers to the
 * delivery's recipient; EventTime is `now`. A stage is made where the job has none yet. */
VS_NODISCARD vs_rc vs_act_begin(struct vs_act *act, struct vs_relay *relay, struct vs_job *job,
                                const struct vs_row *delivery, enum vs_event event,
                                const struct vs_caller *actor, vs_time_ms now,
                                struct vs_error *err);
/* The row's new state. VS_E_STATE: the table of transitions has no such move. */
VS_NODISCARD vs_rc vs_act_to(struct vs_act *act, enum vs_delivery_state to,
                             struct vs_error *err);
void vs_act_set(struct vs_act *act, unsigned column, struct vs_value value);
/* In the evidence: a moment as RFC 3339. */
VS_NODISCARD vs_rc vs_act_extend_time(struct vs_act *act, const char *name, vs_time_ms time,
                                      struct vs_error *err);
/* The evidence is made and signed; it and the row are staged, without a move. */
VS_NODISCARD vs_rc vs_act_evidence(struct vs_act *act, struct vs_error *err);
/* The same, and the place in the lists. */
VS_NODISCARD vs_rc vs_act_end(struct vs_act *act, enum vs_move_kind kind, struct vs_error *err);

/* Its due work of `kind`, if there is any, is fulfilled by this event. */
VS_NODISCARD vs_rc vs_act_fulfil(struct vs_act *act, const char *kind, struct vs_error *err);
/* There is due work of `kind` from now on, or at another time. */
VS_NODISCARD vs_rc vs_act_need(struct vs_act *act, const char *kind, vs_time_ms due,
                               struct vs_error *err);

/* The delivery of due work; *ret NULL: it is gone. */
VS_NODISCARD vs_rc vs_act_delivery(struct vs_relay *relay, struct vs_arena *arena,
                                   const struct vs_due *work, const struct vs_row **ret,
                                   struct vs_error *err);
/* Due work whose need is gone, without any event. */
VS_NODISCARD vs_rc vs_act_drop(struct vs_job *job, const struct vs_due *work,
                               struct vs_error *err);
/* Due work that was taken too early (its term was changed, the clock went back). */
VS_NODISCARD vs_rc vs_act_later(struct vs_job *job, const struct vs_due *work, vs_time_ms due,
                                struct vs_error *err);

/* A text of a party's: 1 to `most` bytes of UTF-8 without control characters, or NULL.
 * VS_E_PARAMETER names it. */
VS_NODISCARD vs_rc vs_act_check_text(const char *name, const char *text, size_t most,
                                     struct vs_error *err);

static inline unsigned vs_delivery_mode_of(const struct vs_row *delivery)
{
    const struct vs_value *mode = &delivery->values[VS_DELIVERY_MODE];
    return mode->type == VS_INT ? (unsigned)mode->integer : 0;
}
static inline enum vs_delivery_state vs_delivery_state_of(const struct vs_row *delivery)
{
    return (enum vs_delivery_state)delivery->values[VS_DELIVERY_STATE].integer;
}
#endif
