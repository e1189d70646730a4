#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Add up what meson's test runs logged; the last line is the sum.

usage: test-summary.py FAILED_BUILDS LOG_DIR...

Counts test points, not programs.  A program that died, ran out of time or said
"failed" without a failed point counts as one failure, and so does a build.
"""

import json
import os
import sys
import xml.etree.ElementTree as ET

BAD = {'FAIL', 'ERROR', 'TIMEOUT', 'INTERRUPT', 'UNEXPECTEDPASS'}


def main():
    passed, failed, skipped = 0, int(sys.argv[1]), 0
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
        broken = [r['name'] for r in results if r['result'] in BAD]
        failed += max(bad, len(broken))
        for name in broken:
            print('%s: %s failed' % (log, name))
        for reason in sorted(set(reasons)):
            print('%s: skipped: %s' % (log, reason))
    print('%d passed, %d failed, %d skipped' % (passed, failed, skipped))
    sys.exit(1 if failed or not passed else 0)


if __name__ == '__main__':
    main()
