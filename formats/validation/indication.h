/* indication.h - the words of EN 319 102-1: indications and sub-indications.
 *
 * Names and meaning are the standard's (EN 319 102-1, 5.1.3, tables 1 to 3); a time mark, an
 * evidence record or a building block is PASSED where a signature is TOTAL-PASSED. */
#ifndef VS_FORMATS_VALIDATION_INDICATION_H
#define VS_FORMATS_VALIDATION_INDICATION_H
#include "formats/base/base.h"

/* Ordered: the worst of several is the greatest. */
enum vs_indication {
    VS_NO_SIGNATURE_FOUND, /* nothing to judge: no word of the standard's, only ever the overall
                              one */
    VS_PASSED,             /* TOTAL-PASSED */
    VS_INDETERMINATE,
    VS_FAILED, /* TOTAL-FAILED */
};

/* VS_SUB(NAME, clause that defines it, meaning) */
#define VS_SUB_INDICATIONS                                                                     \
    VS_SUB(FORMAT_FAILURE, "EN 319 102-1, 5.2.2", "the form is not conformant")                \
    VS_SUB(HASH_FAILURE, "EN 319 102-1, 5.2.7", "signed data differs from its digest")         \
    VS_SUB(SIG_CRYPTO_FAILURE, "EN 319 102-1, 5.2.7", "the signature value does not verify")   \
    VS_SUB(REVOKED, "EN 319 102-1, 5.1.3", "signed after the certificate was revoked")         \
    VS_SUB(EXPIRED, "EN 319 102-1, 5.1.3", "signed after the certificate had expired")         \
    VS_SUB(NOT_YET_VALID, "EN 319 102-1, 5.5.4", "signed before the certificate took force")   \
    VS_SUB(SIG_CONSTRAINTS_FAILURE, "EN 319 102-1, 5.2.8", "an attribute breaks the policy")   \
    VS_SUB(CHAIN_CONSTRAINTS_FAILURE, "EN 319 102-1, 5.2.6", "the chain breaks the policy")    \
    VS_SUB(CERTIFICATE_CHAIN_GENERAL_FAILURE, "EN 319 102-1, 5.2.6", "the chain is not sound") \
    VS_SUB(CRYPTO_CONSTRAINTS_FAILURE, "EN 319 102-1, 5.2.8", "an algorithm is too weak")      \
    VS_SUB(POLICY_PROCESSING_ERROR, "EN 319 102-1, 5.2.4",                                     \
           "the signature policy is unreadable")                                               \
    VS_SUB(SIGNATURE_POLICY_NOT_AVAILABLE, "EN 319 102-1, 5.2.4",                              \
           "the signature policy is away")                                                     \
    VS_SUB(TIMESTAMP_ORDER_FAILURE, "EN 319 102-1, 5.5.4", "time marks are out of order")      \
    VS_SUB(NO_SIGNING_CERTIFICATE_FOUND, "EN 319 102-1, 5.2.3", "no signing certificate")      \
    VS_SUB(NO_CERTIFICATE_CHAIN_FOUND, "EN 319 102-1, 5.2.6", "no path to a trust anchor")     \
    VS_SUB(REVOKED_NO_POE, "EN 319 102-1, 5.2.6", "revoked, and no proof of signing before")   \
    VS_SUB(REVOKED_CA_NO_POE, "EN 319 102-1, 5.2.6", "a CA is revoked, no proof of before")    \
    VS_SUB(OUT_OF_BOUNDS_NOT_REVOKED, "EN 319 102-1, 5.2.6",                                   \
           "outside the certificate's validity, which was not revoked")                        \
    VS_SUB(OUT_OF_BOUNDS_NO_POE, "EN 319 102-1, 5.2.6", "outside the certificate's validity")  \
    VS_SUB(REVOCATION_OUT_OF_BOUNDS_NO_POE, "EN 319 102-1, 5.2.5",                             \
           "the revocation data's signer is outside its validity")                             \
    VS_SUB(CRYPTO_CONSTRAINTS_FAILURE_NO_POE, "EN 319 102-1, 5.2.8",                           \
           "an algorithm is too weak now, no proof of before")                                 \
    VS_SUB(NO_POE, "EN 319 102-1, 5.6.2", "no proof of existence at the time that counts")     \
    VS_SUB(TRY_LATER, "EN 319 102-1, 5.2.6", "revocation data is missing or not fresh")        \
    VS_SUB(SIGNED_DATA_NOT_FOUND, "EN 319 102-1, 5.2.7", "signed data is not at hand")         \
    VS_SUB(CUSTOM, "EN 319 102-1, 5.1.3", "a reason of the policy's own")

enum vs_sub_indication {
    VS_SUB_NONE,
#define VS_SUB(name, clause, meaning) VS_SUB_##name,
    VS_SUB_INDICATIONS
#undef VS_SUB
};

/* "TOTAL-PASSED", "INDETERMINATE", "TOTAL-FAILED", "NO_SIGNATURE_FOUND": of a signature or as
 * the overall one. */
const char *vs_indication_text(enum vs_indication indication);
/* "PASSED", "INDETERMINATE", "FAILED": of a time mark or an evidence record. */
const char *vs_indication_token_text(enum vs_indication indication);
/* The standard's name; NULL for VS_SUB_NONE. */
const char *vs_sub_indication_text(enum vs_sub_indication sub);
const char *vs_sub_indication_clause(enum vs_sub_indication sub);
const char *vs_sub_indication_meaning(enum vs_sub_indication sub);

/* One verdict: the pair. */
struct vs_verdict {
    enum vs_indication indication;
    enum vs_sub_indication sub;
};
#endif
