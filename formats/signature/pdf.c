#include "formats/signature/pdf_priv.h"
#include <stdlib.h>

enum { MAX_FIELDS = 20000, MAX_DEPTH = 16, MAX_STORE = 512, STORE_RAW_BYTES = 256 * 1024 };

struct reader {
    struct vs_arena *arena;
    qpdf_data q;
    struct vs_bytes file;
    struct vs_pdf_signature *signatures;
    size_t n, fields;
    struct vs_error *err;
};

vs_rc vs_pdf_open(struct vs_bytes file, vs_qpdf **ret, struct vs_error *err)
{
    qpdf_data q = qpdf_init();
    if (q == NULL)
        return vs_fail_memory(err);
    qpdf_silence_errors(q);
    qpdf_set_suppress_warnings(q, QPDF_TRUE);
    qpdf_set_attempt_recovery(q, QPDF_FALSE);
    QPDF_ERROR_CODE code = qpdf_read_memory(q, "pdf", (const char *)file.ptr, file.len, "");
    if ((code & QPDF_ERRORS) != 0) {
        vs_cleanup_qpdf(&q);
        return vs_fail(err, VS_E_SIGNATURE_FORM, "ISO 32000-1, 7.5", "not a sound PDF");
    }
    *ret = q;
    return VS_OK;
}

/* -- one signature dictionary -------------------------------------------------------------- */

static const char *name_of(struct reader *r, qpdf_oh dictionary, const char *key)
{
    qpdf_oh value = qpdf_oh_get_key(r->q, dictionary, key);
    const char *text = qpdf_oh_is_name(r->q, value)
                           ? vs_arena_strdup(r->arena, qpdf_oh_get_name(r->q, value))
                           : "";
    return text != NULL ? text : "";
}

static int two(const char *at)
{
    return at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9'
               ? -1
               : (at[0] - '0') * 10 + at[1] - '0';
}

/* D:YYYYMMDDHHmmSS and a zone: Z, +hh'mm' or -hh'mm' (ISO 32000-1, 7.9.4). */
static vs_time_ms read_date(const char *text)
{
    int fields[7], zone = 0;
    if (!vs_text_starts(text, "D:") || strlen(text) < 16)
        return VS_TIME_NONE;
    for (int i = 0; i < 7; i++)
        fields[i] = two(text + 2 + 2 * i);
    const char *at = text + 16;
    if ((*at == '+' || *at == '-') && strlen(at) >= 6 && two(at + 1) >= 0 && two(at + 4) >= 0)
        zone = (two(at + 1) * 60 + two(at + 4)) * (*at == '-' ? -1 : 1);
    struct vs_civil c = {.year = fields[0] * 100 + fields[1],
                         .month = fields[2],
                         .day = fields[3],
                         .hour = fields[4],
                         .minute = fields[5],
                         .second = fields[6]};
    vs_time_ms t = vs_time_from_civil(c);
    return t == VS_TIME_NONE ? t : t - zone * VS_MINUTE_MS;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The hole must be <hex>, nothing else, and be Contents itself. */
static const char *check_hole(struct reader *r, struct vs_pdf_signature *s,
                              struct vs_bytes hole, struct vs_bytes contents)
{
    static const char fault[] = "ByteRange leaves out more, or other, than Contents";
    if (hole.len < 4 || hole.ptr[0] != '<' || hole.ptr[hole.len - 1] != '>' ||
        hole.len % 2 != 0)
        return fault;
    size_t len = hole.len / 2 - 1;
    uint8_t *bytes = vs_arena_alloc(r->arena, len + 1);
    for (size_t i = 0; bytes != NULL && i < len; i++) {
        int high = hex_value(hole.ptr[1 + 2 * i]), low = hex_value(hole.ptr[2 + 2 * i]);
        if (high < 0 || low < 0)
            return fault;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    if (bytes == NULL || contents.len != len || memcmp(bytes, contents.ptr, len) != 0)
        return fault;
    s->contents = VS_BYTES(bytes, len);
    return NULL;
}

static const char *check_range(struct reader *r, struct vs_pdf_signature *s, qpdf_oh range,
                               struct vs_bytes contents)
{
    long long n[4];
    if (!qpdf_oh_is_array(r->q, range) || qpdf_oh_get_array_n_items(r->q, range) != 4)
        return "ByteRange is not two ranges";
    for (int i = 0; i < 4; i++) {
        n[i] = qpdf_oh_get_int_value(r->q, qpdf_oh_get_array_item(r->q, range, i));
        if (n[i] < 0 || (unsigned long long)n[i] > r->file.len)
            return "ByteRange lies outside the file";
    }
    if (n[0] != 0 || n[2] <= n[1] || (unsigned long long)(n[2] + n[3]) > r->file.len)
        return "ByteRange does not begin at 0, or overlaps";
    s->first_len = (uint64_t)n[1];
    s->second_at = (uint64_t)n[2];
    s->second_len = (uint64_t)n[3];
    s->covered = s->second_at + s->second_len;
    return check_hole(r, s, VS_BYTES(r->file.ptr + n[1], (size_t)(n[2] - n[1])), contents);
}

static vs_rc read_signature(struct reader *r, qpdf_oh value)
{
    qpdf_oh contents = qpdf_oh_get_key(r->q, value, "/Contents");
    qpdf_oh when = qpdf_oh_get_key(r->q, value, "/M");
    VS_REFUSE_IF(r->n == VS_PDF_MAX_SIGNATURES, r->err, VS_E_LIMIT, NULL, "over %d signatures",
                 VS_PDF_MAX_SIGNATURES);
    struct vs_pdf_signature *s = &r->signatures[r->n++];
    *s = (struct vs_pdf_signature){.name = "", .signed_at = VS_TIME_NONE};
    s->sub_filter = name_of(r, value, "/SubFilter");
    s->timestamp = vs_text_equal(s->sub_filter, "/ETSI.RFC3161");
    if (qpdf_oh_is_string(r->q, when))
        s->signed_at = read_date(qpdf_oh_get_string_value(r->q, when));
    size_t len = 0;
    const char *bytes = qpdf_oh_is_string(r->q, contents)
                            ? qpdf_oh_get_binary_string_value(r->q, contents, &len)
                            : "";
    struct vs_bytes copy = vs_bytes_copy(r->arena, VS_BYTES(bytes, len));
    s->fault = check_range(r, s, qpdf_oh_get_key(r->q, value, "/ByteRange"), copy);
    return VS_OK;
}

/* -- fields -------------------------------------------------------------------------------- */

/* The field tree may be a ring or as wide as somebody likes: depth and number are bounded. */
static vs_rc read_fields(struct reader *r, qpdf_oh list, int depth)
{
    int n = qpdf_oh_is_array(r->q, list) ? qpdf_oh_get_array_n_items(r->q, list) : 0;
    for (int i = 0; i < n; i++) {
        qpdf_oh field = qpdf_oh_get_array_item(r->q, list, i);
        VS_REFUSE_IF(depth == MAX_DEPTH || ++r->fields > MAX_FIELDS, r->err, VS_E_LIMIT, NULL,
                     "the form's fields are too deep or too many");
        if (!qpdf_oh_is_dictionary(r->q, field))
            continue;
        qpdf_oh value = qpdf_oh_get_key(r->q, field, "/V");
        if (qpdf_oh_is_dictionary(r->q, value) && qpdf_oh_has_key(r->q, value, "/ByteRange"))
            VS_TRY(read_signature(r, value));
        VS_TRY(read_fields(r, qpdf_oh_get_key(r->q, field, "/Kids"), depth + 1));
    }
    return VS_OK;
}

static void sort(struct vs_pdf_signature *s, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && s[k].covered < s[k - 1].covered; k--) {
            struct vs_pdf_signature other = s[k];
            s[k] = s[k - 1];
            s[k - 1] = other;
        }
}

/* -- the document security store ----------------------------------------------------------- */

static vs_rc read_store(struct reader *r, qpdf_oh store, const char *key,
                        const struct vs_bytes **ret, size_t *ret_n)
{
    qpdf_oh list = qpdf_oh_get_key(r->q, store, key);
    int n = qpdf_oh_is_array(r->q, list) ? qpdf_oh_get_array_n_items(r->q, list) : 0;
    if (n > MAX_STORE)
        n = MAX_STORE;
    struct vs_bytes *items = vs_arena_make_n(r->arena, struct vs_bytes, (size_t)n + 1);
    if (items == NULL)
        return vs_fail_memory(r->err);
    for (int i = 0; i < n; i++) {
        qpdf_oh stream = qpdf_oh_get_array_item(r->q, list, i);
        unsigned char *raw = NULL;
        size_t len = 0;
        if (!qpdf_oh_is_stream(r->q, stream))
            continue;
        qpdf_oh length = qpdf_oh_get_key(r->q, qpdf_oh_get_dict(r->q, stream), "/Length");
        if (qpdf_oh_get_int_value(r->q, length) > STORE_RAW_BYTES)
            continue; /* a bomb, or a list that is fetched better */
        if (qpdf_oh_get_stream_data(r->q, stream, qpdf_dl_generalized, NULL, &raw, &len) == 0 &&
            raw != NULL) {
            items[*ret_n] = vs_bytes_copy(r->arena, VS_BYTES(raw, len));
            *ret_n += items[*ret_n].ptr != NULL;
        }
        free(raw);
    }
    *ret = items;
    return VS_OK;
}

vs_rc vs_pdf_read(struct vs_arena *arena, struct vs_bytes file, const struct vs_pdf **ret,
                  struct vs_error *err)
{
    VS_QPDF *q = NULL;
    VS_TRY(vs_pdf_open(file, &q, err));
    struct vs_pdf *pdf = vs_arena_make(arena, struct vs_pdf);
    struct reader r = {.arena = arena, .q = q, .file = file, .err = err};
    r.signatures = vs_arena_make_n(arena, struct vs_pdf_signature, VS_PDF_MAX_SIGNATURES);
    if (pdf == NULL || r.signatures == NULL)
        return vs_fail_memory(err);
    qpdf_oh root = qpdf_get_root(q);
    qpdf_oh form = qpdf_oh_get_key(q, root, "/AcroForm");
    qpdf_oh store = qpdf_oh_get_key(q, root, "/DSS");
    pdf->file = file;
    if (qpdf_oh_is_dictionary(q, form))
        VS_TRY(read_fields(&r, qpdf_oh_get_key(q, form, "/Fields"), 0));
    sort(r.signatures, r.n);
    pdf->signatures = r.signatures;
    pdf->n_signatures = r.n;
    pdf->has_dss = qpdf_oh_is_dictionary(q, store) != 0;
    if (pdf->has_dss) {
        VS_TRY(read_store(&r, store, "/Certs", &pdf->certificates, &pdf->n_certificates));
        VS_TRY(read_store(&r, store, "/OCSPs", &pdf->ocsp, &pdf->n_ocsp));
        VS_TRY(read_store(&r, store, "/CRLs", &pdf->crls, &pdf->n_crls));
    }
    *ret = pdf;
    return VS_OK;
}

vs_rc vs_pdf_had_store(struct vs_bytes file, uint64_t covered, bool *ret, struct vs_error *err)
{
    VS_QPDF *q = NULL;
    struct vs_error ignored;
    *ret = false;
    if (covered > file.len)
        return VS_OK;
    vs_rc rc = vs_pdf_open(VS_BYTES(file.ptr, (size_t)covered), &q, &ignored);
    if (rc.code == VS_E_NOMEM)
        return vs_fail_memory(err);
    if (vs_ok(rc))
        *ret = qpdf_oh_is_dictionary(q, qpdf_oh_get_key(q, qpdf_get_root(q), "/DSS")) != 0;
    return VS_OK;
}

/* -- the signed bytes ---------------------------------------------------------------------- */

static vs_rc read_range(const struct vs_source *source, uint64_t offset, void *to, size_t len,
                        struct vs_error *err)
{
    const struct vs_pdf_range *self = source->context;
    size_t first = 0;
    (void)err;
    if (offset < self->first_len) {
        uint64_t left = self->first_len - offset;
        first = len < left ? len : (size_t)left;
        memcpy(to, self->file.ptr + offset, first);
    }
    if (len > first)
        memcpy((uint8_t *)to + first,
               self->file.ptr + self->second_at + (offset + first - self->first_len),
               len - first);
    return VS_OK;
}

void vs_pdf_range_init(struct vs_pdf_range *self, const struct vs_pdf *pdf,
                       const struct vs_pdf_signature *signature)
{
    self->source = (struct vs_source){.size = signature->first_len + signature->second_len,
                                      .context = self,
                                      .read_at = read_range};
    self->file = pdf->file;
    self->first_len = signature->first_len;
    self->second_at = signature->second_at;
}
