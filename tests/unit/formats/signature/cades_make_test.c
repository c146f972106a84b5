/* What we sign as CAdES is checked by the openssl command line, which shares no code with the
 * writer, and judged by formats/validation at the level meant. */
#include "tests/unit/unit.h"
#include "formats/formats.h"
#include "tests/support/ades.h"

#define SIGNED  (VS_PKI_EPOCH + VS_DAY_MS)
#define CONTENT VS_BYTES_LITERAL("content that is signed\r\n")

static struct vs_pki *pki;
static const char *folder, *root, *authority;

static int start(void **state)
{
    struct vs_error err;
    (void)state;
    assert_ok(vs_formats_init(&err));
    pki = vs_pki_new();
    folder = vs_pki_folder(pki);
    root = vs_pki_pem(pki, folder, "root.pem", "CERTIFICATE", pki->root.certificate);
    authority = vs_pki_pem(pki, folder, "ca.pem", "CERTIFICATE", pki->authority.certificate);
    return 0;
}

static int end(void **state)
{
    (void)state;
    vs_pki_free(pki);
    vs_formats_done();
    return 0;
}

static int openssl(struct vs_bytes file, struct vs_bytes content)
{
    const char *path = vs_pki_file(pki, folder, "signed.p7s", file);
    const char *data = vs_pki_file(pki, folder, "content",
                                   content.ptr != NULL ? content : VS_BYTES_LITERAL("-"));
    return vs_pki_run(pki,
                      "openssl cms -verify -cades -binary -inform DER -in %s %s %s -CAfile %s "
                      "-certfile %s -purpose any -attime %lld -out /dev/null",
                      path, content.ptr != NULL ? "-content" : "",
                      content.ptr != NULL ? data : "", root, authority,
                      (long long)(SIGNED / 1000));
}

static void expect(struct vs_bytes file, struct vs_bytes content, enum vs_level level,
                   const char *level_text, vs_time_ms at)
{
    VS_ARENA *arena = vs_arena_new(1 << 24);
    const struct vs_report *r = test_judge(pki, arena, file, content, at);
    const struct vs_signature_report *s = &r->signatures[0];
    assert_true(r->n_signatures > 0);
    if (s->verdict.indication != VS_PASSED)
        fail_msg("%s: %s", vs_sub_indication_text(s->verdict.sub),
                 s->errors.n > 0 ? s->errors.items[0].text : "");
    assert_int_equal(r->verdict.indication, VS_PASSED);
    assert_int_equal(s->level, level);
    assert_string_equal(s->level_text, level_text);
}

static const struct {
    enum vs_level level;
    const char *text;
    vs_time_ms later; /* when it is judged */
} levels[] = {{VS_LEVEL_B, "CAdES-B-B", VS_MINUTE_MS},
              {VS_LEVEL_T, "CAdES-B-T", VS_MINUTE_MS},
              {VS_LEVEL_LT, "CAdES-B-LT", 9 * 365 * VS_DAY_MS},
              {VS_LEVEL_LTA, "CAdES-B-LTA", 9 * 365 * VS_DAY_MS}};

static void each_level_passes_attached_and_detached(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++)
        for (int attached = 0; attached < 2; attached++) {
            struct test_ades o = {
                .level = levels[i].level, .signed_at = SIGNED, .attached = attached != 0};
            struct vs_bytes file = test_cades(pki, &o, CONTENT);
            struct vs_bytes content = attached ? VS_BYTES_NONE : CONTENT;
            assert_int_equal(openssl(file, content), 0);
            expect(file, content, levels[i].level, levels[i].text, SIGNED + levels[i].later);
        }
}

static void each_key_signs_by_each_of_its_algorithms(void **state)
{
    (void)state;
    static const struct {
        enum vs_key_kind kind;
        struct vs_signature_algorithm algorithm;
        bool openssl; /* its command line of Debian 12 verifies it */
    } cases[] = {{VS_GENERATE_P256, {.scheme = VS_ECDSA, .digest = VS_SHA256}, true},
                 {VS_GENERATE_P256, {.scheme = VS_ECDSA, .digest = VS_SHA512}, true},
                 {VS_GENERATE_P384, {.scheme = VS_ECDSA, .digest = VS_SHA384}, true},
                 {VS_GENERATE_RSA3072, {.scheme = VS_RSA_PKCS1, .digest = VS_SHA256}, true},
                 {VS_GENERATE_RSA3072, {.scheme = VS_RSA_PKCS1, .digest = VS_SHA512}, true},
                 {VS_GENERATE_RSA3072, {.scheme = VS_RSA_PSS, .digest = VS_SHA256}, true},
                 {VS_GENERATE_ED25519, {.scheme = VS_ED25519}, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vs_name_part name = {VS_NAME_CN, "Signer"};
        struct vs_certificate_profile profile = {
            .subject = &name, .n_subject = 1, .key_usage = VS_KU_NON_REPUDIATION};
        struct vs_pki_party signer;
        vs_pki_issue(pki, &profile, cases[i].kind, &pki->authority, &signer);
        struct test_ades o = {.signer = &signer,
                              .algorithm = cases[i].algorithm,
                              .level = VS_LEVEL_LT,
                              .signed_at = SIGNED};
        struct vs_bytes file = test_cades(pki, &o, CONTENT);
        if (cases[i].openssl)
            assert_int_equal(openssl(file, CONTENT), 0);
        expect(file, CONTENT, VS_LEVEL_LT, "CAdES-B-LT", SIGNED + VS_DAY_MS);
        vs_pki_party_done(&signer);
    }
}

static void a_changed_octet_of_the_content_is_seen(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 24);
    struct test_ades o = {.level = VS_LEVEL_LT, .signed_at = SIGNED};
    struct vs_bytes file = test_cades(pki, &o, CONTENT);
    struct vs_bytes other = VS_BYTES_LITERAL("Content that is signed\r\n");
    const struct vs_report *r = test_judge(pki, arena, file, other, SIGNED + VS_DAY_MS);
    assert_int_not_equal(openssl(file, other), 0);
    assert_int_equal(r->verdict.indication, VS_FAILED);
}

static void parallel_signatures_stand_side_by_side(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 24);
    struct test_ades o = {.level = VS_LEVEL_B, .signed_at = SIGNED};
    struct vs_bytes first = test_cades(pki, &o, CONTENT);
    struct test_ades p = {.signer = &pki->organisation,
                          .level = VS_LEVEL_B,
                          .signed_at = SIGNED,
                          .existing = first};
    struct vs_bytes both = test_cades(pki, &p, CONTENT);
    assert_int_equal(openssl(both, CONTENT), 0);
    assert_int_equal(test_judge(pki, arena, both, CONTENT, SIGNED + 1)->n_signatures, 2);
}

static void content_is_enclosed_by_all_signatures_or_by_none(void **state)
{
    (void)state;
    struct vs_error err;
    const struct vs_cms *existing;
    struct vs_cades_draft *draft;
    struct test_ades o = {.level = VS_LEVEL_B, .signed_at = SIGNED, .attached = true};
    struct vs_bytes first = test_cades(pki, &o, CONTENT);
    struct vs_cades_options options = {.chain = &pki->person.certificate,
                                       .n_chain = 1,
                                       .algorithm = VS_ECDSA_SHA256,
                                       .signing_time = SIGNED};
    VS_BUFFER out;
    vs_buffer_init(&out, 1 << 20);
    vs_digest_of(VS_SHA256, CONTENT, &options.content);
    assert_ok(vs_cms_decode(pki->arena, first, false, &existing, &err));
    assert_ok(vs_cades_prepare(pki->arena, &options, &draft, &err));
    assert_fails(VS_E_PARAMETER, vs_cades_finish(draft, CONTENT, existing, &out, &err));
}

static void claims_are_signed(void **state)
{
    (void)state;
    struct vs_signature_claims claims = {.role = "Direktor müavini",
                                         .city = "Şəki",
                                         .postal_code = "AZ5500",
                                         .country = "AZ",
                                         .commitment = VS_COMMITMENT_PROOF_OF_APPROVAL,
                                         .policy_oid = "1.3.6.1.4.1.99999.1",
                                         .policy_url = "http://example.org/policy.pdf"};
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL("policy"), &claims.policy_digest);
    struct test_ades o = {.level = VS_LEVEL_B, .signed_at = SIGNED, .claims = &claims};
    struct vs_bytes file = test_cades(pki, &o, CONTENT);
    assert_int_equal(openssl(file, CONTENT), 0);
    const char *path = vs_pki_file(pki, folder, "claims.p7s", file);
    assert_int_equal(
        vs_pki_run(pki, "openssl asn1parse -inform DER -in %s -i >%s/claims.txt", path, folder),
        0);
    static const char *const texts[] = {"id-smime-aa-ets-signerLocation",
                                        "id-smime-aa-ets-commitmentType",
                                        "id-smime-aa-ets-sigPolicyId",
                                        "id-smime-cti-ets-proofOfApproval",
                                        "0.4.0.19122.1.1",
                                        "1.3.6.1.4.1.99999.1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(vs_pki_run(pki, "grep -qF -e '%s' %s/claims.txt", texts[i], folder),
                         0);
}

static void the_same_options_give_the_same_octets_to_sign(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_cades_draft *a, *b;
    struct vs_cades_options options = {.chain = &pki->person.certificate,
                                       .n_chain = 1,
                                       .algorithm = VS_ECDSA_SHA256,
                                       .signing_time = SIGNED};
    vs_digest_of(VS_SHA256, CONTENT, &options.content);
    assert_ok(vs_cades_prepare(pki->arena, &options, &a, &err));
    assert_ok(vs_cades_prepare(pki->arena, &options, &b, &err));
    assert_true(vs_bytes_equal(vs_cades_draft_message(a), vs_cades_draft_message(b)));
    vs_digest_of(VS_SHA384, CONTENT, &options.content);
    assert_fails(VS_E_PARAMETER, vs_cades_prepare(pki->arena, &options, &a, &err));
    options.n_chain = 0;
    assert_fails(VS_E_PARAMETER, vs_cades_prepare(pki->arena, &options, &a, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_level_passes_attached_and_detached),
        cmocka_unit_test(each_key_signs_by_each_of_its_algorithms),
        cmocka_unit_test(a_changed_octet_of_the_content_is_seen),
        cmocka_unit_test(parallel_signatures_stand_side_by_side),
        cmocka_unit_test(content_is_enclosed_by_all_signatures_or_by_none),
        cmocka_unit_test(claims_are_signed),
        cmocka_unit_test(the_same_options_give_the_same_octets_to_sign),
    };
    return cmocka_run_group_tests(tests, start, end);
}
