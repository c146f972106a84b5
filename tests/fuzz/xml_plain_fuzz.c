/* The quick reader of plain XML against libxml2: what it takes, libxml2 takes too, as the same
 * tree. */
#include "formats/formats.h"
#include "tests/support/plain_oracle.h"
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vs_error err;
    VS_ASSERT(vs_ok(vs_formats_init(&err)));
    const char *difference = plain_compare(VS_BYTES(data, size), NULL);
    if (difference != NULL)
        fprintf(stderr, "%s\n", difference);
    VS_ASSERT(difference == NULL);
    return 0;
}
