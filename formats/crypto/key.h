/* key.h - private keys, public keys, signing and verifying values.
 *
 * A value that does not verify is a verdict, not a failure; so is an algorithm that does not
 * fit the key. Contexts are prepared once per key and algorithm and reused by all threads. Keys
 * are counted and immutable: any thread may use one. Private key memory is wiped by the last
 * unref. */
#ifndef VS_FORMATS_CRYPTO_KEY_H
#define VS_FORMATS_CRYPTO_KEY_H
#include "formats/crypto/algorithms.h"

struct vs_key; /* private */
struct vs_public_key;

/* ECDSA values: DER SEQUENCE {r, s} (certificates, CMS) or r || s of fixed length (XMLDSig,
 * RFC 6931, 2.3.6). Of no effect on other schemes. */
enum vs_signature_form { VS_SIGNATURE_DER, VS_SIGNATURE_RAW };

enum { VS_SIGNATURE_MAX = 1024 }; /* bytes: RSA-8192, the largest key that is read */

struct vs_signature_value {
    size_t len;
    uint8_t bytes[VS_SIGNATURE_MAX];
};
static inline struct vs_bytes vs_signature_bytes(const struct vs_signature_value *value)
{
    return VS_BYTES(value->bytes, value->len);
}

enum vs_key_kind {
    VS_GENERATE_P256,
    VS_GENERATE_P384,
    VS_GENERATE_RSA3072,
    VS_GENERATE_ED25519
};

/* -- private keys -------------------------------------------------------------------------- */

/* Each `ret` is a new reference. */
VS_NODISCARD vs_rc vs_key_generate(enum vs_key_kind kind, struct vs_key **ret,
                                   struct vs_error *err);
struct vs_key *vs_key_ref(struct vs_key *key);
void vs_key_unref(struct vs_key *key); /* NULL is fine */

enum vs_key_type vs_key_type(const struct vs_key *key);
/* Borrowed, lives with the key. */
struct vs_public_key *vs_key_public(const struct vs_key *key);
/* What the key signs with by default: ECDSA with the curve's digest, RSA PKCS#1 with SHA-256,
 * Ed25519. */
struct vs_signature_algorithm vs_key_default_algorithm(const struct vs_key *key);

/* Sign a digest that was made with algorithm.digest. VS_E_KEY: the algorithm does not fit the
 * key (Ed25519 signs messages only). */
VS_NODISCARD vs_rc vs_key_sign(const struct vs_key *key,
                               struct vs_signature_algorithm algorithm,
                               const struct vs_digest *digest, enum vs_signature_form form,
                               struct vs_signature_value *ret, struct vs_error *err);
/* Sign bytes: hashed here where the scheme hashes. */
VS_NODISCARD vs_rc vs_key_sign_message(const struct vs_key *key,
                                       struct vs_signature_algorithm algorithm,
                                       struct vs_bytes message, enum vs_signature_form form,
                                       struct vs_signature_value *ret, struct vs_error *err);

/* PKCS#8 PEM. An empty passphrase: neither asked for nor used. Encryption: PBES2, AES-256-CBC,
 * 200,000 rounds of PBKDF2 with HMAC-SHA-256 (2,048 where the passphrase is plainly random, as
 * the service's own is). VS_E_KEY: not readable, or wrong passphrase. */
VS_NODISCARD vs_rc vs_key_decode_pem(struct vs_bytes pem, struct vs_bytes passphrase,
                                     struct vs_key **ret, struct vs_error *err);
VS_NODISCARD vs_rc vs_key_encode_pem(const struct vs_key *key, struct vs_bytes passphrase,
                                     struct vs_buffer *to, struct vs_error *err);

/* PKCS#12: key, its certificate (DER) and the others found. Certificates live in `arena`. */
struct vs_pkcs12 {
    struct vs_key *key; /* a reference of the caller's */
    struct vs_bytes certificate;
    const struct vs_bytes *others;
    size_t n_others;
};
VS_NODISCARD vs_rc vs_pkcs12_decode(struct vs_arena *arena, struct vs_bytes der,
                                    struct vs_bytes passphrase, struct vs_pkcs12 *ret,
                                    struct vs_error *err);
/* AES-256-CBC and HMAC-SHA-256 throughout; `name` (friendlyName, UTF-8) may be NULL. */
VS_NODISCARD vs_rc vs_pkcs12_encode(const struct vs_pkcs12 *content, const char *name,
                                    struct vs_bytes passphrase, struct vs_buffer *to,
                                    struct vs_error *err);

/* -- public keys --------------------------------------------------------------------------- */

/* NOT DONE: RFC 4055, 1.2: the digest and salt that an id-RSASSA-PSS key's own parameters
 * demand are not compared with the signature's; that it signs by PSS alone is. */

/* From a DER SubjectPublicKeyInfo. A well-formed key of a kind we cannot use (DSA, an unknown
 * curve) gives a key of VS_KEY_UNKNOWN, with which nothing verifies. VS_E_CERTIFICATE:
 * malformed, a point off its curve, an RSA key over 8,192 bits or with a public exponent over
 * 64 bits (hostile keys that make verification slow). */
VS_NODISCARD vs_rc vs_public_key_decode(struct vs_bytes spki, struct vs_public_key **ret,
                                        struct vs_error *err);
struct vs_public_key *vs_public_key_ref(struct vs_public_key *key);
void vs_public_key_unref(struct vs_public_key *key); /* NULL is fine */

enum vs_key_type vs_public_key_type(const struct vs_public_key *key);
unsigned vs_public_key_bits(const struct vs_public_key *key); /* modulus, order, or 256 */
/* DER SubjectPublicKeyInfo, lives with the key; equal bytes are equal keys. */
struct vs_bytes vs_public_key_spki(const struct vs_public_key *key);
/* The 32 bytes of an Ed25519 key (signed notes); false for other kinds. */
bool vs_public_key_ed25519(const struct vs_public_key *key, uint8_t ret[32]);
VS_NODISCARD vs_rc vs_public_key_from_ed25519(const uint8_t raw[32], struct vs_public_key **ret,
                                              struct vs_error *err);

enum vs_signature_verdict {
    VS_SIGNATURE_INVALID, /* the value is not this key's over these bytes, or malformed */
    VS_SIGNATURE_VALID,
    VS_SIGNATURE_WRONG_KEY,   /* the algorithm cannot belong to this kind of key */
    VS_SIGNATURE_UNSUPPORTED, /* no such algorithm, key kind or parameters here */
};

/* Verify over a digest made with algorithm.digest (another one: VS_SIGNATURE_INVALID). ECDSA
 * values are read strictly: DER without a stray byte, or exactly r || s. Only memory can fail.
 */
VS_NODISCARD vs_rc vs_public_key_verify(const struct vs_public_key *key,
                                        struct vs_signature_algorithm algorithm,
                                        const struct vs_digest *digest,
                                        enum vs_signature_form form, struct vs_bytes value,
                                        enum vs_signature_verdict *ret, struct vs_error *err);
VS_NODISCARD vs_rc vs_public_key_verify_message(
    const struct vs_public_key *key, struct vs_signature_algorithm algorithm,
    struct vs_bytes message, enum vs_signature_form form, struct vs_bytes value,
    enum vs_signature_verdict *ret, struct vs_error *err);

static inline void vs_cleanup_key(struct vs_key **key)
{
    vs_key_unref(*key);
}
static inline void vs_cleanup_public_key(struct vs_public_key **key)
{
    vs_public_key_unref(*key);
}
#define VS_KEY        __attribute__((cleanup(vs_cleanup_key))) struct vs_key
#define VS_PUBLIC_KEY __attribute__((cleanup(vs_cleanup_public_key))) struct vs_public_key
#endif
