#include "gateway/soap/operations.h"
#include "gateway/routes.h"

#define CONTENT                                                                                \
    {                                                                                          \
        "content", VS_SOAP_CONTENT, true, NULL, NULL                                           \
    }
#define ID                                                                                     \
    {                                                                                          \
        "id", VS_SOAP_PARAM, true, NULL, NULL                                                  \
    }
#define QUERY(name)                                                                            \
    {                                                                                          \
        name, VS_SOAP_QUERY, false, NULL, NULL                                                 \
    }
#define PAGE                                                                                   \
    {                                                                                          \
        QUERY("cursor"), QUERY("limit"), QUERY("wait")                                         \
    }

const struct vs_soap_operation vs_soap_operations[] = {
    {"Submit",
     "POST",
     "/v1/documents",
     {{"idempotency_key", VS_SOAP_HEADER, false, "Idempotency-Key", NULL},
      {"to", VS_SOAP_QUERY_LIST, false, NULL, NULL},
      QUERY("subject"),
      QUERY("number"),
      QUERY("date"),
      QUERY("name"),
      QUERY("retention"),
      QUERY("deadline"),
      {"intended_repeat", VS_SOAP_QUERY_YES, false, NULL, NULL},
      {"media_type", VS_SOAP_MEDIA_TYPE, false, NULL, NULL},
      CONTENT}},
    {"ListInbox", "GET", "/v1/inbox", PAGE},
    {"ListEvents", "GET", "/v1/events", PAGE},
    {"FetchOriginal", "GET", "/v1/documents/{id}/original", {ID}},
    {"FetchConsignment", "GET", "/v1/documents/{id}/consignment", {ID}},
    {"Acknowledge",
     "POST",
     "/v1/documents/{id}/acknowledgement",
     {ID,
      {"conforms", VS_SOAP_JSON_BOOLEAN, true, NULL, NULL},
      {"reason", VS_SOAP_JSON, false, NULL, NULL}}},
    {"GetStatus", "GET", "/v1/documents/{id}", {ID}},
    {"GetEvidence",
     "GET",
     "/v1/evidence/{id}",
     {ID,
      {"media_type", VS_SOAP_HEADER, false, "Accept",
       "application/xml application/vnd.etsi.asic-s+zip"}}},
    {"Verify", "POST", "/v1/verifications", {QUERY("name"), CONTENT}},
};
const size_t vs_soap_n_operations = sizeof vs_soap_operations / sizeof vs_soap_operations[0];

const struct vs_soap_operation *vs_soap_operation_by_name(const char *name)
{
    for (size_t i = 0; i < vs_soap_n_operations; i++)
        if (strcmp(vs_soap_operations[i].name, name) == 0)
            return &vs_soap_operations[i];
    return NULL;
}

const struct vs_soap_field *vs_soap_field_of(const struct vs_soap_operation *operation,
                                             const char *name)
{
    for (const struct vs_soap_field *field = operation->fields; field->name != NULL; field++)
        if (strcmp(field->name, name) == 0)
            return field;
    return NULL;
}

const struct vs_route *vs_soap_row(const struct vs_soap_operation *operation)
{
    for (size_t i = 0; i < vs_n_routes; i++)
        if (strcmp(vs_routes[i].method, operation->method) == 0 &&
            strcmp(vs_routes[i].path, operation->path) == 0)
            return &vs_routes[i];
    vs_bug(__FILE__, __LINE__, "an operation has its row");
}
