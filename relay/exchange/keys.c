#include "relay/exchange/keys.h"
#include "formats/crypto/digest.h"
#include "relay/relay_priv.h"

static int64_t month_of(vs_time_ms t)
{
    struct vs_civil civil = vs_time_civil(t);
    return (int64_t)(civil.year - 1970) * 12 + civil.month - 1;
}

static vs_time_ms month_begins(int64_t month)
{
    return vs_time_from_civil((struct vs_civil){
        .year = (int)(1970 + month / 12), .month = (int)(month % 12) + 1, .day = 1});
}

void vs_idempotency_hash(struct vs_id participant, const char *key, uint8_t ret[32])
{
    struct vs_bytes parts[2] = {vs_id_bytes(&participant), vs_bytes_text(key)};
    struct vs_digest digest;
    vs_digest_of_parts(VS_SHA256, parts, 2, &digest);
    memcpy(ret, digest.bytes, 32);
}

void vs_repetition_hash(const uint8_t digest[32], struct vs_id sender, struct vs_id recipient,
                        uint8_t ret[32])
{
    struct vs_bytes parts[3] = {VS_BYTES(digest, 32), vs_id_bytes(&sender),
                                vs_id_bytes(&recipient)};
    struct vs_digest hash;
    vs_digest_of_parts(VS_SHA256, parts, 3, &hash);
    memcpy(ret, hash.bytes, 32);
}

/* The newest row of this key in any month; *ret is NULL where there is none. */
static vs_rc find(struct vs_relay *relay, struct vs_arena *arena, enum vs_table_id table,
                  const uint8_t hash[32], vs_time_ms now, const struct vs_row **ret,
                  struct vs_error *err)
{
    int64_t first = atomic_load(&relay->first_month);
    *ret = NULL;
    for (int64_t month = month_of(now); month >= first && *ret == NULL; month--) {
        struct vs_value key[2] = {vs_int(month), vs_blob(VS_BYTES(hash, 32))};
        VS_TRY(vs_store_get(relay->store, arena, table, key, ret, err));
    }
    return VS_OK;
}

vs_rc vs_idempotency_find(struct vs_relay *relay, struct vs_arena *arena,
                          const uint8_t hash[32], vs_time_ms now, struct vs_seen *ret,
                          struct vs_error *err)
{
    const struct vs_row *row;
    VS_TRY(find(relay, arena, VS_T_IDEMPOTENCY, hash, now, &row, err));
    *ret = (struct vs_seen){.found = row != NULL};
    if (row == NULL)
        return VS_OK;
    struct vs_bytes digest = row->values[VS_IDEMPOTENCY_DIGEST].bytes;
    if (digest.len != sizeof ret->digest)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a key's digest has a wrong length");
    memcpy(ret->digest, digest.ptr, digest.len);
    ret->id = vs_value_id(&row->values[VS_IDEMPOTENCY_OUTCOME]);
    ret->accepted = row->values[VS_IDEMPOTENCY_ACCEPTED].integer != 0;
    return VS_OK;
}

vs_rc vs_repetition_find(struct vs_relay *relay, struct vs_arena *arena, const uint8_t hash[32],
                         vs_time_ms now, struct vs_seen *ret, struct vs_error *err)
{
    const struct vs_row *row;
    VS_TRY(find(relay, arena, VS_T_REPETITION, hash, now, &row, err));
    *ret = (struct vs_seen){.found = row != NULL};
    if (row != NULL)
        ret->id = vs_value_id(&row->values[VS_REPETITION_DOCUMENT]);
    return VS_OK;
}

/* The first row ever, or of a new month: look-ups must reach it. */
static void remember_month(struct vs_relay *relay, int64_t month)
{
    int64_t first = atomic_load(&relay->first_month);
    while (month < first && !atomic_compare_exchange_weak(&relay->first_month, &first, month))
        ;
}

/* What both have in common: month and key into `row`, the condition on the month before. */
static vs_rc stage_key(struct vs_relay *relay, struct vs_stage *stage, enum vs_table_id table,
                       const uint8_t hash[32], vs_time_ms at, struct vs_value *row,
                       struct vs_error *err)
{
    int64_t month = month_of(at);
    uint8_t *copy = vs_stage_memory(stage, 32);
    if (row == NULL || copy == NULL)
        return vs_fail_memory(err);
    memcpy(copy, hash, 32);
    remember_month(relay, month);
    row[0] = vs_int(month);
    row[1] = vs_blob(VS_BYTES(copy, 32));
    if (at - month_begins(month) > VS_HOUR_MS)
        return VS_OK;
    struct vs_value *before = vs_stage_row(stage, table);
    if (before == NULL)
        return vs_fail_memory(err);
    before[0] = vs_int(month - 1);
    before[1] = row[1];
    return vs_stage_op(stage, vs_op_expect(table, before, VS_ABSENT), err);
}

vs_rc vs_idempotency_stage(struct vs_relay *relay, struct vs_stage *stage,
                           const uint8_t hash[32], vs_time_ms at, const struct vs_seen *seen,
                           struct vs_error *err)
{
    struct vs_value *row = vs_stage_row(stage, VS_T_IDEMPOTENCY);
    struct vs_seen *copy = vs_stage_memory(stage, sizeof *copy);
    VS_TRY(stage_key(relay, stage, VS_T_IDEMPOTENCY, hash, at, row, err));
    if (copy == NULL)
        return vs_fail_memory(err);
    *copy = *seen;
    row[VS_IDEMPOTENCY_DIGEST] = vs_blob(VS_BYTES(copy->digest, sizeof copy->digest));
    row[VS_IDEMPOTENCY_OUTCOME] = vs_id_value(&copy->id);
    row[VS_IDEMPOTENCY_ACCEPTED] = vs_int(copy->accepted);
    return vs_stage_op(stage, vs_op_insert(VS_T_IDEMPOTENCY, row), err);
}

vs_rc vs_repetition_stage(struct vs_relay *relay, struct vs_stage *stage,
                          const uint8_t hash[32], vs_time_ms at, const struct vs_seen *seen,
                          struct vs_error *err)
{
    struct vs_value *row = vs_stage_row(stage, VS_T_REPETITION);
    struct vs_id *id = vs_stage_memory(stage, sizeof *id);
    VS_TRY(stage_key(relay, stage, VS_T_REPETITION, hash, at, row, err));
    if (id == NULL)
        return vs_fail_memory(err);
    *id = seen->id;
    row[VS_REPETITION_DOCUMENT] = vs_id_value(id);
    return vs_stage_op(stage, vs_op_insert(VS_T_REPETITION, row), err);
}
