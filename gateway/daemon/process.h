/* process.h - what a service does to itself before it touches data: limits, user, secrets. */
#ifndef VS_GATEWAY_DAEMON_PROCESS_H
#define VS_GATEWAY_DAEMON_PROCESS_H
#include "gateway/daemon/settings.h"

/* No core dumps, no tracing by others (keys would be in them), files for the owner alone, as
 * many descriptors as `connections` need. */
VS_NODISCARD vs_rc vs_process_harden(int64_t connections, struct vs_error *err);

/* Started as root: make the data folder, give it and the anchor's folder to `user`, become that
 * user for good. Otherwise nothing. Leaves rights below 1024 to systemd's capabilities: use
 * ports above. VS_E_CONFIG where there is no such user. */
VS_NODISCARD vs_rc vs_process_become(const struct vs_settings *settings, struct vs_error *err);

/* A small file as a whole, at most 1 MiB. VS_E_KEY names it. */
VS_NODISCARD vs_rc vs_process_read(const char *path, struct vs_arena *arena,
                                   struct vs_bytes *ret, struct vs_error *err);

/* sd_notify by hand: "READY=1", "STOPPING=1", "RELOADING=1"…; nothing without NOTIFY_SOCKET. */
void vs_process_notify(const char *state);
#endif
