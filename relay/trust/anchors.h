/* anchors.h - what the configuration trusts: PEM files and trusted lists, read at start.
 *
 * A file that is missing or broken stops the start with its name: anchors are never lost in
 * silence. NOT DONE: TS 119 612, 5.7 (the list's own signature): who may write the file that
 * the configuration names is trusted; refresh over the network. */
#ifndef VS_RELAY_TRUST_ANCHORS_H
#define VS_RELAY_TRUST_ANCHORS_H
#include "formats/trustlist/trust.h"
#include "relay/relay.h"

/* Add what the settings name. VS_E_CONFIG names the file. */
VS_NODISCARD vs_rc vs_trust_load(struct vs_trust *trust,
                                 const struct vs_relay_settings *settings,
                                 struct vs_error *err);
#endif
