#!/usr/bin/env python3
"""The SOAP door, by a toolkit that knows nothing of it but the WSDL: python3-zeep carries documents through the whole exchange
in SOAP 1.1 and 1.2, inline and as MTOM; the same mistakes have the same codes as in REST; every answer is valid by the schema."""
import base64
import copy
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
import unittest
import uuid
from email.parser import BytesParser
from email.policy import HTTP

try:
    import requests
    import zeep
    from lxml import etree
except ImportError:
    # Debian's packages belong to Debian's interpreter, which need not be the first on the path.
    if os.path.realpath(sys.executable) == os.path.realpath('/usr/bin/python3'):
        raise
    os.execv('/usr/bin/python3', ['/usr/bin/python3', os.path.abspath(__file__), *sys.argv[1:]])
from zeep.transports import Transport

from service import ASIC_E, HOST, Service

V = 'urn:vasite:soap:1'
SOAP = {'11': 'http://schemas.xmlsoap.org/soap/envelope/', '12': 'http://www.w3.org/2003/05/soap-envelope'}
TYPES = {'11': 'text/xml', '12': 'application/soap+xml'}
XOP = 'http://www.w3.org/2004/08/xop/include'
INLINE_MAX = 6 << 20
CLOSING = len('\r\n--vasite-') + 32 + len('--\r\n')  # an MTOM answer's last boundary


def multipart(root, content, version, cid='content@zeep', first=b'', start_info=None):
    """(Content-Type, body) of an envelope with one attached part."""
    boundary = uuid.uuid4().hex
    info = start_info or TYPES[version]
    head = (f'--{boundary}\r\nContent-Type: application/xop+xml; charset=utf-8; type="{info}"\r\n'
            'Content-Transfer-Encoding: 8bit\r\nContent-ID: <root@zeep>\r\n\r\n').encode()
    between = (f'\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n'
               f'Content-ID: <{cid}>\r\n\r\n').encode()
    body = first + head + root + between + content + f'\r\n--{boundary}--\r\n'.encode()
    return (f'multipart/related; type="application/xop+xml"; boundary="{boundary}"; start="<root@zeep>"; start-info="{info}"', body)


TO_CLOSE = []


class Wire(Transport):
    """What goes over the wire: zeep sends no MTOM by itself, so base64 becomes a part here. Every answer is kept."""

    def __init__(self, version, mtom, **options):
        super().__init__(**options)
        self.version, self.mtom, self.answer = version, mtom, None

    def post_xml(self, address, envelope, headers):
        content = envelope.find(f'.//{{{V}}}content')
        if self.mtom and content is not None:
            envelope = copy.deepcopy(envelope)
            content = envelope.find(f'.//{{{V}}}content')
            data = base64.b64decode(content.text or '')
            content.text = None
            etree.SubElement(content, f'{{{XOP}}}Include', href='cid:content%40zeep')
            kind, body = multipart(etree.tostring(envelope), data, self.version)
            headers = {**headers, 'Content-Type': kind}
        else:
            body = etree.tostring(envelope, xml_declaration=True, encoding='utf-8')
            if self.mtom:
                headers = {**headers, 'Accept': 'multipart/related, text/xml, application/soap+xml'}
        return self.post(address, body, headers)

    def post(self, address, message, headers):
        self.answer = super().post(address, message, headers)
        return self.answer


class Client:
    """One participant's zeep client for one version and one way of carrying documents."""

    def __init__(self, service, party, version='11', mtom=False, language=None, certificate=None):
        session = requests.Session()
        session.trust_env = False
        session.verify = service.path('operator.profile.ca.pem')
        if party:
            session.headers['Authorization'] = 'Bearer ' + party.token
        session.cert = certificate
        if language:
            session.headers['Accept-Language'] = language
        self.wire = Wire(version, mtom, session=session, timeout=120, operation_timeout=120)
        self.zeep = zeep.Client(f'https://{HOST}:{service.tls_port}/soap?wsdl', transport=self.wire, port_name='Exchange' + version)
        self.service = self.zeep.service
        TO_CLOSE.append(session)

    def __getattr__(self, name):
        return getattr(self.service, name)


class SoapTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.s = Service(settings={'limits': {'document': '128 MiB', 'credential_refusals_per_second': 0}})
        cls.addClassCleanup(cls.s.close)
        cls.s.__enter__()
        s = cls.s
        cls.alfa = s.participant('voen:1234567891', 'Alfa MMC')
        cls.beta = s.participant('voen:9876543219', 'Beta ASC')
        cls.gamma = s.participant('voen:5555555555', 'Qamma')
        cls.reader = s.principal('voen:9876543219', 'recipient', name='Oxuyan')
        s.agreement(cls.alfa, cls.gamma, forms='any', signature_class='none', signature_level='none')
        cls.document = cls.alfa.signed('Salam. Bu, sənəddir.')
        cls.wsdl = s.call('GET', '/soap?wsdl')[2]
        types = etree.fromstring(cls.wsdl).find('.//{http://www.w3.org/2001/XMLSchema}schema')
        cls.schema = etree.XMLSchema(etree.fromstring(etree.tostring(types)))

    def tearDown(self):
        while TO_CLOSE:
            TO_CLOSE.pop().close()

    def fresh(self, text=None):
        return self.alfa.signed(text or 'Sənəd ' + uuid.uuid4().hex)

    def arrived(self, party, *documents):
        """Waits until all of them stand in the mailbox."""
        left, cursor = set(documents), ''
        while left:
            page = party.json('GET', f'/v1/inbox?wait=30&limit=500&cursor={cursor}')
            self.assertTrue(page['entries'], f'{left} did not arrive')
            left -= {e['document'] for e in page['entries']}
            cursor = page['cursor']

    # -- raw envelopes: what no toolkit sends ------------------------------------------------------
    def envelope(self, inner, version='11', header='', attributes=''):
        head = f'<s:Header>{header}</s:Header>' if header else ''
        return (f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{SOAP[version]}" xmlns:v="{V}"{attributes}>{head}'
                f'<s:Body>{inner}</s:Body></s:Envelope>').encode()

    def post(self, body, version='11', caller=None, media_type=None, headers=None):
        return (caller or self.alfa).call('POST', '/soap', body, media_type or TYPES[version] + '; charset=utf-8', headers)

    def valid(self, body):
        """The message in an answer's Body, checked against the schema."""
        root = etree.fromstring(body)
        namespace = etree.QName(root).namespace
        message = root.find(f'{{{namespace}}}Body')[0]
        if etree.QName(message).localname == 'Fault':
            message = message.find(f'.//{{{V}}}Problem')
        copied = etree.fromstring(etree.tostring(message))
        self.assertTrue(self.schema.validate(copied), f'{self.schema.error_log}\n{body[:3000]}')
        return message

    def fault(self, answer, version, who, code, status=None):
        """Checks a fault's every part; the Problem as {name: text}."""
        self.assertEqual(answer[0], status or (400 if version == '12' and who == 'Sender' else 500), answer[2][:800])
        self.assertEqual(answer[1]['content-type'].split(';')[0], TYPES[version])
        root = etree.fromstring(answer[2])
        soap = SOAP[version]
        self.assertEqual(root.tag, f'{{{soap}}}Envelope')
        fault = root.find(f'{{{soap}}}Body/{{{soap}}}Fault')
        named = fault.findtext('faultcode') if version == '11' else fault.findtext(f'{{{soap}}}Code/{{{soap}}}Value')
        reason = fault.find('faultstring') if version == '11' else fault.find(f'{{{soap}}}Reason/{{{soap}}}Text')
        self.assertEqual(named, 'soap:' + who, answer[2][:800])
        self.assertTrue(reason.text and reason.get('{http://www.w3.org/XML/1998/namespace}lang'))
        problem = {etree.QName(e).localname: e.text for e in self.valid(answer[2])}
        self.assertEqual(problem['code'], code, answer[2][:800])
        self.assertTrue(problem['title'] and problem['remedy'] and problem['instance'])
        return problem

    # -- Shows 3: the whole exchange -------------------------------------------------------------
    def carry(self, version, mtom):
        alfa, beta = Client(self.s, self.alfa, version, mtom), Client(self.s, self.beta, version, mtom)
        document, key = self.fresh(), uuid.uuid4().hex
        before = beta.ListInbox(limit=500)
        receipt = alfa.Submit(idempotency_key=key, to=[self.beta.identifier], subject='Müqavilə №5 & <şərh>', number='7/2026',
                              name='müqavilə.asice', media_type=ASIC_E, content=document)
        self.valid(alfa.wire.answer.content)
        self.assertTrue(receipt.accepted and not receipt.replayed)
        self.assertIn('SubmissionAcceptance', receipt.evidence_xml)
        again = alfa.Submit(idempotency_key=key, to=[self.beta.identifier], subject='Müqavilə №5 & <şərh>', number='7/2026',
                            name='müqavilə.asice', media_type=ASIC_E, content=document)
        self.assertEqual((again.id, again.evidence, again.replayed), (receipt.id, receipt.evidence, True))
        # The same key at the other door: the same receipt too.
        status, _, body = self.alfa.call('POST', f'/v1/documents?to={self.beta.identifier}', document, ASIC_E, {'Idempotency-Key': key})
        self.assertEqual((status, json.loads(body)['id']), (200, receipt.id), body)
        # The list, and its cursor.
        self.arrived(self.beta, receipt.id)
        page = beta.ListInbox(cursor=before.cursor, limit=10, wait=20)
        self.valid(beta.wire.answer.content)
        entry, = [e for e in page.entries if e.document == receipt.id]
        self.assertNotIn(receipt.id, [e.document for e in beta.ListInbox(cursor=page.cursor, limit=10).entries])
        self.assertEqual((entry.subject, entry.number, entry.name, entry.sender, entry.size),
                         ('Müqavilə №5 & <şərh>', '7/2026', 'müqavilə.asice', self.alfa.identifier, len(document)))
        # The original, bit for bit, and the consignment.
        fetched = beta.FetchOriginal(id=receipt.id)
        mtom_answered = beta.wire.answer.headers['Content-Type'].startswith('multipart/related')
        self.assertEqual(mtom_answered, mtom)
        self.assertNotIn('Content-Disposition', beta.wire.answer.headers)
        self.assertEqual((fetched.content, fetched.name, fetched.media_type, fetched.sha256),
                         (document, 'müqavilə.asice', ASIC_E, entry.sha256))
        consignment = beta.FetchConsignment(id=receipt.id)
        self.assertEqual(consignment.content, self.beta.call('GET', f'/v1/documents/{receipt.id}/consignment')[2])
        # Acknowledged (27.4), and what both doors say of it.
        given = beta.Acknowledge(id=receipt.id, conforms=True)
        self.valid(beta.wire.answer.content)
        self.assertIn('Acknowledgement', given.evidence_xml)
        self.assertTrue(beta.Acknowledge(id=receipt.id, conforms=True).repeated)
        status = alfa.GetStatus(id=receipt.id)
        self.valid(alfa.wire.answer.content)
        rest = self.alfa.json('GET', f'/v1/documents/{receipt.id}')
        self.assertEqual((status.id, status.status, status.sent.evidence), (rest['id'], 'accepted', receipt.evidence))
        self.assertEqual(status.recipients[0].identifier, self.beta.identifier)
        self.assertEqual(status.recipients[0].acknowledged.time, datetime.datetime.fromisoformat(
            rest['recipients'][0]['acknowledged']['time'].replace('Z', '+00:00')))
        self.assertIsNotNone(status.recipients[0].handed_over)
        events = [e.document for e in alfa.ListEvents(limit=500).entries]
        self.assertIn(receipt.id, events)
        self.valid(alfa.wire.answer.content)
        # Evidence, as XML and with its evidence record.
        for e in status.evidence:
            xml = alfa.GetEvidence(id=e.id)
            self.assertEqual((xml.media_type, xml.content), ('application/xml', self.alfa.call('GET', '/v1/evidence/' + e.id)[2]))
        self.assertEqual(receipt.evidence_xml.encode(), alfa.GetEvidence(id=receipt.evidence).content)
        verdict = alfa.Verify(name='müqavilə.asice', content=document)
        self.valid(alfa.wire.answer.content)
        self.assertEqual((verdict.indication, verdict.form, verdict.signatures[0].level), ('TOTAL-PASSED', 'ASiC-E', 'XAdES-B-LT'))
        self.assertEqual(beta.Verify(content=consignment.content).indication, 'TOTAL-PASSED')
        return receipt

    def test_the_whole_exchange_in_soap_1_1_inline(self):
        self.carry('11', False)

    def test_the_whole_exchange_in_soap_1_1_as_mtom(self):
        self.carry('11', True)

    def test_the_whole_exchange_in_soap_1_2_inline(self):
        self.carry('12', False)

    def test_the_whole_exchange_in_soap_1_2_as_mtom(self):
        receipt = self.carry('12', True)
        # Once the batch has its time mark the evidence is given as ASiC-S too.
        asic = Client(self.s, self.alfa, '12', True).GetEvidence(id=receipt.evidence, media_type='application/vnd.etsi.asic-s+zip')
        self.assertEqual(asic.content[:2], b'PK')

    def test_a_client_certificate_is_the_same_principal_at_this_door(self):
        key, request, certificate = (self.s.path('robot' + suffix) for suffix in ('.key', '.csr', '.pem'))
        subprocess.run(['openssl', 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', request,
                        '-subj', '/CN=robot'], check=True, capture_output=True)
        self.s.operator.vasite('centre', 'issue', '--kind', 'client', '--name', 'robot', '--request', request, '--certificate', certificate)
        robot = Client(self.s, None, '12', certificate=(certificate, key))
        with self.assertRaises(zeep.exceptions.Fault) as raised:
            robot.ListEvents()
        self.assertEqual((robot.wire.answer.status_code, raised.exception.detail.find(f'{{{V}}}Problem').findtext(f'{{{V}}}code')),
                         (401, 'unauthenticated'))
        self.s.operator.vasite('principal', 'add', '--participant', self.alfa.identifier, '--name', 'robot', '--roles', 'sender',
                               '--certificate', certificate)
        receipt = robot.Submit(to=[self.beta.identifier], content=self.fresh())
        self.assertTrue(receipt.accepted)
        with self.assertRaises(zeep.exceptions.Fault) as raised:
            robot.ListInbox()
        self.assertEqual(raised.exception.detail.find(f'{{{V}}}Problem').findtext(f'{{{V}}}code'), 'forbidden')

    # -- the contract ------------------------------------------------------------------------------
    def test_the_wsdl_names_this_service_and_is_valid(self):
        status, headers, body = self.s.call('GET', '/soap?wsdl')
        self.assertEqual((status, headers['content-type']), (200, 'text/xml; charset=utf-8'))
        locations = re.findall(rb'address location="([^"]+)"', body)
        self.assertEqual(set(locations), {f'https://{HOST}:{self.s.tls_port}/soap'.encode()})
        with open(os.path.join(os.path.dirname(__file__), '..', '..', 'conf', 'wsdl', 'vasite.wsdl'), 'rb') as f:
            self.assertEqual(body.replace(locations[0], b'https://127.0.0.1:8443/soap').count(b'<'), f.read().count(b'<'))
        self.assertEqual(self.s.call('GET', '/soap')[0], 400)
        self.assertEqual(self.s.call('GET', '/soap?xsd')[0], 400)

    # -- Shows 3: faults carry the same codes as REST ---------------------------------------------------
    def test_the_same_mistake_has_the_same_code_at_both_doors(self):
        receipt = Client(self.s, self.alfa).Submit(to=[self.beta.identifier], content=self.fresh())
        refused = Client(self.s, self.alfa).Submit(to=[self.beta.identifier], content=self.fresh())
        self.arrived(self.beta, receipt.id, refused.id)
        refuse = {'id': refused.id, 'conforms': False, 'reason': 'Uyğun deyil'}
        self.beta.json('POST', f'/v1/documents/{receipt.id}/acknowledgement', {'conforms': True})
        Client(self.s, self.beta).Acknowledge(**refuse)
        used = uuid.uuid4().hex
        Client(self.s, self.alfa).Submit(idempotency_key=used, to=[self.beta.identifier], content=self.document)
        nothing = '0' * 31 + '1'
        revoked = self.s.principal('voen:1234567891', 'sender', name='Ləğv')
        principal = [p for p in self.s.operator.json('GET', '/v1/principals?participant=voen:1234567891')['principals'] if p['name'] == 'Ləğv'][0]
        self.s.operator.call('DELETE', '/v1/principals/' + principal['id'])
        foreign = Client(self.s, self.alfa).Submit(to=[self.beta.identifier], content=self.fresh()).id
        self.arrived(self.beta, foreign)
        documents = '/v1/documents'
        b64 = lambda b: base64.b64encode(b).decode()
        to = f'<v:to>{self.beta.identifier}</v:to>'

        def submit(document, fields=to):
            return f'<v:Submit>{fields}<v:content>{b64(document)}</v:content></v:Submit>'

        # (code, who calls, REST: method, path, body, type, headers; SOAP: body)
        mistakes = [
            ('unknown-recipient', self.alfa, ('POST', documents + '?to=voen:0000000000', self.document, ASIC_E),
             submit(self.document, '<v:to>voen:0000000000</v:to>')),
            ('sender-is-recipient', self.alfa, ('POST', documents + '?to=voen:1234567891', self.document, ASIC_E),
             submit(self.document, '<v:to>voen:1234567891</v:to>')),
            ('not-a-zip', self.alfa, ('POST', documents + '?to=' + self.beta.identifier, b'No ZIP at all, but long enough.' * 4, ASIC_E),
             submit(b'No ZIP at all, but long enough.' * 4, to + f'<v:media_type>{ASIC_E}</v:media_type>')),
            ('signature-invalid', self.alfa, ('POST', documents + '?to=' + self.beta.identifier,
                                              self.document.replace(b'Salam', b'Sasam'), ASIC_E),
             submit(self.document.replace(b'Salam', b'Sasam'))),
            ('bad-parameter', self.alfa, ('POST', documents + f'?to={self.beta.identifier}&deadline=sabah', self.document, ASIC_E),
             submit(self.document, to + '<v:deadline>sabah</v:deadline>')),
            ('bad-parameter', self.alfa, ('POST', documents + f'?to={self.beta.identifier}&subject=', self.document, ASIC_E),
             submit(self.document, to + '<v:subject/>')),
            ('bad-parameter', self.alfa, ('POST', documents + f'?to={self.beta.identifier}', self.document, ASIC_E, {'Idempotency-Key': 'k' * 201}),
             submit(self.document, f'<v:idempotency_key>{"k" * 201}</v:idempotency_key>' + to)),
            ('bad-parameter', self.alfa, ('POST', documents + f'?to={self.beta.identifier}&retention=a%C2%85b', self.document, ASIC_E),
             submit(self.document, to + '<v:retention>a\u0085b</v:retention>')),
            ('idempotency-conflict', self.alfa, ('POST', documents + f'?to={self.beta.identifier}', self.fresh(), ASIC_E, {'Idempotency-Key': used}),
             submit(self.fresh(), f'<v:idempotency_key>{used}</v:idempotency_key>' + to)),
            ('wrong-media-type', self.alfa, ('POST', documents + f'?to={self.beta.identifier}', self.document, 'multipart/mixed; boundary=x'),
             submit(self.document, to + '<v:media_type>multipart/mixed</v:media_type>')),
            ('forbidden', self.reader, ('POST', documents + f'?to={self.gamma.identifier}', self.document, ASIC_E), submit(self.document)),
            ('forbidden', self.reader, ('GET', '/v1/events'), '<v:ListEvents/>'),
            ('forbidden', self.s.operator, ('GET', '/v1/inbox'), '<v:ListInbox/>'),
            ('bad-parameter', self.beta, ('GET', '/v1/inbox?limit=501'), '<v:ListInbox><v:limit>501</v:limit></v:ListInbox>'),
            ('bad-parameter', self.beta, ('GET', '/v1/inbox?limit=0'), '<v:ListInbox><v:limit>0</v:limit></v:ListInbox>'),
            ('bad-parameter', self.beta, ('GET', '/v1/inbox?wait=61'), '<v:ListInbox><v:wait>61</v:wait></v:ListInbox>'),
            ('bad-parameter', self.beta, ('GET', '/v1/inbox?cursor=x'), '<v:ListInbox><v:cursor>x</v:cursor></v:ListInbox>'),
            ('bad-parameter', self.beta, ('GET', '/v1/inbox?no=1'), '<v:ListInbox><v:no>1</v:no></v:ListInbox>'),
            ('not-found', self.alfa, ('GET', documents + '/' + nothing), f'<v:GetStatus><v:id>{nothing}</v:id></v:GetStatus>'),
            ('not-found', self.gamma, ('GET', documents + '/' + foreign), f'<v:GetStatus><v:id>{foreign}</v:id></v:GetStatus>'),
            ('not-found', self.gamma, ('GET', documents + f'/{foreign}/original'), f'<v:FetchOriginal><v:id>{foreign}</v:id></v:FetchOriginal>'),
            ('not-found', self.gamma, ('GET', documents + f'/{foreign}/consignment'),
             f'<v:FetchConsignment><v:id>{foreign}</v:id></v:FetchConsignment>'),
            ('not-found', self.gamma, ('POST', documents + f'/{foreign}/acknowledgement', b'{"conforms":true}', 'application/json'),
             f'<v:Acknowledge><v:id>{foreign}</v:id><v:conforms>true</v:conforms></v:Acknowledge>'),
            ('not-found', self.gamma, ('GET', '/v1/evidence/' + receipt.evidence),
             f'<v:GetEvidence><v:id>{receipt.evidence}</v:id></v:GetEvidence>'),
            ('not-found', self.alfa, ('GET', documents + '/x'), '<v:GetStatus><v:id>x</v:id></v:GetStatus>'),
            ('bad-parameter', self.beta, ('POST', documents + f'/{foreign}/acknowledgement', b'{"conforms":false}', 'application/json'),
             f'<v:Acknowledge><v:id>{foreign}</v:id><v:conforms>false</v:conforms></v:Acknowledge>'),
            ('wrong-state', self.beta, ('POST', documents + f'/{receipt.id}/acknowledgement', b'{"conforms":false,"reason":"x"}', 'application/json'),
             f'<v:Acknowledge><v:id>{receipt.id}</v:id><v:conforms>0</v:conforms><v:reason>x</v:reason></v:Acknowledge>'),
            ('wrong-state', self.beta, ('POST', documents + f'/{refused.id}/acknowledgement', b'{"conforms":true}', 'application/json'),
             f'<v:Acknowledge><v:id>{refused.id}</v:id><v:conforms>1</v:conforms></v:Acknowledge>'),
            ('not-a-zip', self.alfa, ('POST', '/v1/verifications', b'PK\x03\x04 cut off', ASIC_E),
             f'<v:Verify><v:content>{b64(b"PK" + bytes([3, 4]) + b" cut off")}</v:content></v:Verify>'),
            ('bad-parameter', self.alfa, ('POST', '/v1/verifications', b'', ASIC_E), '<v:Verify><v:content/></v:Verify>'),
            # In pieces: what is told too large before it comes is answered before it is read.
            ('too-large', self.alfa, ('POST', '/v1/verifications', [bytes(1 << 20)] * 16 + [b'1'], ASIC_E), None),
        ]
        for code, caller, rest, soap in mistakes:
            for version in ('11', '12'):
                with self.subTest(code=code, soap=(soap or '')[:120], version=version):
                    status, _, body = caller.call(*rest)
                    self.assertEqual(json.loads(body)['type'], 'urn:vasite:problem:' + code, body)
                    if soap is None:
                        kind, message = multipart(self.envelope(
                            f'<v:Verify><v:content><x:Include xmlns:x="{XOP}" href="cid:content%40zeep"/></v:content></v:Verify>', version),
                            b''.join(rest[2]), version)
                        answer = self.post(message, version, caller, kind)
                    else:
                        answer = self.post(self.envelope(soap, version), version, caller)
                    problem = self.fault(answer, version, 'Client' if version == '11' else 'Sender', code)
                    asked = json.loads(body)
                    for member in ('title', 'remedy', 'clause'):
                        self.assertEqual(problem.get(member), asked.get(member), member)
        for token, code in ((None, 'unauthenticated'), ('x' * 40, 'unauthenticated'), (revoked.token, 'credential-revoked')):
            for version in ('11', '12'):
                with self.subTest(code=code, version=version):
                    status, _, body = self.s.call('GET', '/v1/self', token=token)
                    self.assertEqual((status, json.loads(body)['type']), (401, 'urn:vasite:problem:' + code))
                    answer = self.s.call('POST', '/soap', self.envelope('<v:ListInbox/>', version), TYPES[version], token=token)
                    self.fault(answer, version, 'Client' if version == '11' else 'Sender', code, 401)
                    self.assertEqual(answer[1]['www-authenticate'], 'Bearer')

    def test_a_refusal_by_verdict_carries_its_signed_evidence(self):
        with self.assertRaises(zeep.exceptions.Fault) as raised:
            Client(self.s, self.alfa).Submit(to=[self.beta.identifier], media_type=ASIC_E, content=b'This is no container at all. ' * 8)
        problem = raised.exception.detail.find(f'{{{V}}}Problem')
        evidence = problem.findtext(f'{{{V}}}evidence')
        self.assertEqual(problem.findtext(f'{{{V}}}accepted'), 'false')
        self.assertIn('SubmissionRejection', problem.findtext(f'{{{V}}}evidence_xml'))
        self.assertEqual(self.alfa.call('GET', '/v1/evidence/' + evidence)[2].decode(), problem.findtext(f'{{{V}}}evidence_xml'))

    def test_faults_speak_the_language_asked_for(self):
        said = set()
        for language in ('az', 'en', 'ru'):
            with self.assertRaises(zeep.exceptions.Fault) as raised:
                Client(self.s, self.alfa, language=language).GetStatus(id='0' * 31 + '2')
            said.add(raised.exception.message)
            problem = raised.exception.detail.find(f'{{{V}}}Problem')
            self.assertEqual(problem.findtext(f'{{{V}}}title'), raised.exception.message)
        self.assertEqual(len(said), 3)

    # -- envelopes as they must not be --------------------------------------------------------------------
    def test_versions_headers_and_actions(self):
        inbox = '<v:ListInbox/>'
        must = '<o:Security xmlns:o="urn:o" s:mustUnderstand="%s"%s/>'
        for version, other in (('11', '12'), ('12', '11')):
            sender = 'Client' if version == '11' else 'Sender'
            post = lambda body, **options: self.post(body, version, self.beta, **options)
            self.assertEqual(post(self.envelope(inbox, version))[0], 200)
            self.fault(post(self.envelope(inbox, other)), version, 'VersionMismatch', 'soap-version')
            unknown = self.envelope(inbox, version).replace(SOAP[version].encode(), b'http://www.w3.org/2001/12/soap-envelope')
            answer = post(unknown)
            self.fault(answer, version, 'VersionMismatch', 'soap-version')
            self.assertEqual(b'SupportedEnvelope' in answer[2], version == '12')
            for flag in ('1', 'true'):
                answer = post(self.envelope(inbox, version, must % (flag, '')))
                self.fault(answer, version, 'MustUnderstand', 'soap-must-understand')
                self.assertEqual(b'NotUnderstood qname="b:Security"' in answer[2], version == '12')
            role = 'actor' if version == '11' else 'role'
            for header in (must % ('0', ''), must % ('false', ''), must % ('1', f' s:{role}="urn:somebody:else"'), '<a xmlns="urn:a"><b/></a>'):
                self.assertEqual(post(self.envelope(inbox, version, header))[0], 200, header)
            nxt = {'11': 'http://schemas.xmlsoap.org/soap/actor/next', '12': SOAP['12'] + '/role/next'}[version]
            self.fault(post(self.envelope(inbox, version, must % ('1', f' s:{role}="{nxt}"'))), version, 'MustUnderstand', 'soap-must-understand')
            for action, right in ((f'"{V}/ListInbox"', True), (f'{V}/ListInbox', True), ('""', True), ('', True),
                                  (f'"{V}/Submit"', False), ('"x"', False)):
                if version == '11':
                    answer = post(self.envelope(inbox, version), headers={'SOAPAction': action})
                else:
                    answer = post(self.envelope(inbox, version), media_type=TYPES[version] + ('; action=' + action if action else ''))
                if right:
                    self.assertEqual(answer[0], 200, answer[2])
                else:
                    self.fault(answer, version, sender, 'soap-action')
            self.fault(post(self.envelope(inbox, version), media_type=TYPES[version] + '; charset=windows-1254'), version, sender,
                       'wrong-media-type', 415)
            self.assertEqual(post(self.envelope(inbox, version), media_type=TYPES[version] + '; charset="UTF-8"')[0], 200)
        self.fault(self.post(self.envelope(inbox), media_type='application/json'), '11', 'Client', 'wrong-media-type', 415)
        self.fault(self.post(b'', media_type='text/xml'), '11', 'Client', 'bad-xml')

    def test_envelopes_that_are_none(self):
        good = '<v:GetStatus><v:id>%s</v:id></v:GetStatus>' % ('0' * 31 + '3')
        cases = {
            'bad-xml': [b'x', b'<a', self.envelope(good)[:-9], self.envelope(good) + b'<x/>', self.envelope(good).decode().encode('utf-16'),
                        self.envelope(good).replace(b'encoding="utf-8"', b'encoding="iso-8859-1"'),
                        self.envelope(good).replace(b'</v:id>', b'\0</v:id>'), self.envelope('<v:GetStatus><v:id>&x;</v:id></v:GetStatus>'),
                        self.envelope('<v:Verify><v:content>QUJD<!-- x -->QUJD</v:content></v:Verify>')],
            'xml-dtd': [b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + self.envelope(good).split(b'?>')[1],
                        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x">' + self.envelope(good).split(b'?>')[1]],
            'xml-limit': [self.envelope('<v:a>' * 40 + '</v:a>' * 40, header='<a>' * 40 + '</a>' * 40),
                          self.envelope(good, header='<a ' + ' '.join(f'a{i}=""' for i in range(80)) + '/>'),
                          self.envelope(good, header='<a>' + 'x' * 300000 + '</a>'), self.envelope(good, header='<a/>' * 20000)],
            'bad-soap': [b'<a/>', self.envelope(''), self.envelope('<v:Nothing/>'), self.envelope('<GetStatus/>'), self.envelope(good + good),
                         self.envelope(good).replace(b'<s:Body>', b'<s:Body/><s:Body>'),
                         self.envelope(good).replace(b'</s:Body>', b'</s:Body><s:Header/>'),
                         self.envelope(good).replace(b'</s:Body>', b'</s:Body><v:more/>'),
                         self.envelope(f'<v:Verify><v:content><x:Include xmlns:x="{XOP}" href="cid:a"/></v:content></v:Verify>'),
                         self.envelope('<v:Verify><v:content>QUJD<v:a/></v:content></v:Verify>')],
            'bad-parameter': [self.envelope('<v:GetStatus/>'), self.envelope('<v:GetStatus><id>1</id></v:GetStatus>'),
                              self.envelope(good.replace('<v:id>', '<v:id><v:b/>')), self.envelope(good.replace('</v:Get', '<v:id>1</v:id></v:Get')),
                              self.envelope('<v:Verify><v:content>QUJD</v:content><v:name>x</v:name></v:Verify>'),
                              self.envelope('<v:Verify><v:content>QUJD</v:content><v:content>QUJD</v:content></v:Verify>'),
                              self.envelope('<v:Submit><v:to>a,b</v:to><v:content>QUJD</v:content></v:Submit>'),
                              self.envelope('<v:Submit><v:to>a</v:to></v:Submit>')],
            'syntax': [self.envelope('<v:Verify><v:content>QUJ</v:content></v:Verify>'),
                       self.envelope('<v:Verify><v:content>QU-D</v:content></v:Verify>'),
                       self.envelope('<v:Verify><v:content>QUI=QUJD</v:content></v:Verify>')],
            'not-found': [self.envelope(good), b'\xef\xbb\xbf' + self.envelope(good), self.envelope(good).replace(b'<v:id>', b'<v:id>\n  ')],
        }
        for code, bodies in cases.items():
            for body in bodies:
                with self.subTest(code=code, body=body[:300]):
                    self.fault(self.post(body), '11', 'Client', code)

    def test_parts_that_do_not_fit(self):
        inner = '<v:Verify><v:content><x:Include xmlns:x="%s" href="%s"/></v:content></v:Verify>'
        document = b'PK\x03\x04 cut off'

        def send(href='cid:content%40zeep', change=lambda kind, body: (kind, body), version='12', **options):
            kind, body = change(*multipart(self.envelope(inner % (XOP, href), version), document, version, **options))
            return self.post(body, version, media_type=kind)
        self.fault(send(), '12', 'Sender', 'not-a-zip')
        self.fault(send(first=b'\r\n'), '12', 'Sender', 'not-a-zip')
        self.fault(send(href='cid:content@zeep'), '12', 'Sender', 'not-a-zip')
        self.fault(send(href='cid:another'), '12', 'Sender', 'bad-soap')
        self.fault(send(href='http://127.0.0.1/x'), '12', 'Sender', 'bad-soap')
        self.fault(send(href='file:///etc/passwd'), '12', 'Sender', 'bad-soap')
        cut = send(change=lambda kind, body: (kind, body[:body.index(b'\r\n--' + body[2:34], 40)] + b'\r\n--' + body[2:34] + b'--\r\n'))
        self.fault(cut, '12', 'Sender', 'bad-soap')
        self.fault(send(change=lambda kind, body: (kind, body[:-6])), '12', 'Sender', 'syntax')
        self.fault(send(change=lambda kind, body: (kind, body.replace(b'Encoding: binary', b'Encoding: base64'))), '12', 'Sender', 'syntax')
        self.fault(send(change=lambda kind, body: (kind.replace('root@zeep', 'content@zeep'), body)), '12', 'Sender', 'bad-soap')
        self.fault(send(change=lambda kind, body: (kind, body.replace(b'application/xop+xml', b'text/xml'))), '12', 'Sender', 'wrong-media-type')
        doubled = send(change=lambda kind, body: (kind, body[:-4].rstrip(b'-') + b'\r\nContent-ID: <content@zeep>\r\n\r\nx\r\n' + b'--' + body[2:34] + b'--\r\n'))
        self.fault(doubled, '12', 'Sender', 'bad-soap')
        answer = send(change=lambda kind, body: (kind.replace('type="application/xop+xml"; ', ''), body))
        self.fault(answer, '11', 'Client', 'wrong-media-type', 415)

    # -- sizes --------------------------------------------------------------------------------------------
    def test_six_mebibytes_inline_and_not_one_byte_more(self):
        alfa, gamma = Client(self.s, self.alfa), Client(self.s, self.gamma)
        exactly = os.urandom(INLINE_MAX)
        for document in (exactly, exactly + b'1'):
            # Line by line, as some toolkits write base64.
            text = base64.encodebytes(document).replace(b'\n', b'&#13;\n').decode()
            body = self.envelope(f'<v:Submit><v:to>{self.gamma.identifier}</v:to><v:content>{text}</v:content></v:Submit>')
            answer = self.post(body)
            if len(document) > INLINE_MAX:
                problem = self.fault(answer, '11', 'Client', 'use-mtom')
                self.assertIn('MTOM', problem['remedy'])
            else:
                self.assertEqual(answer[0], 200, answer[2][:800])
                within = self.valid(answer[2]).findtext(f'{{{V}}}id')
        kind, body = multipart(self.envelope(f'<v:Submit><v:to>{self.gamma.identifier}</v:to><v:content><x:Include xmlns:x="{XOP}" '
                                             'href="cid:content%40zeep"/></v:content></v:Submit>', '12'), exactly + b'1', '12')
        answer = self.post(body, '12', media_type=kind)
        self.assertEqual(answer[0], 200, answer[2][:800])
        beyond = self.valid(answer[2]).findtext(f'{{{V}}}id')
        self.arrived(self.gamma, within, beyond)
        self.assertEqual(gamma.FetchOriginal(id=within).content, exactly)
        with self.assertRaises(zeep.exceptions.Fault) as raised:
            gamma.FetchOriginal(id=beyond)
        self.assertEqual(raised.exception.detail.find(f'{{{V}}}Problem').findtext(f'{{{V}}}code'), 'use-mtom')
        # A fault handed nothing over; the part that follows does.
        state = lambda: self.alfa.json('GET', f'/v1/documents/{beyond}')['recipients'][0]['handed_over']
        self.assertIsNone(state())
        self.assertEqual(Client(self.s, self.gamma, '11', True).FetchOriginal(id=beyond).content, exactly + b'1')
        self.assertIsNotNone(alfa.service)

    @staticmethod
    def memory(service, name):
        with open(f'/proc/{service.process.pid}/status') as f:
            return int(re.search(rf'^{name}:\s+(\d+)', f.read(), re.M).group(1)) << 10

    def test_a_hundred_megabytes_pass_in_flat_memory_both_ways(self):
        # AddressSanitizer keeps what was freed; that is no memory of the service's.
        quiet = os.environ.get('ASAN_OPTIONS', '') + ':quarantine_size_mb=1:thread_local_quarantine_size_kb=64'
        with Service(settings={'limits': {'document': '128 MiB'}}, environment={'ASAN_OPTIONS': quiet}) as service:
            alfa = service.participant('voen:1234567891', 'Alfa MMC')
            beta = service.participant('voen:5555555555', 'Qamma')
            service.agreement(alfa, beta, forms='any', signature_class='none', signature_level='none')
            self.pass_through(service, alfa, beta, 100)

    def pass_through(self, service, alfa, beta, mebibytes):
        block = os.urandom(1 << 20)
        kind, message = multipart(self.envelope(
            f'<v:Submit><v:to>{beta.identifier}</v:to><v:media_type>text/plain</v:media_type><v:content><x:Include xmlns:x="{XOP}" '
            'href="cid:content%40zeep"/></v:content></v:Submit>'), b'@@', '11')
        head, tail = message.split(b'@@')
        # What the first request warms up is no growth.
        Client(service, alfa, '11', True).Submit(to=[beta.identifier], content=b'isti')
        with open(f'/proc/{service.process.pid}/clear_refs', 'w') as f:
            f.write('5')
        before = self.memory(service, 'VmRSS')
        connection = service.connect(timeout=300)
        self.addCleanup(connection.close)
        connection.request('POST', '/soap', [head] + [block] * mebibytes + [tail],
                           {'Content-Type': kind, 'Authorization': 'Bearer ' + alfa.token,
                            'Content-Length': str(len(head) + (mebibytes << 20) + len(tail))})
        answer = connection.getresponse()
        body = answer.read()
        self.assertEqual(answer.status, 200, body[:800])
        document = self.valid(body).findtext(f'{{{V}}}id')
        self.arrived(beta, document)
        connection.request('POST', '/soap', self.envelope(f'<v:FetchOriginal><v:id>{document}</v:id></v:FetchOriginal>'),
                           {'Content-Type': 'text/xml', 'Accept': 'multipart/related', 'Authorization': 'Bearer ' + beta.token})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        head = answer.read(64 << 10)
        at = head.index(b'\r\n\r\n', head.index(b'Content-ID: <content@vasite>')) + 4
        digest, end, total = hashlib.sha256(), b'', len(head)
        rest = head[at:]
        while rest:
            # The closing boundary is no content: its length is known.
            end += rest
            digest.update(end[:-CLOSING])
            end = end[-CLOSING:]
            rest = answer.read(1 << 20)
            total += len(rest)
        self.assertRegex(end, rb'^\r\n--vasite-[0-9a-f]{32}--\r\n$')
        wanted = hashlib.sha256()
        for _ in range(mebibytes):
            wanted.update(block)
        self.assertEqual((digest.digest(), total), (wanted.digest(), at + (mebibytes << 20) + CLOSING))
        grown = self.memory(service, 'VmHWM') - before
        self.assertLess(grown, 32 << 20, f'{grown >> 20} MiB more for a document of {mebibytes}')

    def test_an_mtom_answer_is_read_by_an_independent_mime_parser(self):
        receipt = Client(self.s, self.alfa).Submit(to=[self.gamma.identifier], name='a b.bin', content=b'\r\n--not a boundary\r\n' * 3)
        self.arrived(self.gamma, receipt.id)
        for version in ('11', '12'):
            answer = self.post(self.envelope(f'<v:FetchOriginal><v:id>{receipt.id}</v:id></v:FetchOriginal>', version), version, self.gamma,
                               headers={'Accept': 'application/xop+xml'})
            message = BytesParser(policy=HTTP).parsebytes(b'Content-Type: ' + answer[1]['content-type'].encode() + b'\r\n\r\n' + answer[2])
            root, content = message.iter_parts()
            self.assertEqual(message.get_param('start-info'), TYPES[version])
            self.assertEqual((root['Content-ID'], root.get_content_type()), (message.get_param('start'), 'application/xop+xml'))
            include = etree.fromstring(root.get_content() if isinstance(root.get_content(), bytes) else root.get_content().encode()).find(f'.//{{{XOP}}}Include')
            self.assertEqual('<' + include.get('href')[4:] + '>', content['Content-ID'])
            self.assertEqual(content.get_payload(decode=True), b'\r\n--not a boundary\r\n' * 3)


if __name__ == '__main__':
    unittest.main(verbosity=2)
