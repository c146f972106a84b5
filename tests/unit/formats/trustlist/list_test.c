#include "tests/unit/unit.h"
#include "formats/formats.h"
#include "formats/trustlist/list.h"

#define HEAD                                                                                   \
    "<TrustServiceStatusList xmlns='http://uri.etsi.org/02231/v2#' "                           \
    "xmlns:s='http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#' "       \
    "xmlns:x='http://uri.etsi.org/01903/v1.3.2#'>"                                             \
    "<SchemeInformation><TSLVersionIdentifier>6</TSLVersionIdentifier>"                        \
    "<TSLSequenceNumber>7</TSLSequenceNumber><SchemeOperatorName><Name xml:lang='az'>Nazirlik" \
    "</Name><Name xml:lang='en'>Ministry</Name></SchemeOperatorName>"                          \
    "<SchemeTerritory>AZ</SchemeTerritory>"                                                    \
    "<ListIssueDateTime>2026-01-01T00:00:00Z</ListIssueDateTime>"                              \
    "<NextUpdate><dateTime>2026-07-01T00:00:00Z</dateTime></NextUpdate></SchemeInformation>"   \
    "<TrustServiceProviderList><TrustServiceProvider><TSPInformation><TSPName>"                \
    "<Name xml:lang='en'>MSXM</Name></TSPName></TSPInformation><TSPServices><TSPService>"      \
    "<ServiceInformation><ServiceTypeIdentifier>http://uri.etsi.org/TrstSvc/Svctype/CA/QC"     \
    "</ServiceTypeIdentifier><ServiceName><Name xml:lang='en'>CA 1</Name></ServiceName>"       \
    "<ServiceDigitalIdentity><DigitalId><X509Certificate>AQID</X509Certificate></DigitalId>"   \
    "</ServiceDigitalIdentity>"
#define STATUS(word, from)                                                                     \
    "<ServiceStatus>http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/" word                   \
    "</ServiceStatus><StatusStartingTime>" from "</StatusStartingTime>"
#define QUALIFIED                                                                              \
    "<ServiceInformationExtensions><Extension Critical='false'><s:Qualifications>"             \
    "<s:QualificationElement><s:Qualifiers>"                                                   \
    "<s:Qualifier uri='http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/QCWithQSCD'/>"       \
    "</s:Qualifiers><s:CriteriaList assert='all'><s:KeyUsage>"                                 \
    "<s:KeyUsageBit name='nonRepudiation'>true</s:KeyUsageBit></s:KeyUsage><s:PolicySet>"      \
    "<s:PolicyIdentifier><x:Identifier Qualifier='OIDAsURN'>urn:oid:1.2.3</x:Identifier>"      \
    "</s:PolicyIdentifier></s:PolicySet></s:CriteriaList></s:QualificationElement>"            \
    "</s:Qualifications></Extension></ServiceInformationExtensions>"
#define HISTORY                                                                                \
    "</ServiceInformation><ServiceHistory><ServiceHistoryInstance><ServiceTypeIdentifier>"     \
    "http://uri.etsi.org/TrstSvc/Svctype/CA/QC</ServiceTypeIdentifier>"
#define TAIL                                                                                   \
    "</ServiceHistoryInstance></ServiceHistory></TSPService></TSPServices>"                    \
    "</TrustServiceProvider></TrustServiceProviderList></TrustServiceStatusList>"

static const char sample[] = HEAD STATUS("withdrawn", "2025-01-01T00:00:00Z")
    QUALIFIED HISTORY STATUS("granted", "2020-01-01T00:00:00Z") TAIL;

static vs_time_ms at(const char *text)
{
    vs_time_ms t;
    assert_true(vs_time_decode(vs_bytes_text(text), &t));
    return t;
}

static void reads_services_with_their_history(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    const struct vs_trust_list *list;
    assert_ok(vs_trust_list_read(arena, vs_bytes_text(sample), &list, &err));
    assert_string_equal(list->operator_name, "Ministry");
    assert_string_equal(list->territory, "AZ");
    assert_int_equal(list->n_services, 1);
    const struct vs_service *service = &list->services[0];
    assert_int_equal(service->type, VS_SERVICE_CA_QC);
    assert_string_equal(service->provider, "MSXM");
    assert_int_equal(service->n_certificates, 1);
    assert_null(vs_service_at(service, at("2019-12-31T23:59:59Z")));
    assert_true(vs_service_at(service, at("2020-01-01T00:00:00Z"))->granted);
    assert_true(vs_service_at(service, at("2024-12-31T23:59:59.999Z"))->granted);
    assert_false(vs_service_at(service, at("2025-01-01T00:00:00Z"))->granted);
}

static void a_qualifier_holds_where_all_its_criteria_do(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    const struct vs_trust_list *list;
    assert_ok(vs_trust_list_read(arena, vs_bytes_text(sample), &list, &err));
    const struct vs_service_status *now = &list->services[0].statuses[0];
    const char *const policies[] = {"9.9", "1.2.3"};
    struct vs_criteria_subject subject = {
        .key_usage = 2, .policies = policies, .n_policies = 2};
    assert_int_equal(vs_qualifiers_of(now, &subject), VS_QUALIFIER_WITH_QSCD);
    subject.n_policies = 1;
    assert_int_equal(vs_qualifiers_of(now, &subject), 0);
    subject = (struct vs_criteria_subject){.key_usage = 1, policies, 2};
    assert_int_equal(vs_qualifiers_of(now, &subject), 0);
}

static void refuses_what_is_no_list(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    const struct vs_trust_list *list;
    assert_fails(VS_E_TRUST_LIST,
                 vs_trust_list_read(arena, vs_bytes_text("<a/>"), &list, &err));
    assert_fails(VS_E_TRUST_LIST,
                 vs_trust_list_read(arena,
                                    vs_bytes_text("<TrustServiceStatusList "
                                                  "xmlns='http://uri.etsi.org/02231/v2#'/>"),
                                    &list, &err));
    assert_fails(VS_E_XML, vs_trust_list_read(arena, vs_bytes_text("<a>"), &list, &err));
}

static int start(void **state)
{
    (void)state;
    struct vs_error err;
    return vs_ok(vs_formats_init(&err)) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_services_with_their_history),
        cmocka_unit_test(a_qualifier_holds_where_all_its_criteria_do),
        cmocka_unit_test(refuses_what_is_no_list),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
