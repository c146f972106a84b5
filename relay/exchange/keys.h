/* keys.h - has this been sent before: Idempotency-Keys of participants, and the repetition of
 * the same bytes from one sender to one recipient (Art. 27.3.3).
 *
 * Both tables have random keys, so they are partitioned by month: an insert touches the newest
 * part only. A look-up goes through the months that have rows, newest first. */
#ifndef VS_RELAY_EXCHANGE_KEYS_H
#define VS_RELAY_EXCHANGE_KEYS_H
#include "relay/exchange/commit.h"

struct vs_seen {
    bool found;
    struct vs_id id;    /* of the document or refusal */
    bool accepted;      /* idempotency only */
    uint8_t digest[32]; /* idempotency only: of the bytes that came with the key */
};

void vs_idempotency_hash(struct vs_id participant, const char *key, uint8_t ret[32]);
void vs_repetition_hash(const uint8_t digest[32], struct vs_id sender, struct vs_id recipient,
                        uint8_t ret[32]);

/* `now`: look back from its month. */
VS_NODISCARD vs_rc vs_idempotency_find(struct vs_relay *relay, struct vs_arena *arena,
                                       const uint8_t hash[32], vs_time_ms now,
                                       struct vs_seen *ret, struct vs_error *err);
VS_NODISCARD vs_rc vs_repetition_find(struct vs_relay *relay, struct vs_arena *arena,
                                      const uint8_t hash[32], vs_time_ms now,
                                      struct vs_seen *ret, struct vs_error *err);

/* Into the month of `at`; somebody else's row there is a conflict. Within an hour of the
 * month's beginning also one in the month before: two that raced over midnight are one. `seen`
 * is copied. */
VS_NODISCARD vs_rc vs_idempotency_stage(struct vs_relay *relay, struct vs_stage *stage,
                                        const uint8_t hash[32], vs_time_ms at,
                                        const struct vs_seen *seen, struct vs_error *err);
VS_NODISCARD vs_rc vs_repetition_stage(struct vs_relay *relay, struct vs_stage *stage,
                                       const uint8_t hash[32], vs_time_ms at,
                                       const struct vs_seen *seen, struct vs_error *err);
#endif
