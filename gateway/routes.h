/* routes.h - everything that the service answers to, as one table.
 *
 * A new call is a row here, a handler in rest/, soap/ or trust/, and an entry in
 * conf/openapi.yaml (tests/style compares them). Handlers are declared in gateway/rest/rest.h
 * and gateway/trust/trust.h. The meaning of a row's fields: gateway/http/server.h. */
#ifndef VS_GATEWAY_ROUTES_H
#define VS_GATEWAY_ROUTES_H
#include "gateway/http/server.h"

extern const struct vs_route vs_routes[];
extern const size_t vs_n_routes;
#endif
