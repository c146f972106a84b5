#!/usr/bin/env python3
"""Each bad input gets its own problem type, a sentence that says what to do next, and changes nothing."""
import http.client
import io
import json
import os
import re
import struct
import time
import unittest
import warnings
import zipfile

from service import ASIC_E, HOST, Service, until

SALAM = 'Salam. Bu, sənəddir.'


def container(entries, first=('mimetype', ASIC_E.encode()), method=zipfile.ZIP_STORED):
    """A ZIP of (name, bytes), ASiC's first entry before them."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        with zipfile.ZipFile(out, 'w', method) as z:
            if first:
                z.writestr(zipfile.ZipInfo(first[0]), first[1])
            for name, data in entries:
                z.writestr(name, data)
    return out.getvalue()


def requisites(*inner):
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<document xmlns="urn:vasite:document:1" version="1">'
            + ''.join(inner) + '</document>').encode()


class BadInput(unittest.TestCase):
    settings = {'limits': {'document': '4 MiB', 'credential_refusals_per_second': 0}}

    @classmethod
    def setUpClass(cls):
        cls.service = Service(settings=cls.settings)
        cls.addClassCleanup(cls.service.close)
        cls.service.__enter__()
        s = cls.service
        cls.operator = s.operator
        cls.alfa = s.participant('voen:1234567891', 'Alfa MMC')
        cls.beta = s.participant('voen:9876543219', 'Beta ASC')
        cls.no_contract = s.participant('voen:1111111111', 'Müqaviləsiz', contract=None)
        cls.closed = s.participant('voen:2222222222', 'Qapalı', options=['--agreed-only'])
        cls.body = s.participant('voen:3333333333', 'Nazirlik', options=['--public-body'])
        cls.strict = s.participant('voen:4444444444', 'Tələbkar')
        cls.free = s.participant('voen:5555555555', 'Sərbəst')
        s.agreement(cls.alfa, cls.strict, requisites='number,date', signature_class='qualified')
        s.agreement(cls.alfa, cls.free, forms='any', signature_class='none', signature_level='none')
        cls.document = cls.alfa.signed(SALAM)
        cls.everybody = [cls.alfa, cls.beta, cls.no_contract, cls.closed, cls.body, cls.strict, cls.free]

    # -- what must not change ---------------------------------------------------------------------
    def state(self):
        """Deliveries, accepted documents, participants, principals, agreements, certificates."""
        boxes = [p.json('GET', '/v1/inbox?limit=500')['entries'] for p in self.everybody]
        sent = [[e['document'] for e in p.json('GET', '/v1/documents?limit=500')['entries']] for p in self.everybody]
        registers = [self.operator.json('GET', '/v1/' + path) for path in ('participants', 'principals', 'agreements', 'certificates')]
        return boxes, sent, registers, self.service.metrics()['vasite_accepted_total']

    def check_problem(self, answer, status, code, says=None):
        self.assertEqual((answer[0], json.loads(answer[2]).get('type')), (status, 'urn:vasite:problem:' + code), answer[2][:600])
        self.assertEqual(answer[1]['content-type'], 'application/problem+json')
        problem = json.loads(answer[2])
        for member in ('title', 'remedy', 'instance'):
            self.assertTrue(problem[member], member)
        if says:
            self.assertRegex(problem['detail'], says)
        return problem

    def refused(self, status, code, method, path, body=None, media_type=None, headers=None, caller=None, says=None):
        caller = caller or self.alfa
        before = self.state()
        problem = self.check_problem(caller.call(method, path, body, media_type, headers), status, code, says)
        self.assertEqual(self.state(), before)
        return problem

    def submission_refused(self, code, document, to=None, query='', media_type=ASIC_E, says=None, caller=None):
        """A refusal by verdict: a problem and signed evidence of it."""
        to = to or self.beta
        path = '/v1/documents?to=' + (to if isinstance(to, str) else to.identifier) + query
        problem = self.refused(422, code, 'POST', path, document, media_type, says=says, caller=caller)
        self.assertFalse(problem['accepted'])
        self.assertIn('SubmissionRejection', problem['evidence_xml'])
        self.assertIn(f'urn:vasite:problem:{code}', problem['evidence_xml'])
        status, _, xml = (caller or self.alfa).call('GET', '/v1/evidence/' + problem['evidence'])
        self.assertEqual((status, xml.decode()), (200, problem['evidence_xml']))
        return problem

    # -- the twin of all: the same call with good input ---------------------------------------------
    def test_a_good_document_is_taken(self):
        status, _, body = self.alfa.call('POST', '/v1/documents?to=' + self.beta.identifier, self.alfa.signed('Yaxşı sənəd'), ASIC_E)
        self.assertEqual(status, 201, body[:600])

    # -- containers ------------------------------------------------------------------------------------
    def test_not_a_zip(self):
        self.submission_refused('not-a-zip', b'This is not a ZIP archive, but it is long enough to be one.' * 3)

    def test_a_zip_that_is_no_asic(self):
        self.submission_refused('not-asic', container([('a.txt', b'a')], first=None))

    def test_a_doubled_name(self):
        self.submission_refused('zip-duplicate-name', container([('a.txt', b'1'), ('a.txt', b'2')]))

    def test_case_equal_names(self):
        self.submission_refused('zip-duplicate-name', container([('a.txt', b'1'), ('A.TXT', b'2')]))

    def test_a_traversing_name(self):
        self.submission_refused('zip-name', container([('../../etc/passwd', b'1')]))

    def test_a_bomb(self):
        self.submission_refused('zip-bomb', container([('zeros', bytes(200 << 20))], method=zipfile.ZIP_DEFLATED))

    def test_a_file_outside_every_signature(self):
        with zipfile.ZipFile(io.BytesIO(self.document)) as z:
            entries = [(i.filename, z.read(i)) for i in z.infolist() if i.filename != 'mimetype']
        manifest = [(n, d.replace(b'</manifest:manifest>', b'<manifest:file-entry manifest:full-path="more.txt" manifest:media-type='
                                  b'"text/plain"/></manifest:manifest>') if n == 'META-INF/manifest.xml' else d) for n, d in entries]
        self.submission_refused('asic-unsigned-file', container(manifest + [('more.txt', b'unsigned')]))

    # -- signatures --------------------------------------------------------------------------------------
    def test_unsigned_where_the_agreement_asks_for_more(self):
        manifest = ('<?xml version="1.0" encoding="UTF-8"?><manifest:manifest xmlns:manifest='
                    '"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.2"><manifest:file-entry '
                    f'manifest:full-path="/" manifest:media-type="{ASIC_E}"/><manifest:file-entry manifest:full-path="a.txt" '
                    'manifest:media-type="text/plain"/></manifest:manifest>')
        self.submission_refused('unsigned', container([('META-INF/manifest.xml', manifest), ('a.txt', b'a')]))

    def test_changed_after_signing(self):
        with zipfile.ZipFile(io.BytesIO(self.document)) as z:
            entries = [(i.filename, z.read(i).replace(b'Salam', b'Sasam')) for i in z.infolist() if i.filename != 'mimetype']
        self.submission_refused('signature-invalid', container(entries))

    def test_of_a_lower_class_than_agreed(self):
        self.submission_refused('signature-insufficient', self.document, to=self.strict, query='&number=1&date=2026-11-21')

    def test_form_that_is_not_agreed(self):
        self.submission_refused('form-not-agreed', b'%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj<<>>endobj\n%%EOF\n', media_type='application/pdf')

    # -- requisites and parties ---------------------------------------------------------------------------
    def test_missing_requisites(self):
        self.submission_refused('requisites-missing', self.document, to=self.strict, query='&number=1', says='date')

    def test_requisites_that_disagree_with_the_call(self):
        document = self.signed_with(requisites('<subject>Bir</subject>'))
        self.submission_refused('requisites-conflict', document, query='&subject=Iki', says='subject')

    def signed_with(self, document_xml):
        folder = self.service.path('requisites')
        os.makedirs(folder, exist_ok=True)
        paths = []
        for name, data in (('document.xml', document_xml), ('a.txt', b'text')):
            paths.append(os.path.join(folder, name))
            with open(paths[-1], 'wb') as f:
                f.write(data)
        key, passphrase = self.alfa.key()
        out = os.path.join(folder, 'out.asice')
        if os.path.exists(out):
            os.unlink(out)
        self.service.vasite('sign', '--key', key, '--passphrase-file', passphrase, '-o', out, *paths)
        with open(out, 'rb') as f:
            return f.read()

    def test_a_state_secret(self):
        self.submission_refused('state-secret', self.signed_with(requisites('<marking>state-secret</marking>')))

    def test_unknown_recipient(self):
        self.submission_refused('unknown-recipient', self.document, to='voen:9999999999', says='9999999999')

    def test_recipient_without_a_service_contract(self):
        self.submission_refused('no-service-contract', self.document, to=self.no_contract)

    def test_sender_without_a_service_contract(self):
        self.refused(422, 'no-service-contract', 'POST', '/v1/documents?to=' + self.beta.identifier, self.document, ASIC_E,
                     caller=self.no_contract)

    def test_recipient_that_takes_agreed_senders_only(self):
        self.submission_refused('sender-not-agreed', self.document, to=self.closed)

    def test_sender_as_recipient(self):
        self.submission_refused('sender-is-recipient', self.document, to=self.alfa)

    def test_no_recipient_at_all(self):
        before = self.state()
        answer = self.alfa.call('POST', '/v1/documents', self.document, ASIC_E)
        self.assertIn(answer[0], (400, 422))
        self.assertEqual(self.state(), before)

    # -- the call itself -------------------------------------------------------------------------------------
    def test_too_large_is_said_before_the_body(self):
        before = self.state()
        connection = self.service.connect()
        connection.putrequest('POST', '/v1/documents?to=' + self.beta.identifier)
        for name, value in (('Authorization', 'Bearer ' + self.alfa.token), ('Content-Type', ASIC_E), ('Content-Length', str(5 << 20))):
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        self.check_problem((answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()), 413, 'too-large', 'at most 4194304 bytes')
        connection.close()
        self.assertEqual(self.state(), before)

    def test_too_large_without_a_length(self):
        before = self.state()
        connection = self.service.connect()
        try:
            connection.request('POST', '/v1/documents?to=' + self.beta.identifier, iter([bytes(65536)] * 80),
                               {'Authorization': 'Bearer ' + self.alfa.token, 'Content-Type': ASIC_E}, encode_chunked=True)
            answer = connection.getresponse()
            self.check_problem((answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()), 413, 'too-large')
        finally:
            connection.close()
        self.assertEqual(self.state(), before)

    def test_wrong_media_type(self):
        self.refused(415, 'wrong-media-type', 'POST', '/v1/participants', b'<x/>', 'application/xml', caller=self.operator,
                     says='application/json')
        self.refused(415, 'wrong-media-type', 'POST', '/v1/documents?to=' + self.beta.identifier, self.document)

    def test_bad_json_names_the_place(self):
        for text, says in ((b'{"name": }', 'line 1, column'), (b'{"name": 1, "identifiers": ["voen:1234567890"]}', '^name: a text'),
                           (b'{"name": "x"}', '^identifiers: it is missing'), (b'{"nmae": "x"}', '^nmae: there is no such member'),
                           (b'{"name": "x", "name": "y"}', 'duplicate'), (b'[]', 'an object is wanted'),
                           (b'{"name": "x", "identifiers": "voen:1"}', '^identifiers: a list'),
                           (b'{"name": "a\\u001b[2J", "identifiers": []}', '^name: holds control')):
            self.refused(400, 'bad-json', 'POST', '/v1/participants', text, 'application/json', caller=self.operator, says=says)

    def test_bad_parameter_is_named(self):
        for path, says in (('/v1/inbox?limit=0', 'limit'), ('/v1/inbox?limit=x', 'limit'), ('/v1/inbox?limt=1', 'limt'),
                           ('/v1/inbox?wait=61', 'wait'), ('/v1/documents?before=zz', 'before')):
            self.refused(400, 'bad-parameter', 'GET', path, says=says)
        for query, says in (('&deadline=tomorrow', 'deadline'), ('&intended_repeat=perhaps', 'intended_repeat'), ('&to=x', 'to'),
                            ('&subject=', 'subject'), ('&subjekt=x', 'subjekt')):
            self.refused(400, 'bad-parameter', 'POST', '/v1/documents?to=' + self.beta.identifier + query, self.document, ASIC_E, says=says)
        self.refused(400, 'bad-parameter', 'POST', '/v1/documents?to=' + self.beta.identifier, self.document, ASIC_E,
                     {'Idempotency-Key': 'x' * 201}, says='Idempotency-Key')
        self.refused(400, 'bad-parameter', 'POST', '/v1/participants', b'{"name": "x", "identifiers": ["voen:12"]}', 'application/json',
                     caller=self.operator, says='voen')

    def test_bad_multipart(self):
        kind = 'multipart/form-data; boundary=XX'
        part = b'--XX\r\nContent-Disposition: form-data; name="%s"\r\nContent-Type: application/json\r\n\r\n%s\r\n'
        path = '/v1/documents?to=' + self.beta.identifier
        self.refused(400, 'bad-parameter', 'POST', path, part % (b'other', b'x') + b'--XX--', kind, says='other')
        self.refused(400, 'bad-parameter', 'POST', path, part % (b'parameters', b'{}') + b'--XX--', kind, says='document')
        self.refused(400, 'syntax', 'POST', path, part % (b'document', b'x'), kind, says='last boundary')
        self.refused(400, 'bad-json', 'POST', path, part % (b'parameters', b'{"subjekt":1}') + part % (b'document', b'x') + b'--XX--', kind,
                     says='subjekt')

    # -- who calls -----------------------------------------------------------------------------------------------
    def anonymous(self, headers):
        before = self.state()
        answer = self.service.call('POST', '/v1/documents?to=' + self.beta.identifier, self.document, ASIC_E, headers)
        self.assertEqual(self.state(), before)
        return answer

    def test_no_credential(self):
        answer = self.anonymous({})
        self.check_problem(answer, 401, 'unauthenticated')
        self.assertEqual(answer[1]['www-authenticate'], 'Bearer')

    def test_unknown_credential(self):
        self.check_problem(self.anonymous({'Authorization': 'Bearer nonsense'}), 401, 'unauthenticated')

    def register_principal(self, **more):
        answer = self.operator.json('POST', '/v1/principals', {'participant': self.alfa.identifier, 'name': 'x', 'roles': ['sender'], **more})
        return answer['principal']['id'] if 'principal' in answer else answer['id'], answer['token']

    def test_expired_credential(self):
        expires = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + 4))
        _, token = self.register_principal(expires=expires)
        self.assertEqual(self.service.call('GET', '/v1/self', token=token)[0], 200)
        until(lambda: self.service.call('GET', '/v1/self', token=token)[0] != 200, 'it does not expire')
        self.check_problem(self.anonymous({'Authorization': 'Bearer ' + token}), 401, 'credential-expired')

    def test_revoked_credential(self):
        principal, token = self.register_principal()
        self.assertEqual(self.service.call('GET', '/v1/self', token=token)[0], 200)
        self.assertEqual(self.operator.call('DELETE', '/v1/principals/' + principal)[0], 204)
        self.check_problem(self.anonymous({'Authorization': 'Bearer ' + token}), 401, 'credential-revoked')

    def test_role_that_may_not(self):
        self.refused(403, 'forbidden', 'POST', '/v1/participants', b'{}', 'application/json')

    def test_another_partys_id_is_as_an_unknown_one(self):
        status, _, body = self.alfa.call('POST', '/v1/documents?to=' + self.free.identifier, b'for Free alone', 'text/plain')
        self.assertEqual(status, 201, body[:600])
        receipt = json.loads(body)
        until(lambda: self.free.json('GET', '/v1/inbox?limit=500')['entries'], 'it does not arrive')
        paths = ['', '/original', '/consignment', '/evidence']
        calls = [('GET', f'/v1/documents/{{}}{p}', receipt['id']) for p in paths]
        calls += [('GET', '/v1/evidence/{}' + p, receipt['evidence']) for p in ('', '/record', '/proof')]
        calls += [('POST', '/v1/documents/{}/acknowledgement', receipt['id']), ('POST', '/v1/documents/{}/repeat-confirmation', receipt['id'])]
        before = self.state()
        for method, path, number in calls:
            answers = []
            for one in (number, '0' * 32, number[:-1] + ('0' if number[-1] != '0' else '1'), 'not-an-id'):
                body = b'{"conforms": true}' if 'acknowledgement' in path else None
                answer = self.beta.call(method, path.format(one), body, 'application/json' if body else None)
                problem = self.check_problem(answer, 404, 'not-found')
                problem.pop('instance')
                answers.append((answer[0], problem, {k for k in answer[1]}))
            self.assertEqual(len({repr(a) for a in answers}), 1, path)
        self.assertEqual(self.state(), before)

    # -- HTTP itself ------------------------------------------------------------------------------------------------
    def test_shapes_that_a_proxy_could_read_differently(self):
        import socket
        import ssl
        head = f'POST /v1/documents?to={self.beta.identifier} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.alfa.token}\r\n'
        shapes = ['Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde',
                  'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 'Content-Length: 4, 5\r\n\r\nabcde', 'X: a\nContent-Length: 0\r\n\r\n',
                  'Content-Length : 4\r\n\r\nabcd']
        before = self.state()
        for shape in shapes:
            with socket.create_connection((HOST, self.service.tls_port), 20) as plain:
                with self.service.tls().wrap_socket(plain, server_hostname=HOST) as tls:
                    tls.sendall((head + f'Content-Type: {ASIC_E}\r\n' + shape + 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n').encode())
                    answer = b''
                    try:
                        while piece := tls.recv(65536):
                            answer += piece
                    except (ssl.SSLError, ConnectionError):
                        pass
            self.assertRegex(answer[:20], rb'^HTTP/1.1 400', shape)
            self.assertNotIn(b'HTTP/1.1 200', answer, shape)
        self.assertEqual(self.state(), before)


if __name__ == '__main__':
    unittest.main()
