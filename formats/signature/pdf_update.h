/* pdf_update.h - an incremental update of a PDF (ISO 32000-1, 7.5.6), for pades_*.c only: new
 * and changed objects behind the file, then a cross-reference section of the file's own kind.
 */
#ifndef VS_FORMATS_SIGNATURE_PDF_UPDATE_H
#define VS_FORMATS_SIGNATURE_PDF_UPDATE_H
#include "formats/signature/pdf_priv.h"

#define VS_PDF_UPDATE_OBJECTS 4096

struct vs_pdf_update {
    struct vs_bytes file;
    vs_qpdf *q;
    qpdf_oh root, trailer;
    struct vs_buffer out; /* what follows the file */
    struct vs_pdf_entry {
        int id, generation;
        uint64_t at; /* in file and update */
    } * entries;
    size_t n;
    int next_id;
    bool stream;       /* the file's newest cross-reference section is a stream */
    uint64_t previous; /* where it lies */
    bool failed;       /* too many objects */
};

/* Opens `file`, which is borrowed. VS_E_SIGNATURE_FORM: not sound, or encrypted. Done in any
 * case with vs_pdf_update_done. */
VS_NODISCARD vs_rc vs_pdf_update_begin(struct vs_pdf_update *update, struct vs_bytes file,
                                       size_t max, struct vs_error *err);
void vs_pdf_update_done(struct vs_pdf_update *update);

int vs_pdf_update_id(struct vs_pdf_update *update); /* of a new object */
/* A handle to put into dictionaries and arrays of the file: "id 0 R". */
qpdf_oh vs_pdf_update_reference(struct vs_pdf_update *update, int id);
/* Between the two the caller appends the object's text to `out`. */
void vs_pdf_update_object(struct vs_pdf_update *update, int id, int generation);
void vs_pdf_update_end(struct vs_pdf_update *update);
/* An indirect object of the file, changed in memory. */
void vs_pdf_update_changed(struct vs_pdf_update *update, qpdf_oh object);
/* A new stream; `entries`: further text of its dictionary. */
void vs_pdf_update_stream(struct vs_pdf_update *update, int id, const char *entries,
                          struct vs_bytes content);
/* Cross-reference section and trailer. */
VS_NODISCARD vs_rc vs_pdf_update_finish(struct vs_pdf_update *update, struct vs_error *err);

static inline void vs_cleanup_pdf_update(struct vs_pdf_update *update)
{
    vs_pdf_update_done(update);
}
#define VS_PDF_UPDATE __attribute__((cleanup(vs_cleanup_pdf_update))) struct vs_pdf_update
#endif
