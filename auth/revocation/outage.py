"""Logs when the denylist stops answering and when it answers again: once each, however many requests notice it."""

from __future__ import annotations

import logging

_LOGGER = logging.getLogger("flask_resource_server")

#: The one key of the dictionary that says whether there is an outage.
_NOW = "now"


class Outage:
    """Whether the denylist answers, in one process. Takes no lock, so a fork may happen at any time."""

    def __init__(self, *, refuses: bool) -> None:
        """``refuses`` says what happens to requests meanwhile."""
        self._meanwhile = (
            "requests with a token are refused with 503 denylist_unavailable"
            if refuses
            else "REVOKED TOKENS ARE ACCEPTED"
        )
        # Each step is one operation of a dictionary, so of several threads one logs.
        self._outages: dict[str, object] = {}

    @property
    def is_known(self) -> bool:
        """Whether a look-up in the denylist has failed, and none has succeeded since.

        Failed writes do not count, nor does a process that has more to ask than it can.
        """
        return bool(self._outages)

    def begin(self, reason: str) -> None:
        """Note that a look-up has failed."""
        mine = object()
        if self._outages.setdefault(_NOW, mine) is mine:
            _LOGGER.error("%s. Until it answers, %s", reason, self._meanwhile)

    def end(self) -> None:
        """Note that a look-up has succeeded that was made after the outage had begun."""
        if self._outages.pop(_NOW, None) is not None:
            _LOGGER.warning("the denylist answers again")
