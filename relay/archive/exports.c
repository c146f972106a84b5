#include "relay/archive/exports_priv.h"
#include "relay/archive/deed.h"
#include "relay/exchange/access.h"
#include "relay/exchange/commit.h"
#include "relay/exchange/participants.h"

#define AT_ONCE  3
#define LIST_MAX 1000

const char *vs_export_state_name(enum vs_export_state state)
{
    static const char *const names[] = {[VS_EXPORT_RUNNING] = "running",
                                        [VS_EXPORT_READY] = "ready",
                                        [VS_EXPORT_FAILED] = "failed"};
    return state >= VS_EXPORT_RUNNING && state <= VS_EXPORT_FAILED ? names[state] : "?";
}

const char *vs_export_path(struct vs_relay *relay, struct vs_arena *arena, struct vs_id id,
                           enum vs_export_output output)
{
    static const char *const suffixes[VS_OUTS] = {"archive", "directory", "manifest", "csv",
                                                  "html"};
    char text[VS_ID_TEXT];
    vs_id_text(id, text);
    return vs_arena_printf(arena, "%s/exports/%s.%s", relay->settings.data, text,
                           suffixes[output]);
}

/* -- NAME=NUMBER a line -------------------------------------------------------------------- */

static const char *const progress_names[] = {"step",     "looked_at", "to_look_at", "documents",
                                             "files",    "bytes",     "archive",    "directory",
                                             "manifest", "csv",       "html"};
enum { PROGRESS = sizeof progress_names / sizeof *progress_names };

static int64_t *progress_field(struct vs_export_progress *p, size_t i)
{
    int64_t *const fields[PROGRESS] = {&p->step,       &p->looked_at,  &p->to_look_at,
                                       &p->documents,  &p->files,      &p->bytes,
                                       &p->lengths[0], &p->lengths[1], &p->lengths[2],
                                       &p->lengths[3], &p->lengths[4]};
    return fields[i];
}

const char *vs_export_progress_text(struct vs_arena *arena,
                                    const struct vs_export_progress *progress)
{
    struct vs_export_progress copy = *progress;
    const char *text = "";
    for (size_t i = 0; text != NULL && i < PROGRESS; i++)
        text = vs_arena_printf(arena, "%s%s=%lld\n", text, progress_names[i],
                               (long long)*progress_field(&copy, i));
    return text;
}

/* The value of NAME in lines of NAME=VALUE; none where it is absent. */
static struct vs_bytes value_of(struct vs_bytes text, const char *name)
{
    size_t len = strlen(name);
    while (text.len > 0) {
        const uint8_t *end = memchr(text.ptr, '\n', text.len);
        size_t line = end == NULL ? text.len : (size_t)(end - text.ptr);
        if (line > len && memcmp(text.ptr, name, len) == 0 && text.ptr[len] == '=')
            return VS_BYTES(text.ptr + len + 1, line - len - 1);
        line += end != NULL;
        text = VS_BYTES(text.ptr + line, text.len - line);
    }
    return VS_BYTES_NONE;
}

static bool number_of(struct vs_bytes text, const char *name, int64_t absent, int64_t *ret)
{
    struct vs_bytes value = value_of(text, name);
    uint64_t number = 0;
    bool good = value.ptr == NULL || (vs_u64_decode(value, &number) && number <= INT64_MAX);
    *ret = value.ptr == NULL ? absent : (int64_t)number;
    return good;
}

static bool id_of(struct vs_bytes text, const char *name, struct vs_id *ret)
{
    struct vs_bytes value = value_of(text, name);
    char hex[VS_ID_TEXT] = "";
    *ret = VS_ID_NONE;
    if (value.ptr == NULL)
        return true;
    if (value.len != VS_ID_TEXT - 1)
        return false;
    memcpy(hex, value.ptr, value.len);
    return vs_id_decode(hex, ret);
}

static bool read_request(struct vs_bytes text, struct vs_export_row *to)
{
    struct vs_export_request *r = &to->export.request;
    int64_t form = VS_PACK_TAR_ZST, roles = 0;
    bool good = number_of(text, "form", VS_PACK_TAR_ZST, &form) &&
                number_of(text, "roles", 0, &roles) &&
                number_of(text, "from", VS_TIME_NONE, &r->from) &&
                number_of(text, "until", VS_TIME_NONE, &r->until) &&
                id_of(text, "participant", &to->of_participant) &&
                id_of(text, "document", &r->document);
    r->form = form == VS_PACK_ZIP ? VS_PACK_ZIP : VS_PACK_TAR_ZST;
    to->roles = (unsigned)roles;
    return good;
}

vs_rc vs_export_from_row(struct vs_relay *relay, struct vs_arena *arena,
                         const struct vs_row *row, struct vs_export_row **ret,
                         struct vs_error *err)
{
    const struct vs_value *v = row->values;
    struct vs_export_row *to = vs_arena_make(arena, struct vs_export_row);
    if (to == NULL)
        return vs_fail_memory(err);
    struct vs_export *e = &to->export;
    struct vs_export_progress *p = &to->progress;
    (void)relay;
    e->id = vs_value_id(&v[VS_EXPORT_ID]);
    e->participant = vs_value_id(&v[VS_EXPORT_PARTICIPANT]);
    e->principal = vs_value_id(&v[VS_EXPORT_PRINCIPAL]);
    e->created = v[VS_EXPORT_CREATED].integer;
    e->expires = vs_value_time(&v[VS_EXPORT_EXPIRES]);
    e->state = (enum vs_export_state)v[VS_EXPORT_STATE].integer;
    e->evidence = vs_value_id(&v[VS_EXPORT_EVIDENCE]);
    e->error = vs_value_text_new(arena, &v[VS_EXPORT_ERROR]);
    e->version = row->version;
    to->cursor = vs_value_id(&v[VS_EXPORT_CURSOR]);
    to->checkpoint = v[VS_EXPORT_CHECKPOINT].bytes;
    bool good = read_request(v[VS_EXPORT_REQUEST].bytes, to);
    for (size_t i = 0; good && i < PROGRESS; i++)
        good =
            number_of(v[VS_EXPORT_PROGRESS].bytes, progress_names[i], 0, progress_field(p, i));
    struct vs_bytes name = value_of(v[VS_EXPORT_REQUEST].bytes, "name");
    struct vs_bytes reason = value_of(v[VS_EXPORT_REQUEST].bytes, "reason");
    if (reason.ptr != NULL)
        e->request.reason = vs_arena_strndup(arena, (const char *)reason.ptr, reason.len);
    to->principal_name =
        vs_arena_strndup(arena, name.ptr == NULL ? "" : (const char *)name.ptr, name.len);
    if (!good)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a row of exports cannot be read");
    if (to->principal_name == NULL)
        return vs_fail_memory(err);
    e->looked_at = (uint64_t)p->looked_at;
    e->to_look_at = (uint64_t)p->to_look_at;
    e->documents = (uint64_t)p->documents;
    e->files = (uint64_t)p->files;
    e->bytes = (uint64_t)p->bytes;
    e->size = (uint64_t)p->lengths[VS_OUT_ARCHIVE];
    *ret = to;
    return VS_OK;
}

/* -- asking for one ------------------------------------------------------------------------ */

/* Whose exports a caller may see: its participant's; of the service, an auditor's. */
static vs_rc owner_of(const struct vs_caller *caller, struct vs_id *ret, struct vs_error *err)
{
    bool auditor = vs_caller_may(caller, VS_ROLE_AUDITOR);
    bool archivist =
        vs_caller_may(caller, VS_ROLE_ARCHIVIST) && !vs_id_is_none(caller->participant);
    VS_REFUSE_IF(!auditor && !archivist, err, VS_E_NOT_FOUND, "Art. 35",
                 "there is no such export");
    *ret = archivist ? caller->participant : VS_ID_NONE;
    return VS_OK;
}

static vs_rc check_request(struct vs_relay *relay, struct vs_arena *arena,
                           const struct vs_caller *caller, struct vs_id owner,
                           const struct vs_export_request *request, struct vs_id *ret,
                           struct vs_error *err)
{
    struct vs_access access;
    const struct vs_participant *participant = NULL;
    *ret = VS_ID_NONE;
    if (vs_id_is_none(owner) || request->reason != NULL)
        VS_TRY(vs_ground_check(request->reason, err));
    VS_REFUSE_IF(request->from != VS_TIME_NONE && request->until != VS_TIME_NONE &&
                     request->from >= request->until,
                 err, VS_E_PARAMETER, NULL, "until is not later than from");
    if (!vs_id_is_none(request->document)) {
        VS_TRY(vs_access_find(relay, arena, caller, request->document, &access, err));
        if (access.document == NULL)
            return vs_fail(err, VS_E_NOT_FOUND, NULL, "a refused document is not kept");
    }
    if (request->participant == NULL)
        return VS_OK;
    if (vs_id_decode(request->participant, ret))
        VS_TRY(vs_participant_get(relay, arena, *ret, &participant, err));
    else
        VS_TRY(vs_participant_find(relay, arena, request->participant, &participant, err));
    if (participant == NULL)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "there is no such participant");
    *ret = participant->id;
    VS_REFUSE_IF(!vs_id_is_none(owner) && !vs_id_equal(owner, *ret), err, VS_E_NOT_FOUND,
                 "Art. 35", "there is no such participant");
    return VS_OK;
}

static vs_rc check_busy(struct vs_relay *relay, struct vs_arena *arena, struct vs_id owner,
                        struct vs_error *err)
{
    struct vs_value equal = vs_id_value(&owner);
    struct vs_query query = {.table = VS_T_EXPORT,
                             .index = VS_EXPORT_BY_PARTICIPANT,
                             .equal = &equal,
                             .n_equal = 1,
                             .limit = LIST_MAX};
    const struct vs_row *rows;
    size_t n, running = 0;
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    for (size_t i = 0; i < n; i++)
        running += rows[i].values[VS_EXPORT_STATE].integer == VS_EXPORT_RUNNING;
    VS_REFUSE_IF(running >= AT_ONCE, err, VS_E_BUSY, NULL, "%d bundles are being written",
                 AT_ONCE);
    return VS_OK;
}

static const char *request_text(struct vs_arena *arena, const struct vs_caller *caller,
                                const struct vs_export_request *r, struct vs_id participant)
{
    char id[VS_ID_TEXT];
    const char *text = vs_arena_printf(arena, "form=%d\nroles=%u\n", (int)r->form,
                                       caller->roles & (VS_ROLE_ARCHIVIST | VS_ROLE_AUDITOR));
    if (text != NULL && r->from != VS_TIME_NONE)
        text = vs_arena_printf(arena, "%sfrom=%lld\n", text, (long long)r->from);
    if (text != NULL && r->until != VS_TIME_NONE)
        text = vs_arena_printf(arena, "%suntil=%lld\n", text, (long long)r->until);
    vs_id_text(participant, id);
    if (text != NULL && !vs_id_is_none(participant))
        text = vs_arena_printf(arena, "%sparticipant=%s\n", text, id);
    vs_id_text(r->document, id);
    if (text != NULL && !vs_id_is_none(r->document))
        text = vs_arena_printf(arena, "%sdocument=%s\n", text, id);
    if (text != NULL && r->reason != NULL)
        text = vs_arena_printf(arena, "%sreason=%s\n", text, r->reason);
    return text == NULL ? NULL : vs_arena_printf(arena, "%sname=%s\n", text, caller->name);
}

vs_rc vs_export_stage(struct vs_relay *relay, struct vs_job *job,
                      const struct vs_caller *caller, const struct vs_export_request *request,
                      vs_time_ms now, const struct vs_export **ret, struct vs_error *err)
{
    struct vs_id owner, participant;
    struct vs_stage *stage;
    VS_TRY(owner_of(caller, &owner, err));
    VS_TRY(check_request(relay, job->arena, caller, owner, request, &participant, err));
    VS_TRY(check_busy(relay, job->arena, owner, err));
    VS_TRY(vs_stage_new(job, &stage, err));
    struct vs_export *e = vs_arena_make(job->arena, struct vs_export);
    struct vs_value *row = vs_stage_row(stage, VS_T_EXPORT);
    struct vs_export_progress none = {0};
    const char *asked = request_text(job->arena, caller, request, participant);
    const char *progress = vs_export_progress_text(job->arena, &none);
    if (e == NULL || row == NULL || asked == NULL || progress == NULL)
        return vs_fail_memory(err);
    *e = (struct vs_export){.id = vs_id_new(&relay->seams, now),
                            .participant = owner,
                            .principal = caller->principal,
                            .request = *request,
                            .created = now,
                            .expires = VS_TIME_NONE,
                            .state = VS_EXPORT_RUNNING};
    row[VS_EXPORT_ID] = vs_id_value(&e->id);
    row[VS_EXPORT_PARTICIPANT] = vs_id_value(&e->participant);
    row[VS_EXPORT_PRINCIPAL] = vs_id_value(&e->principal);
    row[VS_EXPORT_CREATED] = vs_int(now);
    row[VS_EXPORT_REQUEST] = vs_text(asked);
    row[VS_EXPORT_STATE] = vs_int(VS_EXPORT_RUNNING);
    row[VS_EXPORT_PROGRESS] = vs_text(progress);
    VS_TRY(vs_stage_op(stage, vs_op_insert(VS_T_EXPORT, row), err));
    *ret = e;
    return vs_due_stage(stage, VS_DUE_EXPORT, now, vs_id_bytes(&e->id), VS_BYTES_NONE, err);
}

/* -- seeing and fetching ------------------------------------------------------------------- */

static vs_rc find(struct vs_relay *relay, struct vs_arena *arena,
                  const struct vs_caller *caller, struct vs_id id, struct vs_export_row **ret,
                  struct vs_error *err)
{
    struct vs_id owner;
    struct vs_value key = vs_id_value(&id);
    const struct vs_row *row;
    VS_TRY(owner_of(caller, &owner, err));
    VS_TRY(vs_store_get(relay->store, arena, VS_T_EXPORT, &key, &row, err));
    if (row == NULL)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "there is no such export");
    VS_TRY(vs_export_from_row(relay, arena, row, ret, err));
    VS_REFUSE_IF(!vs_id_equal((*ret)->export.participant, owner), err, VS_E_NOT_FOUND,
                 "Art. 35", "there is no such export");
    return VS_OK;
}

vs_rc vs_export_get(struct vs_relay *relay, struct vs_arena *arena,
                    const struct vs_caller *caller, struct vs_id id,
                    const struct vs_export **ret, struct vs_error *err)
{
    struct vs_export_row *row;
    VS_TRY(find(relay, arena, caller, id, &row, err));
    *ret = &row->export;
    return VS_OK;
}

static vs_rc read_file(const struct vs_source *source, uint64_t offset, void *to, size_t len,
                       struct vs_error *err)
{
    size_t got;
    int failed = vs_fileops_real.read(source->context, to, len, offset, &got);
    if (failed != 0 || got != len)
        return vs_fail(err, VS_E_IO, NULL, "a bundle cannot be read");
    return VS_OK;
}

vs_rc vs_export_open(struct vs_relay *relay, struct vs_arena *arena,
                     const struct vs_caller *caller, struct vs_id id,
                     struct vs_export_file *ret, struct vs_error *err)
{
    struct vs_export_row *row;
    char text[VS_ID_TEXT];
    VS_TRY(find(relay, arena, caller, id, &row, err));
    if (row->export.state != VS_EXPORT_READY)
        return vs_fail(err, VS_E_STATE, NULL, "the bundle is %s",
                       vs_export_state_name(row->export.state));
    enum vs_pack_form form = row->export.request.form;
    struct vs_source *source = vs_arena_make(arena, struct vs_source);
    const char *path = vs_export_path(relay, arena, id, VS_OUT_ARCHIVE);
    vs_id_text(id, text);
    const char *name = vs_arena_printf(arena, "vasite-%s%s", text, vs_pack_suffix(form));
    struct vs_export_file file = {
        .source = source, .name = name, .media_type = vs_pack_media_type(form)};
    if (source == NULL || path == NULL || name == NULL)
        return vs_fail_memory(err);
    int failed = vs_fileops_real.open(vs_fileops_real.context, path, 0, &file.file);
    if (failed != 0)
        return vs_fail_file(err, failed, "open", path);
    *source = (struct vs_source){row->export.size, file.file, read_file};
    *ret = file;
    return VS_OK;
}

void vs_export_close(struct vs_export_file *file)
{
    if (file->file != NULL)
        vs_fileops_real.close(file->file);
    file->file = NULL;
}
