/* server.h - the HTTP server: listeners, TLS, limits, requests and answers.
 *
 * HTTP threads (libmicrohttpd's) only move bytes. A request finds its row in the table of
 * routes; 404, 405, 413 and 415 follow from the rows. Then, in this order:
 *
 *   1. transport checks, rate and size limits; the caller is authenticated
 * (options.authenticate) and the row's right is checked: a refusal here is unsigned and
 * unstored;
 *   2. the body: collected in memory up to the row's max_body, or, where the row has `begin`
 * and `chunk`, streamed to them as it arrives (memory does not grow with it);
 *   3. `handle`, in the HTTP thread: it answers at once (vs_respond_*), or fails (the failure
 *      becomes problem+json, RFC 9457), or holds the request and lets another thread answer.
 *
 * Holding: vs_request_hold() keeps the request alive and its connection suspended until
 * vs_request_release(). Any thread may release; the answer is sent when the last hold is gone.
 * A request belongs to one thread at a time: whoever passes it on does not touch it afterwards.
 * Most handlers want vs_call() of gateway/call.h: hold, run a function on a worker, release.
 *
 * NOT DONE: a bare LF after the header line that lies last is not seen (transport.c says why);
 * what libmicrohttpd itself cannot parse it answers with 400, 414 or 431 and a page of its own.
 *
 * What this module does not do: it knows no participants and no documents (gateway/rest does),
 * and of a client certificate it proves possession of the key only, not trust (authenticate
 * does). */
#ifndef VS_GATEWAY_HTTP_SERVER_H
#define VS_GATEWAY_HTTP_SERVER_H
#include "formats/base/base.h"

struct vs_server;
struct vs_request;

/* ---- routes -------------------------------------------------------------------------------
 */

/* Who may call: a caller needs one of the rights of the row's mask. */
enum vs_right {
    VS_RIGHT_PUBLIC = 0,   /* no authentication; credentials are not even looked at */
    VS_RIGHT_ANY = 1 << 0, /* every authenticated principal has it */
    VS_RIGHT_SENDER = 1 << 1,
    VS_RIGHT_RECIPIENT = 1 << 2,
    VS_RIGHT_ARCHIVIST = 1 << 3,
    VS_RIGHT_OPERATOR = 1 << 4,
    VS_RIGHT_AUDITOR = 1 << 5, /* the supervising authority, read-only */
    VS_RIGHT_OFFICER = 1 << 6, /* of the certificate services centre */
};

enum vs_listener { VS_ON_TLS = 1, VS_ON_PLAIN = 2, VS_ON_BOTH = 3 };

/* `err` is filled when it fails; VS_OK: answered, or held. */
typedef vs_rc vs_handler(struct vs_request *request, struct vs_error *err);

#define VS_BODY_NONE     ((uint64_t)0)
#define VS_BODY_DOCUMENT UINT64_MAX /* as large as limits.document_bytes says */
/* The same size; whether it brings a document is known once a door has put a row that takes
 * one.
 */
#define VS_BODY_DOOR (UINT64_MAX - 1)

struct vs_route {
    const char *method; /* "GET" serves HEAD too */
    const char *path;   /* "/v1/documents/{id}": a {name} is one segment; {name...} as the last
                           one is the rest, slashes included */
    vs_handler *handle;
    unsigned rights; /* enum vs_right, or-ed */
    enum vs_listener listener;
    uint64_t max_body;       /* bytes */
    const char *media_types; /* of the body: "application/json multipart/form-data", separated
                                by one space; "*" takes any; NULL: no body is taken */
    vs_handler *begin;       /* streaming: before the first byte, caller known */
    vs_rc (*chunk)(struct vs_request *request, struct vs_bytes bytes, struct vs_error *err);
    const char *summary; /* one line; conf/openapi.yaml has the same */
};

/* ---- the request: everything returned lives as long as the request -------------------------
 */

struct vs_arena *vs_request_arena(struct vs_request *request);
void *vs_request_context(const struct vs_request *request); /* options.context */
const struct vs_route *vs_request_route(const struct vs_request *request);
/* 32 hex digits: the `instance` of a problem, and the log's id of this request. */
const char *vs_request_id(const struct vs_request *request);
const char *vs_request_method(const struct vs_request *request);
/* When its header was complete, and when the last byte of its body was read (Art. 28.1). */
vs_time_ms vs_request_begun_ms(const struct vs_request *request);
vs_time_ms vs_request_read_ms(const struct vs_request *request);
/* Since its header was complete, by the clock that never goes back. */
uint64_t vs_request_microseconds(const struct vs_request *request);
enum vs_language vs_request_language(const struct vs_request *request);
/* The value of a path's {name}, percent-decoded, UTF-8 without controls. Never NULL for a name
 * that the row has. */
const char *vs_request_param(const struct vs_request *request, const char *name);
/* NULL where absent. Refused before: a query parameter that occurs twice, and so Host,
 * Content-*, Authorization, Idempotency-Key and all Vasite-* headers. */
const char *vs_request_header(const struct vs_request *request, const char *name);
const char *vs_request_query(const struct vs_request *request, const char *name);
/* VS_E_PARAMETER with its name where a query parameter is none of `names` (separated by a
 * space). */
VS_NODISCARD vs_rc vs_request_query_only(const struct vs_request *request, const char *names,
                                         struct vs_error *err);
/* A whole number within [low, high]; `absent` where there is none. VS_E_PARAMETER. */
VS_NODISCARD vs_rc vs_request_query_number(const struct vs_request *request, const char *name,
                                           uint64_t low, uint64_t high, uint64_t absent,
                                           uint64_t *ret, struct vs_error *err);
/* The media type of Content-Type, lower case, without parameters; "" where there is none. */
const char *vs_request_media_type(const struct vs_request *request);
/* Whether Accept takes it better than the others of `offers` (separated by a space): the best
 * offer, the first one where Accept is absent or takes none of them. */
const char *vs_request_accept(const struct vs_request *request, const char *offers);
/* The collected body; empty for a streaming row. */
struct vs_bytes vs_request_body(const struct vs_request *request);
/* As Content-Length says, UINT64_MAX where unknown. */
uint64_t vs_request_length(const struct vs_request *request);
/* The token of `Authorization: Bearer`, or NULL. */
const char *vs_request_bearer(const struct vs_request *request);
/* The client's certificates, leaf first, as DER; the client has proved possession of the leaf's
 * key. VS_BYTES_NONE from [0] when it sent none. */
size_t vs_request_certificates(struct vs_request *request, const struct vs_bytes **ret);
/* "192.0.2.1" or "2001:db8::1". */
const char *vs_request_address(const struct vs_request *request);

/* What authenticate found; opaque here. `scope` names the participant for limits and the log.
 */
void vs_request_set_caller(struct vs_request *request, const void *caller, const char *scope,
                           unsigned rights);
const void *vs_request_caller(const struct vs_request *request);
const char *vs_request_scope(const struct vs_request *request); /* "" before it is known */
unsigned vs_request_rights(const struct vs_request *request);

/* A handler's own state; `free_state` is called once, when the request ends, however it does.
 */
void vs_request_set_state(struct vs_request *request, void *state, void (*free_state)(void *));
void *vs_request_state(const struct vs_request *request);

/* ---- a door in another language (gateway/soap) ----------------------------------------------
 *
 * The handlers of its row read what came in their own way, put it where another row's handlers
 * look for it, and call those. Every answer passes options.translate before it is sent. */

enum vs_input { VS_INPUT_PARAM, VS_INPUT_QUERY, VS_INPUT_HEADER };
/* `name` and `value` must live as long as the request. VS_E_PARAMETER: control characters, or
 * given already (of headers only those that may come once, others are replaced). */
VS_NODISCARD vs_rc vs_request_put(struct vs_request *request, enum vs_input where,
                                  const char *name, const char *value, struct vs_error *err);
/* The row whose handlers are called from now on, and the media type of its body, of which
 * nothing has come yet and whose length is unknown. Where it takes documents, a participant's
 * limits of them hold: VS_E_RATE, VS_E_VOLUME. */
VS_NODISCARD vs_rc vs_request_put_row(struct vs_request *request, const struct vs_route *row,
                                      const char *media_type, struct vs_error *err);
/* The next bytes of that body: to the row's chunk, or collected. VS_E_TOO_LARGE, VS_E_VOLUME.
 */
VS_NODISCARD vs_rc vs_request_put_body(struct vs_request *request, struct vs_bytes bytes,
                                       struct vs_error *err);
/* VS_E_FORBIDDEN where the caller has none of the row's rights. */
VS_NODISCARD vs_rc vs_request_may(const struct vs_request *request, const struct vs_route *row,
                                  struct vs_error *err);
/* The door's own state, beside the handlers' (vs_request_set_state). */
void vs_request_set_door(struct vs_request *request, void *door, void (*free_door)(void *));
void *vs_request_door(const struct vs_request *request); /* NULL until it is set */

/* ---- passing it to another thread -----------------------------------------------------------
 */

void vs_request_hold(struct vs_request *request);
void vs_request_release(struct vs_request *request);
/* What the HTTP thread calls once the last hold is gone, before it sends: it answers, or fails,
 * or holds the request again (and may set another). NULL: the answer is there already. */
void vs_request_then(struct vs_request *request, vs_handler *then);
/* Answer with a failure, whatever was answered or set before, and release. */
void vs_request_fail(struct vs_request *request, const struct vs_error *err);

/* A timer for a request that waits for something (long poll); the caller has a hold that the
 * timer now owns. After `wait_ms`, or when the server stops, `over` is called once, from
 * another thread, and must release that hold. VS_E_BUSY: too many wait; VS_E_STOPPING. */
VS_NODISCARD vs_rc vs_request_wait(struct vs_request *request, uint64_t wait_ms,
                                   void (*over)(struct vs_request *request),
                                   struct vs_error *err);
/* true: the timer is off, `over` will not be called, its hold is the caller's again. false:
 * `over` was called or is running. The caller has a hold of its own. */
bool vs_request_wait_end(struct vs_request *request);

/* ---- the answer: the last call wins until it is sent ----------------------------------------
 */

/* `body` must live as long as the request (its arena, its state, or static). */
void vs_respond(struct vs_request *request, int status, const char *media_type,
                struct vs_bytes body);
/* One more header; both are copied. Controls in the value are refused as a bug. */
void vs_respond_header(struct vs_request *request, const char *name, const char *value);
/* The bytes of `source` with Content-Length, read as the client takes them. `source` must live
 * until `done` (may be NULL), called once from an HTTP thread with whether all bytes were sent.
 */
void vs_respond_stream(struct vs_request *request, int status, const char *media_type,
                       const struct vs_source *source,
                       void (*done)(void *context, bool complete), void *context);
/* What the body given next is called, and its SHA-256 (may be NULL): Content-Disposition and
 * Repr-Digest. Copied. */
void vs_respond_name(struct vs_request *request, const char *name, const uint8_t *sha256);
/* An answer (200) that goes on until it is ended. `more` is called on the HTTP thread whenever
 * all parts so far were sent. It gives one (vs_respond_part), or holds the request: then
 * whoever releases it may have given one, else `more` is called again; or it ends the answer
 * (vs_respond_end, or by failing: what was sent stands). An idle one costs no thread and keeps
 * no part. That its client has gone shows only when something is sent. */
void vs_respond_parts(struct vs_request *request, const char *media_type, vs_handler *more);
/* Copied, at most 1 MiB; the part before was sent. In `more`, or by who holds the request. */
void vs_respond_part(struct vs_request *request, struct vs_bytes bytes);
void vs_respond_end(struct vs_request *request);
/* problem+json of the code's row, in the request's language; `detail` is err->text. */
void vs_respond_problem(struct vs_request *request, const struct vs_error *err);
/* The same with members of its own: `members` is JSON text like `"evidence":"…","x":1` or NULL.
 */
void vs_respond_problem_with(struct vs_request *request, const struct vs_error *err,
                             const char *members);

/* ---- the server ------------------------------------------------------------------------- */

struct vs_server_limits {
    uint64_t document_bytes;           /* VS_BODY_DOCUMENT */
    unsigned connections;              /* all together; beyond: 503 */
    unsigned connections_per_address;  /* beyond: closed at once */
    unsigned waiting;                  /* long polls */
    unsigned requests_at_once;         /* of one participant; 0: no limit. Beyond: 429 */
    unsigned requests_per_second;      /* of one participant; 0: no limit. Beyond: 429 */
    unsigned uploads_at_once;          /* documents of one participant; 0: no limit. 429 */
    uint64_t volume_per_day;           /* of them, octets in a UTC day; 0: no limit. 429 */
    unsigned refusals_per_second;      /* 401 of one address; 0: no limit. Beyond: 429 */
    unsigned idle_s;                   /* keep-alive */
    unsigned header_s;                 /* from connection to complete header, TLS included */
    unsigned body_grace_s;             /* then a body must have come at the minimum rate */
    unsigned minimum_bytes_per_second; /* of bodies and of answers */
};

/* Limits of one participant that differ from everybody's. */
enum {
    VS_OVERRIDE_DOCUMENT = 1,
    VS_OVERRIDE_AT_ONCE = 2,
    VS_OVERRIDE_PER_SECOND = 4,
    VS_OVERRIDE_UPLOADS = 8,
    VS_OVERRIDE_VOLUME = 16,
};
struct vs_server_override {
    char scope[64]; /* as vs_request_set_caller has it */
    unsigned set;   /* which of `limits` count; a document's size only lowers */
    struct vs_server_limits limits;
};

/* An answer on its way out, for options.translate. */
struct vs_answer {
    int status;
    const char *media_type;
    struct vs_bytes body;           /* or: */
    const struct vs_source *source; /* NULL: body */
    const char *name;               /* vs_respond_name, or NULL */
    const uint8_t *sha256;          /* or NULL */
};

struct vs_server_options {
    const struct vs_route *routes;
    size_t n_routes;
    void *context;           /* vs_request_context */
    const char *tls_address; /* "127.0.0.1", "::"; NULL: no such listener */
    uint16_t tls_port;       /* 0: any free one */
    const char *plain_address;
    uint16_t plain_port;
    unsigned threads;                   /* of each listener */
    struct vs_bytes certificate_pem;    /* the server's chain, leaf first */
    struct vs_bytes key_pem;            /* clear; wiped by the caller after the call */
    struct vs_bytes client_anchors_pem; /* whose names the certificate request lists */
    struct vs_server_limits limits;
    /* Find the caller of a request for a row that is not public (vs_request_set_caller) or
     * fail: VS_E_UNAUTHENTICATED, _CREDENTIAL_EXPIRED, _CREDENTIAL_REVOKED, any TEMPORARY one.
     */
    vs_handler *authenticate;
    /* Puts another answer in the place of this one, or leaves it; called whenever one is given,
     * in the thread that gives it. A failure is answered instead, translated too: so it must
     * not fail for a problem. Where what it puts must live: as for vs_respond. May be NULL. */
    vs_rc (*translate)(struct vs_request *request, struct vs_answer *answer,
                       struct vs_error *err);
    vs_time_ms (*now_ms)(void *context);
    void (*random)(void *context, uint8_t *to, size_t len);
    /* Called once for each request, from an HTTP thread: for the log and the counters. `status`
     * of a failure is its code's, whatever a door made of it. */
    void (*ended)(void *context, const struct vs_request *request, int status, uint64_t sent,
                  bool complete);
};

/* Listens when it returns. VS_E_PORT names the address and port; VS_E_KEY, VS_E_CONFIG. */
VS_NODISCARD vs_rc vs_server_start(const struct vs_server_options *options,
                                   struct vs_server **ret, struct vs_error *err);
/* The ports bound; 0 where there is no such listener. */
uint16_t vs_server_tls_port(const struct vs_server *server);
uint16_t vs_server_plain_port(const struct vs_server *server);
/* New connections get the new certificate; old ones keep theirs. VS_E_KEY leaves all as it was.
 */
VS_NODISCARD vs_rc vs_server_reload_tls(struct vs_server *server,
                                        struct vs_bytes certificate_pem,
                                        struct vs_bytes key_pem, struct vs_error *err);
void vs_server_reload_limits(struct vs_server *server, const struct vs_server_limits *limits);
/* From now on these are all that there are; copied. */
void vs_server_override(struct vs_server *server, const struct vs_server_override *overrides,
                        size_t n);
/* Close what is too slow, end waits that are over. Call it about four times a second. */
void vs_server_step(struct vs_server *server);
/* Orderly: close the listening sockets, end all waits, let requests under way finish for at
 * most `grace_ms` (meanwhile workers must go on), answer VS_E_STOPPING to new ones. Then free
 * all. Jobs that hold requests beyond the grace are waited for: libmicrohttpd aborts on
 * suspended ones. */
void vs_server_stop(struct vs_server *server, uint64_t grace_ms);

/* For `ended`: the code of the problem that was answered, VS_E_NONE where none; its text is for
 * the log and may say more than the caller was told. */
enum vs_code vs_request_failure(const struct vs_request *request);
const char *vs_request_failure_text(const struct vs_request *request);

struct vs_server_counts {
    uint64_t connections, requests, waiting, received_bytes, sent_bytes;
    uint64_t refused_transport, refused_rate, closed_slow;
};
struct vs_server_counts vs_server_counts(struct vs_server *server);
#endif
