#include "relay/outgoing_priv.h"

enum { MOST_URL = 2000, LONGEST_WAIT_MS = 60000 };

struct vs_outgoing_many {
    struct vs_outgoing *outgoing;
    CURLM *curl;
};

vs_rc vs_outgoing_many_new(struct vs_outgoing *outgoing, struct vs_outgoing_many **ret,
                           struct vs_error *err)
{
    struct vs_outgoing_many *many = vs_heap_new(sizeof *many);
    many->outgoing = outgoing;
    many->curl = curl_multi_init();
    if (many->curl == NULL) {
        vs_heap_free(many);
        return vs_fail_memory(err);
    }
    /* Each exchange has a connection of its own: none is kept. */
    curl_multi_setopt(many->curl, CURLMOPT_MAXCONNECTS, 1L);
    *ret = many;
    return VS_OK;
}

void vs_outgoing_many_free(struct vs_outgoing_many *many)
{
    if (many == NULL)
        return;
    curl_multi_cleanup(many->curl);
    vs_heap_free(many);
}

static void end_call(struct vs_outgoing_call *call, vs_rc rc)
{
    struct vs_exchange *x = call->under_way;
    vs_exchange_free(x);
    vs_heap_free(x);
    call->under_way = NULL;
    call->rc = rc;
    call->done = true;
}

void vs_outgoing_many_begin(struct vs_outgoing_many *many, struct vs_outgoing_call *call)
{
    struct vs_exchange *x = vs_heap_new(sizeof *x);
    *x = (struct vs_exchange){.outgoing = many->outgoing,
                              .request = &call->request,
                              .answer = &call->answer,
                              .arena = call->arena};
    call->done = false;
    call->under_way = x;
    vs_rc rc = vs_exchange_begin(x, &call->error);
    if (vs_ok(rc)) {
        /* Private is the call here: the exchange hangs on it. */
        curl_easy_setopt(x->curl, CURLOPT_PRIVATE, call);
        if (curl_multi_add_handle(many->curl, x->curl) != CURLM_OK)
            rc = vs_fail_memory(&call->error);
    }
    if (!vs_ok(rc))
        end_call(call, rc);
}

static bool end_ready(struct vs_outgoing_many *many)
{
    bool any = false;
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(many->curl, &left)) != NULL;) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        CURL *curl = message->easy_handle;
        char *private = NULL;
        curl_easy_getinfo(curl, CURLINFO_PRIVATE, &private);
        struct vs_outgoing_call *call = (struct vs_outgoing_call *)(void *)private;
        /* What it brought is read before it leaves; `message` is gone with it. */
        vs_rc rc = vs_exchange_judge(call->under_way, code, &call->error);
        curl_multi_remove_handle(many->curl, curl);
        end_call(call, rc);
        any = true;
    }
    return any;
}

void vs_outgoing_many_wait(struct vs_outgoing_many *many, int64_t wait_ms)
{
    int running = 0;
    if (wait_ms > LONGEST_WAIT_MS)
        wait_ms = LONGEST_WAIT_MS;
    curl_multi_perform(many->curl, &running);
    if (end_ready(many) || wait_ms <= 0)
        return;
    curl_multi_poll(many->curl, NULL, 0, (int)wait_ms, NULL);
    curl_multi_perform(many->curl, &running);
    (void)end_ready(many);
}

void vs_outgoing_many_wake(struct vs_outgoing_many *many)
{
    curl_multi_wakeup(many->curl);
}

void vs_outgoing_many_cancel(struct vs_outgoing_many *many, struct vs_outgoing_call *call)
{
    if (call->under_way == NULL)
        return;
    curl_multi_remove_handle(many->curl, ((struct vs_exchange *)call->under_way)->curl);
    end_call(call, vs_fail(&call->error, VS_E_STOPPING, NULL, "given up"));
}

/* -- endpoints ----------------------------------------------------------------------------- */

static bool is_plain(const char *url)
{
    for (const char *c = url; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~' || *c == '\\' || *c == '"')
            return false;
    return true;
}

/* One part, copied; NULL: there is none, or the arena is full. */
static char *part(struct vs_arena *arena, CURLU *url, CURLUPart what, unsigned flags)
{
    char *text = NULL, *copy = NULL;
    if (curl_url_get(url, what, &text, flags) == CURLUE_OK)
        copy = vs_arena_strdup(arena, text);
    curl_free(text);
    return copy;
}

static char *lower(char *text)
{
    for (char *c = text; c != NULL && *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return text;
}

/* The same reader that will connect: what it takes for the host is the host. */
static vs_rc read_endpoint(struct vs_arena *arena, CURLU *parsed, const char *text,
                           struct vs_endpoint *ret, struct vs_error *err)
{
    CURLUcode code = curl_url_set(parsed, CURLUPART_URL, text, 0);
    VS_REFUSE_IF(code != CURLUE_OK, err, VS_E_ENDPOINT, "RFC 3986", "it is no URL");
    const char *scheme = part(arena, parsed, CURLUPART_SCHEME, 0);
    char *host = lower(part(arena, parsed, CURLUPART_HOST, 0));
    const char *port = part(arena, parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    if (scheme == NULL || host == NULL || port == NULL)
        return vs_fail(err, VS_E_ENDPOINT, "RFC 3986", "it has no host");
    VS_REFUSE_IF(strcmp(scheme, "https") != 0, err, VS_E_ENDPOINT, "Art. 30",
                 "only https, not %s", scheme);
    VS_REFUSE_IF(part(arena, parsed, CURLUPART_USER, 0) != NULL ||
                     part(arena, parsed, CURLUPART_PASSWORD, 0) != NULL,
                 err, VS_E_ENDPOINT, "RFC 9110, 4.2.4", "it holds a user or password");
    VS_REFUSE_IF(part(arena, parsed, CURLUPART_FRAGMENT, 0) != NULL, err, VS_E_ENDPOINT,
                 "RFC 9110, 4.2.5", "it has a fragment");
    VS_REFUSE_IF(host[0] == '\0' || strlen(host) > 253, err, VS_E_ENDPOINT, "RFC 3986",
                 "it has no host");
    (void)curl_url_set(parsed, CURLUPART_HOST, host, 0);
    ret->url = part(arena, parsed, CURLUPART_URL, CURLU_NO_DEFAULT_PORT);
    ret->host = vs_arena_printf(arena, "%s:%s", host, port);
    return ret->url == NULL || ret->host == NULL ? vs_fail_memory(err) : VS_OK;
}

vs_rc vs_outgoing_endpoint(struct vs_arena *arena, const char *url, struct vs_endpoint *ret,
                           struct vs_error *err)
{
    VS_REFUSE_IF(strlen(url) > MOST_URL || !is_plain(url), err, VS_E_ENDPOINT, "RFC 3986",
                 "at most %d characters of ASCII, no spaces", MOST_URL);
    CURLU *parsed = curl_url();
    if (parsed == NULL)
        return vs_fail_memory(err);
    vs_rc rc = read_endpoint(arena, parsed, url, ret, err);
    curl_url_cleanup(parsed);
    return rc;
}
