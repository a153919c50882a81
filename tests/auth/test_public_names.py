"""What the library shows to the outside: its public names, its types, and no more weight than it says."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import auth
from tests.support.names import INSTALLED

ROOT = Path(auth.__file__).parent

#: Texts that begin with a name of the library. The commands are called ``auth``, which is none.
_OUR_NAME = re.compile(rf"auth\.|_auth_|{INSTALLED}")


def names_spelt(code: str) -> Iterator[str]:
    """Yield what is imported by a name of the library, and the texts that begin with one, other than logger names."""
    nodes = list(ast.walk(ast.parse(code)))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    loggers = [argument for call in calls if ast.unparse(call.func) == "logging.getLogger" for argument in call.args]
    docstrings = [node.value for node in nodes if isinstance(node, ast.Expr)]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _OUR_NAME.match(f"{alias.name}."))
        elif isinstance(node, ast.ImportFrom) and not node.level and _OUR_NAME.match(f"{node.module}."):
            yield f"{node.module}"
        elif isinstance(node, ast.Constant) and node not in loggers and node not in docstrings:
            yield from filter(_OUR_NAME.match, [node.value] if isinstance(node.value, str) else [])


@pytest.mark.parametrize("module", sorted(ROOT.rglob("*.py")), ids=lambda module: str(module.relative_to(ROOT)))
def test_nothing_in_the_library_spells_its_own_name(module: Path) -> None:
    """So it works under any name, beside an ``auth`` of the service, and leaves nothing that is called like that."""
    assert list(names_spelt(module.read_text())) == []


@pytest.mark.parametrize(
    "code",
    [
        "import auth",
        "from auth.keys import KeyRing",
        f"import {INSTALLED}.keys",
        "import_module('auth.cli.commands')",
        f"import_module('{INSTALLED}.cli.commands')",
        "environ['auth.user'] = 1",
        "setattr(view, '_auth_rules', ())",
        f"import_module(f'{INSTALLED}.{{name}}')",
    ],
)
def test_a_name_of_the_library_is_found_wherever_it_is_spelt(code: str) -> None:
    """The test above can fail."""
    assert list(names_spelt(code)) != []


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
        "owns_path_tenant",
        "public",
        "current_token",
        "verified_token",
        "AccessToken",
        "Actor",
        "KeySource",
        "Denylist",
        "errors",
    ]


def test_the_library_is_typed() -> None:
    """The marker that type checkers look for stands beside the modules."""
    assert (ROOT / "py.typed").is_file()
