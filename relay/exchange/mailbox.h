/* mailbox.h - what waits for a recipient, and what happened to a sender's documents.
 *
 * Both lists follow the sequencer's order: a cursor never misses an entry. A cursor is opaque
 * text; "" is the beginning. Pages show parties their own entries only. */
#ifndef VS_RELAY_MAILBOX_H
#define VS_RELAY_MAILBOX_H
#include "relay/exchange/principals.h"

struct vs_segment_source; /* storage/segments.h */
struct vs_row;            /* storage/store.h */

/* transitions.c is the one table of moves. Rows hold the numbers: new states go to the end. */
enum vs_delivery_state {
    VS_DELIVERY_PENDING,      /* committed, not yet sequenced */
    VS_DELIVERY_HELD,         /* 27.3.3: an unconfirmed repetition */
    VS_DELIVERY_AVAILABLE,    /* in the mailbox: receipt time, Art. 28.2 */
    VS_DELIVERY_HANDED_OVER,  /* downloaded completely */
    VS_DELIVERY_ACKNOWLEDGED, /* 27.4, not yet with the sender */
    VS_DELIVERY_REACHED,      /* the acknowledgement reached the sender: terminal */
    VS_DELIVERY_REFUSED,      /* 27.4: refused, terminal */
    VS_DELIVERY_WAITING,      /* sequenced, to be pushed to the recipient's endpoint */
    VS_DELIVERY_FAILED,       /* it could not be handed over: terminal */
    VS_DELIVERY_ASKED,        /* the recipient is asked before hand-over: metadata only */
    VS_DELIVERY_REJECTED,     /* it said no: terminal */
    VS_DELIVERY_EXPIRED,      /* it said nothing within the term: terminal */
    VS_DELIVERY_STATES
};
/* Bits of column `mode`: what the parties agreed when the document was accepted (Art. 26). A
 * later change of the agreement does not change what is under way. */
enum vs_delivery_mode {
    VS_MODE_CONSENT = 1,   /* asked before hand-over */
    VS_MODE_ENDPOINT = 2,  /* received at the recipient's endpoint (28.2) */
    VS_MODE_REMIND = 4,    /* the service reminds in the sender's name (27.5) */
    VS_MODE_AUTOMATIC = 8, /* the service acknowledges for the recipient (27.2) */
};
const char *vs_delivery_state_name(enum vs_delivery_state state); /* "handed-over" */

/* Which term runs, or has passed without an answer. */
enum vs_running_term {
    VS_TERM_OF_NONE,
    VS_TERM_OF_CONSENT,         /* for the answer to being asked (26) */
    VS_TERM_OF_ACKNOWLEDGEMENT, /* 27.5, the first */
    VS_TERM_OF_FURTHER,         /* 27.5, set by the reminder */
    VS_RUNNING_TERMS
};
const char *vs_running_term_name(enum vs_running_term term); /* "consent"; NONE: NULL */
/* Why a recipient must deem a document not sent (27.3): bits, for all that hold. */
enum vs_not_sent {
    VS_NOT_SENT_NOTICE = 1,        /* 27.3.1: its sender says so */
    VS_NOT_SENT_NOT_CONFIRMED = 2, /* 27.3.2: its authenticity was not confirmed */
    VS_NOT_SENT_REPETITION = 4,    /* 27.3.3: an automatic repetition */
};
/* One delivery, as list entries and the status view show it. */
struct vs_delivery {
    struct vs_id document, sender, recipient;
    const char *sender_identifier, *recipient_identifier;
    const char *sender_name, *recipient_name;
    const char *subject, *number, *date, *name, *media_type;
    uint64_t size;
    uint8_t digest[32]; /* SHA-256 of the original */
    enum vs_delivery_state state;
    bool acknowledgement_required;
    bool counts_as_received;                                       /* 27.4 */
    bool counts_as_not_sent;                                       /* 27.3 */
    vs_time_ms sent, received, handed_over, acknowledged, reached; /* VS_TIME_NONE: not yet */
    vs_time_ms deadline;                                           /* 27.5 */
    vs_time_ms further, reminded, overdue;    /* 27.5: the further term's end; when told */
    vs_time_ms asked, consent_until, consent; /* before hand-over; the answer's moment */
    vs_time_ms notice;                        /* 27.3.1 */
    vs_time_ms failed;
    const char *notice_reason; /* of the sender, 27.3.1 */
    unsigned mode;             /* bits of enum vs_delivery_mode */
    unsigned not_sent;         /* bits of enum vs_not_sent */
    enum vs_running_term term;
    vs_time_ms term_until; /* its last moment; VS_TIME_NONE: no term */
    bool late;             /* acknowledged or refused after the term (it counts, 27.5) */
    /* What the verdict says (27.2): "confirmed", "not-confirmed", or "not-verified" where the
     * agreement takes it as it is. Static text. */
    const char *authenticity;
    struct vs_id repeats;       /* 27.3.3 */
    const char *refusal_reason; /* of the recipient */
    int64_t sequence;           /* in this list */
    int64_t version;
};

struct vs_page {
    const struct vs_delivery **entries;
    size_t n;
    const char *cursor; /* after the last entry: for the next call */
    bool more;
    int64_t seen; /* for vs_mailbox_watch */
};

/* The cursor after the entry of this sequence; NULL: the arena is full. */
char *vs_cursor_new(struct vs_arena *arena, int64_t sequence);
/* VS_E_PARAMETER: not a cursor of ours. */
VS_NODISCARD vs_rc vs_cursor_check(const char *cursor, struct vs_error *err);

/* Deliveries to the caller's participant, after `cursor`, at most `limit` (1..500).
 * VS_E_PARAMETER: not a cursor of ours. */
VS_NODISCARD vs_rc vs_mailbox_list(struct vs_relay *relay, struct vs_arena *arena,
                                   const struct vs_caller *caller, const char *cursor,
                                   size_t limit, struct vs_page *ret, struct vs_error *err);
/* The sender's event mailbox: its deliveries in the order in which they last changed. An
 * acknowledgement has reached the sender (27.4) once it stands here. */
VS_NODISCARD vs_rc vs_events_list(struct vs_relay *relay, struct vs_arena *arena,
                                  const struct vs_caller *caller, const char *cursor,
                                  size_t limit, struct vs_page *ret, struct vs_error *err);

/* -- long poll ----------------------------------------------------------------------------- */
/* In the caller's memory; `wake` is called once, on the committer's thread, when something
 * entered the participant's mailbox (or its events), or the relay stops. */
struct vs_waiter {
    struct vs_id participant;
    bool events;  /* waits for vs_events_list instead */
    int64_t seen; /* vs_page.seen of the empty page */
    void (*wake)(struct vs_waiter *waiter);
    void *context;
    struct vs_waiter *next, *previous; /* relay's */
    bool waiting;
};
/* false: something was sequenced since `seen`: list again instead of waiting. */
bool vs_mailbox_watch(struct vs_relay *relay, struct vs_waiter *waiter);
/* After it returns wake is not called any more; false when wake was called or is running. */
bool vs_mailbox_unwatch(struct vs_relay *relay, struct vs_waiter *waiter);
/* Every waiter is woken: the relay stops. */
void vs_mailbox_wake_all(struct vs_relay *relay);

/* -- contents ------------------------------------------------------------------------------ */
enum vs_content_kind { VS_CONTENT_ORIGINAL, VS_CONTENT_CONSIGNMENT };

struct vs_content_view {
    const struct vs_source *source; /* lives in the arena; readable on any one thread */
    const char *name;               /* file name to offer */
    const char *media_type;
    bool have_digest;
    uint8_t digest[32];                /* SHA-256, of the original only */
    bool complete_is_handover;         /* the caller is a recipient: report completion */
    struct vs_segment_source *segment; /* relay's: what vs_content_close gives back */
};
/* Once nothing is read from it any more, before the arena goes. Safe on a zeroed view. */
void vs_content_close(struct vs_content_view *view);
/* Of a row of table document, for relay's own use: nobody's right is checked. */
VS_NODISCARD vs_rc vs_content_of(struct vs_relay *relay, struct vs_arena *arena,
                                 const struct vs_row *document, enum vs_content_kind what,
                                 struct vs_content_view *ret, struct vs_error *err);
/* For sender, recipient (once available), archivist and auditor; anybody else: VS_E_NOT_FOUND.
 * VS_E_STATE: the recipient sees the delivery, but was not handed the content (held, asked). */
VS_NODISCARD vs_rc vs_content_open(struct vs_relay *relay, struct vs_arena *arena,
                                   const struct vs_caller *caller, struct vs_id document,
                                   enum vs_content_kind what, struct vs_content_view *ret,
                                   struct vs_error *err);
/* The last byte went out to the recipient: ContentHandover, once; later ones change nothing. */
VS_NODISCARD vs_rc vs_handover_stage(struct vs_relay *relay, struct vs_job *job,
                                     const struct vs_caller *caller, struct vs_id document,
                                     vs_time_ms now, struct vs_error *err);
#endif
