"""The lower bounds of pyproject.toml, taken at their word: the tests pass with the lowest versions it allows."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.integration.environments import ROOT, make_environment, run

#: The tools that run the tests; their versions are not what is tested here.
_TOOLS = ("pytest", "hypothesis", "openapi-spec-validator", "asgiref")


def lowest(*extras: str) -> list[str]:
    """Return the requirements of the distribution and of extras with every lower bound as the exact version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = [*project["dependencies"]]
    for extra in extras:
        requirements += project["optional-dependencies"][extra]
    return [requirement.replace(">=", "==") for requirement in requirements]


@pytest.mark.usefixtures("registry")
def test_the_tests_pass_with_the_lowest_allowed_versions(tmp_path: Path) -> None:
    """A bound that nobody has tried is a promise to somebody else's environment."""
    pins = lowest("app", "postgres")
    binaries = make_environment(tmp_path / "venv", *pins, *_TOOLS)

    printed = run(
        [
            binaries / "python",
            "-m",
            "pytest",
            "-q",
            "-W",
            "default",
            "-p",
            "no:cacheprovider",
            "tests/auth",
            "tests/app",
        ]
    )

    assert " passed" in printed
    assert " failed" not in printed
