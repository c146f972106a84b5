#include "gateway/http/http_priv.h"
#include <arpa/inet.h>
#include <sys/socket.h>
#include <time.h>

int64_t vs_http_monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t vs_http_monotonic_ms(void)
{
    return vs_http_monotonic_us() / 1000;
}

/* "::ffff:192.0.2.1" is the same host as "192.0.2.1": limits must not count it twice. */
static void write_address(const struct sockaddr *address, char *out, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)"\0\0\0\0";
    int family = AF_INET;
    if (address->sa_family == AF_INET) {
        bytes = (const uint8_t *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
    } else if (address->sa_family == AF_INET6) {
        const struct in6_addr *v6 =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        bytes = v6->s6_addr;
        family = AF_INET6;
        if (IN6_IS_ADDR_V4MAPPED(v6)) {
            bytes += 12;
            family = AF_INET;
        }
    }
    if (inet_ntop(family, bytes, out, (socklen_t)size) == NULL)
        out[0] = '\0';
}

static void open_connection(struct vs_server *server, struct MHD_Connection *mhd,
                            void **socket_context)
{
    struct connection *self = vs_heap_new(sizeof *self);
    self->server = server;
    self->n_certificates = SIZE_MAX;
    self->first = true;
    self->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    write_address(MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr,
                  self->address, sizeof self->address);
    vs_http_connection_phase(self, PHASE_HEADER);

    pthread_mutex_lock(&server->lock);
    unsigned same = 0;
    for (struct connection *c = server->connections; c != NULL; c = c->next)
        same += strcmp(c->address, self->address) == 0;
    self->over_address = same >= server->options.limits.connections_per_address;
    self->over_limit = server->n_connections >= server->options.limits.connections;
    self->credential = server->credential;
    if (self->credential != NULL)
        atomic_fetch_add(&self->credential->references, 1);
    self->next = server->connections;
    if (self->next != NULL)
        self->next->previous = self;
    server->connections = self;
    server->n_connections++;
    if (self->over_address)
        shutdown(self->fd, SHUT_RDWR);
    pthread_mutex_unlock(&server->lock);
    *socket_context = self;
}

static void close_connection(struct vs_server *server, struct connection *self)
{
    pthread_mutex_lock(&server->lock);
    if (self->previous != NULL)
        self->previous->next = self->next;
    else
        server->connections = self->next;
    if (self->next != NULL)
        self->next->previous = self->previous;
    server->n_connections--;
    pthread_mutex_unlock(&server->lock);
    vs_http_credential_unref(self->credential);
    vs_http_peer_certificates_free(self);
    vs_heap_free(self);
}

/* libmicrohttpd calls this before it closes the socket: as long as a record is in the list,
 * its descriptor is its own, and vs_http_close_slow shuts no other connection down. */
void vs_http_connection_event(void *server, struct MHD_Connection *mhd, void **socket_context,
                              enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        open_connection(server, mhd, socket_context);
    else if (*socket_context != NULL)
        close_connection(server, *socket_context);
}

void vs_http_connection_phase(struct connection *self, enum phase phase)
{
    atomic_store_explicit(&self->bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&self->since_ms, vs_http_monotonic_ms(), memory_order_relaxed);
    atomic_store_explicit(&self->phase, phase, memory_order_release);
}

/* libmicrohttpd's own time-out counts idle time only: a byte now and then keeps a connection.
 */
static bool too_slow(const struct connection *self, const struct vs_server_limits *limits,
                     int64_t now_ms)
{
    enum phase phase = atomic_load_explicit(&self->phase, memory_order_acquire);
    int64_t spent = now_ms - atomic_load_explicit(&self->since_ms, memory_order_relaxed);
    if (phase == PHASE_WORK)
        return false;
    if (phase == PHASE_HEADER)
        return spent > 1000 * ((int64_t)limits->header_s + (self->first ? 0 : limits->idle_s));
    int64_t beyond = spent - 1000 * (int64_t)limits->body_grace_s;
    uint64_t bytes = atomic_load_explicit(&self->bytes, memory_order_relaxed);
    return beyond > 0 &&
           bytes < (uint64_t)spent / 1000 * (uint64_t)limits->minimum_bytes_per_second;
}

void vs_http_close_slow(struct vs_server *server)
{
    int64_t now_ms = vs_http_monotonic_ms();
    pthread_mutex_lock(&server->lock);
    for (struct connection *c = server->connections; c != NULL; c = c->next)
        if (too_slow(c, &server->options.limits, now_ms)) {
            shutdown(c->fd, SHUT_RDWR);
            atomic_store_explicit(&c->since_ms, now_ms, memory_order_relaxed);
            server->counts_slow++;
        }
    pthread_mutex_unlock(&server->lock);
}
