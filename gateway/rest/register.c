/* Registers of outgoing and incoming documents (Rule of exchange): pages of JSON, or CSV. */
#include "gateway/call.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/views.h"
#include "relay/exchange/register.h"

#define COUNT(a)  (sizeof(a) / sizeof(a)[0])
#define CSV_BYTES ((size_t)4 << 20)
#define QUERY                                                                                  \
    "direction participant from until party number subject state cursor limit format lang"

/* ---- CSV (RFC 4180) --------------------------------------------------------------------- */

/* A cell that a spreadsheet would take for a formula gets an apostrophe before it: what a
 * sender wrote must not run at a reader's. */
static void put_cell(struct vs_buffer *out, const char *text, bool first)
{
    if (!first)
        vs_buffer_byte(out, ',');
    vs_buffer_byte(out, '"');
    if (text != NULL && text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL)
        vs_buffer_byte(out, '\'');
    for (const char *c = text == NULL ? "" : text; *c != '\0'; c++) {
        if (*c == '"')
            vs_buffer_byte(out, '"');
        vs_buffer_byte(out, (uint8_t)*c);
    }
    vs_buffer_byte(out, '"');
}

static void put_time(struct vs_buffer *out, vs_time_ms time)
{
    char text[VS_TIME_TEXT] = "";
    if (time != VS_TIME_NONE)
        vs_time_text(time, text);
    put_cell(out, text, false);
}

enum { AZ, EN, RU, LANGUAGES };
static const char *const languages[LANGUAGES] = {"az", "en", "ru"};
static const char *const titles[][LANGUAGES] = {
    {"Qeydiyyat nömrəsi", "Registration number", "Регистрационный номер"},
    {"Göndərilib", "Sent", "Отправлен"},
    {"Alınıb", "Received", "Получен"},
    {"Göndərən", "Sender", "Отправитель"},
    {"Göndərənin adı", "Sender's name", "Имя отправителя"},
    {"Alan", "Recipient", "Получатель"},
    {"Alanın adı", "Recipient's name", "Имя получателя"},
    {"Mövzu", "Subject", "Тема"},
    {"Göndərənin nömrəsi", "Sender's number", "Номер отправителя"},
    {"Tarix", "Date", "Дата"},
    {"Fayl", "File", "Файл"},
    {"Vəziyyət", "State", "Состояние"},
    {"Sənəd", "Document", "Документ"},
    {"SHA-256", "SHA-256", "SHA-256"},
};

static void put_titles(struct vs_buffer *out, size_t language)
{
    for (size_t i = 0; i < COUNT(titles); i++)
        put_cell(out, titles[i][language], i == 0);
    vs_buffer_text(out, "\r\n");
}

static char *registration_text(struct vs_arena *arena, int64_t registration)
{
    return vs_arena_printf(arena, "%04lld/%lld", (long long)vs_registration_year(registration),
                           (long long)vs_registration_number(registration));
}

static void put_entry(struct vs_buffer *out, struct vs_arena *arena,
                      const struct vs_register_entry *entry)
{
    const struct vs_delivery *d = entry->delivery;
    put_cell(out, registration_text(arena, entry->registration), true);
    put_time(out, d->sent);
    put_time(out, d->received);
    const char *cells[] = {d->sender_identifier,
                           d->sender_name,
                           d->recipient_identifier,
                           d->recipient_name,
                           d->subject,
                           d->number,
                           d->date,
                           d->name,
                           vs_delivery_state_name(d->state),
                           vs_id_text_new(arena, d->document),
                           vs_hex_new(arena, VS_BYTES(d->digest, sizeof d->digest))};
    for (size_t i = 0; i < COUNT(cells); i++)
        put_cell(out, cells[i], false);
    vs_buffer_text(out, "\r\n");
}

static vs_rc answer_csv(struct vs_request *request, struct vs_arena *arena,
                        const struct vs_register_page *page, bool titled, size_t language,
                        struct vs_error *err)
{
    VS_BUFFER out;
    struct vs_bytes copy;
    vs_buffer_init(&out, CSV_BYTES);
    if (titled)
        put_titles(&out, language);
    for (size_t i = 0; i < page->n; i++)
        put_entry(&out, arena, &page->entries[i]);
    VS_TRY(vs_buffer_copy(&out, arena, &copy, err));
    vs_respond_header(request, "Vasite-Cursor", page->cursor);
    vs_respond_header(request, "Vasite-More", page->more ? "true" : "false");
    vs_respond(request, 200, "text/csv; charset=utf-8; header=present", copy);
    return VS_OK;
}

/* ---- JSON ------------------------------------------------------------------------------- */

static vs_rc answer_json(struct vs_request *request, struct vs_arena *arena,
                         const struct vs_register_page *page, struct vs_error *err)
{
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_json_array(&json, "entries");
    for (size_t i = 0; i < page->n; i++) {
        const struct vs_register_entry *entry = &page->entries[i];
        vs_json_object(&json, NULL);
        vs_json_string(&json, "registration", registration_text(arena, entry->registration));
        vs_view_delivery(&json, "delivery", entry->delivery);
        vs_json_end_object(&json);
    }
    vs_json_end_array(&json);
    vs_json_string(&json, "cursor", page->cursor);
    vs_json_yes_no(&json, "more", page->more);
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}

/* ---- the query -------------------------------------------------------------------------- */

/* One's own; operators and auditors say whose. */
static vs_rc whose(struct vs_request *request, struct vs_id *ret, struct vs_error *err)
{
    const struct vs_caller *caller = vs_caller_of(request);
    const char *text = vs_request_query(request, "participant");
    const struct vs_participant *participant;
    *ret = caller->participant;
    if (text == NULL) {
        VS_REFUSE_IF(vs_id_is_none(*ret), err, VS_E_PARAMETER, NULL,
                     "query: participant is missing");
        return VS_OK;
    }
    vs_rc rc = vs_rest_participant(request, text, &participant, err);
    bool any = vs_caller_may(caller, VS_ROLE_OPERATOR | VS_ROLE_AUDITOR);
    if (vs_ok(rc))
        *ret = participant->id;
    VS_REFUSE_IF(!any && (!vs_ok(rc) || !vs_id_equal(*ret, caller->participant)), err,
                 VS_E_NOT_FOUND, "Art. 35", "there is no such participant");
    return rc;
}

static vs_rc take_time(struct vs_request *request, const char *name, vs_time_ms *ret,
                       struct vs_error *err)
{
    const char *text = vs_request_query(request, name);
    *ret = VS_TIME_NONE;
    VS_REFUSE_IF(text != NULL && !vs_time_decode(vs_bytes_text(text), ret), err, VS_E_PARAMETER,
                 "RFC 3339", "query: %s is no moment", name);
    return VS_OK;
}

static vs_rc take_query(struct vs_request *request, struct vs_register_query *ret,
                        struct vs_error *err)
{
    const char *direction = vs_request_query(request, "direction");
    uint64_t limit;
    VS_REFUSE_IF(!vs_text_equal(direction, "outgoing") && !vs_text_equal(direction, "incoming"),
                 err, VS_E_PARAMETER, NULL, "query: direction is outgoing or incoming");
    *ret =
        (struct vs_register_query){.direction = direction[0] == 'o' ? VS_OUTGOING : VS_INCOMING,
                                   .party = vs_request_query(request, "party"),
                                   .number = vs_request_query(request, "number"),
                                   .subject = vs_request_query(request, "subject"),
                                   .state = vs_request_query(request, "state"),
                                   .cursor = vs_request_query(request, "cursor")};
    VS_TRY(take_time(request, "from", &ret->from, err));
    VS_TRY(take_time(request, "until", &ret->until, err));
    VS_TRY(vs_request_query_number(request, "limit", 1, 500, 100, &limit, err));
    ret->limit = (size_t)limit;
    return whose(request, &ret->participant, err);
}

static vs_rc take_language(struct vs_request *request, size_t *ret, struct vs_error *err)
{
    const char *text = vs_request_query(request, "lang");
    *ret = AZ;
    for (size_t i = 0; text != NULL && i <= LANGUAGES; i++) {
        VS_REFUSE_IF(i == LANGUAGES, err, VS_E_PARAMETER, NULL, "query: lang is az, en or ru");
        *ret = i;
        if (strcmp(text, languages[i]) == 0)
            break;
    }
    return VS_OK;
}

static vs_rc run_register(struct vs_relay *relay, struct vs_job *job,
                          struct vs_request *request, vs_time_ms now, struct vs_error *err)
{
    struct vs_register_query query;
    struct vs_register_page page;
    const char *format = vs_request_query(request, "format");
    size_t language;
    (void)now;
    VS_REFUSE_IF(format != NULL && strcmp(format, "json") != 0 && strcmp(format, "csv") != 0,
                 err, VS_E_PARAMETER, NULL, "query: format is json or csv");
    VS_TRY(take_language(request, &language, err));
    VS_TRY(take_query(request, &query, err));
    VS_TRY(vs_register_list(relay, job->arena, &query, &page, err));
    bool first = query.cursor == NULL || query.cursor[0] == '\0';
    return vs_text_equal(format, "csv")
               ? answer_csv(request, job->arena, &page, first, language, err)
               : answer_json(request, job->arena, &page, err);
}

vs_rc vs_rest_register(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, QUERY, err));
    return vs_call(request, run_register, NULL, err);
}
