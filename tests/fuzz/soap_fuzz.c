/* A SOAP call up to its row's handler: envelope or MTOM, cut at places that the input chooses:
 * the same outcome and the same inputs as uncut. The caller may not submit, since a submission
 * begins in relay; every other operation is reached. */
#include "formats/formats.h"
#include "tests/support/soap_call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const TYPES[] = {
    "text/xml; charset=utf-8",
    "application/soap+xml",
    "multipart/related; type=\"application/xop+xml\"; boundary=XX; start=\"<r>\"",
};

static bool call(const char *type, struct vs_bytes body, size_t step, struct vs_buffer *out)
{
    struct vs_error err;
    struct test_soap_call of = {.content_type = type, .body = body, .step = step};
    vs_rc rc = test_soap_call(&of, out, &err);
    if (!vs_ok(rc))
        VS_ASSERT(!vs_text_has_controls(vs_bytes_text(err.text)));
    return vs_ok(rc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vs_error err;
    VS_ASSERT(vs_ok(vs_formats_init(&err)));
    if (size < 2 || size > 1 << 16)
        return 0;
    const char *type = TYPES[data[0] % 3];
    struct vs_bytes text = VS_BYTES(data + 1, size - 1);
    VS_BUFFER whole, cut;
    vs_buffer_init(&whole, 1 << 20);
    vs_buffer_init(&cut, 1 << 20);
    bool good = call(type, text, text.len, &whole);
    VS_ASSERT(call(type, text, 1 + data[0] / 3, &cut) == good);
    VS_ASSERT(vs_bytes_equal(vs_buffer_view(&whole), vs_buffer_view(&cut)));
    return 0;
}
