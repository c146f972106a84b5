/* xades_raise.h - XAdES signatures raised to B-T, B-LT and B-LTA, whoever made them.
 *
 * Works on any file that xades.h reads: what is added goes into the file's own bytes
 * (formats/xml/splice.h), everything else stays as it was. Signatures that we have just made
 * are raised faster by xades_make.h. */
#ifndef VS_FORMATS_SIGNATURE_XADES_RAISE_H
#define VS_FORMATS_SIGNATURE_XADES_RAISE_H
#include "formats/signature/xades.h"
#include "formats/signature/xades_make.h"

struct vs_xades_raising {
    struct vs_bytes time_mark; /* SignatureTimeStamp: B-T; empty: none */
    /* What is there already is left out: B-LT. After an archive time mark it goes into
     * TimeStampValidationData (5.5.3), which the next mark covers. NULL: none. */
    const struct vs_xades_validation_data *data;
    struct vs_bytes archive_mark; /* ArchiveTimeStamp: B-LTA */
};

/* The canonicalisation that marks made here name. */
extern const struct vs_c14n_options vs_xades_mark_c14n;

/* The imprint for a signature time mark (5.3); for an archive time mark: xades.h,
 * vs_xades_archive_imprint with vs_xades_mark_c14n and no mark. */
VS_NODISCARD vs_rc vs_xades_mark_imprint(const struct vs_xades *xades,
                                         enum vs_digest_algorithm algorithm,
                                         struct vs_digest *ret, struct vs_error *err);

/* Append `text`, from which `file` was read, with signature number `signature` raised.
 * VS_E_SIGNATURE_FORM: it was refused, or has no signed qualifying properties. */
VS_NODISCARD vs_rc vs_xades_raise(struct vs_bytes text, const struct vs_xades_file *file,
                                  size_t signature, const struct vs_xades_raising *raising,
                                  struct vs_buffer *to, struct vs_error *err);
#endif
