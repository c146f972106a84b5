#!/usr/bin/env python3
"""The whole service under load on a disk that forgets what was not synced (lossy_fs.c), its power failing at random.

After each failure the service starts on what survived, and must show every document and acknowledgement that it had answered for,
byte-equal and once, with its evidence; `vasite check` must find nothing. The same rounds with planted bugs must notice them.

VASITE_ROUNDS is the number of rounds (default 8), VASITE_SEED the first seed.
"""
import hashlib
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'flow'))
from service import BUILD, Failed, Service, until  # noqa: E402

ROUNDS = int(os.environ.get('VASITE_ROUNDS', '8'))
SEED = int(os.environ.get('VASITE_SEED', '1'))
PLANTED_ROUNDS = 40  # within which a planted bug must be noticed
SENDERS = 3
LOSSY_FS = os.path.join(BUILD, 'tests', 'lossy_fs')


class Violation(Exception):
    """An invariant of the service did not hold."""


class LossyDisk:
    def __init__(self, path, seed):
        self.path = path
        os.makedirs(path)
        self.process = subprocess.Popen([LOSSY_FS, str(seed), path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while not os.path.exists(self.control()):
            if self.process.poll() is not None or time.monotonic() > end:
                raise Failed('lossy_fs does not start')
            time.sleep(0.05)

    def control(self):
        return os.path.join(self.path, '.control')

    def order(self, text):
        fd = os.open(self.control(), os.O_WRONLY)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)

    def state(self):
        with open(self.control()) as f:
            word, operations, used = f.read().split()
            return word, int(operations), int(used)

    def dead(self):
        return self.state()[0] == 'dead'

    def close(self):
        subprocess.run(['fusermount3', '-u', '-z', self.path], check=False, capture_output=True)
        self.process.wait(30)


class LossyService(Service):
    """Data and anchor lie on the lossy disk; profiles and log do not."""

    def __init__(self, seed):
        super().__init__()
        self.context = None
        try:
            self.disk = LossyDisk(self.path('disk'), seed)
        except BaseException:
            super().close()
            raise
        for name in ('data', 'anchor'):
            os.mkdir(self.path('disk', name))
            os.symlink(self.path('disk', name), self.path(name))

    def tls(self):
        self.context = self.context or super().tls()
        return self.context

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None
        self.disk.close()
        super().close()

    def power_fails(self):
        """The disk is dead; the machine is, too."""
        self.disk.order('die')
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        self.disk.order('power-on')


class Account:
    """What the service has answered for, as its clients saw it."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.bytes = {}      # key -> document
        self.documents = {}  # key -> id, answered 201
        self.unknown = set()  # keys sent, no answer
        self.acknowledged = {}  # document -> True answered, False no answer

    def new(self):
        with self.lock:
            key = f'key-{len(self.bytes)}'
            size = self.random.choice((200, 3000, 20000, 1500000 if len(self.bytes) % 25 == 7 else 800))
            self.bytes[key] = key.encode() + self.random.randbytes(size)
            self.unknown.add(key)
            return key, self.bytes[key]

    def answered(self, key, document):
        with self.lock:
            self.unknown.discard(key)
            self.documents[key] = document


class Client:
    """One connection that stays open."""

    def __init__(self, party):
        self.party = party
        self.connection = party.service.connect(timeout=20)

    def call(self, method, path, body=None, media_type=None, headers=None):
        everything = {'Authorization': 'Bearer ' + self.party.token, **(headers or {})}
        if media_type:
            everything['Content-Type'] = media_type
        self.connection.request(method, path, body, everything)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def close(self):
        self.connection.close()


class World:
    def __init__(self, seed, environment=None, orders=()):
        self.random = random.Random(seed)
        self.account = Account(seed)
        self.service = LossyService(seed)
        try:
            s = self.service
            s.prepare()
            s.start()
            self.alfa = s.participant('voen:1234567891', 'Alfa MMC')
            self.beta = s.participant('voen:9876543219', 'Beta ASC')
            s.agreement(self.alfa, self.beta, forms='any', signature_class='none', signature_level='none', marks='batch')
            s.stop()
            s.environment = environment or {}
            for order in orders:
                s.disk.order(order)
        except BaseException:
            self.service.close()
            raise

    # -- load ------------------------------------------------------------------------------
    def submit(self, client, key):
        path = '/v1/documents?to=' + self.beta.identifier
        status, body = client.call('POST', path, self.account.bytes[key], 'application/octet-stream', {'Idempotency-Key': key})
        if status in (200, 201):  # 200: the receipt of a sending that had no answer
            self.account.answered(key, json.loads(body)['id'])
        elif status < 500:
            raise Violation(f'{key}: {status} {body[:500]!r}')
        return status < 300

    def always(self, party, work):
        """Until the service stops answering."""
        client = Client(party)
        try:
            while work(client):
                pass
        except (OSError, http.client.HTTPException):
            pass  # no answer: unknown
        except Exception as error:  # noqa: BLE001
            self.failure = error
        finally:
            client.close()

    def send(self, client):
        return self.submit(client, self.account.new()[0])

    def receive_page(self, client):
        status, body = client.call('GET', f'/v1/inbox?wait=1&limit=20&cursor={self.cursor}')
        if status != 200:
            return False
        page = json.loads(body)
        if not all(self.receive(client, entry) for entry in page['entries']):
            return False
        self.cursor = page['cursor']
        return True

    def receive(self, client, entry):
        document = entry['document']
        status, body = client.call('GET', f'/v1/documents/{document}/original')
        if status != 200:
            return False
        if hashlib.sha256(body).hexdigest() != entry['sha256']:
            raise Violation(f'{document}: other bytes were handed over')
        self.account.acknowledged.setdefault(document, False)
        status, body = client.call('POST', f'/v1/documents/{document}/acknowledgement', b'{"conforms":true}', 'application/json')
        if status in (200, 201):
            self.account.acknowledged[document] = True
        elif status < 500 and status != 409:
            raise Violation(f'acknowledgement of {document}: {status} {body[:500]!r}')
        return status < 500

    cursor = ''
    failure = None
    lives = 0
    checks = True

    def load_until_death(self):
        threads = [threading.Thread(target=self.always, args=(self.alfa, self.send)) for _ in range(SENDERS)]
        threads.append(threading.Thread(target=self.always, args=(self.beta, self.receive_page)))
        for t in threads:
            t.start()
        time.sleep(self.random.uniform(0.05, 0.6))
        self.service.disk.order(f'die-at {self.random.randint(1, 120)}')
        end = time.monotonic() + 15
        while not self.service.disk.dead() and time.monotonic() < end and self.failure is None:
            time.sleep(0.01)
        self.service.disk.order('die')
        time.sleep(0.05)
        self.service.power_fails()
        for t in threads:
            t.join()
        if self.failure is not None:
            raise self.failure

    # -- after the power is back -----------------------------------------------------------
    def start(self):
        s = self.service
        while self.random.randrange(4) == 0:  # it fails again while the service starts
            s.disk.order(f'die-at {self.random.randint(1, 40)}')
            s.start(wait=False)
            end = time.monotonic() + self.random.uniform(0.1, 3)
            while time.monotonic() < end and not s.disk.dead():
                time.sleep(0.02)
            s.power_fails()
        self.lives += 1
        if self.checks and (self.lives < 10 or self.lives % 5 == 0):  # it reads everything, which grows
            self.check()
        try:
            s.start()
        except Failed as error:
            raise Violation(f'the service does not start again: {error}') from error

    def check(self):
        check = self.service.vasite('check', '--config', self.service.path('vasite.yaml'), wanted=None)
        if check.returncode != 0:
            raise Violation(f'vasite check: {check.returncode}\n{check.stdout[-3000:]}{check.stderr[-3000:]}')

    def verify(self):
        client = Client(self.alfa)
        try:
            self.verify_all(client)
        finally:
            client.close()

    def verify_all(self, client):
        a = self.account
        for key in sorted(a.unknown):  # wholly there or wholly absent: the same key settles it
            if not self.submit(client, key):
                raise Violation(f'{key} cannot be sent again')
        entries = self.inbox()
        digests = [e['sha256'] for e in entries.values()]
        if len(set(digests)) != len(digests):
            raise Violation('a document is there twice')
        for key, document in a.documents.items():
            self.verify_document(client, key, document, entries)

    def inbox(self):
        """Everything sent is in the recipient's mailbox, after a moment."""
        client = Client(self.beta)
        try:
            return self.inbox_of(client, set(self.account.documents.values()))
        finally:
            client.close()

    def inbox_of(self, client, wanted):
        end = time.monotonic() + 30
        while True:
            entries, cursor, more = {}, '', True
            while more:
                status, body = client.call('GET', f'/v1/inbox?limit=500&cursor={cursor}')
                if status != 200:
                    raise Violation(f'inbox: {status} {body[:500]!r}')
                page = json.loads(body)
                for e in page['entries']:
                    if e['document'] in entries:
                        raise Violation(f'{e["document"]} is in the mailbox twice')
                    entries[e['document']] = e
                cursor, more = page['cursor'], page['more']
            if wanted <= set(entries):
                return entries
            if time.monotonic() > end:
                raise Violation(f'not in the mailbox: {sorted(wanted - set(entries))[:5]}')
            time.sleep(0.1)

    def verify_document(self, client, key, document, entries):
        content = self.account.bytes[key]
        if entries[document]['sha256'] != hashlib.sha256(content).hexdigest():
            raise Violation(f'{key} {document}: another document')
        answered = self.account.acknowledged.get(document)
        if answered and entries[document]['state'] not in ('acknowledged', 'reached', 'acknowledgement-reached'):
            raise Violation(f'{document}: the acknowledgement is lost, it is {entries[document]["state"]}')
        if key in self.verified and self.random.randrange(50) > 0:
            return
        status, body = client.call('GET', f'/v1/documents/{document}/original')
        if status != 200 or body != content:
            raise Violation(f'{key} {document}: {status}, {len(body)} octets instead of {len(content)}')
        status, body = client.call('GET', f'/v1/documents/{document}')
        if status != 200:
            raise Violation(f'{document}: {status} {body[:500]!r}')
        events = [e['event'] for e in json.loads(body)['evidence']]
        for event in ('SubmissionAcceptance', 'Acknowledgement', 'AcknowledgementReachedSender', 'ContentConsignment'):
            n = events.count(event)
            if n > 1 or (n == 0 and event == 'SubmissionAcceptance'):
                raise Violation(f'{document}: {n} times {event}')
        self.verified.add(key)

    def life(self):
        self.start()
        self.verify()
        self.load_until_death()

    verified = frozenset()

    def run(self, rounds):
        self.verified = set()
        for n in range(rounds):
            self.life()
            if n % 10 == 9:
                print(f'{n + 1} rounds', file=sys.stderr, flush=True)
        self.start()
        self.verify()
        self.service.stop()
        self.check()


class PowerLoss(unittest.TestCase):
    def run_world(self, rounds, seed=SEED, environment=None, orders=(), checks=True):
        world = World(seed, environment, orders)
        world.checks = checks
        try:
            world.run(rounds)
            return world
        finally:
            if os.environ.get('VASITE_LOG'):
                sys.stderr.write(world.service.log()[-6000:])
            world.service.close()

    def test_nothing_answered_for_is_lost_or_doubled(self):
        world = self.run_world(ROUNDS)
        print(f'{ROUNDS} rounds: {len(world.account.documents)} documents, '
              f'{sum(world.account.acknowledged.values())} acknowledgements answered for', file=sys.stderr)
        self.assertGreater(len(world.account.documents), ROUNDS)

    def test_a_full_disk_is_said_and_the_service_recovers_without_a_restart(self):
        world = World(SEED)
        s, a = world.service, world.account
        self.addCleanup(s.close)
        s.settings = {'data': {'folder': s.path('data'), 'disk_reserve': '1 MiB'}}
        s.write_settings()
        s.start()

        def send():
            key, content = a.new()
            try:
                status, _, body = world.alfa.call('POST', '/v1/documents?to=' + world.beta.identifier, content,
                                                  'application/octet-stream', {'Idempotency-Key': key})
            except OSError:  # a refusal before the body may close the connection while it is sent
                self.assertIsNone(s.process.poll(), 'the service ended:\n' + s.log()[-3000:])
                return 0
            self.assertIn(status, (201, 507), body)
            if status == 507:
                self.assertEqual(json.loads(body)['type'], 'urn:vasite:problem:disk-full')
            else:
                a.answered(key, json.loads(body)['id'])
            return status

        def ready():
            self.assertIsNone(s.process.poll(), 'the service ended:\n' + s.log()[-3000:])
            return s.call('GET', '/readyz', plain=True)[0]

        self.assertEqual(send(), 201)
        for room in (20000, 200000, 900000):  # less than a batch, than a document, than the reserve
            s.disk.order(f'capacity {s.disk.state()[2] + room}')
            answers = []
            until(lambda: answers.append(send()) or answers.count(507) == 10, lambda: f'it takes on and on: {answers}')
            self.assertEqual(ready(), 503)
            s.disk.order('capacity 0')
            until(lambda: ready() == 200, 'it does not recover')
            self.assertEqual(send(), 201)
        world.verified = set()
        world.verify()

    def noticed(self, **planted):
        with self.assertRaises(Violation) as caught:
            self.run_world(PLANTED_ROUNDS, **planted)
        print('noticed:', ' '.join(str(caught.exception).split())[:300], file=sys.stderr)

    def test_notices_an_acknowledgement_before_the_commit(self):
        """By what its clients were told alone."""
        self.noticed(environment={'VASITE_PLANT_EARLY_ACKNOWLEDGEMENT': '1'}, checks=False)

    def test_notices_a_missing_sync_of_rows(self):
        self.noticed(orders=['lie-files -wal'])

    def test_notices_a_missing_sync_of_bytes(self):
        self.noticed(orders=['lie-files .seg'])

    def test_notices_a_folder_that_is_not_synced(self):
        self.noticed(orders=['lie-folders segments'])


if __name__ == '__main__':
    if not os.path.exists(LOSSY_FS) or not os.access('/dev/fuse', os.R_OK | os.W_OK):
        print('no FUSE here', file=sys.stderr)
        sys.exit(77)
    unittest.main()
