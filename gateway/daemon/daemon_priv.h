/* daemon_priv.h - what the files of vasited share: threads, what is observed, start and stop.
 */
#ifndef VS_GATEWAY_DAEMON_PRIV_H
#define VS_GATEWAY_DAEMON_PRIV_H
#include "gateway/call.h"
#include "gateway/daemon/daemon.h"
#include "gateway/daemon/log.h"
#include "relay/health.h"
#include "relay/outgoing.h"
#include <pthread.h>
#include <stdatomic.h>

enum { MAX_WORKERS = 256, STEP_MS = 250 /* of the server's deadlines */ };

struct daemon {
    const char *path;
    struct vs_snapshot *first;          /* the settings at start: relay borrows their texts */
    struct vs_snapshot *current;        /* as the last reload left them */
    const struct vs_settings *settings; /* of `first` */
    struct vs_seams seams;
    struct vs_outgoing *outgoing;
    struct vs_outgoing_many *many; /* of the delivery thread */
    struct vs_gateway gateway;
    pthread_t workers[MAX_WORKERS], committer, marker, delivery, clockwork, decay, backup;
    uint64_t decay_steps; /* of that thread */
    size_t n_workers;
    bool have_threads;
    _Atomic int64_t log_requests;
    enum vs_check_state states[VS_HEALTH_CHECKS]; /* as logged last, by place */
    const char *checked[VS_HEALTH_CHECKS];
    int64_t health_at, overrides_at; /* monotonic */
    atomic_bool stopping;
};

static inline vs_time_ms now_of(const struct daemon *self)
{
    return self->seams.now_ms(self->seams.context);
}

/* threads.c: each repeats a step of relay until there is nothing left to do. */
void vs_daemon_start_threads(struct daemon *self);
void vs_daemon_join_threads(struct daemon *self);

/* overrides.c: limits.participants, by the ids that their identifiers have now: participants
 * may be entered later, so it is looked again every few seconds. */
void vs_daemon_resolve_overrides(struct daemon *self, bool now);

/* observe.c: vs_server_options.ended; and, four times a second, checks that changed. */
void vs_daemon_request_ended(void *gateway, const struct vs_request *request, int status,
                             uint64_t received, bool complete);
void vs_daemon_watch_health(struct daemon *self);
/* What a snapshot says about logs and checks. VS_E_CONFIG: the log cannot be opened. */
VS_NODISCARD vs_rc vs_daemon_observe_by(struct daemon *self, const struct vs_settings *settings,
                                        struct vs_error *err);
#endif
