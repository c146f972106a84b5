/* pades_look.h - what a visible signature field shows, for pades_make.c only. */
#ifndef VS_FORMATS_SIGNATURE_PADES_LOOK_H
#define VS_FORMATS_SIGNATURE_PADES_LOOK_H
#include "formats/signature/pdf_update.h"

/* The first page of `pdf` as a form XObject (ISO 32000-1, 8.10) with all that it needs; *ret is
 * its object number. VS_E_SIGNATURE_FORM, VS_E_LIMIT. */
VS_NODISCARD vs_rc vs_pades_look_add(struct vs_pdf_update *update, struct vs_arena *arena,
                                     struct vs_bytes pdf, int *ret, struct vs_error *err);
#endif
