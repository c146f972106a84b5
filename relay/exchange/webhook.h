/* webhook.h - requests of ours to participants' endpoints, signed so that the endpoint can tell
 * who asks: HTTP message signatures (RFC 9421) with the service's key of purpose `webhook`.
 *
 * Each request is a POST with
 *   Content-Digest         SHA-256 of the body (RFC 9530)
 *   Vasite-Delivery-Id     32 hex digits: the same in every repetition of one delivery
 *   Vasite-Attempt         how often it was begun, this one included
 *   fields of its kind     push.h, notify.h
 *   Signature-Input, Signature   label `vasite`, parameters created, keyid, alg, tag="vasite",
 *                          over @method, @target-uri, content-type, content-digest,
 *                          vasite-delivery-id, vasite-attempt and the fields of its kind
 * keyid is the SHA-256 of the public key's SubjectPublicKeyInfo in hex; the key is published
 * (GET /v1/webhook-key). An endpoint checks signature, digest and the age of `created`, does
 * its work once for each Vasite-Delivery-Id, and answers 2xx when it has it: also when it had
 * it before. What it answers besides is not read. */
#ifndef VS_RELAY_WEBHOOK_H
#define VS_RELAY_WEBHOOK_H
#include "formats/signature/http_signature.h"
#include "relay/outgoing.h"
#include "relay/relay.h"

#define VS_WEBHOOK_FIELDS 8

struct vs_webhook {
    const char *url;
    const char *content_type; /* anything that no header can hold: application/octet-stream */
    uint8_t digest[32];       /* SHA-256 of the body */
    struct vs_bytes body;
    const struct vs_source *source; /* instead of `body` */
    struct vs_id delivery;
    int64_t attempt;
    struct vs_http_component
        fields[VS_WEBHOOK_FIELDS]; /* lower case names; texts as they are */
    size_t n_fields;
};
/* One more field; what no header can hold is percent-encoded. */
void vs_webhook_add(struct vs_webhook *webhook, const char *name, const char *value);

/* The request, in `arena`; url, body and source are borrowed. VS_E_KEY; VS_E_PARAMETER. */
VS_NODISCARD vs_rc vs_webhook_request(struct vs_relay *relay, struct vs_arena *arena,
                                      const struct vs_webhook *webhook, vs_time_ms now,
                                      struct vs_outgoing_request *ret, struct vs_error *err);

struct vs_webhook_key {
    const char *id, *algorithm; /* "ed25519" (RFC 9421, 3.3) */
    const char *pem;            /* PUBLIC KEY (RFC 7468) */
};
VS_NODISCARD vs_rc vs_webhook_key(struct vs_relay *relay, struct vs_arena *arena,
                                  struct vs_webhook_key *ret, struct vs_error *err);
#endif
