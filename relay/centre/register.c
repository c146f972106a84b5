#include "relay/centre/centre_priv.h"

#define STATEMENT_MAX ((size_t)1024 * 1024)
#define DOUBT_MAX_MS  (48 * VS_HOUR_MS) /* Art. 13.2 */

/* -- rows --------------------------------------------------------------------------------- */

static struct vs_value time_or_null(vs_time_ms t)
{
    return t == VS_TIME_NONE ? vs_null() : vs_int(t);
}

static vs_time_ms time_of(const struct vs_value *value)
{
    return value->type == VS_INT ? value->integer : VS_TIME_NONE;
}

static const char *text_of(struct vs_arena *arena, const struct vs_value *value)
{
    return value->type != VS_TEXT
               ? NULL
               : vs_arena_strndup(arena, (const char *)value->bytes.ptr, value->bytes.len);
}

vs_rc vs_centre_row(struct vs_centre *centre, struct vs_arena *arena, struct vs_bytes serial,
                    const struct vs_row **ret, struct vs_error *err)
{
    struct vs_value key = vs_blob(serial);
    return vs_store_get(centre->store, arena, VS_T_CERTIFICATE, &key, ret, err);
}

enum vs_certificate_state vs_centre_state(const struct vs_row *row, vs_time_ms now)
{
    enum vs_certificate_state state =
        (enum vs_certificate_state)row->values[VS_CERTIFICATE_STATE].integer;
    const struct vs_value *until = &row->values[VS_CERTIFICATE_UNTIL];
    if (state == VS_CERTIFICATE_SUSPENDED && until->type == VS_INT && until->integer <= now)
        return VS_CERTIFICATE_VALID;
    return state;
}

/* By text (hex), as callers name it. */
static vs_rc find(struct vs_centre *centre, struct vs_arena *arena, const char *serial,
                  const struct vs_row **ret, struct vs_error *err)
{
    uint8_t octets[20];
    size_t len = strlen(serial) / 2;
    *ret = NULL;
    if (len > 0 && len <= sizeof octets && vs_hex_decode(serial, octets, len))
        VS_TRY(vs_centre_row(centre, arena, VS_BYTES(octets, len), ret, err));
    if (*ret == NULL)
        return vs_fail(err, VS_E_NOT_FOUND, "Art. 15", "no certificate of this serial number");
    return VS_OK;
}

/* -- events ------------------------------------------------------------------------------- */

void vs_register_event_digest(const char *serial, const struct vs_register_event *event,
                              struct vs_digest *ret)
{
    uint8_t statement[32];
    char hex[65];
    vs_sha256(event->statement, statement);
    vs_hex(VS_BYTES(statement, sizeof statement), hex);
    VS_BUFFER text;
    vs_buffer_init(&text, STATEMENT_MAX);
    vs_buffer_printf(&text, "vasite register event 1\n%s\n%s\n%lld\n%d\n%d\n%lld\n%s\n", serial,
                     event->kind, (long long)event->time, (int)event->requester, event->reason,
                     (long long)event->until, hex);
    vs_buffer_printf(&text, "%zu %s\n%zu %s\n",
                     event->ground == NULL ? 0 : strlen(event->ground),
                     event->ground == NULL ? "" : event->ground,
                     event->officer == NULL ? 0 : strlen(event->officer),
                     event->officer == NULL ? "" : event->officer);
    vs_digest_of(VS_SHA256, vs_buffer_view(&text), ret);
}

/* Art. 18: a loss must be reported within three hours, so when we entered it must be provable:
 * a time mark of our own authority, where there is one yet. */
static vs_rc mark_event(struct vs_centre *centre, const char *serial,
                        struct vs_register_event *event, struct vs_arena *arena,
                        struct vs_error *err)
{
    if (atomic_load(&centre->marker) == NULL)
        return VS_OK;
    struct vs_timestamp_request request = {.cert_req = true};
    vs_register_event_digest(serial, event, &request.imprint);
    VS_BUFFER query, response;
    vs_buffer_init(&query, 1024);
    vs_buffer_init(&response, VS_TIMESTAMP_MAX_BYTES);
    vs_timestamp_request_encode(&request, &query);
    VS_TRY(vs_centre_tsa(centre, vs_buffer_view(&query), &response, err));
    struct vs_timestamp_response decoded;
    VS_TRY(vs_timestamp_response_decode(vs_buffer_view(&response), &decoded, err));
    event->mark = vs_bytes_copy(arena, decoded.token);
    return VS_OK;
}

static void event_row(struct vs_bytes serial, int64_t number,
                      const struct vs_register_event *event,
                      struct vs_value row[VS_CERTIFICATE_EVENT_COLUMNS])
{
    row[VS_CERTIFICATE_EVENT_SERIAL] = vs_blob(serial);
    row[VS_CERTIFICATE_EVENT_NUMBER] = vs_int(number);
    row[VS_CERTIFICATE_EVENT_TIME] = vs_int(event->time);
    row[VS_CERTIFICATE_EVENT_KIND] = vs_text(event->kind);
    row[VS_CERTIFICATE_EVENT_REQUESTER] = vs_int((int64_t)event->requester);
    row[VS_CERTIFICATE_EVENT_REASON] = event->reason < 0 ? vs_null() : vs_int(event->reason);
    row[VS_CERTIFICATE_EVENT_GROUND] = vs_text(event->ground);
    row[VS_CERTIFICATE_EVENT_OFFICER] = vs_text(event->officer);
    row[VS_CERTIFICATE_EVENT_UNTIL] = time_or_null(event->until);
    row[VS_CERTIFICATE_EVENT_STATEMENT] =
        event->statement.len > 0 ? vs_blob(event->statement) : vs_null();
    row[VS_CERTIFICATE_EVENT_MARK] = event->mark.len > 0 ? vs_blob(event->mark) : vs_null();
}

static vs_rc commit(struct vs_centre *centre, const struct vs_op *ops, size_t n,
                    struct vs_error *err)
{
    struct vs_item item = {.ops = ops, .n_ops = n};
    VS_TRY(vs_store_commit(centre->store, &item, 1, err));
    if (item.outcome == VS_ITEM_CORRUPT)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a row of the register is damaged");
    if (item.outcome != VS_ITEM_DONE)
        return vs_fail(err, VS_E_CONFLICT, NULL, "the register has changed meanwhile");
    return VS_OK;
}

vs_rc vs_centre_enter(struct vs_centre *centre, const struct entry *entry, const char *officer,
                      vs_time_ms now, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new((size_t)512 * 1024);
    if (arena == NULL)
        return vs_fail_memory(err);
    uint8_t digest[32];
    vs_sha256(entry->der, digest);
    struct vs_value row[VS_CERTIFICATE_COLUMNS] = {
        [VS_CERTIFICATE_SERIAL] = vs_blob(entry->serial),
        [VS_CERTIFICATE_ISSUER] = vs_text(entry->issuer),
        [VS_CERTIFICATE_PROFILE] = vs_text(entry->profile),
        [VS_CERTIFICATE_SUBJECT] = vs_text(entry->subject),
        [VS_CERTIFICATE_NOT_BEFORE] = vs_int(entry->not_before),
        [VS_CERTIFICATE_NOT_AFTER] = vs_int(entry->not_after),
        [VS_CERTIFICATE_CREATED] = vs_int(now),
        [VS_CERTIFICATE_STATE] = vs_int(VS_CERTIFICATE_VALID),
        [VS_CERTIFICATE_DER] = vs_blob(entry->der),
        [VS_CERTIFICATE_IDENTIFIER] = vs_text(entry->identifier),
        [VS_CERTIFICATE_DIGEST] =
            entry->client ? vs_blob(VS_BYTES(digest, sizeof digest)) : vs_null(),
    };
    struct vs_register_event event = {.time = now,
                                      .kind = "issued",
                                      .requester = VS_BY_CENTRE,
                                      .reason = -1,
                                      .officer = officer,
                                      .until = VS_TIME_NONE};
    char *serial = vs_hex_new(arena, entry->serial);
    if (serial == NULL)
        return vs_fail_memory(err);
    VS_TRY(mark_event(centre, serial, &event, arena, err));
    struct vs_value event_values[VS_CERTIFICATE_EVENT_COLUMNS];
    event_row(entry->serial, 1, &event, event_values);
    struct vs_op ops[] = {vs_op_insert(VS_T_CERTIFICATE, row),
                          vs_op_insert(VS_T_CERTIFICATE_EVENT, event_values)};
    return commit(centre, ops, 2, err);
}

/* -- changes of state
 * ----------------------------------------------------------------------------
 */

const char *vs_certificate_state_text(enum vs_certificate_state state)
{
    static const char *const texts[] = {"valid", "suspended", "revoked"};
    VS_ASSERT((size_t)state < sizeof texts / sizeof texts[0]);
    return texts[state];
}

static vs_rc change_fields_check(const struct vs_state_change *change, vs_time_ms now,
                                 struct vs_error *err)
{
    VS_REFUSE_IF(change->ground == NULL || change->ground[0] == '\0' ||
                     strlen(change->ground) > 1000 ||
                     vs_text_has_controls(vs_bytes_text(change->ground)),
                 err, VS_E_PARAMETER, "Art. 13.5", "ground: the reason is required, one line");
    VS_REFUSE_IF(change->statement.len > STATEMENT_MAX, err, VS_E_PARAMETER, "Art. 13.5",
                 "statement: larger than 1 MiB");
    bool timed = change->to == VS_CERTIFICATE_SUSPENDED && change->until != VS_TIME_NONE;
    VS_REFUSE_IF(timed && change->until <= now, err, VS_E_PARAMETER, "Art. 13",
                 "until: lies in the past");
    VS_REFUSE_IF(timed && change->requester == VS_BY_CENTRE &&
                     change->until > now + DOUBT_MAX_MS,
                 err, VS_E_PARAMETER, "Art. 13.2",
                 "until: the centre's own doubt suspends for 48 hours at most");
    bool sound_reason = change->reason >= VS_REASON_UNSPECIFIED &&
                        change->reason <= VS_REASON_AA_COMPROMISE && change->reason != 7 &&
                        change->reason != VS_REASON_CERTIFICATE_HOLD &&
                        change->reason != VS_REASON_REMOVE_FROM_CRL;
    VS_REFUSE_IF(change->to == VS_CERTIFICATE_REVOKED && !sound_reason, err, VS_E_PARAMETER,
                 "RFC 5280, 5.3.1", "reason: none of a revocation");
    return VS_OK;
}

/* Art. 13.3, 14: which state may follow which, and who may restore. */
static vs_rc change_state_check(const struct vs_row *row, const struct vs_state_change *change,
                                vs_time_ms now, struct vs_error *err)
{
    enum vs_certificate_state state = vs_centre_state(row, now);
    VS_REFUSE_IF(state == VS_CERTIFICATE_REVOKED, err, VS_E_STATE, "Art. 14",
                 "the certificate is revoked, and that is final");
    VS_REFUSE_IF(change->to == state, err, VS_E_STATE, "Art. 13",
                 "the certificate is %s already", vs_certificate_state_text(state));
    const struct vs_value *asked = &row->values[VS_CERTIFICATE_REQUESTER];
    VS_REFUSE_IF(change->to == VS_CERTIFICATE_VALID && asked->type == VS_INT &&
                     asked->integer != (int64_t)change->requester,
                 err, VS_E_STATE, "Art. 13.3",
                 "only the one who asked for the suspension may ask to end it");
    return VS_OK;
}

/* The newest number of the certificate's events. */
static vs_rc last_event(struct vs_centre *centre, struct vs_arena *arena,
                        struct vs_bytes serial, int64_t *ret, struct vs_error *err)
{
    struct vs_value equal = vs_blob(serial);
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(centre->store, arena,
                           &(struct vs_query){.table = VS_T_CERTIFICATE_EVENT,
                                              .equal = &equal,
                                              .n_equal = 1,
                                              .descending = true,
                                              .limit = 1},
                           &rows, &n, err));
    *ret = n == 0 ? 0 : rows[0].values[VS_CERTIFICATE_EVENT_NUMBER].integer;
    return VS_OK;
}

/* The columns of a certificate's row that a change sets. */
static uint64_t changed_columns(const struct vs_row *row, const struct vs_state_change *change,
                                vs_time_ms until, vs_time_ms now,
                                struct vs_value to[VS_CERTIFICATE_COLUMNS])
{
    bool suspended = change->to == VS_CERTIFICATE_SUSPENDED;
    bool revoked = change->to == VS_CERTIFICATE_REVOKED;
    to[VS_CERTIFICATE_SERIAL] = row->values[VS_CERTIFICATE_SERIAL];
    to[VS_CERTIFICATE_STATE] = vs_int(change->to);
    to[VS_CERTIFICATE_REASON] = revoked ? vs_int(change->reason) : vs_null();
    to[VS_CERTIFICATE_SINCE] = vs_int(now);
    to[VS_CERTIFICATE_UNTIL] = suspended ? time_or_null(until) : vs_null();
    to[VS_CERTIFICATE_REQUESTER] = suspended ? vs_int(change->requester) : vs_null();
    to[VS_CERTIFICATE_LISTED] =
        suspended || revoked ? row->values[VS_CERTIFICATE_ISSUER] : vs_null();
    return VS_SET(VS_CERTIFICATE_STATE) | VS_SET(VS_CERTIFICATE_REASON) |
           VS_SET(VS_CERTIFICATE_SINCE) | VS_SET(VS_CERTIFICATE_UNTIL) |
           VS_SET(VS_CERTIFICATE_REQUESTER) | VS_SET(VS_CERTIFICATE_LISTED);
}

/* One change, in one item: row and event (centre rule 2). */
static vs_rc enter_change(struct vs_centre *centre, struct vs_arena *arena,
                          const struct vs_row *row, const struct vs_state_change *change,
                          vs_time_ms now, struct vs_error *err)
{
    static const char *const kinds[] = {"restored", "suspended", "revoked"};
    bool doubt = change->to == VS_CERTIFICATE_SUSPENDED && change->requester == VS_BY_CENTRE;
    bool open_end = change->until == VS_TIME_NONE;
    struct vs_register_event event = {
        .time = now,
        .kind = kinds[change->to],
        .requester = change->requester,
        .reason = change->to == VS_CERTIFICATE_REVOKED ? change->reason : -1,
        .ground = change->ground,
        .officer = change->officer,
        .until = doubt && open_end ? now + DOUBT_MAX_MS : change->until,
        .statement = change->statement,
    };
    struct vs_bytes serial = row->values[VS_CERTIFICATE_SERIAL].bytes;
    int64_t number;
    VS_TRY(last_event(centre, arena, serial, &number, err));
    char *hex = vs_hex_new(arena, serial);
    if (hex == NULL)
        return vs_fail_memory(err);
    VS_TRY(mark_event(centre, hex, &event, arena, err));
    struct vs_value event_values[VS_CERTIFICATE_EVENT_COLUMNS];
    struct vs_value values[VS_CERTIFICATE_COLUMNS] = {{.type = VS_NULL}};
    event_row(serial, number + 1, &event, event_values);
    uint64_t set = changed_columns(row, change, event.until, now, values);
    struct vs_op ops[] = {vs_op_update(VS_T_CERTIFICATE, values, set, row->version),
                          vs_op_insert(VS_T_CERTIFICATE_EVENT, event_values)};
    VS_TRY(commit(centre, ops, 2, err));
    if (centre->settings.changed != NULL)
        centre->settings.changed(centre->settings.changed_context);
    return VS_OK;
}

static enum authority issuer_of(const struct vs_row *row)
{
    return vs_bytes_is(row->values[VS_CERTIFICATE_ISSUER].bytes, authority_name(ROOT)) ? ROOT
                                                                                       : CA;
}

static vs_rc change_locked(struct vs_centre *centre, const char *serial,
                           const struct vs_state_change *change, vs_time_ms now,
                           struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new((size_t)4 * 1024 * 1024);
    if (arena == NULL)
        return vs_fail_memory(err);
    const struct vs_row *row;
    VS_TRY(find(centre, arena, serial, &row, err));
    VS_TRY(change_state_check(row, change, now, err));
    VS_TRY(enter_change(centre, arena, row, change, now, err));
    return vs_centre_make_list(centre, issuer_of(row), now, err);
}

vs_rc vs_centre_change(struct vs_centre *centre, const char *serial,
                       const struct vs_state_change *change, vs_time_ms now,
                       struct vs_error *err)
{
    VS_TRY(change_fields_check(change, now, err));
    pthread_mutex_lock(&centre->change_lock);
    vs_rc rc = change_locked(centre, serial, change, now, err);
    pthread_mutex_unlock(&centre->change_lock);
    return rc;
}

/* -- suspensions that end ----------------------------------------------------------------- */

static vs_rc restore_due(struct vs_centre *centre, vs_time_ms now, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new((size_t)16 * 1024 * 1024);
    if (arena == NULL)
        return vs_fail_memory(err);
    /* Ascending from the first term there is: the index is sparse. */
    struct vs_value low = vs_int(INT64_MIN), high = vs_int(now);
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(centre->store, arena,
                           &(struct vs_query){.table = VS_T_CERTIFICATE,
                                              .index = VS_CERTIFICATE_BY_UNTIL,
                                              .low = &low,
                                              .high = &high,
                                              .limit = 100},
                           &rows, &n, err));
    for (size_t i = 0; i < n; i++) {
        struct vs_state_change change = {.to = VS_CERTIFICATE_VALID,
                                         .requester = VS_BY_CENTRE,
                                         .ground = "the suspension's term has ended (Art. 13)",
                                         .until = VS_TIME_NONE};
        VS_TRY(enter_change(centre, arena, &rows[i], &change, now, err));
        VS_TRY(vs_centre_make_list(centre, issuer_of(&rows[i]), now, err));
    }
    return VS_OK;
}

static bool list_is_due(struct vs_centre *centre, enum authority a, vs_time_ms now)
{
    pthread_mutex_lock(&centre->lists_lock);
    const struct list *list = &centre->lists[a];
    bool due = list->der == NULL || list->stale || now < list->this_update ||
               now >= list->this_update + (list->next_update - list->this_update) / 2;
    pthread_mutex_unlock(&centre->lists_lock);
    return due;
}

vs_rc vs_centre_step(struct vs_centre *centre, vs_time_ms now, struct vs_error *err)
{
    pthread_mutex_lock(&centre->change_lock);
    vs_rc rc = restore_due(centre, now, err);
    for (enum authority a = ROOT; vs_ok(rc) && a < AUTHORITIES; a++)
        if (list_is_due(centre, a, now))
            rc = vs_centre_make_list(centre, a, now, err);
    if (vs_ok(rc))
        rc = vs_centre_renew(centre, now, err);
    pthread_mutex_unlock(&centre->change_lock);
    return rc;
}

/* -- reading ------------------------------------------------------------------------------ */

static vs_rc entry_of(struct vs_arena *arena, const struct vs_row *row, vs_time_ms now,
                      struct vs_register_entry *ret, struct vs_error *err)
{
    const struct vs_value *v = row->values;
    enum vs_certificate_state state = vs_centre_state(row, now);
    *ret = (struct vs_register_entry){
        .serial = vs_hex_new(arena, v[VS_CERTIFICATE_SERIAL].bytes),
        .subject = text_of(arena, &v[VS_CERTIFICATE_SUBJECT]),
        .profile = text_of(arena, &v[VS_CERTIFICATE_PROFILE]),
        .identifier = text_of(arena, &v[VS_CERTIFICATE_IDENTIFIER]),
        .not_before = v[VS_CERTIFICATE_NOT_BEFORE].integer,
        .not_after = v[VS_CERTIFICATE_NOT_AFTER].integer,
        .created = v[VS_CERTIFICATE_CREATED].integer,
        .state = state,
        .reason = (int)(state == VS_CERTIFICATE_REVOKED ? v[VS_CERTIFICATE_REASON].integer : 0),
        .since = time_of(&v[VS_CERTIFICATE_SINCE]),
        .until = state == VS_CERTIFICATE_SUSPENDED ? time_of(&v[VS_CERTIFICATE_UNTIL])
                                                   : VS_TIME_NONE,
        .certificate = v[VS_CERTIFICATE_DER].bytes,
    };
    bool complete = ret->serial != NULL && ret->subject != NULL && ret->profile != NULL;
    return complete ? VS_OK : vs_fail_memory(err);
}

vs_rc vs_centre_entry(struct vs_centre *centre, struct vs_arena *arena, const char *serial,
                      vs_time_ms now, const struct vs_register_entry **ret,
                      struct vs_error *err)
{
    const struct vs_row *row;
    VS_TRY(find(centre, arena, serial, &row, err));
    struct vs_register_entry *entry = vs_arena_make(arena, struct vs_register_entry);
    if (entry == NULL)
        return vs_fail_memory(err);
    VS_TRY(entry_of(arena, row, now, entry, err));
    *ret = entry;
    return VS_OK;
}

vs_rc vs_centre_refuses(struct vs_centre *centre, const uint8_t sha256[32], vs_time_ms now,
                        bool *ret, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new((size_t)256 * 1024);
    if (arena == NULL)
        return vs_fail_memory(err);
    struct vs_value digest = vs_blob(VS_BYTES(sha256, 32));
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(centre->store, arena,
                           &(struct vs_query){.table = VS_T_CERTIFICATE,
                                              .index = VS_CERTIFICATE_BY_DIGEST,
                                              .equal = &digest,
                                              .n_equal = 1,
                                              .limit = 1},
                           &rows, &n, err));
    *ret = n > 0 && vs_centre_state(&rows[0], now) != VS_CERTIFICATE_VALID;
    return VS_OK;
}

vs_rc vs_centre_list(struct vs_centre *centre, struct vs_arena *arena, const char *after,
                     size_t limit, vs_time_ms now, const struct vs_register_entry **ret,
                     size_t *ret_n, struct vs_error *err)
{
    uint8_t octets[20];
    struct vs_value place;
    struct vs_query query = {.table = VS_T_CERTIFICATE, .limit = limit};
    if (after != NULL) {
        size_t len = strlen(after) / 2;
        VS_REFUSE_IF(len == 0 || len > sizeof octets || !vs_hex_decode(after, octets, len), err,
                     VS_E_PARAMETER, NULL, "after: no serial number");
        place = vs_blob(VS_BYTES(octets, len));
        query.after = &place;
        query.n_after = 1;
    }
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(centre->store, arena, &query, &rows, &n, err));
    struct vs_register_entry *entries = vs_arena_make_n(arena, struct vs_register_entry, n + 1);
    if (entries == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        VS_TRY(entry_of(arena, &rows[i], now, &entries[i], err));
    *ret = entries;
    *ret_n = n;
    return VS_OK;
}

vs_rc vs_centre_history(struct vs_centre *centre, struct vs_arena *arena, const char *serial,
                        const struct vs_register_event **ret, size_t *ret_n,
                        struct vs_error *err)
{
    const struct vs_row *row, *rows;
    size_t n;
    VS_TRY(find(centre, arena, serial, &row, err));
    VS_TRY(vs_store_select(centre->store, arena,
                           &(struct vs_query){.table = VS_T_CERTIFICATE_EVENT,
                                              .equal = &row->values[VS_CERTIFICATE_SERIAL],
                                              .n_equal = 1},
                           &rows, &n, err));
    struct vs_register_event *events = vs_arena_make_n(arena, struct vs_register_event, n + 1);
    if (events == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        const struct vs_value *v = rows[i].values;
        const struct vs_value *reason = &v[VS_CERTIFICATE_EVENT_REASON];
        events[i] = (struct vs_register_event){
            .time = v[VS_CERTIFICATE_EVENT_TIME].integer,
            .kind = text_of(arena, &v[VS_CERTIFICATE_EVENT_KIND]),
            .requester = (enum vs_requester)v[VS_CERTIFICATE_EVENT_REQUESTER].integer,
            .reason = reason->type == VS_INT ? (int)reason->integer : -1,
            .ground = text_of(arena, &v[VS_CERTIFICATE_EVENT_GROUND]),
            .officer = text_of(arena, &v[VS_CERTIFICATE_EVENT_OFFICER]),
            .until = time_of(&v[VS_CERTIFICATE_EVENT_UNTIL]),
            .statement = v[VS_CERTIFICATE_EVENT_STATEMENT].bytes,
            .mark = v[VS_CERTIFICATE_EVENT_MARK].bytes,
        };
    }
    *ret = events;
    *ret_n = n;
    return VS_OK;
}
