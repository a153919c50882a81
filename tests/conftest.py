"""What holds for every run of the tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import hypothesis
import pytest

from tests.support.names import INSTALLED

#: The fixtures of the testing kit, and pytest's own for tests of them.
pytest_plugins = ["auth.testing", "pytester"]

# A machine with other work to do takes its time for an example.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.register_profile("few cases", deadline=None, max_examples=20)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run take some cases of each test, for versions that differ little from the one that all run on."""
    parser.addoption("--cases", type=int, metavar="N", help="at most N cases of each test, from 2 on")


def pytest_configure(config: pytest.Config) -> None:
    """Let Hypothesis try as many examples as the run is for."""
    hypothesis.settings.load_profile("few cases" if config.getoption("cases") else "any machine")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out cases of tests that have more than are asked for."""
    most = config.getoption("cases")
    if most:
        kept = some_cases(items, most)
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = [item for item in items if item in kept]


def some_cases(items: Sequence[pytest.Item], most: int) -> set[pytest.Item]:
    """Return the first case of each test, the last one, and some between them."""
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    return {found[place * (len(found) - 1) // (most - 1)] for found in cases.values() for place in range(most)}


@pytest.fixture(scope="session", autouse=True)
def library_has_one_name() -> Iterator[None]:
    """Fail the run if a test imported the library by its installed name too: there were two of every class then."""
    yield
    assert INSTALLED not in sys.modules
