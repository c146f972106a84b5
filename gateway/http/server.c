#include "gateway/http/http_priv.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* TLS 1.2 and 1.3 only (EN 319 102-1 has no say here; RFC 9325 has). */
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

enum {
    CONNECTION_MEMORY = 32 << 10, /* the library wipes it after each request */
    CONNECTION_INCREMENT = 16 << 10,
    BACKLOG = 1024,
    IDLE_MAX_S = 3600,
};

/* What the library says while it starts is the reason why it does not; later its messages are
 * about single connections, which `ended` and the counters tell better. */
static void keep_message(void *context, const char *fmt, va_list args)
{
    struct vs_server *server = context;
    if (server->starting)
        vsnprintf(server->message, sizeof server->message, fmt, args);
}

/* Paths and parameters are matched as they came and decoded by us, once. */
static size_t not_unescaped(void *context, struct MHD_Connection *mhd, char *text)
{
    (void)context, (void)mhd;
    return strlen(text);
}

static vs_rc bind_to(const struct addrinfo *info, int *ret, struct vs_error *err)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd < 0)
        return vs_fail(err, VS_E_CONFIG, NULL, "no socket: %s", strerror(errno));
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
        *ret = fd;
        return VS_OK;
    }
    int why = errno;
    close(fd);
    return vs_fail(err, why == EADDRINUSE ? VS_E_PORT : VS_E_CONFIG, NULL, "%s", strerror(why));
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    return ntohs(address.ss_family == AF_INET6
                     ? ((struct sockaddr_in6 *)(void *)&address)->sin6_port
                     : ((struct sockaddr_in *)(void *)&address)->sin_port);
}

static vs_rc listen_on(const char *address, uint16_t port, int *ret, struct vs_error *err)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *info = NULL;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(address, service, &hints, &info) != 0)
        return vs_fail(err, VS_E_CONFIG, NULL, "'%s' is no IP address", address);
    struct vs_error why;
    vs_rc rc = bind_to(info, ret, &why);
    freeaddrinfo(info);
    return vs_ok(rc) ? VS_OK
                     : vs_fail(err, rc.code, NULL, "cannot listen on %s port %u: %s", address,
                               port, why.text);
}

static struct MHD_Daemon *start_daemon(struct listener *listener, int fd, unsigned threads)
{
    struct vs_server *server = listener->server;
    bool tls = listener->kind == VS_ON_TLS;
    const struct vs_server_limits *limits = &server->options.limits;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_USE_ERROR_LOG | MHD_USE_ITC | (tls ? MHD_USE_TLS : 0u);
    struct MHD_OptionItem tls_options[] = {
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)PRIORITIES},
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)vs_http_credential_choose},
        {server->client_anchors != NULL ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0,
         server->client_anchors},
        {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem pool[] = {
        {threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)threads, NULL},
        {MHD_OPTION_END, 0, NULL}};
    /* Its own limits stand above ours: ours answer 503, its leave callers in the backlog. */
    return MHD_start_daemon(
        flags, 0, NULL, NULL, vs_http_access, listener, MHD_OPTION_EXTERNAL_LOGGER,
        keep_message, listener->server, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, limits->connections * 2 + 64,
        MHD_OPTION_CONNECTION_TIMEOUT,
        limits->idle_s > IDLE_MAX_S ? IDLE_MAX_S : limits->idle_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)CONNECTION_INCREMENT,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK, not_unescaped, NULL,
        MHD_OPTION_NOTIFY_CONNECTION, vs_http_connection_event, server,
        MHD_OPTION_NOTIFY_COMPLETED, vs_http_completed, listener, MHD_OPTION_ARRAY,
        tls ? tls_options : none, MHD_OPTION_ARRAY, pool, MHD_OPTION_END);
}

static vs_rc open_listener(struct listener *listener, const char *address, uint16_t port,
                           struct MHD_Daemon **ret, uint16_t *ret_port, struct vs_error *err)
{
    if (address == NULL)
        return VS_OK;
    int fd = -1;
    VS_TRY(listen_on(address, port, &fd, err));
    *ret_port = bound_port(fd);
    *ret = start_daemon(listener, fd, listener->server->options.threads);
    if (*ret != NULL)
        return VS_OK;
    close(fd);
    return vs_fail(err, VS_E_CONFIG, NULL, "the HTTP server does not start on %s port %u: %s",
                   address, port, listener->server->message);
}

static char *text_of(struct vs_bytes bytes)
{
    if (bytes.len == 0)
        return NULL;
    char *text = vs_heap_new(bytes.len + 1);
    memcpy(text, bytes.ptr, bytes.len);
    return text;
}

static void free_server(struct vs_server *server)
{
    vs_http_rates_free(server);
    vs_http_credential_unref(server->credential);
    vs_heap_free(server->client_anchors);
    pthread_mutex_destroy(&server->lock);
    vs_heap_free(server);
}

vs_rc vs_server_start(const struct vs_server_options *options, struct vs_server **ret,
                      struct vs_error *err)
{
    struct vs_server *server = vs_heap_new(sizeof *server);
    server->options = *options;
    pthread_mutex_init(&server->lock, NULL);
    server->on_tls = (struct listener){server, VS_ON_TLS};
    server->on_plain = (struct listener){server, VS_ON_PLAIN};
    server->client_anchors = text_of(options->client_anchors_pem);
    server->starting = true;
    vs_rc rc = VS_OK;
    if (options->tls_address != NULL)
        rc = vs_http_credential_new(options->certificate_pem, options->key_pem,
                                    &server->credential, err);
    if (vs_ok(rc))
        rc = open_listener(&server->on_tls, options->tls_address, options->tls_port,
                           &server->tls, &server->tls_port, err);
    if (vs_ok(rc))
        rc = open_listener(&server->on_plain, options->plain_address, options->plain_port,
                           &server->plain, &server->plain_port, err);
    server->options.certificate_pem = server->options.key_pem = VS_BYTES_NONE;
    server->options.client_anchors_pem = VS_BYTES_NONE;
    if (!vs_ok(rc)) {
        vs_server_stop(server, 0);
        return rc;
    }
    server->starting = false;
    *ret = server;
    return VS_OK;
}

uint16_t vs_server_tls_port(const struct vs_server *server)
{
    return server->tls_port;
}
uint16_t vs_server_plain_port(const struct vs_server *server)
{
    return server->plain_port;
}

vs_rc vs_server_reload_tls(struct vs_server *server, struct vs_bytes certificate_pem,
                           struct vs_bytes key_pem, struct vs_error *err)
{
    struct credential *fresh = NULL;
    VS_TRY(vs_http_credential_new(certificate_pem, key_pem, &fresh, err));
    pthread_mutex_lock(&server->lock);
    struct credential *old = server->credential;
    server->credential = fresh;
    pthread_mutex_unlock(&server->lock);
    vs_http_credential_unref(old);
    return VS_OK;
}

void vs_server_reload_limits(struct vs_server *server, const struct vs_server_limits *limits)
{
    pthread_mutex_lock(&server->lock);
    server->options.limits = *limits;
    pthread_mutex_unlock(&server->lock);
}

void vs_server_step(struct vs_server *server)
{
    vs_http_close_slow(server);
    vs_http_waits_step(server, false);
}

static void close_listening(struct MHD_Daemon *daemon)
{
    if (daemon == NULL)
        return;
    MHD_socket fd = MHD_quiesce_daemon(daemon);
    if (fd != MHD_INVALID_SOCKET)
        close(fd);
}

static void rest(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

void vs_server_stop(struct vs_server *server, uint64_t grace_ms)
{
    atomic_store(&server->stopping, true);
    close_listening(server->tls);
    close_listening(server->plain);
    int64_t until = vs_http_monotonic_ms() + (int64_t)grace_ms;
    while (atomic_load(&server->n_requests) > 0 && vs_http_monotonic_ms() < until) {
        vs_http_waits_step(server, true);
        rest();
    }
    atomic_store(&server->closing, true);
    /* MHD_stop_daemon aborts the process when a connection is suspended. */
    while (atomic_load(&server->n_held) > 0) {
        vs_http_waits_step(server, true);
        rest();
    }
    if (server->tls != NULL)
        MHD_stop_daemon(server->tls);
    if (server->plain != NULL)
        MHD_stop_daemon(server->plain);
    free_server(server);
}

struct vs_server_counts vs_server_counts(struct vs_server *server)
{
    pthread_mutex_lock(&server->lock);
    struct vs_server_counts counts = {.connections = server->n_connections,
                                      .waiting = server->n_waiters};
    pthread_mutex_unlock(&server->lock);
    counts.requests = server->counts_requests;
    counts.received_bytes = server->counts_received;
    counts.sent_bytes = server->counts_sent;
    counts.refused_transport = server->counts_refused;
    counts.refused_rate = server->counts_rate;
    counts.closed_slow = server->counts_slow;
    return counts;
}
