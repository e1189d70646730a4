#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Encrypted images: the same command lines with our qemu-img and QEMU's, and
# images of each that the other one reads and writes. Salts and identifiers
# are random, so images are compared by what is in them.
#
# Usage: test-encryption.py QEMU_IMG [substring of the cases to run]
import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
spec = importlib.util.spec_from_file_location(
    'test_qemu_img', os.path.join(HERE, 'test-qemu-img.py'))
base = importlib.util.module_from_spec(spec)
spec.loader.exec_module(base)
sys.path.insert(0, HERE)
import commands_encryption as cases  # noqa: E402
import tolerated  # noqa: E402

ORACLE = base.ORACLE
ALL = os.environ.get('ENCRYPTION_ALL') == '1'
SECRET = ['--object', 'secret,id=s,data=abc']

plain_normalise = base.normalise


def normalise(text, directory):
    return tolerated.normalise('encryption',
                                plain_normalise(text, directory))


def image_opts(path):
    fmt = 'qcow2' if path.endswith('.qcow2') else 'luks'
    key = 'encrypt.key-secret' if fmt == 'qcow2' else 'key-secret'
    return 'driver=%s,%s=s,file.filename=%s' % (fmt, key, path)


def to_raw(program, path, out):
    return subprocess.run([program, 'convert'] + SECRET +
                          ['--image-opts', image_opts(path), '-O', 'raw', out],
                          capture_output=True)


def digest(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()[:16]


def content(directory):
    """What a guest sees with the password, and what QEMU's check says."""
    result = {}
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if not name.endswith(('.luks', '.qcow2')):
            result[name] = digest(path)
            continue
        with tempfile.NamedTemporaryFile(prefix='qemu-img-') as raw:
            status = to_raw(ORACLE, path, raw.name).returncode
            # Sectors that were never written decrypt to noise
            what = 'size %d' % os.path.getsize(raw.name)
            if 'data' in name:
                what += ' ' + digest(raw.name)
        check = 0
        if name.endswith('.qcow2'):
            check = subprocess.run([ORACLE, 'check', '-q'] + SECRET +
                                   ['--image-opts', image_opts(path)],
                                   capture_output=True).returncode
        result[name] = 'convert %d, %s, check %d' % (status, what, check)
    return result


base.normalise = normalise
base.content = content


class Report:
    def __init__(self):
        self.number = self.failed = 0

    def result(self, ok, title, differences=(), note=''):
        self.number += 1
        self.failed += not ok and not note
        print('%sok %d - %s%s' % ('' if ok or note else 'not ', self.number,
                                  title, note))
        for d in differences:
            print('#   ' + d)


def run_cases(twin, report, pattern):
    for case in cases.CASES:
        if not any(pattern in line for line in case):
            continue
        if case in cases.SLOW and not pattern and not ALL:
            continue
        twin.reset(cases.SETUP)
        for line in case:
            words = line.replace('@S', ' '.join(SECRET)).split()
            differences = twin.compare(words)
            report.result(not differences, line, differences,
                          tolerated.known('encryption', line))


def run_ok(*words):
    p = subprocess.run(words, capture_output=True, text=True)
    return '' if p.returncode == 0 else '%s: %s' % (' '.join(words), p.stderr)


def cross(report, maker, writer, reader, fmt, options, directory):
    """An image made by one, written by the second, read by the third."""
    path = os.path.join(directory, 'x.' + fmt)
    source = os.path.join(directory, 'data.raw')
    back = os.path.join(directory, 'back.raw')
    size = str(os.path.getsize(source))
    errors = run_ok(maker, 'create', '-q', *SECRET, '-f', fmt, '-o', options,
                    path, size)
    errors = errors or run_ok(writer, 'convert', *SECRET, '-n', '-f', 'raw',
                              '--target-image-opts', source, image_opts(path))
    if not errors:
        p = to_raw(reader, path, back)
        errors = p.stderr.decode()
        if not errors and digest(back) != digest(source):
            errors = 'content differs'
    for f in (path, back):
        if os.path.exists(f):
            os.remove(f)
    return errors


def run_cross(ours, report, pattern):
    with tempfile.TemporaryDirectory(prefix='qemu-img-') as directory:
        with open(os.path.join(directory, 'data.raw'), 'wb') as f:
            # Not a multiple of a cluster
            f.write(hashlib.shake_256(b'data').digest(300 * 1024))
        for fmt, options in cases.CROSS:
            title = '%s %s' % (fmt, options)
            if pattern not in title:
                continue
            # To make an image takes QEMU's program two seconds
            trios = [(ours, ORACLE, ours), (ORACLE, ours, ORACLE)]
            for trio in trios[:2 if (fmt, options) in cases.BOTH_WAYS else 1]:
                names = ', '.join('ours' if p == ours else 'QEMU' for p in trio)
                errors = cross(report, *trio, fmt, options, directory)
                report.result(not errors, 'made, written, read by %s: %s'
                              % (names, title), [errors] if errors else [])


def main():
    ours = os.path.realpath(sys.argv[1])
    pattern = sys.argv[2] if len(sys.argv) > 2 else ''
    if not os.path.exists(ORACLE):
        print('1..0 # SKIP %s is not installed' % ORACLE)
        return 0
    probe = subprocess.run([ours, 'measure', '-O', 'luks', '--size', '1M'] +
                           SECRET + ['-o', 'key-secret=s'],
                           capture_output=True, text=True)
    if 'No encryption in this program' in probe.stderr:
        print('1..0 # SKIP built without libgcrypt')
        return 0
    report = Report()
    twin = base.Twin(ours)
    run_cases(twin, report, pattern)
    twin.close()
    run_cross(ours, report, pattern)
    print('1..%d' % report.number)
    return 1 if report.failed else 0


if __name__ == '__main__':
    sys.exit(main())
