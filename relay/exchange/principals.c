#include "relay/exchange/principals.h"
#include "formats/crypto/digest.h"
#include "relay/centre/centre.h"
#include "relay/exchange/commit.h"
#include "relay/relay_priv.h"
#include <stdio.h>

#define TOKEN_BYTES 32
#define TOKEN_MARK  "vst_" /* so that scanners for lost secrets recognise one */

static const char *const role_names[VS_ROLES_N] = {"sender",   "recipient", "archivist",
                                                   "operator", "auditor",   "centre-officer"};

const char *vs_role_name(enum vs_role role)
{
    for (unsigned i = 0; i < VS_ROLES_N; i++)
        if ((unsigned)role == 1u << i)
            return role_names[i];
    return "";
}

bool vs_role_decode(const char *name, enum vs_role *ret)
{
    for (unsigned i = 0; i < VS_ROLES_N; i++)
        if (vs_text_equal(name, role_names[i])) {
            *ret = (enum vs_role)(1u << i);
            return true;
        }
    return false;
}

/* -- rows ---------------------------------------------------------------------------------- */

static vs_rc from_row(struct vs_arena *arena, const struct vs_row *row,
                      const struct vs_principal **ret, struct vs_error *err)
{
    const struct vs_value *v = row->values;
    struct vs_principal *p = vs_arena_make(arena, struct vs_principal);
    if (p == NULL)
        return vs_fail_memory(err);
    if (v[VS_PRINCIPAL_DIGEST].bytes.len != sizeof p->digest)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a principal's digest has a wrong length");
    p->id = vs_value_id(&v[VS_PRINCIPAL_ID]);
    p->participant = vs_value_id(&v[VS_PRINCIPAL_PARTICIPANT]);
    p->name = vs_value_text_new(arena, &v[VS_PRINCIPAL_NAME]);
    p->roles = (unsigned)v[VS_PRINCIPAL_ROLES].integer;
    p->automatic = v[VS_PRINCIPAL_AUTOMATIC].integer != 0;
    p->credential = (enum vs_credential)v[VS_PRINCIPAL_CREDENTIAL].integer;
    memcpy(p->digest, v[VS_PRINCIPAL_DIGEST].bytes.ptr, sizeof p->digest);
    p->created = v[VS_PRINCIPAL_CREATED].integer;
    p->expires = vs_value_time(&v[VS_PRINCIPAL_EXPIRES]);
    p->revoked = vs_value_time(&v[VS_PRINCIPAL_REVOKED]);
    p->version = row->version;
    if (p->name == NULL)
        return vs_fail_memory(err);
    *ret = p;
    return VS_OK;
}

vs_rc vs_principal_get(struct vs_relay *relay, struct vs_arena *arena, struct vs_id id,
                       const struct vs_principal **ret, struct vs_error *err)
{
    struct vs_value key = vs_id_value(&id);
    const struct vs_row *row;
    VS_TRY(vs_store_get(relay->store, arena, VS_T_PRINCIPAL, &key, &row, err));
    *ret = NULL;
    return row == NULL ? VS_OK : from_row(arena, row, ret, err);
}

vs_rc vs_principal_list(struct vs_relay *relay, struct vs_arena *arena,
                        struct vs_id participant, const struct vs_principal ***ret,
                        size_t *ret_n, struct vs_error *err)
{
    struct vs_value equal = vs_id_value(&participant);
    struct vs_query query = {.table = VS_T_PRINCIPAL,
                             .index = VS_PRINCIPAL_BY_PARTICIPANT,
                             .equal = &equal,
                             .n_equal = 1};
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    const struct vs_principal **list =
        vs_arena_make_n(arena, const struct vs_principal *, n + 1);
    if (list == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        VS_TRY(from_row(arena, &rows[i], &list[i], err));
    *ret = list;
    *ret_n = n;
    return VS_OK;
}

/* -- authentication ------------------------------------------------------------------------ */

static struct vs_caller_slot *slot_of(struct vs_relay *relay, const uint8_t digest[32])
{
    return &relay->callers[vs_get_u32(digest) % VS_CALLER_SLOTS];
}

static bool from_cache(struct vs_relay *relay, enum vs_credential kind,
                       const uint8_t digest[32], struct vs_caller *ret, vs_time_ms *ret_expires)
{
    pthread_mutex_lock(&relay->lock);
    const struct vs_caller_slot *slot = slot_of(relay, digest);
    bool hit = slot->used && slot->kind == kind &&
               vs_bytes_equal_secret(VS_BYTES(slot->digest, 32), VS_BYTES(digest, 32));
    if (hit) {
        *ret = slot->caller;
        *ret_expires = slot->expires;
    }
    pthread_mutex_unlock(&relay->lock);
    return hit;
}

void vs_callers_forget(struct vs_relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    memset(relay->callers, 0, sizeof relay->callers);
    relay->callers_changes++;
    pthread_mutex_unlock(&relay->lock);
}

static vs_rc expired(struct vs_error *err)
{
    return vs_fail(err, VS_E_CREDENTIAL_EXPIRED, NULL, "the principal's term has passed");
}

static vs_rc find_credential(struct vs_relay *relay, struct vs_arena *arena,
                             enum vs_credential kind, const uint8_t digest[32],
                             const struct vs_principal **ret, struct vs_error *err)
{
    struct vs_value equal[2] = {vs_blob(VS_BYTES(digest, 32)), vs_int(kind)};
    struct vs_query query = {.table = VS_T_PRINCIPAL,
                             .index = VS_PRINCIPAL_BY_DIGEST,
                             .equal = equal,
                             .n_equal = 2,
                             .limit = 1};
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    *ret = NULL;
    return n == 0 ? VS_OK : from_row(arena, rows, ret, err);
}

/* Everything a caller carries, from the rows. */
static vs_rc load_caller(struct vs_relay *relay, struct vs_arena *arena,
                         const struct vs_principal *p, struct vs_caller *ret,
                         struct vs_error *err)
{
    *ret = (struct vs_caller){.principal = p->id,
                              .participant = p->participant,
                              .roles = p->roles,
                              .automatic = p->automatic};
    snprintf(ret->name, sizeof ret->name, "%s", p->name);
    if (vs_id_is_none(p->participant))
        return VS_OK;
    const struct vs_participant *participant;
    VS_TRY(vs_participant_get(relay, arena, p->participant, &participant, err));
    if (participant == NULL)
        return vs_fail(err, VS_E_UNAUTHENTICATED, NULL, "its participant is not here");
    snprintf(ret->identifier, sizeof ret->identifier, "%s", participant->identifiers[0]);
    return VS_OK;
}

/* The embedded centre may have suspended or revoked what the principal calls with. */
static vs_rc check_certificate(struct vs_relay *relay, const struct vs_principal *p,
                               vs_time_ms now, struct vs_error *err)
{
    bool refused = false;
    if (p->credential == VS_CREDENTIAL_CERTIFICATE && relay->centre != NULL)
        VS_TRY(vs_centre_refuses(relay->centre, p->digest, now, &refused, err));
    VS_REFUSE_IF(refused, err, VS_E_CREDENTIAL_REVOKED, "Art. 12.9",
                 "the client certificate is suspended or revoked");
    return VS_OK;
}

vs_rc vs_principal_authenticate(struct vs_relay *relay, enum vs_credential kind,
                                const uint8_t digest[32], vs_time_ms now, struct vs_caller *ret,
                                struct vs_error *err)
{
    vs_time_ms expires;
    if (from_cache(relay, kind, digest, ret, &expires))
        return expires != VS_TIME_NONE && now >= expires ? expired(err) : VS_OK;
    pthread_mutex_lock(&relay->lock);
    uint64_t changes = relay->callers_changes;
    pthread_mutex_unlock(&relay->lock);
    VS_ARENA *arena = vs_arena_new((size_t)64 << 10);
    const struct vs_principal *p;
    struct vs_caller caller;
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(find_credential(relay, arena, kind, digest, &p, err));
    if (p == NULL)
        return vs_fail(err, VS_E_UNAUTHENTICATED, NULL, "the credential is not registered");
    if (p->revoked != VS_TIME_NONE)
        return vs_fail(err, VS_E_CREDENTIAL_REVOKED, NULL, "the principal is revoked");
    if (p->expires != VS_TIME_NONE && now >= p->expires)
        return expired(err);
    VS_TRY(check_certificate(relay, p, now, err));
    VS_TRY(load_caller(relay, arena, p, &caller, err));
    pthread_mutex_lock(&relay->lock);
    /* Not when something changed since the rows were read: it may have been this principal. */
    if (changes == relay->callers_changes) {
        struct vs_caller_slot *slot = slot_of(relay, digest);
        *slot = (struct vs_caller_slot){
            .used = true, .kind = kind, .expires = p->expires, .caller = caller};
        memcpy(slot->digest, digest, 32);
    }
    pthread_mutex_unlock(&relay->lock);
    *ret = caller;
    return VS_OK;
}

/* -- changes ------------------------------------------------------------------------------- */

static vs_rc make_token(struct vs_relay *relay, struct vs_arena *arena, uint8_t digest[32],
                        const char **ret, struct vs_error *err)
{
    uint8_t secret[TOKEN_BYTES];
    char hex[2 * TOKEN_BYTES + 1];
    relay->seams.random(relay->seams.context, secret, sizeof secret);
    vs_hex(VS_BYTES(secret, sizeof secret), hex);
    char *token = vs_arena_printf(arena, "%s%s", TOKEN_MARK, hex);
    vs_wipe(secret, sizeof secret);
    vs_wipe(hex, sizeof hex);
    if (token == NULL)
        return vs_fail_memory(err);
    vs_sha256(vs_bytes_text(token), digest);
    *ret = token;
    return VS_OK;
}

static vs_rc check(struct vs_relay *relay, struct vs_arena *arena, const struct vs_principal *p,
                   struct vs_error *err)
{
    struct vs_bytes name = vs_bytes_text(p->name);
    if (name.len == 0 || name.len > VS_NAME_MAX || vs_text_has_controls(name))
        return vs_fail(err, VS_E_PARAMETER, NULL,
                       "name: 1 to %d bytes of UTF-8 without control characters", VS_NAME_MAX);
    if (p->roles == 0 || (p->roles & ~(unsigned)VS_ROLES_ALL) != 0)
        return vs_fail(err, VS_E_PARAMETER, NULL, "roles: at least one, all known");
    unsigned exchange = VS_ROLE_SENDER | VS_ROLE_RECIPIENT | VS_ROLE_ARCHIVIST;
    if (vs_id_is_none(p->participant)) {
        if ((p->roles & exchange) != 0)
            return vs_fail(err, VS_E_PARAMETER, NULL,
                           "participant: senders, recipients and archivists belong to one");
        return VS_OK;
    }
    const struct vs_participant *participant;
    VS_TRY(vs_participant_get(relay, arena, p->participant, &participant, err));
    if (participant == NULL)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "there is no such participant");
    return VS_OK;
}

static void fill_row(const struct vs_principal *p, struct vs_value *row)
{
    row[VS_PRINCIPAL_ID] = vs_id_value(&p->id);
    row[VS_PRINCIPAL_PARTICIPANT] = vs_id_value(&p->participant);
    row[VS_PRINCIPAL_NAME] = vs_text(p->name);
    row[VS_PRINCIPAL_ROLES] = vs_int(p->roles);
    row[VS_PRINCIPAL_AUTOMATIC] = vs_int(p->automatic);
    row[VS_PRINCIPAL_CREDENTIAL] = vs_int(p->credential);
    row[VS_PRINCIPAL_DIGEST] = vs_blob(VS_BYTES(p->digest, sizeof p->digest));
    row[VS_PRINCIPAL_CREATED] = vs_int(p->created);
    row[VS_PRINCIPAL_EXPIRES] = vs_time_value(p->expires);
    row[VS_PRINCIPAL_REVOKED] = vs_time_value(p->revoked);
}

vs_rc vs_principal_add_stage(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                             struct vs_principal *principal, const char **ret_token,
                             struct vs_error *err)
{
    VS_TRY(check(relay, job->arena, principal, err));
    principal->id = vs_id_new(&relay->seams, now);
    principal->created = now;
    principal->revoked = VS_TIME_NONE;
    principal->version = 1;
    if (principal->credential == VS_CREDENTIAL_TOKEN)
        VS_TRY(make_token(relay, job->arena, principal->digest, ret_token, err));
    const struct vs_principal *other;
    VS_TRY(find_credential(relay, job->arena, principal->credential, principal->digest, &other,
                           err));
    if (other != NULL)
        return vs_fail(err, VS_E_EXISTS, NULL, "the certificate is a principal's already");
    struct vs_stage *stage;
    VS_TRY(vs_stage_new(job, &stage, err));
    struct vs_value *row = vs_stage_row(stage, VS_T_PRINCIPAL);
    /* Rows borrow until the commit; the caller's struct need not live as long. */
    struct vs_principal *kept = vs_arena_make(job->arena, struct vs_principal);
    if (row == NULL || kept == NULL)
        return vs_fail_memory(err);
    *kept = *principal;
    fill_row(kept, row);
    return vs_stage_op(stage, vs_op_insert(VS_T_PRINCIPAL, row), err);
}

static void callers_changed(struct vs_relay *relay, void *context)
{
    (void)context;
    vs_callers_forget(relay);
}

vs_rc vs_principal_revoke_stage(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                                struct vs_id id, struct vs_error *err)
{
    const struct vs_principal *old;
    VS_TRY(vs_principal_get(relay, job->arena, id, &old, err));
    if (old == NULL)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "there is no such principal");
    if (old->revoked != VS_TIME_NONE)
        return VS_OK;
    struct vs_stage *stage;
    VS_TRY(vs_stage_new(job, &stage, err));
    struct vs_value *row = vs_stage_row(stage, VS_T_PRINCIPAL);
    if (row == NULL)
        return vs_fail_memory(err);
    row[VS_PRINCIPAL_ID] = vs_id_value(&old->id);
    row[VS_PRINCIPAL_REVOKED] = vs_int(now);
    vs_stage_after(stage, callers_changed, NULL);
    return vs_stage_op(
        stage, vs_op_update(VS_T_PRINCIPAL, row, VS_SET(VS_PRINCIPAL_REVOKED), old->version),
        err);
}

vs_rc vs_principal_bootstrap(struct vs_relay *relay, struct vs_arena *arena, vs_time_ms now,
                             const char **ret_token, struct vs_error *err)
{
    const struct vs_principal **others;
    size_t n;
    VS_TRY(vs_principal_list(relay, arena, VS_ID_NONE, &others, &n, err));
    if (n > 0)
        return vs_fail(err, VS_E_EXISTS, NULL, "the service has a principal already");
    struct vs_principal p = {.id = vs_id_new(&relay->seams, now),
                             .name = "operator",
                             .roles = VS_ROLE_OPERATOR | VS_ROLE_CENTRE_OFFICER,
                             .credential = VS_CREDENTIAL_TOKEN,
                             .expires = VS_TIME_NONE,
                             .revoked = VS_TIME_NONE,
                             .created = now};
    VS_TRY(make_token(relay, arena, p.digest, ret_token, err));
    struct vs_value row[VS_PRINCIPAL_COLUMNS] = {{VS_NULL, 0, {NULL, 0}}};
    fill_row(&p, row);
    struct vs_op op = vs_op_insert(VS_T_PRINCIPAL, row);
    struct vs_item item = {.ops = &op, .n_ops = 1};
    VS_TRY(vs_store_commit(relay->store, &item, 1, err));
    if (item.outcome != VS_ITEM_DONE)
        return vs_fail(err, VS_E_CONFLICT, NULL, "another one was made meanwhile");
    return VS_OK;
}
