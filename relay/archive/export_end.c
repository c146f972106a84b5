/* The end of a bundle: indexes, manifests, and the signed statement of its origin. */
#include "relay/archive/exports_priv.h"
#include "relay/exchange/participants.h"
#include "relay/seal/seal.h"

#define SHA256_URI "http://www.w3.org/2001/04/xmlenc#sha256"

static vs_rc put_out(struct vs_export_slice *s, struct vs_export_ending *e,
                     enum vs_export_output output, enum vs_bag_tag tag, struct vs_error *err)
{
    struct vs_out *out = &s->outs[output];
    VS_TRY(vs_out_flush(out, err));
    struct vs_source source = {out->length, out, vs_out_read};
    return vs_export_pack(s, vs_bag_tag_name(tag), &source, e->digests[tag], err);
}

static vs_rc put_text(struct vs_export_slice *s, struct vs_export_ending *e,
                      enum vs_bag_tag tag, const struct vs_buffer *text, struct vs_error *err)
{
    struct vs_bytes_source source;
    VS_TRY(vs_buffer_check(text, err));
    vs_bytes_source_init(&source, vs_buffer_view(text));
    return vs_export_pack(s, vs_bag_tag_name(tag), &source.source, e->digests[tag], err);
}

static vs_rc put_info(struct vs_export_slice *s, struct vs_export_ending *e,
                      struct vs_error *err)
{
    const struct vs_export_row *row = s->row;
    char id[VS_ID_TEXT];
    VS_BUFFER text;
    vs_id_text(row->export.id, id);
    struct vs_bag_info info = {.id = id,
                               .organisation = s->relay->settings.service_name,
                               .created = row->export.created / 1000 * 1000,
                               .documents = (uint64_t)row->progress.documents,
                               .octets = (uint64_t)row->progress.bytes,
                               .files = (uint64_t)row->progress.files,
                               .description = {"Vasitə xidmətinin arxiv paketi",
                                               "Archive bundle of a Vasite service",
                                               "Архивный пакет службы Vasite"}};
    vs_buffer_init(&text, 65536);
    vs_bag_bagit_write(&text);
    VS_TRY(put_text(s, e, VS_BAG_BAGIT, &text, err));
    vs_buffer_clear(&text);
    vs_bag_info_write(&text, &info);
    return put_text(s, e, VS_BAG_INFO, &text, err);
}

/* Whose bundle it is: the participant, or the service for an auditor. */
static vs_rc load_facts(struct vs_export_slice *s, struct vs_export_ending *e,
                        struct vs_error *err)
{
    const struct vs_export *x = &s->row->export;
    const struct vs_participant *p = NULL;
    struct vs_erds_user *user = vs_arena_make(s->arena, struct vs_erds_user);
    if (user == NULL)
        return vs_fail_memory(err);
    if (!vs_id_is_none(x->participant))
        VS_TRY(vs_participant_get(s->relay, s->arena, x->participant, &p, err));
    const struct vs_relay_settings *own = &s->relay->settings;
    VS_TRY(vs_user_of(s->arena, p == NULL ? own->service_identifier : p->identifiers[0],
                      p == NULL ? own->service_name : p->name, user, err));
    e->facts = (struct vs_facts){.document = x->id,
                                 .sender_id = x->participant,
                                 .sender = *user,
                                 .recipients = user,
                                 .n_recipients = 1,
                                 .sent = x->created,
                                 .retention = VS_RETENTION_PERMANENT};
    return VS_OK;
}

static vs_rc origin_xml(struct vs_export_slice *s, struct vs_export_ending *e,
                        struct vs_bytes *ret, struct vs_error *err)
{
    static const char *const policies[] = {"urn:vasite:policy:1"};
    struct vs_erds_part parts[VS_BAG_TAGS];
    size_t n = 0;
    for (int tag = 0; tag < VS_BAG_TAGS; tag++)
        if (vs_bag_tag_is_stated((enum vs_bag_tag)tag))
            parts[n++] =
                (struct vs_erds_part){.identifier = vs_bag_tag_name((enum vs_bag_tag)tag),
                                      .content_type = "text/plain",
                                      .digest_uri = SHA256_URI,
                                      .digest = VS_BYTES(e->digests[tag], 32)};
    struct vs_erds_extension said[2];
    size_t n_said = 0;
    if (s->row->principal_name[0] != '\0')
        said[n_said++] =
            (struct vs_erds_extension){VS_ERDS_EXT_PRINCIPAL, s->row->principal_name};
    if (s->row->export.request.reason != NULL)
        said[n_said++] =
            (struct vs_erds_extension){VS_ERDS_EXT_STATEMENT, s->row->export.request.reason};
    struct vs_erds erds = {.id = vs_id_text_new(s->arena, e->issued.id),
                           .event = VS_EVENT_BUNDLE_EXPORT,
                           .event_time = s->now,
                           .policies = policies,
                           .n_policies = 1,
                           .issuer_certificate = vs_sealer_evidence_certificate(s->relay),
                           .sender = e->facts.sender,
                           .recipients = e->facts.recipients,
                           .n_recipients = 1,
                           .submission_time = s->row->export.created,
                           .message_id = vs_id_text_new(s->arena, s->row->export.id),
                           .parts = parts,
                           .n_parts = n,
                           .extensions = said,
                           .n_extensions = n_said};
    struct vs_bytes xml;
    if (erds.id == NULL || erds.message_id == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_user_of(s->arena, s->relay->settings.service_identifier,
                      s->relay->settings.service_name, &erds.issuer, err));
    VS_TRY(vs_erds_make(s->arena, &erds, &xml, err));
    return vs_seal_evidence(s->relay, s->arena, xml, s->now, ret, err);
}

static vs_rc put_origin(struct vs_export_slice *s, struct vs_export_ending *e,
                        struct vs_error *err)
{
    const struct vs_seams *seams = &s->relay->seams;
    struct vs_bytes_source source;
    e->issued.id = vs_id_new(seams, s->now);
    e->issue = (struct vs_issue){.event = VS_EVENT_BUNDLE_EXPORT, .event_time = s->now};
    VS_TRY(load_facts(s, e, err));
    VS_TRY(origin_xml(s, e, &e->issued.xml, err));
    vs_sha256(e->issued.xml, e->issued.digest);
    seams->random(seams->context, e->issued.salt, sizeof e->issued.salt);
    vs_bytes_source_init(&source, e->issued.xml);
    VS_TRY(vs_export_pack(s, vs_bag_tag_name(VS_BAG_ORIGIN), &source.source,
                          e->digests[VS_BAG_ORIGIN], err));
    VS_BUFFER text;
    vs_buffer_init(&text, 65536);
    for (int tag = 0; tag < VS_BAG_TAGMANIFEST; tag++)
        vs_bag_line(&text, e->digests[tag], vs_bag_tag_name((enum vs_bag_tag)tag));
    return put_text(s, e, VS_BAG_TAGMANIFEST, &text, err);
}

vs_rc vs_export_end(struct vs_export_slice *s, struct vs_export_ending *e, struct vs_error *err)
{
    VS_BUFFER text;
    vs_buffer_init(&text, 65536);
    vs_bundle_html_tail(&text);
    VS_TRY(vs_out_put(&s->outs[VS_OUT_HTML], vs_buffer_view(&text), err));
    VS_TRY(put_info(s, e, err));
    VS_TRY(put_out(s, e, VS_OUT_CSV, VS_BAG_INDEX_CSV, err));
    VS_TRY(put_out(s, e, VS_OUT_HTML, VS_BAG_INDEX_HTML, err));
    VS_TRY(put_out(s, e, VS_OUT_MANIFEST, VS_BAG_MANIFEST, err));
    vs_buffer_clear(&text);
    vs_bundle_readme(&text);
    VS_TRY(put_text(s, e, VS_BAG_README, &text, err));
    return put_origin(s, e, err);
}
