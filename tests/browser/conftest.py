"""The browser of these tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Watched, chromium


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """Return an empty page of a new Chromium."""
    with chromium(tmp_path / "profile") as watched:
        yield watched
