#include "tests/unit/unit.h"
#include "formats/formats.h"
#include "formats/trustlist/trust.h"
#include "tests/support/pki.h"

static struct vs_pki *pki;

/* A list with one service: the authority's certificate, granted from `from`, withdrawn later.
 */
static struct vs_bytes list_of(struct vs_bytes certificate, const char *type)
{
    const char *base64 = vs_base64_new(pki->arena, certificate);
    const char *text = vs_arena_printf(
        pki->arena,
        "<TrustServiceStatusList xmlns='http://uri.etsi.org/02231/v2#'><SchemeInformation>"
        "<TSLVersionIdentifier>6</TSLVersionIdentifier></SchemeInformation>"
        "<TrustServiceProviderList><TrustServiceProvider><TSPServices><TSPService>"
        "<ServiceInformation><ServiceTypeIdentifier>http://uri.etsi.org/TrstSvc/Svctype/%s"
        "</ServiceTypeIdentifier><ServiceDigitalIdentity><DigitalId><X509Certificate>%s"
        "</X509Certificate></DigitalId><DigitalId><X509Certificate>AAAA</X509Certificate>"
        "</DigitalId></ServiceDigitalIdentity>"
        "<ServiceStatus>http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/withdrawn"
        "</ServiceStatus><StatusStartingTime>2030-01-01T00:00:00Z</StatusStartingTime>"
        "</ServiceInformation><ServiceHistory><ServiceHistoryInstance><ServiceTypeIdentifier>"
        "http://uri.etsi.org/TrstSvc/Svctype/%s</ServiceTypeIdentifier>"
        "<ServiceStatus>http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/granted"
        "</ServiceStatus><StatusStartingTime>2020-01-01T00:00:00Z</StatusStartingTime>"
        "</ServiceHistoryInstance></ServiceHistory></TSPService></TSPServices>"
        "</TrustServiceProvider></TrustServiceProviderList></TrustServiceStatusList>",
        type, base64, type);
    return vs_bytes_text(text);
}

static vs_time_ms year(int y)
{
    return vs_time_from_civil((struct vs_civil){.year = y, .month = 6, .day = 1});
}

static void a_listed_service_is_trusted_while_granted(void **state)
{
    (void)state;
    struct vs_error err;
    size_t skipped;
    VS_TRUST *trust = vs_trust_new();
    assert_ok(
        vs_trust_add_list(trust, list_of(pki->authority.certificate, "CA/QC"), &skipped, &err));
    assert_int_equal(vs_trust_count(trust), 1);
    assert_int_equal(skipped, 1); /* the unreadable one is counted, not lost in silence */
    const struct vs_anchor *anchor = vs_trust_anchor(trust, 0);
    assert_ptr_equal(vs_trust_find(trust, anchor->certificate), anchor);
    assert_true(vs_anchor_trusted_at(anchor, year(2019)));
    assert_true(vs_anchor_trusted_at(anchor, year(2025)));
    assert_false(vs_anchor_trusted_at(anchor, year(2031)));
    assert_null(vs_anchor_granted(anchor, VS_SERVICE_CA_QC, year(2019)));
    assert_non_null(vs_anchor_granted(anchor, VS_SERVICE_CA_QC, year(2025)));
    assert_null(vs_anchor_granted(anchor, VS_SERVICE_TSA, year(2025)));
}

static void one_certificate_in_several_lists_is_one_anchor(void **state)
{
    (void)state;
    struct vs_error err;
    VS_TRUST *trust = vs_trust_new();
    struct vs_bytes der = pki->authority.certificate;
    assert_ok(vs_trust_add_list(trust, list_of(der, "CA/QC"), NULL, &err));
    assert_ok(vs_trust_add_list(trust, list_of(der, "TSA/QTST"), NULL, &err));
    assert_ok(vs_trust_add_pem(trust, der, false, &err));
    assert_int_equal(vs_trust_count(trust), 1);
    assert_int_equal(vs_trust_anchor(trust, 0)->n_services, 2);
}

static void pem_anchors_are_accredited_by_the_operator_only(void **state)
{
    (void)state;
    struct vs_error err;
    VS_TRUST *trust = vs_trust_new();
    VS_CERTIFICATE *root = NULL;
    VS_BUFFER pem;
    vs_buffer_init(&pem, 100000);
    assert_ok(vs_certificate_get(pki->root.certificate, &root, &err));
    vs_certificate_encode_pem(root, &pem);
    assert_ok(vs_trust_add_pem(trust, vs_buffer_view(&pem), false, &err));
    assert_false(vs_trust_anchor(trust, 0)->accredited);
    assert_ok(vs_trust_add_pem(trust, vs_buffer_view(&pem), true, &err));
    assert_true(vs_trust_anchor(trust, 0)->accredited);
    assert_int_equal(vs_trust_count(trust), 1);
}

static void refuses_what_holds_no_certificate(void **state)
{
    (void)state;
    struct vs_error err;
    VS_TRUST *trust = vs_trust_new();
    assert_fails(VS_E_CERTIFICATE,
                 vs_trust_add_pem(trust, VS_BYTES_LITERAL("hello"), false, &err));
    assert_fails(VS_E_CERTIFICATE,
                 vs_trust_add_pem(trust, VS_BYTES_LITERAL("-----BEGIN CERTIFICATE-----\nAAAA"),
                                  false, &err));
}

static int start(void **state)
{
    struct vs_error err;
    (void)state;
    if (!vs_ok(vs_formats_init(&err)))
        return -1;
    pki = vs_pki_new();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    vs_pki_free(pki);
    vs_certificate_cache_clear();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listed_service_is_trusted_while_granted),
        cmocka_unit_test(one_certificate_in_several_lists_is_one_anchor),
        cmocka_unit_test(pem_anchors_are_accredited_by_the_operator_only),
        cmocka_unit_test(refuses_what_holds_no_certificate),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
