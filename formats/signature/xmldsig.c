#include "formats/signature/xmldsig_priv.h"

#define XADES_NAMESPACE "http://uri.etsi.org/01903/v1.3.2#"

/* A container has fewer than 1,000 files; every reference into the document costs its
 * canonicalisation. */
enum {
    REFERENCES = 1024,
    REFERENCES_INSIDE = 64,
    SIGNED_INFO_MAX = 16 << 20,
    VALUE_MAX = 8192
};

/* -- reading ------------------------------------------------------------------------------- */

/* SignedInfo, SignatureValue, KeyInfo?, Object*: nothing else, in this order. */
static vs_rc check_children(const struct vs_xml_node *node, struct vs_error *err)
{
    static const char *const order[] = {"SignedInfo", "SignatureValue", "KeyInfo", "Object"};
    size_t next = 0;
    for (const struct vs_xml_node *c = vs_xml_first(node); c != NULL; c = vs_xml_next(c)) {
        size_t i = 0;
        while (i < 4 && !vs_xml_is(c, VS_DSIG_NAMESPACE, order[i]))
            i++;
        bool fits = i == next || (i == 3 && next >= 2);
        VS_REFUSE_IF(i == 4 || !fits, err, VS_E_SIGNATURE_FORM, "XMLDSig, 4.2",
                     "line %ld: %s out of place", vs_xml_line(c), vs_xml_name(c));
        next = i == 3 ? 3 : i + 1;
    }
    return VS_OK;
}

/* Comments split texts for some readers. What a signature says itself has none; in the content
 * of a ds:Object, which is somebody's data, they are judged where a reference signs it. */
static vs_rc check_comments(const struct vs_xml_node *node, struct vs_error *err)
{
    for (const struct vs_xml_node *c = vs_xml_first(node); c != NULL; c = vs_xml_next(c)) {
        const struct vs_xml_node *own = c;
        if (vs_xml_is(c, VS_DSIG_NAMESPACE, "Object")) {
            own = vs_xml_first(c);
            while (own != NULL && strcmp(vs_xml_name(own), "QualifyingProperties") != 0)
                own = vs_xml_next(own);
        }
        if (own != NULL)
            VS_TRY(vs_xml_refuse_comments(own, err));
    }
    return VS_OK;
}

static vs_rc read_method(const struct vs_xml_node *info, struct vs_dsig *d,
                         struct vs_error *err)
{
    const struct vs_xml_node *method;
    VS_TRY(vs_xml_only_child(info, VS_DSIG_NAMESPACE, "SignatureMethod", &method, err));
    const char *uri = vs_xml_attribute(method, "Algorithm");
    d->algorithm_uri = uri == NULL ? "" : uri;
    bool known = vs_signature_algorithm_by_uri(vs_bytes_text(d->algorithm_uri), &d->algorithm);
    VS_REFUSE_IF(!known, err, VS_E_ALGORITHM, NULL,
                 "line %ld: a signature algorithm that is not accepted", vs_xml_line(method));
    /* HMACOutputLength and its kin: lengths and keys of the attacker's choice. */
    VS_REFUSE_IF(vs_xml_first(method) != NULL, err, VS_E_ALGORITHM, NULL,
                 "line %ld: a parameter of the signature algorithm", vs_xml_line(method));
    return VS_OK;
}

/* One file named again and again would be digested again and again. */
static vs_rc check_repetition(const struct vs_list *list, const struct vs_dsig_reference *r,
                              struct vs_error *err)
{
    const struct vs_dsig_reference *before = list->items;
    size_t inside = r->target != VS_DSIG_OUTSIDE;
    for (size_t i = 0; i < list->n; i++) {
        inside += before[i].target != VS_DSIG_OUTSIDE;
        VS_REFUSE_IF(r->target == VS_DSIG_OUTSIDE && before[i].target == VS_DSIG_OUTSIDE &&
                         before[i].in_manifest == r->in_manifest &&
                         vs_bytes_equal(before[i].name, r->name),
                     err, VS_E_REFERENCE, NULL, "two references to one file");
    }
    VS_REFUSE_IF(inside > REFERENCES_INSIDE, err, VS_E_REFERENCE, NULL,
                 "more than %d references into the document", REFERENCES_INSIDE);
    return VS_OK;
}

static vs_rc add_reference(struct vs_arena *arena, const struct vs_dsig *d,
                           const struct vs_xml_node *node, struct vs_list *list,
                           const size_t *manifest, struct vs_error *err)
{
    VS_REFUSE_IF(list->n >= REFERENCES, err, VS_E_REFERENCE, NULL, "more than %d references",
                 REFERENCES);
    struct vs_dsig_reference r;
    VS_TRY(vs_dsig_read_reference(arena, d, node, &r, err));
    r.in_manifest = manifest != NULL;
    r.manifest_of = manifest == NULL ? 0 : *manifest;
    VS_TRY(check_repetition(list, &r, err));
    struct vs_dsig_reference *place = vs_list_add(list, arena, sizeof r);
    if (place == NULL)
        return vs_fail_memory(err);
    *place = r;
    return VS_OK;
}

static vs_rc read_references(struct vs_arena *arena, struct vs_dsig *d,
                             const struct vs_xml_node *info, struct vs_list *list,
                             struct vs_error *err)
{
    const struct vs_xml_node *c = vs_xml_first(info);
    for (size_t i = 0; c != NULL; c = vs_xml_next(c), i++) {
        static const char *const head[] = {"CanonicalizationMethod", "SignatureMethod"};
        bool fits = vs_xml_is(c, VS_DSIG_NAMESPACE, i < 2 ? head[i] : "Reference");
        VS_REFUSE_IF(!fits, err, VS_E_SIGNATURE_FORM, "XMLDSig, 4.4",
                     "line %ld: %s out of place", vs_xml_line(c), vs_xml_name(c));
        if (i >= 2 && fits)
            VS_TRY(add_reference(arena, d, c, list, NULL, err));
    }
    VS_REFUSE_IF(list->n == 0, err, VS_E_SIGNATURE_FORM, "XMLDSig, 4.4",
                 "a signature over nothing");
    return VS_OK;
}

/* A signed ds:Manifest is a list of further references: its own digest says nothing about what
 * they name, so they are checked like those of SignedInfo. Manifests in manifests are not. */
static vs_rc read_manifests(struct vs_arena *arena, struct vs_dsig *d, struct vs_list *list,
                            struct vs_error *err)
{
    for (size_t i = 0; i < d->n_signed_references; i++) {
        const struct vs_dsig_reference *r = (struct vs_dsig_reference *)list->items + i;
        const struct vs_xml_node *manifest = r->node;
        if (!vs_text_equal(r->type, VS_DSIG_TYPE_MANIFEST) || manifest == NULL)
            continue;
        VS_REFUSE_IF(!vs_xml_is(manifest, VS_DSIG_NAMESPACE, "Manifest"), err, VS_E_REFERENCE,
                     "XMLDSig, 5.1", "a manifest that is none");
        const struct vs_xml_node *c = vs_xml_child(manifest, VS_DSIG_NAMESPACE, "Reference");
        for (; c != NULL; c = vs_xml_next_named(c, VS_DSIG_NAMESPACE, "Reference"))
            VS_TRY(add_reference(arena, d, c, list, &i, err));
    }
    return VS_OK;
}

static bool is_signed(const struct vs_list *list, const struct vs_xml_node *node)
{
    const struct vs_dsig_reference *r = list->items;
    for (size_t i = 0; i < list->n; i++)
        if (r[i].target == VS_DSIG_ELEMENT && r[i].node != NULL &&
            vs_xml_inside(node, r[i].node))
            return true;
    return false;
}

/* An enveloped signature is left out of what it signs, and so is what lies in its ds:Object:
 * content there must be signed by a reference of its own, or anybody may have put it there. The
 * unsigned part of the qualifying properties is what XAdES allows (xades.c reads it). */
static bool has_unsigned_content(const struct vs_dsig *d, const struct vs_list *list)
{
    const struct vs_xml_node *object = vs_xml_child(d->node, VS_DSIG_NAMESPACE, "Object");
    for (; object != NULL; object = vs_xml_next_named(object, VS_DSIG_NAMESPACE, "Object"))
        for (const struct vs_xml_node *c = vs_xml_first(object); c != NULL; c = vs_xml_next(c))
            if (!vs_xml_is(c, XADES_NAMESPACE, "QualifyingProperties") && !is_signed(list, c))
                return true;
    return false;
}

static vs_rc read_key_info(struct vs_arena *arena, struct vs_dsig *d, struct vs_error *err)
{
    const struct vs_xml_node *info = vs_xml_child(d->node, VS_DSIG_NAMESPACE, "KeyInfo");
    struct vs_list list = {0};
    for (const struct vs_xml_node *c = info == NULL ? NULL : vs_xml_first(info); c != NULL;
         c = vs_xml_next(c)) {
        const char *name = vs_xml_name(c);
        d->key_value |=
            strcmp(name, "KeyValue") == 0 || strcmp(name, "DEREncodedKeyValue") == 0;
        if (!vs_xml_is(c, VS_DSIG_NAMESPACE, "X509Data"))
            continue;
        const struct vs_xml_node *x = vs_xml_child(c, VS_DSIG_NAMESPACE, "X509Certificate");
        for (; x != NULL; x = vs_xml_next_named(x, VS_DSIG_NAMESPACE, "X509Certificate")) {
            struct vs_bytes *place = vs_list_add(&list, arena, sizeof *place);
            if (place == NULL)
                return vs_fail_memory(err);
            VS_TRY(vs_xml_base64(x, arena, place, err));
        }
    }
    d->certificates = list.items;
    d->n_certificates = list.n;
    return VS_OK;
}

static vs_rc read_signed_info(struct vs_arena *arena, struct vs_dsig *d,
                              const struct vs_xml_node *info, struct vs_error *err)
{
    const struct vs_xml_node *method;
    VS_TRY(vs_xml_only_child(info, VS_DSIG_NAMESPACE, "CanonicalizationMethod", &method, err));
    VS_TRY(vs_dsig_read_c14n(method, &d->c14n, &d->inclusive_prefixes, err));
    VS_TRY(read_method(info, d, err));
    struct vs_list list = {0};
    VS_TRY(read_references(arena, d, info, &list, err));
    d->n_signed_references = list.n;
    VS_TRY(read_manifests(arena, d, &list, err));
    d->unsigned_content = has_unsigned_content(d, &list);
    d->references = list.items;
    d->n_references = list.n;
    VS_BUFFER canonical;
    vs_buffer_init(&canonical, SIGNED_INFO_MAX);
    struct vs_c14n_options how = {.method = d->c14n,
                                  .inclusive_prefixes = d->inclusive_prefixes};
    VS_TRY(vs_c14n_buffer(d->xml, info, &how, &canonical, err));
    return vs_buffer_copy(&canonical, arena, &d->signed_info, err);
}

vs_rc vs_dsig_read(struct vs_arena *arena, const struct vs_xml *xml,
                   const struct vs_xml_node *node, struct vs_dsig *ret, struct vs_error *err)
{
    if (!vs_xml_is(node, VS_DSIG_NAMESPACE, "Signature"))
        return vs_fail(err, VS_E_SIGNATURE_FORM, NULL, "not a ds:Signature");
    struct vs_dsig d = {.xml = xml, .node = node, .id = vs_xml_attribute(node, "Id")};
    VS_TRY(check_children(node, err));
    VS_TRY(check_comments(node, err));
    const struct vs_xml_node *info;
    VS_TRY(vs_xml_only_child(node, VS_DSIG_NAMESPACE, "SignedInfo", &info, err));
    VS_TRY(vs_xml_only_child(node, VS_DSIG_NAMESPACE, "SignatureValue", &d.value_node, err));
    VS_TRY(vs_xml_base64(d.value_node, arena, &d.value, err));
    VS_REFUSE_IF(d.value.len == 0 || d.value.len > VALUE_MAX, err, VS_E_SIGNATURE_FORM, NULL,
                 "a SignatureValue of %zu bytes", d.value.len);
    VS_TRY(read_signed_info(arena, &d, info, err));
    VS_TRY(read_key_info(arena, &d, err));
    *ret = d;
    return VS_OK;
}

/* -- checking ------------------------------------------------------------------------------ */

static vs_rc add_to_hasher(void *context, struct vs_bytes piece, struct vs_error *err)
{
    (void)err;
    vs_hasher_add(context, piece);
    return VS_OK;
}

struct vs_c14n_sink vs_dsig_hash_sink(struct vs_hasher *hasher)
{
    return (struct vs_c14n_sink){hasher, add_to_hasher};
}

static vs_rc hash_node(const struct vs_dsig *d, const struct vs_dsig_reference *r,
                       struct vs_hasher *hasher, struct vs_error *err)
{
    if (r->base64) {
        const size_t room = (size_t)64 << 20;
        VS_ARENA *arena = vs_arena_new(room);
        if (arena == NULL)
            return vs_fail_memory(err);
        struct vs_bytes bytes;
        VS_TRY(vs_xml_base64(r->node, arena, &bytes, err));
        vs_hasher_add(hasher, bytes);
        return VS_OK;
    }
    struct vs_c14n_options how = {.method = r->c14n,
                                  .drop_comments = true,
                                  .inclusive_prefixes = r->inclusive_prefixes,
                                  .without = r->enveloped ? d->node : NULL,
                                  .without_signatures = r->without_signatures};
    struct vs_c14n_sink sink = vs_dsig_hash_sink(hasher);
    return vs_c14n(d->xml, r->target == VS_DSIG_DOCUMENT ? NULL : r->node, &how, &sink, err);
}

/* Data outside that must be at hand as a whole: it is canonicalised, or digested with others.
 */
static vs_rc hash_outside(const struct vs_dsig_reference *r,
                          const struct vs_dsig_resolver *resolver, struct vs_hasher *hasher,
                          bool *ret_found, struct vs_error *err)
{
    struct vs_bytes bytes;
    *ret_found = false;
    if (resolver != NULL && resolver->feed != NULL && r->c14n == VS_C14N_NONE)
        return resolver->feed(resolver->context, r->name, hasher, ret_found, err);
    if (resolver == NULL || resolver->bytes == NULL)
        return VS_OK;
    VS_ARENA *arena = vs_arena_new((size_t)256 << 20);
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(resolver->bytes(resolver->context, r->name, arena, &bytes, ret_found, err));
    if (!*ret_found)
        return VS_OK;
    if (r->c14n == VS_C14N_NONE) {
        vs_hasher_add(hasher, bytes);
        return VS_OK;
    }
    VS_XML *xml = NULL;
    VS_TRY(vs_xml_parse(bytes, NULL, &xml, err));
    struct vs_c14n_options how = {.method = r->c14n,
                                  .inclusive_prefixes = r->inclusive_prefixes};
    struct vs_c14n_sink sink = vs_dsig_hash_sink(hasher);
    return vs_c14n(xml, NULL, &how, &sink, err);
}

vs_rc vs_dsig_hash_reference(const struct vs_dsig *dsig,
                             const struct vs_dsig_reference *reference,
                             const struct vs_dsig_resolver *resolver, struct vs_hasher *hasher,
                             bool *ret_found, struct vs_error *err)
{
    if (reference->target == VS_DSIG_OUTSIDE)
        return hash_outside(reference, resolver, hasher, ret_found, err);
    *ret_found = reference->node != NULL;
    return reference->node == NULL ? VS_OK : hash_node(dsig, reference, hasher, err);
}

vs_rc vs_dsig_digest_references(const struct vs_dsig *dsig, const size_t *wanted,
                                size_t n_wanted, const struct vs_dsig_resolver *resolver,
                                enum vs_digest_algorithm algorithm, struct vs_digest *ret,
                                bool *ret_found, struct vs_error *err)
{
    VS_HASHER *hasher = vs_hasher_new(algorithm);
    bool found = true;
    for (size_t i = 0; i < n_wanted && found; i++) {
        VS_ASSERT(wanted[i] < dsig->n_references);
        VS_TRY(vs_dsig_hash_reference(dsig, &dsig->references[wanted[i]], resolver, hasher,
                                      &found, err));
    }
    vs_hasher_finish(hasher, ret);
    *ret_found = found;
    return VS_OK;
}

vs_rc vs_dsig_check_reference(const struct vs_dsig *dsig, size_t i,
                              const struct vs_dsig_resolver *resolver, enum vs_dsig_state *ret,
                              struct vs_error *err)
{
    VS_ASSERT(i < dsig->n_references);
    const struct vs_dsig_reference *r = &dsig->references[i];
    struct vs_digest digest;
    bool found = false;
    *ret = VS_DSIG_ALTERED;
    if (r->digest.algorithm == VS_DIGEST_NONE)
        return VS_OK; /* nothing was claimed that could hold */
    if (r->target != VS_DSIG_OUTSIDE || r->c14n != VS_C14N_NONE)
        VS_TRY(vs_dsig_digest_references(dsig, &i, 1, resolver, r->algorithm, &digest, &found,
                                         err));
    else if (resolver != NULL)
        VS_TRY(
            resolver->digest(resolver->context, r->name, r->algorithm, &digest, &found, err));
    if (!found)
        *ret = VS_DSIG_ABSENT;
    else
        *ret = vs_digest_equal(&digest, &r->digest) ? VS_DSIG_INTACT : VS_DSIG_ALTERED;
    return VS_OK;
}

vs_rc vs_dsig_check_value(const struct vs_dsig *dsig, const struct vs_public_key *key,
                          enum vs_signature_verdict *ret, struct vs_error *err)
{
    return vs_public_key_verify_message(key, dsig->algorithm, dsig->signed_info,
                                        VS_SIGNATURE_RAW, dsig->value, ret, err);
}

/* -- one source for everything ------------------------------------------------------------- */

static vs_rc source_digest(void *context, struct vs_bytes name,
                           enum vs_digest_algorithm algorithm, struct vs_digest *ret,
                           bool *ret_found, struct vs_error *err)
{
    (void)name;
    *ret_found = true;
    return vs_digest_source(algorithm, context, ret, err);
}

static vs_rc source_feed(void *context, struct vs_bytes name, struct vs_hasher *hasher,
                         bool *ret_found, struct vs_error *err)
{
    (void)name;
    *ret_found = true;
    return vs_hasher_add_source(hasher, context, err);
}

static vs_rc source_bytes(void *context, struct vs_bytes name, struct vs_arena *arena,
                          struct vs_bytes *ret, bool *ret_found, struct vs_error *err)
{
    (void)name;
    *ret_found = true;
    return vs_source_all(context, arena, (size_t)128 << 20, ret, err);
}

struct vs_dsig_resolver vs_dsig_resolver_of_source(const struct vs_source *source)
{
    return (struct vs_dsig_resolver){.context = (void *)(uintptr_t)source,
                                     .digest = source_digest,
                                     .feed = source_feed,
                                     .bytes = source_bytes};
}
