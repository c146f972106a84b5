#include "relay/relay_priv.h"

struct vs_centre *vs_relay_centre(const struct vs_relay *relay)
{
    return relay->centre;
}
struct vs_journal *vs_relay_journal(const struct vs_relay *relay)
{
    return relay->journal;
}
struct vs_verification *vs_relay_verification(const struct vs_relay *relay)
{
    return relay->verification;
}
