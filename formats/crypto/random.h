/* random.h - the real source of randomness (OpenSSL's, seeded by the kernel).
 *
 * Relay has a seam for randomness and passes this one in; formats/ never calls it by itself
 * except where keys are made and ECDSA and PSS sign. */
#ifndef VS_FORMATS_CRYPTO_RANDOM_H
#define VS_FORMATS_CRYPTO_RANDOM_H
#include "formats/base/base.h"

/* Fills all of it; aborts when the system has no randomness: nothing may go on without. */
void vs_random(void *to, size_t len);
#endif
