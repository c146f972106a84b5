#include "formats/bundle/check_priv.h"
#include <stdarg.h>
#include <stdio.h>

#define TAG_MAX   ((size_t)256 * 1024) /* of those kept in memory */
#define LINE_ROOM 65536

/* -- findings ------------------------------------------------------------------------------ */

static const struct {
    const char *rule, *remedy;
} remedies[] = {
    {"missing-file", "Fetch the bundle again: the file named was taken away."},
    {"extra-file", "Remove the file named, or fetch the bundle again: nobody vouches for it."},
    {"digest", "Fetch the bundle again: the file named is not the one that was written."},
    {"form", "Fetch the bundle again: the file named cannot be understood as it stands."},
    {"origin", "Ask whoever gave you the bundle: it is not as the service stated."},
    {"signature", "Do not rely on the file named: its signature does not hold."},
    {"time-mark", "Do not rely on the file named: its evidence record does not hold."},
    {"journal", "Compare the checkpoint with one published by the service."},
    {"index", "Use the files in data/: the index does not say what they say."},
    {"document",
     "Do not rely on the document named: evidence and file do not belong together."},
};

const char *vs_bundle_remedy(const char *rule)
{
    for (size_t i = 0; rule != NULL && i < sizeof remedies / sizeof *remedies; i++)
        if (strcmp(remedies[i].rule, rule) == 0)
            return remedies[i].remedy;
    return "Fetch the bundle again from where it was made.";
}

vs_rc vs_bundle_found(struct vs_bundle_run *run, const char *path, const char *rule,
                      const char *clause, struct vs_error *err, const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (!run->found) {
        run->found = true;
        run->verdict.path = vs_arena_strdup(run->arena, path);
        run->verdict.rule = rule;
        run->verdict.clause = clause;
        run->verdict.text = vs_arena_strdup(run->arena, text);
        if (run->verdict.path == NULL || run->verdict.text == NULL)
            return vs_fail_memory(err);
    }
    return vs_fail(err, VS_E_BUNDLE, clause, "%.100s: %.250s", path, text);
}

void vs_bundle_warn(struct vs_bundle_run *run, const char *path, const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const char *line = run->verdict.n_warnings == VS_BUNDLE_WARNINGS
                           ? NULL
                           : vs_arena_printf(run->arena, "%s: %s", path, text);
    if (line == NULL)
        run->verdict.more_warnings++;
    else
        run->verdict.warnings[run->verdict.n_warnings++] = line;
}

void vs_bundle_tell(struct vs_bundle_run *run, struct vs_bundle_reader *reader, unsigned walk)
{
    const struct vs_bundle_check *o = run->options;
    if (o->progress == NULL)
        return;
    uint64_t size = o->input->size, total = size == 0 ? run->oxum_octets : size;
    uint64_t done = size == 0 ? run->verdict.bytes : reader->position(reader->context);
    /* The first walk only unpacks: it counts for a tenth. */
    done = walk == 1 ? done / 10 : total / 10 + done / 10 * 9;
    o->progress(o->progress_context, done, total);
}

/* -- reading ------------------------------------------------------------------------------- */

/* All of the entry into memory, hashed. */
vs_rc vs_bundle_read_small(struct vs_bundle_reader *reader, const struct vs_bundle_entry *entry,
                           struct vs_arena *arena, struct vs_bytes *ret, uint8_t sha256[32],
                           struct vs_error *err)
{
    uint8_t *to = vs_arena_alloc(arena, (size_t)entry->size + 1);
    if (to == NULL)
        return vs_fail_memory(err);
    size_t len = 0, got = 1;
    while (got > 0) {
        VS_TRY(
            reader->read(reader->context, to + len, (size_t)entry->size + 1 - len, &got, err));
        len += got;
        if (len > entry->size)
            return vs_fail(err, VS_E_BUNDLE, NULL, "%.120s is longer than it says",
                           entry->path);
    }
    vs_sha256(VS_BYTES(to, len), sha256);
    *ret = VS_BYTES(to, len);
    return len == entry->size
               ? VS_OK
               : vs_fail(err, VS_E_BUNDLE, NULL, "%.120s is shorter than it says", entry->path);
}

vs_rc vs_bundle_read_through(struct vs_bundle_reader *reader,
                             vs_rc (*take)(void *, struct vs_bytes, struct vs_error *),
                             void *to, uint8_t sha256[32], struct vs_error *err)
{
    uint8_t chunk[16384];
    struct vs_digest digest;
    VS_HASHER *hasher = vs_hasher_new(VS_SHA256);
    if (hasher == NULL)
        return vs_fail_memory(err);
    for (size_t got = 1; got > 0;) {
        VS_TRY(reader->read(reader->context, chunk, sizeof chunk, &got, err));
        vs_hasher_add(hasher, VS_BYTES(chunk, got));
        if (take != NULL && got > 0)
            VS_TRY(take(to, VS_BYTES(chunk, got), err));
    }
    vs_hasher_finish(hasher, &digest);
    memcpy(sha256, digest.bytes, 32);
    return VS_OK;
}

/* -- the second walk: data/ ---------------------------------------------------------------- */

static vs_rc judge_folder(struct vs_bundle_run *run, struct vs_error *err)
{
    if (run->id[0] == '\0')
        return VS_OK;
    VS_TRY(vs_bundle_judge_document(run, err));
    run->verdict.documents++;
    run->id[0] = '\0';
    return VS_OK;
}

/* The folder that `path` lies in: another than before ends the one before. */
static vs_rc enter_folder(struct vs_bundle_run *run, const char *path, struct vs_error *err)
{
    const char *id = path + strlen("data/documents/"), *slash = strchr(id, '/');
    uint8_t raw[16];
    char text[33];
    bool good = slash != NULL && slash - id == 32;
    memcpy(text, id, good ? 32 : 0);
    text[good ? 32 : 0] = '\0';
    if (!good || !vs_hex_decode(text, raw, sizeof raw))
        return vs_bundle_found(run, path, "extra-file", NULL, err,
                               "it lies in no document's folder");
    if (strcmp(text, run->id) == 0)
        return VS_OK;
    VS_TRY(judge_folder(run, err));
    if (!run->ready)
        VS_TRY(vs_bundle_get_ready(run, err));
    vs_arena_reset(run->scratch);
    run->files = NULL;
    run->n_files = run->room_files = run->n_spooled = 0;
    memcpy(run->id, text, sizeof text);
    return VS_OK;
}

static vs_rc new_file(struct vs_bundle_run *run, const char *path, struct vs_bundle_file **ret,
                      struct vs_error *err)
{
    if (run->n_files == run->room_files) {
        size_t room = run->room_files == 0 ? 64 : run->room_files * 2;
        struct vs_bundle_file *files =
            vs_arena_make_n(run->scratch, struct vs_bundle_file, room);
        if (run->n_files >= VS_BUNDLE_DOCUMENT_FILES || files == NULL)
            return vs_bundle_found(run, path, "form", NULL, err,
                                   "the document has too many files");
        if (run->n_files > 0)
            memcpy(files, run->files, run->n_files * sizeof *files);
        run->files = files;
        run->room_files = room;
    }
    struct vs_bundle_file *file = &run->files[run->n_files++];
    *file = (struct vs_bundle_file){.path = vs_arena_strdup(run->scratch, path)};
    if (file->path == NULL)
        return vs_fail_memory(err);
    file->name = file->path + strlen("data/documents/") + 33;
    *ret = file;
    return VS_OK;
}

static vs_rc keep_large(struct vs_bundle_run *run, struct vs_bundle_reader *reader,
                        struct vs_bundle_file *file, struct vs_error *err)
{
    const struct vs_bundle_spool *spool =
        run->n_spooled < 2 ? run->options->spools[run->n_spooled++] : NULL;
    if (spool == NULL)
        return vs_bundle_found(run, file->path, "form", NULL, err,
                               "the document has too many large files");
    VS_TRY(spool->begin(spool->context, err));
    VS_TRY(vs_bundle_read_through(reader, spool->add, spool->context, file->sha256, err));
    VS_TRY(spool->end(spool->context, &file->source, err));
    return file->source->size == file->size
               ? VS_OK
               : vs_bundle_found(run, file->path, "form", NULL, err,
                                 "it is not as long as it says");
}

static vs_rc keep_file(struct vs_bundle_run *run, struct vs_bundle_reader *reader,
                       const struct vs_bundle_entry *entry, uint8_t sha256[32],
                       struct vs_error *err)
{
    struct vs_bundle_file *file;
    VS_TRY(enter_folder(run, entry->path, err));
    VS_TRY(new_file(run, entry->path, &file, err));
    file->size = entry->size;
    if (entry->size > VS_BUNDLE_SMALL) {
        VS_TRY(keep_large(run, reader, file, err));
    } else {
        VS_TRY(
            vs_bundle_read_small(reader, entry, run->scratch, &file->bytes, file->sha256, err));
        struct vs_bytes_source *source = vs_arena_make(run->scratch, struct vs_bytes_source);
        if (source == NULL)
            return vs_fail_memory(err);
        vs_bytes_source_init(source, file->bytes);
        file->source = &source->source;
    }
    memcpy(sha256, file->sha256, 32);
    return VS_OK;
}

static vs_rc take_payload(struct vs_bundle_run *run, struct vs_bundle_reader *reader,
                          const struct vs_bundle_entry *entry, uint8_t sha256[32],
                          struct vs_error *err)
{
    struct vs_bytes bytes;
    run->verdict.files++;
    run->verdict.bytes += entry->size;
    if (vs_text_starts(entry->path, "data/documents/"))
        return keep_file(run, reader, entry, sha256, err);
    if (run->ready || entry->size > VS_BUNDLE_SMALL)
        return vs_bundle_found(run, entry->path, "extra-file", NULL, err,
                               "no bundle has such a file");
    VS_TRY(vs_bundle_read_small(reader, entry, run->arena, &bytes, sha256, err));
    return vs_bundle_take_authority(run, entry->path, bytes, err);
}

/* The manifest, line by line. */
struct lines {
    struct vs_bundle_reader reader;
    char room[VS_BAG_LINE_MAX + 1];
    size_t len;
    uint8_t digest[32];
    char path[VS_BAG_PATH_MAX + 1]; /* of the present line; "" after the last */
};

static vs_rc open_manifest(struct vs_bundle_run *run, struct lines *m, struct vs_error *err)
{
    struct vs_bundle_entry entry;
    for (bool more = true; more;) {
        VS_TRY(m->reader.next(m->reader.context, &entry, &more, err));
        if (more && strcmp(entry.path, vs_bag_tag_name(VS_BAG_MANIFEST)) == 0)
            return VS_OK;
    }
    return vs_bundle_found(run, vs_bag_tag_name(VS_BAG_MANIFEST), "missing-file", NULL, err,
                           "it is not there any more");
}

static vs_rc next_line(struct vs_bundle_run *run, struct lines *m, struct vs_error *err)
{
    char last[VS_BAG_PATH_MAX + 1];
    size_t got = 1;
    memcpy(last, m->path, sizeof last);
    char *end = memchr(m->room, '\n', m->len);
    while (end == NULL && got > 0 && m->len < sizeof m->room) {
        VS_TRY(m->reader.read(m->reader.context, m->room + m->len, sizeof m->room - m->len,
                              &got, err));
        m->len += got;
        end = memchr(m->room, '\n', m->len);
    }
    m->path[0] = '\0';
    if (m->len == 0)
        return VS_OK;
    size_t len = end == NULL ? 0 : (size_t)(end - m->room);
    if (end == NULL || !vs_bag_line_read(VS_BYTES(m->room, len), m->digest, m->path) ||
        !vs_bag_path_is_payload(m->path) || strcmp(last, m->path) >= 0)
        return vs_bundle_found(run, vs_bag_tag_name(VS_BAG_MANIFEST), "form", "RFC 8493, 2.1.3",
                               err, "a line that is no digest and name, or not in its place");
    m->len -= len + 1;
    memmove(m->room, end + 1, m->len);
    return VS_OK;
}

static vs_rc compare(struct vs_bundle_run *run, struct vs_bundle_reader *reader,
                     const struct vs_bundle_entry *entry, struct lines *m, struct vs_error *err)
{
    uint8_t sha256[32];
    int order = m->path[0] == '\0' ? -1 : strcmp(entry->path, m->path);
    if (order < 0)
        return vs_bundle_found(run, entry->path, "extra-file", "RFC 8493, 3", err,
                               "the manifest does not list it");
    if (order > 0)
        return vs_bundle_found(run, m->path, "missing-file", "RFC 8493, 3", err,
                               "the manifest lists it, but it is not there");
    VS_TRY(take_payload(run, reader, entry, sha256, err));
    if (memcmp(sha256, m->digest, 32) != 0)
        return vs_bundle_found(run, entry->path, "digest", "RFC 8493, 3", err,
                               "it is not the file of its digest");
    return next_line(run, m, err);
}

static vs_rc second_walk(struct vs_bundle_run *run, struct vs_bundle_reader *reader,
                         struct lines *m, struct vs_error *err)
{
    struct vs_bundle_entry entry;
    VS_TRY(open_manifest(run, m, err));
    VS_TRY(next_line(run, m, err));
    for (bool more = true; more;) {
        VS_TRY(reader->next(reader->context, &entry, &more, err));
        if (!more || !vs_bag_path_is_payload(entry.path))
            continue;
        VS_TRY(compare(run, reader, &entry, m, err));
        vs_bundle_tell(run, reader, 2);
    }
    if (m->path[0] != '\0')
        return vs_bundle_found(run, m->path, "missing-file", "RFC 8493, 3", err,
                               "the manifest lists it, but it is not there");
    VS_TRY(judge_folder(run, err));
    return run->ready ? VS_OK : vs_bundle_get_ready(run, err);
}

/* -- the end ------------------------------------------------------------------------------- */

static vs_rc check_index(struct vs_bundle_run *run, enum vs_bag_tag tag,
                         struct vs_hasher *hasher, struct vs_error *err)
{
    struct vs_digest digest;
    vs_hasher_finish(hasher, &digest);
    if (memcmp(digest.bytes, run->tag_digests[tag], 32) != 0)
        return vs_bundle_found(run, vs_bag_tag_name(tag), "index", NULL, err,
                               "it is not what the documents in the bundle give");
    return VS_OK;
}

static vs_rc check_totals(struct vs_bundle_run *run, struct vs_error *err)
{
    const struct vs_bundle_verdict *v = &run->verdict;
    if (v->bytes != run->oxum_octets || v->files != run->oxum_files ||
        v->documents != run->oxum_documents)
        return vs_bundle_found(run, "bag-info.txt", "form", "RFC 8493, 2.2.2", err,
                               "the bundle holds another number of files, octets or documents");
    VS_BUFFER tail;
    vs_buffer_init(&tail, LINE_ROOM);
    vs_bundle_html_tail(&tail);
    vs_hasher_add(run->html, vs_buffer_view(&tail));
    VS_TRY(check_index(run, VS_BAG_INDEX_CSV, run->csv, err));
    return check_index(run, VS_BAG_INDEX_HTML, run->html, err);
}

static void begin_indexes(struct vs_bundle_run *run)
{
    VS_BUFFER head;
    vs_buffer_init(&head, LINE_ROOM);
    vs_bundle_csv_head(&head);
    vs_hasher_add(run->csv, vs_buffer_view(&head));
    vs_buffer_clear(&head);
    vs_bundle_html_head(&head, run->verdict.created);
    vs_hasher_add(run->html, vs_buffer_view(&head));
}

static vs_rc walk(struct vs_bundle_run *run, struct vs_error *err)
{
    const struct vs_bundle_input *input = run->options->input;
    struct vs_bundle_reader reader;
    struct lines manifest = {.len = 0};
    VS_TRY(input->open(input->context, &reader, err));
    vs_rc rc = vs_bundle_first_walk(run, &reader, err);
    reader.close(reader.context);
    VS_TRY(rc);
    VS_TRY(vs_bundle_check_tags(run, err));
    begin_indexes(run);
    VS_TRY(input->open(input->context, &manifest.reader, err));
    rc = input->open(input->context, &reader, err);
    if (vs_ok(rc)) {
        rc = second_walk(run, &reader, &manifest, err);
        reader.close(reader.context);
    }
    manifest.reader.close(manifest.reader.context);
    VS_TRY(rc);
    return check_totals(run, err);
}

vs_rc vs_bundle_verify(struct vs_arena *arena, const struct vs_bundle_check *check,
                       struct vs_bundle_verdict *ret, struct vs_error *err)
{
    VS_ARENA *scratch = vs_arena_new(VS_BUNDLE_ARENA);
    VS_HASHER *csv = vs_hasher_new(VS_SHA256);
    VS_HASHER *html = vs_hasher_new(VS_SHA256);
    struct vs_bundle_run *run = vs_arena_make(arena, struct vs_bundle_run);
    if (scratch == NULL || csv == NULL || html == NULL || run == NULL)
        return vs_fail_memory(err);
    run->options = check;
    run->arena = arena;
    run->scratch = scratch;
    run->csv = csv;
    run->html = html;
    run->verdict.created = VS_TIME_NONE;
    vs_rc rc = walk(run, err);
    vs_trust_unref(run->own_trust);
    /* What an archive's structure breaks is found too: it has no file's name then. */
    enum vs_class class = vs_code_info(rc.code)->class;
    if (!vs_ok(rc) && !run->found && class == VS_CLASS_REFUSED && rc.code != VS_E_NOT_ZIP) {
        vs_rc found = vs_bundle_found(run, "", "form", err->clause, err, "%s",
                                      vs_arena_strdup(arena, err->text));
        (void)found.code;
    }
    if (!vs_ok(rc) && !run->found)
        return rc;
    run->verdict.holds = !run->found;
    *ret = run->verdict;
    return VS_OK;
}
