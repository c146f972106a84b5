/* digest.h - digests of bytes, at once or as they arrive.
 *
 * Algorithms are fetched from OpenSSL once per process, contexts are kept per thread: hashing
 * 64 bytes costs a third of what an implicit fetch costs. Which algorithm is good enough when
 * is not decided here but in algorithms.h. */
#ifndef VS_FORMATS_CRYPTO_DIGEST_H
#define VS_FORMATS_CRYPTO_DIGEST_H
#include "formats/base/base.h"

enum vs_digest_algorithm {
    VS_DIGEST_NONE,
    VS_SHA1, /* readable in old signatures; what it is worth is algorithms.h's matter */
    VS_SHA224,
    VS_SHA256,
    VS_SHA384,
    VS_SHA512,
    VS_SHA3_224,
    VS_SHA3_256,
    VS_SHA3_384,
    VS_SHA3_512,
    VS_DIGESTS
};

enum { VS_DIGEST_MAX = 64 };

struct vs_digest {
    enum vs_digest_algorithm algorithm;
    size_t len;
    uint8_t bytes[VS_DIGEST_MAX];
};

/* Output length in bytes; 0 for VS_DIGEST_NONE and what is no algorithm. */
size_t vs_digest_length(enum vs_digest_algorithm algorithm);
/* "SHA-256"; never NULL. */
const char *vs_digest_name(enum vs_digest_algorithm algorithm);

/* `algorithm` must be one (VS_ASSERT). Cannot fail. */
void vs_digest_of(enum vs_digest_algorithm algorithm, struct vs_bytes bytes,
                  struct vs_digest *ret);
/* Of the parts one after the other, as if joined. */
void vs_digest_of_parts(enum vs_digest_algorithm algorithm, const struct vs_bytes *parts,
                        size_t n_parts, struct vs_digest *ret);
/* Of all of `source`, in flat memory. Fails as its read_at does. */
VS_NODISCARD vs_rc vs_digest_source(enum vs_digest_algorithm algorithm,
                                    const struct vs_source *source, struct vs_digest *ret,
                                    struct vs_error *err);
/* A digest value read from somewhere: VS_E_SYNTAX where its length is not the algorithm's. */
VS_NODISCARD vs_rc vs_digest_from_value(enum vs_digest_algorithm algorithm,
                                        struct vs_bytes value, struct vs_digest *ret,
                                        struct vs_error *err);

static inline struct vs_bytes vs_digest_bytes(const struct vs_digest *digest)
{
    return VS_BYTES(digest->bytes, digest->len);
}
/* Same algorithm and same value; two empty ones (VS_DIGEST_NONE) are NOT equal. */
bool vs_digest_equal(const struct vs_digest *a, const struct vs_digest *b);

/* Plain SHA-256 into 32 bytes: cache keys, Merkle nodes. */
void vs_sha256(struct vs_bytes bytes, uint8_t out[32]);

/* -- as bytes arrive ----------------------------------------------------------------------- */

struct vs_hasher; /* heap; one thread at a time */

struct vs_hasher *vs_hasher_new(enum vs_digest_algorithm algorithm);
void vs_hasher_add(struct vs_hasher *hasher, struct vs_bytes bytes);
/* All of a source; fails as its reads do. */
VS_NODISCARD vs_rc vs_hasher_add_source(struct vs_hasher *hasher,
                                        const struct vs_source *source, struct vs_error *err);
/* The digest of all added. Afterwards only _reset and _free are allowed. */
void vs_hasher_finish(struct vs_hasher *hasher, struct vs_digest *ret);
/* Start anew, with another algorithm if wanted. */
void vs_hasher_reset(struct vs_hasher *hasher, enum vs_digest_algorithm algorithm);
void vs_hasher_free(struct vs_hasher *hasher); /* NULL is fine */

static inline void vs_cleanup_hasher(struct vs_hasher **hasher)
{
    vs_hasher_free(*hasher);
}
#define VS_HASHER __attribute__((cleanup(vs_cleanup_hasher))) struct vs_hasher
#endif
