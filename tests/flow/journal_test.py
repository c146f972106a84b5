#!/usr/bin/env python3
"""The journal as somebody else checks it: RFC 9162, C2SP notes and tiles written out again in Python, signatures by openssl."""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import unittest

from service import Failed, Service, until


def sha256(data):
    return hashlib.sha256(data).digest()


def node(left, right):
    return sha256(b'\1' + left + right)


def root_of(leaves):
    """MTH of RFC 9162, 2.1.1."""
    if not leaves:
        return sha256(b'')
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return node(root_of(leaves[:k]), root_of(leaves[k:]))


def included(leaf, index, size, hashes, root):
    """RFC 9162, 2.1.3.2."""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in hashes:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def consistent(first, first_root, second, second_root, hashes):
    """RFC 9162, 2.1.4.2, for 0 < first < second."""
    if first & (first - 1) == 0:
        hashes = [first_root] + hashes
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = hashes[0]
    for c in hashes[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return fr == first_root and sr == second_root and sn == 0


class Journal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.addClassCleanup(cls.service.close)
        cls.service.__enter__()
        cls.alfa = cls.service.participant('voen:1234567891', 'Alfa MMC')
        cls.beta = cls.service.participant('voen:9876543219', 'Beta ASC')

    def entry(self, text):
        """One more entry: the evidence that a document was refused (it is no container)."""
        status, _, body = self.alfa.call('POST', '/v1/documents?to=' + self.beta.identifier, text.encode(), 'application/octet-stream')
        self.assertEqual(status, 422, body)
        return json.loads(body)['evidence']

    def get(self, path, wanted=200):
        status, _, body = self.service.call('GET', path, plain=True)
        self.assertEqual(status, wanted, body)
        return body

    def proof(self, evidence):
        """Sequencing follows the commit at once, but follows it."""
        def proof():
            status, _, body = self.alfa.call('GET', f'/v1/evidence/{evidence}/proof')
            self.assertIn(status, (200, 409), body)
            return status == 200 and json.loads(body)
        return until(proof, 'it is not sequenced')

    def read_note(self, note, key):
        """Size and root, once openssl has verified the signature."""
        name, key_id, public = key.strip().split('+', 2)
        public = base64.b64decode(public)
        self.assertEqual((public[0], len(public)), (1, 33))
        self.assertEqual(sha256(name.encode() + b'\n' + public)[:4].hex(), key_id)
        body, _, signatures = note.rpartition('\n\n')
        body += '\n'
        origin, size, root = body.splitlines()[:3]
        self.assertEqual(origin, name)
        prefix, line_name, value = signatures.rstrip('\n').split(' ')
        value = base64.b64decode(value)
        self.assertEqual((prefix, line_name, value[:4].hex()), ('—', name, key_id))
        folder = self.service.path('note')
        os.makedirs(folder, exist_ok=True)
        der = bytes.fromhex('302a300506032b6570032100') + public[1:]
        for file, content in {'key': der, 'body': body.encode(), 'value': value[4:]}.items():
            with open(os.path.join(folder, file), 'wb') as f:
                f.write(content)
        subprocess.run(['openssl', 'pkeyutl', '-verify', '-pubin', '-keyform', 'DER', '-inkey', 'key', '-rawin', '-in', 'body',
                        '-sigfile', 'value'], cwd=folder, check=True, capture_output=True)
        return int(size), base64.b64decode(root)

    def checkpoint(self):
        return self.read_note(self.get('/v1/journal/checkpoint').decode(), self.get('/v1/journal/key').decode())

    def test_1_every_piece_of_evidence_has_a_place_that_anybody_can_check(self):
        for i in range(5):
            evidence = self.entry(f'not a container {i}')
            p = self.proof(evidence)
            _, _, xml = self.alfa.call('GET', '/v1/evidence/' + evidence, headers={'Accept': 'application/xml'})
            self.assertEqual(sha256(xml).hex(), p['digest'])
            leaf = sha256(b'\0\1' + bytes.fromhex(p['salt']) + bytes.fromhex(p['digest']))
            self.assertEqual(leaf.hex(), p['leaf'])
            size, root = self.read_note(p['checkpoint'], p['key'])
            self.assertEqual(size, p['size'])
            hashes = [bytes.fromhex(h) for h in p['hashes']]
            self.assertTrue(included(leaf, p['index'], size, hashes, root))
            self.assertFalse(included(sha256(leaf), p['index'], size, hashes, root))

    def test_2_tiles_make_the_checkpoint_and_the_log_only_grows(self):
        first, first_root = self.checkpoint()
        for i in range(4):
            self.proof(self.entry(f'more {i}'))
        second, second_root = self.checkpoint()
        self.assertEqual(second, first + 4)
        tile = self.get(f'/v1/journal/tile/0/000.p/{second}')
        leaves = [tile[i:i + 32] for i in range(0, len(tile), 32)]
        self.assertEqual(root_of(leaves), second_root)
        self.assertEqual(root_of(leaves[:first]), first_root)
        for old in range(1, second):
            answer = json.loads(self.get(f'/v1/journal/consistency?from={old}&to={second}'))
            hashes = [bytes.fromhex(h) for h in answer['hashes']]
            self.assertTrue(consistent(old, root_of(leaves[:old]), second, second_root, hashes))
            answer = json.loads(self.get(f'/v1/journal/inclusion?index={old}&size={second}'))
            self.assertEqual(answer['leaf'], leaves[old].hex())

    def test_3_what_is_not_there_is_said_so(self):
        size, _ = self.checkpoint()
        for path in (f'tile/0/000.p/{size + 1}', 'tile/0/000', 'tile/1/000.p/1', 'tile/0/x000/000.p/1', 'tile/0/0', 'tile/0/000.p/01',
                     'tile/9/000.p/1', 'tile/00/000.p/1', 'tile/0/000.p/256', 'tile/0/000/', 'tile/0/x', 'tile/-1/000'):
            self.get('/v1/journal/' + path, 404)
        for query in (f'inclusion?index={size}', 'inclusion', 'inclusion?index=-1', f'inclusion?index=0&size={size + 1}',
                      f'consistency?from={size + 1}', 'consistency', 'consistency?from=1&to=0', 'inclusion?index=0&colour=red'):
            self.get('/v1/journal/' + query, 400)

    def test_4_a_store_older_than_the_anchor_does_not_start(self):
        s = self.service
        s.stop()
        shutil.copytree(s.path('data'), s.path('old'))
        s.start()
        self.proof(self.entry('after the copy'))
        size, root = self.checkpoint()
        s.stop()
        with open(s.path('anchor', 'checkpoint')) as f:
            anchor = f.read()
        s.start()
        self.assertEqual(self.read_note(anchor, self.get('/v1/journal/key').decode()), (size, root))
        s.stop()
        os.rename(s.path('data'), s.path('new'))
        os.rename(s.path('old'), s.path('data'))
        with self.assertRaises(Failed) as failure:
            s.start()
        self.assertIn('anchor', str(failure.exception))
        with open(s.path('anchor', 'checkpoint')) as f:
            self.assertEqual(f.read(), anchor)
        # With the right one again it goes on.
        os.rename(s.path('data'), s.path('old'))
        os.rename(s.path('new'), s.path('data'))
        s.start()
        self.assertEqual(self.checkpoint(), (size, root))


if __name__ == '__main__':
    unittest.main()
