#include "gateway/soap/soap_priv.h"

static void call_free(void *door)
{
    struct vs_soap_call *self = door;
    vs_multipart_free(self->multipart);
    vs_xml_stream_free(self->stream);
    vs_xml_free(self->xml);
}

/* ---- parts of MTOM ------------------------------------------------------------------------
 */

/* XOP, 4.1: the envelope first, then the one part that it includes. */
static vs_rc on_part(void *context, const struct vs_multipart_part *part, struct vs_error *err)
{
    struct vs_soap_call *self = context;
    if (self->parts++ == 0) {
        char start[256] = "";
        (void)vs_header_parameter(vs_request_header(self->request, "Content-Type"), "start",
                                  start, sizeof start);
        size_t len = strlen(part->id);
        bool is_start = strlen(start) == len + 2 && strncmp(start + 1, part->id, len) == 0;
        VS_REFUSE_IF(start[0] != '\0' && !is_start, err, VS_E_SOAP, "RFC 2387, 3.2",
                     "the first part is not the one that start names");
        VS_REFUSE_IF(strcmp(part->media_type, VS_XOP_TYPE) != 0, err, VS_E_MEDIA_TYPE,
                     "XOP, 4.1", "the envelope's part is not " VS_XOP_TYPE);
        return VS_OK;
    }
    if (self->xml == NULL)
        VS_TRY(vs_soap_envelope_end(self, err));
    bool wanted = self->include != NULL && strcmp(self->include, part->id) == 0;
    VS_REFUSE_IF(!wanted || self->included, err, VS_E_SOAP, "XOP, 4.1",
                 "a part that nothing includes");
    self->included = true;
    return vs_soap_begin_row(self, part->media_type, err);
}

static vs_rc on_data(void *context, struct vs_bytes bytes, struct vs_error *err)
{
    struct vs_soap_call *self = context;
    return self->parts == 1 ? vs_xml_stream_feed(self->stream, bytes, err)
                            : vs_request_put_body(self->request, bytes, err);
}

/* ---- the handlers -------------------------------------------------------------------------
 */

/* Bytes that say to be of another encoding must not be read as UTF-8. */
static vs_rc check_charset(const char *content_type, struct vs_error *err)
{
    char charset[32] = "";
    bool given = vs_header_parameter(content_type, "charset", charset, sizeof charset);
    VS_REFUSE_IF(given && strcasecmp(charset, "utf-8") != 0 &&
                     strcasecmp(charset, "us-ascii") != 0,
                 err, VS_E_MEDIA_TYPE, "SOAP 1.2, 7.1.4", "charset is not utf-8");
    return VS_OK;
}

static enum vs_soap_version version_of_type(const char *type)
{
    if (strncmp(type, VS_SOAP_1_2_TYPE, strlen(VS_SOAP_1_2_TYPE)) == 0)
        return VS_SOAP_1_2;
    return strncmp(type, VS_SOAP_1_1_TYPE, strlen(VS_SOAP_1_1_TYPE)) == 0 ? VS_SOAP_1_1
                                                                          : VS_SOAP_UNKNOWN;
}

static vs_rc begin_mtom(struct vs_soap_call *self, const char *content_type,
                        struct vs_error *err)
{
    char type[64] = "", start_info[256] = "";
    (void)vs_header_parameter(content_type, "type", type, sizeof type);
    (void)vs_header_parameter(content_type, "start-info", start_info, sizeof start_info);
    VS_REFUSE_IF(strcasecmp(type, VS_XOP_TYPE) != 0, err, VS_E_MEDIA_TYPE, "XOP, 4.1",
                 "multipart/related is taken with type=\"" VS_XOP_TYPE "\" only");
    self->version = version_of_type(start_info);
    struct vs_multipart_events events = {self, on_part, on_data};
    return vs_multipart_new(content_type, VS_MULTIPART_RELATED, &events, &self->multipart, err);
}

static bool asks_for_mtom(const struct vs_request *request)
{
    const char *accept = vs_request_header(request, "Accept");
    return accept != NULL && (strcasestr(accept, "multipart/related") != NULL ||
                              strcasestr(accept, VS_XOP_TYPE) != NULL);
}

vs_rc vs_soap_begin(struct vs_request *request, struct vs_error *err)
{
    struct vs_soap_call *self = vs_arena_make(vs_request_arena(request), struct vs_soap_call);
    if (self == NULL)
        return vs_fail_memory(err);
    const char *type = vs_request_media_type(request);
    VS_TRY(vs_request_query_only(request, "", err));
    VS_REFUSE_IF(type[0] == '\0', err, VS_E_MEDIA_TYPE, NULL, "Content-Type is missing");
    const char *content_type = vs_request_header(request, "Content-Type");
    VS_TRY(check_charset(content_type, err));
    bool mtom = strcmp(type, "multipart/related") == 0;
    *self = (struct vs_soap_call){.request = request,
                                  .version = version_of_type(type),
                                  .answer_mtom = mtom || asks_for_mtom(request)};
    struct vs_xml_stream_events events = {self, vs_soap_on_element, vs_soap_on_text};
    VS_TRY(vs_xml_stream_new(&vs_soap_limits, &events, &self->stream, err));
    vs_rc rc = mtom ? begin_mtom(self, content_type, err) : VS_OK;
    if (!vs_ok(rc)) {
        call_free(self);
        return rc;
    }
    /* From here on the call is SOAP's, and so are the statuses of its faults. */
    vs_request_set_door(request, self, call_free);
    return VS_OK;
}

vs_rc vs_soap_chunk(struct vs_request *request, struct vs_bytes bytes, struct vs_error *err)
{
    struct vs_soap_call *self = vs_request_door(request);
    return self->multipart != NULL ? vs_multipart_feed(self->multipart, bytes, err)
                                   : vs_xml_stream_feed(self->stream, bytes, err);
}

vs_rc vs_soap_end(struct vs_soap_call *self, struct vs_error *err)
{
    if (self->multipart != NULL)
        VS_TRY(vs_multipart_end(self->multipart, err));
    if (self->xml == NULL)
        VS_TRY(vs_soap_envelope_end(self, err));
    VS_REFUSE_IF(self->include != NULL && !self->included, err, VS_E_SOAP, "XOP, 4.1",
                 "the part that xop:Include names has not come");
    return self->row_begun ? VS_OK : vs_soap_begin_row(self, "", err);
}

vs_rc vs_soap(struct vs_request *request, struct vs_error *err)
{
    struct vs_soap_call *self = vs_request_door(request);
    VS_TRY(vs_soap_end(self, err));
    return self->row->handle(request, err);
}
