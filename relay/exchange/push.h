/* push.h - documents that are received at the recipient's own endpoint (Art. 28.2): sent there,
 * again and again where need be, until the endpoint has said 2xx or the term has passed.
 *
 * A delivery whose parties agreed so is WAITING once it was sequenced. Its due work (deliver.h)
 * posts the original, or the consignment where the participant chose that, as webhook.h says,
 * with these fields besides:
 *   Vasite-Event            "document"
 *   Vasite-Document-Id      32 hex digits
 *   Vasite-Document-Digest  SHA-256 of the original: "sha-256=:...:"
 *   Vasite-Content          "original" or "consignment"
 *   Vasite-Sender, Vasite-Recipient  identifiers
 *   Vasite-Name             the file's name as given, percent-encoded where need be
 *   Vasite-Evidence         where the evidence lies
 *
 *   2xx, with all of the body taken   ContentHandover; the receipt time is the moment when the
 *                                     answer's head was here. handed-over.
 *   410, 413, 415, 422, 451           ContentHandoverFailure at once: repeating is in vain.
 *   anything else, or no answer       again later (vs_remote_again); the first attempt that
 *                                     fails at or after the term's end, which runs from the
 *                                     first attempt, ends it with ContentHandoverFailure.
 * Both end in the sender's events. A delivery has one of the two, never both. */
#ifndef VS_RELAY_PUSH_H
#define VS_RELAY_PUSH_H
#include "relay/deliver.h"
#include "relay/id.h"

#define VS_DUE_PUSH "push"

/* When a delivery sets out for the endpoint: its due work. */
VS_NODISCARD vs_rc vs_push_stage(struct vs_stage *stage, struct vs_id document,
                                 struct vs_id recipient, struct vs_error *err);

/* How a delivery that waits stands. */
struct vs_push_view {
    int64_t attempts;
    vs_time_ms next;   /* of an attempt under way: when it would be repeated */
    vs_time_ms until;  /* the term's end; VS_TIME_NONE before the first attempt has failed */
    const char *error; /* of the last attempt; NULL: none has failed */
};
/* *ret_found false: it does not wait. */
VS_NODISCARD vs_rc vs_push_view(struct vs_relay *relay, struct vs_arena *arena,
                                struct vs_id document, struct vs_id recipient,
                                struct vs_push_view *ret, bool *ret_found,
                                struct vs_error *err);

/* remote_kinds.c */
VS_NODISCARD vs_rc vs_push_host(struct vs_relay *relay, struct vs_arena *arena,
                                const struct vs_due *work, const char **ret,
                                struct vs_error *err);
VS_NODISCARD vs_rc vs_push_prepare(struct vs_relay *relay, struct vs_remote *remote,
                                   vs_time_ms now, struct vs_error *err);
VS_NODISCARD vs_rc vs_push_settle(struct vs_relay *relay, struct vs_job *job,
                                  const struct vs_remote *remote, vs_time_ms now,
                                  struct vs_error *err);

/* Shared with notify.c: what due work of an endpoint keeps between attempts. Encoded: version
 * 1, the moment of the first attempt (8), the text of the last failure. */
struct vs_attempts {
    vs_time_ms since; /* VS_TIME_NONE: none was made */
    const char *error;
};
VS_NODISCARD vs_rc vs_attempts_decode(struct vs_arena *arena, const struct vs_due *work,
                                      struct vs_attempts *ret, struct vs_error *err);
VS_NODISCARD vs_rc vs_attempts_encode(struct vs_arena *arena, vs_time_ms since,
                                      const char *error, struct vs_bytes *ret,
                                      struct vs_error *err);
/* What went wrong, for evidence, rows and people: never a path or query of the URL. */
const char *vs_remote_why(struct vs_arena *arena, const struct vs_remote *remote);
static inline bool vs_remote_taken(const struct vs_remote *remote)
{
    return remote->send && vs_ok(remote->rc) && remote->answer.status >= 200 &&
           remote->answer.status < 300;
}
#endif
