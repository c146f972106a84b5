#include "formats/validation/legal_class.h"
#include "formats/validation/process.h"
#include "formats/crypto/der.h"

enum { MAX_POLICIES = 32 };

static bool has(struct vs_context *context, const struct vs_certificate *c,
                enum vs_attribute which)
{
    return vs_name_attribute(context->arena, c->subject, which) != NULL;
}

/* A natural person is named by name, pseudonym or a personal number (EN 319 412-2, 4.2.4). */
static bool natural_person(struct vs_context *context, const struct vs_certificate *c)
{
    bool person = has(context, c, VS_NAME_SURNAME) || has(context, c, VS_NAME_GIVEN_NAME) ||
                  has(context, c, VS_NAME_PSEUDONYM);
    bool seal_only = (c->qc & VS_QC_TYPE_SEAL) != 0 && (c->qc & VS_QC_TYPE_SIGN) == 0;
    return person && !seal_only;
}

/* Art. 12.5, 3.3: whom the holder acts for, and as what. */
static bool authority_data(struct vs_context *context, const struct vs_certificate *c)
{
    bool organization = has(context, c, VS_NAME_ORGANIZATION_IDENTIFIER) ||
                        has(context, c, VS_NAME_ORGANIZATION);
    return organization &&
           (has(context, c, VS_NAME_TITLE) || has(context, c, VS_NAME_ORGANIZATION_IDENTIFIER));
}

/* The certificate's policies as dotted text, for a list's criteria. */
static size_t policies_of(struct vs_context *context, const struct vs_certificate *c,
                          const char **ret)
{
    size_t n = 0;
    struct vs_der der = vs_der_reader(c->policies);
    struct vs_der list = vs_der_enter(&der, VS_DER_SEQUENCE);
    while (vs_der_more(&list) && n < MAX_POLICIES) {
        struct vs_der information = vs_der_enter(&list, VS_DER_SEQUENCE);
        const char *text = vs_oid_text(context->arena, vs_der_oid(&information));
        if (text != NULL)
            ret[n++] = text;
    }
    return n;
}

/* What the services of the anchor say about the certificate at `at`. */
static unsigned qualifiers(struct vs_context *context, const struct vs_anchor *anchor,
                           const struct vs_certificate *c, vs_time_ms at)
{
    const char *policies[MAX_POLICIES];
    struct vs_criteria_subject subject = {.key_usage = c->key_usage, .policies = policies};
    unsigned all = 0;
    if (anchor->n_services == 0)
        return 0;
    subject.n_policies = policies_of(context, c, policies);
    for (size_t i = 0; i < anchor->n_services; i++) {
        const struct vs_service_status *status = vs_service_at(anchor->services[i], at);
        if (status != NULL && status->granted && status->type == VS_SERVICE_CA_QC)
            all |= vs_qualifiers_of(status, &subject);
    }
    return all;
}

/* Art. 3.2: accredited at issue and at the best signature time. */
static bool accredited(const struct vs_anchor *anchor, const struct vs_certificate *c,
                       vs_time_ms best)
{
    if (anchor->n_services == 0)
        return anchor->accredited;
    return vs_anchor_granted(anchor, VS_SERVICE_CA_QC, c->not_before) != NULL &&
           vs_anchor_granted(anchor, VS_SERVICE_CA_QC, best) != NULL;
}

void vs_legal_judge(struct vs_context *context, const struct vs_subject *subject,
                    const struct vs_anchor *anchor, struct vs_signature_report *report)
{
    const struct vs_certificate *c = subject->signer;
    struct vs_legal_facts facts = {.value_verifies = subject->value_verifies,
                                   .certificate = c != NULL};
    if (c != NULL) {
        vs_time_ms best = report->best_signature_time;
        unsigned q = anchor == NULL ? 0 : qualifiers(context, anchor, c, best);
        facts.natural_person = natural_person(context, c);
        facts.authority = authority_data(context, c);
        facts.accredited = anchor != NULL && accredited(anchor, c, best);
        facts.qualified =
            ((c->qc & VS_QC_COMPLIANCE) != 0 || (q & VS_QUALIFIER_STATEMENT) != 0) &&
            (q & VS_QUALIFIER_NOT_QUALIFIED) == 0;
        facts.certified_means =
            ((c->qc & VS_QC_SSCD) != 0 && (q & VS_QUALIFIER_NO_QSCD) == 0) ||
            (q & VS_QUALIFIER_WITH_QSCD) != 0;
        if (q & VS_QUALIFIER_LEGAL_PERSON)
            facts.natural_person = false;
    }
    report->qualified = facts.qualified;
    report->certified_means = facts.certified_means;
    report->accredited = facts.accredited;
    report->seal = c != NULL && !facts.natural_person;
    vs_legal_classify(context->arena, &facts, report);
}
