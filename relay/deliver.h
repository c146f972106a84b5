/* deliver.h - due work that waits for the network: pushes, notices and webhooks to endpoints
 * that participants named.
 *
 * Rows of table `work` (due.h) of the kinds below are taken by the delivery step, not by the
 * clockwork. A piece goes through a slot: leased (durable, which counts the attempt before
 * anything is sent), prepared by a worker (rows read, digested, signed), sent by the delivery
 * thread together with others, settled by a worker (evidence, next time), free again.
 *
 *  1 An attempt is durable before its first byte is sent; after a crash it is repeated with the
 *    same delivery id, so that a recipient can tell.
 *  2 At most settings.push_at_once are under way, settings.push_per_host of them to one host:
 *    a slow endpoint delays nobody else's, however much is due to it.
 *  3 What came back is settled, or kept in its slot until it can be (a full disk); only the end
 *    of the process loses it, and then it is asked for again.
 *  4 Of several due to one host those go first that were due first.
 *
 * The moment at which an exchange ended is taken by this thread right after it. */
#ifndef VS_RELAY_DELIVER_H
#define VS_RELAY_DELIVER_H
#include "relay/due.h"
#include "relay/outgoing.h"

/* One piece in its slot. All lives in `arena`. */
struct vs_remote {
    const struct vs_due *work;
    struct vs_arena *arena;

    /* Set by prepare. */
    bool send; /* else there is nothing to be sent, and settle follows at once */
    struct vs_outgoing_request request;
    void *state;                  /* the kind's own */
    void (*release)(void *state); /* called once when the slot is freed; NULL: nothing to do */

    /* For settle: how prepare or the exchange ended; `answer` where rc is VS_OK and it was
     * sent. `ended` is when. */
    vs_rc rc;
    struct vs_error error;
    struct vs_outgoing_answer answer;
    vs_time_ms ended;
};

struct vs_remote_kind {
    const char *name; /* as in the rows */
    /* "host:port" that it goes to; "": none that is known. On the delivery thread, rows read
     * through caches. */
    vs_rc (*host)(struct vs_relay *relay, struct vs_arena *arena, const struct vs_due *work,
                  const char **ret, struct vs_error *err);
    /* On a worker, changes nothing; its failure is an attempt that failed. */
    vs_rc (*prepare)(struct vs_relay *relay, struct vs_remote *remote, vs_time_ms now,
                     struct vs_error *err);
    /* On a worker, as a job (job.h): stages results with vs_due_done_stage or
     * vs_due_move_stage. */
    vs_rc (*settle)(struct vs_relay *relay, struct vs_job *job, const struct vs_remote *remote,
                    vs_time_ms now, struct vs_error *err);
};
/* Ends with a row without a name. */
extern const struct vs_remote_kind vs_remote_kinds[];

/* When an attempt that failed is repeated: the first interval times the factor for each attempt
 * before, at most the cap, of that a random half to whole; not before what Retry-After asks
 * within the cap; and not beyond `end`, when the last attempt is made. */
vs_time_ms vs_remote_again(struct vs_relay *relay, int64_t attempts, uint32_t retry_after_s,
                           vs_time_ms now, vs_time_ms end);
/* Whether repeating is in vain (RFC 9110, 15.5): the resource is gone for good (410), or takes
 * no such content (413, 415, 422) or may not (451). All others, redirections too, are things
 * that an operator mends within the term. */
bool vs_remote_in_vain(int status);

/* Relay's own. */
VS_NODISCARD vs_rc vs_deliver_open(struct vs_relay *relay, struct vs_error *err);
void vs_deliver_close(struct vs_relay *relay);
/* Any thread: something became due, or a slot can go on. */
void vs_relay_wake_delivery(struct vs_relay *relay);
#endif
