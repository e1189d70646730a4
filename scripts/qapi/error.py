# SPDX-License-Identifier: GPL-2.0-or-later
"""The generator's one kind of error."""


class QAPIError(Exception):
    """What is wrong with a schema; @where is "file:line" or None."""

    def __init__(self, where, message):
        super().__init__(f'{where}: {message}' if where else message)
