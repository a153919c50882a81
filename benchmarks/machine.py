"""Where a measurement took place: the processor, and the versions of what was measured."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path


def versions(*distributions: str) -> dict[str, str]:
    """Return the processor, its cores, Python and the installed version of each distribution, by name."""
    return {
        "processor": processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        platform.python_implementation(): platform.python_version(),
        **{name: metadata.version(name) for name in distributions},
    }


def processor(description: Path = Path("/proc/cpuinfo")) -> str:
    """Return the model that a description in the form of Linux names; else the architecture."""
    if description.exists():
        for line in description.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
