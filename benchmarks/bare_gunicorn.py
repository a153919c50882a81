"""How gunicorn serves :mod:`benchmarks.bare`: as it serves our service, without what it does for our log."""

from __future__ import annotations

import runpy
from pathlib import Path

settings = runpy.run_path(str(Path(__file__).parents[1] / "gunicorn.conf.py"))
# It would load our service beside the bare one.
del settings["when_ready"]
globals().update({name: value for name, value in settings.items() if not name.startswith("_")})
