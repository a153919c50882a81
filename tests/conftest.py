"""What holds for every run of the tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.support.names import INSTALLED


@pytest.fixture(scope="session", autouse=True)
def library_has_one_name() -> Iterator[None]:
    """Fail the run if a test imported the library by its installed name too: there were two of every class then."""
    yield
    assert INSTALLED not in sys.modules
