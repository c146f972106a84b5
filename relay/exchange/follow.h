/* follow.h - evidence that follows what the sequencer did: ContentConsignment for what entered
 * a mailbox, AcknowledgementReachedSender for what reached the sender.
 *
 * EventTime is the moment of the move, whenever the evidence is signed. A batch is remembered
 * (column `follow`) until all its evidence is committed; what a crash or a full disk left out
 * is made by vs_follow_recover, which looks first what is there: one of each, never two. */
#ifndef VS_RELAY_FOLLOW_H
#define VS_RELAY_FOLLOW_H
#include "relay/seal/batch.h"

/* Evidence that must follow a move; VS_EVENT_UNKNOWN: none. */
bool vs_move_is_followed(enum vs_move_kind kind);

/* Queue a job for each followed move of a batch that was just sequenced. */
void vs_follow_batch(struct vs_relay *relay, int64_t number, const struct vs_move *moves,
                     size_t n);
/* Queue what is missing of all remembered batches; nothing while any of it is under way. */
VS_NODISCARD vs_rc vs_follow_recover(struct vs_relay *relay, struct vs_error *err);
#endif
