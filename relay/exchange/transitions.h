/* transitions.h - the states of a delivery and every move between them, in one table.
 *
 *   pending       -> available     sequencer        ContentConsignment (28.2)
 *   held          -> pending       sender confirms  RepetitionNotice was issued before (27.3.3)
 *   available     -> handed-over   first download   ContentHandover
 *   available,
 *   handed-over   -> acknowledged  recipient        Acknowledgement (27.4)
 *   available,
 *   handed-over   -> refused       recipient        AcknowledgementRefusal (27.4), terminal
 *   acknowledged  -> reached       sequencer        AcknowledgementReachedSender, terminal
 *
 * Every move is one item whose update is conditional on the row's version, together with its
 * evidence: no evidence without its event, and one of each only. A download after the answer
 * is evidenced but moves nothing. */
#ifndef VS_RELAY_TRANSITIONS_H
#define VS_RELAY_TRANSITIONS_H
#include "formats/evidence/erds.h"
#include "relay/exchange/mailbox.h"

struct vs_transition {
    enum vs_delivery_state from, to;
    enum vs_event event; /* its evidence; VS_EVENT_UNKNOWN: none */
    const char *clause;
};
extern const struct vs_transition vs_transitions[];
extern const size_t vs_transitions_n;

/* The row for this move, or NULL: it is not allowed. */
const struct vs_transition *vs_transition_find(enum vs_delivery_state from,
                                               enum vs_delivery_state to);
bool vs_delivery_state_terminal(enum vs_delivery_state state, bool acknowledgement_required);
/* Whether the recipient sees it. */
bool vs_delivery_state_visible(enum vs_delivery_state state);
#endif
