/* deed.h - acts on what is kept: legal holds, inspections, deletions, reports, confirmations of
 * the clock. Each is a row of table `act`, signed evidence and a journal entry, made in one
 * commit with what it does (Art. 31.2-31.4).
 *
 * An act about a document is evidence of that document and goes with it at the end of its term;
 * the others (deletions, reports) stay: they say nothing about parties. Parties do not see acts
 * of supervision on their documents (vs_event_is_supervision). */
#ifndef VS_RELAY_ARCHIVE_DEED_H
#define VS_RELAY_ARCHIVE_DEED_H
#include "relay/exchange/issue.h"

#define VS_GROUND_MAX 1000 /* bytes of a reason */

struct vs_deed {
    struct vs_id id, evidence;
    enum vs_event event;
    vs_time_ms time;
    struct vs_id document;               /* VS_ID_NONE: about no single one */
    struct vs_id principal;              /* VS_ID_NONE: the service itself */
    const char *name;                    /* of the principal; NULL */
    const char *reason;                  /* NULL */
    int64_t count;                       /* deletions: tombstones; reports: documents */
    const uint8_t *digest;               /* 32 bytes: of tombstones or of the report; NULL */
    const struct vs_evidence_file *file; /* set by vs_deed_stage, in the job's arena */
};

/* Whether evidence of this event is for the supervising authority and operators only. */
bool vs_event_is_supervision(enum vs_event event);
/* The same by the name in a row of evidence; and whether it is about no document. */
bool vs_deed_is_hidden(struct vs_bytes event);
bool vs_deed_is_the_services(struct vs_bytes event);

/* Whether evidence of this event belongs to an act. */
bool vs_event_is_act(enum vs_event event);

/* A reason that people will read: 1 to VS_GROUND_MAX bytes without control characters. */
VS_NODISCARD vs_rc vs_ground_check(const char *reason, struct vs_error *err);

/* Row, evidence and journal entry of `act` into the stage; sets id, evidence and time. Of
 * `caller` (NULL: the service) the name goes into the evidence. Texts and digest are borrowed
 * until the job is done. VS_E_NOT_FOUND: there is no such document or refusal. */
VS_NODISCARD vs_rc vs_deed_stage(struct vs_relay *relay, struct vs_job *job,
                                 struct vs_stage *stage, const struct vs_caller *caller,
                                 vs_time_ms now, struct vs_deed *act, struct vs_error *err);

/* In order of time, after `after` (VS_ID_NONE: the oldest), from and to included
 * (VS_TIME_NONE: unbounded). */
VS_NODISCARD vs_rc vs_deed_list(struct vs_relay *relay, struct vs_arena *arena, vs_time_ms from,
                                vs_time_ms to, struct vs_id after, size_t limit,
                                const struct vs_deed **ret, size_t *ret_n,
                                struct vs_error *err);
VS_NODISCARD vs_rc vs_deed_from_row(struct vs_arena *arena, const struct vs_row *row,
                                    struct vs_deed *ret, struct vs_error *err);
#endif
