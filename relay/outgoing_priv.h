/* outgoing_priv.h - what the files of outgoing share; nobody else includes it. */
#ifndef VS_RELAY_OUTGOING_PRIV_H
#define VS_RELAY_OUTGOING_PRIV_H
#include "relay/outgoing.h"
#include <curl/curl.h>
#include <pthread.h>

enum { VS_OUTGOING_RANGES = 32, VS_OUTGOING_FAILED_HOSTS = 64, VS_OUTGOING_HOST = 264 };

struct vs_outgoing_range {
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;
};

struct vs_outgoing_failed {
    char name[VS_OUTGOING_HOST]; /* host:port */
    int64_t until_ms;
};

struct vs_outgoing {
    struct vs_outgoing_range ranges[VS_OUTGOING_RANGES];
    size_t n_ranges;
    bool http;
    uint32_t failed_host_ms;
    char *ca_file, *user_agent;
    const char *(*resolve)(void *context, const char *host);
    void *resolve_context;
    pthread_mutex_t lock; /* guards failed[] */
    struct vs_outgoing_failed failed[VS_OUTGOING_FAILED_HOSTS];
    size_t next_failed;
};

/* One request and its answer. */
struct vs_exchange {
    struct vs_outgoing *outgoing;
    const struct vs_outgoing_request *request;
    struct vs_outgoing_answer *answer;
    struct vs_arena *arena;
    CURL *curl;
    struct curl_slist *headers, *resolved;
    char host[VS_OUTGOING_HOST]; /* host:port, for texts and the negative cache */
    char detail[CURL_ERROR_SIZE];
    struct vs_buffer body;
    uint64_t received, sent;
    bool refused_address, head_complete;
    vs_rc inner; /* a failure inside a callback, told in *err */
    struct vs_error *err;
};

/* outgoing.c */
bool vs_outgoing_may_reach(const struct vs_outgoing *outgoing, const uint8_t address[16]);
void vs_outgoing_map_ipv4(const uint8_t from[4], uint8_t to[16]);
bool vs_outgoing_failed_lately(struct vs_outgoing *outgoing, const char *host);
void vs_outgoing_remember_failure(struct vs_outgoing *outgoing, const char *host);

/* outgoing_exchange.c: begin makes x->curl ready to be performed; whatever it returns, `end`
 * frees what it made. `end` judges what curl said. */
VS_NODISCARD vs_rc vs_exchange_begin(struct vs_exchange *x, struct vs_error *err);
VS_NODISCARD vs_rc vs_exchange_judge(struct vs_exchange *x, CURLcode code,
                                     struct vs_error *err);
void vs_exchange_free(struct vs_exchange *x);
#endif
