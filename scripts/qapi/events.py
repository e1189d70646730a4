# SPDX-License-Identifier: GPL-2.0-or-later
"""
QMP events: qapi-events-MODULE.h declares qapi_event_send_X();
qapi-emit-events.h numbers them.
"""

from .commands import params
from .common import c_enum_const, c_name, header, source
from .schema import Enum, Event, Member
from .types import gen_enum, gen_enum_lookup, gen_members
from .visit import gen_members_body


def signature(event):
    name = c_name(event.name.lower(), False)
    args = ', '.join(p[0] for p in params(event)) or 'void'
    return f'void qapi_event_send_{name}({args})'


def initialiser(event):
    out = ''
    for m in event.arg.members:
        field = m.c_name()
        if m.need_has():
            has = f'has_{c_name(m.name, False)}'
            out += f'        .{has} = {has},\n'
        cast = '(char *)' if m.type.name == 'str' else ''
        out += f'        .{field} = {cast}{field},\n'
    return out


def gen_send(event):
    name = c_name(event.name.lower(), False)
    const = c_enum_const('QAPIEvent', event.name)
    arg, decl, data = '', '', ''
    if not event.arg.is_empty():
        arg = f'''
typedef struct Arg_{name} {{
{gen_members(event.arg.members)}}} Arg_{name};

static bool visit_arg_{name}(Visitor *v, Arg_{name} *obj, Error **errp)
{{
{gen_members_body(event.arg)}}}
'''
        decl = f'''    Arg_{name} arg = {{
{initialiser(event)}    }};
    QObject *data;
    Visitor *v = qobject_output_visitor_new(&data);
'''
        data = f'''    visit_start_struct(v, "{event.name}", NULL, 0, &error_abort);
    visit_arg_{name}(v, &arg, &error_abort);
    visit_end_struct(v, NULL);
    visit_complete(v, &data);
    visit_free(v);
    qdict_put_obj(qmp, "data", data);
'''
    return arg + f'''
{signature(event)}
{{
    g_autoptr(QDict) qmp = qmp_event_build_dict("{event.name}");
{decl}
{data}    qapi_event_emit_({const}, qmp);
}}
'''


def generate(schema):
    files = {}
    for module in schema.module_names:
        events = schema.of_module(module, Event)
        name = f'qapi-events-{module}'
        what = f'QMP events of module {module}'
        decl = (f'#include "qapi/qapi-types-{module}.h"\n\n' +
                ''.join(signature(e) + ';\n' for e in events))
        includes = [f'qapi/{name}.h', f'qapi/qapi-visit-{module}.h',
                    'qapi/qapi-builtin-visit.h', 'qapi/qapi-emit-events.h',
                    'qapi/qmp-event.h', 'qapi/qobject-output-visitor.h',
                    'qobject/qdict.h']
        includes += [f'qapi/qapi-visit-{m}.h'
                     for m in schema.includes(module)]
        files[name + '.h'] = header(name + '.h', what, decl)
        files[name + '.c'] = source(what, includes,
                                    ''.join(gen_send(e) for e in events))
    enum = Enum('QAPIEvent', [Member(e.name) for e in schema.entities
                              if isinstance(e, Event)])
    what = 'The QMP events'
    files['qapi-emit-events.h'] = header(
        'qapi-emit-events.h', what, '#include "qapi/util.h"\n' +
        gen_enum(enum))
    files['qapi-emit-events.c'] = source(
        what, ['qapi/qapi-emit-events.h'], gen_enum_lookup(enum))
    return files
