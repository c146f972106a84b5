/* OpenSSL 3 calls tables for other points than the standard generator obsolete, and has nothing
 * in their place: only this file uses them. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "formats/crypto/ec_table.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <pthread.h>
#include <stdatomic.h>

enum { PART = 32, LIMBS = 4, SLOTS = 4, POINT_BYTES = 1 + 2 * PART };

/* What one verification works with. */
struct scratch {
    BN_CTX *ctx;
    BIGNUM *r, *s, *z, *u1, *u2, *x;
    EC_POINT *base, *other;
};

struct vs_ec_table {
    EC_GROUP *group; /* P-256, but its generator is the key, with the table of its multiples */
    _Atomic(struct scratch *) slots[SLOTS];
};

static atomic_uint tables;

/* P-256 as it is. */
static EC_GROUP *standard;
static pthread_once_t standard_once = PTHREAD_ONCE_INIT;

static void make_standard(void)
{
    standard = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    VS_ASSERT(standard != NULL);
}

/* -- scratch memory ------------------------------------------------------------------------ */

static void free_scratch(struct scratch *s)
{
    if (s == NULL)
        return;
    EC_POINT_free(s->base);
    EC_POINT_free(s->other);
    BIGNUM *numbers[] = {s->r, s->s, s->z, s->u1, s->u2, s->x};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        BN_free(numbers[i]);
    BN_CTX_free(s->ctx);
    vs_heap_free(s);
}

static struct scratch *new_scratch(const EC_GROUP *group)
{
    struct scratch *s = vs_heap_new(sizeof *s);
    *s = (struct scratch){.ctx = BN_CTX_new(),
                          .r = BN_new(),
                          .s = BN_new(),
                          .z = BN_new(),
                          .u1 = BN_new(),
                          .u2 = BN_new(),
                          .x = BN_new(),
                          .base = EC_POINT_new(standard),
                          .other = EC_POINT_new(group)};
    if (s->ctx != NULL && s->r != NULL && s->s != NULL && s->z != NULL && s->u1 != NULL &&
        s->u2 != NULL && s->x != NULL && s->base != NULL && s->other != NULL)
        return s;
    free_scratch(s);
    return NULL;
}

static struct scratch *take_scratch(struct vs_ec_table *table)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        struct scratch *found = atomic_exchange(&table->slots[i], NULL);
        if (found != NULL)
            return found;
    }
    return new_scratch(table->group);
}

static void put_scratch(struct vs_ec_table *table, struct scratch *scratch)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        struct scratch *nobody = NULL;
        if (atomic_compare_exchange_strong(&table->slots[i], &nobody, scratch))
            return;
    }
    free_scratch(scratch);
}

/* -- the table ----------------------------------------------------------------------------- */

static bool build(EC_GROUP *group, EVP_PKEY *key)
{
    uint8_t encoded[POINT_BYTES];
    size_t len;
    char name[32];
    if (EVP_PKEY_get_group_name(key, name, sizeof name, &len) != 1 ||
        strcmp(name, SN_X9_62_prime256v1) != 0 ||
        EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, encoded, sizeof encoded,
                                        &len) != 1)
        return false;
    EC_POINT *point = EC_POINT_new(group);
    bool good = point != NULL && EC_POINT_oct2point(group, point, encoded, len, NULL) == 1 &&
                EC_GROUP_set_generator(group, point, EC_GROUP_get0_order(standard),
                                       EC_GROUP_get0_cofactor(standard)) == 1 &&
                EC_GROUP_precompute_mult(group, NULL) == 1 &&
                EC_GROUP_have_precompute_mult(group) == 1;
    EC_POINT_free(point);
    return good;
}

struct vs_ec_table *vs_ec_table_new(EVP_PKEY *key)
{
    pthread_once(&standard_once, make_standard);
    if (atomic_fetch_add(&tables, 1) >= VS_EC_TABLES_MAX) {
        atomic_fetch_sub(&tables, 1);
        return NULL;
    }
    struct vs_ec_table *table = vs_heap_new(sizeof *table);
    table->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    if (table->group != NULL && build(table->group, key))
        return table;
    ERR_clear_error();
    vs_ec_table_free(table);
    return NULL;
}

void vs_ec_table_free(struct vs_ec_table *table)
{
    if (table == NULL)
        return;
    for (unsigned i = 0; i < SLOTS; i++)
        free_scratch(atomic_exchange(&table->slots[i], NULL));
    EC_GROUP_free(table->group);
    vs_heap_free(table);
    atomic_fetch_sub(&tables, 1);
}

/* -- inverse modulo the order -------------------------------------------------------------- */

/* Little-endian limbs; a quarter of the time of BN_mod_inverse at this size. */
struct number {
    uint64_t limb[LIMBS];
};

static uint64_t add(struct number *a, const struct number *b)
{
    unsigned __int128 sum = 0;
    for (int i = 0; i < LIMBS; i++) {
        sum += (unsigned __int128)a->limb[i] + b->limb[i];
        a->limb[i] = (uint64_t)sum;
        sum >>= 64;
    }
    return (uint64_t)sum;
}

static uint64_t subtract(struct number *a, const struct number *b)
{
    uint64_t borrow = 0;
    for (int i = 0; i < LIMBS; i++) {
        unsigned __int128 rest = (unsigned __int128)a->limb[i] - b->limb[i] - borrow;
        a->limb[i] = (uint64_t)rest;
        borrow = (uint64_t)(rest >> 64) & 1;
    }
    return borrow;
}

/* By 1 to 63 bits; `top` comes in from above. */
static void shift(struct number *a, unsigned bits, uint64_t top)
{
    for (int i = 0; i < LIMBS - 1; i++)
        a->limb[i] = a->limb[i] >> bits | a->limb[i + 1] << (64 - bits);
    a->limb[LIMBS - 1] = a->limb[LIMBS - 1] >> bits | top << (64 - bits);
}

/* a += m * b; returns what is carried out. */
static uint64_t add_product(struct number *a, uint64_t m, const struct number *b)
{
    unsigned __int128 sum = 0;
    for (int i = 0; i < LIMBS; i++) {
        sum += (unsigned __int128)m * b->limb[i] + a->limb[i];
        a->limb[i] = (uint64_t)sum;
        sum >>= 64;
    }
    return (uint64_t)sum;
}

static bool less(const struct number *a, const struct number *b)
{
    for (int i = LIMBS - 1; i >= 0; i--)
        if (a->limb[i] != b->limb[i])
            return a->limb[i] < b->limb[i];
    return false;
}

static bool is_one(const struct number *a)
{
    return a->limb[0] == 1 && (a->limb[1] | a->limb[2] | a->limb[3]) == 0;
}

struct modulus {
    struct number n;
    uint64_t negative_inverse; /* of n modulo 2^64 */
};

/* Newton's step doubles the good bits: n is its own inverse modulo 8. */
static struct modulus modulus_of(const struct number *n)
{
    uint64_t inverse = n->limb[0];
    for (int i = 0; i < 5; i++)
        inverse *= 2 - n->limb[0] * inverse;
    return (struct modulus){*n, -inverse};
}

/* Divides `a` by two until it is odd, and `x` as often, modulo n: what is added to `x` makes
 * its low bits zero. */
static void make_odd(struct number *a, struct number *x, const struct modulus *by)
{
    while ((a->limb[0] & 1) == 0) {
        unsigned bits = a->limb[0] == 0 ? 63 : (unsigned)__builtin_ctzll(a->limb[0]);
        uint64_t low = x->limb[0] * by->negative_inverse & ((UINT64_C(1) << bits) - 1);
        shift(a, bits, 0);
        shift(x, bits, add_product(x, low, &by->n));
    }
}

static void subtract_modulo(struct number *a, const struct number *b, const struct number *n)
{
    if (subtract(a, b) != 0)
        add(a, n);
}

/* Binary inversion; n is an odd prime, 0 < a < n. Throughout x1 * a = u and x2 * a = v. */
static struct number inverse(const struct number *a, const struct number *n)
{
    struct modulus by = modulus_of(n);
    struct number u = *a, v = *n, x1 = {{1}}, x2 = {{0}};
    for (;;) {
        make_odd(&u, &x1, &by);
        if (is_one(&u))
            return x1;
        make_odd(&v, &x2, &by);
        if (is_one(&v))
            return x2;
        if (less(&u, &v)) {
            subtract(&v, &u);
            subtract_modulo(&x2, &x1, n);
        } else {
            subtract(&u, &v);
            subtract_modulo(&x1, &x2, n);
        }
    }
}

static bool invert(const BIGNUM *a, const BIGNUM *n, BIGNUM *ret)
{
    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "limbs are BIGNUM's octets");
    struct number of, modulus;
    uint8_t *octets = (uint8_t *)of.limb;
    if (BN_bn2lebinpad(a, octets, PART) != PART ||
        BN_bn2lebinpad(n, (uint8_t *)modulus.limb, PART) != PART)
        return false;
    of = inverse(&of, &modulus);
    return BN_lebin2bn(octets, PART, ret) != NULL;
}

/* -- verifying ----------------------------------------------------------------------------- */

static bool in_range(const BIGNUM *a, const BIGNUM *n)
{
    return !BN_is_zero(a) && BN_cmp(a, n) < 0;
}

/* x = X / Z^2 of the point is r modulo n, without the division: X = r * Z^2 or (r + n) * Z^2 in
 * the field, which is larger than n. */
static bool affine_x_is(struct scratch *s, const BIGNUM *n)
{
    const BIGNUM *p = EC_GROUP_get0_field(standard);
    BIGNUM *x = s->x, *z = s->u1, *other = s->u2;
    if (EC_POINT_get_Jprojective_coordinates_GFp(standard, s->base, x, NULL, z, s->ctx) != 1 ||
        BN_mod_sqr(z, z, p, s->ctx) != 1 || BN_mod_mul(other, s->r, z, p, s->ctx) != 1)
        return false;
    if (BN_cmp(x, other) == 0)
        return true;
    return BN_add(other, s->r, n) == 1 && BN_cmp(other, p) < 0 &&
           BN_mod_mul(other, other, z, p, s->ctx) == 1 && BN_cmp(x, other) == 0;
}

/* FIPS 186-5, 6.4.2. */
static bool verifies(const struct vs_ec_table *table, struct scratch *s,
                     const struct vs_digest *digest, struct vs_bytes raw)
{
    const BIGNUM *n = EC_GROUP_get0_order(standard);
    int len = digest->len < PART ? (int)digest->len : PART; /* its leftmost bits */
    if (BN_bin2bn(raw.ptr, PART, s->r) == NULL ||
        BN_bin2bn(raw.ptr + PART, PART, s->s) == NULL ||
        BN_bin2bn(digest->bytes, len, s->z) == NULL)
        return false;
    if (!in_range(s->r, n) || !in_range(s->s, n))
        return false;
    return invert(s->s, n, s->x) && BN_mod_mul(s->u1, s->z, s->x, n, s->ctx) == 1 &&
           BN_mod_mul(s->u2, s->r, s->x, n, s->ctx) == 1 &&
           EC_POINT_mul(standard, s->base, s->u1, NULL, NULL, s->ctx) == 1 &&
           EC_POINT_mul(table->group, s->other, s->u2, NULL, NULL, s->ctx) == 1 &&
           EC_POINT_add(standard, s->base, s->base, s->other, s->ctx) == 1 &&
           EC_POINT_is_at_infinity(standard, s->base) == 0 && affine_x_is(s, n);
}

bool vs_ec_table_verifies(struct vs_ec_table *table, const struct vs_digest *digest,
                          struct vs_bytes raw)
{
    if (raw.len != (size_t)2 * PART || digest->len == 0)
        return false;
    struct scratch *scratch = take_scratch(table);
    bool valid = scratch != NULL && verifies(table, scratch, digest, raw);
    if (scratch != NULL)
        put_scratch(table, scratch);
    if (!valid)
        ERR_clear_error();
    return valid;
}
