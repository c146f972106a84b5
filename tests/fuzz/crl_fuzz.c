/* CRLs. The input's first half is a certificate's place: its length stands in two octets. */
#include "formats/certificate/crl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || vs_get_u16(data) > size - 2)
        return 0;
    size_t len = vs_get_u16(data);
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new((size_t)4 << 20);
    VS_CERTIFICATE *c = NULL;
    (void)!vs_ok(vs_certificate_get(VS_BYTES(data + 2, len), &c, &err));
    const struct vs_crl *crl;
    struct vs_statement s;
    enum vs_crl_right right;
    if (!vs_ok(vs_crl_decode(arena, VS_BYTES(data + 2 + len, size - 2 - len), &crl, &err)))
        return 0;
    if (c != NULL) {
        (void)vs_crl_find(crl, c, &s);
        VS_ASSERT(vs_ok(vs_crl_verify(crl, c, &right, &err)));
    }
    return 0;
}
