/* notice.h - the sender says that a document was not sent by it (Art. 27.3.1).
 *
 * All its recipients must then deem it not sent: every view says so. Nothing that happened is
 * taken back, and nothing ends: who has the document keeps it, with the notice on it. Terms for
 * an acknowledgement stop (27.5). */
#ifndef VS_RELAY_NOTICE_H
#define VS_RELAY_NOTICE_H
#include "relay/exchange/mailbox.h"

struct vs_noticed {
    struct vs_id evidence; /* NonSendingNotice */
    struct vs_bytes evidence_xml;
    vs_time_ms time;
    bool repeated; /* given before: the first evidence again */
};
/* The caller's participant is the sender; `reason` may be NULL. VS_E_NOT_FOUND also for anybody
 * else's id. *ret is filled in the job's arena, valid in done. */
VS_NODISCARD vs_rc vs_notice_stage(struct vs_relay *relay, struct vs_job *job,
                                   const struct vs_caller *caller, struct vs_id document,
                                   const char *reason, vs_time_ms now, struct vs_noticed *ret,
                                   struct vs_error *err);
#endif
