#include "tests/bench/calibrate.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <math.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define must(condition)                                                                        \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            fprintf(stderr, "bench: calibration fails at %s:%d: %s\n", __FILE__, __LINE__,     \
                    #condition);                                                               \
            exit(2);                                                                           \
        }                                                                                      \
    } while (0)

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { ROUNDS = 7 };

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, by_value);
    return values[ROUNDS / 2];
}

static void signatures(struct calibration *c)
{
    enum { EACH = 400 };
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_PKEY_CTX *signer = EVP_PKEY_CTX_new(key, NULL), *verifier = EVP_PKEY_CTX_new(key, NULL);
    must(EVP_PKEY_sign_init(signer) == 1 && EVP_PKEY_verify_init(verifier) == 1);
    unsigned char digest[32] = {1}, value[80];
    double sign[ROUNDS], verify[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        size_t len = sizeof value;
        double start = cpu_ns();
        for (int i = 0; i < EACH; i++) {
            len = sizeof value;
            must(EVP_PKEY_sign(signer, value, &len, digest, sizeof digest) == 1);
        }
        double middle = cpu_ns();
        for (int i = 0; i < EACH; i++)
            must(EVP_PKEY_verify(verifier, value, len, digest, sizeof digest) == 1);
        sign[round] = (middle - start) / EACH;
        verify[round] = (cpu_ns() - middle) / EACH;
    }
    c->sign = median(sign);
    c->verify = median(verify);
    EVP_PKEY_CTX_free(signer);
    EVP_PKEY_CTX_free(verifier);
    EVP_PKEY_free(key);
}

static void hashes(struct calibration *c)
{
    enum { SIZE = 10240, EACH = 500 };
    static unsigned char bytes[SIZE];
    unsigned char digest[32];
    EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    double cost[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        double start = cpu_ns();
        for (int i = 0; i < EACH; i++)
            must(EVP_DigestInit_ex2(ctx, md, NULL) == 1 &&
                 EVP_DigestUpdate(ctx, bytes, SIZE) == 1 &&
                 EVP_DigestFinal_ex(ctx, digest, NULL) == 1);
        cost[round] = (cpu_ns() - start) / EACH / SIZE;
    }
    c->hash_byte = median(cost);
    EVP_MD_CTX_free(ctx);
    EVP_MD_free(md);
}

static void connect_pair(int pair[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    must(listener >= 0 && bind(listener, (struct sockaddr *)&at, len) == 0);
    must(listen(listener, 1) == 0 && getsockname(listener, (struct sockaddr *)&at, &len) == 0);
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    must(connect(pair[0], (struct sockaddr *)&at, len) == 0);
    pair[1] = accept(listener, NULL, NULL);
    must(pair[1] >= 0);
    close(listener);
}

static void sockets(struct calibration *c)
{
    enum { SIZE = 16384, EACH = 1000 };
    static char bytes[SIZE];
    int pair[2];
    connect_pair(pair);
    double sent[ROUNDS], received[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        double send_ns = 0, receive_ns = 0;
        for (int i = 0; i < EACH; i++) {
            double start = cpu_ns();
            must(write(pair[0], bytes, SIZE) == SIZE);
            double middle = cpu_ns();
            for (ssize_t got = 0; got < SIZE;) {
                ssize_t n = read(pair[1], bytes, SIZE);
                must(n > 0);
                got += n;
            }
            send_ns += middle - start;
            receive_ns += cpu_ns() - middle;
        }
        sent[round] = send_ns / EACH / SIZE;
        received[round] = receive_ns / EACH / SIZE;
    }
    c->send_byte = median(sent);
    c->receive_byte = median(received);
    close(pair[0]);
    close(pair[1]);
}

static void files(struct calibration *c, const char *folder)
{
    enum { SIZE = 1 << 20, EACH = 16 };
    static char bytes[SIZE];
    char path[512];
    snprintf(path, sizeof path, "%s/calibration.bin", folder);
    double cost[ROUNDS];
    /* The file only grows, as segments do: each byte goes to a page that is new. */
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    must(fd >= 0);
    for (int round = 0; round < ROUNDS; round++) {
        double start = cpu_ns();
        for (int i = 0; i < EACH; i++)
            must(write(fd, bytes, SIZE) == SIZE);
        cost[round] = (cpu_ns() - start) / EACH / SIZE;
        must(fdatasync(fd) == 0);
    }
    close(fd);
    c->write_byte = median(cost);
    fd = open(path, O_RDONLY);
    must(fd >= 0);
    for (int round = 0; round < ROUNDS; round++) {
        double start = cpu_ns();
        for (int i = 0; i < EACH; i++)
            must(pread(fd, bytes, SIZE, (off_t)i * SIZE) == SIZE);
        cost[round] = (cpu_ns() - start) / EACH / SIZE;
    }
    close(fd);
    c->read_byte = median(cost);
    unlink(path);
}

/* -- rows ---------------------------------------------------------------------------------- */

/* The six rows of an accepted document, in one statement each, and the indexes by which they
 * are found again: the document (by sender), its delivery (by recipient's and by sender's
 * place), two pieces of evidence (by document), the idempotency key and the repetition's digest
 * (both random within a month). As many bytes a row as the service has in them; ids are in time
 * order. */
static const char schema[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "CREATE TABLE IF NOT EXISTS document(id BLOB PRIMARY KEY, sender BLOB, body BLOB)"
    " WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS by_sender ON document(sender);"
    "CREATE TABLE IF NOT EXISTS delivery(document BLOB, recipient BLOB, sender BLOB,"
    " mailbox INTEGER, event INTEGER, body BLOB, PRIMARY KEY(document, recipient))"
    " WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS by_recipient ON delivery(recipient, mailbox);"
    "CREATE INDEX IF NOT EXISTS by_event ON delivery(sender, event);"
    "CREATE TABLE IF NOT EXISTS evidence(id BLOB PRIMARY KEY, document BLOB, body BLOB)"
    " WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS by_document ON evidence(document);"
    "CREATE TABLE IF NOT EXISTS idempotency(month INTEGER, key BLOB, body BLOB,"
    " PRIMARY KEY(month, key)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS repetition(month INTEGER, key BLOB, body BLOB,"
    " PRIMARY KEY(month, key)) WITHOUT ROWID;";

enum { DOCUMENT, DELIVERY, EVIDENCE, IDEMPOTENCY, REPETITION, STATEMENTS };
static const struct {
    const char *sql;
    int body_bytes;
} inserts[STATEMENTS] = {
    [DOCUMENT] = {"INSERT INTO document VALUES(?1,?2,?3)", 420},
    [DELIVERY] = {"INSERT INTO delivery VALUES(?1,?2,?2,?4,?4,?3)", 40},
    [EVIDENCE] = {"INSERT INTO evidence VALUES(?1,?2,?3)", 150},
    [IDEMPOTENCY] = {"INSERT INTO idempotency VALUES(1,?1,?3)", 56},
    [REPETITION] = {"INSERT INTO repetition VALUES(1,?1,?3)", 16},
};

static void insert(sqlite3_stmt *const *statements, int which, const void *key, int key_len,
                   const void *other, int64_t place)
{
    static const unsigned char body[512];
    sqlite3_stmt *s = statements[which];
    must(sqlite3_bind_blob(s, 1, key, key_len, SQLITE_STATIC) == SQLITE_OK);
    if (which <= EVIDENCE)
        must(sqlite3_bind_blob(s, 2, other, 16, SQLITE_STATIC) == SQLITE_OK);
    must(sqlite3_bind_blob(s, 3, body, inserts[which].body_bytes, SQLITE_STATIC) == SQLITE_OK);
    if (which == DELIVERY)
        must(sqlite3_bind_int64(s, 4, place) == SQLITE_OK);
    must(sqlite3_step(s) == SQLITE_DONE && sqlite3_reset(s) == SQLITE_OK);
}

static void insert_document(sqlite3_stmt *const *statements, uint32_t n)
{
    static const unsigned char party[16] = {1};
    unsigned char id[16] = {0}, random[64];
    must(RAND_bytes(id + 8, 8) == 1 && RAND_bytes(random, sizeof random) == 1);
    for (int i = 0; i < 4; i++)
        id[i] = (unsigned char)(n >> (24 - 8 * i));
    insert(statements, DOCUMENT, id, sizeof id, party, 0);
    insert(statements, DELIVERY, id, sizeof id, party, n);
    unsigned char document[16];
    memcpy(document, id, sizeof id);
    for (unsigned char i = 0; i < 2; i++) {
        id[4] = i;
        insert(statements, EVIDENCE, id, sizeof id, document, 0);
    }
    insert(statements, IDEMPOTENCY, random, 32, NULL, 0);
    insert(statements, REPETITION, random + 32, 32, NULL, 0);
}

static void insert_batch(sqlite3 *db, sqlite3_stmt *const *statements, uint32_t *n)
{
    enum { BATCH = 128 }; /* commit.batch's default: as many as one sync serves */
    must(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    for (int i = 0; i < BATCH; i++)
        insert_document(statements, (*n)++);
    must(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
}

static uint32_t documents_in(sqlite3 *db)
{
    sqlite3_stmt *count;
    must(sqlite3_prepare_v2(db, "SELECT count(*) FROM document", -1, &count, NULL) ==
         SQLITE_OK);
    must(sqlite3_step(count) == SQLITE_ROW);
    uint32_t n = (uint32_t)sqlite3_column_int64(count, 0);
    sqlite3_finalize(count);
    return n;
}

/* The database stays for the next calibration of the run: it grows as the service's does. */
static void rows(struct calibration *c, const char *folder)
{
    enum { AT_FIRST = 4096, EACH = 128, BATCHES = 2 };
    char path[512];
    snprintf(path, sizeof path, "%s/calibration.db", folder);
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    must(sqlite3_open(path, &db) == SQLITE_OK);
    must(sqlite3_exec(db, schema, NULL, NULL, NULL) == SQLITE_OK);
    for (int i = 0; i < STATEMENTS; i++)
        must(sqlite3_prepare_v2(db, inserts[i].sql, -1, &statements[i], NULL) == SQLITE_OK);
    uint32_t n = documents_in(db);
    while (n < AT_FIRST)
        insert_batch(db, statements, &n);
    double cost[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        double start = cpu_ns();
        for (int i = 0; i < BATCHES; i++)
            insert_batch(db, statements, &n);
        cost[round] = (cpu_ns() - start) / (BATCHES * EACH);
    }
    c->document_rows = median(cost);
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(statements[i]);
    sqlite3_close(db);
}

struct calibration calibrate(const char *folder)
{
    struct calibration c;
    signatures(&c);
    hashes(&c);
    sockets(&c);
    files(&c, folder);
    rows(&c, folder);
    return c;
}

static double apart(double a, double b)
{
    return fabs(a - b) / (a < b ? a : b);
}

double calibration_drift(const struct calibration *before, const struct calibration *after)
{
    /* The two signatures dominate every floor; the rest is noisier and weighs little. */
    double sign = apart(before->sign, after->sign);
    double verify = apart(before->verify, after->verify);
    return sign > verify ? sign : verify;
}
