#include "formats/signature/xades_raise.h"
#include "formats/signature/xmldsig_priv.h"
#include "formats/xml/splice.h"

#define EXCLUSIVE "http://www.w3.org/2001/10/xml-exc-c14n#"
#define X132      "xmlns:xades=\"" VS_XADES_NAMESPACE "\""
#define X141      "xmlns:xades141=\"" VS_XADES_NAMESPACE_141 "\""
#define CANON                                                                                  \
    "<ds:CanonicalizationMethod xmlns:ds=\"" VS_DSIG_NAMESPACE "\" Algorithm=\"" EXCLUSIVE     \
    "\"></ds:CanonicalizationMethod>"

const struct vs_c14n_options vs_xades_mark_c14n = {.method = VS_C14N_EXCLUSIVE};

vs_rc vs_xades_mark_imprint(const struct vs_xades *xades, enum vs_digest_algorithm algorithm,
                            struct vs_digest *ret, struct vs_error *err)
{
    const struct vs_xades_timestamp mark = {.kind = VS_XADES_TS_SIGNATURE,
                                            .c14n = vs_xades_mark_c14n.method};
    bool known;
    return vs_xades_imprint(xades, &mark, algorithm, NULL, ret, &known, err);
}

/* -- what is added ------------------------------------------------------------------------- */

/* Values of one kind, and what is there of them already, in two lists. */
struct values {
    const char *around, *element;
    const struct vs_bytes *items;
    size_t n;
    const struct vs_bytes *there[2];
    size_t n_there[2];
};

static bool is_among(struct vs_bytes item, const struct vs_bytes *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (vs_bytes_equal(list[i], item))
            return true;
    return false;
}

/* Each new value once; nothing at all where none is new. */
static void put_values(struct vs_buffer *to, const struct values *v, const char *declare)
{
    bool any = false;
    for (size_t i = 0; i < v->n; i++) {
        if (is_among(v->items[i], v->there[0], v->n_there[0]) ||
            is_among(v->items[i], v->there[1], v->n_there[1]) ||
            is_among(v->items[i], v->items, i))
            continue;
        if (!any)
            vs_buffer_printf(to, "<xades:%s%s>", v->around, declare);
        any = true;
        vs_buffer_printf(to, "<xades:%s>", v->element);
        vs_buffer_base64(to, v->items[i]);
        vs_buffer_printf(to, "</xades:%s>", v->element);
    }
    if (any)
        vs_buffer_printf(to, "</xades:%s>", v->around);
}

static void put_data(struct vs_buffer *to, const struct vs_xades *x,
                     const struct vs_xades_validation_data *d, const char *declare)
{
    const struct values certificates = {"CertificateValues",
                                        "EncapsulatedX509Certificate",
                                        d->certificates,
                                        d->n_certificates,
                                        {x->certificates, x->dsig.certificates},
                                        {x->n_certificates, x->dsig.n_certificates}};
    const struct values crls = {
        "CRLValues", "EncapsulatedCRLValue", d->crls, d->n_crls, {x->crls}, {x->n_crls}};
    const struct values ocsp = {"OCSPValues",        "EncapsulatedOCSPValue",
                                d->ocsp_responses,   d->n_ocsp_responses,
                                {x->ocsp_responses}, {x->n_ocsp_responses}};
    VS_BUFFER revocation;
    vs_buffer_init(&revocation, to->max);
    put_values(to, &certificates, declare);
    put_values(&revocation, &crls, "");
    put_values(&revocation, &ocsp, "");
    if (revocation.len > 0) {
        vs_buffer_printf(to, "<xades:RevocationValues%s>", declare);
        vs_buffer_add(to, vs_buffer_view(&revocation));
        vs_buffer_text(to, "</xades:RevocationValues>");
    }
    to->failed = to->failed || revocation.failed;
}

static bool has_data(const struct vs_xades *x)
{
    for (size_t i = 0; i < x->n_timestamps; i++)
        if (x->timestamps[i].kind == VS_XADES_TS_ARCHIVE)
            return true;
    return x->n_certificates + x->n_crls + x->n_ocsp_responses > 0;
}

/* The values' own properties stand once in a signature (6.3); what comes later goes into
 * TimeStampValidationData. */
static void put_all_data(struct vs_buffer *to, const struct vs_xades *x,
                         const struct vs_xades_validation_data *data)
{
    if (!has_data(x)) {
        put_data(to, x, data, " " X132);
        return;
    }
    VS_BUFFER inner;
    vs_buffer_init(&inner, to->max);
    put_data(&inner, x, data, "");
    if (inner.len > 0) {
        vs_buffer_text(to, "<xades141:TimeStampValidationData " X141 " " X132 ">");
        vs_buffer_add(to, vs_buffer_view(&inner));
        vs_buffer_text(to, "</xades141:TimeStampValidationData>");
    }
    to->failed = to->failed || inner.failed;
}

static void put_mark(struct vs_buffer *to, const char *element, const char *declare,
                     struct vs_bytes token)
{
    if (token.len == 0)
        return;
    vs_buffer_printf(to, "<%s %s>" CANON "<xades:EncapsulatedTimeStamp>", element, declare);
    vs_buffer_base64(to, token);
    vs_buffer_printf(to, "</xades:EncapsulatedTimeStamp></%s>", element);
}

/* -- where it goes ------------------------------------------------------------------------- */

static const struct vs_xml_node *xades_child(const struct vs_xml_node *node, const char *name)
{
    return node == NULL ? NULL : vs_xml_child(node, VS_XADES_NAMESPACE, name);
}

static const struct vs_xml_node *qualifying_properties(const struct vs_xades *x)
{
    const struct vs_xml_node *object = vs_xml_child(x->node, VS_DSIG_NAMESPACE, "Object");
    while (object != NULL && xades_child(object, "QualifyingProperties") == NULL)
        object = vs_xml_next_named(object, VS_DSIG_NAMESPACE, "Object");
    return xades_child(object, "QualifyingProperties");
}

/* The deepest of the elements around unsigned properties that is there; the others are opened
 * in `before` and closed in `after`. */
static const struct vs_xml_node *place_of(const struct vs_xades *x, const char **before,
                                          const char **after)
{
    const struct vs_xml_node *qualifying = qualifying_properties(x);
    const struct vs_xml_node *outer = xades_child(qualifying, "UnsignedProperties");
    const struct vs_xml_node *inner = xades_child(outer, "UnsignedSignatureProperties");
    *before = *after = "";
    if (inner != NULL)
        return inner;
    if (outer != NULL) {
        *before = "<xades:UnsignedSignatureProperties " X132 ">";
        *after = "</xades:UnsignedSignatureProperties>";
        return outer;
    }
    *before = "<xades:UnsignedProperties " X132 "><xades:UnsignedSignatureProperties>";
    *after = "</xades:UnsignedSignatureProperties></xades:UnsignedProperties>";
    return qualifying;
}

vs_rc vs_xades_raise(struct vs_bytes text, const struct vs_xades_file *file, size_t signature,
                     const struct vs_xades_raising *raising, struct vs_buffer *to,
                     struct vs_error *err)
{
    VS_ASSERT(signature < file->n_signatures);
    const struct vs_xades *x = &file->signatures[signature];
    const char *before, *after;
    VS_BUFFER insertion;
    vs_buffer_init(&insertion, to->max);
    if (x->refusal.code != VS_E_NONE) {
        *err = x->refusal;
        return (vs_rc){err->code};
    }
    VS_REFUSE_IF(!x->has_properties, err, VS_E_SIGNATURE_FORM, "EN 319 132-1, 6.3",
                 "the signature has no signed qualifying properties");
    const struct vs_xml_node *place = place_of(x, &before, &after);
    vs_buffer_text(&insertion, before);
    put_mark(&insertion, "xades:SignatureTimeStamp", X132, raising->time_mark);
    if (raising->data != NULL)
        put_all_data(&insertion, x, raising->data);
    put_mark(&insertion, "xades141:ArchiveTimeStamp", X141 " " X132, raising->archive_mark);
    if (insertion.len == strlen(before)) { /* nothing is new */
        vs_buffer_add(to, text);
        return vs_buffer_check(to, err);
    }
    vs_buffer_text(&insertion, after);
    VS_TRY(vs_buffer_check(&insertion, err));
    return vs_xml_splice(text, file->xml, place, vs_buffer_view(&insertion), to, err);
}
