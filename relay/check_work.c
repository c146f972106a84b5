/* Due work against what it is about: rows that nobody would ever take, needs without a row. */
#include "relay/check_priv.h"
#include "relay/deliver.h"
#include "relay/exchange/act.h"
#include "relay/exchange/consent.h"
#include "relay/exchange/deadline.h"
#include "relay/exchange/notify.h"
#include "relay/exchange/push.h"

static bool is_known(const struct vs_relay *relay, const char *kind)
{
    for (const struct vs_due_kind *k = relay->due_kinds; k->name != NULL; k++)
        if (strcmp(k->name, kind) == 0)
            return true;
    for (const struct vs_remote_kind *k = relay->remote_kinds; k->name != NULL; k++)
        if (strcmp(k->name, kind) == 0)
            return true;
    return false;
}

static bool is_of_delivery(const char *kind)
{
    static const char *const kinds[] = {VS_DUE_PUSH, VS_DUE_NOTIFY, VS_DUE_CONSENT,
                                        VS_DUE_DEADLINE};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i], kind) == 0)
            return true;
    return false;
}

static vs_rc look_at_work(struct vs_check_run *run, const char *where, const struct vs_row *row,
                          struct vs_error *err)
{
    const struct vs_due *work, *same;
    const struct vs_row *delivery;
    VS_TRY(vs_due_from_row(run->scratch, row, &work, err));
    if (!is_known(run->relay, work->kind)) {
        vs_check_found(run, "work", where, "kind %s is not known: nobody takes it", work->kind);
        return VS_OK;
    }
    if (work->subject.len > VS_DUE_SUBJECT_BYTES)
        return vs_fail(err, VS_E_CORRUPT, NULL, "its subject is too long");
    VS_TRY(vs_due_get(run->relay, run->scratch, work->kind, work->subject, &same, err));
    if (same == NULL || !vs_id_equal(same->id, work->id))
        vs_check_found(run, "work", where, "its id does not follow from kind and subject");
    if (!is_of_delivery(work->kind))
        return VS_OK;
    VS_TRY(vs_act_delivery(run->relay, run->scratch, work, &delivery, err));
    if (delivery == NULL)
        vs_check_found(run, "work", where, "the delivery of its subject is not there");
    return VS_OK;
}

/* What waits for its endpoint would wait for ever. */
static vs_rc look_at_delivery(struct vs_check_run *run, const char *where,
                              const struct vs_row *row, struct vs_error *err)
{
    const struct vs_value *v = row->values;
    struct vs_push_view view;
    bool found;
    if (vs_delivery_state_of(row) != VS_DELIVERY_WAITING)
        return VS_OK;
    VS_TRY(vs_push_view(run->relay, run->scratch, vs_value_id(&v[VS_DELIVERY_DOCUMENT]),
                        vs_value_id(&v[VS_DELIVERY_RECIPIENT]), &view, &found, err));
    if (!found)
        vs_check_found(run, "delivery", where, "it waits for its endpoint without due work");
    return VS_OK;
}

vs_rc vs_check_work(struct vs_check_run *run, struct vs_error *err)
{
    VS_TRY(vs_check_rows(run, VS_T_WORK, look_at_work, NULL, err));
    return vs_check_rows(run, VS_T_DELIVERY, look_at_delivery, NULL, err);
}
