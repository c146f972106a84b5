/* submit_priv.h - one submission, shared by submit.c (bytes arriving) and accept.c (a worker).
 */
#ifndef VS_RELAY_SUBMIT_PRIV_H
#define VS_RELAY_SUBMIT_PRIV_H
#include "relay/exchange/decide.h"
#include "relay/exchange/issue.h"
#include "relay/exchange/keys.h"
#include "relay/exchange/submit.h"
#include "relay/relay_priv.h"

struct vs_hasher;

struct vs_submission {
    struct vs_relay *relay;
    struct vs_arena *arena;
    struct vs_caller caller;
    struct vs_submit_parameters parameters;

    /* Arriving. */
    struct vs_hasher *hasher;
    uint32_t crc32;
    uint64_t size;
    struct vs_buffer memory; /* up to settings.memory_max, */
    struct vs_spool *spool;  /* above it a file */
    bool ended, counted;     /* among relay's `receiving` */

    /* Whole. */
    struct vs_bytes_source memory_source;
    const struct vs_source *source;
    uint8_t digest[32];
    vs_time_ms sent; /* last byte arrived: Art. 28.1 */

    /* On its way. */
    struct vs_job job;
    void (*done)(struct vs_submission *submission, void *context);
    void *context;
    bool adopted, committed; /* the spool file became a segment; its row is durable */
    struct vs_location location;
    unsigned notices; /* of repetition: pieces of evidence besides its own */
    struct vs_receipt receipt;
};

/* A recipient as the worker finds it. */
struct vs_target {
    const char *identifier;
    const struct vs_participant *participant; /* NULL: not resolved */
    const struct vs_agreement *agreement;
    uint8_t repetition[32];
    struct vs_seen seen; /* the same bytes before */
    bool held;
};

/* What examination finds out, as far as it came. */
struct vs_examined {
    const struct vs_participant *sender;
    struct vs_offer offer;
    struct vs_target *targets;
    size_t n_targets;
    const char *name, *media_type;
    vs_time_ms deadline;
    const char *retention;
    bool intended_repeat;
};

/* The worker's part: accept, refuse with evidence, replay, or fail. */
VS_NODISCARD vs_rc vs_submission_run(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                                     struct vs_error *err);

/* examine.c: everything that a verdict may refuse. `found` is filled as far as it goes. */
VS_NODISCARD vs_rc vs_submission_examine(struct vs_relay *relay,
                                         const struct vs_submission *submission, vs_time_ms now,
                                         struct vs_examined *found, struct vs_error *err);
#endif
