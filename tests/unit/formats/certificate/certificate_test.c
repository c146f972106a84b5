#include "tests/unit/unit.h"
#include "tests/support/openssl.h"
#include "formats/certificate/certificate.h"
#include <openssl/x509.h>

static int make_certificates(void **state)
{
    (void)state;
    openssl_issue("root", "/C=AZ/O=Kök/CN=Root", NULL,
                  "basicConstraints=critical,CA:TRUE,pathlen:2\nkeyUsage=critical,keyCertSign,"
                  "cRLSign\nsubjectKeyIdentifier=hash",
                  "-set_serial 0x00ff00000000000000000000000000000001");
    openssl_issue(
        "leaf",
        "/C=AZ/O=Müəssisə/O=Second/organizationIdentifier=VATAZ-1234567891/SN=İsmayılov/"
        "GN=Ələkbər/serialNumber=PNOAZ-7ABCDEF/CN=Ələkbər İsmayılov, \\\"A\\+B\\\"",
        "root",
        "basicConstraints=CA:FALSE\nkeyUsage=critical,nonRepudiation\n"
        "extendedKeyUsage=clientAuth,1.2.3.4\nsubjectKeyIdentifier=hash\n"
        "authorityKeyIdentifier=keyid\n"
        "authorityInfoAccess=OCSP;URI:http://o.example/ocsp,caIssuers;URI:"
        "https://o.example/ca.cer,OCSP;URI:ldap://x.example/y\n"
        "crlDistributionPoints=URI:http://o.example/a.crl,URI:http://o.example/b.crl\n"
        "certificatePolicies=0.4.0.194112.1.2,1.2.3\n"
        /* QcCompliance, QcSSCD, QcType esign, QcLimitValue 500 x 10^2 AZN */
        "1.3.6.1.5.5.7.1.3=DER:30413008060604008e4601013008060604008e4601043013060604008e460106"
        "3009060704008e460106013016060604008e460102300c1303415a4e020201f4020102",
        "");
    openssl_issue("tsa", "/CN=tsa", "root", "extendedKeyUsage=critical,timeStamping", "");
    openssl_issue("ocsp", "/CN=ocsp", "root", "extendedKeyUsage=OCSPSigning\nnoCheck=ignored",
                  "-sha384");
    openssl_issue("odd", "/CN=odd", "root", "1.2.3.4.5=critical,DER:0500", "");
    return 0;
}

static void certificate__reads_what_openssl_wrote(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    const struct vs_certificate *root = openssl_certificate("root");
    const struct vs_certificate *leaf = openssl_certificate("leaf");
    assert_true(root->is_ca && root->path_length == 2 && root->self_issued);
    assert_int_equal(root->key_usage, VS_KU_KEY_CERT_SIGN | VS_KU_CRL_SIGN);
    assert_string_equal(vs_certificate_serial_text(arena, root),
                        "86772003564839308183160524895100893921281");
    assert_string_equal(vs_name_attribute(arena, leaf->subject, VS_NAME_CN),
                        "Ələkbər İsmayılov, \"A+B\"");
    assert_string_equal(vs_name_attribute(arena, leaf->subject, VS_NAME_ORGANIZATION),
                        "Second");
    assert_string_equal(
        vs_name_attribute(arena, leaf->subject, VS_NAME_ORGANIZATION_IDENTIFIER),
        "VATAZ-1234567891");
    assert_null(vs_name_attribute(arena, leaf->subject, VS_NAME_PSEUDONYM));
    assert_string_equal(vs_name_text(arena, leaf->subject),
                        "CN=Ələkbər İsmayılov\\, \\\"A\\+B\\\",serialNumber=PNOAZ-7ABCDEF,"
                        "GN=Ələkbər,SN=İsmayılov,organizationIdentifier=VATAZ-1234567891,"
                        "O=Second,O=Müəssisə,C=AZ");
    assert_string_equal(vs_name_text(arena, leaf->issuer), "CN=Root,O=Kök,C=AZ");
    assert_true(leaf->has_basic_constraints && !leaf->is_ca && !leaf->self_issued);
    assert_int_equal(leaf->key_usage, VS_KU_NON_REPUDIATION);
    assert_int_equal(leaf->extended_key_usage, VS_EKU_CLIENT | VS_EKU_OTHER);
    assert_int_equal(leaf->n_extended_key_usages, 2);
    assert_false(leaf->extended_key_usage_critical);
    assert_bytes_equal(leaf->authority_key_id, root->subject_key_id);
    assert_int_equal(leaf->qc, VS_QC_COMPLIANCE | VS_QC_SSCD | VS_QC_TYPE_SIGN | VS_QC_LIMIT);
    assert_int_equal(leaf->qc_limit_amount, 500);
    assert_int_equal(leaf->qc_limit_exponent, 2);
    assert_string_equal(leaf->qc_limit_currency, "AZN");
    assert_true(vs_certificate_has_policy(leaf, "0.4.0.194112.1.2"));
    assert_true(vs_certificate_has_policy(leaf, "1.2.3"));
    assert_false(vs_certificate_has_policy(leaf, "1.2.4"));
    assert_int_equal(leaf->not_after - leaf->not_before, 3650 * VS_DAY_MS);
    assert_true(vs_certificate_in_force(leaf, leaf->not_before));
    assert_false(vs_certificate_in_force(leaf, leaf->not_before - 1));
    assert_true(vs_certificate_in_force(leaf, leaf->not_after + 999));
    assert_false(vs_certificate_in_force(leaf, leaf->not_after + 1000));
    const struct vs_certificate *tsa = openssl_certificate("tsa");
    assert_true(tsa->extended_key_usage_critical);
    assert_int_equal(tsa->extended_key_usage, VS_EKU_TIME_STAMPING);
    const struct vs_certificate *ocsp = openssl_certificate("ocsp");
    assert_true(ocsp->ocsp_nocheck && !tsa->ocsp_nocheck);
    assert_int_equal(ocsp->signature_algorithm.digest, VS_SHA384);
    assert_true(openssl_certificate("odd")->unknown_critical && !ocsp->unknown_critical);
}

static void certificate__gives_web_addresses_only(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_error err;
    const struct vs_certificate *leaf = openssl_certificate("leaf");
    const char *const *list;
    size_t n;
    assert_ok(vs_certificate_addresses(arena, leaf, VS_ADDRESS_OCSP, &list, &n, &err));
    assert_int_equal(n, 1);
    assert_string_equal(list[0], "http://o.example/ocsp");
    assert_ok(vs_certificate_addresses(arena, leaf, VS_ADDRESS_ISSUERS, &list, &n, &err));
    assert_int_equal(n, 1);
    assert_string_equal(list[0], "https://o.example/ca.cer");
    assert_ok(vs_certificate_addresses(arena, leaf, VS_ADDRESS_CRL, &list, &n, &err));
    assert_int_equal(n, 2);
    assert_string_equal(list[1], "http://o.example/b.crl");
    assert_ok(vs_certificate_addresses(arena, openssl_certificate("root"), VS_ADDRESS_CRL,
                                       &list, &n, &err));
    assert_int_equal(n, 0);
}

static void certificate__verifies_its_issuer_and_nobody_else(void **state)
{
    (void)state;
    struct vs_error err;
    enum vs_signature_verdict verdict;
    const struct vs_certificate *root = openssl_certificate("root");
    const char *const names[] = {"root", "leaf", "tsa", "ocsp"};
    for (size_t i = 0; i < 4; i++)
        for (int again = 0; again < 2;
             again++) { /* the second from the memory of verified ones */
            const struct vs_certificate *c = openssl_certificate(names[i]);
            assert_ok(vs_certificate_verify_signed_by(c, root, &verdict, &err));
            assert_int_equal(verdict, VS_SIGNATURE_VALID);
            assert_ok(
                vs_certificate_verify_signed_by(c, openssl_certificate("tsa"), &verdict, &err));
            assert_int_equal(verdict, VS_SIGNATURE_INVALID);
        }
}

/* Every octet altered in turn: refused, or read as OpenSSL reads it and never verified. */
static void certificate__never_verifies_when_an_octet_is_altered(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_bytes der = openssl_file("leaf.der");
    const struct vs_certificate *root = openssl_certificate("root");
    uint8_t altered[8192];
    for (size_t i = 0; i < der.len; i++)
        for (int bit = 0; bit < 8; bit += 3) {
            memcpy(altered, der.ptr, der.len);
            altered[i] ^= (uint8_t)(1 << bit);
            struct vs_certificate *c = NULL;
            if (!vs_ok(vs_certificate_decode(VS_BYTES(altered, der.len), &c, &err)))
                continue;
            const uint8_t *at = altered;
            X509 *theirs = d2i_X509(NULL, &at, (long)der.len);
            if (theirs == NULL)
                fail_msg("OpenSSL refuses octet %zu, bit %d", i, bit);
            X509_free(theirs);
            enum vs_signature_verdict verdict;
            assert_ok(vs_certificate_verify_signed_by(c, root, &verdict, &err));
            assert_int_not_equal(verdict, VS_SIGNATURE_VALID);
            vs_certificate_unref(c);
        }
}

static void certificate__refuses_trailing_and_missing_octets(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_bytes der = openssl_file("leaf.der");
    struct vs_certificate *c = NULL;
    uint8_t longer[8192];
    memcpy(longer, der.ptr, der.len);
    longer[der.len] = 0;
    assert_fails(VS_E_CERTIFICATE,
                 vs_certificate_decode(VS_BYTES(longer, der.len + 1), &c, &err));
    for (size_t len = 0; len < der.len; len++)
        assert_fails(VS_E_CERTIFICATE, vs_certificate_decode(VS_BYTES(der.ptr, len), &c, &err));
}

/* RFC 5280, 4.2: no extension twice. */
static void certificate__refuses_a_doubled_extension(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_bytes der = openssl_file("leaf.der");
    /* Make the extended key usage a second key usage. */
    static const uint8_t eku[] = {0x06, 0x03, 0x55, 0x1d, 0x25};
    const uint8_t *at = memmem(der.ptr, der.len, eku, sizeof eku);
    assert_non_null(at);
    uint8_t altered[8192];
    memcpy(altered, der.ptr, der.len);
    altered[at - der.ptr + 4] = 0x0f;
    struct vs_certificate *c = NULL;
    assert_fails(VS_E_CERTIFICATE, vs_certificate_decode(VS_BYTES(altered, der.len), &c, &err));
}

static void certificate__comes_back_from_pem_and_from_the_cache(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_certificate *a = NULL, *b = NULL;
    assert_ok(vs_certificate_get_pem(openssl_file("leaf.pem"), &a, &err));
    assert_ok(vs_certificate_get_pem(openssl_file("leaf.der"), &b, &err));
    assert_ptr_equal(a, b);
    VS_BUFFER pem;
    vs_buffer_init(&pem, 65536);
    vs_certificate_encode_pem(a, &pem);
    openssl_write("again.pem", vs_buffer_view(&pem));
    openssl_must("openssl x509 -in again.pem -outform DER -out again.der && "
                 "cmp again.der leaf.der");
    vs_certificate_cache_clear();
    vs_certificate_unref(b);
    assert_ok(vs_certificate_get_pem(openssl_file("leaf.der"), &b, &err));
    assert_ptr_not_equal(a, b);
    assert_true(vs_certificate_same(a, b));
    vs_certificate_unref(a);
    vs_certificate_unref(b);
    assert_fails(VS_E_CERTIFICATE, vs_certificate_get_pem(VS_BYTES_LITERAL("x"), &a, &err));
}

/* RFC 5280, 7.1. */
static void name__compares_by_meaning(void **state)
{
    (void)state;
    openssl_issue("n1", "/C=AZ/CN=Some  Name ", NULL, "", "");
    openssl_issue("n2", "/C=AZ/CN=some name", NULL, "", "");
    openssl_issue("n3", "/C=AZ/CN=some nam", NULL, "", "");
    openssl_issue("n4", "/CN=some name/C=AZ", NULL, "", "");
    openssl_must("openssl req -x509 -key n1.key -subj '/C=AZ/CN=some name' -nameopt utf8 -utf8 "
                 "-out u.pem && openssl x509 -in u.pem -outform DER -out u.der");
    struct vs_bytes base = openssl_certificate("n2")->subject;
    assert_true(vs_name_equal(base, openssl_certificate("n1")->subject));
    assert_true(vs_name_equal(base, openssl_certificate("u")->subject));
    assert_false(vs_name_equal(base, openssl_certificate("n3")->subject));
    assert_false(vs_name_equal(base, openssl_certificate("n4")->subject));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificate__reads_what_openssl_wrote),
        cmocka_unit_test(certificate__gives_web_addresses_only),
        cmocka_unit_test(certificate__verifies_its_issuer_and_nobody_else),
        cmocka_unit_test(certificate__never_verifies_when_an_octet_is_altered),
        cmocka_unit_test(certificate__refuses_trailing_and_missing_octets),
        cmocka_unit_test(certificate__refuses_a_doubled_extension),
        cmocka_unit_test(certificate__comes_back_from_pem_and_from_the_cache),
        cmocka_unit_test(name__compares_by_meaning),
    };
    return cmocka_run_group_tests(tests, make_certificates, NULL);
}
