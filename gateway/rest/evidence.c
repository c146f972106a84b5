#include "formats/evidence/erds.h"
#include "gateway/call.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/views.h"
#include "relay/archive/access_record.h"
#include <stdio.h>

#define TYPE_XML  "application/xml"
#define TYPE_JSON "application/json"
#define TYPE_ASIC "application/vnd.etsi.asic-s+zip"

static vs_rc run_list(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                      vs_time_ms now, struct vs_error *err)
{
    (void)now;
    struct vs_id id;
    const struct vs_evidence **list;
    size_t n;
    VS_TRY(vs_request_id_param(request, "id", &id, err));
    VS_TRY(vs_evidence_list(relay, job->arena, vs_caller_of(request), id, &list, &n, err));
    vs_access_note(relay, vs_caller_of(request), id, VS_ACCESS_EVIDENCE);
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_json_array(&json, "evidence");
    for (size_t i = 0; i < n; i++)
        vs_view_evidence(&json, NULL, list[i]);
    vs_json_end_array(&json);
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_evidence_list(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "", err));
    return vs_call(request, run_list, NULL, err);
}

/* ---- the JSON view of the signed XML: for reading; only the XML is signed --------------- */

static void user(struct vs_json *json, const char *name, const struct vs_erds_user *of)
{
    vs_json_object(json, name);
    vs_json_string(json, "name", of->name);
    vs_json_string(json, "scheme", of->scheme);
    vs_json_string(json, "identifier", of->identifier);
    vs_json_end_object(json);
}

static void statement_lists(struct vs_json *json, const struct vs_erds *e)
{
    vs_json_array(json, "reasons");
    for (size_t i = 0; i < e->n_reasons; i++) {
        vs_json_object(json, NULL);
        vs_json_string(json, "uri", e->reasons[i].uri);
        vs_json_string(json, "details", e->reasons[i].details);
        vs_json_end_object(json);
    }
    vs_json_end_array(json);
    vs_json_array(json, "parts");
    for (size_t i = 0; i < e->n_parts; i++) {
        vs_json_object(json, NULL);
        vs_json_string(json, "name", e->parts[i].identifier);
        vs_json_string(json, "media_type", e->parts[i].content_type);
        vs_json_string(json, "digest_algorithm", e->parts[i].digest_uri);
        vs_json_hex(json, "digest", e->parts[i].digest);
        vs_json_end_object(json);
    }
    vs_json_end_array(json);
    vs_json_array(json, "extensions");
    for (size_t i = 0; i < e->n_extensions; i++) {
        vs_json_object(json, NULL);
        vs_json_string(json, "name", e->extensions[i].name);
        vs_json_string(json, "value", e->extensions[i].value);
        vs_json_end_object(json);
    }
    vs_json_end_array(json);
}

static void statement(struct vs_json *json, const struct vs_erds *e)
{
    vs_json_object(json, "statement");
    vs_json_string(json, "id", e->id);
    vs_json_string(json, "event_uri", e->event_uri);
    vs_json_time(json, "event_time", e->event_time);
    vs_json_time(json, "submission_time", e->submission_time);
    vs_json_array(json, "policies");
    for (size_t i = 0; i < e->n_policies; i++)
        vs_json_string(json, NULL, e->policies[i]);
    vs_json_end_array(json);
    user(json, "issuer", &e->issuer);
    user(json, "sender", &e->sender);
    vs_json_array(json, "recipients");
    for (size_t i = 0; i < e->n_recipients; i++)
        user(json, NULL, &e->recipients[i]);
    vs_json_end_array(json);
    vs_json_number(json, "refers_to", (int64_t)e->refers_to);
    vs_json_string(json, "message_id", e->message_id);
    statement_lists(json, e);
    vs_json_end_object(json);
}

static vs_rc answer_json(struct vs_request *request, struct vs_job *job,
                         const struct vs_evidence *evidence, struct vs_bytes xml,
                         struct vs_error *err)
{
    struct vs_erds parsed;
    VS_TRY(vs_erds_read(job->arena, xml, &parsed, err));
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_view_evidence(&json, "evidence", evidence);
    statement(&json, &parsed);
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}

static void offer_as(struct vs_request *request, struct vs_id id, const char *suffix)
{
    char text[VS_ID_TEXT], name[64];
    vs_id_text(id, text);
    snprintf(name, sizeof name, "evidence-%s%s", text, suffix);
    vs_respond_name(request, name, NULL);
}

static vs_rc find(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                  const struct vs_evidence **ret, struct vs_error *err)
{
    struct vs_id id;
    VS_TRY(vs_request_id_param(request, "id", &id, err));
    return vs_evidence_get(relay, job->arena, vs_caller_of(request), id, ret, err);
}

static vs_rc run_get(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                     vs_time_ms now, struct vs_error *err)
{
    (void)now;
    const struct vs_evidence *evidence;
    struct vs_bytes bytes;
    VS_TRY(find(relay, job, request, &evidence, err));
    const char *type = vs_request_accept(request, TYPE_XML " " TYPE_JSON " " TYPE_ASIC);
    vs_respond_header(request, "Vary", "Accept");
    if (strcmp(type, TYPE_ASIC) == 0) {
        VS_TRY(vs_evidence_asic(relay, job->arena, evidence, &bytes, err));
        offer_as(request, evidence->id, ".asics");
        vs_respond(request, 200, TYPE_ASIC, bytes);
        return VS_OK;
    }
    VS_TRY(vs_evidence_xml(relay, job->arena, evidence, &bytes, err));
    if (strcmp(type, TYPE_JSON) == 0)
        return answer_json(request, job, evidence, bytes, err);
    offer_as(request, evidence->id, ".xml");
    vs_respond(request, 200, TYPE_XML, bytes);
    return VS_OK;
}

vs_rc vs_rest_evidence(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "", err));
    return vs_call(request, run_get, NULL, err);
}

static vs_rc run_record(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                        vs_time_ms now, struct vs_error *err)
{
    (void)now;
    const struct vs_evidence *evidence;
    struct vs_bytes bytes;
    VS_TRY(find(relay, job, request, &evidence, err));
    VS_TRY(vs_evidence_record(relay, job->arena, evidence, &bytes, err));
    offer_as(request, evidence->id, ".ers");
    vs_respond(request, 200, "application/octet-stream", bytes);
    return VS_OK;
}

vs_rc vs_rest_evidence_record(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "", err));
    return vs_call(request, run_record, NULL, err);
}
