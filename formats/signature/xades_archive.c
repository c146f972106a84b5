#include "formats/signature/xades.h"
#include "formats/signature/xmldsig_priv.h"

struct archive {
    const struct vs_xades *x;
    const struct vs_c14n_options *c14n;
    struct vs_hasher *hasher;
    bool all_objects;
    struct vs_error *err;
};

static vs_rc add_node(struct archive *a, const struct vs_xml_node *node)
{
    struct vs_c14n_sink sink = vs_dsig_hash_sink(a->hasher);
    return vs_c14n(a->x->dsig.xml, node, a->c14n, &sink, a->err);
}

static vs_rc add_references(struct archive *a, const struct vs_dsig_resolver *resolver,
                            bool *ret_found)
{
    const struct vs_dsig *d = &a->x->dsig;
    *ret_found = true;
    for (size_t i = 0; i < d->n_signed_references && *ret_found; i++)
        VS_TRY(vs_dsig_hash_reference(d, &d->references[i], resolver, a->hasher, ret_found,
                                      a->err));
    return VS_OK;
}

static vs_rc add_signature_parts(struct archive *a)
{
    static const char *const parts[] = {"SignedInfo", "SignatureValue", "KeyInfo"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const struct vs_xml_node *part = vs_xml_child(a->x->node, VS_DSIG_NAMESPACE, parts[i]);
        if (part != NULL)
            VS_TRY(add_node(a, part));
    }
    return VS_OK;
}

static const struct vs_xml_node *xades_child(const struct vs_xml_node *node, const char *name)
{
    return node == NULL ? NULL : vs_xml_child(node, VS_XADES_NAMESPACE, name);
}

static const struct vs_xml_node *properties_in(const struct vs_xml_node *object)
{
    return xades_child(object, "QualifyingProperties");
}

static vs_rc add_unsigned_properties(struct archive *a, const struct vs_xml_node *mark)
{
    const struct vs_xml_node *object = vs_xml_child(a->x->node, VS_DSIG_NAMESPACE, "Object");
    while (object != NULL && properties_in(object) == NULL)
        object = vs_xml_next_named(object, VS_DSIG_NAMESPACE, "Object");
    const struct vs_xml_node *list =
        xades_child(xades_child(properties_in(object), "UnsignedProperties"),
                    "UnsignedSignatureProperties");
    const struct vs_xml_node *p = list == NULL ? NULL : vs_xml_first(list);
    for (; p != NULL && p != mark; p = vs_xml_next(p))
        VS_TRY(add_node(a, p));
    return VS_OK;
}

static bool is_referenced(const struct vs_xades *x, const struct vs_xml_node *node)
{
    for (size_t i = 0; i < x->dsig.n_signed_references; i++)
        if (x->dsig.references[i].node == node)
            return true;
    return false;
}

static vs_rc add_objects(struct archive *a)
{
    const struct vs_xml_node *object = vs_xml_child(a->x->node, VS_DSIG_NAMESPACE, "Object");
    for (; object != NULL; object = vs_xml_next_named(object, VS_DSIG_NAMESPACE, "Object"))
        if (properties_in(object) == NULL && (a->all_objects || !is_referenced(a->x, object)))
            VS_TRY(add_node(a, object));
    return VS_OK;
}

vs_rc vs_xades_archive_imprint(const struct vs_xades *xades, const struct vs_xml_node *mark,
                               const struct vs_c14n_options *c14n, bool all_objects,
                               enum vs_digest_algorithm algorithm,
                               const struct vs_dsig_resolver *resolver, struct vs_digest *ret,
                               bool *ret_known, struct vs_error *err)
{
    *ret_known = false;
    if (mark != NULL &&
        (xades_child(mark, "Include") != NULL || xades_child(mark, "ReferenceInfo") != NULL))
        return VS_OK;
    VS_HASHER *hasher = vs_hasher_new(algorithm);
    struct archive a = {
        .x = xades, .c14n = c14n, .hasher = hasher, .all_objects = all_objects, .err = err};
    VS_TRY(add_references(&a, resolver, ret_known));
    if (!*ret_known)
        return VS_OK;
    VS_TRY(add_signature_parts(&a));
    VS_TRY(add_unsigned_properties(&a, mark));
    VS_TRY(add_objects(&a));
    vs_hasher_finish(hasher, ret);
    return VS_OK;
}
