#include "tests/support/soap_call.h"
#include "gateway/http/http_priv.h"
#include "gateway/soap/soap_priv.h"

static struct vs_server server = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .options = {.limits = {.document_bytes = 1 << 20}},
};

static struct vs_request *request_new(const struct test_soap_call *of)
{
    struct vs_request *request = vs_heap_new(sizeof *request);
    request->server = &server;
    request->arena = vs_arena_new(16 << 20);
    VS_ASSERT(request->arena != NULL);
    request->method = "POST";
    request->media_type =
        vs_arena_strndup(request->arena, of->content_type, strcspn(of->content_type, ";"));
    request->rights = VS_RIGHT_ANY | VS_RIGHT_RECIPIENT;
    request->headers[request->n_headers++] = (struct pair){"Content-Type", of->content_type};
    if (of->soap_action != NULL)
        request->headers[request->n_headers++] = (struct pair){"SOAPAction", of->soap_action};
    return request;
}

static void request_free(struct vs_request *request)
{
    if (request->free_door != NULL)
        request->free_door(request->door);
    vs_buffer_done(&request->body);
    vs_arena_free(request->arena);
    vs_heap_free(request);
}

static void note_pairs(const struct pair *pairs, size_t n, struct vs_buffer *out)
{
    for (size_t i = 0; i < n; i++) {
        vs_buffer_text(out, pairs[i].name);
        vs_buffer_byte(out, '=');
        vs_buffer_text(out, pairs[i].value);
        vs_buffer_byte(out, ';');
    }
}

vs_rc test_soap_call(const struct test_soap_call *of, struct vs_buffer *out,
                     struct vs_error *err)
{
    struct vs_request *request = request_new(of);
    vs_rc rc = vs_soap_begin(request, err);
    for (size_t i = 0; i < of->body.len && vs_ok(rc); i += of->step) {
        size_t left = of->body.len - i;
        rc = vs_soap_chunk(request,
                           VS_BYTES(of->body.ptr + i, left < of->step ? left : of->step), err);
    }
    if (vs_ok(rc))
        rc = vs_soap_end(vs_request_door(request), err);
    if (vs_ok(rc)) {
        note_pairs(request->params, request->n_params, out);
        note_pairs(request->query, request->n_query, out);
        note_pairs(request->headers + 1, request->n_headers - 1, out);
        vs_buffer_text(out, request->media_type);
        vs_buffer_byte(out, ';');
        vs_buffer_add(out, vs_buffer_view(&request->body));
    }
    request_free(request);
    return rc;
}
