#include "formats/validation/validation.h"

/* How much of a document decides its form. */
enum { HEAD_BYTES = 4096 };

static bool holds(struct vs_bytes head, size_t within, const void *what, size_t len)
{
    size_t end = head.len < within ? head.len : within;
    return end >= len && memmem(head.ptr, end, what, len) != NULL;
}

/* DER or BER; the reader of the form is the strict one. */
static enum vs_document_form asn1_form(struct vs_bytes head)
{
    static const uint8_t signed_data[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                          0xf7, 0x0d, 0x01, 0x07, 0x02};
    static const uint8_t tst_info[] = {0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                       0x0d, 0x01, 0x09, 0x10, 0x01, 0x04};
    size_t length_bytes = head.ptr[1] < 0x81 ? 0 : (size_t)(head.ptr[1] & 0x7f);
    if (length_bytes > 8 || head.len < 2 + length_bytes + 3)
        return VS_FORM_UNSIGNED;
    const uint8_t *content = head.ptr + 2 + length_bytes;
    bool cms = holds(VS_BYTES(content, head.len - 2 - length_bytes), sizeof signed_data,
                     signed_data, sizeof signed_data);
    bool token = holds(head, 256, tst_info, sizeof tst_info);
    if (cms)
        return token ? VS_FORM_TIMESTAMP : VS_FORM_CMS;
    if (content[0] == 0x30) /* TimeStampResp: PKIStatusInfo comes first (RFC 3161, 2.4.2) */
        return token ? VS_FORM_TIMESTAMP : VS_FORM_UNSIGNED;
    /* EvidenceRecord ::= SEQUENCE { version INTEGER 1, ... } (RFC 4998, 3.1) */
    if (content[0] == 0x02 && content[1] == 1 && content[2] == 1)
        return VS_FORM_EVIDENCE_RECORD;
    return VS_FORM_UNSIGNED;
}

static enum vs_document_form xml_form(struct vs_bytes head)
{
    static const char ers[] = "urn:ietf:params:xml:ns:ers", root[] = "EvidenceRecord";
    /* A signature can embed a record: only the root says, and it lies before the first '>'
     * that follows its name. */
    const uint8_t *name = memmem(head.ptr, head.len, root, sizeof root - 1);
    const uint8_t *signature = memmem(head.ptr, head.len, "Signature", 9);
    bool record = name != NULL && (signature == NULL || name < signature) &&
                  holds(head, head.len, ers, sizeof ers - 1);
    return record ? VS_FORM_EVIDENCE_RECORD : VS_FORM_XML;
}

vs_rc vs_document_form_of(const struct vs_source *document, enum vs_document_form *ret,
                          struct vs_error *err)
{
    uint8_t bytes[HEAD_BYTES];
    size_t len = document->size < sizeof bytes ? (size_t)document->size : sizeof bytes;
    VS_TRY(vs_source_read(document, 0, bytes, len, err));
    struct vs_bytes head = VS_BYTES(bytes, len);
    *ret = VS_FORM_UNSIGNED;
    if (len < 4)
        return VS_OK;
    if (vs_bytes_starts(head, "PK\003\004") || vs_bytes_starts(head, "PK\005\006"))
        *ret = VS_FORM_ASIC_E;
    else if (bytes[0] == 0x30)
        *ret = asn1_form(head);
    else if (holds(head, 1024, "%PDF-", 5))
        *ret = VS_FORM_PDF;
    else {
        size_t at = vs_bytes_starts(head, "\xef\xbb\xbf") ? 3 : 0;
        while (at < len && (bytes[at] == ' ' || bytes[at] == '\t' || bytes[at] == '\r' ||
                            bytes[at] == '\n'))
            at++;
        if (at < len && bytes[at] == '<')
            *ret = xml_form(VS_BYTES(bytes + at, len - at));
    }
    return VS_OK;
}
