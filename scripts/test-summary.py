#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Add up what meson's test runs logged; the last line is the sum.

usage: test-summary.py FAILED_BUILDS LOG_DIR...

Counts test points, not programs.  A program that died, ran out of time or said
"failed" without a failed point counts as one failure, and so does a build.  What
failed is printed last, with the lines around it: logs are often cut in front.
"""

import json
import os
import sys
import xml.etree.ElementTree as ET

BAD = {'FAIL', 'ERROR', 'TIMEOUT', 'INTERRUPT', 'UNEXPECTEDPASS'}

# Lines of a failed program's output to show around each failed point.
BEFORE, AFTER, MOST = 8, 12, 80


def extract(result):
    """The failed points of a program with what it said around them."""
    lines = (result.get('stdout', '') + result.get('stderr', '')).splitlines()
    bad = [i for i, line in enumerate(lines) if line.startswith('not ok')]
    if not bad:
        return lines[-MOST // 2:]
    keep = sorted({i for b in bad
                   for i in range(max(b - BEFORE, 0), b + AFTER)
                   if i < len(lines)})
    return [lines[i] for i in keep][:MOST]


def main():
    passed, failed, skipped = 0, int(sys.argv[1]), 0
    failures = []
    for log in sys.argv[2:]:
        points = {}
        reasons = []
        junit = os.path.join(log, 'testlog.junit.xml')
        for suite in ET.parse(junit).getroot().iter('testsuite'):
            name = suite.get('name').split('.')[-1].split(':')[-1]
            for case in suite.iter('testcase'):
                if case.find('failure') is not None or \
                        case.find('error') is not None:
                    kind = 'failed'
                elif case.find('skipped') is not None:
                    kind = 'skipped'
                    reasons.append('%s: %s' % (name, case.get('name')))
                else:
                    kind = 'passed'
                key = (case.get('classname') or name, kind)
                points[key] = points.get(key, 0) + 1
        passed += sum(n for (_, k), n in points.items() if k == 'passed')
        bad = sum(n for (_, k), n in points.items() if k == 'failed')
        skipped += sum(n for (_, k), n in points.items() if k == 'skipped')
        with open(os.path.join(log, 'testlog.json'), encoding='utf-8') as f:
            results = [json.loads(line) for line in f if line.strip()]
        broken = [r for r in results if r['result'] in BAD]
        failed += max(bad, len(broken))
        failures += [(log, r) for r in broken]
        for reason in sorted(set(reasons)):
            print('%s: skipped: %s' % (log, reason))
    for log, result in failures:
        print('%s: %s: %s' % (log, result['name'], result['result']))
        for line in extract(result):
            print('    ' + line)
    print('%d passed, %d failed, %d skipped' % (passed, failed, skipped))
    sys.exit(1 if failed or not passed else 0)


if __name__ == '__main__':
    main()
