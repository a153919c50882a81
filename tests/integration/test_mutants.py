"""``make mutants``, as little of it as says that it works: one mutant of each function, without the slowest tests."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.support.environments import clone
from tests.support.mutants import (
    HELD_BY_THEIR_OWN_TESTS,
    WITHOUT_CLAIMS,
    Mutant,
    all_mutants,
    complaints,
    explained,
    run_mutmut,
    table,
)

#: The first mutant of each function in the modules whose tests are quick.
FIRST_OF_EACH = [f"{pattern}__mutmut_1" for pattern in HELD_BY_THEIR_OWN_TESTS]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of this checkout: mutmut leaves its mutants there."""
    return clone(tmp_path_factory.mktemp("mutants"))


@pytest.fixture(scope="module")
def tested(checkout: Path) -> list[Mutant]:
    """Return the mutants of the sample, after their tests."""
    return run_mutmut(checkout, FIRST_OF_EACH, quiet=True, PYTEST_ADDOPTS=WITHOUT_CLAIMS)


def test_a_small_change_of_a_function_that_decides_fails_a_test(checkout: Path, tested: list[Mutant]) -> None:
    """One change of each function, and the same one each time; ``make mutants`` tries every change."""
    with contextlib.chdir(checkout):
        unexplained = complaints(tested, complete=False)

    assert unexplained == []
    assert len({mutant.function for mutant in tested}) == len(tested) > 30
    assert len({mutant.module for mutant in tested}) == 10


@pytest.mark.usefixtures("tested")
def test_every_explained_survivor_is_a_mutant(checkout: Path) -> None:
    """An explanation goes when the code goes that it is about."""
    functions = {change.function for change in explained()}
    with contextlib.chdir(checkout):
        made = {mutant.change() for mutant in all_mutants(checkout) if mutant.function in functions}

    assert [str(change) for change in explained() if change not in made] == []


def test_every_explanation_is_a_sentence() -> None:
    """It says why no test can tell the difference."""
    for change, reason in explained().items():
        assert reason.endswith("."), str(change)
        assert len(reason.split()) > 3, str(change)


def test_the_table_tells_what_was_killed_in_each_module() -> None:
    """A mutant that runs for ever has been noticed; one that no test reaches has not."""
    statuses = ["killed", "timeout", "survived", "no tests"]
    found = [Mutant(f"auth.rules.x_f__mutmut_{n}", "auth/rules.py", status) for n, status in enumerate(statuses)]
    found.append(Mutant("auth.wire.bearer.x_g__mutmut_1", "auth/wire/bearer.py", "killed"))

    assert [line.split() for line in table(found).splitlines()] == [
        ["module", "mutants", "killed", "survived", "score"],
        ["auth/rules.py", "4", "2", "2", "50.0%"],
        ["auth/wire/bearer.py", "1", "1", "0", "100.0%"],
        ["together", "5", "3", "2", "60.0%"],
    ]
