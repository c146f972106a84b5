#include "formats/signature/claims.h"

static const struct {
    const char *name, *oid, *uri;
} commitments[VS_COMMITMENTS] = {
    [VS_COMMITMENT_PROOF_OF_ORIGIN] = {"proof-of-origin", "1.2.840.113549.1.9.16.6.1",
                                       "http://uri.etsi.org/01903/v1.2.2#ProofOfOrigin"},
    [VS_COMMITMENT_PROOF_OF_RECEIPT] = {"proof-of-receipt", "1.2.840.113549.1.9.16.6.2",
                                        "http://uri.etsi.org/01903/v1.2.2#ProofOfReceipt"},
    [VS_COMMITMENT_PROOF_OF_DELIVERY] = {"proof-of-delivery", "1.2.840.113549.1.9.16.6.3",
                                         "http://uri.etsi.org/01903/v1.2.2#ProofOfDelivery"},
    [VS_COMMITMENT_PROOF_OF_SENDER] = {"proof-of-sender", "1.2.840.113549.1.9.16.6.4",
                                       "http://uri.etsi.org/01903/v1.2.2#ProofOfSender"},
    [VS_COMMITMENT_PROOF_OF_APPROVAL] = {"proof-of-approval", "1.2.840.113549.1.9.16.6.5",
                                         "http://uri.etsi.org/01903/v1.2.2#ProofOfApproval"},
    [VS_COMMITMENT_PROOF_OF_CREATION] = {"proof-of-creation", "1.2.840.113549.1.9.16.6.6",
                                         "http://uri.etsi.org/01903/v1.2.2#ProofOfCreation"},
};

const char *vs_commitment_oid(enum vs_commitment commitment)
{
    VS_ASSERT((unsigned)commitment < VS_COMMITMENTS);
    return commitments[commitment].oid;
}

const char *vs_commitment_uri(enum vs_commitment commitment)
{
    VS_ASSERT((unsigned)commitment < VS_COMMITMENTS);
    return commitments[commitment].uri;
}

enum vs_commitment vs_commitment_by_name(const char *name)
{
    for (unsigned i = 1; i < VS_COMMITMENTS; i++)
        if (vs_text_equal(commitments[i].name, name))
            return (enum vs_commitment)i;
    return VS_COMMITMENT_NONE;
}
