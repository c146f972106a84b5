/* A SOAP call up to its row's handler: envelope or MTOM, cut at places that the input chooses:
 * the same outcome and the same inputs as uncut. The caller may not submit, since a submission
 * begins in relay; every other operation is reached. */
#include "formats/formats.h"
#include "gateway/http/http_priv.h"
#include "gateway/routes.h"
#include "gateway/soap/soap_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const TYPES[] = {
    "text/xml; charset=utf-8",
    "application/soap+xml",
    "multipart/related; type=\"application/xop+xml\"; boundary=XX; start=\"<r>\"",
};

static struct vs_server server = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .options = {.limits = {.document_bytes = 1 << 20}},
};

static void request_init(struct vs_request *request, const char *type, struct vs_arena *arena)
{
    *request =
        (struct vs_request){.server = &server,
                            .arena = arena,
                            .method = "POST",
                            .media_type = vs_arena_strndup(arena, type, strcspn(type, ";")),
                            .rights = VS_RIGHT_ANY | VS_RIGHT_RECIPIENT};
    request->headers[request->n_headers++] = (struct pair){"Content-Type", type};
}

/* Everything that the row would see. */
static void note(const struct vs_request *request, struct vs_buffer *out)
{
    for (size_t i = 0; i < request->n_params; i++)
        vs_buffer_printf(out, "%s=%s;", request->params[i].name, request->params[i].value);
    for (size_t i = 0; i < request->n_query; i++)
        vs_buffer_printf(out, "%s=%s;", request->query[i].name, request->query[i].value);
    for (size_t i = 0; i < request->n_headers; i++)
        vs_buffer_printf(out, "%s=%s;", request->headers[i].name, request->headers[i].value);
    vs_buffer_printf(out, "%s;", request->media_type);
    vs_buffer_add(out, vs_buffer_view(&request->body));
}

static bool call(const char *type, struct vs_bytes text, size_t step, struct vs_buffer *out)
{
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(16 << 20);
    struct vs_request *request = vs_heap_new(sizeof *request);
    request_init(request, type, arena);
    vs_rc rc = vs_soap_begin(request, &err);
    for (size_t i = 0; i < text.len && vs_ok(rc); i += step)
        rc = vs_soap_chunk(
            request, VS_BYTES(text.ptr + i, text.len - i < step ? text.len - i : step), &err);
    if (vs_ok(rc))
        rc = vs_soap_end(vs_request_door(request), &err);
    if (vs_ok(rc))
        note(request, out);
    else
        VS_ASSERT(!vs_text_has_controls(vs_bytes_text(err.text)));
    if (request->free_door != NULL)
        request->free_door(request->door);
    vs_buffer_done(&request->body);
    vs_heap_free(request);
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
