#include "tests/bench/load.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct connection {
    int fd;
    SSL *ssl;
    char buffer[1 << 16];
    size_t len; /* bytes read and not yet used */
};

struct run {
    const struct load *load;
    SSL_CTX *tls;
    size_t next;       /* atomically */
    float *latency_ms; /* one per body */
    pthread_mutex_t lock;
    pthread_barrier_t connected, begun; /* of all threads and the one that called load_run */
    struct load_result *result;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fatal(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(2);
}

static SSL_CTX *tls_context(const struct load *load)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL || SSL_CTX_load_verify_locations(ctx, load->ca_file, NULL) != 1)
        fatal("cannot load the server's CA");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    return ctx;
}

static bool connection_open(struct connection *c, const struct load *load, SSL_CTX *tls)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)load->port)};
    int on = 1;
    c->len = 0;
    c->ssl = NULL;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (inet_pton(AF_INET, load->host, &at.sin_addr) != 1 ||
        connect(c->fd, (struct sockaddr *)&at, sizeof at) != 0)
        return false;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (tls == NULL)
        return true;
    c->ssl = SSL_new(tls);
    return SSL_set_fd(c->ssl, c->fd) == 1 && SSL_connect(c->ssl) == 1;
}

static void connection_close(struct connection *c)
{
    SSL_free(c->ssl);
    close(c->fd);
}

static bool send_all(struct connection *c, struct vs_bytes bytes)
{
    while (bytes.len > 0) {
        size_t part = bytes.len < (1 << 20) ? bytes.len : (1 << 20);
        ssize_t sent = c->ssl != NULL ? SSL_write(c->ssl, bytes.ptr, (int)part)
                                      : send(c->fd, bytes.ptr, part, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes = VS_BYTES(bytes.ptr + sent, bytes.len - (size_t)sent);
    }
    return true;
}

static bool receive_more(struct connection *c)
{
    size_t room = sizeof c->buffer - 1 - c->len;
    ssize_t got = c->ssl != NULL ? SSL_read(c->ssl, c->buffer + c->len, (int)room)
                                 : recv(c->fd, c->buffer + c->len, room, 0);
    if (got <= 0)
        return false;
    c->len += (size_t)got;
    c->buffer[c->len] = '\0';
    return true;
}

static void use(struct connection *c, size_t n)
{
    memmove(c->buffer, c->buffer + n, c->len - n + 1);
    c->len -= n;
}

/* Reads an answer with Content-Length; keeps the body's start (and all of it in `body`). */
static int receive_answer(struct connection *c, struct vs_buffer *body)
{
    char *end;
    while ((end = c->len == 0 ? NULL : strstr(c->buffer, "\r\n\r\n")) == NULL)
        if (c->len >= sizeof c->buffer - 1 || !receive_more(c))
            return 0;
    int status = (int)strtol(c->buffer + 9, NULL, 10);
    *end = '\0';
    char *length = strcasestr(c->buffer, "\r\nContent-Length:");
    size_t left = length == NULL ? 0 : (size_t)strtoull(length + 17, NULL, 10);
    use(c, (size_t)(end + 4 - c->buffer));
    for (;;) {
        size_t part = left < c->len ? left : c->len;
        if (body != NULL)
            vs_buffer_add(body, VS_BYTES(c->buffer, part));
        use(c, part);
        left -= part;
        if (left == 0)
            return status;
        if (!receive_more(c))
            return 0;
    }
}

static bool send_request(struct connection *c, const struct load *load, struct vs_bytes body,
                         size_t number)
{
    char head[2048];
    int len =
        snprintf(head, sizeof head,
                 "%s %s HTTP/1.1\r\nHost: %s:%d\r\nContent-Length: %zu\r\n"
                 "Idempotency-Key: bench-%ld-%zu\r\n%s\r\n",
                 load->method, load->path, load->host, load->port, body.len,
                 (long)getpid() * 1000003L + (long)(now_s() * 1000), number, load->headers);
    return send_all(c, VS_BYTES(head, (size_t)len)) && send_all(c, body);
}

static void count(struct run *run, int status, const struct vs_buffer *body)
{
    pthread_mutex_lock(&run->lock);
    if (status == run->load->wanted) {
        run->result->right++;
    } else if (run->result->wrong++ == 0) {
        run->result->first_wrong = status;
        snprintf(run->result->first_wrong_text, sizeof run->result->first_wrong_text, "%.*s",
                 (int)body->len, body->len == 0 ? "" : (const char *)body->ptr);
    }
    pthread_mutex_unlock(&run->lock);
}

static void *send_bodies(void *argument)
{
    struct run *run = argument;
    const struct load *load = run->load;
    struct connection *c = vs_heap_new(sizeof *c);
    VS_BUFFER body;
    vs_buffer_init(&body, 1 << 22);
    if (!connection_open(c, load, run->tls))
        fatal("cannot connect to the service");
    pthread_barrier_wait(&run->connected);
    pthread_barrier_wait(&run->begun);
    for (;;) {
        size_t i = __atomic_fetch_add(&run->next, 1, __ATOMIC_RELAXED);
        if (i >= load->n_bodies)
            break;
        double start = now_s();
        vs_buffer_clear(&body);
        int status = send_request(c, load, load->bodies[i], i) ? receive_answer(c, &body) : 0;
        run->latency_ms[i] = (float)((now_s() - start) * 1000);
        count(run, status, &body);
        if (status == 0) {
            connection_close(c);
            if (!connection_open(c, load, run->tls))
                break;
        }
    }
    connection_close(c);
    vs_heap_free(c);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

void load_run(const struct load *load, struct load_result *ret)
{
    *ret = (struct load_result){0};
    struct run run = {.load = load, .result = ret, .lock = PTHREAD_MUTEX_INITIALIZER};
    run.tls = load->tls ? tls_context(load) : NULL;
    run.latency_ms = vs_heap_array(load->n_bodies, sizeof *run.latency_ms);
    pthread_t *threads = vs_heap_array((size_t)load->connections, sizeof *threads);
    pthread_barrier_init(&run.connected, NULL, (unsigned)load->connections + 1);
    pthread_barrier_init(&run.begun, NULL, (unsigned)load->connections + 1);
    for (int i = 0; i < load->connections; i++)
        if (pthread_create(&threads[i], NULL, send_bodies, &run) != 0)
            fatal("cannot start a thread");
    pthread_barrier_wait(&run.connected);
    if (load->ready != NULL)
        load->ready();
    double start = now_s();
    pthread_barrier_wait(&run.begun);
    for (int i = 0; i < load->connections; i++)
        pthread_join(threads[i], NULL);
    ret->seconds = now_s() - start;
    qsort(run.latency_ms, load->n_bodies, sizeof *run.latency_ms, by_value);
    ret->p50_ms = (double)run.latency_ms[load->n_bodies / 2];
    ret->p99_ms = (double)run.latency_ms[load->n_bodies * 99 / 100];
    vs_heap_free(run.latency_ms);
    vs_heap_free(threads);
    pthread_barrier_destroy(&run.connected);
    pthread_barrier_destroy(&run.begun);
    SSL_CTX_free(run.tls);
}

int load_one(const struct load *load, struct vs_arena *arena, struct vs_bytes body,
             struct vs_bytes *ret_body)
{
    SSL_CTX *tls = load->tls ? tls_context(load) : NULL;
    struct connection *c = vs_heap_new(sizeof *c);
    VS_BUFFER answer;
    vs_buffer_init(&answer, 1 << 24);
    int status = 0;
    if (connection_open(c, load, tls) && send_request(c, load, body, 0))
        status = receive_answer(c, &answer);
    *ret_body = vs_bytes_copy(arena, vs_buffer_view(&answer));
    connection_close(c);
    vs_heap_free(c);
    SSL_CTX_free(tls);
    return status;
}
