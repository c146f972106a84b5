#!/usr/bin/env python3
"""The manual pages say what the programs say and are well formed; the systemd unit is one, and gives little away."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from service import BUILD, SOURCE

PAGES = ('vasited.8', 'vasite.1', 'vasite.yaml.5')
EXPOSURE = 20  # of systemd-analyze security, in tenths: 2.0 is "OK"


def said(*command):
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)


class Manual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix='vasite-man-')
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        out = said(os.path.join(SOURCE, 'conf', 'man', 'generate'), BUILD, cls.folder)
        assert out.returncode == 0, out.stderr
        cls.pages = {}
        for page in PAGES:
            with open(os.path.join(cls.folder, page), encoding='utf-8') as f:
                cls.pages[page] = f.read()

    def test_nothing_is_left_open(self):
        for page, text in self.pages.items():
            self.assertNotRegex(text, r'(?m)^@', page)
            self.assertGreater(len(text), 2000, page)

    def test_each_setting_is_there_with_its_default(self):
        sections = []
        for line in said(os.path.join(BUILD, 'vasited'), '--defaults').stdout.split('\n'):
            if not line.strip() or line.strip().startswith('#'):
                continue
            depth = (len(line) - len(line.lstrip())) // 2
            name, value = line.strip().split(':', 1)
            if not value:
                sections = sections[:depth] + [name]
                continue
            entry = f'.It Ic {".".join(sections[:depth] + [name])} : {value.strip()}\n'
            self.assertTrue(entry in self.pages['vasite.yaml.5'], entry)

    def test_each_command_option_and_event_is_there(self):
        with open(os.path.join(SOURCE, 'gateway', 'cli', 'commands.def'), encoding='utf-8') as f:
            names = [n.replace('_', '-') for n in re.findall(r'VS_COMMAND\(([a-z]\w*)', f.read())]
        self.assertGreater(len(names), 15)
        for name in names:
            self.assertTrue(f'.It Ic {name}\n' in self.pages['vasite.1'], name)
            self.assertTrue(f'.Ss {name}\n.Bd -literal\nUsage: vasite {name}' in self.pages['vasite.1'], name)
        for option in ('config', 'check', 'defaults'):
            self.assertIn(f'Fl -{option}', self.pages['vasited.8'])
        with open(os.path.join(SOURCE, 'gateway', 'daemon', 'log_events.def'), encoding='utf-8') as f:
            events = re.findall(r'(?m)^VS_LOG_EVENT\(\w+, "([^"]+)"', f.read())
        self.assertGreater(len(events), 10)
        for event in events:
            self.assertTrue(f'.It {event}\n' in self.pages['vasited.8'], event)

    def test_mandoc_and_man_find_nothing_wrong(self):
        if not shutil.which('mandoc') or not shutil.which('man'):
            self.skipTest('mandoc or man is not there')
        for page in PAGES:
            path = os.path.join(self.folder, page)
            out = said('mandoc', '-Tlint', '-Wwarning', path)
            self.assertEqual((out.returncode, out.stdout + out.stderr), (0, ''), page)
            out = subprocess.run(['man', '--warnings', '-E', 'UTF-8', '-l', '-Tutf8', path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                 env={**os.environ, 'LC_ALL': 'C.UTF-8', 'MANROFFSEQ': '', 'MANWIDTH': '80'})
            self.assertEqual((out.returncode, out.stderr), (0, ''), page)


class Unit(unittest.TestCase):
    def setUp(self):
        if not shutil.which('systemd-analyze'):
            self.skipTest('systemd-analyze is not there')
        self.folder = tempfile.mkdtemp(prefix='vasite-unit-')
        self.addCleanup(shutil.rmtree, self.folder)
        with open(os.path.join(SOURCE, 'conf', 'systemd', 'vasited.service'), encoding='utf-8') as f:
            self.unit = f.read()

    def write(self, text):
        path = os.path.join(self.folder, 'vasited.service')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text.replace('/usr/bin/vasited', os.path.join(BUILD, 'vasited')))
        return path

    def test_it_is_a_unit(self):
        out = said('systemd-analyze', 'verify', '--man=no', self.write(self.unit))
        ours = [line for line in (out.stdout + out.stderr).split('\n') if 'vasited.service' in line]
        self.assertEqual(ours, [])
        out = said('systemd-analyze', 'verify', '--man=no', self.write(self.unit + '\n[Service]\nNoSuchThing=1\n'))
        self.assertIn('NoSuchThing', out.stdout + out.stderr)  # the check is alive

    def test_it_gives_little_away(self):
        def exposed(text):
            out = said('systemd-analyze', 'security', '--offline=true', f'--threshold={EXPOSURE}', '--no-pager', self.write(text))
            return out.returncode, out.stdout + out.stderr
        status, text = exposed(self.unit)
        self.assertEqual(status, 0, text)
        status, text = exposed(re.sub(r'(?m)^(CapabilityBoundingSet|SystemCallFilter|ProtectSystem)=.*$', '', self.unit))
        self.assertNotEqual(status, 0, text)

    def test_it_waits_longer_than_the_service_takes(self):
        self.assertGreater(int(re.search(r'(?m)^TimeoutStopSec=(\d+)$', self.unit).group(1)), 20)
        for line in ('Type=notify', 'NoNewPrivileges=yes', 'ProtectSystem=strict', 'LoadCredential=passphrase:/etc/vasite/passphrase', 'RestartPreventExitStatus=78'):
            self.assertIn('\n' + line + '\n', self.unit)


if __name__ == '__main__':
    unittest.main()
