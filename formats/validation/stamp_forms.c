#include "formats/timestamp/request.h"
#include "formats/validation/forms.h"
#include "formats/validation/stamps.h"

#define TOKEN_MAX_BYTES ((size_t)VS_TIMESTAMP_MAX_BYTES)

/* -- a bare token over detached content ---------------------------------------------------- */

/* Of several contents the one that fits, else the first. */
struct choice {
    struct vs_box *box;
    const struct vs_timestamp *token;
};

static vs_rc imprint_of_contents(void *self, enum vs_digest_algorithm algorithm,
                                 struct vs_digest *ret, bool *ret_known, struct vs_error *err)
{
    struct choice *choice = self;
    struct vs_box *box = choice->box;
    *ret_known = box != NULL && box->n_objects > 0;
    for (size_t i = *ret_known ? box->n_objects : 0; i-- > 0;) {
        VS_TRY(vs_box_digest(box, &box->objects[i], algorithm, ret, err));
        if (choice->token != NULL && vs_timestamp_covers(choice->token, ret)) {
            box->objects[i].claimed = box->objects[i].intact = true;
            break;
        }
    }
    return VS_OK;
}

/* A response is as good as its token (RFC 3161, 2.4.2). */
static struct vs_bytes token_of(struct vs_bytes bytes)
{
    struct vs_timestamp_response response;
    if (vs_ok(vs_timestamp_response_decode(bytes, &response, NULL)) && response.token.len > 0)
        return response.token;
    return bytes;
}

vs_rc vs_judge_token(struct vs_context *context, struct vs_bytes bytes, struct vs_box *box,
                     struct vs_error *err)
{
    struct vs_bytes token = token_of(bytes);
    struct choice choice = {.box = box};
    struct vs_stamp_subject subject = {imprint_of_contents, &choice};
    struct vs_stamp_options options = {
        .kind = VS_TIMESTAMP_DOCUMENT, .signature = -1, .poe = vs_context_proved(context)};
    struct vs_timestamp_report *report;
    /* Unreadable: the judge says so. */
    (void)vs_timestamp_decode(context->arena, token, &choice.token, NULL).code;
    return vs_stamp_judge(context, token, &subject, &options, &report, NULL, err);
}

/* -- tokens of a container (EN 319 162-1, 4.3.3.3, 4.4.3.3, A.7) --------------------------- */

struct file_stamp {
    const struct vs_asic_entry *entry;
    const struct vs_manifest_file *manifest; /* through which it covers; NULL: directly */
    struct vs_bytes token;
    bool judged;
    size_t report; /* its number in the context's reports */
};

struct stamps {
    struct vs_context *context;
    struct vs_box *box;
    struct file_stamp *items;
    size_t n;
};

struct file_subject {
    struct vs_box *box;
    struct vs_box_object *object; /* what the token is over; NULL: nothing to be found */
};

static vs_rc imprint_of_object(void *self, enum vs_digest_algorithm algorithm,
                               struct vs_digest *ret, bool *ret_known, struct vs_error *err)
{
    struct file_subject *subject = self;
    *ret_known = subject->object != NULL;
    return subject->object == NULL
               ? VS_OK
               : vs_box_digest(subject->box, subject->object, algorithm, ret, err);
}

/* The one data object that an ASiC-S's token covers without a manifest. */
static struct vs_box_object *only_data(struct vs_box *box)
{
    struct vs_box_object *found = NULL;
    for (size_t i = 0; i < box->n_objects; i++) {
        if (!box->objects[i].data)
            continue;
        if (found != NULL)
            return NULL;
        found = &box->objects[i];
    }
    return box->asic->kind == VS_ASIC_S ? found : NULL;
}

static struct vs_box_object *subject_of(struct stamps *s, const struct file_stamp *f)
{
    struct vs_box_object *object =
        f->manifest != NULL ? vs_box_find(s->box, vs_bytes_text(f->manifest->entry->zip->name))
                            : only_data(s->box);
    if (object != NULL)
        object->claimed = true;
    return object;
}

/* What a token that holds covers existed at its time, earlier tokens above all. */
static void prove(struct stamps *s, const struct file_stamp *f, vs_time_ms time)
{
    for (size_t i = 0; i < s->n; i++)
        if (f->manifest != NULL && vs_manifest_lists(f->manifest->manifest, s->items[i].entry))
            vs_poe_add(s->context, s->items[i].token, time);
    for (size_t i = 0; f->manifest != NULL && i < f->manifest->manifest->n_references; i++) {
        const struct vs_asic_reference *r = &f->manifest->manifest->references[i];
        struct vs_box_object *o = vs_box_find(s->box, vs_bytes_text(r->name));
        if (o != NULL && time < o->poe)
            o->poe = time;
    }
}

static vs_rc judge_file(struct stamps *s, struct file_stamp *f, struct vs_error *err)
{
    struct vs_context *context = s->context;
    struct file_subject file = {s->box, subject_of(s, f)};
    struct vs_stamp_subject subject = {imprint_of_object, &file};
    struct vs_stamp_options options = {
        .kind = f->manifest != NULL && f->manifest->entry->role == VS_ASIC_ARCHIVE_MANIFEST
                    ? VS_TIMESTAMP_ARCHIVE
                    : VS_TIMESTAMP_DOCUMENT,
        .signature = -1,
        .poe = vs_poe_of(context, f->token)};
    struct vs_timestamp_report *report;
    f->judged = true;
    f->report = context->report->n_timestamps;
    VS_TRY(vs_stamp_judge(context, f->token, &subject, &options, &report, NULL, err));
    if (s->box->format_fault != NULL) {
        vs_verdict_worsen(&report->verdict, VS_FAILED, VS_SUB_FORMAT_FAILURE);
        vs_reason_add(context->arena, &report->errors, s->box->format_clause, "%s",
                      s->box->format_fault);
    }
    if (f->manifest != NULL)
        VS_TRY(vs_manifest_check(context, s->box, f->manifest, &report->verdict,
                                 &report->errors, NULL, NULL, err));
    if (report->verdict.indication == VS_PASSED) {
        if (file.object != NULL)
            file.object->intact = true;
        prove(s, f, report->gen_time);
    }
    return VS_OK;
}

/* Whether a token not yet judged covers this one: that one comes first, as its proof. */
static bool must_wait(const struct stamps *s, const struct file_stamp *f)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct file_stamp *other = &s->items[i];
        if (other != f && !other->judged && other->manifest != NULL &&
            vs_manifest_lists(other->manifest->manifest, f->entry))
            return true;
    }
    return false;
}

static vs_rc judge_all(struct stamps *s, struct vs_error *err)
{
    for (size_t done = 0; done < s->n;) {
        size_t before = done;
        for (size_t i = 0; i < s->n; i++) {
            if (s->items[i].judged || must_wait(s, &s->items[i]))
                continue;
            VS_TRY(judge_file(s, &s->items[i], err));
            done++;
        }
        if (done > before)
            continue;
        /* Manifests that cover each other in a ring prove nothing: take them as they come. */
        for (size_t i = 0; i < s->n; i++)
            if (!s->items[i].judged) {
                VS_TRY(judge_file(s, &s->items[i], err));
                done++;
            }
    }
    return VS_OK;
}

/* Reports stand in the order of the container's entries. */
static vs_rc put_in_order(struct stamps *s, size_t first, struct vs_error *err)
{
    struct vs_timestamp_report *sorted =
        vs_arena_make_n(s->context->arena, struct vs_timestamp_report, s->n + 1);
    if (sorted == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < s->n; i++)
        sorted[i] = s->context->report->timestamps[s->items[i].report];
    for (size_t i = 0; i < s->n; i++)
        s->context->report->timestamps[first + i] = sorted[i];
    return VS_OK;
}

vs_rc vs_judge_container_stamps(struct vs_context *context, struct vs_box *box,
                                const struct vs_manifests *manifests, struct vs_error *err)
{
    const struct vs_asic *asic = box->asic;
    struct stamps s = {.context = context, .box = box};
    size_t first = context->report->n_timestamps;
    s.items = vs_arena_make_n(context->arena, struct file_stamp, asic->n_entries + 1);
    if (s.items == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < asic->n_entries; i++) {
        struct file_stamp *f = &s.items[s.n];
        if (asic->entries[i].role != VS_ASIC_TIMESTAMP)
            continue;
        f->entry = &asic->entries[i];
        f->manifest = vs_manifest_of(manifests, f->entry);
        VS_TRY(vs_zip_read_all(asic->zip, f->entry->zip, context->arena, TOKEN_MAX_BYTES,
                               &f->token, err));
        s.n++;
    }
    VS_TRY(judge_all(&s, err));
    return put_in_order(&s, first, err);
}
