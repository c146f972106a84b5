#include "gateway/call.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/views.h"

struct input {
    struct vs_texts parties, terms;
    const char *reference;
    vs_time_ms from, until;
    int64_t version;
};
#define AT(member) offsetof(struct input, member)
static const struct vs_json_member MEMBERS[] = {
    {"parties", VS_JSON_TEXTS, AT(parties), false, VS_IDENTIFIER_MAX},
    {"reference", VS_JSON_TEXT, AT(reference), false, 200},
    {"from", VS_JSON_TIME, AT(from), false, 0},
    {"until", VS_JSON_TIME, AT(until), false, 0},
    {"terms", VS_JSON_TERMS, AT(terms), false, 400},
    {"version", VS_JSON_NUMBER, AT(version), false, 0},
};

/* Terms that are not given are the law's. */
static vs_rc read_input(struct vs_request *request, struct vs_agreement *ret,
                        struct vs_texts *ret_parties, struct vs_error *err)
{
    struct input in = {.from = VS_TIME_NONE, .until = VS_TIME_NONE};
    VS_TRY(vs_json_read(vs_request_body(request), MEMBERS, sizeof MEMBERS / sizeof MEMBERS[0],
                        &in, vs_request_arena(request), err));
    *ret = (struct vs_agreement){.reference = in.reference,
                                 .from = in.from,
                                 .until = in.until,
                                 .terms = vs_terms_law(),
                                 .version = in.version};
    for (size_t i = 0; i + 1 < in.terms.n; i += 2)
        VS_TRY(vs_term_parse(&ret->terms, in.terms.items[i], in.terms.items[i + 1], err));
    *ret_parties = in.parties;
    return vs_terms_check(&ret->terms, err);
}

static vs_rc answer(struct vs_request *request, int status,
                    const struct vs_agreement *agreement, struct vs_error *err)
{
    VS_JSON json;
    vs_json_init(&json);
    vs_view_agreement(&json, NULL, agreement);
    return vs_respond_json(request, status, &json, err);
}

static vs_rc run_add(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                     vs_time_ms now, struct vs_error *err)
{
    struct vs_agreement *agreement = vs_arena_make(job->arena, struct vs_agreement);
    if (agreement == NULL)
        return vs_fail_memory(err);
    struct vs_texts parties;
    VS_TRY(read_input(request, agreement, &parties, err));
    VS_REFUSE_IF(parties.n != 2, err, VS_E_PARAMETER, "Art. 26", "parties: two are wanted");
    for (size_t i = 0; i < 2; i++) {
        const struct vs_participant *party;
        VS_TRY(vs_rest_participant(request, parties.items[i], &party, err));
        agreement->parties[i] = party->id;
    }
    VS_TRY(vs_agreement_add_stage(relay, job, now, agreement, err));
    agreement->version = 1;
    return answer(request, 201, agreement, err);
}

vs_rc vs_rest_agreement_add(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_add, NULL, err);
}

/* "law" is the built-in one. */
static vs_rc find(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                  const struct vs_agreement **ret, struct vs_error *err)
{
    struct vs_id id = VS_ID_NONE;
    *ret = NULL;
    if (strcmp(vs_request_param(request, "id"), "law") != 0)
        VS_TRY(vs_request_id_param(request, "id", &id, err));
    if (vs_id_is_none(id)) {
        struct vs_agreement *law = vs_arena_make(job->arena, struct vs_agreement);
        if (law == NULL)
            return vs_fail_memory(err);
        *law = (struct vs_agreement){.from = VS_TIME_NONE,
                                     .until = VS_TIME_NONE,
                                     .created = VS_TIME_NONE,
                                     .terms = vs_terms_law()};
        *ret = law;
        return VS_OK;
    }
    VS_TRY(vs_agreement_get(relay, job->arena, id, ret, err));
    VS_REFUSE_IF(*ret == NULL, err, VS_E_NOT_FOUND, NULL, "no such agreement");
    return VS_OK;
}

static vs_rc run_get(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                     vs_time_ms now, struct vs_error *err)
{
    (void)now;
    const struct vs_agreement *agreement;
    VS_TRY(find(relay, job, request, &agreement, err));
    /* A party sees its own agreements; anybody else's is as an unknown one. */
    const struct vs_caller *caller = vs_caller_of(request);
    bool party = vs_id_equal(agreement->parties[0], caller->participant) ||
                 vs_id_equal(agreement->parties[1], caller->participant);
    VS_REFUSE_IF(!party && !vs_id_is_none(agreement->id) &&
                     !vs_caller_may(caller, VS_ROLE_OPERATOR | VS_ROLE_AUDITOR),
                 err, VS_E_NOT_FOUND, NULL, "no such agreement");
    return answer(request, 200, agreement, err);
}

vs_rc vs_rest_agreement_get(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_get, NULL, err);
}

static vs_rc run_change(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                        vs_time_ms now, struct vs_error *err)
{
    const struct vs_agreement *old;
    struct vs_agreement *agreement = vs_arena_make(job->arena, struct vs_agreement);
    if (agreement == NULL)
        return vs_fail_memory(err);
    struct vs_texts parties;
    VS_TRY(find(relay, job, request, &old, err));
    VS_REFUSE_IF(vs_id_is_none(old->id), err, VS_E_STATE, "Art. 26",
                 "the built-in agreement is the law's");
    VS_TRY(read_input(request, agreement, &parties, err));
    VS_REFUSE_IF(agreement->version == 0, err, VS_E_PARAMETER, NULL,
                 "version: the one that was read is wanted");
    agreement->id = old->id;
    agreement->created = old->created;
    agreement->parties[0] = old->parties[0];
    agreement->parties[1] = old->parties[1];
    VS_TRY(vs_agreement_change_stage(relay, job, now, agreement, err));
    agreement->version++;
    return answer(request, 200, agreement, err);
}

vs_rc vs_rest_agreement_change(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_change, NULL, err);
}

static vs_rc run_list(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                      vs_time_ms now, struct vs_error *err)
{
    (void)now;
    uint64_t limit;
    struct vs_id after, party = VS_ID_NONE;
    const struct vs_agreement **list;
    size_t n;
    const struct vs_caller *caller = vs_caller_of(request);
    const char *named = vs_request_query(request, "party");
    VS_TRY(vs_request_query_number(request, "limit", 1, 500, 100, &limit, err));
    VS_TRY(vs_rest_after(request, &after, err));
    if (!vs_caller_may(caller, VS_ROLE_OPERATOR | VS_ROLE_AUDITOR)) {
        party = caller->participant;
        VS_REFUSE_IF(vs_id_is_none(party), err, VS_E_FORBIDDEN, NULL, "of no participant");
    } else if (named != NULL) {
        const struct vs_participant *participant;
        VS_TRY(vs_rest_participant(request, named, &participant, err));
        party = participant->id;
    }
    VS_TRY(vs_agreement_list(relay, job->arena, party, after, (size_t)limit, &list, &n, err));
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_json_array(&json, "agreements");
    for (size_t i = 0; i < n; i++)
        vs_view_agreement(&json, NULL, list[i]);
    vs_json_end_array(&json);
    vs_json_id(&json, "after", n > 0 ? list[n - 1]->id : after);
    vs_json_yes_no(&json, "more", n == limit);
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_agreement_list(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "after limit party", err));
    return vs_call(request, run_list, NULL, err);
}
