/* validation.h - EN 319 102-1: a document, a time and what is trusted in; a report out.
 *
 * Pure: what a verdict lacks comes back as report->needs; relay/verification fetches it, adds
 * it to the input and asks again. The name of a file decides nothing, only its bytes do.
 *
 * An invalid signature is a report, not a failure. A failure means that the document itself is
 * refused (class VS_CLASS_REFUSED: not a sound ZIP, a bomb, an XML with DTD, …), or that memory
 * or the disk failed.
 *
 * NOT DONE: imprints of XAdES reference time marks (they count as SIGNED_DATA_NOT_FOUND and
 * prove nothing); evidence records inside XAdES (EN 319 132-3); EN
 * 319 102-1, 5.2.4 (signature policies: not looked at); 5.6.2.2 by
 * control-time sliding (one moment, the best proof of existence, stands for it). */
#ifndef VS_FORMATS_VALIDATION_VALIDATION_H
#define VS_FORMATS_VALIDATION_VALIDATION_H
#include "formats/validation/report.h"

struct vs_trust; /* formats/trustlist/trust.h */
struct vs_asic;  /* formats/container/asic.h */

/* Detached content: what a reference of that name covers. */
struct vs_content {
    const char *name;
    const struct vs_source *source;
};

/* What the caller has at hand already (its caches, the embedded centre in-process): asked for
 * while judging, so that a verdict needs no second round. Must not wait for anything. */
struct vs_revocation_lookup {
    void *context;
    /* Append DER responses and lists about `certificate` (DER, its issuer's DER) to `ocsp` and
     * `crls`, at most `room` each. The bytes must live as long as the report's arena. */
    void (*find)(void *context, struct vs_arena *arena, struct vs_bytes certificate,
                 struct vs_bytes issuer, struct vs_bytes *ocsp, size_t *n_ocsp,
                 struct vs_bytes *crls, size_t *n_crls, size_t room);
};

struct vs_validation_input {
    const struct vs_source *document;
    const char *name;           /* for messages; may be NULL */
    const struct vs_asic *asic; /* the document opened already, or NULL: opened here */
    const struct vs_content *contents;
    size_t n_contents;
    vs_time_ms at; /* the validation time: "now" but for tests and disputes */
    /* The whole document is known to have existed then (an evidence record over it that the
     * caller verified: EN 319 102-1, 5.6.2.3); 0: nothing is known. */
    vs_time_ms proved;
    bool collect;                        /* fill report->material */
    const struct vs_trust *trust;        /* NULL: nothing is trusted */
    const struct vs_policy *policy;      /* NULL: vs_policy_default() */
    const struct vs_bytes *certificates; /* DER, for building paths: trusted by nobody */
    size_t n_certificates;
    const struct vs_bytes *ocsp; /* DER of OCSPResponse */
    size_t n_ocsp;
    const struct vs_bytes *crls; /* DER of CertificateList */
    size_t n_crls;
    const struct vs_revocation_lookup *lookup; /* NULL: none */
};

/* What the first bytes say; VS_FORM_UNSIGNED where nothing known. */
VS_NODISCARD vs_rc vs_document_form_of(const struct vs_source *document,
                                       enum vs_document_form *ret, struct vs_error *err);

/* Judge. `*ret` and all in it live in `arena`; the input's bytes must outlive them.
 * Fails: as said above; VS_E_SIGNATURE_FORM for a form that this build does not judge. */
VS_NODISCARD vs_rc vs_validate(struct vs_arena *arena, const struct vs_validation_input *input,
                               const struct vs_report **ret, struct vs_error *err);
#endif
