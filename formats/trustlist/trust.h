/* trust.h - what is trusted: anchors from PEM and the services of trusted lists.
 *
 * A set is filled by one thread, then frozen: immutable, counted, read from any thread. An
 * anchor may be a root, an intermediate CA, or the end certificate itself (a listed TSA or OCSP
 * responder); a listed certificate needs no path and no validity check of its own. */
#ifndef VS_FORMATS_TRUSTLIST_TRUST_H
#define VS_FORMATS_TRUSTLIST_TRUST_H
#include "formats/base/base.h"

struct vs_trust;
struct vs_certificate;

enum vs_service_type {
    VS_SERVICE_ANCHOR, /* a PEM anchor: trusted for everything, accredited for nothing */
    VS_SERVICE_CA_QC,  /* issues qualified certificates */
    VS_SERVICE_CA_PKC, /* issues certificates */
    VS_SERVICE_OCSP,   /* OCSP, of qualified certificates or not */
    VS_SERVICE_CRL,
    VS_SERVICE_TSA_QTST, /* qualified time marks */
    VS_SERVICE_TSA,
    VS_SERVICE_OTHER,
};

/* One span of a service's history (TS 119 612, 5.5, 5.6). */
struct vs_service_status {
    vs_time_ms from, until; /* until: exclusive; INT64_MAX for the current one */
    bool granted;           /* granted, under supervision, accredited, recognised nationally */
    /* AdditionalServiceInformation and Qualifications, as bits */
    bool for_signatures, for_seals, for_websites; /* none set: all */
    struct vs_qualification *qualifications;
    size_t n_qualifications;
};

struct vs_service {
    enum vs_service_type type;
    const char *name; /* of the service, English where given */
    const char *provider;
    const char *territory;
    struct vs_certificate **certificates; /* its digital identities */
    size_t n_certificates;
    struct vs_service_status *statuses; /* newest first, at least one */
    size_t n_statuses;
};
#endif
