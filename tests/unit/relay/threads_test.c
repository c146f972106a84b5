/* The steps of relay on threads, as the daemon runs them: many senders at once, every answer
 * after its commit, nothing lost or doubled, an orderly stop. ThreadSanitizer's way in. */
#include "relay/exchange/mailbox.h"
#include "tests/support/relay_fixture.h"
#include "tests/unit/unit.h"
#include <pthread.h>
#include <stdatomic.h>

#define BETA "voen:2345678912"

enum { WORKERS = 2, SENDERS = 3, EACH = 12 };

static struct relay_fixture fixture;

static void *work(void *context)
{
    struct vs_relay *relay = context;
    do
        while (vs_relay_work(relay, vs_relay_now(relay)))
            ;
    while (vs_relay_wait_work(relay, 50));
    return NULL;
}

static void *commit(void *context)
{
    struct vs_relay *relay = context;
    do
        (void)vs_relay_commit(relay, vs_relay_now(relay));
    while (vs_relay_wait_commit(relay, 50));
    return NULL;
}

static void *mark(void *context)
{
    struct vs_relay *relay = context;
    do
        while (vs_relay_mark(relay, vs_relay_now(relay)))
            ;
    while (vs_relay_wait_mark(relay, 50));
    return NULL;
}

struct pending {
    struct vs_submission *submission;
    _Atomic bool done;
};

static void submission_done(struct vs_submission *submission, void *context)
{
    struct pending *pending = context;
    (void)submission;
    atomic_store(&pending->done, true);
}

struct sender {
    struct vs_bytes documents[EACH];
    struct vs_id ids[EACH];
    size_t accepted, replayed;
};

/* Each document twice at once with one key: one is the receipt of the other. */
static void send_pair(struct sender *self, size_t i)
{
    struct pending pending[2] = {{NULL, false}, {NULL, false}};
    struct vs_error err;
    char key[80];
    snprintf(key, sizeof key, "%p-%zu", (void *)self, i);
    for (int k = 0; k < 2; k++) {
        const char *to[] = {BETA};
        VS_ASSERT(vs_ok(vs_submission_begin(fixture.relay, &fixture.alfa, UINT64_MAX,
                                            &pending[k].submission, &err)));
        struct vs_submit_parameters *p = vs_submission_parameters(pending[k].submission);
        p->recipients =
            vs_arena_make_n(vs_submission_arena(pending[k].submission), const char *, 1);
        p->recipients[0] = to[0];
        p->n_recipients = 1;
        p->idempotency_key = key;
        VS_ASSERT(vs_ok(vs_submission_feed(pending[k].submission, self->documents[i], &err)));
        VS_ASSERT(vs_ok(
            vs_submission_finish(pending[k].submission, submission_done, &pending[k], &err)));
    }
    for (int k = 0; k < 2; k++) {
        const struct vs_receipt *receipt;
        while (!atomic_load(&pending[k].done))
            sched_yield();
        VS_ASSERT(vs_ok(vs_submission_result(pending[k].submission, &receipt, &err)));
        self->accepted += receipt->accepted && !receipt->replayed;
        self->replayed += receipt->replayed;
        self->ids[i] = receipt->id;
        vs_submission_free(pending[k].submission);
    }
}

static void *send_all(void *context)
{
    for (size_t i = 0; i < EACH; i++)
        send_pair(context, i);
    return NULL;
}

static void threads__lose_and_double_nothing(void **state)
{
    (void)state;
    struct sender senders[SENDERS] = {0};
    pthread_t threads[WORKERS + 2], sending[SENDERS];
    char text[32];
    relay_fixture_open(&fixture, false);
    for (int s = 0; s < SENDERS; s++)
        for (int i = 0; i < EACH; i++) {
            snprintf(text, sizeof text, "göndərən %d sənəd %d", s, i);
            senders[s].documents[i] = relay_fixture_container(&fixture, text);
        }
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&threads[i], NULL, work, fixture.relay);
    pthread_create(&threads[WORKERS], NULL, commit, fixture.relay);
    pthread_create(&threads[WORKERS + 1], NULL, mark, fixture.relay);
    for (int s = 0; s < SENDERS; s++)
        pthread_create(&sending[s], NULL, send_all, &senders[s]);
    for (int s = 0; s < SENDERS; s++) {
        pthread_join(sending[s], NULL);
        assert_int_equal(senders[s].accepted, EACH);
        assert_int_equal(senders[s].replayed, EACH);
    }
    vs_relay_stop(fixture.relay);
    for (int i = 0; i < WORKERS + 2; i++)
        pthread_join(threads[i], NULL);
    struct vs_page page;
    struct vs_error err;
    assert_ok(
        vs_mailbox_list(fixture.relay, fixture.arena, &fixture.beta, "", 500, &page, &err));
    assert_int_equal(page.n, SENDERS * EACH);
    relay_fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads__lose_and_double_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
