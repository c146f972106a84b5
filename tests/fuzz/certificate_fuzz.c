/* A certificate: what is read must be usable by every reader of its parts. */
#include "formats/certificate/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(struct vs_arena *arena, const struct vs_certificate *c)
{
    struct vs_error err;
    VS_ASSERT(vs_certificate_serial_text(arena, c) != NULL);
    (void)vs_name_text(arena, c->subject);
    for (int i = 0; i < VS_NAME_ATTRIBUTES; i++)
        (void)vs_name_attribute(arena, c->subject, (enum vs_attribute)i);
    for (int i = 0; i <= VS_ADDRESS_CRL; i++) {
        const char *const *list;
        size_t n;
        VS_ASSERT(
            vs_ok(vs_certificate_addresses(arena, c, (enum vs_address)i, &list, &n, &err)));
    }
    (void)vs_certificate_has_policy(c, "1.2.3");
    VS_ASSERT(vs_name_equal(c->subject, c->subject));
    struct vs_path_input input = {
        .certificate = c, .candidates = &c, .n_candidates = 1, .at = c->not_before};
    struct vs_path path;
    VS_ASSERT(vs_ok(vs_path_build(&input, &path, &err)) && path.verdict == VS_PATH_NONE);
    enum vs_signature_verdict verdict;
    VS_ASSERT(vs_ok(vs_certificate_verify_signed_by(c, c, &verdict, &err)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new((size_t)4 << 20);
    VS_CERTIFICATE *c = NULL;
    if (vs_ok(vs_certificate_decode(VS_BYTES(data, size), &c, &err)))
        look(arena, c);
    VS_CERTIFICATE *pem = NULL;
    (void)!vs_ok(vs_certificate_get_pem(VS_BYTES(data, size), &pem, &err));
    return 0;
}
