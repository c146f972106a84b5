/* rest.h - the handlers of the rows of gateway/routes.c that speak JSON; each file of this
 * folder has one resource. Contract of a handler: gateway/http/server.h. */
#ifndef VS_GATEWAY_REST_H
#define VS_GATEWAY_REST_H
#include "gateway/http/server.h"

vs_handler vs_rest_authenticate;
vs_handler vs_rest_healthz;
#endif
