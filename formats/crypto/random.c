#include "formats/crypto/random.h"
#include <openssl/rand.h>

void vs_random(void *to, size_t len)
{
    uint8_t *at = to;
    while (len > 0) {
        int step = len > 65536 ? 65536 : (int)len;
        VS_ASSERT(RAND_bytes(at, step) == 1);
        at += step;
        len -= (size_t)step;
    }
}
