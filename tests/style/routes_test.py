#!/usr/bin/env python3
"""conf/openapi.yaml and gateway/routes.c say the same: paths, methods, summaries, who may call without a credential."""
import os
import re
import sys

ROOT = os.environ.get('VASITE_SOURCE') or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as f:
        return f.read()


def rows(text):
    """{(method, path): (summary, public)} of the table of routes."""
    table = text[text.index('vs_routes[] = {'):text.index('const size_t vs_n_routes')]
    found = {}
    for row in re.finditer(r'\{"([A-Z]+)",\s*"([^"]+)",\s*(\w+),(.*?)"([^"]*)"\},', table, re.S):
        method, path, _, middle, summary = row.groups()
        found[method.lower(), path] = summary, 'PUBLIC' in middle
    assert len(found) == table.count('{"'), 'a row of gateway/routes.c is not understood by this test'
    return found


def operations(text):
    """The same of conf/openapi.yaml, by its indentation."""
    found, path, method = {}, None, None
    section = re.search(r'^paths:\n(.*?)^\w', text, re.S | re.M).group(1)
    for line in section.splitlines():
        if match := re.fullmatch(r'  (/\S*):', line):
            path = match.group(1)
        elif match := re.fullmatch(r'    (get|post|put|delete|patch):', line):
            method = match.group(1)
            found[method, path] = [None, False]
        elif match := re.fullmatch(r'      summary: "(.*)"', line):
            found[method, path][0] = match.group(1)
        elif line == '      security: []':
            found[method, path][1] = True
    return {key: tuple(value) for key, value in found.items()}


def references(text):
    for name in sorted(set(re.findall(r"\$ref: '#/components/([^']+)'", text))):
        kind, entry = name.split('/')
        if not re.search(rf'^  {kind}:\n(?:    .*\n)*?    {entry}:', text, re.M):
            yield f'conf/openapi.yaml: nothing is called #/components/{name}'


def main():
    api = read('conf/openapi.yaml')
    routes, documented = rows(read('gateway/routes.c')), operations(api)
    faults = list(references(api))
    for key in sorted(routes.keys() | documented.keys()):
        if routes.get(key) != documented.get(key):
            faults.append(f'{key[0].upper()} {key[1]}: routes.c has {routes.get(key)}, openapi.yaml {documented.get(key)}')
    print('\n'.join(faults))
    print(f'routes: {len(routes)} rows, {len(faults)} faults')
    return 1 if faults else 0


sys.exit(main())
