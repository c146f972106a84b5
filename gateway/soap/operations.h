/* operations.h - the operations of the SOAP door, as one table: each names the row of
 * gateway/routes.c that it is, and where that row looks for each of its elements. The schema in
 * conf/wsdl/vasite.wsdl says the same to clients (tests/unit/gateway/soap compares them). */
#ifndef VS_GATEWAY_SOAP_OPERATIONS_H
#define VS_GATEWAY_SOAP_OPERATIONS_H
#include "gateway/http/server.h"

#define VS_SOAP_NAMESPACE "urn:vasite:soap:1"

enum vs_soap_place {
    VS_SOAP_PARAM, /* of the path */
    VS_SOAP_QUERY,
    VS_SOAP_QUERY_LIST, /* may occur more than once: joined by commas */
    VS_SOAP_QUERY_YES,  /* xs:boolean: "yes", or left out */
    VS_SOAP_HEADER,
    VS_SOAP_JSON,         /* a text of the JSON body */
    VS_SOAP_JSON_BOOLEAN, /* xs:boolean of the JSON body */
    VS_SOAP_MEDIA_TYPE,   /* of the document */
    VS_SOAP_CONTENT,      /* the document: xs:base64Binary or xop:Include; the last element */
};

struct vs_soap_field {
    const char *name; /* of the element; NULL: no more fields */
    enum vs_soap_place place;
    bool required;
    const char *as;    /* the row's name for it; NULL: the same */
    const char *words; /* if not NULL: it is one of these, separated by a space; the first is
                          given when the element is absent */
};

enum { VS_SOAP_FIELDS = 12 };
struct vs_soap_operation {
    const char *name; /* of the request element; "Response" behind it: of the answer's */
    const char *method, *path; /* of its row */
    struct vs_soap_field fields[VS_SOAP_FIELDS];
};
extern const struct vs_soap_operation vs_soap_operations[];
extern const size_t vs_soap_n_operations;

/* NULL where there is none of that name. */
const struct vs_soap_operation *vs_soap_operation_by_name(const char *name);
const struct vs_soap_field *vs_soap_field_of(const struct vs_soap_operation *operation,
                                             const char *name);
/* Its row of gateway/routes.c; never NULL. */
const struct vs_route *vs_soap_row(const struct vs_soap_operation *operation);
#endif
