#include "relay/exchange/participants.h"
#include "relay/exchange/cache.h"
#include "relay/exchange/commit.h"
#include "relay/exchange/notify.h"
#include "relay/outgoing.h"
#include "relay/relay_priv.h"

#define SCHEME_MAX 32

/* -- identifiers --------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_scheme(const char *text, size_t len)
{
    if (len < 2 || len > SCHEME_MAX || text[0] < 'a' || text[0] > 'z')
        return false;
    for (size_t i = 1; i < len; i++)
        if (!(text[i] >= 'a' && text[i] <= 'z') && !is_digit(text[i]) && text[i] != '-')
            return false;
    return true;
}

/* VÖEN: 10 digits. */
static vs_rc check_voen(char *value, size_t len, struct vs_error *err)
{
    size_t digits = 0;
    while (digits < len && is_digit(value[digits]))
        digits++;
    if (len != 10 || digits != len)
        return vs_fail(err, VS_E_PARAMETER, NULL, "voen: has 10 digits");
    return VS_OK;
}

/* FİN: 7 letters and digits, written in capitals. ASCII rules: never the locale's i and ı. */
static vs_rc check_fin(char *value, size_t len, struct vs_error *err)
{
    for (size_t i = 0; i < len; i++) {
        if (value[i] >= 'a' && value[i] <= 'z')
            value[i] = (char)(value[i] - 'a' + 'A');
        if (!is_digit(value[i]) && !(value[i] >= 'A' && value[i] <= 'Z'))
            return vs_fail(err, VS_E_PARAMETER, NULL, "fin: has letters and digits only");
    }
    if (len != 7)
        return vs_fail(err, VS_E_PARAMETER, NULL, "fin: has 7 characters");
    return VS_OK;
}

static const struct {
    const char *name;
    vs_rc (*check)(char *value, size_t len, struct vs_error *err);
} schemes[] = {{"voen", check_voen}, {"fin", check_fin}};

vs_rc vs_identifier_check(struct vs_arena *arena, const char *text, const char **ret,
                          struct vs_error *err)
{
    size_t len = text == NULL ? 0 : strlen(text);
    const char *colon = len == 0 ? NULL : memchr(text, ':', len);
    if (len > VS_IDENTIFIER_MAX)
        return vs_fail(err, VS_E_PARAMETER, NULL, "an identifier has at most %d bytes",
                       VS_IDENTIFIER_MAX);
    if (colon == NULL || !is_scheme(text, (size_t)(colon - text)))
        return vs_fail(err, VS_E_PARAMETER, NULL, "an identifier is SCHEME:VALUE");
    char *copy = vs_arena_strdup(arena, text);
    if (copy == NULL)
        return vs_fail_memory(err);
    size_t scheme_len = (size_t)(colon - text);
    char *value = copy + scheme_len + 1;
    size_t value_len = len - scheme_len - 1;
    if (value_len == 0 || vs_text_has_controls(VS_BYTES(value, value_len)) ||
        memchr(value, ' ', value_len) != NULL)
        return vs_fail(err, VS_E_PARAMETER, NULL,
                       "an identifier's value has no spaces or control characters");
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strlen(schemes[i].name) == scheme_len &&
            memcmp(schemes[i].name, text, scheme_len) == 0)
            VS_TRY(schemes[i].check(value, value_len, err));
    *ret = copy;
    return VS_OK;
}

/* -- rows ---------------------------------------------------------------------------------- */

static vs_rc split_identifiers(char *text, struct vs_participant *ret, struct vs_error *err)
{
    while (text != NULL) {
        if (ret->n_identifiers == VS_IDENTIFIERS_MAX)
            return vs_fail(err, VS_E_CORRUPT, NULL, "a participant has too many identifiers");
        char *end = strchr(text, '\n');
        if (end != NULL)
            *end++ = '\0';
        ret->identifiers[ret->n_identifiers++] = text;
        text = end;
    }
    return VS_OK;
}

static vs_rc from_row(struct vs_arena *arena, const struct vs_row *row,
                      const struct vs_participant **ret, struct vs_error *err)
{
    const struct vs_value *v = row->values;
    struct vs_participant *p = vs_arena_make(arena, struct vs_participant);
    char *identifiers = vs_value_text_new(arena, &v[VS_PARTICIPANT_IDENTIFIERS]);
    if (p == NULL || identifiers == NULL)
        return vs_fail_memory(err);
    p->id = vs_value_id(&v[VS_PARTICIPANT_ID]);
    p->name = vs_value_text_new(arena, &v[VS_PARTICIPANT_NAME]);
    p->public_body = v[VS_PARTICIPANT_PUBLIC_BODY].integer != 0;
    p->agreed_senders_only = v[VS_PARTICIPANT_AGREED_ONLY].integer != 0;
    p->created = v[VS_PARTICIPANT_CREATED].integer;
    p->endpoint = vs_value_text_new(arena, &v[VS_PARTICIPANT_ENDPOINT]);
    p->endpoint_consignment = v[VS_PARTICIPANT_CONSIGNMENT].type == VS_INT &&
                              v[VS_PARTICIPANT_CONSIGNMENT].integer != 0;
    p->events_endpoint = vs_value_text_new(arena, &v[VS_PARTICIPANT_EVENTS]);
    p->contract = vs_value_text_new(arena, &v[VS_PARTICIPANT_CONTRACT]);
    p->contract_from = vs_value_time(&v[VS_PARTICIPANT_CONTRACT_FROM]);
    p->contract_until = vs_value_time(&v[VS_PARTICIPANT_CONTRACT_UNTIL]);
    p->retention = vs_value_text_new(arena, &v[VS_PARTICIPANT_RETENTION]);
    p->version = row->version;
    VS_TRY(split_identifiers(identifiers, p, err));
    if (p->name == NULL)
        return vs_fail_memory(err);
    *ret = p;
    return VS_OK;
}

vs_rc vs_participant_get(struct vs_relay *relay, struct vs_arena *arena, struct vs_id id,
                         const struct vs_participant **ret, struct vs_error *err)
{
    *ret = vs_party_cache_get(relay->parties, arena, id);
    if (*ret != NULL)
        return VS_OK;
    uint64_t generation = vs_party_cache_generation(relay->parties);
    struct vs_value key = vs_id_value(&id);
    const struct vs_row *row;
    VS_TRY(vs_store_get(relay->store, arena, VS_T_PARTICIPANT, &key, &row, err));
    if (row == NULL)
        return VS_OK;
    VS_TRY(from_row(arena, row, ret, err));
    vs_party_cache_put(relay->parties, generation, *ret);
    return VS_OK;
}

vs_rc vs_participant_find(struct vs_relay *relay, struct vs_arena *arena,
                          const char *identifier, const struct vs_participant **ret,
                          struct vs_error *err)
{
    *ret = vs_party_cache_find(relay->parties, arena, identifier);
    if (*ret != NULL)
        return VS_OK;
    struct vs_value key = vs_text(identifier);
    const struct vs_row *row;
    VS_TRY(vs_store_get(relay->store, arena, VS_T_IDENTIFIER, &key, &row, err));
    if (row == NULL)
        return VS_OK;
    return vs_participant_get(relay, arena,
                              vs_value_id(&row->values[VS_IDENTIFIER_PARTICIPANT]), ret, err);
}

vs_rc vs_participant_list(struct vs_relay *relay, struct vs_arena *arena, struct vs_id after,
                          size_t limit, const struct vs_participant ***ret, size_t *ret_n,
                          struct vs_error *err)
{
    struct vs_value from = vs_id_value(&after);
    struct vs_query query = {.table = VS_T_PARTICIPANT, .limit = limit};
    if (!vs_id_is_none(after)) {
        query.after = &from;
        query.n_after = 1;
    }
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    const struct vs_participant **list =
        vs_arena_make_n(arena, const struct vs_participant *, n + 1);
    if (list == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        VS_TRY(from_row(arena, &rows[i], &list[i], err));
    *ret = list;
    *ret_n = n;
    return VS_OK;
}

bool vs_participant_has_contract(const struct vs_participant *participant, vs_time_ms at)
{
    return participant->contract != NULL &&
           (participant->contract_from == VS_TIME_NONE || participant->contract_from <= at) &&
           (participant->contract_until == VS_TIME_NONE || at < participant->contract_until);
}

/* -- changes ------------------------------------------------------------------------------- */

static vs_rc check_text(const char *field, const char *text, size_t most, struct vs_error *err)
{
    size_t len = strlen(text);
    if (len == 0 || len > most || vs_text_has_controls(VS_BYTES(text, len)))
        return vs_fail(err, VS_E_PARAMETER, NULL,
                       "%s: 1 to %zu bytes of UTF-8 without control characters", field, most);
    return VS_OK;
}

static vs_rc check_endpoint(struct vs_arena *arena, const char **url, struct vs_error *err)
{
    struct vs_endpoint endpoint;
    if (*url == NULL)
        return VS_OK;
    VS_TRY(vs_outgoing_endpoint(arena, *url, &endpoint, err));
    *url = endpoint.url;
    return VS_OK;
}

static vs_rc check(struct vs_arena *arena, struct vs_participant *p, struct vs_error *err)
{
    VS_TRY(check_text("name", p->name == NULL ? "" : p->name, VS_NAME_MAX, err));
    if (p->n_identifiers == 0 || p->n_identifiers > VS_IDENTIFIERS_MAX)
        return vs_fail(err, VS_E_PARAMETER, NULL, "identifiers: 1 to %d", VS_IDENTIFIERS_MAX);
    for (size_t i = 0; i < p->n_identifiers; i++) {
        VS_TRY(vs_identifier_check(arena, p->identifiers[i], &p->identifiers[i], err));
        for (size_t j = 0; j < i; j++)
            if (strcmp(p->identifiers[i], p->identifiers[j]) == 0)
                return vs_fail(err, VS_E_PARAMETER, NULL, "identifiers: one is given twice");
    }
    VS_TRY(check_endpoint(arena, &p->endpoint, err));
    VS_TRY(check_endpoint(arena, &p->events_endpoint, err));
    if (p->contract != NULL)
        VS_TRY(check_text("contract", p->contract, 200, err));
    if (p->contract_from != VS_TIME_NONE && p->contract_until != VS_TIME_NONE &&
        p->contract_until <= p->contract_from)
        return vs_fail(err, VS_E_PARAMETER, NULL, "contract: it ends before it begins");
    if (p->retention != NULL && vs_retention_months(p->retention) == 0)
        return vs_fail(err, VS_E_PARAMETER, NULL, "retention: there is no such class");
    return VS_OK;
}

static vs_rc fill_row(struct vs_stage *stage, struct vs_arena *arena,
                      const struct vs_participant *p, struct vs_value **ret,
                      struct vs_error *err)
{
    VS_BUFFER lines;
    vs_buffer_init(&lines, (VS_IDENTIFIER_MAX + 2) * VS_IDENTIFIERS_MAX);
    for (size_t i = 0; i < p->n_identifiers; i++)
        vs_buffer_printf(&lines, "%s%s", i == 0 ? "" : "\n", p->identifiers[i]);
    struct vs_bytes identifiers;
    VS_TRY(vs_buffer_copy(&lines, arena, &identifiers, err));
    struct vs_value *row = vs_stage_row(stage, VS_T_PARTICIPANT);
    if (row == NULL)
        return vs_fail_memory(err);
    row[VS_PARTICIPANT_ID] = vs_id_value(&p->id);
    row[VS_PARTICIPANT_NAME] = vs_text(p->name);
    row[VS_PARTICIPANT_IDENTIFIERS] = vs_text_bytes(identifiers);
    row[VS_PARTICIPANT_PUBLIC_BODY] = vs_int(p->public_body);
    row[VS_PARTICIPANT_AGREED_ONLY] = vs_int(p->agreed_senders_only);
    row[VS_PARTICIPANT_CREATED] = vs_int(p->created);
    row[VS_PARTICIPANT_ENDPOINT] = vs_text(p->endpoint);
    if (p->endpoint_consignment)
        row[VS_PARTICIPANT_CONSIGNMENT] = vs_int(1);
    row[VS_PARTICIPANT_EVENTS] = vs_text(p->events_endpoint);
    row[VS_PARTICIPANT_CONTRACT] = vs_text(p->contract);
    row[VS_PARTICIPANT_CONTRACT_FROM] = vs_time_value(p->contract_from);
    row[VS_PARTICIPANT_CONTRACT_UNTIL] = vs_time_value(p->contract_until);
    row[VS_PARTICIPANT_RETENTION] = vs_text(p->retention);
    *ret = row;
    return VS_OK;
}

/* On a rerun after a conflict the winner is there to be seen, so the answer is exact. */
static vs_rc stage_identifier(struct vs_relay *relay, struct vs_stage *stage,
                              struct vs_arena *arena, const char *identifier,
                              const struct vs_id *owner, struct vs_error *err)
{
    const struct vs_participant *other;
    VS_TRY(vs_participant_find(relay, arena, identifier, &other, err));
    if (other != NULL)
        return vs_fail(err, VS_E_EXISTS, NULL, "%s belongs to a participant already",
                       identifier);
    struct vs_value *row = vs_stage_row(stage, VS_T_IDENTIFIER);
    if (row == NULL)
        return vs_fail_memory(err);
    row[VS_IDENTIFIER_IDENTIFIER] = vs_text(identifier);
    row[VS_IDENTIFIER_PARTICIPANT] = vs_id_value(owner);
    return vs_stage_op(stage, vs_op_insert(VS_T_IDENTIFIER, row), err);
}

static void participant_added(struct vs_relay *relay, void *context)
{
    const struct vs_participant *p = context;
    vs_events_watch(relay, p->id, p->events_endpoint != NULL);
}

vs_rc vs_participant_add_stage(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                               struct vs_participant *participant, struct vs_error *err)
{
    VS_TRY(check(job->arena, participant, err));
    participant->id = vs_id_new(&relay->seams, now);
    participant->created = now;
    participant->version = 1;
    /* Rows borrow until the commit; the caller's struct need not live as long. */
    struct vs_participant *kept = vs_arena_make(job->arena, struct vs_participant);
    if (kept == NULL)
        return vs_fail_memory(err);
    *kept = *participant;
    struct vs_stage *stage;
    struct vs_value *row;
    VS_TRY(vs_stage_new(job, &stage, err));
    for (size_t i = 0; i < kept->n_identifiers; i++)
        VS_TRY(
            stage_identifier(relay, stage, job->arena, kept->identifiers[i], &kept->id, err));
    VS_TRY(fill_row(stage, job->arena, kept, &row, err));
    VS_TRY(vs_events_stage(relay, stage, job->arena, kept, now, err));
    vs_stage_after(stage, participant_added, kept);
    return vs_stage_op(stage, vs_op_insert(VS_T_PARTICIPANT, row), err);
}

static bool has_identifier(const struct vs_participant *p, const char *identifier)
{
    for (size_t i = 0; i < p->n_identifiers; i++)
        if (strcmp(p->identifiers[i], identifier) == 0)
            return true;
    return false;
}

static void callers_changed(struct vs_relay *relay, void *context)
{
    const struct vs_participant *p = context;
    vs_events_watch(relay, p->id, p->events_endpoint != NULL);
    vs_party_cache_forget(relay->parties);
    vs_callers_forget(relay);
}

vs_rc vs_participant_change_stage(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                                  const struct vs_participant *participant,
                                  struct vs_error *err)
{
    struct vs_participant *p = vs_arena_make(job->arena, struct vs_participant);
    if (p == NULL)
        return vs_fail_memory(err);
    *p = *participant;
    VS_TRY(check(job->arena, p, err));
    const struct vs_participant *old;
    VS_TRY(vs_participant_get(relay, job->arena, p->id, &old, err));
    if (old == NULL)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "there is no such participant");
    if (old->version != p->version)
        return vs_fail(err, VS_E_CONFLICT, NULL, "it has version %lld now",
                       (long long)old->version);
    p->created = old->created;
    struct vs_stage *stage;
    struct vs_value *row;
    VS_TRY(vs_stage_new(job, &stage, err));
    for (size_t i = 0; i < old->n_identifiers; i++) {
        if (has_identifier(p, old->identifiers[i]))
            continue;
        struct vs_value *key = vs_stage_row(stage, VS_T_IDENTIFIER);
        if (key == NULL)
            return vs_fail_memory(err);
        key[VS_IDENTIFIER_IDENTIFIER] = vs_text(old->identifiers[i]);
        VS_TRY(vs_stage_op(stage, vs_op_delete(VS_T_IDENTIFIER, key, VS_ANY_VERSION), err));
    }
    for (size_t i = 0; i < p->n_identifiers; i++)
        if (!has_identifier(old, p->identifiers[i]))
            VS_TRY(stage_identifier(relay, stage, job->arena, p->identifiers[i], &p->id, err));
    VS_TRY(fill_row(stage, job->arena, p, &row, err));
    struct vs_op op = vs_op_put(VS_T_PARTICIPANT, row);
    op.if_version = p->version;
    VS_TRY(vs_stage_op(stage, op, err));
    VS_TRY(vs_events_stage(relay, stage, job->arena, p, now, err));
    vs_stage_after(stage, callers_changed, p);
    return VS_OK;
}
