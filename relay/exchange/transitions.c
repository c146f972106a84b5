#include "relay/exchange/transitions.h"

const struct vs_transition vs_transitions[] = {
    {VS_DELIVERY_PENDING, VS_DELIVERY_AVAILABLE, VS_EVENT_CONTENT_CONSIGNMENT, "Art. 28.2"},
    {VS_DELIVERY_PENDING, VS_DELIVERY_WAITING, VS_EVENT_UNKNOWN, "Art. 28.2"},
    {VS_DELIVERY_PENDING, VS_DELIVERY_ASKED, VS_EVENT_NOTIFICATION_FOR_ACCEPTANCE, "Art. 26"},
    {VS_DELIVERY_PENDING, VS_DELIVERY_FAILED, VS_EVENT_CONTENT_CONSIGNMENT_FAILURE,
     "Art. 28.2"},
    {VS_DELIVERY_ASKED, VS_DELIVERY_AVAILABLE, VS_EVENT_CONTENT_CONSIGNMENT, "Art. 28.2"},
    {VS_DELIVERY_ASKED, VS_DELIVERY_WAITING, VS_EVENT_UNKNOWN, "Art. 28.2"},
    {VS_DELIVERY_ASKED, VS_DELIVERY_REJECTED, VS_EVENT_CONSIGNMENT_REJECTION, "Art. 26"},
    {VS_DELIVERY_ASKED, VS_DELIVERY_EXPIRED, VS_EVENT_ACCEPTANCE_REJECTION_EXPIRY, "Art. 26"},
    {VS_DELIVERY_WAITING, VS_DELIVERY_HANDED_OVER, VS_EVENT_CONTENT_HANDOVER, "Art. 28.2"},
    {VS_DELIVERY_WAITING, VS_DELIVERY_FAILED, VS_EVENT_CONTENT_HANDOVER_FAILURE, "Art. 28.2"},
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

static const struct {
    const char *name;
    bool visible, open, terminal;
} states[VS_DELIVERY_STATES] = {
    [VS_DELIVERY_PENDING] = {"pending", false, false, false},
    [VS_DELIVERY_HELD] = {"held", true, false, false},
    [VS_DELIVERY_AVAILABLE] = {"available", true, true, false},
    [VS_DELIVERY_HANDED_OVER] = {"handed-over", true, true, false},
    [VS_DELIVERY_ACKNOWLEDGED] = {"acknowledged", true, true, false},
    [VS_DELIVERY_REACHED] = {"reached", true, true, true},
    [VS_DELIVERY_REFUSED] = {"refused", true, true, true},
    [VS_DELIVERY_WAITING] = {"waiting", false, false, false},
    [VS_DELIVERY_FAILED] = {"failed", false, false, true},
    [VS_DELIVERY_ASKED] = {"asked", true, false, false},
    [VS_DELIVERY_REJECTED] = {"rejected", true, false, true},
    [VS_DELIVERY_EXPIRED] = {"expired", true, false, true},
};

const char *vs_delivery_state_name(enum vs_delivery_state state)
{
    VS_ASSERT((unsigned)state < VS_DELIVERY_STATES);
    return states[state].name;
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
    if (states[state].terminal)
        return true;
    /* Waived: the receipt event ends it (design.md, Events). */
    return !acknowledgement_required &&
           (state == VS_DELIVERY_AVAILABLE || state == VS_DELIVERY_HANDED_OVER);
}

bool vs_delivery_state_visible(enum vs_delivery_state state)
{
    return states[state].visible;
}

bool vs_delivery_state_open(enum vs_delivery_state state)
{
    return states[state].open;
}
