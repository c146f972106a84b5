/* Reading signatures: any bytes, as a file; every reference, imprint and value is then checked.
 * Nothing but a crash, a leak or a broken promise of the headers is a finding. */
#include "formats/formats.h"
#include "formats/signature/xades.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct vs_xades *x)
{
    struct vs_error err;
    struct vs_bytes_source outside;
    vs_bytes_source_init(&outside, VS_BYTES_LITERAL("<a>outside</a>"));
    struct vs_dsig_resolver resolver = vs_dsig_resolver_of_source(&outside.source);
    for (size_t i = 0; i < x->dsig.n_references; i++) {
        enum vs_dsig_state state;
        (void)!vs_ok(vs_dsig_check_reference(&x->dsig, i, &resolver, &state, &err));
    }
    for (size_t i = 0; i < x->n_timestamps; i++) {
        struct vs_digest digest;
        bool known;
        (void)!vs_ok(vs_xades_imprint(x, &x->timestamps[i], VS_SHA256, &resolver, &digest,
                                      &known, &err));
    }
    /* Properties count only where a reference to exactly them is there. */
    bool is_signed = false;
    for (size_t i = 0; i < x->dsig.n_signed_references; i++)
        is_signed |= vs_text_equal(x->dsig.references[i].type, VS_XADES_TYPE_PROPERTIES);
    VS_ASSERT(!x->has_properties || is_signed);
    VS_ASSERT(x->level == VS_XADES_NONE || x->has_properties);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vs_error err;
    VS_ASSERT(vs_ok(vs_formats_init(&err)));
    VS_XADES *file = NULL;
    if (!vs_ok(vs_xades_read(VS_BYTES(data, size), NULL, &file, &err)))
        return 0;
    for (size_t i = 0; i < file->n_signatures; i++)
        if (file->signatures[i].refusal.code == VS_E_NONE)
            check(&file->signatures[i]);
    return 0;
}
