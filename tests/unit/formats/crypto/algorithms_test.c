#include "tests/unit/unit.h"
#include "formats/crypto/algorithms.h"
#include "formats/crypto/der.h"
#include <openssl/objects.h>

static const enum vs_scheme schemes[] = {VS_RSA_PKCS1, VS_RSA_PSS, VS_ECDSA};

static vs_time_ms moment(const char *text)
{
    vs_time_ms t;
    assert_true(vs_time_decode(vs_bytes_text(text), &t));
    return t;
}

static void algorithms__round_trip_through_their_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (int d = VS_SHA1; d < VS_DIGESTS; d++) {
            struct vs_signature_algorithm a = {.scheme = schemes[i],
                                               .digest = (enum vs_digest_algorithm)d},
                                          back;
            struct vs_bytes der = vs_signature_algorithm_der(a);
            assert_true(vs_signature_algorithm_by_der(der, VS_DIGEST_NONE, &back));
            assert_true(back.scheme == a.scheme && back.digest == a.digest);
            assert_true(vs_signature_algorithm_by_der(der, a.digest, &back));
            assert_false(vs_signature_algorithm_by_der(
                der, a.digest == VS_SHA256 ? VS_SHA384 : VS_SHA256, &back));
            assert_int_equal(back.scheme, VS_SCHEME_NONE);
            const char *uri = vs_signature_algorithm_uri(a);
            if (uri == NULL)
                continue;
            assert_true(vs_signature_algorithm_by_uri(vs_bytes_text(uri), &back));
            assert_true(back.scheme == a.scheme && back.digest == a.digest);
        }
    for (int d = VS_SHA1; d < VS_DIGESTS; d++) {
        enum vs_digest_algorithm digest = (enum vs_digest_algorithm)d;
        assert_int_equal(vs_digest_by_uri(vs_bytes_text(vs_digest_uri(digest))), d);
        assert_int_equal(vs_digest_by_oid(vs_digest_oid(digest)), d);
        assert_int_equal(vs_digest_by_der(vs_digest_der(digest)), d);
    }
}

/* Our object identifiers are OpenSSL's. */
static void algorithms__have_the_object_identifiers_of_openssl(void **state)
{
    (void)state;
    static const struct {
        enum vs_scheme scheme;
        enum vs_digest_algorithm digest;
        int nid;
    } cases[] = {
        {VS_ECDSA, VS_SHA1, NID_ecdsa_with_SHA1},
        {VS_ECDSA, VS_SHA224, NID_ecdsa_with_SHA224},
        {VS_ECDSA, VS_SHA256, NID_ecdsa_with_SHA256},
        {VS_ECDSA, VS_SHA384, NID_ecdsa_with_SHA384},
        {VS_ECDSA, VS_SHA512, NID_ecdsa_with_SHA512},
        {VS_ECDSA, VS_SHA3_256, NID_ecdsa_with_SHA3_256},
        {VS_ECDSA, VS_SHA3_512, NID_ecdsa_with_SHA3_512},
        {VS_RSA_PKCS1, VS_SHA1, NID_sha1WithRSAEncryption},
        {VS_RSA_PKCS1, VS_SHA224, NID_sha224WithRSAEncryption},
        {VS_RSA_PKCS1, VS_SHA256, NID_sha256WithRSAEncryption},
        {VS_RSA_PKCS1, VS_SHA384, NID_sha384WithRSAEncryption},
        {VS_RSA_PKCS1, VS_SHA512, NID_sha512WithRSAEncryption},
        {VS_RSA_PKCS1, VS_SHA3_384, NID_RSA_SHA3_384},
        {VS_RSA_PSS, VS_SHA256, NID_rsassaPss},
        {VS_ED25519, VS_DIGEST_NONE, NID_ED25519},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vs_bytes der = vs_signature_algorithm_der((struct vs_signature_algorithm){
            .scheme = cases[i].scheme, .digest = cases[i].digest});
        struct vs_der at = vs_der_reader(der), inner = vs_der_enter(&at, VS_DER_SEQUENCE);
        struct vs_bytes oid = vs_der_oid(&inner);
        const ASN1_OBJECT *object = OBJ_nid2obj(cases[i].nid);
        assert_bytes_equal(oid, VS_BYTES(OBJ_get0_data(object), OBJ_length(object)));
    }
    static const int nids[] = {[VS_SHA1] = NID_sha1,         [VS_SHA224] = NID_sha224,
                               [VS_SHA256] = NID_sha256,     [VS_SHA384] = NID_sha384,
                               [VS_SHA512] = NID_sha512,     [VS_SHA3_224] = NID_sha3_224,
                               [VS_SHA3_256] = NID_sha3_256, [VS_SHA3_384] = NID_sha3_384,
                               [VS_SHA3_512] = NID_sha3_512};
    for (int d = VS_SHA1; d < VS_DIGESTS; d++) {
        const ASN1_OBJECT *object = OBJ_nid2obj(nids[d]);
        assert_bytes_equal(vs_digest_oid((enum vs_digest_algorithm)d),
                           VS_BYTES(OBJ_get0_data(object), OBJ_length(object)));
    }
}

/* An HMAC, MD5 or anything else that is not in the table is no algorithm. */
static void algorithms__outside_the_table_are_none(void **state)
{
    (void)state;
    static const char *const uris[] = {
        "",
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256 ",
        "HTTP://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2007/05/xmldsig-more#rsa-pss",
    };
    struct vs_signature_algorithm a;
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        assert_false(vs_signature_algorithm_by_uri(vs_bytes_text(uris[i]), &a));
        assert_int_equal(a.scheme, VS_SCHEME_NONE);
    }
    assert_int_equal(
        vs_digest_by_uri(VS_BYTES_LITERAL("http://www.w3.org/2001/04/xmldsig-more#md5")),
        VS_DIGEST_NONE);
    /* RSA with MD5; ECDSA-SHA256 with parameters that are not NULL; Ed25519 with NULL. */
    static const uint8_t md5[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                  0xf7, 0x0d, 0x01, 0x01, 0x04, 0x05, 0x00};
    static const uint8_t odd[] = {0x30, 0x0d, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
                                  0x3d, 0x04, 0x03, 0x02, 0x02, 0x01, 0x00};
    static const uint8_t ed[] = {0x30, 0x07, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x05, 0x00};
    assert_false(vs_signature_algorithm_by_der(VS_BYTES(md5, sizeof md5), VS_DIGEST_NONE, &a));
    assert_false(vs_signature_algorithm_by_der(VS_BYTES(odd, sizeof odd), VS_DIGEST_NONE, &a));
    assert_false(vs_signature_algorithm_by_der(VS_BYTES(ed, sizeof ed), VS_DIGEST_NONE, &a));
}

/* RFC 4055, 3.1: what is left out is SHA-1 and 20; an empty salt is refused. */
static void pss__reads_its_parameters(void **state)
{
    (void)state;
    static const uint8_t defaults[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                       0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, 0x00};
    static const uint8_t no_salt[] = {0x30, 0x12, 0x06, 0x09, 0x2a, 0x86, 0x48,
                                      0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30,
                                      0x05, 0xa2, 0x03, 0x02, 0x01, 0x00};
    static const uint8_t absent[] = {0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48,
                                     0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a};
    struct vs_signature_algorithm a;
    assert_true(
        vs_signature_algorithm_by_der(VS_BYTES(defaults, sizeof defaults), VS_DIGEST_NONE, &a));
    assert_true(a.digest == VS_SHA1 && a.mgf_digest == VS_SHA1 && a.salt_bytes == 20);
    assert_false(
        vs_signature_algorithm_by_der(VS_BYTES(no_salt, sizeof no_salt), VS_DIGEST_NONE, &a));
    assert_false(
        vs_signature_algorithm_by_der(VS_BYTES(absent, sizeof absent), VS_DIGEST_NONE, &a));
}

/* EN 319 102-1, 5.2.8 with TS 119 312's dates. */
static void policy__judges_each_algorithm_by_its_date(void **state)
{
    (void)state;
    static const struct {
        struct vs_signature_algorithm algorithm;
        unsigned bits;
        const char *at;
        bool good, warns;
    } cases[] = {
        {{VS_RSA_PKCS1, VS_SHA1, 0, 0}, 2048, "2008-12-31T23:59:59Z", true, false},
        {{VS_RSA_PKCS1, VS_SHA1, 0, 0}, 2048, "2009-01-01T00:00:00Z", false, true},
        {{VS_RSA_PKCS1, VS_SHA256, 0, 0}, 1024, "2008-06-01T00:00:00Z", true, false},
        {{VS_RSA_PKCS1, VS_SHA256, 0, 0}, 1024, "2010-06-01T00:00:00Z", false, true},
        {{VS_RSA_PKCS1, VS_SHA256, 0, 0}, 512, "2000-06-01T00:00:00Z", false, true},
        {{VS_RSA_PKCS1, VS_SHA256, 0, 0}, 2048, "2025-12-31T00:00:00Z", true, false},
        {{VS_RSA_PKCS1, VS_SHA256, 0, 0},
         2048,
         "2026-06-01T00:00:00Z",
         true,
         true}, /* forecast */
        {{VS_RSA_PSS, VS_SHA256, VS_SHA1, 20}, 3072, "2026-06-01T00:00:00Z", true, false},
        {{VS_ECDSA, VS_SHA256, 0, 0}, 256, "2026-06-01T00:00:00Z", true, false},
        {{VS_ECDSA, VS_SHA256, 0, 0}, 192, "2014-06-01T00:00:00Z", false, true},
        {{VS_ED25519, VS_DIGEST_NONE, 0, 0}, 256, "2026-06-01T00:00:00Z", true, false},
        {{VS_SCHEME_NONE, VS_SHA256, 0, 0}, 4096, "2000-06-01T00:00:00Z", false, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *why = "unset";
        bool good = vs_signature_acceptable(cases[i].algorithm, cases[i].bits,
                                            moment(cases[i].at), &why);
        if (good != cases[i].good || (why != NULL) != cases[i].warns)
            fail_msg("case %zu: %d, %s", i, good, why == NULL ? "" : why);
    }
    assert_true(vs_digest_acceptable(VS_SHA256, moment("2026-01-01T00:00:00Z"), NULL));
    assert_false(vs_digest_acceptable(VS_SHA1, moment("2026-01-01T00:00:00Z"), NULL));
    assert_false(vs_digest_acceptable(VS_DIGEST_NONE, 0, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(algorithms__round_trip_through_their_names),
        cmocka_unit_test(algorithms__have_the_object_identifiers_of_openssl),
        cmocka_unit_test(algorithms__outside_the_table_are_none),
        cmocka_unit_test(pss__reads_its_parameters),
        cmocka_unit_test(policy__judges_each_algorithm_by_its_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
