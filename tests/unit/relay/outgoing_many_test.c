/* Many requests on one thread, answers of which the head is enough, names that move. */
#include "relay/outgoing.h"
#include "tests/unit/unit.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MANY = 24, BIG = 64 << 20 };

/* Says `first` to who has sent a head, reads on, then says `last` when it has all, or nothing.
 */
struct server {
    int listener, port;
    const char *first, *last;
    uint64_t wanted;   /* octets of a request before `last` is said */
    int connections;   /* atomically */
    _Atomic bool hush; /* nothing is said until it is false */
    _Atomic bool over;
    _Atomic int active;
    pthread_t thread;
};

static struct vs_arena *arena;
static struct vs_error err;

struct client {
    struct server *server;
    int fd;
};

static void *serve_one(void *context)
{
    struct client *self = context;
    struct server *server = self->server;
    static _Thread_local char bytes[65536];
    uint64_t got = 0;
    ssize_t n = read(self->fd, bytes, sizeof bytes);
    if (server->first != NULL)
        (void)!send(self->fd, server->first, strlen(server->first), MSG_NOSIGNAL);
    while (server->last == NULL && !server->over) /* it reads no more */
        sched_yield();
    for (; n > 0 && (got += (uint64_t)n) < server->wanted;)
        n = read(self->fd, bytes, sizeof bytes);
    while (server->hush)
        sched_yield();
    if (server->last != NULL)
        (void)!send(self->fd, server->last, strlen(server->last), MSG_NOSIGNAL);
    if (server->last != NULL)
        shutdown(self->fd, SHUT_WR);
    while (read(self->fd, bytes, sizeof bytes) > 0)
        continue;
    close(self->fd);
    vs_heap_free(self);
    server->active--;
    return NULL;
}

static void *serve(void *context)
{
    struct server *server = context;
    for (;;) {
        int fd = accept(server->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        __atomic_add_fetch(&server->connections, 1, __ATOMIC_SEQ_CST);
        server->active++;
        struct client *client = vs_heap_new(sizeof *client);
        pthread_t thread;
        *client = (struct client){server, fd};
        assert_int_equal(pthread_create(&thread, NULL, serve_one, client), 0);
        pthread_detach(thread);
    }
}

static void start(struct server *server, const char *address)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    inet_pton(AF_INET, address, &at.sin_addr);
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(server->listener, 64), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&at, &len), 0);
    server->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static int stop(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    server->over = true;
    while (server->active > 0) /* every client has gone */
        sched_yield();
    return __atomic_load_n(&server->connections, __ATOMIC_SEQ_CST);
}

static const char *const one[] = {"127.0.0.1/32", NULL};

static struct vs_outgoing *door(struct vs_outgoing_policy policy)
{
    struct vs_outgoing *outgoing;
    policy.allowed_ranges = one;
    policy.http = true;
    assert_ok(vs_outgoing_new(&policy, &outgoing, &err));
    return outgoing;
}

static struct vs_outgoing_call call_to(const char *url)
{
    return (struct vs_outgoing_call){.request = {.method = "POST",
                                                 .url = url,
                                                 .body = VS_BYTES_LITERAL("salam"),
                                                 .timeout_ms = 20000,
                                                 .head_only = true,
                                                 .try_anyway = true},
                                     .arena = arena};
}

static char *url_of(const struct server *server)
{
    return vs_arena_printf(arena, "http://127.0.0.1:%d/in", server->port);
}

static void finish(struct vs_outgoing_many *many, struct vs_outgoing_call *call)
{
    while (!call->done)
        vs_outgoing_many_wait(many, 1000);
}

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

/* All that the slow one holds is under way while the others come and go. */
static void many__go_on_beside_one_that_hangs(void **state)
{
    (void)state;
    struct server slow = {.last = OK, .hush = true}, quick = {.last = OK};
    struct vs_outgoing *outgoing = door((struct vs_outgoing_policy){.http = true});
    struct vs_outgoing_many *many;
    struct vs_outgoing_call held[4], calls[MANY];
    start(&slow, "127.0.0.1");
    start(&quick, "127.0.0.1");
    assert_ok(vs_outgoing_many_new(outgoing, &many, &err));
    for (int i = 0; i < 4; i++) {
        held[i] = call_to(url_of(&slow));
        vs_outgoing_many_begin(many, &held[i]);
    }
    for (int i = 0; i < MANY; i++) {
        calls[i] = call_to(url_of(&quick));
        vs_outgoing_many_begin(many, &calls[i]);
    }
    for (int i = 0; i < MANY; i++) {
        finish(many, &calls[i]);
        assert_true(vs_ok(calls[i].rc));
        assert_int_equal(calls[i].answer.status, 200);
    }
    assert_false(held[0].done || held[1].done || held[2].done || held[3].done);
    vs_outgoing_many_cancel(many, &held[3]);
    assert_true(held[3].done);
    assert_int_equal(held[3].rc.code, VS_E_STOPPING);
    slow.hush = false;
    for (int i = 0; i < 3; i++) {
        finish(many, &held[i]);
        assert_int_equal(held[i].answer.status, 200);
    }
    vs_outgoing_many_free(many);
    vs_outgoing_free(outgoing);
    assert_int_equal(stop(&quick), MANY);
    stop(&slow);
}

static void many__ends_at_once_what_cannot_begin(void **state)
{
    (void)state;
    struct vs_outgoing *outgoing = door((struct vs_outgoing_policy){.http = true});
    struct vs_outgoing_many *many;
    struct vs_outgoing_call call = call_to("gopher://127.0.0.1/");
    assert_ok(vs_outgoing_many_new(outgoing, &many, &err));
    vs_outgoing_many_begin(many, &call);
    assert_true(call.done);
    assert_int_equal(call.rc.code, VS_E_NETWORK_POLICY);
    call = call_to("http://127.0.0.2:1/");
    vs_outgoing_many_begin(many, &call);
    finish(many, &call);
    assert_int_equal(call.rc.code, VS_E_NETWORK_POLICY);
    vs_outgoing_many_free(many);
    vs_outgoing_free(outgoing);
}

static void *wake(void *context)
{
    vs_outgoing_many_wake(context);
    return NULL;
}

static void many__waits_no_longer_once_woken(void **state)
{
    (void)state;
    struct vs_outgoing *outgoing = door((struct vs_outgoing_policy){.http = true});
    struct vs_outgoing_many *many;
    pthread_t thread;
    assert_ok(vs_outgoing_many_new(outgoing, &many, &err));
    vs_outgoing_many_wake(many); /* before it waits: not lost */
    vs_outgoing_many_wait(many, 3600000);
    assert_int_equal(pthread_create(&thread, NULL, wake, many), 0);
    vs_outgoing_many_wait(many, 3600000);
    pthread_join(thread, NULL);
    vs_outgoing_many_free(many);
    vs_outgoing_free(outgoing);
}

/* -- the head is enough -------------------------------------------------------------------- */

static vs_rc read_zeros(const struct vs_source *source, uint64_t offset, void *to, size_t len,
                        struct vs_error *error)
{
    (void)source;
    (void)offset;
    (void)error;
    memset(to, 0, len);
    return VS_OK;
}

static vs_rc post_big(struct vs_outgoing *outgoing, const struct server *server,
                      struct vs_outgoing_answer *answer)
{
    struct vs_source source = {.size = BIG, .read_at = read_zeros};
    struct vs_outgoing_request request = {.method = "POST",
                                          .url = url_of(server),
                                          .source = &source,
                                          .timeout_ms = 20000,
                                          .head_only = true,
                                          .try_anyway = true};
    return vs_outgoing_send(outgoing, arena, &request, answer, &err);
}

static void head__of_the_final_answer_is_enough(void **state)
{
    (void)state;
    static const struct {
        const char *first, *last;
        int status; /* 0: no answer */
    } cases[] = {
        {NULL, OK, 200},
        {NULL, "HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\nhalf", 202},
        {"HTTP/1.1 103 Early Hints\r\n\r\n", OK, 200},
        {NULL, "HTTP/1.1 503 Later\r\nRetry-After: 7\r\nContent-Length: 9\r\n\r\n", 503},
        {"HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n", NULL, 413}, /* may say so early */
        {OK, NULL, 0}, /* cannot have what it has not read */
        {"HTTP/1.1 302 There\r\nLocation: /\r\n\r\n", NULL, 0},
        {NULL, "HTTP/1.1 200 OK\r\nContent-Le", 0}, /* no whole head */
        {NULL, "nonsense\r\n\r\n", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct server server = {
            .first = cases[i].first, .last = cases[i].last, .wanted = BIG + 64};
        struct vs_outgoing *outgoing = door((struct vs_outgoing_policy){.http = true});
        struct vs_outgoing_answer answer = {.status = 0};
        start(&server, "127.0.0.1");
        vs_rc rc = post_big(outgoing, &server, &answer);
        assert_int_equal(rc.code, cases[i].status == 0 ? VS_E_NETWORK : VS_E_NONE);
        assert_int_equal(answer.status, cases[i].status);
        if (cases[i].status == 503)
            assert_int_equal(answer.retry_after_s, 7);
        vs_outgoing_free(outgoing);
        stop(&server);
    }
}

/* -- a name that moves --------------------------------------------------------------------- */

struct names {
    const char *addresses[3];
    unsigned asked;
};

static const char *resolve(void *context, const char *host)
{
    struct names *names = context;
    assert_string_equal(host, "beta.example");
    return names->addresses[names->asked < 2 ? names->asked++ : 2];
}

/* reliability.md: rebinding. The name passes for a harmless one when it is looked at first and
 * means this machine when it is used: what counts is the address that is connected to. */
static void resolve__again_to_a_hidden_address_is_refused(void **state)
{
    (void)state;
    struct server canary = {.last = OK}, good = {.last = OK};
    struct names names = {{"127.0.0.1", "127.0.0.2", "127.0.0.1"}, 0};
    struct vs_outgoing *outgoing =
        door((struct vs_outgoing_policy){.resolve = resolve, .resolve_context = &names});
    struct vs_outgoing_answer answer;
    start(&good, "127.0.0.1");
    start(&canary, "127.0.0.2");
    const int ports[] = {good.port, canary.port, good.port};
    static const bool taken[] = {true, false, true};
    for (int i = 0; i < 3; i++) {
        struct vs_outgoing_request request = {
            .method = "POST",
            .url = vs_arena_printf(arena, "http://beta.example:%d/in", ports[i]),
            .body = VS_BYTES_LITERAL("salam"),
            .head_only = true,
            .try_anyway = true};
        vs_rc rc = vs_outgoing_send(outgoing, arena, &request, &answer, &err);
        assert_int_equal(rc.code, taken[i] ? VS_E_NONE : VS_E_NETWORK_POLICY);
    }
    vs_outgoing_free(outgoing);
    assert_int_equal(stop(&canary), 0);
    assert_int_equal(stop(&good), 2);
}

/* One name, two addresses at once: the hidden one is not tried after the good one failed. */
static void resolve__to_two_addresses_reaches_no_hidden_one(void **state)
{
    (void)state;
    struct server canary = {.last = OK};
    struct names names = {{"127.0.0.1,127.0.0.2", "127.0.0.2,127.0.0.1", NULL}, 0};
    struct vs_outgoing *outgoing =
        door((struct vs_outgoing_policy){.resolve = resolve, .resolve_context = &names});
    struct vs_outgoing_answer answer;
    start(&canary, "127.0.0.2"); /* nobody listens at this port of 127.0.0.1 */
    for (int i = 0; i < 2; i++) {
        struct vs_outgoing_request request = {
            .method = "GET",
            .url = vs_arena_printf(arena, "http://beta.example:%d/", canary.port),
            .try_anyway = true};
        assert_false(vs_ok(vs_outgoing_send(outgoing, arena, &request, &answer, &err)));
    }
    vs_outgoing_free(outgoing);
    assert_int_equal(stop(&canary), 0);
}

static int open_arena(void **state)
{
    (void)state;
    arena = vs_arena_new((size_t)16 << 20);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    vs_arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many__go_on_beside_one_that_hangs),
        cmocka_unit_test(many__ends_at_once_what_cannot_begin),
        cmocka_unit_test(many__waits_no_longer_once_woken),
        cmocka_unit_test(head__of_the_final_answer_is_enough),
        cmocka_unit_test(resolve__again_to_a_hidden_address_is_refused),
        cmocka_unit_test(resolve__to_two_addresses_reaches_no_hidden_one),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
