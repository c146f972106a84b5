/* submit.h - one submission: from the first byte to the receipt.
 *
 * begin (caller known) -> feed, feed, ... -> finish (queued) -> done. The bytes are hashed as
 * they arrive, kept in memory up to settings.memory_max and in a spool file above;
 * SubmissionTime (Art. 28.1) is when the last byte arrived. REST and SOAP end here, in the same
 * call.
 *
 * The outcome is a receipt, not an error, in both cases: accepted (SubmissionAcceptance) or
 * refused by verdict (SubmissionRejection evidence, digests only). Failures that are no outcome
 * (busy, disk full, conflict of keys, quota) are the job's rc and bind no key. */
#ifndef VS_RELAY_SUBMIT_H
#define VS_RELAY_SUBMIT_H
#include "relay/exchange/principals.h"

#define VS_KEY_MAX 200 /* bytes of an Idempotency-Key */

/* May be filled in until finish; texts are copied by the setter's caller into the submission's
 * arena (vs_submission_arena). What the document's own signed requisites say must agree with
 * what stands here (VS_E_REQUISITES_CONFLICT). */
struct vs_submit_parameters {
    const char **recipients; /* identifiers; may be empty when document.xml names them */
    size_t n_recipients;
    const char *subject, *number; /* NULL: not given */
    const char *date;             /* of the document, as its requisites say it */
    const char *name;             /* file name of the original; NULL: "document" + suffix */
    const char *media_type;       /* as declared; NULL: found out */
    const char *retention;        /* class; NULL: the agreement's */
    const char *idempotency_key;  /* NULL: none */
    vs_time_ms deadline;          /* for the acknowledgement (27.5); VS_TIME_NONE: none */
    bool intended_repeat;         /* 27.3.3: it repeats another on purpose */
};

struct vs_receipt {
    bool accepted;
    bool replayed;        /* same key, same bytes: the first receipt again */
    bool held;            /* 27.3.3: kept from delivery until the sender confirms */
    struct vs_id id;      /* of the document, or of the refused submission */
    struct vs_id repeats; /* 27.3.3; VS_ID_NONE */
    struct vs_id evidence;
    vs_time_ms sent; /* SubmissionTime, Art. 28.1 */
    struct vs_bytes evidence_xml;
    /* Refused: the code, clause and text of the verdict. */
    struct vs_error refusal;
};

struct vs_submission;

/* Checks that intake is open (vs_relay_intake) and that the caller may send. `size` is the
 * declared length or UINT64_MAX: VS_E_TOO_LARGE before any byte. `caller` is copied. */
VS_NODISCARD vs_rc vs_submission_begin(struct vs_relay *relay, const struct vs_caller *caller,
                                       uint64_t size, struct vs_submission **ret,
                                       struct vs_error *err);
struct vs_submit_parameters *vs_submission_parameters(struct vs_submission *submission);
struct vs_arena *vs_submission_arena(struct vs_submission *submission);

/* The next bytes. VS_E_TOO_LARGE, VS_E_DISK_FULL, VS_E_IO. */
VS_NODISCARD vs_rc vs_submission_feed(struct vs_submission *submission, struct vs_bytes chunk,
                                      struct vs_error *err);

/* Queue it. `done` is called exactly once when this returns VS_OK (relay/job.h says on which
 * thread), never otherwise. */
VS_NODISCARD vs_rc vs_submission_finish(struct vs_submission *submission,
                                        void (*done)(struct vs_submission *submission,
                                                     void *context),
                                        void *context, struct vs_error *err);
/* In or after done: the receipt (borrowed from the submission), or why there is none. */
VS_NODISCARD vs_rc vs_submission_result(const struct vs_submission *submission,
                                        const struct vs_receipt **ret, struct vs_error *err);
/* At any time but between a successful finish and done. Removes the spool file. NULL is fine.
 */
void vs_submission_free(struct vs_submission *submission);

/* 27.3.3: the sender confirms that a held repetition is intended: it is delivered now.
 * VS_E_NOT_FOUND (also for anybody else's id), VS_E_STATE where it is not held. */
VS_NODISCARD vs_rc vs_repeat_confirm_stage(struct vs_relay *relay, struct vs_job *job,
                                           const struct vs_caller *caller, struct vs_id id,
                                           vs_time_ms now, struct vs_error *err);
#endif
