/* deadline.h - the term for the acknowledgement (Art. 27.5): what happens when it has passed.
 *
 * The sender gives it with the document, or the agreement has it; the law sets none. Its last
 * millisecond belongs to it. When it has passed without an answer:
 *
 *   where the agreement lets the service remind, and the recipient has the document:
 *       AcknowledgementReminder to both sides, in the sender's name, which sets the further
 *       term (it runs from the reminder: a service that was down takes nothing from it)
 *   else
 *       AcknowledgementOverdue: the sender is told, and may remind for itself
 *   once the further term has passed
 *       AcknowledgementOverdue to both sides
 *
 * None of this is terminal: a late acknowledgement counts. An answer, a notice of non-sending
 * (27.3.1) and every terminal state end the term; of a held repetition it begins to matter once
 * the sender has confirmed it. */
#ifndef VS_RELAY_DEADLINE_H
#define VS_RELAY_DEADLINE_H
#include "relay/due.h"
#include "relay/exchange/mailbox.h"

struct vs_row; /* storage/store.h */

#define VS_DUE_DEADLINE "deadline"

/* The end of the term that runs or has passed last: the further one, else the first;
 * VS_TIME_NONE: there is none. */
vs_time_ms vs_deadline_of(const struct vs_row *delivery);
/* Whether a term can matter to this delivery: an acknowledgement is required, and neither
 * given, refused nor made moot. */
bool vs_deadline_matters(const struct vs_row *delivery);
/* When a delivery is accepted or released with a deadline: its due work. */
VS_NODISCARD vs_rc vs_deadline_stage(struct vs_stage *stage, struct vs_id document,
                                     struct vs_id recipient, vs_time_ms deadline,
                                     struct vs_error *err);

struct vs_reminded {
    struct vs_id evidence; /* AcknowledgementReminder */
    struct vs_bytes evidence_xml;
    vs_time_ms time, further;
};
/* The sender reminds `recipient` (VS_ID_NONE: the only one) and sets a further term: until
 * `until`, or VS_TIME_NONE: the agreement's from now. VS_E_STATE: no acknowledgement is
 * awaited, a term still runs, or the recipient was not handed the document; VS_E_PARAMETER:
 * `until` lies in the past, or which recipient is not said; VS_E_NOT_FOUND also for anybody
 * else's id. */
VS_NODISCARD vs_rc vs_remind_stage(struct vs_relay *relay, struct vs_job *job,
                                   const struct vs_caller *caller, struct vs_id document,
                                   struct vs_id recipient, vs_time_ms until, vs_time_ms now,
                                   struct vs_reminded *ret, struct vs_error *err);

/* Due work (due_kinds.c): the term has passed. */
VS_NODISCARD vs_rc vs_deadline_due(struct vs_relay *relay, struct vs_job *job,
                                   const struct vs_due *work, vs_time_ms now,
                                   struct vs_error *err);
#endif
