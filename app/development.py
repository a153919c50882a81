"""Make the ``.env`` of a development machine: ``python -m app.development [FILE]``. Not for production.

Holds a fresh random secret and allows ``flask auth token`` to mint tokens with it. A file that is there already is left
alone, whatever is in it.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

CONTENT = """\
# For development on this machine, made once by `make serve`. Never use it in production, never commit it.

# Shared with Better Auth: put its BETTER_AUTH_SECRET here to accept the tokens it issues.
BETTER_AUTH_SECRET={secret}

# The origin of your Better Auth server: only tokens it made, for this very origin, are accepted then.
# BETTER_AUTH_URL=http://localhost:3000

# Lets `flask auth token SUBJECT` mint tokens with the secret above.
FLASK_AUTH_DEVELOPMENT_TOKENS=true
"""


def make_environment_file(path: Path) -> bool:
    """Write the file, for its owner's eyes only, and tell whether that was necessary."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(CONTENT.format(secret=secrets.token_urlsafe(48)))
    return True


if __name__ == "__main__":
    environment_file = Path(*sys.argv[1:2] or [".env"])
    if make_environment_file(environment_file):
        sys.stdout.write(f"Made {environment_file} for development, with a fresh secret.\n")
