#include "formats/certificate/crl_make.h"
#include "formats/crypto/der_writer.h"

static void put_extension(const char *oid, struct vs_bytes value, struct vs_buffer *to)
{
    size_t at = vs_der_begin(to);
    vs_der_put_oid(to, oid);
    vs_der_put(to, VS_DER_OCTET_STRING, value);
    vs_der_end(to, at, VS_DER_SEQUENCE);
}

static void put_listed(const struct vs_crl_listed *entry, struct vs_buffer *to)
{
    size_t at = vs_der_begin(to);
    vs_der_put_unsigned(to, entry->serial);
    vs_der_put_validity(to, entry->since);
    if (entry->reason > 0) {
        uint8_t reason[] = {VS_DER_ENUMERATED, 1, (uint8_t)entry->reason};
        size_t extensions = vs_der_begin(to);
        put_extension("2.5.29.21", VS_BYTES(reason, sizeof reason), to);
        vs_der_end(to, extensions, VS_DER_SEQUENCE);
    }
    vs_der_end(to, at, VS_DER_SEQUENCE);
}

static void put_extensions(const struct vs_crl_profile *profile, struct vs_bytes key_id,
                           struct vs_buffer *to)
{
    VS_BUFFER value;
    vs_buffer_init(&value, 256);
    size_t tagged = vs_der_begin(to), list = vs_der_begin(to);
    size_t at = vs_der_begin(&value);
    vs_der_put(&value, VS_DER_CONTEXT(0), key_id);
    vs_der_end(&value, at, VS_DER_SEQUENCE);
    put_extension("2.5.29.35", vs_buffer_view(&value), to);
    vs_buffer_clear(&value);
    vs_der_put_small(&value, profile->number);
    put_extension("2.5.29.20", vs_buffer_view(&value), to);
    if (profile->expired_since != VS_TIME_NONE) {
        vs_buffer_clear(&value);
        vs_der_put_time(&value, profile->expired_since, false);
        put_extension("2.5.29.60", vs_buffer_view(&value), to);
    }
    vs_der_end(to, list, VS_DER_SEQUENCE);
    vs_der_end(to, tagged, VS_DER_CONTEXT_CONSTRUCTED(0));
}

vs_rc vs_crl_make(const struct vs_crl_profile *profile, const struct vs_issuer *issuer,
                  const struct vs_crl_listed *listed, size_t n_listed, struct vs_buffer *to,
                  struct vs_error *err)
{
    VS_BUFFER tbs;
    vs_buffer_init(&tbs, VS_CRL_MAKE_MAX);
    size_t whole = vs_der_begin(&tbs);
    vs_der_put_small(&tbs, 1); /* v2 */
    vs_buffer_add(&tbs, vs_signature_algorithm_der(issuer->signer->algorithm));
    vs_buffer_add(&tbs, issuer->name);
    vs_der_put_validity(&tbs, profile->this_update);
    vs_der_put_validity(&tbs, profile->next_update);
    if (n_listed > 0) { /* RFC 5280, 5.1.2.6: an empty list must be absent */
        size_t list = vs_der_begin(&tbs);
        for (size_t i = 0; i < n_listed; i++)
            put_listed(&listed[i], &tbs);
        vs_der_end(&tbs, list, VS_DER_SEQUENCE);
    }
    put_extensions(profile, issuer->key_id, &tbs);
    vs_der_end(&tbs, whole, VS_DER_SEQUENCE);
    VS_TRY(vs_buffer_check(&tbs, err));
    return vs_signer_put_signed(issuer->signer, vs_buffer_view(&tbs), VS_BYTES_NONE, to, err);
}
