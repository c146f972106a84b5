#include "formats/crypto/signer.h"
#include "formats/crypto/der_writer.h"

static vs_rc sign_with_key(const struct vs_signer *signer, struct vs_bytes message,
                           struct vs_signature_value *ret, struct vs_error *err)
{
    return vs_key_sign_message(signer->context, signer->algorithm, message, VS_SIGNATURE_DER,
                               ret, err);
}

void vs_key_signer(struct vs_key *key, struct vs_signer *ret)
{
    *ret = (struct vs_signer){
        .algorithm = vs_key_default_algorithm(key), .context = key, .sign = sign_with_key};
}

vs_rc vs_signer_put_signed(const struct vs_signer *signer, struct vs_bytes tbs,
                           struct vs_bytes extra, struct vs_buffer *to, struct vs_error *err)
{
    struct vs_signature_value value;
    VS_TRY(signer->sign(signer, tbs, &value, err));
    size_t whole = vs_der_begin(to);
    vs_buffer_add(to, tbs);
    vs_buffer_add(to, vs_signature_algorithm_der(signer->algorithm));
    vs_der_put_bits(to, vs_signature_bytes(&value));
    vs_buffer_add(to, extra);
    vs_der_end(to, whole, VS_DER_SEQUENCE);
    return vs_buffer_check(to, err);
}
