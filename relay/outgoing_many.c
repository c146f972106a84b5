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

/* The same reader that will connect: what it takes for the host is the host. */
static const char *read_endpoint(struct vs_arena *arena, CURLU *parsed, const char *url,
                                 const char **ret_host)
{
    char *scheme = NULL, *user = NULL, *password = NULL, *fragment = NULL, *host = NULL,
         *port = NULL;
    const char *wrong = NULL;
    if (curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK ||
        host[0] == '\0' || strlen(host) > 253)
        wrong = "it is no URL with a host";
    else if (strcmp(scheme, "https") != 0)
        wrong = "only https";
    else if (curl_url_get(parsed, CURLUPART_USER, &user, 0) == CURLUE_OK ||
             curl_url_get(parsed, CURLUPART_PASSWORD, &password, 0) == CURLUE_OK)
        wrong = "no user or password in the URL";
    else if (curl_url_get(parsed, CURLUPART_FRAGMENT, &fragment, 0) == CURLUE_OK)
        wrong = "no fragment";
    else
        *ret_host = vs_arena_printf(arena, "%s:%s", host, port);
    curl_free(scheme);
    curl_free(user);
    curl_free(password);
    curl_free(fragment);
    curl_free(host);
    curl_free(port);
    return wrong;
}

vs_rc vs_outgoing_endpoint(struct vs_arena *arena, const char *url, const char **ret_host,
                           struct vs_error *err)
{
    *ret_host = NULL;
    if (strlen(url) > MOST_URL || !is_plain(url))
        return vs_fail(err, VS_E_PARAMETER, "RFC 3986",
                       "at most %d characters of ASCII, no spaces", MOST_URL);
    CURLU *parsed = curl_url();
    if (parsed == NULL)
        return vs_fail_memory(err);
    const char *wrong = read_endpoint(arena, parsed, url, ret_host);
    curl_url_cleanup(parsed);
    if (wrong != NULL)
        return vs_fail(err, VS_E_PARAMETER, "RFC 3986", "%s", wrong);
    if (*ret_host == NULL)
        return vs_fail_memory(err);
    char *lower = vs_arena_strdup(arena, *ret_host);
    if (lower == NULL)
        return vs_fail_memory(err);
    for (char *c = lower; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    *ret_host = lower;
    return VS_OK;
}
