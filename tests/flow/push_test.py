#!/usr/bin/env python3
"""Documents pushed to recipients' endpoints (Art. 28.2): right ones, and endpoints that are slow, wrong, away, redirecting or not to be
reached at all. What an endpoint may do is told in endpoint.py; here stands what becomes of the document."""
import hashlib
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import endpoint as e
from service import HOST, Service, until

TERMS = {'forms': 'any', 'signature-class': 'none', 'signature-level': 'none', 'receipt-at': 'endpoint'}
RECEIVED, FAILED = 'handed-over', 'failed'
CANARY = '127.0.0.2'  # private, and not allowed


def private_address():
    """An address of this machine besides loopback, where it has one."""
    words = subprocess.run(['hostname', '-I'], capture_output=True, text=True).stdout.split()
    return next((w for w in words if re.match(r'(10|192\.168|172\.(1[6-9]|2\d|3[01])|192\.0\.2)\.', w)), None)


class Push(unittest.TestCase):
    settings = {'first': '200 ms', 'factor': 2, 'cap': '800 ms', 'term': '6 s', 'stall': '2 s', 'per_host': 2}

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='vasite-push-')
        self.addCleanup(lambda: subprocess.run(['rm', '-rf', self.folder]))
        self.certificates = e.Certificates(self.folder)
        self.service = Service(settings={'delivery': self.settings,
                                         'outgoing': {'private_ranges': [HOST + '/32'], 'ca_file': self.certificates.trusted}})
        self.addCleanup(self.service.close)
        self.service.prepare()
        self.service.start()
        self.alfa = self.service.participant('voen:1234567891', 'Alfa MMC')
        self.number = 1000000000

    def endpoint(self, behave, tls=True, address=HOST, path='/in'):
        made = e.Endpoint(behave, self.certificates.right if tls is True else tls, address, path)
        self.addCleanup(made.close)
        return made

    def recipient(self, url, **more):
        """A participant with this endpoint and an agreement with Alfa; its identifier."""
        self.number += 1
        identifier = f'voen:{self.number}'
        operator = self.service.operator
        operator.json('POST', '/v1/participants', {'identifiers': [identifier], 'name': identifier, 'contract': '1', 'endpoint': url, **more})
        operator.json('POST', '/v1/agreements', {'parties': [self.alfa.identifier, identifier], 'terms': TERMS})
        return identifier

    def send(self, to, data=b'salam', key='k'):
        path = '/v1/documents?name=' + 's%C9%99n%C9%99d.txt&to=' + ','.join(to)
        status, _, body = self.alfa.call('POST', path, data, 'text/plain', {'Idempotency-Key': key})
        self.assertEqual(status, 201, body)
        return re.search(rb'"id": ?"([0-9a-f]{32})"', body).group(1).decode()

    def states(self, document):
        status = self.alfa.json('GET', '/v1/documents/' + document)
        return {r['identifier']: r for r in status['recipients']}

    def settled(self, document, seconds=60):
        def all_settled():
            now = self.states(document)
            return now if all(r['state'] in (RECEIVED, FAILED) for r in now.values()) else None
        return until(all_settled, lambda: f'{ {k: (r["state"], r.get("push")) for k, r in self.states(document).items()} }', seconds)

    def events(self, document, identifier):
        """Names of the evidence that concerns this recipient."""
        found = self.alfa.json('GET', f'/v1/documents/{document}/evidence')
        entries = found['evidence'] if isinstance(found, dict) else found
        participant = self.service.operator.json('GET', '/v1/participants/' + identifier)['id']
        return [x['event'] for x in entries if x.get('recipient') in (identifier, participant)]

    def check_store(self):
        self.service.stop()
        self.service.vasite('check', '--config', self.service.path('vasite.yaml'))

    # -- what becomes of it --------------------------------------------------------------------
    def test_each_endpoint_has_its_outcome_and_none_delays_another(self):
        canary, far = self.endpoint(e.says(200), tls=None, address=CANARY), self.endpoint(e.says(200))
        away = self.endpoint(e.says(200))
        away.close()
        cases = {
            'good': (self.endpoint(e.says(200)), RECEIVED),
            'empty': (self.endpoint(e.says(204)), RECEIVED),
            'recovers': (self.endpoint(e.says(500, then=201)), RECEIVED),
            'slow': (self.endpoint(e.is_slow(1)), RECEIVED),
            'endless answer': (self.endpoint(e.never_ends), RECEIVED),
            'stops in its answer': (self.endpoint(e.stops_in_its_answer), RECEIVED),
            'gone': (self.endpoint(e.says(410)), FAILED),
            'not found': (self.endpoint(e.says(404)), FAILED),
            'not modified': (self.endpoint(e.says(304)), FAILED),
            'garbage': (self.endpoint(e.says_raw(b'\x00\xff not HTTP at all\r\n\r\n')), FAILED),
            'silence': (self.endpoint(e.says_raw(b'')), FAILED),
            'endless head': (self.endpoint(e.endless_head), FAILED),
            'stops in its head': (self.endpoint(e.stops_in_its_head), FAILED),
            'breaks off in its head': (self.endpoint(e.breaks_off_in_its_head), FAILED),
            'stops reading': (self.endpoint(e.stops_reading), FAILED),
            'answers early': (self.endpoint(e.answers_early), FAILED),
            'no TLS': (self.endpoint(e.no_tls, tls=None), FAILED),
            'broken TLS': (self.endpoint(e.broken_tls, tls=None), FAILED),
            'stranger': (self.endpoint(e.says(200), tls=self.certificates.untrusted), FAILED),
            'other name': (self.endpoint(e.says(200), tls=self.certificates.wrong_name), FAILED),
            'away': (away, FAILED),
            'redirects': (self.endpoint(e.says(307, 'Location: ' + far.url)), FAILED),
            'redirects home': (self.endpoint(e.says(302, f'Location: https://{CANARY}:{canary.port}/')), FAILED),
        }
        names = {self.recipient(server.url): name for name, (server, _) in cases.items()}
        document = self.send(names, os.urandom(8 << 20))
        states = {names[identifier]: r for identifier, r in self.settled(document).items()}
        self.assertEqual({name: r['state'] for name, r in states.items()}, {name: wanted for name, (_, wanted) in cases.items()})
        self.assertEqual((canary.connections, far.connections), (0, 0))
        for identifier, name in names.items():
            server, wanted = cases[name]
            events = self.events(document, identifier)
            self.assertEqual(events, ['ContentHandover' if wanted == RECEIVED else 'ContentHandoverFailure'], name)
            self.assertEqual(len({r['vasite-delivery-id'] for r in server.requests} - {None}) <= 1, True, name)
            self.assertEqual(states[name]['received'] is not None, wanted == RECEIVED, name)
        self.assertEqual(len(cases['gone'][0].requests), 1)
        self.assertEqual([r['vasite-attempt'] for r in cases['recovers'][0].requests], ['1', '2', '3'])
        self.assertGreater(len(cases['not found'][0].requests), 1)
        for name in ('stranger', 'other name', 'no TLS', 'broken TLS'):
            self.assertEqual(cases[name][0].requests, [], 'nothing is said to whom it cannot tell: ' + name)
            self.assertGreater(cases[name][0].connections, 1, name)
        received, slow = states['good']['received'], states['slow']['received']
        self.assertLess(received['time'], slow['time'])
        self.check_store()

    def test_request_says_what_it_is_and_is_signed(self):
        good = self.endpoint(e.says(200), path='/in?for=beta')
        beta = self.recipient(good.url)
        sealed = self.endpoint(e.says(200))
        gamma = self.recipient(sealed.url, endpoint_takes='consignment')
        document = self.send([beta, gamma])
        states = self.settled(document)
        request, consignment = good.requests[0], sealed.requests[0]
        key = self.alfa.json('GET', '/v1/webhook-key')
        self.assertEqual(request.body, b'salam')
        self.assertEqual(request['content-digest'], e.content_digest(b'salam'))
        self.assertEqual(consignment['content-digest'], e.content_digest(consignment.body))
        self.assertEqual(consignment['vasite-document-digest'], e.content_digest(b'salam'))
        self.assertEqual(consignment.body[:4], b'PK\x03\x04')
        wanted = {'content-type': 'text/plain', 'vasite-event': 'document', 'vasite-document-id': document, 'vasite-content': 'original',
                  'vasite-sender': self.alfa.identifier, 'vasite-recipient': beta, 'vasite-attempt': '1', 'content-length': '5',
                  'vasite-name': 's%C9%99n%C9%99d.txt', 'vasite-evidence': f'https://{HOST}:{self.service.tls_port}/v1/documents/{document}/evidence'}
        self.assertEqual({name: request[name] for name in wanted}, wanted)
        created = int(re.search(r';created=(\d+);', request['signature-input']).group(1))
        self.assertLess(abs(created - time.time()), 600)
        self.assertTrue(e.signature_holds(request, good.url, key, self.folder))
        self.assertTrue(e.signature_holds(consignment, sealed.url, key, self.folder))
        covered = set(re.findall(r'"([^"]*)"', request['signature-input'].split(')')[0]))
        self.assertLessEqual({'@method', '@target-uri', 'content-digest', 'content-type', 'vasite-delivery-id', *(set(wanted) - {'content-length'})}, covered)
        for name in covered:
            self.assertFalse(e.signature_holds(request, good.url, key, self.folder, changed={name: 'tampered'}), name)
        self.assertFalse(e.signature_holds(request, good.url, {**key, 'keyid': '00'}, self.folder))
        spki = subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'DER'], input=key['public_key'].encode(), capture_output=True, check=True).stdout
        self.assertEqual(key['keyid'], hashlib.sha256(spki).hexdigest())
        self.assertEqual(states[beta]['received']['time'], states[beta]['handed_over']['time'])
        self.assertEqual(states[beta]['counts_as'], 'not-received')  # 27.4: not before it is acknowledged

    def test_private_addresses_stay_silent_however_they_are_written(self):
        canaries = [self.endpoint(e.says(200), address=CANARY), self.endpoint(e.says(200), address='::1')]
        if private_address():
            canaries.append(self.endpoint(e.says(200), address=private_address()))
        urls = [f'https://[::1]:{canaries[1].port}/', *(f'https://{c.address}:{c.port}/' for c in canaries if ':' not in c.address)]
        urls += [f'https://{way}:{canaries[0].port}/' for way in ('2130706434', '0x7f.0.0.2', '127.2', '[::ffff:127.0.0.2]', '[::ffff:7f00:2]')]
        recipients = [self.recipient(url) for url in urls]
        document = self.send(recipients)
        for identifier, r in self.settled(document).items():
            self.assertEqual(r['state'], FAILED)
            self.assertEqual(self.events(document, identifier), ['ContentHandoverFailure'])
        self.assertEqual([c.connections for c in canaries], [0] * len(canaries))

    def test_attempt_survives_a_crash_with_its_id(self):

        def behave(server, connection, number):
            server.take(connection)
            if number == 1:
                connection.until_gone()
            connection.answer(200)
        server = self.endpoint(behave)
        beta = self.recipient(server.url)
        document = self.send([beta])
        until(lambda: server.requests and server.requests[0].taken.is_set(), 'no request')
        self.service.stop(signal.SIGKILL)
        self.service.start()
        self.assertEqual(self.settled(document)[beta]['state'], RECEIVED)
        self.assertEqual(len(server.requests), 2)
        self.assertEqual(len({r['vasite-delivery-id'] for r in server.requests}), 1)
        self.assertEqual([r['vasite-attempt'] for r in server.requests], ['1', '2'])
        self.assertEqual(self.events(document, beta), ['ContentHandover'])
        self.check_store()

    def told(self, server, event, wanted):
        """The bodies of this kind of request, once `wanted` holds of them."""
        def bodies():
            found = [json.loads(r.body) for r in server.requests if r.taken.is_set() and r['vasite-event'] == event]
            return found if wanted(found) else None
        return until(bodies, lambda: str([(dict(r.headers), r.body) for r in server.requests]))

    def test_recipient_is_told_what_waits_and_sender_what_happened(self):
        inbox, events = self.endpoint(e.says(500, then=204)), self.endpoint(e.says(200), path='/events')
        beta = self.service.participant('voen:2222222222', 'Beta ASC', options=('--endpoint', inbox.url))
        self.service.agreement(self.alfa, beta, **{k.replace('-', '_'): v for k, v in TERMS.items() if k != 'receipt-at'})
        self.service.operator.vasite('participant', 'change', self.alfa.identifier, '--events-endpoint', events.url)
        document = self.send([beta.identifier], b'gizli')
        notice = self.told(inbox, 'waiting', lambda found: len(found) == 3)[-1]
        self.assertEqual(notice, {'document': document, 'sender': self.alfa.identifier, 'recipient': beta.identifier, 'state': 'available'})
        until(lambda: 'ConsignmentNotification' in self.events(document, beta.identifier), 'no evidence')
        self.assertEqual(self.states(document)[beta.identifier]['state'], 'available')
        beta.json('POST', f'/v1/documents/{document}/acknowledgement', {'conforms': True})
        last = self.told(events, 'events', lambda found: found and found[-1]['events'][-1]['state'] == 'reached')[-1]
        self.assertEqual({k: v for k, v in last['events'][-1].items() if k != 'cursor'},
                         {'document': document, 'recipient': beta.identifier, 'state': 'reached'})
        self.assertEqual(self.alfa.json('GET', '/v1/events?cursor=' + last['cursor'])['entries'], [])  # one cursor for both ways
        key = self.alfa.json('GET', '/v1/webhook-key')
        for server, url in ((inbox, inbox.url), (events, events.url)):
            for request in server.requests:
                self.assertTrue(e.signature_holds(request, url, key, self.folder))
                self.assertEqual(request['content-digest'], e.content_digest(request.body))
                self.assertNotIn(b'gizli', request.body)
                self.assertNotIn('sənəd'.encode(), request.body)
        self.assertEqual(len({r['vasite-delivery-id'] for r in inbox.requests}), 1)
        self.check_store()

    def test_recipient_that_cannot_be_told_has_received_all_the_same(self):
        gone = self.endpoint(e.says(410))
        beta = self.service.participant('voen:2222222222', 'Beta ASC', options=('--endpoint', gone.url))
        self.service.agreement(self.alfa, beta, **{k.replace('-', '_'): v for k, v in TERMS.items() if k != 'receipt-at'})
        document = self.send([beta.identifier])
        until(lambda: 'ConsignmentNotificationFailure' in self.events(document, beta.identifier), 'no evidence')
        state = self.states(document)[beta.identifier]
        self.assertEqual((state['state'], len(gone.requests)), ('available', 1))
        self.assertIsNotNone(state['received'])
        self.check_store()

    def test_stop_does_not_wait_for_an_endpoint_that_hangs(self):
        def behave(server, connection, number):
            server.take(connection)
            connection.until_gone()
        server = self.endpoint(behave)
        beta = self.recipient(server.url)
        document = self.send([beta])
        until(lambda: server.requests, 'no request')
        self.service.stop()
        self.service.start()
        self.assertEqual(self.states(document)[beta]['state'], 'waiting')

    def test_endpoint_is_checked_when_it_is_set(self):
        operator = self.service.operator
        for url in ('http://beta.example/in', 'https://user:secret@beta.example/', 'https://beta.example/#x', 'ftp://beta.example/', 'beta', ''):
            for member in ('endpoint', 'events_endpoint'):
                answer = operator.json('POST', '/v1/participants', {'identifiers': ['voen:5555555555'], 'name': 'x', member: url}, wanted=400)
                self.assertEqual(answer['type'], 'urn:vasite:problem:bad-endpoint', (url, answer))
                self.assertNotIn('secret', str(answer))
        out = self.service.vasite('--profile', operator.profile, 'participant', 'add', 'voen:5555555555', '--name', 'x', '--endpoint',
                                  'http://beta.example', wanted=None)
        self.assertIn('bad-endpoint', out.stdout + out.stderr)
        operator.vasite('participant', 'add', 'voen:5555555555', '--name', 'x', '--endpoint', 'HTTPS://Beta.Example:443', '--endpoint-takes', 'consignment')
        kept = operator.json('GET', '/v1/participants/voen:5555555555')
        self.assertEqual((kept['endpoint'], kept['endpoint_takes']), ('https://beta.example/', 'consignment'))


if __name__ == '__main__':
    unittest.main()
