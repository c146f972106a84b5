#include "formats/certificate/identity.h"
#include "relay/centre/centre_priv.h"
#include <arpa/inet.h>

/* EN 319 411-1, 5.3: NCP, what certificates under careful issuing state. */
#define POLICY_NCP "0.4.0.2042.1.1"
#define POLICY_ANY "2.5.29.32.0"

/* Clause 12 of the law and EN 319 412-2, 4.3.2 keep signing keys to nonRepudiation alone.
 * Exactly one certificate has ocsp-nocheck. */
const struct service vs_centre_services[] = {
    {"root", VS_PURPOSE_ROOT, ROOT, VS_KU_KEY_CERT_SIGN | VS_KU_CRL_SIGN, 0, true, false, false,
     false, 7300, "Root"},
    {"issuing", VS_PURPOSE_CA, ROOT, VS_KU_KEY_CERT_SIGN | VS_KU_CRL_SIGN, 0, true, false,
     false, true, 3650, "Issuing Authority"},
    {"tsa", VS_PURPOSE_TSA, CA, VS_KU_DIGITAL_SIGNATURE | VS_KU_NON_REPUDIATION,
     VS_EKU_TIME_STAMPING, false, true, false, true, 1825, "Time-Stamping Authority"},
    {"ocsp", VS_PURPOSE_OCSP, CA, VS_KU_DIGITAL_SIGNATURE, VS_EKU_OCSP_SIGNING, false, false,
     true, false, 730, "OCSP Responder"},
    {"seal", VS_PURPOSE_SEAL, CA, VS_KU_NON_REPUDIATION, 0, false, false, false, true, 1095,
     "Seal"},
    {"evidence", VS_PURPOSE_EVIDENCE, CA, VS_KU_NON_REPUDIATION, 0, false, false, false, true,
     1095, "Evidence"},
    {"tls", -1, CA, VS_KU_DIGITAL_SIGNATURE, VS_EKU_SERVER, false, false, false, true, 397,
     "Server"},
};
const size_t vs_centre_n_services = sizeof vs_centre_services / sizeof vs_centre_services[0];

/* Addresses that stand in a certificate of `issuer`. */
struct addresses {
    char *ocsp, *issuer, *crl;
};

static vs_rc addresses_of(struct vs_centre *centre, struct vs_arena *arena,
                          enum authority issuer, struct addresses *ret, struct vs_error *err)
{
    const char *base = centre->settings.public_url, *name = authority_name(issuer);
    ret->issuer = vs_arena_printf(arena, "%s/certificates/%s.cer", base, name);
    ret->crl = vs_arena_printf(arena, "%s/crl/%s.crl", base, name);
    ret->ocsp = vs_arena_printf(arena, "%s/ocsp", base);
    if (ret->issuer == NULL || ret->crl == NULL || ret->ocsp == NULL)
        return vs_fail_memory(err);
    /* The OCSP signer is the issuing authority's: the root has lists only. */
    if (issuer == ROOT)
        ret->ocsp = NULL;
    return VS_OK;
}

/* The issuer's own validity bounds that of what it issues (the shell model that validators
 * use). */
static void set_validity(struct vs_centre *centre, enum authority issuer, int64_t days,
                         vs_time_ms now, struct vs_certificate_profile *profile)
{
    profile->not_before = now - now % VS_SECOND_MS;
    profile->not_after = profile->not_before + days * VS_DAY_MS;
    const struct vs_certificate *by = centre->authorities[issuer];
    if (by != NULL && profile->not_after > by->not_after)
        profile->not_after = by->not_after;
}

static vs_rc make(struct vs_centre *centre, enum authority issuer,
                  const struct vs_certificate_profile *profile, struct vs_bytes serial,
                  struct vs_bytes spki, struct vs_buffer *to, struct vs_error *err)
{
    const struct vs_certificate *by = centre->authorities[issuer];
    struct vs_signer signer;
    vs_keys_signer(centre->keys, authority_purpose(issuer), &signer);
    struct vs_issuer as = {by->subject, by->subject_key_id, &signer};
    return vs_certificate_make(profile, &as, serial, spki, to, err);
}

/* -- the service's own --------------------------------------------------------------------- */

#define NAMES_MAX 16

/* Host names and addresses of the TLS certificate (RFC 9525, 4.1). */
static vs_rc set_tls_names(struct vs_centre *centre, struct vs_arena *arena,
                           struct vs_certificate_profile *profile, struct vs_error *err)
{
    const char **names = vs_arena_make_n(arena, const char *, NAMES_MAX);
    struct vs_bytes *addresses = vs_arena_make_n(arena, struct vs_bytes, NAMES_MAX);
    if (names == NULL || addresses == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < centre->settings.n_tls_names && i < NAMES_MAX; i++) {
        const char *name = centre->settings.tls_names[i];
        uint8_t *octets = vs_arena_alloc(arena, 16);
        if (octets == NULL)
            return vs_fail_memory(err);
        if (inet_pton(AF_INET, name, octets) == 1)
            addresses[profile->n_addresses++] = VS_BYTES(octets, 4);
        else if (inet_pton(AF_INET6, name, octets) == 1)
            addresses[profile->n_addresses++] = VS_BYTES(octets, 16);
        else
            names[profile->n_dns_names++] = name;
    }
    profile->dns_names = names;
    profile->addresses = addresses;
    return VS_OK;
}

static size_t service_subject(struct vs_centre *centre, const struct service *service,
                              struct vs_arena *arena, struct vs_name_part part[4])
{
    size_t n = 0;
    part[n++] = (struct vs_name_part){VS_NAME_COUNTRY, centre->settings.country};
    part[n++] = (struct vs_name_part){VS_NAME_ORGANIZATION, centre->settings.name};
    if (centre->settings.identifier != NULL)
        part[n++] =
            (struct vs_name_part){VS_NAME_ORGANIZATION_IDENTIFIER,
                                  vs_identity_encode(arena, centre->settings.identifier)};
    part[n++] = (struct vs_name_part){
        VS_NAME_CN, vs_arena_printf(arena, "%s %s", centre->settings.name, service->title)};
    return n;
}

static vs_rc service_profile(struct vs_centre *centre, const struct service *service,
                             struct vs_arena *arena, vs_time_ms now,
                             struct vs_certificate_profile *profile, struct vs_error *err)
{
    static const char *const any[] = {POLICY_ANY}, *const ncp[] = {POLICY_NCP};
    bool self_signed = service->purpose == VS_PURPOSE_ROOT;
    struct addresses addresses;
    VS_TRY(addresses_of(centre, arena, service->issuer, &addresses, err));
    *profile = (struct vs_certificate_profile){
        .key_usage = service->key_usage,
        .extended_key_usage = service->extended_key_usage,
        .extended_key_usage_critical = service->critical_usage,
        .authority = service->authority,
        .path_length = self_signed ? -1 : 0,
        .policies = service->authority ? any : ncp,
        .n_policies = self_signed || service->purpose < 0 ? 0 : 1,
        .ocsp_url = service->statuses ? addresses.ocsp : NULL,
        .issuer_url = self_signed ? NULL : addresses.issuer,
        .crl_url = service->statuses ? addresses.crl : NULL,
        .ocsp_nocheck = service->nocheck,
    };
    set_validity(centre, service->issuer, service->days, now, profile);
    if (service->purpose < 0)
        VS_TRY(set_tls_names(centre, arena, profile, err));
    return VS_OK;
}

vs_rc vs_centre_make_service(struct vs_centre *centre, const struct service *service,
                             struct vs_key *key, struct vs_bytes serial, vs_time_ms now,
                             struct vs_buffer *to, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new((size_t)64 * 1024);
    if (arena == NULL)
        return vs_fail_memory(err);
    struct vs_name_part subject[4];
    struct vs_certificate_profile profile;
    VS_TRY(service_profile(centre, service, arena, now, &profile, err));
    profile.subject = subject;
    profile.n_subject = service_subject(centre, service, arena, subject);
    struct vs_bytes spki = vs_public_key_spki(vs_key_public(key));
    if (service->purpose != VS_PURPOSE_ROOT)
        return make(centre, service->issuer, &profile, serial, spki, to, err);
    struct vs_signer signer;
    vs_key_signer(key, &signer);
    struct vs_issuer self = {.signer = &signer};
    return vs_certificate_make(&profile, &self, serial, spki, to, err);
}

/* -- holders ------------------------------------------------------------------------------- */

const char *vs_centre_holder_profile(enum vs_holder_kind kind)
{
    static const char *const names[] = {"person", "organisation", "client"};
    VS_ASSERT((size_t)kind < sizeof names / sizeof names[0]);
    return names[kind];
}

struct subject {
    struct vs_name_part part[12];
    size_t n;
};

static void add(struct subject *subject, enum vs_attribute which, const char *text)
{
    if (text != NULL && text[0] != '\0')
        subject->part[subject->n++] = (struct vs_name_part){which, text};
}

/* Art. 12.1.3: a pseudonym is marked as one, for whoever reads only the common name. */
static void holder_subject(struct vs_centre *centre, struct vs_arena *arena,
                           const struct vs_holder *holder, struct subject *subject)
{
    const char *common = holder->common_name;
    if (holder->pseudonym != NULL)
        common = vs_arena_printf(arena, "%s (təxəllüs / pseudonym)", common);
    add(subject, VS_NAME_COUNTRY, centre->settings.country);
    add(subject, VS_NAME_ORGANIZATION, holder->organisation);
    if (holder->organisation_identifier != NULL)
        add(subject, VS_NAME_ORGANIZATION_IDENTIFIER,
            vs_identity_encode(arena, holder->organisation_identifier));
    add(subject, VS_NAME_TITLE, holder->title);
    add(subject, VS_NAME_SURNAME, holder->surname);
    add(subject, VS_NAME_GIVEN_NAME, holder->given_name);
    add(subject, VS_NAME_PSEUDONYM, holder->pseudonym);
    if (holder->person_identifier != NULL)
        add(subject, VS_NAME_SERIAL_NUMBER,
            vs_identity_encode(arena, holder->person_identifier));
    add(subject, VS_NAME_CN, common);
}

vs_rc vs_centre_make_holder(struct vs_centre *centre, struct vs_arena *arena,
                            const struct vs_holder *holder, struct vs_bytes spki,
                            struct vs_bytes serial, vs_time_ms now, struct vs_buffer *to,
                            struct vs_error *err)
{
    static const char *const ncp[] = {POLICY_NCP};
    struct subject subject = {.n = 0};
    holder_subject(centre, arena, holder, &subject);
    struct addresses addresses;
    VS_TRY(addresses_of(centre, arena, CA, &addresses, err));
    bool client = holder->kind == VS_HOLDER_CLIENT;
    struct vs_certificate_profile profile = {
        .subject = subject.part,
        .n_subject = subject.n,
        .key_usage = client ? VS_KU_DIGITAL_SIGNATURE : VS_KU_NON_REPUDIATION,
        .extended_key_usage = client ? VS_EKU_CLIENT : 0,
        .policies = ncp,
        .n_policies = client ? 0 : 1,
        .ocsp_url = addresses.ocsp,
        .issuer_url = addresses.issuer,
        .crl_url = addresses.crl,
        .email = holder->email,
    };
    set_validity(centre, CA, holder->days > 0 ? holder->days : 365, now, &profile);
    return make(centre, CA, &profile, serial, spki, to, err);
}
