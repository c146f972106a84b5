/* Witnessed time (retention.h, "The clock"): no jump of the clock ends a term. */
#include "relay/archive/retention_priv.h"

#define SETTING_NAME "retention.witness"
#define JOB_ARENA    ((size_t)64 << 10)

vs_time_ms vs_retention_time(struct vs_relay *relay, vs_time_ms now)
{
    vs_time_ms witnessed = atomic_load(&relay->witnessed);
    return witnessed < now ? witnessed : now;
}

void vs_retention_witness(struct vs_relay *relay, vs_time_ms at_least)
{
    int64_t old = atomic_load(&relay->witnessed);
    while (old < at_least && !atomic_compare_exchange_weak(&relay->witnessed, &old, at_least))
        ;
}

struct vs_retention_clock vs_retention_clock_view(struct vs_relay *relay, vs_time_ms now)
{
    return (struct vs_retention_clock){.now = now,
                                       .witnessed = vs_retention_time(relay, now),
                                       .doubted = atomic_load(&relay->clock_doubted)};
}

/* -- going on ------------------------------------------------------------------------------ */

static void follow_clock(struct vs_relay *relay, vs_time_ms now)
{
    int64_t moment = relay->seams.monotonic_ms(relay->seams.context);
    int64_t passed = moment - relay->witness_at;
    int64_t to = atomic_load(&relay->witnessed) + (passed > 0 ? passed : 0);
    bool doubted = now - to > VS_WITNESS_GAP_MS;
    relay->witness_at = moment;
    /* While the clock is behind the newest record, the monotonic one alone tells what passes.
     */
    if (!doubted && !vs_relay_clock_wrong(relay, now))
        to = now;
    vs_retention_witness(relay, to);
    atomic_store(&relay->clock_doubted, doubted);
}

/* By a commit of its own, as leases are: a cycle of the committer would record the moment, and
 * the record of a wrong one outlasts the clock's error. */
static vs_rc keep(struct vs_relay *relay, vs_time_ms witnessed, struct vs_error *err)
{
    struct vs_value row[VS_SETTING_COLUMNS] = {
        [VS_SETTING_NAME] = vs_text(SETTING_NAME), [VS_SETTING_NUMBER] = vs_int(witnessed)};
    struct vs_op op = vs_op_put(VS_T_SETTING, row);
    struct vs_item item = {.ops = &op, .n_ops = 1};
    relay->witness_kept = witnessed;
    return vs_store_commit(relay->store, &item, 1, err);
}

static vs_rc stage_keep(struct vs_stage *stage, vs_time_ms witnessed, struct vs_error *err)
{
    struct vs_value *row = vs_stage_row(stage, VS_T_SETTING);
    if (row == NULL)
        return vs_fail_memory(err);
    row[VS_SETTING_NAME] = vs_text(SETTING_NAME);
    row[VS_SETTING_NUMBER] = vs_int(witnessed);
    return vs_stage_op(stage, vs_op_put(VS_T_SETTING, row), err);
}

void vs_retention_step(struct vs_relay *relay, vs_time_ms now)
{
    struct vs_error err;
    follow_clock(relay, now);
    int64_t witnessed = vs_retention_time(relay, now);
    if (witnessed - relay->witness_kept < VS_HOUR_MS || !vs_ok(vs_relay_broken(relay, &err)))
        return;
    /* What failed is made good by the next hour; an unknown commit ends it all. */
    if (!vs_ok(keep(relay, witnessed, &err)) && vs_store_poisoned(relay->store))
        vs_relay_break(relay, &err);
}

/* -- opening ------------------------------------------------------------------------------- */

vs_rc vs_witness_open(struct vs_relay *relay, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(JOB_ARENA);
    struct vs_value key = vs_text(SETTING_NAME);
    const struct vs_row *row;
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_store_get(relay->store, arena, VS_T_SETTING, &key, &row, err));
    relay->witness_at = relay->seams.monotonic_ms(relay->seams.context);
    /* A store that never kept it: the newest moment that it recorded, else the clock. */
    int64_t last = atomic_load(&relay->last_event);
    int64_t witnessed = row != NULL ? row->values[VS_SETTING_NUMBER].integer
                        : last > 0  ? last
                                    : vs_relay_now(relay);
    atomic_store(&relay->witnessed, witnessed);
    relay->witness_kept = witnessed;
    if (row == NULL && !relay->settings.inspect)
        return keep(relay, witnessed, err);
    return VS_OK;
}

/* -- confirming ---------------------------------------------------------------------------- */

static void confirmed(struct vs_relay *relay, void *context)
{
    vs_retention_witness(relay, *(vs_time_ms *)context);
    atomic_store(&relay->clock_doubted, false);
}

vs_rc vs_retention_confirm_stage(struct vs_relay *relay, struct vs_job *job,
                                 const struct vs_caller *caller, const char *reason,
                                 vs_time_ms now, struct vs_error *err)
{
    VS_REFUSE_IF(!vs_caller_may(caller, VS_ROLE_OPERATOR), err, VS_E_FORBIDDEN, "Art. 31.3",
                 "an operator confirms the clock");
    VS_TRY(vs_ground_check(reason, err));
    VS_REFUSE_IF(now + relay->settings.clock_back_ms < atomic_load(&relay->last_event), err,
                 VS_E_CLOCK, "Art. 28.1", "the clock is behind the newest record");
    struct vs_stage *stage;
    VS_TRY(vs_stage_new(job, &stage, err));
    struct vs_deed *act = vs_stage_memory(stage, sizeof *act);
    vs_time_ms *moment = vs_stage_memory(stage, sizeof *moment);
    if (act == NULL || moment == NULL)
        return vs_fail_memory(err);
    *moment = now;
    *act = (struct vs_deed){.event = VS_EVENT_CLOCK_CONFIRMATION, .reason = reason};
    VS_TRY(vs_deed_stage(relay, job, stage, caller, now, act, err));
    VS_TRY(stage_keep(stage, now, err));
    vs_stage_after(stage, confirmed, moment);
    return VS_OK;
}
