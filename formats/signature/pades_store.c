#include "formats/crypto/digest.h"
#include "formats/signature/pades_make.h"
#include "formats/signature/pdf_update.h"

enum { UPDATE_MAX = 64 * 1024 * 1024 };

static bool is_there(const struct vs_bytes *there, size_t n, struct vs_bytes item)
{
    for (size_t i = 0; i < n; i++)
        if (vs_bytes_equal(there[i], item))
            return true;
    return false;
}

struct list {
    const char *key;
    const struct vs_bytes *items, *there;
    size_t n, n_there;
};

/* What is new of one kind: a stream each, and its reference in the store's array. */
static size_t add_list(struct vs_pdf_update *u, qpdf_oh store, const struct list *list)
{
    qpdf_data q = u->q;
    qpdf_oh array = qpdf_oh_get_key(q, store, list->key);
    size_t added = 0;
    for (size_t i = 0; i < list->n; i++) {
        if (is_there(list->there, list->n_there, list->items[i]) ||
            is_there(list->items, i, list->items[i]))
            continue;
        if (added++ == 0 && !qpdf_oh_is_array(q, array)) {
            qpdf_oh_replace_key(q, store, list->key, qpdf_oh_new_array(q));
            array = qpdf_oh_get_key(q, store, list->key);
        }
        int id = vs_pdf_update_id(u);
        vs_pdf_update_stream(u, id, "", list->items[i]);
        qpdf_oh_append_item(q, array, vs_pdf_update_reference(u, id));
    }
    if (added > 0 && qpdf_oh_get_object_id(q, array) != 0)
        vs_pdf_update_changed(u, array);
    return added;
}

static size_t add_lists(struct vs_pdf_update *u, qpdf_oh store, const struct vs_pdf *pdf,
                        const struct vs_pades_store *add)
{
    const struct list lists[] = {
        {"/Certs", add->certificates, pdf->certificates, add->n_certificates,
         pdf->n_certificates},
        {"/OCSPs", add->ocsp_responses, pdf->ocsp, add->n_ocsp_responses, pdf->n_ocsp},
        {"/CRLs", add->crls, pdf->crls, add->n_crls, pdf->n_crls}};
    size_t added = 0;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        added += add_list(u, store, &lists[i]);
    return added;
}

vs_rc vs_pades_add_store(struct vs_arena *arena, struct vs_bytes file,
                         const struct vs_pades_store *store, struct vs_bytes *ret,
                         struct vs_error *err)
{
    VS_PDF_UPDATE update;
    const struct vs_pdf *pdf;
    VS_TRY(vs_pdf_update_begin(&update, file, UPDATE_MAX, err));
    VS_TRY(vs_pdf_read(arena, file, &pdf, err));
    qpdf_data q = update.q;
    qpdf_oh dss = qpdf_oh_get_key(q, update.root, "/DSS");
    bool there = qpdf_oh_is_dictionary(q, dss);
    if (!there) {
        qpdf_oh_replace_key(q, update.root, "/DSS", qpdf_oh_new_dictionary(q));
        dss = qpdf_oh_get_key(q, update.root, "/DSS");
    }
    *ret = VS_BYTES_NONE;
    if (add_lists(&update, dss, pdf, store) == 0)
        return VS_OK;
    vs_pdf_update_changed(&update, qpdf_oh_get_object_id(q, dss) != 0 ? dss : update.root);
    VS_TRY(vs_pdf_update_finish(&update, err));
    return vs_buffer_copy(&update.out, arena, ret, err);
}
