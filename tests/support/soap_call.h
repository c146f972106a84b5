/* soap_call.h - a SOAP call up to its row's handler, without a server and without relay: what
 * the row would see. The caller may everything but submit, since a submission begins in relay.
 */
#ifndef VS_TESTS_SUPPORT_SOAP_CALL_H
#define VS_TESTS_SUPPORT_SOAP_CALL_H
#include "formats/base/base.h"

struct test_soap_call {
    const char *content_type, *soap_action; /* soap_action may be NULL */
    struct vs_bytes body;
    size_t step; /* bytes at a time */
};

/* On success every input of the row is appended to `out`: "id=...;", and then its body. */
VS_NODISCARD vs_rc test_soap_call(const struct test_soap_call *of, struct vs_buffer *out,
                                  struct vs_error *err);
#endif
