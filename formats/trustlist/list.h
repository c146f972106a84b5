/* list.h - reading a trusted list (ETSI TS 119 612, versions 5 and 6): its services, their
 * history and qualifiers.
 *
 * A list read here is readable, NOT yet trusted: who signed it is list_signature's matter, and
 * the caller's, who named the file. Certificates are kept as DER; unreadable ones are left to
 * trust.h, which says so.
 *
 * NOT DONE: TS 119 612, 5.5.9.2.2.3 (other criteria than key usage and policy): such a
 * criterion never holds. */
#ifndef VS_FORMATS_TRUSTLIST_LIST_H
#define VS_FORMATS_TRUSTLIST_LIST_H
#include "formats/base/base.h"

#define VS_TRUST_LIST_MAX_BYTES ((size_t)64 * 1024 * 1024)

enum vs_service_type {
    VS_SERVICE_OTHER,
    VS_SERVICE_CA_QC,    /* issues qualified certificates */
    VS_SERVICE_CA_PKC,   /* issues certificates */
    VS_SERVICE_OCSP,     /* of qualified certificates or not */
    VS_SERVICE_CRL,      /* of qualified certificates or not */
    VS_SERVICE_TSA_QTST, /* qualified time marks */
    VS_SERVICE_TSA,      /* other time marks */
};

/* Qualifiers of TS 119 612, 5.5.9.2.3, old and new names together. */
enum vs_qualifier {
    VS_QUALIFIER_STATEMENT = 1 << 0,     /* qualified, though the certificate may not say so */
    VS_QUALIFIER_NOT_QUALIFIED = 1 << 1, /* not qualified, whatever it says */
    VS_QUALIFIER_WITH_QSCD = 1 << 2,
    VS_QUALIFIER_NO_QSCD = 1 << 3,
    VS_QUALIFIER_QSCD_AS_IN_CERT = 1 << 4,
    VS_QUALIFIER_LEGAL_PERSON = 1 << 5,
    VS_QUALIFIER_FOR_ESIG = 1 << 6,
    VS_QUALIFIER_FOR_ESEAL = 1 << 7,
    VS_QUALIFIER_FOR_WSA = 1 << 8,
};

enum vs_criteria_assert { VS_CRITERIA_ALL, VS_CRITERIA_AT_LEAST_ONE, VS_CRITERIA_NONE };

/* Which certificates a qualification element is about (5.5.9.2.2). */
struct vs_criteria {
    enum vs_criteria_assert assertion;
    struct vs_key_usage_criterion {
        uint32_t mask, value; /* bits as in the certificate: bit 0 is digitalSignature */
    } * key_usages;
    size_t n_key_usages;
    struct vs_policy_criterion {
        const char **oids; /* all of them */
        size_t n;
    } * policies;
    size_t n_policies;
    struct vs_criteria *lists; /* nested */
    size_t n_lists;
    bool unknown; /* holds a criterion that is not understood: never fulfilled */
};

struct vs_qualification {
    unsigned qualifiers; /* enum vs_qualifier */
    struct vs_criteria criteria;
};

/* One span of a service's life (5.5.3 to 5.5.9, 5.6). */
struct vs_service_status {
    vs_time_ms from, until; /* until: exclusive; INT64_MAX for the current one */
    enum vs_service_type type;
    const char *uri; /* of the status, as written */
    bool granted;    /* granted, recognised, under supervision, accredited, in cessation */
    bool for_signatures, for_seals, for_websites; /* none set: all of them */
    struct vs_qualification *qualifications;
    size_t n_qualifications;
};

struct vs_service {
    enum vs_service_type type; /* of the current span */
    const char *name, *provider, *territory;
    struct vs_bytes *certificates; /* DER, the digital identities */
    size_t n_certificates;
    struct vs_service_status *statuses; /* newest first, at least one */
    size_t n_statuses;
};

struct vs_trust_list {
    const char *territory, *operator_name;
    uint64_t version, sequence;
    vs_time_ms issued, next_update; /* next_update: VS_TIME_NONE of a closed list */
    struct vs_service *services;
    size_t n_services;
};

/* `text` is not needed afterwards; everything else lives in `arena`.
 * Fails: VS_E_XML and its kin, VS_E_TRUST_LIST (not a list of a version known here). */
VS_NODISCARD vs_rc vs_trust_list_read(struct vs_arena *arena, struct vs_bytes text,
                                      const struct vs_trust_list **ret, struct vs_error *err);

/* The span at `at`, or NULL: before the service was listed. */
const struct vs_service_status *vs_service_at(const struct vs_service *service, vs_time_ms at);

/* What a certificate is asked by qualifications. */
struct vs_criteria_subject {
    uint32_t key_usage; /* 0: no such extension */
    const char *const *policies;
    size_t n_policies;
};
bool vs_criteria_hold(const struct vs_criteria *criteria,
                      const struct vs_criteria_subject *subject);
/* All qualifiers that apply. */
unsigned vs_qualifiers_of(const struct vs_service_status *status,
                          const struct vs_criteria_subject *subject);
#endif
