/* views.h - what relay knows, as JSON; the one place that names members (conf/openapi.yaml). */
#ifndef VS_GATEWAY_REST_VIEWS_H
#define VS_GATEWAY_REST_VIEWS_H
#include "gateway/rest/json.h"
#include "relay/exchange/agreements.h"
#include "relay/exchange/status.h"
#include "relay/exchange/submit.h"

void vs_view_participant(struct vs_json *json, const char *name,
                         const struct vs_participant *participant);
void vs_view_principal(struct vs_json *json, const char *name,
                       const struct vs_principal *principal);
void vs_view_agreement(struct vs_json *json, const char *name,
                       const struct vs_agreement *agreement);
void vs_view_delivery(struct vs_json *json, const char *name,
                      const struct vs_delivery *delivery);
void vs_view_status(struct vs_json *json, const char *name, const struct vs_status *status);
void vs_view_evidence(struct vs_json *json, const char *name,
                      const struct vs_evidence *evidence);
struct vs_deed; /* relay/archive/deed.h */
void vs_view_deed(struct vs_json *json, const char *name, const struct vs_deed *deed);
/* Members only: they stand in an object of their own, or in a problem. */
void vs_view_receipt(struct vs_json *json, const struct vs_receipt *receipt);
/* {"entries":[…],"cursor":…,"more":…} */
void vs_view_page(struct vs_json *json, const struct vs_page *page);

/* A term of an agreement in words, and back: yes, no, a choice's name, names separated by
 * commas, "3 d", months. */
void vs_term_text(const struct vs_terms *terms, const struct vs_term_field *field,
                  struct vs_buffer *out);
/* VS_E_PARAMETER names the term. */
VS_NODISCARD vs_rc vs_term_parse(struct vs_terms *terms, const char *name, const char *text,
                                 struct vs_error *err);
#endif
