/* The register against itself: certificates against their rows, states against their history,
 * history against its time marks. */
#include "formats/certificate/identity.h"
#include "formats/timestamp/timestamp.h"
#include "relay/centre/centre_priv.h"

struct run {
    struct vs_centre *centre;
    struct vs_arena *arena; /* of one certificate */
    vs_centre_fault *fault;
    void *context;
    const char *serial; /* of the certificate under examination */
};

static void found(struct run *run, const char *text)
{
    run->fault(run->context, run->serial, text);
}

static bool same_text(const struct vs_value *value, const char *text)
{
    return text != NULL && value->type == VS_TEXT && vs_bytes_is(value->bytes, text);
}

/* -- one certificate ----------------------------------------------------------------------- */

static vs_rc check_signature(struct run *run, const struct vs_row *row,
                             const struct vs_certificate *certificate, struct vs_error *err)
{
    const struct vs_value *issuer = &row->values[VS_CERTIFICATE_ISSUER];
    bool root = same_text(issuer, authority_name(ROOT));
    if (!root && !same_text(issuer, authority_name(CA)))
        found(run, "the row names no authority");
    enum vs_signature_verdict verdict;
    VS_TRY(vs_certificate_verify_signed_by(
        certificate, run->centre->authorities[root ? ROOT : CA], &verdict, err));
    if (verdict != VS_SIGNATURE_VALID)
        found(run, "the certificate is not signed by the authority that the row names");
    return VS_OK;
}

static vs_rc check_certificate(struct run *run, const struct vs_row *row, struct vs_error *err)
{
    const struct vs_value *v = row->values;
    VS_CERTIFICATE *certificate = NULL;
    struct vs_error why;
    if (!vs_ok(vs_certificate_decode(v[VS_CERTIFICATE_DER].bytes, &certificate, &why))) {
        found(run, "the certificate cannot be read");
        return VS_OK;
    }
    if (!vs_bytes_equal(certificate->serial, v[VS_CERTIFICATE_SERIAL].bytes) ||
        certificate->not_before != v[VS_CERTIFICATE_NOT_BEFORE].integer ||
        certificate->not_after != v[VS_CERTIFICATE_NOT_AFTER].integer ||
        !same_text(&v[VS_CERTIFICATE_SUBJECT], vs_name_text(run->arena, certificate->subject)))
        found(run, "the row does not say what its certificate says");
    struct vs_identity identity = vs_identity_of(run->arena, certificate);
    const struct vs_value *holder = &v[VS_CERTIFICATE_IDENTIFIER];
    if (holder->type == VS_TEXT && !same_text(holder, identity.organisation) &&
        !same_text(holder, identity.person))
        found(run, "the row's holder is not its certificate's");
    if (v[VS_CERTIFICATE_DIGEST].type == VS_BLOB &&
        !vs_bytes_equal(v[VS_CERTIFICATE_DIGEST].bytes, VS_BYTES(certificate->sha256, 32)))
        found(run, "the row's digest is not its certificate's");
    return check_signature(run, row, certificate, err);
}

/* -- its history --------------------------------------------------------------------------- */

/* The first certificates are entered before there is an authority that could mark. */
static bool may_lack_mark(const struct vs_row *row, const struct vs_register_event *event)
{
    static const char *const first[] = {"root", "issuing", "tsa"};
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
        if (same_text(&row->values[VS_CERTIFICATE_PROFILE], first[i]))
            return vs_text_equal(event->kind, "issued");
    return false;
}

static vs_rc check_mark(struct run *run, const struct vs_row *row,
                        const struct vs_register_event *event, struct vs_error *err)
{
    if (event->mark.len == 0) {
        if (!may_lack_mark(row, event))
            found(run, "an event has no time mark");
        return VS_OK;
    }
    const struct vs_timestamp *token;
    struct vs_digest digest;
    struct vs_error why;
    vs_register_event_digest(run->serial, event, &digest);
    if (!vs_ok(vs_timestamp_decode(run->arena, event->mark, &token, &why)) ||
        !vs_timestamp_covers(token, &digest)) {
        found(run, "an event is not the one that its time mark covers");
        return VS_OK;
    }
    VS_CERTIFICATE *signer = NULL;
    enum vs_timestamp_verdict verdict = VS_TIMESTAMP_WRONG_CERTIFICATE;
    VS_TRY(vs_timestamp_signer(token, NULL, 0, &signer, err));
    if (signer != NULL)
        VS_TRY(vs_timestamp_verify(token, signer, &verdict, NULL, err));
    if (verdict != VS_TIMESTAMP_OK)
        found(run, "the time mark of an event does not verify");
    return VS_OK;
}

static enum vs_certificate_state state_after(const char *kind)
{
    if (vs_text_equal(kind, "suspended"))
        return VS_CERTIFICATE_SUSPENDED;
    return vs_text_equal(kind, "revoked") ? VS_CERTIFICATE_REVOKED : VS_CERTIFICATE_VALID;
}

static bool is(const struct vs_value *value, vs_time_ms t)
{
    return t == VS_TIME_NONE ? value->type == VS_NULL
                             : value->type == VS_INT && value->integer == t;
}

/* The row is what the last event made of it. */
static void check_state(struct run *run, const struct vs_row *row,
                        const struct vs_register_event *events, size_t n)
{
    const struct vs_value *v = row->values;
    const struct vs_register_event *last = &events[n - 1];
    enum vs_certificate_state state = state_after(last->kind);
    const struct vs_value nothing = vs_null();
    bool suspended = state == VS_CERTIFICATE_SUSPENDED, good = state == VS_CERTIFICATE_VALID;
    bool agrees =
        vs_text_equal(events[0].kind, "issued") &&
        v[VS_CERTIFICATE_CREATED].integer == events[0].time &&
        v[VS_CERTIFICATE_STATE].integer == (int64_t)state &&
        is(&v[VS_CERTIFICATE_SINCE], n == 1 ? VS_TIME_NONE : last->time) &&
        is(&v[VS_CERTIFICATE_REQUESTER],
           suspended ? (vs_time_ms)last->requester : VS_TIME_NONE) &&
        is(&v[VS_CERTIFICATE_UNTIL], suspended ? last->until : VS_TIME_NONE) &&
        vs_value_compare(&v[VS_CERTIFICATE_LISTED],
                         good ? &nothing : &v[VS_CERTIFICATE_ISSUER]) == 0 &&
        (state != VS_CERTIFICATE_REVOKED || v[VS_CERTIFICATE_REASON].integer == last->reason);
    if (!agrees)
        found(run, "the row's state is not what its history says");
}

static vs_rc check_one(struct run *run, const struct vs_row *row, struct vs_error *err)
{
    const struct vs_register_event *events;
    size_t n;
    VS_TRY(check_certificate(run, row, err));
    VS_TRY(vs_centre_history(run->centre, run->arena, run->serial, &events, &n, err));
    if (n == 0) {
        found(run, "the certificate has no history");
        return VS_OK;
    }
    for (size_t i = 0; i < n; i++)
        VS_TRY(check_mark(run, row, &events[i], err));
    check_state(run, row, events, n);
    return VS_OK;
}

/* A damaged row is vs_store_check's finding; here it only hides what would be compared. */
static vs_rc tolerate(struct run *run, vs_rc rc)
{
    if (rc.code != VS_E_CORRUPT && rc.code != VS_E_NOT_FOUND)
        return rc;
    found(run, "a row of its history is damaged");
    return VS_OK;
}

/* -- all ----------------------------------------------------------------------------------- */

static vs_rc check_page(struct run *run, struct vs_query *query, struct vs_arena *page,
                        struct vs_value *after, uint8_t place[20], size_t *ret_n,
                        struct vs_error *err)
{
    const struct vs_row *rows;
    VS_TRY(vs_store_select(run->centre->store, page, query, &rows, ret_n, err));
    for (size_t i = 0; i < *ret_n; i++) {
        struct vs_bytes serial = rows[i].values[VS_CERTIFICATE_SERIAL].bytes;
        if (rows[i].corrupt || serial.len > 20)
            continue;
        vs_arena_reset(run->arena);
        run->serial = vs_hex_new(run->arena, serial);
        if (run->serial == NULL)
            return vs_fail_memory(err);
        VS_TRY(tolerate(run, check_one(run, &rows[i], err)));
        memcpy(place, serial.ptr, serial.len);
        *after = vs_blob(VS_BYTES(place, serial.len));
        query->after = after;
        query->n_after = 1;
    }
    return VS_OK;
}

vs_rc vs_centre_check(struct vs_centre *centre, vs_centre_fault *fault, void *context,
                      struct vs_error *err)
{
    VS_ARENA *page = vs_arena_new((size_t)32 * 1024 * 1024);
    VS_ARENA *arena = vs_arena_new((size_t)128 * 1024 * 1024);
    if (page == NULL || arena == NULL)
        return vs_fail_memory(err);
    struct run run = {.centre = centre, .arena = arena, .fault = fault, .context = context};
    struct vs_query query = {.table = VS_T_CERTIFICATE, .tolerate = true, .limit = 100};
    struct vs_value after;
    uint8_t place[20];
    size_t n;
    do {
        vs_arena_reset(page);
        VS_TRY(check_page(&run, &query, page, &after, place, &n, err));
    } while (n == query.limit);
    return VS_OK;
}
