# SPDX-License-Identifier: GPL-2.0-or-later
"""The environment of the tests: programs, directories, image parameters."""

import os
import shutil
import subprocess
import sys
import tempfile

# Variable, name of the program in the build directory
PROGRAMS = (
    ('QEMU_PROG', 'qemu-system-x86_64'),
    ('QEMU_IMG_PROG', 'qemu-img'),
    ('QEMU_IO_PROG', 'qemu-io'),
    ('QEMU_NBD_PROG', 'qemu-nbd'),
    ('QSD_PROG', 'qemu-storage-daemon'),
)
# Formats whose images can only be read
READ_ONLY_FORMATS = ('bochs', 'cloop', 'dmg', 'vvfat')
AIO_MODES = ('threads', 'native', 'io_uring')
CACHE_MODES = ('none', 'off', 'directsync', 'writeback', 'writethrough',
               'unsafe')
# Where QEMU's own programs are (-oracle), unless the environment names others
ORACLE_DIR = os.environ.get('ORACLE_DIR', '/usr/bin')
ORACLE_VERSION = ' version 10.0.'


class NoOracle(Exception):
    """-oracle was asked for, and QEMU 10.0 is not installed."""


class RunEnv:
    """What is the same for every test of a run."""

    def __init__(self, source, args):
        self.source = source
        self.imgfmt = args.imgfmt
        self.imgproto = args.imgproto
        self.oracle = args.oracle
        if args.cachemode not in CACHE_MODES:
            sys.exit('check: invalid cache mode: ' + args.cachemode)
        if args.aiomode not in AIO_MODES:
            sys.exit('check: invalid AIO mode: ' + args.aiomode)
        self.vars = dict(os.environ)
        for name in ('PS4', 'TZ', 'LANGUAGE'):
            self.vars.pop(name, None)
        self.build = self.find_oracle() if args.oracle else self.find_build()
        self.find_programs()
        self.make_directories()
        self.set_image(args)
        self.set_options(args)
        self.vars.update(
            LC_ALL='C', LANG='C', TZ='UTC', PYTHON=sys.executable,
            SOURCE_IOTESTS=source, BUILD_IOTESTS=self.output_dir,
            PYTHONPATH=os.pathsep.join(
                [source] + os.environ.get('PYTHONPATH', '').split()))

    def find_build(self):
        """The build directory: named, the current one, or the usual one."""
        for place in (os.environ.get('BUILD_DIR'), os.getcwd(),
                      os.path.join(os.getcwd(), '..', '..'),
                      os.path.join(self.source, '..', '..', 'build')):
            if place and os.path.exists(os.path.join(place, 'qemu-img')):
                return os.path.realpath(place)
        return None

    def find_oracle(self):
        """The directory of QEMU's programs, if they are of the version that
        the golden files are of."""
        try:
            text = subprocess.run(
                [os.path.join(ORACLE_DIR, 'qemu-img'), '--version'],
                capture_output=True, text=True, check=False).stdout
        except OSError:
            text = ''
        if ORACLE_VERSION not in text:
            raise NoOracle('no QEMU 10.0 in %s' % ORACLE_DIR)
        return ORACLE_DIR

    def find_programs(self):
        for var, name in PROGRAMS:
            path = os.environ.get(var)
            if not path and self.build:
                path = os.path.join(self.build, name)
                path = path if os.path.exists(path) else None
            path = path and shutil.which(path)
            if path:
                # The real name: messages begin with it
                self.vars[var] = os.path.realpath(path)
            elif var in ('QEMU_IMG_PROG', 'QEMU_IO_PROG'):
                sys.exit('check: %s: no program (%s)' % (
                    var, os.environ.get(var) or name))
            else:
                self.vars[var] = os.environ.get(var, '')

    def make_directories(self):
        self.output_dir = os.environ.get('OUTPUT_DIR', os.getcwd())
        self.own_test_dir = 'TEST_DIR' not in os.environ
        self.test_dir = os.path.realpath(
            os.environ.get('TEST_DIR', os.path.join(os.getcwd(), 'scratch')))
        os.makedirs(self.test_dir, exist_ok=True)
        # The path of a socket has room for about 100 characters
        self.own_sock_dir = 'SOCK_DIR' not in os.environ
        self.sock_dir = (tempfile.mkdtemp(prefix='qemu-iotests-')
                         if self.own_sock_dir else os.environ['SOCK_DIR'])
        self.vars['OUTPUT_DIR'] = self.output_dir
        self.vars['SAMPLE_IMG_DIR'] = os.environ.get(
            'SAMPLE_IMG_DIR', os.path.join(self.source, 'sample_images'))

    def set_image(self, args):
        opts = args.imgopts
        generic = args.imgfmt not in READ_ONLY_FORMATS
        if args.imgfmt == 'qcow2' and 'compat=' not in opts:
            opts = ','.join(o for o in ('compat=1.1', opts) if o)
        self.vars.update(
            IMGFMT=args.imgfmt, IMGPROTO=args.imgproto, IMGOPTS=opts,
            IMGFMT_GENERIC=str(generic).lower(), IMGOPTSSYNTAX='false',
            IMGKEYSECRET='123456' if args.imgfmt == 'luks' else '',
            CACHEMODE=args.cachemode, AIOMODE=args.aiomode,
            CACHEMODE_IS_DEFAULT=str(args.cachemode == 'writeback').lower())
        if args.imgfmt == 'luks':
            # Finding out how fast the machine is would take seconds
            self.vars['IMGOPTS'] = ','.join(
                o for o in (opts, 'iter-time=10') if o)
            self.vars['IMGOPTSSYNTAX'] = 'true'

    def set_options(self, args):
        common = ['--cache', args.cachemode, '--aio', args.aiomode]
        if args.misalign:
            common.append('--misalign')
        fmt = common + ['-f', args.imgfmt]
        if self.vars['IMGOPTSSYNTAX'] == 'true':
            fmt = common + ['--image-opts']
        self.vars['QEMU_IO_OPTIONS_NO_FMT'] = ' '.join(common)
        self.vars['QEMU_IO_OPTIONS'] = ' '.join(fmt)
        self.vars.setdefault('QEMU_IMG_OPTIONS', '')
        self.vars.setdefault('QEMU_NBD_OPTIONS', '')
        self.vars.setdefault('QSD_OPTIONS', '')
        self.vars.setdefault('QEMU_OPTIONS',
                             '-nodefaults -display none')
        self.vars['QEMU_DEFAULT_MACHINE'] = 'pc'
        self.vars['VALGRIND_QEMU'] = 'y' if args.valgrind else ''
        self.vars['DEBUG'] = '-d' if args.debug else ''

    def for_test(self, name):
        """Directories of one test and the environment that names them."""
        leaf = '%s-%s-%s' % (self.imgfmt, self.imgproto,
                             name.replace('/', '-'))
        if self.oracle:
            leaf = 'oracle-' + leaf
        test_dir = os.path.join(self.test_dir, leaf)
        sock_dir = os.path.join(self.sock_dir, leaf)
        for d in (test_dir, sock_dir):
            shutil.rmtree(d, ignore_errors=True)
            os.makedirs(d)
        return dict(self.vars, TEST_DIR=test_dir, SOCK_DIR=sock_dir,
                    TEST_NAME=name)

    def describe(self):
        """The head of a report: what is under test."""
        lines = ['%-13s -- %s' % (name, self.vars.get(name) or '(none)')
                 for name in ('QEMU_PROG', 'QEMU_IMG_PROG', 'QEMU_IO_PROG',
                              'QEMU_NBD_PROG', 'IMGFMT', 'IMGPROTO', 'IMGOPTS',
                              'CACHEMODE', 'AIOMODE')]
        version = subprocess.run(
            [self.vars['QEMU_IMG_PROG'], '--version'], capture_output=True,
            text=True, check=False).stdout.split('\n')[0]
        system = os.uname()
        lines += ['%-13s -- %s' % ('VERSION', version),
                  '%-13s -- %s/%s %s %s' % ('PLATFORM', system.sysname,
                                            system.machine, system.nodename,
                                            system.release),
                  '%-13s -- %s' % ('TEST_DIR', self.test_dir),
                  '%-13s -- %s' % ('SOCK_DIR', self.sock_dir)]
        return '\n'.join(lines)

    def close(self):
        if self.own_sock_dir:
            shutil.rmtree(self.sock_dir, ignore_errors=True)
        if self.own_test_dir:
            try:
                os.rmdir(self.test_dir)
            except OSError:
                pass
