/* PKCS#10: what is taken has a key that certificates can be made for. */
#include "formats/certificate/issue.h"
#include "formats/crypto/key.h"
#include "tests/support/pki.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vs_certificate_request request;
    struct vs_error err;
    uint8_t key_id[20];
    /* The signature would stop nearly every input; what lies behind it is to be reached. */
    vs_check_disable(VS_E_CERTIFICATE);
    vs_rc rc =
        vs_certificate_request_decode(VS_BYTES(data, size), VS_PKI_EPOCH, &request, &err);
    vs_check_disable(VS_E_NONE);
    if (!vs_ok(rc))
        return 0;
    VS_ASSERT(request.subject.ptr >= data && request.subject.ptr < data + size);
    VS_ASSERT(vs_ok(vs_key_identifier(request.spki, key_id, &err)));
    return 0;
}
