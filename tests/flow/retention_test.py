#!/usr/bin/env python3
"""Nothing is deleted or overwritten before its term, by any role through any interface; after it rows and bytes are gone
and the journal still verifies (Art. 29.1, 31.3; issue 3, shows 5). What is tried follows from gateway/routes.c and
gateway/cli/commands.def, so that a new call is tried too."""
import glob
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import unittest

from service import ASIC_E, SOURCE, Service, until

FAKETIME = glob.glob('/usr/lib/*/faketime/libfaketimeMT.so.1')
METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'PURGE', 'MOVE', 'PROPPATCH', 'MKCOL']
MAY_CHANGE = ('POST', 'PUT', 'PATCH', 'DELETE', 'PURGE', 'MOVE', 'PROPPATCH', 'MKCOL')
ROLES = ['sender', 'recipient', 'archivist', 'operator', 'auditor', 'centre-officer']
CONTENT, SUBJECT, FILE = 'gizli-mezmun-40517', 'gizli-movzu-40518', 'gizli-fayl-40519.asice'


def read(*path):
    with open(os.path.join(SOURCE, *path)) as f:
        return f.read()


def routes():
    table = read('gateway', 'routes.c')
    found = re.findall(r'\{"([A-Z]+)",\s*"([^"]+)"', table[table.index('vs_routes[] = {'):])
    assert len(found) > 40
    return sorted(set(found))


def commands():
    return re.findall(r'VS_COMMAND\((\w+),', read('gateway', 'cli', 'commands.def'))


class Kept(unittest.TestCase):
    connections = {}

    @classmethod
    def setUpClass(cls):
        cls.service = s = Service()
        cls.addClassCleanup(s.close)
        s.prepare()
        s.start()
        cls.alfa = s.participant('voen:1234567891', 'Alfa MMC')
        cls.beta = s.participant('voen:9876543219', 'Beta ASC')
        cls.callers = {'nobody': None}
        for role in ROLES:
            of = '' if role in ('operator', 'auditor', 'centre-officer') else cls.alfa.identifier
            cls.callers[role] = s.principal(of, role, name='Rol ' + role)
        cls.callers['other recipient'] = s.principal(cls.beta.identifier, 'recipient', name='Alan')
        # Plain bytes, so that the marker stands in the files as it is.
        s.agreement(cls.alfa, cls.beta, forms='any', signature_class='none', signature_level='none')
        cls.bytes = (CONTENT + '\n').encode() * 50
        status, _, body = cls.alfa.call('POST', f'/v1/documents?to={cls.beta.identifier}&subject={SUBJECT}&name={FILE}',
                                        cls.bytes, 'text/plain', {'Idempotency-Key': 'acar-40520'})
        assert status == 201, body[:600]
        cls.id = json.loads(body)['id']
        cls.evidence = json.loads(body)['evidence']

    def assert_kept(self):
        status, _, body = self.alfa.call('GET', f'/v1/documents/{self.id}/original')
        self.assertEqual((status, body), (200, self.bytes))
        status, _, body = self.alfa.call('GET', f'/v1/evidence/{self.evidence}', headers={'Accept': 'application/xml'})
        self.assertEqual(status, 200)
        self.assertIn(self.id.encode(), body)

    def call(self, caller, method, path):
        """Over one connection, made anew where the service closed it: thousands of handshakes are not what is tested."""
        headers = {'X-HTTP-Method-Override': 'DELETE', 'X-Method-Override': 'DELETE'}
        body = b'{}' if method in MAY_CHANGE else None
        if body:
            headers['Content-Type'] = 'application/json'
        if caller is not None:
            headers['Authorization'] = 'Bearer ' + caller.token
        for again in (True, False):
            connection = self.connections.setdefault(0, None) or self.service.connect()
            self.connections[0] = connection
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                answer.read()
                return (answer.status,)
            except (http.client.HTTPException, OSError):
                connection.close()
                self.connections[0] = None
                if not again:
                    raise

    def paths(self):
        for _, path in routes():
            yield re.sub(r'\{(level)\}', '0', re.sub(r'\{(number|request)\.\.\.\}', '000', path)).replace('{file}', 'root.crl')

    def test_1_every_role_through_every_route_and_method(self):
        known = set(routes())
        tried = 0
        for path in sorted(set(self.paths())):
            for about in {self.id, self.evidence}:
                where = re.sub(r'\{[a-z_]+\}', about, path)
                if '{' not in path and about == self.evidence:
                    continue
                for method in METHODS:
                    for role, caller in self.callers.items():
                        if method in ('GET', 'HEAD') and role != 'operator':
                            continue
                        status = self.call(caller, method, where)[0]
                        tried += 1
                        if (method, path) in known and method == 'POST':
                            self.assertNotEqual(status // 100, 5, (method, where, role, status))
                        elif method in MAY_CHANGE:
                            self.assertIn(status, (400, 401, 403, 404, 405, 411, 413, 415, 429, 501), (method, where, role))
        self.assertGreater(tried, 3000)
        self.assert_kept()

    def test_2_no_deletion_hides_in_a_query_or_body(self):
        for role, caller in self.callers.items():
            for path in (f'/v1/documents/{self.id}?delete=true', f'/v1/documents/{self.id}?_method=DELETE',
                         f'/v1/documents/{self.id}/retention?months=0'):
                status = self.call(caller, 'GET', path)[0]
                self.assertIn(status, (400, 401, 403, 404), (role, path))
            body = json.dumps({'held': False, 'reason': 'sil', 'delete': True}).encode()
            call = self.service.call if caller is None else caller.call
            status = call('POST', f'/v1/documents/{self.id}/hold', body, 'application/json')[0]
            self.assertIn(status, (400, 401, 403), role)
        # The same document sent again under the same key changes nothing of the first.
        status = self.alfa.call('POST', f'/v1/documents?to={self.beta.identifier}', b'other bytes', 'text/plain',
                                {'Idempotency-Key': 'acar-40520'})[0]
        self.assertEqual(status, 409)
        self.assert_kept()

    def test_3_every_command(self):
        for role in ('operator', 'auditor', 'archivist'):
            profile = self.callers[role].profile
            for command in commands():
                name = command.replace('_', '-')
                for words in (('delete', self.id), ('--delete', self.id)):
                    out = self.service.vasite('--profile', profile, name, *words, wanted=None)
                    self.assertNotEqual(out.returncode, 0, (role, name, words, out.stdout))
        config = self.service.path('vasite.yaml')
        for words in (('init', '--config', config, '--profile-out', self.service.path('x.profile')),
                      ('restore', '--from', self.service.path('data'), '--config', config)):
            self.assertNotEqual(self.service.vasite(*words, wanted=None).returncode, 0, words)
        self.assert_kept()

    def test_4_a_hold_is_an_act_with_evidence(self):
        auditor = self.callers['auditor']
        act = auditor.json('POST', f'/v1/documents/{self.id}/hold', {'held': True, 'reason': 'iş 7'}, 201)
        self.assertEqual(act['event'], 'LegalHold')
        status, _, xml = auditor.call('GET', '/v1/evidence/' + act['evidence'], headers={'Accept': 'application/xml'})
        self.assertEqual(status, 200)
        self.assertIn('iş 7'.encode(), xml)
        self.assertEqual(self.alfa.call('GET', '/v1/evidence/' + act['evidence'])[0], 404)  # not for parties
        self.assertIn(self.id, [a['document'] for a in auditor.json('GET', '/v1/holds')['holds']])
        self.assertIn(self.id, self.service.vasite('--profile', self.callers['operator'].profile, 'hold'))
        self.service.vasite('--profile', auditor.profile, 'hold', self.id, '--lift', '--reason', 'iş bitdi')
        self.assertEqual(auditor.json('GET', '/v1/holds')['holds'], [])

    @unittest.skipUnless(FAKETIME, 'libfaketime is absent')
    def test_5_after_the_term_rows_and_bytes_are_gone(self):
        s, operator = self.service, self.callers['operator']
        self.assertTrue(all(self.found().values()), self.found())
        s.stop(signal.SIGKILL)  # what is acknowledged survives that, too
        asan = subprocess.run(['cc', '-print-file-name=libasan.so'], capture_output=True, text=True).stdout.strip()
        linked = subprocess.run(['ldd', os.path.join(s.build, 'vasited')], capture_output=True, text=True).stdout
        preload = ([os.path.realpath(asan)] if 'libasan' in linked else []) + [FAKETIME[0]]
        s.environment = {'LD_PRELOAD': ' '.join(preload), 'FAKETIME': '+230d', 'FAKETIME_DONT_FAKE_MONOTONIC': '1',
                         'DONT_FAKE_MONOTONIC': '1', 'ASAN_OPTIONS': 'detect_leaks=0'}
        # Certificates that are made at that time are not yet in force by the test's own clock.
        s.tls = lambda: ssl._create_unverified_context()
        s.start()
        # The clock jumped: nothing goes before an operator says that it is right.
        until(lambda: operator.json('GET', '/v1/retention')['doubted'], 'the jump is not noticed')
        self.assert_kept()
        self.assertEqual(self.callers['auditor'].call('POST', '/v1/retention/clock', b'{"reason":"x"}', 'application/json')[0], 403)
        clock = operator.json('POST', '/v1/retention/clock', {'reason': 'server dayanmışdı'}, 200)
        self.assertFalse(clock['doubted'])
        until(lambda: self.alfa.call('GET', f'/v1/documents/{self.id}')[0] == 404, 'the document is still there', 120)
        until(lambda: not any(self.found().values()), self.found, 120)
        deletions = [a for a in operator.json('GET', '/v1/acts')['acts'] if a['event'] == 'RetentionDeletion']
        self.assertEqual(sum(a['count'] for a in deletions), 1)
        status, _, xml = operator.call('GET', '/v1/evidence/' + deletions[0]['evidence'], headers={'Accept': 'application/xml'})
        self.assertEqual(status, 200)
        self.assertIn(b'RetentionDeletion', xml)
        s.stop(signal.SIGKILL)  # libfaketime distorts the timed waits of an orderly stop
        s.environment = {}
        out = s.vasite('check', '--config', s.path('vasite.yaml'))
        self.assertNotIn(self.id, out)
        self.assertFalse(any(self.found().values()), self.found())

    def found(self):
        """Which traces of the document are in any file of the data folder: segments, rows, log, free pages."""
        markers = {'content': CONTENT, 'subject': SUBJECT, 'file name': FILE}
        return {name: subprocess.run(['grep', '-rqaF', text, self.service.path('data')]).returncode == 0
                for name, text in markers.items()}


if __name__ == '__main__':
    unittest.main(verbosity=2)
