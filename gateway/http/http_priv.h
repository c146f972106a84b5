/* http_priv.h - what the files of gateway/http share; nobody else includes it.
 *
 * Locks: server.lock guards the lists of connections and waiters, the rates and the credential.
 * A request is used by one thread at a time (server.h); its `holds` and a connection's atomics
 * are what other threads touch. */
#ifndef VS_GATEWAY_HTTP_PRIV_H
#define VS_GATEWAY_HTTP_PRIV_H
#include "gateway/http/server.h"
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum {
    MAX_PARAMS = 4,
    MAX_HEADERS = 64,
    MAX_QUERY = 32,
    MAX_PEER_CERTIFICATES = 8,
    REQUEST_ARENA_BYTES = 16 << 20,
    DRAIN_BYTES = 1 << 20, /* of a refused body: read to its end when it is no larger */
    RATE_ENTRIES = 8192,
};

struct pair {
    const char *name, *value;
};

/* A certificate with its key, counted: a connection keeps the one it began with. */
struct credential {
    atomic_uint references;
    gnutls_pcert_st *chain;
    unsigned n_chain;
    gnutls_privkey_t key;
};

enum phase { PHASE_HEADER, PHASE_BODY, PHASE_WORK, PHASE_ANSWER };

struct connection {
    struct connection *previous, *next;
    struct vs_server *server;
    struct credential *credential;
    int fd;
    bool first, over_limit, over_address;
    char address[INET6_ADDRSTRLEN];
    size_t n_certificates; /* SIZE_MAX: not looked at yet */
    struct vs_bytes certificates[MAX_PEER_CERTIFICATES];
    _Atomic(enum phase) phase;
    _Atomic int64_t since_ms; /* monotonic: when the phase began */
    _Atomic uint64_t bytes;   /* of the body received, or of the answer read by the library */
};

struct waiter {
    struct waiter *previous, *next; /* of the server's list */
    struct vs_request *request;
    void (*over)(struct vs_request *request);
    int64_t until_ms; /* monotonic */
    bool listed;
};

struct rate {
    struct rate *next; /* of its bucket */
    char *name;
    int64_t at_ms;
    uint64_t tokens;          /* thousandths */
    unsigned active, uploads; /* requests under way; of them, documents */
    int64_t day;              /* since 1970, UTC */
    uint64_t volume;          /* of documents received on it; only where there is a limit */
};

struct answer {
    struct vs_answer of;
    void (*done)(void *context, bool complete);
    void *context;
    bool close;
};

/* What a door puts in the place of this request's own body. */
struct put {
    const struct vs_route *row;
    uint64_t bytes, limit;
};

struct vs_request {
    struct vs_server *server;
    struct MHD_Connection *mhd;
    struct connection *connection;
    struct vs_arena *arena;
    const struct vs_route *route;
    char id[33];
    const char *method, *raw_path;
    size_t n_headers, n_query, n_params, n_answer_headers;
    struct pair headers[MAX_HEADERS], query[MAX_QUERY], params[MAX_PARAMS];
    struct pair answer_headers[16];
    const char *media_type;
    uint64_t length, received;
    struct put put;
    uint64_t limit; /* of the body */
    vs_time_ms begun_ms, read_ms;
    int64_t begun_us; /* monotonic */
    enum vs_language language;
    struct vs_buffer body;
    const void *caller;
    const char *scope;
    unsigned rights;
    void *state;
    void (*free_state)(void *);
    void *door;
    void (*free_door)(void *);
    const char *answer_name; /* for the next answer */
    const uint8_t *answer_sha256;
    bool refused; /* answer is ready before the body was read: what comes is dropped */
    bool handled; /* `handle` was called */
    bool queued;  /* the library has the answer */
    bool suspended;
    bool entered;                            /* counted among its participant's */
    bool upload;                             /* as one that brings a document */
    uint64_t document_bytes, volume_per_day; /* then */
    const char *failure_text;
    struct answer answer;
    enum vs_code failure; /* of the problem answered, or of the stream */
    atomic_int holds;
    vs_handler *then;
    struct waiter waiter; /* guarded by server.lock */
    vs_handler *more;     /* of an answer that goes on; NULL: of others */
    struct vs_buffer part;
    size_t part_at; /* of it was sent */
    uint64_t parts_sent;
    bool more_ended;
};

struct listener {
    struct vs_server *server;
    enum vs_listener kind;
};

struct vs_server {
    struct listener on_tls, on_plain;
    char *client_anchors;
    atomic_bool starting;
    char message[160]; /* of the library, while starting */
    struct vs_server_options options;
    pthread_mutex_t lock;
    struct MHD_Daemon *tls, *plain;
    uint16_t tls_port, plain_port;
    gnutls_priority_t priorities;
    struct credential *credential;
    struct connection *connections;
    unsigned n_connections;
    struct waiter *waiters;
    unsigned n_waiters;
    struct rate *rates[RATE_ENTRIES / 8];
    unsigned n_rates;
    struct vs_server_override *overrides;
    size_t n_overrides;
    atomic_int n_requests, n_held;
    atomic_bool stopping; /* new requests are refused */
    atomic_bool closing;  /* and no handler begins any more */
    _Atomic uint64_t counts_requests, counts_received, counts_sent, counts_refused, counts_rate,
        counts_slow;
};

/* connection.c */
void vs_http_connection_event(void *server, struct MHD_Connection *mhd, void **socket_context,
                              enum MHD_ConnectionNotificationCode code);
void vs_http_connection_phase(struct connection *connection, enum phase phase);
void vs_http_close_slow(struct vs_server *server);
/* One more request of `name`: false when it is over `per_second` (0: no limit). */
bool vs_http_rate(struct vs_server *server, const char *kind, const char *name,
                  unsigned per_second);
/* limits.c: one more request of `participant` under way: false when they are too many. */
bool vs_http_enter(struct vs_server *server, const char *participant,
                   const struct vs_server_limits *limits);
void vs_http_leave(struct vs_server *server, const char *participant, bool upload);
/* One that has entered brings a document, of `length` bytes or UINT64_MAX: VS_E_RATE,
 * VS_E_TOO_LARGE, VS_E_VOLUME. Its size is bounded by request->document_bytes from here on. */
VS_NODISCARD vs_rc vs_http_begin_upload(struct vs_request *request, uint64_t length,
                                        struct vs_error *err);
/* The next bytes of it, where it brings one: VS_E_VOLUME. */
VS_NODISCARD vs_rc vs_http_count_upload(struct vs_request *request, size_t bytes,
                                        struct vs_error *err);
unsigned vs_http_until_midnight_s(struct vs_server *server); /* UTC */
void vs_http_rates_free(struct vs_server *server);
struct vs_server_limits vs_http_limits(struct vs_server *server);
/* The same with what is the participant's own. */
struct vs_server_limits vs_http_limits_of(struct vs_server *server, const char *scope);
int64_t vs_http_monotonic_ms(void);
int64_t vs_http_monotonic_us(void);

/* tls.c */
VS_NODISCARD vs_rc vs_http_credential_new(struct vs_bytes certificate_pem,
                                          struct vs_bytes key_pem, struct credential **ret,
                                          struct vs_error *err);
void vs_http_credential_unref(struct credential *credential);
int vs_http_credential_choose(gnutls_session_t session, const gnutls_datum_t *names,
                              int n_names, const gnutls_pk_algorithm_t *algorithms,
                              int n_algorithms, gnutls_pcert_st **chain, unsigned *n_chain,
                              gnutls_privkey_t *key);
void vs_http_peer_certificates(struct connection *connection, struct MHD_Connection *mhd);
void vs_http_peer_certificates_free(struct connection *connection);

/* transport.c: what a proxy before us might read differently is refused. */
VS_NODISCARD vs_rc vs_http_transport_check(struct vs_request *request, const char *version,
                                           struct vs_error *err);
/* Whether two headers of that name could be resolved differently: then they are refused. */
bool vs_http_header_is_single(const char *name);
/* Fills headers, query, language, media type and length. */
VS_NODISCARD vs_rc vs_http_transport_read(struct vs_request *request, struct vs_error *err);

/* route.c: the row, or VS_E_NO_ROUTE, VS_E_METHOD (with an Allow header), VS_E_MEDIA_TYPE,
 * VS_E_TOO_LARGE. */
VS_NODISCARD vs_rc vs_http_route_find(struct vs_request *request, enum vs_listener listener,
                                      struct vs_error *err);
uint64_t vs_http_route_body_limit(struct vs_server *server, const struct vs_route *row);
VS_NODISCARD vs_rc vs_http_route_accepts_body(struct vs_request *request, struct vs_error *err);

/* header.c */
enum vs_language vs_http_language(const char *accept_language);
/* Whether the words of `list`, separated by one space, hold `word`. */
bool vs_http_list_has(const char *list, const char *word);

/* answer.c */
enum MHD_Result vs_http_answer_send(struct vs_request *request);
void vs_http_answer_ended(struct vs_request *request, bool complete);

/* parts.c */
struct MHD_Response *vs_http_parts_response(struct vs_request *request);

/* dispatch.c */
enum MHD_Result vs_http_access(void *listener, struct MHD_Connection *mhd, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_len, void **request);
void vs_http_completed(void *listener, struct MHD_Connection *mhd, void **request,
                       enum MHD_RequestTerminationCode code);

/* wait.c */
void vs_http_waits_step(struct vs_server *server, bool all);
#endif
