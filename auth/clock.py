"""The clocks of the system: one that tests may freeze, and two that go on meanwhile.

A default argument ``clock=time.time`` would keep the function that was there at import. Tests that freeze time, as
freezegun does by replacing ``time.time``, would not reach it.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable


def system_time() -> float:
    """Return the time in seconds since the epoch, asking for the function anew."""
    return time.time()


# The others must not be frozen: a fetch has to come to its end, and keys must not grow old by a leap in time. Nobody
# replaces a function that stands in a partial.

#: Seconds by a clock that nobody sets, for how long something may take.
steady_time: Callable[[], float] = functools.partial(time.monotonic)

#: The same, and it also goes on while the machine sleeps, if the system has such a clock: keys grow old meanwhile.
uptime: Callable[[], float] = (
    functools.partial(time.clock_gettime, time.CLOCK_BOOTTIME) if sys.platform == "linux" else steady_time
)
