#include "gateway/routes.h"
#include "gateway/rest/rest.h"

const struct vs_route vs_routes[] = {
    {"GET", "/healthz", vs_rest_healthz, VS_RIGHT_PUBLIC, VS_ON_BOTH, VS_BODY_NONE, NULL, NULL,
     NULL, "Whether the process runs"},
};
const size_t vs_n_routes = sizeof vs_routes / sizeof vs_routes[0];
