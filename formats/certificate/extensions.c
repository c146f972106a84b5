/* The extensions of RFC 5280, 4.2 and EN 319 412-5 that certificate.h knows. */
#include "formats/certificate/certificate_priv.h"

#define OID(text)                                                                              \
    {                                                                                          \
        (const uint8_t *)("" text), sizeof(text) - 1                                           \
    }
#define CE          "\x55\x1d"
#define PE          "\x2b\x06\x01\x05\x05\x07\x01"
#define KP          "\x2b\x06\x01\x05\x05\x07\x03"
#define ETSI_QCS    "\x04\x00\x8e\x46\x01"
#define ETSI_QCTYPE ETSI_QCS "\x06"

static bool read_key_usage(struct vs_certificate *c, struct vs_bytes value, bool critical)
{
    (void)critical;
    struct vs_der der = vs_der_reader(value);
    c->has_key_usage = true;
    c->key_usage = vs_der_named_bits(&der);
    return vs_der_done(&der);
}

static const struct {
    struct vs_bytes oid;
    uint32_t bit;
} usages[] = {
    {OID(KP "\x01"), VS_EKU_SERVER},        {OID(KP "\x02"), VS_EKU_CLIENT},
    {OID(KP "\x03"), VS_EKU_CODE},          {OID(KP "\x04"), VS_EKU_EMAIL},
    {OID(KP "\x08"), VS_EKU_TIME_STAMPING}, {OID(KP "\x09"), VS_EKU_OCSP_SIGNING},
    {OID(CE "\x25\x00"), VS_EKU_ANY},
};

static uint32_t usage_bit(struct vs_bytes oid)
{
    for (size_t i = 0; i < sizeof usages / sizeof *usages; i++)
        if (vs_bytes_equal(oid, usages[i].oid))
            return usages[i].bit;
    return VS_EKU_OTHER;
}

static bool read_extended_key_usage(struct vs_certificate *c, struct vs_bytes value,
                                    bool critical)
{
    struct vs_der der = vs_der_reader(value);
    struct vs_der list = vs_der_enter(&der, VS_DER_SEQUENCE);
    c->has_extended_key_usage = true;
    c->extended_key_usage_critical = critical;
    while (vs_der_more(&list)) {
        c->extended_key_usage |= usage_bit(vs_der_oid(&list));
        c->n_extended_key_usages++;
    }
    vs_der_leave(&der, &list);
    return vs_der_done(&der) && c->n_extended_key_usages > 0;
}

static bool read_basic_constraints(struct vs_certificate *c, struct vs_bytes value,
                                   bool critical)
{
    (void)critical;
    struct vs_der der = vs_der_reader(value);
    struct vs_der inner = vs_der_enter(&der, VS_DER_SEQUENCE);
    c->has_basic_constraints = true;
    /* An explicit FALSE is no DER, but CAs write it, and no reading of it is dangerous. */
    if (vs_der_peek(&inner) == VS_DER_BOOLEAN)
        c->is_ca = vs_der_boolean(&inner);
    if (vs_der_peek(&inner) == VS_DER_INTEGER)
        c->path_length = vs_der_small(&inner);
    vs_der_leave(&der, &inner);
    return vs_der_done(&der);
}

static bool read_authority_key_id(struct vs_certificate *c, struct vs_bytes value,
                                  bool critical)
{
    (void)critical;
    struct vs_bytes unused;
    struct vs_der der = vs_der_reader(value);
    struct vs_der inner = vs_der_enter(&der, VS_DER_SEQUENCE);
    vs_der_optional(&inner, VS_DER_CONTEXT(0), &c->authority_key_id);
    vs_der_optional(&inner, VS_DER_CONTEXT_CONSTRUCTED(1), &unused);
    vs_der_optional(&inner, VS_DER_CONTEXT(2), &unused);
    vs_der_leave(&der, &inner);
    return vs_der_done(&der);
}

static bool read_subject_key_id(struct vs_certificate *c, struct vs_bytes value, bool critical)
{
    (void)critical;
    struct vs_der der = vs_der_reader(value);
    c->subject_key_id = vs_der_take(&der, VS_DER_OCTET_STRING);
    return vs_der_done(&der);
}

static bool read_nocheck(struct vs_certificate *c, struct vs_bytes value, bool critical)
{
    (void)critical;
    struct vs_der der = vs_der_reader(value);
    c->ocsp_nocheck = vs_der_take(&der, VS_DER_NULL).len == 0;
    return vs_der_done(&der);
}

/* EN 319 412-5, 4.3.2: currency, amount, exponent. What cannot be read is a limit of nothing.
 */
static void read_limit(struct vs_certificate *c, struct vs_der *info)
{
    struct vs_der value = vs_der_enter(info, VS_DER_SEQUENCE);
    c->qc |= VS_QC_LIMIT;
    struct vs_bytes currency = VS_BYTES_NONE;
    if (vs_der_optional(&value, VS_DER_PRINTABLE_STRING, &currency) && currency.len == 3)
        memcpy(c->qc_limit_currency, currency.ptr, 3);
    else
        (void)vs_der_unsigned(&value, 2);
    int64_t amount = vs_der_small(&value), exponent = vs_der_small(&value);
    if (vs_der_done(&value)) {
        c->qc_limit_amount = amount;
        c->qc_limit_exponent = exponent;
    }
}

static void read_qc_types(struct vs_certificate *c, struct vs_der *info)
{
    static const struct vs_bytes types[] = {OID(ETSI_QCTYPE "\x01"), OID(ETSI_QCTYPE "\x02"),
                                            OID(ETSI_QCTYPE "\x03")};
    struct vs_der list = vs_der_enter(info, VS_DER_SEQUENCE);
    while (vs_der_more(&list)) {
        struct vs_bytes type = vs_der_oid(&list);
        for (unsigned i = 0; i < 3; i++)
            if (vs_bytes_equal(type, types[i]))
                c->qc |= (uint32_t)VS_QC_TYPE_SIGN << i;
    }
}

static bool read_qc_statements(struct vs_certificate *c, struct vs_bytes value, bool critical)
{
    (void)critical;
    static const struct vs_bytes compliance = OID(ETSI_QCS "\x01"),
                                 limit = OID(ETSI_QCS "\x02"), sscd = OID(ETSI_QCS "\x04"),
                                 type = OID(ETSI_QCS "\x06");
    c->qc_statements = value;
    struct vs_der der = vs_der_reader(value);
    struct vs_der list = vs_der_enter(&der, VS_DER_SEQUENCE);
    while (vs_der_more(&list)) {
        struct vs_der statement = vs_der_enter(&list, VS_DER_SEQUENCE);
        struct vs_bytes id = vs_der_oid(&statement);
        if (vs_bytes_equal(id, compliance))
            c->qc |= VS_QC_COMPLIANCE;
        else if (vs_bytes_equal(id, sscd))
            c->qc |= VS_QC_SSCD;
        else if (vs_bytes_equal(id, limit))
            read_limit(c, &statement);
        else if (vs_bytes_equal(id, type))
            read_qc_types(c, &statement);
        if (statement.failed)
            return false;
    }
    vs_der_leave(&der, &list);
    return vs_der_done(&der);
}

/* Kept whole, for whoever asks; that it is one element of DER is all that is checked here. */
#define KEEP(function, field)                                                                  \
    static bool function(struct vs_certificate *c, struct vs_bytes value, bool critical)       \
    {                                                                                          \
        (void)critical;                                                                        \
        struct vs_der der = vs_der_reader(value);                                              \
        c->field = vs_der_element(&der, NULL);                                                 \
        return vs_der_done(&der);                                                              \
    }
KEEP(keep_policies, policies)
KEEP(keep_name_constraints, name_constraints)
KEEP(keep_policy_constraints, policy_constraints)
KEEP(keep_inhibit_any_policy, inhibit_any_policy)
KEEP(keep_policy_mappings, policy_mappings)
KEEP(keep_subject_alt_name, subject_alt_name)
KEEP(keep_authority_info, authority_info)
KEEP(keep_crl_points, crl_points)

static const struct {
    struct vs_bytes oid;
    bool (*read)(struct vs_certificate *c, struct vs_bytes value, bool critical);
} known[] = {
    {OID(CE "\x0f"), read_key_usage},
    {OID(CE "\x25"), read_extended_key_usage},
    {OID(CE "\x13"), read_basic_constraints},
    {OID(CE "\x23"), read_authority_key_id},
    {OID(CE "\x0e"), read_subject_key_id},
    {OID(CE "\x20"), keep_policies},
    {OID(CE "\x1e"), keep_name_constraints},
    {OID(CE "\x24"), keep_policy_constraints},
    {OID(CE "\x36"), keep_inhibit_any_policy},
    {OID(CE "\x21"), keep_policy_mappings},
    {OID(CE "\x11"), keep_subject_alt_name},
    {OID(CE "\x1f"), keep_crl_points},
    {OID(PE "\x01"), keep_authority_info},
    {OID(PE "\x03"), read_qc_statements},
    {OID("\x2b\x06\x01\x05\x05\x07\x30\x01\x05"), read_nocheck},
};
enum { KNOWN = sizeof known / sizeof *known };

static vs_rc read_one(struct vs_certificate *c, const struct vs_der_extension *one,
                      struct vs_error *err)
{
    for (size_t i = 0; i < KNOWN; i++) {
        if (!vs_bytes_equal(one->oid, known[i].oid))
            continue;
        if (!known[i].read(c, one->value, one->critical))
            return vs_certificate_malformed(err, "RFC 5280, 4.2", "an extension's value");
        return VS_OK;
    }
    c->unknown_critical |= one->critical;
    return VS_OK;
}

vs_rc vs_certificate_read_extensions(struct vs_certificate *c, struct vs_der extensions,
                                     struct vs_error *err)
{
    struct vs_bytes seen[VS_DER_EXTENSIONS_MAX];
    size_t n = 0;
    for (struct vs_der_extension one = {0}; vs_der_extension(&extensions, &one);) {
        for (size_t i = 0; i < n; i++)
            if (vs_bytes_equal(seen[i], one.oid))
                return vs_certificate_malformed(err, "RFC 5280, 4.2", "an extension twice");
        seen[n++] = one.oid;
        VS_TRY(read_one(c, &one, err));
    }
    if (!vs_der_done(&extensions))
        return vs_certificate_malformed(err, "RFC 5280, 4.2", "its extensions, or over 64");
    return VS_OK;
}
