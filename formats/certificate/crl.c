#include "formats/certificate/crl.h"
#include "formats/certificate/verified.h"
#include "formats/crypto/der.h"

#define OID(text)                                                                              \
    {                                                                                          \
        (const uint8_t *)("" text), sizeof(text) - 1                                           \
    }
#define CE "\x55\x1d"

static const struct vs_bytes oid_authority_key = OID(CE "\x23"), oid_number = OID(CE "\x14"),
                             oid_point = OID(CE "\x1c"), oid_delta = OID(CE "\x1b"),
                             oid_expired = OID(CE "\x3c"), oid_reason = OID(CE "\x15"),
                             oid_entry_issuer = OID(CE "\x1d");

enum { NAMES_MAX = 32, SERIAL_MAX = 64 };

static vs_rc malformed(struct vs_error *err, const char *clause, const char *what)
{
    return vs_fail(err, VS_E_REVOCATION_DATA, clause, "CRL: %s", what);
}

/* -- extensions ---------------------------------------------------------------------------- */

/* RFC 5280, 5.2.5. Reasons [3] and indirect [4] make it a part of a list. */
static bool read_point(struct vs_crl *crl, struct vs_bytes value)
{
    struct vs_der der = vs_der_reader(value);
    struct vs_der point = vs_der_enter(&der, VS_DER_SEQUENCE);
    struct vs_bytes flag;
    vs_der_optional(&point, VS_DER_CONTEXT_CONSTRUCTED(0), &crl->point);
    bool *const flags[] = {&crl->only_user, &crl->only_ca, &crl->partial, &crl->partial,
                           &crl->only_attribute};
    for (uint8_t i = 1; i <= 5; i++) {
        if (!vs_der_optional(&point, (uint8_t)VS_DER_CONTEXT(i), &flag))
            continue;
        bool set = i == 3 || (flag.len == 1 && flag.ptr[0] != 0);
        *flags[i - 1] |= set;
    }
    vs_der_leave(&der, &point);
    return vs_der_done(&der);
}

static bool read_authority_key(struct vs_crl *crl, struct vs_bytes value)
{
    struct vs_der der = vs_der_reader(value);
    struct vs_der inner = vs_der_enter(&der, VS_DER_SEQUENCE);
    vs_der_optional(&inner, VS_DER_CONTEXT(0), &crl->authority_key_id);
    return !inner.failed && vs_der_done(&der);
}

static bool read_extension(struct vs_crl *crl, const struct vs_der_extension *one)
{
    struct vs_der der = vs_der_reader(one->value);
    if (vs_bytes_equal(one->oid, oid_point))
        return read_point(crl, one->value);
    if (vs_bytes_equal(one->oid, oid_authority_key))
        return read_authority_key(crl, one->value);
    if (vs_bytes_equal(one->oid, oid_number)) {
        crl->number = vs_der_take(&der, VS_DER_INTEGER);
        return vs_der_done(&der);
    }
    if (vs_bytes_equal(one->oid, oid_expired)) {
        crl->expired_certs = vs_der_generalized_time(&der, NULL);
        return vs_der_done(&der);
    }
    /* A delta, or something that may change the list's meaning: never used as a whole one. */
    if (one->critical || vs_bytes_equal(one->oid, oid_delta))
        crl->partial = true;
    return true;
}

static void read_extensions(struct vs_crl *crl, struct vs_der *tbs)
{
    struct vs_der wrapper = vs_der_enter(tbs, VS_DER_CONTEXT_CONSTRUCTED(0));
    struct vs_der list = vs_der_enter(&wrapper, VS_DER_SEQUENCE);
    for (struct vs_der_extension one = {0}; vs_der_extension(&list, &one);) {
        if (!read_extension(crl, &one))
            list.failed = true;
    }
    vs_der_leave(&wrapper, &list);
    vs_der_leave(tbs, &wrapper);
}

/* -- entries ------------------------------------------------------------------------------- */

struct entry {
    struct vs_bytes serial;
    vs_time_ms revoked_at;
    int reason;   /* -1: not said */
    bool foreign; /* of another CA, or critical and not understood */
};

static void read_entry_extensions(struct vs_der *at, struct entry *ret)
{
    struct vs_der list = vs_der_enter(at, VS_DER_SEQUENCE);
    for (struct vs_der_extension one = {0}; vs_der_extension(&list, &one);) {
        if (vs_bytes_equal(one.oid, oid_reason)) {
            struct vs_der inner = vs_der_reader(one.value);
            struct vs_bytes reason = vs_der_take(&inner, VS_DER_ENUMERATED);
            if (!vs_der_done(&inner) || reason.len != 1 || reason.ptr[0] > 10)
                list.failed = true;
            else
                ret->reason = reason.ptr[0];
        } else if (one.critical || vs_bytes_equal(one.oid, oid_entry_issuer)) {
            ret->foreign = true;
        }
    }
    vs_der_leave(at, &list);
}

static void read_entry(struct vs_der *list, struct entry *ret)
{
    struct vs_der one = vs_der_enter(list, VS_DER_SEQUENCE);
    *ret = (struct entry){.reason = -1};
    ret->serial = vs_der_take(&one, VS_DER_INTEGER);
    ret->revoked_at = vs_der_time(&one);
    if (vs_der_more(&one))
        read_entry_extensions(&one, ret);
    vs_der_leave(list, &one);
    if (ret->serial.len < 1 || ret->serial.len > SERIAL_MAX)
        list->failed = true;
}

/* Each is read once here, so that a lookup may stop at the first that fits. */
static bool check_entries(struct vs_crl *crl)
{
    struct vs_der list = vs_der_reader(crl->entries);
    for (; vs_der_more(&list); crl->n_entries++) {
        struct entry entry;
        read_entry(&list, &entry);
        /* Critical in an entry binds the whole list (RFC 5280, 5.3). */
        crl->partial |= entry.foreign;
    }
    return vs_der_done(&list);
}

/* -- the list ------------------------------------------------------------------------------ */

static vs_rc read_tbs(struct vs_crl *crl, struct vs_bytes outer_algorithm, struct vs_error *err)
{
    struct vs_der der = vs_der_reader(crl->tbs);
    struct vs_der tbs = vs_der_enter(&der, VS_DER_SEQUENCE);
    int64_t version = 0;
    if (vs_der_peek(&tbs) == VS_DER_INTEGER)
        version = vs_der_small(&tbs);
    struct vs_bytes algorithm = vs_der_whole(&tbs, VS_DER_SEQUENCE);
    crl->issuer = vs_der_whole(&tbs, VS_DER_SEQUENCE);
    crl->this_update = vs_der_time(&tbs);
    crl->next_update = VS_TIME_NONE;
    crl->expired_certs = VS_TIME_NONE;
    if (vs_der_peek(&tbs) == VS_DER_UTC_TIME || vs_der_peek(&tbs) == VS_DER_GENERALIZED_TIME)
        crl->next_update = vs_der_time(&tbs);
    vs_der_optional(&tbs, VS_DER_SEQUENCE, &crl->entries);
    if (vs_der_more(&tbs) && version == 1)
        read_extensions(crl, &tbs);
    if (!vs_der_done(&tbs) || !vs_der_done(&der) || version > 1)
        return malformed(err, "RFC 5280, 5.1.2", "a malformed TBSCertList");
    if (!vs_bytes_equal(algorithm, outer_algorithm))
        return malformed(err, "RFC 5280, 5.1.1.2", "two signature algorithms");
    if (crl->next_update != VS_TIME_NONE && crl->next_update < crl->this_update)
        return malformed(err, "RFC 5280, 5.1.2.5", "it ends before it begins");
    return check_entries(crl) ? VS_OK : malformed(err, "RFC 5280, 5.1.2.6", "its entries");
}

vs_rc vs_crl_decode(struct vs_arena *arena, struct vs_bytes der, const struct vs_crl **ret,
                    struct vs_error *err)
{
    if (der.len > VS_CRL_MAX_BYTES)
        return malformed(err, NULL, "over 64 MiB");
    struct vs_crl *crl = vs_arena_make(arena, struct vs_crl);
    if (crl == NULL)
        return vs_fail_memory(err);
    crl->der = der;
    struct vs_der at = vs_der_reader(der);
    struct vs_der whole = vs_der_enter(&at, VS_DER_SEQUENCE);
    crl->tbs = vs_der_whole(&whole, VS_DER_SEQUENCE);
    struct vs_bytes algorithm = vs_der_whole(&whole, VS_DER_SEQUENCE);
    crl->signature = vs_der_bits(&whole);
    vs_der_leave(&at, &whole);
    if (!vs_der_done(&at))
        return malformed(err, "RFC 5280, 5.1", "not exactly one list");
    (void)vs_signature_algorithm_by_der(algorithm, VS_DIGEST_NONE, &crl->signature_algorithm);
    VS_TRY(read_tbs(crl, algorithm, err));
    *ret = crl;
    return VS_OK;
}

vs_rc vs_crl_verify(const struct vs_crl *crl, const struct vs_certificate *issuer,
                    enum vs_crl_right *ret, struct vs_error *err)
{
    bool checked = vs_check_enabled(VS_E_REVOCATION_DATA);
    if (checked && !vs_name_equal(crl->issuer, issuer->subject)) {
        *ret = VS_CRL_WRONG_ISSUER;
        return VS_OK;
    }
    if (checked && issuer->has_key_usage && !(issuer->key_usage & VS_KU_CRL_SIGN)) {
        *ret = VS_CRL_NO_RIGHT;
        return VS_OK;
    }
    const struct vs_signed_object object = {.der = crl->der,
                                            .tbs = crl->tbs,
                                            .algorithm = crl->signature_algorithm,
                                            .signature = crl->signature};
    enum vs_signature_verdict verdict;
    VS_TRY(vs_verified(&object, issuer, &verdict, err));
    bool valid = verdict == VS_SIGNATURE_VALID || !checked;
    *ret = valid ? VS_CRL_BY_ISSUER : VS_CRL_BAD_SIGNATURE;
    return VS_OK;
}

/* -- looking up ---------------------------------------------------------------------------- */

/* Whether one of the names in `point` (a DistributionPointName's fullName) is in `names`. */
static bool shares_name(struct vs_bytes point, struct vs_bytes other)
{
    struct vs_der a = vs_der_reader(point);
    struct vs_der ours = vs_der_enter(&a, VS_DER_CONTEXT_CONSTRUCTED(0));
    for (int n = 0; vs_der_more(&ours) && n < NAMES_MAX; n++) {
        struct vs_bytes name = vs_der_element(&ours, NULL);
        struct vs_der b = vs_der_reader(other);
        struct vs_der theirs = vs_der_enter(&b, VS_DER_CONTEXT_CONSTRUCTED(0));
        while (!ours.failed && vs_der_more(&theirs))
            if (vs_bytes_equal(vs_der_element(&theirs, NULL), name))
                return true;
    }
    return false;
}

/* RFC 5280, 6.3.3 (b)(2)(i): a list of one distribution point speaks of the certificates that
 * name this point. */
static bool names_point(const struct vs_certificate *certificate, struct vs_bytes point)
{
    struct vs_der der = vs_der_reader(certificate->crl_points);
    struct vs_der list = vs_der_enter(&der, VS_DER_SEQUENCE);
    while (vs_der_more(&list)) {
        struct vs_der one = vs_der_enter(&list, VS_DER_SEQUENCE);
        struct vs_bytes name;
        if (vs_der_optional(&one, VS_DER_CONTEXT_CONSTRUCTED(0), &name) &&
            shares_name(point, name))
            return true;
    }
    return false;
}

static bool applies(const struct vs_crl *crl, const struct vs_certificate *certificate)
{
    if (!vs_check_enabled(VS_E_REVOCATION_DATA))
        return true;
    if (crl->partial || crl->only_attribute || (crl->only_user && certificate->is_ca) ||
        (crl->only_ca && !certificate->is_ca))
        return false;
    if (!vs_name_equal(crl->issuer, certificate->issuer))
        return false;
    return crl->point.len == 0 || names_point(certificate, crl->point);
}

bool vs_crl_find(const struct vs_crl *crl, const struct vs_certificate *certificate,
                 struct vs_statement *ret)
{
    if (!applies(crl, certificate))
        return false;
    *ret = (struct vs_statement){.status = VS_STATUS_GOOD,
                                 .revoked_at = VS_TIME_NONE,
                                 .reason = -1,
                                 .this_update = crl->this_update,
                                 .next_update = crl->next_update,
                                 .produced_at = crl->this_update,
                                 .archive_cutoff = crl->expired_certs};
    struct vs_der list = vs_der_reader(crl->entries);
    while (vs_der_more(&list)) {
        /* The serial number first: most entries are somebody else's. */
        struct vs_der at = list, one = vs_der_enter(&at, VS_DER_SEQUENCE);
        if (!vs_bytes_equal(vs_der_take(&one, VS_DER_INTEGER), certificate->serial)) {
            list = at;
            continue;
        }
        struct entry entry;
        read_entry(&list, &entry);
        if (entry.reason == VS_REASON_REMOVE_FROM_CRL)
            return true;
        ret->status =
            entry.reason == VS_REASON_CERTIFICATE_HOLD ? VS_STATUS_ON_HOLD : VS_STATUS_REVOKED;
        ret->revoked_at = entry.revoked_at;
        ret->reason = entry.reason;
        return true;
    }
    return true;
}
