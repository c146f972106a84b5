/* xmldsig_priv.h - what the files of formats/signature share in reading. */
#ifndef VS_FORMATS_SIGNATURE_XMLDSIG_PRIV_H
#define VS_FORMATS_SIGNATURE_XMLDSIG_PRIV_H
#include "formats/signature/xmldsig.h"

/* Items that come one by one, in an arena. */
struct vs_list {
    void *items;
    size_t n, room;
};
/* A zeroed new last item, or NULL when the arena is full. */
void *vs_list_add(struct vs_list *list, struct vs_arena *arena, size_t item_size);

/* A CanonicalizationMethod or a Transform that is one: its method and prefix list. */
VS_NODISCARD vs_rc vs_dsig_read_c14n(const struct vs_xml_node *node, enum vs_c14n_method *ret,
                                     const char **ret_prefixes, struct vs_error *err);
/* DigestMethod and DigestValue among the children of `node`. VS_DIGEST_NONE in `*ret_algorithm`
 * where the method is not known: whether that refuses is the caller's matter. */
VS_NODISCARD vs_rc vs_dsig_read_digest(const struct vs_xml_node *node, struct vs_arena *arena,
                                       enum vs_digest_algorithm *ret_algorithm,
                                       struct vs_digest *ret, struct vs_error *err);
/* Read one ds:Reference (in SignedInfo or in a ds:Manifest). */
VS_NODISCARD vs_rc vs_dsig_read_reference(struct vs_arena *arena, const struct vs_dsig *dsig,
                                          const struct vs_xml_node *node,
                                          struct vs_dsig_reference *ret, struct vs_error *err);
/* The octets that a reference stands for, into a hasher. */
VS_NODISCARD vs_rc vs_dsig_hash_reference(const struct vs_dsig *dsig,
                                          const struct vs_dsig_reference *reference,
                                          const struct vs_dsig_resolver *resolver,
                                          struct vs_hasher *hasher, bool *ret_found,
                                          struct vs_error *err);
/* A sink that feeds a hasher. */
struct vs_c14n_sink vs_dsig_hash_sink(struct vs_hasher *hasher);
#endif
