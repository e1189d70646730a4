# SPDX-License-Identifier: GPL-2.0-or-later
"""
The checked schema: types, commands and events as objects.
"""

from .common import c_enum_const, c_name
from .error import QAPIError

# QAPI name -> (C type, JSON type, QType of the value)
BUILTINS = {
    'str': ('char *', 'string', 'QTYPE_QSTRING'),
    'number': ('double', 'number', 'QTYPE_QNUM'),
    'int': ('int64_t', 'int', 'QTYPE_QNUM'),
    'int8': ('int8_t', 'int', 'QTYPE_QNUM'),
    'int16': ('int16_t', 'int', 'QTYPE_QNUM'),
    'int32': ('int32_t', 'int', 'QTYPE_QNUM'),
    'int64': ('int64_t', 'int', 'QTYPE_QNUM'),
    'uint8': ('uint8_t', 'int', 'QTYPE_QNUM'),
    'uint16': ('uint16_t', 'int', 'QTYPE_QNUM'),
    'uint32': ('uint32_t', 'int', 'QTYPE_QNUM'),
    'uint64': ('uint64_t', 'int', 'QTYPE_QNUM'),
    'size': ('uint64_t', 'int', 'QTYPE_QNUM'),
    'bool': ('bool', 'boolean', 'QTYPE_QBOOL'),
    'any': ('QObject *', 'value', None),
    'null': ('QNull *', 'null', 'QTYPE_QNULL'),
}

KEYS = {
    'enum': {'data', 'features', 'prefix'},
    'struct': {'data', 'base', 'features'},
    'union': {'base', 'discriminator', 'data', 'features'},
    'alternate': {'data', 'features'},
    'command': {'data', 'returns', 'boxed', 'gen', 'success-response',
                'allow-oob', 'allow-preconfig', 'coroutine', 'features'},
    'event': {'data', 'boxed', 'features'},
}


class Type:
    """What all types have."""
    module = None
    doc = None
    features = ()

    def __init__(self, name):
        self.name = name

    def c_type(self):
        """The C type of a value, with '*' and space as needed."""
        return c_name(self.name) + ' *'

    def is_pointer(self):
        return self.c_type().endswith('*')

    def c_param(self):
        """The C type as parameter: strings become const."""
        return self.c_type()

    def visit_suffix(self):
        return c_name(self.name, False)


class Builtin(Type):
    def __init__(self, name):
        super().__init__(name)
        self.ctype, self.json, self.qtype = BUILTINS[name]

    def c_type(self):
        return self.ctype

    def c_param(self):
        return 'const char *' if self.name == 'str' else self.ctype


class Array(Type):
    qtype = 'QTYPE_QLIST'

    def __init__(self, element):
        super().__init__(f'{element.name}List')
        self.element = element


class Member:
    """A member of a struct, an enum value or a variant."""

    def __init__(self, name, typ=None, optional=False, features=()):
        self.name = name
        self.type = typ
        self.optional = optional
        self.features = features

    def c_name(self):
        return c_name(self.name)

    def need_has(self):
        return self.optional and not self.type.is_pointer()


class Enum(Type):
    qtype = 'QTYPE_QSTRING'

    def __init__(self, name, members):
        super().__init__(name)
        self.members = members

    def c_type(self):
        return c_name(self.name)

    def const(self, value):
        return c_enum_const(self.name, value)


class Object(Type):
    """A struct or union; an implicit one has no name."""
    qtype = 'QTYPE_QDICT'

    def __init__(self, name):
        super().__init__(name)
        self.members = []   # with those of the base
        self.local = []     # without them
        self.base = None
        self.tag = None     # of a union: the Member
        self.variants = []  # Members named by the tag's value

    def is_empty(self):
        return not self.members and not self.variants


class Alternate(Type):
    def __init__(self, name):
        super().__init__(name)
        self.variants = []


class Command(Type):
    """A command; also used for its place in the schema's order."""


class Event(Type):
    """An event."""


class Schema:
    def __init__(self, parser):
        self.modules = parser.modules
        self.pragma = parser.pragma
        self.types = {name: Builtin(name) for name in BUILTINS}
        self.entities = []   # in order of definition
        self.docs = []       # Expr in order, free comments too
        self.arrays = {}     # element name -> Array
        self.empty = Object('q_empty')
        exprs = [e for e in parser.exprs if e.value is not None]
        self.docs = parser.exprs
        self.expr_of = {}    # entity name -> Expr
        self.defined = set()
        for e in exprs:
            self._declare(e)
        for e in exprs:
            self._define(e)
        for e in exprs:
            self._check_doc(e)
        used = {e.module for e in exprs}
        self.module_names = [m for m in self.modules if m in used]

    def _declare(self, e):
        metas = [k for k in KEYS if k in e.value]
        if len(metas) != 1:
            raise QAPIError(e.where, 'expression has no or several kinds')
        e.meta = metas[0]
        e.name = e.value[e.meta]
        unknown = set(e.value) - KEYS[e.meta] - {e.meta}
        if unknown:
            raise QAPIError(e.where, f"'{e.name}' has unknown key "
                            f"'{sorted(unknown)[0]}'")
        if e.name in self.types:
            raise QAPIError(e.where, f"'{e.name}' is already defined")
        cls = {'enum': lambda n: Enum(n, []), 'struct': Object,
               'union': Object, 'alternate': Alternate,
               'command': Command, 'event': Event}[e.meta]
        e.entity = cls(e.name)
        e.entity.meta = e.meta
        e.entity.module = e.module
        e.entity.doc = e.doc
        e.entity.features = self._features(e.value, e.where)
        self.types[e.name] = e.entity
        self.expr_of[e.name] = e
        self.entities.append(e.entity)

    def _features(self, value, where):
        features = value.get('features', [])
        if not all(isinstance(f, str) for f in features):
            raise QAPIError(where, 'features must be strings')
        return features

    def resolve(self, spec, where):
        """The type that @spec, a name or a list of one, stands for."""
        if isinstance(spec, list):
            if len(spec) != 1:
                raise QAPIError(where, 'an array has one element type')
            element = self.resolve(spec[0], where)
            if element.name not in self.arrays:
                self.arrays[element.name] = Array(element)
            array = self.arrays[element.name]
            array.module = element.module
            return array
        if not isinstance(spec, str) or spec not in self.types or \
                isinstance(self.types[spec], (Command, Event)):
            raise QAPIError(where, f"unknown type {spec!r}")
        return self.types[spec]

    def _members(self, data, where):
        members = []
        for key, spec in data.items():
            features = ()
            if isinstance(spec, dict):
                features = self._features(spec, where)
                spec = spec['type']
            members.append(Member(key.lstrip('*'), self.resolve(spec, where),
                                  key.startswith('*'), features))
        return members

    def _define(self, e):
        """Fill @e's entity in; what it is based on may call this first."""
        if e.name not in self.defined:
            self.defined.add(e.name)
            getattr(self, '_define_' + e.meta)(e, e.entity, e.value)

    def _define_enum(self, e, enum, value):
        for item in value['data']:
            if isinstance(item, str):
                item = {'name': item}
            enum.members.append(Member(item['name'], None, False,
                                       self._features(item, e.where)))

    def _base(self, e, name):
        """The complete struct that @e is based on."""
        base = self.resolve(name, e.where)
        if not isinstance(base, Object) or base.meta != 'struct':
            raise QAPIError(e.where, 'a base must be a struct')
        self._define(self.expr_of[name])
        return base

    def _define_struct(self, e, obj, value):
        obj.local = self._members(value['data'], e.where)
        if 'base' in value:
            obj.base = self._base(e, value['base'])
        obj.members = (obj.base.members if obj.base else []) + obj.local

    def _define_union(self, e, obj, value):
        if isinstance(value['base'], dict):
            obj.local = self._members(value['base'], e.where)
        else:
            obj.base = self._base(e, value['base'])
        obj.members = (obj.base.members if obj.base else []) + obj.local
        tags = [m for m in obj.members if m.name == value['discriminator']]
        if not tags or tags[0].optional or \
                not isinstance(tags[0].type, Enum):
            raise QAPIError(e.where, f"'{e.name}' has no discriminator")
        obj.tag = tags[0]
        self._define(self.expr_of[obj.tag.type.name])
        cases = [m.name for m in obj.tag.type.members]
        for case, spec in value['data'].items():
            if case not in cases:
                raise QAPIError(e.where, f"branch '{case}' is not a value "
                                f"of '{obj.tag.type.name}'")
            obj.variants.append(Member(case, self.resolve(spec, e.where)))
        for case in cases:
            if case not in value['data']:
                obj.variants.append(Member(case, self.empty))

    def _define_alternate(self, e, alt, value):
        seen = {}
        alt.variants = self._members(value['data'], e.where)
        for variant in alt.variants:
            qtype = variant.type.qtype
            if qtype is None or qtype in seen:
                raise QAPIError(e.where, f"alternate '{e.name}' cannot tell "
                                f"'{variant.name}' from '{seen.get(qtype)}'")
            seen[qtype] = variant.name

    def _arguments(self, e, entity, value):
        data = value.get('data', {})
        entity.boxed = value.get('boxed', False)
        if isinstance(data, dict):
            obj = Object(None)
            obj.local = obj.members = self._members(data, e.where)
            if entity.boxed:
                raise QAPIError(e.where, 'boxed needs a named type')
            entity.arg = obj if obj.members else self.empty
        else:
            entity.arg = self.resolve(data, e.where)
            if not entity.boxed:
                raise QAPIError(e.where, 'a named type needs boxed')

    def _define_command(self, e, cmd, value):
        self._arguments(e, cmd, value)
        cmd.ret = (self.resolve(value['returns'], e.where)
                   if 'returns' in value else None)
        cmd.gen = value.get('gen', True)
        cmd.success_response = value.get('success-response', True)
        cmd.allow_oob = value.get('allow-oob', False)
        cmd.allow_preconfig = value.get('allow-preconfig', False)
        if '_' in e.name and \
                e.name not in self.pragma.get('command-name-exceptions', []):
            raise QAPIError(e.where, f"command name '{e.name}' has an "
                            'underscore')

    def _define_event(self, e, event, value):
        self._arguments(e, event, value)

    def _check_doc(self, e):
        """All members are documented, and nothing else."""
        if not e.doc or e.doc.name != e.name:
            raise QAPIError(e.where, f"'{e.name}' is not documented")
        if e.meta == 'enum':
            have = [m.name for m in e.entity.members]
        elif e.meta in ('struct', 'union'):
            have = [m.name for m in e.entity.local]
        elif e.meta == 'alternate':
            have = [m.name for m in e.entity.variants]
        else:
            arg = e.entity.arg
            have = [] if arg.name else [m.name for m in arg.members]
        for name in have:
            if name not in e.doc.members:
                raise QAPIError(e.doc.where, f"'{e.name}': member '{name}' "
                                'is not documented')
        for name in e.doc.members:
            if name not in have:
                raise QAPIError(e.doc.where, f"'{e.name}': documents "
                                f"'{name}', which it does not have")

    def of_module(self, module, cls):
        return [x for x in self.entities
                if x.module == module and isinstance(x, cls)]

    def arrays_of(self, module):
        """Arrays whose element type belongs to @module (None: built in)."""
        return [a for a in self.arrays.values()
                if getattr(a.element, 'module', None) == module]

    def includes(self, module):
        return self.modules.get(module, [])
