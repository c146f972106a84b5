/* register.h - each participant's registers of outgoing and of incoming documents (Rule of
 * exchange, 1-3), with registration numbers.
 *
 * A document bears the sender's own number as a requisite. Besides it the service numbers: for
 * each participant, direction and year from 1 on, without gaps, in the order of the sequencer
 * (sequence.h); a document to several recipients has one outgoing number. A held repetition is
 * numbered when it is released, a refused submission never. The year is the civil one where the
 * service is (settings.utc_offset_ms): registers are closed at its end.
 *
 * Cost, on the path of acceptance: two columns of the delivery's row, in an update that the
 * sequencer makes anyway, and one row of table `register` for each participant that a batch
 * touches. An entry goes when its document's term ends; the counters stay. */
#ifndef VS_RELAY_EXCHANGE_REGISTER_H
#define VS_RELAY_EXCHANGE_REGISTER_H
#include "relay/exchange/mailbox.h"

enum vs_direction { VS_OUTGOING, VS_INCOMING };

/* As kept in a row: the year and the number within it. */
static inline int64_t vs_registration(int64_t year, int64_t number)
{
    return year << 40 | number;
}
static inline int64_t vs_registration_year(int64_t registration)
{
    return registration >> 40;
}
static inline int64_t vs_registration_number(int64_t registration)
{
    return registration & ((INT64_C(1) << 40) - 1);
}

/* What is looked for; NULL, VS_TIME_NONE, VS_ID_NONE: anything. */
struct vs_register_query {
    struct vs_id participant; /* whose register */
    enum vs_direction direction;
    vs_time_ms from, until; /* sent (outgoing), received (incoming); `until` not included */
    const char *party;      /* identifier of the other side */
    const char *number;     /* the sender's own, or ours as "2026/17" */
    const char *subject;    /* part of it, without regard to case of ASCII letters */
    const char *state;      /* vs_delivery_state_name */
    const char *cursor;     /* of the page before */
    size_t limit;           /* 1..500 */
};
struct vs_register_entry {
    const struct vs_delivery *delivery;
    int64_t registration; /* 0: not yet given */
};
struct vs_register_page {
    const struct vs_register_entry
        *entries; /* in order of time, on a page in that of numbers */
    size_t n;
    const char *cursor;
    bool more; /* a page may be empty and have more: so many rows were looked at */
};
/* VS_E_PARAMETER names what is wrong. Who may: gateway asks (own participant; operators and
 * auditors any). */
VS_NODISCARD vs_rc vs_register_list(struct vs_relay *relay, struct vs_arena *arena,
                                    const struct vs_register_query *query,
                                    struct vs_register_page *ret, struct vs_error *err);

/* -- the sequencer's ----------------------------------------------------------------------- */
struct vs_registrar; /* the committer's: the counters, cached */
struct vs_registrar *vs_registrar_new(void);
void vs_registrar_free(struct vs_registrar *registrar);
struct vs_move;
struct vs_op;
/* Numbers for the moves of one batch that enter a mailbox: ret[i] for moves[i], zero for the
 * others; *ret_ops (in `arena`) are the counters' rows for the item. */
struct vs_numbers {
    int64_t outgoing, incoming;
};
VS_NODISCARD vs_rc vs_registrar_prepare(struct vs_relay *relay, struct vs_registrar *registrar,
                                        struct vs_arena *arena, const struct vs_move *moves,
                                        size_t n, vs_time_ms now, struct vs_numbers *ret,
                                        const struct vs_op **ret_ops, size_t *ret_n_ops,
                                        struct vs_error *err);
/* The item is durable, or nothing was changed. */
void vs_registrar_done(struct vs_registrar *registrar);
void vs_registrar_undo(struct vs_registrar *registrar);
#endif
