/* claims.h - what a signer states about a signature besides the content: the same in XAdES
 * (EN 319 132-1, 5.2) and CAdES (EN 319 122-1, 5.2). All of it is signed, none of it proved. */
#ifndef VS_FORMATS_SIGNATURE_CLAIMS_H
#define VS_FORMATS_SIGNATURE_CLAIMS_H
#include "formats/crypto/digest.h"

/* TS 119 172-1, B.2 and RFC 5126, 5.11.1: what the signer commits to. */
enum vs_commitment {
    VS_COMMITMENT_NONE,
    VS_COMMITMENT_PROOF_OF_ORIGIN,
    VS_COMMITMENT_PROOF_OF_RECEIPT,
    VS_COMMITMENT_PROOF_OF_DELIVERY,
    VS_COMMITMENT_PROOF_OF_SENDER,
    VS_COMMITMENT_PROOF_OF_APPROVAL,
    VS_COMMITMENT_PROOF_OF_CREATION,
    VS_COMMITMENTS
};

/* Texts are UTF-8 and borrowed; NULL: not stated. All zero: nothing is stated. */
struct vs_signature_claims {
    const char *role; /* claimed, not certified */
    const char *city, *state, *postal_code, *country;
    enum vs_commitment commitment;
    /* The signature policy: its dotted OID, its digest, and where it is published. */
    const char *policy_oid, *policy_url;
    struct vs_digest policy_digest;
};

static inline bool vs_claims_place(const struct vs_signature_claims *claims)
{
    return claims->city != NULL || claims->state != NULL || claims->postal_code != NULL ||
           claims->country != NULL;
}
/* "1.2.840.113549.1.9.16.6.1"; NULL for VS_COMMITMENT_NONE. */
const char *vs_commitment_oid(enum vs_commitment commitment);
/* "http://uri.etsi.org/01903/v1.2.2#ProofOfOrigin"; NULL likewise. */
const char *vs_commitment_uri(enum vs_commitment commitment);
/* "proof-of-origin"; VS_COMMITMENT_NONE where no commitment is called so. */
enum vs_commitment vs_commitment_by_name(const char *name);
#endif
