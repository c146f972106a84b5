/* cades_priv.h - writing SignedData, for cades_make.c and cades_raise.c. */
#ifndef VS_FORMATS_SIGNATURE_CADES_PRIV_H
#define VS_FORMATS_SIGNATURE_CADES_PRIV_H
#include "formats/crypto/der_writer.h"
#include "formats/signature/cades_make.h"

#define VS_OID_DATA            "1.2.840.113549.1.7.1"
#define VS_OID_SIGNED_DATA     "1.2.840.113549.1.7.2"
#define VS_OID_OCSP_RESPONSE   "1.3.6.1.5.5.7.16.2"
#define VS_OID_COUNTER         "1.2.840.113549.1.9.6"
#define VS_OID_SIGNATURE_MARK  "1.2.840.113549.1.9.16.2.14"
#define VS_OID_ARCHIVE_MARK_V3 "0.4.0.1733.2.4"
#define VS_OID_HASH_INDEX_V3   "0.4.0.19122.1.5"

/* The parts of a SignedData, each as DER elements one after the other. */
struct vs_cades_parts {
    struct vs_buffer digests, certificates, revocations, signers;
    struct vs_bytes content_info; /* EncapsulatedContentInfo, whole */
    bool other_revocations;       /* the version follows (RFC 5652, 5.1) */
};
void vs_cades_parts_init(struct vs_cades_parts *parts, size_t max);
void vs_cades_parts_done(struct vs_cades_parts *parts);
/* All of `cms`; its signers in their order, but number `which` (SIZE_MAX: none) as `instead`.
 */
void vs_cades_parts_copy(struct vs_cades_parts *parts, const struct vs_cms *cms, size_t which,
                         struct vs_bytes instead);
/* Appended unless it is there. */
void vs_cades_part_add(struct vs_buffer *part, struct vs_bytes element);
void vs_cades_part_ocsp(struct vs_cades_parts *parts, struct vs_bytes response);
/* The ContentInfo. */
VS_NODISCARD vs_rc vs_cades_parts_write(struct vs_cades_parts *parts, struct vs_buffer *to,
                                        struct vs_error *err);
static inline void vs_cleanup_cades_parts(struct vs_cades_parts *parts)
{
    vs_cades_parts_done(parts);
}
#define VS_CADES_PARTS __attribute__((cleanup(vs_cleanup_cades_parts))) struct vs_cades_parts

/* Attribute { type, SET { value } } where `value` is one whole element. */
void vs_cades_put_attribute(struct vs_buffer *to, const char *oid, struct vs_bytes value);
#endif
