#include "formats/bundle/document.h"
#include "formats/base/text.h"
#include <ctype.h>
#include <stdio.h>

/* -- what the evidence states -------------------------------------------------------------- */

static vs_rc copy(struct vs_arena *arena, const char *from, const char **ret,
                  struct vs_error *err)
{
    *ret = from == NULL ? NULL : vs_arena_strdup(arena, from);
    return from != NULL && *ret == NULL ? vs_fail_memory(err) : VS_OK;
}

static vs_rc identifier_of(struct vs_arena *arena, const struct vs_erds_user *user,
                           const char **ret, struct vs_error *err)
{
    *ret = user->identifier == NULL
               ? NULL
               : vs_arena_printf(arena, "%s:%s", user->scheme, user->identifier);
    return user->identifier != NULL && *ret == NULL ? vs_fail_memory(err) : VS_OK;
}

static vs_rc take_parties(struct vs_arena *arena, const struct vs_erds *e,
                          struct vs_bundle_document *d, struct vs_error *err)
{
    VS_TRY(identifier_of(arena, &e->sender, &d->sender, err));
    VS_TRY(copy(arena, e->sender.name, &d->sender_name, err));
    d->recipients = vs_arena_make_n(arena, struct vs_bundle_recipient, e->n_recipients + 1);
    if (d->recipients == NULL)
        return vs_fail_memory(err);
    d->n_recipients = e->n_recipients;
    for (size_t i = 0; i < e->n_recipients; i++) {
        struct vs_bundle_recipient *r = &d->recipients[i];
        VS_TRY(identifier_of(arena, &e->recipients[i], &r->identifier, err));
        VS_TRY(copy(arena, e->recipients[i].name, &r->name, err));
        r->received = r->handed_over = r->acknowledged = VS_TIME_NONE;
        r->reached = r->refused = r->failed = VS_TIME_NONE;
    }
    return VS_OK;
}

static vs_rc take_acceptance(struct vs_arena *arena, const struct vs_erds *e,
                             struct vs_bundle_document *d, struct vs_error *err)
{
    if (e->event != VS_EVENT_SUBMISSION_ACCEPTANCE || e->n_parts != 1 ||
        e->parts[0].digest.len != sizeof d->digest || e->message_id == NULL)
        return vs_fail(err, VS_E_BUNDLE, NULL,
                       "the first evidence is no acceptance of one document");
    VS_TRY(copy(arena, e->message_id, &d->id, err));
    VS_TRY(copy(arena, e->parts[0].identifier, &d->name, err));
    VS_TRY(copy(arena, e->parts[0].content_type, &d->media_type, err));
    VS_TRY(copy(arena, vs_erds_extension(e, VS_ERDS_EXT_LEGAL_CLASS), &d->legal_class, err));
    VS_TRY(copy(arena, vs_erds_extension(e, VS_ERDS_EXT_VERDICT), &d->indication, err));
    VS_TRY(copy(arena, vs_erds_extension(e, VS_ERDS_EXT_REPEATS), &d->repeats, err));
    memcpy(d->digest, e->parts[0].digest.ptr, sizeof d->digest);
    d->sent = e->submission_time;
    return take_parties(arena, e, d, err);
}

/* A recipient is the same by its identifier; its place in the list may differ. */
static struct vs_bundle_recipient *concerned(const struct vs_erds *e,
                                             struct vs_bundle_document *d)
{
    if (e->refers_to == 0 || e->refers_to > e->n_recipients)
        return NULL;
    const struct vs_erds_user *user = &e->recipients[e->refers_to - 1];
    for (size_t i = 0; i < d->n_recipients && user->identifier != NULL; i++) {
        const char *id = d->recipients[i].identifier;
        size_t scheme = strlen(user->scheme);
        if (id != NULL && strncmp(id, user->scheme, scheme) == 0 && id[scheme] == ':' &&
            strcmp(id + scheme + 1, user->identifier) == 0)
            return &d->recipients[i];
    }
    return NULL;
}

static void take_event(const struct vs_erds *e, struct vs_bundle_recipient *r)
{
    vs_time_ms none = VS_TIME_NONE, *to = &none;
    switch (e->event) {
    case VS_EVENT_CONTENT_CONSIGNMENT:
        to = &r->received;
        break;
    case VS_EVENT_CONTENT_HANDOVER:
        to = &r->handed_over;
        break;
    case VS_EVENT_ACKNOWLEDGEMENT:
        to = &r->acknowledged;
        break;
    case VS_EVENT_ACKNOWLEDGEMENT_REACHED_SENDER:
        to = &r->reached;
        break;
    case VS_EVENT_ACKNOWLEDGEMENT_REFUSAL:
    case VS_EVENT_CONSIGNMENT_REJECTION:
        to = &r->refused;
        break;
    case VS_EVENT_CONTENT_CONSIGNMENT_FAILURE:
    case VS_EVENT_CONTENT_HANDOVER_FAILURE:
    case VS_EVENT_ACCEPTANCE_REJECTION_EXPIRY:
        to = &r->failed;
        break;
    default:
        break;
    }
    if (*to == VS_TIME_NONE)
        *to = e->event_time;
    if (e->event != VS_EVENT_UNKNOWN)
        r->last = vs_event_info(e->event)->name;
}

vs_rc vs_bundle_document_take(struct vs_arena *arena, const struct vs_erds *evidence,
                              struct vs_bundle_document *document, struct vs_error *err)
{
    if (document->id == NULL)
        return take_acceptance(arena, evidence, document, err);
    if (evidence->message_id == NULL || strcmp(evidence->message_id, document->id) != 0)
        return vs_fail(err, VS_E_BUNDLE, NULL, "the evidence is about another document");
    struct vs_bundle_recipient *r = concerned(evidence, document);
    if (r != NULL)
        take_event(evidence, r);
    return VS_OK;
}

/* -- document.txt -------------------------------------------------------------------------- */

static void put(struct vs_buffer *to, const char *name, const char *value)
{
    if (value == NULL)
        return;
    vs_buffer_printf(to, "%s: ", name);
    for (const char *c = value; *c != '\0'; c++)
        vs_buffer_byte(to, (unsigned char)*c < 0x20 || *c == 0x7f ? ' ' : (uint8_t)*c);
    vs_buffer_byte(to, '\n');
}

static void put_time(struct vs_buffer *to, const char *name, vs_time_ms time)
{
    char text[VS_TIME_TEXT];
    if (time == VS_TIME_NONE)
        return;
    vs_time_text(time, text);
    put(to, name, text);
}

static void put_recipient(struct vs_buffer *to, const struct vs_bundle_recipient *r)
{
    put(to, "Recipient", r->identifier == NULL ? "-" : r->identifier);
    put(to, "Recipient-Name", r->name);
    put_time(to, "Received", r->received);
    put_time(to, "Handed-Over", r->handed_over);
    put_time(to, "Acknowledged", r->acknowledged);
    put_time(to, "Reached-Sender", r->reached);
    put_time(to, "Refused", r->refused);
    put_time(to, "Failed", r->failed);
    put(to, "Last-Event", r->last);
}

void vs_bundle_document_write(struct vs_buffer *to, const struct vs_bundle_document *d)
{
    char digest[65], size[24];
    vs_hex(VS_BYTES(d->digest, 32), digest);
    snprintf(size, sizeof size, "%llu", (unsigned long long)d->size);
    put(to, "File", d->file);
    put(to, "Size", size);
    put(to, "Subject", d->subject);
    put(to, "Number", d->number);
    put(to, "Date", d->date);
    put(to, "Id", d->id);
    put(to, "Sha-256", digest);
    put(to, "Given-Name", d->name);
    put(to, "Media-Type", d->media_type);
    put(to, "Sender", d->sender);
    put(to, "Sender-Name", d->sender_name);
    put_time(to, "Sent", d->sent);
    put(to, "Legal-Class", d->legal_class);
    put(to, "Verdict", d->indication);
    put(to, "Repeats", d->repeats);
    for (size_t i = 0; i < d->n_recipients; i++)
        put_recipient(to, &d->recipients[i]);
}

/* Takes the line "NAME: VALUE" where the text begins with it. */
static vs_rc take_line(struct vs_arena *arena, struct vs_bytes *text, const char *name,
                       const char **ret, struct vs_error *err)
{
    size_t len = strlen(name);
    const uint8_t *end = text->len == 0 ? NULL : memchr(text->ptr, '\n', text->len);
    *ret = NULL;
    if (end == NULL || !vs_bytes_starts(*text, name) || text->len < len + 2 ||
        memcmp(text->ptr + len, ": ", 2) != 0)
        return VS_OK;
    size_t line = (size_t)(end - text->ptr);
    if (line < len + 2)
        return VS_OK;
    *ret = vs_arena_strndup(arena, (const char *)text->ptr + len + 2, line - len - 2);
    *text = VS_BYTES(end + 1, text->len - line - 1);
    return *ret == NULL ? vs_fail_memory(err) : VS_OK;
}

vs_rc vs_bundle_document_given(struct vs_arena *arena, struct vs_bytes text,
                               struct vs_bundle_document *d, bool *ret_good,
                               struct vs_error *err)
{
    const char *size;
    VS_TRY(take_line(arena, &text, "File", &d->file, err));
    VS_TRY(take_line(arena, &text, "Size", &size, err));
    VS_TRY(take_line(arena, &text, "Subject", &d->subject, err));
    VS_TRY(take_line(arena, &text, "Number", &d->number, err));
    VS_TRY(take_line(arena, &text, "Date", &d->date, err));
    *ret_good = d->file != NULL && size != NULL && vs_u64_decode(vs_bytes_text(size), &d->size);
    return VS_OK;
}

/* -- names --------------------------------------------------------------------------------- */

const char *vs_bundle_original_name(struct vs_arena *arena, const char *given)
{
    const char *dot = given == NULL ? NULL : strrchr(given, '.');
    size_t len = dot == NULL ? 0 : strlen(dot + 1);
    bool good = len >= 1 && len <= 8;
    char extension[9] = {0};
    for (size_t i = 0; good && i < len; i++) {
        good = isascii(dot[1 + i]) && isalnum((unsigned char)dot[1 + i]);
        extension[i] = (char)(dot[1 + i] | (isdigit((unsigned char)dot[1 + i]) ? 0 : 0x20));
    }
    return vs_arena_printf(arena, "original.%s", good ? extension : "bin");
}

const char *vs_bundle_evidence_name(struct vs_arena *arena, unsigned number, const char *event)
{
    char name[80];
    size_t n = 0;
    for (const char *c = event; *c != '\0' && n + 2 < sizeof name; c++) {
        bool capital = *c >= 'A' && *c <= 'Z';
        if (capital && c != event)
            name[n++] = '-';
        name[n++] = (char)(capital ? *c | 0x20 : *c);
    }
    name[n] = '\0';
    return vs_arena_printf(arena, "%04u-%s", number, name);
}
