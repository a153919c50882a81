"""The house, floor by floor: who may import whom, and what nobody may."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import auth

ROOT = Path(auth.__file__).parent

#: From the ground up: a module imports only from those that stand before it.
FLOORS = [
    "auth.errors",
    "auth.access_token",
    "auth.keys.algorithms",
    "auth.keys.secrets",
    "auth.keys.verification_key",
    "auth.keys.source",
    "auth.keys.urls",
    "auth.keys.fetching",
    "auth.keys.key_set",
    "auth.keys.discovery",
    "auth.keys.loading",
    "auth.keys.schedule",
    "auth.keys.refresher",
    "auth.keys.remote",
    "auth.keys",
    "auth.profiles",
    "auth.setting_reader",
    "auth.key_settings",
    "auth.issuer_config",
    "auth.config",
    "auth.rules",
    "auth.bearer",
    "auth.compact_jws",
    "auth.claim_checks",
    "auth.token_cache",
    "auth.verifier",
    "auth.state",
    "auth.openapi",
    "auth.audit",
    "auth.issuer_check",
    "auth.testing",
    "auth.cli",
    "auth.resource_server",
    "auth.decorators",
    "auth",
]

#: Where Flask may be known.
KNOW_FLASK = {
    "auth.state",
    "auth.openapi",
    "auth.testing",
    "auth.cli",
    "auth.resource_server",
    "auth.decorators",
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def imports_of(name: str) -> set[str]:
    """Return the modules that a module names in its import statements, submodules of packages resolved."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            base = node.module or ""
            submodules = {f"{base}.{alias.name}" for alias in node.names} & MODULES.keys()
            found |= submodules or {base}
    return found


def test_every_module_has_its_floor() -> None:
    """A new module is put into the table, and a removed one taken out."""
    assert sorted(FLOORS) == sorted(MODULES)


@pytest.mark.parametrize("name", FLOORS)
def test_a_module_imports_only_from_floors_below_it(name: str) -> None:
    """A reader goes down the house and never has to come back up."""
    below = set(FLOORS[: FLOORS.index(name)])

    assert {module for module in imports_of(name) if module.partition(".")[0] == "auth"} <= below


@pytest.mark.parametrize("name", FLOORS)
def test_a_module_imports_only_what_the_distribution_brings(name: str) -> None:
    """Flask, what Flask stands on, and PyJWT[crypto]; no flask-smorest, no marshmallow, no app."""
    brought = {"auth", "flask", "werkzeug", "click", "jwt", "cryptography"}

    assert {module.partition(".")[0] for module in imports_of(name)} <= brought | sys.stdlib_module_names


@pytest.mark.parametrize("name", sorted(set(FLOORS) - KNOW_FLASK - {"auth"}))
def test_the_lower_floors_know_no_flask(name: str) -> None:
    """They are tested without an app."""
    assert not {module.partition(".")[0] for module in imports_of(name)} & {"flask", "werkzeug", "click"}


def test_importing_the_library_loads_neither_flask_smorest_nor_marshmallow() -> None:
    """Not by a detour either."""
    program = (
        "import sys, auth, auth.testing; print(sorted({'flask_smorest', 'marshmallow', 'app'} & set(sys.modules)))"
    )

    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )

    assert finished.stdout.strip() == "[]"


def test_the_public_names_are_those_of_the_design() -> None:
    """Whatever else there is may change."""
    assert auth.__all__ == [
        "ResourceServer",
        "require_jwt",
        "owns_path_user",
        "public",
        "current_token",
        "AccessToken",
        "KeySource",
        "errors",
    ]


def test_the_library_is_typed() -> None:
    """The marker that type checkers look for stands beside the modules."""
    assert (ROOT / "py.typed").is_file()
