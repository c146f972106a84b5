/* status.h - how a document stands, for both sides: both legal times with their time marks, and
 * what the law says it counts as (Art. 27.3, 27.4, 28). */
#ifndef VS_RELAY_STATUS_H
#define VS_RELAY_STATUS_H
#include "relay/evidence.h"
#include "relay/exchange/mailbox.h"
#include "relay/exchange/push.h"

/* A moment by our clock, and the time mark that proves it was not later (28.3). */
struct vs_legal_time {
    vs_time_ms time;       /* VS_TIME_NONE: has not happened */
    struct vs_id evidence; /* that states it; VS_ID_NONE: none yet */
    bool marked;           /* the evidence's batch has its time mark */
    vs_time_ms mark;       /* genTime, "not later than" */
    bool mark_in_law;      /* made by an accredited centre */
    const char *actor;     /* who acted (27.1); NULL: the service, or not evidenced yet */
};
struct vs_recipient_status {
    const struct vs_delivery *delivery;
    struct vs_legal_time asked, consent, received, handed_over, acknowledged, reached;
    struct vs_legal_time failed, reminded, overdue, notice;
    bool pushing; /* it waits for its endpoint */
    struct vs_push_view push;
};
struct vs_status {
    struct vs_id id;
    bool accepted; /* false: a refused submission, only `sent` and refusal below */
    bool held;     /* 27.3.3 */
    struct vs_id repeats;
    const char *agreement;              /* id, or "law" */
    const char *legal_class;            /* of the signatures, Art. 3: "enhanced" */
    const char *indication;             /* EN 319 102-1 */
    struct vs_legal_time sent;          /* 28.1 */
    struct vs_error refusal;            /* code, clause and text */
    const struct vs_delivery *document; /* fields common to all recipients; NULL: refused */
    const struct vs_recipient_status *recipients; /* for a recipient: itself only */
    size_t n_recipients;
    const struct vs_evidence **evidence; /* all that the caller may see, in order of time */
    size_t n_evidence;
};
/* Sender, recipient (once it sees it) and auditor; anybody else: VS_E_NOT_FOUND. */
VS_NODISCARD vs_rc vs_status_get(struct vs_relay *relay, struct vs_arena *arena,
                                 const struct vs_caller *caller, struct vs_id id,
                                 struct vs_status *ret, struct vs_error *err);
/* What the caller's participant sent, newest first, before id `before` (VS_ID_NONE: from the
 * newest): one entry a document, with its first recipient. `cursor` is the last id. */
VS_NODISCARD vs_rc vs_sent_list(struct vs_relay *relay, struct vs_arena *arena,
                                const struct vs_caller *caller, struct vs_id before,
                                size_t limit, struct vs_page *ret, struct vs_error *err);
#endif
