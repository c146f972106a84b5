"""A recipient's system: a small HTTPS server that does with each request what a test says, right or wrong, and keeps what it got.
Signatures of requests (RFC 9421) are checked here from the RFC's words and with the openssl program, not with code of the service."""
import base64
import hashlib
import os
import re
import socket
import ssl
import subprocess
import threading
import time

from service import HOST


class Certificates:
    """An authority for endpoints, made with openssl; another one that nobody trusts beside it."""

    def __init__(self, folder):
        self.folder = folder
        for name in ('ca', 'stranger'):
            self.openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30',
                         '-subj', '/CN=' + name, '-keyout', self.path(name + '.key'), '-out', self.path(name + '.pem'))
        self.right = self.issue('right', 'ca', f'IP:{HOST}')
        self.wrong_name = self.issue('wrong-name', 'ca', 'DNS:other.example')
        self.untrusted = self.issue('untrusted', 'stranger', f'IP:{HOST}')
        self.trusted = self.path('ca.pem')

    def path(self, name):
        return os.path.join(self.folder, name)

    @staticmethod
    def openssl(*arguments, stdin=None):
        return subprocess.run(['openssl', *arguments], input=stdin, capture_output=True, check=True).stdout

    def issue(self, name, authority, names):
        request, extensions = self.path(name + '.csr'), self.path(name + '.ext')
        with open(extensions, 'w') as f:
            f.write(f'subjectAltName={names}\n')
        self.openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=' + name,
                     '-keyout', self.path(name + '.key'), '-out', request)
        self.openssl('x509', '-req', '-in', request, '-days', '30', '-CA', self.path(authority + '.pem'),
                     '-CAkey', self.path(authority + '.key'), '-CAcreateserial', '-extfile', extensions, '-out', self.path(name + '.pem'))
        return self.path(name + '.pem'), self.path(name + '.key')


class Request:
    def __init__(self, method, target, headers):
        self.method, self.target, self.headers, self.body = method, target, headers, b''
        self.taken = threading.Event()  # the whole body is here

    def __getitem__(self, name):
        return self.headers[name.lower()]


class Connection:
    """One client, after the handshake."""

    def __init__(self, stream):
        self.stream, self.rest = stream, b''

    def read_head(self):
        while b'\r\n\r\n' not in self.rest:
            piece = self.stream.recv(65536)
            if not piece:
                return None
            self.rest += piece
        head, self.rest = self.rest.split(b'\r\n\r\n', 1)
        line, *fields = head.decode('ascii').split('\r\n')
        method, target, _ = line.split(' ')
        headers = {}
        for field in fields:
            name, value = field.split(':', 1)
            if name.lower() in headers:
                raise ValueError(name + ' twice')
            headers[name.lower()] = value.strip()
        return Request(method, target, headers)

    def read_body(self, request, most=None):
        length = int(request['content-length'])
        while len(request.body) < (length if most is None else min(most, length)):
            piece = self.rest or self.stream.recv(65536)
            self.rest = b''
            if not piece:
                raise ConnectionError('the client went away')
            request.body += piece
        request.taken.set()

    def send(self, data):
        self.stream.sendall(data)

    def answer(self, status, *headers, body=b''):
        lines = [f'HTTP/1.1 {status} Test', f'Content-Length: {len(body)}', 'Connection: close', *headers, '', '']
        self.send('\r\n'.join(lines).encode() + body)

    def until_gone(self):
        """Hold it open until the client closes, or the server ends."""
        try:
            while self.stream.recv(65536):
                pass
        except OSError:
            pass


class Endpoint:
    """`behave(connection, number)` serves the connection of this number, from 1; `tls` None: bare TCP."""

    def __init__(self, behave, tls, address=HOST, path='/in'):
        self.behave, self.tls, self.path = behave, tls, path
        self.requests, self.connections, self.open = [], 0, []
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        self.listener = socket.create_server((address, 0), family=family)
        self.address, self.port = address, self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f'https://{self.address}:{self.port}{self.path}'

    def serve(self):
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(stream)
            threading.Thread(target=self.serve_one, args=(stream, self.connections), daemon=True).start()

    def serve_one(self, stream, number):
        try:
            if self.tls is not None:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*self.tls)
                stream = context.wrap_socket(stream, server_side=True)
                self.open.append(stream)
            self.behave(self, Connection(stream), number)
        except (OSError, ValueError):
            pass
        finally:
            stream.close()

    def take(self, connection):
        """Read a whole request and keep it."""
        request = self.begin(connection)
        connection.read_body(request)
        return request

    def begin(self, connection):
        request = connection.read_head()
        if request is None:
            raise ConnectionError('no request')
        self.requests.append(request)
        return request

    def close(self):
        for s in [self.listener, *self.open]:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()


# -- what an endpoint may do --------------------------------------------------------------------

def says(status, *headers, then=None):
    """Always `status`; or `then` from the third request on."""
    def behave(endpoint, connection, number):
        endpoint.take(connection)
        connection.answer(then if then is not None and number >= 3 else status, *headers)
    return behave


def says_raw(data):
    def behave(endpoint, connection, number):
        endpoint.take(connection)
        connection.send(data)
    return behave


def is_slow(seconds):
    def behave(endpoint, connection, number):
        endpoint.take(connection)
        time.sleep(seconds)  # what "slow" is: nothing waits for it but the request under test
        connection.answer(200)
    return behave


def never_ends(endpoint, connection, number):
    endpoint.take(connection)
    connection.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    while True:
        connection.send(b'10000\r\n' + b'x' * 65536 + b'\r\n')


def endless_head(endpoint, connection, number):
    endpoint.take(connection)
    connection.send(b'HTTP/1.1 200 OK\r\n')
    while True:
        connection.send(b'X-More: ' + b'x' * 4000 + b'\r\n')


def stops_in_its_answer(endpoint, connection, number):
    endpoint.take(connection)
    connection.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
    connection.until_gone()


def stops_in_its_head(endpoint, connection, number):
    endpoint.take(connection)
    connection.send(b'HTTP/1.1 200 OK\r\nContent-Le')
    connection.until_gone()


def breaks_off_in_its_head(endpoint, connection, number):
    endpoint.take(connection)
    connection.send(b'HTTP/1.1 200 OK\r\nContent-Le')


def stops_reading(endpoint, connection, number):
    connection.read_body(endpoint.begin(connection), most=100000)
    threading.Event().wait(60)  # holds the connection, reads nothing; close() ends it


def answers_early(endpoint, connection, number):
    endpoint.begin(connection)
    connection.answer(200)
    connection.until_gone()


def no_tls(endpoint, connection, number):
    connection.send(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')


def broken_tls(endpoint, connection, number):
    connection.stream.recv(65536)
    connection.send(b'\x16\x03\x03\x00\x20' + bytes(range(32)))


# -- signatures ---------------------------------------------------------------------------------

def signature_base(request, uri, changed=None):
    """RFC 9421, 2.5, from what arrived; `changed` replaces values of components."""
    label, parameters = re.fullmatch(r'([a-z]+)=(\(.*)', request['signature-input']).groups()
    lines = []
    for name in re.findall(r'"([^"]*)"', parameters[:parameters.index(')')]):
        value = {'@method': request.method, '@target-uri': uri}.get(name) or request[name]
        lines.append(f'"{name}": {(changed or {}).get(name, value)}\n')
    lines.append(f'"@signature-params": {parameters}')
    return label, parameters, ''.join(lines).encode()


def signature_holds(request, uri, key, folder, changed=None):
    label, parameters, base = signature_base(request, uri, changed)
    value = re.fullmatch(label + r'=:([A-Za-z0-9+/=]+):', request['signature']).group(1)
    if f'keyid="{key["keyid"]}"' not in parameters or key['algorithm'] != 'ed25519':
        return False
    files = {'key.pem': key['public_key'].encode(), 'base': base, 'signature': base64.b64decode(value)}
    for name, data in files.items():
        with open(os.path.join(folder, name), 'wb') as f:
            f.write(data)
    names = {name: os.path.join(folder, name) for name in files}
    return subprocess.run(['openssl', 'pkeyutl', '-verify', '-pubin', '-inkey', names['key.pem'], '-rawin', '-in', names['base'],
                           '-sigfile', names['signature']], capture_output=True).returncode == 0


def content_digest(data):
    return f'sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:'
