# SPDX-License-Identifier: GPL-2.0-or-later
"""
QMP commands: qapi-commands-MODULE.h declares the handlers, .c has what
unpacks arguments and packs results; qapi-init-commands registers all.
"""

from .common import c_name, header, source
from .schema import Command
from .types import declare, gen_members
from .visit import gen_members_body


def params(cmd):
    """The parameters of the handler, as (declaration, argument)."""
    if cmd.boxed:
        return [(f'{c_name(cmd.arg.name)} *arg', '&arg')]
    out = []
    for m in cmd.arg.members:
        if m.need_has():
            has = f'has_{c_name(m.name, False)}'
            out.append((f'bool {has}', f'arg.{has}'))
        out.append((declare(m.type.c_param(), m.c_name()),
                    f'arg.{m.c_name()}'))
    return out


def gen_decl(cmd):
    name = c_name(cmd.name, False)
    if not cmd.gen:
        return (f'void qmp_{name}(QDict *args, QObject **ret, '
                'Error **errp);\n')
    ret = cmd.ret.c_type() if cmd.ret else 'void'
    args = ', '.join([p[0] for p in params(cmd)] + ['Error **errp'])
    return declare(ret, f'qmp_{name}({args});\n')


def gen_arg_struct(cmd):
    """The implicit struct of the arguments and its visit."""
    if cmd.boxed or cmd.arg.is_empty():
        return ''
    name = c_name(cmd.name, False)
    return f'''
typedef struct Arg_{name} {{
{gen_members(cmd.arg.members)}}} Arg_{name};

static bool visit_arg_{name}(Visitor *v, Arg_{name} *obj, Error **errp)
{{
{gen_members_body(cmd.arg)}}}
'''


def gen_result(cmd):
    """Pack "value" and free it."""
    suffix = cmd.ret.visit_suffix()
    return f'''
static void pack_{c_name(cmd.name, False)}({declare(cmd.ret.c_type(), 'value')},
                                           QObject **ret)
{{
    Visitor *v = qobject_output_visitor_new(ret);

    visit_type_{suffix}(v, "unused", &value, &error_abort);
    visit_complete(v, ret);
    visit_free(v);
    v = qapi_dealloc_visitor_new();
    visit_type_{suffix}(v, "unused", &value, NULL);
    visit_free(v);
}}
'''


def gen_unpack(cmd):
    """(declarations, unpack statement, free statement)."""
    name = c_name(cmd.name, False)
    if cmd.arg.is_empty():
        return '', 'qmp_check_no_arguments(args, errp)', ''
    if cmd.boxed:
        ctype = c_name(cmd.arg.name)
        visit = f'visit_type_{ctype}_members(v, &arg, %s)'
    else:
        ctype = f'Arg_{name}'
        visit = f'visit_arg_{name}(v, &arg, %s)'
    decl = f'''    Visitor *v = qobject_input_visitor_new(QOBJECT(args));
    {ctype} arg = {{ 0 }};
    bool ok;
'''
    unpack = f'''    ok = visit_start_struct(v, NULL, NULL, 0, errp);
    if (ok) {{
        ok = {visit % 'errp'} &&
             visit_check_struct(v, errp);
        visit_end_struct(v, NULL);
    }}
    visit_free(v);
'''
    free = f'''
    v = qapi_dealloc_visitor_new();
    visit_start_struct(v, NULL, NULL, 0, NULL);
    {visit % 'NULL'};
    visit_end_struct(v, NULL);
    visit_free(v);
'''
    return decl, unpack, free


def gen_marshal(cmd):
    name = c_name(cmd.name, False)
    decl, unpack, free = gen_unpack(cmd)
    args = ', '.join([p[1] for p in params(cmd)] + ['errp'])
    call = f'qmp_{name}({args});\n'
    if cmd.ret:
        decl += f'    {declare(cmd.ret.c_type(), "value")};\n'
        call = f'''value = {call}        if (!*errp) {{
            pack_{name}(value, ret);
        }}
'''
    if cmd.arg.is_empty():
        body = f'    if ({unpack}) {{\n        {call}    }}\n'
    else:
        body = f'{unpack}    if (ok) {{\n        {call}    }}\n{free}'
    return f'''
static void marshal_{name}(QDict *args, QObject **ret, Error **errp)
{{
    ERRP_GUARD();
{decl}
{body}}}
'''


def options(cmd):
    flags = []
    if not cmd.success_response:
        flags.append('QCO_NO_SUCCESS_RESP')
    if cmd.allow_oob:
        flags.append('QCO_ALLOW_OOB')
    if cmd.allow_preconfig:
        flags.append('QCO_ALLOW_PRECONFIG')
    return ' | '.join(flags) or '0'


def gen_register(cmd):
    name = c_name(cmd.name, False)
    fn = f'marshal_{name}' if cmd.gen else f'qmp_{name}'
    return (f'    qmp_register_command(cmds, "{cmd.name}", {fn},\n'
            f'                         {options(cmd)});\n')


def gen_module(schema, module, commands):
    name = f'qapi-commands-{module}'
    what = f'QMP commands of module {module}'
    init = f'qmp_init_commands_{c_name(module, False)}'
    decl = (f'#include "qapi/qapi-types-{module}.h"\n' +
            '#include "qapi/qmp-dispatch.h"\n\n' +
            ''.join(gen_decl(c) for c in commands) +
            f'\n/* Register them. */\nvoid {init}(QmpCommandList *cmds);\n')
    defn = ''
    for cmd in commands:
        if cmd.gen:
            defn += gen_arg_struct(cmd)
            defn += gen_result(cmd) if cmd.ret else ''
            defn += gen_marshal(cmd)
    defn += (f'\nvoid {init}(QmpCommandList *cmds)\n{{\n' +
             ''.join(gen_register(c) for c in commands) + '}\n')
    includes = [f'qapi/{name}.h', f'qapi/qapi-visit-{module}.h',
                'qapi/qapi-builtin-visit.h', 'qapi/dealloc-visitor.h',
                'qapi/qmp-marshal.h', 'qapi/qobject-input-visitor.h',
                'qapi/qobject-output-visitor.h']
    includes += [f'qapi/qapi-visit-{m}.h' for m in schema.includes(module)]
    return {name + '.h': header(name + '.h', what, decl),
            name + '.c': source(what, includes, defn)}


def generate(schema):
    files = generate_init(schema)
    for module in schema.module_names:
        files.update(gen_module(schema, module,
                                schema.of_module(module, Command)))
    return files


def generate_init(schema, program=None):
    """The registration of all commands; @program: of that program."""
    prefix = program or 'qapi'
    function = c_name(program, False) + '_init_marshal' if program else \
        'qmp_init_marshal'
    modules = [m for m in schema.module_names if schema.of_module(m, Command)]
    what = 'Registration of all QMP commands'
    files = {}
    files[prefix + '-init-commands.h'] = header(
        prefix + '-init-commands.h', what,
        '#include "qapi/qmp-dispatch.h"\n\n'
        '/* Initialise @cmds with all commands of the schema. */\n'
        f'void {function}(QmpCommandList *cmds);\n')
    calls = ''.join(f'    qmp_init_commands_{c_name(m, False)}(cmds);\n'
                    for m in modules)
    own = prefix + '-init-commands.h'
    files[prefix + '-init-commands.c'] = source(
        what, [own if program else 'qapi/' + own] +
        [f'qapi/qapi-commands-{m}.h' for m in modules],
        f'void {function}(QmpCommandList *cmds)\n{{\n'
        '    qmp_commands_init(cmds);\n' + calls + '}\n')
    return files
