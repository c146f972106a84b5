#!/usr/bin/env python3
"""Every form and level that vasite sign and vasite extend make, judged by vasite itself and by validators that we did not
write: the EU's DSS (where Java and its registry are at hand), openssl, pdfsig and xmlsec1."""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'flow'))
from service import HOST, SOURCE, Service  # noqa: E402

LEVELS = ('B-B', 'B-T', 'B-LT', 'B-LTA')
# form: input, ending, DSS's name of the family, whether the content stays outside
FORMS = {
    'asic-e': ('plan.txt', 'asice', 'XAdES', False),
    'asic-e-cades': ('plan.txt', 'asice', 'CAdES', False),
    'asic-s': ('plan.txt', 'asics', 'XAdES', False),
    'asic-s-cades': ('plan.txt', 'asics', 'CAdES', False),
    'xades': ('letter.xml', 'xml', 'XAdES', False),
    'xades-detached': ('plan.txt', 'xml', 'XAdES', True),
    'cades': ('plan.txt', 'p7m', 'CAdES', False),
    'cades-detached': ('plan.txt', 'p7s', 'CAdES', True),
    'pades': ('letter.pdf', 'pdf', 'PAdES', False),
}
PDF = b'''%PDF-1.4
1 0 obj
<< /Type /Catalog /Pages 2 0 R >>
endobj
2 0 obj
<< /Type /Pages /Count 1 /Kids [3 0 R] >>
endobj
3 0 obj
<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>
endobj
'''


def pdf():
    out, places = bytearray(PDF), []
    for n in (1, 2, 3):
        places.append(PDF.index(b'%d 0 obj' % n))
    at = len(out)
    out += b'xref\n0 4\n0000000000 65535 f \n' + b''.join(b'%010d 00000 n \n' % p for p in places)
    out += b'trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n' % at
    return bytes(out)


class Forms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.addClassCleanup(cls.service.close)
        cls.service.__enter__()
        cls.alfa = cls.service.participant('voen:1234567891', 'Alfa MMC')
        cls.work = cls.service.path('forms')
        os.mkdir(cls.work)
        cls.tsa = f'http://{HOST}:{cls.service.plain_port}/tsa'
        for name, content in (('plan.txt', 'Plan: Gəncə, Şəki\n'.encode()), ('letter.pdf', pdf()),
                              ('letter.xml', '<?xml version="1.0"?>\n<!-- məktub -->\n<l:Letter xmlns:l="urn:x"  b="2" a="1">\n'
                                             '  <To>Bakı</To><Empty/>\n</l:Letter>\n'.encode())):
            with open(cls.path(name), 'wb') as f:
                f.write(content)
        subprocess.run(['curl', '-fsS', '-o', cls.path('root.der'), f'http://{HOST}:{cls.service.plain_port}/certificates/root.cer'],
                       check=True)
        subprocess.run(['openssl', 'x509', '-inform', 'DER', '-in', cls.path('root.der'), '-out', cls.path('root.pem')], check=True)
        cls.files = {(form, level): cls.sign(form, level) for form in FORMS for level in LEVELS}

    @classmethod
    def path(cls, name):
        return os.path.join(cls.work, name)

    @classmethod
    def sign(cls, form, level, *options):
        source, ending, _, _ = FORMS[form]
        key, passphrase = cls.alfa.key()
        out = cls.path(f'{form}-{level}.{ending}')
        cls.service.vasite('sign', '--key', key, '--passphrase-file', passphrase, '--form', form, '--level', level, '--tsa', cls.tsa,
                           *options, '-o', out, cls.path(source))
        return out

    def verdict(self, form, file):
        source, _, _, detached = FORMS[form]
        content = ['--content', self.path(source)] if detached else []
        out = self.service.vasite('verify', '--json', '--trust-anchor', self.path('root.pem'), *content, file, wanted=None)
        return json.loads(out.stdout)

    def judge(self, *arguments):
        out = subprocess.run([os.path.join(SOURCE, 'tests', 'interop', 'dss', 'judge'), '--anchor', self.path('root.pem'), *arguments],
                             capture_output=True, text=True)
        if out.returncode == 77:
            print('interop: DSS DID NOT RUN:', out.stderr.strip(), file=sys.stderr)
            self.skipTest('DSS is not at hand')
        self.assertEqual(out.returncode, 0, out.stderr)
        return [line.split('\t') for line in out.stdout.splitlines()]

    # -- ourselves ---------------------------------------------------------------------------
    def test_each_form_has_the_level_that_was_asked_for(self):
        for (form, level), file in self.files.items():
            with self.subTest(form=form, level=level):
                report = self.verdict(form, file)
                self.assertEqual(len(report['signatures']), 1, report)
                family = FORMS[form][2]
                self.assertEqual(report['signatures'][0]['level'], f'{family}-{level}', report)
                if level in ('B-LT', 'B-LTA'):  # offline: the lower ones lack revocation data
                    self.assertEqual(report['indication'], 'TOTAL-PASSED', report)

    def test_a_lower_level_is_raised_to_a_higher_one(self):
        for form in FORMS:
            source, ending, family, detached = FORMS[form]
            content = ['--content', self.path(source)] if detached else []
            for low, high in (('B-T', 'B-LT'), ('B-B', 'B-LTA')):
                with self.subTest(form=form, low=low, high=high):
                    out = self.path(f'raised.{ending}')
                    self.service.vasite('extend', '--level', high, '--tsa', self.tsa, *content, '-o', out, self.files[form, low])
                    report = self.verdict(form, out)
                    self.assertEqual((report['indication'], report['signatures'][0]['level']),
                                     ('TOTAL-PASSED', f'{family}-{high}'), report)

    def test_a_time_mark_alone_is_an_asic_s(self):
        out = self.path('plan.asics')
        self.service.vasite('timestamp', '--tsa', self.tsa, '-o', out, self.path('plan.txt'))
        report = json.loads(self.service.vasite('verify', '--json', '--trust-anchor', self.path('root.pem'), out, wanted=None).stdout)
        self.assertEqual(len(report['timestamps']), 1, report)
        for line in self.judge(out):
            self.assertIn(line[2], ('PASSED', 'TOTAL_PASSED'), line)

    def test_what_cannot_be_done_is_said_and_writes_nothing(self):
        key, passphrase = self.alfa.key()
        call = ['sign', '--key', key, '--passphrase-file', passphrase, '-o', self.path('never')]
        for arguments in (['--form', 'word', self.path('plan.txt')], ['--level', 'B-T', self.path('plan.txt')],
                          ['--form', 'pades', self.path('plan.txt')], ['--form', 'xades', self.path('plan.txt')],
                          ['--form', 'xades', self.files['xades', 'B-B']],
                          ['--form', 'cades', self.path('plan.txt'), self.path('letter.xml')]):
            out = self.service.vasite(*call, *arguments, wanted=None)
            self.assertNotEqual(out.returncode, 0, arguments)
            self.assertFalse(os.path.exists(self.path('never')), arguments)

    # -- others ------------------------------------------------------------------------------
    def test_dss_passes_each_form_at_each_level(self):
        groups = {}
        for (form, level), file in self.files.items():
            groups.setdefault(FORMS[form][0] if FORMS[form][3] else '', []).append((form, level, file))
        for content, members in groups.items():
            arguments = ['--content', self.path(content)] if content else []
            lines = self.judge(*arguments, *(file for _, _, file in members))
            for form, level, file in members:
                with self.subTest(form=form, level=level):
                    mine = [x for x in lines if x[0] == os.path.basename(file)]
                    signatures = [x for x in mine if x[1] == 'signature']
                    self.assertEqual(len(signatures), 1, mine)
                    self.assertEqual(signatures[0][2], 'TOTAL_PASSED', mine)
                    self.assertEqual(signatures[0][4], f'{FORMS[form][2]}-BASELINE-{level[2:]}', mine)
                    for line in mine:
                        self.assertIn(line[2], ('PASSED', 'TOTAL_PASSED'), line)

    def test_pdfsig_and_qpdf_find_nothing_wrong(self):
        for level in LEVELS:
            file = self.files['pades', level]
            out = subprocess.run(['pdfsig', '-nocert', file], capture_output=True, text=True)
            self.assertIn('Signature is Valid', out.stdout)
            self.assertIn('Total document signed' if level == 'B-B' else 'Signature is Valid', out.stdout)
            self.assertEqual(subprocess.run(['qpdf', '--check', file], capture_output=True).returncode, 0)

    def test_openssl_verifies_cms(self):
        for form in ('cades', 'cades-detached'):
            content = ['-content', self.path('plan.txt')] if form == 'cades-detached' else []
            for level in LEVELS:
                out = subprocess.run(['openssl', 'cms', '-verify', '-cades', '-binary', '-inform', 'DER', '-in', self.files[form, level],
                                      *content, '-CAfile', self.path('root.pem'), '-purpose', 'any'], capture_output=True)
                self.assertEqual(out.returncode, 0, out.stderr)
                with open(self.path('plan.txt'), 'rb') as f:
                    self.assertEqual(out.stdout, f.read())

    def test_xmlsec1_verifies_xades(self):
        issuing = self.path('issuing.pem')
        subprocess.run(['curl', '-fsS', '-o', self.path('issuing.der'), f'http://{HOST}:{self.service.plain_port}/certificates/issuing.cer'],
                       check=True)
        subprocess.run(['openssl', 'x509', '-inform', 'DER', '-in', self.path('issuing.der'), '-out', issuing], check=True)
        for form in ('xades', 'xades-detached'):
            for level in LEVELS:
                out = subprocess.run(['xmlsec1', '--verify', '--id-attr:Id', 'http://uri.etsi.org/01903/v1.3.2#:SignedProperties',
                                      '--trusted-pem', self.path('root.pem'), '--untrusted-pem', issuing, self.files[form, level]],
                                     capture_output=True, text=True, cwd=self.work)
                self.assertEqual(out.returncode, 0, out.stdout + out.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
