#include "tests/unit/unit.h"
#include "tests/support/pki.h"
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static struct vs_pki *pki;
static struct vs_error err;

static int begin(void **state)
{
    (void)state;
    pki = vs_pki_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    vs_pki_free(pki);
    return 0;
}

static X509 *oracle(struct vs_bytes der)
{
    const uint8_t *at = der.ptr;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.len);
    assert_non_null(certificate);
    assert_ptr_equal(at, der.ptr + der.len);
    return certificate;
}

static void openssl_verifies_the_chain_strictly(void **state)
{
    (void)state;
    const char *folder = vs_pki_folder(pki);
    vs_pki_pem(pki, folder, "root.pem", "CERTIFICATE", pki->root.certificate);
    vs_pki_pem(pki, folder, "ca.pem", "CERTIFICATE", pki->authority.certificate);
    vs_pki_pem(pki, folder, "tsa.pem", "CERTIFICATE", pki->tsa.certificate);
    vs_pki_pem(pki, folder, "person.pem", "CERTIFICATE", pki->person.certificate);
    long at = (long)(VS_PKI_EPOCH / 1000 + 3600);
    assert_int_equal(vs_pki_run(pki,
                                "openssl verify -x509_strict -attime %ld -CAfile root.pem "
                                "-untrusted ca.pem -purpose timestampsign tsa.pem",
                                at),
                     0);
    assert_int_equal(vs_pki_run(pki,
                                "openssl verify -x509_strict -attime %ld -CAfile root.pem "
                                "-untrusted ca.pem person.pem",
                                at),
                     0);
    assert_int_not_equal(vs_pki_run(pki,
                                    "openssl verify -x509_strict -attime %ld -CAfile root.pem "
                                    "-untrusted ca.pem -purpose timestampsign person.pem",
                                    at),
                         0);
}

static void what_the_profile_says_stands_in_the_certificate(void **state)
{
    (void)state;
    X509 *tsa = oracle(pki->tsa.certificate), *person = oracle(pki->person.certificate);
    assert_int_equal(X509_get_extended_key_usage(tsa), XKU_TIMESTAMP);
    int index = X509_get_ext_by_NID(tsa, NID_ext_key_usage, -1);
    assert_true(X509_EXTENSION_get_critical(X509_get_ext(tsa, index)));
    assert_true(X509_get_ext_by_NID(tsa, NID_crl_distribution_points, -1) >= 0);
    assert_true(X509_get_ext_by_NID(tsa, NID_info_access, -1) >= 0);
    assert_int_equal(X509_get_key_usage(person), KU_NON_REPUDIATION);
    assert_true(X509_get_ext_by_NID(person, NID_qcStatements, -1) >= 0);
    char text[256];
    X509_NAME_get_text_by_NID(X509_get_subject_name(person), NID_organizationIdentifier, text,
                              sizeof text);
    assert_string_equal(text, "VATAZ-1234567891");
    X509_free(tsa);
    X509_free(person);
}

static void only_the_ocsp_signer_has_nocheck(void **state)
{
    (void)state;
    const struct vs_pki_party *all[] = {&pki->root, &pki->authority, &pki->tsa,
                                        &pki->ocsp, &pki->person,    &pki->organisation};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        X509 *certificate = oracle(all[i]->certificate);
        bool has = X509_get_ext_by_NID(certificate, NID_id_pkix_OCSP_noCheck, -1) >= 0;
        assert_int_equal(has, all[i] == &pki->ocsp);
        X509_free(certificate);
    }
}

static void unsound_profiles_are_refused(void **state)
{
    (void)state;
    static const struct vs_name_part name[] = {{VS_NAME_CN, "x"}};
    static const struct vs_name_part country[] = {{VS_NAME_COUNTRY, "Azərbaycan"}};
    static const struct vs_name_part empty[] = {{VS_NAME_CN, ""}};
    static const struct vs_name_part control[] = {{VS_NAME_CN, "a\nb"}};
    static const uint8_t good[] = {1}, zero[] = {0, 0}, negative[] = {0x80}, long_one[21] = {1},
                         octets[5] = {0};
    static const struct vs_bytes address = {octets, 5};
    static const struct {
        struct vs_certificate_profile profile;
        struct vs_bytes serial;
    } rows[] = {
        {{.subject = country, .n_subject = 1}, {good, 1}},
        {{.subject = empty, .n_subject = 1}, {good, 1}},
        {{.subject = control, .n_subject = 1}, {good, 1}},
        {{.subject = name, .n_subject = 1}, {zero, 2}},
        {{.subject = name, .n_subject = 1}, {negative, 1}},
        {{.subject = name, .n_subject = 1}, {long_one, 21}},
        {{.subject = name, .n_subject = 1}, {NULL, 0}},
        {{.subject = name, .n_subject = 1, .not_before = 1}, {good, 1}},
        {{.subject = name, .n_subject = 1, .crl_url = "http://a/b c"}, {good, 1}},
        {{.subject = name, .n_subject = 1, .crl_url = "http://ə/"}, {good, 1}},
        {{.subject = name, .n_subject = 1, .addresses = &address, .n_addresses = 1}, {good, 1}},
    };
    struct vs_issuer self = {.signer = &pki->root.signer};
    struct vs_bytes spki = vs_public_key_spki(vs_key_public(pki->root.key));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        VS_BUFFER der;
        vs_buffer_init(&der, VS_CERTIFICATE_MAKE_MAX);
        assert_fails(VS_E_PARAMETER, vs_certificate_make(&rows[i].profile, &self,
                                                         rows[i].serial, spki, &der, &err));
    }
}

/* A request as OpenSSL makes it. */
static struct vs_bytes request(EVP_PKEY *key, const EVP_MD *md)
{
    X509_REQ *made = X509_REQ_new();
    X509_NAME *name = X509_NAME_new();
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)"wish", -1, -1, 0);
    assert_true(X509_REQ_set_version(made, 0) && X509_REQ_set_subject_name(made, name) &&
                X509_REQ_set_pubkey(made, key) && X509_REQ_sign(made, key, md) > 0);
    uint8_t *der = NULL;
    int len = i2d_X509_REQ(made, &der);
    struct vs_bytes copy = vs_bytes_copy(pki->arena, VS_BYTES(der, (size_t)len));
    OPENSSL_free(der);
    X509_NAME_free(name);
    X509_REQ_free(made);
    return copy;
}

static void a_request_proves_possession_of_its_key(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct vs_bytes der = request(key, EVP_sha256());
    struct vs_certificate_request got;
    assert_ok(vs_certificate_request_decode(der, VS_PKI_EPOCH, &got, &err));
    uint8_t *spki = NULL;
    int len = i2d_PUBKEY(key, &spki);
    assert_bytes_equal(got.spki, VS_BYTES(spki, (size_t)len));
    OPENSSL_free(spki);
    EVP_PKEY_free(key);
}

static void a_request_changed_after_signing_is_refused(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct vs_bytes der = request(key, EVP_sha256());
    uint8_t *at = memmem(der.ptr, der.len, "wish", 4);
    assert_non_null(at);
    *at = 'f';
    struct vs_certificate_request got;
    assert_fails(VS_E_CERTIFICATE,
                 vs_certificate_request_decode(der, VS_PKI_EPOCH, &got, &err));
    vs_check_disable(VS_E_CERTIFICATE); /* the check is alive */
    assert_ok(vs_certificate_request_decode(der, VS_PKI_EPOCH, &got, &err));
    vs_check_disable(VS_E_NONE);
    EVP_PKEY_free(key);
}

static void weak_and_broken_requests_are_refused(void **state)
{
    (void)state;
    EVP_PKEY *rsa = EVP_RSA_gen(1024), *ec = EVP_EC_gen("P-256");
    struct vs_certificate_request got;
    assert_fails(VS_E_ALGORITHM, vs_certificate_request_decode(request(rsa, EVP_sha256()),
                                                               VS_PKI_EPOCH, &got, &err));
    assert_fails(VS_E_ALGORITHM, vs_certificate_request_decode(request(ec, EVP_sha1()),
                                                               VS_PKI_EPOCH, &got, &err));
    struct vs_bytes der = request(ec, EVP_sha256());
    for (size_t len = 0; len < der.len; len++)
        assert_false(vs_ok(
            vs_certificate_request_decode(VS_BYTES(der.ptr, len), VS_PKI_EPOCH, &got, &err)));
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_verifies_the_chain_strictly),
        cmocka_unit_test(what_the_profile_says_stands_in_the_certificate),
        cmocka_unit_test(only_the_ocsp_signer_has_nocheck),
        cmocka_unit_test(unsound_profiles_are_refused),
        cmocka_unit_test(a_request_proves_possession_of_its_key),
        cmocka_unit_test(a_request_changed_after_signing_is_refused),
        cmocka_unit_test(weak_and_broken_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
