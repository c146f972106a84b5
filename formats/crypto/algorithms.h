/* algorithms.h - signature and digest algorithms: their names and how long each is good.
 *
 * One dated table, after SOG-IS Agreed Cryptographic Mechanisms and ETSI TS 119 312. A name
 * that is not in the table is no algorithm: nothing else decides what a signature may use.
 * Whether a value verifies and whether its algorithm was still acceptable when it existed are
 * two questions; EN 319 102-1, 5.2.7 asks the second with the best proof of existence. */
#ifndef VS_FORMATS_CRYPTO_ALGORITHMS_H
#define VS_FORMATS_CRYPTO_ALGORITHMS_H
#include "formats/crypto/digest.h"

enum vs_scheme {
    VS_SCHEME_NONE,
    VS_RSA_PKCS1, /* RSASSA-PKCS1-v1_5 */
    VS_RSA_PSS,   /* RSASSA-PSS, MGF1 */
    VS_ECDSA,
    VS_ED25519, /* signs the message itself: its digest field is VS_DIGEST_NONE */
};

enum vs_key_type { VS_KEY_UNKNOWN, VS_KEY_RSA, VS_KEY_EC, VS_KEY_ED25519 };

/* By value; all zero is "none". The PSS fields are 0 where they follow the digest. */
struct vs_signature_algorithm {
    enum vs_scheme scheme;
    enum vs_digest_algorithm digest;
    enum vs_digest_algorithm mgf_digest; /* VS_RSA_PSS: VS_DIGEST_NONE = the same as `digest` */
    int salt_bytes;                      /* VS_RSA_PSS: 0 = the digest's length */
};

#define VS_ECDSA_SHA256                                                                        \
    ((struct vs_signature_algorithm){.scheme = VS_ECDSA, .digest = VS_SHA256})

enum vs_key_type vs_scheme_key_type(enum vs_scheme scheme);
/* "ECDSA with SHA-256", in static storage; never NULL. */
const char *vs_signature_algorithm_name(struct vs_signature_algorithm algorithm);

/* -- names --------------------------------------------------------------------------------- */

/* XMLDSig (RFC 9231) SignatureMethod. False: not known; `ret` is then all zero. */
bool vs_signature_algorithm_by_uri(struct vs_bytes uri, struct vs_signature_algorithm *ret);
/* NULL where XMLDSig has no name for it. */
const char *vs_signature_algorithm_uri(struct vs_signature_algorithm algorithm);
/* A DER AlgorithmIdentifier (the whole SEQUENCE) of a certificate or of CMS, parameters judged:
 * NULL or absent as the RFCs allow, PSS parameters read. For CMS's bare rsaEncryption and
 * id-ecPublicKey, `digest_hint` (SignerInfo.digestAlgorithm) says the digest; elsewhere a hint
 * other than VS_DIGEST_NONE must agree. */
bool vs_signature_algorithm_by_der(struct vs_bytes identifier,
                                   enum vs_digest_algorithm digest_hint,
                                   struct vs_signature_algorithm *ret);
/* Whether it is an AlgorithmIdentifier at all, known here or not. */
bool vs_algorithm_well_formed(struct vs_bytes identifier);
/* The DER AlgorithmIdentifier to write: static storage, not for PSS with odd parameters
 * (VS_BYTES_NONE). */
struct vs_bytes vs_signature_algorithm_der(struct vs_signature_algorithm algorithm);

/* XMLDSig/XMLEnc DigestMethod; VS_DIGEST_NONE: not known. */
enum vs_digest_algorithm vs_digest_by_uri(struct vs_bytes uri);
const char *vs_digest_uri(enum vs_digest_algorithm algorithm);
/* Content octets of the OID, without tag and length. */
enum vs_digest_algorithm vs_digest_by_oid(struct vs_bytes oid);
struct vs_bytes vs_digest_oid(enum vs_digest_algorithm algorithm);
/* A DER AlgorithmIdentifier: parameters NULL or absent. VS_DIGEST_NONE: not known. */
enum vs_digest_algorithm vs_digest_by_der(struct vs_bytes identifier);
/* The same to write, without parameters (RFC 5754, 2). */
struct vs_bytes vs_digest_der(enum vs_digest_algorithm algorithm);

/* -- how long ------------------------------------------------------------------------------ */

/* The first moment at which the algorithm is no longer acceptable; VS_TIME_NONE: never was.
 * `key_bits`: RSA modulus length, EC order length, 0 for Ed25519. */
vs_time_ms vs_digest_good_until(enum vs_digest_algorithm algorithm);
vs_time_ms vs_signature_good_until(struct vs_signature_algorithm algorithm, unsigned key_bits);

/* Whether it was acceptable at `at`. An end that still lay in the future when the table was
 * written (vs_algorithms_written) is a forecast: past it the answer stays true, with a warning.
 * `*ret_why` (may be NULL): on false what is too weak, on true NULL or the warning; a static
 * English phrase ("SHA-1", "the RSA key's length"). */
bool vs_digest_acceptable(enum vs_digest_algorithm algorithm, vs_time_ms at,
                          const char **ret_why);
bool vs_signature_acceptable(struct vs_signature_algorithm algorithm, unsigned key_bits,
                             vs_time_ms at, const char **ret_why);
vs_time_ms vs_algorithms_written(void);
#endif
