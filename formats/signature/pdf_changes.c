#include "formats/signature/pdf_priv.h"
#include <stdlib.h>

/* Two revisions of one file. An object of the signed revision may change only where it is on
 * the way to something new that signing, validating or filling in adds; new objects are only
 * reached through such changes. */
struct revisions {
    qpdf_data old, new;
};

enum { MAX_OBJECTS = 1000000 };

static bool same_text(struct revisions *r, qpdf_oh a, qpdf_oh b)
{
    /* The library keeps one text at a time for each file. */
    const char *x = qpdf_oh_unparse(r->old, a), *y = qpdf_oh_unparse(r->new, b);
    return strcmp(x, y) == 0;
}

static bool same_resolved(struct revisions *r, qpdf_oh a, qpdf_oh b)
{
    const char *x = qpdf_oh_unparse_resolved(r->old, a);
    const char *y = qpdf_oh_unparse_resolved(r->new, b);
    return strcmp(x, y) == 0;
}

static bool same_stream(struct revisions *r, qpdf_oh a, qpdf_oh b)
{
    unsigned char *x = NULL, *y = NULL;
    size_t x_len = 0, y_len = 0;
    bool same = false;
    if (same_resolved(r, qpdf_oh_get_dict(r->old, a), qpdf_oh_get_dict(r->new, b)) &&
        qpdf_oh_get_stream_data(r->old, a, qpdf_dl_none, NULL, &x, &x_len) == 0 &&
        qpdf_oh_get_stream_data(r->new, b, qpdf_dl_none, NULL, &y, &y_len) == 0)
        same = x_len == y_len && (x_len == 0 || memcmp(x, y, x_len) == 0);
    free(x);
    free(y);
    return same;
}

static bool same(struct revisions *r, qpdf_oh a, qpdf_oh b)
{
    bool stream = qpdf_oh_is_stream(r->old, a);
    if (stream != (qpdf_oh_is_stream(r->new, b) != 0))
        return false;
    return stream ? same_stream(r, a, b) : same_resolved(r, a, b);
}

static bool listed(const char *key, const char *const *keys)
{
    for (; *keys != NULL; keys++)
        if (strcmp(key, *keys) == 0)
            return true;
    return false;
}

/* Every key of `in`, but those of `free_keys`, is the same in both. */
static bool keys_same(struct revisions *r, qpdf_data in, qpdf_oh dictionary, qpdf_oh a,
                      qpdf_oh b, const char *const *free_keys)
{
    qpdf_oh_begin_dict_key_iter(in, dictionary);
    while (qpdf_oh_dict_more_keys(in)) {
        const char *key = qpdf_oh_dict_next_key(in);
        if (listed(key, free_keys))
            continue;
        if (!same_text(r, qpdf_oh_get_key(r->old, a, key), qpdf_oh_get_key(r->new, b, key)))
            return false;
    }
    return true;
}

static bool only_keys_differ(struct revisions *r, qpdf_oh a, qpdf_oh b,
                             const char *const *free_keys)
{
    return qpdf_oh_is_dictionary(r->old, a) && qpdf_oh_is_dictionary(r->new, b) &&
           keys_same(r, r->old, a, a, b, free_keys) && keys_same(r, r->new, b, a, b, free_keys);
}

/* `b` begins with what `a` held: something was added at most. */
static bool array_grew(struct revisions *r, qpdf_oh a, qpdf_oh b)
{
    if (qpdf_oh_is_null(r->old, a))
        return true;
    if (!qpdf_oh_is_array(r->old, a) || !qpdf_oh_is_array(r->new, b))
        return false;
    int n = qpdf_oh_get_array_n_items(r->old, a);
    if (n > qpdf_oh_get_array_n_items(r->new, b))
        return false;
    for (int i = 0; i < n; i++)
        if (!same_text(r, qpdf_oh_get_array_item(r->old, a, i),
                       qpdf_oh_get_array_item(r->new, b, i)))
            return false;
    return true;
}

static bool form_grew(struct revisions *r, qpdf_oh a, qpdf_oh b)
{
    static const char *const free_keys[] = {"/Fields", "/SigFlags",        "/DR",
                                            "/DA",     "/NeedAppearances", NULL};
    if (qpdf_oh_is_null(r->old, a))
        return true;
    return only_keys_differ(r, a, b, free_keys) &&
           array_grew(r, qpdf_oh_get_key(r->old, a, "/Fields"),
                      qpdf_oh_get_key(r->new, b, "/Fields"));
}

static bool field_filled(struct revisions *r, qpdf_oh a, qpdf_oh b)
{
    static const char *const free_keys[] = {"/V",  "/AP", "/AS",   "/M",
                                            "/MK", "/F",  "/Lock", NULL};
    bool field = qpdf_oh_has_key(r->old, a, "/FT") || qpdf_oh_has_key(r->old, a, "/Parent");
    qpdf_oh value = qpdf_oh_get_key(r->old, a, "/V");
    /* A signature that was there stays the one it was. */
    if (qpdf_oh_is_dictionary(r->old, value) && qpdf_oh_has_key(r->old, value, "/ByteRange") &&
        !same_text(r, value, qpdf_oh_get_key(r->new, b, "/V")))
        return false;
    return field && only_keys_differ(r, a, b, free_keys);
}

static bool page_annotated(struct revisions *r, qpdf_oh a, qpdf_oh b)
{
    static const char *const free_keys[] = {"/Annots", NULL};
    return qpdf_oh_is_dictionary_of_type(r->old, a, "/Page", "") &&
           only_keys_differ(r, a, b, free_keys) &&
           array_grew(r, qpdf_oh_get_key(r->old, a, "/Annots"),
                      qpdf_oh_get_key(r->new, b, "/Annots"));
}

static bool catalog_extended(struct revisions *r, qpdf_oh a, qpdf_oh b)
{
    static const char *const free_keys[] = {"/AcroForm", "/DSS",     "/Extensions",
                                            "/Metadata", "/Version", NULL};
    return qpdf_oh_is_dictionary_of_type(r->old, a, "/Catalog", "") &&
           only_keys_differ(r, a, b, free_keys) &&
           form_grew(r, qpdf_oh_get_key(r->old, a, "/AcroForm"),
                     qpdf_oh_get_key(r->new, b, "/AcroForm"));
}

/* What describes the file and is not shown. */
static bool is_bookkeeping(struct revisions *r, qpdf_oh a, int id)
{
    qpdf_oh info = qpdf_oh_get_key(r->old, qpdf_get_trailer(r->old), "/Info");
    qpdf_oh store = qpdf_oh_get_key(r->old, qpdf_get_root(r->old), "/DSS");
    qpdf_oh dict = qpdf_oh_is_stream(r->old, a) ? qpdf_oh_get_dict(r->old, a) : a;
    return qpdf_oh_get_object_id(r->old, info) == id ||
           qpdf_oh_get_object_id(r->old, store) == id ||
           qpdf_oh_is_dictionary_of_type(r->old, dict, "/XRef", "") ||
           qpdf_oh_is_dictionary_of_type(r->old, dict, "/ObjStm", "") ||
           qpdf_oh_is_dictionary_of_type(r->old, dict, "/Metadata", "/XML");
}

static bool is_annotation_list(struct revisions *r, qpdf_oh a, qpdf_oh b)
{
    return qpdf_oh_is_array(r->old, a) && array_grew(r, a, b);
}

static const char *judge_object(struct revisions *r, int id)
{
    qpdf_oh a = qpdf_get_object_by_id(r->old, id, 0);
    qpdf_oh b = qpdf_get_object_by_id(r->new, id, 0);
    if (qpdf_oh_is_null(r->old, a) || same(r, a, b) || is_bookkeeping(r, a, id))
        return NULL;
    if (catalog_extended(r, a, b) || page_annotated(r, a, b) || form_grew(r, a, b) ||
        field_filled(r, a, b) || is_annotation_list(r, a, b))
        return NULL;
    return "a later revision changes what was signed";
}

vs_rc vs_pdf_changes(struct vs_bytes file, uint64_t covered, const char **ret,
                     struct vs_error *err)
{
    VS_QPDF *old = NULL;
    VS_QPDF *new = NULL;
    struct vs_error ignored;
    *ret = NULL;
    size_t len = covered < file.len ? (size_t)covered : file.len;
    size_t rest = file.len - len;
    while (rest > 0 && (file.ptr[len + rest - 1] == '\n' || file.ptr[len + rest - 1] == '\r'))
        rest--;
    if (rest == 0)
        return VS_OK;
    VS_TRY(vs_pdf_open(file, &new, err));
    if (!vs_ok(vs_pdf_open(VS_BYTES(file.ptr, len), &old, &ignored))) {
        *ret = "what was signed is no PDF by itself";
        return VS_OK;
    }
    struct revisions r = {old, new};
    long long size =
        qpdf_oh_get_int_value(old, qpdf_oh_get_key(old, qpdf_get_trailer(old), "/Size"));
    if (size < 0 || size > MAX_OBJECTS)
        *ret = "too many objects to be compared";
    for (int id = 1; *ret == NULL && id < size; id++)
        *ret = judge_object(&r, id);
    return VS_OK;
}
