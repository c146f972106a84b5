#include "formats/certificate/certificate.h"
#include "formats/crypto/digest.h"
#include "gateway/call.h"
#include "gateway/rest/rest.h"

/* vs_right is the role's bit, one place higher: the lowest is VS_RIGHT_ANY. */
_Static_assert(VS_RIGHT_SENDER == VS_ROLE_SENDER << 1 &&
                   VS_RIGHT_OFFICER == VS_ROLE_CENTRE_OFFICER << 1 &&
                   VS_RIGHT_OPERATOR == VS_ROLE_OPERATOR << 1 &&
                   VS_RIGHT_AUDITOR == VS_ROLE_AUDITOR << 1,
               "rights follow roles");

enum { MAX_TOKEN = 256 };

/* What was registered is this very certificate, by its digest: no chain could say more. Its
 * term holds all the same, and a certificate that the centre revoked is refused by relay. */
static vs_rc digest_of_certificate(struct vs_bytes der, vs_time_ms now, struct vs_digest *ret,
                                   struct vs_error *err)
{
    VS_CERTIFICATE *certificate = NULL;
    struct vs_error why;
    if (!vs_ok(vs_certificate_get(der, &certificate, &why)))
        return vs_fail(err, VS_E_UNAUTHENTICATED, NULL, "the client certificate: %s", why.text);
    VS_REFUSE_IF(!vs_certificate_in_force(certificate, now), err, VS_E_CREDENTIAL_EXPIRED, NULL,
                 "the client certificate is not in force now");
    vs_digest_of(VS_SHA256, der, ret);
    return VS_OK;
}

/* A token wins over a certificate: browsers and proxies send theirs without being asked. */
static vs_rc find_credential(struct vs_request *request, vs_time_ms now,
                             enum vs_credential *ret_kind, struct vs_digest *ret,
                             struct vs_error *err)
{
    const char *token = vs_request_bearer(request);
    if (token != NULL) {
        VS_REFUSE_IF(strlen(token) > MAX_TOKEN, err, VS_E_UNAUTHENTICATED, NULL,
                     "the token is not known");
        *ret_kind = VS_CREDENTIAL_TOKEN;
        vs_digest_of(VS_SHA256, vs_bytes_text(token), ret);
        return VS_OK;
    }
    const struct vs_bytes *chain;
    VS_REFUSE_IF(vs_request_certificates(request, &chain) == 0, err, VS_E_UNAUTHENTICATED, NULL,
                 "neither a client certificate nor a token");
    *ret_kind = VS_CREDENTIAL_CERTIFICATE;
    return digest_of_certificate(chain[0], now, ret, err);
}

vs_rc vs_rest_authenticate(struct vs_request *request, struct vs_error *err)
{
    struct vs_caller *caller = vs_arena_make(vs_request_arena(request), struct vs_caller);
    if (caller == NULL)
        return vs_fail_memory(err);
    struct vs_relay *relay = vs_relay_of(request);
    vs_time_ms now = vs_relay_now(relay);
    enum vs_credential kind;
    struct vs_digest digest;
    VS_TRY(find_credential(request, now, &kind, &digest, err));
    VS_TRY(vs_principal_authenticate(relay, kind, digest.bytes, now, caller, err));
    char scope[VS_ID_TEXT];
    vs_id_text(vs_id_is_none(caller->participant) ? caller->principal : caller->participant,
               scope);
    vs_request_set_caller(request, caller, scope, caller->roles << 1);
    return VS_OK;
}
