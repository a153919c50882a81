"""What the library shows to the outside: its public names, its types, and no more weight than it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import auth

ROOT = Path(auth.__file__).parent


def test_importing_the_library_loads_neither_flask_smorest_nor_marshmallow() -> None:
    """Not indirectly either."""
    program = (
        "import sys, auth, auth.testing; print(sorted({'flask_smorest', 'marshmallow', 'app'} & set(sys.modules)))"
    )

    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )

    assert finished.stdout.strip() == "[]"


def test_the_public_names_are_those_of_the_design() -> None:
    """Everything else may change."""
    assert auth.__all__ == [
        "ResourceServer",
        "require_jwt",
        "owns_path_user",
        "public",
        "current_token",
        "verified_token",
        "AccessToken",
        "KeySource",
        "errors",
    ]


def test_the_library_is_typed() -> None:
    """The marker that type checkers look for stands beside the modules."""
    assert (ROOT / "py.typed").is_file()
