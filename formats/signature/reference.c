/* References: what they name and through which transforms. The allow-lists of xmldsig.h. */
#include "formats/signature/xmldsig_priv.h"

#define EXCLUSIVE_NAMESPACE "http://www.w3.org/2001/10/xml-exc-c14n#"
#define XPATH               "http://www.w3.org/TR/1999/REC-xpath-19991116"
#define FILTER2             "http://www.w3.org/2002/06/xmldsig-filter2"
#define BASE64              VS_DSIG_NAMESPACE "base64"
#define ENVELOPED           VS_DSIG_NAMESPACE "enveloped-signature"

void *vs_list_add(struct vs_list *list, struct vs_arena *arena, size_t item_size)
{
    if (list->n == list->room) {
        size_t room = list->room == 0 ? 4 : list->room * 2;
        void *items = vs_arena_array(arena, room, item_size);
        if (items == NULL)
            return NULL;
        if (list->n > 0)
            memcpy(items, list->items, list->n * item_size);
        list->items = items;
        list->room = room;
    }
    return (uint8_t *)list->items + list->n++ * item_size;
}

/* -- methods ------------------------------------------------------------------------------- */

vs_rc vs_dsig_read_c14n(const struct vs_xml_node *node, enum vs_c14n_method *ret,
                        const char **ret_prefixes, struct vs_error *err)
{
    enum vs_c14n_method method = vs_c14n_by_uri(vs_xml_attribute(node, "Algorithm"));
    VS_REFUSE_IF(method == VS_C14N_NONE, err, VS_E_TRANSFORM, NULL,
                 "line %ld: a canonicalisation that is not accepted", vs_xml_line(node));
    bool exclusive = method == VS_C14N_EXCLUSIVE || method == VS_C14N_EXCLUSIVE_COMMENTS;
    const struct vs_xml_node *list = vs_xml_first(node);
    if (list != NULL) {
        bool known = exclusive && vs_xml_next(list) == NULL &&
                     vs_xml_is(list, EXCLUSIVE_NAMESPACE, "InclusiveNamespaces");
        VS_REFUSE_IF(!known, err, VS_E_TRANSFORM, NULL,
                     "line %ld: a parameter of canonicalisation that is not accepted",
                     vs_xml_line(list));
    }
    *ret = method == VS_C14N_NONE ? VS_C14N_10 : method;
    *ret_prefixes = list == NULL || !exclusive ? NULL : vs_xml_attribute(list, "PrefixList");
    return VS_OK;
}

vs_rc vs_dsig_read_digest(const struct vs_xml_node *node, struct vs_arena *arena,
                          enum vs_digest_algorithm *ret_algorithm, struct vs_digest *ret,
                          struct vs_error *err)
{
    const struct vs_xml_node *method, *value;
    VS_TRY(vs_xml_only_child(node, VS_DSIG_NAMESPACE, "DigestMethod", &method, err));
    VS_TRY(vs_xml_only_child(node, VS_DSIG_NAMESPACE, "DigestValue", &value, err));
    const char *uri = vs_xml_attribute(method, "Algorithm");
    *ret_algorithm = vs_digest_by_uri(vs_bytes_text(uri));
    struct vs_bytes bytes;
    VS_TRY(vs_xml_base64(value, arena, &bytes, err));
    *ret = (struct vs_digest){.algorithm = VS_DIGEST_NONE};
    if (*ret_algorithm == VS_DIGEST_NONE)
        return VS_OK;
    /* A value of another length is one that no data has: XMLDSig knows no truncated digests. */
    VS_REFUSE_IF(bytes.len != vs_digest_length(*ret_algorithm), err, VS_E_REFERENCE,
                 "XMLDSig, 4.4.3.6", "line %ld: a DigestValue of %zu bytes", vs_xml_line(value),
                 bytes.len);
    if (bytes.len > sizeof ret->bytes)
        bytes.len = sizeof ret->bytes;
    ret->algorithm = *ret_algorithm;
    ret->len = bytes.len;
    if (bytes.len > 0)
        memcpy(ret->bytes, bytes.ptr, bytes.len);
    return VS_OK;
}

/* -- URIs ---------------------------------------------------------------------------------- */

/* "#id": no XPointer, no encoding, nothing that an Id cannot be. */
static bool is_plain_fragment(const char *id)
{
    return id[0] != '\0' && strpbrk(id, "()%#'\"/ \t\r\n") == NULL;
}

static bool is_relative_path(const char *uri)
{
    const char *colon = strchr(uri, ':');
    bool scheme = colon != NULL && strcspn(uri, "/") > (size_t)(colon - uri);
    return !scheme && strpbrk(uri, "?#") == NULL && strncmp(uri, "//", 2) != 0;
}

static vs_rc read_element(const struct vs_dsig *dsig, struct vs_dsig_reference *r,
                          struct vs_error *err)
{
    const char *id = r->uri + 1;
    r->target = VS_DSIG_ELEMENT;
    VS_REFUSE_IF(!is_plain_fragment(id), err, VS_E_REFERENCE, NULL,
                 "a reference by something else than an Id");
    return vs_xml_by_id(dsig->xml, id, &r->node, err);
}

static vs_rc read_uri(struct vs_arena *arena, const struct vs_dsig *dsig,
                      struct vs_dsig_reference *r, struct vs_error *err)
{
    if (r->uri != NULL && r->uri[0] == '\0') {
        r->target = VS_DSIG_DOCUMENT;
        r->node = vs_xml_root(dsig->xml);
        return VS_OK;
    }
    if (r->uri != NULL && r->uri[0] == '#')
        return read_element(dsig, r, err);
    r->target = VS_DSIG_OUTSIDE;
    r->name = VS_BYTES("", 0);
    if (r->uri == NULL)
        return VS_OK;
    VS_REFUSE_IF(!is_relative_path(r->uri), err, VS_E_REFERENCE, NULL,
                 "a reference to another place than a file's name");
    vs_rc rc = vs_percent_decode(arena, vs_bytes_text(r->uri), &r->name, err);
    if (rc.code == VS_E_NOMEM)
        return rc; /* no verdict over the signature */
    VS_REFUSE_IF(!vs_ok(rc), err, VS_E_REFERENCE, "RFC 3986, 2.1",
                 "a reference with a broken percent-encoding");
    return VS_OK;
}

/* -- transforms ---------------------------------------------------------------------------- */

static bool is_inside_a_signature(const struct vs_xml_node *node)
{
    while (node != NULL && !vs_xml_is(node, VS_DSIG_NAMESPACE, "Signature"))
        node = vs_xml_parent(node);
    return node != NULL;
}

/* `text` without white space around it is before ++ prefix ++ ":Signature" ++ after, and the
 * prefix is bound to XMLDSig's name space. */
static bool names_all_signatures(const struct vs_xml_node *node, const char *text,
                                 const char *before, const char *after)
{
    size_t len = strlen(text), n_before = strlen(before), n_after = strlen(after);
    char prefix[33];
    if (strncmp(text, before, n_before) != 0 || len < n_before + n_after + 11)
        return false;
    size_t n_prefix = len - n_before - n_after - strlen(":Signature");
    if (n_prefix >= sizeof prefix ||
        strncmp(text + n_before + n_prefix, ":Signature", 10) != 0 ||
        strcmp(text + len - n_after, after) != 0)
        return false;
    memcpy(prefix, text + n_before, n_prefix);
    prefix[n_prefix] = '\0';
    return strcmp(vs_xml_prefix(node, prefix), VS_DSIG_NAMESPACE) == 0;
}

/* The two ways of leaving all signatures out that EU DSS writes; no other XPath is run, ever.
 */
static vs_rc is_signature_filter(const struct vs_xml_node *transform, const char *algorithm,
                                 struct vs_arena *arena, bool *ret, struct vs_error *err)
{
    const struct vs_xml_node *path = vs_xml_first(transform);
    const char *text;
    *ret = false;
    if (path == NULL || vs_xml_next(path) != NULL)
        return VS_OK;
    VS_TRY(vs_xml_token(path, arena, &text, err));
    if (strcmp(algorithm, XPATH) == 0)
        *ret = vs_xml_is(path, VS_DSIG_NAMESPACE, "XPath") &&
               names_all_signatures(path, text, "not(ancestor-or-self::", ")");
    else
        *ret = vs_xml_is(path, FILTER2, "XPath") &&
               vs_text_equal(vs_xml_attribute(path, "Filter"), "subtract") &&
               names_all_signatures(path, text, "/descendant::", "");
    return VS_OK;
}

static vs_rc read_enveloped(const struct vs_dsig *dsig, struct vs_dsig_reference *r,
                            struct vs_error *err)
{
    /* XMLDSig, 6.6.4: it works on the document that holds the signature, before any C14N. */
    VS_REFUSE_IF(r->target == VS_DSIG_OUTSIDE || r->c14n != VS_C14N_NONE || r->base64 ||
                     dsig->node == r->node ||
                     (r->node != NULL && !vs_xml_inside(dsig->node, r->node)),
                 err, VS_E_TRANSFORM, "XMLDSig, 6.6.4", "enveloped-signature where none is");
    r->enveloped = true;
    return VS_OK;
}

static vs_rc read_filter(const struct vs_xml_node *node, const char *uri,
                         struct vs_dsig_reference *r, struct vs_arena *arena,
                         struct vs_error *err)
{
    bool fits = r->target != VS_DSIG_OUTSIDE && r->c14n == VS_C14N_NONE && !r->base64 &&
                (r->node == NULL || !is_inside_a_signature(r->node));
    bool known;
    VS_TRY(is_signature_filter(node, uri, arena, &known, err));
    VS_REFUSE_IF(!fits || !known, err, VS_E_TRANSFORM, "XMLDSig, 6.6.3",
                 "line %ld: an XPath that is not accepted", vs_xml_line(node));
    r->without_signatures = true;
    return VS_OK;
}

static vs_rc read_transform(struct vs_arena *arena, const struct vs_dsig *dsig,
                            const struct vs_xml_node *node, struct vs_dsig_reference *r,
                            struct vs_error *err)
{
    const char *uri = vs_xml_attribute(node, "Algorithm");
    uri = uri == NULL ? "" : uri;
    if (strcmp(uri, ENVELOPED) == 0)
        return read_enveloped(dsig, r, err);
    if (strcmp(uri, XPATH) == 0 || strcmp(uri, FILTER2) == 0)
        return read_filter(node, uri, r, arena, err);
    bool alone =
        r->c14n == VS_C14N_NONE && !r->base64 && !r->enveloped && !r->without_signatures;
    if (strcmp(uri, BASE64) == 0) {
        VS_REFUSE_IF(!alone || r->target != VS_DSIG_ELEMENT, err, VS_E_TRANSFORM,
                     "XMLDSig, 6.6.2", "base64 together with other transforms");
        r->base64 = true;
        return VS_OK;
    }
    VS_REFUSE_IF(r->base64 || r->c14n != VS_C14N_NONE, err, VS_E_TRANSFORM, NULL,
                 "line %ld: a transform after the last one", vs_xml_line(node));
    return vs_dsig_read_c14n(node, &r->c14n, &r->inclusive_prefixes, err);
}

static vs_rc read_transforms(struct vs_arena *arena, const struct vs_dsig *dsig,
                             const struct vs_xml_node *node, struct vs_dsig_reference *r,
                             struct vs_error *err)
{
    const struct vs_xml_node *list = vs_xml_child(node, VS_DSIG_NAMESPACE, "Transforms");
    VS_REFUSE_IF(list != NULL && vs_xml_next_named(list, VS_DSIG_NAMESPACE, "Transforms"), err,
                 VS_E_TRANSFORM, NULL, "more than one list of transforms");
    for (const struct vs_xml_node *t = list == NULL ? NULL : vs_xml_first(list); t != NULL;
         t = vs_xml_next(t)) {
        VS_REFUSE_IF(!vs_xml_is(t, VS_DSIG_NAMESPACE, "Transform"), err, VS_E_TRANSFORM, NULL,
                     "line %ld: %s among transforms", vs_xml_line(t), vs_xml_name(t));
        VS_TRY(read_transform(arena, dsig, t, r, err));
    }
    /* XMLDSig, 4.4.3.2: nodes become octets by Canonical XML 1.0 where nothing else is said. */
    if (r->target != VS_DSIG_OUTSIDE && !r->base64 && r->c14n == VS_C14N_NONE)
        r->c14n = VS_C14N_10;
    return VS_OK;
}

vs_rc vs_dsig_read_reference(struct vs_arena *arena, const struct vs_dsig *dsig,
                             const struct vs_xml_node *node, struct vs_dsig_reference *ret,
                             struct vs_error *err)
{
    struct vs_dsig_reference r = {.id = vs_xml_attribute(node, "Id"),
                                  .type = vs_xml_attribute(node, "Type"),
                                  .uri = vs_xml_attribute(node, "URI")};
    VS_TRY(read_uri(arena, dsig, &r, err));
    VS_TRY(read_transforms(arena, dsig, node, &r, err));
    VS_TRY(vs_dsig_read_digest(node, arena, &r.algorithm, &r.digest, err));
    VS_REFUSE_IF(r.algorithm == VS_DIGEST_NONE, err, VS_E_ALGORITHM, NULL,
                 "line %ld: a digest algorithm that is not known", vs_xml_line(node));
    if (r.node != NULL)
        VS_TRY(vs_xml_refuse_split_text(r.node, r.enveloped ? dsig->node : NULL, err));
    *ret = r;
    return VS_OK;
}
