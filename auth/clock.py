"""The clock of the system, asked anew at each call.

A default argument ``clock=time.time`` would keep the function that was there at import. Tests that freeze time, as
freezegun does by replacing ``time.time``, would not reach it.
"""

from __future__ import annotations

import time


def system_time() -> float:
    """Return the time in seconds since the epoch."""
    return time.time()
