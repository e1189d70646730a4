# SPDX-License-Identifier: GPL-2.0-or-later
"""Helpers for I/O tests in Python: the tools, the image, the log, VMs.

A test is a script whose log() goes to its golden output (script_main), or a
set of unittest cases (main). iotests.VM and iotests.QemuStorageDaemon are in
vm.py.
"""

import atexit
import json
import os
import re
import subprocess
import sys
import unittest

imgfmt = os.environ.get('IMGFMT', 'raw')
imgproto = os.environ.get('IMGPROTO', 'file')
test_dir = os.environ.get('TEST_DIR', '/var/tmp')
sock_dir = os.environ.get('SOCK_DIR', test_dir)
cachemode = os.environ.get('CACHEMODE', 'writeback')
aiomode = os.environ.get('AIOMODE', 'threads')

qemu_img_args = [os.environ.get('QEMU_IMG_PROG', 'qemu-img')]
qemu_img_args += os.environ.get('QEMU_IMG_OPTIONS', '').split()
qemu_io_args = [os.environ.get('QEMU_IO_PROG', 'qemu-io')]
qemu_io_args += os.environ.get('QEMU_IO_OPTIONS', '').split()
qemu_io_args_no_fmt = [os.environ.get('QEMU_IO_PROG', 'qemu-io')]
qemu_io_args_no_fmt += os.environ.get('QEMU_IO_OPTIONS_NO_FMT', '').split()
qemu_prog_args = [os.environ.get('QEMU_PROG', '')]
qemu_prog_args += os.environ.get('QEMU_OPTIONS', '').split()
qsd_args = [os.environ.get('QSD_PROG', '')]
qsd_args += os.environ.get('QSD_OPTIONS', '').split()
qemu_nbd_args = [os.environ.get('QEMU_NBD_PROG', '')]
qemu_nbd_args += os.environ.get('QEMU_NBD_OPTIONS', '').split()


def qemu_tool(*args, check=True):
    """Run a tool; its output and errors are in .stdout of the result."""
    return subprocess.run(args, stdin=subprocess.DEVNULL, check=check,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, env=dict(os.environ, LC_ALL='C'))


def qemu_img(*args, check=True):
    return qemu_tool(*qemu_img_args, *args, check=check)


def qemu_img_create(*args):
    """create; the options of the run (-o of check) are added."""
    args = list(args)
    if os.environ.get('IMGOPTS') and '-f' in args and \
            args[args.index('-f') + 1] == imgfmt:
        args = ['-o', os.environ['IMGOPTS']] + args
    return qemu_img('create', *args)


def qemu_img_json(*args):
    """What a sub-command prints as JSON."""
    return json.loads(qemu_img(args[0], '--output=json', *args[1:]).stdout)


def qemu_img_info(*args):
    return qemu_img_json('info', *args)


def qemu_img_map(*args):
    return qemu_img_json('map', *args)


def qemu_img_check(*args):
    return qemu_img_json('check', *args)


def qemu_img_log(*args, check=True):
    result = qemu_img(*args, check=check)
    log(result.stdout, filters=[filter_testfiles])
    return result


def qemu_io(*args, check=True):
    base = qemu_io_args
    if '-f' in args or '--image-opts' in args:
        base = qemu_io_args_no_fmt
    return qemu_tool(*base, *args, check=check)


def qemu_io_log(*args, check=True):
    result = qemu_io(*args, check=check)
    log(result.stdout, filters=[filter_testfiles, filter_qemu_io])
    return result


def compare_images(a, b, fmt_a=imgfmt, fmt_b=imgfmt):
    """Have they the same content?"""
    result = qemu_img('compare', '-f', fmt_a, '-F', fmt_b, a, b, check=False)
    return result.returncode == 0


def create_image(name, size):
    """A raw image in which each sector has its number, again and again."""
    with open(name, 'wb') as f:
        for i in range(size // 512):
            f.write(i.to_bytes(4, 'big') * 128)


def image_size(name):
    return qemu_img_info('-f', imgfmt, name)['virtual-size']


def filter_test_dir(text):
    return text.replace(test_dir, 'TEST_DIR')


def filter_imgfmt(text):
    return text.replace(imgfmt, 'IMGFMT')


def filter_testfiles(text):
    """Names of file_path() without what differs from run to run."""
    for path, word in ((sock_dir, 'SOCK_DIR/'), (test_dir, 'TEST_DIR/')):
        text = text.replace('%s/%d-' % (path, os.getpid()), word + 'PID-')
        text = text.replace(path + '/', word)
    return text


def filter_qemu_io(text):
    return re.sub(r'[0-9]+ ops; [0-9/:. sec]*'
                  r'\([0-9/.inf]* [EPTGMKiBbytes]*/sec '
                  r'and [0-9/.inf]* ops/sec\)',
                  'X ops; XX:XX:XX.X (XXX YYY/sec and XXX ops/sec)', text)


def filter_generated_node_ids(text):
    return re.sub(r'#block[0-9]+', 'NODE_NAME', text)


def filter_timestamps(text):
    """Of events and of snapshots."""
    return re.sub(r'"(micro)?seconds": [0-9]+', r'"\1seconds": N', text)


def filter_error_lines(text):
    """A program's messages without the path of the program."""
    return re.sub(r'^\S*/(qemu-[\w-]+): ', r'\1: ', text, flags=re.M)


def log(msg, filters=(), indent=None):
    """A line (or value, as JSON) of the golden output."""
    if not isinstance(msg, str):
        msg = json.dumps(msg, sort_keys=True, indent=indent)
    for f in filters:
        msg = f(msg)
    print(msg.rstrip('\n') if msg.endswith('\n') else msg)


def remove_file(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def file_path(*names, base_dir=None):
    """Paths in the test's directory, removed at the end: one or a list."""
    paths = []
    for name in names:
        path = os.path.join(base_dir or test_dir,
                            '%d-%s' % (os.getpid(), name))
        atexit.register(remove_file, path)
        paths.append(path)
    return paths[0] if len(paths) == 1 else paths


class QMPTestCase(unittest.TestCase):
    """Cases that look into answers: 'return[0]/name' is a path."""

    def dictpath(self, value, path):
        for part in path.split('/'):
            m = re.match(r'([^[]*)((?:\[\d+\])*)$', part)
            if m[1]:
                self.assertIn(m[1], value, path)
                value = value[m[1]]
            for index in re.findall(r'\d+', m[2]):
                self.assertLess(int(index), len(value), path)
                value = value[int(index)]
        return value

    def assert_qmp(self, answer, path, expected):
        self.assertEqual(self.dictpath(answer, path), expected)

    def assert_qmp_error(self, answer, text):
        self.assertIn('error', answer)
        self.assertIn(text, answer['error']['desc'])

    def assert_no_active_block_jobs(self):
        self.assert_qmp(self.vm.qmp('query-block-jobs'), 'return', [])


class FilePath:
    """The same as a context: with FilePath('a') as a."""

    def __init__(self, *names, base_dir=None):
        self.paths = [os.path.join(base_dir or test_dir,
                                   '%d-%s' % (os.getpid(), n)) for n in names]

    def __enter__(self):
        return self.paths[0] if len(self.paths) == 1 else self.paths

    def __exit__(self, *exc):
        for p in self.paths:
            remove_file(p)
        return False


def notrun(reason):
    seq = os.path.basename(sys.argv[0])
    with open(os.path.join(test_dir, seq + '.notrun'), 'w',
              encoding='utf-8') as f:
        f.write(reason + '\n')
    print('%s not run: %s' % (seq, reason))
    sys.exit(0)


def require_program(variable):
    """Leaves the test out where the run has no such program (QSD_PROG...)."""
    if not os.environ.get(variable):
        notrun(variable + ' is not there')


def case_notrun(reason):
    seq = os.path.basename(sys.argv[0])
    with open(os.path.join(test_dir, seq + '.casenotrun'), 'a',
              encoding='utf-8') as f:
        f.write('    [case not run] ' + reason + '\n')


def check_environment(supported_fmts=(), unsupported_fmts=(),
                      supported_protocols=(), unsupported_imgopts=()):
    generic = os.environ.get('IMGFMT_GENERIC') == 'true'
    if 'generic' in supported_fmts and generic:
        supported_fmts = ()
    if (supported_fmts and imgfmt not in supported_fmts) or \
            imgfmt in unsupported_fmts:
        notrun('not suitable for this image format: ' + imgfmt)
    if supported_protocols and imgproto not in supported_protocols:
        notrun('not suitable for this image protocol: ' + imgproto)
    for opt in unsupported_imgopts:
        if opt in os.environ.get('IMGOPTS', ''):
            notrun('not suitable for image option: ' + opt)


def script_initialize(**kwargs):
    check_environment(**kwargs)


def script_main(function, **kwargs):
    check_environment(**kwargs)
    function()


def main(**kwargs):
    """Run the unittest cases of the calling script, quietly."""
    check_environment(**kwargs)
    suite = unittest.defaultTestLoader.loadTestsFromModule(
        sys.modules['__main__'])
    result = unittest.TextTestRunner(stream=open(os.devnull, 'w',
                                                 encoding='utf-8'),
                                     descriptions=False).run(suite)
    for case, trace in result.failures + result.errors:
        print('%s\n%s' % (case.id(), trace))
    print('.' * (result.testsRun - len(result.failures)
                 - len(result.errors)))
    print('-' * 70)
    print('Ran %d tests\n' % result.testsRun)
    print('OK' if result.wasSuccessful() else 'FAILED')
    sys.exit(0 if result.wasSuccessful() else 1)


def __getattr__(name):
    """VM and QemuStorageDaemon: vm.py needs this module first."""
    if name in ('VM', 'QemuStorageDaemon', 'QMPError'):
        import vm  # noqa: E402
        return getattr(vm, name)
    raise AttributeError(name)
