#include "formats/xml/splice.h"

struct scan {
    const uint8_t *at, *end;
    size_t wanted; /* number of the element in document order, from 1 */
    size_t begun;  /* elements so far */
    size_t depth, wanted_depth;
};

static bool starts(const struct scan *s, const char *what)
{
    size_t len = strlen(what);
    return (size_t)(s->end - s->at) >= len && memcmp(s->at, what, len) == 0;
}

/* Behind the next `what`; false where there is none. */
static bool skip_past(struct scan *s, const char *what)
{
    size_t len = strlen(what);
    const uint8_t *found = memmem(s->at, (size_t)(s->end - s->at), what, len);
    s->at = found == NULL ? s->end : found + len;
    return found != NULL;
}

/* To the ">" of a tag; quotes may hold others. */
static bool find_tag_end(const struct scan *s, const uint8_t **ret)
{
    uint8_t quote = 0;
    for (const uint8_t *c = s->at; c < s->end; c++) {
        if (quote != 0) {
            quote = *c == quote ? 0 : quote;
            continue;
        }
        if (*c == '"' || *c == '\'')
            quote = *c;
        if (*c == '>') {
            *ret = c;
            return true;
        }
    }
    return false;
}

enum found { NOT_YET, END_TAG, EMPTY_TAG, BROKEN };

static enum found step_tag(struct scan *s, const uint8_t **ret)
{
    const uint8_t *close;
    bool end_tag = starts(s, "</");
    const uint8_t *begin = s->at;
    if (!find_tag_end(s, &close))
        return BROKEN;
    s->at = close + 1;
    if (end_tag) {
        if (s->wanted_depth > 0 && s->depth == s->wanted_depth) {
            *ret = begin;
            return END_TAG;
        }
        s->depth--;
        return NOT_YET;
    }
    bool empty = close[-1] == '/';
    bool wanted = ++s->begun == s->wanted;
    if (empty && wanted) {
        *ret = close - 1;
        return EMPTY_TAG;
    }
    s->depth += !empty;
    if (wanted)
        s->wanted_depth = s->depth;
    return NOT_YET;
}

static enum found step(struct scan *s, const uint8_t **ret)
{
    const uint8_t *open = memchr(s->at, '<', (size_t)(s->end - s->at));
    if (open == NULL)
        return BROKEN;
    s->at = open;
    if (starts(s, "<!--"))
        return skip_past(s, "-->") ? NOT_YET : BROKEN;
    if (starts(s, "<?"))
        return skip_past(s, "?>") ? NOT_YET : BROKEN;
    if (starts(s, "<![CDATA["))
        return skip_past(s, "]]>") ? NOT_YET : BROKEN;
    return step_tag(s, ret);
}

static size_t number_of(const struct vs_xml *xml, const struct vs_xml_node *node)
{
    const struct vs_xml_node *root = vs_xml_root(xml);
    size_t number = 1;
    for (const struct vs_xml_node *n = root; n != NULL && n != node; n = vs_xml_walk(root, n))
        number++;
    return number;
}

/* <a b="c"/>: opened, and closed again by its name. */
static void open_empty(struct vs_bytes text, const uint8_t *slash, struct vs_bytes insertion,
                       struct vs_buffer *to)
{
    const uint8_t *name = slash;
    while (*name != '<')
        name--; /* "<" stands in no attribute value */
    const uint8_t *name_end = ++name;
    while (strchr(" \t\r\n/", *name_end) == NULL)
        name_end++;
    vs_buffer_add(to, VS_BYTES(text.ptr, (size_t)(slash - text.ptr)));
    vs_buffer_byte(to, '>');
    vs_buffer_add(to, insertion);
    vs_buffer_text(to, "</");
    vs_buffer_add(to, VS_BYTES(name, (size_t)(name_end - name)));
    vs_buffer_add(to, VS_BYTES(slash + 1, (size_t)(text.ptr + text.len - slash - 1)));
}

vs_rc vs_xml_splice(struct vs_bytes text, const struct vs_xml *xml,
                    const struct vs_xml_node *node, struct vs_bytes insertion,
                    struct vs_buffer *to, struct vs_error *err)
{
    struct scan s = {
        .at = text.ptr, .end = text.ptr + text.len, .wanted = number_of(xml, node)};
    const uint8_t *place = NULL;
    enum found found = NOT_YET;
    while (found == NOT_YET)
        found = step(&s, &place);
    if (found == BROKEN)
        return vs_fail(err, VS_E_XML, NULL, "line %ld: the element's end is not found",
                       vs_xml_line(node));
    if (found == EMPTY_TAG)
        open_empty(text, place, insertion, to);
    else {
        vs_buffer_add(to, VS_BYTES(text.ptr, (size_t)(place - text.ptr)));
        vs_buffer_add(to, insertion);
        vs_buffer_add(to, VS_BYTES(place, (size_t)(text.ptr + text.len - place)));
    }
    return vs_buffer_check(to, err);
}
