/* report.h - what the supervising authority asks (Art. 31.4, 33.2.6): how the service did over
 * a period, counted from the rows as they are now, and a report that proves itself.
 *
 * What went at the end of its term is counted as deleted only: by then nobody keeps more. */
#ifndef VS_RELAY_ARCHIVE_REPORT_H
#define VS_RELAY_ARCHIVE_REPORT_H
#include "relay/archive/deed.h"
#include "relay/exchange/mailbox.h"

#define VS_REPORT_DOCUMENTS_MAX 200000 /* documents and refusals in one period */

struct vs_report_party {
    struct vs_id id;
    const char *identifier, *name;
    uint64_t sent, received, refused;
};
struct vs_report_code {
    const char *code; /* stable name of the refusal */
    uint64_t n;
};
struct vs_report {
    vs_time_ms from, until, made; /* `until` not included */
    uint64_t documents, deliveries, refusals;
    uint64_t states[VS_DELIVERY_STATES]; /* deliveries of the period, as they stand now */
    uint64_t overdue;                    /* deadlines passed without an answer (27.5) */
    uint64_t not_sent;                   /* notices of non-sending (27.3.1) */
    const struct vs_report_code *codes;
    size_t n_codes;
    const struct vs_report_party *parties; /* that sent, received or were refused */
    size_t n_parties;
    uint64_t batches, marked;    /* formed in the period; of them with a time mark */
    uint64_t deletions, deleted; /* acts; documents and refusals that went */
    uint64_t holds_now;
    const struct vs_deed *acts;
    size_t n_acts;
    bool more_acts;
    uint64_t journal_size;
    struct vs_bytes checkpoint; /* newest signed note */
    const char *journal_key;
};
/* Auditors and operators (VS_E_FORBIDDEN). VS_E_PARAMETER: no period; VS_E_LIMIT: more than
 * VS_REPORT_DOCUMENTS_MAX, choose a shorter one. */
VS_NODISCARD vs_rc vs_report_make(struct vs_relay *relay, struct vs_arena *arena,
                                  const struct vs_caller *caller, vs_time_ms from,
                                  vs_time_ms until, vs_time_ms now, struct vs_report *ret,
                                  struct vs_error *err);

/* A report as a file that needs no word of ours: a container (ASiC-E) with `content`, evidence
 * of its issue (SupervisionReport, with its digest, in the journal) and the service's seal with
 * a time mark over both; any tool that checks such containers checks it. `count` goes into the
 * act. *ret (in the job's arena) is good once the job is done. */
VS_NODISCARD vs_rc vs_report_seal_stage(struct vs_relay *relay, struct vs_job *job,
                                        const struct vs_caller *caller, struct vs_bytes content,
                                        const char *name, uint64_t count, vs_time_ms now,
                                        struct vs_deed *ret_deed, struct vs_bytes *ret,
                                        struct vs_error *err);
#endif
