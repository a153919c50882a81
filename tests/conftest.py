"""What holds for every run of the tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import hypothesis
import pytest

from tests.support.names import INSTALLED

#: The fixtures of the testing kit, and pytest's own for tests of them.
pytest_plugins = ["auth.testing", "pytester"]

# A machine with other work to do takes its time for an example.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


@pytest.fixture(scope="session", autouse=True)
def library_has_one_name() -> Iterator[None]:
    """Fail the run if a test imported the library by its installed name too: there were two of every class then."""
    yield
    assert INSTALLED not in sys.modules
