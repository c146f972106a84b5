#include "formats/crypto/algorithms.h"
#include "formats/crypto/der.h"
#include <pthread.h>

#define DSIG   "http://www.w3.org/2000/09/xmldsig#"
#define MORE1  "http://www.w3.org/2001/04/xmldsig-more#"
#define MORE7  "http://www.w3.org/2007/05/xmldsig-more#"
#define MORE21 "http://www.w3.org/2021/04/xmldsig-more#"
#define XMLENC "http://www.w3.org/2001/04/xmlenc#"
#define OID(text)                                                                              \
    {                                                                                          \
        (const uint8_t *)("" text), sizeof(text) - 1                                           \
    }

#define NIST_HASH "\x60\x86\x48\x01\x65\x03\x04\x02"
#define NIST_SIGN "\x60\x86\x48\x01\x65\x03\x04\x03"
#define PKCS1     "\x2a\x86\x48\x86\xf7\x0d\x01\x01"
#define X962      "\x2a\x86\x48\xce\x3d"

static const struct vs_bytes oid_rsa = OID(PKCS1 "\x01");
static const struct vs_bytes oid_mgf1 = OID(PKCS1 "\x08");
static const struct vs_bytes oid_pss = OID(PKCS1 "\x0a");
static const struct vs_bytes oid_ec_key = OID(X962 "\x02\x01");

static const struct {
    const char *uri;
    struct vs_bytes oid;
    int good_until; /* 1 January of this year */
} digests[VS_DIGESTS] = {
    /* TS 102 176-1 V2.0.0 for SHA-1, TS 119 312 V1.4.2 for the others. */
    [VS_SHA1] = {DSIG "sha1", OID("\x2b\x0e\x03\x02\x1a"), 2009},
    [VS_SHA224] = {MORE1 "sha224", OID(NIST_HASH "\x04"), 2026},
    [VS_SHA256] = {XMLENC "sha256", OID(NIST_HASH "\x01"), 2029},
    [VS_SHA384] = {MORE1 "sha384", OID(NIST_HASH "\x02"), 2029},
    [VS_SHA512] = {XMLENC "sha512", OID(NIST_HASH "\x03"), 2029},
    [VS_SHA3_224] = {MORE7 "sha3-224", OID(NIST_HASH "\x07"), 2026},
    [VS_SHA3_256] = {MORE7 "sha3-256", OID(NIST_HASH "\x08"), 2029},
    [VS_SHA3_384] = {MORE7 "sha3-384", OID(NIST_HASH "\x09"), 2029},
    [VS_SHA3_512] = {MORE7 "sha3-512", OID(NIST_HASH "\x0a"), 2029},
};

static const struct row {
    enum vs_scheme scheme;
    enum vs_digest_algorithm digest;
    const char *name, *uri;
    struct vs_bytes oid;
} rows[] = {
    {VS_ECDSA, VS_SHA256, "ECDSA with SHA-256", MORE1 "ecdsa-sha256", OID(X962 "\x04\x03\x02")},
    {VS_ECDSA, VS_SHA384, "ECDSA with SHA-384", MORE1 "ecdsa-sha384", OID(X962 "\x04\x03\x03")},
    {VS_ECDSA, VS_SHA512, "ECDSA with SHA-512", MORE1 "ecdsa-sha512", OID(X962 "\x04\x03\x04")},
    {VS_ECDSA, VS_SHA224, "ECDSA with SHA-224", MORE1 "ecdsa-sha224", OID(X962 "\x04\x03\x01")},
    {VS_ECDSA, VS_SHA1, "ECDSA with SHA-1", MORE1 "ecdsa-sha1", OID(X962 "\x04\x01")},
    {VS_ECDSA, VS_SHA3_224, "ECDSA with SHA3-224", MORE21 "ecdsa-sha3-224",
     OID(NIST_SIGN "\x09")},
    {VS_ECDSA, VS_SHA3_256, "ECDSA with SHA3-256", MORE21 "ecdsa-sha3-256",
     OID(NIST_SIGN "\x0a")},
    {VS_ECDSA, VS_SHA3_384, "ECDSA with SHA3-384", MORE21 "ecdsa-sha3-384",
     OID(NIST_SIGN "\x0b")},
    {VS_ECDSA, VS_SHA3_512, "ECDSA with SHA3-512", MORE21 "ecdsa-sha3-512",
     OID(NIST_SIGN "\x0c")},
    {VS_RSA_PKCS1, VS_SHA256, "RSA with SHA-256", MORE1 "rsa-sha256", OID(PKCS1 "\x0b")},
    {VS_RSA_PKCS1, VS_SHA384, "RSA with SHA-384", MORE1 "rsa-sha384", OID(PKCS1 "\x0c")},
    {VS_RSA_PKCS1, VS_SHA512, "RSA with SHA-512", MORE1 "rsa-sha512", OID(PKCS1 "\x0d")},
    {VS_RSA_PKCS1, VS_SHA224, "RSA with SHA-224", MORE1 "rsa-sha224", OID(PKCS1 "\x0e")},
    {VS_RSA_PKCS1, VS_SHA1, "RSA with SHA-1", DSIG "rsa-sha1", OID(PKCS1 "\x05")},
    {VS_RSA_PKCS1, VS_SHA3_224, "RSA with SHA3-224", NULL, OID(NIST_SIGN "\x0d")},
    {VS_RSA_PKCS1, VS_SHA3_256, "RSA with SHA3-256", NULL, OID(NIST_SIGN "\x0e")},
    {VS_RSA_PKCS1, VS_SHA3_384, "RSA with SHA3-384", NULL, OID(NIST_SIGN "\x0f")},
    {VS_RSA_PKCS1, VS_SHA3_512, "RSA with SHA3-512", NULL, OID(NIST_SIGN "\x10")},
    {VS_RSA_PSS, VS_SHA256, "RSA-PSS with SHA-256", MORE7 "sha256-rsa-MGF1", OID(PKCS1 "\x0a")},
    {VS_RSA_PSS, VS_SHA384, "RSA-PSS with SHA-384", MORE7 "sha384-rsa-MGF1", OID(PKCS1 "\x0a")},
    {VS_RSA_PSS, VS_SHA512, "RSA-PSS with SHA-512", MORE7 "sha512-rsa-MGF1", OID(PKCS1 "\x0a")},
    {VS_RSA_PSS, VS_SHA224, "RSA-PSS with SHA-224", MORE7 "sha224-rsa-MGF1", OID(PKCS1 "\x0a")},
    {VS_RSA_PSS, VS_SHA1, "RSA-PSS with SHA-1", MORE7 "sha1-rsa-MGF1", OID(PKCS1 "\x0a")},
    {VS_RSA_PSS, VS_SHA3_224, "RSA-PSS with SHA3-224", MORE7 "sha3-224-rsa-MGF1",
     OID(PKCS1 "\x0a")},
    {VS_RSA_PSS, VS_SHA3_256, "RSA-PSS with SHA3-256", MORE7 "sha3-256-rsa-MGF1",
     OID(PKCS1 "\x0a")},
    {VS_RSA_PSS, VS_SHA3_384, "RSA-PSS with SHA3-384", MORE7 "sha3-384-rsa-MGF1",
     OID(PKCS1 "\x0a")},
    {VS_RSA_PSS, VS_SHA3_512, "RSA-PSS with SHA3-512", MORE7 "sha3-512-rsa-MGF1",
     OID(PKCS1 "\x0a")},
    {VS_ED25519, VS_DIGEST_NONE, "Ed25519", MORE21 "eddsa-ed25519", OID("\x2b\x65\x70")},
};
enum { ROWS = sizeof rows / sizeof *rows };

/* Key lengths, weakest first: from `bits` on the key is good until the year. */
static const struct {
    enum vs_key_type type;
    unsigned bits;
    int good_until;
} lengths[] = {
    /* TS 102 176-1, TS 119 312 V1.1.1 for the ended ones, V1.4.2 for the others. */
    {VS_KEY_RSA, 1024, 2009}, {VS_KEY_RSA, 1536, 2016},  {VS_KEY_RSA, 1900, 2026},
    {VS_KEY_RSA, 3000, 2029}, {VS_KEY_EC, 160, 2013},    {VS_KEY_EC, 224, 2016},
    {VS_KEY_EC, 256, 2029},   {VS_KEY_ED25519, 0, 2029}, /* not in V1.4.2: taken as P-256 is */
};

/* When TS 119 312 V1.4.2 was published. */
vs_time_ms vs_algorithms_written(void)
{
    return vs_time_from_civil((struct vs_civil){.year = 2022, .month = 2, .day = 1});
}

static vs_time_ms new_year(int year)
{
    return year == 0
               ? VS_TIME_NONE
               : vs_time_from_civil((struct vs_civil){.year = year, .month = 1, .day = 1});
}

enum vs_key_type vs_scheme_key_type(enum vs_scheme scheme)
{
    switch (scheme) {
    case VS_RSA_PKCS1:
    case VS_RSA_PSS:
        return VS_KEY_RSA;
    case VS_ECDSA:
        return VS_KEY_EC;
    case VS_ED25519:
        return VS_KEY_ED25519;
    case VS_SCHEME_NONE:
        break;
    }
    return VS_KEY_UNKNOWN;
}

/* -- names --------------------------------------------------------------------------------- */

static const struct row *find_row(struct vs_signature_algorithm algorithm)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].scheme == algorithm.scheme && rows[i].digest == algorithm.digest)
            return &rows[i];
    return NULL;
}

/* PSS parameters as RFC 6931 and RFC 4055 recommend them, which need not be spelt out. */
static bool plain(struct vs_signature_algorithm a)
{
    bool mgf = a.mgf_digest == VS_DIGEST_NONE || a.mgf_digest == a.digest;
    return mgf && (a.salt_bytes == 0 || a.salt_bytes == (int)vs_digest_length(a.digest));
}

const char *vs_signature_algorithm_name(struct vs_signature_algorithm algorithm)
{
    const struct row *row = find_row(algorithm);
    return row == NULL ? "unknown" : row->name;
}

bool vs_signature_algorithm_by_uri(struct vs_bytes uri, struct vs_signature_algorithm *ret)
{
    *ret = (struct vs_signature_algorithm){.scheme = VS_SCHEME_NONE};
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].uri != NULL && vs_bytes_is(uri, rows[i].uri)) {
            ret->scheme = rows[i].scheme;
            ret->digest = rows[i].digest;
            return true;
        }
    return false;
}

const char *vs_signature_algorithm_uri(struct vs_signature_algorithm algorithm)
{
    const struct row *row = find_row(algorithm);
    return row == NULL || !plain(algorithm) ? NULL : row->uri;
}

enum vs_digest_algorithm vs_digest_by_uri(struct vs_bytes uri)
{
    for (int i = VS_SHA1; i < VS_DIGESTS; i++)
        if (vs_bytes_is(uri, digests[i].uri))
            return (enum vs_digest_algorithm)i;
    return VS_DIGEST_NONE;
}

const char *vs_digest_uri(enum vs_digest_algorithm algorithm)
{
    return (unsigned)algorithm < VS_DIGESTS ? digests[algorithm].uri : NULL;
}

enum vs_digest_algorithm vs_digest_by_oid(struct vs_bytes oid)
{
    for (int i = VS_SHA1; i < VS_DIGESTS; i++)
        if (vs_bytes_equal(oid, digests[i].oid))
            return (enum vs_digest_algorithm)i;
    return VS_DIGEST_NONE;
}

struct vs_bytes vs_digest_oid(enum vs_digest_algorithm algorithm)
{
    VS_ASSERT(algorithm > VS_DIGEST_NONE && algorithm < VS_DIGESTS);
    return digests[algorithm].oid;
}

/* -- AlgorithmIdentifier: reading ---------------------------------------------------------- */

bool vs_algorithm_well_formed(struct vs_bytes identifier)
{
    struct vs_der der = vs_der_reader(identifier);
    struct vs_der inner = vs_der_enter(&der, VS_DER_SEQUENCE);
    (void)vs_der_oid(&inner);
    if (vs_der_more(&inner))
        (void)vs_der_element(&inner, NULL);
    return vs_der_done(&inner) && vs_der_done(&der);
}

/* True: read to its end, parameters absent or NULL. */
static bool no_parameters(struct vs_der *inner)
{
    struct vs_bytes null;
    if (vs_der_optional(inner, VS_DER_NULL, &null) && null.len != 0)
        return false;
    return vs_der_done(inner);
}

enum vs_digest_algorithm vs_digest_by_der(struct vs_bytes identifier)
{
    struct vs_der der = vs_der_reader(identifier);
    struct vs_der inner = vs_der_enter(&der, VS_DER_SEQUENCE);
    struct vs_bytes oid = vs_der_oid(&inner);
    if (!no_parameters(&inner) || !vs_der_done(&der))
        return VS_DIGEST_NONE;
    return vs_digest_by_oid(oid);
}

/* maskGenAlgorithm: MGF1 with a digest; VS_DIGEST_NONE: another one. */
static enum vs_digest_algorithm mgf_digest(struct vs_der *der)
{
    struct vs_der inner = vs_der_enter(der, VS_DER_SEQUENCE);
    struct vs_bytes oid = vs_der_oid(&inner);
    struct vs_bytes digest = vs_der_whole(&inner, VS_DER_SEQUENCE);
    vs_der_leave(der, &inner);
    return vs_bytes_equal(oid, oid_mgf1) ? vs_digest_by_der(digest) : VS_DIGEST_NONE;
}

/* RFC 4055, 3.1: RSASSA-PSS-params; what is left out is SHA-1, MGF1 with SHA-1, 20, 1. */
static bool read_pss(struct vs_der *at, struct vs_signature_algorithm *ret)
{
    struct vs_der params = vs_der_enter(at, VS_DER_SEQUENCE);
    *ret = (struct vs_signature_algorithm){VS_RSA_PSS, VS_SHA1, VS_SHA1, 20};
    if (vs_der_peek(&params) == VS_DER_CONTEXT_CONSTRUCTED(0)) {
        struct vs_der hash = vs_der_enter(&params, VS_DER_CONTEXT_CONSTRUCTED(0));
        ret->digest = vs_digest_by_der(vs_der_whole(&hash, VS_DER_SEQUENCE));
        vs_der_leave(&params, &hash);
    }
    if (vs_der_peek(&params) == VS_DER_CONTEXT_CONSTRUCTED(1)) {
        struct vs_der mgf = vs_der_enter(&params, VS_DER_CONTEXT_CONSTRUCTED(1));
        ret->mgf_digest = mgf_digest(&mgf);
        vs_der_leave(&params, &mgf);
    }
    int64_t salt = 20, trailer = 1;
    if (vs_der_peek(&params) == VS_DER_CONTEXT_CONSTRUCTED(2)) {
        struct vs_der value = vs_der_enter(&params, VS_DER_CONTEXT_CONSTRUCTED(2));
        salt = vs_der_small(&value);
        vs_der_leave(&params, &value);
    }
    if (vs_der_peek(&params) == VS_DER_CONTEXT_CONSTRUCTED(3)) {
        struct vs_der value = vs_der_enter(&params, VS_DER_CONTEXT_CONSTRUCTED(3));
        trailer = vs_der_small(&value);
        vs_der_leave(&params, &value);
    }
    vs_der_leave(at, &params);
    /* No salt would make it deterministic, and 0 means "the digest's length" here. */
    if (!vs_der_done(at) || ret->digest == VS_DIGEST_NONE ||
        ret->mgf_digest == VS_DIGEST_NONE || salt < 1 || salt > 512 || trailer != 1)
        return false;
    ret->salt_bytes = (int)salt;
    return true;
}

/* CMS: the key's own OID with the digest said elsewhere (RFC 3370, 3.2; RFC 5753, 2.1.1). */
static enum vs_scheme bare_scheme(struct vs_bytes oid)
{
    if (vs_bytes_equal(oid, oid_rsa))
        return VS_RSA_PKCS1;
    return vs_bytes_equal(oid, oid_ec_key) ? VS_ECDSA : VS_SCHEME_NONE;
}

static bool by_oid(struct vs_der *inner, struct vs_bytes oid, enum vs_digest_algorithm hint,
                   struct vs_signature_algorithm *ret)
{
    if (vs_bytes_equal(oid, oid_pss))
        return read_pss(inner, ret);
    enum vs_scheme bare = bare_scheme(oid);
    if (bare != VS_SCHEME_NONE) {
        *ret = (struct vs_signature_algorithm){.scheme = bare, .digest = hint};
        return hint != VS_DIGEST_NONE && no_parameters(inner);
    }
    for (size_t i = 0; i < ROWS; i++)
        if (vs_bytes_equal(rows[i].oid, oid)) {
            ret->scheme = rows[i].scheme;
            ret->digest = rows[i].digest;
            /* RFC 5758, 3.2 and RFC 8410, 3: absent; NULL is met and harmless but for Ed25519.
             */
            return rows[i].scheme == VS_ED25519 ? vs_der_done(inner) : no_parameters(inner);
        }
    return false;
}

bool vs_signature_algorithm_by_der(struct vs_bytes identifier,
                                   enum vs_digest_algorithm digest_hint,
                                   struct vs_signature_algorithm *ret)
{
    *ret = (struct vs_signature_algorithm){.scheme = VS_SCHEME_NONE};
    struct vs_signature_algorithm found = *ret;
    struct vs_der der = vs_der_reader(identifier);
    struct vs_der inner = vs_der_enter(&der, VS_DER_SEQUENCE);
    struct vs_bytes oid = vs_der_oid(&inner);
    if (inner.failed || !vs_der_done(&der) || !by_oid(&inner, oid, digest_hint, &found))
        return false;
    /* RFC 8419, 3.1: with Ed25519 CMS names SHA-512 for the attributes' digest. */
    bool agrees = digest_hint == VS_DIGEST_NONE || digest_hint == found.digest ||
                  found.scheme == VS_ED25519;
    if (!agrees)
        return false;
    *ret = found;
    return true;
}

/* -- AlgorithmIdentifier: writing ---------------------------------------------------------- */

enum { IDENTIFIER_MAX = 80 };

static uint8_t signature_der[ROWS][IDENTIFIER_MAX], digest_der[VS_DIGESTS][IDENTIFIER_MAX];
static size_t signature_der_len[ROWS], digest_der_len[VS_DIGESTS];
static pthread_once_t write_once = PTHREAD_ONCE_INIT;

static void put_identifier(struct vs_buffer *to, struct vs_bytes oid, bool with_null)
{
    size_t begin = vs_der_begin(to);
    vs_der_put(to, VS_DER_OID, oid);
    if (with_null)
        vs_der_put(to, VS_DER_NULL, VS_BYTES_NONE);
    vs_der_end(to, begin, VS_DER_SEQUENCE);
}

static void put_pss(struct vs_buffer *to, enum vs_digest_algorithm digest)
{
    size_t whole = vs_der_begin(to);
    vs_der_put(to, VS_DER_OID, oid_pss);
    size_t params = vs_der_begin(to);
    size_t hash = vs_der_begin(to);
    put_identifier(to, digests[digest].oid, true);
    vs_der_end(to, hash, VS_DER_CONTEXT_CONSTRUCTED(0));
    size_t mgf_tag = vs_der_begin(to), mgf = mgf_tag;
    vs_der_put(to, VS_DER_OID, oid_mgf1);
    put_identifier(to, digests[digest].oid, true);
    vs_der_end(to, mgf, VS_DER_SEQUENCE);
    vs_der_end(to, mgf_tag, VS_DER_CONTEXT_CONSTRUCTED(1));
    size_t salt = vs_der_begin(to);
    vs_der_put_small(to, vs_digest_length(digest));
    vs_der_end(to, salt, VS_DER_CONTEXT_CONSTRUCTED(2));
    vs_der_end(to, params, VS_DER_SEQUENCE);
    vs_der_end(to, whole, VS_DER_SEQUENCE);
}

static size_t keep(struct vs_buffer *from, uint8_t to[IDENTIFIER_MAX])
{
    VS_ASSERT(!from->failed && from->len <= IDENTIFIER_MAX);
    memcpy(to, from->ptr, from->len);
    size_t len = from->len;
    vs_buffer_clear(from);
    return len;
}

static void write_all(void)
{
    VS_BUFFER one;
    vs_buffer_init(&one, IDENTIFIER_MAX);
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].scheme == VS_RSA_PSS)
            put_pss(&one, rows[i].digest);
        else
            put_identifier(&one, rows[i].oid, rows[i].scheme == VS_RSA_PKCS1);
        signature_der_len[i] = keep(&one, signature_der[i]);
    }
    for (int i = VS_SHA1; i < VS_DIGESTS; i++) {
        put_identifier(&one, digests[i].oid, false);
        digest_der_len[i] = keep(&one, digest_der[i]);
    }
}

struct vs_bytes vs_signature_algorithm_der(struct vs_signature_algorithm algorithm)
{
    const struct row *row = find_row(algorithm);
    if (row == NULL || !plain(algorithm))
        return VS_BYTES_NONE;
    pthread_once(&write_once, write_all);
    size_t i = (size_t)(row - rows);
    return VS_BYTES(signature_der[i], signature_der_len[i]);
}

struct vs_bytes vs_digest_der(enum vs_digest_algorithm algorithm)
{
    VS_ASSERT(algorithm > VS_DIGEST_NONE && algorithm < VS_DIGESTS);
    pthread_once(&write_once, write_all);
    return VS_BYTES(digest_der[algorithm], digest_der_len[algorithm]);
}

/* -- how long ------------------------------------------------------------------------------ */

vs_time_ms vs_digest_good_until(enum vs_digest_algorithm algorithm)
{
    return (unsigned)algorithm < VS_DIGESTS ? new_year(digests[algorithm].good_until)
                                            : VS_TIME_NONE;
}

static vs_time_ms length_good_until(enum vs_key_type type, unsigned bits)
{
    vs_time_ms until = VS_TIME_NONE;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        if (lengths[i].type == type && bits >= lengths[i].bits)
            until = new_year(lengths[i].good_until);
    return until;
}

/* The weakest part decides; `*ret_weakest` names it. */
static vs_time_ms weakest(struct vs_signature_algorithm a, unsigned bits,
                          const char **ret_weakest)
{
    enum vs_key_type type = vs_scheme_key_type(a.scheme);
    *ret_weakest = type == VS_KEY_UNKNOWN ? "the algorithm"
                   : type == VS_KEY_RSA   ? "the RSA key's length"
                                          : "the elliptic curve's length";
    vs_time_ms until = length_good_until(type, bits);
    if (a.scheme == VS_ED25519 || type == VS_KEY_UNKNOWN)
        return until;
    /* MGF1's digest does not count: it needs no collision resistance, and Java's default is
     * SHA-1. */
    if (vs_digest_good_until(a.digest) < until) {
        until = vs_digest_good_until(a.digest);
        *ret_weakest = vs_digest_name(a.digest);
    }
    return until;
}

vs_time_ms vs_signature_good_until(struct vs_signature_algorithm algorithm, unsigned key_bits)
{
    const char *unused;
    return weakest(algorithm, key_bits, &unused);
}

static bool acceptable(vs_time_ms until, vs_time_ms at, const char *what, const char **ret_why)
{
    bool good = at < until && until != VS_TIME_NONE;
    if (ret_why != NULL)
        *ret_why = good ? NULL : what;
    return good || (until != VS_TIME_NONE && until > vs_algorithms_written());
}

bool vs_digest_acceptable(enum vs_digest_algorithm algorithm, vs_time_ms at,
                          const char **ret_why)
{
    return acceptable(vs_digest_good_until(algorithm), at, vs_digest_name(algorithm), ret_why);
}

bool vs_signature_acceptable(struct vs_signature_algorithm algorithm, unsigned key_bits,
                             vs_time_ms at, const char **ret_why)
{
    const char *what;
    vs_time_ms until = weakest(algorithm, key_bits, &what);
    return acceptable(until, at, what, ret_why);
}
