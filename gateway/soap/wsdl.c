#include "gateway/call.h"
#include "gateway/soap/soap.h"

/* The file as it is in conf/wsdl, in the program: it is served without being installed. */
__asm__(".section .rodata\n"
        "vs_soap_wsdl_begins:\n"
        ".incbin \"" VASITE_WSDL "\"\n"
        "vs_soap_wsdl_ends:\n"
        ".previous\n");
extern const char vs_soap_wsdl_begins[], vs_soap_wsdl_ends[];

/* What the file says where the service is; each is replaced. */
#define ADDRESS "https://127.0.0.1:8443/soap"

vs_rc vs_soap_wsdl(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "wsdl", err));
    VS_REFUSE_IF(vs_request_query(request, "wsdl") == NULL, err, VS_E_PARAMETER, NULL,
                 "ask for /soap?wsdl");
    const char *url = vs_relay_settings_of(vs_relay_of(request))->service_url;
    size_t url_len = strlen(url);
    while (url_len > 0 && url[url_len - 1] == '/')
        url_len--;
    VS_BUFFER text;
    vs_buffer_init(&text, 1 << 20);
    const char *at = vs_soap_wsdl_begins, *end = vs_soap_wsdl_ends;
    for (const char *next;
         (next = memmem(at, (size_t)(end - at), ADDRESS, strlen(ADDRESS))) != NULL;
         at = next + strlen(ADDRESS)) {
        vs_buffer_add(&text, VS_BYTES(at, (size_t)(next - at)));
        char *address =
            vs_arena_printf(vs_request_arena(request), "%.*s/soap", (int)url_len, url);
        vs_buffer_xml(&text, address == NULL ? "" : address);
    }
    vs_buffer_add(&text, VS_BYTES(at, (size_t)(end - at)));
    struct vs_bytes body = VS_BYTES_NONE;
    VS_TRY(vs_buffer_copy(&text, vs_request_arena(request), &body, err));
    vs_respond(request, 200, "text/xml; charset=utf-8", body);
    return VS_OK;
}
