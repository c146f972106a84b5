#include "tests/unit/unit.h"
#include "formats/evidence/merkle.h"

enum { LEAVES = 70 };

static struct vs_hash leaves[LEAVES];
static struct vs_hash stored[8][LEAVES];
static bool is_stored[8][LEAVES];

static void store(void *context, unsigned level, uint64_t index, const struct vs_hash *hash)
{
    (void)context;
    assert_true(level < 8 && index < LEAVES);
    assert_false(is_stored[level][index]); /* each node closes once */
    is_stored[level][index] = true;
    stored[level][index] = *hash;
}

static vs_rc fetch(void *context, unsigned level, uint64_t index, struct vs_hash *ret,
                   struct vs_error *err)
{
    (void)context, (void)err;
    assert_true(level < 8 && index < LEAVES && is_stored[level][index]);
    *ret = stored[level][index];
    return VS_OK;
}

/* MTH as RFC 9162, 2.1.1 writes it: the definition, not our way of computing it. */
static struct vs_hash definition(size_t from, size_t n)
{
    if (n == 0)
        return vs_merkle_empty();
    if (n == 1)
        return leaves[from];
    size_t k = 1;
    while (k * 2 < n)
        k *= 2;
    struct vs_hash left = definition(from, k), right = definition(from + k, n - k);
    return vs_merkle_node(&left, &right);
}

static int fill(void **state)
{
    (void)state;
    struct vs_merkle_frontier frontier = {0};
    memset(is_stored, 0, sizeof is_stored);
    for (size_t i = 0; i < LEAVES; i++) {
        char text[8];
        snprintf(text, sizeof text, "%zu", i);
        leaves[i] = vs_merkle_leaf(vs_bytes_text(text));
        vs_merkle_append(&frontier, &leaves[i], store, NULL);
        struct vs_hash root = vs_merkle_root(&frontier), wanted = definition(0, i + 1);
        assert_true(vs_hash_equal(&root, &wanted));
    }
    return 0;
}

static struct vs_hash hash_of(const char *hex)
{
    struct vs_hash hash;
    assert_true(vs_hex_decode(hex, hash.bytes, 32));
    return hash;
}

/* The vectors of RFC 6962's reference implementation (merkle_tree_test). */
static void merkle__has_the_hashes_of_certificate_transparency(void **state)
{
    (void)state;
    struct vs_hash empty = hash_of("e3b0c44298fc1c149afbf4c8996fb924"
                                   "27ae41e4649b934ca495991b7852b855");
    struct vs_hash empty_leaf = hash_of("6e340b9cffb37a989ca544e6bb780a2c"
                                        "78901d3fb33738768511a30617afa01d");
    struct vs_hash one = vs_merkle_empty(), two = vs_merkle_leaf(VS_BYTES_NONE);
    assert_true(vs_hash_equal(&one, &empty));
    assert_true(vs_hash_equal(&two, &empty_leaf));
    /* Leaves "", 00, 10, 2021, 3031, 40414243, ...: the first eight make this root. */
    static const char *const inputs[] = {"",
                                         "00",
                                         "10",
                                         "2021",
                                         "3031",
                                         "40414243",
                                         "5051525354555657",
                                         "606162636465666768696a6b6c6d6e6f"};
    struct vs_merkle_frontier frontier = {0};
    for (size_t i = 0; i < 8; i++) {
        uint8_t data[16];
        size_t len = strlen(inputs[i]) / 2;
        assert_true(vs_hex_decode(inputs[i], data, len));
        struct vs_hash leaf = vs_merkle_leaf(VS_BYTES(data, len));
        vs_merkle_append(&frontier, &leaf, NULL, NULL);
    }
    struct vs_hash root = vs_merkle_root(&frontier);
    struct vs_hash wanted = hash_of("5dc9da79a70659a9ad559cb701ded9a2"
                                    "ab9d823aad2f4960cfe370eff4604328");
    assert_true(vs_hash_equal(&root, &wanted));
}

static void merkle__finds_the_frontier_of_every_size_again(void **state)
{
    (void)state;
    struct vs_error err;
    for (size_t size = 0; size <= LEAVES; size++) {
        struct vs_merkle_frontier frontier;
        assert_ok(vs_merkle_frontier_at(size, fetch, NULL, &frontier, &err));
        struct vs_hash root = vs_merkle_root(&frontier), wanted = definition(0, size);
        assert_true(vs_hash_equal(&root, &wanted));
    }
}

static void merkle__proves_that_every_leaf_is_in_every_tree(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_merkle_proof proof;
    for (size_t size = 1; size <= LEAVES; size++) {
        struct vs_hash root = definition(0, size);
        for (size_t i = 0; i < size; i++) {
            assert_ok(vs_merkle_inclusion(i, size, fetch, NULL, &proof, &err));
            assert_true(
                vs_merkle_inclusion_holds(&leaves[i], i, size, proof.nodes, proof.n, &root));
            /* Not for another leaf, place, size or a shorter proof. */
            assert_false(vs_merkle_inclusion_holds(&leaves[(i + 1) % LEAVES], i, size,
                                                   proof.nodes, proof.n, &root));
            if (size > 1)
                assert_false(vs_merkle_inclusion_holds(&leaves[i], (i + 1) % size, size,
                                                       proof.nodes, proof.n, &root));
            if (proof.n > 0) {
                assert_false(vs_merkle_inclusion_holds(&leaves[i], i, size, proof.nodes,
                                                       proof.n - 1, &root));
                proof.nodes[proof.n - 1].bytes[31] ^= 1;
                assert_false(vs_merkle_inclusion_holds(&leaves[i], i, size, proof.nodes,
                                                       proof.n, &root));
            }
            proof.nodes[proof.n] = root;
            assert_false(vs_merkle_inclusion_holds(&leaves[i], i, size, proof.nodes,
                                                   proof.n + 1, &root));
        }
        assert_fails(VS_E_PARAMETER,
                     vs_merkle_inclusion(size, size, fetch, NULL, &proof, &err));
    }
}

static void merkle__proves_that_every_tree_grew_from_every_earlier_one(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_merkle_proof proof;
    for (size_t to = 0; to <= LEAVES; to++) {
        struct vs_hash to_root = definition(0, to);
        for (size_t from = 0; from <= to; from++) {
            struct vs_hash from_root = definition(0, from);
            assert_ok(vs_merkle_consistency(from, to, fetch, NULL, &proof, &err));
            assert_true(vs_merkle_consistency_holds(from, &from_root, to, &to_root, proof.nodes,
                                                    proof.n));
            struct vs_hash other = from_root;
            other.bytes[0] ^= 1;
            assert_false(
                vs_merkle_consistency_holds(from, &other, to, &to_root, proof.nodes, proof.n));
            if (proof.n == 0)
                continue;
            assert_false(vs_merkle_consistency_holds(from, &from_root, to, &to_root,
                                                     proof.nodes, proof.n - 1));
            proof.nodes[proof.n / 2].bytes[5] ^= 8;
            assert_false(vs_merkle_consistency_holds(from, &from_root, to, &to_root,
                                                     proof.nodes, proof.n));
        }
    }
    assert_fails(VS_E_PARAMETER, vs_merkle_consistency(3, 2, fetch, NULL, &proof, &err));
}

static vs_rc lose(void *context, unsigned level, uint64_t index, struct vs_hash *ret,
                  struct vs_error *err)
{
    (void)context, (void)level, (void)index, (void)ret;
    return vs_fail(err, VS_E_CORRUPT, NULL, "no such tile");
}

static void merkle__passes_on_what_a_fetch_fails_with(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_merkle_proof proof;
    struct vs_merkle_frontier frontier;
    assert_fails(VS_E_CORRUPT, vs_merkle_inclusion(1, 5, lose, NULL, &proof, &err));
    assert_fails(VS_E_CORRUPT, vs_merkle_consistency(1, 5, lose, NULL, &proof, &err));
    assert_fails(VS_E_CORRUPT, vs_merkle_frontier_at(5, lose, NULL, &frontier, &err));
}

/* SHA-256(0x00 || 0x01 || salt || digest), by `openssl dgst`. */
static void merkle__salts_a_leaf_as_documented(void **state)
{
    (void)state;
    uint8_t salt[32], digest[32];
    memset(salt, 0xaa, 32);
    memset(digest, 0xbb, 32);
    uint8_t data[65] = {1};
    memset(data + 1, 0xaa, 32);
    memset(data + 33, 0xbb, 32);
    struct vs_hash leaf = vs_merkle_salted_leaf(salt, digest);
    struct vs_hash wanted = vs_merkle_leaf(VS_BYTES(data, sizeof data));
    assert_true(vs_hash_equal(&leaf, &wanted));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merkle__has_the_hashes_of_certificate_transparency),
        cmocka_unit_test(merkle__finds_the_frontier_of_every_size_again),
        cmocka_unit_test(merkle__proves_that_every_leaf_is_in_every_tree),
        cmocka_unit_test(merkle__proves_that_every_tree_grew_from_every_earlier_one),
        cmocka_unit_test(merkle__passes_on_what_a_fetch_fails_with),
        cmocka_unit_test(merkle__salts_a_leaf_as_documented),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
