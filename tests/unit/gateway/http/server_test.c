#include "tests/unit/unit.h"
#include "gateway/http/server.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- a service of a few routes, and a worker ------------------------------------------------
 */

static struct job {
    void (*run)(void *);
    void *argument;
} queue[64];
static unsigned head, tail;
static bool queue_full, worker_stops;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static atomic_int downloads_done, downloads_whole, states_freed;
static atomic_ullong streamed;

static vs_rc submit_job(void (*run)(void *), void *argument, struct vs_error *err)
{
    if (queue_full)
        return vs_fail(err, VS_E_BUSY, NULL, "the queue is full");
    pthread_mutex_lock(&lock);
    queue[head++ % 64] = (struct job){run, argument};
    pthread_cond_signal(&more);
    pthread_mutex_unlock(&lock);
    return VS_OK;
}

static void *worker(void *context)
{
    (void)context;
    pthread_mutex_lock(&lock);
    for (;;) {
        while (head == tail && !worker_stops)
            pthread_cond_wait(&more, &lock);
        if (head == tail)
            break;
        struct job job = queue[tail++ % 64];
        pthread_mutex_unlock(&lock);
        job.run(job.argument);
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

static vs_rc hello(struct vs_request *request, struct vs_error *err)
{
    (void)err;
    vs_respond(request, 200, "text/plain", VS_BYTES_LITERAL("hello"));
    return VS_OK;
}

static vs_rc echo(struct vs_request *request, struct vs_error *err)
{
    (void)err;
    vs_respond(request, 200, "application/json", vs_request_body(request));
    return VS_OK;
}

static vs_rc param(struct vs_request *request, struct vs_error *err)
{
    (void)err;
    const char *value = vs_request_param(request, "id");
    vs_respond(request, 200, "text/plain", vs_bytes_text(value));
    return VS_OK;
}

static void freed(void *state)
{
    (void)state;
    states_freed++;
}

static vs_rc stream_begin(struct vs_request *request, struct vs_error *err)
{
    VS_REFUSE_IF(vs_request_header(request, "Vasite-Refuse") != NULL, err, VS_E_RECIPIENT, NULL,
                 "refused before the body");
    vs_request_set_state(request, request, freed);
    return VS_OK;
}

static vs_rc stream_chunk(struct vs_request *request, struct vs_bytes bytes,
                          struct vs_error *err)
{
    streamed += bytes.len;
    VS_REFUSE_IF(vs_request_header(request, "Vasite-Break") != NULL, err, VS_E_DISK_FULL, NULL,
                 "refused within the body");
    return VS_OK;
}

static void work(void *argument)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    vs_request_release(argument);
}

static void work_in_vain(void *argument)
{
    struct vs_error err;
    if (!vs_ok(vs_fail(&err, VS_E_CORRUPT, NULL, "segment 7 at 123")))
        vs_request_fail(argument, &err);
}

static vs_rc worked(struct vs_request *request, struct vs_error *err)
{
    (void)err;
    vs_respond(request, 201, "text/plain", VS_BYTES_LITERAL("worked"));
    return VS_OK;
}

static vs_rc run_later(struct vs_request *request, void (*run)(void *), vs_handler *then,
                       struct vs_error *err)
{
    vs_request_hold(request);
    vs_request_then(request, then);
    vs_rc rc = submit_job(run, request, err);
    if (!vs_ok(rc))
        vs_request_release(request);
    return rc;
}

/* Two rounds: what comes after the first hold may hold again. */
static vs_rc again(struct vs_request *request, struct vs_error *err)
{
    return run_later(request, work, worked, err);
}

static vs_rc in_job(struct vs_request *request, struct vs_error *err)
{
    return run_later(request, work, again, err);
}

static vs_rc in_failing_job(struct vs_request *request, struct vs_error *err)
{
    return run_later(request, work_in_vain, worked, err);
}

static struct vs_request *_Atomic waiting;

static vs_rc woken(struct vs_request *request, struct vs_error *err)
{
    (void)err;
    vs_respond(request, 200, "text/plain", VS_BYTES_LITERAL("woken"));
    return VS_OK;
}

static void over(struct vs_request *request)
{
    vs_request_then(request, NULL);
    vs_respond(request, 200, "text/plain", VS_BYTES_LITERAL("over"));
    vs_request_release(request);
}

static vs_rc waits(struct vs_request *request, struct vs_error *err)
{
    uint64_t ms = 0;
    VS_TRY(vs_request_query_only(request, "ms", err));
    VS_TRY(vs_request_query_number(request, "ms", 0, 60000, 10000, &ms, err));
    vs_request_hold(request);
    vs_request_then(request, woken);
    waiting = request;
    vs_rc rc = vs_request_wait(request, ms, over, err);
    if (!vs_ok(rc))
        vs_request_release(request);
    return rc;
}

static vs_rc read_zeros(const struct vs_source *source, uint64_t offset, void *to, size_t len,
                        struct vs_error *err)
{
    (void)source, (void)offset, (void)err;
    memset(to, 'z', len);
    return VS_OK;
}
static const struct vs_source zeros = {.size = 30 << 20, .read_at = read_zeros};

static void download_done(void *context, bool complete)
{
    (void)context;
    downloads_whole += complete;
    downloads_done++;
}

static vs_rc download(struct vs_request *request, struct vs_error *err)
{
    (void)err;
    vs_respond_stream(request, 200, "application/octet-stream", &zeros, download_done, NULL);
    return VS_OK;
}

#define OPEN VS_RIGHT_PUBLIC, VS_ON_BOTH
static const struct vs_route routes[] = {
    {"GET", "/hello", hello, OPEN, 0, NULL, NULL, NULL, "hello"},
    {"POST", "/echo", echo, OPEN, 1000, "application/json", NULL, NULL, "echo"},
    {"GET", "/things/{id}", param, OPEN, 0, NULL, NULL, NULL, "one"},
    {"GET", "/rest/{id...}", param, OPEN, 0, NULL, NULL, NULL, "rest"},
    {"POST", "/stream", hello, OPEN, 50 << 20, "*", stream_begin, stream_chunk, "stream"},
    {"GET", "/job", in_job, OPEN, 0, NULL, NULL, NULL, "job"},
    {"GET", "/failing", in_failing_job, OPEN, 0, NULL, NULL, NULL, "failing"},
    {"GET", "/wait", waits, OPEN, 0, NULL, NULL, NULL, "wait"},
    {"GET", "/download", download, OPEN, 0, NULL, NULL, NULL, "download"},
    {"GET", "/mine", hello, VS_RIGHT_SENDER, VS_ON_BOTH, 0, NULL, NULL, NULL, "mine"},
    {"GET", "/mine/wait", waits, VS_RIGHT_SENDER, VS_ON_BOTH, 0, NULL, NULL, NULL, "my wait"},
    {"GET", "/secret", hello, VS_RIGHT_PUBLIC, VS_ON_TLS, 0, NULL, NULL, NULL, "tls only"},
};

static vs_rc authenticate(struct vs_request *request, struct vs_error *err)
{
    const char *token = vs_request_bearer(request);
    if (token == NULL || strcmp(token, "unknown") == 0)
        return vs_fail(err, VS_E_UNAUTHENTICATED, NULL, "no such token");
    unsigned rights = strcmp(token, "sender") == 0 ? VS_RIGHT_SENDER : VS_RIGHT_RECIPIENT;
    vs_request_set_caller(request, token, "voen:1", rights);
    return VS_OK;
}

static vs_time_ms now_ms(void *context)
{
    (void)context;
    return 1000;
}

static void fill(void *context, uint8_t *to, size_t len)
{
    (void)context;
    memset(to, 0xab, len);
}

static struct vs_server *server;
static pthread_t worker_thread;

static struct vs_server_options options(void)
{
    return (struct vs_server_options){.routes = routes,
                                      .n_routes = sizeof routes / sizeof routes[0],
                                      .plain_address = "127.0.0.1",
                                      .threads = 2,
                                      .limits = {.document_bytes = 1 << 20,
                                                 .connections = 50,
                                                 .connections_per_address = 40,
                                                 .waiting = 20,
                                                 .requests_per_second = 5,
                                                 .refusals_per_second = 3,
                                                 .idle_s = 60,
                                                 .header_s = 30,
                                                 .body_grace_s = 30,
                                                 .minimum_bytes_per_second = 100},
                                      .authenticate = authenticate,
                                      .now_ms = now_ms,
                                      .random = fill};
}

static int set_up(void **state)
{
    (void)state;
    struct vs_error err;
    head = tail = 0;
    queue_full = worker_stops = false;
    downloads_done = downloads_whole = states_freed = 0;
    streamed = 0;
    struct vs_server_options o = options();
    assert_ok(vs_server_start(&o, &server, &err));
    return pthread_create(&worker_thread, NULL, worker, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    vs_server_stop(server, 200);
    pthread_mutex_lock(&lock);
    worker_stops = true;
    pthread_cond_signal(&more);
    pthread_mutex_unlock(&lock);
    return pthread_join(worker_thread, NULL);
}

/* ---- a client that sends exactly what it is told ---------------------------------------- */

static int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(vs_server_plain_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* Everything until the other side closes or says nothing for `quiet_ms`. */
static const char *hear(int fd, int quiet_ms)
{
    static char text[1 << 16];
    size_t len = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (len < sizeof text - 1 && poll(&p, 1, quiet_ms) > 0) {
        ssize_t n = recv(fd, text + len, sizeof text - 1 - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    text[len] = '\0';
    return text;
}

static const char *ask(const char *request)
{
    int fd = dial();
    say(fd, request);
    const char *answer = hear(fd, 300);
    close(fd);
    return answer;
}

#define assert_says(request, wanted)                                                           \
    do {                                                                                       \
        const char *said_ = ask(request);                                                      \
        if (strstr(said_, wanted) == NULL)                                                     \
            fail_msg("'%s' is not in: %s", wanted, said_);                                     \
    } while (0)

#define HOST "Host: x\r\n"

/* ---- tests ------------------------------------------------------------------------------ */

static void server__answers_what_the_table_has_and_derives_404_405_413_415(void **state)
{
    (void)state;
    assert_says("GET /hello HTTP/1.1\r\n" HOST "\r\n", "hello");
    assert_says("GET /things/a%2Fb HTTP/1.1\r\n" HOST "\r\n", "\r\n\r\na/b");
    assert_says("GET /rest/a/b HTTP/1.1\r\n" HOST "\r\n", "\r\n\r\na/b");
    assert_says("GET /nothing HTTP/1.1\r\n" HOST "\r\n", "urn:vasite:problem:no-such-path");
    assert_says("GET /things/ HTTP/1.1\r\n" HOST "\r\n", "404");
    assert_says("GET /things/a%00 HTTP/1.1\r\n" HOST "\r\n", "404");
    assert_says("GET /things/a%0d%0a HTTP/1.1\r\n" HOST "\r\n", "404");
    assert_says("GET /secret HTTP/1.1\r\n" HOST "\r\n", "404");
    assert_says("DELETE /hello HTTP/1.1\r\n" HOST "\r\n", "Allow: GET, HEAD");
    assert_says("HEAD /hello HTTP/1.1\r\n" HOST "\r\n", "Content-Length: 5");
    assert_says("POST /echo HTTP/1.1\r\n" HOST
                "Content-Type: application/json;a=b\r\nContent-Length: 2\r\n\r\n{}",
                "\r\n\r\n{}");
    assert_says("POST /echo HTTP/1.1\r\n" HOST
                "Content-Type: text/xml\r\nContent-Length: 2\r\n\r\n{}",
                "urn:vasite:problem:wrong-media-type");
    assert_says("POST /echo HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
                "Content-Length: 1001\r\n\r\n",
                "413");
    assert_says("POST /echo HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
                "Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n",
                "HTTP/1.1 413");
    assert_says("GET /hello HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", "413");
}

static void server__refuses_what_a_proxy_could_read_differently(void **state)
{
    (void)state;
    static const char *const shapes[] = {
        "POST /echo HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
        "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
        "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
        "Content-Length: +2\r\n\r\n{}",
        "GET /hello HTTP/1.1\n" HOST "\r\n",
        "GET /hello HTTP/1.1\r\nHost: x\nAccept: */*\r\n\r\n",
        "GET /hello HTTP/1.1\r\nAccept: */*\nHost: x\r\n\r\n",
        "GET /hello HTTP/1.1\r\n" HOST HOST "\r\n",
        "GET /hello HTTP/1.1\r\n\r\n",
        "GET /hello HTTP/1.1\r\n" HOST "A b: c\r\n\r\n",
        "GET /hello HTTP/1.1\r\n" HOST "X: \x1b[2J\r\n\r\n",
        "GET /hello HTTP/1.1\r\n" HOST "Expect: 200-ok\r\n\r\n",
        "GET /wait?ms=1&ms=2 HTTP/1.1\r\n" HOST "\r\n",
        "GET /wait?ms=%zz HTTP/1.1\r\n" HOST "\r\n",
        "GET /wait?m=1 HTTP/1.1\r\n" HOST "\r\n",
        "GET /wait?ms=-1 HTTP/1.1\r\n" HOST "\r\n",
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        assert_says(shapes[i], "HTTP/1.1 400 ");
    /* The twin: the same headers once each. */
    assert_says("GET /hello HTTP/1.1\r\n" HOST "Accept: */*\r\nX: y\r\n\r\n", "HTTP/1.1 200 ");
}

static void server__closes_after_a_framing_error(void **state)
{
    (void)state;
    assert_null(strstr(ask("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                           "GET /hello HTTP/1.1\r\n" HOST "\r\n"),
                       "hello"));
}

static void server__speaks_the_callers_language(void **state)
{
    (void)state;
    assert_says("GET /no HTTP/1.1\r\n" HOST "Accept-Language: fr, az;q=0.5, ru;q=0.3\r\n\r\n",
                "Belə ünvan yoxdur");
    assert_says("GET /no HTTP/1.1\r\n" HOST "Accept-Language: ru-RU\r\n\r\n",
                "Такого адреса нет");
    assert_says("GET /no HTTP/1.1\r\n" HOST "Accept-Language: fr\r\n\r\n", "no such path");
}

static void server__authenticates_then_asks_for_the_right(void **state)
{
    (void)state;
    assert_says("GET /mine HTTP/1.1\r\n" HOST "Authorization: Bearer sender\r\n\r\n", "hello");
    assert_says("GET /mine HTTP/1.1\r\n" HOST "Authorization: Bearer other\r\n\r\n",
                "urn:vasite:problem:forbidden");
    assert_says("GET /mine HTTP/1.1\r\n" HOST "\r\n", "WWW-Authenticate: Bearer");
    /* Three refusals a second are answered, further ones put off. */
    ask("GET /mine HTTP/1.1\r\n" HOST "\r\nGET /mine HTTP/1.1\r\n" HOST "\r\n");
    assert_true(vs_server_counts(server).refused_transport >= 3);
}

static void server__limits_the_rate_of_a_participant(void **state)
{
    (void)state;
#define ONE "GET /mine HTTP/1.1\r\n" HOST "Authorization: Bearer sender\r\n\r\n"
    const char *answers = ask(ONE ONE ONE ONE ONE ONE ONE ONE ONE);
    assert_non_null(strstr(answers, "hello"));
    assert_non_null(strstr(answers, "HTTP/1.1 429 "));
    assert_non_null(strstr(answers, "Retry-After: "));
}

static void server__limits_what_a_participant_has_under_way(void **state)
{
    (void)state;
    struct vs_server_limits limits = options().limits;
    limits.requests_at_once = 1;
    limits.requests_per_second = 0;
    vs_server_reload_limits(server, &limits);
    int fd = dial();
    say(fd, "GET /mine/wait HTTP/1.1\r\n" HOST "Authorization: Bearer sender\r\n\r\n");
    while (vs_server_counts(server).waiting == 0)
        usleep(1000);
    assert_says("GET /mine HTTP/1.1\r\n" HOST "Authorization: Bearer sender\r\n\r\n",
                "HTTP/1.1 429 ");
    assert_true(vs_request_wait_end(waiting));
    vs_request_release(waiting);
    assert_non_null(strstr(hear(fd, 300), "woken"));
    close(fd);
    assert_says("GET /mine HTTP/1.1\r\n" HOST "Authorization: Bearer sender\r\n\r\n", "hello");
}

static void server__streams_a_body_and_frees_the_state(void **state)
{
    (void)state;
    int fd = dial();
    say(fd, "POST /stream HTTP/1.1\r\n" HOST
            "Content-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 100; i++)
        say(fd, "a\r\n0123456789\r\n");
    say(fd, "0\r\n\r\n");
    assert_non_null(strstr(hear(fd, 300), "hello"));
    close(fd);
    assert_int_equal(streamed, 1000);
    assert_int_equal(states_freed, 1);
}

static void server__answers_a_refusal_within_the_body_after_it(void **state)
{
    (void)state;
    assert_says("POST /stream HTTP/1.1\r\n" HOST "Vasite-Break: 1\r\nContent-Type: a/b\r\n"
                "Content-Length: 4\r\n\r\nabcd",
                "HTTP/1.1 507 ");
    assert_says("POST /stream HTTP/1.1\r\n" HOST "Vasite-Refuse: 1\r\nContent-Type: a/b\r\n"
                "Content-Length: 40000000\r\n\r\nabcd",
                "HTTP/1.1 422 ");
}

static void server__runs_jobs_while_the_connection_sleeps(void **state)
{
    (void)state;
    assert_says("GET /job HTTP/1.1\r\n" HOST "\r\n", "worked");
    const char *answer = ask("GET /failing HTTP/1.1\r\n" HOST "\r\n");
    assert_non_null(strstr(answer, "urn:vasite:problem:corrupt"));
    assert_null(strstr(answer, "segment 7"));
    queue_full = true;
    assert_says("GET /job HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 503 ");
    queue_full = false;
}

static void server__wakes_waiters_and_ends_waits(void **state)
{
    (void)state;
    int fd = dial();
    say(fd, "GET /wait HTTP/1.1\r\n" HOST "\r\n");
    while (vs_server_counts(server).waiting == 0)
        usleep(1000);
    vs_server_step(server);
    assert_int_equal(vs_server_counts(server).waiting, 1);
    assert_true(vs_request_wait_end(waiting));
    vs_request_release(waiting);
    assert_non_null(strstr(hear(fd, 300), "woken"));
    say(fd, "GET /wait?ms=10 HTTP/1.1\r\n" HOST "\r\n");
    for (int i = 0; i < 10000 && vs_server_counts(server).waiting == 0; i++)
        usleep(1000);
    for (int i = 0; i < 10000 && vs_server_counts(server).waiting > 0; i++) {
        usleep(1000);
        vs_server_step(server);
    }
    assert_non_null(strstr(hear(fd, 300), "over"));
    /* Left waiting: the stop of tear_down ends it. */
    say(fd, "GET /wait HTTP/1.1\r\n" HOST "\r\n");
    while (vs_server_counts(server).waiting == 0)
        usleep(1000);
    close(fd);
}

static void server__tells_whether_a_download_was_complete(void **state)
{
    (void)state;
    int fd = dial();
    say(fd, "GET /download HTTP/1.1\r\n" HOST "\r\n");
    static char sink[1 << 16];
    size_t total = 0;
    while (total < zeros.size) {
        ssize_t n = recv(fd, sink, sizeof sink, 0);
        assert_true(n > 0);
        total += (size_t)n;
    }
    close(fd);
    fd = dial();
    say(fd, "GET /download HTTP/1.1\r\n" HOST "\r\n");
    assert_true(recv(fd, sink, sizeof sink, 0) > 0);
    close(fd);
    for (int i = 0; i < 2000 && downloads_done < 2; i++)
        usleep(1000);
    assert_int_equal(downloads_done, 2);
    assert_int_equal(downloads_whole, 1);
}

static void server__closes_what_is_too_slow(void **state)
{
    (void)state;
    struct vs_server_limits limits = options().limits;
    limits.header_s = 0;
    limits.body_grace_s = 0;
    limits.minimum_bytes_per_second = 1000000;
    int header = dial(), body = dial();
    say(body,
        "POST /stream HTTP/1.1\r\n" HOST "Content-Type: a/b\r\nContent-Length: 9\r\n\r\n");
    say(header, "GET /hello HTTP/1.1\r\n");
    say(body, "x");
    vs_server_step(server);
    assert_int_equal(vs_server_counts(server).closed_slow, 0);
    vs_server_reload_limits(server, &limits);
    for (int i = 0; i < 300 && vs_server_counts(server).closed_slow < 2; i++) {
        if (i < 7) {
            say(header, "A: b\r\n");
            say(body, "x");
        }
        usleep(100000);
        vs_server_step(server);
    }
    assert_string_equal(hear(header, 1000), "");
    assert_string_equal(hear(body, 1000), "");
    assert_true(vs_server_counts(server).closed_slow >= 2);
    assert_says("GET /hello HTTP/1.1\r\n" HOST "\r\n", "hello");
}

static void server__answers_503_over_its_limit_and_closes_over_an_addresss(void **state)
{
    (void)state;
    struct vs_server_limits limits = options().limits;
    limits.connections = 2;
    vs_server_reload_limits(server, &limits);
    int a = dial(), b = dial();
    for (int i = 0; i < 10000 && vs_server_counts(server).connections < 2; i++)
        usleep(1000);
    assert_says("GET /hello HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 503 ");
    limits.connections = 50;
    limits.connections_per_address = 2;
    vs_server_reload_limits(server, &limits);
    assert_string_equal(ask("GET /hello HTTP/1.1\r\n" HOST "\r\n"), "");
    close(a);
    close(b);
}

static void server__names_a_port_in_use(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_server_options o = options();
    struct vs_server *second;
    o.plain_port = vs_server_plain_port(server);
    assert_fails(VS_E_PORT, vs_server_start(&o, &second, &err));
    assert_non_null(strstr(err.text, "127.0.0.1"));
    o.plain_address = "localhost";
    assert_fails(VS_E_CONFIG, vs_server_start(&o, &second, &err));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(server__answers_what_the_table_has_and_derives_404_405_413_415),
        T(server__refuses_what_a_proxy_could_read_differently),
        T(server__closes_after_a_framing_error),
        T(server__speaks_the_callers_language),
        T(server__authenticates_then_asks_for_the_right),
        T(server__limits_the_rate_of_a_participant),
        T(server__limits_what_a_participant_has_under_way),
        T(server__streams_a_body_and_frees_the_state),
        T(server__answers_a_refusal_within_the_body_after_it),
        T(server__runs_jobs_while_the_connection_sleeps),
        T(server__wakes_waiters_and_ends_waits),
        T(server__tells_whether_a_download_was_complete),
        T(server__closes_what_is_too_slow),
        T(server__answers_503_over_its_limit_and_closes_over_an_addresss),
        T(server__names_a_port_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
