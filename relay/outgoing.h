/* outgoing.h - the one function through which anything here talks to the world.
 *
 * It is a door with a guard: addresses come from configuration, from submitted certificates and
 * from participants, so every request may be an attempt to reach what only this machine can
 * reach. Only http and https; no redirect, no proxy, no credentials of the environment; the
 * address that is really connected to is checked, after resolving, so that a name that changes
 * its address between a check and its use (rebinding) gains nothing. Private, loopback,
 * link-local, multicast and mapped addresses are refused unless the policy lists them.
 *
 * It proves nothing about what comes back: callers verify every answer.
 *
 * Thread-safe: one vs_outgoing serves all threads; vs_outgoing_send blocks its thread up to its
 * time-out. Hosts that failed to connect are not tried again for a while (negative cache). */
#ifndef VS_RELAY_OUTGOING_H
#define VS_RELAY_OUTGOING_H
#include "formats/base/base.h"

struct vs_outgoing;

struct vs_outgoing_policy {
    /* Address ranges that may be reached though they are not public, as "127.0.0.1/32" or
     * "fd00::/8"; NULL-terminated; NULL: none. Copied. */
    const char *const *allowed_ranges;
    bool http;               /* http:// too, not only https:// */
    uint32_t failed_host_ms; /* how long a host that could not be reached is left alone */
    const char *ca_file;     /* PEM of the CAs of https servers; NULL: the system's. Copied. */
    const char *user_agent;  /* Copied. */
    /* The address of a host (text), instead of asking the system; NULL: ask the system. For
     * tests: a name that changes its address. Called by the thread that sends. */
    const char *(*resolve)(void *context, const char *host);
    void *resolve_context;
};

/* VS_E_CONFIG: a range cannot be read. */
VS_NODISCARD vs_rc vs_outgoing_new(const struct vs_outgoing_policy *policy,
                                   struct vs_outgoing **ret, struct vs_error *err);
void vs_outgoing_free(struct vs_outgoing *outgoing); /* NULL is fine; no call under way */

struct vs_outgoing_request {
    const char *method; /* "GET", "POST", … */
    const char *url;
    const char *const *headers;     /* "Name: value", NULL-terminated; NULL: none */
    struct vs_bytes body;           /* sent when not empty, unless `source` is given */
    const struct vs_source *source; /* a large body, read while it is sent; NULL: none */
    uint32_t timeout_ms;            /* of the whole exchange; 0: 10 s, or none with stall_ms */
    uint32_t stall_ms;              /* for large bodies: no byte moved; 0: none */
    /* The exchange ends with the head of the final answer, of whose body nothing is read. A 2xx
     * or 3xx before all of `source` was taken is a broken answer. */
    bool head_only;
    bool try_anyway; /* hosts that failed lately too: the caller has a schedule of its own */
    uint64_t max_answer_bytes; /* 0: 1 MiB */
    /* Instead of collecting the answer's body: called for each piece of a 2xx answer. Its
     * failure ends the exchange and is returned. */
    vs_rc (*sink)(void *context, struct vs_bytes piece, struct vs_error *err);
    /* How far a large transfer is, NULL: nobody asks. `total` is 0 where unknown. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
    /* For the command line: who we are towards an https server (PEM files), NULL: nobody. */
    const char *client_certificate_file, *client_key_file, *ca_file;
};

struct vs_outgoing_answer {
    int status;
    const char *media_type; /* lower case, without parameters; "" where absent */
    const char *etag;       /* NULL where absent */
    uint32_t retry_after_s; /* 0 where absent */
    struct vs_bytes body;   /* empty where a sink took it */
};

/* Any status is an answer and VS_OK; the texts of failures name host and port, never a path or
 * a query (they may hold tokens).
 * Fails: VS_E_NETWORK_POLICY (scheme, address), VS_E_NETWORK (no connection, TLS, time-out,
 * broken answer), VS_E_LIMIT (answer too large), VS_E_PARAMETER (no URL), what `sink` returned.
 */
VS_NODISCARD vs_rc vs_outgoing_send(struct vs_outgoing *outgoing, struct vs_arena *arena,
                                    const struct vs_outgoing_request *request,
                                    struct vs_outgoing_answer *ret, struct vs_error *err);

/* -- many at once -------------------------------------------------------------------------- */
/* Requests under way together on one thread: a slow server delays nobody else's. All but
 * vs_outgoing_many_wake belong to that thread. */
struct vs_outgoing_call {
    struct vs_outgoing_request request; /* what it points to lives until done */
    struct vs_arena *arena;             /* of the answer */
    /* Set when it ended. */
    bool done;
    vs_rc rc; /* as vs_outgoing_send returns it, told in `error` */
    struct vs_outgoing_answer answer;
    struct vs_error error;
    void *under_way; /* the implementation's */
};
struct vs_outgoing_many;
/* `outgoing` outlives it. VS_E_NOMEM. */
VS_NODISCARD vs_rc vs_outgoing_many_new(struct vs_outgoing *outgoing,
                                        struct vs_outgoing_many **ret, struct vs_error *err);
/* No call may be under way. NULL is fine. */
void vs_outgoing_many_free(struct vs_outgoing_many *many);
/* Begin it; it may be done at once. */
void vs_outgoing_many_begin(struct vs_outgoing_many *many, struct vs_outgoing_call *call);
/* Move bytes until a call is done, somebody wakes, or `wait_ms` passed. */
void vs_outgoing_many_wait(struct vs_outgoing_many *many, int64_t wait_ms);
void vs_outgoing_many_wake(struct vs_outgoing_many *many); /* any thread; never lost */
/* Give one up: done, with VS_E_STOPPING. */
void vs_outgoing_many_cancel(struct vs_outgoing_many *many, struct vs_outgoing_call *call);

/* What an endpoint must be before it is kept: an https URL of printable ASCII, at most 2000
 * bytes, with a host, without user, password and fragment. */
struct vs_endpoint {
    /* As a request names it (RFC 9421, 2.2.2): host in lower case, no default port, a path. */
    const char *url;
    const char *host; /* "host:port" */
};
/* VS_E_ENDPOINT says what is wrong. It says nothing about where the host lies: that is checked
 * when it is connected to. */
VS_NODISCARD vs_rc vs_outgoing_endpoint(struct vs_arena *arena, const char *url,
                                        struct vs_endpoint *ret, struct vs_error *err);

/* Whether `address` (4 or 16 bytes, network order) is on the public internet; for tests. */
bool vs_address_is_public(struct vs_bytes address);
#endif
