#include "formats/validation/legal_class.h"
#include "formats/validation/reasons.h"

const char *vs_legal_class_text(enum vs_legal_class c)
{
    static const char *const texts[] = {"none",     "not-determined", "simple",
                                        "enhanced", "qualified",      "qualified-authority"};
    return texts[c];
}

/* Art. 12.9 names why a certificate does not hold; these verdicts are those grounds. */
static const char *ground_12_9(enum vs_sub_indication sub)
{
    switch (sub) {
    case VS_SUB_REVOKED:
    case VS_SUB_REVOKED_NO_POE:
        return "the certificate was suspended or revoked at the time that counts";
    case VS_SUB_REVOKED_CA_NO_POE:
        return "the issuer's certificate was revoked";
    case VS_SUB_EXPIRED:
    case VS_SUB_OUT_OF_BOUNDS_NO_POE:
    case VS_SUB_OUT_OF_BOUNDS_NOT_REVOKED:
        return "the certificate had expired, or its force at the time of signing is unproved";
    case VS_SUB_NOT_YET_VALID:
        return "the certificate was not yet in force";
    case VS_SUB_NO_CERTIFICATE_CHAIN_FOUND:
        return "the certificate's issuer is not known here";
    case VS_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE:
        return "the issuer's signature on the certificate does not verify";
    case VS_SUB_CHAIN_CONSTRAINTS_FAILURE:
        return "the certificate was used outside the relations written in it";
    case VS_SUB_NO_SIGNING_CERTIFICATE_FOUND:
        return "there is no certificate (Art. 5.5)";
    default:
        return NULL;
    }
}

/* The class of a signature whose verdict is, or becomes, TOTAL-PASSED. */
static enum vs_legal_class class_when_passed(struct vs_arena *arena,
                                             const struct vs_legal_facts *facts,
                                             struct vs_reasons *lacks)
{
    if (!facts->certificate) {
        vs_reason_add(arena, lacks, "Art. 1.1.6", "no certificate identifies the holder");
        return VS_LEGAL_SIMPLE;
    }
    size_t before = lacks->n;
    if (!facts->natural_person)
        vs_reason_add(arena, lacks, "Art. 3.2", "the holder is not a natural person: a seal");
    if (!facts->accredited)
        vs_reason_add(arena, lacks, "Art. 3.2",
                      "the issuer is not known as accredited at issue and at signing");
    if (!facts->qualified)
        vs_reason_add(arena, lacks, "Art. 1.1.12", "the certificate is not a qualified one");
    if (!facts->certified_means)
        vs_reason_add(arena, lacks, "Art. 3.2", "certified signature means are not shown");
    if (lacks->n > before)
        return VS_LEGAL_ENHANCED;
    if (!facts->authority) {
        vs_reason_add(arena, lacks, "Art. 3.3", "the certificate holds no authority data");
        return VS_LEGAL_QUALIFIED;
    }
    return VS_LEGAL_QUALIFIED_AUTHORITY;
}

static void set_stages(const struct vs_legal_facts *facts, struct vs_signature_report *report)
{
    enum vs_sub_indication sub = report->verdict.sub;
    bool passed = report->verdict.indication == VS_PASSED;
    struct vs_stages *stages = &report->stages;
    stages->data_match = facts->certificate ? VS_PASSED : VS_INDETERMINATE;
    stages->certificate_holds = passed ? VS_PASSED : VS_INDETERMINATE;
    if (sub == VS_SUB_REVOKED || sub == VS_SUB_EXPIRED || sub == VS_SUB_NOT_YET_VALID)
        stages->certificate_holds = VS_FAILED;
    stages->signature_verifies = facts->value_verifies ? VS_PASSED : VS_INDETERMINATE;
    if (sub == VS_SUB_HASH_FAILURE || sub == VS_SUB_SIG_CRYPTO_FAILURE ||
        sub == VS_SUB_FORMAT_FAILURE)
        stages->signature_verifies = VS_FAILED;
}

void vs_legal_classify(struct vs_arena *arena, const struct vs_legal_facts *facts,
                       struct vs_signature_report *report)
{
    enum vs_sub_indication sub = report->verdict.sub;
    struct vs_reasons *lacks = &report->legal_lacks;
    set_stages(facts, report);
    if (report->verdict.indication == VS_PASSED) {
        report->legal_class = class_when_passed(arena, facts, lacks);
        report->legal_reach = report->legal_class;
        return;
    }
    const char *ground = ground_12_9(sub);
    if (facts->value_verifies && ground != NULL) {
        vs_reason_add(arena, lacks, "Art. 12.9", "%s", ground);
        report->legal_class = report->legal_reach = VS_LEGAL_SIMPLE;
        return;
    }
    if (report->verdict.indication == VS_FAILED) {
        report->legal_class = report->legal_reach = VS_LEGAL_NONE;
        vs_reason_add(arena, lacks, "Art. 5.3", "%s", vs_sub_indication_meaning(sub));
        return;
    }
    vs_reason_add(arena, lacks, "Art. 5.3", "%s", vs_sub_indication_meaning(sub));
    report->legal_class = VS_LEGAL_NOT_DETERMINED;
    report->legal_reach = class_when_passed(arena, facts, lacks);
}
