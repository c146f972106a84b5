#!/usr/bin/env python3
"""What the service emits, judged by tools that we did not write: openssl, xmlsec1, xmllint with the standards' schemas,
unzip, and the EU's DSS where Java and its registry are at hand."""
import glob
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'flow'))
from service import ASIC_E, HOST, SHARED, SOURCE, Service, until  # noqa: E402

SCHEMAS = os.path.join(SHARED, 'schemas')
HAVE_SCHEMAS = os.path.isdir(SCHEMAS)
if not HAVE_SCHEMAS:
    print('interop: NO SCHEMAS at', SCHEMAS, '- what needs them is not checked (set VASITE_SHARED)', file=sys.stderr)


def run(*command, wanted=0, cwd=None):
    out = subprocess.run([str(c) for c in command], capture_output=True, text=True, cwd=cwd)
    text = out.stdout + out.stderr
    if wanted is not None and out.returncode != wanted:
        raise AssertionError(f'{" ".join(map(str, command))}: {out.returncode}\n{text[-3000:]}')
    return text


class PublicTools(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.addClassCleanup(cls.service.close)
        cls.service.__enter__()
        s = cls.service
        cls.alfa = s.participant('voen:1234567891', 'Alfa MMC')
        cls.beta = s.participant('voen:9876543219', 'Beta ASC')
        cls.qamma = s.participant('voen:1111111118', 'Qamma MMC')
        s.agreement(cls.alfa, cls.qamma, marks='batch')
        cls.work = s.path('work')
        os.mkdir(cls.work)
        cls.base = f'http://{HOST}:{s.plain_port}'
        for name, file in (('root', 'root'), ('issuing', 'issuing')):
            run('curl', '-fsS', '-o', cls.path(name + '.der'), f'{cls.base}/certificates/{file}.cer')
            run('openssl', 'x509', '-inform', 'DER', '-in', cls.path(name + '.der'), '-out', cls.path(name + '.pem'))
        cls.documents = {}
        for level in ('B-B', 'B-T', 'B-LT'):
            path = cls.path(f'{level}.asice')
            with open(path, 'wb') as f:
                f.write(cls.alfa.signed(f'Müqavilə {level}', level, name='Müqavilə № 1.txt'))
            cls.documents[level] = path
        cls.sent = {}
        for name, to in (('document', cls.beta), ('batch', cls.qamma)):
            out = cls.alfa.vasite('send', '--to', to.identifier, '--subject', 'Müqavilə', cls.documents['B-LT']).split()
            cls.sent[name] = out[0]
            to.vasite('inbox', '--wait', '20')
            to.vasite('get', out[0], '-o', cls.path(name + '.original'))
            to.vasite('ack', out[0])
            cls.wait_for_evidence(out[0], 'AcknowledgementReachedSender')
            to.vasite('get', out[0], '--consignment', '-o', cls.path(name + '.consignment.asice'))
            for form in ('xml', 'asic'):
                folder = cls.path(f'{name}.{form}')
                os.mkdir(folder)
                cls.alfa.vasite('evidence', out[0], *(['--asic'] if form == 'asic' else []), '-o', folder)

    @classmethod
    def wait_for_evidence(cls, document, event):
        def there():
            pieces = cls.alfa.json('GET', f'/v1/documents/{document}/evidence')
            return event in str(pieces) and all(p.get('marked', True) for p in pieces.get('evidence', []))
        until(there, f'no {event}')

    @classmethod
    def path(cls, *parts):
        return os.path.join(cls.work, *parts)

    def evidence_files(self):
        files = [f for name in self.sent for f in glob.glob(self.path(name + '.xml', '*.xml'))]
        self.assertGreaterEqual(len(files), 10)
        return files

    # -- the embedded centre ---------------------------------------------------------------
    def test_openssl_verifies_time_marks_of_the_tsa(self):
        data = self.path('data')
        with open(data, 'w') as f:
            f.write('salam')
        for digest in ('sha256', 'sha384', 'sha512'):
            query, answer = self.path('q.tsq'), self.path('a.tsr')
            run('openssl', 'ts', '-query', '-data', data, '-' + digest, '-cert', '-out', query)
            run('curl', '-fsS', '-H', 'Content-Type: application/timestamp-query', '--data-binary', '@' + query, '-o', answer, self.base + '/tsa')
            run('openssl', 'ts', '-verify', '-queryfile', query, '-in', answer, '-CAfile', self.path('root.pem'), '-untrusted', self.path('issuing.pem'))
            with open(data + '.other', 'w') as f:
                f.write('saIam')
            run('openssl', 'ts', '-verify', '-data', data + '.other', '-in', answer, '-CAfile', self.path('root.pem'),
                '-untrusted', self.path('issuing.pem'), wanted=1)

    def holder_pem(self):
        key, passphrase = self.alfa.key()
        pem = self.path('alfa.pem')
        run('openssl', 'pkcs12', '-in', key, '-passin', 'file:' + passphrase, '-nokeys', '-clcerts', '-out', pem)
        return pem

    def test_openssl_reads_ocsp_by_post_and_get(self):
        pem = self.holder_pem()
        out = run('openssl', 'ocsp', '-issuer', self.path('issuing.pem'), '-cert', pem, '-url', self.base + '/ocsp', '-CAfile', self.path('root.pem'))
        self.assertIn(': good', out)
        self.assertIn('Response verify OK', out)
        run('openssl', 'ocsp', '-issuer', self.path('issuing.pem'), '-cert', pem, '-no_nonce', '-reqout', self.path('ocsp.req'))
        with open(self.path('ocsp.req'), 'rb') as f:
            import base64
            import urllib.parse
            request = urllib.parse.quote(base64.b64encode(f.read()).decode(), safe='')
        run('curl', '-fsS', '-o', self.path('ocsp.resp'), f'{self.base}/ocsp/{request}')
        out = run('openssl', 'ocsp', '-respin', self.path('ocsp.resp'), '-reqin', self.path('ocsp.req'), '-issuer', self.path('issuing.pem'),
                  '-cert', pem, '-CAfile', self.path('root.pem'))
        self.assertIn(': good', out)

    def test_openssl_checks_the_chain_with_the_crls_that_the_certificates_name(self):
        pem = self.holder_pem()
        text = run('openssl', 'x509', '-in', pem, '-noout', '-text')
        self.assertIn('Non Repudiation', text)
        for holder, out in ((pem, 'issuing.crl'), (self.path('issuing.pem'), 'root.crl')):
            text = run('openssl', 'x509', '-in', holder, '-noout', '-ext', 'crlDistributionPoints')
            url = text.split('URI:')[1].split()[0]
            run('curl', '-fsS', '-o', self.path(out + '.der'), url)
            run('openssl', 'crl', '-inform', 'DER', '-in', self.path(out + '.der'), '-out', self.path(out))
        run('openssl', 'verify', '-crl_check_all', '-CRLfile', self.path('issuing.crl'), '-CRLfile', self.path('root.crl'),
            '-CAfile', self.path('root.pem'), '-untrusted', self.path('issuing.pem'), pem)

    # -- evidence --------------------------------------------------------------------------
    def test_xmlsec1_verifies_the_signature_of_each_piece_of_evidence_and_refuses_a_changed_one(self):
        command = ['xmlsec1', '--verify', '--trusted-pem', self.path('root.pem'), '--untrusted-pem', self.path('issuing.pem'),
                   '--enabled-key-data', 'x509', '--id-attr:Id', 'http://uri.etsi.org/01903/v1.3.2#:SignedProperties']
        for f in self.evidence_files():
            run(*command, f)
        with open(f, encoding='utf-8') as source:
            text = source.read()
        with open(self.path('changed.xml'), 'w', encoding='utf-8') as out:
            out.write(text.replace('Alfa MMC', 'Alfa MMS', 1))
        self.assertNotEqual(0, subprocess.run([*command, self.path('changed.xml')], capture_output=True).returncode)

    @unittest.skipUnless(HAVE_SCHEMAS, 'no schemas')
    def test_xmllint_finds_evidence_and_signatures_valid_by_the_schemas(self):
        os.environ['XML_CATALOG_FILES'] = os.path.join(SCHEMAS, 'catalog.xml')
        run('xmllint', '--nonet', '--noout', '--schema', 'erds-evidence.xsd', *self.evidence_files(), cwd=SCHEMAS)
        for f in self.evidence_files():
            properties = self.path('properties.xml')
            text = run('xmllint', '--xpath', "//*[local-name()='QualifyingProperties']", f)
            with open(properties, 'w', encoding='utf-8') as out:
                out.write(text)
            run('xmllint', '--nonet', '--noout', '--schema', 'XAdES01903v132-202407.xsd', properties, cwd=SCHEMAS)
        for name in self.sent:
            seal = run('unzip', '-p', self.path(name + '.consignment.asice'), 'META-INF/signatures0.xml')
            with open(self.path('seal.xml'), 'w', encoding='utf-8') as out:
                out.write(seal)
            run('xmllint', '--nonet', '--noout', '--schema', 'en_31916201v010101.xsd', self.path('seal.xml'), cwd=SCHEMAS)

    # -- containers ------------------------------------------------------------------------
    def test_unzip_sees_mimetype_first_stored_and_without_extra_field(self):
        containers = [self.path(n + '.consignment.asice') for n in self.sent] + list(self.documents.values())
        containers += [f for n in self.sent for f in glob.glob(self.path(n + '.asic', '*'))]
        self.assertGreater(len(containers), 10)
        for path in containers:
            run('unzip', '-tqq', path)
            first = run('unzip', '-Zv', path).split('Central directory entry #2')[0]
            self.assertIn('mimetype', first)
            self.assertRegex(first, r'compression method:\s+none \(stored\)')
            self.assertRegex(first, r'length of extra field:\s+0 bytes')
            with open(path, 'rb') as f:
                head = f.read(80)
            self.assertEqual(head[30:38], b'mimetype')
            self.assertEqual(head[28:30], b'\0\0')
            self.assertTrue(head[38:].startswith(b'application/vnd.etsi.asic-'))

    def test_the_consignment_holds_the_original_bit_for_bit(self):
        for name in self.sent:
            folder = self.path(name + '.unpacked')
            run('unzip', '-qq', '-o', self.path(name + '.consignment.asice'), '-d', folder)
            with open(self.documents['B-LT'], 'rb') as f:
                wanted = f.read()
            found = [p for p in glob.glob(folder + '/*') if os.path.isfile(p) and open(p, 'rb').read() == wanted]
            self.assertEqual(len(found), 1, os.listdir(folder))

    # -- the EU's DSS ------------------------------------------------------------------------
    def judge(self, *files):
        out = subprocess.run([os.path.join(SOURCE, 'tests', 'interop', 'dss', 'judge'), '--anchor', self.path('root.pem'), *files],
                             capture_output=True, text=True)
        if out.returncode == 77:
            print('interop: DSS DID NOT RUN:', out.stderr.strip(), file=sys.stderr)
            self.skipTest('DSS is not at hand')
        self.assertEqual(out.returncode, 0, out.stderr)
        return [line.split('\t') for line in out.stdout.splitlines()]

    def test_dss_passes_documents_consignments_and_evidence(self):
        files = list(self.documents.values()) + [self.path(n + '.consignment.asice') for n in self.sent] + self.evidence_files()
        lines = self.judge(*files)
        signatures = [x for x in lines if x[1] == 'signature']
        self.assertGreaterEqual(len(signatures), len(files))
        for line in lines:
            self.assertIn(line[2], ('TOTAL_PASSED', 'PASSED'), line)
        self.assertIn(('batch.consignment.asice', 'evidence-record'), {(x[0], x[1]) for x in lines})
        levels = {x[0]: x[4] for x in signatures}
        for level in ('B-B', 'B-T', 'B-LT'):
            self.assertEqual(levels[level + '.asice'], 'XAdES-BASELINE-' + level[2:])

    def test_dss_passes_the_evidence_records_of_batches(self):
        files = [f for n in self.sent for f in glob.glob(self.path(n + '.asic', '*'))]
        lines = self.judge(*files)
        records = [x for x in lines if x[1] == 'evidence-record']
        self.assertEqual(len(records), len(files), lines)
        for line in records:
            self.assertEqual(line[2], 'PASSED', line)


if __name__ == '__main__':
    unittest.main(verbosity=2)
