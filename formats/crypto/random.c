#include "formats/crypto/random.h"
#include <openssl/rand.h>

/* Ids and salts are small and many: a call of the generator for each would cost more than the
 * bytes. Each thread has some in stock; a byte is given out once and wiped here. */
enum { STOCK = 1024, SMALL = 64 };

struct stock {
    uint8_t bytes[STOCK];
    size_t left;
};

static void take(struct stock *stock, uint8_t *to, size_t len)
{
    if (stock->left < len) {
        VS_ASSERT(RAND_bytes(stock->bytes, STOCK) == 1);
        stock->left = STOCK;
    }
    uint8_t *from = stock->bytes + stock->left - len;
    memcpy(to, from, len);
    vs_wipe(from, len);
    stock->left -= len;
}

void vs_random(void *to, size_t len)
{
    static _Thread_local struct stock stock;
    uint8_t *at = to;
    if (len <= SMALL) {
        take(&stock, at, len);
        return;
    }
    while (len > 0) {
        int step = len > 65536 ? 65536 : (int)len;
        VS_ASSERT(RAND_bytes(at, step) == 1);
        at += step;
        len -= (size_t)step;
    }
}
