/* What lies beside data/, and what the documents are judged with. */
#include "formats/bundle/check_priv.h"
#include "formats/certificate/certificate.h"
#include "formats/crypto/key.h"
#include <stdio.h>

#define TAG_MAX  ((size_t)256 * 1024) /* of those kept in memory */
#define ROOT     "data/authority/root.cer"
#define NOTE     "data/checkpoint.txt"
#define NOTE_KEY "data/checkpoint.pem"
#define PAST     "data/checkpoint-"

/* -- the first walk: what lies beside data/ ------------------------------------------------ */

static vs_rc take_tag(struct vs_bundle_run *run, struct vs_bundle_reader *reader,
                      const struct vs_bundle_entry *entry, struct vs_error *err)
{
    enum vs_bag_tag tag = vs_bag_tag_of(entry->path);
    if (tag == VS_BAG_TAGS)
        return vs_bundle_found(run, entry->path, "extra-file", "RFC 8493, 3", err,
                               "no bundle has such a file");
    if (run->tag_there[tag])
        return vs_bundle_found(run, entry->path, "extra-file", "RFC 8493, 3", err,
                               "it is there twice");
    run->tag_there[tag] = true;
    bool large = tag == VS_BAG_MANIFEST || tag == VS_BAG_INDEX_CSV || tag == VS_BAG_INDEX_HTML;
    if (large)
        return vs_bundle_read_through(reader, NULL, NULL, run->tag_digests[tag], err);
    if (entry->size > TAG_MAX)
        return vs_bundle_found(run, entry->path, "form", NULL, err, "it is too large");
    return vs_bundle_read_small(reader, entry, run->arena, &run->tags[tag],
                                run->tag_digests[tag], err);
}

vs_rc vs_bundle_first_walk(struct vs_bundle_run *run, struct vs_bundle_reader *reader,
                           struct vs_error *err)
{
    struct vs_bundle_entry entry;
    char last[VS_BAG_PATH_MAX + 1] = "";
    for (bool more = true; more;) {
        VS_TRY(reader->next(reader->context, &entry, &more, err));
        if (!more)
            break;
        vs_bundle_tell(run, reader, 1);
        if (!vs_bag_path_is_payload(entry.path)) {
            VS_TRY(take_tag(run, reader, &entry, err));
            continue;
        }
        if (strcmp(last, entry.path) >= 0)
            return vs_bundle_found(run, entry.path, "extra-file", NULL, err,
                                   "it is there twice, or not in its place");
        memcpy(last, entry.path, sizeof last);
    }
    for (int tag = 0; tag < VS_BAG_TAGS; tag++)
        if (!run->tag_there[tag])
            return vs_bundle_found(run, vs_bag_tag_name((enum vs_bag_tag)tag), "missing-file",
                                   "RFC 8493, 2", err, "it is not there");
    return VS_OK;
}

/* -- tag manifest and origin --------------------------------------------------------------- */

/* What the origin states of a file; NULL: nothing. */
static const uint8_t *stated(const struct vs_erds *origin, const char *name)
{
    for (size_t i = 0; i < origin->n_parts; i++)
        if (vs_text_equal(origin->parts[i].identifier, name) &&
            origin->parts[i].digest.len == 32)
            return origin->parts[i].digest.ptr;
    return NULL;
}

/* A tag file that is not as listed: the origin tells whether file or list was changed. */
static vs_rc tag_differs(struct vs_bundle_run *run, enum vs_bag_tag tag,
                         const struct vs_erds *origin, struct vs_error *err)
{
    const char *name = vs_bag_tag_name(tag);
    const uint8_t *wanted = origin == NULL ? NULL : stated(origin, name);
    if (wanted != NULL && memcmp(wanted, run->tag_digests[tag], 32) == 0)
        return vs_bundle_found(run, vs_bag_tag_name(VS_BAG_TAGMANIFEST), "digest",
                               "RFC 8493, 3", err, "its line for %s is not as it was written",
                               name);
    return vs_bundle_found(run, name, "digest", "RFC 8493, 3", err,
                           "it is not the file of its digest");
}

static vs_rc check_tagmanifest(struct vs_bundle_run *run, const struct vs_erds *origin,
                               struct vs_error *err)
{
    VS_BUFFER wanted;
    vs_buffer_init(&wanted, 4096);
    const char *list = vs_bag_tag_name(VS_BAG_TAGMANIFEST);
    struct vs_bytes text = run->tags[VS_BAG_TAGMANIFEST];
    for (int tag = 0; tag < VS_BAG_TAGMANIFEST; tag++) {
        const uint8_t *end = text.len == 0 ? NULL : memchr(text.ptr, '\n', text.len);
        size_t len = end == NULL ? 0 : (size_t)(end - text.ptr);
        uint8_t digest[32];
        char path[VS_BAG_PATH_MAX + 1];
        if (!vs_bag_line_read(VS_BYTES(text.ptr, len), digest, path) ||
            strcmp(path, vs_bag_tag_name((enum vs_bag_tag)tag)) != 0)
            return vs_bundle_found(run, list, "form", "RFC 8493, 2.2.1", err,
                                   "line %d is not the digest of %s", tag + 1,
                                   vs_bag_tag_name((enum vs_bag_tag)tag));
        if (memcmp(digest, run->tag_digests[tag], 32) != 0)
            return tag_differs(run, (enum vs_bag_tag)tag, origin, err);
        text = VS_BYTES(end + 1, text.len - len - 1);
    }
    if (text.len > 0)
        return vs_bundle_found(run, list, "form", "RFC 8493, 2.2.1", err,
                               "it lists what is not there");
    vs_bag_bagit_write(&wanted);
    if (!vs_bytes_equal(run->tags[VS_BAG_BAGIT], vs_buffer_view(&wanted)))
        return vs_bundle_found(run, "bagit.txt", "form", "RFC 8493, 2.1.1", err,
                               "it is not BagIt 1.0 in UTF-8");
    if (!vs_bag_info_read(run->tags[VS_BAG_INFO], &run->oxum_octets, &run->oxum_files,
                          &run->oxum_documents, &run->verdict.created))
        return vs_bundle_found(run, "bag-info.txt", "form", "RFC 8493, 2.2.2", err,
                               "it does not say how much the bundle holds");
    return VS_OK;
}

vs_rc vs_bundle_check_tags(struct vs_bundle_run *run, struct vs_error *err)
{
    struct vs_erds origin, *read = &origin;
    struct vs_error ignored;
    if (!vs_ok(vs_erds_read(run->arena, run->tags[VS_BAG_ORIGIN], &origin, &ignored)))
        read = NULL;
    VS_TRY(check_tagmanifest(run, read, err));
    if (read == NULL)
        return vs_bundle_found(run, "origin.xml", "form", NULL, err, "it is no evidence");
    for (int tag = 0; tag < VS_BAG_TAGS; tag++) {
        const char *name = vs_bag_tag_name((enum vs_bag_tag)tag);
        const uint8_t *digest = stated(&origin, name);
        if (vs_bag_tag_is_stated((enum vs_bag_tag)tag) &&
            (digest == NULL || memcmp(digest, run->tag_digests[tag], 32) != 0))
            return vs_bundle_found(run, name, "origin", NULL, err,
                                   "it is not the file that origin.xml states");
    }
    run->verdict.service = vs_arena_printf(
        run->arena, "%s (%s:%s)", origin.issuer.name == NULL ? "?" : origin.issuer.name,
        origin.issuer.scheme == NULL ? "?" : origin.issuer.scheme,
        origin.issuer.identifier == NULL ? "?" : origin.issuer.identifier);
    return run->verdict.service == NULL ? vs_fail_memory(err) : VS_OK;
}

/* -- what the documents are judged with ---------------------------------------------------- */

static vs_rc own_anchors(struct vs_bundle_run *run, struct vs_error *err)
{
    run->own_trust = vs_trust_new();
    run->trust = run->own_trust;
    for (size_t i = 0; i < run->n_certificates; i++) {
        VS_CERTIFICATE *certificate = NULL;
        struct vs_error ignored;
        if (!vs_ok(vs_certificate_get(run->certificates[i], &certificate, &ignored)) ||
            !certificate->self_issued)
            continue;
        VS_TRY(vs_trust_add_pem(run->own_trust, run->certificates[i], false, err));
    }
    vs_bundle_warn(run, ROOT,
                   "no anchor was given: the bundle's own root is believed, which proves "
                   "nothing against whoever forged the whole bundle (--trust-anchor)");
    return VS_OK;
}

static vs_rc check_one_note(struct vs_bundle_run *run, const char *path, struct vs_bytes text,
                            const uint8_t key[32], struct vs_checkpoint *ret,
                            struct vs_error *err)
{
    struct vs_error why = {0};
    bool good = false;
    if (!vs_ok(vs_checkpoint_read(run->arena, text, ret, &why)) ||
        !vs_ok(vs_checkpoint_verify(text, key, &good, &why)))
        return vs_bundle_found(run, path, "form", "C2SP tlog-checkpoint", err, "%s", why.text);
    if (!good)
        return vs_bundle_found(run, path, "journal", "C2SP signed-note", err,
                               "its signature does not hold");
    return VS_OK;
}

static void past_path(unsigned number, char *out, size_t size)
{
    snprintf(out, size, PAST "%03u.txt", number);
}

/* One writing of each number only. */
static bool take_past(struct vs_bundle_run *run, const char *path, struct vs_bytes bytes)
{
    char again[64];
    uint64_t number;
    struct vs_bytes text = vs_bytes_text(path);
    size_t digits = text.len < strlen(PAST) + 7 ? 0 : text.len - strlen(PAST) - 4;
    if (!vs_text_starts(path, PAST) || digits < 3 || run->n_past == VS_BUNDLE_LOGS)
        return false;
    const uint8_t *at = text.ptr + strlen(PAST);
    while (digits > 1 && *at == '0') {
        at++;
        digits--;
    }
    if (!vs_u64_decode(VS_BYTES(at, digits), &number) || number == 0 || number > 99999)
        return false;
    past_path((unsigned)number, again, sizeof again);
    if (strcmp(again, path) != 0)
        return false;
    run->past[run->n_past].number = (unsigned)number;
    run->past[run->n_past++].bytes = bytes;
    return true;
}

static vs_rc check_note(struct vs_bundle_run *run, struct vs_error *err)
{
    struct vs_error why = {0};
    struct vs_bytes spki;
    uint8_t raw[32];
    VS_PUBLIC_KEY *key = NULL;
    if (run->checkpoint.ptr == NULL || run->checkpoint_key.ptr == NULL)
        return vs_bundle_found(run, run->checkpoint.ptr == NULL ? NOTE : NOTE_KEY,
                               "missing-file", NULL, err, "it is not there");
    const char *head = "-----BEGIN PUBLIC KEY-----\n", *tail = "-----END PUBLIC KEY-----\n";
    struct vs_bytes pem = run->checkpoint_key;
    size_t around = strlen(head) + strlen(tail);
    if (!vs_bytes_starts(pem, head) || !vs_bytes_ends(pem, tail) || pem.len < around ||
        !vs_ok(vs_base64_decode(run->arena, VS_BYTES(pem.ptr + strlen(head), pem.len - around),
                                &spki, &why)) ||
        !vs_ok(vs_public_key_decode(spki, &key, &why)) || !vs_public_key_ed25519(key, raw))
        return vs_bundle_found(run, NOTE_KEY, "form", NULL, err, "it is no Ed25519 key");
    VS_TRY(check_one_note(run, NOTE, run->checkpoint, raw, &run->note, err));
    for (size_t i = 0; i < run->n_past; i++) {
        char path[64];
        past_path(run->past[i].number, path, sizeof path);
        VS_TRY(check_one_note(run, path, run->past[i].bytes, raw, &run->past[i].note, err));
    }
    run->verdict.log = run->note.origin;
    run->verdict.log_size = run->note.size;
    return VS_OK;
}

/* All that comes before the first document is there. */
vs_rc vs_bundle_get_ready(struct vs_bundle_run *run, struct vs_error *err)
{
    struct vs_erds origin;
    run->ready = true;
    run->trust = run->options->trust;
    if (run->trust == NULL)
        VS_TRY(own_anchors(run, err));
    VS_TRY(check_note(run, err));
    vs_arena_reset(run->scratch);
    return vs_bundle_judge_evidence(run, "origin.xml", run->tags[VS_BAG_ORIGIN], 0, NULL,
                                    &origin, err);
}

vs_rc vs_bundle_take_authority(struct vs_bundle_run *run, const char *path,
                               struct vs_bytes bytes, struct vs_error *err)
{
    struct vs_bytes text = vs_bytes_text(path);
    if (strcmp(path, NOTE) == 0) {
        run->checkpoint = bytes;
    } else if (strcmp(path, NOTE_KEY) == 0) {
        run->checkpoint_key = bytes;
    } else if (vs_text_starts(path, "data/authority/") && vs_bytes_ends(text, ".cer") &&
               run->n_certificates < VS_BUNDLE_AUTHORITY_FILES) {
        run->certificates[run->n_certificates++] = bytes;
    } else if (vs_text_starts(path, "data/authority/") && vs_bytes_ends(text, ".crl") &&
               run->n_crls < VS_BUNDLE_AUTHORITY_FILES) {
        run->crls[run->n_crls++] = bytes;
    } else if (!take_past(run, path, bytes)) {
        return vs_bundle_found(run, path, "extra-file", NULL, err, "no bundle has such a file");
    }
    return VS_OK;
}
