/* relay_fixture.h - a complete relay for tests: embedded centre, two participants under
 * contract
 * ("Alfa MMC" voen:1234567891, "Beta ASC" voen:2345678912), a holder's key that the centre
 * certified for Alfa, a clock that stands until it is moved; all steps on this thread. */
#ifndef VS_TESTS_SUPPORT_RELAY_FIXTURE_H
#define VS_TESTS_SUPPORT_RELAY_FIXTURE_H
#include "relay/exchange/acknowledge.h"
#include "relay/exchange/agreements.h"
#include "relay/exchange/status.h"
#include "relay/exchange/submit.h"
#include "tests/support/signing.h"
#include "tests/support/world.h"

struct relay_fixture {
    char folder[64];
    char anchor[80];
    struct test_world world;
    struct vs_relay_settings settings;
    struct vs_relay *relay;
    struct vs_arena *arena; /* everything that the functions below return lives here */
    struct vs_caller alfa, beta, gamma, auditor;
    struct test_signer signer; /* Alfa's holder */
    const char *retention;     /* class of what is sent; NULL: the agreement's */
};

/* `memory`: rows in memory; else SQLite, so that it can be opened again. Aborts on failure. */
void relay_fixture_open(struct relay_fixture *fixture, bool memory);
/* With settings of the test's own, before the first open. */
void relay_fixture_init(struct relay_fixture *fixture, bool memory);
void relay_fixture_start(struct relay_fixture *fixture);
/* Close and open the same data again, as after a stop or (steps left undone) a crash. */
void relay_fixture_reopen(struct relay_fixture *fixture);
void relay_fixture_close(struct relay_fixture *fixture); /* and remove its folder */

/* An ASiC-E with one file of this text, signed by Alfa's holder (XAdES B-B). */
struct vs_bytes relay_fixture_container(struct relay_fixture *fixture, const char *text);
/* The same with a document.xml among the signed files. */
struct vs_bytes relay_fixture_container_with(struct relay_fixture *fixture, const char *text,
                                             struct vs_bytes requisites);

/* The same with a second signed file; none where `second` is empty. */
struct vs_bytes relay_fixture_container_and(struct relay_fixture *fixture, const char *text,
                                            const char *name, const char *media_type,
                                            struct vs_bytes second);

/* A submission by `caller` that is fed and waits in the queue; `to` may be NULL, `key` too. */
struct vs_submission *relay_fixture_queue(struct relay_fixture *fixture,
                                          const struct vs_caller *caller, struct vs_bytes bytes,
                                          const char *to, const char *key);
/* The same to its end (all steps until nothing is left), the receipt copied. */
vs_rc relay_fixture_send(struct relay_fixture *fixture, const struct vs_caller *caller,
                         struct vs_bytes bytes, const char *to, const char *key,
                         struct vs_receipt *ret, struct vs_error *err);

/* Run `run` as a job until nothing is left to do; its result. */
vs_rc relay_fixture_job(struct relay_fixture *fixture,
                        vs_rc (*run)(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                                     struct vs_error *err),
                        void *context, struct vs_error *err);
/* Acknowledge (reason NULL) or refuse as `caller`. */
vs_rc relay_fixture_answer(struct relay_fixture *fixture, const struct vs_caller *caller,
                           struct vs_id document, const char *reason,
                           struct vs_acknowledged *ret, struct vs_error *err);

/* An agreement of Alfa and Beta with these terms. */
void relay_fixture_agree(struct relay_fixture *fixture, const struct vs_terms *terms);
/* What is due is taken at once, not within a second; all steps until nothing is left. */
void relay_fixture_pass(struct relay_fixture *fixture, int64_t ms);
/* Pieces of evidence of this event about a document, all recipients together. */
size_t relay_fixture_evidence(struct relay_fixture *fixture, struct vs_id document,
                              const char *event);
/* `vasite check`: aborts with the first finding. */
void relay_fixture_check(struct relay_fixture *fixture);
#endif
