"""The floor of a path: its unavoidable work, counted by hand, times what each unit costs on this machine.

Not what the service counted: work done twice would raise such a floor instead of lowering the share. Each row of `minimum` says why it
cannot be left out; sizes are those of one sample's real files. What is not here (TLS, HTTP's syntax, XML's, ZIP's and DER's, look-ups,
journal, queues, syncs, the sequencer's row) is work too, but no part of the floor.
"""
import io
import re
import zipfile

BATCH = 128  # commit.batch's default: what one checkpoint and one time mark serve at best
REQUEST_HEAD = 300


def element(xml, name):
    """Bytes of an element; our own writers write canonical XML."""
    found = re.search(rb'<%s[ >].*?</%s>' % (name, name), xml, re.S)
    return len(found.group(0))


def signed_parts(xml):
    """Of one XAdES signature, what its references and its value digest."""
    return element(xml, b'ds:SignedInfo') + element(xml, b'xades:SignedProperties')


def signature_of(container):
    with zipfile.ZipFile(io.BytesIO(container)) as z:
        return z.read('META-INF/signatures0.xml')


def evidence_hashing(xml):
    return len(xml) - element(xml, b'ds:Signature') + signed_parts(xml), len(xml)


def minimum(level, marks, size, sample):
    """(unit, how many, why) a document. `sample`: container, answer, evidence (a list) and consignment, as bytes."""
    own, lasting, several = marks == 'document', level == 'B-LT', sample['evidence']
    signature, seal = signature_of(sample['container']), signature_of(sample['consignment'])
    rows = [
        ('verify', 1, "the sender's signature"),
        ('verify', 1, 'the time mark on it'),
        ('verify', int(lasting), 'the OCSP response in it: another one in each document; certificates and their CRLs are known already'),
        ('sign', len(several), 'evidence: SubmissionAcceptance, ContentConsignment'),
        ('sign', 1, "the service's seal on the consignment"),
        ('sign', int(own), "the seal's own time mark"),
        ('sign', 2 / BATCH, "a batch's checkpoint and time mark"),
        ('hash_byte', len(sample['container']), 'the original as it came: repetition, receipt, evidence and seal name it'),
        ('hash_byte', size, "the data object, by the signature's reference"),
        ('hash_byte', signed_parts(signature), 'SignedInfo and SignedProperties of the signature'),
        ('hash_byte', element(signature, b'ds:SignatureValue'), 'what its time mark is over'),
        ('hash_byte', signed_parts(seal), 'SignedInfo and SignedProperties of the seal'),
        ('hash_byte', element(seal, b'ds:SignatureValue') if own else len(seal), 'what its time mark is over: its value, or its file in the batch'),
    ]
    for xml in several:
        signed, whole = evidence_hashing(xml)
        rows += [('hash_byte', signed, 'evidence, by its own signature'),
                 ('hash_byte', whole, 'the same with the signature: journal and time mark are over the signed file')]
    stored = len(sample['container']) + len(seal) + sum(map(len, several))
    return rows + [
        ('receive_byte', len(sample['container']) + REQUEST_HEAD, 'the request'),
        ('send_byte', len(sample['answer']), 'the answer: the evidence in JSON'),
        ('write_byte', stored, 'original, seal and evidence, once each'),
        ('document_rows', 1, 'document, delivery, two of evidence, idempotency, repetition, in a commit of a batch'),
    ]


def large(size):
    return [('hash_byte', size, 'the original as it came'), ('hash_byte', size, "the data object, by the signature's reference"),
            ('receive_byte', size, 'the request'), ('write_byte', size, 'the original'), ('read_byte', size, 'the original, for its reference')]


GROUPS = {'sign': 'signatures', 'verify': 'verifications', 'hash_byte': 'hashing', 'receive_byte': 'receiving', 'send_byte': 'sending',
          'write_byte': 'writing', 'read_byte': 'reading', 'document_rows': 'rows'}


def cost_us(rows, unit):
    """CPU microseconds by group; `unit` is in nanoseconds (bench_calibrate)."""
    groups = {}
    for name, count, _ in rows:
        groups[GROUPS[name]] = groups.get(GROUPS[name], 0) + count * unit[name] / 1000
    return groups
