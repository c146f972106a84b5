/* signing.h - a signer for tests: a key and a self-signed certificate, made with OpenSSL, and a
 * XAdES signature of its with one call. */
#ifndef VS_TESTS_SUPPORT_SIGNING_H
#define VS_TESTS_SUPPORT_SIGNING_H
#include "formats/crypto/key.h"
#include "formats/signature/xades_make.h"

struct test_signer {
    struct vs_key *key;
    struct vs_bytes certificate; /* DER */
    struct vs_xades_signer *xades;
};

/* `arena` keeps the certificate; free the rest with test_signer_done. */
void test_signer_init(struct test_signer *signer, struct vs_arena *arena,
                      enum vs_key_kind kind);
void test_signer_done(struct test_signer *signer);

/* The whole file, with `token` and `data` where given. Aborts when anything fails. */
struct vs_bytes test_sign(const struct test_signer *signer, struct vs_arena *arena,
                          const struct vs_xades_options *options, struct vs_bytes token,
                          const struct vs_xades_validation_data *data);
/* Certificate as PEM, for public tools. */
struct vs_bytes test_signer_pem(const struct test_signer *signer, struct vs_arena *arena);

/* The key of a DER certificate, a new reference; NULL where it cannot be read. */
struct vs_public_key *test_certificate_key(struct vs_bytes certificate);
#endif
