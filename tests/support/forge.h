/* forge.h - XML signatures of any shape, for attack tests: a template gets right digests and a
 * right value, so that only the rule under attack stands between it and acceptance. */
#ifndef VS_TESTS_SUPPORT_FORGE_H
#define VS_TESTS_SUPPORT_FORGE_H
#include "formats/signature/xades.h"
#include "tests/support/signing.h"

#define FORGE_DSIG   "http://www.w3.org/2000/09/xmldsig#"
#define FORGE_XADES  "http://uri.etsi.org/01903/v1.3.2#"
#define FORGE_C14N   "http://www.w3.org/2001/10/xml-exc-c14n#"
#define FORGE_SHA256 "http://www.w3.org/2001/04/xmlenc#sha256"
#define FORGE_ECDSA  "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
/* What forge fills in: digests in the order of the references, then the value. */
#define FORGE_DIGEST "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define FORGE_VALUE  "VkFMVUU="

#define FORGE_TRANSFORM(uri) "<ds:Transform Algorithm=\"" uri "\"/>"
#define FORGE_REFERENCE(attributes, transforms)                                                \
    "<ds:Reference " attributes "><ds:Transforms>" transforms "</ds:Transforms>"               \
    "<ds:DigestMethod Algorithm=\"" FORGE_SHA256 "\"/><ds:DigestValue>" FORGE_DIGEST           \
    "</ds:DigestValue></ds:Reference>"
#define FORGE_SIGNED_INFO(references)                                                          \
    "<ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"" FORGE_C14N "\"/>"                 \
    "<ds:SignatureMethod Algorithm=\"" FORGE_ECDSA "\"/>" references "</ds:SignedInfo>"
#define FORGE_SIGNATURE(info, rest)                                                            \
    "<ds:Signature xmlns:ds=\"" FORGE_DSIG "\" Id=\"S\">" info                                 \
    "<ds:SignatureValue>" FORGE_VALUE "</ds:SignatureValue>" rest "</ds:Signature>"

/* The one source that references outside the document find, whatever their name. */
#define FORGE_OUTSIDE "outside"

/* Fill `text` in, as a reader would see it whose checks of `blind` are off (VS_E_NONE: none).
 * Aborts where even that reader cannot read it. */
struct vs_bytes forge(struct vs_arena *arena, const struct test_signer *signer,
                      const char *text, enum vs_code blind);

enum forge_outcome {
    FORGE_REFUSED,  /* `*ret_code` says by what */
    FORGE_INVALID,  /* read, but a reference or the value does not hold */
    FORGE_ACCEPTED, /* every reference intact, the value valid */
};
/* What a reader makes of the first signature of `file`. */
enum forge_outcome forge_judge(struct vs_bytes file, const struct vs_public_key *key,
                               enum vs_code *ret_code);
#endif
