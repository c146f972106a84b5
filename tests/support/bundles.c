#include "tests/support/bundles.h"
#include "formats/certificate/certificate.h"
#include "gateway/cli/bundle_folder.h"
#include "relay/centre/centre.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "bundles: %s\n", what);
    abort();
}

struct vs_caller bundle_archivist(const struct relay_fixture *fixture,
                                  const struct vs_caller *of)
{
    struct vs_caller archivist = *of;
    (void)fixture;
    archivist.roles = VS_ROLE_ARCHIVIST;
    return archivist;
}

struct asking {
    const struct vs_caller *caller;
    const struct vs_export_request *request;
    const struct vs_export *ret;
};

static vs_rc run_ask(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                     struct vs_error *err)
{
    struct asking *asking = job->context;
    return vs_export_stage(relay, job, asking->caller, asking->request, now, &asking->ret, err);
}

static void asked(struct vs_job *job)
{
    job->next = job; /* a mark: it ended */
}

vs_rc bundle_begin(struct relay_fixture *fixture, const struct vs_caller *caller,
                   const struct vs_export_request *request, const struct vs_export **ret,
                   struct vs_error *err)
{
    struct asking asking = {caller, request, NULL};
    struct vs_job *job = vs_arena_make(fixture->arena, struct vs_job);
    *job = (struct vs_job){
        .arena = fixture->arena, .run = run_ask, .done = asked, .context = &asking};
    VS_TRY(vs_relay_submit_job(fixture->relay, job, err));
    vs_relay_work(fixture->relay, vs_relay_now(fixture->relay));
    vs_relay_commit(fixture->relay, vs_relay_now(fixture->relay));
    must(job->next == job, "the export was not begun");
    *err = job->error;
    *ret = asking.ret;
    return job->rc;
}

vs_rc bundle_export(struct relay_fixture *fixture, const struct vs_caller *caller,
                    const struct vs_export_request *request, const struct vs_export **ret,
                    struct vs_error *err)
{
    struct asking asking = {caller, request, NULL};
    VS_TRY(relay_fixture_job(fixture, run_ask, &asking, err));
    *ret = asking.ret;
    for (int i = 0; i < 100000 && (*ret)->state == VS_EXPORT_RUNNING; i++) {
        test_world_pass(&fixture->world, 1000);
        vs_relay_run_until_idle(fixture->relay);
        VS_TRY(vs_export_get(fixture->relay, fixture->arena, caller, asking.ret->id, ret, err));
    }
    return VS_OK;
}

static void put(int fd, const void *bytes, size_t len)
{
    must(write(fd, bytes, len) == (ssize_t)len, "write");
}

const char *bundle_fetch(struct relay_fixture *fixture, const struct vs_caller *caller,
                         struct vs_id id)
{
    struct vs_export_file file;
    struct vs_error err;
    static uint8_t chunk[65536];
    must(vs_ok(vs_export_open(fixture->relay, fixture->arena, caller, id, &file, &err)),
         "the export cannot be opened");
    const char *path = vs_arena_printf(fixture->arena, "%s/%s", fixture->folder, file.name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    for (uint64_t at = 0; at < file.source->size; at += sizeof chunk) {
        uint64_t left = file.source->size - at;
        size_t len = left < sizeof chunk ? (size_t)left : sizeof chunk;
        must(vs_ok(vs_source_read(file.source, at, chunk, len, &err)), "the export");
        put(fd, chunk, len);
    }
    close(fd);
    vs_export_close(&file);
    return path;
}

static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
}

static void unpack_all(struct vs_bundle_reader *reader, struct relay_fixture *fixture,
                       const char *folder)
{
    struct vs_bundle_entry entry;
    struct vs_error err;
    uint8_t chunk[4096];
    for (bool more = true; more;) {
        vs_rc rc = reader->next(reader->context, &entry, &more, &err);
        must(vs_ok(rc), err.text);
        if (!more)
            break;
        char *path = vs_arena_printf(fixture->arena, "%s/%s", folder, entry.path);
        make_folders(path);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        must(fd >= 0, "a file cannot be made");
        for (size_t got = 1; got > 0; put(fd, chunk, got))
            must(vs_ok(reader->read(reader->context, chunk, sizeof chunk, &got, &err)), "read");
        close(fd);
    }
}

struct opened {
    struct vs_file_source source;
    struct vs_bundle_archive archive;
    struct vs_bundle_folder folder;
    const struct vs_bundle_input *input;
};

static void open_bundle(const char *path, struct opened *o)
{
    struct stat status;
    struct vs_error err;
    must(stat(path, &status) == 0, path);
    if (S_ISDIR(status.st_mode)) {
        vs_bundle_folder_init(&o->folder, path);
        o->input = &o->folder.input;
        o->source.fd = -1;
        return;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    must(fd >= 0 && vs_ok(vs_file_source_init(&o->source, fd, &err)), path);
    vs_bundle_archive_init(&o->archive, &o->source.source);
    o->input = &o->archive.input;
}

static void close_bundle(struct opened *o)
{
    if (o->source.fd >= 0)
        close(o->source.fd);
}

void bundle_unpack(struct relay_fixture *fixture, const char *archive, const char *folder)
{
    struct opened o;
    struct vs_bundle_reader reader;
    struct vs_error err;
    open_bundle(archive, &o);
    must(vs_ok(o.input->open(o.input->context, &reader, &err)), "the archive");
    unpack_all(&reader, fixture, folder);
    reader.close(reader.context);
    close_bundle(&o);
}

vs_rc bundle_verify(struct relay_fixture *fixture, const char *path, bool anchored,
                    struct vs_bundle_verdict *ret, struct vs_error *err)
{
    struct opened o;
    VS_TRUST *trust = vs_trust_new();
    VS_TRY(vs_trust_add_pem(trust, vs_centre_root(vs_relay_centre(fixture->relay))->der, false,
                            err));
    open_bundle(path, &o);
    struct vs_bundle_check check = {.input = o.input,
                                    .trust = anchored ? trust : NULL,
                                    .at = atomic_load(&fixture->world.now_ms)};
    vs_rc rc = vs_bundle_verify(fixture->arena, &check, ret, err);
    close_bundle(&o);
    return rc;
}
