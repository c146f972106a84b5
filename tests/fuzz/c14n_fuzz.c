/* Our canonicalisation against libxml2's: the same bytes for every method and subtree. */
#include "formats/formats.h"
#include "tests/support/c14n_oracle.h"
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vs_error err;
    VS_ASSERT(vs_ok(vs_formats_init(&err)));
    const char *difference = c14n_compare(VS_BYTES(data, size), 4);
    if (difference != NULL)
        fprintf(stderr, "%s\n", difference);
    VS_ASSERT(difference == NULL);
    return 0;
}
