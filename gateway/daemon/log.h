/* log.h - one JSON record an event, one line each, on standard error.
 *
 * Records hold codes, ids, counts and texts of errors; never content, keys, tokens or names of
 * persons (Art. 35). Everything is escaped, so that no field can forge a record. Any thread may
 * log; a record is written by one call. */
#ifndef VS_GATEWAY_DAEMON_LOG_H
#define VS_GATEWAY_DAEMON_LOG_H
#include "formats/base/base.h"

enum vs_log_level { VS_LOG_INFO, VS_LOG_WARNING, VS_LOG_ERROR };

struct vs_log_field {
    const char *name;
    const char *text; /* NULL: the number */
    int64_t number;
};

/* {"time","level","event",fields…}. */
void vs_log_write(enum vs_log_level level, vs_time_ms now, const char *event,
                  const struct vs_log_field *fields, size_t n);
/* An error: its stable code, text and clause. */
void vs_log_error(vs_time_ms now, const char *event, const struct vs_error *err);

#define VS_LOG(level, now, event, ...)                                                         \
    vs_log_write(level, now, event, (const struct vs_log_field[]){__VA_ARGS__},                \
                 sizeof((const struct vs_log_field[]){__VA_ARGS__}) /                          \
                     sizeof(struct vs_log_field))
#endif
