/* stream.h - XML read as it arrives, from callers that are not trusted: what xml.h refuses is
 * refused here, and an element's text may be taken out of the tree, so that a document carried
 * in it costs no memory.
 *
 * begin -> feed, feed, ... -> end, which gives the tree. Of encodings UTF-8 alone is taken (and
 * its part US-ASCII), and no carriage return in a CDATA section of the tree. max_bytes of the
 * limits bounds what enters the tree, and what the parser holds back of a tag that has not
 * ended; what goes to `text` is for its taker to bound. */
#ifndef VS_FORMATS_XML_STREAM_H
#define VS_FORMATS_XML_STREAM_H
#include "formats/xml/xml.h"

struct vs_xml_stream;

/* A failure of either ends the reading and is returned by feed or end. */
struct vs_xml_stream_events {
    void *context;
    /* An element has begun: it and its attributes stand in the tree, and so does all before it.
     * With `*ret_apart` set its text goes to `text`, and comments in it are refused; elements
     * in it enter the tree as ever. */
    vs_rc (*element)(void *context, const struct vs_xml_node *element, bool *ret_apart,
                     struct vs_error *err);
    /* The next piece of text of the element set apart, as UTF-8; cut anywhere. */
    vs_rc (*text)(void *context, struct vs_bytes piece, struct vs_error *err);
};

/* `limits` and what `events` points to must outlive the stream. VS_E_NOMEM. */
VS_NODISCARD vs_rc vs_xml_stream_new(const struct vs_xml_limits *limits,
                                     const struct vs_xml_stream_events *events,
                                     struct vs_xml_stream **ret, struct vs_error *err);
/* The next bytes. Fails as vs_xml_parse; then only vs_xml_stream_free is left to do. */
VS_NODISCARD vs_rc vs_xml_stream_feed(struct vs_xml_stream *stream, struct vs_bytes bytes,
                                      struct vs_error *err);
/* No more bytes: the tree, whose nodes are those that the events saw. */
VS_NODISCARD vs_rc vs_xml_stream_end(struct vs_xml_stream *stream, struct vs_xml **ret,
                                     struct vs_error *err);
void vs_xml_stream_free(struct vs_xml_stream *stream); /* NULL is fine */
#endif
