/* Our canonicalisation against libxml2's: the same bytes for every method and subtree. */
#include "formats/formats.h"
#include "tests/support/c14n_oracle.h"
#include <libxml/xmlerror.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void silent(void *context, const char *message, ...)
{
    (void)context, (void)message;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vs_error err;
    VS_ASSERT(vs_ok(vs_formats_init(&err)));
    xmlSetGenericErrorFunc(NULL, silent);
    const char *difference = c14n_compare(VS_BYTES(data, size), 4);
    if (difference != NULL)
        fprintf(stderr, "%s\n", difference);
    VS_ASSERT(difference == NULL);
    return 0;
}
