/* sequence.h - order: journal indices for evidence, places in mailboxes for deliveries.
 *
 * A batch is sequenced by the cycle after the one that committed it, or at once when nothing
 * else is on its way: leaves go into the journal and the checkpoint is signed, deliveries get
 * their place in the recipient's mailbox and in the sender's events, all in one item. The
 * moment taken just before that transaction is the receipt time (Art. 28.2). Afterwards come
 * follow-up jobs (ContentConsignment, AcknowledgementReachedSender) and the time mark.
 *
 * A place is milliseconds << 16 and a count within: it grows for ever, never repeats, and says
 * nothing about other parties' traffic.
 *
 * All of it belongs to the committer's thread (and open). */
#ifndef VS_RELAY_SEQUENCE_H
#define VS_RELAY_SEQUENCE_H
#include "relay/exchange/commit.h"
#include "relay/exchange/mailbox.h"

struct vs_sequencer;

/* What a move of each kind does to its delivery, besides the place in the sender's events. */
struct vs_move_row {
    bool mailbox; /* a new place in the recipient's mailbox */
    bool moves;   /* to `state`; else the stage did all */
    enum vs_delivery_state state;
    int time_column; /* that takes the moment; 0: none */
};
extern const struct vs_move_row vs_move_rows[];

/* What became durable with one cycle and waits for its order. Heap; freed by the sequencer. */
struct vs_pending_batch {
    int64_t number;
    vs_time_ms created;
    struct vs_leaf *leaves;
    uint8_t (*salts)[32]; /* of each leaf; unused for consignments */
    size_t n_leaves;
    struct vs_move *moves;
    size_t n_moves;
    bool enters; /* any move that evidence must follow */
    struct vs_pending_batch *next;
};
struct vs_pending_batch *vs_pending_batch_new(size_t n_leaves, size_t n_moves);
void vs_pending_batch_free(struct vs_pending_batch *batch);

/* Reads where the last run ended and queues what it left: batches without order, moves without
 * their evidence, batches without a mark (relay invariant 5). */
VS_NODISCARD vs_rc vs_sequencer_open(struct vs_relay *relay, struct vs_error *err);
void vs_sequencer_close(struct vs_relay *relay);

/* The number for the batch of this cycle. */
int64_t vs_sequencer_number(struct vs_relay *relay);
/* It is durable: sequence it with the next cycle. Takes `batch`. */
void vs_sequencer_add(struct vs_relay *relay, struct vs_pending_batch *batch);

/* The item that sequences the oldest waiting batch at `now`; n_ops 0: none waits. */
VS_NODISCARD vs_rc vs_sequencer_item(struct vs_relay *relay, struct vs_arena *arena,
                                     vs_time_ms now, struct vs_item *ret, struct vs_error *err);
/* It is durable: wake who waits, queue what follows. */
VS_NODISCARD vs_rc vs_sequencer_done(struct vs_relay *relay, struct vs_error *err);
/* Nothing was changed: it is tried again with a later cycle. */
void vs_sequencer_undo(struct vs_relay *relay);
#endif
