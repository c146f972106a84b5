/* OCSP responses and requests, against one certificate that asks. */
#include "formats/certificate/ocsp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct vs_ocsp *ocsp)
{
    struct vs_error err;
    VS_CERTIFICATE *c = NULL;
    for (size_t i = 0; i < ocsp->n_certificates && c == NULL; i++)
        (void)!vs_ok(vs_certificate_get(ocsp->certificates[i], &c, &err));
    if (c == NULL)
        return;
    struct vs_statement s;
    (void)vs_ocsp_find(ocsp, c, c, &s);
    VS_OCSP_SIGNER signer;
    const struct vs_certificate *list = c;
    VS_ASSERT(vs_ok(vs_ocsp_verify(ocsp, c, &list, 1, &list, 1, &signer, &err)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new((size_t)4 << 20);
    const struct vs_ocsp *ocsp;
    if (vs_ok(vs_ocsp_decode(arena, VS_BYTES(data, size), &ocsp, &err)))
        look(ocsp);
    struct vs_ocsp_request request;
    if (vs_ok(vs_ocsp_request_decode(arena, VS_BYTES(data, size), &request, &err)))
        VS_ASSERT(request.n_ids > 0);
    return 0;
}
