/* The public half of key.h. */
#include "formats/crypto/key.h"
#include "formats/crypto/contexts.h"
#include "formats/crypto/counters.h"
#include "formats/crypto/der.h"
#include "formats/crypto/ec_value.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <pthread.h>

enum { RSA_BITS_MAX = 8192, RSA_EXPONENT_OCTETS_MAX = 8, SPKI_MAX = 4096 };

struct vs_public_key {
    atomic_uint users;
    enum vs_key_type type;
    unsigned bits;
    size_t part;   /* octets of r and s of an EC key */
    bool pss_only; /* RFC 4055, 1.2: a key of id-RSASSA-PSS makes no other signatures */
    EVP_PKEY *evp; /* NULL: VS_KEY_UNKNOWN */
    struct vs_contexts contexts;
    size_t spki_len;
    uint8_t spki[];
};

VS_DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free);
VS_DEFINE_CLEANUP(EVP_PKEY_CTX, EVP_PKEY_CTX_free);

#define OID(text)                                                                              \
    {                                                                                          \
        (const uint8_t *)("" text), sizeof(text) - 1                                           \
    }
static const struct vs_bytes oid_rsa = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01");
static const struct vs_bytes oid_pss = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a");
static const struct vs_bytes oid_ec = OID("\x2a\x86\x48\xce\x3d\x02\x01");
static const struct vs_bytes oid_ed25519 = OID("\x2b\x65\x70");

static const struct {
    struct vs_bytes oid;
    const char *name;
    unsigned bits; /* of the order */
    size_t field;  /* octets of a coordinate */
} curves[] = {
    {OID("\x2a\x86\x48\xce\x3d\x03\x01\x07"), "P-256", 256, 32},
    {OID("\x2b\x81\x04\x00\x22"), "P-384", 384, 48},
    {OID("\x2b\x81\x04\x00\x23"), "P-521", 521, 66},
    {OID("\x2b\x24\x03\x03\x02\x08\x01\x01\x07"), "brainpoolP256r1", 256, 32},
    {OID("\x2b\x24\x03\x03\x02\x08\x01\x01\x0b"), "brainpoolP384r1", 384, 48},
    {OID("\x2b\x24\x03\x03\x02\x08\x01\x01\x0d"), "brainpoolP512r1", 512, 64},
};
enum { CURVES = sizeof curves / sizeof *curves };

/* A key of each curve to copy the parameters from: a tenth of the cost of building a group. */
static EVP_PKEY *templates[CURVES];
static pthread_once_t template_once = PTHREAD_ONCE_INIT;

static void make_templates(void)
{
    for (size_t i = 0; i < CURVES; i++) {
        VS_CLEANUP(EVP_PKEY_CTX) *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
        char name[32];
        memcpy(name, curves[i].name, strlen(curves[i].name) + 1);
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0),
            OSSL_PARAM_construct_end()};
        VS_ASSERT(ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
                  EVP_PKEY_fromdata(ctx, &templates[i], EVP_PKEY_KEY_PARAMETERS, params) == 1);
    }
}

/* -- decoding ------------------------------------------------------------------------------ */

static vs_rc malformed(struct vs_error *err, const char *what)
{
    ERR_clear_error();
    return vs_fail(err, VS_E_CERTIFICATE, "RFC 5280, 4.1.2.7", "public key: %s", what);
}

static vs_rc decode_ec(struct vs_public_key *key, struct vs_bytes curve, struct vs_bytes point,
                       struct vs_error *err)
{
    size_t i = 0;
    while (i < CURVES && !vs_bytes_equal(curve, curves[i].oid))
        i++;
    if (i == CURVES)
        return VS_OK; /* well-formed, but no curve of ours */
    /* RFC 5480, 2.2: uncompressed or compressed; neither hybrid nor the point at infinity. */
    size_t field = curves[i].field;
    bool shape = (point.len == 1 + 2 * field && point.ptr[0] == 4) ||
                 (point.len == 1 + field && (point.ptr[0] == 2 || point.ptr[0] == 3));
    if (!shape)
        return malformed(err, "not a point of its curve");
    pthread_once(&template_once, make_templates);
    VS_CLEANUP(EVP_PKEY) *evp = EVP_PKEY_new();
    if (evp == NULL || EVP_PKEY_copy_parameters(evp, templates[i]) != 1)
        return vs_fail_openssl(err, VS_E_INTERNAL, "copying curve parameters");
    if (EVP_PKEY_set1_encoded_public_key(evp, point.ptr, point.len) != 1)
        return malformed(err, "not a point of its curve");
    key->type = VS_KEY_EC;
    key->bits = curves[i].bits;
    key->part = (curves[i].bits + 7) / 8;
    key->evp = evp;
    evp = NULL;
    return VS_OK;
}

/* OSSL_PARAM wants native order, little-endian on all machines that this is built for. */
static void reversed(uint8_t *to, struct vs_bytes from)
{
    for (size_t i = 0; i < from.len; i++)
        to[i] = from.ptr[from.len - 1 - i];
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "reversed() is for little-endian");

static vs_rc make_rsa(struct vs_public_key *key, struct vs_bytes n, struct vs_bytes e,
                      struct vs_error *err)
{
    uint8_t n_native[RSA_BITS_MAX / 8], e_native[RSA_EXPONENT_OCTETS_MAX];
    reversed(n_native, n);
    reversed(e_native, e);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n_native, n.len),
                           OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e_native, e.len),
                           OSSL_PARAM_construct_end()};
    VS_CLEANUP(EVP_PKEY_CTX) *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key->evp, EVP_PKEY_PUBLIC_KEY, params) != 1)
        return vs_fail_openssl(err, VS_E_CERTIFICATE, "an RSA public key");
    key->type = VS_KEY_RSA;
    key->bits = (unsigned)EVP_PKEY_get_bits(key->evp);
    return VS_OK;
}

static vs_rc decode_rsa(struct vs_public_key *key, struct vs_bytes bits, struct vs_error *err)
{
    struct vs_der der = vs_der_reader(bits);
    struct vs_der inner = vs_der_enter(&der, VS_DER_SEQUENCE);
    struct vs_bytes n = vs_der_take(&inner, VS_DER_INTEGER);
    /* Cards of 2014 to 2016 (ESTEID) left out the leading zero octet; all read it unsigned. */
    if (n.len > 1 && n.ptr[0] == 0)
        n = VS_BYTES(n.ptr + 1, n.len - 1);
    if (n.len == 0 || n.len > RSA_BITS_MAX / 8 || n.ptr[0] == 0)
        inner.failed = true;
    struct vs_bytes e = vs_der_unsigned(&inner, RSA_EXPONENT_OCTETS_MAX);
    vs_der_leave(&der, &inner);
    if (!vs_der_done(&der))
        return malformed(err, "an RSA key that is malformed or larger than allowed");
    bool odd = (n.ptr[n.len - 1] & 1) && (e.ptr[e.len - 1] & 1);
    if (!odd || n.len < 64 || (e.len == 1 && e.ptr[0] < 3))
        return malformed(err, "an RSA key that cannot be one");
    return make_rsa(key, n, e, err);
}

static vs_rc decode_ed25519(struct vs_public_key *key, struct vs_bytes bits,
                            struct vs_error *err)
{
    if (bits.len != 32)
        return malformed(err, "an Ed25519 key has 32 octets");
    key->evp = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, bits.ptr, bits.len);
    if (key->evp == NULL)
        return vs_fail_openssl(err, VS_E_CERTIFICATE, "an Ed25519 public key");
    key->type = VS_KEY_ED25519;
    key->bits = 256;
    return VS_OK;
}

static vs_rc decode_kind(struct vs_public_key *key, struct vs_der *algorithm,
                         struct vs_bytes bits, struct vs_error *err)
{
    struct vs_bytes oid = vs_der_oid(algorithm), unused;
    if (algorithm->failed)
        return malformed(err, "no algorithm");
    if (vs_bytes_equal(oid, oid_ec)) {
        if (vs_der_peek(algorithm) != VS_DER_OID)
            return VS_OK; /* explicit parameters: RFC 5480, 2.1.1 forbids them */
        struct vs_bytes curve = vs_der_oid(algorithm);
        if (!vs_der_done(algorithm))
            return malformed(err, "parameters of its curve");
        return decode_ec(key, curve, bits, err);
    }
    key->pss_only = vs_bytes_equal(oid, oid_pss);
    if (key->pss_only || vs_bytes_equal(oid, oid_rsa)) {
        if (key->pss_only)
            vs_der_optional(algorithm, VS_DER_SEQUENCE, &unused);
        else
            vs_der_optional(algorithm, VS_DER_NULL, &unused);
        if (!vs_der_done(algorithm))
            return malformed(err, "parameters of an RSA key");
        return decode_rsa(key, bits, err);
    }
    if (vs_bytes_equal(oid, oid_ed25519)) {
        if (!vs_der_done(algorithm))
            return malformed(err, "Ed25519 has no parameters");
        return decode_ed25519(key, bits, err);
    }
    return VS_OK;
}

vs_rc vs_public_key_decode(struct vs_bytes spki, struct vs_public_key **ret,
                           struct vs_error *err)
{
    struct vs_der der = vs_der_reader(spki);
    struct vs_der inner = vs_der_enter(&der, VS_DER_SEQUENCE);
    struct vs_bytes identifier = vs_der_whole(&inner, VS_DER_SEQUENCE);
    struct vs_bytes bits = vs_der_bits(&inner);
    vs_der_leave(&der, &inner);
    if (!vs_der_done(&der) || !vs_algorithm_well_formed(identifier) || spki.len > SPKI_MAX)
        return malformed(err, "not a SubjectPublicKeyInfo of a usable size");
    VS_PUBLIC_KEY *key = vs_heap_new(sizeof *key + spki.len);
    atomic_init(&key->users, 1);
    memcpy(key->spki, spki.ptr, spki.len);
    key->spki_len = spki.len;
    struct vs_der whole = vs_der_reader(identifier);
    struct vs_der algorithm = vs_der_enter(&whole, VS_DER_SEQUENCE);
    VS_TRY(decode_kind(key, &algorithm, bits, err));
    *ret = key;
    key = NULL;
    return VS_OK;
}

vs_rc vs_public_key_from_ed25519(const uint8_t raw[32], struct vs_public_key **ret,
                                 struct vs_error *err)
{
    static const uint8_t head[12] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                     0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    uint8_t spki[sizeof head + 32];
    memcpy(spki, head, sizeof head);
    memcpy(spki + sizeof head, raw, 32);
    return vs_public_key_decode(VS_BYTES(spki, sizeof spki), ret, err);
}

/* -- life and parts ------------------------------------------------------------------------ */

struct vs_public_key *vs_public_key_ref(struct vs_public_key *key)
{
    atomic_fetch_add_explicit(&key->users, 1, memory_order_relaxed);
    return key;
}

void vs_public_key_unref(struct vs_public_key *key)
{
    if (key == NULL || atomic_fetch_sub_explicit(&key->users, 1, memory_order_acq_rel) != 1)
        return;
    vs_contexts_done(&key->contexts);
    EVP_PKEY_free(key->evp);
    vs_heap_free(key);
}

enum vs_key_type vs_public_key_type(const struct vs_public_key *key)
{
    return key->type;
}
unsigned vs_public_key_bits(const struct vs_public_key *key)
{
    return key->bits;
}
EVP_PKEY *vs_public_key_evp(const struct vs_public_key *key)
{
    return key->evp;
}

struct vs_bytes vs_public_key_spki(const struct vs_public_key *key)
{
    return VS_BYTES(key->spki, key->spki_len);
}

bool vs_public_key_ed25519(const struct vs_public_key *key, uint8_t ret[32])
{
    if (key->type != VS_KEY_ED25519)
        return false;
    memcpy(ret, key->spki + key->spki_len - 32, 32);
    return true;
}

/* -- verifying ----------------------------------------------------------------------------- */

/* VS_SIGNATURE_VALID: the algorithm can be tried with this key. */
static enum vs_signature_verdict fitting(const struct vs_public_key *key,
                                         struct vs_signature_algorithm algorithm)
{
    enum vs_key_type wanted = vs_scheme_key_type(algorithm.scheme);
    if (wanted == VS_KEY_UNKNOWN || key->type == VS_KEY_UNKNOWN)
        return VS_SIGNATURE_UNSUPPORTED;
    if (wanted != key->type || (key->pss_only && algorithm.scheme != VS_RSA_PSS))
        return VS_SIGNATURE_WRONG_KEY;
    if (wanted != VS_KEY_ED25519 && vs_digest_length(algorithm.digest) == 0)
        return VS_SIGNATURE_UNSUPPORTED;
    return VS_SIGNATURE_VALID;
}

/* A value that does not verify and a value that cannot be read leave different traces in the
 * queue; only lack of memory is not a verdict. */
static vs_rc conclude(int answer, enum vs_signature_verdict *ret, struct vs_error *err)
{
    if (answer == 1) {
        *ret = VS_SIGNATURE_VALID;
        return VS_OK;
    }
    vs_rc rc = vs_fail_openssl(err, VS_E_INTERNAL, "verifying");
    if (rc.code == VS_E_NOMEM)
        return rc;
    *ret = VS_SIGNATURE_INVALID;
    return VS_OK;
}

/* ECDSA's value as OpenSSL wants it; false: malformed. */
static bool ecdsa_value(const struct vs_public_key *key, enum vs_signature_form form,
                        struct vs_bytes value, struct vs_signature_value *room,
                        struct vs_bytes *ret)
{
    *ret = value;
    if (form == VS_SIGNATURE_DER)
        return vs_ec_value_is_der(value, key->part);
    if (!vs_ec_value_to_der(value, key->part, room))
        return false;
    *ret = vs_signature_bytes(room);
    return true;
}

vs_rc vs_public_key_verify(const struct vs_public_key *key,
                           struct vs_signature_algorithm algorithm,
                           const struct vs_digest *digest, enum vs_signature_form form,
                           struct vs_bytes value, enum vs_signature_verdict *ret,
                           struct vs_error *err)
{
    enum vs_signature_verdict fits = fitting(key, algorithm);
    *ret = fits;
    if (fits != VS_SIGNATURE_VALID)
        return VS_OK;
    *ret = VS_SIGNATURE_INVALID;
    if (algorithm.scheme == VS_ED25519) {
        *ret = VS_SIGNATURE_UNSUPPORTED; /* Ed25519ph is nobody's profile here */
        return VS_OK;
    }
    struct vs_signature_value room;
    if (digest->algorithm != algorithm.digest || value.len == 0 ||
        value.len > VS_SIGNATURE_MAX ||
        (algorithm.scheme == VS_ECDSA && !ecdsa_value(key, form, value, &room, &value)))
        return VS_OK;
    vs_count(algorithm.scheme == VS_ECDSA ? VS_COUNT_VERIFIES_ECDSA : VS_COUNT_VERIFIES_RSA, 1);
    struct vs_contexts *contexts = &((struct vs_public_key *)key)->contexts;
    struct vs_context *context = vs_context_take(contexts, key->evp, algorithm, false);
    if (context == NULL) {
        /* PSS with a salt longer than the key can hold, for one. */
        vs_rc rc = vs_fail_openssl(err, VS_E_INTERNAL, "preparing to verify");
        *ret = VS_SIGNATURE_UNSUPPORTED;
        return rc.code == VS_E_NOMEM ? rc : VS_OK;
    }
    int answer = EVP_PKEY_verify(vs_context_evp(context), value.ptr, value.len, digest->bytes,
                                 digest->len);
    vs_context_put(contexts, context);
    return conclude(answer, ret, err);
}

VS_DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free);

static vs_rc verify_ed25519(const struct vs_public_key *key, struct vs_bytes message,
                            struct vs_bytes value, enum vs_signature_verdict *ret,
                            struct vs_error *err)
{
    static const uint8_t nothing;
    vs_count(VS_COUNT_VERIFIES_ED25519, 1);
    vs_count(VS_COUNT_BYTES_HASHED, message.len);
    VS_CLEANUP(EVP_MD_CTX) *ctx = EVP_MD_CTX_new();
    if (ctx == NULL ||
        EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, key->evp, NULL) != 1)
        return vs_fail_openssl(err, VS_E_INTERNAL, "preparing Ed25519");
    return conclude(EVP_DigestVerify(ctx, value.ptr == NULL ? &nothing : value.ptr, value.len,
                                     message.ptr == NULL ? &nothing : message.ptr, message.len),
                    ret, err);
}

vs_rc vs_public_key_verify_message(const struct vs_public_key *key,
                                   struct vs_signature_algorithm algorithm,
                                   struct vs_bytes message, enum vs_signature_form form,
                                   struct vs_bytes value, enum vs_signature_verdict *ret,
                                   struct vs_error *err)
{
    enum vs_signature_verdict fits = fitting(key, algorithm);
    *ret = fits;
    if (fits != VS_SIGNATURE_VALID)
        return VS_OK;
    *ret = VS_SIGNATURE_INVALID;
    if (algorithm.scheme == VS_ED25519)
        return verify_ed25519(key, message, value, ret, err);
    struct vs_digest digest;
    vs_digest_of(algorithm.digest, message, &digest);
    return vs_public_key_verify(key, algorithm, &digest, form, value, ret, err);
}
