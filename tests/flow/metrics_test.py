#!/usr/bin/env python3
"""/metrics by a strict reading of its format, /readyz check by check, the log as records."""
import json
import math
import os
import re
import shutil
import signal
import subprocess
import time
import unittest

from service import HOST, Service

NAME = re.compile(r'^[a-zA-Z_:][a-zA-Z0-9_:]*$')


def strictly(text):
    """{name: {labels: value}} of the text format 0.0.4; raises ValueError for anything that is not exactly it."""
    if not text.endswith('\n'):
        raise ValueError('the last line must end in a line feed')
    types, helps, samples, current, done = {}, {}, {}, None, set()
    for line in text[:-1].split('\n'):
        head = re.match(r'^# (HELP|TYPE) (\S+) (.*)$', line)
        if head:
            kind, name, rest = head.groups()
            table = helps if kind == 'HELP' else types
            if name in table or name in samples or not NAME.match(name):
                raise ValueError(f'{kind} of {name} comes twice or late')
            if kind == 'TYPE' and rest not in ('counter', 'gauge', 'histogram'):
                raise ValueError(f'{name} is a {rest}')
            table[name] = rest
            if kind == 'HELP':
                if name in done:
                    raise ValueError(f'{name} is in two places')
                current = name
                done.add(name)
            continue
        sample = re.match(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$', line)
        if not sample:
            raise ValueError(f'no sample: {line!r}')
        name, labels, value = sample.groups()
        family = re.sub(r'_(bucket|sum|count)$', '', name) if types.get(current) == 'histogram' else name
        if family != current or current not in types:
            raise ValueError(f'{name} stands under {current}')
        pairs = re.findall(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"', labels or '')
        if len(dict(pairs)) != len(pairs):
            raise ValueError(f'a label comes twice: {line!r}')
        key = tuple(sorted(pairs))
        if key in samples.setdefault(name, {}):
            raise ValueError(f'a sample comes twice: {line!r}')
        samples[name][key] = float(value.replace('Inf', 'inf'))
        if types[current] == 'counter' and (not name.endswith('_total') or samples[name][key] < 0):
            raise ValueError(f'a counter: {line!r}')
    for name, kind in types.items():
        if kind == 'histogram':
            check_histogram(name, samples)
    return samples, types


def check_histogram(name, samples):
    series = {}
    for labels, value in samples.get(name + '_bucket', {}).items():
        rest = tuple(p for p in labels if p[0] != 'le')
        series.setdefault(rest, []).append((float(dict(labels)['le'].replace('+Inf', 'inf')), value))
    for labels, buckets in series.items():
        if [b[0] for b in buckets] != sorted(b[0] for b in buckets) or buckets[-1][0] != math.inf:
            raise ValueError(f'{name}: buckets out of order or without +Inf')
        if [b[1] for b in buckets] != sorted(b[1] for b in buckets):
            raise ValueError(f'{name}: buckets are cumulative')
        if samples[name + '_count'][labels] != buckets[-1][1] or labels not in samples[name + '_sum']:
            raise ValueError(f'{name}: count and +Inf differ')


def records(log):
    return [json.loads(line) for line in log.splitlines()]


class Observed(unittest.TestCase):
    settings = {}

    def setUp(self):
        self.service = Service(settings={'log': {'requests': 'all'}, **self.settings})
        self.addCleanup(self.service.close)
        self.service.prepare()

    def begin(self):
        self.service.start()
        self.alfa = self.service.participant('voen:1234567891', 'Alfa MMC')
        self.beta = self.service.participant('voen:9876543219', 'Beta ASC')
        self.service.agreement(self.alfa, self.beta, forms='any', signature_class='none', signature_level='none')

    def send(self, data=b'hello'):
        return self.alfa.call('POST', '/v1/documents?to=' + self.beta.identifier, data, 'text/plain')

    def text(self):
        status, headers, body = self.service.call('GET', '/metrics', token=self.service.operator.token)
        self.assertEqual((status, headers['content-type']), (200, 'text/plain; version=0.0.4; charset=utf-8'))
        return body.decode()

    def ready(self):
        status, _, body = self.service.call('GET', '/readyz', plain=True)
        return status, json.loads(body)

    def reload(self, **sections):
        before = len(records(self.service.log()))
        self.service.settings.update(sections)
        self.service.write_settings()
        self.service.process.send_signal(signal.SIGHUP)
        self.wait(lambda: any(r['event'].startswith('reload') for r in records(self.service.log())[before:]))

    def wait(self, done, seconds=30):
        end = time.monotonic() + seconds
        while not done():
            self.assertLess(time.monotonic(), end, self.service.log()[-2000:])
            time.sleep(0.05)


class Metrics(Observed):
    def test_they_are_of_the_format_and_say_what_happened(self):
        self.begin()
        for i in range(5):
            self.assertEqual(self.send(b'%d' % i)[0], 201)
        self.assertEqual(self.send(self.alfa.signed('Salam'))[0], 201)
        self.assertEqual(self.alfa.call('POST', '/v1/documents?to=voen:0000000000', b'x', 'text/plain')[0] // 100, 4)
        self.service.call('GET', '/nothing/"\\of/the%0akind')
        text = self.text()
        samples, types = strictly(text)
        value = lambda metric, **labels: samples[metric].get(tuple(sorted(labels.items())), 0)  # noqa: E731
        self.assertEqual(value('vasite_submissions_total', outcome='accepted'), 6)
        self.assertEqual(value('vasite_http_requests_total', method='POST', route='/v1/documents', status='2xx'), 6)
        self.assertEqual(value('vasite_http_requests_total', method='POST', route='/v1/documents', status='4xx'), 1)
        self.assertEqual(value('vasite_problems_total', code='no-such-path'), 1)
        self.assertEqual(value('vasite_http_request_seconds_count', method='POST', route='/v1/documents'), 7)
        self.assertGreater(value('vasite_http_request_seconds_sum', method='POST', route='/v1/documents'), 0)
        self.assertGreater(value('vasite_commit_seconds_count'), 0)
        self.assertGreater(value('vasite_commit_jobs_sum'), 4)
        for name in ('signs', 'verifies', 'rows', 'file_syncs', 'store_commits', 'hashed_bytes'):
            self.assertGreater(value(f'vasite_{name}_total'), 0, name)
        self.assertGreater(value('vasite_signs_per_document'), 1)
        for purpose in ('seal', 'evidence', 'tsa', 'ocsp', 'ca', 'tls'):
            self.assertGreater(value('vasite_certificate_days', purpose=purpose), 30, purpose)
        self.assertEqual(value('vasite_check', name='disk'), 0)
        self.assertIn(('kind', 'push'), [p for labels in samples.get('vasite_due_work', {}) for p in labels] or [('kind', 'push')])
        self.assertEqual(value('vasite_log_lost_total'), 0)
        for name in types:
            self.assertTrue(name.startswith('vasite_'))
        for secret in (self.alfa.identifier, 'Alfa', self.alfa.token):
            self.assertNotIn(secret, text)

    def test_other_readers_take_them(self):
        self.begin()
        self.send()
        text = self.text()
        read = False
        try:
            from prometheus_client.parser import text_string_to_metric_families
            families = {f.name: f for f in text_string_to_metric_families(text)}
            self.assertEqual(families['vasite_commit_seconds'].type, 'histogram')
            self.assertGreater(len(families), 40)
            read = True
        except ImportError:
            pass
        if shutil.which('promtool'):
            out = subprocess.run(['promtool', 'check', 'metrics'], input=text, capture_output=True, text=True)
            self.assertEqual((out.returncode, out.stdout + out.stderr), (0, ''))
            read = True
        if not read:
            self.skipTest('neither python3-prometheus-client nor promtool is there')

    def test_the_strict_reading_refuses_what_is_wrong(self):
        good = '# HELP a_total x\n# TYPE a_total counter\na_total 1\n'
        strictly(good)
        for bad in (good[:-1], good + 'a_total 1\n', good.replace('counter', 'number'), good.replace('a_total 1', 'b_total 1'),
                    good + '# HELP a_total x\n', good.replace(' 1\n', '{x="1",x="2"} 1\n'), good.replace(' 1\n', '{x="a"b"} 1\n'),
                    '# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
                    '# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n'):
            with self.assertRaises(ValueError):
                strictly(bad)


class Ready(Observed):
    def test_each_check_with_its_reason(self):
        self.begin()
        status, body = self.ready()
        self.assertEqual((status, body['ready'], body['reason']), (200, True, None))
        checks = body['checks']
        for name in ('store', 'stopping', 'disk', 'anchor', 'clock', 'marks', 'queue', 'certificate-seal', 'certificate-evidence',
                     'certificate-tsa', 'certificate-ocsp', 'certificate-ca', 'certificate-tls'):
            self.assertEqual(checks[name]['state'], 'ok', name)
        self.assertGreater(checks['disk']['bytes'], 0)

        # Bounds are reloaded; a warning is no reason to send work elsewhere.
        self.reload(health={'certificate_warn': '3650 d', 'disk_warn': '1024 GiB'})
        status, body = self.ready()
        self.assertEqual((status, body['checks']['certificate-tls']['state'], body['checks']['disk']['state']), (200, 'warn', 'warn'))
        self.assertRegex(body['checks']['certificate-tls']['text'], r'ends in \d+ days')
        self.reload(health={'certificate_fail': '3650 d'})
        status, body = self.ready()
        self.assertEqual((status, body['ready'], body['reason'], body['checks']['certificate-seal']['code']), (503, False, 'key', 'key'))
        self.wait(lambda: any(r['event'] == 'health' and r['check'] == 'certificate-seal' and r['level'] == 'error' for r in records(self.service.log())))
        self.reload(health={'certificate_fail': '1 d'})
        self.assertEqual(self.ready()[0], 200)
        self.wait(lambda: any(r['event'] == 'health' and r['check'] == 'certificate-seal' and r['state'] == 'ok' for r in records(self.service.log())))

    def test_a_tls_certificate_that_ends_soon(self):
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', self.service.path('tls.key'),
                        '-out', self.service.path('tls.pem'), '-subj', '/CN=' + HOST, '-days', '2'], check=True, capture_output=True)
        self.service.settings['tls'] = {'certificate': 'tls.pem', 'key': 'tls.key'}
        self.service.write_settings()
        self.service.start()
        self.assertEqual(self.ready()[1]['checks']['certificate-tls']['state'], 'warn')
        self.assertEqual(self.ready()[1]['checks']['certificate-seal']['state'], 'ok')

    def test_red_before_the_disk_is_full(self):
        self.settings['data'] = {'disk_reserve': '1024 GiB'}
        self.service.settings['data'] = {'disk_reserve': '1024 GiB'}
        self.service.write_settings()
        self.service.start()
        status, body = self.ready()
        self.assertEqual((status, body['reason'], body['checks']['disk']['state'], body['disk_short']), (503, 'disk-full', 'fail', True))


class Log(Observed):
    def test_requests_are_records_with_route_and_duration(self):
        self.begin()
        number = json.loads(self.send()[2])['id']
        self.alfa.call('GET', f'/v1/documents/{number}')
        self.alfa.call('GET', '/v1/documents/' + '0' * 32 + '?subject=Gizli')
        self.wait(lambda: len([r for r in records(self.service.log()) if r['event'] == 'request' and r['route'] == '/v1/documents/{id}']) == 2)
        log = self.service.log()
        found, unknown = [r for r in records(log) if r.get('route') == '/v1/documents/{id}']
        self.assertEqual((found['method'], found['status'], found['code'], found['level']), ('GET', 200, 'none', 'info'))
        self.assertRegex(found['time'], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$')
        self.assertRegex(found['id'], r'^[0-9a-f]{32}$')
        self.assertRegex(found['participant'], r'^[0-9a-f]{32}$')
        self.assertGreaterEqual(found['ms'], 0)
        self.assertIn(unknown['code'], ('not-found', 'bad-parameter'))
        self.assertEqual(unknown['text'], '')
        for secret in ('Gizli', number):
            self.assertNotIn(secret, log)

    def test_a_file_is_let_go_when_it_was_moved(self):
        path = self.service.path('vasited.log')
        self.service.settings['log'] = {'file': 'vasited.log', 'requests': 'all'}
        self.service.write_settings()
        self.begin()
        self.assertEqual(os.stat(path).st_mode & 0o7, 0)
        os.rename(path, path + '.1')
        self.send()
        self.service.process.send_signal(signal.SIGUSR1)
        self.wait(lambda: os.path.exists(path) and os.path.getsize(path) > 0)
        self.send()
        self.service.stop()
        with open(path) as new, open(path + '.1') as old:
            new, old = records(new.read()), records(old.read())
        self.assertIn('started', [r['event'] for r in old])
        self.assertEqual((new[0]['event'], new[-1]['event']), ('log-reopened', 'stopped'))
        self.assertTrue([r for r in old if r.get('route') == '/v1/documents'] and [r for r in new if r.get('route') == '/v1/documents'])

    def test_a_reload_that_is_wrong_in_anything_changes_nothing(self):
        self.begin()
        self.reload(log={'file': '/nonexistent/log'}, limits={'waiting': 0})
        last = [r for r in records(self.service.log()) if r['event'].startswith('reload')][-1]
        self.assertEqual((last['event'], last['code']), ('reload-refused', 'configuration'))
        self.assertIn('log.file', last['text'])
        status, _, _ = self.beta.call('GET', '/v1/inbox?wait=1')
        self.assertEqual(status, 200)


if __name__ == '__main__':
    unittest.main()
