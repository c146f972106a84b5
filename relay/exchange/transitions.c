#include "relay/exchange/transitions.h"

const struct vs_transition vs_transitions[] = {
    {VS_DELIVERY_PENDING, VS_DELIVERY_AVAILABLE, VS_EVENT_CONTENT_CONSIGNMENT, "Art. 28.2"},
    {VS_DELIVERY_HELD, VS_DELIVERY_PENDING, VS_EVENT_UNKNOWN, "Art. 27.3.3"},
    {VS_DELIVERY_AVAILABLE, VS_DELIVERY_HANDED_OVER, VS_EVENT_CONTENT_HANDOVER, "Art. 28.2"},
    {VS_DELIVERY_AVAILABLE, VS_DELIVERY_ACKNOWLEDGED, VS_EVENT_ACKNOWLEDGEMENT, "Art. 27.4"},
    {VS_DELIVERY_HANDED_OVER, VS_DELIVERY_ACKNOWLEDGED, VS_EVENT_ACKNOWLEDGEMENT, "Art. 27.4"},
    {VS_DELIVERY_AVAILABLE, VS_DELIVERY_REFUSED, VS_EVENT_ACKNOWLEDGEMENT_REFUSAL, "Art. 27.4"},
    {VS_DELIVERY_HANDED_OVER, VS_DELIVERY_REFUSED, VS_EVENT_ACKNOWLEDGEMENT_REFUSAL,
     "Art. 27.4"},
    {VS_DELIVERY_ACKNOWLEDGED, VS_DELIVERY_REACHED, VS_EVENT_ACKNOWLEDGEMENT_REACHED_SENDER,
     "Art. 27.4"},
};
const size_t vs_transitions_n = sizeof vs_transitions / sizeof *vs_transitions;

static const char *const names[VS_DELIVERY_STATES] = {
    "pending", "held", "available", "handed-over", "acknowledged", "reached", "refused"};

const char *vs_delivery_state_name(enum vs_delivery_state state)
{
    VS_ASSERT((unsigned)state < VS_DELIVERY_STATES);
    return names[state];
}

const struct vs_transition *vs_transition_find(enum vs_delivery_state from,
                                               enum vs_delivery_state to)
{
    for (size_t i = 0; i < vs_transitions_n; i++)
        if (vs_transitions[i].from == from && vs_transitions[i].to == to)
            return &vs_transitions[i];
    return NULL;
}

bool vs_delivery_state_terminal(enum vs_delivery_state state, bool acknowledgement_required)
{
    if (state == VS_DELIVERY_REACHED || state == VS_DELIVERY_REFUSED)
        return true;
    /* Waived: the receipt event ends it (design.md, Events). */
    return !acknowledgement_required &&
           (state == VS_DELIVERY_AVAILABLE || state == VS_DELIVERY_HANDED_OVER);
}

bool vs_delivery_state_visible(enum vs_delivery_state state)
{
    return state != VS_DELIVERY_PENDING && state != VS_DELIVERY_HELD;
}
