/* ec_table.h - P-256 verification with a key that comes often: a table of the key's multiples
 * halves the cost of each ECDSA verification and costs as much as some 600 of them to make.
 *
 * Same verdict as OpenSSL's own verification, whose arithmetic it uses (FIPS 186-5, 6.4.2): the
 * sum of two multiplications by known points instead of one by an unknown. It works with public
 * values only and takes no care about time. What it does not find valid, the caller asks
 * OpenSSL itself. */
#ifndef VS_FORMATS_CRYPTO_EC_TABLE_H
#define VS_FORMATS_CRYPTO_EC_TABLE_H
#include "formats/crypto/digest.h"
#include "formats/crypto/evp.h"

enum {
    VS_EC_TABLE_BYTES = 152 * 1024, /* of one, about */
    VS_EC_TABLES_MAX = 64,          /* in the process: others are verified without */
};

struct vs_ec_table; /* immutable but for its scratch memory; any number of threads */

/* For a P-256 key; NULL: none can be had (their number, memory, another curve). Takes some
 * 25 ms. */
struct vs_ec_table *vs_ec_table_new(EVP_PKEY *key);
void vs_ec_table_free(struct vs_ec_table *table); /* NULL is fine */

/* Whether `raw` (r, then s, 32 octets each) is the key's signature on `digest`. False also
 * where memory is out. */
bool vs_ec_table_verifies(struct vs_ec_table *table, const struct vs_digest *digest,
                          struct vs_bytes raw);
#endif
