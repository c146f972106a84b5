#!/usr/bin/env python3
"""What the command line does with the service, beyond the journey that the other tests take."""
import json
import unittest

from service import Service


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.addClassCleanup(cls.service.close)
        cls.service.__enter__()
        cls.alfa = cls.service.participant('voen:1234567891', 'Alfa MMC')
        cls.beta = cls.service.participant('voen:9876543219', 'Beta ASC')

    def operator(self, *arguments, **options):
        return self.service.operator.vasite(*arguments, **options)

    def test_a_participant_is_changed_where_told_and_kept_otherwise(self):
        self.operator('participant', 'change', 'voen:9876543219', '--endpoint', 'https://beta.example/in', '--public-body')
        now = json.loads(self.operator('participant', 'show', 'voen:9876543219'))
        self.assertEqual((now['name'], now['contract'], now['endpoint'], now['public_body']),
                         ('Beta ASC', '2026/1', 'https://beta.example/in', True))
        self.operator('participant', 'change', 'voen:9876543219', 'voen:9876543219', 'gln:4760001234567')
        self.assertEqual(json.loads(self.operator('participant', 'show', 'gln:4760001234567'))['id'], now['id'])

    def test_one_term_of_an_agreement_is_changed_and_the_others_stay(self):
        agreement = self.operator('agreement', 'add', 'voen:1234567891', 'voen:9876543219', '-t', 'marks=batch').strip()
        self.operator('agreement', 'change', agreement, '-t', 'signer-is-sender=yes')
        terms = json.loads(self.operator('agreement', 'show', agreement))['terms']
        self.assertEqual((terms['marks'], terms['signer-is-sender']), ('batch', 'yes'))

    def test_a_held_repetition_is_delivered_once_confirmed(self):
        path = self.service.path('twice.asice')
        with open(path, 'wb') as f:
            f.write(self.alfa.signed('iki dəfə'))
        first = self.alfa.vasite('send', '--to', self.beta.identifier, path).strip()
        second = json.loads(self.alfa.vasite('--json', 'send', '--to', self.beta.identifier, path))
        self.assertEqual((second['held'], second['repeats']), (True, first))
        # Its recipient learns that there is something (Art. 27.3.3), and does not get it.
        page = json.loads(self.beta.vasite('--json', 'inbox'))
        while second['id'] not in json.dumps(page['entries']):
            page = json.loads(self.beta.vasite('--json', 'inbox', '--cursor', page['cursor'], '--wait', '10'))
        entry = [e for e in page['entries'] if e['document'] == second['id']][-1]
        self.assertEqual((entry['state'], entry['not_sent_by'], entry['repeats']), ('held', ['27.3.3'], first))
        self.beta.vasite('get', second['id'], '-o', self.service.path('held'), wanted=1)
        self.assertIn('confirmed', self.alfa.vasite('confirm', second['id']))
        while not any(e['document'] == second['id'] and e['state'] == 'available' for e in page['entries']):
            page = json.loads(self.beta.vasite('--json', 'inbox', '--cursor', page['cursor'], '--wait', '10'))
            self.assertTrue(page['entries'])
        self.alfa.vasite('confirm', second['id'], wanted=1)

    def test_a_wrong_call_says_what_is_wrong_and_ends_with_2(self):
        for arguments in (['send'], ['nothing'], ['participant'], ['get', 'x'], ['inbox', '--wait', 'soon'], []):
            out = self.service.vasite(*arguments, wanted=None)
            self.assertEqual(out.returncode, 2, arguments)
            self.assertTrue(out.stderr, arguments)

    def test_a_service_that_is_away_ends_with_4(self):
        profile = self.service.path('away.profile')
        with open(profile, 'w') as f:
            f.write('url: https://127.0.0.1:1\n')
        out = self.service.vasite('--profile', profile, 'inbox', wanted=None)
        self.assertEqual(out.returncode, 4, out.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
