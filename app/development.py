"""What ``make serve`` needs on a development machine. Not for production.

``python -m app.development settings`` makes ``.env`` with a fresh random secret and leave for ``flask auth token`` to
mint tokens with it; a file that is there already is left alone, whatever is in it.
``python -m app.development address`` prints where gunicorn will be reached with those settings.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from app.environment import load_environment

ENVIRONMENT_FILE = Path(".env")

CONTENT = """\
# For development on this machine, made once by `make serve`. Never use it in production, never commit it.

# Signs the tokens below, and those of a Better Auth server that shares it and is told to sign with HS256.
BETTER_AUTH_SECRET={secret}

# The origin of your Better Auth server: only tokens it made, for this very origin, are accepted. Mostly it signs with
# keys of its own, which are fetched there: take the secret above out then.
BETTER_AUTH_URL=http://localhost:3000

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


def shown_address() -> str:
    """Return the origin under which a browser on this machine finds the server."""
    load_environment(ENVIRONMENT_FILE)
    host, port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"
    # A server that listens on every address is found on this one; nothing is bound here.
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{host}:{port}"


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["settings"]:
            if make_environment_file(ENVIRONMENT_FILE):
                sys.stdout.write(f"Made {ENVIRONMENT_FILE} for development, with a fresh secret.\n")
        case ["address"]:
            sys.stdout.write(f"{shown_address()}\n")
        case _:
            sys.exit("python -m app.development settings | address")
