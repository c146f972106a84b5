/* log.h - one JSON record an event, one line each, to standard error or a file.
 *
 *   {"time":"2026-01-01T00:00:00.000Z","level":"info","event":"started",FIELDS...}
 *
 * Events are rows of log_events.def; `time` is RFC 3339 in UTC. Records hold codes, ids,
 * counts, durations and texts of errors; never content, keys, tokens or names of persons (Art.
 * 35). A record is plain ASCII: quotes, control characters and everything beyond ASCII are
 * escaped, so that no field can forge a record, turn its reading direction or drive a terminal.
 *
 * Where standard error is the systemd journal's, each line begins with its priority
 * (sd-daemon(3), "<6>"). Any thread may log; a record is written by one call. A log that is
 * full or gone stops nothing: what could not be written is counted. */
#ifndef VS_GATEWAY_DAEMON_LOG_H
#define VS_GATEWAY_DAEMON_LOG_H
#include "formats/base/base.h"

enum vs_log_level { VS_LOG_INFO, VS_LOG_WARNING, VS_LOG_ERROR };

enum vs_log_event {
#define VS_LOG_EVENT(symbol, ...) VS_LOG_##symbol,
#include "gateway/daemon/log_events.def"
#undef VS_LOG_EVENT
    VS_LOG_EVENTS
};
/* "started"; its usual level; what it means. */
const char *vs_log_event_name(enum vs_log_event event);
enum vs_log_level vs_log_event_level(enum vs_log_event event);

/* Where to: a file, appended to (0640, made when missing), or "" for standard error; and from
 * which level on. Before the first call: standard error, everything. Called again (SIGHUP,
 * SIGUSR1) it opens the file anew, so that a moved one is let go. VS_E_CONFIG leaves all as it
 * was. One thread. */
VS_NODISCARD vs_rc vs_log_open(const char *path, enum vs_log_level least, struct vs_error *err);
/* Records that could not be written. */
uint64_t vs_log_lost(void);

struct vs_log_field {
    const char *name;
    const char *text; /* NULL: the number */
    int64_t number;
};
void vs_log_write(enum vs_log_event event, enum vs_log_level level, vs_time_ms now,
                  const struct vs_log_field *fields, size_t n);
/* An error: its stable code, text, remedy and clause. */
void vs_log_error(vs_time_ms now, enum vs_log_event event, const struct vs_error *err);

#define VS_LOG_AT(event, level, now, ...)                                                      \
    vs_log_write(event, level, now, (const struct vs_log_field[]){__VA_ARGS__},                \
                 sizeof((const struct vs_log_field[]){__VA_ARGS__}) /                          \
                     sizeof(struct vs_log_field))
#define VS_LOG(event, now, ...) VS_LOG_AT(event, vs_log_event_level(event), now, __VA_ARGS__)
#endif
