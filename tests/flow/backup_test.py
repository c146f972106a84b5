#!/usr/bin/env python3
"""Backup under load, restore with a new log, and every way to make two logs out of one: refused."""
import base64
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import threading
import time
import unittest
import zipfile

from service import Failed, Service


def read(path, mode='r'):
    with open(path, mode) as f:
        return f.read()


def write(path, content):
    with open(path, 'wb') as f:
        f.write(content if isinstance(content, bytes) else content.encode())


def checkpoint(note):
    """(origin, size, root) of a signed note."""
    origin, size, root = note.split('\n')[:3]
    return origin, int(size), base64.b64decode(root)


def root_of(place):
    """The root that a proof of inclusion leads to (RFC 9162, 2.1.3.2), by hand."""
    fn, sn, node = place['index'], place['size'] - 1, bytes.fromhex(place['leaf'])
    for text in place['hashes']:
        p = bytes.fromhex(text)
        if fn & 1 or fn == sn:
            node = hashlib.sha256(b'\x01' + p + node).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = hashlib.sha256(b'\x01' + node + p).digest()
        fn, sn = fn >> 1, sn >> 1
    return node if sn == 0 else None


class Backup(unittest.TestCase):
    def setUp(self):
        self.service = Service(settings={'backup': {'folder': 'backups'}, 'commit': {'gather': '1 ms'}})
        self.addCleanup(self.service.close)
        self.service.prepare()
        self.service.start()
        self.alfa = self.service.participant('voen:1234567891', 'Alfa MMC')
        self.beta = self.service.participant('voen:9876543219', 'Beta ASC')
        self.service.agreement(self.alfa, self.beta, forms='any', signature_class='none', signature_level='none')
        self.sent = {}  # id -> (bytes, name of its evidence)

    # -- what goes on -------------------------------------------------------------------------
    def send(self, data):
        status, _, body = self.alfa.call('POST', '/v1/documents?to=' + self.beta.identifier, data, 'text/plain')
        self.assertEqual(status, 201, body[:500])
        receipt = json.loads(body)
        self.sent[receipt['id']] = data
        return receipt['id']

    def settle(self):
        """Until nothing more is on its way: the journal stands, batches are marked."""
        before, end = None, time.monotonic() + 30
        while time.monotonic() < end:
            m = self.service.metrics()
            now = (m['vasite_journal_size'], m['vasite_unmarked_batches'], m['vasite_jobs_waiting'])
            if now == before and now[1] == 0:
                return
            before = now
            time.sleep(0.2)
        self.fail(f'it does not settle: {before}')

    def backup(self, *more):
        out = json.loads(self.service.operator.vasite('--json', 'backup', *more))
        return self.service.path('backups', out['id']), out

    def evidence(self, document):
        return sorted((e['id'], self.alfa.call('GET', f'/v1/evidence/{e["id"]}', headers={'Accept': 'application/xml'})[2])
                      for e in self.alfa.json('GET', f'/v1/documents/{document}/evidence')['evidence'])

    def lose(self):
        """The machine dies, and the data folder with it."""
        self.service.process.kill()
        self.service.process.wait()
        shutil.rmtree(self.service.path('data'))

    def restore(self, folder, *more, wanted=0):
        out = self.service.vasite('--json', 'restore', '--from', folder, '--config', self.service.path('vasite.yaml'), *more, wanted=None)
        self.assertEqual(out.returncode, wanted, out.stdout + out.stderr)
        return json.loads(out.stdout) if wanted == 0 else out.stdout + out.stderr

    def check(self):
        out = self.service.vasite('--json', 'check', '--config', self.service.path('vasite.yaml'), wanted=None)
        self.assertEqual(out.returncode, 0, out.stdout + out.stderr)
        return json.loads(out.stdout)

    def refuses_to_start(self, code, says):
        self.service.start(wait=False)
        self.assertNotEqual(self.service.process.wait(60), 0)
        self.service.process = None
        refusal = [json.loads(r) for r in self.service.log().splitlines() if '"start-refused"' in r][-1]
        self.assertEqual(refusal['code'], code, refusal)
        self.assertRegex(refusal['text'], says)

    def log(self):
        return checkpoint(self.service.call('GET', '/v1/journal/checkpoint', plain=True)[2].decode())

    # -- backup and restore -------------------------------------------------------------------
    def test_under_load_then_restored_with_all_it_had(self):
        for i in range(10):
            self.send(f'before {i}'.encode())
        large = b'large ' + os.urandom(3 << 20)
        self.send(large)
        going, accepted = threading.Event(), []

        def load():
            while not going.is_set():
                accepted.append(self.send(b'load ' + os.urandom(2000)))
        threads = [threading.Thread(target=load) for _ in range(3)]
        for t in threads:
            t.start()
        while len(accepted) < 5:
            time.sleep(0.01)
        before = dict(self.sent)
        n = len(accepted)
        folder, out = self.backup()
        during = len(accepted) - n
        going.set()
        for t in threads:
            t.join()
        self.assertGreater(during, 0, 'intake stood still')
        self.assertEqual(out['state'], 'done')
        subprocess.run(['sha256sum', '-c', '--quiet', '--strict', 'SHA256SUMS'], cwd=folder, check=True)
        listed = {line.split('  ')[1] for line in read(os.path.join(folder, 'SHA256SUMS')).splitlines()}
        there = {os.path.relpath(p, folder) for p in glob.glob(folder + '/**', recursive=True) if os.path.isfile(p)}
        self.assertEqual(listed, there - {'SHA256SUMS'})
        self.settle()
        evidence = {d: self.evidence(d) for d in list(before)[:5]}
        places = {e: self.alfa.json('GET', f'/v1/evidence/{e}/proof') for d in evidence for e, _ in evidence[d][:1]}
        old = self.log()
        cursor = self.beta.json('GET', '/v1/inbox?limit=500')['cursor']
        self.lose()

        told = self.restore(folder)
        backed_up = checkpoint(read(os.path.join(folder, 'checkpoint')))
        self.assertEqual((told['old_log'], told['lost_from'], told['lost_until_at_least']), (old[0], backed_up[1], old[1]))
        self.assertGreater(old[1], backed_up[1])
        checked = self.check()
        self.assertEqual(checked['findings'], [])
        self.service.start()
        for document, data in before.items():
            self.assertEqual(self.alfa.call('GET', f'/v1/documents/{document}/original')[2], data)
        for document, files in evidence.items():
            kept = dict(self.evidence(document))
            for name, xml in files:
                if name in kept:  # what was issued after the backup was is lost, or made anew
                    self.assertEqual(kept[name], xml)
            self.assertIn(files[0][0], kept)
        self.assert_new_log(told, old, backed_up)
        self.assert_old_proofs(places, backed_up)
        self.assert_bundle(list(before)[0])
        document = self.send(b'after')
        entries = self.beta.json('GET', f'/v1/inbox?wait=10&cursor={cursor}')['entries']
        self.assertIn(document, [e['document'] for e in entries])  # a cursor from before still works
        self.settle()
        self.service.stop()
        self.assertEqual(self.check()['findings'], [])

    def assert_new_log(self, told, old, backed_up):
        logs = self.alfa.json('GET', '/v1/journal/logs')['logs']
        self.assertEqual([(x['epoch'], x['origin']) for x in logs], [(1, old[0]), (2, told['log'])])
        self.assertRegex(told['log'], '^' + re.escape(old[0]) + '/2-[0-9a-f]{16}$')
        self.assertEqual(checkpoint(logs[0]['checkpoint']), backed_up)
        self.assertEqual(logs[1]['evidence'], told['evidence'])
        status, _, xml = self.beta.call('GET', f'/v1/evidence/{told["evidence"]}', headers={'Accept': 'application/xml'})
        self.assertEqual(status, 200)
        for name, value in (('Log', old[0]), ('LostFrom', backed_up[1]), ('LostUntilAtLeast', old[1])):
            self.assertIn(f'>{value}</v:{name}>'.encode(), xml)
        self.assertIn(b'urn:vasite:event:JournalRestarted', xml)
        place = self.alfa.json('GET', f'/v1/evidence/{told["evidence"]}/proof')
        self.assertEqual((place['index'], place['epoch'], checkpoint(place['checkpoint'])[0]), (0, 2, told['log']))
        self.assertEqual(root_of(place), checkpoint(place['checkpoint'])[2])

    def assert_bundle(self, document):
        """A bundle of a document from before: its proofs lead to the old log's checkpoint."""
        bundle = self.service.path('bundle.zip')
        self.alfa.vasite('export', '--document', document, '--format', 'zip', '-o', bundle)
        self.service.vasite('verify-bundle', bundle)
        with zipfile.ZipFile(bundle) as z:
            names = {n.split('/', 1)[1]: n for n in z.namelist()}
            self.assertIn('data/checkpoint-001.txt', names)
            proofs = [json.loads(z.read(full)) for n, full in names.items() if re.search(r'/evidence/.*\.json$', n)]
            self.assertIn(1, [p.get('log') for p in proofs])
            note = z.read(names['data/checkpoint-001.txt'])
            with zipfile.ZipFile(bundle + '.wrong', 'w') as w:
                for entry in z.infolist():
                    content = z.read(entry)
                    w.writestr(entry, content.replace(b'\n', b'\n ', 1) if content == note else content)
        self.assertNotEqual(self.service.vasite('verify-bundle', bundle + '.wrong', wanted=None).returncode, 0)

    def assert_old_proofs(self, places, backed_up):
        for number, was in places.items():
            if was['index'] >= backed_up[1]:
                continue
            place = self.alfa.json('GET', f'/v1/evidence/{number}/proof')
            self.assertEqual((place['epoch'], place['index'], place['leaf']), (1, was['index'], was['leaf']))
            self.assertEqual(checkpoint(place['checkpoint']), backed_up)
            self.assertEqual(root_of(place), backed_up[2])
        proof = self.alfa.json('GET', f'/v1/journal/inclusion?epoch=1&index=0&size={backed_up[1]}')
        self.assertEqual(root_of(proof), backed_up[2])
        self.assertEqual(self.alfa.call('GET', '/v1/journal/inclusion?epoch=3&index=0')[0], 400)

    def test_the_next_one_links_what_has_not_changed(self):
        self.send(b'large ' + os.urandom(2 << 20))
        self.settle()
        first, _ = self.backup()
        self.send(b'small')
        self.settle()
        second, out = self.backup()
        self.assertGreater(out['linked'], 0)
        name = max(os.listdir(os.path.join(first, 'segments')), key=lambda n: os.path.getsize(os.path.join(first, 'segments', n)))
        self.assertTrue(os.path.samefile(os.path.join(first, 'segments', name), os.path.join(second, 'segments', name)))
        with open(os.path.join(first, 'segments', name), 'r+b') as f:  # decay: not linked again
            f.seek(100)
            byte = f.read(1)
            f.seek(100)
            f.write(bytes([byte[0] ^ 1]))
        third, _ = self.backup()
        self.assertFalse(os.path.samefile(os.path.join(first, 'segments', name), os.path.join(third, 'segments', name)))
        subprocess.run(['sha256sum', '-c', '--quiet', 'SHA256SUMS'], cwd=third, check=True)
        listed = self.service.operator.json('GET', '/v1/backups')
        self.assertEqual(listed['backups'], [os.path.basename(x) for x in (first, second, third)])
        self.assertEqual(self.alfa.call('POST', '/v1/backups')[0], 403)

    def test_of_a_stopped_service(self):
        self.send(b'one')
        self.settle()
        self.service.stop()
        out = json.loads(self.service.vasite('--json', 'backup', '--config', self.service.path('vasite.yaml')))
        shutil.rmtree(self.service.path('data'))
        told = self.restore(self.service.path('backups', out['id']))
        self.assertEqual(told['lost_from'], told['lost_until_at_least'])
        self.assertEqual(self.check()['findings'], [])
        self.service.start()
        self.assertEqual(self.alfa.call('GET', f'/v1/documents/{list(self.sent)[0]}/original')[2], b'one')

    # -- what is refused ----------------------------------------------------------------------
    def test_a_damaged_backup_restores_nothing(self):
        self.send(b'one')
        folder, _ = self.backup()
        self.service.stop()
        data = self.service.path('data')
        self.assertIn('is not empty', self.restore(folder, wanted=2))
        shutil.rmtree(data)
        victim = glob.glob(os.path.join(folder, 'segments', '*'))[0]
        content = read(victim, 'rb')
        for change in (lambda: write(victim, content[:-1] + b'\x01' + content[-1:]), lambda: write(victim, content[:-8]),
                       lambda: os.remove(victim)):
            change()
            self.assertIn(os.path.basename(victim), self.restore(folder, wanted=5))
            self.assertFalse(os.path.exists(data) and os.listdir(data))
        write(victim, content)
        sums = os.path.join(folder, 'SHA256SUMS')
        lines = read(sums)
        for wrong in ('0' * 64 + '  ../../etc/passwd\n', '0' * 64 + '  segments/../x\n', 'nonsense\n', '0' * 64 + '  keys/.x\n'):
            write(sums, lines + wrong)
            self.restore(folder, wanted=5)
        write(sums, lines.replace('  vasite.db', '  about.txt'))
        self.restore(folder, wanted=5)
        write(sums, lines)
        self.assertIn('all as they were', self.service.vasite('restore', '--check', '--from', folder))
        self.restore(folder)

    def test_an_unfinished_backup_is_none_and_goes_with_the_next(self):
        self.send(b'one')
        partial = self.service.path('backups', '20200101T000000000Z.partial')
        os.makedirs(os.path.join(partial, 'segments'))
        open(os.path.join(partial, 'segments', '0' * 16 + '.seg'), 'w').close()
        self.backup()
        self.assertFalse(os.path.exists(partial))
        self.service.stop()
        shutil.rmtree(self.service.path('data'))
        self.restore(self.service.path('backups', 'no-such'), wanted=5)

    def test_forks_are_refused(self):
        self.send(b'one')
        self.settle()
        folder, _ = self.backup()
        self.send(b'lost')
        self.settle()
        self.service.stop()
        data, anchor = self.service.path('data'), self.service.path('anchor', 'checkpoint')
        newest, first_anchor = self.service.path('data.newest'), read(anchor)
        shutil.copytree(data, newest)

        # An old data folder copied back: older than the anchor.
        shutil.rmtree(data)
        shutil.copytree(folder, data)
        self.refuses_to_start('store-older-than-anchor', 'the anchor .* knows')

        # A restore, and the old store beside it: given up for good, though it knows more.
        shutil.rmtree(data)
        told = self.restore(folder)
        first = self.service.path('data.first')
        shutil.copytree(data, first)
        shutil.rmtree(data)
        shutil.copytree(newest, data)
        self.refuses_to_start('store-older-than-anchor', 'restored elsewhere')

        # Restored a second time: the log of the first is given up by name only.
        shutil.rmtree(data)
        text = self.restore(folder, wanted=5)
        self.assertIn('--supersede ' + told['log'], text)
        self.assertFalse(os.path.exists(data) and os.listdir(data))
        self.restore(folder, '--supersede', told['log'] + 'x', wanted=5)
        second = self.restore(folder, '--supersede', told['log'])
        self.assertEqual(second['given_up'], told['log'])
        self.assertRegex(second['log'], '/3-[0-9a-f]{16}$')
        self.service.start()
        self.send(b'in the second')
        self.settle()

        # Both at once: the anchor is held.
        other = Service(settings={**self.service.settings, 'data': {'folder': first}, 'journal': {'anchor': anchor}}, folder=self.service.path('other'))
        self.addCleanup(other.close)
        os.makedirs(other.path('anchor'))
        other.write_settings()
        other.start(wait=False)
        self.assertNotEqual(other.process.wait(60), 0)
        other.process = None
        self.assertIn('"store-in-use"', other.log())

        # The anchor put back as it was: the running service does not write over it, and ends.
        write(anchor, first_anchor)
        try:
            self.send(b'x')
        except (AssertionError, OSError):
            pass
        self.assertEqual(self.service.process.wait(60), 70)
        self.service.process = None
        self.assertIn('somebody else has written the anchor', self.service.log())
        self.refuses_to_start('store-older-than-anchor', 'restored elsewhere')

    def test_an_edited_epoch_is_refused(self):
        import sqlite3
        self.send(b'one')
        self.settle()
        folder, _ = self.backup()
        self.service.stop()
        shutil.rmtree(self.service.path('data'))
        self.restore(folder)
        path = self.service.path('data', 'vasite.db')
        with sqlite3.connect(path) as db:
            db.execute('DELETE FROM journal WHERE id = 2')  # back to the first log
        db.close()
        self.refuses_to_start('store-older-than-anchor', 'restored elsewhere')
        with sqlite3.connect(path) as db:
            db.execute('UPDATE journal SET epoch = 2 WHERE id = 1')
        db.close()
        self.refuses_to_start('corrupt', 'journal')

    def test_without_the_anchor_it_must_be_said(self):
        self.send(b'one')
        self.settle()
        folder, _ = self.backup()
        self.service.stop()
        shutil.rmtree(self.service.path('data'))
        os.remove(self.service.path('anchor', 'checkpoint'))
        self.assertIn('--anchor-lost', self.restore(folder, wanted=5))
        told = self.restore(folder, '--anchor-lost')
        self.assertIsNone(told['lost_until_at_least'])
        self.service.start()
        self.assertEqual(self.log()[:2], (told['log'], 1))

    def test_a_restore_that_was_cut_off_is_no_store(self):
        self.send(b'one')
        self.settle()
        folder, _ = self.backup()
        self.service.stop()
        data = self.service.path('data')
        with open(os.path.join(data, 'RESTORING'), 'w') as f:
            f.write('x')
        self.refuses_to_start('restore-unfinished', 'RESTORING')
        self.restore(folder)  # clears what is there
        self.service.start()


if __name__ == '__main__':
    unittest.main()
