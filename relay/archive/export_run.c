/* An export, slice by slice: begin, documents, end; and its going when its time has come. */
#include "formats/bundle/bag.h"
#include "formats/evidence/checkpoint.h"
#include "relay/archive/exports_priv.h"
#include "relay/exchange/issue.h"
#include "relay/journal.h"
#include <errno.h>

#define SLICE_ARENA     ((size_t)64 << 20)
#define ONE_ARENA       ((size_t)512 << 20)
#define OUT_ROOM        ((size_t)128 << 10)
#define SLICE_DOCUMENTS 256
#define SLICE_ROWS      4000
#define SLICE_BYTES     (UINT64_C(64) << 20)
#define PAGE            250
#define KEEP_MS         (7 * VS_DAY_MS)
#define ATTEMPTS        20
/* An id's time is that of its making, soon after the last byte was read. */
#define ID_SLACK_MS VS_DAY_MS

/* -- outputs ------------------------------------------------------------------------------- */

vs_rc vs_out_flush(struct vs_out *out, struct vs_error *err)
{
    struct iovec part = {out->room, out->used};
    if (out->used == 0)
        return VS_OK;
    int failed = vs_fileops_real.write(out->file, &part, 1, out->length);
    if (failed != 0)
        return vs_fail_file(err, failed, "write", "exports");
    out->length += out->used;
    out->used = 0;
    return VS_OK;
}

vs_rc vs_out_put(struct vs_out *out, struct vs_bytes bytes, struct vs_error *err)
{
    while (bytes.len > 0) {
        size_t room = OUT_ROOM - out->used, n = bytes.len < room ? bytes.len : room;
        memcpy(out->room + out->used, bytes.ptr, n);
        out->used += n;
        bytes = VS_BYTES(bytes.ptr + n, bytes.len - n);
        if (out->used == OUT_ROOM)
            VS_TRY(vs_out_flush(out, err));
    }
    return VS_OK;
}

vs_rc vs_out_read(const struct vs_source *source, uint64_t offset, void *to, size_t len,
                  struct vs_error *err)
{
    const struct vs_out *out = source->context;
    size_t got;
    int failed = vs_fileops_real.read(out->file, to, len, offset, &got);
    if (failed != 0 || got != len)
        return vs_fail(err, VS_E_IO, NULL, "a file of the export cannot be read");
    return VS_OK;
}

/* Cut back to what is committed: what a slice left that did not come to its end goes. */
static vs_rc open_outs(struct vs_export_slice *s, struct vs_error *err)
{
    for (int i = 0; i < VS_OUTS; i++) {
        struct vs_out *out = &s->outs[i];
        const char *path =
            vs_export_path(s->relay, s->arena, s->row->export.id, (enum vs_export_output)i);
        if (path == NULL)
            return vs_fail_memory(err);
        int failed = vs_fileops_real.open(vs_fileops_real.context, path,
                                          VS_FILE_WRITE | VS_FILE_CREATE, &out->file);
        out->length = (uint64_t)s->row->progress.lengths[i];
        if (failed == 0)
            failed = vs_fileops_real.truncate(out->file, out->length);
        if (failed != 0)
            return vs_fail_file(err, failed, "open", path);
        out->room = vs_heap_new(OUT_ROOM);
    }
    return VS_OK;
}

static vs_rc sync_outs(struct vs_export_slice *s, struct vs_error *err)
{
    for (int i = 0; i < VS_OUTS; i++) {
        VS_TRY(vs_out_flush(&s->outs[i], err));
        int failed = vs_fileops_real.sync(s->outs[i].file);
        if (failed != 0)
            return vs_fail_file(err, failed, "sync", "exports");
        s->row->progress.lengths[i] = (int64_t)s->outs[i].length;
    }
    return VS_OK;
}

static void close_slice(struct vs_export_slice *s)
{
    vs_pack_free(s->pack);
    for (int i = 0; i < VS_OUTS; i++) {
        if (s->outs[i].file != NULL)
            vs_fileops_real.close(s->outs[i].file);
        vs_heap_free(s->outs[i].room);
    }
    vs_arena_free(s->arena);
    vs_arena_free(s->one);
}

static vs_rc to_archive(void *context, struct vs_bytes bytes, struct vs_error *err)
{
    struct vs_export_slice *s = context;
    return vs_out_put(&s->outs[VS_OUT_ARCHIVE], bytes, err);
}

static vs_rc to_directory(void *context, struct vs_bytes bytes, struct vs_error *err)
{
    struct vs_export_slice *s = context;
    return vs_out_put(&s->outs[VS_OUT_DIRECTORY], bytes, err);
}

/* -- files of the bundle ------------------------------------------------------------------- */

vs_rc vs_export_pack(struct vs_export_slice *s, const char *path,
                     const struct vs_source *source, uint8_t sha256[32], struct vs_error *err)
{
    char id[VS_ID_TEXT];
    vs_id_text(s->row->export.id, id);
    const char *name = vs_arena_printf(s->one, "vasite-%s/%s", id, path);
    VS_ASSERT(vs_bag_path_good(path));
    if (name == NULL)
        return vs_fail_memory(err);
    return vs_pack_source(s->pack, name, source, sha256, err);
}

vs_rc vs_export_add(struct vs_export_slice *s, const char *path, const struct vs_source *source,
                    struct vs_error *err)
{
    uint8_t sha256[32];
    VS_BUFFER line;
    vs_buffer_init(&line, VS_BAG_LINE_MAX + 1);
    VS_TRY(vs_export_pack(s, path, source, sha256, err));
    vs_bag_line(&line, sha256, path);
    VS_TRY(vs_buffer_check(&line, err));
    s->row->progress.files++;
    s->row->progress.bytes += (int64_t)source->size;
    s->packed += source->size;
    return vs_out_put(&s->outs[VS_OUT_MANIFEST], vs_buffer_view(&line), err);
}

vs_rc vs_export_add_bytes(struct vs_export_slice *s, const char *path, struct vs_bytes bytes,
                          struct vs_error *err)
{
    struct vs_bytes_source source;
    vs_bytes_source_init(&source, bytes);
    return vs_export_add(s, path, &source.source, err);
}

/* -- begin --------------------------------------------------------------------------------- */

static void id_at(vs_time_ms time, struct vs_id *ret)
{
    *ret = VS_ID_NONE;
    for (int i = 0; i < 6; i++)
        ret->bytes[i] = (uint8_t)((uint64_t)time >> (8 * (5 - i)));
}

/* Rows that the request may mean, after the cursor. */
struct range {
    struct vs_id low, high, cursor;
    struct vs_value low_value, high_value, after;
    struct vs_query query;
};

static void range_of(const struct vs_export_row *row, struct range *r)
{
    const struct vs_export_request *q = &row->export.request;
    vs_time_ms end = row->export.created + ID_SLACK_MS;
    vs_time_ms from = q->from == VS_TIME_NONE ? 0 : q->from - ID_SLACK_MS;
    if (q->until != VS_TIME_NONE && q->until + ID_SLACK_MS < end)
        end = q->until + ID_SLACK_MS;
    id_at(from < 0 ? 0 : from, &r->low);
    id_at(end, &r->high);
    if (!vs_id_is_none(q->document))
        r->low = r->high = q->document;
    r->low_value = vs_id_value(&r->low);
    r->high_value = vs_id_value(&r->high);
    r->query = (struct vs_query){
        .table = VS_T_DOCUMENT, .low = &r->low_value, .high = &r->high_value, .limit = PAGE};
    r->cursor = row->cursor;
    r->after = vs_id_value(&r->cursor);
    if (!vs_id_is_none(r->cursor)) {
        r->query.after = &r->after;
        r->query.n_after = 1;
    }
}

static vs_rc put_head(struct vs_export_slice *s, enum vs_export_output output,
                      struct vs_error *err)
{
    VS_BUFFER text;
    vs_buffer_init(&text, 65536);
    if (output == VS_OUT_CSV)
        vs_bundle_csv_head(&text);
    else
        vs_bundle_html_head(&text, s->row->export.created / 1000 * 1000);
    VS_TRY(vs_buffer_check(&text, err));
    return vs_out_put(&s->outs[output], vs_buffer_view(&text), err);
}

static vs_rc begin(struct vs_export_slice *s, struct vs_error *err)
{
    struct range range;
    uint64_t n;
    VS_TRY(vs_journal_checkpoint(s->relay->journal, s->arena, &s->row->checkpoint, err));
    range_of(s->row, &range);
    VS_TRY(vs_store_count(s->relay->store, &range.query, &n, err));
    s->row->progress.to_look_at = (int64_t)n;
    VS_TRY(put_head(s, VS_OUT_CSV, err));
    VS_TRY(put_head(s, VS_OUT_HTML, err));
    VS_TRY(vs_export_authority(s, err));
    s->row->progress.step = VS_EXPORT_DOCUMENTS;
    return VS_OK;
}

/* -- documents ----------------------------------------------------------------------------- */

/* An auditor's request may name a participant; an archivist sees its own in any case. */
static vs_rc is_wanted(struct vs_export_slice *s, const struct vs_value *v, bool *ret,
                       struct vs_error *err)
{
    const struct vs_export_request *q = &s->row->export.request;
    struct vs_id party = s->row->of_participant;
    vs_time_ms sent = v[VS_DOCUMENT_SENT].integer;
    *ret = (q->from == VS_TIME_NONE || sent >= q->from) &&
           (q->until == VS_TIME_NONE || sent < q->until);
    if (!*ret || vs_id_is_none(party) ||
        vs_id_equal(party, vs_value_id(&v[VS_DOCUMENT_SENDER])))
        return VS_OK;
    struct vs_value key[2] = {v[VS_DOCUMENT_ID], vs_id_value(&party)};
    const struct vs_row *delivery;
    VS_TRY(vs_store_get(s->relay->store, s->one, VS_T_DELIVERY, key, &delivery, err));
    *ret = delivery != NULL;
    return VS_OK;
}

static vs_rc take_row(struct vs_export_slice *s, const struct vs_row *row, struct vs_error *err)
{
    bool wanted;
    vs_arena_reset(s->one);
    struct vs_id id = vs_value_id(&row->values[VS_DOCUMENT_ID]);
    VS_TRY(is_wanted(s, row->values, &wanted, err));
    if (wanted)
        VS_TRY(vs_export_document(s, id, &wanted, err));
    s->row->progress.documents += wanted;
    s->row->progress.looked_at++;
    s->row->cursor = id;
    return VS_OK;
}

static vs_rc documents(struct vs_export_slice *s, struct vs_error *err)
{
    int64_t first = s->row->progress.documents, looked = s->row->progress.looked_at;
    for (;;) {
        struct range range;
        const struct vs_row *rows;
        size_t n;
        VS_ARENA *page = vs_arena_new(SLICE_ARENA);
        range_of(s->row, &range);
        if (page == NULL)
            return vs_fail_memory(err);
        VS_TRY(vs_store_select(s->relay->store, page, &range.query, &rows, &n, err));
        for (size_t i = 0; i < n; i++) {
            VS_TRY(take_row(s, &rows[i], err));
            if (s->packed >= SLICE_BYTES ||
                s->row->progress.documents - first >= SLICE_DOCUMENTS)
                return VS_OK;
        }
        if (n < PAGE) {
            s->row->progress.step = VS_EXPORT_END;
            return VS_OK;
        }
        if (s->row->progress.looked_at - looked >= SLICE_ROWS)
            return VS_OK;
    }
}

/* -- one slice ----------------------------------------------------------------------------- */

static vs_rc open_slice(struct vs_export_slice *s, struct vs_error *err)
{
    s->arena = vs_arena_new(SLICE_ARENA);
    s->one = vs_arena_new(ONE_ARENA);
    const char *folder = s->arena == NULL
                             ? NULL
                             : vs_arena_printf(s->arena, "%s/exports", s->relay->settings.data);
    if (folder == NULL || s->one == NULL)
        return vs_fail_memory(err);
    int failed = vs_fileops_real.make_folder(vs_fileops_real.context, folder);
    if (failed != 0 && failed != EEXIST)
        return vs_fail_file(err, failed, "make", folder);
    VS_TRY(open_outs(s, err));
    struct vs_pack_options options = {.form = s->row->export.request.form,
                                      .archive = to_archive,
                                      .directory = to_directory,
                                      .context = s,
                                      .offset = s->outs[VS_OUT_ARCHIVE].length,
                                      .n_entries = (uint64_t)s->row->progress.files,
                                      .time = s->row->export.created};
    VS_TRY(vs_pack_new(&options, &s->pack, err));
    struct vs_checkpoint note;
    if (s->row->checkpoint.len == 0)
        return VS_OK;
    VS_TRY(vs_checkpoint_read(s->arena, s->row->checkpoint, &note, err));
    s->log_size = note.size;
    return VS_OK;
}

static vs_rc write_slice(struct vs_export_slice *s, struct vs_export_ending *e,
                         struct vs_error *err)
{
    int64_t step = s->row->progress.step;
    VS_TRY(step == VS_EXPORT_BEGIN       ? begin(s, err)
           : step == VS_EXPORT_DOCUMENTS ? documents(s, err)
                                         : vs_export_end(s, e, err));
    struct vs_out *directory = &s->outs[VS_OUT_DIRECTORY];
    VS_TRY(vs_out_flush(directory, err));
    struct vs_source source = {directory->length, directory, vs_out_read};
    VS_TRY(vs_pack_end(s->pack, step == VS_EXPORT_END, &source, err));
    return sync_outs(s, err);
}

static vs_rc stage_slice(struct vs_export_slice *s, struct vs_job *job,
                         const struct vs_due *work, bool last, struct vs_export_ending *e,
                         struct vs_error *err)
{
    struct vs_stage *stage;
    VS_TRY(vs_stage_new(job, &stage, err));
    struct vs_export_row *r = s->row;
    struct vs_value *row = vs_stage_row(stage, VS_T_EXPORT);
    const char *progress = vs_export_progress_text(job->arena, &r->progress);
    if (row == NULL || progress == NULL)
        return vs_fail_memory(err);
    uint64_t set =
        VS_SET(VS_EXPORT_PROGRESS) | VS_SET(VS_EXPORT_CURSOR) | VS_SET(VS_EXPORT_CHECKPOINT);
    row[VS_EXPORT_ID] = vs_id_value(&r->export.id);
    row[VS_EXPORT_PROGRESS] = vs_text(progress);
    row[VS_EXPORT_CURSOR] = vs_id_value(&r->cursor);
    row[VS_EXPORT_CHECKPOINT] = vs_blob(vs_bytes_copy(job->arena, r->checkpoint));
    vs_time_ms due = s->now;
    if (last) {
        due = s->now + KEEP_MS;
        row[VS_EXPORT_STATE] = vs_int(VS_EXPORT_READY);
        row[VS_EXPORT_EVIDENCE] = vs_id_value(&e->issued.id);
        row[VS_EXPORT_EXPIRES] = vs_int(due);
        set |= VS_SET(VS_EXPORT_STATE) | VS_SET(VS_EXPORT_EVIDENCE) | VS_SET(VS_EXPORT_EXPIRES);
        e->issued.xml = vs_bytes_copy(job->arena, e->issued.xml);
        VS_TRY(vs_issue_stage(stage, &e->facts, &e->issue, &e->issued, err));
    }
    VS_TRY(vs_stage_op(stage, vs_op_update(VS_T_EXPORT, row, set, r->export.version), err));
    return vs_due_move_stage(stage, work, due, VS_BYTES_NONE, err);
}

/* What will not be better the next time ends the export; the rest is tried again. */
static bool is_final(vs_rc rc, const struct vs_due *work)
{
    enum vs_class class = vs_code_info(rc.code)->class;
    return rc.code == VS_E_CORRUPT || class == VS_CLASS_REFUSED || class == VS_CLASS_CALLER ||
           work->attempts > ATTEMPTS;
}

static vs_rc stage_failure(struct vs_export_slice *s, struct vs_job *job,
                           const struct vs_due *work, vs_rc why, const struct vs_error *cause,
                           struct vs_error *err)
{
    struct vs_stage *stage;
    VS_TRY(vs_stage_new(job, &stage, err));
    struct vs_value *row = vs_stage_row(stage, VS_T_EXPORT);
    const char *text =
        vs_arena_printf(job->arena, "%s: %s", vs_code_info(why.code)->name, cause->text);
    if (row == NULL || text == NULL)
        return vs_fail_memory(err);
    row[VS_EXPORT_ID] = vs_id_value(&s->row->export.id);
    row[VS_EXPORT_STATE] = vs_int(VS_EXPORT_FAILED);
    row[VS_EXPORT_ERROR] = vs_text(text);
    row[VS_EXPORT_EXPIRES] = vs_int(s->now + KEEP_MS);
    uint64_t set =
        VS_SET(VS_EXPORT_STATE) | VS_SET(VS_EXPORT_ERROR) | VS_SET(VS_EXPORT_EXPIRES);
    VS_TRY(
        vs_stage_op(stage, vs_op_update(VS_T_EXPORT, row, set, s->row->export.version), err));
    return vs_due_move_stage(stage, work, s->now + KEEP_MS, VS_BYTES_NONE, err);
}

static vs_rc run_slice(struct vs_export_slice *s, struct vs_job *job, const struct vs_due *work,
                       struct vs_error *err)
{
    struct vs_export_ending *e = vs_arena_make(job->arena, struct vs_export_ending);
    if (e == NULL)
        return vs_fail_memory(err);
    bool last = s->row->progress.step == VS_EXPORT_END;
    vs_rc rc = open_slice(s, err);
    if (vs_ok(rc))
        rc = write_slice(s, e, err);
    if (vs_ok(rc))
        rc = stage_slice(s, job, work, last, e, err);
    else if (is_final(rc, work)) {
        struct vs_error cause = *err;
        rc = stage_failure(s, job, work, rc, &cause, err);
    }
    return rc;
}

/* -- and its going ------------------------------------------------------------------------- */

static void remove_files(struct vs_relay *relay, struct vs_arena *arena, struct vs_id id,
                         bool archive_too)
{
    for (int i = archive_too ? 0 : 1; i < VS_OUTS; i++) {
        const char *path = vs_export_path(relay, arena, id, (enum vs_export_output)i);
        if (path != NULL)
            (void)vs_fileops_real.remove(vs_fileops_real.context, path);
    }
}

static vs_rc remove_export(struct vs_relay *relay, struct vs_job *job,
                           const struct vs_export *export, const struct vs_due *work,
                           struct vs_error *err)
{
    struct vs_stage *stage;
    VS_TRY(vs_stage_new(job, &stage, err));
    struct vs_value *key = vs_stage_row(stage, VS_T_EXPORT);
    if (key == NULL)
        return vs_fail_memory(err);
    key[VS_EXPORT_ID] = vs_id_value(&export->id);
    remove_files(relay, job->arena, export->id, true);
    VS_TRY(vs_stage_op(stage, vs_op_delete(VS_T_EXPORT, key, export->version), err));
    return vs_due_done_stage(stage, work, err);
}

vs_rc vs_export_run(struct vs_relay *relay, struct vs_job *job, const struct vs_due *work,
                    vs_time_ms now, struct vs_error *err)
{
    struct vs_value key = vs_blob(work->subject);
    const struct vs_row *row;
    struct vs_export_row *export;
    struct vs_stage *stage;
    VS_TRY(vs_store_get(relay->store, job->arena, VS_T_EXPORT, &key, &row, err));
    if (row == NULL) {
        VS_TRY(vs_stage_new(job, &stage, err));
        return vs_due_done_stage(stage, work, err);
    }
    VS_TRY(vs_export_from_row(relay, job->arena, row, &export, err));
    if (export->export.state != VS_EXPORT_RUNNING)
        return remove_export(relay, job, &export->export, work, err);
    struct vs_export_slice slice = {.relay = relay,
                                    .row = export,
                                    .now = now,
                                    .caller = {.principal = export->export.principal,
                                               .participant = export->export.participant,
                                               .roles = export->roles}};
    vs_rc rc = run_slice(&slice, job, work, err);
    close_slice(&slice);
    return rc;
}
