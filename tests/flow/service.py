"""The real programs, started on free ports with a folder of their own: what every flow test and the bench stand on.

    with Service() as s:
        alfa = s.participant('voen:1234567891', 'Alfa MMC')
        beta = s.participant('voen:9876543219', 'Beta ASC')
        document = alfa.signed('Salam')
        status, headers, body = alfa.call('POST', '/v1/documents?to=' + beta.identifier, document, 'application/vnd.etsi.asic-e+zip')
"""
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

SOURCE = os.environ.get('VASITE_SOURCE') or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get('VASITE_BUILD') or os.path.join(SOURCE, 'build-debug')
SHARED = os.environ.get('VASITE_SHARED') or os.path.join(SOURCE, '..', 'shared')
HOST = '127.0.0.1'
ASIC_E = 'application/vnd.etsi.asic-e+zip'


def free_ports(n):
    """Ports that are free now; all are held open until all are chosen."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for s in sockets:
            s.bind((HOST, 0))
        return [s.getsockname()[1] for s in sockets]


class Failed(Exception):
    """A command ended with another status than was wanted; the text holds what it said."""


def until(holds, what, seconds=60):
    """What `holds` returns, once that is true. The limit only keeps a broken service from hanging the test: `what` then tells."""
    end = time.monotonic() + seconds
    while not (result := holds()):
        if time.monotonic() > end:
            raise Failed(what() if callable(what) else what)
        time.sleep(0.02)
    return result


class Party:
    """A participant (or the operator) with its profile."""

    def __init__(self, service, identifier, profile, name=''):
        self.service, self.identifier, self.profile, self.name = service, identifier, profile, name
        self.token = service.token_of(profile)

    def vasite(self, *arguments, **options):
        return self.service.vasite('--profile', self.profile, *arguments, **options)

    def call(self, method, path, body=None, media_type=None, headers=None):
        return self.service.call(method, path, body, media_type, headers, token=self.token)

    def json(self, method, path, value=None, wanted=(200, 201)):
        body = None if value is None else json.dumps(value).encode()
        status, _, answer = self.call(method, path, body, 'application/json' if body else None)
        if status not in (wanted if isinstance(wanted, tuple) else (wanted,)):
            raise Failed(f'{method} {path}: {status}: {answer[:2000]!r}')
        return json.loads(answer) if answer else None

    def key(self, name='Leyla Əliyeva'):
        """The PKCS#12 of a certificate of this participant, made once, and its passphrase file."""
        base = os.path.join(self.service.folder, re.sub(r'\W', '_', self.identifier + name))
        if not os.path.exists(base + '.p12'):
            with open(base + '.pass', 'w') as f:
                f.write('demo passphrase\n')
            self.service.operator.vasite('centre', 'issue', '--kind', 'person', '--name', name, '--organisation', self.name,
                                         '--participant', self.identifier, '--out', base + '.p12', '--passphrase-file', base + '.pass')
        return base + '.p12', base + '.pass'

    def sign_file(self, path, out, level='B-LT'):
        key, passphrase = self.key()
        self.service.vasite('sign', '--key', key, '--passphrase-file', passphrase, '--level', level,
                            '--tsa', f'http://{HOST}:{self.service.plain_port}/tsa', '-o', out, path)
        return out

    def signed(self, text, level='B-LT', name='sənəd.txt'):
        """The bytes of an ASiC-E that holds `text`, signed by this participant."""
        with tempfile.TemporaryDirectory(dir=self.service.folder) as folder:
            path = os.path.join(folder, name)
            with open(path, 'wb') as f:
                f.write(text if isinstance(text, bytes) else text.encode())
            self.sign_file(path, os.path.join(folder, 'out.asice'), level)
            with open(os.path.join(folder, 'out.asice'), 'rb') as f:
                return f.read()


class Service:
    def __init__(self, settings=None, build=BUILD, folder=None, environment=None):
        self.build, self.settings, self.environment = build, settings or {}, environment or {}
        self.keep = folder is not None
        self.folder = folder or tempfile.mkdtemp(prefix='vasite-')
        self.process = None
        self.tls_port, self.plain_port = free_ports(2)

    # -- life ------------------------------------------------------------------------------
    def __enter__(self):
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *error):
        self.close()

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write_settings(self):
        sections = {
            'service': {'name': 'Vasite test', 'user': '', 'url': f'https://{HOST}:{self.tls_port}',
                        'public_url': f'http://{HOST}:{self.plain_port}'},
            'data': {'folder': self.path('data')},
            'journal': {'anchor': self.path('anchor', 'checkpoint')},
            'listen': {'tls_address': HOST, 'tls_port': self.tls_port, 'plain_address': HOST, 'plain_port': self.plain_port},
        }
        for section, values in self.settings.items():
            sections.setdefault(section, {}).update(values)
        with open(self.path('vasite.yaml'), 'w') as f:
            for section, values in sections.items():
                f.write(section + ':\n')
                for name, value in values.items():
                    f.write(f'  {name}: {json.dumps(value, ensure_ascii=False)}\n')

    def prepare(self):
        os.makedirs(self.path('anchor'), exist_ok=True)
        self.write_settings()
        if not os.path.exists(self.path('operator.profile')):
            self.vasite('init', '--config', self.path('vasite.yaml'), '--profile-out', self.path('operator.profile'))
        self.operator = Party(self, '', self.path('operator.profile'))

    def start(self, wait=True):
        log = open(self.path('log'), 'ab')
        self.process = subprocess.Popen([os.path.join(self.build, 'vasited'), '--config', self.path('vasite.yaml')],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **self.environment})
        log.close()
        if wait:
            self.wait_ready()

    def wait_ready(self, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Failed(f'vasited ended with {self.process.returncode}:\n{self.log()[-4000:]}')
            try:
                if self.call('GET', '/healthz', plain=True)[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise Failed('vasited does not answer:\n' + self.log()[-4000:])

    def stop(self, how=signal.SIGTERM, wanted=0):
        self.process.send_signal(how)
        status = self.process.wait(60)
        self.process = None
        if how == signal.SIGTERM and status != wanted:
            raise Failed(f'vasited ended with {status}:\n{self.log()[-4000:]}')

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None
        if not self.keep and not os.environ.get('VASITE_KEEP'):
            shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        with open(self.path('log'), errors='replace') as f:
            return f.read()

    # -- calling it ------------------------------------------------------------------------
    def vasite(self, *arguments, wanted=0, stdin=None):
        out = subprocess.run([os.path.join(self.build, 'vasite'), *map(str, arguments)], capture_output=True, text=True,
                             stdin=subprocess.DEVNULL if stdin is None else None, input=stdin)
        if wanted is not None and out.returncode != wanted:
            raise Failed(f'vasite {" ".join(map(str, arguments))}: {out.returncode}, wanted {wanted}\n{out.stdout}{out.stderr}')
        return out.stdout if wanted is not None else out

    def profile_of(self, path):
        with open(path) as f:
            return dict(re.findall(r'^([a-z-]+):\s*"?(.*?)"?\s*$', f.read(), re.M))

    def token_of(self, profile):
        entry = self.profile_of(profile)
        if 'token-file' not in entry:
            return None
        with open(os.path.join(os.path.dirname(profile), entry['token-file'])) as f:
            return f.read().strip()

    def tls(self):
        return ssl.create_default_context(cafile=self.path('operator.profile.ca.pem'))

    def connect(self, plain=False, timeout=60):
        if plain:
            return http.client.HTTPConnection(HOST, self.plain_port, timeout=timeout)
        return http.client.HTTPSConnection(HOST, self.tls_port, timeout=timeout, context=self.tls())

    def call(self, method, path, body=None, media_type=None, headers=None, token=None, plain=False, timeout=60):
        """(status, headers, body) of one request."""
        connection = self.connect(plain, timeout)
        try:
            everything = dict(headers or {})
            if token:
                everything['Authorization'] = 'Bearer ' + token
            if media_type:
                everything['Content-Type'] = media_type
            connection.request(method, path, body, everything)
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def metrics(self):
        status, _, body = self.call('GET', '/metrics', token=self.operator.token)
        if status != 200:
            raise Failed(f'/metrics: {status}')
        return {k: float(v) for k, v in re.findall(r'^(\w+(?:\{[^}]*\})?) ([0-9.e+-]+)$', body.decode(), re.M)}

    # -- who exchanges -----------------------------------------------------------------------
    def participant(self, identifier, name, contract='2026/1', options=(), roles='sender,recipient,archivist'):
        self.operator.vasite('participant', 'add', identifier, '--name', name, *(['--contract', contract] if contract else []), *options)
        return self.principal(identifier, roles, organisation=name)

    def principal(self, identifier, roles='sender,recipient,archivist', name='Dəftərxana', organisation=''):
        profile = self.path(re.sub(r'\W', '_', identifier + name + roles) + '.profile')
        self.operator.vasite('principal', 'add', *(['--participant', identifier] if identifier else []), '--name', name,
                             '--roles', roles, '--profile-out', profile)
        return Party(self, identifier, profile, organisation)

    def agreement(self, a, b, **terms):
        pairs = [x for name, value in terms.items() for x in ('--term', f'{name.replace("_", "-")}={value}')]
        self.operator.vasite('agreement', 'add', a.identifier, b.identifier, *pairs)
