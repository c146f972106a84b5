/* making.h - a B-B signature of any form that we make, in two steps: what is to be signed goes
 * out, its value comes back; who holds the key is not known here (a card, a phone, an HSM).
 *
 *   vs_making_begin(arena, options, &making)
 *   value = key's signature over vs_making_message(making)
 *   vs_making_finish(making, value, &document)
 *
 * Higher levels: formats/making/raise.h. Files are read where they lie and never changed: an
 * XML document gets the signature spliced in, a PDF an update, a container holds them as they
 * are. Deterministic.
 *
 * NOT DONE: a second signature in an existing ASiC container or XML document. */
#ifndef VS_FORMATS_MAKING_MAKING_H
#define VS_FORMATS_MAKING_MAKING_H
#include "formats/crypto/key.h"
#include "formats/signature/claims.h"

enum vs_making_form {
    VS_MAKE_ASIC_E,         /* XAdES in an ASiC-E container: the usual one here */
    VS_MAKE_ASIC_E_CADES,   /* CAdES over an ASiCManifest */
    VS_MAKE_ASIC_S,         /* one file with XAdES */
    VS_MAKE_ASIC_S_CADES,   /* one file with CAdES */
    VS_MAKE_XADES,          /* enveloped in an XML document */
    VS_MAKE_XADES_DETACHED, /* a signature file beside one or more files */
    VS_MAKE_CADES,          /* attached: the content is enclosed */
    VS_MAKE_CADES_DETACHED,
    VS_MAKE_PADES,
    VS_MAKE_FORMS
};
/* "asic-e", "pades"…; VS_MAKE_FORMS where no form is called so. */
const char *vs_making_form_name(enum vs_making_form form);
enum vs_making_form vs_making_form_by_name(const char *name);
/* How files of this form are called, with the dot: ".asice". */
const char *vs_making_form_ending(enum vs_making_form form);

struct vs_pades_visible;

struct vs_making_file {
    const char *name; /* without folder */
    const char *media_type;
    const struct vs_source *source;
};

struct vs_making_options {
    enum vs_making_form form;
    const struct vs_making_file *files; /* exactly one but for ASiC-E and detached XAdES */
    size_t n_files;
    const struct vs_bytes *chain; /* DER, the signing certificate first */
    size_t n_chain;
    struct vs_signature_algorithm algorithm;
    vs_time_ms signing_time;
    const struct vs_signature_claims *claims; /* NULL: none */
    /* A PDF's field: formats/signature/pades_make.h. */
    const char *pdf_field, *pdf_name, *pdf_reason;
    unsigned pdf_certify;
    const struct vs_pades_visible *pdf_visible;
};

struct vs_making; /* lives in its arena; one thread; ended with vs_making_done */

/* All of `options` is borrowed until the document is no longer read. VS_E_PARAMETER,
 * VS_E_LIMIT, and as the forms' makers and readers fail. */
VS_NODISCARD vs_rc vs_making_begin(struct vs_arena *arena,
                                   const struct vs_making_options *options,
                                   struct vs_making **ret, struct vs_error *err);
struct vs_bytes vs_making_message(const struct vs_making *making);
/* How an ECDSA value is to be written. */
enum vs_signature_form vs_making_value_form(const struct vs_making *making);
/* *ret lives in the arena. */
VS_NODISCARD vs_rc vs_making_finish(struct vs_making *making, struct vs_bytes value,
                                    const struct vs_source **ret, struct vs_error *err);
/* After, or instead of, finishing; the document stays. NULL is fine. */
void vs_making_done(struct vs_making *making);
#endif
