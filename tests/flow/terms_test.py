#!/usr/bin/env python3
"""Art. 26 and 27 over REST with the real service and terms of seconds: consent before hand-over, reminder, further term, overdue,
notice of non-sending, automatic acknowledgement; each step leaves evidence, each side learns of it in its list."""
import datetime
import json
import unittest

from service import ASIC_E, Service, until


class Terms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.addClassCleanup(cls.service.close)
        cls.service.__enter__()
        cls.alfa = cls.service.participant('voen:1234567891', 'Alfa MMC')
        cls.partners = {}
        # One partner for each way to agree.
        for i, (name, terms) in enumerate({
                'asked': {'consent': 'yes', 'consent-term': '1 h'},
                'silent': {'consent': 'yes', 'consent-term': '1 s'},
                'reminded': {'remind': 'yes', 'acknowledgement-term': '1 s', 'further-term': '1 s'},
                'told': {'acknowledgement-term': '1 s', 'further-term': '1 s'},
                'signing': {'signer-is-sender': 'yes'},
                'automatic': {'automatic-acknowledgement': 'yes'}}.items()):
            party = cls.service.participant(f'voen:100000000{i}', f'{name} MMC')
            cls.service.agreement(cls.alfa, party, **terms)
            cls.partners[name] = party

    @classmethod
    def tearDownClass(cls):
        """Whatever the tests did holds together, to the last piece of evidence."""
        cls.service.stop()
        cls.service.vasite('check', '--config', cls.service.path('vasite.yaml'))

    def send(self, to, text, query=''):
        status, _, body = self.alfa.call('POST', f'/v1/documents?to={to.identifier}{query}', self.alfa.signed(text), ASIC_E)
        self.assertEqual(status, 201, body)
        return json.loads(body)['id']

    def status(self, party, document):
        """As that party sees it: the one recipient, and the names of all evidence."""
        status = party.json('GET', f'/v1/documents/{document}')
        return status['recipients'][0], [e['event'] for e in status['evidence']]

    def wait_event(self, party, document, event):
        def there():
            # Before the sequencer has placed it, a recipient does not know of it.
            if party.call('GET', f'/v1/documents/{document}')[0] != 200:
                return None
            status = self.status(party, document)
            return status if event in status[1] else None
        return until(there, f'no {event}')

    def entry(self, party, path, document):
        """The last entry about it of a list, followed by its cursor as a client does."""
        cursor, last = '', None
        while True:
            page = party.json('GET', f'{path}?limit=500&cursor={cursor}')
            last = ([e for e in page['entries'] if e['document'] == document] or [last])[-1]
            cursor = page['cursor']
            if not page['more']:
                return last

    def test_a_recipient_that_is_asked_sees_no_content_until_it_says_yes(self):
        beta = self.partners['asked']
        document = self.send(beta, 'soruşulur')
        self.wait_event(beta, document, 'NotificationForAcceptance')
        entry = self.entry(beta, '/v1/inbox', document)
        self.assertEqual((entry['state'], entry['term']['kind'], entry['received']), ('asked', 'consent', None))
        for what in ('original', 'consignment'):
            status, _, body = beta.call('GET', f'/v1/documents/{document}/{what}')
            self.assertEqual((status, json.loads(body)['type']), (409, 'urn:vasite:problem:wrong-state'), body)
        self.assertEqual(self.alfa.call('POST', f'/v1/documents/{document}/consent', b'{"accepts":true}', 'application/json')[0], 404)
        answer = beta.json('POST', f'/v1/documents/{document}/consent', {'accepts': True}, 201)
        self.assertEqual(beta.json('POST', f'/v1/documents/{document}/consent', {'accepts': True}, 200)['evidence'], answer['evidence'])
        beta.json('POST', f'/v1/documents/{document}/consent', {'accepts': False}, 409)
        seen, _ = self.wait_event(beta, document, 'ContentConsignment')
        self.assertEqual((seen['state'], seen['consent']['actor']), ('available', 'Dəftərxana'))
        self.assertEqual(beta.call('GET', f'/v1/documents/{document}/original')[0], 200)

    def test_a_rejection_and_a_silence_end_it_once(self):
        beta, nobody = self.partners['asked'], self.partners['silent']
        rejected, silent = self.send(beta, 'rədd'), self.send(nobody, 'susur')
        self.wait_event(beta, rejected, 'NotificationForAcceptance')
        beta.vasite('consent', rejected, '--reject', '--reason', 'bizə aid deyil')
        self.assertEqual(self.entry(self.alfa, '/v1/events', rejected)['refusal_reason'], 'bizə aid deyil')
        seen, events = self.wait_event(self.alfa, silent, 'AcceptanceRejectionExpiry')
        self.assertEqual((seen['state'], events.count('AcceptanceRejectionExpiry')), ('expired', 1))
        self.assertGreater(seen['consent']['time'], self.status(nobody, silent)[0]['asked']['time'])
        nobody.vasite('consent', silent, wanted=1)
        self.assertNotIn('AcceptanceRejectionExpiry', self.status(self.alfa, rejected)[1])

    def test_a_passed_term_reminds_then_is_overdue_and_a_late_answer_counts(self):
        beta = self.partners['reminded']
        document = self.send(beta, 'xatırlat')
        self.wait_event(beta, document, 'AcknowledgementReminder')
        seen, events = self.wait_event(self.alfa, document, 'AcknowledgementOverdue')
        self.assertEqual((events.count('AcknowledgementReminder'), events.count('AcknowledgementOverdue')), (1, 1))
        # To the millisecond: never before the end of the term.
        self.assertLess(seen['deadline'], seen['reminded']['time'])
        self.assertLess(seen['further'], seen['overdue']['time'])
        self.assertEqual(seen['counts_as'], 'not-received')
        self.assertIsNotNone(self.entry(beta, '/v1/inbox', document)['overdue'])
        beta.json('POST', f'/v1/documents/{document}/acknowledgement', {'conforms': True}, 201)
        seen, _ = self.wait_event(self.alfa, document, 'AcknowledgementReachedSender')
        self.assertEqual((seen['state'], seen['counts_as'], seen['late'], seen['term']), ('reached', 'received', True, None))

    def test_without_authority_the_sender_reminds_for_itself(self):
        beta = self.partners['told']
        document = self.send(beta, 'özün xatırlat')
        self.wait_event(self.alfa, document, 'AcknowledgementOverdue')
        self.assertEqual(len([e for e in beta.json('GET', '/v1/inbox?limit=500')['entries'] if e['document'] == document]), 1)
        until_ = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).strftime('%Y-%m-%dT%H:%M:%S.000Z')
        self.alfa.vasite('remind', document, '--until', until_)
        self.alfa.vasite('remind', document, wanted=1)
        seen, _ = self.wait_event(beta, document, 'AcknowledgementReminder')
        self.assertEqual((seen['further'], seen['term']['kind'], seen['reminded']['actor']), (until_, 'further', 'Dəftərxana'))

    def test_a_notice_of_non_sending_stands_in_every_view(self):
        beta = self.partners['reminded']
        document = self.send(beta, 'göndərməmişəm', '&deadline=2100-01-01T00:00:00Z')
        self.wait_event(beta, document, 'ContentConsignment')
        beta.json('POST', f'/v1/documents/{document}/non-sending-notice', {'reason': 'mən'}, 404)
        self.alfa.vasite('notice', document, '--reason', 'açar oğurlanıb')
        self.alfa.json('POST', f'/v1/documents/{document}/non-sending-notice', {}, 200)
        seen = [self.status(beta, document)[0], self.status(self.alfa, document)[0], self.entry(beta, '/v1/inbox', document),
                self.entry(self.alfa, '/v1/events', document)]
        for view in seen:
            self.assertEqual((view['counts_as'], view['not_sent_by'], view['notice_reason']),
                             ('not-sent', ['27.3.1'], 'açar oğurlanıb'))
        self.assertEqual(self.status(beta, document)[1].count('NonSendingNotice'), 1)
        self.assertIn('not-sent (27.3.1)', beta.vasite('status', document))

    def test_an_answer_may_be_a_signed_document(self):
        beta = self.partners['signing']
        document = self.send(beta, 'imzalı təsdiq')
        self.wait_event(beta, document, 'ContentConsignment')
        statement, reply = self.service.path('acknowledgement.xml'), self.service.path('reply.asice')
        beta.vasite('ack', document, '--statement', statement)
        # Signed by somebody else it is no answer; unsigned neither.
        self.alfa.sign_file(statement, reply)
        beta.vasite('ack', document, '--signed', reply, wanted=1)
        beta.vasite('ack', document, '--signed', statement, wanted=1)
        self.assertEqual(self.status(self.alfa, document)[0]['state'], 'available')
        beta.sign_file(statement, reply)
        beta.vasite('ack', document, '--signed', reply)
        seen, _ = self.wait_event(self.alfa, document, 'AcknowledgementReachedSender')
        self.assertEqual(seen['counts_as'], 'received')
        self.alfa.vasite('get', document, '--reply', '-o', self.service.path('kept.asice'))
        with open(reply, 'rb') as given, open(self.service.path('kept.asice'), 'rb') as kept:
            self.assertEqual(given.read(), kept.read())

    def test_the_service_acknowledges_where_that_is_agreed(self):
        document = self.send(self.partners['automatic'], 'avtomatik')
        seen, events = self.wait_event(self.alfa, document, 'AcknowledgementReachedSender')
        self.assertEqual((seen['counts_as'], seen['acknowledged']['actor'], events.count('Acknowledgement')),
                         ('received', 'Vasite test, automatically for automatic MMC', 1))


if __name__ == '__main__':
    unittest.main(verbosity=2)
