#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What qemu-system-x86_64 says to a command line that is wrong, beside what an
# installed QEMU 10.0 says: the same text on stderr and the same exit status.
#
#   test-cli-errors.py PROGRAM [ORACLE]
#
# TAP; everything is skipped where there is no QEMU 10.0 to compare with.
import os
import re
import shutil
import subprocess
import sys
import tempfile

BASE = ['-nodefaults', '-display', 'none', '-monitor', 'null', '-S']

# Arguments; {dir} is a scratch directory with the files of make_files().
CASES = [
    # words
    ['-foo'], ['--foo'], ['-m'], ['{dir}/missing.img'],
    # memory
    ['-m', 'abc'], ['-m', '-5'], ['-m', 'size='], ['-m', 'size=1G,foo=1'],
    ['-m', '99999999999999G'], ['-m', '128M,slots=2'],
    ['-m', '1G,maxmem=512M,slots=1'],
    # CPUs
    ['-smp', '0'], ['-smp', 'abc'], ['-smp', '300'], ['-smp', '-1'],
    ['-smp', '2,maxcpus=1'], ['-smp', '4,foo=1'], ['-smp', 'sockets=0'],
    ['-smp', '4,sockets=2,cores=1,threads=1'], ['-smp', '2,books=2'],
    ['-smp', 'cpus=4,maxcpus=8,sockets=2,cores=2,threads=1'],
    # machine
    ['-M', 'foo'], ['-machine', 'pc,foo=1'], ['-machine', 'pc,accel=foo'],
    ['-accel', 'foo'], ['-accel', 'kvm:tcg'],
    ['-boot', 'foo=1'], ['-boot', 'x'], ['-uuid', 'zz'],
    ['-name', 'a,b=c'], ['-action', 'foo=1'], ['-action', 'reboot=foo'],
    ['-msg', 'foo=1'], ['-display', 'foo'], ['-vga', 'foo'],
    ['-net', 'foo'], ['-nic', 'foo'],
    ['-pidfile', '{dir}/no/such/dir'],
    # kernel
    ['-kernel', '{dir}/missing'], ['-kernel', '{dir}/truncated'],
    ['-kernel', '{dir}/text'],
    # (not an empty file: the reason QEMU gives then is a stale errno)
    ['-initrd', '{dir}/text'], ['-append', 'foo'],
    # descriptors
    ['-add-fd', 'fd=7'], ['-add-fd', 'fd=2,set=1'], ['-add-fd', 'set=2'],
    ['-add-fd', 'fd=99,set=1'], ['-add-fd', 'fd=x,set=1'],
    ['-add-fd', 'fd=-1,set=1'],
    ['-drive', 'if=virtio,format=raw,file=/dev/fdset/1'],
    ['-drive', 'if=virtio,format=raw,file=/dev/fdset/x'],
    ['-blockdev', 'file,node-name=f,filename={dir}/text,aio=native'],
    # objects
    ['-object', 'iothread'], ['-object', 'iothread,id=1x'],
    ['-object', 'foo,id=a'], ['-object', 'id=a'],
    ['-object', 'iothread,id=t0,foo=1'],
    ['-object', 'iothread,id=a', '-object', 'iothread,id=a'],
    ['-object', 'iothread,id=a,poll-max-ns=-1'],
    ['-object', 'iothread,id=a,poll-max-ns=abc'],
    ['-object', 'iothread,id=a,thread-pool-min=5,thread-pool-max=2'],
    ['-object', 'iothread,id=a,thread-pool-max=0'],
    ['-object', '{{"qom-type":"iothread"}}'],
    ['-object', '{{"qom-type":"iothread","id":"a"'],
    # devices
    ['-device', 'foo'], ['-device', ''], ['-device', 'id=b'],
    ['-device', 'virtio-blk-pci,id=9'],
    ['-device', 'virtio-blk-pci,foo=1'],
    ['-device', 'virtio-blk-pci'],
    ['-device', 'virtio-blk-pci,drive=zz'],
    ['-device', 'virtio-blk-pci,iothread=zz'],
    ['-device', 'virtio-blk-pci,bus=zz'],
    ['-device', 'virtio-blk-pci,num-queues=abc'],
    ['-device', 'virtio-blk-pci,num-queues=70000'],
    ['-device', 'virtio-blk-pci,num-queues=-1'],
    ['-device', 'virtio-blk-pci,config-wce=maybe'],
    ['-device', 'virtio-blk-pci,addr=zz'],
    ['-device', 'virtio-blk-pci,write-cache=x'],
    ['-device', 'pci-device'],
    ['-device', '{{"driver":"virtio-blk-pci","foo":1}}'],
    ['-device', '{{"driver":"virtio-blk-pci","num-queues":"1"}}'],
    ['-device', '{{"id":"a"}}'],
    ['-blockdev', 'null-co,node-name=n',
     '-device', 'virtio-blk-pci,drive=n,id=a',
     '-device', 'virtio-blk-pci,drive=n,id=a'],
    ['-blockdev', 'null-co,node-name=n',
     '-device', 'virtio-blk-pci,drive=n', '-device',
     'virtio-blk-pci,drive=n'],
    ['-object', 'iothread,id=t0', '-blockdev', 'null-co,node-name=n',
     '-device', 'virtio-blk-pci,drive=n,iothread=t1'],
    ['-M', 'none', '-blockdev', 'null-co,node-name=n',
     '-device', 'virtio-blk-pci,drive=n'],
    ['-blockdev', 'null-co,node-name=n',
     '-device', 'virtio-blk-pci,drive=n,num-queues=0'],
    ['-blockdev', 'null-co,node-name=n',
     '-device', 'virtio-blk-pci,drive=n,queue-size=3'],
    ['-blockdev', 'null-co,node-name=n',
     '-device', 'virtio-blk-pci,drive=n,logical_block_size=3'],
    # disks
    ['-blockdev', 'foo'], ['-blockdev', 'driver=foo'],
    ['-blockdev', 'file'],
    ['-blockdev', 'file,node-name=f,filename={dir}/missing.img'],
    ['-blockdev', 'file,node-name=f,filename={dir}/text,foo=1'],
    ['-blockdev', 'raw,node-name=r,file=nosuch'],
    ['-blockdev', 'null-co,node-name=n', '-blockdev',
     'null-co,node-name=n'],
    ['-blockdev', 'null-co,node-name=9n'],
    ['-drive', 'file={dir}/missing.img,if=virtio,format=raw'],
    ['-drive', 'file={readonly},if=virtio,format=raw'],
    ['-drive', 'foo=1'],
    ['-drive', 'file={dir}/text,if=foo,format=raw'],
    ['-drive', 'file={dir}/text,if=virtio,format=foo'],
    # character devices, monitors
    ['-serial', 'foo'], ['-chardev', 'foo,id=x'], ['-chardev', 'null'],
    ['-chardev', 'null,id=a', '-chardev', 'null,id=a'],
    ['-mon', 'chardev=zz'], ['-qmp', 'zz'], ['-mon', 'foo=1'],
    ['-set', 'foo'], ['-set', 'device.x.y=1'],
    ['-global', 'driver=foo'],
]


def make_files(path):
    def write(name, data):
        with open(os.path.join(path, name), 'wb') as file:
            file.write(data)
    write('text', b'This is no kernel, and no disk to speak of.\n' * 40)
    # A bzImage whose header promises more than there is.
    header = bytearray(1024)
    header[0x1f1] = 30
    header[0x1fe:0x200] = b'\x55\xaa'
    header[0x202:0x206] = b'HdrS'
    header[0x206:0x208] = (0x20f).to_bytes(2, 'little')
    header[0x211] = 1
    write('truncated', bytes(header))


def read_only_file(path):
    if os.geteuid() == 0:
        return '/sys/kernel/notes'
    name = os.path.join(path, 'readonly.img')
    with open(name, 'wb') as file:
        file.write(bytes(1 << 20))
    os.chmod(name, 0o444)
    return name


def run(program, accel, args):
    words = [program] + BASE + accel + args
    try:
        result = subprocess.run(words, stdin=subprocess.DEVNULL,
                                capture_output=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return None, 'still running after 20 s'
    # The one line that tells which loop runs, where io_uring is refused
    err = re.sub(r'^.*; using epoll\n', '',
                 result.stderr.decode(errors='replace'), flags=re.M)
    return result.returncode, err


def find_oracle(given):
    name = given or '/usr/bin/qemu-system-x86_64'
    if not shutil.which(name):
        return None, f'{name} is not installed'
    text = subprocess.run([name, '-version'], capture_output=True,
                          check=False).stdout.decode()
    if 'version 10.0.' not in text:
        return None, f'{name} is not QEMU 10.0'
    return name, None


def main():
    program = sys.argv[1]
    oracle, reason = find_oracle(sys.argv[2] if len(sys.argv) > 2 else None)
    if not oracle:
        print(f'1..0 # SKIP {reason}')
        return 0
    failures = 0
    print(f'1..{len(CASES)}')
    with tempfile.TemporaryDirectory() as scratch:
        make_files(scratch)
        readonly = read_only_file(scratch)
        for number, case in enumerate(CASES, 1):
            args = [word.format(dir=scratch, readonly=readonly)
                    for word in case]
            chooses = '-accel' in args or any('accel=' in a for a in args)
            ours = run(program, [] if chooses else ['-accel', 'qtest'], args)
            theirs = run(oracle, [] if chooses else ['-accel', 'tcg'], args)
            good = ours == theirs
            failures += not good
            print(f'{"ok" if good else "not ok"} {number} {" ".join(case)}')
            if not good:
                for who, result in (('ours', ours), ('QEMU', theirs)):
                    print(f'# {who}: status {result[0]}')
                    for line in result[1].splitlines():
                        print(f'#   {line}')
    return failures != 0


if __name__ == '__main__':
    sys.exit(main())
