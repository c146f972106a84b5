/* pdf_priv.h - opening a PDF with qpdf, for the files of pdf.h only. */
#ifndef VS_FORMATS_SIGNATURE_PDF_PRIV_H
#define VS_FORMATS_SIGNATURE_PDF_PRIV_H
#include "formats/signature/pdf.h"
#include <qpdf/qpdf-c.h>

typedef struct _qpdf_data vs_qpdf;
static inline void vs_cleanup_qpdf(vs_qpdf **q)
{
    if (*q == NULL)
        return;
    if (qpdf_has_error(*q))
        (void)qpdf_get_error(*q); /* else it is printed */
    qpdf_cleanup(q);
}
#define VS_QPDF __attribute__((cleanup(vs_cleanup_qpdf))) vs_qpdf

/* Without repair. VS_E_SIGNATURE_FORM: not a sound PDF. */
VS_NODISCARD vs_rc vs_pdf_open(struct vs_bytes file, vs_qpdf **ret, struct vs_error *err);
#endif
