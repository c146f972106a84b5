#!/usr/bin/env python3
"""Limits of one participant: what is over them waits with 429 and Retry-After, whoever stands beside is served."""
import base64
import json
import re
import signal
import threading
import time
import unittest

from service import Service


class Limits(unittest.TestCase):
    settings = {}

    def setUp(self):
        self.service = Service(settings={k: dict(v) for k, v in self.settings.items()})
        self.addCleanup(self.service.close)
        self.service.prepare()
        self.service.start()
        self.greedy = self.service.participant('voen:1234567891', 'Tamahkar MMC')
        self.honest = self.service.participant('voen:9876543219', 'Dürüst MMC')
        self.other = self.service.participant('voen:5555555555', 'Alan ASC')
        for party in (self.greedy, self.honest):
            self.service.agreement(party, self.other, forms='any', signature_class='none', signature_level='none')

    def send(self, party, data=b'hello', headers=None):
        return party.call('POST', '/v1/documents?to=' + self.other.identifier, data, 'text/plain', headers)

    def soap(self, party, message):
        envelope = ('<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:v="urn:vasite:soap:1"><s:Body>'
                    f'{message}</s:Body></s:Envelope>')
        return party.call('POST', '/soap', envelope.encode(), 'text/xml')

    def submit(self, data):
        return f'<v:Submit><v:to>{self.other.identifier}</v:to><v:content>{base64.b64encode(data).decode()}</v:content></v:Submit>'

    def fault(self, answer):
        self.assertEqual(answer[0], 500, answer[2])
        return re.search(rb'<v:code>([a-z-]+)</v:code>', answer[2]).group(1).decode()

    def code(self, answer):
        return json.loads(answer[2])['type'].rsplit(':', 1)[1]

    def reload(self):
        events = self.service.log().count('"reloaded"')
        self.service.write_settings()
        self.service.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 20
        while self.service.log().count('"reloaded"') == events:
            self.assertLess(time.monotonic(), end, self.service.log()[-1000:])
            time.sleep(0.02)


class Fair(Limits):
    settings = {'limits': {'uploads_at_once': 3, 'requests_per_second': 0}}

    def test_a_greedy_sender_waits_an_honest_one_does_not(self):
        going, seen, refused, pieces = threading.Event(), [], [], [0] * 3

        def slow(i):
            yield b'%d' % i
            while not going.wait(0.05):
                pieces[i] += 1
                yield b'y' * 1000
        holding = [threading.Thread(target=lambda i=i: seen.append(self.send(self.greedy, slow(i))[0])) for i in range(3)]
        for t in holding:
            t.start()
        while min(pieces) < 3:  # none of them may meet what is sent below at the door
            going.wait(0.02)
        end = time.monotonic() + 20
        while not refused and time.monotonic() < end:  # until all three are under way
            answer = self.send(self.greedy)
            if answer[0] == 429:
                refused.append(answer)
        self.assertEqual((refused[0][0], self.code(refused[0])), (429, 'too-many-requests'))
        self.assertGreaterEqual(int(refused[0][1]['retry-after']), 1)
        for i in range(20):
            self.assertEqual(self.send(self.honest, b'%d' % i)[0], 201)
        self.assertEqual(self.greedy.call('GET', '/v1/documents')[0], 200)  # only documents wait
        self.assertEqual(self.soap(self.greedy, '<v:ListEvents/>')[0], 200)
        answer = self.soap(self.greedy, self.submit(b'hello'))
        self.assertEqual(self.fault(answer), 'too-many-requests')
        self.assertGreaterEqual(int(answer[1]['retry-after']), 1)
        going.set()
        for t in holding:
            t.join()
        self.assertEqual(seen, [201] * 3)
        self.assertEqual(self.send(self.greedy, b'again')[0], 201)


class Own(Limits):
    settings = {'limits': {'document': '1 MiB', 'participants': ['voen:1234567891 document=10KiB volume_per_day=25KiB requests_per_second=1000']}}

    def setUp(self):
        super().setUp()
        self.reload()  # the participant is there now; else within five seconds

    def test_a_document_larger_than_its_own_limit(self):
        answer = self.send(self.greedy, b'x' * 10241)
        self.assertEqual((answer[0], self.code(answer)), (413, 'too-large'))
        self.assertEqual(self.send(self.greedy, b'x' * 10240)[0], 201)
        answer = self.send(self.greedy, iter([b'x' * 6000, b'x' * 6000]))  # without a length
        self.assertEqual((answer[0], self.code(answer)), (413, 'too-large'))
        self.assertEqual(self.send(self.honest, b'x' * 100000)[0], 201)

    def test_the_same_at_the_other_door_for_the_document_and_not_for_its_envelope(self):
        self.assertEqual(self.fault(self.soap(self.greedy, self.submit(b'y' * 10241))), 'too-large')
        self.assertEqual(self.soap(self.greedy, self.submit(b'y' * 10240))[0], 200)

    def test_a_days_volume(self):
        for i in range(2):
            self.assertEqual(self.send(self.greedy, b'%d' % i + b'x' * 10000)[0], 201)
        answer = self.send(self.greedy, b'x' * 10000)
        self.assertEqual((answer[0], self.code(answer)), (429, 'daily-volume'))
        now = time.time()
        self.assertLess(abs(int(answer[1]['retry-after']) - (86400 - now % 86400)), 60)
        self.assertEqual(self.fault(self.soap(self.greedy, self.submit(b'x' * 10000))), 'daily-volume')
        self.assertEqual(self.soap(self.greedy, '<v:ListEvents/>')[0], 200)
        self.assertEqual(self.send(self.greedy, b'x' * 4000)[0], 201)  # what is left
        answer = self.send(self.greedy, iter([b'x' * 1000] * 4))
        self.assertEqual((answer[0], self.code(answer)), (429, 'daily-volume'))
        for i in range(5):
            self.assertEqual(self.send(self.honest, b'%d' % i + b'x' * 10000)[0], 201)
        self.service.settings['limits']['participants'] = []
        self.reload()
        self.assertEqual(self.send(self.greedy, b'x' * 100000)[0], 201)

    def test_what_is_wrong_in_the_file_is_named(self):
        for item, says in (('voen:1 uploads=1', "'uploads=1'"), ('voen:1', 'NAME=VALUE'), ('voen:1 document=10MB', "'document=10MB'"),
                           ('voen:1 document=1 document=2', "'document=2'")):
            self.service.settings['limits']['participants'] = [item]
            self.service.write_settings()
            self.service.process.send_signal(signal.SIGHUP)
            end = time.monotonic() + 20
            while says not in self.service.log().replace('\\u0027', "'"):
                self.assertLess(time.monotonic(), end, (item, self.service.log()[-600:]))
                time.sleep(0.02)
        self.assertEqual(self.send(self.greedy, b'x' * 10241)[0], 413)  # as it was


class Rate(Limits):
    settings = {'limits': {'participants': ['voen:1234567891 requests_per_second=2']}}

    def test_a_bucket_of_its_own(self):
        self.reload()
        answers = [self.greedy.call('GET', '/v1/documents') for _ in range(8)]
        over = [a for a in answers if a[0] == 429]
        self.assertTrue(over and all('retry-after' in a[1] for a in over))
        self.assertEqual({self.honest.call('GET', '/v1/documents')[0] for _ in range(20)}, {200})


if __name__ == '__main__':
    unittest.main()
