/* pdf.h - signatures of a PDF (ISO 32000-1, 12.8; EN 319 142-1), read.
 *
 * The file is read as it is, without repair: what only a repairing reader understands is
 * refused (VS_E_SIGNATURE_FORM). A signature counts only when its ByteRange begins at 0 and
 * leaves out exactly the hexadecimal string of its own Contents; what a later revision changed
 * of the signed one is told by vs_pdf_changes.
 *
 * NOT DONE: encrypted files without an empty user password: refused. */
#ifndef VS_FORMATS_SIGNATURE_PDF_H
#define VS_FORMATS_SIGNATURE_PDF_H
#include "formats/base/base.h"

#define VS_PDF_MAX_BYTES      ((size_t)128 * 1024 * 1024)
#define VS_PDF_MAX_SIGNATURES 64

struct vs_pdf_signature {
    const char *name;       /* of the field, or "" */
    const char *sub_filter; /* "/ETSI.CAdES.detached", …, or "" */
    bool timestamp;         /* a document time-stamp: Contents is a token */
    const char *fault;      /* static: why its ByteRange does not count; NULL: it does */
    uint64_t first_len, second_at, second_len; /* ByteRange: 0, first_len, second_at, … */
    uint64_t covered;         /* bytes from the start of the file that it speaks of */
    struct vs_bytes contents; /* DER, with the zeros that pad it */
    vs_time_ms signed_at;     /* /M; VS_TIME_NONE */
};

struct vs_pdf {
    struct vs_bytes file;
    const struct vs_pdf_signature *signatures; /* in order of `covered` */
    size_t n_signatures;
    /* The document security store (EN 319 142-1, 5.4.2). */
    bool has_dss;
    const struct vs_bytes *certificates, *ocsp, *crls;
    size_t n_certificates, n_ocsp, n_crls;
};

/* `file` must outlive `*ret`, which lives in `arena`. */
VS_NODISCARD vs_rc vs_pdf_read(struct vs_arena *arena, struct vs_bytes file,
                               const struct vs_pdf **ret, struct vs_error *err);

/* What revisions after the first `covered` bytes did: NULL where they only add signatures,
 * time marks, validation data, and what fills in forms and annotates; else a static phrase. */
VS_NODISCARD vs_rc vs_pdf_changes(struct vs_bytes file, uint64_t covered, const char **ret,
                                  struct vs_error *err);

/* Whether the revision that ends after `covered` bytes has a document security store already: a
 * time mark over it then protects the store's values (EN 319 142-1, 5.5). */
VS_NODISCARD vs_rc vs_pdf_had_store(struct vs_bytes file, uint64_t covered, bool *ret,
                                    struct vs_error *err);

/* The two ranges of a signature as one source; lives as long as `self` and the file. */
struct vs_pdf_range {
    struct vs_source source;
    struct vs_bytes file;
    uint64_t first_len, second_at;
};
void vs_pdf_range_init(struct vs_pdf_range *self, const struct vs_pdf *pdf,
                       const struct vs_pdf_signature *signature);
#endif
