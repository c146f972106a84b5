#include "relay/trust/anchors.h"
#include <fcntl.h>
#include <unistd.h>

enum kind { ANCHORS, ACCREDITED, LISTS };

static vs_rc read_file(struct vs_arena *arena, const char *name, struct vs_bytes *ret,
                       struct vs_error *err)
{
    struct vs_file_source file;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return vs_fail(err, VS_E_CONFIG, NULL, "%s cannot be opened", name);
    vs_rc rc = vs_file_source_init(&file, fd, err);
    if (vs_ok(rc))
        rc = vs_source_all(&file.source, arena, VS_TRUST_LIST_MAX_BYTES, ret, err);
    close(fd);
    return rc;
}

static vs_rc load_file(struct vs_trust *trust, const char *name, enum kind kind,
                       struct vs_error *err)
{
    struct vs_error cause = {0};
    struct vs_bytes bytes;
    VS_ARENA *arena = vs_arena_new(2 * VS_TRUST_LIST_MAX_BYTES);
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(read_file(arena, name, &bytes, err));
    vs_rc rc = kind == LISTS ? vs_trust_add_list(trust, bytes, NULL, &cause)
                             : vs_trust_add_pem(trust, bytes, kind == ACCREDITED, &cause);
    if (!vs_ok(rc))
        return vs_fail(err, VS_E_CONFIG, cause.clause, "%s: %s", name, cause.text);
    return VS_OK;
}

static vs_rc load_files(struct vs_trust *trust, const char *const *names, size_t n,
                        enum kind kind, struct vs_error *err)
{
    for (size_t i = 0; i < n; i++)
        VS_TRY(load_file(trust, names[i], kind, err));
    return VS_OK;
}

vs_rc vs_trust_load(struct vs_trust *trust, const struct vs_relay_settings *settings,
                    struct vs_error *err)
{
    VS_TRY(load_files(trust, settings->trust_anchors, settings->n_trust_anchors, ANCHORS, err));
    VS_TRY(load_files(trust, settings->accredited_anchors, settings->n_accredited_anchors,
                      ACCREDITED, err));
    return load_files(trust, settings->trust_lists, settings->n_trust_lists, LISTS, err);
}
