#include "gateway/rest/rest.h"

vs_rc vs_rest_healthz(struct vs_request *request, struct vs_error *err)
{
    (void)err;
    vs_respond(request, 200, "application/json", VS_BYTES_LITERAL("{\"status\":\"ok\"}"));
    return VS_OK;
}
