# SPDX-License-Identifier: GPL-2.0-or-later
"""The QAPI code generator; scripts/qapi-gen.py is its front."""
