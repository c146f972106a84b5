/* Attacks on the SOAP door: each sample with its accepted twin, the refusal expected, and proof
 * that the check is alive. What the XML parser refuses is in xml_test.c. */
#include "tests/unit/unit.h"
#include "tests/support/soap_call.h"
#include "formats/formats.h"

static struct vs_error err;

#define S11             "http://schemas.xmlsoap.org/soap/envelope/"
#define S12             "http://www.w3.org/2003/05/soap-envelope"
#define OPEN            "<s:Envelope xmlns:s='" S11 "' xmlns:v='urn:vasite:soap:1'>"
#define CLOSE           "</s:Envelope>"
#define INBOX           "<s:Body><v:ListInbox/></s:Body>"
#define ID              "00000000000000000000000000000001"
#define VERIFY(content) OPEN "<s:Body><v:Verify>" content "</v:Verify></s:Body>" CLOSE

/* In pieces of several sizes: the outcome may not depend on them. */
static vs_rc call(const char *type, const char *action, const char *body,
                  struct vs_buffer *seen)
{
    static const size_t steps[] = {1, 13, 1 << 20};
    vs_rc first = VS_OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        VS_BUFFER out;
        vs_buffer_init(&out, 1 << 20);
        struct test_soap_call of = {type, action, vs_bytes_text(body), steps[i]};
        vs_rc rc = test_soap_call(&of, &out, &err);
        if (i > 0)
            assert_string_equal(vs_code_info(rc.code)->name, vs_code_info(first.code)->name);
        first = rc;
        vs_buffer_clear(seen);
        vs_buffer_add(seen, vs_buffer_view(&out));
    }
    return first;
}

struct sample {
    const char *type, *action, *twin, *attack;
    enum vs_code code;
};

static const struct sample SAMPLES[] = {
    /* The other version under this one's media type. */
    {"text/xml", NULL, OPEN INBOX CLOSE,
     "<s:Envelope xmlns:s='" S12 "' xmlns:v='urn:vasite:soap:1'>" INBOX CLOSE,
     VS_E_SOAP_VERSION},
    /* A header that must be understood: by us, by the next, by the last. */
    {"text/xml", NULL, OPEN "<s:Header><a xmlns='u:a'/></s:Header>" INBOX CLOSE,
     OPEN "<s:Header><a xmlns='u:a' s:mustUnderstand='1'/></s:Header>" INBOX CLOSE,
     VS_E_SOAP_HEADER},
    {"text/xml", NULL,
     OPEN
     "<s:Header><a xmlns='u:a' s:mustUnderstand='1' s:actor='u:other'/></s:Header>" INBOX CLOSE,
     OPEN "<s:Header><a xmlns='u:a' s:mustUnderstand='1' "
          "s:actor='http://schemas.xmlsoap.org/soap/actor/next'/></s:Header>" INBOX CLOSE,
     VS_E_SOAP_HEADER},
    /* The action says one thing to a proxy, the body another to us. */
    {"text/xml", "\"urn:vasite:soap:1/ListInbox\"", OPEN INBOX CLOSE,
     OPEN "<s:Body><v:GetStatus><v:id>" ID "</v:id></v:GetStatus></s:Body>" CLOSE,
     VS_E_SOAP_ACTION},
    /* A second Body after the first, a Header after the Body, anything after either. */
    {"text/xml", NULL, OPEN INBOX CLOSE, OPEN INBOX INBOX CLOSE, VS_E_SOAP},
    {"text/xml", NULL, OPEN "<s:Header/>" INBOX CLOSE, OPEN INBOX "<s:Header/>" CLOSE,
     VS_E_SOAP},
    {"text/xml", NULL, OPEN INBOX CLOSE, OPEN INBOX "<v:ListEvents/>" CLOSE, VS_E_SOAP},
    /* Two operations in one Body. */
    {"text/xml", NULL, OPEN INBOX CLOSE,
     OPEN "<s:Body><v:ListInbox/><v:ListInbox/></s:Body>" CLOSE, VS_E_SOAP},
    /* An element twice: which one counts would be a guess. */
    {"text/xml", NULL,
     OPEN "<s:Body><v:ListInbox><v:cursor>1</v:cursor></v:ListInbox></s:Body>" CLOSE,
     OPEN "<s:Body><v:ListInbox><v:cursor>1</v:cursor><v:cursor>2</v:cursor></v:ListInbox>"
          "</s:Body>" CLOSE,
     VS_E_PARAMETER},
    /* Inputs after the document, when its row has begun already. */
    {"text/xml", NULL, VERIFY("<v:name>a</v:name><v:content>QUJD</v:content>"),
     VERIFY("<v:content>QUJD</v:content><v:name>a</v:name>"), VS_E_PARAMETER},
    /* Text that a comment splits: less for one reader than for another. */
    {"text/xml", NULL, VERIFY("<v:content>QUJD</v:content>"),
     VERIFY("<v:content>QU<!-- -->JD</v:content>"), VS_E_XML},
    {"text/xml", NULL, VERIFY("<v:name>ab</v:name><v:content>QUJD</v:content>"),
     VERIFY("<v:name>a<!-- -->b</v:name><v:content>QUJD</v:content>"), VS_E_XML},
};

static void soap__each_attack_is_refused_and_each_check_is_alive(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof SAMPLES / sizeof *SAMPLES; i++) {
        const struct sample *s = &SAMPLES[i];
        VS_BUFFER seen;
        vs_buffer_init(&seen, 1 << 20);
        assert_ok(call(s->type, s->action, s->twin, &seen));
        vs_rc refused = call(s->type, s->action, s->attack, &seen);
        vs_check_disable(s->code);
        vs_rc alive = call(s->type, s->action, s->attack, &seen);
        vs_check_disable(VS_E_NONE);
        /* Another check may stand behind it. */
        if (refused.code != s->code || alive.code == s->code)
            fail_msg("%zu: %s, without the check %s", i, vs_code_info(refused.code)->name,
                     vs_code_info(alive.code)->name);
    }
}

#define MTOM(start, include, id, more)                                                         \
    "--XX\r\nContent-Type: application/xop+xml\r\nContent-ID: <" start ">\r\n\r\n" VERIFY(     \
        "<v:content><x:Include xmlns:x='http://www.w3.org/2004/08/xop/include' href='" include \
        "'/></v:content>") "\r\n--XX\r\nContent-ID: <" id                                      \
                           ">\r\nContent-Type: a/b\r\n\r\nPK" more "\r\n--XX--"

static void xop__includes_the_one_part_that_it_names(void **state)
{
    (void)state;
    static const char type[] =
        "multipart/related; type=\"application/xop+xml\"; boundary=XX; start=\"<r>\"";
    static const char *const bad[] = {
        MTOM("r", "cid:c", "d", ""),
        MTOM("q", "cid:c", "c", ""),
        MTOM("r", "http://127.0.0.1/c", "c", ""),
        MTOM("r", "file:///etc/passwd", "c", ""),
        MTOM("r", "cid:r", "r2", ""),
        MTOM("r", "cid:c", "c", "\r\n--XX\r\nContent-ID: <c>\r\n\r\nPK2"),
        MTOM("r", "cid:c", "c", "\r\n--XX\r\nContent-ID: <e>\r\n\r\nPK2"),
    };
    VS_BUFFER seen;
    vs_buffer_init(&seen, 1 << 20);
    assert_ok(call(type, NULL, MTOM("r", "cid:c", "c", ""), &seen));
    assert_string_equal((char *)seen.ptr, "a/b;PK");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(VS_E_SOAP, call(type, NULL, bad[i], &seen));
    /* In an envelope alone there is no part that could be meant. */
    assert_fails(VS_E_SOAP, call("text/xml", NULL,
                                 VERIFY("<v:content><x:Include xmlns:x='http://www.w3.org/2004/"
                                        "08/xop/include' href='cid:c'/></v:content>"),
                                 &seen));
}

static void inputs__are_what_the_elements_say(void **state)
{
    (void)state;
    static const struct {
        const char *inner, *seen;
    } cases[] = {
        {"<v:GetStatus><v:id> \n" ID "\n</v:id></v:GetStatus>",
         "id=" ID ";application/octet-stream;"},
        {"<v:ListInbox><v:wait>5</v:wait><v:cursor>a&amp;b</v:cursor></v:ListInbox>",
         "cursor=a&b;wait=5;application/octet-stream;"},
        {"<v:Acknowledge><v:id>1</v:id><v:conforms>0</v:conforms><v:reason>\"&lt;</v:reason>"
         "</v:Acknowledge>",
         "id=1;application/json;{\"conforms\":false,\"reason\":\"\\\"<\"}"},
        {"<v:Acknowledge><v:id>1</v:id></v:Acknowledge>", "id=1;application/json;{}"},
        {"<v:GetEvidence><v:id>1</v:id></v:GetEvidence>",
         "id=1;Accept=application/xml;application/octet-stream;"},
        {"<v:Verify><v:name>a</v:name><v:content>QUJD\n<![CDATA[REVG]]></v:content></v:Verify>",
         "name=a;application/octet-stream;ABCDEF"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        VS_BUFFER body, seen;
        vs_buffer_init(&body, 1 << 16);
        vs_buffer_init(&seen, 1 << 16);
        vs_buffer_text(&body, OPEN "<s:Body>");
        vs_buffer_text(&body, cases[i].inner);
        vs_buffer_text(&body, "</s:Body>" CLOSE);
        assert_ok(call("text/xml", NULL, (char *)body.ptr, &seen));
        assert_string_equal((char *)seen.ptr, cases[i].seen);
    }
}

static int start(void **state)
{
    (void)state;
    return vs_ok(vs_formats_init(&err)) ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(soap__each_attack_is_refused_and_each_check_is_alive),
        cmocka_unit_test(xop__includes_the_one_part_that_it_names),
        cmocka_unit_test(inputs__are_what_the_elements_say),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
