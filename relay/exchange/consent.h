/* consent.h - the recipient is asked before anything is handed over to it (Art. 26), where the
 * agreement says `consent`.
 *
 * The sequencer puts the delivery into the mailbox as `asked` (NotificationForAcceptance): its
 * recipient sees who sends, when, and the requisites, not the content. Yes
 * (ConsignmentAcceptance) lets it go on to the mailbox or the endpoint: only then does it have
 * a receipt time (28.2). No (ConsignmentRejection) and no answer within the term
 * (AcceptanceRejectionExpiry) end it. The term's last millisecond belongs to it. Consent says
 * nothing about conformity: the acknowledgement of 27.4 comes afterwards. */
#ifndef VS_RELAY_CONSENT_H
#define VS_RELAY_CONSENT_H
#include "relay/due.h"
#include "relay/exchange/mailbox.h"

struct vs_row; /* storage/store.h */

#define VS_DUE_CONSENT "consent"

struct vs_consent {
    bool accepts;
    const char *reason; /* of a rejection; may be NULL */
};
struct vs_consented {
    struct vs_id evidence; /* ConsignmentAcceptance or ConsignmentRejection */
    struct vs_bytes evidence_xml;
    vs_time_ms time;
    bool repeated; /* the same answer was given before: the first evidence again */
};
/* The caller is a recipient of the document. Same answer again: the first one is returned. The
 * opposite answer, a delivery that is not asked, a term that has passed: VS_E_STATE; what is
 * not the caller's: VS_E_NOT_FOUND. *ret is filled in the job's arena, valid in done. */
VS_NODISCARD vs_rc vs_consent_stage(struct vs_relay *relay, struct vs_job *job,
                                    const struct vs_caller *caller, struct vs_id document,
                                    const struct vs_consent *consent, vs_time_ms now,
                                    struct vs_consented *ret, struct vs_error *err);

/* The last moment for an answer, of a delivery that is asked. */
vs_time_ms vs_consent_term_end(const struct vs_row *delivery);
/* With the evidence that it is asked: the term begins, from the moment of asking. Nothing where
 * it has answered already. */
VS_NODISCARD vs_rc vs_consent_asked_stage(struct vs_stage *stage, const struct vs_row *delivery,
                                          struct vs_error *err);

/* Due work (due_kinds.c): the term has passed. */
VS_NODISCARD vs_rc vs_consent_due(struct vs_relay *relay, struct vs_job *job,
                                  const struct vs_due *work, vs_time_ms now,
                                  struct vs_error *err);
#endif
