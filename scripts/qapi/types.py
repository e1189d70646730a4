# SPDX-License-Identifier: GPL-2.0-or-later
"""C types: qapi-types-MODULE.h and .c."""

from .common import c_name, c_string, header, source
from .schema import Alternate, Enum, Object


def declare(type_, name):
    """A C declaration: "int64_t x" or "char *x"."""
    sep = '' if type_.endswith('*') else ' '
    return f'{type_}{sep}{name}'


def gen_list(array):
    name = c_name(array.name)
    return f'''
struct {name} {{
    {name} *next;
    {declare(array.element.c_type(), 'value')};
}};
'''


def gen_free_decl(name):
    return f'''
void qapi_free_{name}({name} *obj);
G_DEFINE_AUTOPTR_CLEANUP_FUNC({name}, qapi_free_{name})
'''


def gen_free(name):
    return f'''
void qapi_free_{name}({name} *obj)
{{
    Visitor *v;

    if (!obj) {{
        return;
    }}
    v = qapi_dealloc_visitor_new();
    visit_type_{name}(v, NULL, &obj, NULL);
    visit_free(v);
}}
'''


def gen_enum(enum):
    name = c_name(enum.name)
    values = ''.join(f'    {enum.const(m.name)},\n' for m in enum.members)
    return f'''
typedef enum {name} {{
{values}    {enum.const('_MAX')},
}} {name};

extern const QEnumLookup {name}_lookup;

static inline const char *{name}_str({name} val)
{{
    return qapi_enum_lookup(&{name}_lookup, val);
}}
'''


def gen_enum_lookup(enum):
    name = c_name(enum.name)
    values = ''.join(f'    [{enum.const(m.name)}] = {c_string(m.name)},\n'
                     for m in enum.members)
    return f'''
static const char *const {name}_names[] = {{
{values}}};

const QEnumLookup {name}_lookup = {{
    .array = {name}_names,
    .size = {enum.const('_MAX')},
}};
'''


def gen_members(members):
    out = ''
    for m in members:
        if m.need_has():
            out += f'    bool has_{c_name(m.name, False)};\n'
        out += f'    {declare(m.type.c_type(), m.c_name())};\n'
    return out


def gen_branches(variants):
    out = ''
    for v in variants:
        if isinstance(v.type, Object):
            if v.type.is_empty():
                continue
            out += f'        {c_name(v.type.name)} {v.c_name()};\n'
        else:
            out += f'        {declare(v.type.c_type(), v.c_name())};\n'
    return f'    union {{\n{out}    }} u;\n' if out else ''


def gen_object(obj):
    body = gen_members(obj.members)
    if isinstance(obj, Object) and obj.variants:
        body += gen_branches(obj.variants)
    if not body:
        body = '    char qapi_dummy_for_empty_struct;\n'
    return f'\nstruct {c_name(obj.name)} {{\n{body}}};\n'


def gen_alternate(alt):
    return (f'\nstruct {c_name(alt.name)} {{\n    QType type;\n' +
            gen_branches(alt.variants) + '};\n')


def ordered(objects):
    """@objects such that what is embedded comes before its user."""
    done = []

    def add(obj):
        if obj in done or obj not in objects:
            return
        for v in obj.variants:
            if isinstance(v.type, Object):
                add(v.type)
        done.append(obj)

    for obj in objects:
        add(obj)
    return done


def gen_module(schema, module):
    enums = schema.of_module(module, Enum)
    objects = schema.of_module(module, (Object, Alternate))
    arrays = schema.arrays_of(module)
    names = [c_name(t.name) for t in objects + arrays]

    decl = ''.join(f'#include "qapi/qapi-types-{m}.h"\n'
                   for m in schema.includes(module))
    decl = '#include "qapi/qapi-builtin-types.h"\n' + decl + '\n'
    decl += ''.join(f'typedef struct {n} {n};\n' for n in names)
    decl += ''.join(gen_enum(e) for e in enums)
    for obj in ordered(objects):
        decl += (gen_alternate(obj) if isinstance(obj, Alternate)
                 else gen_object(obj))
    decl += ''.join(gen_list(a) for a in arrays)
    decl += ''.join(gen_free_decl(n) for n in names)

    defn = ''.join(gen_enum_lookup(e) for e in enums)
    defn += ''.join(gen_free(n) for n in names)
    return decl, defn


def generate(schema):
    files = {}
    for module in schema.module_names:
        name = f'qapi-types-{module}'
        decl, defn = gen_module(schema, module)
        what = f'QAPI types of module {module}'
        files[name + '.h'] = header(name + '.h', what, decl)
        files[name + '.c'] = source(
            what, [f'qapi/{name}.h', f'qapi/qapi-visit-{module}.h',
                   'qapi/dealloc-visitor.h'], defn)

    arrays = schema.arrays_of(None)
    names = [c_name(a.name) for a in arrays]
    decl = ('#include "qapi/util.h"\n#include "qobject/qobject.h"\n\n' +
            ''.join(f'typedef struct {n} {n};\n' for n in names) +
            ''.join(gen_list(a) for a in arrays) +
            ''.join(gen_free_decl(n) for n in names))
    what = 'Lists of built-in QAPI types'
    files['qapi-builtin-types.h'] = header('qapi-builtin-types.h', what, decl)
    files['qapi-builtin-types.c'] = source(
        what, ['qapi/qapi-builtin-types.h', 'qapi/qapi-builtin-visit.h',
               'qapi/dealloc-visitor.h'], ''.join(gen_free(n) for n in names))
    return files
