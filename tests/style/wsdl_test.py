#!/usr/bin/env python3
"""conf/wsdl/vasite.wsdl says what gateway/soap/operations.c takes and what the views of REST give, element by element in their
order: an answer of the SOAP door is the row's JSON, so a member that the schema has not would be refused by toolkits."""
import os
import re
import sys
import xml.etree.ElementTree as ET

ROOT = os.environ.get('VASITE_SOURCE') or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
XS, WSDL, V = '{http://www.w3.org/2001/XMLSchema}', '{http://schemas.xmlsoap.org/wsdl/}', 'urn:vasite:soap:1'

# Type of the schema: the function whose members it has, in the file that has it.
VIEWS, SAID, REPORT = 'gateway/rest/views.c', 'gateway/rest/answers.c', 'formats/report/report_json.c'
ANSWERS = {
    'Delivery': (VIEWS, 'vs_view_delivery'), 'Recipient': (VIEWS, 'recipient'), 'Status': (VIEWS, 'vs_view_status'),
    'LegalTime': (VIEWS, 'legal_time'), 'Evidence': (VIEWS, 'vs_view_evidence'), 'Refusal': (VIEWS, 'refusal', 'refusal'),
    'Term': (VIEWS, 'term', 'term'), 'Push': (VIEWS, 'push', 'push'),
    'Receipt': (VIEWS, 'vs_view_receipt'), 'Page': (VIEWS, 'vs_view_page'), 'Acknowledgement': (SAID, 'answer_acknowledge'),
    'Verdict': (REPORT, 'vs_report_json'), 'SignatureVerdict': (REPORT, 'signature'), 'TimestampVerdict': (REPORT, 'timestamp'),
    'EvidenceRecordVerdict': (REPORT, 'evidence_record'), 'DataObject': (REPORT, 'data'), 'Need': (REPORT, 'need'),
    'Reason': (REPORT, 'reasons'), 'Stages': (REPORT, 'stages'),
}
# Functions that write members into their caller's object.
PARTS = {'document_members', 'standing', 'term', 'push', 'refusal', 'begin', 'put_reasons', 'put_signed_names'}


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as f:
        return f.read()


def body_of(text, name):
    found = re.search(rf'^[\w ]*[ *]{name}\([^;{{]*\)\n\{{\n(.*?)^\}}', text, re.S | re.M)
    assert found, f'tests/style/wsdl_test.py: no function {name}'
    return found.group(1)


def written(text, name):
    """[(the named objects around it, member)] of a function, in order, its parts' among them."""
    found, around = [], []
    for call, literal in re.findall(r'(\b\w+)\(\s*(?:(?:json|&json|w|&w|object|one|root),?\s*)*("\w+")?', body_of(text, name)):
        if literal:
            found.append((tuple(around), literal.strip('"')))
        elif call in PARTS:
            found += [(tuple(around) + path, member) for path, member in written(text, call)]
        if call == 'vs_json_object' and literal:
            around.append(literal.strip('"'))
        elif call == 'vs_json_end_object' and around:
            around.pop()
    return found


def members(path, name, inside=None):
    """The members of the object that a function writes, or of a named one within it."""
    wanted = () if inside is None else (inside,)
    return list(dict.fromkeys(member for around, member in written(read(path), name) if around == wanted))


def operations(text):
    """{name: [(element, required, many)]} of the table."""
    table = text[text.index('vs_soap_operations[] = {'):text.index('const size_t vs_soap_n_operations')]
    found, name = {}, None
    for row in re.finditer(r'\{"([A-Z]\w*)"|\{"([a-z]\w*)", (VS_SOAP_\w+), (REQUIRED|OPTIONAL|true|false)', table):
        if row.group(1):
            name = row.group(1)
            found[name] = []
        else:
            found[name].append((row.group(2), row.group(4) in ('REQUIRED', 'true'), row.group(3) == 'VS_SOAP_QUERY_LIST'))
    return found


def sequence(node):
    return [(e.get('name'), e.get('minOccurs') != '0', e.get('maxOccurs') == 'unbounded')
            for e in node.findall(f'.//{XS}sequence/{XS}element')]


def check_operations(wsdl, table):
    elements = {e.get('name'): e for e in wsdl.findall(f'.//{XS}schema/{XS}element')}
    for name, fields in table.items():
        if name not in elements or sequence(elements[name]) != fields:
            yield f'{name}: the schema has {sequence(elements[name]) if name in elements else None}, operations.c {fields}'
        if name + 'Response' not in elements:
            yield f'{name}: no element {name}Response'
    for binding in wsdl.findall(f'{WSDL}binding'):
        bound = {o.get('name'): o[0].get('soapAction') for o in binding.findall(f'{WSDL}operation')}
        if bound != {name: f'{V}/{name}' for name in table}:
            yield f'{binding.get("name")}: operations or actions are not those of operations.c'


def check_answers(wsdl):
    types = {t.get('name'): t for t in wsdl.findall(f'.//{XS}schema/{XS}complexType')}
    for name, place in ANSWERS.items():
        is_written, declared = members(*place), [n for n, _, _ in sequence(types[name])] if name in types else None
        if is_written != declared:
            yield f'type {name}: {place[1]} of {place[0]} writes {is_written}, the schema has {declared}'
    problem = [e for e in wsdl.findall(f'.//{XS}schema/{XS}element') if e.get('name') == 'Problem'][0]
    receipt = [n for n, _, _ in sequence(types['Receipt'])]
    if [n for n, _, _ in sequence(problem)][6:] != receipt:
        yield f'Problem does not end with what Receipt has: {receipt}'


def main():
    wsdl, table = ET.fromstring(read('conf/wsdl/vasite.wsdl')), operations(read('gateway/soap/operations.c'))
    assert len(table) == len(wsdl.findall(f'{WSDL}portType/{WSDL}operation')) > 0, table
    faults = [*check_operations(wsdl, table), *check_answers(wsdl)]
    # The rules are alive: what is not so is found.
    assert list(check_operations(wsdl, {**table, 'Submit': table['Submit'][:-1]}))
    types = wsdl.find(f'.//{XS}complexType[@name="Page"]/{XS}sequence')
    last = types[-1]
    types.remove(last)
    assert list(check_answers(wsdl))
    print('\n'.join(faults))
    print(f'wsdl: {len(table)} operations, {len(ANSWERS)} types, {len(faults)} faults')
    return 1 if faults else 0


sys.exit(main())
