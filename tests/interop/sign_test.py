#!/usr/bin/env python3
"""vasite sign without a service: keys made by openssl, containers judged by unzip, xmllint and xmlsec1."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ.get('VASITE_SOURCE') or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VASITE = os.path.join(os.environ.get('VASITE_BUILD') or os.path.join(SOURCE, 'build-debug'), 'vasite')
SCHEMAS = os.path.join(os.environ.get('VASITE_SHARED') or os.path.join(SOURCE, '..', 'shared'), 'schemas')
NAME = 'Müqavilə № 1 + əlavə.txt'
KEYS = {
    'p256': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
    'p384': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'],
    'rsa': ['-newkey', 'rsa:3072'],
}


class Sign(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='vasite-sign-')
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.write('pass', 'gizli söz\n')
        cls.write(NAME, 'Salam, dünya\n')
        cls.write('empty.bin', '')
        for name, options in KEYS.items():
            cls.run_ok('openssl', 'req', '-x509', *options, '-nodes', '-keyout', f'{name}.key', '-out', f'{name}.pem',
                       '-days', '30', '-subj', '/CN=Leyla/C=AZ', '-addext', 'keyUsage=critical,nonRepudiation')
            cls.run_ok('openssl', 'pkcs12', '-export', '-inkey', f'{name}.key', '-in', f'{name}.pem', '-out', f'{name}.p12',
                       '-passout', 'pass:gizli söz')

    @classmethod
    def path(cls, *parts):
        return os.path.join(cls.folder, *parts)

    @classmethod
    def write(cls, name, text):
        with open(cls.path(name), 'w') as f:
            f.write(text)

    @classmethod
    def run_any(cls, *command, cwd=None):
        environment = {**os.environ, 'XML_CATALOG_FILES': os.path.join(SCHEMAS, 'catalog.xml'), 'LC_ALL': 'C.UTF-8'}
        return subprocess.run(command, cwd=cwd or cls.folder, capture_output=True, text=True, env=environment)

    @classmethod
    def run_ok(cls, *command, cwd=None):
        out = cls.run_any(*command, cwd=cwd)
        if out.returncode != 0:
            raise AssertionError(f'{" ".join(command)}: {out.returncode}\n{out.stdout}{out.stderr}')
        return out.stdout

    def sign(self, key, out, *files, options=()):
        return self.run_ok(VASITE, 'sign', '--key', f'{key}.p12', '--passphrase-file', 'pass', '-o', out, *options, *files)

    def test_every_kind_of_key_is_accepted_by_public_tools(self):
        for key in KEYS:
            with self.subTest(key=key):
                out = f'{key}.asice'
                self.sign(key, out, NAME, 'empty.bin', options=['--role', 'Direktor <əsas> & "1"'])
                entries = self.run_ok('unzip', '-Z1', out).split('\n')
                self.assertEqual(entries[0], 'mimetype')
                self.assertIn('META-INF/manifest.xml', entries)
                listing = self.run_ok('unzip', '-Z', out)
                self.assertNotIn('defN', listing)
                inside = self.path(key)
                os.mkdir(inside)
                self.run_ok('unzip', '-q', self.path(out), cwd=inside)
                self.run_ok('xmlsec1', '--verify', '--id-attr:Id', 'http://uri.etsi.org/01903/v1.3.2#:SignedProperties',
                            '--trusted-pem', self.path(f'{key}.pem'), 'META-INF/signatures0.xml', cwd=inside)
                if os.path.isdir(SCHEMAS):
                    self.run_ok('xmllint', '--nonet', '--noout', '--schema', os.path.join(SCHEMAS, 'en_31916201v010101.xsd'),
                                'META-INF/signatures0.xml', cwd=inside)

    def test_a_changed_file_is_noticed(self):
        self.sign('p256', 'changed.asice', NAME)
        inside = self.path('changed')
        os.mkdir(inside)
        self.run_ok('unzip', '-q', self.path('changed.asice'), cwd=inside)
        with open(os.path.join(inside, NAME), 'a') as f:
            f.write(' ')
        out = self.run_any('xmlsec1', '--verify', '--id-attr:Id', 'http://uri.etsi.org/01903/v1.3.2#:SignedProperties',
                           '--trusted-pem', self.path('p256.pem'), 'META-INF/signatures0.xml', cwd=inside)
        self.assertNotEqual(out.returncode, 0)

    def test_json_says_what_was_written(self):
        answer = self.run_ok(VASITE, '--json', 'sign', '--key', 'p256.p12', '--passphrase-file', 'pass', '-o', 'json.asice', NAME)
        self.assertEqual(json.loads(answer), {'file': 'json.asice', 'signed_files': 1})

    def test_wrong_calls_say_what_is_wrong_and_write_nothing(self):
        for arguments, status in ((['--key', 'p256.p12', '-o', 'no.asice', NAME], 5),
                                  (['--key', 'p256.p12', '--passphrase-file', NAME, '-o', 'no.asice', NAME], 5),
                                  (['--key', NAME, '--passphrase-file', 'pass', '-o', 'no.asice', NAME], 5),
                                  (['--key', 'absent.p12', '--passphrase-file', 'pass', '-o', 'no.asice', NAME], 2),
                                  (['--key', 'p256.p12', '--passphrase-file', 'pass', '-o', 'no.asice', 'absent.txt'], 2),
                                  (['--key', 'p256.p12', '--passphrase-file', 'pass', '-o', 'no/no.asice', NAME], 2),
                                  (['--key', 'p256.p12', '--passphrase-file', 'pass', '-o', 'no.asice'], 2),
                                  (['--key', 'p256.p12', '--passphrase-file', 'pass', NAME], 2),
                                  (['--key', 'p256.p12', '--passphrase-file', 'pass', '--level', 'B-X', '-o', 'no.asice', NAME], 2),
                                  (['--key', 'p256.p12', '--passphrase-file', 'pass', '--level', 'B-T', '-o', 'no.asice', NAME], 2),
                                  (['--key', 'p256.p12', '--passphrase-file', 'pass', '--level', 'B-T', '--tsa', 'http://127.0.0.1:1/',
                                    '-o', 'no.asice', NAME], 4),
                                  (['--key', 'p256.p12', '--passphrase-file', 'pass', '-o', 'no.asice', NAME, NAME], None)):
            with self.subTest(arguments=arguments):
                out = self.run_any(VASITE, 'sign', *arguments)
                self.assertTrue(out.stderr)
                if status is None:
                    self.assertNotEqual(out.returncode, 0)
                else:
                    self.assertEqual(out.returncode, status, out.stderr)
                self.assertFalse(os.path.exists(self.path('no.asice')))
                self.assertFalse(os.path.exists(self.path('no.asice.new')))


if __name__ == '__main__':
    if not os.path.exists(VASITE):
        print('interop: build first:', VASITE, 'is absent', file=sys.stderr)
        sys.exit(77)
    unittest.main()
