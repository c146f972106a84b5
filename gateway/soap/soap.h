/* soap.h - the SOAP door: operations of the exchange as document/literal messages, in SOAP 1.1
 * and 1.2, documents in base64 or as MTOM (XOP). conf/wsdl/vasite.wsdl is the contract.
 *
 * It is a translation and nothing more. Each operation (operations.h) is one row of
 * gateway/routes.c: its elements become the row's parameters, header and body, its answer is
 * the row's answer, member by member, and its fault the row's problem. So rights, limits,
 * evidence, idempotency and codes are REST's by construction.
 *
 * Envelopes are read as they arrive, by formats/xml/stream.h; a document, inline or attached,
 * is handed on piece by piece to the row, which spools it or (Verify) collects it. Inline it
 * may have 6 MiB, in requests and in answers; above that a fault (use-mtom) names MTOM.
 *
 * Header blocks: none is understood, so one that must be (for this node) is a fault. What
 * stands in an envelope is trusted for nothing: the caller is who HTTP authenticated.
 *
 * NOT DONE: WS-Security and WS-Addressing; SOAP with Attachments other than XOP; UTF-16;
 * an envelope that is not the first part of its multipart (RFC 2387, 3.2). */
#ifndef VS_GATEWAY_SOAP_H
#define VS_GATEWAY_SOAP_H
#include "gateway/http/server.h"

/* The handlers of POST /soap: its row streams. */
vs_handler vs_soap_begin, vs_soap;
vs_rc vs_soap_chunk(struct vs_request *request, struct vs_bytes bytes, struct vs_error *err);
/* GET /soap?wsdl: the WSDL with this service's address. */
vs_handler vs_soap_wsdl;

/* vs_server_options.translate: answers of POST /soap become envelopes, all others stay. */
vs_rc vs_soap_translate(struct vs_request *request, struct vs_answer *answer,
                        struct vs_error *err);
#endif
