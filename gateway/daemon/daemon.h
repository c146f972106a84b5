/* daemon.h - vasited: the threads around relay's steps, signals, start and stop. */
#ifndef VS_GATEWAY_DAEMON_DAEMON_H
#define VS_GATEWAY_DAEMON_DAEMON_H
#include "gateway/daemon/settings.h"
#include "relay/relay.h"

/* relay's settings out of ours; texts are borrowed. */
struct vs_relay_settings vs_daemon_relay_settings(const struct vs_settings *settings);

/* Run until SIGTERM or SIGINT; SIGHUP reloads the file at `path`. Returns the exit status: 0
 * after an orderly stop, 78 for a wrong setting, 70 when the relay broke, 1 otherwise; the
 * reason was logged. */
int vs_daemon_run(const char *path);
#endif
