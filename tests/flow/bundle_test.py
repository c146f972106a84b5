#!/usr/bin/env python3
"""An archivist's way: vasite export from a running service, vasite verify-bundle without one, and the commands of the
bundle's own readme.txt as a stranger would run them."""
import json
import os
import subprocess
import sys
import tarfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from service import HOST, Service  # noqa: E402

VASITE = os.path.join(os.environ.get('VASITE_BUILD', 'build-debug'), 'vasite')


def run(*command, wanted=0, **more):
    out = subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)
    if wanted is not None and out.returncode != wanted:
        raise AssertionError(f'{" ".join(map(str, command))}: {out.returncode}\n{(out.stdout + out.stderr)[-3000:]}')
    return out


def commands_of(readme):
    """What is indented by four spaces is the script (formats/bundle/readme.c)."""
    with open(readme, encoding='utf-8') as f:
        return ''.join(line[4:] for line in f if line.startswith('    '))


class Bundles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.addClassCleanup(cls.service.close)
        cls.service.__enter__()
        s = cls.service
        cls.alfa = s.participant('voen:1234567891', 'Alfa MMC')
        cls.beta = s.participant('voen:9876543219', 'Beta ASC')
        cls.work = s.path('work')
        os.mkdir(cls.work)
        cls.root = cls.path('root.pem')
        der = cls.path('root.der')
        run('curl', '-fsS', '-o', der, f'http://{HOST}:{s.plain_port}/certificates/root.cer')
        run('openssl', 'x509', '-inform', 'DER', '-in', der, '-out', cls.root)
        cls.ids = []
        for level in ('B-B', 'B-T', 'B-LT'):
            file = cls.path(level + '.asice')
            with open(file, 'wb') as f:
                f.write(cls.alfa.signed(f'Müqavilə {level}', level, name='Müqavilə № 1.txt'))
            cls.ids.append(cls.alfa.vasite('send', '--to', cls.beta.identifier, '--subject', '=Müqavilə', file).split()[0])
        cls.beta.vasite('inbox', '--wait', '20')
        cls.beta.vasite('get', cls.ids[0], '-o', cls.path('got'))
        cls.beta.vasite('ack', cls.ids[0])
        cls.wait_for(cls.ids[0], 'AcknowledgementReachedSender')
        for document in cls.ids:
            cls.wait_for(document, 'ContentConsignment')

    @classmethod
    def wait_for(cls, document, event):
        import time
        for _ in range(300):
            pieces = cls.alfa.json('GET', f'/v1/documents/{document}/evidence')
            if event in str(pieces) and all(p.get('marked', True) for p in pieces['evidence']):
                return
            time.sleep(0.1)
        raise AssertionError(f'no {event}: {pieces}')

    @classmethod
    def path(cls, *parts):
        return os.path.join(cls.work, *parts)

    def export(self, name, *options, caller=None):
        file = self.path(name)
        (caller or self.alfa).vasite('export', '-o', file, *options)
        return file

    def verify(self, path, wanted=0, anchor=True):
        out = run(VASITE, 'verify-bundle', '--json', *(['--trust-anchor', self.root] if anchor else []), path, wanted=wanted)
        return json.loads(out.stdout)

    def unpack(self, file):
        folder = file + '.folder'
        os.makedirs(folder)
        run('unzip', '-qq', file, '-d', folder) if file.endswith('.zip') else run('tar', '-C', folder, '--zstd', '-xf', file)
        (only,) = os.listdir(folder)
        return os.path.join(folder, only)

    def test_a_bundle_verifies_packed_and_unpacked_without_the_service(self):
        for name, options in (('all.tar.zst', []), ('all.zip', ['--format', 'zip'])):
            file = self.export(name, *options)
            for path in (file, self.unpack(file)):
                verdict = self.verify(path)
                self.assertTrue(verdict['holds'] and verdict['determined'], verdict)
                self.assertEqual(verdict['documents'], 3)
                self.assertEqual(verdict['warnings'], [])
                self.assertIn('Vasite', verdict['service'])

    def test_the_commands_of_its_readme_work_and_find_a_change(self):
        folder = self.unpack(self.export('readme.tar.zst'))
        script = commands_of(os.path.join(folder, 'readme.txt'))
        out = run('sh', '-c', script, cwd=folder)
        self.assertTrue(out.stdout.endswith('OK\n'), out.stdout + out.stderr)
        self.assertTrue(self.verify(folder)['holds'])  # they leave nothing behind
        documents = os.path.join(folder, 'data', 'documents')
        changed = os.path.join(documents, sorted(os.listdir(documents))[-1], 'evidence')
        # Each stage by itself: with the manifests made to fit, the later ones must find it.
        for name in sorted(os.listdir(changed)):
            path = os.path.join(changed, name)
            with open(path, 'rb') as f:
                content = f.read()
            place = content.index(b'"leaf": "') + 20 if name.endswith('.json') else len(content) // 2
            with open(path, 'wb') as f:
                f.write(content[:place] + bytes([content[place] ^ 1]) + content[place + 1:])
            fitting = script.replace('sha256sum -c --quiet --strict', 'true')
            self.assertNotEqual(0, run('sh', '-c', fitting, cwd=folder, wanted=None).returncode, name)
            self.assertEqual(self.verify(folder, wanted=1)['finding']['path'], os.path.relpath(path, folder))
            with open(path, 'wb') as f:
                f.write(content)
        run('sh', '-c', script, cwd=folder)

    def test_a_packed_bundle_with_a_changed_octet_does_not_hold(self):
        for name, options in (('octet.tar.zst', []), ('octet.zip', ['--format', 'zip'])):
            file = self.export(name, *options)
            with open(file, 'rb') as f:
                content = bytearray(f.read())
            for place in range(100, len(content), len(content) // 12):
                changed = bytearray(content)
                changed[place] ^= 1
                with open(file, 'wb') as f:
                    f.write(changed)
                verdict = self.verify(file, wanted=1)
                self.assertFalse(verdict['holds'])
                self.assertTrue(verdict['finding']['text'])

    def test_hostile_archives_are_refused_and_write_nothing(self):
        def one(name, **fields):
            entry = tarfile.TarInfo(name)
            for key, value in fields.items():
                setattr(entry, key, value)
            return entry
        samples = {
            'traversal': [one('x/../../escaped')],
            'absolute': [one('/tmp/escaped')],
            'link': [one('x/data/a', type=tarfile.SYMTYPE, linkname='/etc/passwd')],
            'hard link': [one('x/bagit.txt'), one('x/data/a', type=tarfile.LNKTYPE, linkname='x/bagit.txt')],
            'device': [one('x/data/a', type=tarfile.CHRTYPE, devmajor=1, devminor=3)],
            'pipe': [one('x/data/a', type=tarfile.FIFOTYPE)],
            'twice': [one('x/data/a'), one('x/data/a')],
            'case': [one('x/data/a'), one('x/data/A')],
            'two folders': [one('x/data/a'), one('y/data/b')],
            'no folder': [one('bagit.txt')],
            'control': [one('x/data/a\nb')],
            'unicode': [one('x/data/ə')],
        }
        for name, entries in samples.items():
            file = self.path('hostile.tar')
            with tarfile.open(file, 'w', format=tarfile.PAX_FORMAT) as archive:
                for entry in entries:
                    archive.addfile(entry)
            before = sorted(os.listdir(self.work))
            verdict = self.verify(file, wanted=1)
            self.assertFalse(verdict['holds'], name)
            self.assertIn(verdict['finding']['rule'], ('form', 'extra-file'), name)
            self.assertEqual(sorted(os.listdir(self.work)), before)
        bomb = self.path('bomb.tar')
        with open(bomb, 'wb') as f:
            f.truncate(3 << 30)
        with tarfile.open(self.path('bomb'), 'w') as archive:
            archive.addfile(one('x/data/zeros'))
        entry = one('x/data/zeros', size=(3 << 30) - 1024)
        with open(bomb, 'r+b') as f:
            f.write(entry.tobuf())
        run('zstd', '-q', '-19', '--long=27', '-f', bomb, '-o', bomb + '.zst')
        os.remove(bomb)
        verdict = self.verify(bomb + '.zst', wanted=1)
        self.assertIn('unpacks to more', verdict['finding']['text'])

    def test_what_is_no_bundle_is_said_so(self):
        file = self.path('no.txt')
        with open(file, 'w') as f:
            f.write('salam')
        self.assertEqual(1, run(VASITE, 'verify-bundle', file, wanted=None).returncode)
        self.assertEqual(2, run(VASITE, 'verify-bundle', self.path('absent'), wanted=None).returncode)
        empty = self.path('empty')
        os.mkdir(empty)
        self.assertEqual(self.verify(empty, wanted=1)['finding']['rule'], 'missing-file')

    def test_without_an_anchor_it_warns(self):
        verdict = self.verify(self.export('warn.tar.zst'), anchor=False)
        self.assertEqual(len(verdict['warnings']), 1)

    def test_one_document_and_a_period(self):
        file = self.export('one.tar.zst', '--document', self.ids[1])
        self.assertEqual(self.verify(file)['documents'], 1)
        file = self.export('none.tar.zst', '--until', '2020-01-01T00:00:00Z')
        self.assertEqual(self.verify(file)['documents'], 0)

    def test_indexes_read_as_tables_and_hold_no_formula(self):
        import csv
        folder = self.unpack(self.export('index.tar.zst'))
        with open(os.path.join(folder, 'index.csv'), encoding='utf-8', newline='') as f:
            rows = list(csv.DictReader(f))
        self.assertEqual([r['id'] for r in rows], sorted(self.ids))
        self.assertTrue(all(r['subject'] == "'=Müqavilə" for r in rows), rows)
        run('xmllint', '--html', '--noout', os.path.join(folder, 'index.html'))
        for row in rows:
            self.assertTrue(os.path.isdir(os.path.join(folder, row['folder'])))

    def test_only_archivists_and_auditors_ask_for_bundles_and_see_their_own(self):
        body = json.dumps({'document': self.ids[0]})
        call = self.service.call
        status, _, answer = call('POST', '/v1/exports', body, 'application/json', token=self.alfa.token)
        self.assertEqual(status, 202, answer)
        path = f'/v1/exports/{json.loads(answer)["id"]}'
        sender = self.service.principal(self.alfa.identifier, roles='sender,recipient', name='Katib')
        auditor = self.service.principal('', roles='auditor', name='Nəzarət')
        self.assertEqual(call('GET', path, token=self.alfa.token)[0], 200)
        for who, wanted in ((sender, 403), (self.beta, 404), (auditor, 404), (self.service.operator, 403)):
            for rest in ('', '/bundle'):
                self.assertEqual(call('GET', path + rest, token=who.token)[0], wanted, (who.identifier, rest))
        # Of somebody else's document: as an unknown one.
        other = self.service.participant('voen:1111111118', 'Qamma MMC')
        self.assertEqual(call('POST', '/v1/exports', body, 'application/json', token=other.token)[0], 404)
        file = self.export('other.tar.zst', caller=other)
        self.assertEqual(self.verify(file)['documents'], 0)
        # The supervising authority has all, or those of one participant (Art. 31.4).
        why = ('--reason', 'yoxlama № 7')
        auditor.vasite('export', '-o', self.path('why'), wanted=1)
        for options in ([], ['--participant', self.beta.identifier]):
            file = self.export('auditor.tar.zst', *why, *options, caller=auditor)
            self.assertEqual(self.verify(file)['documents'], 3)
        file = self.export('nobody.tar.zst', *why, '--participant', other.identifier, caller=auditor)
        self.assertEqual(self.verify(file)['documents'], 0)


if __name__ == '__main__':
    unittest.main(verbosity=2)
