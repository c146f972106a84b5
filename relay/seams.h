/* seams.h - what relay takes from the world: clock, randomness, network. Storage has a seam of
 * its own (storage/store.h, storage/fileops.h).
 *
 * Given at start and never changed, so that a test can run years of deadlines in seconds, from
 * a seed. Nothing in relay asks the system for the time, random bytes or a connection. */
#ifndef VS_RELAY_SEAMS_H
#define VS_RELAY_SEAMS_H
#include "formats/base/base.h"

struct vs_outgoing_request; /* relay/outgoing.h */
struct vs_outgoing_answer;
struct vs_outgoing_call;

/* Many requests at once on one thread (relay/outgoing.h, "many at once"): for the delivery
 * step. `context` is vs_seams.context. */
struct vs_seams_many {
    void (*begin)(void *context, struct vs_outgoing_call *call);
    void (*wait)(void *context, int64_t wait_ms);
    void (*wake)(void *context); /* any thread */
    void (*cancel)(void *context, struct vs_outgoing_call *call);
};

struct vs_seams {
    void *context; /* handed to every function below */
    /* UTC, what counts in law. May be called from any thread. */
    vs_time_ms (*now_ms)(void *context);
    /* For time-outs only; never goes back. */
    int64_t (*monotonic_ms)(void *context);
    /* Unpredictable bytes; never fails (the real one aborts: nothing may be signed without). */
    void (*random)(void *context, uint8_t *to, size_t len);
    /* One request to a remote service, or NULL: then nothing goes out and what would have to
     * fails with VS_E_NETWORK. Blocks; never called on an HTTP thread or by the committer. */
    vs_rc (*outgoing)(void *context, struct vs_arena *arena,
                      const struct vs_outgoing_request *request, struct vs_outgoing_answer *ret,
                      struct vs_error *err);
    /* NULL: each goes out alone, by `outgoing` (a simulation needs no more). */
    const struct vs_seams_many *many;
};

/* The system's clock and OpenSSL's random generator, no network. */
struct vs_seams vs_seams_real(void);
#endif
