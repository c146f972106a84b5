#include "formats/certificate/certificate.h"
#include "formats/crypto/digest.h"
#include "gateway/call.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/views.h"

struct input {
    const char *name, *certificate, *participant;
    struct vs_texts roles;
    bool automatic;
    vs_time_ms expires;
};
#define AT(member) offsetof(struct input, member)
static const struct vs_json_member MEMBERS[] = {
    {"participant", VS_JSON_TEXT, AT(participant), false, VS_IDENTIFIER_MAX},
    {"name", VS_JSON_TEXT, AT(name), true, VS_NAME_MAX},
    {"roles", VS_JSON_TEXTS, AT(roles), true, 32},
    {"automatic", VS_JSON_YES_NO, AT(automatic), false, 0},
    {"certificate", VS_JSON_LINES, AT(certificate), false, 64 << 10},
    {"expires", VS_JSON_TIME, AT(expires), false, 0},
};

static vs_rc read_roles(const struct vs_texts *names, unsigned *ret, struct vs_error *err)
{
    *ret = 0;
    for (size_t i = 0; i < names->n; i++) {
        enum vs_role role;
        VS_REFUSE_IF(!vs_role_decode(names->items[i], &role), err, VS_E_PARAMETER, NULL,
                     "roles: there is no role '%s'", names->items[i]);
        *ret |= role;
    }
    VS_REFUSE_IF(*ret == 0, err, VS_E_PARAMETER, NULL, "roles: at least one is wanted");
    return VS_OK;
}

static vs_rc read_certificate(const char *pem, struct vs_principal *principal,
                              struct vs_error *err)
{
    VS_CERTIFICATE *certificate = NULL;
    struct vs_error why;
    if (!vs_ok(vs_certificate_get_pem(vs_bytes_text(pem), &certificate, &why)))
        return vs_fail(err, VS_E_PARAMETER, NULL, "certificate: %s", why.text);
    struct vs_digest digest;
    vs_digest_of(VS_SHA256, certificate->der, &digest);
    principal->credential = VS_CREDENTIAL_CERTIFICATE;
    memcpy(principal->digest, digest.bytes, sizeof principal->digest);
    if (principal->expires == VS_TIME_NONE || principal->expires > certificate->not_after)
        principal->expires = certificate->not_after;
    return VS_OK;
}

static vs_rc read_input(struct vs_request *request, struct vs_principal *ret,
                        struct vs_error *err)
{
    struct input in = {.expires = VS_TIME_NONE};
    VS_TRY(vs_json_read(vs_request_body(request), MEMBERS, sizeof MEMBERS / sizeof MEMBERS[0],
                        &in, vs_request_arena(request), err));
    *ret = (struct vs_principal){.name = in.name,
                                 .automatic = in.automatic,
                                 .credential = VS_CREDENTIAL_TOKEN,
                                 .expires = in.expires,
                                 .revoked = VS_TIME_NONE};
    VS_TRY(read_roles(&in.roles, &ret->roles, err));
    if (in.participant != NULL) {
        const struct vs_participant *participant;
        VS_TRY(vs_rest_participant(request, in.participant, &participant, err));
        ret->participant = participant->id;
    }
    return in.certificate != NULL ? read_certificate(in.certificate, ret, err) : VS_OK;
}

static vs_rc run_add(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                     vs_time_ms now, struct vs_error *err)
{
    struct vs_principal principal;
    const char *token = NULL;
    VS_TRY(read_input(request, &principal, err));
    VS_TRY(vs_principal_add_stage(relay, job, now, &principal, &token, err));
    principal.version = 1;
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_view_principal(&json, "principal", &principal);
    vs_json_string(&json, "token", token);
    vs_json_end_object(&json);
    return vs_respond_json(request, 201, &json, err);
}

vs_rc vs_rest_principal_add(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_add, NULL, err);
}

static vs_rc run_get(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                     vs_time_ms now, struct vs_error *err)
{
    (void)now;
    struct vs_id id;
    const struct vs_principal *principal = NULL;
    VS_TRY(vs_request_id_param(request, "id", &id, err));
    VS_TRY(vs_principal_get(relay, job->arena, id, &principal, err));
    VS_REFUSE_IF(principal == NULL, err, VS_E_NOT_FOUND, NULL, "no such principal");
    VS_JSON json;
    vs_json_init(&json);
    vs_view_principal(&json, NULL, principal);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_principal_get(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_get, NULL, err);
}

static vs_rc run_list(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                      vs_time_ms now, struct vs_error *err)
{
    (void)now;
    struct vs_id of = VS_ID_NONE;
    const char *name = vs_request_query(request, "participant");
    if (name != NULL) {
        const struct vs_participant *participant;
        VS_TRY(vs_rest_participant(request, name, &participant, err));
        of = participant->id;
    }
    const struct vs_principal **list;
    size_t n;
    VS_TRY(vs_principal_list(relay, job->arena, of, &list, &n, err));
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_json_array(&json, "principals");
    for (size_t i = 0; i < n; i++)
        vs_view_principal(&json, NULL, list[i]);
    vs_json_end_array(&json);
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_principal_list(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "participant", err));
    return vs_call(request, run_list, NULL, err);
}

static vs_rc run_revoke(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                        vs_time_ms now, struct vs_error *err)
{
    struct vs_id id;
    VS_TRY(vs_request_id_param(request, "id", &id, err));
    VS_TRY(vs_principal_revoke_stage(relay, job, now, id, err));
    vs_respond(request, 204, NULL, VS_BYTES_NONE);
    return VS_OK;
}

vs_rc vs_rest_principal_revoke(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_revoke, NULL, err);
}

/* Who am I: for a client that holds a credential and nothing else. */
vs_rc vs_rest_self(struct vs_request *request, struct vs_error *err)
{
    const struct vs_caller *caller = vs_caller_of(request);
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_json_id(&json, "principal", caller->principal);
    vs_json_id(&json, "participant", caller->participant);
    vs_json_string(&json, "identifier",
                   caller->identifier[0] != '\0' ? caller->identifier : NULL);
    vs_json_string(&json, "name", caller->name);
    vs_json_array(&json, "roles");
    for (unsigned bit = 1; bit <= VS_ROLES_ALL; bit <<= 1)
        if ((caller->roles & bit) != 0)
            vs_json_string(&json, NULL, vs_role_name((enum vs_role)bit));
    vs_json_end_array(&json);
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}
