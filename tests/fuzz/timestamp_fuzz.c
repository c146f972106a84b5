/* Time-stamp tokens, responses and requests. */
#include "formats/timestamp/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(struct vs_arena *arena, const struct vs_timestamp *ts)
{
    struct vs_error err;
    VS_CERTIFICATE *signer = NULL;
    enum vs_timestamp_verdict verdict;
    const char *why = NULL;
    VS_ASSERT(ts->gen_time != VS_TIME_NONE && ts->accuracy_ms >= 0);
    (void)vs_timestamp_policy_text(arena, ts);
    VS_ASSERT(vs_ok(vs_timestamp_signer(ts, NULL, 0, &signer, &err)));
    if (signer != NULL) {
        VS_ASSERT(vs_ok(vs_timestamp_verify(ts, signer, &verdict, &why, &err)));
        VS_ASSERT((why == NULL) == (verdict == VS_TIMESTAMP_OK));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vs_bytes bytes = VS_BYTES(data, size);
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new((size_t)4 << 20);
    const struct vs_timestamp *ts;
    if (vs_ok(vs_timestamp_decode(arena, bytes, &ts, &err)))
        look(arena, ts);
    struct vs_timestamp_request request;
    enum vs_pki_failure failure;
    if (vs_ok(vs_timestamp_request_decode(bytes, &request, &failure, &err))) {
        VS_BUFFER again;
        vs_buffer_init(&again, 8192);
        vs_timestamp_request_encode(&request, &again);
        VS_ASSERT(vs_ok(vs_buffer_check(&again, &err)));
    }
    struct vs_timestamp_response response;
    struct vs_timestamp_request empty = {.cert_req = false};
    if (vs_ok(vs_timestamp_response_decode(bytes, &response, &err)))
        (void)!vs_ok(vs_timestamp_response_match(arena, &response, &empty, &ts, &err));
    return 0;
}
