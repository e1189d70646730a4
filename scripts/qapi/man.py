# SPDX-License-Identifier: GPL-2.0-or-later
"""Text in man pages."""


def escape(text):
    """@text as one line of roff."""
    text = text.replace('\\', '\\e').replace('-', '\\-')
    if text[:1] in ('.', "'"):
        text = '\\&' + text
    return text
