/* ocsp_make.h - be an OCSP responder: read an OCSPRequest, make an OCSPResponse (RFC 6960).
 *
 * The state of a certificate and the times come from the caller (relay/centre has the
 * register); nothing is looked up here. Reading responses and judging them: ocsp.h. */
#ifndef VS_FORMATS_CERTIFICATE_OCSP_MAKE_H
#define VS_FORMATS_CERTIFICATE_OCSP_MAKE_H
#include "formats/crypto/signer.h"

#define VS_OCSP_REQUEST_MAX ((size_t)16 * 1024) /* bytes */
#define VS_OCSP_MAX_ASKED   16                  /* certificates in one request */
#define VS_OCSP_NONCE_MAX   128                 /* octets; RFC 8954, 2.1 asks for 1 to 32 */

/* One certificate that is asked about; borrowed from the request. */
struct vs_ocsp_asked {
    struct vs_bytes cert_id;         /* the whole CertID: it goes into the answer as it is */
    enum vs_digest_algorithm digest; /* VS_DIGEST_NONE: one that we do not know */
    struct vs_bytes issuer_name_hash, issuer_key_hash;
    struct vs_bytes serial; /* content octets without leading zero */
};

struct vs_ocsp_query {
    struct vs_ocsp_asked asked[VS_OCSP_MAX_ASKED];
    size_t n_asked;
    struct vs_bytes nonce; /* the extension's value, to be echoed; empty: none */
};

/* VS_E_SYNTAX: not exactly one OCSPRequest (answer VS_OCSP_MALFORMED). VS_E_LIMIT: too much is
 * asked. A signature on the request is not looked at: whoever asks may know. */
VS_NODISCARD vs_rc vs_ocsp_query_decode(struct vs_bytes der, struct vs_ocsp_query *ret,
                                        struct vs_error *err);

/* Whether the issuer asked about is the one with this DER Name and these key bits (content of
 * its SubjectPublicKeyInfo's BIT STRING). */
bool vs_ocsp_asked_issuer_is(const struct vs_ocsp_asked *asked, struct vs_bytes issuer_name,
                             struct vs_bytes issuer_key_bits);

/* OCSPResponseStatus (RFC 6960, 4.2.1) of responses without content. */
enum vs_ocsp_failure {
    VS_OCSP_MALFORMED = 1,
    VS_OCSP_INTERNAL_ERROR = 2,
    VS_OCSP_TRY_LATER = 3,
    VS_OCSP_UNAUTHORIZED = 6,
};
void vs_ocsp_put_failure(enum vs_ocsp_failure failure, struct vs_buffer *to);

enum vs_ocsp_state { VS_OCSP_GOOD, VS_OCSP_REVOKED, VS_OCSP_UNKNOWN };

struct vs_ocsp_answer {
    struct vs_bytes cert_id;
    enum vs_ocsp_state state;
    vs_time_ms revoked;        /* of VS_OCSP_REVOKED */
    int reason;                /* CRLReason (RFC 5280, 5.3.1); negative: not stated */
    vs_time_ms this_update;    /* the state is known to be right at this time */
    vs_time_ms next_update;    /* VS_TIME_NONE: newer information is always available */
    vs_time_ms archive_cutoff; /* RFC 6960, 4.4.4; VS_TIME_NONE: none */
};

struct vs_ocsp_responder {
    struct vs_bytes certificate; /* DER: goes along */
    const struct vs_signer *signer;
};

/* Append a successful OCSPResponse. `nonce` empty: none. The responder is named by its key
 * (RFC 6960, 4.2.1: SHA-1 of the key bits). */
VS_NODISCARD vs_rc vs_ocsp_make(const struct vs_ocsp_responder *responder,
                                const struct vs_ocsp_answer *answers, size_t n_answers,
                                struct vs_bytes nonce, vs_time_ms produced,
                                struct vs_buffer *to, struct vs_error *err);
#endif
