/* acknowledge.h - the recipient's confirmation of receipt (Art. 27.2, 27.4).
 *
 * It states that the document meets the agreed technical requirements; a reply without that
 * statement, or denying it, is a refusal. It takes effect for the sender when it reached the
 * sender's event mailbox (AcknowledgementReachedSender). A late one counts (27.5). An automatic
 * system (vs_caller.automatic) acknowledges only what was verified and passed: VS_E_STATE. */
#ifndef VS_RELAY_ACKNOWLEDGE_H
#define VS_RELAY_ACKNOWLEDGE_H
#include "relay/exchange/mailbox.h"

struct vs_row; /* storage/store.h */

#define VS_REASON_MAX 2000

struct vs_acknowledgement {
    bool conforms;      /* the statement of 27.4; false: a refusal */
    const char *reason; /* of a refusal: required; of an acceptance: a note, may be NULL */
    /* The answer as a signed document (reply.h), which says both: then they are not looked at.
     * It is kept as long as the document; evidence names its digest. */
    struct vs_bytes reply;
};
struct vs_acknowledged {
    struct vs_id evidence; /* Acknowledgement or AcknowledgementRefusal */
    struct vs_bytes evidence_xml;
    vs_time_ms time;
    enum vs_delivery_state state;
    bool repeated; /* the same answer was given before: the first evidence again */
};
/* The caller is a recipient of the document. Same answer again: the first one is returned
 * (repeated); the opposite answer: VS_E_STATE. A document that is not (yet) in its mailbox or
 * is not the caller's: VS_E_NOT_FOUND. A signed answer that does not hold: as vs_reply_judge,
 * and nothing is recorded. *ret is filled in the job's arena, valid in done. */
VS_NODISCARD vs_rc vs_acknowledge_stage(struct vs_relay *relay, struct vs_job *job,
                                        const struct vs_caller *caller, struct vs_id document,
                                        const struct vs_acknowledgement *acknowledgement,
                                        vs_time_ms now, struct vs_acknowledged *ret,
                                        struct vs_error *err);
/* Where the agreement lets the service acknowledge for the recipient (27.2): with whatever made
 * the delivery available or handed it over, in the job's stage (a new one where it has none).
 * Stages nothing where that is not agreed, its authenticity verdict did not pass, it was
 * answered, or its sender says that it was not sent. `delivery` as just read. */
VS_NODISCARD vs_rc vs_acknowledge_automatic_stage(struct vs_relay *relay, struct vs_job *job,
                                                  const struct vs_row *delivery, vs_time_ms now,
                                                  struct vs_error *err);
#endif
