/* The register of certificates, for officers of the centre (Art. 10-18); reading it also for
 * the operator and the supervising authority. */
#include "relay/centre/centre.h"
#include "gateway/call.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/views.h"

/* -- views --------------------------------------------------------------------------------- */

static const char *const REQUESTERS[] = {"holder", "authority", "centre"};

static void view_entry(struct vs_json *json, const char *name,
                       const struct vs_register_entry *entry)
{
    bool revoked = entry->state == VS_CERTIFICATE_REVOKED;
    vs_json_object(json, name);
    vs_json_string(json, "serial", entry->serial);
    vs_json_string(json, "profile", entry->profile);
    vs_json_string(json, "subject", entry->subject);
    vs_json_string(json, "identifier", entry->identifier);
    vs_json_time(json, "not_before", entry->not_before);
    vs_json_time(json, "not_after", entry->not_after);
    vs_json_time(json, "entered", entry->created);
    vs_json_string(json, "state", vs_certificate_state_text(entry->state));
    vs_json_string(json, "reason", revoked ? vs_revocation_reason_text(entry->reason) : NULL);
    vs_json_time(json, "since", entry->since);
    vs_json_time(json, "until", entry->until);
    vs_json_end_object(json);
}

static void view_event(struct vs_json *json, const struct vs_register_event *event)
{
    vs_json_object(json, NULL);
    vs_json_time(json, "time", event->time);
    vs_json_string(json, "event", event->kind);
    vs_json_string(json, "requester", REQUESTERS[event->requester]);
    vs_json_string(json, "reason",
                   event->reason < 0 ? NULL : vs_revocation_reason_text(event->reason));
    vs_json_string(json, "ground", event->ground);
    vs_json_string(json, "officer", event->officer);
    vs_json_time(json, "until", event->until);
    vs_json_base64(json, "statement", event->statement);
    vs_json_base64(json, "time_mark", event->mark);
    vs_json_end_object(json);
}

/* -- issuing ------------------------------------------------------------------------------- */

struct holder_input {
    const char *kind, *common_name, *surname, *given_name, *pseudonym, *title, *email;
    const char *organisation, *organisation_identifier, *person_identifier;
    const char *request, *passphrase;
    int64_t days;
};
#define AT(member) offsetof(struct holder_input, member)
static const struct vs_json_member HOLDER[] = {
    {"kind", VS_JSON_TEXT, AT(kind), true, 32},
    {"common_name", VS_JSON_TEXT, AT(common_name), true, 200},
    {"surname", VS_JSON_TEXT, AT(surname), false, 200},
    {"given_name", VS_JSON_TEXT, AT(given_name), false, 200},
    {"pseudonym", VS_JSON_TEXT, AT(pseudonym), false, 128},
    {"title", VS_JSON_TEXT, AT(title), false, 128},
    {"email", VS_JSON_TEXT, AT(email), false, 255},
    {"organisation", VS_JSON_TEXT, AT(organisation), false, 200},
    {"organisation_identifier", VS_JSON_TEXT, AT(organisation_identifier), false, 128},
    {"person_identifier", VS_JSON_TEXT, AT(person_identifier), false, 128},
    {"days", VS_JSON_NUMBER, AT(days), false, 1825},
    {"request", VS_JSON_LINES, AT(request), false, 64 << 10},
    {"passphrase", VS_JSON_TEXT, AT(passphrase), false, 1024},
};
#undef AT

static vs_rc read_kind(const char *text, enum vs_holder_kind *ret, struct vs_error *err)
{
    static const char *const kinds[] = {"person", "organisation", "client"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (vs_text_equal(text, kinds[i])) {
            *ret = (enum vs_holder_kind)i;
            return VS_OK;
        }
    return vs_fail(err, VS_E_PARAMETER, NULL, "kind: person, organisation or client");
}

/* What lies between the first BEGIN and END lines (RFC 7468, 7). */
static vs_rc read_pem(struct vs_arena *arena, const char *pem, struct vs_bytes *ret,
                      struct vs_error *err)
{
    const char *begin = strstr(pem, "CERTIFICATE REQUEST-----");
    const char *body = begin == NULL ? NULL : begin + strlen("CERTIFICATE REQUEST-----");
    const char *end = body == NULL ? NULL : strstr(body, "-----END ");
    if (end == NULL)
        return vs_fail(err, VS_E_PARAMETER, "RFC 7468, 7",
                       "request: no CERTIFICATE REQUEST in PEM");
    struct vs_error why;
    if (!vs_ok(vs_base64_decode(arena, VS_BYTES(body, (size_t)(end - body)), ret, &why)))
        return vs_fail(err, VS_E_PARAMETER, "RFC 7468, 7", "request: %s", why.text);
    return VS_OK;
}

static vs_rc check_identifier(struct vs_arena *arena, const char **identifier,
                              struct vs_error *err)
{
    return *identifier == NULL ? VS_OK
                               : vs_identifier_check(arena, *identifier, identifier, err);
}

/* A participant's name is known here: who names only its identifier gets both. */
static vs_rc add_organisation(struct vs_relay *relay, struct vs_arena *arena,
                              struct vs_holder *holder, struct vs_error *err)
{
    const struct vs_participant *participant = NULL;
    if (holder->organisation != NULL || holder->organisation_identifier == NULL)
        return VS_OK;
    VS_TRY(
        vs_participant_find(relay, arena, holder->organisation_identifier, &participant, err));
    if (participant != NULL)
        holder->organisation = participant->name;
    return VS_OK;
}

static vs_rc read_holder(struct vs_request *request, struct vs_holder *ret,
                         struct vs_error *err)
{
    struct vs_arena *arena = vs_request_arena(request);
    struct holder_input in = {.kind = NULL};
    VS_TRY(vs_json_read(vs_request_body(request), HOLDER, sizeof HOLDER / sizeof HOLDER[0], &in,
                        arena, err));
    *ret = (struct vs_holder){
        .common_name = in.common_name,
        .surname = in.surname,
        .given_name = in.given_name,
        .pseudonym = in.pseudonym,
        .title = in.title,
        .email = in.email,
        .organisation = in.organisation,
        .organisation_identifier = in.organisation_identifier,
        .person_identifier = in.person_identifier,
        .days = in.days,
        .passphrase = vs_bytes_text(in.passphrase),
    };
    VS_TRY(read_kind(in.kind, &ret->kind, err));
    VS_TRY(check_identifier(arena, &ret->organisation_identifier, err));
    VS_TRY(add_organisation(vs_relay_of(request), arena, ret, err));
    VS_TRY(check_identifier(arena, &ret->person_identifier, err));
    return in.request == NULL ? VS_OK : read_pem(arena, in.request, &ret->request, err);
}

static vs_rc run_issue(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                       vs_time_ms now, struct vs_error *err)
{
    struct vs_holder holder;
    struct vs_issued issued;
    const struct vs_register_entry *entry;
    struct vs_centre *centre = vs_relay_centre(relay);
    VS_TRY(read_holder(request, &holder, err));
    VS_TRY(vs_centre_issue(centre, job->arena, &holder, vs_caller_of(request)->name, now,
                           &issued, err));
    VS_TRY(vs_centre_entry(centre, job->arena, issued.serial, now, &entry, err));
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    view_entry(&json, "entry", entry);
    vs_json_base64(&json, "certificate", issued.certificate);
    vs_json_base64(&json, "pkcs12", issued.pkcs12);
    vs_json_end_object(&json);
    return vs_respond_json(request, 201, &json, err);
}

vs_rc vs_rest_certificate_issue(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_issue, NULL, err);
}

/* -- reading ------------------------------------------------------------------------------- */

static vs_rc run_list(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                      vs_time_ms now, struct vs_error *err)
{
    uint64_t limit;
    const struct vs_register_entry *entries;
    size_t n;
    VS_TRY(vs_request_query_number(request, "limit", 1, 1000, 100, &limit, err));
    VS_TRY(vs_centre_list(vs_relay_centre(relay), job->arena,
                          vs_request_query(request, "after"), (size_t)limit, now, &entries, &n,
                          err));
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_json_array(&json, "items");
    for (size_t i = 0; i < n; i++)
        view_entry(&json, NULL, &entries[i]);
    vs_json_end_array(&json);
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_certificate_list(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "after limit", err));
    return vs_call(request, run_list, NULL, err);
}

static vs_rc respond_entry(struct vs_relay *relay, struct vs_arena *arena,
                           struct vs_request *request, vs_time_ms now, struct vs_error *err)
{
    const char *serial = vs_request_param(request, "serial");
    const struct vs_register_entry *entry;
    const struct vs_register_event *events;
    size_t n;
    VS_TRY(vs_centre_entry(vs_relay_centre(relay), arena, serial, now, &entry, err));
    VS_TRY(vs_centre_history(vs_relay_centre(relay), arena, serial, &events, &n, err));
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    view_entry(&json, "entry", entry);
    vs_json_base64(&json, "certificate", entry->certificate);
    vs_json_array(&json, "history");
    for (size_t i = 0; i < n; i++)
        view_event(&json, &events[i]);
    vs_json_end_array(&json);
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}

static vs_rc run_get(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                     vs_time_ms now, struct vs_error *err)
{
    return respond_entry(relay, job->arena, request, now, err);
}

vs_rc vs_rest_certificate_get(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_get, NULL, err);
}

/* -- suspending, restoring, revoking ------------------------------------------------------- */

struct change_input {
    const char *state, *requester, *reason, *ground, *statement;
    vs_time_ms until;
};
#define AT(member) offsetof(struct change_input, member)
static const struct vs_json_member CHANGE[] = {
    {"state", VS_JSON_TEXT, AT(state), true, 32},
    {"requester", VS_JSON_TEXT, AT(requester), true, 32},
    {"reason", VS_JSON_TEXT, AT(reason), false, 64},
    {"ground", VS_JSON_TEXT, AT(ground), true, 1000},
    {"until", VS_JSON_TIME, AT(until), false, 0},
    {"statement", VS_JSON_LINES, AT(statement), false, 192 << 10},
};
#undef AT

static vs_rc read_words(const struct change_input *in, struct vs_state_change *ret,
                        struct vs_error *err)
{
    int state = -1, requester = -1, reason = -1;
    for (int i = VS_CERTIFICATE_VALID; i <= VS_CERTIFICATE_REVOKED; i++)
        if (vs_text_equal(in->state, vs_certificate_state_text((enum vs_certificate_state)i)))
            state = i;
    for (int i = VS_BY_HOLDER; i <= VS_BY_CENTRE; i++)
        if (vs_text_equal(in->requester, REQUESTERS[i]))
            requester = i;
    for (int i = VS_REASON_UNSPECIFIED; i <= VS_REASON_AA_COMPROMISE; i++)
        if (reason < 0 && vs_text_equal(in->reason, vs_revocation_reason_text(i)))
            reason = i;
    VS_REFUSE_IF(state < 0, err, VS_E_PARAMETER, NULL, "state: valid, suspended or revoked");
    VS_REFUSE_IF(requester < 0, err, VS_E_PARAMETER, "Art. 13.1",
                 "requester: holder, authority or centre");
    VS_REFUSE_IF(reason < 0, err, VS_E_PARAMETER, "RFC 5280, 5.3.1",
                 "reason: keyCompromise, superseded, cessationOfOperation ...");
    ret->to = (enum vs_certificate_state)state;
    ret->requester = (enum vs_requester)requester;
    ret->reason = reason;
    return VS_OK;
}

static vs_rc run_change(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                        vs_time_ms now, struct vs_error *err)
{
    struct change_input in = {.reason = "unspecified", .until = VS_TIME_NONE};
    VS_TRY(vs_json_read(vs_request_body(request), CHANGE, sizeof CHANGE / sizeof CHANGE[0], &in,
                        job->arena, err));
    struct vs_state_change change = {
        .ground = in.ground, .until = in.until, .officer = vs_caller_of(request)->name};
    VS_TRY(read_words(&in, &change, err));
    struct vs_error why;
    if (in.statement != NULL && !vs_ok(vs_base64_decode(job->arena, vs_bytes_text(in.statement),
                                                        &change.statement, &why)))
        return vs_fail(err, VS_E_PARAMETER, "Art. 13.5", "statement: %s", why.text);
    VS_TRY(vs_centre_change(vs_relay_centre(relay), vs_request_param(request, "serial"),
                            &change, now, err));
    return respond_entry(relay, job->arena, request, now, err);
}

vs_rc vs_rest_certificate_change(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_change, NULL, err);
}
