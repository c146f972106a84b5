#include "formats/signature/pdf_update.h"
#include "formats/crypto/digest.h"

enum { TAIL = 2048, ID_BYTES = 16, ROW_BYTES = 1 + 6 + 2, OFFSET_BYTES = 6 };

/* -- opening ------------------------------------------------------------------------------- */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* The offset behind the last "startxref" (7.5.5). */
static bool find_previous(struct vs_bytes file, uint64_t *ret)
{
    static const char word[] = "startxref";
    size_t low = file.len > TAIL ? file.len - TAIL : 0, at = file.len;
    while (at-- > low)
        if (file.len - at > sizeof word && memcmp(file.ptr + at, word, sizeof word - 1) == 0)
            break;
    if (at + 1 == low || file.len - at <= sizeof word)
        return false;
    at += sizeof word - 1;
    while (at < file.len &&
           (file.ptr[at] == ' ' || file.ptr[at] == '\r' || file.ptr[at] == '\n'))
        at++;
    *ret = 0;
    for (; at < file.len && is_digit(file.ptr[at]) && *ret < file.len; at++)
        *ret = *ret * 10 + (uint64_t)(file.ptr[at] - '0');
    return *ret > 0 && *ret < file.len - 4;
}

vs_rc vs_pdf_update_begin(struct vs_pdf_update *update, struct vs_bytes file, size_t max,
                          struct vs_error *err)
{
    *update = (struct vs_pdf_update){.file = file};
    vs_buffer_init(&update->out, max);
    VS_REFUSE_IF(file.len > VS_PDF_MAX_BYTES, err, VS_E_LIMIT, NULL, "a PDF over %zu octets",
                 VS_PDF_MAX_BYTES);
    /* Offsets count from the header; something before it moves them all (7.5.2). */
    VS_REFUSE_IF(!vs_bytes_starts(file, "%PDF-"), err, VS_E_SIGNATURE_FORM,
                 "ISO 32000-1, 7.5.2", "the file does not begin with %%PDF-");
    VS_TRY(vs_pdf_open(file, &update->q, err));
    VS_REFUSE_IF(qpdf_is_encrypted(update->q), err, VS_E_SIGNATURE_FORM, "ISO 32000-1, 7.6",
                 "the PDF is encrypted; sign it before it is encrypted");
    VS_REFUSE_IF(!find_previous(file, &update->previous), err, VS_E_SIGNATURE_FORM,
                 "ISO 32000-1, 7.5.5", "no cross-reference section is named at the end");
    update->stream = is_digit(file.ptr[update->previous]);
    update->root = qpdf_get_root(update->q);
    update->trailer = qpdf_get_trailer(update->q);
    VS_REFUSE_IF(qpdf_oh_get_object_id(update->q, update->root) == 0, err, VS_E_SIGNATURE_FORM,
                 "ISO 32000-1, 7.7.2", "the catalogue is no object of its own");
    qpdf_oh size = qpdf_oh_get_key(update->q, update->trailer, "/Size");
    update->next_id = qpdf_oh_get_int_value_as_int(update->q, size);
    VS_REFUSE_IF(update->next_id <= 0 || update->next_id > INT32_MAX - VS_PDF_UPDATE_OBJECTS,
                 err, VS_E_SIGNATURE_FORM, "ISO 32000-1, 7.5.5", "the trailer's Size is wrong");
    update->entries = vs_heap_new(VS_PDF_UPDATE_OBJECTS * sizeof *update->entries);
    vs_buffer_byte(&update->out, '\n');
    return VS_OK;
}

void vs_pdf_update_done(struct vs_pdf_update *update)
{
    vs_cleanup_qpdf(&update->q);
    vs_buffer_done(&update->out);
    vs_heap_free(update->entries);
    update->entries = NULL;
}

/* -- objects ------------------------------------------------------------------------------- */

int vs_pdf_update_id(struct vs_pdf_update *update)
{
    return update->next_id++;
}

/* The library takes a reference to nothing for null, and null for absent. */
qpdf_oh vs_pdf_update_reference(struct vs_pdf_update *update, int id)
{
    qpdf_replace_object(update->q, id, 0, qpdf_oh_new_dictionary(update->q));
    return qpdf_get_object_by_id(update->q, id, 0);
}

void vs_pdf_update_object(struct vs_pdf_update *update, int id, int generation)
{
    if (update->n == VS_PDF_UPDATE_OBJECTS) {
        update->failed = true;
        return;
    }
    update->entries[update->n++] =
        (struct vs_pdf_entry){id, generation, update->file.len + update->out.len};
    vs_buffer_printf(&update->out, "%d %d obj\n", id, generation);
}

void vs_pdf_update_end(struct vs_pdf_update *update)
{
    vs_buffer_text(&update->out, "\nendobj\n");
}

void vs_pdf_update_changed(struct vs_pdf_update *update, qpdf_oh object)
{
    vs_pdf_update_object(update, qpdf_oh_get_object_id(update->q, object),
                         qpdf_oh_get_generation(update->q, object));
    vs_buffer_text(&update->out, qpdf_oh_unparse_resolved(update->q, object));
    vs_pdf_update_end(update);
}

void vs_pdf_update_stream(struct vs_pdf_update *update, int id, const char *entries,
                          struct vs_bytes content)
{
    vs_pdf_update_object(update, id, 0);
    vs_buffer_printf(&update->out, "<< %s /Length %zu >>\nstream\n", entries, content.len);
    vs_buffer_add(&update->out, content);
    vs_buffer_text(&update->out, "\nendstream");
    vs_pdf_update_end(update);
}

/* -- the end ------------------------------------------------------------------------------- */

static void sort_entries(struct vs_pdf_update *update)
{
    struct vs_pdf_entry *e = update->entries;
    for (size_t i = 1; i < update->n; i++)
        for (size_t k = i; k > 0 && e[k].id < e[k - 1].id; k--) {
            struct vs_pdf_entry other = e[k];
            e[k] = e[k - 1];
            e[k - 1] = other;
        }
}

/* How many entries from `from` on have ids that follow one another. */
static size_t run_of(const struct vs_pdf_update *update, size_t from)
{
    size_t n = 1;
    while (from + n < update->n &&
           update->entries[from + n].id == update->entries[from].id + (int)n)
        n++;
    return n;
}

/* What trailer and cross-reference stream have alike. The second half of ID changes with each
 * update (14.4), here by what it adds. */
static void put_trailer(struct vs_pdf_update *update)
{
    struct vs_buffer *out = &update->out;
    uint8_t digest[32];
    vs_sha256(vs_buffer_view(out), digest);
    qpdf_oh info = qpdf_oh_get_key(update->q, update->trailer, "/Info");
    qpdf_oh id = qpdf_oh_get_key(update->q, update->trailer, "/ID");
    vs_buffer_printf(out, "/Size %d /Prev %llu", update->next_id,
                     (unsigned long long)update->previous);
    vs_buffer_text(out, " /Root ");
    vs_buffer_text(out, qpdf_oh_unparse(update->q, update->root));
    if (!qpdf_oh_is_null(update->q, info)) {
        vs_buffer_text(out, " /Info ");
        vs_buffer_text(out, qpdf_oh_unparse(update->q, info));
    }
    if (qpdf_oh_is_array(update->q, id) && qpdf_oh_get_array_n_items(update->q, id) == 2) {
        qpdf_oh first = qpdf_oh_get_array_item(update->q, id, 0);
        vs_buffer_text(out, " /ID [");
        vs_buffer_text(out, qpdf_oh_unparse(update->q, first));
        vs_buffer_text(out, " <");
        vs_buffer_hex(out, VS_BYTES(digest, ID_BYTES));
        vs_buffer_text(out, ">]");
    }
}

static void put_table(struct vs_pdf_update *update)
{
    struct vs_buffer *out = &update->out;
    vs_buffer_text(out, "xref\n");
    for (size_t i = 0, n; i < update->n; i += n) {
        n = run_of(update, i);
        vs_buffer_printf(out, "%d %zu\n", update->entries[i].id, n);
        for (size_t k = i; k < i + n; k++)
            vs_buffer_printf(out, "%010llu %05d n \n",
                             (unsigned long long)update->entries[k].at,
                             update->entries[k].generation);
    }
    vs_buffer_text(out, "trailer\n<< ");
    put_trailer(update);
    vs_buffer_text(out, " >>\n");
}

static void put_row(struct vs_buffer *to, const struct vs_pdf_entry *entry)
{
    uint8_t *row = vs_buffer_reserve(to, ROW_BYTES);
    if (row == NULL)
        return;
    row[0] = 1; /* in use, not compressed */
    for (int i = 0; i < OFFSET_BYTES; i++)
        row[1 + i] = (uint8_t)(entry->at >> 8 * (OFFSET_BYTES - 1 - i));
    vs_put_u16(row + 1 + OFFSET_BYTES, (uint16_t)entry->generation);
}

/* 7.5.8: it lists itself. */
static void put_stream(struct vs_pdf_update *update)
{
    struct vs_buffer *out = &update->out;
    int id = vs_pdf_update_id(update);
    VS_BUFFER rows;
    vs_buffer_init(&rows, (size_t)VS_PDF_UPDATE_OBJECTS * ROW_BYTES);
    vs_pdf_update_object(update, id, 0);
    for (size_t i = 0; i < update->n; i++)
        put_row(&rows, &update->entries[i]);
    vs_buffer_printf(out, "<< /Type /XRef /W [1 %d 2] /Index [", OFFSET_BYTES);
    for (size_t i = 0, n; i < update->n; i += n) {
        n = run_of(update, i);
        vs_buffer_printf(out, "%d %zu ", update->entries[i].id, n);
    }
    vs_buffer_text(out, "] ");
    put_trailer(update);
    vs_buffer_printf(out, " /Length %zu >>\nstream\n", rows.len);
    vs_buffer_add(out, vs_buffer_view(&rows));
    vs_buffer_text(out, "\nendstream");
    vs_pdf_update_end(update);
    out->failed = out->failed || rows.failed;
}

vs_rc vs_pdf_update_finish(struct vs_pdf_update *update, struct vs_error *err)
{
    sort_entries(update);
    uint64_t at = update->file.len + update->out.len;
    if (update->stream)
        put_stream(update);
    else
        put_table(update);
    vs_buffer_printf(&update->out, "startxref\n%llu\n%%%%EOF\n", (unsigned long long)at);
    VS_REFUSE_IF(update->failed, err, VS_E_LIMIT, NULL, "the update has over %d objects",
                 VS_PDF_UPDATE_OBJECTS);
    return vs_buffer_check(&update->out, err);
}
