/* soap_priv.h - one SOAP call, between the files of gateway/soap. */
#ifndef VS_GATEWAY_SOAP_PRIV_H
#define VS_GATEWAY_SOAP_PRIV_H
#include "formats/xml/stream.h"
#include "gateway/http/multipart.h"
#include "gateway/soap/operations.h"
#include "gateway/soap/soap.h"

enum {
    VS_SOAP_INLINE_MAX = 6 << 20,       /* bytes of a document in base64 */
    VS_SOAP_INLINE_TEXT_MAX = 12 << 20, /* characters of it, white space and all */
    VS_SOAP_ENVELOPE_MAX = 256 << 10,   /* bytes of everything else, as JSON bodies of REST */
};

enum vs_soap_version { VS_SOAP_UNKNOWN, VS_SOAP_1_1, VS_SOAP_1_2 };
#define VS_SOAP_1_1_NAMESPACE "http://schemas.xmlsoap.org/soap/envelope/"
#define VS_SOAP_1_2_NAMESPACE "http://www.w3.org/2003/05/soap-envelope"
#define VS_SOAP_1_1_TYPE      "text/xml"
#define VS_SOAP_1_2_TYPE      "application/soap+xml"
#define VS_XOP_TYPE           "application/xop+xml"
#define VS_XOP_NAMESPACE      "http://www.w3.org/2004/08/xop/include"

struct vs_soap_call {
    struct vs_request *request;
    enum vs_soap_version version; /* of its media type, then of its envelope */
    bool answer_mtom;

    struct vs_multipart *multipart; /* NULL: the body is the envelope */
    struct vs_xml_stream *stream;   /* until the envelope has ended */
    struct vs_xml *xml;             /* from then on */
    unsigned parts;

    const struct vs_xml_node *envelope, *body, *element; /* element: the operation's */
    const struct vs_soap_operation *operation;
    const struct vs_route *row;
    const struct vs_xml_node *content;
    const char *include; /* Content-ID of the part that is the content */
    bool included;       /* it has come */
    bool row_begun;      /* its inputs are put, its `begin` was called */
    bool have_text;      /* of the content, inline */
    struct vs_base64 base64;
    uint64_t inline_bytes, inline_text;
    const char *block_namespace, *block_name; /* the header block that was not understood */
};

/* envelope.c: what the stream tells. */
extern const struct vs_xml_limits vs_soap_limits;
vs_rc vs_soap_on_element(void *call, const struct vs_xml_node *element, bool *ret_apart,
                         struct vs_error *err);
vs_rc vs_soap_on_text(void *call, struct vs_bytes piece, struct vs_error *err);
/* The envelope's last byte has come. */
VS_NODISCARD vs_rc vs_soap_envelope_end(struct vs_soap_call *call, struct vs_error *err);
/* soap.c: all bytes have come; the row's handler may be called. */
VS_NODISCARD vs_rc vs_soap_end(struct vs_soap_call *call, struct vs_error *err);

/* inputs.c: the elements that have come are put where the row looks for them, and the row's
 * `begin` is called. `media_type`: of the attached part, "" for none. */
VS_NODISCARD vs_rc vs_soap_begin_row(struct vs_soap_call *call, const char *media_type,
                                     struct vs_error *err);
#endif
