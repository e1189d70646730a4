# SPDX-License-Identifier: GPL-2.0-or-later
def man_page(schema):
    return ''
