/* health.h - what an operator should know before users do: checks with reasons, and backlogs.
 *
 * A check that fails means that documents cannot be taken in, or that what is issued would not
 * be worth what it says: /readyz is red. A warning is something to mend in days. Intake itself
 * follows vs_relay_intake (relay.h): of the checks here `store`, `stopping`, `disk`, `anchor`,
 * `clock` and `marks` are those same. */
#ifndef VS_RELAY_HEALTH_H
#define VS_RELAY_HEALTH_H
#include "relay/relay.h"

enum vs_check_state { VS_CHECK_OK, VS_CHECK_WARN, VS_CHECK_FAIL };
/* "ok", "warn", "fail" */
const char *vs_check_state_text(enum vs_check_state state);

struct vs_health_bounds {
    int64_t certificate_warn_ms, certificate_fail_ms; /* left of a certificate's term */
    uint64_t disk_warn;                               /* free octets; fail: disk_reserve */
    int64_t marks_warn_ms; /* age of the oldest unmarked batch; fail: mark_bound_ms */
    int64_t list_warn_ms;  /* left until a trusted list should be followed by a new one */
};

struct vs_health_check {
    const char *name; /* "disk", "certificate-seal", …; static text */
    enum vs_check_state state;
    enum vs_code code; /* of a failed one; VS_E_NONE */
    bool has_value;
    int64_t value;    /* what was looked at: octets, milliseconds (until, age), jobs */
    const char *unit; /* "bytes", "ms", "jobs" */
    char text[160];   /* the reason, in words; no names, no content */
};
#define VS_HEALTH_CHECKS 24

/* All of them, at most VS_HEALTH_CHECKS; cheap, from any thread. */
size_t vs_relay_checks(struct vs_relay *relay, vs_time_ms now,
                       const struct vs_health_bounds *bounds, struct vs_health_check *ret);
/* One more, of a certificate that others hold (TLS). `name` as above. */
void vs_health_certificate(const char *name, vs_time_ms not_after, vs_time_ms now,
                           const struct vs_health_bounds *bounds, struct vs_health_check *ret);

/* Work that is due (due.h), by kind, as the clockwork saw it within the last ten seconds. */
struct vs_backlog {
    const char *kind;
    uint64_t due; /* at most VS_BACKLOG_MOST are counted */
    vs_time_ms oldest;
};
#define VS_BACKLOGS     16
#define VS_BACKLOG_MOST 10000
size_t vs_relay_backlogs(struct vs_relay *relay, struct vs_backlog ret[VS_BACKLOGS]);

/* The service's certificates by purpose, for gauges: how long each is in force. */
struct vs_term {
    const char *purpose; /* "seal" */
    vs_time_ms not_after;
};
#define VS_TERMS 8
size_t vs_relay_terms(struct vs_relay *relay, struct vs_term ret[VS_TERMS]);

/* Where a commit's cycles lie: how long each took (ms), how many jobs each held. */
struct vs_histogram;
const struct vs_histogram *vs_relay_cycle_ms(const struct vs_relay *relay);
const struct vs_histogram *vs_relay_cycle_jobs(const struct vs_relay *relay);
#endif
