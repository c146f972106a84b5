#include "tests/unit/unit.h"
#include "gateway/http/multipart.h"

static struct vs_buffer seen;
static enum vs_multipart_kind kind;

static vs_rc on_part(void *context, const struct vs_multipart_part *part, struct vs_error *err)
{
    (void)context, (void)err;
    if (kind == VS_MULTIPART_RELATED)
        vs_buffer_printf(&seen, "[%s|%s]", part->id, part->media_type);
    else
        vs_buffer_printf(&seen, "[%s|%s|%s]", part->name,
                         part->file_name == NULL ? "-" : part->file_name, part->media_type);
    return VS_OK;
}

static vs_rc on_data(void *context, struct vs_bytes bytes, struct vs_error *err)
{
    (void)context, (void)err;
    vs_buffer_add(&seen, bytes);
    return VS_OK;
}

static const struct vs_multipart_events EVENTS = {NULL, on_part, on_data};
#define TYPE "multipart/form-data; boundary=XX"

/* Fed in pieces of `step` bytes; what was seen is in `seen`. */
static vs_rc feed(const char *type, const char *body, size_t len, size_t step,
                  struct vs_error *err)
{
    struct vs_multipart *multipart = NULL;
    vs_buffer_done(&seen);
    vs_buffer_init(&seen, 1 << 20);
    VS_TRY(vs_multipart_new(type, kind, &EVENTS, &multipart, err));
    vs_rc rc = VS_OK;
    for (size_t i = 0; i < len && vs_ok(rc); i += step)
        rc = vs_multipart_feed(multipart, VS_BYTES(body + i, len - i < step ? len - i : step),
                               err);
    if (vs_ok(rc))
        rc = vs_multipart_end(multipart, err);
    vs_multipart_free(multipart);
    return rc;
}

static void multipart__reads_parts_however_they_are_cut(void **state)
{
    (void)state;
    static const char body[] =
        "--XX\r\nContent-Disposition: form-data; name=\"parameters\"\r\n"
        "Content-Type: Application/JSON; charset=utf-8\r\n\r\n{}\r\n"
        "--XX\r\ncontent-disposition: form-data; name=document; filename=\"a b.txt\"\r\n\r\n"
        "x\r\n--XX--\r\nepilogue";
    struct vs_error err;
    for (size_t step = 1; step < sizeof body; step++) {
        assert_ok(feed(TYPE, body, sizeof body - 1, step, &err));
        assert_string_equal((char *)seen.ptr,
                            "[parameters|-|application/json]{}[document|a b.txt|]x");
    }
    static const char good[] =
        "--XX\r\nContent-Disposition: form-data; name=\"p\"\r\n\r\n\r\n--X\r\n--\r\r\n-\r\n"
        "--XX\r\nContent-Disposition: form-data; name=\"e\"\r\n\r\n\r\n--XX--\r\n";
    for (size_t step = 1; step < sizeof good; step++) {
        assert_ok(feed(TYPE, good, sizeof good - 1, step, &err));
        assert_string_equal((char *)seen.ptr, "[p|-|]\r\n--X\r\n--\r\r\n-[e|-|]");
    }
}

static void multipart__refuses_what_is_none(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "--XX",
        "junk--XX--",
        "--XX\r\n\r\nno name\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data\r\n\r\nx\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nnever ends",
        "--XX\nContent-Disposition: form-data; name=\"a\"\n\nx\n--XX--",
        "--XXY\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--XX--",
        "--XX\r\nContent-Disposition: form-data; name=\"a\x1b[0m\"\r\n\r\nx\r\n--XX--",
        ("--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n"
         "Content-Transfer-Encoding: base64\r\n\r\nx\r\n--XX--"),
    };
    struct vs_error err;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        assert_fails(VS_E_SYNTAX, feed(TYPE, bodies[i], strlen(bodies[i]), 7, &err));
    static const char fine[] = "--XX--";
    assert_ok(feed("multipart/form-data; boundary=\"XX\"", fine, sizeof fine - 1, 7, &err));
    assert_fails(VS_E_SYNTAX, feed("multipart/form-data", fine, 4, 7, &err));
    assert_fails(VS_E_SYNTAX, feed("multipart/form-data; boundary=", fine, 4, 7, &err));
    assert_fails(VS_E_SYNTAX, feed("multipart/form-data; boundary=a\tb", fine, 4, 7, &err));
}

static void multipart__reads_related_parts_by_content_id(void **state)
{
    (void)state;
    static const char *const good[] = {
        "--XX\r\nContent-Type: application/xop+xml; charset=utf-8\r\nContent-ID:  <a@b> "
        "\r\n\r\n"
        "<a/>\r\n--XX\r\nContent-Transfer-Encoding: Binary\r\nContent-ID: <c>\r\n\r\n"
        "\r\n--X\r\n--XX--\r\n",
        /* .NET: an empty line first */
        "\r\n--XX\r\nContent-ID: <a@b>\r\nContent-Transfer-Encoding: 8bit\r\n"
        "Content-Type: application/xop+xml\r\n\r\n<a/>\r\n"
        "--XX\r\nContent-ID: <c>\r\nX-Other: x\r\n\r\n\r\n--X\r\n--XX--\r\n",
    };
    static const char *const bad[] = {
        "\r\n\r\n--XX\r\n\r\n\r\n--XX--",
        "x--XX\r\n\r\n\r\n--XX--",
        "--XX\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n--XX--",
        "--XX\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nx\r\n--XX--",
        "--XX\r\nContent-ID: a@b\r\n\r\nx\r\n--XX--",
        "--XX\r\nContent-ID: <>\r\n\r\nx\r\n--XX--",
        "--XX\r\nContent-ID: <a>\r\nContent-ID: <b>\r\n\r\nx\r\n--XX--",
    };
    struct vs_error err;
    kind = VS_MULTIPART_RELATED;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        for (size_t step = 1; step < strlen(good[i]); step++) {
            assert_ok(feed(TYPE, good[i], strlen(good[i]), step, &err));
            assert_string_equal((char *)seen.ptr, "[a@b|application/xop+xml]<a/>[c|]\r\n--X");
        }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (size_t step = 1; step < strlen(bad[i]); step++)
            assert_fails(VS_E_SYNTAX, feed(TYPE, bad[i], strlen(bad[i]), step, &err));
    kind = VS_MULTIPART_FORM;
    /* What a form reads it may not: a name is wanted, an encoding is not. */
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_fails(VS_E_SYNTAX, feed(TYPE, good[i], strlen(good[i]), 7, &err));
}

static void multipart__has_limits(void **state)
{
    (void)state;
    struct vs_error err;
    VS_BUFFER body;
    vs_buffer_init(&body, 1 << 20);
    for (int i = 0; i < 17; i++)
        vs_buffer_text(&body, "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n");
    vs_buffer_text(&body, "--XX--");
    assert_fails(VS_E_LIMIT, feed(TYPE, (char *)body.ptr, body.len, 100, &err));
    vs_buffer_clear(&body);
    vs_buffer_text(&body, "--XX\r\nA: ");
    for (int i = 0; i < 9000; i++)
        vs_buffer_text(&body, "a");
    assert_fails(VS_E_LIMIT, feed(TYPE, (char *)body.ptr, body.len, 100, &err));
    vs_buffer_done(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multipart__reads_parts_however_they_are_cut),
        cmocka_unit_test(multipart__refuses_what_is_none),
        cmocka_unit_test(multipart__reads_related_parts_by_content_id),
        cmocka_unit_test(multipart__has_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
