/* authority.h - be a time-stamping authority: a TimeStampReq in, a TimeStampResp out.
 *
 * Follows RFC 3161, RFC 5816 (ESSCertIDv2) and EN 319 422: no ordering, genTime with
 * milliseconds, the requester's imprint algorithm SHA-256 or better. The token is written
 * directly; one answer costs one signature and two short digests. What cannot be granted is
 * answered with a rejection, which is a response like any other: only memory and the signer
 * fail. The clock, its trustworthiness and the serial number are the caller's. */
#ifndef VS_FORMATS_TIMESTAMP_AUTHORITY_H
#define VS_FORMATS_TIMESTAMP_AUTHORITY_H
#include "formats/crypto/signer.h"
#include "formats/timestamp/request.h"

#define VS_TIMESTAMP_REQUEST_MAX ((size_t)4096) /* bytes; larger ones are rejected */

struct vs_tsa_settings {
    const char *policy;  /* OID, of every token; a request for another one is rejected */
    int64_t accuracy_ms; /* stated in every token; 0: none */
    /* The authority's certificate (critical EKU timeStamping alone) and those of its issuers
     * that go along when the requester asks (certReq), DER, own first, at most 8. */
    const struct vs_bytes *chain;
    size_t n_chain;
};

/* Prepared once; immutable and safe from any thread afterwards. */
struct vs_tsa;

/* VS_E_CERTIFICATE: the certificate cannot be read. VS_E_CONFIG: the policy is no OID. */
VS_NODISCARD vs_rc vs_tsa_new(const struct vs_tsa_settings *settings, struct vs_tsa **ret,
                              struct vs_error *err);
void vs_tsa_free(struct vs_tsa *tsa); /* NULL is fine */

/* What one answer needs from outside. */
struct vs_tsa_moment {
    vs_time_ms time; /* VS_TIME_NONE: the clock is not trusted: timeNotAvailable */
    struct vs_bytes
        serial; /* of the token: never used before by this authority; to 20 octets */
    const struct vs_signer *signer;
};

/* Append the DER TimeStampResp to `to`; `*ret_refusal` says why it holds no token (VS_PKI_NONE:
 * it holds one). */
VS_NODISCARD vs_rc vs_tsa_answer(const struct vs_tsa *tsa, struct vs_bytes request,
                                 const struct vs_tsa_moment *moment, struct vs_buffer *to,
                                 enum vs_pki_failure *ret_refusal, struct vs_error *err);
#endif
