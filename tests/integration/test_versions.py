"""The suites of auth and app on other versions: of CPython, and the lowest ones of what they need."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.availability import unavailable
from tests.support.environments import ROOT, run
from tests.support.repository import PYTHONS

#: Those that are tried if they are there; this run itself tries the one it runs on.
OTHERS = [version for version in [*PYTHONS, "3.14"] if version != f"3.{sys.version_info.minor}"]

#: The first case of each test, the last one, and one between them. All of them run on this version, and in the workflow
#: on each.
SOME_CASES = "CASES=3"

#: Seconds that an environment and the suites in it may take on a busy machine.
PATIENCE = 900


def has_pyenv() -> bool:
    """Tell whether the machine has a tool that can hold every version."""
    return shutil.which("pyenv") is not None or Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser().exists()


def assert_passed(printed: str) -> None:
    """Demand that the suites have run, and nothing of them failed."""
    assert re.search(r"^[1-9]\d{3,} passed", printed, re.MULTILINE), printed[-2000:]


@pytest.mark.alone
@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("version", OTHERS)
def test_the_suites_pass_on_another_version_of_cpython(version: str) -> None:
    """If the machine has it. One with pyenv must have those that users are promised, in CI."""
    if version not in run(["make", "pythons"]).split():
        if version in PYTHONS and has_pyenv():
            unavailable(f"CPython {version}")
        pytest.skip(f"skipped: CPython {version} is not available here")

    assert_passed(run(["make", f"test-on-{version}", SOME_CASES], timeout=PATIENCE))


@pytest.mark.alone
@pytest.mark.usefixtures("registry")
def test_the_suites_pass_with_the_lowest_allowed_versions() -> None:
    """A bound that nobody has tried is a promise to somebody else's environment."""
    assert_passed(run(["make", "test-lowest", SOME_CASES], timeout=PATIENCE))


def test_the_short_run_leaves_out_what_needs_a_server() -> None:
    """And nothing else: ``make unit`` is for every few minutes."""
    settings = {"PYTEST_ADDOPTS": "--collect-only"}

    printed = run(["make", "unit"], settings=settings)

    selected, everything = map(int, re.findall(r"(\d+)/(\d+) tests collected", printed)[0])
    assert 0.8 * everything < selected < everything


def test_make_help_lists_every_target_that_a_person_calls() -> None:
    """The phony ones, each with what it does."""
    phony = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    listed = re.findall(r"^  make (\S+) +\S", run(["make", "help"]), re.MULTILINE)

    assert sorted(listed) == sorted(" ".join(phony).split())


def test_make_alone_lists_the_targets_in_groups() -> None:
    """A newcomer who types it starts nothing, and finds the first steps at the top."""
    printed = run(["make"])

    groups = re.findall(r"^([A-Z][a-z ]+)$", printed, re.MULTILINE)

    assert printed == run(["make", "help"])
    assert groups == ["Run", "Check and test", "Test harder", "Publish", "Tidy up"]
    assert all(len(line) <= 100 for line in printed.splitlines())
