/* report.h - what a validation found: values only, all in the arena given to it.
 *
 * Three layers, kept apart: here the technical verdict (EN 319 102-1) and the legal class
 * (Art. 3); the agreement's decision is relay's. A report says what *was signed*, not only that
 * something was: `signed_names` and the data objects' `covered`. */
#ifndef VS_FORMATS_VALIDATION_REPORT_H
#define VS_FORMATS_VALIDATION_REPORT_H
#include "formats/validation/indication.h"
#include "formats/validation/policy.h"

enum vs_document_form {
    VS_FORM_UNSIGNED, /* no signature format known here: data */
    VS_FORM_ASIC_E,
    VS_FORM_ASIC_S,
    VS_FORM_XML,
    VS_FORM_CMS,
    VS_FORM_PDF,
    VS_FORM_TIMESTAMP,
    VS_FORM_EVIDENCE_RECORD,
};
const char *vs_document_form_text(enum vs_document_form form); /* "ASiC-E", "XML", … */

/* Why: the clause that decides, and one English sentence. */
struct vs_reason {
    const char *clause; /* static; may be NULL */
    const char *text;
};
struct vs_reasons {
    struct vs_reason *items;
    size_t n;
};

/* Art. 3 (legal_class.h says how it is found). Ordered by force. */
enum vs_legal_class {
    VS_LEGAL_NONE,           /* TOTAL-FAILED by digest, value or form */
    VS_LEGAL_NOT_DETERMINED, /* see `legal_reach` and `legal_lacks` */
    VS_LEGAL_SIMPLE,         /* 1.1.5 */
    VS_LEGAL_ENHANCED,       /* 1.1.6 */
    VS_LEGAL_QUALIFIED,      /* enhanced, valid qualified certificate: = handwritten, 3.2 */
    VS_LEGAL_QUALIFIED_AUTHORITY, /* the same with authority data: = and stamped, 3.3 */
};
const char *vs_legal_class_text(enum vs_legal_class c); /* "enhanced", "not-determined", … */

/* The three stages of the Rule of verification, 2.1-2.5. */
struct vs_stages {
    enum vs_indication data_match; /* certificate, holder, creation data belong together */
    enum vs_indication certificate_holds;  /* in force, issuer genuine, not revoked */
    enum vs_indication signature_verifies; /* value and digests */
};

enum vs_timestamp_kind {
    VS_TIMESTAMP_SIGNATURE, /* over a signature value */
    VS_TIMESTAMP_CONTENT,   /* over the data, before signing */
    VS_TIMESTAMP_ARCHIVE,
    VS_TIMESTAMP_REFS,            /* over certificate and revocation references */
    VS_TIMESTAMP_DOCUMENT,        /* over a file: ASiC-S, a bare token, a PDF's DocTimeStamp */
    VS_TIMESTAMP_EVIDENCE_RECORD, /* inside an evidence record */
};

struct vs_timestamp_report {
    struct vs_verdict verdict;
    enum vs_timestamp_kind kind;
    int signature;               /* index of the signature that it belongs to, or -1 */
    vs_time_ms gen_time;         /* VS_TIME_NONE where unreadable */
    int64_t accuracy_ms;         /* 0 where not stated */
    const char *signed_by;       /* the TSA's common name, or NULL */
    const char *policy;          /* OID, or NULL */
    struct vs_bytes certificate; /* DER of the TSA's certificate; none where not found */
    bool accredited; /* counts in law: the TSA is a granted service of a trusted list */
    struct vs_reasons errors, warnings;
};

struct vs_evidence_record_report {
    struct vs_verdict verdict;
    int signature; /* embedded in this signature, or -1 */
    vs_time_ms
        gen_time; /* of the first archive time mark: proof of existence; or VS_TIME_NONE */
    struct vs_reasons errors, warnings;
};

struct vs_signature_report {
    const char *id;   /* the signature's Id, else "S-N" */
    const char *file; /* entry of the container that holds it, or NULL */
    struct vs_verdict verdict;
    enum vs_level level;
    const char *level_text;      /* "XAdES-B-LT", "XAdES", "XMLDSig", "CAdES-B-B", … */
    const char *algorithm;       /* "ECDSA-P256-SHA256", …, or NULL */
    struct vs_bytes certificate; /* DER of the signing certificate; none where not identified */
    const char *signed_by;       /* its common name, or NULL */
    vs_time_ms claimed_time;     /* SigningTime, unproved; or VS_TIME_NONE */
    vs_time_ms
        best_signature_time;   /* earliest proof of existence; the validation time at worst */
    const char **signed_names; /* container entries, detached names, "" for the document */
    size_t n_signed_names;
    const char *counter_of; /* Id of the signature that it countersigns, or NULL */
    /* Art. 3 */
    enum vs_legal_class legal_class, legal_reach;
    struct vs_reasons legal_lacks; /* what keeps it from the next class, or ground of 12.9 */
    struct vs_stages stages;
    /* Facts of the certificate that relay decides by. */
    bool qualified, certified_means, seal; /* seal: of an organisation, not a natural person */
    bool accredited;                       /* the issuer, at issue and at best signature time */
    struct vs_reasons errors, warnings;
};

/* A data object of the container, or a detached content. */
struct vs_data_report {
    const char *name;
    uint64_t size;
    bool
        covered; /* by the references of at least one signature or time mark, digest matching */
};

/* What a verdict lacks; relay fetches it and asks again. */
enum vs_need_kind {
    VS_NEED_OCSP,   /* an OCSP response for `certificate` */
    VS_NEED_CRL,    /* the CRL at `url` */
    VS_NEED_ISSUER, /* the issuer's certificate of `certificate` (AIA) */
};
struct vs_need {
    enum vs_need_kind kind;
    const char *url;             /* as the certificate writes it: untrusted text */
    struct vs_bytes certificate; /* DER */
    struct vs_bytes issuer;      /* DER; none for VS_NEED_ISSUER */
    bool anchored; /* the certificate chains to an anchor: only then follow `url` */
    vs_time_ms at; /* the moment to know about */
};

/* What a verdict was made with: DER, each once; given where the input asks for it. */
struct vs_material {
    const struct vs_bytes *certificates, *ocsp, *crls;
    size_t n_certificates, n_ocsp, n_crls;
};

struct vs_report {
    enum vs_document_form form;
    vs_time_ms at;             /* the validation time */
    struct vs_verdict verdict; /* the worst of all signatures; without any, of the time marks */
    struct vs_signature_report *signatures;
    size_t n_signatures;
    struct vs_timestamp_report *timestamps;
    size_t n_timestamps;
    struct vs_evidence_record_report *evidence_records;
    size_t n_evidence_records;
    struct vs_data_report *data;
    size_t n_data;
    struct vs_need *needs;
    size_t n_needs;
    struct vs_reasons errors, warnings; /* of the container as a whole */
    struct vs_material material;
};
#endif
