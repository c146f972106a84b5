#!/usr/bin/env python3
"""What an operator meets: wrong settings, ports, stores, disks, clocks, authorities; reload and stop; limits."""
import contextlib
import copy
import glob
import json
import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading
import unittest

from service import ASIC_E, HOST, Failed, Service, free_ports, until

FAKETIME = glob.glob('/usr/lib/*/faketime/libfaketimeMT.so.1')


def records(log):
    return [json.loads(line) for line in log.splitlines() if line.startswith('{')]


class Alone(unittest.TestCase):
    """Each with a service of its own, one that takes any bytes."""
    settings = {}

    def setUp(self):
        self.service = Service(settings=copy.deepcopy(self.settings))
        self.addCleanup(self.service.close)
        self.make_files()
        self.service.prepare()

    def make_files(self):
        pass

    def begin(self):
        self.service.start()
        self.alfa = self.service.participant('voen:1234567891', 'Alfa MMC')
        self.beta = self.service.participant('voen:9876543219', 'Beta ASC')
        self.service.agreement(self.alfa, self.beta, forms='any', signature_class='none', signature_level='none')

    def send(self, data=b'hello', headers=None, query=''):
        return self.alfa.call('POST', '/v1/documents?to=' + self.beta.identifier + query, data, 'text/plain', headers)

    def problem(self, answer, status, code):
        self.assertEqual((answer[0], json.loads(answer[2])['type']), (status, 'urn:vasite:problem:' + code), answer[2][:500])

    def refuses_to_start(self, code, status, says):
        self.service.start(wait=False)
        self.assertEqual(self.service.process.wait(60), status, self.service.log()[-2000:])
        self.service.process = None
        refusal = [r for r in records(self.service.log()) if r['event'] == 'start-refused'][-1]
        self.assertEqual(refusal['code'], code)
        self.assertRegex(refusal['text'], says)
        self.assertTrue(refusal['remedy'])


class Start(Alone):
    def test_a_wrong_setting_names_file_line_and_setting(self):
        path = self.service.path('vasite.yaml')
        with open(path, 'a') as f:
            f.write('limits:\n  idle: 5 parsecs\n')
        with open(path) as f:
            line = f.read().splitlines().index('  idle: 5 parsecs') + 1
        says = f'vasite.yaml:{line}: limits.idle: '
        self.refuses_to_start('configuration', 78, says)
        out = subprocess.run([os.path.join(self.service.build, 'vasited'), '--check', '--config', path], capture_output=True, text=True)
        self.assertEqual(out.returncode, 78)
        self.assertRegex(out.stderr, says)

    def test_check_takes_the_reference_file(self):
        out = subprocess.run([os.path.join(self.service.build, 'vasited'), '--check', '--config',
                              os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'conf', 'vasite.yaml')], capture_output=True, text=True)
        self.assertEqual(out.returncode, 0, out.stderr)

    def test_a_port_in_use(self):
        with socket.socket() as taken:
            taken.bind((HOST, self.service.tls_port))
            taken.listen()
            self.refuses_to_start('port-in-use', 1, f'{HOST} port {self.service.tls_port}')
        self.begin()  # nothing was left behind that would stand in the way

    def test_a_store_of_a_newer_version(self):
        database = glob.glob(self.service.path('data', '*.db'))[0]
        with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as db:
            version = db.execute('PRAGMA user_version').fetchone()[0]
            db.execute(f'PRAGMA user_version={version + 1}')
        self.refuses_to_start('store-newer', 1, f'version {version + 1}')
        with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as db:
            self.assertEqual(db.execute('PRAGMA user_version').fetchone()[0], version + 1)
            db.execute(f'PRAGMA user_version={version}')
        self.begin()


class Decay(Alone):
    def wait_for_log(self, text):
        """The newest start's log: what came before it is forgotten."""
        until(lambda: self.service.log().rfind(text) >= self.service.log().rfind('"event":"stopped"'), text)

    def test_a_row_that_decayed_is_named_at_start_and_the_rest_works(self):
        self.begin()
        self.assertEqual(self.send(b'a document')[0], 201)
        self.service.stop()
        database = sqlite3.connect(glob.glob(self.service.path('data', '*.db'))[0])
        document = database.execute('SELECT hex(id) FROM document').fetchone()[0].lower()
        database.execute("UPDATE document SET name = 'x' || name")
        database.commit()
        database.close()
        self.service.start()
        self.wait_for_log('"event":"looked-for-decay"')
        self.assertIn(f'"event":"damaged","what":"document","where":"{document}"', self.service.log())
        self.assertEqual(self.send(b'a new one')[0], 201)

    def test_a_corrupted_record_is_named_and_the_rest_works(self):
        self.begin()
        good = json.loads(self.send(b'a good document')[2])['id']
        bad = json.loads(self.send(b'a document that will decay')[2])['id']
        until(lambda: len(self.beta.json('GET', '/v1/inbox?wait=5')['entries']) == 2, 'the mailbox is not full')
        self.service.stop()
        hit = 0
        for path in glob.glob(self.service.path('data', 'segments', '**', '*'), recursive=True):
            if not os.path.isfile(path):
                continue
            with open(path, 'r+b') as f:
                data = f.read()
                at = data.find(b'a document that will decay')
                if at >= 0:
                    f.seek(at)
                    f.write(b'A')
                    hit += 1
        self.assertEqual(hit, 1)
        self.service.start()
        self.wait_for_log('"event":"looked-for-decay"')
        self.assertRegex(self.service.log(), r'"event":"damaged","what":"segment","where":"[0-9a-f]{16}/\d+"')
        self.problem(self.beta.call('GET', f'/v1/documents/{bad}/original'), 500, 'corrupt')
        self.assertEqual(self.beta.call('GET', f'/v1/documents/{good}/original')[::2], (200, b'a good document'))
        self.assertEqual(self.send(b'a new one')[0], 201)
        self.service.stop()
        out = self.service.vasite('check', '--config', self.service.path('vasite.yaml'), wanted=1)
        self.assertRegex(out, bad)
        self.assertNotRegex(out, good)


class DiskFull(Alone):
    settings = {'data': {'disk_reserve': '1024 GiB'}}

    def test_intake_closes_and_says_so(self):
        self.begin()
        status, _, body = self.service.call('GET', '/readyz', plain=True)
        self.assertEqual((status, json.loads(body)['reason'], json.loads(body)['disk_short']), (503, 'disk-full', True))
        self.problem(self.send(), 507, 'disk-full')
        self.assertEqual(self.service.call('GET', '/healthz', plain=True)[0], 200)


class Clock(Alone):
    @unittest.skipUnless(FAKETIME, 'libfaketime is absent')
    def test_a_clock_that_went_back_stops_intake(self):
        self.begin()
        self.assertEqual(self.send()[0], 201)
        self.service.stop()
        asan = subprocess.run(['cc', '-print-file-name=libasan.so'], capture_output=True, text=True).stdout.strip()
        real = subprocess.run(['ldd', os.path.join(self.service.build, 'vasited')], capture_output=True, text=True).stdout
        preload = ([os.path.realpath(asan)] if 'libasan' in real else []) + [FAKETIME[0]]
        self.service.environment = {'LD_PRELOAD': ' '.join(preload), 'FAKETIME': '-1h', 'FAKETIME_DONT_FAKE_MONOTONIC': '1',
                                    'DONT_FAKE_MONOTONIC': '1', 'ASAN_OPTIONS': 'detect_leaks=0'}
        self.service.start()
        status, _, body = self.service.call('GET', '/readyz', plain=True)
        self.assertEqual((status, json.loads(body)['reason']), (503, 'clock-not-trusted'))
        answer = self.send(b'later')
        self.problem(answer, 503, 'clock-not-trusted')
        self.assertIn('retry-after', answer[1])
        self.service.stop(signal.SIGKILL)  # libfaketime distorts the timed waits of an orderly stop
        self.service.environment = {}
        self.service.start()
        self.assertEqual(self.send(b'later')[0], 201)


class AuthorityAway(Alone):
    def setUp(self):
        self.dead = free_ports(1)[0]
        self.settings = {'time_marks': {'authorities': [f'http://{HOST}:{self.dead}/'], 'bound': '2 s', 'timeout': '1 s', 'batched': True},
                         'outgoing': {'private_ranges': ['127.0.0.1/32']}, 'trust': {'anchors': ['tsa.pem']}}
        super().setUp()

    def make_files(self):
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout',
                        self.service.path('tsa.key'), '-out', self.service.path('tsa.pem'), '-subj', '/CN=away'], check=True, capture_output=True)

    def test_beyond_the_bound_intake_refuses(self):
        self.begin()
        status, _, body = self.send()
        self.assertEqual(status, 201, body)
        until(lambda: self.service.call('GET', '/readyz', plain=True)[0] != 200, 'it stays ready')
        answer = self.send(b'too late')
        self.problem(answer, 503, 'time-mark-service-away')
        self.assertIn('retry-after', answer[1])
        status, _, body = self.service.call('GET', '/readyz', plain=True)
        self.assertEqual(json.loads(body)['reason'], 'time-mark-service-away')


class Life(Alone):
    settings = {'limits': {'header': '2 s', 'body_grace': '2 s', 'minimum_rate': '1 KiB', 'idle': '5 s', 'waiting': 3}}

    def test_reload_takes_what_it_may_and_names_the_rest(self):
        self.begin()
        self.service.settings.setdefault('limits', {})['waiting'] = 0
        self.service.settings['commit'] = {'gather': '5 ms'}
        self.service.write_settings()
        self.service.process.send_signal(signal.SIGHUP)
        self.wait_for_event('needs-restart')
        log = records(self.service.log())
        self.assertEqual([r['changed'] for r in log if r['event'] == 'reloaded'], ['limits.waiting'])
        self.assertEqual([r['settings'] for r in log if r['event'] == 'needs-restart'], ['commit.gather'])
        self.problem(self.beta.call('GET', '/v1/inbox?wait=5'), 503, 'busy')
        with open(self.service.path('vasite.yaml'), 'a') as f:
            f.write('nonsense: 1\n')
        self.service.process.send_signal(signal.SIGHUP)
        self.wait_for_event('reload-refused')
        self.assertEqual(self.send()[0], 201)

    def wait_for_event(self, name):
        until(lambda: name in [r['event'] for r in records(self.service.log())], lambda: self.service.log()[-2000:])

    def wait_for_waiters(self, n):
        until(lambda: self.service.metrics()['vasite_waiting'] >= n, f'not {n} wait')

    def test_stop_ends_long_polls_and_finishes_uploads(self):
        self.begin()
        answers, stopping = {}, threading.Event()
        poll = threading.Thread(target=lambda: answers.update(poll=self.beta.call('GET', '/v1/inbox?wait=60')))
        poll.start()

        def slow_body():
            yield b'x' * 1000
            stopping.wait()
            yield b'y' * 1000
        upload = threading.Thread(target=lambda: answers.update(upload=self.send(slow_body())))
        upload.start()
        self.wait_for_waiters(1)
        self.service.process.send_signal(signal.SIGTERM)
        poll.join(40)  # it would wait for 60
        self.assertFalse(poll.is_alive(), 'the stop does not end a long poll')
        stopping.set()
        upload.join()
        self.service.stop()
        self.assertEqual(answers['poll'][0], 200)
        self.assertIn(answers['upload'][0], (201, 503))

    def test_a_long_poll_is_woken_by_a_document(self):
        self.begin()
        answers = []
        polls = [threading.Thread(target=lambda: answers.append(self.beta.json('GET', '/v1/inbox?wait=60'))) for _ in range(3)]
        for p in polls:
            p.start()
        self.wait_for_waiters(3)
        self.problem(self.beta.call('GET', '/v1/inbox?wait=30'), 503, 'busy')
        number = json.loads(self.send()[2])['id']
        for p in polls:
            p.join(40)  # they would wait for 60
            self.assertFalse(p.is_alive(), 'the document does not wake a long poll')
        self.assertEqual([a['entries'][0]['document'] for a in answers], [number] * 3)
        page = self.beta.json('GET', '/v1/inbox?wait=1&cursor=' + answers[0]['cursor'])
        self.assertEqual(page['entries'], [])

    def test_slow_and_endless_requests_are_closed_while_others_are_served(self):
        self.begin()
        slow = []
        for first in (b'', b'GET /healthz HTT', b'POST /tsa HTTP/1.1\r\nHost: x\r\nContent-Type: application/timestamp-query\r\nContent-Length: 3000\r\n\r\n'):
            s = socket.create_connection((HOST, self.service.plain_port))
            s.sendall(first)
            slow.append(s)
        tls = socket.create_connection((HOST, self.service.tls_port))  # a handshake that never comes
        slow.append(tls)
        closed = [False] * len(slow)

        def all_closed():
            self.assertEqual(self.service.call('GET', '/healthz', plain=True)[0], 200)
            for i, s in enumerate(slow):
                try:
                    if i in (1, 2) and not closed[i]:
                        s.sendall(b'x')
                    s.settimeout(0.1)
                    closed[i] = closed[i] or s.recv(100) == b''
                except socket.timeout:
                    pass
                except OSError:
                    closed[i] = True
            return all(closed)
        until(all_closed, lambda: f'closed: {closed}')
        for s in slow:
            s.close()

    def test_an_oversize_header_is_refused(self):
        self.service.start()
        with socket.create_connection((HOST, self.service.plain_port), 10) as s:
            try:
                s.sendall(b'GET /healthz HTTP/1.1\r\nHost: x\r\n' + b'X: ' + b'a' * 200000 + b'\r\n\r\n')
            except OSError:
                pass
            try:
                self.assertRegex(s.recv(1000), rb'^HTTP/1.1 4')
            except ConnectionError:
                pass
        self.assertEqual(self.service.call('GET', '/healthz', plain=True)[0], 200)

    def test_a_killed_service_starts_again_with_all_it_acknowledged(self):
        self.begin()
        numbers = [json.loads(self.send(f'document {i}'.encode(), {'Idempotency-Key': f'k{i}'})[2])['id'] for i in range(5)]
        self.service.process.kill()
        self.service.process.wait()
        self.service.start()
        for i, number in enumerate(numbers):
            status, _, body = self.send(f'document {i}'.encode(), {'Idempotency-Key': f'k{i}'})
            self.assertEqual((status, json.loads(body)['id'], json.loads(body)['replayed']), (200, number, True))
        self.problem(self.send(b'other bytes', {'Idempotency-Key': 'k0'}), 409, 'idempotency-conflict')


class Callers(Alone):
    def certificate(self, name, *more):
        key, request, certificate = (self.service.path(name + s) for s in ('.key', '.csr', '.pem'))
        subprocess.run(['openssl', 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', request,
                        '-subj', '/CN=' + name], check=True, capture_output=True)
        self.service.operator.vasite('centre', 'issue', '--kind', 'client', '--name', name, '--request', request, '--certificate', certificate, *more)
        return key, certificate

    def call_as(self, key, certificate, path):
        context = self.service.tls()
        context.load_cert_chain(certificate, key)
        import http.client
        connection = http.client.HTTPSConnection(HOST, self.service.tls_port, context=context, timeout=20)
        try:
            connection.request('GET', path)
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def test_a_client_certificate_is_a_principal_once_registered(self):
        self.begin()
        key, certificate = self.certificate('robot')
        self.problem(self.call_as(key, certificate, '/v1/self'), 401, 'unauthenticated')
        self.service.operator.vasite('principal', 'add', '--participant', self.alfa.identifier, '--name', 'robot', '--roles', 'sender',
                                     '--certificate', certificate)
        status, _, body = self.call_as(key, certificate, '/v1/self')
        self.assertEqual((status, json.loads(body)['identifier'], json.loads(body)['roles']), (200, self.alfa.identifier, ['sender']))
        self.problem(self.call_as(key, certificate, '/v1/inbox'), 403, 'forbidden')
        principals = self.service.operator.json('GET', '/v1/principals?participant=' + self.alfa.identifier)['principals']
        robot = [p for p in principals if p['name'] == 'robot'][0]
        self.service.operator.vasite('principal', 'revoke', robot['id'])
        self.problem(self.call_as(key, certificate, '/v1/self'), 401, 'credential-revoked')

    def test_a_foreign_or_self_signed_certificate_is_nobody(self):
        self.begin()
        key, certificate = self.service.path('x.key'), self.service.path('x.pem')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', certificate,
                        '-subj', '/CN=robot', '-days', '2'], check=True, capture_output=True)
        self.problem(self.call_as(key, certificate, '/v1/self'), 401, 'unauthenticated')

    def server_certificate(self, name):
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout',
                        self.service.path('tls.key'), '-out', self.service.path('tls.pem'), '-subj', '/CN=' + name, '-days', '2'],
                       check=True, capture_output=True)

    def served_name(self):
        pem = ssl.get_server_certificate((HOST, self.service.tls_port))
        return subprocess.run(['openssl', 'x509', '-noout', '-subject'], input=pem, capture_output=True, text=True).stdout.strip()

    def test_the_servers_certificate_comes_from_files_and_changes_at_reload(self):
        self.server_certificate('one')
        self.service.settings['tls'] = {'certificate': 'tls.pem', 'key': 'tls.key'}
        self.service.write_settings()
        self.service.start()
        self.assertRegex(self.served_name(), 'one$')
        self.server_certificate('two')
        self.service.process.send_signal(signal.SIGHUP)
        until(lambda: self.served_name().endswith('two'), 'the new certificate is not served')
        with open(self.service.path('tls.key'), 'w') as f:
            f.write('no key')
        self.service.process.send_signal(signal.SIGHUP)
        until(lambda: any(r['event'] == 'reload-refused' and r['code'] == 'key' for r in records(self.service.log())), self.service.log)
        self.assertRegex(self.served_name(), 'two$')
        self.service.stop()
        self.refuses_to_start('key', 1, 'TLS certificate')

    def test_a_reload_drops_no_connection_nor_an_upload_under_way(self):
        self.begin()
        import http.client
        kept = http.client.HTTPSConnection(HOST, self.service.tls_port, context=self.service.tls(), timeout=20)
        self.addCleanup(kept.close)
        token = {'Authorization': 'Bearer ' + self.alfa.token}
        kept.request('GET', '/v1/self', headers=token)
        self.assertEqual(kept.getresponse().read()[:1], b'{')
        old = kept.sock
        half, answers = threading.Event(), []

        def body():
            yield b'x' * 5000
            half.wait(20)
            yield b'y' * 5000
        upload = threading.Thread(target=lambda: answers.append(self.send(body())))
        upload.start()
        self.server_certificate('new')
        self.service.settings['tls'] = {'certificate': 'tls.pem', 'key': 'tls.key'}
        self.service.write_settings()
        self.service.process.send_signal(signal.SIGHUP)
        until(lambda: self.served_name().endswith('new'), 'new connections do not have the new certificate')
        kept.request('GET', '/v1/self', headers=token)
        self.assertEqual(kept.getresponse().status, 200)
        self.assertIs(kept.sock, old)  # the old one goes on
        half.set()
        upload.join()
        self.assertEqual(answers[0][0], 201)

    def test_systemd_is_told_when_it_is_ready_and_when_it_stops(self):
        path = self.service.path('notify')
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(path)
            s.settimeout(30)
            self.service.environment = {'NOTIFY_SOCKET': path}
            self.service.start()
            self.assertEqual(s.recv(100), b'READY=1')
            self.service.stop()
            self.assertEqual(s.recv(100), b'STOPPING=1')

    def test_tls_1_1_is_refused(self):
        self.service.start()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        import warnings
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers('DEFAULT:@SECLEVEL=0')
        with socket.create_connection((HOST, self.service.tls_port), 10) as s:
            with self.assertRaises(OSError):
                context.wrap_socket(s)

    def test_a_form_carries_parameters_and_document(self):
        self.begin()
        parameters = json.dumps({'to': [self.beta.identifier], 'subject': 'Mövzu', 'number': '7'})
        body = (f'--XX\r\nContent-Disposition: form-data; name="parameters"\r\nContent-Type: application/json\r\n\r\n{parameters}\r\n'
                '--XX\r\nContent-Disposition: form-data; name="document"; filename="məktub.txt"\r\nContent-Type: text/plain\r\n\r\n'
                'Salam\r\n--X\r\n--XX--\r\n').encode()
        status, _, answer = self.alfa.call('POST', '/v1/documents', body, 'multipart/form-data; boundary=XX')
        self.assertEqual(status, 201, answer)
        entry = self.beta.json('GET', '/v1/inbox?wait=10')['entries'][0]
        self.assertEqual((entry['subject'], entry['number'], entry['name'], entry['size']), ('Mövzu', '7', 'məktub.txt', 10))
        self.assertEqual(self.beta.call('GET', f'/v1/documents/{entry["document"]}/original')[2], b'Salam\r\n--X')

    def test_a_verdict_is_given_of_any_document_and_nothing_is_kept(self):
        self.begin()
        document = self.alfa.signed('Salam')
        status, _, body = self.beta.call('POST', '/v1/verifications', document, ASIC_E)
        self.assertEqual((status, json.loads(body)['indication']), (200, 'TOTAL-PASSED'), body[:500])
        answer = self.beta.call('POST', '/v1/verifications', document.replace(b'Salam', b'Sasam'), ASIC_E)
        self.assertNotEqual(json.loads(answer[2]).get('indication'), 'TOTAL-PASSED')
        self.problem(self.beta.call('POST', '/v1/verifications', b'PK\x03\x04 cut off', ASIC_E), 422, 'not-a-zip')
        self.problem(self.beta.call('POST', '/v1/verifications', b'', ASIC_E), 400, 'bad-parameter')
        self.assertEqual(self.alfa.json('GET', '/v1/documents')['entries'], [])

    def test_problems_speak_the_callers_language(self):
        self.service.start()
        for language, title in (('az', 'Belə ünvan yoxdur'), ('ru-RU,az;q=0.5', 'Такого адреса нет'), ('fr', 'There is no such path')):
            answer = self.service.call('GET', '/nothing', headers={'Accept-Language': language})
            self.assertEqual(json.loads(answer[2])['title'], title)

    def test_the_log_holds_no_tokens_contents_or_names(self):
        self.service.settings['log'] = {'requests': 'all'}
        self.service.write_settings()
        self.begin()
        self.send('Gizli mətn'.encode(), query='&subject=Gizli+m%C3%B6vzu')
        self.service.call('GET', '/v1/%1b%5b2J?x=%0aforged', token=self.alfa.token)
        self.service.stop()
        log = self.service.log()
        for secret in (self.alfa.token, 'Gizli', 'Alfa', 'Dəftərxana', '\x1b', 'forged'):
            self.assertNotIn(secret, log)
        for line in log.splitlines():
            json.loads(line)


if __name__ == '__main__':
    unittest.main()
