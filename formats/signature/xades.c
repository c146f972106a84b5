#include "formats/signature/xades.h"
#include "formats/signature/xmldsig_priv.h"

#define X132 VS_XADES_NAMESPACE
#define X141 VS_XADES_NAMESPACE_141

enum { SIGNATURES = 64 };

/* One signature being read. */
struct reader {
    struct vs_arena *arena;
    struct vs_xades *x;
    struct vs_error *err;
    struct vs_list timestamps, certificates, ocsp_responses, crls;
};

static const struct vs_xml_node *child(const struct vs_xml_node *node, const char *name)
{
    return node == NULL ? NULL : vs_xml_child(node, X132, name);
}

static const struct vs_xml_node *next(const struct vs_xml_node *node, const char *name)
{
    return vs_xml_next_named(node, X132, name);
}

static bool is(const struct vs_xml_node *node, const char *name)
{
    return vs_xml_is(node, X132, name);
}

static vs_rc add_text(struct reader *r, struct vs_list *list, const struct vs_xml_node *node)
{
    const char *text;
    VS_TRY(vs_xml_token(node, r->arena, &text, r->err));
    const char **place = vs_list_add(list, r->arena, sizeof *place);
    if (place == NULL)
        return vs_fail_memory(r->err);
    *place = text;
    return VS_OK;
}

/* Every `name` among the children of `parent` (NULL: none), decoded. */
static vs_rc add_der(struct reader *r, struct vs_list *list, const struct vs_xml_node *parent,
                     const char *name)
{
    for (const struct vs_xml_node *n = child(parent, name); n != NULL; n = next(n, name)) {
        struct vs_bytes *place = vs_list_add(list, r->arena, sizeof *place);
        if (place == NULL)
            return vs_fail_memory(r->err);
        VS_TRY(vs_xml_base64(n, r->arena, place, r->err));
    }
    return VS_OK;
}

/* -- signed properties --------------------------------------------------------------------- */

static vs_rc read_certificate_reference(struct reader *r, const struct vs_xml_node *cert,
                                        struct vs_xades_certificate_reference *ret)
{
    const struct vs_xml_node *digest;
    VS_TRY(vs_xml_only_child(cert, X132, "CertDigest", &digest, r->err));
    /* Of an unknown method it names no certificate; the verdict says so. */
    enum vs_digest_algorithm algorithm;
    VS_TRY(vs_dsig_read_digest(digest, r->arena, &algorithm, &ret->digest, r->err));
    const struct vs_xml_node *v2 = child(cert, "IssuerSerialV2");
    if (v2 != NULL)
        VS_TRY(vs_xml_base64(v2, r->arena, &ret->issuer_serial, r->err));
    const struct vs_xml_node *v1 = child(cert, "IssuerSerial");
    if (v1 == NULL)
        return VS_OK;
    const struct vs_xml_node *issuer, *serial;
    VS_TRY(vs_xml_only_child(v1, VS_DSIG_NAMESPACE, "X509IssuerName", &issuer, r->err));
    VS_TRY(vs_xml_only_child(v1, VS_DSIG_NAMESPACE, "X509SerialNumber", &serial, r->err));
    VS_TRY(vs_xml_token(issuer, r->arena, &ret->issuer, r->err));
    return vs_xml_token(serial, r->arena, &ret->serial, r->err);
}

static vs_rc read_certificate_references(struct reader *r, const struct vs_xml_node *node)
{
    struct vs_list list = {0};
    for (const struct vs_xml_node *c = child(node, "Cert"); c != NULL; c = next(c, "Cert")) {
        struct vs_xades_certificate_reference *place =
            vs_list_add(&list, r->arena, sizeof *place);
        if (place == NULL)
            return vs_fail_memory(r->err);
        VS_TRY(read_certificate_reference(r, c, place));
    }
    r->x->certificate_references = list.items;
    r->x->n_certificate_references = list.n;
    return VS_OK;
}

static vs_rc read_policy(struct reader *r, const struct vs_xml_node *node)
{
    r->x->policy_id = "";
    const struct vs_xml_node *id = child(node, "SignaturePolicyId");
    if (id == NULL)
        return VS_OK;
    const struct vs_xml_node *object = child(id, "SigPolicyId");
    const struct vs_xml_node *identifier = child(object, "Identifier");
    if (identifier != NULL)
        VS_TRY(vs_xml_token(identifier, r->arena, &r->x->policy_id, r->err));
    const struct vs_xml_node *hash = child(id, "SigPolicyHash");
    enum vs_digest_algorithm algorithm;
    return hash == NULL
               ? VS_OK
               : vs_dsig_read_digest(hash, r->arena, &algorithm, &r->x->policy_digest, r->err);
}

static vs_rc read_roles(struct reader *r, const struct vs_xml_node *node)
{
    struct vs_list list = {0};
    const struct vs_xml_node *role = child(child(node, "ClaimedRoles"), "ClaimedRole");
    for (; role != NULL; role = next(role, "ClaimedRole"))
        if (vs_xml_first(role) == NULL) /* a role may be any XML: then it is not shown */
            VS_TRY(add_text(r, &list, role));
    r->x->claimed_roles = list.items;
    r->x->n_claimed_roles = list.n;
    return VS_OK;
}

static vs_rc read_signature_properties(struct reader *r, const struct vs_xml_node *node)
{
    struct vs_xades *x = r->x;
    for (const struct vs_xml_node *p = vs_xml_first(node); p != NULL; p = vs_xml_next(p)) {
        bool v2 = is(p, "SigningCertificateV2");
        if (is(p, "SigningTime"))
            VS_TRY(vs_xml_time(p, &x->signing_time, r->err));
        /* Where both are there, the newer one counts, wherever it stands. */
        if (v2 || (is(p, "SigningCertificate") && !x->certificate_v2))
            VS_TRY(read_certificate_references(r, p));
        x->certificate_v2 |= v2;
        if (is(p, "SignaturePolicyIdentifier"))
            VS_TRY(read_policy(r, p));
        if (is(p, "SignerRole") || is(p, "SignerRoleV2"))
            VS_TRY(read_roles(r, p));
    }
    return VS_OK;
}

static const struct vs_dsig_reference *reference_named(const struct vs_dsig *d, const char *uri)
{
    for (size_t i = 0; uri[0] == '#' && i < d->n_signed_references; i++)
        if (vs_text_equal(d->references[i].id, uri + 1))
            return &d->references[i];
    return NULL;
}

static vs_rc optional_text(struct reader *r, const struct vs_xml_node *node, const char **ret)
{
    return node == NULL ? VS_OK : vs_xml_token(node, r->arena, ret, r->err);
}

static vs_rc read_format(struct reader *r, struct vs_list *list, const struct vs_xml_node *node)
{
    struct vs_xades_data_format *f = vs_list_add(list, r->arena, sizeof *f);
    if (f == NULL)
        return vs_fail_memory(r->err);
    const char *uri = vs_xml_attribute(node, "ObjectReference");
    f->object_reference = uri == NULL ? "" : uri;
    f->reference = reference_named(&r->x->dsig, f->object_reference);
    VS_TRY(optional_text(r, child(node, "MimeType"), &f->media_type));
    VS_TRY(optional_text(r, child(node, "Description"), &f->description));
    return optional_text(r, child(child(node, "ObjectIdentifier"), "Identifier"),
                         &f->identifier);
}

static vs_rc read_timestamp(struct reader *r, const struct vs_xml_node *node,
                            enum vs_xades_timestamp_kind kind);

static vs_rc read_data_properties(struct reader *r, const struct vs_xml_node *node)
{
    struct vs_list formats = {0}, commitments = {0};
    for (const struct vs_xml_node *p = vs_xml_first(node); p != NULL; p = vs_xml_next(p)) {
        if (is(p, "DataObjectFormat"))
            VS_TRY(read_format(r, &formats, p));
        const struct vs_xml_node *commitment =
            is(p, "CommitmentTypeIndication") ? child(p, "CommitmentTypeId") : NULL;
        if (child(commitment, "Identifier") != NULL)
            VS_TRY(add_text(r, &commitments, child(commitment, "Identifier")));
        if (is(p, "AllDataObjectsTimeStamp"))
            VS_TRY(read_timestamp(r, p, VS_XADES_TS_ALL_DATA));
        if (is(p, "IndividualDataObjectsTimeStamp"))
            VS_TRY(read_timestamp(r, p, VS_XADES_TS_DATA));
    }
    r->x->data_formats = formats.items;
    r->x->n_data_formats = formats.n;
    r->x->commitments = commitments.items;
    r->x->n_commitments = commitments.n;
    return VS_OK;
}

/* -- unsigned properties ------------------------------------------------------------------- */

static vs_rc read_timestamp(struct reader *r, const struct vs_xml_node *node,
                            enum vs_xades_timestamp_kind kind)
{
    struct vs_xades_timestamp *t = vs_list_add(&r->timestamps, r->arena, sizeof *t);
    if (t == NULL)
        return vs_fail_memory(r->err);
    t->kind = kind;
    t->id = vs_xml_attribute(node, "Id");
    t->node = node;
    t->c14n = VS_C14N_10;
    const struct vs_xml_node *method =
        vs_xml_child(node, VS_DSIG_NAMESPACE, "CanonicalizationMethod");
    if (method != NULL)
        VS_TRY(vs_dsig_read_c14n(method, &t->c14n, &t->inclusive_prefixes, r->err));
    struct vs_list tokens = {0};
    VS_TRY(add_der(r, &tokens, node, "EncapsulatedTimeStamp"));
    t->tokens = tokens.items;
    t->n_tokens = tokens.n;
    return VS_OK;
}

static vs_rc read_certificate_values(struct reader *r, const struct vs_xml_node *node)
{
    return add_der(r, &r->certificates, node, "EncapsulatedX509Certificate");
}

static vs_rc read_revocation_values(struct reader *r, const struct vs_xml_node *node)
{
    VS_TRY(add_der(r, &r->crls, child(node, "CRLValues"), "EncapsulatedCRLValue"));
    return add_der(r, &r->ocsp_responses, child(node, "OCSPValues"), "EncapsulatedOCSPValue");
}

static vs_rc read_validation_data(struct reader *r, const struct vs_xml_node *node)
{
    for (const struct vs_xml_node *p = vs_xml_first(node); p != NULL; p = vs_xml_next(p)) {
        if (is(p, "CertificateValues"))
            VS_TRY(read_certificate_values(r, p));
        if (is(p, "RevocationValues"))
            VS_TRY(read_revocation_values(r, p));
    }
    return VS_OK;
}

static vs_rc read_counter_signature(struct reader *r, const struct vs_xml_node *node)
{
    (void)node;
    r->x->n_counter_signatures++;
    return VS_OK;
}

/* References to data that is elsewhere: known, and of no use here. */
static vs_rc read_nothing(struct reader *r, const struct vs_xml_node *node)
{
    (void)r, (void)node;
    return VS_OK;
}

static vs_rc read_signature_mark(struct reader *r, const struct vs_xml_node *node)
{
    return read_timestamp(r, node, VS_XADES_TS_SIGNATURE);
}
static vs_rc read_references_mark(struct reader *r, const struct vs_xml_node *node)
{
    return read_timestamp(r, node, VS_XADES_TS_REFERENCES);
}
static vs_rc read_archive_mark(struct reader *r, const struct vs_xml_node *node)
{
    return read_timestamp(r, node, VS_XADES_TS_ARCHIVE);
}

static const struct {
    const char *namespace, *name;
    vs_rc (*read)(struct reader *r, const struct vs_xml_node *node);
} unsigned_properties[] = {
    {X132, "SignatureTimeStamp", read_signature_mark},
    {X132, "CertificateValues", read_certificate_values},
    {X132, "AttrAuthoritiesCertValues", read_certificate_values},
    {X132, "RevocationValues", read_revocation_values},
    {X132, "AttributeRevocationValues", read_revocation_values},
    {X141, "TimeStampValidationData", read_validation_data},
    {X141, "AnyValidationData", read_validation_data},
    {X132, "ArchiveTimeStamp", read_archive_mark},
    {X141, "ArchiveTimeStamp", read_archive_mark},
    {X132, "SigAndRefsTimeStamp", read_references_mark},
    {X141, "SigAndRefsTimeStampV2", read_references_mark},
    {X132, "RefsOnlyTimeStamp", read_references_mark},
    {X141, "RefsOnlyTimeStampV2", read_references_mark},
    {X132, "CounterSignature", read_counter_signature},
    {X132, "CompleteCertificateRefs", read_nothing},
    {X141, "CompleteCertificateRefsV2", read_nothing},
    {X132, "CompleteRevocationRefs", read_nothing},
    {X132, "AttributeCertificateRefs", read_nothing},
    {X141, "AttributeCertificateRefsV2", read_nothing},
    {X132, "AttributeRevocationRefs", read_nothing},
};

static vs_rc read_unsigned(struct reader *r, const struct vs_xml_node *properties)
{
    const struct vs_xml_node *list =
        child(child(properties, "UnsignedProperties"), "UnsignedSignatureProperties");
    for (const struct vs_xml_node *p = list == NULL ? NULL : vs_xml_first(list); p != NULL;
         p = vs_xml_next(p)) {
        size_t i = 0, n = sizeof unsigned_properties / sizeof *unsigned_properties;
        while (i < n &&
               !vs_xml_is(p, unsigned_properties[i].namespace, unsigned_properties[i].name))
            i++;
        if (i < n)
            VS_TRY(unsigned_properties[i].read(r, p));
        else
            r->x->n_unknown_properties++;
    }
    return VS_OK;
}

/* -- the properties as a whole ------------------------------------------------------------- */

/* EN 319 132-1, 4.3.2 and 6.3: SignedProperties count only when exactly one reference has their
 * type and digests exactly this element (else they could have been put in by anybody). */
static vs_rc check_signed(struct reader *r, const struct vs_xml_node *signed_properties)
{
    size_t n = 0;
    for (size_t i = 0; i < r->x->dsig.n_signed_references; i++) {
        const struct vs_dsig_reference *f = &r->x->dsig.references[i];
        if (!vs_text_equal(f->type, VS_XADES_TYPE_PROPERTIES))
            continue;
        n++;
        bool exact = f->target == VS_DSIG_ELEMENT && f->node == signed_properties &&
                     !f->base64 && !f->enveloped && !f->without_signatures;
        VS_REFUSE_IF(!exact, r->err, VS_E_REFERENCE, "EN 319 132-1, 4.3.2",
                     "the signed properties are others than this signature's");
    }
    VS_REFUSE_IF(n != 1 && signed_properties != NULL, r->err, VS_E_REFERENCE,
                 "EN 319 132-1, 4.3.2", "signed properties that %zu references sign", n);
    return VS_OK;
}

/* The one xades:QualifyingProperties of the signature's own ds:Object elements, or NULL. */
static vs_rc find_properties(struct reader *r, const struct vs_xml_node **ret)
{
    const struct vs_xml_node *found = NULL;
    const struct vs_xml_node *object = vs_xml_child(r->x->node, VS_DSIG_NAMESPACE, "Object");
    for (; object != NULL; object = vs_xml_next_named(object, VS_DSIG_NAMESPACE, "Object")) {
        const struct vs_xml_node *p = child(object, "QualifyingProperties");
        for (; p != NULL; p = next(p, "QualifyingProperties")) {
            VS_REFUSE_IF(found != NULL, r->err, VS_E_SIGNATURE_FORM, "EN 319 132-1, 4.4",
                         "more than one QualifyingProperties");
            found = found == NULL ? p : found;
        }
    }
    const char *target = found == NULL ? NULL : vs_xml_attribute(found, "Target");
    bool ours = target != NULL && target[0] == '#' && vs_text_equal(target + 1, r->x->dsig.id);
    VS_REFUSE_IF(found != NULL && !ours, r->err, VS_E_SIGNATURE_FORM, "EN 319 132-1, 4.3.1",
                 "qualifying properties of another signature");
    *ret = found;
    return VS_OK;
}

static vs_rc read_properties(struct reader *r)
{
    const struct vs_xml_node *properties, *signed_properties = NULL;
    VS_TRY(find_properties(r, &properties));
    if (properties != NULL) {
        signed_properties = child(properties, "SignedProperties");
        VS_REFUSE_IF(signed_properties != NULL &&
                         next(signed_properties, "SignedProperties") != NULL,
                     r->err, VS_E_SIGNATURE_FORM, "EN 319 132-1, 4.3.2",
                     "more than one SignedProperties");
    }
    VS_TRY(check_signed(r, signed_properties));
    if (signed_properties != NULL) {
        r->x->has_properties = true;
        r->x->properties_id = vs_xml_attribute(signed_properties, "Id");
        const struct vs_xml_node *part = child(signed_properties, "SignedSignatureProperties");
        if (part != NULL)
            VS_TRY(read_signature_properties(r, part));
        part = child(signed_properties, "SignedDataObjectProperties");
        if (part != NULL)
            VS_TRY(read_data_properties(r, part));
    }
    return properties == NULL ? VS_OK : read_unsigned(r, properties);
}

/* -- what it amounts to -------------------------------------------------------------------- */

const char *vs_xades_level_text(enum vs_xades_level level)
{
    static const char *const names[] = {NULL, "XAdES-B-B", "XAdES-B-T", "XAdES-B-LT",
                                        "XAdES-B-LTA"};
    return names[level];
}

/* EN 319 132-1, 6.3, as far as it concerns what is there. */
static bool is_baseline(const struct vs_xades *x)
{
    if (!x->has_properties || x->signing_time == VS_TIME_NONE ||
        x->n_certificate_references == 0)
        return false;
    for (size_t i = 0; i < x->n_data_formats; i++)
        if (x->data_formats[i].reference == NULL || x->data_formats[i].media_type == NULL)
            return false;
    return true;
}

static bool has_mark(const struct vs_xades *x, enum vs_xades_timestamp_kind kind)
{
    for (size_t i = 0; i < x->n_timestamps; i++)
        if (x->timestamps[i].kind == kind && x->timestamps[i].n_tokens > 0)
            return true;
    return false;
}

static enum vs_xades_level level_of(const struct vs_xades *x)
{
    if (!is_baseline(x))
        return VS_XADES_NONE;
    if (!has_mark(x, VS_XADES_TS_SIGNATURE))
        return VS_XADES_B;
    if (x->n_ocsp_responses + x->n_crls == 0)
        return VS_XADES_T;
    return has_mark(x, VS_XADES_TS_ARCHIVE) ? VS_XADES_LTA : VS_XADES_LT;
}

static bool covers_document(const struct vs_xades_file *file, const struct vs_xades *x)
{
    const struct vs_xml_node *root = vs_xml_root(file->xml);
    if (file->in_container_form)
        return true;
    if (x->dsig.unsigned_content)
        return false;
    if (x->node == root)
        return true;
    for (size_t i = 0; i < x->dsig.n_signed_references; i++)
        if (x->dsig.references[i].node == root && !x->dsig.references[i].base64)
            return true;
    return false;
}

static vs_rc read_signature(struct vs_xades_file *file, const struct vs_xml_node *node,
                            struct vs_xades *x, struct vs_error *err)
{
    struct reader r = {.arena = file->arena, .x = x, .err = err};
    x->signing_time = VS_TIME_NONE;
    VS_TRY(vs_dsig_read(file->arena, file->xml, node, &x->dsig, err));
    VS_TRY(read_properties(&r));
    x->timestamps = r.timestamps.items;
    x->n_timestamps = r.timestamps.n;
    x->certificates = r.certificates.items;
    x->n_certificates = r.certificates.n;
    x->ocsp_responses = r.ocsp_responses.items;
    x->n_ocsp_responses = r.ocsp_responses.n;
    x->crls = r.crls.items;
    x->n_crls = r.crls.n;
    x->covers_document = covers_document(file, x);
    x->level = level_of(x);
    return VS_OK;
}

/* -- the file ------------------------------------------------------------------------------ */

static vs_rc add_signature(struct vs_xades_file *file, struct vs_list *list,
                           const struct vs_xml_node *node, struct vs_error *err)
{
    VS_REFUSE_IF(list->n >= SIGNATURES, err, VS_E_SIGNATURE_FORM, NULL,
                 "more than %d signatures in one file", SIGNATURES);
    struct vs_xades *x = vs_list_add(list, file->arena, sizeof *x);
    if (x == NULL)
        return vs_fail_memory(err);
    x->node = node;
    struct vs_error refusal;
    vs_rc rc = read_signature(file, node, x, &refusal);
    if (rc.code == VS_E_NOMEM)
        return vs_fail_memory(err);
    if (!vs_ok(rc))
        *x = (struct vs_xades){.node = node, .refusal = refusal, .signing_time = VS_TIME_NONE};
    return VS_OK;
}

static vs_rc read_all(struct vs_xades_file *file, struct vs_error *err)
{
    const struct vs_xml_node *root = vs_xml_root(file->xml), *last = NULL;
    struct vs_list list = {0};
    file->in_container_form = vs_xml_is(root, VS_ASIC_NAMESPACE, "XAdESSignatures");
    for (const struct vs_xml_node *n = root; n != NULL; n = vs_xml_walk(root, n)) {
        if (last != NULL && vs_xml_inside(n, last))
            continue; /* counter-signatures and what an enveloping signature holds */
        bool signature = vs_xml_is(n, VS_DSIG_NAMESPACE, "Signature");
        VS_REFUSE_IF(file->in_container_form && n != root && !signature, err,
                     VS_E_SIGNATURE_FORM, "EN 319 162-1, 4.4.3",
                     "line %ld: %s among signatures", vs_xml_line(n), vs_xml_name(n));
        if (!signature)
            continue;
        VS_TRY(add_signature(file, &list, n, err));
        last = n;
    }
    file->signatures = list.items;
    file->n_signatures = list.n;
    return VS_OK;
}

vs_rc vs_xades_read(struct vs_bytes text, const struct vs_xml_limits *limits,
                    struct vs_xades_file **ret, struct vs_error *err)
{
    VS_XADES *file = vs_heap_new(sizeof *file);
    VS_TRY(vs_xml_parse(text, limits, &file->xml, err));
    VS_TRY(vs_xml_ids_unique(file->xml, err));
    file->arena = vs_arena_new(text.len * 8 + ((size_t)1 << 20));
    if (file->arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(read_all(file, err));
    *ret = file;
    file = NULL;
    return VS_OK;
}

void vs_xades_free(struct vs_xades_file *file)
{
    if (file == NULL)
        return;
    vs_xml_free(file->xml);
    vs_arena_free(file->arena);
    vs_heap_free(file);
}

/* -- imprints ------------------------------------------------------------------------------ */

static vs_rc imprint_of_value(const struct vs_xades *x, const struct vs_xades_timestamp *t,
                              enum vs_digest_algorithm algorithm, struct vs_digest *ret,
                              struct vs_error *err)
{
    VS_HASHER *hasher = vs_hasher_new(algorithm);
    struct vs_c14n_options how = {.method = t->c14n,
                                  .inclusive_prefixes = t->inclusive_prefixes};
    struct vs_c14n_sink sink = vs_dsig_hash_sink(hasher);
    VS_TRY(vs_c14n(x->dsig.xml, x->dsig.value_node, &how, &sink, err));
    vs_hasher_finish(hasher, ret);
    return VS_OK;
}

vs_rc vs_xades_imprint(const struct vs_xades *xades, const struct vs_xades_timestamp *timestamp,
                       enum vs_digest_algorithm algorithm,
                       const struct vs_dsig_resolver *resolver, struct vs_digest *ret,
                       bool *ret_known, struct vs_error *err)
{
    const struct vs_dsig *d = &xades->dsig;
    *ret_known = false;
    if (timestamp->kind == VS_XADES_TS_SIGNATURE) {
        *ret_known = true;
        return imprint_of_value(xades, timestamp, algorithm, ret, err);
    }
    if (timestamp->kind == VS_XADES_TS_ARCHIVE) {
        struct vs_c14n_options how = {.method = timestamp->c14n,
                                      .inclusive_prefixes = timestamp->inclusive_prefixes};
        return vs_xades_archive_imprint(xades, timestamp->node, &how, false, algorithm,
                                        resolver, ret, ret_known, err);
    }
    if (timestamp->kind != VS_XADES_TS_ALL_DATA)
        return VS_OK;
    /* EN 319 132-1, 5.2.8.1: every reference but the one to the signed properties. */
    VS_ARENA *arena = vs_arena_new(d->n_signed_references * sizeof(size_t) + 64);
    size_t n = 0;
    size_t *wanted =
        arena == NULL ? NULL : vs_arena_make_n(arena, size_t, d->n_signed_references);
    if (wanted == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < d->n_signed_references; i++)
        if (!vs_text_equal(d->references[i].type, VS_XADES_TYPE_PROPERTIES))
            wanted[n++] = i;
    return vs_dsig_digest_references(d, wanted, n, resolver, algorithm, ret, ret_known, err);
}
