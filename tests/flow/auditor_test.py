#!/usr/bin/env python3
"""The supervising authority (Art. 31.4, 33.2.6): reads, changes nothing, opens content by an act, and takes a report that
public tools check."""
import base64
import hashlib
import json
import os
import subprocess
import unittest
import zipfile

from service import Service, until

PERIOD = 'from=2020-01-01T00:00:00Z&until=2200-01-01T00:00:00Z'


class Auditor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = s = Service()
        cls.addClassCleanup(s.close)
        s.prepare()
        s.start()
        cls.alfa = s.participant('voen:1234567891', 'Alfa MMC')
        cls.beta = s.participant('voen:9876543219', 'Beta ASC')
        cls.auditor = s.principal('', 'auditor', name='Müfəttiş')
        cls.second = s.principal('', 'auditor', name='İkinci müfəttiş')
        s.agreement(cls.alfa, cls.beta, forms='any', signature_class='none', signature_level='none')
        status, _, body = cls.alfa.call('POST', f'/v1/documents?to={cls.beta.identifier}', b'salam', 'text/plain')
        assert status == 201, body[:600]
        cls.id = json.loads(body)['id']

    def test_content_is_opened_by_an_act_for_who_began_it(self):
        path = f'/v1/documents/{self.id}/original'
        self.assertEqual(self.auditor.call('GET', f'/v1/documents/{self.id}')[0], 200)
        status, _, body = self.auditor.call('GET', path)
        self.assertEqual((status, json.loads(body)['type']), (403, 'urn:vasite:problem:inspection-first'))
        self.assertEqual(self.alfa.call('POST', f'/v1/documents/{self.id}/inspection', b'{"reason":"x"}', 'application/json')[0], 403)
        out = self.auditor.vasite('inspect', self.id, '--reason', 'şikayət 12')
        self.assertIn('Inspection', out)
        self.assertEqual(self.auditor.call('GET', path)[2], b'salam')
        self.assertEqual(self.second.call('GET', path)[0], 403)
        acts = self.auditor.json('GET', '/v1/acts')['acts']
        self.assertEqual([(a['event'], a['reason'], a['name']) for a in acts if a['document'] == self.id],
                         [('Inspection', 'şikayət 12', 'Müfəttiş')])
        # Parties do not see it among their evidence.
        events = [e['event'] for e in self.alfa.json('GET', f'/v1/documents/{self.id}/evidence')['evidence']]
        self.assertNotIn('Inspection', events)
        seen = [e['event'] for e in self.auditor.json('GET', f'/v1/documents/{self.id}/evidence')['evidence']]
        self.assertIn('Inspection', seen)

    def test_the_access_record_says_who_looked(self):
        self.beta.call('GET', f'/v1/documents/{self.id}/original')
        self.beta.call('GET', f'/v1/documents/{self.id}')

        def looked():
            record = self.auditor.json('GET', f'/v1/documents/{self.id}/accesses')['accesses']
            return {'original', 'status'} <= {e['what'] for e in record if e['participant']}
        until(looked, 'the access record stays empty')
        self.assertIn('original', self.auditor.vasite('access', self.id))
        for party in (self.alfa, self.beta):
            self.assertEqual(party.call('GET', f'/v1/documents/{self.id}/accesses')[0], 403)

    def test_reports_count(self):
        self.alfa.call('POST', '/v1/documents?to=voen:1111111111', b'kim', 'text/plain')  # refused
        report = self.auditor.json('GET', '/v1/report?' + PERIOD)
        self.assertEqual((report['documents'], report['deliveries'], report['refusals']), (1, 1, 1))
        self.assertEqual(sum(report['states'].values()), 1)
        self.assertEqual(sum(report['refusals_by_code'].values()), 1)
        self.assertEqual(report['service']['name'], 'Vasite test')
        self.assertEqual({p['identifier']: (p['sent'], p['received']) for p in report['participants']},
                         {self.alfa.identifier: (1, 0), self.beta.identifier: (0, 1)})
        empty = self.auditor.json('GET', '/v1/report?from=2020-01-01T00:00:00Z&until=2020-02-01T00:00:00Z')
        self.assertEqual((empty['documents'], empty['participants']), (0, []))
        for wrong in ('', 'from=2020-01-01T00:00:00Z', 'from=2021-01-01T00:00:00Z&until=2020-01-01T00:00:00Z'):
            self.assertEqual(self.auditor.call('GET', '/v1/report?' + wrong)[0], 400, wrong)
        self.assertEqual(self.alfa.call('GET', '/v1/report?' + PERIOD)[0], 403)

    def test_a_sealed_report_is_checked_without_the_service(self):
        path = self.service.path('report.asice')
        self.auditor.vasite('report', '--from', '2020-01-01T00:00:00Z', '--until', '2200-01-01T00:00:00Z', '-o', path)
        with zipfile.ZipFile(path) as container:
            report, evidence = container.read('report.json'), container.read('evidence.xml')
            container.extractall(self.service.path('report'))
        self.assertIn('checkpoint', json.loads(report)['journal'])
        self.assertIn(b'SupervisionReport', evidence)
        # By hand: the digest that the evidence states is the report's; the seal's signature value holds.
        self.assertIn(base64.b64encode(hashlib.sha256(report).digest()), evidence)
        verdict = self.service.vasite('verify', '--json', '--trust-anchor', self.root(), path, wanted=None)
        found = json.loads(verdict.stdout)
        self.assertNotEqual(found['indication'], 'TOTAL-FAILED', verdict.stdout)  # revocation data are asked for, offline
        self.assertEqual([(d['name'], d['covered']) for d in found['data']], [('evidence.xml', True), ('report.json', True)])
        with open(path, 'r+b') as f:
            data = bytearray(f.read())
            at = data.index(b'"documents":')
            data[at + 12] ^= 1
            f.seek(0)
            f.write(data)
        self.assertIn(self.service.vasite('verify', '--trust-anchor', self.root(), path, wanted=None).returncode, (1, 2))

    def root(self):
        path = self.service.path('root.pem')
        if not os.path.exists(path):
            der = self.service.call('GET', '/certificates/root.cer', plain=True)[2]
            subprocess.run(['openssl', 'x509', '-inform', 'DER', '-out', path], input=der, check=True)
        return path

    def test_the_authority_changes_nothing(self):
        for method, path, body in (('POST', '/v1/participants', b'{}'), ('POST', f'/v1/documents/{self.id}/acknowledgement', b'{}'),
                                   ('POST', '/v1/agreements', b'{}'), ('POST', '/v1/retention/clock', b'{"reason":"x"}'),
                                   ('POST', '/v1/documents', b'x')):
            self.assertEqual(self.auditor.call(method, path, body, 'application/json')[0], 403, path)


if __name__ == '__main__':
    unittest.main(verbosity=2)
