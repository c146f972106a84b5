#include "relay/exchange/access.h"
#include "relay/exchange/delivery.h"
#include "relay/relay_priv.h"

static vs_rc unknown(struct vs_error *err)
{
    return vs_fail(err, VS_E_NOT_FOUND, "Art. 35", "there is no such document");
}

static bool is_sender(const struct vs_caller *caller, const struct vs_value *sender)
{
    return vs_caller_may(caller, VS_ROLE_SENDER | VS_ROLE_ARCHIVIST) &&
           !vs_id_is_none(caller->participant) &&
           vs_id_equal(caller->participant, vs_value_id(sender));
}

static vs_rc find_delivery(struct vs_relay *relay, struct vs_arena *arena,
                           const struct vs_caller *caller, struct vs_id id,
                           const struct vs_row **ret, struct vs_error *err)
{
    *ret = NULL;
    if (!vs_caller_may(caller, VS_ROLE_RECIPIENT | VS_ROLE_ARCHIVIST) ||
        vs_id_is_none(caller->participant))
        return VS_OK;
    struct vs_value key[2] = {vs_id_value(&id), vs_id_value(&caller->participant)};
    const struct vs_row *row;
    VS_TRY(vs_store_get(relay->store, arena, VS_T_DELIVERY, key, &row, err));
    if (row != NULL && vs_delivery_seen(row))
        *ret = row;
    return VS_OK;
}

vs_rc vs_access_find(struct vs_relay *relay, struct vs_arena *arena,
                     const struct vs_caller *caller, struct vs_id id, struct vs_access *ret,
                     struct vs_error *err)
{
    struct vs_value key = vs_id_value(&id);
    struct vs_access access = {.party = VS_PARTY_AUDITOR};
    VS_TRY(vs_store_get(relay->store, arena, VS_T_DOCUMENT, &key, &access.document, err));
    if (access.document == NULL)
        VS_TRY(vs_store_get(relay->store, arena, VS_T_REFUSAL, &key, &access.refusal, err));
    if (access.document == NULL && access.refusal == NULL)
        return unknown(err);
    const struct vs_value *sender = access.document != NULL
                                        ? &access.document->values[VS_DOCUMENT_SENDER]
                                        : &access.refusal->values[VS_REFUSAL_SENDER];
    if (is_sender(caller, sender)) {
        access.party = VS_PARTY_SENDER;
    } else {
        if (access.document != NULL)
            VS_TRY(find_delivery(relay, arena, caller, id, &access.delivery, err));
        if (access.delivery != NULL)
            access.party = VS_PARTY_RECIPIENT;
        else
            VS_REFUSE_IF(!vs_caller_may(caller, VS_ROLE_AUDITOR), err, VS_E_NOT_FOUND,
                         "Art. 35", "there is no such document");
    }
    *ret = access;
    return VS_OK;
}
