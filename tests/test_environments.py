"""The environments of other versions hold what the tests import, and try the bounds that users are promised."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.repository import PROJECT, ROOT

EXTRAS = PROJECT["optional-dependencies"]


def with_what_they_need(names: list[str]) -> set[str]:
    """Return the names of distributions and of all that come with them, as far as they are installed here."""
    found: set[str] = set()
    while names:
        name = canonicalize_name(names.pop())
        if name not in found:
            found.add(name)
            try:
                needed = map(Requirement, requires(name) or [])
            except PackageNotFoundError:
                continue
            names += [each.name for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]
    return found


def imported_by_the_suites() -> set[str]:
    """Return the first names of the modules that tests of ``auth`` and ``app`` import."""
    names: set[str] = set()
    for file in (file for folder in ("auth", "app") for file in (ROOT / "tests" / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names


def test_the_environments_of_other_versions_hold_what_the_suites_import() -> None:
    """A test that cannot be imported there fails on every version but the one of its author."""
    tools = re.search(r"^TEST_TOOLS := (.*?[^\\])\n", (ROOT / "Makefile").read_text(), re.MULTILINE | re.DOTALL)
    assert tools is not None
    required = [*PROJECT["dependencies"], *EXTRAS["app"], *EXTRAS["postgres"]]
    held = with_what_they_need([*tools[1].replace("\\\n", " ").split(), *(Requirement(each).name for each in required)])
    distributions = packages_distributions()

    missing = {
        name
        for name in imported_by_the_suites() & distributions.keys()
        if held.isdisjoint(map(canonicalize_name, distributions[name])) and not (ROOT / name).is_dir()
    }

    assert missing == set()


def test_every_extra_of_a_service_is_tried_at_its_lowest() -> None:
    """The extras of the tools aside; and no package has two bounds, for only one could be tried."""
    program = [sys.executable, "tests/support/lowest_versions.py"]
    tried = set(subprocess.run(program, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines())
    promised = [*PROJECT["dependencies"]]
    for extra in EXTRAS.keys() - {"bench", "dev", "docs", "testing"}:
        promised += EXTRAS[extra]

    assert {line.replace(">=", "==") for line in promised} == tried
    assert len({Requirement(line).name.lower() for line in tried}) == len(tried)
