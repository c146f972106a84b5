#!/usr/bin/env python3
"""The mailbox and the sender's events as event streams: nothing missed, nothing twice, many idle ones at once, an end when the right ends."""
import json
import socket
import threading
import unittest

from service import Service, until

TERMS = {'forms': 'any', 'signature_class': 'none', 'signature_level': 'none'}


class Stream:
    """A client of one stream, read by a thread of its own."""

    def __init__(self, party, path, last=None, timeout=60):
        self.connection = party.service.connect(timeout=timeout)
        headers = {'Authorization': 'Bearer ' + party.token, 'Accept': 'text/event-stream'}
        if last is not None:
            headers['Last-Event-ID'] = last
        self.connection.request('GET', path, headers=headers)
        self.socket = self.connection.sock
        self.answer = self.connection.getresponse()
        self.status, self.type = self.answer.status, self.answer.getheader('Content-Type')
        self.events, self.comments, self.ended = [], 0, False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        event = {}
        try:
            for line in iter(self.answer.readline, b''):
                line = line.decode().rstrip('\n')
                if line.startswith(':'):
                    self.comments += 1
                elif line:
                    name, value = line.split(': ', 1)
                    event[name] = value
                elif 'data' in event:
                    self.events.append((event['id'], event['event'], json.loads(event['data'])))
                    event = {}
                else:
                    event = {}
        except (OSError, ValueError, AttributeError):
            pass
        self.answer.close()
        self.ended = True

    def documents(self):
        return [data['document'] for _, _, data in self.events]

    def close(self):
        """Gone without a word. The reading thread closes the rest: closing it here would wait for that thread."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Streams(unittest.TestCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(self.service.close)
        self.service.prepare()
        self.service.start()
        self.alfa = self.service.participant('voen:1234567891', 'Alfa MMC')
        self.beta = self.service.participant('voen:9876543219', 'Beta ASC')
        self.service.agreement(self.alfa, self.beta, **TERMS)

    def stream(self, party, path, **more):
        made = Stream(party, path, **more)
        self.addCleanup(made.close)
        self.assertEqual((made.status, made.type), (200, 'text/event-stream'))
        return made

    def send(self, text):
        status, _, body = self.alfa.call('POST', '/v1/documents?to=' + self.beta.identifier, text.encode(), 'text/plain')
        self.assertEqual(status, 201, body)
        return json.loads(body)['id']

    def test_mailbox_is_told_in_order_and_goes_on_after_the_last_event(self):
        first = self.send('bir')
        stream = self.stream(self.beta, '/v1/inbox')
        until(lambda: len(stream.events) == 1, 'what was there is not told')
        second, third = self.send('iki'), self.send('üç')
        until(lambda: len(stream.events) == 3, 'what comes is not told')
        self.assertEqual(stream.documents(), [first, second, third])
        self.assertEqual({name for _, name, _ in stream.events}, {'delivery'})
        self.assertEqual(stream.events[0][2]['state'], 'available')
        stream.close()
        fourth = self.send('dörd')
        again = self.stream(self.beta, '/v1/inbox', last=stream.events[1][0])
        until(lambda: len(again.events) == 2, 'what came meanwhile is not told')
        self.assertEqual(again.documents(), [third, fourth])
        page = self.beta.json('GET', '/v1/inbox?cursor=' + again.events[-1][0])
        self.assertEqual(page['entries'], [])  # one cursor for both ways

    def test_events_tell_the_sender_what_happened(self):
        stream = self.stream(self.alfa, '/v1/events')
        document = self.send('bir')
        until(lambda: stream.documents() == [document], 'not told')
        self.beta.json('POST', f'/v1/documents/{document}/acknowledgement', {'conforms': True})
        until(lambda: [d['state'] for _, _, d in stream.events][-1] == 'reached', lambda: str(stream.events))
        gamma = self.service.participant('voen:5555555555', 'Qamma MMC')
        other = self.stream(gamma, '/v1/events')
        until(lambda: other.comments > 0, 'no heartbeat')  # and in all that time nobody else's event
        self.assertEqual(other.events, [])
        self.assertGreater(stream.comments, 0)

    def test_many_idle_streams_are_told_at_once(self):
        streams = [self.stream(self.beta, '/v1/inbox') for _ in range(150)]
        document = self.send('bir')
        until(lambda: all(s.documents() == [document] for s in streams), lambda: str([len(s.events) for s in streams]))
        for s in streams[:100]:
            s.close()  # gone without a word
        second = self.send('iki')
        until(lambda: all(s.documents() == [document, second] for s in streams[100:]), 'the others are not told')
        self.service.stop()
        until(lambda: all(s.ended for s in streams), 'a stream outlives the service')

    def test_stream_ends_with_the_right_to_it(self):
        other = self.service.principal(self.beta.identifier, name='Müvəqqəti')
        stream = self.stream(other, '/v1/inbox')
        self.send('bir')
        until(lambda: len(stream.events) == 1, 'not told')
        principals = self.service.operator.json('GET', '/v1/principals?participant=' + self.beta.identifier)['principals']
        one = next(p for p in principals if p['name'] == 'Müvəqqəti')
        self.service.operator.call('DELETE', '/v1/principals/' + one['id'])
        until(lambda: stream.ended, 'it goes on')
        self.send('iki')
        self.assertEqual(len(stream.events), 1)

    def test_wrong_cursor_is_refused_before_the_stream(self):
        for path, last in (('/v1/inbox?cursor=x', None), ('/v1/inbox', 'x'), ('/v1/events?limit=3', None)):
            headers = {'Accept': 'text/event-stream', **({'Last-Event-ID': last} if last else {})}
            status, _, body = self.alfa.call('GET', path, headers=headers)
            self.assertEqual((status, json.loads(body)['type']), (400, 'urn:vasite:problem:bad-parameter'))


if __name__ == '__main__':
    unittest.main()
