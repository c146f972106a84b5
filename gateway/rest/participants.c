#include "gateway/call.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/views.h"

struct input {
    struct vs_texts identifiers;
    const char *name, *endpoint, *endpoint_takes, *events_endpoint, *contract, *retention;
    bool public_body, agreed_senders_only;
    vs_time_ms contract_from, contract_until;
    int64_t version;
};
#define AT(member) offsetof(struct input, member)
static const struct vs_json_member MEMBERS[] = {
    {"identifiers", VS_JSON_TEXTS, AT(identifiers), true, VS_IDENTIFIER_MAX},
    {"name", VS_JSON_TEXT, AT(name), true, VS_NAME_MAX},
    {"public_body", VS_JSON_YES_NO, AT(public_body), false, 0},
    {"agreed_senders_only", VS_JSON_YES_NO, AT(agreed_senders_only), false, 0},
    {"endpoint", VS_JSON_TEXT, AT(endpoint), false, 2000},
    {"endpoint_takes", VS_JSON_TEXT, AT(endpoint_takes), false, 16},
    {"events_endpoint", VS_JSON_TEXT, AT(events_endpoint), false, 2000},
    {"contract", VS_JSON_TEXT, AT(contract), false, 200},
    {"contract_from", VS_JSON_TIME, AT(contract_from), false, 0},
    {"contract_until", VS_JSON_TIME, AT(contract_until), false, 0},
    {"retention", VS_JSON_TEXT, AT(retention), false, 64},
    {"version", VS_JSON_NUMBER, AT(version), false, 0},
};

static vs_rc read_input(struct vs_request *request, struct vs_participant *ret,
                        struct vs_error *err)
{
    struct input in = {.contract_from = VS_TIME_NONE, .contract_until = VS_TIME_NONE};
    VS_TRY(vs_json_read(vs_request_body(request), MEMBERS, sizeof MEMBERS / sizeof MEMBERS[0],
                        &in, vs_request_arena(request), err));
    VS_REFUSE_IF(in.identifiers.n == 0 || in.identifiers.n > VS_IDENTIFIERS_MAX, err,
                 VS_E_PARAMETER, NULL, "identifiers: from 1 to %d are wanted",
                 VS_IDENTIFIERS_MAX);
    bool consignment = vs_text_equal(in.endpoint_takes, "consignment");
    VS_REFUSE_IF(in.endpoint_takes != NULL && !consignment &&
                     !vs_text_equal(in.endpoint_takes, "original"),
                 err, VS_E_PARAMETER, NULL, "endpoint_takes: `original` or `consignment`");
    *ret = (struct vs_participant){.n_identifiers = in.identifiers.n,
                                   .name = in.name,
                                   .public_body = in.public_body,
                                   .agreed_senders_only = in.agreed_senders_only,
                                   .endpoint = in.endpoint,
                                   .endpoint_consignment = consignment,
                                   .events_endpoint = in.events_endpoint,
                                   .contract = in.contract,
                                   .contract_from = in.contract_from,
                                   .contract_until = in.contract_until,
                                   .retention = in.retention,
                                   .version = in.version};
    for (size_t i = 0; i < in.identifiers.n; i++)
        VS_TRY(vs_identifier_check(vs_request_arena(request), in.identifiers.items[i],
                                   &ret->identifiers[i], err));
    return VS_OK;
}

/* {id}: an id of ours or an identifier like voen:1234567891. */
vs_rc vs_rest_participant(struct vs_request *request, const char *text,
                          const struct vs_participant **ret, struct vs_error *err)
{
    struct vs_relay *relay = vs_relay_of(request);
    struct vs_arena *arena = vs_request_arena(request);
    struct vs_id id;
    *ret = NULL;
    if (vs_id_decode(text, &id))
        VS_TRY(vs_participant_get(relay, arena, id, ret, err));
    else if (strchr(text, ':') != NULL)
        VS_TRY(vs_participant_find(relay, arena, text, ret, err));
    VS_REFUSE_IF(*ret == NULL, err, VS_E_NOT_FOUND, NULL, "no such participant");
    return VS_OK;
}

static vs_rc answer(struct vs_request *request, int status, const struct vs_participant *p,
                    struct vs_error *err)
{
    VS_JSON json;
    vs_json_init(&json);
    vs_view_participant(&json, NULL, p);
    return vs_respond_json(request, status, &json, err);
}

static vs_rc run_add(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                     vs_time_ms now, struct vs_error *err)
{
    struct vs_participant participant;
    VS_TRY(read_input(request, &participant, err));
    VS_TRY(vs_participant_add_stage(relay, job, now, &participant, err));
    participant.version = 1;
    char id[VS_ID_TEXT];
    vs_id_text(participant.id, id);
    vs_respond_header(request, "Location",
                      vs_arena_printf(job->arena, "/v1/participants/%s", id));
    return answer(request, 201, &participant, err);
}

vs_rc vs_rest_participant_add(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_add, NULL, err);
}

static vs_rc run_change(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                        vs_time_ms now, struct vs_error *err)
{
    const struct vs_participant *old;
    struct vs_participant participant;
    VS_TRY(vs_rest_participant(request, vs_request_param(request, "id"), &old, err));
    VS_TRY(read_input(request, &participant, err));
    VS_REFUSE_IF(participant.version == 0, err, VS_E_PARAMETER, NULL,
                 "version: the one that was read is wanted");
    participant.id = old->id;
    participant.created = old->created;
    VS_TRY(vs_participant_change_stage(relay, job, now, &participant, err));
    participant.version++;
    return answer(request, 200, &participant, err);
}

vs_rc vs_rest_participant_change(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_change, NULL, err);
}

static vs_rc run_get(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                     vs_time_ms now, struct vs_error *err)
{
    (void)relay, (void)job, (void)now;
    const struct vs_participant *participant;
    VS_TRY(vs_rest_participant(request, vs_request_param(request, "id"), &participant, err));
    return answer(request, 200, participant, err);
}

vs_rc vs_rest_participant_get(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_get, NULL, err);
}

/* `after`: an id, for the next page. */
vs_rc vs_rest_after(const struct vs_request *request, struct vs_id *ret, struct vs_error *err)
{
    const char *after = vs_request_query(request, "after");
    *ret = VS_ID_NONE;
    VS_REFUSE_IF(after != NULL && !vs_id_decode(after, ret), err, VS_E_PARAMETER, NULL,
                 "query: after is no id");
    return VS_OK;
}

static vs_rc run_list(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                      vs_time_ms now, struct vs_error *err)
{
    (void)now;
    uint64_t limit;
    struct vs_id after;
    const struct vs_participant **list;
    size_t n;
    VS_TRY(vs_request_query_number(request, "limit", 1, 500, 100, &limit, err));
    VS_TRY(vs_rest_after(request, &after, err));
    VS_TRY(vs_participant_list(relay, job->arena, after, (size_t)limit, &list, &n, err));
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_json_array(&json, "participants");
    for (size_t i = 0; i < n; i++)
        vs_view_participant(&json, NULL, list[i]);
    vs_json_end_array(&json);
    vs_json_id(&json, "after", n > 0 ? list[n - 1]->id : after);
    vs_json_yes_no(&json, "more", n == limit);
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_participant_list(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "after limit", err));
    return vs_call(request, run_list, NULL, err);
}
