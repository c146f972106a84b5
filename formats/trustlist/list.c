#include "formats/trustlist/list.h"
#include "formats/xml/xml.h"

#define TSL "http://uri.etsi.org/02231/v2#"
#define SIE "http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#"

/* Reads one list; `arena` and `err` travel with it. */
struct reader {
    struct vs_arena *arena;
    struct vs_error *err;
};

static size_t count(const struct vs_xml_node *parent, const char *ns, const char *name)
{
    size_t n = 0;
    const struct vs_xml_node *node = parent == NULL ? NULL : vs_xml_child(parent, ns, name);
    for (; node != NULL; node = vs_xml_next_named(node, ns, name))
        n++;
    return n;
}

/* A copy: what the XML reader gives may live in the document only. */
static vs_rc copy_token(struct reader *r, const struct vs_xml_node *node, const char **ret)
{
    const char *text;
    VS_TRY(vs_xml_token(node, r->arena, &text, r->err));
    *ret = vs_arena_strdup(r->arena, text);
    return *ret == NULL ? vs_fail_memory(r->err) : VS_OK;
}

/* `*ret` is NULL where the element is absent. */
static vs_rc token_of(struct reader *r, const struct vs_xml_node *parent, const char *name,
                      const char **ret)
{
    const struct vs_xml_node *node = parent == NULL ? NULL : vs_xml_child(parent, TSL, name);
    *ret = NULL;
    return node == NULL ? VS_OK : copy_token(r, node, ret);
}

static vs_rc time_of(struct reader *r, const struct vs_xml_node *parent, const char *name,
                     vs_time_ms *ret)
{
    const struct vs_xml_node *node = parent == NULL ? NULL : vs_xml_child(parent, TSL, name);
    *ret = VS_TIME_NONE;
    return node == NULL ? VS_OK : vs_xml_time(node, ret, r->err);
}

/* The English name of a multilingual list, else the first. */
static vs_rc name_of(struct reader *r, const struct vs_xml_node *parent, const char *list,
                     const char **ret)
{
    const struct vs_xml_node *names = parent == NULL ? NULL : vs_xml_child(parent, TSL, list);
    const struct vs_xml_node *node = names == NULL ? NULL : vs_xml_child(names, TSL, "Name");
    const struct vs_xml_node *best = node;
    for (; node != NULL; node = vs_xml_next_named(node, TSL, "Name")) {
        const char *lang =
            vs_xml_attribute_ns(node, "http://www.w3.org/XML/1998/namespace", "lang");
        if (lang != NULL && vs_text_equal_ascii_case(lang, "en"))
            best = node;
    }
    *ret = NULL;
    return best == NULL ? VS_OK : copy_token(r, best, ret);
}

/* -- words of the standard ----------------------------------------------------------------- */

static enum vs_service_type type_of(const char *uri)
{
    static const struct {
        const char *ending;
        enum vs_service_type type;
    } rows[] = {
        {"/Svctype/CA/QC", VS_SERVICE_CA_QC},
        {"/Svctype/CA/PKC", VS_SERVICE_CA_PKC},
        {"/Svctype/NationalRootCA-QC", VS_SERVICE_CA_QC},
        {"/Svctype/Certstatus/OCSP", VS_SERVICE_OCSP},
        {"/Svctype/Certstatus/OCSP/QC", VS_SERVICE_OCSP},
        {"/Svctype/Certstatus/CRL", VS_SERVICE_CRL},
        {"/Svctype/Certstatus/CRL/QC", VS_SERVICE_CRL},
        {"/Svctype/TSA/QTST", VS_SERVICE_TSA_QTST},
        {"/Svctype/TSA", VS_SERVICE_TSA},
        {"/Svctype/TSA/TSS-QC", VS_SERVICE_TSA},
        {"/Svctype/TSA/TSS-AdESQCandQES", VS_SERVICE_TSA},
    };
    for (size_t i = 0; uri != NULL && i < sizeof rows / sizeof *rows; i++)
        if (vs_bytes_ends(vs_bytes_text(uri), rows[i].ending))
            return rows[i].type;
    return VS_SERVICE_OTHER;
}

/* TS 119 612, 5.5.4: the approved statuses, of before and after eIDAS. */
static bool granted(const char *uri)
{
    static const char *const endings[] = {
        "/Svcstatus/granted",          "/Svcstatus/recognisedatnationallevel",
        "/Svcstatus/undersupervision", "/Svcstatus/supervisionincessation",
        "/Svcstatus/accredited",       "/Svcstatus/setbynationallaw",
    };
    for (size_t i = 0; uri != NULL && i < sizeof endings / sizeof *endings; i++)
        if (vs_bytes_ends(vs_bytes_text(uri), endings[i]))
            return true;
    return false;
}

static unsigned qualifier_of(const char *uri)
{
    static const struct {
        const char *ending;
        unsigned bit;
    } rows[] = {
        {"/QCStatement", VS_QUALIFIER_STATEMENT},
        {"/NotQualified", VS_QUALIFIER_NOT_QUALIFIED},
        {"/QCWithSSCD", VS_QUALIFIER_WITH_QSCD},
        {"/QCWithQSCD", VS_QUALIFIER_WITH_QSCD},
        {"/QCQSCDManagedOnBehalf", VS_QUALIFIER_WITH_QSCD},
        {"/QCNoSSCD", VS_QUALIFIER_NO_QSCD},
        {"/QCNoQSCD", VS_QUALIFIER_NO_QSCD},
        {"/QCSSCDStatusAsInCert", VS_QUALIFIER_QSCD_AS_IN_CERT},
        {"/QCQSCDStatusAsInCert", VS_QUALIFIER_QSCD_AS_IN_CERT},
        {"/QCForLegalPerson", VS_QUALIFIER_LEGAL_PERSON},
        {"/QCForESig", VS_QUALIFIER_FOR_ESIG},
        {"/QCForESeal", VS_QUALIFIER_FOR_ESEAL},
        {"/QCForWSA", VS_QUALIFIER_FOR_WSA},
    };
    for (size_t i = 0; uri != NULL && i < sizeof rows / sizeof *rows; i++)
        if (vs_bytes_ends(vs_bytes_text(uri), rows[i].ending))
            return rows[i].bit;
    return 0;
}

/* -- criteria ------------------------------------------------------------------------------ */

static int key_usage_bit(const char *name)
{
    static const char *const names[] = {"digitalSignature", "nonRepudiation", "keyEncipherment",
                                        "dataEncipherment", "keyAgreement",   "keyCertSign",
                                        "crlSign",          "encipherOnly",   "decipherOnly"};
    for (int i = 0; i < 9; i++)
        if (vs_text_equal_ascii_case(name, names[i]))
            return i;
    return -1;
}

static vs_rc read_key_usage(struct reader *r, const struct vs_xml_node *node,
                            struct vs_key_usage_criterion *ret, bool *unknown)
{
    const struct vs_xml_node *bit = vs_xml_child(node, SIE, "KeyUsageBit");
    for (; bit != NULL; bit = vs_xml_next_named(bit, SIE, "KeyUsageBit")) {
        const char *value, *name = vs_xml_attribute(bit, "name");
        VS_TRY(vs_xml_token(bit, r->arena, &value, r->err));
        int number = name == NULL ? -1 : key_usage_bit(name);
        if (number < 0) {
            *unknown = true;
            continue;
        }
        ret->mask |= 1U << number;
        if (vs_text_equal(value, "true") || vs_text_equal(value, "1"))
            ret->value |= 1U << number;
    }
    return VS_OK;
}

static vs_rc read_policies(struct reader *r, const struct vs_xml_node *node,
                           struct vs_policy_criterion *ret)
{
    static const char xades[] = "http://uri.etsi.org/01903/v1.3.2#";
    size_t n = count(node, SIE, "PolicyIdentifier");
    ret->oids = vs_arena_make_n(r->arena, const char *, n + 1);
    if (ret->oids == NULL)
        return vs_fail_memory(r->err);
    const struct vs_xml_node *policy = vs_xml_child(node, SIE, "PolicyIdentifier");
    for (; policy != NULL; policy = vs_xml_next_named(policy, SIE, "PolicyIdentifier")) {
        const struct vs_xml_node *id = vs_xml_child(policy, xades, "Identifier");
        const char *text = "";
        if (id != NULL)
            VS_TRY(copy_token(r, id, &text));
        ret->oids[ret->n++] = vs_text_starts(text, "urn:oid:") ? text + 8 : text;
    }
    return VS_OK;
}

/* Lists of real life nest once; four levels are what a hostile one gets. */
static vs_rc read_criteria(struct reader *r, const struct vs_xml_node *node, int depth,
                           struct vs_criteria *ret)
{
    const char *assertion = vs_xml_attribute(node, "assert");
    ret->assertion = vs_text_equal(assertion, "atLeastOne") ? VS_CRITERIA_AT_LEAST_ONE
                     : vs_text_equal(assertion, "none")     ? VS_CRITERIA_NONE
                                                            : VS_CRITERIA_ALL;
    ret->key_usages = vs_arena_make_n(r->arena, struct vs_key_usage_criterion,
                                      count(node, SIE, "KeyUsage") + 1);
    ret->policies = vs_arena_make_n(r->arena, struct vs_policy_criterion,
                                    count(node, SIE, "PolicySet") + 1);
    ret->lists =
        vs_arena_make_n(r->arena, struct vs_criteria, count(node, SIE, "CriteriaList") + 1);
    if (ret->key_usages == NULL || ret->policies == NULL || ret->lists == NULL)
        return vs_fail_memory(r->err);
    const struct vs_xml_node *part = vs_xml_first(node);
    for (; part != NULL; part = vs_xml_next(part)) {
        if (vs_xml_is(part, SIE, "KeyUsage"))
            VS_TRY(
                read_key_usage(r, part, &ret->key_usages[ret->n_key_usages++], &ret->unknown));
        else if (vs_xml_is(part, SIE, "PolicySet"))
            VS_TRY(read_policies(r, part, &ret->policies[ret->n_policies++]));
        else if (vs_xml_is(part, SIE, "CriteriaList") && depth < 4)
            VS_TRY(read_criteria(r, part, depth + 1, &ret->lists[ret->n_lists++]));
        else if (!vs_xml_is(part, SIE, "Description"))
            ret->unknown = true;
    }
    return VS_OK;
}

static bool holds(const struct vs_key_usage_criterion *k,
                  const struct vs_criteria_subject *subject)
{
    return (subject->key_usage & k->mask) == k->value;
}

static bool has_policies(const struct vs_policy_criterion *p,
                         const struct vs_criteria_subject *subject)
{
    for (size_t i = 0; i < p->n; i++) {
        bool found = false;
        for (size_t k = 0; k < subject->n_policies && !found; k++)
            found = vs_text_equal(p->oids[i], subject->policies[k]);
        if (!found)
            return false;
    }
    return p->n > 0;
}

bool vs_criteria_hold(const struct vs_criteria *criteria,
                      const struct vs_criteria_subject *subject)
{
    size_t total = criteria->n_key_usages + criteria->n_policies + criteria->n_lists;
    size_t met = 0;
    if (criteria->unknown || total == 0)
        return false;
    for (size_t i = 0; i < criteria->n_key_usages; i++)
        met += holds(&criteria->key_usages[i], subject);
    for (size_t i = 0; i < criteria->n_policies; i++)
        met += has_policies(&criteria->policies[i], subject);
    for (size_t i = 0; i < criteria->n_lists; i++)
        met += vs_criteria_hold(&criteria->lists[i], subject);
    switch (criteria->assertion) {
    case VS_CRITERIA_ALL:
        return met == total;
    case VS_CRITERIA_AT_LEAST_ONE:
        return met > 0;
    default:
        return met == 0;
    }
}

unsigned vs_qualifiers_of(const struct vs_service_status *status,
                          const struct vs_criteria_subject *subject)
{
    unsigned all = 0;
    for (size_t i = 0; i < status->n_qualifications; i++)
        if (vs_criteria_hold(&status->qualifications[i].criteria, subject))
            all |= status->qualifications[i].qualifiers;
    return all;
}

/* -- services ------------------------------------------------------------------------------ */

static vs_rc read_qualification(struct reader *r, const struct vs_xml_node *element,
                                struct vs_qualification *ret)
{
    const struct vs_xml_node *qualifiers = vs_xml_child(element, SIE, "Qualifiers");
    const struct vs_xml_node *criteria = vs_xml_child(element, SIE, "CriteriaList");
    const struct vs_xml_node *q =
        qualifiers == NULL ? NULL : vs_xml_child(qualifiers, SIE, "Qualifier");
    for (; q != NULL; q = vs_xml_next_named(q, SIE, "Qualifier"))
        ret->qualifiers |= qualifier_of(vs_xml_attribute(q, "uri"));
    return criteria == NULL ? VS_OK : read_criteria(r, criteria, 0, &ret->criteria);
}

static vs_rc read_qualifications(struct reader *r, const struct vs_xml_node *node,
                                 struct vs_service_status *ret)
{
    if (ret->qualifications != NULL)
        return VS_OK; /* a second one would be a fault of the list: the first counts */
    size_t n = count(node, SIE, "QualificationElement");
    ret->qualifications = vs_arena_make_n(r->arena, struct vs_qualification, n + 1);
    if (ret->qualifications == NULL)
        return vs_fail_memory(r->err);
    const struct vs_xml_node *element = vs_xml_child(node, SIE, "QualificationElement");
    for (; element != NULL; element = vs_xml_next_named(element, SIE, "QualificationElement"))
        VS_TRY(read_qualification(r, element, &ret->qualifications[ret->n_qualifications++]));
    return VS_OK;
}

static vs_rc read_additional(struct reader *r, const struct vs_xml_node *node,
                             struct vs_service_status *ret)
{
    const char *uri;
    VS_TRY(token_of(r, node, "URI", &uri));
    struct vs_bytes text = vs_bytes_text(uri);
    ret->for_signatures |= vs_bytes_ends(text, "/ForeSignatures");
    ret->for_seals |= vs_bytes_ends(text, "/ForeSeals");
    ret->for_websites |= vs_bytes_ends(text, "/ForWebSiteAuthentication");
    return VS_OK;
}

static vs_rc read_extensions(struct reader *r, const struct vs_xml_node *info,
                             struct vs_service_status *ret)
{
    const struct vs_xml_node *list = vs_xml_child(info, TSL, "ServiceInformationExtensions");
    const struct vs_xml_node *extension =
        list == NULL ? NULL : vs_xml_child(list, TSL, "Extension");
    for (; extension != NULL; extension = vs_xml_next_named(extension, TSL, "Extension")) {
        const struct vs_xml_node *value = vs_xml_first(extension);
        for (; value != NULL; value = vs_xml_next(value)) {
            if (vs_xml_is(value, SIE, "Qualifications"))
                VS_TRY(read_qualifications(r, value, ret));
            else if (vs_xml_is(value, TSL, "AdditionalServiceInformation"))
                VS_TRY(read_additional(r, value, ret));
        }
    }
    return VS_OK;
}

static vs_rc read_status(struct reader *r, const struct vs_xml_node *info,
                         struct vs_service_status *ret)
{
    const char *type;
    VS_TRY(token_of(r, info, "ServiceTypeIdentifier", &type));
    VS_TRY(token_of(r, info, "ServiceStatus", &ret->uri));
    VS_TRY(time_of(r, info, "StatusStartingTime", &ret->from));
    VS_REFUSE_IF(ret->from == VS_TIME_NONE || ret->uri == NULL, r->err, VS_E_TRUST_LIST,
                 "TS 119 612, 5.5.5", "a service has no status or no starting time");
    ret->type = type_of(type);
    ret->granted = granted(ret->uri);
    return read_extensions(r, info, ret);
}

static vs_rc read_history(struct reader *r, const struct vs_xml_node *node,
                          struct vs_service *ret)
{
    const struct vs_xml_node *info = vs_xml_child(node, TSL, "ServiceInformation");
    const struct vs_xml_node *history = vs_xml_child(node, TSL, "ServiceHistory");
    size_t n = 1 + count(history, TSL, "ServiceHistoryInstance");
    ret->statuses = vs_arena_make_n(r->arena, struct vs_service_status, n);
    if (ret->statuses == NULL)
        return vs_fail_memory(r->err);
    VS_TRY(read_status(r, info, &ret->statuses[ret->n_statuses++]));
    const struct vs_xml_node *past =
        history == NULL ? NULL : vs_xml_child(history, TSL, "ServiceHistoryInstance");
    for (; past != NULL; past = vs_xml_next_named(past, TSL, "ServiceHistoryInstance"))
        VS_TRY(read_status(r, past, &ret->statuses[ret->n_statuses++]));
    /* Newest first is the standard's order (5.6); lists that break it are put in order. */
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && ret->statuses[k].from > ret->statuses[k - 1].from; k--) {
            struct vs_service_status other = ret->statuses[k];
            ret->statuses[k] = ret->statuses[k - 1];
            ret->statuses[k - 1] = other;
        }
    for (size_t i = 0; i < n; i++)
        ret->statuses[i].until = i == 0 ? INT64_MAX : ret->statuses[i - 1].from;
    return VS_OK;
}

static vs_rc read_service(struct reader *r, const struct vs_xml_node *node,
                          struct vs_service *ret)
{
    const struct vs_xml_node *info = vs_xml_child(node, TSL, "ServiceInformation");
    VS_REFUSE_IF(info == NULL, r->err, VS_E_TRUST_LIST, "TS 119 612, 5.5",
                 "a service without information");
    VS_TRY(name_of(r, info, "ServiceName", &ret->name));
    const struct vs_xml_node *identity = vs_xml_child(info, TSL, "ServiceDigitalIdentity");
    ret->certificates =
        vs_arena_make_n(r->arena, struct vs_bytes, count(identity, TSL, "DigitalId") + 1);
    if (ret->certificates == NULL)
        return vs_fail_memory(r->err);
    const struct vs_xml_node *id =
        identity == NULL ? NULL : vs_xml_child(identity, TSL, "DigitalId");
    for (; id != NULL; id = vs_xml_next_named(id, TSL, "DigitalId")) {
        const struct vs_xml_node *x509 = vs_xml_child(id, TSL, "X509Certificate");
        if (x509 != NULL)
            VS_TRY(vs_xml_base64(x509, r->arena, &ret->certificates[ret->n_certificates++],
                                 r->err));
    }
    VS_TRY(read_history(r, node, ret));
    ret->type = ret->statuses[0].type;
    return VS_OK;
}

static vs_rc read_provider(struct reader *r, const struct vs_xml_node *node,
                           struct vs_trust_list *list)
{
    const struct vs_xml_node *info = vs_xml_child(node, TSL, "TSPInformation");
    const struct vs_xml_node *services = vs_xml_child(node, TSL, "TSPServices");
    const char *provider = NULL;
    if (info != NULL)
        VS_TRY(name_of(r, info, "TSPName", &provider));
    const struct vs_xml_node *one =
        services == NULL ? NULL : vs_xml_child(services, TSL, "TSPService");
    for (; one != NULL; one = vs_xml_next_named(one, TSL, "TSPService")) {
        struct vs_service *service = &list->services[list->n_services++];
        service->provider = provider;
        service->territory = list->territory;
        VS_TRY(read_service(r, one, service));
    }
    return VS_OK;
}

static vs_rc read_providers(struct reader *r, const struct vs_xml_node *root,
                            struct vs_trust_list *list)
{
    const struct vs_xml_node *providers = vs_xml_child(root, TSL, "TrustServiceProviderList");
    const struct vs_xml_node *first =
        providers == NULL ? NULL : vs_xml_child(providers, TSL, "TrustServiceProvider");
    size_t n = 0;
    const struct vs_xml_node *tsp = first;
    for (; tsp != NULL; tsp = vs_xml_next_named(tsp, TSL, "TrustServiceProvider"))
        n += count(vs_xml_child(tsp, TSL, "TSPServices"), TSL, "TSPService");
    list->services = vs_arena_make_n(r->arena, struct vs_service, n + 1);
    if (list->services == NULL)
        return vs_fail_memory(r->err);
    for (tsp = first; tsp != NULL; tsp = vs_xml_next_named(tsp, TSL, "TrustServiceProvider"))
        VS_TRY(read_provider(r, tsp, list));
    return VS_OK;
}

static vs_rc read_scheme(struct reader *r, const struct vs_xml_node *root,
                         struct vs_trust_list *list)
{
    const struct vs_xml_node *scheme = vs_xml_child(root, TSL, "SchemeInformation");
    const char *version = NULL, *sequence = NULL;
    VS_REFUSE_IF(scheme == NULL, r->err, VS_E_TRUST_LIST, "TS 119 612, 5.3",
                 "no SchemeInformation");
    VS_TRY(token_of(r, scheme, "TSLVersionIdentifier", &version));
    VS_TRY(token_of(r, scheme, "TSLSequenceNumber", &sequence));
    VS_REFUSE_IF(!vs_u64_decode(vs_bytes_text(version), &list->version) || list->version < 3 ||
                     list->version > 6,
                 r->err, VS_E_TRUST_LIST, "TS 119 612, 5.3.1", "version %s is not known here",
                 version != NULL ? version : "(none)");
    if (!vs_u64_decode(vs_bytes_text(sequence), &list->sequence))
        list->sequence = 0;
    VS_TRY(token_of(r, scheme, "SchemeTerritory", &list->territory));
    VS_TRY(name_of(r, scheme, "SchemeOperatorName", &list->operator_name));
    VS_TRY(time_of(r, scheme, "ListIssueDateTime", &list->issued));
    const struct vs_xml_node *next = vs_xml_child(scheme, TSL, "NextUpdate");
    return time_of(r, next, "dateTime", &list->next_update);
}

vs_rc vs_trust_list_read(struct vs_arena *arena, struct vs_bytes text,
                         const struct vs_trust_list **ret, struct vs_error *err)
{
    VS_XML *xml = NULL;
    VS_TRY(vs_xml_parse(text, &vs_xml_limits_large, &xml, err));
    const struct vs_xml_node *root = vs_xml_root(xml);
    VS_REFUSE_IF(!vs_xml_is(root, TSL, "TrustServiceStatusList"), err, VS_E_TRUST_LIST,
                 "TS 119 612, 5.2", "the root is not TrustServiceStatusList");
    struct vs_trust_list *list = vs_arena_make(arena, struct vs_trust_list);
    if (list == NULL)
        return vs_fail_memory(err);
    struct reader r = {arena, err};
    VS_TRY(read_scheme(&r, root, list));
    VS_TRY(read_providers(&r, root, list));
    *ret = list;
    return VS_OK;
}

const struct vs_service_status *vs_service_at(const struct vs_service *service, vs_time_ms at)
{
    for (size_t i = 0; i < service->n_statuses; i++)
        if (at >= service->statuses[i].from)
            return &service->statuses[i];
    return NULL;
}
