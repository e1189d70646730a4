#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the schema's checks: what the generator must refuse. TAP."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '../../../scripts'))

from qapi.common import c_enum_const, c_name, c_upper  # noqa
from qapi.error import QAPIError  # noqa
from qapi.parser import parse_schema  # noqa
from qapi.schema import Schema  # noqa


def doc(name, *members):
    return ('##\n# @' + name + ':\n#\n' +
            ''.join(f'# @{m}: text\n#\n' for m in members) + '##\n')


ENUM = doc('E', 'a', 'b') + "{ 'enum': 'E', 'data': [ 'a', 'b' ] }\n"

BAD = [
    ("{ 'enum': 'E', 'data': [] }", "'E' is not documented"),
    (doc('E') + "{ 'enum': 'E', 'data': [ 'a' ] }",
     "member 'a' is not documented"),
    (doc('E', 'b') + "{ 'enum': 'E', 'data': [] }", "documents 'b'"),
    (doc('S', 'x') + "{ 'struct': 'S', 'data': { 'x': 'Nope' } }",
     "unknown type 'Nope'"),
    (doc('S') + "{ 'struct': 'S', 'data': {}, 'foo': true }",
     "unknown key 'foo'"),
    (ENUM + ENUM, "already defined"),
    (ENUM + doc('U', 't') + "{ 'union': 'U', 'base': { 't': 'E' }, "
     "'discriminator': 't', 'data': { 'z': 'U' } }", "branch 'z'"),
    (ENUM + doc('U', 't') + "{ 'union': 'U', 'base': { 't': 'E' }, "
     "'discriminator': 'q', 'data': {} }", "no discriminator"),
    (ENUM + doc('A', 'x', 'y') +
     "{ 'alternate': 'A', 'data': { 'x': 'E', 'y': 'str' } }",
     "cannot tell 'y' from 'x'"),
    (doc('a_b') + "{ 'command': 'a_b' }", 'underscore'),
    ("{ 'include': 'nope.json' }", 'cannot include'),
    ("{ 'enum': 'E' 'data' }", "expected ','"),
    ("{ 'a': 1 }", 'stray character'),
    ("{ 'a': true, 'a': true }", "duplicate key 'a'"),
]


def schema_of(text):
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, 'schema.json')
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        return Schema(parse_schema(path))


def refuses(text, message):
    try:
        schema_of(text)
    except QAPIError as err:
        return message in str(err)
    return False


def tests():
    for text, message in BAD:
        yield f'refuses: {message}', refuses(text, message)
    yield 'c_upper', [c_upper(n) for n in
                      ('IOThreadInfo', 'QMPCapability', 'OnOffAuto')] == \
        ['IO_THREAD_INFO', 'QMP_CAPABILITY', 'ON_OFF_AUTO']
    yield 'c_name', [c_name(n) for n in ('node-name', 'unix', '3des')] == \
        ['node_name', 'q_unix', 'q_3des']
    yield 'enum constants', c_enum_const('BlockdevDriver', 'null-co') == \
        'BLOCKDEV_DRIVER_NULL_CO'
    schema = schema_of(ENUM)
    yield 'a good schema', [m.name for m in schema.types['E'].members] == \
        ['a', 'b']


def main():
    results = list(tests())
    print(f'1..{len(results)}')
    for i, (name, ok) in enumerate(results, 1):
        print(f'{"ok" if ok else "not ok"} {i} - {name}')
    return 0 if all(ok for _, ok in results) else 1


if __name__ == '__main__':
    sys.exit(main())
