"""The log of an outage: one line at its beginning and one at its end."""

from __future__ import annotations

import pytest

from auth.revocation.outage import Outage


def test_each_change_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """However many requests notice it."""
    outage = Outage(refuses=False)
    for _ in range(3):
        outage.begin("it cannot be reached")
    was_known = outage.is_known
    for _ in range(3):
        outage.end()

    assert (was_known, outage.is_known) == (True, False)
    assert caplog.messages == [
        "it cannot be reached. Until it answers, REVOKED TOKENS ARE ACCEPTED",
        "the denylist answers again",
    ]
