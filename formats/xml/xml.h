/* xml.h - XML read strictly: a document of elements, attributes and text, and nothing that a
 * reader could be cheated with.
 *
 * libxml2 parses; nothing outside formats/ sees it. Refused, always: a document type
 * declaration (and with it every entity that XML does not predefine), encodings other than
 * UTF-8, US-ASCII and ISO-8859-1, and whatever exceeds the limits. CDATA sections
 * become text. Comments and processing instructions stay in the tree, because canonicalisation
 * needs them; the readers below never look through them: an element whose text they split is
 * refused, so that nobody reads less than what was signed.
 *
 * A document that was parsed is well-formed. It is NOT thereby trusted, or valid by a schema.
 */
#ifndef VS_FORMATS_XML_XML_H
#define VS_FORMATS_XML_XML_H
#include "formats/base/base.h"

struct vs_xml;      /* a document; immutable once parsed, may be read from several threads */
struct vs_xml_node; /* an element of a document, lives as long as it */

struct vs_xml_limits {
    size_t max_bytes;
    unsigned max_depth;      /* elements within elements */
    unsigned max_nodes;      /* elements, texts, comments, instructions */
    unsigned max_attributes; /* of one element, name space declarations counted */
    unsigned max_namespaces; /* declarations in scope at any place */
};
/* For one signature file or piece of evidence: 16 MiB, 128, 200 000, 128, 128. */
extern const struct vs_xml_limits vs_xml_limits_default;
/* For trusted lists: 64 MiB, 128, 2 000 000, 128, 128. */
extern const struct vs_xml_limits vs_xml_limits_large;

/* Parse `text`, which is not needed afterwards. `limits` may be NULL: the default ones.
 * Fails: VS_E_XML_DTD, VS_E_XML_LIMIT, VS_E_XML (not well-formed; the text names the line),
 * VS_E_NOMEM. */
VS_NODISCARD vs_rc vs_xml_parse(struct vs_bytes text, const struct vs_xml_limits *limits,
                                struct vs_xml **ret, struct vs_error *err);
void vs_xml_free(struct vs_xml *xml); /* NULL is fine */
static inline void vs_cleanup_xml(struct vs_xml **xml)
{
    vs_xml_free(*xml);
}
#define VS_XML __attribute__((cleanup(vs_cleanup_xml))) struct vs_xml

const struct vs_xml_node *vs_xml_root(const struct vs_xml *xml);

/* The one element whose attribute Id, ID, id (in no name space) or xml:id is `id`.
 * An attribute of such a name in another name space is no Id (an attack that is known).
 * `*ret` is NULL where there is none. VS_E_XML_ID where there is more than one. */
VS_NODISCARD vs_rc vs_xml_by_id(const struct vs_xml *xml, const char *id,
                                const struct vs_xml_node **ret, struct vs_error *err);
/* VS_E_XML_ID where any value of `Id` occurs twice in the document. */
VS_NODISCARD vs_rc vs_xml_ids_unique(const struct vs_xml *xml, struct vs_error *err);

/* -- walking: elements only; NULL where there is none -------------------------------------- */
const char *vs_xml_name(const struct vs_xml_node *node);      /* local name */
const char *vs_xml_namespace(const struct vs_xml_node *node); /* URI, "" for none */
bool vs_xml_is(const struct vs_xml_node *node, const char *namespace, const char *name);
const struct vs_xml_node *vs_xml_parent(const struct vs_xml_node *node);
const struct vs_xml_node *vs_xml_first(
    const struct vs_xml_node *node);                                   /* first child element */
const struct vs_xml_node *vs_xml_next(const struct vs_xml_node *node); /* next sibling */
/* The first child element of that name; vs_xml_next_named: the next sibling of that name. */
const struct vs_xml_node *vs_xml_child(const struct vs_xml_node *node, const char *namespace,
                                       const char *name);
const struct vs_xml_node *vs_xml_next_named(const struct vs_xml_node *node,
                                            const char *namespace, const char *name);
/* The same, where it must occur exactly once: VS_E_XML otherwise. */
VS_NODISCARD vs_rc vs_xml_only_child(const struct vs_xml_node *node, const char *namespace,
                                     const char *name, const struct vs_xml_node **ret,
                                     struct vs_error *err);
/* The next element in document order below `within` (start with node == within), or NULL. */
const struct vs_xml_node *vs_xml_walk(const struct vs_xml_node *within,
                                      const struct vs_xml_node *node);
/* Whether `node` is `ancestor` or lies in it. */
bool vs_xml_inside(const struct vs_xml_node *node, const struct vs_xml_node *ancestor);
long vs_xml_line(const struct vs_xml_node *node);

/* -- values -------------------------------------------------------------------------------- */
/* The attribute `name` that is in no name space, or NULL. Lives with the document. */
const char *vs_xml_attribute(const struct vs_xml_node *node, const char *name);
/* An attribute in a name space (for example that of xml:lang), or NULL. */
const char *vs_xml_attribute_ns(const struct vs_xml_node *node, const char *namespace,
                                const char *name);

/* The text of an element that has no child but text. VS_E_XML where anything else is in it: an
 * element, a comment, an instruction. "" for an empty one. Lives as long as the document, or
 * the arena (text in several pieces is joined there). */
VS_NODISCARD vs_rc vs_xml_text(const struct vs_xml_node *node, struct vs_arena *arena,
                               const char **ret, struct vs_error *err);
/* The same without the white space around it. */
VS_NODISCARD vs_rc vs_xml_token(const struct vs_xml_node *node, struct vs_arena *arena,
                                const char **ret, struct vs_error *err);
/* xs:base64Binary. Fails as vs_xml_text, and VS_E_SYNTAX. */
VS_NODISCARD vs_rc vs_xml_base64(const struct vs_xml_node *node, struct vs_arena *arena,
                                 struct vs_bytes *ret, struct vs_error *err);
/* xs:dateTime with a zone. */
VS_NODISCARD vs_rc vs_xml_time(const struct vs_xml_node *node, vs_time_ms *ret,
                               struct vs_error *err);

/* The name space that `prefix` ("" the default one) is bound to at `node`; "" for none. */
const char *vs_xml_prefix(const struct vs_xml_node *node, const char *prefix);

/* -- what may hide ------------------------------------------------------------------------- */
/* VS_E_XML where a comment or an instruction is anywhere in `node` (a signature has none). */
VS_NODISCARD vs_rc vs_xml_refuse_comments(const struct vs_xml_node *node, struct vs_error *err);
/* VS_E_XML where a comment or an instruction stands beside text in one element of `node`,
 * outside `without` (may be NULL). Between elements they are harmless and allowed. */
VS_NODISCARD vs_rc vs_xml_refuse_split_text(const struct vs_xml_node *node,
                                            const struct vs_xml_node *without,
                                            struct vs_error *err);
#endif
