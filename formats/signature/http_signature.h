/* http_signature.h - HTTP message signatures (RFC 9421) over requests of ours, and
 * Content-Digest (RFC 9530): what is signed, and the two header fields that carry it.
 *
 * Pure: it makes the signature base; whoever holds the key signs it. Derived components
 * ("@method", "@target-uri", ...) and header fields are given by the caller as they are sent;
 * each field occurs once in the message and has no leading or trailing white space, so that its
 * value is the component's value (RFC 9421, 2.1).
 *
 * NOT DONE: RFC 9421, 2.1.1 and 2.4 (structured-field, byte-sequence and request-bound
 * parameters of components); verifying: nobody calls us so. */
#ifndef VS_FORMATS_HTTP_SIGNATURE_H
#define VS_FORMATS_HTTP_SIGNATURE_H
#include "formats/crypto/key.h"

struct vs_http_component {
    const char *name;  /* lower case: "@method", "content-digest" */
    const char *value; /* printable ASCII */
};

struct vs_http_signature {
    const char *label; /* of the signature in its header fields: "sig1" */
    const struct vs_http_component *components;
    size_t n_components;
    vs_time_ms created; /* whole seconds are stated */
    /* Printable ASCII without quotes and backslashes; `algorithm` and `tag` may be NULL: not
     * stated. */
    const char *key_id, *algorithm, *tag;
};

/* "ed25519", "ecdsa-p256-sha256", "ecdsa-p384-sha384" (RFC 9421, 3.3); NULL: it has no name
 * there. Its values are raw (VS_SIGNATURE_RAW). */
const char *vs_http_signature_algorithm(struct vs_signature_algorithm algorithm);

/* The signature base (RFC 9421, 2.5): what is signed. VS_E_PARAMETER: a name, value or
 * parameter that cannot stand in it, or one component twice. */
VS_NODISCARD vs_rc vs_http_signature_base(struct vs_arena *arena,
                                          const struct vs_http_signature *signature,
                                          struct vs_bytes *ret, struct vs_error *err);
/* The values of Signature-Input and Signature; NULL: the arena is full. */
const char *vs_http_signature_input(struct vs_arena *arena,
                                    const struct vs_http_signature *signature);
const char *vs_http_signature_value(struct vs_arena *arena,
                                    const struct vs_http_signature *signature,
                                    struct vs_bytes value);

/* The value of Content-Digest: "sha-256=:...:" (RFC 9530, 2). NULL: the arena is full. */
const char *vs_content_digest(struct vs_arena *arena, const uint8_t sha256[32]);
#endif
