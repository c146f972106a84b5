/* bench_load HOST PORT CA-FILE METHOD PATH HEADERS-FILE CONNECTIONS WANTED PACK: send every
 * body of PACK (4 bytes length, big-endian, then the bytes) once. Writes "ready" when all are
 * connected, waits for a line on standard input, and ends with one line of JSON. */
#include "tests/bench/load.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct vs_bytes map(const char *path)
{
    int fd = open(path, O_RDONLY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        fprintf(stderr, "bench: cannot read %s\n", path);
        exit(2);
    }
    void *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    close(fd);
    return VS_BYTES(at, (size_t)st.st_size);
}

static struct vs_bytes *unpack(struct vs_bytes pack, size_t *ret_n)
{
    size_t n = 0, room = 1024;
    struct vs_bytes *bodies = vs_heap_array(room, sizeof *bodies);
    for (size_t at = 0; at + 4 <= pack.len; n++) {
        if (n == room)
            bodies = vs_heap_grow(bodies, (room *= 2) * sizeof *bodies);
        bodies[n] = VS_BYTES(pack.ptr + at + 4, vs_get_u32(pack.ptr + at));
        at += 4 + bodies[n].len;
    }
    *ret_n = n;
    return bodies;
}

/* Whoever measures the service does so from here on: handshakes are a connection's, not a
 * document's. */
static void ready(void)
{
    char line[16];
    printf("ready\n");
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL)
        exit(2);
}

int main(int argc, char **argv)
{
    if (argc != 10) {
        fprintf(stderr, "bench_load: see load_main.c\n");
        return 2;
    }
    struct vs_bytes headers = map(argv[6]);
    char *header_text = vs_heap_new(headers.len + 1);
    memcpy(header_text, headers.ptr, headers.len);
    size_t n;
    struct vs_bytes *bodies = unpack(map(argv[9]), &n);
    struct load load = {.host = argv[1],
                        .port = (int)strtol(argv[2], NULL, 10),
                        .tls = strcmp(argv[3], "-") != 0,
                        .ca_file = argv[3],
                        .method = argv[4],
                        .path = argv[5],
                        .headers = header_text,
                        .bodies = bodies,
                        .n_bodies = n,
                        .connections = (int)strtol(argv[7], NULL, 10),
                        .wanted = (int)strtol(argv[8], NULL, 10),
                        .ready = ready};
    struct load_result result;
    load_run(&load, &result);
    printf("{\"right\":%zu,\"wrong\":%zu,\"seconds\":%.4f,\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n",
           result.right, result.wrong, result.seconds, result.p50_ms, result.p99_ms);
    if (result.wrong > 0)
        fprintf(stderr, "bench: first wrong answer %d: %s\n", result.first_wrong,
                result.first_wrong_text);
    vs_heap_free(header_text);
    vs_heap_free(bodies);
    return result.wrong == 0 ? 0 : 1;
}
