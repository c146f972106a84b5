#include "tests/unit/unit.h"
#include "relay/outgoing.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

/* A server of one port that answers every connection with the same bytes and counts them: the
 * canary that must stay silent where a request is refused. */
struct canary {
    int listener, port;
    const char *answer; /* NULL: says nothing until the client goes */
    int connections;    /* atomically */
    pthread_t thread;
};

static struct vs_arena *arena;
static struct vs_error err;

static void *serve(void *context)
{
    struct canary *canary = context;
    for (;;) {
        int fd = accept(canary->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        __atomic_add_fetch(&canary->connections, 1, __ATOMIC_SEQ_CST);
        char request[65536];
        ssize_t got = read(fd, request, sizeof request);
        if (canary->answer != NULL)
            got = send(fd, canary->answer, strlen(canary->answer), MSG_NOSIGNAL);
        else
            while (got > 0)
                got = read(fd, request, sizeof request);
        shutdown(fd, SHUT_WR);
        while (read(fd, request, sizeof request) > 0)
            continue;
        close(fd);
    }
}

static void canary_start(struct canary *canary, const char *answer)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    *canary = (struct canary){.listener = socket(AF_INET, SOCK_STREAM, 0), .answer = answer};
    assert_int_equal(bind(canary->listener, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(canary->listener, 16), 0);
    assert_int_equal(getsockname(canary->listener, (struct sockaddr *)&at, &len), 0);
    canary->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&canary->thread, NULL, serve, canary), 0);
}

static int canary_stop(struct canary *canary)
{
    shutdown(canary->listener, SHUT_RDWR);
    pthread_join(canary->thread, NULL);
    close(canary->listener);
    return canary->connections;
}

static const char *const loopback[] = {"127.0.0.0/8", "::1/128", NULL};

static struct vs_outgoing *door(const char *const *ranges, uint32_t failed_host_ms)
{
    struct vs_outgoing *outgoing;
    struct vs_outgoing_policy policy = {
        .allowed_ranges = ranges, .http = true, .failed_host_ms = failed_host_ms};
    assert_ok(vs_outgoing_new(&policy, &outgoing, &err));
    return outgoing;
}

static vs_rc get(struct vs_outgoing *outgoing, const char *url, struct vs_outgoing_answer *ret)
{
    struct vs_outgoing_request request = {
        .method = "GET", .url = url, .timeout_ms = 700, .max_answer_bytes = 1000};
    return vs_outgoing_send(outgoing, arena, &request, ret, &err);
}

#define HELLO                                                                                  \
    "HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=utf-8\r\nETag: \"x\"\r\n"            \
    "Content-Length: 5\r\n\r\nhello"

static void outgoing__brings_back_status_type_and_body(void **state)
{
    (void)state;
    struct canary canary;
    struct vs_outgoing_answer answer;
    canary_start(&canary, HELLO);
    struct vs_outgoing *outgoing = door(loopback, 0);
    assert_ok(
        get(outgoing, vs_arena_printf(arena, "http://127.0.0.1:%d/a", canary.port), &answer));
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.media_type, "text/plain");
    assert_string_equal(answer.etag, "\"x\"");
    assert_true(vs_bytes_is(answer.body, "hello"));
    vs_outgoing_free(outgoing);
    assert_int_equal(canary_stop(&canary), 1);
}

/* reliability.md: SSRF. Every spelling of this machine, by number and by name. */
static void outgoing__never_reaches_what_is_not_public(void **state)
{
    (void)state;
    struct canary canary;
    struct vs_outgoing_answer answer;
    canary_start(&canary, HELLO);
    static const char *const hosts[] = {"127.0.0.1",       "localhost", "[::ffff:127.0.0.1]",
                                        "[::ffff:7f00:1]", "0.0.0.0",   "2130706433",
                                        "0x7f.1",          "127.1"};
    struct vs_outgoing *outgoing = door(NULL, 0);
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        char *url = vs_arena_printf(arena, "http://%s:%d/", hosts[i], canary.port);
        assert_fails(VS_E_NETWORK_POLICY, get(outgoing, url, &answer));
    }
    vs_outgoing_free(outgoing);
    assert_int_equal(canary_stop(&canary), 0);
}

static void outgoing__the_canary_sings_when_the_check_is_off(void **state)
{
    (void)state;
    struct canary canary;
    struct vs_outgoing_answer answer;
    static const char *const twin[] = {"127.0.0.1/32", NULL};
    canary_start(&canary, HELLO);
    struct vs_outgoing *outgoing = door(twin, 0);
    assert_ok(
        get(outgoing, vs_arena_printf(arena, "http://localhost:%d/", canary.port), &answer));
    vs_outgoing_free(outgoing);
    assert_int_equal(canary_stop(&canary), 1);
}

static void address__public_is_what_the_registries_leave(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool public;
    } cases[] = {
        {"8.8.8.8", true},
        {"9.255.255.255", true},
        {"10.0.0.0", false},
        {"11.0.0.0", true},
        {"100.63.255.255", true},
        {"100.64.0.1", false},
        {"169.254.169.254", false},
        {"172.15.0.1", true},
        {"172.16.0.1", false},
        {"172.31.255.255", false},
        {"172.32.0.1", true},
        {"192.168.1.1", false},
        {"223.255.255.255", true},
        {"224.0.0.1", false},
        {"255.255.255.255", false},
        {"2a00:1450::1", true},
        {"::1", false},
        {"::ffff:10.0.0.1", false},
        {"::ffff:8.8.8.8", true},
        {"fe80::1", false},
        {"fd00::1", false},
        {"ff02::1", false},
        {"64:ff9b::7f00:1", false},
        {"2002:7f00:1::", false},
        {"::7f00:1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t address[16];
        bool four = inet_pton(AF_INET, cases[i].text, address) == 1;
        assert_true(four || inet_pton(AF_INET6, cases[i].text, address) == 1);
        if (vs_address_is_public(VS_BYTES(address, four ? 4 : 16)) != cases[i].public)
            fail_msg("%s", cases[i].text);
    }
}

static void outgoing__follows_no_redirect(void **state)
{
    (void)state;
    struct canary target, canary;
    struct vs_outgoing_answer answer;
    canary_start(&target, HELLO);
    canary_start(&canary, vs_arena_printf(arena,
                                          "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/"
                                          "\r\nContent-Length: 0\r\n\r\n",
                                          target.port));
    struct vs_outgoing *outgoing = door(loopback, 0);
    assert_ok(
        get(outgoing, vs_arena_printf(arena, "http://127.0.0.1:%d/", canary.port), &answer));
    assert_int_equal(answer.status, 302);
    vs_outgoing_free(outgoing);
    assert_int_equal(canary_stop(&canary), 1);
    assert_int_equal(canary_stop(&target), 0);
}

static void outgoing__refuses_other_schemes(void **state)
{
    (void)state;
    struct vs_outgoing_answer answer;
    struct vs_outgoing *outgoing = door(loopback, 0);
    static const char *const bad[] = {"file:///etc/passwd", "ftp://127.0.0.1/",
                                      "gopher://127.0.0.1/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(vs_ok(get(outgoing, bad[i], &answer)));
    assert_fails(VS_E_PARAMETER, get(outgoing, "no url", &answer));
    vs_outgoing_free(outgoing);
}

static void outgoing__ends_what_is_silent_too_large_or_nonsense(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        enum vs_code wanted;
    } cases[] = {
        {NULL, VS_E_NETWORK},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabc", VS_E_NETWORK},
        {"nonsense\r\n\r\n", VS_E_NETWORK},
        {"", VS_E_NETWORK},
    };
    struct vs_outgoing *outgoing = door(loopback, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct canary canary;
        struct vs_outgoing_answer answer;
        canary_start(&canary, cases[i].answer);
        assert_fails(cases[i].wanted,
                     get(outgoing, vs_arena_printf(arena, "http://127.0.0.1:%d/", canary.port),
                         &answer));
        canary_stop(&canary);
    }
    char *large = vs_arena_alloc(arena, 4000);
    memset(large, 'x', 3999);
    memcpy(large, "HTTP/1.1 200 OK\r\n\r\n", 19);
    struct canary canary;
    struct vs_outgoing_answer answer;
    canary_start(&canary, large);
    assert_fails(
        VS_E_LIMIT,
        get(outgoing, vs_arena_printf(arena, "http://127.0.0.1:%d/", canary.port), &answer));
    canary_stop(&canary);
    vs_outgoing_free(outgoing);
}

static void outgoing__leaves_a_dead_host_alone_for_a_while(void **state)
{
    (void)state;
    struct canary canary;
    struct vs_outgoing_answer answer;
    canary_start(&canary, HELLO);
    char *url = vs_arena_printf(arena, "http://127.0.0.1:%d/secret?token=1", canary.port);
    canary_stop(&canary);
    struct vs_outgoing *outgoing = door(loopback, 60000);
    assert_fails(VS_E_NETWORK, get(outgoing, url, &answer));
    assert_fails(VS_E_NETWORK, get(outgoing, url, &answer));
    assert_non_null(strstr(err.text, "a moment ago"));
    assert_null(strstr(err.text, "secret"));
    vs_outgoing_free(outgoing);
}

static vs_rc count_piece(void *context, struct vs_bytes piece, struct vs_error *sink_err)
{
    size_t *total = context;
    *total += piece.len;
    return *total > 4 ? vs_fail(sink_err, VS_E_DISK_FULL, NULL, "full") : VS_OK;
}

static void outgoing__a_sink_takes_the_body_and_may_stop_it(void **state)
{
    (void)state;
    struct canary canary;
    struct vs_outgoing_answer answer;
    size_t total = 0;
    canary_start(&canary, HELLO);
    struct vs_outgoing *outgoing = door(loopback, 0);
    struct vs_outgoing_request request = {
        .method = "GET",
        .url = vs_arena_printf(arena, "http://127.0.0.1:%d/", canary.port),
        .sink = count_piece,
        .context = &total};
    assert_fails(VS_E_DISK_FULL, vs_outgoing_send(outgoing, arena, &request, &answer, &err));
    assert_int_equal(total, 5);
    vs_outgoing_free(outgoing);
    canary_stop(&canary);
}

static void outgoing__a_range_that_cannot_be_read_is_a_wrong_setting(void **state)
{
    (void)state;
    static const char *const bad[] = {"10.0.0.0/33", "localhost", "::/129", "10.0.0/8",
                                      "1.2.3.4/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const ranges[] = {bad[i], NULL};
        struct vs_outgoing_policy policy = {.allowed_ranges = ranges};
        struct vs_outgoing *outgoing;
        assert_fails(VS_E_CONFIG, vs_outgoing_new(&policy, &outgoing, &err));
    }
}

static int start(void **state)
{
    (void)state;
    arena = vs_arena_new(1 << 20);
    return arena == NULL;
}

static int end(void **state)
{
    (void)state;
    vs_arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outgoing__brings_back_status_type_and_body),
        cmocka_unit_test(outgoing__never_reaches_what_is_not_public),
        cmocka_unit_test(outgoing__the_canary_sings_when_the_check_is_off),
        cmocka_unit_test(address__public_is_what_the_registries_leave),
        cmocka_unit_test(outgoing__follows_no_redirect),
        cmocka_unit_test(outgoing__refuses_other_schemes),
        cmocka_unit_test(outgoing__ends_what_is_silent_too_large_or_nonsense),
        cmocka_unit_test(outgoing__leaves_a_dead_host_alone_for_a_while),
        cmocka_unit_test(outgoing__a_sink_takes_the_body_and_may_stop_it),
        cmocka_unit_test(outgoing__a_range_that_cannot_be_read_is_a_wrong_setting),
    };
    return cmocka_run_group_tests(tests, start, end);
}
