#include "gateway/call.h"
#include "gateway/http/multipart.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/views.h"

/* Parameters come by the query, or by the part "parameters" (JSON) of a multipart body; the
 * original is the body, or the part "document". A parameter given in both is refused, not
 * resolved. */

enum { MAX_PARAMETERS = 256 << 10, MAX_PARAMETER_TEXT = 2000 };
#define QUERY "to subject number date name retention deadline intended_repeat"

enum part { PART_NONE, PART_PARAMETERS, PART_DOCUMENT };

struct submitting {
    struct vs_submission *submission;
    struct vs_multipart *multipart; /* NULL: the body is the original */
    struct vs_buffer parameters;
    enum part part;
    bool have_document, have_parameters;
    char media_type[128], name[512];
};

static void submitting_free(void *state)
{
    struct submitting *self = state;
    vs_submission_free(self->submission);
    vs_multipart_free(self->multipart);
    vs_buffer_done(&self->parameters);
}

static vs_rc copy_text(char *to, size_t size, const char *text, const char *what,
                       struct vs_error *err)
{
    VS_REFUSE_IF(strlen(text) >= size, err, VS_E_PARAMETER, NULL, "%s is too long", what);
    memcpy(to, text, strlen(text) + 1);
    return VS_OK;
}

static vs_rc on_part(void *context, const struct vs_multipart_part *part, struct vs_error *err)
{
    struct submitting *self = context;
    bool document = strcmp(part->name, "document") == 0;
    VS_REFUSE_IF(!document && strcmp(part->name, "parameters") != 0, err, VS_E_PARAMETER, NULL,
                 "multipart: there is no part '%s'; use parameters and document", part->name);
    bool *seen = document ? &self->have_document : &self->have_parameters;
    VS_REFUSE_IF(*seen, err, VS_E_PARAMETER, NULL, "multipart: part %s comes twice",
                 part->name);
    *seen = true;
    self->part = document ? PART_DOCUMENT : PART_PARAMETERS;
    if (!document)
        return VS_OK;
    VS_TRY(copy_text(self->media_type, sizeof self->media_type, part->media_type,
                     "multipart: document's Content-Type", err));
    return copy_text(self->name, sizeof self->name,
                     part->file_name == NULL ? "" : part->file_name,
                     "multipart: document's file name", err);
}

static vs_rc on_data(void *context, struct vs_bytes bytes, struct vs_error *err)
{
    struct submitting *self = context;
    if (self->part == PART_DOCUMENT)
        return vs_submission_feed(self->submission, bytes, err);
    vs_buffer_add(&self->parameters, bytes);
    return vs_buffer_check(&self->parameters, err);
}

vs_rc vs_rest_submit_begin(struct vs_request *request, struct vs_error *err)
{
    struct submitting *self = vs_arena_make(vs_request_arena(request), struct submitting);
    if (self == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_request_query_only(request, QUERY, err));
    vs_buffer_init(&self->parameters, MAX_PARAMETERS);
    vs_request_set_state(request, self, submitting_free);
    const char *type = vs_request_media_type(request);
    VS_REFUSE_IF(type[0] == '\0', err, VS_E_MEDIA_TYPE, NULL, "Content-Type is missing");
    bool multipart = strcmp(type, "multipart/form-data") == 0;
    VS_REFUSE_IF(!multipart && strncmp(type, "multipart/", 10) == 0, err, VS_E_MEDIA_TYPE, NULL,
                 "of the multipart types only multipart/form-data is taken");
    VS_TRY(vs_submission_begin(vs_relay_of(request), vs_caller_of(request),
                               multipart ? UINT64_MAX : vs_request_length(request),
                               &self->submission, err));
    if (!multipart) {
        self->have_document = true;
        return copy_text(self->media_type, sizeof self->media_type, type, "Content-Type", err);
    }
    struct vs_multipart_events events = {self, on_part, on_data};
    return vs_multipart_new(vs_request_header(request, "Content-Type"), VS_MULTIPART_FORM,
                            &events, &self->multipart, err);
}

vs_rc vs_rest_submit_chunk(struct vs_request *request, struct vs_bytes bytes,
                           struct vs_error *err)
{
    struct submitting *self = vs_request_state(request);
    return self->multipart != NULL ? vs_multipart_feed(self->multipart, bytes, err)
                                   : vs_submission_feed(self->submission, bytes, err);
}

/* ---- parameters ------------------------------------------------------------------------- */

struct input {
    struct vs_texts to;
    const char *subject, *number, *date, *name, *retention;
    vs_time_ms deadline;
    bool intended_repeat;
};
#define AT(member) offsetof(struct input, member)
static const struct vs_json_member MEMBERS[] = {
    {"to", VS_JSON_TEXTS, AT(to), false, VS_IDENTIFIER_MAX},
    {"subject", VS_JSON_TEXT, AT(subject), false, MAX_PARAMETER_TEXT},
    {"number", VS_JSON_TEXT, AT(number), false, MAX_PARAMETER_TEXT},
    {"date", VS_JSON_TEXT, AT(date), false, MAX_PARAMETER_TEXT},
    {"name", VS_JSON_TEXT, AT(name), false, MAX_PARAMETER_TEXT},
    {"retention", VS_JSON_TEXT, AT(retention), false, 64},
    {"deadline", VS_JSON_TIME, AT(deadline), false, 0},
    {"intended_repeat", VS_JSON_YES_NO, AT(intended_repeat), false, 0},
};

/* "voen:1234567891,voen:9876543219" */
static vs_rc split_list(struct vs_arena *arena, const char *text, struct vs_texts *ret,
                        struct vs_error *err)
{
    size_t n = 1;
    for (const char *at = text; *at != '\0'; at++)
        n += *at == ',';
    const char **items = vs_arena_make_n(arena, const char *, n);
    if (items == NULL)
        return vs_fail_memory(err);
    const char *at = text;
    for (size_t i = 0; i < n; i++) {
        size_t len = strcspn(at, ",");
        items[i] = vs_arena_strndup(arena, at, len);
        if (items[i] == NULL)
            return vs_fail_memory(err);
        VS_REFUSE_IF(len == 0, err, VS_E_PARAMETER, NULL, "to: an identifier is empty");
        at += len + (at[len] == ',');
    }
    *ret = (struct vs_texts){items, n};
    return VS_OK;
}

static vs_rc take_text(struct vs_request *request, const char *name, const char **field,
                       struct vs_error *err)
{
    const char *text = vs_request_query(request, name);
    if (text == NULL)
        return VS_OK;
    VS_REFUSE_IF(*field != NULL, err, VS_E_PARAMETER, NULL,
                 "%s: given by the query and by the part parameters", name);
    VS_REFUSE_IF(text[0] == '\0' || strlen(text) > MAX_PARAMETER_TEXT, err, VS_E_PARAMETER,
                 NULL, "%s: from 1 to %d bytes are wanted", name, MAX_PARAMETER_TEXT);
    *field = text;
    return VS_OK;
}

static vs_rc take_query(struct vs_request *request, struct input *in, struct vs_error *err)
{
    const char *to = NULL, *deadline = NULL, *intended = NULL;
    VS_TRY(take_text(request, "subject", &in->subject, err));
    VS_TRY(take_text(request, "number", &in->number, err));
    VS_TRY(take_text(request, "date", &in->date, err));
    VS_TRY(take_text(request, "name", &in->name, err));
    VS_TRY(take_text(request, "retention", &in->retention, err));
    VS_TRY(take_text(request, "to", &to, err));
    VS_TRY(take_text(request, "deadline", &deadline, err));
    VS_TRY(take_text(request, "intended_repeat", &intended, err));
    VS_REFUSE_IF(to != NULL && in->to.n > 0, err, VS_E_PARAMETER, NULL,
                 "to: given by the query and by the part parameters");
    if (to != NULL)
        VS_TRY(split_list(vs_request_arena(request), to, &in->to, err));
    VS_REFUSE_IF(deadline != NULL && (in->deadline != VS_TIME_NONE ||
                                      !vs_time_decode(vs_bytes_text(deadline), &in->deadline)),
                 err, VS_E_PARAMETER, "Art. 27.5",
                 "deadline: one moment like 2026-01-31T12:00:00Z is wanted");
    VS_REFUSE_IF(intended != NULL && strcmp(intended, "yes") != 0 &&
                     strcmp(intended, "no") != 0,
                 err, VS_E_PARAMETER, "Art. 27.3.3", "intended_repeat: yes or no is wanted");
    in->intended_repeat |= intended != NULL && strcmp(intended, "yes") == 0;
    return VS_OK;
}

static vs_rc read_parameters(struct vs_request *request, struct submitting *self,
                             struct vs_submit_parameters *to, struct vs_error *err)
{
    struct input in = {.deadline = VS_TIME_NONE};
    if (self->have_parameters)
        VS_TRY(vs_json_read(vs_buffer_view(&self->parameters), MEMBERS,
                            sizeof MEMBERS / sizeof MEMBERS[0], &in, vs_request_arena(request),
                            err));
    VS_TRY(take_query(request, &in, err));
    const char *key = vs_request_header(request, "Idempotency-Key");
    VS_REFUSE_IF(key != NULL && (key[0] == '\0' || strlen(key) > VS_KEY_MAX), err,
                 VS_E_PARAMETER, NULL, "Idempotency-Key: from 1 to %d bytes are wanted",
                 VS_KEY_MAX);
    bool told = self->media_type[0] != '\0' &&
                strcmp(self->media_type, "application/octet-stream") != 0;
    /* All of it lives in the request's arena, which outlives the submission. */
    to->recipients = in.to.items;
    to->n_recipients = in.to.n;
    to->subject = in.subject;
    to->number = in.number;
    to->date = in.date;
    to->name = in.name != NULL ? in.name : self->name[0] != '\0' ? self->name : NULL;
    to->media_type = told ? self->media_type : NULL;
    to->retention = in.retention;
    to->idempotency_key = key;
    to->deadline = in.deadline;
    to->intended_repeat = in.intended_repeat;
    return VS_OK;
}

/* ---- the outcome ------------------------------------------------------------------------ */

/* A refusal by verdict is a problem that carries its signed evidence. */
static vs_rc answer_refusal(struct vs_request *request, const struct vs_receipt *receipt,
                            struct vs_error *err)
{
    VS_JSON members;
    vs_json_init(&members);
    vs_view_receipt(&members, receipt);
    VS_TRY(vs_buffer_check(&members.buffer, err));
    vs_respond_problem_with(request, &receipt->refusal, (const char *)members.buffer.ptr);
    return VS_OK;
}

static vs_rc answer(struct vs_request *request, struct vs_error *err)
{
    struct submitting *self = vs_request_state(request);
    const struct vs_receipt *receipt;
    VS_TRY(vs_submission_result(self->submission, &receipt, err));
    if (!receipt->accepted)
        return answer_refusal(request, receipt, err);
    char id[VS_ID_TEXT];
    vs_id_text(receipt->id, id);
    vs_respond_header(request, "Location",
                      vs_arena_printf(vs_request_arena(request), "/v1/documents/%s", id));
    VS_JSON json;
    vs_json_init(&json);
    /* Its quotes are escaped: an eighth more, and the other members. */
    vs_buffer_expect(&json.buffer, receipt->evidence_xml.len / 8 * 9 + 1024);
    vs_json_object(&json, NULL);
    vs_view_receipt(&json, receipt);
    vs_json_end_object(&json);
    return vs_respond_json(request, receipt->replayed ? 200 : 201, &json, err);
}

static void done(struct vs_submission *submission, void *context)
{
    (void)submission;
    vs_request_release(context);
}

vs_rc vs_rest_submit(struct vs_request *request, struct vs_error *err)
{
    struct submitting *self = vs_request_state(request);
    if (self->multipart != NULL)
        VS_TRY(vs_multipart_end(self->multipart, err));
    VS_REFUSE_IF(!self->have_document, err, VS_E_PARAMETER, NULL,
                 "multipart: the part document is missing");
    VS_TRY(read_parameters(request, self, vs_submission_parameters(self->submission), err));
    vs_request_hold(request);
    vs_request_then(request, answer);
    vs_rc rc = vs_submission_finish(self->submission, done, request, err);
    if (!vs_ok(rc))
        vs_request_release(request);
    return rc;
}
