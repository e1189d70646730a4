#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random sequences of what can be done to an image, by our programs and QEMU's.

usage: test-sequences.py QEMU_IMG QEMU_IO [--sequences N] [--steps N]
                         [--shape NAME] [--seed N] [--seconds N] [--verbose]

A sequence works on one image either by our programs, with the same done by
QEMU's to an image of their own (what is refused must be refused by both), or
by ours and QEMU's in turns. What can be read is compared with a plain model,
and "check" must find nothing, after each few steps (operations of qemu-io that
are done by one process; what they wrote is read again at once). A sequence
that fails is made as short as it can be and printed; its seed makes it again.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sequence_run  # noqa: E402

ORACLE = {'img': '/usr/bin/qemu-img', 'io': '/usr/bin/qemu-io'}


def make(seed, steps, shape):
    """The sequence: pairs of a kind and the seed of its details, so that each
    can be left out without changing what the others are."""
    rand = random.Random(seed)
    kinds = sequence_run.kinds(shape)
    return [(rand.choices(list(kinds), kinds.values())[0], rand.getrandbits(40))
            for _ in range(steps)]


def attempt(args, shape, seed, steps, log=None):
    """What is wrong, and after how many steps; None if nothing is."""
    base = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
    directory = tempfile.mkdtemp(prefix='sequences-', dir=base)
    ours = {'img': os.path.realpath(args.qemu_img),
            'io': os.path.realpath(args.qemu_io)}
    oracle = ORACLE if os.access(ORACLE['img'], os.X_OK) else None
    run = sequence_run.Run(ours, oracle, directory, shape, seed, log)
    try:
        run.go(steps)
    except sequence_run.Failed as e:
        return str(e), run.done
    finally:
        shutil.rmtree(directory)
    return None


def shorten(args, shape, seed, steps, seconds=60):
    """Leave out what the failure does not need."""
    end = time.monotonic() + seconds
    size = len(steps) // 2
    while size:
        i = 0
        while i < len(steps) and time.monotonic() < end:
            fewer = steps[:i] + steps[i + size:]
            fault = attempt(args, shape, seed, fewer)
            if fault:
                steps = fewer[:fault[1]]
            else:
                i += size
        size //= 2
    return steps


def report(args, name, seed, steps, fault):
    print('# %s, seed %d: %s' % (name, seed, fault[0].replace('\n', '\n# ')))
    shape = sequence_run.SHAPES[name]
    short = shorten(args, shape, seed, steps[:fault[1]])
    log = []
    fault = attempt(args, shape, seed, short, log)
    print('# %d steps are enough:' % len(short))
    for line in log[-60:]:
        print('#   ' + line)
    if fault:
        print('# ' + fault[0].replace('\n', '\n# '))
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('qemu_img')
    parser.add_argument('qemu_io')
    parser.add_argument('--sequences', type=int, default=1)
    parser.add_argument('--steps', type=int, default=50)
    parser.add_argument('--shape', action='append')
    parser.add_argument('--seed', type=int,
                        default=random.SystemRandom().getrandbits(30))
    parser.add_argument('--seconds', type=float, default=1e9,
                        help='begin no sequence after so many')
    parser.add_argument('--verbose', action='store_true')
    args = parser.parse_args()
    names = args.shape or list(sequence_run.SHAPES)
    start = time.monotonic()
    faults = 0
    print('1..%d\n# seed %d' % (len(names), args.seed))
    for n, name in enumerate(names):
        failed = done = 0
        for seed in range(args.seed, args.seed + args.sequences):
            if time.monotonic() - start > args.seconds:
                break
            steps = make(seed, args.steps, sequence_run.SHAPES[name])
            log = [] if args.verbose else None
            fault = attempt(args, sequence_run.SHAPES[name], seed, steps, log)
            if args.verbose:
                print('# ' + '\n# '.join(log))
            done += 1
            if fault:
                failed += 1
                report(args, name, seed, steps, fault)
        faults += failed
        print('%sok %d - %s: %d sequences of %d steps' % (
            'not ' if failed else '', n + 1, name, done, args.steps))
        sys.stdout.flush()
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
