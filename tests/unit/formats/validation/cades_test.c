/* CMS made by the openssl program, judged here: another maker than us. */
#include "tests/unit/unit.h"
#include "formats/formats.h"
#include "formats/trustlist/trust.h"
#include "formats/validation/validation.h"
#include "tests/support/openssl.h"

static struct vs_trust *trust;
static vs_time_ms now;

static const struct vs_report *judge(struct vs_arena *arena, struct vs_bytes bytes,
                                     const char *content)
{
    struct vs_error err;
    static struct vs_bytes_source source, data;
    const struct vs_report *report;
    struct vs_policy policy = *vs_policy_default();
    struct vs_content contents = {"content", &data.source};
    policy.revocation_required = false; /* openssl's small authority has no OCSP */
    vs_bytes_source_init(&source, bytes);
    vs_bytes_source_init(&data, vs_bytes_text(content));
    struct vs_validation_input input = {.document = &source.source,
                                        .contents = &contents,
                                        .n_contents = content != NULL ? 1 : 0,
                                        .at = now,
                                        .trust = trust,
                                        .policy = &policy};
    assert_ok(vs_validate(arena, &input, &report, &err));
    return report;
}

static void expect(struct vs_bytes bytes, const char *content, enum vs_indication indication,
                   enum vs_sub_indication sub, const char *level)
{
    VS_ARENA *arena = vs_arena_new(1 << 24);
    const struct vs_report *r = judge(arena, bytes, content);
    assert_int_equal(r->form, VS_FORM_CMS);
    assert_int_equal(r->n_signatures, 1);
    const struct vs_signature_report *s = &r->signatures[0];
    if (s->verdict.indication != indication || s->verdict.sub != sub)
        fail_msg("%s/%s: %s", vs_indication_text(s->verdict.indication),
                 vs_sub_indication_text(s->verdict.sub),
                 s->errors.n > 0 ? s->errors.items[0].text : "");
    assert_string_equal(s->level_text, level);
}

static void passes_what_openssl_signs(void **state)
{
    (void)state;
    const char *const forms[] = {"-cades -nodetach", "-cades -nodetach -stream"};
    for (size_t i = 0; i < 2; i++) {
        openssl_must("openssl cms -sign -binary -md sha256 -in data -signer cert.pem -inkey "
                     "key.pem -outform DER -out a.p7m %s",
                     forms[i]);
        expect(openssl_file("a.p7m"), NULL, VS_PASSED, VS_SUB_NONE, "CAdES-B-B");
    }
    openssl_must("openssl cms -sign -binary -cades -md sha256 -in data -signer cert.pem -inkey "
                 "key.pem -outform DER -out d.p7s");
    expect(openssl_file("d.p7s"), "data\n", VS_PASSED, VS_SUB_NONE, "CAdES-B-B");
    expect(openssl_file("d.p7s"), "tada\n", VS_FAILED, VS_SUB_HASH_FAILURE, "CAdES-B-B");
    expect(openssl_file("d.p7s"), NULL, VS_INDETERMINATE, VS_SUB_SIGNED_DATA_NOT_FOUND,
           "CAdES-B-B");
}

static void plain_cms_is_no_baseline_signature(void **state)
{
    (void)state;
    openssl_must("openssl cms -sign -binary -nodetach -md sha256 -in data -signer cert.pem "
                 "-inkey key.pem -outform DER -out p.p7m");
    expect(openssl_file("p.p7m"), NULL, VS_PASSED, VS_SUB_NONE, "CMS");
    openssl_must("openssl cms -sign -binary -nodetach -noattr -md sha256 -in data -signer "
                 "cert.pem -inkey key.pem -outform DER -out n.p7m");
    expect(openssl_file("n.p7m"), NULL, VS_PASSED, VS_SUB_NONE, "CMS");
}

static void without_its_certificate_nobody_signed(void **state)
{
    (void)state;
    openssl_must("openssl cms -sign -binary -cades -nodetach -nocerts -md sha256 -in data "
                 "-signer cert.pem -inkey key.pem -outform DER -out c.p7m");
    /* The anchor is the certificate itself, but it came along with nothing. */
    expect(openssl_file("c.p7m"), NULL, VS_INDETERMINATE, VS_SUB_NO_SIGNING_CERTIFICATE_FOUND,
           "CAdES-B-B");
}

/* One bit anywhere: never TOTAL-PASSED with what was signed altered, never a crash. */
static void no_flipped_bit_passes_with_other_content(void **state)
{
    (void)state;
    openssl_must("openssl cms -sign -binary -cades -nodetach -md sha256 -in data -signer "
                 "cert.pem -inkey key.pem -outform DER -out f.p7m");
    struct vs_bytes file = openssl_file("f.p7m");
    const uint8_t *content = memmem(file.ptr, file.len, "data\n", 5);
    assert_non_null(content);
    for (size_t i = 0; i < file.len; i++) {
        struct vs_error err;
        VS_ARENA *arena = vs_arena_new(1 << 24);
        struct vs_bytes copy = vs_bytes_copy(arena, file);
        ((uint8_t *)copy.ptr)[i] ^= 1;
        struct vs_bytes_source source;
        vs_bytes_source_init(&source, copy);
        struct vs_validation_input input = {
            .document = &source.source, .at = now, .trust = trust};
        const struct vs_report *report;
        if (!vs_ok(vs_validate(arena, &input, &report, &err)))
            continue;
        bool in_content = file.ptr + i >= content && file.ptr + i < content + 5;
        if (in_content)
            assert_int_equal(report->verdict.indication, VS_FAILED);
    }
}

static int start(void **state)
{
    struct vs_error err;
    (void)state;
    if (!vs_ok(vs_formats_init(&err)))
        return -1;
    openssl_write("data", VS_BYTES_LITERAL("data\n"));
    openssl_must("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "
                 "key.pem -out cert.pem -days 30 -subj '/CN=Signer' "
                 "-addext keyUsage=critical,nonRepudiation");
    trust = vs_trust_new();
    if (!vs_ok(vs_trust_add_pem(trust, openssl_file("cert.pem"), false, &err)))
        return -1;
    now = vs_trust_certificates(trust)[0]->not_before + VS_HOUR_MS;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    vs_trust_unref(trust);
    vs_certificate_cache_clear();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_what_openssl_signs),
        cmocka_unit_test(plain_cms_is_no_baseline_signature),
        cmocka_unit_test(without_its_certificate_nobody_signed),
        cmocka_unit_test(no_flipped_bit_passes_with_other_content),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
