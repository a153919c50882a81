"""The two names of the library: ``auth`` in this checkout, ``flask_resource_server`` where it is installed.

They are the same files, and one process must not import both: there would be two of every class.
"""

from __future__ import annotations

import re

#: What the library is called where it is installed.
INSTALLED = "flask_resource_server"

_IMPORT = re.compile(r"^(\s*(?:from|import) )auth\b", re.MULTILINE)


def as_in_the_checkout(code: str) -> str:
    """Return code for people outside as it runs in this checkout."""
    return code.replace(INSTALLED, "auth")


def as_installed(code: str) -> str:
    """Return code of this checkout as it runs where the library is installed."""
    return _IMPORT.sub(rf"\1{INSTALLED}", code)
