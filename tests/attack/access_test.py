#!/usr/bin/env python3
"""Every route of gateway/routes.c, and every operation of SOAP, for every role, and for another organisation's objects.

Who has no credential gets 401, who has not the row's role 403, and an id of somebody else's is answered
exactly as an unknown one."""
import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'flow'))
from service import SOURCE, Party, Service  # noqa: E402

ROLES = {'SENDER': 'sender', 'RECIPIENT': 'recipient', 'ARCHIVIST': 'archivist', 'OPERATOR': 'operator', 'AUDITOR': 'auditor', 'OFFICER': 'centre-officer'}


def table():
    """[(method, path, set of roles or None for public, media type)] of the rows."""
    with open(os.path.join(SOURCE, 'gateway', 'routes.c'), encoding='utf-8') as f:
        text = f.read()
    names = {'ANY': set(ROLES.values()), 'PUBLIC': None}
    for name, value in re.findall(r'(\w+) = ((?:VS_RIGHT_\w+[ |\n]*)+)', text):
        if name not in names:
            names[name] = {ROLES[r] for r in re.findall(r'VS_RIGHT_(\w+)', value)}
    rows = []
    body = text[text.index('vs_routes[] = {'):]
    for method, path, rights, rest in re.findall(r'\{"([A-Z]+)",\s*"([^"]+)",\s*\w+,\s*([A-Z_ |\n]+?),\s*VS_ON_\w+,(.*?)\},', body, re.S):
        parts = [r.strip() for r in rights.split('|')]
        allowed = None if parts == ['PUBLIC'] else set().union(*(names[p] for p in parts))
        takes_json = 'JSON' in re.sub(r'"[^"]*"', '', rest)
        rows.append((method, path, allowed, 'application/json' if takes_json else 'application/octet-stream' if '"*"' in rest else None))
    assert len(rows) == body[:body.index('const size_t')].count('{"'), 'a row is not understood by this test'
    return rows


def operations(rows):
    """{SOAP operation: the row of REST that it is}."""
    with open(os.path.join(SOURCE, 'gateway', 'soap', 'operations.c'), encoding='utf-8') as f:
        found = re.findall(r'^    \{"(\w+)",\s*"([A-Z]+)",\s*"([^"]+)"', f.read(), re.M)
    by_path = {(method, path): (method, path, allowed, media_type) for method, path, allowed, media_type in rows}
    assert len(found) >= 9, found
    return {name: by_path[method, path] for name, method, path in found}


SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'


def envelope(name, number):
    """A call of an operation with all that it needs, for one object."""
    inner = {'Submit': '<v:to>voen:1234567891</v:to><v:content>eA==</v:content>', 'Verify': '<v:content>eA==</v:content>', 'ListInbox': '',
             'ListEvents': '', 'Acknowledge': f'<v:id>{number}</v:id><v:conforms>true</v:conforms>'}.get(name, f'<v:id>{number}</v:id>')
    return f'<s:Envelope xmlns:s="{SOAP}" xmlns:v="urn:vasite:soap:1"><s:Body><v:{name}>{inner}</v:{name}></s:Body></s:Envelope>'.encode()


class Access(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service(settings={'limits': {'credential_refusals_per_second': 0}})
        cls.addClassCleanup(cls.service.close)
        s = cls.service
        s.__enter__()
        cls.rows = table()
        cls.alfa = s.participant('voen:1234567891', 'Alfa MMC')
        cls.beta = s.participant('voen:9876543219', 'Beta ASC')
        cls.gamma = s.participant('voen:5555555555', 'Qamma', roles='sender,recipient,archivist')
        s.agreement(cls.alfa, cls.beta, forms='any', signature_class='none', signature_level='none')
        status, _, body = cls.alfa.call('POST', '/v1/documents?to=voen:9876543219', b'for Beta alone', 'text/plain')
        assert status == 201, body
        receipt = json.loads(body)
        cls.document, cls.evidence = receipt['id'], receipt['evidence']
        assert json.loads(cls.beta.call('GET', '/v1/inbox?wait=10')[2])['entries']
        cls.agreement = cls.alfa.json('GET', '/v1/agreements')['agreements'][0]['id']
        cls.by_role = {role: cls.caller(role) for role in ROLES.values()}

    @classmethod
    def caller(cls, role):
        """A principal with this role and no other: of Gamma, or of the service where the role is its own."""
        of_service = role in ('operator', 'auditor', 'centre-officer')
        body = {'name': role, 'roles': [role], **({} if of_service else {'participant': 'voen:5555555555'})}
        token = cls.service.operator.json('POST', '/v1/principals', body)['token']
        party = Party.__new__(Party)
        party.service, party.token, party.profile = cls.service, token, None
        return party

    def ask(self, token, method, path, media_type):
        body = {'application/json': b'{}', 'application/octet-stream': b'x'}.get(media_type)
        return self.service.call(method, path, body, media_type, token=token)

    def code(self, answer):
        fault = re.search(rb'<v:code>([a-z-]+)</v:code>', answer[2])
        if fault:
            return answer[0], 'urn:vasite:problem:' + fault.group(1).decode()
        return answer[0], json.loads(answer[2] or b'{}').get('type') if 'problem' in answer[1].get('content-type', '') else None

    def test_without_a_credential_nothing_but_what_is_public(self):
        for method, path, allowed, media_type in self.rows:
            path = re.sub(r'\{\w+(\.\.\.)?\}', '0' * 32, path)
            for token in (None, 'unknown'):
                got = self.code(self.ask(token, method, path, media_type))
                if allowed is not None:
                    self.assertEqual(got, (401, 'urn:vasite:problem:unauthenticated'), (method, path))
                else:
                    self.assertNotIn(got[0], (401, 403), (method, path))

    def test_each_role_gets_its_rows_and_no_others(self):
        for method, path, allowed, media_type in self.rows:
            path = re.sub(r'\{\w+(\.\.\.)?\}', '0' * 32, path)
            for role, caller in self.by_role.items():
                if allowed is None or (method, role) == ('DELETE', 'operator'):
                    continue
                got = self.code(self.ask(caller.token, method, path, media_type))
                if role in allowed:
                    self.assertNotEqual(got, (401, 'urn:vasite:problem:unauthenticated'), (method, path, role))
                else:
                    self.assertEqual(got, (403, 'urn:vasite:problem:forbidden'), (method, path, role))

    def test_anothers_object_is_answered_as_an_unknown_one(self):
        objects = {'/v1/documents/': self.document, '/v1/evidence/': self.evidence, '/v1/agreements/': self.agreement}
        tried = 0
        for method, path, allowed, media_type in self.rows:
            number = next((n for prefix, n in objects.items() if path.startswith(prefix)), None)
            if number is None or not allowed or not allowed & {'sender', 'recipient', 'archivist'}:
                continue
            body = {'acknowledgement': b'{"conforms": true}', 'consent': b'{"accepts": true}'}.get(
                path.rsplit('/', 1)[-1], b'{}') if media_type else None
            answers = []
            for one in (number, '0' * 32, number[:-1] + ('0' if number[-1] != '0' else '1'), 'x'):
                status, headers, text = self.gamma.call(method, re.sub(r'\{\w+\}', one, path), body, media_type)
                problem = {k: v for k, v in json.loads(text).items() if k != 'instance'}
                answers.append((status, problem, sorted(headers)))
            self.assertEqual(answers[0][0], 404, (method, path))
            self.assertEqual(answers[0][1]['type'], 'urn:vasite:problem:not-found')
            for answer in answers[1:3]:
                self.assertEqual(answer, answers[0], (method, path))
            self.assertEqual(answers[3][0], 404)
            tried += 1
        self.assertGreaterEqual(tried, 9)

    def test_each_operation_of_soap_has_the_rights_of_its_row(self):
        for name, (method, path, allowed, _) in operations(self.rows).items():
            for role, caller in self.by_role.items():
                answer = caller.call('POST', '/soap', envelope(name, '0' * 32), 'text/xml')
                if role in allowed:
                    self.assertNotIn(self.code(answer)[1], ('urn:vasite:problem:forbidden', 'urn:vasite:problem:unauthenticated'), (name, role))
                else:
                    self.assertEqual(self.code(answer), (500, 'urn:vasite:problem:forbidden'), (name, role))
            answer = self.service.call('POST', '/soap', envelope(name, '0' * 32), 'text/xml')
            self.assertEqual(self.code(answer), (401, 'urn:vasite:problem:unauthenticated'), name)

    def test_anothers_object_is_answered_as_an_unknown_one_by_soap_too(self):
        tried = 0
        for name, (method, path, _, _) in operations(self.rows).items():
            if '{id}' not in path:
                continue
            number, answers = self.evidence if 'evidence' in path else self.document, []
            for one in (number, '0' * 32, number[:-1] + ('0' if number[-1] != '0' else '1')):
                status, headers, text = self.gamma.call('POST', '/soap', envelope(name, one), 'text/xml')
                answers.append((status, sorted(headers), re.sub(rb'<v:instance>.*?</v:instance>', b'', text)))
            self.assertEqual(self.code(answers[0]), (500, 'urn:vasite:problem:not-found'), name)
            self.assertEqual([answers[0]] * 3, answers, name)
            tried += 1
        self.assertGreaterEqual(tried, 5)

    def test_lists_show_no_more_than_ones_own(self):
        for path in ('/v1/inbox', '/v1/events', '/v1/documents'):
            self.assertEqual(self.gamma.json('GET', path)['entries'], [])
        self.assertEqual(self.gamma.json('GET', '/v1/agreements')['agreements'], [])


if __name__ == '__main__':
    unittest.main()
