#!/usr/bin/env python3
"""A tampered byte in any column or in a live segment is found and named by `vasite check`."""
import contextlib
import glob
import json
import os
import random
import shutil
import sqlite3
import struct
import unittest

from service import ASIC_E, Service, until

JOURNALED = ['document', 'delivery', 'evidence', 'batch', 'refusal', 'participant', 'identifier', 'agreement', 'principal',
             'idempotency', 'repetition', 'journal', 'checkpoint', 'tile']


@contextlib.contextmanager
def rows(path):
    """The database, committed and closed at the end: an open connection would keep `vasite check` out."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        with db:
            yield db


REGISTERS = ('participant', 'identifier', 'principal', 'agreement')  # they change by design; their checksum is all there is
# What no signed evidence of ours states: a forger who can also make checksums could change these unseen.
NOT_STATED = {
    'document.principal', 'document.agreement', 'document.marks', 'document.retention',
    'delivery.acknowledgement', 'delivery.mailbox', 'delivery.event', 'delivery.mode', 'delivery.further_term', 'idempotency.key',
    'refusal.principal', 'refusal.size', 'refusal.code', 'refusal.text', 'refusal.clause',
    'batch.created', 'batch.moves', 'batch.token',  # of the token: octets of the certificates in it, which it does not sign
    'checkpoint.size', 'checkpoint.time', 'journal.epoch',
}


def crc32c(data, crc=0):
    crc ^= 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82f63b78 if crc & 1 else crc >> 1
    return crc ^ 0xffffffff


def row_sum(version, values):
    """storage/row.c, written again: what somebody forging a row would write as its checksum."""
    data = struct.pack('>q', version)
    for i, value in enumerate(values):
        if isinstance(value, int):
            data += struct.pack('>BBq', i, 1, value)
        elif value is not None:
            octets = value.encode() if isinstance(value, str) else value
            data += struct.pack('>BBQ', i, 2 if isinstance(value, str) else 3, len(octets)) + octets
    return crc32c(data)


class Check(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.addClassCleanup(cls.service.close)
        s = cls.service
        s.__enter__()
        alfa = s.participant('voen:1234567891', 'Alfa MMC')
        beta = s.participant('voen:9876543219', 'Beta ASC')
        s.agreement(alfa, beta, signer_is_sender='yes')
        for i in range(3):
            document = alfa.signed(f'Sənəd {i}')
            status, _, body = alfa.call('POST', '/v1/documents?to=' + beta.identifier, document, ASIC_E, {'Idempotency-Key': f'k{i}'})
            assert status == 201, body
        broken = bytearray(document)
        broken[broken.index(b'S\xc9\x99n\xc9\x99d 2')] ^= 1
        status, _, body = alfa.call('POST', '/v1/documents?to=' + beta.identifier, bytes(broken), ASIC_E)
        assert status == 422, body
        entries = []
        while len(entries) < 3:
            entries = json.loads(beta.call('GET', '/v1/inbox?wait=5')[2])['entries']
        beta.vasite('get', entries[0]['document'], '-o', s.path('one.asice'))
        beta.vasite('ack', entries[0]['document'])
        cls.terms(s, alfa)
        s.stop()
        cls.data = s.path('data')
        cls.database = glob.glob(os.path.join(cls.data, '*.db'))[0]
        cls.check(wanted=0)  # what a crash or stop left half done is finished by the first check
        shutil.copytree(cls.data, s.path('good'))

    @classmethod
    def terms(cls, s, alfa):
        """One delivery for each way that consent, terms, notice and a signed answer leave columns."""
        def send(to):
            status, _, body = alfa.call('POST', '/v1/documents?to=' + to.identifier, alfa.signed(to.name), ASIC_E)
            assert status == 201, body
            return json.loads(body)['id']

        def wait(document, event):
            until(lambda: event in [e['event'] for e in alfa.json('GET', f'/v1/documents/{document}')['evidence']], f'no {event}')

        asked, reminded, overdue = (s.participant(f'voen:200000000{i}', f'Tərəf {i}') for i in range(3))
        s.agreement(alfa, asked, consent='yes', consent_term='1 h')
        s.agreement(alfa, reminded, remind='yes', acknowledgement_term='1 s', further_term='1 h')
        s.agreement(alfa, overdue, acknowledgement_term='1 s')
        documents = [send(asked), send(asked), send(reminded), send(overdue)]
        for document, event in zip(documents, 2 * ['NotificationForAcceptance'] + ['AcknowledgementReminder', 'AcknowledgementOverdue']):
            wait(document, event)
        asked.vasite('consent', documents[0])
        asked.vasite('consent', documents[1], '--reject', '--reason', 'lazım deyil')
        alfa.vasite('notice', documents[2], '--reason', 'açar oğurlanıb')
        overdue.vasite('ack', documents[3], '--statement', s.path('acknowledgement.xml'))
        overdue.sign_file(s.path('acknowledgement.xml'), s.path('reply.asice'))
        overdue.vasite('ack', documents[3], '--signed', s.path('reply.asice'))
        wait(documents[0], 'ContentConsignment')
        wait(documents[3], 'AcknowledgementReachedSender')

    @classmethod
    def check(cls, wanted):
        return cls.service.vasite('check', '--config', cls.service.path('vasite.yaml'), wanted=wanted)

    def setUp(self):
        shutil.rmtree(self.data)
        shutil.copytree(self.service.path('good'), self.data)

    def test_a_good_store_passes_twice(self):
        self.check(wanted=0)
        self.check(wanted=0)

    def test_a_check_removes_nothing(self):
        """Even where the rows are an old copy that knows none of the segments."""
        def files():
            return {p: os.path.getsize(p) for p in glob.glob(os.path.join(self.data, 'segments', '*'))}
        before = files()
        with rows(self.database) as db:
            db.execute('DELETE FROM segment')
        self.check(wanted=None)
        self.assertEqual(files(), before)

    def columns(self, of_each):
        with rows(self.database) as db:
            for table in JOURNALED:
                keys = [c[1] for c in db.execute(f'PRAGMA table_info({table})') if c[5]]
                for column in [c[1] for c in db.execute(f'PRAGMA table_info({table})')]:
                    for row in db.execute(f'SELECT {",".join(keys)}, {column} FROM {table} WHERE {column} IS NOT NULL LIMIT {of_each}').fetchall():
                        yield table, column, dict(zip(keys, row)), row[-1]

    @staticmethod
    def tampered(value):
        if isinstance(value, int):
            return value ^ 1 << 20  # not what another row's key is
        if isinstance(value, str):
            return ('x' if value[:1] != 'x' else 'y') + value[1:]
        changed = bytearray(value or b'\0')
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
        return bytes(changed)

    def test_a_tampered_column_is_found_and_named(self):
        random.seed(7)
        cases = list(self.columns(1))
        self.assertGreater(len(cases), 60)
        for table, column, key, value in cases:
            with self.subTest(table=table, column=column):
                self.setUp()
                with rows(self.database) as db:
                    where = ' AND '.join(f'{k} IS ?' for k in key)
                    db.execute(f'UPDATE {table} SET {column} = ? WHERE {where}', [self.tampered(value), *key.values()])
                out = self.check(wanted=1)
                self.assertIn(table, out)

    def forge(self, table, column, key, value):
        """Change a column and make the row's checksum right again."""
        with rows(self.database) as db:
            where = ' AND '.join(f'{k} IS ?' for k in key)
            key = [value if k == column else v for k, v in key.items()]
            changed = self.tampered(value)
            db.execute(f'UPDATE {table} SET {column} = ? WHERE {where}', [changed, *key])
            names = [c[1] for c in db.execute(f'PRAGMA table_info({table})') if c[1] not in ('_version', '_sum')]
            again = [changed if k == column else v for k, v in zip(where.replace(' IS ?', '').split(' AND '), key)]
            version, *values = db.execute(f'SELECT _version, {",".join(names)} FROM {table} WHERE {where}', again).fetchone()
            db.execute(f'UPDATE {table} SET _sum = ? WHERE {where}', [row_sum(version, values), *again])

    def test_a_forged_column_with_a_right_checksum_is_found(self):
        """What signed evidence states cannot be changed even by one who knows how rows are stored."""
        random.seed(13)
        with rows(self.database) as db:
            for table in JOURNALED:
                names = [c[1] for c in db.execute(f'PRAGMA table_info({table})') if c[1] not in ('_version', '_sum')]
                for version, total, *values in db.execute(f'SELECT _version, _sum, {",".join(names)} FROM {table}'):
                    self.assertEqual(row_sum(version, values), total)  # else nothing below is forged
        passed = set()
        for table, column, key, value in list(self.columns(2)):
            if column in ('_version', '_sum') or table not in JOURNALED:
                continue
            self.setUp()
            self.forge(table, column, key, value)
            out = self.check(wanted=None)
            if out.returncode == 0:
                passed.add(f'{table}.{column}')
        unstated = {c for c in passed if c.split('.')[0] in REGISTERS} | NOT_STATED
        self.assertEqual(passed - unstated, set())

    def test_a_removed_row_is_found(self):
        for table in ('document', 'delivery', 'evidence', 'batch'):
            with self.subTest(table=table):
                self.setUp()
                with rows(self.database) as db:
                    key = [c[1] for c in db.execute(f'PRAGMA table_info({table})') if c[5]][0]
                    db.execute(f'DELETE FROM {table} WHERE {key} = (SELECT {key} FROM {table} LIMIT 1)')
                self.check(wanted=1)

    def test_a_tampered_byte_of_a_segment_is_found_and_named(self):
        random.seed(11)
        files = sorted(glob.glob(os.path.join(self.data, 'segments', '*.seg')))
        self.assertTrue(files)
        for path in files:
            size = os.path.getsize(path)
            for at in sorted(random.sample(range(size), min(size, 40))):
                with self.subTest(segment=os.path.basename(path), at=at):
                    self.setUp()
                    with open(path, 'r+b') as f:
                        f.seek(at)
                        byte = f.read(1)[0]
                        f.seek(at)
                        f.write(bytes([byte ^ 0x10]))
                    out = self.check(wanted=1)
                    self.assertIn('segment', out)


if __name__ == '__main__':
    unittest.main(verbosity=2)
