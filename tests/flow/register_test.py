#!/usr/bin/env python3
"""Registers of outgoing and incoming documents (Rule of exchange): numbered, searched, exported as CSV that a
spreadsheet opens and does not run."""
import csv
import io
import json
import unittest
from urllib.parse import quote

from service import Service

FORMULA = '=HYPERLINK("http://example.org","bax")'


class Registers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = s = Service()
        cls.addClassCleanup(s.close)
        s.prepare()
        s.start()
        cls.alfa = s.participant('voen:1234567891', 'Alfa "Ə" MMC')
        cls.beta = s.participant('voen:9876543219', 'Beta, ASC')
        cls.gamma = s.participant('voen:3456789123', 'Qamma')
        cls.auditor = s.principal('', 'auditor', name='Müfəttiş')
        for other in (cls.beta, cls.gamma):
            s.agreement(cls.alfa, other, forms='any', signature_class='none', signature_level='none')
        cls.ids = []
        for i, (to, subject) in enumerate([(cls.beta, 'Müqavilə 1'), (cls.gamma, FORMULA), (cls.beta, 'Akt, "son" sətir')]):
            status, _, body = cls.alfa.call('POST', f'/v1/documents?to={to.identifier}&number=A-{i + 1}&subject=' + quote(subject),
                                            f'mətn {i}'.encode(), 'text/plain')
            assert status == 201, body[:600]
            cls.ids.append(json.loads(body)['id'])

    def register(self, who, query):
        return who.json('GET', '/v1/register?' + query)['entries']

    def numbers(self, who, query):
        return [int(e['registration'].split('/')[1]) for e in self.register(who, query)]

    def test_both_sides_are_numbered_without_gaps(self):
        self.assertEqual(self.numbers(self.alfa, 'direction=outgoing'), [1, 2, 3])
        self.assertEqual(self.numbers(self.beta, 'direction=incoming'), [1, 2])
        self.assertEqual(self.numbers(self.gamma, 'direction=incoming'), [1])
        self.assertEqual(self.numbers(self.beta, 'direction=outgoing'), [])

    def test_it_is_searched(self):
        self.assertEqual(self.numbers(self.alfa, 'direction=outgoing&number=A-3'), [3])
        self.assertEqual(self.numbers(self.alfa, f'direction=outgoing&party={self.gamma.identifier}'), [2])
        self.assertEqual(self.numbers(self.alfa, 'direction=outgoing&subject=akt'), [3])
        self.assertEqual(self.numbers(self.alfa, 'direction=outgoing&until=2000-01-01T00:00:00Z'), [])
        own = self.register(self.alfa, 'direction=outgoing')[1]['registration']
        self.assertEqual(self.numbers(self.alfa, 'direction=outgoing&number=' + own), [2])
        for wrong in ('', 'direction=up', 'direction=outgoing&state=gone', 'direction=outgoing&from=yesterday',
                      'direction=outgoing&cursor=r1-00', 'direction=outgoing&lang=de', 'direction=outgoing&x=1'):
            self.assertEqual(self.alfa.call('GET', '/v1/register?' + wrong)[0], 400, wrong)

    def test_nobody_sees_anothers(self):
        query = '/v1/register?direction=outgoing&participant='
        answer = self.beta.call('GET', query + self.alfa.identifier)
        unknown = self.beta.call('GET', query + 'voen:1111111111')
        self.assertEqual(answer[0], 404)
        self.assertEqual(json.loads(answer[2])['type'], json.loads(unknown[2])['type'])
        self.assertEqual(len(self.register(self.auditor, 'direction=outgoing&participant=' + self.alfa.identifier)), 3)

    def test_the_csv_is_read_back_and_runs_nothing(self):
        path = self.service.path('out.csv')
        self.alfa.vasite('register', 'outgoing', '--csv', '--lang', 'en', '-o', path)
        with open(path, 'rb') as f:
            raw = f.read()
        self.assertTrue(raw.endswith(b'\r\n'))
        lines = list(csv.reader(io.StringIO(raw.decode(), newline='')))
        self.assertEqual(lines[0][:3], ['Registration number', 'Sent', 'Received'])
        self.assertEqual(len(lines), 4)
        self.assertEqual(lines[1][4], 'Alfa "Ə" MMC')
        self.assertEqual(lines[1][6], 'Beta, ASC')
        self.assertEqual(lines[2][7], "'" + FORMULA)
        self.assertEqual([line[12] for line in lines[1:]], self.ids)
        for line in lines[1:]:
            self.assertFalse([cell for cell in line if cell[:1] in ('=', '+', '-', '@')])
        for language, title in (('az', 'Qeydiyyat nömrəsi'), ('ru', 'Регистрационный номер')):
            out = self.alfa.vasite('register', 'outgoing', '--csv', '--lang', language)
            self.assertIn(title, out.splitlines()[0])

    def test_pages_of_one_make_the_whole(self):
        cursor, seen = '', []
        while True:
            page = self.alfa.json('GET', f'/v1/register?direction=outgoing&limit=1&cursor={cursor}')
            seen += [e['delivery']['document'] for e in page['entries']]
            cursor = page['cursor']
            if not page['more']:
                break
        self.assertEqual(seen, self.ids)


if __name__ == '__main__':
    unittest.main(verbosity=2)
