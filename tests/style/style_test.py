#!/usr/bin/env python3
"""What a compiler does not check: who may include what, sizes, banned calls, the fixed top level.

Every rule is a function that yields (place, sentence); the rules' own test feeds each one a
sample that must be found, so that no rule is dead."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.environ.get('VASITE_SOURCE') or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ['gateway', 'relay', 'formats', 'storage']
TOP = set(FOLDERS) | {'conf', 'tests', 'CMakeLists.txt', 'README.md', 'LICENSE'}

# Third-party headers and the only folders that may include them (README.md, "The map").
THIRD_PARTY = [
    (r'microhttpd\.h|gnutls/', ['gateway/http/']),
    (r'cyaml/|yaml\.h', ['gateway/daemon/']),
    (r'curl/', ['relay/outgoing', 'storage/segments/s3/']),
    (r'sqlite3\.h|libpq', ['storage/']),
    (r'libxml/|xmlsec/|openssl/|zip\.h|archive\.h|archive_entry\.h|qpdf/|cairo|pango/', ['formats/']),
    (r'zlib\.h|libdeflate\.h', ['formats/container/']),
    (r'jansson\.h', ['formats/report/', 'gateway/']),
    (r'argp\.h', ['gateway/']),
]
MAY_INCLUDE = {
    'formats/base': ['formats/base'],
    'formats': ['formats'],
    'storage': ['storage', 'formats/base'],
    'relay': ['relay', 'formats', 'storage'],
    'gateway': ['gateway', 'relay', 'formats', 'storage'],
}
BANNED = [
    (r'\b(strcpy|strcat|sprintf|vsprintf|atoi|atol|strtok|gmtime|localtime|gets|system|popen)\s*\(', [], 'is banned'),
    (r'\b(malloc|calloc|realloc|strdup|strndup)\s*\(', ['formats/base/'], 'belongs to formats/base alone'),
    (r'\bpthread_create\s*\(', ['gateway/daemon/'], 'threads are made by gateway/daemon alone'),
    (r'\b(time|clock_gettime|gettimeofday)\s*\(', ['gateway/', 'relay/seams', 'relay/outgoing'], 'the clock is a seam'),
    (r'\bgetenv\s*\(', ['gateway/'], 'the environment is read by gateway alone'),
]
LINE, FILE, FUNCTION = 96, 600, 80


def tracked():
    # In an export without git, everything but build folders and data.
    if os.path.isdir(os.path.join(ROOT, '.git')) or os.path.isfile(os.path.join(ROOT, '.git')):
        out = subprocess.run(['git', '-C', ROOT, 'ls-files', '-co', '--exclude-standard'], capture_output=True, text=True)
        if out.returncode == 0:
            return [f for f in out.stdout.splitlines() if os.path.exists(os.path.join(ROOT, f))]
    found = []
    for folder, names, files in os.walk(ROOT):
        names[:] = [n for n in names if not n.startswith(('build', '.git')) and n != 'var' and n != '__pycache__']
        found += [os.path.relpath(os.path.join(folder, f), ROOT) for f in files]
    return found


def without_comments(text):
    def blank(match):
        return re.sub(r'[^\n]', ' ', match.group(0)) if match.group(0)[0] == '/' else '""'
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def layer(path):
    return 'formats/base' if path.startswith('formats/base/') else path.split('/')[0]


def includes(path, text):
    for no, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)', line)
        if not match:
            continue
        name = match.group(2)
        if match.group(1) == '"':
            allowed = MAY_INCLUDE[layer(path)]
            if not any(name.startswith(a + '/') for a in allowed):
                yield f'{path}:{no}', f'{layer(path)} may not include {name}'
            if '_priv.h' in name and not path.startswith(os.path.dirname(name) + '/'):
                yield f'{path}:{no}', f'{name} is private to its folder'
        for pattern, places in THIRD_PARTY:
            if match.group(1) == '<' and re.match(pattern, name) and not path.startswith(tuple(places)):
                yield f'{path}:{no}', f'<{name}> may be included only in {", ".join(places)}'


def banned_calls(path, text):
    for no, line in enumerate(without_comments(text).splitlines(), 1):
        for pattern, places, why in BANNED:
            match = re.search(pattern, line)
            if match and not re.search(r'[.>]\s*$', line[:match.start()]) and not path.startswith(tuple(places)):
                yield f'{path}:{no}', f'{match.group(0)}: {why}'


def sizes(path, text):
    lines = text.splitlines()
    if len(lines) > FILE and not path.endswith('.def'):
        yield path, f'{len(lines)} lines, at most {FILE}: would two names say more than one?'
    start = None
    for no, line in enumerate(lines, 1):
        if len(line) > LINE and not path.endswith('.def'):
            yield f'{path}:{no}', f'{len(line)} columns, at most {LINE}'
        if re.match(r'/\* -- .*-$', line):
            yield f'{path}:{no}', f'a section is one line of {LINE} columns'
        if line == '{':
            start = no
        if line == '}' and start:
            if no - start > FUNCTION:
                yield f'{path}:{start}', f'a function of {no - start} lines, at most {FUNCTION}'
            start = None


def unfinished(path, text):
    for no, line in enumerate(text.splitlines(), 1):
        if re.search(r'\b(TODO|FIXME|XXX|HACK)\b', line):
            yield f'{path}:{no}', 'marked as unfinished'


def top_level(files):
    for name in sorted({f.split('/')[0] for f in files}):
        if name not in TOP and not name.startswith('.'):
            yield name, 'does not belong to the top level'


def formatted(files):
    tool = shutil.which('clang-format-14')
    if tool is None:
        print('style: clang-format-14 is absent: the format is not checked')
        return
    for i in range(0, len(files), 50):
        out = subprocess.run([tool, '--dry-run', '-Werror'] + files[i:i + 50], cwd=ROOT, capture_output=True, text=True)
        seen = set()
        for place in re.findall(r'^(\S+?:\d+):\d+: error', out.stderr, re.M):
            if place.split(':')[0] not in seen:
                seen.add(place.split(':')[0])
                yield place, 'not as clang-format-14 writes it'


SOURCE_RULES = [includes, banned_calls, sizes, unfinished]


def check_samples():
    """Each rule finds what it is for."""
    samples = [
        (includes, 'storage/a.c', '#include "relay/relay.h"\n'),
        (includes, 'storage/a.c', '#include "formats/xml/xml.h"\n'),
        (includes, 'formats/a.c', '#include "storage/store.h"\n'),
        (includes, 'relay/a.c', '#include <openssl/evp.h>\n'),
        (includes, 'gateway/rest/a.c', '#include <microhttpd.h>\n'),
        (includes, 'relay/a.c', '#include "formats/xml/xml_priv.h"\n'),
        (includes, 'relay/a.c', '#include "relay/seal/x_priv.h"\n'),
        (banned_calls, 'relay/a.c', 'int f(void) { return atoi(x); }\n'),
        (banned_calls, 'relay/a.c', 'void *p = malloc(3);\n'),
        (banned_calls, 'relay/a.c', 'now = time(NULL);\n'),
        (sizes, 'relay/a.c', 'int f(void)\n{\n' + '    x();\n' * 90 + '}\n'),
        (sizes, 'relay/a.c', '//' + 'x' * 100 + '\n'),
        (sizes, 'relay/a.c', '\n' * 601),
        (sizes, 'relay/a.c', '/* -- rows ---\n */\n'),
        (unfinished, 'relay/a.c', '/* TODO */\n'),
    ]
    for rule, path, text in samples:
        assert list(rule(path, text)), f'{rule.__name__} does not find {text[:60]!r}'
    assert list(top_level(['src/a.c']))
    good = '#include "formats/base/base.h"\n#include <stdio.h>\n/* malloc( is banned */\nint f(void) { return a.time(1); }\n'
    for rule in SOURCE_RULES:
        assert not list(rule('relay/a.c', good)), f'{rule.__name__} refuses good code'
    # The build refuses it too: a library's include path holds only what it may see.
    build = os.environ.get('VASITE_BUILD')
    if build:
        for library, header in [('vs_storage', 'formats/formats.h'), ('vs_storage', 'relay/relay.h'),
                                ('vs_formats', 'storage/store.h'), ('vs_relay', 'gateway/routes.h'),
                                ('vs_base', 'formats/formats.h')]:
            with tempfile.NamedTemporaryFile('w', suffix='.c') as source:
                source.write(f'#include "{header}"\n')
                source.flush()
                view = os.path.join(build, 'view', library)
                assert os.path.isdir(view), view
                out = subprocess.run(['cc', '-fsyntax-only', '-I', view, source.name], capture_output=True, text=True)
                assert out.returncode != 0 and 'No such file' in out.stderr, f'{library} can include {header}'


def main():
    check_samples()
    files = tracked()
    faults = list(top_level(files))
    sources = [f for f in files if f.endswith(('.c', '.h', '.def')) and f.split('/')[0] in FOLDERS]
    for path in sources:
        with open(os.path.join(ROOT, path), encoding='utf-8') as f:
            text = f.read()
        for rule in SOURCE_RULES:
            faults += rule(path, text)
    faults += formatted([f for f in files if f.endswith(('.c', '.h'))])
    for place, sentence in faults:
        print(f'{place}: {sentence}')
    print(f'style: {len(sources)} files, {len(faults)} faults')
    return 1 if faults else 0


sys.exit(main())
