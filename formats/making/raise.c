#include "formats/certificate/certificate.h"
#include "formats/making/raise_priv.h"
#include "formats/timestamp/timestamp.h"

enum {
    DOCUMENT_MAX = 128 << 20, /* of a file with signatures */
    SUBJECTS_MAX = 256,
};

/* What the signature in hand still lacks, in this order. */
enum step { STEP_MARK, STEP_DATA, STEP_ARCHIVE, STEPS_DONE };

struct vs_raising {
    struct vs_arena *arena;
    struct vs_raise_options options;
    const struct vs_source *document;
    const struct vs_asic *asic; /* NULL: the document is one file */
    struct vs_raise_part *parts;
    size_t n_parts;
    size_t part, signature; /* in hand */
    enum step step;
    bool begun; /* `step` is that of the signature in hand */
    bool asked; /* `need` is what is wanted */
    struct vs_raise_need need;
};

vs_rc vs_raise_no_content(struct vs_error *err)
{
    return vs_fail(err, VS_E_PARAMETER, "EN 319 102-1, 5.6.2.3",
                   "an archive time mark covers the content, which is not at hand");
}

/* -- data outside a signature file --------------------------------------------------------- */

static const struct vs_zip_entry *entry_named(const struct vs_raising *r, struct vs_bytes name)
{
    for (size_t i = 0; r->asic != NULL && i < r->asic->n_entries; i++)
        if (vs_bytes_is(name, r->asic->entries[i].zip->name))
            return r->asic->entries[i].zip;
    return NULL;
}

static const struct vs_source *content_named(const struct vs_raising *r, struct vs_bytes name)
{
    if (r->options.n_contents == 1)
        return r->options.contents[0].source;
    for (size_t i = 0; i < r->options.n_contents; i++)
        if (vs_bytes_is(name, r->options.contents[i].name))
            return r->options.contents[i].source;
    return NULL;
}

static vs_rc add_chunk(void *context, struct vs_bytes chunk, struct vs_error *err)
{
    (void)err;
    vs_hasher_add(context, chunk);
    return VS_OK;
}

static vs_rc feed(void *context, struct vs_bytes name, struct vs_hasher *hasher,
                  bool *ret_found, struct vs_error *err)
{
    const struct vs_raising *r = context;
    const struct vs_zip_entry *entry = entry_named(r, name);
    const struct vs_source *content = entry == NULL ? content_named(r, name) : NULL;
    *ret_found = entry != NULL || content != NULL;
    if (entry != NULL)
        return vs_zip_read(r->asic->zip, entry, add_chunk, hasher, err);
    return content != NULL ? vs_hasher_add_source(hasher, content, err) : VS_OK;
}

static vs_rc all_bytes(void *context, struct vs_bytes name, struct vs_arena *arena,
                       struct vs_bytes *ret, bool *ret_found, struct vs_error *err)
{
    const struct vs_raising *r = context;
    const struct vs_zip_entry *entry = entry_named(r, name);
    const struct vs_source *content = entry == NULL ? content_named(r, name) : NULL;
    *ret_found = entry != NULL || content != NULL;
    if (entry != NULL)
        return vs_zip_read_all(r->asic->zip, entry, arena, DOCUMENT_MAX, ret, err);
    return content != NULL ? vs_source_all(content, arena, DOCUMENT_MAX, ret, err) : VS_OK;
}

/* -- beginning ----------------------------------------------------------------------------- */

static const struct vs_raise_form *form_of_entry(enum vs_asic_role role)
{
    return role == VS_ASIC_XADES   ? &vs_raise_xades
           : role == VS_ASIC_CADES ? &vs_raise_cades
                                   : NULL;
}

static const struct vs_raise_form *form_of_document(enum vs_document_form form)
{
    switch (form) {
    case VS_FORM_XML:
        return &vs_raise_xades;
    case VS_FORM_CMS:
        return &vs_raise_cades;
    case VS_FORM_PDF:
        return &vs_raise_pades;
    default:
        return NULL;
    }
}

static struct vs_raise_part *new_part(struct vs_raising *r, const struct vs_raise_form *form)
{
    struct vs_raise_part *part = &r->parts[r->n_parts++];
    *part =
        (struct vs_raise_part){.arena = r->arena,
                               .form = form,
                               .digest = r->options.digest,
                               .resolver = {.context = r, .feed = feed, .bytes = all_bytes}};
    return part;
}

/* What a detached CMS in a container signs: the manifest that names it, or the one data object
 * (EN 319 162-1, 4.3 and 4.4). */
static vs_rc content_of_entry(struct vs_raising *r, struct vs_raise_part *part,
                              struct vs_error *err)
{
    const struct vs_asic_entry *found = NULL;
    for (size_t i = 0; i < r->asic->n_entries; i++) {
        const struct vs_asic_entry *e = &r->asic->entries[i];
        if (r->asic->kind == VS_ASIC_S && e->role == VS_ASIC_DATA)
            found = e;
        if (r->asic->kind == VS_ASIC_S || e->role != VS_ASIC_MANIFEST)
            continue;
        const struct vs_asic_manifest *manifest;
        VS_TRY(vs_asic_manifest_read(r->arena, r->asic, e, &manifest, err));
        if (manifest->sig_reference == part->entry)
            found = e;
    }
    if (found == NULL)
        return VS_OK;
    struct vs_part_source *stored = vs_arena_make(r->arena, struct vs_part_source);
    struct vs_bytes_source *unpacked = vs_arena_make(r->arena, struct vs_bytes_source);
    struct vs_bytes bytes;
    if (stored == NULL || unpacked == NULL)
        return vs_fail_memory(err);
    if (vs_zip_stored(r->asic->zip, found->zip, stored)) {
        part->content = &stored->source;
        return VS_OK;
    }
    VS_TRY(vs_zip_read_all(r->asic->zip, found->zip, r->arena, DOCUMENT_MAX, &bytes, err));
    vs_bytes_source_init(unpacked, bytes);
    part->content = &unpacked->source;
    return VS_OK;
}

static vs_rc open_container(struct vs_raising *r, struct vs_error *err)
{
    VS_TRY(vs_asic_open(r->arena, r->document, NULL, &r->asic, err));
    r->parts = vs_arena_make_n(r->arena, struct vs_raise_part, r->asic->n_entries + 1);
    if (r->parts == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < r->asic->n_entries; i++) {
        const struct vs_asic_entry *e = &r->asic->entries[i];
        const struct vs_raise_form *form = form_of_entry(e->role);
        if (form == NULL)
            continue;
        struct vs_raise_part *part = new_part(r, form);
        part->entry = e;
        VS_TRY(vs_zip_read_all(r->asic->zip, e->zip, r->arena, DOCUMENT_MAX, &part->text, err));
        if (form == &vs_raise_cades)
            VS_TRY(content_of_entry(r, part, err));
    }
    return VS_OK;
}

static vs_rc open_file(struct vs_raising *r, enum vs_document_form form, struct vs_error *err)
{
    const struct vs_raise_form *how = form_of_document(form);
    VS_REFUSE_IF(how == NULL, err, VS_E_SIGNATURE_FORM, NULL,
                 "this is no signed document of a form that can be raised");
    r->parts = vs_arena_make_n(r->arena, struct vs_raise_part, 1);
    if (r->parts == NULL)
        return vs_fail_memory(err);
    struct vs_raise_part *part = new_part(r, how);
    part->content = r->options.n_contents > 0 ? r->options.contents[0].source : NULL;
    return vs_source_all(r->document, r->arena, DOCUMENT_MAX, &part->text, err);
}

vs_rc vs_raise_begin(struct vs_arena *arena, const struct vs_source *document,
                     const struct vs_raise_options *options, struct vs_raising **ret,
                     struct vs_error *err)
{
    enum vs_document_form form;
    size_t n = 0;
    struct vs_raising *r = vs_arena_make(arena, struct vs_raising);
    if (r == NULL)
        return vs_fail_memory(err);
    r->arena = arena;
    r->options = *options;
    r->document = document;
    if (r->options.digest == VS_DIGEST_NONE)
        r->options.digest = VS_SHA256;
    VS_REFUSE_IF(options->level < VS_LEVEL_T || options->level > VS_LEVEL_LTA, err,
                 VS_E_PARAMETER, NULL, "signatures are raised to B-T, B-LT or B-LTA");
    VS_TRY(vs_document_form_of(document, &form, err));
    if (form == VS_FORM_ASIC_E || form == VS_FORM_ASIC_S)
        VS_TRY(open_container(r, err));
    else
        VS_TRY(open_file(r, form, err));
    for (size_t i = 0; i < r->n_parts; i++) {
        VS_TRY(r->parts[i].form->count(&r->parts[i], &r->parts[i].n, err));
        n += r->parts[i].n;
    }
    VS_REFUSE_IF(n == 0, err, VS_E_SIGNATURE_FORM, NULL, "there is no signature to be raised");
    *ret = r;
    return VS_OK;
}

/* -- what is wanted ------------------------------------------------------------------------ */

static struct vs_raise_part *part_in_hand(struct vs_raising *r)
{
    return r->part < r->n_parts ? &r->parts[r->part] : NULL;
}

static void next_signature(struct vs_raising *r)
{
    struct vs_raise_part *part = part_in_hand(r);
    r->begun = false;
    if (++r->signature < part->n && !part->form->as_a_whole)
        return;
    r->signature = 0;
    r->part++;
}

static void next_step(struct vs_raising *r)
{
    r->asked = false;
    if (++r->step == STEPS_DONE)
        next_signature(r);
}

static bool is_wanted(const struct vs_raising *r, const struct vs_raise_state *s)
{
    switch (r->step) {
    case STEP_MARK:
        return !s->marked;
    case STEP_DATA:
        /* Also before each further archive time mark: about the marks so far. */
        return r->options.level >= VS_LEVEL_LT &&
               (!s->has_data || (r->options.level == VS_LEVEL_LTA && s->archived));
    default:
        return r->options.level == VS_LEVEL_LTA;
    }
}

static bool add_subject(struct vs_bytes *subjects, size_t *n, struct vs_bytes der)
{
    for (size_t i = 0; i < *n; i++)
        if (vs_bytes_equal(subjects[i], der))
            return true;
    if (*n == SUBJECTS_MAX || der.ptr == NULL)
        return false;
    subjects[(*n)++] = der;
    return true;
}

/* The authority of each time mark, among what token and signature enclose. */
static vs_rc add_authorities(struct vs_raising *r, const struct vs_raise_state *s,
                             struct vs_bytes *subjects, size_t *n, struct vs_error *err)
{
    for (size_t i = 0; i < s->n_tokens; i++) {
        const struct vs_timestamp *token;
        VS_CERTIFICATE *signer = NULL;
        VS_TRY(vs_timestamp_decode(r->arena, s->tokens[i], &token, err));
        VS_TRY(vs_timestamp_signer(token, NULL, 0, &signer, err));
        if (signer != NULL && !add_subject(subjects, n, vs_bytes_copy(r->arena, signer->der)))
            return vs_fail(err, VS_E_LIMIT, NULL, "over %d certificates to look after",
                           SUBJECTS_MAX);
    }
    return VS_OK;
}

static vs_rc add_known(struct vs_raising *r, const struct vs_raise_state *s,
                       struct vs_bytes **ret, size_t *ret_n, struct vs_error *err)
{
    size_t room = s->n_known, n = s->n_known;
    const struct vs_timestamp **tokens =
        vs_arena_make_n(r->arena, const struct vs_timestamp *, s->n_tokens + 1);
    if (tokens == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < s->n_tokens; i++) {
        VS_TRY(vs_timestamp_decode(r->arena, s->tokens[i], &tokens[i], err));
        room += tokens[i]->n_certificates;
    }
    struct vs_bytes *known = vs_arena_make_n(r->arena, struct vs_bytes, room + 1);
    if (known == NULL)
        return vs_fail_memory(err);
    if (s->n_known > 0)
        memcpy(known, s->known, s->n_known * sizeof *known);
    for (size_t i = 0; i < s->n_tokens; i++)
        for (size_t k = 0; k < tokens[i]->n_certificates; k++)
            known[n++] = tokens[i]->certificates[k];
    *ret = known;
    *ret_n = n;
    return VS_OK;
}

static vs_rc want_data(struct vs_raising *r, const struct vs_raise_state *s,
                       struct vs_error *err)
{
    struct vs_bytes *subjects = vs_arena_make_n(r->arena, struct vs_bytes, SUBJECTS_MAX);
    struct vs_bytes *known;
    size_t n = 0, n_known;
    if (subjects == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < s->n_signers; i++)
        if (!add_subject(subjects, &n, s->signers[i]))
            return vs_fail(err, VS_E_LIMIT, NULL, "over %d certificates to look after",
                           SUBJECTS_MAX);
    VS_TRY(add_authorities(r, s, subjects, &n, err));
    VS_TRY(add_known(r, s, &known, &n_known, err));
    r->need = (struct vs_raise_need){.kind = VS_RAISE_DATA,
                                     .subjects = subjects,
                                     .known = known,
                                     .n_subjects = n,
                                     .n_known = n_known};
    return VS_OK;
}

static vs_rc want(struct vs_raising *r, const struct vs_raise_state *s, struct vs_error *err)
{
    struct vs_raise_part *part = part_in_hand(r);
    r->asked = true;
    if (r->step == STEP_DATA)
        return want_data(r, s, err);
    r->need = (struct vs_raise_need){.kind = VS_RAISE_MARK};
    return part->form->imprint(part, r->signature, r->step == STEP_ARCHIVE, &r->need.imprint,
                               err);
}

vs_rc vs_raise_need(struct vs_raising *raising, struct vs_raise_need *ret, struct vs_error *err)
{
    while (!raising->asked && part_in_hand(raising) != NULL) {
        struct vs_raise_part *part = part_in_hand(raising);
        struct vs_raise_state state;
        if (part->n == 0) {
            raising->part++;
            continue;
        }
        if (!raising->begun)
            raising->step = STEP_MARK;
        raising->begun = true;
        VS_TRY(part->form->state(part, raising->signature, &state, err));
        if (is_wanted(raising, &state))
            VS_TRY(want(raising, &state, err));
        else
            next_step(raising);
    }
    *ret = raising->asked ? raising->need : (struct vs_raise_need){.kind = VS_RAISE_DONE};
    return VS_OK;
}

/* -- what is given ------------------------------------------------------------------------- */

static vs_rc add(struct vs_raising *r, const struct vs_raise_addition *addition,
                 struct vs_error *err)
{
    struct vs_raise_part *part = part_in_hand(r);
    VS_TRY(part->form->add(part, r->signature, addition, err));
    part->changed = true;
    next_step(r);
    return VS_OK;
}

vs_rc vs_raise_mark(struct vs_raising *raising, struct vs_bytes token, struct vs_error *err)
{
    const struct vs_timestamp *mark;
    VS_ASSERT(raising->asked && raising->need.kind == VS_RAISE_MARK);
    VS_TRY(vs_timestamp_decode(raising->arena, token, &mark, err));
    VS_REFUSE_IF(!vs_timestamp_covers(mark, &raising->need.imprint), err, VS_E_TIMESTAMP,
                 "RFC 3161, 2.4.2", "the time mark is over something else");
    struct vs_raise_addition addition = {.mark = token,
                                         .archive = raising->step == STEP_ARCHIVE};
    return add(raising, &addition, err);
}

vs_rc vs_raise_data(struct vs_raising *raising, const struct vs_raise_data *data,
                    struct vs_error *err)
{
    VS_ASSERT(raising->asked && raising->need.kind == VS_RAISE_DATA);
    struct vs_raise_addition addition = {.data = data};
    return add(raising, &addition, err);
}

/* -- the result ---------------------------------------------------------------------------- */

static const struct vs_raise_part *part_of(const struct vs_raising *r,
                                           const struct vs_asic_entry *entry)
{
    for (size_t i = 0; i < r->n_parts; i++)
        if (r->parts[i].entry == entry)
            return &r->parts[i];
    return NULL;
}

static vs_rc same_entry(struct vs_raising *r, const struct vs_zip_entry *entry,
                        struct vs_zip_part *ret, struct vs_error *err)
{
    struct vs_part_source *stored = vs_arena_make(r->arena, struct vs_part_source);
    if (stored == NULL)
        return vs_fail_memory(err);
    if (vs_zip_stored(r->asic->zip, entry, stored)) {
        ret->source = &stored->source;
        ret->source_crc32 = entry->crc32;
        return VS_OK;
    }
    return vs_zip_read_all(r->asic->zip, entry, r->arena, DOCUMENT_MAX, &ret->bytes, err);
}

/* The entries as they were, mimetype first, raised signature files in their places. */
static vs_rc lay_out(struct vs_raising *r, const struct vs_source **ret, struct vs_error *err)
{
    size_t n = 0;
    struct vs_zip_part *parts =
        vs_arena_make_n(r->arena, struct vs_zip_part, r->asic->n_entries + 1);
    if (parts == NULL)
        return vs_fail_memory(err);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < r->asic->n_entries; i++) {
            const struct vs_asic_entry *e = &r->asic->entries[i];
            const struct vs_raise_part *part = part_of(r, e);
            if ((e->role == VS_ASIC_MIMETYPE) != (pass == 0) || e->role == VS_ASIC_FOLDER)
                continue;
            parts[n].name = e->zip->name;
            if (part != NULL)
                parts[n].bytes = part->text;
            else
                VS_TRY(same_entry(r, e->zip, &parts[n], err));
            n++;
        }
    return vs_zip_layout(r->arena, parts, n, ret, err);
}

vs_rc vs_raise_result(struct vs_raising *raising, const struct vs_source **ret,
                      struct vs_error *err)
{
    bool changed = false;
    VS_ASSERT(!raising->asked && part_in_hand(raising) == NULL);
    for (size_t i = 0; i < raising->n_parts; i++)
        changed = changed || raising->parts[i].changed;
    *ret = raising->document;
    if (!changed)
        return VS_OK;
    if (raising->asic != NULL)
        return lay_out(raising, ret, err);
    struct vs_bytes_source *source = vs_arena_make(raising->arena, struct vs_bytes_source);
    if (source == NULL)
        return vs_fail_memory(err);
    vs_bytes_source_init(source, raising->parts[0].text);
    *ret = &source->source;
    return VS_OK;
}
