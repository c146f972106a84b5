#include "tests/support/tools.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static void remove_folder(void)
{
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_folder(void)
{
    if (folder[0] == '\0') {
        snprintf(folder, sizeof folder, "/tmp/vasite-test-XXXXXX");
        VS_ASSERT(mkdtemp(folder) != NULL);
        atexit(remove_folder);
    }
    return folder;
}

const char *test_file(const char *name, struct vs_bytes content)
{
    static char paths[16][256];
    static unsigned next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", test_folder(), name);
    FILE *file = fopen(path, "wb");
    VS_ASSERT(file != NULL);
    VS_ASSERT(fwrite(content.ptr, 1, content.len, file) == content.len);
    VS_ASSERT(fclose(file) == 0);
    return path;
}

struct vs_bytes test_read(struct vs_arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    VS_ASSERT(file != NULL);
    VS_ASSERT(fseek(file, 0, SEEK_END) == 0);
    size_t len = (size_t)ftell(file);
    rewind(file);
    char *bytes = vs_arena_alloc(arena, len + 1);
    VS_ASSERT(bytes != NULL && fread(bytes, 1, len, file) == len);
    fclose(file);
    return VS_BYTES(bytes, len);
}

const char *test_shared(const char *path)
{
    static char paths[16][512];
    static unsigned next;
    const char *shared = getenv("VASITE_SHARED");
    char *full = paths[next++ % 16];
    snprintf(full, sizeof paths[0], "%s/%s", shared == NULL ? "../shared" : shared, path);
    return access(full, R_OK) == 0 ? full : NULL;
}

int test_run(const char *fmt, ...)
{
    char line[4096], whole[4200];
    va_list args;
    va_start(args, fmt);
    VS_ASSERT(vsnprintf(line, sizeof line, fmt, args) < (int)sizeof line);
    va_end(args);
    snprintf(whole, sizeof whole, "{ %s ; } >%s/output 2>&1", line, test_folder());
    int status = system(whole);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
