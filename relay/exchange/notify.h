/* notify.h - endpoints are told that something happened; what, they fetch.
 *
 * `notify`: a document waits for a recipient in its mailbox here, or waits for its consent, and
 * the recipient has an endpoint. Vasite-Event "waiting", body
 *   {"document":ID,"sender":IDENTIFIER,"recipient":IDENTIFIER,"state":STATE}
 * A 2xx leaves ConsignmentNotification; an endpoint that takes nothing within the term (or says
 * that it never will, vs_remote_in_vain) leaves ConsignmentNotificationFailure. Neither changes
 * the delivery's state: it is received already (28.2). Where the recipient is only asked for
 * its consent, NotificationForAcceptance is the evidence, and nothing more is issued.
 *
 * `events`: what happened to the documents of a sender that has an events endpoint, in the
 * order of its event mailbox. Vasite-Event "events", body
 *   {"cursor":CURSOR,"events":[{"document":ID,"recipient":IDENTIFIER,"state":STATE,
 *                               "cursor":CURSOR},...]}
 * One row for each such participant keeps the cursor up to which a 2xx came; several events
 * make one request, and one that was not taken comes again, with what came since. There is no
 * term: an endpoint that is away is tried each delivery.cap. What stands in memory (who is to
 * be told) is found again at the start.
 *
 * Ids and states only: never content, subjects or names. */
#ifndef VS_RELAY_NOTIFY_H
#define VS_RELAY_NOTIFY_H
#include "relay/deliver.h"
#include "relay/exchange/mailbox.h"

#define VS_DUE_NOTIFY "notify"
#define VS_DUE_EVENTS "events"

struct vs_participant;
struct vs_move;

/* With the evidence that the delivery entered the mailbox, or was asked for consent: the due
 * work, where its recipient has an endpoint. */
VS_NODISCARD vs_rc vs_notify_stage(struct vs_relay *relay, struct vs_stage *stage,
                                   struct vs_arena *arena, const struct vs_row *delivery,
                                   vs_time_ms now, struct vs_error *err);

/* With a participant that is added or changed: its row of events, where it has none yet. It is
 * told from now on. */
VS_NODISCARD vs_rc vs_events_stage(struct vs_relay *relay, struct vs_stage *stage,
                                   struct vs_arena *arena,
                                   const struct vs_participant *participant, vs_time_ms now,
                                   struct vs_error *err);
/* Once that is durable (any thread): whether this participant is to be told. */
void vs_events_watch(struct vs_relay *relay, struct vs_id participant, bool told);
/* Something was sequenced (the committer's thread): who has events now. */
void vs_events_poke(struct vs_relay *relay, const struct vs_move *moves, size_t n);
/* The delivery step: rows of who has events are due. Whether any became so. */
bool vs_events_step(struct vs_relay *relay, vs_time_ms now);
/* At open: who is to be told; all of them at once, for what the last run left. */
VS_NODISCARD vs_rc vs_events_open(struct vs_relay *relay, struct vs_error *err);
void vs_events_close(struct vs_relay *relay);

/* remote_kinds.c */
VS_NODISCARD vs_rc vs_notify_prepare(struct vs_relay *relay, struct vs_remote *remote,
                                     vs_time_ms now, struct vs_error *err);
VS_NODISCARD vs_rc vs_notify_settle(struct vs_relay *relay, struct vs_job *job,
                                    const struct vs_remote *remote, vs_time_ms now,
                                    struct vs_error *err);
VS_NODISCARD vs_rc vs_events_host(struct vs_relay *relay, struct vs_arena *arena,
                                  const struct vs_due *work, const char **ret,
                                  struct vs_error *err);
VS_NODISCARD vs_rc vs_events_prepare(struct vs_relay *relay, struct vs_remote *remote,
                                     vs_time_ms now, struct vs_error *err);
VS_NODISCARD vs_rc vs_events_settle(struct vs_relay *relay, struct vs_job *job,
                                    const struct vs_remote *remote, vs_time_ms now,
                                    struct vs_error *err);
#endif
