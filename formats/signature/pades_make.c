#include "formats/signature/pades_look.h"
#include "formats/signature/pades_make.h"
#include <stdio.h>

enum {
    UPDATE_MAX = 64 * 1024 * 1024,
    RANGE_WIDTH = 60, /* "[0 n n n]" with the longest numbers, and spaces */
    MAX_DEPTH = 16,
    MAX_FIELDS = 20000,
    NAME_MAX_BYTES = 256,
    FLAGS_SIGNED_APPEND_ONLY = 3, /* SigFlags (12.7.2) */
    FLAGS_PRINT_LOCKED = 132,     /* of the annotation (12.5.3) */
};

struct vs_pades_draft {
    const struct vs_pades_options *options;
    struct vs_bytes update; /* owned by the arena, filled in later */
    uint8_t *bytes;
    size_t contents_at, room; /* of "<", in the update; octets of DER */
};

/* What is being added to. */
struct signing {
    const struct vs_pades_options *o;
    struct vs_arena *arena;
    struct vs_pdf_update *u;
    struct vs_error *err;
    qpdf_oh form;   /* AcroForm, or null */
    qpdf_oh wanted; /* the empty field that options.field names */
    bool found;
    size_t fields, signatures;
    unsigned free_number; /* for a name of our own */
    int signature_id, field_id;
    size_t range_at, contents_at;
};

/* -- what is there ------------------------------------------------------------------------- */

static vs_rc lock_refusal(struct vs_error *err, const char *what)
{
    return vs_fail(err, VS_E_STATE, "ISO 32000-1, 12.8.2.2", "%s allows no further signature",
                   what);
}

/* DocMDP with P=1 allows nothing but validation data and document time marks. */
static vs_rc check_certified(struct signing *s)
{
    qpdf_data q = s->u->q;
    qpdf_oh perms = qpdf_oh_get_key(q, s->u->root, "/Perms");
    if (!qpdf_oh_is_dictionary(q, perms))
        return VS_OK;
    qpdf_oh value = qpdf_oh_get_key(q, perms, "/DocMDP");
    qpdf_oh list =
        qpdf_oh_is_dictionary(q, value) ? qpdf_oh_get_key(q, value, "/Reference") : value;
    int n = qpdf_oh_is_array(q, list) ? qpdf_oh_get_array_n_items(q, list) : 0;
    for (int i = 0; i < n; i++) {
        qpdf_oh reference = qpdf_oh_get_array_item(q, list, i);
        qpdf_oh parameters = qpdf_oh_get_key(q, reference, "/TransformParams");
        qpdf_oh p = qpdf_oh_get_key(q, parameters, "/P");
        if (qpdf_oh_is_integer(q, p) && qpdf_oh_get_int_value(q, p) == 1)
            return lock_refusal(s->err, "a certifying signature");
    }
    return VS_OK;
}

static bool is_signature_field(struct signing *s, qpdf_oh field)
{
    qpdf_oh type = qpdf_oh_get_key(s->u->q, field, "/FT");
    return qpdf_oh_is_name(s->u->q, type) &&
           vs_text_equal(qpdf_oh_get_name(s->u->q, type), "/Sig");
}

static vs_rc look_at_signed(struct signing *s, qpdf_oh field)
{
    qpdf_data q = s->u->q;
    qpdf_oh lock = qpdf_oh_get_key(q, field, "/Lock");
    s->signatures++;
    if (s->o->time_mark || !qpdf_oh_is_dictionary(q, lock))
        return VS_OK;
    qpdf_oh p = qpdf_oh_get_key(q, lock, "/P");
    return qpdf_oh_is_integer(q, p) && qpdf_oh_get_int_value(q, p) == 1
               ? lock_refusal(s->err, "a signed field's lock")
               : VS_OK;
}

/* "Signature12" takes 12; anything else takes nothing. */
static unsigned number_of(const char *name)
{
    unsigned number = 0;
    if (!vs_text_starts(name, "Signature"))
        return 0;
    for (name += strlen("Signature"); *name >= '0' && *name <= '9' && number < 100000; name++)
        number = number * 10 + (unsigned)(*name - '0');
    return *name == '\0' ? number : 0;
}

static vs_rc look_at_field(struct signing *s, qpdf_oh field)
{
    qpdf_data q = s->u->q;
    qpdf_oh title = qpdf_oh_get_key(q, field, "/T");
    const char *name = qpdf_oh_is_string(q, title)
                           ? vs_arena_strdup(s->arena, qpdf_oh_get_utf8_value(q, title))
                           : "";
    bool has_value = qpdf_oh_is_dictionary(q, qpdf_oh_get_key(q, field, "/V"));
    if (name == NULL)
        return vs_fail_memory(s->err);
    if (number_of(name) >= s->free_number)
        s->free_number = number_of(name) + 1;
    if (is_signature_field(s, field) && has_value)
        VS_TRY(look_at_signed(s, field));
    if (s->o->field == NULL || !vs_text_equal(name, s->o->field))
        return VS_OK;
    VS_REFUSE_IF(!is_signature_field(s, field) || qpdf_oh_get_object_id(q, field) == 0, s->err,
                 VS_E_PARAMETER, NULL, "the field named is no signature field");
    VS_REFUSE_IF(has_value, s->err, VS_E_STATE, NULL, "the field named is signed already");
    s->wanted = field;
    s->found = true;
    return VS_OK;
}

/* Depth and number are bounded, so the recursion is too. */
static vs_rc look_at_fields(struct signing *s, qpdf_oh list, int depth)
{
    qpdf_data q = s->u->q;
    int n = qpdf_oh_is_array(q, list) ? qpdf_oh_get_array_n_items(q, list) : 0;
    for (int i = 0; i < n; i++) {
        qpdf_oh field = qpdf_oh_get_array_item(q, list, i);
        if (depth == MAX_DEPTH || ++s->fields > MAX_FIELDS)
            return vs_fail(s->err, VS_E_LIMIT, NULL,
                           "the form's fields are too deep or too many");
        if (!qpdf_oh_is_dictionary(q, field))
            continue;
        VS_TRY(look_at_field(s, field));
        VS_TRY(look_at_fields(s, qpdf_oh_get_key(q, field, "/Kids"), depth + 1));
    }
    return VS_OK;
}

static vs_rc look(struct signing *s)
{
    qpdf_data q = s->u->q;
    s->free_number = 1;
    s->form = qpdf_oh_get_key(q, s->u->root, "/AcroForm");
    if (!s->o->time_mark)
        VS_TRY(check_certified(s));
    if (qpdf_oh_is_dictionary(q, s->form))
        VS_TRY(look_at_fields(s, qpdf_oh_get_key(q, s->form, "/Fields"), 0));
    VS_REFUSE_IF(s->o->certify > 0 && s->signatures > 0, s->err, VS_E_STATE,
                 "ISO 32000-1, 12.8.2.2", "only the first signature of a PDF can certify it");
    return VS_OK;
}

/* -- the signature's dictionary ------------------------------------------------------------ */

static void put_text(struct signing *s, const char *key, const char *text)
{
    if (text == NULL)
        return;
    vs_buffer_text(&s->u->out, key);
    qpdf_oh string = qpdf_oh_new_unicode_string(s->u->q, text);
    vs_buffer_text(&s->u->out, qpdf_oh_unparse(s->u->q, string));
}

static void put_date(struct signing *s)
{
    struct vs_civil c = vs_time_civil(s->o->signing_time);
    vs_buffer_printf(&s->u->out, " /M (D:%04d%02d%02d%02d%02d%02dZ)", c.year, c.month, c.day,
                     c.hour, c.minute, c.second);
}

static void put_signature(struct signing *s, size_t room)
{
    struct vs_buffer *out = &s->u->out;
    vs_pdf_update_object(s->u, s->signature_id, 0);
    vs_buffer_printf(out, "<< /Type /%s /Filter /Adobe.PPKLite /SubFilter /%s",
                     s->o->time_mark ? "DocTimeStamp" : "Sig",
                     s->o->time_mark ? "ETSI.RFC3161" : "ETSI.CAdES.detached");
    if (!s->o->time_mark) {
        put_date(s);
        put_text(s, " /Name ", s->o->name);
        put_text(s, " /Reason ", s->o->reason);
        put_text(s, " /Location ", s->o->place);
        put_text(s, " /ContactInfo ", s->o->contact);
    }
    if (s->o->certify > 0)
        vs_buffer_printf(out,
                         " /Reference [<< /Type /SigRef /TransformMethod /DocMDP "
                         "/TransformParams << /Type /TransformParams /P %u /V /1.2 >> >>]",
                         s->o->certify);
    vs_buffer_text(out, " /ByteRange ");
    s->range_at = out->len;
    uint8_t *hole = vs_buffer_reserve(out, RANGE_WIDTH);
    if (hole != NULL)
        memset(hole, ' ', RANGE_WIDTH);
    vs_buffer_text(out, " /Contents ");
    s->contents_at = out->len;
    vs_buffer_byte(out, '<');
    hole = vs_buffer_reserve(out, 2 * room);
    if (hole != NULL)
        memset(hole, '0', 2 * room);
    vs_buffer_text(out, "> >>");
    vs_pdf_update_end(s->u);
}

/* -- field, page, form, catalogue ---------------------------------------------------------- */

/* One more member of an array that lies in `holder` under `key`: absent, direct, or an object
 * of its own. *ret_holder: whether `holder` itself has changed. */
static void append_to(struct signing *s, qpdf_oh holder, const char *key, qpdf_oh member,
                      bool *ret_holder)
{
    qpdf_data q = s->u->q;
    qpdf_oh list = qpdf_oh_get_key(q, holder, key);
    *ret_holder = true;
    if (!qpdf_oh_is_array(q, list)) {
        list = qpdf_oh_new_array(q);
        qpdf_oh_append_item(q, list, member);
        qpdf_oh_replace_key(q, holder, key, list);
        return;
    }
    qpdf_oh_append_item(q, list, member);
    if (qpdf_oh_get_object_id(q, list) != 0) {
        vs_pdf_update_changed(s->u, list);
        *ret_holder = false;
    }
}

static vs_rc put_new_field(struct signing *s, qpdf_oh page)
{
    struct vs_buffer *out = &s->u->out;
    const struct vs_pades_visible *v = s->o->visible;
    char own[NAME_MAX_BYTES];
    int look = 0;
    if (v != NULL)
        VS_TRY(vs_pades_look_add(s->u, s->arena, v->appearance, &look, s->err));
    snprintf(own, sizeof own, "Signature%u", s->free_number);
    vs_pdf_update_object(s->u, s->field_id, 0);
    vs_buffer_printf(out, "<< /Type /Annot /Subtype /Widget /FT /Sig /F %d /V %d 0 R",
                     FLAGS_PRINT_LOCKED, s->signature_id);
    put_text(s, " /T ", s->o->field != NULL ? s->o->field : own);
    vs_buffer_text(out, " /P ");
    vs_buffer_text(out, qpdf_oh_unparse(s->u->q, page));
    if (v == NULL)
        vs_buffer_text(out, " /Rect [0 0 0 0]");
    else
        vs_buffer_printf(out, " /Rect [%.3f %.3f %.3f %.3f] /AP << /N %d 0 R >>", v->left,
                         v->bottom, v->left + v->width, v->bottom + v->height, look);
    vs_buffer_text(out, " >>");
    vs_pdf_update_end(s->u);
    return VS_OK;
}

static vs_rc find_page(struct signing *s, qpdf_oh *ret)
{
    unsigned number = s->o->visible != NULL ? s->o->visible->page : 0;
    int n = qpdf_get_num_pages(s->u->q);
    VS_REFUSE_IF(n <= 0, s->err, VS_E_SIGNATURE_FORM, "ISO 32000-1, 7.7.3",
                 "the PDF has no pages");
    VS_REFUSE_IF(number >= (unsigned)n, s->err, VS_E_PARAMETER, NULL,
                 "the PDF has %d pages, number %u is not there", n, number);
    *ret = qpdf_get_page_n(s->u->q, number);
    int id = qpdf_oh_get_object_id(s->u->q, *ret);
    VS_REFUSE_IF(id <= 0 || id >= s->u->next_id, s->err, VS_E_SIGNATURE_FORM,
                 "ISO 32000-1, 7.7.3.2", "the page is no object of its own");
    return VS_OK;
}

static void certify(struct signing *s)
{
    qpdf_data q = s->u->q;
    qpdf_oh perms = qpdf_oh_get_key(q, s->u->root, "/Perms");
    if (!qpdf_oh_is_dictionary(q, perms)) {
        perms = qpdf_oh_new_dictionary(q);
        qpdf_oh_replace_key(q, s->u->root, "/Perms", perms);
        perms = qpdf_oh_get_key(q, s->u->root, "/Perms");
    }
    qpdf_oh_replace_key(q, perms, "/DocMDP", vs_pdf_update_reference(s->u, s->signature_id));
    if (qpdf_oh_get_object_id(q, perms) != 0)
        vs_pdf_update_changed(s->u, perms);
}

/* The form lists the field and says that there are signatures (12.7.2). */
static void extend_form(struct signing *s, bool new_field, bool *catalogue)
{
    qpdf_data q = s->u->q;
    bool changed = true;
    if (!qpdf_oh_is_dictionary(q, s->form)) {
        qpdf_oh_replace_key(q, s->u->root, "/AcroForm", qpdf_oh_new_dictionary(q));
        s->form = qpdf_oh_get_key(q, s->u->root, "/AcroForm");
        *catalogue = true;
    }
    qpdf_oh flags = qpdf_oh_get_key(q, s->form, "/SigFlags");
    bool flagged = qpdf_oh_is_integer(q, flags) &&
                   qpdf_oh_get_int_value(q, flags) == FLAGS_SIGNED_APPEND_ONLY;
    if (!flagged)
        qpdf_oh_replace_key(q, s->form, "/SigFlags",
                            qpdf_oh_new_integer(q, FLAGS_SIGNED_APPEND_ONLY));
    if (new_field)
        append_to(s, s->form, "/Fields", vs_pdf_update_reference(s->u, s->field_id), &changed);
    if (!changed && flagged)
        return;
    if (qpdf_oh_get_object_id(q, s->form) != 0)
        vs_pdf_update_changed(s->u, s->form);
    else
        *catalogue = true;
}

static vs_rc add_field(struct signing *s)
{
    bool page_changed;
    qpdf_oh page;
    VS_TRY(find_page(s, &page));
    s->field_id = vs_pdf_update_id(s->u);
    VS_TRY(put_new_field(s, page));
    append_to(s, page, "/Annots", vs_pdf_update_reference(s->u, s->field_id), &page_changed);
    if (page_changed)
        vs_pdf_update_changed(s->u, page);
    return VS_OK;
}

static void fill_field(struct signing *s)
{
    qpdf_oh_replace_key(s->u->q, s->wanted, "/V",
                        vs_pdf_update_reference(s->u, s->signature_id));
    vs_pdf_update_changed(s->u, s->wanted);
}

static vs_rc add(struct signing *s, size_t room)
{
    bool catalogue = s->o->certify > 0;
    s->signature_id = vs_pdf_update_id(s->u);
    put_signature(s, room);
    if (s->found)
        fill_field(s);
    else
        VS_TRY(add_field(s));
    extend_form(s, !s->found, &catalogue);
    if (s->o->certify > 0)
        certify(s);
    if (catalogue)
        vs_pdf_update_changed(s->u, s->u->root);
    return vs_pdf_update_finish(s->u, s->err);
}

/* -- the draft ----------------------------------------------------------------------------- */

static vs_rc check_options(const struct vs_pades_options *o, struct vs_error *err)
{
    VS_REFUSE_IF(o->certify > 3 || (o->certify > 0 && o->time_mark), err, VS_E_PARAMETER,
                 "ISO 32000-1, 12.8.2.2", "a certification allows 1, 2 or 3");
    VS_REFUSE_IF(o->contents_room > VS_PADES_CONTENTS_MAX, err, VS_E_LIMIT, NULL,
                 "over %zu octets for a signature", VS_PADES_CONTENTS_MAX);
    VS_REFUSE_IF(o->field != NULL && (o->field[0] == '\0' || strchr(o->field, '.') != NULL ||
                                      strlen(o->field) >= NAME_MAX_BYTES),
                 err, VS_E_PARAMETER, "ISO 32000-1, 12.7.3.2",
                 "a field's name is not empty and has no full stop");
    return VS_OK;
}

/* ByteRange: all before Contents and all behind it. */
static void fill_range(struct vs_pades_draft *draft, size_t range_at)
{
    size_t first = draft->options->file.len + draft->contents_at;
    size_t second = first + 2 * draft->room + 2;
    char text[RANGE_WIDTH + 1];
    snprintf(text, sizeof text, "[0 %zu %zu %zu]", first, second,
             draft->options->file.len + draft->update.len - second);
    memcpy(draft->bytes + range_at, text, strlen(text));
}

vs_rc vs_pades_prepare(struct vs_arena *arena, const struct vs_pades_options *options,
                       struct vs_pades_draft **ret, struct vs_error *err)
{
    VS_PDF_UPDATE update;
    struct signing s = {.o = options, .arena = arena, .u = &update, .err = err};
    struct vs_pades_draft *draft = vs_arena_make(arena, struct vs_pades_draft);
    size_t room =
        options->contents_room > 0 ? options->contents_room : VS_PADES_CONTENTS_DEFAULT;
    VS_TRY(vs_pdf_update_begin(&update, options->file, UPDATE_MAX, err));
    if (draft == NULL)
        return vs_fail_memory(err);
    VS_TRY(check_options(options, err));
    VS_TRY(look(&s));
    VS_TRY(add(&s, room));
    *draft =
        (struct vs_pades_draft){.options = options, .contents_at = s.contents_at, .room = room};
    VS_TRY(vs_buffer_copy(&update.out, arena, &draft->update, err));
    draft->bytes = (uint8_t *)(uintptr_t)draft->update.ptr;
    fill_range(draft, s.range_at);
    *ret = draft;
    return VS_OK;
}

void vs_pades_digest(const struct vs_pades_draft *draft, enum vs_digest_algorithm algorithm,
                     struct vs_digest *ret)
{
    size_t behind = draft->contents_at + 2 * draft->room + 2;
    const struct vs_bytes parts[] = {
        draft->options->file, VS_BYTES(draft->bytes, draft->contents_at),
        VS_BYTES(draft->bytes + behind, draft->update.len - behind)};
    vs_digest_of_parts(algorithm, parts, sizeof parts / sizeof *parts, ret);
}

vs_rc vs_pades_set_contents(struct vs_pades_draft *draft, struct vs_bytes der,
                            struct vs_error *err)
{
    static const char digits[] = "0123456789abcdef";
    if (der.len > draft->room)
        return vs_fail(err, VS_E_LIMIT, NULL, "the signature has %zu octets, kept were %zu",
                       der.len, draft->room);
    uint8_t *to = draft->bytes + draft->contents_at + 1;
    memset(to, '0', 2 * draft->room);
    for (size_t i = 0; i < der.len; i++) {
        to[2 * i] = (uint8_t)digits[der.ptr[i] >> 4];
        to[2 * i + 1] = (uint8_t)digits[der.ptr[i] & 15];
    }
    return VS_OK;
}

struct vs_bytes vs_pades_update(const struct vs_pades_draft *draft)
{
    return draft->update;
}
