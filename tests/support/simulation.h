/* simulation.h - a whole relay driven by one thread from a seed: clock, randomness and network
 * are the seed's, storage is real, and it may crash after any step.
 *
 * The order in which relay's steps are taken, what the outside time-marking authority answers,
 * when the process dies: all follow from the seed, so that a run can be repeated. (Keys and
 * signature values are OpenSSL's own and differ; nothing depends on them.)
 *
 * A violation ends the run: it is printed with seed and step, and sim_over() is true. */
#ifndef VS_TESTS_SUPPORT_SIMULATION_H
#define VS_TESTS_SUPPORT_SIMULATION_H
#include "formats/signature/xades_make.h"
#include "formats/timestamp/authority.h"
#include "relay/exchange/principals.h"
#include "relay/outgoing.h"
#include "relay/relay.h"
#include "tests/support/pki.h"
#include "tests/support/signing.h"

struct sim_random {
    uint64_t state;
};
uint64_t sim_next(struct sim_random *random);
/* 0 to n - 1. */
uint64_t sim_below(struct sim_random *random, uint64_t n);
/* True once in `n`. */
bool sim_once_in(struct sim_random *random, uint64_t n);
/* Exponential, at least 1. */
int64_t sim_about(struct sim_random *random, int64_t mean);

/* What the outside authority does with a question. */
enum sim_manner {
    SIM_RIGHT,
    SIM_AWAY,     /* no connection */
    SIM_BROKEN,   /* status 500 */
    SIM_NONSENSE, /* something that is no answer */
    SIM_WRONG_TIME,
    SIM_SLOW, /* rightly, but the clock moves meanwhile */
    SIM_MANNERS
};

#define SIM_TSA_URL "https://tsa.example/"

struct sim_network {
    struct vs_pki *pki;
    struct vs_pki_party tsa_party; /* of now; a new one before the certificate ends */
    struct vs_tsa *tsa;
    vs_time_ms tsa_until;
    enum sim_manner manner;
    vs_time_ms manner_until;
    uint64_t serial, answers, failures;
    vs_time_ms last_failure;
    /* Everything that is not for the authority: the test's endpoints. NULL: no such host. */
    vs_rc (*endpoint)(void *context, struct vs_arena *arena,
                      const struct vs_outgoing_request *request, struct vs_outgoing_answer *ret,
                      struct vs_error *err);
    void *endpoint_context;
};

struct sim {
    uint64_t seed;
    struct sim_random chance; /* what happens */
    struct sim_random octets; /* relay's randomness */
    struct sim_random fate;   /* order of steps, crashes, the network */
    vs_time_ms now;
    int64_t monotonic;
    struct vs_seams seams;
    char folder[96], data[120], anchor[120];
    struct vs_relay_settings settings;
    struct vs_relay *relay; /* NULL: it crashed */
    struct sim_network network;
    bool outside_tsa, may_crash;
    unsigned crash_once_in;   /* steps of relay; 0: never now */
    struct vs_arena *scratch; /* of one step of the simulation */

    unsigned step;
    const char *doing;
    bool over;
    char violation[600];
    uint64_t relay_steps, crashes, restarts;
};

/* Aborts where the machine fails. `settings` of the relay may be changed before sim_open. */
void sim_init(struct sim *sim, uint64_t seed, vs_time_ms begin);
/* Open the relay (again); a refusal is a violation. */
void sim_open(struct sim *sim);
/* The end of the process, in the middle of whatever it does. */
void sim_crash(struct sim *sim);
void sim_done(struct sim *sim); /* removes its folder */

void sim_violation(struct sim *sim, const char *fmt, ...) VS_PRINTF(2, 3);

/* Take relay's steps, in an order of the seed, until none has anything to do. False: it crashed
 * on the way (sim->relay is NULL then). */
bool sim_drive(struct sim *sim);
/* Both clocks. */
void sim_pass(struct sim *sim, int64_t ms);

enum sim_result { SIM_DONE, SIM_FAILED, SIM_UNKNOWN };
/* `run` as a job, driven to its end. SIM_UNKNOWN: the process died first. */
enum sim_result sim_job(struct sim *sim, struct vs_arena *arena,
                        vs_rc (*run)(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                                     struct vs_error *err),
                        void *context, struct vs_error *err);

/* A holder's certificate of the embedded centre, for `days`; NULL: the centre refused. */
struct sim_holder {
    struct test_signer signer;
    vs_time_ms until;
    char serial[64];
    bool revoked;
};
void sim_holder_issue(struct sim *sim, const char *organisation, const char *identifier,
                      int64_t days, struct sim_holder *ret);
void sim_holder_done(struct sim_holder *holder);
/* An ASiC-E of one file, signed by the holder (NULL: broken after signing where `broken`). */
struct vs_bytes sim_container(struct sim *sim, struct vs_arena *arena,
                              const struct sim_holder *holder, const char *text, bool broken);
#endif
