# SPDX-License-Identifier: GPL-2.0-or-later
"""C visitor functions: qapi-visit-MODULE.h and .c."""

from .common import c_name, c_string, header, source
from .schema import Alternate, Enum, Object


def gen_decl(type_):
    name = type_.visit_suffix()
    ctype = c_name(type_.name) + (' *' if isinstance(type_, Enum) else ' **')
    return (f'\nbool visit_type_{name}(Visitor *v, const char *name, '
            f'{ctype}obj,\n    Error **errp);\n')


def gen_members_decl(obj):
    name = c_name(obj.name)
    return (f'bool visit_type_{name}_members(Visitor *v, {name} *obj, '
            'Error **errp);\n')


def gen_enum(enum):
    name = c_name(enum.name)
    return f'''
bool visit_type_{name}(Visitor *v, const char *name, {name} *obj,
                       Error **errp)
{{
    int value = *obj;
    bool ok = visit_type_enum(v, name, &value, &{name}_lookup, errp);

    *obj = value;
    return ok;
}}
'''


def gen_list(array):
    name = c_name(array.name)
    element = array.element.visit_suffix()
    return f'''
bool visit_type_{name}(Visitor *v, const char *name, {name} **obj,
                       Error **errp)
{{
    size_t size = sizeof(**obj);
    {name} *tail;
    bool ok = visit_start_list(v, name, (GenericList **)obj, size, errp);

    if (!ok) {{
        return false;
    }}
    for (tail = *obj; tail && ok;
         tail = ok ? ({name} *)visit_next_list(v, (GenericList *)tail, size)
                   : NULL) {{
        ok = visit_type_{element}(v, NULL, &tail->value, errp);
    }}
    ok = ok && visit_check_list(v, errp);
    visit_end_list(v, (void **)obj);
    if (!ok && visit_is_input(v)) {{
        qapi_free_{name}(*obj);
        *obj = NULL;
    }}
    return ok;
}}
'''


def gen_member(m, indent='    '):
    """The visit of one member of "obj"."""
    call = (f'visit_type_{m.type.visit_suffix()}(v, {c_string(m.name)}, '
            f'&obj->{m.c_name()}, errp)')
    test = f'''if (!{call}) {{
    return false;
}}
'''
    if m.optional:
        has = f'has_{c_name(m.name, False)}'
        flag = f'&obj->{has}' if m.need_has() else f'&{has}'
        test = (f'if (visit_optional(v, {c_string(m.name)}, {flag})) {{\n' +
                ''.join('    ' + line + '\n'
                        for line in test.rstrip().split('\n')) + '}\n')
    return ''.join(indent + line + '\n' for line in test.rstrip().split('\n'))


def gen_member_flags(members):
    """Local "has" flags of members for which NULL says so."""
    return ''.join(f'    bool has_{c_name(m.name, False)} = '
                   f'!!obj->{m.c_name()};\n'
                   for m in members if m.optional and not m.need_has())


def gen_variants(obj):
    out = f'    switch (obj->{obj.tag.c_name()}) {{\n'
    for v in obj.variants:
        out += f'    case {obj.tag.type.const(v.name)}:\n'
        if v.type.is_empty():
            out += '        break;\n'
        else:
            out += (f'        return visit_type_{c_name(v.type.name)}_members('
                    f'v, &obj->u.{v.c_name()},\n'
                    '            errp);\n')
    return (out + f'    case {obj.tag.type.const("_MAX")}:\n'
            '        g_assert_not_reached();\n    }\n')


def gen_members_body(obj):
    flags = gen_member_flags(obj.members)
    body = flags + ('\n' if flags else '')
    body += ''.join(gen_member(m) for m in obj.members)
    if obj.variants:
        body += gen_variants(obj)
    return body + '    return true;\n'


def gen_members(obj):
    name = c_name(obj.name)
    return f'''
bool visit_type_{name}_members(Visitor *v, {name} *obj, Error **errp)
{{
{gen_members_body(obj)}}}
'''


def gen_object(obj):
    name = c_name(obj.name)
    return f'''
bool visit_type_{name}(Visitor *v, const char *name, {name} **obj,
                       Error **errp)
{{
    bool ok;

    if (!visit_start_struct(v, name, (void **)obj, sizeof(**obj), errp)) {{
        return false;
    }}
    /* There is none where an incomplete value is freed */
    ok = !*obj || (visit_type_{name}_members(v, *obj, errp) &&
                   visit_check_struct(v, errp));
    visit_end_struct(v, (void **)obj);
    if (!ok && visit_is_input(v)) {{
        qapi_free_{name}(*obj);
        *obj = NULL;
    }}
    return ok;
}}
'''


def gen_alternate_case(variant):
    out = f'    case {variant.type.qtype}:\n'
    target = f'&(*obj)->u.{variant.c_name()}'
    if isinstance(variant.type, Object):
        name = c_name(variant.type.name)
        return out + f'''        ok = visit_start_struct(v, name, NULL, 0, errp);
        if (ok) {{
            ok = visit_type_{name}_members(v, {target}, errp) &&
                 visit_check_struct(v, errp);
            visit_end_struct(v, NULL);
        }}
        break;
'''
    return out + (f'        ok = visit_type_{variant.type.visit_suffix()}'
                  f'(v, name, {target}, errp);\n        break;\n')


def gen_alternate(alt):
    name = c_name(alt.name)
    cases = ''.join(gen_alternate_case(v) for v in alt.variants)
    return f'''
bool visit_type_{name}(Visitor *v, const char *name, {name} **obj,
                       Error **errp)
{{
    bool ok = true;

    if (!visit_start_alternate(v, name, (GenericAlternate **)obj,
                               sizeof(**obj), errp)) {{
        return false;
    }}
    if (!*obj) {{
        visit_end_alternate(v, (void **)obj);
        return true;
    }}
    switch ((*obj)->type) {{
{cases}    default:
        /* the dealloc visitor meets incomplete ones */
        if (visit_is_input(v)) {{
            error_setg(errp,
                       "Invalid parameter type for '%s', expected: {alt.name}",
                       name ? name : "null");
            /* nothing is in it to be freed */
            (*obj)->type = QTYPE_NONE;
            ok = false;
        }}
    }}
    visit_end_alternate(v, (void **)obj);
    if (!ok && visit_is_input(v)) {{
        qapi_free_{name}(*obj);
        *obj = NULL;
    }}
    return ok;
}}
'''


def generate(schema):
    files = {}
    for module in schema.module_names:
        name = f'qapi-visit-{module}'
        enums = schema.of_module(module, Enum)
        objects = schema.of_module(module, Object)
        alternates = schema.of_module(module, Alternate)
        arrays = schema.arrays_of(module)

        decl = (f'#include "qapi/qapi-types-{module}.h"\n'
                '#include "qapi/visitor.h"\n\n')
        decl += ''.join(gen_members_decl(o) for o in objects)
        decl += ''.join(gen_decl(t)
                        for t in enums + objects + alternates + arrays)
        defn = ''.join(gen_enum(e) for e in enums)
        defn += ''.join(gen_members(o) + gen_object(o) for o in objects)
        defn += ''.join(gen_alternate(a) for a in alternates)
        defn += ''.join(gen_list(a) for a in arrays)
        what = f'QAPI visitors of module {module}'
        files[name + '.h'] = header(name + '.h', what, decl)
        files[name + '.c'] = source(
            what, [f'qapi/{name}.h', 'qapi/qapi-builtin-visit.h'] +
            [f'qapi/qapi-visit-{m}.h' for m in schema.includes(module)], defn)

    arrays = schema.arrays_of(None)
    what = 'QAPI visitors of lists of built-in types'
    files['qapi-builtin-visit.h'] = header(
        'qapi-builtin-visit.h', what, '#include "qapi/visitor.h"\n' +
        ''.join(gen_decl(a) for a in arrays))
    files['qapi-builtin-visit.c'] = source(
        what, ['qapi/qapi-builtin-visit.h'],
        ''.join(gen_list(a) for a in arrays))
    return files
