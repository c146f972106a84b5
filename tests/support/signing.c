#include "tests/support/signing.h"
#include "formats/crypto/evp.h"
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static struct vs_bytes self_signed(struct vs_arena *arena, EVP_PKEY *key, const EVP_MD *digest)
{
    X509 *x = X509_new();
    VS_ASSERT(x != NULL && X509_set_version(x, 2));
    ASN1_INTEGER_set(X509_get_serialNumber(x), 77);
    ASN1_TIME_set_string(X509_getm_notBefore(x), "20200101000000Z");
    ASN1_TIME_set_string(X509_getm_notAfter(x), "20400101000000Z");
    X509_NAME *name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"Signer", -1,
                               -1, 0);
    VS_ASSERT(X509_set_issuer_name(x, name) && X509_set_pubkey(x, key));
    X509_EXTENSION *usage =
        X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage, "critical,nonRepudiation,keyCertSign");
    X509_add_ext(x, usage, -1);
    X509_EXTENSION_free(usage);
    VS_ASSERT(X509_sign(x, key, digest) > 0);
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);
    VS_ASSERT(len > 0);
    struct vs_bytes copy = vs_bytes_copy(arena, VS_BYTES(der, (size_t)len));
    OPENSSL_free(der);
    X509_free(x);
    return copy;
}

void test_signer_init(struct test_signer *signer, struct vs_arena *arena, enum vs_key_kind kind)
{
    struct vs_error err;
    VS_ASSERT(vs_ok(vs_key_generate(kind, &signer->key, &err)));
    bool ed = kind == VS_GENERATE_ED25519;
    signer->certificate = self_signed(arena, vs_key_evp(signer->key), ed ? NULL : EVP_sha256());
    VS_ASSERT(vs_ok(vs_xades_signer_new(
        &signer->certificate, 1, vs_key_default_algorithm(signer->key), &signer->xades, &err)));
}

void test_signer_done(struct test_signer *signer)
{
    vs_xades_signer_free(signer->xades);
    vs_key_unref(signer->key);
}

struct vs_bytes test_sign(const struct test_signer *signer, struct vs_arena *arena,
                          const struct vs_xades_options *options, struct vs_bytes token,
                          const struct vs_xades_validation_data *data)
{
    struct vs_error err;
    struct vs_xades_draft *draft;
    VS_ASSERT(vs_ok(vs_xades_prepare(arena, signer->xades, options, &draft, &err)));
    struct vs_signature_value value;
    struct vs_signature_algorithm algorithm = vs_xades_signer_algorithm(signer->xades);
    if (algorithm.digest == VS_DIGEST_NONE)
        VS_ASSERT(
            vs_ok(vs_key_sign_message(signer->key, algorithm, vs_xades_draft_message(draft),
                                      VS_SIGNATURE_RAW, &value, &err)));
    else
        VS_ASSERT(vs_ok(vs_key_sign(signer->key, algorithm, vs_xades_draft_digest(draft),
                                    VS_SIGNATURE_RAW, &value, &err)));
    VS_ASSERT(vs_ok(vs_xades_set_value(draft, vs_signature_bytes(&value), &err)));
    vs_xades_set_timestamp(draft, token);
    vs_xades_set_validation_data(draft, data);
    VS_BUFFER file;
    vs_buffer_init(&file, 64 << 20);
    struct vs_bytes ret;
    VS_ASSERT(vs_ok(vs_xades_write(draft, &file, &err)));
    VS_ASSERT(vs_ok(vs_buffer_copy(&file, arena, &ret, &err)));
    return ret;
}

struct vs_bytes test_signer_pem(const struct test_signer *signer, struct vs_arena *arena)
{
    char *pem =
        vs_arena_printf(arena, "-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n",
                        vs_base64_new(arena, signer->certificate));
    return vs_bytes_text(pem);
}

struct vs_public_key *test_certificate_key(struct vs_bytes certificate)
{
    const unsigned char *at = certificate.ptr;
    X509 *x = d2i_X509(NULL, &at, (long)certificate.len);
    unsigned char *spki = NULL;
    int len = x == NULL ? -1 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
    struct vs_public_key *key = NULL;
    if (len > 0 && !vs_ok(vs_public_key_decode(VS_BYTES(spki, (size_t)len), &key, NULL)))
        key = NULL;
    OPENSSL_free(spki);
    X509_free(x);
    return key;
}
