/* Answers that go on: one part after the other, the connection suspended in between. */
#include "gateway/http/http_priv.h"

enum { PART_BYTES = 1 << 20, BLOCK = 4 << 10 };

void vs_respond_parts(struct vs_request *request, const char *media_type, vs_handler *more)
{
    vs_buffer_init(&request->part, PART_BYTES);
    request->more = more;
    vs_respond(request, 200, media_type, VS_BYTES_NONE);
}

void vs_respond_part(struct vs_request *request, struct vs_bytes bytes)
{
    VS_ASSERT(request->part_at == request->part.len);
    vs_buffer_clear(&request->part);
    request->part_at = 0;
    vs_buffer_add(&request->part, bytes);
}

void vs_respond_end(struct vs_request *request)
{
    request->more_ended = true;
}

/* As run_handler (dispatch.c): counting this in n_held before `closing` is looked at is what
 * vs_server_stop relies on. Returns whether the request is held now: not to be touched. */
static bool ask_for_more(struct vs_request *request)
{
    struct vs_server *server = request->server;
    request->suspended = false;
    atomic_store(&request->holds, 1);
    atomic_fetch_add(&server->n_held, 1);
    struct vs_error err;
    bool ends = atomic_load(&server->closing) || !vs_ok(request->more(request, &err));
    if (ends)
        request->more_ended = true;
    bool held = request->suspended;
    if (held)
        vs_request_release(request); /* this thread's own; nothing of it is touched after */
    atomic_fetch_sub(&server->n_held, 1);
    return held;
}

static ssize_t read_part(void *context, uint64_t offset, char *to, size_t max)
{
    struct vs_request *request = context;
    (void)offset;
    while (request->part_at == request->part.len) {
        /* Thousands wait: an idle one keeps no memory for what it has sent. */
        vs_buffer_done(&request->part);
        vs_buffer_init(&request->part, PART_BYTES);
        request->part_at = 0;
        if (request->more_ended)
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (ask_for_more(request))
            return 0;
    }
    size_t left = request->part.len - request->part_at;
    size_t len = left < max ? left : max;
    memcpy(to, request->part.ptr + request->part_at, len);
    request->part_at += len;
    request->parts_sent += len;
    return (ssize_t)len;
}

struct MHD_Response *vs_http_parts_response(struct vs_request *request)
{
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_part, request, NULL);
}
