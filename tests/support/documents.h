/* documents.h - signed containers of the small certificate world (pki.h), of any level and with
 * any fault that a test asks for. */
#ifndef VS_TESTS_SUPPORT_DOCUMENTS_H
#define VS_TESTS_SUPPORT_DOCUMENTS_H
#include "formats/certificate/revocation.h"
#include "formats/validation/policy.h"
#include "tests/support/pki.h"

#define TEST_CONTENT "content of the document\n"

struct test_document {
    const struct vs_pki_party *signer; /* NULL: pki->person */
    enum vs_level level;               /* B, T or LT */
    vs_time_ms signed_at;              /* SigningTime */
    vs_time_ms marked_at;              /* genTime; 0: signed_at + 1 s */
    vs_time_ms answered_at;            /* OCSP; 0: marked_at + 1 s */
    enum vs_revocation_status status;  /* of the signer in the OCSP answer; 0: good */
    vs_time_ms revoked_at;
    const struct vs_pki_party *tsa; /* NULL: pki->tsa */
    bool tsa_unanswered;            /* no OCSP answer about the TSA goes along */
    bool unsigned_file;             /* a data object that the signature does not cover */
    const char *altered;            /* content put in after signing; NULL: none */
    bool wrong_imprint;             /* the time mark is over something else */
    bool broken_value;              /* one bit of the signature value */
    bool no_data;                   /* the data object is left out */
    /* A signing certificate other than the key's: DER; empty: the signer's own. */
    struct vs_bytes certificate;
};

/* The container; aborts where something fails. */
struct vs_bytes test_document_make(struct vs_pki *pki, const struct test_document *document);

/* One OCSP answer about `party`, by `responder` (NULL: pki->ocsp); issuer: pki->authority. */
struct vs_bytes test_ocsp(struct vs_pki *pki, const struct vs_pki_party *party,
                          const struct vs_pki_party *responder, vs_time_ms at,
                          enum vs_revocation_status status, vs_time_ms revoked_at);
/* A token over `imprint` by `tsa` (NULL: pki->tsa). */
struct vs_bytes test_token(struct vs_pki *pki, const struct vs_pki_party *tsa,
                           const struct vs_digest *imprint, vs_time_ms at);
/* The issuing authority's certificate as an anchor: an intermediate, as lists name them. */
struct vs_trust;
struct vs_trust *test_trust(struct vs_pki *pki);
#endif
