# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad commands, made from the schema: for each command what is missing, of the
wrong type, not expected, out of range, or names what does not exist.
"""

# A value of a type that JSON has, and one of another type.
GOOD = {'string': 'x1', 'int': 512, 'boolean': True, 'number': 1.5,
        'null': None, 'value': 'x1'}
BAD = {'string': 7, 'int': 'seven', 'boolean': 'maybe', 'number': 'pi',
       'null': 1, 'value': None}
# Not sent: they end the session, or make up for more than a name.
SKIP = {'quit', 'qmp_capabilities', 'query-qmp-schema', 'query-commands',
        'query-version'}


class Schema:
    def __init__(self, infos):
        self.types = {i['name']: i for i in infos}
        self.commands = sorted(i['name'] for i in infos
                               if i['meta-type'] == 'command')

    def good(self, name, depth=0):
        """A value that the visitor takes."""
        t = self.types[name]
        kind = t['meta-type']
        if kind == 'builtin':
            return GOOD[t['json-type']]
        if kind == 'enum':
            return t['values'][0]
        if kind == 'array':
            return [self.good(t['element-type'], depth + 1)]
        if kind == 'alternate':
            return self.alternate(t, depth)
        return self.object(t, depth)

    def alternate(self, t, depth):
        names = [m['type'] for m in t['members']]
        for name in names:
            if self.types[name].get('json-type') == 'string':
                return GOOD['string']
        return self.good(names[0], depth + 1)

    def object(self, t, depth):
        if depth > 4:
            return {}
        out = {m['name']: self.good(m['type'], depth + 1)
               for m in t['members'] if 'default' not in m}
        for v in t.get('variants', []):
            if v['case'] == out.get(t['tag']):
                out.update(self.object(self.types[v['type']], depth + 1))
        return out

    def bad(self, name):
        t = self.types[name]
        kind = t['meta-type']
        if kind == 'builtin':
            return BAD[t['json-type']]
        if kind == 'enum':
            return 'no-such-value'
        if kind == 'array':
            return 'no list'
        if kind == 'alternate':
            return 7.5
        return 'no object'


def request(name, args=None):
    req = {'execute': name}
    if args is not None:
        req['arguments'] = args
    return req


def for_command(schema, name):
    arg = schema.types[schema.types[name]['arg-type']]
    good = schema.object(arg, 0)
    out = []
    if good:
        out.append(request(name))
    for m in arg['members']:
        if 'default' not in m:
            out.append(request(name, {k: v for k, v in good.items()
                                      if k != m['name']}))
        out.append(request(name, {**good, m['name']: schema.bad(m['type'])}))
        out.append(request(name, {**good, m['name']: None}))
    out.append(request(name, {**good, 'no-such-member': 1}))
    out.append(request(name, good))
    for m in arg['members']:
        if 'default' in m:
            out.append(request(name, {**good,
                                      m['name']: schema.good(m['type'])}))
    return out


def sessions(infos, names_each):
    """{'bad-' + first command: requests of the next so many}"""
    schema = Schema(infos)
    names = [n for n in schema.commands if n not in SKIP]
    out = {}
    for i in range(0, len(names), names_each):
        out['bad-' + names[i]] = [r for n in names[i:i + names_each]
                                  for r in for_command(schema, n)]
    return out
