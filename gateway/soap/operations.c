#include "gateway/soap/operations.h"
#include "gateway/routes.h"

#define REQUIRED true, NULL, NULL
#define OPTIONAL false, NULL, NULL

const struct vs_soap_operation vs_soap_operations[] = {
    {"Submit",
     "POST",
     "/v1/documents",
     {{"idempotency_key", VS_SOAP_HEADER, false, "Idempotency-Key", NULL},
      {"to", VS_SOAP_QUERY_LIST, OPTIONAL},
      {"subject", VS_SOAP_QUERY, OPTIONAL},
      {"number", VS_SOAP_QUERY, OPTIONAL},
      {"date", VS_SOAP_QUERY, OPTIONAL},
      {"name", VS_SOAP_QUERY, OPTIONAL},
      {"retention", VS_SOAP_QUERY, OPTIONAL},
      {"deadline", VS_SOAP_QUERY, OPTIONAL},
      {"intended_repeat", VS_SOAP_QUERY_YES, OPTIONAL},
      {"media_type", VS_SOAP_MEDIA_TYPE, OPTIONAL},
      {"content", VS_SOAP_CONTENT, REQUIRED}}},
    {"ListInbox",
     "GET",
     "/v1/inbox",
     {{"cursor", VS_SOAP_QUERY, OPTIONAL},
      {"limit", VS_SOAP_QUERY, OPTIONAL},
      {"wait", VS_SOAP_QUERY, OPTIONAL}}},
    {"ListEvents",
     "GET",
     "/v1/events",
     {{"cursor", VS_SOAP_QUERY, OPTIONAL},
      {"limit", VS_SOAP_QUERY, OPTIONAL},
      {"wait", VS_SOAP_QUERY, OPTIONAL}}},
    {"FetchOriginal", "GET", "/v1/documents/{id}/original", {{"id", VS_SOAP_PARAM, REQUIRED}}},
    {"FetchConsignment",
     "GET",
     "/v1/documents/{id}/consignment",
     {{"id", VS_SOAP_PARAM, REQUIRED}}},
    {"Acknowledge",
     "POST",
     "/v1/documents/{id}/acknowledgement",
     {{"id", VS_SOAP_PARAM, REQUIRED},
      {"conforms", VS_SOAP_JSON_BOOLEAN, OPTIONAL},
      {"reason", VS_SOAP_JSON, OPTIONAL}}},
    {"GetStatus", "GET", "/v1/documents/{id}", {{"id", VS_SOAP_PARAM, REQUIRED}}},
    {"GetEvidence",
     "GET",
     "/v1/evidence/{id}",
     {{"id", VS_SOAP_PARAM, REQUIRED},
      {"media_type", VS_SOAP_HEADER, false, "Accept",
       "application/xml application/vnd.etsi.asic-s+zip"}}},
    {"Verify",
     "POST",
     "/v1/verifications",
     {{"name", VS_SOAP_QUERY, OPTIONAL}, {"content", VS_SOAP_CONTENT, REQUIRED}}},
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
