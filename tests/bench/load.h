/* load.h - sends requests over many kept connections and counts the answers. */
#ifndef VS_TESTS_BENCH_LOAD_H
#define VS_TESTS_BENCH_LOAD_H
#include "formats/base/base.h"

struct load {
    const char *host; /* an address of this machine */
    int port;
    bool tls; /* the server's certificate is checked against ca_file */
    const char *ca_file;
    const char *method, *path;
    const char
        *headers; /* whole lines, each with CR LF; Idempotency-Key is added per request */
    const struct vs_bytes *bodies;
    size_t n_bodies;     /* each is sent once */
    int connections;     /* each with a thread of its own */
    int wanted;          /* the status that counts as right */
    void (*ready)(void); /* called when all are connected, before the first request; or NULL */
};

struct load_result {
    size_t right, wrong; /* answers with `wanted` and others */
    int first_wrong;     /* status of one of the others, 0 for a broken connection */
    char first_wrong_text[400];
    double seconds;        /* from the first request to the last answer */
    double p50_ms, p99_ms; /* of one request */
};

/* Sends every body once; returns when all are answered. */
void load_run(const struct load *load, struct load_result *ret);

/* One request on a connection of its own; the answer's body in `arena`. Returns the status. */
int load_one(const struct load *load, struct vs_arena *arena, struct vs_bytes body,
             struct vs_bytes *ret_body);
#endif
