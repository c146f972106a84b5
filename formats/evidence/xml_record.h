/* xml_record.h - XML evidence records (RFC 6283), read and checked. Making: RFC 4998 only
 * (evidence_record.h).
 *
 * As there: checking says which archive time-stamp covers what, NOT that a token is genuine. A
 * data object counts by the digest of its bytes or, being XML, of its canonical form (RFC 6283,
 * 2.1, 3.1.1).
 *
 * NOT DONE: RFC 6283, 4.2.2 with more than two chains; encryption information and
 * SupportingInformationList: such records are refused. */
#ifndef VS_FORMATS_EVIDENCE_XML_RECORD_H
#define VS_FORMATS_EVIDENCE_XML_RECORD_H
#include "formats/evidence/evidence_record.h"

struct vs_xml_record_objects {
    void *context;
    size_t n;                /* 0: not at hand; nothing is checked then but the form */
    vs_record_digest digest; /* of an object's bytes */
    /* The bytes, for those that are XML; `*ret_xml` false: too large, or not wanted. */
    vs_rc (*bytes)(void *context, size_t object, struct vs_arena *arena, struct vs_bytes *ret,
                   bool *ret_xml, struct vs_error *err);
};

struct vs_xml_record {
    enum vs_record_fault fault;
    const struct vs_bytes *tokens; /* ContentInfos, oldest first */
    size_t n_tokens;
};

/* VS_E_EVIDENCE_RECORD, VS_E_ALGORITHM, VS_E_XML and its kin. `*ret` lives in the arena. */
VS_NODISCARD vs_rc vs_xml_record_check(struct vs_arena *arena, struct vs_bytes text,
                                       const struct vs_xml_record_objects *objects,
                                       struct vs_xml_record *ret, struct vs_error *err);
#endif
