/* index.csv and index.html: one line a document, from document.h's fields. */
#include "formats/bundle/document.h"
#include "formats/base/text.h"

/* One column of both; headings in az, en, ru. */
static const struct {
    const char *name, *az, *en, *ru;
} columns[] = {
    {"id", "Sənəd", "Document", "Документ"},
    {"sent", "Göndərilib", "Sent", "Отправлен"},
    {"sender", "Göndərən", "Sender", "Отправитель"},
    {"recipients", "Alanlar", "Recipients", "Получатели"},
    {"received", "Alınıb", "Received", "Получен"},
    {"state", "Son hadisə", "Last event", "Последнее событие"},
    {"number", "Nömrə", "Number", "Номер"},
    {"date", "Tarix", "Date", "Дата"},
    {"subject", "Mövzu", "Subject", "Тема"},
    {"name", "Faylın adı", "File name", "Имя файла"},
    {"size", "Ölçü, bayt", "Size, bytes", "Размер, байт"},
    {"sha256", "SHA-256", "SHA-256", "SHA-256"},
    {"legal_class", "Hüquqi sinif", "Legal class", "Правовой класс"},
    {"folder", "Qovluq", "Folder", "Папка"},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static void put_user(struct vs_buffer *to, const char *identifier, const char *name)
{
    vs_buffer_text(to, name == NULL ? "" : name);
    if (identifier != NULL)
        vs_buffer_printf(to, " (%s)", identifier);
}

static void put_moment(struct vs_buffer *to, vs_time_ms time)
{
    char text[VS_TIME_TEXT] = "-";
    if (time != VS_TIME_NONE)
        vs_time_text(time, text);
    vs_buffer_text(to, text);
}

static void put_recipients(struct vs_buffer *to, const struct vs_bundle_document *d, char what)
{
    for (size_t i = 0; i < d->n_recipients; i++) {
        const struct vs_bundle_recipient *r = &d->recipients[i];
        if (i > 0)
            vs_buffer_text(to, "; ");
        if (what == 'n')
            put_user(to, r->identifier, r->name);
        else if (what == 's')
            vs_buffer_text(to, r->last == NULL ? "-" : r->last);
        else /* Art. 28.2: the mailbox, or the endpoint that took it */
            put_moment(to, r->received != VS_TIME_NONE ? r->received : r->handed_over);
    }
}

static void put_field(struct vs_buffer *to, const struct vs_bundle_document *d, size_t column)
{
    static const char none[] = "";
#define OR_NONE(text) vs_buffer_text(to, (text) == NULL ? none : (text))
    switch (column) {
    case 0:
        OR_NONE(d->id);
        break;
    case 1:
        put_moment(to, d->sent);
        break;
    case 2:
        put_user(to, d->sender, d->sender_name);
        break;
    case 3:
        put_recipients(to, d, 'n');
        break;
    case 4:
        put_recipients(to, d, 't');
        break;
    case 5:
        put_recipients(to, d, 's');
        break;
    case 6:
        OR_NONE(d->number);
        break;
    case 7:
        OR_NONE(d->date);
        break;
    case 8:
        OR_NONE(d->subject);
        break;
    case 9:
        OR_NONE(d->name);
        break;
    case 10:
        vs_buffer_printf(to, "%llu", (unsigned long long)d->size);
        break;
    case 11:
        vs_buffer_hex(to, VS_BYTES(d->digest, 32));
        break;
    case 12:
        OR_NONE(d->legal_class);
        break;
    default:
        vs_buffer_printf(to, "data/documents/%s/", d->id == NULL ? none : d->id);
        break;
    }
#undef OR_NONE
}

/* -- CSV ----------------------------------------------------------------------------------- */

void vs_bundle_csv_head(struct vs_buffer *to)
{
    for (size_t i = 0; i < COLUMNS; i++)
        vs_buffer_printf(to, "%s%s", i == 0 ? "" : ",", columns[i].name);
    vs_buffer_text(to, "\r\n");
}

/* RFC 4180, with one precaution: a field that a spreadsheet would take for a formula gets an
 * apostrophe, since names are what strangers sent. */
static void put_quoted(struct vs_buffer *to, struct vs_bytes field)
{
    vs_buffer_byte(to, '"');
    if (field.len > 0 && strchr("=+-@\t\r", field.ptr[0]) != NULL && field.ptr[0] != '\0' &&
        field.len > 1)
        vs_buffer_byte(to, '\'');
    for (size_t i = 0; i < field.len; i++) {
        if (field.ptr[i] == '"')
            vs_buffer_byte(to, '"');
        vs_buffer_byte(to, field.ptr[i] < 0x20 ? ' ' : field.ptr[i]);
    }
    vs_buffer_byte(to, '"');
}

void vs_bundle_csv_row(struct vs_buffer *to, const struct vs_bundle_document *document)
{
    VS_BUFFER field;
    vs_buffer_init(&field, VS_BUNDLE_DOCUMENT_MAX);
    for (size_t i = 0; i < COLUMNS; i++) {
        vs_buffer_clear(&field);
        put_field(&field, document, i);
        if (i > 0)
            vs_buffer_byte(to, ',');
        put_quoted(to, vs_buffer_view(&field));
        to->failed = to->failed || field.failed;
    }
    vs_buffer_text(to, "\r\n");
}

/* -- HTML ---------------------------------------------------------------------------------- */

void vs_bundle_html_head(struct vs_buffer *to, vs_time_ms created)
{
    vs_buffer_text(
        to, "<!DOCTYPE html>\n<html lang=\"az\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
            "style-src 'unsafe-inline'\">\n<title>Vasitə</title>\n<style>\n"
            "body { font-family: sans-serif; margin: 1em }\n"
            "table { border-collapse: collapse }\n"
            "th, td { border: 1px solid #999; padding: 0.2em 0.4em; text-align: left; "
            "vertical-align: top }\n"
            "th small { display: block; font-weight: normal }\n</style>\n</head>\n<body>\n"
            "<h1>Sənədlər · Documents · Документы</h1>\n<p>");
    put_moment(to, created);
    vs_buffer_text(
        to, "</p>\n<p>Yoxlama üsulu: <a href=\"readme.txt\">readme.txt</a> · How to check: "
            "<a href=\"readme.txt\">readme.txt</a> · Как проверить: <a href=\"readme.txt\">"
            "readme.txt</a></p>\n<table>\n<thead>\n<tr>");
    for (size_t i = 0; i < COLUMNS; i++)
        vs_buffer_printf(to,
                         "<th scope=\"col\">%s<small lang=\"en\">%s</small>"
                         "<small lang=\"ru\">%s</small></th>",
                         columns[i].az, columns[i].en, columns[i].ru);
    vs_buffer_text(to, "</tr>\n</thead>\n<tbody>\n");
}

void vs_bundle_html_row(struct vs_buffer *to, const struct vs_bundle_document *document)
{
    VS_BUFFER field;
    vs_buffer_init(&field, VS_BUNDLE_DOCUMENT_MAX);
    vs_buffer_text(to, "<tr>");
    for (size_t i = 0; i < COLUMNS; i++) {
        vs_buffer_clear(&field);
        put_field(&field, document, i);
        to->failed = to->failed || field.failed;
        bool folder = i == COLUMNS - 1;
        vs_buffer_text(to, folder ? "<td><a href=\"" : "<td>");
        if (folder) {
            vs_buffer_xml(to, field.len == 0 ? "" : (const char *)field.ptr);
            vs_buffer_text(to, "\">");
        }
        vs_buffer_xml(to, field.len == 0 ? "" : (const char *)field.ptr);
        vs_buffer_text(to, folder ? "</a></td>" : "</td>");
    }
    vs_buffer_text(to, "</tr>\n");
}

void vs_bundle_html_tail(struct vs_buffer *to)
{
    vs_buffer_text(to, "</tbody>\n</table>\n</body>\n</html>\n");
}
