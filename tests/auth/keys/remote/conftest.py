"""What the tests of remote keys stand on: a real issuer with one key, and a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.issuer_server import IssuerServer
from tests.support.remote_keys import FIRST, Clock


@pytest.fixture
def issuer() -> Iterator[IssuerServer]:
    """Return an issuer that is up and well."""
    with IssuerServer([FIRST]) as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()
