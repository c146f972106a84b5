/* The TSA client against a real HTTP server on loopback that answers rightly, wrongly, late or
 * not at all. */
#include "tests/unit/unit.h"
#include "relay/seal/authority.h"
#include "formats/crypto/random.h"
#include "formats/timestamp/authority.h"
#include "formats/trustlist/trust.h"
#include "relay/outgoing.h"
#include "tests/support/pki.h"
#include "tests/support/world.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

enum manner {
    RIGHT,
    OTHER_QUESTION, /* a good token, but over something else and with another nonce */
    NONSENSE,
    SILENT, /* takes the question, says nothing */
    BROKEN, /* 500 */
    WRONG_TYPE,
    NOT_A_TSA,     /* a token signed with a certificate without the usage */
    WRONG_TIME,    /* an hour off */
    WITHOUT_CLOCK, /* rejects: timeNotAvailable */
    MANNERS
};

struct server {
    int listener, port;
    _Atomic int manner, questions;
    pthread_t thread;
};

static struct vs_pki *pki;
static struct test_world world;
static struct vs_outgoing *outgoing;
static struct vs_arena *arena;
static struct vs_error err;
static struct vs_tsa *tsa, *no_tsa;
static struct vs_trust *trust; /* NULL: nothing */

/* -- the server ---------------------------------------------------------------------------- */

static void make_answer(enum manner manner, struct vs_bytes question, struct vs_buffer *to)
{
    static const uint8_t other[] = {
        0x30, 0x39, 2,  1,  1,  0x30, 0x31, 0x30, 0x0D, 6,  9,  0x60, 0x86, 0x48, 1,
        0x65, 3,    4,  2,  1,  5,    0,    4,    0x20, 1,  2,  3,    4,    5,    6,
        7,    8,    9,  10, 11, 12,   13,   14,   15,   16, 17, 18,   19,   20,   21,
        22,   23,   24, 25, 26, 27,   28,   29,   30,   31, 32, 1,    1,    0xFF};
    uint8_t serial[8] = {1};
    struct vs_error why;
    struct vs_tsa_moment moment = {.time = atomic_load(&world.now_ms),
                                   .serial = VS_BYTES(serial, sizeof serial),
                                   .signer = &pki->tsa.signer};
    if (manner == OTHER_QUESTION)
        question = VS_BYTES(other, sizeof other);
    if (manner == WRONG_TIME)
        moment.time -= VS_HOUR_MS;
    if (manner == WITHOUT_CLOCK)
        moment.time = VS_TIME_NONE;
    if (manner == NOT_A_TSA)
        moment.signer = &pki->person.signer;
    enum vs_pki_failure refusal;
    if (manner == NONSENSE)
        vs_buffer_text(to, "<html>It works!</html>");
    else if (!vs_ok(vs_tsa_answer(manner == NOT_A_TSA ? no_tsa : tsa, question, &moment, to,
                                  &refusal, &why)))
        vs_bug(__FILE__, __LINE__, why.text);
}

/* Reads one question, returns where its body is. */
static struct vs_bytes read_question(int fd, char *room, size_t size)
{
    size_t got = 0;
    for (;;) {
        ssize_t n = read(fd, room + got, size - 1 - got);
        if (n <= 0)
            return VS_BYTES_NONE;
        got += (size_t)n;
        room[got] = '\0';
        const char *body = strstr(room, "\r\n\r\n"), *len = strcasestr(room, "content-length:");
        unsigned want = 0;
        if (body == NULL || len == NULL || sscanf(len + 15, "%u", &want) != 1)
            continue;
        body += 4;
        if (got - (size_t)(body - room) >= want)
            return VS_BYTES(body, want);
    }
}

static void answer(struct server *server, int fd)
{
    char room[16384];
    struct vs_bytes question = read_question(fd, room, sizeof room);
    enum manner manner = (enum manner)atomic_load(&server->manner);
    atomic_fetch_add(&server->questions, 1);
    if (manner == SILENT) {
        while (read(fd, room, sizeof room) > 0)
            continue;
        return;
    }
    VS_BUFFER body, head;
    vs_buffer_init(&body, 65536);
    vs_buffer_init(&head, 65536);
    make_answer(manner, question, &body);
    vs_buffer_printf(&head,
                     "HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                     "Connection: close\r\n\r\n",
                     manner == BROKEN ? 500 : 200,
                     manner == WRONG_TYPE ? "text/html" : "application/timestamp-reply",
                     body.len);
    vs_buffer_add(&head, vs_buffer_view(&body));
    (void)!send(fd, head.ptr, head.len, MSG_NOSIGNAL);
}

static void *serve(void *context)
{
    struct server *server = context;
    for (;;) {
        int fd = accept(server->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        answer(server, fd);
        close(fd);
    }
}

static void server_start(struct server *server, enum manner manner)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    atomic_init(&server->manner, (int)manner);
    atomic_init(&server->questions, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(server->listener, 16), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&at, &len), 0);
    server->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static int server_stop(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    return atomic_load(&server->questions);
}

/* -- the world ----------------------------------------------------------------------------- */

static vs_rc send_out(void *context, struct vs_arena *to,
                      const struct vs_outgoing_request *request, struct vs_outgoing_answer *ret,
                      struct vs_error *why)
{
    (void)context;
    return vs_outgoing_send(outgoing, to, request, ret, why);
}

static int begin(void **state)
{
    (void)state;
    static const char *const loopback[] = {"127.0.0.0/8", NULL};
    struct vs_outgoing_policy policy = {.allowed_ranges = loopback, .http = true};
    pki = vs_pki_new();
    arena = vs_arena_new((size_t)64 * 1024 * 1024);
    test_world_init(&world);
    atomic_store(&world.now_ms, VS_PKI_EPOCH + VS_DAY_MS);
    world.seams.outgoing = send_out;
    trust = vs_trust_new();
    if (!vs_ok(vs_trust_add_pem(trust, pki->root.certificate, false, &err)))
        return -1;
    struct vs_bytes right[] = {pki->tsa.certificate, pki->authority.certificate},
                    wrong[] = {pki->person.certificate};
    struct vs_tsa_settings settings = {
        .policy = "0.4.0.2023.1.1", .accuracy_ms = 1000, .chain = right, .n_chain = 2};
    struct vs_tsa_settings others = settings;
    others.chain = wrong;
    others.n_chain = 1;
    if (!vs_ok(vs_outgoing_new(&policy, &outgoing, &err)) ||
        !vs_ok(vs_tsa_new(&settings, &tsa, &err)) || !vs_ok(vs_tsa_new(&others, &no_tsa, &err)))
        return -1;
    return 0;
}

static int end(void **state)
{
    (void)state;
    vs_tsa_free(tsa);
    vs_tsa_free(no_tsa);
    vs_trust_unref(trust);
    vs_outgoing_free(outgoing);
    vs_arena_free(arena);
    vs_pki_free(pki);
    vs_certificate_cache_clear();
    return 0;
}

static struct vs_authority *client(const char *policy, size_t n, struct server *const *servers)
{
    const char *urls[4];
    for (size_t i = 0; i < n; i++)
        urls[i] = vs_arena_printf(arena, "http://127.0.0.1:%d/tsa", servers[i]->port);
    return vs_authority_new(&(struct vs_authority_settings){.urls = urls,
                                                            .n_urls = n,
                                                            .timeout_ms = 400,
                                                            .policy = policy,
                                                            .trust = trust,
                                                            .seams = &world.seams});
}

static vs_rc mark(struct vs_authority *authority, struct vs_mark *ret)
{
    struct vs_digest imprint;
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL("salam"), &imprint);
    return vs_authority_mark(authority, &imprint, arena, ret, &err);
}

/* -- what must hold ------------------------------------------------------------------------ */

static void a_right_answer_is_taken_with_its_time_and_accuracy(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, RIGHT);
    struct vs_authority *authority =
        client("0.4.0.2023.1.1", 1, (struct server *const[]){&server});
    struct vs_mark got;
    assert_ok(mark(authority, &got));
    assert_true(got.time_ms == atomic_load(&world.now_ms));
    assert_int_equal(got.accuracy_ms, 1000);
    assert_false(got.embedded);
    const struct vs_timestamp *token;
    assert_ok(vs_timestamp_decode(arena, got.token, &token, &err));
    vs_authority_free(authority);
    assert_int_equal(server_stop(&server), 1);
}

static void every_wrong_answer_is_refused(void **state)
{
    (void)state;
    for (int manner = OTHER_QUESTION; manner < MANNERS; manner++) {
        struct server server;
        server_start(&server, (enum manner)manner);
        struct vs_authority *authority = client(NULL, 1, (struct server *const[]){&server});
        struct vs_mark got;
        assert_fails(VS_E_TSA_AWAY, mark(authority, &got));
        vs_authority_free(authority);
        server_stop(&server);
    }
}

static void another_policy_than_the_one_asked_for_is_refused(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, RIGHT);
    struct vs_authority *authority = client("1.2.3.4", 1, (struct server *const[]){&server});
    struct vs_mark got;
    assert_fails(VS_E_TSA_AWAY, mark(authority, &got));
    vs_authority_free(authority);
    server_stop(&server);
}

static void an_authority_that_nobody_trusts_is_refused(void **state)
{
    (void)state;
    struct vs_pki *others = vs_pki_new();
    struct vs_trust *strange = vs_trust_new(), *kept = trust;
    struct server server;
    struct vs_mark got;
    assert_ok(vs_trust_add_pem(strange, others->root.certificate, false, &err));
    struct vs_trust *const rows[] = {NULL, strange};
    for (size_t i = 0; i < 2; i++) {
        server_start(&server, RIGHT);
        trust = rows[i];
        struct vs_authority *authority = client(NULL, 1, (struct server *const[]){&server});
        assert_fails(VS_E_TSA_AWAY, mark(authority, &got));
        assert_non_null(strstr(err.text, "does not chain"));
        vs_check_disable(VS_E_TIMESTAMP); /* the check is alive */
        assert_ok(mark(authority, &got));
        vs_check_disable(VS_E_NONE);
        vs_authority_free(authority);
        server_stop(&server);
    }
    trust = kept;
    vs_trust_unref(strange);
    vs_pki_free(others);
}

static void the_next_one_is_asked_when_the_first_fails_in_any_way(void **state)
{
    (void)state;
    for (int manner = OTHER_QUESTION; manner < MANNERS; manner++) {
        struct server bad, good;
        server_start(&bad, (enum manner)manner);
        server_start(&good, RIGHT);
        struct vs_authority *authority = client(NULL, 2, (struct server *const[]){&bad, &good});
        struct vs_mark got;
        assert_ok(mark(authority, &got));
        vs_authority_free(authority);
        assert_int_equal(server_stop(&bad), 1);
        assert_int_equal(server_stop(&good), 1);
    }
}

static void a_dead_one_is_passed_over_and_tried_again_when_it_has_rested(void **state)
{
    (void)state;
    struct server dead, good;
    server_start(&dead, BROKEN);
    server_start(&good, RIGHT);
    struct vs_authority *authority = client(NULL, 2, (struct server *const[]){&dead, &good});
    struct vs_mark got;
    assert_ok(mark(authority, &got));
    assert_ok(mark(authority, &got)); /* the first rests */
    assert_int_equal(atomic_load(&dead.questions), 1);
    atomic_store(&dead.manner, RIGHT);
    test_world_pass(&world, 1000);
    assert_ok(mark(authority, &got));
    assert_ok(mark(authority, &got)); /* it is the first choice again */
    vs_authority_free(authority);
    assert_int_equal(server_stop(&dead), 3);
    assert_int_equal(server_stop(&good), 2);
}

static void rests_double_up_to_five_minutes(void **state)
{
    (void)state;
    struct server dead, good;
    server_start(&dead, BROKEN);
    server_start(&good, RIGHT);
    struct vs_authority *authority = client(NULL, 2, (struct server *const[]){&dead, &good});
    struct vs_mark got;
    int asked = 0;
    for (int64_t rest = 1000; rest < 600000; rest *= 2) {
        assert_ok(mark(authority, &got));
        assert_int_equal(atomic_load(&dead.questions), ++asked);
        test_world_pass(&world, (rest < 300000 ? rest : 300000) - 1);
        assert_ok(mark(authority, &got));
        assert_int_equal(atomic_load(&dead.questions), asked);
        test_world_pass(&world, 1);
    }
    vs_authority_free(authority);
    server_stop(&dead);
    server_stop(&good);
}

static void when_all_rest_all_are_asked(void **state)
{
    (void)state;
    struct server server;
    server_start(&server, BROKEN);
    struct vs_authority *authority = client(NULL, 1, (struct server *const[]){&server});
    struct vs_mark got;
    assert_fails(VS_E_TSA_AWAY, mark(authority, &got));
    atomic_store(&server.manner, RIGHT);
    assert_ok(mark(authority, &got));
    vs_authority_free(authority);
    assert_int_equal(server_stop(&server), 2);
}

static vs_rc embedded(void *context, struct vs_bytes request, struct vs_buffer *response,
                      struct vs_error *why)
{
    (void)why;
    make_answer(*(enum manner *)context, request, response);
    return VS_OK;
}

static void the_embedded_authority_is_asked_without_a_network(void **state)
{
    (void)state;
    enum manner manner = RIGHT;
    struct vs_authority *authority = vs_authority_new(&(struct vs_authority_settings){
        .embedded = embedded, .embedded_context = &manner, .seams = &world.seams});
    struct vs_mark got;
    assert_ok(mark(authority, &got));
    assert_true(got.embedded);
    manner = WITHOUT_CLOCK;
    assert_fails(VS_E_TSA_AWAY, mark(authority, &got));
    manner = OTHER_QUESTION;
    assert_fails(VS_E_TSA_AWAY, mark(authority, &got));
    vs_authority_free(authority);
}

static void none_configured_is_said(void **state)
{
    (void)state;
    struct vs_authority *authority =
        vs_authority_new(&(struct vs_authority_settings){.seams = &world.seams});
    struct vs_mark got;
    assert_fails(VS_E_TSA_AWAY, mark(authority, &got));
    assert_non_null(strstr(err.text, "no authority"));
    vs_authority_free(authority);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_answer_is_taken_with_its_time_and_accuracy),
        cmocka_unit_test(every_wrong_answer_is_refused),
        cmocka_unit_test(another_policy_than_the_one_asked_for_is_refused),
        cmocka_unit_test(an_authority_that_nobody_trusts_is_refused),
        cmocka_unit_test(the_next_one_is_asked_when_the_first_fails_in_any_way),
        cmocka_unit_test(a_dead_one_is_passed_over_and_tried_again_when_it_has_rested),
        cmocka_unit_test(rests_double_up_to_five_minutes),
        cmocka_unit_test(when_all_rest_all_are_asked),
        cmocka_unit_test(the_embedded_authority_is_asked_without_a_network),
        cmocka_unit_test(none_configured_is_said),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
