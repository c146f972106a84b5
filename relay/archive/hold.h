/* hold.h - legal holds: a document (or refusal) that is held does not go, whatever its term.
 *
 * Set and lifted by an operator or the supervising authority, with a reason; each is an act
 * (deed.h) with signed evidence. Setting one that is set, or lifting one that is not, is
 * VS_E_STATE. */
#ifndef VS_RELAY_ARCHIVE_HOLD_H
#define VS_RELAY_ARCHIVE_HOLD_H
#include "relay/archive/deed.h"

/* VS_E_NOT_FOUND (no such document or refusal, or it is deleted in this very moment),
 * VS_E_FORBIDDEN (neither operator nor auditor), VS_E_PARAMETER (no reason), VS_E_STATE. */
VS_NODISCARD vs_rc vs_hold_stage(struct vs_relay *relay, struct vs_job *job,
                                 const struct vs_caller *caller, struct vs_id document,
                                 bool hold, const char *reason, vs_time_ms now,
                                 struct vs_deed *ret, struct vs_error *err);
VS_NODISCARD vs_rc vs_hold_find(struct vs_relay *relay, struct vs_arena *arena,
                                struct vs_id document, bool *ret, struct vs_error *err);
/* The acts that set what is held, in order of the documents' ids, after `after`. */
VS_NODISCARD vs_rc vs_hold_list(struct vs_relay *relay, struct vs_arena *arena,
                                struct vs_id after, size_t limit, const struct vs_deed **ret,
                                size_t *ret_n, struct vs_error *err);
#endif
