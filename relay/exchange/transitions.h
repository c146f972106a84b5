/* transitions.h - the states of a delivery and every move between them, in one table.
 *
 *   pending       -> available     sequencer        ContentConsignment (28.2)
 *   pending       -> waiting       sequencer        none: to be pushed to the endpoint
 *   pending       -> asked         sequencer        NotificationForAcceptance (26)
 *   pending       -> failed        relay            ContentConsignmentFailure, terminal
 *   held          -> pending       sender confirms  RepetitionNotice was issued before (27.3.3)
 *   asked         -> available,
 *                    waiting       sequencer, after the recipient's ConsignmentAcceptance
 *   asked         -> rejected      recipient        ConsignmentRejection, terminal
 *   asked         -> expired       term passed      AcceptanceRejectionExpiry, terminal
 *   waiting       -> handed-over   endpoint's 2xx   ContentHandover (28.2)
 *   waiting       -> failed        no more retries  ContentHandoverFailure, terminal
 *   available     -> handed-over   first download   ContentHandover
 *   available,
 *   handed-over   -> acknowledged  recipient        Acknowledgement (27.4)
 *   available,
 *   handed-over   -> refused       recipient        AcknowledgementRefusal (27.4), terminal
 *   acknowledged  -> reached       sequencer        AcknowledgementReachedSender, terminal
 *
 * A consent given (column consent_at of an asked delivery) is not a state: the recipient sees
 * `asked` until the sequencer has moved it, a moment later. Reminders, overdue terms (27.5) and
 * the notice of non-sending (27.3.1) are no states either: they change no right of anybody to
 * answer.
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
/* Whether the recipient sees it: its metadata and evidence. */
bool vs_delivery_state_visible(enum vs_delivery_state state);
/* Whether the recipient may have the content: what it was not yet handed, it does not see. */
bool vs_delivery_state_open(enum vs_delivery_state state);
#endif
