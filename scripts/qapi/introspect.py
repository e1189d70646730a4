# SPDX-License-Identifier: GPL-2.0-or-later
"""
query-qmp-schema: the schema as JSON, the names of types being numbers in
the order of their first use.
"""

import json

from .common import c_string, header, source
from .schema import Alternate, Array, Builtin, Command, Enum, Event, Object


class Introspection:
    def __init__(self, schema):
        self.schema = schema
        self.out = []
        self.numbers = {}
        self.used = []

    def name(self, type_):
        if isinstance(type_, Builtin):
            # all kinds of integers look alike in JSON
            name = 'int' if type_.json == 'int' else type_.name
            type_ = self.schema.types[name]
        elif isinstance(type_, Array):
            self.use(type_)
            return '[' + self.name(type_.element) + ']'
        else:
            name = self.numbers.setdefault(id(type_), str(len(self.numbers)))
        self.use(type_)
        return name

    def use(self, type_):
        if type_ not in self.used:
            self.used.append(type_)

    def emit(self, name, meta, info, features=()):
        info = {'name': name, 'meta-type': meta, **info}
        if features:
            info['features'] = list(features)
        self.out.append(info)

    @staticmethod
    def with_features(info, features):
        return {**info, 'features': list(features)} if features else info

    def member(self, m):
        info = {'name': m.name, 'type': self.name(m.type)}
        if m.optional:
            info['default'] = None
        return self.with_features(info, m.features)

    def entity(self, x):
        arg = self.name(x.arg)
        if isinstance(x, Event):
            self.emit(x.name, 'event', {'arg-type': arg}, x.features)
            return
        info = {'arg-type': arg, 'ret-type': self.name(x.ret or
                                                       self.schema.empty)}
        if x.allow_oob:
            info['allow-oob'] = True
        self.emit(x.name, 'command', info, x.features)

    def type(self, t):
        if isinstance(t, Builtin):
            self.emit(t.name, 'builtin', {'json-type': t.json})
        elif isinstance(t, Array):
            element = self.name(t.element)
            self.emit('[' + element + ']', 'array', {'element-type': element})
        elif isinstance(t, Enum):
            members = [self.with_features({'name': m.name}, m.features)
                       for m in t.members]
            self.emit(self.name(t), 'enum',
                      {'members': members,
                       'values': [m.name for m in t.members]}, t.features)
        elif isinstance(t, Alternate):
            self.emit(self.name(t), 'alternate',
                      {'members': [{'type': self.name(v.type)}
                                   for v in t.variants]}, t.features)
        elif isinstance(t, Object):
            info = {'members': [self.member(m) for m in t.members]}
            if t.variants:
                info['tag'] = t.tag.name
                info['variants'] = [{'case': v.name,
                                     'type': self.name(v.type)}
                                    for v in t.variants]
            self.emit(self.name(t), 'object', info, t.features)

    def run(self):
        for x in self.schema.entities:
            if isinstance(x, (Command, Event)):
                self.entity(x)
        for t in self.used:  # grows while we go
            self.type(t)
        return self.out


def generate(schema, program=None):
    """@program: for a program with a schema of its own."""
    prefix = program or 'qapi'
    array = prefix.replace('-', '_') + '_introspect_json'
    own = prefix + '-introspect.h'
    infos = Introspection(schema).run()
    body = ',\n'.join(json.dumps(i) for i in infos)
    text = '\n'.join('    ' + c_string(line + '\n')
                     for line in ('[' + body + ']').split('\n'))
    what = 'What query-qmp-schema returns'
    return {
        own: header(
            own, what,
            '/* A list of SchemaInfo as JSON. */\n'
            f'extern const char {array}[];\n'),
        prefix + '-introspect.c': source(
            what, [own if program else 'qapi/' + own],
            f'const char {array}[] =\n{text};\n'),
    }
