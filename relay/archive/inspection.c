#include "relay/archive/inspection.h"
#include "relay/relay_priv.h"

#define ACTS_MAX 1000

vs_rc vs_inspection_stage(struct vs_relay *relay, struct vs_job *job,
                          const struct vs_caller *caller, struct vs_id document,
                          const char *reason, vs_time_ms now, struct vs_deed *ret,
                          struct vs_error *err)
{
    struct vs_stage *stage;
    VS_REFUSE_IF(!vs_caller_may(caller, VS_ROLE_AUDITOR), err, VS_E_FORBIDDEN, "Art. 31.4",
                 "the supervising authority inspects");
    VS_TRY(vs_ground_check(reason, err));
    VS_TRY(vs_stage_new(job, &stage, err));
    *ret =
        (struct vs_deed){.event = VS_EVENT_INSPECTION, .document = document, .reason = reason};
    return vs_deed_stage(relay, job, stage, caller, now, ret, err);
}

static bool opens(const struct vs_value *act, const struct vs_caller *caller, vs_time_ms now)
{
    vs_time_ms time = act[VS_ACT_TIME].integer;
    return vs_bytes_is(act[VS_ACT_EVENT].bytes, vs_event_info(VS_EVENT_INSPECTION)->name) &&
           vs_id_equal(vs_value_id(&act[VS_ACT_PRINCIPAL]), caller->principal) && time <= now &&
           now - time <= VS_INSPECTION_MS;
}

vs_rc vs_inspection_check(struct vs_relay *relay, struct vs_arena *arena,
                          const struct vs_caller *caller, struct vs_id document,
                          struct vs_error *err)
{
    struct vs_value equal = vs_id_value(&document);
    struct vs_query query = {.table = VS_T_ACT,
                             .index = VS_ACT_BY_DOCUMENT,
                             .equal = &equal,
                             .n_equal = 1,
                             .descending = true,
                             .limit = ACTS_MAX};
    const struct vs_row *rows;
    size_t n;
    bool open = false;
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    for (size_t i = 0; i < n && !open; i++)
        open = opens(rows[i].values, caller, vs_relay_now(relay));
    VS_REFUSE_IF(!open, err, VS_E_INSPECTION, "Art. 31.4",
                 "content is read after an inspection was begun, with its reason");
    return VS_OK;
}
