/* c14n.h - Canonical XML 1.0 and 1.1 (inclusive) and Exclusive Canonicalization 1.0.
 *
 * Only what signatures of our profiles need: the whole document or the subtree of one element,
 * with or without comments, less one subtree (enveloped-signature) or less all signatures (the
 * one XPath filter that EU DSS writes). General node sets do not exist here.
 *
 * The writer is our own and is tested against libxml2's (tests/fuzz/c14n_fuzz.c). It never
 * yields a partial result: a failure is a failure, not an empty digest. */
#ifndef VS_FORMATS_XML_C14N_H
#define VS_FORMATS_XML_C14N_H
#include "formats/xml/xml.h"

enum vs_c14n_method {
    VS_C14N_NONE,
    VS_C14N_10, /* Canonical XML 1.0 */
    VS_C14N_10_COMMENTS,
    VS_C14N_11, /* Canonical XML 1.1 */
    VS_C14N_11_COMMENTS,
    VS_C14N_EXCLUSIVE,
    VS_C14N_EXCLUSIVE_COMMENTS,
    VS_C14N_METHODS
};

/* VS_C14N_NONE where the URI names no method of these. */
enum vs_c14n_method vs_c14n_by_uri(const char *uri);
const char *vs_c14n_uri(enum vs_c14n_method method);

struct vs_c14n_options {
    enum vs_c14n_method method;
    bool drop_comments; /* though the method keeps them (XMLDSig, 4.4.3.3: URI="" and "#id") */
    /* InclusiveNamespaces PrefixList of the exclusive methods, white space between the
     * prefixes, "#default" for none; NULL: no list. */
    const char *inclusive_prefixes;
    const struct vs_xml_node *without; /* leave this subtree out; NULL: none */
    bool without_signatures;           /* leave every ds:Signature out */
};

/* Where canonical bytes go. `add` gets pieces of any size, in order. */
struct vs_c14n_sink {
    void *context;
    vs_rc (*add)(void *context, struct vs_bytes piece, struct vs_error *err);
};

/* `node` NULL: the whole document, with what stands before and after its root.
 * Fails: VS_E_XML (a relative name space URI, which C14N forbids; C14N 1.1 of a subtree that
 * inherits xml:base), VS_E_LIMIT, or what the sink fails with. */
VS_NODISCARD vs_rc vs_c14n(const struct vs_xml *xml, const struct vs_xml_node *node,
                           const struct vs_c14n_options *options,
                           const struct vs_c14n_sink *sink, struct vs_error *err);
/* The same, appended to a buffer. */
VS_NODISCARD vs_rc vs_c14n_buffer(const struct vs_xml *xml, const struct vs_xml_node *node,
                                  const struct vs_c14n_options *options, struct vs_buffer *to,
                                  struct vs_error *err);
#endif
