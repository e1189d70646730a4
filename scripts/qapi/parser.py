# SPDX-License-Identifier: GPL-2.0-or-later
"""
Read schema files: JSON-like expressions with single quotes, '#' comments,
documentation comments between '##' lines, includes and pragmas.
"""

import os
import re

from .error import QAPIError

TOKEN = re.compile(r"""
    (?P<space>[ \t\r]+)
  | (?P<newline>\n)
  | (?P<doc>\#\#\n(?:\#(?!\#).*\n)*\#\#[ \t]*(?=\n|$))
  | (?P<comment>\#.*)
  | (?P<punct>[{}\[\],:])
  | '(?P<string>(?:[^'\n\\]|\\.)*)'
  | (?P<word>true|false)
""", re.VERBOSE)


class Doc:
    """The documentation of one entity, or a free comment (name None)."""

    def __init__(self, where, lines):
        self.where = where
        self.name = None
        self.body = []      # lines
        self.members = {}   # name -> lines
        self.features = {}  # name -> lines
        self.sections = []  # (title, lines)
        self._parse(lines)

    def _parse(self, lines):
        target = self.body
        members = self.members
        for line in lines:
            match = re.match(r'@([-.\w]+):\s*(.*)$', line)
            if match and self.name is None and not any(self.body):
                self.name = match.group(1)
            elif match and self.name:
                target = members[match.group(1)] = [match.group(2)]
            elif self.name and line == 'Features:':
                members = self.features
                target = []
            elif self.name and re.match(r'(Returns|Since|Example|Note):', line):
                title, text = line.split(':', 1)
                target = [text.strip(' :')]
                self.sections.append((title, target))
            else:
                target.append(line)
        for part in ([self.body] + list(self.members.values()) +
                     list(self.features.values()) +
                     [s[1] for s in self.sections]):
            while part and not part[-1].strip():
                part.pop()
            while part and not part[0].strip():
                part.pop(0)


class Expr:
    """A top level expression with its place, module and documentation."""

    def __init__(self, value, where, module, doc):
        self.value = value
        self.where = where
        self.module = module
        self.doc = doc


class Parser:
    """One schema file."""

    def __init__(self, path, seen):
        self.path = path
        self.module = os.path.splitext(os.path.basename(path))[0]
        self.seen = seen
        self.exprs = []     # of this file and what it includes, in order
        self.includes = []  # modules that this file includes
        self.pragma = {}
        self.modules = {}   # module -> includes
        with open(path, encoding='utf-8') as f:
            self.text = f.read()
        self.pos = 0
        self.line = 1

    def where(self):
        return f'{self.path}:{self.line}'

    def next_token(self):
        """(kind, value) of the next token that matters; kind None: end."""
        while self.pos < len(self.text):
            match = TOKEN.match(self.text, self.pos)
            if not match:
                raise QAPIError(self.where(), 'stray character '
                                f'{self.text[self.pos]!r}')
            self.pos = match.end()
            kind = match.lastgroup
            value = match.group(kind)
            if kind == 'doc':
                doc = (self.where(), value)
                self.line += value.count('\n')
                return kind, doc
            self.line += value.count('\n')
            if kind in ('punct', 'string', 'word'):
                return kind, value
        return None, None

    def parse_value(self, token):
        kind, value = token
        if kind == 'string':
            return re.sub(r'\\(.)', r'\1', value)
        if kind == 'word':
            return value == 'true'
        if token == ('punct', '['):
            return self.parse_list()
        if token == ('punct', '{'):
            return self.parse_dict()
        raise QAPIError(self.where(), f'unexpected {value!r}')

    def parse_list(self):
        result = []
        token = self.next_token()
        if token == ('punct', ']'):
            return result
        while True:
            result.append(self.parse_value(token))
            token = self.next_token()
            if token == ('punct', ']'):
                return result
            if token != ('punct', ','):
                raise QAPIError(self.where(), "expected ',' or ']'")
            token = self.next_token()

    def parse_dict(self):
        result = {}
        token = self.next_token()
        if token == ('punct', '}'):
            return result
        while True:
            kind, key = token
            if kind != 'string':
                raise QAPIError(self.where(), 'expected a key')
            if key in result:
                raise QAPIError(self.where(), f"duplicate key '{key}'")
            if self.next_token() != ('punct', ':'):
                raise QAPIError(self.where(), "expected ':'")
            result[key] = self.parse_value(self.next_token())
            token = self.next_token()
            if token == ('punct', '}'):
                return result
            if token != ('punct', ','):
                raise QAPIError(self.where(), "expected ',' or '}'")
            token = self.next_token()

    def parse_file(self):
        doc = None
        while True:
            token = self.next_token()
            where = self.where()
            if token[0] is None:
                break
            if token[0] == 'doc':
                doc = self.parse_doc(*token[1])
                if doc.name is None:
                    self.exprs.append(Expr(None, where, self.module, doc))
                    doc = None
                continue
            value = self.parse_value(token)
            if not isinstance(value, dict):
                raise QAPIError(where, 'expected an object')
            if 'include' in value:
                self.include(value['include'], where)
            elif 'pragma' in value:
                self.pragma.update(value['pragma'])
            else:
                self.exprs.append(Expr(value, where, self.module, doc))
            doc = None
        self.modules[self.module] = self.includes

    def parse_doc(self, where, text):
        lines = [re.sub(r'^# ?', '', line)
                 for line in text.split('\n')[1:-1]]
        return Doc(where, lines)

    def include(self, name, where):
        path = os.path.join(os.path.dirname(self.path), name)
        self.includes.append(os.path.splitext(name)[0])
        if path in self.seen:
            return
        self.seen.add(path)
        if not os.path.exists(path):
            raise QAPIError(where, f"cannot include '{name}'")
        sub = Parser(path, self.seen)
        sub.parse_file()
        self.exprs += sub.exprs
        self.pragma.update(sub.pragma)
        self.modules.update(sub.modules)


def parse_schema(path):
    """Read @path and all that it includes; the Parser with the result."""
    parser = Parser(path, {path})
    parser.parse_file()
    return parser
