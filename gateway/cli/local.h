/* local.h - commands that need the service's own settings and data folder, with it stopped. */
#ifndef VS_GATEWAY_CLI_LOCAL_H
#define VS_GATEWAY_CLI_LOCAL_H
#include "gateway/cli/cli.h"
#include "gateway/daemon/settings.h"
#include "relay/relay.h"

/* Read vasite.yaml and become the service's user: what is made is the service's. Texts live in
 * the cli's arena. VS_E_USAGE: `config` NULL; VS_E_CONFIG. */
VS_NODISCARD vs_rc vs_cli_settings(struct vs_cli *cli, const char *config,
                                   const struct vs_settings **ret,
                                   struct vs_relay_settings *ret_relay);
/* The same, and open the relay; `inspect` as in vs_relay_settings. */
VS_NODISCARD vs_rc vs_cli_open_relay(struct vs_cli *cli, const char *config, bool inspect,
                                     const struct vs_settings **ret,
                                     struct vs_relay **ret_relay);
#endif
