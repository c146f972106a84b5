#include "relay/exchange/dispatch.h"
#include "relay/exchange/commit.h"
#include "relay/exchange/deadline.h"
#include "relay/exchange/push.h"
#include "relay/relay_priv.h"

void vs_dispatch_terms(const struct vs_terms *terms, const struct vs_participant *recipient,
                       struct vs_value *row)
{
    bool endpoint = terms->receipt_at == VS_RECEIPT_ENDPOINT && recipient->endpoint != NULL;
    unsigned mode = (terms->consent != 0 ? VS_MODE_CONSENT : 0) |
                    (endpoint ? VS_MODE_ENDPOINT : 0) |
                    (terms->remind != 0 ? VS_MODE_REMIND : 0) |
                    (terms->automatic_acknowledgement != 0 ? VS_MODE_AUTOMATIC : 0);
    if (mode != 0)
        row[VS_DELIVERY_MODE] = vs_int(mode);
    if (terms->consent != 0)
        row[VS_DELIVERY_CONSENT_TERM] = vs_int(terms->consent_term_ms);
    if (terms->further_term_ms != vs_terms_law().further_term_ms)
        row[VS_DELIVERY_FURTHER_TERM] = vs_int(terms->further_term_ms);
}

static unsigned mode_of(const struct vs_value *delivery)
{
    const struct vs_value *mode = &delivery[VS_DELIVERY_MODE];
    return mode->type == VS_INT ? (unsigned)mode->integer : 0;
}

static vs_rc move(struct vs_stage *stage, const struct vs_value *delivery,
                  enum vs_move_kind kind, struct vs_error *err)
{
    struct vs_move move = {.kind = kind,
                           .numbered = delivery[VS_DELIVERY_OUTGOING].type != VS_NULL,
                           .document = vs_value_id(&delivery[VS_DELIVERY_DOCUMENT]),
                           .recipient = vs_value_id(&delivery[VS_DELIVERY_RECIPIENT]),
                           .sender = vs_value_id(&delivery[VS_DELIVERY_SENDER])};
    return vs_stage_move(stage, &move, err);
}

vs_rc vs_dispatch_stage(struct vs_stage *stage, const struct vs_value *delivery,
                        struct vs_error *err)
{
    vs_time_ms deadline = vs_value_time(&delivery[VS_DELIVERY_DEADLINE]);
    if (deadline != VS_TIME_NONE && delivery[VS_DELIVERY_ACKNOWLEDGEMENT].integer != 0)
        VS_TRY(vs_deadline_stage(stage, vs_value_id(&delivery[VS_DELIVERY_DOCUMENT]),
                                 vs_value_id(&delivery[VS_DELIVERY_RECIPIENT]), deadline, err));
    if ((mode_of(delivery) & VS_MODE_CONSENT) != 0)
        return move(stage, delivery, VS_MOVE_ASK, err);
    return vs_dispatch_on_stage(stage, delivery, err);
}

vs_rc vs_dispatch_on_stage(struct vs_stage *stage, const struct vs_value *delivery,
                           struct vs_error *err)
{
    if ((mode_of(delivery) & VS_MODE_ENDPOINT) == 0)
        return move(stage, delivery, VS_MOVE_ENTER, err);
    VS_TRY(vs_push_stage(stage, vs_value_id(&delivery[VS_DELIVERY_DOCUMENT]),
                         vs_value_id(&delivery[VS_DELIVERY_RECIPIENT]), err));
    return move(stage, delivery, VS_MOVE_WAIT, err);
}
