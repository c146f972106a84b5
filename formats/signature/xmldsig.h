/* xmldsig.h - one XML signature (XMLDSig core), read and checked strictly.
 *
 * Reading says what a signature claims; vs_dsig_check_reference and vs_dsig_check_value say
 * whether it holds. Neither says anything about the signer: EN 319 102-1 is
 * formats/validation's.
 *
 * What is accepted, and nothing else:
 *
 * - references: URI="" (the document), "#NCName" (the one element with that Id), a relative
 *   URI or none (data outside, which the caller's resolver finds by its decoded name); a file
 *   once, and at most 64 into the document;
 * - transforms: enveloped-signature, C14N of c14n.h, base64, and the two filters that EU DSS
 *   writes to leave all signatures out; no XSLT, no other XPath, no XPointer;
 * - algorithms: those of formats/crypto/algorithms.h, no HMAC; the key decides the scheme.
 *
 * A comment or an instruction in what the signature itself says (all but the data in
 * ds:Object), or within the text of a signed element, is refused, as is an Id that occurs
 * twice. Nothing is ever fetched.
 *
 * NOT DONE: shapes outside these lists (DSA, RSASSA-PSS with parameters, XPath, XPointer), for
 * which design.md foresees xmlsec1: they are refused, with VS_E_ALGORITHM, VS_E_TRANSFORM or
 * VS_E_REFERENCE.
 *
 * Against wrapping: a reference keeps the very node that it digests (`node`). Who wants to use
 * signed content must start from that node, never look it up again. */
#ifndef VS_FORMATS_SIGNATURE_XMLDSIG_H
#define VS_FORMATS_SIGNATURE_XMLDSIG_H
#include "formats/crypto/key.h"
#include "formats/xml/c14n.h"

#define VS_DSIG_NAMESPACE     "http://www.w3.org/2000/09/xmldsig#"
#define VS_DSIG_TYPE_MANIFEST VS_DSIG_NAMESPACE "Manifest"
#define VS_DSIG_TYPE_OBJECT   VS_DSIG_NAMESPACE "Object"

enum vs_dsig_target {
    VS_DSIG_DOCUMENT, /* URI="": the whole document */
    VS_DSIG_ELEMENT,  /* "#id" */
    VS_DSIG_OUTSIDE,  /* a container's entry or other data: `name` */
};

struct vs_dsig_reference {
    const char *id, *type; /* NULL: not given */
    const char *uri;       /* as written; NULL: no attribute */
    enum vs_dsig_target target;
    const struct vs_xml_node *node; /* DOCUMENT: the root; ELEMENT: that one, NULL: not there */
    struct vs_bytes name;           /* OUTSIDE: percent-decoded, NUL-terminated; may be empty */
    /* Transforms, in the only order that is accepted: */
    bool enveloped;           /* this signature is left out */
    bool without_signatures;  /* all ds:Signature elements are */
    bool base64;              /* the text, decoded; then no C14N follows */
    enum vs_c14n_method c14n; /* VS_C14N_NONE: bytes as they are; of a node always a method */
    const char *inclusive_prefixes;
    enum vs_digest_algorithm algorithm;
    struct vs_digest digest; /* as claimed */
    /* Not of SignedInfo but of a ds:Manifest that reference number `manifest_of` signs. */
    bool in_manifest;
    size_t manifest_of;
};

struct vs_dsig {
    const struct vs_xml *xml;
    const struct vs_xml_node *node; /* ds:Signature */
    const char *id;                 /* NULL: none */
    enum vs_c14n_method c14n;
    const char *inclusive_prefixes;
    struct vs_signature_algorithm algorithm;
    const char *algorithm_uri;
    struct vs_bytes signed_info; /* canonical: what the value signs */
    struct vs_bytes value;
    const struct vs_xml_node *value_node;       /* ds:SignatureValue */
    const struct vs_dsig_reference *references; /* SignedInfo's, then those of manifests */
    size_t n_references, n_signed_references;   /* all; SignedInfo's own */
    const struct vs_bytes *certificates;        /* KeyInfo's X509Certificates, DER */
    size_t n_certificates;
    bool key_value; /* KeyInfo holds a bare key (which proves nothing) */
    /* A ds:Object holds elements that no reference signs (qualifying properties apart). */
    bool unsigned_content;
};

/* Read the ds:Signature `node`. `*ret` lives in the arena and as long as `xml`.
 * Fails: VS_E_SIGNATURE_FORM, VS_E_REFERENCE, VS_E_TRANSFORM, VS_E_ALGORITHM, VS_E_XML,
 * VS_E_XML_ID, VS_E_SYNTAX (base64), VS_E_LIMIT. */
VS_NODISCARD vs_rc vs_dsig_read(struct vs_arena *arena, const struct vs_xml *xml,
                                const struct vs_xml_node *node, struct vs_dsig *ret,
                                struct vs_error *err);

/* Finds data outside the document. */
struct vs_dsig_resolver {
    void *context;
    /* The digest of the data called `name` (exactly these bytes, already percent-decoded).
     * `*ret_found` false: not there. */
    vs_rc (*digest)(void *context, struct vs_bytes name, enum vs_digest_algorithm algorithm,
                    struct vs_digest *ret, bool *ret_found, struct vs_error *err);
    /* The bytes into `hasher`, piece by piece, where more than one thing is digested together
     * (time marks over data); NULL: `bytes` is asked instead. */
    vs_rc (*feed)(void *context, struct vs_bytes name, struct vs_hasher *hasher,
                  bool *ret_found, struct vs_error *err);
    /* The bytes themselves, for references with transforms; NULL: these are then absent. */
    vs_rc (*bytes)(void *context, struct vs_bytes name, struct vs_arena *arena,
                   struct vs_bytes *ret, bool *ret_found, struct vs_error *err);
};
/* A resolver over one source, whatever the name (detached signatures over one file). */
struct vs_dsig_resolver vs_dsig_resolver_of_source(const struct vs_source *source);

enum vs_dsig_state {
    VS_DSIG_ABSENT,  /* what it refers to is not at hand */
    VS_DSIG_ALTERED, /* at hand, and not what was signed */
    VS_DSIG_INTACT,
};

/* Digest what reference number `i` refers to. `resolver` may be NULL: nothing outside is at
 * hand. Failures are those of canonicalisation and of the resolver, never "altered". */
VS_NODISCARD vs_rc vs_dsig_check_reference(const struct vs_dsig *dsig, size_t i,
                                           const struct vs_dsig_resolver *resolver,
                                           enum vs_dsig_state *ret, struct vs_error *err);

/* The digest by `algorithm` of the same octets, of all references `wanted` names (an array of
 * indices), one after the other (XAdES time marks over data need it). `*ret_found` false: some
 * of it is not at hand. */
VS_NODISCARD vs_rc vs_dsig_digest_references(const struct vs_dsig *dsig, const size_t *wanted,
                                             size_t n_wanted,
                                             const struct vs_dsig_resolver *resolver,
                                             enum vs_digest_algorithm algorithm,
                                             struct vs_digest *ret, bool *ret_found,
                                             struct vs_error *err);

/* Whether the value is this key's over SignedInfo. Says nothing about the references. */
VS_NODISCARD vs_rc vs_dsig_check_value(const struct vs_dsig *dsig,
                                       const struct vs_public_key *key,
                                       enum vs_signature_verdict *ret, struct vs_error *err);
#endif
