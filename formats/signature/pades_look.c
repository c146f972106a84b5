#include "formats/signature/pades_look.h"
#include <stdlib.h>

enum { MAX_DEPTH = 32, MAX_OBJECTS = 1024, MAX_KEYS = 512 };

struct copier {
    struct vs_pdf_update *to;
    vs_qpdf *from;
    struct vs_arena *arena;
    struct vs_buffer *text; /* of the object being copied */
    struct {
        int old, new;
    } ids[MAX_OBJECTS];
    size_t n;
    bool failed; /* too deep, too many, or no memory */
};

/* The number here of an object there. */
static int id_of(struct copier *c, int old)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->ids[i].old == old)
            return c->ids[i].new;
    if (c->n == MAX_OBJECTS) {
        c->failed = true;
        return 0;
    }
    c->ids[c->n].old = old;
    c->ids[c->n].new = vs_pdf_update_id(c->to);
    return c->ids[c->n++].new;
}

static void put_value(struct copier *c, qpdf_oh value, int depth);

static void put_array(struct copier *c, qpdf_oh array, int depth)
{
    int n = qpdf_oh_get_array_n_items(c->from, array);
    vs_buffer_byte(c->text, '[');
    for (int i = 0; i < n && !c->failed; i++) {
        put_value(c, qpdf_oh_get_array_item(c->from, array, i), depth + 1);
        vs_buffer_byte(c->text, ' ');
    }
    vs_buffer_byte(c->text, ']');
}

/* The library walks one dictionary at a time: the keys are taken first. */
static size_t keys_of(struct copier *c, qpdf_oh dictionary, const char **keys)
{
    size_t n = 0;
    qpdf_oh_begin_dict_key_iter(c->from, dictionary);
    while (qpdf_oh_dict_more_keys(c->from)) {
        const char *key = vs_arena_strdup(c->arena, qpdf_oh_dict_next_key(c->from));
        if (n == MAX_KEYS || key == NULL)
            c->failed = true;
        else
            keys[n++] = key;
    }
    return n;
}

static void put_entries(struct copier *c, qpdf_oh dictionary, const char *const *without,
                        int depth)
{
    const char **keys = vs_arena_make_n(c->arena, const char *, MAX_KEYS);
    size_t n = keys == NULL ? 0 : keys_of(c, dictionary, keys);
    c->failed = c->failed || keys == NULL;
    for (size_t i = 0; i < n && !c->failed; i++) {
        bool skip = false;
        for (const char *const *w = without; w != NULL && *w != NULL; w++)
            skip = skip || vs_text_equal(*w, keys[i]);
        if (skip)
            continue;
        vs_buffer_text(c->text, keys[i]);
        vs_buffer_byte(c->text, ' ');
        put_value(c, qpdf_oh_get_key(c->from, dictionary, keys[i]), depth + 1);
        vs_buffer_byte(c->text, ' ');
    }
}

/* Depth is bounded, so the recursion is too. */
static void put_value(struct copier *c, qpdf_oh value, int depth)
{
    int id = qpdf_oh_get_object_id(c->from, value);
    if (depth == MAX_DEPTH)
        c->failed = true;
    else if (id != 0)
        vs_buffer_printf(c->text, "%d 0 R", id_of(c, id));
    else if (qpdf_oh_is_array(c->from, value))
        put_array(c, value, depth);
    else if (qpdf_oh_is_dictionary(c->from, value)) {
        vs_buffer_text(c->text, "<< ");
        put_entries(c, value, NULL, depth);
        vs_buffer_text(c->text, ">>");
    } else
        vs_buffer_text(c->text, qpdf_oh_unparse(c->from, value));
}

static void copy_stream(struct copier *c, qpdf_oh object, int id)
{
    static const char *const without[] = {"/Length", NULL};
    unsigned char *raw = NULL;
    size_t len = 0;
    put_entries(c, qpdf_oh_get_dict(c->from, object), without, 0);
    vs_buffer_byte(c->text, '\0');
    if (qpdf_oh_get_stream_data(c->from, object, qpdf_dl_none, NULL, &raw, &len) != 0 ||
        c->text->failed)
        c->failed = true;
    else
        vs_pdf_update_stream(c->to, id, (const char *)c->text->ptr, VS_BYTES(raw, len));
    free(raw);
}

static void copy_object(struct copier *c, size_t which)
{
    qpdf_oh object = qpdf_get_object_by_id(c->from, c->ids[which].old, 0);
    int id = c->ids[which].new;
    vs_buffer_clear(c->text);
    if (qpdf_oh_is_stream(c->from, object)) {
        copy_stream(c, object, id);
        return;
    }
    /* Its own text, not a reference to itself. */
    if (qpdf_oh_is_dictionary(c->from, object)) {
        vs_buffer_text(c->text, "<< ");
        put_entries(c, object, NULL, 0);
        vs_buffer_text(c->text, ">>");
    } else if (qpdf_oh_is_array(c->from, object))
        put_array(c, object, 0);
    else
        vs_buffer_text(c->text, qpdf_oh_unparse_resolved(c->from, object));
    vs_pdf_update_object(c->to, id, 0);
    vs_buffer_add(&c->to->out, vs_buffer_view(c->text));
    vs_pdf_update_end(c->to);
}

static void copy_page(struct copier *c, qpdf_oh page, int id)
{
    unsigned char *content = NULL;
    size_t len = 0;
    vs_buffer_text(c->text, "/Type /XObject /Subtype /Form /BBox ");
    put_value(c, qpdf_oh_get_key(c->from, page, "/MediaBox"), 0);
    vs_buffer_text(c->text, " /Resources ");
    put_value(c, qpdf_oh_get_key(c->from, page, "/Resources"), 0);
    qpdf_oh group = qpdf_oh_get_key(c->from, page, "/Group");
    if (qpdf_oh_is_dictionary(c->from, group)) {
        vs_buffer_text(c->text, " /Group ");
        put_value(c, group, 0);
    }
    vs_buffer_byte(c->text, '\0');
    if (qpdf_oh_get_page_content_data(c->from, page, &content, &len) != 0 || c->text->failed)
        c->failed = true;
    else
        vs_pdf_update_stream(c->to, id, (const char *)c->text->ptr, VS_BYTES(content, len));
    free(content);
}

vs_rc vs_pades_look_add(struct vs_pdf_update *update, struct vs_arena *arena,
                        struct vs_bytes pdf, int *ret, struct vs_error *err)
{
    VS_QPDF *from = NULL;
    VS_BUFFER text;
    vs_buffer_init(&text, pdf.len * 4 + 4096);
    VS_TRY(vs_pdf_open(pdf, &from, err));
    VS_REFUSE_IF(qpdf_get_num_pages(from) <= 0, err, VS_E_SIGNATURE_FORM, NULL,
                 "the field's appearance has no page");
    struct copier *c = vs_arena_make(arena, struct copier);
    if (c == NULL)
        return vs_fail_memory(err);
    *c = (struct copier){.to = update, .from = from, .arena = arena, .text = &text};
    *ret = vs_pdf_update_id(update);
    copy_page(c, qpdf_get_page_n(from, 0), *ret);
    for (size_t i = 0; i < c->n && !c->failed; i++)
        copy_object(c, i);
    VS_REFUSE_IF(c->failed, err, VS_E_LIMIT, NULL, "the field's appearance is too large");
    return VS_OK;
}
