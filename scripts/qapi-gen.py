#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
Generate C code and documentation from the QAPI schema.

  qapi-gen.py -o DIR SCHEMA           types, visitors, commands, events, ...
  qapi-gen.py -o DIR --program P SCHEMA  P-init-commands and P-introspect only:
                                      a program with a part of the commands
  qapi-gen.py --doc FILE SCHEMA       the QMP reference manual (man page)
  qapi-gen.py --cli DIR OPTIONS       the table of command line options
  qapi-gen.py --cli-man FILE OPTIONS  the options section of the man page
  qapi-gen.py --tool-help FILE OPTIONS   a C header with --help of a tool
  qapi-gen.py --tool-man FILE OPTIONS    its man page
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from qapi import cli, commands, docs, events, introspect, types, visit  # noqa
from qapi.error import QAPIError  # noqa
from qapi.parser import parse_schema  # noqa
from qapi.schema import Schema  # noqa


def write(path, text):
    """Write @path unless it has that content already (spares rebuilds)."""
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    try:
        with open(path, encoding='utf-8') as f:
            if f.read() == text:
                os.utime(path)
                return
    except FileNotFoundError:
        pass
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)


def main():
    ap = argparse.ArgumentParser(description='QAPI code generator')
    ap.add_argument('-o', metavar='DIR', help='write C code to DIR')
    ap.add_argument('--program', metavar='NAME')
    ap.add_argument('--doc', metavar='FILE')
    ap.add_argument('--cli', metavar='DIR')
    ap.add_argument('--cli-man', metavar='FILE')
    ap.add_argument('--tool-help', metavar='FILE')
    ap.add_argument('--tool-man', metavar='FILE')
    ap.add_argument('schema')
    args = ap.parse_args()

    files = {}
    if args.tool_help or args.tool_man:
        program = cli.load_program(args.schema)
        groups = cli.load(args.schema)
        if args.tool_help:
            files[args.tool_help] = cli.tool_help(program, groups)
        if args.tool_man:
            files[args.tool_man] = cli.tool_man_page(program, groups)
    elif args.cli or args.cli_man:
        groups = cli.load(args.schema)
        if args.cli:
            files.update({os.path.join(args.cli, name): text
                          for name, text in cli.generate(groups).items()})
        if args.cli_man:
            files[args.cli_man] = cli.man_page(groups)
    else:
        schema = Schema(parse_schema(args.schema))
        if args.program:
            parts = {**commands.generate_init(schema, args.program),
                     **introspect.generate(schema, args.program)}
            files.update({os.path.join(args.o, name): text
                          for name, text in parts.items()})
        elif args.o:
            for gen in (types, visit, commands, events, introspect):
                files.update({os.path.join(args.o, name): text
                              for name, text in gen.generate(schema).items()})
        if args.doc:
            files[args.doc] = docs.man_page(schema)
    for path, text in files.items():
        write(path, text)


if __name__ == '__main__':
    try:
        main()
    except QAPIError as err:
        sys.exit(f'{sys.argv[0]}: {err}')
