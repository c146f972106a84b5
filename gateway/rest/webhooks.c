/* What endpoints need to tell requests of ours from others'. */
#include "gateway/call.h"
#include "gateway/rest/json.h"
#include "gateway/rest/rest.h"
#include "relay/exchange/webhook.h"

static vs_rc run_key(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                     vs_time_ms now, struct vs_error *err)
{
    struct vs_webhook_key key;
    (void)now;
    VS_TRY(vs_webhook_key(relay, job->arena, &key, err));
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_json_string(&json, "keyid", key.id);
    vs_json_string(&json, "algorithm", key.algorithm);
    vs_json_string(&json, "public_key", key.pem);
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_webhook_key(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "", err));
    return vs_call(request, run_key, NULL, err);
}
