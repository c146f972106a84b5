/* tools.h - what tests need of the system: a folder of their own, files, public tools. */
#ifndef VS_TESTS_SUPPORT_TOOLS_H
#define VS_TESTS_SUPPORT_TOOLS_H
#include "formats/base/base.h"

/* A folder that exists until the process ends well; one per process. */
const char *test_folder(void);
/* Write a file into it; the path lives until the next 16 calls. */
const char *test_file(const char *name, struct vs_bytes content);
/* The whole file in the arena; aborts when it cannot be read. */
struct vs_bytes test_read(struct vs_arena *arena, const char *path);
/* A file of ../shared (VASITE_SHARED), or NULL where that folder is not there. */
const char *test_shared(const char *path);
/* Run a shell command line, output thrown away unless it fails unexpectedly; its exit code. */
int test_run(const char *fmt, ...) VS_PRINTF(1, 2);
#endif
