#!/usr/bin/env python3
"""The embedded centre over HTTP: OpenSSL's programs against it, its officers' calls, client certificates, and the time
marks of another service's centre taken in the place of its own."""
import os
import sys
import time
import unittest
import http.client

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'flow'))
from service import HOST, Service, free_ports, until  # noqa: E402
from public_tools_test import run  # noqa: E402


class Centre(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = s = Service()
        cls.addClassCleanup(s.close)
        s.__enter__()
        cls.operator = s.operator
        cls.alfa = s.participant('voen:1234567891', 'Alfa MMC')
        cls.base = f'http://{HOST}:{s.plain_port}'
        for name in ('root', 'issuing'):
            run('curl', '-fsS', '-o', s.path(name + '.der'), f'{cls.base}/certificates/{name}.cer')
            run('openssl', 'x509', '-inform', 'DER', '-in', s.path(name + '.der'), '-out', s.path(name + '.pem'))
        with open(s.path('pass'), 'w') as f:
            f.write('demo\n')

    def issue(self, *options, name='Leyla Əliyeva'):
        pem = self.service.path(f'{time.monotonic_ns()}.pem')
        out = self.operator.vasite('centre', 'issue', '--name', name, '-c', pem, *options)
        return out.strip(), pem

    def holder(self):
        return self.issue('--participant', 'voen:1234567891', '-p', self.service.path('pass'), '-o', self.service.path('h.p12'))

    def ocsp(self, pem):
        return run('openssl', 'ocsp', '-issuer', self.service.path('issuing.pem'), '-cert', pem, '-url', self.base + '/ocsp',
                   '-CAfile', self.service.path('root.pem'))

    def verifies(self, pem):
        """With the lists as they are now."""
        lists = []
        for name in ('issuing', 'root'):
            der, crl = self.service.path(name + '.crl.der'), self.service.path(name + '.crl')
            run('curl', '-fsS', '-o', der, f'{self.base}/crl/{name}.crl')
            run('openssl', 'crl', '-inform', 'DER', '-in', der, '-CAfile', self.service.path(name + '.pem'), '-out', crl)
            lists += ['-CRLfile', crl]
        out = run('openssl', 'verify', '-x509_strict', '-crl_check_all', *lists, '-CAfile', self.service.path('root.pem'),
                  '-untrusted', self.service.path('issuing.pem'), pem, wanted=None)
        return ': OK' in out

    # -- states ------------------------------------------------------------------------------
    def test_a_revocation_shows_at_once_in_ocsp_and_list(self):
        serial, pem = self.holder()
        self.assertIn(': good', self.ocsp(pem))
        self.assertTrue(self.verifies(pem))
        self.operator.vasite('centre', 'revoke', serial, '--ground', '14.1.3', '--reason', 'keyCompromise')
        out = self.ocsp(pem)
        self.assertIn(': revoked', out)
        self.assertIn('keyCompromise', out)
        self.assertFalse(self.verifies(pem))
        self.operator.vasite('centre', 'restore', serial, '--ground', 'x', wanted=None)
        self.assertIn(': revoked', self.ocsp(pem))

    def test_a_suspension_ends_when_its_asker_says_so(self):
        serial, pem = self.holder()
        self.operator.vasite('centre', 'suspend', serial, '--ground', 'lost', '--by', 'holder')
        self.assertIn('certificateHold', self.ocsp(pem))
        self.assertFalse(self.verifies(pem))
        out = self.operator.vasite('centre', 'restore', serial, '--ground', 'found', '--by', 'authority', wanted=None)
        self.assertNotEqual(out.returncode, 0)
        self.operator.vasite('centre', 'restore', serial, '--ground', 'it was at home', '--by', 'holder')
        self.assertIn(': good', self.ocsp(pem))
        self.assertTrue(self.verifies(pem))
        history = self.operator.json('GET', '/v1/certificates/' + serial)['history']
        self.assertEqual([e['event'] for e in history], ['issued', 'suspended', 'restored'])
        self.assertTrue(all(e['time_mark'] for e in history))

    # -- issuing -----------------------------------------------------------------------------
    def test_a_request_gets_a_certificate_for_its_own_key(self):
        key, request = self.service.path('own.key'), self.service.path('own.csr')
        run('openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', request,
            '-subj', '/CN=wish')
        _, pem = self.issue('-r', request, '--person-id', 'fin:7abcdef')
        mine = run('openssl', 'pkey', '-in', key, '-pubout')
        self.assertEqual(mine, run('openssl', 'x509', '-in', pem, '-noout', '-pubkey'))
        self.assertIn('PNOAZ-7ABCDEF', run('openssl', 'x509', '-in', pem, '-noout', '-subject'))
        self.assertTrue(self.verifies(pem))

    def test_wrong_calls_are_refused_and_enter_nothing(self):
        before = len(self.operator.json('GET', '/v1/certificates?limit=1000')['items'])
        for body, wanted in (({'kind': 'person', 'common_name': 'x'}, 400), ({'kind': 'king', 'common_name': 'x', 'passphrase': 'x'}, 400),
                             ({'common_name': 'x'}, 400), ({'kind': 'person', 'common_name': 'x', 'passphrase': 'x', 'days': 9999}, 400),
                             ({'kind': 'person', 'common_name': 'x', 'request': 'no PEM'}, 400),
                             ({'kind': 'person', 'common_name': 'x', 'passphrase': 'x', 'organisation_identifier': 'voen:1'}, 400)):
            self.operator.json('POST', '/v1/certificates', body, wanted=wanted)
        self.alfa.json('POST', '/v1/certificates', {'kind': 'person', 'common_name': 'x', 'passphrase': 'x'}, wanted=403)
        self.alfa.json('GET', '/v1/certificates', wanted=403)
        self.operator.json('GET', '/v1/certificates/00', wanted=404)
        self.assertEqual(before, len(self.operator.json('GET', '/v1/certificates?limit=1000')['items']))

    # -- client certificates -----------------------------------------------------------------
    def self_with(self, pem, key):
        context = self.service.tls()
        context.load_cert_chain(pem, key)
        connection = http.client.HTTPSConnection(HOST, self.service.tls_port, timeout=60, context=context)
        connection.request('GET', '/v1/self')
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body

    def test_a_client_certificate_calls_until_it_is_suspended(self):
        p12, key = self.service.path('c.p12'), self.service.path('c.key')
        serial, pem = self.issue('--kind', 'client', '--participant', 'voen:1234567891', '-p', self.service.path('pass'), '-o', p12,
                                 name='alfa system')
        run('openssl', 'pkcs12', '-in', p12, '-passin', 'pass:demo', '-nodes', '-nocerts', '-out', key)
        self.assertEqual(self.self_with(pem, key)[0], 401)
        with open(pem) as f:
            self.operator.json('POST', '/v1/principals', {'participant': 'voen:1234567891', 'name': 'alfa system', 'roles': ['sender'],
                                                          'certificate': f.read()})
        self.assertEqual(self.self_with(pem, key)[0], 200)
        self.operator.vasite('centre', 'suspend', serial, '--ground', 'lost')
        status, body = self.self_with(pem, key)
        self.assertEqual(status, 401)
        self.assertIn('credential-revoked', body)
        self.operator.vasite('centre', 'restore', serial, '--ground', 'found')
        self.assertEqual(self.self_with(pem, key)[0], 200)

    # -- bad input -----------------------------------------------------------------------------
    def test_what_is_no_question_gets_an_answer_of_its_protocol(self):
        call = self.service.call
        status, headers, body = call('POST', '/tsa', b'nonsense', 'application/timestamp-query', plain=True)
        self.assertEqual((status, headers['content-type']), (200, 'application/timestamp-reply'))
        with open(self.service.path('no.tsr'), 'wb') as f:
            f.write(body)
        self.assertIn('Rejected', run('openssl', 'ts', '-reply', '-in', self.service.path('no.tsr'), '-text'))
        status, headers, body = call('POST', '/ocsp', b'nonsense', 'application/ocsp-request', plain=True)
        self.assertEqual((status, body), (200, b'\x30\x03\x0a\x01\x01'))
        self.assertEqual(call('GET', '/ocsp/%21%21%21', plain=True)[2], b'\x30\x03\x0a\x01\x01')
        self.assertEqual(call('POST', '/tsa', b'x', 'text/plain', plain=True)[0], 415)
        self.assertEqual(call('GET', '/tsa', plain=True)[0], 405)
        self.assertEqual(call('POST', '/tsa', b'x' * 5000, 'application/timestamp-query', plain=True)[0], 413)
        for path in ('/crl/x.crl', '/crl/root', '/certificates/x.cer', '/certificates/root.crt', '/certificates/00.cer'):
            self.assertEqual(call('GET', path, plain=True)[0], 404, path)


class Outside(unittest.TestCase):
    def test_marks_come_from_another_centre_when_the_first_choice_is_dead(self):
        with Service() as other:
            dead = free_ports(1)[0]
            settings = {'time_marks': {'authorities': [f'http://{HOST}:{dead}/tsa', f'http://{HOST}:{other.plain_port}/tsa'], 'policy': 'wait'},
                        'trust': {'anchors': [other.path('data', 'centre', 'root.pem')]}, 'outgoing': {'private_ranges': ['127.0.0.0/8']}}
            with Service(settings) as s:
                alfa, beta = s.participant('voen:1234567891', 'Alfa MMC'), s.participant('voen:9876543219', 'Beta ASC')
                document = alfa.signed('Salam', 'B-B')
                status, _, body = alfa.call('POST', '/v1/documents?to=' + beta.identifier, document, 'application/vnd.etsi.asic-e+zip')
                self.assertEqual(status, 201, body)
                until(lambda: s.metrics()['vasite_batches_marked_total'] > 0, 'no mark came')
                _, _, tsa = other.call('GET', '/certificates/tsa.cer', plain=True)
                s.stop()
                self.assertTrue(self.in_rows(s, tsa), 'no mark of the other centre was kept')

    @staticmethod
    def in_rows(s, certificate):
        """A token holds its signer's certificate; a row may be split over pages: its last bytes suffice."""
        for name in os.listdir(s.path('data')):
            if name.startswith('vasite.db'):
                with open(s.path('data', name), 'rb') as f:
                    if certificate[-60:] in f.read():
                        return True
        return False


if __name__ == '__main__':
    unittest.main()
