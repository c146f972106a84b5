/* The time-stamping authority: whatever is asked, the answer is one well-formed response, and a
 * token that is granted is one that our own client takes for the same question. */
#include "formats/timestamp/authority.h"
#include "tests/support/pki.h"

static struct vs_pki *pki;
static struct vs_tsa *tsa;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    struct vs_error err;
    pki = vs_pki_new();
    struct vs_bytes chain[] = {pki->tsa.certificate, pki->authority.certificate};
    struct vs_tsa_settings settings = {
        .policy = "0.4.0.2023.1.1", .accuracy_ms = 1000, .chain = chain, .n_chain = 2};
    return vs_ok(vs_tsa_new(&settings, &tsa, &err)) ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t serial[] = {1, 2, 3};
    struct vs_tsa_moment moment = {.time = VS_PKI_EPOCH,
                                   .serial = VS_BYTES(serial, sizeof serial),
                                   .signer = &pki->tsa.signer};
    VS_ARENA *arena = vs_arena_new(1 << 20);
    VS_BUFFER answer;
    struct vs_error err;
    enum vs_pki_failure refusal, disagreement;
    struct vs_timestamp_response response;
    struct vs_timestamp_request request;
    const struct vs_timestamp *token;
    vs_buffer_init(&answer, 1 << 16);
    VS_ASSERT(
        vs_ok(vs_tsa_answer(tsa, VS_BYTES(data, size), &moment, &answer, &refusal, &err)));
    VS_ASSERT(vs_ok(vs_timestamp_response_decode(vs_buffer_view(&answer), &response, &err)));
    VS_ASSERT((response.token.len > 0) == (refusal == VS_PKI_NONE));
    if (refusal != VS_PKI_NONE)
        return 0;
    VS_ASSERT(vs_ok(vs_timestamp_decode(arena, response.token, &token, &err)));
    if (vs_ok(vs_timestamp_request_decode(VS_BYTES(data, size), &request, &disagreement, &err)))
        VS_ASSERT(vs_ok(vs_timestamp_response_match(arena, &response, &request, &token, &err)));
    return 0;
}
