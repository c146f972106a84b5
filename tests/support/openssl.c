#include "tests/support/openssl.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CERTIFICATES_MAX = 512 };

static char folder[64];
static struct vs_arena *memory;
static struct vs_certificate *certificates[CERTIFICATES_MAX];
static size_t n_certificates;

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0)
        fprintf(stderr, "cannot remove %s\n", folder);
    vs_arena_free(memory);
    while (n_certificates > 0)
        vs_certificate_unref(certificates[--n_certificates]);
}

const char *openssl_folder(void)
{
    if (folder[0] == '\0') {
        snprintf(folder, sizeof folder, "/tmp/vasite-test-XXXXXX");
        memory = vs_arena_new((size_t)256 << 20);
        if (mkdtemp(folder) == NULL || memory == NULL)
            abort();
        atexit(remove_folder);
    }
    return folder;
}

static int run(const char *command)
{
    char *whole = vs_arena_printf(memory, "cd %s && ( %s ) >log 2>&1", folder, command);
    return system(whole);
}

static char *format(const char *fmt, va_list args)
{
    openssl_folder();
    static char command[16384];
    vsnprintf(command, sizeof command, fmt, args);
    return command;
}

int openssl_run(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *command = format(fmt, args);
    va_end(args);
    return run(command);
}

void openssl_must(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *command = format(fmt, args);
    va_end(args);
    if (run(command) == 0)
        return;
    struct vs_bytes log = openssl_file("log");
    fprintf(stderr, "failed: %s\n%.*s\n", command, (int)log.len, (const char *)log.ptr);
    exit(99);
}

struct vs_bytes openssl_outside_file(const char *path)
{
    openssl_folder();
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return VS_BYTES_NONE;
    fseek(file, 0, SEEK_END);
    size_t len = (size_t)ftell(file);
    rewind(file);
    uint8_t *content = vs_arena_alloc(memory, len + 1);
    if (content == NULL || fread(content, 1, len, file) != len)
        abort();
    fclose(file);
    return VS_BYTES(content, len);
}

struct vs_bytes openssl_file(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", openssl_folder(), name);
    return openssl_outside_file(path);
}

void openssl_write(const char *name, struct vs_bytes content)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", openssl_folder(), name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(content.ptr, 1, content.len, file) != content.len ||
        fclose(file) != 0)
        abort();
}

void openssl_issue(const char *name, const char *subject, const char *issuer, const char *lines,
                   const char *options)
{
    char file[64];
    snprintf(file, sizeof file, "%s.ext", name);
    openssl_write(file, vs_bytes_text(*lines == '\0' ? "\n" : lines));
    openssl_must("[ -f %s.key ] || openssl genpkey -algorithm EC -pkeyopt "
                 "ec_paramgen_curve:P-256 -out %s.key",
                 name, name);
    openssl_must("openssl req -new -utf8 -key %s.key -subj '%s' -out %s.csr", name, subject,
                 name);
    const char *by = issuer == NULL ? name : issuer;
    if (issuer == NULL)
        openssl_must(
            "openssl x509 -req -in %s.csr -signkey %s.key -extfile %s.ext -days 3650 %s "
            "-out %s.pem",
            name, name, name, options, name);
    else
        openssl_must("openssl x509 -req -in %s.csr -CA %s.pem -CAkey %s.key -CAcreateserial "
                     "-extfile %s.ext -days 3650 %s -out %s.pem",
                     name, by, by, name, options, name);
    openssl_must("openssl x509 -in %s.pem -outform DER -out %s.der", name, name);
}

struct vs_certificate *openssl_certificate(const char *name)
{
    char file[64];
    struct vs_error err = {.code = VS_E_NONE};
    snprintf(file, sizeof file, "%s.der", name);
    struct vs_certificate *c = NULL;
    if (n_certificates == CERTIFICATES_MAX ||
        !vs_ok(vs_certificate_get(openssl_file(file), &c, &err))) {
        fprintf(stderr, "%s: %s\n", name, err.text);
        exit(99);
    }
    return certificates[n_certificates++] = c;
}
