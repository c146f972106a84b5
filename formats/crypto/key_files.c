/* Keys in files: PKCS#8 PEM and PKCS#12 of key.h. */
#include "formats/crypto/key.h"
#include "formats/crypto/evp.h"
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

enum { PASSPHRASE_MAX = 1024, ROUNDS = 200000, PKCS12_MAX = 1 << 20, PEM_MAX = 64 * 1024 };

VS_DEFINE_CLEANUP(BIO, BIO_free_all);
VS_DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free);
VS_DEFINE_CLEANUP(PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free);
VS_DEFINE_CLEANUP(X509_SIG, X509_SIG_free);
VS_DEFINE_CLEANUP(X509_ALGOR, X509_ALGOR_free);
VS_DEFINE_CLEANUP(PKCS12, PKCS12_free);
VS_DEFINE_CLEANUP(X509, X509_free);

static void free_stack(STACK_OF(X509) * *stack)
{
    sk_X509_pop_free(*stack, X509_free);
}
#define X509_STACK __attribute__((cleanup(free_stack))) STACK_OF(X509)

/* OpenSSL's own default callback would ask at the terminal. */
static int give_passphrase(char *to, int size, int writing, void *context)
{
    (void)writing;
    const struct vs_bytes *passphrase = context;
    if (passphrase->len == 0 || passphrase->len > (size_t)size)
        return -1;
    memcpy(to, passphrase->ptr, passphrase->len);
    return (int)passphrase->len;
}

vs_rc vs_key_decode_pem(struct vs_bytes pem, struct vs_bytes passphrase, struct vs_key **ret,
                        struct vs_error *err)
{
    if (pem.len > PEM_MAX)
        return vs_fail(err, VS_E_KEY, NULL, "the key file is too long");
    VS_CLEANUP(BIO) *bio =
        BIO_new_mem_buf(pem.ptr == NULL ? (const void *)"" : pem.ptr, (int)pem.len);
    if (bio == NULL)
        return vs_fail_openssl(err, VS_E_NOMEM, "reading a key");
    EVP_PKEY *evp = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, &passphrase);
    if (evp == NULL)
        return vs_fail_openssl(err, VS_E_KEY, "reading a key");
    ERR_clear_error();
    return vs_key_take_evp(evp, ret, err);
}

static vs_rc add_bio(BIO *bio, struct vs_buffer *to, struct vs_error *err)
{
    char *at = NULL;
    long len = BIO_get_mem_data(bio, &at);
    vs_buffer_add(to, VS_BYTES(at, (size_t)len));
    return vs_buffer_check(to, err);
}

/* Rounds make guessing dear; nobody guesses 256 random bits. What is long, without spaces and
 * of many different characters was made by a machine, as the service's own passphrase is: there
 * they would only make every start slower. */
static int rounds_for(struct vs_bytes passphrase)
{
    enum { FEW_ROUNDS = 2048, RANDOM_LENGTH = 43, RANDOM_KINDS = 12 };
    bool seen[256] = {false};
    int kinds = 0;
    for (size_t i = 0; i < passphrase.len; i++) {
        if (passphrase.ptr[i] <= ' ')
            return ROUNDS;
        kinds += seen[passphrase.ptr[i]] ? 0 : 1;
        seen[passphrase.ptr[i]] = true;
    }
    return passphrase.len >= RANDOM_LENGTH && kinds >= RANDOM_KINDS ? FEW_ROUNDS : ROUNDS;
}

vs_rc vs_key_encode_pem(const struct vs_key *key, struct vs_bytes passphrase,
                        struct vs_buffer *to, struct vs_error *err)
{
    VS_CLEANUP(BIO) *bio = BIO_new(BIO_s_secmem());
    VS_CLEANUP(PKCS8_PRIV_KEY_INFO) *clear = EVP_PKEY2PKCS8(vs_key_evp(key));
    if (bio == NULL || clear == NULL)
        return vs_fail_openssl(err, VS_E_KEY, "writing a key");
    if (passphrase.len == 0) {
        if (PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, clear) != 1)
            return vs_fail_openssl(err, VS_E_KEY, "writing a key");
        return add_bio(bio, to, err);
    }
    if (passphrase.len > PASSPHRASE_MAX)
        return vs_fail(err, VS_E_KEY, NULL, "the passphrase is too long");
    VS_CLEANUP(X509_ALGOR) *pbe = PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), rounds_for(passphrase),
                                                    NULL, 0, NULL, NID_hmacWithSHA256);
    VS_CLEANUP(X509_SIG) *sealed =
        pbe == NULL
            ? NULL
            : PKCS8_set0_pbe((const char *)passphrase.ptr, (int)passphrase.len, clear, pbe);
    if (sealed != NULL)
        pbe = NULL; /* taken */
    if (sealed == NULL || PEM_write_bio_PKCS8(bio, sealed) != 1)
        return vs_fail_openssl(err, VS_E_KEY, "encrypting a key");
    return add_bio(bio, to, err);
}

/* -- PKCS#12 ------------------------------------------------------------------------------- */

/* PKCS12_* want a C string. */
static vs_rc c_passphrase(struct vs_bytes from, char to[PASSPHRASE_MAX + 1],
                          struct vs_error *err)
{
    if (from.len > PASSPHRASE_MAX || (from.len > 0 && memchr(from.ptr, 0, from.len) != NULL))
        return vs_fail(err, VS_E_KEY, NULL, "the passphrase is too long or holds a NUL");
    memcpy(to, from.len == 0 ? (const void *)"" : from.ptr, from.len);
    to[from.len] = '\0';
    return VS_OK;
}

static vs_rc certificate_der(struct vs_arena *arena, X509 *certificate, struct vs_bytes *ret,
                             struct vs_error *err)
{
    uint8_t *der = NULL;
    int len = i2d_X509(certificate, &der);
    if (len <= 0)
        return vs_fail_openssl(err, VS_E_KEY, "a certificate of the PKCS#12 file");
    *ret = vs_bytes_copy(arena, VS_BYTES(der, (size_t)len));
    OPENSSL_free(der);
    return ret->ptr == NULL ? vs_fail_memory(err) : VS_OK;
}

static vs_rc take_others(struct vs_arena *arena, STACK_OF(X509) * others, struct vs_pkcs12 *ret,
                         struct vs_error *err)
{
    int n = others == NULL ? 0 : sk_X509_num(others);
    struct vs_bytes *list = vs_arena_make_n(arena, struct vs_bytes, (size_t)n);
    if (list == NULL)
        return vs_fail_memory(err);
    for (int i = 0; i < n; i++)
        VS_TRY(certificate_der(arena, sk_X509_value(others, i), &list[i], err));
    ret->others = list;
    ret->n_others = (size_t)n;
    return VS_OK;
}

static vs_rc open_pkcs12(struct vs_arena *arena, PKCS12 *file, const char *passphrase,
                         struct vs_pkcs12 *ret, struct vs_error *err)
{
    EVP_PKEY *evp = NULL;
    VS_CLEANUP(X509) *certificate = NULL;
    X509_STACK *others = NULL;
    if (PKCS12_parse(file, passphrase, &evp, &certificate, &others) != 1)
        return vs_fail_openssl(err, VS_E_KEY, "opening the PKCS#12 file");
    ERR_clear_error();
    if (evp == NULL || certificate == NULL) {
        EVP_PKEY_free(evp);
        return vs_fail(err, VS_E_KEY, NULL, "the PKCS#12 file lacks its key or certificate");
    }
    VS_KEY *key = NULL;
    VS_TRY(vs_key_take_evp(evp, &key, err));
    VS_TRY(certificate_der(arena, certificate, &ret->certificate, err));
    VS_TRY(take_others(arena, others, ret, err));
    ret->key = key;
    key = NULL;
    return VS_OK;
}

vs_rc vs_pkcs12_decode(struct vs_arena *arena, struct vs_bytes der, struct vs_bytes passphrase,
                       struct vs_pkcs12 *ret, struct vs_error *err)
{
    const uint8_t *at = der.ptr;
    VS_CLEANUP(PKCS12) *file =
        der.len == 0 || der.len > PKCS12_MAX ? NULL : d2i_PKCS12(NULL, &at, (long)der.len);
    if (file == NULL || at != der.ptr + der.len)
        return vs_fail_openssl(err, VS_E_KEY, "reading the PKCS#12 file");
    char text[PASSPHRASE_MAX + 1];
    VS_TRY(c_passphrase(passphrase, text, err));
    struct vs_pkcs12 opened = {0};
    vs_rc rc = open_pkcs12(arena, file, text, &opened, err);
    vs_wipe(text, sizeof text);
    if (vs_ok(rc))
        *ret = opened;
    return rc;
}

static vs_rc parse_x509(struct vs_bytes der, X509 **ret, struct vs_error *err)
{
    const uint8_t *at = der.ptr;
    *ret = der.len == 0 ? NULL : d2i_X509(NULL, &at, (long)der.len);
    return *ret == NULL ? vs_fail_openssl(err, VS_E_CERTIFICATE, "a certificate to pack")
                        : VS_OK;
}

static vs_rc pack(const struct vs_pkcs12 *content, const char *name, const char *passphrase,
                  PKCS12 **ret, struct vs_error *err)
{
    VS_CLEANUP(X509) *certificate = NULL;
    VS_TRY(parse_x509(content->certificate, &certificate, err));
    X509_STACK *others = sk_X509_new_null();
    if (others == NULL)
        return vs_fail_openssl(err, VS_E_NOMEM, "packing");
    for (size_t i = 0; i < content->n_others; i++) {
        X509 *other = NULL;
        VS_TRY(parse_x509(content->others[i], &other, err));
        if (sk_X509_push(others, other) <= 0) {
            X509_free(other);
            return vs_fail_openssl(err, VS_E_NOMEM, "packing");
        }
    }
    *ret = PKCS12_create_ex(passphrase, name, vs_key_evp(content->key), certificate, others,
                            NID_aes_256_cbc, NID_aes_256_cbc, ROUNDS, ROUNDS, 0, NULL, NULL);
    return *ret == NULL ? vs_fail_openssl(err, VS_E_KEY, "packing a PKCS#12 file") : VS_OK;
}

vs_rc vs_pkcs12_encode(const struct vs_pkcs12 *content, const char *name,
                       struct vs_bytes passphrase, struct vs_buffer *to, struct vs_error *err)
{
    char text[PASSPHRASE_MAX + 1];
    VS_TRY(c_passphrase(passphrase, text, err));
    VS_CLEANUP(PKCS12) *file = NULL;
    vs_rc rc = pack(content, name, text, &file, err);
    vs_wipe(text, sizeof text);
    VS_TRY(rc);
    uint8_t *der = NULL;
    int len = i2d_PKCS12(file, &der);
    if (len <= 0)
        return vs_fail_openssl(err, VS_E_KEY, "writing a PKCS#12 file");
    vs_buffer_add(to, VS_BYTES(der, (size_t)len));
    OPENSSL_free(der);
    return vs_buffer_check(to, err);
}
